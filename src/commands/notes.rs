//! What came of a reminder, and what staff write about a customer in the chat. A note that names a time makes a
//! reminder of its own for whoever wrote it.

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::customers::name_of;
use super::mail::Soon;
use super::{Answer, Card, CommandError, Desk, ErrorKind, Who};
use crate::core::delivery::{By, State};
use crate::core::facts::local_text;
use crate::core::facts::message::PromiseFacts;
use crate::core::message::{Message, MessageKey, Recipient, Wanted};
use crate::core::outcome::{Deed, Outcome, Promise};
use crate::core::record::{Record, RecordId};
use crate::core::rule::{Channel, Fallback};
use crate::store::keys::{self, Key, prefix};
use crate::store::notes::{Note, Told, told_key};
use crate::store::{Group, Store, ledger};

/// Stands in the place of a rule's id in the key of a reminder of a promise, and is its template.
const RULE: &str = "promise";

/// What is written later than this is about something else.
const ANSWER_COUNTS: SignedDuration = SignedDuration::from_mins(60);

/// How long before they meet somebody is reminded.
const BEFORE_MEETING: SignedDuration = SignedDuration::from_hours(1);

/// A reminder of a promise is worth sending for so long after its time.
const STILL_GOOD: SignedDuration = SignedDuration::from_hours(24);

/// The longest note that is kept, in letters.
const LONGEST: usize = 1_000;

/// Somebody was asked about a customer, and their next words are the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    record: RecordId,
    outcome: Outcome,
    at: Timestamp,
}

fn asked_key(name: &str) -> Key {
    keys::under(prefix::ASKED, name.replace('/', "∕"))
}

/// What an outcome button came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Came {
    /// What it said.
    pub outcome: Outcome,
    /// The customer.
    pub card: Card,
    /// Whether whoever pressed is asked for a time now.
    pub asks: bool,
    /// Label of the stage that the row could say instead, if the customer wants nothing any more.
    pub lost: Option<String>,
}

/// A note, as it was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteLine {
    /// Name of the customer.
    pub name: String,
    /// Local ISO time at which it was written.
    pub at: String,
    /// By whom.
    pub by: String,
    /// What came of it.
    pub outcome: Option<Outcome>,
    /// In their words; may be empty.
    pub text: String,
    /// What was promised.
    pub deed: Option<Deed>,
    /// ISO date, or local time, of what was promised.
    pub when: Option<String>,
    /// Local ISO time of the reminder.
    pub remind: Option<String>,
    /// What takes it back.
    pub id: String,
}

impl Desk {
    /// Keeps what came of a reminder. The round of reminders ends with it: the idle clock starts again, though the
    /// sheet has not changed.
    pub(super) fn came_of(
        &self,
        record: &str,
        outcome: Outcome,
        told: Option<&str>,
        who: &Who,
        now: Timestamp,
    ) -> Answer<Came> {
        let asks = matches!(
            outcome,
            Outcome::Appointed | Outcome::CallBack | Outcome::NoAnswer
        );
        let did = format!("said what came of it: {}", outcome.english());
        let card = self.touch_with(record, (who, told), &did, now, |group, record| {
            let note = Note {
                record: record.id.clone(),
                at: now,
                by: who.name().to_owned(),
                outcome: Some(outcome),
                text: String::new(),
                promise: None,
                reminder: None,
            };
            note.put(group, None);
            if asks {
                let asked = Asked {
                    record: record.id.clone(),
                    outcome,
                    at: now,
                };
                group.put(asked_key(who.name()), &asked);
            }
            Ok(())
        })?;
        let stages = &self.roster.config().stages;
        let lost = stages
            .iter()
            .find(|stage| stage.lost)
            .map(|stage| stage.label.clone());
        Ok(Came {
            outcome,
            card,
            asks,
            lost: lost.filter(|_| outcome == Outcome::NoNeed),
        })
    }

    /// When this person was asked about a customer, if their next words are to be the answer.
    ///
    /// # Errors
    /// The disk.
    pub fn asked_at(&self, who: &Who, now: Timestamp) -> Answer<Option<Timestamp>> {
        let asked: Option<Asked> = self.roster.store().get(&asked_key(who.name()))?;
        Ok(asked
            .map(|asked| asked.at)
            .filter(|at| now.duration_since(*at) <= ANSWER_COUNTS))
    }

    /// Takes words for the answer to what this person was asked last; nothing if they were not asked.
    ///
    /// # Errors
    /// The customer is gone; the disk.
    pub fn note_asked(&self, text: &str, who: &Who, now: Timestamp) -> Answer<Option<NoteLine>> {
        let store = self.roster.store();
        let key = asked_key(who.name());
        let Some(asked) = store.get::<Asked>(&key)? else {
            return Ok(None);
        };
        if now.duration_since(asked.at) > ANSWER_COUNTS {
            return Ok(None);
        }
        let outcome = Some(asked.outcome);
        // They saw the question, so they may answer it.
        let told = Some(who.name());
        let line = self.note(asked.record.as_str(), text, outcome, (who, told), now)?;
        self.answered(who, &line)?;
        Ok(Some(line))
    }

    /// Nothing more is asked, once a time was named.
    fn answered(&self, who: &Who, line: &NoteLine) -> Answer<()> {
        let mut group = Group::default();
        if line.when.is_some() {
            group.remove(asked_key(who.name()));
        }
        Ok(self.roster.store().commit(vec![group])?)
    }

    /// Takes words that answer a message in a chat for a note about the customer it speaks of; nothing if it speaks of
    /// none.
    ///
    /// # Errors
    /// The role, the customer is gone, the disk.
    pub fn note_reply(
        &self,
        (chat, message): (i64, i32),
        text: &str,
        who: &Who,
        now: Timestamp,
    ) -> Answer<Option<NoteLine>> {
        let store = self.roster.store();
        let Some(told) = store.get::<Told>(&told_key(chat, message))? else {
            return Ok(None);
        };
        let Some(message) = store.get::<Message>(&keys::message(&told.message))? else {
            return Ok(None);
        };
        let Some(record) = &message.record else {
            return Ok(None);
        };
        let asked: Option<Asked> = store.get(&asked_key(who.name()))?;
        let asked = asked.filter(|asked| asked.record == *record);
        // It stands in their own chat: they were told of this customer.
        let told = Some(who.name());
        let outcome = asked.map(|asked| asked.outcome);
        let line = self.note(record.as_str(), text, outcome, (who, told), now)?;
        if outcome.is_some() {
            self.answered(who, &line)?;
        }
        Ok(Some(line))
    }

    /// Sets a time to call by a button.
    pub(super) fn call_again(
        &self,
        record: &str,
        soon: Soon,
        told: Option<&str>,
        who: &Who,
        now: Timestamp,
    ) -> Answer<NoteLine> {
        let zone = &self.roster.config().calendar.zone;
        let at = self.soon(soon, now).to_zoned(zone.clone()).datetime();
        let minute = at
            .with()
            .second(0)
            .subsec_nanosecond(0)
            .build()
            .unwrap_or(at);
        let promise = Promise {
            deed: Deed::Call,
            at: minute,
            timed: true,
        };
        let mut group = Group::default();
        group.remove(asked_key(who.name()));
        self.roster.store().commit(vec![group])?;
        self.keep_note(record, "", None, Some(promise), (who, told), now)
    }

    fn note(
        &self,
        record: &str,
        text: &str,
        outcome: Option<Outcome>,
        by: (&Who, Option<&str>),
        now: Timestamp,
    ) -> Answer<NoteLine> {
        let text: String = text.trim().chars().take(LONGEST).collect();
        let local = now
            .to_zoned(self.roster.config().calendar.zone.clone())
            .datetime();
        let promise = Promise::read(&text, outcome, local);
        self.keep_note(record, &text, outcome, promise, by, now)
    }

    fn keep_note(
        &self,
        record: &str,
        text: &str,
        outcome: Option<Outcome>,
        promise: Option<Promise>,
        (who, told): (&Who, Option<&str>),
        now: Timestamp,
    ) -> Answer<NoteLine> {
        let mut kept = None;
        let did = match promise {
            Some(_) => "wrote a note with a time",
            None => "wrote a note",
        };
        let card = self.touch_with(record, (who, told), did, now, |group, record| {
            let reminder = promise.map(|promise| self.reminder(record, promise, text, who, now));
            let note = Note {
                record: record.id.clone(),
                at: now,
                by: who.name().to_owned(),
                outcome,
                text: text.to_owned(),
                promise,
                reminder: reminder.as_ref().map(|message| message.key.clone()),
            };
            if let (Some(promise), Some(message)) = (promise, &reminder) {
                self.replace_older(group, &note, promise, now)?;
                ledger::queue(self.roster.store(), group, message)?;
            }
            note.put(group, promise.map(|promise| self.instant(promise)));
            kept = Some((note, reminder.map(|message| message.due)));
            Ok(())
        })?;
        let Some((note, due)) = kept else {
            return Err(CommandError::plain(ErrorKind::Store, "nothing was kept"));
        };
        Ok(NoteLine {
            name: card.name,
            remind: due.map(|due| self.local(due)),
            ..self.note_line(&note)
        })
    }

    /// A note as it is shown, without the customer's name.
    pub(super) fn note_line(&self, note: &Note) -> NoteLine {
        NoteLine {
            name: String::new(),
            at: self.local(note.at),
            by: note.by.clone(),
            outcome: note.outcome,
            text: note.text.clone(),
            deed: note.promise.map(|promise| promise.deed),
            when: note.promise.map(shown),
            remind: None,
            id: format!("{}/{}", note.record, note.at.as_millisecond()),
        }
    }

    /// When a promise is to be kept; of a day, its beginning.
    pub(super) fn instant(&self, promise: Promise) -> Timestamp {
        let calendar = &self.roster.config().calendar;
        calendar.at_local(promise.at.date(), promise.at.time())
    }

    fn reminder(
        &self,
        record: &Record,
        promise: Promise,
        text: &str,
        who: &Who,
        now: Timestamp,
    ) -> Message {
        let calendar = &self.roster.config().calendar;
        let at = self.instant(promise);
        let due = match (promise.deed, promise.timed) {
            (_, false) => {
                calendar.next_work(calendar.at_local(promise.at.date(), Time::midnight()))
            }
            (Deed::Call, true) => at,
            (Deed::Meet, true) => at.saturating_sub(BEFORE_MEETING).unwrap_or(at),
        };
        // Within the hour: at the time itself.
        let due = if due <= now { at.max(now) } else { due };
        let facts = PromiseFacts {
            deed: promise.deed.as_str().to_owned(),
            at: shown(promise),
            text: Some(text.to_owned()).filter(|text| !text.is_empty()),
        };
        let occasion = format!("{} #{}", shown(promise), now.as_millisecond());
        let role = format!("staff:{}", who.name());
        Message {
            key: MessageKey::new(RULE, 1, Some(&record.id), &role, &occasion),
            rule: RULE.to_owned(),
            step: 1,
            record: Some(record.id.clone()),
            to: Recipient::Staff(who.name().to_owned()),
            channel: Channel::Telegram,
            otherwise: vec![Fallback::By(Channel::Email)],
            template: RULE.to_owned(),
            event: json!({ "promise": facts }),
            ad: false,
            // They named the hour themselves.
            urgent: promise.timed,
            held_until: None,
            wanted: Wanted::Row,
            created: now,
            due,
            expires: at.max(due).saturating_add(STILL_GOOD).unwrap_or(due),
            state: State::Queued,
            why: format!("{} wrote it down", who.name()),
            frozen: None,
            attempts: Vec::new(),
            hands: Vec::new(),
            trial: false,
        }
    }

    /// Another time for the same takes the place of the one before.
    fn replace_older(
        &self,
        group: &mut Group,
        note: &Note,
        promise: Promise,
        now: Timestamp,
    ) -> Answer<()> {
        for older in self.roster.store().notes(&note.record)? {
            let same = older.by == note.by
                && older.promise.is_some_and(|before| {
                    before.deed == promise.deed && self.instant(before) > now
                });
            if same && self.take_back(group, &older, "another time was named")? {
                let kept = Note {
                    promise: None,
                    reminder: None,
                    ..older.clone()
                };
                Store::forget_note(
                    group,
                    &older,
                    older.promise.map(|before| self.instant(before)),
                );
                group.put(kept.key(), &kept);
            }
        }
        Ok(())
    }

    /// Cancels the reminder of a note, if it still waits.
    fn take_back(&self, group: &mut Group, note: &Note, why: &str) -> Answer<bool> {
        let Some(key) = &note.reminder else {
            return Ok(false);
        };
        let Some(mut message) = self.roster.store().get::<Message>(&keys::message(key))? else {
            return Ok(false);
        };
        if message.state != State::Queued {
            return Ok(false);
        }
        ledger::shift(group, &mut message, State::Cancelled, By::Hand, why, None)
            .map_err(|step| CommandError::plain(ErrorKind::TooLate, step.to_string()))?;
        Ok(true)
    }

    /// Takes a note back, with its reminder. Returns the customer's name.
    pub(super) fn note_undo(&self, id: &str, who: &Who, now: Timestamp) -> Answer<String> {
        let store = self.roster.store();
        let _alone = store.alone();
        let (record, at) = id.split_once('/').unwrap_or((id, ""));
        let record = RecordId::new(record);
        let notes = store.notes(&record)?;
        let own =
            |note: &&Note| note.at.as_millisecond().to_string() == at && note.by == who.name();
        let Some(note) = notes.iter().find(own) else {
            return Err(CommandError::new(
                ErrorKind::TooLate,
                "this note is not there any more",
                "Ghi chú này không còn nữa.",
            ));
        };
        let mut group = Group::default();
        self.take_back(&mut group, note, "its note was taken back")?;
        Store::forget_note(
            &mut group,
            note,
            note.promise.map(|promise| self.instant(promise)),
        );
        self.note_hand(&mut group, now, Some(&record), who, "took a note back");
        store.commit(vec![group])?;
        let name = match store.record(&record)? {
            Some(record) => name_of(&self.roster.facts(&record, &serde_json::Value::Null, now)?),
            None => "?".to_owned(),
        };
        Ok(name)
    }
}

/// ISO date, or local time if one was named.
pub(super) fn shown(promise: Promise) -> String {
    if promise.timed {
        local_text(promise.at)
    } else {
        promise.at.date().to_string()
    }
}
