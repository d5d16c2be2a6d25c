//! SEMANTICS.md where sending comes in: a real (loopback) mail server and Bot API, and a clock that only the test moves.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use serde_json::Value;
use sheetbridge::alarms;
use sheetbridge::commands::{Action, ButtonAct, Desk, Who};
use sheetbridge::core::delivery::State;
use sheetbridge::core::message::Message;
use sheetbridge::core::record::Record;
use sheetbridge::core::rule::Channel;
use sheetbridge::courier::email::{EmailCourier, Security, SmtpSettings};
use sheetbridge::courier::telegram::TelegramCourier;
use sheetbridge::health::Health;
use sheetbridge::outbox::Outbox;
use sheetbridge::render::{Language, Templates};
use sheetbridge::sandbox::google::Edit;
use sheetbridge::sandbox::smtp::{Fault, Options, SmtpSandbox, Stage};
use sheetbridge::sandbox::telegram::{BotSandbox, Fault as BotFault, Person};
use sheetbridge::store::keys::prefix;
use sheetbridge::telegram::{Client, TelegramSettings};
use support::{CUSTOMERS, Company};
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "123456:TEST-token-of-the-sandbox-abcdefghij";

const BINH: &[&str] = &[
    "Trần Bình",
    "0912345678",
    "binh@example.com",
    "Đang tư vấn",
    "Lan Anh",
];
const CHI: &[&str] = &[
    "Lê Thị Chi",
    "0923456789",
    "chi@example.com",
    "Đang tư vấn",
    "Minh Tuấn",
];

const AN: [(&str, &str); 5] = [
    ("Họ tên", "Nguyễn Văn An"),
    ("SĐT", "'0901234567"),
    ("Email", "an@example.com"),
    ("Giai đoạn", "Đang tư vấn"),
    ("NV phụ trách", "Lan Anh"),
];

const RULES: &str = r#"
[[rule]]
id = "welcome"
on = "added"
send = { channel = "email", to = "customer", template = "welcome" }
[[rule]]
id = "deposited"
on = { stage = "deposited" }
send = { channel = "email", to = "customer", template = "thank-you" }
[[rule]]
id = "idle"
on = { idle = "consulting", after = "3d" }
send = { channel = "telegram", to = "owner", template = "idle" }
"#;

struct Post {
    company: Company,
    smtp: SmtpSandbox,
    bot: BotSandbox,
    outbox: Outbox,
}

impl Post {
    async fn open(rules: &str) -> Self {
        let smtp = SmtpSandbox::start("127.0.0.1:0".parse().unwrap(), Options::default())
            .await
            .unwrap();
        let bot = BotSandbox::start("127.0.0.1:0".parse().unwrap(), TOKEN, "queenland_bot")
            .await
            .unwrap();
        for (id, name) in [
            (100_000, "Lan Anh"),
            (100_001, "Minh Tuấn"),
            (100_009, "Hà Phạm"),
        ] {
            let person = bot.create_person(Person::new(id, name)).unwrap();
            bot.press_start(person, None).unwrap();
        }
        let more = format!(
            "[email]\nsmtp = \"smtp+plain://{}\"\nfrom = \"Queenland <crm@queenland.example>\"\n[telegram]\ntoken = {{ file = \"token.txt\" }}\napi_url = \"{}\"\n{rules}",
            smtp.addr(),
            bot.base_url()
        );
        let mut company =
            Company::small_with_files(&[BINH, CHI], &more, &[("token.txt", TOKEN)]).await;
        company.poll().await;
        let outbox = outbox(&company, &smtp, &bot);
        Self {
            company,
            smtp,
            bot,
            outbox,
        }
    }

    /// The process is killed and started again: couriers and all that is in memory are new.
    fn restart(&mut self) {
        self.outbox = outbox(&self.company, &self.smtp, &self.bot);
        self.outbox.recover(self.company.now).unwrap();
    }

    /// What the bot wrote to a chat.
    fn told(&self, chat: i64) -> Vec<String> {
        let messages = self.bot.messages(chat).into_iter();
        messages
            .filter(|message| message.from_bot)
            .map(|message| message.text)
            .collect()
    }

    /// All messages of a rule, in the order in which they were decided.
    fn messages_of(&self, rule: &str) -> Vec<Message> {
        let entries = self.company.roster.store().scan::<Message>(prefix::MESSAGE);
        let mut all: Vec<Message> = entries
            .map(|entry| entry.unwrap().1)
            .filter(|message| message.rule == rule)
            .collect();
        all.sort_by_key(|message| (message.created, message.key.to_string()));
        all
    }

    /// Rings what is due and sends until nothing more can go now.
    async fn send(&self) {
        let now = self.company.now;
        alarms::ring(&self.company.roster, now).unwrap();
        let stop = CancellationToken::new();
        for channel in [Channel::Email, Channel::Telegram, Channel::Email] {
            while !self
                .outbox
                .pass(channel, now, &stop)
                .await
                .unwrap()
                .is_empty()
            {}
        }
    }

    /// To whom mails went.
    fn mails(&self) -> Vec<String> {
        self.smtp
            .messages()
            .iter()
            .map(|mail| mail.view().to[0].address.clone())
            .collect()
    }

    fn message(&self, rule: &str) -> Message {
        let entries = self.company.roster.store().scan::<Message>(prefix::MESSAGE);
        let all: Vec<Message> = entries.map(|entry| entry.unwrap().1).collect();
        all.into_iter()
            .find(|message| message.rule == rule && !message.key.as_str().contains("/notice-"))
            .unwrap_or_else(|| panic!("no message of {rule}"))
    }

    fn id_of(&self, name: &str) -> String {
        let records = self.company.roster.store().records();
        let all: Vec<Record> = records.map(Result::unwrap).collect();
        all.iter()
            .find(|record| record.seen["name"].shown() == name)
            .unwrap()
            .id
            .to_string()
    }

    fn desk(&self) -> Desk {
        Desk::new(self.company.roster.clone(), None)
    }

    /// What a button under a message to a colleague does.
    fn press(&self, action: Action) {
        let entries = self
            .company
            .roster
            .store()
            .scan::<ButtonAct>(prefix::BUTTON);
        let buttons: Vec<(Vec<u8>, ButtonAct)> = entries.map(Result::unwrap).collect();
        let (key, _) = buttons
            .iter()
            .find(|(_, act)| act.action == action)
            .unwrap_or_else(|| panic!("no button {action:?}: {buttons:?}"));
        let id = String::from_utf8_lossy(&key[prefix::BUTTON.len()..]).into_owned();
        let lan_anh = self
            .company
            .roster
            .directory()
            .unwrap()
            .find("Lan Anh")
            .unwrap()
            .clone();
        self.desk()
            .press(
                &format!("{}{id}", sheetbridge::commands::CALLBACK),
                &Who::of(&lan_anh),
                self.company.now,
            )
            .unwrap();
    }
}

fn outbox(company: &Company, smtp: &SmtpSandbox, bot: &BotSandbox) -> Outbox {
    let templates = Templates::load(None, Language::default()).unwrap();
    outbox_with(company, smtp, bot, templates)
}

fn outbox_with(
    company: &Company,
    smtp: &SmtpSandbox,
    bot: &BotSandbox,
    templates: Templates,
) -> Outbox {
    let settings = SmtpSettings::new("127.0.0.1".to_owned(), smtp.addr().port(), Security::Plain);
    let client = Client::new(&TelegramSettings {
        token: TOKEN.to_owned().into(),
        api_url: Some(bot.base_url()),
        proxy: None,
    })
    .unwrap();
    Outbox::new(
        company.roster.clone(),
        Arc::new(templates),
        Some(Arc::new(EmailCourier::new(settings))),
        Some(Arc::new(TelegramCourier::new(client))),
        Health::new(company.now, "test", false),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn s12_the_message_id_is_a_hash_of_the_key() {
    let mut post = Post::open(RULES).await;
    post.company.add_customer(&AN);
    post.company.poll_and_settle().await;
    post.send().await;
    let raw = String::from_utf8_lossy(&post.smtp.messages()[0].raw).into_owned();
    let digest = post.message("welcome").key.digest();
    assert!(
        raw.contains(&format!("<{digest}@queenland.example>")),
        "{raw}"
    );
}

/// A mail's text is made when it is on its way: that it cannot be made is no try, and no doubt.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_whose_text_cannot_be_made_is_cancelled_with_the_reason_and_holds_no_other_up() {
    let mut post = Post::open(RULES).await;
    post.company.add_customer(&AN);
    post.company.poll_and_settle().await;
    // The template in force asks for a value that nobody has; that of another rule is well.
    let own = post.company.dir.path().join("templates/welcome");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("subject.txt"), "Xin chào {{ nobody.knows.this }}").unwrap();
    std::fs::write(own.join("body.html"), "<p>Xin chào</p>").unwrap();
    let folder = post.company.dir.path().join("templates");
    let templates = Templates::load(Some(&folder), Language::default()).unwrap();
    post.outbox = outbox_with(&post.company, &post.smtp, &post.bot, templates);
    post.company.type_into(2, "Giai đoạn", "Đã cọc");
    post.company.poll_and_settle().await;
    post.company.wait(30 * 60);
    post.send().await;
    let message = post.message("welcome");
    assert_eq!(message.state, State::Cancelled);
    assert!(
        message.why.starts_with("its text cannot be made: ") && message.why.contains("nobody"),
        "{}",
        message.why
    );
    assert!(message.attempts.is_empty(), "{:?}", message.attempts);
    let waits = post.company.roster.store().keys(prefix::FLIGHT).count();
    assert_eq!(waits, 0);
    let other = post.message("deposited");
    assert_eq!(other.state, State::Delivered, "{}", other.why);
    assert_eq!(post.mails().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn s12_a_change_of_owner_moves_the_open_reminder_and_leaves_the_idle_clock() {
    let mut post = Post::open(RULES).await;
    post.company.wait(3 * 86_400);
    alarms::ring(&post.company.roster, post.company.now).unwrap();
    // Decided while the owner cell still named Lan Anh, sent after it was changed and had settled.
    let id = sheetbridge::core::record::RecordId::new(post.id_of("Trần Bình"));
    let clock = |post: &Post| {
        let record: Record = post.company.roster.store().record(&id).unwrap().unwrap();
        record.active_at
    };
    let before = clock(&post);
    post.company.type_into(2, "NV phụ trách", "Minh Tuấn");
    post.company.poll_and_settle().await;
    assert_eq!(clock(&post), before, "nobody has been at the customer");
    post.send().await;
    let told = |chat: i64| {
        let texts = post.told(chat);
        texts
            .iter()
            .filter(|text| text.contains("Trần Bình"))
            .count()
    };
    assert_eq!(told(100_000), 0);
    assert_eq!(
        told(100_001),
        2,
        "of the change, and the reminder: {:?}",
        post.told(100_001)
    );
    let keys: Vec<String> = post
        .messages_of("idle")
        .iter()
        .filter(|message| message.record.as_ref() == Some(&id))
        .map(|message| message.key.to_string())
        .collect();
    assert_eq!(
        keys.len(),
        1,
        "no new key for a step already decided: {keys:?}"
    );
    // Any other cell is activity.
    post.company.type_into(2, "Ngày hẹn", "30/12/2026");
    post.company.poll_and_settle().await;
    assert!(clock(&post) > before);
}

#[tokio::test(flavor = "multi_thread")]
async fn s12_a_reminder_that_failed_at_the_old_owner_is_tried_at_the_new_one() {
    let mut post = Post::open(RULES).await;
    post.bot
        .fault(BotFault::too_many("sendMessage", 30).to(100_000));
    post.company.wait(3 * 86_400);
    post.send().await;
    assert!(post.told(100_000).is_empty());
    post.company.type_into(2, "NV phụ trách", "Minh Tuấn");
    post.company.poll_and_settle().await;
    post.company.wait(60);
    post.send().await;
    assert!(post.told(100_000).is_empty(), "{:?}", post.told(100_000));
    let reminders = post.told(100_001);
    assert!(
        reminders
            .iter()
            .any(|text| text.contains("⏳") && text.contains("Trần Bình")),
        "{reminders:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s19_a_reminder_that_was_overtaken_is_replaced_by_the_newer_one() {
    let rules = RULES.replace(
        "after = \"3d\"",
        "after = \"3d\", every = \"1d\", times = 3",
    );
    let mut post = Post::open(&rules).await;
    for _ in 0..4 {
        post.company.wait(86_400);
        alarms::ring(&post.company.roster, post.company.now).unwrap();
    }
    post.send().await;
    let id = sheetbridge::core::record::RecordId::new(post.id_of("Trần Bình"));
    let rounds: Vec<(State, String)> = post
        .messages_of("idle")
        .into_iter()
        .filter(|message| message.record.as_ref() == Some(&id))
        .map(|message| (message.state, message.why))
        .collect();
    assert_eq!(rounds.len(), 2, "{rounds:?}");
    assert_eq!(rounds[0].0, State::Cancelled);
    assert!(
        rounds[0].1.starts_with("replaced by a newer one: idle/"),
        "{}",
        rounds[0].1
    );
    assert_eq!(rounds[1].0, State::Delivered);
    assert_eq!(post.told(100_000).len(), 1, "{:?}", post.told(100_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_senders_daily_limit_is_waited_out_until_tomorrow_and_over_restarts() {
    let mut post = Post::open(RULES).await;
    let limit = "5.4.5 Daily user sending limit exceeded";
    post.smtp.fault(Fault::reply(Stage::Rcpt, 550, limit));
    post.company.add_customer(&AN);
    post.company.poll_and_settle().await;
    post.send().await;
    let waiting = post.message("welcome");
    assert_eq!((waiting.state, waiting.attempts.len()), (State::Queued, 1));
    // Another mail, an hour and a restart later, is not even tried.
    post.restart();
    post.company.wait(3_600);
    post.company.type_into(2, "Giai đoạn", "Đã cọc");
    post.company.poll_and_settle().await;
    post.company.wait(30 * 60);
    post.send().await;
    assert!(post.mails().is_empty());
    assert!(post.message("deposited").attempts.is_empty());
    post.company.wait(86_400);
    post.send().await;
    let mut mails = post.mails();
    mails.sort();
    assert_eq!(mails, ["an@example.com", "binh@example.com"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_refusal_stops_the_rule_towards_customers_and_keeps_the_address() {
    let mut post = Post::open(RULES).await;
    let spam = "5.7.1 Message rejected as spam";
    post.smtp.fault(Fault::reply(Stage::Body, 550, spam));
    post.company.add_customer(&AN);
    post.company.poll_and_settle().await;
    post.send().await;
    assert_eq!(post.message("welcome").state, State::Rejected);
    post.company.wait(1);
    post.send().await;
    let managers = post.told(100_009).join("\n");
    assert!(
        managers.contains("5.7.1") && managers.contains("sheetbridge resume welcome"),
        "{managers}"
    );
    // The next of this rule waits; other rules go on, to the same address too.
    post.company.add_customer(&[
        ("Họ tên", "Phạm Thu Dung"),
        ("SĐT", "'0934567890"),
        ("Email", "dung@example.com"),
        ("Giai đoạn", "Đang tư vấn"),
    ]);
    post.company.type_into(4, "Giai đoạn", "Đã cọc");
    post.company.poll_and_settle().await;
    post.company.wait(21 * 60);
    post.send().await;
    assert_eq!(post.mails(), ["an@example.com"]);
    let waiting = post.messages_of("welcome").pop().unwrap();
    assert_eq!(
        (waiting.state, waiting.why.as_str()),
        (State::Queued, "paused: the rule welcome, by sheetbridge")
    );
    post.desk()
        .resume("welcome", &Who::CommandLine, post.company.now)
        .unwrap();
    post.send().await;
    assert_eq!(post.mails(), ["an@example.com", "dung@example.com"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_asked_for_patience_is_left_alone_over_a_restart() {
    let mut post = Post::open(RULES).await;
    post.bot
        .fault(BotFault::too_many("sendMessage", 300).to(100_000));
    post.company.wait(3 * 86_400);
    post.send().await;
    assert!(post.told(100_000).is_empty());
    let calls = |post: &Post| post.bot.calls().values().sum::<u64>();
    let before = calls(&post);
    // Something else for the same chat, after a restart and before the time is over.
    post.restart();
    post.company.type_into(3, "NV phụ trách", "Lan Anh");
    post.company.poll_and_settle().await;
    post.send().await;
    assert_eq!(calls(&post), before, "nobody knocks");
    post.company.wait(300);
    for _ in 0..3 {
        post.company.wait(2);
        post.send().await;
    }
    assert!(!post.told(100_000).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_alerts_to_one_colleague_is_one_message_that_counts_them() {
    let rules = "[[rule]]\nid = \"lead\"\non = \"added\"\nsend = { channel = \"telegram\", to = \"owner\", template = \"lead-alert\", urgent = true }\n";
    let mut post = Post::open(rules).await;
    let lead = |post: &Post, n: usize, owner: &str| {
        post.company.add_customer(&[
            ("Họ tên", &format!("Vũ Đình Khách{n}")),
            ("SĐT", &format!("'09450000{n:02}")),
            ("Giai đoạn", "Đang tư vấn"),
            ("NV phụ trách", owner),
        ]);
    };
    for n in 0..20 {
        lead(&post, n, "Lan Anh");
    }
    lead(&post, 30, "Minh Tuấn");
    post.company.poll_and_settle().await;
    post.send().await;
    let told = post.told(100_000);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("20 thông báo") && told[0].contains("và 5 khách khác"),
        "{}",
        told[0]
    );
    assert_eq!(told[0].matches("Khách mới").count(), 15, "{}", told[0]);
    assert_eq!(post.told(100_001).len(), 1, "others have theirs as it is");
    let gathered = post.messages_of("lead");
    let said = |message: &&Message| {
        message
            .why
            .starts_with("told together with 19 others: flood/1/-/staff:Lan Anh/")
    };
    assert_eq!(
        gathered.iter().filter(said).count(),
        20,
        "{:?}",
        gathered[0].why
    );
    // A few come one by one, with their buttons.
    let mut post = Post::open(rules).await;
    for n in 0..5 {
        lead(&post, n, "Lan Anh");
    }
    post.company.poll_and_settle().await;
    for _ in 0..8 {
        post.send().await;
    }
    let one_by_one = post.messages_of("flood").is_empty();
    assert!(one_by_one, "{:?}", post.told(100_000));
}

const NAMES: [&str; 16] = [
    "Ba", "Cường", "Dũng", "Giang", "Hải", "Khoa", "Long", "Minh", "Nam", "Oanh", "Phúc", "Quân",
    "Sơn", "Thảo", "Uyên", "Vinh",
];

/// Reminders that fall due in the evening.
const EVENING: &str = "[hours]\nwork = \"Mon-Sat 08:00-18:00\"\n[[rule]]\nid = \"idle\"\non = { idle = \"consulting\", after = \"2d10h\" }\nsend = { channel = \"telegram\", to = \"owner\", template = \"idle\" }\n";

impl Post {
    /// Sends also what a chat's pace keeps back for a moment.
    async fn send_all(&self) {
        for _ in 0..200 {
            self.send().await;
            let now = self.company.now;
            let waiting = self.messages_of("idle").into_iter();
            let mut due = waiting.filter(|one| one.state == State::Queued && one.due <= now);
            if due.next().is_none() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_for_the_morning_comes_as_one_list_with_a_button_for_each() {
    let mut post = Post::open(EVENING).await;
    for (n, name) in NAMES.iter().enumerate().take(3) {
        post.company.add_customer(&[
            ("Họ tên", &format!("Vũ Đình {name}")),
            ("SĐT", &format!("'09450000{n:02}")),
            ("Giai đoạn", "Đang tư vấn"),
            ("NV phụ trách", "Lan Anh"),
        ]);
    }
    post.company.poll_and_settle().await;
    post.company.now = "2026-11-25T15:00:00Z".parse().unwrap();
    post.send().await;
    let told = post.told(100_000);
    assert!(told.is_empty(), "in the evening nobody is rung: {told:#?}");
    post.company.now = "2026-11-26T01:00:01Z".parse().unwrap();
    post.send().await;
    let told = post.told(100_000);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("Việc buổi sáng: 4 việc"), "{}", told[0]);
    for line in [
        "Trần Bình: gọi hỏi thăm, Đang tư vấn",
        "Vũ Đình Dũng: gọi hỏi thăm, Đang tư vấn 5 ngày",
    ] {
        assert!(told[0].contains(line), "{}", told[0]);
    }
    let shown = post.bot.messages(100_000).pop().unwrap();
    let labels: Vec<&str> = shown
        .buttons
        .iter()
        .flatten()
        .map(|one| one.text.as_str())
        .collect();
    assert_eq!(labels, ["1", "2", "3", "4"]);
    let buttons = post
        .company
        .roster
        .store()
        .scan::<ButtonAct>(prefix::BUTTON);
    let mut opened: Vec<ButtonAct> = buttons.map(|entry| entry.unwrap().1).collect();
    opened.retain(|act| act.action == Action::CustomerOpen);
    let of_binh = post.id_of("Trần Bình");
    assert!(
        opened.len() == 4 && opened.iter().any(|act| act.subject == of_binh),
        "{opened:#?}"
    );
    assert_eq!(
        post.told(100_001).len(),
        1,
        "one alone comes as it is, with its buttons"
    );
    assert!(post.told(100_001)[0].contains("Lê Thị Chi – Đang tư vấn"));
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_after_tet_the_first_day_brings_the_ten_most_urgent_and_the_week_the_rest() {
    let mut post = Post::open(EVENING).await;
    // The third of February 2027 is three days before Tết.
    post.company.now = "2027-02-02T02:00:00Z".parse().unwrap();
    for (n, name) in NAMES.iter().enumerate() {
        post.company.add_customer(&[
            ("Họ tên", &format!("Vũ Đình {name}")),
            ("SĐT", &format!("'09450000{n:02}")),
            ("Giai đoạn", "Đang tư vấn"),
            ("NV phụ trách", "Lan Anh"),
        ]);
    }
    post.company.poll_and_settle().await;
    // Bình has waited since November.
    post.send().await;
    let from = |post: &Post| post.told(100_000).len();
    let before = from(&post);
    let mut days: Vec<(String, usize)> = Vec::new();
    for day in 3..28 {
        post.company.now = format!("2027-02-{day:02}T01:00:01Z").parse().unwrap();
        let known = from(&post);
        post.send_all().await;
        for text in &post.told(100_000)[known..] {
            let listed = text.matches("gọi hỏi thăm").count().max(1);
            days.push((format!("{day}"), listed));
        }
    }
    assert_eq!(
        post.told(100_000)[before].matches("gọi hỏi thăm").count(),
        10
    );
    assert!(post.told(100_000)[before].contains("còn lại sẽ được nhắc dần"));
    let first = days[0].0.clone();
    let on_first: usize = days
        .iter()
        .filter(|(day, _)| *day == first)
        .map(|(_, n)| n)
        .sum();
    let all: usize = days.iter().map(|(_, n)| n).sum();
    assert_eq!(
        (on_first, all),
        (10, 16),
        "nobody is lost, and nobody told twice: {days:?}"
    );
    let most = days
        .iter()
        .map(|(day, _)| day)
        .collect::<std::collections::BTreeSet<_>>()
        .len();
    assert!(most >= 4, "spread: {days:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s18_a_held_mail_goes_after_twenty_minutes_with_a_notice_before() {
    let mut post = Post::open(RULES).await;
    post.company.type_into(2, "Giai đoạn", "Đã cọc");
    post.company.poll_and_settle().await;
    post.send().await;
    let notice: Vec<_> = post
        .bot
        .messages(100_000)
        .into_iter()
        .filter(|message| message.from_bot)
        .collect();
    assert_eq!(notice.len(), 1, "{notice:?}");
    assert!(
        notice[0].text.contains("Trần Bình") && notice[0].buttons[0].len() == 2,
        "{}",
        notice[0].text
    );
    post.company.wait(19 * 60 + 50);
    post.send().await;
    assert!(post.mails().is_empty());
    post.company.wait(20);
    post.send().await;
    assert_eq!(post.mails(), ["binh@example.com"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s18_send_now_and_picked_wrong_are_buttons_under_the_notice() {
    let mut post = Post::open(RULES).await;
    post.company.type_into(2, "Giai đoạn", "Đã cọc");
    post.company.poll_and_settle().await;
    post.send().await;
    post.press(Action::SendNow);
    post.send().await;
    assert_eq!(post.mails(), ["binh@example.com"]);

    let mut post = Post::open(RULES).await;
    post.company.type_into(2, "Giai đoạn", "Đã cọc");
    post.company.poll_and_settle().await;
    post.send().await;
    post.press(Action::Wrong);
    post.company.wait(3_600);
    post.send().await;
    assert!(post.mails().is_empty());
    assert_eq!(post.message("deposited").state, State::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn s18_leaving_the_stage_cancels_even_in_the_last_seconds() {
    let mut post = Post::open(RULES).await;
    post.company.type_into(2, "Giai đoạn", "Đã cọc");
    post.company.poll_and_settle().await;
    post.company.wait(20 * 60 - 5);
    post.company.type_into(2, "Giai đoạn", "Đang tư vấn");
    post.company.poll().await;
    post.company.wait(10);
    post.send().await;
    assert!(post.mails().is_empty(), "seen, and not settled yet");
    let waiting = post.message("deposited");
    assert_eq!(
        (waiting.state, waiting.why.as_str()),
        (
            State::Queued,
            "the customer's row is being changed just now"
        )
    );
    post.company.wait(20);
    post.company.poll().await;
    post.company.wait(60);
    post.send().await;
    let cancelled = post.message("deposited");
    assert_eq!(
        (cancelled.state, cancelled.why.as_str()),
        (
            State::Cancelled,
            "the customer has left the stage deposited"
        )
    );
    assert!(post.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn s18_a_slip_in_the_last_seconds_does_not_lose_the_mail() {
    let mut post = Post::open(RULES).await;
    post.company.type_into(2, "Giai đoạn", "Đã cọc");
    post.company.poll_and_settle().await;
    post.company.wait(20 * 60 - 5);
    post.company.type_into(2, "Giai đoạn", "Đang tư vấn");
    post.company.poll().await;
    post.company.wait(10);
    post.send().await;
    post.company.type_into(2, "Giai đoạn", "Đã cọc");
    post.company.poll().await;
    post.company.wait(60);
    post.send().await;
    assert_eq!(post.mails(), ["binh@example.com"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s19_a_row_that_is_gone_is_not_welcomed_and_one_that_was_cut_waits() {
    let mut post = Post::open(RULES).await;
    let row = post.company.add_customer(&AN);
    post.company.poll_and_settle().await;
    post.company.edit(Edit::DeleteRows {
        tab: CUSTOMERS.into(),
        from: row,
        count: 1,
    });
    post.company.poll().await;
    post.send().await;
    assert_eq!(post.message("welcome").state, State::Queued);
    post.company.wait(700);
    post.company.poll().await;
    post.send().await;
    let ended = post.message("welcome");
    assert_eq!(
        (ended.state, ended.why.as_str()),
        (State::Cancelled, "the customer's row has been removed")
    );
    assert!(post.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn s19_a_reminder_is_not_wanted_after_a_button_and_a_mail_is_not_after_two_weeks() {
    let mut post = Post::open(RULES).await;
    post.company.add_customer(&AN);
    post.company.poll_and_settle().await;
    post.company.wait(3 * 86_400);
    alarms::ring(&post.company.roster, post.company.now).unwrap();
    let id = post.id_of("Trần Bình");
    post.company.wait(60);
    post.desk()
        .touch(&id, &Who::CommandLine, post.company.now)
        .unwrap();
    post.send().await;
    let told = |name: &str| {
        post.bot
            .messages(100_000)
            .iter()
            .filter(|message| message.text.contains(name))
            .count()
    };
    assert_eq!((told("Trần Bình"), told("Nguyễn Văn An")), (0, 1));
    assert_eq!(
        post.mails(),
        ["an@example.com"],
        "three days late is in time"
    );

    let mut post = Post::open(RULES).await;
    post.company.add_customer(&AN);
    post.company.poll_and_settle().await;
    post.company.wait(14 * 86_400 + 60);
    post.send().await;
    assert_eq!(post.message("welcome").state, State::Expired);
    assert!(post.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn s27_an_opt_out_of_the_second_phone_covers_advertising_and_no_service_mail() {
    let ads = RULES.replace(
        "template = \"welcome\" }",
        "template = \"welcome\", ad = true }",
    );
    for (rules, state) in [(ads.as_str(), State::Cancelled), (RULES, State::Delivered)] {
        let mut post = Post::open(&format!("{rules}[consent]\ndeclared = [{{ sources = [\"Website\"], since = \"2026-01-01\", by = \"Marketing\", evidence = \"mẫu\" }}]\n")).await;
        post.company.type_into(2, "Không nhận tin", "x");
        post.company.add_customer(&[
            AN[0],
            ("SĐT", "0901234567 / 0912345678"),
            AN[2],
            AN[3],
            AN[4],
        ]);
        post.company.poll_and_settle().await;
        post.send().await;
        let message = post.message("welcome");
        assert_eq!(message.state, state, "{}", message.why);
        if state == State::Cancelled {
            assert!(message.why.contains("opted out"), "{}", message.why);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s30_a_retry_goes_where_the_first_try_went_with_what_it_said() {
    let mut post = Post::open(RULES).await;
    post.smtp
        .fault(Fault::reply(Stage::Rcpt, 450, "4.2.1 try later"));
    let row = post.company.add_customer(&AN);
    post.company.poll_and_settle().await;
    // A corrected address before the first try counts …
    post.company.type_into(row, "Email", "an.dung@example.com");
    post.company.poll_and_settle().await;
    post.send().await;
    assert_eq!(post.message("welcome").attempts.len(), 1);
    // … and after it does not.
    post.company.type_into(row, "Email", "sau@example.com");
    post.company.type_into(row, "Họ tên", "Nguyễn Văn Ánh");
    post.company.poll_and_settle().await;
    post.company.wait(300);
    post.send().await;
    let mail = post.smtp.messages()[0].view();
    assert_eq!(
        (mail.to[0].address.as_str(), mail.to[0].name.as_str()),
        ("an.dung@example.com", "Nguyễn Văn An")
    );
    assert!(!mail.text.unwrap_or_default().contains("Ánh"));
    assert_eq!(post.mails().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn s28_no_template_sees_a_private_cell() {
    let post = Post::open(&format!("[columns.custom]\nsecret = {{ header = \"Ngày hẹn riêng\", type = \"text\", private = true }}\n{RULES}")).await;
    let id = sheetbridge::core::record::RecordId::new(post.id_of("Trần Bình"));
    let mut record: Record = post.company.roster.store().record(&id).unwrap().unwrap();
    record.seen.insert(
        "secret".into(),
        sheetbridge::core::sheet::Cell::from("tuyệt mật"),
    );
    let facts = post
        .company
        .roster
        .facts(&record, &Value::Null, post.company.now)
        .unwrap();
    assert!(!facts.to_string().contains("tuyệt mật"), "{facts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s39_a_paused_channel_is_not_the_way_around_another() {
    let rules = "[[rule]]\nid = \"lead\"\non = \"added\"\nsend = { channel = \"telegram\", to = \"owner\", else = [\"email\"], template = \"lead-alert\", urgent = true }\n";
    let mut post = Post::open(rules).await;
    post.bot.block(100_000).unwrap();
    post.desk()
        .pause("email", &Who::CommandLine, post.company.now)
        .unwrap();
    post.company.add_customer(&AN);
    post.company.poll_and_settle().await;
    for _ in 0..3 {
        post.send().await;
        post.company.wait(2);
    }
    assert!(post.mails().is_empty(), "{:?}", post.mails());
    let waiting = post.message("lead");
    assert_eq!(
        (waiting.state, waiting.why.as_str()),
        (
            State::Queued,
            "paused: the channel email, by the command line"
        )
    );
    post.desk()
        .resume("email", &Who::CommandLine, post.company.now)
        .unwrap();
    post.company.wait(5 * 60);
    post.send().await;
    assert_eq!(post.mails(), ["lan.anh@congty.example"]);
}
