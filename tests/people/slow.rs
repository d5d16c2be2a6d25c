//! Where there are thousands of rows, what has to read all of them says a word at once and its answer in the same place.

use std::time::Duration;

use sheetbridge::sandbox::telegram::Fault;

use crate::chat::{BOSS, Chat, LAN};

const MOMENT: &str = "Đang xem lại toàn bộ khách";

/// One more than are read at once.
const ROWS: usize = 2_501;

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_over_thousands_of_rows_takes_the_place_of_a_word_and_nobody_waits_for_it() {
    let rows: Vec<[String; 5]> = (0..ROWS)
        .map(|number| {
            let phone = format!("09{number:08}");
            let [name, stage] = [format!("Khách {number}"), "Đang tư vấn".to_owned()];
            [name, phone, String::new(), stage, "Lan Anh".to_owned()]
        })
        .collect();
    let rows: Vec<Vec<&str>> = rows
        .iter()
        .map(|row| row.iter().map(String::as_str).collect())
        .collect();
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    let chat = Chat::open(&rows, "").await;
    // So that the word can be read before its answer comes.
    let late = Fault::delay("editMessageText", Duration::from_secs(1));
    chat.bot.fault(late.endless());

    // All rows are gone over once after a start.
    let word = chat.says(LAN, "/homnay", MOMENT).await;
    assert_eq!(chat.reads(LAN, "Hôm nay").await.id, word.id);
    let word = chat.says(BOSS, "/hethong", MOMENT).await;
    // Whoever asks for something else meanwhile is answered first.
    chat.says(LAN, "/trogiup", "/khach").await;
    chat.shown(BOSS, MOMENT);
    let status = chat.reads(BOSS, "📬 Đã gửi").await;
    assert_eq!(status.id, word.id);
    chat.says(LAN, "/hethong", "chưa có quyền").await;

    let word = chat.says(BOSS, "/baocao", MOMENT).await;
    let report = chat.reads(BOSS, "Báo cáo tháng này").await;
    assert_eq!(report.id, word.id);
    assert!(report.text.contains("2501 khách"), "{}", report.text);
    chat.presses(BOSS, &report, "Tuần này").await;
    chat.hears(BOSS, report.id, "Báo cáo tuần này").await;

    let word = chat.says(BOSS, "/bantin", MOMENT).await;
    assert_eq!(chat.hears(BOSS, report.id, "bản tin").await.id, word.id);
    // Lists go by what is in memory.
    chat.says(BOSS, "/khach", "2501").await;
    chat.says(LAN, "/homnay", "Hôm nay").await;
    assert_eq!(chat.count(LAN, MOMENT), 0);
    chat.end().await;
}
