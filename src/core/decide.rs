//! What follows from an event, or from a time that has come: messages and further times.
//!
//! Deciding twice is harmless: every message is named by its cause (rule, step, record, role,
//! occasion), and a key that exists is not written again. A timer is only a reminder to look:
//! whether it still means anything is judged when it is due, so nothing has to be found and
//! deleted when a row changes.

mod audience;
mod by_hand;
pub mod notice;
mod timers;
pub mod why;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

pub use audience::owner_names;
pub use by_hand::schedule_by_hand;
use timers::Typed;
pub use timers::{
    Timer, TimerKind, dated_fields, on_timer, own_timer, schedule_timer, series_ended, timers_for,
};

use super::calendar::Calendar;
use super::change::FieldChange;
use super::facts::local_text;
use super::facts::message::{Change, EventFacts};
use super::handover::StandIns;
use super::message::{Message, MessageKey, Wanted};
use super::people::Directory;
use super::record::{Kind, Record};
use super::rule::{Audience, Channel, Rule, Span, Step, Trigger};
use super::subscription::Subscriptions;

/// How long a rule on `added` stays open for a condition that is not true yet (SEMANTICS 14).
const OPEN_FOR: SignedDuration = SignedDuration::from_hours(24);

/// A person gone for so long is a lead again when they return (SEMANTICS 8).
const LEAD_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What deciding needs to know beside the record.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The time of the decision.
    pub now: Timestamp,
    /// Working days and hours.
    pub calendar: &'a Calendar,
    /// The rules in the order of the configuration.
    pub rules: &'a [Rule],
    /// Since when each rule is in force.
    pub in_force: &'a BTreeMap<String, Timestamp>,
    /// The company's people.
    pub directory: &'a Directory,
    /// Who stands in for colleagues who have handed over.
    pub stand_ins: &'a StandIns,
    /// Who wants which digest at what time.
    pub subscriptions: &'a Subscriptions,
    /// `[leads] fresh`.
    pub fresh: Span,
    /// Whether `[trial]` is on: messages go into its own ledger.
    pub trial: bool,
    /// Header text by field id.
    pub headers: &'a BTreeMap<String, String>,
    /// Label by stage id.
    pub stage_labels: &'a BTreeMap<String, String>,
    /// Fields whose cells no message may show (SEMANTICS 28).
    pub private: &'a BTreeSet<String>,
}

impl Context<'_> {
    fn local(&self, at: Timestamp) -> String {
        local_text(at.to_zoned(self.calendar.zone.clone()).datetime())
    }

    fn label(&self, stage: &str) -> String {
        self.stage_labels
            .get(stage)
            .cloned()
            .unwrap_or_else(|| stage.to_owned())
    }

    /// Changed cells as templates see them, private ones left out (SEMANTICS 28).
    fn described<'c>(&self, changes: impl IntoIterator<Item = &'c FieldChange>) -> Vec<Change> {
        let text = |cell: &super::sheet::Cell| {
            Some(cell.shown().trim().to_owned()).filter(|text| !text.is_empty())
        };
        changes
            .into_iter()
            .filter(|change| !self.private.contains(&change.field))
            .map(|change| Change {
                field: change.field.clone(),
                header: self
                    .headers
                    .get(&change.field)
                    .cloned()
                    .unwrap_or_else(|| change.field.clone()),
                before: text(&change.before),
                after: text(&change.after),
            })
            .collect()
    }
}

/// A change that counts.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A new customer.
    Added,
    /// Settled cells changed.
    Changed {
        /// Which.
        changes: Vec<FieldChange>,
        /// The stage before, if the clock goes by another one now.
        left: Option<String>,
    },
    /// A customer is gone for good.
    Removed,
    /// A customer who was gone is there again.
    Returned {
        /// For how long they were gone.
        away: SignedDuration,
    },
}

/// What follows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// Messages to queue.
    pub messages: Vec<Message>,
    /// Times to look again.
    pub timers: Vec<Timer>,
    /// Rules on `added` that stay open, and until when; replaces the record's.
    pub open_rules: BTreeMap<String, Timestamp>,
    /// For each rule that looked, what it came to, in words.
    pub considered: Vec<(String, String)>,
}

impl Decision {
    fn note(&mut self, rule: &Rule, why: impl Into<String>) {
        self.considered.push((rule.id.clone(), why.into()));
    }
}

/// Decides on one settled event of a record. `record` is as it stands after the event.
pub fn on_event(cx: &Context<'_>, record: &Record, event: &Event, facts: &Value) -> Decision {
    let mut decision = Decision {
        open_rules: record.open_rules.clone(),
        ..Decision::default()
    };
    if record.kind == Kind::Customer {
        for rule in cx.rules {
            look(cx, rule, record, event, facts, &mut decision);
        }
        if let Event::Changed { changes, .. } = event {
            audience::tell_new_owner(cx, record, changes, facts, &mut decision);
        }
    }
    if matches!(event, Event::Removed) {
        decision.open_rules.clear();
    } else {
        let typed = match event {
            Event::Added => Typed::Everything,
            Event::Changed { changes, .. } => Typed::Fields(changes),
            Event::Removed | Event::Returned { .. } => Typed::Nothing,
        };
        decision
            .timers
            .extend(timers::timers_after(cx, record, facts, typed));
    }
    decision
}

/// One rule looks at one event.
fn look(
    cx: &Context<'_>,
    rule: &Rule,
    record: &Record,
    event: &Event,
    facts: &Value,
    decision: &mut Decision,
) {
    match (&rule.on, event) {
        (Trigger::Added, Event::Added) => added(cx, rule, record, facts, decision),
        (Trigger::Added, Event::Changed { .. }) => added_later(cx, rule, record, facts, decision),
        (Trigger::Added, Event::Returned { away }) if *away >= LEAD_AGAIN_AFTER => {
            returned(cx, rule, record, facts, decision);
        }
        (Trigger::Changed { fields }, Event::Changed { changes, .. }) => {
            changed(cx, rule, record, fields, changes, facts, decision);
        }
        (Trigger::Removed, Event::Removed) => {
            if holds(rule, facts, decision) {
                let firing = Firing::new(
                    cx,
                    rule,
                    record,
                    format!("removed #{}", record.events),
                    Wanted::Always,
                );
                firing.fire(cx, &rule.send, facts, decision);
            }
        }
        (Trigger::Stage { stage }, Event::Added | Event::Changed { .. }) => {
            stage_entered(cx, rule, record, stage, event, facts, decision);
        }
        // Idle, date and schedule wait for their time; the rest does not concern this event.
        (Trigger::Idle { .. } | Trigger::Date { .. } | Trigger::Schedule(_), _)
        | (Trigger::Added, Event::Removed | Event::Returned { .. })
        | (Trigger::Changed { .. }, Event::Added | Event::Removed | Event::Returned { .. })
        | (Trigger::Removed, Event::Added | Event::Changed { .. } | Event::Returned { .. })
        | (Trigger::Stage { .. }, Event::Removed | Event::Returned { .. }) => {}
    }
}

fn added(cx: &Context<'_>, rule: &Rule, record: &Record, facts: &Value, decision: &mut Decision) {
    if let Some(why) = stale(cx, facts) {
        decision.note(rule, why);
    } else if holds(rule, facts, decision) {
        Firing::new(cx, rule, record, "added".into(), Wanted::Row)
            .fire(cx, &rule.send, facts, decision);
    } else {
        decision.open_rules.insert(
            rule.id.clone(),
            cx.now.saturating_add(OPEN_FOR).unwrap_or(Timestamp::MAX),
        );
    }
}

/// The e-mail typed later still gets its welcome, for a day.
fn added_later(
    cx: &Context<'_>,
    rule: &Rule,
    record: &Record,
    facts: &Value,
    decision: &mut Decision,
) {
    let Some(&until) = record.open_rules.get(&rule.id) else {
        return;
    };
    if cx.now > until {
        decision.open_rules.remove(&rule.id);
        decision.note(
            rule,
            "its condition did not become true within 24 hours of the row",
        );
    } else if stale(cx, facts).is_none() && holds(rule, facts, decision) {
        decision.open_rules.remove(&rule.id);
        Firing::new(cx, rule, record, "added".into(), Wanted::Row)
            .fire(cx, &rule.send, facts, decision);
    }
}

/// Somebody who comes back after a month is a lead for staff again; the customer gets no second welcome.
fn returned(
    cx: &Context<'_>,
    rule: &Rule,
    record: &Record,
    facts: &Value,
    decision: &mut Decision,
) {
    let alerts: Vec<Step> = rule
        .send
        .iter()
        .filter(|step| step.to != Audience::Customer)
        .cloned()
        .collect();
    if !alerts.is_empty() && holds(rule, facts, decision) {
        let occasion = format!(
            "returned {}",
            cx.now.to_zoned(cx.calendar.zone.clone()).date()
        );
        let firing = Firing::new(cx, rule, record, occasion, Wanted::Row);
        firing.tell(cx, &alerts, facts, decision);
        // A series behind the rule is for the customer, who had it the first time.
        decision
            .timers
            .extend(timers::escalations(cx, &firing, record));
    }
}

fn changed(
    cx: &Context<'_>,
    rule: &Rule,
    record: &Record,
    fields: &[String],
    changes: &[FieldChange],
    facts: &Value,
    decision: &mut Decision,
) {
    let fitting: Vec<&FieldChange> = changes
        .iter()
        .filter(|change| fields.is_empty() || fields.contains(&change.field))
        .collect();
    if fitting.is_empty() || !holds(rule, facts, decision) {
        return;
    }
    let names: Vec<&str> = fitting.iter().map(|change| change.field.as_str()).collect();
    let occasion = format!("{} #{}", names.join("+"), record.events);
    let mut firing = Firing::new(cx, rule, record, occasion, Wanted::Row);
    firing.event.changes = cx.described(fitting);
    firing.fire(cx, &rule.send, facts, decision);
}

fn stage_entered(
    cx: &Context<'_>,
    rule: &Rule,
    record: &Record,
    stage: &str,
    event: &Event,
    facts: &Value,
    decision: &mut Decision,
) {
    let entered = record.stage.as_deref() == Some(stage) && record.stage_event == record.events;
    if !entered {
        return;
    }
    if *event == Event::Added
        && let Some(why) = stale(cx, facts)
    {
        decision.note(rule, why);
        return;
    }
    if !holds(rule, facts, decision) {
        return;
    }
    let occasion = format!("{stage} #{}", record.stage_event);
    let wanted = Wanted::Stage {
        stage: stage.to_owned(),
        event: record.stage_event,
    };
    let mut firing = Firing::new(cx, rule, record, occasion, wanted);
    firing.event.stage_after = Some(cx.label(stage));
    if let Event::Changed { changes, left } = event {
        firing.event.changes = cx.described(changes);
        firing.event.stage_before = left.as_deref().map(|stage| cx.label(stage));
    }
    firing.fire(cx, &rule.send, facts, decision);
}

/// Why a new row is no new lead: it was received long ago (SEMANTICS 14).
fn stale(cx: &Context<'_>, facts: &Value) -> Option<String> {
    let received = facts["received"].as_str()?;
    let date: jiff::civil::Date = received.get(..10)?.parse().ok()?;
    let start = cx.calendar.at_local(date, jiff::civil::Time::midnight());
    let fresh = cx
        .fresh
        .duration()
        .saturating_add(SignedDuration::from_hours(24));
    let last = start.saturating_add(fresh).unwrap_or(Timestamp::MAX);
    (cx.now >= last).then(|| {
        format!(
            "received on {date}, which is more than {} ago: an old list, not a new lead",
            cx.fresh
        )
    })
}

/// Whether the condition of a rule is true; notes it if not, or if it cannot be evaluated.
fn holds(rule: &Rule, facts: &Value, decision: &mut Decision) -> bool {
    let Some(when) = &rule.when else {
        return true;
    };
    match when.holds(facts) {
        Ok(true) => true,
        Ok(false) => {
            decision.note(
                rule,
                format!("its condition is not true: {}", when.source()),
            );
            false
        }
        Err(why) => {
            decision.note(rule, format!("its condition cannot be evaluated: {why}"));
            false
        }
    }
}

/// One firing of one rule for one record.
struct Firing<'a> {
    rule: &'a Rule,
    record: Option<&'a Record>,
    occasion: String,
    wanted: Wanted,
    /// What templates see as `event`.
    event: EventFacts,
}

impl<'a> Firing<'a> {
    fn new(
        cx: &Context<'_>,
        rule: &'a Rule,
        record: &'a Record,
        occasion: String,
        wanted: Wanted,
    ) -> Self {
        let event = EventFacts {
            at: Some(cx.local(cx.now)),
            ..EventFacts::default()
        };
        Self {
            rule,
            record: Some(record),
            occasion,
            wanted,
            event,
        }
    }

    /// Decides the messages of these steps, and the times of the escalations and series behind them.
    fn fire(&self, cx: &Context<'_>, steps: &[Step], facts: &Value, decision: &mut Decision) {
        self.tell(cx, steps, facts, decision);
        if let Some(record) = self.record
            && !matches!(self.rule.on, Trigger::Idle { .. })
        {
            decision
                .timers
                .extend(timers::escalations(cx, self, record));
            decision.timers.extend(timers::series(cx, self, record));
        }
    }

    /// Messages only: an escalation or a step of a series has nothing behind it.
    fn tell(&self, cx: &Context<'_>, steps: &[Step], facts: &Value, decision: &mut Decision) {
        for step in steps {
            let messages = audience::messages(cx, self, step, facts);
            decision.messages.extend(messages);
        }
        decision.note(self.rule, format!("fired: {}", self.occasion));
    }

    fn key(&self, step: u32, role: &str) -> MessageKey {
        MessageKey::new(
            &self.rule.id,
            step,
            self.record.map(|record| &record.id),
            role,
            &self.occasion,
        )
    }

    fn valid_for(&self, to_customer: bool) -> Span {
        valid_for(Some(self.rule), to_customer)
    }
}

/// How long a message is worth sending after it was due (SEMANTICS 19).
pub fn valid_for(rule: Option<&Rule>, to_customer: bool) -> Span {
    let default = if to_customer {
        Span::days(14)
    } else {
        Span::days(3)
    };
    rule.and_then(|rule| rule.valid_for).unwrap_or(default)
}

/// The channel by which staff are told things that no rule names.
const STAFF_CHANNEL: Channel = Channel::Telegram;

#[cfg(test)]
mod tests;
