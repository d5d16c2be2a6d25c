//! The plausibility guard: what no staff do on purpose is held until a manager has looked at it (SEMANTICS 10).
//!
//! Counts come in, reasons go out. The base is always the last accepted state; who holds, asks and releases is the cycle.

use std::fmt;

use serde::{Deserialize, Serialize};

/// From when on a poll is held. Both the share and the number must be reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuardLimits {
    /// Rows gone, as a share of the accepted ones (0.2 is 20 %).
    pub rows_gone_share: f64,
    /// Rows gone, at least.
    pub rows_gone_at_least: u32,
    /// Cells of one column that newly hold an error, as a share of the rows.
    pub error_cells_share: f64,
    /// Cells of one column that newly hold an error, at least.
    pub error_cells_at_least: u32,
    /// So many messages from one poll are still plausible.
    pub messages: u32,
}

impl Default for GuardLimits {
    fn default() -> Self {
        Self {
            rows_gone_share: 0.2,
            rows_gone_at_least: 5,
            error_cells_share: 0.05,
            error_cells_at_least: 5,
            messages: 50,
        }
    }
}

/// What the guard must know of a poll of one workbook.
#[derive(Clone, Debug, Default)]
pub struct GuardInput {
    /// Each configured tab of the last accepted state.
    pub tabs: Vec<TabFacts>,
    /// How many messages the poll would decide.
    pub messages: u32,
}

/// One tab against its last accepted state.
#[derive(Clone, Debug, Default)]
pub struct TabFacts {
    /// Its name.
    pub tab: String,
    /// Records at the last accepted poll, without tombstones.
    pub accepted: u32,
    /// Of these, how many are in no tab of the workbook now.
    pub gone: u32,
    /// How many records stand in it now.
    pub records: u32,
    /// The tab itself is not there, though the configuration names it.
    pub missing: bool,
    /// Mandatory headers that are not there.
    pub headers_missing: Vec<String>,
    /// Mandatory headers that stand twice.
    pub headers_doubled: Vec<String>,
    /// Columns in which there are error cells.
    pub errors: Vec<ColumnErrors>,
}

/// Error cells (`#REF!`, `#N/A`, `Loading...`) of one column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnErrors {
    /// The header.
    pub header: String,
    /// How many there were at the last accepted poll: those were always there.
    pub before: u32,
    /// How many there are now.
    pub now: u32,
    /// The rows in which there could be one.
    pub rows: u32,
}

/// Why a poll is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum HoldReason {
    /// The tab that the configuration names is not there.
    TabMissing {
        /// Its name.
        tab: String,
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

/// Judges a poll; `None` if it is plausible.
pub fn judge(input: &GuardInput, limits: &GuardLimits) -> Option<Hold> {
    let mut reasons: Vec<HoldReason> = input
        .tabs
        .iter()
        .flat_map(|tab| judge_tab(tab, limits))
        .collect();
    // Many tabs may each lose a little: then the workbook as a whole tells.
    let accepted = input.tabs.iter().map(|tab| tab.accepted).sum();
    let gone = input.tabs.iter().map(|tab| tab.gone).sum();
    if reasons.is_empty() && too_many_gone(gone, accepted, limits) {
        reasons.push(HoldReason::RowsGone {
            tab: None,
            gone,
            of: accepted,
        });
    }
    if input.messages > limits.messages {
        reasons.push(HoldReason::Messages {
            count: input.messages,
        });
    }
    (!reasons.is_empty()).then_some(Hold { reasons })
}

fn judge_tab(facts: &TabFacts, limits: &GuardLimits) -> Vec<HoldReason> {
    let tab = || facts.tab.clone();
    if facts.missing {
        // Its rows are gone with it; saying so as well would only be noise.
        return vec![HoldReason::TabMissing { tab: tab() }];
    }
    let missing = facts
        .headers_missing
        .iter()
        .map(|header| HoldReason::HeaderMissing {
            tab: tab(),
            header: header.clone(),
        });
    let doubled = facts
        .headers_doubled
        .iter()
        .map(|header| HoldReason::HeaderDoubled {
            tab: tab(),
            header: header.clone(),
        });
    let mut reasons: Vec<HoldReason> = missing.chain(doubled).collect();
    // A tab of one customer may well lose it; two at once are a tab that was emptied.
    let cleared = facts.records == 0 && facts.gone == facts.accepted && facts.accepted > 1;
    if cleared {
        reasons.push(HoldReason::TabCleared {
            tab: tab(),
            of: facts.accepted,
        });
    } else if too_many_gone(facts.gone, facts.accepted, limits) {
        reasons.push(HoldReason::RowsGone {
            tab: Some(tab()),
            gone: facts.gone,
            of: facts.accepted,
        });
    }
    for column in &facts.errors {
        let errors = column.now.saturating_sub(column.before);
        if reached(
            errors,
            column.rows,
            limits.error_cells_share,
            limits.error_cells_at_least,
        ) {
            reasons.push(HoldReason::ErrorCells {
                tab: tab(),
                header: column.header.clone(),
                errors,
            });
        }
    }
    reasons
}

fn too_many_gone(gone: u32, accepted: u32, limits: &GuardLimits) -> bool {
    reached(
        gone,
        accepted,
        limits.rows_gone_share,
        limits.rows_gone_at_least,
    )
}

/// Whether a count reaches both the number and the share; nothing never does.
fn reached(count: u32, of: u32, share: f64, at_least: u32) -> bool {
    count > 0 && count >= at_least && f64::from(count) >= share * f64::from(of)
}

/// Whether a poll is no worse than the one a manager was shown and released: each of its reasons was among those shown, with no greater number.
pub fn no_worse(shown: &Hold, now: &Hold) -> bool {
    now.reasons
        .iter()
        .all(|reason| shown.reasons.iter().any(|known| covers(known, reason)))
}

fn covers(shown: &HoldReason, now: &HoldReason) -> bool {
    use HoldReason::{
        ErrorCells, HeaderDoubled, HeaderMissing, Messages, RowsGone, TabCleared, TabMissing,
    };
    match (shown, now) {
        (
            TabCleared { tab, of },
            RowsGone {
                tab: Some(other),
                gone,
                ..
            }
            | TabCleared {
                tab: other,
                of: gone,
            },
        ) => tab == other && gone <= of,
        (
            RowsGone { tab, gone, .. },
            RowsGone {
                tab: other,
                gone: more,
                ..
            },
        ) => tab == other && more <= gone,
        (
            ErrorCells {
                tab,
                header,
                errors,
            },
            ErrorCells {
                tab: other,
                header: column,
                errors: more,
            },
        ) => tab == other && header == column && more <= errors,
        (Messages { count }, Messages { count: more }) => more <= count,
        (TabMissing { .. }, _) | (HeaderMissing { .. }, _) | (HeaderDoubled { .. }, _) => {
            shown == now
        }
        (TabCleared { .. } | RowsGone { .. } | ErrorCells { .. } | Messages { .. }, _) => false,
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

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TabMissing { tab } => write!(f, "the tab \"{tab}\" is not there"),
            Self::HeaderMissing { tab, header } => {
                write!(f, "the header \"{header}\" is not in the tab \"{tab}\"")
            }
            Self::HeaderDoubled { tab, header } => {
                write!(
                    f,
                    "the header \"{header}\" stands twice in the tab \"{tab}\""
                )
            }
            Self::TabCleared { tab, of } => {
                write!(f, "the tab \"{tab}\" was cleared: its {of} rows are gone")
            }
            Self::RowsGone {
                tab: Some(tab),
                gone,
                of,
            } => {
                write!(f, "{gone} of {of} rows are gone from the tab \"{tab}\"")
            }
            Self::RowsGone {
                tab: None,
                gone,
                of,
            } => {
                write!(f, "{gone} of {of} rows are gone from the workbook")
            }
            Self::ErrorCells {
                tab,
                header,
                errors,
            } => write!(
                f,
                "{errors} more cells under \"{header}\" in the tab \"{tab}\" show an error"
            ),
            Self::Messages { count } => write!(f, "one poll would send {count} messages"),
        }
    }
}

impl Hold {
    /// The reasons as a Vietnamese manager reads them, one a line.
    pub fn vietnamese(&self) -> String {
        let lines: Vec<String> = self.reasons.iter().map(HoldReason::vietnamese).collect();
        lines.join("\n")
    }
}

impl HoldReason {
    /// The reason in Vietnamese.
    pub fn vietnamese(&self) -> String {
        match self {
            Self::TabMissing { tab } => format!("Không thấy trang tính “{tab}”"),
            Self::HeaderMissing { tab, header } => {
                format!("Trang “{tab}” không còn cột “{header}”")
            }
            Self::HeaderDoubled { tab, header } => {
                format!("Trang “{tab}” có hai cột cùng tiêu đề “{header}”")
            }
            Self::TabCleared { tab, of } => {
                format!("Trang “{tab}” bị xoá trắng: mất cả {of} dòng")
            }
            Self::RowsGone {
                tab: Some(tab),
                gone,
                of,
            } => {
                format!("Trang “{tab}” mất {gone} trên {of} dòng")
            }
            Self::RowsGone {
                tab: None,
                gone,
                of,
            } => {
                format!("Bảng tính mất {gone} trên {of} dòng")
            }
            Self::ErrorCells {
                tab,
                header,
                errors,
            } => {
                format!("Cột “{header}” ở trang “{tab}” có thêm {errors} ô báo lỗi")
            }
            Self::Messages { count } => {
                format!("Một lần đọc mà phải gửi tới {count} tin")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tab(accepted: u32, gone: u32) -> TabFacts {
        TabFacts {
            tab: "Khách hàng".to_owned(),
            accepted,
            gone,
            records: accepted - gone,
            ..TabFacts::default()
        }
    }

    fn judged(tabs: Vec<TabFacts>, messages: u32) -> String {
        judge(&GuardInput { tabs, messages }, &GuardLimits::default())
            .map_or_else(|| "goes on".to_owned(), |hold| hold.to_string())
    }

    #[test]
    fn rows_gone_need_both_the_share_and_the_number() {
        assert_eq!(judged(vec![tab(10, 4)], 0), "goes on");
        assert_eq!(judged(vec![tab(100, 19)], 0), "goes on");
        assert_eq!(
            judged(vec![tab(100, 20)], 0),
            "20 of 100 rows are gone from the tab \"Khách hàng\""
        );
        assert_eq!(judged(vec![tab(0, 0)], 0), "goes on");
    }

    #[test]
    fn a_cleared_or_missing_tab_is_held_whatever_its_size() {
        assert_eq!(judged(vec![tab(1, 1)], 0), "goes on");
        assert_eq!(
            judged(vec![tab(3, 3)], 0),
            "the tab \"Khách hàng\" was cleared: its 3 rows are gone"
        );
        let gone = TabFacts {
            missing: true,
            ..tab(9, 9)
        };
        assert_eq!(judged(vec![gone], 0), "the tab \"Khách hàng\" is not there");
    }

    #[test]
    fn many_tabs_that_each_lose_a_little_tell_together() {
        let tabs = vec![tab(16, 4), tab(16, 4), tab(6, 1)];
        assert_eq!(judged(tabs, 0), "9 of 38 rows are gone from the workbook");
    }

    #[test]
    fn only_new_error_cells_count() {
        let with = |before, now| TabFacts {
            errors: vec![ColumnErrors {
                header: "SĐT".to_owned(),
                before,
                now,
                rows: 100,
            }],
            ..tab(100, 0)
        };
        assert_eq!(judged(vec![with(40, 44)], 0), "goes on");
        assert_eq!(
            judged(vec![with(40, 45)], 0),
            "5 more cells under \"SĐT\" in the tab \"Khách hàng\" show an error"
        );
    }

    #[test]
    fn headers_and_messages_are_judged() {
        let facts = TabFacts {
            headers_missing: vec!["SĐT".to_owned()],
            headers_doubled: vec!["Họ tên".to_owned()],
            ..tab(10, 0)
        };
        assert_eq!(
            judged(vec![facts], 51),
            "the header \"SĐT\" is not in the tab \"Khách hàng\"; the header \"Họ tên\" stands twice in the tab \
             \"Khách hàng\"; one poll would send 51 messages"
        );
        assert_eq!(judged(vec![tab(10, 0)], 50), "goes on");
    }

    #[test]
    fn a_release_covers_what_was_shown_and_no_more() {
        let hold = |reasons: &[HoldReason]| Hold {
            reasons: reasons.to_vec(),
        };
        let gone = |gone| HoldReason::RowsGone {
            tab: Some("A".to_owned()),
            gone,
            of: 50,
        };
        let cleared = HoldReason::TabCleared {
            tab: "A".to_owned(),
            of: 50,
        };
        let missing = |tab: &str| HoldReason::TabMissing {
            tab: tab.to_owned(),
        };
        assert!(no_worse(&hold(&[gone(12)]), &hold(&[gone(12)])));
        assert!(no_worse(&hold(&[gone(12)]), &hold(&[gone(11)])));
        assert!(!no_worse(&hold(&[gone(12)]), &hold(&[gone(13)])));
        assert!(!no_worse(
            &hold(&[gone(12)]),
            &hold(std::slice::from_ref(&cleared))
        ));
        assert!(no_worse(
            &hold(std::slice::from_ref(&cleared)),
            &hold(&[gone(40)])
        ));
        assert!(!no_worse(&hold(&[cleared]), &hold(&[missing("A")])));
        assert!(!no_worse(&hold(&[missing("A")]), &hold(&[missing("B")])));
        assert!(!no_worse(
            &hold(&[gone(12)]),
            &hold(&[gone(12), HoldReason::Messages { count: 60 }])
        ));
    }

    #[test]
    fn managers_read_vietnamese() {
        let hold = judge(
            &GuardInput {
                tabs: vec![tab(50, 30)],
                messages: 80,
            },
            &GuardLimits::default(),
        )
        .unwrap();
        assert_eq!(
            hold.vietnamese(),
            "Trang “Khách hàng” mất 30 trên 50 dòng\nMột lần đọc mà phải gửi tới 80 tin"
        );
    }
}
