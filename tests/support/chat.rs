//! A company whose people talk to the bot and get its messages, with a clock that the test moves.
#![allow(dead_code)] // each test binary needs a part of it

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sheetbridge::bot::{Bot, DigestText};
use sheetbridge::commands::Desk;
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
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::support::Company;

const TOKEN: &str = "4242:token";
/// How long the bot may take for anything.
const SOON: Duration = Duration::from_secs(10);

/// The people of every test, with their chats; the first three sell, the fourth manages. The others are for the
/// configuration to name.
pub(crate) const LAN: i64 = 100_000;
pub(crate) const MINH: i64 = 100_001;
pub(crate) const THU: i64 = 100_002;
pub(crate) const BOSS: i64 = 100_009;
pub(crate) const MAI: i64 = 100_031;
pub(crate) const BUI: i64 = 100_032;
const PEOPLE: [(i64, &str); 7] = [
    (LAN, "Lan Anh"),
    (MINH, "Minh Tuấn"),
    (THU, "Thu Hà"),
    (100_003, "Quốc Bảo"),
    (BOSS, "Hà Phạm"),
    (MAI, "Ngọc Mai"),
    (BUI, "Bùi Sếp"),
];

/// The clock of the conversation, in milliseconds; set by the one test of each process.
static CLOCK: AtomicI64 = AtomicI64::new(0);

fn now() -> Timestamp {
    Timestamp::from_millisecond(CLOCK.fetch_add(1, Ordering::SeqCst)).unwrap()
}

pub(crate) struct Chat {
    pub(crate) company: Company,
    pub(crate) bot: BotSandbox,
    outbox: Outbox,
    courier: Arc<TelegramCourier>,
    stop: CancellationToken,
    talk: tokio::task::JoinHandle<()>,
}

impl Chat {
    /// These rows and these further sections of the configuration.
    pub(crate) async fn open(rows: &[&[&str]], more: &str) -> Self {
        let bot = BotSandbox::start("127.0.0.1:0".parse().unwrap(), TOKEN, "queenland_bot")
            .await
            .unwrap();
        for (id, name) in PEOPLE {
            let person = bot.create_person(Person::new(id, name)).unwrap();
            bot.press_start(person, None).unwrap();
        }
        let more = format!(
            "[telegram]\ntoken = {{ file = \"token.txt\" }}\napi_url = \"{}\"\n{more}",
            bot.base_url()
        );
        let mut company = Company::small_with_files(rows, &more, &[("token.txt", TOKEN)]).await;
        company.poll().await;
        CLOCK.store(company.now.as_millisecond(), Ordering::SeqCst);
        let settings = TelegramSettings {
            token: TOKEN.to_owned().into(),
            api_url: Some(bot.base_url()),
            proxy: None,
        };
        let client = Client::new(&settings).unwrap();
        let templates = Arc::new(Templates::load(None, Language::default()).unwrap());
        let courier = Arc::new(TelegramCourier::new(client.clone()));
        let outbox = Outbox::new(
            company.roster.clone(),
            templates,
            None,
            Some(Arc::clone(&courier) as _),
            Health::new(company.now, "test", false),
        );
        let roster = company.roster.clone();
        let desks = move || Desk::new(roster.clone(), None);
        let digest: DigestText = Arc::new(|_: &Desk, _| Ok(vec!["bản tin".to_owned()]));
        let stop = CancellationToken::new();
        let talk = Bot::new(client, desks, digest, Arc::new(Notify::new()), now);
        Self {
            company,
            bot,
            outbox,
            courier,
            talk: tokio::spawn(talk.run(stop.clone())),
            stop,
        }
    }

    pub(crate) fn desk(&self) -> Desk {
        Desk::new(self.company.roster.clone(), None)
    }

    /// Moves the clock, lets rules look, and sends what is due.
    pub(crate) async fn at(&mut self, time: &str) {
        self.company.now = time.parse().unwrap();
        CLOCK.store(self.company.now.as_millisecond(), Ordering::SeqCst);
        self.sends().await;
    }

    /// Lets rules look, and sends what is due now.
    pub(crate) async fn sends(&mut self) {
        CLOCK.fetch_max(self.company.now.as_millisecond(), Ordering::SeqCst);
        self.company.now = self.company.now.max(now());
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
            // What a chat's pace keeps back for a moment, and what was passed on a moment later.
            let soon = now + SignedDuration::from_millis(50);
            let due = |one: &Message| one.state == State::Queued && one.due <= soon;
            if !self.messages().iter().any(due) {
                break;
            }
            self.company.now = soon;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Brings messages that say something else by now up to date.
    pub(crate) async fn amends(&self) {
        let now = self.company.now;
        while self.outbox.amend(&self.courier, now).await.unwrap() > 0 {}
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        let store = self.company.roster.store();
        let messages = store.scan::<Message>(prefix::MESSAGE);
        messages.map(|entry| entry.unwrap().1).collect()
    }

    pub(crate) fn texts(&self, chat: i64) -> Vec<String> {
        let messages = self.bot.messages(chat).into_iter();
        messages.map(|message| message.text).collect()
    }

    pub(crate) fn shown(&self, chat: i64, part: &str) -> ShownMessage {
        let messages = self.bot.messages(chat);
        let found = messages
            .iter()
            .rev()
            .find(|message| message.text.contains(part));
        found.cloned().unwrap_or_else(|| {
            let texts = self.texts(chat);
            let states: Vec<String> = self
                .messages()
                .iter()
                .map(|one| format!("{} {} {} {}", one.key, one.state, one.due, one.why))
                .collect();
            panic!("nothing with “{part}” in {texts:#?} of {states:#?}")
        })
    }

    pub(crate) fn count(&self, chat: i64, part: &str) -> usize {
        let messages = self.bot.messages(chat);
        messages
            .iter()
            .filter(|message| message.from_bot && message.text.contains(part))
            .count()
    }

    pub(crate) async fn presses(&self, chat: i64, message: &ShownMessage, label: &str) -> String {
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
    pub(crate) async fn hears(&self, chat: i64, after: i64, part: &str) -> ShownMessage {
        let answer = |message: &ShownMessage| message.id > after && message.text.contains(part);
        match self.bot.wait_for_message(chat, answer, SOON).await {
            Ok(message) => message,
            Err(_) => panic!("nothing new with “{part}” in {:#?}", self.texts(chat)),
        }
    }

    /// Waits until a message says so, an old one that is written anew among them.
    pub(crate) async fn reads(&self, chat: i64, part: &str) -> ShownMessage {
        self.hears(chat, 0, part).await
    }

    pub(crate) async fn says(&self, chat: i64, text: &str, part: &str) -> ShownMessage {
        let said = self.bot.say(chat, text).unwrap();
        self.hears(chat, said, part).await
    }

    /// Writes so in answer to a message.
    pub(crate) async fn answers(
        &self,
        chat: i64,
        to: &ShownMessage,
        text: &str,
        part: &str,
    ) -> ShownMessage {
        let said = self.bot.say_in(chat, chat, text, Some(to.id)).unwrap();
        self.hears(chat, said, part).await
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.talk.await.unwrap();
        self.bot.shutdown().await;
    }
}
