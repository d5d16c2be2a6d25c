//! The one table of what each role may see and do.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{Answer, CommandError, Desk, Who};
use crate::core::people::{Directory, Role};
use crate::core::record::Record;

/// What somebody wants to see or do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// How the machine is: polls, queue, channels, problems.
    Status,
    /// The morning's digest.
    Digest,
    /// All records, data problems, the outbox: names and addresses of everybody.
    Everything,
    /// Release or drop held batches, pause and resume, stop the last poll.
    Steer,
    /// Invite and approve people.
    People,
    /// See campaigns and what became of them; leaders only where they approve them, which
    /// [`Desk::allows`] knows.
    Campaigns,
    /// Numbers without names.
    Totals,
    /// Turn their own notices off for a time. Managers are the last to be told, so theirs stay on.
    Rest,
    /// See customers, and act on reminders and mails about them.
    Customers,
}

/// Whose customers a right covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The right is not given.
    Nothing,
    /// Those they are in charge of.
    Own,
    /// Those that somebody of their team is in charge of.
    Team,
    /// All.
    All,
}

/// Managers everything; leaders their team; marketing totals; staff their own customers; strangers nothing.
pub fn may(who: &Who, right: Right) -> Scope {
    let role = match who {
        Who::CommandLine => return Scope::All,
        Who::Stranger => return Scope::Nothing,
        Who::Colleague { role, .. } => *role,
    };
    match (right, role) {
        (Right::Rest, Role::Manager) => Scope::Nothing,
        (Right::Rest, Role::Staff | Role::Leader | Role::Marketing) => Scope::Own,
        (_, Role::Manager) | (Right::Totals | Right::Campaigns, Role::Marketing) => Scope::All,
        (Right::Customers | Right::Totals, Role::Leader) => Scope::Team,
        (Right::Customers | Right::Totals, Role::Staff) => Scope::Own,
        (
            Right::Status | Right::Digest | Right::Everything | Right::Steer | Right::People,
            Role::Staff | Role::Leader | Role::Marketing,
        )
        | (Right::Campaigns, Role::Staff | Role::Leader)
        | (Right::Customers, Role::Marketing) => Scope::Nothing,
    }
}

/// Whose records somebody sees.
#[derive(Debug)]
pub(super) struct Sight {
    directory: Directory,
    /// Names of those whose customers are seen; none: everybody's.
    names: Option<BTreeSet<String>>,
}

impl Sight {
    /// Who of the company is in charge, first one first.
    pub(super) fn owners(&self, facts: &Json) -> Vec<String> {
        let names = texts(&facts["owners"]);
        self.directory
            .owners(&names)
            .into_iter()
            .map(|person| person.name.clone())
            .collect()
    }

    /// The company's people.
    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Whether all customers are seen.
    pub(super) fn sees_all(&self) -> bool {
        self.names.is_none()
    }

    /// Whether somebody is among those whose customers are seen.
    pub(super) fn includes(&self, person: &str) -> bool {
        self.names
            .as_ref()
            .is_none_or(|names| names.contains(person))
    }

    /// Whether customers of these owners are seen, and the first in charge of those who are looked at.
    pub(super) fn seen(&self, owners: &[String]) -> Option<Option<String>> {
        let mut known = self
            .directory
            .owners(owners)
            .into_iter()
            .map(|person| &person.name);
        match &self.names {
            None => Some(known.next().cloned()),
            Some(names) => known.find(|name| names.contains(*name)).cloned().map(Some),
        }
    }

    /// Whether a record with these facts is seen.
    pub(super) fn covers(&self, facts: &Json) -> bool {
        match &self.names {
            None => true,
            Some(names) => self.owners(facts).iter().any(|owner| names.contains(owner)),
        }
    }
}

impl Desk {
    /// Refuses whoever has not the right for everything.
    pub(super) fn must_all(&self, who: &Who, right: Right) -> Answer<()> {
        match may(who, right) {
            Scope::All => Ok(()),
            Scope::Nothing | Scope::Own | Scope::Team => Err(CommandError::not_allowed()),
        }
    }

    /// Whose customers somebody sees.
    pub(super) fn sight(&self, who: &Who, right: Right) -> Answer<Sight> {
        let directory = self.roster.directory()?;
        let names = match (may(who, right), who) {
            (Scope::Nothing, _) | (_, Who::Stranger) => return Err(CommandError::not_allowed()),
            (Scope::All, _) | (_, Who::CommandLine) => None,
            (Scope::Own, Who::Colleague { name, .. }) => Some(BTreeSet::from([name.clone()])),
            (Scope::Team, Who::Colleague { name, .. }) => {
                let team = directory.find(name).and_then(|person| person.team.clone());
                let mates = directory
                    .all()
                    .iter()
                    .filter(|mate| team.is_some() && mate.team == team);
                Some(
                    mates
                        .map(|mate| mate.name.clone())
                        .chain([name.clone()])
                        .collect(),
                )
            }
        };
        Ok(Sight { directory, names })
    }

    /// Refuses whoever does not see this record, unless the message about it went to them.
    pub(super) fn must_see(&self, who: &Who, record: &Record, told: Option<&str>) -> Answer<()> {
        if told.is_some_and(|told| told == who.name()) && !self.has_handed_over(record, who)? {
            return Ok(());
        }
        let sight = self.sight(who, Right::Customers)?;
        let typed = self
            .roster
            .typed(record.kind, &record.place.workbook, &record.seen)?;
        let owners = self.roster.owners_in(&record.id, &typed)?;
        let facts = serde_json::json!({ "owners": owners });
        let given = || self.is_given_to(&record.id, &facts, |name| sight.includes(name));
        if sight.covers(&facts) || given()? {
            Ok(())
        } else {
            Err(CommandError::not_allowed())
        }
    }

    /// Whether somebody else is in charge of this record in their place: what they were told before is theirs no more.
    fn has_handed_over(&self, record: &Record, who: &Who) -> Answer<bool> {
        let standing = self.roster.stand_ins()?;
        Ok(standing.instead(&record.id, who.name()).is_some())
    }
}

pub(super) fn texts(value: &Json) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|text| text.as_str().map(String::from))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_roles() {
        let who = |role| Who::Colleague {
            name: "Lan Anh".into(),
            role,
        };
        for (right, staff, leader, marketing) in [
            (
                Right::Status,
                Scope::Nothing,
                Scope::Nothing,
                Scope::Nothing,
            ),
            (
                Right::Digest,
                Scope::Nothing,
                Scope::Nothing,
                Scope::Nothing,
            ),
            (
                Right::Everything,
                Scope::Nothing,
                Scope::Nothing,
                Scope::Nothing,
            ),
            (Right::Steer, Scope::Nothing, Scope::Nothing, Scope::Nothing),
            (
                Right::People,
                Scope::Nothing,
                Scope::Nothing,
                Scope::Nothing,
            ),
            (Right::Campaigns, Scope::Nothing, Scope::Nothing, Scope::All),
            (Right::Totals, Scope::Own, Scope::Team, Scope::All),
            (Right::Customers, Scope::Own, Scope::Team, Scope::Nothing),
        ] {
            assert_eq!(may(&who(Role::Staff), right), staff, "{right:?}");
            assert_eq!(may(&who(Role::Leader), right), leader, "{right:?}");
            assert_eq!(may(&who(Role::Marketing), right), marketing, "{right:?}");
            assert_eq!(may(&who(Role::Manager), right), Scope::All, "{right:?}");
            assert_eq!(may(&Who::CommandLine, right), Scope::All, "{right:?}");
            assert_eq!(may(&Who::Stranger, right), Scope::Nothing, "{right:?}");
        }
        // Managers are told when nobody else is there: the one thing that others may and they may not.
        for role in [Role::Staff, Role::Leader, Role::Marketing] {
            assert_eq!(may(&who(role), Right::Rest), Scope::Own, "{role:?}");
        }
        assert_eq!(may(&who(Role::Manager), Right::Rest), Scope::Nothing);
    }
}
