//! Records: those that were touched under keys of their own, and the rows of a first look in pages.
//!
//! A workbook of half a million rows is half a million records that mostly never change. They are
//! written in pages of [`PAGE`], compressed; a record that is written later stands under its own
//! key and hides the one in the page. A page is never changed.

use serde::{Deserialize, Serialize};

use super::keys::{self, prefix};
use super::{Group, Store, StoreError, decode, packed};
use crate::core::record::{Record, RecordId};

/// Records under one key. More pack better, fewer are read quicker one by one.
pub const PAGE: usize = 16;

/// The coding of a page.
const PAGE_FORMAT: u8 = 1;

/// A record of its own key; nothing in it hides one of a page.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Standing(Option<Record>);

impl Store {
    /// A record, if there is one of this id.
    ///
    /// # Errors
    /// The disk, or a value that cannot be read.
    pub fn record(&self, id: &RecordId) -> Result<Option<Record>, StoreError> {
        match self.get::<Standing>(&keys::record(id))? {
            Some(Standing(record)) => Ok(record),
            None => self.paged(id),
        }
    }

    /// All records, also removed ones, in no certain order.
    pub fn records(&self) -> impl Iterator<Item = Result<Record, StoreError>> + use<> {
        let own = self
            .scan::<Standing>(prefix::RECORD)
            .filter_map(|entry| entry.map(|(_, Standing(record))| record).transpose());
        let store = self.clone();
        let paged = self.db.scan_prefix(prefix::PAGE).flat_map(move |entry| {
            let read = entry
                .map_err(StoreError::from)
                .and_then(|(key, bytes)| Page::open(&key, &bytes)?.all(&key));
            match read {
                Ok(records) => records
                    .into_iter()
                    .filter_map(|record| match store.contains(&keys::record(&record.id)) {
                        Ok(true) => None, // written anew since
                        Ok(false) => Some(Ok(record)),
                        Err(error) => Some(Err(error)),
                    })
                    .collect(),
                Err(error) => vec![Err(error)],
            }
        });
        own.chain(paged)
    }

    /// Forgets a record.
    ///
    /// # Errors
    /// The disk.
    pub fn forget_record(&self, group: &mut Group, id: &RecordId) -> Result<(), StoreError> {
        if self.paged(id)?.is_some() {
            group.put(keys::record(id), &Standing(None));
        } else {
            group.remove(keys::record(id));
        }
        Ok(())
    }

    /// The record of a page: that of the greatest first id which is not above.
    fn paged(&self, id: &RecordId) -> Result<Option<Record>, StoreError> {
        let up_to = keys::under(prefix::PAGE, id.as_str());
        let below = self
            .db
            .range(prefix::PAGE.to_vec()..=up_to)
            .next_back()
            .transpose()?;
        let Some((key, bytes)) = below else {
            return Ok(None);
        };
        let first = RecordId::new(String::from_utf8_lossy(&key[prefix::PAGE.len()..]));
        let place = id.number().zip(first.number());
        let place = place.and_then(|(id, first)| usize::try_from(id.checked_sub(first)?).ok());
        match place {
            Some(place) if place < count_of(&key, &bytes)?.0 => {
                Page::open(&key, &bytes)?.at(&key, place).map(Some)
            }
            _ => Ok(None),
        }
    }
}

impl Group {
    /// Writes a record.
    pub fn put_record(&mut self, record: &Record) {
        self.put(keys::record(&record.id), record);
    }

    /// Writes new records as one page. Their ids are consecutive numbers. A record of a page has settled
    /// as it was seen: `settled` is left empty here, so that its cells are held and written once.
    pub fn put_page(&mut self, records: &[Record]) {
        let Some(first) = records.first() else {
            return;
        };
        debug_assert!(records.iter().all(|record| record.settled.is_none()));
        self.put_bytes(keys::under(prefix::PAGE, first.id.as_str()), pack(records));
    }
}

/// Format, number of records, then compressed: where each ends, and their values one after another.
fn pack(records: &[Record]) -> Vec<u8> {
    let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
    let mut ends = Vec::with_capacity(records.len() * 4);
    let mut values = Vec::with_capacity(records.len() * 2_048);
    for record in records {
        packed::plain_to(&mut values, record);
        let end = u32::try_from(values.len()).unwrap_or(u32::MAX);
        ends.extend_from_slice(&end.to_le_bytes());
    }
    ends.extend(values);
    let mut page = vec![PAGE_FORMAT];
    page.extend_from_slice(&count.to_le_bytes());
    page.extend(lz4_flex::block::compress_prepend_size(&ends));
    page
}

/// A page that was unpacked.
struct Page {
    count: usize,
    bytes: Vec<u8>,
}

/// How many records a page has, and what is packed of them.
pub(super) fn count_of<'b>(key: &[u8], page: &'b [u8]) -> Result<(usize, &'b [u8]), StoreError> {
    page.strip_prefix(&[PAGE_FORMAT])
        .and_then(|rest| rest.split_first_chunk::<4>())
        .map(|(count, packed)| (u32::from_le_bytes(*count) as usize, packed))
        .ok_or_else(|| broken(key, "no page of records that this version reads"))
}

fn broken(key: &[u8], why: &str) -> StoreError {
    StoreError::Value {
        key: String::from_utf8_lossy(key).into_owned(),
        why: why.to_owned(),
    }
}

impl Page {
    fn open(key: &[u8], page: &[u8]) -> Result<Self, StoreError> {
        let (count, packed) = count_of(key, page)?;
        let bytes = lz4_flex::block::decompress_size_prepended(packed)
            .map_err(|error| broken(key, &error.to_string()))?;
        if bytes.len() < count * 4 {
            return Err(broken(key, "a page that is cut off"));
        }
        Ok(Self { count, bytes })
    }

    fn at(&self, key: &[u8], number: usize) -> Result<Record, StoreError> {
        let end_of = |number: usize| {
            let ends = self.bytes[..self.count * 4].as_chunks::<4>().0;
            u32::from_le_bytes(ends[number]) as usize
        };
        let start = number.checked_sub(1).map_or(0, end_of);
        let value = self.bytes[self.count * 4..].get(start..end_of(number));
        let mut record: Record = decode(key, value.unwrap_or_default())?;
        record.settled = Some(record.seen.clone());
        Ok(record)
    }

    fn all(&self, key: &[u8]) -> Result<Vec<Record>, StoreError> {
        (0..self.count).map(|number| self.at(key, number)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::core::record::{Kind, Place};
    use crate::core::sheet::Cell;

    fn record(number: u128, name: &str) -> Record {
        let seen = BTreeMap::from([("name".into(), Cell::Text(name.into()))]);
        Record {
            id: RecordId::from_number(number),
            kind: Kind::Customer,
            place: Place {
                workbook: "w".into(),
                sheet: 7,
                row: 2,
            },
            settled: None,
            seen,
            first_seen: Timestamp::UNIX_EPOCH,
            changed_at: Timestamp::UNIX_EPOCH,
            pending_since: None,
            events: 0,
            stage: None,
            stage_since: None,
            stage_after: None,
            stage_seen: None,
            stage_event: 0,
            active_at: Timestamp::UNIX_EPOCH,
            gone: None,
            removed: false,
            open_rules: BTreeMap::new(),
            baseline: true,
            ambiguous_since: None,
            own: BTreeMap::new(),
            known_before: None,
        }
    }

    /// Two pages, 100 to 131 and 132 to 140, and number 500 on its own.
    fn filled(store: &Store) {
        let page = |numbers: std::ops::Range<u128>| -> Vec<Record> {
            numbers.map(|n| record(n, &format!("Khách {n}"))).collect()
        };
        let mut group = Group::default();
        group.put_page(&page(100..132));
        group.put_page(&page(132..141));
        group.put_record(&record(500, "Khách 500"));
        store.commit(vec![group]).unwrap();
    }

    fn name(store: &Store, number: u128) -> Option<String> {
        let found = store.record(&RecordId::from_number(number)).unwrap();
        found.map(|record| record.seen["name"].shown().into_owned())
    }

    #[test]
    fn a_record_is_found_in_its_page_and_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        filled(&store);
        for number in [100, 131, 132, 140, 500] {
            assert_eq!(name(&store, number), Some(format!("Khách {number}")));
        }
        for number in [0, 99, 141, 499, 501, u128::MAX >> 8] {
            assert_eq!(name(&store, number), None, "{number}");
        }
        assert_eq!(store.record(&RecordId::new("held")).unwrap(), None);
        let all: Vec<Record> = store.records().collect::<Result<_, _>>().unwrap();
        assert_eq!(all.len(), 42);
        let paged = all.iter().filter(|record| record.id.number() != Some(500));
        for record in paged {
            assert_eq!(record.settled.as_ref(), Some(&record.seen));
        }
    }

    #[test]
    fn a_record_that_was_written_anew_hides_the_one_in_the_page() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        filled(&store);
        let mut group = Group::default();
        group.put_record(&record(101, "Chị Lan"));
        store
            .forget_record(&mut group, &RecordId::from_number(102))
            .unwrap();
        store
            .forget_record(&mut group, &RecordId::from_number(500))
            .unwrap();
        store.commit(vec![group]).unwrap();
        assert_eq!(name(&store, 101).as_deref(), Some("Chị Lan"));
        assert_eq!(name(&store, 102), None);
        assert_eq!(name(&store, 500), None);
        let all: Vec<Record> = store.records().collect::<Result<_, _>>().unwrap();
        assert_eq!(all.len(), 40);
        assert_eq!(all.iter().filter(|r| r.id.number() == Some(101)).count(), 1);
    }

    #[test]
    fn a_page_that_cannot_be_read_is_an_error_and_not_an_absence() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let mut group = Group::default();
        let id = RecordId::from_number(100);
        let mut page = pack(&[record(100, "Khách")]);
        page.truncate(page.len() - 3);
        group.put_bytes(keys::under(prefix::PAGE, id.as_str()), page);
        store.commit(vec![group]).unwrap();
        let error = store.record(&id).unwrap_err().to_string();
        assert!(error.contains("page/r-0"), "{error}");
        assert!(store.records().any(|record| record.is_err()));
    }
}
