//! The order in which Sheets sorts cells.

use std::cmp::Ordering;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::cell::{Cell, CellValue};

/// What a cell sorts by.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Key {
    Number(f64),
    /// Bare letters first, then with their marks, so that `Ân` stands beside `An`.
    Text(String, String),
    Boolean(bool),
    Error(String),
    Blank,
}

impl Key {
    fn rank(&self) -> u8 {
        match self {
            Key::Number(_) => 0,
            Key::Text(..) => 1,
            Key::Boolean(_) => 2,
            Key::Error(_) => 3,
            Key::Blank => 4,
        }
    }
}

pub(super) fn key(cell: &Cell) -> Key {
    match &cell.value {
        CellValue::Empty => Key::Blank,
        CellValue::Number(number) => Key::Number(*number),
        CellValue::Text(text) => {
            let lower = text.to_lowercase();
            // đ has no decomposition; it sorts after d, before e.
            let bare: String = lower
                .nfd()
                .filter(|mark| !is_combining_mark(*mark))
                .flat_map(|mark| match mark {
                    'đ' => vec!['d', '\u{10FFFF}'],
                    other => vec![other],
                })
                .collect();
            Key::Text(bare, lower.nfc().collect())
        }
        CellValue::Boolean(flag) => Key::Boolean(*flag),
        CellValue::Error(error) => Key::Error(error.clone()),
    }
}

/// Blanks stay last whichever way the rest is turned.
pub(super) fn compare(a: &Key, b: &Key, descending: bool) -> Ordering {
    let ordering = match (a, b) {
        (Key::Blank, Key::Blank) => return Ordering::Equal,
        (Key::Blank, _) => return Ordering::Greater,
        (_, Key::Blank) => return Ordering::Less,
        (Key::Number(a), Key::Number(b)) => a.total_cmp(b),
        (Key::Text(a, a_full), Key::Text(b, b_full)) => a.cmp(b).then_with(|| a_full.cmp(b_full)),
        (Key::Boolean(a), Key::Boolean(b)) => a.cmp(b),
        (Key::Error(a), Key::Error(b)) => a.cmp(b),
        (a, b) => a.rank().cmp(&b.rank()),
    };
    if descending {
        ordering.reverse()
    } else {
        ordering
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(cells: &[Cell], descending: bool) -> Vec<Cell> {
        let mut cells = cells.to_vec();
        cells.sort_by(|a, b| compare(&key(a), &key(b), descending));
        cells
    }

    #[test]
    fn numbers_texts_truths_errors_and_blanks_last_both_ways() {
        let number = Cell::number(5.0, None);
        let text = Cell::text("An");
        let flag = Cell::boolean(true);
        let blank = Cell::default();
        let all = [blank.clone(), flag.clone(), text.clone(), number.clone()];
        assert_eq!(
            sorted(&all, false),
            [number.clone(), text.clone(), flag.clone(), blank.clone()]
        );
        assert_eq!(sorted(&all, true), [flag, text, number, blank]);
    }

    #[test]
    fn vietnamese_letters_stand_beside_their_base() {
        let names = ["Đức", "Em", "Dung", "ân", "Bình", "An"].map(Cell::text);
        let want = ["An", "ân", "Bình", "Dung", "Đức", "Em"].map(Cell::text);
        assert_eq!(sorted(&names, false), want);
    }
}
