//! How far a campaign is, when it ends, and when it had better wait for a manager.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Campaigns;
use super::freeze::lane_of;
use crate::commands::steer_queue;
use crate::core::campaign::CampaignId;
use crate::core::campaign::halt::{Actor, Halt, Why};
use crate::core::campaign::life::Campaign;
use crate::core::delivery::By;
use crate::store::campaigns::{
    Progress, ProgressNote, campaign_key, count_key, progress_notes_under,
};
use crate::store::{Group, Store, StoreError, ledger};

/// Messages of a campaign are counted so often at most.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// Counting takes at most this part of the time.
const COUNT_SHARE: u32 = 20;

/// A campaign waits for a manager when of so many mails that ended more than one in `ONE_IN` did not arrive.
const ENOUGH: u64 = 20;
const ONE_IN: u64 = 10;

/// A count, and when it was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    at: Instant,
    took: Duration,
}

/// Counts the messages of a campaign.
fn count(store: &Store, id: &CampaignId) -> Result<Progress, StoreError> {
    store
        .campaign_states(id)
        .map(|states| Progress::of(&states))
}

impl Campaigns {
    /// Sees to a campaign that was approved.
    pub(super) fn go_on(&self, campaign: &Campaign, now: Timestamp) -> Result<(), StoreError> {
        let Some(run) = &campaign.run else {
            return Ok(());
        };
        if run.done.is_some() {
            return Ok(());
        }
        if let Some(halt) = &run.stopped {
            let why = format!(
                "the campaign was stopped by {}: {}",
                halt.by,
                halt.why.english()
            );
            let store = self.roster.store();
            ledger::cancel_lane(store, &lane_of(&campaign.id), By::Hand, &why)?;
            let progress = count(store, &campaign.id)?;
            // What is in flight has an end of its own.
            return match progress.waiting {
                0 => self.end(campaign, progress, now),
                _ => Ok(()),
            };
        }
        if !run.frozen {
            self.freeze(campaign, now)?;
            return Ok(());
        }
        if now < run.send_at || !self.may_count(&campaign.id) {
            return Ok(());
        }
        let began = Instant::now();
        let progress = count(self.roster.store(), &campaign.id)?;
        self.counted(&campaign.id, began);
        self.keep_count(&campaign.id, &progress)?;
        if run.paused.is_some() {
            return Ok(());
        }
        if progress.waiting == 0 {
            return self.end(campaign, progress, now);
        }
        let tried = progress.delivered + progress.failed + progress.in_doubt;
        if tried >= ENOUGH && (progress.failed + progress.in_doubt) * ONE_IN > tried {
            let why = Why::NotArrived {
                failed: progress.failed + progress.in_doubt,
                of: tried,
            };
            return self.halt_run(&campaign.id, why, now);
        }
        self.show(&campaign.id, &progress, now)
    }

    fn keep_count(&self, id: &CampaignId, progress: &Progress) -> Result<(), StoreError> {
        let store = self.roster.store();
        if store.last_count(id)? == *progress {
            return Ok(());
        }
        let mut group = Group::default();
        group.put(count_key(id), progress);
        store.commit(vec![group])
    }

    /// Each chat that hears of it gets one message that shows how far it is, and is written anew as it goes on.
    fn show(&self, id: &CampaignId, progress: &Progress, now: Timestamp) -> Result<(), StoreError> {
        let store = self.roster.store();
        let _alone = store.alone();
        let Some(campaign) = store.campaign(id)?.filter(Campaign::runs) else {
            return Ok(());
        };
        let mut group = Group::default();
        let told = self.tell_progress(&campaign, progress, now, &mut group)?;
        for message in told {
            let note = ProgressNote {
                campaign: id.clone(),
                message,
                shown: String::new(),
                due: now,
                tries: 0,
            };
            group.put(note.key(), &note);
        }
        match group.is_empty() {
            true => Ok(()),
            false => store.commit(vec![group]),
        }
    }

    fn may_count(&self, id: &CampaignId) -> bool {
        let counted = self
            .counted
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        counted
            .get(id)
            .is_none_or(|last| last.at.elapsed() >= COUNT_EVERY.max(last.took * COUNT_SHARE))
    }

    fn counted(&self, id: &CampaignId, began: Instant) {
        let mut counted = self
            .counted
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        counted.insert(
            id.clone(),
            Counted {
                at: Instant::now(),
                took: began.elapsed(),
            },
        );
    }

    /// The bridge itself lets a campaign wait, and asks.
    pub(super) fn halt_run(
        &self,
        id: &CampaignId,
        why: Why,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let store = self.roster.store();
        let _alone = store.alone();
        let Some(mut campaign) = store.campaign(id)? else {
            return Ok(());
        };
        let Ok(run) = campaign.running() else {
            return Ok(());
        };
        if run.paused.is_some() {
            return Ok(());
        }
        run.paused = Some(Halt {
            by: Actor::Bridge,
            at: now,
            why,
        });
        campaign.changed = now;
        let mut group = Group::default();
        steer_queue(&mut group, &mut campaign, now);
        self.tell_paused(&campaign, now, &mut group)?;
        group.put(campaign_key(id), &campaign);
        store.commit(vec![group])
    }

    /// Nothing of it waits any more.
    fn end(
        &self,
        campaign: &Campaign,
        progress: Progress,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let store = self.roster.store();
        let _alone = store.alone();
        let Some(mut campaign) = store.campaign(&campaign.id)? else {
            return Ok(());
        };
        let number = match campaign.run.as_mut() {
            Some(run) if run.done.is_none() => {
                run.done = Some(now);
                run.number
            }
            _ => return Ok(()),
        };
        campaign.changed = now;
        let mut group = Group::default();
        self.roster.end_campaign(&mut group, &campaign.id);
        group.put(count_key(&campaign.id), &progress);
        for entry in store.scan::<ProgressNote>(&progress_notes_under(&campaign.id)) {
            let (key, note) = entry?;
            group.put(key, &ProgressNote { due: now, ..note });
        }
        steer_queue(&mut group, &mut campaign, now);
        self.tell_ended(&campaign, &progress, now, &mut group)?;
        group.put(campaign_key(&campaign.id), &campaign);
        store.commit(vec![group])?;
        store.forget_audiences(&campaign.id, number)
    }
}
