//! An installation against the three sandboxes, and the binary run in it.

#![allow(dead_code)] // Each test file uses its own part.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sheetbridge::sandbox::google::{self, Edit, GoogleOptions, GoogleSandbox};
use sheetbridge::sandbox::smtp::{Credentials, Options, SmtpSandbox};
use sheetbridge::sandbox::telegram::BotSandbox;

/// The customers of the sample workbook.
pub(crate) const TAB: &str = "Khách hàng";

/// The binary under test, with nothing of the tester's environment.
pub(crate) fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sheetbridge"));
    let temporary = dir.join("tmp");
    fs::create_dir_all(&temporary).unwrap();
    command
        .env_clear()
        .env("TMPDIR", temporary)
        .current_dir(dir)
        .stdin(Stdio::null());
    command
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The one JSON value on stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The JSON values on stdout, one a line.
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Asserts the exit code and that stderr says all of these.
    pub(crate) fn failed(&self, code: i32, said: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        for text in said {
            assert!(self.err.contains(text), "`{text}` is not in: {}", self.err);
        }
    }

    pub(crate) fn well(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

/// Three sandboxes and a configuration for them.
pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) google: GoogleSandbox,
    pub(crate) smtp: SmtpSandbox,
    pub(crate) bot: BotSandbox,
    pub(crate) workbook: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        let free = "127.0.0.1:0".parse().unwrap();
        let google = google::start(free, GoogleOptions::default()).await.unwrap();
        let book = google::demo_workbook();
        let workbook = book.id.clone();
        google.add_workbook(book);
        let options = Options {
            credentials: Some(Credentials::new("admin", "right")),
            ..Options::default()
        };
        let smtp = SmtpSandbox::start(free, options).await.unwrap();
        let bot = BotSandbox::start(free, "4242:right", "queenland_bot")
            .await
            .unwrap();
        let world = Self {
            dir: tempfile::tempdir().unwrap(),
            google,
            smtp,
            bot,
            workbook,
        };
        world.secret("google.json", &world.google.key_json().to_string());
        world.secret("smtp", "right");
        world.secret("telegram", "4242:right");
        world.configure(&world.text());
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn secret(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.path("sheetbridge.toml"), text).unwrap();
    }

    /// Writes the configuration with one text in place of another, which must be there.
    pub(crate) fn reconfigure(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.path("sheetbridge.toml")).unwrap();
        assert!(text.contains(from), "no `{from}` in the configuration");
        self.configure(&text.replace(from, to));
    }

    /// A file under `templates/`.
    pub(crate) fn template(&self, name: &str, text: &str) {
        let file = self.path("templates").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    pub(crate) fn edit(&self, edit: Value) {
        let edit: Edit = serde_json::from_value(edit).unwrap();
        self.google.edit(&self.workbook, &[edit]).unwrap();
    }

    pub(crate) fn set(&self, row: usize, column: &str, typed: &str) {
        self.edit(json!({"op": "set", "tab": TAB, "row": row, "column": column, "typed": typed}));
    }

    /// Runs a command to its end, on a thread of its own: the sandboxes live in this process.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = command(self.dir.path());
        command
            .arg("--config")
            .arg(self.path("sheetbridge.toml"))
            .args(arguments);
        tokio::task::spawn_blocking(move || Ran::of(command.output().unwrap()))
            .await
            .unwrap()
    }

    /// Starts a command that goes on.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut command = command(self.dir.path());
        command
            .arg("--config")
            .arg(self.path("sheetbridge.toml"))
            .args(arguments);
        Running::start(command)
    }

    /// Starts the daemon and waits until it answers.
    pub(crate) async fn daemon(&self) -> Running {
        let running = self.start(&["run"]);
        let began = Instant::now();
        // A question before that would open the store itself, and may lock the daemon out.
        let socket = self.path("state/control.sock");
        while !socket.exists() && began.elapsed() < Duration::from_secs(30) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        loop {
            let ran = self.run(&["status", "--json"]).await;
            if ran.code == 0 && ran.json()["running"] == json!(true) {
                return running;
            }
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "the daemon does not answer: {ran:?}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn text(&self) -> String {
        format!(
            r#"timezone = "Asia/Ho_Chi_Minh"
state_dir = "state"
[company]
name = "Queenland"
[google]
credentials = {{ file = "google.json" }}
sheets_url = "{url}"
[[workbook]]
id = "{id}"
[[workbook.tab]]
name = "Khách hàng"
[[workbook.tab]]
name = "Lịch hẹn"
kind = "appointments"
columns = {{ at = "Ngày giờ", name = "Khách", phone = "SĐT", owner = "NV", state = "Trạng thái" }}
cancelled = ["huỷ", "dời"]
[columns]
name = "Họ tên"
phone = "SĐT"
email = "Email"
interest = "Loại BĐS quan tâm"
area = "Khu vực"
budget = "Ngân sách"
source = "Nguồn"
stage = "Giai đoạn"
owner = "NV phụ trách"
received = "Ngày tiếp nhận"
appointment = "Ngày hẹn"
birthday = "Ngày sinh"
note = "Ghi chú"
no_ads = "Không nhận tin"
consent = "Đồng ý nhận tin"
[require]
any = ["phone", "email"]
all = ["name"]
[settle]
after = "1s"
[[stage]]
id = "prospect"
label = "Khách hàng tiềm năng"
[[stage]]
id = "consulting"
label = "Đang tư vấn"
[[stage]]
id = "deposited"
label = "Đã đặt cọc"
[[stage]]
id = "completed"
label = "Hoàn tất giao dịch"
won = true
[[staff]]
name = "Hà Phạm"
role = "manager"
[[staff]]
name = "Lan Anh"
[[staff]]
name = "Minh Tuấn"
[[staff]]
name = "Thu Hà"
[email]
smtp = "smtp+plain://127.0.0.1:{smtp}"
username = "admin"
password = {{ file = "smtp" }}
from = "Queenland <marketing@queenland.example>"
[telegram]
token = {{ file = "telegram" }}
api_url = "{api}"
[hours]
work = "00:00-24:00"
ads = "00:00-24:00"
holidays = []
[[rule]]
id = "welcome"
on = "added"
when = "email and not no_ads"
send = {{ channel = "email", to = "customer", template = "welcome" }}
[[rule]]
id = "lead-alert"
on = "added"
send = {{ channel = "telegram", to = "owner", else = ["managers"], template = "lead-alert", urgent = true }}
[[rule]]
id = "consulting-idle"
on = {{ idle = "consulting", after = "3d" }}
send = {{ channel = "telegram", to = "owner", template = "idle" }}
[[rule]]
id = "morning"
on = {{ schedule = "Mon-Sat 08:00" }}
send = {{ channel = "telegram", to = "managers", template = "digest-daily" }}
"#,
            url = self.google.base_url(),
            id = self.workbook,
            smtp = self.smtp.addr().port(),
            api = self.bot.base_url(),
        )
    }
}

/// A command that goes on until it is told to end.
pub(crate) struct Running {
    child: Option<Child>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self {
            child: Some(command.spawn().unwrap()),
        }
    }

    /// The first line on stdout.
    pub(crate) async fn first_line(&mut self) -> String {
        use std::io::BufRead as _;
        let out = self.child.as_mut().unwrap().stdout.take().unwrap();
        let read = move || {
            let mut line = String::new();
            std::io::BufReader::new(out).read_line(&mut line).unwrap();
            line
        };
        tokio::task::spawn_blocking(read).await.unwrap()
    }

    /// Waits for the end; what is read of stdout by then is all.
    pub(crate) async fn wait(mut self) -> Ran {
        let child = self.child.take().unwrap();
        tokio::task::spawn_blocking(move || Ran::of(child.wait_with_output().unwrap()))
            .await
            .unwrap()
    }

    /// Sends a signal and waits for the end.
    pub(crate) async fn end(mut self, signal: rustix::process::Signal) -> (Ran, Duration) {
        let child = self.child.take().unwrap();
        let began = Instant::now();
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal).unwrap();
        let ran = tokio::task::spawn_blocking(move || Ran::of(child.wait_with_output().unwrap()))
            .await
            .unwrap();
        (ran, began.elapsed())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
