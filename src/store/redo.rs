//! The redo log: what makes a commit durable in a tenth of a millisecond.
//!
//! sled makes its log durable slowly: it writes a batch in two pieces, waits for each by itself and wakes a pool of
//! threads for each, and our `fsync` comes on top. So a commit is first appended to a file of its own beside sled's,
//! in the folder of the store, and one `fdatasync` makes it durable; then sled takes it key by key, in memory. After a
//! megabyte, or some commits, sled is synced as a whole (a *checkpoint*) and the file is begun anew. What is too long
//! goes to sled at once, as a batch, which is whole or not there at all.
//!
//! ```text
//! redo     record*, then what is left of earlier rounds
//! record   sealed (see there), number and content are those of the commit: its operations, as a piece of a plan
//! ```
//!
//! The file is read as far as the records have the salt of the first, follow each other by number, and are whole: what stands
//! behind is older, or was never said to be durable.
//!
//! The last key of each commit is the tally with its number. So sled, which keeps the order of what it takes, says how
//! many commits it has as a whole, and perhaps it has a part of the next. Opening the store applies all that are later.
//! Nothing of a commit reaches sled before its record is on disk, so that no part of one is left without the rest.
//!
//! What sled writes by itself, because its buffer is full, is at risk until it is synced: a power cut may keep a later
//! segment of its log and lose the one before, and sled refuses to read that. So a checkpoint follows at once when sled
//! has written, which its file's time says; and a window between checkpoints is shorter than a segment.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::folder::file_that_stays;
use super::sealed::{self, HEADER, Header};
use super::tally::Tally;
use super::{Damage, Operation, StoreError, plan, tally};

/// Bytes of the file. They are written once, so that a sync has no new length or blocks to write down.
const CAPACITY: usize = 1 << 20;

/// What is longer goes to sled at once.
const LONGEST: usize = 256 << 10;

/// A commit of some hundred bytes may make sled write tens of thousands: a window ends after so many commits, too.
const COMMITS: u32 = 100;

/// The file, and where the next record goes.
pub(super) struct Redo {
    file: File,
    /// When sled had written to its log at the last checkpoint. None before the first: sled may lack the tally, without
    /// which no record could be told from one that it has.
    written: Option<SystemTime>,
    salt: u64,
    /// Bytes since the last checkpoint.
    at: usize,
    /// Commits since then.
    commits: u32,
}

/// Whether a commit can be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// It can.
    Enough,
    /// After a checkpoint.
    AfterCheckpoint,
    /// It goes to sled at once.
    Never,
}

impl Redo {
    /// Opens the file of a store whose sled has everything, on disk: what the file says is over. Makes it if need be.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let file = file_that_stays(&path(folder))?;
        if file.metadata()?.len() != CAPACITY as u64 {
            file.set_len(0)?;
            file.write_all_at(&vec![0; CAPACITY], 0)?;
        }
        file.write_all_at(&[0; HEADER], 0)?;
        file.sync_all()?;
        File::open(folder)?.sync_all()?;
        Ok(Self {
            file,
            written: None,
            salt: sealed::salt(),
            at: 0,
            commits: 0,
        })
    }

    /// Whether a record of so many bytes can be appended.
    pub(super) fn room_for(&self, bytes: usize) -> Room {
        if self.written.is_none() || bytes > LONGEST {
            Room::Never
        } else if self.at + bytes > CAPACITY || self.commits == COMMITS {
            Room::AfterCheckpoint
        } else {
            Room::Enough
        }
    }

    /// Appends a record for which there is room, and waits until it is on disk.
    pub(super) fn append(&mut self, number: u64, mut record: Vec<u8>) -> io::Result<()> {
        sealed::seal(&mut record, self.salt, number);
        self.file.write_all_at(&record, self.at as u64)?;
        self.at += record.len();
        self.commits += 1;
        self.file.sync_data()
    }

    /// Begins anew: all that was applied so far is on disk without the file.
    /// `written`: when sled wrote to its log last.
    pub(super) fn begin_anew(&mut self, written: SystemTime) {
        (self.written, self.salt) = (Some(written), sealed::salt());
        (self.at, self.commits) = (0, 0);
    }

    /// When sled had written to its log at the last checkpoint.
    pub(super) fn written(&self) -> Option<SystemTime> {
        self.written
    }
}

#[cfg(test)]
impl Redo {
    /// Commits and bytes since the last checkpoint.
    pub(super) fn since_checkpoint(&self) -> (u32, usize) {
        (self.commits, self.at)
    }
}

/// Where the file is in the folder of a store.
pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join("redo")
}

/// A record with an empty header.
pub(super) fn record(operations: &[Operation]) -> Vec<u8> {
    let mut record = vec![0; HEADER];
    plan::encode_into(&mut record, operations);
    record
}

/// Applies to sled what only the file has, and makes it durable. That sled has what was written before is still to be
/// checked.
///
/// # Errors
/// The disk; or commits between what sled has and what the file begins with are gone, unless damage is accepted.
pub(super) fn replay(
    dir: &Path,
    folder: &Path,
    db: &sled::Db,
    damage: Damage,
) -> Result<(), StoreError> {
    let bytes = match std::fs::read(path(folder)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            let dir = dir.to_owned();
            return Err(StoreError::Folder { dir, source });
        }
    };
    // Without a tally sled lost everything: that is for the opening to find out.
    let Some(has) = db.get(tally::KEY)?.as_deref().and_then(Tally::from_bytes) else {
        return Ok(());
    };
    let mut last = has.commits;
    for (number, operations) in Records::of(&bytes).filter(|(number, _)| *number > has.commits) {
        if number != last + 1 && damage == Damage::Refused {
            return Err(StoreError::Lost {
                dir: dir.to_owned(),
                commits: number - 1 - last,
            });
        }
        last = number;
        for (key, value) in plan::decode_piece(b"redo", operations)? {
            match value {
                Some(value) => db.insert(key, value)?,
                None => db.remove(key)?,
            };
        }
    }
    if last > has.commits {
        tracing::info!(commits = last - has.commits, "took over from the redo log");
        db.flush()?;
    }
    Ok(())
}

/// The records of a file that count: numbers and operations.
struct Records<'b> {
    rest: &'b [u8],
    /// The salt and number of the one before.
    before: Option<(u64, u64)>,
}

impl<'b> Records<'b> {
    fn of(bytes: &'b [u8]) -> Self {
        Self {
            rest: bytes,
            before: None,
        }
    }
}

impl<'b> Iterator for Records<'b> {
    type Item = (u64, &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (header, rest) = self.rest.split_first_chunk::<HEADER>()?;
        let header = Header::read(header);
        let (salt, number) = (header.salt, header.number);
        let follows = self
            .before
            .is_none_or(|before| before == (salt, number.wrapping_sub(1)));
        let (operations, rest) = rest.split_at_checked(usize::try_from(header.length).ok()?)?;
        if !follows || !header.seals(operations) {
            return None;
        }
        self.rest = rest;
        self.before = Some((salt, number));
        Some((number, operations))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::store::tests::copied;
    use crate::store::{Group, Store, keys::prefix};

    fn put(key: &str, value: &str) -> Vec<Operation> {
        vec![(key.as_bytes().to_vec(), Some(value.as_bytes().to_vec()))]
    }

    fn round(salt: u64, numbers: impl IntoIterator<Item = u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in numbers {
            let mut record = record(&put("record/a", &number.to_string()));
            sealed::seal(&mut record, salt, number);
            bytes.extend(record);
        }
        bytes
    }

    fn numbers(bytes: &[u8]) -> Vec<u64> {
        Records::of(bytes).map(|(number, _)| number).collect()
    }

    #[test]
    fn records_count_as_far_as_they_are_whole_and_of_one_round() {
        let whole = round(7, 201..=205);
        assert_eq!(numbers(&whole), [201, 202, 203, 204, 205]);
        assert_eq!(numbers(&vec![0; CAPACITY]), [0_u64; 0]);
        // Cut off anywhere, or with any bit turned, it counts up to there.
        let one = whole.len() / 5;
        for at in 0..whole.len() {
            let before = at / one;
            assert_eq!(numbers(&whole[..at]).len(), before, "cut off at {at}");
            let mut turned = whole.clone();
            turned[at] ^= 1 << (at % 8);
            assert_eq!(numbers(&turned).len(), before, "turned at {at}");
        }
        // An earlier round lies behind: as long records, also with the number that would follow.
        let mut over = round(7, 201..=205);
        over[..one].copy_from_slice(&round(9, [201]));
        assert_eq!(numbers(&over), [201]);
        let mut gap = round(7, [201]);
        gap.extend(round(7, [203]));
        assert_eq!(numbers(&gap), [201]);
    }

    #[test]
    fn a_commit_that_finds_no_room_waits_for_a_checkpoint_or_goes_to_sled() {
        let dir = tempfile::tempdir().unwrap();
        let mut redo = Redo::open(dir.path()).unwrap();
        assert_eq!(redo.room_for(10), Room::Never, "sled has no tally yet");
        redo.begin_anew(SystemTime::UNIX_EPOCH);
        assert_eq!(redo.room_for(LONGEST), Room::Enough);
        assert_eq!(redo.room_for(LONGEST + 1), Room::Never);
        let mut round = |at, commits| {
            (redo.at, redo.commits) = (at, commits);
            redo.room_for(10)
        };
        assert_eq!(round(CAPACITY - 10, 0), Room::Enough);
        assert_eq!(round(CAPACITY - 9, 0), Room::AfterCheckpoint);
        assert_eq!(round(0, COMMITS - 1), Room::Enough);
        assert_eq!(round(0, COMMITS), Room::AfterCheckpoint);
    }

    fn all(store: &Store) -> BTreeMap<Vec<u8>, (u32, String)> {
        let entries = store.scan(prefix::RECORD);
        entries.collect::<Result<_, _>>().unwrap()
    }

    /// As `kill -9` leaves it: what sled has not written is gone, and the files are as they are at this moment.
    #[test]
    fn whatever_was_committed_is_there_after_a_kill_at_any_commit() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let store = Store::open(&state).unwrap();
        let mut from_the_log = 0;
        for n in 0..240_u32 {
            let mut group = Group::default();
            // Short ones, some that the log is too short for, and some that are removed again.
            let long = if n % 50 == 7 { LONGEST } else { 300 };
            let key = |n: u32| format!("record/{:02}", n % 40).into_bytes();
            group.put(key(n), &(n, "x".repeat(long)));
            if n % 3 == 0 {
                group.remove(key(n / 2));
            }
            store.commit(vec![group]).unwrap();
            if n % 7 != 0 {
                continue;
            }
            let killed = dir.path().join(format!("killed{n}"));
            copied(&state, &killed);
            let sled = crate::store::open_sled(&killed, &killed.join("store")).unwrap();
            let had = sled.get(tally::KEY).unwrap().unwrap();
            let had = Tally::from_bytes(&had).unwrap().commits;
            // sled may have a part of the next one.
            let log = std::fs::read(path(&killed.join("store"))).unwrap();
            let next = Records::of(&log).find(|(number, _)| *number == had + 1);
            let part = next.map(|(_, operations)| plan::decode_piece(b"redo", operations).unwrap());
            for (key, value) in part.iter().flat_map(|part| &part[..part.len() - 1]) {
                match value {
                    Some(value) => sled.insert(key, value.as_slice()).unwrap(),
                    None => sled.remove(key).unwrap(),
                };
            }
            sled.flush().unwrap();
            drop(sled);
            let again = Store::open(&killed).unwrap();
            assert_eq!(all(&again), all(&store), "after commit {n}");
            from_the_log += again.turn().tally.commits - had;
            // It goes on, and what the log held is not applied a second time.
            let mut group = Group::default();
            group.put(b"record/00".to_vec(), &(1_000, String::new()));
            again.commit(vec![group]).unwrap();
            let truth = all(&again);
            drop(again);
            assert_eq!(all(&Store::open(&killed).unwrap()), truth);
            std::fs::remove_dir_all(killed).unwrap();
        }
        assert!(
            from_the_log > 500,
            "{from_the_log} commits were in the log alone"
        );
    }

    #[test]
    fn a_log_that_does_not_fit_its_store_is_refused_and_may_be_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let store = Store::open(&state).unwrap();
        let commit = |store: &Store, n: u32| {
            let mut group = Group::default();
            group.put(format!("record/{n:02}").into_bytes(), &(n, String::new()));
            store.commit(vec![group]).unwrap();
        };
        (0..10).for_each(|n| commit(&store, n));
        drop(store);
        let log = path(&state.join("store"));
        let written = |records: Vec<u8>| {
            let mut bytes = records;
            bytes.resize(CAPACITY, 0);
            std::fs::write(&log, bytes).unwrap();
        };
        let has = Store::open(&state).unwrap().turn().tally.commits;
        written(round(3, [has + 4]));
        let error = Store::open(&state).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("the last 3 commits to the store"),
            "{error}"
        );
        let left = Store::open_what_is_left(&state).unwrap();
        assert_eq!(
            left.keys(prefix::RECORD).count(),
            11,
            "also what the log has"
        );
        drop(left);
        let has = Store::open(&state).unwrap().turn().tally.commits;
        written(round(3, [has + 1]));
        let error = Store::open(&state).unwrap_err();
        assert!(error.to_string().contains("is damaged"), "{error}");
        assert!(error.way_back().unwrap().contains("sheetbridge restore"));
    }
}
