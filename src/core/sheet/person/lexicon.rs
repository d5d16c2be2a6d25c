//! Words that stand beside names in customer lists: labels, legal forms, family names; and names
//! written without spaces. What stands behind a name is in `remarks`.

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
pub(super) fn begins_company(word: &str) -> bool {
    COMPANY_BEGINS
        .iter()
        .any(|b| b.split(' ').next() == Some(word))
}

/// Folded words that make the text around them a company.
pub(super) fn inside_company(word: &str) -> bool {
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
