//! Plain text: a note, an area, a source, a choice of a drop-down list.

use super::{Cell, Reading, fold, trivial};

/// The text in NFC, without invisible characters, with single spaces. Line breaks inside become
/// spaces: merge texts and messages are single lines.
pub fn read(cell: &Cell) -> Reading<String> {
    trivial(cell).unwrap_or_else(|| Reading::Value(fold::canonical(cell)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cleaned_and_numbers_become_text() {
        assert_eq!(
            read(&Cell::from(" Xem\u{a0}nhà\n\u{200b}mẫu ")),
            Reading::Value("Xem nhà mẫu".to_owned())
        );
        assert_eq!(read(&Cell::Number(7.0)), Reading::Value("7".to_owned()));
        assert_eq!(read(&Cell::from("chưa rõ")), Reading::Nothing);
        assert!(matches!(read(&Cell::from("#N/A")), Reading::Bad(_)));
    }
}
