//! From a grid of cells to typed rows: header finding, column binding, and which rows are customers.
//!
//! What one kind of cell means is each in its own module ([`phone`], [`money`], …); [`header`] and
//! [`rows`] know grids, [`field`] and [`typed`] know which column is of which kind. Which records
//! the rows are, and what changed in them, is for `identity` and `change`.

pub mod date;
pub mod email;
pub mod field;
pub mod fold;
pub mod header;
pub mod inert;
pub mod money;
pub mod number;
pub mod owner;
pub mod person;
pub mod phone;
pub mod rows;
pub mod stage;
pub mod text;
pub mod typed;
pub mod yes_no;

pub use field::{FieldKind, FieldSpec, Schema};
pub use header::{Binding, Header, HeaderProblem, cell_name, column_letter, find_header};
pub use inert::inert;
pub use rows::{RowKind, bind_row, kind_of_row};
pub use typed::{CellProblem, Typed, Value};

use std::borrow::Cow;
use std::fmt;

use compact_str::{CompactString, ToCompactString as _};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};

/// One cell as Google gives it with `UNFORMATTED_VALUE` and `SERIAL_NUMBER`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// Nothing in it, or cut off behind the last filled cell.
    #[default]
    Empty,
    /// A tick box, ticked or not.
    Bool(bool),
    /// A number, also a date as a serial number.
    Number(f64),
    /// Text, also the error texts `#REF!`, `#N/A`, … and `Loading...` (see [`Cell::error`]).
    Text(CompactString),
}

/// By hand: derived, it would try one variant after the other, which for text costs four times the reading.
impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor)
    }
}

struct CellVisitor;

#[allow(clippy::cast_precision_loss)] // Google's own numbers are doubles
impl Visitor<'_> for CellVisitor {
    type Value = Cell;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cell: text, a number, a tick box or nothing")
    }
    fn visit_unit<E>(self) -> Result<Cell, E> {
        Ok(Cell::Empty)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Cell, E> {
        Ok(Cell::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Cell, E> {
        Ok(Cell::Number(value as f64))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Cell, E> {
        Ok(Cell::Number(value as f64))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Cell, E> {
        Ok(Cell::Number(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<Cell, E> {
        Ok(Cell::from(value))
    }
}

/// The texts by which a formula's error arrives from `values.*` (Sheets `ErrorType`).
const ERRORS: [&str; 11] = [
    "#NULL!",
    "#DIV/0!",
    "#VALUE!",
    "#REF!",
    "#NAME?",
    "#NUM!",
    "#N/A",
    "#ERROR!",
    "#SPILL!",
    "#CALC!",
    "#CIRCULAR!",
];

/// What a cell shows while an import or a volatile function is still being worked out.
const LOADING: [&str; 4] = ["Loading...", "Loading…", "Đang tải...", "Đang tải…"];

impl Cell {
    /// A cell from the JSON of `values.get`: text, number, boolean, or null for nothing.
    pub fn from_json(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Empty,
            serde_json::Value::Bool(ticked) => Self::Bool(*ticked),
            serde_json::Value::Number(number) => number
                .as_f64()
                .map_or_else(|| Self::Text(number.to_compact_string()), Self::Number),
            serde_json::Value::String(text) if text.is_empty() => Self::Empty,
            serde_json::Value::String(text) => Self::Text(text.into()),
            // Google sends no nested values; what is not understood is kept to be seen.
            other => Self::Text(other.to_compact_string()),
        }
    }

    /// The error text if the cell is a formula's error or is still loading. Such a cell says
    /// nothing about the customer: it is neither data nor a deletion.
    pub fn error(&self) -> Option<&str> {
        let Self::Text(text) = self else { return None };
        let text = text.trim();
        let error = text.starts_with('#') && ERRORS.iter().any(|e| text.eq_ignore_ascii_case(e));
        (error || LOADING.contains(&text)).then_some(text)
    }

    /// Whether a formula in the cell is still being worked out: an error that ends by itself.
    pub fn is_loading(&self) -> bool {
        self.error().is_some_and(|text| LOADING.contains(&text))
    }

    /// Whether nothing can be seen in the cell: empty, or only white space and invisible characters.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Bool(_) | Self::Number(_) => false,
            Self::Text(text) => text
                .chars()
                .all(|c| c.is_whitespace() || fold::invisible(c)),
        }
    }

    /// The cell as text for showing to people: as typed, a tick box as `TRUE` or `FALSE`, a number
    /// in plain decimals without an exponent.
    pub fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Bool(true) => Cow::Borrowed("TRUE"),
            Self::Bool(false) => Cow::Borrowed("FALSE"),
            Self::Number(number) => Cow::Owned(decimal(*number)),
            Self::Text(text) => Cow::Borrowed(text),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        if text.is_empty() {
            Self::Empty
        } else {
            Self::Text(text.into())
        }
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

/// A number in plain decimals: `901234567`, `2.5`; never an exponent, never `-0`.
pub(crate) fn decimal(number: f64) -> String {
    if number == 0.0 {
        "0".to_owned()
    } else {
        format!("{number}")
    }
}

/// What came of reading one cell as one kind of value.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading<T> {
    /// Nothing is meant: empty, or a placeholder such as `-` or `chưa rõ`.
    Nothing,
    /// A value.
    Value(T),
    /// Something is meant that is not a value of this kind; the text says why, in English, for a data problem.
    Bad(String),
    /// A value is meant, but a person could not settle which.
    Ambiguous(String),
}

impl<T> Reading<T> {
    /// The same outcome with the value changed.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Self::Nothing => Reading::Nothing,
            Self::Value(value) => Reading::Value(change(value)),
            Self::Bad(why) => Reading::Bad(why),
            Self::Ambiguous(why) => Reading::Ambiguous(why),
        }
    }

    /// The value, if there is one.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Nothing | Self::Bad(_) | Self::Ambiguous(_) => None,
        }
    }

    pub(crate) fn bad(why: impl Into<String>) -> Self {
        Self::Bad(why.into())
    }

    pub(crate) fn ambiguous(why: impl Into<String>) -> Self {
        Self::Ambiguous(why.into())
    }
}

/// What every reader settles first: nothing there, an error cell, or a placeholder.
/// `None` means that the cell is worth a look.
pub(crate) fn trivial<T>(cell: &Cell) -> Option<Reading<T>> {
    if cell.is_blank() {
        return Some(Reading::Nothing);
    }
    if let Some(error) = cell.error() {
        return Some(Reading::Bad(format!("the cell shows {error}")));
    }
    match cell {
        Cell::Text(text) if fold::is_placeholder(text) => Some(Reading::Nothing),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_and_loading_are_no_data() {
        for text in [
            "#REF!",
            "#N/A",
            " #n/a ",
            "#DIV/0!",
            "Loading...",
            "Đang tải...",
        ] {
            assert!(Cell::from(text).error().is_some(), "{text}");
        }
        assert!(Cell::from(" Loading...").is_loading() && !Cell::from("#N/A").is_loading());
        for text in ["#1", "# Nam", "Loading", "REF", "#"] {
            assert!(Cell::from(text).error().is_none(), "{text}");
        }
    }

    #[test]
    fn json_becomes_cells() {
        let read = |text: &str| Cell::from_json(&serde_json::from_str(text).unwrap());
        assert_eq!(read("null"), Cell::Empty);
        assert_eq!(read("\"\""), Cell::Empty);
        assert_eq!(read("true"), Cell::Bool(true));
        assert_eq!(read("901234567"), Cell::Number(901_234_567.0));
        assert_eq!(read("\" x\""), Cell::Text(" x".into()));
    }

    #[test]
    fn blank_is_what_nobody_can_see() {
        assert!(Cell::from(" \u{a0}\u{200b}\n").is_blank());
        assert!(!Cell::Bool(false).is_blank());
        assert!(!Cell::Number(0.0).is_blank());
    }

    #[test]
    fn numbers_are_shown_plainly() {
        assert_eq!(Cell::Number(9.02123456E8).shown(), "902123456");
        assert_eq!(Cell::Number(2.5).shown(), "2.5");
        assert_eq!(Cell::Number(-0.0).shown(), "0");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(400))]

        /// Whatever people type, a reader answers; and normal form and outer spaces change nothing.
        #[test]
        fn no_text_stops_a_reader(text in "([0-9]{1,4}|[-+/.,:;@#()&~<>%$ \n]|tỷ|tr|triệu|m2|tháng|ngày|năm|thứ|t|h|sáng|đến|dưới|x|anh|Chị|Nguyễn|Lan|q|com|vn|gmail|rưỡi|hai|mười|trăm|🌸|\u{200b}|\u{a0}|[a-zà-ỹA-Z]){0,9}") {
            use unicode_normalization::UnicodeNormalization;
            let zone = jiff::tz::TimeZone::fixed(jiff::tz::Offset::constant(7));
            let read = |text: &str| {
                let cell = Cell::from(text);
                (
                    phone::read(&cell),
                    money::read(&cell),
                    (date::read(&cell, "vi_VN", &zone), date::read(&cell, "en_US", &zone)),
                    person::read(&cell),
                    email::read(&cell),
                    (owner::read(&cell), text::read(&cell), number::read(&cell, "vi_VN"), yes_no::read_opt_out(&cell)),
                )
            };
            let nfd: String = text.nfd().collect();
            proptest::prop_assert_eq!(read(&text), read(&format!(" {nfd}\u{a0}")));
        }

        /// Whatever number is in a cell, a reader answers.
        #[test]
        fn no_number_stops_a_reader(number in proptest::num::f64::ANY) {
            let zone = jiff::tz::TimeZone::UTC;
            let cell = Cell::Number(number);
            let _ = (phone::read(&cell), money::read(&cell), date::read(&cell, "vi_VN", &zone), person::read(&cell));
        }
    }
}
