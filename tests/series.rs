//! Series: chains of messages behind a rule (day 0, 3, 7 …), each step set by the one before, over for good when
//! the stage changes, the customer refuses, or the condition says so.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use sheetbridge::alarms;
use sheetbridge::commands::{Desk, Request, Who};
use sheetbridge::store::keys::prefix;
use support::Company;

const CHANNELS: &str = r#"
[email]
smtp = "smtp+plain://127.0.0.1:2525"
from = "Queenland <crm@queenland.example>"
[telegram]
token = { file = "google.json" }
"#;

/// A welcome in three mails, and after-sale care until the stage is left.
const WELCOME: &str = r#"
[[rule]]
id = "welcome"
on = "added"
send = { channel = "email", to = "customer", template = "welcome" }
series = [
  { after = "3d", channel = "email", to = "customer", template = "after-sale-1" },
  { after = "7d", channel = "email", to = "customer", template = "after-sale-2" },
]
ends = "owner == 'Minh Tuấn'"
"#;

/// Quiet customers are won back, three times.
const WIN_BACK: &str = r#"
[[rule]]
id = "win-back"
on = { idle = "prospect", after = "30d" }
send = { channel = "email", to = "customer", template = "welcome" }
series = [
  { after = "10d", channel = "email", to = "customer", template = "after-sale-1" },
  { after = "20d", channel = "email", to = "customer", template = "after-sale-2" },
]
"#;

const DAY: i64 = 86_400;

const AN: [(&str, &str); 5] = [
    ("Họ tên", "Nguyễn Văn An"),
    ("SĐT", "'0901234567"),
    ("Email", "an@example.com"),
    ("Giai đoạn", "Khách hàng tiềm năng"),
    ("NV phụ trách", "Lan Anh"),
];

const DUNG: &[&str] = &[
    "Phạm Dũng",
    "0934567890",
    "dung@example.com",
    "Khách hàng tiềm năng",
    "Lan Anh",
];

async fn company(rule: &str) -> Company {
    let mut company = Company::small(&[DUNG], &format!("{CHANNELS}{rule}")).await;
    alarms::enforce_rules(&company.roster, company.now).unwrap();
    company.poll().await;
    company
}

/// The same with a new customer who has had the first mail.
async fn with_an() -> (Company, usize) {
    let mut company = company(WELCOME).await;
    let row = company.add_customer(&AN);
    let (_, settled) = company.poll_and_settle().await;
    assert_eq!(settled.messages.len(), 1);
    (company, row)
}

/// What comes due in so many days: the day, and rule and step.
fn days(company: &mut Company, count: i64) -> Vec<(i64, String)> {
    let mut found = Vec::new();
    for day in 1..=count {
        company.wait(DAY);
        found.extend(ring(company).into_iter().map(|step| (day, step)));
    }
    found
}

fn ring(company: &Company) -> Vec<String> {
    let rang = alarms::ring(&company.roster, company.now).unwrap();
    let step = |message: &sheetbridge::core::message::Message| {
        message
            .key
            .to_string()
            .split('/')
            .take(2)
            .collect::<Vec<_>>()
            .join("/")
    };
    rang.messages.iter().map(step).collect()
}

/// What the journal says of the rule.
fn said(company: &Company) -> Vec<String> {
    company
        .roster
        .store()
        .scan::<sheetbridge::store::journal::Entry>(prefix::JOURNAL)
        .map(|entry| entry.unwrap().1.text)
        .filter(|text| text.contains("series"))
        .collect()
}

fn explained(company: &Company, who: &str) -> Value {
    Desk::new(company.roster.clone(), None)
        .answer(
            &Request::Explain {
                who: who.to_owned(),
            },
            &Who::CommandLine,
            company.now,
        )
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_comes_on_its_day_and_explain_tells_the_next_one() {
    let (mut company, _) = with_an().await;
    let story = explained(&company, "an@example.com").to_string();
    assert!(story.contains("step 1 of 2 of its series"), "{story}");
    assert_eq!(
        days(&mut company, 20),
        [(3, "welcome/2".to_owned()), (7, "welcome/3".to_owned())]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_stage_ends_it_for_good() {
    let (mut company, row) = with_an().await;
    assert_eq!(days(&mut company, 4), [(3, "welcome/2".to_owned())]);
    company.type_into(row, "Giai đoạn", "Đang tư vấn");
    company.poll_and_settle().await;
    // Back again before the next step is due: it was over all the same.
    company.type_into(row, "Giai đoạn", "Khách hàng tiềm năng");
    company.poll_and_settle().await;
    assert_eq!(days(&mut company, 10), []);
    assert_eq!(
        said(&company),
        ["welcome: its series ended before step 2 of 2: the stage has changed"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_ends_it() {
    for refuse in ["the cell", "a suppression"] {
        let (mut company, row) = with_an().await;
        if refuse == "the cell" {
            company.type_into(row, "Không nhận tin", "x");
            company.poll_and_settle().await;
        } else {
            Desk::new(company.roster.clone(), None)
                .suppress("0901 234 567", false, None, &Who::CommandLine, company.now)
                .unwrap();
        }
        assert_eq!(days(&mut company, 10), [], "{refuse}");
        assert_eq!(
            said(&company),
            ["welcome: its series ended before step 1 of 2: the customer wants no more mail"],
            "{refuse}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_condition_ends_it() {
    let (mut company, row) = with_an().await;
    company.type_into(row, "NV phụ trách", "Minh Tuấn");
    company.poll_and_settle().await;
    assert_eq!(days(&mut company, 10), []);
    assert_eq!(
        said(&company),
        ["welcome: its series ended before step 1 of 2: owner == 'Minh Tuấn' is true"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_long_stop_its_steps_keep_their_distance() {
    let (mut company, _) = with_an().await;
    company.wait(10 * DAY);
    company.restart().await;
    company.poll().await;
    assert_eq!(ring(&company), ["welcome/2"], "day 3, on day 10");
    assert_eq!(ring(&company), [""; 0]);
    assert_eq!(days(&mut company, 10), [(4, "welcome/3".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_from_a_cut_goes_on_and_who_is_removed_does_not() {
    let (mut company, row) = with_an().await;
    let delete = |row| sheetbridge::sandbox::google::Edit::DeleteRows {
        tab: support::CUSTOMERS.into(),
        from: row,
        count: 1,
    };
    company.edit(delete(row));
    company.poll().await;
    company.wait(60);
    company.add_customer(&AN);
    company.poll_and_settle().await;
    assert_eq!(days(&mut company, 4), [(3, "welcome/2".to_owned())]);
    company.edit(delete(row));
    company.poll().await;
    company.wait(700);
    company.poll().await;
    assert_eq!(days(&mut company, 10), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_customers_are_won_back_until_something_happens() {
    let mut company = company(WIN_BACK).await;
    let found = days(&mut company, 120);
    let steps: Vec<&str> = found.iter().map(|(_, step)| step.as_str()).collect();
    assert_eq!(steps, ["win-back/1", "win-back/2", "win-back/3"]);
    let first = found[0].0;
    assert_eq!(
        (found[1].0 - first, found[2].0 - first),
        (10, 20),
        "{found:?}"
    );

    let mut company = self::company(WIN_BACK).await;
    let before = days(&mut company, first);
    assert_eq!(before.len(), 1);
    // Somebody noted something: not idle any more.
    company.type_into(2, "Ngày hẹn", "20/12/2027");
    company.poll_and_settle().await;
    let after = days(&mut company, 25);
    assert_eq!(after, [], "a new round begins 30 working days later");
    assert_eq!(
        said(&company),
        ["win-back: its series ended before step 1 of 2: the customer is not idle any more"]
    );
    assert_eq!(json!(before[0].1), "win-back/1");
}
