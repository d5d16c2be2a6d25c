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

/// So much garbage nobody minds.
const SMALL: u64 = 48 << 20;

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
        // A fresh copy takes about a quarter more than what is in it.
        if disk < (live + live / 2).saturating_add(SMALL) {
            return Ok(Reason::NotWorthIt);
        }
        let needed = live.saturating_mul(2).saturating_add(SMALL);
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
        for pair in self.db.db().iter() {
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
                drop(self.db.exchange(&fresh));
                self.give_back()
            }
            Err(error) => {
                // Which of the two is the store now is for the next opening to find out.
                turn.broken = true;
                tracing::error!(%error, "the compacted store could not take the old one's place");
                Err(StoreError::Broken)
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
