//! A new lead that nobody is in charge of: somebody is proposed to the managers, where the configuration wants it.

use jiff::ToSpan as _;

use super::accept::Poll;
use super::claims::decided;
use crate::config::Propose;
use crate::core::decide::{Event, notice, owner_names};
use crate::core::facts::message::ProposalFacts;
use crate::core::message::{Message, MessageKey, Recipient, Wanted};
use crate::core::people::Role;
use crate::core::propose::{Candidate, propose};
use crate::core::record::{Kind, Record};
use crate::store::{Group, StoreError};

/// Stands where a rule's id would in the keys of proposals, and is their template.
const RULE: &str = "owner-proposed";

/// So many are named with a button each.
const NAMED: usize = 6;

/// Proposes somebody for a row that has just come, if it names nobody of the company.
pub(super) fn look(
    poll: &mut Poll<'_>,
    record: &Record,
    event: &Event,
    facts: &serde_json::Value,
    group: &mut Group,
) -> Result<(), StoreError> {
    let (roster, now) = (poll.roster, poll.now);
    let Some(how) = roster.config().owners.propose else {
        return Ok(());
    };
    if record.kind != Kind::Customer || *event != Event::Added || is_old(poll, facts) {
        return Ok(());
    }
    let directory = roster.directory()?;
    if !directory.owners(&owner_names(facts)).is_empty() {
        return Ok(());
    }
    let areas = &roster.config().owners.areas;
    let stand_ins = roster.stand_ins()?;
    // Who has turned notices off, or has left, is passed over.
    let resting: Vec<String> = roster
        .store()
        .mutes(now)?
        .into_iter()
        .map(|mute| mute.name)
        .collect();
    let candidates: Vec<Candidate> = directory
        .all()
        .iter()
        .filter(|person| {
            let is_group = person.telegram.is_some_and(|chat| chat < 0);
            let away = resting.contains(&person.name) || stand_ins.of(&person.name).is_some();
            matches!(person.role, Role::Staff | Role::Leader) && !is_group && !away
        })
        .map(|person| Candidate {
            name: person.name.clone(),
            areas: match how {
                Propose::Area => areas.get(&person.name).cloned().unwrap_or_default(),
                Propose::RoundRobin => Vec::new(),
            },
        })
        .collect();
    let place = ["area", "interest"].map(|field| facts[field].as_str().unwrap_or_default());
    let last = match &poll.turn {
        Some(last) => Some(last.clone()),
        None => roster.store().proposed_last()?,
    };
    let found = propose(&candidates, Some(&place.join(" ")), last.as_deref());
    let Some(mut proposal) = found else {
        return Ok(());
    };
    let first = proposal.names[0].clone();
    group.put_proposed(&first);
    poll.turn = Some(first);
    proposal.names.truncate(NAMED);
    let extra = serde_json::json!({ "proposal": ProposalFacts {
        names: proposal.names,
        by_area: proposal.by_area,
        ..ProposalFacts::default()
    }});
    for message in notice::to_managers(&directory, RULE, RULE, "added", &extra, now) {
        let role = match &message.to {
            Recipient::Staff(name) => format!("managers:{name}"),
            _ => "managers".to_owned(),
        };
        let question = Message {
            key: MessageKey::new(RULE, 1, Some(&record.id), &role, "added"),
            record: Some(record.id.clone()),
            wanted: Wanted::Row,
            ..message
        };
        decided(poll, &question, group)?;
    }
    Ok(())
}

/// A pasted old list is not a flood of leads (SEMANTICS 14).
fn is_old(poll: &Poll<'_>, facts: &serde_json::Value) -> bool {
    let config = poll.roster.config();
    let received = facts["received"].as_str().and_then(|text| text.get(..10));
    let received = received.and_then(|date| date.parse::<jiff::civil::Date>().ok());
    let fresh = config.leads_fresh.duration().as_hours().max(0) / 24;
    let first = config.calendar.date(poll.now).saturating_sub(fresh.days());
    received.is_some_and(|date| date < first)
}
