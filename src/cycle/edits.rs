//! What was done to each tab lately, and which rows are unclear now: kept for `status` and the digest, so that
//! people see that their edits were understood. Written only when there is something new.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::accept::Poll;
use crate::core::change::{Edit, EditPart, EditTally};
use crate::store::keys::{self, Key, prefix};
use crate::store::{Group, Store, StoreError};

/// So many edits of a tab are kept one by one.
const RECENT: usize = 5;

/// Tallies are kept for the digest, which looks back one day.
const TALLIES_FOR_H: i64 = 26;

/// What was done to one tab lately.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TabEdits {
    /// The last edits, the newest first.
    pub recent: Vec<KeptEdit>,
    /// What was done in each hour (since 1970) that is not long ago.
    pub hours: BTreeMap<i64, EditTally>,
}

/// One edit of a tab.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptEdit {
    /// When it was seen.
    pub at: Timestamp,
    /// What it was.
    pub edit: Edit,
}

/// Rows about which the cells do not tell, for people to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnclearRows {
    /// Title of the tab.
    pub tab: String,
    /// Google's id of it.
    pub sheet: i64,
    /// The sheet's own row numbers.
    pub rows: Vec<u32>,
    /// Why, in English.
    pub why: String,
}

impl TabEdits {
    /// What was done since then, to the hour.
    pub fn since(&self, since: Timestamp) -> EditTally {
        let mut all = EditTally::default();
        for tally in self.hours.range(hour(since)..).map(|(_, tally)| tally) {
            all.join(tally);
        }
        all
    }

    fn take(&mut self, edit: &Edit, now: Timestamp) {
        self.recent.insert(
            0,
            KeptEdit {
                at: now,
                edit: edit.clone(),
            },
        );
        self.recent.truncate(RECENT);
        self.hours.entry(hour(now)).or_default().add(edit);
        let oldest = hour(now) - TALLIES_FOR_H;
        self.hours.retain(|at, _| *at >= oldest);
    }
}

fn hour(at: Timestamp) -> i64 {
    at.as_second()
        .div_euclid(SignedDuration::from_hours(1).as_secs())
}

/// Where the edits of a tab are kept.
fn edits_key(workbook: &str, sheet: i64) -> Key {
    keys::under(prefix::META, format!("edits/{workbook}/{sheet}"))
}

/// Where it is kept which rows of a workbook are unclear.
fn unclear_key(workbook: &str) -> Key {
    keys::under(prefix::META, format!("unclear/{workbook}"))
}

/// What was done to a tab lately.
///
/// # Errors
/// The disk.
pub fn edits_of(store: &Store, workbook: &str, sheet: i64) -> Result<TabEdits, StoreError> {
    Ok(store.get(&edits_key(workbook, sheet))?.unwrap_or_default())
}

/// Which rows of a workbook are unclear.
///
/// # Errors
/// The disk.
pub fn unclear_rows(store: &Store, workbook: &str) -> Result<Vec<UnclearRows>, StoreError> {
    Ok(store.get(&unclear_key(workbook))?.unwrap_or_default())
}

impl Poll<'_> {
    /// Rows that stay unclear are told of once; an edit of nothing else is none.
    pub(super) fn without_old_news(&self, sheet: i64, edit: Edit) -> Edit {
        let [only @ EditPart::Unclear(_)] = &edit.parts[..] else {
            return edit;
        };
        let told = edits_of(self.roster.store(), self.workbook, sheet).is_ok_and(|kept| {
            kept.recent
                .first()
                .is_some_and(|last| last.edit.parts.contains(only))
        });
        if told { Edit::default() } else { edit }
    }

    /// Keeps what was done to a tab.
    pub(super) fn keep_edit(
        &self,
        sheet: i64,
        edit: &Edit,
        group: &mut Group,
    ) -> Result<(), StoreError> {
        let mut kept = edits_of(self.roster.store(), self.workbook, sheet)?;
        kept.take(edit, self.now);
        group.put(edits_key(self.workbook, sheet), &kept);
        Ok(())
    }

    /// Keeps which rows are unclear, if others are than before.
    pub(super) fn keep_unclear(&self, group: &mut Group) -> Result<(), StoreError> {
        let sheet = |title: &str| {
            let read = self.reads.iter().find(|read| read.plan.title == title);
            let meta = || self.metas.values().find(|meta| meta.title == title);
            read.map(|read| read.plan.sheet)
                .or_else(|| meta().map(|meta| meta.sheet))
                .unwrap_or_default()
        };
        let now: Vec<UnclearRows> = self
            .report
            .ambiguous
            .iter()
            .map(|unclear| UnclearRows {
                sheet: sheet(&unclear.tab),
                tab: unclear.tab.clone(),
                rows: unclear.rows.clone(),
                why: unclear.why.clone(),
            })
            .collect();
        if unclear_rows(self.roster.store(), self.workbook)? != now {
            if now.is_empty() {
                group.remove(unclear_key(self.workbook));
            } else {
                group.put(unclear_key(self.workbook), &now);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_kept_for_a_day_and_the_last_of_them_one_by_one() {
        let at = |hours: i64| Timestamp::from_second(hours * 3_600 + 60).unwrap();
        let edit = Edit {
            parts: vec![EditPart::Inserted(1)],
        };
        let mut kept = TabEdits::default();
        for hours in 1_000..1_040 {
            kept.take(&edit, at(hours));
        }
        assert_eq!(kept.recent.len(), RECENT);
        assert_eq!(kept.recent[0].at, at(1_039));
        assert_eq!(kept.since(at(1_039 - 24)).added, 25);
        assert_eq!(kept.hours.len(), 27);
    }
}
