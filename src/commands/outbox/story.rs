//! The whole story of one message: decided when and why, every try, what people did, and what comes next.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, Desk, OutboxLine, Right, Who};
use crate::core::decide::why::trigger_shown;
use crate::core::delivery::State;
use crate::core::message::{Message, Wanted};
use crate::core::policy;
use crate::core::rule::Channel;

/// One message, as `outbox show --json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxStory {
    /// As in the list.
    #[serde(flatten)]
    pub line: OutboxLine,
    /// The customer of whom it speaks, by name.
    pub about: Option<String>,
    /// Template name.
    pub template: String,
    /// Whether it advertises.
    pub ad: bool,
    /// The header of the mail, without its brackets.
    pub message_id: Option<String>,
    /// Why it was decided, in words.
    pub decided: String,
    /// What must still be so when it goes.
    pub wanted: String,
    /// Local ISO time after which it is not worth sending.
    pub expires: String,
    /// Until when it can still be stopped.
    pub held_until: Option<String>,
    /// Every try.
    pub tries: Vec<AttemptLine>,
    /// What people did to it.
    pub hands: Vec<HandLine>,
    /// What comes next, one English sentence.
    pub next: String,
}

/// One try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptLine {
    /// Local ISO time with offset.
    pub at: String,
    /// By which channel.
    pub channel: String,
    /// The state it led to.
    pub ended: String,
    /// What the provider said, or what broke.
    pub said: String,
}

/// Something done by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandLine {
    /// Local ISO time with offset.
    pub at: String,
    /// Who.
    pub by: String,
    /// The state it led to.
    pub state: String,
}

impl Desk {
    /// The story of one message: by its key, its digest or Message-ID, or a piece that no other has.
    ///
    /// # Errors
    /// The role, no such message, several of them, the disk.
    pub fn outbox_show(&self, key: &str, who: &Who, now: Timestamp) -> Answer<OutboxStory> {
        self.must_all(who, Right::Everything)?;
        let message = self.meant_message(key)?;
        self.story_of(&message, now)
    }

    pub(in crate::commands) fn story_of(
        &self,
        message: &Message,
        now: Timestamp,
    ) -> Answer<OutboxStory> {
        let record = match &message.record {
            Some(id) => self.roster.store().record(id)?,
            None => None,
        };
        let about = match &record {
            Some(record) => Some(self.contact(record)?.name).filter(|name| !name.is_empty()),
            None => None,
        };
        let config = self.roster.config();
        let domain = config.email.as_ref().and_then(|email| {
            let (_, domain) = email.from.address.rsplit_once('@')?;
            Some(domain.to_owned())
        });
        let tries = message.attempts.iter().map(|attempt| AttemptLine {
            at: self.local(attempt.at),
            channel: attempt.channel.as_str().to_owned(),
            ended: attempt.ended.to_string(),
            said: attempt.said.clone(),
        });
        let hands = message.hands.iter().map(|hand| HandLine {
            at: self.local(hand.at),
            by: hand.by.clone(),
            state: hand.did.state().to_string(),
        });
        Ok(OutboxStory {
            line: self.outbox_line(message)?,
            about,
            template: message.template.clone(),
            ad: message.ad,
            message_id: domain
                .filter(|_| message.channel == Channel::Email)
                .map(|domain| format!("{}@{domain}", message.key.digest())),
            decided: self.decided_why(message)?,
            wanted: self.wanted_shown(&message.wanted),
            expires: self.local(message.expires),
            held_until: message.held_until.map(|at| self.local(at)),
            tries: tries.collect(),
            hands: hands.collect(),
            next: self.what_next(message, now)?,
        })
    }

    /// Why it was decided: the rule, what sets it off, and the occasion.
    fn decided_why(&self, message: &Message) -> Answer<String> {
        let occasion = message
            .key
            .as_str()
            .splitn(5, '/')
            .nth(4)
            .unwrap_or_default();
        let rules = &self.roster.config().rules;
        let Some(rule) = rules.iter().find(|rule| rule.id == message.rule) else {
            return Ok(format!("{} ({occasion})", message.rule));
        };
        let deciding = self.roster.deciding()?;
        let cx = deciding.context(&self.roster, None, message.created);
        let step = match message.step {
            1 => String::new(),
            step => format!(", step {step}"),
        };
        Ok(format!(
            "the rule {}{step}, on {}: {occasion}",
            rule.id,
            trigger_shown(&cx, &rule.on)
        ))
    }

    fn wanted_shown(&self, wanted: &Wanted) -> String {
        let label = |stage: &String| {
            let labels = self.roster.stage_labels();
            labels.get(stage).unwrap_or(stage).clone()
        };
        match wanted {
            Wanted::Always => "always".to_owned(),
            Wanted::Row => "as long as the row is there".to_owned(),
            Wanted::Stage { stage, .. } => {
                format!("as long as the customer stays in “{}”", label(stage))
            }
            Wanted::Idle { stage, since } => format!(
                "as long as the customer stays in “{}” and nothing has happened since {}",
                label(stage),
                self.local(*since)
            ),
            Wanted::Date { field, value } => format!("as long as the cell {field} says {value}"),
            Wanted::Untouched { since } => {
                format!(
                    "as long as nobody has been at it since {}",
                    self.local(*since)
                )
            }
        }
    }

    fn what_next(&self, message: &Message, now: Timestamp) -> Answer<String> {
        let id = &message.key.digest()[..10];
        Ok(match message.state {
            State::Queued => {
                let due = message.due.max(now);
                match self.judged(message, due)? {
                    policy::Answer::Go if message.due <= now => {
                        "it goes as soon as its channel is free".to_owned()
                    }
                    policy::Answer::Go => format!("it goes at {}", self.local(message.due)),
                    policy::Answer::Wait { until, why } => {
                        format!("it waits until {} at least: {why}", self.local(until))
                    }
                    policy::Answer::Never { why, state } => {
                        format!("it will be {state} as things stand: {why}")
                    }
                }
            }
            State::InFlight => "it is being sent at this moment".to_owned(),
            State::Delivered => "nothing: it is done".to_owned(),
            State::Rejected => format!(
                "nothing by itself: correct the address in the sheet, then `sheetbridge outbox retry {id}`"
            ),
            State::InDoubt => format!(
                "somebody must say: `sheetbridge outbox resolve {id} --delivered` (it arrived), `--again` (send it again) or `--dead` (give it up)"
            ),
            State::Cancelled | State::Expired | State::Dead => format!(
                "nothing by itself: `sheetbridge outbox retry {id}` sends it on its way again"
            ),
        })
    }
}
