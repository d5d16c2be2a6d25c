//! Which records were written since somebody looked: for what is kept of them in memory.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::keys::prefix;
use super::{Operation, Store, records};
use crate::core::record::RecordId;

/// Of more records it is only known that they are many: going over all of them is quicker then.
const MANY: usize = 100_000;

/// Records that were written, by the numbers of their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// These.
    These(BTreeSet<u128>),
    /// So many that nobody has counted them.
    Many,
}

/// What was written since the last look.
#[derive(Debug)]
pub struct Watch(Mutex<Written>);

impl Watch {
    /// What was written since the last look, which begins anew.
    pub fn take(&self) -> Written {
        std::mem::replace(&mut self.lock(), Written::These(BTreeSet::new()))
    }

    /// Nothing is known of what was written: to be called where a look at it failed.
    pub fn lose(&self) {
        *self.lock() = Written::Many;
    }

    /// Whether so much was written that all is to be gone over.
    pub fn is_lost(&self) -> bool {
        *self.lock() == Written::Many
    }

    fn add(&self, numbers: &[u128]) {
        let mut written = self.lock();
        if let Written::These(these) = &mut *written {
            these.extend(numbers);
            if these.len() > MANY {
                *written = Written::Many;
            }
        }
    }

    /// Every statement under this lock leaves it whole.
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those who want to know.
#[derive(Debug, Default)]
pub(super) struct Watchers(Vec<Weak<Watch>>);

impl Watchers {
    /// The records that operations write, if anybody wants to know.
    pub(super) fn numbers(&self, operations: &[Operation]) -> Vec<u128> {
        match self.0.is_empty() {
            true => Vec::new(),
            false => operations.iter().flat_map(written_by).collect(),
        }
    }

    /// Tells them, once it can be read.
    pub(super) fn tell(&mut self, numbers: &[u128]) {
        if numbers.is_empty() {
            return;
        }
        self.0.retain(|watcher| match watcher.upgrade() {
            Some(watch) => {
                watch.add(numbers);
                true
            }
            None => false,
        });
    }
}

/// The records that an operation writes; an id that was not minted has no number.
fn written_by((key, value): &Operation) -> std::ops::Range<u128> {
    let number = |id: &[u8]| RecordId::new(String::from_utf8_lossy(id)).number();
    let (first, count) = if let Some(id) = key.strip_prefix(prefix::RECORD) {
        (number(id), 1)
    } else if let Some(id) = key.strip_prefix(prefix::PAGE) {
        let count = value.as_ref().map(|page| records::count_of(key, page));
        (
            number(id),
            count.and_then(Result::ok).map_or(0, |(count, _)| count),
        )
    } else {
        (None, 0)
    };
    first.map_or(0..0, |first| first..first + count as u128)
}

impl Store {
    /// Watches which records are written from now on, for as long as the answer is held.
    pub fn watch_records(&self) -> Arc<Watch> {
        let watch = Arc::new(Watch(Mutex::new(Written::These(BTreeSet::new()))));
        self.turn().watchers.0.push(Arc::downgrade(&watch));
        watch
    }
}
