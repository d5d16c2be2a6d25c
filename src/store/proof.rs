//! What the law wants proof of: who agreed to advertising and who refused it, when, how, and in which words
//! (Decree 91/2020 Art. 11, 13 and 20; `[keep]` does not touch it).
//!
//! Only ever added to. Kept under the keyed hash of the address, so that it outlives the row and the person:
//! `forget` leaves it, and whoever shows us the address can be shown what was said of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::keys::{self, prefix};
use super::suppression::address_hash;
use super::{Group, Store, StoreError};

/// One thing that was said of an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// When.
    pub at: Timestamp,
    /// What.
    pub said: Said,
    /// How it was said, in words: a cell with its header, the link in which mail, who on the telephone.
    pub source: String,
    /// In which words: what stood in the cell, on the button, in the declaration.
    #[serde(default)]
    pub wording: String,
    /// The address, masked.
    pub shown: String,
}

/// What can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// Yes to advertising.
    Agreed,
    /// The yes stands there no more.
    Withdrew,
    /// No advertising, or nothing at all.
    Refused,
    /// The refusal was taken back.
    Lifted,
    /// Our confirmation of a refusal was delivered.
    Confirmed,
}

impl Said {
    /// For the command line.
    pub fn words(self) -> &'static str {
        match self {
            Self::Agreed => "agreed to advertising",
            Self::Withdrew => "no longer agrees to advertising",
            Self::Refused => "refused",
            Self::Lifted => "took the refusal back",
            Self::Confirmed => "the refusal was confirmed to them",
        }
    }
}

/// Adds what was said of an address. Two of one millisecond say the same.
///
/// # Errors
/// The disk.
pub fn keep(
    store: &Store,
    group: &mut Group,
    address: &str,
    proof: &Proof,
) -> Result<(), StoreError> {
    keep_of(group, &address_hash(store, address)?, proof);
    Ok(())
}

/// The same, where only the hash of the address is known.
pub fn keep_of(group: &mut Group, hash: &str, proof: &Proof) {
    let under = keys::under(prefix::PROOF, format!("{hash}/"));
    group.put(keys::timed(&under, proof.at, [proof.said as u8]), proof);
}

/// Everything that was said of an address, the oldest first.
///
/// # Errors
/// The disk.
pub fn of(store: &Store, address: &str) -> Result<Vec<Proof>, StoreError> {
    of_hash(store, &address_hash(store, address)?)
}

/// The same by the hash of the address.
///
/// # Errors
/// The disk.
pub fn of_hash(store: &Store, hash: &str) -> Result<Vec<Proof>, StoreError> {
    store
        .scan::<Proof>(&keys::under(prefix::PROOF, format!("{hash}/")))
        .map(|entry| entry.map(|(_, proof)| proof))
        .collect()
}

/// Whether the last yes or no of an address is this yes: a basis is kept once, not with every mail.
///
/// # Errors
/// The disk.
pub fn has_basis(
    store: &Store,
    address: &str,
    source: &str,
    wording: &str,
) -> Result<bool, StoreError> {
    let last = of(store, address)?
        .into_iter()
        .rfind(|proof| proof.said != Said::Confirmed);
    Ok(last.is_some_and(|last| {
        last.said == Said::Agreed && last.source == source && last.wording == wording
    }))
}
