//! Before each try: is the message still wanted, may it go now, where does it go, and what does it say?

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Outbox;
use super::route::{self, Way};
use crate::commands::{Desk, judge};
use crate::core::delivery::State;
use crate::core::facts::message::HoldFacts;
use crate::core::message::{Address, Frozen, Message, Recipient, Wanted};
use crate::core::people::Directory;
use crate::core::policy::Answer;
use crate::core::record::Record;
use crate::roster::Consent;
use crate::store::keys::{self, prefix};
use crate::store::proof::{self, Proof, Said};
use crate::store::{Group, StoreError};

/// How soon to look again at what waits for the end of a trial, and after it has expired meanwhile.
const TRIAL_WAIT: SignedDuration = SignedDuration::from_mins(5);
const TRIAL_LAST: SignedDuration = SignedDuration::from_secs(1);

/// What is asked of a mail's values besides its template: who answers it, and what a question about it says.
const OURS: [&str; 4] = ["name", "owner", "owners", "sheet_url"];

/// What is done with a queued message now.
pub(super) enum Next {
    /// Address, values and template are there: it may go to the courier.
    Ready,
    /// It may go, and has no place in this pass.
    NoSeat,
    /// Looked at again then.
    Wait { until: Timestamp, why: String },
    /// It ends here.
    End { state: State, why: String },
    /// Others are told instead.
    PassOn { messages: Vec<Message>, why: String },
}

impl Outbox {
    /// `seat` is asked for a place once it is known where the message goes, before its values are gathered:
    /// those of a digest walk all rows, which a chat that is slow must not cost in every pass.
    pub(super) fn prepare(
        &self,
        message: &mut Message,
        now: Timestamp,
        group: &mut Group,
        seat: impl FnOnce(&Address) -> bool,
    ) -> Result<Next, StoreError> {
        let store = self.roster.store();
        let record: Option<Record> = match &message.record {
            Some(id) => store.record(id)?,
            None => None,
        };
        if let Some(next) = self.out_of_force(message, now)? {
            return Ok(next);
        }
        if let Some(why) = self.replaced(message)? {
            return Ok(Next::End {
                state: State::Cancelled,
                why,
            });
        }
        let facts = self.facts(message, record.as_ref(), now)?;
        if self.owner_changed(message, &facts)? {
            message.frozen = None; // an open reminder moves to the new owner (SEMANTICS 12)
        }
        if let Some(next) = self.shrunk(message, record.as_ref(), facts["email"].as_str(), now)? {
            return Ok(next);
        }
        let way = match &message.frozen {
            // A retry goes where the first try went (SEMANTICS 30).
            Some(frozen) => Way::To {
                channel: message.channel,
                address: frozen.address.clone(),
                name: frozen.display_name.clone(),
            },
            None => self.way(message, record.as_ref(), &facts, now)?,
        };
        let address = match &way {
            Way::To { address, .. } => Some(address),
            Way::NotYet { .. } | Way::Others { .. } | Way::Nobody(_) => None,
        };
        let own = message.channel;
        if let Way::To { channel, .. } = &way {
            message.channel = *channel; // it is that channel that may be paused
        }
        if let Some(next) = self.judge(message, record.as_ref(), &facts, address, now)? {
            message.channel = own; // another way may be open when it is looked at again
            return Ok(next);
        }
        match way {
            Way::To { address, name, .. } => {
                if !seat(&address) {
                    return Ok(Next::NoSeat);
                }
                if message.ad && message.to == Recipient::Customer && message.attempts.is_empty() {
                    self.keep_basis(&facts, &address, now, group)?;
                }
                self.freeze(message, record.as_ref(), facts, address, name, group)?;
                Ok(Next::Ready)
            }
            Way::NotYet { until, why } => Ok(Next::Wait { until, why }),
            Way::Others { names, why } if names.is_empty() => Ok(Next::PassOn {
                messages: vec![Message {
                    to: Recipient::Alerts,
                    channel: crate::core::rule::Channel::Email,
                    // The same for all the managers: one mail says it for all.
                    key: route::with_role(&message.key, "alerts"),
                    ..message.clone()
                }],
                why: format!("{why}: sent to [alerts] email"),
            }),
            Way::Others { names, why } => Ok(Next::PassOn {
                messages: route::passed_on(message, &names, now),
                why: format!("{why}: passed on to {}", names.join(", ")),
            }),
            Way::Nobody(why) => Ok(Next::End {
                state: State::Cancelled,
                why,
            }),
        }
    }

    /// Messages of rules that were removed (SEMANTICS 36), and of the other side of a trial: one decided in it
    /// reaches no customer afterwards, one decided before it keeps its occasion for after it (SEMANTICS 38).
    fn out_of_force(&self, message: &Message, now: Timestamp) -> Result<Option<Next>, StoreError> {
        let end = |why: &str| Next::End {
            state: State::Cancelled,
            why: why.into(),
        };
        if self
            .roster
            .store()
            .contains(&keys::under(prefix::RULE_GONE, &message.rule))?
        {
            return Ok(Some(end("its rule was removed from the configuration")));
        }
        let trial_now = self.roster.config().trial.is_some();
        Ok(
            match (message.to == Recipient::Customer, message.trial, trial_now) {
                (true, true, false) => Some(end("the trial in which it was decided is over")),
                (true, false, true) => Some(Next::Wait {
                    until: now.saturating_add(TRIAL_WAIT).unwrap_or(now).min(
                        message
                            .expires
                            .saturating_add(TRIAL_LAST)
                            .unwrap_or(message.expires),
                    ),
                    why: "it was decided before the trial began, and waits for its end".into(),
                }),
                _ => None,
            },
        )
    }

    /// A reminder or a digest that waited so long that the next one was decided is not worth reading any
    /// more (SEMANTICS 19): one at a time is enough.
    fn replaced(&self, message: &Message) -> Result<Option<String>, StoreError> {
        let repeats = matches!(message.wanted, Wanted::Idle { .. })
            || message.record.is_none() && message.template.starts_with("digest");
        if !repeats {
            return Ok(None);
        }
        let Some((before_occasion, _)) = message.key.as_str().rsplit_once('/') else {
            return Ok(None);
        };
        let like_it = keys::under(prefix::MESSAGE, format!("{before_occasion}/"));
        for entry in self.roster.store().scan::<Message>(&like_it) {
            let (_, other) = entry?;
            let stands = !matches!(other.state, State::Cancelled | State::Expired);
            if other.key != message.key && other.created > message.created && stands {
                return Ok(Some(format!("replaced by a newer one: {}", other.key)));
            }
        }
        Ok(None)
    }

    /// Whether a message to the owner was meant for somebody who is in charge no longer.
    fn owner_changed(&self, message: &Message, facts: &Value) -> Result<bool, StoreError> {
        let Some(frozen) = &message.frozen else {
            return Ok(false);
        };
        let n = match &message.to {
            Recipient::Owner(n) => n,
            Recipient::Staff(name) => {
                let standing = self.roster.stand_ins()?;
                let record = message.record.as_ref();
                let instead = record.and_then(|record| standing.instead(record, name));
                return Ok(instead.is_some_and(|instead| instead != frozen.display_name));
            }
            Recipient::Customer | Recipient::Alerts => return Ok(false),
        };
        let directory = self.directory()?;
        let names = crate::core::decide::owner_names(facts);
        let now = directory.owners(&names).get(usize::from(*n)).copied();
        Ok(now.is_some_and(|person| person.name != frozen.display_name))
    }

    /// What templates see: the record as it is now, and what was known at the event.
    fn facts(
        &self,
        message: &Message,
        record: Option<&Record>,
        now: Timestamp,
    ) -> Result<Value, StoreError> {
        match record {
            Some(record) => self
                .roster
                .facts(&record.for_rule(&message.rule), &message.event, now),
            None => Ok(self.roster.facts_without_record(&message.event, now)),
        }
    }

    /// Asks policy; `None` if the message may go.
    fn judge(
        &self,
        message: &Message,
        record: Option<&Record>,
        facts: &Value,
        address: Option<&Address>,
        now: Timestamp,
    ) -> Result<Option<Next>, StoreError> {
        let answer = judge(&self.roster, message, record, facts, address, now)?;
        Ok(match answer {
            Answer::Go => None,
            Answer::Wait { until, why } => Some(Next::Wait { until, why }),
            Answer::Never { why, state } => Some(Next::End { state, why }),
        })
    }

    /// Takes address, values and template at the first try, and keeps them for retries.
    fn freeze(
        &self,
        message: &mut Message,
        record: Option<&Record>,
        mut facts: Value,
        address: Address,
        name: String,
        group: &mut Group,
    ) -> Result<(), StoreError> {
        if message.frozen.is_some() {
            return Ok(());
        }
        self.add_hold(message, record, &mut facts)?;
        self.add_digest(message, &mut facts)?;
        self.add_earlier(message, record, &name, &mut facts)?;
        let hash = self
            .templates
            .hash(&message.template)
            .unwrap_or_default()
            .to_owned();
        let kept = keys::under(prefix::TEMPLATE, &hash);
        if let Some(bundle) = self.templates.source_bundle(&message.template)
            && !self.roster.store().contains(&kept)?
        {
            group.put(kept, &bundle);
        }
        if message.to == Recipient::Customer {
            self.keep_what_is_asked_for(message, &mut facts);
        }
        let redirected = self
            .roster
            .config()
            .trial
            .clone()
            .filter(|_| message.to == Recipient::Customer);
        if let Some(mailbox) = redirected {
            let reached = if name.is_empty() {
                address.expose()
            } else {
                format!("{name} <{}>", address.expose())
            };
            facts["trial"] = json!({ "reached": reached });
            message.frozen = Some(Frozen {
                address: Address::Email(mailbox),
                display_name: String::new(),
                template: hash,
                values: facts,
            });
            return Ok(());
        }
        message.frozen = Some(Frozen {
            address,
            display_name: name,
            template: hash,
            values: facts,
        });
        Ok(())
    }

    /// Of what is known of a customer, a mail keeps what its template may ask for: the rest is none of its business for
    /// the years that it is kept.
    fn keep_what_is_asked_for(&self, message: &Message, facts: &mut Value) {
        let Some(facts) = facts.as_object_mut() else {
            return;
        };
        facts.retain(|name, _| {
            OURS.contains(&name.as_str())
                || message.event.get(name).is_some()
                || self.templates.may_ask_for(&message.template, name)
        });
    }

    /// On what the person agreed to advertising, before the first that goes to them by it: the company bears the
    /// proof (Decree 91/2020 Art. 13).
    fn keep_basis(
        &self,
        facts: &Value,
        address: &Address,
        now: Timestamp,
        group: &mut Group,
    ) -> Result<(), StoreError> {
        let Consent::Given(basis) = self.roster.consent(facts)? else {
            return Ok(());
        };
        let store = self.roster.store();
        let to = address.expose();
        if proof::has_basis(store, &to, &basis.source, &basis.wording)? {
            return Ok(());
        }
        let said = Proof {
            at: now,
            said: Said::Agreed,
            source: basis.source,
            wording: basis.wording,
            shown: address.to_string(),
        };
        proof::keep(store, group, &to, &said)
    }

    /// A notice about a mail that waits names the mail's subject and the masked address.
    fn add_hold(
        &self,
        message: &Message,
        record: Option<&Record>,
        facts: &mut Value,
    ) -> Result<(), StoreError> {
        let Some(key) = message.event["hold"]["key"].as_str() else {
            return Ok(());
        };
        let key = crate::core::message::MessageKey::from_text(key);
        let held: Option<Message> = self.roster.store().get(&keys::message(&key))?;
        let Some(held) = held else {
            return Ok(());
        };
        let values = match record {
            Some(record) => self.roster.facts(record, &held.event, held.created)?,
            None => Value::Null,
        };
        let subject = self
            .templates
            .render_mail(&held.template, &values)
            .map(|mail| mail.subject)
            .unwrap_or_default();
        let to = facts["email"]
            .as_str()
            .map(|address| Address::Email(address.to_owned()).to_string());
        let until = message.event["hold"]["until"].as_str().map(String::from);
        facts["hold"] = json!(HoldFacts { subject, to, until });
        facts["hold"]["key"] = json!(key);
        Ok(())
    }

    /// What staff read of a customer says since when the person is known, as far as the reader may know it.
    fn add_earlier(
        &self,
        message: &Message,
        record: Option<&Record>,
        reader: &str,
        facts: &mut Value,
    ) -> Result<(), StoreError> {
        if message.to == Recipient::Customer {
            return Ok(());
        }
        let asks = |bundle: &str| bundle.contains("earlier");
        let bundle = self.templates.source_bundle(&message.template);
        let Some(record) = record.filter(|_| bundle.is_some_and(asks)) else {
            return Ok(());
        };
        let occasion = message.key.as_str().splitn(5, '/').nth(4);
        let itself = occasion.is_some_and(|occasion| occasion.starts_with("returned "));
        let directory = self.directory()?;
        if let Some(earlier) = self
            .roster
            .earlier(record, itself, directory.find(reader))?
        {
            facts["earlier"] = json!(earlier);
        }
        Ok(())
    }

    /// A message of a schedule carries the figures of its moment.
    fn add_digest(&self, message: &Message, facts: &mut Value) -> Result<(), StoreError> {
        if message.record.is_some() || !message.template.starts_with("digest") {
            return Ok(());
        }
        let desk = Desk::new(self.roster.clone(), Some(self.health.clone()));
        let name = match &message.to {
            Recipient::Staff(name) => Some(name.as_str()),
            Recipient::Customer | Recipient::Owner(_) | Recipient::Alerts => None,
        };
        let mut values = desk
            .digest_values(Some(&message.rule), name, message.created)
            .map_err(|error| StoreError::Value {
                key: "digest".into(),
                why: error.text,
            })?;
        for name in ["digest", "insight"] {
            facts[name] = values[name].take();
        }
        Ok(())
    }

    /// The company's people, for the answer address of a mail.
    pub(super) fn directory(&self) -> Result<Directory, StoreError> {
        self.roster.directory()
    }
}
