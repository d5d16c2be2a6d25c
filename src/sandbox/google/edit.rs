//! What staff do to a sheet: the edits a person makes with mouse and keyboard, as data.
//!
//! Rows count from 1 as the sheet shows them. A column is a letter within the grid (`C`) or, failing
//! that, the text of a header cell in the first twenty rows (`Giai đoạn`).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::a1::{self, Area};
use super::cell::Cell;
use super::entry::enter;
use super::workbook::{Role, Tab, Workbook};

/// How many rows are searched for a header.
const HEADER_ROWS: usize = 20;
/// How many edits can be taken back.
const UNDO_MAX: usize = 100;

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
    /// Nothing left to take back.
    #[error("there is nothing to undo")]
    NothingToUndo,
}

fn tab_at(workbook: &Workbook, title: &str) -> Result<usize, EditError> {
    workbook.tab_index(title).ok_or_else(|| EditError::NoTab {
        tab: title.to_owned(),
        known: workbook.tabs.iter().map(|tab| tab.title.clone()).collect(),
    })
}

/// A row from 1 as a place from 0; `extra` rows beyond the grid are allowed.
fn row_at(tab: &Tab, row: usize, extra: usize) -> Result<usize, EditError> {
    match row.checked_sub(1) {
        Some(place) if place < tab.row_count + extra => Ok(place),
        _ => Err(EditError::NoRow {
            tab: tab.title.clone(),
            row,
            rows: tab.row_count,
        }),
    }
}

fn header_at(tab: &Tab, header: &str) -> Option<(usize, usize)> {
    (0..HEADER_ROWS.min(tab.rows.len())).find_map(|row| {
        let column = tab.rows[row].iter().position(
            |cell| matches!(&cell.value, super::CellValue::Text(text) if text == header),
        )?;
        Some((row, column))
    })
}

fn column_at(tab: &Tab, column: &str) -> Result<usize, EditError> {
    let letters = column.bytes().all(|byte| byte.is_ascii_uppercase());
    let by_letter = letters
        .then(|| a1::column_number(column))
        .flatten()
        .filter(|place| *place < tab.column_count);
    by_letter
        .or_else(|| header_at(tab, column).map(|(_, place)| place))
        .ok_or_else(|| EditError::NoColumn {
            tab: tab.title.clone(),
            column: column.to_owned(),
        })
}

/// A range without a tab's title, cut at the grid.
fn area_at(tab: &Tab, range: &str) -> Result<Area, EditError> {
    let bad = || EditError::NoRange(range.to_owned());
    let corners = a1::parse_cells(range).ok_or_else(bad)?;
    tab.area(Some(&corners)).ok_or_else(bad)
}

struct Typist {
    locale: super::format::Locale,
    year: i16,
}

impl Typist {
    /// A text is typed; anything else is a cell in the workbook files' form.
    fn cell(&self, value: &Value, old: &Cell) -> Result<Cell, EditError> {
        match value {
            Value::String(text) => Ok(enter(text, old.format.as_ref(), &self.locale, self.year)),
            other => Cell::from_json(other).map_err(EditError::NoCell),
        }
    }

    fn rows(&self, rows: &[Vec<Value>]) -> Result<Vec<Vec<Cell>>, EditError> {
        rows.iter()
            .map(|row| {
                row.iter()
                    .map(|value| self.cell(value, &Cell::default()))
                    .collect()
            })
            .collect()
    }

    fn set(&self, tab: &mut Tab, at: &CellEdit) -> Result<(), EditError> {
        let (row, column) = match (&at.cell, at.row, &at.column) {
            (Some(name), ..) => {
                let corners = a1::parse_cells(name)
                    .filter(|corners| corners.single)
                    .ok_or_else(|| EditError::NoRange(name.clone()))?;
                (corners.top.unwrap_or(0), corners.left.unwrap_or(0))
            }
            (None, Some(row), Some(column)) => (row_at(tab, row, 0)?, column_at(tab, column)?),
            _ => {
                return Err(EditError::NoCell(
                    "a cell is named by \"cell\", or by \"row\" and \"column\"".to_owned(),
                ));
            }
        };
        if row >= tab.row_count || column >= tab.column_count {
            return Err(EditError::NoRow {
                tab: tab.title.clone(),
                row: row + 1,
                rows: tab.row_count,
            });
        }
        let old = tab.cell(row, column);
        let cell = match (&at.typed, &at.value) {
            (Some(typed), None) => enter(typed, old.format.as_ref(), &self.locale, self.year),
            (None, Some(value)) => Cell::from_json(value).map_err(EditError::NoCell)?,
            _ => {
                return Err(EditError::NoCell(
                    "say either what is \"typed\" or the \"value\"".to_owned(),
                ));
            }
        };
        tab.set(row, column, cell);
        Ok(())
    }

    fn paste(&self, tab: &mut Tab, cell: &str, block: &[Vec<Value>]) -> Result<usize, EditError> {
        let corners = a1::parse_cells(cell).ok_or_else(|| EditError::NoRange(cell.to_owned()))?;
        let (top, left) = (corners.top.unwrap_or(0), corners.left.unwrap_or(0));
        for (down, row) in block.iter().enumerate() {
            for (across, value) in row.iter().enumerate() {
                let (row, column) = (top + down, left + across);
                let made = self.cell(value, tab.cell(row, column))?;
                tab.set(row, column, made);
            }
        }
        Ok(top)
    }
}

fn cells(rows: &[Vec<Value>]) -> Result<Vec<Vec<Cell>>, EditError> {
    rows.iter()
        .map(|row| row.iter().map(Cell::from_json).collect::<Result<_, _>>())
        .collect::<Result<_, _>>()
        .map_err(EditError::NoCell)
}

/// Does an edit; the row (from 1) where it put its row, if it put one.
pub(super) fn apply(
    workbook: &mut Workbook,
    edit: &Edit,
    year: i16,
) -> Result<Option<usize>, EditError> {
    let typist = Typist {
        locale: workbook.locale_marks(),
        year,
    };
    match edit {
        Edit::Set { tab, .. }
        | Edit::SetCells { tab, .. }
        | Edit::Paste { tab, .. }
        | Edit::Clear { tab, .. }
        | Edit::Format { tab, .. }
        | Edit::ReplaceTab { tab, .. }
        | Edit::RenameHeader { tab, .. } => {
            let index = tab_at(workbook, tab)?;
            apply_to_cells(&mut workbook.tabs[index], edit, &typist)
        }
        Edit::InsertRows { tab, .. }
        | Edit::AppendRow { tab, .. }
        | Edit::DeleteRows { tab, .. }
        | Edit::Sort { tab, .. }
        | Edit::MoveRows { tab, .. } => {
            let index = tab_at(workbook, tab)?;
            apply_to_rows(&mut workbook.tabs[index], edit, &typist)
        }
        Edit::InsertColumn { tab, .. }
        | Edit::DeleteColumn { tab, .. }
        | Edit::MoveColumn { tab, .. } => {
            let index = tab_at(workbook, tab)?;
            apply_to_columns(&mut workbook.tabs[index], edit, &typist)
        }
        Edit::CutRows { .. } | Edit::CopyRow { .. } => apply_across(workbook, edit),
        _ => apply_to_workbook(workbook, edit),
    }
}

fn apply_to_cells(tab: &mut Tab, edit: &Edit, typist: &Typist) -> Result<Option<usize>, EditError> {
    match edit {
        Edit::Set { at, .. } => typist.set(tab, at)?,
        Edit::SetCells { cells, .. } => {
            for at in cells {
                typist.set(tab, at)?;
            }
        }
        Edit::Paste {
            cell, rows, text, ..
        } => {
            let mut block = rows.clone();
            if let Some(text) = text {
                block.extend(text.trim_end_matches(['\r', '\n']).split('\n').map(|line| {
                    line.trim_end_matches('\r')
                        .split('\t')
                        .map(Value::from)
                        .collect()
                }));
            }
            return typist.paste(tab, cell, &block).map(|top| Some(top + 1));
        }
        Edit::Clear { range, .. } => {
            let area = match range {
                Some(range) => Some(area_at(tab, range)?),
                None => tab.area(None),
            };
            if let Some(area) = area {
                tab.clear(&area);
            }
        }
        Edit::Format { range, pattern, .. } => {
            let area = area_at(tab, range)?;
            for row in area.top..area.bottom {
                for column in area.left..area.right {
                    let mut cell = tab.cell(row, column).clone();
                    cell.format = (!pattern.is_empty()).then(|| pattern.as_str().into());
                    tab.set(row, column, cell);
                }
            }
        }
        Edit::ReplaceTab { rows, .. } => tab.replace_rows(cells(rows)?),
        Edit::RenameHeader { from, to, .. } => {
            let (row, column) = header_at(tab, from).ok_or_else(|| EditError::NoColumn {
                tab: tab.title.clone(),
                column: from.clone(),
            })?;
            tab.set(row, column, Cell::text(to.as_str()));
        }
        _ => {}
    }
    Ok(None)
}

fn apply_to_rows(tab: &mut Tab, edit: &Edit, typist: &Typist) -> Result<Option<usize>, EditError> {
    match edit {
        Edit::InsertRows {
            at, count, rows, ..
        } => {
            let place = row_at(tab, *at, 1)?;
            let new = if rows.is_empty() {
                vec![Vec::new(); *count]
            } else {
                typist.rows(rows)?
            };
            tab.insert_rows(place, new);
            Ok(Some(*at))
        }
        Edit::AppendRow { values, .. } => {
            let place = tab.filled_rows();
            for (column, value) in values.iter().enumerate() {
                let cell = typist.cell(value, tab.cell(place, column))?;
                tab.set(place, column, cell);
            }
            Ok(Some(place + 1))
        }
        Edit::DeleteRows { from, count, .. } => {
            let place = row_at(tab, *from, 0)?;
            tab.delete_rows(place, *count);
            Ok(None)
        }
        Edit::Sort {
            column,
            descending,
            from_row,
            to_row,
            ..
        } => {
            let place = column_at(tab, column)?;
            let below_header =
                header_at(tab, column)
                    .map(|(row, _)| row + 1)
                    .unwrap_or(if tab.frozen_rows > 0 {
                        tab.frozen_rows
                    } else {
                        1
                    });
            let area = Area {
                top: from_row.map_or(Ok(below_header), |row| row_at(tab, row, 0))?,
                left: 0,
                bottom: to_row.map_or_else(|| tab.filled_rows(), |row| row.min(tab.row_count)),
                right: tab.column_count,
            };
            tab.sort(&area, &[(place, *descending)]);
            Ok(None)
        }
        Edit::MoveRows {
            from, count, to, ..
        } => {
            let place = row_at(tab, *from, 0)?;
            let to = row_at(tab, *to, 1)?;
            let count = (*count).min(tab.row_count - place);
            // Dropped on itself: nothing moves.
            if (place..=place + count).contains(&to) {
                return Ok(Some(*from));
            }
            tab.move_rows(place, count, to);
            Ok(Some(if to > place { to - count + 1 } else { to + 1 }))
        }
        _ => Ok(None),
    }
}

fn apply_to_columns(
    tab: &mut Tab,
    edit: &Edit,
    typist: &Typist,
) -> Result<Option<usize>, EditError> {
    match edit {
        Edit::InsertColumn { at, header, .. } => {
            let place = match column_at(tab, at) {
                Err(_) if a1::column_number(at) == Some(tab.column_count) => tab.column_count,
                other => other?,
            };
            // The header row: the one that holds the neighbour's header, else the last frozen one.
            let row = header_at(tab, at)
                .map(|(row, _)| row)
                .unwrap_or(tab.frozen_rows.saturating_sub(1));
            tab.insert_columns(place, 1);
            if let Some(header) = header {
                let cell = enter(header, None, &typist.locale, typist.year);
                tab.set(row, place, cell);
            }
        }
        Edit::DeleteColumn { column, .. } => {
            let place = column_at(tab, column)?;
            tab.delete_columns(place, 1);
        }
        Edit::MoveColumn { column, to, .. } => {
            let place = column_at(tab, column)?;
            let to = match column_at(tab, to) {
                Err(_) if a1::column_number(to) == Some(tab.column_count) => tab.column_count,
                other => other?,
            };
            if to != place && to != place + 1 {
                tab.move_columns(place, 1, to);
            }
        }
        _ => {}
    }
    Ok(None)
}

fn apply_across(workbook: &mut Workbook, edit: &Edit) -> Result<Option<usize>, EditError> {
    match edit {
        Edit::CutRows {
            tab,
            from,
            count,
            to_tab,
            to_row,
            close,
        } => {
            let (source, target) = (tab_at(workbook, tab)?, tab_at(workbook, to_tab)?);
            let place = row_at(&workbook.tabs[source], *from, 0)?;
            let cut: Vec<Vec<Cell>> = (place..place + count)
                .map(|row| workbook.tabs[source].row(row).to_vec())
                .collect();
            let landing = match to_row {
                Some(row) => row_at(&workbook.tabs[target], *row, 1)?,
                None => workbook.tabs[target].filled_rows(),
            };
            let width = workbook.tabs[source].column_count;
            for row in place..(place + count).min(workbook.tabs[source].rows.len()) {
                for column in 0..width.min(workbook.tabs[source].rows[row].len()) {
                    workbook.tabs[source].set(row, column, Cell::default());
                }
            }
            for (down, row) in cut.into_iter().enumerate() {
                for (column, cell) in row.into_iter().enumerate() {
                    workbook.tabs[target].set(landing + down, column, cell);
                }
            }
            let mut landed = landing + 1;
            if *close {
                workbook.tabs[source].delete_rows(place, *count);
                if source == target && landing > place {
                    landed = landed.saturating_sub(*count);
                }
            }
            Ok(Some(landed))
        }
        Edit::CopyRow {
            tab,
            row,
            to_tab,
            to_row,
        } => {
            let source = tab_at(workbook, tab)?;
            let target = tab_at(workbook, to_tab.as_ref().unwrap_or(tab))?;
            let place = row_at(&workbook.tabs[source], *row, 0)?;
            let copy = workbook.tabs[source].row(place).to_vec();
            let landing = match to_row {
                Some(row) => row_at(&workbook.tabs[target], *row, 1)?,
                None if source == target => place + 1,
                None => workbook.tabs[target].filled_rows(),
            };
            workbook.tabs[target].insert_rows(landing, vec![copy]);
            Ok(Some(landing + 1))
        }
        _ => Ok(None),
    }
}

fn apply_to_workbook(workbook: &mut Workbook, edit: &Edit) -> Result<Option<usize>, EditError> {
    match edit {
        Edit::RenameTab { tab, to } => {
            let index = tab_at(workbook, tab)?;
            if workbook.tab_index(to).is_some_and(|other| other != index) {
                return Err(EditError::TabExists(to.clone()));
            }
            workbook.tabs[index].title.clone_from(to);
        }
        Edit::AddTab { title, rows } => {
            if workbook.tab(title).is_some() {
                return Err(EditError::TabExists(title.clone()));
            }
            let rows = cells(rows)?;
            workbook.add_tab(title).replace_rows(rows);
        }
        Edit::DeleteTab { tab } => {
            let index = tab_at(workbook, tab)?;
            if workbook.tabs.len() == 1 {
                return Err(EditError::LastTab);
            }
            workbook.tabs.remove(index);
        }
        Edit::HideTab { tab, hidden } => {
            let index = tab_at(workbook, tab)?;
            workbook.tabs[index].hidden = *hidden;
        }
        Edit::Freeze { tab, rows } => {
            let index = tab_at(workbook, tab)?;
            workbook.tabs[index].frozen_rows = (*rows).min(workbook.tabs[index].row_count);
        }
        Edit::SetLocale { locale } => workbook.locale.clone_from(locale),
        Edit::SetTimeZone { time_zone } => workbook.time_zone.clone_from(time_zone),
        Edit::SetTitle { title } => workbook.title.clone_from(title),
        Edit::Share { email, role } => {
            workbook.share.insert(email.clone(), *role);
        }
        Edit::Unshare { email } => {
            workbook.share.remove(email);
        }
        _ => {}
    }
    Ok(None)
}

/// What taking an edit back needs: the workbook before it, and which tabs it touched.
#[derive(Debug)]
pub(super) struct Undo {
    before: Workbook,
    touched: Vec<i64>,
}

impl Undo {
    pub(super) fn between(before: &Workbook, after: &Workbook) -> Undo {
        let ids = |workbook: &Workbook| -> Vec<i64> {
            workbook.tabs.iter().map(|tab| tab.sheet_id).collect()
        };
        let mut touched: Vec<i64> = after
            .tabs
            .iter()
            .filter(|tab| tab.version == after.version)
            .map(|tab| tab.sheet_id)
            .collect();
        let (old, new) = (ids(before), ids(after));
        touched.extend(old.iter().filter(|id| !new.contains(id)));
        Undo {
            before: before.clone(),
            touched,
        }
    }

    /// Puts back what the edit touched, and nothing else.
    pub(super) fn restore(self, workbook: &mut Workbook) {
        let Undo { before, touched } = self;
        for id in touched {
            let now = workbook.tabs.iter().position(|tab| tab.sheet_id == id);
            let then = before.tabs.iter().position(|tab| tab.sheet_id == id);
            match (now, then) {
                (Some(now), Some(then)) => workbook.tabs[now] = before.tabs[then].clone(),
                (Some(now), None) => {
                    workbook.tabs.remove(now);
                }
                (None, Some(then)) => {
                    let at = then.min(workbook.tabs.len());
                    workbook.tabs.insert(at, before.tabs[then].clone());
                }
                (None, None) => {}
            }
        }
        workbook.title = before.title;
        workbook.locale = before.locale;
        workbook.time_zone = before.time_zone;
        workbook.share = before.share;
    }
}

/// Keeps the last edits for taking back.
pub(super) fn remember(undo: &mut Vec<Undo>, last: Undo) {
    if undo.len() == UNDO_MAX {
        undo.remove(0);
    }
    undo.push(last);
}
