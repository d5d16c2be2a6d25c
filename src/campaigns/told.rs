//! What managers and marketers are told of campaigns.

use jiff::Timestamp;
use serde_json::json;

use super::Campaigns;
use super::preview::Preview;
use super::progress::Progress;
use crate::core::campaign::audience::Reason;
use crate::core::campaign::life::Campaign;
use crate::core::decide::notice;
use crate::core::facts::local_text;
use crate::core::facts::message::MailingFacts;
use crate::core::people::Role;
use crate::render::Language;
use crate::store::ledger;
use crate::store::{Group, StoreError};

/// What notices about campaigns have as their rule.
const NOTICE: &str = "campaigns";

impl Campaigns {
    fn vietnamese(&self) -> bool {
        self.templates.language() == Language::Vietnamese
    }

    fn facts(&self, campaign: &Campaign) -> MailingFacts {
        let author = campaign
            .definition
            .as_ref()
            .and_then(|definition| definition.author.clone());
        MailingFacts {
            id: campaign.id.to_string(),
            name: campaign.name.clone(),
            author,
            ..MailingFacts::default()
        }
    }

    fn local(&self, at: Timestamp) -> String {
        let zone = self.roster.config().calendar.zone.clone();
        local_text(at.to_zoned(zone).datetime())
    }

    /// A notice to the managers, and to those of marketing.
    fn tell(
        &self,
        template: &str,
        occasion: &str,
        facts: &MailingFacts,
        marketing: bool,
        now: Timestamp,
        group: &mut Group,
    ) -> Result<(), StoreError> {
        let directory = self.roster.directory()?;
        let extra = json!({ "mailing": facts });
        let mut messages = notice::to_managers(&directory, NOTICE, template, occasion, &extra, now);
        if marketing && let Some(first) = messages.first().cloned() {
            let people = directory.all().iter();
            for person in people.filter(|person| person.role == Role::Marketing) {
                messages.push(notice::to_one(&first, person));
            }
        }
        for message in &messages {
            ledger::queue(self.roster.store(), group, message)?;
        }
        Ok(())
    }

    /// Managers are asked.
    pub(super) fn tell_asked(
        &self,
        campaign: &Campaign,
        preview: &Preview,
        now: Timestamp,
        group: &mut Group,
    ) -> Result<(), StoreError> {
        let Some(asked) = &campaign.asked else {
            return Ok(());
        };
        let calendar = &self.roster.config().calendar;
        let vietnamese = self.vietnamese();
        let facts = MailingFacts {
            question: Some(format!("{}#{}", campaign.id, asked.number)),
            recipients: asked.recipients,
            left_out: asked
                .left_out
                .iter()
                .map(|(reason, count)| {
                    let said = Reason::said_of(reason);
                    format!("{count} {}", said.text(vietnamese))
                })
                .collect(),
            send_at: Some(self.local(asked.definition.send_at.at(now, calendar))),
            samples: preview
                .samples
                .iter()
                .map(|sample| {
                    let text: String = sample.text.chars().take(300).collect();
                    format!("{}\n{}\n{}", sample.to, sample.subject, text.trim())
                })
                .collect(),
            differs: asked.differs.clone(),
            ..self.facts(campaign)
        };
        let occasion = format!("{}#{}", campaign.id, asked.number);
        self.tell("campaign-ask", &occasion, &facts, false, now, group)
    }

    /// Its author, and the managers, hear what is wrong.
    pub(super) fn tell_faulty(
        &self,
        campaign: &Campaign,
        now: Timestamp,
        group: &mut Group,
    ) -> Result<(), StoreError> {
        let vietnamese = self.vietnamese();
        let facts = MailingFacts {
            problems: campaign
                .problems
                .iter()
                .map(|problem| problem.text(vietnamese))
                .collect(),
            ..self.facts(campaign)
        };
        let occasion = format!("{} faulty {now}", campaign.id);
        self.tell("campaign-faulty", &occasion, &facts, true, now, group)
    }

    /// It waits for a manager.
    pub(super) fn tell_paused(
        &self,
        campaign: &Campaign,
        why: &str,
        now: Timestamp,
        group: &mut Group,
    ) -> Result<(), StoreError> {
        let facts = MailingFacts {
            why: Some(why.to_owned()),
            ..self.facts(campaign)
        };
        let occasion = format!("{} paused {now}", campaign.id);
        self.tell("campaign-paused", &occasion, &facts, true, now, group)
    }

    /// It is over.
    pub(super) fn tell_ended(
        &self,
        campaign: &Campaign,
        progress: &Progress,
        now: Timestamp,
        group: &mut Group,
    ) -> Result<(), StoreError> {
        let Some(run) = &campaign.run else {
            return Ok(());
        };
        let facts = MailingFacts {
            recipients: run.recipients,
            delivered: progress.delivered,
            failed: progress.failed,
            in_doubt: progress.in_doubt,
            dropped: run
                .recipients
                .saturating_sub(progress.delivered + progress.failed + progress.in_doubt),
            stopped: run.stopped.as_ref().map(|halt| halt.by.clone()),
            ..self.facts(campaign)
        };
        let occasion = format!("{}#{} over", campaign.id, run.number);
        self.tell("campaign-over", &occasion, &facts, true, now, group)
    }
}
