//! A digest now, for the command line: what a schedule's message would say, and that message itself, sent.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::{Answer, CommandError, Desk, ErrorKind, Right, Who};
use crate::core::decide;
use crate::core::message::{Message, Recipient};
use crate::core::rule::{Rule, Trigger};
use crate::store::{Group, ledger};

/// What is sent where no rule names a template of its own.
const USUAL: &str = "digest-daily";

/// A digest as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DigestMade {
    /// The rule that sends it; none if there is none.
    pub rule: Option<String>,
    /// The template that says it.
    pub template: String,
    /// What the template sees.
    pub values: Value,
    /// The messages that were put into the outbox; none unless that was asked for.
    pub queued: Vec<DigestQueued>,
}

/// A digest on its way to somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestQueued {
    /// To whom.
    pub to: String,
    /// By which channel.
    pub channel: String,
    /// The message's key.
    pub key: String,
}

impl Desk {
    /// The digest of this moment, as a rule would send it; with `send`, it goes to that rule's recipients, as a
    /// message of its own: the rule's next time comes all the same.
    ///
    /// # Errors
    /// The role; no such rule, one that is no schedule, several to choose from, or none to send by; the disk.
    pub fn digest_now(
        &self,
        rule: Option<&str>,
        send: bool,
        who: &Who,
        now: Timestamp,
    ) -> Answer<DigestMade> {
        self.must_all(who, if send { Right::Steer } else { Right::Digest })?;
        let rule = self.digest_rule(rule)?;
        let template = rule
            .and_then(|rule| rule.send.first())
            .map_or(USUAL, |step| step.template.as_str());
        let queued = match (send, rule) {
            (false, _) => Vec::new(),
            (true, Some(rule)) => self.send_digest(rule, who, now)?,
            (true, None) => {
                return Err(CommandError::plain(
                    ErrorKind::Usage,
                    "no rule sends a digest, so there is nobody to send it to: add one with on = { schedule = \"Mon-Sat 08:00\" } and template = \"digest-daily\"",
                ));
            }
        };
        let event = self.digest_values(rule.map(|rule| rule.id.as_str()), None, now)?;
        Ok(DigestMade {
            rule: rule.map(|rule| rule.id.clone()),
            template: template.to_owned(),
            values: self.roster.facts_without_record(&event, now),
            queued,
        })
    }

    /// The rule that is meant: the named one, or the only one that sends a digest.
    fn digest_rule(&self, named: Option<&str>) -> Answer<Option<&Rule>> {
        let rules = &self.roster.config().rules;
        let scheduled = |rule: &&Rule| matches!(rule.on, Trigger::Schedule(_));
        let digests: Vec<&Rule> = rules
            .iter()
            .filter(scheduled)
            .filter(|rule| {
                rule.send
                    .iter()
                    .any(|step| step.template.starts_with("digest"))
            })
            .collect();
        let ids: Vec<&str> = digests.iter().map(|rule| rule.id.as_str()).collect();
        let Some(named) = named else {
            return match digests.as_slice() {
                [] => Ok(None),
                [only] => Ok(Some(only)),
                _ => Err(CommandError::plain(
                    ErrorKind::Usage,
                    format!(
                        "{} rules send a digest: choose with --rule {}",
                        ids.len(),
                        ids.join(" or --rule ")
                    ),
                )),
            };
        };
        let there = match ids.is_empty() {
            true => "no rule sends a digest".to_owned(),
            false => format!("digests are sent by {}", ids.join(", ")),
        };
        match rules.iter().find(|rule| rule.id == named) {
            Some(rule) if digests.iter().any(|digest| digest.id == rule.id) => Ok(Some(rule)),
            Some(_) => Err(CommandError::plain(
                ErrorKind::Usage,
                format!("the rule `{named}` sends no digest: {there}"),
            )),
            None => Err(CommandError::plain(
                ErrorKind::NotFound,
                format!("there is no rule `{named}`: {there}"),
            )),
        }
    }

    fn send_digest(&self, rule: &Rule, who: &Who, now: Timestamp) -> Answer<Vec<DigestQueued>> {
        let store = self.roster.store();
        let _alone = store.alone();
        let deciding = self.roster.deciding()?;
        let facts = self.roster.facts_without_record(&Value::Null, now);
        let cx = deciding.context(&self.roster, None, now);
        let mut group = Group::default();
        let mut queued = Vec::new();
        for message in decide::schedule_by_hand(&cx, rule, &facts) {
            if ledger::queue(store, &mut group, &message)? {
                queued.push(line(&message));
            }
        }
        let did = format!("sent the digest of the rule {} by hand", rule.id);
        self.note_hand(&mut group, now, None, who, &did);
        store.commit(vec![group])?;
        Ok(queued)
    }
}

fn line(message: &Message) -> DigestQueued {
    DigestQueued {
        to: match &message.to {
            Recipient::Staff(name) => name.clone(),
            Recipient::Alerts => "[alerts] email".to_owned(),
            // A schedule has neither; `check` says so.
            Recipient::Customer => "customer".to_owned(),
            Recipient::Owner(_) => "owner".to_owned(),
        },
        channel: message.channel.as_str().to_owned(),
        key: message.key.to_string(),
    }
}
