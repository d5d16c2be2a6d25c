//! The sled in force. It can be exchanged for a fresh copy of itself (`store/compact.rs`) while others read.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use sled::IVec;

use super::keys::Key;
use super::redo::{self, Redo, Room};
use super::walk::{self, Walk};
use super::{Operation, StoreError};

/// A sled, its redo log, and the file that must be synced behind its flushes.
#[derive(Clone)]
pub(super) struct Live(Arc<RwLock<Inner>>);

#[derive(Clone)]
struct Inner {
    db: sled::Db,
    file: Arc<File>,
    blobs: Arc<Mutex<Blobs>>,
    redo: Arc<Mutex<Redo>>,
    /// Held while sled takes a commit key by key, so that who looks for something sees all of it or nothing.
    taking: Arc<RwLock<()>>,
}

/// What sled keeps in files of its own, for its size, it never syncs. Few are left with segments of
/// [`super::SEGMENT`].
struct Blobs {
    path: PathBuf,
    /// By name, how long they were: one that another thread was still writing is not taken for synced.
    synced: HashMap<OsString, u64>,
}

impl Blobs {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            synced: HashMap::new(),
        }
    }

    /// Syncs those that came or grew since the last time.
    fn sync(&mut self) -> io::Result<()> {
        let mut there = HashMap::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            match entry.metadata() {
                Ok(is) => there.insert(entry.file_name(), is.len()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
        }
        let mut any = false;
        for (name, length) in &there {
            if self.synced.get(name) == Some(length) {
                continue;
            }
            match File::open(self.path.join(name)).and_then(|file| file.sync_all()) {
                // sled removes those that are of no use any more.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result?,
            }
            any = true;
        }
        if any {
            File::open(&self.path)?.sync_all()?;
        }
        self.synced = there;
        Ok(())
    }
}

impl Inner {
    /// Makes durable what sled has, so that the redo log can begin anew: sled's own flush does not survive a power cut.
    fn checkpoint(&self, redo: &mut Redo) -> Result<(), StoreError> {
        // Before the log can point to them.
        let mut blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.sync().map_err(StoreError::Sync)?;
        drop(blobs);
        self.db.flush()?;
        self.file.sync_all().map_err(StoreError::Sync)?;
        redo.begin_anew(self.written()?);
        Ok(())
    }

    /// When sled wrote to its log last.
    fn written(&self) -> Result<SystemTime, StoreError> {
        let log = self.file.metadata().map_err(StoreError::Sync)?;
        log.modified().map_err(StoreError::Sync)
    }
}

impl Live {
    /// Takes an open sled whose files are in `path`, and makes what is there so far durable.
    pub(super) fn new(db: sled::Db, path: &Path) -> io::Result<Self> {
        let file = File::open(path.join("db"))?;
        let mut blobs = Blobs::new(path.join("blobs"));
        blobs.sync()?;
        for synced in [path.join("conf"), path.join("db"), path.to_owned()] {
            File::open(synced)?.sync_all()?;
        }
        Ok(Self(Arc::new(RwLock::new(Inner {
            db,
            file: Arc::new(file),
            blobs: Arc::new(Mutex::new(blobs)),
            redo: Arc::new(Mutex::new(Redo::open(path)?)),
            taking: Arc::default(),
        }))))
    }

    fn inner(&self) -> Inner {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The sled itself; iterators of it stay good when it is exchanged.
    pub(super) fn db(&self) -> sled::Db {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        inner.db.clone()
    }

    /// Puts another in its place.
    pub(super) fn exchange(&self, other: &Self) {
        let other = other.inner();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = other;
    }

    pub(super) fn get(&self, key: impl AsRef<[u8]>) -> sled::Result<Option<IVec>> {
        let inner = self.inner();
        let _whole = inner.taking.read().unwrap_or_else(PoisonError::into_inner);
        inner.db.get(key)
    }

    pub(super) fn contains_key(&self, key: impl AsRef<[u8]>) -> sled::Result<bool> {
        let inner = self.inner();
        let _whole = inner.taking.read().unwrap_or_else(PoisonError::into_inner);
        inner.db.contains_key(key)
    }

    pub(super) fn scan_prefix(&self, prefix: impl AsRef<[u8]>) -> Walk {
        let db = self.db();
        let entries = db.scan_prefix(prefix);
        Walk::new(db, entries)
    }

    pub(super) fn range(&self, range: RangeInclusive<Key>) -> Walk {
        let db = self.db();
        let entries = db.range(range);
        Walk::new(db, entries)
    }

    /// Applies a commit and makes it durable; the next has the next number.
    pub(super) fn apply(&self, number: u64, operations: Vec<Operation>) -> Result<(), StoreError> {
        let inner = self.inner();
        let mut redo = inner.redo.lock().unwrap_or_else(PoisonError::into_inner);
        let record = redo::record(&operations);
        let room = redo.room_for(record.len());
        if room == Room::AfterCheckpoint {
            inner.checkpoint(&mut redo)?;
        }
        let operations: Vec<(IVec, Option<Vec<u8>>)> = operations
            .into_iter()
            .map(|(key, value)| (IVec::from(key), value))
            .collect();
        let sizes = operations
            .iter()
            .map(|(key, value)| (key.clone(), key.len() + value.as_ref().map_or(0, Vec::len)));
        let sizes: Vec<(IVec, usize)> = sizes.collect();
        if room == Room::Never {
            drop(record);
            let mut batch = sled::Batch::default();
            for (key, value) in operations {
                match value {
                    Some(value) => batch.insert(key, value),
                    None => batch.remove(key),
                }
            }
            inner.db.apply_batch(batch)?;
            walk::forget(&inner.db, sizes.into_iter())?;
            return inner.checkpoint(&mut redo);
        }
        redo.append(number, record).map_err(StoreError::Sync)?;
        let taking = inner.taking.write().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in operations {
            match value {
                Some(value) => inner.db.insert(key, value)?,
                None => inner.db.remove(key)?,
            };
        }
        drop(taking);
        walk::forget(&inner.db, sizes.into_iter())?;
        // Its buffer was full, or it read what was still in it: what it wrote is not to be at risk for long.
        if Some(inner.written()?) != redo.written() {
            inner.checkpoint(&mut redo)?;
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.db().is_empty()
    }

    pub(super) fn size_on_disk(&self) -> sled::Result<u64> {
        self.db().size_on_disk()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What sled wrote by itself, with its buffer full, is synced at once: with the records of before it, no segment of
    /// its log is at risk for longer than one commit.
    #[test]
    fn a_checkpoint_follows_when_sled_has_written_by_itself() {
        let dir = tempfile::tempdir().unwrap();
        let db = super::super::open_sled(dir.path(), dir.path()).unwrap();
        let live = Live::new(db, dir.path()).unwrap();
        let (mut by_itself, mut before) = (0, (0, 0));
        for number in 1..400_u64 {
            let operations = vec![(number.to_be_bytes().to_vec(), Some(vec![7; 9_000]))];
            live.apply(number, operations).unwrap();
            let inner = live.inner();
            let redo = inner.redo.lock().unwrap();
            assert_eq!(redo.written(), Some(inner.written().unwrap()), "{number}");
            let now = redo.since_checkpoint();
            // Neither the commits nor the bytes were enough for one.
            by_itself += u32::from(now == (0, 0) && before.0 < 80 && before.1 < 900_000);
            before = now;
        }
        assert!(by_itself > 0);
    }
}
