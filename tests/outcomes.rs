//! Outcomes of reminders: what staff answer with a button or in words, over the sandbox's Bot API.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

#[path = "support/chat.rs"]
mod chat;
mod support;

use chat::{BUI, Chat, MAI};
use sheetbridge::commands::{Desk, Who};

const RULES: &str = r#"
[[staff]]
name = "Ngọc Mai"
telegram = 100031
[[staff]]
name = "Bùi Sếp"
role = "manager"
telegram = 100032
[[rule]]
id = "idle"
on = { idle = "consulting", after = "3d", every = "2d", times = 3 }
send = { channel = "telegram", to = "owner", template = "idle" }
escalate = [{ after = "9d", to = "managers", template = "idle-escalated" }]
"#;

/// Name, phone, e-mail, stage, owner.
const ROWS: [&[&str]; 2] = [
    &["Trần Bình", "0912345678", "", "Đang tư vấn", "Ngọc Mai"],
    &["Lê Cúc", "0987654321", "", "Đang tư vấn", "Bùi Sếp"],
];

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_ends_the_round_and_a_time_in_words_becomes_a_reminder() {
    let mut chat = Chat::open(&ROWS, RULES).await;
    // The first look was on Saturday, 21 November, 9:00; working days 3 later is Wednesday.
    chat.at("2026-11-25T02:05:00Z").await;
    let reminder = chat.shown(MAI, "Trần Bình");
    let toast = chat.presses(MAI, &reminder, "Đã hẹn").await;
    assert_eq!(toast, "Đã ghi: đã hẹn");
    let question = chat.hears(MAI, reminder.id, "Hẹn Trần Bình lúc nào?").await;
    assert!(question.buttons.is_empty());
    chat.says(MAI, "để hỏi lại khách đã", "chưa thấy ngày giờ")
        .await;
    let noted = chat
        .says(MAI, "thứ 7 này 9h xem nhà mẫu", "Đã ghi cho Trần Bình")
        .await;
    assert!(
        noted
            .text
            .contains("Hẹn lúc 09:00 28/11, bot sẽ nhắc lúc 08:00 28/11."),
        "{}",
        noted.text
    );
    // The round that had begun on the 21st is over, escalation included; the clock began again on the 25th.
    chat.at("2026-11-27T02:10:00Z").await;
    assert_eq!(chat.count(MAI, "Nhắc lần 2/3"), 0);
    chat.at("2026-11-28T01:01:00Z").await;
    let promise = chat.shown(MAI, "Lịch hẹn: Trần Bình");
    assert!(
        promise.text.contains("09:00") && promise.text.contains("xem nhà mẫu"),
        "{}",
        promise.text
    );
    // What is asked of a customer tells it all.
    let card = chat.says(MAI, "/khach Bình", "0912 345 678").await;
    assert!(card.text.contains("Ngọc Mai: đã hẹn"), "{}", card.text);
    assert!(
        card.text
            .contains("“thứ 7 này 9h xem nhà mẫu”, hẹn 09:00 28/11"),
        "{}",
        card.text
    );
    assert!(
        card.text.contains("⏭ 09:00 28/11: hẹn gặp"),
        "{}",
        card.text
    );
    let day = chat.says(MAI, "/homnay", "Hôm nay").await;
    assert!(
        day.text.contains("09:00 Trần Bình – hẹn gặp: thứ 7 này"),
        "{}",
        day.text
    );
    let desk = Desk::new(chat.company.roster.clone(), None);
    let story = desk
        .explain("Bình", &Who::CommandLine, chat.company.now)
        .unwrap()
        .story
        .unwrap();
    let notes: Vec<&str> = story.records[0]
        .notes
        .iter()
        .map(|note| note.text.as_str())
        .collect();
    assert_eq!(
        notes,
        ["", "để hỏi lại khách đã", "thứ 7 này 9h xem nhà mẫu"]
    );
    assert!(
        story.records[0]
            .journal
            .iter()
            .any(|line| line.text.contains("what came of it: an appointment")),
        "{:#?}",
        story.records[0].journal
    );
    assert!(
        story.records[0]
            .journal
            .iter()
            .all(|line| !line.text.contains("nhà mẫu")),
        "words are personal, and not in the journal"
    );
    chat.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answered_and_the_call_is_put_off_moved_and_taken_back() {
    let mut chat = Chat::open(&ROWS, RULES).await;
    chat.at("2026-11-25T02:05:00Z").await;
    let reminder = chat.shown(MAI, "Trần Bình");
    chat.presses(MAI, &reminder, "Không nghe máy").await;
    let question = chat
        .hears(MAI, reminder.id, "Khi nào gọi lại Trần Bình?")
        .await;
    let toast = chat.presses(MAI, &question, "2 giờ nữa").await;
    assert_eq!(toast, "Sẽ nhắc gọi lại lúc 11:05 25/11");
    let noted = chat
        .hears(MAI, question.id, "Gọi lại lúc 11:05 25/11")
        .await;
    // Another time takes its place.
    let moved = chat
        .answers(MAI, &reminder, "gọi lại 15h", "Gọi lại lúc 15:00 25/11")
        .await;
    chat.at("2026-11-25T04:06:00Z").await;
    assert_eq!(chat.count(MAI, "Đến giờ gọi lại"), 0, "moved to 15:00");
    assert!(
        chat.presses(MAI, &noted, "Bỏ ghi chú")
            .await
            .contains("bỏ ghi chú")
    );
    let toast = chat.presses(MAI, &moved, "Bỏ ghi chú").await;
    assert_eq!(toast, "Đã bỏ ghi chú");
    chat.at("2026-11-25T08:01:00Z").await;
    assert_eq!(chat.count(MAI, "Đến giờ gọi lại"), 0, "taken back");
    // A second pair of hands: the manager sees everybody's, a colleague does not see this one.
    let told = chat
        .answers(MAI, &reminder, "chị bận, tuần sau mới rảnh", "Đã ghi cho")
        .await;
    assert!(
        told.text.contains("Hẹn lúc 30/11") || told.text.contains("30/11"),
        "{}",
        told.text
    );
    chat.says(BUI, "/khach Bình", "chị bận").await;
    chat.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_nothing_any_more_is_to_be_moved_in_the_sheet_and_snoozes_keep_their_hour() {
    let mut chat = Chat::open(&ROWS, RULES).await;
    chat.at("2026-11-25T02:05:00Z").await;
    let reminder = chat.shown(BUI, "Lê Cúc");
    let toast = chat.presses(BUI, &reminder, "2 giờ nữa").await;
    assert_eq!(toast, "Sẽ nhắc lại lúc 11:05 25/11");
    chat.at("2026-11-25T04:05:30Z").await;
    assert_eq!(chat.count(BUI, "Lê Cúc"), 2, "the same reminder again");
    let again = chat.shown(BUI, "Lê Cúc");
    chat.presses(BUI, &again, "Hết nhu cầu").await;
    chat.hears(BUI, again.id, "đổi giai đoạn của Lê Cúc").await;
    chat.end().await;
}
