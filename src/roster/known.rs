//! Customers who are known although no record of their workbook tells: whose tombstone was swept and left
//! a keyed hash of the contact, and whose row was cut out of another workbook (SEMANTICS 8, 23).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::Roster;
use crate::core::record::{Record, RecordId};
use crate::core::sheet::fold::fold;
use crate::core::sheet::{Typed, Value};
use crate::store::keys::{self, Key, prefix};
use crate::store::suppression::address_hash;
use crate::store::{Group, Store, StoreError};

/// So long a tombstone keeps id, clocks and story; then only a keyed hash of the contact is left.
pub const TOMBSTONE_FOR: SignedDuration = SignedDuration::from_hours(400 * 24);

/// What one poll has looked up of them, each thing once.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Whether anybody was swept at all.
    swept: Option<bool>,
    /// By contact and name, when a customer of another workbook went.
    elsewhere: Option<BTreeMap<(String, String), Timestamp>>,
}

impl Known {
    /// When the customer of a new record went before, if they are known. The hash they had left is taken back:
    /// from now on the record tells of them.
    ///
    /// # Errors
    /// The disk. What could not be read is never taken for somebody new.
    pub fn went(
        &mut self,
        roster: &Roster,
        record: &Record,
        typed: &Typed,
        group: &mut Group,
    ) -> Result<Option<Timestamp>, StoreError> {
        let swept = self.swept_before(roster.store(), typed, group)?;
        if swept.is_some() {
            return Ok(swept);
        }
        self.cut_elsewhere(roster, record, typed)
    }

    fn swept_before(
        &mut self,
        store: &Store,
        typed: &Typed,
        group: &mut Group,
    ) -> Result<Option<Timestamp>, StoreError> {
        let any = match self.swept {
            Some(any) => any,
            None => store.keys(prefix::KNOWN).next().transpose()?.is_some(),
        };
        self.swept = Some(any);
        let mut went = None;
        for contact in contacts(typed).iter().filter(|_| any) {
            let key = known_key(store, contact)?;
            if let Some(gone) = store.get::<Timestamp>(&key)? {
                went = went.max(Some(gone));
                group.remove(key);
            }
        }
        Ok(went)
    }

    fn cut_elsewhere(
        &mut self,
        roster: &Roster,
        record: &Record,
        typed: &Typed,
    ) -> Result<Option<Timestamp>, StoreError> {
        if roster.config().workbooks.len() < 2 {
            return Ok(None);
        }
        let gone = match self.elsewhere.take() {
            Some(gone) => gone,
            None => gone_elsewhere(roster, &record.place.workbook)?,
        };
        let name = name_of(typed);
        let went = contacts(typed)
            .into_iter()
            .filter_map(|contact| gone.get(&(contact, name.clone())))
            .max()
            .copied();
        self.elsewhere = Some(gone);
        Ok(went)
    }
}

fn gone_elsewhere(
    roster: &Roster,
    workbook: &str,
) -> Result<BTreeMap<(String, String), Timestamp>, StoreError> {
    let mut found = BTreeMap::new();
    let books: BTreeSet<&str> = roster
        .config()
        .workbooks
        .iter()
        .map(|book| book.id.as_str())
        .collect();
    for record in tombstones(roster.store())? {
        let other = record.place.workbook != workbook
            && books.contains(record.place.workbook.as_str())
            && record.settled.is_some();
        let Some(gone) = record.gone.filter(|_| other) else {
            continue;
        };
        let typed = roster.typed(record.kind, &record.place.workbook, &record.seen)?;
        let name = name_of(&typed);
        for contact in contacts(&typed) {
            let at = found.entry((contact, name.clone())).or_insert(gone);
            *at = gone.max(*at);
        }
    }
    Ok(found)
}

/// Every record that is gone and may return.
///
/// # Errors
/// The disk; also for a tombstone without its record, which is never taken for nobody.
pub fn tombstones(store: &Store) -> Result<Vec<Record>, StoreError> {
    let mut found = Vec::new();
    for key in store.keys(prefix::TOMBSTONE) {
        let key = key?;
        let id = RecordId::new(String::from_utf8_lossy(&key[prefix::TOMBSTONE.len()..]));
        let record = store.record(&id)?;
        found.push(record.ok_or_else(|| StoreError::Value {
            key: format!("record/{id}"),
            why: "its tombstone names it, and it is not there".into(),
        })?);
    }
    Ok(found)
}

/// Where it is kept that somebody with this address or number was a customer.
///
/// # Errors
/// The disk.
pub fn known_key(store: &Store, contact: &str) -> Result<Key, StoreError> {
    Ok(keys::under(prefix::KNOWN, address_hash(store, contact)?))
}

/// The addresses and numbers of a row.
pub fn contacts(typed: &Typed) -> Vec<String> {
    let mut found = Vec::new();
    for value in typed.values.values() {
        match value {
            Value::Email(emails) => found.extend(emails.iter().map(|one| one.expose().to_owned())),
            Value::Phone(phones) => found.extend(phones.iter().map(|one| one.expose().to_owned())),
            _ => {}
        }
    }
    found
}

fn name_of(typed: &Typed) -> String {
    match typed.values.get("name") {
        Some(Value::Name(name)) => name.full.known().map(fold).unwrap_or_default(),
        _ => String::new(),
    }
}
