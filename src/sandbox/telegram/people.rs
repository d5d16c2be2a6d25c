//! The people's side: someone writes, presses, shares, blocks, joins.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::BotSandbox;
use super::keyboard::ButtonAct;
use super::markup::{Kind, Marked, plain};
use super::world::{
    BotIn, CallbackAnswer, Chat, ChatKind, Contact, Media, Person, Press, Speaker, Standing, World,
};

/// What a person cannot do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotDo {
    /// No such person.
    #[error("there is no person {0}")]
    NoPerson(i64),
    /// No such chat.
    #[error("there is no chat {0}")]
    NoChat(i64),
    /// No such message there.
    #[error("there is no message {message} in chat {chat}")]
    NoMessage {
        /// The chat.
        chat: i64,
        /// The message.
        message: i64,
    },
    /// The message has no such button, or the button sends nothing to the bot.
    #[error("message {message} has no button {button} that is sent to the bot")]
    NoButton {
        /// The message.
        message: i64,
        /// What was looked for.
        button: String,
    },
    /// One must unblock the bot first.
    #[error("person {0} has blocked the bot")]
    Blocked(i64),
    /// One must join first.
    #[error("person {person} is not in chat {chat}")]
    NotIn {
        /// The person.
        person: i64,
        /// The chat.
        chat: i64,
    },
    /// An id that is taken.
    #[error("the id {0} is taken")]
    Taken(i64),
    /// Nothing was said.
    #[error("an empty message cannot be sent")]
    Empty,
}

/// The bot did not answer a press in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the bot did not answer the press {press} within {waited:?}")]
pub struct NoAnswer {
    /// The press.
    pub press: String,
    /// How long it was waited.
    pub waited: Duration,
}

impl BotSandbox {
    /// Adds a person and returns their id (chosen here if it is 0). They have not started the bot.
    ///
    /// # Errors
    /// [`CannotDo::Taken`] if somebody has the id.
    pub fn create_person(&self, mut person: Person) -> Result<i64, CannotDo> {
        self.act(|world| {
            if person.id == 0 {
                person.id = world.next_id();
            }
            let id = person.id;
            if world.people.contains_key(&id) || id == world.bot_id {
                return Err(CannotDo::Taken(id));
            }
            world.open_chat(
                id,
                ChatKind::Private,
                &person.name(),
                BTreeSet::from([id]),
                BotIn::Member,
            );
            let standing = Standing {
                person,
                started: false,
                blocked: false,
                deactivated: false,
            };
            world.people.insert(id, standing);
            Ok(id)
        })
    }

    /// Makes a group of these people, without the bot, and returns its (negative) id.
    ///
    /// # Errors
    /// [`CannotDo::NoPerson`] for one that is not there.
    pub fn create_group(&self, title: &str, members: &[i64]) -> Result<i64, CannotDo> {
        self.act(|world| {
            for member in members {
                known(world, *member)?;
            }
            let id = -world.next_id();
            world.open_chat(
                id,
                ChatKind::Group,
                title,
                members.iter().copied().collect(),
                BotIn::Never,
            );
            Ok(id)
        })
    }

    /// A person presses Start, with the payload of a deep link or without. Unblocks first, as the app does.
    ///
    /// # Errors
    /// [`CannotDo::NoPerson`].
    pub fn press_start(&self, person: i64, payload: Option<&str>) -> Result<i64, CannotDo> {
        if self
            .shared
            .world()
            .people
            .get(&person)
            .is_some_and(|standing| standing.blocked)
        {
            self.unblock(person)?;
        }
        match payload {
            Some(payload) => self.say(person, &format!("/start {payload}")),
            None => self.say(person, "/start"),
        }
    }

    /// A person writes to the bot; the first time starts it. Returns the message's id.
    ///
    /// # Errors
    /// An unknown person, one who blocked the bot, an empty text.
    pub fn say(&self, person: i64, text: &str) -> Result<i64, CannotDo> {
        self.say_in(person, person, text, None)
    }

    /// A person writes in a chat, perhaps in reply to a message. A bot sees in groups only commands, mentions
    /// of it and replies to it.
    ///
    /// # Errors
    /// As [`BotSandbox::say`], and a chat or message that is not there or not theirs.
    pub fn say_in(
        &self,
        person: i64,
        chat: i64,
        text: &str,
        reply_to: Option<i64>,
    ) -> Result<i64, CannotDo> {
        self.act(|world| {
            let words = plain(text);
            if words.text.is_empty() {
                return Err(CannotDo::Empty);
            }
            speak(world, person, chat, words, None, reply_to)
        })
    }

    /// A person shares a phone number with the bot, their own as with a `request_contact` button.
    ///
    /// # Errors
    /// As [`BotSandbox::say`].
    pub fn share_contact(&self, person: i64, phone_number: &str) -> Result<i64, CannotDo> {
        let contact = self.act(|world| {
            let owner = known(world, person)?;
            Ok(Contact {
                phone_number: phone_number.to_owned(),
                first_name: owner.first_name.clone(),
                last_name: owner.last_name.clone(),
                user_id: Some(person),
            })
        })?;
        self.share_card(person, person, contact)
    }

    /// A person sends any contact card, perhaps somebody else's.
    ///
    /// # Errors
    /// As [`BotSandbox::say_in`].
    pub fn share_card(&self, person: i64, chat: i64, card: Contact) -> Result<i64, CannotDo> {
        self.act(|world| {
            speak(
                world,
                person,
                chat,
                Marked::default(),
                Some(Media::Contact(card)),
                None,
            )
        })
    }

    /// A person presses the button with this `callback_data`; returns the press, for [`BotSandbox::wait_answer`].
    ///
    /// # Errors
    /// A person, chat, message or button that is not there.
    pub fn press(
        &self,
        person: i64,
        chat: i64,
        message: i64,
        data: &str,
    ) -> Result<String, CannotDo> {
        self.act(|world| press(world, person, chat, message, data))
    }

    /// A person presses the button in this row and column, counted from 0.
    ///
    /// # Errors
    /// As [`BotSandbox::press`].
    pub fn press_at(
        &self,
        person: i64,
        chat: i64,
        message: i64,
        row: usize,
        column: usize,
    ) -> Result<String, CannotDo> {
        let missing = || CannotDo::NoButton {
            message,
            button: format!("in row {row}, column {column}"),
        };
        self.act(|world| {
            let found = world
                .message(chat, message)
                .ok_or(CannotDo::NoMessage { chat, message })?;
            let button = found.buttons.get(row).and_then(|row| row.get(column));
            let data = match button.map(|button| &button.act) {
                Some(ButtonAct::CallbackData(data)) => data.clone(),
                _ => return Err(missing()),
            };
            press(world, person, chat, message, &data)
        })
    }

    /// What the bot answered to a press, if it has.
    pub fn answer(&self, press: &str) -> Option<CallbackAnswer> {
        self.shared.world().presses.get(press)?.answer.clone()
    }

    /// Waits for the bot's answer to a press.
    ///
    /// # Errors
    /// [`NoAnswer`] after `timeout`.
    pub async fn wait_answer(
        &self,
        press: &str,
        timeout: Duration,
    ) -> Result<CallbackAnswer, NoAnswer> {
        self.until(timeout, || self.answer(press))
            .await
            .ok_or_else(|| NoAnswer {
                press: press.to_owned(),
                waited: timeout,
            })
    }

    /// A person blocks the bot, which is told by `my_chat_member`.
    ///
    /// # Errors
    /// [`CannotDo::NoPerson`].
    pub fn block(&self, person: i64) -> Result<(), CannotDo> {
        self.set_blocked(person, true)
    }

    /// A person unblocks the bot, which is told by `my_chat_member`.
    ///
    /// # Errors
    /// [`CannotDo::NoPerson`].
    pub fn unblock(&self, person: i64) -> Result<(), CannotDo> {
        self.set_blocked(person, false)
    }

    fn set_blocked(&self, person: i64, blocked: bool) -> Result<(), CannotDo> {
        self.act(|world| {
            let standing = world
                .people
                .get_mut(&person)
                .ok_or(CannotDo::NoPerson(person))?;
            if standing.blocked != blocked {
                standing.blocked = blocked;
                let (old, new) = if blocked {
                    ("member", "kicked")
                } else {
                    ("kicked", "member")
                };
                membership(world, person, person, old, new);
            }
            Ok(())
        })
    }

    /// A person deletes their account: the bot gets "user is deactivated" from now on.
    ///
    /// # Errors
    /// [`CannotDo::NoPerson`].
    pub fn deactivate(&self, person: i64) -> Result<(), CannotDo> {
        self.act(|world| {
            let standing = world
                .people
                .get_mut(&person)
                .ok_or(CannotDo::NoPerson(person))?;
            standing.deactivated = true;
            Ok(())
        })
    }

    /// A person joins a group.
    ///
    /// # Errors
    /// A person or group that is not there.
    pub fn join(&self, person: i64, group: i64) -> Result<(), CannotDo> {
        self.act(|world| {
            let user = known(world, person)?.user();
            let says = format!("{} đã vào nhóm", known(world, person)?.name());
            if group_mut(world, group)?.members.insert(person) {
                let fields = json!({"new_chat_members": [user]});
                service(world, group, Speaker::Person(person), fields, says);
            }
            Ok(())
        })
    }

    /// A person leaves a group.
    ///
    /// # Errors
    /// A person or group that is not there.
    pub fn leave(&self, person: i64, group: i64) -> Result<(), CannotDo> {
        self.act(|world| {
            let user = known(world, person)?.user();
            let says = format!("{} đã rời nhóm", known(world, person)?.name());
            if group_mut(world, group)?.members.remove(&person) {
                let fields = json!({"left_chat_member": user});
                service(world, group, Speaker::Person(person), fields, says);
            }
            Ok(())
        })
    }

    /// A member adds the bot to a group, with the payload of a `?startgroup=` link or without.
    ///
    /// # Errors
    /// A person or group that is not there, or a person who is not in it.
    pub fn add_bot(&self, group: i64, by: i64, payload: Option<&str>) -> Result<(), CannotDo> {
        self.act(|world| {
            member(world, by, group)?;
            group_mut(world, group)?.bot = BotIn::Member;
            membership(world, group, by, "left", "member");
            let fields = json!({"new_chat_members": [world.bot]});
            let says = format!("@{} đã được thêm vào nhóm", world.username);
            service(world, group, Speaker::Person(by), fields, says);
            if let Some(payload) = payload {
                let text = format!("/start@{} {payload}", world.username);
                speak(world, by, group, plain(&text), None, None)?;
            }
            Ok(())
        })
    }

    /// A member throws the bot out of a group.
    ///
    /// # Errors
    /// As [`BotSandbox::add_bot`].
    pub fn remove_bot(&self, group: i64, by: i64) -> Result<(), CannotDo> {
        self.act(|world| {
            member(world, by, group)?;
            group_mut(world, group)?.bot = BotIn::Kicked;
            membership(world, group, by, "member", "kicked");
            Ok(())
        })
    }

    /// Upgrades a group to a supergroup and returns the new id; the old one answers with `migrate_to_chat_id`.
    ///
    /// # Errors
    /// [`CannotDo::NoChat`].
    pub fn migrate(&self, group: i64) -> Result<i64, CannotDo> {
        self.act(|world| {
            let new = -1_000_000_000_000 - world.next_id();
            let old = group_mut(world, group)?;
            let (title, members, bot) = (old.title.clone(), old.members.clone(), old.bot);
            world.open_chat(new, ChatKind::Supergroup, &title, members, bot);
            let says = "Nhóm đã được nâng cấp".to_owned();
            service(
                world,
                group,
                Speaker::Bot,
                json!({"migrate_to_chat_id": new}),
                says.clone(),
            );
            service(
                world,
                new,
                Speaker::Bot,
                json!({"migrate_from_chat_id": group}),
                says,
            );
            group_mut(world, group)?.migrated_to = Some(new);
            Ok(new)
        })
    }

    /// Everybody there is, by id.
    pub fn people(&self) -> Vec<Person> {
        let world = self.shared.world();
        world
            .people
            .values()
            .map(|standing| standing.person.clone())
            .collect()
    }

    /// Does something to the world and wakes who waits for it.
    fn act<T>(&self, act: impl FnOnce(&mut World) -> Result<T, CannotDo>) -> Result<T, CannotDo> {
        let done = act(&mut self.shared.world())?;
        self.shared.touch();
        Ok(done)
    }
}

fn known(world: &World, person: i64) -> Result<&Person, CannotDo> {
    world.person(person).ok_or(CannotDo::NoPerson(person))
}

fn group_mut(world: &mut World, group: i64) -> Result<&mut Chat, CannotDo> {
    match world.chats.get_mut(&group) {
        Some(chat) if chat.kind != ChatKind::Private => Ok(chat),
        _ => Err(CannotDo::NoChat(group)),
    }
}

/// That a person exists and is in a chat that exists.
fn member(world: &World, person: i64, chat: i64) -> Result<(), CannotDo> {
    known(world, person)?;
    match world.chats.get(&chat) {
        None => Err(CannotDo::NoChat(chat)),
        Some(found) if found.members.contains(&person) => Ok(()),
        Some(_) => Err(CannotDo::NotIn { person, chat }),
    }
}

/// Puts a person's message into a chat and queues it for the bot, if the bot may see it.
fn speak(
    world: &mut World,
    person: i64,
    chat: i64,
    words: Marked,
    media: Option<Media>,
    reply_to: Option<i64>,
) -> Result<i64, CannotDo> {
    member(world, person, chat)?;
    if let Some(message) = reply_to.filter(|message| world.message(chat, *message).is_none()) {
        return Err(CannotDo::NoMessage { chat, message });
    }
    let private = chat == person;
    if private && let Some(standing) = world.people.get_mut(&person) {
        if standing.blocked {
            return Err(CannotDo::Blocked(person));
        }
        standing.started = true;
    }
    let to_bot = private || addressed(world, chat, &words, reply_to);
    let id = world.add_message(chat, Speaker::Person(person), words, media);
    if let Some(message) = world.message_mut(chat, id) {
        message.reply_to = reply_to;
    }
    if to_bot {
        let body = world.message_json(chat, id);
        world.queue("message", body);
    }
    Ok(id)
}

/// Privacy mode: in a group the bot sees commands, mentions of it and replies to it.
fn addressed(world: &World, chat: i64, words: &Marked, reply_to: Option<i64>) -> bool {
    let inside = world
        .chats
        .get(&chat)
        .is_some_and(|chat| chat.bot == BotIn::Member);
    let mention = format!("@{}", world.username).to_lowercase();
    // A command with another bot's name is not for this one.
    let command = words
        .entities
        .iter()
        .any(|entity| entity.kind == Kind::BotCommand && entity.offset == 0)
        && words
            .text
            .split_whitespace()
            .next()
            .and_then(|first| first.split_once('@'))
            .is_none_or(|(_, name)| name.eq_ignore_ascii_case(&world.username));
    let replied = reply_to
        .and_then(|id| world.message(chat, id))
        .is_some_and(|message| message.from == Speaker::Bot);
    inside && (command || replied || words.text.to_lowercase().contains(&mention))
}

fn press(
    world: &mut World,
    person: i64,
    chat: i64,
    message: i64,
    data: &str,
) -> Result<String, CannotDo> {
    member(world, person, chat)?;
    if chat == person
        && world
            .people
            .get(&person)
            .is_some_and(|standing| standing.blocked)
    {
        return Err(CannotDo::Blocked(person));
    }
    let found = world
        .message(chat, message)
        .ok_or(CannotDo::NoMessage { chat, message })?;
    let wanted = ButtonAct::CallbackData(data.to_owned());
    if !found
        .buttons
        .iter()
        .flatten()
        .any(|button| button.act == wanted)
    {
        return Err(CannotDo::NoButton {
            message,
            button: format!("{data:?}"),
        });
    }
    let id = format!("{}{:010}", person.unsigned_abs(), world.next_id());
    let query = json!({
        "id": id,
        "from": world.user_json(person),
        "message": world.message_json(chat, message),
        "chat_instance": chat.unsigned_abs().to_string(),
        "data": data,
    });
    let press = Press {
        at_ms: world.now_ms(),
        answer: None,
    };
    world.presses.insert(id.clone(), press);
    world.queue("callback_query", query);
    Ok(id)
}

/// Tells the bot that it was let in or thrown out.
fn membership(world: &mut World, chat: i64, by: i64, old: &str, new: &str) {
    let member = |status: &str| {
        let mut member = json!({"user": world.bot, "status": status});
        if status == "kicked" {
            member["until_date"] = json!(0);
        }
        member
    };
    let update: Value = json!({
        "chat": world.chat_json(chat),
        "from": world.user_json(by),
        "date": world.now_ms() / 1000,
        "old_chat_member": member(old),
        "new_chat_member": member(new),
    });
    world.queue("my_chat_member", update);
}

/// Puts a service message into a group; the bot sees it if it is in.
fn service(world: &mut World, group: i64, from: Speaker, fields: Value, says: String) {
    let media = Media::Service { fields, says };
    let id = world.add_message(group, from, Marked::default(), Some(media));
    if world
        .chats
        .get(&group)
        .is_some_and(|chat| chat.bot == BotIn::Member)
    {
        let body = world.message_json(group, id);
        world.queue("message", body);
    }
}
