//! What stands behind a name and is no part of it: places, firms, remarks; and what makes a name a pet name.

use super::lexicon::{begins_company, inside_company, is_company, is_family};
use super::titles::starts_with_title;
use crate::core::sheet::fold::fold;

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
