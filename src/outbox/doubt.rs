//! What may have been sent: it waits for a person, is sent again, or the managers are asked.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Outbox, OutboxError};
use crate::commands::{doubt_id, question_rule};
use crate::config::InDoubt;
use crate::core::decide::notice;
use crate::core::delivery::{By, State, backoff};
use crate::core::facts::local_text;
use crate::core::facts::message::DoubtFacts;
use crate::core::message::{Frozen, Message, Recipient};
use crate::core::rule::Channel;
use crate::store::keys::{self, prefix};
use crate::store::{Group, StoreError, ledger};

/// A message that was in doubt so often is not sent again by itself: something swallows it.
const DOUBTS: usize = 4;

impl Outbox {
    /// By the channel's policy a message that may have been sent waits for a person, is sent again, or the managers
    /// are asked.
    pub(super) fn doubt(
        &self,
        group: &mut Group,
        message: &mut Message,
        now: Timestamp,
        said: &str,
    ) -> Result<(), OutboxError> {
        ledger::attempted(message, now, State::InDoubt, said);
        ledger::shift(group, message, State::InDoubt, By::Outbox, said, None)?;
        let config = self.roster.config();
        // Reminders and alerts to staff do no harm when they come twice; a customer's mail might.
        let to_staff = message.to != Recipient::Customer;
        let policy = match message.channel {
            Channel::Email if to_staff => Some(InDoubt::Resend),
            Channel::Email => config.email.as_ref().map(|email| email.in_doubt),
            Channel::Telegram => config.telegram.as_ref().map(|telegram| telegram.in_doubt),
        };
        match policy {
            Some(InDoubt::Resend) => self.again(group, message, now),
            Some(InDoubt::Ask) => Ok(self.ask(group, message, now, said)?),
            Some(InDoubt::Hold) | None => Ok(()),
        }
    }

    /// Sends it again under the same key, and so with the same Message-ID.
    fn again(
        &self,
        group: &mut Group,
        message: &mut Message,
        now: Timestamp,
    ) -> Result<(), OutboxError> {
        let doubtful = |attempt: &&crate::core::delivery::Attempt| attempt.ended == State::InDoubt;
        let doubts = message.tries().iter().filter(doubtful).count();
        if doubts >= DOUBTS {
            return Ok(());
        }
        let wait = match doubts {
            0 | 1 => SignedDuration::from_secs(5),
            _ => backoff(
                message.channel,
                u32::try_from(doubts).unwrap_or(u32::MAX),
                crate::random::unit(),
            )
            .unwrap_or_default(),
        };
        let due = now.saturating_add(wait).unwrap_or(now);
        if message.to != Recipient::Customer {
            message.frozen = None; // another way may be open by then
        }
        let why = "in doubt, sent again under the same key";
        ledger::shift(group, message, State::Queued, By::Policy, why, Some(due))?;
        Ok(())
    }

    /// Puts the question to the managers, in the same commit that records the doubt.
    fn ask(
        &self,
        group: &mut Group,
        message: &Message,
        now: Timestamp,
        said: &str,
    ) -> Result<(), StoreError> {
        let zone = &self.roster.config().calendar.zone;
        let local = |at: Timestamp| local_text(at.to_zoned(zone.clone()).datetime());
        let frozen = message.frozen.as_ref();
        let text = |value: Option<&serde_json::Value>| {
            value.and_then(serde_json::Value::as_str).map(String::from)
        };
        let value = |path: &str| text(frozen.and_then(|frozen| frozen.values.pointer(path)));
        let id = doubt_id(message);
        let facts = DoubtFacts {
            id: id.clone(),
            key: id.chars().take(10).collect(),
            name: value("/name/full"),
            to: frozen
                .map(|frozen| frozen.address.to_string())
                .unwrap_or_default(),
            subject: frozen.and_then(|frozen| self.subject(message, frozen)),
            at: Some(local(now)),
            decided: Some(local(message.created)),
            said: Some(said.to_owned()),
            url: value("/sheet_url"),
        };
        let questions = notice::to_managers(
            &self.roster.directory()?,
            question_rule(),
            "in-doubt",
            &id,
            &json!({ "doubt": facts }),
            now,
        );
        for question in questions {
            ledger::queue(self.roster.store(), group, &question)?;
        }
        Ok(())
    }

    fn subject(&self, message: &Message, frozen: &Frozen) -> Option<String> {
        let kept = keys::under(prefix::TEMPLATE, &frozen.template);
        let bundle: Option<String> = self.roster.store().get(&kept).ok().flatten();
        let mail = self.mail_text(message, frozen, bundle.as_deref()).ok()?;
        Some(mail.subject)
    }
}
