//! `spreadsheets.get` and `spreadsheets.create`: a workbook's properties and, if asked for, its grid.

use serde_json::{Value, json};

use super::a1::Area;
use super::cell::{Cell, CellValue, number_json};
use super::errors::ApiError;
use super::format::{FormatKind, Locale, kind_of, shown};
use super::mask::Mask;
use super::values::resolve;
use super::workbook::{Tab, Workbook, filled};

/// `spreadsheets.get`: everything but the grid, or what `mask` and `ranges` ask for.
pub(super) fn get(
    workbook: &Workbook,
    base_url: &str,
    ranges: &[&str],
    include_grid: bool,
    mask: Option<&Mask>,
) -> Result<Value, ApiError> {
    // A field mask makes includeGridData count for nothing.
    let with_grid = mask.map_or(include_grid, |mask| mask.reaches(&["sheets", "data"]));
    let mut areas: Vec<Vec<Area>> = vec![Vec::new(); workbook.tabs.len()];
    for range in ranges {
        let (index, area, _) = resolve(workbook, range)?;
        areas[index].push(area);
    }
    let locale = workbook.locale_marks();
    let mut sheets = Vec::new();
    for (index, tab) in workbook.tabs.iter().enumerate() {
        if !ranges.is_empty() && areas[index].is_empty() {
            continue;
        }
        let mut sheet = json!({ "properties": tab_properties(tab, index) });
        if with_grid {
            if areas[index].is_empty() {
                areas[index].extend(tab.area(None));
            }
            let data: Vec<Value> = areas[index]
                .iter()
                .map(|area| grid_data(tab, area, &locale))
                .collect();
            sheet["data"] = json!(data);
        }
        sheets.push(sheet);
    }
    Ok(json!({
        "spreadsheetId": workbook.id,
        "properties": {
            "title": workbook.title,
            "locale": workbook.locale,
            "autoRecalc": "ON_CHANGE",
            "timeZone": workbook.time_zone,
        },
        "sheets": sheets,
        "spreadsheetUrl": format!("{base_url}/spreadsheets/d/{}/edit", workbook.id),
    }))
}

/// `SheetProperties`; what is zero or false is left out where Google does.
pub(super) fn tab_properties(tab: &Tab, index: usize) -> Value {
    let mut grid = json!({ "rowCount": tab.row_count, "columnCount": tab.column_count });
    if tab.frozen_rows > 0 {
        grid["frozenRowCount"] = json!(tab.frozen_rows);
    }
    let mut properties = json!({
        "sheetId": tab.sheet_id,
        "title": tab.title,
        "index": index,
        "sheetType": "GRID",
        "gridProperties": grid,
    });
    if tab.hidden {
        properties["hidden"] = json!(true);
    }
    properties
}

fn grid_data(tab: &Tab, area: &Area, locale: &Locale) -> Value {
    let mut rows: Vec<Value> = Vec::new();
    let mut last = 0;
    for row in area.top..area.bottom.min(tab.rows.len()) {
        let cells = &tab.rows[row];
        let cells = &cells[area.left.min(cells.len())..area.right.min(cells.len())];
        let cells = &cells[..filled(cells)];
        if cells.is_empty() {
            rows.push(json!({}));
        } else {
            let values: Vec<Value> = cells.iter().map(|cell| cell_data(cell, locale)).collect();
            rows.push(json!({ "values": values }));
            last = rows.len();
        }
    }
    rows.truncate(last);
    let mut data = json!({
        "rowMetadata": vec![json!({ "pixelSize": 21 }); area.height()],
        "columnMetadata": vec![json!({ "pixelSize": 100 }); area.width()],
    });
    if !rows.is_empty() {
        data["rowData"] = json!(rows);
    }
    if area.top > 0 {
        data["startRow"] = json!(area.top);
    }
    if area.left > 0 {
        data["startColumn"] = json!(area.left);
    }
    data
}

/// `CellData`; an empty cell is an empty object.
fn cell_data(cell: &Cell, locale: &Locale) -> Value {
    let mut data = json!({});
    let effective = match &cell.value {
        CellValue::Empty => None,
        CellValue::Number(number) => Some(json!({ "numberValue": number_json(*number) })),
        CellValue::Text(text) => Some(json!({ "stringValue": text })),
        CellValue::Boolean(flag) => Some(json!({ "boolValue": flag })),
        CellValue::Error(error) => Some(json!({
            "errorValue": { "type": error_type(error), "message": error }
        })),
    };
    let entered = match (&cell.formula, &effective) {
        (Some(formula), _) => Some(json!({ "formulaValue": **formula })),
        (None, effective) => effective.clone(),
    };
    if let Some(value) = entered {
        data["userEnteredValue"] = value;
    }
    if let Some(value) = effective {
        data["effectiveValue"] = value;
        data["formattedValue"] = json!(shown(cell, locale));
    }
    if let Some(pattern) = &cell.format {
        let format =
            json!({ "numberFormat": { "type": format_type(pattern), "pattern": **pattern } });
        data["userEnteredFormat"] = format.clone();
        data["effectiveFormat"] = format;
    }
    if let Some(note) = &cell.note {
        data["note"] = json!(**note);
    }
    data
}

fn format_type(pattern: &str) -> &'static str {
    match kind_of(pattern) {
        FormatKind::Number => "NUMBER",
        FormatKind::Percent => "PERCENT",
        FormatKind::Currency => "CURRENCY",
        FormatKind::Date => "DATE",
        FormatKind::Time => "TIME",
        FormatKind::DateTime => "DATE_TIME",
        FormatKind::Text => "TEXT",
    }
}

fn error_type(error: &str) -> &'static str {
    match error {
        "#NULL!" => "NULL_VALUE",
        "#DIV/0!" => "DIVIDE_BY_ZERO",
        "#VALUE!" => "VALUE",
        "#REF!" => "REF",
        "#NAME?" => "NAME",
        "#NUM!" => "NUM",
        "#N/A" => "N_A",
        "Loading..." => "LOADING",
        _ => "ERROR",
    }
}

/// `spreadsheets.create`: a workbook with the given properties and tabs, one empty tab if none.
pub(super) fn create(body: &Value, id: String, owner: &str) -> Result<Workbook, ApiError> {
    let properties = &body["properties"];
    let title = properties["title"]
        .as_str()
        .unwrap_or("Untitled spreadsheet");
    let mut workbook = Workbook::new(id, title);
    workbook.share = [(owner.to_owned(), super::workbook::Role::Owner)].into();
    workbook.locale = properties["locale"].as_str().unwrap_or("en_US").to_owned();
    workbook.time_zone = properties["timeZone"]
        .as_str()
        .unwrap_or("Etc/GMT")
        .to_owned();
    let empty = Vec::new();
    for sheet in body["sheets"].as_array().unwrap_or(&empty) {
        super::batch::add_tab(&mut workbook, &sheet["properties"])?;
    }
    if workbook.tabs.is_empty() {
        workbook.add_tab(if workbook.locale.starts_with("vi") {
            "Trang tính1"
        } else {
            "Sheet1"
        });
    }
    Ok(workbook)
}
