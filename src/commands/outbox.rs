//! Messages and where they stand.

use serde::{Deserialize, Serialize};

use super::{Answer, CommandError, Desk, ErrorKind, Right, Who, paused_by};
use crate::core::delivery::State;
use crate::core::message::{Message, Recipient};
use crate::core::sheet::Value;
use crate::store::keys::{self, prefix};

/// More are not listed at once.
const MOST: usize = 10_000;

/// One message, as `outbox list --json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxLine {
    /// Its key.
    pub key: String,
    /// Rule id.
    pub rule: String,
    /// `queued`, `delivered`, …
    pub state: String,
    /// `email` or `telegram`.
    pub channel: String,
    /// To whom: a masked address, or a colleague's name.
    pub to: String,
    /// Local ISO time with offset: when it goes, or is looked at next.
    pub due: String,
    /// When it was decided.
    pub created: String,
    /// How often it was tried.
    pub attempts: usize,
    /// Why it stands there.
    pub why: String,
}

impl Desk {
    /// Messages, newest first, those of one state or all.
    ///
    /// # Errors
    /// The role, a word that is no state, the disk.
    pub fn outbox(&self, state: Option<&str>, limit: usize, who: &Who) -> Answer<Vec<OutboxLine>> {
        self.must_all(who, Right::Everything)?;
        let state = state
            .map(State::parse)
            .transpose()
            .map_err(|why| CommandError::plain(ErrorKind::Usage, why))?;
        let mut newest: Vec<(jiff::Timestamp, keys::Key)> = Vec::new();
        for entry in self.roster.store().scan::<Message>(prefix::MESSAGE) {
            let (key, message) = entry?;
            if state.is_none_or(|state| state == message.state) {
                newest.push((message.created, key));
            }
        }
        newest.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let mut lines = Vec::new();
        for (_, key) in newest.into_iter().take(limit.min(MOST)) {
            if let Some(message) = self.roster.store().get::<Message>(&key)? {
                lines.push(self.outbox_line(&message)?);
            }
        }
        Ok(lines)
    }

    /// One message in words.
    pub(super) fn outbox_line(&self, message: &Message) -> Answer<OutboxLine> {
        let mut why = message.why.clone();
        if message.state == State::Queued
            && let Some(paused) = paused_by(self.roster.store(), message)?
        {
            why = format!("paused: {paused}");
        }
        Ok(OutboxLine {
            key: message.key.to_string(),
            rule: message.rule.clone(),
            state: message.state.to_string(),
            channel: message.channel.as_str().to_owned(),
            to: self.recipient(message)?,
            due: self.local(message.due),
            created: self.local(message.created),
            attempts: message.attempts.len(),
            why,
        })
    }

    /// A masked address, or a colleague's name.
    pub(super) fn recipient(&self, message: &Message) -> Answer<String> {
        if let Some(frozen) = &message.frozen {
            return Ok(match &message.to {
                Recipient::Staff(name) => name.clone(),
                Recipient::Customer | Recipient::Owner(_) | Recipient::Alerts => {
                    frozen.address.to_string()
                }
            });
        }
        let record = match &message.record {
            Some(id) => self.roster.store().record(id)?,
            None => None,
        };
        let typed = record
            .map(|record| {
                self.roster
                    .typed(record.kind, &record.place.workbook, &record.seen)
            })
            .transpose()?;
        let value = |field: &str| typed.as_ref().and_then(|typed| typed.values.get(field));
        Ok(match &message.to {
            Recipient::Customer => match value("email") {
                Some(Value::Email(emails)) => {
                    emails.first().map(ToString::to_string).unwrap_or_default()
                }
                _ => "no address".into(),
            },
            Recipient::Owner(n) => match value("owner") {
                Some(Value::Owner(names)) => names
                    .get(usize::from(*n))
                    .cloned()
                    .unwrap_or_else(|| "owner".into()),
                _ => "owner".into(),
            },
            Recipient::Staff(name) => name.clone(),
            Recipient::Alerts => "[alerts] email".into(),
        })
    }
}
