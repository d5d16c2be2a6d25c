//! Which messages somebody means: by state, rule, channel, recipient and time.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use serde::{Deserialize, Serialize};

use super::{Answer, CommandError, Desk, ErrorKind};
use crate::core::delivery::State;
use crate::core::message::{Address, Message, Recipient};
use crate::core::record::RecordId;
use crate::core::rule::{Channel, Span};
use crate::core::sheet::fold::fold;

/// Which messages are meant; what is not said does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutboxFilter {
    /// In this state (`queued`, `in_doubt`, …), or in one of several with commas between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Of this rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// By this channel: `email` or `telegram`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// To this person: a customer's phone, e-mail, name or record id, or a colleague's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Decided then or later: a date, a date and time, `today`, `yesterday`, or how long ago (`2d`, `3h`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Decided before that; a date means its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Only those of a trial.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub trial: bool,
    /// At most so many; 0: as many as are listed at once.
    pub limit: usize,
}

/// A filter whose words are understood.
pub(super) struct Sieve {
    states: Vec<State>,
    rule: Option<String>,
    channel: Option<Channel>,
    to: Option<Whom>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    trial: bool,
}

/// To whom.
struct Whom {
    records: BTreeSet<RecordId>,
    colleague: Option<String>,
    email: Option<String>,
}

impl Sieve {
    pub(super) fn takes(&self, message: &Message) -> bool {
        (self.states.is_empty() || self.states.contains(&message.state))
            && self.rule.as_ref().is_none_or(|rule| *rule == message.rule)
            && self
                .channel
                .is_none_or(|channel| channel == message.channel)
            && self.since.is_none_or(|since| message.created >= since)
            && self.until.is_none_or(|until| message.created < until)
            && (!self.trial || message.trial)
            && self.to.as_ref().is_none_or(|whom| whom.is_meant(message))
    }
}

impl Whom {
    fn is_meant(&self, message: &Message) -> bool {
        let address = message.frozen.as_ref().map(|frozen| &frozen.address);
        if let (Some(wanted), Some(Address::Email(address))) = (&self.email, address)
            && address.to_lowercase() == *wanted
        {
            return true;
        }
        let to_colleague = |name: &str| self.colleague.as_deref() == Some(name);
        match &message.to {
            Recipient::Customer => message
                .record
                .as_ref()
                .is_some_and(|record| self.records.contains(record)),
            Recipient::Staff(name) => to_colleague(name),
            Recipient::Owner(_) => message
                .frozen
                .as_ref()
                .is_some_and(|frozen| to_colleague(&frozen.display_name)),
            Recipient::Alerts => false,
        }
    }
}

impl Desk {
    /// # Errors
    /// Usage: a word that is no state, channel or time; nobody of that name; the disk.
    pub(super) fn sieve(&self, filter: &OutboxFilter, now: Timestamp) -> Answer<Sieve> {
        let states = filter
            .state
            .iter()
            .flat_map(|words| words.split(','))
            .map(State::parse)
            .collect::<Result<_, _>>()
            .map_err(|why| CommandError::plain(ErrorKind::Usage, why))?;
        let channel = filter.channel.as_deref().map(channel).transpose()?;
        let time = |text: &Option<String>, end: bool| {
            text.as_deref()
                .map(|text| self.time_meant(text, end, now))
                .transpose()
        };
        Ok(Sieve {
            states,
            rule: filter.rule.clone(),
            channel,
            to: filter.to.as_deref().map(|who| self.whom(who)).transpose()?,
            since: time(&filter.since, false)?,
            until: time(&filter.until, true)?,
            trial: filter.trial,
        })
    }

    fn whom(&self, who: &str) -> Answer<Whom> {
        let directory = self.roster.directory()?;
        let colleague = directory.find(who).map(|person| person.name.clone());
        let email = who.contains('@').then(|| who.trim().to_lowercase());
        let records: BTreeSet<RecordId> = self
            .people(who)?
            .into_iter()
            .map(|found| found.record.id)
            .collect();
        if records.is_empty() && colleague.is_none() && email.is_none() {
            let names: Vec<&str> = directory.all().iter().map(|p| p.name.as_str()).collect();
            return Err(CommandError::plain(
                ErrorKind::NotFound,
                format!(
                    "nobody is known as \"{who}\": write a customer's phone, e-mail, name or record id, or one of {}",
                    names.join(", ")
                ),
            ));
        }
        Ok(Whom {
            records,
            colleague,
            email,
        })
    }

    /// A time as people type it. `end`: a date means the end of its day.
    fn time_meant(&self, text: &str, end: bool, now: Timestamp) -> Answer<Timestamp> {
        let calendar = &self.roster.config().calendar;
        let day = |date: Date| {
            let date = if end {
                date.tomorrow().unwrap_or(date)
            } else {
                date
            };
            calendar.at_local(date, Time::midnight())
        };
        let words = text.trim();
        let today = calendar.date(now);
        match fold(words).as_str() {
            "today" | "hom nay" => return Ok(day(today)),
            "yesterday" | "hom qua" => return Ok(day(today.yesterday().unwrap_or(today))),
            _ => {}
        }
        if let Ok(at) = words.parse::<Timestamp>() {
            return Ok(at);
        }
        if let Ok(date) = words.parse::<Date>() {
            return Ok(day(date));
        }
        if let Ok(at) = words.replacen(' ', "T", 1).parse::<DateTime>() {
            return Ok(calendar.at_local(at.date(), at.time()));
        }
        if let Ok(ago) = Span::parse(words) {
            return Ok(now.saturating_sub(ago.duration()).unwrap_or(now));
        }
        Err(CommandError::plain(
            ErrorKind::Usage,
            format!(
                "\"{text}\" is no time: write a date (2026-11-21), a date and time (\"2026-11-21 09:00\"), today, yesterday, or how long ago (2d, 3h, 45m)"
            ),
        ))
    }
}

fn channel(name: &str) -> Answer<Channel> {
    match fold(name).as_str() {
        "email" | "e-mail" | "mail" => Ok(Channel::Email),
        "telegram" => Ok(Channel::Telegram),
        _ => Err(CommandError::plain(
            ErrorKind::Usage,
            format!("there is no channel \"{name}\": write email or telegram"),
        )),
    }
}
