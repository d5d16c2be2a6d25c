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
    let at = keys::under(prefix::META, "salt");
    let salt: String = match store.get(&at)? {
        Some(salt) => salt,
        None => {
            let salt = format!("{:032x}{:032x}", store.secret(), store.secret());
            let mut group = Group::default();
            group.put(at, &salt);
            store.commit(vec![group])?;
            salt
        }
    };
    let key = blake3::derive_key("sheetbridge suppression v1", salt.as_bytes());
    let address = address.trim().to_lowercase();
    Ok(blake3::keyed_hash(&key, address.as_bytes())
        .to_hex()
        .to_string())
}

/// Where the suppression of an address is kept.
///
/// # Errors
/// The disk.
pub fn suppress_key(store: &Store, address: &str) -> Result<Key, StoreError> {
    Ok(keys::under(prefix::SUPPRESS, address_hash(store, address)?))
}
