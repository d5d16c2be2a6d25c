//! Which way to the recipient is open: the chat or mailbox it goes to, or who hears it instead.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Outbox;
use crate::commands::{LOOKED_AT_AGAIN, waits_for};
use crate::core::message::{Address, Message, MessageKey, Recipient};
use crate::core::people::{Colleague, Role};
use crate::core::record::Record;
use crate::core::rule::{Audience, Channel, Fallback};
use crate::store::StoreError;

/// Telegram must have been out of reach for so long before other ways are taken (SEMANTICS 37).
const TELEGRAM_PATIENCE: SignedDuration = SignedDuration::from_mins(15);

/// A person whom nothing reaches yet may bind a chat at any time; look again after so long.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(60);

/// The way a message takes.
pub(super) enum Way {
    /// To this address by this channel.
    To {
        /// By which channel.
        channel: Channel,
        /// Where.
        address: Address,
        /// The name to write beside it.
        name: String,
    },
    /// Nobody can be reached now.
    NotYet {
        /// When to look again.
        until: Timestamp,
        /// What would help.
        why: String,
    },
    /// Others are told instead.
    Others {
        /// Whom.
        names: Vec<String>,
        /// Why.
        why: String,
    },
    /// There is no such recipient.
    Nobody(String),
}

impl Outbox {
    pub(super) fn way(
        &self,
        message: &Message,
        record: Option<&Record>,
        facts: &Value,
        now: Timestamp,
    ) -> Result<Way, StoreError> {
        match &message.to {
            Recipient::Customer => Ok(customer(message, facts)),
            Recipient::Staff(name) => match self.meant(name, message)? {
                Some(person) => self.staff(&person, message, now),
                None => Ok(Way::Nobody(format!(
                    "{name} is no longer in the staff list"
                ))),
            },
            Recipient::Owner(n) => self.owner(*n, message, record, facts, now),
            Recipient::Alerts => Ok(self.alerts(now)),
        }
    }

    /// A colleague by name, or who took the customer over of whom the message speaks.
    pub(super) fn meant(
        &self,
        name: &str,
        message: &Message,
    ) -> Result<Option<Colleague>, StoreError> {
        let standing = self.roster.stand_ins()?;
        let record = message.record.as_ref();
        let instead = record.and_then(|record| standing.instead(record, name));
        let directory = self.roster.directory()?;
        Ok(directory.find(instead.unwrap_or(name)).cloned())
    }

    fn owner(
        &self,
        n: u8,
        message: &Message,
        record: Option<&Record>,
        facts: &Value,
        now: Timestamp,
    ) -> Result<Way, StoreError> {
        let directory = self.roster.directory()?;
        let names = crate::core::decide::owner_names(facts);
        match directory.owners(&names).get(usize::from(n)) {
            Some(person) => self.staff(person, message, now),
            None if record.is_none() => {
                Ok(Way::Nobody("the row is gone, and its owner with it".into()))
            }
            None if n > 0 => Ok(Way::Nobody("the cell names fewer people now".into())),
            None => Ok(self.managers("nobody in the staff list is in charge")?),
        }
    }

    /// A colleague: the message's own channel, then `else`, then the managers.
    fn staff(
        &self,
        person: &Colleague,
        message: &Message,
        now: Timestamp,
    ) -> Result<Way, StoreError> {
        let telegram_down = self.telegram_down(now);
        let to_manager = person.role == Role::Manager;
        // Held batches, trouble and digests speak of no record (SEMANTICS 37).
        if telegram_down
            && to_manager
            && message.channel == Channel::Telegram
            && message.record.is_none()
            && self.has_alerts()
        {
            return Ok(alerts_instead());
        }
        if let Some(rest) = self.resting(person, now)? {
            return self.while_resting(person, message, rest, now);
        }
        if let Some(way) = self.by(person, message.channel, now)? {
            return Ok(way);
        }
        for fallback in &message.otherwise {
            match fallback {
                Fallback::By(channel) => {
                    if let Some(way) = self.by(person, *channel, now)? {
                        return Ok(way);
                    }
                }
                Fallback::To(audience) => {
                    let names = self.named(audience, person, now)?;
                    if !names.is_empty() {
                        let why = format!("{} cannot be reached", person.name);
                        return Ok(Way::Others { names, why });
                    }
                }
            }
        }
        if to_manager && self.has_alerts() {
            return Ok(alerts_instead());
        }
        if to_manager || telegram_down {
            return Ok(Way::NotYet {
                until: later(now),
                why: unreached(person, telegram_down),
            });
        }
        self.managers(&format!(
            "{} has no Telegram chat yet: run `sheetbridge invite \"{}\"`",
            person.name, person.name
        ))
    }

    /// Until when a colleague's notices rest. Managers are the last to be told: theirs do not.
    fn resting(&self, person: &Colleague, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        if person.role == Role::Manager {
            return Ok(None);
        }
        let mute = self.roster.store().mute(&person.name, now)?;
        Ok(mute.map(|mute| mute.until))
    }

    /// What is urgent, or would be too old by then, goes to whom the rule names besides, else to the managers; the
    /// rest waits. What is about no customer is for this person alone.
    fn while_resting(
        &self,
        person: &Colleague,
        message: &Message,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Way, StoreError> {
        let waits = !message.urgent && until < message.expires;
        if waits || message.record.is_none() {
            return Ok(Way::NotYet {
                until: until.min(now.saturating_add(LOOKED_AT_AGAIN).unwrap_or(until)),
                why: waits_for(&person.name),
            });
        }
        let why = format!("{} has turned notices off", person.name);
        for fallback in &message.otherwise {
            if let Fallback::To(audience) = fallback {
                let names = self.named(audience, person, now)?;
                if !names.is_empty() {
                    return Ok(Way::Others { names, why });
                }
            }
        }
        self.managers(&why)
    }

    /// The way to a colleague by one channel, if it is open.
    fn by(
        &self,
        person: &Colleague,
        channel: Channel,
        now: Timestamp,
    ) -> Result<Option<Way>, StoreError> {
        let address = match channel {
            Channel::Telegram if self.telegram.is_none() || self.telegram_down(now) => None,
            Channel::Telegram => self
                .roster
                .binding(person)?
                .filter(|binding| binding.dead.is_none())
                .map(|binding| Address::Chat(binding.chat)),
            Channel::Email if self.email.is_none() => None,
            Channel::Email => person.email.clone().map(Address::Email),
        };
        Ok(address.map(|address| Way::To {
            channel,
            address,
            name: person.name.clone(),
        }))
    }

    fn telegram_down(&self, now: Timestamp) -> bool {
        self.health
            .down_since(Channel::Telegram)
            .is_some_and(|since| now.duration_since(since) >= TELEGRAM_PATIENCE)
    }

    fn has_alerts(&self) -> bool {
        self.email.is_some() && self.roster.config().alerts.is_some()
    }

    fn alerts(&self, now: Timestamp) -> Way {
        match (&self.roster.config().alerts, &self.email) {
            (Some(mailbox), Some(_)) => Way::To {
                channel: Channel::Email,
                address: Address::Email(mailbox.clone()),
                name: String::new(),
            },
            _ => Way::NotYet {
                until: later(now),
                why: "nobody can be told: name a manager in [[staff]] with a chat or a mailbox, or set [alerts] email".into(),
            },
        }
    }

    fn managers(&self, why: &str) -> Result<Way, StoreError> {
        let names = self
            .roster
            .directory()?
            .managers()
            .map(|person| person.name.clone())
            .collect();
        Ok(Way::Others {
            names,
            why: why.to_owned(),
        })
    }

    /// The people an audience of `else` means, without the one who could not be reached.
    fn named(
        &self,
        audience: &Audience,
        but: &Colleague,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let directory = self.roster.directory()?;
        let names: Vec<String> = match audience {
            Audience::Managers => directory
                .managers()
                .map(|person| person.name.clone())
                .collect(),
            Audience::Staff(name) => vec![name.clone()],
            Audience::Duty => {
                let duty = self.roster.config().calendar.on_duty(now);
                duty.into_iter().map(str::to_owned).collect()
            }
            Audience::Owner | Audience::Customer | Audience::Next => Vec::new(),
        };
        Ok(names.into_iter().filter(|name| *name != but.name).collect())
    }
}

/// To `[alerts] email`, under a key that all the managers share.
fn alerts_instead() -> Way {
    Way::Others {
        names: Vec::new(),
        why: "no manager can be reached by Telegram".into(),
    }
}

fn later(now: Timestamp) -> Timestamp {
    now.saturating_add(LOOK_AGAIN).unwrap_or(now)
}

fn unreached(person: &Colleague, telegram_down: bool) -> String {
    if telegram_down {
        format!(
            "Telegram is out of reach, and {} has no other way",
            person.name
        )
    } else {
        format!(
            "{} has no Telegram chat yet: run `sheetbridge invite \"{}\"`",
            person.name, person.name
        )
    }
}

fn customer(message: &Message, facts: &Value) -> Way {
    match message.channel {
        Channel::Email => match facts["email"].as_str() {
            Some(address) => Way::To {
                channel: Channel::Email,
                address: Address::Email(address.to_owned()),
                name: facts["name"]["full"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
            },
            None => Way::Nobody("the row has no e-mail address that can be read".into()),
        },
        Channel::Telegram => Way::Nobody("customers cannot be written to by Telegram".into()),
    }
}

/// The same message to others, each under a key of their own.
pub(super) fn passed_on(message: &Message, names: &[String], now: Timestamp) -> Vec<Message> {
    names
        .iter()
        .map(|name| Message {
            key: with_role(&message.key, &format!("managers:{name}")),
            to: Recipient::Staff(name.clone()),
            otherwise: vec![Fallback::By(Channel::Email)],
            frozen: None,
            attempts: Vec::new(),
            hands: Vec::new(),
            due: now,
            why: String::new(),
            ..message.clone()
        })
        .collect()
}

/// The same key with another role: `rule/step/record/role/occasion`.
pub(super) fn with_role(key: &MessageKey, role: &str) -> MessageKey {
    let mut parts: Vec<&str> = key.as_str().splitn(5, '/').collect();
    let role = role.replace('/', "∕");
    if let Some(part) = parts.get_mut(3) {
        *part = &role;
    }
    MessageKey::from_text(parts.join("/"))
}

/// To whom, for logs: a colleague's name or a masked address.
pub(super) fn shown(message: &Message) -> String {
    match (&message.to, &message.frozen) {
        (Recipient::Staff(name), _) => name.clone(),
        (Recipient::Owner(_), Some(frozen)) if !frozen.display_name.is_empty() => {
            frozen.display_name.clone()
        }
        (_, Some(frozen)) => frozen.address.to_string(),
        (Recipient::Customer, None) => "customer".into(),
        (Recipient::Owner(_), None) => "owner".into(),
        (Recipient::Alerts, None) => "[alerts] email".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_passed_on_keeps_its_cause() {
        let key = MessageKey::from_text("lead-alert/1/r-1/owner/added");
        assert_eq!(
            with_role(&key, "managers:Hà Phạm").as_str(),
            "lead-alert/1/r-1/managers:Hà Phạm/added"
        );
        let odd = MessageKey::from_text("trial:idle/1/r-1/owner/consulting idle since 2026 #1");
        assert_eq!(
            with_role(&odd, "managers:A/B").as_str(),
            "trial:idle/1/r-1/managers:A∕B/consulting idle since 2026 #1"
        );
    }
}
