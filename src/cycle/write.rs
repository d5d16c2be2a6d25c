//! Writes what a poll came to: a held batch with its opt-outs, or every record with what belongs to
//! it, the tabs, and the order of rows.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use jiff::SignedDuration;

use super::accept::{Matched, Poll, Taken, Work, patterns_key};
use super::base::Base;
use super::fetch::{TabRead, Width};
use super::hold::{self, Held, HeldCounts};
use super::optout;
use super::staff;
use super::{Mode, given_cells};
use crate::core::change::Hold;
use crate::core::identity::{self, How};
use crate::core::record::{Kind, RecordId};
use crate::roster::{TabMeta, tab_key};
use crate::store::journal::{Entry, What};
use crate::store::keys::{self, prefix};
use crate::store::{Group, LastPoll, StoreError, last_poll_key};

/// Records beyond so many are written down as soon as they have settled.
pub(super) const MANY: usize = 500;

impl Poll<'_> {
    /// A batch that is held: the base stays, opt-outs act, and the managers are asked.
    pub(super) fn held(
        mut self,
        kinds: &[Matched],
        hold: &Hold,
        text: &str,
        standing: Option<&Held>,
    ) -> Result<Taken, StoreError> {
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
        self.plan = None; // what was prepared never happens
        if self.mode == Mode::DryRun {
            return Ok(Taken::without(self.report));
        }
        let mut group = Group::default();
        self.opt_outs_of_held(kinds, &mut group)?;
        let (held, step) = hold::standing(&self, hold, text, counts, standing)?;
        if standing != Some(&held) {
            group.put(hold::held_key(self.workbook), &held);
        }
        if step.new {
            self.report.newly_held = Some(held.id.clone());
            self.roster.store().note(
                &mut group,
                &Entry {
                    at: self.now,
                    record: None,
                    what: What::Held,
                    text: format!("held: {text}"),
                    stages: None,
                    moved: None,
                },
            );
        }
        if step.ask {
            hold::ask_managers(self.roster, &held, self.now, &mut group)?;
        }
        self.roster.store().commit(vec![group])?;
        Ok(Taken::without(self.report))
    }

    /// An opt-out inside a held poll acts all the same (SEMANTICS 10).
    pub(super) fn opt_outs_of_held(
        &mut self,
        kinds: &[Matched],
        group: &mut Group,
    ) -> Result<(), StoreError> {
        for kind in kinds.iter().filter(|kind| kind.kind == Kind::Customer) {
            for pair in kind
                .matching
                .pairs
                .iter()
                .filter(|pair| pair.how != How::Content)
            {
                let (before, after) = (&kind.before[pair.before], &kind.after[pair.after]);
                if let Some(cells) = &after.cells {
                    let id = before.id();
                    let stored = self.stored(&id)?;
                    optout::act(
                        self.roster,
                        self.workbook,
                        &id,
                        (Some(&stored.seen), optout::Untick::SaysNothing),
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
                if let Some(cells) = self.cells(&kind.after[at])? {
                    optout::act(
                        self.roster,
                        self.workbook,
                        &optout::nobody_yet(),
                        (None, optout::Untick::SaysNothing),
                        &cells,
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
                        (Some(&before.seen), optout::Untick::SaysNothing),
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
    pub(super) fn opt_outs_of_unclear(
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
            let id = before.map_or_else(optout::nobody_yet, |at| kind.before[at].id());
            if let Some(cells) = &kind.after[at].cells {
                optout::act(
                    self.roster,
                    self.workbook,
                    &id,
                    (None, optout::Untick::SaysNothing),
                    cells,
                    self.now,
                    group,
                )?;
            }
        }
        Ok(())
    }

    /// Writes everything: each record with what belongs to it, then the tabs and the order of rows.
    ///
    /// `next` is nothing where every row stayed as it was.
    pub(super) fn finish(
        mut self,
        base: &Base,
        next: Option<Base>,
        pending: &mut BTreeSet<RecordId>,
        waiting: BTreeSet<RecordId>,
        standing: Option<Held>,
    ) -> Result<Taken, StoreError> {
        if self.mode == Mode::DryRun {
            return Ok(Taken::without(self.report));
        }
        let store = self.roster.store().clone();
        self.keep_tabs()?;
        let mut last = std::mem::take(&mut self.last);
        if let Some(held) = standing {
            hold::close(self.roster, &held, self.now, &mut last)?;
        }
        let mut plan = self
            .plan
            .take()
            .unwrap_or_else(|| self.roster.store().plan());
        for (id, work) in std::mem::take(&mut self.work) {
            let pends = (waiting.contains(&id), pending.contains(&id));
            plan.add(self.beside(&id, work, pends)?)?;
        }
        if let Some(next) = &next {
            for group in next.write(&store, self.workbook, base) {
                plan.add(group)?;
            }
            for id in next.ambiguous.difference(&base.ambiguous) {
                last.put(keys::under(prefix::UNCLEAR, id.as_str()), &());
            }
            for id in base.ambiguous.difference(&next.ambiguous) {
                last.remove(keys::under(prefix::UNCLEAR, id.as_str()));
            }
        }
        self.keep_decided(&mut last);
        plan.add(last)?;
        let many = self.first_looks || self.worked_at >= MANY;
        let (roster, report) = (self.roster, self.report);
        if many {
            // A large commit needs the room.
            drop((self.reads, self.once, self.known));
            roster.forget_persons();
        }
        plan.commit()?;
        if many {
            roster.forget_persons(); // somebody may have asked before all of it was there
        }
        *pending = waiting;
        Ok(Taken { report, next })
    }

    /// A record with everything that belongs to it; `pends` says whether it waits to settle, and whether it did before.
    fn beside(&self, id: &RecordId, work: Work, pends: (bool, bool)) -> Result<Group, StoreError> {
        let store = self.roster.store();
        let mut group = work.group;
        let key = keys::under(prefix::PENDING, id.as_str());
        match pends {
            (true, false) => group.put(key, &self.workbook),
            (false, true) => group.remove(key),
            (true, true) | (false, false) => {}
        }
        if work.forget {
            store.forget_record(&mut group, id)?;
            group.remove(keys::under(prefix::TOMBSTONE, id.as_str()));
            return Ok(group);
        }
        let looked_up = self.looked_up.borrow_mut().remove(id);
        let before = match looked_up {
            Some(record) => Some(record),
            None if work.minted => None,
            None => store.record(id)?.map(Rc::new),
        };
        if before.as_deref() != Some(&work.record) {
            group.put_record(&work.record);
        }
        Ok(group)
    }

    /// Writes a record that has been settled out of memory, if many are worked at. It counts when the poll is accepted.
    pub(super) fn put_away(
        &mut self,
        id: &RecordId,
        waits: bool,
        waited: bool,
    ) -> Result<(), StoreError> {
        if self.mode != Mode::Real || self.worked_at < MANY {
            self.worked_at += 1;
            return Ok(());
        }
        let Some(work) = self.work.remove(id) else {
            return Ok(());
        };
        let group = self.beside(id, work, (waits, waited))?;
        let store = self.roster.store();
        self.plan.get_or_insert_with(|| store.plan()).add(group)
    }

    /// What was decided may be stopped for a minute, which begins when the sheet was read and not before.
    fn keep_decided(&self, last: &mut Group) {
        let messages = &self.report.messages;
        if messages.is_empty() {
            return;
        }
        let read_for =
            SignedDuration::from_secs(i64::try_from(self.began.elapsed().as_secs()).unwrap_or(0));
        let decided = LastPoll {
            at: self.now.saturating_add(read_for).unwrap_or(self.now),
            workbook: self.workbook.to_owned(),
            keys: messages.iter().map(|message| message.key.clone()).collect(),
        };
        last.put_packed(last_poll_key(self.workbook), &decided);
    }

    /// Keeps what is known of each tab if it changed, its edit in the journal, and the staff of staff tabs.
    pub(super) fn keep_tabs(&mut self) -> Result<(), StoreError> {
        let mut last = std::mem::take(&mut self.last);
        self.keep_unclear(&mut last)?;
        for (read, tab) in self.reads.iter().zip(&self.report.tabs) {
            let before = self.metas.get(&read.plan.sheet);
            let Some(meta) = tab_meta(read, before, self.now) else {
                continue;
            };
            if before != Some(&meta) {
                last.put(tab_key(self.workbook, read.plan.sheet), &meta);
            }
            if tab.edit != "none" {
                self.keep_edit(read.plan.sheet, &tab.verdict, &mut last)?;
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
                        moved: None,
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
        if self.patterns != patterns {
            last.put(patterns_key(self.workbook), &patterns);
        }
        self.last = last;
        Ok(())
    }
}

/// What is kept of a tab that was read; nothing without its header. `now` is the time of a first look.
pub(super) fn tab_meta(
    read: &TabRead,
    before: Option<&TabMeta>,
    now: jiff::Timestamp,
) -> Option<TabMeta> {
    let header = read.header.as_ref().ok()?;
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
    // The header in its whole width is as it was where less of the tab was read.
    let known = before.filter(|_| read.plan.width != Width::Whole);
    Some(TabMeta {
        title: read.plan.title.clone(),
        sheet: read.plan.sheet,
        kind: read.plan.kind(),
        bound,
        header_row: u32::try_from(header.row + 1).unwrap_or(u32::MAX),
        baseline_at: before.map_or(now, |before| before.baseline_at),
        rows: read.records_filled,
        errors: read.errors.clone(),
        width: known.map_or(read.columns, |before| before.width),
        head: known.map_or(read.head, |before| before.head),
    })
}
