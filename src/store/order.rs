//! Which record stands in which row of a tab, with what it is known by: 52 bytes a row.
//!
//! Kept in chunks of 256 rows. A sort writes the chunks whose rows moved, and nothing per row.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::keys::{self, Key, prefix};
use super::{Group, Store, StoreError};
use crate::core::record::{Kind, RecordId};

/// Rows under one key.
const CHUNK: usize = 256;

/// Bytes of one row in a chunk.
const ROW: usize = 52;

/// The rows of a tab that are records, in sheet order, at the last accepted poll.
#[derive(Debug, Default)]
pub struct Order {
    /// What the rows are.
    pub kind: Kind,
    /// What the fingerprints are made of: they say nothing where this is another.
    pub fields: u128,
    /// How the rows were told apart and bound: what is known of their JSON holds only where this is the same.
    pub how: u128,
    ids: Vec<u128>,
    prints: Vec<u128>,
    json: Vec<u128>,
    rows: Vec<u32>,
    by_json: OnceLock<Index>,
    by_print: OnceLock<Index>,
    /// Places in the order of the ids.
    by_id: OnceLock<Vec<u32>>,
}

/// One row of an [`Order`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderRow {
    /// Whose row it is, by the number of the record's id: an id that was not minted cannot stand in a row.
    pub number: u128,
    /// The fingerprint of its bound cells.
    pub print: u128,
    /// What its JSON is known by; 0 for one that must be looked at each time.
    pub json: u128,
    /// The sheet's own row number.
    pub row: u32,
}

/// What is kept beside the chunks.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    kind: Kind,
    rows: usize,
    fields: u128,
    how: u128,
    /// Of the whole content, so that copies in memory know whether they are old.
    version: u128,
}

/// Places by 64 bits of a hash; which is a hash already, so it is not hashed again.
type Index = HashMap<u64, u32, BuildHasherDefault<AsItIs>>;

#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// The upper half: the lower one stays to tell two apart.
#[allow(clippy::cast_possible_truncation)] // meant
fn half(hash: u128) -> u64 {
    (hash >> 64) as u64
}

impl OrderRow {
    /// Whose row it is.
    pub fn id(&self) -> RecordId {
        RecordId::from_number(self.number)
    }
}

impl Order {
    /// An order without rows.
    pub fn new(kind: Kind, fields: u128, how: u128) -> Self {
        Self {
            kind,
            fields,
            how,
            ..Self::default()
        }
    }

    /// Adds a row behind the others.
    pub fn push(&mut self, row: &OrderRow) {
        self.ids.push(row.number);
        self.prints.push(row.print);
        self.json.push(row.json);
        self.rows.push(row.row);
        self.by_json.take();
        self.by_print.take();
        self.by_id.take();
    }

    /// Makes room for so many more rows.
    pub fn reserve(&mut self, rows: usize) {
        self.ids.reserve(rows);
        self.prints.reserve(rows);
        self.json.reserve(rows);
        self.rows.reserve(rows);
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// A row by its place.
    pub fn get(&self, at: usize) -> Option<OrderRow> {
        Some(OrderRow {
            number: *self.ids.get(at)?,
            print: self.prints[at],
            json: self.json[at],
            row: self.rows[at],
        })
    }

    /// The row with this row number. Rows ascend.
    pub fn at_row(&self, row: u32) -> Option<OrderRow> {
        let at = self.rows.binary_search(&row).ok()?;
        self.get(at)
    }

    /// All rows in order.
    pub fn iter(&self) -> impl Iterator<Item = OrderRow> + '_ {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// The same without what only a poll asks for, which half a million rows need not hold meanwhile.
    pub fn into_places(self) -> impl Iterator<Item = OrderRow> {
        let Self { ids, rows, .. } = self;
        ids.into_iter().zip(rows).map(|(number, row)| OrderRow {
            number,
            print: 0,
            json: 0,
            row,
        })
    }

    /// The JSON hash and row number at a place; quicker than [`Order::get`].
    pub fn json_at(&self, at: usize) -> Option<(u128, u32)> {
        Some((*self.json.get(at)?, self.rows[at]))
    }

    /// The fingerprint at a place.
    pub fn print_at(&self, at: usize) -> u128 {
        self.prints.get(at).copied().unwrap_or_default()
    }

    /// A place where a row with this JSON stood. The index is made when it is first asked for.
    pub fn by_json(&self, json: u128) -> Option<usize> {
        find(&self.by_json, &self.json, json)
    }

    /// A place where a row with this fingerprint stood, likewise.
    pub fn by_print(&self, print: u128) -> Option<usize> {
        find(&self.by_print, &self.prints, print)
    }

    /// The row number of a record.
    pub fn row_of(&self, id: &RecordId) -> Option<u32> {
        let number = id.number()?;
        let places = self.by_id.get_or_init(|| {
            let mut places: Vec<u32> = (0..u32::try_from(self.len()).unwrap_or(u32::MAX)).collect();
            places.sort_unstable_by_key(|&place| self.ids[place as usize]);
            places
        });
        let found = places.binary_search_by_key(&number, |&place| self.ids[place as usize]);
        Some(self.rows[places[found.ok()?] as usize])
    }

    fn head(&self) -> Head {
        let mut content = xxhash_rust::xxh3::Xxh3::new();
        for at in 0..self.len() {
            content.update(&self.ids[at].to_le_bytes());
            content.update(&self.prints[at].to_le_bytes());
            content.update(&self.json[at].to_le_bytes());
            content.update(&self.rows[at].to_le_bytes());
        }
        Head {
            kind: self.kind,
            rows: self.len(),
            fields: self.fields,
            how: self.how,
            version: content.digest128() ^ self.how ^ self.fields.rotate_left(1) ^ 1,
        }
    }

    fn chunk(&self, number: usize) -> Vec<u8> {
        let from = number * CHUNK;
        let to = (from + CHUNK).min(self.len());
        let mut bytes = Vec::with_capacity((to - from) * ROW);
        for at in from..to {
            bytes.extend_from_slice(&self.ids[at].to_be_bytes());
            bytes.extend_from_slice(&self.prints[at].to_be_bytes());
            bytes.extend_from_slice(&self.json[at].to_be_bytes());
            bytes.extend_from_slice(&self.rows[at].to_be_bytes());
        }
        bytes
    }

    fn same_chunk(&self, other: &Self, number: usize) -> bool {
        let from = number * CHUNK;
        let range = from..(from + CHUNK).min(self.len());
        let theirs = from..(from + CHUNK).min(other.len());
        range == theirs
            && self.ids[range.clone()] == other.ids[range.clone()]
            && self.prints[range.clone()] == other.prints[range.clone()]
            && self.json[range.clone()] == other.json[range.clone()]
            && self.rows[range.clone()] == other.rows[range]
    }

    fn chunks(&self) -> usize {
        self.len().div_ceil(CHUNK)
    }
}

fn find(index: &OnceLock<Index>, hashes: &[u128], wanted: u128) -> Option<usize> {
    let index = index.get_or_init(|| {
        let mut index =
            Index::with_capacity_and_hasher(hashes.len(), BuildHasherDefault::default());
        for (at, hash) in (0_u32..).zip(hashes) {
            index.insert(half(*hash), at);
        }
        index
    });
    let at = *index.get(&half(wanted))? as usize;
    (wanted != 0 && hashes[at] == wanted).then_some(at)
}

impl Store {
    /// The order of a tab's rows, if it was ever accepted.
    ///
    /// # Errors
    /// The disk, or values that do not fit together.
    pub fn order(&self, workbook: &str, sheet: i64) -> Result<Option<Order>, StoreError> {
        let Some(head) = self.get::<Head>(&head_key(workbook, sheet))? else {
            return Ok(None);
        };
        let mut order = Order::new(head.kind, head.fields, head.how);
        order.ids.reserve_exact(head.rows);
        order.prints.reserve_exact(head.rows);
        order.json.reserve_exact(head.rows);
        order.rows.reserve_exact(head.rows);
        for entry in self.db.scan_prefix(chunks_key(workbook, sheet)) {
            let (_, bytes) = entry?;
            for row in bytes.as_chunks::<ROW>().0 {
                let number = |from: usize| {
                    let mut bytes = [0; 16];
                    bytes.copy_from_slice(&row[from..from + 16]);
                    u128::from_be_bytes(bytes)
                };
                order.ids.push(number(0));
                order.prints.push(number(16));
                order.json.push(number(32));
                let mut last = [0; 4];
                last.copy_from_slice(&row[48..]);
                order.rows.push(u32::from_be_bytes(last));
            }
        }
        if order.len() != head.rows {
            return Err(StoreError::Value {
                key: format!("order/{workbook}/{sheet}"),
                why: format!("{} rows, and there should be {}", order.len(), head.rows),
            });
        }
        Ok(Some(order))
    }

    /// Which version of a tab's order is on disk; 0 if there is none.
    ///
    /// # Errors
    /// The disk.
    pub fn order_version(&self, workbook: &str, sheet: i64) -> Result<u128, StoreError> {
        let head = self.get::<Head>(&head_key(workbook, sheet))?;
        Ok(head.map_or(0, |head| head.version))
    }

    /// Writes what of an order is another than before.
    pub fn write_order(
        &self,
        (workbook, sheet): (&str, i64),
        before: Option<&Order>,
        after: &Order,
        into: &mut Vec<Group>,
    ) {
        let mut head = Group::default();
        let mut changed = before.is_none_or(|before| {
            (before.kind, before.fields, before.how, before.len())
                != (after.kind, after.fields, after.how, after.len())
        });
        for number in 0..after.chunks() {
            if before.is_some_and(|before| after.same_chunk(before, number)) {
                continue;
            }
            changed = true;
            let mut chunk = Group::default();
            chunk.put_bytes(chunk_key(workbook, sheet, number), after.chunk(number));
            into.push(chunk);
        }
        for number in after.chunks()..before.map_or(0, Order::chunks) {
            head.remove(chunk_key(workbook, sheet, number));
        }
        if changed {
            head.put(head_key(workbook, sheet), &after.head());
        }
        into.push(head);
    }

    /// Forgets the order of a tab that is not in the workbook any more.
    pub fn forget_order(
        &self,
        (workbook, sheet): (&str, i64),
        before: &Order,
        into: &mut Vec<Group>,
    ) {
        let mut group = Group::default();
        group.remove(head_key(workbook, sheet));
        for number in 0..before.chunks() {
            group.remove(chunk_key(workbook, sheet, number));
        }
        into.push(group);
    }
}

fn head_key(workbook: &str, sheet: i64) -> Key {
    keys::under(prefix::ORDER, format!("{workbook}/{sheet}"))
}

fn chunks_key(workbook: &str, sheet: i64) -> Key {
    keys::under(prefix::ROWS, format!("{workbook}/{sheet}/"))
}

fn chunk_key(workbook: &str, sheet: i64, number: usize) -> Key {
    let mut key = chunks_key(workbook, sheet);
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(numbers: impl Iterator<Item = u32>) -> Order {
        let mut order = Order::new(Kind::Customer, 1, 2);
        for (row, number) in (2..).zip(numbers) {
            order.push(&OrderRow {
                number: u128::from(number),
                print: u128::from(number) << 64 | 1,
                json: u128::from(number) << 65 | 1,
                row,
            });
        }
        order
    }

    fn write(store: &Store, before: Option<&Order>, after: &Order) -> usize {
        let mut groups = Vec::new();
        store.write_order(("w", 7), before, after, &mut groups);
        let written = groups.iter().map(Group::len).sum();
        store.commit(groups).unwrap();
        written
    }

    #[test]
    fn an_order_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        assert!(store.order("w", 7).unwrap().is_none());
        let first = order(0..1_000);
        assert_eq!(write(&store, None, &first), 4 + 1);
        let read = store.order("w", 7).unwrap().unwrap();
        assert!(read.iter().eq(first.iter()));
        assert_eq!((read.fields, read.how), (1, 2));
        assert_eq!(read.row_of(&RecordId::from_number(998)), Some(1_000));
        assert_eq!(read.by_json(5 << 65 | 1), Some(5));
        assert_eq!(read.by_json(5 << 65), None);
        assert_eq!(read.by_print(999 << 64 | 1), Some(999));
        assert!(store.order("w", 70).unwrap().is_none());
    }

    #[test]
    fn only_what_changed_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let first = order(0..1_000);
        write(&store, None, &first);
        assert_eq!(write(&store, Some(&first), &order(0..1_000)), 0);
        // The last row goes: one chunk, and the head.
        let shorter = order(0..999);
        assert_eq!(write(&store, Some(&first), &shorter), 2);
        assert_eq!(store.order("w", 7).unwrap().unwrap().len(), 999);
        let short = order(0..10);
        write(&store, Some(&shorter), &short);
        assert!(
            store
                .order("w", 7)
                .unwrap()
                .unwrap()
                .iter()
                .eq(short.iter())
        );
        assert_ne!(store.order_version("w", 7).unwrap(), 0);
        let mut groups = Vec::new();
        store.forget_order(("w", 7), &short, &mut groups);
        store.commit(groups).unwrap();
        assert_eq!(store.order_version("w", 7).unwrap(), 0);
        assert_eq!(store.keys(prefix::ROWS).count(), 0);
    }

    #[test]
    fn a_chunk_that_is_missing_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        write(&store, None, &order(0..600));
        let mut group = Group::default();
        group.remove(chunk_key("w", 7, 1));
        store.commit(vec![group]).unwrap();
        let error = store.order("w", 7).unwrap_err().to_string();
        assert!(
            error.contains("order/w/7") && error.contains("344 rows"),
            "{error}"
        );
    }
}
