//! Words that stand beside names in customer lists: labels, remarks, places, legal forms, family names.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::titles::starts_with_title;
use crate::core::sheet::fold::{self, fold};

/// Family names, folded; about all of the country, and the words that begin a full name.
const FAMILIES: &str = " nguyen tran le pham huynh hoang phan vu vo dang bui do ho ngo duong ly dao dinh lam mai trinh doan to ta ha \
    luong cao chau chu thai ton vuong quach la luu kieu tu tong truong trieu khong phung diep thach danh giang hua mac nghiem \
    vien vi au bach be cu cung doan giap han khuat khuc lai luc lu ma nhan ninh nong phi quan sam tang than tieu tra ung \
    vong yen quang thieu tuong lo hy dam dau ly phu cam chung dong uong ";

/// Whether the word is a family name.
pub(super) fn is_family(word: &str) -> bool {
    static SET: LazyLock<HashSet<&'static str>> =
        LazyLock::new(|| FAMILIES.split_ascii_whitespace().collect());
    SET.contains(fold(word).as_str())
}

/// Labels before a name, folded, the longest first.
const LABELS: &[&str] = &[
    "ten khach hang",
    "ho va ten",
    "ten khach",
    "khach hang",
    "ten kh",
    "ho ten",
    "khach",
    "kh",
    "ten",
    "lead",
    "customer",
    "stt",
    "name",
];

/// Takes labels such as `KH:` off, and says whether there was one.
pub(super) fn without_label(text: &str) -> (String, bool) {
    let words: Vec<&str> = text.split([' ', '\u{a0}']).collect();
    // Most names have no label: the first word tells.
    let first = fold(words[0].split(':').next().unwrap_or(""));
    let begins = |label: &&&str| label.split(' ').next() == Some(first.as_str());
    for label in LABELS.iter().filter(begins) {
        let length = label.split(' ').count();
        if words.len() < length {
            continue;
        }
        let front = words[..length].join(" ");
        let (front, glued) = match front.split_once(':') {
            Some((front, glued)) => (front.to_owned(), glued.to_owned()),
            None => (front, String::new()),
        };
        // "KH.Nam" and "Tên-Nam" are not written; "Kh" of another word is not a label.
        if fold(&front) != *label
            || (*label == "ten" && front.to_lowercase() != "tên" && !text.contains(':'))
        {
            continue;
        }
        let rest = std::iter::once(glued.as_str())
            .chain(words[length..].iter().copied())
            .collect::<Vec<_>>()
            .join(" ");
        let rest = rest
            .trim_start_matches([':', '-', '–', '.', ' ', '_'])
            .to_owned();
        return (rest, true);
    }
    (text.to_owned(), false)
}

/// What is behind `Khách` and is no name; accents as typed or none.
const NO_NAME_BEHIND_LABEL: &[&str] = &[
    "lẻ",
    "lạ",
    "quen",
    "mới",
    "cũ",
    "vip",
    "của",
    "giới thiệu",
    "tiềm năng",
    "sàn",
    "đầu tư",
    "mua",
    "thuê",
    "nước ngoài",
    "tháng",
    "quan tâm",
    "hỏi",
    "xem",
    "cọc",
    "chốt",
    "đã",
    "đang",
    "chưa",
    "không",
    "từ",
    "ở",
    "sỉ",
    "hàng",
    "tuần",
    "ngày",
    "năm",
    "quý",
    "đặc biệt",
    "thân thiết",
    "cần",
    "web",
    "tiktok",
    "online",
    "gọi",
    "sau",
    "nét",
    "nóng",
    "ấm",
    "lạnh",
];

/// What is no name anywhere.
const NO_NAME: &[&str] = &[
    "vãng lai",
    "ẩn danh",
    "giấu tên",
    "không tên",
    "không rõ tên",
    "không biết tên",
    "chưa rõ tên",
    "chưa biết tên",
    "chưa có tên",
    "chưa xin tên",
    "chưa lấy tên",
    "không cho tên",
    "facebook",
    "fb",
    "zalo",
    "website",
    "hotline",
    "test",
    "no name",
    "noname",
    "unknown",
    "khách vãng lai",
    "không để lại tên",
];

/// Phrases with their accents and without.
type Phrases = LazyLock<Vec<(&'static str, String)>>;

fn prepared(list: &[&'static str]) -> Vec<(&'static str, String)> {
    list.iter().map(|phrase| (*phrase, fold(phrase))).collect()
}

fn begins_with(lower: &str, phrase: &(&str, String)) -> bool {
    [phrase.0, phrase.1.as_str()].iter().any(|p| {
        lower
            .strip_prefix(p)
            .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    })
}

/// Whether the text says that there is no name; `label`: behind `Khách`.
pub(super) fn no_name(text: &str, label: bool) -> bool {
    static ANYWHERE: Phrases = LazyLock::new(|| prepared(NO_NAME));
    static BEHIND_LABEL: Phrases = LazyLock::new(|| prepared(NO_NAME_BEHIND_LABEL));
    let text = fold::clean(text);
    let lower = text.to_lowercase();
    text.is_empty()
        || fold::is_placeholder(&text)
        || ANYWHERE.iter().any(|phrase| begins_with(&lower, phrase))
        || label
            && BEHIND_LABEL.iter().any(|phrase| {
                begins_with(&lower, phrase) && !is_capital_name(&text, &lower, phrase)
            })
}

/// `Khách Sau` can be a person in capitals; `khách sau` cannot.
fn is_capital_name(text: &str, lower: &str, phrase: &(&str, String)) -> bool {
    let accented = phrase.0 != phrase.1;
    let folded_only = accented && !lower.starts_with(phrase.0);
    folded_only && text.starts_with(char::is_uppercase) && text.chars().any(char::is_lowercase)
}

/// Whether the text names a company, an office or a shop rather than a person.
pub(super) fn is_company(text: &str) -> bool {
    let folded = fold(text);
    let first = folded.split(' ').next().unwrap_or("");
    let inside = folded.split(' ').any(inside_company);
    if !inside && !begins_company(first) {
        return false;
    }
    let begins = COMPANY_BEGINS.iter().any(|b| {
        folded
            .strip_prefix(b)
            .is_some_and(|rest| b.ends_with(' ') || rest.is_empty() || rest.starts_with(' '))
    });
    // "Trương Văn An" and "Sô" fold like trường and sở.
    let lower = text.to_lowercase();
    let person = (folded.starts_with("truong ") && !lower.starts_with("trường "))
        || (folded.starts_with("so ") && !lower.starts_with("sở "));
    (begins && !person) || (inside && !starts_with_title(text))
}

/// Whether the folded word is the first one of a phrase that begins a company.
fn begins_company(word: &str) -> bool {
    COMPANY_BEGINS
        .iter()
        .any(|b| b.split(' ').next() == Some(word))
}

/// Folded words that make the text around them a company.
fn inside_company(word: &str) -> bool {
    matches!(
        word,
        "tnhh" | "jsc" | "ltd" | "company" | "group" | "corp" | "corporation" | "holdings" | "inc"
    )
}

/// What begins the name of a company, an office or a shop, folded.
const COMPANY_BEGINS: &[&str] = &[
    "cong ty",
    "cty",
    "ctcp",
    "tong cong ty",
    "doanh nghiep",
    "dntn",
    "hop tac xa",
    "htx",
    "tap doan",
    "ngan hang",
    "van phong",
    "vp ",
    "chi nhanh",
    "truong ",
    "benh vien",
    "khach san",
    "nha hang",
    "cua hang",
    "san giao dich",
    "hkd",
    "ho kinh doanh",
    "uy ban",
    "so ",
];

/// Legal forms that keep their capitals.
pub(super) fn legal_form(word: &str) -> bool {
    matches!(
        word,
        "TNHH"
            | "MTV"
            | "CP"
            | "TM"
            | "DV"
            | "SX"
            | "XNK"
            | "XD"
            | "BĐS"
            | "ĐT"
            | "JSC"
            | "DNTN"
            | "HTX"
            | "CTCP"
            | "KD"
            | "VN"
            | "TMDV"
    )
}

/// Districts and provinces that stand behind a name, folded; and words of remarks.
const REMARKS: &[&str] = &[
    "quan",
    "huyen",
    "tp",
    "thanh pho",
    "phuong",
    "xa",
    "tinh",
    "thu duc",
    "binh thanh",
    "go vap",
    "phu nhuan",
    "tan binh",
    "tan phu",
    "binh tan",
    "nha be",
    "hoc mon",
    "cu chi",
    "binh chanh",
    "can gio",
    "binh duong",
    "dong nai",
    "long an",
    "vung tau",
    "ba ria",
    "ha noi",
    "hn",
    "hcm",
    "sai gon",
    "sg",
    "da nang",
    "hai phong",
    "can tho",
    "nha trang",
    "da lat",
    "hue",
    "quang ninh",
    "ha long",
    "thao dien",
    "cau giay",
    "ha dong",
    "hoan kiem",
    "dong da",
    "thanh xuan",
    "long bien",
    "tay ho",
    "hai chau",
    "nghe an",
    "thanh hoa",
    "bien hoa",
    "thuan an",
    "di an",
    "phu quoc",
    "tay ninh",
    "tien giang",
    "ben tre",
    "my tho",
    "binh phuoc",
    "lam dong",
    "zalo",
    "fb",
    "facebook",
    "website",
    "web",
    "tiktok",
    "hotline",
    "vip",
    "moi gioi",
    "mg",
    "khach",
    "kh",
    "cty",
    "cong ty",
    "du an",
    "vinhomes",
    "masteri",
    "sunrise",
    "eco green",
    "vin",
    "can ho",
    "nha pho",
    "dat nen",
    "biet thu",
    "shophouse",
    "officetel",
    "studio",
    "block",
    "toa",
    "lo",
    "can",
    "hen",
    "goi",
    "mua",
    "ban",
    "xem",
    "thue",
    "coc",
    "viet kieu",
    "batdongsan",
    "gioi thieu",
    "phong",
    "nhan vien",
    "nv",
    "sale",
    "singapore",
    "my",
    "uc",
    "han quoc",
];

/// Whether what stands behind a separator may be another person rather than a remark. `lower`: the
/// whole cell is in small letters, so that they tell nothing.
pub(super) fn may_be_person(part: &str, lower: bool) -> bool {
    if part.chars().any(|c| c.is_ascii_digit()) {
        return starts_with_title(part);
    }
    if starts_with_title(part) || named_after(part.split(' ').next().unwrap_or("")) {
        return true;
    }
    let folded = fold(part);
    let remark = REMARKS.iter().any(|r| {
        folded
            .strip_prefix(r)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    });
    if remark || is_company(part) {
        return false;
    }
    let small = part.starts_with(char::is_lowercase) && !lower;
    !small && folded.split(' ').count() <= 5
}

/// Whether the word makes a name after somebody else: `Mẹ Bống`, `Vợ anh Nam`.
pub(super) fn named_after(word: &str) -> bool {
    matches!(
        word.to_lowercase().as_str(),
        "mẹ" | "má"
            | "bố"
            | "cha"
            | "vợ"
            | "chồng"
            | "con"
            | "cháu"
            | "papa"
            | "mama"
            | "mami"
            | "me"
            | "bé"
            | "nhà"
            | "gia"
    ) && !word.chars().all(char::is_uppercase)
        || matches!(word, "MẸ" | "BỐ" | "VỢ" | "CHỒNG" | "MÁ")
}

/// `Vợ chồng Long Hoa`, `VC anh Long`: two people.
pub(super) fn couple(text: &str) -> bool {
    let lower = text.to_lowercase();
    ["vợ chồng ", "vo chong ", "vc ", "2vc ", "2 vc "]
        .iter()
        .any(|front| lower.starts_with(front))
}

/// A full name whose words are joined by one kind of sign, or by capitals only, in words:
/// `Nguyễn.Văn.Nam`, `Nguyễn_Văn_Nam`, `NguyễnVănNam`. A family name begins it, three words or more.
pub(super) fn glued(text: &str) -> Option<String> {
    if text.contains(char::is_whitespace) {
        return None;
    }
    let letters = |part: &&str| part.chars().count() > 1 && part.chars().all(char::is_alphabetic);
    let name =
        |parts: &[&str]| parts.len() >= 3 && is_family(parts[0]) && parts.iter().all(letters);
    for sign in ['.', '_', '-'] {
        let parts: Vec<&str> = text.split(sign).collect();
        if name(&parts) {
            return Some(parts.join(" "));
        }
    }
    let mut small = false;
    let mut cuts = vec![0];
    for (at, c) in text.char_indices() {
        if small && c.is_uppercase() {
            cuts.push(at);
        }
        small = c.is_lowercase();
    }
    cuts.push(text.len());
    let parts: Vec<&str> = cuts.windows(2).map(|w| &text[w[0]..w[1]]).collect();
    name(&parts).then(|| parts.join(" "))
}

/// What stands for the hyphen of a foreign name while the text is split at hyphens.
pub(super) const HYPHEN: char = '\u{2011}';

/// Keeps the hyphen of foreign names, which divides no people: `Jean-Pierre`, `Min-jun`.
pub(super) fn keep_hyphens(text: &str) -> String {
    let keep = |word: &str| {
        let foreign = |c: char| matches!(c, 'f' | 'j' | 'w' | 'z' | 'F' | 'J' | 'W' | 'Z');
        word.split_once('-').is_some_and(|(a, b)| {
            let whole = !a.is_empty() && a.chars().chain(b.chars()).all(char::is_alphabetic);
            let goes_on = a.starts_with(char::is_uppercase) && b.starts_with(char::is_lowercase);
            whole && b.len() > 1 && (goes_on || word.contains(foreign))
        })
    };
    let words = text.split(' ').map(|word| {
        if keep(word) {
            word.replace('-', &HYPHEN.to_string())
        } else {
            word.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Places that are nobody's given name, folded without spaces.
const SURE_PLACES: &[&str] = &[
    "hanoi",
    "saigon",
    "thuduc",
    "danang",
    "vungtau",
    "dongnai",
    "cantho",
    "dalat",
    "govap",
    "nhabe",
    "hocmon",
    "cuchi",
    "haiphong",
    "bienhoa",
    "caugiay",
    "hoankiem",
    "quangninh",
    "nghean",
    "tayninh",
    "tiengiang",
    "bentre",
    "thaodien",
    "vietkieu",
    "hanquoc",
];

/// Places whose words are given names too.
const PLACES: &[&str] = &[
    "binhthanh",
    "phunhuan",
    "phuquoc",
    "binhduong",
    "longan",
    "tanbinh",
    "tanphu",
    "binhtan",
    "binhchanh",
    "hadong",
    "halong",
    "longbien",
    "tayho",
    "thanhhoa",
    "lamdong",
    "haiduong",
    "hungyen",
    "namdinh",
    "thaibinh",
    "bacninh",
    "nhatrang",
    "khanhhoa",
    "binhphuoc",
    "mytho",
    "dian",
    "thuanan",
];

/// Where a place begins that stands behind a name without any sign: `Chị Hoa Hà Nội`. `titled`: a
/// title without a family name stands before, so that three words are no full name.
fn place(words: &[&str], titled: bool) -> Option<usize> {
    let begin = words.len().checked_sub(2).filter(|at| *at > 0)?;
    let folded: String = words[begin..].iter().map(|w| fold(w)).collect();
    let sure = SURE_PLACES.contains(&folded.as_str());
    // "Trần Hải Phòng" is a full name.
    let full = begin == 1 && is_family(words[0]) && !titled;
    let likely = titled && !is_family(words[0]) && PLACES.contains(&folded.as_str());
    ((sure && !full) || likely).then_some(begin)
}

/// Banks and firms in capitals behind a name: `Anh Long ACB`.
fn firm(word: &str) -> bool {
    word.to_lowercase().ends_with("bank")
        || matches!(
            word,
            "ACB"
                | "VIB"
                | "BIDV"
                | "VCB"
                | "OCB"
                | "SHB"
                | "TPB"
                | "MSB"
                | "VPB"
                | "HDB"
                | "MB"
                | "FPT"
                | "EVN"
                | "VNPT"
                | "CEO"
                | "GĐ"
                | "NH"
        )
}

/// Words in small letters by which a remark begins whatever follows: `Chị Hoa ở Thủ Đức`.
const JOINS_REMARK: &[&str] = &[
    "ở", "bên", "tại", "của", "là", "gặp", "hỏi", "bạn", "giới", "gt", "sn", "sinh",
];

/// What is left of a name.
pub(super) enum Name<'a> {
    Words(Vec<&'a str>),
    /// A pet name: `Bống xinh`.
    Nickname,
}

/// Words that describe and follow a name in small letters.
const DESCRIBES: &[&str] = &[
    "môi",
    "mg",
    "cò",
    "quận",
    "q",
    "phường",
    "p",
    "bđs",
    "khách",
    "vip",
    "zalo",
    "fb",
    "facebook",
    "nhà",
    "căn",
    "hộ",
    "đất",
    "dự",
    "cty",
    "công",
    "giới",
    "gt",
    "bạn",
    "cũ",
    "mới",
    "cọc",
    "hẹn",
    "gọi",
    "mua",
    "bán",
    "thuê",
    "xem",
    "béo",
    "gầy",
    "xinh",
    "đẹp",
    "còi",
    "lùn",
    "ở",
    "bên",
    "tại",
    "người",
    "em",
    "anh",
    "chị",
    "vợ",
    "chồng",
    "mẹ",
    "sếp",
    "sale",
    "làm",
    "từ",
    "hay",
    "đã",
    "đang",
    "chưa",
    "không",
    "ko",
    "tầng",
    "phòng",
    "lô",
    "nhỏ",
    "lớn",
    "già",
    "trẻ",
    "việt",
    "kiều",
];

/// Those of them that make a pet name where no title or family name stands before: `Lan béo`.
const PET: &[&str] = &[
    "béo", "gầy", "xinh", "đẹp", "còi", "lùn", "nhỏ", "lớn", "già", "trẻ", "em", "anh", "chị",
    "mẹ", "vợ", "chồng",
];

/// Words of remarks that are no part of a name in any case of letters.
const IN_ANY_CASE: &[&str] = &[
    "vip",
    "zalo",
    "fb",
    "facebook",
    "tiktok",
    "website",
    "quận",
    "huyện",
    "phường",
    "hcm",
    "tphcm",
    "hn",
    "đn",
    "bđs",
    "mg",
    "sale",
    "nhà",
    "khách",
    "mr",
    "ms",
    "mrs",
];

/// Takes the remark behind a name off. `titled`: the name has a title, so that what follows in
/// small letters is no part of a nickname.
pub(super) fn without_remark<'a>(words: &[&'a str], titled: bool, emoji: bool) -> Name<'a> {
    let mut kept: Vec<&str> = words.to_vec();
    let folded: Vec<String> = kept.iter().map(|word| fold(word)).collect();
    let names_company = folded.iter().any(|word| inside_company(word));
    // From a word with figures on ("Lan Q7", "Nam 2"), or a company, it is remark.
    let cut = (1..kept.len()).find(|at| {
        let digits = kept[*at].chars().any(|c| c.is_ascii_digit());
        let company = matches!(folded[*at].as_str(), "cty" | "tnhh")
            || (*at + 1 < kept.len()
                && (begins_company(&folded[*at]) || names_company)
                && is_company(&kept[*at..].join(" ")));
        digits || company
    });
    kept.truncate(cut.unwrap_or(kept.len()));
    let joined = (1..kept.len()).find(|at| {
        let word = kept[*at];
        JOINS_REMARK.contains(&word) || (*at + 1 == kept.len() && firm(word))
    });
    kept.truncate(joined.unwrap_or(kept.len()));
    kept.truncate(place(&kept, titled).unwrap_or(kept.len()));
    let family = kept.len() > 1 && is_family(kept[0]);
    let small = |w: &str| w.starts_with(char::is_lowercase);
    let mixed = kept.iter().any(|w| !small(w));
    let remark = (1..kept.len()).find(|at| {
        let word = kept[*at];
        let described = DESCRIBES.contains(&word) && (titled || family || !PET.contains(&word));
        let tail = described && (mixed || *at > 1) && kept[*at..].iter().all(|w| small(w));
        tail || IN_ANY_CASE.contains(&word.to_lowercase().as_str())
    });
    kept.truncate(remark.unwrap_or(kept.len()));
    let tail = (1..kept.len()).find(|at| kept[*at..].iter().all(|w| small(w)));
    if let Some(at) = tail
        && mixed
        && !small(kept[0])
        && !family
    {
        if !titled {
            return Name::Nickname;
        }
        kept.truncate(at);
    }
    // Names from Zalo with a picture: one word may be the name, more are as likely a pet name.
    if emoji && !titled && !family && (kept.len() > 1 || !mixed) {
        return Name::Nickname;
    }
    let trimmed = kept
        .into_iter()
        .map(|w| w.trim_matches(['.', '\'', ',', '#']))
        .filter(|w| !w.is_empty());
    Name::Words(trimmed.collect())
}
