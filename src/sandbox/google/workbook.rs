//! The workbook in memory: tabs, rows, cells, who may open it, and the moves a sheet can make.
//!
//! Rows are shared, so that a snapshot (for reading outside the lock, for undo, for an atomic batch)
//! costs a pointer a row. The moves here cannot fail half-way; `edit` and `batch` check before.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::a1::{A1, Area, Corners};
use super::cell::{Cell, CellValue, EMPTY};
use super::collate;
use super::format::Locale;

/// Rows of a new tab, as in Google Sheets.
pub(super) const NEW_TAB_ROWS: usize = 1000;
/// Columns of a new tab, as in Google Sheets.
pub(super) const NEW_TAB_COLUMNS: usize = 26;
/// The most columns a tab can have (`ZZZ`).
pub(super) const MAX_COLUMNS: usize = 18_278;
/// The most cells a workbook can have.
pub(super) const MAX_CELLS: usize = 10_000_000;

/// What somebody with whom a workbook is shared may do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Viewer: reads only.
    Reader,
    /// Editor: reads and writes.
    Writer,
    /// Owner: as an editor.
    Owner,
}

/// A workbook (spreadsheet). Cheap to clone: rows are shared until changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Workbook {
    /// The id in the workbook's address.
    pub id: String,
    /// The title, as Drive lists it.
    pub title: String,
    /// The locale, for example `vi_VN`: how typing is read and values are shown.
    pub locale: String,
    /// The CLDR time zone id.
    pub time_zone: String,
    /// Whom it is shared with: an e-mail address, or `*` for everybody.
    pub share: BTreeMap<String, Role>,
    /// The tabs in order.
    pub tabs: Vec<Tab>,
    /// Counts every change since it was loaded; a page polls with it.
    pub version: u64,
}

/// A tab (sheet).
#[derive(Debug, Clone, PartialEq)]
pub struct Tab {
    /// The id that survives a renaming.
    pub sheet_id: i64,
    /// The title, compared exactly.
    pub title: String,
    /// The rows that may hold something; shorter than `row_count`, and ragged.
    pub(super) rows: Vec<Arc<Vec<Cell>>>,
    /// Rows of the grid.
    pub row_count: usize,
    /// Columns of the grid.
    pub column_count: usize,
    /// How many rows stand frozen at the top.
    pub frozen_rows: usize,
    /// True if the tab is hidden from its users.
    pub hidden: bool,
    /// The workbook's version when this tab last changed.
    pub version: u64,
}

impl Workbook {
    /// An empty workbook without tabs, shared with everybody for writing, Vietnamese by locale.
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Workbook {
        Workbook {
            id: id.into(),
            title: title.into(),
            locale: "vi_VN".to_owned(),
            time_zone: "Asia/Ho_Chi_Minh".to_owned(),
            share: BTreeMap::from([("*".to_owned(), Role::Writer)]),
            tabs: Vec::new(),
            version: 1,
        }
    }

    /// The tab of that title, compared exactly (no case folding, no Unicode normalisation).
    pub fn tab(&self, title: &str) -> Option<&Tab> {
        self.tabs.iter().find(|tab| tab.title == title)
    }

    pub(super) fn tab_index(&self, title: &str) -> Option<usize> {
        self.tabs.iter().position(|tab| tab.title == title)
    }

    pub(super) fn locale_marks(&self) -> Locale {
        Locale::named(&self.locale)
    }

    /// The role of an account, by its own address or by `*`, whichever allows more.
    pub fn role_of(&self, email: &str) -> Option<Role> {
        let own = self.share.get(email).copied();
        own.max(self.share.get("*").copied())
    }

    /// Adds a tab at the end and returns it; the id is the lowest free above the others.
    pub fn add_tab(&mut self, title: impl Into<String>) -> &mut Tab {
        let sheet_id = self.free_sheet_id();
        let tab = Tab::new(sheet_id, title);
        self.tabs.push(tab);
        let last = self.tabs.len() - 1;
        &mut self.tabs[last]
    }

    pub(super) fn free_sheet_id(&self) -> i64 {
        self.tabs
            .iter()
            .map(|tab| tab.sheet_id + 1)
            .max()
            .unwrap_or(0)
    }

    /// Which tab an A1 name means; `None` if there is no such tab.
    pub(super) fn find(&self, name: &A1) -> Option<usize> {
        match &name.tab {
            Some(title) => self.tab_index(title),
            None => self
                .tabs
                .iter()
                .position(|tab| !tab.hidden)
                .or((!self.tabs.is_empty()).then_some(0)),
        }
    }

    /// Marks everything as changed that differs from `before`.
    pub(super) fn touch_differences(&mut self, before: &Workbook) {
        self.version = before.version + 1;
        for tab in &mut self.tabs {
            let same = before
                .tabs
                .iter()
                .any(|old| old.sheet_id == tab.sheet_id && old.same_content(tab));
            if !same {
                tab.version = self.version;
            }
        }
    }
}

impl Tab {
    /// An empty tab of 1000 rows and 26 columns.
    pub(super) fn new(sheet_id: i64, title: impl Into<String>) -> Tab {
        Tab {
            sheet_id,
            title: title.into(),
            rows: Vec::new(),
            row_count: NEW_TAB_ROWS,
            column_count: NEW_TAB_COLUMNS,
            frozen_rows: 0,
            hidden: false,
            version: 1,
        }
    }

    fn same_content(&self, other: &Tab) -> bool {
        self.title == other.title
            && self.row_count == other.row_count
            && self.column_count == other.column_count
            && self.frozen_rows == other.frozen_rows
            && self.hidden == other.hidden
            && self.rows.len() == other.rows.len()
            && self
                .rows
                .iter()
                .zip(&other.rows)
                .all(|(a, b)| Arc::ptr_eq(a, b) || a == b)
    }

    /// The cell at a zero-based place; an empty one outside what is stored.
    pub fn cell(&self, row: usize, column: usize) -> &Cell {
        self.rows
            .get(row)
            .and_then(|cells| cells.get(column))
            .unwrap_or(&EMPTY)
    }

    /// Replaces a cell (zero-based); the grid grows if the place lies outside.
    pub fn set(&mut self, row: usize, column: usize, cell: Cell) {
        self.reach(row + 1, column + 1);
        self.store_up_to(row + 1);
        let cells = Arc::make_mut(&mut self.rows[row]);
        if cells.len() <= column {
            if cell == EMPTY {
                return;
            }
            cells.resize(column + 1, Cell::default());
        }
        cells[column] = cell;
    }

    /// The number of rows up to the last one with content.
    pub fn filled_rows(&self) -> usize {
        self.rows
            .iter()
            .rposition(|row| row.iter().any(|cell| !cell.is_empty()))
            .map_or(0, |last| last + 1)
    }

    /// The number of columns up to the last one with content.
    pub fn filled_columns(&self) -> usize {
        self.rows.iter().map(|row| filled(row)).max().unwrap_or(0)
    }

    /// The cells of a zero-based row up to its last one with content.
    pub fn row(&self, row: usize) -> &[Cell] {
        self.rows
            .get(row)
            .map_or(&[], |cells| &cells[..filled(cells)])
    }

    /// Grows the grid to at least this size.
    pub(super) fn reach(&mut self, rows: usize, columns: usize) {
        self.row_count = self.row_count.max(rows);
        self.column_count = self.column_count.max(columns);
    }

    fn store_up_to(&mut self, rows: usize) {
        if self.rows.len() < rows {
            self.rows.resize_with(rows, Arc::default);
        }
    }

    /// Replaces all rows; the grid grows to hold them.
    pub(super) fn replace_rows(&mut self, rows: Vec<Vec<Cell>>) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        self.reach(rows.len(), columns);
        self.rows = rows.into_iter().map(Arc::new).collect();
    }

    /// Puts rows before the zero-based row `at`; the grid grows by as many.
    pub(super) fn insert_rows(&mut self, at: usize, rows: Vec<Vec<Cell>>) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        self.row_count += rows.len();
        self.reach(0, columns);
        if at < self.frozen_rows {
            self.frozen_rows += rows.len();
        }
        let blank = rows.iter().all(Vec::is_empty);
        if at >= self.rows.len() && blank {
            return;
        }
        self.store_up_to(at);
        self.rows.splice(at..at, rows.into_iter().map(Arc::new));
    }

    /// Removes rows and returns them, as many as are stored; the grid shrinks, to one row at least.
    pub(super) fn delete_rows(&mut self, at: usize, count: usize) -> Vec<Vec<Cell>> {
        let end = (at + count).min(self.row_count);
        let gone = end.saturating_sub(at);
        let frozen_gone = self.frozen_rows.min(end).saturating_sub(at);
        self.frozen_rows -= frozen_gone;
        self.row_count = (self.row_count - gone).max(1);
        let from = at.min(self.rows.len());
        let to = end.min(self.rows.len());
        self.rows
            .splice(from..to, std::iter::empty())
            .map(Arc::unwrap_or_clone)
            .collect()
    }

    /// Drags rows: `to` is the place before which they land, counted before the move.
    pub(super) fn move_rows(&mut self, from: usize, count: usize, to: usize) {
        self.store_up_to((from + count).max(to).min(self.row_count));
        let end = (from + count).min(self.rows.len());
        if to < from {
            self.rows[to..end].rotate_right(end - from);
        } else if to > end {
            self.rows[from..to].rotate_left(end - from);
        }
    }

    /// Puts empty columns before the zero-based column `at`.
    pub(super) fn insert_columns(&mut self, at: usize, count: usize) {
        self.column_count += count;
        for row in &mut self.rows {
            if row.len() > at {
                let blank = std::iter::repeat_n(Cell::default(), count);
                Arc::make_mut(row).splice(at..at, blank);
            }
        }
    }

    /// Removes columns; the grid keeps one at least.
    pub(super) fn delete_columns(&mut self, at: usize, count: usize) {
        let end = (at + count).min(self.column_count);
        self.column_count = (self.column_count - end.saturating_sub(at)).max(1);
        for row in &mut self.rows {
            let to = end.min(row.len());
            if at < to {
                Arc::make_mut(row).drain(at..to);
            }
        }
    }

    /// Drags columns: `to` is the place before which they land, counted before the move.
    pub(super) fn move_columns(&mut self, from: usize, count: usize, to: usize) {
        let end = from + count;
        let reach = end.max(to);
        for row in &mut self.rows {
            if row.len() <= from.min(to) {
                continue;
            }
            let cells = Arc::make_mut(row);
            if cells.len() < reach {
                cells.resize(reach, Cell::default());
            }
            if to < from {
                cells[to..end].rotate_right(count);
            } else if to > end {
                cells[from..to].rotate_left(count);
            }
        }
    }

    /// Empties the values in an area; number formats stay, as with the Delete key.
    pub(super) fn clear(&mut self, area: &Area) {
        for row in area.top..area.bottom.min(self.rows.len()) {
            let width = self.rows[row].len();
            if area.left >= width {
                continue;
            }
            let cells = Arc::make_mut(&mut self.rows[row]);
            for cell in &mut cells[area.left..area.right.min(width)] {
                cell.value = CellValue::Empty;
                cell.formula = None;
                cell.note = None;
            }
        }
    }

    /// Sorts the rows of an area by columns (zero-based; true for descending), stably, as Sheets
    /// does: numbers, then texts, then truth values, then errors; blanks last in either direction.
    /// Only the area's own columns move.
    pub(super) fn sort(&mut self, area: &Area, by: &[(usize, bool)]) {
        let bottom = area.bottom.min(self.rows.len());
        if area.top >= bottom {
            return;
        }
        let mut order: Vec<usize> = (area.top..bottom).collect();
        let keys: BTreeMap<usize, Vec<collate::Key>> = order
            .iter()
            .map(|row| {
                let keys = by
                    .iter()
                    .map(|(column, _)| collate::key(self.cell(*row, *column)));
                (*row, keys.collect())
            })
            .collect();
        order.sort_by(|a, b| {
            let pairs = keys[a].iter().zip(&keys[b]).zip(by);
            pairs
                .map(|((a, b), (_, descending))| collate::compare(a, b, *descending))
                .find(|ordering| ordering.is_ne())
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        let whole_rows = area.left == 0 && area.right >= self.column_count;
        let old: Vec<Arc<Vec<Cell>>> = order.iter().map(|row| self.rows[*row].clone()).collect();
        if whole_rows {
            self.rows.splice(area.top..bottom, old);
            return;
        }
        for (row, from) in (area.top..bottom).zip(old) {
            for column in area.left..area.right.min(self.column_count) {
                let cell = from.get(column).cloned().unwrap_or_default();
                if *self.cell(row, column) != cell {
                    self.set(row, column, cell);
                }
            }
        }
    }

    /// The part of the grid a range means, cut at the grid's edge; `None` if it starts outside.
    pub(super) fn area(&self, corners: Option<&Corners>) -> Option<Area> {
        let Some(corners) = corners else {
            return Some(Area {
                top: 0,
                left: 0,
                bottom: self.row_count,
                right: self.column_count,
            });
        };
        let (top, left) = (corners.top.unwrap_or(0), corners.left.unwrap_or(0));
        if top >= self.row_count || left >= self.column_count {
            return None;
        }
        let end = |corner: Option<usize>, edge: usize| corner.map_or(edge, |c| (c + 1).min(edge));
        Some(Area {
            top,
            left,
            bottom: end(corners.bottom, self.row_count),
            right: end(corners.right, self.column_count),
        })
    }

    /// The tab in the workbook files' form.
    pub(super) fn to_json(&self) -> Value {
        let rows: Vec<Value> = (0..self.filled_rows())
            .map(|row| Value::Array(self.row(row).iter().map(Cell::to_json).collect()))
            .collect();
        let mut tab = json!({
            "title": self.title,
            "sheetId": self.sheet_id,
            "rows": rows,
            "rowCount": self.row_count,
            "columnCount": self.column_count,
        });
        if self.frozen_rows > 0 {
            tab["frozenRows"] = json!(self.frozen_rows);
        }
        if self.hidden {
            tab["hidden"] = json!(true);
        }
        tab
    }
}

/// The length of a row up to its last cell with content.
pub(super) fn filled(cells: &[Cell]) -> usize {
    cells
        .iter()
        .rposition(|cell| !cell.is_empty())
        .map_or(0, |last| last + 1)
}
