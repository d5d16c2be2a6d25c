//! Chats as a page shows them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::BotSandbox;
use super::keyboard::{Button, KeyButton};
use super::markup::{Entity, to_html};
use super::world::{Chat, ChatKind, Contact, Media, Message, Person, Speaker, World};

/// A chat with everything said in it, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChatView {
    /// Positive for a person's private chat, negative for groups.
    pub id: i64,
    /// What sort.
    pub kind: ChatKind,
    /// The person's name or the group's title.
    pub title: String,
    /// Who is in it, the bot aside.
    pub people: Vec<Person>,
    /// Private chats: whether the person has started the bot.
    pub started: bool,
    /// Private chats: whether the person has blocked the bot.
    pub blocked: bool,
    /// The supergroup this group has become.
    pub migrated_to: Option<i64>,
    /// The keyboard that stands in place of the phone's; empty if there is none.
    pub keyboard: Vec<Vec<KeyButton>>,
    /// What the bot is doing: `typing`, `upload_photo`, …, until its next message.
    pub action: Option<String>,
    /// What was said.
    pub messages: Vec<ShownMessage>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownMessage {
    /// Its id in the chat.
    pub id: i64,
    /// The chat.
    pub chat: i64,
    /// Whether the bot said it.
    pub from_bot: bool,
    /// Who said it; the bot's id if it was the bot.
    pub from: i64,
    /// Their name.
    pub from_name: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// When its text was last edited.
    pub edited_at_ms: Option<u64>,
    /// The text or caption; for a service message what happened.
    pub text: String,
    /// The same as safe HTML; line ends stay line ends, so show it with `white-space: pre-wrap`.
    pub html: String,
    /// What is marked in the text.
    pub entities: Vec<Entity>,
    /// A photo.
    pub photo: Option<ShownFile>,
    /// A document.
    pub document: Option<ShownFile>,
    /// A shared phone number.
    pub contact: Option<Contact>,
    /// The buttons under it, by row.
    pub buttons: Vec<Vec<Button>>,
    /// The message it answers.
    pub reply_to: Option<i64>,
    /// Whether it came without a sound.
    pub silent: bool,
    /// Whether the bot asked for an answer to it.
    pub force_reply: bool,
    /// Whether it tells of joining, leaving and the like.
    pub service: bool,
}

/// A photo or document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownFile {
    /// Where its bytes are, without the bot's token: `http://…/people/files/photos/file_1.png`.
    pub url: String,
    /// Its path for [`BotSandbox::file`].
    pub path: String,
    /// Its name.
    pub name: String,
    /// `image/png` and the like.
    pub mime: String,
    /// In bytes.
    pub size: usize,
    /// Pixels; 0 for a document.
    pub width: u32,
    /// Pixels; 0 for a document.
    pub height: u32,
}

/// The message waited for did not come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such message came to chat {chat} within {waited:?}; the last one there: {last:?}")]
pub struct NoMessage {
    /// The chat.
    pub chat: i64,
    /// How long it was waited.
    pub waited: Duration,
    /// The last text in the chat.
    pub last: Option<String>,
}

impl BotSandbox {
    /// All chats, private ones by id first, then groups.
    pub fn chats(&self) -> Vec<ChatView> {
        let world = self.shared.world();
        let (groups, private): (Vec<&Chat>, Vec<&Chat>) =
            world.chats.values().partition(|chat| chat.id < 0);
        private
            .into_iter()
            .chain(groups.into_iter().rev())
            .map(|chat| self.shown(&world, chat))
            .collect()
    }

    /// One chat.
    pub fn chat(&self, id: i64) -> Option<ChatView> {
        let world = self.shared.world();
        world.chats.get(&id).map(|chat| self.shown(&world, chat))
    }

    /// What was said in a chat, oldest first; nothing if there is no such chat.
    pub fn messages(&self, chat: i64) -> Vec<ShownMessage> {
        self.chat(chat)
            .map(|chat| chat.messages)
            .unwrap_or_default()
    }

    /// Waits until a message of the bot in `chat` fits, and returns the newest that does.
    ///
    /// # Errors
    /// [`NoMessage`] after `timeout`.
    pub async fn wait_for_message(
        &self,
        chat: i64,
        fits: impl Fn(&ShownMessage) -> bool,
        timeout: Duration,
    ) -> Result<ShownMessage, NoMessage> {
        let newest = || {
            let messages = self.messages(chat);
            messages
                .into_iter()
                .rev()
                .find(|message| message.from_bot && fits(message))
        };
        self.until(timeout, newest).await.ok_or_else(|| NoMessage {
            chat,
            waited: timeout,
            last: self.messages(chat).pop().map(|message| message.text),
        })
    }

    /// The type and bytes of a file by its path, as in [`ShownFile::path`].
    pub fn file(&self, path: &str) -> Option<(String, axum::body::Bytes)> {
        let world = self.shared.world();
        let file = world.files.values().find(|file| file.path == path)?;
        Some((file.mime.clone(), file.bytes.clone()))
    }

    fn shown(&self, world: &World, chat: &Chat) -> ChatView {
        let standing = world.people.get(&chat.id);
        ChatView {
            id: chat.id,
            kind: chat.kind,
            title: chat.title.clone(),
            people: chat
                .members
                .iter()
                .filter_map(|id| world.person(*id))
                .cloned()
                .collect(),
            started: standing.is_some_and(|standing| standing.started),
            blocked: standing.is_some_and(|standing| standing.blocked),
            migrated_to: chat.migrated_to,
            keyboard: chat.keyboard.clone(),
            action: chat.action.clone(),
            messages: chat
                .messages
                .values()
                .map(|message| self.message(world, chat.id, message))
                .collect(),
        }
    }

    fn message(&self, world: &World, chat: i64, message: &Message) -> ShownMessage {
        let (from, from_name) = match message.from {
            Speaker::Bot => (
                world.bot_id,
                world.bot["first_name"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
            ),
            Speaker::Person(id) => (id, world.person(id).map(Person::name).unwrap_or_default()),
        };
        let words = match &message.media {
            Some(Media::Service { says, .. }) => says,
            _ => &message.words.text,
        };
        let file = |id: &str, width, height| {
            let file = world.files.get(id)?;
            Some(ShownFile {
                url: format!("{}/files/{}", self.people_url(), file.path),
                path: file.path.clone(),
                name: file.name.clone(),
                mime: file.mime.clone(),
                size: file.bytes.len(),
                width,
                height,
            })
        };
        ShownMessage {
            id: message.id,
            chat,
            from_bot: message.from == Speaker::Bot,
            from,
            from_name,
            at_ms: message.at_ms,
            edited_at_ms: message.edited_at_ms,
            text: words.clone(),
            html: to_html(words, &message.words.entities),
            entities: message.words.entities.clone(),
            photo: match &message.media {
                Some(Media::Photo {
                    file: id,
                    width,
                    height,
                }) => file(id, *width, *height),
                _ => None,
            },
            document: match &message.media {
                Some(Media::Document { file: id }) => file(id, 0, 0),
                _ => None,
            },
            contact: match &message.media {
                Some(Media::Contact(contact)) => Some(contact.clone()),
                _ => None,
            },
            buttons: message.buttons.clone(),
            reply_to: message.reply_to,
            silent: message.silent,
            force_reply: message.force_reply,
            service: matches!(message.media, Some(Media::Service { .. })),
        }
    }
}
