//! Campaigns as they are kept, and who gets a mail of one.
//!
//! The audience that managers are asked about is written down before they are asked, in chunks, so that what they
//! approve is what goes out, however many they are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::keys::{self, Key, prefix};
use super::lanes::CAMPAIGN;
use super::{Group, Store, StoreError};
use crate::core::campaign::CampaignId;
use crate::core::campaign::life::Campaign;
use crate::core::campaign::samples::Why;
use crate::core::delivery::State;
use crate::core::message::MessageKey;
use crate::core::record::RecordId;

/// So many people stand under one key.
pub const CHUNK: usize = 500;

/// Somebody who is to get a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat(
    /// The row.
    pub RecordId,
    /// Which of the campaign's texts, counted from 0.
    pub u8,
);

/// Somebody of the segment who gets none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aside(
    /// The row.
    pub RecordId,
    /// Why: [`crate::core::campaign::audience::Reason::code`].
    pub String,
);

/// One of the mails that managers are shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The row.
    pub record: RecordId,
    /// Name and masked address.
    pub to: String,
    /// Why it was chosen.
    pub why: Why,
    /// Subject line.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// Content hash of its text, under which the store keeps that.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub template: String,
    /// Its merge values: a test mail is made of them.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub merge: Value,
}

impl Sample {
    /// Without what only a test mail is made of.
    pub fn shown(self) -> Self {
        Self {
            template: String::new(),
            merge: Value::Null,
            ..self
        }
    }
}

/// The messages of a campaign, by where they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// On their way, or waiting to be.
    pub waiting: u64,
    /// Taken by the recipient's server.
    pub delivered: u64,
    /// Refused, or given up.
    pub failed: u64,
    /// May have been sent.
    pub in_doubt: u64,
    /// Not wanted any more when their turn came.
    pub left_out: u64,
}

impl Progress {
    /// Of how many messages in each state.
    pub fn of(states: &BTreeMap<State, u64>) -> Self {
        let mut progress = Self::default();
        for (state, count) in states {
            let sum = match state {
                State::Queued | State::InFlight => &mut progress.waiting,
                State::Delivered => &mut progress.delivered,
                State::Rejected | State::Dead => &mut progress.failed,
                State::InDoubt => &mut progress.in_doubt,
                State::Cancelled | State::Expired => &mut progress.left_out,
            };
            *sum += count;
        }
        progress
    }
}

/// A message in a chat that says how far a campaign is, and is written anew as it goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressNote {
    /// The campaign.
    pub campaign: CampaignId,
    /// The message, whose receipt knows its id in the chat.
    pub message: MessageKey,
    /// What it says by now; empty until it was first written anew.
    pub shown: String,
    /// Not written anew before.
    pub due: Timestamp,
    /// How often writing it anew has failed in a row.
    #[serde(default)]
    pub tries: u32,
}

impl ProgressNote {
    /// Where it is kept.
    pub fn key(&self) -> Key {
        progress_note_key(&self.campaign, &self.message)
    }
}

/// Where the note of a message is kept.
pub fn progress_note_key(id: &CampaignId, message: &MessageKey) -> Key {
    keys::under(prefix::PROGRESS, format!("{id}/{}", message.digest()))
}

/// Under what the notes of a campaign are kept.
pub fn progress_notes_under(id: &CampaignId) -> Key {
    keys::under(prefix::PROGRESS, format!("{id}/"))
}

/// Where the last count of a campaign's messages is kept.
pub fn count_key(id: &CampaignId) -> Key {
    keys::under(prefix::COUNT, id.as_str())
}

/// Where a campaign is kept.
pub fn campaign_key(id: &CampaignId) -> Key {
    keys::under(prefix::CAMPAIGN, id.as_str())
}

fn audience_key(id: &CampaignId, question: u32, part: &str) -> Key {
    keys::under(prefix::AUDIENCE, format!("{id}/{question:06}/{part}"))
}

fn chunk_key(id: &CampaignId, question: u32, part: &str, chunk: usize) -> Key {
    audience_key(id, question, &format!("{part}/{chunk:06}"))
}

/// Where the samples of a question are kept.
pub fn samples_key(id: &CampaignId, question: u32) -> Key {
    audience_key(id, question, "samples")
}

/// Under what the messages of a campaign are kept.
pub fn messages_under(id: &CampaignId) -> Key {
    keys::under(prefix::MESSAGE, format!("{CAMPAIGN}{id}/"))
}

impl Store {
    /// How many messages of a campaign stand in which state. Reads no more of them than that.
    ///
    /// # Errors
    /// The disk.
    pub fn campaign_states(&self, id: &CampaignId) -> Result<BTreeMap<State, u64>, StoreError> {
        #[derive(Deserialize)]
        struct Light {
            state: State,
        }
        let mut states = BTreeMap::new();
        for entry in self.scan::<Light>(&messages_under(id)) {
            *states.entry(entry?.1.state).or_default() += 1;
        }
        Ok(states)
    }

    /// How its messages stood when they were last counted; all at nought before.
    ///
    /// # Errors
    /// The disk.
    pub fn last_count(&self, id: &CampaignId) -> Result<Progress, StoreError> {
        Ok(self.get(&count_key(id))?.unwrap_or_default())
    }

    /// The mails that managers were shown with a question.
    ///
    /// # Errors
    /// The disk.
    pub fn samples(&self, id: &CampaignId, question: u32) -> Result<Vec<Sample>, StoreError> {
        Ok(self.get(&samples_key(id, question))?.unwrap_or_default())
    }

    /// A campaign by its id.
    ///
    /// # Errors
    /// The disk.
    pub fn campaign(&self, id: &CampaignId) -> Result<Option<Campaign>, StoreError> {
        self.get(&campaign_key(id))
    }

    /// All campaigns, in the order of their ids.
    ///
    /// # Errors
    /// The disk.
    pub fn campaigns(&self) -> Result<Vec<Campaign>, StoreError> {
        self.scan(prefix::CAMPAIGN)
            .map(|entry| entry.map(|(_, campaign)| campaign))
            .collect()
    }

    /// Writes down who gets a mail, in the order of sending, and who does not, for one question.
    ///
    /// # Errors
    /// The disk.
    pub fn keep_audience(
        &self,
        id: &CampaignId,
        question: u32,
        seats: &[Seat],
        aside: &[Aside],
    ) -> Result<(), StoreError> {
        let mut plan = self.plan();
        for (number, chunk) in seats.chunks(CHUNK).enumerate() {
            let mut group = Group::default();
            group.put(chunk_key(id, question, "to", number), &chunk);
            plan.add(group)?;
        }
        for (number, chunk) in aside.chunks(CHUNK).enumerate() {
            let mut group = Group::default();
            group.put(chunk_key(id, question, "not", number), &chunk);
            plan.add(group)?;
        }
        plan.commit()
    }

    /// One chunk of those who get a mail; none behind the last.
    ///
    /// # Errors
    /// The disk.
    pub fn seats(
        &self,
        id: &CampaignId,
        question: u32,
        chunk: usize,
    ) -> Result<Option<Vec<Seat>>, StoreError> {
        self.get(&chunk_key(id, question, "to", chunk))
    }

    /// Everybody of the segment who gets no mail.
    ///
    /// # Errors
    /// The disk.
    pub fn aside(&self, id: &CampaignId, question: u32) -> Result<Vec<Aside>, StoreError> {
        let mut all = Vec::new();
        for entry in self.scan::<Vec<Aside>>(&audience_key(id, question, "not/")) {
            all.extend(entry?.1);
        }
        Ok(all)
    }

    /// Forgets the audiences of a campaign but that of one question.
    ///
    /// # Errors
    /// The disk.
    pub fn forget_audiences(&self, id: &CampaignId, but: u32) -> Result<(), StoreError> {
        let all = keys::under(prefix::AUDIENCE, format!("{id}/"));
        let kept = audience_key(id, but, "");
        let mut groups = Vec::new();
        for key in self.keys(&all) {
            let key = key?;
            if !key.starts_with(&kept) {
                let mut group = Group::default();
                group.remove(key);
                groups.push(group);
            }
        }
        self.commit(groups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_is_kept_in_its_order_and_older_ones_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let id = CampaignId::from_text("tet");
        let seats: Vec<Seat> = (0..1_203)
            .map(|number| Seat(RecordId::new(format!("r{number}")), 0))
            .collect();
        let aside = [Aside(RecordId::new("x"), "no_consent".into())];
        store.keep_audience(&id, 1, &seats[..10], &aside).unwrap();
        store.keep_audience(&id, 2, &seats, &aside).unwrap();
        store.forget_audiences(&id, 2).unwrap();
        assert_eq!(store.seats(&id, 1, 0).unwrap(), None);
        let mut read = Vec::new();
        while let Some(chunk) = store.seats(&id, 2, read.len() / CHUNK).unwrap() {
            read.extend(chunk);
            if read.len() % CHUNK != 0 {
                break;
            }
        }
        assert_eq!(read, seats);
        assert_eq!(store.aside(&id, 2).unwrap(), aside);
    }
}
