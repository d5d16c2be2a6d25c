//! What fails out there, and here: Google, the mail server, Telegram, the disk. Nothing is lost, nothing is sent
//! twice, the right people are told once, and it goes on by itself when it is over.

mod black_box;

use std::sync::Arc;
use std::time::{Duration, Instant};

use black_box::{AN, BINH, MANAGER, RULES, Site, mail_options, until};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sheetbridge::commands::Request;
use sheetbridge::core::delivery::State;
use sheetbridge::core::message::{Message, MessageKey, Recipient, Wanted};
use sheetbridge::core::rule::Channel;
use sheetbridge::sandbox::google::{Effect, Fault as GoogleFault};
use sheetbridge::sandbox::smtp::{Fault, SmtpSandbox, Stage};
use sheetbridge::sandbox::telegram::Fault as BotFault;

fn failing(status: &Value) -> Option<&str> {
    status["workbooks"][0]["failing"].as_str()
}

// ---------------------------------------------------------------------------------------------- Google

#[tokio::test(flavor = "multi_thread")]
async fn whatever_google_answers_nothing_changes_and_it_goes_on_by_itself() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let daemon = site.start_and_read().await;
    let effects = [
        Effect::Status { status: 500, retry_after_s: None },
        Effect::Status { status: 429, retry_after_s: None },
        Effect::Truncate { keep_bytes: None, chunked: false },
        Effect::Truncate { keep_bytes: None, chunked: true },
        Effect::Garbage { body: None, status: None },
        Effect::Reset,
    ];
    for (n, effect) in effects.into_iter().enumerate() {
        let name = ["Lê Văn Một", "Lê Văn Hai", "Lê Văn Ba", "Lê Văn Tư", "Lê Văn Năm", "Lê Văn Sáu"][n];
        site.google.add_fault(GoogleFault::always("batchGet", effect.clone()));
        site.add_customer(&[("Họ tên", name), ("SĐT", &format!("'09350000{n:02}")), ("NV phụ trách", "Thu Hà")]);
        let status = daemon.status_where("the trouble", |status| failing(status).is_some()).await;
        assert_eq!(status["customers"], 1 + n, "{effect:?} changes nothing: {status:#}");
        assert!(status["workbooks"][0]["lag_s"].is_number(), "{status:#}");
        assert_eq!(site.told_of(100_002, name), 0);
        site.google.clear_faults();
        daemon.status_where("its end", |status| failing(status).is_none()).await;
        until("the alert", || site.told_of(100_002, name) == 1).await;
    }
    assert!(site.told(MANAGER).is_empty(), "what passes by itself is nobody's business: {:?}", site.told(MANAGER));
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn google_is_asked_less_and_less_while_it_fails() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let daemon = site.start_and_read().await;
    site.google.add_fault(GoogleFault::always("batchGet", Effect::Status { status: 503, retry_after_s: None }));
    daemon.status_where("the trouble", |status| failing(status).is_some()).await;
    site.google.clear_requests();
    let begun = Instant::now();
    // With waits of 2, 4, 8 s, each with up to a second of jitter, the third question comes 6 to 8 s after the first failure.
    until("two more questions", || site.google.request_count("batchGet") >= 2).await;
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(5_500), "two questions in {took:?}: that is no backing off");
    // Google's own wish goes before ours.
    site.google.clear_faults();
    site.google.add_fault(GoogleFault::next("batchGet", Effect::Status { status: 429, retry_after_s: Some(12) }));
    let asked = site.google.request_count("batchGet");
    until("the next question", || site.google.request_count("batchGet") > asked).await;
    let begun = Instant::now();
    until("the one after it", || site.google.request_count("batchGet") > asked + 1).await;
    assert!(begun.elapsed() >= Duration::from_secs(11), "{:?}", begun.elapsed());
    daemon.status_where("its end", |status| failing(status).is_none()).await;
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_that_is_no_longer_shared_is_told_of_once_with_the_address_to_share_it_with() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let daemon = site.start_and_read().await;
    site.google.add_fault(GoogleFault::always("spreadsheets", Effect::Status { status: 403, retry_after_s: None }));
    let status = daemon.status_where("the trouble", |status| failing(status).is_some()).await;
    let account = site.google.key_json()["client_email"].as_str().unwrap().to_owned();
    assert!(failing(&status).unwrap().contains(&account), "{status:#}");
    assert_eq!(status["ok"], false);
    until("the managers hear of it", || site.told_of(MANAGER, &account) == 1).await;
    // `sync` asks again at once; that is the same trouble.
    for _ in 0..3 {
        let _ = daemon.ask(&Request::Sync { dry_run: false }).await;
    }
    daemon.nothing_left().await;
    assert_eq!(site.told(MANAGER).len(), 1, "once: {:?}", site.told(MANAGER));
    site.google.clear_faults();
    // A person who has mended it need not wait for the next look.
    let _ = daemon.ask(&Request::Sync { dry_run: false }).await;
    daemon.status_where("its end", |status| failing(status).is_none()).await;
    assert_eq!(site.told(MANAGER).len(), 1);
    daemon.stop();

    // A workbook that is not there at all.
    site.google.remove_workbook(&site.workbook.clone());
    let daemon = site.start();
    let status = daemon.status_where("the trouble", |status| failing(status).is_some()).await;
    assert!(failing(&status).unwrap().contains(&site.workbook), "{status:#}");
    daemon.stop();
    assert_eq!(site.smtp.messages().len(), 0);
}

// ---------------------------------------------------------------------------------------------- mail

#[tokio::test(flavor = "multi_thread")]
async fn mails_wait_for_a_mail_server_that_is_away_and_go_once_when_it_is_back() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let daemon = site.start_and_read().await;
    let address = site.smtp.addr();
    site.smtp.shutdown().await;
    site.add_customer(&AN);
    for n in 0..6 {
        site.add_customer(&[
            ("Họ tên", ["Võ Văn An", "Võ Văn Bình", "Võ Văn Cường", "Võ Văn Dung", "Võ Văn Em", "Võ Văn Giang"][n]),
            ("Email", &format!("vo{n}@example.com")),
            ("Giai đoạn", "Khách hàng tiềm năng"),
            ("NV phụ trách", "Thu Hà"),
        ]);
    }
    let status = daemon
        .status_where("mail is down", |status| status["channels"][0]["ok"] == false && status["queue"]["queued"] == 7)
        .await;
    assert!(status["channels"][0]["why"].as_str().unwrap().contains("refused"), "{status:#}");
    until("alerts go on", || site.told_of(100_000, "Nguyễn Văn An") == 1).await;
    // Only some were tried; nobody's try counts.
    let tried = daemon.outbox().await.iter().filter(|line| line["channel"] == "email" && line["attempts"] != 0).count();
    assert_eq!(tried, 0);
    site.smtp = SmtpSandbox::start(address, mail_options()).await.unwrap();
    let begun = Instant::now();
    until("all go", || site.smtp.messages().len() == 7).await;
    println!("healed after {:?}", begun.elapsed());
    daemon.nothing_left().await;
    daemon.stop();
    assert_eq!(site.smtp.messages().len(), 7, "once each");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_mean_what_the_mail_server_says() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let rules = site.config_text();
    let more = "[[rule]]\nid = \"paid\"\non = { stage = \"deposited\" }\nsend = { channel = \"email\", to = \"customer\", template = \"thank-you\", hold = \"0s\" }\n";
    site.write_config(&format!("{rules}{more}"));
    let daemon = site.start_and_read().await;
    // Greylisting: later, by the ladder, and only this one.
    site.smtp.fault(Fault::reply(Stage::Rcpt, 451, "4.7.1 Greylisted, try again later").to("grey@example.com"));
    // There is no such mailbox.
    site.smtp.fault(Fault::reply(Stage::Rcpt, 550, "5.1.1 No such user").to("gone@example.com").endless());
    // The server does not like us.
    site.smtp.fault(Fault::reply(Stage::Body, 550, "5.7.1 Message rejected as spam").to("strict@example.com").endless());
    let lead = |name: &str, mail: &str| {
        site.add_customer(&[("Họ tên", name), ("Email", mail), ("Giai đoạn", "Khách hàng tiềm năng"), ("NV phụ trách", "Thu Hà")])
    };
    lead("Đỗ Thị Xám", "grey@example.com");
    let gone = lead("Đỗ Thị Mất", "gone@example.com");
    lead("Đỗ Thị Khó", "strict@example.com");
    lead("Đỗ Thị Hay", "fine@example.com");
    until("the others go on", || site.mails_to("fine@example.com") == 1).await;
    let to = |mail: &'static str| move |line: &Value| line["to"].as_str().is_some_and(|to| to.starts_with(&mail[..1]));
    let line = daemon.message_where("welcome", |line| to("grey")(line) && line["attempts"] == 1).await;
    assert_eq!((&line["state"], line["why"].as_str().unwrap().contains("4.7.1")), (&json!("queued"), true), "{line}");
    let line = daemon.message_where("welcome", |line| line["why"].as_str().is_some_and(|why| why.contains("5.1.1"))).await;
    assert_eq!(line["state"], "rejected");
    let line = daemon.message_where("welcome", |line| line["why"].as_str().is_some_and(|why| why.contains("5.7.1"))).await;
    assert_eq!(line["state"], "rejected");
    until("the managers hear of 5.7.1", || site.told_of(MANAGER, "5.7.1") == 1).await;
    // The second mail to the address that is gone is not even tried.
    site.type_all(vec![sheetbridge::sandbox::google::CellEdit::typed(gone, "Giai đoạn", "Đã đặt cọc")]);
    let line = daemon.message_where("paid", |line| line["state"] == "cancelled").await;
    assert!(line["why"].as_str().unwrap().contains("takes no mail"), "{line}");
    daemon.stop();
    assert_eq!(site.smtp.messages().len(), 1);
}

// ---------------------------------------------------------------------------------------------- Telegram

#[tokio::test(flavor = "multi_thread")]
async fn one_chat_that_is_too_fast_or_dead_does_not_hold_up_the_others() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let daemon = site.start_and_read().await;
    site.bot.fault(BotFault::too_many("sendMessage", 4).to(100_000));
    site.bot.block(100_001).unwrap();
    let lead = |n: usize, name: &str, owner: &str| {
        site.add_customer(&[("Họ tên", name), ("SĐT", &format!("'09360000{n:02}")), ("NV phụ trách", owner)])
    };
    lead(1, "Hồ Văn Nhanh", "Lan Anh");
    lead(2, "Hồ Văn Chặn", "Minh Tuấn");
    lead(3, "Hồ Văn Thường", "Thu Hà");
    until("the others go on", || site.told_of(100_002, "Hồ Văn Thường") == 1).await;
    // Blocked: the message is passed on, and the managers hear how to bind the chat again.
    until("passed on", || site.told_of(MANAGER, "Hồ Văn Chặn") == 1).await;
    until("the mend", || site.told_of(MANAGER, "sheetbridge invite") >= 1).await;
    daemon.message_where("lead-alert", |line| line["state"] == "queued" && line["why"].as_str().is_some_and(|why| why.contains("429"))).await;
    until("the slow one", || site.told_of(100_000, "Hồ Văn Nhanh") == 1).await;
    daemon.nothing_left().await;
    let unbound = daemon.ask(&Request::Status).await.unwrap()["unbound"].to_string();
    assert!(unbound.contains("Minh Tuấn"), "{unbound}");
    // The next one does not knock at the dead chat.
    let before = site.bot.calls()["sendMessage"];
    lead(4, "Hồ Văn Tiếp", "Minh Tuấn");
    until("passed on at once", || site.told_of(MANAGER, "Hồ Văn Tiếp") == 1).await;
    daemon.nothing_left().await;
    assert_eq!(site.bot.calls()["sendMessage"] - before, 1);
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_moved_gets_its_message_at_its_new_address() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let group = site.bot.create_group("Nhóm bán hàng", &[100_002, MANAGER]).unwrap();
    site.bot.add_bot(group, MANAGER, None).unwrap();
    site.reconfigure("telegram = 100002", &format!("telegram = {group}"));
    let daemon = site.start_and_read().await;
    let moved = site.bot.migrate(group).unwrap();
    for (n, name) in ["Bùi Thị Nhất", "Bùi Thị Nhì"].into_iter().enumerate() {
        site.add_customer(&[("Họ tên", name), ("SĐT", &format!("'09370000{n:02}")), ("NV phụ trách", "Thu Hà")]);
        until("the alert", || site.told_of(moved, name) == 1).await;
        daemon.nothing_left().await;
    }
    assert_eq!(site.told_of(MANAGER, "Bùi"), 0, "nobody else had to hear of it");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn telegram_that_fails_for_a_moment_is_no_loss() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let daemon = site.start_and_read().await;
    site.bot.fault(BotFault::status("sendMessage", 502, "Bad Gateway").next(2));
    site.add_customer(&AN);
    daemon.status_where("Telegram is down", |status| status["channels"][1]["ok"] == false).await;
    until("the alert", || site.told_of(100_000, "Nguyễn Văn An") == 1).await;
    daemon.nothing_left().await;
    assert_eq!(site.told_of(100_000, "Nguyễn Văn An"), 1);
    daemon.stop();
}
