//! The glance at all rows, and how it is kept as the store is.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use jiff::civil::Date;
use serde_json::Value as Json;

use super::basis::{APPOINTMENT, Basis, Said};
use super::{Glance, Seen};
use crate::core::facts::national_phone;
use crate::core::record::{Kind, Record, RecordId};
use crate::core::rule::Trigger;
use crate::core::sheet::{Typed, Value};
use crate::roster::Roster;
use crate::store::watch::{Watch, Written};
use crate::store::{Store, StoreError};

/// Records that are read before others may look again.
const AT_ONCE: usize = 1_000;

/// What is kept of all rows, once somebody has asked.
#[derive(Debug, Default)]
pub(in crate::roster) struct Kept {
    basis: Basis,
    glance: RwLock<Option<Glance>>,
    watch: OnceLock<Arc<Watch>>,
}

impl Kept {
    pub(in crate::roster) fn new(basis: Basis) -> Self {
        Self {
            basis,
            ..Self::default()
        }
    }

    /// A glance at nothing, for a walk.
    pub(in crate::roster) fn empty(&self) -> Glance {
        Glance::new(self.basis.dates.len())
    }

    /// What has to be looked at again; none of it is said twice.
    pub(in crate::roster) fn stale(&self, store: &Store) -> Written {
        let written = self.watch(store).take();
        match self.is_made() {
            true => written,
            false => Written::Many,
        }
    }

    pub(in crate::roster) fn is_made(&self) -> bool {
        let glance = self.glance.read().unwrap_or_else(PoisonError::into_inner);
        glance.is_some()
    }

    /// All has to be looked at again.
    pub(in crate::roster) fn lose(&self, store: &Store) {
        self.watch(store).lose();
    }

    pub(in crate::roster) fn put(&self, mut glance: Glance) {
        glance.shrink();
        *self.glance.write().unwrap_or_else(PoisonError::into_inner) = Some(glance);
    }

    fn watch(&self, store: &Store) -> &Watch {
        self.watch.get_or_init(|| store.watch_records())
    }
}

impl Roster {
    /// Looks at what lists go by, which is as the store is.
    ///
    /// # Errors
    /// The disk.
    pub fn look<T>(&self, look: impl FnOnce(&Glance) -> T) -> Result<T, StoreError> {
        self.know(false, true)?;
        let glance = self.kept.glance.read();
        let glance = glance.unwrap_or_else(PoisonError::into_inner);
        Ok(look(glance.as_ref().unwrap_or(&self.kept.empty())))
    }

    /// Whether [`Self::look`] need not go over all rows first.
    pub fn is_looked_over(&self) -> bool {
        self.kept.is_made() && !self.kept.watch(&self.store).is_lost()
    }

    /// Takes note of what a poll wrote, so that whoever asks next need not wait for it; not if it was so much that all
    /// is to be gone over, nor if that is being done.
    ///
    /// # Errors
    /// The disk.
    pub fn catch_up(&self) -> Result<(), StoreError> {
        let Ok(_one_walk) = self.persons.walk.try_lock() else {
            return Ok(());
        };
        if !self.kept.is_made() {
            return Ok(());
        }
        match self.kept.stale(&self.store) {
            Written::These(ids) => self.look_again(ids),
            Written::Many => {
                self.kept.lose(&self.store);
                Ok(())
            }
        }
    }

    /// Looks at these records again.
    pub(in crate::roster) fn look_again(&self, ids: BTreeSet<u128>) -> Result<(), StoreError> {
        let ids: Vec<u128> = ids.into_iter().collect();
        for some in ids.chunks(AT_ONCE) {
            let seen = some.iter().map(|id| {
                let record = self.store.record(&RecordId::from_number(*id))?;
                let seen = record.map(|record| self.see(&record)).transpose()?;
                Ok((*id, seen.flatten()))
            });
            let seen = seen.collect::<Result<Vec<_>, StoreError>>();
            let seen = seen.inspect_err(|_| self.kept.lose(&self.store))?;
            let glance = self.kept.glance.write();
            let mut glance = glance.unwrap_or_else(PoisonError::into_inner);
            for (id, seen) in seen {
                if let Some(glance) = glance.as_mut() {
                    glance.note(id, seen);
                }
            }
        }
        Ok(())
    }

    fn see(&self, record: &Record) -> Result<Option<Seen>, StoreError> {
        let (workbook, cells) = (&record.place.workbook, &record.seen);
        let typed = self.typed_of(record.kind, workbook, cells, |id| self.is_glanced_at(id))?;
        self.seen(record, &typed)
    }

    /// Whether a field's cell is read for it.
    pub(in crate::roster) fn is_glanced_at(&self, field: &str) -> bool {
        ["name", "owner", "phone", "email"].contains(&field)
            || self.kept.basis.dates.iter().any(|date| date == field)
    }

    /// What lists go by of a record, of which these fields are read; none if it is gone.
    pub(in crate::roster) fn seen(
        &self,
        record: &Record,
        typed: &Typed,
    ) -> Result<Option<Seen>, StoreError> {
        if record.gone.is_some() {
            return Ok(None);
        }
        // What no message may show chooses nobody either; an appointment's own columns are never private.
        let hidden = |field: &str| record.kind == Kind::Customer && self.private.contains(field);
        let value = |field: &str| typed.values.get(field).filter(|_| !hidden(field));
        let days: Vec<Option<Date>> = self
            .kept
            .basis
            .dates
            .iter()
            .filter(|field| record.kind == Kind::Customer || *field == APPOINTMENT)
            .map(|field| value(field).and_then(day))
            .collect();
        let stage = record.stage.as_ref();
        Ok(Some(Seen {
            kind: record.kind,
            stage: stage.and_then(|id| self.config.stages.iter().position(|one| one.id == *id)),
            active_at: record.active_at,
            owners: match value("owner") {
                Some(Value::Owner(names)) => names.clone(),
                _ => Vec::new(),
            },
            name: name_of(value),
            place: (record.place.workbook.clone(), record.place.sheet),
            wanted: self.wanted(record, &days)?,
            days,
        }))
    }

    /// A bit for each condition that is true; of those that nobody will ask about it is none.
    fn wanted(&self, record: &Record, days: &[Option<Date>]) -> Result<u16, StoreError> {
        let basis = &self.kept.basis;
        let is_asked = |rule: usize| match &self.config.rules[rule].on {
            Trigger::Idle { stage, .. } => record.stage.as_ref() == Some(stage),
            Trigger::Date { field, .. } => {
                let at = basis.dates.iter().position(|date| date == field);
                at.and_then(|at| days.get(at)).is_some_and(Option::is_some)
            }
            _ => false,
        };
        let asked = basis.rules.iter().enumerate();
        let asked: Vec<(usize, usize)> = asked
            .map(|(bit, rule)| (bit, *rule))
            .filter(|(_, rule)| record.kind == Kind::Customer && is_asked(*rule))
            .collect();
        if asked.is_empty() {
            return Ok(0);
        }
        let facts = self.facts_of(record, &record.seen, &Json::Null, record.active_at)?;
        let true_of = |rule: usize| {
            let when = self.config.rules[rule].when.as_ref();
            when.is_none_or(|when| when.holds(&facts).unwrap_or(true))
        };
        let bits = asked.into_iter().filter(|(_, rule)| true_of(*rule));
        Ok(bits.fold(0, |bits, (bit, _)| bits | 1 << bit))
    }

    /// The fields whose days a [`super::Glimpse`] has, in their order.
    pub fn dated(&self) -> &[String] {
        &self.kept.basis.dates
    }

    /// What is known of the condition of the rule at this place of the configuration.
    pub fn condition_known(&self, rule: usize) -> Said {
        self.kept.basis.said(&self.config, rule)
    }
}

/// What a row is called in lists: the name, or what else it can be known by.
fn name_of<'v>(value: impl Fn(&str) -> Option<&'v Value>) -> String {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let full = match value("name") {
        Some(Value::Name(name)) => name.full.known().and_then(some),
        _ => None,
    };
    let phone = || match value("phone") {
        Some(Value::Phone(phones)) => {
            let first = phones.first();
            first.and_then(|phone| some(&national_phone(phone.expose())))
        }
        _ => None,
    };
    let email = || match value("email") {
        Some(Value::Email(emails)) => emails.first().and_then(|email| some(email.expose())),
        _ => None,
    };
    full.or_else(phone)
        .or_else(email)
        .unwrap_or_else(|| "?".to_owned())
}

fn day(value: &Value) -> Option<Date> {
    match value {
        Value::Date(when) => Some(when.date),
        Value::Text(text) => text.get(..10)?.parse().ok(),
        _ => None,
    }
}
