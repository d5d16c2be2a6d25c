//! What a read says against the last accepted state, in words: the tabs, the verdict on each edit,
//! the changes. Shown whether or not the read is accepted.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::accept::{AfterRow, Matched, Poll, new_row_name};
use super::base::BaseRow;
use super::fetch::TabRead;
use super::report::{Ambiguous, ChangeReport, FieldReport, TabReport};
use crate::core::change::{Edit, EditInput, EditPart, FieldEdit, verdict};
use crate::core::identity::{FieldInfo, How, Pair, changed_fields};
use crate::core::record::{Cells, Kind, RecordId};
use crate::core::sheet::Cell;

/// By so many rows a verdict says by which column a tab was sorted.
const ORDER_SHOWN_BY: usize = 1_000;

impl Poll<'_> {
    /// Writes the tabs, changes and ambiguous rows into the report, whether or not they are accepted.
    pub(super) fn describe(&mut self, kinds: &[Matched]) {
        let mut changes = Vec::new();
        let mut ambiguous = Vec::new();
        for kind in kinds {
            if kind.kind == Kind::Customer {
                self.describe_changes(kind, &mut changes);
            }
            for group in &kind.matching.ambiguous {
                let place = group
                    .after
                    .first()
                    .map(|&at| kind.after[at].sheet)
                    .or_else(|| group.before.first().map(|&at| kind.before[at].sheet));
                let rows: Vec<u32> = if group.after.is_empty() {
                    group.before.iter().map(|&at| kind.before[at].row).collect()
                } else {
                    group.after.iter().map(|&at| kind.after[at].row).collect()
                };
                ambiguous.push(Ambiguous {
                    tab: place.map(|sheet| self.title(sheet)).unwrap_or_default(),
                    rows,
                    why: group.why.clone(),
                });
            }
        }
        let tabs: Vec<TabReport> = self
            .reads
            .iter()
            .map(|read| {
                let of_kind = kinds
                    .iter()
                    .find(|kind| read.plan.kind() == Some(kind.kind));
                let records = of_kind.map_or(read.rows.len(), |kind| {
                    kind.after
                        .iter()
                        .filter(|row| row.sheet == read.plan.sheet)
                        .count()
                });
                let verdict =
                    of_kind.map_or_else(Edit::default, |kind| self.edit(read, kind, &changes));
                TabReport {
                    workbook: self.workbook.to_owned(),
                    tab: read.plan.title.clone(),
                    rows: read.filled,
                    records,
                    edit: verdict.to_string(),
                    verdict,
                    held: None,
                }
            })
            .collect();
        self.report.tabs = tabs;
        self.list_lost_tabs();
        self.report.changes = if self.first { Vec::new() } else { changes };
        self.report.ambiguous = ambiguous;
    }

    /// The verdict on the edit of one tab.
    pub(super) fn edit(&self, read: &TabRead, kind: &Matched, changes: &[ChangeReport]) -> Edit {
        if self.is_baseline(read.plan.sheet) {
            return Edit {
                parts: vec![EditPart::FirstLook],
            };
        }
        let sheet = read.plan.sheet;
        let stays = |pair: &&Pair| {
            kind.before[pair.before].sheet == sheet && kind.after[pair.after].sheet == sheet
        };
        let stayed: Vec<(u32, u32)> = kind
            .matching
            .pairs
            .iter()
            .filter(stays)
            .map(|pair| (kind.before[pair.before].row, kind.after[pair.after].row))
            .collect();
        let came = kind.matching.pairs.iter().filter(|pair| {
            kind.after[pair.after].sheet == sheet && kind.before[pair.before].sheet != sheet
        });
        let went = kind.matching.pairs.iter().filter(|pair| {
            kind.before[pair.before].sheet == sheet && kind.after[pair.after].sheet != sheet
        });
        let mut added: Vec<u32> = kind
            .matching
            .added
            .iter()
            .map(|&at| &kind.after[at])
            .filter(|row| row.sheet == sheet)
            .map(|row| row.row)
            .collect();
        added.sort_unstable();
        let moved = stayed.windows(2).any(|two| two[0].0 > two[1].0);
        let cells = if moved {
            self.cells_in_order(kind, sheet)
        } else {
            Vec::new()
        };
        let cells: Vec<&Cells> = cells.iter().collect();
        let infos = self.roster.infos(kind.kind);
        let changed = fields_edited(changes, &read.plan.title, &infos);
        let (column_moved, header_renamed) = self.columns(read);
        let edit = verdict(&EditInput {
            stayed: &stayed,
            added: &added,
            removed: kind
                .matching
                .removed
                .iter()
                .filter(|&&at| kind.before[at].sheet == sheet)
                .count(),
            returned: kind
                .matching
                .returned
                .iter()
                .filter(|pair| kind.after[pair.after].sheet == sheet)
                .count(),
            came: came.count(),
            went: went.count(),
            ambiguous: kind
                .matching
                .ambiguous
                .iter()
                .flat_map(|group| &group.after)
                .filter(|&&at| kind.after[at].sheet == sheet)
                .count(),
            changed: &changed,
            rows_retyped: if read.comparable {
                rows_retyped(kind, sheet)
            } else {
                0
            },
            column_moved,
            header_renamed,
            cells_after: &cells,
            fields: &infos,
        });
        self.without_old_news(sheet, edit)
    }

    /// The cells of a tab in sheet order, to tell by what it was sorted; of a long tab those of some rows.
    pub(super) fn cells_in_order(&self, kind: &Matched, sheet: i64) -> Vec<Cells> {
        let mut ids: Vec<(u32, &BaseRow, &AfterRow)> = kind
            .matching
            .pairs
            .iter()
            .map(|pair| (&kind.before[pair.before], &kind.after[pair.after]))
            .filter(|(_, after)| after.sheet == sheet)
            .map(|(before, after)| (after.row, before, after))
            .collect();
        ids.sort_unstable_by_key(|(row, _, _)| *row);
        // What is in order is so in every part of it.
        let every = ids.len().div_ceil(ORDER_SHOWN_BY).max(1);
        ids.iter()
            .step_by(every)
            .filter_map(|(_, before, after)| {
                after
                    .cells
                    .clone()
                    .or_else(|| Some(self.stored(&before.id()).ok()?.seen.clone()))
            })
            .collect()
    }

    /// Whether a bound column stands elsewhere, and whether a header is written differently.
    pub(super) fn columns(&self, read: &TabRead) -> (bool, bool) {
        let (Some(meta), Ok(header)) = (self.metas.get(&read.plan.sheet), &read.header) else {
            return (false, false);
        };
        let both = || {
            header
                .bound
                .iter()
                .filter_map(|(field, now)| Some((now, meta.bound.get(field)?)))
        };
        (
            both().any(|(now, (column, _))| now.column != *column),
            both().any(|(now, (_, text))| now.header != *text),
        )
    }

    pub(super) fn describe_changes(&self, kind: &Matched, changes: &mut Vec<ChangeReport>) {
        for pair in &kind.matching.pairs {
            if pair.how == How::Content {
                continue;
            }
            let (before, after) = (&kind.before[pair.before], &kind.after[pair.after]);
            let Some(fields) = self.fields_between(kind.kind, &before.id(), after) else {
                continue;
            };
            if !fields.is_empty() {
                changes.push(self.change(
                    "changed",
                    &before.id(),
                    after.sheet,
                    after.row,
                    Some(before.row),
                    fields,
                ));
            }
        }
        for pair in &kind.matching.returned {
            let (record, after) = (&kind.tombstones[pair.before], &kind.after[pair.after]);
            changes.push(self.change(
                "returned",
                &record.id,
                after.sheet,
                after.row,
                None,
                Vec::new(),
            ));
        }
        for &at in &kind.matching.removed {
            let row = &kind.before[at];
            changes.push(self.change(
                "removed",
                &row.id(),
                row.sheet,
                row.row,
                Some(row.row),
                Vec::new(),
            ));
        }
        for &at in &kind.matching.added {
            let row = &kind.after[at];
            if !self.is_baseline(row.sheet) {
                let nobody = RecordId::new(new_row_name(row));
                changes.push(self.change("added", &nobody, row.sheet, row.row, None, Vec::new()));
            }
        }
    }

    pub(super) fn change(
        &self,
        kind: &'static str,
        record: &RecordId,
        sheet: i64,
        row: u32,
        row_before: Option<u32>,
        fields: Vec<FieldReport>,
    ) -> ChangeReport {
        ChangeReport {
            kind,
            record: record.clone(),
            tab: self.title(sheet),
            row,
            row_before,
            fields,
        }
    }

    /// The cells that differ between a record and its row now, private ones without their content.
    pub(super) fn fields_between(
        &self,
        kind: Kind,
        id: &RecordId,
        after: &AfterRow,
    ) -> Option<Vec<FieldReport>> {
        let cells = after.cells.as_ref()?;
        let before = self.stored(id).ok()?;
        let infos = self.roster.infos(kind);
        let rebound = self.rebound(before.place.sheet, after.sheet);
        let fields = self.roster.fields(kind);
        let shown = |field: &str, cell: Option<&Cell>| -> Json {
            let private = fields.iter().any(|spec| spec.id == field && spec.private);
            match cell {
                _ if private => json!("…"),
                Some(cell) => json!(cell),
                None => Json::Null,
            }
        };
        let header = |field: &str| {
            self.read_of(after.sheet)
                .and_then(|read| read.header.as_ref().ok())
                .and_then(|header| header.bound.get(field))
                .map_or_else(|| field.to_owned(), |binding| binding.header.clone())
        };
        Some(
            changed_fields(&before.seen, cells, &infos)
                .into_iter()
                .filter(|field| !rebound.contains(field))
                .map(|field| FieldReport {
                    header: header(&field),
                    before: shown(&field, before.seen.get(field.as_str())),
                    after: shown(&field, cells.get(field.as_str())),
                    field,
                })
                .collect(),
        )
    }
}

/// The cells of a tab that changed, by column.
fn fields_edited(changes: &[ChangeReport], tab: &str, infos: &[FieldInfo]) -> Vec<FieldEdit> {
    let mut edited: BTreeMap<&str, (Vec<u32>, Option<&Json>, bool)> = BTreeMap::new();
    let changed = changes
        .iter()
        .filter(|change| change.kind == "changed" && change.tab == tab);
    for change in changed {
        for field in &change.fields {
            let entry = edited
                .entry(&field.field)
                .or_insert_with(|| (Vec::new(), Some(&field.after), !field.after.is_null()));
            entry.0.push(change.row);
            entry.2 &= entry.1 == Some(&field.after);
        }
    }
    let in_order = infos.iter().filter_map(|info| {
        let (mut rows, _, same) = edited.remove(info.id.as_str())?;
        rows.sort_unstable();
        Some(FieldEdit {
            field: info.id.clone(),
            rows,
            same,
        })
    });
    in_order.collect()
}

/// How many rows of a tab say the same in other characters: spaces, normal form, number against text.
fn rows_retyped(kind: &Matched, sheet: i64) -> usize {
    let retyped = |pair: &&Pair| {
        let (before, after) = (&kind.before[pair.before], &kind.after[pair.after]);
        pair.how == How::Content
            && (before.sheet, after.sheet) == (sheet, sheet)
            && before.json != 0
            && after.json != 0
            && before.json != after.json
    };
    kind.matching.pairs.iter().filter(retyped).count()
}
