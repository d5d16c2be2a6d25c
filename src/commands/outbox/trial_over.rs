//! A trial is over: the managers are asked, once, what becomes of what it kept from customers (SEMANTICS 38). Nothing
//! of it goes before the answer, which is kept.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::trial::{for_real, open_trial};
use super::{Answer, CommandError, Desk, ErrorKind, Right, TrialEnd, TrialTaken, Who};
use crate::commands::ButtonAct;
use crate::commands::customers::name_of;
use crate::config::Language;
use crate::core::decide::notice;
use crate::core::facts::message::{KeptFacts, KeptOfRule};
use crate::core::message::Message;
use crate::core::policy;
use crate::store::keys::{self, Key, prefix};
use crate::store::{Group, ledger};

/// Stands where a rule's id would in the keys of questions, and is their template.
const RULE: &str = "trial-over";

/// So many are named.
const NAMED: usize = 30;

/// What was asked of the end of a trial, and what was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    /// When the last message of that trial was decided: no two trials have the same.
    newest: Timestamp,
    /// Who answered, when, and what.
    #[serde(default)]
    answered: Option<(String, Timestamp, TrialEnd)>,
}

fn asked_key() -> Key {
    keys::under(prefix::META, "trial-asked")
}

/// What a trial has kept, for the bot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialKept {
    /// How many could still go.
    pub open: usize,
    /// Customer, rule, and local ISO time at which it was decided: the first of them, the newest first.
    pub messages: Vec<(String, String, String)>,
}

impl Desk {
    /// Asks the managers what becomes of what a trial has kept, if it is over, something is open, and they were not
    /// asked yet. For the daemon, when a configuration comes into force. Returns whether it asked.
    ///
    /// # Errors
    /// The disk.
    pub fn ask_about_trial(&self, now: Timestamp) -> Answer<bool> {
        if self.roster.config().trial.is_some() {
            return Ok(false);
        }
        let store = self.roster.store();
        let _alone = store.alone();
        let open = self.trial_still_open(now)?;
        let Some(newest) = open.iter().map(|message| message.created).max() else {
            return Ok(false);
        };
        let before: Option<Asked> = store.get(&asked_key())?;
        if before.is_some_and(|before| before.newest >= newest) {
            return Ok(false);
        }
        let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
        for message in &open {
            *rules.entry(&message.rule).or_default() += 1;
        }
        let of_rule = |(rule, open): (&str, usize)| KeptOfRule {
            rule: rule.to_owned(),
            open,
        };
        let facts = KeptFacts {
            open: open.len(),
            rules: rules.into_iter().map(of_rule).collect(),
        };
        let directory = self.roster.directory()?;
        let extra = json!({ "trial_kept": facts });
        let mut group = Group::default();
        let occasion = newest.to_string();
        for question in notice::to_managers(&directory, RULE, RULE, &occasion, &extra, now) {
            ledger::queue(store, &mut group, &question)?;
        }
        let asked = Asked {
            newest,
            answered: None,
        };
        group.put(asked_key(), &asked);
        store.commit(vec![group])?;
        Ok(true)
    }

    /// Answers by a button. The first who answers wins.
    pub(in crate::commands) fn trial_decided(
        &self,
        end: TrialEnd,
        act: &ButtonAct,
        who: &Who,
        now: Timestamp,
    ) -> Answer<TrialTaken> {
        self.must_all(who, Right::Steer)?;
        let asked: Option<Asked> = self.roster.store().get(&asked_key())?;
        if let Some((by, at, end)) = asked.and_then(|asked| asked.answered) {
            return Err(self.trial_answered_before(&by, at, end));
        }
        self.end_trial_as(end, None, act.message.as_deref(), who, now)
    }

    /// Keeps the answer, and tells the other chats in which the question stands.
    pub(super) fn trial_answered(
        &self,
        group: &mut Group,
        end: TrialEnd,
        taken: &TrialTaken,
        pressed: Option<&str>,
        who: &Who,
        now: Timestamp,
    ) -> Answer<()> {
        let Some(asked) = self.roster.store().get::<Asked>(&asked_key())? else {
            return Ok(());
        };
        if asked.answered.is_some() {
            return Ok(());
        }
        let by = self.named(who.name());
        let [vi, en] = said(end);
        let line = match self.language() {
            Language::Vi => format!("✔️ <b>{by}</b> đã chọn: {vi} ({})", taken.count()),
            Language::En => format!("✔️ <b>{by}</b> has answered: {en} ({})", taken.count()),
        };
        let why = format!("{} has answered already", who.name());
        let occasion = asked.newest.to_string();
        self.answered_elsewhere(group, (RULE, &occasion), (&why, &line), now, pressed)?;
        let asked = Asked {
            answered: Some((who.name().to_owned(), now, end)),
            ..asked
        };
        group.put(asked_key(), &asked);
        Ok(())
    }

    /// What a trial has kept and could still go, by name.
    ///
    /// # Errors
    /// The role, the disk.
    pub fn trial_kept(&self, who: &Who, now: Timestamp) -> Answer<TrialKept> {
        self.must_all(who, Right::Everything)?;
        let mut open = self.trial_still_open(now)?;
        open.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.key.cmp(&b.key)));
        let mut kept = TrialKept {
            open: open.len(),
            messages: Vec::new(),
        };
        for message in open.iter().take(NAMED) {
            let record = match &message.record {
                Some(id) => self.roster.store().record(id)?,
                None => None,
            };
            let name = match record {
                Some(record) => name_of(&self.roster.facts(&record, &Value::Null, now)?),
                None => "?".to_owned(),
            };
            let at = self.local(message.created);
            kept.messages.push((name, message.rule.clone(), at));
        }
        Ok(kept)
    }

    fn trial_still_open(&self, now: Timestamp) -> Answer<Vec<Message>> {
        let mut open = Vec::new();
        for message in open_trial(self.roster.store())? {
            let judged = self.judged(&for_real(&message), now)?;
            if !matches!(judged, policy::Answer::Never { .. }) {
                open.push(message);
            }
        }
        Ok(open)
    }

    fn named(&self, by: &str) -> String {
        let by = match (self.language(), by) {
            (Language::Vi, "the command line") => "quản trị",
            (Language::En, "the command line") => "the admin",
            (_, name) => name,
        };
        by.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    }

    fn trial_answered_before(&self, by: &str, at: Timestamp, end: TrialEnd) -> CommandError {
        let [vi, en] = said(end);
        let at = self.local(at);
        let hour = at.get(11..16).unwrap_or_default();
        let by_vi = if by == "the command line" {
            "Quản trị"
        } else {
            by
        };
        CommandError::new(
            ErrorKind::TooLate,
            format!("{by} has answered already: {en}"),
            format!("{by_vi} đã chọn lúc {hour}: {vi}."),
        )
    }
}

impl TrialTaken {
    /// How many messages the answer was about.
    fn count(&self) -> usize {
        self.taken_over + self.in_doubt + self.dropped
    }
}

fn said(end: TrialEnd) -> [&'static str; 2] {
    match end {
        TrialEnd::TakeOver => ["gửi hết", "send them all"],
        TrialEnd::Drop => ["bỏ hết", "drop them all"],
    }
}
