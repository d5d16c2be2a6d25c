//! What the keys lie on: sled on disk, or memory for the simulation. Nothing is decided here.

use std::ops::{Bound, RangeInclusive};

use sled::IVec;

use super::keys::Key;
use super::live::Live;
use super::memory::Memory;
use super::walk::Walk;
use super::{Operation, StoreError};

/// The few things the store asks of what is below it.
#[derive(Clone)]
pub(super) enum Medium {
    /// A folder.
    Disk(Live),
    /// See [`Memory`].
    Memory(Memory),
}

impl Medium {
    pub(super) fn get(&self, key: impl AsRef<[u8]>) -> sled::Result<Option<IVec>> {
        match self {
            Self::Disk(live) => live.get(key),
            Self::Memory(memory) => memory.get(key.as_ref()),
        }
    }

    pub(super) fn contains_key(&self, key: impl AsRef<[u8]>) -> sled::Result<bool> {
        match self {
            Self::Disk(live) => live.contains_key(key),
            Self::Memory(memory) => Ok(memory.get(key.as_ref())?.is_some()),
        }
    }

    pub(super) fn scan_prefix(&self, prefix: impl AsRef<[u8]>) -> Entries {
        match self {
            Self::Disk(live) => Entries::Disk(Box::new(live.scan_prefix(prefix))),
            Self::Memory(memory) => {
                let from = IVec::from(prefix.as_ref());
                let to = after(prefix.as_ref()).map_or(Bound::Unbounded, Bound::Excluded);
                Entries::Memory(memory.clone(), Bound::Included(from), to)
            }
        }
    }

    pub(super) fn range(&self, range: RangeInclusive<Key>) -> Entries {
        match self {
            Self::Disk(live) => Entries::Disk(Box::new(live.range(range))),
            Self::Memory(memory) => {
                let (from, to) = range.into_inner();
                Entries::Memory(
                    memory.clone(),
                    Bound::Included(from.into()),
                    Bound::Included(to.into()),
                )
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Disk(live) => live.is_empty(),
            Self::Memory(memory) => memory.is_empty(),
        }
    }

    /// Writes a commit, which is whole or not there at all after a crash, and lasts.
    pub(super) fn apply(&self, number: u64, operations: Vec<Operation>) -> Result<(), StoreError> {
        match self {
            Self::Disk(live) => live.apply(number, operations),
            Self::Memory(memory) => {
                memory.apply(operations)?;
                Ok(memory.flush()?)
            }
        }
    }

    /// Puts another sled in the place of the one in force; nothing in memory is exchanged.
    pub(super) fn exchange(&self, other: &Live) {
        match self {
            Self::Disk(live) => live.exchange(other),
            Self::Memory(_) => {}
        }
    }

    pub(super) fn size_on_disk(&self) -> sled::Result<u64> {
        match self {
            Self::Disk(live) => live.size_on_disk(),
            Self::Memory(memory) => Ok(memory.bytes()),
        }
    }
}

/// Entries in the order of their keys, from either end.
pub(super) enum Entries {
    /// Boxed, because it is big.
    Disk(Box<Walk>),
    /// What is left, from where to where.
    Memory(Memory, Bound<IVec>, Bound<IVec>),
}

impl Iterator for Entries {
    type Item = sled::Result<(IVec, IVec)>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Disk(entries) => entries.next(),
            Self::Memory(memory, from, to) => {
                let found = memory.next(from, to, false);
                if let Ok(Some((key, _))) = &found {
                    *from = Bound::Excluded(key.clone());
                }
                found.transpose()
            }
        }
    }
}

impl DoubleEndedIterator for Entries {
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Self::Disk(entries) => entries.next_back(),
            Self::Memory(memory, from, to) => {
                let found = memory.next(from, to, true);
                if let Ok(Some((key, _))) = &found {
                    *to = Bound::Excluded(key.clone());
                }
                found.transpose()
            }
        }
    }
}

/// The first key behind all that begin with a prefix; none behind a prefix of `0xff` alone.
fn after(prefix: &[u8]) -> Option<IVec> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut key = prefix[..=last].to_vec();
    key[last] += 1;
    Some(key.into())
}
