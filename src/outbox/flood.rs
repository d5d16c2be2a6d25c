//! Many notices for one colleague at once become one message that counts them.
//!
//! A pasted list of leads, or an outage that ends, would else make a phone ring for minutes, and Telegram
//! slow that chat down. What is gathered ends as cancelled with the key of the message that tells it.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use jiff::{SignedDuration, Timestamp};

use super::prepare::Next;
use super::{LOOKED_AT, Outbox, OutboxError, morning};
use crate::core::delivery::{By, State};
use crate::core::facts::message::{FloodFacts, FloodItem};
use crate::core::message::{Address, Frozen, Message, MessageKey, Recipient, Wanted};
use crate::core::rule::{Channel, Fallback};
use crate::store::keys;
use crate::store::lanes::Rank;
use crate::store::{Group, StoreError, ledger};

/// So many notices for one chat at once are a flood; fewer come one by one, each with its buttons.
const FLOOD: usize = 10;

/// So many are named; the others are counted.
const NAMED: usize = 15;

/// The queue is looked through for floods no more often.
const EVERY: SignedDuration = SignedDuration::from_secs(5);

/// What such a message is named by in its key, in place of a rule.
pub(super) const NAME: &str = "flood";

/// A notice that could be told together with others.
#[derive(Clone)]
pub(super) struct Notice {
    pub(super) message: Message,
    item: FloodItem,
}

impl Outbox {
    /// Gathers what is due to one chat and is too much for it.
    ///
    /// # Errors
    /// The disk.
    pub(super) fn gather_floods(&self, now: Timestamp) -> Result<(), OutboxError> {
        let store = self.roster.store();
        let mut lanes = store.lanes(Some(Channel::Telegram))?;
        lanes.retain(|lane| lane.rank == Rank::Staff);
        let mut waiting = store.waiting(lanes, now)?;
        let mut due = Vec::new();
        while due.len() < LOOKED_AT
            && let Some(entry) = waiting.next_due()?
        {
            due.push(entry);
            // Mostly little is due, and that must cost nothing.
            if due.len() == morning::LIST && !self.is_time_to_gather(now) {
                return Ok(());
            }
        }
        if due.len() < morning::LIST {
            return Ok(());
        }
        let mut notices: Vec<Message> = Vec::new();
        for (entry, key) in due {
            let message: Option<Message> = store.get(&keys::message(&key))?;
            notices.extend(message.filter(|message| is_notice(message, &entry)));
        }
        let calendar = &self.roster.config().calendar;
        let kept = notices.iter().filter(|one| morning::waited(one, calendar));
        if kept.count() < morning::LIST && notices.len() < FLOOD {
            return Ok(());
        }
        let mut chats: BTreeMap<(i64, String), Vec<Notice>> = BTreeMap::new();
        for message in notices {
            if let Some((chat, person, notice)) = self.for_a_chat(message, now)? {
                chats.entry((chat, person)).or_default().push(notice);
            }
        }
        let mut groups = Vec::new();
        for ((_, person), notices) in chats {
            let waited = |one: &Notice| morning::waited(&one.message, calendar);
            let (waited, others): (Vec<_>, Vec<_>) = notices.into_iter().partition(waited);
            let (others, waited) = match waited.len() {
                0..morning::LIST => ([others, waited].concat(), Vec::new()),
                _ => (others, waited),
            };
            if others.len() >= FLOOD {
                groups.push(self.one_for_all(&person, others, (NAME, 0), now)?);
            }
            if !waited.is_empty() {
                let (today, later) = morning::gently(waited, calendar, now);
                let count = later.len();
                for (mut message, due) in later {
                    let mut group = Group::default();
                    let longer = due.duration_since(message.due);
                    message.expires = message.expires.saturating_add(longer).unwrap_or(due);
                    ledger::postpone(&mut group, &mut message, due, morning::AFTER_HOLIDAY);
                    groups.push(group);
                }
                groups.push(self.one_for_all(&person, today, (morning::NAME, count), now)?);
            }
        }
        Ok(store.commit(groups)?)
    }

    fn is_time_to_gather(&self, now: Timestamp) -> bool {
        let mut last = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let soon = last.is_some_and(|last| now.duration_since(last).abs() < EVERY);
        if !soon {
            *last = Some(now);
        }
        !soon
    }

    /// To which chat a notice would go now; none if it may not go, or goes another way.
    fn for_a_chat(
        &self,
        message: Message,
        now: Timestamp,
    ) -> Result<Option<(i64, String, Notice)>, StoreError> {
        let mut tried = message.clone();
        let Next::Ready = self.prepare(&mut tried, now, &mut Group::default(), |_| true)? else {
            return Ok(None);
        };
        let Some(Frozen {
            address: Address::Chat(chat),
            display_name,
            values,
            ..
        }) = tried.frozen
        else {
            return Ok(None);
        };
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let item = FloodItem {
            template: message.template.clone(),
            name: text(&values["name"]["full"]),
            record: message.record.as_ref().map(ToString::to_string),
            stage: text(&values["stage_label"]),
            days: values["stage_days"].as_i64(),
            date: text(&message.event["event"]["date"]),
            url: text(&values["sheet_url"]),
        };
        Ok(Some((chat, display_name, Notice { message, item })))
    }

    fn one_for_all(
        &self,
        person: &str,
        notices: Vec<Notice>,
        (template, later): (&str, usize),
        now: Timestamp,
    ) -> Result<Group, OutboxError> {
        let mut group = Group::default();
        let occasion = notices[0].message.key.digest();
        let key = MessageKey::new(NAME, 1, None, &format!("staff:{person}"), &occasion);
        let items = notices.iter().take(NAMED).map(|notice| notice.item.clone());
        let facts = FloodFacts {
            count: notices.len(),
            items: items.collect(),
            more: notices.len().saturating_sub(NAMED),
            later,
        };
        let expires = notices.iter().map(|notice| notice.message.expires).max();
        let together = Message {
            key: key.clone(),
            rule: NAME.to_owned(),
            step: 1,
            record: None,
            to: Recipient::Staff(person.to_owned()),
            channel: Channel::Telegram,
            otherwise: vec![Fallback::By(Channel::Email)],
            template: template.to_owned(),
            event: serde_json::json!({ "flood": facts }),
            ad: false,
            urgent: notices.iter().any(|notice| notice.message.urgent),
            held_until: None,
            wanted: Wanted::Always,
            created: now,
            due: now,
            expires: expires.unwrap_or(now),
            state: State::Queued,
            why: String::new(),
            frozen: None,
            attempts: Vec::new(),
            trial: false,
            hands: Vec::new(),
        };
        ledger::queue(self.roster.store(), &mut group, &together)?;
        let why = format!("told together with {} others: {key}", notices.len() - 1);
        for Notice { mut message, .. } in notices {
            ledger::shift(
                &mut group,
                &mut message,
                State::Cancelled,
                By::Policy,
                why.as_str(),
                None,
            )?;
        }
        Ok(group)
    }
}

/// Whether a message is about a customer, to a colleague, and has not been tried yet.
fn is_notice(message: &Message, entry: &[u8]) -> bool {
    message.state == State::Queued
        && keys::due(message) == entry
        && message.channel == Channel::Telegram
        && message.to != Recipient::Customer
        && message.record.is_some()
        && message.attempts.is_empty()
        // What has buttons that act on something waiting is not to be lost among others.
        && message.event["hold"].is_null()
        && message.event["proposal"]["names"].is_null()
}
