//! When two cells are the same: the canonical text of a cell, and the fingerprint of a row.
//!
//! White space, Unicode normal form, number against text of the same digits and a phone's lost
//! leading zero are noise. Letter case, accents, dots inside of a phone and everything else are not.

use std::borrow::Cow;

use super::FieldInfo;
use crate::core::record::Cells;
use crate::core::sheet::{Cell, FieldKind, fold};

/// 128 bits of BLAKE3 over the canonical cells of a row: equal rows have equal fingerprints.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Fingerprint(pub u128);

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The fingerprint of the cells that `fields` names; cells of other columns and empty cells do not count, nor does the order of columns.
///
/// The fingerprint is stored: a change of what it is made of needs a new [`FINGERPRINT_FORMAT`].
pub fn fingerprint(cells: &Cells, fields: &[FieldInfo]) -> Fingerprint {
    // One buffer and one call: a hasher that is fed cell by cell costs more than the hashing.
    let mut bytes = Vec::with_capacity(256);
    bytes.push(FINGERPRINT_FORMAT);
    for (id, cell) in cells {
        let Some(field) = fields.iter().find(|field| field.id == *id) else {
            continue;
        };
        let text = canonical(cell, field.kind);
        if text.is_empty() {
            continue;
        }
        // 0xFF and 0xFE stand in no UTF-8 text, so the parts cannot run into one another.
        bytes.extend_from_slice(id.as_bytes());
        bytes.push(0xFE);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0xFF);
    }
    Fingerprint(hash128(&bytes))
}

/// Stands first in what is hashed, so that fingerprints of another making never seem equal.
pub const FINGERPRINT_FORMAT: u8 = 1;

/// The ids of the fields whose cells differ by more than noise, in the order of `fields`.
pub fn changed_fields(before: &Cells, after: &Cells, fields: &[FieldInfo]) -> Vec<String> {
    fields
        .iter()
        .filter(|field| {
            let old = before.get(field.id.as_str()).unwrap_or(&Cell::Empty);
            let new = after.get(field.id.as_str()).unwrap_or(&Cell::Empty);
            !same(old, new, field.kind)
        })
        .map(|field| field.id.clone())
        .collect()
}

/// Whether two cells of one kind of column differ at most by noise.
pub fn same(before: &Cell, after: &Cell, kind: FieldKind) -> bool {
    before == after || canonical(before, kind) == canonical(after, kind)
}

/// The text by which a cell is compared. Empty for a cell with nothing but white space in it.
pub fn canonical(cell: &Cell, kind: FieldKind) -> Cow<'_, str> {
    let text = match cell {
        Cell::Empty => return Cow::Borrowed(""),
        Cell::Bool(true) => Cow::Borrowed("TRUE"),
        Cell::Bool(false) => Cow::Borrowed("FALSE"),
        Cell::Number(number) => Cow::Owned(digits_of(*number)),
        Cell::Text(text) => plain(text),
    };
    match kind {
        FieldKind::Phone => phone_form(text),
        FieldKind::Name
        | FieldKind::Email
        | FieldKind::Money
        | FieldKind::Date
        | FieldKind::Stage
        | FieldKind::Owner
        | FieldKind::OptOut
        | FieldKind::Consent
        | FieldKind::YesNo
        | FieldKind::Text
        | FieldKind::Number
        | FieldKind::Choice
        | FieldKind::Id => text,
    }
}

/// A number as a person would have typed it: no exponent, no `.0`, no `-0`.
fn digits_of(number: f64) -> String {
    if number == 0.0 {
        "0".to_owned()
    } else {
        number.to_string()
    }
}

/// NFC, one space for any run of white space, none at the ends.
fn plain(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let composed = fold::composed(text);
    let mut out = String::with_capacity(composed.len());
    let mut gap = false;
    for letter in composed.chars() {
        if letter.is_whitespace() {
            gap = !out.is_empty();
        } else if !is_unseen(letter) {
            if gap {
                out.push(' ');
                gap = false;
            }
            out.push(letter);
        }
    }
    Cow::Owned(out)
}

/// Whether [`plain`] would give the text back as it is; true of nearly every cell, so it is looked at first.
fn is_plain(text: &str) -> bool {
    let mut last_space = true;
    for letter in text.chars() {
        let space = letter == ' ';
        if space && last_space {
            return false;
        }
        last_space = space;
        // Latin up to U+02FF and the block with the Vietnamese vowels hold no combining mark and,
        // but for what `is_whitespace` finds, no space.
        let known = matches!(letter, ' '..='~' | '\u{A1}'..='\u{2FF}' | '\u{1EA0}'..='\u{1EF9}' | '₫' | '–' | '…')
            && letter != '\u{AD}';
        if !known {
            return false;
        }
    }
    text.is_empty() || !last_space
}

/// Marks without width or ink that come along with a paste.
fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{200B}' | '\u{2060}' | '\u{FEFF}' | '\u{AD}')
}

/// A phone without any white space and without one leading zero before digits.
fn phone_form(text: Cow<'_, str>) -> Cow<'_, str> {
    let tight: Cow<'_, str> = if text.contains(' ') {
        Cow::Owned(text.replace(' ', ""))
    } else {
        text
    };
    let mut letters = tight.chars();
    let lost_zero = letters.next() == Some('0') && letters.next().is_some();
    if lost_zero {
        Cow::Owned(tight[1..].to_owned())
    } else {
        tight
    }
}

/// The first 128 bits of BLAKE3.
pub(super) fn hash128(bytes: &[u8]) -> u128 {
    let hash = blake3::hash(bytes);
    let mut first = [0_u8; 16];
    first.copy_from_slice(&hash.as_bytes()[..16]);
    u128::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use unicode_normalization::UnicodeNormalization as _;

    use super::*;

    fn text(value: &str) -> Cell {
        Cell::Text(value.into())
    }

    #[test]
    fn noise_is_no_change() {
        let noise = [
            (
                text("Lê  Thị Mai "),
                text("Lê\u{A0}Thị\nMai"),
                FieldKind::Name,
            ),
            (text("Le\u{302}\u{301}"), text("Lế"), FieldKind::Name),
            (text("Mai\u{200B}"), text("Mai"), FieldKind::Name),
            (Cell::Empty, text(" \u{A0}"), FieldKind::Text),
            (Cell::Number(1.8e9), text("1800000000"), FieldKind::Money),
            (Cell::Number(2026.0), text("2026"), FieldKind::Text),
            (Cell::Number(0.0), Cell::Number(-0.0), FieldKind::Number),
            (
                Cell::Number(936_551_208.0),
                text("0936 551\n208"),
                FieldKind::Phone,
            ),
            (text("0936551208"), text(" 936551208"), FieldKind::Phone),
        ];
        for (before, after, kind) in noise {
            assert!(same(&before, &after, kind), "{before:?} {after:?}");
        }
    }

    #[test]
    fn everything_else_is_a_change() {
        let changes = [
            (text("Lê Mai"), text("lê Mai"), FieldKind::Name),
            (text("Lê Mai"), text("Le Mai"), FieldKind::Name),
            (text("1,5 tỷ"), text("1,5tỷ"), FieldKind::Money),
            (text("0936.551.208"), text("0936551208"), FieldKind::Phone),
            (text("+84936551208"), text("0936551208"), FieldKind::Phone),
            (text("0100"), Cell::Number(100.0), FieldKind::Text),
            (Cell::Bool(false), Cell::Empty, FieldKind::YesNo),
            (text("1.4 tỷ"), Cell::Number(1.4e9), FieldKind::Money),
        ];
        for (before, after, kind) in changes {
            assert!(!same(&before, &after, kind), "{before:?} {after:?}");
        }
    }

    #[test]
    fn a_fingerprint_knows_fields_and_no_others() {
        let fields = [
            FieldInfo::new("name", FieldKind::Name),
            FieldInfo::new("phone", FieldKind::Phone),
        ];
        let turned = [fields[1].clone(), fields[0].clone()];
        let cells = |name: &str, phone: &str, other: &str| {
            Cells::from([
                ("name".into(), text(name)),
                ("phone".into(), text(phone)),
                ("other".into(), text(other)),
            ])
        };
        let one = fingerprint(&cells("An", "0901", "x"), &fields);
        assert_eq!(one, fingerprint(&cells(" An", "901", "y"), &turned));
        assert_ne!(one, fingerprint(&cells("0901", "An", "x"), &fields));
        assert_ne!(one, fingerprint(&cells("An0901", "", "x"), &fields));
    }

    #[test]
    fn the_quick_way_agrees_with_the_long_one() {
        for sample in [
            "Nguyễn Thị Ánh",
            "a  b",
            " a",
            "a ",
            "",
            "đường ₫",
            "e\u{301}",
            "a\u{AD}b",
        ] {
            let long: String = sample
                .nfc()
                .filter(|letter| !is_unseen(*letter))
                .collect::<String>()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            assert_eq!(plain(sample), long, "{sample:?}");
        }
    }
}
