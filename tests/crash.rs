//! The real daemon, killed at any moment, again and again: while it polls, decides, sends, reloads another
//! configuration, writes a backup, hears a button or a pause, starts up; with a mail server that hangs up after the final dot, refuses
//! or puts off, and a Bot API with 429, resets, a blocked bot and a group that moves. It is killed as by
//! `kill -9`, so nothing of it can be caught.
//!
//! What is proven against what the servers really received:
//!
//! - nothing is lost, and no customer gets a mail twice: what was in the gap is in doubt, and kept for a person;
//! - nothing is in doubt that was not in flight on disk when it was killed or whose connection was not lost, and
//!   never more at a time than there were connections;
//! - a mail that has arrived is at every moment known as in flight, in doubt or delivered;
//! - a file that has a backup's name is a whole one, holds nothing that the ledger does not know, and restores;
//! - a button that was pressed has its effect, whenever the daemon died; a pause that was answered holds.
//!
//! Several companies are played side by side, each in a folder of its own, because a daemon mostly waits.
//! `SHEETBRIDGE_KILLS=N` kills N times instead of eight, `SHEETBRIDGE_SOAK` chooses the number as `tests/run`
//! says, and `SHEETBRIDGE_SEED` chooses other moments. A failure prints its seed, which with one company is
//! played again by `SHEETBRIDGE_SEED=… SHEETBRIDGE_KILLS=8`: the same moments and faults, if not the same microseconds.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod black_box;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use black_box::leads::{self, CONNECTIONS, Moments, Office, Received, judge, number_from, story};
use black_box::{Daemon, Ledger, SOON, STAFF, Site, until};
use jiff::Timestamp;
use rustix::process::Signal;
use sheetbridge::commands::{ButtonAct, CALLBACK, Paused, Request, button_key, pause_key};
use sheetbridge::core::delivery::State;
use sheetbridge::core::message::Message;
use sheetbridge::core::rule::Channel;
use sheetbridge::sandbox::google::{Role, Workbook};
use sheetbridge::sandbox::smtp::{Fault, Stage};
use sheetbridge::sandbox::telegram;
use sheetbridge::store::{Store, backup};

const OFFICE: Office = Office { leads: 24, old: 8 };

/// Kills of one company; more are more companies.
const KILLS: u64 = 8;

/// Companies side by side: they wait more than they work.
const SIDE_BY_SIDE: usize = 6;

/// What the outbox says of a message that was on its way when the daemon died.
const STOPPED: &str = "was stopped while it was on its way";

/// What the daemon is at when it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Aim {
    Poll,
    Decision,
    Send,
    Reload,
    Backup,
    Press,
    Pause,
    Start,
}

impl Aim {
    const ALL: [Self; 11] = [
        Self::Poll,
        Self::Decision,
        Self::Send,
        Self::Send,
        Self::Send,
        Self::Reload,
        Self::Backup,
        Self::Backup,
        Self::Press,
        Self::Pause,
        Self::Start,
    ];
}

#[tokio::test(flavor = "multi_thread", worker_threads = 16)]
async fn killed_at_any_moment_it_loses_nothing_and_repeats_nothing() {
    let rounds = number_from("SHEETBRIDGE_SOAK");
    let kills = match (number_from("SHEETBRIDGE_KILLS"), rounds) {
        (Some(kills), _) => kills,
        (None, Some(rounds)) if rounds > 10 => 8 * rounds,
        (None, rounds) => rounds.unwrap_or(KILLS),
    };
    let seed = number_from("SHEETBRIDGE_SEED").unwrap_or(20_261_121);
    let mut playing = tokio::task::JoinSet::new();
    let (mut ended, mut failed) = (Ended::default(), Vec::new());
    let mut take = |one: Option<Result<Ended, tokio::task::JoinError>>| match one {
        Some(Ok(one)) => ended.add(one),
        Some(Err(error)) => failed.push(error.to_string()),
        None => {}
    };
    for number in 0..kills.div_ceil(KILLS) {
        if playing.len() >= SIDE_BY_SIDE {
            take(playing.join_next().await);
        }
        playing.spawn(async move { Company::open(seed + number).await.play().await });
    }
    while let Some(one) = playing.join_next().await {
        take(Some(one));
    }
    println!("{ended:?}");
    assert!(
        failed.is_empty(),
        "{} companies failed: {failed:?}",
        failed.len()
    );
    if ended.kills >= 100 {
        // A test that never falls into the gap proves nothing.
        assert!(ended.flying > 0 && ended.in_doubt > 0 && ended.aims.len() == Aim::ALL.len() - 3);
        assert!(ended.backups > 0, "no backup was whole");
    }
}

/// What was seen, so that a test which proves nothing shows.
#[derive(Debug, Default)]
struct Ended {
    kills: usize,
    aims: BTreeMap<Aim, usize>,
    /// Kills at which something was in flight.
    flying: usize,
    in_doubt: usize,
    /// Mails in doubt that had not come: what only a person can settle.
    never_came: usize,
    presses: usize,
    /// Backups that were whole, and asked for and none.
    backups: usize,
    no_backups: usize,
}

impl Ended {
    fn add(&mut self, other: Self) {
        self.kills += other.kills;
        for (aim, times) in other.aims {
            *self.aims.entry(aim).or_default() += times;
        }
        self.flying += other.flying;
        self.in_doubt += other.in_doubt;
        self.never_came += other.never_came;
        self.presses += other.presses;
        self.backups += other.backups;
        self.no_backups += other.no_backups;
    }
}

/// One company, whose daemon dies eight times.
struct Company {
    seed: u64,
    moments: Moments,
    site: Site,
    /// The chat of the salesperson who is reached in a group.
    group: i64,
    ended: Ended,
    /// How often each message was in flight on disk when the daemon died.
    flew: BTreeMap<String, usize>,
    /// Buttons that somebody pressed, as the chat sends them back, with the press.
    pressed: BTreeMap<String, String>,
    /// Who did.
    pressing: BTreeSet<i64>,
    blocked: BTreeSet<i64>,
    /// Whether the group got another id.
    moved: bool,
    paused: bool,
    /// The command that asks for a backup, and the file it is to be in.
    backing_up: Option<(Child, PathBuf)>,
    /// Backups that are whole.
    backups: Vec<PathBuf>,
}

impl Company {
    async fn open(seed: u64) -> Self {
        let site = OFFICE.open().await;
        let group = site
            .bot
            .create_group("Nhóm Quốc Bảo", &[STAFF[3].0])
            .unwrap();
        site.bot.add_bot(group, STAFF[3].0, None).unwrap();
        site.reconfigure(
            &format!("telegram = {}\n", STAFF[3].0),
            &format!("telegram = {group}\n"),
        );
        let company = Self {
            seed,
            moments: Moments(seed),
            site,
            group,
            ended: Ended::default(),
            flew: BTreeMap::new(),
            pressed: BTreeMap::new(),
            pressing: BTreeSet::new(),
            blocked: BTreeSet::new(),
            moved: false,
            paused: false,
            backing_up: None,
            backups: Vec::new(),
        };
        company.slowly();
        company
    }

    /// Answers that take a while are what a kill falls into: before and after the server has taken the message.
    fn slowly(&self) {
        let long = Duration::from_millis(100);
        let taken = Fault::delay(Stage::AfterDot, long);
        self.site.smtp.fault(taken.endless());
        let said = telegram::Fault::delay("sendMessage", long).done_first();
        self.site.bot.fault(said.endless());
    }

    async fn play(mut self) -> Ended {
        let mut daemon = self.site.start_and_read().await;
        for kill in 0..KILLS {
            let aim = self.moments.of(&Aim::ALL);
            self.trouble();
            let from = usize::try_from(kill).unwrap() * OFFICE.leads / 8;
            OFFICE.paste(&self.site, from..from + OFFICE.leads / 8);
            Office::deposit(&self.site, usize::try_from(kill).unwrap());
            println!("seed {} kill {kill}: at {aim:?}", self.seed);
            self.ended.kills += 1;
            *self.ended.aims.entry(aim).or_default() += 1;
            self.wait_for(aim, &daemon).await;
            daemon.kill();
            self.look_into_it();
            self.look_at_backups();
            daemon = self.site.start();
            if aim == Aim::Start {
                let soon = self.moments.below(400);
                tokio::time::sleep(Duration::from_millis(soon)).await;
                self.ended.kills += 1;
                daemon.kill();
                self.look_into_it();
                daemon = self.site.start();
            }
            if aim == Aim::Pause {
                self.resume(&daemon).await;
            }
        }
        self.calm(&daemon).await;
        daemon.stop();
        self.compare();
        self.ended
    }

    /// What goes wrong around the next kill.
    fn trouble(&mut self) {
        self.site.smtp.clear_faults();
        self.site.bot.clear_faults();
        match self.moments.below(8) {
            0 => self.site.smtp.fault(Fault::keep_and_drop()),
            1 => self.site.smtp.fault(Fault::drop_in_body(200)),
            2 => self
                .site
                .smtp
                .fault(Fault::reply(Stage::Rcpt, 451, "4.7.1 Greylisted")),
            3 => self
                .site
                .smtp
                .fault(Fault::reply(Stage::AfterDot, 452, "4.3.1 Full")),
            4 => self.site.smtp.fault(Fault::drop(Stage::Connect)),
            _ => {}
        }
        match self.moments.below(8) {
            0 => self
                .site
                .bot
                .fault(telegram::Fault::too_many("sendMessage", 1).next(2)),
            1 => self
                .site
                .bot
                .fault(telegram::Fault::reset("sendMessage").done_first()),
            2 => self.site.bot.fault(telegram::Fault::reset("sendMessage")),
            3 => self
                .site
                .bot
                .fault(telegram::Fault::garbage("sendMessage", 502)),
            // Who blocked the bot is no colleague of its any more, and presses nothing.
            4 => {
                let chat = STAFF[self.moments.up_to(2)].0;
                if !self.pressing.contains(&chat) {
                    self.blocked.insert(chat);
                    self.site.bot.block(chat).unwrap();
                }
            }
            5 if !self.moved => {
                self.moved = true;
                self.site.bot.migrate(self.group).unwrap();
            }
            _ => {}
        }
        self.slowly();
    }

    /// Lets the daemon come to what it is to be killed at, and a random while further.
    async fn wait_for(&mut self, aim: Aim, daemon: &Daemon) {
        let mut random = |below: u64| Duration::from_millis(self.moments.below(below));
        match aim {
            Aim::Poll => {
                let before = self.site.google.request_count("batchGet");
                let begun = Instant::now();
                while self.site.google.request_count("batchGet") == before && begun.elapsed() < SOON
                {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                tokio::time::sleep(random(60)).await;
            }
            Aim::Decision => tokio::time::sleep(random(2_600)).await,
            Aim::Send | Aim::Start => {
                let few = 1 + self.moments.below(6);
                let events = || self.site.smtp.revision() + self.site.bot.revision();
                let (before, begun) = (events(), Instant::now());
                while events() < before + few && begun.elapsed() < Duration::from_secs(3) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                let more = Duration::from_millis(self.moments.below(120));
                tokio::time::sleep(more).await;
            }
            Aim::Reload => {
                let (now, then) = match self.site.config_text().contains("messages = 500") {
                    true => ("messages = 500", "messages = 400"),
                    false => ("messages = 400", "messages = 500"),
                };
                self.site.reconfigure(now, then);
                tokio::time::sleep(random(1_500)).await;
                daemon.signal(Signal::HUP);
                tokio::time::sleep(random(80)).await;
            }
            Aim::Backup => {
                tokio::time::sleep(random(1_000)).await;
                let number = self.backups.len() + self.ended.no_backups;
                let file = self.site.dir.path().join(format!("{number}.backup"));
                let command = Command::new(env!("CARGO_BIN_EXE_sheetbridge"))
                    .arg("--config")
                    .arg(self.site.config_path())
                    .arg("backup")
                    .arg(&file)
                    .env_clear()
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .unwrap();
                let within = self.moments.below(120);
                tokio::time::sleep(Duration::from_millis(within)).await;
                self.backing_up = Some((command, file));
            }
            Aim::Press => {
                tokio::time::sleep(random(500)).await;
                let begun = Instant::now();
                while !self.press() && begun.elapsed() < Duration::from_secs(3) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                let more = Duration::from_millis(self.moments.below(40));
                tokio::time::sleep(more).await;
            }
            Aim::Pause => {
                tokio::time::sleep(random(1_500)).await;
                let what = "all".to_owned();
                let within = random(60);
                let pause = Request::Pause { what };
                let answered = tokio::time::timeout(within, daemon.ask(&pause)).await;
                self.paused = matches!(answered, Ok(Some(_)));
            }
        }
    }

    /// Whether it was paused or not: the answer to the pause may have been cut off.
    async fn resume(&mut self, daemon: &Daemon) {
        let begun = Instant::now();
        let resume = Request::Resume { what: "all".into() };
        while daemon.ask(&resume).await.is_none() {
            assert!(
                begun.elapsed() < SOON,
                "it does not answer:\n{}",
                daemon.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.paused = false;
    }

    /// Somebody presses the last button that acts under the newest alert that nobody has pressed.
    fn press(&mut self) -> bool {
        for (chat, _) in STAFF[..3]
            .iter()
            .filter(|(chat, _)| !self.blocked.contains(chat))
        {
            let told = self.site.told(*chat);
            let alerts = told
                .iter()
                .filter(|message| message.text.starts_with(leads::ALERT));
            for message in alerts.rev() {
                let acts = message.buttons.iter().flatten();
                let button = acts
                    .filter_map(|button| match &button.act {
                        telegram::ButtonAct::CallbackData(data) => Some(data),
                        _ => None,
                    })
                    .next_back();
                if let Some(data) = button.filter(|data| !self.pressed.contains_key(data.as_str()))
                    && let Ok(press) = self.site.bot.press(*chat, *chat, message.id, data)
                {
                    self.pressed.insert(data.clone(), press);
                    self.pressing.insert(*chat);
                    self.ended.presses += 1;
                    return true;
                }
            }
        }
        false
    }

    /// A copy of what the killed one left, so that the next one finds it as it was.
    fn look_into_it(&mut self) {
        let copy = tempfile::tempdir().unwrap();
        black_box::copy_all(&self.site.state_dir(), copy.path());
        let store = Store::open(copy.path()).unwrap();
        let ledger = Ledger::of(&store);
        self.ended.flying += usize::from(ledger.flying > 0);
        for channel in [Channel::Email, Channel::Telegram] {
            let flying =
                |message: &&Message| message.state == State::InFlight && message.channel == channel;
            let flying: Vec<&Message> = ledger.messages.iter().filter(flying).collect();
            assert!(
                flying.len() <= CONNECTIONS,
                "seed {}: {flying:#?}",
                self.seed
            );
            for message in flying {
                *self
                    .flew
                    .entry(message.key.as_str().to_owned())
                    .or_default() += 1;
            }
        }
        // What has arrived is never taken for unsent.
        let received = Received::by(&self.site);
        for message in &ledger.messages {
            let digest = message.key.digest();
            let came = received
                .mails
                .keys()
                .any(|(id, _)| id.starts_with(&*digest));
            let known = matches!(
                message.state,
                State::InFlight | State::InDoubt | State::Delivered
            );
            assert!(
                !came || known,
                "seed {}: {} has arrived, and is {}",
                self.seed,
                message.key,
                story(message)
            );
        }
        if self.paused {
            let paused = store.get::<Paused>(&pause_key("all")).unwrap();
            assert!(
                paused.is_some(),
                "seed {}: the pause was answered and is gone",
                self.seed
            );
        }
    }

    /// What has the name of a backup is a whole one, also those that the command line has not taken yet.
    fn look_at_backups(&mut self) {
        let asked_in = backup::folder(&self.site.state_dir());
        let mut named: Vec<PathBuf> = std::fs::read_dir(asked_in)
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .filter(|path| !path.to_string_lossy().ends_with(".part"))
            .collect();
        if let Some((mut command, file)) = self.backing_up.take() {
            // Sometimes it goes as well, in the middle of copying.
            if self.moments.below(2) == 0 {
                command.kill().unwrap();
            }
            let well = command.wait().unwrap().success();
            assert!(
                !well || file.exists(),
                "seed {}: no backup, and it said so",
                self.seed
            );
            self.ended.no_backups += usize::from(!file.exists());
            if file.exists() {
                self.ended.backups += 1;
                self.backups.push(file.clone());
                named.push(file);
            }
        }
        for path in named {
            if let Err(error) = backup::check(&path) {
                panic!(
                    "seed {}: {} is taken for a backup: {error}",
                    self.seed,
                    path.display()
                );
            }
        }
    }

    /// Every backup becomes a store again, with nothing in it that the ledger does not know.
    fn restore_all(&self, ledger: &Ledger) -> Vec<String> {
        let mut broken = Vec::new();
        let known = ledger.by_key();
        for file in &self.backups {
            let dir = tempfile::tempdir().unwrap();
            let now = (false, Timestamp::UNIX_EPOCH);
            backup::restore(file, dir.path(), now, |_, _| Ok(())).unwrap();
            let then = Ledger::of(&Store::open(dir.path()).unwrap());
            for message in &then.messages {
                let Some(now) = known.get(message.key.as_str()) else {
                    broken.push(format!("{} was in a backup and is gone", message.key));
                    continue;
                };
                if now.attempts.len() < message.attempts.len() {
                    broken.push(format!("{} had more attempts in a backup", message.key));
                }
            }
        }
        broken
    }

    /// All troubles over, until nothing is left to do but what a mail server put off.
    async fn calm(&mut self, daemon: &Daemon) {
        self.site.smtp.clear_faults();
        self.site.bot.clear_faults();
        for (chat, _) in &STAFF[..3] {
            self.site.bot.unblock(*chat).unwrap();
        }
        let begun = Instant::now();
        loop {
            daemon.read_again(1).await;
            if daemon
                .ask(&Request::Resume { what: "all".into() })
                .await
                .is_none()
            {
                continue;
            }
            let lines = daemon.outbox().await;
            let done = |line: &serde_json::Value| {
                line["state"] != "in_flight"
                    && (line["state"] != "queued"
                        || line["channel"] == "email" && line["attempts"].as_u64() > Some(0))
            };
            let expected = lines.iter().filter(|line| {
                let key = line["key"].as_str().unwrap_or_default();
                !key.contains("/notice-") && !key.starts_with("trouble/")
            });
            if expected.count() >= OFFICE.messages() && lines.iter().all(done) {
                return;
            }
            assert!(
                begun.elapsed() < 2 * SOON,
                "seed {}: not all was decided: {lines:#?}\n{}",
                self.seed,
                daemon.log()
            );
        }
    }

    /// What the servers received against what the ledger says.
    fn compare(&mut self) {
        let store = Store::open(&self.site.state_dir()).unwrap();
        let ledger = Ledger::of(&store);
        let verdict = judge(OFFICE, &ledger, &Received::by(&self.site), false);
        let mut broken = verdict.broken;
        self.ended.never_came = verdict.never_came;
        self.ended.in_doubt = verdict.doubts.values().sum();
        for message in &ledger.messages {
            let stopped = |attempt: &&sheetbridge::core::delivery::Attempt| {
                attempt.ended == State::InDoubt && attempt.said.contains(STOPPED)
            };
            let stopped = message.attempts.iter().filter(stopped).count();
            let flew = self.flew.get(message.key.as_str()).copied().unwrap_or(0);
            if stopped > flew || flew > 0 && stopped == 0 {
                broken.push(format!(
                    "{} was in flight at {flew} kills: {}",
                    message.key,
                    story(message)
                ));
            }
        }
        for (data, press) in &self.pressed {
            let id = data.trim_start_matches(CALLBACK);
            let act = store.get::<ButtonAct>(&button_key(id)).unwrap();
            if act.as_ref().is_none_or(|act| act.done.is_none()) {
                let answer = self.site.bot.answer(press);
                broken.push(format!(
                    "a button was pressed for nothing: {act:?}, {answer:?}"
                ));
            }
        }
        broken.extend(self.restore_all(&ledger));
        assert!(broken.is_empty(), "seed {}: {broken:#?}", self.seed);
    }
}

/// The tabs of the sample workbooks.
const TABS: &str = r#"[[workbook.tab]]
name = "Khách hàng"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn killed_during_the_first_look_it_looks_again_and_sends_nothing() {
    let text = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/workbooks/crm-1500-messy.json"
    ))
    .unwrap();
    let mut workbook = Workbook::from_json(&text).unwrap();
    workbook.share.insert("*".into(), Role::Reader);
    let more = "[[rule]]\nid = \"late\"\non = { idle = \"consulting\", after = \"30d\" }\nsend = { channel = \"telegram\", to = \"managers\", template = \"idle\" }\n";
    let mut site = Site::with(workbook, TABS, &format!("{}{more}", leads::RULES)).await;
    let mut moments = Moments(number_from("SHEETBRIDGE_SEED").unwrap_or(1_500));
    let kills = number_from("SHEETBRIDGE_SOAK").map_or(3, |rounds| rounds.min(25));
    // How long it takes from the question to the end of the first look, on this machine, now.
    let first_look = async |site: &mut Site| {
        let before = site.google.request_count("batchGet");
        let daemon = site.start();
        until("the first look begins", || {
            site.google.request_count("batchGet") > before
        })
        .await;
        (daemon, Instant::now())
    };
    let (daemon, begun) = first_look(&mut site).await;
    daemon.read_again(1).await;
    let takes = begun.elapsed();
    daemon.kill();
    let whole = site.ledger().records.len();
    std::fs::remove_dir_all(site.state_dir()).unwrap();
    let mut cut_off = 0;
    for kill in 0..kills {
        // Later and later into reading, matching, the plan and its application.
        let (daemon, _) = first_look(&mut site).await;
        let share = 0.2
            + 0.7 * (f64::from(u32::try_from(kill).unwrap()) / 3.0).fract()
            + 0.002 * f64::from(u32::try_from(moments.below(100)).unwrap());
        tokio::time::sleep(takes.mul_f64(share)).await;
        daemon.kill();
        let records = site.ledger().records.len();
        println!("killed after {share:.2} of {takes:?}: {records} records");
        assert!(
            records == 0 || records == whole,
            "a baseline is there or it is not: {records} of {whole}"
        );
        cut_off += usize::from(records == 0);
    }
    let daemon = site.start_and_read().await;
    daemon.read_again(2).await;
    let status = daemon.nothing_left().await;
    daemon.stop();
    let ledger = site.ledger();
    println!(
        "{} records, {cut_off} looks were cut off whole",
        ledger.records.len()
    );
    assert_eq!(ledger.records.len(), whole, "{status:#}");
    assert!(
        ledger.records.iter().all(|record| record.settled.is_some()),
        "a baseline is settled"
    );
    assert!(ledger.messages.is_empty(), "{:?}", ledger.lines());
    assert_eq!(site.smtp.messages().len(), 0);
    assert!(STAFF.iter().all(|(chat, _)| site.told(*chat).is_empty()));
}
