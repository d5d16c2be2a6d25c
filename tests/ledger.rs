//! The ledger as an operator meets it: messages listed, shown and acted on by hand, people explained, doubts settled,
//! over a real (loopback) mail server and Bot API and a clock that only the test moves.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod support;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sheetbridge::alarms;
use sheetbridge::commands::{
    Acted, ButtonAct, CALLBACK, CommandError, Desk, ErrorKind, Explained, HandAct, OutboxFilter,
    OutboxLine, Story, TrialEnd, Who,
};
use sheetbridge::core::decide::why::Standing;
use sheetbridge::core::delivery::{By, State};
use sheetbridge::core::message::{Did, Message};
use sheetbridge::core::people::Role;
use sheetbridge::core::record::Record;
use sheetbridge::core::rule::Channel;
use sheetbridge::courier::email::{EmailCourier, Security, SmtpSettings};
use sheetbridge::courier::telegram::TelegramCourier;
use sheetbridge::health::Health;
use sheetbridge::outbox::{Ended, Outbox};
use sheetbridge::render::{Language, Templates};
use sheetbridge::roster::Roster;
use sheetbridge::sandbox::smtp::{Fault, Options, SmtpSandbox, Stage};
use sheetbridge::sandbox::telegram::{BotSandbox, Person};
use sheetbridge::store::journal::Entry;
use sheetbridge::store::keys::{self, prefix};
use sheetbridge::store::{Group, Store, ledger};
use sheetbridge::telegram::{Client, TelegramSettings};
use support::Company;
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "123456:TEST-token-of-the-sandbox-abcdefghij";

const BINH: &[&str] = &[
    "Trần Bình",
    "0912345678",
    "binh@example.com",
    "Đang tư vấn",
    "Lan Anh",
];
/// Bình's wife: the same number.
const CHI: &[&str] = &[
    "Lê Thị Chi",
    "0912345678",
    "chi@example.com",
    "Đang tư vấn",
    "Minh Tuấn",
];

const AN: [(&str, &str); 5] = [
    ("Họ tên", "Nguyễn Văn An"),
    ("SĐT", "'0901234567"),
    ("Email", "an@example.com"),
    ("Giai đoạn", "Khách hàng tiềm năng"),
    ("NV phụ trách", "Lan Anh"),
];

const RULES: &str = r#"
[[staff]]
name = "Bùi Sếp"
role = "manager"
telegram = 100010
[[rule]]
id = "welcome"
on = "added"
when = "email and stage == 'prospect'"
send = { channel = "email", to = "customer", template = "welcome" }
[[rule]]
id = "lead-alert"
on = "added"
send = { channel = "telegram", to = "owner", template = "lead-alert", urgent = true }
[[rule]]
id = "deposited"
on = { stage = "deposited" }
send = { channel = "email", to = "customer", template = "thank-you", hold = "20m" }
[[rule]]
id = "idle"
on = { idle = "consulting", after = "3d", every = "1d", times = 2 }
send = { channel = "telegram", to = "owner", template = "idle" }
[[rule]]
id = "meeting"
on = { date = "appointment", before = "1d", at = "09:00" }
send = { channel = "telegram", to = "owner", template = "appointment" }
"#;

struct Post {
    company: Company,
    smtp: SmtpSandbox,
    bot: BotSandbox,
    outbox: Outbox,
}

impl Post {
    async fn open(of_email: &str, sections: &str) -> Self {
        let here = || "127.0.0.1:0".parse().unwrap();
        let smtp = SmtpSandbox::start(here(), Options::default())
            .await
            .unwrap();
        let bot = BotSandbox::start(here(), TOKEN, "queenland_bot")
            .await
            .unwrap();
        for (id, name) in [
            (100_000, "Lan Anh"),
            (100_001, "Minh Tuấn"),
            (100_009, "Hà Phạm"),
            (100_010, "Bùi Sếp"),
        ] {
            let person = bot.create_person(Person::new(id, name)).unwrap();
            bot.press_start(person, None).unwrap();
        }
        let more = format!(
            "[email]\nsmtp = \"smtp+plain://{}\"\nfrom = \"Queenland <crm@queenland.example>\"\n{of_email}[telegram]\ntoken = {{ file = \"token.txt\" }}\napi_url = \"{}\"\n{sections}{RULES}",
            smtp.addr(),
            bot.base_url()
        );
        let mut company =
            Company::small_with_files(&[BINH, CHI], &more, &[("token.txt", TOKEN)]).await;
        company.poll().await;
        let outbox = outbox(&company.roster, &smtp, &bot);
        Self {
            company,
            smtp,
            bot,
            outbox,
        }
    }

    /// An is a new customer, settled; what follows is queued.
    async fn with_an(of_email: &str, sections: &str) -> Self {
        let mut post = Self::open(of_email, sections).await;
        post.company.add_customer(&AN);
        post.company.poll_and_settle().await;
        post
    }

    /// The process is started anew with the configuration as it is now: nothing but the disk is left.
    async fn reopen(&mut self) {
        let elsewhere = tempfile::tempdir_in(self.company.dir.path())
            .unwrap()
            .keep();
        let nobody = Roster::new(
            Arc::clone(self.company.roster.config()),
            Store::open(&elsewhere).unwrap(),
        );
        self.outbox = outbox(&nobody, &self.smtp, &self.bot);
        self.company.reopen().await;
        self.outbox = outbox(&self.company.roster, &self.smtp, &self.bot);
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
        let courier = TelegramCourier::new(client(&self.bot));
        self.outbox.amend(&courier, now).await.unwrap();
    }

    fn messages(&self) -> Vec<Message> {
        let entries = self.company.roster.store().scan::<Message>(prefix::MESSAGE);
        entries.map(|entry| entry.unwrap().1).collect()
    }

    fn message(&self, rule: &str) -> Message {
        let all = self.messages();
        let found = all
            .iter()
            .find(|message| message.rule == rule && !message.key.as_str().contains("/notice-"));
        found
            .unwrap_or_else(|| panic!("no message of {rule}"))
            .clone()
    }

    /// Moves the message of a rule by the table, as the outbox would.
    fn shift(&self, rule: &str, to: State, by: By, why: &str) {
        let store = self.company.roster.store();
        let mut message = self.message(rule);
        let mut group = Group::default();
        if message.state == State::Queued && matches!(to, State::Rejected | State::InDoubt) {
            ledger::shift(
                &mut group,
                &mut message,
                State::InFlight,
                By::Outbox,
                "",
                None,
            )
            .unwrap();
        }
        ledger::attempted(&mut message, self.company.now, to, why);
        ledger::shift(&mut group, &mut message, to, by, why, None).unwrap();
        store.commit(vec![group]).unwrap();
    }

    fn desk(&self) -> Desk {
        Desk::new(self.company.roster.clone(), None)
    }

    fn act(&self, act: HandAct, key: &str) -> Acted {
        let keys = [key.to_owned()];
        self.desk()
            .outbox_act(act, &keys, &manager(), self.company.now)
            .unwrap()
    }

    /// Does it, which must work.
    fn done(&self, act: HandAct, rule: &str) -> Message {
        let acted = self.act(act, &self.message(rule).key.digest());
        assert!(acted.refused.is_empty(), "{acted:?}");
        assert_eq!(acted.done.len(), 1);
        self.message(rule)
    }

    /// Why it cannot be done.
    fn refused(&self, act: HandAct, rule: &str) -> String {
        let before = self.message(rule);
        let acted = self.act(act, before.key.as_str());
        assert!(acted.done.is_empty(), "{acted:?}");
        assert_eq!(self.message(rule), before, "nothing was changed");
        acted.refused[0].why.clone()
    }

    fn list(&self, filter: &OutboxFilter) -> Result<Vec<OutboxLine>, CommandError> {
        self.desk()
            .outbox(filter, &Who::CommandLine, self.company.now)
    }

    fn explained(&self, who: &str) -> Result<Explained, CommandError> {
        self.desk()
            .explain(who, &Who::CommandLine, self.company.now)
    }

    fn story(&self, who: &str) -> Story {
        *self.explained(who).unwrap().story.unwrap()
    }

    /// The buttons under messages to managers: by who was told and what it says.
    fn button(&self, told: &str, label: &str) -> String {
        let entries = self
            .company
            .roster
            .store()
            .scan::<ButtonAct>(prefix::BUTTON);
        let all: Vec<_> = entries.map(Result::unwrap).collect();
        let (key, _) = all
            .iter()
            .find(|(_, act)| act.told.as_deref() == Some(told) && act.label.contains(label))
            .unwrap_or_else(|| panic!("no button {label} of {told}: {all:?}"));
        let id = String::from_utf8_lossy(&key[prefix::BUTTON.len()..]).into_owned();
        format!("{CALLBACK}{id}")
    }

    fn journal(&self) -> Vec<String> {
        let entries = self.company.roster.store().scan::<Entry>(prefix::JOURNAL);
        entries.map(|entry| entry.unwrap().1.text).collect()
    }
}

fn client(bot: &BotSandbox) -> Client {
    Client::new(&TelegramSettings {
        token: TOKEN.to_owned().into(),
        api_url: Some(bot.base_url()),
        proxy: None,
    })
    .unwrap()
}

fn outbox(roster: &Roster, smtp: &SmtpSandbox, bot: &BotSandbox) -> Outbox {
    let settings = SmtpSettings::new("127.0.0.1".to_owned(), smtp.addr().port(), Security::Plain);
    let client = client(bot);
    Outbox::new(
        roster.clone(),
        Arc::new(Templates::load(None, Language::default()).unwrap()),
        Some(Arc::new(EmailCourier::new(settings))),
        Some(Arc::new(TelegramCourier::new(client))),
        Health::new(Timestamp::UNIX_EPOCH, "test", false),
    )
}

fn named(name: &str) -> Who {
    Who::Colleague {
        name: name.into(),
        role: Role::Manager,
    }
}

fn manager() -> Who {
    named("Hà Phạm")
}

// ------------------------------------------------------------------------------------------ by hand

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_cancelled_and_what_was_cancelled_goes_again_under_the_same_key() {
    let mut post = Post::with_an("", "").await;
    let before = post.message("welcome");
    let cancelled = post.done(HandAct::Cancel, "welcome");
    assert_eq!(cancelled.state, State::Cancelled);
    assert_eq!(cancelled.why, "Hà Phạm cancelled it");
    assert_eq!(
        post.refused(HandAct::Cancel, "welcome"),
        "it is cancelled and does not go any more"
    );
    post.send().await;
    assert!(post.smtp.messages().is_empty());

    post.company.wait(20 * 24 * 3_600);
    let again = post.done(HandAct::Retry, "welcome");
    assert_eq!((again.state, &again.key), (State::Queued, &before.key));
    assert_eq!(again.due, post.company.now, "at once");
    assert!(
        again.expires > post.company.now,
        "and worth sending as long as a new one"
    );
    assert_eq!(
        post.refused(HandAct::Retry, "welcome"),
        "it waits already, to go by itself: `sheetbridge outbox show` says for what"
    );
    post.send().await;
    let sent = post.message("welcome");
    assert_eq!(sent.state, State::Delivered, "{}", sent.why);
    assert_eq!(post.smtp.messages().len(), 1);
    for (act, why) in [
        (
            HandAct::Retry,
            "it was delivered, and nothing is ever sent twice",
        ),
        (HandAct::Cancel, "it was delivered already"),
        (
            HandAct::Delivered,
            "it is delivered, not in doubt: there is nothing to settle",
        ),
    ] {
        assert_eq!(post.refused(act, "welcome"), why);
    }
    // Who did it is kept in the message and in the journal.
    let did: Vec<_> = sent
        .hands
        .iter()
        .map(|hand| (hand.by.as_str(), hand.did))
        .collect();
    assert_eq!(did, [("Hà Phạm", Did::Cancelled), ("Hà Phạm", Did::Queued)]);
    let journal = post.journal();
    for text in [
        "Hà Phạm: cancelled it (",
        "Hà Phạm: sent it on its way again (",
    ] {
        assert!(
            journal.iter().any(|line| line.starts_with(text)),
            "{journal:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_mail_goes_again_to_the_address_that_was_corrected() {
    let mut post = Post::with_an("", "").await;
    post.smtp.fault(
        Fault::reply(Stage::Rcpt, 550, "5.1.1 No such user")
            .to("an@example.com")
            .endless(),
    );
    post.send().await;
    assert_eq!(post.message("welcome").state, State::Rejected);
    // Before it is corrected, policy says what is in the way, with the mend.
    let acted = post.act(HandAct::Retry, "welcome/1");
    let but = acted.done[0].but.clone().unwrap();
    assert!(but.contains("the address takes no mail since"), "{but}");
    post.send().await;
    assert_eq!(post.message("welcome").state, State::Cancelled);
    post.company.type_into(4, "Email", "an.moi@example.com");
    post.company.poll_and_settle().await;
    let acted = post.act(HandAct::Retry, "welcome/1");
    assert_eq!(acted.done[0].but, None);
    post.send().await;
    assert_eq!(post.message("welcome").state, State::Delivered);
    assert_eq!(post.smtp.messages()[0].to, ["an.moi@example.com"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_begins_at_the_foot_of_the_ladder() {
    let mut post = Post::with_an("", "").await;
    post.smtp.fault(
        Fault::reply(Stage::Rcpt, 451, "4.7.1 Greylisted, try again later")
            .to("an@example.com")
            .endless(),
    );
    let mut tries = 0;
    while post.message("welcome").state == State::Queued {
        post.send().await;
        let wait = post.message("welcome").due.duration_since(post.company.now);
        post.company.wait(wait.as_secs().max(0) + 1);
        tries += 1;
        assert!(tries < 20);
    }
    let dead = post.message("welcome");
    assert_eq!(dead.state, State::Dead, "{}", dead.why);
    let again = post.done(HandAct::Retry, "welcome");
    assert!(again.tries().is_empty(), "{:?}", again.tries());
    post.send().await;
    let waits = post.message("welcome");
    assert_eq!(
        waits.state,
        State::Queued,
        "one refusal is not the end: {}",
        waits.why
    );
    assert!(waits.due.duration_since(post.company.now) < SignedDuration::from_mins(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_meant_by_its_key_its_digest_or_a_piece_of_its_own() {
    let post = Post::with_an("", "").await;
    let message = post.message("welcome");
    let digest = message.key.digest();
    for text in [
        message.key.as_str(),
        &digest,
        &digest[..8],
        &digest[..8].to_uppercase(),
        &format!("<{digest}@queenland.example>"),
        "welcome/1/",
    ] {
        let story = post
            .desk()
            .outbox_show(text, &Who::CommandLine, post.company.now)
            .unwrap();
        assert_eq!(story.line.key, message.key.to_string(), "{text}");
    }
    let error = |text: &str| {
        let desk = post.desk();
        desk.outbox_show(text, &Who::CommandLine, post.company.now)
            .unwrap_err()
    };
    let several = error("/added");
    assert!(
        several
            .text
            .contains("is in the keys of several messages: write more of it; there are ")
            && several.text.contains(message.key.as_str()),
        "{several}"
    );
    let none = error("birthday");
    assert_eq!(none.kind, ErrorKind::NotFound);
    assert!(
        none.text.contains(
            "no message has \"birthday\" in its key: `sheetbridge outbox list` shows the keys"
        ),
        "{none}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_of_a_message_says_why_what_and_what_next() {
    let mut post = Post::with_an("", "").await;
    post.company.type_into(4, "Giai đoạn", "Đã đặt cọc");
    post.company.poll_and_settle().await;
    let show = |post: &Post, rule: &str| {
        let key = post.message(rule).key.digest();
        post.desk()
            .outbox_show(&key, &Who::CommandLine, post.company.now)
            .unwrap()
    };
    let held = show(&post, "deposited");
    assert_eq!(held.about.as_deref(), Some("Nguyễn Văn An"));
    assert!(
        held.decided
            .starts_with("the rule deposited, on the stage “Đã đặt cọc”: deposited #"),
        "{}",
        held.decided
    );
    assert_eq!(held.wanted, "as long as the customer stays in “Đã đặt cọc”");
    assert_eq!(held.line.to, "a…@example.com", "masked");
    assert!(
        held.next.starts_with("it goes at 2026-11-21T"),
        "{}",
        held.next
    );
    assert!(held.held_until.is_some() && held.tries.is_empty());
    let digest = post.message("deposited").key.digest();
    assert_eq!(held.message_id, Some(format!("{digest}@queenland.example")));

    post.send().await;
    let sent = show(&post, "welcome");
    assert_eq!(sent.line.state, "delivered", "{}", sent.line.why);
    let alert = show(&post, "lead-alert");
    assert_eq!(
        (alert.line.state.as_str(), alert.line.to.as_str()),
        ("delivered", "Lan Anh")
    );
    assert_eq!(alert.next, "nothing: it is done");
    assert_eq!(alert.tries.len(), 1);
    post.desk()
        .pause("deposited", &manager(), post.company.now)
        .unwrap();
    post.company.wait(21 * 60);
    let paused = show(&post, "deposited");
    assert!(
        paused
            .next
            .contains("paused: the rule deposited, by Hà Phạm"),
        "{}",
        paused.next
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_find_what_they_say() {
    let mut post = Post::with_an("", "").await;
    post.send().await;
    let day = post.company.now;
    post.company.wait(2 * 24 * 3_600);
    post.company.add_customer(&[
        ("Họ tên", "Phạm Thị Dung"),
        ("Email", "dung@example.com"),
        ("Giai đoạn", "Khách hàng tiềm năng"),
        ("NV phụ trách", "Minh Tuấn"),
    ]);
    post.company.poll_and_settle().await;
    let an = post.message("welcome").record.unwrap().to_string();
    let keys = |filter: &OutboxFilter| {
        let lines = post.list(filter).unwrap();
        let mut rules: Vec<String> = lines
            .iter()
            .map(|line| format!("{} {}", line.rule, line.state))
            .collect();
        rules.sort();
        rules
    };
    let all = OutboxFilter::default;
    let to = |who: &str| OutboxFilter {
        to: Some(who.into()),
        ..all()
    };
    let text = |text: &str| Some(text.to_owned());
    let welcome = ["welcome delivered"];
    for who in [
        "0901 234 567",
        "+84901234567",
        "an@example.com",
        "Nguyễn Văn An",
        "nguyen van an",
        an.as_str(),
    ] {
        assert_eq!(keys(&to(who)), welcome, "{who}");
    }
    assert_eq!(keys(&to("Lan Anh")), ["lead-alert delivered"]);
    assert_eq!(keys(&to("dung")), ["welcome queued"]);
    for (filter, expected) in [
        (
            OutboxFilter {
                state: text("queued,in doubt"),
                ..all()
            },
            vec!["lead-alert queued", "welcome queued"],
        ),
        (
            OutboxFilter {
                channel: text("telegram"),
                rule: text("lead-alert"),
                ..all()
            },
            vec!["lead-alert delivered", "lead-alert queued"],
        ),
        (
            OutboxFilter {
                since: text("1d"),
                ..all()
            },
            vec!["lead-alert queued", "welcome queued"],
        ),
        (
            OutboxFilter {
                until: text("2026-11-21"),
                ..all()
            },
            vec!["lead-alert delivered", "welcome delivered"],
        ),
        (
            OutboxFilter {
                since: text("2026-11-21 09:00"),
                until: text("yesterday"),
                ..all()
            },
            vec!["lead-alert delivered", "welcome delivered"],
        ),
        (
            OutboxFilter {
                since: text("today"),
                limit: 1,
                rule: text("welcome"),
                ..all()
            },
            vec!["welcome queued"],
        ),
        (
            OutboxFilter {
                trial: true,
                ..all()
            },
            vec![],
        ),
    ] {
        assert_eq!(keys(&filter), expected, "{filter:?}");
    }
    assert!(day < post.company.now);
    for (filter, kind, said) in [
        (
            OutboxFilter {
                state: text("lost"),
                ..all()
            },
            ErrorKind::Usage,
            "“lost” is no state: write one of queued, in_flight,",
        ),
        (
            OutboxFilter {
                channel: text("zalo"),
                ..all()
            },
            ErrorKind::Usage,
            "there is no channel \"zalo\": write email or telegram",
        ),
        (
            OutboxFilter {
                since: text("soon"),
                ..all()
            },
            ErrorKind::Usage,
            "\"soon\" is no time: write a date (2026-11-21)",
        ),
        (
            to("Trịnh Công Sơn"),
            ErrorKind::NotFound,
            "nobody is known as \"Trịnh Công Sơn\": write a customer's phone, e-mail, name or record id, or one of Lan Anh",
        ),
        (to("1"), ErrorKind::Usage, "\"1\" is too little to look for"),
    ] {
        let error = post.list(&filter).unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.text.contains(said), "{error}");
    }
}

// ------------------------------------------------------------------------------------------ in doubt

#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_is_settled_by_hand_and_only_once() {
    for (act, state) in [
        (HandAct::Delivered, State::Delivered),
        (HandAct::Dead, State::Dead),
        (HandAct::Again, State::Queued),
        (HandAct::Retry, State::Queued),
    ] {
        let post = Post::with_an("", "").await;
        post.smtp.fault(Fault::keep_and_drop());
        post.send().await;
        let doubtful = post.message("welcome");
        assert_eq!(doubtful.state, State::InDoubt, "held by default");
        let kept = &doubtful.frozen.as_ref().unwrap().values;
        assert!(kept["greeting"].is_string() && kept.get("cells").is_none());
        assert_eq!(
            post.refused(HandAct::Cancel, "welcome"),
            "it may have been sent: `sheetbridge outbox resolve KEY --dead` gives it up"
        );
        let settled = post.done(act, "welcome");
        assert_eq!(settled.state, state);
        let second = post.refused(HandAct::Delivered, "welcome");
        assert_eq!(
            second,
            format!("Hà Phạm has answered that already: it is {state}")
        );
        post.send().await;
        let mails = post.smtp.messages();
        if act.from_states().contains(&State::InDoubt) && state == State::Queued {
            assert_eq!(
                mails.len(),
                2,
                "what may have been sent goes to the letter again"
            );
            assert_eq!(mails[0].view().message_id, mails[1].view().message_id);
            assert_eq!(post.message("welcome").frozen, doubtful.frozen);
        } else {
            assert_eq!(mails.len(), 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn managers_are_asked_about_a_doubt_and_the_first_answer_counts() {
    let mut post = Post::with_an("in_doubt = \"ask\"\n", "").await;
    post.smtp.fault(Fault::keep_and_drop());
    post.send().await;
    assert_eq!(post.message("welcome").state, State::InDoubt);
    // The question is decided when the answer failed to come, a moment after the pass began.
    post.company.wait(1);
    post.send().await;
    let asked = |post: &Post, chat: i64| {
        let said = post.bot.messages(chat);
        let found = said
            .into_iter()
            .filter(|m| m.text.contains("chưa rõ đã tới hay chưa"));
        found.collect::<Vec<_>>()
    };
    for chat in [100_009, 100_010] {
        let questions = asked(&post, chat);
        assert_eq!(
            questions.len(),
            1,
            "each manager once: {:?}",
            post.messages()
        );
        let text = &questions[0].text;
        assert!(
            text.contains("Nguyễn Văn An")
                && text.contains("a…@example.com")
                && !text.contains("an@example.com"),
            "{text}"
        );
        let labels: Vec<&str> = questions[0]
            .buttons
            .iter()
            .flatten()
            .map(|b| b.text.as_str())
            .collect();
        assert_eq!(
            labels[..3],
            ["✅ Đã tới", "🔁 Gửi lại", "🗑 Bỏ, không gửi nữa"]
        );
    }
    // It survives a restart: nothing but the disk is left.
    post.reopen().await;
    let desk = post.desk();
    let staff = Who::Colleague {
        name: "Lan Anh".into(),
        role: Role::Staff,
    };
    let arrived = post.button("Hà Phạm", "Đã tới");
    let refused = desk.press(&arrived, &staff, post.company.now).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::NotAllowed);
    desk.press(&arrived, &manager(), post.company.now).unwrap();
    let settled = post.message("welcome");
    assert_eq!(settled.state, State::Delivered);
    assert_eq!(settled.hands[0].by, "Hà Phạm");
    // The other manager was a moment later: what they pressed does not count, and they see why.
    let again = post.button("Bùi Sếp", "Gửi lại");
    let late = desk
        .press(&again, &named("Bùi Sếp"), post.company.now)
        .unwrap_err();
    assert_eq!(late.kind, ErrorKind::TooLate);
    assert_eq!(late.text, "Hà Phạm has answered already: it has arrived");
    assert_eq!(
        late.shown(sheetbridge::config::Language::Vi),
        "Hà Phạm đã trả lời rồi: thư đã tới."
    );
    assert_eq!(post.message("welcome"), settled);
    // The other chat says so, and has no buttons that act any more.
    post.send().await;
    let other = &asked(&post, 100_010)[0];
    assert!(
        other.text.ends_with("✔️ Hà Phạm đã trả lời: thư đã tới"),
        "{}",
        other.text
    );
    assert!(
        other
            .buttons
            .iter()
            .flatten()
            .all(|button| !button.text.contains("Gửi lại")),
        "{:?}",
        other.buttons
    );
    assert_eq!(post.smtp.messages().len(), 1);
    let answered = post.refused(HandAct::Again, "welcome");
    assert_eq!(
        answered,
        "Hà Phạm has answered that already: it is delivered"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_by_the_command_line_is_written_into_every_chat() {
    let mut post = Post::with_an("in_doubt = \"ask\"\n", "").await;
    post.smtp.fault(Fault::keep_and_drop().next(2));
    for _ in 0..2 {
        post.send().await;
        post.company.wait(1);
    }
    let id = post.message("welcome").key.digest();
    let acted = post
        .desk()
        .outbox_act(HandAct::Again, &[id], &Who::CommandLine, post.company.now)
        .unwrap();
    assert_eq!(acted.done[0].state, "queued");
    for _ in 0..2 {
        post.send().await;
        post.company.wait(1);
    }
    // It broke a second time: that is another question, and the answer to the first is none to it.
    assert_eq!(post.message("welcome").doubts(), 2);
    for chat in [100_009, 100_010] {
        let said = post.bot.messages(chat);
        let questions: Vec<_> = said.iter().filter(|m| m.text.contains("chưa rõ")).collect();
        assert_eq!(questions.len(), 2);
        assert!(
            questions[0]
                .text
                .ends_with("✔️ quản trị đã trả lời: gửi lại"),
            "{}",
            questions[0].text
        );
        assert!(
            !questions[1].text.contains("đã trả lời"),
            "{}",
            questions[1].text
        );
    }
    let amendments = post.company.roster.store().keys(prefix::AMEND).count();
    assert_eq!(amendments, 0, "nothing is left to write");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_on_its_way_when_the_process_died_is_asked_about_too() {
    let mut post = Post::with_an("in_doubt = \"ask\"\n", "").await;
    let store = post.company.roster.store().clone();
    let mut message = post.message("welcome");
    let mut group = Group::default();
    ledger::shift(
        &mut group,
        &mut message,
        State::InFlight,
        By::Outbox,
        "",
        None,
    )
    .unwrap();
    store.commit(vec![group]).unwrap();
    drop(store);
    post.reopen().await;
    let ended = post.outbox.recover(post.company.now).unwrap();
    assert_eq!(ended.len(), 1);
    assert_eq!(post.message("welcome").state, State::InDoubt);
    assert!(post.outbox.recover(post.company.now).unwrap().is_empty());
    post.send().await;
    for chat in [100_009, 100_010] {
        let said = post.bot.messages(chat);
        let questions = said
            .iter()
            .filter(|m| m.text.contains("chưa rõ đã tới hay chưa"));
        assert_eq!(questions.count(), 1, "{said:?}");
    }
    // An alert to a colleague is none of that: it goes again by itself.
    assert_eq!(post.message("lead-alert").state, State::Delivered);
}

// ------------------------------------------------------------------------------------------ suppression

/// What changes while others are on their way counts for each that has not left.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_suppressed_while_others_are_on_their_way_gets_nothing() {
    let mut post = Post::open("", "").await;
    let given = [
        "Bảo", "Cúc", "Đạt", "Giang", "Hùng", "Khoa", "Linh", "Mai", "Nga", "Oanh",
    ];
    for (n, given) in given.iter().enumerate() {
        let (name, email) = (format!("Lê {given}"), format!("k{n}@example.com"));
        let phone = format!("'09012345{n:02}");
        let [.., stage, owner] = AN;
        let (name, phone, email) = (("Họ tên", &*name), ("SĐT", &*phone), ("Email", &*email));
        post.company
            .add_customer(&[name, phone, email, stage, owner]);
        post.company.poll_and_settle().await; // several at once would be an import
    }
    let now = post.company.now;
    let mut waited: Option<Vec<Message>> = None;
    let go_on = |_: &[Ended]| {
        waited.get_or_insert_with(|| {
            let waits =
                |message: &Message| message.rule == "welcome" && message.state == State::Queued;
            let waiting: Vec<Message> = post.messages().into_iter().filter(waits).collect();
            for message in &waiting {
                let record = post
                    .company
                    .roster
                    .store()
                    .record(message.record.as_ref().unwrap());
                let email = record.unwrap().unwrap().seen["email"].shown().into_owned();
                let desk = post.desk();
                desk.suppress(&email, true, None, &Who::CommandLine, now)
                    .unwrap();
            }
            waiting
        });
        true
    };
    let never = std::future::pending();
    let clock = move || now;
    let ended = post.outbox.pass_until(Channel::Email, never, clock, go_on);
    ended.await.unwrap();
    let waited = waited.unwrap();
    assert!(waited.len() > 4, "{}", waited.len());
    for message in post.messages() {
        if message.rule == "welcome" {
            let stopped = waited.iter().any(|one| one.key == message.key);
            let expect = [State::Delivered, State::Cancelled][usize::from(stopped)];
            assert_eq!(message.state, expect, "{message:?}");
        }
    }
    assert_eq!(post.smtp.messages().len(), 10 - waited.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_suppressed_and_freed_by_hand() {
    let mut post = Post::with_an("", "").await;
    let (desk, now) = (post.desk(), post.company.now);
    let cli = Who::CommandLine;
    let line = desk
        .suppress(
            "An@Example.com",
            true,
            Some("asked on the phone"),
            &cli,
            now,
        )
        .unwrap();
    assert_eq!(
        (line.address.as_str(), line.of.as_str()),
        ("a…@example.com", "everything")
    );
    assert_eq!(line.why, "the command line: asked on the phone");
    let twice = desk
        .suppress("an@example.com", false, None, &manager(), now)
        .unwrap();
    assert_eq!(twice, line, "it is so already, and the first proof stays");
    post.send().await;
    let stopped = post.message("welcome");
    assert_eq!(stopped.state, State::Cancelled);
    assert!(
        stopped.why.contains("suppressed by the command line on")
            && stopped.why.ends_with("asked on the phone"),
        "{}",
        stopped.why
    );
    assert_eq!(
        desk.suppressions(None, &cli).unwrap(),
        std::slice::from_ref(&line)
    );
    assert_eq!(
        desk.suppressions(Some("an@example.com"), &cli).unwrap(),
        std::slice::from_ref(&line)
    );
    assert_eq!(
        desk.unsuppress(&line.id, &cli, now).unwrap(),
        line,
        "by its id"
    );
    assert!(desk.suppressions(None, &cli).unwrap().is_empty());
    post.done(HandAct::Retry, "welcome");
    post.send().await;
    assert_eq!(post.message("welcome").state, State::Delivered);
    // What the customer said in the sheet is lifted in the sheet.
    post.company.type_into(4, "Không nhận tin", "x");
    post.company.poll().await;
    let kept = desk.unsuppress("0901 234 567", &cli, now).unwrap_err();
    assert_eq!(
        kept.text,
        "the customer said so in the sheet (“Khách hàng”, row 4): untick that cell, and the opt-out is lifted at the next poll"
    );
    for (text, said) in [
        (
            "nobody@example.com",
            "nothing is suppressed for \"nobody@example.com\"",
        ),
        ("An", "\"An\" is no e-mail address and no phone number"),
    ] {
        let error = desk.unsuppress(text, &cli, now).unwrap_err();
        assert!(error.text.contains(said), "{error}");
    }
}

// ------------------------------------------------------------------------------------------ trial

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_says_what_it_kept_and_its_end_is_decided_by_hand() {
    const TRIAL: &str = "[trial]\nredirect_all_to = \"thu@queenland.example\"\n";
    let mut post = Post::with_an("", TRIAL).await;
    post.company.add_customer(&[
        ("Họ tên", "Phạm Thị Dung"),
        ("Email", "dung@example.com"),
        ("Giai đoạn", "Khách hàng tiềm năng"),
    ]);
    post.company.poll_and_settle().await;
    post.send().await;
    assert!(
        post.smtp
            .messages()
            .iter()
            .all(|mail| mail.to == ["thu@queenland.example"])
    );
    let cli = Who::CommandLine;
    let report = post
        .desk()
        .trial_report(None, &cli, post.company.now)
        .unwrap();
    assert!(report.on);
    assert_eq!((report.messages.len(), report.open), (2, 2));
    let reached: Vec<_> = report
        .messages
        .iter()
        .map(|line| line.would_reach.as_deref())
        .collect();
    assert!(reached.contains(&Some("a…@example.com")), "{reached:?}");
    let trial = post
        .list(&OutboxFilter {
            trial: true,
            rule: Some("welcome".into()),
            ..OutboxFilter::default()
        })
        .unwrap();
    assert_eq!(trial.len(), 2);
    let on = post
        .desk()
        .end_trial(TrialEnd::TakeOver, None, &cli, post.company.now)
        .unwrap_err();
    assert!(
        on.text.starts_with(
            "the trial is still on: remove [trial] from the configuration and reload it"
        ),
        "{on}"
    );

    // It is over: what it kept is open, and the status says so.
    let path = post.company.dir.path().join("sheetbridge.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace(TRIAL, "");
    std::fs::write(&path, text).unwrap();
    post.reopen().await;
    let desk = post.desk();
    let status = desk.status(&cli, post.company.now).unwrap();
    assert_eq!(status.trial_open, 2);
    assert!(
        status.next.iter().any(
            |mend| mend.shown(sheetbridge::config::Language::En).starts_with(
                "The trial is over, and 2 messages that it kept from customers are still open"
            )
        ),
        "{:?}",
        status.next
    );
    let redirected = post
        .messages()
        .into_iter()
        .find(|m| m.trial && m.rule == "welcome")
        .unwrap();
    assert_eq!(redirected.state, State::Delivered, "to the trial's mailbox");
    // Dung's row is gone by now: nothing is wanted there.
    post.company
        .edit(sheetbridge::sandbox::google::Edit::DeleteRows {
            tab: support::CUSTOMERS.into(),
            from: 5,
            count: 1,
        });
    post.company.poll().await;
    post.company.wait(11 * 60);
    post.company.poll().await;
    let taken = desk
        .end_trial(TrialEnd::TakeOver, Some("welcome"), &cli, post.company.now)
        .unwrap();
    assert_eq!((taken.taken_over, taken.dropped, taken.over), (1, 0, 1));
    post.send().await;
    let to_an = post
        .smtp
        .messages()
        .iter()
        .filter(|mail| mail.to == ["an@example.com"])
        .count();
    assert_eq!(to_an, 1);
    assert_eq!(desk.status(&cli, post.company.now).unwrap().trial_open, 0);
    let twice = desk
        .end_trial(TrialEnd::TakeOver, None, &cli, post.company.now)
        .unwrap();
    assert_eq!((twice.taken_over, twice.over), (0, 0), "once");
    post.send().await;
    assert_eq!(post.smtp.messages().len(), 3);
}

// ------------------------------------------------------------------------------------------ retention

#[tokio::test(flavor = "multi_thread")]
async fn stories_are_kept_for_400_days_and_keys_for_ever() {
    let mut post = Post::with_an("", "").await;
    post.send().await;
    let keep = post.company.roster.config().keep_messages.duration();
    assert_eq!(keep, SignedDuration::from_hours(400 * 24), "by default");
    let store = post.company.roster.store().clone();
    let sent = post.message("welcome");
    let before = |days: i64, post: &Post| {
        let later = SignedDuration::from_hours(24 * days);
        let now = post.company.now.saturating_add(later).unwrap();
        now.saturating_sub(keep).unwrap()
    };
    assert_eq!(
        ledger::forget_before(&store, before(399, &post)).unwrap(),
        0
    );
    assert!(ledger::forget_before(&store, before(401, &post)).unwrap() >= 2);
    assert!(
        store
            .get::<Message>(&keys::message(&sent.key))
            .unwrap()
            .is_none()
    );
    let error = post
        .desk()
        .outbox_show(sent.key.as_str(), &Who::CommandLine, post.company.now)
        .unwrap_err();
    assert!(
        error
            .text
            .contains("of messages not older than [keep] messages"),
        "{error}"
    );
    assert!(
        !ledger::queue(&store, &mut Group::default(), &sent).unwrap(),
        "it never fires again"
    );
    post.company.wait(1);
    // What is in doubt waits for a person, however long.
    let mut doubtful = Post::with_an("", "").await;
    doubtful.shift("welcome", State::InDoubt, By::Outbox, "connection reset");
    doubtful.company.wait(1);
    let store = doubtful.company.roster.store();
    ledger::forget_before(store, before(5_000, &doubtful)).unwrap();
    assert_eq!(doubtful.message("welcome").state, State::InDoubt);
}

// ------------------------------------------------------------------------------------------ explain

fn rule<'s>(story: &'s Story, id: &str) -> &'s sheetbridge::commands::RuleStory {
    let rules = &story.records[0].rules;
    rules.iter().find(|rule| rule.rule == id).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_customer_is_explained_from_the_first_letter_to_the_last_mail() {
    let mut post = Post::open("", "").await;
    post.company
        .add_customer(&[("Họ tên", "Nguyễn Văn An"), ("NV phụ trách", "Lan Anh")]);
    post.company.poll().await;
    let half = post.story("nguyễn văn an");
    assert!(half.messages.is_empty() && half.coming.is_empty());
    let now = &half.records[0].now;
    assert!(
        now[0].starts_with("the new row has not settled yet: it counts from the first poll after 2026-11-21T09:00:20"),
        "{now:?}"
    );
    post.company.wait(21);
    post.company.poll().await;
    let half = post.story("nguyễn văn an");
    assert_eq!(
        half.records[0].now,
        ["the row is incomplete: phone or email is missing, so nothing fires for it yet"]
    );
    assert_eq!(
        rule(&half, "welcome").why,
        "it looks when the row has settled"
    );

    post.company.type_into(4, "SĐT", "'0901234567");
    post.company.poll_and_settle().await;
    let open = post.story("0901 234 567");
    let welcome = rule(&open, "welcome");
    assert_eq!(welcome.standing, Standing::Open);
    let condition = welcome.condition.as_ref().unwrap();
    assert_eq!(condition.holds, Some(false));
    assert_eq!(
        condition.shown(),
        "its condition is not true: email and stage == 'prospect' (email is empty, stage is empty)"
    );
    assert!(
        welcome.looked[0]
            .said
            .starts_with("its condition is not true"),
        "{welcome:?}"
    );
    assert_eq!(rule(&open, "lead-alert").messages.len(), 1);
    assert_eq!(rule(&open, "idle").standing, Standing::Ready);
    assert_eq!(
        rule(&open, "idle").why,
        "it waits for customers in “Đang tư vấn”; no stage could be read"
    );
    assert_eq!(
        rule(&open, "meeting").why,
        "“Ngày hẹn” is empty, or could not be read"
    );

    // Typed, and not settled yet: the condition is read as it will be.
    post.company.type_into(4, "Email", "an@example.com");
    post.company
        .type_into(4, "Giai đoạn", "Khách hàng tiềm năng");
    post.company.poll().await;
    let typed = post.story("an@example.com");
    let welcome = rule(&typed, "welcome");
    assert!(
        welcome
            .unsettled
            .as_ref()
            .unwrap()
            .starts_with("the change of Email, Giai đoạn has not settled yet"),
        "{welcome:?}"
    );
    assert_eq!(welcome.condition.as_ref().unwrap().holds, Some(true));
    post.company.wait(21);
    post.company.poll().await;
    let queued = post.story("an@example.com");
    assert_eq!(queued.coming.len(), 2, "{:?}", queued.coming);
    assert!(
        queued
            .coming
            .iter()
            .all(|coming| coming.sends && coming.kind == "message")
    );
    post.send().await;
    let sent = post.story("an@example.com");
    let states: Vec<_> = sent
        .messages
        .iter()
        .map(|story| (story.line.rule.as_str(), story.line.state.as_str()))
        .collect();
    assert_eq!(
        states,
        [("lead-alert", "delivered"), ("welcome", "delivered")]
    );
    assert_eq!(sent.name, "Nguyễn Văn An");
    assert_eq!(sent.phones, ["0901 234 567"]);
    assert!(
        sent.consent.contains("nothing shows that they have agreed"),
        "{}",
        sent.consent
    );
    let happened: Vec<&str> = sent.records[0]
        .journal
        .iter()
        .map(|line| line.text.as_str())
        .collect();
    assert!(happened.contains(&"added"), "{happened:?}");
    assert!(
        happened.contains(&"changed: Email, Giai đoạn (stage “Khách hàng tiềm năng”)"),
        "{happened:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_will_come_is_what_the_timers_will_decide() {
    let mut post = Post::open("", "").await;
    post.company.type_into(2, "Ngày hẹn", "2026-11-24");
    post.company.poll_and_settle().await;
    let story = post.story("Trần Bình");
    assert!(story.records[0].baseline);
    assert_eq!(
        rule(&story, "welcome").why,
        "the row was there at the first look, which sends nothing"
    );
    assert_eq!(rule(&story, "idle").standing, Standing::Waits);
    let coming: Vec<(&str, &str)> = story
        .coming
        .iter()
        .map(|coming| (coming.rule.as_str(), coming.what.as_str()))
        .collect();
    assert_eq!(
        coming,
        [
            (
                "meeting",
                "the date 2026-11-24: to Lan Anh, if nothing changes before"
            ),
            ("idle", "reminder 1: to Lan Anh, if nothing changes before"),
        ],
        "{:?}",
        story.coming
    );
    // And so it happens.
    let due: Timestamp = story.coming[0].at.parse().unwrap();
    post.company
        .wait(due.duration_since(post.company.now).as_secs());
    post.send().await;
    let later = post.story("Trần Bình");
    let sent: Vec<&str> = later
        .messages
        .iter()
        .map(|one| one.line.rule.as_str())
        .collect();
    assert_eq!(sent, ["meeting"]);
    assert_eq!(later.messages[0].line.state, "delivered");
    assert_eq!(later.coming[0].rule, "idle");
    // Who has dealt with the customer moves the clock: the old timer means nothing, and is not told of.
    let record: Record = post
        .company
        .roster
        .store()
        .records()
        .map(Result::unwrap)
        .next()
        .unwrap();
    post.desk()
        .touch(record.id.as_str(), &manager(), post.company.now)
        .unwrap();
    let touched = post.story(record.id.as_str());
    let idle: Vec<_> = touched
        .coming
        .iter()
        .filter(|coming| coming.rule == "idle")
        .collect();
    assert_eq!(idle.len(), 1, "{idle:?}");
    assert!(idle[0].at > later.coming[0].at);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_people_are_listed_and_what_refuses_is_said() {
    let mut post = Post::with_an("", "").await;
    // Husband and wife share a number: two people.
    let couple = post.explained("0912345678").unwrap();
    assert!(couple.story.is_none());
    let names: Vec<&str> = couple
        .choices
        .iter()
        .map(|choice| choice.name.as_str())
        .collect();
    assert_eq!((couple.people, names.len()), (2, 2));
    assert!(names.contains(&"Trần Bình") && names.contains(&"Lê Thị Chi"));
    assert!(couple.choices[0].place.contains("“Khách hàng”, row "));
    let chosen = post.story(&couple.choices[0].record);
    assert_eq!(chosen.name, couple.choices[0].name);
    let nobody = post.explained("0999999999").unwrap_err();
    assert_eq!(nobody.kind, ErrorKind::NotFound);
    assert!(
        nobody.text.starts_with(
            "nobody has the phone, e-mail, name or record id \"0999999999\": `sheetbridge records`"
        ),
        "{nobody}"
    );
    post.company.type_into(4, "Không nhận tin", "x");
    post.company.poll().await;
    post.desk()
        .pause("welcome", &manager(), post.company.now)
        .unwrap();
    let an = post.story("Nguyễn Văn An");
    assert_eq!(
        an.refusals.len(),
        2,
        "address and number: {:?}",
        an.refusals
    );
    assert!(
        an.refusals
            .iter()
            .all(|text| text.starts_with("no advertising goes to ")
                && text.ends_with("(the opt-out cell in the sheet)")),
        "{:?}",
        an.refusals
    );
    assert_eq!(an.general, ["paused: the rule welcome, by Hà Phạm"]);
    let waits = an
        .coming
        .iter()
        .find(|coming| coming.rule == "welcome")
        .unwrap();
    assert!(
        waits.what.contains("paused: the rule welcome, by Hà Phạm"),
        "{waits:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_skipped_or_unclear_is_said() {
    let mut post = Post::with_an("", "").await;
    // Another row with the same address: one mail, and the story says why there is no other.
    post.company.add_customer(&[
        ("Họ tên", "Lê Văn Ba"),
        ("SĐT", "'0987654321"),
        ("Email", "an@example.com"),
        ("Giai đoạn", "Khách hàng tiềm năng"),
    ]);
    post.company.poll_and_settle().await;
    let ba = post.story("lê văn ba");
    let looked: Vec<&str> = rule(&ba, "welcome")
        .looked
        .iter()
        .map(|one| one.said.as_str())
        .collect();
    assert_eq!(
        looked,
        [
            "nothing is sent: the same mail goes to this person for another row",
            "fired: added"
        ],
    );
    assert!(ba.messages.iter().all(|one| one.line.rule != "welcome"));
    // An identical row: nobody can tell which is whose.
    post.company.add_customer(&AN);
    post.company.poll_and_settle().await;
    let an = post.story("nguyễn văn an");
    let now = &an.records[0].now;
    assert!(
        now.iter()
            .any(|text| text.contains("it is unclear whose row this is: nothing fires for it")),
        "{now:?}"
    );
    // A header is gone: the workbook is held, and that is said of everybody in it.
    post.company.type_into(1, "Họ tên", "Ai đó");
    post.company.poll().await;
    post.company.wait(60);
    post.company.poll().await;
    let held = post.story("Trần Bình");
    assert!(
        held.general[0].starts_with("the workbook “Khách nhỏ” is held since 2026-11-21T")
            && held.general[0].contains(
                "what changed in it since does not count until a manager has answered h-"
            ),
        "{:?}",
        held.general
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_column_is_in_no_story() {
    const PRIVATE: &str = "[columns.custom]\ncommission = { header = \"Ngày tiếp nhận\", type = \"text\", private = true }\n";
    let mut post = Post::open("", "").await;
    let path = post.company.dir.path().join("sheetbridge.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("received = \"Ngày tiếp nhận\"\n", "").replace(
        "[[stage]]\nid = \"prospect\"",
        &format!("{PRIVATE}[[stage]]\nid = \"prospect\""),
    );
    std::fs::write(&path, text).unwrap();
    post.reopen().await;
    post.company.poll().await;
    post.company
        .type_into(2, "Ngày tiếp nhận", "987654321 đồng");
    post.company.poll_and_settle().await;
    let story = serde_json::to_string(&post.explained("Trần Bình").unwrap()).unwrap();
    assert!(story.contains("changed: a private column"), "{story}");
    assert!(
        !story.contains("987654321") && !story.contains("commission"),
        "{story}"
    );
}
