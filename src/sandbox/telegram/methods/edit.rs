//! Editing, deleting, and answering presses.

use serde_json::json;

use super::super::keyboard::{Button, Markup};
use super::super::markup::{Marked, units};
use super::super::params::Params;
use super::super::refusal::{Answer, Refusal};
use super::super::world::{CallbackAnswer, ChatKind, Media, Message, Speaker, World};
use super::{CAPTION_LIMIT, TEXT_LIMIT, chat_id, markup, words};

const NOT_MODIFIED: &str = "message is not modified: specified new message content and reply markup are exactly the \
                            same as a current content and reply markup of the message";
/// How long a press can be answered. Telegram does not say; bots report about a minute.
const PRESS_LIFE_MS: u64 = 60_000;
/// A message can be deleted this long (Bot API, `deleteMessage`).
const DELETE_LIFE_MS: u64 = 48 * 3_600_000;
/// `answerCallbackQuery` takes a text of this length.
const NOTICE_LIMIT: usize = 200;

/// The bot's own message that is to be edited.
fn target(world: &mut World, params: &Params) -> Result<(i64, i64), Refusal> {
    if params.text("inline_message_id").is_some() {
        return Err(Refusal::bad("MESSAGE_ID_INVALID"));
    }
    let chat = chat_id(params)?;
    let kind = world.writable(chat)?;
    let id = params
        .number("message_id")
        .ok_or_else(|| Refusal::bad("message identifier is not specified"))?;
    match world.message(chat, id) {
        None => Err(Refusal::bad("message to edit not found")),
        Some(message) if message.from != Speaker::Bot => {
            Err(Refusal::bad("message can't be edited"))
        }
        Some(_) => {
            world.admit(chat, kind)?;
            Ok((chat, id))
        }
    }
}

/// The buttons after the edit: none given means none left.
fn new_buttons(params: &Params) -> Result<Vec<Vec<Button>>, Refusal> {
    match markup(params)? {
        None => Ok(Vec::new()),
        Some(Markup::Inline(buttons)) => Ok(buttons),
        Some(Markup::Keyboard(_) | Markup::RemoveKeyboard | Markup::ForceReply) => {
            Err(Refusal::bad("inline keyboard expected"))
        }
    }
}

fn apply(
    world: &mut World,
    (chat, id): (i64, i64),
    buttons: Vec<Vec<Button>>,
    words: Option<Marked>,
    fits: impl Fn(&Message) -> Result<(), Refusal>,
) -> Answer {
    let now = world.now_ms();
    let message = world
        .message_mut(chat, id)
        .ok_or_else(|| Refusal::bad("message to edit not found"))?;
    fits(message)?;
    let words = words.unwrap_or_else(|| message.words.clone());
    if words == message.words && buttons == message.buttons {
        return Err(Refusal::bad(NOT_MODIFIED));
    }
    // A change of buttons alone is not shown as an edit.
    if words != message.words {
        message.edited_at_ms = Some(now);
    }
    message.words = words;
    message.buttons = buttons;
    Ok(world.message_json(chat, id))
}

pub(super) fn text(world: &mut World, params: &Params) -> Answer {
    let words = words(params, "text", TEXT_LIMIT, "message is too long")?;
    if words.text.is_empty() {
        return Err(Refusal::bad("message text is empty"));
    }
    let buttons = new_buttons(params)?;
    let target = target(world, params)?;
    apply(
        world,
        target,
        buttons,
        Some(words),
        |message| match message.media {
            None => Ok(()),
            Some(_) => Err(Refusal::bad("there is no text in the message to edit")),
        },
    )
}

pub(super) fn caption(world: &mut World, params: &Params) -> Answer {
    let words = words(
        params,
        "caption",
        CAPTION_LIMIT,
        "message caption is too long",
    )?;
    let buttons = new_buttons(params)?;
    let target = target(world, params)?;
    apply(
        world,
        target,
        buttons,
        Some(words),
        |message| match message.media {
            Some(Media::Photo { .. } | Media::Document { .. }) => Ok(()),
            _ => Err(Refusal::bad("there is no caption in the message to edit")),
        },
    )
}

pub(super) fn buttons(world: &mut World, params: &Params) -> Answer {
    let buttons = new_buttons(params)?;
    let target = target(world, params)?;
    apply(world, target, buttons, None, |_| Ok(()))
}

pub(super) fn delete(world: &mut World, params: &Params) -> Answer {
    let chat = chat_id(params)?;
    let kind = world.writable(chat)?;
    let id = params
        .number("message_id")
        .ok_or_else(|| Refusal::bad("message identifier is not specified"))?;
    let message = world
        .message(chat, id)
        .ok_or_else(|| Refusal::bad("message to delete not found"))?;
    let theirs = message.from != Speaker::Bot && kind != ChatKind::Private;
    if theirs || world.now_ms().saturating_sub(message.at_ms) > DELETE_LIFE_MS {
        return Err(Refusal::bad("message can't be deleted for everyone"));
    }
    if let Some(chat) = world.chats.get_mut(&chat) {
        chat.messages.remove(&id);
    }
    Ok(json!(true))
}

/// Those that can be deleted are, the others are passed over.
pub(super) fn delete_many(world: &mut World, params: &Params) -> Answer {
    let chat = chat_id(params)?;
    world.writable(chat)?;
    let ids: Vec<i64> = params
        .json("message_ids", "message identifiers")?
        .ok_or_else(|| Refusal::bad("message identifiers are not specified"))?;
    if let Some(chat) = world.chats.get_mut(&chat) {
        chat.messages.retain(|id, _| !ids.contains(id));
    }
    Ok(json!(true))
}

pub(super) fn answer_press(world: &mut World, params: &Params) -> Answer {
    let text = params.text("text").unwrap_or_default();
    if units(&text) > NOTICE_LIMIT {
        return Err(Refusal::bad("MESSAGE_TOO_LONG"));
    }
    let now = world.now_ms();
    let press = params
        .text("callback_query_id")
        .and_then(|id| world.presses.get_mut(&id))
        .filter(|press| now.saturating_sub(press.at_ms) <= PRESS_LIFE_MS)
        .ok_or_else(|| {
            Refusal::bad("query is too old and response timeout expired or query ID is invalid")
        })?;
    press.answer = Some(CallbackAnswer {
        text,
        show_alert: params.flag("show_alert"),
        url: params.text("url"),
    });
    Ok(json!(true))
}
