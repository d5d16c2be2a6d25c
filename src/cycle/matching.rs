//! Who is whom between the last accepted state and a read.

use std::collections::HashMap;
use std::rc::Rc;

use super::accept::{AfterRow, Matched, Poll};
use super::base::{self, Base};
use super::fetch::{ReadRow, TabRead};
use crate::core::identity::{
    ContentMatch, Context, Crowd, Fingerprint, How, Matching, Pair, Print, Row, match_content,
    match_leftover, same,
};
use crate::core::record::{Cells, Kind, Record, RecordId};
use crate::roster::TOMBSTONE_FOR;
use crate::store::StoreError;
use crate::store::keys::prefix;
use crate::store::order::Order;

/// Of more rows than these, which nobody can have been before, not all cells are in memory.
const AT_HAND: usize = 5_000;

/// So many records are kept that were read from the store once in a poll: each is asked for several times.
const LOOKED_UP_TO: usize = 10_000;

/// Up to so many rows, those that did not change are looked at too, to tell rare values from common ones.
const CROWD_TO: usize = 3_000;

impl Poll<'_> {
    /// The rows of a kind before and after, and who is whom.
    pub(super) fn matched(&mut self, base: &Base, kind: Kind) -> Result<Matched, StoreError> {
        self.take_remains(base, kind)?;
        let mut after = Vec::new();
        let mut tabs: HashMap<i64, u32> = HashMap::new();
        for (at, read) in self.reads.iter_mut().enumerate() {
            if read.plan.kind() != Some(kind) {
                continue;
            }
            let number = u32::try_from(tabs.len()).unwrap_or(u32::MAX);
            tabs.insert(read.plan.sheet, number);
            after.extend(after_rows(at, read, base));
        }
        let before = base.of(kind);
        let known = |before, after, matching| Matched {
            kind,
            before,
            after,
            tombstones: Vec::new(),
            matching,
        };
        if before.is_empty() && (after.is_empty() || self.no_tombstones(kind)?) {
            // A first look: nobody they could be, so their cells need not be at hand all at once.
            let matching = Matching {
                added: (0..after.len()).collect(),
                ..Matching::default()
            };
            return Ok(known(before, after, matching));
        }
        for row in &before {
            let number = u32::try_from(tabs.len()).unwrap_or(u32::MAX);
            tabs.entry(row.sheet).or_insert(number);
        }
        let after_prints: Vec<Print> = after
            .iter()
            .map(|row| Print {
                tab: tabs[&row.sheet],
                row: row.row,
                hash: row.hash,
            })
            .collect();
        let content = match_content(&base::prints(&before, &tabs), &after_prints);
        let nobody_left = content.before_left.is_empty() && content.twins.is_empty();
        if nobody_left && content.after_left.len() > AT_HAND && self.no_tombstones(kind)? {
            for &at in &content.after_left[..AT_HAND] {
                after[at].cells = self.cells(&after[at])?; // for the guard
            }
            return Ok(known(before, after, all_new(content)));
        }
        let mut before_left = Vec::new();
        for &at in &content.before_left {
            let row = &before[at];
            before_left.push(Row {
                tab: tabs[&row.sheet],
                row: row.row,
                cells: self.stored(&row.id())?.seen.clone(),
            });
        }
        let mut after_left = Vec::new();
        for &at in &content.after_left {
            let cells = match self.cells(&after[at])? {
                Some(cells) => cells,
                None => match base.by_print(after[at].hash) {
                    Some(twin) => self.stored(&twin.id())?.seen.clone(),
                    None => Cells::new(),
                },
            };
            let row = &mut after[at];
            row.cells = Some(cells.clone());
            after_left.push(Row {
                tab: tabs[&row.sheet],
                row: row.row,
                cells,
            });
        }
        let tombstones = if after_left.is_empty() {
            Vec::new()
        } else {
            self.tombstones(kind)?
        };
        let gone: Vec<Row> = tombstones
            .iter()
            .map(|record| Row {
                tab: tabs.get(&record.place.sheet).copied().unwrap_or(u32::MAX),
                row: record.place.row,
                cells: record.seen.clone(),
            })
            .collect();
        let infos = self.roster.infos(kind);
        let mut crowd = Crowd::watching(before_left.iter().chain(&after_left), &infos);
        let something_left = !(before_left.is_empty() && after_left.is_empty());
        if something_left && content.pairs.len() <= CROWD_TO {
            for (at, _) in &content.pairs {
                crowd.count(&self.stored(&before[*at].id())?.seen, &infos);
            }
        }
        let context = Context {
            gone: &gone,
            crowd: Some(&crowd),
        };
        let matching = match_leftover(&content, &before_left, &after_left, &context, &infos);
        Ok(Matched {
            kind,
            before,
            after,
            tombstones,
            matching,
        })
    }

    /// A customer whose row is emptied cell by cell is one until nothing is left of it: a row that is no
    /// customer by itself is taken for the one who stood there, if all that is in it was theirs.
    fn take_remains(&mut self, base: &Base, kind: Kind) -> Result<(), StoreError> {
        let infos = self.roster.infos(kind);
        for at in 0..self.reads.len() {
            let read = &self.reads[at];
            let (sheet, order) = (read.plan.sheet, base.tab(read.plan.sheet));
            let Some(order) = order.filter(|_| read.plan.kind() == Some(kind)) else {
                continue;
            };
            let mut taken = Vec::new();
            for remains in &read.remains {
                let Some(stood) = order.at_row(remains.row) else {
                    continue;
                };
                let elsewhere = |row: &ReadRow| row.json == stood.json || row.hash.0 == stood.print;
                if read.rows.iter().any(elsewhere) {
                    continue;
                }
                let Some(fresh) = remains.fresh else { continue };
                let (left, stood) = (read.cells(fresh)?, self.stored(&stood.id())?);
                let was_theirs = infos.iter().all(|field| {
                    let (left, had) = (
                        left.get(field.id.as_str()),
                        stood.seen.get(field.id.as_str()),
                    );
                    left.is_none_or(|left| had.is_some_and(|had| same(had, left, field.kind)))
                });
                if was_theirs {
                    taken.push(remains.clone());
                }
            }
            let read = &mut self.reads[at];
            for row in taken {
                tracing::debug!(sheet, row = row.row, "a customer's row is being emptied");
                let place = read.rows.partition_point(|other| other.row < row.row);
                read.rows.insert(place, row);
                read.records_filled += 1;
            }
        }
        Ok(())
    }

    /// A record that must be there, because the base names it.
    pub(super) fn stored(&self, id: &RecordId) -> Result<Rc<Record>, StoreError> {
        if let Some(record) = self.looked_up.borrow().get(id) {
            return Ok(Rc::clone(record));
        }
        let record = Rc::new(base::known(self.roster.store(), id)?);
        let mut looked_up = self.looked_up.borrow_mut();
        if looked_up.len() < LOOKED_UP_TO {
            looked_up.insert(id.clone(), Rc::clone(&record));
        }
        Ok(record)
    }

    /// Takes a record that was read already.
    pub(super) fn known_ahead(&self, id: &RecordId, record: Record) {
        let mut looked_up = self.looked_up.borrow_mut();
        if looked_up.len() < LOOKED_UP_TO {
            looked_up.insert(id.clone(), Rc::new(record));
        }
    }

    /// The cells of a row of the read; nothing for one whose content is an accepted row's.
    pub(super) fn cells(&self, row: &AfterRow) -> Result<Option<Cells>, StoreError> {
        match (&row.cells, row.fresh) {
            (Some(cells), _) => Ok(Some(cells.clone())),
            (None, Some((read, at))) => self.reads[read as usize].cells(at).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn no_tombstones(&self, kind: Kind) -> Result<bool, StoreError> {
        Ok(self.tombstones(kind)?.is_empty())
    }

    /// The removed records of this workbook that may return, in the order in which they went.
    pub(super) fn tombstones(&self, kind: Kind) -> Result<Vec<Record>, StoreError> {
        let store = self.roster.store();
        let mut found: Vec<Record> = Vec::new();
        for key in store.keys(prefix::TOMBSTONE) {
            let key = key?;
            let id = RecordId::new(String::from_utf8_lossy(&key[prefix::TOMBSTONE.len()..]));
            let record = self.stored(&id)?;
            let fresh = record
                .gone
                .is_some_and(|gone| self.now.duration_since(gone) <= TOMBSTONE_FOR);
            if record.kind == kind && record.place.workbook == self.workbook && fresh {
                found.push((*record).clone());
            }
        }
        found.sort_by_key(|record| record.gone);
        Ok(found)
    }
}

/// The rows of a tab as the matcher takes them. Taken, not copied: there may be half a million.
fn after_rows(at: usize, read: &mut TabRead, base: &Base) -> Vec<AfterRow> {
    let sheet = read.plan.sheet;
    if read.unchanged {
        let order = base.tab(sheet);
        return order
            .into_iter()
            .flat_map(Order::iter)
            .map(|row| AfterRow {
                sheet,
                row: row.row,
                hash: Fingerprint(row.print),
                json: row.json,
                fresh: None,
                cells: None,
            })
            .collect();
    }
    let read_number = u32::try_from(at).unwrap_or(u32::MAX); // a workbook has at most 200 tabs
    std::mem::take(&mut read.rows)
        .into_iter()
        .map(|row| AfterRow {
            sheet,
            row: row.row,
            hash: row.hash,
            json: row.json,
            fresh: row.fresh.map(|fresh| (read_number, fresh)),
            cells: None,
        })
        .collect()
}

/// What was paired by its content is, and what is left over is new.
fn all_new(content: ContentMatch) -> Matching {
    Matching {
        pairs: content
            .pairs
            .into_iter()
            .map(|(before, after)| Pair {
                before,
                after,
                how: How::Content,
            })
            .collect(),
        added: content.after_left,
        ..Matching::default()
    }
}
