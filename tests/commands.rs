//! What people can ask and do, over a real store that real polls have filled.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod support;

use serde_json::{Value, json};
use sheetbridge::commands::{
    Action, ButtonAct, Desk, ErrorKind, OutboxFilter, Request, Who, act_for, paused_by,
    store_button,
};
use sheetbridge::core::delivery::State;
use sheetbridge::core::message::Message;
use sheetbridge::core::people::Role;
use sheetbridge::core::record::Record;
use sheetbridge::health::Health;
use sheetbridge::sandbox::google::Edit;
use sheetbridge::store::keys::{self, prefix};
use sheetbridge::store::{Group, LastPoll, Store, last_poll_key};
use support::{CUSTOMERS, Company};

const RULES: &str = r#"
[email]
smtp = "smtp+plain://127.0.0.1:2525"
from = "Queenland <crm@queenland.example>"
[telegram]
token = { file = "google.json" }
[[staff]]
name = "Chị Trưởng"
role = "leader"
team = "KD1"
[[staff]]
name = "Ngọc Mai"
team = "KD1"
[[staff]]
name = "Kim Chi"
role = "marketing"
[[rule]]
id = "deposited"
on = { stage = "deposited" }
send = [{ channel = "email", to = "customer", template = "thank-you", hold = "20m" }]
[[rule]]
id = "idle"
on = { idle = "consulting", after = "1h", every = "1h", times = 3 }
send = { channel = "telegram", to = "owner", template = "idle" }
"#;

const ROWS: [&[&str]; 5] = [
    &[
        "Trần Bình",
        "0912345678",
        "binh@example.com",
        "Đang tư vấn",
        "Lan Anh",
        "2026-11-01",
        "2026-11-21",
    ],
    &["Lê Cúc", "0912345678", "", "Đang TV", "Minh Tuấn"],
    &[
        "Phạm Dung",
        "sẽ bổ sung sau",
        "dung@example",
        "",
        "Ngọc Mai",
    ],
    &["Võ Em", "", "", "Đã đặt cọc", "Hùng"],
    &[
        "Đỗ Giang",
        "0987654321",
        "giang@example.com",
        "Đã đặt cọc",
        "Ngọc Mai",
    ],
];

async fn company() -> (Company, Desk) {
    let mut company = Company::small(&ROWS, RULES).await;
    company.poll().await;
    let desk = Desk::new(company.roster.clone(), None);
    (company, desk)
}

fn colleague(name: &str, role: Role) -> Who {
    Who::Colleague {
        name: name.into(),
        role,
    }
}

fn manager() -> Who {
    colleague("Hà Phạm", Role::Manager)
}

fn record_of(store: &Store, name: &str) -> Record {
    let all = store.records().map(Result::unwrap);
    all.into_iter()
        .find(|record| record.seen["name"].shown() == name)
        .unwrap()
}

fn only_message(store: &Store) -> Message {
    let mut all: Vec<Message> = store
        .scan(prefix::MESSAGE)
        .map(|entry| entry.unwrap().1)
        .collect();
    all.retain(|message: &Message| message.template == "thank-you");
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

/// A poll after which Trần Bình has paid his deposit, and a mail to him waits.
async fn with_waiting_mail() -> (Company, Desk, Message) {
    let (mut company, desk) = company().await;
    company.type_into(2, "Giai đoạn", "Đã đặt cọc");
    company.poll_and_settle().await;
    let message = only_message(company.roster.store());
    assert!(message.held_until.is_some());
    (company, desk, message)
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_as_promised() {
    let (company, desk) = company().await;
    let request = Request::Records {
        tab: None,
        problems: false,
    };
    let records = desk
        .answer(&request, &Who::CommandLine, company.now)
        .unwrap();
    let first = &records[0];
    assert_eq!(
        (&first["tab"], &first["row"]),
        (&json!(CUSTOMERS), &json!(2))
    );
    assert!(first["record"].as_str().unwrap().starts_with("r-"));
    assert_eq!(first["fields"]["phone"], json!({"e164": ["+84912345678"]}));
    assert_eq!(first["fields"]["email"], json!(["binh@example.com"]));
    assert_eq!(first["fields"]["stage"], "consulting");
    assert_eq!(first["raw"]["Họ tên"], "Trần Bình");
    assert_eq!(first["raw"]["Không nhận tin"], Value::Null);
    let names: Vec<&str> = records
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["raw"]["Họ tên"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["Trần Bình", "Lê Cúc", "Phạm Dung", "Võ Em", "Đỗ Giang"]
    );
    assert_eq!(records[2]["fields"]["email"], Value::Null);
    let wrong = desk
        .records(Some("Khách lẻ"), &Who::CommandLine)
        .unwrap_err();
    assert_eq!(wrong.kind, ErrorKind::NotFound);
    assert!(
        wrong.text.contains("\"Khách lẻ\"; there are Khách hàng"),
        "{}",
        wrong.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn records_stand_in_the_order_of_the_sheet_after_a_sort() {
    let (mut company, desk) = company().await;
    company.edit(Edit::Sort {
        tab: CUSTOMERS.into(),
        column: "Họ tên".into(),
        descending: true,
        from_row: None,
        to_row: None,
    });
    company.wait(10);
    company.poll().await;
    let records = desk.records(None, &Who::CommandLine).unwrap();
    let rows: Vec<u32> = records.iter().map(|line| line.row).collect();
    assert_eq!(rows, [2, 3, 4, 5, 6]);
    assert_eq!(records[0].raw["Họ tên"], "Võ Em");
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_name_the_cell_and_the_mend() {
    let (mut company, desk) = company().await;
    company.wait(700);
    let problems = desk.problems(None, &manager(), company.now).unwrap();
    let said = |cell: &str, field: &str, part: &str| {
        let found = problems.iter().any(|problem| {
            problem.cell == cell && problem.field == field && problem.why.contains(part)
        });
        assert!(found, "{cell} {field} {part}: {problems:#?}");
    };
    said("C4", "email", "");
    said(
        "B3",
        "phone",
        "stands in B2 of \"Khách hàng\" as well: two people who share it",
    );
    said("D3", "stage", "\"Đang TV\" is no stage");
    said("D4", "stage", "the stage is empty");
    said("E5", "owner", "\"Hùng\" is not in the staff list");
    said(
        "B5",
        "phone",
        "the row is incomplete: phone or email is missing",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn status_says_what_to_do_next() {
    let (company, mut desk) = company().await;
    let alone = desk.status(&Who::CommandLine, company.now).unwrap();
    assert!(!alone.ok && !alone.running);
    let health = Health::new(company.now, "0.1.0", false);
    health.polled(
        &company.workbook,
        company.now,
        jiff::SignedDuration::from_millis(80),
    );
    desk.health = Some(health.clone());
    let status = desk
        .answer(&Request::Status, &Who::CommandLine, company.now)
        .unwrap();
    assert_eq!(status["ok"], true, "{status:#}");
    assert_eq!(status["workbooks"][0]["lag_s"], 0);
    assert_eq!(status["customers"], 5);
    assert_eq!(
        status["unknown_stages"],
        json!([{"word": "Đang TV", "count": 1, "likely": "consulting"}])
    );
    let next: Vec<&str> = status["next"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect();
    assert!(
        next.iter()
            .any(|text| text.contains("`sheetbridge invite \"Ngọc Mai\"`")),
        "{next:#?}"
    );
    assert!(
        next.iter()
            .any(|text| text.contains("\"Đang TV\"")
                && text.contains("[[stage]] id = \"consulting\"")),
        "{next:#?}"
    );
    health.poll_failed(
        &company.workbook,
        company.now,
        "the workbook is not shared with crm@example",
    );
    let status = desk.status(&Who::CommandLine, company.now).unwrap();
    assert!(!status.ok);
    assert!(
        status.next[0]
            .shown(sheetbridge::config::Language::En)
            .contains("not shared with")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_sees_its_own_and_no_more() {
    let (company, desk) = company().await;
    let names = |who: &Who| -> Vec<String> {
        let mine = desk.mine(who, company.now).unwrap();
        let mut names: Vec<String> = mine
            .stages
            .iter()
            .flat_map(|list| list.customers.iter().map(|one| one.name.clone()))
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&colleague("Lan Anh", Role::Staff)), ["Trần Bình"]);
    assert_eq!(
        names(&colleague("Chị Trưởng", Role::Leader)),
        ["Phạm Dung", "Đỗ Giang"]
    );
    assert_eq!(names(&manager()).len(), 5);
    let marketing = colleague("Kim Chi", Role::Marketing);
    assert_eq!(
        desk.mine(&marketing, company.now).unwrap_err().kind,
        ErrorKind::NotAllowed
    );
    assert_eq!(desk.totals(&marketing).unwrap().total, 5);
    for (request, who) in [
        (Request::Status, colleague("Chị Trưởng", Role::Leader)),
        (
            Request::Records {
                tab: None,
                problems: false,
            },
            colleague("Lan Anh", Role::Staff),
        ),
        (
            Request::Pause { what: "all".into() },
            colleague("Lan Anh", Role::Staff),
        ),
        (
            Request::Invite {
                name: "Lan Anh".into(),
                bot: Some("b".into()),
            },
            marketing.clone(),
        ),
        (Request::Digest, colleague("Chị Trưởng", Role::Leader)),
        (Request::Totals, Who::Stranger),
        (Request::Mine, Who::Stranger),
        (
            Request::Find {
                text: "Bình".into(),
            },
            Who::Stranger,
        ),
    ] {
        let error = desk.answer(&request, &who, company.now).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotAllowed, "{request:?}");
        assert_eq!(error.text, "your role may not do this: ask a manager");
    }
    let found = desk
        .find(
            "0912345678",
            &colleague("Lan Anh", Role::Staff),
            company.now,
        )
        .unwrap();
    assert_eq!(
        found.len(),
        1,
        "the other customer with this number is a colleague's"
    );
    assert_eq!(found[0].phone.as_deref(), Some("0912 345 678"));
    assert_eq!(
        desk.find("0912345678", &manager(), company.now)
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_waits_is_stopped_or_let_go_once() {
    let (company, desk, message) = with_waiting_mail().await;
    let digest = message.key.digest();
    let stranger_to_it = colleague("Minh Tuấn", Role::Staff);
    assert_eq!(
        desk.picked_wrong(&digest, &stranger_to_it, company.now)
            .unwrap_err()
            .kind,
        ErrorKind::NotAllowed
    );
    let owner = colleague("Lan Anh", Role::Staff);
    desk.picked_wrong(&digest, &owner, company.now).unwrap();
    let message = only_message(company.roster.store());
    assert_eq!(
        (message.state, message.why.as_str()),
        (State::Cancelled, "picked by mistake, said Lan Anh")
    );
    let late = desk.send_now(&digest, &manager(), company.now).unwrap_err();
    assert_eq!(late.kind, ErrorKind::TooLate);
    assert_eq!(
        late.shown(sheetbridge::config::Language::Vi),
        "Lan Anh đã bấm “Chọn nhầm”, thư không gửi nữa."
    );
    assert_eq!(
        company.roster.store().keys(prefix::DUE).count(),
        1,
        "only the notice to the owner is left"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_let_go_is_due_at_once() {
    let (company, desk, message) = with_waiting_mail().await;
    desk.send_now(message.key.as_str(), &manager(), company.now)
        .unwrap();
    let message = only_message(company.roster.store());
    assert_eq!(
        (message.state, message.due, message.held_until),
        (State::Queued, company.now, None)
    );
    let again = desk
        .send_now(message.key.as_str(), &manager(), company.now)
        .unwrap_err();
    assert!(again.text.contains("let it go already"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_poll_can_be_stopped_for_a_minute() {
    let (mut company, desk, message) = with_waiting_mail().await;
    let store = company.roster.store().clone();
    let none = desk
        .stop_last_poll("another", &manager(), company.now)
        .unwrap_err();
    assert_eq!(none.kind, ErrorKind::NotFound);
    let last: Option<LastPoll> = store.get(&last_poll_key(&company.workbook)).unwrap();
    // The mail, and the notice of it with its buttons.
    let keys = last.unwrap().keys;
    assert_eq!((keys.len(), keys.contains(&message.key)), (2, true));
    company.wait(60);
    let stopped = desk
        .stop_last_poll(&company.workbook, &manager(), company.now)
        .unwrap();
    assert_eq!((stopped.cancelled, stopped.gone), (2, 0));
    assert_eq!(only_message(&store).state, State::Cancelled);
    company.wait(1);
    let late = desk
        .stop_last_poll(&company.workbook, &manager(), company.now)
        .unwrap_err();
    assert!(
        late.text
            .contains("more than a minute ago: pause all sending"),
        "{late}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_and_a_resume_makes_due() {
    let (company, desk, message) = with_waiting_mail().await;
    let store = company.roster.store();
    // The notice of the mail is of the same rule, and goes by Telegram.
    for (what, kept, waited) in [
        ("all", "all", 2),
        ("channel email", "channel/email", 1),
        ("deposited", "rule/deposited", 2),
    ] {
        assert_eq!(
            desk.pause(what, &manager(), company.now).unwrap().what,
            kept
        );
        assert!(
            paused_by(store, &message)
                .unwrap()
                .unwrap()
                .ends_with("by Hà Phạm"),
            "{what}"
        );
        let first = desk.pause(what, &Who::CommandLine, company.now).unwrap();
        assert_eq!(first.by, "Hà Phạm", "the first who paused is kept");
        // As the outbox puts it off while it is paused.
        let mut waiting = only_message(store);
        let mut group = Group::default();
        let later = company
            .now
            .saturating_add(jiff::SignedDuration::from_mins(5))
            .unwrap();
        sheetbridge::store::ledger::postpone(&mut group, &mut waiting, later, "paused: by Hà Phạm");
        store.commit(vec![group]).unwrap();
        let resumed = desk.resume(what, &manager(), company.now).unwrap();
        assert_eq!(
            (resumed.was_paused, resumed.due_now),
            (true, waited),
            "{what}"
        );
        assert_eq!(only_message(store).due, company.now);
        assert_eq!(paused_by(store, &message).unwrap(), None);
    }
    assert_eq!(
        desk.resume("telegram", &manager(), company.now)
            .unwrap()
            .due_now,
        0
    );
    let unknown = desk.pause("welcome", &manager(), company.now).unwrap_err();
    assert!(
        unknown.text.contains(
            "there is no rule \"welcome\": write all, email, telegram, or one of deposited, idle"
        ),
        "{unknown}"
    );
    let campaign = desk
        .pause("campaign Tết", &manager(), company.now)
        .unwrap_err();
    assert!(
        campaign.text.contains("`sheetbridge campaign pause Tết`"),
        "{campaign}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_binds_once_and_each_refusal_says_why() {
    let (mut company, mut desk) = company().await;
    let no_bot = desk
        .invite("Lan Anh", None, &manager(), company.now)
        .unwrap_err();
    assert!(
        no_bot.text.contains("the bot's name is not known yet"),
        "{no_bot}"
    );
    let health = Health::new(company.now, "0.1.0", false);
    health.bot_is("@queenland_bot");
    desk.health = Some(health);
    let unknown = desk
        .invite("Ngoc Mi", None, &manager(), company.now)
        .unwrap_err();
    assert!(
        unknown
            .text
            .contains("\"Ngoc Mi\" is not in the staff list: did you mean \"Ngọc Mai\""),
        "{unknown}"
    );
    let token = |desk: &Desk, now| {
        let made = desk
            .invite("ngoc mai", None, &Who::CommandLine, now)
            .unwrap();
        assert_eq!(made.name, "Ngọc Mai");
        let token = made
            .link
            .strip_prefix("https://t.me/queenland_bot?start=")
            .unwrap()
            .to_owned();
        assert!(
            token.len() >= 22
                && token
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
            "{token}"
        );
        token
    };
    let refused = |desk: &Desk, token: &str, chat, private, now, part: &str| {
        let error = desk.redeem(token, chat, private, now).unwrap_err();
        assert!(error.text.contains(part), "{error}");
    };
    let older = token(&desk, company.now);
    let newer = token(&desk, company.now);
    refused(&desk, &older, 7, true, company.now, "there is a newer link");
    refused(&desk, "nonsense", 7, true, company.now, "not one of ours");
    refused(
        &desk,
        &newer,
        -7,
        false,
        company.now,
        "a group cannot be bound to one person: open the link in a private chat with the bot. This group's number is -7",
    );
    assert!(!desk.redeem(&newer, 7, true, company.now).unwrap().known);
    assert_eq!(desk.who_is(7).unwrap(), colleague("Ngọc Mai", Role::Staff));
    assert!(
        desk.redeem(&newer, 7, true, company.now).unwrap().known,
        "the same chat may tap the link twice"
    );
    refused(&desk, &newer, 8, true, company.now, "has been used already");
    let third = token(&desk, company.now);
    company.wait(3_601);
    refused(&desk, &third, 8, true, company.now, "has expired");
    // Dead when the bot is blocked, alive again when it is let in.
    assert_eq!(
        desk.chat_is(7, Some("the bot was blocked"), company.now)
            .unwrap()
            .as_deref(),
        Some("Ngọc Mai")
    );
    let status = desk.status(&Who::CommandLine, company.now).unwrap();
    assert!(
        status
            .unbound
            .iter()
            .any(|one| one.name == "Ngọc Mai" && one.why == "the bot was blocked")
    );
    desk.chat_is(7, None, company.now).unwrap();
    assert!(
        !desk
            .status(&Who::CommandLine, company.now)
            .unwrap()
            .unbound
            .iter()
            .any(|one| one.name == "Ngọc Mai")
    );
    company.wait(8 * 86_400);
    desk.sweep(company.now).unwrap();
    assert_eq!(company.roster.store().keys(prefix::INVITE).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_touch_starts_the_clock_again_and_waits_anew() {
    let (mut company, desk) = company().await;
    let store = company.roster.store().clone();
    let record = record_of(&store, "Trần Bình");
    let timers = store.keys(prefix::TIMER).count();
    company.wait(3_000);
    let card = desk
        .touch(
            record.id.as_str(),
            &colleague("Lan Anh", Role::Staff),
            company.now,
        )
        .unwrap();
    assert_eq!((card.name.as_str(), card.days), ("Trần Bình", 0));
    assert_eq!(record_of(&store, "Trần Bình").active_at, company.now);
    assert!(
        store.keys(prefix::TIMER).count() > timers,
        "the reminder waits from now on"
    );
    let other = desk
        .touch(
            record.id.as_str(),
            &colleague("Minh Tuấn", Role::Staff),
            company.now,
        )
        .unwrap_err();
    assert_eq!(other.kind, ErrorKind::NotAllowed);
    let gone = desk.touch("r-0", &manager(), company.now).unwrap_err();
    assert!(gone.text.contains("no longer in the sheet"), "{gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn held_batches_are_decided_by_the_first() {
    let (mut company, desk) = company().await;
    company.edit(Edit::Clear {
        tab: CUSTOMERS.into(),
        range: Some("A2:H6".into()),
    });
    company.wait(10);
    company.poll().await;
    let held = desk.held_list(&manager()).unwrap();
    assert_eq!(held.len(), 1);
    let id = held[0].id.clone();
    let status = desk.status(&Who::CommandLine, company.now).unwrap();
    assert!(status.next.iter().any(|mend| {
        mend.shown(sheetbridge::config::Language::En)
            .contains(&format!("sheetbridge held release {id}"))
    }));
    let decided = desk
        .held_decide(&id, false, &manager(), company.now)
        .unwrap();
    assert_eq!(
        (decided.decision.as_deref(), decided.by.as_deref()),
        (Some("drop"), Some("Hà Phạm"))
    );
    let second = desk
        .held_decide(&id, true, &Who::CommandLine, company.now)
        .unwrap_err();
    assert_eq!(second.kind, ErrorKind::TooLate);
    assert!(
        second.text.contains("Hà Phạm has already said drop"),
        "{second}"
    );
    company.wait(10);
    company.poll().await;
    let over = desk
        .held_decide(&id, true, &manager(), company.now)
        .unwrap_err();
    assert!(over.text.contains("no batch is held"), "{over}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_does_its_act_once() {
    let (company, desk, message) = with_waiting_mail().await;
    let store = company.roster.store();
    let act = ButtonAct {
        action: Action::Wrong,
        subject: message.key.digest(),
        label: "Chọn nhầm".into(),
        message: Some("notice".into()),
        told: Some("Minh Tuấn".into()),
        created: company.now,
        done: None,
    };
    let mut group = Group::default();
    let data = store_button(&mut group, &act);
    assert!(data.len() <= 64);
    assert_eq!(
        store_button(&mut group, &act),
        data,
        "a retry makes the same button"
    );
    store.commit(vec![group]).unwrap();
    assert_eq!(
        desk.press(&data, &Who::Stranger, company.now)
            .unwrap_err()
            .kind,
        ErrorKind::NotAllowed
    );
    // It stands under a message that went to him, though the customer is somebody else's.
    desk.press(&data, &colleague("Minh Tuấn", Role::Staff), company.now)
        .unwrap();
    let again = desk.press(&data, &manager(), company.now).unwrap_err();
    assert_eq!(again.kind, ErrorKind::Again);
    assert!(
        again
            .shown(sheetbridge::config::Language::Vi)
            .starts_with("Minh Tuấn đã bấm nút này lúc"),
        "{again}"
    );
    for nonsense in [
        "",
        "b:",
        "b:../../meta",
        "x:0123",
        &format!("b:{}", "0".repeat(32)),
    ] {
        assert_eq!(
            desk.press(nonsense, &manager(), company.now)
                .unwrap_err()
                .kind,
            ErrorKind::NotFound,
            "{nonsense}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn buttons_of_templates_know_what_they_act_on() {
    let (_company, _desk, message) = with_waiting_mail().await;
    let subject = |message: &Message, name: &str| {
        act_for(message, name, "x", Some("Lan Anh")).map(|act| act.subject)
    };
    assert_eq!(
        subject(&message, "done"),
        message.record.as_ref().map(ToString::to_string)
    );
    assert_eq!(subject(&message, "later"), Some(message.key.digest()));
    assert_eq!(
        subject(&message, "send-now"),
        None,
        "it is no notice of a mail that waits"
    );
    let mut notice = message.clone();
    notice.event =
        json!({"hold": {"key": message.key}, "held": {"id": "h-7"}, "staff": {"name": "Út"}});
    assert_eq!(subject(&notice, "wrong"), Some(message.key.digest()));
    assert_eq!(subject(&notice, "release").as_deref(), Some("h-7"));
    assert_eq!(subject(&notice, "staff-yes").as_deref(), Some("Út"));
    assert_eq!(subject(&notice, "dance"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_comes_again_on_the_next_working_morning() {
    let (company, desk, message) = with_waiting_mail().await;
    let store = company.roster.store();
    let mut reminder = message.clone();
    reminder.key = sheetbridge::core::message::MessageKey::from_text("idle/1/r-1/owner/x");
    reminder.to = sheetbridge::core::message::Recipient::Owner(0);
    reminder.state = State::Delivered;
    let mut group = Group::default();
    sheetbridge::store::ledger::queue(store, &mut group, &reminder).unwrap();
    store.commit(vec![group]).unwrap();
    let owner = colleague("Lan Anh", Role::Staff);
    let put_off = desk
        .later(reminder.key.as_str(), &owner, company.now)
        .unwrap();
    assert_eq!(put_off.at, "2026-11-22T00:00:00+07:00");
    desk.later(reminder.key.as_str(), &owner, company.now)
        .unwrap();
    let again: Vec<Message> = store
        .scan::<Message>(prefix::MESSAGE)
        .map(|entry| entry.unwrap().1)
        .filter(|message| message.key.as_str().contains("+later"))
        .collect();
    assert_eq!(again.len(), 1, "twice on one day is once");
    assert_eq!(
        (again[0].state, again[0].attempts.len()),
        (State::Queued, 0)
    );
    assert_eq!(
        desk.later(message.key.as_str(), &owner, company.now)
            .unwrap_err()
            .kind,
        ErrorKind::Usage
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_digest_counts_what_is_there() {
    let (mut company, desk) = company().await;
    company.type_into(2, "Giai đoạn", "Đã đặt cọc");
    company.add_customer(&[
        ("Họ tên", "Mới Tinh"),
        ("SĐT", "'0933333333"),
        ("Giai đoạn", "Đang tư vấn"),
        ("NV phụ trách", "Lan Anh"),
    ]);
    company.poll_and_settle().await;
    company.wait(2 * 3_600);
    let digest = desk.digest(company.now).unwrap();
    assert_eq!((digest.total, digest.new, digest.no_stage), (6, 1, 2));
    let counts: Vec<(&str, u32)> = digest
        .stages
        .iter()
        .map(|stage| (stage.id.as_str(), stage.count))
        .collect();
    assert_eq!(
        counts,
        [
            ("prospect", 0),
            ("consulting", 1),
            ("deposited", 3),
            ("completed", 0),
            ("lost", 0)
        ]
    );
    let moved: Vec<_> = digest
        .moved
        .iter()
        .map(|moved| (moved.from.as_deref(), moved.to.as_str(), moved.count))
        .collect();
    assert_eq!(moved, [(Some("Đang tư vấn"), "Đã đặt cọc", 1)]);
    let due: Vec<_> = digest
        .due_today
        .iter()
        .map(|due| (due.what.as_str(), due.name.as_str()))
        .collect();
    assert_eq!(due, [("Ngày hẹn", "Trần Bình")]);
    let waiting: Vec<_> = digest
        .waiting
        .iter()
        .map(|waiting| (waiting.owner.as_deref(), waiting.count))
        .collect();
    assert_eq!(
        waiting,
        [(Some("Lan Anh"), 1)],
        "one hour of consulting without a sign is too long"
    );
    assert_eq!(
        digest.queued, 2,
        "the mail that waits, and the notice of it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_lists_newest_first_and_masks() {
    let (company, desk, message) = with_waiting_mail().await;
    let lines = desk
        .answer(
            &Request::Outbox(OutboxFilter {
                state: Some("queued".into()),
                limit: 10,
                ..OutboxFilter::default()
            }),
            &Who::CommandLine,
            company.now,
        )
        .unwrap();
    assert_eq!(
        lines.as_array().unwrap().len(),
        2,
        "the mail and the notice of it: {lines:#}"
    );
    let mail = lines
        .as_array()
        .unwrap()
        .iter()
        .find(|line| line["key"] == json!(message.key))
        .unwrap();
    assert_eq!(
        (&mail["to"], &mail["channel"], &mail["attempts"]),
        (&json!("b…@example.com"), &json!("email"), &json!(0))
    );
    desk.pause("deposited", &manager(), company.now).unwrap();
    let everything = OutboxFilter::default();
    let lines = desk
        .outbox(&everything, &Who::CommandLine, company.now)
        .unwrap();
    assert!(
        lines
            .iter()
            .any(|line| line.why == "paused: the rule deposited, by Hà Phạm")
    );
    let lost = OutboxFilter {
        state: Some("lost".into()),
        ..OutboxFilter::default()
    };
    let wrong = desk
        .outbox(&lost, &Who::CommandLine, company.now)
        .unwrap_err();
    assert_eq!(wrong.kind, ErrorKind::Usage);
    assert!(wrong.text.contains("in_doubt"), "{wrong}");
    let _ = keys::message(&message.key);
}
