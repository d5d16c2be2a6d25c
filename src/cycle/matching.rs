//! Who is whom between the last accepted state and a read.

use std::collections::HashMap;

use super::accept::{AfterRow, Matched, Poll};
use super::base::{self, Base, BaseRow};
use crate::core::identity::{
    Context, Crowd, Fingerprint, Print, Row, match_content, match_leftover,
};
use crate::core::record::{Kind, Record, RecordId};
use crate::roster::TOMBSTONE_FOR;
use crate::store::StoreError;
use crate::store::keys::{self, prefix};

/// Up to so many rows, those that did not change are looked at too, to tell rare values from common ones.
const CROWD_TO: usize = 3_000;

impl Poll<'_> {
    /// The rows of a kind before and after, and who is whom.
    pub(super) fn matched(&mut self, base: &Base, kind: Kind) -> Result<Matched, StoreError> {
        let mut after = Vec::new();
        let mut tabs: HashMap<i64, u32> = HashMap::new();
        for read in self
            .reads
            .iter_mut()
            .filter(|read| read.plan.kind() == Some(kind))
        {
            let number = u32::try_from(tabs.len()).unwrap_or(u32::MAX);
            tabs.insert(read.plan.sheet, number);
            // Taken, not copied: after a first look a tab may have half a million rows.
            after.extend(
                std::mem::take(&mut read.rows)
                    .into_iter()
                    .map(|row| AfterRow {
                        sheet: read.plan.sheet,
                        row: row.row,
                        hash: row.hash,
                        cells: row.cells,
                    }),
            );
        }
        let before = base.of(kind).to_vec();
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
        let mut before_left = Vec::new();
        for &at in &content.before_left {
            let row = &before[at];
            before_left.push(Row {
                tab: tabs[&row.sheet],
                row: row.row,
                cells: self.stored(&row.id)?.seen,
            });
        }
        let known: HashMap<Fingerprint, &BaseRow> =
            before.iter().map(|row| (row.hash, row)).collect();
        let mut after_left = Vec::new();
        for &at in &content.after_left {
            let row = &mut after[at];
            if row.cells.is_none()
                && let Some(twin) = known.get(&row.hash)
            {
                row.cells = Some(self.stored(&twin.id)?.seen);
            }
            after_left.push(Row {
                tab: tabs[&row.sheet],
                row: row.row,
                cells: row.cells.clone().unwrap_or_default(),
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
                crowd.count(&self.stored(&before[*at].id)?.seen, &infos);
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

    /// A record that must be there, because the base names it.
    pub(super) fn stored(&self, id: &RecordId) -> Result<Record, StoreError> {
        self.roster
            .store()
            .get(&keys::record(id))?
            .ok_or_else(|| StoreError::Value {
                key: format!("record/{id}"),
                why: "the order of rows names it, and it is not there".into(),
            })
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
                found.push(record);
            }
        }
        found.sort_by_key(|record| record.gone);
        Ok(found)
    }
}
