//! Polls of a real (loopback) Google, through the real client libraries: what is seen, settled and decided.

mod support;

use serde_json::json;
use sheetbridge::cycle::Mode;
use sheetbridge::sandbox::google::{Edit, Effect, Fault};
use support::{CUSTOMERS, Company, keys, kinds};

const RULES: &str = r#"
[email]
smtp = "smtp+plain://127.0.0.1:2525"
from = "Queenland <crm@queenland.example>"
[telegram]
token = { file = "google.json" }
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
  { channel = "email", to = "customer", template = "thank-you", hold = "20m" },
]
"#;

const AN: [(&str, &str); 5] = [
    ("Họ tên", "Nguyễn Văn An"),
    ("SĐT", "'0901234567"),
    ("Email", "an.nguyen@example.com"),
    ("Giai đoạn", "Khách hàng tiềm năng"),
    ("NV phụ trách", "Lan Anh"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_first_look_sends_nothing_and_says_so() {
    let mut company = Company::new(RULES).await;
    let report = company.poll().await;
    assert!(report.baseline);
    assert_eq!(kinds(&report), json!({}));
    assert!(report.messages.is_empty());
    let tab = &report.tabs[0];
    assert_eq!(
        (tab.tab.as_str(), tab.records, tab.held.clone()),
        (CUSTOMERS, 300, None)
    );
    company.wait(30);
    let quiet = company.poll().await;
    assert!(quiet.is_quiet(), "{quiet:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_poll_writes_nothing_to_the_store() {
    let mut company = Company::new(RULES).await;
    assert!(company.poll().await.baseline);
    // The number of commits stands beside the store, and every commit goes through it.
    let commits = |company: &Company| {
        std::fs::read(company.roster.store().dir().join("store.count")).unwrap()
    };
    let before = commits(&company);
    for _ in 0..3 {
        company.wait(10);
        assert!(company.poll().await.is_quiet());
        let rang = sheetbridge::alarms::ring(&company.roster, company.now).unwrap();
        assert!(rang.messages.is_empty());
        assert_eq!(commits(&company), before, "nothing changed, and it wrote");
    }
    company.restart().await;
    assert!(company.poll().await.is_quiet());
    assert_eq!(commits(&company), before, "after a restart as well");
    company.wait(10);
    company.add_customer(&AN);
    company.poll().await;
    assert_ne!(commits(&company), before, "the counter counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sort_is_no_event_and_writes_nothing_per_row() {
    let mut company = Company::new(RULES).await;
    company.poll().await;
    company.edit(Edit::Sort {
        tab: CUSTOMERS.into(),
        column: "Họ tên".into(),
        descending: false,
        from_row: Some(4),
        to_row: None,
    });
    company.wait(10);
    let report = company.poll().await;
    assert_eq!(kinds(&report), json!({}), "{:?}", report.changes);
    assert!(
        report.tabs[0].edit.starts_with("sorted"),
        "{}",
        report.tabs[0].edit
    );
    company.wait(30);
    assert!(company.poll().await.is_quiet());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_row_settles_and_is_welcomed_once() {
    let mut company = Company::small(
        &[&[
            "Trần Bình",
            "0912345678",
            "binh@example.com",
            "Đang tư vấn",
            "Lan Anh",
        ]],
        RULES,
    )
    .await;
    company.poll().await;
    let row = company.add_customer(&AN[..1]);
    company.wait(10);
    let half = company.poll().await;
    assert_eq!(kinds(&half), json!({"added": 1}));
    assert_eq!(half.changes[0].row as usize, row);
    company.wait(30);
    let still = company.poll().await;
    assert!(
        still.messages.is_empty(),
        "no phone, no e-mail: {:?}",
        still.messages
    );
    for (column, text) in &AN[1..] {
        company.type_into(row, column, text);
    }
    let (seen, settled) = company.poll_and_settle().await;
    assert_eq!(kinds(&seen), json!({"changed": 1}));
    assert!(seen.messages.is_empty());
    assert_eq!(
        keys(&settled),
        ["lead-alert/1/owner/added", "welcome/1/customer/added"]
    );
    assert_eq!(
        settled
            .messages
            .iter()
            .find(|m| m.channel.as_str() == "email")
            .unwrap()
            .to,
        "a…@example.com"
    );
    company.wait(30);
    assert!(company.poll().await.is_quiet());
    company.restart().await;
    assert!(company.poll().await.is_quiet(), "a restart changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_undone_before_it_settles_never_happened() {
    let mut company = Company::small(
        &[&[
            "Trần Bình",
            "0912345678",
            "binh@example.com",
            "Đang tư vấn",
            "Lan Anh",
        ]],
        RULES,
    )
    .await;
    company.poll().await;
    company.type_into(2, "Giai đoạn", "Đã cọc");
    let seen = company.poll().await;
    assert_eq!(kinds(&seen), json!({"changed": 1}));
    company.type_into(2, "Giai đoạn", "Đang tư vấn");
    company.wait(5);
    company.poll().await;
    company.wait(60);
    let report = company.poll().await;
    assert!(report.is_quiet(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_entered_tells_managers_at_once_and_holds_the_customers_mail() {
    let mut company = Company::small(
        &[&[
            "Trần Bình",
            "0912345678",
            "binh@example.com",
            "Đang tư vấn",
            "Lan Anh",
        ]],
        RULES,
    )
    .await;
    company.poll().await;
    company.type_into(2, "Giai đoạn", "Đã cọc");
    let (_, settled) = company.poll_and_settle().await;
    assert_eq!(
        keys(&settled),
        [
            "deposited/1/managers:Hà Phạm/deposited #1",
            "deposited/2/customer/deposited #1",
            "deposited/2/notice-owner/deposited #1",
        ]
    );
    let mail = settled
        .messages
        .iter()
        .find(|message| message.key.as_str().contains("/customer/"))
        .unwrap();
    assert_eq!(mail.due.as_ref(), "2026-11-21T09:20:21+07:00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cleared_tab_is_held_and_released_by_itself_when_it_is_back() {
    let mut company = Company::new(RULES).await;
    company.poll().await;
    company.edit(Edit::Clear {
        tab: CUSTOMERS.into(),
        range: Some("A4:P400".into()),
    });
    company.wait(10);
    let held = company.poll().await;
    let why = held.tabs[0].held.clone().unwrap();
    assert!(
        why.contains("the tab \"Khách hàng\" was cleared: its 300 rows are gone"),
        "{why}"
    );
    assert_eq!(
        kinds(&held),
        json!({"removed": 300}),
        "held changes are shown"
    );
    assert!(held.newly_held.is_some());
    company.wait(10);
    assert!(company.poll().await.newly_held.is_none(), "asked once");
    company.google.undo(&company.workbook).unwrap();
    company.wait(700);
    let back = company.poll().await;
    assert_eq!((kinds(&back), back.tabs[0].held.clone()), (json!({}), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_header_is_held_and_named() {
    let mut company = Company::new(RULES).await;
    company.poll().await;
    company.edit(Edit::RenameHeader {
        tab: CUSTOMERS.into(),
        from: "Họ tên".into(),
        to: "Ghi chép".into(),
    });
    let held = company.poll().await;
    let why = held.tabs[0].held.clone().unwrap();
    assert!(
        why.contains("the header \"Họ tên\" is not in the tab \"Khách hàng\""),
        "{why}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_and_paste_is_not_a_removal_and_a_removal_settles_in_ten_minutes() {
    let rows: Vec<Vec<String>> = (0..8)
        .map(|n| {
            vec![
                format!(
                    "Khách Số {}",
                    ["Một", "Hai", "Ba", "Tư", "Năm", "Sáu", "Bảy", "Tám"][n]
                ),
                format!("09123456{n:02}"),
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
    let mut company = Company::small(&rows, RULES).await;
    company.poll().await;
    company.edit(Edit::DeleteRows {
        tab: CUSTOMERS.into(),
        from: 3,
        count: 1,
    });
    let cut = company.poll().await;
    assert_eq!(kinds(&cut), json!({"removed": 1}));
    let gone = cut.changes[0].record.clone();
    company.wait(60);
    company.add_customer(&[
        ("Họ tên", "Khách Số Hai"),
        ("SĐT", "'0912345601"),
        ("Email", "k1@example.com"),
        ("Giai đoạn", "Đang tư vấn"),
        ("NV phụ trách", "Lan Anh"),
    ]);
    let back = company.poll().await;
    assert_eq!(kinds(&back), json!({"returned": 1}));
    assert_eq!(back.changes[0].record, gone, "the same customer");
    company.wait(700);
    let quiet = company.poll().await;
    assert!(quiet.events.is_empty(), "{:?}", quiet.events);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_the_same_and_writes_nothing() {
    let mut company = Company::small(
        &[&[
            "Trần Bình",
            "0912345678",
            "binh@example.com",
            "Đang tư vấn",
            "Lan Anh",
        ]],
        RULES,
    )
    .await;
    company.poll().await;
    company.type_into(2, "Giai đoạn", "Đã cọc");
    let workbook = company.workbook.clone();
    for _ in 0..2 {
        let dry = company
            .cycle
            .poll(&workbook, company.now, Mode::DryRun)
            .await
            .unwrap();
        assert_eq!(kinds(&dry), json!({"changed": 1}), "each time anew");
    }
    assert_eq!(kinds(&company.poll().await), json!({"changed": 1}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_that_never_was_is_a_mistake_of_the_configuration() {
    let mut company = Company::new(RULES).await;
    company.edit(Edit::RenameTab {
        tab: CUSTOMERS.into(),
        to: "KH 2026".into(),
    });
    let workbook = company.workbook.clone();
    let error = company
        .cycle
        .poll(&workbook, company.now, Mode::Real)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("the workbook has no tab \"Khách hàng\"")
            && error.contains("[[workbook.tab]] name"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_that_is_not_shared_says_with_whom_to_share_it() {
    let mut company = Company::new(RULES).await;
    company.edit(Edit::Unshare { email: "*".into() });
    let workbook = company.workbook.clone();
    let error = company
        .cycle
        .poll(&workbook, company.now, Mode::Real)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("is not shared with sheetbridge")
            && error.contains(sheetbridge::sandbox::google::SERVICE_ACCOUNT),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn opt_outs_act_even_from_a_held_poll() {
    let mut company = Company::new(RULES).await;
    company.poll().await;
    let before = company
        .roster
        .store()
        .keys(sheetbridge::store::keys::prefix::SUPPRESS)
        .count();
    company.edit(Edit::DeleteRows {
        tab: CUSTOMERS.into(),
        from: 60,
        count: 250,
    });
    company.type_into(5, "Không nhận tin", "x");
    let held = company.poll().await;
    assert!(held.tabs[0].held.is_some());
    let after = company
        .roster
        .store()
        .keys(sheetbridge::store::keys::prefix::SUPPRESS)
        .count();
    assert_eq!(after, before + 2, "the e-mail and the phone of the row");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_in_the_place_of_a_deleted_row_is_a_new_customer() {
    let binh = [
        "Trần Bình",
        "0912345678",
        "binh@example.com",
        "Đang tư vấn",
        "Lan Anh",
    ];
    let chi = [
        "Lê Thị Chi",
        "0987654321",
        "chi@example.com",
        "Đang tư vấn",
        "Lan Anh",
    ];
    let mut company = Company::small(&[&chi, &binh], RULES).await;
    company.poll().await;
    company.edit(Edit::DeleteRows {
        tab: CUSTOMERS.into(),
        from: 3,
        count: 1,
    });
    company.add_customer(&AN);
    let (seen, settled) = company.poll_and_settle().await;
    assert_eq!(
        kinds(&seen),
        json!({"added": 1, "removed": 1}),
        "{:?} {:?}",
        seen.changes,
        seen.ambiguous
    );
    assert!(
        keys(&settled).contains(&"welcome/1/customer/added".to_owned()),
        "{:?}",
        settled.messages
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_or_unreadable_value_is_an_error_and_never_a_new_customer() {
    use sheetbridge::store::Group;
    use sheetbridge::store::keys::{prefix, under};
    let binh = [
        "Trần Bình",
        "0912345678",
        "binh@example.com",
        "Đang tư vấn",
        "Lan Anh",
    ];
    let mut company = Company::small(&[&binh], RULES).await;
    company.poll().await;
    let workbook = company.workbook.clone();
    let store = company.roster.store().clone();
    let patterns = under(prefix::META, format!("patterns/{workbook}"));
    let kept: Vec<String> = store.get(&patterns).unwrap().unwrap();
    let put = |value: &dyn Fn(&mut Group)| {
        let mut group = Group::default();
        value(&mut group);
        store.commit(vec![group]).unwrap();
    };
    put(&|group| group.put(patterns.clone(), &7));
    company.type_into(2, "Giai đoạn", "Đã cọc");
    let error = company.cycle.poll(&workbook, company.now, Mode::Real).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("patterns/"), "{error}");
    put(&|group| group.put(patterns.clone(), &kept));
    let page = store.keys(prefix::PAGE).next().unwrap().unwrap();
    put(&|group| group.remove(page.clone()));
    company.restart().await;
    let error = company.cycle.poll(&workbook, company.now, Mode::Real).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("it is not there"), "{error}");
}

/// A state folder that the first release wrote: four customers, one first look.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_the_first_format_is_upgraded_and_nobody_is_new() {
    let rows: [&[&str]; 4] = [
        &[
            "Trần Bình",
            "0912345678",
            "binh@example.com",
            "Đang tư vấn",
            "Lan Anh",
        ],
        &[
            "Lê Hoa",
            "0987654321",
            "hoa@example.com",
            "Tiềm năng",
            "Minh Tuấn",
        ],
        &["Phạm Cường", "0903222111", "", "Đã cọc", "Thu Hà"],
        &[
            "Võ Dung",
            "0908111222",
            "dung@example.com",
            "Tiềm năng",
            "Quốc Bảo",
        ],
    ];
    let mut company = Company::small(&rows, RULES).await;
    let state = company.config().state_dir;
    std::fs::remove_dir_all(&state).unwrap();
    let store = state.join("store");
    std::fs::create_dir_all(store.join("blobs")).unwrap();
    for file in ["db", "conf"] {
        let fixture = std::path::Path::new("tests/data/stores/format-1").join(file);
        std::fs::copy(fixture, store.join(file)).unwrap();
    }
    let path = company.dir.path().join("sheetbridge.toml");
    company.roster = support::roster(&path, None);
    company.restart().await;
    let ids = |company: &Company| -> Vec<String> {
        let store = company.roster.store();
        let order = store.order(&company.workbook, 0).unwrap().unwrap();
        order.iter().map(|row| row.id().to_string()).collect()
    };
    let before = ids(&company);
    assert_eq!(before.len(), 4);
    // The first poll learns what the rows are known by, the second one has nothing to do.
    for _ in 0..2 {
        let report = company.poll().await;
        assert!(!report.baseline);
        assert!(report.changes.is_empty(), "{:?}", report.changes);
        assert_eq!(report.tabs[0].edit, "none");
    }
    assert_eq!(ids(&company), before);
    company.type_into(3, "Giai đoạn", "Đã cọc");
    let report = company.poll().await;
    assert_eq!(report.changes.len(), 1);
    assert_eq!(report.changes[0].record.as_str(), before[1]);
}

/// The ranges of the last read, as the sandbox saw them.
fn last_ranges(company: &Company) -> String {
    let requests = company.google.requests();
    let read = requests
        .iter()
        .rev()
        .find(|request| request.path.ends_with(":batchGet"));
    read.map(|read| read.query.clone()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_of_a_tab_is_read_than_its_bound_columns() {
    let mut company = Company::small(&[], RULES).await;
    let binh = [
        ("Họ tên", "Trần Bình"),
        ("SĐT", "0912345678"),
        ("Email", "binh@example.com"),
    ];
    company.add_customer(&binh);
    let column = |at: &str, header: &str| Edit::InsertColumn {
        tab: CUSTOMERS.into(),
        at: at.into(),
        header: Some(header.into()),
    };
    company.edit(column("I", "Cột tính riêng"));
    company.edit(column("J", "Cột nháp"));
    company.poll().await;
    company.type_into(2, "Cột nháp", "x");
    let quiet = company.poll().await;
    let ranges = last_ranges(&company);
    assert!(
        ranges.contains("!A:H") && ranges.contains("!1:1"),
        "{ranges}"
    );
    assert!(quiet.is_quiet(), "{quiet:?}");

    // A column that comes to the right of them is bound at once.
    company.edit(column("K", "Ghi chú"));
    company.type_into(2, "Ghi chú", "thích căn góc");
    company.poll().await;
    let bound = company
        .roster
        .tab(&company.workbook, 0)
        .unwrap()
        .unwrap()
        .bound;
    assert_eq!(bound["note"].0, 10, "{bound:?}");
    company.type_into(2, "Ghi chú", "thích tầng cao");
    let changed = company.poll().await;
    assert_eq!(kinds(&changed), serde_json::json!({"changed": 1}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_knows_no_ranges_of_columns_is_asked_for_whole_tabs() {
    let mut company = Company::small(&[], RULES).await;
    company.add_customer(&[("Họ tên", "Trần Bình"), ("SĐT", "0912345678")]);
    company.edit(Edit::InsertColumn {
        tab: CUSTOMERS.into(),
        at: "I".into(),
        header: Some("Cột nháp".into()),
    });
    company.poll().await;
    company.google.add_fault(Fault {
        path: Some("!A:H".into()),
        method: None,
        skip: 0,
        times: None,
        effect: Effect::Status {
            status: 400,
            retry_after_s: None,
        },
    });
    for _ in 0..2 {
        let report = company.poll().await;
        assert_eq!(report.tabs[0].records, 1);
    }
    let ranges = last_ranges(&company);
    assert!(!ranges.contains("!A:H"), "{ranges}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_emptied_cell_by_cell_is_a_customer_until_nothing_is_left() {
    let hoa = [
        "Lê Hoa",
        "0987654321",
        "hoa@example.com",
        "Tiềm năng",
        "Minh Tuấn",
    ];
    let binh = ["Trần Bình", "0912345678", "", "Đang tư vấn", "Lan Anh"];
    let mut company = Company::small(&[&hoa, &binh], RULES).await;
    company.poll().await;
    for column in ["SĐT", "Email", "Họ tên", "Giai đoạn"] {
        company.type_into(2, column, "");
        let report = company.poll().await;
        assert_eq!(kinds(&report), json!({"changed": 1}), "{column}");
        let again = company.poll().await;
        assert_eq!(again.tabs[0].records, 2, "{column}");
    }
    company.type_into(2, "NV phụ trách", "");
    assert_eq!(kinds(&company.poll().await), json!({"removed": 1}));
    // Words that were nobody's are a title.
    company.type_into(2, "NV phụ trách", "Team KD2");
    let report = company.poll().await;
    assert_eq!((kinds(&report), report.tabs[0].records), (json!({}), 1));
}
