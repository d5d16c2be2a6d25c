//! Campaigns in the chat, further: the mails to look at, the progress, the table at the end, and the list.

use std::time::Duration;

use jiff::SignedDuration;
use sheetbridge::core::campaign::CampaignId;
use sheetbridge::sandbox::telegram::{Act, Fault, ShownMessage, Times};
use sheetbridge::store::Group;
use sheetbridge::store::campaigns::{ProgressNote, campaign_key};

use super::chat::{AUTHOR, BY_SOAN, LEADER, MANAGER, MARKETER, PEOPLE_TOO, Talk, labels};
use super::*;

/// The text of a file in a chat.
fn read(post: &Post, message: &ShownMessage) -> String {
    let path = &message.document.as_ref().unwrap().path;
    String::from_utf8(post.bot.file(path).unwrap().1.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_samples_are_pages_that_open_by_themselves_above_the_buttons() {
    let post = Post::open(LAUNCH).await;
    let asked = post.arrives(MANAGER, "Duyệt chiến dịch").await;
    let messages = post.bot.messages(MANAGER);
    assert_eq!(
        messages.last().unwrap().id,
        asked.id,
        "the buttons are the last thing"
    );
    assert!(asked.text.chars().count() < 500, "{}", asked.text);
    assert!(
        asked.text.contains("2 thư mẫu nằm trong các tệp"),
        "{}",
        asked.text
    );
    let pages: Vec<&ShownMessage> = messages
        .iter()
        .filter(|message| message.document.is_some())
        .collect();
    let names: Vec<&str> = pages
        .iter()
        .map(|page| page.document.as_ref().unwrap().name.as_str())
        .collect();
    assert_eq!(names, ["mau-1-ngan-nhat.html", "mau-2-khac-thuong.html"]);
    assert_eq!(
        pages[0].text,
        "Thư mẫu 1/2: thư ngắn nhất\nTới: Nguyễn Văn An <a…@example.com>\nTiêu đề: [QC] Mở bán dành cho Nguyễn Văn An"
    );
    assert!(
        pages[1].text.contains("thư khác thường nhất"),
        "{}",
        pages[1].text
    );
    let page = read(&post, pages[0]);
    for part in [
        "default-src 'none'; img-src data:",
        "name=\"viewport\"",
        "Tới: Nguyễn Văn An &lt;a…@example.com&gt;",
        "Căn hộ đã mở bán.",
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    assert!(!page.contains("an@example.com"), "addresses stay masked");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_at_the_end_names_everybody_and_is_no_formula() {
    let mut post = Post::open_with(LAUNCH, &BY_SOAN, PEOPLE_TOO).await;
    post.press(Action::CampaignApprove).unwrap();
    post.company.type_into(4, "Họ tên", "=1+1");
    post.company.poll_and_settle().await;
    for _ in 0..3 {
        post.company.wait(30);
        post.campaigns.pass(post.company.now).unwrap();
        post.send().await;
    }
    post.arrives(MANAGER, "đã gửi xong").await;
    let table_of = |chat| {
        let messages = post.bot.messages(chat);
        let table = messages.iter().rev().find(|message| {
            let file = message.document.as_ref();
            file.is_some_and(|file| file.name == "chien-dich-mo-ban.csv")
        });
        read(&post, table.unwrap())
    };
    let table = table_of(MANAGER);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(
        lines[0],
        "\u{feff}\"Họ tên\",\"Email\",\"Trang tính\",\"Dòng\",\"NV phụ trách\",\"Kết quả\",\"Lý do\",\"Lúc\""
    );
    assert!(
        lines[1].starts_with("\"Nguyễn Văn An\",\"an@example.com\",\"Khách hàng\",\"2\",\"Lan Anh\",\"Đã gửi\",\"\",\"2026-11-21 09:"),
        "{table}"
    );
    assert!(
        table.contains("\"'=1+1\",\"chi@example.com\",\"Khách hàng\",\"4\",\"Minh Tuấn\",\"Không gửi\",\"chưa đồng ý nhận tin\",\"\""),
        "{table}"
    );
    assert!(table.contains("\"Võ Em\""), "{table}");
    assert_eq!(lines.len(), 5, "{table}");
    post.arrives(MARKETER, "đã gửi xong").await;
    let masked = table_of(MARKETER);
    assert!(masked.contains("\"a…@example.com\""), "{masked}");
    assert!(!masked.contains("an@example.com"), "{masked}");
    let printed = post
        .desk()
        .campaign_table("mo-ban", &Who::CommandLine)
        .unwrap();
    assert_eq!(printed.csv, table);
}

impl Post {
    /// What a daemon does that was started just now, and remembers nothing: counts, and writes anew what has
    /// changed. How many were.
    async fn goes_on(&self) -> usize {
        let templates = Arc::new(Templates::load(None, Language::default()).unwrap());
        let roster = &self.company.roster;
        let campaigns = Campaigns::new(roster.clone(), Arc::clone(&templates));
        campaigns.pass(self.company.now).unwrap();
        let courier = TelegramCourier::new(self.client.clone());
        let outbox = Outbox::new(
            roster.clone(),
            templates,
            None,
            Some(Arc::new(TelegramCourier::new(self.client.clone()))),
            Health::new(self.company.now, "test", false),
        );
        let stop = CancellationToken::new();
        let now = self.company.now;
        outbox.pass(Channel::Telegram, now, &stop).await.unwrap();
        outbox.show_progress(&courier, now).await.unwrap()
    }

    /// Goes on until the message that shows the progress says so in each of these chats: each keeps its pace.
    async fn reaches(&self, chats: &[i64], part: &str) {
        for _ in 0..200 {
            self.goes_on().await;
            let says = |chat: &i64| {
                let messages = self.bot.messages(*chat);
                let mut shown = messages.iter().filter(|one| one.text.starts_with("📤"));
                shown.next().is_some_and(|one| one.text.contains(part))
            };
            if chats.iter().all(says) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no “{part}”: {:#?}", self.told_to(chats[0]));
    }

    fn progress(&self, chat: i64) -> ShownMessage {
        let messages = self.bot.messages(chat);
        let mut shown = messages
            .into_iter()
            .filter(|message| message.text.starts_with("📤"));
        let first = shown.next().unwrap();
        assert_eq!(shown.next(), None, "one message, and no other");
        first
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_shows_the_progress_and_is_written_anew() {
    let mut post = Post::open_with(LAUNCH, &BY_SOAN, PEOPLE_TOO).await;
    let talk = Talk::begin(&mut post);
    post.press(Action::CampaignApprove).unwrap();
    post.campaigns.pass(post.company.now).unwrap();
    let stop = CancellationToken::new();
    // The first of the two is due; the other a millisecond later.
    let now = post.company.now;
    post.outbox.pass(Channel::Email, now, &stop).await.unwrap();
    assert_eq!(post.mails().len(), 1);
    let everybody = [MANAGER, LEADER, MARKETER, AUTHOR];
    post.reaches(&everybody, "Đang gửi 1/2").await;
    post.company.wait(11);
    for _ in 0..60 {
        post.goes_on().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for chat in everybody {
        let shown = post.progress(chat);
        assert_eq!(
            shown.text,
            "📤 Chiến dịch “Mở bán”\n▓▓▓▓▓░░░░░\nĐang gửi 1/2, lỗi 0, chưa rõ 0"
        );
    }
    assert_eq!(labels(&post.progress(MANAGER)), ["⏸ Tạm dừng"]);
    assert_eq!(labels(&post.progress(AUTHOR)), Vec::<String>::new());
    // Nothing has changed: nothing is written, also not by a daemon that was killed before it noted the last edit.
    post.company.wait(11);
    assert_eq!(post.goes_on().await, 0);

    // Twice round: every press has a button of its own.
    for _ in 0..2 {
        let toast = post.presses(MANAGER, "📤", "Tạm dừng").await;
        assert_eq!(toast, "Đã tạm dừng");
        // At once where it was pressed, after ten seconds elsewhere.
        post.reaches(&[MANAGER], "Tạm dừng 1/2").await;
        post.company.wait(11);
        post.reaches(&[LEADER], "Tạm dừng 1/2").await;
        let shown = post.progress(LEADER);
        assert!(
            shown
                .text
                .ends_with("Tạm dừng 1/2, lỗi 0, chưa rõ 0\nNgười dừng: Hà Phạm"),
            "{}",
            shown.text
        );
        assert_eq!(labels(&shown), ["▶️ Gửi tiếp", "⏹ Dừng hẳn"]);
        let toast = post.presses(MANAGER, "📤", "Gửi tiếp").await;
        assert_eq!(toast, "Đang gửi tiếp");
        post.company.wait(11);
        post.reaches(&[MANAGER, LEADER], "Đang gửi 1/2").await;
        assert_eq!(labels(&post.progress(MANAGER)), ["⏸ Tạm dừng"]);
    }
    post.company.wait(11);
    let now = post.company.now;
    post.outbox.pass(Channel::Email, now, &stop).await.unwrap();
    post.reaches(&everybody, "Đã gửi xong 2/2").await;
    for chat in [MANAGER, MARKETER] {
        let shown = post.progress(chat);
        assert!(
            shown
                .text
                .ends_with("▓▓▓▓▓▓▓▓▓▓\nĐã gửi xong 2/2, lỗi 0, chưa rõ 0"),
            "{}",
            shown.text
        );
        assert_eq!(labels(&shown), Vec::<String>::new());
        post.arrives(chat, "🏁").await;
    }
    let notes = post.company.roster.store().keys(prefix::PROGRESS).count();
    assert_eq!(notes, 0, "nothing is left to be written");
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn campaigns_are_listed_and_steered_in_the_chat_by_those_who_may() {
    let columns = [BY_SOAN[0], ("Gửi lúc", "21/11/2026 14:30")];
    let mut post = Post::open_with(LAUNCH, &columns, PEOPLE_TOO).await;
    let talk = Talk::begin(&mut post);
    for text in ["/chiendich", "Chiến dịch", "/chiến dịch", "chien dich"] {
        let list = post.says(MANAGER, text, "Chiến dịch (1)").await;
        assert_eq!(
            list.text,
            "📣 Chiến dịch (1)\n1. Mở bán: chờ duyệt, 2 khách"
        );
        assert_eq!(labels(&list), ["1"]);
    }
    let refused = post.says(AUTHOR, "/chiendich", "chưa có quyền").await;
    assert!(refused.buttons.is_empty());
    for (chat, may) in [
        (MANAGER, true),
        (LEADER, true),
        (MARKETER, true),
        (AUTHOR, false),
    ] {
        let help = post.says(chat, "/trogiup", "Các lệnh").await;
        assert_eq!(help.text.contains("/chiendich"), may, "{}", help.text);
    }
    // The same button opens it again and again.
    for _ in 0..2 {
        post.presses(MANAGER, "Chiến dịch (1)", "1").await;
        post.arrives(
            MANAGER,
            "📣 Mở bán\nchờ duyệt, 2 khách\nNgười soạn: Đỗ Soạn",
        )
        .await;
    }
    let shown = post.shown(MANAGER, "📣 Mở bán");
    assert_eq!(
        labels(&shown),
        [
            "✅ Duyệt gửi 2 thư, 14:30",
            "✉️ Gửi thử cho tôi",
            "↩️ Trả lại"
        ]
    );
    let shown = post.says(MARKETER, "/chiendich mở bán", "📣 Mở bán").await;
    assert_eq!(labels(&shown), ["✉️ Gửi thử cho tôi"], "who may only look");
    let toast = post.presses(MANAGER, "📣 Mở bán", "Duyệt gửi").await;
    assert!(toast.starts_with("Đã duyệt 2 thư"), "{toast}");
    post.campaigns.pass(post.company.now).unwrap();

    let shown = post.says(LEADER, "/chiendich Mở bán", "📣 Mở bán").await;
    assert!(
        shown.text.contains("đã duyệt, 2 thư từ 14:30 21/11")
            && shown
                .text
                .contains("Người duyệt: Hà Phạm\nCòn chờ gửi: 2, bỏ qua: 0"),
        "{}",
        shown.text
    );
    assert_eq!(
        labels(&shown),
        ["⏸ Tạm dừng", "⏹ Dừng hẳn", "📎 Tải bảng kết quả"]
    );
    post.presses(LEADER, "📣 Mở bán", "Tải bảng").await;
    post.arrives(LEADER, "Kết quả từng khách").await;
    let messages = post.bot.messages(LEADER);
    let table = messages.iter().rev().find(|one| one.document.is_some());
    assert!(read(&post, table.unwrap()).contains("\"Đang chờ\""));
    post.presses(LEADER, "📣 Mở bán", "Dừng hẳn").await;
    let sure = post.arrives(LEADER, "Dừng hẳn chiến dịch “Mở bán”?").await;
    assert!(
        sure.text.contains("2 thư chưa gửi sẽ không gửi nữa"),
        "{}",
        sure.text
    );
    assert_eq!(post.line().state, State::Approved, "asked first");
    let toast = post
        .presses(LEADER, "Dừng hẳn chiến dịch", "Dừng hẳn")
        .await;
    assert_eq!(toast, "Đã dừng hẳn");
    assert_eq!(post.line().state, State::Stopped);
    let shown = post.says(MANAGER, "/chiendich mo-ban", "Người dừng").await;
    assert!(shown.text.contains("đã dừng 0/2"), "{}", shown.text);
    assert!(
        shown.text.contains("Người dừng: Trần Trưởng"),
        "{}",
        shown.text
    );
    assert_eq!(labels(&shown), ["📎 Tải bảng kết quả"]);
    post.says(MANAGER, "/chiendich tết", "Không có chiến dịch “tết”.")
        .await;
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_of_campaigns_goes_by_pages() {
    let mut post = Post::open(LAUNCH).await;
    let store = post.company.roster.store().clone();
    let mut group = Group::default();
    let first = store.campaigns().unwrap().remove(0);
    for number in 1..=19 {
        let mut campaign = first.clone();
        campaign.id = CampaignId::from_text(format!("dot-{number:02}"));
        campaign.name = format!("Đợt {number:02}");
        campaign.created = first.created - SignedDuration::from_hours(number);
        group.put(campaign_key(&campaign.id), &campaign);
    }
    store.commit(vec![group]).unwrap();
    let talk = Talk::begin(&mut post);
    let page = post.says(MANAGER, "/chiendich", "Chiến dịch (20)").await;
    assert_eq!(page.text.lines().count(), 9, "{}", page.text);
    assert_eq!(
        labels(&page).last().unwrap(),
        "Xem tiếp (12 chiến dịch cũ hơn)"
    );
    post.presses(MANAGER, "1. Mở bán", "Xem tiếp").await;
    let page = post.arrives(MANAGER, "9. Đợt 08").await;
    assert!(
        page.text.ends_with("16. Đợt 15: chờ duyệt, 2 khách"),
        "{}",
        page.text
    );
    post.presses(MANAGER, "9. Đợt 08", "Xem tiếp").await;
    let page = post.arrives(MANAGER, "17. Đợt 16").await;
    assert_eq!(labels(&page), ["17", "18", "19", "20"]);
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_limit_or_a_deleted_message_makes_no_second_one() {
    let post = Post::open_with(LAUNCH, &BY_SOAN, PEOPLE_TOO).await;
    post.press(Action::CampaignApprove).unwrap();
    post.campaigns.pass(post.company.now).unwrap();
    let stop = CancellationToken::new();
    let now = post.company.now;
    post.outbox.pass(Channel::Email, now, &stop).await.unwrap();
    let flood = |chat, code, description: &str, retry_after| Fault {
        method: Some("editMessageText".into()),
        chat: Some(chat),
        act: Act::Status {
            code,
            description: description.into(),
            retry_after,
        },
        delay_ms: 0,
        done: false,
        times: Times::Endless,
    };
    let slow = "Too Many Requests: retry after 40";
    post.bot.fault(flood(MANAGER, 429, slow, Some(40)));
    let gone = "Bad Request: message to edit not found";
    post.bot.fault(flood(LEADER, 400, gone, None));
    let all = [MANAGER, LEADER, MARKETER, AUTHOR];
    post.reaches(&all, "Đang gửi 1/2").await;
    let notes = |post: &Post| {
        let store = post.company.roster.store();
        let notes = store.scan::<ProgressNote>(prefix::PROGRESS);
        notes.map(|entry| entry.unwrap().1).collect::<Vec<_>>()
    };
    for _ in 0..200 {
        post.goes_on().await;
        if notes(&post).len() == 3 && notes(&post).iter().any(|note| note.tries == 1) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Who cannot be written anew any more is left alone; who asked for a pause gets one.
    let left = notes(&post);
    assert_eq!(left.len(), 3, "{left:#?}");
    let later: Vec<i64> = left
        .iter()
        .filter(|note| note.tries == 1)
        .map(|note| note.due.duration_since(now).as_secs())
        .collect();
    assert_eq!(later, [40]);
    for chat in all {
        post.progress(chat);
    }
}
