//! Campaigns in the chat: who is asked, who is told what, and what is said back.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sheetbridge::bot::{Bot, DigestText};
use sheetbridge::sandbox::telegram::ShownMessage;
use tokio::sync::Notify;

use super::*;

pub(super) const LEADER: i64 = 100_020;
pub(super) const MARKETER: i64 = 100_021;
pub(super) const AUTHOR: i64 = 100_022;
pub(super) const MANAGER: i64 = 100_009;

/// Before `---` what stands in `[campaigns]`.
pub(super) const PEOPLE_TOO: &str = r#"approve = "leader"
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

pub(super) const BY_SOAN: [(&str, &str); 1] = [("Người soạn", "chị soạn")];

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
pub(super) struct Talk {
    stop: CancellationToken,
    bot: tokio::task::JoinHandle<()>,
}

impl Talk {
    pub(super) fn begin(post: &mut Post) -> Self {
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

    pub(super) async fn end(self) {
        self.stop.cancel();
        self.bot.await.unwrap();
    }
}

impl Post {
    /// The newest message of a chat in which this stands.
    pub(super) fn shown(&self, chat: i64, part: &str) -> ShownMessage {
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
    pub(super) async fn arrives(&self, chat: i64, part: &str) -> ShownMessage {
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
    pub(super) async fn presses(&self, chat: i64, part: &str, label: &str) -> String {
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
    pub(super) async fn says(&self, chat: i64, text: &str, part: &str) -> ShownMessage {
        let said = self.bot.say(chat, text).unwrap();
        let answer = |message: &ShownMessage| message.id > said && message.text.contains(part);
        match self.bot.wait_for_message(chat, answer, SOON).await {
            Ok(message) => message,
            Err(_) => panic!("nothing with “{part}” in {:#?}", self.told_to(chat)),
        }
    }
}

pub(super) fn labels(message: &ShownMessage) -> Vec<String> {
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
    // The manager's question says so as well, and loses its buttons; the leader sees it where they pressed.
    let courier = TelegramCourier::new(post.client.clone());
    assert_eq!(post.outbox.amend(&courier, now).await.unwrap(), 1);
    let asked = post.shown(MANAGER, "Duyệt chiến dịch “Mở bán”");
    assert!(
        asked.text.ends_with("✅ Trần Trưởng đã duyệt"),
        "{}",
        asked.text
    );
    assert_eq!(labels(&asked), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_an_edit_made_void_says_so_and_loses_its_buttons() {
    let mut post = Post::open(LAUNCH).await;
    let courier = TelegramCourier::new(post.client.clone());
    let first = post.shown(MANAGER, "Duyệt chiến dịch “Mở bán”").id;
    assert!(!labels(&post.shown(MANAGER, "Duyệt chiến dịch “Mở bán”")).is_empty());
    let said = |post: &Post, id: i64| {
        let messages = post.bot.messages(MANAGER);
        let found = messages.into_iter().find(|message| message.id == id);
        found.unwrap()
    };
    post.write("Tiêu đề", "Bản mới cho {{Họ tên}}");
    post.settle().await;
    assert_eq!(
        post.outbox.amend(&courier, post.company.now).await.unwrap(),
        1
    );
    let old = said(&post, first);
    assert!(
        old.text
            .ends_with("✏️ Nội dung đã được sửa, xin duyệt lại ở tin mới"),
        "{}",
        old.text
    );
    assert_eq!(labels(&old), Vec::<String>::new());
    let second = post.shown(MANAGER, "Duyệt chiến dịch “Mở bán”");
    assert!(second.id != first && !labels(&second).is_empty());
    // And when it is no more to be asked about.
    post.write("Trạng thái", "Nháp");
    post.settle().await;
    assert_eq!(
        post.outbox.amend(&courier, post.company.now).await.unwrap(),
        1
    );
    let withdrawn = said(&post, second.id);
    assert!(
        withdrawn
            .text
            .ends_with("✏️ Chiến dịch đã được rút lại, chưa cần duyệt"),
        "{}",
        withdrawn.text
    );
    assert_eq!(labels(&withdrawn), Vec::<String>::new());
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
