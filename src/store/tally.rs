//! How one knows that the store still holds what was written to it.
//!
//! sled gives up what it cannot read without a word: a tail that was torn off, a segment whose head is
//! damaged. So each commit also writes how many commits there were and a sum over everything that is there,
//! in the same batch. Opening the store reads everything once and compares. A tail that is gone takes its own
//! tally with it; that is why the number stands a second time in a small file beside the store, written after
//! each commit has been synced: it can lag behind the store, never be ahead of it. (It is not synced itself at
//! each commit: what the disk may lose of it when the power goes only makes it lag.)

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sled::IVec;

use super::folder;
use super::keys::Key;
use super::walk::Walk;
use super::{Operation, StoreError};

/// Where the tally stands in the store. No prefix begins with a zero byte.
pub(super) const KEY: &[u8] = b"\0tally";

/// Number, sum, bytes, pairs: all little-endian.
const LENGTH: usize = 8 + 16 + 8 + 8;

/// What is in the store, in four numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Commits so far.
    pub(super) commits: u64,
    /// Of all pairs, in no order.
    pub(super) sum: u128,
    /// Of all keys and values.
    pub(super) bytes: u64,
    /// How many there are.
    pub(super) pairs: u64,
}

impl Tally {
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.sum = self.sum.wrapping_add(hash(key, value));
        self.bytes = self.bytes.wrapping_add((key.len() + value.len()) as u64);
        self.pairs = self.pairs.wrapping_add(1);
    }

    fn subtract(&mut self, key: &[u8], value: &[u8]) {
        self.sum = self.sum.wrapping_sub(hash(key, value));
        self.bytes = self.bytes.wrapping_sub((key.len() + value.len()) as u64);
        self.pairs = self.pairs.wrapping_sub(1);
    }

    /// Whether both say the same of what is there, however many commits it took.
    pub(super) fn same_content(&self, other: &Self) -> bool {
        (self.sum, self.bytes, self.pairs) == (other.sum, other.bytes, other.pairs)
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(&self.commits.to_le_bytes());
        bytes.extend_from_slice(&self.sum.to_le_bytes());
        bytes.extend_from_slice(&self.bytes.to_le_bytes());
        bytes.extend_from_slice(&self.pairs.to_le_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (commits, rest) = bytes.split_first_chunk::<8>()?;
        let (sum, rest) = rest.split_first_chunk::<16>()?;
        let (size, rest) = rest.split_first_chunk::<8>()?;
        let (pairs, rest) = rest.split_first_chunk::<8>()?;
        rest.is_empty().then(|| Self {
            commits: u64::from_le_bytes(*commits),
            sum: u128::from_le_bytes(*sum),
            bytes: u64::from_le_bytes(*size),
            pairs: u64::from_le_bytes(*pairs),
        })
    }

    /// What operations, in their order, make of it. `before` looks a key up as it is now.
    pub(super) fn after(
        mut self,
        operations: &[Operation],
        before: impl Fn(&[u8]) -> sled::Result<Option<IVec>>,
    ) -> sled::Result<Self> {
        // Of several operations on a key the last one counts, as in a batch. In the order of the keys each page of the
        // store is read once, however few there is room for.
        let last: BTreeMap<&[u8], Option<&Vec<u8>>> = operations
            .iter()
            .map(|(key, value)| (key.as_slice(), value.as_ref()))
            .collect();
        for (key, value) in last {
            if let Some(value) = before(key)? {
                self.subtract(key, &value);
            }
            if let Some(value) = value {
                self.add(key, value);
            }
        }
        self.commits += 1;
        Ok(self)
    }
}

fn hash(key: &[u8], value: &[u8]) -> u128 {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(&(key.len() as u64).to_le_bytes());
    hash.update(key);
    hash.update(value);
    hash.digest128()
}

/// The tally as it is, and who watches what changes.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pub(super) tally: Tally,
    /// How many messages wait, once somebody has asked.
    pub(super) queued: Option<usize>,
    /// The keys that were written since a copy began, while one is being made.
    pub(super) touched: Option<BTreeSet<Key>>,
    /// Who wants to know which records are written.
    pub(super) watchers: super::watch::Watchers,
    /// A batch failed half-way, and how: what is on disk is for the next opening to find out.
    pub(super) broken: Option<(Option<io::ErrorKind>, String)>,
}

impl Turn {
    /// Refuses to go on after a write failed.
    pub(super) fn must_be_whole(&self) -> Result<(), StoreError> {
        match self.broken.clone() {
            None => Ok(()),
            Some((kind, why)) => Err(StoreError::Broken { kind, why }),
        }
    }

    /// Notes the first write that failed; returns its error.
    pub(super) fn broken_by(&mut self, error: StoreError) -> StoreError {
        let kind = match &error {
            StoreError::Sled(sled::Error::Io(source)) | StoreError::Sync(source) => {
                Some(source.kind())
            }
            _ => None,
        };
        self.broken.get_or_insert((kind, error.to_string()));
        error
    }
}

/// The number of commits beside the store.
#[derive(Debug)]
pub(super) struct Counter {
    file: File,
    highest: Mutex<u64>,
}

impl Counter {
    pub(super) fn path(dir: &Path) -> PathBuf {
        dir.join("store.count")
    }

    /// What the file says; none if there is none, or it is torn.
    pub(super) fn read(dir: &Path) -> io::Result<Option<u64>> {
        let bytes = match std::fs::read(Self::path(dir)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some((number, check)) = bytes.split_first_chunk::<8>() else {
            return Ok(None);
        };
        Ok((check == check_of(*number)).then(|| u64::from_le_bytes(*number)))
    }

    /// Opens the file, made new if need be, and makes it say `number`, on disk.
    pub(super) fn open(dir: &Path, number: u64) -> io::Result<Self> {
        let counter = Self {
            file: folder::file_that_stays(&Self::path(dir))?,
            highest: Mutex::new(0),
        };
        counter.write(number)?;
        counter.file.sync_all()?;
        Ok(counter)
    }

    /// Notes that so many commits are durable.
    pub(super) fn note(&self, number: u64) -> io::Result<()> {
        let highest = self.lock();
        if *highest >= number {
            return Ok(());
        }
        drop(highest);
        self.write(number)
    }

    fn write(&self, number: u64) -> io::Result<()> {
        let mut highest = self.lock();
        if *highest > number {
            return Ok(());
        }
        *highest = number;
        let number = number.to_le_bytes();
        let mut bytes = number.to_vec();
        bytes.extend_from_slice(&check_of(number));
        self.file.write_all_at(&bytes, 0)
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.highest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check_of(number: [u8; 8]) -> [u8; 8] {
    xxhash_rust::xxh3::xxh3_64(&number).to_le_bytes()
}

/// What is really there, read pair by pair.
pub(super) fn count(db: &sled::Db) -> Result<Tally, StoreError> {
    let mut found = Tally::default();
    for pair in Walk::all(db) {
        let (key, value) = pair?;
        if &*key != KEY {
            found.add(&key, &value);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tally_is_that_of_what_is_left_in_whatever_order_it_came() {
        let pair =
            |key: &str, value: &str| (key.as_bytes().to_vec(), Some(value.as_bytes().to_vec()));
        let nothing = |_: &[u8]| Ok(None);
        let one = Tally::default()
            .after(&[pair("a", "1"), pair("b", "2"), pair("a", "3")], nothing)
            .unwrap();
        let mut other = Tally::default();
        other.add(b"b", b"2");
        other.add(b"a", b"3");
        assert!(one.same_content(&other));
        assert_eq!((one.commits, one.pairs, one.bytes), (1, 2, 4));
        let gone = one
            .after(&[(b"a".to_vec(), None)], |key| {
                Ok((key == b"a").then(|| IVec::from(b"3")))
            })
            .unwrap();
        assert_eq!((gone.pairs, gone.bytes), (1, 2));
        assert!(!gone.same_content(&one));
        assert_eq!(Tally::from_bytes(&gone.to_bytes()), Some(gone));
        assert_eq!(Tally::from_bytes(b"short"), None);
    }

    #[test]
    fn a_counter_goes_only_up_and_a_torn_one_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Counter::read(dir.path()).unwrap(), None);
        let counter = Counter::open(dir.path(), 7).unwrap();
        counter.note(9).unwrap();
        counter.note(8).unwrap();
        assert_eq!(Counter::read(dir.path()).unwrap(), Some(9));
        std::fs::write(Counter::path(dir.path()), [1, 2, 3]).unwrap();
        assert_eq!(Counter::read(dir.path()).unwrap(), None);
    }
}
