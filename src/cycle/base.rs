//! The last accepted state of a workbook, as the matcher needs it: which record stands where, with
//! the fingerprint of its content. Some fifty bytes a row, so that the largest workbook fits.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::config::Workbook;
use crate::core::identity::{FINGERPRINT_FORMAT, FieldInfo, Fingerprint, Print, fingerprint};
use crate::core::record::{Kind, RecordId};
use crate::roster::Roster;
use crate::store::keys::prefix;
use crate::store::order::{Order, OrderRow};
use crate::store::{Group, Store, StoreError};

/// One accepted row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BaseRow {
    /// Google's id of the tab.
    pub(super) sheet: i64,
    /// The sheet's own row number.
    pub(super) row: u32,
    /// Of the cells as last seen.
    pub(super) hash: Fingerprint,
    /// What its JSON is known by; 0 if that is not known.
    pub(super) json: u128,
    /// Whose row it is, by the number of the record's id.
    pub(super) number: u128,
}

/// The accepted rows of a workbook.
#[derive(Debug, Default)]
pub(super) struct Base {
    /// By Google's id of the tab, in sheet order.
    tabs: BTreeMap<i64, Order>,
    /// Records whose identity is unclear.
    pub(super) ambiguous: BTreeSet<RecordId>,
}

impl Base {
    /// The rows of a tab.
    pub(super) fn tab(&self, sheet: i64) -> Option<&Order> {
        self.tabs.get(&sheet)
    }

    /// The rows of a kind, tab after tab.
    pub(super) fn of(&self, kind: Kind) -> Vec<BaseRow> {
        let tabs = self.tabs.iter().filter(|(_, order)| order.kind == kind);
        let count = tabs.clone().map(|(_, order)| order.len()).sum();
        let mut rows = Vec::with_capacity(count);
        for (&sheet, order) in tabs {
            rows.extend(order.iter().map(|row| BaseRow::new(sheet, row)));
        }
        rows
    }

    /// Where in any tab a row of this content stood.
    pub(super) fn by_print(&self, print: Fingerprint) -> Option<BaseRow> {
        self.tabs.iter().find_map(|(&sheet, order)| {
            let row = order.get(order.by_print(print.0)?)?;
            Some(BaseRow::new(sheet, row))
        })
    }

    /// The rows of a tab as they are now; an empty tab has an order as well.
    pub(super) fn insert(&mut self, sheet: i64, order: Order) {
        self.tabs.insert(sheet, order);
    }

    /// Adds a row behind the others of its tab, which must be there.
    pub(super) fn push(&mut self, row: &BaseRow) {
        if let Some(order) = self.tabs.get_mut(&row.sheet) {
            order.push(&OrderRow {
                number: row.number,
                print: row.hash.0,
                json: row.json,
                row: row.row,
            });
        }
    }

    /// What of this is another than before, for the store.
    pub(super) fn write(&self, store: &Store, workbook: &str, before: &Self) -> Vec<Group> {
        let mut groups = Vec::new();
        for (&sheet, order) in &self.tabs {
            store.write_order((workbook, sheet), before.tab(sheet), order, &mut groups);
        }
        for (&sheet, order) in &before.tabs {
            if !self.tabs.contains_key(&sheet) {
                store.forget_order((workbook, sheet), order, &mut groups);
            }
        }
        groups
    }
}

impl BaseRow {
    fn new(sheet: i64, row: OrderRow) -> Self {
        Self {
            sheet,
            row: row.row,
            hash: Fingerprint(row.print),
            json: row.json,
            number: row.number,
        }
    }

    /// Whose row it is.
    pub(super) fn id(&self) -> RecordId {
        RecordId::from_number(self.number)
    }
}

/// Rows as the matcher sees them.
pub(super) fn prints(rows: &[BaseRow], tabs: &HashMap<i64, u32>) -> Vec<Print> {
    rows.iter()
        .map(|row| Print {
            tab: tabs.get(&row.sheet).copied().unwrap_or(u32::MAX),
            row: row.row,
            hash: row.hash,
        })
        .collect()
}

/// What fingerprints of these fields are made of.
pub(super) fn fields_hash(fields: &[FieldInfo]) -> u128 {
    let text = format!("{FINGERPRINT_FORMAT} {fields:?}");
    xxhash_rust::xxh3::xxh3_128(text.as_bytes()).max(1)
}

/// Reads the last accepted state back: once after a start, and after a poll that failed half-way.
/// `titles`: what the workbook calls its tabs now, by Google's id.
pub(super) fn load(
    roster: &Roster,
    workbook: &Workbook,
    titles: &BTreeMap<i64, String>,
) -> Result<(Base, BTreeSet<RecordId>), StoreError> {
    let store = roster.store();
    let mut base = Base::default();
    for tab in roster.tabs(&workbook.id)? {
        // A tab that the configuration no longer names is forgotten, not gone. One that was renamed in
        // the workbook and in the configuration alike is the same tab.
        let renamed = titles.get(&tab.sheet).filter(|now| **now != tab.title);
        if workbook.tab(&tab.title).is_none()
            && renamed.is_none_or(|now| workbook.tab(now).is_none())
        {
            continue;
        }
        let Some(order) = store.order(&workbook.id, tab.sheet)? else {
            continue;
        };
        let infos = roster.infos(order.kind);
        let order = if order.fields == fields_hash(&infos) {
            order
        } else {
            with_new_prints(store, &order, &infos)?
        };
        base.insert(tab.sheet, order);
    }
    for entry in store.keys(prefix::UNCLEAR) {
        let key = entry?;
        let id = RecordId::new(String::from_utf8_lossy(&key[prefix::UNCLEAR.len()..]));
        // Passing over a lost record would make its row a new customer.
        let record = known(store, &id)?;
        if record.place.workbook == workbook.id && record.ambiguous_since.is_some() {
            base.ambiguous.insert(id);
        }
    }
    let pending = store
        .scan::<String>(prefix::PENDING)
        .filter(|entry| !matches!(entry, Ok((_, book)) if *book != workbook.id))
        .map(|entry| {
            entry.map(|(key, _)| {
                RecordId::new(String::from_utf8_lossy(&key[prefix::PENDING.len()..]))
            })
        })
        .collect::<Result<_, _>>()?;
    Ok((base, pending))
}

/// The same rows when the configuration has other fields than when they were written.
fn with_new_prints(store: &Store, order: &Order, infos: &[FieldInfo]) -> Result<Order, StoreError> {
    let mut anew = Order::new(order.kind, fields_hash(infos), 0);
    for row in order.iter() {
        let record = known(store, &row.id())?;
        anew.push(&OrderRow {
            print: fingerprint(&record.seen, infos).0,
            json: 0,
            ..row
        });
    }
    Ok(anew)
}

/// A record that must be there, because a row names it.
pub(super) fn known(
    store: &Store,
    id: &RecordId,
) -> Result<crate::core::record::Record, StoreError> {
    store.record(id)?.ok_or_else(|| StoreError::Value {
        key: format!("record/{id}"),
        why: "the order of rows names it, and it is not there".into(),
    })
}
