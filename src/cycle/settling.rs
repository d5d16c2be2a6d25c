//! From changes to events, and from events to what rules make of them.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use super::accept::Poll;
use super::report::{MessageReport, ProblemReport, Settling};
use crate::core::change::field_changes;
use crate::core::decide::{self, Decision, Event, timers_for};
use crate::core::identity::changed_fields;
use crate::core::message::{Message, Recipient};
use crate::core::record::{Kind, Record, RecordId};
use crate::core::settle::{Outcome, Times, settle as judge};
use crate::core::sheet::{Typed, Value};
use crate::roster::{Deciding, Roster};
use crate::store::journal::{Entry, What};
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
    let mut waiting = BTreeSet::new();
    for id in newest_first(poll, ids)? {
        if settle_one(poll, &id)? {
            waiting.insert(id);
        }
    }
    Ok(waiting)
}

/// Where two rows are one person's, the newest one speaks (SEMANTICS 23).
fn newest_first(poll: &mut Poll<'_>, ids: BTreeSet<RecordId>) -> Result<Vec<RecordId>, StoreError> {
    let mut dated = Vec::new();
    for id in ids {
        let record = &poll.working(&id)?.record;
        dated.push((record.first_seen, record.place.row, id));
    }
    dated.sort_unstable_by(|one, other| other.cmp(one));
    Ok(dated.into_iter().map(|(_, _, id)| id).collect())
}

/// Whether anything of a record waits to settle.
fn is_open(record: &Record) -> bool {
    match record.gone {
        Some(_) => !record.removed,
        None => record.settled.as_ref() != Some(&record.seen),
    }
}

/// Settles one record; whether it still waits.
fn settle_one(poll: &mut Poll<'_>, id: &RecordId) -> Result<bool, StoreError> {
    let (roster, now, silent) = (poll.roster, poll.now, poll.silent);
    let config = roster.config();
    let times = Times {
        after: config.settle.after,
        removed: config.settle.removed,
        incomplete: config.settle.incomplete,
    };
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
    let infos = roster.infos(record.kind);
    let same = record
        .settled
        .as_ref()
        .is_some_and(|settled| changed_fields(settled, &record.seen, &infos).is_empty());
    let typed = roster.typed(record.kind, &record.place.workbook, &record.seen)?;
    let missing = missing_fields(roster, &record, &typed);
    match judge(&record, now, &times, same, missing.is_empty()) {
        Outcome::Wait(until) => {
            let until = poll.local(until);
            poll.report.settling.push(Settling {
                record: id.clone(),
                until,
            });
            return Ok(true);
        }
        Outcome::Incomplete { report } => {
            if report {
                report_incomplete(poll, &record, &typed, &missing);
            }
            return Ok(true);
        }
        Outcome::Undone => poll.working(id)?.record.settled = Some(record.seen),
        Outcome::NeverWas => poll.working(id)?.forget = true,
        Outcome::Added => {
            enter(&mut poll.working(id)?.record, &typed, now, true);
            happen(poll, id, &Event::Added)?;
        }
        Outcome::Changed { before } => {
            let changes = field_changes(&before, &record.seen, &infos);
            let work = poll.working(id)?;
            let stage_typed = changes.iter().any(|change| change.field == "stage");
            let left = enter(&mut work.record, &typed, now, stage_typed);
            happen(poll, id, &Event::Changed { changes, left })?;
        }
        Outcome::Removed => {
            let record = &mut poll.working(id)?.record;
            record.removed = true;
            record.events += 1;
            happen(poll, id, &Event::Removed)?;
        }
    }
    Ok(false)
}

/// A batch that a manager dropped is the base as it is: what waited to settle in it counts without an event.
fn settle_silently(poll: &mut Poll<'_>, id: &RecordId) -> Result<(), StoreError> {
    let (roster, now) = (poll.roster, poll.now);
    let work = poll.working(id)?;
    if work.record.gone.is_some() {
        work.record.removed = true;
        work.forget = work.record.settled.is_none();
        return Ok(());
    }
    let mut record = work.record.clone();
    record.baseline |= record.settled.is_none();
    record.settled = Some(record.seen.clone());
    record.ambiguous_since = None;
    let mut group = Group::default();
    baseline(roster, &poll.deciding, &mut record, now, &mut group)?;
    let work = poll.working(id)?;
    work.record = record;
    work.group.join(group);
    Ok(())
}

/// Makes an event of a record: its settled cells, its number, its clocks. Returns the stage it left, if it did.
///
/// A stage whose cell was not typed (the configuration has a new word for it) is taken over without
/// being entered (SEMANTICS 3).
fn enter(record: &mut Record, typed: &Typed, now: Timestamp, stage_typed: bool) -> Option<String> {
    record.settled = Some(record.seen.clone());
    record.pending_since = None;
    record.events += 1;
    record.active_at = now;
    let stage = typed.stage()?;
    // An empty or unknown stage keeps the last known one (SEMANTICS 26).
    if record.stage.as_deref() == Some(stage) {
        return None;
    }
    if !stage_typed {
        record.stage = Some(stage.to_owned());
        record.stage_since = None;
        return None;
    }
    record.stage_since = Some(now);
    record.stage_event = record.events;
    record.stage.replace(stage.to_owned())
}

/// The required fields that a customer row lacks; an appointment needs none.
fn missing_fields(roster: &Roster, record: &Record, typed: &Typed) -> Vec<String> {
    if record.kind != Kind::Customer {
        return Vec::new();
    }
    let require = &roster.config().require;
    let has = |field: &String| typed.values.contains_key(field);
    let mut missing: Vec<String> = require
        .all
        .iter()
        .filter(|field| !has(field))
        .cloned()
        .collect();
    if !require.any.is_empty() && !require.any.iter().any(has) {
        missing.push(require.any.join(" or "));
    }
    missing
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
    let facts = roster.facts(record, &Json::Null, now)?;
    let cx = deciding.context(
        roster,
        Some((&record.place.workbook, record.place.sheet)),
        now,
    );
    for timer in timers_for(&cx, record, &facts) {
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
    poll.working(id)?.record.events += 1;
    happen(poll, id, &Event::Returned { away })
}

/// Asks the rules about an event and puts what follows beside the record.
fn happen(poll: &mut Poll<'_>, id: &RecordId, event: &Event) -> Result<(), StoreError> {
    let (roster, now) = (poll.roster, poll.now);
    let record = poll.working(id)?.record.clone();
    let settled = record
        .settled
        .clone()
        .unwrap_or_else(|| record.seen.clone());
    let facts = roster.facts_of(&record, &settled, &Json::Null, now)?;
    let decision = {
        let place = Some((record.place.workbook.as_str(), record.place.sheet));
        let cx = poll.deciding.context(roster, place, now);
        decide::on_event(&cx, &record, event, &facts)
    };
    let mut group = Group::default();
    journal(roster, &record, event, now, &mut group);
    if record.kind == Kind::Customer {
        poll.report.events.push((id.clone(), name_of(event)));
    }
    keep(poll, &record, &decision, &mut group)?;
    let work = poll.working(id)?;
    work.record.open_rules = decision.open_rules;
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
            poll.report
                .considered
                .push((record.id.clone(), message.rule.clone(), why.into()));
            continue;
        }
        if ledger::queue(roster.store(), group, message)? {
            let to = shown_recipient(roster, record, message)?;
            let shown = MessageReport::new(message, to, &roster.config().calendar.zone);
            poll.report.messages.push(shown);
            poll.decided.push(message.key.clone());
        }
    }
    for timer in &decision.timers {
        group.put(keys::timed(prefix::TIMER, timer.due, timer.name()), timer);
    }
    for (rule, why) in &decision.considered {
        poll.report
            .considered
            .push((record.id.clone(), rule.clone(), why.clone()));
        let entry = Entry {
            at: poll.now,
            record: Some(record.id.clone()),
            what: What::Rule,
            text: format!("{rule}: {why}"),
            stages: None,
        };
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
        Recipient::Owner(n) => match typed.values.get("owner") {
            Some(Value::Owner(names)) => names.get(usize::from(*n)).cloned().unwrap_or_default(),
            _ => "owner".into(),
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

fn journal(roster: &Roster, record: &Record, event: &Event, now: Timestamp, group: &mut Group) {
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
        stages,
    };
    roster.store().note(group, &entry);
}
