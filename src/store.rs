//! The only place that names sled: one tree, prefixed keys, commits that are each whole.
//!
//! A commit is one batch, and on disk before it is acknowledged: in the redo log (`store/redo.rs`), or, where it
//! is long, in sled, flushed **and** synced: sled's `flush` is a `sync_file_range`, which a power cut survives
//! only with an `fsync` behind it. What does not fit in one batch is written as a plan with a ready marker, then
//! applied piece by piece; opening the store resumes a plan that was cut off (ARCHITECTURE.md, "The store").
//!
//! Nothing is ever decided from the absence of a key that could not be read: every read error is
//! an error, never an empty answer.

pub mod backup;
pub mod campaigns;
mod claims;
mod cold;
mod compact;
mod folder;
pub mod gap;
pub mod given;
pub mod handover;
pub mod journal;
pub mod keys;
pub mod lanes;
mod last_poll;
pub mod ledger;
mod live;
mod medium;
mod memory;
pub mod mute;
pub mod notes;
pub mod optout;
pub mod order;
mod packed;
mod pieces;
mod plan;
pub mod proof;
mod records;
mod redo;
mod sealed;
pub mod subscription;
pub mod suppression;
mod tally;
mod trouble;
mod upgrade;
mod walk;
pub mod watch;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::core::message::Message;
use crate::random::Chance;
pub use compact::{Compacted, Reason};
use keys::{Key, prefix};
pub use last_poll::{LastPoll, last_poll_key};
use live::Live;
use medium::Medium;
pub use memory::{Faults, Kept, Memory, Touch};
use pieces::Pieces;
pub use plan::Plan;
pub use records::PAGE;
use tally::{Counter, Tally, Turn};
pub use trouble::{gave_up, watch_for_panics};

/// The format of everything in the store. Older ones are upgraded when the store opens
/// (`store/upgrade.rs`); newer ones are refused, not guessed at.
pub const FORMAT: u32 = 6;

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
        "the store in {} is damaged ({why}); nothing was sent or changed. Restore a backup: starting empty would forget what was sent", .dir.display()
    )]
    Corrupt {
        /// The state folder.
        dir: PathBuf,
        /// What sled said.
        why: String,
    },
    /// What was synced to disk is not there any more.
    #[error(
        "the last {commits} commits to the store in {} are gone: the disk lost what it had confirmed, or the folder is an old copy; nothing was sent or changed", .dir.display()
    )]
    Lost {
        /// The state folder.
        dir: PathBuf,
        /// How many are known to be gone.
        commits: u64,
    },
    /// A read or write failed; a full or read-only disk for example.
    #[error("the store failed: {0}")]
    Sled(#[from] sled::Error),
    /// A sync failed; a full or read-only disk for example.
    #[error("the store could not be synced to disk: {0}")]
    Sync(io::Error),
    /// A write failed before; what it left is for the next opening to find out.
    #[error("the store takes nothing any more, because a write failed: {why}")]
    Broken {
        /// What the system said to that write, if it was the system.
        kind: Option<io::ErrorKind>,
        /// In words.
        why: String,
    },
    /// sled panicked, which it does when what it reads makes no sense.
    #[error("the store is damaged: what reads it gave up; nothing more was sent or changed")]
    GaveUp,
    /// A value is not what was written there.
    #[error("the store holds an unreadable value under {key}: {why}")]
    Value {
        /// The key, as text.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}

/// The size of a segment of sled's log, in bytes. What is larger than a quarter of it goes into a file of its own,
/// which sled neither syncs nor removes in order with its log: a power cut would tear it out. A page of up to 16
/// values, 16 records each, stays below.
const SEGMENT: usize = 4 << 20;
/// What sled may keep of its pages in memory, in bytes as it counts them; that is up to twice as much. Opening a store
/// reads all of it, so this much is always in use where a workbook is large. What belongs together lies together (the
/// ids of rows that come together follow each other), so that more of it would save little reading.
const CACHE: u64 = 8 << 20;
/// sled's own, which the stores of the first releases keep: it cannot be changed afterwards.
const FIRST_SEGMENT: usize = 512 << 10;

/// What a store on disk has beside its keys.
struct OnDisk {
    /// Held while the store is open, also while its folder is exchanged.
    _lock: File,
    counter: Counter,
    pieces: Mutex<Pieces>,
}

/// One durable store in one state folder.
#[derive(Clone)]
pub struct Store {
    db: Medium,
    dir: PathBuf,
    /// None in memory, where nothing is synced and nobody else can come.
    disk: Option<Arc<OnDisk>>,
    /// One batch after the other: the tally follows their order.
    turn: Arc<Mutex<Turn>>,
    /// What ids and salts are drawn from.
    chance: Arc<Chance>,
    /// The number of the next journal entry.
    journal: Arc<AtomicU64>,
    alone: Arc<Mutex<()>>,
    /// Whose the folder is, if root works on another user's: new files are given to that user.
    owner: Option<(u32, u32)>,
    /// Held from the first piece of a plan to its last: two plans at once would take each other's pieces.
    planning: Arc<Mutex<()>>,
    /// Changes with each commit that puts messages into the queue.
    queued_more: tokio::sync::watch::Sender<u64>,
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
        Self::open_with(dir, Damage::Refused)
    }

    /// Opens what is left of a store that lost some of what was written to it. Only for a person who has
    /// decided so, and who then asks [`gap`] to see to what may have been sent.
    ///
    /// # Errors
    /// As [`Store::open`], where there is nothing left that could be read.
    pub fn open_what_is_left(dir: &Path) -> Result<Self, StoreError> {
        Self::open_with(dir, Damage::Accepted)
    }

    fn open_with(dir: &Path, damage: Damage) -> Result<Self, StoreError> {
        let folder = |source| StoreError::Folder {
            dir: dir.to_owned(),
            source,
        };
        let above = above(dir);
        let path = folder::prepare(dir).map_err(folder)?;
        let lock = folder::lock(dir)?;
        folder::finish_exchange(dir).map_err(folder)?;
        std::fs::create_dir_all(&path).map_err(folder)?;
        let owner = folder::owner_to_keep(dir).map_err(folder)?;
        let db = open_patiently(dir, &path)?;
        let before = Counter::read(dir).map_err(folder)?;
        let tally = unless_sled_gives_up(dir, || {
            redo::replay(dir, &path, &db, damage)?;
            reckon(dir, &db, before, damage)
        })?;
        let live = Live::new(db, &path).map_err(folder)?;
        let pieces = Pieces::open(dir).map_err(folder)?;
        File::open(dir)
            .and_then(|dir| dir.sync_all())
            .map_err(folder)?;
        for synced in above {
            match File::open(synced).and_then(|f| f.sync_all()) {
                // Whose folder it is not, made nothing in it.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                synced => synced.map_err(folder)?,
            }
        }
        let highest = tally.commits.max(before.unwrap_or(0));
        let chance = Arc::new(Chance::system());
        let mut store = Self::over(Medium::Disk(live), dir, chance);
        store.turn().tally = Tally {
            commits: highest,
            ..tally
        };
        store.disk = Some(Arc::new(OnDisk {
            _lock: lock,
            counter: Counter::open(dir, highest).map_err(folder)?,
            pieces: Mutex::new(pieces),
        }));
        store.owner = owner;
        store.begin(damage)
    }

    /// Opens a store over a disk in memory, for the simulation; `dir` is where a big read may put its rows.
    ///
    /// # Errors
    /// What the memory was told to fail with.
    pub fn in_memory(memory: &Memory, dir: &Path) -> Result<Self, StoreError> {
        let store = Self::over(Medium::Memory(memory.clone()), dir, memory.chance());
        store.begin(Damage::Refused)
    }

    fn over(db: Medium, dir: &Path, chance: Arc<Chance>) -> Self {
        Self {
            db,
            dir: dir.to_owned(),
            disk: None,
            turn: Arc::default(),
            chance,
            journal: Arc::new(AtomicU64::new(0)),
            alone: Arc::new(Mutex::new(())),
            owner: None,
            planning: Arc::new(Mutex::new(())),
            queued_more: tokio::sync::watch::Sender::new(0),
        }
    }

    /// Checks what is there, and takes up what was left.
    fn begin(self, damage: Damage) -> Result<Self, StoreError> {
        let store = self;
        store.check_format()?;
        store.leave_mark()?;
        store.give_back()?;
        if damage == Damage::Accepted {
            store.apply(Vec::new())?; // so that the tally on disk is that of what is left
        }
        match store.resume_plan() {
            Err(StoreError::Corrupt { .. }) if damage == Damage::Accepted => {
                store.give_up_plan()?;
            }
            resumed => resumed?,
        }
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
        folder::give_to(&self.dir, user, group).map_err(StoreError::Sync)
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
            Ok(Some(upgrade::WITH_TALLY..=FORMAT))
                if self.disk.is_some() && !self.db.contains_key(tally::KEY)? =>
            {
                Err(StoreError::Corrupt {
                    dir: self.dir.clone(),
                    why: "its tally is not there".into(),
                })
            }
            Ok(Some(upgrade::OLDEST..=FORMAT)) => Ok(()),
            Ok(Some(found)) => Err(StoreError::Format {
                dir: self.dir.clone(),
                found,
            }),
            // sled gives what it cannot read up without a word; an empty store where there was one is no new one.
            Ok(None)
                if self.disk.is_some()
                    && self.db.is_empty()
                    && folder::mark(&self.dir).exists() =>
            {
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

    fn leave_mark(&self) -> Result<(), StoreError> {
        if self.disk.is_none() {
            return Ok(()); // what is in memory is gone with the process, and may be empty then
        }
        let path = folder::mark(&self.dir);
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
        if let Some(bytes) = self.db.get(key)? {
            return decode(key, &bytes).map(Some);
        }
        self.cold(key)?.map(|bytes| decode(key, &bytes)).transpose()
    }

    /// What stands under a key, unread; nothing of what is packed away. To know whether it changed.
    ///
    /// # Errors
    /// The disk.
    pub fn bytes(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.db.get(key)?.map(Bytes))
    }

    /// Whether there is something under a key.
    ///
    /// # Errors
    /// The disk.
    pub fn contains(&self, key: &[u8]) -> Result<bool, StoreError> {
        Ok(self.db.contains_key(key)? || self.is_cold(key)?)
    }

    /// Everything under a prefix, one at a time, in the order of the keys; messages that are packed away
    /// ([`ledger::pack`]) come behind the others.
    pub fn scan<T: DeserializeOwned>(
        &self,
        prefix: &[u8],
    ) -> impl Iterator<Item = Result<(Key, T), StoreError>> + use<T> {
        self.pairs(prefix).map(|entry| {
            let (key, bytes) = entry?;
            let value = decode(&key, &bytes)?;
            Ok((key, value))
        })
    }

    /// The same without what is packed away: for questions about what still moves.
    pub fn scan_moving<T: DeserializeOwned>(
        &self,
        prefix: &[u8],
    ) -> impl Iterator<Item = Result<(Key, T), StoreError>> + use<T> {
        self.db.scan_prefix(prefix).map(|entry| {
            let (key, bytes) = entry?;
            let value = decode(&key, &bytes)?;
            Ok((key.to_vec(), value))
        })
    }

    /// The keys under a prefix, as [`Store::scan`] has them.
    pub fn keys(&self, prefix: &[u8]) -> impl Iterator<Item = Result<Key, StoreError>> + use<> {
        self.pairs(prefix).map(|entry| Ok(entry?.0))
    }

    /// The newest `count` entries under a prefix, newest first.
    pub fn newest<T: DeserializeOwned>(
        &self,
        prefix: &[u8],
        count: usize,
    ) -> impl Iterator<Item = Result<(Key, T), StoreError>> + use<T> {
        self.pairs_backwards(prefix).take(count).map(|entry| {
            let (key, bytes) = entry?;
            let value = decode(&key, &bytes)?;
            Ok((key, value))
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

    fn apply(&self, mut operations: Vec<Operation>) -> Result<(), StoreError> {
        let (number, queues) = {
            let mut turn = self.turn();
            turn.must_be_whole()?;
            if let Some(touched) = &mut turn.touched {
                touched.extend(operations.iter().map(|(key, _)| key.clone()));
            }
            let queues = lanes::queues(&operations);
            let queued = turn
                .queued
                .map(|queued| self.queued_after(queued, &operations));
            let queued = queued.transpose()?;
            let records = turn.watchers.numbers(&operations);
            let mut tally = turn.tally;
            if self.disk.is_some() {
                tally = tally.after(&operations, |key| self.db.get(key))?;
                operations.push((tally::KEY.to_vec(), Some(tally.to_bytes())));
            }
            if let Err(error) = self.db.apply(tally.commits, operations) {
                return Err(self.stopped_by(&mut turn, error));
            }
            turn.tally = tally;
            turn.queued = queued;
            turn.watchers.tell(&records);
            (tally.commits, queues)
        };
        if let Some(disk) = &self.disk {
            disk.counter.note(number).map_err(StoreError::Sync)?;
        }
        if queues {
            self.queued_more.send_modify(|times| *times += 1);
        }
        self.give_back()
    }

    /// Hears of each commit that puts messages into the queue.
    pub fn on_queued(&self) -> tokio::sync::watch::Receiver<u64> {
        self.queued_more.subscribe()
    }

    /// What is on disk after a write failed is for the next opening to find out; memory has written nothing.
    fn stopped_by(&self, turn: &mut Turn, error: StoreError) -> StoreError {
        if self.disk.is_some() {
            turn.broken_by(error)
        } else {
            error
        }
    }

    /// Every statement under this lock leaves the tally whole.
    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next number of the journal, from what is on disk.
    fn next_journal(&self) -> Result<u64, StoreError> {
        let last = self.pairs_backwards(prefix::JOURNAL).next().transpose()?;
        Ok(last.map_or(0, |(key, _)| {
            let digits = &key[prefix::JOURNAL.len()..];
            digits.try_into().map_or(0, u64::from_be_bytes) + 1
        }))
    }

    /// Bytes that its disk still has for us; none if it does not say.
    pub fn free_bytes(&self) -> Option<u64> {
        folder::free_bytes(&self.dir)
    }

    /// Bytes of all that is in it; on disk it is more.
    pub fn live_bytes(&self) -> u64 {
        self.turn().tally.bytes
    }

    /// Bytes on disk.
    ///
    /// # Errors
    /// The disk.
    pub fn size_on_disk(&self) -> Result<u64, StoreError> {
        Ok(self.db.size_on_disk()?)
    }
}

/// The folders that hold a new state folder's name: its parent, and those of the parents that are to be made.
/// Unless they are synced a power cut may take the whole state folder, and the next start begins anew.
fn above(dir: &Path) -> Vec<PathBuf> {
    let mut above = Vec::new();
    let mut here = dir;
    while let Some(parent) = here.parent() {
        let named = !parent.as_os_str().is_empty();
        above.push(if named { parent } else { Path::new(".") }.to_owned());
        if !named || parent.exists() {
            break;
        }
        here = parent;
    }
    above
}

/// What is done about a store that is not what was written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    Refused,
    Accepted,
}

/// Reads everything and compares it with the tally; returns the tally of what is there.
fn reckon(
    dir: &Path,
    db: &sled::Db,
    counted: Option<u64>,
    damage: Damage,
) -> Result<Tally, StoreError> {
    let corrupt = |why: String| StoreError::Corrupt {
        dir: dir.to_owned(),
        why,
    };
    let unreadable = |error: sled::Error| corrupt(error.to_string());
    let written = db.get(tally::KEY).map_err(unreadable)?;
    let found = tally::count(db).map_err(|error| corrupt(error.to_string()))?;
    let Some(written) = written else {
        // A new store, or one from before there were tallies; `check_format` tells it from one that lost its own.
        return Ok(found);
    };
    let written =
        Tally::from_bytes(&written).ok_or_else(|| corrupt("its tally cannot be read".into()))?;
    let found = Tally {
        commits: written.commits,
        ..found
    };
    if damage == Damage::Accepted {
        return Ok(found);
    }
    let counted = counted.unwrap_or(0);
    if written.commits < counted {
        return Err(StoreError::Lost {
            dir: dir.to_owned(),
            commits: counted - written.commits,
        });
    }
    if !found.same_content(&written) {
        let why = format!(
            "{} entries of {} bytes are there, and {} of {} were written",
            found.pairs, found.bytes, written.pairs, written.bytes
        );
        return Err(corrupt(why));
    }
    Ok(written)
}

/// What sled panics at makes no sense to it; what it leaves half-done then is not used any more.
fn unless_sled_gives_up<T>(
    dir: &Path,
    read: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err(StoreError::Corrupt {
            dir: dir.to_owned(),
            why: "sled gave up while reading it".into(),
        })
    })
}

/// Takes away what a crash left that sled stumbles over: a snapshot that was being written, which it takes for
/// the newest one (it looks for another ending than it writes; a snapshot only saves time), and its configuration
/// beside a log in which nothing was ever written, which may be torn.
fn clear_the_way(path: &Path) -> io::Result<()> {
    let log = match File::open(path.join("db")) {
        Ok(log) => Some(log),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    // Whoever holds the store may be writing just that.
    if log.as_ref().is_some_and(|log| log.try_lock().is_err()) {
        return Ok(());
    }
    let empty = log
        .as_ref()
        .map_or(Ok(0), |log| log.metadata().map(|is| is.len()))?
        == 0;
    let entries = match std::fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()), // it is to be made
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let half = name.starts_with("snap.") && name.ends_with(".generating");
        if half || empty && name == "conf" {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A store that was just closed lets go of its lock a moment later, in a thread of sled's.
fn open_patiently(dir: &Path, path: &Path) -> Result<sled::Db, StoreError> {
    const TRIES: u32 = 20;
    for _ in 1..TRIES {
        clear_the_way(path).map_err(|source| StoreError::Folder {
            dir: dir.to_owned(),
            source,
        })?;
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
        let with = |segment| {
            sled::Config::new()
                .path(path)
                .segment_size(segment)
                .cache_capacity(CACHE)
                .flush_every_ms(None)
                .open()
        };
        match with(SEGMENT) {
            Err(sled::Error::Unsupported(_)) => with(FIRST_SEGMENT),
            opened => opened,
        }
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

/// A value as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(sled::IVec);

impl Bytes {
    /// A message as it is stored, which is a tenth of what it takes otherwise.
    pub fn of(message: &Message) -> Self {
        Self(packed::packed(message).into())
    }

    /// Reads it; `key` is where it stood.
    ///
    /// # Errors
    /// A value that is not a `T`.
    pub fn read<T: DeserializeOwned>(&self, key: &[u8]) -> Result<T, StoreError> {
        decode(key, &self.0)
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
        self.operations.push((key, Some(packed::plain(value))));
    }

    /// Writes a value that is long and repeats itself.
    pub fn put_packed(&mut self, key: Key, value: &impl Serialize) {
        self.operations.push((key, Some(packed::packed(value))));
    }

    /// Writes a message.
    fn put_message(&mut self, message: &Message) {
        let value = packed::packed(message);
        self.operations
            .push((keys::message(&message.key), Some(value)));
    }

    /// Writes where a message waits; its key says which it is.
    pub fn put_due(&mut self, message: &Message) {
        self.put(keys::due(message), &());
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

fn decode<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, StoreError> {
    let broken = |why: String| StoreError::Value {
        key: String::from_utf8_lossy(key).into_owned(),
        why,
    };
    let read =
        |json: &[u8]| serde_json::from_slice(json).map_err(|error| broken(error.to_string()));
    match bytes.split_first() {
        Some((&packed::PLAIN, json)) => read(json),
        Some((&packed::PACKED, rest)) => read(&packed::unpack(rest).map_err(broken)?),
        Some((other, _)) => Err(broken(format!(
            "format {other}, expected {} or {}",
            packed::PLAIN,
            packed::PACKED
        ))),
        None => Err(broken("it is empty".into())),
    }
}

#[cfg(test)]
mod tests;
