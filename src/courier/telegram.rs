//! The Telegram courier: text in HTML mode, buttons, a picture, files; in pieces when one message is not enough.
//!
//! How texts are split and escaped is decided where they are rendered; how fast they go, in [`crate::telegram`].

mod classify;
mod text;

use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use serde_json::Value;
use teloxide::payloads::{EditMessageText, GetMe, SendMessage};
use teloxide::types::{
    ChatId, CopyTextButton, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions,
    MessageId, ParseMode, ReplyMarkup,
};

use crate::core::delivery::{Refusal, Scope, Verdict};
use crate::core::message::Address;
use crate::telegram::{CallError, Client, Upload};

use super::{Act, Attachment, Button, Chat, Courier, Parcel, ProbeError, ProbeKind};

pub use classify::{After, after};

/// Waits up to this long are slept through inside of `deliver`.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many messages may be on their way at once; the pace keeps them apart.
const CONNECTIONS: usize = 4;
/// Caption of a picture, in UTF-16 units after parsing.
const LONGEST_CAPTION: usize = 1024;
/// Messages of which some pieces arrived and others did not yet; more are not remembered.
const MOST_UNFINISHED: usize = 1000;

/// Carries messages to Telegram chats.
pub struct TelegramCourier {
    client: Client,
    /// By message: the pieces that have arrived. Lost with the process, after which all are sent again.
    unfinished: Mutex<HashMap<String, Vec<Arrived>>>,
}

impl fmt::Debug for TelegramCourier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TelegramCourier")
            .field(&self.client)
            .finish()
    }
}

/// What became of writing a message anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edited {
    /// It says so now.
    Done,
    /// It never will.
    Refused(String),
    /// It may later; with Telegram's own wish.
    Later(Option<Duration>),
}

/// A piece that needs not be sent again: its name, and its id in the chat unless it was left out.
type Arrived = (String, Option<i64>);

/// One request to Telegram, by a name that is the same in every try: what comes along may differ, as a picture that
/// could not be drawn once.
struct Piece<'a> {
    name: String,
    what: What<'a>,
}

enum What<'a> {
    Text {
        html: &'a str,
        buttons: Option<InlineKeyboardMarkup>,
    },
    /// With `decorates`, the message is whole without it.
    File {
        decorates: bool,
        method: &'static str,
        field: &'static str,
        file: &'a Attachment,
        caption: Option<&'a str>,
        buttons: Option<InlineKeyboardMarkup>,
    },
}

impl TelegramCourier {
    /// Writes by this client, which the bot shares.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            unfinished: Mutex::new(HashMap::new()),
        }
    }

    /// Writes a message anew that arrived before: what it says, and what is left of its buttons.
    ///
    /// # Returns
    /// Whether it is done. A text that is so already, and a message that is gone, are refused.
    pub async fn edit(
        &self,
        chat: i64,
        message: i32,
        html: &str,
        buttons: &[Vec<Button>],
    ) -> Edited {
        let markup = keyboard(buttons)
            .ok()
            .flatten()
            .unwrap_or_else(|| InlineKeyboardMarkup::new(Vec::<Vec<InlineKeyboardButton>>::new()));
        let mut edit = EditMessageText::new(ChatId(chat), MessageId(message), html);
        edit.parse_mode = Some(ParseMode::Html);
        edit.link_preview_options = Some(no_preview());
        edit.reply_markup = Some(markup);
        self.client.pace().acquire(chat).await;
        match self.client.call(&edit).await {
            Ok(_) => Edited::Done,
            Err(CallError::Refused(refused)) if refused.code == 429 => {
                let wait = refused.retry_after_s.map(Duration::from_secs);
                let pause = wait.unwrap_or(Duration::from_secs(1));
                self.client.pace().flooded(chat, pause, Instant::now());
                Edited::Later(wait)
            }
            Err(CallError::Refused(refused)) if refused.code < 500 => {
                Edited::Refused(refused.to_string())
            }
            Err(CallError::Refused(_) | CallError::NotSent(_) | CallError::Unanswered(_)) => {
                Edited::Later(None)
            }
        }
    }

    async fn carry(&self, chat: &Chat) -> Verdict {
        let pieces = match pieces(chat) {
            Ok(pieces) => pieces,
            Err(why) => return rejected(why),
        };
        let mut arrived = self.recall(&chat.id);
        for piece in &pieces {
            if arrived.iter().any(|(name, _)| *name == piece.name) {
                continue;
            }
            if let Err(wait) = self.keep_pace(chat.chat).await {
                self.remember(&chat.id, arrived);
                return Verdict::TryLater {
                    why: "the pace of this chat".to_owned(),
                    not_before_s: Some(wait.as_secs() + 1),
                    scope: Scope::Address,
                };
            }
            match self.send_or_bare(chat, &piece.what).await {
                Ok(id) => arrived.push((piece.name.clone(), id)),
                Err(verdict) => {
                    if !matches!(verdict, Verdict::Rejected { .. }) {
                        self.remember(&chat.id, arrived);
                    }
                    return verdict;
                }
            }
        }
        let ids = arrived.iter().filter_map(|(_, id)| *id);
        let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
        Verdict::Delivered {
            receipt: ids.join(","),
        }
    }

    /// Sends one piece; a picture that does not get through is left out, and its text goes by itself. A group that
    /// takes no pictures, or a server that chokes on them, keeps nobody from reading.
    async fn send_or_bare(&self, chat: &Chat, piece: &What<'_>) -> Result<Option<i64>, Verdict> {
        let verdict = match self.send_or_plain(chat, piece).await {
            Ok(id) => return Ok(Some(id)),
            Err(verdict) => verdict,
        };
        let What::File {
            decorates: true,
            caption,
            buttons,
            ..
        } = piece
        else {
            return Err(verdict);
        };
        let refused = matches!(verdict, Verdict::Rejected { .. });
        // A caption may have arrived with its picture; a picture alone is not worth the doubt.
        let lost = caption.is_none() && matches!(verdict, Verdict::InDoubt { .. });
        if !refused && !lost {
            return Err(verdict);
        }
        tracing::warn!(message = %chat.id, "the picture is left out: {verdict:?}");
        let Some(html) = caption else {
            return Ok(None);
        };
        let text = What::Text {
            html,
            buttons: buttons.clone(),
        };
        self.send_or_plain(chat, &text).await.map(Some)
    }

    /// Sends one piece; if its markup is not understood, once more as plain text.
    async fn send_or_plain(&self, chat: &Chat, piece: &What<'_>) -> Result<i64, Verdict> {
        let mut plain = false;
        loop {
            let error = match Box::pin(self.send(chat, piece, plain)).await {
                // A success without an id is a success all the same; only the receipt is poorer.
                Ok(sent) => return Ok(sent["message_id"].as_i64().unwrap_or_default()),
                Err(error) => error,
            };
            if let CallError::Refused(refused) = &error
                && refused.code == 429
            {
                let wait = Duration::from_secs(refused.retry_after_s.unwrap_or(1));
                self.client.pace().flooded(chat.chat, wait, Instant::now());
            }
            match after(&error) {
                After::Over(verdict) => return Err(verdict),
                After::Plain if plain => return Err(rejected(error.to_string())),
                After::Plain => {
                    tracing::warn!(message = %chat.id, "Telegram did not understand the markup; sent as plain text: {error}");
                    plain = true;
                }
            }
        }
    }

    async fn send(&self, chat: &Chat, piece: &What<'_>, plain: bool) -> Result<Value, CallError> {
        match piece {
            What::Text { html, buttons } => {
                let shown = if plain {
                    text::plain(html)
                } else {
                    (*html).to_owned()
                };
                let mut payload = SendMessage::new(ChatId(chat.chat), shown);
                payload.parse_mode = (!plain).then_some(ParseMode::Html);
                payload.disable_notification = chat.silent.then_some(true);
                payload.link_preview_options = Some(no_preview());
                payload.reply_markup = buttons.clone().map(ReplyMarkup::InlineKeyboard);
                self.client.call(&payload).await
            }
            What::File {
                decorates: _,
                method,
                field,
                file,
                caption,
                buttons,
            } => {
                let mut fields = vec![("chat_id", chat.chat.to_string())];
                if chat.silent {
                    fields.push(("disable_notification", "true".to_owned()));
                }
                match caption {
                    Some(caption) if plain => fields.push(("caption", text::plain(caption))),
                    Some(caption) => {
                        fields.push(("caption", (*caption).to_owned()));
                        fields.push(("parse_mode", "HTML".to_owned()));
                    }
                    None => {}
                }
                if let Some(buttons) = buttons {
                    let markup = serde_json::to_string(buttons)
                        .map_err(|error| CallError::NotSent(error.to_string()))?;
                    fields.push(("reply_markup", markup));
                }
                let upload = Upload {
                    field,
                    name: file.name.clone(),
                    media_type: file.media_type.clone(),
                    content: file.content.clone(),
                };
                self.client.upload(method, fields, upload).await
            }
        }
    }

    /// Waits for the chat's pace, or says how long it would take.
    async fn keep_pace(&self, chat: i64) -> Result<(), Duration> {
        while let Err(wait) = self.client.pace().try_take(chat, Instant::now()) {
            if wait > PATIENCE {
                return Err(wait);
            }
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    fn recall(&self, id: &str) -> Vec<Arrived> {
        self.lock().remove(id).unwrap_or_default()
    }

    fn remember(&self, id: &str, arrived: Vec<Arrived>) {
        let mut unfinished = self.lock();
        if !arrived.is_empty() && !id.is_empty() && unfinished.len() < MOST_UNFINISHED {
            unfinished.insert(id.to_owned(), arrived);
        }
    }

    /// The map is whole after every statement under this lock.
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<Arrived>>> {
        self.unfinished
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Courier for TelegramCourier {
    fn connections(&self) -> usize {
        CONNECTIONS
    }

    fn ready_in(&self, to: &Address) -> Duration {
        match to {
            Address::Chat(chat) => self.client.pace().ready_in(*chat, Instant::now()),
            Address::Email(_) => Duration::ZERO,
        }
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Verdict> {
        Box::pin(async move {
            match parcel {
                Parcel::Chat(chat) => self.carry(chat).await,
                Parcel::Mail(_) => rejected("a mail was handed to the Telegram courier".to_owned()),
            }
        })
    }

    /// # Returns
    /// The bot's user name, e.g. `@queenland_bot`.
    fn probe(&self) -> BoxFuture<'_, Result<String, ProbeError>> {
        Box::pin(self.ask_who_it_is())
    }
}

impl TelegramCourier {
    async fn ask_who_it_is(&self) -> Result<String, ProbeError> {
        match self.client.call(&GetMe::new()).await {
            Ok(me) => match me["username"].as_str() {
                Some(name) => Ok(format!("@{name}")),
                None => Err(ProbeError::new(
                    ProbeKind::Unsuitable,
                    format!("{} does not say who the bot is", self.client.place()),
                    "Check [telegram] api_url",
                )),
            },
            Err(error) => Err(explain(&self.client.place(), &error)),
        }
    }
}

/// The sentence and the mend for a probe that failed.
fn explain(place: &str, error: &CallError) -> ProbeError {
    match error {
        CallError::Refused(refused) if classify::is_token_refused(refused) => ProbeError::new(
            ProbeKind::Refused,
            "Telegram refused the bot token (401 Unauthorized)",
            "Copy it again from @BotFather",
        ),
        CallError::Refused(refused) => ProbeError::new(
            ProbeKind::Unreachable,
            format!("Telegram at {place} answers {refused}"),
            "Try again later; if it stays, check [telegram] api_url and proxy",
        ),
        CallError::NotSent(why) | CallError::Unanswered(why) => ProbeError::new(
            ProbeKind::Unreachable,
            format!("Telegram cannot be reached at {place}: {why}"),
            "Check the network; where Telegram is blocked, set [telegram] proxy, or api_url of an own Bot API server",
        ),
    }
}

/// Which requests make up a message, in order.
fn pieces(chat: &Chat) -> Result<Vec<Piece<'_>>, String> {
    let mut buttons = keyboard(&chat.buttons)?;
    let mut pieces = Vec::new();
    let mut parts = &chat.parts[..];
    if let Some(photo) = &chat.photo {
        // The text goes under the picture only if all of it fits, or the buttons would stand away from their text.
        let caption = match parts {
            [only] if text::shown_units(only) <= LONGEST_CAPTION => Some(only.as_str()),
            _ => None,
        };
        // A picture with the text is the text, as far as sending it again goes.
        let name = if caption.is_some() { "text 0" } else { "photo" };
        if caption.is_some() {
            parts = &[];
        }
        pieces.push(Piece {
            name: name.to_owned(),
            what: What::File {
                decorates: true,
                method: "sendPhoto",
                field: "photo",
                file: photo,
                caption,
                buttons: if parts.is_empty() {
                    buttons.take()
                } else {
                    None
                },
            },
        });
    }
    // What is pressed is looked for at the end of the chat.
    let files_first = buttons.is_some() && !parts.is_empty();
    if files_first {
        pieces.extend(documents(chat));
    }
    for (number, html) in parts.iter().enumerate() {
        let last = number + 1 == parts.len();
        pieces.push(Piece {
            name: format!("text {number}"),
            what: What::Text {
                html,
                buttons: if last { buttons.take() } else { None },
            },
        });
    }
    if !files_first {
        pieces.extend(documents(chat));
    }
    if pieces.is_empty() {
        return Err("there is nothing in the message".to_owned());
    }
    Ok(pieces)
}

fn documents(chat: &Chat) -> impl Iterator<Item = Piece<'_>> {
    let documents = chat.documents.iter().enumerate();
    documents.map(|(number, document)| Piece {
        name: format!("document {number}"),
        what: What::File {
            decorates: false,
            method: "sendDocument",
            field: "document",
            file: &document.file,
            caption: document.caption.as_deref(),
            buttons: None,
        },
    })
}

fn keyboard(rows: &[Vec<Button>]) -> Result<Option<InlineKeyboardMarkup>, String> {
    let rows = rows
        .iter()
        .filter(|row| !row.is_empty())
        .map(|row| row.iter().map(button).collect::<Result<Vec<_>, _>>())
        .collect::<Result<Vec<_>, _>>()?;
    Ok((!rows.is_empty()).then(|| InlineKeyboardMarkup::new(rows)))
}

fn button(button: &Button) -> Result<InlineKeyboardButton, String> {
    let label = button.text.clone();
    match &button.act {
        Act::Url(url) => reqwest::Url::parse(url)
            .map(|url| InlineKeyboardButton::url(label, url))
            .map_err(|_| format!("the button {:?} has no address but {url:?}", button.text)),
        Act::Callback(word) if (1..=64).contains(&word.len()) => {
            Ok(InlineKeyboardButton::callback(label, word))
        }
        Act::Callback(word) => Err(format!(
            "the button {:?} has {} bytes of data, and 1–64 may be",
            button.text,
            word.len()
        )),
        Act::Copy(text) if (1..=256).contains(&text.chars().count()) => Ok(
            InlineKeyboardButton::copy_text_button(label, CopyTextButton { text: text.clone() }),
        ),
        Act::Copy(_) => Err(format!(
            "the button {:?} must copy 1–256 characters",
            button.text
        )),
    }
}

fn no_preview() -> LinkPreviewOptions {
    LinkPreviewOptions {
        is_disabled: true,
        url: None,
        prefer_small_media: false,
        prefer_large_media: false,
        show_above_text: false,
    }
}

fn rejected(why: String) -> Verdict {
    Verdict::Rejected {
        why,
        about: Refusal::Content,
    }
}
