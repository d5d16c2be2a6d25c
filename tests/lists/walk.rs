//! The lists of somebody, told by reading every row.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::civil::{Date, Time};
use jiff::{Timestamp, ToSpan as _};
use serde_json::Value as Json;
use sheetbridge::commands::{
    Contact, CustomerLine, Customers, Day, Right, Scope, StageList, ToContact, Totals, Who, may,
};
use sheetbridge::core::decide::owner_names;
use sheetbridge::core::facts::digest::Due;
use sheetbridge::core::record::{Kind, Record};
use sheetbridge::core::rule::{Rule, Trigger};
use sheetbridge::roster::Roster;
use sheetbridge::store::order::Order;

/// A row as one reads it.
#[derive(Clone)]
pub(crate) struct Read {
    pub(crate) record: Record,
    facts: Json,
}

/// The lists of somebody, told by reading every row.
pub(crate) struct Walk<'c> {
    pub(crate) roster: &'c Roster,
    pub(crate) who: &'c Who,
    pub(crate) now: Timestamp,
    pub(crate) all: &'c [Read],
}

/// Every row there is.
pub(crate) fn read(roster: &Roster, now: Timestamp) -> Vec<Read> {
    let store = roster.store();
    let mut found = Vec::new();
    for book in &roster.config().workbooks {
        for tab in roster.tabs(&book.id).unwrap() {
            let order = store.order(&book.id, tab.sheet).unwrap();
            for place in order.into_iter().flat_map(Order::into_places) {
                let mut record = store.record(&place.id()).unwrap().unwrap();
                assert_eq!(tab.kind, Some(record.kind));
                record.place.row = place.row;
                let facts = roster.facts(&record, &Json::Null, now).unwrap();
                found.push(Read { record, facts });
            }
        }
    }
    found
}

impl Walk<'_> {
    fn rows(&self, kind: Kind) -> Vec<Read> {
        let all = self.all.iter();
        all.filter(|read| read.record.kind == kind)
            .cloned()
            .collect()
    }

    /// Whether they see what these people are in charge of.
    fn sees(&self, owners: &[String], given: Option<&str>, right: Right) -> bool {
        let Who::Colleague { name, .. } = self.who else {
            return true;
        };
        let directory = self.roster.directory().unwrap();
        let team = directory.find(name).unwrap().team.clone();
        let of_mine = |person: &str| match may(self.who, right) {
            Scope::All => true,
            Scope::Own => person == name,
            Scope::Team => person == name || directory.find(person).unwrap().team == team,
            Scope::Nothing => false,
        };
        let owners = directory.owners(owners);
        may(self.who, right) == Scope::All
            || owners.iter().any(|person| of_mine(&person.name))
            || given.is_some_and(of_mine)
    }

    fn customers(&self, right: Right) -> Vec<Read> {
        let mut all = self.rows(Kind::Customer);
        all.retain(|read| {
            let owners = owner_names(&read.facts);
            let given = self.roster.store().given(&read.record.id).unwrap();
            let given = given.filter(|_| owners.is_empty()).map(|given| given.to);
            self.sees(&owners, given.as_deref(), right)
        });
        all
    }

    fn days(&self, read: &Read) -> i64 {
        let calendar = &self.roster.config().calendar;
        let span = calendar
            .date(read.record.active_at)
            .until(calendar.date(self.now));
        i64::from(span.unwrap().get_days()).max(0)
    }

    fn longest_first(&self, rows: &mut [Read]) {
        rows.sort_by_key(|read| {
            (
                Reverse(self.days(read)),
                name(&read.facts),
                read.record.id.clone(),
            )
        });
    }

    fn holds(rule: &Rule, facts: &Json) -> bool {
        rule.when
            .as_ref()
            .is_none_or(|when| when.holds(facts).unwrap_or(true))
    }

    fn waits(&self, read: &Read) -> bool {
        let config = self.roster.config();
        config.rules.iter().any(|rule| match &rule.on {
            Trigger::Idle { stage, after, .. } => {
                read.record.stage.as_ref() == Some(stage)
                    && config.calendar.add_working(read.record.active_at, *after) <= self.now
                    && Self::holds(rule, &read.facts)
            }
            _ => false,
        })
    }

    pub(crate) fn totals(&self) -> Totals {
        let mut counts: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        let rows = self.customers(Right::Totals);
        for read in &rows {
            *counts.entry(read.record.stage.as_deref()).or_default() += 1;
        }
        let config = self.roster.config();
        let mut stages: Vec<(String, usize)> = Vec::new();
        for stage in &config.stages {
            stages.push((
                stage.label.clone(),
                counts.remove(&Some(stage.id.as_str())).unwrap_or(0),
            ));
        }
        if let Some(count) = counts.remove(&None) {
            stages.push((String::new(), count));
        }
        assert!(counts.is_empty());
        Totals {
            total: rows.len(),
            stages,
        }
    }

    pub(crate) fn mine(&self) -> Customers {
        let mut rows = self.customers(Right::Customers);
        self.longest_first(&mut rows);
        let config = self.roster.config();
        let ids = config
            .stages
            .iter()
            .map(|stage| (Some(stage.id.as_str()), Some(stage.label.clone())));
        let stages = ids.chain([(None, None)]).filter_map(|(id, label)| {
            let of_stage: Vec<&Read> = rows
                .iter()
                .filter(|read| read.record.stage.as_deref() == id)
                .collect();
            let first = of_stage.iter().take(15).map(|read| CustomerLine {
                name: name(&read.facts),
                days: self.days(read),
                url: text(&read.facts["sheet_url"]),
            });
            let list = StageList {
                stage: label,
                count: of_stage.len(),
                customers: first.collect(),
            };
            (list.count > 0).then_some(list)
        });
        Customers {
            total: rows.len(),
            stages: stages.collect(),
        }
    }

    pub(crate) fn to_contact(&self, page: usize) -> ToContact {
        let mut rows = self.customers(Right::Customers);
        rows.retain(|read| self.waits(read));
        self.longest_first(&mut rows);
        let pages = rows.len().div_ceil(12).max(1);
        let page = page.clamp(1, pages);
        let directory = self.roster.directory().unwrap();
        let contacts = rows
            .iter()
            .skip((page - 1) * 12)
            .take(12)
            .map(|read| Contact {
                name: name(&read.facts),
                stage: text(&read.facts["stage_label"]),
                days: self.days(read),
                owner: directory
                    .owners(&owner_names(&read.facts))
                    .first()
                    .map(|person| person.name.clone()),
                phone: text(&read.facts["phone"]),
                url: text(&read.facts["sheet_url"]),
            });
        ToContact {
            total: rows.len(),
            page,
            pages,
            contacts: contacts.collect(),
            own: may(self.who, Right::Customers) == Scope::Own,
        }
    }

    pub(crate) fn day(&self) -> Day {
        let calendar = &self.roster.config().calendar;
        let today = calendar.date(self.now);
        let rows = self.customers(Right::Customers);
        let mut due: Vec<Due> = rows
            .iter()
            .flat_map(|read| self.dates(read, today))
            .collect();
        for read in self.rows(Kind::Appointment) {
            let at =
                text(&read.facts["appointment"]).filter(|at| at.starts_with(&today.to_string()));
            let owners = owner_names(&read.facts);
            let called_off = read
                .record
                .seen
                .get("state")
                .is_some_and(|state| state.shown().contains("huỷ"));
            if let Some(at) = at
                && !called_off
                && self.sees(&owners, None, Right::Customers)
            {
                due.push(Due {
                    at,
                    what: "Ngày giờ".to_owned(),
                    name: name(&read.facts),
                    owner: owners.first().cloned(),
                    url: text(&read.facts["sheet_url"]),
                    record: Some(read.record.id.to_string()),
                });
            }
        }
        due.extend(self.promises(today));
        due.sort_by_key(|due| (due.at.clone(), due.name.clone(), due.record.clone()));
        let due_count = due.len();
        due.truncate(25);
        Day {
            date: today.to_string(),
            due,
            due_count,
            waiting: rows.iter().filter(|read| self.waits(read)).count(),
            own: may(self.who, Right::Customers) == Scope::Own,
        }
    }

    fn dates(&self, read: &Read, today: Date) -> Vec<Due> {
        let facts = &read.facts;
        let rule = |id: &str| {
            let rules = &self.roster.config().rules;
            let rule = rules.iter().find(|rule| rule.id == id).unwrap();
            Self::holds(rule, facts)
        };
        let date = |field: &str| text(&facts[field]);
        let is_today = |date: &String| date.starts_with(&today.to_string());
        let due = |at: String, what: &str| Due {
            at,
            what: what.to_owned(),
            name: name(facts),
            owner: text(&facts["owner"]),
            url: text(&facts["sheet_url"]),
            record: Some(read.record.id.to_string()),
        };
        let appointment = date("appointment").filter(is_today);
        let received = date("received").filter(|at| is_today(at) && rule("received"));
        let birthday = date("birthday")
            .filter(|date| date.get(5..10) == today.to_string().get(5..10) && rule("birthday"));
        [
            appointment.map(|at| due(at, "Ngày hẹn")),
            received.map(|at| due(at, "Ngày tiếp nhận")),
            birthday.map(|_| due(today.to_string(), "Ngày sinh")),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn promises(&self, today: Date) -> Vec<Due> {
        let calendar = &self.roster.config().calendar;
        let midnight = |date| calendar.at_local(date, Time::midnight());
        let (from, to) = (midnight(today), midnight(today.saturating_add(1.day())));
        let notes = self.roster.store().promises(from, to).unwrap();
        let seen = notes.into_iter().filter_map(|note| {
            let record = self.roster.store().record(&note.record).unwrap()?;
            let facts = self.roster.facts(&record, &Json::Null, self.now).unwrap();
            let standing = self.roster.stand_ins().unwrap();
            let by = standing
                .instead(&record.id, &note.by)
                .unwrap_or(&note.by)
                .to_owned();
            let own = matches!(self.who, Who::Colleague { name, .. } if *name == by);
            let sees = own || self.sees(&owner_names(&facts), None, Right::Customers);
            let promise = note.promise.filter(|_| record.gone.is_none() && sees)?;
            assert!(promise.timed);
            let what = match note.text.as_str() {
                "" => "gọi lại".to_owned(),
                text => format!("gọi lại: {text}"),
            };
            Some(Due {
                at: promise.at.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
                what,
                name: name(&facts),
                owner: Some(by),
                url: text(&facts["sheet_url"]),
                record: Some(record.id.to_string()),
            })
        });
        seen.collect()
    }
}

fn text(value: &Json) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn name(facts: &Json) -> String {
    let known = [&facts["name"]["full"], &facts["phone"], &facts["email"]];
    known
        .into_iter()
        .find_map(text)
        .unwrap_or_else(|| "?".to_owned())
}
