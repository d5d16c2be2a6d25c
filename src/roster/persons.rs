//! Which rows are one person's. An index by contact is made at the first question and kept in memory, so that half a
//! million rows are walked once and not at each poll; it says who might be meant, the records say who is.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::names::{Clue, Halves, Names, line};
use super::{Glance, Roster};
use crate::core::claim::Face;
use crate::core::record::{Kind, Record, RecordId};
use crate::core::sheet::fold::fold;
use crate::core::sheet::{FieldKind, FieldSpec, Typed, Value};
use crate::store::StoreError;
use crate::store::watch::Written;

/// Of more rows than these nobody is one person: it is a number that everybody writes.
const MOST: usize = 40;

/// The rows by contact.
#[derive(Debug, Default)]
pub(super) struct Persons {
    index: Mutex<Index>,
    /// One walk over all rows at a time.
    pub(super) walk: Mutex<()>,
}

/// Hash of a contact, and the two halves of a record's number. What has changed since may still be in it.
type Entry = (u64, u64, u64);

#[derive(Debug, Default)]
struct Index {
    /// All rows, once somebody has asked.
    sorted: Option<Vec<Entry>>,
    /// Rows that a poll saw new or changed: one that is not written yet is in no walk.
    fresh: BTreeSet<Entry>,
    /// What they are looked for by.
    names: Names,
    /// How often everything was forgotten.
    forgotten: u64,
}

impl Index {
    fn of(&self, contact: u64) -> Vec<RecordId> {
        let sorted = self.sorted.as_deref().unwrap_or_default();
        let from = sorted.partition_point(|entry| entry.0 < contact);
        let sorted = sorted[from..].iter().take_while(|entry| entry.0 == contact);
        let fresh = self
            .fresh
            .range((contact, 0, 0)..=(contact, u64::MAX, u64::MAX));
        let found = sorted.chain(fresh);
        found.map(|(_, high, low)| id_of(*high, *low)).collect()
    }
}

fn id_of(high: u64, low: u64) -> RecordId {
    RecordId::from_number(number_of((high, low)))
}

fn number_of((high, low): Halves) -> u128 {
    (u128::from(high) << 64) | u128::from(low)
}

fn is_contact(fields: &[FieldSpec], id: &str) -> bool {
    let contact = |kind| matches!(kind, FieldKind::Phone | FieldKind::Email);
    fields
        .iter()
        .any(|field| field.id == id && contact(field.kind))
}

/// What these values say of a person; private columns are no evidence.
fn face_of(typed: &Typed, named: bool) -> Face {
    let mut face = Face::default();
    for (field, value) in typed.public() {
        match value {
            Value::Name(name) if named && field == "name" => {
                face.name = name.full.known().map(fold).unwrap_or_default();
            }
            Value::Phone(phones) => {
                let bare = phones.iter().map(|one| one.expose().to_owned());
                face.contacts.extend(bare);
            }
            Value::Email(emails) => {
                let bare = emails.iter().map(|one| one.expose().to_lowercase());
                face.contacts.extend(bare);
            }
            _ => {}
        }
    }
    face
}

fn entries_of(face: &Face, (high, low): Halves) -> Vec<Entry> {
    let contacts = face.contacts.iter();
    contacts.map(|contact| (hash(contact), high, low)).collect()
}

/// The halves of a record's number; an id that was not minted has none.
#[allow(clippy::cast_possible_truncation)] // It is halves that are wanted.
fn halves(record: &RecordId) -> Option<(u64, u64)> {
    record
        .number()
        .map(|number| ((number >> 64) as u64, number as u64))
}

fn hash(contact: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    contact.hash(&mut hasher);
    hasher.finish()
}

impl Roster {
    /// By what a row is known to others; private columns are no evidence.
    ///
    /// # Errors
    /// The disk.
    pub fn face(&self, record: &Record) -> Result<Face, StoreError> {
        self.seen_face(record, true)
    }

    /// The same, without the name if nobody asks for it: reading a name takes longer than the rest.
    fn seen_face(&self, record: &Record, named: bool) -> Result<Face, StoreError> {
        let schema = self.schema(record.kind, &record.place.workbook)?;
        if let Some(typed) = self.memory.known(record.kind, &record.seen, &schema) {
            return Ok(face_of(&typed, named));
        }
        let fields = self.fields(record.kind);
        let wanted = |id: &str| named && id == "name" || is_contact(&fields, id);
        let typed = self.typed_of(record.kind, &record.place.workbook, &record.seen, wanted)?;
        Ok(face_of(&typed, named))
    }

    fn entries(&self, record: &Record) -> Result<Vec<Entry>, StoreError> {
        match (record.kind, halves(&record.id)) {
            (Kind::Customer, Some(whose)) => Ok(entries_of(&self.seen_face(record, false)?, whose)),
            _ => Ok(Vec::new()),
        }
    }

    /// Takes note of a row that is new or has changed.
    ///
    /// # Errors
    /// The disk.
    pub fn learn_person(&self, record: &Record) -> Result<(), StoreError> {
        let entries = self.entries(record)?;
        let mut index = self.index();
        index.fresh.extend(entries);
        if let (Kind::Customer, Some(whose)) = (record.kind, halves(&record.id)) {
            index.names.learn(line(record), whose);
        }
        Ok(())
    }

    /// The index is made anew at the next question: many rows came at once, and are written.
    pub fn forget_persons(&self) {
        let mut index = self.index();
        *index = Index {
            forgotten: index.forgotten + 1,
            ..Index::default()
        };
    }

    /// The rows that have a number (E.164) or an address (small letters), or had it, in no certain order.
    ///
    /// # Errors
    /// The disk.
    pub fn with_contact(&self, contact: &str) -> Result<Vec<RecordId>, StoreError> {
        self.made()?;
        Ok(self.index().of(hash(contact)))
    }

    /// The rows that might be those somebody looks for, best fit first: what stands in their cells has it.
    ///
    /// # Errors
    /// The disk.
    pub fn who_might_fit(&self, clue: Clue<'_>) -> Result<Vec<RecordId>, StoreError> {
        self.made()?;
        let found = self.index().names.who(clue).into_iter();
        Ok(found.map(|(high, low)| id_of(high, low)).collect())
    }

    /// The other rows of the person of whom a row tells, also those that are gone, in no certain order. `look` finds a
    /// record by its id, as it is at the moment.
    ///
    /// # Errors
    /// The disk.
    pub fn others_of_person(
        &self,
        record: &Record,
        mut look: impl FnMut(&RecordId) -> Result<Option<Record>, StoreError>,
    ) -> Result<Vec<Record>, StoreError> {
        let mut found: BTreeMap<RecordId, Record> = BTreeMap::new();
        // Nearly everybody has one row, and reading a name takes longer than the rest.
        let nameless = self.seen_face(record, false)?;
        let mut alike = self.who_might_be(&nameless)?.into_iter();
        if alike.all(|id| id == record.id) {
            return Ok(Vec::new());
        }
        let mut open = vec![self.face(record)?];
        while let Some(face) = open.pop() {
            for id in self.who_might_be(&face)? {
                if id == record.id || found.contains_key(&id) || found.len() >= MOST {
                    continue;
                }
                let Some(other) = look(&id)? else { continue };
                let theirs = self.face(&other)?;
                if other.kind == Kind::Customer && face.is_same_person(&theirs) {
                    found.insert(id, other);
                    open.push(theirs);
                }
            }
        }
        Ok(found.into_values().collect())
    }

    /// The rows that have a number or an address that another one has as well, or had.
    ///
    /// # Errors
    /// The disk.
    pub fn who_may_share(&self) -> Result<Vec<RecordId>, StoreError> {
        self.made()?;
        let index = self.index();
        let sorted = index.sorted.as_deref().unwrap_or_default();
        let mut all: Vec<Entry> = sorted.iter().chain(&index.fresh).copied().collect();
        all.sort_unstable();
        all.dedup();
        let groups = all.chunk_by(|one, other| one.0 == other.0);
        let shared = groups.filter(|group| group.len() > 1).flatten();
        Ok(shared.map(|(_, high, low)| id_of(*high, *low)).collect())
    }

    fn who_might_be(&self, face: &Face) -> Result<Vec<RecordId>, StoreError> {
        if face.contacts.is_empty() {
            return Ok(Vec::new());
        }
        self.made()?;
        let index = self.index();
        let contacts = face.contacts.iter().map(|contact| hash(contact));
        Ok(contacts.flat_map(|contact| index.of(contact)).collect())
    }

    /// Makes the index, and what lists go by, before somebody asks; costs little if they are there.
    ///
    /// # Errors
    /// The disk.
    pub fn know_persons(&self) -> Result<(), StoreError> {
        self.know(true, true)
    }

    /// Makes the index, if nobody has asked before.
    fn made(&self) -> Result<(), StoreError> {
        self.know(true, false)
    }

    /// Makes what is asked for and not there, in one walk over all rows.
    pub(super) fn know(&self, persons: bool, lists: bool) -> Result<(), StoreError> {
        let one_walk = self.persons.walk.lock();
        let _one_walk = one_walk.unwrap_or_else(PoisonError::into_inner);
        loop {
            let (made, before) = {
                let index = self.index();
                (index.sorted.is_some(), index.forgotten)
            };
            let persons = persons && !made;
            let stale = match lists {
                true => self.kept.stale(&self.store),
                false => Written::These(BTreeSet::new()),
            };
            let lists = match stale {
                Written::Many => true,
                Written::These(ids) => {
                    self.look_again(ids)?;
                    false
                }
            };
            if !persons && !lists {
                return Ok(());
            }
            let walked = self.walk(persons, lists);
            let (sorted, names, glance) = walked.inspect_err(|_| self.kept.lose(&self.store))?;
            if lists {
                self.kept.put(glance);
            }
            if persons {
                let mut index = self.index();
                // Else many rows were written meanwhile, which the walk may have missed.
                if index.forgotten == before {
                    index.sorted = Some(sorted);
                    index.names = names.with_fresh_of(std::mem::take(&mut index.names));
                }
            }
        }
    }

    /// What all rows say of persons, and what lists go by, as far as it is asked for.
    fn walk(&self, persons: bool, lists: bool) -> Result<(Vec<Entry>, Names, Glance), StoreError> {
        let mut sorted: Vec<Entry> = Vec::new();
        let mut names = Names::default();
        let mut glance = self.kept.empty();
        let fields = self.fields(Kind::Customer);
        let wanted =
            |id: &str| persons && is_contact(&fields, id) || lists && self.is_glanced_at(id);
        for record in self.store.records() {
            let record = record?;
            let Some(whose) = halves(&record.id) else {
                continue;
            };
            let (workbook, cells) = (&record.place.workbook, &record.seen);
            let typed = self.typed_of(record.kind, workbook, cells, wanted)?;
            if persons && record.kind == Kind::Customer {
                sorted.extend(entries_of(&face_of(&typed, false), whose));
                names.add(&line(&record), whose);
            }
            if lists && let Some(seen) = self.seen(&record, &typed)? {
                glance.note(number_of(whose), Some(seen));
            }
        }
        sorted.sort_unstable();
        sorted.shrink_to_fit();
        Ok((sorted, names, glance))
    }

    /// Every statement under this lock leaves the index whole.
    fn index(&self) -> MutexGuard<'_, Index> {
        self.persons
            .index
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
