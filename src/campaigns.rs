//! Campaigns from their rows to the queue: what is written is taken in, its audience is gathered and every mail of
//! it rendered before a manager is asked, what is approved is frozen into messages, and its end is told.
//!
//! Long work beside the cycle: nothing here reads the sheet or sends. Every step is begun again after a crash and
//! comes to the same: the audience stands in the store before anybody is asked, and a message's key is campaign and
//! address (SEMANTICS 12), so that whatever is done twice is there once.

mod freeze;
mod intake;
mod preview;
mod progress;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use crate::commands::{Desk, steer_queue};
use crate::core::campaign::CampaignId;
use crate::core::campaign::life::{Asked, Campaign};
use crate::render::Templates;
use crate::roster::Roster;
use crate::store::campaigns::campaign_key;
use crate::store::{Group, StoreError};

pub use preview::Preview;

/// The campaigns of one company.
#[derive(Clone, Debug)]
pub struct Campaigns {
    roster: Roster,
    templates: Arc<Templates>,
    /// When the messages of a campaign were last counted, and how long that took.
    counted: Arc<Mutex<BTreeMap<CampaignId, progress::Counted>>>,
    /// Of which a row and a file were told apart in the log.
    clashes: Arc<Mutex<BTreeSet<CampaignId>>>,
}

impl Campaigns {
    /// Those of a configuration.
    pub fn new(roster: Roster, templates: Arc<Templates>) -> Self {
        Self {
            roster,
            templates,
            counted: Arc::default(),
            clashes: Arc::default(),
        }
    }

    /// One look at all of them: takes in what was written, asks, freezes, and sees to the end. Quick where nothing
    /// has changed.
    ///
    /// # Errors
    /// The disk.
    pub fn pass(&self, now: Timestamp) -> Result<(), StoreError> {
        self.take_in(now)?;
        Desk::new(self.roster.clone(), None).campaigns_returned(now)?;
        for campaign in self.roster.store().campaigns()? {
            if campaign.to_ask {
                self.ask(&campaign, now)?;
            }
            if campaign.run.is_some() {
                self.go_on(&campaign, now)?;
            }
        }
        Ok(())
    }

    /// Gathers the audience of what is written, and asks the managers; or tells what is wrong with it.
    fn ask(&self, campaign: &Campaign, now: Timestamp) -> Result<(), StoreError> {
        let Some(definition) = &campaign.definition else {
            return Ok(());
        };
        let store = self.roster.store();
        let number = campaign.next_question();
        let preview = self.preview(definition, now)?;
        if preview.problems.is_empty() {
            store.keep_audience(&campaign.id, number, &preview.seats, &preview.aside)?;
            self.keep_samples(&campaign.id, number, &preview)?;
        }
        let _alone = store.alone();
        // Its row may have been changed meanwhile.
        let Some(mut campaign) = store
            .campaign(&campaign.id)?
            .filter(|now| now.to_ask && now.definition.as_ref() == Some(definition))
        else {
            return Ok(());
        };
        let mut group = Group::default();
        if preview.problems.is_empty() {
            let differs = self.differs(&campaign);
            campaign.ask(Asked {
                number,
                at: now,
                definition: definition.clone(),
                recipients: preview.seats.len() as u64,
                left_out: preview.counts.clone(),
                differs,
            });
            self.tell_asked(&campaign, &preview, now, &mut group)?;
            steer_queue(&mut group, &mut campaign, now);
        } else {
            campaign.find_fault(preview.problems);
            self.tell_faulty(&campaign, now, &mut group)?;
        }
        group.put(campaign_key(&campaign.id), &campaign);
        store.commit(vec![group])
    }
}
