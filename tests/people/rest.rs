//! `/tatthongbao` and `/batthongbao`: what is urgent finds somebody else, what is not waits.

use sheetbridge::core::delivery::State;

use crate::chat::{BOSS, Chat, LAN, MINH};

const RULES: &str = r#"
[[rule]]
id = "lead"
on = "added"
send = { channel = "telegram", to = "owner", else = ["Minh Tuấn"], template = "lead-alert" }
[[rule]]
id = "idle"
on = { idle = "consulting", after = "1d", every = "5d", times = 2 }
send = { channel = "telegram", to = "owner", template = "idle" }
"#;

const ROWS: [&[&str]; 2] = [
    &["Trần Bình", "0912345678", "", "Đang tư vấn", "Lan Anh"],
    &["Lê Cúc", "0987654321", "", "Tiềm năng", "Minh Tuấn"],
];

#[tokio::test(flavor = "multi_thread")]
async fn new_leads_go_to_the_others_and_reminders_wait_for_the_end() {
    let mut chat = Chat::open(&ROWS, RULES).await;
    let question = chat
        .says(LAN, "/tatthongbao", "Tắt thông báo đến khi nào?")
        .await;
    let toast = chat.presses(LAN, &question, "Hết tuần này").await;
    assert_eq!(toast, "Đã tắt thông báo đến 00:00 23/11");
    let off = chat.hears(LAN, question.id, "Quản lý đã được báo").await;
    chat.sends().await;
    chat.shown(BOSS, "Lan Anh tạm tắt thông báo đến 00:00");
    let state = chat
        .says(BOSS, "/hethong", "Lan Anh tắt thông báo đến 00:00 23/11")
        .await;
    assert!(!state.text.contains("Minh Tuấn tắt"), "{}", state.text);

    // A lead of hers goes to whom the rule names besides.
    let row = chat.company.last_row() + 1;
    for (column, text) in [
        ("Họ tên", "Võ Mới"),
        ("SĐT", "0911111111"),
        ("Giai đoạn", "Tiềm năng"),
        ("NV phụ trách", "Lan Anh"),
    ] {
        chat.company.type_into(row, column, text);
    }
    chat.company.poll_and_settle().await;
    chat.sends().await;
    chat.shown(MINH, "Võ Mới");
    assert_eq!(chat.count(LAN, "Võ Mới"), 0, "{:#?}", chat.texts(LAN));
    let passed = chat.messages();
    let lead = passed
        .iter()
        .find(|one| one.key.as_str().contains("/owner/"))
        .unwrap();
    assert!(
        lead.why
            .contains("Lan Anh has turned notices off: passed on to Minh Tuấn"),
        "{}",
        lead.why
    );

    // The reminder of the next day waits.
    chat.at("2026-11-22T02:05:00Z").await;
    let waits = chat.messages();
    let idle = waits
        .iter()
        .find(|one| one.rule == "idle")
        .expect("a reminder");
    assert_eq!(
        (idle.state, idle.why.as_str()),
        (State::Queued, "notices are off: Lan Anh")
    );
    assert_eq!(chat.count(LAN, "Trần Bình"), 0);
    let toast = chat.presses(LAN, &off, "Bật lại").await;
    assert_eq!(toast, "Đã bật lại thông báo");
    chat.hears(LAN, off.id, "1 tin đang chờ sẽ tới ngay").await;
    chat.sends().await;
    chat.shown(LAN, "Trần Bình");
    chat.shown(BOSS, "Lan Anh đã bật lại thông báo");
    chat.says(LAN, "/batthongbao", "đang bật").await;
    chat.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rest_ends_by_itself_and_odd_wishes_are_refused() {
    let mut chat = Chat::open(&ROWS, RULES).await;
    for (text, said) in [
        ("/tatthongbao lát nữa", "chưa đọc được thời gian"),
        ("/tatthongbao 1/6/2027", "tối đa 30 ngày"),
        ("/tắt thông báo 23/11", "đến 00:00 24/11"),
    ] {
        chat.says(LAN, text, said).await;
    }
    chat.says(BOSS, "/tatthongbao", "tin của quản lý luôn bật")
        .await;
    let help = chat.says(BOSS, "/trogiup", "Các lệnh").await;
    assert!(!help.text.contains("/tatthongbao"), "{}", help.text);
    let help = chat.says(LAN, "/trogiup", "Các lệnh").await;
    assert!(help.text.contains("/tatthongbao"), "{}", help.text);
    chat.at("2026-11-22T02:05:00Z").await;
    assert_eq!(chat.count(LAN, "Trần Bình"), 0);
    // The morning after: a pass comes by itself.
    for hour in ["2026-11-23T17:00:01Z", "2026-11-23T17:15:02Z"] {
        chat.at(hour).await;
    }
    chat.shown(LAN, "Trần Bình");
    chat.end().await;
}
