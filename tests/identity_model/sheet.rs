//! A tab of the office as the grid that Google would give, read with the real header and row reading.

use std::sync::LazyLock;

use sheetbridge::core::identity::{FieldInfo, Row};
use sheetbridge::core::sheet::field::FieldSpec;
use sheetbridge::core::sheet::header::{Header, find_header};
use sheetbridge::core::sheet::rows::{RowKind, bind_row, kind_of_row};
use sheetbridge::core::sheet::stage::StageTable;
use sheetbridge::core::sheet::{Cell, FieldKind};

use super::office::{Customer, Draw, HEADERS, Junk, Office};

/// The fields, as the matcher is told of them.
pub(crate) static FIELDS: LazyLock<Vec<FieldInfo>> = LazyLock::new(|| {
    HEADERS
        .iter()
        .map(|(id, _)| FieldInfo::new(*id, kind_of(id)))
        .collect()
});

/// The same with their headers, as the configuration has them.
static SPECS: LazyLock<Vec<FieldSpec>> = LazyLock::new(|| {
    HEADERS
        .iter()
        .map(|(id, headers)| FieldSpec {
            id: (*id).to_owned(),
            headers: headers.iter().map(|text| (*text).to_owned()).collect(),
            kind: kind_of(id),
            private: false,
            since: None,
        })
        .collect()
});

fn kind_of(field: &str) -> FieldKind {
    match field {
        "name" => FieldKind::Name,
        "phone" => FieldKind::Phone,
        "email" => FieldKind::Email,
        "budget" => FieldKind::Money,
        "stage" => FieldKind::Stage,
        "owner" => FieldKind::Owner,
        _ => FieldKind::Text,
    }
}

/// One column of a tab.
#[derive(Clone)]
struct Column {
    header: String,
    /// The field it holds; a column that no field is bound to has its own filling.
    field: Option<&'static str>,
    ticks: bool,
}

/// How a tab shows its customers.
#[derive(Clone)]
pub(crate) struct Layout {
    /// So many rows stand above the header.
    pub(crate) banner: usize,
    columns: Vec<Column>,
}

impl Layout {
    /// The usual order, some columns moved.
    pub(crate) fn drawn(draw: &mut Draw) -> Self {
        let mut layout = Self {
            banner: draw.below(3),
            columns: HEADERS
                .iter()
                .map(|(id, headers)| Column {
                    header: headers[0].to_owned(),
                    field: Some(*id),
                    ticks: false,
                })
                .collect(),
        };
        for _ in 0..draw.below(3) {
            layout.move_column(draw);
        }
        layout
    }

    pub(crate) fn move_column(&mut self, draw: &mut Draw) {
        let moved = self.columns.remove(draw.below(self.columns.len()));
        let to = draw.below(self.columns.len() + 1);
        self.columns.insert(to, moved);
    }

    pub(crate) fn insert_column(&mut self, draw: &mut Draw) {
        let ticks = draw.chance(40);
        let header = if ticks {
            "Đã gọi"
        } else {
            draw.one(&["Nguồn", "Mã lô", ""])
        };
        let column = Column {
            header: header.to_owned(),
            field: None,
            ticks,
        };
        let to = draw.below(self.columns.len() + 1);
        self.columns.insert(to, column);
    }

    /// Takes out a column that no field is bound to.
    pub(crate) fn drop_column(&mut self, draw: &mut Draw) {
        let own: Vec<usize> = (0..self.columns.len())
            .filter(|&at| self.columns[at].field.is_none())
            .collect();
        if !own.is_empty() {
            self.columns.remove(own[draw.below(own.len())]);
        }
    }

    /// Gives a column another of the names that its field is known by, or writes the same in capitals.
    pub(crate) fn rename_header(&mut self, draw: &mut Draw) {
        let at = draw.below(self.columns.len());
        let column = &mut self.columns[at];
        let Some((_, names)) = HEADERS.iter().find(|(id, _)| Some(*id) == column.field) else {
            return;
        };
        column.header = draw.one(names).to_owned();
        if draw.chance(30) {
            column.header = format!(" {}\n", column.header.to_uppercase());
        }
    }

    fn header(&self) -> Vec<Cell> {
        let text = |column: &Column| Cell::Text(column.header.as_str().into());
        self.columns.iter().map(text).collect()
    }

    /// The row of a customer, or of what is none.
    fn line(&self, customer: &Customer) -> Vec<Cell> {
        let cells = customer.cells();
        let mut line: Vec<Cell> = match customer.junk {
            Junk::None => self
                .columns
                .iter()
                .map(|column| match column.field {
                    Some(field) => cells.get(field).cloned().unwrap_or_default(),
                    None if !customer.is_filled() => Cell::Empty,
                    None if column.ticks => Cell::Bool(customer.number.is_multiple_of(3)),
                    None => {
                        Cell::Text(["Facebook", "Zalo", ""][customer.number as usize % 3].into())
                    }
                })
                .collect(),
            Junk::Header => self.header(),
            Junk::Title => vec![Cell::Text("THÁNG 11/2026".into())],
            Junk::Total => vec![
                Cell::Text("TỔNG CỘNG".into()),
                Cell::Empty,
                Cell::Number(12.0),
            ],
            Junk::Ticks => self
                .columns
                .iter()
                .map(|column| {
                    if column.ticks {
                        Cell::Bool(false)
                    } else {
                        Cell::Empty
                    }
                })
                .collect(),
        };
        // Google cuts a row off after its last filled cell.
        while line.last().is_some_and(|cell| matches!(cell, Cell::Empty)) {
            line.pop();
        }
        line
    }

    fn grid(&self, customers: &[Customer]) -> Vec<Vec<Cell>> {
        let banner = ["DANH SÁCH KHÁCH HÀNG", "Lưu ý: không xoá cột"];
        let above = banner[..self.banner].iter();
        above
            .map(|text| vec![Cell::Text((*text).into())])
            .chain([self.header()])
            .chain(customers.iter().map(|customer| self.line(customer)))
            .collect()
    }
}

/// What one poll gives, and who each row is.
#[derive(Clone, Default)]
pub(crate) struct Poll {
    pub(crate) rows: Vec<Row>,
    pub(crate) who: Vec<Customer>,
    /// Rows that were not read for what they are.
    pub(crate) misread: Vec<String>,
}

/// Reads all tabs.
pub(crate) fn poll(office: &Office) -> Poll {
    let stages = StageTable::default();
    let mut found = Poll::default();
    for (tab, (list, layout)) in (0_u32..).zip(office.tabs.iter().zip(&office.layouts)) {
        let grid = layout.grid(list);
        let header: Header =
            match find_header(&grid[..grid.len().min(8)], &SPECS, &["name", "phone"]) {
                Ok(header) => header,
                Err(problem) => {
                    found.misread.push(format!("tab {tab}: {problem}"));
                    continue;
                }
            };
        if header.row != layout.banner {
            found.misread.push(format!(
                "tab {tab}: the header is taken to be row {}",
                header.row + 1
            ));
        }
        let below = grid.iter().enumerate().skip(header.row + 1);
        for ((at, line), customer) in below.zip(list) {
            let cells = bind_row(line, &header);
            let kind = kind_of_row(&cells, line, &header, &stages);
            if (kind == RowKind::Customer) != customer.is_filled() {
                found.misread.push(format!(
                    "tab {tab} row {}: {kind:?}, but {customer}",
                    at + 1
                ));
            }
            if kind == RowKind::Customer {
                let row = u32::try_from(at + 1).expect("few rows");
                found.rows.push(Row { tab, row, cells });
                found.who.push(customer.clone());
            }
        }
    }
    found
}
