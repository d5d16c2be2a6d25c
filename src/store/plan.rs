//! A commit of any size, written as it grows.
//!
//! What fits in one batch is one batch. What does not goes to disk piece by piece, into a file of its own
//! ([`pieces`](super::pieces)); nothing of it counts before the ready marker, and after that a restart goes on where the
//! crash was. So a first look at half a million rows needs the memory of one piece.
//!
//! A store in memory keeps its pieces under `plan/`, as all did before there was the file: what such a store left when it
//! was cut off is gone on with.

use std::sync::{MutexGuard, PoisonError};

use super::keys::{self, Key, prefix};
use super::pieces::{self, Pieces, Ready};
use super::{BATCH, Group, Operation, Store, StoreError, packed};

/// A piece is written when it has so many bytes, or [`BATCH`] operations.
const PIECE_BYTES: usize = 1 << 20;

/// So many operations under scattered keys are kept in memory.
const SCATTERED: usize = 10_000;

/// Under keys a piece lies in parts. sled puts what is large into files of its own, which it
/// never syncs: a power cut would leave a hole in the plan. Sixteen parts, the most that a page of sled's has,
/// stay below that (see `SEGMENT` in the store).
const PART_BYTES: usize = 32 << 10;

/// A commit that is being put together. Dropping it undoes it.
pub struct Plan<'s> {
    store: &'s Store,
    /// Held from the first piece to the last: two plans at once would take each other's pieces.
    planning: Option<MutexGuard<'s, ()>>,
    written: u64,
    open: Vec<Operation>,
    bytes: usize,
    /// What stands under scattered keys; written last, in the order of the keys.
    scattered: Vec<Operation>,
}

impl std::fmt::Debug for Plan<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("written", &self.written)
            .field("open", &self.open.len())
            .finish()
    }
}

impl Store {
    /// Begins a commit; see [`Plan`].
    pub fn plan(&self) -> Plan<'_> {
        Plan {
            store: self,
            planning: None,
            written: 0,
            open: Vec::new(),
            bytes: 0,
            scattered: Vec::new(),
        }
    }

    /// Applies what is left of a plan, or throws away one that was never ready.
    pub(super) fn resume_plan(&self) -> Result<(), StoreError> {
        self.resume_keys()?;
        let Some(mut file) = self.pieces() else {
            return Ok(());
        };
        while let Some(ready) = self.get::<Ready>(&in_file_key())? {
            let (mut operations, next) = match file.read(&ready) {
                Ok((piece, next)) => (decode_piece(&in_file_key(), &piece)?, next),
                Err(why) => return Err(self.without_pieces(&ready, &why)),
            };
            let mut group = Group::default();
            match next {
                Some(next) => group.put(in_file_key(), &next),
                None => group.remove(in_file_key()),
            }
            operations.append(&mut group.operations);
            self.apply(operations)?;
        }
        file.clear().map_err(StoreError::Sync)
    }

    /// The file with pieces; none in memory. Nobody waits for it: there is one plan at a time.
    fn pieces(&self) -> Option<MutexGuard<'_, Pieces>> {
        let disk = self.disk.as_ref()?;
        Some(disk.pieces.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A plan that is ready, and cannot be read.
    fn without_pieces(&self, ready: &Ready, why: &std::io::Error) -> StoreError {
        StoreError::Corrupt {
            dir: self.dir.clone(),
            why: format!(
                "of a commit that was cut off, piece {} of {} cannot be read from {}: {why}",
                ready.next + 1,
                ready.pieces,
                pieces::path(&self.dir).display(),
            ),
        }
    }

    /// Goes on without what is left of a plan and cannot be read.
    pub(super) fn give_up_plan(&self) -> Result<(), StoreError> {
        self.apply(vec![(in_file_key(), None)])?;
        self.resume_plan()
    }

    /// The same for pieces under keys.
    fn resume_keys(&self) -> Result<(), StoreError> {
        let ready = self.contains(&ready_key())?;
        loop {
            let parts = self.first_piece()?;
            let Some((key, _)) = parts.first() else {
                break;
            };
            let mut operations = if ready {
                let bytes: Vec<u8> = parts
                    .iter()
                    .flat_map(|(_, part)| part.iter().copied())
                    .collect();
                decode_piece(key, &bytes)?
            } else {
                Vec::new()
            };
            operations.extend(parts.into_iter().map(|(key, _)| (key, None)));
            self.apply(operations)?;
        }
        if ready {
            self.apply(vec![(ready_key(), None)])?;
        }
        Ok(())
    }

    /// The parts of the first piece that is left, with their keys.
    fn first_piece(&self) -> Result<Vec<(Key, sled::IVec)>, StoreError> {
        let mut parts: Vec<(Key, sled::IVec)> = Vec::new();
        for entry in self.db.scan_prefix(prefix::PLAN) {
            let (key, bytes) = entry?;
            let of_first = parts
                .first()
                .is_none_or(|(first, _)| key.starts_with(&first[..prefix::PLAN.len() + NUMBER]));
            if key.as_ref() == ready_key() || !of_first {
                break;
            }
            parts.push((key.to_vec(), bytes));
        }
        Ok(parts)
    }
}

impl Plan<'_> {
    /// Adds a group, which is never torn. A group of more than [`BATCH`] operations is a piece of its own. Only what
    /// stands under scattered keys (`keys::is_scattered`) may be seen by others a moment later than the rest.
    ///
    /// # Errors
    /// The disk: full, read-only, gone. Nothing of the plan counts then.
    pub fn add(&mut self, mut group: Group) -> Result<(), StoreError> {
        let scattered = group
            .operations
            .extract_if(.., |(key, _)| keys::is_scattered(key));
        self.scattered.extend(scattered);
        if self.scattered.len() >= SCATTERED {
            self.gather()?;
        }
        if group.is_empty() {
            return Ok(());
        }
        let bytes = group
            .operations
            .iter()
            .map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len));
        let bytes: usize = bytes.sum();
        // One operation of a piece is the removal of the piece itself.
        let full =
            self.open.len() + group.operations.len() >= BATCH || self.bytes + bytes > PIECE_BYTES;
        if full && !self.open.is_empty() {
            self.write_piece()?;
        }
        self.bytes += bytes;
        self.open.extend(group.operations);
        Ok(())
    }

    /// Makes everything count, flushed and synced.
    ///
    /// # Errors
    /// The disk. What was ready is gone on with when the store opens the next time.
    pub fn commit(mut self) -> Result<(), StoreError> {
        if self.written == 0 && self.open.len() + self.scattered.len() < BATCH {
            let mut open = std::mem::take(&mut self.open);
            open.append(&mut self.scattered);
            return if open.is_empty() {
                Ok(())
            } else {
                self.store.apply(open)
            };
        }
        self.gather()?;
        self.write_piece()?;
        self.declare_ready()?;
        self.store.resume_plan()
    }

    /// From here on it counts.
    fn declare_ready(&mut self) -> Result<(), StoreError> {
        let ready = match self.store.pieces() {
            Some(file) => {
                let ready = file.ready().map_err(StoreError::Sync)?;
                (in_file_key(), Some(packed::plain(&ready)))
            }
            None => (ready_key(), Some(packed::plain(&true))),
        };
        self.store.apply(vec![ready])?;
        self.written = 0; // what is ready is not undone
        Ok(())
    }

    /// Puts what stands under scattered keys into pieces of its own, so that each page of the store that it comes to is
    /// read once.
    fn gather(&mut self) -> Result<(), StoreError> {
        let mut scattered = std::mem::take(&mut self.scattered);
        // Of several operations on a key the last one counts.
        scattered.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut scattered = scattered.into_iter().peekable();
        while scattered.peek().is_some() {
            if !self.open.is_empty() {
                self.write_piece()?;
            }
            self.open.extend(scattered.by_ref().take(BATCH - 1));
        }
        Ok(())
    }

    fn write_piece(&mut self) -> Result<(), StoreError> {
        if self.open.is_empty() {
            return Ok(());
        }
        if self.planning.is_none() {
            let alone = self.store.planning.lock();
            self.planning = Some(alone.unwrap_or_else(PoisonError::into_inner));
            // What an earlier plan left when the disk failed must not be taken for a piece of this one.
            self.store.resume_plan()?;
        }
        let piece = std::mem::take(&mut self.open);
        self.bytes = 0;
        let bytes = pack_piece(&piece);
        match self.store.pieces() {
            Some(mut file) => file.write(&bytes).map_err(StoreError::Sync)?,
            None => {
                let parts = bytes.chunks(PART_BYTES).zip(0..);
                let parts = parts.map(|(part, n)| (part_key(self.written, n), Some(part.to_vec())));
                self.store.apply(parts.collect())?;
            }
        }
        self.written += 1;
        Ok(())
    }
}

impl Drop for Plan<'_> {
    /// Pieces without a marker are nothing; they are thrown away now rather than at the next start.
    fn drop(&mut self) {
        if self.written > 0
            && let Err(error) = self.store.resume_plan()
        {
            tracing::warn!(%error, "pieces of a commit that was given up stay until the next start");
        }
    }
}

/// Bytes of a piece's number in its keys.
const NUMBER: usize = 8;

/// The first releases had one key a piece, which ended with the number.
fn part_key(number: u64, part: u32) -> Key {
    let mut key = keys::under(prefix::PLAN, number.to_be_bytes());
    key.extend_from_slice(&part.to_be_bytes());
    key
}

/// What stands in the store while pieces in the file count.
fn in_file_key() -> Key {
    keys::under(prefix::META, "plan")
}

/// Stands behind all pieces, whose numbers begin with a zero byte.
fn ready_key() -> Key {
    keys::under(prefix::PLAN, b"ready")
}

/// Marks the coding below; pieces written before it began with another byte.
const PIECE_FORMAT: u8 = 2;

/// A piece that is compressed: what follows is the LZ4 block of one with its own format. A plan is written only to be
/// written once more, and would push out of memory what it is about.
const PACKED_PIECE: u8 = 3;

fn pack_piece(piece: &[Operation]) -> Vec<u8> {
    let mut bytes = vec![PACKED_PIECE];
    bytes.extend(lz4_flex::block::compress_prepend_size(&encode_piece(piece)));
    bytes
}

/// Length and key, then 0 for a removal or 1 with length and value.
pub(super) fn encode_piece(piece: &[Operation]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_into(&mut bytes, piece);
    bytes
}

/// The same behind what is there.
pub(super) fn encode_into(bytes: &mut Vec<u8>, piece: &[Operation]) {
    bytes.push(PIECE_FORMAT);
    let mut put = |part: &[u8]| {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    };
    for (key, value) in piece {
        put(key);
        match value {
            None => put(&[]),
            // No value is empty: each begins with its format.
            Some(value) => put(value),
        }
    }
}

pub(super) fn decode_piece(key: &[u8], bytes: &[u8]) -> Result<Vec<Operation>, StoreError> {
    let broken = |why: &str| StoreError::Value {
        key: String::from_utf8_lossy(key).into_owned(),
        why: why.to_owned(),
    };
    if let Some(packed) = bytes.strip_prefix(&[PACKED_PIECE]) {
        let bytes = lz4_flex::block::decompress_size_prepended(packed)
            .map_err(|error| broken(&format!("a piece that is cut off ({error})")))?;
        return decode_piece(key, &bytes);
    }
    // The first release wrote pieces as JSON, with the format of all values.
    let Some(mut rest) = bytes.strip_prefix(&[PIECE_FORMAT]) else {
        return super::decode(key, bytes);
    };
    let mut operations = Vec::new();
    while !rest.is_empty() {
        let key = part(&mut rest).ok_or_else(|| broken("a piece that is cut off"))?;
        let value = part(&mut rest).ok_or_else(|| broken("a piece that is cut off"))?;
        operations.push((key.to_vec(), (!value.is_empty()).then(|| value.to_vec())));
    }
    Ok(operations)
}

fn part<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, behind) = rest.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let part = behind.get(..length)?;
    *rest = &behind[length..];
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(keys: std::ops::Range<u32>) -> Group {
        let mut group = Group::default();
        for key in keys {
            group.put(format!("record/{key:05}").into_bytes(), &key);
        }
        group
    }

    fn open(dir: &std::path::Path) -> Store {
        Store::open(dir).unwrap()
    }

    /// What a process leaves that is killed when a plan is ready.
    fn cut_off(store: &Store) {
        let mut plan = store.plan();
        for n in 0..1_200 {
            plan.add(group(n..n + 1)).unwrap();
        }
        plan.write_piece().unwrap();
        assert!(plan.written > 2);
        plan.declare_ready().unwrap();
    }

    #[test]
    fn a_plan_that_was_cut_off_goes_on_when_the_store_opens() {
        let dir = tempfile::tempdir().unwrap();
        cut_off(&open(dir.path()));
        let store = open(dir.path());
        assert_eq!(store.keys(prefix::RECORD).count(), 1_200);
        assert!(!store.contains(&in_file_key()).unwrap());
        let left = std::fs::metadata(pieces::path(dir.path())).unwrap();
        assert_eq!(left.len(), 0);
        // In memory, as on disk in the first releases, its pieces are under keys.
        let memory = crate::store::Memory::new(1, std::sync::Arc::new(|_| None));
        cut_off(&Store::in_memory(&memory, dir.path()).unwrap());
        let store = Store::in_memory(&memory, dir.path()).unwrap();
        assert_eq!(store.keys(prefix::RECORD).count(), 1_200);
        assert_eq!(store.keys(prefix::PLAN).count(), 0);
    }

    #[test]
    fn a_plan_that_was_cut_off_again_goes_on_with_the_next_piece() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        cut_off(&store);
        // The first piece was applied, and one of its records has changed since.
        let ready: Ready = store.get(&in_file_key()).unwrap().unwrap();
        let (piece, next) = store.pieces().unwrap().read(&ready).unwrap();
        let mut operations = decode_piece(b"plan", &piece).unwrap();
        let changed = b"record/00000".to_vec();
        assert_eq!(operations[0].0, changed);
        operations.push((changed.clone(), Some(packed::plain(&7_000_u32))));
        operations.push((in_file_key(), Some(packed::plain(&next.unwrap()))));
        store.apply(operations).unwrap();
        drop(store);
        let store = open(dir.path());
        assert_eq!(store.keys(prefix::RECORD).count(), 1_200);
        assert_eq!(store.get::<u32>(&changed).unwrap(), Some(7_000));
    }

    /// Its other pieces are not among the entries of a backup, which would have half of it for ever.
    #[test]
    fn a_backup_waits_for_a_large_commit_that_is_on_its_way() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir.path().join("state"));
        let file = dir.path().join("backup");
        let mut plan = store.plan();
        for n in 0..1_200 {
            plan.add(group(n..n + 1)).unwrap();
        }
        plan.write_piece().unwrap();
        plan.declare_ready().unwrap();
        let now = jiff::Timestamp::UNIX_EPOCH;
        std::thread::scope(|threads| {
            let backup = || crate::store::backup::write(&store, &file, ("0", now), false);
            let made = threads.spawn(backup);
            std::thread::sleep(std::time::Duration::from_millis(300));
            assert!(!made.is_finished());
            store.resume_plan().unwrap();
            drop(plan);
            made.join().unwrap().unwrap();
        });
        let restored = dir.path().join("restored");
        crate::store::backup::restore(&file, &restored, (false, now), |_, _| Ok(())).unwrap();
        assert_eq!(open(&restored).keys(prefix::RECORD).count(), 1_200);
    }

    #[test]
    fn a_plan_whose_pieces_are_gone_is_damage_and_may_be_gone_on_without() {
        let dir = tempfile::tempdir().unwrap();
        cut_off(&open(dir.path()));
        std::fs::remove_file(pieces::path(dir.path())).unwrap();
        let error = Store::open(dir.path()).unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains(
                "is damaged (of a commit that was cut off, piece 1 of 3 cannot be read from"
            ),
            "{said}"
        );
        assert!(error.way_back().unwrap().contains("sheetbridge restore"));
        let left = Store::open_what_is_left(dir.path()).unwrap();
        assert_eq!(left.keys(prefix::RECORD).count(), 0);
        drop(left);
        open(dir.path());
    }

    /// What stands under scattered keys goes last, in their order, and a later word on a key is the one that counts.
    #[test]
    fn scattered_keys_are_all_there_and_the_last_of_several_operations_counts() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let digest = |n: u32| {
            let scattered = u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            keys::under(prefix::DIGEST, format!("{scattered:016x}"))
        };
        let mut plan = store.plan();
        for n in 0..1_500 {
            let mut one = group(n..n + 1);
            one.put(digest(n), &n);
            if n >= 1_000 {
                // Of an earlier group: another value, or none.
                match n % 2 {
                    0 => one.put(digest(n - 1_000), &(n + 10_000)),
                    _ => one.remove(digest(n - 1_000)),
                }
            }
            plan.add(one).unwrap();
        }
        plan.commit().unwrap();
        for n in 0..1_500 {
            let wanted = match n {
                500.. => Some(n),
                _ if n % 2 == 0 => Some(n + 11_000),
                _ => None,
            };
            let found: Option<u32> = store.get(&digest(n)).unwrap();
            assert_eq!(found, wanted, "{n}");
        }
        assert_eq!(store.keys(prefix::RECORD).count(), 1_500);
    }

    #[test]
    fn a_plan_that_was_never_ready_never_happened() {
        let dir = tempfile::tempdir().unwrap();
        {
            let store = open(dir.path());
            let mut plan = store.plan();
            plan.add(group(0..400)).unwrap();
            plan.add(group(400..800)).unwrap();
            plan.write_piece().unwrap();
            plan.written = 0; // and here the power went
        }
        let store = open(dir.path());
        assert_eq!(store.keys(prefix::RECORD).count(), 0);
        assert_eq!(store.keys(prefix::PLAN).count(), 0);
    }

    #[test]
    fn a_plan_that_is_given_up_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let mut plan = store.plan();
        for n in 0..1_200 {
            plan.add(group(n..n + 1)).unwrap();
        }
        drop(plan);
        assert_eq!(store.keys(prefix::RECORD).count(), 0);
        assert_eq!(store.keys(prefix::PLAN).count(), 0);
        store.commit(vec![group(0..600)]).unwrap();
        assert_eq!(store.keys(prefix::RECORD).count(), 600);
    }

    #[test]
    fn what_a_full_disk_left_of_a_plan_is_no_piece_of_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let memory = crate::store::Memory::new(1, std::sync::Arc::new(|_| None));
        let store = Store::in_memory(&memory, dir.path()).unwrap();
        // Five pieces were written when the disk was full; the sixth and the marker were not.
        for number in 0_u64..5 {
            let piece = vec![(
                format!("record/lost{number}").into_bytes(),
                Some(packed::plain(&1)),
            )];
            let put = vec![(part_key(number, 0), Some(encode_piece(&piece)))];
            store.apply(put).unwrap();
        }
        let many = (0..600).map(|n| group(n..n + 1)).collect();
        store.commit(many).unwrap();
        assert_eq!(store.keys(prefix::RECORD).count(), 600);
    }

    #[test]
    fn a_group_is_never_torn() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let mut plan = store.plan();
        for n in 0..498 {
            plan.add(group(n..n + 1)).unwrap();
        }
        plan.add(group(500..503)).unwrap();
        assert_eq!((plan.written, plan.open.len()), (1, 3));
    }

    #[test]
    fn a_piece_is_read_as_it_was_written_also_by_the_first_release() {
        let piece: Vec<Operation> = vec![
            (b"record/a".to_vec(), Some(packed::plain(&7))),
            (b"record/b".to_vec(), None),
        ];
        for written in [
            pack_piece(&piece),
            encode_piece(&piece),
            packed::plain(&piece),
        ] {
            assert_eq!(decode_piece(b"plan/0", &written).unwrap(), piece);
        }
        for mut cut in [pack_piece(&piece), encode_piece(&piece)] {
            cut.pop();
            let error = decode_piece(b"plan/0", &cut).unwrap_err().to_string();
            assert!(
                error.contains("plan/0") && error.contains("cut off"),
                "{error}"
            );
        }
    }
}
