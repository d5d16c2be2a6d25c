//! The tab in which staff write campaigns, over a real (loopback) Google: settling, moving, stopping, and
//! that it never stands in the way of the customers' tabs. The clock is moved by the test alone.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sheetbridge::core::campaign::tab::Event;
use sheetbridge::core::campaign::text::VARIABLES;
use sheetbridge::core::campaign::{COLUMNS, CampaignId, Place};
use sheetbridge::cycle::Report;
use sheetbridge::sandbox::google::{Cell, CellEdit, Edit, Role, Workbook};
use support::{CUSTOMERS, Company};

const TAB: &str = "Chiến dịch";

/// Columns in no particular order, in words of the company's own.
const HEADER: [&str; 7] = [
    "STT",
    "Nội dung",
    "Tên chiến dịch",
    "Gửi cho khu vực",
    "Trạng thái",
    "Giai đoạn",
    "Tiêu đề",
];

const CAMPAIGNS: &str = r#"
[campaigns]
tab = "Chiến dịch"
columns = { area = "Gửi cho khu vực" }
"#;

async fn company(campaigns: &[[&str; 7]]) -> Company {
    let mut workbook = Workbook::new("1Small", "Khách nhỏ");
    workbook.share.insert("*".into(), Role::Reader);
    let tab = workbook.add_tab(CUSTOMERS);
    for (row, cells) in [["Họ tên", "SĐT"], ["An", "0901234567"]].iter().enumerate() {
        for (column, text) in cells.iter().enumerate() {
            tab.set(row, column, Cell::text(*text));
        }
    }
    let tab = workbook.add_tab(TAB);
    tab.set(0, 0, Cell::text("KẾ HOẠCH GỬI THƯ QUÝ IV"));
    for (row, cells) in std::iter::once(&HEADER).chain(campaigns).enumerate() {
        for (column, text) in cells.iter().enumerate() {
            if !text.is_empty() {
                tab.set(row + 1, column, Cell::text(*text));
            }
        }
    }
    let tabs = format!("[[workbook.tab]]\nname = \"{CUSTOMERS}\"\n");
    Company::with(workbook, &tabs, CAMPAIGNS, &[]).await
}

const LAUNCH: [&str; 7] = [
    "1",
    "Kính chào {{Họ tên}}",
    "Mở bán",
    "Q.7",
    "Sẵn sàng",
    "tiềm năng",
    "Mở bán đợt 2",
];

fn write(company: &Company, row: usize, column: &str, text: &str) {
    company.edit(Edit::Set {
        tab: TAB.into(),
        at: CellEdit::typed(row, column, text),
    });
}

fn told(report: &Report) -> String {
    let events = report.campaigns.iter().map(|one| match &one.event {
        Event::Settled { id } => format!("settled {id}"),
        Event::Halt { id, wanted } => format!("{wanted:?} {id}"),
        Event::Gone { id, .. } => format!("gone {id}"),
    });
    events.collect::<Vec<_>>().join(", ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_settles_is_read_and_outlives_a_restart() {
    let mut company = company(&[LAUNCH]).await;
    let (seen, settled) = company.poll_and_settle().await;
    assert_eq!(
        (told(&seen).as_str(), told(&settled).as_str()),
        ("", "settled mo-ban")
    );
    // The customers' side knows nothing of it.
    assert_eq!(seen.tabs.len(), 1);
    assert_eq!(settled.tabs[0].tab, CUSTOMERS);

    let tabs = company.roster.campaign_tabs().unwrap();
    let id = CampaignId::from_text("mo-ban");
    let written = tabs[0].written(&id).unwrap();
    let read = |company: &Company, written| {
        let templates = BTreeSet::new();
        company
            .roster
            .read_campaign(
                written,
                CampaignId::from_text("mo-ban"),
                &templates,
                &|_| None,
            )
            .unwrap()
    };
    let definition = read(&company, &written).unwrap();
    assert_eq!(definition.whom.areas.any, ["Q.7"]);
    assert_eq!(definition.whom.stages.any, ["prospect"]);
    assert_eq!(
        definition.place("area"),
        Place::Cell {
            tab: TAB.into(),
            cell: "D3".into(),
            header: "Gửi cho khu vực".into()
        }
    );

    company.restart().await;
    assert_eq!(told(&company.poll().await), "");
    // A wrong cell is told where it stands now.
    company.edit(Edit::InsertRows {
        tab: TAB.into(),
        at: 3,
        count: 2,
        rows: Vec::new(),
    });
    write(&company, 5, "Giai đoạn", "tiềm nắng lắm");
    let (seen, settled) = company.poll_and_settle().await;
    assert_eq!(
        (told(&seen).as_str(), told(&settled).as_str()),
        ("", "settled mo-ban")
    );
    let tabs = company.roster.campaign_tabs().unwrap();
    let problems = read(&company, &tabs[0].written(&id).unwrap()).unwrap_err();
    assert!(
        problems[0].text(true).starts_with(
            "Trang “Chiến dịch”, ô F5 (Giai đoạn): không có giai đoạn “tiềm nắng lắm”. "
        ),
        "{}",
        problems[0].text(true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_is_heard_at_once_also_while_the_customers_are_held() {
    let mut company = company(&[LAUNCH]).await;
    company.poll_and_settle().await;
    // The customers' header is gone: that batch is held.
    company.type_into(1, "A", "");
    company.type_into(1, "B", "");
    write(&company, 3, "Trạng thái", "dung");
    let report = company.poll().await;
    assert!(report.tabs.iter().any(|tab| tab.held.is_some()));
    assert_eq!(told(&report), "Stopped mo-ban");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_deleted_is_gone_and_an_emptied_tab_is_an_accident() {
    let second = ["2", "Chào", "Tri ân", "", "Sẵn sàng", "tất cả", "Tri ân"];
    let mut company = company(&[LAUNCH, second]).await;
    let (_, settled) = company.poll_and_settle().await;
    assert_eq!(told(&settled), "settled mo-ban, settled tri-an");
    company.edit(Edit::Sort {
        tab: TAB.into(),
        column: "Tên chiến dịch".into(),
        descending: true,
        from_row: Some(3),
        to_row: Some(4),
    });
    let (seen, settled) = company.poll_and_settle().await;
    assert_eq!((told(&seen).as_str(), told(&settled).as_str()), ("", ""));
    // “Mở bán” stands in the last row now.
    company.edit(Edit::DeleteRows {
        tab: TAB.into(),
        from: 4,
        count: 1,
    });
    let (seen, settled) = company.poll_and_settle().await;
    assert_eq!(
        (told(&seen).as_str(), told(&settled).as_str()),
        ("", "gone mo-ban")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_is_gone_concludes_nothing_and_holds_nobody() {
    let mut company = company(&[LAUNCH]).await;
    company.poll_and_settle().await;
    for column in ["B", "C", "D", "E", "F", "G"] {
        write(&company, 2, column, "");
    }
    let (seen, later) = company.poll_and_settle().await;
    assert_eq!((told(&seen).as_str(), told(&later).as_str()), ("", ""));
    assert!(later.tabs.iter().all(|tab| tab.held.is_none()));
    let tabs = company.roster.campaign_tabs().unwrap();
    assert_eq!(tabs[0].state.rows.len(), 1);
    assert!(
        tabs[0].state.problems[0]
            .text(true)
            .starts_with("Trang “Chiến dịch”, dòng 1: không tìm thấy dòng tiêu đề cột"),
        "{:?}",
        tabs[0].state.problems
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_that_was_never_made_is_no_mistake() {
    let mut company = Company::small(&[], CAMPAIGNS).await;
    let report = company.poll().await;
    assert_eq!(report.tabs.len(), 1);
    assert_eq!(company.roster.campaign_tabs().unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_a_campaign_that_is_over_is_another_campaign() {
    let mut company = company(&[LAUNCH]).await;
    let mut group = sheetbridge::store::Group::default();
    company
        .roster
        .end_campaign(&mut group, &CampaignId::from_text("mo-ban"));
    company.roster.store().commit(vec![group]).unwrap();
    let (_, settled) = company.poll_and_settle().await;
    assert_eq!(told(&settled), "settled mo-ban-2");
}

/// The part of the documentation between two marks.
fn documented(name: &str) -> String {
    let text = include_str!("../docs/campaigns.md");
    let (_, from) = text.split_once(&format!("<!-- {name} -->\n")).unwrap();
    let (part, _) = from.split_once(&format!("<!-- end of {name} -->")).unwrap();
    part.to_owned()
}

#[test]
fn the_documentation_lists_every_column_and_variable() {
    let mut columns =
        "| cột | column | key | what belongs in it | example |\n|---|---|---|---|---|\n".to_owned();
    for column in COLUMNS {
        let cell = |text: &str| text.replace('|', "\\|");
        let example = match column.example.0 {
            "" => String::new(),
            example => format!(" `{}`", cell(&example.replace('\n', " ↵ "))),
        };
        writeln!(
            columns,
            "| {} | {} | `{}` | {}<br>{} |{example} |",
            column.headers[0],
            column.english,
            column.id,
            cell(column.what.0),
            cell(column.what.1),
        )
        .unwrap();
    }
    assert_eq!(documented("columns"), columns);
    let mut variables =
        "| variable | là gì · what | ví dụ | example |\n|---|---|---|---|\n".to_owned();
    for one in VARIABLES {
        writeln!(
            variables,
            "| `{{{{ {} }}}}` | {} · {} | {} | {} |",
            one.name, one.what.0, one.what.1, one.example.0, one.example.1
        )
        .unwrap();
    }
    assert_eq!(documented("variables"), variables);
}
