//! The rows that name a leaver, who could take them, and the split.

use std::collections::BTreeMap;

use crate::commands::invite::no_such_person;
use crate::commands::{Answer, CommandError, ErrorKind};
use crate::core::facts::message::HandoverShare;
use crate::core::handover::{Deal, Shares, Taker, split};
use crate::core::people::{Colleague, Directory, Role};
use crate::core::record::Record;
use crate::core::sheet::fold::fold;
use crate::core::sheet::{Typed, Value};
use crate::roster::Roster;
use crate::store::StoreError;

/// One row that names the leaver.
pub(super) struct Row {
    pub(super) record: Record,
    pub(super) deal: Deal,
    pub(super) customer: bool,
    pub(super) phones: Vec<String>,
}

/// Everything a split goes by.
pub(super) struct Found {
    pub(super) from: String,
    pub(super) names: Vec<String>,
    pub(super) rows: Vec<Row>,
    pub(super) takers: Vec<Taker>,
}

/// Somebody by name, or by a part of it that only one has.
pub(super) fn nearest<'a>(name: &str, directory: &'a Directory) -> Option<&'a Colleague> {
    if let Some(person) = directory.find(name) {
        return Some(person);
    }
    let wanted = fold(name);
    let mut like = directory.all().iter().filter(|person| {
        !wanted.is_empty() && format!(" {} ", fold(&person.name)).contains(&format!(" {wanted} "))
    });
    match (like.next(), like.next()) {
        (Some(one), None) => Some(one),
        _ => None,
    }
}

/// Who could take over: those of the same team who deal with customers, else all who do.
pub(super) fn takers(
    from: &str,
    person: Option<&Colleague>,
    directory: &Directory,
    roster: &Roster,
) -> Result<Vec<Taker>, StoreError> {
    let standing = roster.stand_ins()?;
    let can = |one: &&Colleague| {
        matches!(one.role, Role::Staff | Role::Leader)
            && one.name != from
            && !one.is_group()
            && standing.of(&one.name).is_none()
    };
    let all: Vec<&Colleague> = directory.all().iter().filter(can).collect();
    let team = person.and_then(|person| person.team.as_ref());
    let mates: Vec<&Colleague> = all
        .iter()
        .filter(|one| team.is_some() && one.team.as_ref() == team)
        .copied()
        .collect();
    let taker = |one: &Colleague| Taker {
        name: one.name.clone(),
        ..Taker::default()
    };
    let chosen = if mates.is_empty() { all } else { mates };
    Ok(chosen.into_iter().map(taker).collect())
}

/// Everything to one, or split.
pub(super) fn divided(found: &Found, to: Option<&str>, directory: &Directory) -> Answer<Shares> {
    if let Some(to) = to {
        let person = nearest(to, directory).ok_or_else(|| no_such_person(to, directory))?;
        if person.name == found.from {
            return Err(CommandError::new(
                ErrorKind::Usage,
                format!("{} cannot take over from themselves", person.name),
                format!("{} không thể nhận bàn giao từ chính mình.", person.name),
            ));
        }
        if person.is_group() {
            return Err(CommandError::new(
                ErrorKind::Usage,
                format!("{} is a group: name one colleague", person.name),
                format!("{} là một nhóm, vui lòng chọn một người.", person.name),
            ));
        }
        let all = found.rows.iter();
        return Ok(all
            .map(|row| (row.record.id.clone(), person.name.clone()))
            .collect());
    }
    if found.takers.is_empty() {
        return Err(CommandError::new(
            ErrorKind::NotFound,
            "nobody in the staff list could take over: name somebody with --to",
            "Trong danh sách nhân viên chưa có ai nhận bàn giao được.",
        ));
    }
    let customers = found.rows.iter().filter(|row| row.customer);
    let deals: Vec<Deal> = customers.map(|row| row.deal.clone()).collect();
    let mut shares = split(&deals, &found.takers);
    // An appointment goes with its customer.
    let by_phone: BTreeMap<&String, String> = found
        .rows
        .iter()
        .flat_map(|row| row.phones.iter().map(move |phone| (phone, &row.record.id)))
        .filter_map(|(phone, record)| Some((phone, shares.get(record)?.clone())))
        .collect();
    let rest = found.rows.iter().filter(|row| !row.customer);
    for (number, row) in rest.enumerate() {
        let with = row.phones.iter().find_map(|phone| by_phone.get(phone));
        let to = with.unwrap_or(&found.takers[number % found.takers.len()].name);
        shares.insert(row.record.id.clone(), to.clone());
    }
    Ok(shares)
}

pub(super) fn customers(found: &Found) -> usize {
    found.rows.iter().filter(|row| row.customer).count()
}

/// How many customers each gets, in the order of those who could take them.
pub(super) fn counted(found: &Found, shares: &Shares) -> Vec<HandoverShare> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &found.rows {
        if let Some(to) = shares.get(&row.record.id) {
            *counts.entry(to).or_default() += usize::from(row.customer);
        }
    }
    let known = found.takers.iter().map(|one| one.name.as_str());
    let mut order: Vec<&str> = known.filter(|name| counts.contains_key(name)).collect();
    let others = counts.keys().filter(|name| !order.contains(name));
    let others: Vec<&str> = others.copied().collect();
    order.extend(others);
    let share = |name: &str| HandoverShare {
        to: name.to_owned(),
        customers: counts[name],
    };
    order.into_iter().map(share).collect()
}

pub(super) fn phones(typed: &Typed) -> Vec<String> {
    match typed.values.get("phone") {
        Some(Value::Phone(phones)) => phones.iter().map(|one| one.expose().to_owned()).collect(),
        _ => Vec::new(),
    }
}
