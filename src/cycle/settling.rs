//! From changes to events, and from events to what rules make of them.

use std::collections::BTreeSet;
use std::sync::{Arc, mpsc};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value as Json;

use super::accept::Poll;
use super::base;
use super::claims;
use super::propose;
use super::report::{ProblemReport, Settling};
use super::write::MANY;
use crate::core::change::field_changes;
use crate::core::decide::{self, Decision, Event, dated_fields, timers_for};
use crate::core::identity::{FieldInfo, changed_fields};
use crate::core::message::{Message, Recipient};
use crate::core::record::{Kind, Noted, Place, Record, RecordId};
use crate::core::rule::Span;
use crate::core::settle::{Outcome, Times, is_open, number, own_rules, settle as judge};
use crate::core::sheet::{Typed, Value};
use crate::roster::{Deciding, Roster};
use crate::store::journal::{Entry, Moved, What};
use crate::store::keys::{self, prefix};
use crate::store::ledger;
use crate::store::{Group, StoreError};

/// Settles what has been quiet for long enough. Returns the records that still wait.
pub(super) fn settle(
    poll: &mut Poll<'_>,
    pending: &BTreeSet<RecordId>,
) -> Result<BTreeSet<RecordId>, StoreError> {
    let touched = poll
        .work
        .iter()
        .filter(|(_, work)| is_open(&work.record))
        .map(|(id, _)| id.clone());
    let ids: BTreeSet<RecordId> = pending.iter().cloned().chain(touched).collect();
    let ids = newest_first(poll, ids)?;
    let mut waiting = BTreeSet::new();
    let mut settle = |poll: &mut Poll<'_>, id: &RecordId| -> Result<(), StoreError> {
        let waits = settle_one(poll, id)?;
        // Of thousands that settle at once only what was decided stays in memory.
        poll.put_away(id, waits, pending.contains(id))?;
        if waits {
            waiting.insert(id.clone());
        }
        Ok(())
    };
    if ids.len() < MANY {
        ids.iter().try_for_each(|id| settle(poll, id))?;
        return Ok(waiting);
    }
    let batches = || ids.chunks(READ_AHEAD);
    let unread: Vec<Vec<&RecordId>> = batches()
        .map(|ids| {
            let unread = ids.iter().filter(|id| !poll.work.contains_key(id));
            unread.collect()
        })
        .collect();
    let (roster, now) = (poll.roster, poll.now);
    std::thread::scope(|threads| -> Result<(), StoreError> {
        let (read, ahead) = mpsc::sync_channel(1);
        threads.spawn(move || {
            for ids in unread {
                let batch: Result<Vec<_>, _> = ids
                    .into_iter()
                    .map(|id| read_ahead(roster, id, now))
                    .collect();
                if read.send(batch).is_err() {
                    break; // it was given up
                }
            }
        });
        for ids in batches() {
            let mut batch = ahead
                .recv()
                .unwrap_or(Ok(Vec::new()))?
                .into_iter()
                .peekable();
            for id in ids {
                if let Some((record, typed)) = batch.next_if(|(record, _)| record.id == *id) {
                    if let Some(typed) = typed {
                        roster.keep_typed(&record, typed)?;
                    }
                    poll.known_ahead(id, record);
                }
                settle(poll, id)?;
            }
        }
        Ok(())
    })?;
    Ok(waiting)
}

/// So many records are read while as many before them are settled.
const READ_AHEAD: usize = 32;

/// A record that waits to settle, and what its cells mean if it may settle now: what takes a third of the time, and needs
/// nothing of what is decided meanwhile.
fn read_ahead(
    roster: &Roster,
    id: &RecordId,
    now: Timestamp,
) -> Result<(Record, Option<Arc<Typed>>), StoreError> {
    let record = base::known(roster.store(), id)?;
    let config = roster.config();
    let own = own_rules(&config.rules, &record, config.settle.after);
    let infos = roster.infos(record.kind);
    let waits = record.gone.is_some()
        || own.is_empty() && typed_just_now(roster, now, &record, &infos).is_some();
    let typed = match waits {
        true => None,
        false => Some(roster.typed_anew(record.kind, &record.place.workbook, &record.seen)?),
    };
    Ok((record, typed))
}

/// What a record is dated by.
#[derive(Deserialize)]
struct Dated {
    first_seen: Timestamp,
    place: Place,
}

/// Where two rows are one person's, the newest one speaks (SEMANTICS 23).
fn newest_first(poll: &mut Poll<'_>, ids: BTreeSet<RecordId>) -> Result<Vec<RecordId>, StoreError> {
    let mut dated = Vec::new();
    for id in ids {
        let known = match poll.work.get(&id) {
            Some(_) => None,
            None => poll.roster.store().get::<Dated>(&keys::record(&id))?,
        };
        match known {
            Some(known) => dated.push((known.first_seen, known.place.row, id)),
            None => {
                let record = &poll.working(&id)?.record;
                dated.push((record.first_seen, record.place.row, id));
            }
        }
    }
    dated.sort_unstable_by(|one, other| other.cmp(one));
    Ok(dated.into_iter().map(|(_, _, id)| id).collect())
}

/// A record that waits to settle, as it stands in the sheet.
struct Sight {
    typed: Arc<Typed>,
    infos: Vec<FieldInfo>,
    /// The required fields that it lacks.
    missing: Vec<String>,
    /// What had settled before this poll.
    before: Noted,
}

/// For whom a change settles.
enum Eyes<'a> {
    /// Every rule, clocks and journal.
    All,
    /// The same without the rules that have a settle time of their own.
    AllBut(&'a [(&'a str, Span)]),
    /// One rule with a settle time of its own.
    Rule(&'a str),
}

impl Eyes<'_> {
    fn see(&self, rule: &str) -> bool {
        match self {
            Self::All => true,
            Self::AllBut(own) => own.iter().all(|(other, _)| *other != rule),
            Self::Rule(only) => *only == rule,
        }
    }
}

/// Settles one record; whether it still waits.
fn settle_one(poll: &mut Poll<'_>, id: &RecordId) -> Result<bool, StoreError> {
    let (roster, silent) = (poll.roster, poll.silent);
    let config = roster.config();
    let record = poll.working(id)?.record.clone();
    if !is_open(&record) {
        return Ok(false);
    }
    if silent {
        settle_silently(poll, id)?;
        return Ok(false);
    }
    if record.ambiguous_since.is_some() {
        return Ok(true); // it keeps its base until it is clear
    }
    if record.gone.is_some() {
        return settle_gone(poll, id, &record);
    }
    let own = own_rules(&config.rules, &record, config.settle.after);
    let infos = roster.infos(record.kind);
    if own.is_empty()
        && let Some(until) = typed_just_now(roster, poll.now, &record, &infos)
    {
        let until = poll.local(until);
        poll.report.settling.push(Settling {
            record: id.clone(),
            until,
        });
        return Ok(true);
    }
    let typed = roster.typed(record.kind, &record.place.workbook, &record.seen)?;
    let sight = Sight {
        missing: roster.missing_fields(record.kind, &typed),
        infos,
        typed,
        before: record.noted(),
    };
    let mut waits = vec![settle_for_all(poll, id, &own, &sight)?];
    for (rule, after) in &own {
        waits.push(settle_for_rule(poll, id, rule, *after, &sight)?);
    }
    let work = poll.working(id)?;
    let as_all = work.record.noted();
    let known = |rule: &str| own.iter().any(|(other, _)| *other == rule);
    work.record
        .own
        .retain(|rule, noted| known(rule) && *noted != as_all);
    let open = is_open(&work.record);
    if !open {
        work.record.stage_seen = None;
    }
    if let Some(until) = waits.into_iter().flatten().min() {
        let until = poll.local(until);
        poll.report.settling.push(Settling {
            record: id.clone(),
            until,
        });
    }
    Ok(open)
}

/// Until when a row waits that was not quiet for long enough whatever stands in it: its cells need no reading.
fn typed_just_now(
    roster: &Roster,
    now: Timestamp,
    record: &Record,
    infos: &[FieldInfo],
) -> Option<Timestamp> {
    let undone = record
        .settled
        .as_ref()
        .is_some_and(|settled| changed_fields(settled, &record.seen, infos).is_empty());
    let times = times(roster, roster.config().settle.after);
    match judge(record, now, &times, undone, true) {
        Outcome::Wait(until) if record.own.is_empty() => Some(until),
        _ => None,
    }
}

/// The settle times, with another one for a row that must have been quiet.
fn times(roster: &Roster, after: Span) -> Times {
    let settle = &roster.config().settle;
    Times {
        after,
        removed: settle.removed,
        incomplete: settle.incomplete,
    }
}

/// A row that is missing: cut, and perhaps about to be pasted.
fn settle_gone(poll: &mut Poll<'_>, id: &RecordId, record: &Record) -> Result<bool, StoreError> {
    let times = times(poll.roster, poll.roster.config().settle.after);
    match judge(record, poll.now, &times, false, true) {
        Outcome::Wait(until) => {
            let until = poll.local(until);
            poll.report.settling.push(Settling {
                record: id.clone(),
                until,
            });
            return Ok(true);
        }
        Outcome::NeverWas => poll.working(id)?.forget = true,
        Outcome::Removed => {
            let numbered = poll.numbered;
            let work = poll.working(id)?;
            work.record.removed = true;
            // If only a rule quicker than the rest had seen it, it never counted for the rest.
            if work.record.settled.is_some() {
                // What had not settled when it went is not made up for (SEMANTICS 8).
                work.record.own.clear();
                work.record.stage_seen = None;
                number(&mut work.record, false, numbered);
                let view = work.record.clone();
                happen(poll, id, &view, &Event::Removed, &Eyes::All)?;
            }
        }
        // None of these is said of a row that is gone.
        Outcome::Undone | Outcome::Incomplete { .. } | Outcome::Added | Outcome::Changed { .. } => {
        }
    }
    Ok(false)
}

/// Settles a record for the rules without a time of their own, and for its clocks. Until when it waits, if it does.
fn settle_for_all(
    poll: &mut Poll<'_>,
    id: &RecordId,
    own: &[(&str, Span)],
    sight: &Sight,
) -> Result<Option<Timestamp>, StoreError> {
    let (roster, now) = (poll.roster, poll.now);
    let record = poll.working(id)?.record.clone();
    if record.settled.as_ref() == Some(&record.seen) {
        return Ok(None);
    }
    let times = times(roster, roster.config().settle.after);
    let same = is_same(&record.noted(), &record, sight);
    let event = match judge(&record, now, &times, same, sight.missing.is_empty()) {
        Outcome::Wait(until) => return Ok(Some(until)),
        Outcome::Incomplete { report } => {
            if report {
                report_incomplete(poll, &record, &sight.typed, &sight.missing);
            }
            return Ok(None);
        }
        Outcome::Undone => {
            poll.working(id)?.record.settled = Some(record.seen);
            return Ok(None);
        }
        Outcome::NeverWas | Outcome::Removed => return Ok(None), // not said of a row that is there
        Outcome::Added => first_event(poll, id, &sight.typed)?,
        Outcome::Changed { before } => Event::Changed {
            changes: field_changes(&before, &record.seen, &sight.infos),
            left: None,
        },
    };
    let first = record.settled.is_none();
    let numbered = poll.numbered;
    let work = poll.working(id)?;
    let record = &mut work.record;
    let (view, event) = enter(record, numbered, &sight.before, &sight.typed, event);
    record.settled = Some(record.seen.clone());
    record.pending_since = None;
    if !only_the_owner(&event) {
        record.active_at = record.active_at.max(record.changed_at);
    }
    if view.stage != record.stage {
        record.stage.clone_from(&view.stage);
        record.stage_event = view.stage_event;
        record.stage_since = view.stage_since;
        record.stage_after = view.stage_after;
        if let Some(since) = roster
            .since_column(record.kind, &sight.typed, now)
            .filter(|_| first)
        {
            // The sheet's own word for a row that came in with its stage.
            record.stage_since = Some(since);
            record.stage_after = None;
        }
    }
    let view = Record {
        events: view.events,
        ..record.clone()
    };
    happen(poll, id, &view, &event, &Eyes::AllBut(own))?;
    Ok(None)
}

/// A change of owner moves what is open and tells the new owner; nobody has been at the customer, so the
/// idle clock goes on (SEMANTICS 12).
fn only_the_owner(event: &Event) -> bool {
    match event {
        Event::Changed { changes, .. } => {
            !changes.is_empty() && changes.iter().all(|change| change.field == "owner")
        }
        Event::Added | Event::Removed | Event::Returned { .. } => false,
    }
}

/// Settles a record for one rule with a time of its own, after the others. Until when it waits, if it does.
fn settle_for_rule(
    poll: &mut Poll<'_>,
    id: &RecordId,
    rule: &str,
    after: Span,
    sight: &Sight,
) -> Result<Option<Timestamp>, StoreError> {
    let times = times(poll.roster, after);
    let record = poll.working(id)?.record.clone();
    let mut noted = record
        .own
        .get(rule)
        .cloned()
        .unwrap_or_else(|| sight.before.clone());
    let same = is_same(&noted, &record, sight);
    let mut until = None;
    let mut event = None;
    if noted.settled.as_ref() != Some(&record.seen) {
        let complete = sight.missing.is_empty();
        match judge(&record.with(&noted), poll.now, &times, same, complete) {
            Outcome::Wait(at) => until = Some(at),
            Outcome::Undone => noted.settled = Some(record.seen.clone()),
            // The rules without a time of their own say so; the rest is not said of a row that is there.
            Outcome::Incomplete { .. } | Outcome::NeverWas | Outcome::Removed => {}
            Outcome::Added => event = Some(first_event(poll, id, &sight.typed)?),
            Outcome::Changed { before } => {
                event = Some(Event::Changed {
                    changes: field_changes(&before, &record.seen, &sight.infos),
                    left: None,
                });
            }
        }
    }
    let numbered = poll.numbered;
    let work = poll.working(id)?;
    let Some(event) = event else {
        work.record.own.insert(rule.to_owned(), noted);
        return Ok(until);
    };
    let (mut view, event) = enter(&mut work.record, numbered, &noted, &sight.typed, event);
    view.settled = Some(view.seen.clone());
    work.record.own.insert(rule.to_owned(), view.noted());
    happen(poll, id, &view, &event, &Eyes::Rule(rule))?;
    Ok(None)
}

/// Whether what had settled for somebody is what is seen, but for noise.
fn is_same(noted: &Noted, record: &Record, sight: &Sight) -> bool {
    noted
        .settled
        .as_ref()
        .is_some_and(|settled| changed_fields(settled, &record.seen, &sight.infos).is_empty())
}

/// A row that counts for the first time: a new customer, or one who is known although no record told of them.
fn first_event(poll: &mut Poll<'_>, id: &RecordId, typed: &Typed) -> Result<Event, StoreError> {
    let (roster, now) = (poll.roster, poll.now);
    let record = poll.working(id)?.record.clone();
    let mut group = Group::default();
    let gone = match record.known_before {
        Some(gone) => Some(gone),
        // A row that the quickest rule took for a new customer is one for all.
        None if record.own.values().any(|noted| noted.settled.is_some()) => None,
        None if record.kind == Kind::Customer => {
            poll.known.went(roster, &record, typed, &mut group)?
        }
        None => None,
    };
    let work = poll.working(id)?;
    work.record.known_before = gone;
    work.group.join(group);
    Ok(gone.map_or(Event::Added, |gone| Event::Returned {
        away: now.duration_since(gone),
    }))
}

/// Numbers an event. Returns the record as whoever had `noted` sees it with the event, and the event with the stage it left.
///
/// A stage whose cell was not typed (the configuration has a new word for it) is taken over without
/// being entered (SEMANTICS 3). An empty or unknown stage keeps the last known one (SEMANTICS 26).
fn enter(
    record: &mut Record,
    numbered: u64,
    noted: &Noted,
    typed: &Typed,
    event: Event,
) -> (Record, Event) {
    let stage = typed
        .stage()
        .filter(|stage| noted.stage.as_deref() != Some(*stage));
    let was_typed = match &event {
        Event::Changed { changes, .. } => changes.iter().any(|change| change.field == "stage"),
        Event::Added | Event::Returned { .. } | Event::Removed => true,
    };
    let number = number(record, stage.is_some() && was_typed, numbered);
    let mut view = record.with(noted);
    view.events = number;
    let Some(stage) = stage else {
        return (view, event);
    };
    let left = view.stage.replace(stage.to_owned());
    if !was_typed {
        view.stage_since = None;
        view.stage_after = None;
        return (view, event);
    }
    view.stage_event = number;
    view.stage_since = Some(record.stage_seen.map_or(record.changed_at, |seen| seen.by));
    view.stage_after = record.stage_seen.and_then(|seen| seen.after);
    match event {
        Event::Changed { changes, .. } => (view, Event::Changed { changes, left }),
        Event::Added | Event::Returned { .. } | Event::Removed => (view, event),
    }
}

/// A batch that a manager dropped is the base as it is: what waited to settle in it counts without an event. So is
/// the first look after a restore.
pub(super) fn settle_silently(poll: &mut Poll<'_>, id: &RecordId) -> Result<(), StoreError> {
    let (roster, now, in_gap) = (poll.roster, poll.now, poll.gap.is_some());
    let work = poll.working(id)?;
    if work.record.gone.is_some() {
        work.record.removed = true;
        if in_gap {
            // It comes back without events: they may have been told before the restore.
            work.record.gone = Some(now);
        } else {
            work.forget = work.record.settled.is_none();
        }
        return Ok(());
    }
    let mut record = work.record.clone();
    record.baseline |= record.settled.is_none();
    record.settled = Some(record.seen.clone());
    record.ambiguous_since = None;
    record.own.clear();
    record.stage_seen = None;
    let mut group = Group::default();
    baseline(roster, &poll.deciding, &mut record, now, &mut group)?;
    let work = poll.working(id)?;
    work.record = record;
    work.group.join(group);
    Ok(())
}

fn report_incomplete(poll: &mut Poll<'_>, record: &Record, typed: &Typed, missing: &[String]) {
    let require = &poll.roster.config().require;
    let lacking = require
        .all
        .iter()
        .chain(&require.any)
        .find(|field| !typed.values.contains_key(*field));
    let field = lacking.cloned().unwrap_or_default();
    let cell = poll.cell_name(record.place.sheet, &field, record.place.row);
    let tab = poll
        .metas
        .get(&record.place.sheet)
        .map(|meta| meta.title.clone())
        .unwrap_or_default();
    poll.report.problem(ProblemReport {
        tab,
        cell,
        field,
        value: String::new(),
        why: format!(
            "the row is incomplete: {} is missing, so nothing is sent for it",
            missing.join(" and ")
        ),
    });
}

/// A row of the first look: settled as it is, with the clocks as far as the sheet tells them.
pub(super) fn baseline(
    roster: &Roster,
    deciding: &Deciding,
    record: &mut Record,
    now: Timestamp,
    group: &mut Group,
) -> Result<(), StoreError> {
    roster.take_stage_over(record, now)?;
    let dated = dated_fields(&roster.config().rules).any(|field| record.seen.contains_key(field));
    let facts = if dated {
        roster.facts_of(record, &record.seen, &Json::Null, now)?
    } else {
        Json::Null // idle times need none
    };
    let cx = deciding.context(
        roster,
        Some((&record.place.workbook, record.place.sheet)),
        now,
    );
    let timers = if dated {
        timers_for(&cx, record, &facts)
    } else {
        deciding.idle_timers(&cx, record)
    };
    for timer in timers {
        group.put(keys::timed(prefix::TIMER, timer.due, timer.name()), &timer);
    }
    Ok(())
}

/// A record that had been removed is there again.
pub(super) fn came_back(
    poll: &mut Poll<'_>,
    id: &RecordId,
    away: SignedDuration,
) -> Result<(), StoreError> {
    let numbered = poll.numbered;
    let work = poll.working(id)?;
    number(&mut work.record, false, numbered);
    let view = work.record.clone();
    happen(poll, id, &view, &Event::Returned { away }, &Eyes::All)
}

/// Asks the rules about an event and puts what follows beside the record. `record` is as those see it for whom
/// the event has settled.
fn happen(
    poll: &mut Poll<'_>,
    id: &RecordId,
    record: &Record,
    event: &Event,
    eyes: &Eyes<'_>,
) -> Result<(), StoreError> {
    let (roster, now) = (poll.roster, poll.now);
    let settled = record
        .settled
        .clone()
        .unwrap_or_else(|| record.seen.clone());
    let facts = roster.facts_of(record, &settled, &Json::Null, now)?;
    let mut decision = {
        let place = Some((record.place.workbook.as_str(), record.place.sheet));
        let cx = poll.deciding.context(roster, place, now);
        decide::on_event(&cx, record, event, &facts)
    };
    decision.messages.retain(|message| eyes.see(&message.rule));
    decision.timers.retain(|timer| eyes.see(&timer.rule));
    decision.considered.retain(|(rule, _)| eyes.see(rule));
    let mut group = Group::default();
    if !matches!(eyes, Eyes::Rule(_)) {
        journal(roster, record, event, now, &mut group)?;
        if record.kind == Kind::Customer {
            poll.report.events.push((id.clone(), name_of(event)));
        }
    }
    keep(poll, record, &decision, &mut group)?;
    if !matches!(eyes, Eyes::Rule(_)) {
        claims::look(poll, record, event, &mut group)?;
        propose::look(poll, record, event, &facts, &mut group)?;
    }
    let work = poll.working(id)?;
    let open = &mut work.record.open_rules;
    open.retain(|rule, _| !eyes.see(rule));
    open.extend(
        decision
            .open_rules
            .into_iter()
            .filter(|(rule, _)| eyes.see(rule)),
    );
    work.group.join(group);
    Ok(())
}

/// Writes decided messages and timers, each message once.
fn keep(
    poll: &mut Poll<'_>,
    record: &Record,
    decision: &Decision,
    group: &mut Group,
) -> Result<(), StoreError> {
    let roster = poll.roster;
    for message in &decision.messages {
        if let Some(why) = poll
            .once
            .refuses(roster, record, message, poll.now, group)?
        {
            let text = format!("{}: nothing is sent: {why}", message.rule);
            let entry = Entry::of_rule(poll.now, Some(record.id.clone()), text);
            roster.store().note(group, &entry);
            continue;
        }
        if ledger::queue(roster.store(), group, message)? {
            let to = shown_recipient(roster, record, message)?;
            let zone = &roster.config().calendar.zone;
            poll.report.decided(message, to, zone);
        }
    }
    for timer in &decision.timers {
        group.put(keys::timed(prefix::TIMER, timer.due, timer.name()), timer);
    }
    for (rule, why) in &decision.considered {
        let entry = Entry::of_rule(poll.now, Some(record.id.clone()), format!("{rule}: {why}"));
        roster.store().note(group, &entry);
    }
    Ok(())
}

/// To whom a message would go now: a masked address, or a colleague's name.
fn shown_recipient(
    roster: &Roster,
    record: &Record,
    message: &Message,
) -> Result<String, StoreError> {
    let typed = roster.typed(record.kind, &record.place.workbook, &record.seen)?;
    Ok(match &message.to {
        Recipient::Customer => match typed.values.get("email") {
            Some(Value::Email(emails)) => {
                emails.first().map(ToString::to_string).unwrap_or_default()
            }
            _ => "no address".into(),
        },
        Recipient::Owner(n) => match typed.values.contains_key("owner") {
            true => {
                let names = roster.owners_in(&record.id, &typed)?;
                names.get(usize::from(*n)).cloned().unwrap_or_default()
            }
            false => "owner".into(),
        },
        Recipient::Staff(name) => name.clone(),
        Recipient::Alerts => "[alerts] email".into(),
    })
}

fn name_of(event: &Event) -> &'static str {
    match event {
        Event::Added => "added",
        Event::Changed { .. } => "changed",
        Event::Removed => "removed",
        Event::Returned { .. } => "returned",
    }
}

fn journal(
    roster: &Roster,
    record: &Record,
    event: &Event,
    now: Timestamp,
    group: &mut Group,
) -> Result<(), StoreError> {
    let what = match event {
        Event::Added => What::Added,
        Event::Changed { .. } => What::Changed,
        Event::Removed => What::Removed,
        Event::Returned { .. } => What::Returned,
    };
    let (text, stages) = match event {
        Event::Changed { changes, left } => {
            let fields: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
            let entered = record
                .stage
                .clone()
                .filter(|_| record.stage_event == record.events);
            (
                format!("changed: {}", fields.join(", ")),
                entered.map(|stage| (left.clone(), stage)),
            )
        }
        Event::Added => (
            "added".into(),
            record.stage.clone().map(|stage| (None, stage)),
        ),
        Event::Removed => ("removed".into(), None),
        Event::Returned { away } => (format!("returned after {} h", away.as_hours()), None),
    };
    let entry = Entry {
        at: now,
        record: Some(record.id.clone()),
        what,
        text,
        moved: match &stages {
            Some((left, _)) => Some(moved(roster, record, left.as_deref())?),
            None => None,
        },
        stages,
    };
    roster.store().note(group, &entry);
    Ok(())
}

/// What figures need to know of the move into the stage in which a record is now.
fn moved(roster: &Roster, record: &Record, left: Option<&str>) -> Result<Moved, StoreError> {
    // The store still has the record as it was before this poll.
    let before = match left {
        Some(_) => roster.store().record(&record.id)?,
        None => None,
    };
    let (workbook, cells) = (&record.place.workbook, &record.seen);
    let typed = roster.typed_of(record.kind, workbook, cells, |id| id == "owner")?;
    Ok(Moved {
        at: record.stage_since.unwrap_or(record.changed_at),
        since: before
            .filter(|before| before.stage.as_deref() == left)
            .and_then(|before| before.stage_since),
        owner: roster.owners_in(&record.id, &typed)?.into_iter().next(),
    })
}
