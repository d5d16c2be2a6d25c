//! A person's whole story in plain language: seen when and where, changed how, which rules looked and why they did or
//! did not fire, what was sent, held, skipped or is in doubt, and what will come.
//!
//! Nothing is decided here: what a rule says now is asked of the functions by which the cycle decides, what may go of
//! those by which the outbox looks, and what happened of the ledger and the journal. Private columns are not shown.

mod coming;
mod record;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::people::{Found, addresses, persons};
use super::suppress::reaches;
use super::{Answer, CommandError, Desk, ErrorKind, OutboxStory, Right, Who};
use crate::core::message::Message;
use crate::core::record::{Record, RecordId};
use crate::roster::Consent;
use crate::store::journal::Entry;
use crate::store::keys::prefix;
use crate::store::proof::{self, Proof};
use crate::store::suppression::{Suppression, SuppressionSource, suppress_key};

pub use coming::Coming;
pub use record::{JournalLine, LookedAt, RecordStory, RuleStory};

/// Choices that are named.
const CHOICES: usize = 20;

/// What `explain WHO` comes to: one person's story, or those among whom one has to choose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// The story, if WHO is one person.
    pub story: Option<Box<Story>>,
    /// The people that fit, if there are several.
    pub choices: Vec<Choice>,
    /// How many people fit.
    pub people: usize,
}

/// Somebody who may be meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Record id: `explain` takes it.
    pub record: String,
    /// Name.
    pub name: String,
    /// First number, as people write it.
    pub phone: Option<String>,
    /// First address.
    pub email: Option<String>,
    /// Where the row stands.
    pub place: String,
    /// Since when it is gone.
    pub gone: Option<String>,
}

/// One person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Story {
    /// The time of the look.
    pub at: String,
    /// Name as in the newest row.
    pub name: String,
    /// Numbers, as people write them.
    pub phones: Vec<String>,
    /// Addresses.
    pub emails: Vec<String>,
    /// What may not be written to them, and why: opt-outs, bounces.
    pub refusals: Vec<String>,
    /// Whether they have agreed to advertising, in words.
    pub consent: String,
    /// Everything that was said of their addresses: agreements, refusals, confirmations, each with its time,
    /// its source and its words. The oldest first.
    #[serde(default)]
    pub proofs: Vec<String>,
    /// Their rows, each a deal.
    pub records: Vec<RecordStory>,
    /// Every message to them or about them, the oldest first.
    pub messages: Vec<OutboxStory>,
    /// What will come, the earliest first.
    pub coming: Vec<Coming>,
    /// What holds for everybody and keeps things from going: held batches, pauses, the trial.
    pub general: Vec<String>,
}

impl Desk {
    /// Tells a person's story.
    ///
    /// # Errors
    /// The role, too little to look for, nobody found, the disk.
    pub fn explain(&self, text: &str, who: &Who, now: Timestamp) -> Answer<Explained> {
        self.must_all(who, Right::Everything)?;
        let found = self.people(text)?;
        if found.is_empty() {
            return Err(CommandError::plain(
                ErrorKind::NotFound,
                format!(
                    "nobody has the phone, e-mail, name or record id \"{text}\": `sheetbridge records` lists the customers, `sheetbridge records --problems` what could not be read"
                ),
            ));
        }
        let mut persons = persons(found);
        if persons.len() == 1 {
            let mut person = persons.remove(0);
            // Whoever names a row means that one.
            if !text.trim().starts_with("r-") {
                person = self.whole(person)?;
            }
            return Ok(Explained {
                story: Some(Box::new(self.story(&person, now)?)),
                choices: Vec::new(),
                people: 1,
            });
        }
        let people = persons.len();
        let mut choices = Vec::new();
        for one in persons
            .iter()
            .take(CHOICES)
            .filter_map(|person| person.first())
        {
            choices.push(self.choice(one)?);
        }
        Ok(Explained {
            story: None,
            choices,
            people,
        })
    }

    fn choice(&self, found: &Found) -> Answer<Choice> {
        Ok(Choice {
            record: found.record.id.to_string(),
            name: found.who.name.clone(),
            phone: found
                .who
                .phones
                .first()
                .map(|phone| crate::core::facts::national_phone(phone)),
            email: found.who.emails.first().cloned(),
            place: self.place_of(&found.record)?,
            gone: found.record.gone.map(|at| self.local(at)),
        })
    }

    fn story(&self, person: &[Found], now: Timestamp) -> Answer<Story> {
        let ids: BTreeSet<RecordId> = person.iter().map(|one| one.record.id.clone()).collect();
        let newest = person.iter().max_by_key(|one| one.record.first_seen);
        let name = newest.map(|one| one.who.name.clone()).unwrap_or_default();
        let mut messages = self.messages_of(&ids)?;
        messages.sort_by(|a, b| a.created.cmp(&b.created).then_with(|| a.key.cmp(&b.key)));
        let journal = self.journal_of(&ids)?;
        let deciding = self.roster.deciding()?;
        let mut records = Vec::new();
        let mut coming = self.waiting(&messages, now)?;
        for one in person {
            let own: Vec<_> = journal
                .iter()
                .filter(|entry| entry.record.as_ref() == Some(&one.record.id))
                .collect();
            records.push(self.record_story(&deciding, &one.record, &own, &messages, now)?);
            coming.extend(self.timers_of(&deciding, &one.record, now)?);
        }
        coming.sort_by(|a, b| a.at.cmp(&b.at));
        let mut stories = Vec::new();
        for message in &messages {
            stories.push(self.story_of(message, now)?);
        }
        let unique = |all: Vec<String>| -> Vec<String> {
            let mut seen = BTreeSet::new();
            all.into_iter()
                .filter(|one| seen.insert(one.clone()))
                .collect()
        };
        let phones = person.iter().flat_map(|one| &one.who.phones);
        let emails = person.iter().flat_map(|one| &one.who.emails);
        Ok(Story {
            at: self.local(now),
            name,
            phones: unique(
                phones
                    .map(|phone| crate::core::facts::national_phone(phone))
                    .collect(),
            ),
            emails: unique(emails.cloned().collect()),
            refusals: self.refusals(person)?,
            consent: self.consent_shown(person, now)?,
            proofs: self.proofs(person)?,
            records,
            messages: stories,
            coming,
            general: self.general(person)?,
        })
    }

    /// Every message that speaks of one of these records.
    fn messages_of(&self, ids: &BTreeSet<RecordId>) -> Answer<Vec<Message>> {
        let store = self.roster.store();
        let mut found = Vec::new();
        for key in store.keys(prefix::MESSAGE) {
            let key = key?;
            let text = String::from_utf8_lossy(&key[prefix::MESSAGE.len()..]);
            // `rule/step/record/role/occasion`; a part never has a slash of its own.
            let about = text.split('/').nth(2).unwrap_or_default();
            if ids.contains(&RecordId::new(about))
                && let Some(message) = store.get::<Message>(&key)?
            {
                found.push(message);
            }
        }
        Ok(found)
    }

    /// The entries of the journal about these records, the oldest first.
    fn journal_of(&self, ids: &BTreeSet<RecordId>) -> Answer<Vec<Entry>> {
        let mut found = Vec::new();
        for entry in self.roster.store().scan::<Entry>(prefix::JOURNAL) {
            let (_, entry) = entry?;
            if entry.record.as_ref().is_some_and(|id| ids.contains(id)) {
                found.push(entry);
            }
        }
        Ok(found)
    }

    /// Why advertising, or everything, does not go to them.
    fn refusals(&self, person: &[Found]) -> Answer<Vec<String>> {
        let store = self.roster.store();
        let mut said = Vec::new();
        for address in addresses(person) {
            let key = suppress_key(store, &address)?;
            let Some(standing) = store.get::<Suppression>(&key)? else {
                continue;
            };
            let what = match reaches(&standing) {
                "ads" => "no advertising",
                _ => "nothing at all",
            };
            let why = match &standing.source {
                SuppressionSource::Cell { .. } => "the opt-out cell in the sheet".to_owned(),
                SuppressionSource::Bounce { said } => format!("the provider said: {said}"),
                SuppressionSource::Link {
                    one_click, wording, ..
                } => super::suppress::by_link(*one_click, wording),
                SuppressionSource::Hand { by, why, .. } => match why {
                    Some(why) => format!("{by}: {why}"),
                    None => by.clone(),
                },
            };
            said.push(format!(
                "{what} goes to {} since {} ({why})",
                standing.shown,
                self.local(standing.at)
            ));
        }
        Ok(said)
    }

    /// What is known of their agreement to advertising, and on what.
    fn consent_shown(&self, person: &[Found], now: Timestamp) -> Answer<String> {
        let mut refused = false;
        for one in person {
            let facts = self
                .roster
                .facts(&one.record, &serde_json::Value::Null, now)?;
            match self.roster.consent(&facts)? {
                Consent::Given(basis) if basis.wording.is_empty() => {
                    return Ok(format!("they have agreed to advertising: {}", basis.source));
                }
                Consent::Given(basis) => {
                    return Ok(format!(
                        "they have agreed to advertising: {}, “{}”",
                        basis.source, basis.wording
                    ));
                }
                Consent::Refused => refused = true,
                Consent::Unknown => {}
            }
        }
        Ok(if refused {
            "they have not agreed to advertising"
        } else {
            "nothing shows that they have agreed to advertising, so none goes to them"
        }
        .to_owned())
    }

    /// Everything that was ever said of their addresses and numbers, the oldest first.
    fn proofs(&self, person: &[Found]) -> Answer<Vec<String>> {
        let mut found = Vec::new();
        for address in addresses(person) {
            found.extend(proof::of(self.roster.store(), &address)?);
        }
        found.sort_by_key(|proof| proof.at);
        Ok(found.iter().map(|proof| self.proof_line(proof)).collect())
    }

    /// One line of proof: when, of which address, what, how, and in which words.
    pub(super) fn proof_line(&self, proof: &Proof) -> String {
        let words = match proof.wording.as_str() {
            "" => String::new(),
            words => format!(", “{words}”"),
        };
        format!(
            "{}  {}: {} ({}{words})",
            self.local(proof.at),
            proof.shown,
            proof.said.words(),
            proof.source
        )
    }

    /// What keeps things from going for everybody.
    fn general(&self, person: &[Found]) -> Answer<Vec<String>> {
        let mut said = Vec::new();
        let books: BTreeSet<&str> = person
            .iter()
            .map(|one| one.record.place.workbook.as_str())
            .collect();
        for held in self.held_batches()? {
            if books.contains(held.workbook.as_str()) {
                said.push(format!(
                    "the workbook “{}” is held since {} ({}): what changed in it since does not count until a manager has answered {}",
                    self.workbook_name(&held.workbook)?,
                    self.local(held.since),
                    held.text.replace('\n', "; "),
                    held.id
                ));
            }
        }
        for paused in super::paused_list(self.roster.store())? {
            said.push(format!("paused: {}", paused.english()));
        }
        if let Some(mailbox) = &self.roster.config().trial {
            let mailbox = crate::core::message::Address::Email(mailbox.clone());
            said.push(format!(
                "the trial is on: what is meant for customers goes to {mailbox}"
            ));
        }
        Ok(said)
    }

    /// Where a record stands: `“Khách hàng”, row 17`.
    pub(super) fn place_of(&self, record: &Record) -> Answer<String> {
        let tab = self
            .roster
            .tab(&record.place.workbook, record.place.sheet)?;
        let title = tab.map(|tab| tab.title).unwrap_or_default();
        let row = match record.gone {
            None => self.roster.row_of(record)?,
            Some(_) => None,
        };
        Ok(match row {
            Some(row) => format!("“{title}”, row {row}"),
            None => format!("“{title}”, last in row {}", record.place.row),
        })
    }
}
