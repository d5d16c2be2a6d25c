//! What people do to messages by hand: send again, cancel, settle a doubt. Each is one step of the one table of
//! states, and kept with who did it, in the message and in the journal.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, CommandError, Desk, ErrorKind, Right, Who};
use crate::commands::judge;
use crate::core::decide::valid_for;
use crate::core::delivery::{By, State};
use crate::core::message::{Address, Did, Hand, Message, Recipient};
use crate::core::policy;
use crate::store::keys::{self, prefix};
use crate::store::{Group, ledger};

/// Something to be done to messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandAct {
    /// What ended without delivery, or is in doubt, goes again under the same key (SEMANTICS 35).
    Retry,
    /// What waits does not go.
    Cancel,
    /// What is in doubt has arrived.
    Delivered,
    /// What is in doubt is sent again under the same key.
    Again,
    /// What is in doubt is given up.
    Dead,
}

impl HandAct {
    /// The states on which it acts.
    pub fn from_states(self) -> &'static [State] {
        match self {
            Self::Retry => &[
                State::Rejected,
                State::Dead,
                State::Expired,
                State::Cancelled,
                State::InDoubt,
            ],
            Self::Cancel => &[State::Queued],
            Self::Delivered | Self::Again | Self::Dead => &[State::InDoubt],
        }
    }

    /// What is kept of it.
    pub(super) fn did(self) -> Did {
        match self {
            Self::Retry | Self::Again => Did::Queued,
            Self::Cancel => Did::Cancelled,
            Self::Delivered => Did::Delivered,
            Self::Dead => Did::Dead,
        }
    }

    /// For the journal and for `why`.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Retry => "sent it on its way again",
            Self::Cancel => "cancelled it",
            Self::Delivered => "said that it has arrived",
            Self::Again => "had it sent again",
            Self::Dead => "gave it up",
        }
    }
}

/// What acting on messages came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    /// The messages on which it was done.
    pub done: Vec<Done>,
    /// The others.
    pub refused: Vec<Refused>,
}

/// A message on which it was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Its key.
    pub key: String,
    /// Where it stands now.
    pub state: String,
    /// Why it will not go all the same, as things stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub but: Option<String>,
}

/// A message on which it was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Its key, or what was written for it.
    pub key: String,
    /// Why not, with the mend.
    pub why: String,
}

impl Desk {
    /// Does something to messages, each by its key, its digest, or a piece of either that no other has.
    ///
    /// # Errors
    /// The role, the disk. What cannot be done to one message is said of it, and done to the others.
    pub fn outbox_act(
        &self,
        act: HandAct,
        named: &[String],
        who: &Who,
        now: Timestamp,
    ) -> Answer<Acted> {
        self.must_all(who, Right::Steer)?;
        let store = self.roster.store();
        let mut acted = Acted::default();
        // A piece of a key may take its time to find; nobody has to wait for that.
        let mut meant = BTreeSet::new();
        for text in named {
            match self.meant_message(text) {
                Ok(message) => {
                    meant.insert(message.key);
                }
                Err(error) if error.kind == ErrorKind::Store => return Err(error),
                Err(error) => acted.refused.push(Refused {
                    key: text.clone(),
                    why: error.text,
                }),
            }
        }
        let _alone = store.alone();
        let mut groups = Vec::new();
        for key in meant {
            let Some(mut message) = store.get::<Message>(&keys::message(&key))? else {
                continue; // cleared just now
            };
            let mut group = Group::default();
            match self.by_hand(&mut group, &mut message, act, who, None, now) {
                Ok(but) => {
                    groups.push(group);
                    acted.done.push(Done {
                        key: message.key.to_string(),
                        state: message.state.to_string(),
                        but,
                    });
                }
                Err(error) if error.kind == ErrorKind::Store => return Err(error),
                Err(error) => acted.refused.push(Refused {
                    key: message.key.to_string(),
                    why: error.text,
                }),
            }
        }
        store.commit(groups)?;
        Ok(acted)
    }

    /// One step by hand, with all that belongs to it, in one group. The caller holds the store alone; `asked` is the
    /// question under which a button was pressed.
    ///
    /// # Returns
    /// Why the message will not go all the same, if policy says so.
    ///
    /// # Errors
    /// It is not in a state for that, with the mend; the disk.
    pub(super) fn by_hand(
        &self,
        group: &mut Group,
        message: &mut Message,
        act: HandAct,
        who: &Who,
        asked: Option<&str>,
        now: Timestamp,
    ) -> Answer<Option<String>> {
        if !act.from_states().contains(&message.state) {
            return Err(not_in_state(act, message));
        }
        if act.did() == Did::Queued && self.is_of_ended_trial(message) {
            return Err(CommandError::plain(
                ErrorKind::TooLate,
                "it belongs to a trial that is over: `sheetbridge outbox trial --take-over` sends what is still open of it",
            ));
        }
        let was_in_doubt = message.state == State::InDoubt;
        let hand = Hand {
            at: now,
            by: who.name().to_owned(),
            did: act.did(),
            tries: message.attempts.len(),
        };
        message.hands.push(hand.clone());
        let mut due = None;
        if hand.did == Did::Queued {
            due = Some(now);
            self.begin_anew(message, now);
        }
        let why = format!("{} {}", who.name(), act.words());
        ledger::shift(group, message, hand.did.state(), By::Hand, why, due)
            .map_err(|step| CommandError::plain(ErrorKind::TooLate, step.to_string()))?;
        if was_in_doubt {
            self.answer_question(group, message, &hand, asked)?;
        }
        let did = format!("{} ({})", act.words(), message.key);
        self.note_hand(group, now, message.record.as_ref(), who, &did);
        match hand.did {
            Did::Queued => self.what_speaks_against(message, now),
            Did::Cancelled | Did::Delivered | Did::Dead => Ok(None),
        }
    }

    /// A message that goes again is worth sending for as long as a new one. What may have been sent stays what it
    /// was, to the letter; what certainly was not takes address and values as the sheet has them now, since that
    /// is where the address was corrected.
    fn begin_anew(&self, message: &mut Message, now: Timestamp) {
        let to_customer = message.to == Recipient::Customer;
        if message.doubts() == 0 || !to_customer {
            message.frozen = None;
        }
        let rule = self.roster.config().rules.iter();
        let rule = rule.clone().find(|rule| rule.id == message.rule);
        let worth = valid_for(rule, to_customer).duration();
        message.expires = message
            .expires
            .max(now.saturating_add(worth).unwrap_or(now));
    }

    fn is_of_ended_trial(&self, message: &Message) -> bool {
        message.trial && message.to == Recipient::Customer && self.roster.config().trial.is_none()
    }

    /// Why policy would end a queued message at once.
    fn what_speaks_against(&self, message: &Message, now: Timestamp) -> Answer<Option<String>> {
        Ok(match self.judged(message, now)? {
            policy::Answer::Never { why, .. } => Some(format!(
                "it will not go all the same, as things stand: {why}"
            )),
            policy::Answer::Go | policy::Answer::Wait { .. } => None,
        })
    }

    /// What policy says of a message now; the outbox asks the same before each send.
    pub(in crate::commands) fn judged(
        &self,
        message: &Message,
        now: Timestamp,
    ) -> Answer<policy::Answer> {
        let record = match &message.record {
            Some(id) => self.roster.store().record(id)?,
            None => None,
        };
        let facts = match &record {
            Some(record) => {
                self.roster
                    .facts(&record.for_rule(&message.rule), &message.event, now)?
            }
            None => self.roster.facts_without_record(&message.event, now),
        };
        let address = match (&message.frozen, &message.to) {
            (Some(frozen), _) => Some(frozen.address.clone()),
            (None, Recipient::Customer) => {
                let email = facts["email"].as_str();
                email.map(|email| Address::Email(email.to_owned()))
            }
            (None, Recipient::Owner(_) | Recipient::Staff(_) | Recipient::Alerts) => None,
        };
        let rule_gone = keys::under(prefix::RULE_GONE, &message.rule);
        if self.roster.store().contains(&rule_gone)? {
            return Ok(policy::Answer::Never {
                why: "its rule was removed from the configuration".into(),
                state: State::Cancelled,
            });
        }
        if address.is_none() && message.to == Recipient::Customer {
            return Ok(policy::Answer::Never {
                why: "the row has no e-mail address that can be read".into(),
                state: State::Cancelled,
            });
        }
        Ok(judge(
            &self.roster,
            message,
            record.as_ref(),
            &facts,
            address.as_ref(),
            now,
        )?)
    }
}

/// Why a message cannot be acted on as it stands, with what can be done.
fn not_in_state(act: HandAct, message: &Message) -> CommandError {
    let text = match (act, message.state) {
        (HandAct::Retry, State::Delivered) => {
            "it was delivered, and nothing is ever sent twice".to_owned()
        }
        (HandAct::Retry, State::Queued) => format!(
            "it waits already{}: `sheetbridge outbox show` says for what",
            if message.why.is_empty() {
                ""
            } else {
                ", to go by itself"
            }
        ),
        (_, State::InFlight) => {
            "it is being sent at this moment: ask again when it has ended".to_owned()
        }
        (HandAct::Cancel, State::Delivered) => "it was delivered already".to_owned(),
        (HandAct::Cancel, State::InDoubt) => {
            "it may have been sent: `sheetbridge outbox resolve KEY --dead` gives it up".to_owned()
        }
        (HandAct::Cancel, state) => format!("it is {state} and does not go any more"),
        (HandAct::Delivered | HandAct::Again | HandAct::Dead, state) => {
            match message.hands.last() {
                Some(hand) if message.doubts() > 0 => {
                    format!("{} has answered that already: it is {state}", hand.by)
                }
                _ if act == HandAct::Again && state != State::Delivered => format!(
                    "it is {state}, not in doubt: `sheetbridge outbox retry` sends what was rejected, dead, expired or cancelled again"
                ),
                _ => format!("it is {state}, not in doubt: there is nothing to settle"),
            }
        }
        (HandAct::Retry, state) => format!("it is {state}"),
    };
    CommandError::plain(ErrorKind::TooLate, text)
}
