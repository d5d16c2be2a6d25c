//! One message per destination address and occasion (SEMANTICS 23): two rows of one person, or of one mailbox,
//! that come into the same state together are one reason to write, not two.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use xxhash_rust::xxh3::xxh3_128;

use super::Roster;
use crate::core::delivery::State;
use crate::core::message::{Message, MessageKey, Recipient, Wanted};
use crate::core::record::Record;
use crate::core::sheet::Value;
use crate::core::sheet::fold::fold;
use crate::store::keys::{self, Key, prefix};
use crate::store::suppression::address_hash;
use crate::store::{Group, Store, StoreError};

/// For so long a second row of the same address is no second new customer, and no second reason to write of a date.
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// For so long a second row of the same person that comes into the same state is the same row written twice, whose
/// cells were changed one after the other. Later, or in the same row, it is another deal (SEMANTICS 24) or another entry.
const A_WHILE: SignedDuration = SignedDuration::from_mins(10);

/// Who was already written to, in one poll or one ring of the timers; ask with the newest row first.
#[derive(Clone, Debug, Default)]
pub struct Once {
    /// Which message claimed what, by their hashes: of a large poll there are tens of thousands.
    claimed: HashMap<u128, u128>,
    /// Messages that were dropped: a notice that speaks of one is dropped, too.
    dropped: Vec<MessageKey>,
}

impl Once {
    /// Whether another row's message for the same occasion goes to the same address, or to a person of the
    /// same name and phone; why, for people. If not, the address is claimed for this message.
    ///
    /// # Errors
    /// The disk.
    pub fn refuses(
        &mut self,
        roster: &Roster,
        record: &Record,
        message: &Message,
        now: Timestamp,
        group: &mut Group,
    ) -> Result<Option<&'static str>, StoreError> {
        const WHY: &str = "the same mail goes to this person for another row";
        if message.event["hold"]["key"]
            .as_str()
            .is_some_and(|key| self.dropped.iter().any(|dropped| dropped.as_str() == key))
        {
            return Ok(Some(WHY));
        }
        if message.to != Recipient::Customer {
            return Ok(None);
        }
        let claims = claims(roster, record, message)?;
        for claim in &claims {
            if self.is_taken(roster, claim, message, now)? {
                self.dropped.push(message.key.clone());
                return Ok(Some(WHY));
            }
        }
        for claim in claims {
            // The twin may come in a later poll, a later ring of the timers, or another workbook.
            self.claimed.insert(xxh3_128(&claim), hash_of(&message.key));
            group.put(claim, &(now, &message.key));
        }
        Ok(None)
    }

    /// The removal of each mark that stands in nobody's way any more.
    ///
    /// # Errors
    /// The disk.
    pub fn over(store: &Store, now: Timestamp) -> Result<Vec<Group>, StoreError> {
        let mut groups = Vec::new();
        for entry in store.scan::<(Timestamp, MessageKey)>(&keys::under(prefix::META, keys::ONCE)) {
            let (key, (at, _)) = entry?;
            if now.duration_since(at) > A_DAY {
                let mut group = Group::default();
                group.remove(key);
                groups.push(group);
            }
        }
        Ok(groups)
    }

    fn is_taken(
        &self,
        roster: &Roster,
        claim: &Key,
        message: &Message,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if let Some(by) = self.claimed.get(&xxh3_128(claim)) {
            return Ok(*by != hash_of(&message.key));
        }
        let Some((at, key)) = roster.store().get::<(Timestamp, MessageKey)>(claim)? else {
            return Ok(false);
        };
        if record_of(&key) == record_of(&message.key)
            || now.duration_since(at) > stands_for(message)
        {
            return Ok(false);
        }
        let other: Option<Message> = roster.store().get(&keys::message(&key))?;
        // One that never reached anybody stands in nobody's way.
        Ok(other.is_some_and(|other| match other.state {
            State::Queued | State::InFlight | State::Delivered | State::InDoubt => true,
            State::Rejected | State::Cancelled | State::Expired | State::Dead => false,
        }))
    }
}

fn hash_of(key: &MessageKey) -> u128 {
    xxh3_128(key.as_str().as_bytes())
}

/// For how long a message keeps another row's for the same occasion from the same address.
fn stands_for(message: &Message) -> SignedDuration {
    match message.wanted {
        Wanted::Row if occasion(message) == "added" => A_DAY,
        Wanted::Date { .. } => A_DAY,
        Wanted::Always
        | Wanted::Row
        | Wanted::Stage { .. }
        | Wanted::Idle { .. }
        | Wanted::Untouched { .. } => A_WHILE,
    }
}

/// The record in a message's key: `rule/step/record/role/occasion`.
fn record_of(key: &MessageKey) -> Option<&str> {
    key.as_str().split('/').nth(2)
}

/// The occasion without the number of the event, which is each record's own.
fn occasion(message: &Message) -> &str {
    let occasion = message
        .key
        .as_str()
        .splitn(5, '/')
        .nth(4)
        .unwrap_or_default();
    occasion.split(" #").next().unwrap_or_default()
}

/// What must not be claimed twice: the address, and the person.
fn claims(roster: &Roster, record: &Record, message: &Message) -> Result<Vec<Key>, StoreError> {
    let typed = roster.typed(record.kind, &record.place.workbook, &record.seen)?;
    let mut whom = Vec::new();
    if let Some(Value::Email(emails)) = typed.values.get("email") {
        whom.extend(emails.first().map(|email| email.expose().to_owned()));
    }
    if let (Some(Value::Name(name)), Some(Value::Phone(phones))) =
        (typed.values.get("name"), typed.values.get("phone"))
        && let Some(full) = name.full.known()
    {
        whom.extend(
            phones
                .first()
                .map(|phone| format!("{} {}", phone.expose(), fold(full))),
        );
    }
    let of = |whom: &String| {
        let hash = address_hash(roster.store(), whom)?;
        let name = format!(
            "{}{}/{}/{}/{hash}",
            keys::ONCE,
            message.rule,
            message.key.as_str().starts_with("trial:"),
            occasion(message)
        );
        Ok(keys::under(
            prefix::META,
            format!("{name}/{}", message.step),
        ))
    };
    whom.iter().map(of).collect()
}
