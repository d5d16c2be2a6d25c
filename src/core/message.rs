//! A message: one text to one recipient by one channel, named by its cause.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::delivery::{Attempt, State};
use super::record::RecordId;
use super::rule::{Channel, Fallback};

/// `rule/step/record/role/occasion`; deciding twice gives the same key, and a key that exists is not written again.
///
/// The same key makes the Message-ID of a mail. Schedules have no record and write `-` in its place.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageKey(String);

impl MessageKey {
    /// Joins the five parts. Slashes inside of a part become `∕` so that the parts can be told apart.
    pub fn new(
        rule: &str,
        step: u32,
        record: Option<&RecordId>,
        role: &str,
        occasion: &str,
    ) -> Self {
        let clean = |part: &str| part.replace('/', "∕");
        let record = record.map_or("-", RecordId::as_str);
        Self(format!(
            "{}/{step}/{record}/{}/{}",
            clean(rule),
            clean(role),
            clean(occasion)
        ))
    }

    /// Wraps a key that was made before (from the store or the command line).
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// 32 hexadecimal digits that stand for this key in a Message-ID, a button, or a log.
    pub fn digest(&self) -> String {
        blake3::hash(self.0.as_bytes()).to_hex()[..32].to_owned()
    }
}

impl fmt::Display for MessageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MessageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who gets it. Which address that is, is looked up at the first attempt (SEMANTICS 30).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// The customer of the record.
    Customer,
    /// The staff in charge of the record at the first attempt: the first named in the cell (0), or a further one.
    Owner(u8),
    /// A member of staff or a manager, by the name in `[[staff]]` or in a staff tab.
    Staff(String),
    /// `[alerts] email`, when nobody else can be reached.
    Alerts,
}

/// An address that shows itself masked everywhere but to a courier.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// A mailbox.
    Email(String),
    /// A Telegram chat id.
    Chat(i64),
}

impl Address {
    /// The bare address; for couriers and for keys of caps and suppressions only.
    pub fn expose(&self) -> String {
        match self {
            Self::Email(address) => address.clone(),
            Self::Chat(id) => id.to_string(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email(address) => {
                let (local, domain) = address.split_once('@').unwrap_or((address, ""));
                let first: String = local.chars().take(1).collect();
                write!(f, "{first}…@{domain}")
            }
            Self::Chat(id) => {
                let digits = id.to_string();
                write!(f, "chat …{}", &digits[digits.len().saturating_sub(3)..])
            }
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What must still be true when the message is about to go (SEMANTICS 19).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Always: removals, schedules.
    Always,
    /// The row is there.
    Row,
    /// The record is still in this stage, entered with this event.
    Stage {
        /// Stage id.
        stage: String,
        /// Number of the event with which the stage was entered.
        event: u64,
    },
    /// As `Stage`, and the idle clock still runs from the same start.
    Idle {
        /// Stage id.
        stage: String,
        /// Start of the idle clock.
        since: Timestamp,
    },
    /// The cell still says this date (ISO).
    Date {
        /// Field id.
        field: String,
        /// The date or time as ISO text.
        value: String,
    },
    /// No activity since the event: for escalations of a lead alert.
    Untouched {
        /// Start of the stopwatch.
        since: Timestamp,
    },
}

/// One text to one recipient by one channel, from decision to end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// What it is named by.
    pub key: MessageKey,
    /// Rule id.
    pub rule: String,
    /// Number of the step within the rule.
    pub step: u32,
    /// The record it speaks of, if any.
    pub record: Option<RecordId>,
    /// To whom.
    pub to: Recipient,
    /// By which channel it is to go; a fallback may change it.
    pub channel: Channel,
    /// What to try in order when that way is closed.
    #[serde(default)]
    pub otherwise: Vec<Fallback>,
    /// Template name.
    pub template: String,
    /// What is known only at the event, as top-level names beside the facts of the record: `event`, `hold`, `held`, … (see `core::facts::message`).
    pub event: serde_json::Value,
    /// Whether it advertises.
    pub ad: bool,
    /// Overrides working hours.
    pub urgent: bool,
    /// Whether it still waits for its holding time, with buttons at the owner's.
    #[serde(default)]
    pub held_until: Option<Timestamp>,
    /// What must still be true.
    pub wanted: Wanted,
    /// When it was decided.
    pub created: Timestamp,
    /// When it is to go, or to be looked at next.
    pub due: Timestamp,
    /// After that it is not worth sending.
    pub expires: Timestamp,
    /// Where it stands.
    pub state: State,
    /// Why it stands there, for people.
    #[serde(default)]
    pub why: String,
    /// Frozen at the first attempt and kept for retries: address, template hash and merge values.
    #[serde(default)]
    pub frozen: Option<Frozen>,
    /// Every try.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// What people did to it by hand, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hands: Vec<Hand>,
    /// Decided under `[trial] redirect_all_to`: occasions are used up only in the trial's own ledger.
    #[serde(default)]
    pub trial: bool,
}

impl Message {
    /// The tries since somebody last sent it on its way by hand: a retry begins at the foot of the ladder.
    pub fn tries(&self) -> &[Attempt] {
        let from = self.hands.iter().rev().find(|hand| hand.did == Did::Queued);
        &self.attempts[from.map_or(0, |hand| hand.tries.min(self.attempts.len()))..]
    }

    /// How often it was in doubt: an answer to one doubt is none to the next.
    pub fn doubts(&self) -> usize {
        let doubtful = |attempt: &&Attempt| attempt.ended == State::InDoubt;
        self.attempts.iter().filter(doubtful).count()
    }
}

/// Something that somebody did to a message by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hand {
    /// When.
    pub at: Timestamp,
    /// Who, as in the journal.
    pub by: String,
    /// What.
    pub did: Did,
    /// How often it had been tried until then.
    pub tries: usize,
}

/// What can be done to a message by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Did {
    /// Sent again under the same key.
    Queued,
    /// Said not to go.
    Cancelled,
    /// Said to have arrived, when that was in doubt.
    Delivered,
    /// Given up, when it was in doubt.
    Dead,
}

impl Did {
    /// The state it led to.
    pub fn state(self) -> State {
        match self {
            Self::Queued => State::Queued,
            Self::Cancelled => State::Cancelled,
            Self::Delivered => State::Delivered,
            Self::Dead => State::Dead,
        }
    }
}

/// What a message takes from the record at its first attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frozen {
    /// Where it goes.
    pub address: Address,
    /// The name to write beside the address.
    pub display_name: String,
    /// Content hash of the template, under which the store keeps it.
    pub template: String,
    /// Merge values.
    pub values: serde_json::Value,
}
