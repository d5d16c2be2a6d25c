//! Ticks, crosses and words for yes and no.
//!
//! What is unclear is read in favour of the customer's peace: in an opt-out column as opted out, in
//! a consent column as no consent.

use super::fold::fold;
use super::{Cell, Reading, trivial};

/// Folded texts that say yes.
const YES: [&str; 25] = [
    "x",
    "v",
    "1",
    "co",
    "c",
    "yes",
    "y",
    "ok",
    "oke",
    "true",
    "t",
    "dung",
    "roi",
    "dong y",
    "da dong y",
    "co dong y",
    "dong y nhan",
    "dong y nhan tin",
    "nhan",
    "co nhan",
    "nhan tin",
    "co nhan tin",
    "van nhan",
    "van nhan tin",
    "vang",
];

/// Folded texts that say no; `không …` says it too.
const NO: [&str; 12] = [
    "0",
    "khong",
    "ko",
    "k",
    "no",
    "n",
    "false",
    "f",
    "sai",
    "chua",
    "chua dong y",
    "tu choi",
];

/// Folded texts under a header such as "Không nhận tin" that say that the customer does receive.
const RECEIVES: [&str; 14] = [
    "0",
    "false",
    "f",
    "nhan",
    "van nhan",
    "co nhan",
    "nhan tin",
    "co nhan tin",
    "van nhan tin",
    "dong y nhan",
    "dong y nhan tin",
    "duoc nhan",
    "ok nhan",
    "nhan binh thuong",
];

/// `Some` if the text is clear: a tick, a cross, or a listed word.
fn clear(text: &str) -> Option<bool> {
    let trimmed = text.trim();
    let mut marks = trimmed
        .chars()
        .filter(|c| !c.is_whitespace() && !super::fold::invisible(*c));
    if let (Some(mark), None) = (marks.next(), marks.next()) {
        match mark {
            '✓' | '✔' | '☑' | '✅' | '√' | '🗸' | '☒' | '👍' => return Some(true),
            '✗' | '✘' | '❌' | '☐' | '✕' | '×' | '👎' => return Some(false),
            _ => {}
        }
    }
    let folded = fold(trimmed);
    if YES.contains(&folded.as_str()) {
        return Some(true);
    }
    let negated = ["khong ", "ko ", "k ", "no "]
        .iter()
        .any(|word| folded.starts_with(word));
    (negated || NO.contains(&folded.as_str())).then_some(false)
}

/// Yes or no as written; a text that is neither is a problem.
pub fn read(cell: &Cell) -> Reading<bool> {
    match cell {
        Cell::Bool(ticked) => Reading::Value(*ticked),
        Cell::Number(number) if *number == 0.0 => Reading::Value(false),
        Cell::Number(number) if *number == 1.0 => Reading::Value(true),
        Cell::Text(text) if clear(text).is_some() => Reading::Value(clear(text) == Some(true)),
        _ => trivial(cell).unwrap_or_else(|| Reading::bad("neither yes nor no")),
    }
}

/// Whether the customer has opted out, from a column whose header says so ("Không nhận tin").
/// Any text that does not clearly say that they receive counts as opted out, `không` and `?`
/// included; only empty cells and dashes say nothing. An error cell is a problem, not an opt-out.
pub fn read_opt_out(cell: &Cell) -> Reading<bool> {
    match cell {
        Cell::Bool(ticked) => Reading::Value(*ticked),
        Cell::Number(number) => Reading::Value(*number != 0.0),
        Cell::Empty => Reading::Nothing,
        Cell::Text(_) if cell.is_blank() || cell.error().is_some() => {
            trivial(cell).unwrap_or(Reading::Nothing)
        }
        Cell::Text(text) => {
            let folded = fold(text);
            if folded.is_empty() {
                let dashes = text
                    .chars()
                    .all(|c| c.is_whitespace() || "-–—._".contains(c));
                return if dashes {
                    Reading::Nothing
                } else {
                    Reading::Value(text.trim() != "☐")
                };
            }
            Reading::Value(!RECEIVES.contains(&folded.as_str()))
        }
    }
}

/// Whether a text in an opt-out column was clear; if not, [`read_opt_out`] leaned to opted out and
/// the cell deserves a look.
pub fn opt_out_is_clear(cell: &Cell) -> bool {
    match cell {
        Cell::Empty | Cell::Bool(_) => true,
        Cell::Number(number) => *number == 0.0 || *number == 1.0,
        Cell::Text(text) => {
            let folded = fold(text);
            let says_out = folded.starts_with("khong nhan")
                || folded.starts_with("ko nhan")
                || folded == "tu choi";
            says_out
                || RECEIVES.contains(&folded.as_str())
                || clear(text) == Some(true)
                || cell.is_blank()
        }
    }
}

/// Whether the customer has consented, from a column whose header says so ("Đồng ý nhận tin").
/// Only a clear yes is one; an unclear text is no consent, an empty cell says nothing.
pub fn read_consent(cell: &Cell) -> Reading<bool> {
    match read(cell) {
        Reading::Bad(_) if cell.error().is_none() => Reading::Value(false),
        reading => reading,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_answers() {
        for text in [
            "x",
            "X",
            "1",
            "Có",
            "co",
            "yes",
            "✓",
            "✔️",
            "Đồng ý",
            "OK",
            "TRUE",
            "Đã đồng ý",
        ] {
            assert_eq!(read(&Cell::from(text)), Reading::Value(true), "{text}");
        }
        for text in [
            "0",
            "Không",
            "ko",
            "NO",
            "✗",
            "false",
            "Không đồng ý",
            "không nhận",
            "chưa",
        ] {
            assert_eq!(read(&Cell::from(text)), Reading::Value(false), "{text}");
        }
        assert_eq!(read(&Cell::Bool(false)), Reading::Value(false));
        assert_eq!(read(&Cell::Number(1.0)), Reading::Value(true));
        assert!(matches!(read(&Cell::from("hỏi lại")), Reading::Bad(_)));
        assert!(matches!(read(&Cell::Number(7.0)), Reading::Bad(_)));
        assert_eq!(read(&Cell::from("-")), Reading::Nothing);
    }

    #[test]
    fn an_unclear_opt_out_is_an_opt_out() {
        for text in [
            "x",
            "Có",
            "1",
            "không nhận",
            "Không",
            "?",
            "đừng gửi nữa",
            "chưa rõ",
            "yes",
            "✓",
            "spam",
        ] {
            assert_eq!(
                read_opt_out(&Cell::from(text)),
                Reading::Value(true),
                "{text}"
            );
        }
        for text in ["false", "0", "vẫn nhận", "Nhận tin", "đồng ý nhận"] {
            assert_eq!(
                read_opt_out(&Cell::from(text)),
                Reading::Value(false),
                "{text}"
            );
        }
        for text in ["-", "", " "] {
            assert_eq!(read_opt_out(&Cell::from(text)), Reading::Nothing, "{text}");
        }
        assert!(matches!(
            read_opt_out(&Cell::from("#REF!")),
            Reading::Bad(_)
        ));
        assert!(matches!(
            read_opt_out(&Cell::from("Loading...")),
            Reading::Bad(_)
        ));
        assert!(
            opt_out_is_clear(&Cell::from("không nhận"))
                && !opt_out_is_clear(&Cell::from("đừng gửi"))
        );
    }

    #[test]
    fn an_unclear_consent_is_none() {
        for text in ["x", "đồng ý", "Có", "✓"] {
            assert_eq!(
                read_consent(&Cell::from(text)),
                Reading::Value(true),
                "{text}"
            );
        }
        for text in ["để hỏi lại", "không", "có thể"] {
            assert_eq!(
                read_consent(&Cell::from(text)),
                Reading::Value(false),
                "{text}"
            );
        }
        assert_eq!(read_consent(&Cell::Empty), Reading::Nothing);
        assert!(matches!(read_consent(&Cell::from("#N/A")), Reading::Bad(_)));
    }
}
