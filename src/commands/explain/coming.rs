//! What will come, as things stand: messages that wait, and times at which rules look again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, Desk};
use crate::core::decide::{Timer, TimerKind, on_timer};
use crate::core::delivery::State;
use crate::core::message::{Message, Recipient};
use crate::core::policy;
use crate::core::record::Record;
use crate::roster::Deciding;
use crate::store::keys::prefix;

/// Something that will happen if nothing else does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coming {
    /// Local ISO time with offset.
    pub at: String,
    /// Rule id.
    pub rule: String,
    /// `message`: it is decided and waits; `timer`: a rule looks then.
    pub kind: String,
    /// Whether a message would go then, as things stand.
    pub sends: bool,
    /// What, one English sentence.
    pub what: String,
    /// Key of the message that waits.
    pub key: Option<String>,
}

impl Desk {
    /// The messages that wait, each with what policy says when its time has come.
    pub(super) fn waiting(&self, messages: &[Message], now: Timestamp) -> Answer<Vec<Coming>> {
        let mut coming = Vec::new();
        for message in messages.iter().filter(|one| one.state == State::Queued) {
            let due = message.due.max(now);
            let to = self.recipient(message)?;
            let by = message.channel.as_str();
            let (at, sends, what) = match self.judged(message, due)? {
                policy::Answer::Go => (due, true, format!("a message to {to} by {by}")),
                policy::Answer::Wait { until, why } => (
                    until,
                    true,
                    format!("a message to {to} by {by} waits: {why}"),
                ),
                policy::Answer::Never { why, state } => (
                    due,
                    false,
                    format!("a message to {to} by {by} will be {state} as things stand: {why}"),
                ),
            };
            coming.push(Coming {
                at: self.local(at),
                rule: message.rule.clone(),
                kind: "message".to_owned(),
                sends,
                what,
                key: Some(message.key.to_string()),
            });
        }
        Ok(coming)
    }

    /// The times at which rules look at a record, each with what they would decide then if all stayed as it is.
    /// A timer that has lost its meaning meanwhile is not shown: nothing will come of it.
    pub(super) fn timers_of(
        &self,
        deciding: &Deciding,
        record: &Record,
        now: Timestamp,
    ) -> Answer<Vec<Coming>> {
        let store = self.roster.store();
        let needle = format!("/{}/", record.id);
        let mut coming = Vec::new();
        for key in store.keys(prefix::TIMER) {
            let key = key?;
            if !String::from_utf8_lossy(&key).contains(&needle) {
                continue;
            }
            let Some(timer) = store.get::<Timer>(&key)? else {
                continue;
            };
            coming.extend(self.would_come(deciding, record, &timer, now)?);
        }
        Ok(coming)
    }

    fn would_come(
        &self,
        deciding: &Deciding,
        record: &Record,
        timer: &Timer,
        now: Timestamp,
    ) -> Answer<Option<Coming>> {
        let then = timer.due.max(now);
        let record = record.for_rule(&timer.rule);
        let place = Some((record.place.workbook.as_str(), record.place.sheet));
        let cx = deciding.context(&self.roster, place, then);
        let settled = record.settled.as_ref().unwrap_or(&record.seen);
        let facts = self
            .roster
            .facts_of(&record, settled, &serde_json::Value::Null, then)?;
        let decision = on_timer(&cx, timer, Some(&record), &facts);
        let mut to = Vec::new();
        for message in &decision.messages {
            to.push(match &message.to {
                Recipient::Customer => "the customer".to_owned(),
                _ => self.recipient(message)?,
            });
        }
        let name = match &timer.kind {
            TimerKind::Idle { round, .. } => format!("reminder {}", round + 1),
            TimerKind::IdleEscalation { .. } | TimerKind::Escalation { .. } => {
                "an escalation".to_owned()
            }
            TimerKind::Date { on, .. } => format!("the date {on}"),
            TimerKind::Series { step, .. } => {
                let rule = cx.rules.iter().find(|rule| rule.id == timer.rule);
                let series = rule.map_or(&[][..], |rule| &rule.series);
                let place = series.iter().position(|one| one.number == *step);
                let place = place.map_or(0, |place| place + 1);
                format!("step {place} of {} of its series", series.len())
            }
            TimerKind::Schedule | TimerKind::Own { .. } => return Ok(None),
        };
        let said = decision.considered.first().map(|(_, why)| why.clone());
        let (sends, what) = match (to.is_empty(), said) {
            (false, _) => (
                true,
                format!("{name}: to {}, if nothing changes before", to.join(", ")),
            ),
            (true, Some(why)) => (
                false,
                format!("{name}: would not fire as things stand: {why}"),
            ),
            // It lapses, or moves itself: what it moved to is a timer of its own.
            (true, None) => return Ok(None),
        };
        Ok(Some(Coming {
            at: self.local(then),
            rule: timer.rule.clone(),
            kind: "timer".to_owned(),
            sends,
            what,
            key: None,
        }))
    }
}
