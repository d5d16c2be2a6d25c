//! Campaigns as the bot shows them: a page of the list, and one with what can be done to it now.

use jiff::Timestamp;

use super::notices::{author, hour_of, mailing_facts, progress_facts, tell_one};
use super::{Answer, CampaignLine, Desk, State, Who};
use crate::config::Language;
use crate::core::facts::message::{MailingFacts, MailingFiles};
use crate::store::Group;
use crate::store::campaigns::Progress;

/// A page of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignPage {
    /// Those on it, the newest first.
    pub cards: Vec<CampaignCard>,
    /// How many come before it.
    pub from: usize,
    /// How many there are in all.
    pub total: usize,
}

/// A campaign as it is shown in a chat, in the reader's language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignCard {
    /// As it is listed.
    pub line: CampaignLine,
    /// How far it is, if it was approved.
    pub progress: Option<Progress>,
    /// How many get a mail, of the version that was approved last.
    pub recipients: u64,
    /// Who wrote it.
    pub author: Option<String>,
    /// Who paused, stopped or returned it, or approved it if nobody did.
    pub by: Option<String>,
    /// Why it waits, was stopped or sent back.
    pub why: Option<String>,
    /// When the first mail goes, for a button; none if at once.
    pub hour: Option<String>,
    /// Whether the reader may approve, pause and stop it.
    pub decides: bool,
    /// Whether it can be paused or resumed, and stopped: `Some(true)` if it is paused.
    pub runs: Option<bool>,
}

impl Desk {
    /// Some campaigns, the newest first.
    ///
    /// # Errors
    /// The role, the disk.
    pub fn campaign_page(
        &self,
        from: usize,
        most: usize,
        who: &Who,
        now: Timestamp,
    ) -> Answer<CampaignPage> {
        self.must_see_campaigns(who)?;
        let mut all = self.roster.store().campaigns()?;
        all.sort_by_key(|campaign| std::cmp::Reverse(campaign.created));
        let page = all.iter().skip(from).take(most);
        Ok(CampaignPage {
            cards: page
                .map(|campaign| self.card_of(campaign, who, now))
                .collect::<Answer<_>>()?,
            from,
            total: all.len(),
        })
    }

    /// One campaign, by id or name.
    ///
    /// # Errors
    /// The role, no such campaign, the disk.
    pub fn campaign_card(&self, which: &str, who: &Who, now: Timestamp) -> Answer<CampaignCard> {
        self.must_see_campaigns(who)?;
        let campaign = self.campaign_meant(which)?;
        self.card_of(&campaign, who, now)
    }

    fn card_of(
        &self,
        campaign: &super::Campaign,
        who: &Who,
        now: Timestamp,
    ) -> Answer<CampaignCard> {
        let vietnamese = self.language() == Language::Vi;
        let run = campaign.run.as_ref();
        let progress = match run {
            Some(_) => {
                let states = self.roster.store().campaign_states(&campaign.id)?;
                Some(Progress::of(&states))
            }
            None => None,
        };
        let facts = progress_facts(campaign, &progress.unwrap_or_default(), vietnamese, now);
        let returned = campaign.returned.as_ref();
        let said = |by: &crate::core::campaign::halt::Actor| by.said().text(vietnamese).to_owned();
        let by = facts
            .by
            .or_else(|| returned.map(|returned| said(&returned.by)))
            .or_else(|| run.map(|run| said(&run.by)));
        let why = facts.why.or_else(|| {
            let why = returned.map(|returned| returned.why.clone());
            why.filter(|why| !why.is_empty())
        });
        let calendar = &self.roster.config().calendar;
        let hour = campaign.asked.as_ref().and_then(|asked| {
            let at = asked.definition.send_at.at(now, calendar);
            hour_of(&self.roster, at, now)
        });
        let line = self.campaign_line(campaign, now)?;
        Ok(CampaignCard {
            recipients: run.map_or(0, |run| run.recipients),
            author: author(campaign).map(str::to_owned),
            by: by.filter(|_| !matches!(line.state, State::Draft | State::Faulty)),
            why,
            hour,
            decides: self.decides_campaigns(who),
            runs: run
                .filter(|_| campaign.runs())
                .map(|run| run.paused.is_some()),
            line,
            progress,
        })
    }

    /// Sends everybody of a campaign as a table to the chat of whoever asks.
    ///
    /// # Errors
    /// The role, no such campaign, the disk.
    pub(in crate::commands) fn campaign_send_table(
        &self,
        which: &str,
        who: &Who,
        now: Timestamp,
    ) -> Answer<String> {
        self.must_see_campaigns(who)?;
        let campaign = self.campaign_meant(which)?;
        let directory = self.roster.directory()?;
        let person = directory
            .find(who.name())
            .ok_or_else(super::CommandError::not_allowed)?;
        let facts = MailingFacts {
            files: Some(MailingFiles::Table),
            ..mailing_facts(&campaign)
        };
        let occasion = format!("{} table {now}", campaign.id);
        let mut group = Group::default();
        let notice = ("campaign-table", occasion.as_str());
        tell_one(&self.roster, &mut group, person, notice, &facts, now)?;
        self.roster.store().commit(vec![group])?;
        Ok(campaign.name)
    }
}
