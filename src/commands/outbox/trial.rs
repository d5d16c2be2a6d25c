//! A trial (`[trial] redirect_all_to`): what would have been sent to customers, and, when it is over, which of its
//! open occasions are taken over (SEMANTICS 38). A trial's messages have keys of their own, so none of them keeps
//! the real one from going.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, CommandError, Desk, ErrorKind, Right, Who};
use crate::core::decide::valid_for;
use crate::core::delivery::State;
use crate::core::message::{Message, MessageKey};
use crate::core::policy;
use crate::store::keys::{self, prefix};
use crate::store::{Group, Store, StoreError, gap, ledger};

/// What the keys of a trial's messages begin with.
const TRIAL: &str = "trial:";

/// What is done with the open occasions of a trial that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialEnd {
    /// They are sent, to the customers.
    TakeOver,
    /// They are used up without being sent.
    Drop,
}

/// What a trial has kept from customers, as far as nobody has said yet what becomes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialReport {
    /// Whether the trial is still on.
    pub on: bool,
    /// How many messages would have gone to customers, by rule.
    pub by_rule: BTreeMap<String, usize>,
    /// Each of them, the newest first.
    pub messages: Vec<TrialLine>,
    /// How many are still open: wanted and not expired.
    pub open: usize,
}

/// A message that would have gone to a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialLine {
    /// The key it would have had.
    pub key: String,
    /// Rule id.
    pub rule: String,
    /// Whom it would have reached: masked.
    pub would_reach: Option<String>,
    /// When it was decided.
    pub created: String,
    /// What became of it in the trial.
    pub state: String,
    /// Whether it could still be sent.
    pub open: bool,
    /// Why, or why not.
    pub why: String,
}

/// What ending a trial came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialTaken {
    /// Messages that go to customers now.
    pub taken_over: usize,
    /// Messages that were taken over, and are in doubt: the state was restored from a backup since they were
    /// decided, so they may have gone already.
    #[serde(default)]
    pub in_doubt: usize,
    /// Occasions that are used up without a message.
    pub dropped: usize,
    /// Occasions that were not open any more: the row is gone, the stage was left, it is too late.
    pub over: usize,
}

/// The messages of trials to customers of which nobody has said yet what becomes of them.
///
/// # Errors
/// The disk.
pub fn open_trial(store: &Store) -> Result<Vec<Message>, StoreError> {
    let mut open = Vec::new();
    for key in store.keys(prefix::TRIAL) {
        let key = key?;
        let message = keys::under(prefix::MESSAGE, &key[prefix::TRIAL.len()..]);
        // One whose story is no longer kept is over.
        if let Some(message) = store.get::<Message>(&message)?
            && !ledger::is_used(store, &real_key(&message.key))?
        {
            open.push(message);
        }
    }
    Ok(open)
}

fn real_key(key: &MessageKey) -> MessageKey {
    MessageKey::from_text(key.as_str().strip_prefix(TRIAL).unwrap_or(key.as_str()))
}

impl Desk {
    /// What the trial has kept from customers, those of one rule or all.
    ///
    /// # Errors
    /// The role, the disk.
    pub fn trial_report(
        &self,
        rule: Option<&str>,
        who: &Who,
        now: Timestamp,
    ) -> Answer<TrialReport> {
        self.must_all(who, Right::Everything)?;
        let store = self.roster.store();
        let mut report = TrialReport {
            on: self.roster.config().trial.is_some(),
            ..TrialReport::default()
        };
        let mut found = open_trial(store)?;
        found.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.key.cmp(&b.key)));
        for message in found
            .iter()
            .filter(|one| rule.is_none_or(|rule| one.rule == rule))
        {
            let line = self.trial_line(message, now)?;
            *report.by_rule.entry(line.rule.clone()).or_default() += 1;
            report.open += usize::from(line.open);
            report.messages.push(line);
        }
        Ok(report)
    }

    /// How many messages of a trial that is over could still be sent.
    ///
    /// # Errors
    /// The disk.
    pub(in crate::commands) fn trial_open(&self, now: Timestamp) -> Answer<usize> {
        if self.roster.config().trial.is_some() {
            return Ok(0);
        }
        let mut open = 0;
        for message in open_trial(self.roster.store())? {
            let judged = self.judged(&for_real(&message), now)?;
            open += usize::from(!matches!(judged, policy::Answer::Never { .. }));
        }
        Ok(open)
    }

    fn trial_line(&self, message: &Message, now: Timestamp) -> Answer<TrialLine> {
        let (open, why) = match self.judged(&for_real(message), now)? {
            policy::Answer::Never { why, .. } => (false, why),
            policy::Answer::Go | policy::Answer::Wait { .. } => (true, "still open".to_owned()),
        };
        let as_customer = Message {
            frozen: None,
            ..message.clone()
        };
        Ok(TrialLine {
            key: real_key(&message.key).to_string(),
            rule: message.rule.clone(),
            would_reach: Some(self.recipient(&as_customer)?).filter(|to| to != "no address"),
            created: self.local(message.created),
            state: message.state.to_string(),
            open,
            why,
        })
    }

    /// Takes the open occasions of a trial that is over into the real ledger, or uses them up without a message.
    ///
    /// # Errors
    /// The role, a trial that is still on, the disk.
    pub fn end_trial(
        &self,
        end: TrialEnd,
        rule: Option<&str>,
        who: &Who,
        now: Timestamp,
    ) -> Answer<TrialTaken> {
        self.end_trial_as(end, rule, None, who, now)
    }

    /// The same, where it was pressed under the message of this key.
    pub(in crate::commands) fn end_trial_as(
        &self,
        end: TrialEnd,
        rule: Option<&str>,
        pressed: Option<&str>,
        who: &Who,
        now: Timestamp,
    ) -> Answer<TrialTaken> {
        self.must_all(who, Right::Steer)?;
        if self.roster.config().trial.is_some() {
            return Err(CommandError::plain(
                ErrorKind::TooLate,
                "the trial is still on: remove [trial] from the configuration and reload it (`systemctl reload sheetbridge`), then ask again",
            ));
        }
        let store = self.roster.store();
        let _alone = store.alone();
        let mut taken = TrialTaken::default();
        let mut groups = Vec::new();
        let restored = store.gap()?.map(|gap| gap.to);
        for message in open_trial(store)? {
            if rule.is_some_and(|rule| message.rule != rule) {
                continue;
            }
            let mut group = Group::default();
            group.remove(keys::under(prefix::TRIAL, message.key.as_str()));
            let mut real = self.taken_over(&message, now);
            let wanted = !matches!(
                self.judged(&for_real(&message), now)?,
                policy::Answer::Never { .. }
            );
            if end == TrialEnd::TakeOver && wanted {
                let new = ledger::queue(store, &mut group, &real)?;
                // It may have been taken over before, between a backup and its restore.
                if new && restored.is_some_and(|restored| message.created <= restored) {
                    // From queued this step is in the table.
                    let _ = gap::doubt(&mut group, &mut real, now);
                    taken.in_doubt += 1;
                } else {
                    taken.taken_over += 1;
                }
            } else {
                ledger::use_up(&mut group, &real.key);
                if wanted {
                    taken.dropped += 1;
                } else {
                    taken.over += 1;
                }
            }
            groups.push(group);
        }
        let mut note = Group::default();
        self.note_hand(
            &mut note,
            now,
            None,
            who,
            &format!(
                "ended the trial: {} messages taken over, {} in doubt, {} dropped, {} over",
                taken.taken_over, taken.in_doubt, taken.dropped, taken.over
            ),
        );
        // What is left of other rules is still to be said.
        if rule.is_none() {
            self.trial_answered(&mut note, end, &taken, pressed, who, now)?;
        }
        groups.push(note);
        store.commit(groups)?;
        Ok(taken)
    }

    /// The real message of a trial's, worth sending for as long as a new one.
    fn taken_over(&self, message: &Message, now: Timestamp) -> Message {
        let rules = &self.roster.config().rules;
        let rule = rules.iter().find(|rule| rule.id == message.rule);
        let worth = valid_for(rule, true).duration();
        Message {
            due: now,
            expires: now.saturating_add(worth).unwrap_or(now),
            held_until: None,
            why: "taken over from the trial".to_owned(),
            ..for_real(message)
        }
    }
}

/// A trial's message as it would be without the trial.
pub(super) fn for_real(message: &Message) -> Message {
    Message {
        key: real_key(&message.key),
        state: State::Queued,
        trial: false,
        frozen: None,
        attempts: Vec::new(),
        hands: Vec::new(),
        ..message.clone()
    }
}
