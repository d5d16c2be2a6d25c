//! The sandbox's Bot API, tried with teloxide and with bare HTTP.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use sheetbridge::sandbox::telegram::{
    BotSandbox, ButtonAct, CannotDo, Contact, Fault, Limits, Person, ShownMessage,
};
use teloxide::ApiError;
use teloxide::net::Download;
use teloxide::payloads::{
    AnswerCallbackQuerySetters, EditMessageTextSetters, GetUpdatesSetters, SendMessageSetters,
    SendPhotoSetters,
};
use teloxide::prelude::Requester;
use teloxide::types::{
    BotCommand, ButtonRequest, ChatId, InlineKeyboardButton, InlineKeyboardMarkup, InputFile,
    KeyboardButton, KeyboardMarkup, MessageEntityKind, ParseMode, ReplyParameters, UpdateKind,
    UserId,
};

const SOON: Duration = Duration::from_secs(10);
const TOKEN: &str = "4242:AAE-sandbox_token";
const AN: i64 = 101;

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

async fn server() -> BotSandbox {
    BotSandbox::start(loopback(), TOKEN, "queenland_bot")
        .await
        .unwrap()
}

/// A server on which An has started the bot; the update of it is confirmed by nobody.
async fn server_with_an() -> BotSandbox {
    let server = server().await;
    let an = Person {
        last_name: Some("Nguyễn".to_owned()),
        username: Some("an_nguyen".to_owned()),
        ..Person::new(AN, "An")
    };
    assert_eq!(server.create_person(an), Ok(AN));
    server.press_start(AN, Some("mã-123")).unwrap();
    server
}

fn bot(server: &BotSandbox) -> teloxide::Bot {
    // The system's proxy settings are none of a loopback test's business.
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(60))
        .build()
        .unwrap();
    teloxide::Bot::with_client(TOKEN, client).set_api_url(server.base_url().parse().unwrap())
}

/// A 1 × 1 PNG's header says more than its size here: 900 × 480.
fn png() -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    png.extend_from_slice(&900u32.to_be_bytes());
    png.extend_from_slice(&480u32.to_be_bytes());
    png.extend_from_slice(&[8, 2, 0, 0, 0]);
    png
}

/// A call by JSON; status and body.
async fn call(server: &BotSandbox, method: &str, params: Value) -> (u16, Value) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/bot{TOKEN}/{method}", server.base_url());
    let response = client.post(url).json(&params).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// The result of a call that must succeed.
async fn well(server: &BotSandbox, method: &str, params: Value) -> Value {
    let (status, body) = call(server, method, params).await;
    assert_eq!(
        (status, &body["ok"]),
        (200, &json!(true)),
        "{method}: {body}"
    );
    body["result"].clone()
}

/// The description of a call that must fail, with its code.
async fn refused(server: &BotSandbox, method: &str, params: Value) -> String {
    let (status, body) = call(server, method, params).await;
    assert_eq!(body["ok"], json!(false), "{method}: {body}");
    assert_eq!(body["error_code"], json!(status));
    format!("{status} {}", body["description"].as_str().unwrap())
}

#[tokio::test]
async fn teloxide_receives_sends_edits_and_answers() {
    let server = server_with_an().await;
    let bot = bot(&server);
    let me = bot.get_me().await.unwrap();
    assert_eq!((me.id.0, me.username()), (4242, "queenland_bot"));

    let updates = bot.get_updates().timeout(5).await.unwrap();
    let UpdateKind::Message(start) = &updates[0].kind else {
        panic!("{updates:?}")
    };
    assert_eq!(start.text(), Some("/start mã-123"));
    assert_eq!(start.from.as_ref().unwrap().full_name(), "An Nguyễn");
    assert!(matches!(
        start.entities().unwrap()[0].kind,
        MessageEntityKind::BotCommand
    ));

    let buttons = InlineKeyboardMarkup::new([[
        InlineKeyboardButton::callback("Đúng, gửi ngay", "ok:1"),
        InlineKeyboardButton::url("Mở bảng tính", "https://docs.google.com/x".parse().unwrap()),
    ]]);
    let sent = bot
        .send_message(ChatId(AN), "Khách <b>Trần &amp; Lê</b> 🏟 <i>đã cọc</i>")
        .parse_mode(ParseMode::Html)
        .reply_markup(buttons)
        .reply_parameters(ReplyParameters::new(start.id))
        .disable_notification(true)
        .await
        .unwrap();
    assert_eq!(sent.text(), Some("Khách Trần & Lê 🏟 đã cọc"));
    assert_eq!(
        (
            sent.entities().unwrap()[1].offset,
            sent.entities().unwrap()[1].length
        ),
        (19, 6)
    );

    let shown = server.messages(AN).pop().unwrap();
    assert_eq!(shown.html, "Khách <b>Trần &amp; Lê</b> 🏟 <i>đã cọc</i>");
    assert_eq!(shown.reply_to, Some(start.id.0.into()));
    assert!(shown.silent && shown.from_bot);
    assert_eq!(
        shown.buttons[0][0].act,
        ButtonAct::CallbackData("ok:1".to_owned())
    );

    let press = server.press(AN, AN, shown.id, "ok:1").unwrap();
    let offset = i32::try_from(updates[0].id.0).unwrap() + 1;
    let updates = bot.get_updates().offset(offset).timeout(5).await.unwrap();
    let UpdateKind::CallbackQuery(query) = &updates[0].kind else {
        panic!("{updates:?}")
    };
    assert_eq!(
        (query.data.as_deref(), query.from.id),
        (Some("ok:1"), UserId(101))
    );
    assert_eq!(query.regular_message().unwrap().id, sent.id);
    bot.answer_callback_query(query.id.clone())
        .text("Đã gửi")
        .show_alert(true)
        .await
        .unwrap();
    let answer = server.wait_answer(&press, SOON).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.show_alert), ("Đã gửi", true));

    let edited = bot
        .edit_message_text(ChatId(AN), sent.id, "<b>Đã gửi</b>")
        .parse_mode(ParseMode::Html)
        .await
        .unwrap();
    assert_eq!(edited.text(), Some("Đã gửi"));
    let shown = server.messages(AN).pop().unwrap();
    assert!(
        shown.edited_at_ms.is_some() && shown.buttons.is_empty(),
        "buttons not given are gone"
    );
    let again = bot
        .edit_message_text(ChatId(AN), sent.id, "<b>Đã gửi</b>")
        .parse_mode(ParseMode::Html)
        .await;
    assert!(
        matches!(
            again,
            Err(teloxide::RequestError::Api(ApiError::MessageNotModified))
        ),
        "{again:?}"
    );
    bot.delete_message(ChatId(AN), sent.id).await.unwrap();
    let gone = bot.delete_message(ChatId(AN), sent.id).await;
    assert!(
        matches!(
            gone,
            Err(teloxide::RequestError::Api(
                ApiError::MessageToDeleteNotFound
            ))
        ),
        "{gone:?}"
    );
    server.shutdown().await;
}

#[tokio::test]
async fn teloxide_sends_photos_and_documents_and_downloads_them() {
    let server = server_with_an().await;
    let bot = bot(&server);
    let sent = bot
        .send_photo(
            ChatId(AN),
            InputFile::memory(png()).file_name("biểu đồ.png"),
        )
        .caption("<b>Tuần 47</b>")
        .parse_mode(ParseMode::Html)
        .await
        .unwrap();
    let sizes = sent.photo().unwrap();
    let largest = sizes.last().unwrap();
    assert_eq!(
        (sizes[0].width, largest.width, largest.height),
        (320, 900, 480)
    );
    let again = bot
        .send_photo(ChatId(AN), InputFile::file_id(largest.file.id.clone()))
        .await
        .unwrap();
    assert_eq!(again.photo().unwrap()[1].file.id, largest.file.id);

    let document = bot
        .send_document(
            ChatId(AN),
            InputFile::memory("căn,giá\n").file_name("bảng.csv"),
        )
        .await
        .unwrap();
    assert_eq!(
        document.document().unwrap().file_name.as_deref(),
        Some("bảng.csv")
    );
    let file = bot
        .get_file(document.document().unwrap().file.id.clone())
        .await
        .unwrap();
    let mut bytes = Vec::new();
    bot.download_file(&file.path, &mut bytes).await.unwrap();
    assert_eq!(bytes, "căn,giá\n".as_bytes());

    let shown = server.messages(AN);
    let photo = shown[1].photo.as_ref().unwrap();
    assert_eq!(shown[1].html, "<b>Tuần 47</b>");
    assert_eq!(server.file(&photo.path).unwrap().1, png());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let over_http = client.get(&photo.url).send().await.unwrap();
    assert_eq!(over_http.headers()["content-type"], "image/png");
    assert_eq!(over_http.bytes().await.unwrap(), png());
    assert_eq!(shown[3].document.as_ref().unwrap().name, "bảng.csv");
}

#[tokio::test]
async fn teloxide_reads_contacts_blocks_and_chats() {
    let server = server_with_an().await;
    let bot = bot(&server);
    let keyboard =
        KeyboardMarkup::new([[KeyboardButton::new("Gửi số").request(ButtonRequest::Contact)]]);
    bot.send_message(ChatId(AN), "Số điện thoại của anh?")
        .reply_markup(keyboard)
        .await
        .unwrap();
    assert!(server.chat(AN).unwrap().keyboard[0][0].request_contact);
    server.share_contact(AN, "+84901234567").unwrap();
    let card = Contact {
        phone_number: "+84900000000".to_owned(),
        first_name: "Người khác".to_owned(),
        last_name: None,
        user_id: None,
    };
    server.share_card(AN, AN, card).unwrap();
    server.block(AN).unwrap();
    assert_eq!(server.say(AN, "alô"), Err(CannotDo::Blocked(AN)));
    let updates = bot.get_updates().timeout(5).await.unwrap();
    let contacts: Vec<_> = updates
        .iter()
        .filter_map(|update| match &update.kind {
            UpdateKind::Message(message) => message.contact().map(|contact| contact.user_id),
            _ => None,
        })
        .collect();
    assert_eq!(contacts, [Some(UserId(101)), None]);
    let UpdateKind::MyChatMember(blocked) = &updates.last().unwrap().kind else {
        panic!("{updates:?}")
    };
    assert!(blocked.new_chat_member.is_banned() && blocked.old_chat_member.is_present());
    let error = bot.send_message(ChatId(AN), "x").await;
    assert!(
        matches!(
            error,
            Err(teloxide::RequestError::Api(ApiError::BotBlocked))
        ),
        "{error:?}"
    );
    server.press_start(AN, None).unwrap();
    bot.send_message(ChatId(AN), "x").await.unwrap();
    server.deactivate(AN).unwrap();
    let error = bot.send_message(ChatId(AN), "x").await;
    assert!(
        matches!(
            error,
            Err(teloxide::RequestError::Api(ApiError::UserDeactivated))
        ),
        "{error:?}"
    );

    let chat = bot.get_chat(ChatId(AN)).await.unwrap();
    assert_eq!(
        (chat.username(), chat.first_name()),
        (Some("an_nguyen"), Some("An"))
    );
    assert!(
        bot.get_chat_member(ChatId(AN), UserId(101))
            .await
            .unwrap()
            .is_present()
    );
    bot.set_my_commands([BotCommand::new("hom_nay", "Việc hôm nay")])
        .await
        .unwrap();
    assert_eq!(
        bot.get_my_commands().await.unwrap()[0].description,
        "Việc hôm nay"
    );
    assert_eq!(server.commands()[0]["command"], "hom_nay");
}

#[tokio::test]
async fn updates_wait_until_they_are_confirmed() {
    let server = server_with_an().await;
    server.say(AN, "hai").unwrap();
    let ids = |updates: &Value| -> Vec<i64> {
        updates
            .as_array()
            .unwrap()
            .iter()
            .map(|update| update["update_id"].as_i64().unwrap())
            .collect()
    };
    let first = ids(&well(&server, "getUpdates", json!({"limit": 1})).await);
    assert_eq!(first.len(), 1);
    let both = ids(&well(&server, "getUpdates", json!({})).await);
    assert_eq!(
        both,
        [first[0], first[0] + 1],
        "not confirmed, so given again"
    );
    let rest = ids(&well(&server, "getUpdates", json!({"offset": both[1]})).await);
    assert_eq!(rest, [both[1]]);
    server.say(AN, "ba").unwrap();
    let last = ids(&well(&server, "getUpdates", json!({"offset": -1})).await);
    assert_eq!(
        last,
        [both[1] + 1],
        "a negative offset forgets what came before"
    );
    let none = well(
        &server,
        "getUpdates",
        json!({"offset": last[0] + 1, "allowed_updates": ["callback_query"]}),
    )
    .await;
    assert_eq!(none, json!([]));
    server.say(AN, "bốn").unwrap();
    assert_eq!(
        well(&server, "getUpdates", json!({})).await,
        json!([]),
        "only presses were asked for"
    );
}

#[tokio::test]
async fn a_poll_waits_and_a_second_one_ends_it() {
    let server = server_with_an().await;
    let offset = well(&server, "getUpdates", json!({})).await[0]["update_id"]
        .as_i64()
        .unwrap()
        + 1;
    let waiting = {
        let server = server.clone();
        tokio::spawn(async move {
            call(
                &server,
                "getUpdates",
                json!({"offset": offset, "timeout": 30}),
            )
            .await
        })
    };
    // The first poll is there once its call is counted.
    while server.calls()["getupdates"] < 2 {
        tokio::task::yield_now().await;
    }
    let second = {
        let server = server.clone();
        tokio::spawn(async move {
            call(
                &server,
                "getUpdates",
                json!({"offset": offset, "timeout": 30}),
            )
            .await
        })
    };
    let (status, body) = waiting.await.unwrap();
    assert_eq!(status, 409);
    assert_eq!(
        body["description"],
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    );
    server.say(AN, "xin chào").unwrap();
    let (_, body) = second.await.unwrap();
    assert_eq!(body["result"][0]["message"]["text"], "xin chào");

    let started = Instant::now();
    assert_eq!(
        well(
            &server,
            "getUpdates",
            json!({"offset": offset + 1, "timeout": 1})
        )
        .await,
        json!([])
    );
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_webhook_stands_in_the_way_of_polls() {
    let server = server_with_an().await;
    assert_eq!(
        refused(&server, "setWebhook", json!({"url": "http://x.org/"})).await,
        "400 Bad Request: bad webhook: An HTTPS URL must be provided for webhook"
    );
    well(&server, "setWebhook", json!({"url": "https://x.org/hook"})).await;
    let info = well(&server, "getWebhookInfo", json!({})).await;
    assert_eq!(
        (&info["url"], &info["pending_update_count"]),
        (&json!("https://x.org/hook"), &json!(1))
    );
    assert_eq!(
        refused(&server, "getUpdates", json!({})).await,
        "409 Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
    );
    well(
        &server,
        "deleteWebhook",
        json!({"drop_pending_updates": true}),
    )
    .await;
    assert_eq!(well(&server, "getUpdates", json!({})).await, json!([]));
}

#[tokio::test]
async fn parameters_come_in_four_ways() {
    let server = server_with_an().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/bot{TOKEN}/sendMessage", server.base_url());
    let markup = r#"{"inline_keyboard":[[{"text":"a","callback_data":"b"}]]}"#;
    let pairs = [
        ("chat_id", "101"),
        ("text", "Chào <b>An</b> & <i>Bình</i>"),
        ("parse_mode", "HTML"),
        ("reply_markup", markup),
    ];
    let pairs = pairs.map(|(name, value)| (name, value.replace('&', "&amp;")));
    let by_query = reqwest::Url::parse_with_params(&url, &pairs).unwrap();
    client
        .get(by_query)
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap();
    let form = pairs.iter().fold(Form::new(), |form, (name, value)| {
        form.text(*name, value.clone())
    });
    client
        .post(&url)
        .multipart(form)
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap();
    let form = reqwest::Url::parse_with_params("http://x/", &pairs)
        .unwrap()
        .query()
        .unwrap()
        .to_owned();
    let typed = client
        .post(&url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    typed.send().await.unwrap().error_for_status().unwrap();
    let object: serde_json::Map<String, Value> = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    well(&server, "SENDMESSAGE", Value::Object(object)).await;
    let sent: Vec<ShownMessage> = server.messages(AN).split_off(1);
    assert_eq!(sent.len(), 4);
    for message in sent {
        assert_eq!(
            (message.text.as_str(), message.buttons.len()),
            ("Chào An & Bình", 1)
        );
        assert_eq!(message.html, "Chào <b>An</b> &amp; <i>Bình</i>");
    }
}

#[tokio::test]
async fn strangers_and_unknown_methods_are_refused() {
    let server = server_with_an().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (path, code, description) in [
        ("/bot4242:wrong/getMe", 401, "Unauthorized"),
        ("/file/bot4242:wrong/photos/x", 401, "Unauthorized"),
        (
            "/bot4242:AAE-sandbox_token/frobnicate",
            404,
            "Not Found: method not found",
        ),
        ("/nothing", 404, "Not Found"),
        ("/people/nothing", 404, "Not Found"),
    ] {
        let response = client
            .get(format!("{}{path}", server.base_url()))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status().as_u16(), code, "{path}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(
            body,
            json!({"ok": false, "error_code": code, "description": description}),
            "{path}"
        );
    }
    let broken = client
        .post(format!("{}/bot{TOKEN}/getMe", server.base_url()))
        .header("content-type", "application/json")
        .body("[")
        .send();
    assert_eq!(
        broken.await.unwrap().json::<Value>().await.unwrap()["description"],
        "Bad Request: can't parse request parameters JSON object"
    );
}

#[tokio::test]
async fn bad_messages_are_refused_in_telegrams_words() {
    let server = server_with_an().await;
    server.create_person(Person::new(102, "Bình")).unwrap();
    let with = |more: Value| {
        let mut params = json!({"chat_id": AN, "text": "x"});
        for (name, value) in more.as_object().unwrap() {
            params[name] = value.clone();
        }
        params
    };
    let buttons = |button: Value| json!({"reply_markup": {"inline_keyboard": [[button]]}});
    for (params, expected) in [
        (
            json!({"text": " \n"}),
            "400 Bad Request: message text is empty",
        ),
        (
            json!({"text": "<b></b>", "parse_mode": "HTML"}),
            "400 Bad Request: message text is empty",
        ),
        (
            json!({"text": "x".repeat(4097)}),
            "400 Bad Request: message is too long",
        ),
        (
            json!({"text": "🏟".repeat(2049)}),
            "400 Bad Request: message is too long",
        ),
        (
            json!({"text": "giá < 3 tỷ", "parse_mode": "HTML"}),
            "400 Bad Request: can't parse entities: Unsupported start tag \"\" at byte offset 5",
        ),
        (
            json!({"text": "3.5", "parse_mode": "MarkdownV2"}),
            "400 Bad Request: can't parse entities: Character '.' is reserved and must be escaped with the preceding '\\'",
        ),
        (
            json!({"chat_id": null}),
            "400 Bad Request: chat_id is empty",
        ),
        (json!({"chat_id": 999}), "400 Bad Request: chat not found"),
        (
            json!({"chat_id": "@somebody"}),
            "400 Bad Request: chat not found",
        ),
        (
            json!({"chat_id": 102}),
            "403 Forbidden: bot can't initiate conversation with a user",
        ),
        (
            json!({"reply_parameters": {"message_id": 77}}),
            "400 Bad Request: message to be replied not found",
        ),
        (
            buttons(json!({"text": "a", "callback_data": "ằ".repeat(22)})),
            "400 Bad Request: BUTTON_DATA_INVALID",
        ),
        (
            json!({"reply_markup": "{"}),
            "400 Bad Request: can't parse reply keyboard markup JSON object",
        ),
    ] {
        assert_eq!(
            refused(&server, "sendMessage", with(params.clone())).await,
            expected,
            "{params}"
        );
    }
    let longest = format!("<b>{}</b>", "🏟".repeat(2048));
    well(
        &server,
        "sendMessage",
        with(json!({"text": longest, "parse_mode": "HTML"})),
    )
    .await;
    well(
        &server,
        "sendMessage",
        with(json!({"reply_parameters": {"message_id": 77, "allow_sending_without_reply": true}})),
    )
    .await;
    let start = server.messages(AN)[0].id;
    for (method, params, expected) in [
        (
            "editMessageText",
            json!({"message_id": 77}),
            "400 Bad Request: message to edit not found",
        ),
        (
            "editMessageText",
            json!({"message_id": start}),
            "400 Bad Request: message can't be edited",
        ),
        (
            "editMessageText",
            json!({}),
            "400 Bad Request: message identifier is not specified",
        ),
        (
            "editMessageCaption",
            json!({"message_id": start + 1}),
            "400 Bad Request: there is no caption in the message to edit",
        ),
        (
            "sendPhoto",
            json!({}),
            "400 Bad Request: there is no photo in the request",
        ),
        (
            "sendPhoto",
            json!({"photo": "AgAC"}),
            "400 Bad Request: wrong file identifier/HTTP URL specified",
        ),
        (
            "sendDocument",
            json!({"document": "https://x.org/a"}),
            "400 Bad Request: failed to get HTTP URL content",
        ),
        (
            "sendDocument",
            json!({"document": "x", "caption": "x".repeat(1025)}),
            "400 Bad Request: message caption is too long",
        ),
        (
            "getFile",
            json!({"file_id": "x"}),
            "400 Bad Request: wrong file_id or the file is temporarily unavailable",
        ),
        (
            "sendChatAction",
            json!({"action": "dancing"}),
            "400 Bad Request: wrong parameter action in request",
        ),
        (
            "setMyCommands",
            json!({"commands": [{"command": "Hôm nay", "description": "x"}]}),
            "400 Bad Request: BOT_COMMAND_INVALID",
        ),
        (
            "getChat",
            json!({"chat_id": 102}),
            "400 Bad Request: chat not found",
        ),
        (
            "leaveChat",
            json!({}),
            "400 Bad Request: chat member status can't be changed in private chats",
        ),
        (
            "answerCallbackQuery",
            json!({"callback_query_id": "77"}),
            "400 Bad Request: query is too old and response timeout expired or query ID is invalid",
        ),
        (
            "answerCallbackQuery",
            json!({"callback_query_id": "77", "text": "x".repeat(201)}),
            "400 Bad Request: MESSAGE_TOO_LONG",
        ),
    ] {
        assert_eq!(
            refused(&server, method, with(params.clone())).await,
            expected,
            "{method} {params}"
        );
    }
}

#[tokio::test]
async fn what_is_too_old_is_refused() {
    let server = server_with_an().await;
    let buttons = json!({"inline_keyboard": [[{"text": "a", "callback_data": "b"}]]});
    let sent = well(
        &server,
        "sendMessage",
        json!({"chat_id": AN, "text": "x", "reply_markup": buttons}),
    )
    .await;
    let press = server
        .press_at(AN, AN, sent["message_id"].as_i64().unwrap(), 0, 0)
        .unwrap();
    server.advance(Duration::from_secs(61));
    assert!(
        refused(
            &server,
            "answerCallbackQuery",
            json!({"callback_query_id": press})
        )
        .await
        .contains("query is too old")
    );
    let error = server
        .wait_answer(&press, Duration::from_millis(1))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the bot did not answer the press"),
        "{error}"
    );
    server.advance(Duration::from_secs(48 * 3600));
    let delete = json!({"chat_id": AN, "message_id": sent["message_id"]});
    assert_eq!(
        refused(&server, "deleteMessage", delete).await,
        "400 Bad Request: message can't be deleted for everyone"
    );
}

#[tokio::test]
async fn groups_have_privacy_removal_and_migration() {
    let server = server_with_an().await;
    server.create_person(Person::new(102, "Bình")).unwrap();
    let group = server.create_group("Phòng kinh doanh", &[AN]).unwrap();
    let to_group = json!({"chat_id": group, "text": "x"});
    assert_eq!(
        refused(&server, "sendMessage", to_group.clone()).await,
        "400 Bad Request: chat not found"
    );
    assert_eq!(
        server.add_bot(group, 102, None),
        Err(CannotDo::NotIn {
            person: 102,
            chat: group
        })
    );
    server.join(102, group).unwrap();
    server.add_bot(group, 102, Some("mã")).unwrap();
    let sent = well(&server, "sendMessage", to_group.clone()).await;
    let sent_id = sent["message_id"].as_i64().unwrap();
    server.say_in(AN, group, "chuyện riêng", None).unwrap();
    server.say_in(AN, group, "/baocao", None).unwrap();
    server.say_in(AN, group, "/baocao@other_bot", None).unwrap();
    server
        .say_in(AN, group, "này @Queenland_bot", None)
        .unwrap();
    server.say_in(AN, group, "vâng", Some(sent_id)).unwrap();
    let updates = well(&server, "getUpdates", json!({})).await;
    let seen: Vec<&str> = updates.as_array().unwrap()[1..]
        .iter()
        .map(|update| match update["message"]["text"].as_str() {
            Some(text) => text,
            None if update["my_chat_member"].is_object() => "(my_chat_member)",
            None => "(service)",
        })
        .collect();
    assert_eq!(
        seen,
        [
            "(my_chat_member)",
            "(service)",
            "/start@queenland_bot mã",
            "/baocao",
            "này @Queenland_bot",
            "vâng"
        ]
    );
    assert_eq!(
        well(&server, "getChatMemberCount", json!({"chat_id": group})).await,
        json!(3)
    );
    assert_eq!(
        well(&server, "getChat", json!({"chat_id": group})).await["title"],
        "Phòng kinh doanh"
    );

    let new = server.migrate(group).unwrap();
    let (_, body) = call(&server, "sendMessage", to_group).await;
    assert_eq!(body["parameters"], json!({"migrate_to_chat_id": new}));
    assert_eq!(
        body["description"],
        "Bad Request: group chat was upgraded to a supergroup chat"
    );
    assert_eq!(server.chat(group).unwrap().migrated_to, Some(new));
    let to_new = json!({"chat_id": new, "text": "x"});
    well(&server, "sendMessage", to_new.clone()).await;
    server.remove_bot(new, AN).unwrap();
    assert_eq!(
        refused(&server, "sendMessage", to_new.clone()).await,
        "403 Forbidden: bot was kicked from the supergroup chat"
    );
    server.add_bot(new, AN, None).unwrap();
    well(&server, "leaveChat", json!({"chat_id": new})).await;
    assert_eq!(
        refused(&server, "sendMessage", to_new).await,
        "403 Forbidden: bot is not a member of the supergroup chat"
    );
}

#[tokio::test]
async fn limits_answer_with_429_and_the_seconds() {
    let server = server_with_an().await;
    server.set_limits(Some(Limits {
        chat_burst: 2,
        ..Limits::default()
    }));
    let message = json!({"chat_id": AN, "text": "x"});
    well(&server, "sendMessage", message.clone()).await;
    well(&server, "sendMessage", message.clone()).await;
    let (status, body) = call(&server, "sendMessage", message.clone()).await;
    assert_eq!(
        (status, body),
        (
            429,
            json!({"ok": false, "error_code": 429, "description": "Too Many Requests: retry after 1", "parameters": {"retry_after": 1}})
        )
    );
    let error = bot(&server)
        .send_message(ChatId(AN), "x")
        .await
        .unwrap_err();
    assert!(
        matches!(error, teloxide::RequestError::RetryAfter(wait) if wait.seconds() == 1),
        "{error:?}"
    );
    server.set_limits(None);
    well(&server, "sendMessage", message).await;
    assert_eq!(server.messages(AN).len(), 4);
}

#[tokio::test]
async fn faults_strike_and_are_used_up() {
    let server = server_with_an().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/bot{TOKEN}/sendMessage", server.base_url());
    let message = json!({"chat_id": AN, "text": "x"});
    server.fault(Fault::status("sendMessage", 500, "Internal Server Error").next(2));
    server.fault(Fault::too_many("sendMessage", 7));
    server.fault(
        Fault::status("sendMessage", 400, "not for An")
            .to(999)
            .endless(),
    );
    assert_eq!(
        refused(&server, "sendMessage", message.clone()).await,
        "500 Internal Server Error"
    );
    assert_eq!(
        refused(&server, "sendMessage", message.clone()).await,
        "500 Internal Server Error"
    );
    let (_, body) = call(&server, "sendMessage", message.clone()).await;
    assert_eq!(body["parameters"]["retry_after"], 7);
    assert_eq!(server.faults().len(), 1);
    server.clear_faults();

    server.fault(Fault::garbage("*", 502));
    let garbage = client.post(&url).json(&message).send().await.unwrap();
    assert_eq!(garbage.status().as_u16(), 502);
    assert!(garbage.text().await.unwrap().starts_with("<html>"));

    server.fault(Fault::reset("sendMessage"));
    assert!(client.post(&url).json(&message).send().await.is_err());
    assert_eq!(server.messages(AN).len(), 1, "nothing was sent so far");
    server.fault(Fault::reset("sendmessage").done_first());
    assert!(client.post(&url).json(&message).send().await.is_err());
    assert_eq!(
        server.messages(AN).len(),
        2,
        "sent, though the client cannot know"
    );

    server.fault(Fault::delay("sendMessage", Duration::from_millis(50)));
    let started = Instant::now();
    well(&server, "sendMessage", message).await;
    assert!(started.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn the_people_can_be_played_over_http() {
    let server = server().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = |path: &str, body: Value| {
        let request = client
            .post(format!("{}{path}", server.people_url()))
            .json(&body);
        async move {
            let response = request.send().await.unwrap();
            (
                response.status().as_u16(),
                response.json::<Value>().await.unwrap(),
            )
        }
    };
    let (_, person) = post(
        "/persons",
        json!({"first_name": "Minh", "username": "minh_tuan"}),
    )
    .await;
    let minh = person["id"].as_i64().unwrap();
    let (_, group) = post("/groups", json!({"title": "Nhóm", "members": [minh]})).await;
    for (path, body) in [
        ("/start", json!({"person": minh, "payload": "abc"})),
        ("/say", json!({"person": minh, "text": "chào"})),
        (
            "/contact",
            json!({"person": minh, "phone_number": "+84901234567"}),
        ),
        ("/add_bot", json!({"person": minh, "group": group["id"]})),
        ("/limits", json!({})),
        ("/limits", json!(null)),
        (
            "/faults",
            json!({"method": "getMe", "act": {"status": {"code": 500, "description": "x"}}}),
        ),
    ] {
        let (status, body) = post(path, body).await;
        assert_eq!(status, 200, "{path}: {body}");
    }
    assert_eq!(refused(&server, "getMe", json!({})).await, "500 x");
    assert_eq!(
        server
            .messages(minh)
            .iter()
            .map(|message| message.text.as_str())
            .collect::<Vec<_>>(),
        ["/start abc", "chào", ""]
    );
    let (status, body) = post("/say", json!({"person": 1, "text": "x"})).await;
    assert_eq!(
        (status, body),
        (400, json!({"error": "there is no person 1"}))
    );

    let buttons = json!({"inline_keyboard": [[{"text": "Có", "callback_data": "y"}]]});
    let sent = well(
        &server,
        "sendMessage",
        json!({"chat_id": minh, "text": "Được không?", "reply_markup": buttons}),
    )
    .await;
    let wait = format!(
        "{}/wait?chat={minh}&contains=kh%C3%B4ng&timeout_ms=5000",
        server.people_url()
    );
    let waited: Value = client.get(wait).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        waited["buttons"][0][0],
        json!({"text": "Có", "callback_data": "y"})
    );
    let pressing = post(
        "/press",
        json!({"person": minh, "message": sent["message_id"], "row": 0, "col": 0, "timeout_ms": 10_000}),
    );
    let answering = async {
        let updates = well(&server, "getUpdates", json!({"offset": -1, "timeout": 5})).await;
        let query = updates[0]["callback_query"]["id"].clone();
        if query.is_null() {
            // The press had not come yet when the poll looked: the next one has it.
            let offset = updates[0]["update_id"].as_i64().unwrap() + 1;
            let updates = well(
                &server,
                "getUpdates",
                json!({"offset": offset, "timeout": 5}),
            )
            .await;
            let query = updates[0]["callback_query"]["id"].clone();
            return well(
                &server,
                "answerCallbackQuery",
                json!({"callback_query_id": query, "text": "Rồi"}),
            )
            .await;
        }
        well(
            &server,
            "answerCallbackQuery",
            json!({"callback_query_id": query, "text": "Rồi"}),
        )
        .await
    };
    let ((_, pressed), _) = tokio::join!(pressing, answering);
    assert_eq!(
        (&pressed["answered"], &pressed["answer"]["text"]),
        (&json!(true), &json!("Rồi"))
    );
    let chats: Value = client
        .get(format!("{}/chats", server.people_url()))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(chats["chats"][0]["title"], "Minh");
    assert_eq!(chats["chats"][1]["kind"], "group");
    assert_eq!(chats["revision"], json!(server.revision()));
}

#[tokio::test]
async fn waits_and_errors_say_what_they_are_about() {
    let server = server_with_an().await;
    let error = server
        .wait_for_message(AN, |_| true, Duration::from_millis(1))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "no such message came to chat 101 within 1ms; the last one there: Some(\"/start mã-123\")"
    );
    let revision = server.revision();
    let waiting = {
        let server = server.clone();
        tokio::spawn(async move {
            server
                .wait_for_message(AN, |message| message.text.contains("hai"), SOON)
                .await
        })
    };
    well(
        &server,
        "sendMessage",
        json!({"chat_id": AN, "text": "một"}),
    )
    .await;
    well(
        &server,
        "sendMessage",
        json!({"chat_id": AN, "text": "hai"}),
    )
    .await;
    assert_eq!(waiting.await.unwrap().unwrap().text, "hai");
    assert_eq!(server.revision(), revision + 2);
    assert_eq!(
        server.create_person(Person::new(AN, "x")),
        Err(CannotDo::Taken(AN))
    );
    assert_eq!(
        server.say(AN, " ").unwrap_err().to_string(),
        "an empty message cannot be sent"
    );
    assert_eq!(
        server.press(AN, AN, 77, "x").unwrap_err().to_string(),
        "there is no message 77 in chat 101"
    );

    let error = BotSandbox::start(server.addr(), TOKEN, "x")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert!(
        error.to_string().starts_with(&format!(
            "Bot API sandbox cannot listen on {}: ",
            server.addr()
        )),
        "{error}"
    );
    let addr = server.addr();
    let polling = {
        let server = server.clone();
        tokio::spawn(async move {
            call(&server, "getUpdates", json!({"offset": -1, "timeout": 50})).await
        })
    };
    let started = Instant::now();
    server.shutdown().await;
    polling.await.ok();
    assert!(started.elapsed() < Duration::from_secs(3));
    assert!(
        tokio::net::TcpStream::connect(addr).await.is_err(),
        "the port is free"
    );
}
