//! The verdict on an edit in words: English for logs and the command line, Vietnamese for people, and what
//! the edits of a day come to.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Edit, EditPart};

/// So many columns of an edit are named.
const NAMED: usize = 3;

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.parts.is_empty() {
            return f.write_str("none");
        }
        for (at, part) in self.parts.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            part.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for EditPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = |count: usize| if count == 1 { "row" } else { "rows" };
        match self {
            Self::FirstLook => f.write_str("first look"),
            Self::Cleared(count) => write!(f, "cleared {count} {}", rows(*count)),
            Self::Sorted { by: None, .. } => f.write_str("sorted"),
            Self::Sorted {
                by: Some(field),
                descending,
            } => {
                let way = if *descending { ", descending" } else { "" };
                write!(f, "sorted by {field}{way}")
            }
            Self::Moved(count) => write!(f, "moved {count} {}", rows(*count)),
            Self::Came(count) => write!(f, "{count} {} came from other tabs", rows(*count)),
            Self::Went(count) => write!(f, "{count} {} went to other tabs", rows(*count)),
            Self::Inserted(count) => write!(f, "inserted {count} {}", rows(*count)),
            Self::Pasted(count) => write!(f, "pasted {count} {}", rows(*count)),
            Self::Returned(count) => write!(f, "{count} {} returned", rows(*count)),
            Self::Deleted(count) => write!(f, "deleted {count} {}", rows(*count)),
            Self::Filled { field, rows: over } => {
                write!(f, "filled down {field} over {over} {}", rows(*over))
            }
            Self::Edited { cells, fields } => {
                let unit = if *cells == 1 { "cell" } else { "cells" };
                match fields.len() {
                    0 => write!(f, "edited {cells} {unit}"),
                    1..=NAMED => write!(f, "edited {cells} {unit} in {}", fields.join(" and ")),
                    columns => write!(f, "edited {cells} {unit} in {columns} columns"),
                }
            }
            Self::Unclear(count) => write!(f, "{count} ambiguous {}", rows(*count)),
            Self::Repasted => f.write_str("re-pasted"),
            Self::Retyped => f.write_str("re-typed"),
            Self::ColumnMoved => f.write_str("column moved"),
            Self::HeaderRenamed => f.write_str("header renamed"),
        }
    }
}

impl Edit {
    /// The verdict in Vietnamese; empty if nothing was done. `headers`: what people call a field.
    pub fn vietnamese(&self, headers: &BTreeMap<String, String>) -> String {
        let parts: Vec<String> = self
            .parts
            .iter()
            .map(|part| part.vietnamese(headers))
            .collect();
        parts.join(", ")
    }
}

impl EditPart {
    /// One thing in Vietnamese.
    fn vietnamese(&self, headers: &BTreeMap<String, String>) -> String {
        let header = |field: &String| {
            headers
                .get(field)
                .map_or(field.as_str(), String::as_str)
                .to_owned()
        };
        match self {
            Self::FirstLook => "đọc lần đầu".to_owned(),
            Self::Cleared(rows) => format!("xoá trắng {rows} dòng"),
            Self::Sorted { by: None, .. } => "sắp xếp lại".to_owned(),
            Self::Sorted {
                by: Some(field),
                descending,
            } => {
                let way = if *descending {
                    ", từ lớn đến nhỏ"
                } else {
                    ""
                };
                format!("sắp xếp theo {}{way}", header(field))
            }
            Self::Moved(rows) => format!("kéo {rows} dòng sang chỗ khác"),
            Self::Came(rows) => format!("{rows} dòng chuyển từ trang khác sang"),
            Self::Went(rows) => format!("{rows} dòng chuyển sang trang khác"),
            Self::Inserted(rows) => format!("thêm {rows} dòng"),
            Self::Pasted(rows) => format!("dán {rows} dòng"),
            Self::Returned(rows) => format!("{rows} khách trở lại"),
            Self::Deleted(rows) => format!("xoá {rows} dòng"),
            Self::Filled { field, rows } => {
                format!("điền xuống cột {} cho {rows} dòng", header(field))
            }
            Self::Edited { cells, fields } => match fields.len() {
                0 => format!("sửa {cells} ô"),
                1..=NAMED => {
                    let named: Vec<String> = fields.iter().map(header).collect();
                    format!("sửa {cells} ô ở cột {}", named.join(" và "))
                }
                columns => format!("sửa {cells} ô ở {columns} cột"),
            },
            Self::Unclear(rows) => format!("{rows} dòng chưa chắc cùng khách"),
            Self::Repasted => "dán lại dữ liệu cũ".to_owned(),
            Self::Retyped => "gõ lại dữ liệu cũ".to_owned(),
            Self::ColumnMoved => "dời cột".to_owned(),
            Self::HeaderRenamed => "đổi tiêu đề cột".to_owned(),
        }
    }
}

/// What many edits come to: rows and cells added up, the rest as how many times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EditTally {
    /// Times that rows were brought into another order.
    pub sorted: usize,
    /// Rows dragged.
    pub moved: usize,
    /// Rows from other tabs.
    pub came: usize,
    /// Rows to other tabs.
    pub went: usize,
    /// New rows, typed or pasted.
    pub added: usize,
    /// Customers that are there again.
    pub returned: usize,
    /// Rows gone.
    pub deleted: usize,
    /// Cells changed.
    pub edited: usize,
    /// Times that a column was moved or its header written differently.
    pub columns: usize,
}

impl EditTally {
    /// Adds one edit.
    pub fn add(&mut self, edit: &Edit) {
        for part in &edit.parts {
            match part {
                EditPart::Sorted { .. } => self.sorted += 1,
                EditPart::Moved(rows) => self.moved += rows,
                EditPart::Came(rows) => self.came += rows,
                EditPart::Went(rows) => self.went += rows,
                EditPart::Inserted(rows) | EditPart::Pasted(rows) => self.added += rows,
                EditPart::Returned(rows) => self.returned += rows,
                EditPart::Cleared(rows) | EditPart::Deleted(rows) => self.deleted += rows,
                EditPart::Filled { rows: cells, .. } | EditPart::Edited { cells, .. } => {
                    self.edited += cells;
                }
                EditPart::ColumnMoved | EditPart::HeaderRenamed => self.columns += 1,
                EditPart::FirstLook
                | EditPart::Unclear(_)
                | EditPart::Repasted
                | EditPart::Retyped => {}
            }
        }
    }

    /// Adds another tally.
    pub fn join(&mut self, other: &Self) {
        self.sorted += other.sorted;
        self.moved += other.moved;
        self.came += other.came;
        self.went += other.went;
        self.added += other.added;
        self.returned += other.returned;
        self.deleted += other.deleted;
        self.edited += other.edited;
        self.columns += other.columns;
    }

    /// In Vietnamese; empty if nothing was done.
    pub fn vietnamese(&self) -> String {
        self.said([
            "sắp xếp # lần",
            "kéo # dòng",
            "# dòng từ trang khác sang",
            "# dòng sang trang khác",
            "thêm # dòng",
            "# khách trở lại",
            "xoá # dòng",
            "sửa # ô",
            "đổi cột # lần",
        ])
    }

    /// In English; empty if nothing was done.
    pub fn english(&self) -> String {
        self.said([
            "sorted # times",
            "# rows moved",
            "# rows from other tabs",
            "# rows to other tabs",
            "# rows added",
            "# customers returned",
            "# rows deleted",
            "# cells edited",
            "columns changed # times",
        ])
    }

    fn said(&self, words: [&str; 9]) -> String {
        let counts = [
            self.sorted,
            self.moved,
            self.came,
            self.went,
            self.added,
            self.returned,
            self.deleted,
            self.edited,
            self.columns,
        ];
        let said = words.iter().zip(counts).filter(|(_, count)| *count > 0);
        let said: Vec<String> = said
            .map(|(words, count)| words.replace('#', &count.to_string()))
            .collect();
        said.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit() -> Edit {
        Edit {
            parts: vec![
                EditPart::Sorted {
                    by: Some("name".into()),
                    descending: true,
                },
                EditPart::Pasted(12),
                EditPart::Inserted(1),
                EditPart::Filled {
                    field: "owner".into(),
                    rows: 12,
                },
                EditPart::Edited {
                    cells: 4,
                    fields: vec!["stage".into()],
                },
                EditPart::ColumnMoved,
            ],
        }
    }

    #[test]
    fn an_edit_reads_as_a_colleague_would_say_it() {
        let headers = [
            ("name", "Họ tên"),
            ("owner", "NV phụ trách"),
            ("stage", "Giai đoạn"),
        ]
        .map(|(field, header)| (field.to_owned(), header.to_owned()))
        .into();
        assert_eq!(
            edit().vietnamese(&headers),
            "sắp xếp theo Họ tên, từ lớn đến nhỏ, dán 12 dòng, thêm 1 dòng, điền xuống cột NV phụ trách cho 12 dòng, \
             sửa 4 ô ở cột Giai đoạn, dời cột"
        );
        assert_eq!(
            edit().to_string(),
            "sorted by name, descending, pasted 12 rows, inserted 1 row, filled down owner over 12 rows, edited 4 cells \
             in stage, column moved"
        );
        assert_eq!(Edit::default().vietnamese(&headers), "");
    }

    #[test]
    fn the_edits_of_a_day_are_added_up() {
        let mut tally = EditTally::default();
        assert_eq!(tally.vietnamese(), "");
        tally.add(&edit());
        let mut day = tally;
        day.join(&tally);
        assert_eq!(
            day.vietnamese(),
            "sắp xếp 2 lần, thêm 26 dòng, sửa 32 ô, đổi cột 2 lần"
        );
        assert_eq!(
            day.english(),
            "sorted 2 times, 26 rows added, 32 cells edited, columns changed 2 times"
        );
    }

    #[test]
    fn an_edit_is_kept_as_it_is() {
        let kept = serde_json::to_string(&edit()).unwrap();
        assert_eq!(serde_json::from_str::<Edit>(&kept).unwrap(), edit());
    }
}
