//! Proof of who agreed to advertising: a yes that appears in the sheet, and one that goes, is written down with
//! its time and its words.
//!
//! What a column already said at the first look is written down when the first advertising mail goes by it
//! (`outbox`): until then nobody acts on it. A form's own tab is written down at once, because its yes counts
//! for the same address in every other row.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::core::record::{Cells, Kind};
use crate::core::sheet::{FieldKind, Value};
use crate::roster::Roster;
use crate::store::proof::{self, Proof, Said};
use crate::store::{Group, StoreError};

/// A row as seen now, against what it was before; `before` is none for one that nobody knew.
pub(super) struct Row<'a> {
    pub(super) workbook: &'a str,
    /// Title of its tab.
    pub(super) tab: &'a str,
    pub(super) before: Option<&'a Cells>,
    pub(super) cells: &'a Cells,
    /// Of a tab that is looked at for the first time.
    pub(super) baseline: bool,
}

/// Whether a row can say anything; asked first, because most cannot.
fn says_something(roster: &Roster, row: &Row<'_>) -> bool {
    if roster.form_wording(row.workbook, row.tab).is_some() {
        let email = |cells: &Cells| cells.get("email").cloned();
        return row.before.is_none_or(|before| {
            email(before) != email(row.cells) || consents_differ(before, row)
        });
    }
    match row.before {
        None => !row.baseline && row.cells.contains_key("consent"),
        Some(before) => consents_differ(before, row),
    }
}

fn consents_differ(before: &Cells, row: &Row<'_>) -> bool {
    before.get("consent") != row.cells.get("consent")
}

/// Writes down what a row says newly. An error in the cell says nothing.
pub(super) fn act(
    roster: &Roster,
    row: &Row<'_>,
    now: Timestamp,
    group: &mut Group,
) -> Result<(), StoreError> {
    if !says_something(roster, row) {
        return Ok(());
    }
    let broken = |cells: &Cells| {
        let cell = cells.get("consent");
        cell.is_some_and(|cell| cell.error().is_some())
    };
    if broken(row.cells) || row.before.is_some_and(broken) {
        return Ok(());
    }
    let form = roster.form_wording(row.workbook, row.tab).is_some();
    let before = match row.before {
        Some(cells) => read(roster, row.workbook, cells, form)?,
        None => BTreeSet::new(),
    };
    let after = read(roster, row.workbook, row.cells, form)?;
    let store = roster.store();
    let basis = roster.basis_of(row.workbook, row.tab, row.cells);
    for (said, addresses) in [
        (Said::Agreed, after.difference(&before)),
        (Said::Withdrew, before.difference(&after)),
    ] {
        for (address, shown) in addresses {
            if said == Said::Agreed
                && proof::has_basis(store, address, &basis.source, &basis.wording)?
            {
                continue;
            }
            let proof = Proof {
                at: now,
                said,
                source: basis.source.clone(),
                wording: basis.wording.clone(),
                shown: shown.clone(),
            };
            proof::keep(store, group, address, &proof)?;
        }
    }
    Ok(())
}

/// The addresses for which a row says yes, each with its masked form.
fn read(
    roster: &Roster,
    workbook: &str,
    cells: &Cells,
    form: bool,
) -> Result<BTreeSet<(String, String)>, StoreError> {
    let fields = roster.fields(Kind::Customer);
    let matters = |id: &str| {
        let kind = fields
            .iter()
            .find(|field| field.id == id)
            .map(|field| &field.kind);
        matches!(kind, Some(FieldKind::Consent | FieldKind::Email))
    };
    let typed = roster.typed_of(Kind::Customer, workbook, cells, matters)?;
    let agreed = match typed.values.get("consent") {
        Some(Value::YesNo(yes)) => *yes,
        _ => form,
    };
    let mut found = BTreeSet::new();
    for value in typed.values.values() {
        if let Value::Email(emails) = value
            && agreed
        {
            found.extend(
                emails
                    .iter()
                    .map(|email| (email.expose().to_owned(), email.to_string())),
            );
        }
    }
    Ok(found)
}
