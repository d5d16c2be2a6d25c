//! A leaver's customers, reminders and promises go to others: first what there is and how it could be split, then the
//! decision, which stands beside the sheet until its cells name somebody else.

mod found;
mod list;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::customers::text;
use super::invite::no_such_person;
use super::{Answer, CommandError, Desk, ErrorKind, Right, Who};
use crate::core::decide::{notice, timers_for};
use crate::core::facts::message::{HandoverFacts, HandoverShare};
use crate::core::handover::{Deal, Handover, Shares};
use crate::core::people::{Colleague, Directory, Role};
use crate::core::record::{Kind, Record};
use crate::core::sheet::fold::fold;
use crate::core::sheet::{Typed, Value};
use crate::store::handover::share_key;
use crate::store::{Group, ledger};

use found::{Found, Row, counted, customers, divided, nearest, phones, takers};
pub use list::handover_csv;

/// Stands in the place of a rule's id in the keys of the notices, and is their template.
const NOTICE: &str = "handover";

/// What somebody has to hand over, and how it could be split.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoverPlan {
    /// Who leaves.
    pub from: String,
    /// How many customers name them.
    pub customers: usize,
    /// Label and count by stage, in the configured order; an empty label: no stage that could be read.
    pub stages: Vec<(String, usize)>,
    /// Reminders and dates to come of those customers.
    pub reminders: usize,
    /// What they have promised to customers and is still to be kept.
    pub promises: usize,
    /// The split that is proposed, or that was decided.
    pub shares: Vec<HandoverShare>,
    /// Who could take all of it.
    pub others: Vec<String>,
    /// Who decided it and when, if it was handed over before.
    pub standing: Option<(String, String)>,
}

/// A handover that took effect, or was taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// What takes it back.
    pub id: String,
    /// Who leaves.
    pub from: String,
    /// How many customers.
    pub customers: usize,
    /// To whom.
    pub shares: Vec<HandoverShare>,
    /// Whether it was taken back.
    pub undone: bool,
}

/// What is asked of a handover.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandoverHow {
    /// Only what there is, and the split: a [`HandoverPlan`].
    #[default]
    Look,
    /// It takes effect: a [`HandedOver`].
    Do,
    /// It is taken back: a [`HandedOver`].
    Undo,
}

impl Desk {
    /// Answers the request of the command line.
    pub(super) fn handover(
        &self,
        from: &str,
        to: Option<&str>,
        how: &HandoverHow,
        who: &Who,
        now: Timestamp,
    ) -> Answer<Json> {
        match how {
            HandoverHow::Look => super::json(&self.handover_plan(from, to, who, now)?),
            HandoverHow::Do => super::json(&self.hand_over(from, to, None, who, now)?),
            HandoverHow::Undo => super::json(&self.take_handover_back(from, who, now)?),
        }
    }

    /// What somebody has to hand over, to one colleague or split among those of their team.
    ///
    /// # Errors
    /// The role, no such person, nobody to take over, the disk.
    pub fn handover_plan(
        &self,
        from: &str,
        to: Option<&str>,
        who: &Who,
        now: Timestamp,
    ) -> Answer<HandoverPlan> {
        self.must_all(who, Right::People)?;
        let directory = self.roster.directory()?;
        if let Some(standing) = self.standing_handover(from, &directory)? {
            return Ok(HandoverPlan {
                from: standing.from.clone(),
                customers: standing.customers,
                shares: self.shares_of(&standing, &self.roster.store().shares(&standing.id)?)?,
                standing: Some((standing.by.clone(), self.local(standing.at))),
                ..HandoverPlan::default()
            });
        }
        let found = self.to_hand_over(from, &directory)?;
        let shares = divided(&found, to, &directory)?;
        let (reminders, promises) = self.still_to_come(&found, now)?;
        let labels = &self.roster.config().stages;
        let mut stages: Vec<(String, usize)> = labels
            .iter()
            .map(|stage| (stage.label.clone(), 0))
            .collect();
        stages.push((String::new(), 0));
        for row in found.rows.iter().filter(|row| row.customer) {
            let at = labels
                .iter()
                .position(|stage| row.record.stage.as_ref() == Some(&stage.id));
            stages[at.unwrap_or(labels.len())].1 += 1;
        }
        stages.retain(|(_, count)| *count > 0);
        Ok(HandoverPlan {
            customers: customers(&found),
            stages,
            reminders,
            promises,
            shares: counted(&found, &shares),
            others: found.takers.iter().map(|one| one.name.clone()).collect(),
            from: found.from,
            standing: None,
        })
    }

    /// Hands over: from now on the others are in charge. `shown` is the split that was shown, as a button keeps it; another one than that does not take effect.
    ///
    /// # Errors
    /// The role, no such person, nothing or nobody to hand over to, it was handed over already, it is another split by
    /// now, the disk.
    pub fn hand_over(
        &self,
        from: &str,
        to: Option<&str>,
        shown: Option<&str>,
        who: &Who,
        now: Timestamp,
    ) -> Answer<HandedOver> {
        self.must_all(who, Right::People)?;
        let store = self.roster.store();
        let _alone = store.alone();
        let directory = self.roster.directory()?;
        if let Some(standing) = self.standing_handover(from, &directory)? {
            return Err(handed_over_already(&standing, &self.local(standing.at)));
        }
        let found = self.to_hand_over(from, &directory)?;
        let shares = divided(&found, to, &directory)?;
        let counts = counted(&found, &shares);
        if shown.is_some_and(|shown| shown != split_shown(&counts)) {
            return Err(CommandError::new(
                ErrorKind::TooLate,
                "the split is another one by now: look at it again",
                "Danh sách khách vừa thay đổi, vui lòng xem lại bằng /bangiao.",
            ));
        }
        if found.rows.is_empty() {
            return Err(CommandError::new(
                ErrorKind::NotFound,
                format!(
                    "no row names \"{}\": there is nothing to hand over",
                    found.from
                ),
                format!(
                    "Không có khách nào ghi tên {}, không cần bàn giao.",
                    found.from
                ),
            ));
        }
        let handover = self.as_decided(&found, &shares, &directory, who, now);
        let mut groups = Vec::new();
        for (record, to) in &shares {
            let mut group = Group::default();
            group.put(share_key(&handover.id, record), to);
            let did = format!("handed over from {} to {to}", found.from);
            self.note_hand(&mut group, now, Some(record), who, &did);
            groups.push(group);
        }
        let mut last = Group::default();
        let done = HandedOver {
            id: handover.id.clone(),
            from: found.from.clone(),
            customers: handover.customers,
            shares: counts,
            undone: false,
        };
        self.tell_of_handover(&mut last, &done, &directory, who, now)?;
        store.put_handover(&mut last, &handover)?;
        groups.push(last);
        store.commit(groups)?;
        Ok(done)
    }

    /// Takes a handover back: the sheet's own word counts again.
    ///
    /// # Errors
    /// The role, nothing was handed over, the disk.
    pub fn take_handover_back(&self, from: &str, who: &Who, now: Timestamp) -> Answer<HandedOver> {
        self.must_all(who, Right::People)?;
        let store = self.roster.store();
        let _alone = store.alone();
        let directory = self.roster.directory()?;
        let Some(standing) = self.standing_handover(from, &directory)? else {
            return Err(CommandError::new(
                ErrorKind::TooLate,
                format!("nothing of \"{from}\" was handed over, or it was taken back already"),
                format!("Khách của {from} chưa được bàn giao, hoặc đã thu hồi rồi."),
            ));
        };
        let shares = store.shares(&standing.id)?;
        let done = HandedOver {
            id: standing.id.clone(),
            from: standing.from.clone(),
            customers: standing.customers,
            shares: self.shares_of(&standing, &shares)?,
            undone: true,
        };
        let mut groups = store.forget_handover(&standing.id)?;
        let mut first = Group::default();
        self.tell_of_handover(&mut first, &done, &directory, who, now)?;
        for record in shares.keys() {
            let mut group = Group::default();
            let did = format!("took the handover from {} back", standing.from);
            self.note_hand(&mut group, now, Some(record), who, &did);
            groups.push(group);
        }
        groups.push(first);
        store.commit(groups)?;
        Ok(done)
    }

    /// The subject of a button that hands over: whose, to whom all of it (or nothing), and the split as it was shown.
    pub fn handover_subject(from: &str, to: Option<&str>, shares: &[HandoverShare]) -> String {
        format!(
            "{from}\n{}\n{}",
            to.unwrap_or_default(),
            split_shown(shares)
        )
    }

    pub(super) fn handover_pressed(
        &self,
        subject: &str,
        who: &Who,
        now: Timestamp,
    ) -> Answer<HandedOver> {
        let mut parts = subject.splitn(3, '\n');
        let mut part = || parts.next().unwrap_or_default();
        let (from, to, shown) = (part(), part(), part());
        let to = Some(to).filter(|to| !to.is_empty());
        // To one colleague it is all that there is, however many.
        let shown = Some(shown).filter(|_| to.is_none());
        self.hand_over(from, to, shown, who, now)
    }

    fn standing_handover(&self, from: &str, directory: &Directory) -> Answer<Option<Handover>> {
        let standing = self.roster.stand_ins()?;
        let found = standing
            .of(from)
            .or_else(|| standing.of(&nearest(from, directory)?.name));
        Ok(found.cloned())
    }

    /// The rows that name somebody, and who could take them.
    fn to_hand_over(&self, from: &str, directory: &Directory) -> Answer<Found> {
        let person = nearest(from, directory);
        let (mut from, names) = match person {
            Some(person) => (person.name.clone(), person.aliases.clone()),
            // Somebody who is in the staff list no longer, and still in the sheet.
            None => (from.trim().to_owned(), Vec::new()),
        };
        let known: BTreeSet<String> = names.iter().chain([&from]).map(|name| fold(name)).collect();
        let mut takers = takers(&from, person, directory, &self.roster)?;
        let mut rows = Vec::new();
        for kind in [Kind::Customer, Kind::Appointment] {
            self.each(kind, None, |_, record, typed| {
                let owners = self.roster.owners_in(&record.id, typed)?;
                let deal = self.deal(record, typed);
                let written = owners.iter().find(|name| known.contains(&fold(name)));
                if let Some(written) = written {
                    if person.is_none() {
                        from.clone_from(written);
                    }
                    let others = owners.iter().filter(|name| !known.contains(&fold(name)));
                    let others = others.filter_map(|name| directory.find(name));
                    rows.push(Row {
                        record: record.clone(),
                        deal: Deal {
                            beside: others.map(|one| one.name.clone()).collect(),
                            ..deal
                        },
                        customer: kind == Kind::Customer,
                        phones: phones(typed),
                    });
                } else if kind == Kind::Customer {
                    let owner = directory
                        .owners(&owners)
                        .first()
                        .map(|one| one.name.clone());
                    let taker = takers
                        .iter_mut()
                        .find(|one| Some(&one.name) == owner.as_ref());
                    if let Some(taker) = taker {
                        *(if deal.open {
                            &mut taker.open
                        } else {
                            &mut taker.closed
                        }) += 1;
                        *taker.areas.entry(deal.area).or_default() += 1;
                    }
                }
                Ok(())
            })?;
        }
        if person.is_none() && rows.is_empty() {
            return Err(no_such_person(&from, directory));
        }
        Ok(Found {
            from,
            names,
            rows,
            takers,
        })
    }

    fn deal(&self, record: &Record, typed: &Typed) -> Deal {
        let stages = &self.roster.config().stages;
        let stage = stages
            .iter()
            .find(|one| record.stage.as_ref() == Some(&one.id));
        let area = ["area", "interest"]
            .iter()
            .find_map(|field| match typed.values.get(*field) {
                Some(Value::Text(area)) => Some(fold(area)),
                _ => None,
            });
        Deal {
            record: record.id.clone(),
            area: area.unwrap_or_default(),
            open: stage.is_none_or(|stage| !stage.won && !stage.lost),
            beside: Vec::new(),
        }
    }

    /// Reminders and dates that are still to come, and promises of the leaver's.
    fn still_to_come(&self, found: &Found, now: Timestamp) -> Answer<(usize, usize)> {
        let deciding = self.roster.deciding()?;
        let (mut reminders, mut promises) = (0, 0);
        for row in &found.rows {
            let record = &row.record;
            let facts = self.roster.facts(record, &Json::Null, now)?;
            let place = Some((record.place.workbook.as_str(), record.place.sheet));
            let cx = deciding.context(&self.roster, place, now);
            reminders += timers_for(&cx, record, &facts)
                .iter()
                .filter(|timer| timer.due > now)
                .count();
            let notes = self.roster.store().notes(&record.id)?;
            promises += notes
                .iter()
                .filter(|note| note.by == found.from)
                .filter_map(|note| note.promise)
                .filter(|promise| self.instant(*promise) > now)
                .count();
        }
        Ok((reminders, promises))
    }

    fn as_decided(
        &self,
        found: &Found,
        shares: &Shares,
        directory: &Directory,
        who: &Who,
        now: Timestamp,
    ) -> Handover {
        let taking: BTreeSet<&String> = shares.values().collect();
        let to = directory.all().iter().map(|one| &one.name);
        Handover {
            id: format!(
                "{}-{}",
                fold(&found.from).replace(' ', "-"),
                now.as_millisecond()
            ),
            from: found.from.clone(),
            names: found.names.clone(),
            to: to.filter(|name| taking.contains(name)).cloned().collect(),
            at: now,
            by: who.name().to_owned(),
            customers: customers(found),
        }
    }

    /// How many customers each has by a handover.
    fn shares_of(&self, handover: &Handover, shares: &Shares) -> Answer<Vec<HandoverShare>> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (record, to) in shares {
            let kept = self.roster.store().record(record)?;
            if kept.is_none_or(|record| record.kind == Kind::Customer) {
                *counts.entry(to).or_default() += 1;
            }
        }
        let share = |name: &String| HandoverShare {
            to: name.clone(),
            customers: counts.get(name.as_str()).copied().unwrap_or(0),
        };
        Ok(handover.to.iter().map(share).collect())
    }

    /// The managers get the list, those who take over how many they have, the leaver that it is done.
    fn tell_of_handover(
        &self,
        group: &mut Group,
        done: &HandedOver,
        directory: &Directory,
        who: &Who,
        now: Timestamp,
    ) -> Answer<()> {
        let facts = HandoverFacts {
            id: done.id.clone(),
            from: done.from.clone(),
            by: who.name().to_owned(),
            customers: done.customers,
            shares: done.shares.clone(),
            undone: done.undone,
            to: None,
            own: false,
        };
        let occasion = format!("{} {}", done.id, if done.undone { "back" } else { "done" });
        let extra = |facts: &HandoverFacts| json!({ "handover": facts });
        let mut messages =
            notice::to_managers(directory, NOTICE, NOTICE, &occasion, &extra(&facts), now);
        let one = |person: &Colleague, facts: &HandoverFacts| {
            notice::to_colleague(person, NOTICE, NOTICE, &occasion, &extra(facts), now)
        };
        for share in &done.shares {
            if let Some(person) = directory.find(&share.to)
                && person.role != Role::Manager
            {
                let facts = HandoverFacts {
                    to: Some(share.clone()),
                    ..facts.clone()
                };
                messages.push(one(person, &facts));
            }
        }
        if let Some(person) = directory.find(&done.from)
            && person.role != Role::Manager
        {
            let facts = HandoverFacts {
                own: true,
                ..facts.clone()
            };
            let mut message = one(person, &facts);
            message.otherwise = Vec::new();
            messages.push(message);
        }
        for message in messages {
            ledger::queue(self.roster.store(), group, &message)?;
        }
        Ok(())
    }
}

/// The split that was shown, in a form in which two can be compared.
fn split_shown(shares: &[HandoverShare]) -> String {
    let parts: Vec<String> = shares
        .iter()
        .map(|share| format!("{}={}", share.to, share.customers))
        .collect();
    parts.join("|")
}

fn handed_over_already(standing: &Handover, at: &str) -> CommandError {
    let (from, by, to) = (&standing.from, &standing.by, standing.to.join(", "));
    let hour = at.get(11..16).unwrap_or_default();
    let day = format!(
        "{}/{}",
        at.get(8..10).unwrap_or_default(),
        at.get(5..7).unwrap_or_default()
    );
    CommandError::new(
        ErrorKind::TooLate,
        format!(
            "{by} has handed over from {from} to {to} at {at}: take it back first with `sheetbridge handover \"{from}\" --undo`"
        ),
        format!(
            "{by} đã bàn giao khách của {from} cho {to} lúc {hour} {day}. Muốn chia lại, vui lòng thu hồi trước."
        ),
    )
}

/// Who is in charge in whose place, for the story of a record: `Minh Tuấn for Lan Anh (handed over by Hà Phạm on …)`.
pub(super) fn stands_in(desk: &Desk, facts: &Json, record: &Record) -> Answer<Option<String>> {
    let standing = desk.roster.stand_ins()?;
    let typed = desk
        .roster
        .typed(record.kind, &record.place.workbook, &record.seen)?;
    let Some(Value::Owner(names)) = typed.values.get("owner") else {
        return Ok(None);
    };
    let found = names.iter().find_map(|name| {
        let to = standing.instead(&record.id, name)?;
        Some((standing.of(name)?, to))
    });
    Ok(found
        .filter(|_| text(&facts["owner"]).is_some())
        .map(|(handover, to)| {
            format!(
                "{to} stands in for {}, as {} decided at {}, until the cell names somebody else",
                handover.from,
                handover.by,
                desk.local(handover.at)
            )
        }))
}
