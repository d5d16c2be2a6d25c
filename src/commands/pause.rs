//! Stopping and starting all sending, one channel, or one rule. Who did it is kept (SEMANTICS 39).

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Answer, CommandError, Desk, ErrorKind, Right, Who};
use crate::core::delivery::State;
use crate::core::message::Message;
use crate::core::rule::Channel;
use crate::store::keys::{self, Key, prefix};
use crate::store::lanes::Lane;
use crate::store::{Group, Store, StoreError, ledger};

/// What waits because it is paused is looked at again within this time.
const LOOKED_AT_AGAIN: SignedDuration = SignedDuration::from_mins(15);

/// Something that is stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// `all`, `channel/email`, `channel/telegram`, `rule/ID` or `campaign/ID`.
    pub what: String,
    /// Who stopped it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl Paused {
    /// In Vietnamese, for digests and the bot: what and by whom.
    pub fn vietnamese(&self) -> String {
        let what = match self.what.as_str() {
            "all" => "mọi thư và tin nhắn".to_owned(),
            "channel/email" => "kênh e-mail".to_owned(),
            "channel/telegram" => "kênh Telegram".to_owned(),
            other => match other.strip_prefix("campaign/") {
                Some(campaign) => format!("chiến dịch {campaign}"),
                None => format!("kịch bản {}", other.trim_start_matches("rule/")),
            },
        };
        format!("{what} ({})", self.by)
    }

    /// In English: what and by whom.
    pub fn english(&self) -> String {
        let what = match self.what.as_str() {
            "all" => "all sending".to_owned(),
            "channel/email" => "the channel email".to_owned(),
            "channel/telegram" => "the channel telegram".to_owned(),
            other => match other.strip_prefix("campaign/") {
                Some(campaign) => format!("the campaign {campaign}"),
                None => format!("the rule {}", other.trim_start_matches("rule/")),
            },
        };
        format!("{what}, by {}", self.by)
    }
}

/// What going on came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// As it was kept.
    pub what: String,
    /// Whether it was paused at all.
    pub was_paused: bool,
    /// Messages that had waited for it and are due now.
    pub due_now: usize,
}

/// Where a pause is kept.
pub fn pause_key(what: &str) -> Key {
    keys::under(prefix::PAUSE, what)
}

/// Everything that is paused.
///
/// # Errors
/// The disk.
pub fn paused_list(store: &Store) -> Result<Vec<Paused>, StoreError> {
    store
        .scan(prefix::PAUSE)
        .map(|entry| entry.map(|(_, paused)| paused))
        .collect()
}

/// Who stopped what this message belongs to, in English; none if it may go. For the outbox.
///
/// # Errors
/// The disk.
pub fn paused_by(store: &Store, message: &Message) -> Result<Option<String>, StoreError> {
    for what in Lane::of(message).pauses() {
        if let Some(paused) = store.get::<Paused>(&pause_key(&what))? {
            return Ok(Some(paused.english()));
        }
    }
    Ok(None)
}

fn of_channel(channel: Channel) -> String {
    format!("channel/{}", channel.as_str())
}

impl Desk {
    /// Stops all sending, a channel or a rule. Pausing twice keeps who did it first.
    ///
    /// # Errors
    /// The role, an unknown rule, the disk.
    pub fn pause(&self, what: &str, who: &Who, now: Timestamp) -> Answer<Paused> {
        self.must_all(who, Right::Steer)?;
        let what = self.meant(what)?;
        let store = self.roster.store();
        let _alone = store.alone();
        if let Some(paused) = store.get::<Paused>(&pause_key(&what))? {
            return Ok(paused);
        }
        let paused = Paused {
            what,
            by: who.name().to_owned(),
            at: now,
        };
        let mut group = Group::default();
        group.put(pause_key(&paused.what), &paused);
        self.note_hand(
            &mut group,
            now,
            None,
            who,
            &format!("paused {}", paused.what),
        );
        store.commit(vec![group])?;
        Ok(paused)
    }

    /// Goes on sending; what waited for it is due now. Messages that something else still stops wait on.
    ///
    /// # Errors
    /// The role, an unknown rule, the disk.
    pub fn resume(&self, what: &str, who: &Who, now: Timestamp) -> Answer<Resumed> {
        self.must_all(who, Right::Steer)?;
        let what = self.meant(what)?;
        let store = self.roster.store();
        let _alone = store.alone();
        let was_paused = store.contains(&pause_key(&what))?;
        let mut resumed = Resumed {
            what,
            was_paused,
            due_now: 0,
        };
        if !was_paused {
            return Ok(resumed);
        }
        let mut first = Group::default();
        first.remove(pause_key(&resumed.what));
        self.note_hand(
            &mut first,
            now,
            None,
            who,
            &format!("resumed {}", resumed.what),
        );
        let mut groups = vec![first];
        let others: BTreeSet<String> = paused_list(store)?
            .into_iter()
            .map(|paused| paused.what)
            .filter(|what| *what != resumed.what)
            .collect();
        let mut lanes = store.lanes(None)?;
        lanes.retain(|lane| lane.pauses().contains(&resumed.what));
        // What was looked at while it was paused waits for its next look; the rest is due as it stands.
        let soon = now.saturating_add(LOOKED_AT_AGAIN).unwrap_or(now);
        for lane in lanes {
            let goes_on = lane.pauses().iter().all(|what| !others.contains(what));
            let mut waiting = store.waiting(vec![lane.clone()], soon)?;
            while let Some((entry, key)) = waiting.next_due()? {
                if lane.due_of(&entry).is_some_and(|due| due <= now) {
                    resumed.due_now += usize::from(goes_on);
                    continue;
                }
                let Some(mut message) = store.get::<Message>(&keys::message(&key))? else {
                    continue;
                };
                if message.state == State::Queued && message.why.starts_with("paused") {
                    let mut group = Group::default();
                    let why = format!("resumed by {}", who.name());
                    ledger::postpone(&mut group, &mut message, now, why);
                    groups.push(group);
                    resumed.due_now += 1;
                }
            }
        }
        store.commit(groups)?;
        Ok(resumed)
    }

    /// `all`, `email`, `channel email`, `welcome` or `rule welcome`, as it is kept.
    fn meant(&self, what: &str) -> Answer<String> {
        let what = what.trim();
        let (kind, name) = match what.split_once([' ', '/']) {
            Some((kind, name)) => (kind, name.trim()),
            None => ("", what),
        };
        match (kind, name) {
            ("", "all") => Ok("all".into()),
            ("" | "channel", "email") => Ok(of_channel(Channel::Email)),
            ("" | "channel", "telegram") => Ok(of_channel(Channel::Telegram)),
            ("channel", _) => Err(CommandError::plain(
                ErrorKind::Usage,
                format!("there is no channel \"{name}\": write email or telegram"),
            )),
            ("campaign", _) => Err(CommandError::plain(
                ErrorKind::Usage,
                "campaigns are not built yet: pause a rule, a channel, or all",
            )),
            ("" | "rule", _) => self.rule_meant(name),
            _ => self.rule_meant(what),
        }
    }

    fn rule_meant(&self, id: &str) -> Answer<String> {
        let rules = &self.roster.config().rules;
        if rules.iter().any(|rule| rule.id == id) {
            return Ok(format!("rule/{id}"));
        }
        // A rule that is gone from the configuration may still be paused, and must be able to go on.
        if self
            .roster
            .store()
            .contains(&pause_key(&format!("rule/{id}")))?
        {
            return Ok(format!("rule/{id}"));
        }
        let ids: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
        Err(CommandError::plain(
            ErrorKind::NotFound,
            format!(
                "there is no rule \"{id}\": write all, email, telegram, or one of {}",
                ids.join(", ")
            ),
        ))
    }
}
