//! What staff say of a customer in the chat: outcomes of reminders, notes, promises. Kept with the record, and as long
//! as what was sent.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::keys::{self, Key, prefix};
use super::{Group, Store, StoreError};
use crate::core::message::MessageKey;
use crate::core::outcome::{Outcome, Promise};
use crate::core::record::RecordId;

/// What a chat answers to is known for so long; buttons are, too.
const TOLD_FOR: SignedDuration = SignedDuration::from_hours(60 * 24);

/// One thing that was said.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Of whom.
    pub record: RecordId,
    /// When.
    pub at: Timestamp,
    /// By whom, as in the staff list.
    pub by: String,
    /// What came of it, if a button said so.
    #[serde(default)]
    pub outcome: Option<Outcome>,
    /// In their words; may be empty. Personal: never in a log.
    #[serde(default)]
    pub text: String,
    /// What was promised.
    #[serde(default)]
    pub promise: Option<Promise>,
    /// The message that reminds of the promise.
    #[serde(default)]
    pub reminder: Option<MessageKey>,
}

impl std::fmt::Debug for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Note")
            .field("record", &self.record)
            .field("outcome", &self.outcome)
            .field("letters", &self.text.chars().count())
            .finish_non_exhaustive()
    }
}

impl Note {
    /// Where it is kept; sorts by time within a record.
    pub fn key(&self) -> Key {
        note_key(&self.record, self.at, &self.by)
    }

    /// Adds it to a group, with the place of its promise, which is to be kept at `at`.
    pub fn put(&self, group: &mut Group, at: Option<Timestamp>) {
        group.put(self.key(), self);
        if let Some(at) = at {
            group.put(self.promise_key(at), &(&self.record, self.at, &self.by));
        }
    }

    /// Where its promise stands, by the instant at which it is to be kept.
    fn promise_key(&self, at: Timestamp) -> Key {
        keys::timed(prefix::PROMISE, at, self.record.as_str())
    }
}

fn note_key(record: &RecordId, at: Timestamp, by: &str) -> Key {
    keys::timed(&of_record(record), at, by.replace('/', "∕"))
}

/// A message in a chat, and what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The message.
    pub message: MessageKey,
    /// When it arrived.
    pub at: Timestamp,
}

/// Where it is kept which of our messages one in a chat is; `id` is Telegram's number for it in that chat.
pub fn told_key(chat: i64, id: i32) -> Key {
    keys::under(prefix::TOLD, format!("{chat}/{id}"))
}

fn of_record(record: &RecordId) -> Key {
    keys::under(prefix::NOTE, format!("{record}/"))
}

impl Store {
    /// Everything that was said of a record, the oldest first.
    ///
    /// # Errors
    /// The disk.
    pub fn notes(&self, record: &RecordId) -> Result<Vec<Note>, StoreError> {
        self.scan::<Note>(&of_record(record))
            .map(|entry| entry.map(|(_, note)| note))
            .collect()
    }

    /// Forgets a note and its promise, which was to be kept at `at`.
    pub fn forget_note(group: &mut Group, note: &Note, at: Option<Timestamp>) {
        group.remove(note.key());
        if let Some(at) = at {
            group.remove(note.promise_key(at));
        }
    }

    /// The promises that are to be kept from one instant up to another, not included, in their order.
    ///
    /// # Errors
    /// The disk.
    pub fn promises(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Note>, StoreError> {
        let mut found = Vec::new();
        for entry in self.scan::<(RecordId, Timestamp, String)>(prefix::PROMISE) {
            let (key, (record, said, by)) = entry?;
            let Some(at) = keys::time_of(prefix::PROMISE, &key).filter(|at| *at >= from) else {
                continue;
            };
            if at >= to {
                break;
            }
            found.extend(self.get::<Note>(&note_key(&record, said, &by))?);
        }
        Ok(found)
    }

    /// Forgets what was said before a time, promises that are over, and what chats were told long ago.
    ///
    /// # Errors
    /// The disk.
    pub fn forget_notes_before(&self, time: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let mut groups = Vec::new();
        let mut forget = |key: Key| {
            let mut group = Group::default();
            group.remove(key);
            groups.push(group);
        };
        for entry in self.scan::<Note>(prefix::NOTE) {
            let (key, note) = entry?;
            if note.at < time {
                forget(key);
            }
        }
        let yesterday = now
            .saturating_sub(SignedDuration::from_hours(48))
            .unwrap_or(now);
        for key in self.keys(prefix::PROMISE) {
            let key = key?;
            if keys::time_of(prefix::PROMISE, &key).is_none_or(|at| at < yesterday) {
                forget(key);
            }
        }
        for entry in self.scan::<Told>(prefix::TOLD) {
            let (key, told) = entry?;
            if now.duration_since(told.at) > TOLD_FOR {
                forget(key);
            }
        }
        self.commit(groups)
    }

    /// Forgets what was said of some records.
    ///
    /// # Errors
    /// The disk.
    pub fn forget_notes_of(&self, records: &BTreeSet<RecordId>) -> Result<Vec<Group>, StoreError> {
        let mut groups = Vec::new();
        for record in records {
            for key in self.keys(&of_record(record)) {
                let mut group = Group::default();
                group.remove(key?);
                groups.push(group);
            }
        }
        Ok(groups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::outcome::Deed;

    fn at(day: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * day)
    }

    fn note(record: &str, day: i64) -> Note {
        Note {
            record: RecordId::new(record),
            at: at(day),
            by: "Lan Anh".into(),
            outcome: Some(Outcome::Appointed),
            text: "chị Hoa 0901234567".into(),
            promise: Some(Promise {
                deed: Deed::Meet,
                at: "1970-04-11T09:00:00".parse().unwrap(),
                timed: true,
            }),
            reminder: None,
        }
    }

    fn keep(store: &Store, note: &Note, promise: Timestamp) {
        let mut group = Group::default();
        note.put(&mut group, Some(promise));
        store.commit(vec![group]).unwrap();
    }

    #[test]
    fn words_go_with_their_time_and_with_their_customer() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let (old, new, other) = (note("r-a", 1), note("r-a", 90), note("r-b", 95));
        keep(&store, &old, at(2));
        keep(&store, &new, at(101));
        keep(&store, &other, at(102));
        assert_eq!(
            store.notes(&old.record).unwrap(),
            [old.clone(), new.clone()]
        );
        assert_eq!(
            store.promises(at(100), at(102)).unwrap(),
            std::slice::from_ref(&new)
        );
        store.forget_notes_before(at(50), at(100)).unwrap();
        assert_eq!(
            store.notes(&old.record).unwrap(),
            std::slice::from_ref(&new)
        );
        assert!(store.promises(at(0), at(50)).unwrap().is_empty());
        let gone = BTreeSet::from([new.record.clone()]);
        store.commit(store.forget_notes_of(&gone).unwrap()).unwrap();
        assert!(store.notes(&new.record).unwrap().is_empty());
        assert_eq!(store.promises(at(100), at(200)).unwrap(), [other]);
    }

    #[test]
    fn a_log_never_shows_the_words() {
        let shown = format!("{:?}", note("r-a", 1));
        assert!(!shown.contains("Hoa") && !shown.contains("0901"), "{shown}");
    }
}
