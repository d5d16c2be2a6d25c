//! By which column the rows of a tab stand in order, as Sheets sorts.

use std::cmp::Ordering;

use crate::core::identity::{FieldInfo, canonical};
use crate::core::record::Cells;
use crate::core::sheet::{Cell, FieldKind};

/// One neighbour in so many may stand out of order: a space before a name sorts, and is not seen.
const OUT_OF_ORDER: usize = 40;

/// The first field by which the rows stand in order, and whether downwards. What sorts may know Vietnamese
/// letters or take them for accented Latin ones; either will do. `many`: so many rows moved that it was a sort,
/// and a few may stand out of order all the same.
pub(super) fn order_of(
    rows: &[&Cells],
    fields: &[FieldInfo],
    many: bool,
) -> Option<(String, bool)> {
    if rows.len() < 3 {
        return None;
    }
    let allowed = if many { rows.len() / OUT_OF_ORDER } else { 0 };
    order_by(rows, fields, allowed, collation).or_else(|| order_by(rows, fields, allowed, bare))
}

fn order_by(
    rows: &[&Cells],
    fields: &[FieldInfo],
    allowed: usize,
    collation: fn(&str) -> String,
) -> Option<(String, bool)> {
    fields.iter().find_map(|field| {
        let column: Vec<SortKey> = rows
            .iter()
            .map(|cells| SortKey::of(cells.get(field.id.as_str()), field.kind, collation))
            .collect();
        let filled = column.iter().filter(|key| **key != SortKey::Blank).count();
        // Sheets puts empty cells last, whichever way it sorts.
        let (head, tail) = column.split_at(filled);
        if filled < 3 || tail.iter().any(|key| *key != SortKey::Blank) {
            return None;
        }
        let all_equal = head
            .windows(2)
            .all(|pair| pair[0].against(&pair[1]).is_eq());
        let most = |fits: fn(Ordering) -> bool| {
            let pairs = head.windows(2);
            pairs
                .filter(|pair| !fits(pair[0].against(&pair[1])))
                .count()
                <= allowed
        };
        let rising = most(Ordering::is_le);
        let falling = !rising && most(Ordering::is_ge);
        (!all_equal && (rising || falling)).then(|| (field.id.clone(), falling))
    })
}

/// Which of two cells of a column stands first when Sheets sorts it upwards; empty ones stand last.
pub(in crate::core::change) fn compare(one: &Cell, other: &Cell, kind: FieldKind) -> Ordering {
    let key = |cell| SortKey::of(Some(cell), kind, collation);
    key(one).against(&key(other))
}

/// A cell as Sheets sorts it: numbers, then text without regard to letter case, then ticks, empty cells last.
#[derive(Clone, Debug, PartialEq)]
enum SortKey {
    Number(f64),
    Text(String),
    Bool(bool),
    Blank,
}

impl SortKey {
    fn of(cell: Option<&Cell>, kind: FieldKind, collation: fn(&str) -> String) -> Self {
        match cell {
            None | Some(Cell::Empty) => Self::Blank,
            Some(Cell::Number(number)) => Self::Number(*number),
            Some(Cell::Bool(ticked)) => Self::Bool(*ticked),
            // A phone's leading zero takes part in sorting, so it is compared as text is.
            Some(cell @ Cell::Text(_)) => {
                let kind = if kind == FieldKind::Phone {
                    FieldKind::Text
                } else {
                    kind
                };
                let text = canonical(cell, kind);
                if text.is_empty() {
                    Self::Blank
                } else {
                    Self::Text(collation(&text))
                }
            }
        }
    }

    fn against(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(one), Self::Number(two)) => one.total_cmp(two),
            (Self::Text(one), Self::Text(two)) => one.cmp(two),
            (Self::Bool(one), Self::Bool(two)) => one.cmp(two),
            (one, two) => one.class().cmp(&two.class()),
        }
    }

    fn class(&self) -> u8 {
        match self {
            Self::Number(_) => 0,
            Self::Text(_) => 1,
            Self::Bool(_) => 2,
            Self::Blank => 3,
        }
    }
}

/// Text in the order of Vietnamese dictionaries, tones and letter case left out: a ă â b … d đ e ê … o ô ơ … u ư.
fn collation(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    text.nfd()
        .filter_map(|letter| match letter {
            // Breve, circumflex and horn make letters of their own and are kept behind the plain one; tones are not.
            '\u{306}' | '\u{302}' | '\u{31B}' => Some(letter),
            '\u{300}'..='\u{36F}' => None,
            other => Some(other),
        })
        .flat_map(char::to_lowercase)
        .flat_map(|letter| match letter {
            'đ' => ['d', '\u{36F}'],
            other => [other, '\0'],
        })
        .filter(|letter| *letter != '\0')
        .collect()
}

/// The same without any marks, as for accented Latin letters: an, ân and ăn stand together.
fn bare(text: &str) -> String {
    collation(text)
        .chars()
        .filter(|letter| !matches!(letter, '\u{306}' | '\u{302}' | '\u{31B}'))
        .collect()
}
