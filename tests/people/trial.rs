//! A trial is over: the managers are asked once what becomes of what it kept, and nothing goes before the answer.

use sheetbridge::commands::{Desk, TrialEnd, Who, after_restore};
use sheetbridge::core::delivery::State;
use sheetbridge::core::message::{Message, Recipient};
use sheetbridge::store::Group;
use sheetbridge::store::gap::Gap;
use sheetbridge::store::keys::{self, prefix};

use crate::chat::{BOSS, Chat};

const RULES: &str = r#"
[email]
smtp = "smtp+plain://127.0.0.1:2525"
from = "Queenland <crm@queenland.example>"
[[staff]]
name = "Sếp Hai"
role = "manager"
telegram = 100010
[[rule]]
id = "welcome"
on = "added"
send = { channel = "email", to = "customer", template = "welcome" }
"#;

const ROWS: [&[&str]; 1] = [&["Trần Bình", "0912345678", "", "Đang tư vấn", "Lan Anh"]];

const OTHER: i64 = 100_010;

/// Three new customers, of whom the trial kept the welcome.
async fn open() -> Chat {
    let mut chat = Chat::open(&ROWS, RULES).await;
    let other = sheetbridge::sandbox::telegram::Person::new(OTHER, "Sếp Hai");
    chat.bot.create_person(other).unwrap();
    chat.bot.press_start(OTHER, None).unwrap();
    for (number, name) in (1..).zip(["Lê Một", "Lê Hai", "Lê Ba"]) {
        let row = chat.company.last_row() + 1;
        chat.company.type_into(row, "Họ tên", name);
        chat.company
            .type_into(row, "Email", &format!("moi{number}@example.com"));
        chat.company.type_into(row, "Giai đoạn", "Tiềm năng");
    }
    chat.company.poll_and_settle().await;
    // As if they had been decided in a trial, which is over by now.
    let store = chat.company.roster.store().clone();
    for message in chat.messages() {
        if message.to != Recipient::Customer {
            continue;
        }
        let mut group = Group::default();
        sheetbridge::store::ledger::cancelled(&mut message.clone(), "-")
            .into_iter()
            .for_each(|other| group.join(other));
        group.remove(keys::message(&message.key));
        let kept = Message {
            key: sheetbridge::core::message::MessageKey::from_text(format!(
                "trial:{}",
                message.key
            )),
            trial: true,
            state: State::Delivered,
            ..message.clone()
        };
        group.remove(keys::message(&message.key));
        group.put(keys::message(&kept.key), &kept);
        group.put(keys::under(prefix::TRIAL, kept.key.as_str()), &());
        store.commit(vec![group]).unwrap();
    }
    chat
}

fn to_customers(chat: &Chat) -> usize {
    let all = chat.messages().into_iter();
    all.filter(|one| one.to == Recipient::Customer && !one.trial && one.state == State::Queued)
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn managers_are_asked_once_and_the_first_answer_counts() {
    let mut chat = open().await;
    let now = chat.company.now;
    assert!(chat.desk().ask_about_trial(now).unwrap());
    assert!(!chat.desk().ask_about_trial(now).unwrap(), "once");
    chat.sends().await;
    let question = chat.shown(BOSS, "Đợt chạy thử đã kết thúc");
    assert!(
        question.text.contains("3 thư cho khách"),
        "{}",
        question.text
    );
    assert!(question.text.contains("welcome: 3"), "{}", question.text);
    let theirs = chat.shown(OTHER, "Đợt chạy thử đã kết thúc");
    assert_eq!(to_customers(&chat), 0, "nothing before the answer");

    chat.presses(BOSS, &question, "Xem danh sách").await;
    let list = chat.hears(BOSS, question.id, "3 thư chưa gửi").await;
    assert!(list.text.contains("Lê Hai: welcome"), "{}", list.text);
    let toast = chat.presses(BOSS, &question, "Gửi hết 3").await;
    assert_eq!(toast, "Sẽ gửi 3 thư");
    assert_eq!(to_customers(&chat), 3);
    chat.reads(BOSS, "Hà Phạm đã cho gửi 3 thư tới khách").await;
    let late = chat.presses(OTHER, &theirs, "Bỏ hết").await;
    assert!(
        late.contains("Hà Phạm đã chọn lúc") && late.contains("gửi hết"),
        "{late}"
    );
    assert_eq!(to_customers(&chat), 3);
    let now = chat.company.now;
    assert!(
        !chat.desk().ask_about_trial(now).unwrap(),
        "answered for good"
    );
    chat.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_on_the_command_line_takes_the_question_back() {
    let mut chat = open().await;
    let now = chat.company.now;
    let desk: Desk = chat.desk();
    desk.ask_about_trial(now).unwrap();
    let done = desk
        .end_trial(TrialEnd::Drop, None, &Who::CommandLine, now)
        .unwrap();
    assert_eq!((done.taken_over, done.dropped), (0, 3));
    chat.sends().await;
    assert_eq!(chat.count(BOSS, "Đợt chạy thử"), 0, "it had not gone yet");
    assert_eq!(to_customers(&chat), 0);
    chat.end().await;
}

/// The answer, and what was sent on it, may have fallen between the backup and the restore.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_trial_kept_before_a_restore_is_in_doubt_when_it_is_taken_over() {
    let mut chat = open().await;
    let from = chat.company.now;
    chat.company.wait(3_600);
    let to = chat.company.now;
    after_restore(&chat.company.roster, Gap { from, to }).unwrap();
    chat.company.wait(60);
    let now = chat.company.now;
    assert!(chat.desk().ask_about_trial(now).unwrap());
    chat.sends().await;
    let question = chat.shown(BOSS, "Đợt chạy thử đã kết thúc");
    let toast = chat.presses(BOSS, &question, "Gửi hết 3").await;
    assert_eq!(toast, "Sẽ gửi 0 thư, 3 thư chưa rõ đã tới");
    assert_eq!(to_customers(&chat), 0);
    let all = chat.messages().into_iter();
    let doubted: Vec<_> = all
        .filter(|one| one.to == Recipient::Customer && one.state == State::InDoubt)
        .collect();
    assert_eq!(doubted.len(), 3, "they wait for somebody who knows");
    assert!(doubted.iter().all(|one| !one.trial));
    chat.reads(
        BOSS,
        "Còn 3 thư có thể đã gửi trước khi khôi phục dữ liệu, nên để ở mục “chưa rõ đã tới”",
    )
    .await;
    chat.end().await;
}
