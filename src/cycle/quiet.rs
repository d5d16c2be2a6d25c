//! The poll at which nothing happened: nearly every one. It writes nothing and evaluates no rule.

use jiff::Timestamp;

use super::Book;
use super::fetch::TabRead;
use super::hold;
use super::report::{Report, TabReport};
use super::write;
use crate::core::change::Edit;
use crate::roster::Roster;
use crate::store::StoreError;

/// Whether a read is the last accepted state and nothing waits: no row to settle, no question, no batch that is held.
pub(super) fn is_quiet(
    roster: &Roster,
    workbook: &str,
    book: &Book,
    reads: &[TabRead],
) -> Result<bool, StoreError> {
    let settled = book.pending.is_empty()
        && book
            .base
            .as_ref()
            .is_some_and(|base| base.ambiguous.is_empty());
    let read = |sheet| reads.iter().any(|read| read.plan.sheet == sheet);
    let gone = |sheet| {
        !read(sheet)
            && book
                .base
                .as_ref()
                .is_some_and(|base| base.tab(sheet).is_some())
    };
    let same = settled
        && !book.metas.keys().any(|&sheet| gone(sheet))
        && reads.iter().all(|read| {
            read.unchanged
                && book.metas.get(&read.plan.sheet).is_some_and(|before| {
                    write::tab_meta(read, Some(before), before.baseline_at).as_ref() == Some(before)
                })
        });
    Ok(same && !roster.store().contains(&hold::held_key(workbook))?)
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
