//! People, chats, messages and updates: everything the server remembers.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Instant;

use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::keyboard::{Button, KeyButton};
use super::limits::{Flood, Limits};
use super::markup::Marked;
use super::refusal::Refusal;

/// So many files are kept; of older ones only the message is left.
const MOST_FILES: usize = 400;

/// Someone who has Telegram.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The user's id, which is also the id of the private chat; 0 lets the sandbox choose one.
    #[serde(default)]
    pub id: i64,
    /// Given name, or all of it.
    pub first_name: String,
    /// Family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// Without the `@`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// `vi`, `en`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language_code: Option<String>,
}

impl Person {
    /// A person with an id (0 lets the sandbox choose) and a name, speaking Vietnamese.
    pub fn new(id: i64, first_name: impl Into<String>) -> Self {
        Self {
            id,
            first_name: first_name.into(),
            language_code: Some("vi".to_owned()),
            ..Self::default()
        }
    }

    /// First and last name.
    pub fn name(&self) -> String {
        match &self.last_name {
            Some(last) => format!("{} {last}", self.first_name),
            None => self.first_name.clone(),
        }
    }

    /// As a Bot API `User`.
    pub(super) fn user(&self) -> Value {
        let mut user = json!({"id": self.id, "is_bot": false, "first_name": self.first_name});
        for (name, value) in [
            ("last_name", &self.last_name),
            ("username", &self.username),
            ("language_code", &self.language_code),
        ] {
            if let Some(value) = value {
                user[name] = json!(value);
            }
        }
        user
    }
}

/// A person and how they stand to the bot.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) person: Person,
    pub(super) started: bool,
    pub(super) blocked: bool,
    pub(super) deactivated: bool,
}

/// What sort of chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatKind {
    /// One person and the bot.
    Private,
    /// A small group.
    Group,
    /// What a group becomes when it is upgraded.
    Supergroup,
}

/// Whether the bot is in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BotIn {
    Never,
    Member,
    Left,
    Kicked,
}

/// A chat with everything said in it.
#[derive(Debug)]
pub(super) struct Chat {
    pub(super) id: i64,
    pub(super) kind: ChatKind,
    pub(super) title: String,
    pub(super) members: BTreeSet<i64>,
    pub(super) bot: BotIn,
    pub(super) migrated_to: Option<i64>,
    pub(super) messages: BTreeMap<i64, Message>,
    pub(super) keyboard: Vec<Vec<KeyButton>>,
    pub(super) action: Option<String>,
}

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    Bot,
    Person(i64),
}

/// Something said.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: i64,
    pub(super) from: Speaker,
    pub(super) at_ms: u64,
    pub(super) edited_at_ms: Option<u64>,
    /// The text, or the caption.
    pub(super) words: Marked,
    pub(super) media: Option<Media>,
    pub(super) buttons: Vec<Vec<Button>>,
    pub(super) reply_to: Option<i64>,
    pub(super) silent: bool,
    /// Whether the bot asked for an answer to this very message.
    pub(super) force_reply: bool,
}

/// What a message carries beside words.
#[derive(Debug, Clone)]
pub(super) enum Media {
    Photo {
        file: String,
        width: u32,
        height: u32,
    },
    Document {
        file: String,
    },
    Contact(Contact),
    /// Bot API fields of a service message, and what a page says of it.
    Service {
        fields: Value,
        says: String,
    },
}

/// A phone number that was shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// As the phone has it: `+84901234567`.
    pub phone_number: String,
    /// The name in the card.
    pub first_name: String,
    /// The family name in the card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// Whose it is; with a `request_contact` button the sender's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<i64>,
}

/// A stored file.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) mime: String,
    pub(super) bytes: Bytes,
    /// The path by which it is downloaded.
    pub(super) path: String,
}

/// A press of a button and what the bot said to it.
#[derive(Debug, Clone)]
pub(super) struct Press {
    pub(super) at_ms: u64,
    pub(super) answer: Option<CallbackAnswer>,
}

/// What `answerCallbackQuery` said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackAnswer {
    /// The notice shown; empty if the button only stops turning.
    pub text: String,
    /// Whether it is a window to be closed rather than a passing notice.
    pub show_alert: bool,
    /// An address to open.
    pub url: Option<String>,
}

/// An update that waits to be confirmed.
#[derive(Debug, Clone)]
pub(super) struct Update {
    pub(super) id: i64,
    pub(super) body: Value,
}

/// A webhook that was set. It is not called: its updates wait.
#[derive(Debug, Clone)]
pub(super) struct Webhook {
    pub(super) url: String,
    pub(super) max_connections: i64,
}

/// All of it.
pub(super) struct World {
    pub(super) bot: Value,
    pub(super) bot_id: i64,
    pub(super) username: String,
    pub(super) people: BTreeMap<i64, Standing>,
    pub(super) chats: BTreeMap<i64, Chat>,
    pub(super) files: HashMap<String, File>,
    /// Their ids, the oldest first.
    file_order: VecDeque<String>,
    pub(super) presses: HashMap<String, Press>,
    pub(super) updates: VecDeque<Update>,
    pub(super) allowed: Option<BTreeSet<String>>,
    pub(super) webhook: Option<Webhook>,
    pub(super) commands: BTreeMap<String, Value>,
    pub(super) texts: BTreeMap<String, String>,
    pub(super) calls: BTreeMap<String, u64>,
    pub(super) limits: Option<Limits>,
    pub(super) flood: Flood,
    /// How far [`super::BotSandbox::advance`] has put the clock forward.
    pub(super) ahead_ms: u64,
    last_update: i64,
    last_message: i64,
    last_id: i64,
}

/// Updates are kept for a day at most by Telegram; this many at most here.
const UPDATES_KEPT: usize = 100_000;
/// Messages kept in one chat; the oldest go first.
const MESSAGES_KEPT: usize = 10_000;
/// Presses remembered; when there are more, those that can no longer be answered go.
const PRESSES_KEPT: usize = 10_000;
/// How long a press can be answered. Telegram does not say; bots report about a minute.
pub(super) const PRESS_LIFE_MS: u64 = 60_000;
/// The first update's number is arbitrary in Telegram, so it is not 1 here.
const FIRST_UPDATE: i64 = 700_000_000;
/// Ids that the sandbox chooses begin here.
const FIRST_ID: i64 = 5_000_000;

impl World {
    pub(super) fn new(bot_id: i64, username: &str) -> Self {
        let bot =
            json!({"id": bot_id, "is_bot": true, "first_name": username, "username": username});
        Self {
            bot,
            bot_id,
            username: username.to_owned(),
            people: BTreeMap::new(),
            chats: BTreeMap::new(),
            files: HashMap::new(),
            file_order: VecDeque::new(),
            presses: HashMap::new(),
            updates: VecDeque::new(),
            allowed: None,
            webhook: None,
            commands: BTreeMap::new(),
            texts: BTreeMap::new(),
            calls: BTreeMap::new(),
            limits: None,
            flood: Flood::default(),
            ahead_ms: 0,
            last_update: FIRST_UPDATE,
            last_message: 0,
            last_id: FIRST_ID,
        }
    }

    pub(super) fn now_ms(&self) -> u64 {
        unix_ms().saturating_add(self.ahead_ms)
    }

    pub(super) fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn person(&self, id: i64) -> Option<&Person> {
        self.people.get(&id).map(|standing| &standing.person)
    }

    /// Adds a chat that nothing was said in.
    pub(super) fn open_chat(
        &mut self,
        id: i64,
        kind: ChatKind,
        title: &str,
        members: BTreeSet<i64>,
        bot: BotIn,
    ) {
        let chat = Chat {
            id,
            kind,
            title: title.to_owned(),
            members,
            bot,
            migrated_to: None,
            messages: BTreeMap::new(),
            keyboard: Vec::new(),
            action: None,
        };
        self.chats.insert(id, chat);
    }

    /// Puts a message into a chat that exists and returns its id.
    pub(super) fn add_message(
        &mut self,
        chat: i64,
        from: Speaker,
        words: Marked,
        media: Option<Media>,
    ) -> i64 {
        self.last_message += 1;
        let message = Message {
            id: self.last_message,
            from,
            at_ms: self.now_ms(),
            edited_at_ms: None,
            words,
            media,
            buttons: Vec::new(),
            reply_to: None,
            silent: false,
            force_reply: false,
        };
        if let Some(chat) = self.chats.get_mut(&chat) {
            if chat.messages.len() >= MESSAGES_KEPT {
                chat.messages.pop_first();
            }
            chat.messages.insert(message.id, message);
            if from == Speaker::Bot {
                chat.action = None;
            }
        }
        self.last_message
    }

    pub(super) fn message(&self, chat: i64, id: i64) -> Option<&Message> {
        self.chats.get(&chat)?.messages.get(&id)
    }

    pub(super) fn message_mut(&mut self, chat: i64, id: i64) -> Option<&mut Message> {
        self.chats.get_mut(&chat)?.messages.get_mut(&id)
    }

    /// Remembers a press that waits for its answer.
    pub(super) fn add_press(&mut self, id: &str) {
        let now = self.now_ms();
        if self.presses.len() >= PRESSES_KEPT {
            self.presses
                .retain(|_, press| now.saturating_sub(press.at_ms) <= PRESS_LIFE_MS);
        }
        let press = Press {
            at_ms: now,
            answer: None,
        };
        self.presses.insert(id.to_owned(), press);
    }

    /// Stores bytes and returns the `file_id`.
    pub(super) fn add_file(
        &mut self,
        folder: &str,
        name: &str,
        mime: &str,
        bytes: Bytes,
    ) -> String {
        let number = self.next_id();
        let ending = name.rsplit_once('.').map_or("bin", |(_, ending)| ending);
        let ending: String = ending
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(8)
            .collect();
        let id = format!("BQACAgUAAxkBAA{number}");
        let file = File {
            name: name.to_owned(),
            mime: mime.to_owned(),
            bytes,
            path: format!("{folder}/file_{number}.{ending}"),
        };
        self.files.insert(id.clone(), file);
        self.file_order.push_back(id.clone());
        // A demo that runs for weeks sends a picture every few minutes.
        while self.file_order.len() > MOST_FILES {
            if let Some(oldest) = self.file_order.pop_front() {
                self.files.remove(&oldest);
            }
        }
        id
    }

    /// Queues an update, unless the bot has said that it does not want its kind.
    pub(super) fn queue(&mut self, kind: &str, body: Value) {
        if self
            .allowed
            .as_ref()
            .is_some_and(|allowed| !allowed.contains(kind))
        {
            return;
        }
        self.last_update += 1;
        let mut update = json!({"update_id": self.last_update});
        update[kind] = body;
        if self.updates.len() >= UPDATES_KEPT {
            self.updates.pop_front();
        }
        self.updates.push_back(Update {
            id: self.last_update,
            body: update,
        });
    }

    /// The chat a bot's call means, if the bot may write there.
    pub(super) fn writable(&self, id: i64) -> Result<ChatKind, Refusal> {
        if let Some(standing) = self.people.get(&id) {
            return match standing {
                Standing {
                    deactivated: true, ..
                } => Err(Refusal::forbidden("user is deactivated")),
                Standing { started: false, .. } => Err(Refusal::forbidden(
                    "bot can't initiate conversation with a user",
                )),
                Standing { blocked: true, .. } => {
                    Err(Refusal::forbidden("bot was blocked by the user"))
                }
                _ => Ok(ChatKind::Private),
            };
        }
        let chat = self
            .chats
            .get(&id)
            .ok_or_else(|| Refusal::bad("chat not found"))?;
        if let Some(to) = chat.migrated_to {
            return Err(Refusal::migrated(to));
        }
        let group = if chat.kind == ChatKind::Group {
            "group"
        } else {
            "supergroup"
        };
        match chat.bot {
            BotIn::Member => Ok(chat.kind),
            BotIn::Never => Err(Refusal::bad("chat not found")),
            BotIn::Left => Err(Refusal::forbidden(&format!(
                "bot is not a member of the {group} chat"
            ))),
            BotIn::Kicked => Err(Refusal::forbidden(&format!(
                "bot was kicked from the {group} chat"
            ))),
        }
    }

    /// Counts a message against the limits, if they are on.
    pub(super) fn admit(&mut self, chat: i64, kind: ChatKind) -> Result<(), Refusal> {
        let Some(limits) = self.limits else {
            return Ok(());
        };
        let group = kind != ChatKind::Private;
        self.flood
            .admit(&limits, chat, group, Instant::now())
            .map_err(Refusal::too_many)
    }
}

/// Milliseconds since 1970: the outside world has a clock of its own.
#[allow(clippy::disallowed_methods)]
fn unix_ms() -> u64 {
    let since_1970 = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_keeps_its_newest_messages() {
        let mut world = World::new(1, "bot");
        world.open_chat(
            5,
            ChatKind::Private,
            "An",
            BTreeSet::from([5]),
            BotIn::Member,
        );
        for _ in 0..=MESSAGES_KEPT {
            world.add_message(5, Speaker::Bot, Marked::default(), None);
        }
        assert_eq!(world.chats[&5].messages.len(), MESSAGES_KEPT);
        assert!(world.message(5, 1).is_none() && world.message(5, 2).is_some());
    }

    #[test]
    fn old_presses_are_forgotten_when_there_are_many() {
        let mut world = World::new(1, "bot");
        for number in 0..PRESSES_KEPT {
            world.add_press(&number.to_string());
        }
        world.ahead_ms = PRESS_LIFE_MS + 60_000;
        world.add_press("new");
        assert_eq!(world.presses.keys().collect::<Vec<_>>(), ["new"]);
    }
}
