//! Takes one read: matches it with the last accepted state, asks the guard, and writes what follows.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::time::Instant;

use jiff::Timestamp;

use super::base::{self, Base, BaseRow};
use super::doubts::Doubts;
use super::fetch::TabRead;
use super::fresh::FreshAt;
use super::hold::{self, Held, Ruling};
use super::report::{Report, local};
use super::{Mode, agreed, first_look, gap, given_cells, optout, quiet, settling};
use crate::core::change::{GuardInput, TabFacts};
use crate::core::claim::Claim;
use crate::core::identity::{self, Fingerprint, How, Matching, changed_fields};
use crate::core::record::{Cells, Kind, Place, Record, RecordId, StageSeen};
use crate::roster::{Deciding, Known, Once, Roster, TabMeta, cell_of};
use crate::store::gap::{Gap, UNKNOWN_FOR};
use crate::store::journal::{Entry, What};
use crate::store::keys::{self, prefix};
use crate::store::order::Order;
use crate::store::{Group, Plan, StoreError};

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
    /// It was made in this poll: the store has none of this id.
    pub(super) minted: bool,
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
    pub(super) deciding: Deciding,
    /// The time of which nobody knows what was sent, if this is the first look after a restore.
    pub(super) gap: Option<Gap>,
    /// Events may have had the numbers up to this before the last restore.
    pub(super) numbered: u64,
    /// Who was written to already in this poll.
    pub(super) once: Once,
    /// The names and patterns of tabs that the configuration had at the last accepted poll.
    pub(super) patterns: Vec<String>,
    /// Whether the workbook was never accepted before.
    pub(super) first: bool,
    /// Tabs that are lost, and another locale.
    pub(super) doubts: Doubts,
    /// When this workbook was last read and accepted by this process; none at its first poll.
    pub(super) polled: Option<Timestamp>,
    /// When the poll began, before Google was asked.
    pub(super) began: Instant,
    /// Who is known although no record of this workbook tells.
    pub(super) known: Known,
    /// Records as the store has them.
    pub(super) looked_up: RefCell<HashMap<RecordId, Rc<Record>>>,
    /// Whether anything is written.
    pub(super) mode: Mode,
    /// What is written already, though it does not count yet: the records of a first look.
    pub(super) plan: Option<Plan<'a>>,
    /// Claims that were made or changed in this poll.
    pub(super) claims: Vec<Claim>,
    /// Who was proposed last in this poll.
    pub(super) turn: Option<String>,
    /// Rows came without events, many at once perhaps.
    pub(super) first_looks: bool,
    /// Records that were settled while few were worked at.
    pub(super) worked_at: usize,
    /// The record that was made last in this poll.
    pub(super) last_minted: Option<RecordId>,
}

/// What was seen of a workbook.
pub(super) struct Seen {
    /// Its tabs.
    pub(super) reads: Vec<TabRead>,
    /// What is doubtful about the workbook itself.
    pub(super) doubts: Doubts,
    /// When it was last read and accepted by this process; none at its first poll.
    pub(super) polled: Option<Timestamp>,
    /// When the poll began, before Google was asked.
    pub(super) began: Instant,
}

/// What a poll came to.
pub(super) struct Taken {
    pub(super) report: Report,
    /// The rows as they are accepted now; nothing if they stay as they were.
    pub(super) next: Option<Base>,
}

impl Taken {
    /// Nothing was accepted.
    pub(super) fn without(report: Report) -> Self {
        Self { report, next: None }
    }
}

/// Rows of one kind, matched.
pub(super) struct Matched {
    pub(super) kind: Kind,
    pub(super) before: Vec<BaseRow>,
    pub(super) after: Vec<AfterRow>,
    pub(super) tombstones: Vec<Record>,
    pub(super) matching: Matching,
}

/// One row of the read.
pub(super) struct AfterRow {
    pub(super) sheet: i64,
    pub(super) row: u32,
    pub(super) hash: Fingerprint,
    /// What its JSON is known by; 0 if that is not known.
    pub(super) json: u128,
    /// Where its cells are, if its content is new: the number of the read, and the place in it.
    pub(super) fresh: Option<(u32, FreshAt)>,
    /// Its cells, if they had to be looked at.
    pub(super) cells: Option<Cells>,
}

/// No record has this number: the time in it is 1970.
const NOBODY: u128 = 0;

impl AfterRow {
    /// Tab and row, by which rows are in the order of the sheet.
    fn place(&self) -> (i64, u32) {
        (self.sheet, self.row)
    }

    /// The row as it is accepted, as that of a record.
    fn accepted(&self, number: u128) -> BaseRow {
        BaseRow {
            sheet: self.sheet,
            row: self.row,
            hash: self.hash,
            json: self.json,
            number,
        }
    }
}

/// Works one read out and, unless it is a dry run or held, commits it.
#[allow(clippy::too_many_arguments)] // One caller; each is a thing of its own.
pub(super) fn take(
    roster: &Roster,
    workbook: &str,
    base: &Base,
    pending: &mut BTreeSet<RecordId>,
    seen: Seen,
    now: Timestamp,
    mode: Mode,
) -> Result<Taken, StoreError> {
    let mut poll = Poll::new(roster, workbook, seen, now, mode)?;
    let standing: Option<Held> = roster.store().get(&hold::held_key(workbook))?;
    let stands = quiet::stands(base, &poll.metas, &poll.reads);
    if standing.is_none() && poll.doubts.are_none() && stands && poll.gap.is_none() {
        return poll.settle_only(base, pending);
    }
    let mut kinds = Vec::new();
    for kind in [Kind::Customer, Kind::Appointment] {
        kinds.push(poll.matched(base, kind)?);
    }
    let mut input = poll.guard_input(&kinds);
    poll.look_closer(&kinds, &mut input)?;
    // Without its mandatory headers there is nothing that could be accepted.
    let readable = poll.reads.iter().all(|read| read.header.is_ok());
    let ruling = hold::rule_on(roster, &input, standing.as_ref(), readable);
    poll.describe(&kinds);
    if let Ruling::Hold { text, hold } = &ruling {
        return poll.held(&kinds, hold, text, standing.as_ref());
    }
    poll.accept_doubts(mode)?;
    poll.silent = matches!(ruling, Ruling::Drop)
        || hold::drops_messages(standing.as_ref())
        || poll.gap.is_some();
    let mut next = Base::default();
    for kind in &kinds {
        poll.accept(kind, &base.ambiguous, &mut next)?;
    }
    let waiting = settling::settle(&mut poll, pending)?;
    input.messages = u32::try_from(poll.report.messages.len()).unwrap_or(u32::MAX);
    if let Ruling::Hold { text, hold } = hold::rule_on(roster, &input, standing.as_ref(), readable)
    {
        return poll.held(&kinds, &hold, &text, standing.as_ref());
    }
    if let Some(gap) = poll.gap {
        gap::close(&mut poll, gap)?;
    }
    poll.finish(base, Some(next), pending, waiting, standing)
}

impl<'a> Poll<'a> {
    fn new(
        roster: &'a Roster,
        workbook: &'a str,
        seen: Seen,
        now: Timestamp,
        mode: Mode,
    ) -> Result<Self, StoreError> {
        let Seen {
            reads,
            doubts,
            polled,
            began,
        } = seen;
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
            // Unreadable is not absent: a new tab would be taken for a baseline, and its rows for old ones.
            patterns: roster
                .store()
                .get(&patterns_key(workbook))?
                .unwrap_or_default(),
            first: metas.is_empty(),
            metas,
            report,
            work: BTreeMap::new(),
            last: Group::default(),
            silent: false,
            gap: roster.store().rebase(workbook)?,
            numbered: roster.store().numbered()?,
            deciding: roster.deciding()?,
            once: Once::default(),
            polled,
            began,
            known: Known::default(),
            looked_up: RefCell::default(),
            mode,
            plan: None,
            claims: Vec::new(),
            turn: None,
            first_looks: false,
            worked_at: 0,
            last_minted: None,
            doubts,
        })
    }

    /// A poll in which no row changed but some wait to settle.
    fn settle_only(
        mut self,
        base: &Base,
        pending: &mut BTreeSet<RecordId>,
    ) -> Result<Taken, StoreError> {
        let quiet = quiet::report(self.roster, self.workbook, &self.reads, self.now);
        self.report.tabs = quiet.tabs;
        let waiting = settling::settle(&mut self, pending)?;
        let input = GuardInput {
            messages: u32::try_from(self.report.messages.len()).unwrap_or(u32::MAX),
            ..GuardInput::default()
        };
        if let Ruling::Hold { text, hold } = hold::rule_on(self.roster, &input, None, true) {
            return self.held(&[], &hold, &text, None);
        }
        self.finish(base, None, pending, waiting, None)
    }

    /// The read of a tab by Google's id.
    pub(super) fn read_of(&self, sheet: i64) -> Option<&TabRead> {
        self.reads.iter().find(|read| read.plan.sheet == sheet)
    }

    /// The title of a tab, also of one that is gone.
    pub(super) fn title(&self, sheet: i64) -> String {
        self.read_of(sheet)
            .map(|read| read.plan.title.clone())
            .or_else(|| self.metas.get(&sheet).map(|meta| meta.title.clone()))
            .unwrap_or_default()
    }

    /// Whether the rows of a tab are a baseline: it is newly named in the configuration, and not
    /// newly made under a pattern that was there before (SEMANTICS 4).
    pub(super) fn is_baseline(&self, sheet: i64) -> bool {
        if self.first {
            return true;
        }
        let Some(read) = self.read_of(sheet) else {
            return false;
        };
        let pattern = &read.plan.tab.name;
        let pattern_known = pattern.is_pattern() && self.patterns.contains(&pattern.0);
        !self.metas.contains_key(&sheet) && !pattern_known
    }

    /// Fields that a row's tab binds now and did not before, or the other way round: their cells
    /// are taken over without being a change (SEMANTICS 3). `was` is the tab in which the row
    /// stood: a column that only one of two tabs has says nothing about the customer.
    pub(super) fn rebound(&self, was: i64, sheet: i64) -> BTreeSet<String> {
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
        GuardInput {
            tabs,
            ..GuardInput::default()
        }
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

    /// Takes the rows of one kind over into the records and into the next base.
    fn accept(
        &mut self,
        kind: &Matched,
        ambiguous: &BTreeSet<RecordId>,
        next: &mut Base,
    ) -> Result<(), StoreError> {
        // By the place among the rows of the read; rows that are unclear have none.
        let mut numbers: Vec<u128> = vec![NOBODY; kind.after.len()];
        let mut kept: Vec<BaseRow> = Vec::new();
        for pair in &kind.matching.pairs {
            let (before, after) = (&kind.before[pair.before], &kind.after[pair.after]);
            if pair.how != How::Content {
                self.changed(kind.kind, &before.id(), after)?;
            } else if before.sheet != after.sheet {
                self.moved(&before.id(), after)?;
            }
            if !ambiguous.is_empty() && ambiguous.contains(&before.id()) {
                self.working(&before.id())?.record.ambiguous_since = None; // it has become clear by itself
            }
            numbers[pair.after] = before.number;
        }
        for pair in &kind.matching.returned {
            let after = &kind.after[pair.after];
            let id = kind.tombstones[pair.before].id.clone();
            self.returned(kind.kind, kind.tombstones[pair.before].clone(), after)?;
            numbers[pair.after] = id.number().unwrap_or(NOBODY);
        }
        let (old, new): (Vec<usize>, Vec<usize>) = kind
            .matching
            .added
            .iter()
            .partition(|&&at| self.silent || self.is_baseline(kind.after[at].sheet));
        for (at, id) in old.iter().zip(first_look::take(self, kind, &old)?) {
            numbers[*at] = id.number().unwrap_or(NOBODY);
        }
        let mut minted = HashMap::new();
        for at in new {
            let after = &kind.after[at];
            let id = self.added(kind.kind, after)?;
            numbers[at] = id.number().unwrap_or(NOBODY);
            minted.insert(new_row_name(after), id);
        }
        for change in &mut self.report.changes {
            if let Some(id) = minted.get(change.record.as_str()) {
                change.record = id.clone();
            }
        }
        for &at in &kind.matching.removed {
            self.removed(&kind.before[at])?;
        }
        for group in &kind.matching.ambiguous {
            self.unclear(kind, group, (&mut numbers, &mut kept), &mut next.ambiguous)?;
        }
        let fields = base::fields_hash(&self.roster.infos(kind.kind));
        for read in &self.reads {
            if read.plan.kind() == Some(kind.kind) {
                let order = Order::new(kind.kind, fields, read.how);
                next.insert(read.plan.sheet, order);
            }
        }
        // In the order of the sheet, as the rows of a read are; what is unclear stays where it stood, which
        // may be a tab that is gone.
        kept.sort_unstable_by_key(|row| (row.sheet, row.row));
        let mut kept = kept.into_iter().peekable();
        let mut push = |row: &BaseRow| {
            if next.tab(row.sheet).is_none() {
                next.insert(row.sheet, Order::new(kind.kind, fields, 0));
            }
            next.push(row);
        };
        let mut after: Vec<usize> = (0..kind.after.len()).collect();
        if !after.is_sorted_by_key(|&at| kind.after[at].place()) {
            after.sort_unstable_by_key(|&at| kind.after[at].place());
        }
        for at in after.into_iter().filter(|&at| numbers[at] != NOBODY) {
            let row = kind.after[at].accepted(numbers[at]);
            while let Some(unclear) =
                kept.next_if(|unclear| (unclear.sheet, unclear.row) <= (row.sheet, row.row))
            {
                push(&unclear);
            }
            push(&row);
        }
        kept.for_each(|unclear| push(&unclear));
        Ok(())
    }

    /// The record as this poll has it so far.
    pub(super) fn working(&mut self, id: &RecordId) -> Result<&mut Work, StoreError> {
        if !self.work.contains_key(id) {
            let record = (*self.stored(id)?).clone();
            self.work.insert(
                id.clone(),
                Work {
                    record,
                    group: Group::default(),
                    forget: false,
                    minted: false,
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
        let Some(cells) = self.cells(after)? else {
            return self.moved(id, after);
        };
        let infos = self.roster.infos(kind);
        let was = self.working(id)?.record.place.sheet;
        let rebound = self.rebound(was, after.sheet);
        let (now, polled, place) = (self.now, self.polled, self.place(after));
        let (roster, workbook) = (self.roster, self.workbook);
        let tab = self.title(after.sheet);
        let work = self.working(id)?;
        let record = &mut work.record;
        let fields: Vec<String> = changed_fields(&record.seen, &cells, &infos)
            .into_iter()
            .filter(|field| !rebound.contains(field))
            .collect();
        let real = !fields.is_empty();
        if fields.iter().any(|field| field == "stage") {
            // Of a row that was away, or unclear, the last poll says nothing; its last change does.
            let missed = record.gone.is_some() || record.ambiguous_since.is_some();
            record.stage_seen = Some(StageSeen {
                after: polled.filter(|_| !missed).or(Some(record.changed_at)),
                by: now,
                event: None,
            });
        }
        if kind == Kind::Customer {
            optout::act(
                roster,
                workbook,
                id,
                // A column that is no longer there says nothing about anybody.
                (Some(&record.seen), optout::Untick::of(roster, &rebound)),
                &cells,
                now,
                &mut work.group,
            )?;
            if !rebound.contains("consent") {
                let row = agreed::Row {
                    workbook,
                    tab: &tab,
                    before: Some(&record.seen),
                    cells: &cells,
                    baseline: false,
                };
                agreed::act(roster, &row, now, &mut work.group)?;
            }
        }
        let own = record.own.values_mut().map(|noted| &mut noted.settled);
        for settled in own.chain([&mut record.settled]).flatten() {
            for field in &rebound {
                match cells.get(field.as_str()) {
                    Some(cell) => settled.insert(field.into(), cell.clone()),
                    None => settled.remove(field.as_str()),
                };
            }
        }
        record.place = place;
        record.seen = cells;
        record.ambiguous_since = None;
        if real {
            record.changed_at = now;
        }
        roster.learn_person(record)
    }

    fn added(&mut self, kind: Kind, after: &AfterRow) -> Result<RecordId, StoreError> {
        let id = RecordId::mint_behind(
            self.last_minted.as_ref(),
            u64::try_from(self.now.as_millisecond()).unwrap_or(0),
            self.roster.store().secret(),
        );
        self.last_minted = Some(id.clone());
        let cells = self.cells(after)?.unwrap_or_default();
        let baseline = self.silent || self.is_baseline(after.sheet);
        let (mut record, group) = self.first_seen(&id, kind, after, cells, baseline)?;
        record.settled = baseline.then(|| record.seen.clone());
        self.roster.learn_person(&record)?;
        self.work.insert(
            id.clone(),
            Work {
                record,
                group,
                forget: false,
                minted: true,
            },
        );
        Ok(id)
    }

    /// The record of a row that nobody was before, and what is to be written beside it. Of a baseline it
    /// has settled as it was seen; the caller says so, because pages of records need no second copy.
    pub(super) fn first_seen(
        &self,
        id: &RecordId,
        kind: Kind,
        after: &AfterRow,
        cells: Cells,
        baseline: bool,
    ) -> Result<(Record, Group), StoreError> {
        let mut record = Record {
            id: id.clone(),
            kind,
            place: self.place(after),
            seen: cells,
            settled: None,
            first_seen: self.now,
            changed_at: self.now,
            pending_since: None,
            events: 0,
            stage: None,
            stage_since: None,
            stage_after: None,
            stage_seen: (!baseline).then_some(StageSeen {
                after: self.polled,
                by: self.now,
                event: None,
            }),
            stage_event: 0,
            active_at: self.now,
            gone: None,
            removed: false,
            open_rules: BTreeMap::new(),
            baseline,
            ambiguous_since: None,
            own: BTreeMap::new(),
            known_before: None,
        };
        let mut group = Group::default();
        if kind == Kind::Customer {
            optout::act(
                self.roster,
                self.workbook,
                id,
                (None, optout::Untick::Lifts),
                &record.seen,
                self.now,
                &mut group,
            )?;
            let row = agreed::Row {
                workbook: self.workbook,
                tab: &self.title(after.sheet),
                before: None,
                cells: &record.seen,
                baseline,
            };
            agreed::act(self.roster, &row, self.now, &mut group)?;
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
        Ok((record, group))
    }

    fn removed(&mut self, row: &BaseRow) -> Result<(), StoreError> {
        let (now, silent) = (self.now, self.silent);
        let id = row.id();
        let work = self.working(&id)?;
        work.record.gone = Some(now);
        work.record.removed = silent;
        work.record.place.row = row.row;
        work.group
            .put(keys::under(prefix::TOMBSTONE, id.as_str()), &());
        Ok(())
    }

    fn returned(&mut self, kind: Kind, record: Record, after: &AfterRow) -> Result<(), StoreError> {
        let id = record.id.clone();
        let away = record.gone.map(|gone| self.now.duration_since(gone));
        // Missing at the first look after a restore: they may have been back, and told of, since the backup.
        let last_gap = self.roster.store().unknown(self.workbook)?;
        let unknown = match (last_gap, record.gone) {
            (Some(gap), Some(gone)) => {
                gone <= gap.to && self.now.duration_since(gap.to) <= UNKNOWN_FOR
            }
            _ => false,
        };
        let was_removed = record.removed;
        self.work.insert(
            id.clone(),
            Work {
                record,
                group: Group::default(),
                forget: false,
                minted: false,
            },
        );
        self.changed(kind, &id, after)?;
        let (now, silent) = (self.now, self.silent);
        let work = self.working(&id)?;
        work.record.gone = None;
        work.record.removed = false;
        work.record.ambiguous_since = None;
        // What had not settled when it went has been quiet only since now.
        work.record.changed_at = now;
        work.group
            .remove(keys::under(prefix::TOMBSTONE, id.as_str()));
        if unknown {
            return settling::settle_silently(self, &id);
        }
        // One that never counted comes as anybody new.
        let counted = work.record.settled.is_some();
        match away.filter(|_| was_removed && counted && !silent) {
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
        (numbers, kept): (&mut [u128], &mut Vec<BaseRow>),
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
            let record = &mut self.working(&kind.before[at].id())?.record;
            let since = *record.ambiguous_since.get_or_insert(now);
            expired &= now.duration_since(since) >= AMBIGUOUS_FOR;
        }
        if !expired && !self.silent {
            kept.extend(group.before.iter().map(|&at| kind.before[at].clone()));
            ambiguous.extend(group.before.iter().map(|&at| kind.before[at].id()));
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
            moved: None,
        };
        self.roster.store().note(&mut self.last, &entry);
        let silent = std::mem::replace(&mut self.silent, true);
        for &at in &group.before {
            self.removed(&kind.before[at])?;
        }
        for &at in &group.after {
            let id = self.added(kind.kind, &kind.after[at])?;
            numbers[at] = id.number().unwrap_or(NOBODY);
        }
        self.silent = silent;
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
pub(super) fn new_row_name(row: &AfterRow) -> String {
    format!("new/{}/{}", row.sheet, row.row)
}

pub(super) fn patterns_key(workbook: &str) -> keys::Key {
    keys::under(prefix::META, format!("patterns/{workbook}"))
}
