//! Settling, returns and what is kept of those who are gone: SEMANTICS 1, 2, 8, 16 and 23 where one test in
//! `semantics.rs` is not enough. A real (loopback) Google, and a clock that only the test moves.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use serde_json::json;
use sheetbridge::alarms;
use sheetbridge::core::message::Message;
use sheetbridge::core::record::Record;
use sheetbridge::cycle::{Mode, Report};
use sheetbridge::roster::Roster;
use sheetbridge::sandbox::google::{Cell, Edit, Role, Workbook};
use sheetbridge::store::journal::Entry;
use sheetbridge::store::keys::prefix;
use support::{CUSTOMERS, Company, keys, kinds};

const CHANNELS: &str = r#"
[email]
smtp = "smtp+plain://127.0.0.1:2525"
from = "Queenland <crm@queenland.example>"
[telegram]
token = { file = "google.json" }
"#;

/// The same trigger three times: in no time, in the general time of 20 s, and in a minute and a half.
const PACES: &str = r#"
[[rule]]
id = "quick"
on = { stage = "deposited" }
send = { channel = "telegram", to = "managers", template = "deposited" }
settle = "1s"
[[rule]]
id = "usual"
on = { stage = "deposited" }
send = { channel = "telegram", to = "managers", template = "deposited" }
[[rule]]
id = "slow"
on = { stage = "deposited" }
send = { channel = "telegram", to = "managers", template = "deposited" }
settle = "90s"
"#;

const LEADS: &str = r#"
[[rule]]
id = "welcome"
on = "added"
send = { channel = "email", to = "customer", template = "welcome" }
[[rule]]
id = "lead"
on = "added"
send = { channel = "telegram", to = "owner", template = "lead-alert" }
escalate = [{ after = "15m", to = "managers", template = "lead-waiting" }]
"#;

const BINH: &[&str] = &[
    "Trần Bình",
    "0912345678",
    "binh@example.com",
    "Đang tư vấn",
    "Lan Anh",
];
const CHI: &[&str] = &[
    "Lê Thị Chi",
    "0923456789",
    "chi@example.com",
    "Đang tư vấn",
    "Minh Tuấn",
];
const HEADER: &[&str] = &["Họ tên", "SĐT", "Email", "Giai đoạn", "NV phụ trách"];

async fn company(rules: &str) -> Company {
    let mut company = Company::small(&[BINH, CHI], &format!("{CHANNELS}{rules}")).await;
    assert!(company.poll().await.baseline);
    company
}

fn records(company: &Company) -> Vec<Record> {
    let records = company.roster.store().records();
    records.map(Result::unwrap).collect()
}

fn record(company: &Company, name: &str) -> Record {
    let all = records(company);
    let found: Vec<&Record> = all
        .iter()
        .filter(|record| {
            record
                .seen
                .get("name")
                .is_some_and(|cell| cell.shown() == name)
        })
        .collect();
    assert_eq!(found.len(), 1, "{name}: {all:#?}");
    found[0].clone()
}

fn messages(company: &Company) -> Vec<Message> {
    let entries = company.roster.store().scan::<Message>(prefix::MESSAGE);
    entries.map(|entry| entry.unwrap().1).collect()
}

/// Beyond 500 rows at once their records are read ahead, and each is written down as soon as it has settled.
#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_rows_settle_as_one_would_and_those_just_typed_wait() {
    const MANY: usize = 620;
    const GIVEN: [&str; 25] = [
        "An", "Bình", "Chi", "Dũng", "Giang", "Hà", "Hải", "Hiền", "Hoa", "Hùng", "Khánh", "Lan",
        "Linh", "Long", "Mai", "Minh", "Nam", "Nga", "Phúc", "Quân", "Sơn", "Thảo", "Trang", "Tú",
        "Vy",
    ];
    let mut company = company(&format!("[guard]\nmessages = 2000\n{LEADS}")).await;
    let rows = (0..MANY).map(|n| {
        let cells = [
            format!("Nguyễn {} {}", GIVEN[n / 25], GIVEN[n % 25]),
            format!("09{:08}", 10_000_000 + n * 7),
            format!("khach{n}@example.com"),
            "Đang tư vấn".into(),
            "Lan Anh".into(),
        ];
        cells.map(|cell| json!(cell)).to_vec()
    });
    company.edit(Edit::InsertRows {
        tab: CUSTOMERS.into(),
        at: 4,
        count: MANY,
        rows: rows.collect(),
    });
    company.poll().await;
    company.wait(15);
    let late = [4, 300, 500];
    for row in late {
        company.type_into(row, "Họ tên", "Đỗ Quỳnh Như");
    }
    company.poll().await;
    company.wait(6);
    let settled = company.poll().await;
    let welcome = |report: &Report| {
        let of_rule = keys(report)
            .into_iter()
            .filter(|key| key.starts_with("welcome/"));
        of_rule.count()
    };
    assert_eq!(welcome(&settled), MANY - late.len());
    assert_eq!(settled.settling.len(), late.len());
    company.wait(15);
    assert_eq!(welcome(&company.poll().await), late.len());
    assert_eq!(welcome(&company.poll().await), 0);
    let waiting = company.roster.store().keys(prefix::PENDING).count();
    assert_eq!(waiting, 0);
    // Their ids follow each other as the rows do.
    let mut new: Vec<Record> = records(&company);
    new.retain(|record| record.place.row >= 4);
    assert_eq!(new.len(), MANY);
    new.sort_by_key(|record| record.place.row);
    assert!(new.is_sorted_by(|one, next| one.id < next.id));
    assert!(new.iter().all(|record| record.settled.is_some()));
}

fn delete(row: usize) -> Edit {
    Edit::DeleteRows {
        tab: CUSTOMERS.into(),
        from: row,
        count: 1,
    }
}

/// A row as it was, under the last one.
fn put_back(company: &Company, row: &[&str]) {
    let phone = format!("'{}", row[1]);
    let cells: Vec<(&str, &str)> = HEADER.iter().copied().zip(row.iter().copied()).collect();
    let row = company.last_row() + 1;
    for (column, text) in cells {
        company.type_into(row, column, if column == "SĐT" { &phone } else { text });
    }
}

/// Waits, polls, and says which rules fired.
async fn after(company: &mut Company, seconds: i64) -> Vec<String> {
    company.wait(seconds);
    fired(&company.poll().await)
}

fn fired(report: &Report) -> Vec<String> {
    keys(report)
        .iter()
        .map(|key| key.split('/').next().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_rule_fires_once_in_its_own_time() {
    let mut company = company(PACES).await;
    company.type_into(2, "Giai đoạn", "Đã cọc");
    let seen = company.poll().await;
    assert!(fired(&seen).is_empty());
    assert_eq!(
        seen.settling.len(),
        1,
        "one line a record: {:?}",
        seen.settling
    );
    assert_eq!(after(&mut company, 2).await, ["quick"]);
    company.restart().await;
    assert!(after(&mut company, 10).await.is_empty());
    assert_eq!(after(&mut company, 10).await, ["usual"]);
    assert!(after(&mut company, 60).await.is_empty());
    company.restart().await;
    assert_eq!(after(&mut company, 10).await, ["slow"]);
    assert!(after(&mut company, 600).await.is_empty());
    // The same entry of the stage for all, and nothing left to keep.
    let occasions: Vec<String> = messages(&company)
        .iter()
        .map(|message| message.key.as_str().rsplit('/').next().unwrap().to_owned())
        .collect();
    assert_eq!(occasions, ["deposited #1"; 3]);
    let record = record(&company, "Trần Bình");
    assert!(record.own.is_empty() && record.stage_seen.is_none());
    assert_eq!((record.stage_event, record.events), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_undone_vanishes_for_the_rules_that_have_not_fired() {
    let mut company = company(PACES).await;
    company.type_into(2, "Giai đoạn", "Đã cọc");
    company.poll().await;
    assert_eq!(after(&mut company, 5).await, ["quick"]);
    company.type_into(2, "Giai đoạn", "Đang tư vấn");
    assert!(after(&mut company, 5).await.is_empty());
    assert!(after(&mut company, 200).await.is_empty());
    // Next time, it is another entry for the quick one and the first for the others.
    company.type_into(2, "Giai đoạn", "Đã cọc");
    company.poll().await;
    assert_eq!(after(&mut company, 100).await, ["quick", "slow", "usual"]);
    let quick: Vec<Message> = messages(&company)
        .into_iter()
        .filter(|message| message.rule == "quick")
        .collect();
    assert_eq!(quick.len(), 2);
    // Undone after the usual time and before the slow one: the slow one alone has seen nothing.
    company.type_into(3, "Giai đoạn", "Đã cọc");
    company.poll().await;
    assert_eq!(after(&mut company, 30).await, ["quick", "usual"]);
    company.type_into(3, "Giai đoạn", "Đang tư vấn");
    assert!(after(&mut company, 30).await.is_empty());
    assert!(after(&mut company, 300).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_is_only_passed_through_is_entered_for_the_quick_rule_only() {
    let mut company = company(PACES).await;
    company.type_into(2, "Giai đoạn", "Đã cọc");
    company.poll().await;
    assert_eq!(after(&mut company, 5).await, ["quick"]);
    company.type_into(2, "Giai đoạn", "Hoàn tất giao dịch");
    company.poll().await;
    assert!(after(&mut company, 300).await.is_empty());
    assert_eq!(
        record(&company, "Trần Bình").stage.as_deref(),
        Some("completed")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_or_removed_settle_time_neither_repeats_nor_loses_a_change() {
    let mut company = company(PACES).await;
    company.type_into(2, "Giai đoạn", "Đã cọc");
    company.poll().await;
    assert_eq!(after(&mut company, 30).await, ["quick", "usual"]);
    reconfigure(&mut company, |text| {
        text.replace("settle = \"90s\"", "settle = \"45s\"")
    });
    assert_eq!(after(&mut company, 20).await, ["slow"]);
    company.type_into(3, "Giai đoạn", "Đã cọc");
    company.poll().await;
    assert_eq!(after(&mut company, 30).await, ["quick", "usual"]);
    reconfigure(&mut company, |text| text.replace("settle = \"45s\"\n", ""));
    assert_eq!(after(&mut company, 1).await, ["slow"]);
    assert!(after(&mut company, 300).await.is_empty());
    assert!(records(&company).iter().all(|record| record.own.is_empty()));
}

/// Another configuration is put in force between two polls, as SIGHUP does.
fn reconfigure(company: &mut Company, change: impl Fn(&str) -> String) {
    let path = company.dir.path().join("sheetbridge.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let changed = change(&text);
    assert_ne!(changed, text, "the configuration changes");
    std::fs::write(&path, changed).unwrap();
    let roster = Roster::new(
        Arc::new(support::load(&path)),
        company.roster.store().clone(),
    );
    alarms::enforce_rules(&roster, company.now).unwrap();
    company.cycle.reconfigure(roster.clone());
    company.roster = roster;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_fires_within_two_polls_and_a_row_that_is_typed_when_it_is_complete_and_quiet() {
    let mut company = company(LEADS).await;
    put_back(
        &company,
        &[
            "Nguyễn Văn An",
            "0901234567",
            "an@example.com",
            "Đang tư vấn",
            "Lan Anh",
        ],
    );
    assert!(fired(&company.poll().await).is_empty());
    assert_eq!(after(&mut company, 20).await, ["lead", "welcome"]);
    // Cell by cell, with a poll after each.
    let row = company.last_row() + 1;
    let steps = [
        ("Họ tên", "Hồ Gấm"),
        ("NV phụ trách", "Lan Anh"),
        ("SĐT", "'0956789012"),
        ("Email", "gam@example.com"),
        ("Giai đoạn", "Đang tư vấn"),
    ];
    for (column, text) in steps {
        company.type_into(row, column, text);
        assert!(after(&mut company, 15).await.is_empty(), "{column}");
    }
    assert!(after(&mut company, 15).await.is_empty());
    assert_eq!(after(&mut company, 5).await, ["lead", "welcome"]);
    assert!(after(&mut company, 60).await.is_empty());
}

/// A reminder about whoever has been in "consulting" for three days.
const IDLE: &str = r#"
[[rule]]
id = "idle"
on = { idle = "consulting", after = "3d" }
send = { channel = "telegram", to = "owner", template = "idle" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_undone_before_it_settled_does_not_move_the_idle_clock() {
    const DAY: i64 = 86_400;
    let reminded = async |slip: &[(&str, &str, i64)]| {
        let mut company = company(IDLE).await;
        company.wait(2 * DAY);
        company.poll().await;
        for (column, text, seconds) in slip {
            company.type_into(2, column, text);
            company.poll().await;
            company.wait(*seconds);
        }
        company.poll().await;
        company.wait(DAY + 600);
        let rang = alarms::ring(&company.roster, company.now).unwrap();
        let active = record(&company, "Trần Bình").active_at;
        (rang.messages.len(), active)
    };
    let untouched = reminded(&[]).await;
    assert_eq!(untouched.0, 2, "both have waited for three days");
    let slip = [
        ("Email", "binh@example.co", 5),
        ("Email", "binh@example.com", 30),
    ];
    assert_eq!(reminded(&slip).await, untouched);
    let (reminders, active) = reminded(&[("Email", "binh@example.co", 30)]).await;
    assert_eq!(reminders, 1, "what stays is an activity");
    assert!(active > untouched.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_change_that_a_quick_rule_told_of_does_not_end_its_stopwatch() {
    let quick = LEADS.replace("escalate", "settle = \"1s\"\nescalate");
    let mut company = company(&quick).await;
    put_back(
        &company,
        &[
            "Nguyễn Văn An",
            "0901234567",
            "an@example.com",
            "Đang tư vấn",
            "Lan Anh",
        ],
    );
    company.poll().await;
    assert_eq!(after(&mut company, 5).await, ["lead"]);
    assert_eq!(after(&mut company, 20).await, ["welcome"]);
    company.wait(15 * 60);
    let rang = alarms::ring(&company.roster, company.now).unwrap();
    assert_eq!(rang.messages.len(), 1, "{rang:?}");
    assert_eq!(rang.messages[0].template, "lead-waiting");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_went_before_the_usual_time_is_new_when_it_comes_again_but_not_for_the_quick_rule()
 {
    let quick = LEADS.replace("escalate", "settle = \"1s\"\nescalate");
    let mut company = company(&quick).await;
    let an = [
        "Nguyễn Văn An",
        "0901234567",
        "an@example.com",
        "Đang tư vấn",
        "Lan Anh",
    ];
    put_back(&company, &an);
    company.poll().await;
    assert_eq!(after(&mut company, 5).await, ["lead"]);
    company.edit(delete(4));
    company.poll().await;
    assert!(after(&mut company, 700).await.is_empty());
    put_back(&company, &an);
    assert_eq!(kinds(&company.poll().await), json!({"returned": 1}));
    assert_eq!(after(&mut company, 30).await, ["welcome"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_in_one_poll_and_pasted_in_a_later_one_is_the_same_customer_wherever_that_is() {
    let mut company = company(&format!("{PACES}{LEADS}")).await;
    company.edit(Edit::AddTab {
        title: "Đã cọc".into(),
        rows: vec![
            ["Họ tên", "SĐT", "Email", "NV phụ trách"]
                .map(|cell| json!(cell))
                .into(),
        ],
    });
    reconfigure(&mut company, |text| {
        text.replacen(
            "[columns]\n",
            "[[workbook.tab]]\nname = \"Đã cọc\"\nstage = \"deposited\"\n[columns]\n",
            1,
        )
    });
    company.poll().await;
    let (binh, chi) = (
        record(&company, "Trần Bình").id,
        record(&company, "Lê Thị Chi").id,
    );
    // In the same tab.
    company.edit(delete(3));
    assert_eq!(kinds(&company.poll().await), json!({"removed": 1}));
    put_back(&company, CHI);
    assert!(after(&mut company, 120).await.is_empty());
    assert!(after(&mut company, 700).await.is_empty());
    assert_eq!(record(&company, "Lê Thị Chi").id, chi);
    // In the tab that is a stage: a change of stage, for every rule in its time.
    let cut = company.now;
    company.edit(delete(2));
    assert_eq!(kinds(&company.poll().await), json!({"removed": 1}));
    company.wait(60);
    company.edit(Edit::AppendRow {
        tab: "Đã cọc".into(),
        values: [BINH[0], "'0912345678", BINH[2], BINH[4]]
            .iter()
            .map(|cell| json!(cell))
            .collect(),
    });
    assert_eq!(kinds(&company.poll().await), json!({"returned": 1}));
    assert_eq!(after(&mut company, 100).await, ["quick", "slow", "usual"]);
    let binh_now = record(&company, "Trần Bình");
    assert_eq!(binh_now.id, binh);
    assert!(
        binh_now.stage_after.is_some_and(|after| after <= cut),
        "the polls between saw no stage"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_cut_out_of_one_workbook_and_pasted_in_another_is_no_new_one() {
    let mut company = company(LEADS).await;
    let mut other = Workbook::new("1Other", "Chi nhánh");
    other.share.insert("*".into(), Role::Reader);
    let tab = other.add_tab(CUSTOMERS);
    for (r, row) in [HEADER, &["Phạm Dũng", "0934567890", "dung@example.com"]]
        .iter()
        .enumerate()
    {
        for (c, text) in row.iter().enumerate() {
            tab.set(r, c, Cell::text(*text));
        }
    }
    company.google.add_workbook(other);
    reconfigure(&mut company, |text| {
        text.replacen(
            "[columns]\n",
            "[[workbook]]\nid = \"1Other\"\n[[workbook.tab]]\nname = \"Khách hàng\"\n[columns]\n",
            1,
        )
    });
    let poll_other = async |company: &mut Company| {
        let now = company.now;
        fired(&company.cycle.poll("1Other", now, Mode::Real).await.unwrap())
    };
    assert!(poll_other(&mut company).await.is_empty());
    company.edit(delete(2));
    let append = |values: &[&str]| Edit::AppendRow {
        tab: CUSTOMERS.into(),
        values: values.iter().map(|cell| json!(cell)).collect(),
    };
    let moved = append(&[BINH[0], "'0912345678", BINH[2], BINH[3], BINH[4]]);
    let new = append(&[
        "Nguyễn Văn An",
        "'0901234567",
        "an@example.com",
        "Đang tư vấn",
        "Lan Anh",
    ]);
    company.google.edit("1Other", &[moved, new]).unwrap();
    company.poll().await;
    assert!(poll_other(&mut company).await.is_empty());
    company.wait(30);
    company.poll().await;
    assert_eq!(
        poll_other(&mut company).await,
        ["lead", "welcome"],
        "of the new one only"
    );
    company.wait(700);
    company.poll().await;
    assert!(poll_other(&mut company).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_400_days_only_a_hash_is_left_and_who_returns_is_a_lead_for_staff_only() {
    let mut company = company(LEADS).await;
    let id = record(&company, "Trần Bình").id;
    company.edit(delete(2));
    company.poll().await;
    assert!(after(&mut company, 700).await.is_empty());
    company.wait(399 * 86_400);
    assert_eq!(
        alarms::sweep(&company.roster, company.now)
            .unwrap()
            .tombstones,
        0
    );
    company.wait(2 * 86_400);
    assert_eq!(
        alarms::sweep(&company.roster, company.now)
            .unwrap()
            .tombstones,
        1
    );
    assert_eq!(
        alarms::sweep(&company.roster, company.now)
            .unwrap()
            .tombstones,
        0
    );
    assert_eq!(records(&company).len(), 1);
    let store = company.roster.store();
    let about: Vec<Entry> = store
        .scan::<Entry>(prefix::JOURNAL)
        .map(|entry| entry.unwrap().1)
        .filter(|entry| entry.record.as_ref() == Some(&id))
        .collect();
    assert_eq!(about, [], "the story goes with them");
    let left: Vec<String> = store
        .keys(prefix::KNOWN)
        .map(|key| String::from_utf8_lossy(&key.unwrap()).into_owned())
        .collect();
    assert_eq!(left.len(), 2, "a phone and an e-mail");
    assert!(
        left.iter()
            .all(|key| !key.contains("binh") && !key.contains("912345678")),
        "{left:?}"
    );
    // Beside somebody who is new.
    put_back(&company, BINH);
    put_back(
        &company,
        &[
            "Nguyễn Văn An",
            "0901234567",
            "an@example.com",
            "Đang tư vấn",
            "Lan Anh",
        ],
    );
    let back = company.poll().await;
    assert_eq!(kinds(&back), json!({"added": 2}));
    company.wait(30);
    let decided = keys(&company.poll().await);
    assert_eq!(
        decided,
        [
            "lead/1/owner/added",
            "lead/1/owner/returned 2027-12-27",
            "welcome/1/customer/added"
        ]
    );
    let again = record(&company, "Trần Bình");
    assert!(again.id != id && again.known_before.is_some());
    assert_eq!(
        company.roster.store().keys(prefix::KNOWN).count(),
        0,
        "the record tells of them now"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_of_addresses_are_swept_and_half_typed_rows_leave_no_hash() {
    let mut company = company(LEADS).await;
    put_back(
        &company,
        &[
            "Nguyễn Văn An",
            "0901234567",
            "an@example.com",
            "Đang tư vấn",
            "Lan Anh",
        ],
    );
    company.poll().await;
    assert_eq!(after(&mut company, 20).await, ["lead", "welcome"]);
    company.wait(23 * 3_600);
    assert_eq!(alarms::sweep(&company.roster, company.now).unwrap().once, 0);
    company.wait(2 * 3_600);
    assert_eq!(
        alarms::sweep(&company.roster, company.now).unwrap().once,
        2,
        "a mailbox and a person"
    );
    assert_eq!(alarms::sweep(&company.roster, company.now).unwrap().once, 0);
}

const THANKS: &str = r#"
[[rule]]
id = "thanks"
on = { stage = "deposited" }
send = { channel = "email", to = "customer", template = "thank-you", hold = "0s" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_row_written_twice_is_thanked_for_once_and_a_second_deal_for_itself() {
    let mut second = BINH.to_vec();
    second[4] = "Minh Tuấn";
    let rules = format!("{CHANNELS}{THANKS}");
    let mut company = Company::small(&[BINH, &second, CHI], &rules).await;
    company.poll().await;
    // The two rows of one person change one after the other, as fast as a colleague types.
    company.type_into(2, "Giai đoạn", "Đã cọc");
    company.poll().await;
    assert_eq!(after(&mut company, 21).await, ["thanks"]);
    company.type_into(3, "Giai đoạn", "Đã cọc");
    company.poll().await;
    assert!(after(&mut company, 30).await.is_empty());
    // Another day it is another deal; and the same row may come into the stage again at any time.
    company.type_into(3, "Giai đoạn", "Đang tư vấn");
    company.poll().await;
    assert!(after(&mut company, 86_400).await.is_empty());
    company.type_into(3, "Giai đoạn", "Đã cọc");
    company.poll().await;
    assert_eq!(after(&mut company, 30).await, ["thanks"]);
    company.type_into(3, "Giai đoạn", "Đang tư vấn");
    company.poll().await;
    assert!(after(&mut company, 30).await.is_empty());
    company.type_into(3, "Giai đoạn", "Đã cọc");
    company.poll().await;
    assert_eq!(after(&mut company, 30).await, ["thanks"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stage_of_a_new_row_is_as_old_as_the_column_named_for_it_says() {
    let rules = CHANNELS.to_owned()
        + &LEADS.replacen(
            "[[rule]]",
            "[columns.custom]\ndeposit_at = { header = \"Ngày cọc\", type = \"date\", since = \"deposited\" }\n[[rule]]",
            1,
        );
    let mut company = Company::small(&[BINH, CHI], &rules).await;
    company.edit(Edit::RenameHeader {
        tab: CUSTOMERS.into(),
        from: "Ngày hẹn".into(),
        to: "Ngày cọc".into(),
    });
    company.poll().await;
    put_back(
        &company,
        &[
            "Nguyễn Văn An",
            "0901234567",
            "an@example.com",
            "Đã cọc",
            "Lan Anh",
        ],
    );
    company.type_into(4, "Ngày cọc", "15/10/2026");
    company.poll_and_settle().await;
    let since = record(&company, "Nguyễn Văn An")
        .stage_since
        .map(|at| at.to_string());
    assert_eq!(since.as_deref(), Some("2026-10-14T17:00:00Z"));
}
