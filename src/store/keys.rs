//! The keys of the store, by prefix. Times are big-endian so that a range of keys is a queue.

use jiff::Timestamp;

use crate::core::message::{Message, MessageKey};
use crate::core::record::RecordId;

/// A key: bytes that sort as the queue they belong to.
pub type Key = Vec<u8>;

/// Where each kind of thing lives. A prefix ends in `/`, so none is the beginning of another.
pub mod prefix {
    /// Records, by id.
    pub const RECORD: &[u8] = b"record/";
    /// The records of a first look, many under one key.
    pub const PAGE: &[u8] = b"page/";
    /// Ids of records whose seen cells differ from the settled ones.
    pub const PENDING: &[u8] = b"pending/";
    /// Ids of records that are gone, so that a return is known.
    pub const TOMBSTONE: &[u8] = b"tombstone/";
    /// Since when somebody is gone of whom nothing else is left, by keyed hash of a contact.
    pub const KNOWN: &[u8] = b"known/";
    /// Ids of records whose identity is unclear.
    pub const UNCLEAR: &[u8] = b"unclear/";
    /// How many rows a tab has and what they are known by, a tab a key.
    pub const ORDER: &[u8] = b"order/";
    /// Which record stands in which row, in chunks.
    pub const ROWS: &[u8] = b"rows/";
    /// What is known of a tab: its base, its header, its counts.
    pub const TAB: &[u8] = b"tab/";
    /// What is to be looked at when, by due time.
    pub const TIMER: &[u8] = b"timer/";
    /// Messages, by key.
    pub const MESSAGE: &[u8] = b"message/";
    /// Keys of messages whose story is no longer kept, as formats 1 and 2 wrote them; see [`PLACE`].
    pub const USED: &[u8] = b"used/";
    /// Pages of what is packed away.
    pub const COLD: &[u8] = b"cold/";
    /// In which page a message is packed away, by the digest of its key; or that its story is no longer kept:
    /// the key is used for ever, so that nothing fires twice.
    pub const PLACE: &[u8] = b"place/";
    /// Queued messages by lane and due time; see [`super::lanes`](crate::store::lanes).
    pub const DUE: &[u8] = b"due/";
    /// Messages that are in flight.
    pub const FLIGHT: &[u8] = b"flight/";
    /// Message keys by their digest, as buttons and Message-IDs carry it.
    pub const DIGEST: &[u8] = b"digest/";
    /// Advertising mails by address and time, for the cap.
    pub const SENT: &[u8] = b"sent/";
    /// Addresses that must not be sent advertising, by keyed hash.
    pub const SUPPRESS: &[u8] = b"suppress/";
    /// Who agreed to advertising and who refused it, by keyed hash of the address and time.
    pub const PROOF: &[u8] = b"proof/";
    /// What happened, in order.
    pub const JOURNAL: &[u8] = b"journal/";
    /// Templates by content hash.
    pub const TEMPLATE: &[u8] = b"template/";
    /// Held batches, by workbook.
    pub const HELD: &[u8] = b"held/";
    /// Since when a rule is in force.
    pub const RULE: &[u8] = b"rule/";
    /// Rules that were removed: what is left of theirs is not sent.
    pub const RULE_GONE: &[u8] = b"rule-gone/";
    /// What a provider has asked us to wait for: a sender's day, a chat's pause.
    pub const LIMIT: &[u8] = b"limit/";
    /// What is paused, by whom.
    pub const PAUSE: &[u8] = b"pause/";
    /// Telegram chats of staff.
    pub const BINDING: &[u8] = b"binding/";
    /// One-time tokens that bind a chat.
    pub const INVITE: &[u8] = b"invite/";
    /// People of a staff tab and whether a manager approved them.
    pub const STAFF: &[u8] = b"staff/";
    /// Buttons under messages, by the id that the chat sends back.
    pub const BUTTON: &[u8] = b"button/";
    /// Keys of messages that a trial has kept from customers, until somebody has said what becomes of them.
    pub const TRIAL: &[u8] = b"trial/";
    /// Questions in chats that were answered elsewhere, and are to say so.
    pub const AMEND: &[u8] = b"amend/";
    /// Campaigns, by id.
    pub const CAMPAIGN: &[u8] = b"campaign/";
    /// Who gets a mail of a campaign, and who does not: in chunks, by campaign and question.
    pub const AUDIENCE: &[u8] = b"audience/";
    /// Who was asked why they sent a campaign back, by name and campaign.
    pub const WHY: &[u8] = b"why/";
    /// Messages in chats that say how far a campaign is, and are written anew as it goes on.
    pub const PROGRESS: &[u8] = b"progress/";
    /// What staff said of a customer in the chat, by record and time.
    pub const NOTE: &[u8] = b"note/";
    /// What was promised to customers, by the time at which it is to be kept.
    pub const PROMISE: &[u8] = b"promise/";
    /// About which customer somebody was asked in the chat, by their name.
    pub const ASKED: &[u8] = b"asked/";
    /// Which of our messages one in a chat is, by chat and Telegram's number.
    pub const TOLD: &[u8] = b"told/";
    /// People whom several claim, by id.
    pub const CLAIM: &[u8] = b"claim/";
    /// Which claim a record belongs to, by record.
    pub const CLAIM_OF: &[u8] = b"claim-of/";
    /// To whom managers gave a lead that nobody was in charge of, by record.
    pub const GIVEN: &[u8] = b"given/";
    /// Who took over which record, by handover and record.
    pub const HANDOVER: &[u8] = b"handover/";
    /// Whose notices rest, by name.
    pub const MUTE: &[u8] = b"mute/";
    /// Who wants which digest at what time, by rule and name.
    pub const SUBSCRIBE: &[u8] = b"subscribe/";
    /// How the messages of a campaign stood when they were last counted, by campaign.
    pub const COUNT: &[u8] = b"count/";
    /// Everything there is one of.
    pub const META: &[u8] = b"meta/";
    /// The operations of a commit that is too big for one batch.
    pub const PLAN: &[u8] = b"plan/";
}

/// Under [`prefix::META`], whom a message went to for an occasion, so that another row is no reason for a second.
pub const ONCE: &str = "once/";

/// Whether a key says nothing of where it stands, because it begins with a hash, so that those of a commit lie all over
/// their part of the store; and nobody concludes from its absence, but who decides, which nobody does during a commit.
pub(super) fn is_scattered(key: &[u8]) -> bool {
    let meta = key.strip_prefix(prefix::META);
    key.starts_with(prefix::DIGEST) || meta.is_some_and(|rest| rest.starts_with(ONCE.as_bytes()))
}

/// A key under a prefix.
pub fn under(prefix: &[u8], rest: impl AsRef<[u8]>) -> Key {
    let mut key = prefix.to_vec();
    key.extend_from_slice(rest.as_ref());
    key
}

/// A key under a prefix that sorts by time, then by the rest.
pub fn timed(prefix: &[u8], at: Timestamp, rest: impl AsRef<[u8]>) -> Key {
    let mut key = prefix.to_vec();
    key.extend_from_slice(&millis(at).to_be_bytes());
    key.push(b'/');
    key.extend_from_slice(rest.as_ref());
    key
}

/// The time of a key made by [`timed`].
pub fn time_of(prefix: &[u8], key: &[u8]) -> Option<Timestamp> {
    let bytes = key.get(prefix.len()..prefix.len() + 8)?;
    let millis = u64::from_be_bytes(bytes.try_into().ok()?);
    Timestamp::from_millisecond(i64::try_from(millis).ok()?).ok()
}

/// Milliseconds since 1970; times before are 0.
pub(super) fn millis(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or(0)
}

/// The key of a record.
pub fn record(id: &RecordId) -> Key {
    under(prefix::RECORD, id.as_str())
}

/// The key of a message.
pub fn message(key: &MessageKey) -> Key {
    under(prefix::MESSAGE, key.as_str())
}

/// The queue entry of a message: see [`super::lanes`].
pub fn due(message: &Message) -> Key {
    super::lanes::entry(message)
}

/// The mark of a message in flight.
pub fn flight(key: &MessageKey) -> Key {
    under(prefix::FLIGHT, key.as_str())
}
