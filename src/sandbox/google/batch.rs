//! `spreadsheets.batchUpdate`: structural requests, all or nothing.
//!
//! The caller hands in a copy of the workbook and keeps it only if every request succeeded.

use serde_json::{Value, json};

use super::a1::Area;
use super::cell::{Cell, CellValue};
use super::entry::enter;
use super::errors::ApiError;
use super::mask::Mask;
use super::spreadsheets::tab_properties;
use super::workbook::{MAX_COLUMNS, Tab, Workbook};

/// Runs a `batchUpdate` body and returns the replies.
pub(super) fn batch_update(
    workbook: &mut Workbook,
    body: &Value,
    this_year: i16,
) -> Result<Value, ApiError> {
    let requests = match body["requests"].as_array() {
        Some(requests) if !requests.is_empty() => requests,
        _ => return Err(ApiError::invalid("Must specify at least one request.")),
    };
    let mut replies = Vec::with_capacity(requests.len());
    for (at, request) in requests.iter().enumerate() {
        let Some((kind, content)) = request.as_object().and_then(|parts| parts.iter().next())
        else {
            return Err(ApiError::invalid(format!(
                "Invalid requests[{at}]: No request set."
            )));
        };
        let reply = run(workbook, kind, content, this_year).map_err(|refusal| match refusal {
            Refusal::Unknown => ApiError::invalid(format!(
                "Invalid JSON payload received. Unknown name \"{kind}\" at 'requests[{at}]': Cannot find field."
            )),
            Refusal::Because(why) => {
                ApiError::invalid(format!("Invalid requests[{at}].{kind}: {why}"))
            }
        })?;
        replies.push(reply);
    }
    Ok(json!({ "spreadsheetId": workbook.id, "replies": replies }))
}

enum Refusal {
    Unknown,
    Because(String),
}

impl From<String> for Refusal {
    fn from(why: String) -> Refusal {
        Refusal::Because(why)
    }
}

impl From<&str> for Refusal {
    fn from(why: &str) -> Refusal {
        Refusal::Because(why.to_owned())
    }
}

fn run(
    workbook: &mut Workbook,
    kind: &str,
    content: &Value,
    this_year: i16,
) -> Result<Value, Refusal> {
    match kind {
        "addSheet" => {
            let index = add_tab(workbook, &content["properties"])
                .map_err(|error| Refusal::Because(error.message))?;
            let properties = tab_properties(&workbook.tabs[index], index);
            return Ok(json!({ "addSheet": { "properties": properties } }));
        }
        "deleteSheet" => delete_tab(workbook, content)?,
        "duplicateSheet" => return duplicate_tab(workbook, content),
        "updateSheetProperties" => update_tab(workbook, content)?,
        "updateSpreadsheetProperties" => update_workbook(workbook, content)?,
        "insertDimension" => insert_dimension(workbook, content)?,
        "deleteDimension" => delete_dimension(workbook, content)?,
        "moveDimension" => move_dimension(workbook, content)?,
        "appendDimension" => append_dimension(workbook, content)?,
        "sortRange" => sort_range(workbook, content)?,
        "updateCells" => update_cells(workbook, content, this_year)?,
        "repeatCell" => repeat_cell(workbook, content, this_year)?,
        "cutPaste" => cut_paste(workbook, content)?,
        // How things look: accepted, as nothing here shows it.
        "autoResizeDimensions"
        | "updateDimensionProperties"
        | "updateBorders"
        | "setDataValidation" => {}
        _ => return Err(Refusal::Unknown),
    }
    Ok(json!({}))
}

fn whole_number(value: &Value) -> Option<usize> {
    value
        .as_u64()
        .and_then(|number| usize::try_from(number).ok())
}

fn tab_index(workbook: &Workbook, sheet_id: &Value) -> Result<usize, Refusal> {
    // A missing sheetId is 0, as in every protocol buffer.
    let id = sheet_id.as_i64().unwrap_or(0);
    workbook
        .tabs
        .iter()
        .position(|tab| tab.sheet_id == id)
        .ok_or_else(|| Refusal::Because(format!("No grid with id: {id}")))
}

/// Adds a tab by its `SheetProperties` and returns where it stands.
pub(super) fn add_tab(workbook: &mut Workbook, properties: &Value) -> Result<usize, ApiError> {
    let title = match properties["title"].as_str() {
        Some(title) if !title.is_empty() => title.to_owned(),
        _ => (1..)
            .map(|number| format!("Sheet{number}"))
            .find(|title| workbook.tab(title).is_none())
            .unwrap_or_default(),
    };
    if workbook.tab(&title).is_some() {
        return Err(ApiError::invalid(format!(
            "A sheet with the name \"{title}\" already exists. Please enter another name."
        )));
    }
    let sheet_id = match properties["sheetId"].as_i64() {
        Some(id) if workbook.tabs.iter().any(|tab| tab.sheet_id == id) => {
            return Err(ApiError::invalid(format!(
                "A sheet with the id {id} already exists."
            )));
        }
        Some(id) => id,
        None => workbook.free_sheet_id(),
    };
    let mut tab = Tab::new(sheet_id, title);
    let grid = &properties["gridProperties"];
    tab.row_count = whole_number(&grid["rowCount"])
        .unwrap_or(tab.row_count)
        .max(1);
    tab.column_count = whole_number(&grid["columnCount"])
        .unwrap_or(tab.column_count)
        .clamp(1, MAX_COLUMNS);
    tab.frozen_rows = whole_number(&grid["frozenRowCount"]).unwrap_or(0);
    tab.hidden = properties["hidden"] == json!(true);
    let index = whole_number(&properties["index"])
        .unwrap_or(workbook.tabs.len())
        .min(workbook.tabs.len());
    workbook.tabs.insert(index, tab);
    Ok(index)
}

fn delete_tab(workbook: &mut Workbook, content: &Value) -> Result<(), Refusal> {
    let id = content["sheetId"].as_i64().unwrap_or(0);
    let index = workbook
        .tabs
        .iter()
        .position(|tab| tab.sheet_id == id)
        .ok_or_else(|| format!("No sheet with id: {id}"))?;
    if workbook.tabs.iter().filter(|tab| !tab.hidden).count() <= 1 && !workbook.tabs[index].hidden {
        return Err("You can't remove all the visible sheets in a document.".into());
    }
    workbook.tabs.remove(index);
    Ok(())
}

fn duplicate_tab(workbook: &mut Workbook, content: &Value) -> Result<Value, Refusal> {
    let from = tab_index(workbook, &content["sourceSheetId"])?;
    let mut tab = workbook.tabs[from].clone();
    tab.title = content["newSheetName"]
        .as_str()
        .map_or_else(|| format!("Copy of {}", tab.title), str::to_owned);
    if workbook.tab(&tab.title).is_some() {
        return Err(format!(
            "A sheet with the name \"{}\" already exists. Please enter another name.",
            tab.title
        )
        .into());
    }
    tab.sheet_id = content["newSheetId"]
        .as_i64()
        .unwrap_or_else(|| workbook.free_sheet_id());
    let index = whole_number(&content["insertSheetIndex"])
        .unwrap_or(0)
        .min(workbook.tabs.len());
    workbook.tabs.insert(index, tab);
    let properties = tab_properties(&workbook.tabs[index], index);
    Ok(json!({ "duplicateSheet": { "properties": properties } }))
}

/// The request's field mask, which must be there.
fn wanted(content: &Value) -> Result<Mask, Refusal> {
    let fields = content["fields"].as_str().unwrap_or("");
    Mask::parse(fields).ok_or_else(|| {
        "At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)".into()
    })
}

fn update_tab(workbook: &mut Workbook, content: &Value) -> Result<(), Refusal> {
    let mask = wanted(content)?;
    let properties = &content["properties"];
    let index = tab_index(workbook, &properties["sheetId"])?;
    if mask.reaches(&["title"])
        && let Some(title) = properties["title"].as_str()
    {
        let taken = workbook
            .tab_index(title)
            .is_some_and(|other| other != index);
        if taken || title.is_empty() {
            return Err(format!(
                "A sheet with the name \"{title}\" already exists. Please enter another name."
            )
            .into());
        }
        workbook.tabs[index].title = title.to_owned();
    }
    let tab = &mut workbook.tabs[index];
    if mask.reaches(&["hidden"]) {
        tab.hidden = properties["hidden"] == json!(true);
    }
    let grid = &properties["gridProperties"];
    if mask.reaches(&["gridProperties", "frozenRowCount"]) {
        tab.frozen_rows = whole_number(&grid["frozenRowCount"]).unwrap_or(0);
    }
    if mask.reaches(&["gridProperties", "rowCount"])
        && let Some(rows) = whole_number(&grid["rowCount"]).filter(|rows| *rows > 0)
    {
        let gone = tab.row_count.saturating_sub(rows);
        tab.delete_rows(rows, gone);
        tab.row_count = rows;
    }
    if mask.reaches(&["gridProperties", "columnCount"])
        && let Some(columns) =
            whole_number(&grid["columnCount"]).filter(|columns| (1..=MAX_COLUMNS).contains(columns))
    {
        let gone = tab.column_count.saturating_sub(columns);
        tab.delete_columns(columns, gone);
        tab.column_count = columns;
    }
    if mask.reaches(&["index"])
        && let Some(to) = whole_number(&properties["index"])
    {
        let tab = workbook.tabs.remove(index);
        // Counted before the tab is taken out, as Google does.
        let to = if to > index { to - 1 } else { to };
        workbook.tabs.insert(to.min(workbook.tabs.len()), tab);
    }
    Ok(())
}

fn update_workbook(workbook: &mut Workbook, content: &Value) -> Result<(), Refusal> {
    let mask = wanted(content)?;
    let properties = &content["properties"];
    let places = [
        ("title", &mut workbook.title),
        ("locale", &mut workbook.locale),
        ("timeZone", &mut workbook.time_zone),
    ];
    for (name, place) in places {
        if mask.reaches(&[name])
            && let Some(text) = properties[name].as_str()
        {
            text.clone_into(place);
        }
    }
    Ok(())
}

/// A `DimensionRange`: the tab, whether it is columns, and from where to where.
fn dimension(workbook: &Workbook, range: &Value) -> Result<(usize, bool, usize, usize), Refusal> {
    let index = tab_index(workbook, &range["sheetId"])?;
    let columns = match range["dimension"].as_str() {
        Some("ROWS") => false,
        Some("COLUMNS") => true,
        _ => return Err("No dimension specified.".into()),
    };
    let tab = &workbook.tabs[index];
    let size = if columns {
        tab.column_count
    } else {
        tab.row_count
    };
    let start = whole_number(&range["startIndex"]).unwrap_or(0);
    let end = whole_number(&range["endIndex"]).unwrap_or(size);
    if end <= start {
        return Err(format!("endIndex[{end}] must be after startIndex[{start}].").into());
    }
    Ok((index, columns, start, end))
}

fn within(start: usize, size: usize) -> Result<(), Refusal> {
    if start > size {
        return Err(format!("range.startIndex[{start}] is too large. Grid has {size}.").into());
    }
    Ok(())
}

fn insert_dimension(workbook: &mut Workbook, content: &Value) -> Result<(), Refusal> {
    let (index, columns, start, end) = dimension(workbook, &content["range"])?;
    let tab = &mut workbook.tabs[index];
    if columns {
        within(start, tab.column_count)?;
        tab.insert_columns(start, end - start);
    } else {
        within(start, tab.row_count)?;
        tab.insert_rows(start, vec![Vec::new(); end - start]);
    }
    Ok(())
}

fn delete_dimension(workbook: &mut Workbook, content: &Value) -> Result<(), Refusal> {
    let (index, columns, start, end) = dimension(workbook, &content["range"])?;
    let tab = &mut workbook.tabs[index];
    let size = if columns {
        tab.column_count
    } else {
        tab.row_count
    };
    if end > size {
        return Err(format!("Cannot delete up to {end}: the grid has {size}.").into());
    }
    if end - start >= size {
        let what = if columns { "columns" } else { "rows" };
        return Err(format!("You can't delete all the {what} on the sheet.").into());
    }
    if columns {
        tab.delete_columns(start, end - start);
    } else {
        tab.delete_rows(start, end - start);
    }
    Ok(())
}

fn move_dimension(workbook: &mut Workbook, content: &Value) -> Result<(), Refusal> {
    let (index, columns, start, end) = dimension(workbook, &content["source"])?;
    let tab = &mut workbook.tabs[index];
    let size = if columns {
        tab.column_count
    } else {
        tab.row_count
    };
    let to = whole_number(&content["destinationIndex"]).unwrap_or(0);
    within(to, size)?;
    within(end, size)?;
    if (start + 1..end).contains(&to) {
        return Err("The destination must not lie inside the source.".into());
    }
    if columns {
        tab.move_columns(start, end - start, to);
    } else {
        tab.move_rows(start, end - start, to);
    }
    Ok(())
}

fn append_dimension(workbook: &mut Workbook, content: &Value) -> Result<(), Refusal> {
    let index = tab_index(workbook, &content["sheetId"])?;
    let length = whole_number(&content["length"])
        .filter(|length| *length > 0)
        .ok_or("length must be positive.")?;
    let tab = &mut workbook.tabs[index];
    match content["dimension"].as_str() {
        Some("ROWS") => tab.row_count += length,
        Some("COLUMNS") => tab.column_count = (tab.column_count + length).min(MAX_COLUMNS),
        _ => return Err("No dimension specified.".into()),
    }
    Ok(())
}

/// A `GridRange`, cut at the grid's edge.
fn grid_range(workbook: &Workbook, range: &Value) -> Result<(usize, Area), Refusal> {
    let index = tab_index(workbook, &range["sheetId"])?;
    let tab = &workbook.tabs[index];
    let place = |name: &str, fallback: usize| whole_number(&range[name]).unwrap_or(fallback);
    let area = Area {
        top: place("startRowIndex", 0),
        left: place("startColumnIndex", 0),
        bottom: place("endRowIndex", tab.row_count).min(tab.row_count),
        right: place("endColumnIndex", tab.column_count).min(tab.column_count),
    };
    if area.top >= area.bottom || area.left >= area.right {
        return Err("The range is empty or lies outside the grid.".into());
    }
    Ok((index, area))
}

fn sort_range(workbook: &mut Workbook, content: &Value) -> Result<(), Refusal> {
    let (index, area) = grid_range(workbook, &content["range"])?;
    let empty = Vec::new();
    let by: Vec<(usize, bool)> = content["sortSpecs"]
        .as_array()
        .unwrap_or(&empty)
        .iter()
        .map(|spec| {
            (
                whole_number(&spec["dimensionIndex"]).unwrap_or(0),
                spec["sortOrder"] == json!("DESCENDING"),
            )
        })
        .collect();
    if by.is_empty() {
        return Err("sortSpecs must be specified.".into());
    }
    workbook.tabs[index].sort(&area, &by);
    Ok(())
}

/// What a `CellData` of a request makes of a cell, as far as the mask reaches.
fn overlay(old: &Cell, data: &Value, mask: &Mask, workbook: &Workbook, this_year: i16) -> Cell {
    let mut cell = old.clone();
    if mask.reaches(&["userEnteredValue"]) {
        let entered = &data["userEnteredValue"];
        cell.formula = None;
        cell.value = if let Some(number) = entered["numberValue"].as_f64() {
            CellValue::Number(number)
        } else if let Some(text) = entered["stringValue"].as_str() {
            Cell::text(text).value
        } else if let Some(flag) = entered["boolValue"].as_bool() {
            CellValue::Boolean(flag)
        } else if let Some(formula) = entered["formulaValue"].as_str() {
            let made = enter(formula, None, &workbook.locale_marks(), this_year);
            cell.formula = made.formula;
            cell.note = made.note;
            made.value
        } else {
            CellValue::Empty
        };
    }
    if mask.reaches(&["userEnteredFormat", "numberFormat"]) {
        let format = &data["userEnteredFormat"]["numberFormat"];
        cell.format = match (format["pattern"].as_str(), format["type"].as_str()) {
            (Some(pattern), _) if !pattern.is_empty() => Some(pattern.into()),
            (_, Some("TEXT")) => Some("@".into()),
            (_, Some("DATE")) => Some(workbook.locale_marks().date_format.into()),
            _ => None,
        };
    }
    if mask.reaches(&["note"]) {
        cell.note = data["note"].as_str().map(Into::into);
    }
    cell
}

fn update_cells(workbook: &mut Workbook, content: &Value, this_year: i16) -> Result<(), Refusal> {
    let mask = wanted(content)?;
    let (index, area) = if content["range"].is_object() {
        grid_range(workbook, &content["range"])?
    } else {
        let start = &content["start"];
        let index = tab_index(workbook, &start["sheetId"])?;
        let top = whole_number(&start["rowIndex"]).unwrap_or(0);
        let left = whole_number(&start["columnIndex"]).unwrap_or(0);
        let tab = &workbook.tabs[index];
        let area = Area {
            top,
            left,
            bottom: tab.row_count,
            right: tab.column_count,
        };
        (index, area)
    };
    let empty = Vec::new();
    let rows = content["rows"].as_array().unwrap_or(&empty);
    // With a range, what the rows do not reach is cleared.
    let reach = if content["range"].is_object() {
        area.bottom
    } else {
        area.top + rows.len()
    };
    for row in area.top..reach {
        let cells = rows
            .get(row - area.top)
            .and_then(|row| row["values"].as_array())
            .unwrap_or(&empty);
        let end = if content["range"].is_object() {
            area.right
        } else {
            area.left + cells.len()
        };
        if row >= area.bottom || end > area.right {
            return Err(format!(
                "Attempting to write outside the grid, at row {row} and column {}.",
                end.saturating_sub(1)
            )
            .into());
        }
        for column in area.left..end {
            let data = cells.get(column - area.left).unwrap_or(&Value::Null);
            let old = workbook.tabs[index].cell(row, column).clone();
            let cell = overlay(&old, data, &mask, workbook, this_year);
            if cell != old {
                workbook.tabs[index].set(row, column, cell);
            }
        }
    }
    Ok(())
}

fn repeat_cell(workbook: &mut Workbook, content: &Value, this_year: i16) -> Result<(), Refusal> {
    let mask = wanted(content)?;
    let (index, area) = grid_range(workbook, &content["range"])?;
    for row in area.top..area.bottom {
        for column in area.left..area.right {
            let old = workbook.tabs[index].cell(row, column).clone();
            let cell = overlay(&old, &content["cell"], &mask, workbook, this_year);
            if cell != old {
                workbook.tabs[index].set(row, column, cell);
            }
        }
    }
    Ok(())
}

fn cut_paste(workbook: &mut Workbook, content: &Value) -> Result<(), Refusal> {
    let (from, area) = grid_range(workbook, &content["source"])?;
    let place = &content["destination"];
    let to = tab_index(workbook, &place["sheetId"])?;
    let top = whole_number(&place["rowIndex"]).unwrap_or(0);
    let left = whole_number(&place["columnIndex"]).unwrap_or(0);
    let target = &workbook.tabs[to];
    if top >= target.row_count || left >= target.column_count {
        return Err("The destination lies outside the grid.".into());
    }
    let last = area.bottom.min(workbook.tabs[from].filled_rows());
    let cut: Vec<Vec<Cell>> = (area.top..last)
        .map(|row| {
            (area.left..area.right)
                .map(|column| workbook.tabs[from].cell(row, column).clone())
                .collect()
        })
        .collect();
    for row in area.top..last {
        for column in area.left..area.right {
            workbook.tabs[from].set(row, column, Cell::default());
        }
    }
    for (down, row) in cut.into_iter().enumerate() {
        for (across, cell) in row.into_iter().enumerate() {
            workbook.tabs[to].set(top + down, left + across, cell);
        }
    }
    Ok(())
}
