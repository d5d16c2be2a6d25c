//! What stands in the tabs and files of campaigns, taken into the store.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Campaigns;
use crate::commands::steer_queue;
use crate::core::campaign::life::Campaign;
use crate::core::campaign::read::Written;
use crate::core::campaign::tab::Kept;
use crate::core::campaign::{CampaignId, Origin, Problem, Wanted};
use crate::render::attachment_problem;
use crate::store::campaigns::campaign_key;
use crate::store::{Group, StoreError};

impl Campaigns {
    /// Takes in what is written in tabs and files, if it is another than before.
    pub(super) fn take_in(&self, now: Timestamp) -> Result<(), StoreError> {
        let _alone = self.roster.store().alone();
        let mut there = BTreeSet::new();
        let mut tabs = BTreeSet::new();
        for tab in self.roster.campaign_tabs()? {
            tabs.insert((tab.workbook.clone(), tab.sheet));
            for (id, kept) in &tab.state.rows {
                there.insert(id.clone());
                if !kept.doubled {
                    let written = kept.written(&tab.workbook, tab.sheet, &tab.title);
                    self.take_row(id, kept, written.as_ref(), now)?;
                }
            }
        }
        for (file, written) in self.roster.config().campaign_files() {
            if let Some(id) = self.take_file(&file, written, now)? {
                there.insert(id);
            }
        }
        for mut campaign in self.roster.store().campaigns()? {
            let read = match &campaign.origin {
                Origin::Row {
                    workbook, sheet, ..
                } => tabs.contains(&(workbook.clone(), *sheet)),
                Origin::File { .. } => true,
            };
            if read && !campaign.gone && !there.contains(&campaign.id) {
                campaign.removed(now);
                self.keep(&mut campaign, now)?;
            }
        }
        Ok(())
    }

    fn take_row(
        &self,
        id: &CampaignId,
        kept: &Kept,
        written: Option<&Written>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let known = self.roster.store().campaign(id)?;
        let halt = kept.halt();
        let (Some(written), Some(digest)) = (written, kept.digest()) else {
            return self.halt(known, halt, now);
        };
        let unchanged = known
            .as_ref()
            .is_some_and(|known| known.digest == digest && !known.gone);
        if unchanged {
            return self.halt(known, halt, now);
        }
        let definition = self.read(written, id.clone())?;
        let mut campaign = known
            .unwrap_or_else(|| Campaign::new(id.clone(), &kept.name, written.origin.clone(), now));
        self.write(&mut campaign, digest, definition, now)
    }

    /// A wish to wait or to stop counts before the row has settled.
    fn halt(
        &self,
        known: Option<Campaign>,
        halt: Option<Wanted>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (Some(mut campaign), Some(wanted)) = (known, halt) else {
            return Ok(());
        };
        if campaign.wanted == wanted || !campaign.runs() {
            return Ok(());
        }
        campaign.steered(wanted, now);
        self.keep(&mut campaign, now)
    }

    /// Returns the id, if the file has one.
    fn take_file(
        &self,
        file: &str,
        written: Result<Written, Vec<Problem>>,
        now: Timestamp,
    ) -> Result<Option<CampaignId>, StoreError> {
        let stem = file.rsplit('/').next().unwrap_or(file);
        let Some(id) = CampaignId::of_name(stem.trim_end_matches(".toml")) else {
            return Ok(None);
        };
        let known = self.roster.store().campaign(&id)?;
        let said = match &written {
            Ok(written) => format!("{:?}", written.cells),
            Err(problems) => format!("{problems:?}"),
        };
        let digest = blake3::hash(said.as_bytes()).to_hex()[..32].to_owned();
        if known
            .as_ref()
            .is_some_and(|known| known.digest == digest && !known.gone)
        {
            return Ok(Some(id));
        }
        let origin = Origin::File {
            file: file.to_owned(),
        };
        let definition = match written {
            Ok(written) => self.read(&written, id.clone())?,
            Err(problems) => Err(problems),
        };
        let mut campaign = known.unwrap_or_else(|| Campaign::new(id.clone(), stem, origin, now));
        self.write(&mut campaign, digest, definition, now)?;
        Ok(Some(id))
    }

    fn read(
        &self,
        written: &Written,
        id: CampaignId,
    ) -> Result<Result<crate::core::campaign::Definition, Vec<Problem>>, StoreError> {
        let templates: BTreeSet<String> = self.roster.config().templates.iter().cloned().collect();
        let folder = &self.roster.config().attachments_dir;
        let attachment = |name: &str| attachment_problem(folder, name);
        self.roster
            .read_campaign(written, id, &templates, &attachment)
    }

    fn write(
        &self,
        campaign: &mut Campaign,
        digest: String,
        definition: Result<crate::core::campaign::Definition, Vec<Problem>>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        campaign.digest = digest;
        let was = campaign.problems.clone();
        campaign.written(definition, now);
        let mut group = Group::default();
        if campaign.problems != was && !campaign.problems.is_empty() {
            self.tell_faulty(campaign, now, &mut group)?;
        }
        steer_queue(&mut group, campaign, now);
        group.put(campaign_key(&campaign.id), campaign);
        self.roster.store().commit(vec![group])
    }

    /// Writes a campaign back, and lets its queue wait or go on as it says.
    pub(super) fn keep(&self, campaign: &mut Campaign, now: Timestamp) -> Result<(), StoreError> {
        let mut group = Group::default();
        steer_queue(&mut group, campaign, now);
        group.put(campaign_key(&campaign.id), campaign);
        self.roster.store().commit(vec![group])
    }
}
