//! Which customers somebody means, by whatever is known of them; those who are gone are among them.

use std::collections::BTreeSet;

use super::{Answer, CommandError, Desk, ErrorKind};
use crate::core::claim::Face;
use crate::core::record::{Record, RecordId};
use crate::core::sheet::fold::fold;
use crate::core::sheet::{Cell, Typed, Value, email, phone};

/// A record that fits what somebody wrote.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) record: Record,
    pub(super) who: Contact,
}

/// By what a row is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Contact {
    pub(super) name: String,
    /// In E.164.
    pub(super) phones: Vec<String>,
    pub(super) emails: Vec<String>,
}

impl Contact {
    pub(super) fn of(typed: &Typed) -> Self {
        let mut contact = Self::default();
        for (field, value) in typed.public() {
            match value {
                Value::Name(name) if field == "name" => {
                    contact.name = name.full.known().unwrap_or_default().to_owned();
                }
                Value::Phone(phones) => {
                    contact
                        .phones
                        .extend(phones.iter().map(|phone| phone.expose().to_owned()));
                }
                Value::Email(emails) => {
                    contact
                        .emails
                        .extend(emails.iter().map(|email| email.expose().to_lowercase()));
                }
                _ => {}
            }
        }
        contact
    }

    /// The same rule as everywhere: Bình is Trần Văn Bình who has the same number, and a couple on one number is two
    /// people (SEMANTICS 23).
    fn is_same_person(&self, other: &Self) -> bool {
        self.face().is_same_person(&other.face())
    }

    fn face(&self) -> Face {
        Face {
            name: fold(&self.name),
            contacts: self.phones.iter().chain(&self.emails).cloned().collect(),
        }
    }
}

/// What somebody wrote.
enum Wanted {
    Record(String),
    Email { address: String, whole: bool },
    Phone { e164: Vec<String>, digits: String },
    Name(String),
}

impl Wanted {
    fn of(text: &str) -> Answer<Self> {
        let text = text.trim();
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let numeric = !digits.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_digit() || " .,+-()/'".contains(c));
        if text.starts_with("r-") && text.len() > 2 && !text.contains(char::is_whitespace) {
            return Ok(Self::Record(text.to_uppercase().replacen("R-", "r-", 1)));
        }
        if text.contains('@') {
            let read = email::read(&Cell::Text(text.into())).value();
            return Ok(Self::Email {
                whole: read.is_some_and(|emails| emails.len() == 1),
                address: text.to_lowercase(),
            });
        }
        if numeric && digits.len() >= 4 {
            let read = phone::read(&Cell::Text(text.into())).value();
            let e164 = read
                .unwrap_or_default()
                .iter()
                .map(|phone| phone.expose().to_owned())
                .collect();
            // As in E.164: without the 0 of the trunk.
            let digits = digits.trim_start_matches('0').to_owned();
            return Ok(Self::Phone { e164, digits });
        }
        let name = fold(text);
        if numeric || name.chars().count() < 2 {
            return Err(CommandError::new(
                ErrorKind::Usage,
                format!(
                    "\"{text}\" is too little to look for: write a phone number, an e-mail address, two letters of a name at least, or a record id (r-…)"
                ),
                "Vui lòng ghi số điện thoại, e-mail, hoặc ít nhất hai chữ cái của tên.",
            ));
        }
        Ok(Self::Name(name))
    }

    /// 0 does not fit; of those that fit only the best are meant.
    fn fit(&self, id: &RecordId, who: &Contact) -> u32 {
        match self {
            Self::Record(wanted) if id.as_str() == wanted => 3,
            Self::Record(wanted) => u32::from(id.as_str().starts_with(wanted.as_str())),
            Self::Email { address, whole } => {
                let same = who.emails.iter().any(|email| email == address);
                let part = || {
                    who.emails
                        .iter()
                        .any(|email| email.contains(address.as_str()))
                };
                if same { 3 } else { u32::from(!whole && part()) }
            }
            Self::Phone { e164, digits } => {
                let same = who.phones.iter().any(|phone| e164.contains(phone));
                let part = || {
                    who.phones
                        .iter()
                        .any(|phone| phone.contains(digits.as_str()))
                };
                if same {
                    3
                } else {
                    u32::from(e164.is_empty() && part())
                }
            }
            Self::Name(wanted) => {
                let name = fold(&who.name);
                if name == *wanted {
                    3
                } else if format!(" {name} ").contains(&format!(" {wanted} ")) {
                    2
                } else {
                    u32::from(name.contains(wanted.as_str()))
                }
            }
        }
    }
}

impl Desk {
    /// The records that fit best, in the order of their ids; none if nobody fits.
    ///
    /// # Errors
    /// Too little to look for; the disk.
    pub(super) fn people(&self, text: &str) -> Answer<Vec<Found>> {
        let wanted = Wanted::of(text)?;
        let mut best = 1;
        let mut found: Vec<Found> = Vec::new();
        for record in self.roster.store().records() {
            let record = record?;
            if let Wanted::Record(id) = &wanted
                && !record.id.as_str().starts_with(id.as_str())
            {
                continue;
            }
            let who = self.contact(&record)?;
            let fit = wanted.fit(&record.id, &who);
            if fit > best {
                best = fit;
                found.clear();
            }
            if fit == best {
                found.push(Found { record, who });
            }
        }
        found.sort_by(|a, b| a.record.id.cmp(&b.record.id));
        Ok(found)
    }

    /// The person with their other rows, which may be known by less of the name, in the order in which they came.
    ///
    /// # Errors
    /// The disk.
    pub(super) fn whole(&self, mut person: Vec<Found>) -> Answer<Vec<Found>> {
        let store = self.roster.store();
        let Some(known) = person.first().map(|one| one.record.clone()) else {
            return Ok(person);
        };
        for record in self
            .roster
            .others_of_person(&known, |id| store.record(id))?
        {
            if person.iter().all(|one| one.record.id != record.id) {
                let who = self.contact(&record)?;
                person.push(Found { record, who });
            }
        }
        person.sort_by(|a, b| a.record.id.cmp(&b.record.id));
        Ok(person)
    }

    /// By what a record is known.
    pub(super) fn contact(&self, record: &Record) -> Answer<Contact> {
        let place = &record.place.workbook;
        Ok(Contact::of(&*self.roster.typed(
            record.kind,
            place,
            &record.seen,
        )?))
    }
}

/// Puts the records of one person together, each person's in the order in which they came.
pub(super) fn persons(found: Vec<Found>) -> Vec<Vec<Found>> {
    let mut persons: Vec<Vec<Found>> = Vec::new();
    for one in found {
        let (same, others): (Vec<_>, Vec<_>) = persons.into_iter().partition(|person| {
            person
                .iter()
                .any(|other| other.who.is_same_person(&one.who))
        });
        let mut joined: Vec<Found> = same.into_iter().flatten().collect();
        joined.push(one);
        persons = others;
        persons.push(joined);
    }
    let first = |person: &Vec<Found>| person.iter().map(|one| one.record.id.clone()).min();
    persons.sort_by_key(first);
    persons
}

/// Every address and number of some records, once.
pub(super) fn addresses(found: &[Found]) -> BTreeSet<String> {
    found
        .iter()
        .flat_map(|one| one.who.phones.iter().chain(&one.who.emails))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_meant_by_whatever_is_known_of_them() {
        let who = Contact {
            name: "Nguyễn Thị Hồng Nhung".into(),
            phones: vec!["+84901234567".into()],
            emails: vec!["nhung@example.org".into()],
        };
        let id = RecordId::new("r-01ARZ3NDEKTSV4RRFFQ69G5FAV");
        for (wanted, fit) in [
            ("Nguyễn Thị Hồng Nhung", 3),
            ("nguyen thi hong nhung", 3),
            ("hong nhung", 2),
            ("nhun", 1),
            ("0901234567", 3),
            ("+84 901 234 567", 3),
            ("84901234567", 3),
            ("090.123.4567", 3),
            ("234 567", 1),
            ("Nhung@Example.org", 3),
            ("nhung@", 1),
            ("r-01ARZ3NDEKTSV4RRFFQ69G5FAV", 3),
            ("r-01arz3", 1),
            ("0912345678", 0),
            ("an@example.org", 0),
            ("Nhung Hồng", 0),
        ] {
            assert_eq!(Wanted::of(wanted).unwrap().fit(&id, &who), fit, "{wanted}");
        }
        for short in ["", "a", "09", "123"] {
            let error = Wanted::of(short).err().unwrap();
            assert!(error.text.contains("is too little to look for"), "{error}");
        }
    }

    #[test]
    fn a_couple_is_two_people_and_two_deals_are_one() {
        let contact = |name: &str, phone: &str| Contact {
            name: name.into(),
            phones: vec![phone.into()],
            emails: Vec::new(),
        };
        let an = contact("An", "+84901234567");
        assert!(an.is_same_person(&contact("an", "+84901234567")));
        assert!(!an.is_same_person(&contact("Lan", "+84901234567")));
        assert!(!an.is_same_person(&contact("An", "+84912345678")));
    }
}
