//! What the rows of one person tell of whose customer they are, for deciding and for people.

use jiff::Timestamp;

use super::{Roster, sheet_url};
use crate::config::Language;
use crate::core::claim::{Claim, Keep, Standing, first, sides};
use crate::core::delivery::{By, State};
use crate::core::facts::local_text;
use crate::core::facts::message::{ClaimFacts, ClaimRow, ClaimSide, EarlierFacts};
use crate::core::facts::national_phone;
use crate::core::message::{Message, MessageKey};
use crate::core::people::{Colleague, Role};
use crate::core::record::Record;
use crate::core::sheet::{Typed, Value};
use crate::store::notes::Note;
use crate::store::{Group, StoreError, keys, ledger};

/// Stands where a rule's id would in the keys of questions.
const QUESTION: &str = "claim";

impl Roster {
    /// Each row as it bears on whose customer the person is.
    ///
    /// # Errors
    /// The disk.
    pub fn standings(&self, records: &[Record]) -> Result<Vec<Standing>, StoreError> {
        let directory = self.directory()?;
        let mut found = Vec::new();
        for record in records.iter().filter(|record| record.gone.is_none()) {
            let typed = self.claim_cells(record)?;
            let names = self.owners_in(&record.id, &typed)?;
            let owners = directory.owners(&names);
            let stage = record.stage.as_deref();
            let lost = self
                .config
                .stages
                .iter()
                .any(|one| one.lost && Some(one.id.as_str()) == stage);
            found.push(Standing {
                record: record.id.clone(),
                owners: owners
                    .into_iter()
                    .map(|person| person.name.clone())
                    .collect(),
                seen: record.first_seen,
                baseline: record.baseline,
                received: super::day(&typed, "received"),
                lost,
            });
        }
        Ok(found)
    }

    fn claim_cells(&self, record: &Record) -> Result<Typed, StoreError> {
        self.typed_of(record.kind, &record.place.workbook, &record.seen, |id| {
            matches!(id, "owner" | "received" | "name")
        })
    }

    /// A claim as managers read it, over the rows that are there.
    ///
    /// # Errors
    /// The disk.
    pub fn claim_facts(&self, claim: &Claim, records: &[Record]) -> Result<ClaimFacts, StoreError> {
        let standings = self.standings(records)?;
        let sides = sides(&standings);
        let first = first(&sides, &standings);
        let names = |place: usize| sides.get(place).map(|side| side.owners.join(" + "));
        let mut facts = ClaimFacts {
            id: claim.id.clone(),
            question: format!("{}#{}", claim.id, claim.round),
            name: self.name_of_person(records)?,
            contact: self.shared_contact(records)?,
            first_seen: first.by_sight.and_then(names),
            first_received: first.by_cell.and_then(names),
            ..ClaimFacts::default()
        };
        for side in &sides {
            let mut rows = Vec::new();
            for id in &side.records {
                let record = records.iter().find(|record| record.id == *id);
                let standing = standings.iter().find(|one| one.record == *id);
                if let Some((record, standing)) = record.zip(standing) {
                    rows.push(self.claim_row(record, standing)?);
                }
            }
            facts.sides.push(ClaimSide {
                names: side.owners.join(" + "),
                rows,
            });
        }
        if let Some(verdict) = &claim.verdict {
            facts.together = verdict.keep == Keep::Together;
            facts.kept = Some(match &verdict.keep {
                Keep::For(names) => names.join(" + "),
                Keep::Together => claim.owners.iter().cloned().collect::<Vec<_>>().join(" + "),
            });
            facts.by = Some(verdict.by.clone());
            facts.decided = Some(self.local(verdict.at));
        }
        Ok(facts)
    }

    fn claim_row(&self, record: &Record, standing: &Standing) -> Result<ClaimRow, StoreError> {
        let place = &record.place;
        let row = self.row_of(record)?.unwrap_or(place.row);
        let known = self.memory.tab(&self.store, &place.workbook, place.sheet)?;
        let notes = self.store.notes(&record.id)?;
        let stage = record.stage.as_ref();
        Ok(ClaimRow {
            tab: known
                .map(|known| known.meta.title.clone())
                .unwrap_or_default(),
            row,
            url: sheet_url(&place.workbook, place.sheet, row),
            seen: self.local(standing.seen),
            baseline: standing.baseline,
            received: standing.received.map(|date| date.to_string()),
            stage: stage.map(|id| self.stage_labels.get(id).unwrap_or(id).clone()),
            notes: notes.len(),
            last: notes.last().map(|note| self.said(note)),
            last_at: notes.last().map(|note| self.local(note.at)),
        })
    }

    /// Who said what came of it; in their own words only if nothing else tells.
    fn said(&self, note: &Note) -> String {
        let said = match (note.outcome, self.config.language) {
            (Some(outcome), Language::Vi) => outcome.vietnamese().to_owned(),
            (Some(outcome), Language::En) => outcome.english().to_owned(),
            (None, _) => note.text.chars().take(80).collect(),
        };
        format!("{}: {said}", note.by)
    }

    fn name_of_person(&self, records: &[Record]) -> Result<Option<String>, StoreError> {
        let mut longest: Option<String> = None;
        for record in records {
            let typed = self.claim_cells(record)?;
            let Some(Value::Name(name)) = typed.values.get("name") else {
                continue;
            };
            let full = name.full.known().map(str::to_owned);
            let longer = |full: &String| longest.as_ref().is_none_or(|one| one.len() < full.len());
            longest = full.filter(longer).or(longest);
        }
        Ok(longest)
    }

    /// The contact that the rows have in common: a number before an address.
    fn shared_contact(&self, records: &[Record]) -> Result<Option<String>, StoreError> {
        let mut counts = std::collections::BTreeMap::new();
        for record in records {
            for contact in self.face(record)?.contacts {
                *counts.entry(contact).or_insert(0_usize) += 1;
            }
        }
        let best = counts
            .into_iter()
            .max_by_key(|(contact, count)| (*count, contact.starts_with('+')));
        Ok(best.map(|(contact, _)| match contact.starts_with('+') {
            true => national_phone(&contact),
            false => contact,
        }))
    }

    /// The managers need not answer a question any more: what still waits of it does not go. Returns the messages
    /// in which it stands already.
    ///
    /// # Errors
    /// The disk.
    pub fn withdraw_question(
        &self,
        group: &mut Group,
        claim: &Claim,
        round: u32,
        why: &str,
    ) -> Result<Vec<Message>, StoreError> {
        let occasion = format!("{}#{round}", claim.id);
        let key = |role: &str| MessageKey::new(QUESTION, 1, None, role, &occasion);
        self.withdraw(group, key, why)
    }

    /// The same of any question to the managers; `key` makes the key of a message of its role.
    ///
    /// # Errors
    /// The disk.
    pub fn withdraw(
        &self,
        group: &mut Group,
        key: impl Fn(&str) -> MessageKey,
        why: &str,
    ) -> Result<Vec<Message>, StoreError> {
        let directory = self.directory()?;
        let roles = directory
            .managers()
            .map(|person| format!("managers:{}", person.name))
            .chain(["managers".to_owned(), "alerts".to_owned()]);
        let mut told = Vec::new();
        for role in roles {
            let question = self.store.get::<Message>(&keys::message(&key(&role)))?;
            let Some(mut question) = question else {
                continue;
            };
            match question.state {
                State::Queued => {
                    let to = State::Cancelled;
                    let shifted = ledger::shift(group, &mut question, to, By::Policy, why, None);
                    debug_assert!(shifted.is_ok(), "what is queued can be cancelled");
                }
                State::InFlight | State::Delivered | State::InDoubt => told.push(question),
                State::Rejected | State::Cancelled | State::Expired | State::Dead => {}
            }
        }
        Ok(told)
    }

    fn local(&self, at: Timestamp) -> String {
        local_text(at.to_zoned(self.config.calendar.zone.clone()).datetime())
    }

    /// What is known of the person from before a record, as `reader` may know it; none if they are new. `itself`: the
    /// record had been gone, and was there before.
    ///
    /// # Errors
    /// The disk.
    pub fn earlier(
        &self,
        record: &Record,
        itself: bool,
        reader: Option<&Colleague>,
    ) -> Result<Option<EarlierFacts>, StoreError> {
        let others = self.others_of_person(record, |id| self.store.record(id))?;
        let mut before: Vec<Record> = others
            .into_iter()
            // A row of the first look was there before.
            .filter(|other| {
                let began = |one: &Record| (one.first_seen, !one.baseline);
                began(other) < began(record)
            })
            .collect();
        before.extend(itself.then(|| record.clone()));
        before.sort_by_key(|one| one.first_seen);
        let Some(newest) = before.last() else {
            return Ok(None);
        };
        let directory = self.directory()?;
        let manager = reader.is_some_and(|reader| reader.role == Role::Manager);
        let mut facts = EarlierFacts {
            count: before.len(),
            stage: newest
                .stage
                .as_ref()
                .map(|id| self.stage_labels.get(id).unwrap_or(id).clone()),
            ..EarlierFacts::default()
        };
        let mut since = None;
        for one in &before {
            let typed = self.claim_cells(one)?;
            let seen = self.config.calendar.date(one.first_seen);
            let told = super::day(&typed, "received").filter(|date| *date <= seen);
            let began = (told.unwrap_or(seen), told.is_none() && one.baseline);
            since = Some(since.map_or(began, |least: (jiff::civil::Date, bool)| least.min(began)));
            let names = self.owners_in(&one.id, &typed)?;
            let owners = directory.owners(&names);
            let own = reader.is_some_and(|reader| owners.iter().any(|one| one.name == reader.name));
            facts.own |= own;
            if (own || manager) && one.gone.is_none() {
                let row = self.row_of(one)?.unwrap_or(one.place.row);
                facts.url = Some(sheet_url(&one.place.workbook, one.place.sheet, row));
            }
            for person in owners.iter().filter(|_| manager) {
                if !facts.owners.contains(&person.name) {
                    facts.owners.push(person.name.clone());
                }
            }
        }
        if let Some((date, or_before)) = since {
            facts.since = date.to_string();
            (facts.month, facts.year) = (date.month(), date.year());
            facts.or_before = or_before;
        }
        Ok(Some(facts))
    }
}
