//! What is on somebody's plate: the dates of today, and who has waited too long.

use jiff::civil::Time;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use super::allow::Sight;
use super::customers::{name_of, text};
use super::lists::Waiting;
use super::notes::shown;
use super::{Answer, Desk, Right, Who};
use crate::config::Language;
use crate::core::facts::digest::Due;
use crate::core::outcome::Deed;

/// Customers shown on one page of those who wait.
const CONTACTS: usize = 12;
/// Dates shown of a day.
const DUE_SHOWN: usize = 25;

/// Somebody's day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Day {
    /// ISO date.
    pub date: String,
    /// Appointments and other dates of today, by time; the first of them.
    pub due: Vec<Due>,
    /// How many there are in all.
    pub due_count: usize,
    /// Customers who have waited too long.
    pub waiting: usize,
    /// Whether they are all of one person, who needs no telling of whose they are.
    pub own: bool,
}

/// Customers who have waited too long, the longest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToContact {
    /// How many in all.
    pub total: usize,
    /// The page, from 1.
    pub page: usize,
    /// How many pages there are.
    pub pages: usize,
    /// Those of the page.
    pub contacts: Vec<Contact>,
    /// Whether they are all of one person.
    pub own: bool,
}

/// Somebody to write to or call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Name.
    pub name: String,
    /// Stage label.
    pub stage: Option<String>,
    /// Calendar days without activity.
    pub days: i64,
    /// Who is in charge.
    pub owner: Option<String>,
    /// Phone number.
    pub phone: Option<String>,
    /// Address that opens the row.
    pub url: Option<String>,
}

impl Desk {
    /// What is due today of the customers of whoever asks: their own, their team's, or all.
    ///
    /// # Errors
    /// The role, the disk.
    pub fn day(&self, who: &Who, now: Timestamp) -> Answer<Day> {
        let mut day = Day {
            date: self.today(now).to_string(),
            own: self.sees_own(who),
            ..Day::default()
        };
        let sight = self.sight(who, Right::Customers)?;
        let due_today = self.may_have_date(self.today(now));
        let (waiting, due) = self.survey(&sight, |survey| {
            let mut waiting = Waiting::new(self, now);
            let mut many = 0;
            for row in survey.customers() {
                many += usize::from(self.does_wait(&mut waiting, row, &sight, now)?);
            }
            let due = survey.customers().filter(|row| due_today(*row));
            Ok((many, Self::ids_of(due)))
        })?;
        day.waiting = waiting;
        for id in due {
            if let Some(seen) = self.listed(&id, &sight, now)? {
                day.due.extend(self.dates_today(&seen, now));
            }
        }
        day.due.extend(self.appointments_today(&sight, now)?);
        day.due.extend(self.promises_today(who, &sight, now)?);
        day.due
            .sort_by(|a, b| (&a.at, &a.name, &a.record).cmp(&(&b.at, &b.name, &b.record)));
        day.due_count = day.due.len();
        day.due.truncate(DUE_SHOWN);
        Ok(day)
    }

    /// What was promised for today in the chat, by whoever asks or about customers they see.
    pub(super) fn promises_today(
        &self,
        who: &Who,
        sight: &Sight,
        now: Timestamp,
    ) -> Answer<Vec<Due>> {
        let calendar = &self.roster.config().calendar;
        let today = self.today(now);
        let start = calendar.at_local(today, Time::midnight());
        let end = calendar.at_local(today.saturating_add(1.day()), Time::midnight());
        let vietnamese = self.language() == Language::Vi;
        let standing = self.roster.stand_ins()?;
        let mut found = Vec::new();
        for note in self.roster.store().promises(start, end)? {
            let Some(record) = self.roster.store().record(&note.record)? else {
                continue;
            };
            let facts = self.roster.facts(&record, &serde_json::Value::Null, now)?;
            let by = standing.instead(&note.record, &note.by).unwrap_or(&note.by);
            let sees = by == who.name() || sight.covers(&facts);
            let Some(promise) = note.promise.filter(|_| record.gone.is_none() && sees) else {
                continue;
            };
            let what = match (promise.deed, vietnamese) {
                (Deed::Call, true) => "gọi lại",
                (Deed::Call, false) => "call back",
                (Deed::Meet, true) => "hẹn gặp",
                (Deed::Meet, false) => "meeting",
            };
            found.push(Due {
                at: shown(promise),
                what: match note.text.as_str() {
                    "" => what.to_owned(),
                    text => format!("{what}: {text}"),
                },
                name: name_of(&facts),
                owner: Some(by.to_owned()),
                url: text(&facts["sheet_url"]),
                record: Some(record.id.to_string()),
            });
        }
        Ok(found)
    }

    /// Who has waited too long by the idle rules, of the customers of whoever asks. Pages count from 1; one that does
    /// not exist is the last.
    ///
    /// # Errors
    /// The role, the disk.
    pub fn to_contact(&self, who: &Who, page: usize, now: Timestamp) -> Answer<ToContact> {
        let sight = self.sight(who, Right::Customers)?;
        let mut shown = (1, 1);
        let of_page = |total: usize| {
            let pages = total.div_ceil(CONTACTS).max(1);
            shown = (page.clamp(1, pages), pages);
            ((shown.0 - 1) * CONTACTS, CONTACTS)
        };
        let (total, ids) = self.waiting_page(&sight, of_page, now)?;
        let mut contacts = Vec::new();
        for id in ids {
            let seen = self.listed(&id, &sight, now)?;
            if let Some(seen) = seen.filter(|seen| self.waits(seen, now)) {
                contacts.push(Contact {
                    name: name_of(&seen.facts),
                    stage: text(&seen.facts["stage_label"]),
                    days: self.days_since(seen.record.active_at, now),
                    owner: sight.owners(&seen.facts).into_iter().next(),
                    phone: text(&seen.facts["phone"]),
                    url: text(&seen.facts["sheet_url"]),
                });
            }
        }
        let (page, pages) = shown;
        Ok(ToContact {
            total,
            page,
            pages,
            contacts,
            own: self.sees_own(who),
        })
    }

    fn sees_own(&self, who: &Who) -> bool {
        super::may(who, Right::Customers) == super::Scope::Own
    }
}
