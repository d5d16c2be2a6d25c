//! Messages that show how far a campaign is, written anew as it goes on.
//!
//! The message itself goes as any other does, once. Writing it anew is no delivery: what it says and its id in the
//! chat stand in the store, so that a restart goes on with the same message.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::parcel::keep_button;
use super::{Outbox, OutboxError};
use crate::commands::{act_for, progress_facts};
use crate::core::delivery::State;
use crate::core::facts::message::MailingFacts;
use crate::core::message::{Address, Message};
use crate::courier::telegram::{Edited, TelegramCourier};
use crate::courier::{Act, Button, Courier as _};
use crate::render::{ButtonKind, Language};
use crate::store::campaigns::ProgressNote;
use crate::store::keys::{self, prefix};
use crate::store::{Group, StoreError};

/// Written anew so often at most.
const EVERY: SignedDuration = SignedDuration::from_secs(10);

/// Looked at so often at most.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(1);

/// So many are written in one go.
const AT_ONCE: usize = 20;

/// An edit that does not go through is tried so often in a row; the message then stays as it is.
const TRIES: u32 = 20;

/// What is done with a message now.
enum Next {
    Write(Box<Anew>),
    /// It is on its way, or says so already.
    Wait,
    /// It never reached the chat, or it says the last word.
    Drop,
}

struct Anew {
    chat: i64,
    message: i32,
    html: String,
    buttons: Vec<Vec<Button>>,
    /// The acts of the buttons.
    acts: Group,
    /// Text and labels, by which it is told from what it says.
    shown: String,
    /// Nothing comes after this.
    over: bool,
}

impl Outbox {
    /// Writes anew what has changed, by the bot that wrote it; how many were.
    ///
    /// # Errors
    /// The disk.
    pub async fn show_progress(
        &self,
        courier: &TelegramCourier,
        now: Timestamp,
    ) -> Result<usize, OutboxError> {
        if !self.time_for_progress(now) {
            return Ok(0);
        }
        let store = self.roster.store();
        let due: Vec<ProgressNote> = tokio::task::block_in_place(|| {
            let all = store.scan::<ProgressNote>(prefix::PROGRESS);
            all.map(|entry| entry.map(|(_, note)| note))
                .filter(|one| one.as_ref().map_or(true, |one| one.due <= now))
                .take(AT_ONCE)
                .collect::<Result<_, StoreError>>()
        })?;
        let mut written = 0;
        for note in due {
            let mut anew = match tokio::task::block_in_place(|| self.said_anew(&note, now))? {
                Next::Write(anew) => *anew,
                Next::Wait => continue,
                Next::Drop => {
                    self.settle_note(&note, None)?;
                    continue;
                }
            };
            // Notices go first; this can wait.
            if !courier.ready_in(&Address::Chat(anew.chat)).is_zero() {
                continue;
            }
            if !anew.acts.is_empty() {
                let acts = std::mem::take(&mut anew.acts);
                tokio::task::block_in_place(|| store.commit(vec![acts]))?;
            }
            let edited = courier
                .edit(anew.chat, anew.message, &anew.html, &anew.buttons)
                .await;
            let (said, wait) = match edited {
                Edited::Done => (true, EVERY),
                // Written before the daemon was stopped, which did not come to note it.
                Edited::Refused(why) if why.contains("not modified") => (true, EVERY),
                Edited::Refused(why) => {
                    tracing::debug!("the progress of a campaign can no longer be shown: {why}");
                    self.settle_note(&note, None)?;
                    continue;
                }
                Edited::Later(wished) => {
                    let wait = wished.unwrap_or(Duration::from_secs(5 << note.tries.min(6)));
                    (false, SignedDuration::try_from(wait).unwrap_or(EVERY))
                }
            };
            written += usize::from(said);
            let over = anew.over && said || note.tries >= TRIES;
            let next = ProgressNote {
                shown: match said {
                    true => anew.shown,
                    false => note.shown.clone(),
                },
                due: now.saturating_add(wait).unwrap_or(now),
                tries: if said { 0 } else { note.tries + 1 },
                ..note.clone()
            };
            self.settle_note(&note, (!over).then_some(next))?;
        }
        Ok(written)
    }

    fn time_for_progress(&self, now: Timestamp) -> bool {
        let last = self.progressed.lock();
        let mut last = last.unwrap_or_else(std::sync::PoisonError::into_inner);
        let soon = last.is_some_and(|last| last <= now && now.duration_since(last) < LOOK_EVERY);
        if !soon {
            *last = Some(now);
        }
        !soon
    }

    /// Writes a note back, unless somebody has made it due at once meanwhile.
    fn settle_note(
        &self,
        before: &ProgressNote,
        next: Option<ProgressNote>,
    ) -> Result<(), StoreError> {
        tokio::task::block_in_place(|| {
            let store = self.roster.store();
            let _alone = store.alone();
            let mut group = Group::default();
            let now_is = store.get::<ProgressNote>(&before.key())?;
            match (next, now_is) {
                (Some(next), Some(now_is)) => {
                    let due = match now_is.due == before.due {
                        true => next.due,
                        false => now_is.due,
                    };
                    group.put(before.key(), &ProgressNote { due, ..next });
                }
                (None, Some(_)) => group.remove(before.key()),
                (_, None) => return Ok(()),
            }
            store.commit(vec![group])
        })
    }

    fn said_anew(&self, note: &ProgressNote, now: Timestamp) -> Result<Next, StoreError> {
        let store = self.roster.store();
        let Some(message) = store.get::<Message>(&keys::message(&note.message))? else {
            return Ok(Next::Drop);
        };
        match message.state {
            State::Queued | State::InFlight => return Ok(Next::Wait),
            State::Delivered => {}
            State::Rejected | State::InDoubt | State::Cancelled | State::Expired | State::Dead => {
                return Ok(Next::Drop);
            }
        }
        let receipt = message
            .attempts
            .iter()
            .rev()
            .find(|attempt| attempt.ended == State::Delivered);
        let id = receipt
            .and_then(|receipt| receipt.said.rsplit(',').next()?.trim().parse::<i32>().ok())
            .filter(|id| *id > 0);
        let (Some(id), Some(frozen)) = (id, &message.frozen) else {
            return Ok(Next::Drop);
        };
        let (Address::Chat(chat), Some(campaign)) =
            (&frozen.address, store.campaign(&note.campaign)?)
        else {
            return Ok(Next::Drop);
        };
        let progress = store.last_count(&note.campaign)?;
        let vietnamese = self.templates.language() == Language::Vietnamese;
        let facts = MailingFacts {
            decides: message.event["mailing"]["decides"] == true,
            ..progress_facts(&campaign, &progress, vietnamese, now)
        };
        let values = self
            .roster
            .facts_without_record(&json!({ "mailing": facts }), now);
        let Ok(text) = self.templates.render_chat(&message.template, &values) else {
            return Ok(Next::Drop);
        };
        let over = campaign.run.as_ref().is_none_or(|run| run.done.is_some());
        let html = text.parts.into_iter().next().unwrap_or_default();
        let mut shown = html.clone();
        let mut acts = Group::default();
        let mut buttons = Vec::new();
        for row in text.buttons {
            let mut kept = Vec::new();
            for button in row {
                let ButtonKind::Action { name } = button.kind else {
                    continue;
                };
                let told = Some(frozen.display_name.as_str());
                let Some(mut act) = act_for(&message, &name, &button.label, told) else {
                    continue;
                };
                // A new button after everything that somebody decided: each is good for one press.
                act.created = campaign.changed;
                shown.push_str(&format!("\n[{}]", button.label));
                kept.push(Button {
                    text: button.label,
                    act: Act::Callback(keep_button(store, &mut acts, &act)?),
                });
            }
            buttons.push(kept);
        }
        shown.push_str(&format!("\n{}", campaign.changed));
        if shown == note.shown {
            return Ok(if over { Next::Drop } else { Next::Wait });
        }
        Ok(Next::Write(Box::new(Anew {
            chat: *chat,
            message: id,
            html,
            buttons,
            acts,
            shown,
            over,
        })))
    }
}
