//! What became of a try, where a message stands, and which steps between states are legal.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::rule::Channel;

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waiting for its time.
    Queued,
    /// Marked on disk before its body leaves.
    InFlight,
    /// The provider took it.
    Delivered,
    /// The provider refused it for good.
    Rejected,
    /// Maybe sent.
    InDoubt,
    /// Not wanted any more, before it was sent.
    Cancelled,
    /// Its time ran out before it could be sent.
    Expired,
    /// Retries came to their end.
    Dead,
}

/// Who moves a message from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The outbox, from what a courier found out or what it found at start-up.
    Outbox,
    /// Policy, which looks before each send; `[email] in_doubt` and the like; a rule that was removed.
    Policy,
    /// A person, by the command line, the bot or the web page.
    Hand,
}

impl State {
    /// All of them, in the order of a message's life.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::InFlight,
        Self::Delivered,
        Self::Rejected,
        Self::InDoubt,
        Self::Cancelled,
        Self::Expired,
        Self::Dead,
    ];

    /// The name in JSON, in the store and on the command line, such as `in_flight`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InFlight => "in_flight",
            Self::Delivered => "delivered",
            Self::Rejected => "rejected",
            Self::InDoubt => "in_doubt",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Dead => "dead",
        }
    }

    /// Reads [`Self::as_str`]; also with a space or a hyphen, as people type it.
    ///
    /// # Errors
    /// A sentence with all the names.
    pub fn parse(text: &str) -> Result<Self, String> {
        let word = text.trim().to_lowercase().replace([' ', '-'], "_");
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| {
                let names = Self::ALL.map(Self::as_str).join(", ");
                format!("“{text}” is no state: write one of {names}")
            })
    }

    /// Whether nothing more happens to a message by itself. In doubt is no end: somebody has to settle it.
    pub fn is_end(self) -> bool {
        match self {
            Self::Delivered | Self::Rejected | Self::Cancelled | Self::Expired | Self::Dead => true,
            Self::Queued | Self::InFlight | Self::InDoubt => false,
        }
    }

    /// The legal steps, each with who may take it. Every write of a state goes through here; staying where
    /// it is, as a message that waits does, is no step.
    ///
    /// From `queued` it can die without having been in flight when no way to the recipient is left.
    pub fn may_become(self, next: Self, by: By) -> bool {
        match (self, next) {
            (Self::Queued, Self::InFlight | Self::Dead) => by == By::Outbox,
            (Self::Queued, Self::Cancelled) => matches!(by, By::Policy | By::Hand),
            (Self::Queued, Self::Expired) => by == By::Policy,
            (
                Self::InFlight,
                Self::Delivered | Self::Rejected | Self::InDoubt | Self::Queued | Self::Dead,
            ) => by == By::Outbox,
            (Self::InDoubt, Self::Delivered | Self::Queued | Self::Dead) => {
                matches!(by, By::Policy | By::Hand)
            }
            (Self::Rejected | Self::Cancelled | Self::Expired | Self::Dead, Self::Queued) => {
                by == By::Hand
            }
            (Self::Queued, Self::Queued | Self::Delivered | Self::Rejected | Self::InDoubt)
            | (Self::InFlight, Self::InFlight | Self::Cancelled | Self::Expired)
            | (
                Self::InDoubt,
                Self::InFlight | Self::Rejected | Self::InDoubt | Self::Cancelled | Self::Expired,
            )
            | (
                Self::Rejected | Self::Cancelled | Self::Expired | Self::Dead,
                Self::InFlight
                | Self::Delivered
                | Self::Rejected
                | Self::InDoubt
                | Self::Cancelled
                | Self::Expired
                | Self::Dead,
            )
            | (Self::Delivered, _) => false,
        }
    }
}

/// As [`State::as_str`].
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Waits after each failed try of a mail, in seconds: 1m 5m 15m 1h 3h 6h 12h 24h 24h, almost three days in
/// all; RFC 5321 4.5.4.1 asks for four or five, but a welcome that comes on the fifth day is none.
const MAIL_LADDER_S: [i64; 9] = [60, 300, 900, 3_600, 10_800, 21_600, 43_200, 86_400, 86_400];

/// The same for Telegram, whose troubles mostly pass quickly: 10s 30s 2m 10m 30m 1h 3h 6h 12h 24h 24h.
const TELEGRAM_LADDER_S: [i64; 11] = [
    10, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 86_400,
];

/// How long to wait after the failure of try number `attempt` (from 1), or `None` if that was the last.
///
/// `jitter` is a random number from 0 to 1 and moves the wait by up to 20 % either way, so that messages
/// that failed together do not come back together.
pub fn backoff(channel: Channel, attempt: u32, jitter: f64) -> Option<SignedDuration> {
    let ladder: &[i64] = match channel {
        Channel::Email => &MAIL_LADDER_S,
        Channel::Telegram => &TELEGRAM_LADDER_S,
    };
    let rung = usize::try_from(attempt.max(1) - 1).ok()?;
    let seconds = *ladder.get(rung)?;
    let jitter = if jitter.is_finite() {
        jitter.clamp(0.0, 1.0)
    } else {
        0.5
    };
    Some(SignedDuration::from_secs(seconds).mul_f64(0.8 + 0.4 * jitter))
}

/// What a courier found out about one try.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The provider took it; what it answered.
    Delivered {
        /// The provider's words, e.g. `250 2.0.0 Ok: queued as 4F…` or a Telegram message id.
        receipt: String,
    },
    /// Nothing was sent; try again.
    TryLater {
        /// What the provider said, or what broke.
        why: String,
        /// The provider's own wish, e.g. `retry_after`, in seconds from now.
        not_before_s: Option<u64>,
        /// How far the trouble reaches.
        scope: Scope,
    },
    /// Refused for good.
    Rejected {
        /// What the provider said.
        why: String,
        /// What the refusal is about.
        about: Refusal,
    },
    /// The connection died between the body's first byte and the final answer.
    InDoubt {
        /// What broke.
        why: String,
    },
    /// Its text cannot be made: nothing was sent, and nobody was asked.
    Unmade {
        /// What is wrong with the template, or with a value it needs.
        why: String,
    },
    /// The chat has another id now: store it and send again at once.
    Moved {
        /// The new chat id.
        to: i64,
    },
}

/// How far a temporary trouble reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This message.
    Message,
    /// This address or chat.
    Address,
    /// The whole channel: nothing else will get through either.
    Channel,
    /// Our own daily limit: nothing until tomorrow.
    Sender,
}

/// What a final refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The address is no good: suppress it, or mark the binding dead.
    Address,
    /// Policy or authentication (5.7.x): stop what is sending, not the address.
    Policy,
    /// Our own content or size: our fault.
    Content,
}

/// One try, as kept in the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// By which channel.
    pub channel: Channel,
    /// The state it led to.
    pub ended: State,
    /// What the provider said, or what broke.
    pub said: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the design, line by line: from, to, by whom (o outbox, p policy, h hand).
    const LEGAL: &str = "
        queued     in_flight  o
        queued     dead       o
        queued     cancelled  ph
        queued     expired    p
        in_flight  delivered  o
        in_flight  rejected   o
        in_flight  in_doubt   o
        in_flight  queued     o
        in_flight  dead       o
        in_doubt   delivered  ph
        in_doubt   queued     ph
        in_doubt   dead       ph
        rejected   queued     h
        cancelled  queued     h
        expired    queued     h
        dead       queued     h
    ";

    #[test]
    fn only_the_steps_of_the_table_are_legal() {
        let mut legal = String::from("\n");
        for from in State::ALL {
            for to in State::ALL {
                let by: String = [(By::Outbox, 'o'), (By::Policy, 'p'), (By::Hand, 'h')]
                    .into_iter()
                    .filter(|(by, _)| from.may_become(to, *by))
                    .map(|(_, letter)| letter)
                    .collect();
                if !by.is_empty() {
                    legal += &format!("{from} {to} {by}\n");
                }
            }
        }
        let sorted = |table: &str| {
            let mut lines: Vec<String> = table
                .lines()
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
                .filter(|line| !line.is_empty())
                .collect();
            lines.sort();
            lines.join("\n")
        };
        assert_eq!(sorted(&legal), sorted(LEGAL));
    }

    #[test]
    fn what_was_delivered_stays_so() {
        for to in State::ALL {
            for by in [By::Outbox, By::Policy, By::Hand] {
                assert!(!State::Delivered.may_become(to, by), "{to}");
            }
        }
    }

    #[test]
    fn ends_are_where_only_a_hand_goes_on() {
        for from in State::ALL {
            let goes_on = State::ALL
                .into_iter()
                .any(|to| from.may_become(to, By::Outbox) || from.may_become(to, By::Policy));
            assert_eq!(from.is_end(), !goes_on, "{from}");
        }
    }

    #[test]
    fn states_are_written_as_in_json_and_read_back() {
        for state in State::ALL {
            let json = serde_json::to_string(&state).unwrap();
            assert_eq!(json, format!("\"{state}\""));
            assert_eq!(State::parse(state.as_str()), Ok(state));
        }
        assert_eq!(State::parse("In doubt"), Ok(State::InDoubt));
        let why = State::parse("lost").unwrap_err();
        assert!(why.contains("in_doubt, cancelled"), "{why}");
    }

    #[test]
    fn waits_grow_to_about_three_days_and_end() {
        for (channel, tries) in [(Channel::Email, 9), (Channel::Telegram, 11)] {
            let waits: Vec<SignedDuration> = (1..)
                .map_while(|attempt| backoff(channel, attempt, 0.5))
                .collect();
            assert_eq!(waits.len(), tries);
            assert!(waits.is_sorted());
            let hours = waits.iter().sum::<SignedDuration>().as_hours();
            assert!((68..=72).contains(&hours), "{hours}");
            assert_eq!(backoff(channel, u32::MAX, 0.5), None);
        }
        let first = |jitter| backoff(Channel::Email, 1, jitter).unwrap().as_secs();
        assert_eq!((first(0.0), first(0.5), first(1.0)), (48, 60, 72));
        assert_eq!((first(-3.0), first(9.0), first(f64::NAN)), (48, 72, 60));
        // Nobody counts from zero, but it must not end there either.
        assert_eq!(
            backoff(Channel::Telegram, 0, 0.5),
            backoff(Channel::Telegram, 1, 0.5)
        );
    }
}
