//! The poll at which nothing happened: nearly every one. It writes nothing and evaluates no rule.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::base::Base;
use super::fetch::TabRead;
use super::report::{Report, TabReport};
use super::{Book, hold, write};
use crate::core::change::Edit;
use crate::roster::{Roster, TabMeta};
use crate::store::StoreError;

/// Whether every row of the workbook stands as it was accepted, and clearly so.
pub(super) fn stands(base: &Base, metas: &BTreeMap<i64, TabMeta>, reads: &[TabRead]) -> bool {
    let read = |sheet| reads.iter().any(|read| read.plan.sheet == sheet);
    base.ambiguous.is_empty()
        && metas
            .keys()
            .all(|&sheet| read(sheet) || base.tab(sheet).is_none())
        && reads.iter().all(|read| {
            read.unchanged
                && metas.get(&read.plan.sheet).is_some_and(|before| {
                    write::tab_meta(read, Some(before), before.baseline_at).as_ref() == Some(before)
                })
        })
}

/// Whether a read is the last accepted state and nothing waits: no row to settle, no question, no batch that is held,
/// no first look after a restore, which would take the next true change for one of before.
pub(super) fn is_quiet(
    roster: &Roster,
    workbook: &str,
    book: &Book,
    reads: &[TabRead],
) -> Result<bool, StoreError> {
    let base = book.base.as_ref();
    Ok(book.pending.is_empty()
        && base.is_some_and(|base| stands(base, &book.metas, reads))
        && !roster.store().contains(&hold::held_key(workbook))?
        && roster.store().rebase(workbook)?.is_none())
}

/// What there is to say about it.
pub(super) fn report(roster: &Roster, workbook: &str, reads: &[TabRead], now: Timestamp) -> Report {
    let mut report = Report::at(now, &roster.config().calendar.zone);
    report.tabs = reads
        .iter()
        .map(|read| TabReport {
            workbook: workbook.to_owned(),
            tab: read.plan.title.clone(),
            rows: read.filled,
            records: read.records_filled,
            edit: Edit::default().to_string(),
            verdict: Edit::default(),
            held: None,
        })
        .collect();
    report
}
