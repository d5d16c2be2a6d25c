//! `/bangiao`: a leaver's customers, reminders and promises go to others, and come back.

use serde_json::json;
use sheetbridge::commands::{HandoverHow, Request, Who};

use crate::chat::{BOSS, Chat, LAN, MINH, THU};
use crate::support::Company;

const RULES: &str = r#"
[[rule]]
id = "idle"
on = { idle = "consulting", after = "3d", every = "2d", times = 3 }
send = { channel = "telegram", to = "owner", template = "idle" }
"#;

/// Name, phone, e-mail, stage, owner.
const ROWS: [&[&str]; 6] = [
    &["Trần Bình", "0912345678", "", "Đang tư vấn", "Lan Anh"],
    &["Lê Cúc", "0987654321", "", "Đang tư vấn", "lan anh"],
    &["Võ Em", "0977777777", "", "Đã cọc", "Lan Anh"],
    &[
        "Đỗ Gái",
        "0966666666",
        "",
        "Đang tư vấn",
        "Lan Anh + Thu Hà",
    ],
    &["Phan Hải", "0955555555", "", "Đang tư vấn", "Minh Tuấn"],
    &["Hồ Kiên", "0944444444", "", "Tiềm năng", "Quốc Bảo"],
];

#[tokio::test(flavor = "multi_thread")]
async fn everything_goes_to_one_and_reminders_follow_until_it_is_taken_back() {
    let mut chat = Chat::open(&ROWS, RULES).await;
    // Lan has promised to call somebody.
    let first = chat.says(LAN, "/khach Bình", "Trần Bình").await;
    let card = chat.says(LAN, "/khach Bình", "Trần Bình").await;
    chat.presses(LAN, &first, "Gọi lại").await;
    chat.hears(LAN, first.id, "Gọi lại Trần Bình lúc nào?")
        .await;
    chat.says(LAN, "thứ 2 này 9h", "Gọi lại lúc 09:00 23/11")
        .await;

    let plan = chat.says(BOSS, "/bangiao Lan", "đang phụ trách").await;
    for part in [
        "Lan Anh đang phụ trách 4 khách",
        "Đang tư vấn: 3",
        "Đã đặt cọc: 1",
        "1 lời hẹn với khách",
        "Đề xuất chia",
    ] {
        assert!(plan.text.contains(part), "{part}: {}", plan.text);
    }
    // Looking changes nothing.
    chat.says(LAN, "/khach", "4 khách").await;
    let toast = chat.presses(BOSS, &plan, "Giao hết cho Minh Tuấn").await;
    assert_eq!(toast, "Đã bàn giao 4 khách của Lan Anh");
    let done = chat
        .hears(BOSS, plan.id, "Đã bàn giao 4 khách của Lan Anh")
        .await;
    chat.sends().await;

    // The managers have the list to paste, the others know.
    let told = chat.shown(BOSS, "Bàn giao khách của Lan Anh");
    assert!(told.text.contains("Minh Tuấn: 4 khách"), "{}", told.text);
    let file = chat
        .bot
        .messages(BOSS)
        .into_iter()
        .find_map(|message| message.document)
        .expect("a file");
    assert_eq!(file.name, "ban-giao-lan-anh.csv");
    let (_, csv) = chat.bot.file(&file.path).unwrap();
    let csv = String::from_utf8(csv.to_vec()).unwrap();
    assert!(
        csv.contains("\"Khách hàng\",\"2\",\"Trần Bình\",\"Lan Anh\",\"Minh Tuấn\""),
        "{csv}"
    );
    assert!(
        csv.contains("\"Đỗ Gái\",\"Lan Anh + Thu Hà\",\"Minh Tuấn + Thu Hà\""),
        "{csv}"
    );
    chat.shown(MINH, "phụ trách thêm 4 khách của Lan Anh");
    chat.shown(LAN, "đã giao 4 khách của anh/chị");

    // Whose customers they are is the same everywhere.
    chat.says(MINH, "/khach", "5 khách").await;
    chat.says(LAN, "/khach", "Chưa có khách nào ghi tên").await;
    chat.says(LAN, "/khach Bình", "Không tìm thấy").await;
    chat.says(MINH, "/khach Bình", "Minh Tuấn").await;
    // What Lan was told before is hers no more.
    let toast = chat.presses(LAN, &card, "Đã liên hệ").await;
    assert!(toast.contains("chưa có quyền"), "{toast}");
    let explained = chat
        .desk()
        .explain("Bình", &Who::CommandLine, chat.company.now)
        .unwrap();
    let story = &explained.story.unwrap().records[0];
    assert_eq!(story.owners, ["Minh Tuấn"]);
    assert!(
        story
            .now
            .iter()
            .any(|line| line.contains("Minh Tuấn stands in for Lan Anh, as Hà Phạm decided")),
        "{:?}",
        story.now
    );
    assert!(
        story
            .journal
            .iter()
            .any(|line| line.text.contains("handed over from Lan Anh to Minh Tuấn")),
        "{:?}",
        story.journal
    );

    // The promise and the reminders go to Minh, on the days on which Lan would have had them.
    chat.at("2026-11-23T02:01:00Z").await;
    chat.shown(MINH, "Trần Bình");
    assert_eq!(chat.count(LAN, "Đến giờ gọi lại"), 0);
    let day = chat.says(MINH, "/homnay", "Hôm nay").await;
    assert!(day.text.contains("gọi lại"), "{}", day.text);
    let before = chat.count(LAN, "Lê Cúc");
    chat.at("2026-11-26T02:05:00Z").await;
    chat.shown(MINH, "Lê Cúc");
    assert_eq!(chat.count(LAN, "Lê Cúc"), before, "{:#?}", chat.texts(LAN));

    // The sheet's word counts again.
    let toast = chat.presses(BOSS, &done, "Thu hồi bàn giao").await;
    assert_eq!(toast, "Đã thu hồi bàn giao");
    chat.sends().await;
    chat.shown(
        MINH,
        "đã thu hồi bàn giao: 4 khách lại do Lan Anh phụ trách",
    );
    chat.says(LAN, "/khach", "4 khách").await;
    chat.says(MINH, "/khach", "1 khách").await;
    chat.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_is_even_a_new_row_finds_somebody_and_the_cell_has_the_last_word() {
    let mut chat = Chat::open(&ROWS, RULES).await;
    let late = chat.says(BOSS, "/bangiao Lan Anh", "Đề xuất chia").await;
    let plan = chat.says(BOSS, "/bangiao Lan Anh", "Đề xuất chia").await;
    // Four customers: one is Thu's as well, and the others had one each before.
    chat.presses(BOSS, &plan, "Chia đều như trên").await;
    let done = chat.hears(BOSS, plan.id, "Đã bàn giao 4 khách").await;
    for part in ["Minh Tuấn: 1 khách", "Thu Hà: 2 khách", "Quốc Bảo: 1 khách"] {
        assert!(done.text.contains(part), "{}", done.text);
    }
    // Once is enough.
    let again = chat
        .says(BOSS, "/bangiao Lan Anh", "đã bàn giao 4 khách")
        .await;
    assert!(
        again
            .buttons
            .iter()
            .flatten()
            .any(|one| one.text.contains("Thu hồi"))
    );
    assert!(
        again
            .buttons
            .iter()
            .flatten()
            .all(|one| !one.text.contains("Giao hết"))
    );
    let late = chat.presses(BOSS, &late, "Giao hết cho Thu Hà").await;
    assert!(
        late.contains("Muốn chia lại, vui lòng thu hồi trước"),
        "{late}"
    );

    // Somebody types the leaver's name all the same.
    let row = chat.company.last_row() + 1;
    for (column, text) in [
        ("Họ tên", "Mai Muộn"),
        ("SĐT", "0911111111"),
        ("Giai đoạn", "Đang tư vấn"),
        ("NV phụ trách", "Lan Anh"),
    ] {
        chat.company.type_into(row, column, text);
    }
    // And one cell gets the name of the one who is in charge by then.
    chat.company.type_into(2, "NV phụ trách", "Quốc Bảo");
    chat.company.poll_and_settle().await;
    let late = chat.says(BOSS, "/khach Muộn", "Mai Muộn").await;
    assert!(!late.text.contains("Lan Anh"), "{}", late.text);
    chat.says(BOSS, "/khach Bình", "Quốc Bảo").await;

    // Who took a customer over and finds their own name in the cell is told nothing new.
    let desk = chat.desk();
    let cuc = &desk
        .find("Cúc", &Who::CommandLine, chat.company.now)
        .unwrap()[0];
    let owner = cuc.owner.clone().unwrap();
    assert_ne!(owner, "Lan Anh");
    chat.company.type_into(3, "NV phụ trách", &owner);
    chat.company.wait(60);
    chat.company.poll_and_settle().await;
    let told = chat.messages();
    let told: Vec<&str> = told
        .iter()
        .filter(|one| {
            one.rule == "owner-changed"
                && one
                    .record
                    .as_ref()
                    .is_some_and(|id| id.as_str() == cuc.record)
        })
        .map(|one| one.key.as_str())
        .collect();
    assert!(told.is_empty(), "{told:?}");
    chat.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_that_changed_meanwhile_is_looked_at_again_and_only_managers_may() {
    let mut chat = Chat::open(&ROWS, RULES).await;
    let plan = chat.says(BOSS, "/bangiao Lan Anh", "Đề xuất chia").await;
    for (row, name) in [(8, "Mới Một"), (9, "Mới Hai"), (10, "Mới Ba")] {
        chat.company.type_into(row, "Họ tên", name);
        chat.company.type_into(row, "Giai đoạn", "Đang tư vấn");
        chat.company.type_into(row, "NV phụ trách", "Lan Anh");
    }
    chat.company.poll_and_settle().await;
    let refused = chat.presses(BOSS, &plan, "Chia đều").await;
    assert!(
        refused.contains("vừa thay đổi, vui lòng xem lại"),
        "{refused}"
    );
    chat.says(THU, "/bangiao Lan Anh", "chưa có quyền").await;
    let who = chat.says(BOSS, "/bangiao", "Bàn giao khách của ai?").await;
    chat.presses(BOSS, &who, "Lan Anh").await;
    chat.hears(BOSS, who.id, "Lan Anh đang phụ trách 7 khách")
        .await;
    chat.says(
        BOSS,
        "/bangiao Nguyễn Không",
        "Không có “Nguyễn Không” trong danh sách",
    )
    .await;
    chat.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_hands_over_also_who_is_in_the_staff_list_no_longer() {
    let mut company = Company::small(
        &[&["Trần Bình", "0912345678", "", "Đang tư vấn", "Cũ Nghỉ"]],
        "",
    )
    .await;
    company.poll().await;
    let desk = sheetbridge::commands::Desk::new(company.roster.clone(), None);
    let ask = |from: &str, to: Option<&str>, how: HandoverHow| {
        let request = Request::Handover {
            from: from.to_owned(),
            to: to.map(str::to_owned),
            how,
        };
        desk.answer(&request, &Who::CommandLine, company.now)
    };
    let plan = ask("Cũ Nghỉ", None, HandoverHow::Look).unwrap();
    assert_eq!(plan["customers"], json!(1));
    for (from, to, error) in [
        ("Ai Đó", None, "\"Ai Đó\" is not in the staff list"),
        (
            "Lan Anh",
            None,
            "no row names \"Lan Anh\": there is nothing to hand over",
        ),
        (
            "Lan Anh",
            Some("Lan Anh"),
            "Lan Anh cannot take over from themselves",
        ),
        (
            "Cũ Nghỉ",
            Some("Mai Mốt"),
            "\"Mai Mốt\" is not in the staff list",
        ),
    ] {
        let refused = ask(from, to, HandoverHow::Do).unwrap_err();
        assert!(refused.text.contains(error), "{}", refused.text);
    }
    let refused = ask("Cũ Nghỉ", None, HandoverHow::Undo).unwrap_err();
    assert!(
        refused
            .text
            .contains("nothing of \"Cũ Nghỉ\" was handed over"),
        "{}",
        refused.text
    );
    ask("cu nghi", Some("Thu Hà"), HandoverHow::Do).unwrap();
    let refused = ask("Cũ Nghỉ", None, HandoverHow::Do).unwrap_err();
    assert!(
        refused
            .text
            .contains("take it back first with `sheetbridge handover \"Cũ Nghỉ\" --undo`"),
        "{}",
        refused.text
    );
    assert_eq!(
        desk.find("Bình", &Who::CommandLine, company.now).unwrap()[0]
            .owner
            .as_deref(),
        Some("Thu Hà")
    );
    drop(desk);
    // It stands after a restart, too.
    company.reopen().await;
    let desk = sheetbridge::commands::Desk::new(company.roster.clone(), None);
    assert_eq!(
        desk.find("Bình", &Who::CommandLine, company.now).unwrap()[0]
            .owner
            .as_deref(),
        Some("Thu Hà")
    );
}
