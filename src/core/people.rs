//! The company's own people: who is who in the owner column, and who may see and do what.

use serde::{Deserialize, Serialize};

use super::sheet::fold::fold;

/// What a person of the company may see and do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Their own customers.
    Staff,
    /// The customers of their team.
    Leader,
    /// Campaigns and totals.
    Marketing,
    /// Everything.
    Manager,
}

impl Role {
    /// As in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Leader => "leader",
            Self::Marketing => "marketing",
            Self::Manager => "manager",
        }
    }
}

/// One member of the company.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Colleague {
    /// As in the sheet's owner column.
    pub name: String,
    /// What they may see and do.
    pub role: Role,
    /// Team, for leaders.
    pub team: Option<String>,
    /// Other ways the sheet writes the name.
    pub aliases: Vec<String>,
    /// Mailbox.
    pub email: Option<String>,
    /// Telegram chat id from the configuration; one bound by invitation is in the store.
    pub telegram: Option<i64>,
}

impl Colleague {
    /// Whether it is a group and no person: Telegram's numbers of groups are negative.
    pub fn is_group(&self) -> bool {
        self.telegram.is_some_and(|chat| chat < 0)
    }
}

/// Everybody the configuration or an approved staff tab names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    people: Vec<Colleague>,
}

impl Directory {
    /// A directory of these people.
    pub fn new(people: Vec<Colleague>) -> Self {
        Self { people }
    }

    /// All of them, in the order of the configuration.
    pub fn all(&self) -> &[Colleague] {
        &self.people
    }

    /// The one of that name or alias; letter case and accents do not matter (SEMANTICS 25).
    pub fn find(&self, name: &str) -> Option<&Colleague> {
        let wanted = fold(name);
        if wanted.is_empty() {
            return None;
        }
        self.people.iter().find(|person| {
            fold(&person.name) == wanted || person.aliases.iter().any(|alias| fold(alias) == wanted)
        })
    }

    /// The managers, in the order of the configuration.
    pub fn managers(&self) -> impl Iterator<Item = &Colleague> {
        self.people
            .iter()
            .filter(|person| person.role == Role::Manager)
    }

    /// The owners a cell names, first one first, each once.
    pub fn owners<'a>(&'a self, names: &[String]) -> Vec<&'a Colleague> {
        let mut found: Vec<&Colleague> = Vec::new();
        for person in names.iter().filter_map(|name| self.find(name)) {
            if !found.iter().any(|other| other.name == person.name) {
                found.push(person);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str, role: Role, aliases: &[&str]) -> Colleague {
        Colleague {
            name: name.into(),
            role,
            team: None,
            aliases: aliases.iter().map(|&a| a.to_owned()).collect(),
            email: None,
            telegram: None,
        }
    }

    #[test]
    fn names_match_without_case_and_accents_and_with_aliases() {
        let directory = Directory::new(vec![
            person("Lan Anh", Role::Staff, &["L. Anh"]),
            person("Hà Phạm", Role::Manager, &[]),
        ]);
        for name in ["Lan Anh", " lan anh ", "LAN ANH", "L Anh"] {
            assert_eq!(
                directory.find(name).map(|p| p.name.as_str()),
                Some("Lan Anh"),
                "{name}"
            );
        }
        assert_eq!(
            directory.find("ha pham").map(|p| p.name.as_str()),
            Some("Hà Phạm")
        );
        assert_eq!(directory.find("Lan"), None);
        assert_eq!(directory.find(""), None);
        assert_eq!(directory.managers().count(), 1);
    }

    #[test]
    fn several_owners_are_all_owners_each_once() {
        let directory = Directory::new(vec![
            person("A", Role::Staff, &["a1"]),
            person("B", Role::Staff, &[]),
        ]);
        let names: Vec<String> = ["B", "a1", "A", "?"].map(String::from).into();
        let owners: Vec<&str> = directory
            .owners(&names)
            .iter()
            .map(|p| p.name.as_str())
            .collect();
        assert_eq!(owners, ["B", "A"]);
    }
}
