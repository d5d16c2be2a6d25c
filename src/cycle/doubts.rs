//! What speaks against a poll besides its counts: tabs of the configuration that the workbook has under
//! another name or not at all, another locale, and columns whose cells look as if they belonged elsewhere.

use std::collections::{BTreeMap, HashMap};

use super::Mode;
use super::accept::{Matched, Poll};
use super::fetch::{MissingTab, TabPlan, Width};
use super::report::TabReport;
use crate::config::Workbook;
use crate::core::change::{Edit, GuardInput, Sighting, TabFacts, look_at_columns};
use crate::core::identity::How;
use crate::core::record::Cells;
use crate::google::Metadata;
use crate::roster::{Roster, WorkbookMeta, workbook_key};
use crate::store::keys::{self, Key, prefix};
use crate::store::{Group, StoreError};

/// Of one tab so many changed rows are looked at: more would tell no more.
const LOOKED_AT: usize = 5_000;

/// By Google's id of a tab that the workbook lacks under its configured name: what it is called now, or
/// nothing if it is gone. Those about which a manager has said yes.
pub(super) type Lapses = BTreeMap<i64, Option<String>>;

/// A tab that was read before, and that the workbook does not have under that name any more.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lost {
    /// Google's id of it.
    sheet: i64,
    /// As the configuration knows it.
    tab: String,
    /// What the workbook calls it now; none if it was deleted.
    renamed_to: Option<String>,
}

/// What is doubtful about a workbook before its rows are looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubts {
    lost: Vec<Lost>,
    accepted: Lapses,
    /// What the workbook says about itself now, if its locale is another one.
    locale: Option<WorkbookMeta>,
}

impl Doubts {
    /// Whether a tab of this name is under another one, and nobody has said yes to that.
    pub(super) fn names(&self, tab: &str) -> bool {
        self.lost
            .iter()
            .any(|lost| lost.tab == tab && self.is_new(lost))
    }

    /// Whether there is nothing about the workbook that was not accepted.
    pub(super) fn are_none(&self) -> bool {
        self.locale.is_none() && self.lapses() == self.accepted
    }

    fn lapses(&self) -> Lapses {
        self.lost
            .iter()
            .map(|lost| (lost.sheet, lost.renamed_to.clone()))
            .collect()
    }

    /// Whether only a new look at the workbook's tabs and settings shows that they were put right.
    pub(super) fn wait_for_the_workbook(&self) -> bool {
        let deleted = |lost: &Lost| lost.renamed_to.is_none() && self.is_new(lost);
        self.locale.is_some() || self.lost.iter().any(deleted)
    }

    fn is_new(&self, lost: &Lost) -> bool {
        self.accepted.get(&lost.sheet) != Some(&lost.renamed_to)
    }
}

/// Where it is kept which tabs may be missing.
fn lapses_key(workbook: &str) -> Key {
    keys::under(prefix::META, format!("lapses/{workbook}"))
}

/// Sorts the tabs that the workbook does not have by name: those that were read before are doubtful, and
/// are read under their new name if they have one; those that never were are mistakes of the configuration.
pub(super) fn missing_tabs(
    roster: &Roster,
    settings: &Workbook,
    metadata: &Metadata,
    known: &BTreeMap<i64, String>,
    plans: &mut Vec<TabPlan>,
    missing: Vec<MissingTab>,
) -> Result<(Doubts, Vec<MissingTab>), StoreError> {
    let mut doubts = Doubts {
        accepted: roster
            .store()
            .get(&lapses_key(&settings.id))?
            .unwrap_or_default(),
        locale: other_locale(roster, &settings.id, metadata)?,
        ..Doubts::default()
    };
    let mut never = Vec::new();
    for one in missing {
        let named = settings.tabs.iter().find(|tab| tab.name.0 == one.name);
        let was = |title: &str| named.is_some_and(|tab| tab.name.matches(title));
        let there = |sheet: i64| metadata.tabs.iter().find(|info| info.sheet == sheet);
        let mut sheets: Vec<i64> = known
            .iter()
            .filter(|(_, title)| was(title))
            .map(|(sheet, _)| *sheet)
            .collect();
        // A tab that was made anew under its old name has two ids; the one that is there counts.
        sheets.sort_by_key(|sheet| there(*sheet).is_none());
        let (Some(tab), Some(&sheet)) = (named, sheets.first()) else {
            never.push(one);
            continue;
        };
        let now = there(sheet).map(|info| info.title.clone());
        if now.is_some() && !plans.iter().any(|plan| plan.sheet == sheet) {
            let (fields, mandatory) = roster.fields_of(tab);
            plans.push(TabPlan {
                sheet,
                title: one.name.clone(),
                renamed_to: now.clone(),
                width: Width::Whole,
                tab: tab.clone(),
                fields,
                mandatory,
            });
        }
        doubts.lost.push(Lost {
            sheet,
            tab: one.name,
            renamed_to: now,
        });
    }
    let order = |sheet: i64| metadata.tabs.iter().position(|info| info.sheet == sheet);
    plans.sort_by_key(|plan| order(plan.sheet));
    Ok((doubts, never))
}

/// What the workbook says about itself, if its locale is not the one by which its rows were accepted.
fn other_locale(
    roster: &Roster,
    workbook: &str,
    metadata: &Metadata,
) -> Result<Option<WorkbookMeta>, StoreError> {
    let before = roster.workbook(workbook)?;
    Ok((before.locale != metadata.locale).then(|| about(metadata)))
}

/// What is kept of a workbook.
fn about(metadata: &Metadata) -> WorkbookMeta {
    WorkbookMeta {
        title: metadata.title.clone(),
        locale: metadata.locale.clone(),
        time_zone: metadata.time_zone.clone(),
    }
}

/// Keeps what a workbook says about itself. Its locale says what its cells mean, so with rows accepted it
/// is kept only when a poll is.
pub(super) fn keep_metadata(
    roster: &Roster,
    workbook: &str,
    metadata: &Metadata,
) -> Result<(), StoreError> {
    let before = roster.workbook(workbook)?;
    let mut now = about(metadata);
    if now.locale != before.locale && !roster.tabs(workbook)?.is_empty() {
        now.locale.clone_from(&before.locale);
    }
    if before != now {
        roster.keep_workbook(workbook, &now)?;
    }
    Ok(())
}

/// A row's number, the cells of the customer it most likely is, and the cells that stand in it now.
type ChangedRow<'k> = (u32, Option<Cells>, &'k Cells);

impl Poll<'_> {
    /// Lists the tabs that could not be read, behind those that were: a batch is held in their name, too.
    pub(super) fn list_lost_tabs(&mut self) {
        for lost in self
            .doubts
            .lost
            .iter()
            .filter(|lost| self.doubts.is_new(lost))
        {
            if self.reads.iter().all(|read| read.plan.title != lost.tab) {
                self.report.tabs.push(TabReport {
                    workbook: self.workbook.to_owned(),
                    tab: lost.tab.clone(),
                    rows: 0,
                    records: 0,
                    edit: Edit::default().to_string(),
                    verdict: Edit::default(),
                    held: None,
                });
            }
        }
    }

    /// Tells the guard what counts alone do not: lost tabs, another locale, columns in disorder.
    pub(super) fn look_closer(
        &self,
        kinds: &[Matched],
        input: &mut GuardInput,
    ) -> Result<(), StoreError> {
        if let Some(now) = &self.doubts.locale {
            let before = self.roster.workbook(self.workbook)?.locale;
            input.locale = Some((before, now.locale.clone()));
        }
        for lost in self
            .doubts
            .lost
            .iter()
            .filter(|lost| self.doubts.is_new(lost))
        {
            match input.tabs.iter_mut().find(|facts| facts.tab == lost.tab) {
                Some(facts) => {
                    facts.missing = lost.renamed_to.is_none();
                    facts.renamed_to.clone_from(&lost.renamed_to);
                }
                None => input.tabs.push(TabFacts {
                    tab: lost.tab.clone(),
                    missing: lost.renamed_to.is_none(),
                    renamed_to: lost.renamed_to.clone(),
                    ..TabFacts::default()
                }),
            }
        }
        for kind in kinds {
            self.look_at_tabs(kind, input)?;
        }
        Ok(())
    }

    fn look_at_tabs(&self, kind: &Matched, input: &mut GuardInput) -> Result<(), StoreError> {
        for read in &self.reads {
            let sheet = read.plan.sheet;
            let Ok(header) = &read.header else { continue };
            if read.plan.kind() != Some(kind.kind) || self.is_baseline(sheet) {
                continue;
            }
            let rows = self.rows_that_changed(kind, sheet)?;
            if rows.is_empty() {
                continue;
            }
            let rebound = self.rebound(sheet, sheet);
            let mut fields = self.roster.infos(kind.kind);
            fields.retain(|field| !rebound.contains(&field.id));
            let sightings: Vec<Sighting<'_>> = rows
                .iter()
                .map(|(row, before, after)| Sighting {
                    row: *row,
                    before: before.as_ref(),
                    after,
                })
                .collect();
            let shown = |field: &str| {
                header
                    .bound
                    .get(field)
                    .map_or_else(|| field.to_owned(), |binding| binding.header.clone())
            };
            let mut doubts = look_at_columns(&sightings, &fields);
            for doubt in &mut doubts {
                doubt.column = shown(&doubt.column);
                if let Some((from, _)) = &mut doubt.from {
                    *from = shown(from);
                }
            }
            if let Some(facts) = input
                .tabs
                .iter_mut()
                .find(|facts| facts.tab == read.plan.title)
            {
                facts.doubts = doubts;
            }
        }
        Ok(())
    }

    /// The rows of a tab that are not what they were, with the cells of the customer they most likely are.
    fn rows_that_changed<'k>(
        &self,
        kind: &'k Matched,
        sheet: i64,
    ) -> Result<Vec<ChangedRow<'k>>, StoreError> {
        let matching = &kind.matching;
        let paired = matching
            .pairs
            .iter()
            .filter(|pair| pair.how != How::Content)
            .map(|pair| (pair.before, pair.after));
        let likely = matching
            .ambiguous
            .iter()
            .flat_map(|group| group.likely.iter().copied());
        // Where a customer went and another came in the same row, it may be one whose name was pushed away.
        let gone: HashMap<u32, usize> = matching
            .removed
            .iter()
            .filter(|&&at| kind.before[at].sheet == sheet)
            .map(|&at| (kind.before[at].row, at))
            .collect();
        let came = matching.added.iter().map(|&at| {
            let before = gone.get(&kind.after[at].row).copied();
            (before, at)
        });
        let all = paired
            .chain(likely)
            .map(|(before, after)| (Some(before), after))
            .chain(came);
        let mut rows = Vec::new();
        for (before, after) in all {
            let before_sheet = before.map_or(sheet, |at| kind.before[at].sheet);
            let row = &kind.after[after];
            let Some(cells) = row.cells.as_ref() else {
                continue;
            };
            if row.sheet != sheet || before_sheet != sheet {
                continue;
            }
            let before = before
                .map(|at| self.stored(&kind.before[at].id()))
                .transpose()?;
            rows.push((row.row, before.map(|record| record.seen.clone()), cells));
            if rows.len() >= LOOKED_AT {
                break;
            }
        }
        Ok(rows)
    }

    /// The poll is taken: tabs that are lost may be, and the locale is the workbook's own.
    pub(super) fn accept_doubts(&mut self, mode: Mode) -> Result<(), StoreError> {
        if mode == Mode::DryRun {
            return Ok(());
        }
        if let Some(now) = &self.doubts.locale {
            // At once: the rows of this poll are read by it.
            let mut group = Group::default();
            group.put(workbook_key(self.workbook), now);
            self.roster.store().commit(vec![group])?;
        }
        let lapses = self.doubts.lapses();
        if lapses != self.doubts.accepted {
            self.last.put(lapses_key(self.workbook), &lapses);
        }
        Ok(())
    }
}
