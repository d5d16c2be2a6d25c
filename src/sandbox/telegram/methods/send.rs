//! `sendMessage` and its kin.

use serde_json::json;

use super::super::keyboard::Markup;
use super::super::markup::Marked;
use super::super::params::Params;
use super::super::refusal::{Answer, Refusal};
use super::super::world::{ChatKind, Contact, Media, Speaker, World};
use super::{CAPTION_LIMIT, TEXT_LIMIT, chat_id, files, markup, words};

/// Where a message goes and how, checked.
struct Envelope {
    chat: i64,
    markup: Option<Markup>,
    reply_to: Option<i64>,
    silent: bool,
}

fn envelope(world: &mut World, params: &Params) -> Result<Envelope, Refusal> {
    let chat = chat_id(params)?;
    let kind: ChatKind = world.writable(chat)?;
    let markup = markup(params)?;
    let reply_to = reply_to(world, params, chat)?;
    world.admit(chat, kind)?;
    Ok(Envelope {
        chat,
        markup,
        reply_to,
        silent: params.flag("disable_notification"),
    })
}

/// The message replied to, by `reply_parameters` or the older `reply_to_message_id`.
fn reply_to(world: &World, params: &Params, chat: i64) -> Result<Option<i64>, Refusal> {
    let given: Option<serde_json::Value> = params.json("reply_parameters", "reply parameters")?;
    let (id, optional) = match &given {
        Some(reply) => (
            reply.get("message_id").and_then(serde_json::Value::as_i64),
            reply
                .get("allow_sending_without_reply")
                .and_then(serde_json::Value::as_bool)
                == Some(true),
        ),
        None => (
            params.number("reply_to_message_id"),
            params.flag("allow_sending_without_reply"),
        ),
    };
    match id {
        None | Some(0) => Ok(None),
        Some(id) if world.message(chat, id).is_some() => Ok(Some(id)),
        Some(_) if optional => Ok(None),
        Some(_) => Err(Refusal::bad("message to be replied not found")),
    }
}

fn put(world: &mut World, envelope: Envelope, words: Marked, media: Option<Media>) -> Answer {
    let chat = envelope.chat;
    let id = world.add_message(chat, Speaker::Bot, words, media);
    if let Some(message) = world.message_mut(chat, id) {
        message.reply_to = envelope.reply_to;
        message.silent = envelope.silent;
        message.force_reply = envelope.markup == Some(Markup::ForceReply);
        if let Some(Markup::Inline(buttons)) = &envelope.markup {
            message.buttons.clone_from(buttons);
        }
    }
    if let Some(chat) = world.chats.get_mut(&chat) {
        match envelope.markup {
            Some(Markup::Keyboard(rows)) => chat.keyboard = rows,
            Some(Markup::RemoveKeyboard) => chat.keyboard.clear(),
            Some(Markup::Inline(_) | Markup::ForceReply) | None => {}
        }
    }
    Ok(world.message_json(chat, id))
}

pub(super) fn message(world: &mut World, params: &Params) -> Answer {
    let words = words(params, "text", TEXT_LIMIT, "message is too long")?;
    if words.text.is_empty() {
        return Err(Refusal::bad("message text is empty"));
    }
    let envelope = envelope(world, params)?;
    put(world, envelope, words, None)
}

fn caption(params: &Params) -> Result<Marked, Refusal> {
    words(
        params,
        "caption",
        CAPTION_LIMIT,
        "message caption is too long",
    )
}

pub(super) fn photo(world: &mut World, params: &Params) -> Answer {
    let words = caption(params)?;
    let photo = files::photo(world, params)?;
    let envelope = envelope(world, params)?;
    let media = photo.store(world);
    put(world, envelope, words, Some(media))
}

pub(super) fn document(world: &mut World, params: &Params) -> Answer {
    let words = caption(params)?;
    let document = files::document(world, params)?;
    let envelope = envelope(world, params)?;
    let media = document.store(world);
    put(world, envelope, words, Some(media))
}

pub(super) fn contact(world: &mut World, params: &Params) -> Answer {
    let field = |name: &str| params.text(name).filter(|text| !text.trim().is_empty());
    let contact = Contact {
        phone_number: field("phone_number").ok_or_else(|| Refusal::bad("phone number is empty"))?,
        first_name: field("first_name").ok_or_else(|| Refusal::bad("first name is empty"))?,
        last_name: field("last_name"),
        user_id: None,
    };
    let envelope = envelope(world, params)?;
    put(
        world,
        envelope,
        Marked::default(),
        Some(Media::Contact(contact)),
    )
}

/// The actions Telegram knows.
const ACTIONS: [&str; 11] = [
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];

pub(super) fn action(world: &mut World, params: &Params) -> Answer {
    let action = params
        .text("action")
        .unwrap_or_default()
        .to_ascii_lowercase();
    if !ACTIONS.contains(&action.as_str()) {
        return Err(Refusal::bad("wrong parameter action in request"));
    }
    let chat = chat_id(params)?;
    world.writable(chat)?;
    if let Some(chat) = world.chats.get_mut(&chat) {
        chat.action = Some(action);
    }
    Ok(json!(true))
}
