//! What managers and marketers are told of campaigns.

use jiff::Timestamp;

use super::Campaigns;
use super::preview::Preview;
use crate::commands::{Hearers, hour_of, mailing_facts, progress_facts, tell_of_campaign};
use crate::core::campaign::audience::Reason;
use crate::core::campaign::halt::Halt;
use crate::core::campaign::life::Campaign;
use crate::core::facts::local_text;
use crate::core::facts::message::{MailingFacts, MailingFiles};
use crate::core::message::MessageKey;
use crate::render::Language;
use crate::store::campaigns::Progress;
use crate::store::{Group, StoreError};

impl Campaigns {
    pub(super) fn vietnamese(&self) -> bool {
        self.templates.language() == Language::Vietnamese
    }

    fn local(&self, at: Timestamp) -> String {
        let zone = self.roster.config().calendar.zone.clone();
        local_text(at.to_zoned(zone).datetime())
    }

    fn why(&self, halt: &Halt) -> Option<String> {
        let said = halt.why.said()?;
        Some(said.text(self.vietnamese()).to_owned())
    }

    fn tell(
        &self,
        campaign: &Campaign,
        notice: (&str, &str),
        facts: &MailingFacts,
        hearers: Hearers,
        now: Timestamp,
        group: &mut Group,
    ) -> Result<(), StoreError> {
        tell_of_campaign(
            &self.roster,
            group,
            campaign,
            notice,
            facts,
            hearers,
            None,
            now,
        )
        .map(|_| ())
    }

    /// Whoever may approve it is asked.
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
        let send_at = asked.definition.send_at.at(now, calendar);
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
            send_at: (send_at > now).then(|| self.local(send_at)),
            hour: hour_of(&self.roster, send_at, now),
            samples: preview
                .samples
                .iter()
                .map(|sample| format!("{}: {}", sample.to, sample.subject))
                .collect(),
            files: (!preview.samples.is_empty()).then_some(MailingFiles::Samples),
            differs: asked.differs.clone(),
            ..mailing_facts(campaign)
        };
        let occasion = format!("{}#{}", campaign.id, asked.number);
        let notice = ("campaign-ask", occasion.as_str());
        self.tell(campaign, notice, &facts, Hearers::Deciders, now, group)
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
            ..mailing_facts(campaign)
        };
        let occasion = format!("{} faulty {now}", campaign.id);
        let notice = ("campaign-faulty", occasion.as_str());
        self.tell(campaign, notice, &facts, Hearers::Everybody, now, group)
    }

    /// It waits for a manager.
    pub(super) fn tell_paused(
        &self,
        campaign: &Campaign,
        now: Timestamp,
        group: &mut Group,
    ) -> Result<(), StoreError> {
        let paused = campaign.run.as_ref().and_then(|run| run.paused.as_ref());
        let facts = MailingFacts {
            why: paused.and_then(|halt| self.why(halt)),
            ..mailing_facts(campaign)
        };
        let occasion = format!("{} paused {now}", campaign.id);
        let notice = ("campaign-paused", occasion.as_str());
        self.tell(campaign, notice, &facts, Hearers::Everybody, now, group)
    }

    /// How far it is; keys of the messages that are new.
    pub(super) fn tell_progress(
        &self,
        campaign: &Campaign,
        progress: &Progress,
        now: Timestamp,
        group: &mut Group,
    ) -> Result<Vec<MessageKey>, StoreError> {
        let facts = progress_facts(campaign, progress, self.vietnamese(), now);
        // One for the whole campaign, whatever is approved anew meanwhile.
        let occasion = format!("{} progress", campaign.id);
        let notice = ("campaign-progress", occasion.as_str());
        let told = tell_of_campaign(
            &self.roster,
            group,
            campaign,
            notice,
            &facts,
            Hearers::Everybody,
            None,
            now,
        )?;
        Ok(told.into_iter().map(|(key, _)| key).collect())
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
            files: Some(MailingFiles::Table),
            recipients: run.recipients,
            delivered: progress.delivered,
            failed: progress.failed,
            in_doubt: progress.in_doubt,
            dropped: run
                .recipients
                .saturating_sub(progress.delivered + progress.failed + progress.in_doubt),
            stopped: run
                .stopped
                .as_ref()
                .map(|halt| halt.by.said().text(self.vietnamese()).to_owned()),
            why: run.stopped.as_ref().and_then(|halt| self.why(halt)),
            ..mailing_facts(campaign)
        };
        let occasion = format!("{}#{} over", campaign.id, run.number);
        let notice = ("campaign-over", occasion.as_str());
        self.tell(campaign, notice, &facts, Hearers::Everybody, now, group)
    }
}
