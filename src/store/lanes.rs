//! The queue of the outbox, in lanes: one for each channel, kind of message, and rule or campaign.
//!
//! What is to be skipped (a paused rule, a campaign that was stopped, the other channel) is skipped as a lane, however
//! much waits in it; and what is to go first goes first, however much else is due. Within a lane messages stand by due
//! time; of those that are due at the same moment, as all are that wait for the hours to open, what does not advertise
//! comes before what does, and what was decided earlier first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use jiff::Timestamp;

use super::keys::{self, Key, prefix};
use super::medium::Entries;
use super::{Operation, Store, StoreError};
use crate::core::message::{Message, MessageKey, Recipient};
use crate::core::rule::Channel;

/// What a message of a campaign has as its rule: this, and the campaign's id.
pub const CAMPAIGN: &str = "campaign:";

/// Ends the name of a lane in its keys; no id holds it.
const END: u8 = 0;

/// Which messages go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Alerts, reminders, digests and questions to staff.
    Staff,
    /// What rules write to customers.
    Customer,
    /// What campaigns write to customers.
    Campaign,
}

/// One lane of the queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lane {
    /// The channel by which its messages are to go.
    pub channel: Channel,
    /// Which go first.
    pub rank: Rank,
    /// Id of the rule, or of the campaign; notices have names of their own.
    pub name: String,
}

impl Lane {
    /// The lane in which a message waits. Nothing of it but the channel and the due time ever changes in the
    /// life of a message, so that its entry is found again.
    pub fn of(message: &Message) -> Self {
        let campaign = message.rule.strip_prefix(CAMPAIGN);
        let rank = match (&message.to, campaign) {
            (_, Some(_)) => Rank::Campaign,
            (Recipient::Customer, None) => Rank::Customer,
            (Recipient::Owner(_) | Recipient::Staff(_) | Recipient::Alerts, None) => Rank::Staff,
        };
        Self {
            channel: message.channel,
            rank,
            name: campaign.unwrap_or(&message.rule).to_owned(),
        }
    }

    /// What would stop it, as pauses are kept.
    pub fn pauses(&self) -> [String; 3] {
        let own = match self.rank {
            Rank::Campaign => format!("campaign/{}", self.name),
            Rank::Staff | Rank::Customer => format!("rule/{}", self.name),
        };
        let channel = format!("channel/{}", self.channel.as_str());
        ["all".to_owned(), channel, own]
    }

    /// What the keys of its entries begin with.
    pub fn prefix(&self) -> Key {
        let mut key = of_channel(self.channel);
        key.push(match self.rank {
            Rank::Staff => b'0',
            Rank::Customer => b'1',
            Rank::Campaign => b'2',
        });
        key.extend_from_slice(self.name.as_bytes());
        key.push(END);
        key
    }

    /// When an entry of this lane is due.
    pub fn due_of(&self, entry: &[u8]) -> Option<Timestamp> {
        due_in(entry.strip_prefix(self.prefix().as_slice())?)
    }

    /// The lane of a queue entry, and the rest of its key: due time and order.
    fn of_entry(entry: &[u8]) -> Option<(Self, &[u8])> {
        let rest = entry.strip_prefix(prefix::DUE)?;
        let (&channel, rest) = rest.split_first()?;
        let (&rank, rest) = rest.split_first()?;
        let end = rest.iter().position(|byte| *byte == END)?;
        let lane = Self {
            channel: match channel {
                b'e' => Channel::Email,
                b't' => Channel::Telegram,
                _ => return None,
            },
            rank: match rank {
                b'0' => Rank::Staff,
                b'1' => Rank::Customer,
                b'2' => Rank::Campaign,
                _ => return None,
            },
            name: String::from_utf8(rest[..end].to_vec()).ok()?,
        };
        Some((lane, &rest[end + 1..]))
    }
}

fn of_channel(channel: Channel) -> Key {
    let letter = match channel {
        Channel::Email => b'e',
        Channel::Telegram => b't',
    };
    keys::under(prefix::DUE, [letter])
}

/// The queue entry of a message.
pub(super) fn entry(message: &Message) -> Key {
    let mut rest = vec![if message.ad { b'1' } else { b'0' }];
    rest.extend_from_slice(&keys::millis(message.created).to_be_bytes());
    rest.push(b'/');
    rest.extend_from_slice(message.key.as_str().as_bytes());
    keys::timed(&Lane::of(message).prefix(), message.due, rest)
}

/// The due time in what stands behind the name of a lane.
fn due_in(rest: &[u8]) -> Option<Timestamp> {
    keys::time_of(&[], rest)
}

/// The message in what stands behind the name of a lane: behind two times of eight bytes, two strokes and the mark of
/// what advertises.
fn message_in(rest: &[u8]) -> Option<MessageKey> {
    let key = rest.get(8 + 1 + 1 + 8 + 1..)?;
    Some(MessageKey::from_text(std::str::from_utf8(key).ok()?))
}

fn broken(entry: &[u8]) -> StoreError {
    StoreError::Value {
        key: String::from_utf8_lossy(entry).into_owned(),
        why: "it is in no lane of the queue".into(),
    }
}

/// An entry that is next in its lane.
struct Next {
    /// The rest of its key, by which it stands among those of other lanes.
    rest: Key,
    message: MessageKey,
}

/// What is due, some lanes beside each other: by rank, then by due time, then in the order in which it was decided.
pub struct Waiting {
    lanes: Vec<(Lane, Key, Entries)>,
    next: Vec<Option<Next>>,
    order: BinaryHeap<Reverse<(Rank, Key, usize)>>,
    until: Timestamp,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting")
            .field("lanes", &self.lanes.len())
            .finish_non_exhaustive()
    }
}

impl Waiting {
    /// The next entry that is due, and whose it is.
    ///
    /// # Errors
    /// The disk.
    pub fn next_due(&mut self) -> Result<Option<(Key, MessageKey)>, StoreError> {
        let Some(Reverse((_, _, at))) = self.order.pop() else {
            return Ok(None);
        };
        let Some(Next { rest, message }) = self.next[at].take() else {
            return Ok(None);
        };
        let mut entry = self.lanes[at].1.clone();
        entry.extend_from_slice(&rest);
        self.advance(at)?;
        Ok(Some((entry, message)))
    }

    fn advance(&mut self, at: usize) -> Result<(), StoreError> {
        let (lane, start, entries) = &mut self.lanes[at];
        let Some((key, _)) = entries.next().transpose()? else {
            return Ok(());
        };
        let rest = key[start.len()..].to_vec();
        if due_in(&rest).is_some_and(|due| due > self.until) {
            return Ok(());
        }
        let message = message_in(&rest).ok_or_else(|| broken(&key))?;
        self.order.push(Reverse((lane.rank, rest.clone(), at)));
        self.next[at] = Some(Next { rest, message });
        Ok(())
    }
}

impl Store {
    /// The lanes in which something waits, found by one look each, however much waits in them.
    ///
    /// # Errors
    /// The disk.
    pub fn lanes(&self, channel: Option<Channel>) -> Result<Vec<Lane>, StoreError> {
        let under = channel.map_or_else(|| prefix::DUE.to_vec(), of_channel);
        let mut up_to = under.clone();
        up_to.push(u8::MAX);
        let mut from = under;
        let mut lanes = Vec::new();
        loop {
            let next = self.db.range(from.clone()..=up_to.clone()).next();
            let Some((key, _)) = next.transpose()? else {
                return Ok(lanes);
            };
            let Some((lane, rest)) = Lane::of_entry(&key) else {
                return Err(broken(&key));
            };
            let name = key.len() - rest.len() - 1;
            from = key[..name].to_vec();
            from.push(END + 1);
            lanes.push(lane);
        }
    }

    /// What is due at a time in some lanes.
    ///
    /// # Errors
    /// The disk.
    pub fn waiting(&self, lanes: Vec<Lane>, until: Timestamp) -> Result<Waiting, StoreError> {
        let entries = |lane: Lane| {
            let prefix = lane.prefix();
            let entries = self.db.scan_prefix(&prefix);
            (lane, prefix, entries)
        };
        let lanes: Vec<_> = lanes.into_iter().map(entries).collect();
        let mut waiting = Waiting {
            next: lanes.iter().map(|_| None).collect(),
            order: BinaryHeap::new(),
            lanes,
            until,
        };
        for at in 0..waiting.lanes.len() {
            waiting.advance(at)?;
        }
        Ok(waiting)
    }

    /// The messages that are due first, of all lanes.
    ///
    /// # Errors
    /// The disk.
    pub fn due_first(&self, count: usize) -> Result<Vec<(Timestamp, MessageKey)>, StoreError> {
        let mut first = Vec::new();
        for lane in self.lanes(None)? {
            let prefix = lane.prefix();
            for entry in self.db.scan_prefix(&prefix).take(count) {
                let (key, _) = entry?;
                let rest = &key[prefix.len()..];
                let found = due_in(rest).zip(message_in(rest));
                first.push(found.ok_or_else(|| broken(&key))?);
            }
        }
        first.sort();
        first.truncate(count);
        Ok(first)
    }

    /// When the first message of all is due.
    ///
    /// # Errors
    /// The disk.
    pub fn first_due(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.due_first(1)?.pop().map(|(due, _)| due))
    }

    /// How many messages wait. Counted once, then kept with each commit.
    pub fn queued(&self) -> Result<usize, StoreError> {
        let mut turn = self.turn();
        if let Some(queued) = turn.queued {
            return Ok(queued);
        }
        let mut queued = 0;
        for entry in self.db.scan_prefix(prefix::DUE) {
            entry?;
            queued += 1;
        }
        turn.queued = Some(queued);
        Ok(queued)
    }

    /// How many messages wait when operations will have been applied, `queued` of them before.
    pub(super) fn queued_after(
        &self,
        queued: usize,
        operations: &[Operation],
    ) -> Result<usize, StoreError> {
        // Of several operations on a key the last one counts, as in a batch.
        let last: BTreeMap<&[u8], bool> = operations
            .iter()
            .filter(|(key, _)| key.starts_with(prefix::DUE))
            .map(|(key, value)| (key.as_slice(), value.is_some()))
            .collect();
        let mut queued = queued;
        for (key, is_there) in last {
            match (self.db.contains_key(key)?, is_there) {
                (false, true) => queued += 1,
                (true, false) => queued = queued.saturating_sub(1),
                (true, true) | (false, false) => {}
            }
        }
        Ok(queued)
    }
}

/// Whether operations put something into the queue.
pub(super) fn queues(operations: &[Operation]) -> bool {
    operations
        .iter()
        .any(|(key, value)| value.is_some() && key.starts_with(prefix::DUE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::decide::notice;
    use crate::core::people::Directory;
    use crate::store::{Group, ledger};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A message decided by `rule` at `created`, due at `due`.
    fn message(rule: &str, to: Recipient, channel: Channel, created: i64, due: i64) -> Message {
        let facts = serde_json::Value::Null;
        let occasion = format!("o{created}");
        let mut message = notice::to_managers(
            &Directory::default(),
            rule,
            "t",
            &occasion,
            &facts,
            at(created),
        )
        .remove(0);
        message.to = to;
        message.channel = channel;
        message.due = at(due);
        message
    }

    fn store(messages: &[Message]) -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let mut group = Group::default();
        for message in messages {
            assert!(ledger::queue(&store, &mut group, message).unwrap());
        }
        store.commit(vec![group]).unwrap();
        (dir, store)
    }

    fn order(store: &Store, lanes: Vec<Lane>, until: i64) -> Vec<String> {
        let mut waiting = store.waiting(lanes, at(until)).unwrap();
        let mut order = Vec::new();
        while let Some((entry, key)) = waiting.next_due().unwrap() {
            let message: Message = store.get(&keys::message(&key)).unwrap().unwrap();
            assert_eq!(entry, keys::due(&message));
            order.push(message.rule);
        }
        order
    }

    #[test]
    fn what_is_due_goes_by_rank_then_by_time_whatever_lane_it_waits_in() {
        let customer = || Recipient::Customer;
        let mail = Channel::Email;
        let (_dir, store) = store(&[
            message("campaign:tet", customer(), mail, 1, 10),
            message("welcome", customer(), mail, 2, 60),
            message("thanks", customer(), mail, 3, 50),
            message("welcome", customer(), mail, 4, 40),
            message("idle", Recipient::Owner(0), mail, 5, 90),
            message("later", customer(), mail, 6, 101),
            message("lead", Recipient::Owner(0), Channel::Telegram, 7, 5),
        ]);
        let lanes = store.lanes(Some(mail)).unwrap();
        let names: Vec<&str> = lanes.iter().map(|lane| lane.name.as_str()).collect();
        assert_eq!(names, ["idle", "later", "thanks", "welcome", "tet"]);
        let expected = ["idle", "welcome", "thanks", "welcome", "campaign:tet"];
        assert_eq!(order(&store, lanes.clone(), 100), expected);
        let without: Vec<Lane> = lanes
            .into_iter()
            .filter(|lane| !lane.pauses().contains(&"rule/welcome".to_owned()))
            .collect();
        assert_eq!(
            order(&store, without, 100),
            ["idle", "thanks", "campaign:tet"]
        );
        assert_eq!(store.first_due().unwrap(), Some(at(5)));
        assert_eq!(store.due_first(2).unwrap()[1].0, at(10));
    }

    #[test]
    fn what_waits_for_one_moment_goes_in_the_order_of_waiting_and_advertising_last() {
        let one = |created: i64, ad: bool, due: i64| Message {
            ad,
            ..message("welcome", Recipient::Customer, Channel::Email, created, due)
        };
        let mut queue: Vec<(Key, &str)> = [
            ("first", one(10, false, 500)),
            ("second", one(20, false, 500)),
            ("ad, first of all", one(1, true, 500)),
            ("ad", one(30, true, 500)),
            ("earlier", one(400, true, 499)),
        ]
        .map(|(name, message)| (entry(&message), name))
        .into();
        queue.sort();
        let order: Vec<&str> = queue.iter().map(|(_, name)| *name).collect();
        assert_eq!(
            order,
            ["earlier", "first", "second", "ad, first of all", "ad"]
        );
    }

    #[test]
    fn how_many_wait_is_counted_once_and_kept() {
        let welcome = message("welcome", Recipient::Customer, Channel::Email, 1, 10);
        let (_dir, store) = store(std::slice::from_ref(&welcome));
        assert_eq!(store.queued().unwrap(), 1);
        let mut group = Group::default();
        let other = message("thanks", Recipient::Customer, Channel::Email, 2, 10);
        ledger::queue(&store, &mut group, &other).unwrap();
        // Put off: out of one place and into another.
        ledger::postpone(&mut group, &mut welcome.clone(), at(20), "later");
        store.commit(vec![group]).unwrap();
        assert_eq!(store.queued().unwrap(), 2);
        let mut group = Group::default();
        group.remove(keys::due(&other));
        group.remove(keys::due(&other));
        store.commit(vec![group]).unwrap();
        assert_eq!(store.queued().unwrap(), 1);
    }
}
