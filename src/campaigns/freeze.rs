//! What was approved becomes messages: address, text and values as they are at the approval (SEMANTICS 30).

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Campaigns;
use crate::core::campaign::halt::Why;
use crate::core::campaign::life::{Campaign, Run};
use crate::core::campaign::{CampaignId, Definition, Said};
use crate::core::delivery::State;
use crate::core::message::{Address, Frozen, Message, MessageKey, Recipient, Wanted};
use crate::core::people::Directory;
use crate::core::rule::{Channel, Span};
use crate::render::{CampaignText, cannot_attach, files};
use crate::store::campaigns::{Seat, campaign_key};
use crate::store::keys::{self, prefix};
use crate::store::lanes::{CAMPAIGN, Lane, Rank};
use crate::store::ledger;
use crate::store::suppression::address_hash;
use crate::store::{BATCH, Bytes, Group, StoreError};

/// So many messages are put in order at a time; packed, they take 40 MB.
const SEATS_A_ROUND: usize = 100_000;

/// So many messages, with what belongs to each, are one batch of the store's: more would be written twice, as a plan.
const MESSAGES_A_COMMIT: usize = 150;

/// What a campaign's message has as its rule.
pub(super) fn rule_of(id: &CampaignId) -> String {
    format!("{CAMPAIGN}{id}")
}

/// Under which hash a text is kept.
pub(super) fn text_hash(kept: &str) -> String {
    blake3::hash(kept.as_bytes()).to_hex().to_string()
}

/// The lane of a campaign's messages.
pub(super) fn lane_of(id: &CampaignId) -> Lane {
    Lane {
        channel: Channel::Email,
        rank: Rank::Campaign,
        name: id.to_string(),
    }
}

/// A text of a run, and under which hash it is kept.
struct Text {
    text: CampaignText,
    hash: String,
    attachments: Vec<Value>,
}

/// What is frozen.
#[derive(Clone, Copy)]
struct Version<'a> {
    id: &'a CampaignId,
    run: &'a Run,
    texts: &'a [Text],
    people: &'a Directory,
}

impl Campaigns {
    /// Writes down the next messages of an approved campaign, all that are left.
    pub(super) fn freeze(&self, campaign: &Campaign, now: Timestamp) -> Result<(), StoreError> {
        let Some(run) = campaign.run.clone() else {
            return Ok(());
        };
        let texts = match self.texts(&run.definition)? {
            Ok(texts) => texts,
            Err(why) => {
                // It was rendered for everybody before; files may have changed since.
                return self.halt_run(&campaign.id, Why::Broken(why), now);
            }
        };
        let store = self.roster.store();
        let people = self.roster.directory()?;
        let version = Version {
            id: &campaign.id,
            run: &run,
            texts: &texts,
            people: &people,
        };
        let mut chunk = 0;
        let mut place = 0_u64;
        loop {
            let mut seats = Vec::new();
            while seats.len() < SEATS_A_ROUND
                && let Some(more) = store.seats(&campaign.id, run.number, chunk)?
            {
                seats.extend(more);
                chunk += 1;
            }
            if seats.is_empty() {
                break;
            }
            let count = seats.len() as u64;
            if place + count > run.queued && !self.write_round(&version, &seats, place, now)? {
                return Ok(());
            }
            place += count;
        }
        self.cancel_others(campaign, run.number)?;
        let _alone = store.alone();
        let Some(mut campaign) = store.campaign(&campaign.id)? else {
            return Ok(());
        };
        match campaign.run.as_mut() {
            Some(is) if is.number == run.number => is.frozen = true,
            _ => return Ok(()),
        }
        self.keep(&mut campaign, now)
    }

    /// Cancels what waits of an older version and is for nobody of the one approved last.
    fn cancel_others(&self, campaign: &Campaign, number: u32) -> Result<(), StoreError> {
        let store = self.roster.store();
        let _alone = store.alone();
        let mut waiting = store.waiting(vec![lane_of(&campaign.id)], Timestamp::MAX)?;
        let mut groups = Vec::new();
        while let Some((_, key)) = waiting.next_due()? {
            let Some(mut message) = store.get::<Message>(&keys::message(&key))? else {
                continue;
            };
            let of_this = message
                .frozen
                .as_ref()
                .is_some_and(|frozen| frozen.values["question"] == number);
            if !of_this {
                let why = "not among those of the version approved last";
                groups.extend(ledger::cancelled(&mut message, why));
            }
        }
        store.commit(groups)
    }

    /// Writes down the messages to seats, the first of which is at `place`, in the order of their keys: in another one
    /// sled takes twice the room. Returns whether the campaign still is as it was.
    fn write_round(
        &self,
        version: &Version<'_>,
        seats: &[Seat],
        place: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (mut messages, mut places) = (Vec::new(), Vec::new());
        for (seat, place) in seats.iter().zip(place..) {
            let Some(text) = version.texts.get(usize::from(seat.1)) else {
                continue;
            };
            if let Some(message) = self.message(version, text, seat, place, now)? {
                messages.push((message.key.clone(), Bytes::of(&message)));
                places.push((message.key.clone(), keys::due(&message)));
            }
        }
        messages.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let store = self.roster.store();
        ledger::announce(store, messages.iter().map(|(key, _)| key))?;
        // Their lane waits until all is written (`Campaign::waits_for`); whoever stops the campaign meanwhile takes the
        // places away with the messages that are there.
        for places in places.chunks(BATCH - 1) {
            let _alone = store.alone();
            if self.unchanged(version)?.is_none() {
                return Ok(false);
            }
            ledger::line_up(store, places.iter())?;
        }
        drop(places);
        let mut batches = messages.chunks(MESSAGES_A_COMMIT).peekable();
        // After a crash before the last one all are looked at once more, and found.
        let end = place + seats.len() as u64;
        if batches.peek().is_none() {
            return self.write_batch(version, &[], Some(end));
        }
        while let Some(batch) = batches.next() {
            let queued = batches.peek().is_none().then_some(end);
            if !self.write_batch(version, batch, queued)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The campaign, if it still is in this run.
    fn unchanged(&self, version: &Version<'_>) -> Result<Option<Campaign>, StoreError> {
        let campaign = self.roster.store().campaign(version.id)?;
        Ok(campaign.filter(|campaign| {
            let run = campaign.run.as_ref();
            run.is_some_and(|run| run.number == version.run.number && run.stopped.is_none())
        }))
    }

    /// Queues messages, with how many seats are done then, if that is said. Returns whether the campaign still is as
    /// it was; nothing is written else.
    fn write_batch(
        &self,
        version: &Version<'_>,
        messages: &[(MessageKey, Bytes)],
        queued: Option<u64>,
    ) -> Result<bool, StoreError> {
        let store = self.roster.store();
        let _alone = store.alone();
        let Some(mut campaign) = self.unchanged(version)? else {
            return Ok(false);
        };
        let mut groups = Vec::new();
        for (key, stored) in messages {
            let at = keys::message(key);
            let message: Message = stored.read(&at)?;
            let mut group = Group::default();
            match store.get::<Message>(&at)? {
                // Approved anew before it went: it says what was approved last.
                Some(mut before) if before.state == State::Queued && before != message => {
                    before.frozen.clone_from(&message.frozen);
                    before.record.clone_from(&message.record);
                    ledger::postpone(&mut group, &mut before, message.due, "approved anew");
                }
                Some(_) => {}
                None => {
                    ledger::fill(store, &mut group, &message)?;
                }
            }
            if !group.is_empty() {
                groups.push(group);
            }
        }
        if let Some(queued) = queued {
            if let Some(run) = &mut campaign.run {
                run.queued = queued;
            }
            let mut group = Group::default();
            group.put(campaign_key(version.id), &campaign);
            groups.push(group);
        }
        store.commit(groups)?;
        Ok(true)
    }

    /// The message to one recipient; none if they have left the sheet, or lack something by now.
    fn message(
        &self,
        version: &Version<'_>,
        text: &Text,
        seat: &Seat,
        place: u64,
        now: Timestamp,
    ) -> Result<Option<Message>, StoreError> {
        let store = self.roster.store();
        let Some(record) = store.record(&seat.0)?.filter(|record| !record.removed) else {
            return Ok(None);
        };
        let Version {
            id, run, people, ..
        } = *version;
        let facts = self.roster.facts(&record, &Value::Null, now)?;
        let Some(address) = facts["email"].as_str().map(str::to_owned) else {
            return Ok(None);
        };
        let facts = self.roster.with_owner(facts, people);
        let Ok(merge) = text.text.merge(&facts) else {
            return Ok(None);
        };
        let rule = rule_of(id);
        let key = MessageKey::new(&rule, 0, None, "customer", &address_hash(store, &address)?);
        let mut values = json!({ "merge": merge, "question": run.number, "owners": facts["owners"], "owner": facts["owner"] });
        if run.definition.send_at.is_fixed() {
            values["fixed"] = Value::Bool(true);
        }
        if !text.attachments.is_empty() {
            values["attachments"] = Value::Array(text.attachments.clone());
        }
        let name = facts["name"]["full"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let redirected = self.roster.config().trial.clone();
        let (to, display_name) = match &redirected {
            Some(mailbox) => {
                values["trial"] = json!({ "reached": format!("{name} <{address}>") });
                (mailbox.clone(), String::new())
            }
            None => (address, name),
        };
        let due = run
            .send_at
            .saturating_add(SignedDuration::from_millis(
                i64::try_from(place).unwrap_or(i64::MAX),
            ))
            .unwrap_or(run.send_at);
        Ok(Some(Message {
            key,
            rule: rule.clone(),
            step: 0,
            record: Some(record.id.clone()),
            to: Recipient::Customer,
            channel: Channel::Email,
            otherwise: Vec::new(),
            template: rule,
            event: Value::Null,
            ad: run.definition.ad,
            urgent: false,
            held_until: None,
            wanted: Wanted::Row,
            created: run.at,
            due,
            expires: due.saturating_add(Span::days(60).duration()).unwrap_or(due),
            state: State::Queued,
            why: String::new(),
            frozen: Some(Frozen {
                address: Address::Email(to),
                display_name,
                template: text.hash.clone(),
                values,
            }),
            attempts: Vec::new(),
            hands: Vec::new(),
            trial: redirected.is_some(),
        }))
    }

    /// The texts of a definition, each kept under its hash; else why one cannot be made.
    fn texts(&self, definition: &Definition) -> Result<Result<Vec<Text>, Said>, StoreError> {
        let names = self.roster.campaign_names()?;
        let store = self.roster.store();
        let mut texts = Vec::new();
        let mut group = Group::default();
        for variant in &definition.variants {
            let text = match self.templates.campaign_text(variant, &names) {
                Ok(text) => text,
                Err(problems) => {
                    let first = problems.first().map(|one| one.problem.what.clone());
                    return Ok(Err(first.unwrap_or_default()));
                }
            };
            let mut attachments = Vec::new();
            if let Some(name) = &variant.attachment {
                match files::read(&self.roster.config().attachments_dir, name) {
                    Ok(file) => attachments.push(json!({"file": name, "hash": file.hash()})),
                    Err(problem) => return Ok(Err(cannot_attach(&problem))),
                }
            }
            let kept = text.kept();
            let hash = text_hash(&kept);
            let key = keys::under(prefix::TEMPLATE, &hash);
            if !store.contains(&key)? {
                group.put(key, &kept);
            }
            texts.push(Text {
                text,
                hash,
                attachments,
            });
        }
        if !group.is_empty() {
            store.commit(vec![group])?;
        }
        Ok(Ok(texts))
    }
}
