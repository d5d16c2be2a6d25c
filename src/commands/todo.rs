//! What everybody has to do today, with what came of it: for our own tab in the workbook.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Time;
use serde_json::Value;

use super::allow::Sight;
use super::customers::name_of;
use super::lists::{Waiting, Waits};
use super::{Answer, Desk, Right, Who};
use crate::config::Language;
use crate::core::facts::digest::Due;
use crate::core::record::{Record, RecordId};
use crate::roster::nanoseconds;
use crate::store::notes::Note;

/// One thing to do today.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ToDo {
    /// Who is to do it; empty: nobody is in charge.
    pub owner: String,
    /// Local ISO time, or a date where it has no hour.
    pub at: String,
    /// The customer.
    pub name: String,
    /// What.
    pub what: String,
    /// What came of it or was noted today; empty: nothing yet.
    pub outcome: String,
    /// Who said so, and when.
    pub by: String,
    /// Record id.
    pub record: String,
}

impl Desk {
    /// What is due today: dates, appointments, promises, and customers who have waited too long; who was dealt with today
    /// stays, with what came of it. Sorted by person and time.
    ///
    /// # Errors
    /// The disk.
    pub fn to_do(&self, now: Timestamp) -> Answer<Vec<ToDo>> {
        let who = Who::CommandLine;
        let today = self.today(now);
        let day = today.to_string();
        let midnight = self
            .roster
            .config()
            .calendar
            .at_local(today, Time::midnight());
        let vietnamese = self.language() == Language::Vi;
        let call = if vietnamese {
            "Liên hệ lại"
        } else {
            "Get in touch"
        };
        let mut found: BTreeMap<(String, String, String), ToDo> = BTreeMap::new();
        let mut add = |due: Due, said: Option<&Note>| {
            let todo = ToDo {
                outcome: said.map(|note| self.said(note)).unwrap_or_default(),
                by: said
                    .map(|note| format!("{} {}", note.by, self.hour(note.at)))
                    .unwrap_or_default(),
                owner: due.owner.unwrap_or_default(),
                at: due.at,
                name: due.name,
                what: due.what,
                record: due.record.unwrap_or_default(),
            };
            let key = (todo.record.clone(), todo.at.clone(), todo.what.clone());
            found.insert(key, todo);
        };
        let sight = self.sight(&who, Right::Customers)?;
        for id in self.on_plates(&sight, midnight, now)? {
            let Some(seen) = self.listed(&id, &sight, now)? else {
                continue;
            };
            let record = &seen.record;
            let said = self.said_today(record, midnight)?;
            for due in self.dates_today(&seen, now) {
                add(due, said.as_ref());
            }
            if self.waits(&seen, now) || said.is_some() {
                add(
                    Due {
                        at: day.clone(),
                        what: call.to_owned(),
                        name: name_of(&seen.facts),
                        owner: seen.facts["owner"].as_str().map(str::to_owned),
                        record: Some(record.id.to_string()),
                        url: None,
                    },
                    said.as_ref(),
                );
            }
        }
        for due in self
            .appointments_today(&sight, now)?
            .into_iter()
            .chain(self.promises_today(&who, &sight, now)?)
        {
            let record = due.record.as_deref().map(RecordId::new);
            let record = match record {
                Some(id) => self.roster.store().record(&id)?,
                None => None,
            };
            let said = match &record {
                Some(record) => self.said_today(record, midnight)?,
                None => None,
            };
            // That a promise was made today is no outcome of it.
            let said = said.filter(|note| note.promise.is_none());
            add(due, said.as_ref());
        }
        let mut all: Vec<ToDo> = found.into_values().collect();
        all.sort();
        Ok(all)
    }

    /// The customers who may have something due today, or may have been dealt with today.
    fn on_plates(
        &self,
        sight: &Sight,
        midnight: Timestamp,
        now: Timestamp,
    ) -> Answer<Vec<RecordId>> {
        let due_today = self.may_have_date(self.today(now));
        let midnight = nanoseconds(midnight);
        self.survey(sight, |survey| {
            let mut waiting = Waiting::new(self, now);
            let rows = survey.customers().filter(|row| {
                let active = row.active_ns() >= midnight;
                active || due_today(*row) || waiting.waits(*row) != Waits::No
            });
            Ok(Self::ids_of(rows))
        })
    }

    /// What was said last of a customer since a time. Whoever says something is active, so others need no look.
    fn said_today(&self, record: &Record, midnight: Timestamp) -> Answer<Option<Note>> {
        if record.active_at < midnight {
            return Ok(None);
        }
        let notes = self.roster.store().notes(&record.id)?;
        Ok(notes.into_iter().rev().find(|note| note.at >= midnight))
    }

    fn said(&self, note: &Note) -> String {
        let outcome = note.outcome.map(|outcome| match self.language() {
            Language::Vi => outcome.vietnamese(),
            Language::En => outcome.english(),
        });
        let text = Some(note.text.as_str()).filter(|text| !text.is_empty());
        let parts: Vec<&str> = [outcome, text].into_iter().flatten().collect();
        parts.join(": ")
    }

    fn hour(&self, at: Timestamp) -> String {
        let zone = self.roster.config().calendar.zone.clone();
        at.to_zoned(zone).strftime("%H:%M").to_string()
    }

    /// By what somebody knows that there may be something else to do: the last thing that happened, and the day.
    ///
    /// # Errors
    /// The disk.
    pub fn to_do_mark(&self, now: Timestamp) -> Answer<(Vec<u8>, jiff::civil::Date)> {
        use crate::store::keys::prefix;
        let store = self.roster.store();
        let last = store
            .newest::<Value>(prefix::JOURNAL, 1)
            .next()
            .transpose()?;
        let key = last.map(|(key, _)| key).unwrap_or_default();
        Ok((key, self.today(now)))
    }
}
