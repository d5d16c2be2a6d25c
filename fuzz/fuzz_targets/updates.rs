//! Any update in place of Telegram's: heard by the real bot, answered by the real desk. The bot's own calls go to a
//! closed port. A line that is no JSON is taken for what somebody writes, and for the data of a button.
#![no_main]

use std::sync::{Arc, OnceLock};

use libfuzzer_sys::fuzz_target;
use secrecy::SecretString;
use serde_json::{Value, json};
use sheetbridge::bot::Bot;
use sheetbridge::telegram::{Client, TelegramSettings};
use sheetbridge_fuzz::{desk, now};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::JoinSet;

fn bot() -> &'static (Runtime, Bot) {
    static BOT: OnceLock<(Runtime, Bot)> = OnceLock::new();
    BOT.get_or_init(|| {
        let desk = desk();
        let settings = TelegramSettings {
            token: SecretString::from("123456:TEST-token-of-the-fuzzer-abcdefgh"),
            api_url: Some("http://127.0.0.1:9".to_owned()),
            proxy: None,
        };
        let runtime = Runtime::new().expect("a runtime");
        let client = Client::new(&settings).expect("settings");
        let digest = Arc::new(|_: &_, _| Ok(vec!["…".to_owned()]));
        let bot = Bot::new(
            client,
            move || desk.clone(),
            digest,
            Arc::new(Notify::new()),
            now,
        );
        (runtime, bot)
    })
}

fn written(text: &str, private: bool, from: i64) -> Value {
    let chat = match private {
        true => json!({"id": from, "type": "private", "first_name": "Lan"}),
        false => json!({"id": -100, "type": "group", "title": "KD1"}),
    };
    json!({"update_id": 1, "message": {
        "message_id": 7, "date": 1_795_226_400, "chat": chat, "text": text,
        "from": {"id": from, "is_bot": false, "first_name": "Lan"},
    }})
}

fn pressed(data: &str, from: i64) -> Value {
    json!({"update_id": 2, "callback_query": {
        "id": "1", "chat_instance": "1", "data": data,
        "from": {"id": from, "is_bot": false, "first_name": "Lan"},
    }})
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let updates = match serde_json::from_str::<Value>(text) {
        Ok(update) if update.is_object() => vec![update],
        // The manager, a colleague, a stranger; alone and in a group.
        Ok(_) | Err(_) => vec![
            written(text, true, 100_009),
            written(text, true, 100_000),
            written(text, true, 1),
            written(text, false, 100_009),
            pressed(text, 100_009),
            pressed(text, 1),
        ],
    };
    let (runtime, bot) = bot();
    runtime.block_on(async {
        for update in updates {
            let mut answers = JoinSet::new();
            bot.handle(update, &mut answers).await;
            answers.abort_all();
        }
    });
});
