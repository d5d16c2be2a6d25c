//! What became of a try, where a message stands, and which steps between states are legal.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    pub channel: super::rule::Channel,
    /// The state it led to.
    pub ended: State,
    /// What the provider said, or what broke.
    pub said: String,
}
