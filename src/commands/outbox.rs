//! Messages and where they stand: which, by what, and the story of one. Acting on them by hand is `outbox/act`'s.

mod act;
mod doubt;
mod filter;
mod story;
mod trial;
mod trial_over;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, CommandError, Desk, ErrorKind, Right, Who, paused_by};
use crate::core::delivery::State;
use crate::core::message::{Message, MessageKey, Recipient};
use crate::core::sheet::Value;
use crate::store::keys::{self, prefix};

pub use act::{Acted, Done, HandAct, Refused};
pub use doubt::{Amendment, Resolved, doubt_id, question_rule};
pub use filter::OutboxFilter;
pub use story::{AttemptLine, HandLine, OutboxStory};
pub use trial::{TrialEnd, TrialLine, TrialReport, TrialTaken, open_trial};
pub use trial_over::TrialKept;

/// More are not listed at once.
const MOST: usize = 10_000;

/// More than so many candidates are not named in an error.
const NAMED: usize = 5;

/// One message, as `outbox list --json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxLine {
    /// Its key.
    pub key: String,
    /// 32 digits that stand for the key: in the Message-ID, in buttons, on the command line.
    #[serde(default)]
    pub id: String,
    /// Rule id.
    pub rule: String,
    /// The record it speaks of.
    #[serde(default)]
    pub record: Option<String>,
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
    /// Decided in a trial: it goes to `[trial] redirect_all_to`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trial: bool,
}

impl Desk {
    /// Messages, newest first, those that a filter means.
    ///
    /// # Errors
    /// The role, a filter that says nothing (see [`OutboxFilter`]), the disk.
    pub fn outbox(
        &self,
        filter: &OutboxFilter,
        who: &Who,
        now: Timestamp,
    ) -> Answer<Vec<OutboxLine>> {
        self.must_all(who, Right::Everything)?;
        let sieve = self.sieve(filter, now)?;
        let mut newest: Vec<(Timestamp, keys::Key)> = Vec::new();
        for entry in self.roster.store().scan::<Message>(prefix::MESSAGE) {
            let (key, message) = entry?;
            if sieve.takes(&message) {
                newest.push((message.created, key));
            }
        }
        newest.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let limit = if filter.limit == 0 {
            MOST
        } else {
            filter.limit
        };
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
            id: message.key.digest(),
            rule: message.rule.clone(),
            record: message.record.as_ref().map(ToString::to_string),
            state: message.state.to_string(),
            channel: message.channel.as_str().to_owned(),
            to: self.recipient(message)?,
            due: self.local(message.due),
            created: self.local(message.created),
            attempts: message.attempts.len(),
            why,
            trial: message.trial,
        })
    }

    /// The one message that a text means: its key, the digest of it, or a piece of either that no other has.
    ///
    /// # Errors
    /// None such, or several, which are named; the disk.
    pub(super) fn meant_message(&self, text: &str) -> Answer<Message> {
        let store = self.roster.store();
        let text = text.trim();
        // A Message-ID is the digest before the `@`.
        let piece = text
            .trim_start_matches('<')
            .split_once('@')
            .map_or(text, |(digest, _)| digest.trim_start_matches('<'));
        let exact = MessageKey::from_text(text);
        if let Some(message) = store.get::<Message>(&keys::message(&exact))? {
            return Ok(message);
        }
        if piece.is_empty() {
            return Err(no_such(text));
        }
        let mut found: Vec<MessageKey> = Vec::new();
        if let Some(key) = store.get::<MessageKey>(&keys::under(prefix::DIGEST, piece))? {
            found.push(key);
        }
        let hex = found.is_empty()
            && piece.len() >= 4
            && piece.bytes().all(|byte| byte.is_ascii_hexdigit());
        if hex {
            let under = keys::under(prefix::DIGEST, piece.to_lowercase());
            for entry in store.scan::<MessageKey>(&under).take(NAMED + 1) {
                found.push(entry?.1);
            }
        }
        if found.is_empty() {
            for key in store.keys(prefix::MESSAGE) {
                let key = key?;
                let key = String::from_utf8_lossy(&key[prefix::MESSAGE.len()..]).into_owned();
                let key = MessageKey::from_text(key);
                let by_digest = || hex && key.digest().starts_with(&piece.to_lowercase());
                if key.as_str().contains(text) || by_digest() {
                    found.push(key);
                }
                if found.len() > NAMED {
                    break;
                }
            }
        }
        match &found[..] {
            [] => Err(no_such(text)),
            [key] => store
                .get::<Message>(&keys::message(key))?
                .ok_or_else(|| forgotten(key)),
            several => Err(several_such(text, several)),
        }
    }

    /// A masked address, or a colleague's name.
    pub(super) fn recipient(&self, message: &Message) -> Answer<String> {
        if let Some(frozen) = &message.frozen {
            return Ok(match &message.to {
                Recipient::Staff(name) => name.clone(),
                Recipient::Owner(_) if !frozen.display_name.is_empty() => {
                    frozen.display_name.clone()
                }
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
            .as_ref()
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
            Recipient::Owner(n) => {
                let names = match (&record, &typed) {
                    (Some(record), Some(typed)) => self.roster.owners_in(&record.id, typed)?,
                    _ => Vec::new(),
                };
                let name = names.get(usize::from(*n)).cloned();
                name.unwrap_or_else(|| "owner".into())
            }
            Recipient::Staff(name) => {
                let standing = self.roster.stand_ins()?;
                let of = record.as_ref().map(|record| &record.id);
                let instead = of.and_then(|id| standing.instead(id, name));
                instead.unwrap_or(name).to_owned()
            }
            Recipient::Alerts => "[alerts] email".into(),
        })
    }
}

fn no_such(text: &str) -> CommandError {
    CommandError::plain(
        ErrorKind::NotFound,
        format!(
            "no message has \"{text}\" in its key: `sheetbridge outbox list` shows the keys, of messages not older than [keep] messages"
        ),
    )
}

fn forgotten(key: &MessageKey) -> CommandError {
    CommandError::plain(
        ErrorKind::NotFound,
        format!(
            "{key} ended longer ago than [keep] messages: only its key is kept, so that it never goes again"
        ),
    )
}

fn several_such(text: &str, keys: &[MessageKey]) -> CommandError {
    let more = if keys.len() > NAMED { ", …" } else { "" };
    let named: Vec<&str> = keys.iter().take(NAMED).map(MessageKey::as_str).collect();
    CommandError::plain(
        ErrorKind::NotFound,
        format!(
            "\"{text}\" is in the keys of several messages: write more of it; there are {}{more}",
            named.join(", ")
        ),
    )
}
