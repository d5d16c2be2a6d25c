//! The real binary against loopback servers: a company's workbook, its mail server and its bot, which outlive
//! the daemon, so that what they received can be compared with what it believes to have sent.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::missing_panics_doc,
    missing_docs,
    unreachable_pub
)]

pub mod leads;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sheetbridge::commands::{OutboxFilter, Request};
use sheetbridge::control;
use sheetbridge::core::message::Message;
use sheetbridge::core::record::Record;
use sheetbridge::sandbox::google::{
    Cell, CellEdit, Edit, GoogleOptions, GoogleSandbox, Role, Workbook, start,
};
use sheetbridge::sandbox::smtp::{Credentials, Options, SmtpSandbox};
use sheetbridge::sandbox::telegram::{BotSandbox, Person, ShownMessage};
use sheetbridge::store::Store;
use sheetbridge::store::keys::prefix;

/// Long enough for a loaded machine, short enough to fail.
pub const SOON: Duration = Duration::from_secs(60);

pub const TOKEN: &str = "123456:TEST-token-of-the-sandbox-abcdefghij";
pub const PASSWORD: &str = "bí mật 1";
pub const TAB: &str = "Khách hàng";

/// Lan Anh, Minh Tuấn, Thu Hà, Quốc Bảo, and the manager Hà Phạm.
pub const STAFF: [(i64, &str); 5] = [
    (100_000, "Lan Anh"),
    (100_001, "Minh Tuấn"),
    (100_002, "Thu Hà"),
    (100_003, "Quốc Bảo"),
    (100_009, "Hà Phạm"),
];
pub const MANAGER: i64 = 100_009;

pub const HEADER: [&str; 8] = [
    "Họ tên",
    "SĐT",
    "Email",
    "Giai đoạn",
    "NV phụ trách",
    "Ngày tiếp nhận",
    "Ngày hẹn",
    "Không nhận tin",
];

pub const RULES: &str = r#"
[[rule]]
id = "welcome"
on = "added"
when = "email and stage == 'prospect' and not no_ads"
send = { channel = "email", to = "customer", template = "welcome" }
[[rule]]
id = "lead-alert"
on = "added"
send = { channel = "telegram", to = "owner", else = ["email", "managers"], template = "lead-alert", urgent = true }
"#;

pub const AN: [(&str, &str); 5] = [
    ("Họ tên", "Nguyễn Văn An"),
    ("SĐT", "'0901234567"),
    ("Email", "an.nguyen@example.com"),
    ("Giai đoạn", "Khách hàng tiềm năng"),
    ("NV phụ trách", "Lan Anh"),
];

/// One customer who was there before.
pub const BINH: [&str; 5] = [
    "Trần Bình",
    "'0912345678",
    "binh@example.com",
    "Đang tư vấn",
    "Lan Anh",
];

/// The servers, the folder and the configuration of one company.
pub struct Site {
    pub dir: tempfile::TempDir,
    pub google: GoogleSandbox,
    pub smtp: SmtpSandbox,
    pub bot: BotSandbox,
    pub workbook: String,
    started: u32,
}

impl Site {
    /// A workbook of one tab with these rows, and a configuration with these rules.
    pub async fn open(rows: &[&[&str]], rules: &str) -> Self {
        let mut workbook = Workbook::new("1Small", "Khách nhỏ");
        workbook.share.insert("*".into(), Role::Reader);
        let tab = workbook.add_tab(TAB);
        for (r, row) in std::iter::once(&HEADER[..])
            .chain(rows.iter().copied())
            .enumerate()
        {
            for (c, text) in row.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
                tab.set(r, c, Cell::text(text.trim_start_matches('\'')));
            }
        }
        Self::with(
            workbook,
            &format!("[[workbook.tab]]\nname = \"{TAB}\"\n"),
            rules,
        )
        .await
    }

    pub async fn with(workbook: Workbook, tabs: &str, rules: &str) -> Self {
        let here = || "127.0.0.1:0".parse().unwrap();
        let google = start(here(), GoogleOptions::default()).await.unwrap();
        let smtp = SmtpSandbox::start(here(), mail_options()).await.unwrap();
        let bot = BotSandbox::start(here(), TOKEN, "queenland_bot")
            .await
            .unwrap();
        for (id, name) in STAFF {
            bot.create_person(Person::new(id, name)).unwrap();
            bot.press_start(id, None).unwrap();
        }
        let site = Self {
            dir: tempfile::tempdir().unwrap(),
            workbook: workbook.id.clone(),
            google,
            smtp,
            bot,
            started: 0,
        };
        site.google.add_workbook(workbook);
        site.secret("google.json", &site.google.key_json().to_string());
        site.secret("smtp.txt", PASSWORD);
        site.secret("token.txt", TOKEN);
        site.write_config(&format!("{}{rules}", site.settings(tabs)));
        site
    }

    fn settings(&self, tabs: &str) -> String {
        let staff: String = STAFF
            .iter()
            .map(|(chat, name)| {
                let role = if *chat == MANAGER {
                    "role = \"manager\"\nemail = \"ha.pham@congty.example\"\n"
                } else {
                    ""
                };
                format!("[[staff]]\nname = \"{name}\"\ntelegram = {chat}\n{role}")
            })
            .collect();
        format!(
            r#"state_dir = "state"
[company]
name = "Công ty CP Queenland"
[alerts]
email = "quantri@congty.example"
[google]
credentials = {{ file = "google.json" }}
sheets_url = "{}"
poll_every = "1s"
[[workbook]]
id = "{}"
{tabs}
[columns]
name = ["Họ tên", "Tên khách hàng"]
phone = ["SĐT", "Số điện thoại"]
email = "Email"
stage = "Giai đoạn"
owner = "NV phụ trách"
received = "Ngày tiếp nhận"
appointment = "Ngày hẹn"
no_ads = "Không nhận tin"
[[stage]]
id = "prospect"
label = "Khách hàng tiềm năng"
aliases = ["tiềm năng", "KH tiềm năng", "mới"]
[[stage]]
id = "consulting"
label = "Đang tư vấn"
[[stage]]
id = "deposited"
label = "Đã đặt cọc"
aliases = ["đã cọc"]
[[stage]]
id = "completed"
label = "Hoàn tất giao dịch"
won = true
[[stage]]
id = "lost"
label = "Không còn nhu cầu"
lost = true
{staff}
[settle]
after = "1s"
[guard]
messages = 500
[hours]
work = "00:00-24:00"
ads = "00:00-24:00"
holidays = []
[email]
smtp = "smtp+plain://{}"
username = "crm@queenland.example"
password = {{ file = "smtp.txt" }}
from = "Queenland <crm@queenland.example>"
preset = "none"
[telegram]
token = {{ file = "token.txt" }}
api_url = "{}"
"#,
            self.google.base_url(),
            self.workbook,
            self.smtp.addr(),
            self.bot.base_url()
        )
    }

    pub fn config_path(&self) -> PathBuf {
        self.dir.path().join("sheetbridge.toml")
    }

    pub fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub fn config_text(&self) -> String {
        std::fs::read_to_string(self.config_path()).unwrap()
    }

    pub fn write_config(&self, text: &str) {
        std::fs::write(self.config_path(), text).unwrap();
    }

    /// Replaces one piece of the configuration, which must be there.
    pub fn reconfigure(&self, before: &str, after: &str) {
        let text = self.config_text();
        assert!(
            text.contains(before),
            "{before} is not in the configuration"
        );
        self.write_config(&text.replace(before, after));
    }

    /// A file that only its owner reads.
    pub fn secret(&self, name: &str, content: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Starts `sheetbridge run`.
    pub fn start(&mut self) -> Daemon {
        self.start_with(|_| {})
    }

    /// The same with more in its environment.
    pub fn start_with(&mut self, more: impl FnOnce(&mut Command)) -> Daemon {
        self.started += 1;
        let log = self.dir.path().join(format!("log-{}.txt", self.started));
        let mut command = Command::new(env!("CARGO_BIN_EXE_sheetbridge"));
        command
            .args(["run", "--config"])
            .arg(self.config_path())
            .env_clear()
            .env("RUST_BACKTRACE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap());
        more(&mut command);
        Daemon {
            child: command.spawn().unwrap(),
            log,
            state: self.state_dir(),
        }
    }

    /// Runs the daemon until it ends by itself: its exit code and what it said.
    pub fn run_to_end(&mut self) -> (Option<i32>, String) {
        let mut daemon = self.start();
        let status = daemon.ended_within(SOON);
        (status.code(), daemon.log())
    }

    /// Starts the daemon and waits until it has read the workbook.
    pub async fn start_and_read(&mut self) -> Daemon {
        let daemon = self.start();
        daemon.read_again(1).await;
        daemon
    }

    /// Staff type into cells, all of them between two polls.
    pub fn type_all(&self, cells: Vec<CellEdit>) {
        let edit = Edit::SetCells {
            tab: TAB.into(),
            cells,
        };
        self.google.edit(&self.workbook, &[edit]).unwrap();
    }

    /// Staff type a new customer under the last row.
    pub fn add_customer(&self, cells: &[(&str, &str)]) -> usize {
        let row = self
            .google
            .workbook(&self.workbook)
            .unwrap()
            .tab(TAB)
            .unwrap()
            .filled_rows()
            + 1;
        self.type_all(
            cells
                .iter()
                .map(|(column, text)| CellEdit::typed(row, column, text))
                .collect(),
        );
        row
    }

    /// Mails to an address.
    pub fn mails_to(&self, address: &str) -> usize {
        self.smtp
            .messages()
            .iter()
            .filter(|mail| mail.to.iter().any(|to| to == address))
            .count()
    }

    /// What the bot said to a person, in order, without its answer to /start.
    pub fn told(&self, chat: i64) -> Vec<ShownMessage> {
        let said = self.bot.messages(chat).into_iter();
        said.filter(|message| {
            message.from_bot && !message.service && !message.text.starts_with("Các lệnh")
        })
        .collect()
    }

    /// How often the bot told a person something with this text in it.
    pub fn told_of(&self, chat: i64, text: &str) -> usize {
        self.told(chat)
            .iter()
            .filter(|message| message.text.contains(text))
            .count()
    }

    /// The ledger of a daemon that does not run.
    pub fn ledger(&self) -> Ledger {
        Ledger::of(&Store::open(&self.state_dir()).unwrap())
    }
}

pub fn mail_options() -> Options {
    Options {
        credentials: Some(Credentials::new("crm@queenland.example", PASSWORD)),
        ..Options::default()
    }
}

/// What is on disk.
pub struct Ledger {
    pub messages: Vec<Message>,
    pub records: Vec<Record>,
    pub flying: usize,
}

impl Ledger {
    pub fn of(store: &Store) -> Self {
        Self {
            messages: store
                .scan::<Message>(prefix::MESSAGE)
                .map(|entry| entry.unwrap().1)
                .collect(),
            records: store.records().map(Result::unwrap).collect(),
            flying: store.keys(prefix::FLIGHT).count(),
        }
    }

    /// By key.
    pub fn by_key(&self) -> BTreeMap<&str, &Message> {
        self.messages
            .iter()
            .map(|message| (message.key.as_str(), message))
            .collect()
    }

    /// The only message of a rule, or the first of several.
    pub fn of_rule(&self, rule: &str) -> &Message {
        let found = self.messages.iter().find(|message| message.rule == rule);
        found.unwrap_or_else(|| panic!("no message of {rule}: {:?}", self.by_key().keys()))
    }

    /// `key state` of each, for failures.
    pub fn lines(&self) -> Vec<String> {
        self.messages
            .iter()
            .map(|message| format!("{} {}: {}", message.key, message.state, message.why))
            .collect()
    }
}

/// A running `sheetbridge run`; killed when it is dropped.
pub struct Daemon {
    child: Child,
    log: PathBuf,
    state: PathBuf,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let text = std::fs::read_to_string(&self.log).unwrap_or_default();
            let from = text.len().saturating_sub(6_000);
            let from = (from..text.len())
                .find(|at| text.is_char_boundary(*at))
                .unwrap_or(0);
            println!("--- end of {}:\n{}", self.log.display(), &text[from..]);
        }
    }
}

impl Daemon {
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// As by `kill -9`: nothing of it can be caught.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    pub fn running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn ended_within(&mut self, time: Duration) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                begun.elapsed() < time,
                "it still runs after {time:?}:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGTERM, and how long it took to end well.
    pub fn stop(mut self) -> Duration {
        let begun = Instant::now();
        self.signal(rustix::process::Signal::TERM);
        let status = self.ended_within(Duration::from_secs(20));
        assert_eq!(status.code(), Some(0), "{}", self.log());
        begun.elapsed()
    }

    /// Asks over the control socket; none while it is not up.
    pub async fn ask(&self, request: &Request) -> Option<Value> {
        control::ask(&self.state, request).await.ok().flatten()
    }

    /// Waits until the status is as wanted.
    pub async fn status_where(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        let mut last = json!(null);
        loop {
            if let Some(status) = self.ask(&Request::Status).await {
                if wanted(&status) {
                    return status;
                }
                last = status;
            }
            assert!(
                begun.elapsed() < SOON,
                "never: {what}\n{last:#}\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Waits until the workbook was read well so many times more.
    pub async fn read_again(&self, times: usize) {
        let read_at = |status: &Value| {
            status["workbooks"][0]["last_poll"]
                .as_str()
                .map(String::from)
        };
        let mut seen = self.ask(&Request::Status).await.as_ref().and_then(read_at);
        for _ in 0..times {
            let status = self
                .status_where("another poll", |status| {
                    read_at(status).is_some_and(|at| Some(at) != seen)
                })
                .await;
            seen = read_at(&status);
        }
    }

    /// Waits until nothing waits and nothing is under way.
    pub async fn nothing_left(&self) -> Value {
        let none = |status: &Value, state: &str| status["queue"][state].as_u64().unwrap_or(0) == 0;
        self.status_where("an empty queue", |status| {
            none(status, "queued") && none(status, "in_flight")
        })
        .await
    }

    /// The messages as `outbox list` shows them.
    pub async fn outbox(&self) -> Vec<Value> {
        let request = Request::Outbox(OutboxFilter {
            limit: 1_000,
            ..OutboxFilter::default()
        });
        self.ask(&request)
            .await
            .and_then(|lines| lines.as_array().cloned())
            .unwrap_or_default()
    }

    /// Waits until a message of a rule is as wanted.
    pub async fn message_where(&self, rule: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let lines = self.outbox().await;
            let found = lines
                .iter()
                .find(|line| line["rule"] == rule && wanted(line));
            if let Some(found) = found {
                return found.clone();
            }
            assert!(
                begun.elapsed() < SOON,
                "no such message of {rule}: {lines:#?}\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}

/// Polls until it is so.
pub async fn until(what: &str, so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < SOON, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A copy of a folder, sockets left out.
pub fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The command line beside the daemon: exit code, stdout, stderr.
pub fn cli(config: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sheetbridge"))
        .arg("--config")
        .arg(config)
        .args(args)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}
