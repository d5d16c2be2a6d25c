//! A store in memory, for the simulation: what was not flushed is lost in a crash, and every touch of the
//! "disk" may be made to fail.
//!
//! It stands below everything the store decides: keys, groups, plans, upgrades and the ledger are the real
//! ones. It keeps nothing after the process, and no command can ask for it.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sled::IVec;

use super::Operation;
use crate::random::Chance;

/// What the store is about to do with its disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// Reads one key, or the next of a range.
    Read,
    /// Writes a batch, which is whole or not there at all.
    Write,
    /// Makes everything written so far last.
    Flush,
}

/// Says whether a touch fails, and how.
pub type Faults = Arc<dyn Fn(Touch) -> Option<io::Error> + Send + Sync>;

/// The disk of a store in memory. Clones share it; it outlives the stores that are opened over it.
#[derive(Clone)]
pub struct Memory {
    inner: Arc<Mutex<Inner>>,
    faults: Faults,
    chance: Arc<Chance>,
}

#[derive(Default)]
struct Inner {
    live: BTreeMap<IVec, IVec>,
    /// What each batch since the last flush wrote over, newest last.
    unflushed: Vec<Vec<(IVec, Option<IVec>)>>,
}

/// What was on a disk at one moment: a backup of it.
#[derive(Clone)]
pub struct Kept(BTreeMap<IVec, IVec>);

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kept").field(&self.0.len()).finish()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        f.debug_struct("Memory")
            .field("keys", &inner.live.len())
            .field("unflushed", &inner.unflushed.len())
            .finish_non_exhaustive()
    }
}

impl Memory {
    /// An empty disk. `seed`: what the store draws its ids and salts from, so that a run can be repeated.
    pub fn new(seed: u64, faults: Faults) -> Self {
        Self {
            inner: Arc::default(),
            faults,
            chance: Arc::new(Chance::seeded(seed)),
        }
    }

    /// The power goes: of the batches that were not flushed only the oldest `kept` are there afterwards.
    pub fn crash(&self, kept: usize) {
        let mut inner = self.lock();
        while inner.unflushed.len() > kept {
            let Some(before) = inner.unflushed.pop() else {
                break;
            };
            for (key, value) in before.into_iter().rev() {
                match value {
                    Some(value) => inner.live.insert(key, value),
                    None => inner.live.remove(&key),
                };
            }
        }
        inner.unflushed.clear();
    }

    /// Everything that is on it.
    pub fn keep(&self) -> Kept {
        Kept(self.lock().live.clone())
    }

    /// What was kept takes the place of what is there; no store may be open over it.
    pub fn put_back(&self, kept: Kept) {
        let mut inner = self.lock();
        inner.live = kept.0;
        inner.unflushed.clear();
    }

    /// How many batches were written and not flushed.
    pub fn unflushed(&self) -> usize {
        self.lock().unflushed.len()
    }

    pub(super) fn chance(&self) -> Arc<Chance> {
        Arc::clone(&self.chance)
    }

    pub(super) fn get(&self, key: &[u8]) -> sled::Result<Option<IVec>> {
        self.touch(Touch::Read)?;
        Ok(self.lock().live.get(key).cloned())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().live.is_empty()
    }

    pub(super) fn bytes(&self) -> u64 {
        let inner = self.lock();
        let bytes = inner
            .live
            .iter()
            .map(|(key, value)| key.len() + value.len());
        bytes.sum::<usize>() as u64
    }

    pub(super) fn apply(&self, operations: Vec<Operation>) -> sled::Result<()> {
        self.touch(Touch::Write)?;
        let mut inner = self.lock();
        let mut before = Vec::with_capacity(operations.len());
        for (key, value) in operations {
            let key = IVec::from(key);
            let old = match value {
                Some(value) => inner.live.insert(key.clone(), IVec::from(value)),
                None => inner.live.remove(&key),
            };
            before.push((key, old));
        }
        inner.unflushed.push(before);
        Ok(())
    }

    pub(super) fn flush(&self) -> sled::Result<()> {
        self.touch(Touch::Flush)?;
        self.lock().unflushed.clear();
        Ok(())
    }

    /// The first key above `from`, or the last below `to`, within both.
    pub(super) fn next(
        &self,
        from: &Bound<IVec>,
        to: &Bound<IVec>,
        backwards: bool,
    ) -> sled::Result<Option<(IVec, IVec)>> {
        self.touch(Touch::Read)?;
        if is_empty(from, to) {
            return Ok(None);
        }
        let inner = self.lock();
        let mut range = inner.live.range((from.clone(), to.clone()));
        let found = if backwards {
            range.next_back()
        } else {
            range.next()
        };
        Ok(found.map(|(key, value)| (key.clone(), value.clone())))
    }

    fn touch(&self, touch: Touch) -> sled::Result<()> {
        (self.faults)(touch).map_or(Ok(()), |error| Err(error.into()))
    }

    /// Every statement under this lock leaves the maps whole.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nothing can lie between two bounds; a `BTreeMap` panics on some of these.
fn is_empty(from: &Bound<IVec>, to: &Bound<IVec>) -> bool {
    match (from, to) {
        (Bound::Excluded(from), Bound::Excluded(to) | Bound::Included(to))
        | (Bound::Included(from), Bound::Excluded(to)) => from >= to,
        (Bound::Included(from), Bound::Included(to)) => from > to,
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Group, Store, keys};

    fn disk() -> Memory {
        Memory::new(1, Arc::new(|_| None))
    }

    fn put(key: &str, value: u32) -> Group {
        let mut group = Group::default();
        group.put(key.as_bytes().to_vec(), &value);
        group
    }

    #[test]
    fn what_was_committed_outlives_a_crash_and_what_was_not_flushed_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let disk = disk();
        let store = Store::in_memory(&disk, dir.path()).unwrap();
        store.commit(vec![put("record/a", 1)]).unwrap();
        disk.apply(vec![
            (b"record/a".to_vec(), None),
            (b"record/b".to_vec(), Some(vec![1])),
        ])
        .unwrap();
        assert_eq!((store.keys(b"record/").count(), disk.unflushed()), (1, 1));
        disk.crash(0);
        let store = Store::in_memory(&disk, dir.path()).unwrap();
        assert_eq!(store.get::<u32>(b"record/a").unwrap(), Some(1));
        assert_eq!(store.keys(b"record/").count(), 1);
        disk.apply(vec![(b"record/a".to_vec(), None)]).unwrap();
        disk.crash(1);
        assert_eq!(
            store.get::<u32>(b"record/a").unwrap(),
            None,
            "it had reached the disk all the same"
        );
    }

    #[test]
    fn ranges_are_those_of_sled_in_both_directions() {
        let dir = tempfile::tempdir().unwrap();
        let both = [
            Store::in_memory(&disk(), dir.path()).unwrap(),
            Store::open(&dir.path().join("sled")).unwrap(),
        ];
        let seen = both.map(|store| {
            for (n, key) in ["a/1", "a/2", "a/3", "a0", "b/"].into_iter().enumerate() {
                store
                    .commit(vec![put(key, u32::try_from(n).unwrap())])
                    .unwrap();
            }
            let forth: Vec<keys::Key> = store.keys(b"a/").map(Result::unwrap).collect();
            let back: Vec<u32> = store
                .newest::<u32>(b"a/", 2)
                .map(|entry| entry.unwrap().1)
                .collect();
            (forth, back, store.keys(b"c/").count())
        });
        assert_eq!(seen[0], seen[1]);
        assert_eq!(seen[0].1, [2, 1]);
    }

    #[test]
    fn a_fault_is_an_error_and_never_an_absence() {
        let dir = tempfile::tempdir().unwrap();
        let broken = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let now = Arc::clone(&broken);
        let disk = Memory::new(
            1,
            Arc::new(move |_| {
                now.load(std::sync::atomic::Ordering::Relaxed)
                    .then(|| io::Error::from(io::ErrorKind::StorageFull))
            }),
        );
        let store = Store::in_memory(&disk, dir.path()).unwrap();
        store.commit(vec![put("record/a", 1)]).unwrap();
        broken.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(store.get::<u32>(b"record/a").is_err());
        assert!(store.contains(b"record/a").is_err());
        assert!(store.keys(b"record/").next().unwrap().is_err());
        assert!(store.commit(vec![put("record/b", 1)]).is_err());
        assert!(Store::in_memory(&disk, dir.path()).is_err());
    }

    #[test]
    fn the_same_seed_draws_the_same_ids() {
        let dir = tempfile::tempdir().unwrap();
        let draw = |seed| {
            let disk = Memory::new(seed, Arc::new(|_| None));
            let store = Store::in_memory(&disk, dir.path()).unwrap();
            (store.secret(), store.secret())
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert_ne!(draw(7).0, draw(7).1);
    }
}
