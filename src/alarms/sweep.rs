//! What need not be kept any longer, cleared once a day.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::core::record::RecordId;
use crate::roster::{Once, Roster, TOMBSTONE_FOR, contacts, known_key, tombstones};
use crate::store::keys::{self, prefix};
use crate::store::{Group, StoreError, ledger};

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
        groups.extend(store.forget_lines_about(&over)?);
        groups.extend(store.forget_notes_of(&over)?);
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

/// Messages that ended, and lines of the journal, are packed away after so long.
const PACKED_AFTER: SignedDuration = SignedDuration::from_hours(3 * 24);

/// No cap looks further back than a day.
const COUNTED_FOR: SignedDuration = SignedDuration::from_hours(2 * 24);

/// What was put away, and what was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Messages that ended days ago: packed away.
    pub packed: usize,
    /// Messages older than `[keep] messages`: only their keys are known any more.
    pub forgotten: usize,
    /// Lines of the journal older than that.
    pub lines: usize,
}

/// Packs away what is over, forgets what is older than `[keep] messages`, and what was only counted for a cap.
///
/// # Errors
/// The disk.
pub fn tidy(roster: &Roster, now: Timestamp) -> Result<Tidied, StoreError> {
    let store = roster.store();
    let ago = |span: SignedDuration| now.saturating_sub(span).unwrap_or(now);
    let keep = ago(roster.config().keep_messages.duration());
    let mut groups = Vec::new();
    for entry in store.scan::<Timestamp>(prefix::SENT) {
        let (key, at) = entry?;
        if at < ago(COUNTED_FOR) {
            let mut group = Group::default();
            group.remove(key);
            groups.push(group);
        }
    }
    store.commit(groups)?;
    store.forget_notes_before(keep, now)?;
    store.forget_claims()?;
    store.forget_given_before(keep)?;
    let forgotten = ledger::forget_before(store, keep)?;
    let packed = ledger::pack(store, ago(PACKED_AFTER))?;
    store.pack_journal_before(ago(PACKED_AFTER))?;
    Ok(Tidied {
        packed,
        forgotten,
        lines: store.forget_journal_before(keep)?,
    })
}
