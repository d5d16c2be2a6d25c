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
pub mod suppression;

use std::fs::File;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use keys::{Key, prefix};

/// The format of everything in the store. A store of another format is refused, not guessed at.
pub const FORMAT: u32 = 1;

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
    db: sled::Db,
    dir: PathBuf,
    file: Arc<File>,
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
        let store = Self {
            db,
            dir: dir.to_owned(),
            file: Arc::new(file),
            journal: Arc::new(AtomicU64::new(0)),
            alone: Arc::new(Mutex::new(())),
            owner,
            planning: Arc::new(Mutex::new(())),
        };
        store.check_format()?;
        store.leave_mark()?;
        store.give_back()?;
        store.resume_plan()?;
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

    /// The state folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn check_format(&self) -> Result<(), StoreError> {
        let key = keys::under(prefix::META, "format");
        match self.get::<u32>(&key) {
            Ok(Some(FORMAT)) => Ok(()),
            Ok(Some(found)) => Err(StoreError::Format {
                dir: self.dir.clone(),
                found,
            }),
            // sled gives what it cannot read up without a word; an empty store where there was one is no new one.
            Ok(None) if self.db.is_empty() && self.mark().exists() => Err(StoreError::Corrupt {
                dir: self.dir.clone(),
                why: "nothing in it can be read any more".into(),
            }),
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
            .keys()
            .map(|key| Ok(key?.to_vec()))
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
        let pieces = pieces(groups);
        match pieces.len() {
            0 => Ok(()),
            1 => {
                for piece in pieces {
                    self.apply(piece)?;
                }
                Ok(())
            }
            _ => {
                let _planning = self.planning.lock().unwrap_or_else(PoisonError::into_inner);
                // What an earlier plan left when the disk failed must not be taken for a piece of this one.
                self.resume_plan()?;
                self.write_plan(&pieces)?;
                self.resume_plan()
            }
        }
    }

    fn apply(&self, operations: Vec<Operation>) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (key, value) in operations {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.db.apply_batch(batch)?;
        self.db.flush()?;
        self.file.sync_all().map_err(StoreError::Sync)?;
        self.give_back()
    }

    fn write_plan(&self, pieces: &[Vec<Operation>]) -> Result<(), StoreError> {
        for (number, piece) in pieces.iter().enumerate() {
            let mut key = prefix::PLAN.to_vec();
            key.extend_from_slice(&(number as u64).to_be_bytes());
            self.apply(vec![(key, Some(encode(piece)))])?;
        }
        self.apply(vec![(plan_ready(), Some(encode(&true)))])
    }

    /// Applies what is left of a plan, or throws away one that was never ready.
    fn resume_plan(&self) -> Result<(), StoreError> {
        let ready = self.contains(&plan_ready())?;
        let waiting: Vec<Key> = self.keys(prefix::PLAN).collect::<Result<_, _>>()?;
        for key in waiting.into_iter().filter(|key| *key != plan_ready()) {
            let mut operations: Vec<Operation> = if ready {
                self.get(&key)?.unwrap_or_default()
            } else {
                Vec::new()
            };
            operations.push((key, None));
            self.apply(operations)?;
        }
        if ready {
            self.apply(vec![(plan_ready(), None)])?;
        }
        Ok(())
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

/// Sorts before no other plan key: operations are numbered with a leading zero byte.
fn plan_ready() -> Key {
    keys::under(prefix::PLAN, b"ready")
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

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Adds another group's operations to this one.
    pub fn join(&mut self, other: Self) {
        self.operations.extend(other.operations);
    }
}

/// Packs groups into pieces of at most [`BATCH`] operations without tearing a group that fits in one.
fn pieces(groups: Vec<Group>) -> Vec<Vec<Operation>> {
    let mut pieces: Vec<Vec<Operation>> = Vec::new();
    for group in groups {
        if group.is_empty() {
            continue;
        }
        match pieces.last_mut() {
            Some(last) if last.len() + group.operations.len() < BATCH => {
                last.extend(group.operations);
            }
            _ => pieces.push(group.operations),
        }
    }
    pieces
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
mod tests {
    use super::*;

    fn group(entries: &[(&str, u32)]) -> Group {
        let mut group = Group::default();
        for (key, value) in entries {
            group.put(key.as_bytes().to_vec(), value);
        }
        group
    }

    #[test]
    fn what_is_committed_is_there_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        {
            let store = Store::open(dir.path()).unwrap();
            store
                .commit(vec![group(&[("record/a", 1), ("record/b", 2)])])
                .unwrap();
        }
        let store = Store::open(dir.path()).unwrap();
        let all: Vec<(Key, u32)> = store
            .scan(prefix::RECORD)
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(
            all,
            vec![(b"record/a".to_vec(), 1), (b"record/b".to_vec(), 2)]
        );
    }

    #[test]
    fn a_second_opening_is_refused_with_the_folder_named() {
        let dir = tempfile::tempdir().unwrap();
        let _first = Store::open(dir.path()).unwrap();
        let error = Store::open(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("another sheetbridge is using the state folder"),
            "{error}"
        );
        assert!(error.contains(&dir.path().display().to_string()), "{error}");
    }

    #[test]
    fn another_format_is_refused_with_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        {
            let store = Store::open(dir.path()).unwrap();
            let mut newer = Group::default();
            newer.put(keys::under(prefix::META, "format"), &(FORMAT + 6));
            store.commit(vec![newer]).unwrap();
        }
        let error = Store::open(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("has format 7, and this sheetbridge reads format 1"),
            "{error}"
        );
        assert!(error.contains("run the version that wrote it"), "{error}");
    }

    #[test]
    fn the_folder_is_private() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        Store::open(dir.path()).unwrap();
        let mode = std::fs::metadata(dir.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn what_root_writes_into_anothers_folder_stays_that_users() {
        use std::os::unix::fs::MetadataExt as _;
        if !rustix::process::geteuid().is_root() {
            return; // only root can give files away, and only root could take them
        }
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::lchown(dir.path(), Some(65_534), Some(65_534)).unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.commit(vec![group(&[("record/a", 1)])]).unwrap();
        for file in ["store", "store/db", "store/conf"] {
            assert_eq!(
                std::fs::metadata(dir.path().join(file)).unwrap().uid(),
                65_534,
                "{file}"
            );
        }
    }

    #[test]
    fn a_plan_that_was_cut_off_goes_on_when_the_store_opens() {
        let dir = tempfile::tempdir().unwrap();
        {
            let store = Store::open(dir.path()).unwrap();
            let many = (0..1_200)
                .map(|n| group(&[(&format!("record/{n:04}"), n)]))
                .collect();
            let pieces = pieces(many);
            assert!(pieces.len() > 2);
            store.write_plan(&pieces).unwrap();
            store.apply(pieces[0].clone()).unwrap(); // and here the power went
        }
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(store.scan::<u32>(prefix::RECORD).count(), 1_200);
        assert_eq!(store.keys(prefix::PLAN).count(), 0);
    }

    #[test]
    fn large_commits_at_the_same_time_take_nothing_from_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        std::thread::scope(|threads| {
            for writer in 0..3 {
                let store = &store;
                threads.spawn(move || {
                    for round in 0..3 {
                        let many = (0..1_100)
                            .map(|n| group(&[(&format!("record/{writer}/{round}/{n}"), n)]))
                            .collect();
                        store.commit(many).unwrap();
                    }
                });
            }
        });
        assert_eq!(store.scan::<u32>(prefix::RECORD).count(), 3 * 3 * 1_100);
        assert_eq!(store.keys(prefix::PLAN).count(), 0);
    }

    #[test]
    fn what_a_full_disk_left_of_a_plan_is_no_piece_of_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        // Five pieces were written when the disk was full; the sixth and the marker were not.
        for number in 0_u64..5 {
            let mut key = prefix::PLAN.to_vec();
            key.extend_from_slice(&number.to_be_bytes());
            let piece = vec![(
                format!("record/lost{number}").into_bytes(),
                Some(encode(&1)),
            )];
            store.apply(vec![(key, Some(encode(&piece)))]).unwrap();
        }
        let many = (0..600)
            .map(|n| group(&[(&format!("record/{n}"), n)]))
            .collect();
        store.commit(many).unwrap();
        assert_eq!(store.scan::<u32>(prefix::RECORD).count(), 600);
    }

    #[test]
    fn a_store_that_was_there_is_not_taken_for_a_new_one() {
        let dir = tempfile::tempdir().unwrap();
        drop(Store::open(dir.path()).unwrap());
        std::fs::remove_dir_all(dir.path().join("store")).unwrap();
        let error = Store::open(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("starting empty would forget what was sent"),
            "{error}"
        );
    }

    #[test]
    fn a_plan_that_was_never_ready_never_happened() {
        let dir = tempfile::tempdir().unwrap();
        {
            let store = Store::open(dir.path()).unwrap();
            let piece = vec![(b"record/a".to_vec(), Some(encode(&1)))];
            let mut key = prefix::PLAN.to_vec();
            key.extend_from_slice(&0_u64.to_be_bytes());
            store.apply(vec![(key, Some(encode(&piece)))]).unwrap();
        }
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(store.keys(prefix::RECORD).count(), 0);
        assert_eq!(store.keys(prefix::PLAN).count(), 0);
    }

    #[test]
    fn an_unreadable_value_is_an_error_and_not_an_absence() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store
            .apply(vec![(b"record/a".to_vec(), Some(vec![9, 9]))])
            .unwrap();
        let error = store.get::<u32>(b"record/a").unwrap_err().to_string();
        assert!(
            error.contains("record/a") && error.contains("format 9"),
            "{error}"
        );
    }

    #[test]
    fn a_group_is_never_torn() {
        let groups = vec![group(&[("a", 1)]); 499];
        let mut all = groups;
        all.push(group(&[("b", 1), ("c", 2), ("d", 3)]));
        let pieces = pieces(all);
        assert_eq!(
            pieces.iter().map(Vec::len).collect::<Vec<_>>(),
            vec![499, 3]
        );
    }

    #[test]
    fn due_entries_come_in_order_and_stop_at_now() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let at = |s: i64| jiff::Timestamp::from_second(s).unwrap();
        let mut group = Group::default();
        for s in [30, 10, 20] {
            group.put(keys::timed(prefix::TIMER, at(s), "x"), &s);
        }
        store.commit(vec![group]).unwrap();
        let due: Vec<i64> = store
            .due(prefix::TIMER, at(20), 9)
            .unwrap()
            .into_iter()
            .map(|(_, s)| s)
            .collect();
        assert_eq!(due, vec![10, 20]);
        assert_eq!(store.next_due(prefix::TIMER).unwrap(), Some(at(10)));
    }
}
