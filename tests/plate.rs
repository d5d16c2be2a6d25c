//! What is on somebody's plate: the dates of today and who has waited too long, each as far as they may see.

#![allow(clippy::unwrap_used)]

mod support;

use sheetbridge::commands::{Contact, Desk, ErrorKind, Who};
use support::Company;

const RULES: &str = r#"
[email]
smtp = "smtp+plain://127.0.0.1:2525"
from = "Queenland <crm@queenland.example>"
[telegram]
token = { file = "google.json" }
[[staff]]
name = "Thu Vân"
role = "marketing"
[[rule]]
id = "idle"
on = { idle = "consulting", after = "3d" }
send = { channel = "telegram", to = "owner", template = "idle" }
"#;

/// Name, phone, e-mail, stage, owner, received, appointment.
const ROWS: [&[&str]; 4] = [
    &[
        "Trần Bình",
        "0912345678",
        "binh@example.com",
        "Đang tư vấn",
        "Lan Anh",
        "",
        "01/12/2026 14:30",
    ],
    &["Lê Chi", "0923456789", "", "Đang tư vấn", "Minh Tuấn"],
    &[
        "Phạm Dũng",
        "0934567890",
        "",
        "Khách hàng tiềm năng",
        "Lan Anh",
        "",
        "01/12/2026",
    ],
    &["Võ Em", "0945678901", "", "Đang tư vấn", ""],
];

/// The morning of 1 December; nobody has touched a row for ten days.
async fn company() -> Company {
    let mut company = Company::small(&ROWS, RULES).await;
    company.poll().await;
    company.now = "2026-12-01T01:00:00Z".parse().unwrap();
    company
}

fn colleague(company: &Company, name: &str) -> Who {
    Who::of(company.roster.directory().unwrap().find(name).unwrap())
}

fn names(contacts: &[Contact]) -> Vec<&str> {
    contacts.iter().map(|one| one.name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_the_day_of_their_own_customers() {
    let company = company().await;
    let desk = Desk::new(company.roster.clone(), None);
    let day = desk
        .day(&colleague(&company, "Lan Anh"), company.now)
        .unwrap();
    let due: Vec<(&str, &str)> = day
        .due
        .iter()
        .map(|due| (due.name.as_str(), due.at.as_str()))
        .collect();
    assert_eq!(
        due,
        [
            ("Phạm Dũng", "2026-12-01"),
            ("Trần Bình", "2026-12-01T14:30:00")
        ]
    );
    assert_eq!((day.waiting, day.own), (1, true));
    let day = desk
        .day(&colleague(&company, "Minh Tuấn"), company.now)
        .unwrap();
    assert_eq!((day.due.len(), day.waiting), (0, 1));
    let day = desk
        .day(&colleague(&company, "Hà Phạm"), company.now)
        .unwrap();
    assert_eq!((day.due_count, day.waiting, day.own), (2, 3, false));
    let refused = desk
        .day(&colleague(&company, "Thu Vân"), company.now)
        .unwrap_err();
    assert_eq!(refused.kind, ErrorKind::NotAllowed);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_longest_stands_first_and_only_for_whom_they_are() {
    let mut company = company().await;
    // Bình was touched two weeks after the others.
    company.now = "2026-12-05T01:00:00Z".parse().unwrap();
    company.type_into(2, "Ngày hẹn", "20/12/2026");
    company.poll_and_settle().await;
    company.now = "2026-12-20T01:00:00Z".parse().unwrap();
    let desk = Desk::new(company.roster.clone(), None);
    let list = desk
        .to_contact(&colleague(&company, "Hà Phạm"), 1, company.now)
        .unwrap();
    assert_eq!(names(&list.contacts), ["Lê Chi", "Võ Em", "Trần Bình"]);
    let days: Vec<i64> = list.contacts.iter().map(|one| one.days).collect();
    assert_eq!(days, [29, 29, 15]);
    assert_eq!(list.contacts[0].owner.as_deref(), Some("Minh Tuấn"));
    assert_eq!((list.total, list.page, list.pages), (3, 1, 1));
    let mine = desk
        .to_contact(&colleague(&company, "Lan Anh"), 7, company.now)
        .unwrap();
    assert_eq!(names(&mine.contacts), ["Trần Bình"]);
    assert_eq!((mine.page, mine.own), (1, true), "the last page");
}
