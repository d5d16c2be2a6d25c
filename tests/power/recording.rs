//! A day of the office, recorded: what the daemon did, and what the servers had of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sheetbridge::sandbox::google::{Role, Workbook};
use sheetbridge::sandbox::smtp::{Fault, Stage};
use sheetbridge::sandbox::telegram;

use super::disk::{Cut, Disk};
use super::life::{Life, Text};
use super::record::{self, Act};
use crate::black_box::leads::{self, Moments, Office, Received, judge};
use crate::black_box::{Daemon, SOON, STAFF, Site, until};

pub(crate) const OFFICE: Office = Office { leads: 12, old: 4 };

/// Rows of the crowd: so many that the poll is more than one commit, and its pieces more than sled keeps in its log.
pub(crate) const CROWD: usize = 350;

/// What one daemon did until it ended, and what the servers had of it.
pub(crate) struct Recording {
    pub(crate) seed: u64,
    pub(crate) acts: Vec<Act>,
    pub(crate) life: Life,
    pub(crate) workbook: Workbook,
    pub(crate) received: Received,
    /// Holds the record; kept when something fails.
    pub(crate) dir: PathBuf,
}

/// A day of the office, quickly: new customers, deposits, a crowd pasted at once, a reload, a press, a kill, and a
/// server that hangs up after the final dot.
pub(crate) async fn record_traffic(seed: u64) -> Recording {
    let mut moments = Moments(seed);
    let dir =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("power-{seed}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let library = compile(&dir);
    let record = dir.join("record");
    let mut site = OFFICE.open().await;
    let slowly = Duration::from_millis(20 + moments.below(40));
    site.smtp
        .fault(Fault::delay(Stage::AfterDot, slowly).endless());
    let answers = telegram::Fault::delay("sendMessage", slowly).done_first();
    site.bot.fault(answers.endless());
    let folder = site.dir.path().to_owned();
    let daemon = |site: &mut Site| {
        site.start_with(|command| {
            command
                .arg("--log-json")
                .env("LD_PRELOAD", &library)
                .env("POWER_STATE", &folder)
                .env("POWER_LOG", &record);
        })
    };
    let first = daemon(&mut site);
    first.read_again(1).await;
    OFFICE.paste(&site, 0..OFFICE.leads / 2);
    until("the first mails", || site.smtp.messages().len() > 2).await;
    press_a_button(&site).await;
    tokio::time::sleep(Duration::from_millis(moments.below(1_000))).await;
    first.kill();
    let second = daemon(&mut site);
    second.read_again(1).await;
    OFFICE.crowd(&site, CROWD);
    tokio::time::sleep(Duration::from_millis(moments.below(1_500))).await;
    site.smtp.clear_faults();
    site.smtp.fault(Fault::keep_and_drop());
    site.smtp
        .fault(Fault::delay(Stage::AfterDot, slowly).endless());
    OFFICE.paste(&site, OFFICE.leads / 2..OFFICE.leads);
    for n in 0..OFFICE.old {
        leads::Office::deposit(&site, n);
        tokio::time::sleep(Duration::from_millis(moments.below(700))).await;
        if n == 1 {
            site.reconfigure("after = \"1s\"", "after = \"2s\"");
            second.signal(Signal::HUP);
        }
    }
    settled(&second, OFFICE.messages()).await;
    second.stop();
    std::fs::write(dir.join("seed"), seed.to_string()).unwrap();
    let workbook = site.google.workbook(&site.workbook).unwrap();
    std::fs::write(dir.join("workbook.json"), workbook.to_json()).unwrap();
    let received = Received::by(&site);
    std::fs::write(dir.join("received.json"), received.to_json()).unwrap();
    let recording = Recording::read(dir);
    the_record_is_whole(&recording.acts, &site.state_dir());
    let verdict = judge(OFFICE, &site.ledger(), &received, true);
    assert!(verdict.broken.is_empty(), "without any cut: {verdict:#?}");
    recording
}

pub(crate) fn compile(dir: &Path) -> PathBuf {
    let library = dir.join("record.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/power/record.c");
    let compiled = std::process::Command::new("cc")
        .args([
            "-O1", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror", "-o",
        ])
        .args([library.as_os_str(), source.as_ref()])
        .args(["-ldl", "-lpthread"])
        .output()
        .expect("a C compiler: apt-get install -y gcc libc6-dev");
    assert!(
        compiled.status.success(),
        "{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    library
}

/// Somebody presses the first button under the first alert.
pub(crate) async fn press_a_button(site: &Site) {
    let pressed = || {
        STAFF.iter().find_map(|(chat, _)| {
            let told = site.told(*chat);
            let message = told.iter().find(|message| !message.buttons.is_empty())?;
            let rows = 0..message.buttons.len();
            rows.rev()
                .find_map(|row| site.bot.press_at(*chat, *chat, message.id, row, 0).ok())
        })
    };
    let begun = Instant::now();
    while pressed().is_none() {
        assert!(begun.elapsed() < SOON, "no button came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// By then a change that was seen has settled and was decided about.
const SETTLED: Duration = Duration::from_secs(4);

/// Waits until so many messages are decided and none waits.
pub(crate) async fn settled(daemon: &Daemon, messages: usize) {
    let begun = Instant::now();
    let mut before = None;
    loop {
        daemon.read_again(2).await;
        let status = daemon.nothing_left().await;
        let queue = status["queue"].as_object().unwrap();
        let decided: u64 = queue.values().filter_map(serde_json::Value::as_u64).sum();
        // Notices and floods count as well, so what is settling still may hide behind them.
        if decided >= messages as u64 && before == Some(decided) {
            return;
        }
        before = Some(decided);
        if decided >= messages as u64 {
            tokio::time::sleep(SETTLED).await;
        }
        assert!(
            begun.elapsed() < SOON,
            "not all was decided: {status:#}\n{}",
            daemon.log()
        );
    }
}

/// Built from the record with nothing undone, the folder is what the daemon left: nothing escaped the record.
pub(crate) fn the_record_is_whole(acts: &[Act], state: &Path) {
    let mut disk = Disk::new();
    acts.iter().for_each(|act| disk.apply(act));
    let built = tempfile::tempdir().unwrap();
    disk.leave(Cut::Nothing, &mut Moments(0), built.path());
    assert_eq!(files(&built.path().join("state")), files(state));
}

/// Every file below a folder with a hash of its content.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, (u64, u64)> {
    fn walk(folder: &Path, below: &Path, found: &mut BTreeMap<PathBuf, (u64, u64)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let kind = std::fs::metadata(&path).unwrap();
            if kind.is_dir() {
                walk(&path, below, found);
            } else if kind.is_file() {
                use std::hash::{DefaultHasher, Hasher as _};
                let mut hasher = DefaultHasher::new();
                hasher.write(&std::fs::read(&path).unwrap());
                let name = path.strip_prefix(below).unwrap().to_owned();
                found.insert(name, (kind.len(), hasher.finish()));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, folder, &mut found);
    found
}

impl Recording {
    /// From the folder that it was kept in.
    pub(crate) fn read(dir: PathBuf) -> Self {
        let text = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
        let acts = record::read(&dir.join("record"));
        let life = Life::of(&acts);
        let received = Received::from_json(&text("received.json"));
        let (mails, texts) = (life.mails.len(), life.texts.len());
        println!(
            "{}: {} acts, {mails} mails and {texts} texts left, {} lines of messages",
            dir.display(),
            acts.len(),
            life.said.len()
        );
        let came: usize = received.mails.values().sum();
        assert!(
            mails >= came && texts >= OFFICE.leads + OFFICE.old && life.said.len() >= 2 * mails
        );
        let mut workbook = Workbook::from_json(&text("workbook.json")).unwrap();
        workbook.share.insert("*".into(), Role::Reader);
        Self {
            seed: text("seed").parse().unwrap(),
            acts,
            life,
            workbook,
            received,
            dir,
        }
    }

    /// Message-ID and the moment at which it began to leave, of each mail that a server took. What was refused
    /// was refused first.
    pub(crate) fn accepted_mails(&self) -> impl Iterator<Item = (usize, &String)> {
        self.life.mails.iter().filter_map(|mail| {
            let key = (mail.id.clone(), mail.to.clone());
            let taken = self.received.mails.get(&key).copied().unwrap_or(0);
            let later = self.life.mails.iter().filter(|other| {
                other.id == mail.id && other.to == mail.to && other.began > mail.began
            });
            (later.count() < taken).then_some((mail.began, &mail.id))
        })
    }

    pub(crate) fn accepted_texts(&self) -> Vec<&Text> {
        let texts = self.life.texts.iter();
        texts
            .filter(|text| {
                let Some(about) = about(&text.text) else {
                    return false;
                };
                let there = self.received.chats.get(&text.chat).into_iter().flatten();
                let taken = there.filter(|shown| shown.contains(&about)).count();
                let later = self.life.texts.iter().filter(|other| {
                    other.chat == text.chat
                        && other.began > text.began
                        && other.text.contains(&about)
                });
                later.count() < taken
            })
            .collect()
    }

    /// What the servers had at a moment.
    pub(crate) fn received_before(&self, moment: usize) -> Received {
        let mut received = Received::default();
        let taken: Vec<(usize, &String)> = self.accepted_mails().collect();
        for mail in self.life.mails.iter().filter(|mail| mail.ended < moment) {
            if taken.contains(&(mail.began, &mail.id)) {
                received.mail(mail.id.clone(), mail.to.clone());
            }
        }
        for text in self.accepted_texts() {
            if text.ended < moment {
                received.chat(text.chat, text.text.clone());
            }
        }
        received
    }
}

/// Of whom a text speaks.
pub(crate) fn about(text: &str) -> Option<String> {
    let new = (0..OFFICE.leads).map(leads::name);
    new.chain((0..OFFICE.old).map(leads::old_name))
        .find(|name| text.contains(name))
}
