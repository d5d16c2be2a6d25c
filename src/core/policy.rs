//! May it go now? The last look at a message before each send: is it still wanted, allowed and timely.
//!
//! Everything it goes by is in [`PolicyInput`]; the outbox fills it from the store. The provider's pace and
//! the ways around a dead address (`else`) are the outbox's own; the `[QC]` label is put on by `render`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::calendar::Calendar;
use super::delivery::State;
use super::message::{Message, Recipient, Wanted};
use super::record::Record;

/// Advertising e-mails to one address in any 24 hours (Decree 91/2020/NĐ-CP Art. 13).
pub const ADS_PER_DAY: usize = 3;

/// The window of the cap: rolling, not a calendar day.
const CAP_WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// How soon to look again at a message whose row is missing: it may only have been cut and not yet pasted.
const MISSING_ROW: SignedDuration = SignedDuration::from_secs(60);

/// How soon to look again at what is paused. `resume` need not wait for it: it makes the queue due.
const PAUSED: SignedDuration = SignedDuration::from_mins(5);

/// How much an address, or the person behind it, wants to be left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusing {
    /// Advertising: the opt-out link, the opt-out cell (`no_ads`).
    Ads,
    /// Everything: a full opt-out, or an address that takes no mail.
    Everything,
}

/// What is known against writing to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// How far it reaches.
    pub of: Refusing,
    /// Why, for people, such as `opted out by the link on 2026-11-03`.
    pub why: String,
}

/// All that policy goes by.
#[derive(Clone, Debug)]
pub struct PolicyInput<'a> {
    /// The time.
    pub now: Timestamp,
    /// Zone, hours and holidays.
    pub calendar: &'a Calendar,
    /// The message; its recipient says whose hours count.
    pub message: &'a Message,
    /// The record it speaks of, tombstones included; `None` if it has none or the record is forgotten.
    pub record: Option<&'a Record>,
    /// The date fields of the record as ISO text, by field id, as they are now and in the form in which
    /// [`Wanted::Date`] has them; several where the appointment tabs have some, too.
    pub dates: &'a BTreeMap<String, Vec<String>>,
    /// The suppression of the address it would go to, if there is one.
    pub suppressed: Option<&'a Refusal>,
    /// What the opt-out cell of the record, or of anybody with the same contact, says.
    pub opted_out: Option<&'a Refusal>,
    /// Whether the person has consented to advertising; `None` if nothing is known, which is no consent.
    pub consent: Option<bool>,
    /// When advertising went to this address, also in doubt; older ones than 24 hours do not matter.
    pub ads_sent: &'a [Timestamp],
    /// Who paused what it belongs to (all sending, the channel, the campaign or the rule), for people.
    pub paused: Option<&'a str>,
    /// A time that a marketer has fixed for the campaign: it goes on a holiday, too.
    pub fixed_time: bool,
}

/// The answer. Each `why` is for people, in English.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It may go now.
    Go,
    /// Not now.
    Wait {
        /// When to look again, always later than now.
        until: Timestamp,
        /// What it waits for.
        why: String,
    },
    /// Never.
    Never {
        /// What speaks against it.
        why: String,
        /// The state it ends in: cancelled or expired.
        state: State,
    },
}

impl Answer {
    fn cancelled(why: impl Into<String>) -> Self {
        Self::Never {
            why: why.into(),
            state: State::Cancelled,
        }
    }
}

/// Looks at a message that is about to go.
///
/// In this order, so that the reason given is the one that stays: expired, still wanted, suppressed or opted
/// out, consent, held, paused, cap, hours.
///
/// It never waits beyond the moment at which the message expires, so that this is seen then.
pub fn look(input: &PolicyInput<'_>) -> Answer {
    let answer = expired(input)
        .or_else(|| unwanted(input))
        .or_else(|| refused(input))
        .or_else(|| without_consent(input))
        .or_else(|| held(input))
        .or_else(|| paused(input))
        .or_else(|| over_the_cap(input))
        .or_else(|| out_of_hours(input))
        .unwrap_or(Answer::Go);
    match answer {
        Answer::Wait { until, why } => Answer::Wait {
            until: until.min(later(input.message.expires, SignedDuration::from_secs(1))),
            why,
        },
        Answer::Go | Answer::Never { .. } => answer,
    }
}

fn expired(input: &PolicyInput<'_>) -> Option<Answer> {
    (input.now > input.message.expires).then(|| Answer::Never {
        why: format!(
            "it was worth sending until {}",
            shown(input, input.message.expires)
        ),
        state: State::Expired,
    })
}

/// Whether what made the message is still so (SEMANTICS 19).
fn unwanted(input: &PolicyInput<'_>) -> Option<Answer> {
    let wanted = &input.message.wanted;
    if *wanted == Wanted::Always {
        return None;
    }
    let Some(record) = input.record else {
        return Some(Answer::cancelled("the customer's row is gone"));
    };
    // A rule with a settle time of its own goes by what has settled for it.
    let record = &*record.for_rule(&input.message.rule);
    if record.removed {
        return Some(Answer::cancelled("the customer's row has been removed"));
    }
    if let Some(gone) = record.gone {
        return Some(Answer::Wait {
            until: later(input.now, MISSING_ROW),
            why: format!(
                "the customer's row is missing since {}: it may have been cut and not yet pasted",
                shown(input, gone)
            ),
        });
    }
    let left = |stage: &str| {
        Some(Answer::cancelled(format!(
            "the customer has left the stage {stage}"
        )))
    };
    if let Some(answer) = unsettled(input, record) {
        return Some(answer);
    }
    match wanted {
        Wanted::Always | Wanted::Row => None,
        Wanted::Stage { stage, event } => {
            let still = record.stage.as_deref() == Some(stage) && record.stage_event == *event;
            if still { None } else { left(stage) }
        }
        Wanted::Idle { stage, .. } if record.stage.as_deref() != Some(stage) => left(stage),
        Wanted::Idle { since, .. } | Wanted::Untouched { since } => (record.active_at > *since)
            .then(|| {
                Answer::cancelled(format!(
                    "somebody has been at it since ({})",
                    shown(input, record.active_at)
                ))
            }),
        Wanted::Date { field, value } => {
            let now = input.dates.get(field).map_or(&[][..], Vec::as_slice);
            (!now.contains(value)).then(|| {
                Answer::cancelled(match now {
                    [] => format!("the date {field} is empty now, no longer {value}"),
                    _ => format!(
                        "the date {field} is {} now, no longer {value}",
                        now.join(", ")
                    ),
                })
            })
        }
    }
}

/// Somebody is at a cell on which the message depends: whether it stays so is known when it has settled.
/// What has been left or touched for good already is not waited for.
fn unsettled(input: &PolicyInput<'_>, record: &Record) -> Option<Answer> {
    let settled = record.settled.as_ref()?;
    let differs = |field: &str| settled.get(field) != record.seen.get(field);
    let waits = match &input.message.wanted {
        Wanted::Always | Wanted::Row => false,
        Wanted::Stage { stage, event } => {
            differs("stage")
                && record.stage.as_deref() == Some(stage)
                && record.stage_event == *event
        }
        Wanted::Idle { since, .. } | Wanted::Untouched { since } => {
            *settled != record.seen && record.active_at <= *since
        }
        Wanted::Date { field, .. } => differs(field),
    };
    waits.then(|| Answer::Wait {
        until: later(input.now, MISSING_ROW),
        why: "the customer's row is being changed just now".to_owned(),
    })
}

/// Suppression of the address, and the customer's own refusal.
fn refused(input: &PolicyInput<'_>) -> Option<Answer> {
    let of_person = match input.message.to {
        Recipient::Customer => input.opted_out,
        // What a customer refuses does not keep staff from hearing of the customer.
        Recipient::Owner(_) | Recipient::Staff(_) | Recipient::Alerts => None,
    };
    [input.suppressed, of_person]
        .into_iter()
        .flatten()
        .find(|refusal| match refusal.of {
            Refusing::Everything => true,
            Refusing::Ads => input.message.ad,
        })
        .map(|refusal| Answer::cancelled(&refusal.why))
}

/// Advertising to customers needs consent; an empty cell is none (Decree 91/2020 Art. 11 and 13).
fn without_consent(input: &PolicyInput<'_>) -> Option<Answer> {
    if !input.message.ad || input.message.to != Recipient::Customer {
        return None;
    }
    match input.consent {
        Some(true) => None,
        Some(false) => Some(Answer::cancelled(
            "it advertises, and the customer has not agreed to that",
        )),
        None => Some(Answer::cancelled(
            "it advertises, and nothing shows that the customer has agreed to that",
        )),
    }
}

/// The holding time in which the owner may still say that the stage was picked by mistake.
fn held(input: &PolicyInput<'_>) -> Option<Answer> {
    let until = input.message.held_until?;
    (until > input.now).then(|| Answer::Wait {
        until,
        why: format!(
            "held until {}, so that it can still be stopped",
            shown(input, until)
        ),
    })
}

fn paused(input: &PolicyInput<'_>) -> Option<Answer> {
    input.paused.map(|who| Answer::Wait {
        until: later(input.now, PAUSED),
        why: format!("paused: {who}"),
    })
}

/// At most three in any 24 hours: it opens when the third last leaves the window.
fn over_the_cap(input: &PolicyInput<'_>) -> Option<Answer> {
    if !input.message.ad {
        return None;
    }
    let mut within: Vec<Timestamp> = input
        .ads_sent
        .iter()
        .copied()
        .filter(|sent| later(*sent, CAP_WINDOW) > input.now)
        .collect();
    within.sort_unstable();
    let third_last = *within.get(within.len().checked_sub(ADS_PER_DAY)?)?;
    let free = later(third_last, CAP_WINDOW);
    Some(Answer::Wait {
        until: next_open(input, free),
        why: format!(
            "{} advertising messages went to this address in 24 hours, {ADS_PER_DAY} are allowed; the next may go after {}",
            within.len(),
            shown(input, free)
        ),
    })
}

/// Working hours for staff, `ads` hours for customers, any time for alerts (SEMANTICS 20).
fn out_of_hours(input: &PolicyInput<'_>) -> Option<Answer> {
    let open = next_open(input, input.now);
    (open > input.now).then(|| {
        let (whose, hours) = match input.message.to {
            Recipient::Customer => ("hours for writing to customers", &input.calendar.ads),
            Recipient::Owner(_) | Recipient::Staff(_) | Recipient::Alerts => {
                ("working hours", &input.calendar.work)
            }
        };
        Answer::Wait {
            until: open,
            why: format!(
                "outside of the {whose} ({hours}); they begin again at {}",
                shown(input, open)
            ),
        }
    })
}

/// The first time from `at` on at which the hours are open for this message.
fn next_open(input: &PolicyInput<'_>, at: Timestamp) -> Timestamp {
    let message = input.message;
    if message.urgent && !message.ad {
        return at;
    }
    match message.to {
        Recipient::Customer if input.fixed_time => input.calendar.next_ads_any_day(at),
        Recipient::Customer => input.calendar.next_ads(at),
        Recipient::Owner(_) | Recipient::Staff(_) => input.calendar.next_work(at),
        Recipient::Alerts => at,
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// A time as the company's wall clock shows it.
fn shown(input: &PolicyInput<'_>, at: Timestamp) -> String {
    at.to_zoned(input.calendar.zone.clone())
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}

#[cfg(test)]
mod tests;
