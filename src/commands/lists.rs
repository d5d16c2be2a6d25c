//! Lists of customers, by what is kept in memory of every row ([`crate::roster::Glance`]): which are meant, how many
//! they are, and who stands first. Half a million rows are gone over that way in the time of a breath; those that are
//! shown are read from the store and looked at again, so that no line says what is no longer so.

mod waiting;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use serde_json::Value as Json;

use super::allow::Sight;
use super::customers::{CustomerLine, Customers, Seen, StageList, Totals, name_of, text};
use super::{Answer, Desk, Right, Who};
use crate::core::handover::StandIns;
use crate::core::record::{Kind, RecordId};
use crate::core::rule::Trigger;
use crate::roster::{Glance, Glimpse, Said, nanoseconds};
pub(super) use waiting::{Waiting, Waits};

/// Names shown of one stage.
const SHOWN_OF_STAGE: usize = 15;

/// All rows as somebody may see them.
pub(super) struct Survey<'g> {
    glance: &'g Glance,
    /// By the way in which people are in charge.
    sees: Vec<Sees>,
    /// What the rows of each tab are, if it is read.
    places: Vec<Option<Kind>>,
    standing: Arc<StandIns>,
    sight: &'g Sight,
    /// Leads that were given to those whose customers are seen.
    given: BTreeSet<u128>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sees {
    Yes,
    No,
    /// Nobody is in charge: those that were given to somebody.
    Given,
    /// Somebody who has handed over: whose each row is now says who stands in for them.
    HandedOver,
}

impl<'g> Survey<'g> {
    /// The customers that are seen, in no certain order.
    pub(super) fn customers(&self) -> impl Iterator<Item = Glimpse<'g>> {
        let customers = self.of_kind(Kind::Customer);
        customers.filter(|row| self.is_seen(*row))
    }

    /// The rows of a kind, whoever may see them.
    pub(super) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = Glimpse<'g>> {
        let rows = self.glance.rows();
        rows.filter(move |row| row.kind() == kind && self.places[row.place()] == Some(kind))
    }

    fn is_seen(&self, row: Glimpse<'_>) -> bool {
        match self.sees[row.owners()] {
            Sees::Yes => true,
            Sees::No => false,
            Sees::Given => self.given.contains(&row.number()),
            Sees::HandedOver => {
                let names = self.glance.owners()[row.owners()].clone();
                let owners = self.standing.owners(&row.id(), names);
                self.sight.seen(&owners).is_some()
            }
        }
    }

    /// A part of a list of rows, the longest untouched first, then by name. `rows` are days and places.
    fn page(&self, mut rows: Vec<(i32, usize)>, from: usize, count: usize) -> Vec<RecordId> {
        let order = |a: &(i32, usize), b: &(i32, usize)| -> Ordering {
            let rows = (self.glance.row(a.1), self.glance.row(b.1));
            let names = || rows.0.name().cmp(rows.1.name());
            let ids = || rows.0.number().cmp(&rows.1.number());
            b.0.cmp(&a.0).then_with(names).then_with(ids)
        };
        if from >= rows.len() {
            return Vec::new();
        }
        if from > 0 {
            rows.select_nth_unstable_by(from, order);
            rows.drain(..from);
        }
        if count < rows.len() {
            rows.select_nth_unstable_by(count, order);
            rows.truncate(count);
        }
        rows.sort_unstable_by(order);
        let ids = rows.into_iter().map(|(_, at)| self.glance.row(at).id());
        ids.collect()
    }
}

/// Calendar days without activity, of many rows.
struct Untouched<'d> {
    desk: &'d Desk,
    now: Timestamp,
    /// By the beginning of a day, its end and how long ago it is.
    known: BTreeMap<i64, (i64, i32)>,
}

impl<'d> Untouched<'d> {
    fn new(desk: &'d Desk, now: Timestamp) -> Self {
        Self {
            desk,
            now,
            known: BTreeMap::new(),
        }
    }

    fn days(&mut self, active_ns: i64) -> i32 {
        let known = self.known.range(..=active_ns).next_back();
        if let Some((_, (end, days))) = known
            && active_ns < *end
        {
            return *days;
        }
        let at = at(active_ns);
        let days = self.desk.days_since(at, self.now);
        let days = i32::try_from(days).unwrap_or(i32::MAX);
        let calendar = &self.desk.roster.config().calendar;
        let date = calendar.date(at);
        let midnight = |date: Date| nanoseconds(calendar.at_local(date, Time::midnight()));
        let end = date.tomorrow().map_or(i64::MAX, midnight);
        self.known.insert(midnight(date), (end, days));
        days
    }
}

fn at(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl Desk {
    /// The customers of whoever asks: their own, their team's, or all.
    ///
    /// # Errors
    /// The role, the disk.
    pub fn mine(&self, who: &Who, now: Timestamp) -> Answer<Customers> {
        let sight = self.sight(who, Right::Customers)?;
        let config = self.roster.config();
        let found = self.survey(&sight, |survey| {
            let mut untouched = Untouched::new(self, now);
            let mut by_stage = vec![Vec::new(); config.stages.len() + 1];
            for row in survey.customers() {
                let stage = row.stage().unwrap_or(config.stages.len());
                by_stage[stage].push((untouched.days(row.active_ns()), row.at()));
            }
            let lists = by_stage.into_iter().map(|rows| {
                let count = rows.len();
                (count, survey.page(rows, 0, SHOWN_OF_STAGE))
            });
            Ok(lists.collect::<Vec<_>>())
        })?;
        let total = found.iter().map(|(count, _)| count).sum();
        let labels = config.stages.iter().map(|stage| Some(stage.label.clone()));
        let mut stages = Vec::new();
        for (stage, (count, ids)) in labels.chain([None]).zip(found) {
            if count == 0 {
                continue;
            }
            let mut customers = Vec::new();
            for id in ids {
                if let Some(seen) = self.listed(&id, &sight, now)? {
                    customers.push(CustomerLine {
                        name: name_of(&seen.facts),
                        days: self.days_since(seen.record.active_at, now),
                        url: text(&seen.facts["sheet_url"]),
                    });
                }
            }
            stages.push(StageList {
                stage,
                count,
                customers,
            });
        }
        Ok(Customers { total, stages })
    }

    /// How many customers are in each stage, of those that whoever asks may count.
    ///
    /// # Errors
    /// The role, the disk.
    pub fn totals(&self, who: &Who) -> Answer<Totals> {
        let sight = self.sight(who, Right::Totals)?;
        let stages = &self.roster.config().stages;
        let labels = stages.iter().map(|stage| stage.label.clone());
        let labels = labels.chain([String::new()]);
        let mut counts: Vec<(String, usize)> = labels.map(|label| (label, 0)).collect();
        self.survey(&sight, |survey| {
            for row in survey.customers() {
                counts[row.stage().unwrap_or(stages.len())].1 += 1;
            }
            Ok(())
        })?;
        let total = counts.iter().map(|(_, count)| count).sum();
        counts.retain(|(label, count)| !label.is_empty() || *count > 0);
        Ok(Totals {
            total,
            stages: counts,
        })
    }

    /// Looks at all rows as they are seen.
    pub(super) fn survey<T>(
        &self,
        sight: &Sight,
        look: impl FnOnce(&Survey<'_>) -> Answer<T>,
    ) -> Answer<T> {
        let tabs: BTreeMap<(String, i64), Option<Kind>> = self
            .tabs_read()?
            .into_iter()
            .map(|(workbook, tab)| ((workbook, tab.sheet), tab.kind))
            .collect();
        let standing = self.roster.stand_ins()?;
        let mut given = BTreeSet::new();
        if !sight.sees_all() {
            for lead in self.roster.store().all_given() {
                let lead = lead?;
                given.extend(lead.record.number().filter(|_| sight.includes(&lead.to)));
            }
        }
        let sees = |names: &Vec<String>| match names.as_slice() {
            _ if sight.sees_all() => Sees::Yes,
            [] => Sees::Given,
            // Of those who have handed over it is not the cell that says who is in charge.
            names if names.iter().any(|name| standing.of(name).is_some()) => Sees::HandedOver,
            names if sight.seen(names).is_some() => Sees::Yes,
            _ => Sees::No,
        };
        self.roster.look(|glance| {
            let places = glance.places().iter();
            look(&Survey {
                glance,
                sees: glance.owners().iter().map(sees).collect(),
                places: places
                    .map(|place| tabs.get(place).copied().flatten())
                    .collect(),
                standing: Arc::clone(&standing),
                sight,
                given,
            })
        })?
    }

    /// A customer of a list as they stand now; none if they are gone meanwhile, or not seen any more.
    pub(super) fn listed(
        &self,
        id: &RecordId,
        sight: &Sight,
        now: Timestamp,
    ) -> Answer<Option<Seen>> {
        let Some(record) = self.as_it_stands(id)? else {
            return Ok(None);
        };
        let facts = self.roster.facts(&record, &Json::Null, now)?;
        let given = || self.is_given_to(&record.id, &facts, |name| sight.includes(name));
        let sees = sight.covers(&facts) || given()?;
        Ok(sees.then_some(Seen { record, facts }))
    }

    /// Whether a row may have one of the dates that rules go by today: others have none for certain.
    pub(super) fn may_have_date(&self, today: Date) -> impl Fn(Glimpse<'_>) -> bool {
        let rules = &self.roster.config().rules;
        let dated = self.roster.dated().iter().map(|field| {
            let of_field = rules
                .iter()
                .enumerate()
                .filter_map(|(at, rule)| match &rule.on {
                    Trigger::Date {
                        field: of, yearly, ..
                    } if of == field && field != "appointment" => {
                        Some((*yearly, self.roster.condition_known(at)))
                    }
                    _ => None,
                });
            let mut told: Vec<(bool, Said)> = of_field.collect();
            if field == "appointment" {
                told.push((false, Said::Always));
            }
            told
        });
        let dated: Vec<Vec<(bool, Said)>> = dated.collect();
        let is_today = move |date: Date, yearly: bool| {
            date == today || yearly && (date.month(), date.day()) == (today.month(), today.day())
        };
        move |row| {
            let days = row.days().zip(&dated);
            days.filter_map(|(day, told)| Some((day?, told)))
                .any(|(day, told)| {
                    told.iter().any(|(yearly, said)| {
                        // Of several rules on one date the last one says whether it comes each year.
                        is_today(day, *yearly)
                            && match said {
                                Said::Noted(bit) => row.wanted(*bit),
                                Said::Always | Said::Unknown => true,
                            }
                    })
                })
        }
    }

    /// The ids of rows, and nothing more of them.
    pub(super) fn ids_of<'g>(rows: impl Iterator<Item = Glimpse<'g>>) -> Vec<RecordId> {
        rows.map(Glimpse::id).collect()
    }

    /// Who waits too long of those who are seen, and how many they are: the longest untouched first.
    pub(super) fn waiting_page(
        &self,
        sight: &Sight,
        page: impl FnOnce(usize) -> (usize, usize),
        now: Timestamp,
    ) -> Answer<(usize, Vec<RecordId>)> {
        self.survey(sight, |survey| {
            let mut untouched = Untouched::new(self, now);
            let mut waiting = Waiting::new(self, now);
            let mut rows = Vec::new();
            for row in survey.customers() {
                if self.does_wait(&mut waiting, row, sight, now)? {
                    rows.push((untouched.days(row.active_ns()), row.at()));
                }
            }
            let total = rows.len();
            let (from, count) = page(total);
            Ok((total, survey.page(rows, from, count)))
        })
    }

    /// Whether somebody has waited too long; where a condition depends on the day or the place, the record is asked.
    pub(super) fn does_wait(
        &self,
        waiting: &mut Waiting<'_>,
        row: Glimpse<'_>,
        sight: &Sight,
        now: Timestamp,
    ) -> Answer<bool> {
        match waiting.waits(row) {
            Waits::No => Ok(false),
            Waits::Yes => Ok(true),
            Waits::Unknown => {
                let seen = self.listed(&row.id(), sight, now)?;
                Ok(seen.is_some_and(|seen| self.waits(&seen, now)))
            }
        }
    }
}
