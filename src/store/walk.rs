//! Reading much of a store without keeping it in memory.
//!
//! sled forgets a page only when the queue of accesses of that page's shard is full: 256 shards, 64 accesses each.
//! Who walks through a store comes to each page once, so that nothing is forgotten before the whole of a large
//! workbook is in memory, whatever the cache's size. A walk therefore knocks at a page as often as it takes.

use sled::IVec;

/// Accesses that fill a shard's queue in sled 0.34 (`lru.rs`, `MAX_QUEUE_ITEMS`), and the one that then empties it.
const KNOCKS: usize = 65;

/// Bytes between two pages at which it is worth it: few questions read so much.
const STRIDE: usize = 32 << 10;

/// Entries of a sled in the order of their keys, from either end.
pub(super) struct Walk {
    db: sled::Db,
    entries: sled::Iter,
    /// Bytes since the last knock.
    bytes: usize,
}

impl Walk {
    /// Walks through what `entries` of `db` has.
    pub(super) fn new(db: sled::Db, entries: sled::Iter) -> Self {
        Self {
            db,
            entries,
            bytes: 0,
        }
    }

    /// Walks through all of it.
    pub(super) fn all(db: &sled::Db) -> Self {
        Self::new(db.clone(), db.iter())
    }

    fn passed(
        &mut self,
        entry: Option<sled::Result<(IVec, IVec)>>,
    ) -> Option<sled::Result<(IVec, IVec)>> {
        if let Some(Ok((key, value))) = &entry {
            self.bytes += key.len() + value.len();
            if self.bytes >= STRIDE {
                self.bytes = 0;
                if let Err(error) = knock(&self.db, key) {
                    return Some(Err(error));
                }
            }
        }
        entry
    }
}

/// Lets sled forget what it has no room for, around a key.
fn knock(db: &sled::Db, key: &[u8]) -> sled::Result<()> {
    for _ in 0..KNOCKS {
        db.contains_key(key)?;
    }
    Ok(())
}

/// Lets sled forget what a batch wrote: keys, and the bytes of each and its value.
pub(super) fn forget(
    db: &sled::Db,
    written: impl Iterator<Item = (IVec, usize)>,
) -> sled::Result<()> {
    let mut bytes = 0;
    for (key, size) in written {
        bytes += size;
        if bytes >= STRIDE {
            bytes = 0;
            knock(db, &key)?;
        }
    }
    Ok(())
}

impl Iterator for Walk {
    type Item = sled::Result<(IVec, IVec)>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next();
        self.passed(entry)
    }
}

impl DoubleEndedIterator for Walk {
    fn next_back(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next_back();
        self.passed(entry)
    }
}
