//! Times at which a record, or a schedule, is to be looked at again.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::audience::owner_names;
use super::{Context, Decision, Firing, holds};
use crate::core::calendar::Schedule;
use crate::core::change::FieldChange;
use crate::core::facts::message::EventFacts;
use crate::core::message::{Recipient, Wanted};
use crate::core::record::{Kind, Record, RecordId};
use crate::core::rule::{Offset, Rule, Span, Step, Trigger};
use crate::core::subscription::Wish;

/// The time of day at which a date without a time fires, if the rule names none.
const MORNING: Time = Time::constant(9, 0, 0, 0);

/// How soon to look again at a row that is missing.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(60);

/// A step that comes so much too late puts off those after it.
const LATE: SignedDuration = SignedDuration::from_hours(1);

/// A reminder to look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timer {
    /// When.
    pub due: Timestamp,
    /// Rule id.
    pub rule: String,
    /// The record; schedules have none.
    pub record: Option<RecordId>,
    /// What for.
    pub kind: TimerKind,
}

impl Timer {
    /// What tells it from other timers of the same time.
    pub fn name(&self) -> String {
        let record = self.record.as_ref().map_or("-", RecordId::as_str);
        let kind = match &self.kind {
            TimerKind::Idle { round, .. } => format!("idle{round}"),
            TimerKind::IdleEscalation { step, .. } => format!("idle-step{step}"),
            TimerKind::Date { .. } => "date".to_owned(),
            TimerKind::Escalation { step, .. } => format!("step{step}"),
            TimerKind::Series { step, .. } => format!("series{step}"),
            TimerKind::Schedule => "schedule".to_owned(),
            TimerKind::Own { name, .. } => format!("own {name}"),
        };
        format!("{}/{record}/{kind}", self.rule)
    }
}

/// What a timer is for, with what must still be so when it is due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerKind {
    /// A repetition of an idle reminder.
    Idle {
        /// Start of the idle clock.
        since: Timestamp,
        /// 0 for the first.
        round: u32,
    },
    /// An escalation of an idle reminder.
    IdleEscalation {
        /// Start of the idle clock.
        since: Timestamp,
        /// Step number.
        step: u32,
    },
    /// A date of the record.
    Date {
        /// What the cell said, as ISO text.
        value: String,
        /// The date that is meant, which for yearly ones is that of this year.
        on: String,
    },
    /// An escalation of another rule.
    Escalation {
        /// When the stopwatch started.
        since: Timestamp,
        /// Step number.
        step: u32,
        /// The occasion of the rule's firing.
        occasion: String,
    },
    /// A step of a series.
    Series {
        /// Step number.
        step: u32,
        /// The occasion of the rule's firing.
        occasion: String,
        /// What must still be so.
        wanted: Wanted,
        /// How it began; none in what a version wrote that set all steps at once.
        #[serde(default)]
        start: Option<Start>,
    },
    /// A schedule.
    Schedule,
    /// A schedule's message to one person at times of their own.
    Own {
        /// Who.
        name: String,
        /// Their schedule as it was when this was set; another one has a timer of its own.
        at: String,
    },
}

/// How a series began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// From when the times of its steps count.
    pub at: Timestamp,
    /// The number of the event with which the stage of then was entered: it ends with that stage.
    pub entry: u64,
}

/// Which cells an event typed anew.
#[derive(Clone, Copy, Debug)]
pub(super) enum Typed<'a> {
    /// None: a first look, a return, a new rule, a button.
    Nothing,
    /// The whole row.
    Everything,
    /// These.
    Fields(&'a [FieldChange]),
}

impl Typed<'_> {
    fn has(self, field: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Fields(changes) => changes.iter().any(|change| change.field == field),
        }
    }
}

/// The idle and date timers of a record as it stands: those that come after now, and after their
/// rules came into force. What was due before, and missed, stays missed (SEMANTICS 8, 15).
pub fn timers_for(cx: &Context<'_>, record: &Record, facts: &Value) -> Vec<Timer> {
    timers_after(cx, record, facts, Typed::Nothing)
}

/// The fields whose dates rules remind of: timers of a record without any of them need no facts.
pub fn dated_fields(rules: &[Rule]) -> impl Iterator<Item = &str> {
    rules.iter().filter_map(|rule| match &rule.on {
        Trigger::Date { field, .. } => Some(field.as_str()),
        Trigger::Added
        | Trigger::Changed { .. }
        | Trigger::Removed
        | Trigger::Stage { .. }
        | Trigger::Idle { .. }
        | Trigger::Schedule(_) => None,
    })
}

/// The same after an event, which may have typed a date so late that its reminder is due at once.
pub(super) fn timers_after(
    cx: &Context<'_>,
    record: &Record,
    facts: &Value,
    typed: Typed<'_>,
) -> Vec<Timer> {
    if record.gone.is_some() {
        return Vec::new();
    }
    cx.rules
        .iter()
        .flat_map(|rule| match &rule.on {
            Trigger::Idle { stage, .. }
                if record.kind == Kind::Customer && record.stage.as_deref() == Some(stage) =>
            {
                idle_timers(cx, rule, record)
            }
            Trigger::Date { field, .. } => date_timer(cx, rule, record, field, facts, typed)
                .into_iter()
                .collect(),
            Trigger::Added
            | Trigger::Changed { .. }
            | Trigger::Removed
            | Trigger::Stage { .. }
            | Trigger::Idle { .. }
            | Trigger::Schedule(_) => Vec::new(),
        })
        .collect()
}

fn in_force(cx: &Context<'_>, rule: &Rule) -> Timestamp {
    cx.in_force.get(&rule.id).copied().unwrap_or(cx.now)
}

/// The next repetition that is not over and not before the rule came into force, and every escalation likewise.
fn idle_timers(cx: &Context<'_>, rule: &Rule, record: &Record) -> Vec<Timer> {
    let Trigger::Idle { times, .. } = &rule.on else {
        return Vec::new();
    };
    let since = record.active_at;
    let from = in_force(cx, rule).max(cx.now);
    let timer = |due, kind| Timer {
        due,
        rule: rule.id.clone(),
        record: Some(record.id.clone()),
        kind,
    };
    let mut timers: Vec<Timer> = (0..*times)
        .map(|round| (round, idle_due(cx, rule, since, round)))
        .find(|(_, due)| *due >= from)
        .map(|(round, due)| timer(due, TimerKind::Idle { since, round }))
        .into_iter()
        .collect();
    for step in &rule.escalate {
        let due = cx
            .calendar
            .add_working(since, step.after.unwrap_or_default());
        if due >= from {
            let step = step.number;
            timers.push(timer(due, TimerKind::IdleEscalation { since, step }));
        }
    }
    timers
}

/// `{ after = "3d", every = "2d", times = 3 }` is due on working days 3, 5 and 7 (SEMANTICS 17).
fn idle_due(cx: &Context<'_>, rule: &Rule, since: Timestamp, round: u32) -> Timestamp {
    let Trigger::Idle { after, every, .. } = &rule.on else {
        return Timestamp::MAX;
    };
    let every = every.unwrap_or(*after);
    (0..round).fold(cx.calendar.add_working(since, *after), |due, _| {
        cx.calendar.add_working(due, every)
    })
}

/// What a date cell means for a rule: when it is due, and which day it speaks of.
fn date_timer(
    cx: &Context<'_>,
    rule: &Rule,
    record: &Record,
    field: &str,
    facts: &Value,
    typed: Typed<'_>,
) -> Option<Timer> {
    let Trigger::Date { yearly, .. } = &rule.on else {
        return None;
    };
    let value = facts[field].as_str()?.to_owned();
    let (date, time) = parse_iso(&value)?;
    let today = cx.now.to_zoned(cx.calendar.zone.clone()).date();
    let (due, on) = if *yearly {
        // Last year's may still be due shortly after New Year, next year's is the one to wait for in December.
        (today.year() - 1..=today.year() + 1)
            .filter_map(|year| in_year(date, year))
            .map(|on| (date_due(cx, rule, on, None), on))
            .find(|(due, _)| *due > cx.now)?
    } else {
        (date_due(cx, rule, date, time), date)
    };
    if due < in_force(cx, rule) {
        return None;
    }
    let on = match time.filter(|_| !yearly) {
        Some(time) => on.to_datetime(time).to_string(),
        None => on.to_string(),
    };
    // Typed when its time had already passed: only as long as the date itself is still to come.
    let over = moment(cx, &on).is_none_or(|at| at <= cx.now);
    if due <= cx.now && (over || !typed.has(field)) {
        return None;
    }
    Some(Timer {
        due,
        rule: rule.id.clone(),
        record: Some(record.id.clone()),
        kind: TimerKind::Date { value, on },
    })
}

/// 29 February is remembered on the 28th in other years.
fn in_year(date: Date, year: i16) -> Option<Date> {
    Date::new(year, date.month(), date.day())
        .or_else(|_| Date::new(year, date.month(), 28))
        .ok()
}

fn date_due(cx: &Context<'_>, rule: &Rule, date: Date, time: Option<Time>) -> Timestamp {
    let Trigger::Date { offset, at, .. } = &rule.on else {
        return Timestamp::MAX;
    };
    let own = at.or(time).unwrap_or(MORNING);
    let days = |span: Span| i32::try_from(span.days).unwrap_or(i32::MAX);
    match offset {
        Offset::On => cx.calendar.at_local(date, own),
        Offset::Before(span) => {
            let date = date.saturating_sub(jiff::Span::new().days(days(*span)));
            let at = cx.calendar.at_local(date, own);
            at.saturating_sub(rest(*span)).unwrap_or(at)
        }
        Offset::After(span) => {
            let date = date.saturating_add(jiff::Span::new().days(days(*span)));
            let at = cx.calendar.at_local(date, own);
            at.saturating_add(rest(*span)).unwrap_or(at)
        }
    }
}

/// The part of a span below a day.
fn rest(span: Span) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(span.seconds).unwrap_or(i64::MAX))
}

/// ISO text of a date, or of a date and time.
fn parse_iso(text: &str) -> Option<(Date, Option<Time>)> {
    if text.contains('T') {
        let at: DateTime = text.parse().ok()?;
        Some((at.date(), Some(at.time())))
    } else {
        Some((text.parse().ok()?, None))
    }
}

/// The end of the day, or the very time, that ISO text names.
fn moment(cx: &Context<'_>, iso: &str) -> Option<Timestamp> {
    let (date, time) = parse_iso(iso)?;
    Some(
        cx.calendar
            .at_local(date, time.unwrap_or(Time::constant(23, 59, 59, 0))),
    )
}

/// The escalations behind a firing.
pub(super) fn escalations(cx: &Context<'_>, firing: &Firing<'_>, record: &Record) -> Vec<Timer> {
    let kind = |step: &Step| TimerKind::Escalation {
        since: cx.now,
        step: step.number,
        occasion: firing.occasion.clone(),
    };
    behind(cx, firing, record, &firing.rule.escalate, kind)
}

/// The first step of the series behind a firing; each step sets the one after it.
pub(super) fn series(cx: &Context<'_>, firing: &Firing<'_>, record: &Record) -> Vec<Timer> {
    let kind = |step: &Step| TimerKind::Series {
        step: step.number,
        occasion: firing.occasion.clone(),
        wanted: firing.wanted.clone(),
        start: Some(Start {
            at: cx.now,
            entry: record.stage_event,
        }),
    };
    let first = firing.rule.series.get(..1).unwrap_or_default();
    behind(cx, firing, record, first, kind)
}

/// A step of a series came: it is decided, and sets the next one, unless the series is over.
fn series_step(
    cx: &Context<'_>,
    rule: &Rule,
    record: &Record,
    timer: &Timer,
    facts: &Value,
    decision: &mut Decision,
) {
    let TimerKind::Series {
        step,
        occasion,
        wanted,
        start,
    } = &timer.kind
    else {
        return;
    };
    let steps = numbered(&rule.series, *step);
    let Some(this) = steps.first() else {
        return;
    };
    if let Some(why) = series_over(rule, record, wanted, *start, facts) {
        decision.note(rule, series_ended(rule, *step, &why));
        return;
    }
    let firing = Firing::new(cx, rule, record, occasion.clone(), wanted.clone());
    firing.tell(cx, steps, facts, decision);
    let next = rule.series.iter().find(|later| later.number > this.number);
    let (Some(mut start), Some(next)) = (*start, next) else {
        return;
    };
    // After a long stop the steps keep their distance.
    let late = cx.now.duration_since(timer.due);
    if late > LATE {
        start.at = start.at.saturating_add(late).unwrap_or(start.at);
    }
    let after = next.after.unwrap_or_default().duration();
    decision.timers.push(Timer {
        due: start.at.saturating_add(after).unwrap_or(Timestamp::MAX),
        rule: timer.rule.clone(),
        record: timer.record.clone(),
        kind: TimerKind::Series {
            step: next.number,
            occasion: occasion.clone(),
            wanted: wanted.clone(),
            start: Some(start),
        },
    });
}

/// Why the rest of a series is not sent; none if it goes on.
fn series_over(
    rule: &Rule,
    record: &Record,
    wanted: &Wanted,
    start: Option<Start>,
    facts: &Value,
) -> Option<String> {
    if start.is_some_and(|start| start.entry != record.stage_event) {
        return Some("the stage has changed".to_owned());
    }
    if let Wanted::Idle { since, .. } = wanted
        && record.active_at != *since
    {
        return Some("the customer is not idle any more".to_owned());
    }
    let ends = rule.ends.as_ref()?;
    match ends.holds(facts) {
        Ok(false) => None,
        Ok(true) => Some(format!("{} is true", ends.source())),
        Err(why) => Some(format!("its `ends` cannot be evaluated: {why}")),
    }
}

/// What is noted of a series that ended before a step.
pub fn series_ended(rule: &Rule, step: u32, why: &str) -> String {
    let place = rule.series.iter().position(|one| one.number == step);
    let place = place.map_or(0, |place| place + 1);
    format!(
        "its series ended before step {place} of {}: {why}",
        rule.series.len()
    )
}

fn behind(
    cx: &Context<'_>,
    firing: &Firing<'_>,
    record: &Record,
    steps: &[Step],
    kind: impl Fn(&Step) -> TimerKind,
) -> Vec<Timer> {
    let timer = |step: &Step| Timer {
        due: cx
            .now
            .saturating_add(step.after.unwrap_or_default().duration())
            .unwrap_or(Timestamp::MAX),
        rule: firing.rule.id.clone(),
        record: Some(record.id.clone()),
        kind: kind(step),
    };
    steps.iter().map(timer).collect()
}

/// The next time of a rule's schedule after `from`.
pub fn schedule_timer(cx: &Context<'_>, rule: &Rule, from: Timestamp) -> Option<Timer> {
    let Trigger::Schedule(schedule) = &rule.on else {
        return None;
    };
    let due = schedule.next_after(from, &cx.calendar.zone)?;
    Some(Timer {
        due,
        rule: rule.id.clone(),
        record: None,
        kind: TimerKind::Schedule,
    })
}

/// Decides what a due timer still means. A timer whose rule or record is gone means nothing.
pub fn on_timer(
    cx: &Context<'_>,
    timer: &Timer,
    record: Option<&Record>,
    facts: &Value,
) -> Decision {
    let mut decision = Decision::default();
    let Some(rule) = cx.rules.iter().find(|rule| rule.id == timer.rule) else {
        return decision;
    };
    match (&timer.kind, record) {
        (TimerKind::Schedule, _) => {
            if let Trigger::Schedule(schedule) = &rule.on {
                scheduled(cx, (rule, schedule), timer, facts, &mut decision);
            }
            // Who has a wish of their own gets it then, or not at all.
            decision.messages.retain(|message| match &message.to {
                Recipient::Staff(name) => cx.subscriptions.wish(&rule.id, name).is_none(),
                Recipient::Customer | Recipient::Owner(_) | Recipient::Alerts => true,
            });
        }
        (TimerKind::Own { name, at }, _) => {
            own_time(cx, rule, (name, at), timer, facts, &mut decision);
        }
        (_, None) => {}
        (_, Some(record)) if record.removed => {}
        // Cut, and perhaps about to be pasted: what is due then must not be lost (SEMANTICS 8).
        (_, Some(record)) if record.gone.is_some() => decision.timers.push(Timer {
            due: cx.now.saturating_add(LOOK_AGAIN).unwrap_or(Timestamp::MAX),
            ..timer.clone()
        }),
        (TimerKind::Idle { since, round }, Some(record)) => {
            idle_round(cx, rule, record, *since, *round, facts, &mut decision);
        }
        (TimerKind::IdleEscalation { since, step }, Some(record)) => {
            if still_idle(rule, record, *since) && holds(rule, facts, &mut decision) {
                idle_firing(cx, rule, record, *since, 0).tell(
                    cx,
                    numbered(&rule.escalate, *step),
                    facts,
                    &mut decision,
                );
            }
        }
        (TimerKind::Date { value, on }, Some(record)) => {
            date_came(cx, rule, record, value, on, facts, &mut decision);
        }
        (
            TimerKind::Escalation {
                since,
                step,
                occasion,
            },
            Some(record),
        ) => {
            if record.active_at <= *since {
                let wanted = Wanted::Untouched { since: *since };
                let mut firing = Firing::new(cx, rule, record, occasion.clone(), wanted);
                firing.event.since = Some(cx.local(*since));
                let told = cx.directory.owners(&owner_names(facts));
                firing.event.told = told.iter().map(|person| person.name.clone()).collect();
                firing.tell(cx, numbered(&rule.escalate, *step), facts, &mut decision);
            }
        }
        (TimerKind::Series { .. }, Some(record)) => {
            series_step(cx, rule, record, timer, facts, &mut decision);
        }
    }
    decision
}

/// The one step of that number, or none if the configuration no longer has it.
fn numbered(steps: &[Step], number: u32) -> &[Step] {
    steps
        .iter()
        .position(|step| step.number == number)
        .map_or(&[], |at| &steps[at..=at])
}

fn still_idle(rule: &Rule, record: &Record, since: Timestamp) -> bool {
    matches!(&rule.on, Trigger::Idle { stage, .. } if record.stage.as_deref() == Some(stage))
        && record.active_at == since
}

fn idle_firing<'a>(
    cx: &Context<'_>,
    rule: &'a Rule,
    record: &'a Record,
    since: Timestamp,
    round: u32,
) -> Firing<'a> {
    let stage = record.stage.clone().unwrap_or_default();
    let occasion = format!("{stage} idle since {since} #{}", round + 1);
    let mut firing = Firing::new(cx, rule, record, occasion, Wanted::Idle { stage, since });
    firing.event.since = Some(cx.local(since));
    firing.event.round = Some(round + 1);
    if let Trigger::Idle { times, .. } = &rule.on {
        firing.event.rounds = Some(*times);
    }
    firing
}

fn idle_round(
    cx: &Context<'_>,
    rule: &Rule,
    record: &Record,
    since: Timestamp,
    round: u32,
    facts: &Value,
    decision: &mut Decision,
) {
    let Trigger::Idle { times, .. } = &rule.on else {
        return;
    };
    if !still_idle(rule, record, since) {
        return;
    }
    let again = |round, due| Timer {
        due,
        rule: rule.id.clone(),
        record: Some(record.id.clone()),
        kind: TimerKind::Idle { since, round },
    };
    // The rule waits for longer since it was last read.
    let due = idle_due(cx, rule, since, round);
    if due > cx.now {
        decision.timers.push(again(round, due));
        return;
    }
    if holds(rule, facts, decision) {
        let firing = idle_firing(cx, rule, record, since, round);
        firing.fire(cx, &rule.send, facts, decision);
        if round == 0 {
            decision.timers.extend(series(cx, &firing, record));
        }
    }
    // After a long stop only the newest repetition is worth sending; the missed ones are passed over.
    let next = (round + 1..*times)
        .map(|round| (round, idle_due(cx, rule, since, round)))
        .find(|(_, due)| *due > cx.now);
    decision
        .timers
        .extend(next.map(|(round, due)| again(round, due)));
}

fn date_came(
    cx: &Context<'_>,
    rule: &Rule,
    record: &Record,
    value: &str,
    on: &str,
    facts: &Value,
    decision: &mut Decision,
) {
    let Trigger::Date { field, yearly, .. } = &rule.on else {
        return;
    };
    // The cell says something else by now: its own timer stands for that.
    if facts[field].as_str() != Some(value) {
        return;
    }
    // The rule has another time since it was last read.
    let later = date_timer(cx, rule, record, field, facts, Typed::Nothing);
    if let Some(later) = later
        .filter(|timer| matches!(&timer.kind, TimerKind::Date { on: again, .. } if again == on))
    {
        decision.timers.push(later);
        return;
    }
    if holds(rule, facts, decision) {
        let occasion = if *yearly {
            on[..4].to_owned()
        } else {
            on.to_owned()
        };
        let wanted = Wanted::Date {
            field: field.clone(),
            value: value.to_owned(),
        };
        let mut firing = Firing::new(cx, rule, record, occasion, wanted);
        firing.event.date = Some(on.to_owned());
        if record.kind == Kind::Appointment {
            firing.event.project = facts["project"].as_str().map(String::from);
            firing.event.who = facts["name"]["full"].as_str().map(String::from);
        }
        firing.fire(cx, &rule.send, facts, decision);
    }
    if *yearly {
        decision
            .timers
            .extend(date_timer(cx, rule, record, field, facts, Typed::Nothing));
    }
}

/// The next time of a person's own for what a rule's schedule sends.
pub fn own_timer(
    rule: &str,
    name: &str,
    at: &str,
    from: Timestamp,
    zone: &TimeZone,
) -> Option<Timer> {
    let due = Schedule::parse(at).ok()?.next_after(from, zone)?;
    Some(Timer {
        due,
        rule: rule.to_owned(),
        record: None,
        kind: TimerKind::Own {
            name: name.to_owned(),
            at: at.to_owned(),
        },
    })
}

/// What a schedule sends, to one person at a time of their own; they named the hour, so it is not held to the hours of
/// work. A wish that was changed meanwhile has another timer.
fn own_time(
    cx: &Context<'_>,
    rule: &Rule,
    (name, at): (&str, &str),
    timer: &Timer,
    facts: &Value,
    decision: &mut Decision,
) {
    let stands =
        matches!(cx.subscriptions.wish(&rule.id, name), Some(Wish::At(text)) if text == at);
    let (Some(schedule), Trigger::Schedule(_), true) =
        (cx.subscriptions.schedule(&rule.id, name), &rule.on, stands)
    else {
        return;
    };
    scheduled(cx, (rule, &schedule), timer, facts, decision);
    let theirs = Recipient::Staff(name.to_owned());
    decision.messages.retain(|message| message.to == theirs);
    for message in &mut decision.messages {
        message.urgent = true;
    }
}

/// Missed schedules are caught up once within half the period, else noted as missed (SEMANTICS 21).
fn scheduled(
    cx: &Context<'_>,
    (rule, schedule): (&Rule, &Schedule),
    timer: &Timer,
    facts: &Value,
    decision: &mut Decision,
) {
    let found = schedule.catch_up(timer.due, cx.now, &cx.calendar.zone);
    decision.timers.extend(found.next.map(|due| Timer {
        due,
        ..timer.clone()
    }));
    if found.missed > 0 {
        let why = format!(
            "missed {} times, since it was due at {}",
            found.missed,
            cx.local(timer.due)
        );
        decision.note(rule, why);
    }
    let Some(due) = found.fire else {
        return;
    };
    if !holds(rule, facts, decision) {
        return;
    }
    let occasion = due
        .to_zoned(cx.calendar.zone.clone())
        .datetime()
        .to_string();
    let firing = Firing {
        rule,
        record: None,
        event: EventFacts {
            at: Some(cx.local(due)),
            ..EventFacts::default()
        },
        occasion,
        wanted: Wanted::Always,
    };
    firing.fire(cx, &rule.send, facts, decision);
}
