//! What staff do to a sheet: the edits a person makes with mouse and keyboard, as data.
//!
//! Rows count from 1 as the sheet shows them. A column is a letter within the grid (`C`) or, failing
//! that, the text of a header cell in the first twenty rows (`Giai đoạn`).

mod apply;
mod undo;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::workbook::Role;

pub(super) use apply::apply;
pub(super) use undo::{Undo, remember};

/// One cell to be set, named by `cell` (`C5`) or by `row` and `column`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellEdit {
    /// The A1 name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<String>,
    /// The row, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<usize>,
    /// The column's letter or header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What a person types there; an empty text empties the cell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed: Option<String>,
    /// Or the cell itself, in the workbook files' form: `"0901"`, `7`, `{"v": 46047, "nf": "dd/mm/yyyy"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

impl CellEdit {
    /// Typing into a cell named by row (from 1) and column (letter or header).
    pub fn typed(row: usize, column: &str, typed: &str) -> CellEdit {
        CellEdit {
            row: Some(row),
            column: Some(column.to_owned()),
            typed: Some(typed.to_owned()),
            ..CellEdit::default()
        }
    }
}

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

/// An edit. As JSON: `{"op": "set", "tab": "Khách hàng", "row": 5, "column": "SĐT", "typed": "0901"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
#[allow(missing_docs)] // The fields are told with each edit: tab titles, rows from 1, columns.
pub enum Edit {
    /// Sets one cell.
    Set {
        tab: String,
        #[serde(flatten)]
        at: CellEdit,
    },
    /// Sets several cells at once.
    SetCells { tab: String, cells: Vec<CellEdit> },
    /// Inserts `count` blank rows above row `at`, or `rows`, each a list of typed texts.
    InsertRows {
        tab: String,
        at: usize,
        #[serde(default = "one")]
        count: usize,
        #[serde(default)]
        rows: Vec<Vec<Value>>,
    },
    /// Writes a row below the last filled one. A text is typed, anything else is a cell as in the
    /// workbook files.
    AppendRow { tab: String, values: Vec<Value> },
    /// Deletes `count` rows from row `from` on.
    DeleteRows {
        tab: String,
        from: usize,
        #[serde(default = "one")]
        count: usize,
    },
    /// Sorts by a column. Rows `from_row` to `to_row` move; by default those below the header (the
    /// row that holds the column's header, else the frozen rows, else row 1) down to the last filled
    /// one. Month rows and totals move along, as in Sheets.
    Sort {
        tab: String,
        column: String,
        #[serde(default)]
        descending: bool,
        #[serde(default)]
        from_row: Option<usize>,
        #[serde(default)]
        to_row: Option<usize>,
    },
    /// Drags `count` rows from `from` to stand before row `to`, counted before the move.
    MoveRows {
        tab: String,
        from: usize,
        #[serde(default = "one")]
        count: usize,
        to: usize,
    },
    /// Cuts rows and pastes them in another tab (below its last filled row, or over row `to_row`);
    /// the emptied rows are then deleted unless `close` is false.
    CutRows {
        tab: String,
        from: usize,
        #[serde(default = "one")]
        count: usize,
        to_tab: String,
        #[serde(default)]
        to_row: Option<usize>,
        #[serde(default = "yes")]
        close: bool,
    },
    /// Copies a row into a new row inserted above `to_row` (by default right below itself), in the
    /// same tab or another.
    CopyRow {
        tab: String,
        row: usize,
        #[serde(default)]
        to_tab: Option<String>,
        #[serde(default)]
        to_row: Option<usize>,
    },
    /// Inserts a column left of `at`; `header` is typed into the header row.
    InsertColumn {
        tab: String,
        at: String,
        #[serde(default)]
        header: Option<String>,
    },
    /// Deletes a column.
    DeleteColumn { tab: String, column: String },
    /// Drags a column to stand left of `to`, counted before the move.
    MoveColumn {
        tab: String,
        column: String,
        to: String,
    },
    /// Types another header over the header `from`.
    RenameHeader {
        tab: String,
        from: String,
        to: String,
    },
    /// Pastes a block with its upper left corner at `cell`: `rows` of typed texts or cells, or
    /// `text` with tabs and line breaks as from a clipboard.
    Paste {
        tab: String,
        cell: String,
        #[serde(default)]
        rows: Vec<Vec<Value>>,
        #[serde(default)]
        text: Option<String>,
    },
    /// Empties a range, or the whole tab without one.
    Clear {
        tab: String,
        #[serde(default)]
        range: Option<String>,
    },
    /// Sets a range's number format; an empty pattern means automatic.
    Format {
        tab: String,
        range: String,
        pattern: String,
    },
    /// Replaces everything in a tab by rows of cells in the workbook files' form.
    ReplaceTab { tab: String, rows: Vec<Vec<Value>> },
    /// Renames a tab.
    RenameTab { tab: String, to: String },
    /// Adds a tab at the end, with rows of cells in the workbook files' form.
    AddTab {
        title: String,
        #[serde(default)]
        rows: Vec<Vec<Value>>,
    },
    /// Deletes a tab.
    DeleteTab { tab: String },
    /// Hides a tab, or shows it again.
    HideTab {
        tab: String,
        #[serde(default = "yes")]
        hidden: bool,
    },
    /// Freezes the first rows.
    Freeze { tab: String, rows: usize },
    /// Changes the workbook's locale (`en_US`).
    SetLocale { locale: String },
    /// Changes the workbook's time zone (`Asia/Ho_Chi_Minh`).
    SetTimeZone { time_zone: String },
    /// Changes the workbook's title.
    SetTitle { title: String },
    /// Shares the workbook with an address, or with `*`.
    Share { email: String, role: Role },
    /// Stops sharing it.
    Unshare { email: String },
}

/// What an edit came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edited {
    /// The workbook's version now.
    pub version: u64,
    /// The row (from 1) where the last edit put its row, if it put one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<usize>,
}

/// Why an edit cannot be done. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// No workbook of that id.
    #[error("there is no workbook {0:?} in the sandbox")]
    NoWorkbook(String),
    /// No tab of that title.
    #[error("there is no tab {tab:?}; the tabs are {known:?}")]
    NoTab {
        /// The title asked for.
        tab: String,
        /// The titles there are.
        known: Vec<String>,
    },
    /// A second tab of that title.
    #[error("there is already a tab {0:?}")]
    TabExists(String),
    /// The last tab cannot be deleted.
    #[error("a workbook keeps at least one tab")]
    LastTab,
    /// Neither a letter in the grid nor a header.
    #[error(
        "{column:?} is neither a column letter within the grid of {tab:?} nor a header in its first rows"
    )]
    NoColumn {
        /// The tab.
        tab: String,
        /// The column asked for.
        column: String,
    },
    /// A row outside the grid.
    #[error("row {row} is outside the grid of {tab:?}, which has rows 1 to {rows}")]
    NoRow {
        /// The tab.
        tab: String,
        /// The row asked for.
        row: usize,
        /// How many there are.
        rows: usize,
    },
    /// Not an A1 name.
    #[error("{0:?} is no cell or range; write C5, A1:D9 or B:C")]
    NoRange(String),
    /// Not a cell's content.
    #[error("{0}")]
    NoCell(String),
    /// More than a workbook can hold.
    #[error("a workbook holds at most 10 million cells")]
    TooLarge,
    /// Nothing left to take back.
    #[error("there is nothing to undo")]
    NothingToUndo,
}
