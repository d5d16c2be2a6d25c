//! SEMANTICS.md, line by line: a real (loopback) Google, a clock that only the test moves, and what the store holds
//! afterwards. The lines that deciding or policy alone answer for are proved beside them, in `core`.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use sheetbridge::alarms;
use sheetbridge::commands::{Desk, Who, after_restore};
use sheetbridge::core::delivery::State;
use sheetbridge::core::message::{Message, MessageKey};
use sheetbridge::core::record::Record;
use sheetbridge::cycle::{Mode, Report};
use sheetbridge::roster::Roster;
use sheetbridge::sandbox::google::{CellEdit, Edit, Role};
use sheetbridge::store::gap::Gap;
use sheetbridge::store::journal::Entry;
use sheetbridge::store::keys::prefix;
use sheetbridge::store::suppression::suppress_key;
use support::{CUSTOMERS, Company, keys, kinds};

const CHANNELS: &str = r#"
[email]
smtp = "smtp+plain://127.0.0.1:2525"
from = "Queenland <crm@queenland.example>"
[telegram]
token = { file = "google.json" }
"#;

/// Every kind of rule on rows; none of them has a condition.
const RULES: &str = r#"
[[rule]]
id = "welcome"
on = "added"
send = { channel = "email", to = "customer", template = "welcome" }
[[rule]]
id = "lead"
on = "added"
send = { channel = "telegram", to = "owner", template = "lead-alert" }
[[rule]]
id = "deposited"
on = { stage = "deposited" }
send = { channel = "email", to = "customer", template = "thank-you" }
[[rule]]
id = "changed"
on = "changed"
send = { channel = "telegram", to = "managers", template = "deposited" }
[[rule]]
id = "removed"
on = "removed"
send = { channel = "telegram", to = "managers", template = "deposited" }
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
const DUNG: &[&str] = &[
    "Phạm Dũng",
    "0934567890",
    "dung@example.com",
    "Khách hàng tiềm năng",
    "Lan Anh",
];

const AN: [(&str, &str); 5] = [
    ("Họ tên", "Nguyễn Văn An"),
    ("SĐT", "'0901234567"),
    ("Email", "an@example.com"),
    ("Giai đoạn", "Đang tư vấn"),
    ("NV phụ trách", "Lan Anh"),
];

async fn company(rules: &str) -> Company {
    let mut company = Company::small(&[BINH, CHI, DUNG], &format!("{CHANNELS}{rules}")).await;
    assert!(company.poll().await.baseline);
    company
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

fn with_tab(name: &str, more: &str) -> impl Fn(&str) -> String {
    let tab = format!("[[workbook.tab]]\nname = \"{name}\"\n{more}\n[columns]\n");
    move |text| text.replacen("[columns]\n", &tab, 1)
}

fn desk(company: &Company) -> Desk {
    Desk::new(company.roster.clone(), None)
}

fn messages(company: &Company) -> Vec<Message> {
    let entries = company.roster.store().scan::<Message>(prefix::MESSAGE);
    entries.map(|entry| entry.unwrap().1).collect()
}

fn records(company: &Company) -> Vec<Record> {
    let records = company.roster.store().records();
    records.map(Result::unwrap).collect()
}

/// The record of the customer of that name, gone or not.
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
    assert_eq!(found.len(), 1, "{name}");
    found[0].clone()
}

fn journal(company: &Company) -> Vec<String> {
    let entries = company.roster.store().scan::<Entry>(prefix::JOURNAL);
    entries.map(|entry| entry.unwrap().1.text).collect()
}

/// Polls until so long has passed, at the beginning and at the end; everything that was decided.
async fn run(company: &mut Company, seconds: i64) -> Vec<String> {
    let mut decided = Vec::new();
    for wait in [10, 20, seconds - 40, 10] {
        company.wait(wait);
        decided.extend(keys(&company.poll().await));
        decided.extend(ring(company));
    }
    decided.sort();
    decided
}

fn ring(company: &Company) -> Vec<String> {
    let rang = alarms::ring(&company.roster, company.now).unwrap();
    rang.messages
        .iter()
        .map(|message| without_record(&message.key))
        .collect()
}

fn without_record(key: &MessageKey) -> String {
    let mut parts: Vec<&str> = key.as_str().splitn(5, '/').collect();
    parts.remove(2);
    parts.join("/")
}

fn set(tab: &str, row: usize, column: &str, text: &str) -> Edit {
    Edit::Set {
        tab: tab.into(),
        at: CellEdit::typed(row, column, text),
    }
}

fn delete(row: usize) -> Edit {
    Edit::DeleteRows {
        tab: CUSTOMERS.into(),
        from: row,
        count: 1,
    }
}

fn new_tab(title: &str, rows: &[&[&str]]) -> Edit {
    Edit::AddTab {
        title: title.into(),
        rows: rows
            .iter()
            .map(|row| row.iter().map(|cell| json!(cell)).collect())
            .collect(),
    }
}

const HEADER: &[&str] = &["Họ tên", "SĐT", "Email", "Giai đoạn", "NV phụ trách"];

#[tokio::test(flavor = "multi_thread")]
async fn s01_settling_needs_a_good_poll() {
    let mut company = company(RULES).await;
    company.type_into(2, "Giai đoạn", "Đã cọc");
    assert_eq!(kinds(&company.poll().await), json!({"changed": 1}));
    company.wait(30);
    company.edit(Edit::Unshare { email: "*".into() });
    let workbook = company.workbook.clone();
    assert!(
        company
            .cycle
            .poll(&workbook, company.now, Mode::Real)
            .await
            .is_err()
    );
    assert!(
        ring(&company).is_empty() && messages(&company).is_empty(),
        "time alone settles nothing"
    );
    company.edit(Edit::Share {
        email: "*".into(),
        role: Role::Reader,
    });
    assert_eq!(
        keys(&company.poll().await),
        [
            "changed/1/managers:Hà Phạm/stage #1",
            "deposited/1/customer/deposited #1",
            "deposited/1/notice-owner/deposited #1"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s02_a_row_with_only_a_name_is_a_record_without_an_event() {
    let mut company = company(RULES).await;
    company.add_customer(&AN[..1]);
    let seen = company.poll().await;
    assert_eq!(kinds(&seen), json!({"added": 1}));
    assert!(run(&mut company, 700).await.is_empty());
    let lines = desk(&company).records(None, &Who::CommandLine).unwrap();
    assert!(
        lines
            .iter()
            .any(|line| line.record == seen.changes[0].record.to_string())
    );
    let report = company.poll().await;
    assert!(
        report
            .problems
            .iter()
            .any(|problem| problem.why.contains("phone or email is missing")),
        "{:?}",
        report.problems
    );
    assert!(
        report.problems.iter().all(|problem| problem.cell == "B5"),
        "{:?}",
        report.problems
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s02_titles_totals_and_tick_boxes_are_no_rows_of_customers() {
    let mut company = company(RULES).await;
    for values in [
        json!(["THÁNG 11/2026"]),
        json!(["Họ tên", "SĐT", "Email", "Giai đoạn", "NV phụ trách"]),
        json!(["Tổng cộng", 3]),
        json!(["", "", "", "", "", "", "", false]),
    ] {
        company.edit(Edit::AppendRow {
            tab: CUSTOMERS.into(),
            values: values.as_array().unwrap().clone(),
        });
    }
    let report = company.poll().await;
    assert_eq!(
        (kinds(&report), report.tabs[0].records),
        (json!({}), 3),
        "{:?}",
        report.changes
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s03_a_new_column_alias_or_time_zone_re_types_silently() {
    let mut company = Company::small(
        &[
            BINH,
            &[
                "Lê Thị Chi",
                "0923456789",
                "chi@example.com",
                "Giữ chỗ",
                "Minh Tuấn",
            ],
        ],
        &format!("{CHANNELS}{RULES}"),
    )
    .await;
    company.edit(Edit::InsertColumn {
        tab: CUSTOMERS.into(),
        at: "A".into(),
        header: Some("Dự án".into()),
    });
    company.type_into(2, "Dự án", "Sky Garden");
    company.poll().await;
    reconfigure(&mut company, |text| {
        text.replacen(
            "[[stage]]",
            "[columns.custom]\nproject = { header = \"Dự án\", type = \"text\" }\n[[stage]]",
            1,
        )
    });
    let report = company.poll().await;
    assert_eq!(kinds(&report), json!({}), "{:?}", report.changes);
    assert!(run(&mut company, 60).await.is_empty(), "a new column");
    assert_eq!(
        record(&company, "Trần Bình").settled.unwrap()["project"].shown(),
        "Sky Garden"
    );

    assert_eq!(record(&company, "Lê Thị Chi").stage, None);
    reconfigure(&mut company, |text| {
        text.replace(
            "aliases = [\"đã cọc\"]",
            "aliases = [\"đã cọc\", \"giữ chỗ\"]",
        )
    });
    assert!(run(&mut company, 60).await.is_empty(), "a new alias");
    assert_eq!(
        record(&company, "Lê Thị Chi").stage.as_deref(),
        Some("deposited")
    );
    // The stage cell was not typed, so it was not entered; another cell's change is just that.
    company.type_into(3, "NV phụ trách", "Lan Anh");
    assert_eq!(
        run(&mut company, 60).await,
        [
            "changed/1/managers:Hà Phạm/owner #1",
            "owner-changed/1/owner/owner #1"
        ]
    );

    company.type_into(2, "Ngày hẹn", "25/11/2026");
    run(&mut company, 60).await;
    reconfigure(&mut company, |text| {
        format!("timezone = \"Asia/Tokyo\"\n{text}")
    });
    assert!(run(&mut company, 60).await.is_empty(), "another time zone");
}

#[tokio::test(flavor = "multi_thread")]
async fn s03_another_time_zone_takes_back_the_times_that_still_wait() {
    let rule = "[[rule]]\nid = \"day\"\non = { date = \"appointment\", before = \"1d\", at = \"09:00\" }\nsend = { channel = \"telegram\", to = \"owner\", template = \"appointment\" }\n";
    let mut company = company(rule).await;
    company.type_into(2, "Ngày hẹn", "25/11/2026");
    run(&mut company, 60).await;
    reconfigure(&mut company, |text| {
        format!("timezone = \"Europe/Berlin\"\n{text}")
    });
    // 09:00 in Hanoi is the middle of the night in Berlin.
    company.now = "2026-11-24T02:00:30Z".parse().unwrap();
    assert!(ring(&company).is_empty(), "the time of the old zone");
    company.now = "2026-11-24T08:00:30Z".parse().unwrap();
    assert_eq!(ring(&company).len(), 1, "09:00 in Berlin");
    company.now = "2026-11-26T08:00:30Z".parse().unwrap();
    assert!(ring(&company).is_empty(), "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn s04_a_tab_newly_named_is_a_baseline_and_one_newly_made_is_not() {
    let mut company = company(RULES).await;
    company.edit(new_tab(
        "Tháng 10",
        &[
            HEADER,
            &[
                "Vũ Em",
                "0945678901",
                "em@example.com",
                "Đang tư vấn",
                "Lan Anh",
            ],
            &[
                "Hồ Gấm",
                "0956789012",
                "gam@example.com",
                "Đang tư vấn",
                "Lan Anh",
            ],
        ],
    ));
    reconfigure(&mut company, with_tab("Tháng *", ""));
    let named = company.poll().await;
    assert_eq!(kinds(&named), json!({}), "{:?}", named.changes);
    assert_eq!(named.tabs.len(), 2);
    assert!(run(&mut company, 60).await.is_empty());
    let gam = record(&company, "Hồ Gấm");
    assert!(gam.baseline);

    // Made under the pattern: one row cut from the old month, one that nobody was before.
    company.edit(new_tab(
        "Tháng 11",
        &[
            HEADER,
            &[
                "Ngô Hải",
                "0967890123",
                "hai@example.com",
                "Đang tư vấn",
                "Lan Anh",
            ],
        ],
    ));
    company.edit(Edit::CutRows {
        tab: "Tháng 10".into(),
        from: 3,
        count: 1,
        to_tab: "Tháng 11".into(),
        to_row: None,
        close: true,
    });
    company.wait(70);
    let made = company.poll().await;
    assert_eq!(kinds(&made), json!({"added": 1}), "{:?}", made.changes);
    assert_eq!(made.changes[0].tab, "Tháng 11");
    assert_eq!(
        run(&mut company, 60).await,
        ["lead/1/owner/added", "welcome/1/customer/added"]
    );
    let moved = record(&company, "Hồ Gấm");
    assert_eq!(moved.id, gam.id, "the same customer");
    assert_ne!(moved.place.sheet, gam.place.sheet);
}

#[tokio::test(flavor = "multi_thread")]
async fn s04_a_row_cut_into_the_tab_of_a_stage_has_entered_it() {
    let mut company = company(RULES).await;
    company.edit(new_tab(
        "Đã cọc",
        &[&["Họ tên", "SĐT", "Email", "NV phụ trách"]],
    ));
    reconfigure(&mut company, with_tab("Đã cọc", "stage = \"deposited\""));
    company.poll().await;
    let before = record(&company, "Trần Bình");
    company.edit(delete(2));
    company.edit(Edit::AppendRow {
        tab: "Đã cọc".into(),
        values: [BINH[0], "'0912345678", BINH[2], BINH[4]]
            .iter()
            .map(|cell| json!(cell))
            .collect(),
    });
    let seen = company.poll().await;
    assert_eq!(kinds(&seen), json!({"changed": 1}), "{:?}", seen.changes);
    let decided = run(&mut company, 700).await;
    assert!(
        decided.contains(&"deposited/1/customer/deposited #1".to_owned()),
        "{decided:?}"
    );
    assert_eq!(record(&company, "Trần Bình").id, before.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn s05_dates_are_wall_time_in_the_configured_zone_whatever_the_workbook_says() {
    let mut company = company(RULES).await;
    company.type_into(2, "Ngày hẹn", "25/11/2026 15:30");
    company.edit(Edit::SetTimeZone {
        time_zone: "America/New_York".into(),
    });
    company.poll().await;
    let lines = desk(&company).records(None, &Who::CommandLine).unwrap();
    let said = serde_json::to_string(&lines[0].fields["appointment"]).unwrap();
    assert!(said.contains("2026-11-25T15:30"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_exchanged_phones_keep_identities() {
    let mut company = company(RULES).await;
    let (binh, chi) = (
        record(&company, "Trần Bình"),
        record(&company, "Lê Thị Chi"),
    );
    company.type_into(2, "SĐT", "'0923456789");
    company.type_into(3, "SĐT", "'0912345678");
    let seen = company.poll().await;
    assert_eq!(kinds(&seen), json!({"changed": 2}), "{:?}", seen.changes);
    assert!(
        seen.changes
            .iter()
            .all(|change| change.fields.len() == 1 && change.fields[0].field == "phone")
    );
    assert_eq!(
        (
            record(&company, "Trần Bình").id,
            record(&company, "Lê Thị Chi").id
        ),
        (binh.id, chi.id)
    );
    let changed = ["changed/1/managers:Hà Phạm/phone #1"; 2];
    assert_eq!(run(&mut company, 60).await, changed);
}

/// Two rows equal in every cell, of which nobody can tell which is which once both are changed.
async fn twins() -> Company {
    let hoa: &[&str] = &["Chị Hoa", "0911222333", "", "Đang tư vấn", "Lan Anh"];
    let mut company =
        Company::small(&[BINH, hoa, CHI, hoa, DUNG], &format!("{CHANNELS}{RULES}")).await;
    company.poll().await;
    company.type_into(3, "Giai đoạn", "Đã cọc");
    company.type_into(5, "Giai đoạn", "Không còn nhu cầu");
    company
}

#[tokio::test(flavor = "multi_thread")]
async fn s07_unclear_rows_fire_nothing_and_become_clear_by_themselves() {
    let mut company = twins().await;
    let seen = company.poll().await;
    assert_eq!(
        seen.ambiguous.len(),
        1,
        "{:?} {:?}",
        seen.changes,
        seen.ambiguous
    );
    assert_eq!(seen.ambiguous[0].rows, [3, 5]);
    let ids: Vec<_> = records(&company)
        .into_iter()
        .map(|record| record.id)
        .collect();
    assert!(run(&mut company, 60).await.is_empty());
    let unclear = || {
        records(&company)
            .iter()
            .filter(|record| record.ambiguous_since.is_some())
            .count()
    };
    assert_eq!(unclear(), 2);
    company.type_into(3, "Giai đoạn", "Đang tư vấn");
    company.type_into(5, "Giai đoạn", "Đang tư vấn");
    company.wait(10);
    let clear = company.poll().await;
    assert_eq!((kinds(&clear), clear.ambiguous.len()), (json!({}), 0));
    let unclear = || {
        records(&company)
            .iter()
            .filter(|record| record.ambiguous_since.is_some())
            .count()
    };
    assert_eq!(unclear(), 0, "their week does not go on");
    assert_eq!(
        records(&company)
            .into_iter()
            .map(|record| record.id)
            .collect::<Vec<_>>(),
        ids
    );
    assert!(run(&mut company, 60).await.is_empty());
    // Unclear once more next month: their week begins anew.
    company.wait(30 * 86_400);
    company.type_into(3, "Giai đoạn", "Đã cọc");
    assert_eq!(company.poll().await.ambiguous.len(), 1);
    assert!(run(&mut company, 3_600).await.is_empty());
    assert_eq!(company.poll().await.ambiguous.len(), 1);
    assert_eq!(
        records(&company)
            .into_iter()
            .map(|record| record.id)
            .collect::<Vec<_>>(),
        ids
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s07_after_seven_days_unclear_rows_are_taken_over_without_events() {
    let mut company = twins().await;
    company.poll().await;
    company.restart().await;
    company.wait(7 * 86_400 - 60);
    assert_eq!(company.poll().await.ambiguous.len(), 1, "not yet");
    company.wait(120);
    company.poll().await;
    assert!(company.poll().await.ambiguous.is_empty());
    assert!(run(&mut company, 700).await.is_empty());
    assert!(messages(&company).is_empty());
    let said = journal(&company);
    assert!(
        said.iter().any(|text| text.contains("unclear for 7 days")),
        "{said:?}"
    );
    let lines = desk(&company).records(None, &Who::CommandLine).unwrap();
    assert_eq!(lines.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn s08_a_return_after_a_month_is_a_lead_for_staff_and_no_second_welcome() {
    let mut company = company(RULES).await;
    let id = record(&company, "Trần Bình").id;
    company.edit(delete(2));
    company.poll().await;
    assert_eq!(
        run(&mut company, 700).await,
        ["removed/1/managers:Hà Phạm/removed #1"]
    );
    company.wait(31 * 86_400);
    company.poll().await;
    company.add_customer(&[
        ("Họ tên", BINH[0]),
        ("SĐT", "'0912345678"),
        ("Email", BINH[2]),
        ("Giai đoạn", BINH[3]),
        ("NV phụ trách", BINH[4]),
    ]);
    let back = company.poll().await;
    assert_eq!(kinds(&back), json!({"returned": 1}));
    assert_eq!(back.changes[0].record, id);
    let mut decided = keys(&back);
    decided.extend(run(&mut company, 60).await);
    assert_eq!(decided, ["lead/1/owner/returned 2026-12-22"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s08_a_return_within_a_month_is_nothing_and_nothing_missed_fires_late() {
    let idle = r#"
[[rule]]
id = "idle"
on = { idle = "consulting", after = "3d", every = "2d", times = 3 }
send = { channel = "telegram", to = "owner", template = "idle" }
"#;
    let mut company = company(&format!("{RULES}{idle}")).await;
    company.edit(delete(2));
    company.poll().await;
    run(&mut company, 700).await;
    company.wait(10 * 86_400);
    // Chi, who stayed, is reminded of, the newest round only.
    assert_eq!(
        ring(&company),
        ["idle/1/owner/consulting idle since 2026-11-21T02:00:00Z #1"]
    );
    company.add_customer(&[
        ("Họ tên", BINH[0]),
        ("SĐT", "'0912345678"),
        ("Email", BINH[2]),
        ("Giai đoạn", BINH[3]),
        ("NV phụ trách", BINH[4]),
    ]);
    let back = company.poll().await;
    assert_eq!(kinds(&back), json!({"returned": 1}));
    assert!(keys(&back).is_empty() && run(&mut company, 60).await.is_empty());
}

/// The store is put back as it is now; nobody knows what was sent since `from`.
fn restored(company: &Company, from: Timestamp) {
    let to = company.now;
    after_restore(&company.roster, Gap { from, to }).unwrap();
}

/// A sheet that is as it was in the backup is looked at all the same: else the next change would be taken for one that
/// somebody was told of.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_change_after_the_first_look_after_a_restore_counts() {
    let mut company = company(RULES).await;
    for restarted in [false, true] {
        let from = company.now;
        company.wait(3_600);
        restored(&company, from);
        if restarted {
            company.restart().await;
        }
        assert_eq!(kinds(&company.poll().await), json!({}));
        company.wait(86_400);
        let stage = if restarted {
            "Đã hẹn"
        } else {
            "Đã cọc"
        };
        company.type_into(3, "Giai đoạn", stage);
        assert_eq!(kinds(&company.poll().await), json!({"changed": 1}));
        let decided = run(&mut company, 700).await;
        assert!(!decided.is_empty(), "restarted: {restarted}");
    }
}

/// What was told of between the backup and its restore had the numbers that come next in the backup.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_no_event_has_the_number_of_one_that_was_forgotten() {
    let mut company = company(RULES).await;
    let deposits = |keys: Vec<String>| -> Vec<u64> {
        keys.iter()
            .filter_map(|key| key.split_once("deposited #")?.1.parse().ok())
            .collect()
    };
    let from = company.now;
    company.wait(3_600);
    restored(&company, from);
    company.poll().await;
    company.type_into(3, "Giai đoạn", "Đã cọc");
    company.poll().await;
    let first = deposits(run(&mut company, 700).await);
    assert!(first.iter().all(|number| *number > 3_600), "{first:?}");
    assert!(!first.is_empty());
    // A backup of that time, restored twice: also what came of the first restore is forgotten.
    company.wait(3_600);
    restored(&company, from);
    company.poll().await;
    company.type_into(4, "Giai đoạn", "Đã cọc");
    company.poll().await;
    let second = deposits(run(&mut company, 700).await);
    assert!(
        second.iter().all(|number| *number > first[0] + 3_600),
        "{second:?}"
    );
    assert!(!second.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_missing_at_the_first_look_after_a_restore_comes_back_without_events() {
    let mut company = company(RULES).await;
    // In the backup a new customer has not settled, and another is cut and not gone for good.
    company.add_customer(&AN);
    assert_eq!(kinds(&company.poll().await), json!({"added": 1}));
    company.edit(delete(2));
    assert_eq!(kinds(&company.poll().await), json!({"removed": 1}));
    let from = company.now;
    company.wait(3_600);
    company.edit(delete(company.last_row()));
    company.edit(delete(company.last_row()));
    restored(&company, from);
    assert_eq!(kinds(&company.poll().await), json!({"removed": 2}));
    assert_eq!(run(&mut company, 700).await, [""; 0]);
    // All come back, one of them with the stage of which the managers may have been told.
    company.add_customer(&AN);
    for [name, phone, email, stage, owner] in [
        [BINH[0], "'0912345678", BINH[2], BINH[3], BINH[4]],
        [DUNG[0], "'0934567890", DUNG[2], "Đã đặt cọc", DUNG[4]],
    ] {
        company.add_customer(&[
            ("Họ tên", name),
            ("SĐT", phone),
            ("Email", email),
            ("Giai đoạn", stage),
            ("NV phụ trách", owner),
        ]);
    }
    assert_eq!(kinds(&company.poll().await), json!({"returned": 3}));
    assert_eq!(run(&mut company, 700).await, [""; 0]);
    // Later removals are as ever.
    company.edit(delete(company.last_row()));
    company.poll().await;
    assert_eq!(
        run(&mut company, 700).await,
        ["removed/1/managers:Hà Phạm/removed #3602"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s08_a_reminder_due_between_cut_and_paste_is_not_lost() {
    let idle = r#"
[[rule]]
id = "idle"
on = { idle = "prospect", after = "3d" }
send = { channel = "telegram", to = "owner", template = "idle" }
"#;
    let mut company = company(idle).await;
    company.wait(3 * 86_400 - 30);
    company.edit(delete(4));
    company.poll().await;
    company.wait(40);
    assert!(ring(&company).is_empty());
    company.add_customer(&[
        ("Họ tên", DUNG[0]),
        ("SĐT", "'0934567890"),
        ("Email", DUNG[2]),
        ("Giai đoạn", DUNG[3]),
        ("NV phụ trách", DUNG[4]),
    ]);
    assert_eq!(kinds(&company.poll().await), json!({"returned": 1}));
    assert_eq!(
        run(&mut company, 120).await,
        ["idle/1/owner/prospect idle since 2026-11-21T02:00:00Z #1"]
    );
}

/// A list of new leads pasted under the last row.
fn paste(company: &Company, count: usize) {
    let first = company.last_row() + 1;
    let rows = (0..count)
        .map(|n| {
            let name = format!(
                "{} {}",
                ["Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ"][n % 6],
                [
                    "An", "Bảo", "Cúc", "Đạt", "Giang", "Hùng", "Khoa", "Linh", "Mai"
                ][n / 6]
            );
            [
                name,
                format!("'0977{n:06}"),
                format!("khach{n}@example.com"),
                "Đang tư vấn".into(),
                "Lan Anh".into(),
            ]
            .iter()
            .map(|cell| json!(cell))
            .collect()
        })
        .collect();
    company.edit(Edit::Paste {
        tab: CUSTOMERS.into(),
        cell: format!("A{first}"),
        rows,
        text: None,
    });
}

fn decide(company: &Company, release: bool) {
    let held = desk(company).held_list(&Who::CommandLine).unwrap();
    assert_eq!(held.len(), 1);
    desk(company)
        .held_decide(&held[0].id, release, &Who::CommandLine, company.now)
        .unwrap();
}

fn is_held(report: &Report) -> bool {
    report.tabs.iter().any(|tab| tab.held.is_some())
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_more_than_fifty_messages_are_held_and_a_release_sends_them() {
    let mut company = company(RULES).await;
    paste(&company, 26);
    let (seen, held) = company.poll_and_settle().await;
    assert_eq!(kinds(&seen), json!({"added": 26}));
    assert_eq!(
        held.tabs[0].held.as_deref(),
        Some("one poll would send 52 messages")
    );
    assert!(held.messages.is_empty());
    assert_eq!(messages(&company).len(), 1, "the question to the manager");
    assert!(run(&mut company, 60).await.is_empty());
    decide(&company, true);
    let released = company.poll().await;
    assert_eq!((released.messages.len(), is_held(&released)), (52, false));
    assert!(
        desk(&company)
            .held_list(&Who::CommandLine)
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_fifty_messages_are_not_held() {
    let mut company = company(RULES).await;
    paste(&company, 25);
    let (_, settled) = company.poll_and_settle().await;
    assert_eq!((settled.messages.len(), is_held(&settled)), (50, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_a_dropped_flood_is_the_new_base_without_a_message() {
    let mut company = company(RULES).await;
    paste(&company, 30);
    let (_, held) = company.poll_and_settle().await;
    assert!(is_held(&held));
    decide(&company, false);
    let dropped = company.poll().await;
    assert_eq!(
        (
            dropped.messages.len(),
            dropped.events.len(),
            is_held(&dropped)
        ),
        (0, 0, false)
    );
    assert!(run(&mut company, 700).await.is_empty());
    assert!(
        messages(&company)
            .iter()
            .all(|message| message.rule == "held")
    );
    // They are customers like others from now on.
    company.type_into(5, "Giai đoạn", "Đã cọc");
    assert_eq!(run(&mut company, 60).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_rows_gone_are_held_dropped_or_released_if_no_worse() {
    let rows: Vec<Vec<String>> = (0..10)
        .map(|n| {
            vec![
                format!("Khách {}", char::from(b'A' + n)),
                format!("091234560{n}"),
                format!("k{n}@example.com"),
                "Đang tư vấn".into(),
                "Lan Anh".into(),
            ]
        })
        .collect();
    let rows: Vec<Vec<&str>> = rows
        .iter()
        .map(|row| row.iter().map(String::as_str).collect())
        .collect();
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    let mut company = Company::small(&rows, &format!("{CHANNELS}{RULES}")).await;
    company.poll().await;
    let cut = |company: &Company, count| {
        company.edit(Edit::DeleteRows {
            tab: CUSTOMERS.into(),
            from: 2,
            count,
        });
    };
    cut(&company, 4);
    assert!(!is_held(&company.poll().await), "four are below the number");
    company.google.undo(&company.workbook).unwrap();
    company.poll().await;
    cut(&company, 5);
    let held = company.poll().await;
    assert_eq!(
        held.tabs[0].held.as_deref(),
        Some("5 of 10 rows are gone from the tab \"Khách hàng\"")
    );
    assert_eq!(
        kinds(&held),
        json!({"removed": 5}),
        "sync still prints what is held"
    );
    decide(&company, true);
    cut(&company, 1);
    let worse = company.poll().await;
    assert!(is_held(&worse), "released was less than this");
    assert!(worse.newly_held.is_some(), "and they are asked once more");
    let asked = messages(&company)
        .iter()
        .filter(|message| message.rule == "held")
        .count();
    assert_eq!(asked, 2);
    decide(&company, false);
    assert!(!is_held(&company.poll().await));
    assert!(
        run(&mut company, 700).await.is_empty(),
        "dropped: no removal is told"
    );
    assert_eq!(
        desk(&company)
            .records(None, &Who::CommandLine)
            .unwrap()
            .len(),
        4
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_a_released_removal_is_told() {
    let mut company = company(&format!(
        "{RULES}[guard]\nrows_gone = {{ share = \"20%\", at_least = 1 }}\n"
    ))
    .await;
    company.edit(delete(2));
    assert!(is_held(&company.poll().await));
    assert!(
        run(&mut company, 700).await.is_empty(),
        "nothing of it settles while it is held"
    );
    decide(&company, true);
    let mut decided = keys(&company.poll().await);
    decided.extend(run(&mut company, 700).await);
    assert_eq!(decided, ["removed/1/managers:Hà Phạm/removed #1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_a_dropped_removal_is_told_of_no_more_though_the_row_was_half_changed() {
    let mut company = company(&format!(
        "{RULES}[guard]\nrows_gone = {{ share = \"20%\", at_least = 1 }}\n"
    ))
    .await;
    company.type_into(2, "Giai đoạn", "Đã cọc");
    company.poll().await;
    company.wait(5);
    company.edit(delete(2));
    assert!(is_held(&company.poll().await));
    decide(&company, false);
    company.wait(5);
    assert!(!is_held(&company.poll().await));
    assert!(run(&mut company, 700).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_error_cells_are_held() {
    let rows: Vec<Vec<String>> = (0..12)
        .map(|n| {
            vec![
                format!("Khách {}", char::from(b'A' + n)),
                format!("0912345{n:03}"),
                format!("k{n}@example.com"),
                "Đang tư vấn".into(),
                "Lan Anh".into(),
            ]
        })
        .collect();
    let rows: Vec<Vec<&str>> = rows
        .iter()
        .map(|row| row.iter().map(String::as_str).collect())
        .collect();
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    let mut company = Company::small(&rows, &format!("{CHANNELS}{RULES}")).await;
    company.poll().await;
    let breaks = |company: &Company, row: usize| company.type_into(row, "Giai đoạn", "'#REF!");
    for row in 2..6 {
        breaks(&company, row);
    }
    assert!(!is_held(&company.poll().await), "four");
    breaks(&company, 6);
    breaks(&company, 7);
    breaks(&company, 8);
    breaks(&company, 9);
    assert!(!is_held(&company.poll().await), "four more than were there");
    for row in 2..12 {
        breaks(&company, row);
    }
    company.edit(Edit::SetCells {
        tab: CUSTOMERS.into(),
        cells: (2..12)
            .map(|row| CellEdit::typed(row, "Email", "'#REF!"))
            .collect(),
    });
    let held = company.poll().await;
    assert_eq!(
        held.tabs[0].held.as_deref(),
        Some("10 more cells under \"Email\" in the tab \"Khách hàng\" show an error")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_a_month_that_was_deleted_is_held() {
    let mut company = company(RULES).await;
    company.edit(new_tab(
        "Tháng 10",
        &[
            HEADER,
            &[
                "Vũ Em",
                "0945678901",
                "em@example.com",
                "Đang tư vấn",
                "Lan Anh",
            ],
            &[
                "Hồ Gấm",
                "0956789012",
                "gam@example.com",
                "Đang tư vấn",
                "Lan Anh",
            ],
        ],
    ));
    reconfigure(&mut company, with_tab("Tháng *", ""));
    company.poll().await;
    company.edit(Edit::DeleteTab {
        tab: "Tháng 10".into(),
    });
    company.wait(70);
    let held = company.poll().await;
    assert!(is_held(&held), "{held:?}");
    assert!(
        held.tabs[0]
            .held
            .as_deref()
            .unwrap()
            .contains("the tab \"Tháng 10\" was cleared: its 2 rows are gone")
    );
    decide(&company, false);
    company.wait(10);
    assert!(!is_held(&company.poll().await));
    assert!(run(&mut company, 700).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_a_column_that_staff_deleted_for_good_can_be_released() {
    let mut company = company(RULES).await;
    company.type_into(2, "Ngày hẹn", "25/11/2026");
    run(&mut company, 60).await;
    company.edit(Edit::DeleteColumn {
        tab: CUSTOMERS.into(),
        column: "Ngày hẹn".into(),
    });
    let held = company.poll().await;
    assert!(
        held.tabs[0]
            .held
            .as_deref()
            .unwrap()
            .contains("the header \"Ngày hẹn\" is not in the tab")
    );
    decide(&company, true);
    assert!(!is_held(&company.poll().await));
    assert!(run(&mut company, 60).await.is_empty(), "SEMANTICS 3");
    // Without the name nothing could be read, so nothing can be released.
    company.edit(Edit::RenameHeader {
        tab: CUSTOMERS.into(),
        from: "Họ tên".into(),
        to: "Ghi chép".into(),
    });
    assert!(is_held(&company.poll().await));
    decide(&company, true);
    company.wait(10);
    assert!(is_held(&company.poll().await));
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_other_workbooks_go_on_while_one_is_held() {
    let mut company = company(RULES).await;
    let mut other = company.google.workbook(&company.workbook).unwrap();
    other.id = "1Other".into();
    company.google.add_workbook(other);
    reconfigure(&mut company, |text| {
        text.replacen(
            "[columns]\n",
            "[[workbook]]\nid = \"1Other\"\n[[workbook.tab]]\nname = \"Khách hàng\"\n[columns]\n",
            1,
        )
    });
    company
        .cycle
        .poll("1Other", company.now, Mode::Real)
        .await
        .unwrap();
    company.edit(Edit::Clear {
        tab: CUSTOMERS.into(),
        range: Some("A2:H4".into()),
    });
    assert!(is_held(&company.poll().await));
    company
        .google
        .edit("1Other", &[set(CUSTOMERS, 2, "Giai đoạn", "Đã cọc")])
        .unwrap();
    company
        .cycle
        .poll("1Other", company.now, Mode::Real)
        .await
        .unwrap();
    company.wait(30);
    let other = company
        .cycle
        .poll("1Other", company.now, Mode::Real)
        .await
        .unwrap();
    assert_eq!((other.messages.len(), is_held(&other)), (3, false));
}

fn suppressed(company: &Company, address: &str) -> bool {
    let store = company.roster.store();
    store
        .contains(&suppress_key(store, address).unwrap())
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_opt_outs_of_new_rows_act_from_a_held_poll() {
    let mut company = company(&format!(
        "{RULES}[guard]\nrows_gone = {{ share = \"20%\", at_least = 2 }}\n"
    ))
    .await;
    company.edit(Edit::DeleteRows {
        tab: CUSTOMERS.into(),
        from: 2,
        count: 2,
    });
    let row = company.add_customer(&[
        ("Họ tên", "Đặng Thu Thảo"),
        ("SĐT", "'0388777111"),
        ("Email", "thao.dang@mail.example"),
        ("Giai đoạn", "Khách hàng tiềm năng"),
    ]);
    company.type_into(row, "Không nhận tin", "x");
    let held = company.poll().await;
    assert!(is_held(&held), "{held:?}");
    assert_eq!(kinds(&held), json!({"added": 1, "removed": 2}));
    assert!(suppressed(&company, "thao.dang@mail.example"));
    assert!(suppressed(&company, "+84388777111"));
    decide(&company, false);
    company.poll().await;
    company.type_into(row, "Không nhận tin", "");
    company.wait(10);
    company.poll().await;
    let lifted = !suppressed(&company, "thao.dang@mail.example");
    assert!(lifted, "unticking lifts what the cell had set");
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_a_manager_may_stop_everything_from_the_last_poll_for_a_minute() {
    let mut company = company(RULES).await;
    company.add_customer(&AN);
    let (_, settled) = company.poll_and_settle().await;
    assert_eq!(settled.messages.len(), 2);
    let stop = |company: &Company| {
        desk(company).stop_last_poll(&company.workbook, &Who::CommandLine, company.now)
    };
    company.wait(61);
    assert!(
        stop(&company)
            .unwrap_err()
            .text
            .contains("more than a minute ago")
    );
    company.wait(-2);
    assert_eq!(stop(&company).unwrap().cancelled, 2);
    assert!(
        messages(&company)
            .iter()
            .all(|message| message.state == State::Cancelled)
    );
    assert!(
        run(&mut company, 60).await.is_empty(),
        "and they are not decided again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_each_entry_of_a_stage_is_an_occasion_and_a_restart_is_none() {
    let mut company = company(RULES).await;
    company.type_into(2, "Giai đoạn", "Đã cọc");
    assert!(
        run(&mut company, 60)
            .await
            .contains(&"deposited/1/customer/deposited #1".to_owned())
    );
    company.restart().await;
    assert!(run(&mut company, 60).await.is_empty());
    company.type_into(2, "Giai đoạn", "Đang tư vấn");
    run(&mut company, 60).await;
    company.type_into(2, "Giai đoạn", "đã cọc");
    assert!(
        run(&mut company, 60)
            .await
            .contains(&"deposited/1/customer/deposited #3".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s14_a_welcome_waits_a_day_for_its_condition() {
    let rule = r#"
[[rule]]
id = "welcome"
on = "added"
when = "email"
send = { channel = "email", to = "customer", template = "welcome" }
"#;
    let mut company = company(rule).await;
    let row = company.add_customer(&[AN[0], AN[1], AN[3], AN[4]]);
    let late = company.add_customer(&[("Họ tên", "Ngô Hải"), ("SĐT", "'0967890123"), AN[3], AN[4]]);
    assert!(run(&mut company, 60).await.is_empty());
    company.wait(86_400 - 300);
    company.type_into(row, "Email", "an@example.com");
    assert_eq!(run(&mut company, 60).await, ["welcome/1/customer/added"]);
    company.wait(600);
    company.type_into(late, "Email", "hai@example.com");
    assert!(run(&mut company, 60).await.is_empty());
    // An old list: received three days ago.
    let old = company.add_customer(&[
        ("Họ tên", "Lý Kim"),
        ("SĐT", "'0978901234"),
        ("Email", "kim@example.com"),
        ("Ngày tiếp nhận", "18/11/2026"),
    ]);
    assert_eq!(old, 7);
    assert!(run(&mut company, 60).await.is_empty());
    company.add_customer(&[
        ("Họ tên", "Mạc Lâm"),
        ("SĐT", "'0989012345"),
        ("Email", "lam@example.com"),
        ("Ngày tiếp nhận", "21/11/2026"),
    ]);
    assert_eq!(run(&mut company, 60).await, ["welcome/1/customer/added"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s15_a_new_rule_sees_later_events_and_waits_for_times_of_the_rows_that_are_there() {
    let mut company = company("").await;
    company.wait(86_400);
    reconfigure(&mut company, |text| {
        format!(
            "{text}{RULES}{}",
            r#"
[[rule]]
id = "idle"
on = { idle = "consulting", after = "3d" }
send = { channel = "telegram", to = "owner", template = "idle" }
[[rule]]
id = "soon"
on = { idle = "consulting", after = "1h" }
send = { channel = "telegram", to = "owner", template = "idle" }
"#
        )
    });
    assert!(
        run(&mut company, 60).await.is_empty(),
        "neither events of before, nor times of before"
    );
    company.wait(2 * 86_400);
    assert_eq!(
        ring(&company),
        ["idle/1/owner/consulting idle since 2026-11-21T02:00:00Z #1"; 2]
    );
    company.type_into(4, "Giai đoạn", "Đã cọc");
    assert_eq!(run(&mut company, 60).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn s15_a_removed_rule_takes_its_queue_with_it() {
    let mut company = company(RULES).await;
    company.add_customer(&AN);
    company.poll_and_settle().await;
    reconfigure(&mut company, |text| {
        let at = text.find("[[rule]]\nid = \"welcome\"").unwrap();
        let to = text.find("[[rule]]\nid = \"lead\"").unwrap();
        format!("{}{}", &text[..at], &text[to..])
    });
    let state = |rule: &str| {
        messages(&company)
            .iter()
            .find(|message| message.rule == rule)
            .unwrap()
            .state
    };
    assert_eq!(
        (state("welcome"), state("lead")),
        (State::Cancelled, State::Queued)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_the_age_of_a_stage_is_from_a_since_column_or_the_day_of_receipt_or_unknown() {
    let mut company = Company::small(
        &[&["Trần Bình", "0912345678", "binh@example.com", "Đã cọc", "Lan Anh", "1/9/2026", "15/10/2026"], &["Lê Thị Chi", "0923456789", "chi@example.com", "Đang tư vấn", "Lan Anh", "1/9/2026"], DUNG],
        &format!("{CHANNELS}{RULES}").replacen("[[rule]]", "[columns.custom]\ndeposit_at = { header = \"Ngày cọc\", type = \"date\", since = \"deposited\" }\n[[rule]]", 1),
    )
    .await;
    company.edit(Edit::RenameHeader {
        tab: CUSTOMERS.into(),
        from: "Ngày hẹn".into(),
        to: "Ngày cọc".into(),
    });
    company.type_into(2, "Ngày cọc", "15/10/2026");
    company.type_into(2, "Ngày tiếp nhận", "1/9/2026");
    company.type_into(3, "Ngày tiếp nhận", "1/9/2026");
    company.poll().await;
    let since = |name: &str| record(&company, name).stage_since.map(|at| at.to_string());
    assert_eq!(since("Trần Bình").as_deref(), Some("2026-10-14T17:00:00Z"));
    assert_eq!(since("Lê Thị Chi").as_deref(), Some("2026-08-31T17:00:00Z"));
    assert_eq!(since("Phạm Dũng"), None);
    assert_eq!(
        record(&company, "Phạm Dũng").active_at,
        company.now,
        "its clock starts at the baseline"
    );
    company.type_into(4, "Giai đoạn", "Đang tư vấn");
    let before = company.now;
    company.wait(45);
    let entered = company.now;
    let (_, _) = company.poll_and_settle().await;
    let dung = record(&company, "Phạm Dũng");
    assert_eq!(
        (dung.stage_after, dung.stage_since),
        (Some(before), Some(entered)),
        "between the last poll with the old stage and the first with the new one, not when it settled"
    );
}

const IDLE: &str = r#"
[[rule]]
id = "idle"
on = { idle = "prospect", after = "3d", every = "2d", times = 3 }
send = { channel = "telegram", to = "owner", template = "idle" }
escalate = [{ after = "9d", to = "managers", template = "idle-escalated" }]
"#;

/// Moves the clock hour by hour and says on which days something rang.
fn days(company: &mut Company, hours: i64) -> Vec<String> {
    let start: Timestamp = "2026-11-21T02:00:00Z".parse().unwrap();
    let mut rang = Vec::new();
    for _ in 0..hours {
        company.wait(3_600);
        for key in ring(company) {
            rang.push(format!(
                "{} {}",
                company.now.duration_since(start).as_hours() / 24,
                key.split('/').nth(2).unwrap()
            ));
        }
    }
    rang
}

#[tokio::test(flavor = "multi_thread")]
async fn s17_idle_reminders_come_on_days_3_5_and_7_and_the_manager_hears_on_day_9() {
    let mut company = company(IDLE).await;
    assert_eq!(
        days(&mut company, 24 * 14),
        ["3 owner", "5 owner", "7 owner", "9 managers:Hà Phạm"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s17_a_button_or_a_change_ends_the_round() {
    let mut company = company(IDLE).await;
    assert_eq!(days(&mut company, 24 * 4), ["3 owner"]);
    let id = record(&company, "Phạm Dũng").id;
    desk(&company)
        .touch(id.as_str(), &Who::CommandLine, company.now)
        .unwrap();
    assert_eq!(
        days(&mut company, 24 * 4),
        ["7 owner"],
        "three days after the button"
    );
    company.type_into(4, "Email", "pham.dung@example.com");
    company.poll_and_settle().await;
    assert_eq!(
        days(&mut company, 24 * 4),
        ["11 owner"],
        "three days after the change"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s18_both_buttons_of_a_held_mail() {
    let mut company = company(RULES).await;
    company.type_into(2, "Giai đoạn", "Đã cọc");
    company.type_into(3, "Giai đoạn", "Đã cọc");
    company.poll_and_settle().await;
    let held: Vec<Message> = messages(&company)
        .into_iter()
        .filter(|message| message.held_until.is_some())
        .collect();
    assert_eq!(held.len(), 2);
    assert!(
        held.iter()
            .all(|message| message.due.duration_since(company.now).as_mins() == 20)
    );
    desk(&company)
        .send_now(&held[0].key.digest(), &Who::CommandLine, company.now)
        .unwrap();
    desk(&company)
        .picked_wrong(&held[1].key.digest(), &Who::CommandLine, company.now)
        .unwrap();
    let now = |n: usize| {
        messages(&company)
            .into_iter()
            .find(|message| message.key == held[n].key)
            .unwrap()
    };
    assert_eq!(
        (now(0).state, now(0).held_until, now(0).due),
        (State::Queued, None, company.now)
    );
    assert_eq!(now(1).state, State::Cancelled);
    assert!(
        desk(&company)
            .send_now(&held[1].key.digest(), &Who::CommandLine, company.now)
            .is_err(),
        "too late"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s21_a_schedule_missed_is_caught_up_once() {
    let rule = r#"
[[rule]]
id = "morning"
on = { schedule = "08:00" }
send = { channel = "telegram", to = "managers", template = "digest-daily" }
"#;
    let mut company = company(rule).await;
    assert!(ring(&company).is_empty());
    company.wait(23 * 3_600); // 08:00 the next day
    assert_eq!(
        ring(&company),
        ["morning/1/managers:Hà Phạm/2026-11-22T08:00:00"]
    );
    assert!(ring(&company).is_empty());
    company.wait(3 * 86_400 + 3_600);
    alarms::enforce_rules(&company.roster, company.now).unwrap();
    assert_eq!(
        ring(&company),
        ["morning/1/managers:Hà Phạm/2026-11-25T08:00:00"],
        "the last of three"
    );
    assert!(ring(&company).is_empty());
    company.wait(86_400 + 12 * 3_600);
    assert!(
        ring(&company).is_empty(),
        "thirteen hours are more than half of the period"
    );
    assert!(
        journal(&company)
            .iter()
            .any(|text| text.starts_with("morning: missed"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s23_one_mail_per_address_and_person_and_none_is_dropped_for_a_shared_phone() {
    let mut company = company(RULES).await;
    let stage = ("Giai đoạn", "Đang tư vấn");
    // The same mailbox twice; the same person with two mailboxes; a couple that shares a phone.
    company.add_customer(&[
        ("Họ tên", "Nguyễn Văn An"),
        ("SĐT", "'0901234567"),
        ("Email", "an@example.com"),
        stage,
    ]);
    company.add_customer(&[
        ("Họ tên", "Văn An"),
        ("SĐT", "'0909999999"),
        ("Email", "AN@example.com"),
        stage,
    ]);
    company.add_customer(&[
        ("Họ tên", "Hồ Gấm"),
        ("SĐT", "'0956789012"),
        ("Email", "gam.cu@example.com"),
        stage,
    ]);
    company.add_customer(&[
        ("Họ tên", "Hồ Gấm"),
        ("SĐT", "'0956789012"),
        ("Email", "gam.moi@example.com"),
        stage,
    ]);
    company.add_customer(&[
        ("Họ tên", "Đỗ Nam"),
        ("SĐT", "'0988888888"),
        ("Email", "nam@example.com"),
        stage,
    ]);
    company.add_customer(&[
        ("Họ tên", "Bùi Oanh"),
        ("SĐT", "'0988888888"),
        ("Email", "oanh@example.com"),
        stage,
    ]);
    let (_, settled) = company.poll_and_settle().await;
    let mut to: Vec<&str> = settled
        .messages
        .iter()
        .filter(|message| message.key.as_str().starts_with("welcome"))
        .map(|message| message.to.as_str())
        .collect();
    to.sort_unstable();
    assert_eq!(
        to,
        [
            "a…@example.com",
            "g…@example.com",
            "n…@example.com",
            "o…@example.com"
        ]
    );
    let gam: Vec<Record> = records(&company)
        .into_iter()
        .filter(|record| record.seen["name"].shown() == "Hồ Gấm")
        .collect();
    let newest = gam
        .iter()
        .find(|record| record.seen["email"].shown() == "gam.moi@example.com")
        .unwrap();
    assert!(messages(&company).iter().any(|message| message.rule == "welcome" && message.record.as_ref() == Some(&newest.id)));
    let leads = settled
        .messages
        .iter()
        .filter(|message| message.key.as_str().starts_with("lead"))
        .count();
    assert_eq!(leads, 6, "staff hear of every row");
    // The next row of the same mailbox, an hour later, is no second welcome; a week later it is a new enquiry.
    company.wait(3_600);
    company.add_customer(&[
        ("Họ tên", "Anh An"),
        ("SĐT", "'0907777777"),
        ("Email", "an@example.com"),
        stage,
    ]);
    assert_eq!(
        run(&mut company, 60).await,
        ["lead/1/managers:Hà Phạm/added"]
    );
    company.wait(7 * 86_400);
    company.add_customer(&[
        ("Họ tên", "An Nguyễn"),
        ("SĐT", "'0906666666"),
        ("Email", "an@example.com"),
        stage,
    ]);
    assert!(
        run(&mut company, 60)
            .await
            .contains(&"welcome/1/customer/added".to_owned())
    );
    let problems = desk(&company)
        .problems(None, &Who::CommandLine, company.now)
        .unwrap();
    assert!(
        problems
            .iter()
            .any(|problem| problem.why.contains("two people who share it")),
        "listed as such"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s25_an_unknown_owner_is_a_data_problem_and_the_managers_hear() {
    let mut company = company(RULES).await;
    let mut an = AN;
    an[4] = ("NV phụ trách", "Chị Ba");
    company.add_customer(&an);
    let (_, settled) = company.poll_and_settle().await;
    assert_eq!(
        keys(&settled),
        ["lead/1/managers:Hà Phạm/added", "welcome/1/customer/added"]
    );
    let problems = desk(&company)
        .problems(None, &Who::CommandLine, company.now)
        .unwrap();
    assert!(
        problems.iter().any(|problem| problem.cell == "E5"
            && problem.why.contains("\"Chị Ba\" is not in the staff list")),
        "{problems:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s26_an_unknown_stage_keeps_the_last_known_one_and_fires_nothing() {
    let mut company = company(RULES).await;
    company.type_into(2, "Giai đoạn", "Đang tư vấn lần 2");
    assert_eq!(
        run(&mut company, 60).await,
        ["changed/1/managers:Hà Phạm/stage #1"]
    );
    assert_eq!(
        record(&company, "Trần Bình").stage.as_deref(),
        Some("consulting")
    );
    company.type_into(2, "Giai đoạn", "");
    run(&mut company, 60).await;
    let kept = record(&company, "Trần Bình");
    assert_eq!(
        (kept.stage.as_deref(), kept.stage_event),
        (Some("consulting"), 0)
    );
    company.type_into(2, "Giai đoạn", "đang tư vấn");
    run(&mut company, 60).await;
    assert_eq!(
        record(&company, "Trần Bình").stage_event,
        0,
        "back where it was: no entry"
    );
    company.type_into(3, "Giai đoạn", "Đang tv");
    run(&mut company, 60).await;
    let problems = desk(&company)
        .problems(None, &Who::CommandLine, company.now)
        .unwrap();
    assert!(
        problems
            .iter()
            .any(|problem| problem.why.contains("\"Đang tv\" is no stage"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s27_the_opt_out_cell_acts_at_first_sight_and_unticking_lifts_only_its_own() {
    let mut company = company(RULES).await;
    company.type_into(2, "Không nhận tin", "x");
    company.poll().await;
    assert!(
        suppressed(&company, "binh@example.com") && suppressed(&company, "+84912345678"),
        "before it settles"
    );
    assert!(!suppressed(&company, "chi@example.com"));
    // The wife has the same phone and says the same; his change of mind is not hers.
    company.add_customer(&[
        ("Họ tên", "Hồ Gấm"),
        ("SĐT", "'0912345678"),
        ("Email", "gam@example.com"),
        ("Không nhận tin", "x"),
    ]);
    company.wait(10);
    company.poll().await;
    company.type_into(2, "Không nhận tin", "");
    company.wait(10);
    company.poll().await;
    assert!(!suppressed(&company, "binh@example.com"));
    assert!(suppressed(&company, "+84912345678") && suppressed(&company, "gam@example.com"));
    company.type_into(5, "Không nhận tin", "");
    company.wait(10);
    company.poll().await;
    assert!(!suppressed(&company, "+84912345678"));
}

#[tokio::test(flavor = "multi_thread")]
async fn s28_private_columns_are_in_no_report_record_journal_or_message() {
    let mut company = company(RULES).await;
    company.edit(Edit::InsertColumn {
        tab: CUSTOMERS.into(),
        at: "A".into(),
        header: Some("Hoa hồng".into()),
    });
    company.type_into(2, "Hoa hồng", "bốn mươi triệu");
    reconfigure(&mut company, |text| {
        text.replacen("[[stage]]", "[columns.custom]\ncommission = { header = \"Hoa hồng\", type = \"money\", private = true }\n[[stage]]", 1)
    });
    company.poll().await;
    company.type_into(2, "Hoa hồng", "77 triệu tuyệt mật");
    company.type_into(2, "Giai đoạn", "Đã cọc");
    let (seen, settled) = company.poll_and_settle().await;
    assert_eq!(kinds(&seen), json!({"changed": 1}));
    let mut said: Vec<Value> = vec![
        json!(seen),
        json!(settled),
        json!(messages(&company)),
        json!(journal(&company)),
    ];
    said.push(json!(
        desk(&company).records(None, &Who::CommandLine).unwrap()
    ));
    said.push(json!(
        desk(&company)
            .problems(None, &Who::CommandLine, company.now)
            .unwrap()
    ));
    said.push(json!(
        desk(&company)
            .find("Bình", &Who::CommandLine, company.now)
            .unwrap()
    ));
    let kept = record(&company, "Trần Bình");
    said.push(
        company
            .roster
            .facts(&kept, &Value::Null, company.now)
            .unwrap(),
    );
    assert!(
        kept.seen["commission"].shown().contains("tuyệt mật"),
        "it is read"
    );
    for said in said {
        let text = said.to_string();
        assert!(
            !text.contains("tuyệt mật") && !text.contains("bốn mươi"),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appointment_that_was_called_off_reminds_nobody() {
    let rule = r#"
[[rule]]
id = "appointment"
on = { date = "appointment", before = "1d", at = "09:00" }
send = { channel = "telegram", to = "owner", template = "appointment" }
"#;
    let mut company = company(rule).await;
    company.edit(new_tab(
        "Lịch hẹn",
        &[&["Ngày giờ", "Khách", "SĐT", "NV", "Trạng thái"]],
    ));
    reconfigure(
        &mut company,
        with_tab(
            "Lịch hẹn",
            "kind = \"appointments\"\ncolumns = { at = \"Ngày giờ\", name = \"Khách\", phone = \"SĐT\", owner = \"NV\", state = \"Trạng thái\" }\ncancelled = [\"huỷ\", \"hủy\", \"dời\"]",
        ),
    );
    company.poll().await;
    for (name, phone) in [("Trần Bình", "'0912345678"), ("Lê Thị Chi", "'0923456789")] {
        company.edit(Edit::AppendRow {
            tab: "Lịch hẹn".into(),
            values: json!(["25/11/2026 15:00", name, phone, "Lan Anh", "Đã hẹn"])
                .as_array()
                .unwrap()
                .clone(),
        });
    }
    company.poll_and_settle().await;
    company.edit(set("Lịch hẹn", 3, "Trạng thái", "Khách dời"));
    company.poll_and_settle().await;
    company.wait(3 * 86_400 - 60);
    assert!(ring(&company).is_empty(), "08:59 of the day before");
    company.wait(120);
    assert_eq!(ring(&company), ["appointment/1/owner/2026-11-25T15:00:00"]);
}
