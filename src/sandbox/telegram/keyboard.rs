//! `reply_markup`: checked as Telegram checks it, and kept in the shape a page shows.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::markup::{link, units};
use super::refusal::Refusal;

/// A button under a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What is on it.
    pub text: String,
    /// What pressing it does.
    #[serde(flatten)]
    pub act: ButtonAct,
    /// `danger`, `success` or `primary`, if the bot asked for a colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<String>,
}

/// What a button does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ButtonAct {
    /// Sends this to the bot.
    CallbackData(String),
    /// Opens this address.
    Url(String),
    /// Copies this text.
    CopyText(String),
    /// Something that is kept but not acted out: a web app, a switch to inline mode.
    Other(Value),
}

/// A button of the keyboard that stands in place of the phone's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyButton {
    /// What is on it, and what is said when it is pressed.
    pub text: String,
    /// Whether pressing it shares the person's phone number instead.
    pub request_contact: bool,
}

/// What `reply_markup` asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Markup {
    Inline(Vec<Vec<Button>>),
    Keyboard(Vec<Vec<KeyButton>>),
    RemoveKeyboard,
    ForceReply,
}

/// Telegram takes this many bytes of `callback_data`.
const DATA_LIMIT: usize = 64;
/// And this many buttons in all.
const BUTTON_LIMIT: usize = 100;

/// Reads a `reply_markup`.
pub(super) fn read(markup: &Value) -> Result<Markup, Refusal> {
    let object = markup
        .as_object()
        .ok_or_else(|| Refusal::bad("object expected as reply markup"))?;
    if let Some(rows) = object.get("inline_keyboard") {
        let rows = grid(rows, "inline keyboard", inline_button)?;
        if rows.iter().map(Vec::len).sum::<usize>() > BUTTON_LIMIT {
            return Err(Refusal::bad("reply markup is too long"));
        }
        return Ok(Markup::Inline(rows));
    }
    if let Some(rows) = object.get("keyboard") {
        return Ok(Markup::Keyboard(grid(rows, "keyboard", key_button)?));
    }
    if object.get("remove_keyboard").and_then(Value::as_bool) == Some(true) {
        return Ok(Markup::RemoveKeyboard);
    }
    if object.get("force_reply").and_then(Value::as_bool) == Some(true) {
        return Ok(Markup::ForceReply);
    }
    // An empty object takes the buttons away.
    Ok(Markup::Inline(Vec::new()))
}

fn grid<T>(
    rows: &Value,
    what: &str,
    one: fn(&Value) -> Result<T, Refusal>,
) -> Result<Vec<Vec<T>>, Refusal> {
    let expected = || {
        Refusal::bad(format!(
            "field \"{}\" of the reply markup must be an Array of Arrays",
            what.replace(' ', "_")
        ))
    };
    let mut read = Vec::new();
    for row in rows.as_array().ok_or_else(expected)? {
        let row = row.as_array().ok_or_else(expected)?;
        let buttons = row.iter().map(one).collect::<Result<Vec<T>, Refusal>>()?;
        if !buttons.is_empty() {
            read.push(buttons);
        }
    }
    Ok(read)
}

fn inline_button(button: &Value) -> Result<Button, Refusal> {
    let broken = |why: &str| Refusal::bad(format!("can't parse inline keyboard button: {why}"));
    let object = button
        .as_object()
        .ok_or_else(|| broken("InlineKeyboardButton must be an Object"))?;
    let text = object
        .get("text")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if text.trim().is_empty() {
        return Err(broken("Field \"text\" must be non-empty"));
    }
    let string = |name: &str| object.get(name).and_then(Value::as_str);
    let act = if let Some(url) = string("url") {
        let url = link(url).ok_or_else(|| {
            Refusal::bad(format!(
                "inline keyboard button URL '{url}' is invalid: Wrong HTTP URL"
            ))
        })?;
        ButtonAct::Url(url)
    } else if let Some(data) = string("callback_data") {
        if data.is_empty() || data.len() > DATA_LIMIT {
            return Err(Refusal::bad("BUTTON_DATA_INVALID"));
        }
        ButtonAct::CallbackData(data.to_owned())
    } else if let Some(copy) = object.get("copy_text") {
        let copied = copy.get("text").and_then(Value::as_str).unwrap_or_default();
        if !(1..=256).contains(&units(copied)) {
            return Err(Refusal::bad("BUTTON_COPY_TEXT_INVALID"));
        }
        ButtonAct::CopyText(copied.to_owned())
    } else if let Some(name) = OTHER.iter().find(|name| object.contains_key(**name)) {
        let mut other = json!({});
        other[*name] = object.get(*name).cloned().unwrap_or_default();
        ButtonAct::Other(other)
    } else {
        return Err(broken("Text buttons are unallowed in the inline keyboard"));
    };
    Ok(Button {
        text: text.to_owned(),
        act,
        style: string("style").map(str::to_owned),
    })
}

const OTHER: [&str; 6] = [
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "pay",
];

fn key_button(button: &Value) -> Result<KeyButton, Refusal> {
    let text = button
        .as_str()
        .or_else(|| button.get("text").and_then(Value::as_str));
    let text = text.unwrap_or_default();
    if text.trim().is_empty() {
        return Err(Refusal::bad(
            "can't parse keyboard button: Field \"text\" must be non-empty",
        ));
    }
    Ok(KeyButton {
        text: text.to_owned(),
        request_contact: button.get("request_contact").and_then(Value::as_bool) == Some(true),
    })
}

/// Buttons as a Bot API `InlineKeyboardMarkup`.
pub(super) fn inline(buttons: &[Vec<Button>]) -> Value {
    let rows: Vec<Vec<Value>> = buttons
        .iter()
        .map(|row| {
            row.iter()
                .map(|button| {
                    let mut object = match &button.act {
                        ButtonAct::CallbackData(data) => json!({"callback_data": data}),
                        ButtonAct::Url(url) => json!({"url": url}),
                        ButtonAct::CopyText(text) => json!({"copy_text": {"text": text}}),
                        ButtonAct::Other(other) => other.clone(),
                    };
                    object["text"] = json!(button.text);
                    if let Some(style) = &button.style {
                        object["style"] = json!(style);
                    }
                    object
                })
                .collect()
        })
        .collect();
    json!({"inline_keyboard": rows})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(markup: &Value) -> String {
        match read(markup) {
            Ok(_) => "ok".to_owned(),
            Err(refusal) => refusal.description,
        }
    }

    #[test]
    fn buttons_are_checked_in_telegrams_words() {
        let button = |button: Value| said(&json!({"inline_keyboard": [[button]]}));
        for (given, expected) in [
            (json!({"text": "a", "callback_data": "x".repeat(64)}), "ok"),
            (
                json!({"text": "a", "callback_data": "x".repeat(65)}),
                "Bad Request: BUTTON_DATA_INVALID",
            ),
            (
                json!({"text": "a", "callback_data": "ằ".repeat(22)}),
                "Bad Request: BUTTON_DATA_INVALID",
            ),
            (
                json!({"text": "a", "callback_data": ""}),
                "Bad Request: BUTTON_DATA_INVALID",
            ),
            (
                json!({"text": "a", "url": "https://docs.google.com/x"}),
                "ok",
            ),
            (json!({"text": "a", "url": "http://127.0.0.1:8800/"}), "ok"),
            (
                json!({"text": "a", "url": "http://localhost:8800/"}),
                "Bad Request: inline keyboard button URL 'http://localhost:8800/' is invalid: Wrong HTTP URL",
            ),
            (json!({"text": "a", "copy_text": {"text": "0901"}}), "ok"),
            (
                json!({"text": "a"}),
                "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
            ),
            (
                json!({"text": " ", "callback_data": "x"}),
                "Bad Request: can't parse inline keyboard button: Field \"text\" must be non-empty",
            ),
        ] {
            assert_eq!(button(given.clone()), expected, "{given}");
        }
        assert_eq!(
            said(&json!([])),
            "Bad Request: object expected as reply markup"
        );
        let many = vec![vec![json!({"text": "a", "callback_data": "b"}); 8]; 13];
        assert_eq!(
            said(&json!({"inline_keyboard": many})),
            "Bad Request: reply markup is too long"
        );
    }

    #[test]
    fn the_other_keyboards_are_read() {
        assert_eq!(
            read(&json!({"keyboard": [["Có", {"text": "Gửi số", "request_contact": true}]]})),
            Ok(Markup::Keyboard(vec![vec![
                KeyButton {
                    text: "Có".to_owned(),
                    request_contact: false
                },
                KeyButton {
                    text: "Gửi số".to_owned(),
                    request_contact: true
                },
            ]]))
        );
        assert_eq!(
            read(&json!({"remove_keyboard": true})),
            Ok(Markup::RemoveKeyboard)
        );
        assert_eq!(read(&json!({"force_reply": true})), Ok(Markup::ForceReply));
        assert_eq!(read(&json!({})), Ok(Markup::Inline(Vec::new())));
    }

    #[test]
    fn what_is_read_is_given_back() {
        let markup = json!({"inline_keyboard": [[{"text": "a", "callback_data": "b"}, {"text": "c", "url": "https://x.org/"}]]});
        let Ok(Markup::Inline(buttons)) = read(&markup) else {
            panic!("an inline keyboard");
        };
        assert_eq!(inline(&buttons), markup);
    }
}
