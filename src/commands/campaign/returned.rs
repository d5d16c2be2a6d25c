//! A campaign that is sent back from the chat: whoever does it is asked why, and its author is told.
//!
//! The campaign is back with its author at once; what is waited for is the reason. It is kept that somebody was
//! asked, so that a restart in between loses nothing.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::notices::{Hearers, author, mailing_facts, tell_of_campaign, tell_one};
use super::{Answer, CampaignDone, CommandError, Desk, ErrorKind, Who};
use crate::core::campaign::CampaignId;
use crate::core::campaign::life::Campaign;
use crate::core::facts::message::MailingFacts;
use crate::roster::Roster;
use crate::store::campaigns::campaign_key;
use crate::store::keys::{self, Key, prefix};
use crate::store::{Group, StoreError};

/// Its author hears of it without a reason if none has come by then.
const AUTHOR_WAITS: SignedDuration = SignedDuration::from_mins(10);

/// What is written later than this is about something else.
const WHY_COUNTS: SignedDuration = SignedDuration::from_hours(4);

/// The longest reason that is passed on, in letters.
const LONGEST_WHY: usize = 1_000;

/// Somebody was asked why they sent a campaign back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Awaited {
    campaign: CampaignId,
    number: u32,
    at: Timestamp,
}

/// Why a campaign was sent back, as it was passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyGiven {
    /// As its author calls it.
    pub name: String,
    /// Who is told.
    pub told: Vec<String>,
    /// Who wrote it, if its row says so.
    pub author: Option<String>,
    /// Whether there is a reason.
    pub with_why: bool,
}

fn awaited_under(name: &str) -> Key {
    keys::under(prefix::WHY, format!("{}/", name.replace('/', "∕")))
}

fn awaited_key(name: &str, id: &CampaignId) -> Key {
    let mut key = awaited_under(name);
    key.extend_from_slice(id.as_str().as_bytes());
    key
}

impl Desk {
    /// Sends a question back from a chat: whoever does it is asked why, there.
    ///
    /// # Errors
    /// As [`Desk::campaign_approve`].
    pub(in crate::commands) fn campaign_return_asking(
        &self,
        question: &str,
        who: &Who,
        now: Timestamp,
    ) -> Answer<CampaignDone> {
        let directory = self.roster.directory()?;
        let Some(person) = directory.find(who.name()).cloned() else {
            return self.campaign_return(question, None, who, now);
        };
        self.send_back(question, None, who, now, |group, campaign, number| {
            let occasion = format!("{}#{number} why", campaign.id);
            let facts = MailingFacts {
                question: Some(format!("{}#{number}", campaign.id)),
                ..mailing_facts(campaign)
            };
            let notice = ("campaign-why", occasion.as_str());
            tell_one(&self.roster, group, &person, notice, &facts, now)?;
            let awaited = Awaited {
                campaign: campaign.id.clone(),
                number,
                at: now,
            };
            group.put(awaited_key(&person.name, &campaign.id), &awaited);
            Ok(())
        })
    }

    /// When this person was asked last why they sent a campaign back, if their next words are to be the answer.
    ///
    /// # Errors
    /// The disk.
    pub fn campaign_asked_at(&self, who: &Who, now: Timestamp) -> Answer<Option<Timestamp>> {
        Ok(self.awaited(who.name(), now)?.map(|awaited| awaited.at))
    }

    fn awaited(&self, name: &str, now: Timestamp) -> Answer<Option<Awaited>> {
        let mut last: Option<Awaited> = None;
        for entry in self.roster.store().scan::<Awaited>(&awaited_under(name)) {
            let (_, awaited) = entry?;
            let fresh = now.duration_since(awaited.at) <= WHY_COUNTS;
            if fresh && last.as_ref().is_none_or(|last| last.at < awaited.at) {
                last = Some(awaited);
            }
        }
        Ok(last)
    }

    /// Takes a text for the reason that this person was asked for last; nothing if they were not asked.
    ///
    /// # Errors
    /// It is too late: the campaign was changed since. The disk.
    pub fn campaign_why(&self, text: &str, who: &Who, now: Timestamp) -> Answer<Option<WhyGiven>> {
        let Who::Colleague { name, .. } = who else {
            return Ok(None);
        };
        let store = self.roster.store();
        let _alone = store.alone();
        let Some(awaited) = self.awaited(name, now)? else {
            return Ok(None);
        };
        let why: String = text.trim().chars().take(LONGEST_WHY).collect();
        self.pass_on(&awaited, Some(&why), who, now).map(Some)
    }

    /// There is no reason to be told: the author hears of it at once.
    ///
    /// # Errors
    /// It was told before; the disk.
    pub(in crate::commands) fn campaign_without_why(
        &self,
        question: &str,
        who: &Who,
        now: Timestamp,
    ) -> Answer<WhyGiven> {
        let store = self.roster.store();
        let _alone = store.alone();
        let (id, number) = question.rsplit_once('#').unwrap_or((question, ""));
        let key = awaited_key(who.name(), &CampaignId::from_text(id));
        match store.get::<Awaited>(&key)? {
            Some(awaited) if awaited.number.to_string() == number => {
                self.pass_on(&awaited, None, who, now)
            }
            _ => Err(CommandError::new(
                ErrorKind::TooLate,
                "its author has been told already",
                "Người soạn đã được báo rồi.",
            )),
        }
    }

    fn pass_on(
        &self,
        awaited: &Awaited,
        why: Option<&str>,
        who: &Who,
        now: Timestamp,
    ) -> Answer<WhyGiven> {
        let store = self.roster.store();
        let mut group = Group::default();
        group.remove(awaited_key(who.name(), &awaited.campaign));
        let campaign = store.campaign(&awaited.campaign)?;
        let name = campaign.as_ref().map(|campaign| campaign.name.clone());
        let stands = campaign.filter(|campaign| {
            let returned = campaign.returned.as_ref();
            returned.is_some_and(|returned| returned.number == awaited.number)
        });
        let Some(mut campaign) = stands else {
            store.commit(vec![group])?;
            let name = name.unwrap_or_else(|| awaited.campaign.to_string());
            return Err(CommandError::new(
                ErrorKind::TooLate,
                format!(
                    "\"{name}\" was changed since it was sent back: the reason is passed on to nobody"
                ),
                format!(
                    "Chiến dịch “{name}” đã được sửa sau khi trả lại, nên lý do này không chuyển đi nữa."
                ),
            ));
        };
        let mut told = Vec::new();
        if let Some(returned) = campaign.returned.as_mut() {
            let tell = returned.untold || why.is_some();
            returned.untold = false;
            returned.why = why.unwrap_or_default().to_owned();
            if tell {
                told = tell_returned(&self.roster, &mut group, &campaign, now)?;
            }
        }
        if let Some(why) = why {
            let did = format!("said why the campaign {} was returned: {why}", campaign.id);
            self.note_hand(&mut group, now, None, who, &did);
        }
        group.put(campaign_key(&campaign.id), &campaign);
        store.commit(vec![group])?;
        Ok(WhyGiven {
            name: campaign.name.clone(),
            told,
            author: author(&campaign).map(str::to_owned),
            with_why: why.is_some(),
        })
    }

    /// Tells the authors of what was sent back a while ago without a reason, and forgets who was asked for one
    /// long ago. For the daemon, at every look at the campaigns.
    ///
    /// # Errors
    /// The disk.
    pub fn campaigns_returned(&self, now: Timestamp) -> Result<(), StoreError> {
        let store = self.roster.store();
        let mut old = Group::default();
        for entry in store.scan::<Awaited>(prefix::WHY) {
            let (key, awaited) = entry?;
            if now.duration_since(awaited.at) > WHY_COUNTS {
                old.remove(key);
            }
        }
        let waits = |campaign: &Campaign| {
            let returned = campaign.returned.as_ref();
            returned.is_some_and(|returned| {
                returned.untold && now.duration_since(returned.at) > AUTHOR_WAITS
            })
        };
        let late: Vec<CampaignId> = store
            .campaigns()?
            .into_iter()
            .filter(waits)
            .map(|campaign| campaign.id)
            .collect();
        if late.is_empty() && old.is_empty() {
            return Ok(());
        }
        let _alone = store.alone();
        let mut groups = vec![old];
        for id in late {
            let Some(mut campaign) = store.campaign(&id)?.filter(waits) else {
                continue;
            };
            let mut group = Group::default();
            tell_returned(&self.roster, &mut group, &campaign, now)?;
            if let Some(returned) = campaign.returned.as_mut() {
                returned.untold = false;
            }
            group.put(campaign_key(&id), &campaign);
            groups.push(group);
        }
        store.commit(groups)
    }
}

/// Its author and marketing hear who sent it back, and why; the names of those who do.
pub(super) fn tell_returned(
    roster: &Roster,
    group: &mut Group,
    campaign: &Campaign,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let Some(returned) = &campaign.returned else {
        return Ok(Vec::new());
    };
    let vietnamese = roster.config().language == crate::config::Language::Vi;
    let facts = MailingFacts {
        by: Some(returned.by.said().text(vietnamese).to_owned()),
        why: Some(returned.why.clone()).filter(|why| !why.is_empty()),
        ..mailing_facts(campaign)
    };
    let with = if returned.why.is_empty() { "" } else { " why" };
    let occasion = format!("{}#{} returned{with}", campaign.id, returned.number);
    let notice = ("campaign-returned", occasion.as_str());
    let but = Some(returned.by.as_str());
    let told = tell_of_campaign(
        roster,
        group,
        campaign,
        notice,
        &facts,
        Hearers::Makers,
        but,
        now,
    )?;
    Ok(told.into_iter().map(|(_, name)| name).collect())
}
