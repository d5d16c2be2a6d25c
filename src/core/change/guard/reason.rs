//! Why a poll is held: the reasons, in English for logs and the command line, in Vietnamese for managers,
//! and which of two holds is the worse.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a poll is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum HoldReason {
    /// The tab that the configuration names is not there.
    TabMissing {
        /// Its name.
        tab: String,
        /// What the workbook calls it now; none if it was deleted.
        #[serde(default)]
        renamed_to: Option<String>,
    },
    /// A mandatory header is not there.
    HeaderMissing {
        /// In which tab.
        tab: String,
        /// Its text.
        header: String,
    },
    /// A mandatory header stands twice.
    HeaderDoubled {
        /// In which tab.
        tab: String,
        /// Its text.
        header: String,
    },
    /// A tab that had records has none.
    TabCleared {
        /// Its name.
        tab: String,
        /// How many records it had.
        of: u32,
    },
    /// Too many records are gone.
    RowsGone {
        /// From which tab; `None` for the workbook as a whole.
        tab: Option<String>,
        /// How many.
        gone: u32,
        /// Of how many.
        of: u32,
    },
    /// A column shows errors that were not there.
    ErrorCells {
        /// In which tab.
        tab: String,
        /// Its header.
        header: String,
        /// How many more than before.
        errors: u32,
    },
    /// Formulas of a column are still being worked out.
    Loading {
        /// In which tab.
        tab: String,
        /// Its header.
        header: String,
        /// How many cells.
        cells: u32,
    },
    /// Cells of a column are those of another column, or hold what no cell of theirs holds: a paste went
    /// one column off.
    ColumnShifted {
        /// In which tab.
        tab: String,
        /// The header under which they stand now.
        header: String,
        /// The header under which they stood, if that is known.
        from: Option<String>,
        /// How many cells.
        cells: u32,
    },
    /// Cells of a column stand in the rows of other customers: a cell was inserted, or the column was
    /// sorted alone.
    ColumnMixed {
        /// In which tab.
        tab: String,
        /// Its header.
        header: String,
        /// How many cells.
        cells: u32,
    },
    /// The names, phones or addresses of customers that are still there were emptied.
    ColumnEmptied {
        /// In which tab.
        tab: String,
        /// Its header.
        header: String,
        /// How many cells.
        cells: u32,
        /// Of how many rows.
        of: u32,
    },
    /// The workbook's locale is another one: what is typed as a date or an amount is read otherwise.
    LocaleChanged {
        /// At the last accepted poll: `vi_VN`.
        before: String,
        /// Now.
        after: String,
    },
    /// Too many messages from one poll.
    Messages {
        /// How many.
        count: u32,
    },
}

/// A poll that is held, with everything that speaks against it. Shown in English; [`Hold::vietnamese`] for managers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// At least one.
    pub reasons: Vec<HoldReason>,
}

/// Whether a poll is no worse than the one a manager was shown and released: each of its reasons was among those shown, with no greater number.
pub fn no_worse(shown: &Hold, now: &Hold) -> bool {
    now.reasons
        .iter()
        .all(|reason| shown.reasons.iter().any(|known| covers(known, reason)))
}

fn covers(shown: &HoldReason, now: &HoldReason) -> bool {
    // A tab of which all rows are gone was shown as worse than one that lost some.
    if let (
        HoldReason::TabCleared { tab, of },
        HoldReason::RowsGone {
            tab: Some(other),
            gone,
            ..
        },
    ) = (shown, now)
    {
        return tab == other && gone <= of;
    }
    let (known, cells) = shown.counted();
    let (same, more) = now.counted();
    known == same && more <= cells
}

impl Hold {
    /// The reasons as a Vietnamese manager reads them, one a line.
    pub fn vietnamese(&self) -> String {
        let lines: Vec<String> = self.reasons.iter().map(HoldReason::vietnamese).collect();
        lines.join("\n")
    }

    /// Whether it ends by itself within moments, most likely: nothing speaks against the poll but
    /// formulas that are still being worked out.
    pub fn is_passing(&self) -> bool {
        self.reasons
            .iter()
            .all(|reason| matches!(reason, HoldReason::Loading { .. }))
    }

    /// Whether it is another trouble than the one shown, or twice as great: a reason for asking anew.
    pub fn much_worse_than(&self, shown: &Self) -> bool {
        self.reasons.iter().any(|reason| {
            !shown.reasons.iter().any(|known| {
                let (kind, cells) = known.counted();
                let (same, more) = reason.counted();
                covers(known, reason) || (kind == same && more < cells.saturating_mul(2))
            })
        })
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, reason) in self.reasons.iter().enumerate() {
            if at > 0 {
                f.write_str("; ")?;
            }
            reason.fmt(f)?;
        }
        Ok(())
    }
}

impl HoldReason {
    /// What it is without its number, and the number: of two that are the same, the greater is the worse.
    fn counted(&self) -> (Self, u32) {
        let mut bare = self.clone();
        let cells = match &mut bare {
            Self::TabMissing { .. }
            | Self::HeaderMissing { .. }
            | Self::HeaderDoubled { .. }
            | Self::LocaleChanged { .. } => 0,
            Self::TabCleared { of, .. } => std::mem::take(of),
            Self::RowsGone { gone, of, .. } => {
                *of = 0;
                std::mem::take(gone)
            }
            Self::ColumnEmptied { cells, of, .. } => {
                *of = 0;
                std::mem::take(cells)
            }
            Self::ErrorCells { errors: cells, .. }
            | Self::Loading { cells, .. }
            | Self::ColumnShifted { cells, .. }
            | Self::ColumnMixed { cells, .. }
            | Self::Messages { count: cells } => std::mem::take(cells),
        };
        (bare, cells)
    }

    /// The reason in Vietnamese.
    pub fn vietnamese(&self) -> String {
        match self {
            Self::TabMissing {
                tab,
                renamed_to: None,
            } => format!("Không thấy trang tính “{tab}”: đã bị xoá"),
            Self::TabMissing {
                tab,
                renamed_to: Some(now),
            } => format!(
                "Trang “{tab}” đã đổi tên thành “{now}”: đặt lại tên cũ, hoặc cho qua để đọc tiếp theo tên mới"
            ),
            Self::HeaderMissing { tab, header } => {
                format!("Trang “{tab}” không còn cột “{header}”")
            }
            Self::HeaderDoubled { tab, header } => {
                format!("Trang “{tab}” có hai cột cùng tiêu đề “{header}”")
            }
            Self::TabCleared { tab, of } => format!("Trang “{tab}” bị xoá trắng: mất cả {of} dòng"),
            Self::RowsGone {
                tab: Some(tab),
                gone,
                of,
            } => format!("Trang “{tab}” mất {gone} trên {of} dòng"),
            Self::RowsGone {
                tab: None,
                gone,
                of,
            } => format!("Bảng tính mất {gone} trên {of} dòng"),
            Self::ErrorCells {
                tab,
                header,
                errors,
            } => format!("Cột “{header}” ở trang “{tab}” có thêm {errors} ô báo lỗi"),
            Self::Loading { tab, header, cells } => format!(
                "Cột “{header}” ở trang “{tab}” có {cells} ô còn đang tải: công thức chạy xong thì tự hết"
            ),
            Self::ColumnShifted {
                tab,
                header,
                from: Some(from),
                cells,
            } => format!(
                "Cột “{header}” ở trang “{tab}” có {cells} ô vốn của cột “{from}”: có lẽ dán lệch cột"
            ),
            Self::ColumnShifted {
                tab,
                header,
                from: None,
                cells,
            } => format!(
                "Cột “{header}” ở trang “{tab}” có {cells} ô mang dữ liệu của cột khác: có lẽ dán lệch cột"
            ),
            Self::ColumnMixed { tab, header, cells } => format!(
                "Cột “{header}” ở trang “{tab}” có {cells} ô nằm sang dòng của khách khác: có lẽ chèn lệch ô hoặc chỉ sắp xếp một cột"
            ),
            Self::ColumnEmptied {
                tab,
                header,
                cells,
                of,
            } => format!("Cột “{header}” ở trang “{tab}” bị xoá trống {cells} trên {of} ô"),
            Self::LocaleChanged { before, after } => format!(
                "Ngôn ngữ của bảng tính đổi từ {before} sang {after}, ngày tháng và số sẽ bị hiểu khác: đặt lại trong Tệp › Cài đặt"
            ),
            Self::Messages { count } => format!("Một lần đọc mà phải gửi tới {count} tin"),
        }
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TabMissing {
                tab,
                renamed_to: None,
            } => write!(
                f,
                "the tab \"{tab}\" is not there: it was deleted; bring it back (Ctrl+Z or version history), or release to let its rows go"
            ),
            Self::TabMissing {
                tab,
                renamed_to: Some(now),
            } => write!(
                f,
                "the tab \"{tab}\" is now called \"{now}\": give it its old name back, release to read it under the new one, or write that into [[workbook.tab]] name"
            ),
            Self::HeaderMissing { tab, header } => {
                write!(f, "the header \"{header}\" is not in the tab \"{tab}\"")
            }
            Self::HeaderDoubled { tab, header } => write!(
                f,
                "the header \"{header}\" stands twice in the tab \"{tab}\""
            ),
            Self::TabCleared { tab, of } => {
                write!(f, "the tab \"{tab}\" was cleared: its {of} rows are gone")
            }
            Self::RowsGone {
                tab: Some(tab),
                gone,
                of,
            } => write!(f, "{gone} of {of} rows are gone from the tab \"{tab}\""),
            Self::RowsGone {
                tab: None,
                gone,
                of,
            } => write!(f, "{gone} of {of} rows are gone from the workbook"),
            Self::ErrorCells {
                tab,
                header,
                errors,
            } => write!(
                f,
                "{errors} more cells under \"{header}\" in the tab \"{tab}\" show an error"
            ),
            Self::Loading { tab, header, cells } => write!(
                f,
                "{cells} cells under \"{header}\" in the tab \"{tab}\" are still loading; it ends by itself when the formulas are done"
            ),
            Self::ColumnShifted {
                tab,
                header,
                from: Some(from),
                cells,
            } => write!(
                f,
                "{cells} cells under \"{header}\" in the tab \"{tab}\" are what stood under \"{from}\": was a paste one column off?"
            ),
            Self::ColumnShifted {
                tab,
                header,
                from: None,
                cells,
            } => write!(
                f,
                "{cells} cells under \"{header}\" in the tab \"{tab}\" hold what belongs under another header: was a paste one column off?"
            ),
            Self::ColumnMixed { tab, header, cells } => write!(
                f,
                "{cells} cells under \"{header}\" in the tab \"{tab}\" stand in the rows of other customers: was a cell inserted, or the column sorted alone?"
            ),
            Self::ColumnEmptied {
                tab,
                header,
                cells,
                of,
            } => write!(
                f,
                "{cells} of {of} cells under \"{header}\" in the tab \"{tab}\" were emptied"
            ),
            Self::LocaleChanged { before, after } => write!(
                f,
                "the workbook's locale changed from {before} to {after}, so dates and amounts would be read otherwise: set it back under File, Settings, or release"
            ),
            Self::Messages { count } => write!(f, "one poll would send {count} messages"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_anew_takes_another_trouble_or_twice_as_great_a_one() {
        let hold = |gone, messages| {
            let mut reasons = vec![HoldReason::RowsGone {
                tab: Some("A".into()),
                gone,
                of: 100,
            }];
            reasons.extend((messages > 0).then_some(HoldReason::Messages { count: messages }));
            Hold { reasons }
        };
        assert!(!hold(30, 0).much_worse_than(&hold(20, 0)));
        assert!(hold(40, 0).much_worse_than(&hold(20, 0)));
        assert!(hold(20, 60).much_worse_than(&hold(20, 0)));
        assert!(!hold(5, 60).much_worse_than(&hold(20, 51)));
    }

    #[test]
    fn only_formulas_that_load_are_passing() {
        let loading = HoldReason::Loading {
            tab: "A".into(),
            header: "SĐT".into(),
            cells: 9,
        };
        let hold = |reasons: &[HoldReason]| Hold {
            reasons: reasons.to_vec(),
        };
        assert!(hold(std::slice::from_ref(&loading)).is_passing());
        assert!(!hold(&[loading, HoldReason::Messages { count: 51 }]).is_passing());
    }

    #[test]
    fn what_an_older_version_kept_is_read() {
        let old = r#"{"reasons":[{"reason":"tab_missing","tab":"A"}]}"#;
        let hold: Hold = serde_json::from_str(old).unwrap();
        assert_eq!(
            hold.reasons,
            [HoldReason::TabMissing {
                tab: "A".into(),
                renamed_to: None
            }]
        );
    }
}
