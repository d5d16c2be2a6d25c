//! What people are told of their work in the sheet: the verdict on an edit, in `sync`, `status` and the digest, and
//! which rows need a look.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::json;
use sheetbridge::commands::{Desk, ProblemKind, Who};
use sheetbridge::sandbox::google::{CellEdit, Edit};
use sheetbridge::store::journal::Entry;
use sheetbridge::store::keys::prefix;
use support::{CUSTOMERS, Company};

const GIVEN: [&str; 12] = [
    "An", "Bảo", "Cúc", "Đạt", "Giang", "Hùng", "Khoa", "Linh", "Mai", "Nam", "Oanh", "Phúc",
];

async fn company(customers: usize) -> Company {
    let rows: Vec<Vec<String>> = (0..customers)
        .map(|n| {
            vec![
                format!(
                    "{} {}",
                    ["Nguyễn", "Trần", "Lê"][n * 7 % 3],
                    GIVEN[n * 5 % 12]
                ),
                format!("09{:08}", (n + 1) * 48_271_993 % 99_999_989),
                format!("khach{n}@example.com"),
                "Đang tư vấn".to_owned(),
                ["Lan Anh", "Minh Tuấn"][n % 2].to_owned(),
            ]
        })
        .collect();
    let rows: Vec<Vec<&str>> = rows
        .iter()
        .map(|row| row.iter().map(String::as_str).collect())
        .collect();
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    let mut company = Company::small(&rows, "").await;
    company.poll().await;
    company
}

fn desk(company: &Company) -> Desk {
    Desk::new(company.roster.clone(), None)
}

fn cells(company: &Company, column: &str, rows: impl Iterator<Item = usize>, text: &str) {
    company.edit(Edit::SetCells {
        tab: CUSTOMERS.into(),
        cells: rows.map(|row| CellEdit::typed(row, column, text)).collect(),
    });
}

fn sort(company: &Company, column: &str, descending: bool) {
    company.edit(Edit::Sort {
        tab: CUSTOMERS.into(),
        column: column.into(),
        descending,
        from_row: None,
        to_row: None,
    });
}

async fn seen(company: &mut Company) -> String {
    company.wait(60);
    company.poll().await.tabs[0].edit.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_edit_is_named_with_its_columns() {
    let mut company = company(40).await;
    cells(
        &company,
        "Giai đoạn",
        [3, 9, 20, 31].into_iter(),
        "Đã đặt cọc",
    );
    assert_eq!(seen(&mut company).await, "edited 4 cells in stage");
    cells(&company, "NV phụ trách", 5..29, "Thu Hà");
    assert_eq!(seen(&mut company).await, "filled down owner over 24 rows");
    sort(&company, "SĐT", true);
    assert_eq!(seen(&mut company).await, "sorted by phone, descending");
    sort(&company, "SĐT", false);
    cells(&company, "Giai đoạn", 4..5, "Hoàn tất giao dịch");
    company.edit(Edit::DeleteRows {
        tab: CUSTOMERS.into(),
        from: 10,
        count: 2,
    });
    assert_eq!(
        seen(&mut company).await,
        "sorted by phone, deleted 2 rows, edited 1 cell in stage"
    );
    company.edit(Edit::MoveColumn {
        tab: CUSTOMERS.into(),
        column: "Email".into(),
        to: "Họ tên".into(),
    });
    assert_eq!(seen(&mut company).await, "column moved");
    assert_eq!(seen(&mut company).await, "none");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_column_of_a_sort_is_told_of_a_long_tab_too() {
    let mut company = company(5_000).await;
    sort(&company, "SĐT", true);
    seen(&mut company).await;
    sort(&company, "Email", true);
    assert_eq!(seen(&mut company).await, "sorted by email, descending");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_the_last_edits_and_the_digest_adds_them_up() {
    let mut company = company(40).await;
    cells(&company, "Giai đoạn", [3, 9].into_iter(), "Đã đặt cọc");
    seen(&mut company).await;
    sort(&company, "SĐT", false);
    seen(&mut company).await;
    cells(&company, "Giai đoạn", [5].into_iter(), "Đã đặt cọc");
    seen(&mut company).await;
    let status = desk(&company)
        .status(&Who::CommandLine, company.now)
        .unwrap();
    let told: Vec<(&str, &str)> = status
        .edits
        .iter()
        .take(2)
        .map(|edit| (edit.edit.as_str(), edit.edit_vi.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("edited 1 cell in stage", "sửa 1 ô ở cột Giai đoạn"),
            ("sorted by phone", "sắp xếp theo SĐT")
        ]
    );
    assert_eq!(status.edits[0].at, "2026-11-21T09:03:00+07:00");
    let work = |company: &Company| json!(desk(company).digest(company.now).unwrap().work);
    assert_eq!(
        work(&company),
        json!([{"tab": "Khách hàng", "done": "sắp xếp 1 lần, sửa 3 ô"}])
    );
    company.wait(26 * 3_600);
    assert_eq!(work(&company), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn unclear_rows_are_named_with_what_to_look_at_and_are_news_once() {
    let row = ["Trần Bình", "0912345678", "", "Đang tư vấn", "Lan Anh"];
    let mut company = Company::small(
        &[
            &[
                "Lê Chi",
                "0923456789",
                "chi@example.com",
                "Đang tư vấn",
                "Lan Anh",
            ],
            &row,
            &[
                "Phạm Dũng",
                "0934567890",
                "dung@example.com",
                "Đang tư vấn",
                "Lan Anh",
            ],
            &row,
        ],
        "",
    )
    .await;
    company.poll().await;
    company.type_into(3, "Giai đoạn", "Đã đặt cọc");
    company.type_into(5, "Giai đoạn", "Hoàn tất giao dịch");
    company.wait(10);
    let first = company.poll().await;
    assert_eq!(first.ambiguous.len(), 1, "{first:?}");
    assert_eq!(first.tabs[0].edit, "2 ambiguous rows");
    let count = |company: &Company| {
        let entries = company.roster.store().scan::<Entry>(prefix::JOURNAL);
        entries.count()
    };
    let noted = count(&company);
    company.wait(10);
    let second = company.poll().await;
    assert!(
        second.is_quiet() && second.ambiguous.len() == 1,
        "{second:?}"
    );
    assert_eq!(
        count(&company),
        noted,
        "nothing is written for what stays unclear"
    );
    let status = desk(&company)
        .status(&Who::CommandLine, company.now)
        .unwrap();
    assert_eq!(
        (status.unclear.len(), status.unclear[0].rows.as_slice()),
        (1, &[3, 5][..])
    );
    assert!(status.unclear[0].url.ends_with("&range=3:3"), "{status:?}");
    assert_ne!(status.unclear[0].why, status.unclear[0].why_vi);
    let said: String = status
        .next
        .iter()
        .map(|mend| String::from(mend.clone()))
        .collect();
    assert!(said.contains("(“Khách hàng”, rows 3, 5)"), "{said}");
    let digest = desk(&company).digest(company.now).unwrap();
    assert_eq!(
        (
            digest.unclear[0].tab.as_str(),
            digest.unclear[0].rows.as_str()
        ),
        ("Khách hàng", "3, 5")
    );
    company.type_into(3, "Giai đoạn", "Đang tư vấn");
    company.type_into(5, "Giai đoạn", "Đang tư vấn");
    company.wait(10);
    assert!(company.poll().await.ambiguous.is_empty());
    let status = desk(&company)
        .status(&Who::CommandLine, company.now)
        .unwrap();
    assert!(status.unclear.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_are_counted_in_full_and_listed_up_to_a_limit() {
    let mut company = company(30).await;
    cells(&company, "Email", 2..22, "khong-phai-thu");
    company.wait(10);
    company.poll().await;
    let (listed, more) = desk(&company)
        .some_problems(5, &Who::CommandLine, company.now)
        .unwrap();
    let all = desk(&company)
        .problems(None, &Who::CommandLine, company.now)
        .unwrap();
    assert_eq!((listed.len(), more), (5, all.len() - 5));
    assert_eq!(listed, all[..5]);
    let status = desk(&company)
        .status(&Who::CommandLine, company.now)
        .unwrap();
    let bad = all
        .iter()
        .filter(|problem| problem.kind == ProblemKind::Unreadable)
        .count();
    assert_eq!((bad, status.problems), (20, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_twice_is_told_from_a_couple_on_one_phone() {
    let mut company = Company::small(
        &[
            &[
                "Trần Bình",
                "0912345678",
                "binh@example.com",
                "Đang tư vấn",
                "Lan Anh",
            ],
            &["Lê Chi", "0912345678", "", "Đang tư vấn", "Lan Anh"],
            &["Lê Chi", "0912345678", "", "Đã đặt cọc", "Lan Anh"],
        ],
        "",
    )
    .await;
    company.poll().await;
    let all = desk(&company)
        .problems(None, &Who::CommandLine, company.now)
        .unwrap();
    let told: Vec<(&str, &str)> = all
        .iter()
        .filter(|problem| problem.kind == ProblemKind::Duplicate)
        .map(|problem| (problem.cell.as_str(), problem.why.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (
                "B3",
                "stands in B2 of \"Khách hàng\" as well: two people who share it"
            ),
            (
                "B4",
                "stands in B3 of \"Khách hàng\" as well: the same person twice"
            ),
        ]
    );
}
