//! What happened, in order: for `explain`, for digests, and for the log of the demo.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::keys::{self, prefix};
use super::{Group, Store, StoreError, decode};
use crate::core::record::RecordId;

/// Lines in one page of what is packed away: as for messages.
const LINES_A_PAGE: usize = 480;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// The record it concerns, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordId>,
    /// What happened.
    pub what: What,
    /// In words, without personal data.
    pub text: String,
    /// For a stage: from and to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<(Option<String>, String)>,
    /// For a stage: what figures need beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
}

impl Entry {
    /// What a rule came to; `text` begins with its id.
    pub fn of_rule(at: Timestamp, record: Option<RecordId>, text: String) -> Self {
        Self {
            at,
            record,
            what: What::Rule,
            text,
            stages: None,
            moved: None,
        }
    }
}

/// What a report must know of a move between stages, when the record itself has long gone on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// When the sheet first showed the stage that was entered, which is a little before it settled.
    pub at: Timestamp,
    /// Since when the customer had been in the stage that was left, if that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The first one in charge then, as the sheet writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A workbook or tab was read for the first time.
    Baseline,
    /// The verdict on an edit of a tab.
    Edit,
    /// A record was added (settled).
    Added,
    /// A record changed (settled).
    Changed,
    /// A record is gone for good.
    Removed,
    /// A record is there again.
    Returned,
    /// A rule looked, and why it fired or did not.
    Rule,
    /// A batch was held, released or dropped.
    Held,
    /// A message ended.
    Message,
    /// Somebody did something by hand.
    Hand,
    /// Somebody opted out, or in again.
    OptOut,
}

impl Store {
    /// Adds an entry to a group, behind all others.
    pub fn note(&self, group: &mut Group, entry: &Entry) {
        let number = self.journal.fetch_add(1, Ordering::Relaxed);
        group.put(keys::under(prefix::JOURNAL, number.to_be_bytes()), entry);
    }

    /// Packs lines away that are older than a time. Returns how many.
    ///
    /// # Errors
    /// The disk.
    pub fn pack_journal_before(&self, time: Timestamp) -> Result<usize, StoreError> {
        let mut packed = 0;
        loop {
            let mut lines = Vec::new();
            for line in self.moving_lines().take(LINES_A_PAGE) {
                let (key, bytes) = line?;
                if decode::<Entry>(&key, &bytes)?.at >= time {
                    break;
                }
                lines.push((key, bytes));
            }
            // A page that is not full waits for the next night.
            if lines.len() < LINES_A_PAGE {
                return Ok(packed);
            }
            packed += lines.len();
            self.pack_journal(lines)?;
        }
    }

    /// Forgets lines that are older than a time. Returns how many.
    ///
    /// # Errors
    /// The disk.
    pub fn forget_journal_before(&self, time: Timestamp) -> Result<usize, StoreError> {
        let mut forgotten = 0;
        for page in self.pages_of_journal() {
            let (at, lines) = page?;
            let newest = lines.last().map(|(key, bytes)| decode::<Entry>(key, bytes));
            if newest.transpose()?.is_some_and(|line| line.at >= time) {
                return Ok(forgotten);
            }
            forgotten += lines.len();
            let mut group = Group::default();
            group.remove(at);
            self.commit(vec![group])?;
        }
        Ok(forgotten)
    }

    /// Forgets the lines about some records, also those that are packed away.
    ///
    /// # Errors
    /// The disk.
    pub fn forget_lines_about(
        &self,
        records: &BTreeSet<RecordId>,
    ) -> Result<Vec<Group>, StoreError> {
        let about = |key: &[u8], bytes: &[u8]| -> Result<bool, StoreError> {
            let line: Entry = decode(key, bytes)?;
            Ok(line.record.is_some_and(|id| records.contains(&id)))
        };
        let mut groups = Vec::new();
        for line in self.moving_lines() {
            let (key, bytes) = line?;
            if about(&key, &bytes)? {
                let mut group = Group::default();
                group.remove(key);
                groups.push(group);
            }
        }
        for page in self.pages_of_journal() {
            let (at, lines) = page?;
            let mut gone = BTreeSet::new();
            for (key, bytes) in &lines {
                if about(key, bytes)? {
                    gone.insert(key.clone());
                }
            }
            if !gone.is_empty() {
                let mut group = Group::default();
                self.rewrite(&at, &mut group, |key| gone.contains(key))?;
                groups.push(group);
            }
        }
        Ok(groups)
    }

    fn moving_lines(&self) -> impl Iterator<Item = Result<(Vec<u8>, sled::IVec), StoreError>> {
        self.db.scan_prefix(prefix::JOURNAL).map(|line| {
            let (key, bytes) = line?;
            Ok((key.to_vec(), bytes))
        })
    }
}
