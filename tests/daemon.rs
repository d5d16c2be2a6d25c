//! The whole daemon against loopback servers, through the real client libraries: a row typed in the
//! sheet becomes a mail and a Telegram message.

#![allow(clippy::unwrap_used)] // the office that the tests share may fail a test, too

mod support;

use std::time::Duration;

use sheetbridge::daemon::{self, Settings};
use sheetbridge::sandbox::smtp::{Credentials, Fault, Options, SmtpSandbox, Stage};
use sheetbridge::sandbox::telegram::{BotSandbox, Person};
use support::Company;
use tokio_util::sync::CancellationToken;

/// Long enough for a loaded machine, short enough to fail.
const SOON: Duration = Duration::from_secs(40);

struct Office {
    company: Company,
    smtp: SmtpSandbox,
    bot: BotSandbox,
    stop: CancellationToken,
    daemon: Option<tokio::task::JoinHandle<Result<(), daemon::DaemonError>>>,
}

const TOKEN: &str = "123456:TEST-token-of-the-sandbox-abcdefghij";

impl Office {
    /// Servers, people and a running daemon with these rules, or `before` it starts something else.
    async fn open(rows: &[&[&str]], rules: &str) -> Self {
        let smtp = SmtpSandbox::start(
            "127.0.0.1:0".parse().unwrap(),
            Options {
                credentials: Some(Credentials::new("crm@queenland.example", "bí mật 1")),
                ..Options::default()
            },
        )
        .await
        .unwrap();
        let bot = BotSandbox::start("127.0.0.1:0".parse().unwrap(), TOKEN, "queenland_bot")
            .await
            .unwrap();
        for (id, name) in [(100_000, "Lan Anh"), (100_009, "Hà Phạm")] {
            let person = bot.create_person(Person::new(id, name)).unwrap();
            bot.press_start(person, None).unwrap();
        }
        let more = format!(
            r#"
[email]
smtp = "smtp+plain://{}"
username = "crm@queenland.example"
password = {{ file = "smtp.txt" }}
from = "Queenland <crm@queenland.example>"
[telegram]
token = {{ file = "token.txt" }}
api_url = "{}"
{rules}
"#,
            smtp.addr(),
            bot.base_url()
        );
        let company = Company::small_with_files(
            rows,
            &more,
            &[("smtp.txt", "bí mật 1"), ("token.txt", TOKEN)],
        )
        .await;
        let mut office = Self {
            company,
            smtp,
            bot,
            stop: CancellationToken::new(),
            daemon: None,
        };
        office.start();
        office
    }

    fn start(&mut self) {
        self.stop = CancellationToken::new();
        let config = self.company.config();
        self.daemon = Some(tokio::spawn(daemon::run(
            config,
            Settings::default(),
            self.stop.clone(),
        )));
    }

    async fn close(&mut self) {
        self.stop.cancel();
        if let Some(daemon) = self.daemon.take() {
            daemon.await.unwrap().unwrap();
        }
    }

    /// Waits until the daemon has read the workbook so many times more.
    async fn polled(&self, times: usize) {
        let before = self.company.google.request_count("batchGet");
        let waited = async {
            while self.company.google.request_count("batchGet") < before + times {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(SOON, waited)
            .await
            .expect("the daemon polls");
    }
}

const RULES: &str = r#"
[[rule]]
id = "welcome"
on = "added"
when = "email and stage == 'prospect' and not no_ads"
send = { channel = "email", to = "customer", template = "welcome" }
[[rule]]
id = "lead-alert"
on = "added"
send = { channel = "telegram", to = "owner", else = ["email", "managers"], template = "lead-alert", urgent = true }
"#;

const ROWS: [&[&str]; 1] = [&[
    "Trần Bình",
    "0912345678",
    "binh@example.com",
    "Đang tư vấn",
    "Lan Anh",
]];

const AN: [(&str, &str); 5] = [
    ("Họ tên", "Nguyễn Văn An"),
    ("SĐT", "'0901234567"),
    ("Email", "an.nguyen@example.com"),
    ("Giai đoạn", "Khách hàng tiềm năng"),
    ("NV phụ trách", "Lan Anh"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_row_typed_in_the_sheet_becomes_a_mail_and_a_message_once() {
    let mut office = Office::open(&ROWS, RULES).await;
    office.polled(2).await;
    office.company.add_customer(&AN);
    let mails = office.smtp.wait_for(1, SOON).await.unwrap();
    let view = mails[0].view();
    assert_eq!(view.to[0].address, "an.nguyen@example.com");
    assert_eq!(view.to[0].name, "Nguyễn Văn An");
    assert!(
        view.html.as_deref().unwrap_or_default().contains("An"),
        "{:?}",
        view.subject
    );
    assert!(view.text.is_some_and(|text| text.contains("An")));
    let told = office
        .bot
        .wait_for_message(
            100_000,
            |message| message.text.contains("Nguyễn Văn An"),
            SOON,
        )
        .await
        .unwrap();
    assert!(
        told.text.contains("0901 234 567") || told.text.contains("+84901234567"),
        "{}",
        told.text
    );
    office.polled(4).await;
    office.close().await;
    assert_eq!(office.smtp.messages().len(), 1, "once");
    // A restart repeats nothing.
    office.start();
    office.polled(3).await;
    office.close().await;
    assert_eq!(
        office.smtp.messages().len(),
        1,
        "once, also after a restart"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_says_later_is_tried_again() {
    let mut office = Office::open(&ROWS, RULES).await;
    office
        .smtp
        .fault(Fault::reply(Stage::Rcpt, 450, "4.2.1 try later"));
    office.polled(2).await;
    office.company.add_customer(&AN);
    // The first try is refused; the ladder's first rung is a minute, so look at the store, not the clock.
    let tried = async {
        while office.smtp.counts().refusals == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, tried).await.unwrap();
    office.close().await;
    let lines = office.company.outbox().await;
    let mail = lines
        .iter()
        .find(|line| line["channel"] == "email")
        .unwrap();
    assert_eq!(mail["state"], "queued");
    assert!(mail["why"].as_str().unwrap().contains("4.2.1"), "{mail}");
    assert_eq!(office.smtp.messages().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_dies_after_the_final_dot_leaves_the_mail_in_doubt_and_is_not_repeated() {
    let mut office = Office::open(&ROWS, RULES).await;
    office.smtp.fault(Fault::keep_and_drop());
    office.polled(2).await;
    office.company.add_customer(&AN);
    office.smtp.wait_for(1, SOON).await.unwrap();
    office.polled(3).await;
    office.close().await;
    office.start();
    office.polled(3).await;
    office.close().await;
    assert_eq!(office.smtp.messages().len(), 1, "never twice");
    let lines = office.company.outbox().await;
    let mail = lines
        .iter()
        .find(|line| line["channel"] == "email")
        .unwrap();
    assert_eq!(mail["state"], "in_doubt");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_without_a_chat_is_told_by_else() {
    let mut office = Office::open(&ROWS, RULES).await;
    office.polled(2).await;
    let mut row = AN;
    row[4] = ("NV phụ trách", "Minh Tuấn"); // has a chat id, but never pressed start
    office.company.add_customer(&row);
    let told = office
        .bot
        .wait_for_message(
            100_009,
            |message| message.text.contains("Nguyễn Văn An"),
            SOON,
        )
        .await;
    office.close().await;
    let lines = office.company.outbox().await;
    assert!(told.is_ok(), "{lines:#?}");
}
