//! Outcomes of reminders: what staff answer with a button or in words, over the sandbox's Bot API.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use sheetbridge::bot::{Bot, DigestText};
use sheetbridge::commands::{Desk, Who};
use sheetbridge::core::delivery::State;
use sheetbridge::core::message::Message;
use sheetbridge::core::rule::Channel;
use sheetbridge::courier::telegram::TelegramCourier;
use sheetbridge::health::Health;
use sheetbridge::outbox::Outbox;
use sheetbridge::render::{Language, Templates};
use sheetbridge::sandbox::telegram::{BotSandbox, Person, ShownMessage};
use sheetbridge::store::keys::prefix;
use sheetbridge::telegram::{Client, TelegramSettings};
use support::Company;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "4242:token";
const LAN: i64 = 100_031;
const BOSS: i64 = 100_032;
/// How long the bot may take for anything.
const SOON: Duration = Duration::from_secs(10);

const RULES: &str = r#"
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

/// The clock of the conversation, in milliseconds; set by the one test of each process.
static CLOCK: AtomicI64 = AtomicI64::new(0);

fn now() -> Timestamp {
    Timestamp::from_millisecond(CLOCK.fetch_add(1, Ordering::SeqCst)).unwrap()
}

struct Chat {
    company: Company,
    bot: BotSandbox,
    outbox: Outbox,
    stop: CancellationToken,
    talk: tokio::task::JoinHandle<()>,
}

impl Chat {
    async fn open() -> Self {
        let bot = BotSandbox::start("127.0.0.1:0".parse().unwrap(), TOKEN, "queenland_bot")
            .await
            .unwrap();
        for (id, name) in [(LAN, "Ngọc Mai"), (BOSS, "Bùi Sếp")] {
            let person = bot.create_person(Person::new(id, name)).unwrap();
            bot.press_start(person, None).unwrap();
        }
        let more = format!(
            "[telegram]\ntoken = {{ file = \"token.txt\" }}\napi_url = \"{}\"\n[[staff]]\nname = \"Ngọc Mai\"\ntelegram = {LAN}\n{RULES}",
            bot.base_url()
        );
        let mut company = Company::small_with_files(&ROWS, &more, &[("token.txt", TOKEN)]).await;
        company.poll().await;
        let settings = TelegramSettings {
            token: TOKEN.to_owned().into(),
            api_url: Some(bot.base_url()),
            proxy: None,
        };
        let client = Client::new(&settings).unwrap();
        let templates = Arc::new(Templates::load(None, Language::default()).unwrap());
        let outbox = Outbox::new(
            company.roster.clone(),
            templates,
            None,
            Some(Arc::new(TelegramCourier::new(client.clone()))),
            Health::new(company.now, "test", false),
        );
        CLOCK.store(company.now.as_millisecond(), Ordering::SeqCst);
        let roster = company.roster.clone();
        let desks = move || Desk::new(roster.clone(), None);
        let digest: DigestText = Arc::new(|_: &Desk, _| Ok(Vec::new()));
        let stop = CancellationToken::new();
        let talk = Bot::new(client, desks, digest, Arc::new(Notify::new()), now);
        Self {
            company,
            bot,
            outbox,
            talk: tokio::spawn(talk.run(stop.clone())),
            stop,
        }
    }

    /// Moves the clock, lets rules look, and sends what is due.
    async fn at(&mut self, time: &str) {
        self.company.now = time.parse().unwrap();
        CLOCK.store(self.company.now.as_millisecond(), Ordering::SeqCst);
        for _ in 0..3 {
            sheetbridge::alarms::ring(&self.company.roster, self.company.now).unwrap();
        }
        let stop = CancellationToken::new();
        for _ in 0..200 {
            let (channel, now) = (Channel::Telegram, self.company.now);
            while !self
                .outbox
                .pass(channel, now, &stop)
                .await
                .unwrap()
                .is_empty()
            {}
            let store = self.company.roster.store();
            let mut messages = store.scan::<Message>(prefix::MESSAGE).map(Result::unwrap);
            // What a chat's pace keeps back for a moment.
            if !messages.any(|(_, one)| one.state == State::Queued && one.due <= now) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn shown(&self, chat: i64, part: &str) -> ShownMessage {
        let messages = self.bot.messages(chat);
        let found = messages
            .iter()
            .rev()
            .find(|message| message.text.contains(part));
        found.cloned().unwrap_or_else(|| {
            let texts: Vec<&str> = messages
                .iter()
                .map(|message| message.text.as_str())
                .collect();
            panic!("nothing with “{part}” in {texts:#?}")
        })
    }

    fn count(&self, chat: i64, part: &str) -> usize {
        let messages = self.bot.messages(chat);
        messages
            .iter()
            .filter(|message| message.from_bot && message.text.contains(part))
            .count()
    }

    async fn presses(&self, chat: i64, message: &ShownMessage, label: &str) -> String {
        let rows = message.buttons.iter().enumerate();
        let mut places = rows.flat_map(|(row, buttons)| {
            let buttons = buttons.iter().enumerate();
            buttons.map(move |(column, button)| (row, column, button.text.clone()))
        });
        let (row, column, _) = places
            .find(|(_, _, text)| text.contains(label))
            .unwrap_or_else(|| panic!("no “{label}”: {:?}", message.buttons));
        let press = self
            .bot
            .press_at(chat, chat, message.id, row, column)
            .unwrap();
        self.bot.wait_answer(&press, SOON).await.unwrap().text
    }

    /// Waits for what the bot says after `after`.
    async fn hears(&self, chat: i64, after: i64, part: &str) -> ShownMessage {
        let answer = |message: &ShownMessage| message.id > after && message.text.contains(part);
        match self.bot.wait_for_message(chat, answer, SOON).await {
            Ok(message) => message,
            Err(_) => {
                let messages = self.bot.messages(chat);
                let texts: Vec<&str> = messages.iter().map(|one| one.text.as_str()).collect();
                panic!("nothing new with “{part}” in {texts:#?}")
            }
        }
    }

    async fn says(&self, chat: i64, text: &str, part: &str) -> ShownMessage {
        let said = self.bot.say(chat, text).unwrap();
        self.hears(chat, said, part).await
    }

    async fn answers(&self, chat: i64, to: &ShownMessage, text: &str, part: &str) -> ShownMessage {
        let said = self.bot.say_in(chat, chat, text, Some(to.id)).unwrap();
        self.hears(chat, said, part).await
    }

    async fn end(self) {
        self.stop.cancel();
        self.talk.await.unwrap();
        self.bot.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_ends_the_round_and_a_time_in_words_becomes_a_reminder() {
    let mut chat = Chat::open().await;
    // The first look was on Saturday, 21 November, 9:00; working days 3 later is Wednesday.
    chat.at("2026-11-25T02:05:00Z").await;
    let reminder = chat.shown(LAN, "Trần Bình");
    let toast = chat.presses(LAN, &reminder, "Đã hẹn").await;
    assert_eq!(toast, "Đã ghi: đã hẹn");
    let question = chat.hears(LAN, reminder.id, "Hẹn Trần Bình lúc nào?").await;
    assert!(question.buttons.is_empty());
    chat.says(LAN, "để hỏi lại khách đã", "chưa thấy ngày giờ")
        .await;
    let noted = chat
        .says(LAN, "thứ 7 này 9h xem nhà mẫu", "Đã ghi cho Trần Bình")
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
    assert_eq!(chat.count(LAN, "Nhắc lần 2/3"), 0);
    chat.at("2026-11-28T01:01:00Z").await;
    let promise = chat.shown(LAN, "Lịch hẹn: Trần Bình");
    assert!(
        promise.text.contains("09:00") && promise.text.contains("xem nhà mẫu"),
        "{}",
        promise.text
    );
    // What is asked of a customer tells it all.
    let card = chat.says(LAN, "/khach Bình", "0912 345 678").await;
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
    let day = chat.says(LAN, "/homnay", "Hôm nay").await;
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
    let mut chat = Chat::open().await;
    chat.at("2026-11-25T02:05:00Z").await;
    let reminder = chat.shown(LAN, "Trần Bình");
    chat.presses(LAN, &reminder, "Không nghe máy").await;
    let question = chat
        .hears(LAN, reminder.id, "Khi nào gọi lại Trần Bình?")
        .await;
    let toast = chat.presses(LAN, &question, "2 giờ nữa").await;
    assert_eq!(toast, "Sẽ nhắc gọi lại lúc 11:05 25/11");
    let noted = chat
        .hears(LAN, question.id, "Gọi lại lúc 11:05 25/11")
        .await;
    // Another time takes its place.
    let moved = chat
        .answers(LAN, &reminder, "gọi lại 15h", "Gọi lại lúc 15:00 25/11")
        .await;
    chat.at("2026-11-25T04:06:00Z").await;
    assert_eq!(chat.count(LAN, "Đến giờ gọi lại"), 0, "moved to 15:00");
    assert!(
        chat.presses(LAN, &noted, "Bỏ ghi chú")
            .await
            .contains("bỏ ghi chú")
    );
    let toast = chat.presses(LAN, &moved, "Bỏ ghi chú").await;
    assert_eq!(toast, "Đã bỏ ghi chú");
    chat.at("2026-11-25T08:01:00Z").await;
    assert_eq!(chat.count(LAN, "Đến giờ gọi lại"), 0, "taken back");
    // A second pair of hands: the manager sees everybody's, a colleague does not see this one.
    let told = chat
        .answers(LAN, &reminder, "chị bận, tuần sau mới rảnh", "Đã ghi cho")
        .await;
    assert!(
        told.text.contains("Hẹn lúc 30/11") || told.text.contains("30/11"),
        "{}",
        told.text
    );
    chat.says(BOSS, "/khach Bình", "chị bận").await;
    chat.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_nothing_any_more_is_to_be_moved_in_the_sheet_and_snoozes_keep_their_hour() {
    let mut chat = Chat::open().await;
    chat.at("2026-11-25T02:05:00Z").await;
    let reminder = chat.shown(BOSS, "Lê Cúc");
    let toast = chat.presses(BOSS, &reminder, "2 giờ nữa").await;
    assert_eq!(toast, "Sẽ nhắc lại lúc 11:05 25/11");
    chat.at("2026-11-25T04:05:30Z").await;
    assert_eq!(chat.count(BOSS, "Lê Cúc"), 2, "the same reminder again");
    let again = chat.shown(BOSS, "Lê Cúc");
    chat.presses(BOSS, &again, "Hết nhu cầu").await;
    chat.hears(BOSS, again.id, "đổi giai đoạn của Lê Cúc").await;
    chat.end().await;
}
