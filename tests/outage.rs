//! What fails out there, and here: Google, the mail server, Telegram, the disk. Nothing is lost, nothing is sent
//! twice, the right people are told once, and it goes on by itself when it is over.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod black_box;

use std::sync::Arc;
use std::time::{Duration, Instant};

use black_box::{AN, BINH, MANAGER, RULES, SOON, Site, mail_options, until};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sheetbridge::commands::Request;
use sheetbridge::config::{Config, Environment};
use sheetbridge::core::delivery::State;
use sheetbridge::core::facts::message::TroubleFacts;
use sheetbridge::core::message::{Message, MessageKey, Recipient, Wanted};
use sheetbridge::core::rule::Channel;
use sheetbridge::courier::email::{EmailCourier, Security, SmtpSettings};
use sheetbridge::courier::telegram::TelegramCourier;
use sheetbridge::health::Health;
use sheetbridge::outbox::Outbox;
use sheetbridge::render::{self, Language, Templates};
use sheetbridge::roster::Roster;
use sheetbridge::sandbox::google::{CellEdit, Effect, Fault as GoogleFault};
use sheetbridge::sandbox::smtp::{Fault, SmtpSandbox, Stage};
use sheetbridge::sandbox::telegram::Fault as BotFault;
use sheetbridge::store::{Group, Store, keys, ledger};
use sheetbridge::telegram::{Client, TelegramSettings};
use tokio_util::sync::CancellationToken;

fn failing(status: &Value) -> Option<&str> {
    status["workbooks"][0]["failing"].as_str()
}

// ---------------------------------------------------------------------------------------------- Google

#[tokio::test(flavor = "multi_thread")]
async fn whatever_google_answers_nothing_changes_and_it_goes_on_by_itself() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let daemon = site.start_and_read().await;
    let effects = [
        Effect::Status {
            status: 500,
            retry_after_s: None,
        },
        Effect::Status {
            status: 429,
            retry_after_s: None,
        },
        Effect::Truncate {
            keep_bytes: None,
            chunked: false,
        },
        Effect::Truncate {
            keep_bytes: None,
            chunked: true,
        },
        Effect::Garbage {
            body: None,
            status: None,
        },
        Effect::Reset,
    ];
    for (n, effect) in effects.into_iter().enumerate() {
        let name = [
            "Lê Văn Một",
            "Lê Văn Hai",
            "Lê Văn Ba",
            "Lê Văn Tư",
            "Lê Văn Năm",
            "Lê Văn Sáu",
        ][n];
        site.google
            .add_fault(GoogleFault::always("batchGet", effect.clone()));
        site.add_customer(&[
            ("Họ tên", name),
            ("SĐT", &format!("'09350000{n:02}")),
            ("NV phụ trách", "Thu Hà"),
        ]);
        let status = daemon
            .status_where("the trouble", |status| failing(status).is_some())
            .await;
        assert_eq!(
            status["customers"],
            1 + n,
            "{effect:?} changes nothing: {status:#}"
        );
        assert!(status["workbooks"][0]["lag_s"].is_number(), "{status:#}");
        assert_eq!(site.told_of(100_002, name), 0);
        site.google.clear_faults();
        if n > 0 {
            // The first time it goes on by itself; afterwards an admin does not want to wait.
            let _ = daemon.ask(&Request::Sync { dry_run: false }).await;
        }
        daemon
            .status_where("its end", |status| failing(status).is_none())
            .await;
        until("the alert", || site.told_of(100_002, name) == 1).await;
    }
    assert!(
        site.told(MANAGER).is_empty(),
        "what passes by itself is nobody's business: {:?}",
        site.told(MANAGER)
    );
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn google_is_asked_less_and_less_while_it_fails() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let daemon = site.start_and_read().await;
    // Google's own wish goes before ours, which would be 2 to 3 s.
    let asked = || site.google.request_count("batchGet");
    let before = asked();
    site.google.add_fault(GoogleFault::next(
        "batchGet",
        Effect::Status {
            status: 429,
            retry_after_s: Some(6),
        },
    ));
    until("the refused question", || {
        asked() > before && site.google.faults().is_empty()
    })
    .await;
    let (before, begun) = (asked(), Instant::now());
    until("the one after it", || asked() > before).await;
    assert!(
        begun.elapsed() >= Duration::from_millis(5_500),
        "{:?}",
        begun.elapsed()
    );
    daemon
        .status_where("its end", |status| failing(status).is_none())
        .await;
    // Waits of 2 and 4 s, each with up to a second of jitter: the third question comes 6 to 8 s after the first failure.
    site.google.add_fault(GoogleFault::always(
        "batchGet",
        Effect::Status {
            status: 503,
            retry_after_s: None,
        },
    ));
    daemon
        .status_where("the trouble", |status| failing(status).is_some())
        .await;
    let (before, begun) = (asked(), Instant::now());
    until("two more questions", || asked() >= before + 2).await;
    assert!(
        begun.elapsed() >= Duration::from_millis(5_500),
        "two questions in {:?}: that is no backing off",
        begun.elapsed()
    );
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_that_is_no_longer_shared_is_told_of_once_with_the_address_to_share_it_with() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let daemon = site.start_and_read().await;
    site.google.add_fault(GoogleFault::always(
        "spreadsheets",
        Effect::Status {
            status: 403,
            retry_after_s: None,
        },
    ));
    let status = daemon
        .status_where("the trouble", |status| failing(status).is_some())
        .await;
    let account = site.google.key_json()["client_email"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(failing(&status).unwrap().contains(&account), "{status:#}");
    assert_eq!(status["ok"], false);
    until("the managers hear of it", || {
        site.told_of(MANAGER, &account) == 1
    })
    .await;
    // `sync` asks again at once; that is the same trouble.
    for _ in 0..3 {
        let _ = daemon.ask(&Request::Sync { dry_run: false }).await;
    }
    daemon.nothing_left().await;
    assert_eq!(
        site.told(MANAGER).len(),
        1,
        "once: {:?}",
        site.told(MANAGER)
    );
    site.google.clear_faults();
    // A person who has mended it need not wait for the next look.
    let _ = daemon.ask(&Request::Sync { dry_run: false }).await;
    daemon
        .status_where("its end", |status| failing(status).is_none())
        .await;
    assert_eq!(site.told(MANAGER).len(), 1);
    daemon.stop();

    // A workbook that is not there at all.
    site.google.remove_workbook(&site.workbook.clone());
    let daemon = site.start();
    let status = daemon
        .status_where("the trouble", |status| failing(status).is_some())
        .await;
    assert!(
        failing(&status).unwrap().contains(&site.workbook),
        "{status:#}"
    );
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
            (
                "Họ tên",
                [
                    "Võ Văn An",
                    "Võ Văn Bình",
                    "Võ Văn Cường",
                    "Võ Văn Dung",
                    "Võ Văn Em",
                    "Võ Văn Giang",
                ][n],
            ),
            ("Email", &format!("vo{n}@example.com")),
            ("Giai đoạn", "Khách hàng tiềm năng"),
            ("NV phụ trách", "Thu Hà"),
        ]);
    }
    let status = daemon
        .status_where("mail is down", |status| {
            status["channels"][0]["ok"] == false && status["queue"]["queued"] == 7
        })
        .await;
    assert!(
        status["channels"][0]["why"]
            .as_str()
            .unwrap()
            .contains("refused"),
        "{status:#}"
    );
    until("alerts go on", || {
        site.told_of(100_000, "Nguyễn Văn An") == 1
    })
    .await;
    // Only some were tried; nobody's try counts.
    let tried = daemon
        .outbox()
        .await
        .iter()
        .filter(|line| line["channel"] == "email" && line["attempts"] != 0)
        .count();
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
    site.smtp.fault(
        Fault::reply(Stage::Rcpt, 451, "4.7.1 Greylisted, try again later").to("grey@example.com"),
    );
    // There is no such mailbox.
    site.smtp.fault(
        Fault::reply(Stage::Rcpt, 550, "5.1.1 No such user")
            .to("gone@example.com")
            .endless(),
    );
    // The server does not like us.
    site.smtp.fault(
        Fault::reply(Stage::Body, 550, "5.7.1 Message rejected as spam")
            .to("strict@example.com")
            .endless(),
    );
    let lead = |name: &str, mail: &str| {
        site.add_customer(&[
            ("Họ tên", name),
            ("Email", mail),
            ("Giai đoạn", "Khách hàng tiềm năng"),
            ("NV phụ trách", "Thu Hà"),
        ])
    };
    lead("Đỗ Thị Xám", "grey@example.com");
    let gone = lead("Đỗ Thị Mất", "gone@example.com");
    lead("Đỗ Thị Hay", "fine@example.com");
    until("the others go on", || {
        site.mails_to("fine@example.com") == 1
    })
    .await;
    // It stops the rule towards customers, so it comes last.
    lead("Đỗ Thị Khó", "strict@example.com");
    let line = daemon
        .message_where("welcome", |line| {
            line["why"]
                .as_str()
                .is_some_and(|why| why.contains("4.7.1"))
        })
        .await;
    assert_eq!(
        (&line["state"], &line["attempts"]),
        (&json!("queued"), &json!(1)),
        "{line}"
    );
    let line = daemon
        .message_where("welcome", |line| {
            line["why"]
                .as_str()
                .is_some_and(|why| why.contains("5.1.1"))
        })
        .await;
    assert_eq!(line["state"], "rejected");
    let line = daemon
        .message_where("welcome", |line| {
            line["why"]
                .as_str()
                .is_some_and(|why| why.contains("5.7.1"))
        })
        .await;
    assert_eq!(line["state"], "rejected");
    until("the managers hear of 5.7.1", || {
        site.told_of(MANAGER, "5.7.1") == 1
    })
    .await;
    // The second mail to the address that is gone is not even tried.
    site.type_all(vec![CellEdit::typed(gone, "Giai đoạn", "Đã đặt cọc")]);
    let line = daemon
        .message_where("paid", |line| line["state"] == "cancelled")
        .await;
    assert!(
        line["why"].as_str().unwrap().contains("takes no mail"),
        "{line}"
    );
    daemon.stop();
    assert_eq!(site.smtp.messages().len(), 1);
}

// ---------------------------------------------------------------------------------------------- Telegram

#[tokio::test(flavor = "multi_thread")]
async fn one_chat_that_is_too_fast_or_dead_does_not_hold_up_the_others() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let daemon = site.start_and_read().await;
    // What the bot answers to their /start is not what is to be refused.
    let is_answered = |chat| site.bot.messages(chat).iter().any(|said| said.from_bot);
    until("the bot's first answers", || {
        [100_000, 100_001].into_iter().all(is_answered)
    })
    .await;
    site.bot
        .fault(BotFault::too_many("sendMessage", 4).to(100_000));
    site.bot.block(100_001).unwrap();
    let lead = |n: usize, name: &str, owner: &str| {
        site.add_customer(&[
            ("Họ tên", name),
            ("SĐT", &format!("'09360000{n:02}")),
            ("NV phụ trách", owner),
        ])
    };
    lead(1, "Hồ Văn Nhanh", "Lan Anh");
    lead(2, "Hồ Văn Chặn", "Minh Tuấn");
    lead(3, "Hồ Văn Thường", "Thu Hà");
    until("the others go on", || {
        site.told_of(100_002, "Hồ Văn Thường") == 1
    })
    .await;
    // Blocked: the message is passed on, and the managers hear how to bind the chat again.
    until("passed on", || site.told_of(MANAGER, "Hồ Văn Chặn") == 1).await;
    until("the mend", || {
        site.told_of(MANAGER, "sheetbridge invite") >= 1
    })
    .await;
    daemon
        .message_where("lead-alert", |line| {
            line["state"] == "queued" && line["why"].as_str().is_some_and(|why| why.contains("429"))
        })
        .await;
    until("the slow one", || {
        site.told_of(100_000, "Hồ Văn Nhanh") == 1
    })
    .await;
    daemon.nothing_left().await;
    let unbound = daemon.ask(&Request::Status).await.unwrap()["unbound"].to_string();
    assert!(unbound.contains("Minh Tuấn"), "{unbound}");
    // The next one does not knock at the dead chat.
    let sent = || {
        site.bot
            .calls()
            .iter()
            .filter(|(method, _)| method.eq_ignore_ascii_case("sendMessage"))
            .map(|(_, times)| times)
            .sum::<u64>()
    };
    let before = sent();
    lead(4, "Hồ Văn Tiếp", "Minh Tuấn");
    until("passed on at once", || {
        site.told_of(MANAGER, "Hồ Văn Tiếp") == 1
    })
    .await;
    daemon.nothing_left().await;
    assert_eq!(sent() - before, 1);
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_moved_gets_its_message_at_its_new_address() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let group = site
        .bot
        .create_group("Nhóm bán hàng", &[100_002, MANAGER])
        .unwrap();
    site.bot.add_bot(group, MANAGER, None).unwrap();
    site.reconfigure("telegram = 100002", &format!("telegram = {group}"));
    let daemon = site.start_and_read().await;
    let moved = site.bot.migrate(group).unwrap();
    for (n, name) in ["Bùi Thị Nhất", "Bùi Thị Nhì"].into_iter().enumerate() {
        site.add_customer(&[
            ("Họ tên", name),
            ("SĐT", &format!("'09370000{n:02}")),
            ("NV phụ trách", "Thu Hà"),
        ]);
        until("the alert", || site.told_of(moved, name) == 1).await;
        daemon.nothing_left().await;
    }
    assert_eq!(
        site.told_of(MANAGER, "Bùi"),
        0,
        "nobody else had to hear of it"
    );
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn telegram_that_fails_for_a_moment_is_no_loss() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let daemon = site.start_and_read().await;
    site.bot
        .fault(BotFault::status("sendMessage", 502, "Bad Gateway").next(1));
    site.add_customer(&AN);
    daemon
        .status_where("Telegram is down", |status| {
            status["channels"][1]["ok"] == false
        })
        .await;
    until("the alert", || site.told_of(100_000, "Nguyễn Văn An") == 1).await;
    daemon.nothing_left().await;
    assert_eq!(site.told_of(100_000, "Nguyễn Văn An"), 1);
    daemon.stop();
}

// ------------------------------------------------------------------------- Telegram is out of reach

/// An outbox over the site's store and real couriers, with a health that says since when Telegram is down.
async fn outbox_of(site: &Site, health: Health) -> (Outbox, Roster) {
    let names = render::shipped_names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let nothing = Environment::of(std::iter::empty::<(String, String)>());
    let config = Arc::new(Config::load(&site.config_path(), &nothing, &names).unwrap());
    let store = Store::open(&site.state_dir()).unwrap();
    let roster = Roster::new(Arc::clone(&config), store);
    let email = config.email.as_ref().unwrap();
    let mut smtp = SmtpSettings::new(email.smtp.host.clone(), email.smtp.port, Security::Plain);
    smtp.username.clone_from(&email.username);
    smtp.password.clone_from(&email.password);
    let settings = TelegramSettings {
        token: config.telegram.as_ref().unwrap().token.clone(),
        api_url: Some(site.bot.base_url()),
        proxy: None,
    };
    let telegram = TelegramCourier::new(Client::new(&settings).unwrap());
    let templates = Arc::new(Templates::load(None, Language::Vietnamese).unwrap());
    let outbox = Outbox::new(
        roster.clone(),
        templates,
        Some(Arc::new(EmailCourier::new(smtp))),
        Some(Arc::new(telegram)),
        health,
    );
    (outbox, roster)
}

/// A message to a manager that speaks of no customer.
fn to_manager(rule: &str, template: &str, name: &str, event: Value, now: Timestamp) -> Message {
    Message {
        key: MessageKey::new(rule, 1, None, &format!("managers:{name}"), "2026-11-21"),
        rule: rule.into(),
        step: 1,
        record: None,
        to: Recipient::Staff(name.into()),
        channel: Channel::Telegram,
        otherwise: Vec::new(),
        template: template.into(),
        event,
        ad: false,
        urgent: true,
        held_until: None,
        wanted: Wanted::Always,
        created: now,
        due: now,
        expires: now + SignedDuration::from_hours(72),
        state: State::Queued,
        why: String::new(),
        frozen: None,
        attempts: Vec::new(),
        hands: Vec::new(),
        trial: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_quarter_of_an_hour_without_telegram_the_mailbox_for_alerts_hears_once_for_all_managers()
 {
    let site = Site::open(&[&BINH], RULES).await;
    site.reconfigure(
        "name = \"Quốc Bảo\"",
        "name = \"Quốc Bảo\"\nrole = \"manager\"",
    );
    site.bot.fault(BotFault::reset("*").endless());
    let now: Timestamp = "2026-11-21T02:00:00Z".parse().unwrap();
    let health = Health::new(now, "0", false);
    let (outbox, roster) = outbox_of(&site, health.clone()).await;
    let mut group = Group::default();
    let trouble = json!({ "trouble": TroubleFacts {
        service: "google".into(), over: false, detail: Some("chưa chia sẻ".into()), mend: None, since: Some("2026-11-21T08:00".into()), waiting: 0 } });
    for manager in ["Hà Phạm", "Quốc Bảo"] {
        for message in [
            to_manager("trouble", "trouble", manager, trouble.clone(), now),
            to_manager("morning", "digest-daily", manager, Value::Null, now),
        ] {
            assert!(ledger::queue(roster.store(), &mut group, &message).unwrap());
        }
    }
    roster.store().commit(vec![group]).unwrap();
    let stop = CancellationToken::new();
    let passes = async |minutes: i64| {
        let at = now + SignedDuration::from_mins(minutes);
        for _ in 0..4 {
            for channel in [Channel::Telegram, Channel::Email] {
                outbox.pass(channel, at, &stop).await.unwrap();
            }
        }
    };
    health.channel_down(Channel::Telegram, now, "connection refused");
    passes(0).await;
    passes(14).await;
    assert_eq!(site.smtp.messages().len(), 0, "patience");
    passes(16).await;
    assert_eq!(
        site.mails_to("quantri@congty.example"),
        2,
        "the trouble and the digest, once each"
    );
    assert_eq!(site.smtp.messages().len(), 2);
    let mut subjects: Vec<String> = site
        .smtp
        .messages()
        .iter()
        .map(|mail| mail.view().subject)
        .collect();
    subjects.sort();
    println!("{subjects:?}");
    // What speaks of a customer to a colleague without another way waits, and goes when Telegram is back.
    let mut group = Group::default();
    let mut waits = to_manager("note", "trouble", "Lan Anh", trouble, now);
    waits.due = now + SignedDuration::from_mins(16);
    ledger::queue(roster.store(), &mut group, &waits).unwrap();
    roster.store().commit(vec![group]).unwrap();
    passes(17).await;
    site.bot.clear_faults();
    health.channel_well(Channel::Telegram, now + SignedDuration::from_mins(30));
    // The bot's pace is one of real time, and the first try may fall into a connection that died in the outage.
    let begun = Instant::now();
    while site.told(100_000).is_empty() && begun.elapsed() < SOON {
        passes(30 + i64::try_from(begun.elapsed().as_secs()).unwrap()).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let told = site.told(100_000).len();
    assert!((1..=2).contains(&told), "{told} times");
    assert!(
        site.told(MANAGER).is_empty(),
        "what the mailbox has heard is not said again"
    );
}

// ---------------------------------------------------------------------------------------------- disk

/// Ends with 74 and these words, and has sent nothing.
fn ends_with_74(site: &mut Site, words: &[&str]) {
    let (code, said) = site.run_to_end();
    assert_eq!(code, Some(74), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is missing in: {said}");
    }
    assert_eq!(site.smtp.messages().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_same_folder_is_refused() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let mut first = site.start_and_read().await;
    let folder = site.state_dir().display().to_string();
    ends_with_74(
        &mut site,
        &["another sheetbridge is using the state folder", &folder],
    );
    assert!(first.running());
    first.read_again(1).await;
    first.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_folder_that_cannot_be_used_is_named() {
    let mut site = Site::open(&[&BINH], RULES).await;
    // A file stands where the folder should be.
    std::fs::write(site.state_dir(), "not a folder").unwrap();
    let folder = site.state_dir().display().to_string();
    ends_with_74(&mut site, &[&folder, "cannot be used"]);
    std::fs::remove_file(site.state_dir()).unwrap();
    // A store of another version.
    {
        let store = Store::open(&site.state_dir()).unwrap();
        let mut newer = Group::default();
        newer.put(keys::under(keys::prefix::META, "format"), &7_u32);
        store.commit(vec![newer]).unwrap();
    }
    ends_with_74(
        &mut site,
        &[&folder, "has format 7", "run the version that wrote it"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_store_is_never_taken_for_a_new_one() {
    let mut site = Site::open(&[&BINH], RULES).await;
    site.start_and_read().await.stop();
    let db = site.state_dir().join("store/db");
    let length = usize::try_from(std::fs::metadata(&db).unwrap().len()).unwrap();
    std::fs::write(&db, vec![0xA5; length]).unwrap();
    site.add_customer(&AN);
    let folder = site.state_dir().display().to_string();
    ends_with_74(
        &mut site,
        &[
            &folder,
            "restore a backup",
            "starting empty would forget what was sent",
        ],
    );
    // Somebody took the store away, and left the rest.
    std::fs::remove_dir_all(site.state_dir().join("store")).unwrap();
    ends_with_74(&mut site, &[&folder, "restore a backup"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_it_with_74_and_what_was_written_is_whole() {
    let mut site = Site::open(&[&BINH], RULES).await;
    // No file may grow beyond 1 MB; a write beyond is an error like that of a full disk.
    let config = site.config_path();
    let mut daemon = std::process::Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 2048; exec \"$0\" run --config \"$1\"",
            env!("CARGO_BIN_EXE_sheetbridge"),
        ])
        .arg(&config)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Its log is no file, or it would be cut off as well.
    let log = daemon.stderr.take().unwrap();
    let log = std::thread::spawn(move || std::io::read_to_string(log).unwrap());
    let begun = Instant::now();
    let mut typed = 0;
    while daemon.try_wait().unwrap().is_none() {
        // Staff type row after row, and then over what they typed, until nothing more can be kept.
        let names = [
            "An", "Bình", "Cường", "Dung", "Hải", "Khoa", "Linh", "Mai", "Nam", "Oanh",
        ];
        let cells = (typed..typed + 100).flat_map(|n| {
            let at = 3 + n % 800;
            [
                CellEdit::typed(at, "Họ tên", &format!("Trịnh Văn {}", names[n % 10])),
                CellEdit::typed(at, "SĐT", &format!("'0988{n:06}")),
                CellEdit::typed(at, "NV phụ trách", "Thu Hà"),
            ]
        });
        site.type_all(cells.collect());
        typed += 100;
        let reads = site.google.request_count("batchGet");
        while daemon.try_wait().unwrap().is_none()
            && site.google.request_count("batchGet") == reads
            && begun.elapsed() < Duration::from_secs(55)
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if begun.elapsed() > Duration::from_secs(50) {
            daemon.kill().unwrap();
            panic!("{typed} rows fit in: {}", log.join().unwrap());
        }
    }
    let said = log.join().unwrap();
    assert_eq!(daemon.wait().unwrap().code(), Some(74), "{said}");
    println!("{typed} rows; {}", said.lines().last().unwrap_or_default());
    assert!(
        said.contains("the store failed") || said.contains("could not be synced"),
        "{said}"
    );
    // With room again it goes on, and nobody hears of anything twice.
    let daemon = site.start_and_read().await;
    daemon.read_again(2).await;
    daemon.stop();
    let ledger = site.ledger();
    // What gathers a flood is about no record of its own.
    for message in ledger
        .messages
        .iter()
        .filter(|message| message.state == State::Delivered && message.record.is_some())
    {
        assert!(
            ledger
                .records
                .iter()
                .any(|record| message.record.as_ref() == Some(&record.id)),
            "{}",
            message.key
        );
    }
}

// ---------------------------------------------------------------------------------------------- trial

const TRIAL: &str = "[trial]\nredirect_all_to = \"thu@queenland.example\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_reaches_no_customer_and_uses_up_nothing() {
    let more = "[[rule]]\nid = \"paid\"\non = { stage = \"deposited\" }\nsend = { channel = \"email\", to = \"customer\", template = \"thank-you\", hold = \"1s\" }\n\
                [[rule]]\nid = \"late\"\non = { idle = \"consulting\", after = \"2s\", every = \"2s\", times = 500 }\nsend = { channel = \"email\", to = \"customer\", template = \"birthday\" }\n";
    let mut site = Site::open(
        &[
            &BINH,
            &[
                "Phan Thị Cọc",
                "'0945000001",
                "coc@example.com",
                "Đang tư vấn",
                "Thu Hà",
            ],
        ],
        &format!("{RULES}{more}"),
    )
    .await;
    let real = site.config_text();
    site.write_config(&real.replace("[settle]", &format!("{TRIAL}[settle]")));
    let daemon = site.start_and_read().await;
    daemon
        .status_where("it says that it is a trial", |status| {
            status["trial"] == true
        })
        .await;
    site.add_customer(&AN);
    site.type_all(vec![CellEdit::typed(3, "Giai đoạn", "Đã đặt cọc")]);
    until("the alert, unchanged", || {
        site.told_of(100_000, "Nguyễn Văn An") == 1
    })
    .await;
    for (name, address) in [
        ("Nguyễn Văn An", "an.nguyen@example.com"),
        ("Phan Thị Cọc", "coc@example.com"),
        ("Trần Bình", "binh@example.com"),
    ] {
        until("the mail to the mailbox", || {
            site.smtp
                .messages()
                .iter()
                .any(|mail| mail.view().subject.contains(&format!("{name} <{address}>")))
        })
        .await;
    }
    // What still waits when the trial ends reaches nobody.
    daemon
        .ask(&Request::Pause {
            what: "welcome".into(),
        })
        .await
        .unwrap();
    site.add_customer(&[
        ("Họ tên", "Đặng Thị Chờ"),
        ("Email", "cho@example.com"),
        ("Giai đoạn", "mới"),
        ("NV phụ trách", "Thu Hà"),
    ]);
    daemon
        .message_where("welcome", |line| {
            line["why"]
                .as_str()
                .is_some_and(|why| why.starts_with("paused"))
        })
        .await;
    let mailbox = |site: &Site| site.mails_to("thu@queenland.example");
    assert_eq!(
        mailbox(&site),
        site.smtp.messages().len(),
        "nothing reached a customer"
    );
    let trial = daemon.outbox().await;
    assert!(
        trial
            .iter()
            .all(|line| line["key"].as_str().unwrap().starts_with("trial:")),
        "{trial:#?}"
    );

    // The trial is over.
    site.write_config(&real);
    daemon.signal(rustix::process::Signal::HUP);
    daemon
        .status_where("its end", |status| status["trial"] == false)
        .await;
    daemon
        .ask(&Request::Resume {
            what: "welcome".into(),
        })
        .await
        .unwrap();
    daemon
        .message_where("welcome", |line| {
            line["state"] == "cancelled"
                && line["why"]
                    .as_str()
                    .is_some_and(|why| why.contains("trial"))
        })
        .await;
    until("what comes with time comes for real", || {
        site.mails_to("binh@example.com") >= 1
    })
    .await;
    daemon.read_again(3).await;
    for address in [
        "an.nguyen@example.com",
        "coc@example.com",
        "cho@example.com",
    ] {
        assert_eq!(
            site.mails_to(address),
            0,
            "{address}: what happened in the trial does not happen again by itself"
        );
    }
    // But a new entry into the stage counts.
    site.type_all(vec![CellEdit::typed(2, "Giai đoạn", "Đã đặt cọc")]);
    daemon
        .message_where("paid", |line| {
            line["key"]
                .as_str()
                .is_some_and(|key| key.starts_with("paid/"))
                && line["state"] == "delivered"
        })
        .await;
    daemon.stop();
}
