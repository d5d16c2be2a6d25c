//! What need not be kept any longer, cleared once a day.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::core::record::RecordId;
use crate::roster::{Once, Roster, TOMBSTONE_FOR, contacts, known_key, tombstones};
use crate::store::journal::Entry;
use crate::store::keys::{self, prefix};
use crate::store::{Group, StoreError};

/// What was cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Customers who have been gone for 400 days: only a keyed hash of their contact is left (SEMANTICS 8).
    pub tombstones: usize,
    /// Marks that an address was written to for another row.
    pub once: usize,
}

/// Clears tombstones that are over, with their story, and marks that stand in nobody's way any more.
///
/// # Errors
/// The disk.
pub fn sweep(roster: &Roster, now: Timestamp) -> Result<Swept, StoreError> {
    let store = roster.store();
    let _alone = store.alone();
    let mut groups = Vec::new();
    let mut over: BTreeSet<RecordId> = BTreeSet::new();
    for record in tombstones(store)? {
        let Some(gone) = record.gone.filter(|_| record.removed) else {
            continue;
        };
        if now.duration_since(gone) <= TOMBSTONE_FOR {
            continue;
        }
        // Who was never more than a half-typed row was nobody's customer.
        let mut group = Group::default();
        if record.settled.is_some() {
            let typed = roster.typed(record.kind, &record.place.workbook, &record.seen)?;
            for contact in contacts(&typed) {
                group.put(known_key(store, &contact)?, &gone);
            }
        }
        store.forget_record(&mut group, &record.id)?;
        for place in [prefix::TOMBSTONE, prefix::PENDING] {
            group.remove(keys::under(place, record.id.as_str()));
        }
        groups.push(group);
        over.insert(record.id);
    }
    if !over.is_empty() {
        for entry in store.scan::<Entry>(prefix::JOURNAL) {
            let (key, entry) = entry?;
            if entry.record.is_some_and(|id| over.contains(&id)) {
                let mut group = Group::default();
                group.remove(key);
                groups.push(group);
            }
        }
    }
    let marks = Once::over(store, now)?;
    let once = marks.len();
    groups.extend(marks);
    store.commit(groups)?;
    Ok(Swept {
        tombstones: over.len(),
        once,
    })
}
