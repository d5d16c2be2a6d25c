//! How a try ended, and what follows from it.

use jiff::{SignedDuration, Timestamp};

use super::limits::Wait;
use super::{Claim, Ended, Outbox, OutboxError};
use crate::commands::{Paused, opt_out_confirmed, pause_key};
use crate::core::decide::notice;
use crate::core::delivery::{By, Refusal, Scope, State, Verdict, backoff};
use crate::core::facts::local_text;
use crate::core::facts::message::TroubleFacts;
use crate::core::message::{Address, Message, Recipient};
use crate::core::rule::Channel;
use crate::courier::email::{Strike, strike};
use crate::roster::{Binding, binding_key};
use crate::store::journal::{Entry, What};
use crate::store::keys::{self, prefix};
use crate::store::lanes::{Lane, Rank};
use crate::store::notes::{Told, told_key};
use crate::store::suppression::{Suppression, SuppressionSource, address_hash, suppress_key};
use crate::store::{Group, StoreError, ledger};

/// A full mailbox is given up after so many refusals over so long (email.md, the table of codes).
const FULL_STRIKES: usize = 3;
const FULL_OVER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A disabled mailbox is given up at the second refusal.
const DISABLED_STRIKES: usize = 2;

impl Outbox {
    /// Records the end of one try.
    pub(super) fn record(
        &self,
        group: &mut Group,
        claim: Claim,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<Ended, OutboxError> {
        let mut message = claim.message;
        let channel = message.channel;
        // Whatever else was said: somebody answered, or the trouble is not the channel's.
        if !matches!(
            verdict,
            Verdict::TryLater {
                scope: Scope::Channel,
                ..
            } | Verdict::Unmade { .. }
        ) {
            self.gates.open(channel);
        }
        match verdict {
            Verdict::Delivered { receipt } => {
                self.health.channel_well(channel, now);
                ledger::attempted(&mut message, now, State::Delivered, &receipt);
                ledger::shift(
                    group,
                    &mut message,
                    State::Delivered,
                    By::Outbox,
                    receipt,
                    None,
                )?;
                self.count(group, &message, now)?;
                opt_out_confirmed(self.roster.store(), group, &message, now)?;
                if let Some(Address::Chat(chat)) = message.frozen.as_ref().map(|f| &f.address) {
                    self.release_chat(group, *chat)?;
                    answered_to(group, &message, *chat, now);
                }
            }
            Verdict::TryLater {
                why,
                not_before_s,
                scope,
            } => {
                self.later(group, &mut message, &why, not_before_s, scope, now)?;
            }
            Verdict::Rejected {
                why,
                about: Refusal::Address,
            } if channel == Channel::Telegram && message.to != Recipient::Customer => {
                self.health.channel_well(channel, now);
                self.next_way(group, &mut message, &why, now)?;
            }
            Verdict::Rejected { why, about } => {
                self.health.channel_well(channel, now);
                ledger::attempted(&mut message, now, State::Rejected, &why);
                ledger::shift(group, &mut message, State::Rejected, By::Outbox, &why, None)?;
                self.refused(group, &message, &why, about, now)?;
            }
            Verdict::InDoubt { why } => {
                self.count(group, &message, now)?;
                self.doubt(group, &mut message, now, &why)?;
            }
            Verdict::Unmade { why } => {
                // Our fault, and a person's to mend. That it was on its way is no try.
                ledger::shift(group, &mut message, State::Queued, By::Outbox, &why, None)?;
                ledger::shift(group, &mut message, State::Cancelled, By::Policy, why, None)?;
            }
            Verdict::Moved { to } => {
                self.moved(group, &mut message, to, now)?;
            }
        }
        let entry = Entry {
            at: now,
            record: message.record.clone(),
            what: What::Message,
            text: format!("{} {}: {}", message.key, message.state, message.why),
            stages: None,
            moved: None,
        };
        self.roster.store().note(group, &entry);
        Ok(Ended {
            message,
            to: claim.to,
        })
    }

    /// A colleague's chat is dead: the message takes the next way, so that nobody loses it (SEMANTICS 25).
    fn next_way(
        &self,
        group: &mut Group,
        message: &mut Message,
        why: &str,
        now: Timestamp,
    ) -> Result<(), OutboxError> {
        let chat = message.frozen.take().map(|frozen| frozen.address);
        if let Some(Address::Chat(chat)) = chat {
            self.binding_died(group, chat, why, now)?;
        }
        ledger::attempted(message, now, State::Queued, why);
        ledger::shift(group, message, State::Queued, By::Outbox, why, Some(now))?;
        Ok(())
    }

    fn later(
        &self,
        group: &mut Group,
        message: &mut Message,
        why: &str,
        not_before_s: Option<u64>,
        scope: Scope,
        now: Timestamp,
    ) -> Result<(), OutboxError> {
        let channel = message.channel;
        let asked =
            SignedDuration::from_secs(i64::try_from(not_before_s.unwrap_or(0)).unwrap_or(i64::MAX));
        match scope {
            Scope::Channel => {
                self.health.channel_down(channel, now, why);
                return self.knock_again(group, message, why, asked, now);
            }
            Scope::Sender => {
                let wait = Wait {
                    until: self.tomorrow(now),
                    why: why.to_owned(),
                };
                self.limit_channel(group, channel, wait);
            }
            Scope::Address if not_before_s.is_some() => {
                let chat = message.frozen.as_ref().map(|frozen| &frozen.address);
                if let Some(Address::Chat(chat)) = chat {
                    let until = now.saturating_add(asked).unwrap_or(now);
                    self.hold_chat(group, *chat, until);
                }
            }
            Scope::Message | Scope::Address => {}
        }
        ledger::attempted(message, now, State::Queued, why);
        if channel == Channel::Email && self.struck_out(message, why, now) {
            ledger::shift(group, message, State::Rejected, By::Outbox, why, None)?;
            self.suppress(group, message, why, now)?;
            return Ok(());
        }
        let own = message
            .tries()
            .iter()
            .filter(|attempt| attempt.ended == State::Queued)
            .count();
        let rung = u32::try_from(own).unwrap_or(u32::MAX);
        let wait = match scope {
            Scope::Sender => Some(self.tomorrow(now).duration_since(now)),
            // Telegram says to the second when a chat may go on; only the end of the ladder counts then.
            Scope::Channel | Scope::Message | Scope::Address => {
                backoff(channel, rung, crate::random::unit()).map(|wait| {
                    let told = channel == Channel::Telegram && not_before_s.is_some();
                    if told {
                        SignedDuration::from_millis(500)
                    } else {
                        wait
                    }
                })
            }
        };
        let Some(wait) = wait else {
            ledger::shift(
                group,
                message,
                State::Dead,
                By::Outbox,
                format!("given up after {own} tries: {why}"),
                None,
            )?;
            return Ok(());
        };
        let due = now.saturating_add(wait.max(asked)).unwrap_or(now);
        ledger::shift(group, message, State::Queued, By::Outbox, why, Some(due))?;
        Ok(())
    }

    /// The channel is out of reach. That is not the message's fault: it takes no rung of the ladder, and
    /// is no try of its own, or an outage of days would fill its story.
    fn knock_again(
        &self,
        group: &mut Group,
        message: &mut Message,
        why: &str,
        asked: SignedDuration,
        now: Timestamp,
    ) -> Result<(), OutboxError> {
        let due = self
            .gates
            .shut(message.channel, now, asked, crate::random::unit());
        // Another way may open meanwhile: a message to staff looks for its way anew.
        if message.to != Recipient::Customer {
            message.frozen = None;
        }
        ledger::shift(group, message, State::Queued, By::Outbox, why, Some(due))?;
        Ok(())
    }

    /// The next morning, when a provider counts anew.
    fn tomorrow(&self, now: Timestamp) -> Timestamp {
        let calendar = &self.roster.config().calendar;
        let date = calendar.date(now).tomorrow().unwrap_or(calendar.date(now));
        calendar.at_local(date, jiff::civil::Time::constant(0, 10, 0, 0))
    }

    /// Refusals that count: a disabled mailbox twice, a full one three times over a week.
    fn struck_out(&self, message: &Message, why: &str, now: Timestamp) -> bool {
        let Some(kind) = strike(why) else {
            return false;
        };
        let same = || {
            message
                .attempts
                .iter()
                .filter(|attempt| strike(&attempt.said) == Some(kind))
        };
        match kind {
            Strike::Disabled => same().count() >= DISABLED_STRIKES,
            Strike::Full => {
                let first = same().map(|attempt| attempt.at).min();
                same().count() >= FULL_STRIKES
                    && first.is_some_and(|first| now.duration_since(first) >= FULL_OVER)
            }
        }
    }

    /// What a final refusal means for others.
    fn refused(
        &self,
        group: &mut Group,
        message: &Message,
        why: &str,
        about: Refusal,
        now: Timestamp,
    ) -> Result<(), OutboxError> {
        match (about, message.frozen.as_ref().map(|frozen| &frozen.address)) {
            (Refusal::Address, Some(Address::Email(_))) => {
                self.suppress(group, message, why, now)?;
            }
            (Refusal::Policy, _) => self.stop_its_rule(group, message, why, now)?,
            (Refusal::Content, _) | (Refusal::Address, Some(Address::Chat(_)) | None) => {}
        }
        Ok(())
    }

    fn suppress(
        &self,
        group: &mut Group,
        message: &Message,
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // In a trial the address is our own mailbox, not the customer's.
        let Some(Address::Email(address)) = message
            .frozen
            .as_ref()
            .map(|frozen| &frozen.address)
            .filter(|_| !message.trial)
        else {
            return Ok(());
        };
        let key = suppress_key(self.roster.store(), address)?;
        // What somebody said by hand must outlive the bounce: it is widened, not written over.
        let standing: Option<Suppression> = self.roster.store().get(&key)?;
        let suppression = match standing {
            Some(Suppression {
                at,
                source: SuppressionSource::Hand { by, why: said, .. },
                shown,
                also,
            }) => Suppression {
                at,
                source: SuppressionSource::Hand {
                    by,
                    everything: true,
                    why: Some(match said {
                        Some(said) => format!("{said}; {why}"),
                        None => why.to_owned(),
                    }),
                },
                shown,
                also,
            },
            Some(_) | None => Suppression {
                at: now,
                source: SuppressionSource::Bounce {
                    said: why.to_owned(),
                },
                shown: Address::Email(address.clone()).to_string(),
                also: Vec::new(),
            },
        };
        group.put(key, &suppression);
        Ok(())
    }

    /// A chat that cannot be written to any more: the managers hear of it.
    fn binding_died(
        &self,
        group: &mut Group,
        chat: i64,
        why: &str,
        now: Timestamp,
    ) -> Result<(), OutboxError> {
        let Some(person) = self.roster.person_of_chat(chat)? else {
            return Ok(());
        };
        if self
            .roster
            .binding(&person)?
            .is_some_and(|binding| binding.dead.is_some())
        {
            return Ok(()); // the bot heard of it first, and told
        }
        let dead = Binding {
            name: person.name.clone(),
            chat,
            at: now,
            dead: Some(why.to_owned()),
        };
        group.put(binding_key(&person.name), &dead);
        let zone = &self.roster.config().calendar.zone;
        for message in notice::chat_died(&self.roster.directory()?, &person.name, why, zone, now) {
            ledger::queue(self.roster.store(), group, &message)?;
        }
        Ok(())
    }

    /// 5.7.x says that we, or what we write, are not wanted (email.md, the table of codes): the address is
    /// kept, and the rule writes to no customer any more until a person has looked and resumed it.
    fn stop_its_rule(
        &self,
        group: &mut Group,
        message: &Message,
        why: &str,
        now: Timestamp,
    ) -> Result<(), OutboxError> {
        let channel = message.channel.as_str();
        let rule = &message.rule;
        let lane = Lane::of(message);
        let known = lane.rank == Rank::Campaign
            || self.roster.config().rules.iter().any(|one| one.id == *rule);
        // What goes to colleagues is not stopped: they would wait for an alert that never comes.
        if !known || message.to != Recipient::Customer {
            let day = self.roster.config().calendar.date(now);
            let occasion = format!("{channel} refused {day}");
            return self.tell(group, channel, (why, None), &occasion, now);
        }
        let [.., own] = lane.pauses();
        let at = pause_key(&own);
        if self.roster.store().contains(&at)? {
            return Ok(());
        }
        let paused = Paused {
            what: own.clone(),
            by: "sheetbridge".to_owned(),
            at: now,
        };
        group.put(at, &paused);
        let mend = match own.strip_prefix("campaign/") {
            Some(campaign) => format!("sheetbridge resume campaign {campaign}"),
            None => format!("sheetbridge resume {rule}"),
        };
        let detail = format!("{rule}: {why}");
        let occasion = format!("{rule} refused {now}");
        self.tell(group, channel, (&detail, Some(mend)), &occasion, now)
    }

    fn tell(
        &self,
        group: &mut Group,
        service: &str,
        (detail, mend): (&str, Option<String>),
        occasion: &str,
        now: Timestamp,
    ) -> Result<(), OutboxError> {
        let local = local_text(
            now.to_zoned(self.roster.config().calendar.zone.clone())
                .datetime(),
        );
        let facts = TroubleFacts {
            service: service.to_owned(),
            over: false,
            detail: Some(detail.to_owned()),
            mend,
            since: Some(local),
            waiting: 0,
        };
        let extra = serde_json::json!({ "trouble": facts });
        for message in notice::to_managers(
            &self.roster.directory()?,
            "trouble",
            "trouble",
            occasion,
            &extra,
            now,
        ) {
            ledger::queue(self.roster.store(), group, &message)?;
        }
        Ok(())
    }

    /// A migrated group: its new id is stored together with the retry.
    fn moved(
        &self,
        group: &mut Group,
        message: &mut Message,
        to: i64,
        now: Timestamp,
    ) -> Result<(), OutboxError> {
        if let Some(frozen) = &mut message.frozen {
            if let Address::Chat(before) = frozen.address
                && let Some(person) = self.roster.person_of_chat(before)?
            {
                let binding = Binding {
                    name: person.name.clone(),
                    chat: to,
                    at: now,
                    dead: None,
                };
                group.put(binding_key(&person.name), &binding);
            }
            frozen.address = Address::Chat(to);
        }
        ledger::attempted(
            message,
            now,
            State::Queued,
            "the group has another chat id now",
        );
        ledger::shift(
            group,
            message,
            State::Queued,
            By::Outbox,
            "the group has another chat id now",
            Some(now),
        )?;
        Ok(())
    }

    /// A mail counts against the sender's daily limit, and advertising against the cap of its
    /// address, delivered or in doubt.
    pub(super) fn count(
        &self,
        group: &mut Group,
        message: &Message,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(Address::Email(address)) = message.frozen.as_ref().map(|frozen| &frozen.address)
        else {
            return Ok(());
        };
        group.put(keys::timed(&mails_key(), now, message.key.digest()), &now);
        if message.ad {
            let hash = address_hash(self.roster.store(), address)?;
            let under = keys::under(prefix::SENT, format!("{hash}/"));
            group.put(keys::timed(&under, now, message.key.digest()), &now);
        }
        Ok(())
    }
}

/// Under which the mails of the sender are counted, by time. No address hash looks like it.
pub(super) fn mails_key() -> keys::Key {
    keys::under(prefix::SENT, "all mails/")
}
/// Keeps which message about a customer the parts in a chat are, for a colleague who answers to one in words.
fn answered_to(group: &mut Group, message: &Message, chat: i64, now: Timestamp) {
    if message.record.is_none() || message.to == Recipient::Customer {
        return;
    }
    let told = Told {
        message: message.key.clone(),
        at: now,
    };
    // The receipt is Telegram's numbers of its parts.
    let parts = message.why.split(',');
    for id in parts.filter_map(|id| id.trim().parse::<i32>().ok()) {
        group.put(told_key(chat, id), &told);
    }
}
