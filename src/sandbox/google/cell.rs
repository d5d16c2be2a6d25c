//! One cell: its value, number format and formula, and the JSON form the workbook files use.
//!
//! Knows no place in a grid and no locale: `format` shows a cell, `entry` makes one from typing.

use std::sync::Arc;

use serde_json::{Value, json};

/// What a cell holds, by Sheets' own four types and nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum CellValue {
    /// Nothing: shown as an empty text and left out of reads where Google leaves it out.
    #[default]
    Empty,
    /// A double. Dates and times are numbers too: days since 1899-12-30.
    Number(f64),
    /// A text, never empty.
    Text(String),
    /// A tick box or TRUE / FALSE.
    Boolean(bool),
    /// A formula's error as Sheets shows it: `#REF!`, `#N/A`, `#VALUE!`, `Loading...`.
    Error(String),
}

/// A cell of a tab.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cell {
    /// The value, for a formula its result.
    pub value: CellValue,
    /// The number format pattern (`dd/mm/yyyy`, `#,##0`, `@` for plain text), if one is set.
    pub format: Option<Arc<str>>,
    /// The formula with its `=`, if the cell has one. The sandbox computes none.
    pub formula: Option<Arc<str>>,
    /// The note pinned to the cell, if any.
    pub note: Option<Arc<str>>,
}

/// The cell every place outside the stored rows has.
pub(super) static EMPTY: Cell = Cell {
    value: CellValue::Empty,
    format: None,
    formula: None,
    note: None,
};

impl Cell {
    /// A cell with a text; an empty text makes an empty cell.
    pub fn text(text: impl Into<String>) -> Cell {
        let text = text.into();
        if text.is_empty() {
            return Cell::default();
        }
        Cell {
            value: CellValue::Text(text),
            ..Cell::default()
        }
    }

    /// A cell with a number and, if given, a number format.
    pub fn number(number: f64, format: Option<&str>) -> Cell {
        Cell {
            value: CellValue::Number(number),
            format: format.map(Arc::from),
            ..Cell::default()
        }
    }

    /// A cell with a truth value.
    pub fn boolean(value: bool) -> Cell {
        Cell {
            value: CellValue::Boolean(value),
            ..Cell::default()
        }
    }

    /// True if the cell shows nothing and computes nothing.
    pub fn is_empty(&self) -> bool {
        self.value == CellValue::Empty && self.formula.is_none()
    }

    /// Reads the workbook files' form: a string, a number, a boolean, null, or an object with `v`
    /// (value) or `e` (error text) and optionally `nf` (number format), `f` (formula), `note`.
    ///
    /// # Errors
    /// A sentence that says what in `json` is no cell.
    pub fn from_json(json: &Value) -> Result<Cell, String> {
        let value = match json {
            Value::Null => CellValue::Empty,
            Value::String(text) if text.is_empty() => CellValue::Empty,
            Value::String(text) => CellValue::Text(text.clone()),
            Value::Bool(flag) => CellValue::Boolean(*flag),
            Value::Number(number) => CellValue::Number(
                number
                    .as_f64()
                    .ok_or_else(|| format!("{number} is no finite number"))?,
            ),
            Value::Object(parts) => {
                if let Some(key) = parts
                    .keys()
                    .find(|key| !["v", "e", "nf", "f", "note"].contains(&key.as_str()))
                {
                    return Err(format!(
                        "a cell has v, e, nf, f and note, but this one has {key:?}"
                    ));
                }
                let text = |key: &str| -> Result<Option<Arc<str>>, String> {
                    match parts.get(key) {
                        None => Ok(None),
                        Some(Value::String(text)) => Ok(Some(Arc::from(text.as_str()))),
                        Some(other) => Err(format!("a cell's {key:?} is a text, not {other}")),
                    }
                };
                let value = match (parts.get("e"), parts.get("v")) {
                    (Some(Value::String(error)), _) => CellValue::Error(error.clone()),
                    (Some(other), _) => {
                        return Err(format!("a cell's \"e\" is a text, not {other}"));
                    }
                    (None, Some(inner)) if !inner.is_object() => Cell::from_json(inner)?.value,
                    (None, Some(other)) => {
                        return Err(format!("a cell's \"v\" is a plain value, not {other}"));
                    }
                    (None, None) => CellValue::Empty,
                };
                return Ok(Cell {
                    value,
                    format: text("nf")?,
                    formula: text("f")?,
                    note: text("note")?,
                });
            }
            Value::Array(_) => return Err("a list is no cell".to_owned()),
        };
        Ok(Cell {
            value,
            ..Cell::default()
        })
    }

    /// The form [`Cell::from_json`] reads; the shortest that says everything.
    pub fn to_json(&self) -> Value {
        let plain = match &self.value {
            CellValue::Empty => json!(""),
            CellValue::Number(number) => number_json(*number),
            CellValue::Text(text) => json!(text),
            CellValue::Boolean(flag) => json!(flag),
            CellValue::Error(error) => json!({ "e": error }),
        };
        if self.format.is_none() && self.formula.is_none() && self.note.is_none() {
            return plain;
        }
        let mut parts = serde_json::Map::new();
        match &self.value {
            CellValue::Error(error) => {
                parts.insert("e".to_owned(), json!(error));
            }
            CellValue::Empty => {}
            _ => {
                parts.insert("v".to_owned(), plain);
            }
        }
        for (key, text) in [
            ("nf", &self.format),
            ("f", &self.formula),
            ("note", &self.note),
        ] {
            if let Some(text) = text {
                parts.insert(key.to_owned(), json!(**text));
            }
        }
        Value::Object(parts)
    }
}

/// A double as Google writes it: whole numbers without a fraction.
pub(super) fn number_json(number: f64) -> Value {
    match whole(number) {
        Some(whole) => json!(whole),
        None => json!(number),
    }
}

/// The number as an integer if it is one that a double holds exactly (below 10^15 in size).
#[allow(clippy::cast_possible_truncation)] // Guarded: whole and within ±10^15.
pub(super) fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_cell_survives_a_round_trip() {
        for json in [
            json!(""),
            json!("0901"),
            json!(" x "),
            json!(7),
            json!(2.5),
            json!(true),
            json!({"v": 46047, "nf": "dd/mm/yyyy"}),
            json!({"v": 300, "f": "=COUNTA(B4:B338)"}),
            json!({"e": "#N/A", "f": "=VLOOKUP(1;2;3)"}),
            json!({"e": "#REF!"}),
            json!({"nf": "@"}),
        ] {
            assert_eq!(Cell::from_json(&json).unwrap().to_json(), json);
        }
    }

    #[test]
    fn what_is_no_cell_is_refused_with_a_sentence() {
        assert_eq!(
            Cell::from_json(&json!({"value": 1})).unwrap_err(),
            "a cell has v, e, nf, f and note, but this one has \"value\""
        );
        assert_eq!(
            Cell::from_json(&json!([1])).unwrap_err(),
            "a list is no cell"
        );
    }
}
