//! Whose customer somebody is: `[owners]`, and the `areas` of `[[staff]]`.

use std::collections::BTreeMap;

use super::walk::{Reader, Section};
use super::{Owners, Propose, Staff};
use crate::core::people::Role;
use crate::core::sheet::fold::fold;

const PROPOSE: [(&str, Option<Propose>); 3] = [
    ("off", None),
    ("round-robin", Some(Propose::RoundRobin)),
    ("area", Some(Propose::Area)),
];

/// The section, and who looks after which areas.
pub(super) fn owners(reader: &Reader<'_>, root: &Section<'_>, staff: &[Staff]) -> Owners {
    let mut owners = Owners {
        claims: true,
        propose: None,
        areas: areas(reader, root, staff),
    };
    let Some(section) = root.section(reader, "owners") else {
        return owners;
    };
    section.only(reader, &["claims", "propose"], &[]);
    owners.claims = section.flag(reader, "claims").unwrap_or(true);
    let Some(text) = section.text(reader, "propose") else {
        return owners;
    };
    owners.propose = text.one_of(reader, &PROPOSE).flatten();
    let none = staff.iter().all(|person| !takes_customers(person));
    if owners.propose.is_some() && none {
        text.wrong(
            reader,
            ", and there is nobody to propose",
            "add the salespeople as [[staff]]",
        );
    } else if owners.propose == Some(Propose::Area) && owners.areas.is_empty() {
        text.wrong(
            reader,
            ", and nobody in [[staff]] has areas",
            "add areas = [\"Thủ Đức\", \"Quận 9\"] to those who have some, or write \"round-robin\"",
        );
    }
    owners
}

/// Whether somebody is proposed at all: groups and managers are not.
fn takes_customers(person: &Staff) -> bool {
    matches!(person.role, Role::Staff | Role::Leader) && person.telegram.is_none_or(|chat| chat > 0)
}

fn areas(
    reader: &Reader<'_>,
    root: &Section<'_>,
    staff: &[Staff],
) -> BTreeMap<String, Vec<String>> {
    let mut areas = BTreeMap::new();
    for section in root.sections(reader, "staff", "[[staff]]") {
        let Some(node) = section.get("areas") else {
            continue;
        };
        let own = section.texts(reader, "areas");
        let name = section.get("name").and_then(|name| name.as_text());
        let known = name.and_then(|name| staff.iter().find(|person| person.name == name.trim()));
        let words: Vec<String> = own.iter().map(|area| fold(area.text)).collect();
        if words.iter().any(String::is_empty) {
            reader.wrong(
                &node.span,
                "an area is empty",
                "write it as the area column has it, such as \"Thủ Đức\"",
            );
        }
        if let Some(person) = known.filter(|_| !words.is_empty()) {
            areas.insert(person.name.clone(), words);
        }
    }
    areas
}
