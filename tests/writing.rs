//! What is written into the workbook, where that is allowed: the tab for campaigns by `campaign init`, the results of
//! campaigns in a tab of our own, and nothing else. The real binary over a loopback Google.

#![allow(clippy::unwrap_used)]

mod black_box;

use std::time::Duration;

use black_box::{BINH, Site, TAB, cli, until};
use serde_json::Value;
use sheetbridge::sandbox::google::{Cell, CellEdit, CellValue, Edit, Role, Workbook};

const CAMPAIGNS: &str = r#"
[campaigns]
tab = "Chiến dịch"
results_tab = "Kết quả"
columns = { area = "Gửi cho khu vực" }
"#;

const RESULTS: &str = "Kết quả";

async fn site(role: Role, write: bool) -> Site {
    let mut workbook = Workbook::new("1Small", "Khách nhỏ");
    workbook.share.insert("*".into(), role);
    let tab = workbook.add_tab(TAB);
    let header = ["Họ tên", "SĐT", "Email", "Giai đoạn", "NV phụ trách"];
    let dung = [
        "=Dũng",
        "0934567890",
        "dung@example.com",
        "Khách hàng tiềm năng",
        "Lan Anh",
    ];
    for (r, row) in [header, BINH, dung].iter().enumerate() {
        for (c, text) in row.iter().enumerate() {
            tab.set(r, c, Cell::text(text.trim_start_matches('\'')));
        }
    }
    let tabs = format!("[[workbook.tab]]\nname = \"{TAB}\"\n");
    let site = Site::with(workbook, &tabs, CAMPAIGNS).await;
    if write {
        site.reconfigure("[google]\n", "[google]\nwrite = true\n");
    }
    site
}

async fn ran(site: &Site, arguments: &[&str]) -> (Option<i32>, String, String) {
    let config = site.config_path();
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        cli(&config, &arguments)
    })
    .await
    .unwrap()
}

/// The texts of a tab's rows; nothing if there is no such tab.
fn rows(site: &Site, tab: &str) -> Vec<Vec<String>> {
    let workbook = site.google.workbook(&site.workbook).unwrap();
    let Some(tab) = workbook.tab(tab) else {
        return Vec::new();
    };
    (0..tab.filled_rows())
        .map(|row| {
            (0..tab.filled_columns())
                .map(|column| match &tab.cell(row, column).value {
                    CellValue::Text(text) => text.clone(),
                    CellValue::Number(number) => number.to_string(),
                    _ => String::new(),
                })
                .collect()
        })
        .collect()
}

fn edit(site: &Site, row: usize, column: &str, text: &str) {
    let edit = Edit::Set {
        tab: "Chiến dịch".into(),
        at: CellEdit::typed(row, column, text),
    };
    site.google.edit(&site.workbook, &[edit]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_fill_the_tab_that_was_made_and_read_the_results_in_ours() {
    let mut site = site(Role::Writer, true).await;
    let customers = rows(&site, TAB);
    let (code, out, said) = ran(&site, &["campaign", "init"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(
        out.contains("The workbook “Khách nhỏ” has the tab “Chiến dịch” now: https://docs.google.com/spreadsheets/d/1Small/edit#gid="),
        "{out}"
    );
    let made = rows(&site, "Chiến dịch");
    assert_eq!(made[0][..3], ["Tên chiến dịch", "Trạng thái", "Kênh"]);
    assert!(made[0].contains(&"Gửi cho khu vực".to_owned()), "{made:?}");
    assert_eq!(made[1][..2], ["Mở bán Sunrise đợt 2", "Đang soạn"]);

    let daemon = site.start_and_read().await;
    let list = async || -> Vec<Value> {
        let (_, out, _) = ran(&site, &["campaign", "list", "--json"]).await;
        out.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    // The header and the example are understood as they were made.
    let wait_for = async |state: &str| {
        for _ in 0..120 {
            let lines = list().await;
            if lines.first().is_some_and(|line| line["state"] == state) {
                return lines;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        panic!("no campaign is {state}: {:?}", list().await);
    };
    let draft = wait_for("draft").await;
    assert_eq!(draft[0]["problems"], Value::Null, "{draft:?}");
    edit(&site, 2, "Tên chiến dịch", "=1+1 Mở bán");
    edit(&site, 2, "Quảng cáo", "Không");
    edit(&site, 2, "Tiêu đề", "Mở bán");
    edit(&site, 2, "Trạng thái", "Sẵn sàng");
    let asked = wait_for("asked").await;
    let id = asked[0]["id"].as_str().unwrap();
    let (code, _, said) = ran(&site, &["campaign", "approve", id]).await;
    assert_eq!(code, Some(0), "{said}");
    wait_for("done").await;
    let done = |rows: &[Vec<String>]| {
        rows.get(1)
            .is_some_and(|row| row[1] == "Đã xong 1/1, lỗi 0, chưa rõ 0")
    };
    until("the results are in our tab", || done(&rows(&site, RESULTS))).await;
    let results = rows(&site, RESULTS);
    assert_eq!(results[0][..3], ["Chiến dịch", "Tình hình", "Gửi từ"]);
    assert_eq!(results[1][3..9], ["1", "1", "0", "0", "0", "0"]);
    assert_eq!(rows(&site, TAB), customers, "staff's tab is as it was");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_written_is_told_with_its_mend() {
    let off = site(Role::Writer, false).await;
    let (code, _, said) = ran(&off, &["campaign", "init"]).await;
    assert_eq!(code, Some(77));
    assert!(
        said.contains("set write = true under [google]") && said.contains("campaign init --print"),
        "{said}"
    );
    let (code, printed, _) = ran(&off, &["campaign", "init", "--print"]).await;
    assert_eq!(code, Some(0));
    assert!(
        printed.starts_with("Tên chiến dịch\tTrạng thái\tKênh\t")
            && printed.contains("\nMở bán Sunrise đợt 2\tĐang soạn\t"),
        "{printed}"
    );
    assert!(rows(&off, "Chiến dịch").is_empty());

    let reader = site(Role::Reader, true).await;
    let (code, _, said) = ran(&reader, &["campaign", "init"]).await;
    assert_eq!(code, Some(77));
    assert!(
        said.contains("may read the workbook 1Small but not write into it")
            && said.contains("an editor, or write `write = false` under [google]"),
        "{said}"
    );

    let twice = site(Role::Writer, true).await;
    assert_eq!(ran(&twice, &["campaign", "init"]).await.0, Some(0));
    edit(&twice, 2, "Tên chiến dịch", "Của chúng tôi");
    let (code, _, said) = ran(&twice, &["campaign", "init"]).await;
    assert_eq!(code, Some(1));
    assert!(
        said.contains("has a tab “Chiến dịch” already, and it was left as it is"),
        "{said}"
    );
    assert_eq!(rows(&twice, "Chiến dịch")[1][0], "Của chúng tôi");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_of_that_name_that_staff_made_is_left_alone() {
    let mut site = site(Role::Writer, true).await;
    assert_eq!(ran(&site, &["campaign", "init"]).await.0, Some(0));
    let add = Edit::AddTab {
        title: RESULTS.into(),
        rows: vec![vec!["Doanh số quý IV".into()]],
    };
    site.google.edit(&site.workbook, &[add]).unwrap();
    let daemon = site.start_and_read().await;
    let why = "the tab “Kết quả” was there before sheetbridge and is not written to: rename it, or write another results_tab under [campaigns]";
    until("it says so", || daemon.log().contains(why)).await;
    assert_eq!(rows(&site, RESULTS), [["Doanh số quý IV"]]);
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_done_today_stands_in_a_tab_of_our_own() {
    let mut workbook = Workbook::new("1Small", "Khách nhỏ");
    workbook.share.insert("*".into(), Role::Writer);
    let tab = workbook.add_tab(TAB);
    let today = sheetbridge::clock::now()
        .to_zoned(jiff::tz::TimeZone::get("Asia/Ho_Chi_Minh").unwrap())
        .strftime("%d/%m/%Y")
        .to_string();
    let header = ["Họ tên", "SĐT", "Giai đoạn", "NV phụ trách", "Ngày hẹn"];
    let row = [
        "=Dũng",
        "0934567890",
        "Khách hàng tiềm năng",
        "Lan Anh",
        &today,
    ];
    for (r, row) in [header, row].iter().enumerate() {
        for (c, text) in row.iter().enumerate() {
            tab.set(r, c, Cell::text(*text));
        }
    }
    let tabs = format!("[[workbook.tab]]\nname = \"{TAB}\"\n");
    let mut site = Site::with(workbook, &tabs, "").await;
    site.reconfigure("[google]\n", "[google]\nwrite = true\n");
    let customers = rows(&site, TAB);
    let daemon = site.start_and_read().await;
    until("the day is in our tab", || {
        rows(&site, "Việc cần làm").len() > 1
    })
    .await;
    let tasks = rows(&site, "Việc cần làm");
    assert_eq!(
        tasks[0][..5],
        ["Người phụ trách", "Lúc", "Khách hàng", "Việc", "Kết quả"]
    );
    assert_eq!(tasks[1][3], "Ngày hẹn", "{tasks:?}");
    assert!(tasks[1][2].contains("Dũng"), "{tasks:?}");
    assert!(tasks[1][6].starts_with("r-"), "{tasks:?}");
    assert_eq!(rows(&site, TAB), customers, "staff's tab is as it was");
    daemon.stop();
}
