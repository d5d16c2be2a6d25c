//! The only place that names sled: one tree, prefixed keys, commits that are each whole.
//!
//! A commit is one batch, flushed **and** synced before it is acknowledged: sled's `flush` is a
//! `sync_file_range`, which a power cut survives only with the `fsync` that [`Store::commit`]
//! adds. What does not fit in one batch is written as a plan with a ready marker, then applied
//! piece by piece; opening the store resumes a plan that was cut off (ARCHITECTURE.md, "The store").
//!
//! Nothing is ever decided from the absence of a key that could not be read: every read error is
//! an error, never an empty answer.

pub mod journal;
pub mod keys;
pub mod ledger;
mod medium;
mod memory;
pub mod order;
mod plan;
mod records;
pub mod suppression;
mod upgrade;

use std::fs::File;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::random::Chance;
use keys::{Key, prefix};
use medium::Medium;
pub use memory::{Faults, Memory, Touch};
pub use plan::Plan;
pub use records::PAGE;

/// The format of everything in the store. Older ones are upgraded when the store opens
/// (`store/upgrade.rs`); newer ones are refused, not guessed at.
pub const FORMAT: u32 = 2;

/// Operations in one batch; sled's memory grows without bound above (DEPENDENCIES.md, "sled").
pub const BATCH: usize = 500;

/// Why the store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds it.
    #[error(
        "another sheetbridge is using the state folder {}: stop it first, or give this one its own state_dir", .dir.display()
    )]
    Locked {
        /// The state folder.
        dir: PathBuf,
    },
    /// It was written by another version.
    #[error(
        "the state folder {} has format {found}, and this sheetbridge reads format {FORMAT}: run the version that wrote it, or restore a backup made by this one", .dir.display()
    )]
    Format {
        /// The state folder.
        dir: PathBuf,
        /// The format found.
        found: u32,
    },
    /// The folder cannot be used.
    #[error("the state folder {} cannot be used: {source}", .dir.display())]
    Folder {
        /// The state folder.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// sled could not open what is there.
    #[error(
        "the store in {} cannot be opened ({why}); nothing was sent or changed. Move the folder aside and restore a backup: starting empty would forget what was sent", .dir.display()
    )]
    Corrupt {
        /// The state folder.
        dir: PathBuf,
        /// What sled said.
        why: String,
    },
    /// A read or write failed; a full or read-only disk for example.
    #[error("the store failed: {0}")]
    Sled(#[from] sled::Error),
    /// A sync failed; a full or read-only disk for example.
    #[error("the store could not be synced to disk: {0}")]
    Sync(io::Error),
    /// A value is not what was written there.
    #[error("the store holds an unreadable value under {key}: {why}")]
    Value {
        /// The key, as text.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}

/// The version byte that every value starts with.
const VALUE_FORMAT: u8 = 1;

/// One durable store in one state folder.
#[derive(Clone)]
pub struct Store {
    db: Medium,
    dir: PathBuf,
    /// None in memory, where nothing is synced.
    file: Option<Arc<File>>,
    /// What ids and salts are drawn from.
    chance: Arc<Chance>,
    /// The number of the next journal entry.
    journal: Arc<AtomicU64>,
    alone: Arc<Mutex<()>>,
    /// Whose the folder is, if root works on another user's: new files are given to that user.
    owner: Option<(u32, u32)>,
    /// Held from the first piece of a plan to its last: two plans at once would take each other's pieces.
    planning: Arc<Mutex<()>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("dir", &self.dir).finish()
    }
}

impl Store {
    /// Opens the store in `dir/store`, creating both with mode 0700, and resumes a plan that was cut off.
    ///
    /// # Errors
    /// Another process, another format, a folder that cannot be used, or a store that does not open.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let folder = |source| StoreError::Folder {
            dir: dir.to_owned(),
            source,
        };
        let path = dir.join("store");
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(folder)?;
        let mode = std::fs::metadata(dir).map_err(folder)?.permissions().mode();
        if mode & 0o077 != 0 {
            std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))
                .map_err(folder)?;
        }
        let owner = owner_to_keep(dir).map_err(folder)?;
        let db = open_patiently(dir, &path)?;
        let file = File::open(path.join("db")).map_err(folder)?;
        for synced in [
            path.join("conf"),
            path.join("db"),
            path.clone(),
            dir.to_owned(),
        ] {
            File::open(synced)
                .and_then(|f| f.sync_all())
                .map_err(folder)?;
        }
        let chance = Arc::new(Chance::system());
        let mut store = Self::over(Medium::Disk(db), dir, chance);
        store.file = Some(Arc::new(file));
        store.owner = owner;
        store.begin()
    }

    /// Opens a store over a disk in memory, for the simulation; `dir` is where a big read may put its rows.
    ///
    /// # Errors
    /// What the memory was told to fail with.
    pub fn in_memory(memory: &Memory, dir: &Path) -> Result<Self, StoreError> {
        Self::over(Medium::Memory(memory.clone()), dir, memory.chance()).begin()
    }

    fn over(db: Medium, dir: &Path, chance: Arc<Chance>) -> Self {
        Self {
            db,
            dir: dir.to_owned(),
            file: None,
            chance,
            journal: Arc::new(AtomicU64::new(0)),
            alone: Arc::new(Mutex::new(())),
            owner: None,
            planning: Arc::new(Mutex::new(())),
        }
    }

    /// Checks what is there, and takes up what was left.
    fn begin(self) -> Result<Self, StoreError> {
        let store = self;
        store.check_format()?;
        store.leave_mark()?;
        store.give_back()?;
        store.resume_plan()?;
        store.upgrade()?;
        store
            .journal
            .store(store.next_journal()?, Ordering::Relaxed);
        Ok(store)
    }

    /// What root wrote into the daemon's folder must stay the daemon's: it could not open it else.
    fn give_back(&self) -> Result<(), StoreError> {
        let Some((user, group)) = self.owner else {
            return Ok(());
        };
        give_to(&self.dir, user, group).map_err(StoreError::Sync)
    }

    /// 128 bits that nobody can guess; in memory what its seed says.
    pub fn secret(&self) -> u128 {
        self.chance.secret()
    }

    /// The state folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn check_format(&self) -> Result<(), StoreError> {
        let key = keys::under(prefix::META, "format");
        match self.get::<u32>(&key) {
            Ok(Some(upgrade::OLDEST..=FORMAT)) => Ok(()),
            Ok(Some(found)) => Err(StoreError::Format {
                dir: self.dir.clone(),
                found,
            }),
            // sled gives what it cannot read up without a word; an empty store where there was one is no new one.
            Ok(None) if self.file.is_some() && self.db.is_empty() && self.mark().exists() => {
                Err(StoreError::Corrupt {
                    dir: self.dir.clone(),
                    why: "nothing in it can be read any more".into(),
                })
            }
            Ok(None) if self.db.is_empty() => {
                let mut group = Group::default();
                group.put(key, &FORMAT);
                self.commit(vec![group])
            }
            Ok(None) => Err(StoreError::Format {
                dir: self.dir.clone(),
                found: 0,
            }),
            Err(error) => Err(error),
        }
    }

    /// A file that says that there was a store.
    fn mark(&self) -> PathBuf {
        self.dir.join("store.format")
    }

    fn leave_mark(&self) -> Result<(), StoreError> {
        if self.file.is_none() {
            return Ok(()); // what is in memory is gone with the process, and may be empty then
        }
        let path = self.mark();
        if path.exists() {
            return Ok(());
        }
        let written = std::fs::write(&path, format!("{FORMAT}\n"))
            .and_then(|()| File::open(&path)?.sync_all());
        written
            .and_then(|()| File::open(&self.dir)?.sync_all())
            .map_err(|source| StoreError::Folder {
                dir: self.dir.clone(),
                source,
            })
    }

    /// Whoever reads a value and writes it back changed holds this meanwhile, so that a button pressed
    /// just when the outbox claims a message, or the cycle takes a poll, is not written over.
    pub fn alone(&self) -> MutexGuard<'_, ()> {
        self.alone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value under a key, if there is one.
    ///
    /// # Errors
    /// The disk, or a value that is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StoreError> {
        self.db
            .get(key)?
            .map(|bytes| decode(key, &bytes))
            .transpose()
    }

    /// Whether there is something under a key.
    ///
    /// # Errors
    /// The disk.
    pub fn contains(&self, key: &[u8]) -> Result<bool, StoreError> {
        Ok(self.db.contains_key(key)?)
    }

    /// Everything under a prefix, in the order of the keys, one at a time.
    pub fn scan<T: DeserializeOwned>(
        &self,
        prefix: &[u8],
    ) -> impl Iterator<Item = Result<(Key, T), StoreError>> + use<T> {
        self.db.scan_prefix(prefix).map(|entry| {
            let (key, bytes) = entry?;
            let value = decode(&key, &bytes)?;
            Ok((key.to_vec(), value))
        })
    }

    /// The keys under a prefix, in order.
    pub fn keys(&self, prefix: &[u8]) -> impl Iterator<Item = Result<Key, StoreError>> + use<> {
        self.db
            .scan_prefix(prefix)
            .map(|entry| Ok(entry?.0.to_vec()))
    }

    /// The newest `count` entries under a prefix, newest first.
    pub fn newest<T: DeserializeOwned>(
        &self,
        prefix: &[u8],
        count: usize,
    ) -> impl Iterator<Item = Result<(Key, T), StoreError>> + use<T> {
        self.db.scan_prefix(prefix).rev().take(count).map(|entry| {
            let (key, bytes) = entry?;
            let value = decode(&key, &bytes)?;
            Ok((key.to_vec(), value))
        })
    }

    /// Everything that is due at `now` under a prefix of [`keys::timed`] keys, earliest first, at most `limit`.
    ///
    /// # Errors
    /// The disk, or a value that is not a `T`.
    pub fn due<T: DeserializeOwned>(
        &self,
        prefix: &[u8],
        now: jiff::Timestamp,
        limit: usize,
    ) -> Result<Vec<(Key, T)>, StoreError> {
        let mut found = Vec::new();
        for entry in self.scan::<T>(prefix) {
            let (key, value) = entry?;
            if found.len() == limit || keys::time_of(prefix, &key).is_none_or(|at| at > now) {
                break;
            }
            found.push((key, value));
        }
        Ok(found)
    }

    /// When the first entry under a prefix of [`keys::timed`] keys is due.
    ///
    /// # Errors
    /// The disk.
    pub fn next_due(&self, prefix: &[u8]) -> Result<Option<jiff::Timestamp>, StoreError> {
        self.keys(prefix)
            .next()
            .transpose()
            .map(|key| key.and_then(|key| keys::time_of(prefix, &key)))
    }

    /// Writes groups of operations, each of which is whole or not there at all after a crash.
    ///
    /// Up to [`BATCH`] operations are one batch. More are first written down as a plan, and a
    /// restart goes on where the crash was.
    ///
    /// # Errors
    /// The disk: full, read-only, gone.
    pub fn commit(&self, groups: Vec<Group>) -> Result<(), StoreError> {
        let mut plan = self.plan();
        for group in groups {
            plan.add(group)?;
        }
        plan.commit()
    }

    fn apply(&self, operations: Vec<Operation>) -> Result<(), StoreError> {
        self.db.apply(operations)?;
        self.sync()
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.db.flush()?;
        if let Some(file) = &self.file {
            file.sync_all().map_err(StoreError::Sync)?;
        }
        self.give_back()
    }

    /// The next number of the journal, from what is on disk.
    fn next_journal(&self) -> Result<u64, StoreError> {
        let last = self
            .db
            .scan_prefix(prefix::JOURNAL)
            .next_back()
            .transpose()?;
        Ok(last.map_or(0, |(key, _)| {
            let digits = &key[prefix::JOURNAL.len()..];
            digits.try_into().map_or(0, u64::from_be_bytes) + 1
        }))
    }

    /// Bytes on disk.
    ///
    /// # Errors
    /// The disk.
    pub fn size_on_disk(&self) -> Result<u64, StoreError> {
        Ok(self.db.size_on_disk()?)
    }
}

/// The owner of a folder that root, but not root's own daemon, works on.
fn owner_to_keep(dir: &Path) -> io::Result<Option<(u32, u32)>> {
    use std::os::unix::fs::MetadataExt as _;
    let folder = std::fs::metadata(dir)?;
    let root = rustix::process::geteuid().is_root();
    Ok((root && folder.uid() != 0).then(|| (folder.uid(), folder.gid())))
}

/// Gives everything below a folder to its owner.
fn give_to(dir: &Path, user: u32, group: u32) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            give_to(&entry.path(), user, group)?;
        }
        match std::os::unix::fs::lchown(entry.path(), Some(user), Some(group)) {
            // sled removes its own files at times.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// A store that was just closed lets go of its lock a moment later, in a thread of sled's.
fn open_patiently(dir: &Path, path: &Path) -> Result<sled::Db, StoreError> {
    const TRIES: u32 = 20;
    for _ in 1..TRIES {
        match open_sled(dir, path) {
            Err(StoreError::Locked { .. }) => {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            other => return other,
        }
    }
    open_sled(dir, path)
}

/// Opens sled, telling a lock from a broken store, and a panic inside of sled from ours.
fn open_sled(dir: &Path, path: &Path) -> Result<sled::Db, StoreError> {
    let corrupt = |why: String| StoreError::Corrupt {
        dir: dir.to_owned(),
        why,
    };
    let opened = std::panic::catch_unwind(|| {
        sled::Config::new()
            .path(path)
            .cache_capacity(64 << 20)
            .flush_every_ms(None)
            .open()
    });
    match opened {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(sled::Error::Io(error)))
            if error.kind() == io::ErrorKind::WouldBlock || error.to_string().contains("lock") =>
        {
            Err(StoreError::Locked {
                dir: dir.to_owned(),
            })
        }
        Ok(Err(sled::Error::Io(source))) => Err(StoreError::Folder {
            dir: dir.to_owned(),
            source,
        }),
        Ok(Err(error)) => Err(corrupt(error.to_string())),
        Err(_) => Err(corrupt("sled gave up while reading it".into())),
    }
}

/// A key and its new value, or none to remove it.
type Operation = (Key, Option<Vec<u8>>);

/// Operations that belong together: after a crash either all of them are there or none.
#[derive(Clone, Debug, Default)]
pub struct Group {
    operations: Vec<Operation>,
}

impl Group {
    /// Writes a value.
    pub fn put(&mut self, key: Key, value: &impl Serialize) {
        self.operations.push((key, Some(encode(value))));
    }

    /// Removes a value.
    pub fn remove(&mut self, key: Key) {
        self.operations.push((key, None));
    }

    /// Writes bytes that are already in the store's own coding.
    fn put_bytes(&mut self, key: Key, value: Vec<u8>) {
        self.operations.push((key, Some(value)));
    }

    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Adds another group's operations to this one.
    pub fn join(&mut self, other: Self) {
        self.operations.extend(other.operations);
    }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = vec![VALUE_FORMAT];
    serde_json::to_writer(&mut bytes, value)
        .expect("our own types serialise, and a Vec takes every byte");
    bytes
}

fn decode<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, StoreError> {
    let broken = |why: String| StoreError::Value {
        key: String::from_utf8_lossy(key).into_owned(),
        why,
    };
    match bytes.split_first() {
        Some((&VALUE_FORMAT, json)) => {
            serde_json::from_slice(json).map_err(|error| broken(error.to_string()))
        }
        Some((other, _)) => Err(broken(format!("format {other}, expected {VALUE_FORMAT}"))),
        None => Err(broken("it is empty".into())),
    }
}

#[cfg(test)]
mod tests;
