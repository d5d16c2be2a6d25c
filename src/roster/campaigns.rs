//! What campaigns need to know of the company: what stands in their tabs, what a row is checked against,
//! and how customers are looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Roster, headers_of};
use crate::core::campaign::read::{Known, Written, read};
use crate::core::campaign::segment::{Customer, Surroundings};
use crate::core::campaign::tab::TabState;
use crate::core::campaign::text::Names;
use crate::core::campaign::{CampaignId, Definition, Problem, Said};
use crate::core::people::Directory;
use crate::core::record::{Kind, Record};
use crate::core::sheet::Schema;
use crate::store::keys::{self, Key, prefix};
use crate::store::{Group, StoreError};

/// A tab of campaigns, as it was last seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CampaignTab {
    /// Workbook id.
    pub workbook: String,
    /// Google's id of the tab.
    pub sheet: i64,
    /// Its title.
    pub title: String,
    /// Its rows, and what is wrong with it as a whole.
    pub state: TabState,
}

impl CampaignTab {
    /// The row of a campaign as it has settled; none if there is none, if it has never settled, or if another
    /// row has the same name.
    pub fn written(&self, id: &CampaignId) -> Option<Written> {
        let kept = self.state.rows.get(id).filter(|kept| !kept.doubled)?;
        kept.written(&self.workbook, self.sheet, &self.title)
    }
}

/// Where a tab of campaigns is kept.
fn campaign_tab_key(workbook: &str, sheet: i64) -> Key {
    keys::under(prefix::META, format!("campaign-tab/{workbook}/{sheet}"))
}

/// Where it is kept that a campaign is over.
fn over_key(id: &CampaignId) -> Key {
    keys::under(prefix::META, format!("campaign-over/{id}"))
}

/// How customers are looked at, for one pass over many records.
#[derive(Debug)]
pub struct Looking {
    schemas: BTreeMap<String, Arc<Schema>>,
    tabs: BTreeMap<(String, i64), Surroundings>,
    nowhere: Surroundings,
}

impl Looking {
    /// A record as segments and texts see it; `row` is where it stands now. None if its workbook is no longer read.
    pub fn customer<'a>(&'a self, record: &'a Record, row: u32) -> Option<Customer<'a>> {
        let place = &record.place;
        let tab = (place.workbook.clone(), place.sheet);
        Some(Customer {
            record,
            cells: &record.seen,
            row,
            schema: self.schemas.get(&place.workbook)?,
            surroundings: self.tabs.get(&tab).unwrap_or(&self.nowhere),
        })
    }
}

impl Roster {
    /// What is kept of a tab of campaigns, if it was ever read.
    ///
    /// # Errors
    /// The disk.
    pub fn campaign_tab(
        &self,
        workbook: &str,
        sheet: i64,
    ) -> Result<Option<CampaignTab>, StoreError> {
        self.store.get(&campaign_tab_key(workbook, sheet))
    }

    /// Every tab of campaigns that was ever read.
    ///
    /// # Errors
    /// The disk.
    pub fn campaign_tabs(&self) -> Result<Vec<CampaignTab>, StoreError> {
        let under = keys::under(prefix::META, "campaign-tab/");
        self.store
            .scan(&under)
            .map(|entry| entry.map(|(_, tab)| tab))
            .collect()
    }

    /// Keeps what a tab of campaigns shows, if it is something new; says whether it is.
    pub fn keep_campaign_tab(
        &self,
        group: &mut Group,
        workbook: &str,
        sheet: i64,
        title: &str,
        state: TabState,
        before: Option<&CampaignTab>,
    ) -> bool {
        let tab = CampaignTab {
            workbook: workbook.to_owned(),
            sheet,
            title: title.to_owned(),
            state,
        };
        let differs = before != Some(&tab);
        if differs {
            group.put(campaign_tab_key(workbook, sheet), &tab);
        }
        differs
    }

    /// Whether a campaign has ended, so that a new row of its name is another one.
    ///
    /// # Errors
    /// The disk.
    pub fn campaign_is_over(&self, id: &CampaignId) -> Result<bool, StoreError> {
        self.store.contains(&over_key(id))
    }

    /// Notes that a campaign has ended.
    pub fn end_campaign(&self, group: &mut Group, id: &CampaignId) {
        group.put(over_key(id), &true);
    }

    /// Reads a campaign. `templates` are those that mails can be made of; `attachment` says why a file cannot go
    /// along, and what to do.
    ///
    /// # Errors
    /// The disk; and within, everything that is wrong with the campaign.
    pub fn read_campaign(
        &self,
        written: &Written,
        id: CampaignId,
        templates: &BTreeSet<String>,
        attachment: &dyn Fn(&str) -> Option<(Said, Said)>,
    ) -> Result<Result<Definition, Vec<Problem>>, StoreError> {
        let locale = match &written.origin {
            crate::core::campaign::Origin::Row { workbook, .. } => self.workbook(workbook)?.locale,
            // A file is written as the company writes.
            crate::core::campaign::Origin::File { .. } => "vi_VN".to_owned(),
        };
        let won: BTreeSet<String> = self
            .config
            .stages
            .iter()
            .filter(|stage| stage.won)
            .map(|stage| stage.id.clone())
            .collect();
        let people: Directory = self.directory()?;
        let known = Known {
            stages: &self.stages,
            won: &won,
            fields: &self.fields,
            names: &self.campaign_names()?,
            people: &people,
            templates,
            calendar: &self.config.calendar,
            locale: &locale,
            attachment,
        };
        Ok(read(written, id, &known))
    }

    /// The headers and variables that a text of a campaign may name: headers as configured, and as they stand in
    /// the tabs of customers.
    ///
    /// # Errors
    /// The disk.
    pub fn campaign_names(&self) -> Result<Names, StoreError> {
        let mut names = Names::new(&self.fields);
        for book in &self.config.workbooks {
            let tabs = self.tabs(&book.id)?.into_iter();
            for tab in tabs.filter(|tab| tab.kind == Some(Kind::Customer)) {
                for (id, (_, header)) in &tab.bound {
                    if let Some(field) = self.fields.iter().find(|field| field.id == *id) {
                        names = names.with_header(field, header);
                    }
                }
            }
        }
        Ok(names)
    }

    /// How customers are looked at now.
    ///
    /// # Errors
    /// The disk.
    pub fn looking(&self) -> Result<Looking, StoreError> {
        let around = |headers: BTreeMap<String, String>, tab: String| Surroundings {
            headers,
            private: self.private.as_ref().clone(),
            stage_labels: self.stage_labels.as_ref().clone(),
            course: self.course.as_ref().clone(),
            company: self.company.clone(),
            tab,
        };
        let mut looking = Looking {
            schemas: BTreeMap::new(),
            tabs: BTreeMap::new(),
            nowhere: around(BTreeMap::new(), String::new()),
        };
        for book in &self.config.workbooks {
            let schema = self.schema(Kind::Customer, &book.id)?;
            looking.schemas.insert(book.id.clone(), schema);
            for tab in self.tabs(&book.id)? {
                let surroundings = around(headers_of(&tab), tab.title.clone());
                looking
                    .tabs
                    .insert((book.id.clone(), tab.sheet), surroundings);
            }
        }
        Ok(looking)
    }

    /// The facts of a customer with what only mails need: the mailbox of the person in charge.
    pub fn with_owner(&self, mut facts: Value, people: &Directory) -> Value {
        let owner = facts.get("owner").and_then(Value::as_str);
        let email = owner
            .and_then(|name| people.find(name))
            .and_then(|person| person.email.clone());
        let map: Option<&mut Map<String, Value>> = facts.as_object_mut();
        if let (Some(map), Some(email)) = (map, email) {
            map.insert("owner_email".to_owned(), email.into());
        }
        facts
    }

    /// `[company]` as the templates see it.
    pub fn company(&self) -> &Value {
        &self.company
    }
}
