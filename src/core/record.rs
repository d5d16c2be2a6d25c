//! A record: one customer row (one deal) with an id of ours that survives every edit.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::sheet::Cell;

/// The bound cells of one row, by field id (`name`, `phone`, the admin's own, …). Empty cells are absent.
pub type Cells = BTreeMap<String, Cell>;

/// An id of ours, `r-` and 26 letters of Crockford's base 32 (a ULID). Minted outside of `core`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordId(String);

impl RecordId {
    /// Wraps an id that was minted or stored before.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// A ULID of a time in milliseconds since 1970 and 80 random bits.
    pub fn mint(at_ms: u64, random: u128) -> Self {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let bits = (u128::from(at_ms) << 80) | (random & ((1 << 80) - 1));
        let text: String = (0..26)
            .rev()
            .map(|i| char::from(ALPHABET[((bits >> (i * 5)) & 31) as usize]))
            .collect();
        Self(format!("r-{text}"))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a row stands: workbook id, Google's `sheetId` of the tab, and the sheet's own row number (the first row is 1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The workbook's id, from its address.
    pub workbook: String,
    /// Google's `sheetId`, which a renamed tab keeps.
    pub sheet: i64,
    /// Row number as the sheet shows it.
    pub row: u32,
}

/// What a row is about.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A customer, a deal.
    #[default]
    Customer,
    /// An appointment, of a tab of its own.
    Appointment,
}

/// What the store keeps of a customer row. Formats older than [`Record::FORMAT`] are read and upgraded by the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The id that survives every edit.
    pub id: RecordId,
    /// A customer, or a row of an appointments tab.
    #[serde(default)]
    pub kind: Kind,
    /// Where the row stood at the last poll that saw it.
    pub place: Place,
    /// The bound cells as last seen.
    pub seen: Cells,
    /// The bound cells that events were made of; `None` until the row has settled for the first time.
    pub settled: Option<Cells>,
    /// When the row was first seen.
    pub first_seen: Timestamp,
    /// When a bound cell was last seen to change.
    pub changed_at: Timestamp,
    /// Since when `seen` differs from `settled`, if it does.
    pub pending_since: Option<Timestamp>,
    /// The number of events so far; an event's number makes its occasion distinct.
    pub events: u64,
    /// The stage that clocks and reminders go by: the last one that could be read.
    pub stage: Option<String>,
    /// When that stage was entered, by the poll that showed it first; `None` if nobody can know.
    pub stage_since: Option<Timestamp>,
    /// The last poll that still showed the stage before: the entry lies between it and `stage_since`
    /// (SEMANTICS 16). `None` where no two polls saw it, as at the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage_after: Option<Timestamp>,
    /// Between which polls the stage cell came to say what it says, as long as that has not settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage_seen: Option<StageSeen>,
    /// The number of the event with which the stage was entered (0: the baseline).
    pub stage_event: u64,
    /// The start of the idle clock: the latest of stage entry, settled change and button.
    pub active_at: Timestamp,
    /// When the row was missed first; it is a tombstone from then on.
    pub gone: Option<Timestamp>,
    /// Whether the removal has settled.
    pub removed: bool,
    /// Rules on `added` whose condition was not true yet, and until when they stay open (SEMANTICS 14).
    #[serde(default)]
    pub open_rules: BTreeMap<String, Timestamp>,
    /// Set at the baseline: such a row was never *added*.
    pub baseline: bool,
    /// Since when rows that could also be this one make its identity unclear (SEMANTICS 7).
    #[serde(default)]
    pub ambiguous_since: Option<Timestamp>,
    /// What rules with a settle time of their own have taken note of, where that is not what the
    /// others have: by rule id. A rule that is not here goes by the record itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub own: BTreeMap<String, Noted>,
    /// When this customer went, if they are known to have been one before this record began (SEMANTICS 8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_before: Option<Timestamp>,
}

/// Between which polls a stage cell changed, and the number under which that is an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageSeen {
    /// The last accepted poll that showed another stage.
    pub after: Option<Timestamp>,
    /// The poll that showed this one first.
    pub by: Timestamp,
    /// The number of the entry, from the first rule for which it settled: the same entry for all.
    #[serde(default)]
    pub event: Option<u64>,
}

/// What has settled of a record for one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Noted {
    /// The bound cells that the rule's last event was made of; `None` before its first.
    pub settled: Option<Cells>,
    /// The stage by them.
    pub stage: Option<String>,
    /// The number of the event with which that stage was entered.
    pub stage_event: u64,
}

impl Record {
    /// The version byte with which the store writes records of this shape.
    pub const FORMAT: u8 = 1;

    /// What has settled for the rules without a time of their own.
    pub fn noted(&self) -> Noted {
        Noted {
            settled: self.settled.clone(),
            stage: self.stage.clone(),
            stage_event: self.stage_event,
        }
    }

    /// The record as a rule knows it: with what has settled for that rule.
    pub fn for_rule(&self, rule: &str) -> Cow<'_, Self> {
        match self.own.get(rule) {
            None => Cow::Borrowed(self),
            Some(noted) => Cow::Owned(self.with(noted)),
        }
    }

    /// The record with what has settled for somebody else.
    pub fn with(&self, noted: &Noted) -> Self {
        Self {
            settled: noted.settled.clone(),
            stage: noted.stage.clone(),
            stage_event: noted.stage_event,
            ..self.clone()
        }
    }
}
