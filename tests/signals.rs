//! What systemd and the admin tell the daemon: SIGTERM, SIGINT, SIGHUP, readiness, the watchdog; and what is
//! said to it over the control socket while it runs.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod black_box;

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use black_box::{AN, BINH, MANAGER, RULES, Site, cli, until};
use rustix::process::Signal;
use serde_json::Value;
use sheetbridge::commands::Request;
use sheetbridge::core::delivery::State;
use sheetbridge::sandbox::google::CellEdit;
use sheetbridge::sandbox::google::{Effect, Fault as GoogleFault};
use sheetbridge::sandbox::smtp::{Fault, Stage};

/// SIGTERM ends within 10 s, whatever happens.
const PROMISED: Duration = Duration::from_secs(10);

fn deposited() -> Vec<CellEdit> {
    vec![CellEdit::typed(2, "Giai đoạn", "Đã đặt cọc")]
}

/// The allocator reads it once, at the start of the process: `run` begins anew with it, unless somebody has chosen.
#[tokio::test(flavor = "multi_thread")]
async fn the_allocator_gives_memory_back_soon_unless_told_otherwise() {
    let mut site = Site::open(&[&BINH], RULES).await;
    for (told, expect) in [(None, "2"), (Some("10"), "10")] {
        let daemon = site.start_with(|command| {
            command.envs(told.map(|told| ("MIMALLOC_PURGE_DELAY", told)));
        });
        daemon.read_again(1).await;
        let environment = match std::fs::read(format!("/proc/{}/environ", daemon.pid())) {
            Ok(environment) => environment,
            // It is no one's to look into but root's.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => return,
            Err(error) => panic!("{error}"),
        };
        let expect = format!("MIMALLOC_PURGE_DELAY={expect}");
        let mut variables = environment.split(|byte| *byte == 0);
        assert!(
            variables.any(|one| one == expect.as_bytes()),
            "{}",
            String::from_utf8_lossy(&environment)
        );
        daemon.kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_hand_is_finished_before_the_end() {
    for (signal, answer_s) in [(Signal::TERM, 3), (Signal::INT, 1)] {
        let mut site = Site::open(&[&BINH], RULES).await;
        let mut daemon = site.start_and_read().await;
        site.smtp
            .fault(Fault::delay(Stage::AfterDot, Duration::from_secs(answer_s)));
        site.add_customer(&AN);
        daemon
            .message_where("welcome", |line| line["state"] == "in_flight")
            .await;
        let begun = Instant::now();
        daemon.signal(signal);
        let status = daemon.ended_within(PROMISED + Duration::from_secs(2));
        assert_eq!(status.code(), Some(0), "{signal:?}: {}", daemon.log());
        assert!(
            begun.elapsed() < PROMISED,
            "{signal:?}: {:?}",
            begun.elapsed()
        );
        drop(daemon);
        assert_eq!(site.mails_to("an.nguyen@example.com"), 1);
        let ledger = site.ledger();
        assert_eq!(
            ledger.of_rule("welcome").state,
            State::Delivered,
            "{:?}",
            ledger.lines()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_in_eight_seconds_is_in_doubt_and_a_silent_client_holds_nothing_up() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let mut daemon = site.start_and_read().await;
    site.smtp
        .fault(Fault::delay(Stage::AfterDot, Duration::from_secs(30)));
    site.add_customer(&AN);
    daemon
        .message_where("welcome", |line| line["state"] == "in_flight")
        .await;
    // A client that asks nothing, and Google that answers nothing any more, must not keep it either.
    site.google
        .add_fault(GoogleFault::always("", Effect::Delay { ms: 60_000 }));
    let _silent =
        tokio::net::UnixStream::connect(sheetbridge::control::socket_path(&site.state_dir()))
            .await
            .unwrap();
    let begun = Instant::now();
    daemon.signal(Signal::TERM);
    let status = daemon.ended_within(PROMISED + Duration::from_secs(2));
    assert_eq!(status.code(), Some(0), "{}", daemon.log());
    assert!(begun.elapsed() < PROMISED, "{:?}", begun.elapsed());
    assert!(
        begun.elapsed() > Duration::from_secs(7),
        "it waits for what is on its way: {:?}",
        begun.elapsed()
    );
    drop(daemon);
    let ledger = site.ledger();
    let welcome = ledger.of_rule("welcome");
    assert_eq!(welcome.state, State::InDoubt, "{:?}", ledger.lines());
    assert!(
        welcome.why.contains("stopped while it was on its way"),
        "{}",
        welcome.why
    );
    assert_eq!(ledger.flying, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_mail_server_keeps_no_alert_from_its_chat() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let daemon = site.start_and_read().await;
    site.smtp
        .fault(Fault::delay(Stage::AfterDot, Duration::from_secs(30)).endless());
    site.add_customer(&AN);
    daemon
        .message_where("welcome", |line| line["state"] == "in_flight")
        .await;
    site.add_customer(&[
        ("Họ tên", "Lê Thị Bích"),
        ("SĐT", "'0933333333"),
        ("NV phụ trách", "Thu Hà"),
    ]);
    until("the alert", || site.told_of(100_002, "Lê Thị Bích") == 1).await;
    let line = daemon.message_where("welcome", |_| true).await;
    assert_eq!(
        line["state"], "in_flight",
        "the mail still waits for its answer"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_changes_all_or_nothing() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let daemon = site.start_and_read().await;
    // What waits of a rule that is about to be removed.
    daemon
        .ask(&Request::Pause { what: "all".into() })
        .await
        .unwrap();
    site.add_customer(&AN);
    daemon
        .message_where("welcome", |line| {
            line["why"]
                .as_str()
                .is_some_and(|why| why.starts_with("paused"))
        })
        .await;

    // A broken one: the old one stays, and says why with file and line.
    let good = site.config_text();
    site.write_config(&good.replace("[guard]\nmessages = 500", "[guard]\nmessages = \"viele\""));
    let line = 1 + site
        .config_text()
        .lines()
        .position(|line| line.contains("viele"))
        .unwrap();
    daemon.signal(Signal::HUP);
    let status = daemon
        .status_where("the refusal", |status| status["reload_refused"].is_string())
        .await;
    let place = format!("sheetbridge.toml:{line}:");
    let why = status["reload_refused"].as_str().unwrap();
    assert!(why.contains(&place), "{why}");
    assert_eq!(status["ok"], false, "{status:#}");
    assert!(daemon.log().contains(&place), "{}", daemon.log());
    assert!(
        daemon.log().contains("the old one stays in force"),
        "{}",
        daemon.log()
    );
    let (_, said, _) = cli(&site.config_path(), &["status"]);
    assert!(
        said.is_empty() || said.contains("The last reload was refused"),
        "{said}"
    );

    // A good one: a removed rule's queue is cancelled, a new rule is in force, and says nothing of old rows.
    let rules = good.find("[[rule]]\nid = \"welcome\"").unwrap();
    let without = &good[..rules];
    let alert = &good[good.find("[[rule]]\nid = \"lead-alert\"").unwrap()..];
    let new = "[[rule]]\nid = \"paid\"\non = { stage = \"deposited\" }\nsend = { channel = \"telegram\", to = \"managers\", template = \"deposited\" }\n\
               [[rule]]\nid = \"late\"\non = { idle = \"consulting\", after = \"1h\", every = \"1h\", times = 3 }\nsend = { channel = \"telegram\", to = \"managers\", template = \"idle\" }\n\
               [[rule]]\nid = \"hello\"\non = \"added\"\nsend = { channel = \"telegram\", to = \"managers\", template = \"lead-alert\" }\n";
    site.write_config(&format!("{without}{alert}{new}"));
    daemon.signal(Signal::HUP);
    daemon
        .status_where("the reload", |status| status["reload_refused"].is_null())
        .await;
    let gone = daemon
        .message_where("welcome", |line| line["state"] == "cancelled")
        .await;
    assert!(
        gone["why"].as_str().unwrap().contains("rule was removed"),
        "{gone}"
    );
    daemon
        .ask(&Request::Resume { what: "all".into() })
        .await
        .unwrap();
    daemon.read_again(2).await;
    daemon.nothing_left().await;
    assert_eq!(
        site.told(MANAGER).len(),
        0,
        "nothing of rows that were there: {:?}",
        site.told(MANAGER)
    );
    assert_eq!(site.told_of(100_000, "Nguyễn Văn An"), 1);
    site.type_all(deposited());
    until("the new rule fires", || {
        site.told_of(MANAGER, "Trần Bình") == 1
    })
    .await;
    assert_eq!(site.smtp.messages().len(), 0);

    // A rule of the same id keeps its occasions.
    site.write_config(&good);
    daemon.signal(Signal::HUP);
    until("the second reload", || {
        daemon.log().matches("configuration reloaded").count() == 2
    })
    .await;
    daemon.read_again(3).await;
    assert_eq!(
        site.smtp.messages().len(),
        0,
        "welcome came back, and the one cancelled with it does not"
    );

    // A changed secret takes effect at the next start, and says so.
    site.secret("token.txt", "123456:TEST-another-token-abcdefghijklmnopq");
    daemon.signal(Signal::HUP);
    let status = daemon
        .status_where("the restart", |status| {
            status["restart_needed"] != serde_json::json!([])
        })
        .await;
    assert_eq!(
        status["restart_needed"],
        serde_json::json!(["`token` in [telegram]"])
    );
    daemon.stop();
}

/// What systemd was told so far.
fn told_systemd(socket: &UnixDatagram, sofar: &mut Vec<String>) {
    let mut buffer = [0; 4096];
    while let Ok(length) = socket.recv(&mut buffer) {
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        sofar.extend(text.lines().map(String::from));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_that_it_is_ready_before_any_answer_and_that_it_is_alive() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let path = site.dir.path().join("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    // Nobody out there answers.
    site.google
        .add_fault(GoogleFault::always("", Effect::Delay { ms: 120_000 }));
    site.bot.fault(
        sheetbridge::sandbox::telegram::Fault::delay("*", Duration::from_secs(120)).endless(),
    );
    let mut daemon = site.start_with(|command| {
        command
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "20000000");
    });
    let mut told = Vec::new();
    let mut wait_for = async |what: &str| {
        let begun = Instant::now();
        while !told.iter().any(|line: &String| line.starts_with(what)) {
            told_systemd(&socket, &mut told);
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "no {what}: {told:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    wait_for("READY=1").await;
    wait_for("STATUS=no workbook read yet").await;
    wait_for("WATCHDOG=1").await;
    site.google.clear_faults();
    daemon.signal(Signal::HUP);
    wait_for("RELOADING=1").await;
    wait_for("MONOTONIC_USEC=").await;
    let begun = Instant::now();
    daemon.signal(Signal::TERM);
    wait_for("STOPPING=1").await;
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "it is said at the beginning of the end: {:?}",
        begun.elapsed()
    );
    // A second signal would end it on the spot.
    assert_eq!(
        daemon.ended_within(Duration::from_secs(20)).code(),
        Some(0),
        "{}",
        daemon.log()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_can_be_stopped_and_started_by_part_and_says_who_did_it() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let daemon = site.start_and_read().await;
    let pause = async |what: &str| {
        daemon
            .ask(&Request::Pause { what: what.into() })
            .await
            .unwrap()
    };
    let resume = async |what: &str| {
        daemon
            .ask(&Request::Resume { what: what.into() })
            .await
            .unwrap()
    };
    let waits = |line: &Value| {
        line["state"] == "queued"
            && line["why"]
                .as_str()
                .is_some_and(|why| why.starts_with("paused"))
    };

    // One channel: the other goes on.
    pause("email").await;
    site.add_customer(&AN);
    daemon.message_where("welcome", waits).await;
    until("the alert goes", || {
        site.told_of(100_000, "Nguyễn Văn An") == 1
    })
    .await;
    let status = daemon
        .status_where("who did it", |status| {
            status["paused"][0]["what"] == "channel/email"
        })
        .await;
    assert_eq!(status["paused"][0]["by"], "the command line");
    let begun = Instant::now();
    assert_eq!(resume("email").await["due_now"], 1);
    until("the mail goes at once", || {
        site.mails_to("an.nguyen@example.com") == 1
    })
    .await;
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );

    // One rule, the other channel, and all.
    let lead = |row: u32, name: &str| {
        site.add_customer(&[
            ("Họ tên", name),
            ("SĐT", &format!("'09340000{row:02}")),
            ("Email", &format!("khach{row}@example.com")),
            ("Giai đoạn", "Khách hàng tiềm năng"),
            ("NV phụ trách", "Thu Hà"),
        ])
    };
    pause("welcome").await;
    lead(1, "Phạm Một");
    until("the alert goes", || site.told_of(100_002, "Phạm Một") == 1).await;
    daemon.message_where("welcome", waits).await;
    pause("telegram").await;
    pause("all").await;
    resume("welcome").await;
    lead(2, "Phạm Hai");
    daemon.message_where("lead-alert", waits).await;
    daemon.read_again(2).await;
    assert_eq!(
        (
            site.mails_to("khach1@example.com"),
            site.mails_to("khach2@example.com")
        ),
        (0, 0),
        "all is stopped still"
    );
    resume("all").await;
    until("the mails go", || {
        site.mails_to("khach1@example.com") == 1 && site.mails_to("khach2@example.com") == 1
    })
    .await;
    assert_eq!(
        site.told_of(100_002, "Phạm Hai"),
        0,
        "the channel is stopped still"
    );
    // A pause outlives the process.
    daemon.stop();
    let daemon = site.start_and_read().await;
    daemon.message_where("lead-alert", waits).await;
    daemon
        .ask(&Request::Resume {
            what: "telegram".into(),
        })
        .await
        .unwrap();
    until("the alert goes", || site.told_of(100_002, "Phạm Hai") == 1).await;
    daemon.nothing_left().await;
    daemon.stop();
    assert_eq!(site.smtp.messages().len(), 3);
}
