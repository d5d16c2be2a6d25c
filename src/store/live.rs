//! The sled in force. It can be exchanged for a fresh copy of itself (`store/compact.rs`) while others read.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use sled::IVec;

use super::StoreError;
use super::keys::Key;
use super::walk::Walk;

/// A sled and the file that must be synced behind its flushes.
#[derive(Clone)]
pub(super) struct Live(Arc<RwLock<Inner>>);

struct Inner {
    db: sled::Db,
    file: Arc<File>,
    blobs: Arc<Mutex<Blobs>>,
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

impl Live {
    /// Takes an open sled whose files are in `path`, and makes what is there so far durable.
    pub(super) fn new(db: sled::Db, path: &Path) -> io::Result<Self> {
        let file = File::open(path.join("db"))?;
        for synced in [path.join("conf"), path.join("db"), path.to_owned()] {
            File::open(synced)?.sync_all()?;
        }
        Ok(Self(Arc::new(RwLock::new(Inner {
            db,
            file: Arc::new(file),
            blobs: Arc::new(Mutex::new(Blobs::new(path.join("blobs")))),
        }))))
    }

    /// The sled itself; iterators of it stay good when it is exchanged.
    pub(super) fn db(&self) -> sled::Db {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        inner.db.clone()
    }

    /// Puts another in its place; returns the one before.
    pub(super) fn exchange(&self, other: &Self) -> sled::Db {
        let (db, file, blobs) = {
            let other = other.0.read().unwrap_or_else(PoisonError::into_inner);
            (
                other.db.clone(),
                Arc::clone(&other.file),
                Arc::clone(&other.blobs),
            )
        };
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        (inner.file, inner.blobs) = (file, blobs);
        std::mem::replace(&mut inner.db, db)
    }

    pub(super) fn get(&self, key: impl AsRef<[u8]>) -> sled::Result<Option<IVec>> {
        self.db().get(key)
    }

    pub(super) fn contains_key(&self, key: impl AsRef<[u8]>) -> sled::Result<bool> {
        self.db().contains_key(key)
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

    pub(super) fn apply_batch(&self, batch: sled::Batch) -> sled::Result<()> {
        self.db().apply_batch(batch)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.db().is_empty()
    }

    pub(super) fn size_on_disk(&self) -> sled::Result<u64> {
        self.db().size_on_disk()
    }

    /// Makes durable what was applied: sled's own flush does not survive a power cut.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        let (db, file, blobs) = {
            let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
            (
                inner.db.clone(),
                Arc::clone(&inner.file),
                Arc::clone(&inner.blobs),
            )
        };
        // Before the log can point to them.
        let mut blobs = blobs.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.sync().map_err(StoreError::Sync)?;
        drop(blobs);
        db.flush()?;
        file.sync_all().map_err(StoreError::Sync)
    }
}
