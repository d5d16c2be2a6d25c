//! What happened, in order: for `explain`, for digests, and for the log of the demo.

use std::sync::atomic::Ordering;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::keys::{self, prefix};
use super::{Group, Store};
use crate::core::record::RecordId;

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
}
