//! `spreadsheets.values.*`: reading ranges and writing into them.
//!
//! Everything here works on one workbook in memory; who may do it was settled before.

use serde_json::{Map, Value, json};

use super::a1::{self, A1, Area};
use super::cell::{Cell, CellValue, number_json};
use super::entry::enter;
use super::errors::ApiError;
use super::format::{Locale, is_temporal, shown};
use super::workbook::{MAX_CELLS, Tab, Workbook, filled};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Render {
    Formatted,
    Unformatted,
    Formula,
}

/// How values are to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadOptions {
    render: Render,
    dates_as_text: bool,
    by_column: bool,
}

type Pairs = [(String, String)];

fn param<'a>(query: &'a Pairs, name: &str) -> Option<&'a str> {
    query
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
        .filter(|value| !value.is_empty())
}

fn bad_enum(field: &str, kind: &str, value: &str) -> ApiError {
    ApiError::invalid(format!(
        "Invalid value at '{field}' (type.googleapis.com/google.apps.sheets.v4.{kind}), \"{value}\""
    ))
}

fn by_column(value: Option<&str>) -> Result<bool, ApiError> {
    match value {
        None | Some("ROWS" | "DIMENSION_UNSPECIFIED") => Ok(false),
        Some("COLUMNS") => Ok(true),
        Some(other) => Err(bad_enum("major_dimension", "Dimension", other)),
    }
}

impl ReadOptions {
    /// From a request's parameters; `prefix` is empty for a read and `response` for what a write
    /// answers with.
    pub(super) fn from_names(
        render: Option<&str>,
        dates: Option<&str>,
        major: Option<&str>,
    ) -> Result<ReadOptions, ApiError> {
        let render = match render {
            None | Some("FORMATTED_VALUE") => Render::Formatted,
            Some("UNFORMATTED_VALUE") => Render::Unformatted,
            Some("FORMULA") => Render::Formula,
            Some(other) => return Err(bad_enum("value_render_option", "ValueRenderOption", other)),
        };
        let dates_as_text = match dates {
            None | Some("SERIAL_NUMBER") => false,
            Some("FORMATTED_STRING") => true,
            Some(other) => {
                return Err(bad_enum(
                    "date_time_render_option",
                    "DateTimeRenderOption",
                    other,
                ));
            }
        };
        Ok(ReadOptions {
            render,
            dates_as_text,
            by_column: by_column(major)?,
        })
    }

    pub(super) fn from_query(query: &Pairs) -> Result<ReadOptions, ApiError> {
        ReadOptions::from_names(
            param(query, "valueRenderOption"),
            param(query, "dateTimeRenderOption"),
            param(query, "majorDimension"),
        )
    }
}

/// The tab and the area a range text means, or Google's error.
pub(super) fn resolve(workbook: &Workbook, range: &str) -> Result<(usize, Area, A1), ApiError> {
    let name = a1::parse(range).ok_or_else(|| ApiError::unparsable_range(range))?;
    let index = workbook
        .find(&name)
        .ok_or_else(|| ApiError::unparsable_range(range))?;
    let tab = &workbook.tabs[index];
    let area = tab.area(name.cells.as_ref()).ok_or_else(|| {
        ApiError::invalid(format!(
            "Range ({range}) exceeds grid limits. Max rows: {}, max columns: {}",
            tab.row_count, tab.column_count
        ))
    })?;
    Ok((index, area, name))
}

/// `values.get`.
pub(super) fn get(workbook: &Workbook, range: &str, query: &Pairs) -> Result<Value, ApiError> {
    let options = ReadOptions::from_query(query)?;
    let (index, area, _) = resolve(workbook, range)?;
    Ok(value_range(workbook, index, &area, options))
}

/// `values.batchGet`.
pub(super) fn batch_get(workbook: &Workbook, query: &Pairs) -> Result<Value, ApiError> {
    let options = ReadOptions::from_query(query)?;
    let ranges = query
        .iter()
        .filter(|(key, _)| key == "ranges")
        .map(|(_, range)| {
            let (index, area, _) = resolve(workbook, range)?;
            Ok(value_range(workbook, index, &area, options))
        })
        .collect::<Result<Vec<Value>, ApiError>>()?;
    Ok(json!({ "spreadsheetId": workbook.id, "valueRanges": ranges }))
}

/// A `ValueRange`: rows cut after their last filled cell, empty rows at the end left out, no
/// `values` key if nothing is there; `range` still names the whole area.
fn value_range(workbook: &Workbook, index: usize, area: &Area, options: ReadOptions) -> Value {
    let tab = &workbook.tabs[index];
    let locale = workbook.locale_marks();
    let mut rows: Vec<Value> = Vec::new();
    let mut last = 0;
    for row in area.top..area.bottom.min(tab.rows.len()) {
        let cells = tab.row(row);
        let cells = &cells[area.left.min(cells.len())..area.right.min(cells.len())];
        let cells = &cells[..filled(cells)];
        rows.push(
            cells
                .iter()
                .map(|cell| rendered(cell, &locale, options))
                .collect(),
        );
        if !cells.is_empty() {
            last = rows.len();
        }
    }
    rows.truncate(last);
    if options.by_column {
        rows = transposed(rows);
    }
    let mut out = json!({
        "range": a1::name(&tab.title, area),
        "majorDimension": if options.by_column { "COLUMNS" } else { "ROWS" },
    });
    if !rows.is_empty() {
        out["values"] = Value::Array(rows);
    }
    out
}

fn rendered(cell: &Cell, locale: &Locale, options: ReadOptions) -> Value {
    match (options.render, &cell.formula) {
        (Render::Formatted, _) => return json!(shown(cell, locale)),
        (Render::Formula, Some(formula)) => return json!(**formula),
        _ => {}
    }
    match &cell.value {
        CellValue::Number(_)
            if options.dates_as_text
                && options.render == Render::Unformatted
                && is_temporal(cell) =>
        {
            json!(shown(cell, locale))
        }
        CellValue::Number(number) => number_json(*number),
        CellValue::Boolean(flag) => json!(flag),
        CellValue::Text(text) | CellValue::Error(text) => json!(text),
        CellValue::Empty => json!(""),
    }
}

/// Rows to columns and back; what is missing is an empty text, ends are cut.
fn transposed(rows: Vec<Value>) -> Vec<Value> {
    let rows: Vec<Vec<Value>> = rows
        .into_iter()
        .map(|row| match row {
            Value::Array(cells) => cells,
            _ => Vec::new(),
        })
        .collect();
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    (0..width)
        .map(|column| {
            let mut cells: Vec<Value> = rows
                .iter()
                .map(|row| row.get(column).cloned().unwrap_or_else(|| json!("")))
                .collect();
            let end = cells
                .iter()
                .rposition(|cell| cell != &json!(""))
                .map_or(0, |last| last + 1);
            cells.truncate(end);
            Value::Array(cells)
        })
        .collect()
}

/// How typed values are to be taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct WriteOptions {
    as_typed: bool,
    this_year: i16,
}

impl WriteOptions {
    pub(super) fn named(option: Option<&str>, this_year: i16) -> Result<WriteOptions, ApiError> {
        match option {
            Some("RAW") => Ok(WriteOptions {
                as_typed: false,
                this_year,
            }),
            Some("USER_ENTERED") => Ok(WriteOptions {
                as_typed: true,
                this_year,
            }),
            None | Some("INPUT_VALUE_OPTION_UNSPECIFIED") => Err(ApiError::invalid(
                "'valueInputOption' is required but not specified",
            )),
            Some(other) => Err(bad_enum("value_input_option", "ValueInputOption", other)),
        }
    }
}

/// The rows of a `ValueRange` body, turned if it is given by columns.
fn body_rows(body: &Value) -> Result<Vec<Vec<Value>>, ApiError> {
    let turn = by_column(body["majorDimension"].as_str())?;
    let rows = match &body["values"] {
        Value::Null => return Ok(Vec::new()),
        Value::Array(rows) => rows,
        _ => {
            return Err(ApiError::invalid(
                "Invalid value at 'data.values' (type.googleapis.com/google.protobuf.ListValue)",
            ));
        }
    };
    let mut out = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        let cells = row.as_array().ok_or_else(|| {
            ApiError::invalid(format!(
                "Invalid value at 'data.values[{at}]' (type.googleapis.com/google.protobuf.ListValue), {row}"
            ))
        })?;
        for (place, cell) in cells.iter().enumerate() {
            let kind = match cell {
                Value::Object(_) => "struct_value",
                Value::Array(_) => "list_value",
                Value::String(text) if text.chars().count() > 50_000 => {
                    return Err(ApiError::invalid(
                        "Your input contains more than the maximum of 50000 characters in a single cell.",
                    ));
                }
                _ => continue,
            };
            return Err(ApiError::invalid(format!(
                "Invalid values[{at}][{place}]: {kind} {{ }}"
            )));
        }
        out.push(cells.clone());
    }
    if turn {
        let width = out.iter().map(Vec::len).max().unwrap_or(0);
        out = (0..width)
            .map(|column| {
                out.iter()
                    .map(|row| row.get(column).cloned().unwrap_or(Value::Null))
                    .collect()
            })
            .collect();
    }
    Ok(out)
}

fn put(tab: &mut Tab, area: &Area, rows: &[Vec<Value>], locale: &Locale, options: WriteOptions) {
    for (down, row) in rows.iter().enumerate() {
        for (across, value) in row.iter().enumerate() {
            let (row, column) = (area.top + down, area.left + across);
            let format = tab.cell(row, column).format.clone();
            let value = match value {
                // null skips the cell.
                Value::Null => continue,
                Value::String(text) if options.as_typed => {
                    let cell = enter(text, format.as_ref(), locale, options.this_year);
                    tab.set(row, column, cell);
                    continue;
                }
                Value::String(text) if text.is_empty() => CellValue::Empty,
                Value::String(text) => CellValue::Text(text.clone()),
                Value::Bool(flag) => CellValue::Boolean(*flag),
                Value::Number(number) => CellValue::Number(number.as_f64().unwrap_or(0.0)),
                // Refused by `body_rows`.
                Value::Array(_) | Value::Object(_) => continue,
            };
            tab.set(
                row,
                column,
                Cell {
                    value,
                    format,
                    ..Cell::default()
                },
            );
        }
    }
}

fn size(rows: &[Vec<Value>]) -> (usize, usize) {
    (rows.len(), rows.iter().map(Vec::len).max().unwrap_or(0))
}

fn updated(
    workbook: &Workbook,
    index: usize,
    area: &Area,
    rows: &[Vec<Value>],
) -> Map<String, Value> {
    let mut out = Map::new();
    let title = &workbook.tabs[index].title;
    out.insert("spreadsheetId".to_owned(), json!(workbook.id));
    out.insert("updatedRange".to_owned(), json!(a1::name(title, area)));
    let cells: usize = rows
        .iter()
        .map(|row| row.iter().filter(|cell| !cell.is_null()).count())
        .sum();
    // Google leaves zeroes out.
    if cells > 0 {
        out.insert("updatedRows".to_owned(), json!(area.height()));
        out.insert("updatedColumns".to_owned(), json!(area.width()));
        out.insert("updatedCells".to_owned(), json!(cells));
    }
    out
}

/// What a write adds to its answer: the new values, if asked for.
pub(super) fn echo(query: &Pairs) -> Result<Option<ReadOptions>, ApiError> {
    if param(query, "includeValuesInResponse") != Some("true") {
        return Ok(None);
    }
    let render = param(query, "responseValueRenderOption");
    let dates = param(query, "responseDateTimeRenderOption");
    ReadOptions::from_names(render, dates, None).map(Some)
}

/// One range of `values.update` or `values.batchUpdate`.
pub(super) fn update(
    workbook: &mut Workbook,
    range: &str,
    body: &Value,
    options: WriteOptions,
    echo: Option<ReadOptions>,
) -> Result<Value, ApiError> {
    let (index, area, name) = resolve(workbook, range)?;
    if let Some(own) = body["range"].as_str() {
        let same = resolve(workbook, own).is_ok_and(|(i, a, _)| (i, a) == (index, area));
        if !same {
            return Err(ApiError::invalid(format!(
                "Requested range [{range}] does not match value's range [{own}]"
            )));
        }
    }
    let rows = body_rows(body)?;
    let (height, width) = size(&rows);
    let tab = &workbook.tabs[index];
    let open_ended = name.cells.is_none_or(|corners| corners.single);
    let (bottom, right) = (area.top + height, area.left + width);
    if !open_ended && (height > area.height() || width > area.width()) {
        let beyond = if height > area.height() {
            format!("row [{}]", area.bottom + 1)
        } else {
            format!("column [{}]", a1::column_letters(area.right))
        };
        return Err(ApiError::invalid(format!(
            "Requested writing within range [{}], but tried writing to {beyond}",
            a1::name(&tab.title, &area)
        )));
    }
    if bottom > tab.row_count || right > tab.column_count {
        return Err(ApiError::invalid(format!(
            "Range ({}) exceeds grid limits. Max rows: {}, max columns: {}",
            a1::name(
                &tab.title,
                &Area {
                    bottom,
                    right,
                    ..area
                }
            ),
            tab.row_count,
            tab.column_count
        )));
    }
    let written = if height * width == 0 {
        area
    } else {
        Area {
            bottom,
            right,
            ..area
        }
    };
    let locale = workbook.locale_marks();
    put(&mut workbook.tabs[index], &written, &rows, &locale, options);
    let mut out = updated(workbook, index, &written, &rows);
    if let Some(read) = echo {
        out.insert(
            "updatedData".to_owned(),
            value_range(workbook, index, &written, read),
        );
    }
    Ok(Value::Object(out))
}

/// `values.batchUpdate`; the caller gives a copy, so that one bad range changes nothing.
pub(super) fn batch_update(
    workbook: &mut Workbook,
    body: &Value,
    this_year: i16,
) -> Result<Value, ApiError> {
    let options = WriteOptions::named(body["valueInputOption"].as_str(), this_year)?;
    let echo = if body["includeValuesInResponse"] == json!(true) {
        Some(ReadOptions::from_names(
            body["responseValueRenderOption"].as_str(),
            body["responseDateTimeRenderOption"].as_str(),
            None,
        )?)
    } else {
        None
    };
    let empty = Vec::new();
    let mut responses = Vec::new();
    for part in body["data"].as_array().unwrap_or(&empty) {
        let range = part["range"]
            .as_str()
            .ok_or_else(|| ApiError::invalid("Invalid data: range is missing"))?;
        responses.push(update(workbook, range, part, options, echo)?);
    }
    let total = |key: &str| -> u64 { responses.iter().filter_map(|r| r[key].as_u64()).sum() };
    let mut tabs: Vec<&str> = responses
        .iter()
        .filter_map(|r| {
            r["updatedRange"]
                .as_str()?
                .rsplit_once('!')
                .map(|(tab, _)| tab)
        })
        .collect();
    tabs.sort_unstable();
    tabs.dedup();
    Ok(json!({
        "spreadsheetId": workbook.id,
        "totalUpdatedRows": total("updatedRows"),
        "totalUpdatedColumns": total("updatedColumns"),
        "totalUpdatedCells": total("updatedCells"),
        "totalUpdatedSheets": tabs.len(),
        "responses": responses,
    }))
}

/// `values.append`: after the last table in the range, from its first column.
pub(super) fn append(
    workbook: &mut Workbook,
    range: &str,
    query: &Pairs,
    body: &Value,
    this_year: i16,
) -> Result<Value, ApiError> {
    let options = WriteOptions::named(param(query, "valueInputOption"), this_year)?;
    let echo = echo(query)?;
    let insert = match param(query, "insertDataOption") {
        None | Some("OVERWRITE") => false,
        Some("INSERT_ROWS") => true,
        Some(other) => return Err(bad_enum("insert_data_option", "InsertDataOption", other)),
    };
    let (index, area, _) = resolve(workbook, range)?;
    let rows = body_rows(body)?;
    let (height, width) = size(&rows);
    let locale = workbook.locale_marks();
    let tab = &mut workbook.tabs[index];
    let table = table_in(tab, &area);
    let (top, left) = table.map_or((area.top, area.left), |table| (table.bottom, table.left));
    let written = Area {
        top,
        left,
        bottom: top + height,
        right: left + width,
    };
    let cells_after = written.bottom.max(tab.row_count) * written.right.max(tab.column_count);
    if cells_after > MAX_CELLS {
        return Err(ApiError::invalid(
            "This action would increase the number of cells in the workbook above the limit of 10000000 cells.",
        ));
    }
    if insert && table.is_some() && top < tab.row_count {
        tab.insert_rows(top, vec![Vec::new(); height]);
    }
    tab.reach(written.bottom, written.right);
    put(tab, &written, &rows, &locale, options);
    let table_name = table.map(|table| a1::name(&tab.title, &table));
    let mut updates = updated(workbook, index, &written, &rows);
    if let Some(read) = echo {
        updates.insert(
            "updatedData".to_owned(),
            value_range(workbook, index, &written, read),
        );
    }
    let mut out = json!({ "spreadsheetId": workbook.id, "updates": updates });
    if let Some(name) = table_name {
        out["tableRange"] = json!(name);
    }
    Ok(out)
}

/// The last table that the area touches: grown from its last filled cell until empty rows and
/// columns surround it. `None` if the area is empty.
fn table_in(tab: &Tab, area: &Area) -> Option<Area> {
    let filled_at = |row: usize, column: usize| !tab.cell(row, column).is_empty();
    let last = (area.top..area.bottom.min(tab.rows.len()))
        .rev()
        .find_map(|row| {
            (area.left..area.right.min(tab.rows[row].len()))
                .find(|column| filled_at(row, *column))
                .map(|column| (row, column))
        })?;
    let mut table = Area {
        top: last.0,
        left: last.1,
        bottom: last.0 + 1,
        right: last.1 + 1,
    };
    let (rows, columns) = (tab.filled_rows(), tab.filled_columns());
    loop {
        let around_rows = table.top.saturating_sub(1)..(table.bottom + 1).min(rows);
        let around_columns = table.left.saturating_sub(1)..(table.right + 1).min(columns);
        let before = table;
        if around_columns
            .clone()
            .any(|c| table.top > 0 && filled_at(table.top - 1, c))
        {
            table.top -= 1;
        }
        if around_columns
            .clone()
            .any(|c| table.bottom < rows && filled_at(table.bottom, c))
        {
            table.bottom += 1;
        }
        if around_rows
            .clone()
            .any(|r| table.left > 0 && filled_at(r, table.left - 1))
        {
            table.left -= 1;
        }
        if around_rows
            .clone()
            .any(|r| table.right < columns && filled_at(r, table.right))
        {
            table.right += 1;
        }
        if table == before {
            return Some(table);
        }
    }
}

/// `values.clear` and, for several ranges, `values.batchClear`.
pub(super) fn clear(workbook: &mut Workbook, range: &str) -> Result<String, ApiError> {
    let (index, area, _) = resolve(workbook, range)?;
    let tab = &mut workbook.tabs[index];
    tab.clear(&area);
    Ok(a1::name(&tab.title, &area))
}
