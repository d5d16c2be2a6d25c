//! The records as understood, in the order of the sheet.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{Answer, CommandError, Desk, ErrorKind, Right, Who};
use crate::core::record::{Kind, Record};
use crate::core::sheet::Typed;
use crate::core::sheet::fold::fold;
use crate::roster::TabMeta;
use crate::store::order::Order;

/// One record, as `records --json` prints it (PRODUCT.md). Private columns are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordLine {
    /// Record id.
    pub record: String,
    /// Title of the tab.
    pub tab: String,
    /// The sheet's own row number.
    pub row: u32,
    /// By field id, typed; null where nothing stands or what stands there could not be read.
    pub fields: BTreeMap<String, Json>,
    /// By header, the cell as Google gave it; null where nothing stands.
    pub raw: BTreeMap<String, Json>,
}

/// Where a record stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot<'a> {
    /// Workbook id.
    pub(super) workbook: &'a str,
    /// The tab as last accepted.
    pub(super) tab: &'a TabMeta,
    /// The sheet's own row number.
    pub(super) row: u32,
}

impl Desk {
    /// The customers as understood, those of one tab or all; rows that are gone are not among them.
    ///
    /// # Errors
    /// The role, a tab that is not read, the disk.
    pub fn records(&self, tab: Option<&str>, who: &Who) -> Answer<Vec<RecordLine>> {
        self.must_all(who, Right::Everything)?;
        let fields = self.roster.fields(Kind::Customer);
        let private = |field: &str| fields.iter().any(|spec| spec.private && spec.id == field);
        let mut lines = Vec::new();
        self.each(Kind::Customer, tab, |spot, record, typed| {
            let bound = spot.tab.bound.iter().filter(|(field, _)| !private(field));
            let mut line = RecordLine {
                record: record.id.to_string(),
                tab: spot.tab.title.clone(),
                row: spot.row,
                fields: BTreeMap::new(),
                raw: BTreeMap::new(),
            };
            for (field, (column, header)) in bound {
                line.fields.insert(
                    field.clone(),
                    typed
                        .values
                        .get(field)
                        .map_or(Json::Null, |value| json!(value)),
                );
                // A stage or owner that the tab itself gives has no column.
                if *column != usize::MAX {
                    line.raw.insert(
                        header.clone(),
                        record
                            .seen
                            .get(field.as_str())
                            .map_or(Json::Null, |cell| json!(cell)),
                    );
                }
            }
            lines.push(line);
            Ok(())
        })?;
        Ok(lines)
    }

    /// Shows every present record of a kind, in the order of the configuration and of the sheet.
    pub(super) fn each(
        &self,
        kind: Kind,
        only: Option<&str>,
        mut show: impl FnMut(Spot<'_>, &Record, &Typed) -> Answer<()>,
    ) -> Answer<()> {
        let mut titles = Vec::new();
        let mut found = false;
        for (workbook, tab) in self.tabs_read()? {
            if tab.kind != Some(kind) {
                continue;
            }
            if only.is_some_and(|only| fold(only) != fold(&tab.title)) {
                titles.push(tab.title);
                continue;
            }
            found = true;
            let order = self.roster.store().order(&workbook, tab.sheet)?;
            for stands in order.into_iter().flat_map(Order::into_places) {
                let Some(record) = self.roster.store().record(&stands.id())? else {
                    continue;
                };
                let typed = self.roster.typed(kind, &workbook, &record.seen)?;
                let spot = Spot {
                    workbook: &workbook,
                    tab: &tab,
                    row: stands.row,
                };
                show(spot, &record, &typed)?;
            }
        }
        match only {
            Some(tab) if !found => Err(no_such_tab(tab, &titles)),
            _ => Ok(()),
        }
    }
}

fn no_such_tab(tab: &str, titles: &[String]) -> CommandError {
    let known = match titles {
        [] => "none was read yet: run `sheetbridge sync` first".to_owned(),
        titles => format!("there are {}", titles.join(", ")),
    };
    CommandError::plain(
        ErrorKind::NotFound,
        format!("there is no tab of customers called \"{tab}\"; {known}"),
    )
}
