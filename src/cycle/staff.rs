//! Staff tabs: the people there are proposed to the managers, who say over the bot who may bind a chat.

use jiff::Timestamp;

use super::fetch::TabRead;
use crate::core::record::Cells;
use crate::core::sheet::{email, text, yes_no};
use crate::roster::{Candidate, Roster, candidate_key};
use crate::store::{Group, StoreError};

/// Takes the rows of a staff tab. Returns the names that nobody has said anything about yet.
pub(super) fn take(
    roster: &Roster,
    read: &TabRead,
    _now: Timestamp,
    group: &mut Group,
) -> Result<Vec<String>, StoreError> {
    let known = roster.candidates()?;
    let mut fresh = Vec::new();
    for cells in &read.staff {
        let Some(name) = word(cells, "name") else {
            continue;
        };
        let before = known.iter().find(|candidate| candidate.name == name);
        let candidate = Candidate {
            email: cells
                .get("email")
                .and_then(|cell| email::read(cell).value())
                .and_then(|all| all.first().map(|e| e.expose().to_owned())),
            team: word(cells, "team"),
            // Without the column everybody there works here; an empty or unclear cell is no yes.
            active: !has_column(read, "active")
                || cells
                    .get("active")
                    .and_then(|cell| yes_no::read(cell).value())
                    == Some(true),
            approved: before.and_then(|candidate| candidate.approved),
            by: before.and_then(|candidate| candidate.by.clone()),
            name,
        };
        if before == Some(&candidate) {
            continue;
        }
        let listed = roster.config().staff.iter().any(|person| {
            let fold = crate::core::sheet::fold::fold;
            fold(&person.name) == fold(&candidate.name)
        });
        if before.is_none() && candidate.active && !listed {
            fresh.push(candidate.name.clone());
        }
        group.put(candidate_key(&candidate.name), &candidate);
    }
    Ok(fresh)
}

fn has_column(read: &TabRead, field: &str) -> bool {
    read.header
        .as_ref()
        .is_ok_and(|header| header.bound.contains_key(field))
}

fn word(cells: &Cells, field: &str) -> Option<String> {
    cells
        .get(field)
        .and_then(|cell| text::read(cell).value())
        .filter(|text| !text.is_empty())
}
