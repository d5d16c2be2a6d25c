//! Words of address before a name.

use super::lexicon::is_family;
use crate::core::sheet::fold::fold;

/// How the cell addresses a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addressed {
    /// One of the eight titles.
    By(&'static str),
    /// Anh/Chị, Mr, Ms, a profession: taken off, and no title.
    Open,
    /// No title.
    No,
    /// The word may be a title or a part of the name.
    Unclear,
}

/// What a single word before a name is.
enum Word {
    Title(&'static str),
    /// A title written without its accent, which is a name or a family name too.
    Perhaps(&'static str),
    Open,
    Other,
}

/// Professions and ways of address of more than one word, folded with accents kept.
const PHRASES: &[&str] = &[
    "bác sĩ",
    "bác sỹ",
    "luật sư",
    "kỹ sư",
    "kĩ sư",
    "kiến trúc sư",
    "tổng giám đốc",
    "phó giám đốc",
    "giám đốc",
    "tiến sĩ",
    "tiến sỹ",
    "thạc sĩ",
    "thạc sỹ",
    "phó giáo sư",
    "giáo sư",
    "dược sĩ",
    "dược sỹ",
    "cô giáo",
    "thầy giáo",
    "chủ tịch",
    "trưởng phòng",
    "nha sĩ",
    "nghệ sĩ",
    "ca sĩ",
    "đại tá",
    "đại tướng",
    "thiếu tướng",
    "đại úy",
    "thượng úy",
    "trung úy",
    "thiếu úy",
    "sư thầy",
    "sư cô",
    "thượng tá",
    "trung tá",
    "thiếu tá",
    "anh chị",
    "anh chi",
    "ông bà",
    "cô chú",
    "chú cô",
    "cô bác",
    "chú thím",
    "cậu mợ",
    "dì dượng",
];

fn word(text: &str) -> Word {
    let lower = text.trim_end_matches(['.', ':']).to_lowercase();
    match lower.as_str() {
        "anh" | "a" => Word::Title("Anh"),
        "chị" | "c" => Word::Title("Chị"),
        "cô" | "co" => Word::Title("Cô"),
        "chú" => Word::Title("Chú"),
        "bác" | "bac" => Word::Title("Bác"),
        "ông" | "ong" => Word::Title("Ông"),
        "bà" => Word::Title("Bà"),
        "em" | "e" => Word::Title("Em"),
        "chi" => Word::Perhaps("Chị"),
        "chu" => Word::Perhaps("Chú"),
        "ba" => Word::Perhaps("Bà"),
        "mr" | "mrs" | "ms" | "mss" | "miss" | "mister" | "sir" | "madam" | "dr" | "bs" | "ts"
        | "ths" | "gs" | "pgs" | "ks" | "kts" | "ls" | "ds" | "gđ" | "tgđ" | "pgđ" | "sếp"
        | "thầy" | "dì" | "cậu" | "mợ" | "thím" | "dượng" | "cụ" | "bạn" | "ac" => {
            Word::Open
        }
        _ => Word::Other,
    }
}

/// `Anh/Chị`, `A/C`, `Ông/Bà` at the beginning: a title left open. Gives the text behind it.
pub(super) fn without_combined(text: &str) -> (bool, String) {
    let Some((first, rest)) = text.split_once('/') else {
        return (false, text.to_owned());
    };
    let rest = rest.trim_start();
    let (second, behind) = rest.split_once([' ', '.', ':']).unwrap_or((rest, ""));
    let title = |text: &str| {
        matches!(
            word(text.trim()),
            Word::Title(_) | Word::Perhaps(_) | Word::Open
        )
    };
    if title(first) && title(second) {
        return (true, behind.trim_start_matches(['.', ':', ' ']).to_owned());
    }
    (false, text.to_owned())
}

/// Whether a point behind the word shortens a title.
pub(super) fn abbreviated(text: &str) -> bool {
    matches!(word(text), Word::Title(_) | Word::Open)
}

/// Whether the text begins with a title and goes on.
pub(super) fn starts_with_title(text: &str) -> bool {
    let words: Vec<&str> = text.split(' ').collect();
    !matches!(title(&words), (Addressed::No, _))
}

/// Takes the title off the words.
pub(super) fn title<'a, 'b>(words: &'a [&'b str]) -> (Addressed, &'a [&'b str]) {
    if let Some(length) = phrase(words) {
        let rest = &words[length..];
        // "Anh chị Minh Lan" may be a couple.
        let couple = matches!(
            fold(&words[..length].join(" ")).as_str(),
            "anh chi" | "ong ba" | "co chu" | "chu co" | "chu thim"
        );
        if couple && rest.len() == 2 && !is_family(rest[0]) {
            return (Addressed::Unclear, rest);
        }
        return match title(rest) {
            (Addressed::By(_) | Addressed::Open, deeper) if !deeper.is_empty() => {
                (Addressed::Open, deeper)
            }
            _ => (Addressed::Open, rest),
        };
    }
    let Some((first, rest)) = words.split_first() else {
        return (Addressed::No, words);
    };
    match word(first) {
        Word::Other => (Addressed::No, words),
        // "Mr. Anh Tuấn": anh + Tuấn, or the name Anh Tuấn.
        Word::Open if rest.len() == 2 && rest[0] == "Anh" => (Addressed::Unclear, &rest[1..]),
        Word::Open => match title(rest) {
            (addressed @ Addressed::By(_), deeper) if !deeper.is_empty() => (addressed, deeper),
            (Addressed::Open, deeper) => (Addressed::Open, deeper),
            _ => (Addressed::Open, rest),
        },
        Word::Title(title) => by_title(title, words),
        Word::Perhaps(title) => perhaps(title, words),
    }
}

fn phrase(words: &[&str]) -> Option<usize> {
    let front: Vec<String> = words.iter().take(3).map(|w| w.to_lowercase()).collect();
    PHRASES.iter().find_map(|phrase| {
        let length = phrase.split(' ').count();
        let fits = front.len() >= length && phrase.split(' ').zip(&front).all(|(p, w)| w == p);
        fits.then_some(length)
    })
}

fn by_title<'a, 'b>(title: &'static str, words: &'a [&'b str]) -> (Addressed, &'a [&'b str]) {
    let rest = &words[1..];
    let Some(next) = rest.first() else {
        // Anh and Em are names as well.
        let name = matches!(words[0].to_lowercase().as_str(), "anh" | "em");
        return (
            if name {
                Addressed::Unclear
            } else {
                Addressed::By(title)
            },
            rest,
        );
    };
    // "Chị BS Hoa", "Anh KTS Nam"
    if matches!(word(next), Word::Open) && rest.len() > 1 {
        return (Addressed::By(title), &rest[1..]);
    }
    let same_case =
        words[0].starts_with(char::is_uppercase) == next.starts_with(char::is_uppercase);
    if rest.len() == 1
        && words[0].to_lowercase() == "anh"
        && same_case
        && womans_name_behind_anh(next)
    {
        return (Addressed::Unclear, rest);
    }
    (Addressed::By(title), rest)
}

/// Given names of women that make a double name with Anh: `Anh Thư` is hardly anh + Thư, yet may be.
fn womans_name_behind_anh(word: &str) -> bool {
    matches!(
        word.to_lowercase().as_str(),
        "thư" | "thơ" | "đào" | "thy" | "thi" | "trâm" | "nguyệt" | "thùy" | "thuỳ"
    )
}

/// `chi`, `chu`, `ba` without accent: a title in small letters beside a capital, or before a family
/// name; the family name Chu before a middle name; else unclear.
fn perhaps<'a, 'b>(title: &'static str, words: &'a [&'b str]) -> (Addressed, &'a [&'b str]) {
    let rest = &words[1..];
    let Some(next) = rest.first() else {
        return (Addressed::Unclear, rest);
    };
    if rest.len() >= 2 && is_family(next) {
        return (Addressed::By(title), rest);
    }
    let small = words[0].starts_with(char::is_lowercase) && next.starts_with(char::is_uppercase);
    if small && title != "Bà" {
        return (Addressed::By(title), rest);
    }
    if rest.len() >= 2 {
        return (Addressed::No, words);
    }
    (Addressed::Unclear, rest)
}

/// Whether the word behind a title makes it a relation of somebody else: `Chị gái anh Long`,
/// `Bà xã anh Long`, `Em trai Long`.
pub(super) fn related(rest: &[&str]) -> bool {
    rest.len() > 1
        && matches!(
            rest[0],
            "gái" | "trai" | "dâu" | "rể" | "xã" | "ruột" | "họ" | "em" | "vợ" | "chồng"
        )
}

/// Whether a second person is addressed behind the first: `Nam chị Lan`.
pub(super) fn second_person(words: &[&str]) -> bool {
    let inner = words.get(1..words.len().saturating_sub(1)).unwrap_or(&[]);
    let capitals = words[0].starts_with(char::is_uppercase);
    inner.iter().any(|w| {
        let lower = w.to_lowercase();
        let sure = matches!(lower.as_str(), "chị" | "cô" | "chú" | "bác" | "ông" | "bà");
        let small = capitals && matches!(*w, "anh" | "chi" | "em" | "a" | "c" | "vợ" | "chồng");
        sure || small
    }) || words.len() > 1
        && words.last().is_some_and(|w| {
            matches!(fold(w).as_str(), "vo" | "chong") && matches!(*w, "vợ" | "chồng")
        })
}
