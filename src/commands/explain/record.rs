//! One row's part of a person's story: how it stands, what happened to it, and what each rule says.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Answer, Desk};
use crate::commands::NoteLine;
use crate::commands::handover::stands_in;
use crate::core::decide::why::{Reading, Standing, look, trigger_shown};
use crate::core::identity::changed_fields;
use crate::core::message::Message;
use crate::core::record::{Kind, Record};
use crate::core::rule::Rule;
use crate::core::settle::{Outcome, Times, is_open, own_time, settle};
use crate::roster::Deciding;
use crate::store::journal::{Entry, What};

/// One row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordStory {
    /// Record id.
    pub record: String,
    /// `customer` or `appointment`.
    pub kind: Kind,
    /// Title of the workbook.
    pub workbook: String,
    /// Title of the tab and row.
    pub place: String,
    /// Address that opens the row; none if it is gone.
    pub url: Option<String>,
    /// When it was seen first.
    pub first_seen: String,
    /// Whether it was there at the first look, which sends nothing.
    pub baseline: bool,
    /// Since when it is gone.
    pub gone: Option<String>,
    /// Label of its stage.
    pub stage: Option<String>,
    /// Since when it is in that stage; none if nobody can know.
    pub stage_since: Option<String>,
    /// When somebody was at it last: idle times count from here.
    pub active: String,
    /// Who is in charge, as the sheet says it.
    pub owners: Vec<String>,
    /// What keeps it from counting now: not settled, incomplete, ambiguous, gone.
    pub now: Vec<String>,
    /// Every rule that could concern it.
    pub rules: Vec<RuleStory>,
    /// What colleagues said of it in the chat, the oldest first.
    #[serde(default)]
    pub notes: Vec<NoteLine>,
    /// What happened to it, the oldest first; looks of rules and messages are told elsewhere.
    pub journal: Vec<JournalLine>,
}

/// What one rule says about a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleStory {
    /// Rule id.
    pub rule: String,
    /// What sets it off.
    pub on: String,
    /// How it stands now.
    pub standing: Standing,
    /// When or on what it fires, or why it never does.
    pub why: String,
    /// Local ISO time with offset: when it fires, or until when it is open.
    pub at: Option<String>,
    /// Its condition, with the values that it reads now.
    pub condition: Option<Reading>,
    /// Why a change that is not settled yet has not been looked at.
    pub unsettled: Option<String>,
    /// The keys of the messages that it has decided for this row.
    pub messages: Vec<String>,
    /// What it came to each time it looked, the oldest first.
    pub looked: Vec<LookedAt>,
}

/// One look of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedAt {
    /// When.
    pub at: String,
    /// What it came to.
    pub said: String,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalLine {
    /// When.
    pub at: String,
    /// What kind.
    pub what: What,
    /// In words.
    pub text: String,
}

impl Desk {
    pub(super) fn record_story(
        &self,
        deciding: &Deciding,
        record: &Record,
        journal: &[&Entry],
        messages: &[Message],
        now: Timestamp,
    ) -> Answer<RecordStory> {
        let facts = self.roster.facts(record, &Json::Null, now)?;
        let config = self.roster.config();
        let mut rules = Vec::new();
        for rule in &config.rules {
            rules.extend(self.rule_story(deciding, rule, record, journal, messages, now)?);
        }
        let labels = self.roster.stage_labels();
        let label = |stage: &String| labels.get(stage).unwrap_or(stage).clone();
        Ok(RecordStory {
            record: record.id.to_string(),
            kind: record.kind,
            workbook: self.workbook_name(&record.place.workbook)?,
            place: self.place_of(record)?,
            url: facts["sheet_url"]
                .as_str()
                .filter(|_| record.gone.is_none())
                .map(str::to_owned),
            first_seen: self.local(record.first_seen),
            baseline: record.baseline,
            gone: record.gone.map(|at| self.local(at)),
            stage: record.stage.as_ref().map(label),
            stage_since: record.stage_since.map(|at| self.local(at)),
            active: self.local(record.active_at),
            owners: super::super::allow::texts(&facts["owners"]),
            now: {
                let mut said = self.standing_of(record, now)?;
                said.extend(stands_in(self, &facts, record)?);
                said
            },
            rules,
            notes: self
                .roster
                .store()
                .notes(&record.id)?
                .iter()
                .map(|note| self.note_line(note))
                .collect(),
            journal: journal
                .iter()
                // What became of messages, the ledger tells better.
                .filter(|entry| !matches!(entry.what, What::Rule | What::Message))
                .map(|entry| JournalLine {
                    at: self.local(entry.at),
                    what: entry.what,
                    text: self.happened(entry, record),
                })
                .collect(),
        })
    }

    /// What keeps a record from counting now.
    fn standing_of(&self, record: &Record, now: Timestamp) -> Answer<Vec<String>> {
        let mut said = Vec::new();
        if record.removed {
            said.push("the row is gone for good".to_owned());
        } else if let Some(gone) = record.gone {
            let until = gone.saturating_add(self.roster.config().settle.removed.duration());
            said.push(format!(
                "the row is missing since {}; until {} that may be a cut that is still to be pasted",
                self.local(gone),
                self.local(until.unwrap_or(gone))
            ));
        }
        if let Some(since) = record.ambiguous_since {
            said.push(format!(
                "since {} it is unclear whose row this is: nothing fires for it until a phone or e-mail tells the rows apart",
                self.local(since)
            ));
        }
        if record.gone.is_none()
            && is_open(record)
            && let Some(why) = self.unsettled(record, None, now)?
        {
            said.push(why);
        }
        Ok(said)
    }

    /// Why what is seen of a record does not count yet, for the rules of a settle time of their own or for all others.
    fn unsettled(
        &self,
        record: &Record,
        rule: Option<&Rule>,
        now: Timestamp,
    ) -> Answer<Option<String>> {
        let config = self.roster.config();
        let record = rule.map_or(std::borrow::Cow::Borrowed(record), |rule| {
            record.for_rule(&rule.id)
        });
        if record.settled.as_ref() == Some(&record.seen) {
            return Ok(None);
        }
        let typed = self
            .roster
            .typed(record.kind, &record.place.workbook, &record.seen)?;
        let missing = self.roster.missing_fields(record.kind, &typed);
        let infos = self.roster.infos(record.kind);
        let changed = record
            .settled
            .as_ref()
            .map(|settled| changed_fields(settled, &record.seen, &infos));
        let times = Times {
            after: rule.and_then(own_time).unwrap_or(config.settle.after),
            removed: config.settle.removed,
            incomplete: config.settle.incomplete,
        };
        let same = changed.as_ref().is_some_and(Vec::is_empty);
        let what = match &changed {
            None => "the new row".to_owned(),
            Some(fields) => format!("the change of {}", self.headers(&record, fields)),
        };
        Ok(
            match settle(&record, now, &times, same, missing.is_empty()) {
                Outcome::Wait(until) => Some(format!(
                    "{what} has not settled yet: it counts from the first poll after {}, if nobody types until then",
                    self.local(until)
                )),
                Outcome::Incomplete { .. } => Some(format!(
                    "the row is incomplete: {} is missing, so nothing fires for it yet",
                    missing.join(" and ")
                )),
                Outcome::Added | Outcome::Changed { .. } => {
                    Some(format!("{what} counts from the next poll"))
                }
                Outcome::Undone | Outcome::Removed | Outcome::NeverWas => None,
            },
        )
    }

    fn rule_story(
        &self,
        deciding: &Deciding,
        rule: &Rule,
        record: &Record,
        journal: &[&Entry],
        messages: &[Message],
        now: Timestamp,
    ) -> Answer<Option<RuleStory>> {
        let view = record.for_rule(&rule.id);
        let place = Some((view.place.workbook.as_str(), view.place.sheet));
        let cx = deciding.context(&self.roster, place, now);
        let settled = view.settled.as_ref().unwrap_or(&view.seen);
        let facts = self.roster.facts_of(&view, settled, &Json::Null, now)?;
        let Some(mut look) = look(&cx, rule, &view, &facts) else {
            return Ok(None);
        };
        let unsettled = match record.gone.is_none() && is_open(record) {
            true => self.unsettled(record, Some(rule), now)?,
            false => None,
        };
        if unsettled.is_some() {
            // What it will go by when that has settled.
            let seen = self.roster.facts_of(&view, &view.seen, &Json::Null, now)?;
            look.condition = Reading::of(rule, &seen);
        }
        let looked_prefix = format!("{}: ", rule.id);
        let looked = journal
            .iter()
            .filter(|entry| entry.what == What::Rule)
            .filter_map(|entry| {
                Some(LookedAt {
                    at: self.local(entry.at),
                    said: entry.text.strip_prefix(&looked_prefix)?.to_owned(),
                })
            });
        let own = |message: &&Message| {
            message.rule == rule.id && message.record.as_ref() == Some(&record.id)
        };
        Ok(Some(RuleStory {
            rule: rule.id.clone(),
            on: trigger_shown(&cx, &rule.on),
            standing: look.standing,
            why: look.why,
            at: look.at.map(|at| self.local(at)),
            condition: look.condition,
            unsettled,
            messages: messages
                .iter()
                .filter(own)
                .map(|message| message.key.to_string())
                .collect(),
            looked: looked.collect(),
        }))
    }

    /// An entry of the journal in words: fields by their headers, private ones left out, stages by their labels.
    fn happened(&self, entry: &Entry, record: &Record) -> String {
        let labels = self.roster.stage_labels();
        let label = |stage: &String| labels.get(stage).unwrap_or(stage).clone();
        let mut text = match (entry.what, entry.text.strip_prefix("changed: ")) {
            (What::Changed, Some(fields)) => {
                let fields: Vec<String> = fields.split(", ").map(str::to_owned).collect();
                format!("changed: {}", self.headers(record, &fields))
            }
            _ => entry.text.clone(),
        };
        match &entry.stages {
            Some((Some(from), to)) => {
                text.push_str(&format!(" (stage “{}” → “{}”)", label(from), label(to)));
            }
            Some((None, to)) => text.push_str(&format!(" (stage “{}”)", label(to))),
            None => {}
        }
        text
    }

    /// Fields by their headers; private ones are only counted.
    fn headers(&self, record: &Record, fields: &[String]) -> String {
        let tab = self.roster.tab(&record.place.workbook, record.place.sheet);
        let bound = tab.ok().flatten().map(|tab| tab.bound).unwrap_or_default();
        let specs = self.roster.fields(record.kind);
        let private = |id: &str| specs.iter().any(|spec| spec.private && spec.id == id);
        let names: Vec<&str> = fields
            .iter()
            .map(|field| match bound.get(field) {
                _ if private(field) => "a private column",
                Some((_, header)) if !header.is_empty() => header.as_str(),
                _ => field.as_str(),
            })
            .collect();
        names.join(", ")
    }
}
