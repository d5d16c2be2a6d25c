//! The rows of a first look at a tab: records without events, written page by page as they are made.
//!
//! There may be half a million of them, so they are never all in memory; nothing of what is written
//! counts before the poll is accepted.

use super::Mode;
use super::accept::{Matched, Poll};
use crate::core::record::{Record, RecordId};
use crate::store::{BATCH, Group, PAGE, StoreError};

/// Takes new rows over as a base without events. Returns the ids of their records.
pub(super) fn take(
    poll: &mut Poll<'_>,
    kind: &Matched,
    rows: &[usize],
) -> Result<impl Iterator<Item = RecordId> + use<>, StoreError> {
    // Consecutive numbers, by which a record is found in its page.
    let first = RecordId::mint(
        u64::try_from(poll.now.as_millisecond()).unwrap_or(0),
        poll.roster.store().secret(),
    );
    let first = first.number().unwrap_or_default();
    let ids = move |place: usize| RecordId::from_number(first + place as u128);
    poll.first_looks |= !rows.is_empty();
    if poll.mode == Mode::Real {
        let mut page = Page::default();
        for (place, &at) in rows.iter().enumerate() {
            let after = &kind.after[at];
            let cells = poll.cells(after)?.unwrap_or_default();
            let (record, beside) = poll.first_seen(&ids(place), kind.kind, after, cells, true)?;
            if page.is_full(&beside) {
                page.write(poll)?;
            }
            page.records.push(record);
            page.beside.join(beside);
        }
        page.write(poll)?;
    }
    Ok((0..).map(ids))
}

/// Records that are written together, with everything that belongs to them.
#[derive(Default)]
struct Page {
    records: Vec<Record>,
    beside: Group,
}

impl Page {
    fn is_full(&self, next: &Group) -> bool {
        self.records.len() >= PAGE || self.beside.len() + next.len() + 2 > BATCH
    }

    fn write(&mut self, poll: &mut Poll<'_>) -> Result<(), StoreError> {
        let mut group = std::mem::take(&mut self.beside);
        group.put_page(&self.records);
        self.records.clear();
        let store = poll.roster.store();
        poll.plan.get_or_insert_with(|| store.plan()).add(group)
    }
}
