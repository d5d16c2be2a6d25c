//! Opt-outs of the sheet: they act at first sight, before settling, and even from a poll that is held.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::core::record::{Cells, Kind, RecordId};
use crate::core::sheet::Value;
use crate::roster::Roster;
use crate::store::journal::{Entry, What};
use crate::store::proof::{self, Proof, Said};
use crate::store::suppression::{Suppression, SuppressionSource, suppress_key};
use crate::store::{Group, StoreError};

/// What it says that an opt-out cell which was set is set no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Untick {
    /// The opt-out is taken back, as far as this cell had set it.
    Lifts,
    /// Nothing: the poll is implausible, or the column is not there.
    SaysNothing,
}

impl Untick {
    /// Of an accepted poll, in whose tab these columns came or went.
    pub(super) fn of(roster: &Roster, rebound: &BTreeSet<String>) -> Self {
        match opt_out_field(roster) {
            Some(field) if rebound.contains(&field) => Self::SaysNothing,
            _ => Self::Lifts,
        }
    }
}

/// Acts on the opt-out cell of a row as seen now. `id` is its record, if it has one already; `before`
/// its cells, with what unticking them says.
pub(super) fn act(
    roster: &Roster,
    workbook: &str,
    id: &RecordId,
    (before, untick): (Option<&Cells>, Untick),
    cells: &Cells,
    now: Timestamp,
    group: &mut Group,
) -> Result<(), StoreError> {
    let Some(field) = opt_out_field(roster) else {
        return Ok(());
    };
    if !cells.contains_key(field.as_str())
        && before.is_none_or(|before| !before.contains_key(field.as_str()))
    {
        return Ok(());
    }
    // An error says neither that the cell is set nor that it is not.
    let broken = |cells: &Cells| {
        cells
            .get(field.as_str())
            .is_some_and(|cell| cell.error().is_some())
    };
    if broken(cells) {
        return Ok(());
    }
    let refuses = |cells: &Cells| -> Result<bool, StoreError> {
        let typed = roster.typed_of(Kind::Customer, workbook, cells, |id| id == field)?;
        Ok(matches!(typed.values.get(&field), Some(Value::YesNo(true))))
    };
    let was = before.is_some_and(broken) || before.map(refuses).transpose()?.unwrap_or(false);
    let is = refuses(cells)?;
    if !was && !is {
        return Ok(());
    }
    if was && !is && untick == Untick::SaysNothing {
        return Ok(());
    }
    let store = roster.store();
    let source = SuppressionSource::Cell { record: id.clone() };
    // A held poll is looked at again and again: what acted once is no news.
    let mut acted = false;
    for (address, shown) in addresses(roster, workbook, cells)? {
        let key = suppress_key(store, &address)?;
        let standing: Option<Suppression> = store.get(&key)?;
        match standing {
            None if is => {
                acted = true;
                let said = Proof {
                    at: now,
                    said: Said::Refused,
                    source: "the opt-out cell of the sheet".to_owned(),
                    wording: cells
                        .get(field.as_str())
                        .map(|cell| cell.shown().into_owned())
                        .unwrap_or_default(),
                    shown: shown.clone(),
                };
                proof::keep(store, group, &address, &said)?;
                group.put(
                    key,
                    &Suppression {
                        at: now,
                        source: source.clone(),
                        shown,
                        also: Vec::new(),
                    },
                );
            }
            Some(mut standing) if is => {
                if joins(&mut standing, id) {
                    acted = true;
                    group.put(key, &standing);
                }
            }
            Some(mut standing) if was => match leaves(&mut standing, id) {
                Left::Nobody => {
                    acted = true;
                    let said = Proof {
                        at: now,
                        said: Said::Lifted,
                        source: "the opt-out cell of the sheet was cleared".to_owned(),
                        wording: String::new(),
                        shown,
                    };
                    proof::keep(store, group, &address, &said)?;
                    group.remove(key);
                }
                Left::Others => {
                    acted = true;
                    group.put(key, &standing);
                }
                Left::AsItWas => {}
            },
            None | Some(_) => {}
        }
    }
    if acted {
        let text = if is {
            "the opt-out cell was set"
        } else {
            "the opt-out cell was cleared"
        };
        store.note(
            group,
            &Entry {
                at: now,
                record: Some(id.clone()),
                what: What::OptOut,
                text: text.into(),
                stages: None,
                moved: None,
            },
        );
    }
    Ok(())
}

/// Stands for the record of a row of a held poll, which has none yet.
pub(super) fn nobody_yet() -> RecordId {
    RecordId::new("held")
}

/// Another row says the same of an address; whether that is news.
fn joins(standing: &mut Suppression, id: &RecordId) -> bool {
    let SuppressionSource::Cell { record } = &mut standing.source else {
        return false;
    };
    if record == id || standing.also.contains(id) || *id == nobody_yet() {
        return false;
    }
    if *record == nobody_yet() {
        *record = id.clone();
    } else {
        standing.also.push(id.clone());
    }
    true
}

/// What is left of a suppression when a row says no more what it said.
enum Left {
    Nobody,
    Others,
    AsItWas,
}

fn leaves(standing: &mut Suppression, id: &RecordId) -> Left {
    let others = standing.also.len();
    standing.also.retain(|other| other != id);
    match &mut standing.source {
        SuppressionSource::Cell { record } if record == id => {
            if standing.also.is_empty() {
                return Left::Nobody;
            }
            *record = standing.also.remove(0);
            Left::Others
        }
        SuppressionSource::Cell { .. } if standing.also.len() < others => Left::Others,
        SuppressionSource::Cell { .. }
        | SuppressionSource::Bounce { .. }
        | SuppressionSource::Link { .. }
        | SuppressionSource::Hand { .. } => Left::AsItWas,
    }
}

fn opt_out_field(roster: &Roster) -> Option<String> {
    use crate::core::sheet::FieldKind;
    let fields = roster.fields(Kind::Customer);
    fields
        .iter()
        .find(|field| field.kind == FieldKind::OptOut)
        .map(|field| field.id.clone())
}

/// The e-mail addresses and phone numbers of a row, each with its masked form.
fn addresses(
    roster: &Roster,
    workbook: &str,
    cells: &Cells,
) -> Result<Vec<(String, String)>, StoreError> {
    let typed = roster.typed(Kind::Customer, workbook, cells)?;
    let mut found = Vec::new();
    for value in typed.values.values() {
        match value {
            Value::Email(emails) => found.extend(
                emails
                    .iter()
                    .map(|email| (email.expose().to_owned(), email.to_string())),
            ),
            Value::Phone(phones) => found.extend(
                phones
                    .iter()
                    .map(|phone| (phone.expose().to_owned(), phone.to_string())),
            ),
            _ => {}
        }
    }
    Ok(found)
}
