//! The Telegram courier against a Bot API that answers by script, down to the broken connection, and against the
//! sandbox's.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use sheetbridge::core::delivery::{Refusal, Scope, Verdict};
use sheetbridge::core::message::Address;
use sheetbridge::courier::telegram::TelegramCourier;
use sheetbridge::courier::{Act, Attachment, Button, Chat, Courier, Document, Parcel, ProbeKind};
use sheetbridge::sandbox::telegram::{BotSandbox, Fault, Limits, Person};
use sheetbridge::telegram::{Client, TelegramSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const TOKEN: &str = "123456:AAF7-g0gYncWnm5IyfZlpPRqRRv6kNAGlao";

/// What the scripted server does with one request.
#[derive(Clone, Copy)]
enum Line {
    /// 200 with the next message id.
    Ok,
    /// A status and a body.
    Says(u16, &'static str),
    /// Reads the whole request and hangs up.
    HangUp,
    /// Hangs up in the middle of a successful answer.
    CutAnswer,
}

/// A Bot API on loopback that answers by script, then always with success.
struct Scripted {
    port: u16,
    /// Method and body of every request that arrived whole.
    heard: Arc<Mutex<Vec<(String, String)>>>,
}

impl Scripted {
    async fn start(script: &[Line]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let script = Arc::new(Mutex::new(script.to_vec()));
        let log = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, Arc::clone(&script), Arc::clone(&log)));
            }
        });
        Self { port, heard }
    }

    fn courier(&self) -> TelegramCourier {
        TelegramCourier::new(client(&format!("http://127.0.0.1:{}", self.port)))
    }

    fn methods(&self) -> Vec<String> {
        let heard = self.heard.lock().expect("no panic");
        heard.iter().map(|(method, _)| method.clone()).collect()
    }

    fn body(&self, number: usize) -> String {
        self.heard.lock().expect("no panic")[number].1.clone()
    }

    fn json(&self, number: usize) -> Value {
        serde_json::from_str(&self.body(number)).expect("JSON")
    }
}

async fn converse(
    mut stream: TcpStream,
    script: Arc<Mutex<Vec<Line>>>,
    log: Arc<Mutex<Vec<(String, String)>>>,
) {
    while let Some((method, body)) = request(&mut stream).await {
        let (line, number) = {
            let mut script = script.lock().expect("no panic");
            let mut log = log.lock().expect("no panic");
            log.push((method, body));
            let line = if script.is_empty() {
                Line::Ok
            } else {
                script.remove(0)
            };
            (line, log.len())
        };
        let success = format!(
            r#"{{"ok":true,"result":{{"message_id":{number},"username":"queenland_bot"}}}}"#
        );
        let (status, body) = match line {
            Line::Ok => (200, success.as_str()),
            Line::Says(status, body) => (status, body),
            Line::HangUp => return,
            Line::CutAnswer => {
                let cut = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"ok\":true,";
                stream.write_all(cut.as_bytes()).await.expect("written");
                return;
            }
        };
        let answer = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.expect("written");
    }
}

/// Reads one request: its method's name and its body.
async fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length: usize = head
                .lines()
                .find_map(|line| {
                    let (name, value) = line.split_once(": ")?;
                    name.eq_ignore_ascii_case("content-length")
                        .then(|| value.parse().expect("a number"))
                })
                .unwrap_or_default();
            if bytes.len() >= head.len() + 4 + length {
                let path = head.split(' ').nth(1)?;
                // To a proxy the whole address is said.
                let path = path.strip_prefix("http://telegram.invalid").unwrap_or(path);
                assert!(path.starts_with(&format!("/bot{TOKEN}/")), "{path}");
                return Some((path.rsplit('/').next()?.to_owned(), body.to_owned()));
            }
        }
        let count = stream
            .read(&mut chunk)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        bytes.extend_from_slice(&chunk[..count]);
    }
}

fn client(api_url: &str) -> Client {
    Client::new(&TelegramSettings {
        token: TOKEN.to_owned().into(),
        api_url: Some(api_url.to_owned()),
        proxy: None,
    })
    .expect("good settings")
}

fn chat(parts: &[&str]) -> Chat {
    Chat {
        id: "0123abcd".into(),
        chat: 42,
        parts: parts.iter().map(ToString::to_string).collect(),
        buttons: Vec::new(),
        photo: None,
        documents: Vec::new(),
        silent: false,
    }
}

fn picture() -> Attachment {
    Attachment {
        name: "bieu-do.png".into(),
        media_type: "image/png".into(),
        content: b"\x89PNG....".to_vec(),
    }
}

fn short_documents() -> Vec<Document> {
    vec![Document {
        file: Attachment {
            name: "khach.csv".into(),
            media_type: "text/csv".into(),
            content: b"a,b".to_vec(),
        },
        caption: Some("Danh sách &amp; lý do".into()),
    }]
}

async fn send(courier: &TelegramCourier, chat: Chat) -> Verdict {
    courier.deliver(&Parcel::Chat(chat)).await
}

fn delivered(receipt: &str) -> Verdict {
    Verdict::Delivered {
        receipt: receipt.into(),
    }
}

#[tokio::test]
async fn text_and_buttons_go_as_html() {
    let server = Scripted::start(&[]).await;
    let mut chat = chat(&["<b>Khách mới</b>", "Chị Thu &amp; anh Minh"]);
    let button = |text: &str, act| Button {
        text: text.into(),
        act,
    };
    chat.buttons = vec![
        vec![
            button("Đã gọi", Act::Callback("k:1".into())),
            button(
                "Mở dòng",
                Act::Url("https://docs.google.com/x#gid=0".into()),
            ),
        ],
        vec![button("Chép số", Act::Copy("+84901234567".into()))],
        vec![],
    ];
    chat.silent = true;
    assert_eq!(send(&server.courier(), chat).await, delivered("1,2"));
    assert_eq!(server.methods(), ["SendMessage", "SendMessage"]);
    let first = server.json(0);
    assert_eq!(first["chat_id"], 42);
    assert_eq!(first["text"], "<b>Khách mới</b>");
    assert_eq!(first["parse_mode"], "HTML");
    assert_eq!(first["disable_notification"], true);
    assert_eq!(first["link_preview_options"]["is_disabled"], true);
    assert_eq!(first["reply_markup"], Value::Null);
    let rows = &server.json(1)["reply_markup"]["inline_keyboard"];
    assert_eq!(rows[0][0]["callback_data"], "k:1");
    assert_eq!(rows[0][1]["url"], "https://docs.google.com/x#gid=0");
    assert_eq!(rows[1][0]["copy_text"]["text"], "+84901234567");
    assert_eq!(rows.as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_picture_takes_a_short_text_as_its_caption_and_files_follow() {
    let server = Scripted::start(&[]).await;
    let mut short = chat(&["<b>Tuần 47</b>"]);
    short.photo = Some(picture());
    short.documents = short_documents();
    short.buttons = vec![vec![Button {
        text: "Xem".into(),
        act: Act::Callback("x".into()),
    }]];
    assert_eq!(send(&server.courier(), short).await, delivered("1,2"));
    assert_eq!(server.methods(), ["sendPhoto", "sendDocument"]);
    let photo = server.body(0);
    for wanted in [
        "name=\"caption\"\r\n\r\n<b>Tuần 47</b>",
        "name=\"parse_mode\"\r\n\r\nHTML",
        "name=\"chat_id\"\r\n\r\n42",
        "\"callback_data\":\"x\"",
        "name=\"photo\"; filename=\"bieu-do.png\"",
    ] {
        assert!(photo.contains(wanted), "{wanted}\n---\n{photo}");
    }
    assert!(server.body(1).contains("filename=\"khach.csv\""));
    assert!(server.body(1).contains("Danh sách &amp; lý do"));

    // With buttons under a text, the files come before it.
    let mut asking = chat(&["Duyệt?"]);
    asking.documents = short_documents();
    asking.buttons = vec![vec![Button {
        text: "Duyệt".into(),
        act: Act::Callback("x".into()),
    }]];
    let server = Scripted::start(&[]).await;
    assert_eq!(send(&server.courier(), asking).await, delivered("1,2"));
    assert_eq!(server.methods(), ["sendDocument", "SendMessage"]);

    let mut long = chat(&[&"ấ".repeat(1025)]);
    long.photo = Some(picture());
    let server = Scripted::start(&[]).await;
    assert_eq!(send(&server.courier(), long).await, delivered("1,2"));
    assert_eq!(server.methods(), ["sendPhoto", "SendMessage"]);
    assert!(!server.body(0).contains("caption"));
}

/// The picture decorates: the text is what is delivered, once.
#[tokio::test]
async fn a_picture_that_does_not_get_through_is_left_out() {
    let refused = |description| Line::Says(400, description);
    let no_rights = r#"{"ok":false,"error_code":400,"description":"Bad Request: not enough rights to send photos to the chat"}"#;
    let broken =
        r#"{"ok":false,"error_code":400,"description":"Bad Request: IMAGE_PROCESS_FAILED"}"#;
    let pictured = |text: &str| {
        let mut chat = chat(&[text]);
        chat.photo = Some(picture());
        chat.buttons = vec![vec![Button {
            text: "Xem".into(),
            act: Act::Callback("x".into()),
        }]];
        chat
    };
    // Refused with its caption: the text goes by itself, with its buttons.
    for description in [no_rights, broken] {
        let server = Scripted::start(&[refused(description)]).await;
        let verdict = send(&server.courier(), pictured("<b>Tuần 47</b>")).await;
        assert_eq!(verdict, delivered("2"));
        assert_eq!(server.methods(), ["sendPhoto", "SendMessage"]);
        assert_eq!(server.json(1)["text"], "<b>Tuần 47</b>");
        assert_eq!(
            server.json(1)["reply_markup"]["inline_keyboard"][0][0]["callback_data"],
            "x"
        );
    }
    // Before a long text: whether it was refused or nobody knows, the text goes on, and is not in doubt.
    let long = "ấ".repeat(1025);
    for line in [refused(no_rights), Line::HangUp, Line::CutAnswer] {
        let server = Scripted::start(&[line]).await;
        assert_eq!(
            send(&server.courier(), pictured(&long)).await,
            delivered("2")
        );
        assert_eq!(server.methods(), ["sendPhoto", "SendMessage"]);
    }
    // With its caption it is the text: what is unknown of it is unknown of both.
    let server = Scripted::start(&[Line::CutAnswer]).await;
    let verdict = send(&server.courier(), pictured("Tuần 47")).await;
    assert!(matches!(verdict, Verdict::InDoubt { .. }), "{verdict:?}");
    assert_eq!(server.methods(), ["sendPhoto"]);
    // Who has blocked the bot has blocked the text too.
    let blocked =
        r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#;
    let server = Scripted::start(&[Line::Says(403, blocked), Line::Says(403, blocked)]).await;
    let verdict = send(&server.courier(), pictured("Tuần 47")).await;
    assert!(
        matches!(
            verdict,
            Verdict::Rejected {
                about: Refusal::Address,
                ..
            }
        ),
        "{verdict:?}"
    );
}

/// A retry sends what has not arrived, and only that, also when its picture cannot be drawn a second time.
#[tokio::test]
async fn a_retry_repeats_neither_picture_nor_text() {
    let busy = Line::Says(502, "bad gateway");
    for redrawn in [true, false] {
        let server = Scripted::start(&[Line::Ok, Line::Ok, busy]).await;
        let courier = server.courier();
        let mut digest = chat(&[&"ấ".repeat(3000), "phần hai"]);
        digest.photo = Some(picture());
        let first = send(&courier, digest.clone()).await;
        assert!(matches!(first, Verdict::TryLater { .. }), "{first:?}");
        if !redrawn {
            digest.photo = None;
        }
        assert_eq!(send(&courier, digest).await, delivered("1,2,4"));
        assert_eq!(
            server.methods(),
            ["sendPhoto", "SendMessage", "SendMessage", "SendMessage"]
        );
        assert_eq!(server.json(3)["text"], "phần hai");
    }
}

#[tokio::test]
async fn what_each_answer_means() {
    let later = |why: &str, not_before_s, scope| Verdict::TryLater {
        why: why.into(),
        not_before_s,
        scope,
    };
    let doubt = |why: &str| Verdict::InDoubt { why: why.into() };
    for (line, expected) in [
        (
            Line::Says(
                429,
                r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 9","parameters":{"retry_after":9}}"#,
            ),
            later(
                "429 Too Many Requests: retry after 9",
                Some(9),
                Scope::Address,
            ),
        ),
        (
            Line::Says(
                403,
                r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#,
            ),
            Verdict::Rejected {
                why: "403 Forbidden: bot was blocked by the user".into(),
                about: Refusal::Address,
            },
        ),
        (
            Line::Says(
                400,
                r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-100777}}"#,
            ),
            Verdict::Moved { to: -100_777 },
        ),
        (
            Line::Says(
                400,
                r#"{"ok":false,"error_code":400,"description":"Bad Request: message is too long"}"#,
            ),
            Verdict::Rejected {
                why: "400 Bad Request: message is too long".into(),
                about: Refusal::Content,
            },
        ),
        (
            Line::Says(
                401,
                r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#,
            ),
            later(
                "Telegram refused the bot token (401 Unauthorized): copy it again from @BotFather",
                None,
                Scope::Channel,
            ),
        ),
        (
            Line::Says(502, "<html>Bad Gateway</html>"),
            later("502 without an answer of the Bot API", None, Scope::Channel),
        ),
        (Line::Says(504, "<html>"), doubt("504 Gateway Timeout")),
        (
            Line::Says(200, "<html>"),
            doubt("the answer is not one of the Bot API"),
        ),
    ] {
        let server = Scripted::start(&[line]).await;
        let begun = Instant::now();
        assert_eq!(send(&server.courier(), chat(&["x"])).await, expected);
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "nobody sleeps in a call"
        );
        assert_eq!(server.methods().len(), 1);
    }
}

#[tokio::test]
async fn only_a_request_that_left_is_in_doubt() {
    for line in [Line::HangUp, Line::CutAnswer] {
        let server = Scripted::start(&[line]).await;
        let verdict = send(&server.courier(), chat(&["x"])).await;
        let Verdict::InDoubt { why } = verdict else {
            panic!("{verdict:?}");
        };
        assert!(why.starts_with("the connection broke"), "{why}");
        assert!(!why.contains("AAF7"), "{why}");
        assert_eq!(server.methods().len(), 1, "never sent twice by itself");
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let courier = TelegramCourier::new(client(&format!("http://127.0.0.1:{port}")));
    let verdict = send(&courier, chat(&["x"])).await;
    let Verdict::TryLater {
        scope: Scope::Channel,
        why,
        ..
    } = verdict
    else {
        panic!("{verdict:?}");
    };
    assert!(why.contains("refused"), "{why}");
}

#[tokio::test]
async fn markup_that_is_not_understood_goes_once_more_as_plain_text() {
    const BAD: &str = r#"{"ok":false,"error_code":400,"description":"Bad Request: can't parse entities: Unsupported start tag \"x\" at byte offset 0"}"#;
    let server = Scripted::start(&[Line::Says(400, BAD)]).await;
    let verdict = send(&server.courier(), chat(&["<x>Giá &lt; 3 tỷ</x>"])).await;
    assert_eq!(verdict, delivered("2"));
    assert_eq!(server.json(1)["text"], "Giá < 3 tỷ");
    assert_eq!(server.json(1)["parse_mode"], Value::Null);

    let server = Scripted::start(&[Line::Says(400, BAD), Line::Says(400, BAD)]).await;
    let verdict = send(&server.courier(), chat(&["<x>y</x>"])).await;
    assert!(
        matches!(
            verdict,
            Verdict::Rejected {
                about: Refusal::Content,
                ..
            }
        ),
        "{verdict:?}"
    );
    assert_eq!(server.methods().len(), 2);
}

#[tokio::test]
async fn a_retry_goes_on_where_the_last_try_stopped() {
    let server = Scripted::start(&[Line::Ok, Line::Says(500, "{}"), Line::Ok]).await;
    let courier = server.courier();
    let verdict = send(&courier, chat(&["một", "hai", "ba"])).await;
    assert!(matches!(verdict, Verdict::TryLater { .. }), "{verdict:?}");
    assert_eq!(
        send(&courier, chat(&["một", "hai", "ba"])).await,
        delivered("1,3,4")
    );
    let texts: Vec<_> = (0..4)
        .map(|number| server.json(number)["text"].clone())
        .collect();
    assert_eq!(texts, ["một", "hai", "hai", "ba"]);
}

#[tokio::test]
async fn a_429_for_one_chat_does_not_hold_the_others() {
    const FLOOD: &str = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 60","parameters":{"retry_after":60}}"#;
    let server = Scripted::start(&[Line::Says(429, FLOOD)]).await;
    let courier = server.courier();
    assert!(matches!(
        send(&courier, chat(&["x"])).await,
        Verdict::TryLater { .. }
    ));
    assert!(courier.ready_in(&Address::Chat(42)) > Duration::from_secs(50));
    assert!(courier.ready_in(&Address::Chat(43)) < Duration::from_secs(1));
    // Asked all the same, it does not even try.
    let Verdict::TryLater {
        not_before_s: Some(wait),
        scope: Scope::Address,
        ..
    } = send(&courier, chat(&["x"])).await
    else {
        panic!("it went");
    };
    assert!((50..=61).contains(&wait), "{wait}");
    let mut other = chat(&["x"]);
    other.chat = 43;
    assert_eq!(send(&courier, other).await, delivered("2"));
    assert_eq!(server.methods().len(), 2);
}

#[tokio::test]
async fn a_message_that_cannot_be_sent_as_it_is() {
    let server = Scripted::start(&[]).await;
    let courier = server.courier();
    for (act, words) in [
        (Act::Callback("x".repeat(65)), "1–64"),
        (Act::Callback(String::new()), "1–64"),
        (Act::Copy("x".repeat(257)), "1–256"),
        (Act::Url("docs.google.com".into()), "docs.google.com"),
    ] {
        let mut bad = chat(&["x"]);
        bad.buttons = vec![vec![Button {
            text: "Nút".into(),
            act,
        }]];
        let Verdict::Rejected {
            why,
            about: Refusal::Content,
        } = send(&courier, bad).await
        else {
            panic!("it went: {words}");
        };
        assert!(why.contains(words) && why.contains("Nút"), "{why}");
    }
    assert!(matches!(
        send(&courier, chat(&[])).await,
        Verdict::Rejected { .. }
    ));
    assert!(server.methods().is_empty());
}

#[tokio::test]
async fn the_probe_names_the_bot_or_the_mend() {
    let server = Scripted::start(&[]).await;
    assert_eq!(
        server.courier().probe().await,
        Ok("@queenland_bot".to_owned())
    );
    assert_eq!(server.methods(), ["GetMe"]);

    let server = Scripted::start(&[Line::Says(
        401,
        r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#,
    )])
    .await;
    let error = server.courier().probe().await.expect_err("a bad token");
    assert_eq!(error.kind, ProbeKind::Refused);
    assert_eq!(
        error.to_string(),
        "Telegram refused the bot token (401 Unauthorized). Copy it again from @BotFather"
    );

    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let courier = TelegramCourier::new(client(&format!("http://127.0.0.1:{port}")));
    let error = courier.probe().await.expect_err("nobody there");
    assert_eq!(error.kind, ProbeKind::Unreachable);
    let text = error.to_string();
    for word in [&format!("127.0.0.1:{port}"), "[telegram] proxy", "api_url"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[tokio::test]
async fn a_proxy_leads_to_a_server_that_cannot_be_reached_otherwise() {
    let proxy = Scripted::start(&[]).await;
    let settings = |proxy| TelegramSettings {
        token: TOKEN.to_owned().into(),
        api_url: Some("http://telegram.invalid".into()),
        proxy,
    };
    let direct = TelegramCourier::new(Client::new(&settings(None)).expect("good settings"));
    let error = direct.probe().await.expect_err("the name is unknown");
    assert!(error.to_string().contains("telegram.invalid"), "{error}");
    let by_proxy = settings(Some(format!("http://127.0.0.1:{}", proxy.port)));
    let courier = TelegramCourier::new(Client::new(&by_proxy).expect("good settings"));
    assert_eq!(courier.probe().await, Ok("@queenland_bot".to_owned()));
}

/// The sandbox's Bot API and a person who has started the bot.
async fn sandbox() -> (BotSandbox, TelegramCourier, i64) {
    let local = ([127, 0, 0, 1], 0).into();
    let sandbox = BotSandbox::start(local, TOKEN, "queenland_bot")
        .await
        .expect("loopback has free ports");
    let person = sandbox
        .create_person(Person::new(0, "Lan Anh"))
        .expect("a new person");
    sandbox.press_start(person, None).expect("a person may");
    let courier = TelegramCourier::new(client(&sandbox.base_url()));
    (sandbox, courier, person)
}

/// A message to this chat, with a name of its own.
fn to(chat_id: i64, text: &str) -> Chat {
    let mut chat = chat(&[text]);
    chat.id = format!("to {chat_id}: {text}");
    chat.chat = chat_id;
    chat
}

/// What the bot has written to a chat.
fn arrived(sandbox: &BotSandbox, chat: i64) -> Vec<String> {
    sandbox
        .messages(chat)
        .iter()
        .filter(|message| message.from_bot)
        .map(|message| message.text.clone())
        .collect()
}

#[tokio::test]
async fn a_person_reads_it_and_presses_a_button() {
    let (sandbox, courier, person) = sandbox().await;
    assert_eq!(courier.probe().await, Ok("@queenland_bot".to_owned()));
    let mut sent = to(person, "<b>Khách mới</b>: chị Thu &amp; anh Minh, 3,5 tỷ");
    sent.buttons = vec![vec![Button {
        text: "Đã gọi".into(),
        act: Act::Callback("called".into()),
    }]];
    let verdict = send(&courier, sent).await;
    let shown = sandbox
        .messages(person)
        .into_iter()
        .find(|message| message.from_bot)
        .expect("it arrived");
    assert_eq!(verdict, delivered(&shown.id.to_string()));
    assert_eq!(shown.text, "Khách mới: chị Thu & anh Minh, 3,5 tỷ");
    sandbox
        .press(person, person, shown.id, "called")
        .expect("the button is there");

    let mut chart = to(person, "<i>Tuần 47</i>");
    chart.photo = Some(Attachment {
        content: PIXEL.to_vec(),
        ..picture()
    });
    let verdict = send(&courier, chart).await;
    assert!(matches!(verdict, Verdict::Delivered { .. }), "{verdict:?}");
    let shown = sandbox.messages(person).pop().expect("it arrived");
    assert_eq!(shown.text, "Tuần 47");
    assert!(shown.photo.is_some());
    sandbox.shutdown().await;
}

/// A PNG of one grey pixel.
const PIXEL: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0,
    1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 10, b'I', b'D', b'A', b'T',
    0x78, 0x9c, 0x63, 0x68, 0, 0, 0, 0x82, 0, 0x81, 0x77, 0xcd, 0x72, 0xb6, 0, 0, 0, 0, b'I', b'E',
    b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

#[tokio::test]
async fn people_who_cannot_be_written_to() {
    let (sandbox, courier, person) = sandbox().await;
    let stranger = sandbox
        .create_person(Person::new(0, "Người lạ"))
        .expect("a new person");
    let gone = sandbox
        .create_person(Person::new(0, "Đã nghỉ"))
        .expect("a new person");
    sandbox.press_start(gone, None).expect("a person may");
    sandbox.deactivate(gone).expect("a person may");
    sandbox.block(person).expect("a person may");
    for chat in [person, stranger, gone, 999_999_999] {
        let verdict = send(&courier, to(chat, "x")).await;
        assert!(
            matches!(
                verdict,
                Verdict::Rejected {
                    about: Refusal::Address,
                    ..
                }
            ),
            "{verdict:?}"
        );
    }
    sandbox.unblock(person).expect("a person may");
    let verdict = send(&courier, to(person, "x")).await;
    assert!(matches!(verdict, Verdict::Delivered { .. }), "{verdict:?}");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_group_that_moved_tells_where_to() {
    let (sandbox, courier, person) = sandbox().await;
    let group = sandbox
        .create_group("Quản lý", &[person])
        .expect("a new group");
    sandbox.add_bot(group, person, None).expect("a member may");
    let moved = sandbox.migrate(group).expect("a group may");
    assert_eq!(
        send(&courier, to(group, "x")).await,
        Verdict::Moved { to: moved }
    );
    let verdict = send(&courier, to(moved, "x")).await;
    assert!(matches!(verdict, Verdict::Delivered { .. }), "{verdict:?}");
    assert_eq!(
        arrived(&sandbox, moved).last().map(String::as_str),
        Some("x")
    );
    sandbox.shutdown().await;
}

#[tokio::test]
async fn what_fails_on_the_way_and_what_arrived() {
    let (sandbox, courier, _) = sandbox().await;
    let method = "sendMessage";
    let all = [
        (
            Fault::status(method, 500, "Internal Server Error"),
            "later",
            0,
        ),
        (Fault::garbage(method, 502), "later", 0),
        (Fault::reset(method), "doubt", 0),
        (Fault::reset(method).done_first(), "doubt", 1),
        (Fault::garbage(method, 200).done_first(), "doubt", 1),
        (Fault::too_many(method, 1), "later", 0),
    ];
    for (number, (fault, expected, kept)) in all.into_iter().enumerate() {
        let what = format!("{fault:?}");
        // Each to somebody else, so that nobody waits for the pace of a chat.
        let person = sandbox
            .create_person(Person::new(0, format!("NV {number}")))
            .expect("a new person");
        sandbox.press_start(person, None).expect("a person may");
        sandbox.fault(fault);
        let verdict = send(&courier, to(person, "tin")).await;
        let word = match &verdict {
            Verdict::TryLater { .. } => "later",
            Verdict::InDoubt { .. } => "doubt",
            _ => "other",
        };
        assert_eq!(word, expected, "{what}: {verdict:?}");
        let count = |found: Vec<String>| found.iter().filter(|found| *found == "tin").count();
        assert_eq!(count(arrived(&sandbox, person)), kept, "{what}");
        let verdict = send(&courier, to(person, "tin")).await;
        assert!(
            matches!(verdict, Verdict::Delivered { .. }),
            "{what}: {verdict:?}"
        );
        assert_eq!(count(arrived(&sandbox, person)), kept + 1, "{what}");
    }
    sandbox.shutdown().await;
}

#[tokio::test]
async fn our_pace_never_meets_telegrams_limits() {
    let (sandbox, courier, person) = sandbox().await;
    sandbox.set_limits(Some(Limits::default()));
    let mut chats = vec![person];
    for number in 0..40 {
        let other = sandbox
            .create_person(Person::new(0, format!("NV {number}")))
            .expect("a new person");
        sandbox.press_start(other, None).expect("a person may");
        chats.push(other);
    }
    chats.extend([person, person, person]);
    for chat in chats {
        let verdict = send(&courier, to(chat, "tin")).await;
        assert!(matches!(verdict, Verdict::Delivered { .. }), "{verdict:?}");
    }
    assert_eq!(arrived(&sandbox, person).len(), 4);
    sandbox.shutdown().await;
}
