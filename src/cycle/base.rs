//! The last accepted state of a workbook, as the matcher needs it: which record stands where, with
//! the fingerprint of its content.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::config::Workbook;
use crate::core::identity::{Fingerprint, Print, fingerprint};
use crate::core::record::{Kind, Record, RecordId};
use crate::roster::{Order, Roster, order_key};
use crate::store::keys::{self, prefix};
use crate::store::{Group, StoreError};

/// One accepted row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BaseRow {
    /// Google's id of the tab.
    pub(super) sheet: i64,
    /// The sheet's own row number.
    pub(super) row: u32,
    /// Of the cells as last seen.
    pub(super) hash: Fingerprint,
    /// Whose row it is.
    pub(super) id: RecordId,
}

/// The accepted rows of a workbook.
#[derive(Clone, Debug, Default)]
pub(super) struct Base {
    /// By kind, in sheet order, tab after tab.
    pub(super) rows: BTreeMap<Kind, Vec<BaseRow>>,
    /// Records whose identity is unclear.
    pub(super) ambiguous: BTreeSet<RecordId>,
}

impl Base {
    /// The contents that are known already.
    pub(super) fn hashes(&self) -> HashSet<Fingerprint> {
        self.rows.values().flatten().map(|row| row.hash).collect()
    }

    /// The rows of a kind.
    pub(super) fn of(&self, kind: Kind) -> &[BaseRow] {
        self.rows.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// Who stands in each tab, by Google's id of the tab.
    pub(super) fn orders(&self) -> BTreeMap<i64, Order> {
        let mut orders: BTreeMap<i64, Order> = BTreeMap::new();
        for (kind, rows) in &self.rows {
            for row in rows {
                let order = orders.entry(row.sheet).or_default();
                order.kind = *kind;
                order.rows.push((row.row, row.id.clone()));
            }
        }
        orders
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
        let Some(order) = store.get::<Order>(&order_key(&workbook.id, tab.sheet))? else {
            continue;
        };
        let infos = roster.infos(order.kind);
        for (row, id) in order.rows {
            // Passing over a lost record would make its row a new customer.
            let lost = || StoreError::Value {
                key: format!("record/{id}"),
                why: "the order of rows names it, and it is not there".into(),
            };
            let record = store.get::<Record>(&keys::record(&id))?.ok_or_else(lost)?;
            if record.ambiguous_since.is_some() {
                base.ambiguous.insert(id.clone());
            }
            base.rows.entry(order.kind).or_default().push(BaseRow {
                sheet: tab.sheet,
                row,
                hash: fingerprint(&record.seen, &infos),
                id,
            });
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

/// Writes the orders that changed, one key a tab; a sort writes nothing else.
pub(super) fn write_orders(workbook: &str, before: &Base, after: &Base, group: &mut Group) {
    let (before, after) = (before.orders(), after.orders());
    for (sheet, order) in &after {
        if before.get(sheet) != Some(order) {
            group.put(order_key(workbook, *sheet), order);
        }
    }
    for sheet in before.keys().filter(|sheet| !after.contains_key(sheet)) {
        group.remove(order_key(workbook, *sheet));
    }
}
