//! What there is to do today, for our own tab: dates, promises and who waits, with what came of it.

use crate::chat::{Chat, LAN, MINH};

const RULES: &str = r#"
[[rule]]
id = "idle"
on = { idle = "consulting", after = "2d" }
send = { channel = "telegram", to = "owner", template = "idle" }
"#;

/// Name, phone, e-mail, stage, owner, received, appointment.
const ROWS: [&[&str]; 4] = [
    &["Trần Bình", "0912345678", "", "Đang tư vấn", "Lan Anh"],
    &["Lê Cúc", "0987654321", "", "Đang tư vấn", "Minh Tuấn"],
    &["Võ Em", "0977777777", "", "Tiềm năng", "", "", "23/11/2026"],
    &["Hồ Kiên", "0966666666", "", "Tiềm năng", "Lan Anh"],
];

fn lines(chat: &Chat) -> Vec<String> {
    let todo = chat.desk().to_do(chat.company.now).unwrap();
    assert!(todo.iter().all(|one| one.record.starts_with("r-")));
    todo.into_iter()
        .map(|one| {
            let parts = [one.owner, one.at, one.name, one.what, one.outcome, one.by];
            parts.join("|")
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_day_shows_what_is_due_and_then_what_came_of_it() {
    let mut chat = Chat::open(&ROWS, RULES).await;
    let card = chat.says(LAN, "/khach Kiên", "Hồ Kiên").await;
    chat.presses(LAN, &card, "Gọi lại").await;
    chat.hears(LAN, card.id, "Gọi lại Hồ Kiên lúc nào?").await;
    chat.says(LAN, "thứ 2 này 15h", "Gọi lại lúc 15:00 23/11")
        .await;
    chat.at("2026-11-23T02:05:00Z").await;
    assert_eq!(
        lines(&chat),
        [
            "|2026-11-23|Võ Em|Ngày hẹn||",
            "Lan Anh|2026-11-23|Trần Bình|Liên hệ lại||",
            "Lan Anh|2026-11-23T15:00:00|Hồ Kiên|gọi lại: thứ 2 này 15h||",
            "Minh Tuấn|2026-11-23|Lê Cúc|Liên hệ lại||",
        ]
    );
    let mark = chat.desk().to_do_mark(chat.company.now).unwrap();
    let reminder = chat.shown(LAN, "Trần Bình");
    chat.presses(LAN, &reminder, "Không nghe máy").await;
    assert_ne!(chat.desk().to_do_mark(chat.company.now).unwrap(), mark);
    let after = lines(&chat);
    assert!(
        after.contains(
            &"Lan Anh|2026-11-23|Trần Bình|Liên hệ lại|không nghe máy|Lan Anh 09:05".to_owned()
        ),
        "{after:#?}"
    );
    assert_eq!(after.len(), 4, "{after:#?}");
    let reminder = chat.shown(MINH, "Lê Cúc");
    chat.presses(MINH, &reminder, "Đã liên hệ").await;
    let dealt = "Minh Tuấn|2026-11-23|Lê Cúc|Liên hệ lại|đã liên hệ|Minh Tuấn 09:05";
    assert!(
        lines(&chat).contains(&dealt.to_owned()),
        "{:#?}",
        lines(&chat)
    );
    // The next day it is gone, and nobody waits anew.
    chat.at("2026-11-24T02:05:00Z").await;
    let next = lines(&chat);
    assert_eq!(next, [""; 0]);
    chat.end().await;
}
