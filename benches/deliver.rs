//! What it costs to deliver so that nothing is lost: `cargo bench --bench deliver`.
//!
//! The real daemon decides, commits, renders, sends and records; beside it run a bare loop over as many connections,
//! lettre's own pool, and the script that people write. All of them talk to the same sink on loopback; see README.md.

#![allow(clippy::print_stdout, clippy::print_stderr)] // the table is the output
#![allow(clippy::cast_precision_loss, missing_docs, unreachable_pub)]

#[path = "deliver/queue.rs"]
mod queue;
#[path = "deliver/rivals.rs"]
mod rivals;
#[path = "poll/server.rs"]
mod server;
#[path = "poll/sheet.rs"]
mod sheet;
#[path = "deliver/sink.rs"]
mod sink;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use server::Google;
use sheet::HEADERS;
use sink::Sink;

/// Mails of the daemon and of the bare loop.
const MAILS: usize = 20_000;

/// The slow ones are measured with fewer.
const FEW: usize = 2_000;

/// SMTP connections of everybody who can have several.
const CONNECTIONS: usize = 8;

/// Messages in a short queue, and in a long one.
const FEW_WAIT: usize = 1_000;
const MANY_WAIT: usize = 1_000_000;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(600);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    match args.as_slice() {
        ["case", name, port, mails] => {
            let port = port.parse().expect("a port");
            let mails = mails.parse().expect("a number");
            runtime.block_on(rivals::run(name, port, mails, CONNECTIONS));
        }
        ["daemon", mails] => {
            let mails = mails.parse().expect("a number");
            let sink = runtime.block_on(Sink::start());
            let run = runtime.block_on(daemon(&sink, mails));
            println!(
                "{:.0} mails a second, {:.0} MB at most",
                run.rate(),
                run.peak_mb.unwrap_or(0.0)
            );
        }
        ["rival", name, mails] => {
            let mails = mails.parse().expect("a number");
            let sink = runtime.block_on(Sink::start());
            let run = match *name {
                "script" => runtime.block_on(script(&sink, mails)).expect("it runs"),
                name => runtime.block_on(rival(&sink, name, mails)),
            };
            println!("{:.0} mails a second", run.rate());
        }
        ["queue"] => runtime.block_on(queues()),
        ["latency"] => {
            let sink = runtime.block_on(Sink::start());
            println!("{:.1?} ms", runtime.block_on(latencies(&sink)));
            println!("{:.1?} ms", runtime.block_on(from_commit(&sink)));
        }
        rest => {
            let mails = rest.iter().find_map(|arg| arg.parse().ok());
            runtime.block_on(table(mails.unwrap_or(MAILS)));
        }
    }
}

/// How a run went.
struct Run {
    mails: usize,
    seconds: f64,
    peak_mb: Option<f64>,
}

impl Run {
    fn rate(&self) -> f64 {
        self.mails as f64 / self.seconds
    }
}

async fn table(mails: usize) {
    let sink = Sink::start().await;
    let bare = rival(&sink, "bare", mails).await;
    let whole = daemon(&sink, mails).await;
    let again = rival(&sink, "bare", mails).await;
    let sessions = rival(&sink, "sessions", mails).await;
    let lettre = rival(&sink, "lettre", FEW.min(mails)).await;
    let script = script(&sink, FEW.min(mails)).await;
    // Other work on the machine comes and goes: the bare loop ran before and after.
    let bare = Run {
        mails: bare.mails + again.mails,
        seconds: bare.seconds + again.seconds,
        peak_mb: bare.peak_mb,
    };
    println!("\n{CONNECTIONS} SMTP connections, one sink");
    println!(
        "{:<52} {:>7} {:>9} {:>9}  wanted",
        "", "mails", "a second", "peak MB"
    );
    let line = |name: &str, run: &Run, wanted: &str| {
        let peak = run
            .peak_mb
            .map_or_else(String::new, |mb| format!("{mb:.0}"));
        println!(
            "{name:<52} {:>7} {:>9.0} {peak:>9}  {wanted}",
            run.mails,
            run.rate()
        );
    };
    line("bare loop: rendered before, nothing recorded", &bare, "");
    line("the same by lettre's sessions", &sessions, "");
    let ratio = |than: &Run| whole.rate() / than.rate();
    let wanted = format!(
        "{:.2} of the bare loop (at least 0.25); 120 MB",
        ratio(&bare)
    );
    line(
        "sheetbridge: decide, commit, render, send, record",
        &whole,
        &wanted,
    );
    let wanted = format!(
        "sheetbridge is {:.1} x as quick (at least 10)",
        ratio(&lettre)
    );
    line("lettre's pool, rendered before", &lettre, &wanted);
    match script {
        Ok(script) => {
            let wanted = format!(
                "sheetbridge is {:.1} x as quick (at least 5)",
                ratio(&script)
            );
            line("smtplib, Jinja2 and a status in a CSV", &script, &wanted);
        }
        Err(why) => println!("smtplib, Jinja2 and a status in a CSV: not run, {why}"),
    }
    let waits = latencies(&sink).await;
    println!(
        "\nfrom the answer with a row that has settled to the first byte of its mail, nothing due before it: \
         {:.1} ms in the middle of {}, {:.1} ms at most; the commit of the decision lies between",
        waits[waits.len() / 2],
        waits.len(),
        waits[waits.len() - 1]
    );
    let waits = from_commit(&sink).await;
    println!(
        "from the commit of a decision to the first byte of its mail, nothing due before it: \
         {:.1} ms in the middle of {}, {:.1} ms at most",
        waits[waits.len() / 2],
        waits.len(),
        waits[waits.len() - 1]
    );
    queues().await;
}

/// Milliseconds from a committed decision to the wire.
async fn from_commit(sink: &Sink) -> Vec<f64> {
    let google = Google::start(&[("first", 1)]).await;
    let dir = tempfile::tempdir().expect("a temporary folder");
    let config = configure(dir.path(), &google, sink);
    queue::latencies(&config, sink, 50).await
}

/// Runs one of [`rivals`] in a process of its own.
async fn rival(sink: &Sink, name: &str, mails: usize) -> Run {
    let me = std::env::current_exe().expect("this program has a path");
    let before = sink.taken();
    let mut command = Command::new(me);
    command
        .args(["case", name, &sink.port().to_string(), &mails.to_string()])
        .stderr(Stdio::inherit());
    let out = output(command).await.expect("this program starts");
    assert!(out.status.success(), "the case {name} failed");
    assert_eq!(sink.taken() - before, mails, "the case {name} lost mails");
    let text = String::from_utf8_lossy(&out.stdout);
    Run {
        mails,
        seconds: text.trim().parse().expect("a case prints seconds"),
        peak_mb: None,
    }
}

/// Waits for a program while the sink goes on.
async fn output(mut command: Command) -> std::io::Result<Output> {
    tokio::task::spawn_blocking(move || command.output())
        .await
        .expect("it does not panic")
}

/// The script that people write.
async fn script(sink: &Sink, mails: usize) -> Result<Run, String> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/deliver/script.py");
    #[allow(clippy::disallowed_methods)] // of the benchmark alone
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let before = sink.taken();
    let mut command = Command::new(python);
    command
        .arg(path)
        .args([&sink.port().to_string(), &mails.to_string()])
        .current_dir(dir.path());
    let out = output(command)
        .await
        .map_err(|error| format!("python3: {error}"))?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr);
        return Err(said.lines().last().unwrap_or_default().to_owned());
    }
    assert_eq!(sink.taken() - before, mails, "the script lost mails");
    let text = String::from_utf8_lossy(&out.stdout);
    Ok(Run {
        mails,
        seconds: text.trim().parse().map_err(|_| text.to_string())?,
        peak_mb: None,
    })
}

/// The real daemon on a workbook in which so many rows are added at once.
async fn daemon(sink: &Sink, mails: usize) -> Run {
    let google = Google::start(&[("first", 1), ("added", 1 + mails)]).await;
    let mut daemon = Daemon::start(&google, sink);
    daemon.has_looked(&google).await;
    let before = sink.taken();
    let cpu = daemon.cpu_s();
    google.show("added");
    sink.wait_for(before + mails, PATIENCE).await;
    let (first, last) = sink.span(before);
    // The read by which they were decided: the last one before the first mail.
    let decided_by = google.last_read_before(first);
    println!(
        "decided and committed after {:.2} s, sent after {:.2} s; {:.2} s of CPU",
        first.duration_since(decided_by).as_secs_f64(),
        last.duration_since(decided_by).as_secs_f64(),
        daemon.cpu_s() - cpu,
    );
    Run {
        mails,
        seconds: last.duration_since(decided_by).as_secs_f64(),
        peak_mb: Some(daemon.peak_mb()),
    }
}

/// What a pass costs by how much waits.
async fn queues() {
    let sink = Sink::start().await;
    let google = Google::start(&[("first", 1)]).await;
    let dir = tempfile::tempdir().expect("a temporary folder");
    let config = configure(dir.path(), &google, &sink);
    println!(
        "\n{:<44} {:>12} {:>12}",
        "milliseconds", FEW_WAIT, MANY_WAIT
    );
    let few = queue::costs(&config, FEW_WAIT).await;
    let many = queue::costs(&config, MANY_WAIT).await;
    let line = |name: &str, few: f64, many: f64| println!("{name:<44} {few:>12.3} {many:>12.3}");
    line("a pass, all waits for tomorrow", few.not_due, many.not_due);
    line("a pass, all is due and paused", few.paused, many.paused);
    line("how many wait", few.counted, many.counted);
}

/// Milliseconds from Google's answer by which a row was decided to the first byte of its mail, in order.
async fn latencies(sink: &Sink) -> Vec<f64> {
    let shown: Vec<(String, usize)> = (1..=21).map(|rows| (format!("{rows}"), rows)).collect();
    let shown: Vec<(&str, usize)> = shown
        .iter()
        .map(|(name, rows)| (name.as_str(), *rows))
        .collect();
    let google = Google::start(&shown).await;
    let mut daemon = Daemon::start(&google, sink);
    daemon.has_looked(&google).await;
    let mut waits = Vec::new();
    for (name, _) in &shown[1..] {
        let before = sink.taken();
        google.show(name);
        sink.wait_for(before + 1, PATIENCE).await;
        let began = sink.last_began();
        let wait = began.duration_since(google.last_read_before(began));
        waits.push(wait.as_secs_f64() * 1_000.0);
    }
    waits.sort_by(f64::total_cmp);
    waits
}

/// The program as a user runs it.
struct Daemon {
    child: Child,
    /// Its state lies in it, and its log.
    dir: tempfile::TempDir,
}

impl Daemon {
    fn start(google: &Google, sink: &Sink) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let config = configure(dir.path(), google, sink);
        let log = std::fs::File::create(dir.path().join("log")).expect("the folder is writable");
        let child = Command::new(env!("CARGO_BIN_EXE_sheetbridge"))
            .arg("--config")
            .arg(config)
            .arg("--json")
            .arg("run")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the daemon starts");
        Self { child, dir }
    }

    /// Waits for the first look, and one more.
    async fn has_looked(&mut self, google: &Google) {
        while google.reads() < 2 {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                let log = std::fs::read_to_string(self.dir.path().join("log"));
                panic!(
                    "the daemon ended with {status}: {}",
                    log.unwrap_or_default()
                );
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What it has used so far, in its own code and in the kernel's.
    fn cpu_s(&self) -> f64 {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = std::fs::read_to_string(path).expect("the daemon runs");
        let behind_name = stat.rsplit(") ").next().unwrap_or_default();
        let ticks = behind_name.split(' ').skip(11).take(2);
        let ticks: f64 = ticks.filter_map(|field| field.parse::<f64>().ok()).sum();
        ticks / 100.0
    }

    fn peak_mb(&self) -> f64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the daemon runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes: f64 = line
            .and_then(|line| line.split_whitespace().next())
            .and_then(|number| number.parse().ok())
            .expect("the kernel says it");
        kilobytes / 1_000.0
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configure(dir: &Path, google: &Google, sink: &Sink) -> PathBuf {
    let base = google.url();
    let key = serde_json::json!({
        "type": "service_account",
        "client_email": "bench@example.iam.gserviceaccount.com",
        "private_key": &PRIVATE_KEY[PRIVATE_KEY.find("-----BEGIN").unwrap_or(0)..],
        "token_uri": format!("{base}token"),
    });
    let write = |name: &str, text: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        let path = dir.join(name);
        std::fs::write(&path, text).expect("the folder is writable");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))
            .expect("the file is ours");
        path
    };
    write("google.json", &key.to_string());
    let fields = [
        "name", "phone", "email", "stage", "owner", "source", "budget", "area", "interest",
    ];
    let mut columns = String::new();
    for (field, header) in fields.iter().zip(HEADERS) {
        columns.push_str(&format!("{field} = \"{header}\"\n"));
    }
    write(
        "sheetbridge.toml",
        &format!(
            "state_dir = \"state\"\n\
             [company]\nname = \"Công ty CP Queenland\"\naddress = \"12 Nguyễn Huệ, Quận 1\"\nphone = \"0901234567\"\n\
             [google]\ncredentials = {{ file = \"google.json\" }}\nsheets_url = \"{base}\"\npoll_every = \"2s\"\n\
             [email]\nsmtp = \"smtp+plain://127.0.0.1:{}\"\nfrom = \"Queenland <cskh@queenland.example>\"\n\
             connections = {CONNECTIONS}\n\
             [alerts]\nemail = \"office@queenland.example\"\n\
             [settle]\nafter = \"1s\"\n[guard]\nmessages = 1000000\n[hours]\nads = \"Mon-Sun 00:00-24:00\"\n\
             [[workbook]]\nid = \"1Bench\"\n[[workbook.tab]]\nname = \"Khách hàng\"\n[columns]\n{columns}{RULES}",
            sink.port()
        ),
    )
}

const PRIVATE_KEY: &str = include_str!("../src/sandbox/data/sandbox-only-service-account.pem");

const RULES: &str = r#"
[[stage]]
id = "prospect"
label = "Tiềm năng"
aliases = ["Đang tư vấn", "Đã hẹn xem", "Đã cọc", "Không còn nhu cầu"]
[[staff]]
name = "Lan Anh"
email = "lan.anh@queenland.example"
[[rule]]
id = "welcome"
on = "added"
when = "email"
send = { channel = "email", to = "customer", template = "welcome" }
"#;
