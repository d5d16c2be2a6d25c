//! After a restore nobody knows what was sent between the backup and now. Nothing of that time is sent again
//! by itself:
//!
//! - A message that was on its way in the backup, or was due before the restore, may have left since: it is *in
//!   doubt* and waits for a person, whatever `in_doubt` says. So is one that was put off or waits out its holding
//!   time: somebody may have resumed, or pressed [Đúng, gửi ngay]. What was never due before stays queued.
//! - A timer that was due before the restore rings, and what it decides is in doubt likewise.
//! - What a trial decided before the restore may have been taken over since the backup: if it is taken over, it is in
//!   doubt.
//! - The first look at each workbook takes the sheet as it is. What was changed since the backup is news to
//!   nobody: it was told then, or the managers are told now how much it was. A row that is missing at that look
//!   comes back without events too, for a month.
//! - Events are numbered on from above all numbers that may have been given since the backup, so that what happens
//!   now has no key, and no Message-ID, of what was sent then.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::keys::{self, Key, prefix};
use super::ledger::{self, IllegalStep};
use super::{Group, Store, StoreError};
use crate::core::delivery::{By, State};
use crate::core::message::Message;

/// What stands at a message that is in doubt because of a restore.
const WHY: &str = "the store was restored from a backup: it may have been sent since that was made";

/// So long after the first look a row that was missing then comes back without events. Later it is as anybody who
/// comes back.
pub const UNKNOWN_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The time of which nobody knows what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// When the backup was made.
    pub from: Timestamp,
    /// When it was restored.
    pub to: Timestamp,
}

/// What was found in the gap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Messages that are in doubt now.
    pub in_doubt: usize,
    /// Timers that were due; what they decide will be.
    pub timers: usize,
    /// Workbooks whose next look takes the sheet as it is.
    pub workbooks: usize,
}

fn key() -> Key {
    keys::under(prefix::META, "gap")
}

fn rebase_key(workbook: &str) -> Key {
    keys::under(prefix::META, format!("rebase/{workbook}"))
}

fn unknown_key(workbook: &str) -> Key {
    keys::under(prefix::META, format!("unknown/{workbook}"))
}

fn numbered_key() -> Key {
    keys::under(prefix::META, "numbered")
}

impl Store {
    /// The highest number that an event may have had before the last restore; 0 without one.
    ///
    /// # Errors
    /// The disk.
    pub fn numbered(&self) -> Result<u64, StoreError> {
        Ok(self.get(&numbered_key())?.unwrap_or_default())
    }

    /// The gap of the last restore, if there was one.
    ///
    /// # Errors
    /// The disk.
    pub fn gap(&self) -> Result<Option<Gap>, StoreError> {
        self.get(&key())
    }

    /// The gap, as long as a workbook was not looked at since the restore.
    ///
    /// # Errors
    /// The disk.
    pub fn rebase(&self, workbook: &str) -> Result<Option<Gap>, StoreError> {
        self.get(&rebase_key(workbook))
    }

    /// From the backup to the first look at a workbook after its restore, once there was one.
    ///
    /// # Errors
    /// The disk.
    pub fn unknown(&self, workbook: &str) -> Result<Option<Gap>, StoreError> {
        self.get(&unknown_key(workbook))
    }

    /// When something was noted in the journal last.
    ///
    /// # Errors
    /// The disk.
    pub fn last_noted(&self) -> Result<Option<Timestamp>, StoreError> {
        let last = self
            .newest::<super::journal::Entry>(prefix::JOURNAL, 1)
            .next();
        Ok(last.transpose()?.map(|(_, entry)| entry.at))
    }
}

/// The workbook was looked at, and its sheet taken as it is.
pub fn rebased(group: &mut Group, workbook: &str, gap: Gap, now: Timestamp) {
    group.remove(rebase_key(workbook));
    group.put(unknown_key(workbook), &Gap { to: now, ..gap });
}

/// Sees to what may have been sent in the gap, in a store that was just restored.
///
/// # Errors
/// The disk.
pub fn open(store: &Store, gap: Gap, workbooks: &[String]) -> Result<Found, StoreError> {
    let mut groups = Vec::new();
    for entry in store.scan_moving::<Message>(prefix::MESSAGE) {
        let (_, mut message) = entry?;
        let may_have_left = match message.state {
            State::InFlight => true,
            // One that was put off may have been let go: by `resume`, a button, a limit that ended.
            State::Queued => {
                let put_off = message.held_until.is_some() || !message.why.is_empty();
                message.due <= gap.to || put_off
            }
            State::Delivered
            | State::Rejected
            | State::InDoubt
            | State::Cancelled
            | State::Expired
            | State::Dead => false,
        };
        if may_have_left {
            let mut group = Group::default();
            // From queued and in flight these steps are in the table.
            doubt(&mut group, &mut message, gap.to).map_err(|error| StoreError::Value {
                key: message.key.to_string(),
                why: error.to_string(),
            })?;
            groups.push(group);
        }
    }
    let in_doubt = groups.len();
    let mut timers = 0;
    for timer in store.keys(prefix::TIMER) {
        if keys::time_of(prefix::TIMER, &timer?).is_none_or(|due| due > gap.to) {
            break;
        }
        timers += 1;
    }
    let mut marks = Group::default();
    marks.put(key(), &gap);
    // A record has an event a second at most: what is typed settles first.
    let in_gap = gap.to.duration_since(gap.from).unsigned_abs().as_secs() + 1;
    marks.put(numbered_key(), &(last_number(store)? + in_gap));
    for workbook in workbooks {
        marks.put(rebase_key(workbook), &gap);
    }
    groups.push(marks);
    store.commit(groups)?;
    Ok(Found {
        in_doubt,
        timers,
        workbooks: workbooks.len(),
    })
}

/// The highest number that an event has in the backup, or may have had before an earlier restore.
fn last_number(store: &Store) -> Result<u64, StoreError> {
    let mut highest = store.numbered()?;
    for record in store.records() {
        match record {
            Ok(record) => highest = highest.max(record.events),
            // What is left of a damaged store may hold a record that makes no sense: it has no events any more.
            Err(StoreError::Value { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(highest)
}

/// Puts a message that is queued or in flight in doubt because of the gap.
///
/// # Errors
/// It is neither.
pub fn doubt(group: &mut Group, message: &mut Message, now: Timestamp) -> Result<(), IllegalStep> {
    if message.state == State::Queued {
        ledger::shift(group, message, State::InFlight, By::Outbox, WHY, None)?;
    }
    ledger::attempted(message, now, State::InDoubt, WHY);
    ledger::shift(group, message, State::InDoubt, By::Outbox, WHY, None)
}
