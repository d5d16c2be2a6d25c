//! Why a rule does or does not fire for a record, for `explain`. Asks the very functions by which rules decide;
//! what already happened is the ledger's and the journal's to tell.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Context, Timer, TimerKind, stale, timers_for};
use crate::core::record::{Kind, Record};
use crate::core::rule::{Offset, Rule, Span, Trigger};

/// Longest value of a condition that is shown, in letters.
const SHOWN: usize = 60;

/// How a rule stands to a record now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It fires at a time that is known, if all stays as it is.
    Waits,
    /// It looks again at every change until a time that is known.
    Open,
    /// It fires when something happens that has not happened yet.
    Ready,
    /// It has had its occasion, or never will.
    Over,
}

/// What a rule says about a record now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// How it stands.
    pub standing: Standing,
    /// Why, one English sentence.
    pub why: String,
    /// When it fires, or until when it is open.
    pub at: Option<Timestamp>,
    /// Its condition, if it has one.
    pub condition: Option<Reading>,
}

/// What a condition came to, with the values that it read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// As written in the configuration.
    pub source: String,
    /// Whether it is true; nothing if it cannot be evaluated.
    pub holds: Option<bool>,
    /// Why it cannot be evaluated.
    pub error: Option<String>,
    /// Each name that it reads and its value as JSON; `null`: nothing stands there, or what stands there could not be read.
    pub values: Vec<(String, Value)>,
}

impl Reading {
    /// Reads the condition of a rule by these facts.
    pub fn of(rule: &Rule, facts: &Value) -> Option<Self> {
        let when = rule.when.as_ref()?;
        let holds = when.holds(facts);
        let read = |path: &str| {
            let found = path
                .split('.')
                .try_fold(facts, |value, part| value.get(part));
            found.cloned().unwrap_or(Value::Null)
        };
        Some(Self {
            source: when.source().to_owned(),
            error: holds.as_ref().err().cloned(),
            holds: holds.ok(),
            values: when
                .paths()
                .into_iter()
                .map(|path| (path.clone(), read(&path)))
                .collect(),
        })
    }

    /// In words: `its condition is not true: stage == 'won' (stage is "prospect")`.
    pub fn shown(&self) -> String {
        let values: Vec<String> = self
            .values
            .iter()
            .map(|(name, value)| format!("{name} is {}", value_shown(value)))
            .collect();
        let read = if values.is_empty() {
            String::new()
        } else {
            format!(" ({})", values.join(", "))
        };
        match (self.holds, &self.error) {
            (Some(true), _) => format!("its condition is true: {}{read}", self.source),
            (Some(false), _) => format!("its condition is not true: {}{read}", self.source),
            (None, why) => format!(
                "its condition cannot be evaluated: {}: {}{read}",
                self.source,
                why.as_deref().unwrap_or("it broke")
            ),
        }
    }
}

fn value_shown(value: &Value) -> String {
    let text = match value {
        Value::Null => return "empty".to_owned(),
        Value::Object(_) => return "several values".to_owned(),
        other => other.to_string(),
    };
    if text.chars().count() <= SHOWN {
        return text;
    }
    let short: String = text.chars().take(SHOWN).collect();
    format!("{short}…")
}

/// How a rule stands to a record as it has settled for that rule; none if it speaks of no single record (a schedule), or
/// of another kind of record.
pub fn look(cx: &Context<'_>, rule: &Rule, record: &Record, facts: &Value) -> Option<Look> {
    let concerns = match rule.on {
        Trigger::Schedule(_) => false,
        Trigger::Date { .. } => true,
        Trigger::Added
        | Trigger::Changed { .. }
        | Trigger::Removed
        | Trigger::Stage { .. }
        | Trigger::Idle { .. } => record.kind == Kind::Customer,
    };
    if !concerns {
        return None;
    }
    let (standing, why, at) = match &rule.on {
        _ if record.removed => over("the row has been removed".to_owned()),
        Trigger::Added => added(cx, rule, record, facts),
        Trigger::Changed { fields } if fields.is_empty() => {
            ready("it fires when any bound cell has changed")
        }
        Trigger::Changed { fields } => ready(&format!(
            "it fires when {} has changed",
            fields.join(" or ")
        )),
        Trigger::Removed => ready("it fires when the row is gone for good"),
        Trigger::Stage { stage } => stage_rule(cx, record, stage),
        Trigger::Idle { stage, times, .. } => idle(cx, rule, record, facts, stage, *times),
        Trigger::Date { field, .. } => dated(cx, rule, record, facts, field),
        Trigger::Schedule(_) => return None,
    };
    Some(Look {
        standing,
        why,
        at,
        condition: Reading::of(rule, facts),
    })
}

type Said = (Standing, String, Option<Timestamp>);

fn over(why: String) -> Said {
    (Standing::Over, why, None)
}

fn ready(why: &str) -> Said {
    (Standing::Ready, why.to_owned(), None)
}

fn added(cx: &Context<'_>, rule: &Rule, record: &Record, facts: &Value) -> Said {
    if record.baseline {
        return over("the row was there at the first look, which sends nothing".to_owned());
    }
    if let Some(why) = stale(cx, facts) {
        return over(why);
    }
    if record.settled.is_none() {
        return ready("it looks when the row has settled");
    }
    match record.open_rules.get(&rule.id) {
        Some(until) if cx.now <= *until => (
            Standing::Open,
            format!(
                "it stays open until {}, and looks at every change",
                shown(cx, *until)
            ),
            Some(*until),
        ),
        Some(until) => over(format!(
            "it was open until {}, and its condition did not become true",
            shown(cx, *until)
        )),
        None => over("a row is added once, and it has looked at that".to_owned()),
    }
}

fn stage_rule(cx: &Context<'_>, record: &Record, stage: &str) -> Said {
    let wanted = cx.label(stage);
    match &record.stage {
        Some(now) if now == stage && record.stage_event == 0 => over(format!(
            "the customer was in “{wanted}” at the first look; it fires when the stage is entered anew"
        )),
        Some(now) if now == stage => over(format!(
            "the customer is in “{wanted}”{}, and it looks once at each entry",
            record
                .stage_since
                .map(|since| format!(" since {}", shown(cx, since)))
                .unwrap_or_default()
        )),
        Some(now) => ready(&format!(
            "it fires when “{wanted}” is entered; the stage is “{}” now",
            cx.label(now)
        )),
        None => ready(&format!(
            "it fires when “{wanted}” is entered; no stage could be read yet"
        )),
    }
}

fn own_timer(cx: &Context<'_>, rule: &Rule, record: &Record, facts: &Value) -> Option<Timer> {
    timers_for(cx, record, facts)
        .into_iter()
        .filter(|timer| timer.rule == rule.id)
        .find(|timer| matches!(timer.kind, TimerKind::Idle { .. } | TimerKind::Date { .. }))
}

fn idle(
    cx: &Context<'_>,
    rule: &Rule,
    record: &Record,
    facts: &Value,
    stage: &str,
    times: u32,
) -> Said {
    let wanted = cx.label(stage);
    if record.stage.as_deref() != Some(stage) {
        let now = record.stage.as_deref().map_or_else(
            || "no stage could be read".to_owned(),
            |now| format!("the stage is “{}”", cx.label(now)),
        );
        return ready(&format!("it waits for customers in “{wanted}”; {now}"));
    }
    let since = shown(cx, record.active_at);
    match own_timer(cx, rule, record, facts) {
        Some(timer) => {
            let round = match timer.kind {
                TimerKind::Idle { round, .. } => round + 1,
                _ => 1,
            };
            (
                Standing::Waits,
                format!(
                    "nothing has happened since {since}: reminder {round} of {times} comes if it stays so"
                ),
                Some(timer.due),
            )
        }
        None => over(format!(
            "all {times} reminders for the time since {since} are over; any activity starts the clock again"
        )),
    }
}

fn dated(cx: &Context<'_>, rule: &Rule, record: &Record, facts: &Value, field: &str) -> Said {
    let name = cx.headers.get(field).map_or(field, String::as_str);
    let Some(value) = facts[field].as_str() else {
        return ready(&format!("“{name}” is empty, or could not be read"));
    };
    match own_timer(cx, rule, record, facts) {
        Some(timer) => (
            Standing::Waits,
            format!("“{name}” is {value}"),
            Some(timer.due),
        ),
        None => over(format!(
            "“{name}” is {value}: its time has passed, or came before the rule was in force"
        )),
    }
}

/// What sets a rule off, in words.
pub fn trigger_shown(cx: &Context<'_>, on: &Trigger) -> String {
    let header = |field: &str| cx.headers.get(field).map_or(field.to_owned(), Clone::clone);
    match on {
        Trigger::Added => "a new customer".to_owned(),
        Trigger::Changed { fields } if fields.is_empty() => "any change".to_owned(),
        Trigger::Changed { fields } => {
            let names: Vec<String> = fields.iter().map(|field| header(field)).collect();
            format!("a change of {}", names.join(" or "))
        }
        Trigger::Removed => "a customer who is gone".to_owned(),
        Trigger::Stage { stage } => format!("the stage “{}”", cx.label(stage)),
        Trigger::Idle { stage, after, .. } => {
            format!("{after} without news in “{}”", cx.label(stage))
        }
        Trigger::Date {
            field,
            yearly,
            offset,
            ..
        } => {
            let when = match offset {
                Offset::On => "on".to_owned(),
                Offset::Before(span) => format!("{} before", days(*span)),
                Offset::After(span) => format!("{} after", days(*span)),
            };
            let yearly = if *yearly { ", every year" } else { "" };
            format!("{when} “{}”{yearly}", header(field))
        }
        Trigger::Schedule(_) => "a time of the calendar".to_owned(),
    }
}

fn days(span: Span) -> String {
    span.to_string()
}

/// As the company's wall clock shows it.
pub fn shown(cx: &Context<'_>, at: Timestamp) -> String {
    at.to_zoned(cx.calendar.zone.clone())
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}
