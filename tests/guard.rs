//! The guard from outside (SEMANTICS 10): everything that no staff do on purpose is recognised, named, held and
//! asked about, and ends by itself once the sheet is restored; what staff do every day never is.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use sheetbridge::commands::{Desk, Who};
use sheetbridge::core::message::Message;
use sheetbridge::cycle::{Mode, Report};
use sheetbridge::roster::Roster;
use sheetbridge::sandbox::google::{CellEdit, Edit};
use sheetbridge::store::keys::prefix;
use sheetbridge::store::suppression::suppress_key;
use support::{CUSTOMERS, Company, kinds};

const RULES: &str = r#"
[email]
smtp = "smtp+plain://127.0.0.1:2525"
from = "Queenland <crm@queenland.example>"
[telegram]
token = { file = "google.json" }
[guard]
messages = 1000
[[rule]]
id = "welcome"
on = "added"
send = { channel = "email", to = "customer", template = "welcome" }
[[rule]]
id = "changed"
on = "changed"
send = { channel = "telegram", to = "managers", template = "deposited" }
[[rule]]
id = "removed"
on = "removed"
send = { channel = "telegram", to = "managers", template = "deposited" }
"#;

const STAGES: [&str; 4] = [
    "Khách hàng tiềm năng",
    "Đang tư vấn",
    "Đã đặt cọc",
    "Không còn nhu cầu",
];
const OWNERS: [&str; 4] = ["Lan Anh", "Minh Tuấn", "Thu Hà", "Quốc Bảo"];
const NAMES: [&str; 8] = ["Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Bùi"];
const GIVEN: [&str; 9] = [
    "An", "Bảo", "Cúc", "Đạt", "Giang", "Hùng", "Khoa", "Linh", "Mai",
];

/// The n-th customer, as typed: name, phone, e-mail, stage, owner, received, appointment.
fn customer(n: usize) -> Vec<String> {
    let mixed = (n * n * 31 + n * 17) / 5;
    vec![
        format!(
            "{} {} {}",
            NAMES[n % 8],
            GIVEN[n / 8 % 9],
            GIVEN[(n * 5 + n / 72) % 9]
        ),
        format!("09{:08}", 12_345_678 + n * 7_919),
        format!("khach{n}@example.com"),
        STAGES[mixed % 4].to_owned(),
        OWNERS[mixed / 3 % 4].to_owned(),
        format!("{:02}/{:02}/2026", 1 + mixed % 28, 1 + n % 9),
        format!("{:02}/12/2026", 1 + mixed % 28),
    ]
}

/// A company with so many customers, after the first look.
async fn company(customers: usize) -> Company {
    company_with(customers, RULES).await
}

async fn company_with(customers: usize, rules: &str) -> Company {
    let rows: Vec<Vec<String>> = (0..customers).map(customer).collect();
    let rows: Vec<Vec<&str>> = rows
        .iter()
        .map(|row| row.iter().map(String::as_str).collect())
        .collect();
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    let mut company = Company::small(&rows, rules).await;
    assert!(company.poll().await.baseline);
    company
}

fn desk(company: &Company) -> Desk {
    Desk::new(company.roster.clone(), None)
}

/// What is held of the only workbook, if anything is; every tab says the same.
fn held(report: &Report) -> Option<String> {
    let mut said: Vec<Option<String>> = report.tabs.iter().map(|tab| tab.held.clone()).collect();
    said.dedup();
    assert!(said.len() <= 1, "{said:?}");
    said.pop().flatten()
}

/// Templates of what was queued for the managers because of a held batch.
fn asked(company: &Company) -> Vec<String> {
    let entries = company.roster.store().scan::<Message>(prefix::MESSAGE);
    let mut told: Vec<String> = entries
        .map(|entry| entry.unwrap().1)
        .filter(|message| message.rule == "held")
        .map(|message| message.template)
        .collect();
    told.sort();
    told
}

fn decide(company: &Company, release: bool) {
    let batches = desk(company).held_list(&Who::CommandLine).unwrap();
    assert_eq!(batches.len(), 1, "{batches:?}");
    desk(company)
        .held_decide(&batches[0].id, release, &Who::CommandLine, company.now)
        .unwrap();
}

/// Values are typed over a column from a row on.
fn fill(company: &Company, column: &str, first: usize, texts: &[String]) {
    company.edit(Edit::SetCells {
        tab: CUSTOMERS.into(),
        cells: texts
            .iter()
            .enumerate()
            .map(|(n, text)| CellEdit::typed(first + n, column, text))
            .collect(),
    });
}

fn column(customers: usize, at: usize) -> Vec<String> {
    (0..customers)
        .map(|n| format!("'{}", customer(n)[at]))
        .collect()
}

fn paste(company: &Company, cell: &str, rows: &[Vec<String>]) {
    company.edit(Edit::Paste {
        tab: CUSTOMERS.into(),
        cell: cell.into(),
        rows: rows
            .iter()
            .map(|row| {
                row.iter()
                    .map(|text| json!(format!("'{text}")))
                    .collect::<Vec<Value>>()
            })
            .collect(),
        text: None,
    });
}

/// An edit is held with these words, asked about once, and ends by itself when it is undone; nothing follows from it.
async fn is_held_and_ends(customers: usize, edit: impl Fn(&Company), words: &[&str]) {
    let mut company = company(customers).await;
    edit(&company);
    company.wait(31);
    let first = company.poll().await;
    let why = held(&first).unwrap_or_else(|| panic!("{words:?} is not held: {:?}", first.tabs));
    for word in words {
        assert!(why.contains(word), "{why:?} does not say {word:?}");
    }
    assert!(first.newly_held.is_some());
    // Formulas that load are given a moment.
    company.wait(31);
    let second = company.poll().await;
    assert_eq!(
        (held(&second), second.newly_held.clone()),
        (Some(why), None)
    );
    assert_eq!(asked(&company), ["held-batch"], "asked once");
    let line = desk(&company)
        .held_list(&Who::CommandLine)
        .unwrap()
        .remove(0);
    assert_ne!(line.why, line.why_vi);
    assert!(
        !desk(&company)
            .status(&Who::CommandLine, company.now)
            .unwrap()
            .held
            .is_empty()
    );
    company.google.undo(&company.workbook).unwrap();
    company.wait(700);
    let back = company.poll().await;
    assert_eq!(
        (held(&back), kinds(&back)),
        (None, json!({})),
        "{words:?} ends by itself"
    );
    assert_eq!(asked(&company), ["held-batch", "held-over"], "{words:?}");
    company.wait(700);
    assert!(company.poll().await.is_quiet());
    assert!(
        desk(&company)
            .held_list(&Who::CommandLine)
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_column_pushed_down_by_a_cell_is_held() {
    let pushed = |company: &Company| {
        let mut phones = column(30, 1);
        phones.insert(12, String::new());
        phones.truncate(30);
        fill(company, "SĐT", 2, &phones);
    };
    is_held_and_ends(
        30,
        pushed,
        &["under \"SĐT\"", "in the rows of other customers"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_pushed_up_by_a_cell_are_held() {
    let pushed = |company: &Company| {
        let mut names = column(40, 0);
        names.remove(3);
        names.push(String::new());
        fill(company, "Họ tên", 2, &names);
    };
    is_held_and_ends(
        40,
        pushed,
        &["under \"Họ tên\"", "in the rows of other customers"],
    )
    .await;
}

/// A poll that is held changes no record: what it saw hides nobody from who looks for them.
#[tokio::test(flavor = "multi_thread")]
async fn customers_are_found_by_the_names_of_their_records_while_a_poll_is_held() {
    let rules = RULES.replace("messages = 1000", "messages = 5");
    let mut company = company_with(40, &rules).await;
    let found = |company: &Company, name: &str| -> Vec<String> {
        let cards = desk(company).find(name, &Who::CommandLine, company.now);
        cards.unwrap().into_iter().map(|card| card.name).collect()
    };
    let name = &customer(30)[0];
    assert_eq!(found(&company, name)[0], *name);
    let others: Vec<String> = (0..10).map(|n| format!("Khách thứ {n}")).collect();
    fill(&company, "Họ tên", 2, &others);
    let seen = company.poll().await;
    assert_eq!(held(&seen), None);
    company.wait(31);
    // The others' messages would go now, and this one is seen for the first time.
    fill(&company, "Họ tên", 32, &["Lý Thị Yến Oanh".to_owned()]);
    let report = company.poll().await;
    assert!(held(&report).unwrap().contains("messages"));
    assert_eq!(found(&company, name)[0], *name);
}

#[tokio::test(flavor = "multi_thread")]
async fn stages_and_owners_pushed_down_are_held() {
    for (header, at) in [("Giai đoạn", 3), ("NV phụ trách", 4), ("Ngày tiếp nhận", 5)] {
        let pushed = |company: &Company| {
            let mut cells = column(40, at);
            cells.insert(5, String::new());
            cells.truncate(40);
            fill(company, header, 2, &cells);
        };
        is_held_and_ends(
            40,
            pushed,
            &[
                &format!("under \"{header}\""),
                "in the rows of other customers",
            ],
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_sorted_without_its_rows_is_held() {
    let sorted = |company: &Company| {
        let mut emails = column(30, 2);
        emails.sort();
        fill(company, "Email", 2, &emails);
    };
    is_held_and_ends(30, sorted, &["under \"Email\"", "sorted alone"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_pasted_one_column_to_the_right_is_held() {
    let shifted = |company: &Company| {
        let block: Vec<Vec<String>> = (0..30).map(|n| customer(n)[..4].to_vec()).collect();
        paste(company, "B2", &block);
    };
    is_held_and_ends(
        30,
        shifted,
        &[
            "under \"SĐT\"",
            "are what stood under \"Họ tên\"",
            "under \"Email\"",
            "are what stood under \"SĐT\"",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_in_the_phone_column_are_held() {
    let shifted = |company: &Company| {
        let block: Vec<Vec<String>> = (0..6).map(|n| vec![customer(n)[2].clone()]).collect();
        paste(company, "B2", &block);
    };
    is_held_and_ends(
        30,
        shifted,
        &["6 cells under \"SĐT\"", "are what stood under \"Email\""],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_rows_pasted_one_column_off_are_held() {
    let pasted = |company: &Company| {
        let block: Vec<Vec<String>> = (100..112)
            .map(|n| {
                let row = customer(n);
                vec![
                    row[0].clone(),
                    row[2].clone(),
                    row[1].clone(),
                    row[3].clone(),
                ]
            })
            .collect();
        paste(company, "A202", &block);
    };
    is_held_and_ends(
        200,
        pasted,
        &["12 cells under \"SĐT\"", "belongs under another header"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_of_phones_emptied_is_held() {
    let emptied = |company: &Company| {
        company.edit(Edit::Clear {
            tab: CUSTOMERS.into(),
            range: Some("B2:B9".into()),
        });
    };
    is_held_and_ends(
        30,
        emptied,
        &["8 of 30 cells under \"SĐT\"", "were emptied"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_formulas_and_formulas_that_load_are_told_apart() {
    for (text, words) in [
        ("'#REF!", "show an error"),
        ("'#N/A", "show an error"),
        ("'Loading...", "are still loading"),
        ("'Đang tải...", "are still loading"),
    ] {
        let broken = move |company: &Company| fill(company, "Email", 2, &vec![text.to_owned(); 30]);
        is_held_and_ends(30, broken, &["30 ", "\"Email\"", words]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn managers_are_not_asked_about_formulas_that_load_for_a_moment() {
    let mut company = company(30).await;
    fill(&company, "Email", 2, &vec!["'Loading...".to_owned(); 30]);
    company.wait(10);
    assert!(held(&company.poll().await).is_some());
    company.google.undo(&company.workbook).unwrap();
    company.wait(10);
    assert_eq!(held(&company.poll().await), None);
    assert!(asked(&company).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn formulas_that_load_are_no_base() {
    let rows: Vec<Vec<String>> = (0..12).map(customer).collect();
    let rows: Vec<Vec<&str>> = rows
        .iter()
        .map(|row| row.iter().map(String::as_str).collect())
        .collect();
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    let mut company = Company::small(&rows, RULES).await;
    fill(&company, "Email", 2, &vec!["'Loading...".to_owned(); 12]);
    let first = company.poll().await;
    assert!(held(&first).unwrap().contains("still loading"), "{first:?}");
    company.google.undo(&company.workbook).unwrap();
    company.wait(10);
    let second = company.poll().await;
    assert_eq!((second.baseline, held(&second)), (true, None));
    company.wait(700);
    assert!(company.poll().await.events.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_gone_doubled_and_a_cleared_tab_are_held() {
    let gone = |company: &Company| {
        company.edit(Edit::RenameHeader {
            tab: CUSTOMERS.into(),
            from: "SĐT".into(),
            to: "Ghi chép".into(),
        });
    };
    is_held_and_ends(12, gone, &["the header \"SĐT\" is not in the tab"]).await;
    let doubled = |company: &Company| {
        company.edit(Edit::RenameHeader {
            tab: CUSTOMERS.into(),
            from: "Ngày hẹn".into(),
            to: "Họ tên".into(),
        });
    };
    is_held_and_ends(
        12,
        doubled,
        &["the header \"Họ tên\" stands twice in the tab"],
    )
    .await;
    let deleted = |company: &Company| {
        company.edit(Edit::DeleteRows {
            tab: CUSTOMERS.into(),
            from: 1,
            count: 1,
        });
    };
    is_held_and_ends(12, deleted, &["the header \"Họ tên\" is not in the tab"]).await;
    let cleared = |company: &Company| {
        company.edit(Edit::Clear {
            tab: CUSTOMERS.into(),
            range: Some("A2:H400".into()),
        });
    };
    is_held_and_ends(12, cleared, &["was cleared: its 12 rows are gone"]).await;
    let everything = |company: &Company| {
        company.edit(Edit::Clear {
            tab: CUSTOMERS.into(),
            range: None,
        });
    };
    is_held_and_ends(12, everything, &["the header \"Họ tên\" is not in the tab"]).await;
    let rows = |company: &Company| {
        company.edit(Edit::DeleteRows {
            tab: CUSTOMERS.into(),
            from: 2,
            count: 8,
        });
    };
    is_held_and_ends(30, rows, &["8 of 30 rows are gone from the tab"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_locale_is_held_and_ends_when_it_is_set_back() {
    let mut company = company(12).await;
    let english = |locale: &str| Edit::SetLocale {
        locale: locale.into(),
    };
    company.edit(english("en_US"));
    company.wait(301);
    let why = held(&company.poll().await).unwrap();
    assert!(
        why.contains("from vi_VN to en_US") && why.contains("File, Settings"),
        "{why}"
    );
    let locale = |company: &Company| company.roster.workbook(&company.workbook).unwrap().locale;
    assert_eq!(
        locale(&company),
        "vi_VN",
        "what is accepted is read as before"
    );
    company.edit(english("vi_VN"));
    company.wait(10);
    assert_eq!(held(&company.poll().await), None, "seen at the next poll");
    assert_eq!(asked(&company), ["held-batch", "held-over"]);
    // Released, it is the workbook's own.
    company.edit(english("en_US"));
    company.wait(301);
    assert!(held(&company.poll().await).is_some());
    decide(&company, true);
    company.wait(10);
    assert_eq!(held(&company.poll().await), None);
    assert_eq!(locale(&company), "en_US");
    company.wait(301);
    assert!(company.poll().await.is_quiet());
    // Another time zone changes no cell (SEMANTICS 5).
    company.edit(Edit::SetTimeZone {
        time_zone: "America/New_York".into(),
    });
    company.wait(301);
    assert!(company.poll().await.is_quiet());
}

fn rename(company: &Company, from: &str, to: &str) {
    company.edit(Edit::RenameTab {
        tab: from.into(),
        to: to.into(),
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_tab_is_held_and_ends_when_it_has_its_name_back() {
    is_held_and_ends(
        12,
        |company| rename(company, CUSTOMERS, "KH 2026"),
        &[
            "the tab \"Khách hàng\" is now called \"KH 2026\"",
            "[[workbook.tab]] name",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_tab_is_read_under_its_new_name_once_that_is_released() {
    let mut company = company(12).await;
    rename(&company, CUSTOMERS, "KH 2026");
    company.wait(10);
    let first = company.poll().await;
    assert!(
        held(&first).is_some() && first.changes.is_empty(),
        "{first:?}"
    );
    decide(&company, true);
    company.wait(10);
    assert_eq!(held(&company.poll().await), None);
    for restart in [false, true] {
        if restart {
            company.restart().await;
        }
        company.wait(400);
        let quiet = company.poll().await;
        assert!(quiet.is_quiet() && quiet.tabs[0].records == 12, "{quiet:?}");
    }
    company.edit(Edit::Set {
        tab: "KH 2026".into(),
        at: CellEdit::typed(2, "Giai đoạn", "Hoàn tất giao dịch"),
    });
    let changed = company.poll().await;
    assert_eq!(kinds(&changed), json!({"changed": 1}));
    // The configuration follows: the same tab, the same customers, nothing new.
    let path = company.dir.path().join("sheetbridge.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replace("name = \"Khách hàng\"", "name = \"KH 2026\""),
    )
    .unwrap();
    let roster = Roster::new(
        std::sync::Arc::new(support::load(&path)),
        company.roster.store().clone(),
    );
    company.cycle.reconfigure(roster.clone());
    company.roster = roster;
    company.wait(60);
    let after = company.poll().await;
    assert_eq!(
        (kinds(&after), held(&after), after.tabs[0].records),
        (json!({}), None, 12)
    );
    assert_eq!(after.tabs[0].tab, "KH 2026");
    // Another name again is another question.
    rename(&company, "KH 2026", "KH cũ");
    company.wait(10);
    assert!(
        held(&company.poll().await)
            .unwrap()
            .contains("\"KH 2026\" is now called \"KH cũ\"")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_renamed_in_the_workbook_and_in_the_configuration_alike_is_the_same_tab() {
    let mut company = company(12).await;
    rename(&company, CUSTOMERS, "KH 2026");
    let path = company.dir.path().join("sheetbridge.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replace("name = \"Khách hàng\"", "name = \"KH 2026\""),
    )
    .unwrap();
    let roster = Roster::new(
        std::sync::Arc::new(support::load(&path)),
        company.roster.store().clone(),
    );
    company.cycle.reconfigure(roster.clone());
    company.roster = roster;
    company.wait(10);
    let after = company.poll().await;
    assert_eq!(
        (kinds(&after), held(&after), after.tabs[0].records),
        (json!({}), None, 12)
    );
    company.wait(60);
    assert!(company.poll().await.messages.is_empty());
}

fn spare_tab(company: &Company) {
    company.edit(Edit::AddTab {
        title: "Nháp".into(),
        rows: vec![vec![json!("ghi chú")]],
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_tab_is_held_and_ends_when_it_is_back() {
    let mut company = company(12).await;
    spare_tab(&company);
    company.edit(Edit::DeleteTab {
        tab: CUSTOMERS.into(),
    });
    company.wait(10);
    let first = company.poll().await;
    assert!(first.newly_held.is_some(), "{first:?}");
    let line = desk(&company)
        .held_list(&Who::CommandLine)
        .unwrap()
        .remove(0);
    assert!(
        line.why
            .contains("the tab \"Khách hàng\" is not there: it was deleted"),
        "{line:?}"
    );
    assert!(line.why_vi.contains("Không thấy trang tính “Khách hàng”"));
    assert_eq!(asked(&company), ["held-batch"]);
    let json = serde_json::to_value(&first).unwrap();
    assert_eq!(json["tabs"][0]["tab"], "Khách hàng");
    assert!(
        json["tabs"][0]["held"]
            .as_str()
            .unwrap()
            .contains("was deleted"),
        "{json}"
    );
    company.google.undo(&company.workbook).unwrap();
    company.wait(700);
    let back = company.poll().await;
    assert_eq!((held(&back), kinds(&back)), (None, json!({})));
    assert_eq!(asked(&company), ["held-batch", "held-over"]);
    assert_eq!(
        desk(&company)
            .records(None, &Who::CommandLine)
            .unwrap()
            .len(),
        12
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_deleted_for_good_can_be_released_and_the_rest_goes_on() {
    for release in [true, false] {
        let mut company = Company::new(RULES).await;
        company.poll().await;
        company.edit(Edit::DeleteTab {
            tab: CUSTOMERS.into(),
        });
        company.wait(10);
        assert!(held(&company.poll().await).is_some());
        decide(&company, release);
        company.wait(10);
        let taken = company.poll().await;
        assert_eq!(held(&taken), None);
        company.wait(10);
        let quiet = company.poll().await;
        assert!(quiet.messages.is_empty() && held(&quiet).is_none());
        company.wait(700);
        let settled = company.poll().await;
        assert_eq!(held(&settled), None, "{release}");
        assert_eq!(
            settled.messages.is_empty(),
            !release,
            "a release tells of the removals"
        );
        company.wait(400);
        assert!(
            company.poll().await.is_quiet(),
            "{release}: its name in the configuration is no more trouble"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_workbook_goes_on_while_the_tab_of_one_is_missing() {
    let mut company = company(12).await;
    let mut other = company.google.workbook(&company.workbook).unwrap();
    other.id = "1Other".into();
    company.google.add_workbook(other);
    let path = company.dir.path().join("sheetbridge.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let more =
        "[[workbook]]\nid = \"1Other\"\n[[workbook.tab]]\nname = \"Khách hàng\"\n[columns]\n";
    std::fs::write(&path, text.replacen("[columns]\n", more, 1)).unwrap();
    let roster = Roster::new(
        std::sync::Arc::new(support::load(&path)),
        company.roster.store().clone(),
    );
    company.cycle.reconfigure(roster.clone());
    company.roster = roster;
    company
        .cycle
        .poll("1Other", company.now, Mode::Real)
        .await
        .unwrap();
    rename(&company, CUSTOMERS, "KH 2026");
    company.wait(10);
    assert!(held(&company.poll().await).is_some());
    company
        .google
        .edit(
            "1Other",
            &[Edit::Set {
                tab: CUSTOMERS.into(),
                at: CellEdit::typed(2, "Giai đoạn", "Hoàn tất giao dịch"),
            }],
        )
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
    assert_eq!((other.messages.len(), held(&other)), (1, None));
}

/// An edit of ordinary work is taken at once.
async fn is_taken(customers: usize, edit: impl Fn(&Company), expect: Value) {
    let mut company = company(customers).await;
    edit(&company);
    company.wait(31);
    let report = company.poll().await;
    assert_eq!((held(&report), kinds(&report)), (None, expect));
}

#[tokio::test(flavor = "multi_thread")]
async fn ordinary_work_is_never_held() {
    let handover =
        |company: &Company| fill(company, "NV phụ trách", 2, &vec!["Thu Hà".to_owned(); 40]);
    let changed: usize = (0..40).filter(|&n| customer(n)[4] != "Thu Hà").count();
    is_taken(60, handover, json!({ "changed": changed })).await;
    let bulk = |company: &Company| {
        fill(
            company,
            "Giai đoạn",
            2,
            &vec!["Không còn nhu cầu".to_owned(); 50],
        );
    };
    let changed = (0..50)
        .filter(|&n| customer(n)[3] != "Không còn nhu cầu")
        .count();
    is_taken(60, bulk, json!({ "changed": changed })).await;
    let dealt = |company: &Company| {
        let owners: Vec<String> = (0..60)
            .map(|n| OWNERS[(n * n + n / 3) % 4].to_owned())
            .collect();
        fill(company, "NV phụ trách", 2, &owners);
    };
    let changed = (0..60)
        .filter(|&n| customer(n)[4] != OWNERS[(n * n + n / 3) % 4])
        .count();
    is_taken(60, dealt, json!({ "changed": changed })).await;
    let replaced = |company: &Company| {
        let emails: Vec<String> = (0..60).map(|n| format!("khach{n}@gmail.com")).collect();
        fill(company, "Email", 2, &emails);
    };
    is_taken(60, replaced, json!({"changed": 60})).await;
    let later = |company: &Company| {
        let days: Vec<String> = (0..60)
            .map(|n| format!("'{:02}/12/2026", 2 + (n * n * 31 + n * 17) / 5 % 28))
            .collect();
        fill(company, "Ngày hẹn", 2, &days);
    };
    is_taken(60, later, json!({"changed": 60})).await;
    let noted =
        |company: &Company| fill(company, "Ngày hẹn", 2, &vec!["liên hệ sau".to_owned(); 30]);
    is_taken(60, noted, json!({"changed": 30})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sorts_inserts_columns_and_pastes_are_never_held() {
    for (column, descending) in [("SĐT", true), ("Email", false), ("Giai đoạn", false)] {
        let sorted = |company: &Company| {
            company.edit(Edit::Sort {
                tab: CUSTOMERS.into(),
                column: column.into(),
                descending,
                from_row: None,
                to_row: None,
            });
        };
        is_taken(60, sorted, json!({})).await;
    }
    let moved = |company: &Company| {
        company.edit(Edit::MoveColumn {
            tab: CUSTOMERS.into(),
            column: "Email".into(),
            to: "Họ tên".into(),
        });
    };
    is_taken(60, moved, json!({})).await;
    let column = |company: &Company| {
        company.edit(Edit::InsertColumn {
            tab: CUSTOMERS.into(),
            at: "SĐT".into(),
            header: Some("Ghi chú".into()),
        });
        fill(
            company,
            "Ghi chú",
            2,
            &(0..60).map(|n| format!("ghi chú {n}")).collect::<Vec<_>>(),
        );
    };
    is_taken(60, column, json!({})).await;
    let inserted = |company: &Company| {
        company.edit(Edit::InsertRows {
            tab: CUSTOMERS.into(),
            at: 20,
            count: 3,
            rows: Vec::new(),
        });
    };
    is_taken(60, inserted, json!({})).await;
    let pasted = |company: &Company| {
        let block: Vec<Vec<String>> = (100..140).map(customer).collect();
        paste(company, "A62", &block);
    };
    is_taken(60, pasted, json!({"added": 40})).await;
    // Two customers whose numbers were exchanged, put right by hand.
    let exchanged = |company: &Company| {
        fill(
            company,
            "SĐT",
            2,
            &[
                format!("'{}", customer(1)[1]),
                format!("'{}", customer(0)[1]),
            ],
        );
    };
    is_taken(12, exchanged, json!({"changed": 2})).await;
    // Eleven new leads of whom two have the address under the phone.
    let slip = |company: &Company| {
        let block: Vec<Vec<String>> = (100..111)
            .map(|n| {
                let mut row = customer(n);
                if n < 102 {
                    row.swap(1, 2);
                }
                row
            })
            .collect();
        paste(company, "A14", &block);
    };
    is_taken(12, slip, json!({"added": 11})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_that_is_renamed_within_its_pattern_goes_on() {
    let mut company = company(12).await;
    let path = company.dir.path().join("sheetbridge.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replace("name = \"Khách hàng\"", "name = \"Khách *\""),
    )
    .unwrap();
    let roster = Roster::new(
        std::sync::Arc::new(support::load(&path)),
        company.roster.store().clone(),
    );
    company.cycle.reconfigure(roster.clone());
    company.roster = roster;
    company.poll().await;
    rename(&company, CUSTOMERS, "Khách 2026");
    company.wait(61);
    let report = company.poll().await;
    assert_eq!((held(&report), kinds(&report)), (None, json!({})));
    assert_eq!(
        (report.tabs[0].tab.as_str(), report.tabs[0].records),
        ("Khách 2026", 12)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_released_is_what_was_shown() {
    let mut company = company(40).await;
    let cut = |company: &Company, count| {
        company.edit(Edit::DeleteRows {
            tab: CUSTOMERS.into(),
            from: 2,
            count,
        });
    };
    cut(&company, 10);
    company.poll().await;
    assert_eq!(asked(&company), ["held-batch"]);
    let first = desk(&company)
        .held_list(&Who::CommandLine)
        .unwrap()
        .remove(0);
    // It grows while the manager thinks: nobody is asked at every row, and the answer is to what was shown.
    for _ in 0..3 {
        company.wait(10);
        cut(&company, 1);
        assert!(held(&company.poll().await).is_some());
    }
    assert_eq!(asked(&company), ["held-batch"]);
    decide(&company, true);
    company.wait(10);
    let again = company.poll().await;
    assert!(held(&again).unwrap().contains("13 of 40 rows") && again.newly_held.is_some());
    assert_eq!(asked(&company), ["held-batch"; 2]);
    // The button under the first question says nothing to the second.
    let error = desk(&company)
        .held_decide(&first.id, true, &Who::CommandLine, company.now)
        .unwrap_err();
    assert!(
        error.to_string().contains("there is no held batch"),
        "{error}"
    );
    // Twice as great a trouble is asked about at once.
    cut(&company, 20);
    company.wait(10);
    company.poll().await;
    assert_eq!(asked(&company), ["held-batch"; 3]);
    decide(&company, true);
    company.wait(10);
    assert_eq!(held(&company.poll().await), None);
}

fn suppressed(company: &Company, address: &str) -> bool {
    let store = company.roster.store();
    let key = suppress_key(store, address).unwrap();
    store
        .get::<sheetbridge::store::suppression::Suppression>(&key)
        .unwrap()
        .is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opt_out_is_lifted_by_unticking_alone() {
    let mut company = company(12).await;
    let address = &customer(0)[2];
    company.type_into(2, "Không nhận tin", "x");
    company.poll().await;
    assert!(suppressed(&company, address));
    // An error says nothing, nor does a cell of a poll that is held, nor a column that went.
    company.type_into(2, "Không nhận tin", "'#REF!");
    assert_eq!(held(&company.poll().await), None);
    assert!(suppressed(&company, address), "an error");
    company.type_into(2, "Không nhận tin", "x");
    company.poll().await;
    company.edit(Edit::DeleteRows {
        tab: CUSTOMERS.into(),
        from: 4,
        count: 9,
    });
    company.type_into(2, "Không nhận tin", "");
    company.wait(10);
    assert!(held(&company.poll().await).is_some());
    assert!(suppressed(&company, address), "a held poll");
    company.google.undo(&company.workbook).unwrap();
    company.google.undo(&company.workbook).unwrap();
    company.wait(10);
    company.poll().await;
    company.edit(Edit::DeleteColumn {
        tab: CUSTOMERS.into(),
        column: "Không nhận tin".into(),
    });
    company.wait(10);
    assert!(held(&company.poll().await).is_some());
    decide(&company, true);
    company.wait(10);
    assert_eq!(held(&company.poll().await), None);
    assert!(suppressed(&company, address), "a column that went");
    company.google.undo(&company.workbook).unwrap();
    company.wait(10);
    company.poll().await;
    company.type_into(2, "Không nhận tin", "");
    company.wait(10);
    company.poll().await;
    assert!(!suppressed(&company, address), "unticked");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opt_out_acts_from_a_poll_whose_tab_was_renamed() {
    let mut company = company(12).await;
    company.type_into(2, "Không nhận tin", "x");
    rename(&company, CUSTOMERS, "KH 2026");
    company.wait(10);
    assert!(held(&company.poll().await).is_some());
    assert!(suppressed(&company, &customer(0)[2]));
}
