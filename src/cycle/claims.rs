//! Several of the company who are in charge of one person, in different rows: noticed when a row settles, and asked of
//! the managers once. What they decide is `commands`'.

use super::accept::Poll;
use crate::core::claim::{Claim, Side, Step, sides, step};
use crate::core::decide::Event;
use crate::core::decide::notice;
use crate::core::message::{Message, Recipient};
use crate::core::record::{Kind, Record, RecordId};
use crate::core::sheet::FieldKind;
use crate::store::journal::Entry;
use crate::store::{Group, StoreError, ledger};

/// Stands where a rule's id would in the keys of questions, and is their template.
const RULE: &str = "claim";

/// Looks at the person of a row that has settled, if what happened may bear on whose customer they are.
pub(super) fn look(
    poll: &mut Poll<'_>,
    record: &Record,
    event: &Event,
    group: &mut Group,
) -> Result<(), StoreError> {
    if record.kind != Kind::Customer || !poll.roster.config().owners.claims {
        return Ok(());
    }
    let known = known(poll, &record.id)?;
    if !(matters(poll, record, event) || known.is_some() && may_end_it(event)) {
        return Ok(());
    }
    let mut records = match event {
        Event::Removed => Vec::new(),
        Event::Added | Event::Changed { .. } | Event::Returned { .. } => vec![record.clone()],
    };
    let others = poll
        .roster
        .others_of_person(record, |id| present(poll, id))?;
    records.extend(others);
    let stays = |claim: &Claim| {
        let mut others = records.iter().filter(|one| one.id != record.id);
        *event == Event::Removed || others.any(|one| claim.records.contains(&one.id))
    };
    let mut claim = match known {
        Some(claim) if !stays(&claim) => {
            leave(poll, claim, record, group)?;
            None
        }
        known => known,
    };
    // Nobody quarrels about a person with one row.
    if claim.is_none() && records.len() < 2 {
        return Ok(());
    }
    for other in &records {
        if claim.is_none() && other.id != record.id {
            claim = self::known(poll, &other.id)?;
        }
    }
    settle(poll, claim, &records, group)
}

/// The row has come to be another person's: the claim goes on among the others, if there is one left.
fn leave(
    poll: &mut Poll<'_>,
    mut claim: Claim,
    record: &Record,
    group: &mut Group,
) -> Result<(), StoreError> {
    claim.records.retain(|id| *id != record.id);
    group.leave_claim(&record.id);
    keep(poll, &claim, group);
    let mut rows = Vec::new();
    for id in &claim.records {
        rows.extend(present(poll, id)?);
    }
    settle(poll, Some(claim), &rows, group)
}

/// What follows for a person with these rows.
fn settle(
    poll: &mut Poll<'_>,
    claim: Option<Claim>,
    records: &[Record],
    group: &mut Group,
) -> Result<(), StoreError> {
    let standings = poll.roster.standings(records)?;
    let sides = sides(&standings);
    let ids: Vec<RecordId> = records.iter().map(|one| one.id.clone()).collect();
    match step(claim, &ids, &sides, poll.now) {
        Step::Stays => {}
        Step::Kept(claim) => keep(poll, &claim, group),
        Step::Asked(claim) => {
            keep(poll, &claim, group);
            ask(poll, &claim, &sides, records, group)?;
        }
        Step::Over(claim) => {
            keep(poll, &claim, group);
            let why = "the sheet names one in charge only";
            poll.roster
                .withdraw_question(group, &claim, claim.round, why)?;
            note(
                poll,
                &claim,
                &format!("claim {}: over, {why}", claim.id),
                group,
            );
        }
    }
    Ok(())
}

/// Whether it may make a claim.
fn matters(poll: &Poll<'_>, record: &Record, event: &Event) -> bool {
    let fields = poll.roster.fields(record.kind);
    let tells = |id: &str| {
        let kind = fields
            .iter()
            .find(|field| field.id == id)
            .map(|field| field.kind);
        matches!(
            kind,
            Some(FieldKind::Owner | FieldKind::Phone | FieldKind::Email | FieldKind::Name)
        )
    };
    match event {
        Event::Added | Event::Returned { .. } => true,
        Event::Changed { changes, left } => {
            let was_lost = poll
                .roster
                .config()
                .stages
                .iter()
                .any(|stage| stage.lost && left.as_deref() == Some(stage.id.as_str()));
            was_lost || changes.iter().any(|change| tells(&change.field))
        }
        Event::Removed => false,
    }
}

/// Whether it may end one: a row went, or its deal is off.
fn may_end_it(event: &Event) -> bool {
    match event {
        Event::Removed => true,
        Event::Changed { changes, .. } => changes.iter().any(|change| change.field == "stage"),
        Event::Added | Event::Returned { .. } => false,
    }
}

/// A row that is there and counts, as this poll has it so far.
fn present(poll: &Poll<'_>, id: &RecordId) -> Result<Option<Record>, StoreError> {
    let record = match poll.work.get(id) {
        Some(work) => Some(work.record.clone()),
        None => poll.roster.store().record(id)?,
    };
    Ok(record.filter(|record| record.gone.is_none() && record.settled.is_some()))
}

fn known(poll: &Poll<'_>, id: &RecordId) -> Result<Option<Claim>, StoreError> {
    let here = poll.claims.iter().find(|claim| claim.records.contains(id));
    match here {
        Some(claim) => Ok(Some(claim.clone())),
        None => poll.roster.store().claim_of(id),
    }
}

fn keep(poll: &mut Poll<'_>, claim: &Claim, group: &mut Group) {
    group.put_claim(claim);
    poll.claims.retain(|other| other.id != claim.id);
    poll.claims.push(claim.clone());
}

fn ask(
    poll: &mut Poll<'_>,
    claim: &Claim,
    sides: &[Side],
    records: &[Record],
    group: &mut Group,
) -> Result<(), StoreError> {
    let (roster, now) = (poll.roster, poll.now);
    if claim.round > 1 {
        let why = "there is a newer question";
        roster.withdraw_question(group, claim, claim.round - 1, why)?;
    }
    let facts = roster.claim_facts(claim, records)?;
    let extra = serde_json::json!({ "claim": &facts });
    let questions = notice::to_managers(
        &roster.directory()?,
        RULE,
        RULE,
        &facts.question,
        &extra,
        now,
    );
    for message in &questions {
        decided(poll, message, group)?;
    }
    let names: Vec<String> = sides.iter().map(|side| side.owners.join(" + ")).collect();
    let text = format!(
        "claim {}: {}: the managers are asked",
        claim.id,
        names.join(" or ")
    );
    note(poll, claim, &text, group);
    Ok(())
}

/// A message that this poll decided, though no rule did.
pub(super) fn decided(
    poll: &mut Poll<'_>,
    message: &Message,
    group: &mut Group,
) -> Result<(), StoreError> {
    let roster = poll.roster;
    if ledger::queue(roster.store(), group, message)? {
        let to = match &message.to {
            Recipient::Staff(name) => name.clone(),
            _ => "[alerts] email".into(),
        };
        let zone = &roster.config().calendar.zone;
        poll.report.decided(message, to, zone);
    }
    Ok(())
}

fn note(poll: &Poll<'_>, claim: &Claim, text: &str, group: &mut Group) {
    for record in &claim.records {
        let entry = Entry::of_rule(poll.now, Some(record.clone()), text.to_owned());
        poll.roster.store().note(group, &entry);
    }
}
