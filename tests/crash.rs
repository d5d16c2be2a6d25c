//! The real daemon, killed at any moment, again and again. What the servers received is then compared with
//! what the ledger says: nothing is lost, nothing is sent twice outside of what was in doubt.
//!
//! `SHEETBRIDGE_SOAK=N` kills N times instead of eight; `SHEETBRIDGE_SEED` chooses other moments.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod black_box;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use black_box::{MANAGER, SOON, STAFF, Site, until};
use sheetbridge::core::delivery::State;
use sheetbridge::core::message::Message;
use sheetbridge::core::rule::Channel;
use sheetbridge::sandbox::google::{CellEdit, Role, Workbook};
use sheetbridge::sandbox::smtp::{Fault, Stage};
use sheetbridge::sandbox::telegram;

/// Connections of each courier; never more messages of a channel are in flight.
const CONNECTIONS: usize = 4;

const LEADS: usize = 25;
const OLD: usize = 8;

const RULES: &str = r#"
[[rule]]
id = "welcome"
on = "added"
when = "email and stage == 'prospect' and not no_ads"
send = { channel = "email", to = "customer", template = "welcome" }
[[rule]]
id = "lead-alert"
on = "added"
send = { channel = "telegram", to = "owner", template = "lead-alert", urgent = true }
[[rule]]
id = "deposited"
on = { stage = "deposited" }
send = [
  { channel = "telegram", to = "managers", template = "deposited" },
  { channel = "email", to = "customer", template = "thank-you", hold = "1s" },
]
"#;

/// A small generator of our own, so that a seed means the same moments on every machine (PCG's multiplier).
struct Moments(u64);

impl Moments {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn number_from(name: &str, otherwise: u64) -> u64 {
    #[allow(clippy::disallowed_methods)] // Of the test alone.
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

/// Twenty-five names, none of which stands in another.
fn name(n: usize) -> String {
    const MIDDLE: [&str; 5] = ["Văn", "Thị", "Minh", "Thu", "Ngọc"];
    const GIVEN: [&str; 5] = ["An", "Bình", "Cường", "Dung", "Hải"];
    format!("Nguyễn {} {}", MIDDLE[n / 5], GIVEN[n % 5])
}

fn old_name(n: usize) -> String {
    name(n).replace("Nguyễn", "Trần")
}

/// The salesperson of customer `n`.
fn owner(n: usize) -> (i64, &'static str) {
    STAFF[n % 4]
}

/// 25 new rows, pasted at once.
fn paste(site: &Site) {
    let cells = (0..LEADS).flat_map(|n| {
        let row = 2 + OLD + n;
        [
            CellEdit::typed(row, "Họ tên", &name(n)),
            CellEdit::typed(row, "SĐT", &format!("'09010000{n:02}")),
            CellEdit::typed(row, "Email", &format!("moi{n}@example.com")),
            CellEdit::typed(row, "Giai đoạn", "Khách hàng tiềm năng"),
            CellEdit::typed(row, "NV phụ trách", owner(n).1),
        ]
    });
    site.type_all(cells.collect());
}

async fn office() -> Site {
    let rows: Vec<[String; 5]> = (0..OLD)
        .map(|n| {
            [
                old_name(n),
                format!("09120000{n:02}"),
                format!("cu{n}@example.com"),
                "Đang tư vấn".into(),
                owner(n).1.into(),
            ]
        })
        .collect();
    let rows: Vec<Vec<&str>> = rows
        .iter()
        .map(|row| row.iter().map(String::as_str).collect())
        .collect();
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    let site = Site::open(&rows, RULES).await;
    // Answers that take a while are what a kill falls into: before and after the server has taken the message.
    site.smtp
        .fault(Fault::delay(Stage::AfterDot, Duration::from_millis(60)).endless());
    site.bot.fault(
        telegram::Fault::delay("sendMessage", Duration::from_millis(60))
            .done_first()
            .endless(),
    );
    site
}

/// Kills of one burst; more are more bursts, each in a company of its own.
const KILLS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_loses_nothing_and_repeats_nothing() {
    let kills = usize::try_from(number_from("SHEETBRIDGE_SOAK", 8)).unwrap();
    let seed = number_from("SHEETBRIDGE_SEED", 20_261_121);
    for round in 0..kills.div_ceil(KILLS) {
        let seed = seed + u64::try_from(round).unwrap();
        println!("seed {seed}");
        burst(Moments(seed)).await;
    }
}

/// 25 leads and 8 changed stages, while the daemon is killed again and again.
async fn burst(mut moments: Moments) {
    let mut site = office().await;
    let mut daemon = site.start_and_read().await;
    paste(&site);
    let mut most_flying = 0;
    for kill in 0..KILLS {
        // Now the stages change as well, one deal after the other.
        for n in (0..OLD).filter(|n| n * KILLS / OLD == kill) {
            site.type_all(vec![CellEdit::typed(2 + n, "Giai đoạn", "Đã đặt cọc")]);
        }
        let events = || site.smtp.revision() + site.bot.revision();
        let (before, few) = (events(), moments.below(7));
        let begun = Instant::now();
        while events() < before + few && begun.elapsed() < Duration::from_secs(3) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(moments.below(150))).await;
        daemon.kill();
        // Every other time somebody else looks into what the killed one left behind.
        if kill % 2 == 0 {
            let ledger = site.ledger();
            most_flying = most_flying.max(ledger.flying);
            for channel in [Channel::Email, Channel::Telegram] {
                let flying = ledger.messages.iter().filter(|message| {
                    message.state == State::InFlight && message.channel == channel
                });
                assert!(flying.count() <= CONNECTIONS, "{:?}", ledger.lines());
            }
        }
        daemon = site.start();
    }
    let begun = Instant::now();
    loop {
        daemon.read_again(3).await;
        let status = daemon.nothing_left().await;
        let decided: u64 = status["queue"]
            .as_object()
            .unwrap()
            .values()
            .filter_map(serde_json::Value::as_u64)
            .sum();
        if decided >= u64::try_from(2 * LEADS + 3 * OLD).unwrap() {
            break;
        }
        assert!(
            begun.elapsed() < SOON,
            "not all was decided: {status:#}\n{}",
            daemon.log()
        );
    }
    daemon.stop();
    println!("at most {most_flying} in flight at a kill");
    compare(&site);
}

/// What the servers received against what the ledger says.
fn compare(site: &Site) {
    let ledger = site.ledger();
    let by_key = ledger.by_key();
    let mut expected: BTreeMap<String, Expected> = BTreeMap::new();
    for record in &ledger.records {
        let title = record
            .seen
            .get("name")
            .map(|cell| cell.shown().into_owned())
            .unwrap_or_default();
        let id = &record.id;
        if let Some(n) = (0..LEADS).find(|n| name(*n) == title) {
            expected.insert(
                format!("welcome/1/{id}/customer/added"),
                Expected::Mail(format!("moi{n}@example.com")),
            );
            expected.insert(
                format!("lead-alert/1/{id}/owner/added"),
                Expected::Chat(owner(n).0, title),
            );
        } else if let Some(n) = (0..OLD).find(|n| old_name(*n) == title) {
            let entry = record.stage_event;
            expected.insert(
                format!("deposited/1/{id}/managers:Hà Phạm/deposited #{entry}"),
                Expected::Chat(MANAGER, title.clone()),
            );
            expected.insert(
                format!("deposited/2/{id}/customer/deposited #{entry}"),
                Expected::Mail(format!("cu{n}@example.com")),
            );
        }
    }
    assert_eq!(
        expected.len(),
        2 * LEADS + 2 * OLD,
        "records: {}, {:#?}",
        ledger.records.len(),
        ledger.lines()
    );
    let mut mails = BTreeMap::new();
    for mail in site.smtp.messages() {
        *mails
            .entry((mail.view().message_id.unwrap(), mail.to[0].clone()))
            .or_insert(0) += 1;
    }
    let mut in_doubt = BTreeMap::from([(Channel::Email, 0), (Channel::Telegram, 0)]);
    for (key, wanted) in &expected {
        let message = by_key
            .get(key.as_str())
            .unwrap_or_else(|| panic!("{key} was lost: {:#?}", ledger.lines()));
        let doubts = message
            .attempts
            .iter()
            .filter(|attempt| attempt.ended == State::InDoubt)
            .count();
        *in_doubt.get_mut(&message.channel).unwrap() += doubts;
        match wanted {
            Expected::Mail(to) => {
                let got = mails
                    .remove(&(
                        format!("{}@queenland.example", message.key.digest()),
                        to.clone(),
                    ))
                    .unwrap_or(0);
                fits_mail(message, got);
            }
            Expected::Chat(chat, text) => fits_chat(message, doubts, site.told_of(*chat, text)),
        }
    }
    assert!(
        mails.is_empty(),
        "mails that nobody decided, or under two names: {mails:?}"
    );
    for key in by_key.keys().filter(|key| !expected.contains_key(**key)) {
        // The notice of a mail that waits, and nothing else.
        assert!(
            key.starts_with("deposited/2/") && key.contains("/notice-"),
            "{key} was not to be sent"
        );
    }
    for (channel, doubts) in in_doubt {
        println!("{} in doubt by {}", doubts, channel.as_str());
        assert!(
            doubts <= KILLS * CONNECTIONS,
            "more in doubt than there were connections"
        );
    }
}

enum Expected {
    Mail(String),
    Chat(i64, String),
}

/// In doubt is kept for a person, so that a customer never gets it twice.
fn fits_mail(message: &Message, got: usize) {
    match message.state {
        State::Delivered => assert_eq!(got, 1, "{}: {:?}", message.key, message.attempts),
        State::InDoubt => assert!(got <= 1, "{}: {:?}", message.key, message.attempts),
        other => panic!("{} is {other}: {}", message.key, message.why),
    }
}

/// In doubt is sent again to staff: at least once, and more often only for what was in flight.
fn fits_chat(message: &Message, doubts: usize, got: usize) {
    match message.state {
        State::Delivered => assert!(
            (1..=1 + doubts).contains(&got),
            "{} came {got} times: {:?}",
            message.key,
            message.attempts
        ),
        State::InDoubt => assert!(
            got <= doubts,
            "{} came {got} times: {:?}",
            message.key,
            message.attempts
        ),
        other => panic!("{} is {other}: {}", message.key, message.why),
    }
}

/// The tabs of the sample workbooks.
const TABS: &str = r#"[[workbook.tab]]
name = "Khách hàng"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn killed_during_the_first_look_it_looks_again_and_sends_nothing() {
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/workbooks/crm-1500-messy.json"
    ))
    .unwrap();
    let mut workbook = Workbook::from_json(&text).unwrap();
    workbook.share.insert("*".into(), Role::Reader);
    let more = "[[rule]]\nid = \"late\"\non = { idle = \"consulting\", after = \"30d\" }\nsend = { channel = \"telegram\", to = \"managers\", template = \"idle\" }\n";
    let mut site = Site::with(workbook, TABS, &format!("{RULES}{more}")).await;
    let mut moments = Moments(number_from("SHEETBRIDGE_SEED", 1_500));
    let kills = number_from("SHEETBRIDGE_SOAK", 3);
    // How long it takes from the question to the end of the first look, on this machine, now.
    let first_look = async |site: &mut Site| {
        let before = site.google.request_count("batchGet");
        let daemon = site.start();
        until("the first look begins", || {
            site.google.request_count("batchGet") > before
        })
        .await;
        (daemon, Instant::now())
    };
    let (daemon, begun) = first_look(&mut site).await;
    daemon.read_again(1).await;
    let takes = begun.elapsed();
    daemon.kill();
    let whole = site.ledger().records.len();
    std::fs::remove_dir_all(site.state_dir()).unwrap();
    let mut cut_off = 0;
    for kill in 0..kills {
        // Later and later into reading, matching, the plan and its application.
        let (daemon, _) = first_look(&mut site).await;
        let share = 0.2
            + 0.7 * (f64::from(u32::try_from(kill).unwrap()) / 3.0).fract()
            + 0.002 * f64::from(u32::try_from(moments.below(100)).unwrap());
        tokio::time::sleep(takes.mul_f64(share)).await;
        daemon.kill();
        let records = site.ledger().records.len();
        println!("killed after {share:.2} of {takes:?}: {records} records");
        assert!(
            records == 0 || records == whole,
            "a baseline is there or it is not: {records} of {whole}"
        );
        cut_off += usize::from(records == 0);
    }
    let daemon = site.start_and_read().await;
    daemon.read_again(2).await;
    let status = daemon.nothing_left().await;
    daemon.stop();
    let ledger = site.ledger();
    println!(
        "{} records, {cut_off} looks were cut off whole",
        ledger.records.len()
    );
    assert_eq!(ledger.records.len(), whole, "{status:#}");
    assert!(
        ledger.records.iter().all(|record| record.settled.is_some()),
        "a baseline is settled"
    );
    assert!(ledger.messages.is_empty(), "{:?}", ledger.lines());
    assert_eq!(site.smtp.messages().len(), 0);
    assert!(STAFF.iter().all(|(chat, _)| site.told(*chat).is_empty()));
}
