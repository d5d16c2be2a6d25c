//! The operator's commands, typed at the real binary, beside the daemon and without it; and what `explain` says,
//! compared with what the servers received.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod black_box;

use std::collections::BTreeSet;

use black_box::{AN, BINH, RULES, Site, cli, until};
use serde_json::Value;
use sheetbridge::sandbox::smtp::{Fault, Stage};

const ASK: &str = "preset = \"none\"\nin_doubt = \"ask\"\n";

/// A command that goes well: what it printed.
fn well(site: &Site, args: &[&str]) -> String {
    let (code, out, err) = cli(&site.config_path(), args);
    assert_eq!(code, Some(0), "{args:?}: {out}{err}");
    out
}

fn json(site: &Site, args: &[&str]) -> Value {
    let out = well(site, args);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

fn lines(site: &Site, args: &[&str]) -> Vec<Value> {
    let out = well(site, args);
    out.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A command that is refused: the exit code and all of what it said.
fn refused(site: &Site, args: &[&str], code: i32, said: &[&str]) {
    let (got, out, err) = cli(&site.config_path(), args);
    assert_eq!(got, Some(code), "{args:?}: {out}{err}");
    for text in said {
        assert!(err.contains(text), "{args:?}: no “{text}” in {err}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_is_asked_listed_and_answered_from_the_shell_beside_the_daemon_and_without_it() {
    let mut site = Site::open(&[&BINH], RULES).await;
    site.reconfigure("preset = \"none\"\n", ASK);
    let daemon = site.start_and_read().await;
    site.smtp.fault(Fault::keep_and_drop());
    site.add_customer(&AN);
    daemon
        .message_where("welcome", |line| line["state"] == "in_doubt")
        .await;
    until("the manager is asked", || {
        site.told_of(black_box::MANAGER, "chưa rõ đã tới hay chưa") == 1
    })
    .await;
    let doubtful = lines(&site, &["outbox", "list", "--state", "in_doubt", "--json"]);
    assert_eq!(doubtful.len(), 1);
    let id = doubtful[0]["id"].as_str().unwrap();
    let shown = well(&site, &["outbox", "show", &id[..8]]);
    for text in [
        "state     in_doubt: ",
        "to        a…@example.com by email",
        "about     Nguyễn Văn An (r-",
        "by the rule welcome, on a new customer: added",
        "  try       ",
        "somebody must say: `sheetbridge outbox resolve ",
    ] {
        assert!(shown.contains(text), "no “{text}” in {shown}");
    }
    refused(
        &site,
        &["outbox", "resolve", &id[..8]],
        2,
        &["--delivered|--again|--dead"],
    );
    let out = well(&site, &["outbox", "resolve", &id[..8], "--again"]);
    assert!(out.ends_with(": queued now\n"), "{out}");
    daemon
        .message_where("welcome", |line| line["state"] == "delivered")
        .await;
    assert_eq!(
        site.mails_to("an.nguyen@example.com"),
        2,
        "under the same Message-ID"
    );
    let ids: BTreeSet<_> = site
        .smtp
        .messages()
        .iter()
        .map(|mail| mail.view().message_id.clone())
        .collect();
    assert_eq!(ids.len(), 1);
    until("the question says so", || {
        site.told_of(black_box::MANAGER, "✔️ quản trị đã trả lời: gửi lại") == 1
    })
    .await;
    refused(
        &site,
        &["outbox", "retry", &id[..8]],
        1,
        &[
            "error: welcome/1/",
            "it was delivered, and nothing is ever sent twice",
        ],
    );
    daemon.stop();
    // Without the daemon the same store answers.
    let story = json(&site, &["outbox", "show", &id[..8], "--json"]);
    assert_eq!(story["state"], "delivered");
    assert_eq!(story["hands"][0]["by"], "the command line");
    assert_eq!(story["tries"].as_array().unwrap().len(), 2);
    refused(
        &site,
        &["outbox", "show", "nothing-like-it"],
        1,
        &["no message has \"nothing-like-it\" in its key"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_acted_on_only_when_that_is_agreed() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let daemon = site.start_and_read().await;
    well(&site, &["pause", "email"]);
    for n in 0..5 {
        site.add_customer(&[
            (
                "Họ tên",
                [
                    "Võ Văn An",
                    "Võ Văn Bình",
                    "Võ Văn Cường",
                    "Võ Văn Dung",
                    "Võ Văn Em",
                ][n],
            ),
            ("Email", &format!("vo{n}@example.com")),
            ("Giai đoạn", "Khách hàng tiềm năng"),
            ("NV phụ trách", "Thu Hà"),
        ]);
    }
    let waiting = [
        "outbox", "list", "--rule", "welcome", "--state", "queued", "--json",
    ];
    while lines(&site, &waiting).len() < 5 {
        daemon.read_again(1).await;
    }
    refused(
        &site,
        &["outbox", "cancel", "--rule", "welcome"],
        2,
        &[
            "error: 5 messages would be cancelled: 5 of welcome",
            "help: add --yes if that is meant",
        ],
    );
    refused(
        &site,
        &["outbox", "cancel"],
        2,
        &["no messages are named", "write their keys or ids"],
    );
    refused(
        &site,
        &["outbox", "cancel", "welcome/1", "--rule", "welcome"],
        2,
        &["keys and filters do not go together"],
    );
    refused(
        &site,
        &["outbox", "cancel", "--state", "dead", "--yes"],
        2,
        &["what is dead is not for this command: it acts on queued"],
    );
    let out = well(
        &site,
        &["outbox", "cancel", "--to", "vo0@example.com", "--yes"],
    );
    assert!(out.ends_with(": cancelled now\n"), "{out}");
    let acted = json(
        &site,
        &["outbox", "cancel", "--rule", "welcome", "--yes", "--json"],
    );
    assert_eq!(acted["done"].as_array().unwrap().len(), 4);
    refused(
        &site,
        &["outbox", "cancel", "--rule", "welcome", "--yes"],
        1,
        &[
            "no message that is queued fits",
            "with the same filters shows what does",
        ],
    );
    // What was cancelled is swept up only by its name.
    refused(
        &site,
        &["outbox", "retry", "--rule", "welcome", "--yes"],
        1,
        &["no message that is rejected or dead or expired fits"],
    );
    let out = well(
        &site,
        &[
            "outbox",
            "retry",
            "--state",
            "cancelled",
            "--rule",
            "welcome",
            "--yes",
        ],
    );
    assert_eq!(out, "5 messages sent again\n");
    well(&site, &["resume", "email"]);
    daemon.nothing_left().await;
    assert_eq!(site.smtp.messages().len(), 5);
    daemon.stop();
    let out = well(&site, &["outbox", "trial"]);
    assert_eq!(out, "No trial has kept anything from a customer.\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn suppressions_are_kept_from_the_shell() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let daemon = site.start_and_read().await;
    assert_eq!(
        well(&site, &["suppress", "list"]),
        "Nobody is suppressed.\n"
    );
    assert_eq!(
        well(
            &site,
            &[
                "suppress",
                "add",
                "an.nguyen@example.com",
                "--everything",
                "--why",
                "called"
            ]
        ),
        "nothing at all goes to a…@example.com any more\n"
    );
    site.add_customer(&AN);
    daemon
        .message_where("welcome", |line| line["state"] == "cancelled")
        .await;
    let listed = well(&site, &["suppress", "list"]);
    assert!(
        listed.contains("a…@example.com  everything  ")
            && listed.contains("the command line: called"),
        "{listed}"
    );
    let explained = well(&site, &["explain", "0901.234.567"]);
    assert!(
        explained.contains("! nothing at all goes to a…@example.com since "),
        "{explained}"
    );
    assert_eq!(
        well(&site, &["suppress", "remove", "an.nguyen@example.com"]),
        "a…@example.com may be written to again\n"
    );
    refused(
        &site,
        &["suppress", "remove", "an.nguyen@example.com"],
        1,
        &["nothing is suppressed for \"an.nguyen@example.com\": `sheetbridge suppress list`"],
    );
    refused(
        &site,
        &["suppress", "add", "An"],
        2,
        &["\"An\" is no e-mail address and no phone number"],
    );
    daemon.stop();
}

/// A small generator of our own, so that a seed means the same people on every machine (PCG's multiplier).
fn drawn(seed: &mut u64, below: u64) -> u64 {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % below
}

#[tokio::test(flavor = "multi_thread")]
async fn what_explain_says_was_sent_is_what_the_servers_received() {
    let mut site = Site::open(&[&BINH], RULES).await;
    let daemon = site.start_and_read().await;
    let mut seed = 20_261_122;
    // Few enough for each that their alerts come one by one.
    let owner = |n: usize| black_box::STAFF[n % 3];
    // Refused for good, later, lost after the dot, and unlike the prospects that the rule wants.
    let refuse = |text: &str, to: &str| {
        Fault::reply(Stage::Rcpt, 550, text)
            .to(to.to_owned())
            .endless()
    };
    let given = [
        "An", "Bình", "Cường", "Dung", "Giang", "Hà", "Khánh", "Lan", "Minh", "Nga", "Oanh", "Phúc",
    ];
    for (n, name) in given.iter().enumerate() {
        let address = format!("khach{n}@example.com");
        match drawn(&mut seed, 4) {
            0 => site.smtp.fault(refuse("5.1.1 No such user", &address)),
            1 => site.smtp.fault(Fault::keep_and_drop().to(address.clone())),
            _ => {}
        }
        let stage = if drawn(&mut seed, 4) == 0 {
            "Đang tư vấn"
        } else {
            "Khách hàng tiềm năng"
        };
        site.add_customer(&[
            ("Họ tên", &format!("Đặng Thị {name}")),
            ("SĐT", &format!("'09350000{n:02}")),
            ("Email", &address),
            ("Giai đoạn", stage),
            ("NV phụ trách", owner(n).1),
        ]);
    }
    daemon
        .status_where("all are read", |status| status["customers"] == 13)
        .await;
    daemon.read_again(3).await;
    daemon.nothing_left().await;
    let mut compared = 0;
    for (n, name) in given.iter().enumerate() {
        let who = format!("+84 935 0000 {n:02}");
        let explained = json(&site, &["explain", &who, "--json"]);
        let story = &explained["story"];
        assert_eq!(
            story["records"].as_array().unwrap().len(),
            1,
            "{explained:#}"
        );
        let address = format!("khach{n}@example.com");
        let received: BTreeSet<String> = site
            .smtp
            .messages()
            .iter()
            .filter(|mail| mail.to.contains(&address))
            .filter_map(|mail| mail.view().message_id.clone())
            .collect();
        let of_channel = |channel: &str| -> Vec<&Value> {
            let all = story["messages"].as_array().unwrap().iter();
            all.filter(|message| message["channel"] == channel)
                .collect()
        };
        let ids = |states: &[&str]| -> BTreeSet<String> {
            let mails = of_channel("email").into_iter();
            mails
                .filter(|message| states.contains(&message["state"].as_str().unwrap()))
                .map(|message| message["message_id"].as_str().unwrap().to_owned())
                .collect()
        };
        assert!(ids(&["delivered"]).is_subset(&received), "{story:#}");
        assert!(
            received.is_subset(&ids(&["delivered", "in_doubt"])),
            "{address}: {received:?}: {story:#}"
        );
        let alerts = of_channel("telegram");
        let told = site.told_of(owner(n).0, &format!("Đặng Thị {name}"));
        let delivered = alerts
            .iter()
            .filter(|message| message["state"] == "delivered")
            .count();
        assert_eq!(told, delivered, "{story:#}");
        let rules = story["records"][0]["rules"].as_array().unwrap();
        let welcome = rules.iter().find(|rule| rule["rule"] == "welcome").unwrap();
        let fired = !of_channel("email").is_empty();
        assert_eq!(
            welcome["condition"]["holds"], fired,
            "who was written to is a prospect, and nobody else: {welcome:#}"
        );
        compared += usize::from(fired);
    }
    assert!(compared >= 6, "enough of them were written to: {compared}");
    // For people the same, in words.
    let text = well(&site, &["explain", "dang thi an"]);
    for part in [
        "Đặng Thị An  0935 000 000  khach0@example.com",
        "“Khách hàng”, row 3",
        "Messages to them or about them:",
        "lead-alert: delivered to Lan Anh by telegram",
        "lead-alert (on a new customer): fired 2",
    ] {
        assert!(text.contains(part), "no “{part}” in {text}");
    }
    let (code, out, err) = cli(&site.config_path(), &["explain", "Đặng Thị"]);
    assert_eq!(code, Some(1));
    assert_eq!(out.lines().count(), 12, "{out}");
    assert!(
        err.contains("12 people fit “Đặng Thị”: say which by a record id"),
        "{err}"
    );
    refused(
        &site,
        &["explain", "Trịnh Công Sơn"],
        1,
        &["nobody has the phone, e-mail, name or record id \"Trịnh Công Sơn\""],
    );
    refused(
        &site,
        &["explain", "x"],
        2,
        &["\"x\" is too little to look for"],
    );
    daemon.stop();
    let alone = json(&site, &["explain", "0935 0000 00", "--json"]);
    assert_eq!(alone["people"], 1, "the same without the daemon");
}
