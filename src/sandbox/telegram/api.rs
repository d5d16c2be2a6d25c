//! Messages, chats and users as the Bot API's JSON.

use serde_json::{Value, json};

use super::keyboard;
use super::world::{ChatKind, Media, Speaker, World};

impl World {
    /// A chat as a Bot API `Chat`.
    pub(super) fn chat_json(&self, id: i64) -> Value {
        if let Some(person) = self.person(id) {
            let mut chat = person.user();
            if let Some(fields) = chat.as_object_mut() {
                fields.remove("is_bot");
                fields.remove("language_code");
            }
            chat["type"] = json!("private");
            return chat;
        }
        match self.chats.get(&id) {
            Some(chat) => json!({"id": id, "type": chat.kind, "title": chat.title}),
            None => json!({"id": id, "type": ChatKind::Private}),
        }
    }

    /// A person as a Bot API `User`.
    pub(super) fn user_json(&self, id: i64) -> Value {
        if id == self.bot_id {
            return self.bot.clone();
        }
        match self.person(id) {
            Some(person) => person.user(),
            None => json!({"id": id, "is_bot": false, "first_name": "?"}),
        }
    }

    /// A message as a Bot API `Message`; `null` if there is none. Replies are given one deep, as Telegram does.
    pub(super) fn message_json(&self, chat: i64, id: i64) -> Value {
        self.message_with_reply(chat, id, true)
    }

    fn message_with_reply(&self, chat: i64, id: i64, reply: bool) -> Value {
        let Some(message) = self.message(chat, id) else {
            return Value::Null;
        };
        let from = match message.from {
            Speaker::Bot => self.bot.clone(),
            Speaker::Person(person) => self.user_json(person),
        };
        let mut json = json!({
            "message_id": id,
            "from": from,
            "chat": self.chat_json(chat),
            "date": message.at_ms / 1000,
        });
        if let Some(edited) = message.edited_at_ms {
            json["edit_date"] = json!(edited / 1000);
        }
        let (text, entities) = match message.media {
            None => ("text", "entities"),
            Some(_) => ("caption", "caption_entities"),
        };
        if message.media.is_none() || !message.words.text.is_empty() {
            json[text] = json!(message.words.text);
            if !message.words.entities.is_empty() {
                json[entities] = json!(message.words.entities);
            }
        }
        match &message.media {
            None => {}
            Some(Media::Photo {
                file,
                width,
                height,
            }) => json["photo"] = self.photo_json(file, *width, *height),
            Some(Media::Document { file }) => json["document"] = self.document_json(file),
            Some(Media::Contact(contact)) => json["contact"] = json!(contact),
            Some(Media::Service { fields, .. }) => {
                for (name, value) in fields.as_object().into_iter().flatten() {
                    json[name] = value.clone();
                }
            }
        }
        if !message.buttons.is_empty() {
            json["reply_markup"] = keyboard::inline(&message.buttons);
        }
        if let Some(to) = message.reply_to.filter(|_| reply) {
            let replied = self.message_with_reply(chat, to, false);
            if !replied.is_null() {
                json["reply_to_message"] = replied;
            }
        }
        json
    }

    /// Two sizes, as Telegram gives several; the last is the largest. Both are the same bytes here.
    fn photo_json(&self, file: &str, width: u32, height: u32) -> Value {
        let size = self.files.get(file).map_or(0, |file| file.bytes.len());
        // Whole-number scaling to a longest side of 320, never below 1.
        let longest = width.max(height).max(1);
        let small = |side: u32| {
            let scaled = if longest > 320 {
                side.saturating_mul(320) / longest
            } else {
                side
            };
            scaled.max(1)
        };
        let unique = unique_id(file);
        json!([
            {"file_id": file, "file_unique_id": format!("{unique}s"), "file_size": size, "width": small(width), "height": small(height)},
            {"file_id": file, "file_unique_id": unique, "file_size": size, "width": width, "height": height},
        ])
    }

    fn document_json(&self, id: &str) -> Value {
        let mut document = json!({"file_id": id, "file_unique_id": unique_id(id)});
        if let Some(file) = self.files.get(id) {
            document["file_name"] = json!(file.name);
            document["mime_type"] = json!(file.mime);
            document["file_size"] = json!(file.bytes.len());
        }
        document
    }
}

/// The id that stays the same over time and for different bots.
pub(super) fn unique_id(file: &str) -> String {
    format!(
        "AQAD{}",
        file.trim_start_matches(|letter: char| !letter.is_ascii_digit())
    )
}
