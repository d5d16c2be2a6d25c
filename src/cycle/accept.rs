//! Takes one read: matches it with the last accepted state, asks the guard, and writes what follows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::base::{self, Base, BaseRow};
use super::fetch::TabRead;
use super::hold::{self, Held, HeldCounts, Ruling};
use super::optout;
use super::report::{Ambiguous, ChangeReport, FieldReport, Report, TabReport, local};
use super::settling;
use super::staff;
use super::{Mode, given_cells};
use crate::core::change::{EditInput, GuardInput, Hold, TabFacts, verdict};
use crate::core::identity::{
    self, Context, Crowd, Fingerprint, How, Matching, Pair, Print, Row, changed_fields,
    match_content, match_leftover,
};
use crate::core::message::MessageKey;
use crate::core::record::{Cells, Kind, Place, Record, RecordId};
use crate::core::sheet::Cell;
use crate::roster::{Deciding, Once, Roster, TabMeta, cell_of, tab_key};
use crate::store::journal::{Entry, What};
use crate::store::keys::{self, prefix};
use crate::store::{Group, StoreError};

/// A tombstone can be returned to for so long (SEMANTICS 8).
const TOMBSTONE_FOR: jiff::SignedDuration = jiff::SignedDuration::from_hours(400 * 24);

/// Up to so many rows a verdict says by which column a tab was sorted.
const SORT_SHOWN_TO: usize = 3_000;

/// Up to so many rows, those that did not change are looked at too, to tell rare values from common ones.
const CROWD_TO: usize = 3_000;

/// Ambiguous rows are taken over as they are after so long (SEMANTICS 7).
const AMBIGUOUS_FOR: jiff::SignedDuration = jiff::SignedDuration::from_hours(7 * 24);

/// A record that this poll touches, with what is to be written beside it.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) record: Record,
    /// Everything that must be on disk together with the record.
    pub(super) group: Group,
    /// A row that never counted and is gone leaves nothing behind.
    pub(super) forget: bool,
}

/// One poll being worked out; nothing of it is written before it is whole.
pub(super) struct Poll<'a> {
    pub(super) roster: &'a Roster,
    pub(super) workbook: &'a str,
    pub(super) now: Timestamp,
    pub(super) reads: Vec<TabRead>,
    /// What was known of each tab before.
    pub(super) metas: BTreeMap<i64, TabMeta>,
    pub(super) report: Report,
    pub(super) work: BTreeMap<RecordId, Work>,
    /// What is written last: the tabs, the order of rows, the held batch.
    pub(super) last: Group,
    /// Events are swallowed: a batch that a manager dropped becomes the base as it is.
    pub(super) silent: bool,
    /// The keys of the messages that are new.
    pub(super) decided: Vec<MessageKey>,
    pub(super) deciding: Deciding,
    /// Who was written to already in this poll.
    pub(super) once: Once,
    /// Whether the workbook was never accepted before.
    first: bool,
}

/// Rows of one kind, matched.
struct Matched {
    kind: Kind,
    before: Vec<BaseRow>,
    after: Vec<AfterRow>,
    tombstones: Vec<Record>,
    matching: Matching,
}

/// One row of the read.
struct AfterRow {
    sheet: i64,
    row: u32,
    hash: Fingerprint,
    cells: Option<Cells>,
}

/// Works one read out and, unless it is a dry run or held, commits it.
pub(super) fn take(
    roster: &Roster,
    workbook: &str,
    base: &mut Base,
    pending: &mut BTreeSet<RecordId>,
    reads: Vec<TabRead>,
    now: Timestamp,
    mode: Mode,
) -> Result<Report, StoreError> {
    let mut poll = Poll::new(roster, workbook, reads, now)?;
    let mut kinds = Vec::new();
    for kind in [Kind::Customer, Kind::Appointment] {
        kinds.push(poll.matched(base, kind)?);
    }
    let standing: Option<Held> = roster.store().get(&hold::held_key(workbook))?;
    let mut input = poll.guard_input(&kinds);
    // Without its mandatory headers there is nothing that could be accepted.
    let readable = poll.reads.iter().all(|read| read.header.is_ok());
    let ruling = hold::rule_on(roster, &input, standing.as_ref(), readable);
    poll.describe(&kinds);
    if let Ruling::Hold { text, hold } = &ruling {
        return poll.held(&kinds, hold, text, standing.as_ref(), mode);
    }
    poll.silent = matches!(ruling, Ruling::Drop) || hold::drops_messages(standing.as_ref());
    let mut next = Base::default();
    for kind in &kinds {
        poll.accept(kind, &base.ambiguous, &mut next)?;
    }
    let waiting = settling::settle(&mut poll, pending)?;
    input.messages = u32::try_from(poll.report.messages.len()).unwrap_or(u32::MAX);
    if let Ruling::Hold { text, hold } = hold::rule_on(roster, &input, standing.as_ref(), readable)
    {
        return poll.held(&kinds, &hold, &text, standing.as_ref(), mode);
    }
    poll.finish(base, next, pending, waiting, standing, mode)
}

impl<'a> Poll<'a> {
    fn new(
        roster: &'a Roster,
        workbook: &'a str,
        reads: Vec<TabRead>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let metas: BTreeMap<i64, TabMeta> = roster
            .tabs(workbook)?
            .into_iter()
            .map(|tab| (tab.sheet, tab))
            .collect();
        let mut report = Report::at(now, &roster.config().calendar.zone);
        report.baseline = metas.is_empty();
        Ok(Self {
            roster,
            workbook,
            now,
            reads,
            first: metas.is_empty(),
            metas,
            report,
            work: BTreeMap::new(),
            last: Group::default(),
            silent: false,
            decided: Vec::new(),
            deciding: roster.deciding()?,
            once: Once::default(),
        })
    }

    /// The rows of a kind before and after, and who is whom.
    fn matched(&mut self, base: &Base, kind: Kind) -> Result<Matched, StoreError> {
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
    fn stored(&self, id: &RecordId) -> Result<Record, StoreError> {
        self.roster
            .store()
            .get(&keys::record(id))?
            .ok_or_else(|| StoreError::Value {
                key: format!("record/{id}"),
                why: "the order of rows names it, and it is not there".into(),
            })
    }

    /// The removed records of this workbook that may return, in the order in which they went.
    fn tombstones(&self, kind: Kind) -> Result<Vec<Record>, StoreError> {
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

    /// The read of a tab by Google's id.
    pub(super) fn read_of(&self, sheet: i64) -> Option<&TabRead> {
        self.reads.iter().find(|read| read.plan.sheet == sheet)
    }

    /// The title of a tab, also of one that is gone.
    fn title(&self, sheet: i64) -> String {
        self.read_of(sheet)
            .map(|read| read.plan.title.clone())
            .or_else(|| self.metas.get(&sheet).map(|meta| meta.title.clone()))
            .unwrap_or_default()
    }

    /// Whether the rows of a tab are a baseline: it is newly named in the configuration, and not
    /// newly made under a pattern that was there before (SEMANTICS 4).
    fn is_baseline(&self, sheet: i64) -> bool {
        if self.first {
            return true;
        }
        let Some(read) = self.read_of(sheet) else {
            return false;
        };
        let pattern = &read.plan.tab.name;
        let pattern_known = pattern.is_pattern() && self.patterns().contains(&pattern.0);
        !self.metas.contains_key(&sheet) && !pattern_known
    }

    fn patterns(&self) -> Vec<String> {
        self.roster
            .store()
            .get(&patterns_key(self.workbook))
            .ok()
            .flatten()
            .unwrap_or_default()
    }

    /// Fields that a row's tab binds now and did not before, or the other way round: their cells
    /// are taken over without being a change (SEMANTICS 3). `was` is the tab in which the row
    /// stood: a column that only one of two tabs has says nothing about the customer.
    fn rebound(&self, was: i64, sheet: i64) -> BTreeSet<String> {
        let (Some(meta), Some(read)) = (self.metas.get(&was), self.read_of(sheet)) else {
            return BTreeSet::new();
        };
        let Ok(header) = &read.header else {
            return BTreeSet::new();
        };
        let (stage, owner) = given_cells(&read.plan.tab.kind);
        let given = [("stage", stage), ("owner", owner)];
        let given = given
            .iter()
            .filter(|(_, cell)| cell.is_some())
            .map(|(field, _)| (*field).to_owned());
        let now: BTreeSet<String> = header.bound.keys().cloned().chain(given).collect();
        let before: BTreeSet<String> = meta.bound.keys().cloned().collect();
        now.symmetric_difference(&before).cloned().collect()
    }

    /// What the guard judges by: each tab of customers or appointments against its last accepted state.
    fn guard_input(&self, kinds: &[Matched]) -> GuardInput {
        let tabs = self
            .reads
            .iter()
            .filter_map(|read| {
                let sheet = read.plan.sheet;
                let kind = kinds
                    .iter()
                    .find(|kind| read.plan.kind() == Some(kind.kind));
                let gone = kind.map_or(0, |kind| {
                    kind.matching
                        .removed
                        .iter()
                        .filter(|&&at| kind.before[at].sheet == sheet)
                        .count()
                });
                let records = kind.map_or(0, |kind| {
                    kind.after.iter().filter(|row| row.sheet == sheet).count()
                });
                hold::tab_facts(self, sheet, gone, records)
            })
            .chain(self.tabs_gone(kinds))
            .collect();
        GuardInput { tabs, messages: 0 }
    }

    /// Tabs under a pattern that are not in the workbook any more: all their rows may be gone with them.
    fn tabs_gone(&self, kinds: &[Matched]) -> Vec<TabFacts> {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let gone = self
            .metas
            .values()
            .filter(|meta| self.read_of(meta.sheet).is_none());
        gone.filter_map(|meta| {
            let kind = kinds.iter().find(|kind| meta.kind == Some(kind.kind))?;
            let removed = kind
                .matching
                .removed
                .iter()
                .filter(|&&at| kind.before[at].sheet == meta.sheet);
            Some(TabFacts {
                tab: meta.title.clone(),
                accepted: count(
                    kind.before
                        .iter()
                        .filter(|row| row.sheet == meta.sheet)
                        .count(),
                ),
                gone: count(removed.count()),
                ..TabFacts::default()
            })
        })
        .filter(|facts| facts.accepted > 0)
        .collect()
    }

    /// Writes the tabs, changes and ambiguous rows into the report, whether or not they are accepted.
    fn describe(&mut self, kinds: &[Matched]) {
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
                TabReport {
                    workbook: self.workbook.to_owned(),
                    tab: read.plan.title.clone(),
                    rows: read.filled,
                    records,
                    edit: of_kind
                        .map_or_else(|| "none".to_owned(), |kind| self.edit(read, kind, &changes)),
                    held: None,
                }
            })
            .collect();
        self.report.tabs = tabs;
        self.report.changes = if self.first { Vec::new() } else { changes };
        self.report.ambiguous = ambiguous;
    }

    /// The verdict on the edit of one tab.
    fn edit(&self, read: &TabRead, kind: &Matched, changes: &[ChangeReport]) -> String {
        if self.is_baseline(read.plan.sheet) {
            return "first look".into();
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
        let changed = changes
            .iter()
            .filter(|change| change.kind == "changed" && change.tab == read.plan.title);
        let infos = self.roster.infos(kind.kind);
        let (column_moved, header_renamed) = self.columns(read);
        verdict(&EditInput {
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
            cells_changed: changed.map(|change| change.fields.len()).sum(),
            rows_retyped: 0,
            column_moved,
            header_renamed,
            cells_after: &cells,
            fields: &infos,
        })
        .to_string()
    }

    /// The cells of a tab in sheet order, to tell by what it was sorted; none for a tab too long for that.
    fn cells_in_order(&self, kind: &Matched, sheet: i64) -> Vec<Cells> {
        let mut ids: Vec<(u32, &BaseRow, &AfterRow)> = kind
            .matching
            .pairs
            .iter()
            .map(|pair| (&kind.before[pair.before], &kind.after[pair.after]))
            .filter(|(_, after)| after.sheet == sheet)
            .map(|(before, after)| (after.row, before, after))
            .collect();
        if ids.len() > SORT_SHOWN_TO {
            return Vec::new();
        }
        ids.sort_unstable_by_key(|(row, _, _)| *row);
        ids.iter()
            .filter_map(|(_, before, after)| {
                after
                    .cells
                    .clone()
                    .or_else(|| self.stored(&before.id).ok().map(|record| record.seen))
            })
            .collect()
    }

    /// Whether a bound column stands elsewhere, and whether a header is written differently.
    fn columns(&self, read: &TabRead) -> (bool, bool) {
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

    fn describe_changes(&self, kind: &Matched, changes: &mut Vec<ChangeReport>) {
        for pair in &kind.matching.pairs {
            if pair.how == How::Content {
                continue;
            }
            let (before, after) = (&kind.before[pair.before], &kind.after[pair.after]);
            let Some(fields) = self.fields_between(kind.kind, &before.id, after) else {
                continue;
            };
            if !fields.is_empty() {
                changes.push(self.change(
                    "changed",
                    &before.id,
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
                &row.id,
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

    fn change(
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
    fn fields_between(
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
                    before: shown(&field, before.seen.get(&field)),
                    after: shown(&field, cells.get(&field)),
                    field,
                })
                .collect(),
        )
    }

    /// Takes the rows of one kind over into the records and into the next base.
    fn accept(
        &mut self,
        kind: &Matched,
        ambiguous: &BTreeSet<RecordId>,
        next: &mut Base,
    ) -> Result<(), StoreError> {
        let mut rows: Vec<BaseRow> = Vec::new();
        let base_row = |after: &AfterRow, id: RecordId| BaseRow {
            sheet: after.sheet,
            row: after.row,
            hash: after.hash,
            id,
        };
        for pair in &kind.matching.pairs {
            let (before, after) = (&kind.before[pair.before], &kind.after[pair.after]);
            if pair.how != How::Content {
                self.changed(kind.kind, &before.id, after)?;
            } else if before.sheet != after.sheet {
                self.moved(&before.id, after)?;
            }
            if ambiguous.contains(&before.id) {
                self.working(&before.id)?.record.ambiguous_since = None; // it has become clear by itself
            }
            rows.push(base_row(after, before.id.clone()));
        }
        for pair in &kind.matching.returned {
            let after = &kind.after[pair.after];
            let id = kind.tombstones[pair.before].id.clone();
            self.returned(kind.kind, kind.tombstones[pair.before].clone(), after)?;
            rows.push(base_row(after, id));
        }
        for &at in &kind.matching.added {
            let after = &kind.after[at];
            let id = self.added(kind.kind, after)?;
            rows.push(base_row(after, id));
        }
        for &at in &kind.matching.removed {
            self.removed(&kind.before[at])?;
        }
        for group in &kind.matching.ambiguous {
            self.unclear(kind, group, &mut rows, &mut next.ambiguous)?;
        }
        let order: HashMap<i64, usize> = self
            .reads
            .iter()
            .enumerate()
            .map(|(n, read)| (read.plan.sheet, n))
            .collect();
        rows.sort_by_key(|row| {
            (
                order.get(&row.sheet).copied().unwrap_or(usize::MAX),
                row.row,
            )
        });
        next.rows.insert(kind.kind, rows);
        Ok(())
    }

    /// The record as this poll has it so far.
    pub(super) fn working(&mut self, id: &RecordId) -> Result<&mut Work, StoreError> {
        if !self.work.contains_key(id) {
            let record = self.stored(id)?;
            self.work.insert(
                id.clone(),
                Work {
                    record,
                    group: Group::default(),
                    forget: false,
                },
            );
        }
        Ok(self.work.get_mut(id).expect("it was put there above"))
    }

    fn place(&self, after: &AfterRow) -> Place {
        Place {
            workbook: self.workbook.to_owned(),
            sheet: after.sheet,
            row: after.row,
        }
    }

    /// Cut from one tab and pasted in another: the same record, whose place is kept with it.
    fn moved(&mut self, id: &RecordId, after: &AfterRow) -> Result<(), StoreError> {
        let place = self.place(after);
        self.working(id)?.record.place = place;
        Ok(())
    }

    fn changed(&mut self, kind: Kind, id: &RecordId, after: &AfterRow) -> Result<(), StoreError> {
        let Some(cells) = after.cells.clone() else {
            return self.moved(id, after);
        };
        let infos = self.roster.infos(kind);
        let was = self.working(id)?.record.place.sheet;
        let rebound = self.rebound(was, after.sheet);
        let (now, place) = (self.now, self.place(after));
        let (roster, workbook) = (self.roster, self.workbook);
        let work = self.working(id)?;
        let record = &mut work.record;
        let real = changed_fields(&record.seen, &cells, &infos)
            .iter()
            .any(|field| !rebound.contains(field));
        if kind == Kind::Customer {
            optout::act(
                roster,
                workbook,
                id,
                Some(&record.seen),
                &cells,
                now,
                &mut work.group,
            )?;
        }
        if let Some(settled) = &mut record.settled {
            for field in &rebound {
                match cells.get(field) {
                    Some(cell) => settled.insert(field.clone(), cell.clone()),
                    None => settled.remove(field),
                };
            }
        }
        record.place = place;
        record.seen = cells;
        record.ambiguous_since = None;
        if real {
            record.changed_at = now;
        }
        Ok(())
    }

    fn added(&mut self, kind: Kind, after: &AfterRow) -> Result<RecordId, StoreError> {
        let id = RecordId::mint(
            u64::try_from(self.now.as_millisecond()).unwrap_or(0),
            crate::random::secret(),
        );
        let cells = after.cells.clone().unwrap_or_default();
        let baseline = self.silent || self.is_baseline(after.sheet);
        let mut record = Record {
            id: id.clone(),
            kind,
            place: self.place(after),
            settled: baseline.then(|| cells.clone()),
            seen: cells,
            first_seen: self.now,
            changed_at: self.now,
            pending_since: None,
            events: 0,
            stage: None,
            stage_since: None,
            stage_event: 0,
            active_at: self.now,
            gone: None,
            removed: false,
            open_rules: BTreeMap::new(),
            baseline,
            ambiguous_since: None,
        };
        let mut group = Group::default();
        if kind == Kind::Customer {
            optout::act(
                self.roster,
                self.workbook,
                &id,
                None,
                &record.seen,
                self.now,
                &mut group,
            )?;
        }
        if baseline {
            settling::baseline(
                self.roster,
                &self.deciding,
                &mut record,
                self.now,
                &mut group,
            )?;
        }
        let name = new_row_name(after);
        for change in self
            .report
            .changes
            .iter_mut()
            .filter(|change| change.record.as_str() == name)
        {
            change.record = id.clone();
        }
        self.work.insert(
            id.clone(),
            Work {
                record,
                group,
                forget: false,
            },
        );
        Ok(id)
    }

    fn removed(&mut self, row: &BaseRow) -> Result<(), StoreError> {
        let (now, silent) = (self.now, self.silent);
        let work = self.working(&row.id)?;
        work.record.gone = Some(now);
        work.record.removed = silent;
        work.record.place.row = row.row;
        work.group
            .put(keys::under(prefix::TOMBSTONE, row.id.as_str()), &());
        Ok(())
    }

    fn returned(&mut self, kind: Kind, record: Record, after: &AfterRow) -> Result<(), StoreError> {
        let id = record.id.clone();
        let away = record.gone.map(|gone| self.now.duration_since(gone));
        let was_removed = record.removed;
        self.work.insert(
            id.clone(),
            Work {
                record,
                group: Group::default(),
                forget: false,
            },
        );
        self.changed(kind, &id, after)?;
        let silent = self.silent;
        let work = self.working(&id)?;
        work.record.gone = None;
        work.record.removed = false;
        work.record.ambiguous_since = None;
        work.group
            .remove(keys::under(prefix::TOMBSTONE, id.as_str()));
        match away.filter(|_| was_removed && !silent) {
            Some(away) => settling::came_back(self, &id, away),
            None => Ok(()),
        }
    }

    /// Rows about which the cells do not tell keep their base; after a week they are taken over
    /// as removed and added, without events.
    fn unclear(
        &mut self,
        kind: &Matched,
        group: &identity::Group,
        rows: &mut Vec<BaseRow>,
        ambiguous: &mut BTreeSet<RecordId>,
    ) -> Result<(), StoreError> {
        let now = self.now;
        if kind.kind == Kind::Customer {
            let mut acted = Group::default();
            self.opt_outs_of_unclear(kind, group, &mut acted)?;
            self.last.join(acted);
        }
        let mut expired = !group.before.is_empty();
        for &at in &group.before {
            let record = &mut self.working(&kind.before[at].id)?.record;
            let since = *record.ambiguous_since.get_or_insert(now);
            expired &= now.duration_since(since) >= AMBIGUOUS_FOR;
        }
        if !expired && !self.silent {
            rows.extend(group.before.iter().map(|&at| kind.before[at].clone()));
            ambiguous.extend(group.before.iter().map(|&at| kind.before[at].id.clone()));
            return Ok(());
        }
        let (gone, came) = (group.before.len(), group.after.len());
        let text = format!(
            "unclear for 7 days, so taken over without events: {gone} rows as removed, {came} as new ({})",
            group.why
        );
        let entry = Entry {
            at: now,
            record: None,
            what: What::Edit,
            text,
            stages: None,
        };
        self.roster.store().note(&mut self.last, &entry);
        let silent = std::mem::replace(&mut self.silent, true);
        for &at in &group.before {
            self.removed(&kind.before[at])?;
        }
        for &at in &group.after {
            let after = &kind.after[at];
            let id = self.added(kind.kind, after)?;
            rows.push(BaseRow {
                sheet: after.sheet,
                row: after.row,
                hash: after.hash,
                id,
            });
        }
        self.silent = silent;
        Ok(())
    }

    /// A batch that is held: the base stays, opt-outs act, and the managers are asked.
    fn held(
        mut self,
        kinds: &[Matched],
        hold: &Hold,
        text: &str,
        standing: Option<&Held>,
        mode: Mode,
    ) -> Result<Report, StoreError> {
        let count = |kind: &str| {
            u32::try_from(
                self.report
                    .changes
                    .iter()
                    .filter(|change| change.kind == kind)
                    .count(),
            )
            .unwrap_or(u32::MAX)
        };
        let counts = HeldCounts {
            added: count("added"),
            changed: count("changed"),
            removed: count("removed"),
            messages: u32::try_from(self.report.messages.len()).unwrap_or(u32::MAX),
        };
        for tab in &mut self.report.tabs {
            tab.held = Some(text.to_owned());
        }
        self.report.messages.clear();
        self.report.events.clear();
        self.report.considered.clear();
        if mode == Mode::DryRun {
            return Ok(self.report);
        }
        let mut group = Group::default();
        self.opt_outs_of_held(kinds, &mut group)?;
        let held = hold::standing(&self, hold, text, counts, standing);
        let new = standing.is_none();
        // What was decided covered less than this: they are asked once more.
        let worse =
            standing.is_some_and(|before| before.decision.is_some() && held.decision.is_none());
        if standing != Some(&held) {
            group.put(hold::held_key(self.workbook), &held);
        }
        if new || worse {
            self.report.newly_held = Some(held.id.clone());
            self.roster.store().note(
                &mut group,
                &Entry {
                    at: self.now,
                    record: None,
                    what: What::Held,
                    text: format!("held: {text}"),
                    stages: None,
                },
            );
            hold::ask_managers(self.roster, &held, worse, self.now, &mut group)?;
        }
        self.roster.store().commit(vec![group])?;
        Ok(self.report)
    }

    /// An opt-out inside a held poll acts all the same (SEMANTICS 10).
    fn opt_outs_of_held(&mut self, kinds: &[Matched], group: &mut Group) -> Result<(), StoreError> {
        for kind in kinds.iter().filter(|kind| kind.kind == Kind::Customer) {
            for pair in kind
                .matching
                .pairs
                .iter()
                .filter(|pair| pair.how != How::Content)
            {
                let (before, after) = (&kind.before[pair.before], &kind.after[pair.after]);
                if let Some(cells) = &after.cells {
                    let seen = self.stored(&before.id)?.seen;
                    optout::act(
                        self.roster,
                        self.workbook,
                        &before.id,
                        Some(&seen),
                        cells,
                        self.now,
                        group,
                    )?;
                }
            }
            for unclear in &kind.matching.ambiguous {
                self.opt_outs_of_unclear(kind, unclear, group)?;
            }
            // Nobody knows these rows yet; once they are accepted, the opt-out is that of their record.
            for &at in &kind.matching.added {
                if let Some(cells) = &kind.after[at].cells {
                    optout::act(
                        self.roster,
                        self.workbook,
                        &optout::nobody_yet(),
                        None,
                        cells,
                        self.now,
                        group,
                    )?;
                }
            }
            for pair in &kind.matching.returned {
                if let Some(cells) = &kind.after[pair.after].cells {
                    let before = &kind.tombstones[pair.before];
                    optout::act(
                        self.roster,
                        self.workbook,
                        &before.id,
                        Some(&before.seen),
                        cells,
                        self.now,
                        group,
                    )?;
                }
            }
        }
        Ok(())
    }

    /// An opt-out acts whosever row it is: it is the address that is left alone.
    fn opt_outs_of_unclear(
        &self,
        kind: &Matched,
        unclear: &identity::Group,
        group: &mut Group,
    ) -> Result<(), StoreError> {
        for &at in &unclear.after {
            let likely = unclear
                .likely
                .iter()
                .find(|(_, after)| *after == at)
                .map(|(before, _)| *before);
            let before = likely.or_else(|| unclear.before.first().copied());
            let id = before.map_or_else(optout::nobody_yet, |at| kind.before[at].id.clone());
            if let Some(cells) = &kind.after[at].cells {
                optout::act(
                    self.roster,
                    self.workbook,
                    &id,
                    None,
                    cells,
                    self.now,
                    group,
                )?;
            }
        }
        Ok(())
    }

    /// Writes everything: each record with what belongs to it, then the tabs and the order of rows.
    fn finish(
        mut self,
        base: &mut Base,
        next: Base,
        pending: &mut BTreeSet<RecordId>,
        waiting: BTreeSet<RecordId>,
        standing: Option<Held>,
        mode: Mode,
    ) -> Result<Report, StoreError> {
        if mode == Mode::DryRun {
            return Ok(self.report);
        }
        let store = self.roster.store().clone();
        self.keep_tabs()?;
        let mut last = std::mem::take(&mut self.last);
        if let Some(held) = standing {
            hold::close(self.roster, &held, self.now, &mut last);
        }
        base::write_orders(self.workbook, base, &next, &mut last);
        let before: BTreeSet<RecordId> = pending.clone();
        let mut groups: Vec<Group> = Vec::new();
        for (id, work) in std::mem::take(&mut self.work) {
            let mut group = work.group;
            let key = keys::under(prefix::PENDING, id.as_str());
            if waiting.contains(&id) && !before.contains(&id) {
                group.put(key, &self.workbook);
            } else if !waiting.contains(&id) && before.contains(&id) {
                group.remove(key);
            }
            if work.forget {
                group.remove(keys::record(&id));
                group.remove(keys::under(prefix::TOMBSTONE, id.as_str()));
            } else if store.get::<Record>(&keys::record(&id))?.as_ref() != Some(&work.record) {
                group.put(keys::record(&id), &work.record);
            }
            groups.push(group);
        }
        groups.push(last);
        store.commit(groups)?;
        *base = next;
        *pending = waiting;
        Ok(self.report)
    }

    /// Keeps what is known of each tab if it changed, its edit in the journal, and the staff of staff tabs.
    fn keep_tabs(&mut self) -> Result<(), StoreError> {
        let mut last = std::mem::take(&mut self.last);
        for (read, tab) in self.reads.iter().zip(&self.report.tabs) {
            let Ok(header) = &read.header else {
                continue;
            };
            let mut bound: BTreeMap<String, (usize, String)> = header
                .bound
                .iter()
                .map(|(field, binding)| (field.clone(), (binding.column, binding.header.clone())))
                .collect();
            let (stage, owner) = given_cells(&read.plan.tab.kind);
            for (field, given) in [("stage", stage), ("owner", owner)] {
                if given.is_some() && !bound.contains_key(field) {
                    bound.insert(field.into(), (usize::MAX, field.into()));
                }
            }
            let before = self.metas.get(&read.plan.sheet);
            let meta = TabMeta {
                title: read.plan.title.clone(),
                sheet: read.plan.sheet,
                kind: read.plan.kind(),
                bound,
                header_row: u32::try_from(header.row + 1).unwrap_or(u32::MAX),
                baseline_at: before.map_or(self.now, |before| before.baseline_at),
                rows: tab.records,
                errors: read.errors.clone(),
            };
            if before != Some(&meta) {
                last.put(tab_key(self.workbook, read.plan.sheet), &meta);
            }
            if tab.edit != "none" {
                let what = if before.is_none() {
                    What::Baseline
                } else {
                    What::Edit
                };
                self.roster.store().note(
                    &mut last,
                    &Entry {
                        at: self.now,
                        record: None,
                        what,
                        text: format!("{}: {}", tab.tab, tab.edit),
                        stages: None,
                    },
                );
            }
            if read.plan.kind().is_none() {
                let fresh = staff::take(self.roster, read, self.now, &mut last)?;
                if before.is_some() && !fresh.is_empty() {
                    hold::propose_staff(self.roster, &fresh, self.now, &mut last)?;
                }
            }
        }
        let patterns: Vec<String> = self
            .roster
            .config()
            .workbooks
            .iter()
            .filter(|book| book.id == self.workbook)
            .flat_map(|book| book.tabs.iter().map(|tab| tab.name.0.clone()))
            .collect();
        if self.patterns() != patterns {
            last.put(patterns_key(self.workbook), &patterns);
        }
        self.last = last;
        Ok(())
    }

    /// A data problem of one cell, hidden if its column is private.
    pub(super) fn cell_name(&self, sheet: i64, field: &str, row: u32) -> String {
        self.metas
            .get(&sheet)
            .map_or_else(|| format!("row {row}"), |meta| cell_of(meta, field, row))
    }

    /// A time for the report.
    pub(super) fn local(&self, at: Timestamp) -> String {
        local(at, &self.roster.config().calendar.zone)
    }
}

/// Stands for the record of a new row until it has one.
fn new_row_name(row: &AfterRow) -> String {
    format!("new/{}/{}", row.sheet, row.row)
}

fn patterns_key(workbook: &str) -> keys::Key {
    keys::under(prefix::META, format!("patterns/{workbook}"))
}
