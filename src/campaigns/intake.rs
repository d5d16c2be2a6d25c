//! What stands in the tabs and files of campaigns, taken into the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use jiff::Timestamp;

use super::Campaigns;
use crate::commands::{question_void, steer_queue};
use crate::core::campaign::life::Campaign;
use crate::core::campaign::read::Written;
use crate::core::campaign::tab::Kept;
use crate::core::campaign::{CampaignId, Origin, Problem, Wanted};
use crate::render::attachment_problem;
use crate::store::campaigns::campaign_key;
use crate::store::{Group, StoreError};

fn stem_of(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.strip_suffix(".toml").unwrap_or(name)
}

/// What the campaign of a file is known by; none if its name has no letter or digit.
fn id_of(file: &str) -> Option<CampaignId> {
    CampaignId::of_name(stem_of(file))
}

/// The number of the question that managers are asked about it.
fn question(campaign: &Campaign) -> Option<u32> {
    campaign.asked.as_ref().map(|asked| asked.number)
}

impl Campaigns {
    /// Takes in what is written in tabs and files, if it is another than before.
    pub(super) fn take_in(&self, now: Timestamp) -> Result<(), StoreError> {
        let _alone = self.roster.store().alone();
        let mut there = BTreeSet::new();
        let mut tabs = BTreeSet::new();
        let files = self.roster.config().campaign_files();
        let of_files: BTreeMap<CampaignId, &str> = files
            .iter()
            .filter_map(|(file, _)| Some((id_of(file)?, file.as_str())))
            .collect();
        for tab in self.roster.campaign_tabs()? {
            tabs.insert((tab.workbook.clone(), tab.sheet));
            for (id, kept) in &tab.state.rows {
                let clash = of_files.get(id);
                if let Some(file) = clash.filter(|_| !there.contains(id)) {
                    self.clash(id, &kept.name, file);
                }
                there.insert(id.clone());
                let is_file_s = clash.is_some() && self.is_of_a_file(id)?;
                if !kept.doubled && !is_file_s {
                    let written = kept.written(&tab.workbook, tab.sheet, &tab.title);
                    self.take_row(id, kept, written.as_ref(), now)?;
                }
            }
        }
        let of_rows = there.clone();
        for (file, written) in &files {
            let Some(id) = id_of(file) else { continue };
            // Whichever of the two was there first is the campaign.
            if !of_rows.contains(&id) || self.is_of_a_file(&id)? {
                self.take_file(id.clone(), file, written, now)?;
            }
            there.insert(id);
        }
        for mut campaign in self.roster.store().campaigns()? {
            let read = match &campaign.origin {
                Origin::Row {
                    workbook, sheet, ..
                } => tabs.contains(&(workbook.clone(), *sheet)),
                Origin::File { .. } => true,
            };
            if read && !campaign.gone && !there.contains(&campaign.id) {
                let open = question(&campaign);
                campaign.removed(now);
                let mut group = Group::default();
                self.close(&mut group, open, &campaign, now)?;
                self.keep_with(group, &mut campaign, now)?;
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

    fn is_of_a_file(&self, id: &CampaignId) -> Result<bool, StoreError> {
        let known = self.roster.store().campaign(id)?;
        Ok(known.is_some_and(|known| matches!(known.origin, Origin::File { .. })))
    }

    /// Says once that a row and a file mean two campaigns by one id.
    fn clash(&self, id: &CampaignId, name: &str, file: &str) {
        let mut told = self.clashes.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(id.clone()) {
            tracing::warn!(
                "the campaign {id} is written twice, in the row “{name}” and in {file}: the one that was there first counts; rename the other"
            );
        }
    }

    fn take_file(
        &self,
        id: CampaignId,
        file: &str,
        written: &Result<Written, Vec<Problem>>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let stem = stem_of(file);
        let known = self.roster.store().campaign(&id)?;
        let said = match written {
            Ok(written) => format!("{:?}", written.cells),
            Err(problems) => format!("{problems:?}"),
        };
        let digest = blake3::hash(said.as_bytes()).to_hex()[..32].to_owned();
        if known
            .as_ref()
            .is_some_and(|known| known.digest == digest && !known.gone)
        {
            return Ok(());
        }
        let origin = Origin::File {
            file: file.to_owned(),
        };
        let definition = match written {
            Ok(written) => self.read(written, id.clone())?,
            Err(problems) => Err(problems.clone()),
        };
        let mut campaign = known.unwrap_or_else(|| Campaign::new(id, stem, origin, now));
        self.write(&mut campaign, digest, definition, now)
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
        let open = question(campaign);
        campaign.written(definition, now);
        let mut group = Group::default();
        self.close(&mut group, open, campaign, now)?;
        if campaign.problems != was && !campaign.problems.is_empty() {
            self.tell_faulty(campaign, now, &mut group)?;
        }
        self.keep_with(group, campaign, now)
    }

    /// Takes the buttons from a question that was open and is no more.
    fn close(
        &self,
        group: &mut Group,
        open: Option<u32>,
        campaign: &Campaign,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match open {
            Some(number) if question(campaign) != open => {
                question_void(&self.roster, group, campaign, number, now)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Writes a campaign back, and lets its queue wait or go on as it says.
    pub(super) fn keep(&self, campaign: &mut Campaign, now: Timestamp) -> Result<(), StoreError> {
        self.keep_with(Group::default(), campaign, now)
    }

    /// The same in one commit with more.
    fn keep_with(
        &self,
        mut group: Group,
        campaign: &mut Campaign,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        steer_queue(&mut group, campaign, now);
        group.put(campaign_key(&campaign.id), campaign);
        self.roster.store().commit(vec![group])
    }
}
