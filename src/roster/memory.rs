//! What was read a moment ago: a record is asked about several times in a row, and what the store keeps of its
//! workbook and tab says the same each time. Bytes that changed are read anew.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;

use super::{TabMeta, WorkbookMeta, headers_of, tab_key, workbook_key};
use crate::core::handover::StandIns;
use crate::core::record::{Cells, Kind};
use crate::core::sheet::typed::typed;
use crate::core::sheet::{Schema, Typed};
use crate::store::keys::Key;
use crate::store::{Bytes, Store, StoreError, handover};

/// So many rows that were read last are kept. Polling, timers and sending ask at the same time.
const ROWS: usize = 4;

/// A tab, with its headers by field.
#[derive(Debug)]
pub(super) struct KnownTab {
    pub(super) meta: TabMeta,
    pub(super) headers: BTreeMap<String, String>,
}

/// What was read, and of which bytes.
type Kept<T> = Mutex<BTreeMap<Key, (Bytes, Arc<T>)>>;

#[derive(Debug, Default)]
pub(super) struct Memory {
    workbooks: Kept<WorkbookMeta>,
    tabs: Kept<KnownTab>,
    rows: Mutex<VecDeque<Row>>,
    stand_ins: Mutex<Option<(Bytes, Arc<StandIns>)>>,
    nobody: Arc<StandIns>,
}

#[derive(Debug)]
struct Row {
    kind: Kind,
    locale: String,
    cells: Cells,
    typed: Arc<Typed>,
}

impl Memory {
    pub(super) fn workbook(
        &self,
        store: &Store,
        id: &str,
    ) -> Result<Option<Arc<WorkbookMeta>>, StoreError> {
        read(&self.workbooks, store, workbook_key(id), |meta| meta)
    }

    pub(super) fn tab(
        &self,
        store: &Store,
        workbook: &str,
        sheet: i64,
    ) -> Result<Option<Arc<KnownTab>>, StoreError> {
        read(&self.tabs, store, tab_key(workbook, sheet), |meta| {
            KnownTab {
                headers: headers_of(&meta),
                meta,
            }
        })
    }

    /// Who took over what. Whatever changes it writes its index last, so those bytes tell.
    pub(super) fn stand_ins(&self, store: &Store) -> Result<Arc<StandIns>, StoreError> {
        let Some(bytes) = store.bytes(&handover::index_key())? else {
            return Ok(Arc::clone(&self.nobody));
        };
        let mut kept = lock(&self.stand_ins);
        if let Some((of, known)) = kept.as_ref()
            && *of == bytes
        {
            return Ok(Arc::clone(known));
        }
        let known = Arc::new(store.stand_ins()?);
        *kept = Some((bytes, Arc::clone(&known)));
        Ok(known)
    }

    /// Reads the cells of a row, unless they were just read.
    pub(super) fn typed(&self, kind: Kind, cells: &Cells, schema: &Schema) -> Arc<Typed> {
        if let Some(known) = self.known(kind, cells, schema) {
            return known;
        }
        let typed = Arc::new(typed(cells, schema));
        self.keep(kind, cells, schema, Arc::clone(&typed));
        typed
    }

    /// What the cells of a row mean, if they were just read.
    pub(super) fn known(&self, kind: Kind, cells: &Cells, schema: &Schema) -> Option<Arc<Typed>> {
        lock(&self.rows)
            .iter()
            .find(|row| row.kind == kind && row.locale == schema.locale && row.cells == *cells)
            .map(|row| Arc::clone(&row.typed))
    }

    /// Keeps what a row's cells mean.
    pub(super) fn keep(&self, kind: Kind, cells: &Cells, schema: &Schema, typed: Arc<Typed>) {
        let mut rows = lock(&self.rows);
        rows.truncate(ROWS - 1);
        rows.push_front(Row {
            kind,
            locale: schema.locale.clone(),
            cells: cells.clone(),
            typed,
        });
    }
}

fn read<D: DeserializeOwned, T>(
    kept: &Kept<T>,
    store: &Store,
    key: Key,
    make: impl FnOnce(D) -> T,
) -> Result<Option<Arc<T>>, StoreError> {
    let Some(bytes) = store.bytes(&key)? else {
        return Ok(None);
    };
    let mut kept = lock(kept);
    if let Some((of, value)) = kept.get(&key)
        && *of == bytes
    {
        return Ok(Some(Arc::clone(value)));
    }
    let value = Arc::new(make(bytes.read(&key)?));
    kept.insert(key, (bytes, Arc::clone(&value)));
    Ok(Some(value))
}

/// Every statement under these locks leaves what is kept whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
