//! The sled in force. It can be exchanged for a fresh copy of itself (`store/compact.rs`) while others read.

use std::fs::File;
use std::io;
use std::ops::RangeBounds;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use sled::IVec;

use super::StoreError;

/// A sled and the file that must be synced behind its flushes.
#[derive(Clone)]
pub(super) struct Live(Arc<RwLock<Inner>>);

struct Inner {
    db: sled::Db,
    file: Arc<File>,
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
        }))))
    }

    /// The sled itself; iterators of it stay good when it is exchanged.
    pub(super) fn db(&self) -> sled::Db {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        inner.db.clone()
    }

    /// Puts another in its place; returns the one before.
    pub(super) fn exchange(&self, other: &Self) -> sled::Db {
        let (db, file) = {
            let other = other.0.read().unwrap_or_else(PoisonError::into_inner);
            (other.db.clone(), Arc::clone(&other.file))
        };
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        inner.file = file;
        std::mem::replace(&mut inner.db, db)
    }

    pub(super) fn get(&self, key: impl AsRef<[u8]>) -> sled::Result<Option<IVec>> {
        self.db().get(key)
    }

    pub(super) fn contains_key(&self, key: impl AsRef<[u8]>) -> sled::Result<bool> {
        self.db().contains_key(key)
    }

    pub(super) fn scan_prefix(&self, prefix: impl AsRef<[u8]>) -> sled::Iter {
        self.db().scan_prefix(prefix)
    }

    pub(super) fn range<K, R>(&self, range: R) -> sled::Iter
    where
        K: AsRef<[u8]>,
        R: RangeBounds<K>,
    {
        self.db().range(range)
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
        let (db, file) = {
            let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
            (inner.db.clone(), Arc::clone(&inner.file))
        };
        db.flush()?;
        file.sync_all().map_err(StoreError::Sync)
    }
}
