//! Who was proposed last for a new lead, and to whom managers gave one. Names of colleagues and ids of records only.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::keys::{self, Key, prefix};
use super::{Group, Store, StoreError};
use crate::core::record::RecordId;

/// A lead that a manager gave to somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// Which.
    pub record: RecordId,
    /// To whom, as in the staff list.
    pub to: String,
    /// By whom.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

fn key(record: &RecordId) -> Key {
    keys::under(prefix::GIVEN, record.as_str())
}

fn proposed_key() -> Key {
    keys::under(prefix::META, "proposed")
}

impl Group {
    /// Writes to whom a lead was given.
    pub fn put_given(&mut self, given: &Given) {
        self.put(key(&given.record), given);
    }

    /// Writes whose turn it was.
    pub fn put_proposed(&mut self, name: &str) {
        self.put(proposed_key(), &name);
    }
}

impl Store {
    /// To whom a lead was given, if a manager did.
    ///
    /// # Errors
    /// The disk.
    pub fn given(&self, record: &RecordId) -> Result<Option<Given>, StoreError> {
        self.get(&key(record))
    }

    /// All leads that were given.
    pub fn all_given(&self) -> impl Iterator<Item = Result<Given, StoreError>> + use<> {
        self.scan(prefix::GIVEN).map(|entry| Ok(entry?.1))
    }

    /// Who was proposed last.
    ///
    /// # Errors
    /// The disk.
    pub fn proposed_last(&self) -> Result<Option<String>, StoreError> {
        self.get(&proposed_key())
    }

    /// Forgets what was given before a time: the sheet has long said so.
    ///
    /// # Errors
    /// The disk.
    pub fn forget_given_before(&self, time: Timestamp) -> Result<(), StoreError> {
        let mut groups = Vec::new();
        for entry in self.scan::<Given>(prefix::GIVEN) {
            let (at, given) = entry?;
            if given.at < time {
                let mut group = Group::default();
                group.remove(at);
                groups.push(group);
            }
        }
        self.commit(groups)
    }
}
