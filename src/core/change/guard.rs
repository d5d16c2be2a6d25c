//! The plausibility guard: what no staff do on purpose is held until a manager has looked at it (SEMANTICS 10).
//!
//! Counts come in, reasons go out. The base is always the last accepted state; who holds, asks and releases is the cycle.

mod columns;
mod reason;

pub use columns::{ColumnDoubt, Sighting, look_at_columns};
pub use reason::{Hold, HoldReason, no_worse};

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
    /// The workbook's locale at the last accepted poll and now, if it is another one.
    pub locale: Option<(String, String)>,
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
    /// What the workbook calls the tab now; its rows are read under that name.
    pub renamed_to: Option<String>,
    /// Mandatory headers that are not there.
    pub headers_missing: Vec<String>,
    /// Mandatory headers that stand twice.
    pub headers_doubled: Vec<String>,
    /// Columns in which there are error cells.
    pub errors: Vec<ColumnErrors>,
    /// Columns whose cells look as if they belonged elsewhere.
    pub doubts: Vec<ColumnDoubt>,
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
    /// How many of these are formulas that are still being worked out.
    pub loading: u32,
    /// The rows in which there could be one.
    pub rows: u32,
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
    if let Some((before, after)) = &input.locale {
        reasons.push(HoldReason::LocaleChanged {
            before: before.clone(),
            after: after.clone(),
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
        return vec![HoldReason::TabMissing {
            tab: tab(),
            renamed_to: None,
        }];
    }
    let renamed = facts.renamed_to.iter().map(|now| HoldReason::TabMissing {
        tab: tab(),
        renamed_to: Some(now.clone()),
    });
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
    let mut reasons: Vec<HoldReason> = renamed.chain(missing).chain(doubled).collect();
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
    let errors = facts.errors.iter();
    reasons.extend(errors.filter_map(|column| judge_errors(column, tab(), limits)));
    let doubts = facts.doubts.iter();
    reasons.extend(doubts.flat_map(|column| judge_column(column, facts, limits)));
    reasons
}

/// Formulas that are still being worked out end by themselves, so they are told from those that are broken.
fn judge_errors(column: &ColumnErrors, tab: String, limits: &GuardLimits) -> Option<HoldReason> {
    let more = column.now.saturating_sub(column.before);
    let (share, at_least) = (limits.error_cells_share, limits.error_cells_at_least);
    if !reached(more, column.rows, share, at_least) {
        return None;
    }
    let header = column.header.clone();
    let broken = column.now.saturating_sub(column.loading);
    let broken = broken.saturating_sub(column.before);
    Some(if reached(broken, column.rows, share, at_least) {
        HoldReason::ErrorCells {
            tab,
            header,
            errors: more,
        }
    } else {
        HoldReason::Loading {
            tab,
            header,
            cells: more,
        }
    })
}

/// So many cells in the wrong place are wrong in the largest tab, too.
const MANY: u32 = 20;

/// Whether the cells of a column were shifted, mixed up, or emptied.
fn judge_column(column: &ColumnDoubt, facts: &TabFacts, limits: &GuardLimits) -> Vec<HoldReason> {
    let (tab, header) = (&facts.tab, &column.column);
    let (share, at_least) = (limits.error_cells_share, limits.error_cells_at_least);
    let wrong =
        |cells: u32| reached(cells, facts.accepted, share, at_least) || cells >= MANY.max(at_least);
    let mut reasons = Vec::new();
    let from = column.from.as_ref().filter(|(_, cells)| wrong(*cells));
    // Half of a paste that is one column off is as wrong as all of it; one lead in ten is a slip.
    let pasted = column.strange_new * 2 >= column.new && column.strange_new >= at_least.max(1);
    if let Some((column, cells)) = from {
        reasons.push(HoldReason::ColumnShifted {
            tab: tab.clone(),
            header: header.clone(),
            from: Some(column.clone()),
            cells: *cells,
        });
    } else if wrong(column.strange) || pasted {
        reasons.push(HoldReason::ColumnShifted {
            tab: tab.clone(),
            header: header.clone(),
            from: None,
            cells: column.strange + column.strange_new,
        });
    } else if wrong(column.mixed) {
        reasons.push(HoldReason::ColumnMixed {
            tab: tab.clone(),
            header: header.clone(),
            cells: column.mixed,
        });
    } else if too_many_gone(column.emptied, facts.accepted, limits) {
        reasons.push(HoldReason::ColumnEmptied {
            tab: tab.clone(),
            header: header.clone(),
            cells: column.emptied,
            of: facts.accepted,
        });
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
        judge(
            &GuardInput {
                tabs,
                locale: None,
                messages,
            },
            &GuardLimits::default(),
        )
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
        assert!(
            judged(vec![gone], 0)
                .starts_with("the tab \"Khách hàng\" is not there: it was deleted")
        );
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
                loading: 0,
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
            renamed_to: None,
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
                locale: None,
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

    #[test]
    fn formulas_that_load_are_told_from_broken_ones() {
        let with = |now, loading| TabFacts {
            errors: vec![ColumnErrors {
                header: "SĐT".to_owned(),
                before: 0,
                now,
                loading,
                rows: 100,
            }],
            ..tab(100, 0)
        };
        assert!(judged(vec![with(100, 100)], 0).contains("are still loading"));
        assert!(judged(vec![with(100, 96)], 0).contains("are still loading"));
        assert!(judged(vec![with(100, 90)], 0).contains("show an error"));
        assert_eq!(judged(vec![with(4, 4)], 0), "goes on");
    }

    #[test]
    fn a_column_is_judged_by_share_in_small_tabs_and_by_number_in_large_ones() {
        let with = |accepted, doubt: ColumnDoubt| TabFacts {
            doubts: vec![ColumnDoubt {
                column: "SĐT".to_owned(),
                ..doubt
            }],
            ..tab(accepted, 0)
        };
        let mixed = |cells| ColumnDoubt {
            mixed: cells,
            ..ColumnDoubt::default()
        };
        assert_eq!(judged(vec![with(10, mixed(4))], 0), "goes on");
        assert_eq!(judged(vec![with(300, mixed(14))], 0), "goes on");
        assert!(judged(vec![with(300, mixed(15))], 0).contains("15 cells under \"SĐT\""));
        assert_eq!(judged(vec![with(100_000, mixed(19))], 0), "goes on");
        assert!(
            judged(vec![with(100_000, mixed(20))], 0).contains("in the rows of other customers")
        );
        let shifted = ColumnDoubt {
            from: Some(("Email".to_owned(), 12)),
            strange: 12,
            ..ColumnDoubt::default()
        };
        assert!(judged(vec![with(100, shifted)], 0).contains("are what stood under \"Email\""));
        let pasted = |strange_new, new| ColumnDoubt {
            strange_new,
            new,
            ..ColumnDoubt::default()
        };
        assert!(judged(vec![with(9_000, pasted(5, 9))], 0).contains("another header"));
        assert_eq!(judged(vec![with(100, pasted(5, 11))], 0), "goes on");
        assert_eq!(judged(vec![with(100, pasted(4, 4))], 0), "goes on");
        let emptied = |emptied| ColumnDoubt {
            emptied,
            ..ColumnDoubt::default()
        };
        assert_eq!(judged(vec![with(100, emptied(19))], 0), "goes on");
        assert!(judged(vec![with(100, emptied(20))], 0).contains("were emptied"));
    }

    #[test]
    fn another_locale_and_another_name_are_reasons() {
        let renamed = TabFacts {
            renamed_to: Some("KH 2026".to_owned()),
            ..tab(10, 0)
        };
        let said = judge(
            &GuardInput {
                tabs: vec![renamed],
                locale: Some(("vi_VN".to_owned(), "en_US".to_owned())),
                messages: 0,
            },
            &GuardLimits::default(),
        )
        .unwrap();
        assert!(
            said.to_string().contains("is now called \"KH 2026\"")
                && said.to_string().contains("from vi_VN to en_US"),
            "{said}"
        );
        assert!(
            said.vietnamese().contains("Tệp › Cài đặt"),
            "{}",
            said.vietnamese()
        );
    }
}
