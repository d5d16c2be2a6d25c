//! The sled in force. It can be exchanged for a fresh copy of itself (`store/compact.rs`) while others read.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::ops::RangeBounds;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use sled::IVec;

use super::StoreError;

/// A sled and the file that must be synced behind its flushes.
#[derive(Clone)]
pub(super) struct Live(Arc<RwLock<Inner>>);

struct Inner {
    db: sled::Db,
    file: Arc<File>,
    blobs: Arc<Mutex<Blobs>>,
}

/// sled keeps what is long, above an eighth of a megabyte, in files of their own, which it never syncs.
struct Blobs {
    path: PathBuf,
    synced: HashSet<OsString>,
    /// When the folder changed last, by its own word, and since when that is known.
    changed: Option<(i64, i64, Instant)>,
    /// Nothing can have come within the same tick of the disk's clock any more.
    settled: bool,
}

/// Longer than a tick of any disk's clock.
const A_TICK: Duration = Duration::from_millis(50);

impl Blobs {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            synced: HashSet::new(),
            changed: None,
            settled: false,
        }
    }

    /// Syncs those that came since the last time. Costs one look at the folder where none did.
    fn sync(&mut self) -> io::Result<()> {
        let folder = match std::fs::metadata(&self.path) {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let at = (folder.mtime(), folder.mtime_nsec());
        match self.changed {
            Some((s, ns, _)) if (s, ns) == at && self.settled => return Ok(()),
            Some((s, ns, since)) if (s, ns) == at => self.settled = since.elapsed() > A_TICK,
            _ => {
                self.changed = Some((at.0, at.1, Instant::now()));
                self.settled = false;
            }
        }
        let mut there = HashSet::new();
        let mut any = false;
        for entry in std::fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            if !self.synced.contains(&name) {
                match File::open(self.path.join(&name)) {
                    Ok(blob) => blob.sync_all()?,
                    // sled removes those that are of no use any more.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                }
                any = true;
            }
            there.insert(name);
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
        let (db, file, blobs) = {
            let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
            (
                inner.db.clone(),
                Arc::clone(&inner.file),
                Arc::clone(&inner.blobs),
            )
        };
        db.flush()?;
        let mut blobs = blobs.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.sync().map_err(StoreError::Sync)?;
        drop(blobs);
        file.sync_all().map_err(StoreError::Sync)
    }
}
