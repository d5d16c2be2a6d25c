//! What a page needs to show a workbook.

use serde_json::{Value, json};

use super::cell::{Cell, CellValue};
use super::entry::editable;
use super::format::{Locale, is_temporal, shown};
use super::workbook::{Tab, Workbook};

/// The workbook for a page. Rows of a tab are left out if it has not changed after `since`.
///
/// A cell is `null` if empty, else `{"text": as shown, "kind": number|text|boolean|date|error|formula}`
/// with `"edit"` (what the cell holds when opened for typing) where it differs from the text, and
/// `"note"` if it has one.
pub(super) fn dump(workbook: &Workbook, since: Option<u64>) -> Value {
    let locale = workbook.locale_marks();
    let tabs: Vec<Value> = workbook
        .tabs
        .iter()
        .enumerate()
        .map(|(index, tab)| {
            let mut out = json!({
                "sheetId": tab.sheet_id,
                "title": tab.title,
                "index": index,
                "hidden": tab.hidden,
                "frozenRows": tab.frozen_rows,
                "rowCount": tab.row_count,
                "columnCount": tab.column_count,
                "filledRows": tab.filled_rows(),
                "filledColumns": tab.filled_columns(),
                "version": tab.version,
            });
            if since.is_none_or(|since| tab.version > since) {
                out["rows"] = rows(tab, &locale);
            }
            out
        })
        .collect();
    json!({
        "id": workbook.id,
        "title": workbook.title,
        "locale": workbook.locale,
        "timeZone": workbook.time_zone,
        "share": workbook.share,
        "version": workbook.version,
        "changed": since.is_none_or(|since| workbook.version > since),
        "tabs": tabs,
    })
}

fn rows(tab: &Tab, locale: &Locale) -> Value {
    (0..tab.filled_rows())
        .map(|row| {
            tab.row(row)
                .iter()
                .map(|one| cell(one, locale))
                .collect::<Value>()
        })
        .collect()
}

fn cell(cell: &Cell, locale: &Locale) -> Value {
    let kind = match &cell.value {
        _ if cell.formula.is_some() => "formula",
        CellValue::Empty => return Value::Null,
        CellValue::Number(_) if is_temporal(cell) => "date",
        CellValue::Number(_) => "number",
        CellValue::Text(_) => "text",
        CellValue::Boolean(_) => "boolean",
        CellValue::Error(_) => "error",
    };
    let text = shown(cell, locale);
    let edit = editable(cell, &text, locale);
    let mut out = json!({ "text": text, "kind": kind });
    if edit != text {
        out["edit"] = json!(edit);
    }
    if let Some(note) = &cell.note {
        out["note"] = json!(**note);
    }
    out
}
