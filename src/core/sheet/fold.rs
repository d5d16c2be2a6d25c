//! Texts by which cells are compared: folded for looking things up, canonical for "is this the same cell".
//!
//! Folding collides (bán, bàn and bạn are all `ban`): it finds candidates and is no evidence alone.

use std::borrow::Cow;

use unicode_normalization::char::{decompose_canonical, is_combining_mark};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::Cell;

/// Zero-width and direction characters, soft hyphens and control codes: they arrive with pasted
/// text and nobody sees them. Tabs and line breaks are white space and not among them.
pub fn invisible(c: char) -> bool {
    match c {
        ' '..='~' => false,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{feff}' => true,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{fe00}'..='\u{fe0f}' => true,
        _ => c.is_control() && !c.is_whitespace(),
    }
}

/// Folds text for looking up headers, stages, owners and search words: lower case, no diacritics
/// (NFC and NFD alike), `đ` as `d`, no invisible characters, every run of characters other than
/// letters and digits as one space, no outer spaces.
pub fn fold(text: &str) -> String {
    let mut folded = Folded {
        text: String::with_capacity(text.len()),
        gap: false,
    };
    for c in text.chars() {
        if c.is_ascii() {
            folded.ascii(c);
        } else {
            // All marks are dropped, so that their order, which NFD settles, does not matter.
            decompose_canonical(c, |part| folded.part(part));
        }
    }
    folded.text
}

/// A text being folded.
struct Folded {
    text: String,
    /// Something other than letters and digits stood before.
    gap: bool,
}

impl Folded {
    fn close_gap(&mut self) {
        if self.gap && !self.text.is_empty() {
            self.text.push(' ');
        }
        self.gap = false;
    }

    fn ascii(&mut self, c: char) {
        if c.is_ascii_alphanumeric() {
            self.close_gap();
            self.text.push(c.to_ascii_lowercase());
        } else if !invisible(c) {
            self.gap = true;
        }
    }

    /// One character of the canonical decomposition.
    fn part(&mut self, c: char) {
        if c.is_ascii() {
            return self.ascii(c);
        }
        if is_combining_mark(c) || invisible(c) {
            return;
        }
        if !c.is_alphanumeric() {
            self.gap = true;
            return;
        }
        self.close_gap();
        for lower in c.to_lowercase() {
            // Lower-casing can yield a combining mark of its own (İ); and Đ has look-alikes
            // (U+00D0, U+0189) that old keyboards and converters leave behind.
            match lower {
                'đ' | 'ð' | 'ɖ' => self.text.push('d'),
                mark if is_combining_mark(mark) => {}
                letter => self.text.push(letter),
            }
        }
    }
}

/// Text as a careful typist would have left it: NFC, invisible characters out, every run of white
/// space one plain space, no outer spaces. Letter case and accents stay.
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    push_clean(composed(text).chars(), &mut cleaned);
    cleaned
}

/// Text in NFC, as nearly all of it comes.
pub fn composed(text: &str) -> Cow<'_, str> {
    match text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.nfc().collect()),
    }
}

fn push_clean(chars: impl Iterator<Item = char>, cleaned: &mut String) {
    let mut gap = false;
    for c in chars {
        if c.is_whitespace() {
            gap = true;
        } else if !invisible(c) {
            if gap && !cleaned.is_empty() {
                cleaned.push(' ');
            }
            gap = false;
            cleaned.push(c);
        }
    }
}

/// The text by which two cells are equal. Noise is not change: white space, Unicode normal form,
/// invisible characters, a number against text of the same digits; nothing, null and blank are one.
/// Letter case and accents are changes.
pub fn canonical(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => clean(text),
        Cell::Empty | Cell::Bool(_) | Cell::Number(_) => cell.shown().into_owned(),
    }
}

/// As [`canonical`], for a phone: white space does not count anywhere, nor does a leading zero,
/// which a number cell loses.
pub fn canonical_phone(cell: &Cell) -> String {
    let mut digits = canonical(cell);
    digits.retain(|c| c != ' ');
    let mut chars = digits.chars();
    if chars.next() == Some('0') && chars.next().is_some_and(|c| ('1'..='9').contains(&c)) {
        digits.remove(0);
    }
    digits
}

/// Words that people type where there is nothing to type, folded.
const PLACEHOLDERS: &[&str] = &[
    "",
    "chua ro",
    "chua co",
    "chua biet",
    "chua cap nhat",
    "chua cung cap",
    "chua xin",
    "chua",
    "chua xac dinh",
    "chua hen",
    "chua lay",
    "chua cho",
    "dang cap nhat",
    "cap nhat sau",
    "bo sung sau",
    "khong",
    "khong co",
    "khong ro",
    "khong biet",
    "khong cho",
    "khong cung cap",
    "ko",
    "ko co",
    "ko ro",
    "ko biet",
    "k co",
    "k ro",
    "kco",
    "khg co",
    "kg co",
    "hong co",
    "n a",
    "none",
    "null",
    "tba",
    "tbd",
    "de trong",
    "bo trong",
];

/// Whether the text stands for nothing: only dashes, dots or question marks, or words such as
/// `chưa rõ`, `ko có`, `N/A`.
pub fn is_placeholder(text: &str) -> bool {
    // Longer than any of the words: most cells are decided here.
    if text.len() > 40 {
        return false;
    }
    // None of the words begins with a digit: dates, prices and phone numbers go by.
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let folded = fold(text);
    if folded.is_empty() {
        // An emoji or a tick is not nothing; punctuation is.
        return text.chars().all(|c| {
            c.is_whitespace()
                || invisible(c)
                || c.is_ascii_punctuation()
                || "–—…·•．。？".contains(c)
        });
    }
    // "không" and "chưa" by the hundred are answers in a yes/no column; its reader does not ask here.
    PLACEHOLDERS.contains(&folded.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_drops_case_accents_and_marks() {
        for (text, folded) in [
            ("Đã đặt cọc", "da dat coc"),
            ("D\u{323}a\u{302}\u{301}T", "dat"),
            ("ĐÃ  ĐẶT\u{a0}CỌC!", "da dat coc"),
            ("\u{200b}[Huỷ-cọc]_1", "huy coc 1"),
            ("Ðỗ", "do"),
            ("✅ Đã chốt", "da chot"),
            ("Họ tên\n(khách)", "ho ten khach"),
            ("?", ""),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
        let nfd: String = "Đang tư vấn thuỷ nguyễn ượ".nfd().collect();
        assert_eq!(fold(&nfd), "dang tu van thuy nguyen uo");
    }

    proptest::proptest! {
        /// Folding character by character is folding the normal form.
        #[test]
        fn folding_knows_no_normal_form(text in "[a-zà-ỹA-ZĐđÐ0-9 .,\u{300}-\u{323}İßﬁ가-힣\u{200b}]{0,24}") {
            let nfd: String = text.nfd().collect();
            let nfc: String = text.nfc().collect();
            proptest::prop_assert_eq!(fold(&text), fold(&nfd));
            proptest::prop_assert_eq!(fold(&text), fold(&nfc));
        }
    }

    #[test]
    fn noise_is_not_change() {
        let nfd: String = "Lê Thị Hoà".nfd().collect();
        let same = [
            (
                Cell::from("Lê Thị Hoà"),
                Cell::from(format!(" {nfd}\u{a0}\u{200b}\n").as_str()),
            ),
            (Cell::from("Lê  Thị\nHoà"), Cell::from("Lê Thị Hoà")),
            (Cell::from(1_800_000_000.0), Cell::from("1800000000")),
            (Cell::from(2.5), Cell::from("2.5")),
            (Cell::Empty, Cell::from(" \u{a0}")),
        ];
        for (a, b) in same {
            assert_eq!(canonical(&a), canonical(&b));
        }
        let different = [
            ("Lê thị Hoà", "Lê Thị Hoà"),
            ("Le Thi Hoa", "Lê Thị Hoà"),
            ("Hoà", "Hòa"),
            ("1,4 tỷ", "1400000000"),
            ("0901", "901"),
        ];
        for (a, b) in different {
            assert_ne!(canonical(&Cell::from(a)), canonical(&Cell::from(b)));
        }
        assert_ne!(canonical(&Cell::Bool(false)), canonical(&Cell::Empty));
    }

    #[test]
    fn phones_are_equal_without_spaces_and_leading_zero() {
        let same = [
            (Cell::from("0936 551 208"), Cell::from(936_551_208.0)),
            (Cell::from("0936\u{a0}551208 "), Cell::from("936551208")),
            (Cell::from("0936.551.208"), Cell::from("936.551.208")),
        ];
        for (a, b) in same {
            assert_eq!(canonical_phone(&a), canonical_phone(&b));
        }
        for (a, b) in [
            ("0936551208", "0936.551.208"),
            ("0084936", "084936"),
            ("+84936551208", "0936551208"),
        ] {
            assert_ne!(
                canonical_phone(&Cell::from(a)),
                canonical_phone(&Cell::from(b))
            );
        }
    }

    #[test]
    fn placeholders_are_nothing() {
        for text in [
            "-",
            "--",
            " – ",
            "?",
            "...",
            "chưa rõ",
            "Chưa có",
            "ko có",
            "N/A",
            "không có",
            "TBA",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["x", "🌸", "Không nhận", "0", "Nam", "Na", "Trọng", "✓"] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
