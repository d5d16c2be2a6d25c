//! What a poll costs, against the cost of skipping the same body: `cargo bench --bench poll`.
//!
//! Each case runs in a process of its own, so that its memory is its own; the server in another.
//! Figures are CPU time (user and system), because the machine has other work; see README.md.

#![allow(clippy::print_stdout, clippy::print_stderr)] // the table is the output
#![allow(clippy::cast_precision_loss, missing_docs, unreachable_pub)]

#[path = "poll/server.rs"]
mod server;
#[path = "poll/sheet.rs"]
mod sheet;

use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use serde::Deserialize as _;
use serde::de::IgnoredAny;
use sheet::{HEADERS, Size};
use sheetbridge::cli::memory::OPTIONS;
use sheetbridge::config::{Config, Environment};
use sheetbridge::cycle::{Cycle, Mode};
use sheetbridge::google::Google;
use sheetbridge::roster::Roster;
use sheetbridge::store::Store;

/// The largest workbook Google allows: ten million cells.
const LARGE: Size = Size {
    rows: 500_000,
    columns: 20,
};

/// An ordinary one.
const EVERYDAY: Size = Size {
    rows: 300,
    columns: 15,
};

/// As the daemon has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    match args.as_slice() {
        ["serve", rows, columns] => runtime.block_on(server::serve(size(rows, columns))),
        ["case", name, address, dir, columns] => {
            let columns = columns.parse().expect("a number");
            runtime.block_on(case(name, address, Path::new(dir), columns));
        }
        rest => {
            let rows = rest.iter().find_map(|arg| arg.parse().ok());
            let large = Size {
                rows: rows.unwrap_or(LARGE.rows),
                ..LARGE
            };
            table(large);
        }
    }
}

fn size(rows: &str, columns: &str) -> Size {
    Size {
        rows: rows.parse().expect("a number"),
        columns: columns.parse().expect("a number"),
    }
}

/// What a case measured.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    cpu_ms: f64,
    wall_ms: f64,
    peak_mb: f64,
    written: f64,
}

fn table(large: Size) {
    let server = Server::start(large);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let run = |name: &str| server.case(name, dir.path(), large.columns);
    // Other work on the machine comes and goes, so the yardstick is taken between the others, and its middle counts.
    let mut yardsticks = vec![run("yardstick"), run("yardstick")];
    let first = run("first");
    yardsticks.push(run("yardstick"));
    let restarted = run("restarted");
    let quiet = run("quiet");
    yardsticks.push(run("yardstick"));
    let edited = run("edited");
    yardsticks.push(run("yardstick"));
    yardsticks.sort_by(|one, other| one.cpu_ms.total_cmp(&other.cpu_ms));
    let yardstick = yardsticks[yardsticks.len() / 2];
    println!("\n{} rows x {} columns", large.rows, large.columns);
    println!(
        "{:<44} {:>9} {:>9} {:>8} {:>8} {:>8}  at most",
        "", "CPU ms", "wall ms", "ratio", "peak MB", "written"
    );
    for (name, figures, limit) in [
        ("yardstick: the body skipped (IgnoredAny)", yardstick, ""),
        ("first sight", first, "12 x, 300 MB"),
        ("quiet poll, the first after a start", restarted, ""),
        ("quiet poll", quiet, "1.5 x, 150 MB, 0"),
        ("1 % edited and the whole sheet sorted", edited, "2.5 x"),
    ] {
        println!(
            "{name:<44} {:>9.0} {:>9.0} {:>8.2} {:>8.0} {:>8.0}  {limit}",
            figures.cpu_ms,
            figures.wall_ms,
            figures.cpu_ms / yardstick.cpu_ms,
            figures.peak_mb,
            figures.written,
        );
    }
    let server = Server::start(EVERYDAY);
    let dir = tempfile::tempdir().expect("a temporary folder");
    server.case("first", dir.path(), EVERYDAY.columns);
    let exchange = server.case("everyday-exchange", dir.path(), EVERYDAY.columns);
    let everyday = server.case("everyday", dir.path(), EVERYDAY.columns);
    println!(
        "\n{} rows x {} columns, each of {ROUNDS} polls",
        EVERYDAY.rows, EVERYDAY.columns
    );
    println!(
        "quiet poll {:.3} ms of CPU, of which the HTTP exchange {:.3} ms: {:.3} ms beyond it (at most 1)",
        everyday.cpu_ms,
        exchange.cpu_ms,
        everyday.cpu_ms - exchange.cpu_ms
    );
}

/// Google allows sixty reads a minute, and sheetbridge keeps to it.
const ROUNDS: u32 = 50;

/// The server's process.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(size: Size) -> Self {
        let me = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(me)
            .args(["serve", &size.rows.to_string(), &size.columns.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts");
        let mut address = String::new();
        let out = child.stdout.take().expect("it is piped");
        BufReader::new(out)
            .read_line(&mut address)
            .expect("the server says where it is");
        Self {
            child,
            address: address.trim().to_owned(),
        }
    }

    fn case(&self, name: &str, dir: &Path, columns: usize) -> Figures {
        let me = std::env::current_exe().expect("this program has a path");
        let out = Command::new(me)
            .args(["case", name, &self.address])
            .arg(dir)
            .arg(columns.to_string())
            .envs(OPTIONS)
            .stderr(Stdio::inherit())
            .output()
            .expect("this program starts");
        assert!(out.status.success(), "the case {name} failed");
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let numbers: Vec<f64> = text
            .split_whitespace()
            .map(|number| number.parse().expect("a case prints numbers"))
            .collect();
        let [cpu_ms, wall_ms, peak_mb, written] = numbers[..] else {
            panic!("the case {name} printed {text}");
        };
        Figures {
            cpu_ms,
            wall_ms,
            peak_mb,
            written,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One case, in this process. Prints CPU ms, wall ms, peak MB, and how many bytes the store grew by.
async fn case(name: &str, address: &str, dir: &Path, columns: usize) {
    let base = format!("http://{address}/");
    let show = async |what: &str| {
        let url = format!("{base}show/{what}");
        reqwest::Client::new()
            .post(url)
            .send()
            .await
            .expect("the server is there");
    };
    let url = format!("{base}v4/spreadsheets/1Bench/values:batchGet");
    match name {
        "yardstick" => {
            let meter = Meter::start();
            skip(&url).await;
            meter.print(1, 0.0);
        }
        "everyday-exchange" => {
            let client = client();
            exchange(&client, &url).await;
            let meter = Meter::of_threads();
            for _ in 0..ROUNDS {
                exchange(&client, &url).await;
            }
            meter.print(ROUNDS, 0.0);
        }
        _ => {
            let before_start = Meter::start();
            let mut poller = Poller::new(&base, dir, columns).await;
            let grown =
                |poller: &Poller, before: u64| poller.store_bytes().saturating_sub(before) as f64;
            let before = poller.store_bytes();
            match name {
                "first" => {
                    poller.poll("first look").await;
                    before_start.print(1, grown(&poller, before));
                }
                "restarted" => {
                    poller.poll("none").await;
                    before_start.print(1, grown(&poller, before));
                }
                "quiet" => {
                    poller.poll("none").await;
                    let meter = Meter::start();
                    let before = poller.store_bytes();
                    poller.poll("none").await;
                    meter.print(1, grown(&poller, before));
                }
                "edited" => {
                    poller.poll("none").await;
                    show("edited").await;
                    let meter = Meter::start();
                    poller.poll("sorted").await;
                    meter.print(1, grown(&poller, before));
                    show("first").await;
                }
                "everyday" => {
                    poller.poll("none").await;
                    let meter = Meter::of_threads();
                    for _ in 0..ROUNDS {
                        poller.poll("none").await;
                    }
                    meter.print(ROUNDS, grown(&poller, before));
                }
                other => panic!("there is no case {other}"),
            }
        }
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .user_agent("bench (gzip)")
        .build()
        .expect("a client")
}

/// One exchange, whose decompressed body is thrown away.
async fn exchange(client: &reqwest::Client, url: &str) {
    let answer = client.get(url).send().await.expect("the server is there");
    let mut body = answer.bytes_stream();
    while let Some(chunk) = body.next().await {
        std::hint::black_box(chunk.expect("the body is whole"));
    }
}

/// The streamed, decompressed body, skipped by serde_json.
async fn skip(url: &str) {
    let answer = client().get(url).send().await.expect("the server is there");
    let (sender, receiver) = tokio::sync::mpsc::channel::<Bytes>(8);
    let reader = tokio::task::spawn_blocking(move || {
        let chunks = Chunks {
            receiver,
            current: Bytes::new(),
        };
        let mut parser =
            serde_json::Deserializer::from_reader(BufReader::with_capacity(64 << 10, chunks));
        IgnoredAny::deserialize(&mut parser).expect("it is JSON");
        parser.end().expect("nothing follows");
    });
    let mut body = answer.bytes_stream();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.expect("the body is whole");
        sender
            .send(chunk)
            .await
            .expect("the reader reads to the end");
    }
    drop(sender);
    reader.await.expect("the reader does not panic");
}

/// The chunks of a body as one `Read`.
struct Chunks {
    receiver: tokio::sync::mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.current = chunk,
                None => return Ok(0),
            }
        }
        let count = self.current.len().min(into.len());
        self.current.copy_to_slice(&mut into[..count]);
        Ok(count)
    }
}

/// A cycle over the generated workbook.
struct Poller {
    cycle: Cycle,
    store: Store,
    now: jiff::Timestamp,
}

impl Poller {
    async fn new(base: &str, dir: &Path, columns: usize) -> Self {
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
        write("telegram", "4242:bench-token");
        let path = write("sheetbridge.toml", &configuration(base, columns));
        let names = sheetbridge::render::shipped_names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let nothing = Environment::of(std::iter::empty::<(String, String)>());
        let config = match Config::load(&path, &nothing, &names) {
            Ok(config) => Arc::new(config),
            Err(errors) => panic!("{}", errors.json()),
        };
        let store = Store::open(&config.state_dir).expect("the store opens");
        let roster = Roster::new(Arc::clone(&config), store.clone());
        let now: jiff::Timestamp = "2026-11-21T02:00:00Z".parse().expect("a time");
        sheetbridge::alarms::enforce_rules(&roster, now).expect("the rules come into force");
        let google = Google::new(&config.google.key.json, &config.google.sheets_url)
            .await
            .expect("a client");
        Self {
            cycle: Cycle::new(roster, Arc::new(google)),
            store,
            now,
        }
    }

    /// One poll, whose verdict must begin like this.
    async fn poll(&mut self, verdict: &str) {
        let report = self
            .cycle
            .poll("1Bench", self.now, Mode::Real)
            .await
            .expect("the poll is well");
        self.now += jiff::SignedDuration::from_mins(1);
        let said = &report.tabs[0];
        assert!(said.edit.starts_with(verdict), "{}", said.edit);
        assert_eq!(said.held, None);
    }

    fn store_bytes(&self) -> u64 {
        self.store.size_on_disk().expect("the store is there")
    }
}

const PRIVATE_KEY: &str = include_str!("../src/sandbox/data/sandbox-only-service-account.pem");

fn configuration(base: &str, columns: usize) -> String {
    let fields = [
        "name", "phone", "email", "stage", "owner", "source", "budget", "area", "interest",
        "received", "note",
    ];
    let mut text = format!(
        "state_dir = \"state\"\n[company]\nname = \"Công ty CP Queenland\"\n[google]\ncredentials = {{ file = \"google.json\" }}\nsheets_url = \"{base}\"\n[telegram]\ntoken = {{ file = \"telegram\" }}\n[[workbook]]\nid = \"1Bench\"\n[[workbook.tab]]\nname = \"Khách hàng\"\n[columns]\n"
    );
    for (field, header) in fields.iter().zip(HEADERS).take(columns) {
        text.push_str(&format!("{field} = \"{header}\"\n"));
    }
    text.push_str("[columns.custom]\n");
    for (at, header) in HEADERS.iter().enumerate().take(columns).skip(fields.len()) {
        text.push_str(&format!(
            "x{at} = {{ header = \"{header}\", type = \"text\" }}\n"
        ));
    }
    text.push_str(RULES);
    text
}

const RULES: &str = r#"
[[stage]]
id = "prospect"
label = "Tiềm năng"
[[stage]]
id = "consulting"
label = "Đang tư vấn"
[[stage]]
id = "viewing"
label = "Đã hẹn xem"
[[stage]]
id = "deposited"
label = "Đã cọc"
[[stage]]
id = "lost"
label = "Không còn nhu cầu"
lost = true
[[staff]]
name = "Lan Anh"
telegram = 100000
[[staff]]
name = "Hà Phạm"
role = "manager"
telegram = 100009
[[rule]]
id = "lead-alert"
on = "added"
send = { channel = "telegram", to = "owner", template = "lead-alert" }
[[rule]]
id = "consulting-idle"
on = { idle = "consulting", after = "3d", every = "2d", times = 3 }
send = { channel = "telegram", to = "owner", template = "idle" }
escalate = [{ after = "9d", to = "managers", template = "idle-escalated" }]
"#;

/// CPU time and peak memory of this process from now on.
struct Meter {
    read: fn() -> f64,
    cpu_ms: f64,
    from: Instant,
}

impl Meter {
    /// Of the whole process, in ticks of 10 ms.
    fn start() -> Self {
        Self::by(process_ms)
    }

    /// Of the threads that are there at both ends, in nanoseconds.
    fn of_threads() -> Self {
        Self::by(threads_ms)
    }

    fn by(read: fn() -> f64) -> Self {
        // Sets the peak back to what is used now.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        Self {
            read,
            cpu_ms: read(),
            from: Instant::now(),
        }
    }

    fn print(&self, rounds: u32, written: f64) {
        let each = f64::from(rounds);
        println!(
            "{} {} {} {written}",
            ((self.read)() - self.cpu_ms) / each,
            self.from.elapsed().as_secs_f64() * 1_000.0 / each,
            peak_mb()
        );
    }
}

/// User and system time, also of threads that have ended.
fn process_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("this is Linux");
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |field: usize| fields[field].parse::<f64>().expect("a number of ticks");
    (ticks(11) + ticks(12)) * 10.0
}

fn threads_ms() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").expect("this is Linux");
    let nanoseconds: f64 = threads
        .filter_map(|thread| {
            let path = thread.ok()?.path().join("schedstat");
            let text = std::fs::read_to_string(path).ok()?;
            text.split_whitespace().next()?.parse::<f64>().ok()
        })
        .sum();
    nanoseconds / 1e6
}

fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: f64 = line
        .and_then(|line| line.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .expect("the kernel says it");
    kilobytes / 1_000.0
}
