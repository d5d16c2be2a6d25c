//! The page over its socket, with the three sandboxes behind it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use serde_json::{Value, json};

use super::super::google::{GoogleOptions, Tab, Workbook};
use super::super::smtp::Options;
use super::super::telegram::Person;
use super::*;

const TOKEN: &str = "4242:sandbox";

struct Demo {
    page: Page,
    google: GoogleSandbox,
    smtp: SmtpSandbox,
    bot: BotSandbox,
    log: LogFeed,
}

fn workbook() -> Workbook {
    let mut workbook = Workbook::new("book", "Khách");
    let tab: &mut Tab = workbook.add_tab("Khách hàng");
    for (column, header) in ["Họ tên", "SĐT"].iter().enumerate() {
        tab.set(0, column, super::super::google::Cell::text(*header));
    }
    workbook
}

async fn demo(reset: Option<Reset>) -> Demo {
    let free = "127.0.0.1:0".parse().unwrap();
    let google = super::super::google::start(free, GoogleOptions::default())
        .await
        .unwrap();
    google.add_workbook(workbook());
    let smtp = SmtpSandbox::start(free, Options::default()).await.unwrap();
    let bot = BotSandbox::start(free, TOKEN, "queenland_bot")
        .await
        .unwrap();
    let log = LogFeed::new();
    let parts = Parts {
        google: google.clone(),
        workbook_id: "book".to_owned(),
        smtp: smtp.clone(),
        bot: bot.clone(),
        log: log.clone(),
        reset,
    };
    Demo {
        page: Page::start(free, parts).await.unwrap(),
        google,
        smtp,
        bot,
        log,
    }
}

impl Demo {
    async fn get(&self, path: &str) -> Value {
        let answer = reqwest::get(format!("{}{path}", self.page.url()))
            .await
            .unwrap();
        answer.json().await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let request = reqwest::Client::new().post(format!("{}{path}", self.page.url()));
        let answer = request.json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// The state's query for a browser that knows everything in `state`.
    fn knows(state: &Value) -> String {
        format!(
            "api/state?epoch={}&sheet={}&mail={}&mail_id={}&chat={}&log={}&status={}",
            state["epoch"].as_str().unwrap(),
            state["sheet"]["version"],
            state["mail"]["revision"],
            state["mail"]["new"].as_array().unwrap().len(),
            state["chat"]["revision"],
            state["log"]["last"],
            state["status"]["revision"],
        )
    }

    async fn mail(&self, subject: &str) {
        let mail = Message::builder()
            .from("a@congty.example".parse().unwrap())
            .to("b@khach.example".parse().unwrap())
            .subject(subject)
            .body("Kính chào\n".to_owned())
            .unwrap();
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
            .port(self.smtp.addr().port())
            .build()
            .send(mail)
            .await
            .unwrap();
    }
}

fn line(vi: &str) -> LogLine {
    LogLine {
        at_ms: 1,
        kind: Kind::Edit,
        vi: vi.to_owned(),
        en: "Sorted by name: 0 events".to_owned(),
    }
}

fn parts_of(news: &Value) -> Vec<&str> {
    let told = news.as_object().unwrap().keys().map(String::as_str);
    told.filter(|name| !["epoch", "now_ms"].contains(name))
        .collect()
}

#[tokio::test]
async fn a_browser_is_told_everything_once_and_then_only_what_changed() {
    let demo = demo(None).await;
    let first = demo.get("api/state").await;
    assert_eq!(first["sheet"]["tabs"][0]["rows"][0][0]["text"], "Họ tên");
    assert_eq!(first["can_reset"], false);
    assert_eq!(first["bot"], "queenland_bot");
    let query = Demo::knows(&first);
    assert_eq!(demo.get(&query).await, json!({}));

    demo.mail("Chào anh").await;
    let news = demo.get(&query).await;
    assert_eq!(parts_of(&news), ["mail"]);
    assert_eq!(news["mail"]["new"][0]["subject"], "Chào anh");
    let opened = demo.get("api/mail/1").await;
    assert_eq!(opened["text"].as_str().unwrap().trim(), "Kính chào");
    assert!(opened["raw"].as_str().unwrap().contains("Subject:"));

    let edits =
        json!({"edits": [{"op": "append_row", "tab": "Khách hàng", "values": ["Lan", "'0901"]}]});
    let (status, edited) = demo.post("api/edit", edits).await;
    assert_eq!((status, &edited["row"]), (200, &json!(2)));
    demo.log.push(line("Sắp xếp theo tên: 0 sự kiện"));
    let news = demo.get(&query).await;
    assert_eq!(parts_of(&news), ["log", "mail", "sheet"]);
    assert_eq!(news["sheet"]["tabs"][0]["rows"][1][1]["text"], "0901");
    assert_eq!(news["log"]["lines"][0]["vi"], "Sắp xếp theo tên: 0 sự kiện");

    assert_eq!(demo.post("api/undo", json!({})).await.0, 200);
    assert_eq!(
        demo.google.workbook("book").unwrap().tabs[0].filled_rows(),
        1
    );
    let (status, refused) = demo.post("api/undo", json!({})).await;
    assert_eq!(status, 400);
    assert_eq!(refused["error"], "there is nothing to undo");
    demo.page.shutdown().await;
}

#[tokio::test]
async fn people_write_and_press_from_the_page() {
    let demo = demo(None).await;
    let lan = demo.bot.create_person(Person::new(0, "Lan Anh")).unwrap();
    assert_eq!(
        demo.post("api/chat/start", json!({"person": lan})).await.0,
        200
    );
    let text = "<b>không đậm</b>";
    demo.post("api/chat/say", json!({"person": lan, "text": text}))
        .await;
    let state = demo.get("api/state").await;
    let said = &state["chat"]["changed"][0]["messages"][1];
    assert_eq!(said["text"], text);
    assert_eq!(said["html"], "&lt;b&gt;không đậm&lt;/b&gt;");

    let bot = |method: &'static str, body: Value| {
        let url = format!("{}/bot{TOKEN}/{method}", demo.bot.base_url());
        async move {
            let request = reqwest::Client::new().post(url).json(&body);
            request.send().await.unwrap().json::<Value>().await.unwrap()
        }
    };
    let keys = json!({"inline_keyboard": [[{"text": "Đã liên hệ", "callback_data": "done"}]]});
    let sent = bot(
        "sendMessage",
        json!({"chat_id": lan, "text": "Khách mới", "reply_markup": keys}),
    )
    .await;
    let message = &sent["result"]["message_id"];
    let press = json!({"person": lan, "message": message, "data": "done"});
    let ((status, pressed), _) = tokio::join!(demo.post("api/chat/press", press), async {
        while !demo.bot.calls().contains_key("answercallbackquery") {
            let updates = bot("getUpdates", json!({"timeout": 5})).await;
            for update in updates["result"].as_array().unwrap() {
                if let Some(press) = update.get("callback_query") {
                    bot(
                        "answerCallbackQuery",
                        json!({"callback_query_id": press["id"], "text": "Đã ghi"}),
                    )
                    .await;
                }
            }
        }
    });
    assert_eq!(status, 200);
    assert_eq!(pressed["answered"], true);
    assert_eq!(pressed["answer"]["text"], "Đã ghi");
    demo.post("api/chat/block", json!({"person": lan, "blocked": true}))
        .await;
    let (status, refused) = demo
        .post("api/chat/say", json!({"person": lan, "text": "?"}))
        .await;
    assert_eq!(status, 400);
    assert!(
        refused["error"]
            .as_str()
            .unwrap()
            .contains("blocked the bot")
    );
    demo.page.shutdown().await;
}

#[tokio::test]
async fn a_waiting_request_is_answered_by_a_change_and_ended_by_the_shutdown() {
    let demo = Arc::new(demo(None).await);
    let first = demo.get("api/state").await;
    let query = format!("{}&wait=20", Demo::knows(&first));
    let started = Instant::now();
    let (news, ()) = tokio::join!(demo.get(&query), async {
        demo.log.status(StatusLine {
            last_poll_ms: Some(5),
            ..StatusLine::default()
        });
    });
    assert_eq!(parts_of(&news), ["status"]);
    assert_eq!(news["status"]["last_poll_ms"], 5);

    let mut known = first.clone();
    known["status"] = news["status"].clone();
    let query = format!("{}&wait=20", Demo::knows(&known));
    let waiting = tokio::spawn({
        let demo = Arc::clone(&demo);
        async move { demo.get(&query).await }
    });
    // The request is under way once its wait holds a receiver of the log.
    while demo.log.watchers() == 0 {
        tokio::task::yield_now().await;
    }
    demo.page.shutdown().await;
    assert_eq!(waiting.await.unwrap(), json!({"stopped": true}));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn after_a_reset_everything_is_told_anew() {
    let done = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&done);
    let reset: Reset = Arc::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let demo = demo(Some(reset)).await;
    let first = demo.get("api/state").await;
    assert_eq!(first["can_reset"], true);
    assert_eq!(demo.post("api/reset", json!({})).await.0, 200);
    assert_eq!(done.load(Ordering::SeqCst), 1);
    let again = demo.get(&Demo::knows(&first)).await;
    assert_ne!(again["epoch"], first["epoch"]);
    for part in ["sheet", "mail", "chat", "log", "status"] {
        assert_eq!(again[part], first[part], "{part}");
    }
    demo.page.shutdown().await;
}

#[tokio::test]
async fn without_a_reset_the_page_says_that_it_cannot() {
    let demo = demo(None).await;
    let (status, refused) = demo.post("api/reset", json!({})).await;
    assert_eq!(status, 400);
    assert_eq!(refused["error"], "this page cannot start all over");
    demo.page.shutdown().await;
}

#[tokio::test]
async fn an_older_version_is_another_workbook_and_told_whole() {
    let demo = demo(None).await;
    let edits = json!({"edits": [{"op": "append_row", "tab": "Khách hàng", "values": ["Lan"]}]});
    demo.post("api/edit", edits).await;
    let first = demo.get("api/state").await;
    demo.google.add_workbook(workbook());
    let news = demo.get(&Demo::knows(&first)).await;
    assert_eq!(
        news["sheet"]["tabs"][0]["rows"].as_array().unwrap().len(),
        1
    );
    demo.page.shutdown().await;
}

#[tokio::test]
async fn a_port_in_use_is_named_with_the_mend() {
    let demo = demo(None).await;
    let addr = demo.page.addr();
    let parts = Parts {
        google: demo.google.clone(),
        workbook_id: "book".to_owned(),
        smtp: demo.smtp.clone(),
        bot: demo.bot.clone(),
        log: LogFeed::new(),
        reset: None,
    };
    let error = Page::start(addr, parts).await.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("the page cannot listen on {addr}: ")),
        "{error}"
    );
    assert!(
        error.ends_with(
            "close what uses that address, or let a free port be chosen with `--listen 127.0.0.1:0`"
        ),
        "{error}"
    );
    demo.page.shutdown().await;
}
