//! Campaigns: where they stand, and what managers decide about them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

mod card;
mod decided;
mod notices;
mod returned;
mod table;
mod test_mail;

use super::pause::{Paused, pause_key};
use super::{Answer, CommandError, Desk, ErrorKind, HandAct, Right, Scope, Who};
use crate::config::Language;
use crate::core::campaign::CampaignId;
use crate::core::campaign::halt::{Actor, Halt, Why};
use crate::core::campaign::life::{Campaign, NotNow, State};
use crate::core::delivery::State as MessageState;
use crate::core::message::Message;
use crate::core::people::Role;
use crate::core::record::RecordId;
use crate::core::sheet::fold::fold;
use crate::store::campaigns::{Sample, campaign_key, messages_under};
use crate::store::{Group, StoreError};

pub use card::{CampaignCard, CampaignPage};
pub use decided::question_void;
pub use notices::{Hearers, hour_of, mailing_facts, progress_facts, tell_of_campaign};
pub use returned::WhyGiven;
pub use table::{CampaignTable, campaign_csv};

/// A campaign as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignLine {
    /// What it is known by.
    pub id: String,
    /// As its author calls it.
    pub name: String,
    /// Where it stands.
    pub state: State,
    /// The open question, as `approve` takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// How many get a mail; none before managers were asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipients: Option<u64>,
    /// How many get none, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, u64>,
    /// Local ISO time of the first mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_at: Option<String>,
    /// Messages by state, of one that was approved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub messages: BTreeMap<String, u64>,
    /// What is to be mended, in English.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// Who approved, paused, stopped or returned it, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Somebody who gets no mail of a campaign, or got none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignAside {
    /// The row's record.
    pub record: String,
    /// As in the sheet.
    pub name: String,
    /// The reason's code, or the state of the message with what the provider said.
    pub why: String,
}

/// A campaign with all that belongs to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CampaignShown {
    /// As it is listed.
    #[serde(flatten)]
    pub line: CampaignLine,
    /// Up to three mails.
    pub samples: Vec<Sample>,
    /// Everybody of the segment who gets no mail.
    pub aside: Vec<CampaignAside>,
    /// Everybody whose mail did not arrive, or may not have.
    pub failed: Vec<CampaignAside>,
}

/// What was done to a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignDone {
    /// What it is known by.
    pub id: String,
    /// As its author calls it.
    pub name: String,
    /// Where it stands now.
    pub state: State,
    /// What was done: `approved`, `returned`, `paused`, `resumed` or `stopped`.
    pub did: String,
    /// How many get a mail.
    pub recipients: u64,
    /// Local ISO time of the first mail, if that is still to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_at: Option<String>,
}

/// A test mail that was queued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignTested {
    /// Masked address.
    pub to: String,
}

/// What can be done to one that was approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Steer {
    /// What has not gone waits.
    Pause,
    /// It goes on.
    Resume,
    /// What has not gone does not go.
    Stop,
}

impl Desk {
    /// All campaigns, the newest first.
    ///
    /// # Errors
    /// The role, the disk.
    pub fn campaign_list(&self, who: &Who, now: Timestamp) -> Answer<Vec<CampaignLine>> {
        self.must_see_campaigns(who)?;
        let mut all = self.roster.store().campaigns()?;
        all.sort_by_key(|campaign| std::cmp::Reverse(campaign.created));
        all.iter()
            .map(|campaign| self.campaign_line(campaign, now))
            .collect()
    }

    /// One campaign, with its samples and everybody who is left out.
    ///
    /// # Errors
    /// The role, no such campaign, the disk.
    pub fn campaign_show(&self, which: &str, who: &Who, now: Timestamp) -> Answer<CampaignShown> {
        self.must_see_campaigns(who)?;
        let campaign = self.campaign_meant(which)?;
        let store = self.roster.store();
        let number = campaign
            .asked
            .as_ref()
            .map(|asked| asked.number)
            .or(campaign.run.as_ref().map(|run| run.number));
        let mut samples = Vec::new();
        let mut aside = Vec::new();
        if let Some(number) = number {
            let kept = store.samples(&campaign.id, number)?;
            samples = kept.into_iter().map(Sample::shown).collect();
            for one in store.aside(&campaign.id, number)? {
                aside.push(self.aside(&one.0, one.1)?);
            }
        }
        let mut failed = Vec::new();
        for message in self.campaign_messages(&campaign.id) {
            let message = message?;
            let bad = matches!(
                message.state,
                MessageState::Rejected | MessageState::Dead | MessageState::InDoubt
            );
            if let Some(record) = message.record.as_ref().filter(|_| bad) {
                failed.push(self.aside(record, format!("{}: {}", message.state, message.why))?);
            }
        }
        Ok(CampaignShown {
            line: self.campaign_line(&campaign, now)?,
            samples,
            aside,
            failed,
        })
    }

    /// Approves the question `ID#NUMBER`, or the open one of a campaign.
    ///
    /// # Errors
    /// The role, no such question (any more), somebody was quicker, the disk.
    pub fn campaign_approve(
        &self,
        question: &str,
        who: &Who,
        now: Timestamp,
    ) -> Answer<CampaignDone> {
        self.must_decide_campaigns(who)?;
        let store = self.roster.store();
        let _alone = store.alone();
        let (mut campaign, number) = self.question_meant(question)?;
        let calendar = &self.roster.config().calendar;
        let send_at = campaign
            .asked
            .as_ref()
            .map_or(now, |asked| asked.definition.send_at.at(now, calendar));
        let by_before = campaign.run.as_ref().map(|run| run.by.clone());
        campaign
            .approve(number, who.name().into(), send_at, now)
            .map_err(|why| not_now(why, by_before.as_ref()))?;
        let mut group = Group::default();
        decided::told_elsewhere(&self.roster, &mut group, &campaign, number, who, now)?;
        self.campaign_done(group, campaign, who, "approved", now)
    }

    /// Sends a question back to the author, who is told at once.
    ///
    /// # Errors
    /// As [`Desk::campaign_approve`].
    pub fn campaign_return(
        &self,
        question: &str,
        why: Option<&str>,
        who: &Who,
        now: Timestamp,
    ) -> Answer<CampaignDone> {
        let why = Some(why.unwrap_or_default());
        self.send_back(question, why, who, now, |group, campaign, _| {
            returned::tell_returned(&self.roster, group, campaign, now).map(|_| ())
        })
    }

    /// `also` adds to the same commit: the campaign as it stands then, and the number of the question.
    fn send_back(
        &self,
        question: &str,
        why: Option<&str>,
        who: &Who,
        now: Timestamp,
        also: impl FnOnce(&mut Group, &Campaign, u32) -> Result<(), StoreError>,
    ) -> Answer<CampaignDone> {
        self.must_decide_campaigns(who)?;
        let store = self.roster.store();
        let _alone = store.alone();
        let (mut campaign, number) = self.question_meant(question)?;
        let by_before = campaign.run.as_ref().map(|run| run.by.clone());
        campaign
            .send_back(number, who.name().into(), why, now)
            .map_err(|why| not_now(why, by_before.as_ref()))?;
        let mut group = Group::default();
        also(&mut group, &campaign, number)?;
        decided::told_elsewhere(&self.roster, &mut group, &campaign, number, who, now)?;
        self.campaign_done(group, campaign, who, "returned", now)
    }

    /// Pauses, resumes or stops one that was approved.
    ///
    /// # Errors
    /// The role, no such campaign, not approved, over, the disk.
    pub fn campaign_steer(
        &self,
        which: &str,
        how: Steer,
        who: &Who,
        now: Timestamp,
    ) -> Answer<CampaignDone> {
        self.must_decide_campaigns(who)?;
        let store = self.roster.store();
        let _alone = store.alone();
        let mut campaign = self.campaign_meant(which)?;
        let halt = Halt {
            by: who.name().into(),
            at: now,
            why: Why::Unsaid,
        };
        campaign.changed = now;
        let run = campaign.running().map_err(|why| not_now(why, None))?;
        let did = match how {
            Steer::Pause => {
                run.paused.get_or_insert(halt);
                "paused"
            }
            Steer::Resume => {
                run.paused = None;
                // Also what a provider's refusal paused.
                run.held = true;
                "resumed"
            }
            Steer::Stop => {
                run.stopped.get_or_insert(halt);
                "stopped"
            }
        };
        self.campaign_done(Group::default(), campaign, who, did, now)
    }

    /// Sends again what was refused or given up.
    ///
    /// # Errors
    /// The role, no such campaign, the disk.
    pub fn campaign_resend(&self, which: &str, who: &Who, now: Timestamp) -> Answer<usize> {
        self.must_decide_campaigns(who)?;
        let campaign = self.campaign_meant(which)?;
        let mut failed = Vec::new();
        for message in self.campaign_messages(&campaign.id) {
            let message = message?;
            if matches!(message.state, MessageState::Rejected | MessageState::Dead) {
                failed.push(message.key.to_string());
            }
        }
        if !failed.is_empty() {
            self.outbox_act(HandAct::Retry, &failed, who, now)?;
        }
        Ok(failed.len())
    }

    fn must_see_campaigns(&self, who: &Who) -> Answer<()> {
        match self.allows(who, Right::Campaigns) {
            true => Ok(()),
            false => Err(CommandError::not_allowed()),
        }
    }

    /// Managers, and leaders of teams if the configuration says so.
    pub fn decides_campaigns(&self, who: &Who) -> bool {
        let leaders = self.roster.config().campaigns.approve == Role::Leader;
        match who {
            Who::Colleague {
                role: Role::Leader, ..
            } => leaders,
            Who::CommandLine | Who::Colleague { .. } | Who::Stranger => {
                super::may(who, Right::Steer) == Scope::All
            }
        }
    }

    fn must_decide_campaigns(&self, who: &Who) -> Answer<()> {
        match self.decides_campaigns(who) {
            true => Ok(()),
            false => Err(CommandError::not_allowed()),
        }
    }

    fn campaign_line(&self, campaign: &Campaign, now: Timestamp) -> Answer<CampaignLine> {
        let mut messages: BTreeMap<String, u64> = BTreeMap::new();
        if campaign.run.is_some() {
            let states = self.roster.store().campaign_states(&campaign.id)?;
            messages = states
                .into_iter()
                .map(|(state, count)| (state.to_string(), count))
                .collect();
        }
        let asked = campaign.asked.as_ref();
        let run = campaign.run.as_ref();
        let calendar = &self.roster.config().calendar;
        let halted = run
            .and_then(|run| run.stopped.as_ref().or(run.paused.as_ref()))
            .map(|halt| (halt.by.clone(), halt.why.english()));
        let returned = campaign
            .returned
            .as_ref()
            .map(|returned| (returned.by.clone(), returned.why.clone()));
        let approved = run.map(|run| (run.by.clone(), String::new()));
        let by = halted
            .or(returned)
            .or(approved)
            .map(|(by, why)| match why.is_empty() {
                true => by.to_string(),
                false => format!("{by}: {why}"),
            });
        Ok(CampaignLine {
            id: campaign.id.to_string(),
            name: campaign.name.clone(),
            state: campaign.state(now),
            question: asked.map(|asked| format!("{}#{}", campaign.id, asked.number)),
            recipients: asked
                .map(|asked| asked.recipients)
                .or(run.map(|run| run.recipients)),
            left_out: asked
                .map(|asked| asked.left_out.iter().cloned().collect())
                .unwrap_or_default(),
            send_at: run
                .map(|run| run.send_at)
                .or(asked.map(|asked| asked.definition.send_at.at(now, calendar)))
                .map(|at| self.local(at)),
            messages,
            problems: campaign
                .problems
                .iter()
                .map(|problem| problem.text(self.language() == Language::Vi))
                .collect(),
            by,
        })
    }

    fn campaign_messages(
        &self,
        id: &CampaignId,
    ) -> impl Iterator<Item = Result<Message, StoreError>> + use<> {
        let entries = self.roster.store().scan::<Message>(&messages_under(id));
        entries.map(|entry| entry.map(|(_, message)| message))
    }

    fn aside(&self, id: &RecordId, why: String) -> Answer<CampaignAside> {
        let record = self.roster.store().record(id)?;
        let name = record
            .as_ref()
            .and_then(|record| record.seen.get("name"))
            .map(|name| name.shown().into_owned());
        Ok(CampaignAside {
            record: id.to_string(),
            name: name.unwrap_or_default(),
            why,
        })
    }

    /// By id, or by name without regard to accents and case.
    fn campaign_meant(&self, which: &str) -> Answer<Campaign> {
        let which = which.trim();
        if let Some(campaign) = self
            .roster
            .store()
            .campaign(&CampaignId::from_text(which))?
        {
            return Ok(campaign);
        }
        let all = self.roster.store().campaigns()?;
        let wanted = fold(which);
        let mut named = all
            .iter()
            .filter(|campaign| fold(&campaign.name) == wanted && !wanted.is_empty());
        match (named.next(), named.next()) {
            (Some(campaign), None) => Ok(campaign.clone()),
            (Some(_), Some(_)) => Err(CommandError::plain(
                ErrorKind::Usage,
                format!(
                    "several campaigns are called \"{which}\": name one by its id, as `campaign list` shows it"
                ),
            )),
            (None, _) => {
                let known: Vec<&str> = all.iter().map(|campaign| campaign.id.as_str()).collect();
                let known = match known.is_empty() {
                    true => "there are none yet: fill a row in the tab of campaigns".to_owned(),
                    false => format!("there are {}", known.join(", ")),
                };
                Err(CommandError::new(
                    ErrorKind::NotFound,
                    format!("there is no campaign \"{which}\"; {known}"),
                    format!("Không có chiến dịch “{which}”."),
                ))
            }
        }
    }

    /// `ID#NUMBER`, or a campaign whose open question is meant.
    fn question_meant(&self, question: &str) -> Answer<(Campaign, u32)> {
        let (which, number) = match question.rsplit_once('#') {
            Some((which, number)) => (which, number.parse().ok()),
            None => (question, None),
        };
        let campaign = self.campaign_meant(which)?;
        let open = campaign.asked.as_ref().map(|asked| asked.number);
        let run = campaign.run.as_ref().map(|run| run.number);
        let number = number.or(open).or(run);
        number
            .map(|number| (campaign, number))
            .ok_or_else(|| not_now(NotNow::NotAsked, None))
    }

    fn campaign_done(
        &self,
        mut group: Group,
        mut campaign: Campaign,
        who: &Who,
        did: &str,
        now: Timestamp,
    ) -> Answer<CampaignDone> {
        let store = self.roster.store();
        steer_queue(&mut group, &mut campaign, now);
        self.note_hand(
            &mut group,
            now,
            None,
            who,
            &format!("{did} the campaign {}", campaign.id),
        );
        group.put(campaign_key(&campaign.id), &campaign);
        store.commit(vec![group])?;
        let run = campaign.run.as_ref();
        Ok(CampaignDone {
            id: campaign.id.to_string(),
            name: campaign.name.clone(),
            state: campaign.state(now),
            did: did.to_owned(),
            recipients: run.map_or(0, |run| run.recipients),
            send_at: run
                .filter(|run| run.send_at > now)
                .map(|run| self.local(run.send_at)),
        })
    }
}

/// Lets the queue of a campaign wait or go on as the campaign says. What paused it for another reason, such as a
/// provider that refuses our mails, stays. The caller writes the campaign in the same group.
pub fn steer_queue(group: &mut Group, campaign: &mut Campaign, now: Timestamp) {
    let what = format!("campaign/{}", campaign.id);
    let by = campaign.waits_for(now).map(str::to_owned);
    let Some(run) = campaign.run.as_mut() else {
        return;
    };
    match (by, run.held) {
        (Some(by), false) => {
            run.held = true;
            let key = pause_key(&what);
            group.put(key, &Paused { what, by, at: now });
        }
        (None, true) => {
            run.held = false;
            group.remove(pause_key(&what));
        }
        (Some(_), true) | (None, false) => {}
    }
}

fn not_now(why: NotNow, by: Option<&Actor>) -> CommandError {
    match why {
        NotNow::NotAsked => CommandError::new(
            ErrorKind::TooLate,
            "this question is no longer open: the campaign was changed, or decided, since",
            "Chiến dịch đã thay đổi hoặc đã được quyết định, nút này không còn dùng được.",
        ),
        NotNow::AlreadyApproved => {
            let by = by.map(|by| (by.as_str(), by.said().vi));
            let (by, by_vi) = by.unwrap_or(("somebody", "Có người".into()));
            CommandError::new(
                ErrorKind::Again,
                format!("{by} has already approved it"),
                format!("{by_vi} đã duyệt chiến dịch này rồi."),
            )
        }
        NotNow::NotApproved => CommandError::new(
            ErrorKind::Usage,
            "it has not been approved yet",
            "Chiến dịch này chưa được duyệt.",
        ),
        NotNow::Over => CommandError::new(
            ErrorKind::TooLate,
            "it is over already",
            "Chiến dịch này đã kết thúc.",
        ),
    }
}
