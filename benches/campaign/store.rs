//! The same through the store, as the daemon does it: half a million customers who were read from a sheet, a campaign
//! that is written as a file, asked about, approved, and written down message by message. Each step is a process of
//! its own, so that each has a peak of its own.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use sheetbridge::campaigns::Campaigns;
use sheetbridge::cli::memory::OPTIONS;
use sheetbridge::commands::{Desk, Who};
use sheetbridge::config::{Config, Environment};
use sheetbridge::core::campaign::CampaignId;
use sheetbridge::core::people::Role;
use sheetbridge::cycle::{Cycle, Mode};
use sheetbridge::google::{Google, GoogleError, Metadata, TabInfo, Told};
use sheetbridge::render::{self, Language, Templates};
use sheetbridge::roster::Roster;
use sheetbridge::store::Store;

use super::{CONDITION, Measure, TEXT, cells_of, peak_mb};

const KEY: &str = r#"{"type": "service_account", "client_email": "crm@bench.iam.gserviceaccount.com",
    "private_key": "-----BEGIN PRIVATE KEY-----\nnot a key\n-----END PRIVATE KEY-----\n",
    "token_uri": "http://127.0.0.1:9/token"}"#;

const SETTINGS: &str = r#"
state_dir = "state"
[company]
name = "Queenland"
address = "12 Lê Lợi, Quận 1"
phone = "028 3822 9999"
email = "lienhe@queenland.example"
[google]
credentials = { file = "google.json" }
[[workbook]]
id = "1Bench"
[[workbook.tab]]
name = "Khách hàng"
[columns]
name = "Họ tên"
phone = "SĐT"
email = "Email"
area = "Khu vực"
budget = "Ngân sách"
source = "Nguồn"
owner = "NV phụ trách"
received = "Ngày tiếp nhận"
note = "Ghi chú"
stage = "Giai đoạn"
consent = "Đồng ý nhận tin"
no_ads = "Không nhận tin"
[[stage]]
id = "prospect"
label = "Tiềm năng"
[[stage]]
id = "consulting"
label = "Đang tư vấn"
[[staff]]
name = "Lan Anh"
email = "lan.anh@queenland.example"
[[staff]]
name = "Hà Phạm"
role = "manager"
email = "ha.pham@queenland.example"
[aliases.area]
"Quận 7" = ["Q.7", "Phú Mỹ Hưng"]
[email]
smtp = "smtp+plain://127.0.0.1:2525"
from = "Queenland <crm@queenland.example>"
"#;

fn now() -> Timestamp {
    "2026-11-23T02:00:00Z".parse().expect("a time")
}

/// Plays the steps one after the other in a folder of its own.
pub fn all(count: u32) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path();
    secret(path, "google.json", KEY);
    secret(path, "sheetbridge.toml", SETTINGS);
    let team = SETTINGS.replace(
        "name = \"Lan Anh\"\n",
        "name = \"Lan Anh\"\nteam = \"KD1\"\n",
    );
    secret(path, "lists.toml", &format!("{team}{LISTS}"));
    std::fs::create_dir(path.join("campaigns")).expect("our folder");
    let campaign = format!(
        "name = \"Mở bán\"\nstate = \"Sẵn sàng\"\nstage = [\"Tiềm năng\", \"Đang tư vấn\"]\narea = \"Quận 7\"\ncondition = \"{CONDITION}\"\nsubject = \"{{{{ greeting }}}} ơi, Sunrise mở bán đợt 2\"\ntext = '''\n{TEXT}\n'''\n"
    );
    std::fs::write(path.join("campaigns/bench.toml"), campaign).expect("our file");
    for step in ["read", "search", "ask", "freeze"] {
        let exe = std::env::current_exe().expect("this program");
        let status = Command::new(exe)
            .args(["step", step, &count.to_string()])
            .arg(path)
            .envs(OPTIONS)
            .status()
            .expect("it starts");
        assert!(status.success(), "{step} failed");
    }
}

/// One step, in a process of its own.
pub fn step(name: &str, count: u32, folder: &Path) {
    let names = render::shipped_names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let nothing = Environment::of(std::iter::empty::<(String, String)>());
    let file = match name {
        "search" => "lists.toml",
        _ => "sheetbridge.toml",
    };
    let config = Config::load(&folder.join(file), &nothing, &names);
    let config = Arc::new(config.unwrap_or_else(|errors| panic!("{}", errors.json())));
    let store = Store::open(&folder.join("state")).expect("our store");
    let roster = Roster::new(config, store);
    match name {
        "read" => read(&roster, count),
        "search" => search(&roster, count),
        "ask" => ask(&roster),
        _ => freeze(&roster, folder),
    }
}

fn read(roster: &Roster, count: u32) {
    let google = Google::told(Arc::new(Says(body(count))));
    let mut cycle = Cycle::new(roster.clone(), Arc::new(google));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("a runtime");
    let polled = runtime.spawn(async move { cycle.poll("1Bench", now(), Mode::Real).await });
    let report = runtime
        .block_on(polled)
        .expect("no panic")
        .expect("a sheet");
    println!(
        "\nthrough the store: {} customers read",
        report.tabs[0].records
    );
}

/// A leader of whose team everybody's customers are, and rules by which most of them wait too long and some have a date.
const LISTS: &str = r#"
[[staff]]
name = "Thu Hà"
role = "leader"
team = "KD1"
[[rule]]
id = "quiet"
on = { idle = "prospect", after = "3d" }
when = "email and not no_ads"
send = { channel = "email", to = "owner", template = "idle" }
[[rule]]
id = "quiet-too"
on = { idle = "consulting", after = "30d" }
send = { channel = "email", to = "owner", template = "idle" }
[[rule]]
id = "received"
on = { date = "received", after = "1d", at = "09:00" }
send = { channel = "email", to = "owner", template = "idle" }
"#;

/// What the bot does when somebody looks for a customer or asks for a list; what it goes by is made when the daemon
/// starts.
fn search(roster: &Roster, count: u32) {
    let began = Measure::now();
    let nobody = roster.with_contact("nobody@example.com");
    nobody.expect("our store");
    println!(
        "the index of customers: {}, {:.0} MB at the most",
        began.done(),
        peak_mb()
    );
    let began = Measure::now();
    roster.know_persons().expect("our store");
    println!(
        "what lists go by: {}, {:.0} MB at the most",
        began.done(),
        peak_mb()
    );
    let desk = Desk::new(roster.clone(), None);
    let colleague = |name: &str, role| Who::Colleague {
        name: name.to_owned(),
        role,
    };
    let who = colleague("Hà Phạm", Role::Manager);
    lists(&desk, &who, "manager");
    lists(&desk, &colleague("Thu Hà", Role::Leader), "leader");
    let one = count - 1;
    for wanted in [
        format!("vu hai {one}"),
        format!("khach{one}@example.com"),
        format!("09{one:08}"),
        format!("{one:06}"),
        "binh".to_owned(),
        "nguyen van an".to_owned(),
    ] {
        let began = Instant::now();
        let found = desk
            .find(&wanted, &who, now())
            .map_or(0, |cards| cards.len());
        let ms = began.elapsed().as_secs_f64() * 1_000.0;
        println!("looking for “{wanted}”: {found} cards in {ms:.0} ms (at most 300)");
    }
}

fn lists(desk: &Desk, who: &Who, whose: &str) {
    let ask = |what: &str, answer: &dyn Fn() -> usize| {
        let began = Instant::now();
        let many = answer();
        let ms = began.elapsed().as_secs_f64() * 1_000.0;
        println!("{whose}, {what}: {many} in {ms:.0} ms (at most 300)");
    };
    ask("totals", &|| desk.totals(who).map_or(0, |all| all.total));
    ask("customers by stage", &|| {
        desk.mine(who, now()).map_or(0, |all| all.total)
    });
    ask("today", &|| {
        desk.day(who, now()).map_or(0, |day| day.due_count)
    });
    for page in [1, 1_000] {
        ask(&format!("waiting, page {page}"), &|| {
            desk.to_contact(who, page, now()).map_or(0, |all| all.total)
        });
    }
}

fn ask(roster: &Roster) {
    let campaigns = campaigns(roster);
    let began = Measure::now();
    campaigns.pass(now()).expect("our store");
    let asked = began.done();
    let campaign = roster.store().campaign(&CampaignId::from_text("bench"));
    let campaign = campaign.expect("our store").expect("our campaign");
    let question = campaign.asked.as_ref();
    println!(
        "audience and every mail, from the store: {} recipients, {} problems: {asked} (at most 30 s), {:.0} MB at the most (at most 300)",
        question.map_or(0, |question| question.recipients),
        campaign.problems.len(),
        peak_mb()
    );
}

fn freeze(roster: &Roster, folder: &Path) {
    let campaigns = campaigns(roster);
    let desk = Desk::new(roster.clone(), None);
    let before = size(&folder.join("state"));
    let done = desk.campaign_approve("bench", &Who::CommandLine, now());
    let recipients = done.expect("it was asked").recipients;
    let began = Measure::now();
    let frozen = || {
        let campaign = roster.store().campaign(&CampaignId::from_text("bench"));
        let campaign = campaign.expect("our store").expect("our campaign");
        campaign.run.is_some_and(|run| run.frozen)
    };
    while !frozen() {
        campaigns.pass(now()).expect("our store");
    }
    let grown = size(&folder.join("state")).saturating_sub(before);
    println!(
        "writing {recipients} messages down: {}, {} bytes of disk each (at most 1024), {:.0} MB at the most",
        began.done(),
        grown / recipients.max(1),
        peak_mb()
    );
}

fn campaigns(roster: &Roster) -> Campaigns {
    let templates = Templates::load(None, Language::Vietnamese).expect("the shipped templates");
    Campaigns::new(roster.clone(), Arc::new(templates))
}

fn secret(folder: &Path, name: &str, content: &str) {
    let path = folder.join(name);
    std::fs::write(&path, content).expect("our folder");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("our file");
}

/// Bytes on disk of everything below a folder.
fn size(folder: &Path) -> u64 {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(what) if what.is_dir() => size(&entry.path()),
            Ok(what) => what.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Google's answer with so many customers.
fn body(count: u32) -> Vec<u8> {
    let mut json = String::from(
        r#"{"valueRanges":[{"values":[["Họ tên","SĐT","Email","Khu vực","Ngân sách","Nguồn","NV phụ trách","Ngày tiếp nhận","Ghi chú","Giai đoạn","Đồng ý nhận tin"]"#,
    );
    for number in 1..=count {
        let stage = ["Tiềm năng", "Đang tư vấn"][number as usize % 2];
        json.push_str(",[");
        for (_, text) in cells_of(number) {
            let _ = write!(json, "\"{text}\",");
        }
        let _ = write!(json, "\"{stage}\",\"x\"]");
    }
    json.push_str("]}]}");
    json.into_bytes()
}

/// Answers every read with the same bytes.
struct Says(Vec<u8>);

impl Told for Says {
    fn metadata(&self, _workbook: &str) -> Result<Metadata, GoogleError> {
        Ok(Metadata {
            title: "Khách".to_owned(),
            locale: "vi_VN".to_owned(),
            time_zone: "Asia/Ho_Chi_Minh".to_owned(),
            tabs: vec![TabInfo {
                sheet: 0,
                title: "Khách hàng".to_owned(),
            }],
        })
    }

    fn values(&self, _workbook: &str, _ranges: &[String]) -> Result<Vec<u8>, GoogleError> {
        Ok(self.0.clone())
    }
}
