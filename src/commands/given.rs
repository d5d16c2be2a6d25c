//! A lead that nobody is in charge of, given to somebody by a manager: they are told, and asked to write their name
//! into the sheet, which is the staff's to change.

use jiff::Timestamp;
use serde_json::json;

use super::customers::name_of;
use super::{Amendment, Answer, CommandError, Desk, ErrorKind, Right, Who};
use crate::config::Language;
use crate::core::decide::{notice, owner_names};
use crate::core::facts::message::ProposalFacts;
use crate::core::message::{Message, MessageKey, Wanted};
use crate::core::record::{Record, RecordId};
use crate::core::rule::Channel;
use crate::store::given::Given;
use crate::store::{Group, ledger};

/// Stands where a rule's id would in the key of what the chosen one is told, and is its template.
const RULE: &str = "owner-given";

/// Stands where a rule's id would in the keys of proposals.
const PROPOSED: &str = "owner-proposed";

/// What became of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeadGiven {
    /// Name of the customer.
    pub name: String,
    /// To whom.
    pub to: String,
}

impl Desk {
    /// Gives a lead to somebody, once. `asked` is the key of the message under which the button stood.
    ///
    /// # Errors
    /// The role, the row is gone or names somebody by now, it was given before, nobody of that name, the disk.
    pub(super) fn give(
        &self,
        record: &str,
        to: &str,
        asked: Option<&str>,
        who: &Who,
        now: Timestamp,
    ) -> Answer<LeadGiven> {
        self.must_all(who, Right::Steer)?;
        let store = self.roster.store();
        let _alone = store.alone();
        let record = self.in_sheet(record)?;
        if let Some(before) = store.given(&record.id)? {
            return Err(self.given_before(&before));
        }
        let directory = self.roster.directory()?;
        let facts = self.roster.facts(&record, &serde_json::Value::Null, now)?;
        if let Some(owner) = directory.owners(&owner_names(&facts)).first() {
            let owner = &owner.name;
            return Err(CommandError::new(
                ErrorKind::TooLate,
                format!("the sheet names {owner} by now"),
                format!("Ô phụ trách trên bảng nay đã ghi {owner}."),
            ));
        }
        let Some(person) = directory.find(to) else {
            return Err(CommandError::new(
                ErrorKind::NotFound,
                format!("{to} is no longer in the staff list"),
                format!("{to} không còn trong danh sách nhân viên."),
            ));
        };
        let given = Given {
            record: record.id.clone(),
            to: person.name.clone(),
            by: who.name().to_owned(),
            at: now,
        };
        let mut group = Group::default();
        group.put_given(&given);
        let did = format!("gave the lead to {}", person.name);
        self.note_hand(&mut group, now, Some(&record.id), who, &did);
        let extra = json!({ "proposal": ProposalFacts {
            by: Some(given.by.clone()),
            ..ProposalFacts::default()
        }});
        let told = notice::to_colleague(person, RULE, RULE, "given", &extra, now);
        let role = format!("colleague:{}", person.name);
        let told = Message {
            key: MessageKey::new(RULE, 1, Some(&record.id), &role, "given"),
            record: Some(record.id.clone()),
            wanted: Wanted::Row,
            ..told
        };
        ledger::queue(store, &mut group, &told)?;
        self.answer_proposal(&mut group, &given, asked)?;
        store.commit(vec![group])?;
        Ok(LeadGiven {
            name: name_of(&facts),
            to: person.name.clone(),
        })
    }

    /// The other managers' chats say so.
    fn answer_proposal(&self, group: &mut Group, given: &Given, asked: Option<&str>) -> Answer<()> {
        let why = format!("{} has decided already", given.by);
        let key = |role: &str| MessageKey::new(PROPOSED, 1, Some(&given.record), role, "added");
        for told in self.roster.withdraw(group, key, &why)? {
            if told.channel == Channel::Telegram && asked != Some(told.key.as_str()) {
                let escape = |text: &str| {
                    text.replace('&', "&amp;")
                        .replace('<', "&lt;")
                        .replace('>', "&gt;")
                };
                let (by, to) = (escape(&given.by), escape(&given.to));
                let amendment = Amendment {
                    question: told.key.clone(),
                    line: match self.language() {
                        Language::Vi => format!("✔️ <b>{by}</b> đã giao cho {to}"),
                        Language::En => format!("✔️ <b>{by}</b> gave it to {to}"),
                    },
                    due: given.at,
                    tries: 0,
                };
                group.put(amendment.key(), &amendment);
            }
        }
        Ok(())
    }

    fn given_before(&self, given: &Given) -> CommandError {
        let at = self.local(given.at);
        let hour = at.get(11..16).unwrap_or_default();
        let (by, to) = (&given.by, &given.to);
        CommandError::new(
            ErrorKind::TooLate,
            format!("{by} gave this lead to {to} at {at}"),
            format!("{by} đã giao khách này cho {to} lúc {hour}."),
        )
    }

    /// Whether a row that names nobody was given to one of these people: they see it until the sheet says so.
    pub(super) fn is_given_to(
        &self,
        record: &RecordId,
        facts: &serde_json::Value,
        includes: impl Fn(&str) -> bool,
    ) -> Answer<bool> {
        if !owner_names(facts).is_empty() {
            return Ok(false);
        }
        let given = self.roster.store().given(record)?;
        Ok(given.is_some_and(|given| includes(&given.to)))
    }

    /// To whom a row that names nobody was given.
    pub(super) fn given_to(
        &self,
        record: &Record,
        facts: &serde_json::Value,
    ) -> Answer<Option<Given>> {
        match owner_names(facts).is_empty() {
            true => Ok(self.roster.store().given(&record.id)?),
            false => Ok(None),
        }
    }
}
