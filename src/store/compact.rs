//! sled never gives back what it once took: a store in which much changes grows to many times what is in it.
//! Compacting writes everything into a fresh folder and lets that take the old one's place.
//!
//! It can be cut off anywhere: until the copy is declared whole the old store is the store, after that the copy
//! is (`folder::finish_exchange`). Others read and write meanwhile; what they touch is copied again at the end,
//! while they wait for a moment. Before the exchange the copy is read back and compared with the tally.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::keys::Key;
use super::live::Live;
use super::tally::{self, Turn};
use super::{BATCH, Store, StoreError, folder, open_patiently};

/// So much room nobody minds: what a few busy days take. A year of a busy company has 260 MB in use, and is to stay
/// below 500 MB with half as much again and this (`tests/year.rs`).
const SMALL: u64 = 96 << 20;

/// One batch of a copy.
const BATCH_BYTES: usize = 1 << 20;

/// What compacting came to.
#[derive(Clone, Copy, Debug)]
pub struct Compacted {
    /// Bytes on disk before.
    pub before: u64,
    /// Bytes on disk after.
    pub after: u64,
    /// How long it took.
    pub took: Duration,
}

/// Why a store is, or is not, compacted now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is small, or there is little garbage in it.
    NotWorthIt,
    /// Mostly garbage.
    Garbage,
    /// Mostly garbage, and no room on the disk for the copy.
    NoRoom {
        /// Bytes that are needed.
        needed: u64,
    },
}

impl Store {
    /// Whether compacting would help, and can be done.
    ///
    /// # Errors
    /// The disk.
    pub fn worth_compacting(&self) -> Result<Reason, StoreError> {
        let (disk, live) = (self.size_on_disk()?, self.turn().tally.bytes);
        // A fresh copy takes up to twice what is in it, as sled writes a page again for every few entries; what is
        // packed away, which is most of a large store, takes no more than it is.
        if disk < live.saturating_mul(3) / 2 + SMALL {
            return Ok(Reason::NotWorthIt);
        }
        let needed = live.saturating_mul(3).saturating_add(32 << 20);
        Ok(match folder::free_bytes(&self.dir) {
            Some(free) if free < needed => Reason::NoRoom { needed },
            _ => Reason::Garbage,
        })
    }

    /// Compacts; whoever reads or writes meanwhile does not notice, but for a wait at the end.
    ///
    /// # Errors
    /// The disk. Unless it is [`StoreError::Broken`] the store goes on as it was.
    pub fn compact(&self) -> Result<Compacted, StoreError> {
        let begun = Instant::now();
        let before = self.size_on_disk()?;
        let folder = |source| StoreError::Folder {
            dir: self.dir.clone(),
            source,
        };
        let path = folder::copy(&self.dir);
        folder::remove(&path).map_err(folder)?;
        folder::private_folder(&path).map_err(folder)?;
        let watched = Watched::begin(self)?;
        let made = self.copy_to(&path, &watched);
        let ended = made.and_then(|turn| self.exchange(turn));
        drop(watched);
        if ended.is_err() {
            // The next opening would throw it away, too; but a full disk needs the room now.
            let _ = folder::remove(&path);
        }
        ended?;
        Ok(Compacted {
            before,
            after: self.size_on_disk()?,
            took: begun.elapsed(),
        })
    }

    /// Makes a whole, synced copy. Returns with nobody else writing.
    fn copy_to(
        &self,
        path: &std::path::Path,
        watched: &Watched<'_>,
    ) -> Result<std::sync::MutexGuard<'_, Turn>, StoreError> {
        let copy = open_patiently(&self.dir, path)?;
        let mut writer = Writer::new(&copy);
        for pair in self.db.scan_prefix([]) {
            let (key, value) = pair?;
            writer.write(key.to_vec(), Some(value.to_vec()))?;
        }
        // Mostly few are left when everybody has to wait.
        for key in watched.take(&mut self.turn()) {
            writer.write(key.clone(), self.db.get(&key)?.map(|value| value.to_vec()))?;
        }
        let mut turn = self.turn();
        for key in watched.take(&mut turn) {
            writer.write(key.clone(), self.db.get(&key)?.map(|value| value.to_vec()))?;
        }
        writer.write(tally::KEY.to_vec(), Some(turn.tally.to_bytes()))?;
        writer.end()?;
        copy.flush()?;
        if !tally::count(&copy)?.same_content(&turn.tally) {
            return Err(StoreError::Corrupt {
                dir: self.dir.clone(),
                why: "a copy of it is not what was written".into(),
            });
        }
        drop(copy);
        // It lets go of its lock when all its files are written.
        drop(open_patiently(&self.dir, path)?);
        folder::sync_all(path).map_err(StoreError::Sync)?;
        Ok(turn)
    }

    /// Lets the copy take the store's place, on disk and in memory.
    fn exchange(&self, mut turn: std::sync::MutexGuard<'_, Turn>) -> Result<(), StoreError> {
        let exchanged =
            folder::declare_whole(&self.dir).and_then(|()| folder::finish_exchange(&self.dir));
        let path = self.dir.join("store");
        let opened = exchanged.map_err(StoreError::Sync).and_then(|()| {
            Live::new(open_patiently(&self.dir, &path)?, &path).map_err(StoreError::Sync)
        });
        match opened {
            Ok(fresh) => {
                self.db.exchange(&fresh);
                self.give_back()
            }
            Err(error) => {
                // Which of the two is the store now is for the next opening to find out.
                tracing::error!(%error, "the compacted store could not take the old one's place");
                turn.broken_by(error);
                turn.must_be_whole()
            }
        }
    }
}

/// While it lives, what is written to the store is noted.
pub(super) struct Watched<'s>(&'s Store);

impl<'s> Watched<'s> {
    /// One copy at a time.
    pub(super) fn begin(store: &'s Store) -> Result<Self, StoreError> {
        let mut turn = store.turn();
        if turn.touched.is_some() {
            return Err(StoreError::Sync(std::io::Error::new(
                std::io::ErrorKind::ResourceBusy,
                "a copy of the store is being made already",
            )));
        }
        turn.touched = Some(BTreeSet::new());
        Ok(Self(store))
    }

    /// What was written since the last time.
    #[allow(clippy::unused_self)] // Only whoever watches may take.
    pub(super) fn take(&self, turn: &mut Turn) -> BTreeSet<Key> {
        turn.touched.replace(BTreeSet::new()).unwrap_or_default()
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.0.turn().touched = None;
    }
}

/// Batches of the right size for a fresh sled.
pub(super) struct Writer<'d> {
    copy: &'d sled::Db,
    batch: sled::Batch,
    count: usize,
    bytes: usize,
    batches: usize,
}

impl<'d> Writer<'d> {
    pub(super) fn new(copy: &'d sled::Db) -> Self {
        Self {
            copy,
            batch: sled::Batch::default(),
            count: 0,
            bytes: 0,
            batches: 0,
        }
    }

    pub(super) fn write(&mut self, key: Key, value: Option<Vec<u8>>) -> Result<(), StoreError> {
        self.bytes += key.len() + value.as_ref().map_or(0, Vec::len);
        self.count += 1;
        match value {
            Some(value) => self.batch.insert(key, value),
            None => self.batch.remove(key),
        }
        if self.count == BATCH || self.bytes > BATCH_BYTES {
            self.end()?;
        }
        Ok(())
    }

    pub(super) fn end(&mut self) -> Result<(), StoreError> {
        self.copy.apply_batch(std::mem::take(&mut self.batch))?;
        (self.count, self.bytes) = (0, 0);
        self.batches += 1;
        if self.batches.is_multiple_of(16) {
            self.copy.flush()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::store::Group;
    use crate::store::keys::prefix;

    fn write(store: &Store, n: u32) {
        let mut group = Group::default();
        group.put(
            format!("record/{:04}", n % 50).into_bytes(),
            &(n, "x".repeat(3_000)),
        );
        store.commit(vec![group]).unwrap();
    }

    fn read(store: &Store) -> Vec<(Key, (u32, String))> {
        store
            .scan(prefix::RECORD)
            .collect::<Result<_, _>>()
            .unwrap()
    }

    #[test]
    fn a_compacted_store_is_smaller_and_the_same_also_when_others_write() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        for n in 0..2_000 {
            write(&store, n);
        }
        let reading = store.scan::<(u32, String)>(prefix::RECORD);
        std::thread::scope(|threads| {
            threads.spawn(|| (2_000..2_300).for_each(|n| write(&store, n)));
            let done = store.compact().unwrap();
            assert!(done.after < done.before, "{done:?}");
        });
        assert_eq!(
            reading.map(Result::unwrap).count(),
            50,
            "who was reading goes on"
        );
        let last = read(&store);
        assert_eq!(last.iter().map(|(_, (n, _))| *n).max(), Some(2_299));
        write(&store, 2_300);
        drop(store);
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(read(&store).iter().map(|(_, (n, _))| *n).max(), Some(2_300));
        let left = |name: &str| dir.path().join(name).exists();
        assert!(!left("store.new") && !left("store.old") && !left("store.whole"));
    }

    fn renamed(dir: &Path, from: &str, to: &str) {
        std::fs::rename(dir.join(from), dir.join(to)).unwrap();
    }

    /// As it lies on the disk when the power goes at each step of the exchange.
    #[test]
    fn an_exchange_that_was_cut_off_is_ended_or_undone() {
        for step in 0..5 {
            let dir = tempfile::tempdir().unwrap();
            let dir = dir.path();
            let store = Store::open(dir).unwrap();
            (0..60).for_each(|n| write(&store, n));
            drop(store);
            let copy = || {
                let db = open_patiently(dir, &dir.join("store")).unwrap();
                let to = open_patiently(dir, &dir.join("store.new")).unwrap();
                let mut writer = Writer::new(&to);
                for pair in db.iter() {
                    let (key, value) = pair.unwrap();
                    writer.write(key.to_vec(), Some(value.to_vec())).unwrap();
                }
                writer.end().unwrap();
                to.flush().unwrap();
            };
            match step {
                // Half of a copy.
                0 => {
                    let to = open_patiently(dir, &dir.join("store.new")).unwrap();
                    to.insert(b"record/0000", b"half").unwrap();
                    to.flush().unwrap();
                }
                1 => {
                    copy();
                    folder::declare_whole(dir).unwrap();
                }
                2 => {
                    copy();
                    folder::declare_whole(dir).unwrap();
                    renamed(dir, "store", "store.old");
                }
                3 => {
                    copy();
                    folder::declare_whole(dir).unwrap();
                    renamed(dir, "store", "store.old");
                    renamed(dir, "store.new", "store");
                }
                _ => {
                    copy();
                    renamed(dir, "store", "store.old");
                    renamed(dir, "store.new", "store");
                }
            }
            let store = Store::open(dir).unwrap();
            let numbers: Vec<u32> = read(&store).iter().map(|(_, (n, _))| *n).collect();
            assert_eq!(numbers.len(), 50, "step {step}");
            assert_eq!(numbers.iter().max(), Some(&59), "step {step}");
            assert!(!dir.join("store.whole").exists() && !dir.join("store.new").exists());
        }
    }
}
