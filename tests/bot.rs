//! The bot in conversation with people, over the sandbox's Bot API.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sheetbridge::bot::{Bot, DigestText};
use sheetbridge::clock;
use sheetbridge::commands::{Desk, Who, act_for, paused_list, store_button};
use sheetbridge::core::delivery::State;
use sheetbridge::core::message::{Message, MessageKey};
use sheetbridge::health::Health;
use sheetbridge::sandbox::google::Edit;
use sheetbridge::sandbox::telegram::{BotSandbox, Fault, Person, ShownMessage};
use sheetbridge::store::keys::prefix;
use sheetbridge::store::{Group, LastPoll, last_poll_key};
use sheetbridge::telegram::{Client, TelegramSettings};
use support::{CUSTOMERS, Company};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

const RULES: &str = r#"
[email]
smtp = "smtp+plain://127.0.0.1:2525"
from = "Queenland <crm@queenland.example>"
[telegram]
token = { file = "google.json" }
[[staff]]
name = "Bùi Sếp"
role = "manager"
[[staff]]
name = "Ngọc Mai"
[[rule]]
id = "deposited"
on = { stage = "deposited" }
send = [{ channel = "email", to = "customer", template = "thank-you", hold = "20m" }]
"#;

const ROWS: [&[&str]; 3] = [
    &[
        "Trần Bình",
        "0912345678",
        "binh@example.com",
        "Đang tư vấn",
        "Ngọc Mai",
    ],
    &[
        "Lê Cúc",
        "0987654321",
        "cuc@example.com",
        "Đang tư vấn",
        "Minh Tuấn",
    ],
    &["Võ Em", "0977777777", "", "Đang tư vấn", "Lan Anh"],
];

/// How long the bot may take for anything.
const SOON: Duration = Duration::from_secs(10);

struct Office {
    company: Company,
    desk: Desk,
    health: Health,
    telegram: BotSandbox,
    stop: CancellationToken,
    bot: tokio::task::JoinHandle<()>,
    acted: Arc<Notify>,
}

impl Office {
    async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    async fn open_with(trouble: impl FnOnce(&BotSandbox)) -> Self {
        let mut company = Company::small(&ROWS, RULES).await;
        // People press buttons in real time, so what they press is decided in real time, too.
        company.now = clock::now();
        company.poll().await;
        let telegram = BotSandbox::start(
            "127.0.0.1:0".parse().unwrap(),
            "4242:token",
            "queenland_bot",
        )
        .await
        .unwrap();
        trouble(&telegram);
        let health = Health::new(company.now, "0.1.0", false);
        let desk = Desk::new(company.roster.clone(), Some(health.clone()));
        let settings = TelegramSettings {
            token: "4242:token".to_owned().into(),
            api_url: Some(telegram.base_url()),
            proxy: None,
        };
        let client = Client::new(&settings).unwrap();
        let desks = {
            let desk = desk.clone();
            move || desk.clone()
        };
        let digest: DigestText = Arc::new(|desk: &Desk, now| {
            let facts = desk.digest(now).map_err(|error| error.to_string())?;
            Ok(vec![format!("☀️ <b>{}</b> khách", facts.total)])
        });
        let acted = Arc::new(Notify::new());
        let stop = CancellationToken::new();
        let bot = tokio::spawn(
            Bot::new(client, desks, digest, Arc::clone(&acted), clock::now).run(stop.clone()),
        );
        Self {
            company,
            desk,
            health,
            telegram,
            stop,
            bot,
            acted,
        }
    }

    /// Somebody with a phone of their own, who is not bound.
    fn person(&self, name: &str) -> i64 {
        self.telegram.create_person(Person::new(0, name)).unwrap()
    }

    /// Somebody bound by a link, as people are.
    async fn bound(&self, name: &str) -> i64 {
        let chat = self.person(name);
        let link = self
            .desk
            .invite(name, Some("queenland_bot"), &Who::CommandLine, clock::now())
            .unwrap()
            .link;
        let (_, token) = link.split_once("?start=").unwrap();
        self.telegram.press_start(chat, Some(token)).unwrap();
        self.heard(chat, &format!("Xin chào {name}")).await;
        chat
    }

    async fn heard(&self, chat: i64, part: &str) -> ShownMessage {
        match self
            .telegram
            .wait_for_message(chat, |message| message.text.contains(part), SOON)
            .await
        {
            Ok(message) => message,
            Err(_) => {
                let said: Vec<String> = self
                    .telegram
                    .messages(chat)
                    .into_iter()
                    .map(|message| message.text)
                    .collect();
                let (calls, deaf) = (self.telegram.calls(), self.health.snapshot().bot_deaf);
                panic!("nothing with “{part}” in {said:#?}; calls {calls:?}; {deaf:?}")
            }
        }
    }

    async fn asks(&self, chat: i64, text: &str, part: &str) -> ShownMessage {
        self.telegram.say(chat, text).unwrap();
        self.heard(chat, part).await
    }

    /// Presses a button and returns what pops up.
    async fn presses(&self, chat: i64, message: &ShownMessage, label: &str) -> String {
        let (row, column) = place(message, label);
        let press = self
            .telegram
            .press_at(chat, chat, message.id, row, column)
            .unwrap();
        self.telegram.wait_answer(&press, SOON).await.unwrap().text
    }

    async fn close(self) {
        self.stop.cancel();
        self.bot.await.unwrap();
        self.telegram.shutdown().await;
    }
}

fn place(message: &ShownMessage, label: &str) -> (usize, usize) {
    let rows = message.buttons.iter().enumerate();
    let mut found = rows.flat_map(|(r, row)| {
        row.iter()
            .enumerate()
            .map(move |(c, button)| (r, c, button))
    });
    let found = found.find(|(_, _, button)| button.text.contains(label));
    found
        .map(|(r, c, _)| (r, c))
        .unwrap_or_else(|| panic!("no button “{label}”: {:?}", message.buttons))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_binds_and_a_stranger_hears_one_sentence() {
    let office = Office::open().await;
    let stranger = office.person("Khách lạ");
    office.telegram.press_start(stranger, None).unwrap();
    office
        .heard(stranger, "chỉ dành cho nhân viên Công ty CP Queenland")
        .await;
    for question in [
        "/khach",
        "/hethong",
        "/tim Bình",
        "0912345678",
        "/tamdunggui",
    ] {
        office.telegram.say(stranger, question).unwrap();
    }
    office
        .telegram
        .press_start(stranger, Some("abcdefghijklmnopqrstuv"))
        .unwrap();
    office.heard(stranger, "Liên kết này không đúng").await;
    let said: Vec<ShownMessage> = office
        .telegram
        .messages(stranger)
        .into_iter()
        .filter(|message| message.from_bot)
        .collect();
    assert!(
        said.iter()
            .all(|message| !message.text.contains("Bình") && message.buttons.is_empty()),
        "{said:#?}"
    );

    let mai = office.bound("Ngọc Mai").await;
    let help = office.asks(mai, "/trogiup", "Các lệnh").await;
    assert!(
        help.text.contains("/khach") && !help.text.contains("/tamdunggui"),
        "{}",
        help.text
    );
    let mine = office.asks(mai, "/khach", "1 khách").await;
    assert!(
        mine.text.contains("Trần Bình"),
        "what people type is no markup: {}",
        mine.text
    );
    assert!(!mine.text.contains("Lê Cúc"));
    office
        .asks(mai, "/tim Cúc", "Không tìm thấy khách nào")
        .await;
    office.asks(mai, "0912345678", "0912 345 678").await;
    office.asks(mai, "/hethong", "chưa có quyền").await;
    office.asks(mai, "/moi Lan Anh", "chưa có quyền").await;
    office
        .asks(mai, "hôm nay thế nào?", "chưa hiểu câu này")
        .await;
    office.asks(mai, "/khach Bình", "0912 345 678").await;
    office.asks(mai, "tran binh", "0912 345 678").await;
    office.asks(mai, "Hôm nay", "Không có lịch hẹn nào").await;
    office
        .asks(mai, "/cần liên hệ", "Không khách nào phải chờ lâu")
        .await;
    assert!(office.telegram.commands().to_string().contains("khach"));
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_asks_pauses_and_goes_on() {
    let office = Office::open().await;
    let boss = office.bound("Bùi Sếp").await;
    office.asks(boss, "/hethong", "Việc cần làm").await;
    office.asks(boss, "/bantin", "3 khách").await;
    let report = office.asks(boss, "/baocao", "Báo cáo tháng này").await;
    // Its buttons work again and again.
    for (label, title) in [
        ("Tuần trước", "Báo cáo tuần trước"),
        ("Quý này", "Báo cáo quý này"),
        ("Tuần trước", "Báo cáo tuần trước"),
    ] {
        // Nothing pops up: it was not in vain.
        assert_eq!(office.presses(boss, &report, label).await, "");
        office.heard(boss, title).await;
    }
    office.asks(boss, "/khach", "Đang tư vấn: 3").await;
    office.asks(boss, "/guitiep", "đang gửi bình thường").await;
    let question = office.asks(boss, "/tamdunggui", "Tạm dừng mọi thư").await;
    assert!(
        paused_list(office.company.roster.store())
            .unwrap()
            .is_empty(),
        "not before the button"
    );
    assert_eq!(
        office.presses(boss, &question, "Tạm dừng").await,
        "Đã tạm dừng"
    );
    let paused = paused_list(office.company.roster.store()).unwrap();
    assert_eq!(
        (paused[0].what.as_str(), paused[0].by.as_str()),
        ("all", "Bùi Sếp")
    );
    let shown = office
        .heard(boss, "Bùi Sếp đã tạm dừng mọi thư và tin")
        .await;
    assert!(
        shown.buttons.is_empty() && shown.edited_at_ms.is_some(),
        "{shown:?}"
    );
    office.asks(boss, "/moi", "/moi Lan Anh").await;
    office.asks(boss, "/mời Ngọc Ma", "Ngọc Mai").await;
    let link = office.asks(boss, "/moi ngoc mai", "?start=").await;
    assert!(
        link.text.contains("Liên kết mời Ngọc Mai") && link.text.contains("t.me/queenland_bot"),
        "{}",
        link.text
    );
    office.asks(boss, "/tuchoi", "/tuchoi 0901234567").await;
    office
        .asks(boss, "/tuchoi xin chào", "không phải email")
        .await;
    office
        .asks(
            boss,
            "/tuchoi 0901 234 567 khách gọi báo",
            "không gửi quảng cáo tới",
        )
        .await;
    let desk = sheetbridge::commands::Desk::new(office.company.roster.clone(), None);
    let listed = desk
        .suppressions(Some("0901234567"), &sheetbridge::commands::Who::CommandLine)
        .unwrap();
    assert!(listed[0].why.ends_with(": khách gọi báo"), "{listed:?}");
    let question = office.asks(boss, "/guitiep", "Gửi tiếp mọi thư").await;
    office.presses(boss, &question, "Gửi tiếp").await;
    assert!(
        paused_list(office.company.roster.store())
            .unwrap()
            .is_empty()
    );
    office.acted.notified().await;
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_managers_press_and_the_first_wins() {
    let mut office = Office::open().await;
    let (boss, other) = (office.bound("Bùi Sếp").await, office.bound("Hà Phạm").await);
    office.asks(boss, "/giu", "Không có đợt nào").await;
    office.company.edit(Edit::Clear {
        tab: CUSTOMERS.into(),
        range: Some("A2:H4".into()),
    });
    office.company.now = clock::now();
    office.company.poll().await;
    // Three rows are below the guard's five, so the header goes as well.
    if office.desk.held_list(&Who::CommandLine).unwrap().is_empty() {
        office.company.type_into(1, "Họ tên", "Gì đó");
        office.company.poll().await;
    }
    let first = office.asks(boss, "/giu", "Tạm giữ").await;
    let second = office.asks(other, "/giu", "Tạm giữ").await;
    assert_eq!(
        office.presses(boss, &first, "Bỏ qua").await,
        "Đã bỏ qua, lần đọc tới lấy làm mốc mới"
    );
    let told = office.presses(other, &second, "Duyệt").await;
    assert!(
        told.starts_with("Bùi Sếp đã chọn bỏ qua đợt này rồi"),
        "{told}"
    );
    for chat in [boss, other] {
        let shown = office.heard(chat, "Bùi Sếp").await;
        let edited = office
            .telegram
            .messages(chat)
            .into_iter()
            .find(|message| message.id == shown.id)
            .unwrap();
        assert!(edited.buttons.is_empty(), "{edited:?}");
    }
    assert_eq!(
        office.desk.held_list(&Who::CommandLine).unwrap()[0]
            .by
            .as_deref(),
        Some("Bùi Sếp")
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_stops_a_mail_and_the_notice_shows_it() {
    let mut office = Office::open().await;
    let mai = office.bound("Ngọc Mai").await;
    office.company.type_into(2, "Giai đoạn", "Đã đặt cọc");
    office.company.now = clock::now();
    office.company.poll().await;
    office.company.wait(30);
    office.company.poll().await;
    let store = office.company.roster.store().clone();
    let all: Vec<Message> = store
        .scan::<Message>(prefix::MESSAGE)
        .map(|entry| entry.unwrap().1)
        .collect();
    let notice = all
        .iter()
        .find(|message| message.template == "hold-notice")
        .unwrap();
    // What the outbox does when it sends the notice: keep the buttons, put them under the text.
    let mut group = Group::default();
    let labels = [("send-now", "✅ Đúng, gửi ngay"), ("wrong", "↩️ Chọn nhầm")];
    let mut row: Vec<_> = labels
        .iter()
        .map(|(name, label)| {
            let act = act_for(notice, name, label, Some("Ngọc Mai")).unwrap();
            json!({"text": label, "callback_data": store_button(&mut group, &act)})
        })
        .collect();
    row.push(json!({"text": "📄 Mở trên Sheet", "url": "https://docs.google.com/x"}));
    store.commit(vec![group]).unwrap();
    let sent = reqwest::Client::new()
        .post(format!("{}/bot4242:token/sendMessage", office.telegram.base_url()))
        .json(&json!({"chat_id": mai, "text": "Thư <b>cảm ơn</b> sẽ tự gửi", "parse_mode": "HTML", "reply_markup": {"inline_keyboard": [row]}}))
        .send()
        .await
        .unwrap();
    assert!(sent.status().is_success());
    let shown = office.heard(mai, "cảm ơn").await;
    assert_eq!(
        office.presses(mai, &shown, "Chọn nhầm").await,
        "Đã huỷ, thư không gửi"
    );
    let edited = office.heard(mai, "Ngọc Mai báo chọn nhầm").await;
    assert!(
        edited.html.contains("<b>cảm ơn</b>"),
        "the text keeps its markup: {}",
        edited.html
    );
    let left: Vec<&str> = edited
        .buttons
        .iter()
        .flatten()
        .map(|button| button.text.as_str())
        .collect();
    assert_eq!(left, ["📄 Mở trên Sheet"], "links stay, acts go");
    let key = notice.event["hold"]["key"].as_str().unwrap();
    let mail: Message = store
        .get(&sheetbridge::store::keys::message(&MessageKey::from_text(
            key,
        )))
        .unwrap()
        .unwrap();
    assert_eq!(mail.state, State::Cancelled);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_stops_what_the_last_poll_decided() {
    let mut office = Office::open().await;
    let boss = office.bound("Bùi Sếp").await;
    office.asks(boss, "/dung", "không có tin nào chờ gửi").await;
    office.company.type_into(2, "Giai đoạn", "Đã đặt cọc");
    office.company.now = clock::now();
    office.company.poll().await;
    office.company.wait(30);
    office.company.poll().await;
    let store = office.company.roster.store().clone();
    let all: Vec<Message> = store
        .scan::<Message>(prefix::MESSAGE)
        .map(|entry| entry.unwrap().1)
        .collect();
    let last = LastPoll {
        at: clock::now(),
        workbook: office.company.workbook.clone(),
        keys: all.iter().map(|message| message.key.clone()).collect(),
    };
    let mut group = Group::default();
    group.put(last_poll_key(&last.workbook), &last);
    store.commit(vec![group]).unwrap();
    let question = office.asks(boss, "/dung", "Dừng hẳn 2 tin").await;
    assert_eq!(
        office.presses(boss, &question, "Dừng hẳn").await,
        "Đã dừng 2 tin"
    );
    office.heard(boss, "Bùi Sếp đã dừng 2 tin").await;
    assert_eq!(store.keys(prefix::DUE).count(), 0);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blocked_and_let_in_again_and_groups_stay_out() {
    let office = Office::open().await;
    let mai = office.bound("Ngọc Mai").await;
    office.telegram.block(mai).unwrap();
    let binding = || {
        let directory = office.company.roster.directory().unwrap();
        office
            .company
            .roster
            .binding(directory.find("Ngọc Mai").unwrap())
            .unwrap()
            .unwrap()
    };
    let until = |dead: bool| async move {
        for _ in 0..200 {
            if binding().dead.is_some() == dead {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    };
    assert!(until(true).await, "blocked: {:?}", binding());
    office.telegram.unblock(mai).unwrap();
    assert!(until(false).await, "let in again: {:?}", binding());

    let group = office.telegram.create_group("Sale", &[mai]).unwrap();
    let token = office
        .desk
        .invite("Lan Anh", None, &Who::CommandLine, clock::now())
        .unwrap()
        .link;
    let (_, token) = token.split_once("?start=").unwrap();
    office.telegram.add_bot(group, mai, Some(token)).unwrap();
    office
        .heard(group, "Nhóm chat không thể gắn với một người")
        .await;
    office
        .telegram
        .say_in(mai, group, "/khach@queenland_bot", None)
        .unwrap();
    office.asks(mai, "/khach", "1 khách").await;
    let said = office
        .telegram
        .messages(group)
        .into_iter()
        .filter(|message| message.from_bot && message.text.contains("khách"))
        .count();
    assert_eq!(said, 0, "customers are not for a group");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_after_trouble_and_health_says_what_it_was() {
    let office = Office::open_with(|telegram| {
        telegram.fault(Fault::status("getMe", 502, "Bad Gateway"));
        telegram.fault(Fault::reset("getUpdates").next(1));
        telegram.fault(Fault::status("setMyCommands", 500, "Internal Server Error").endless());
    })
    .await;
    office.bound("Ngọc Mai").await;
    assert_eq!(
        office.health.bot_username().as_deref(),
        Some("queenland_bot")
    );
    office.telegram.fault(
        Fault::status(
            "getUpdates",
            409,
            "Conflict: terminated by other getUpdates request",
        )
        .endless(),
    );
    // The question that is held open ends first; then the conflict is seen.
    let mut why = None;
    for _ in 0..300 {
        why = office.health.snapshot().bot_deaf;
        if why.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(why.unwrap().why.contains("409"), "a conflict is named");
    assert_eq!(
        office.health.snapshot().channels["telegram"].down,
        None,
        "sending is not affected"
    );
    office.telegram.clear_faults();
    office.close().await;
}
