//! Due timers: idle reminders, dates, escalations, series and schedules. Looks at a record when its
//! time has come, decides, commits. Never walks all rows, but when a rule is new.

mod sweep;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::core::decide::{
    self, Decision, Timer, TimerKind, own_timer, schedule_timer, timers_for,
};
use crate::core::message::Message;
use crate::core::record::{Record, RecordId};
use crate::core::rule::{Audience, Step, Trigger};
use crate::roster::{Once, Roster};
use crate::store::journal::Entry;
use crate::store::keys::{self, prefix};
use crate::store::{Group, StoreError, gap, ledger};

pub use sweep::{Swept, Tidied, sweep, tidy};

/// So many timers are looked at in one go.
const AT_ONCE: usize = 200;

/// What due timers came to, for logs and for the demo.
#[derive(Clone, Debug, Default)]
pub struct Rang {
    /// The messages that were decided.
    pub messages: Vec<Message>,
}

/// Looks at what is due.
///
/// # Errors
/// The disk.
pub fn ring(roster: &Roster, now: Timestamp) -> Result<Rang, StoreError> {
    let store = roster.store();
    let _alone = store.alone();
    let due: Vec<(keys::Key, Timer)> = store.due(prefix::TIMER, now, AT_ONCE)?;
    let mut rang = Rang::default();
    if due.is_empty() {
        return Ok(rang);
    }
    let deciding = roster.deciding()?;
    let gap = store.gap()?;
    let mut once = Once::default();
    let mut groups = Vec::new();
    for (key, timer) in due {
        // Due while nobody knows what was sent: what it decides is in doubt.
        let doubtful = gap.is_some_and(|gap| timer.due <= gap.to);
        let record: Option<Record> = match &timer.record {
            Some(id) => store.record(id)?,
            None => None,
        };
        // A rule with a settle time of its own goes by what has settled for it.
        let record = record.map(|record| record.for_rule(&timer.rule).into_owned());
        let place = record
            .as_ref()
            .map(|record| (record.place.workbook.as_str(), record.place.sheet));
        let cx = deciding.context(roster, place, now);
        let facts = match &record {
            Some(record) => {
                let settled = record.settled.as_ref().unwrap_or(&record.seen);
                roster.facts_of(record, settled, &Value::Null, now)?
            }
            None => roster.facts_without_record(&Value::Null, now),
        };
        let decision = match refused(roster, &timer, record.as_ref(), &facts)? {
            Some(over) => over,
            None => decide::on_timer(&cx, &timer, record.as_ref(), &facts),
        };
        let mut group = Group::default();
        group.remove(key);
        keep(
            roster,
            record.as_ref(),
            &timer,
            doubtful,
            &decision,
            now,
            &mut once,
            &mut group,
            &mut rang,
        )?;
        groups.push(group);
    }
    store.commit(groups)?;
    Ok(rang)
}

/// A series for a customer who has refused is over.
fn refused(
    roster: &Roster,
    timer: &Timer,
    record: Option<&Record>,
    facts: &Value,
) -> Result<Option<Decision>, StoreError> {
    let (TimerKind::Series { step, .. }, Some(record)) = (&timer.kind, record) else {
        return Ok(None);
    };
    let rules = &roster.config().rules;
    let Some(rule) = rules.iter().find(|rule| rule.id == timer.rule) else {
        return Ok(None);
    };
    let for_customer = |one: &Step| one.number == *step && one.to == Audience::Customer;
    let there = record.gone.is_none() && rule.series.iter().any(for_customer);
    if !there || !roster.has_refused(record, facts)? {
        return Ok(None);
    }
    let why = decide::series_ended(rule, *step, "the customer wants no more mail");
    Ok(Some(Decision {
        considered: vec![(rule.id.clone(), why)],
        ..Decision::default()
    }))
}

#[allow(clippy::too_many_arguments)] // One caller; each is a thing of its own.
fn keep(
    roster: &Roster,
    record: Option<&Record>,
    timer: &Timer,
    doubtful: bool,
    decision: &Decision,
    now: Timestamp,
    once: &mut Once,
    group: &mut Group,
    rang: &mut Rang,
) -> Result<(), StoreError> {
    for message in &decision.messages {
        let refused = match record {
            Some(record) => once.refuses(roster, record, message, now, group)?,
            None => None,
        };
        if let Some(why) = refused {
            let text = format!("{}: nothing is sent: {why}", message.rule);
            let entry = Entry::of_rule(now, timer.record.clone(), text);
            roster.store().note(group, &entry);
            continue;
        }
        if ledger::queue(roster.store(), group, message)? {
            let mut message = message.clone();
            if doubtful {
                // From queued this step is in the table.
                let _ = gap::doubt(group, &mut message, now);
            }
            rang.messages.push(message);
        }
    }
    for next in &decision.timers {
        group.put(keys::timed(prefix::TIMER, next.due, next.name()), next);
    }
    for (rule, why) in &decision.considered {
        let entry = Entry::of_rule(now, timer.record.clone(), format!("{rule}: {why}"));
        roster.store().note(group, &entry);
    }
    Ok(())
}

/// Brings the rules of the configuration into force: a new rule starts now, for the rows that are
/// there where it waits for times (SEMANTICS 15); a removed rule takes its queue with it (SEMANTICS 36).
///
/// # Errors
/// The disk.
pub fn enforce_rules(roster: &Roster, now: Timestamp) -> Result<(), StoreError> {
    let store = roster.store();
    let standing: BTreeMap<String, Timestamp> = store
        .scan::<Timestamp>(prefix::RULE)
        .map(|entry| {
            entry.map(|(key, since)| {
                (
                    String::from_utf8_lossy(&key[prefix::RULE.len()..]).into_owned(),
                    since,
                )
            })
        })
        .collect::<Result<_, _>>()?;
    let rules = &roster.config().rules;
    let mut group = Group::default();
    for rule in rules.iter().filter(|rule| !standing.contains_key(&rule.id)) {
        group.put(keys::under(prefix::RULE, &rule.id), &now);
        group.remove(keys::under(prefix::RULE_GONE, &rule.id));
    }
    let removed: Vec<&String> = standing
        .keys()
        .filter(|id| !rules.iter().any(|rule| rule.id == **id))
        .collect();
    for id in &removed {
        group.remove(keys::under(prefix::RULE, id));
        group.put(keys::under(prefix::RULE_GONE, id), &now);
    }
    store.commit(vec![group])?;
    if !removed.is_empty() {
        cancel_queue(roster, &removed)?;
    }
    start_schedules(roster, now)?;
    let new_timed = rules.iter().any(|rule| {
        !standing.contains_key(&rule.id)
            && matches!(rule.on, Trigger::Idle { .. } | Trigger::Date { .. })
    });
    let reading = reading(roster);
    let at = keys::under(prefix::META, "reading");
    let read_anew = store.get::<String>(&at)?.as_ref() != Some(&reading);
    if new_timed || read_anew {
        cover_rows(roster, now, read_anew)?;
    }
    if read_anew {
        let mut group = Group::default();
        group.put(at, &reading);
        store.commit(vec![group])?;
    }
    Ok(())
}

/// A hash of what cells are read by and what times rules wait for: another one means another look at all rows.
fn reading(roster: &Roster) -> String {
    let config = roster.config();
    let fields: Vec<String> = config
        .fields
        .iter()
        .map(|field| format!("{} {:?} {:?}", field.id, field.kind, field.since))
        .collect();
    let rules: Vec<String> = config
        .rules
        .iter()
        .map(|rule| format!("{} {:?} {:?}", rule.id, rule.on, rule.escalate))
        .collect();
    let text = format!(
        "{:?}\n{fields:?}\n{rules:?}\n{:?}",
        config.stages,
        config.calendar.zone.iana_name()
    );
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

fn cancel_queue(roster: &Roster, rules: &[&String]) -> Result<(), StoreError> {
    let store = roster.store();
    let _alone = store.alone();
    let mut groups = Vec::new();
    for entry in store.scan_moving::<Message>(prefix::MESSAGE) {
        let (_, mut message) = entry?;
        if rules.contains(&&message.rule) {
            let why = "its rule was removed from the configuration";
            groups.extend(ledger::cancelled(&mut message, why));
        }
    }
    store.commit(groups)
}

/// Each schedule rule has one timer; a changed schedule gets a new one, and the old one lapses.
fn start_schedules(roster: &Roster, now: Timestamp) -> Result<(), StoreError> {
    let store = roster.store();
    let deciding = roster.deciding()?;
    let cx = deciding.context(roster, None, now);
    let mut standing: BTreeMap<String, Vec<(keys::Key, Timer)>> = BTreeMap::new();
    for entry in store.scan::<Timer>(prefix::TIMER) {
        let (key, timer) = entry?;
        if timer.kind == TimerKind::Schedule {
            standing
                .entry(timer.rule.clone())
                .or_default()
                .push((key, timer));
        }
    }
    let mut group = Group::default();
    for rule in cx.rules {
        let Some(next) = schedule_timer(&cx, rule, now) else {
            continue;
        };
        let waiting = standing.remove(&rule.id).unwrap_or_default();
        // One that is overdue stays: it is caught up, or noted as missed, when it rings.
        let keep = |timer: &Timer| timer.due <= now || timer.due == next.due;
        let mut kept = false;
        for (key, timer) in waiting {
            if keep(&timer) && !kept {
                kept = true;
            } else {
                group.remove(key);
            }
        }
        if !kept {
            group.put(keys::timed(prefix::TIMER, next.due, next.name()), &next);
        }
    }
    for (key, _) in standing.into_values().flatten() {
        group.remove(key);
    }
    // A rule that was away for a while has lost them; one that waits already is the same.
    for (rule, name, at) in cx.subscriptions.times() {
        if let Some(timer) = own_timer(rule, name, at, now, &cx.calendar.zone) {
            group.put(keys::timed(prefix::TIMER, timer.due, timer.name()), &timer);
        }
    }
    store.commit(vec![group])
}

/// The timers of dates and idleness that are still to come, by record.
fn waiting_times(
    roster: &Roster,
    now: Timestamp,
) -> Result<BTreeMap<RecordId, Vec<keys::Key>>, StoreError> {
    let mut waiting: BTreeMap<RecordId, Vec<keys::Key>> = BTreeMap::new();
    for entry in roster.store().scan::<Timer>(prefix::TIMER) {
        let (key, timer) = entry?;
        let reckoned = match timer.kind {
            TimerKind::Date { .. } | TimerKind::Idle { .. } | TimerKind::IdleEscalation { .. } => {
                timer.due > now
            }
            TimerKind::Escalation { .. }
            | TimerKind::Series { .. }
            | TimerKind::Schedule
            | TimerKind::Own { .. } => false,
        };
        if let Some(record) = timer.record.filter(|_| reckoned) {
            waiting.entry(record).or_default().push(key);
        }
    }
    Ok(waiting)
}

/// A new rule on idleness or dates covers the rows that are there, for times from now on. What the
/// configuration reads in another way than before is taken over without an event (SEMANTICS 3).
///
/// `anew`: times are reckoned another way than before (another zone, another rule), so those that still
/// wait are taken back first. What is due already rings as it was.
fn cover_rows(roster: &Roster, now: Timestamp, anew: bool) -> Result<(), StoreError> {
    let store = roster.store();
    let deciding = roster.deciding()?;
    let mut waiting = if anew {
        waiting_times(roster, now)?
    } else {
        BTreeMap::new()
    };
    let mut groups = Vec::new();
    for record in store.records() {
        let mut record = record?;
        let mut group = Group::default();
        let before = (record.stage.clone(), record.active_at);
        if record.settled.as_ref() == Some(&record.seen) && record.gone.is_none() {
            roster.take_stage_over(&mut record, now)?;
        }
        if before.0 != record.stage {
            // Nobody has been at the row: its clock goes on.
            record.active_at = before.1;
            group.put_record(&record);
        }
        let Some(settled) = &record.settled else {
            continue;
        };
        let facts = roster.facts_of(&record, settled, &Value::Null, now)?;
        let place = Some((record.place.workbook.as_str(), record.place.sheet));
        let cx = deciding.context(roster, place, now);
        // A row that is missing just now gets no new times: it keeps those it has.
        let old = waiting.remove(&record.id).filter(|_| record.gone.is_none());
        for key in old.into_iter().flatten() {
            group.remove(key);
        }
        for timer in timers_for(&cx, &record, &facts) {
            group.put(keys::timed(prefix::TIMER, timer.due, timer.name()), &timer);
        }
        groups.push(group);
    }
    store.commit(groups)
}
