//! Addresses and numbers that must not be written to: by keyed hash, so that the proof of an opt-out
//! survives the erasure of the person.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::keys::{self, Key, prefix};
use super::{Group, Store, StoreError};
use crate::core::record::RecordId;

/// Why an address must not be sent advertising, and since when: the proof the law asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// Since when.
    pub at: Timestamp,
    /// Where it comes from.
    pub source: SuppressionSource,
    /// The address, masked.
    pub shown: String,
    /// Further records whose opt-out cell says the same: it is lifted when the last of them is unticked.
    #[serde(default)]
    pub also: Vec<RecordId>,
}

/// Where a suppression comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionSource {
    /// The opt-out cell of a record; unticking lifts only this.
    Cell {
        /// The record.
        record: RecordId,
    },
    /// The provider says the address is no good.
    Bounce {
        /// Its words.
        said: String,
    },
    /// The person themselves, by the link in a mail. Unticking a cell lifts nothing of it; the link does.
    Link {
        /// Digest of the key of the message in which the link was.
        digest: String,
        /// By the button of the mail program (RFC 8058); else on the page.
        one_click: bool,
        /// What the button said.
        wording: String,
    },
    /// Somebody said so.
    Hand {
        /// Who.
        by: String,
        /// Whether nothing at all may be written to it; else no advertising.
        everything: bool,
        /// Why, if they said.
        #[serde(default)]
        why: Option<String>,
    },
}

/// The keyed hash under which an address is suppressed; survives the erasure of the person.
///
/// # Errors
/// The disk, where the key of the hash is kept.
pub fn address_hash(store: &Store, address: &str) -> Result<String, StoreError> {
    let salt = salt(store)?;
    let key = blake3::derive_key("sheetbridge suppression v1", salt.as_bytes());
    let address = address.trim().to_lowercase();
    Ok(blake3::keyed_hash(&key, address.as_bytes())
        .to_hex()
        .to_string())
}

/// The secret of this store, made once and carried by backups, from which keys are derived.
pub(super) fn salt(store: &Store) -> Result<String, StoreError> {
    let at = keys::under(prefix::META, "salt");
    if let Some(salt) = store.get(&at)? {
        return Ok(salt);
    }
    let salt = format!("{:032x}{:032x}", store.secret(), store.secret());
    let mut group = Group::default();
    group.put(at, &salt);
    store.commit(vec![group])?;
    Ok(salt)
}

/// Where the suppression of an address is kept.
///
/// # Errors
/// The disk.
pub fn suppress_key(store: &Store, address: &str) -> Result<Key, StoreError> {
    Ok(suppress_key_of(&address_hash(store, address)?))
}

/// Where the suppression of an address is kept of which only the hash is known.
pub fn suppress_key_of(hash: &str) -> Key {
    keys::under(prefix::SUPPRESS, hash)
}
