//! Questions that were answered elsewhere: the message in the chat is written anew to say so, and loses its buttons.

use std::time::Duration;

use jiff::Timestamp;

use super::{Outbox, OutboxError};
use crate::commands::Amendment;
use crate::core::delivery::State;
use crate::core::message::{Address, Message};
use crate::courier::telegram::{Edited, TelegramCourier};
use crate::courier::{Act, Button};
use crate::render::ButtonKind;
use crate::store::keys::{self, prefix};
use crate::store::{Group, StoreError};

/// So many are written in one go.
const AT_ONCE: usize = 20;

/// An edit that did not go through is tried so often; then the buttons stay, and whoever presses one is told.
const TRIES: u32 = 8;

/// What is written anew.
struct Anew {
    chat: i64,
    message: i32,
    html: String,
    buttons: Vec<Vec<Button>>,
}

/// What is done with an amendment now.
enum Next {
    Write(Anew),
    /// The question is on its way.
    Wait,
    /// It never reached the chat, or can no longer be written.
    Drop,
}

impl Outbox {
    /// Writes what is to be written anew, by the bot that wrote it; how many were.
    ///
    /// # Errors
    /// The disk.
    pub async fn amend(
        &self,
        courier: &TelegramCourier,
        now: Timestamp,
    ) -> Result<usize, OutboxError> {
        let store = self.roster.store();
        let due: Vec<Amendment> = tokio::task::block_in_place(|| {
            let all = store.scan::<Amendment>(prefix::AMEND);
            all.map(|entry| entry.map(|(_, amendment)| amendment))
                .filter(|one| one.as_ref().map_or(true, |one| one.due <= now))
                .take(AT_ONCE)
                .collect::<Result<_, StoreError>>()
        })?;
        let mut written = 0;
        for mut amendment in due {
            let anew = match tokio::task::block_in_place(|| self.anew(&amendment))? {
                Next::Write(anew) => anew,
                Next::Wait => continue,
                Next::Drop => {
                    self.done(&amendment)?;
                    continue;
                }
            };
            let edited = courier
                .edit(anew.chat, anew.message, &anew.html, &anew.buttons)
                .await;
            let wait = match edited {
                Edited::Done => {
                    written += 1;
                    None
                }
                Edited::Refused(why) => {
                    // "message is not modified", or deleted meanwhile.
                    tracing::debug!("an answered question could not be written anew: {why}");
                    None
                }
                Edited::Later(wished) => {
                    Some(wished.unwrap_or(Duration::from_secs(5 << amendment.tries.min(6))))
                }
            };
            amendment.tries += 1;
            match wait.filter(|_| amendment.tries < TRIES) {
                None => self.done(&amendment)?,
                Some(wait) => {
                    amendment.due = now.saturating_add(wait).unwrap_or(now);
                    let mut group = Group::default();
                    group.put(amendment.key(), &amendment);
                    tokio::task::block_in_place(|| store.commit(vec![group]))?;
                }
            }
        }
        Ok(written)
    }

    fn done(&self, amendment: &Amendment) -> Result<(), StoreError> {
        let mut group = Group::default();
        group.remove(amendment.key());
        tokio::task::block_in_place(|| self.roster.store().commit(vec![group]))
    }

    fn anew(&self, amendment: &Amendment) -> Result<Next, StoreError> {
        let store = self.roster.store();
        let Some(question) = store.get::<Message>(&keys::message(&amendment.question))? else {
            return Ok(Next::Drop);
        };
        match question.state {
            State::Queued | State::InFlight => return Ok(Next::Wait),
            State::Delivered => {}
            State::Rejected | State::InDoubt | State::Cancelled | State::Expired | State::Dead => {
                return Ok(Next::Drop);
            }
        }
        let delivered =
            |attempt: &&crate::core::delivery::Attempt| attempt.ended == State::Delivered;
        // The receipt is the ids of its parts; the buttons are under the last.
        let receipt = question.attempts.iter().rev().find(delivered);
        let message = receipt
            .and_then(|receipt| receipt.said.rsplit(',').next()?.trim().parse().ok())
            .filter(|id| *id > 0);
        let (Some(message), Some(frozen)) = (message, &question.frozen) else {
            return Ok(Next::Drop);
        };
        let Address::Chat(chat) = frozen.address else {
            return Ok(Next::Drop);
        };
        let kept = keys::under(prefix::TEMPLATE, &frozen.template);
        let bundle: Option<String> = store.get(&kept)?;
        let Ok(text) = self.chat_text(&question, frozen, bundle.as_deref()) else {
            return Ok(Next::Drop);
        };
        let html = text.parts.last().map_or("", String::as_str);
        let links = |row: Vec<crate::render::Button>| -> Vec<Button> {
            row.into_iter()
                .filter_map(|button| match button.kind {
                    ButtonKind::Url(url) => Some(Button {
                        text: button.label,
                        act: Act::Url(url),
                    }),
                    ButtonKind::Copy(_) | ButtonKind::Action { .. } => None,
                })
                .collect()
        };
        Ok(Next::Write(Anew {
            chat,
            message,
            html: format!("{html}\n\n{}", amendment.line),
            buttons: text.buttons.into_iter().map(links).collect(),
        }))
    }
}
