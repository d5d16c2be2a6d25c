//! Writing: a tab that we make, and the cells of tabs that are ours. One `spreadsheets.batchUpdate` each, which
//! Google does whole or not at all.
//!
//! Text is written as text (`stringValue`), never as somebody would type it: a name that begins with `=` is no
//! formula.

use google_sheets4::api::{
    AddSheetRequest, BatchUpdateSpreadsheetRequest, BooleanCondition, CellData, CellFormat,
    ConditionValue, DataValidationRule, ExtendedValue, GridCoordinate, GridProperties, GridRange,
    Request, RowData, SetDataValidationRequest, SheetProperties, TextFormat, UpdateCellsRequest,
};
use google_sheets4::common::FieldMask;

use super::{CALL_LIMIT, GoogleError, Service, auth};

/// The scope for writing, asked for only where `[google] write` is on.
const WRITE_SCOPE: &str = "https://www.googleapis.com/auth/spreadsheets";

/// So many rows a new tab has.
const NEW_ROWS: i32 = 1_000;

/// What a cell gets.
#[derive(Clone, Debug, PartialEq)]
pub enum Written {
    /// Text, as it is.
    Text(String),
    /// A number.
    Number(f64),
}

impl From<&str> for Written {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A drop-down list under a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropdown {
    /// The column, from 0.
    pub column: usize,
    /// What it offers. Other words may be typed.
    pub words: Vec<String>,
}

/// A header cell of a new tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderCell {
    /// What it says.
    pub text: String,
    /// What a note at it says; empty: none.
    pub note: String,
}

/// A tab that is to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewTab {
    /// Its title.
    pub title: String,
    /// Its first row, bold and frozen.
    pub header: Vec<HeaderCell>,
    /// The rows below.
    pub rows: Vec<Vec<Written>>,
    /// Its drop-down lists.
    pub dropdowns: Vec<Dropdown>,
}

impl NewTab {
    /// Google's id for a tab of ours: always the same for a title, so that making it twice makes it once, and that
    /// it is known to be ours whatever it is called by now.
    pub fn id_of(title: &str) -> i64 {
        i64::from(sheet_of(title))
    }
}

fn sheet_of(title: &str) -> i32 {
    let hash = blake3::hash(title.as_bytes());
    let bytes: [u8; 4] = [0, 1, 2, 3].map(|place| hash.as_bytes()[place]);
    // Google's ids are positive; 0 is a workbook's first tab.
    (i32::from_be_bytes(bytes) & i32::MAX).max(1)
}

impl Service {
    /// Makes a tab. Returns its id.
    ///
    /// # Errors
    /// See [`GoogleError`]; a title that is taken is [`GoogleError::Refused`].
    pub(super) async fn add_tab(&self, workbook: &str, tab: &NewTab) -> Result<i64, GoogleError> {
        let sheet = sheet_of(&tab.title);
        let width = count(tab.header.len().max(1));
        let mut requests = vec![
            Request {
                add_sheet: Some(AddSheetRequest {
                    properties: Some(SheetProperties {
                        sheet_id: Some(sheet),
                        title: Some(tab.title.clone()),
                        grid_properties: Some(GridProperties {
                            row_count: Some(NEW_ROWS.max(count(tab.rows.len()) + 1)),
                            column_count: Some(width),
                            frozen_row_count: Some(1),
                            ..GridProperties::default()
                        }),
                        ..SheetProperties::default()
                    }),
                }),
                ..Request::default()
            },
            cells(
                sheet,
                0,
                vec![tab.header.iter().map(header).collect()],
                &[
                    "userEnteredValue",
                    "userEnteredFormat.textFormat.bold",
                    "note",
                ],
            ),
        ];
        if !tab.rows.is_empty() {
            requests.push(values(sheet, 1, &tab.rows));
        }
        requests.extend(tab.dropdowns.iter().map(|list| dropdown(sheet, list)));
        self.batch(workbook, requests).await?;
        Ok(i64::from(sheet))
    }

    /// Overwrites the cells of a tab from its first row on.
    ///
    /// # Errors
    /// See [`GoogleError`].
    pub(super) async fn put_rows(
        &self,
        workbook: &str,
        sheet: i64,
        rows: &[Vec<Written>],
    ) -> Result<(), GoogleError> {
        let sheet = i32::try_from(sheet).unwrap_or(i32::MAX); // Google's ids are 32 bits wide
        self.batch(workbook, vec![values(sheet, 0, rows)]).await
    }

    async fn batch(&self, workbook: &str, requests: Vec<Request>) -> Result<(), GoogleError> {
        self.permit().await;
        let mut watch = auth::Watch::default();
        let body = BatchUpdateSpreadsheetRequest {
            requests: Some(requests),
            ..BatchUpdateSpreadsheetRequest::default()
        };
        let call = self
            .hub
            .spreadsheets()
            .batch_update(body, workbook)
            .param("fields", "spreadsheetId")
            .add_scope(WRITE_SCOPE)
            .delegate(&mut watch)
            .doit();
        let answer = tokio::time::timeout(CALL_LIMIT, call).await;
        match answer {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(match self.explain(workbook, &error, &watch) {
                // It is read all the time: only writing is refused.
                GoogleError::NotShared { workbook, account } => {
                    GoogleError::NotEditor { workbook, account }
                }
                other => other,
            }),
            Err(_) => Err(GoogleError::Unreachable {
                url: self.url.clone(),
                why: format!("no answer within {} s", CALL_LIMIT.as_secs()),
            }),
        }
    }
}

/// Fits: a tab has at most 18 278 columns and 10 million rows.
fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn header(cell: &HeaderCell) -> CellData {
    CellData {
        user_entered_value: Some(text(&cell.text)),
        user_entered_format: Some(CellFormat {
            text_format: Some(TextFormat {
                bold: Some(true),
                ..TextFormat::default()
            }),
            ..CellFormat::default()
        }),
        note: Some(cell.note.clone()).filter(|note| !note.is_empty()),
        ..CellData::default()
    }
}

fn text(text: &str) -> ExtendedValue {
    ExtendedValue {
        string_value: Some(text.to_owned()),
        ..ExtendedValue::default()
    }
}

fn values(sheet: i32, from: i32, rows: &[Vec<Written>]) -> Request {
    let cell = |written: &Written| CellData {
        user_entered_value: Some(match written {
            Written::Text(words) => text(words),
            Written::Number(number) => ExtendedValue {
                number_value: Some(*number),
                ..ExtendedValue::default()
            },
        }),
        ..CellData::default()
    };
    let rows = rows
        .iter()
        .map(|row| row.iter().map(cell).collect())
        .collect();
    cells(sheet, from, rows, &["userEnteredValue"])
}

fn cells(sheet: i32, from: i32, rows: Vec<Vec<CellData>>, fields: &[&str]) -> Request {
    Request {
        update_cells: Some(UpdateCellsRequest {
            fields: Some(FieldMask::new(fields)),
            start: Some(GridCoordinate {
                sheet_id: Some(sheet),
                row_index: Some(from),
                column_index: Some(0),
            }),
            rows: Some(
                rows.into_iter()
                    .map(|values| RowData {
                        values: Some(values),
                    })
                    .collect(),
            ),
            range: None,
        }),
        ..Request::default()
    }
}

fn dropdown(sheet: i32, list: &Dropdown) -> Request {
    let value = |word: &String| ConditionValue {
        user_entered_value: Some(word.clone()),
        relative_date: None,
    };
    Request {
        set_data_validation: Some(SetDataValidationRequest {
            range: Some(GridRange {
                sheet_id: Some(sheet),
                start_row_index: Some(1),
                start_column_index: Some(count(list.column)),
                end_column_index: Some(count(list.column) + 1),
                end_row_index: None,
            }),
            rule: Some(DataValidationRule {
                condition: Some(BooleanCondition {
                    type_: Some("ONE_OF_LIST".into()),
                    values: Some(list.words.iter().map(value).collect()),
                }),
                show_custom_ui: Some(true),
                // Several words in a cell, and other ones, are fine.
                strict: Some(false),
                input_message: None,
            }),
            filtered_rows_included: None,
        }),
        ..Request::default()
    }
}
