//! How much may go now: places at the connections, the sender's minute and day, and what providers have
//! asked us to wait for. All of it is in the store, so that a restart forgets none of it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Meanwhile, Outbox, Seats, ending};
use crate::core::rule::Channel;
use crate::health::Limited;
use crate::store::keys::{self, Key, prefix};
use crate::store::{Group, StoreError};

/// A wish of a provider's, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wait {
    pub(super) until: Timestamp,
    pub(super) why: String,
}

fn channel_key(channel: Channel) -> Key {
    keys::under(prefix::LIMIT, format!("channel/{}", channel.as_str()))
}

fn chats_key() -> Key {
    keys::under(prefix::LIMIT, "chat/")
}

impl Outbox {
    /// The places at a channel's connections: none beyond its limits, one while it does not answer.
    /// What is on its way takes its part.
    pub(super) fn seats(
        &self,
        channel: Channel,
        now: Timestamp,
        meanwhile: Meanwhile,
    ) -> Result<Seats, StoreError> {
        let limited = self.is_limited(channel, now)?;
        let connections = match channel {
            _ if limited => 0,
            Channel::Email => self
                .mail_connections()
                .min(self.mails_left_today(now)?.saturating_sub(meanwhile.mails))
                .min(
                    self.mails_left_this_minute(now)?
                        .saturating_sub(meanwhile.mails),
                ),
            Channel::Telegram => self
                .telegram
                .as_ref()
                .map_or(0, |courier| courier.connections()),
        };
        let seats = self.gates.seats(channel, connections, now);
        let free = seats.saturating_sub(meanwhile.flying);
        let (email, telegram) = match channel {
            Channel::Email => (free, 0),
            Channel::Telegram => (0, free),
        };
        let holds = match channel {
            Channel::Email => BTreeMap::new(),
            Channel::Telegram => self.chats_on_hold()?,
        };
        Ok(Seats {
            email,
            telegram,
            chats: meanwhile.chats,
            ads: meanwhile.ads,
            holds,
            now,
        })
    }

    /// Keeps that a whole channel is to wait, e.g. until tomorrow.
    pub(super) fn limit_channel(&self, group: &mut Group, channel: Channel, wait: Wait) {
        group.put(channel_key(channel), &wait);
        let Wait { until, why } = wait;
        self.health.limited(channel, Some(Limited { until, why }));
    }

    /// Keeps that a chat is to wait: Telegram says to the second how long.
    pub(super) fn hold_chat(&self, group: &mut Group, chat: i64, until: Timestamp) {
        let at = keys::under(&chats_key(), chat.to_string());
        group.put(at, &until);
    }

    /// The chat goes on: what it had asked for is over.
    pub(super) fn release_chat(&self, group: &mut Group, chat: i64) -> Result<(), StoreError> {
        let at = keys::under(&chats_key(), chat.to_string());
        if self.roster.store().contains(&at)? {
            group.remove(at);
        }
        Ok(())
    }

    fn chats_on_hold(&self) -> Result<BTreeMap<i64, Timestamp>, StoreError> {
        let under = chats_key();
        let mut holds = BTreeMap::new();
        for entry in self.roster.store().scan::<Timestamp>(&under) {
            let (key, until) = entry?;
            if let Ok(chat) = String::from_utf8_lossy(&key[under.len()..]).parse() {
                holds.insert(chat, until);
            }
        }
        Ok(holds)
    }

    /// Whether the channel waits for a time that a provider named; `status` shows it.
    fn is_limited(&self, channel: Channel, now: Timestamp) -> Result<bool, StoreError> {
        let kept: Option<Wait> = self.roster.store().get(&channel_key(channel))?;
        if let Some(wait) = kept.filter(|wait| wait.until > now) {
            if self.health.limited_until(channel) != Some(wait.until) {
                let Wait { until, why } = wait;
                self.health.limited(channel, Some(Limited { until, why }));
            }
            return Ok(true);
        }
        if self.health.limited_until(channel).is_some() {
            self.health.limited(channel, None);
        }
        Ok(false)
    }

    /// A slow pace lets few go at once; the others would only wait in flight.
    fn mail_connections(&self) -> usize {
        let per_minute = self.mail_setting(|email| email.per_minute);
        let at_once = per_minute.map_or(usize::MAX, |count| (count / 10).max(1));
        self.email
            .as_ref()
            .map_or(0, |courier| courier.connections().min(at_once))
    }

    fn mail_setting(
        &self,
        setting: impl Fn(&crate::config::Email) -> Option<u32>,
    ) -> Option<usize> {
        let email = self.roster.config().email.as_ref()?;
        setting(email).map(|count| count as usize)
    }

    /// How many mails the sender's minute still allows. The courier spreads them evenly; this holds over
    /// restarts, too.
    fn mails_left_this_minute(&self, now: Timestamp) -> Result<usize, StoreError> {
        let Some(limit) = self.mail_setting(|email| email.per_minute) else {
            return Ok(usize::MAX);
        };
        let minute_ago = now
            .saturating_sub(SignedDuration::from_mins(1))
            .unwrap_or(now);
        let mut sent = 0;
        for entry in self
            .roster
            .store()
            .newest::<Timestamp>(&ending::mails_key(), usize::MAX)
        {
            let (_, at) = entry?;
            if at < minute_ago || sent == limit {
                break;
            }
            // What was sent before the clock was put back says nothing of this minute.
            sent += usize::from(at <= now);
        }
        Ok(limit - sent)
    }

    /// How many mails the sender's daily limit still allows; the window is the last 24 hours.
    fn mails_left_today(&self, now: Timestamp) -> Result<usize, StoreError> {
        let Some(limit) = self.mail_setting(|email| email.per_day) else {
            return Ok(usize::MAX);
        };
        let day = SignedDuration::from_hours(24);
        let day_ago = now.saturating_sub(day).unwrap_or(now);
        let mut sent = 0;
        let mut oldest = now;
        for entry in self
            .roster
            .store()
            .newest::<Timestamp>(&ending::mails_key(), limit)
        {
            let (_, at) = entry?;
            if at < day_ago {
                break;
            }
            sent += 1;
            oldest = at;
        }
        let left = limit.saturating_sub(sent);
        if left == 0 {
            let limited = Limited {
                until: oldest.saturating_add(day).unwrap_or(now),
                why: format!("{sent} mails in 24 hours, which is the sender's daily limit"),
            };
            self.health.limited(Channel::Email, Some(limited));
        }
        Ok(left)
    }
}
