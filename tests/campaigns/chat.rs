//! Campaigns in the chat: who is asked, who is told what, and what is said back.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sheetbridge::bot::{Bot, DigestText};
use sheetbridge::core::campaign::CampaignId;
use sheetbridge::sandbox::telegram::ShownMessage;
use sheetbridge::store::Group;
use sheetbridge::store::campaigns::campaign_key;
use tokio::sync::Notify;

use super::*;

const LEADER: i64 = 100_020;
const MARKETER: i64 = 100_021;
const AUTHOR: i64 = 100_022;
const MANAGER: i64 = 100_009;

/// Before `---` what stands in `[campaigns]`.
const PEOPLE_TOO: &str = r#"approve = "leader"
---
[[staff]]
name = "Trần Trưởng"
role = "leader"
team = "KD1"
telegram = 100020
[[staff]]
name = "Mai Marketing"
role = "marketing"
telegram = 100021
[[staff]]
name = "Đỗ Soạn"
aliases = ["Chị Soạn"]
telegram = 100022
"#;

const BY_SOAN: [(&str, &str); 1] = [("Người soạn", "chị soạn")];

/// How long the bot may take for anything.
const SOON: Duration = Duration::from_secs(10);

/// The clock of the conversation goes on by a millisecond; the test's own stands a second later.
fn then() -> Timestamp {
    static TICKS: AtomicI64 = AtomicI64::new(0);
    let began: Timestamp = "2026-11-21T02:02:00Z".parse().unwrap();
    let ticks = TICKS.fetch_add(1, Ordering::Relaxed);
    began + SignedDuration::from_millis(ticks)
}

/// A bot that hears.
struct Talk {
    stop: CancellationToken,
    bot: tokio::task::JoinHandle<()>,
}

impl Talk {
    fn begin(post: &mut Post) -> Self {
        post.company.now = post.company.now.max(then() + SignedDuration::from_secs(1));
        let roster = post.company.roster.clone();
        let desks = move || Desk::new(roster.clone(), None);
        let digest: DigestText = Arc::new(|_: &Desk, _| Ok(Vec::new()));
        let acted = Arc::new(Notify::new());
        let bot = Bot::new(post.client.clone(), desks, digest, acted, then);
        let stop = CancellationToken::new();
        Self {
            bot: tokio::spawn(bot.run(stop.clone())),
            stop,
        }
    }

    async fn end(self) {
        self.stop.cancel();
        self.bot.await.unwrap();
    }
}

impl Post {
    /// The newest message of a chat in which this stands.
    fn shown(&self, chat: i64, part: &str) -> ShownMessage {
        let messages = self.bot.messages(chat);
        let found = messages
            .iter()
            .rev()
            .find(|message| message.text.contains(part));
        match found {
            Some(message) => message.clone(),
            None => panic!("nothing with “{part}” in {:#?}", self.told_to(chat)),
        }
    }

    /// Sends until that has come: the bot's answers keep the chat's pace as well.
    async fn arrives(&self, chat: i64, part: &str) -> ShownMessage {
        for _ in 0..200 {
            self.send().await;
            let messages = self.bot.messages(chat);
            if messages.iter().any(|message| message.text.contains(part)) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.shown(chat, part)
    }

    /// Presses the button with this label under the newest message in which `part` stands; what pops up.
    async fn presses(&self, chat: i64, part: &str, label: &str) -> String {
        let message = self.shown(chat, part);
        let rows = message.buttons.iter().enumerate();
        let mut buttons = rows.flat_map(|(row, buttons)| {
            let places = buttons.iter().enumerate();
            places.map(move |(column, button)| (row, column, button.text.clone()))
        });
        let (row, column, _) = buttons
            .find(|(_, _, text)| text.contains(label))
            .unwrap_or_else(|| panic!("no “{label}”: {:?}", message.buttons));
        let press = self
            .bot
            .press_at(chat, chat, message.id, row, column)
            .unwrap();
        self.bot.wait_answer(&press, SOON).await.unwrap().text
    }

    /// Somebody writes, and the bot says something in which `part` stands.
    async fn says(&self, chat: i64, text: &str, part: &str) -> ShownMessage {
        let said = self.bot.say(chat, text).unwrap();
        let answer = |message: &ShownMessage| message.id > said && message.text.contains(part);
        match self.bot.wait_for_message(chat, answer, SOON).await {
            Ok(message) => message,
            Err(_) => panic!("nothing with “{part}” in {:#?}", self.told_to(chat)),
        }
    }
}

fn labels(message: &ShownMessage) -> Vec<String> {
    let buttons = message.buttons.iter().flatten();
    buttons.map(|button| button.text.clone()).collect()
}

fn colleague(name: &str, role: sheetbridge::core::people::Role) -> Who {
    Who::Colleague {
        name: name.into(),
        role,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_approve_is_asked_and_may_look_and_marketing_may_look() {
    use sheetbridge::core::people::Role;
    let post = Post::open_with(LAUNCH, &BY_SOAN, PEOPLE_TOO).await;
    for chat in [MANAGER, LEADER] {
        let asked = post.shown(chat, "Duyệt chiến dịch “Mở bán”");
        assert!(asked.text.contains("2 khách sẽ nhận thư"), "{}", asked.text);
        assert!(asked.text.contains("Người soạn: Đỗ Soạn"), "{}", asked.text);
    }
    assert_eq!(post.told_to(MARKETER), Vec::<String>::new());
    assert_eq!(post.told_to(AUTHOR), Vec::<String>::new());
    let (desk, now) = (post.desk(), post.company.now);
    for (name, role) in [
        ("Trần Trưởng", Role::Leader),
        ("Mai Marketing", Role::Marketing),
    ] {
        let who = colleague(name, role);
        assert_eq!(desk.campaign_list(&who, now).unwrap().len(), 1, "{name}");
        desk.campaign_show("mo-ban", &who, now).unwrap();
    }
    let author = colleague("Đỗ Soạn", Role::Staff);
    assert!(desk.campaign_show("mo-ban", &author, now).is_err());
    let marketer = colleague("Mai Marketing", Role::Marketing);
    let refused = desk.campaign_approve("mo-ban", &marketer, now).unwrap_err();
    assert!(refused.text.contains("your role may not do this"));
    let leader = colleague("Trần Trưởng", Role::Leader);
    desk.campaign_approve("mo-ban", &leader, now).unwrap();
    let late = desk
        .campaign_approve("mo-ban", &post.manager(), now)
        .unwrap_err();
    let late = late.shown(sheetbridge::config::Language::Vi).to_owned();
    assert_eq!(late, "Trần Trưởng đã duyệt chiến dịch này rồi.");
}

#[tokio::test(flavor = "multi_thread")]
async fn leaders_who_may_not_approve_are_not_asked_and_may_not_look() {
    use sheetbridge::core::people::Role;
    let people = PEOPLE_TOO.replace("approve = \"leader\"\n", "");
    let post = Post::open_with(LAUNCH, &BY_SOAN, &people).await;
    assert_eq!(post.told_to(LEADER), Vec::<String>::new());
    let leader = colleague("Trần Trưởng", Role::Leader);
    assert!(
        post.desk()
            .campaign_list(&leader, post.company.now)
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_is_sent_back_tells_its_author_who_and_why() {
    let mut post = Post::open_with(LAUNCH, &BY_SOAN, PEOPLE_TOO).await;
    let talk = Talk::begin(&mut post);
    let toast = post.presses(MANAGER, "Duyệt chiến dịch", "Trả lại").await;
    assert_eq!(toast, "Đã trả lại người soạn");
    let question = post.arrives(MANAGER, "Đỗ Soạn sửa gì?").await;
    assert_eq!(labels(&question), ["Không cần lý do"]);
    assert_eq!(post.line().state, State::Returned);
    assert_eq!(
        post.told_to(AUTHOR),
        Vec::<String>::new(),
        "not before the reason"
    );
    // The leader is too late, and is told so.
    let late = post.presses(LEADER, "Duyệt chiến dịch", "Duyệt gửi").await;
    assert!(late.contains("đã được quyết định"), "{late}");
    // The daemon is stopped in between; a number or a command meanwhile is what it always is.
    talk.end().await;
    let talk = Talk::begin(&mut post);
    post.says(MANAGER, "0901 234 567", "Nguyễn Văn An").await;
    post.says(MANAGER, "/trogiup", "Các lệnh").await;
    post.says(MANAGER, "Giá <cũ> rồi em", "Đã chuyển lý do")
        .await;
    let passed_on = post.shown(MANAGER, "Đã chuyển lý do").text;
    assert!(
        passed_on.contains("Đỗ Soạn") && passed_on.contains("Mai Marketing"),
        "{passed_on}"
    );
    for chat in [AUTHOR, MARKETER] {
        post.arrives(chat, "bị trả lại").await;
        let told = post.told_to(chat);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains("Chiến dịch “Mở bán” bị trả lại"),
            "{told:?}"
        );
        assert!(
            told[0].contains("Người trả: Hà Phạm\nLý do: Giá <cũ> rồi em"),
            "{told:?}"
        );
    }
    // Once: the next text is about something else.
    post.says(MANAGER, "cảm ơn em", "Bot chưa hiểu").await;
    let again = post
        .presses(MANAGER, "Đỗ Soạn sửa gì?", "Không cần lý do")
        .await;
    assert_eq!(again, "Người soạn đã được báo rồi.");
    assert!(
        post.line()
            .by
            .unwrap()
            .ends_with("Hà Phạm: Giá <cũ> rồi em")
    );
    talk.end().await;
    post.company.wait(1);
    post.campaigns.pass(post.company.now).unwrap();
    post.send().await;
    assert_eq!(post.told_to(AUTHOR).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_reason_the_author_hears_at_once_or_after_a_while() {
    let mut post = Post::open_with(LAUNCH, &BY_SOAN, PEOPLE_TOO).await;
    let talk = Talk::begin(&mut post);
    post.presses(MANAGER, "Duyệt chiến dịch", "Trả lại").await;
    post.arrives(MANAGER, "Đỗ Soạn sửa gì?").await;
    let toast = post
        .presses(MANAGER, "Đỗ Soạn sửa gì?", "Không cần lý do")
        .await;
    assert_eq!(toast, "Đã báo người soạn");
    let told = post.arrives(AUTHOR, "bị trả lại").await.text;
    assert!(told.contains("Người trả không ghi lý do"), "{told}");
    // Asked again, sent back again, and nobody answers.
    post.write("Tiêu đề", "Sửa lần hai");
    post.settle().await;
    post.press(Action::CampaignReturn).unwrap();
    post.company.wait(9 * 60);
    post.campaigns.pass(post.company.now).unwrap();
    post.send().await;
    assert_eq!(post.told_to(AUTHOR).len(), 1);
    post.company.wait(2 * 60);
    post.campaigns.pass(post.company.now).unwrap();
    post.campaigns.pass(post.company.now).unwrap();
    post.send().await;
    assert_eq!(post.told_to(AUTHOR).len(), 2);
    // Mended meanwhile: the reason comes too late, and the bot says so.
    post.write("Tiêu đề", "Sửa lần ba");
    post.settle().await;
    post.says(MANAGER, "sửa lại giá nhé", "đã được sửa sau khi trả lại")
        .await;
    assert_eq!(post.told_to(AUTHOR).len(), 2);
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_author_whom_nobody_knows_is_said_to_be_unknown() {
    let mut post = Post::open_with(LAUNCH, &[("Người soạn", "Cô Lạ")], "").await;
    let talk = Talk::begin(&mut post);
    post.presses(MANAGER, "Duyệt chiến dịch", "Trả lại").await;
    let said = post.says(MANAGER, "thiếu giá", "Đã ghi nhận").await;
    assert!(
        said.text.contains("chưa có người soạn “Cô Lạ”"),
        "{}",
        said.text
    );
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_button_names_count_and_hour() {
    let post = Post::open(LAUNCH).await;
    let asked = post.shown(MANAGER, "Duyệt chiến dịch");
    assert_eq!(
        labels(&asked),
        [
            "✅ Duyệt gửi ngay 2 thư",
            "✉️ Gửi thử cho tôi",
            "↩️ Trả lại"
        ]
    );
    // It is 9:00 on 21/11/2026 there.
    for (at, label) in [
        ("21/11/2026 14:30", "✅ Duyệt gửi 2 thư, 14:30"),
        ("22/11/2026 9:00", "✅ Duyệt gửi 2 thư, 9:00 22/11"),
        ("2/1/2027", "✅ Duyệt gửi 2 thư, 9:00 2/1/2027"),
    ] {
        let post = Post::open_with(LAUNCH, &[("Gửi lúc", at)], "").await;
        let asked = post.shown(MANAGER, "Duyệt chiến dịch");
        assert_eq!(labels(&asked)[0], label);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stopped_it_and_why_is_said_in_the_reader_s_language() {
    let mut post = Post::open_with(LAUNCH, &BY_SOAN, PEOPLE_TOO).await;
    post.press(Action::CampaignApprove).unwrap();
    post.write("Trạng thái", "Dừng");
    post.company.poll().await;
    for _ in 0..2 {
        post.campaigns.pass(post.company.now).unwrap();
    }
    post.send().await;
    for chat in [MANAGER, LEADER, MARKETER, AUTHOR] {
        let over = post.shown(chat, "đã dừng").text;
        assert!(
            over.contains(
                "Người dừng: người soạn, trong bảng tính\nLý do: trạng thái trong bảng tính là Dừng"
            ),
            "{over}"
        );
    }
}

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
    /// What a daemon does that was started just now: counts, and writes anew what has changed.
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
        let mut written = 0;
        for _ in 0..20 {
            outbox
                .pass(Channel::Telegram, self.company.now, &stop)
                .await
                .unwrap();
            // As another outbox would, which remembers nothing.
            let again = Outbox::new(
                roster.clone(),
                Arc::new(Templates::load(None, Language::default()).unwrap()),
                None,
                None,
                Health::new(self.company.now, "test", false),
            );
            written += again
                .show_progress(&courier, self.company.now)
                .await
                .unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        written
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
    post.goes_on().await;
    for chat in [MANAGER, LEADER, MARKETER, AUTHOR] {
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
        assert_eq!(toast, "Đã ghi nhận");
        post.goes_on().await;
        let shown = post.progress(MANAGER);
        assert!(
            shown.text.contains("Tạm dừng 1/2"),
            "at once: {}",
            shown.text
        );
        post.company.wait(11);
        post.goes_on().await;
        let shown = post.progress(LEADER);
        assert!(
            shown
                .text
                .ends_with("Tạm dừng 1/2, lỗi 0, chưa rõ 0\nNgười dừng: Hà Phạm"),
            "{}",
            shown.text
        );
        assert_eq!(labels(&shown), ["▶️ Gửi tiếp", "⏹ Dừng hẳn"]);
        post.presses(MANAGER, "📤", "Gửi tiếp").await;
        post.company.wait(11);
        post.goes_on().await;
        assert_eq!(labels(&post.progress(MANAGER)), ["⏸ Tạm dừng"]);
    }
    post.company.wait(11);
    let now = post.company.now;
    post.outbox.pass(Channel::Email, now, &stop).await.unwrap();
    post.goes_on().await;
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
