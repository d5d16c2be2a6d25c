//! A company on loopback for black-box tests: the sandbox's workbook, a configuration, a state folder.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    missing_docs,
    unreachable_pub
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sheetbridge::config::{Config, Environment};
use sheetbridge::cycle::{Cycle, Mode, Report};
use sheetbridge::google::Google;
use sheetbridge::render;
use sheetbridge::roster::Roster;
use sheetbridge::sandbox::google::{
    Cell, CellEdit, Edit, GoogleOptions, GoogleSandbox, Workbook, demo_workbook, start,
};
use sheetbridge::store::Store;

/// What the configuration says unless a test says otherwise: settings, then rules.
pub const COLUMNS: &str = r#"
[columns]
name = ["Họ tên", "Tên khách hàng"]
phone = ["SĐT", "Số điện thoại"]
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
aliases = ["mất khách", "huỷ cọc"]
lost = true

[[staff]]
name = "Lan Anh"
email = "lan.anh@congty.example"
telegram = 100000
[[staff]]
name = "Minh Tuấn"
telegram = 100001
[[staff]]
name = "Thu Hà"
telegram = 100002
[[staff]]
name = "Quốc Bảo"
telegram = 100003
[[staff]]
name = "Hà Phạm"
role = "manager"
email = "ha.pham@congty.example"
telegram = 100009

[settle]
after = "20s"
removed = "10m"

"#;

/// Unless a test has hours of its own.
const ALL_HOURS: &str = r#"
[hours]
work = "00:00-24:00"
ads = "00:00-24:00"
holidays = []
"#;

/// A workbook, a configuration, a store, and a clock that only the test moves.
pub struct Company {
    pub dir: tempfile::TempDir,
    pub google: GoogleSandbox,
    pub workbook: String,
    pub roster: Roster,
    pub cycle: Cycle,
    pub now: Timestamp,
}

/// The customers tab of the sample workbook.
pub const CUSTOMERS: &str = "Khách hàng";

impl Company {
    /// The sample workbook with these further sections (rules, channels) in the configuration.
    pub async fn new(more: &str) -> Self {
        Self::with(demo_workbook(), &tabs_of_sample(), more, &[]).await
    }

    /// A workbook of one tab of customers with these rows under a plain header.
    pub async fn small(rows: &[&[&str]], more: &str) -> Self {
        Self::small_with_files(rows, more, &[]).await
    }

    /// The same with files beside the configuration, readable by their owner only.
    pub async fn small_with_files(rows: &[&[&str]], more: &str, files: &[(&str, &str)]) -> Self {
        let mut workbook = Workbook::new("1Small", "Khách nhỏ");
        workbook
            .share
            .insert("*".into(), sheetbridge::sandbox::google::Role::Reader);
        let tab = workbook.add_tab(CUSTOMERS);
        for (r, row) in std::iter::once(&SMALL_HEADER[..])
            .chain(rows.iter().copied())
            .enumerate()
        {
            for (c, text) in row.iter().enumerate() {
                if !text.is_empty() {
                    tab.set(r, c, Cell::text(*text));
                }
            }
        }
        let tabs = format!("[[workbook.tab]]\nname = \"{CUSTOMERS}\"\n");
        Self::with(workbook, &tabs, more, files).await
    }

    /// Any workbook with these `[[workbook.tab]]` sections.
    pub async fn with(workbook: Workbook, tabs: &str, more: &str, files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(dir.path().join(name), content).unwrap();
            private(&dir.path().join(name));
        }
        let google = start("127.0.0.1:0".parse().unwrap(), GoogleOptions::default())
            .await
            .unwrap();
        let id = workbook.id.clone();
        google.add_workbook(workbook);
        std::fs::write(
            dir.path().join("google.json"),
            google.key_json().to_string(),
        )
        .unwrap();
        private(&dir.path().join("google.json"));
        let head = format!(
            "state_dir = \"state\"\n[company]\nname = \"Công ty CP Queenland\"\n[google]\ncredentials = {{ file = \"google.json\" }}\nsheets_url = \"{}\"\n[[workbook]]\nid = \"{id}\"\n{tabs}",
            google.base_url()
        );
        let path = dir.path().join("sheetbridge.toml");
        let hours = if more.contains("[hours]") {
            ""
        } else {
            ALL_HOURS
        };
        std::fs::write(&path, format!("{head}{COLUMNS}{hours}{more}")).unwrap();
        let roster = roster(&path, None);
        let now: Timestamp = "2026-11-21T02:00:00Z".parse().unwrap();
        sheetbridge::alarms::enforce_rules(&roster, now).unwrap();
        let client = google_client(&roster).await;
        Self {
            cycle: Cycle::new(roster.clone(), client),
            dir,
            google,
            workbook: id,
            roster,
            now,
        }
    }

    /// The configuration read anew, quick enough for the real clock.
    pub fn config(&mut self) -> Config {
        self.release_store();
        let path = self.dir.path().join("sheetbridge.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replace("after = \"20s\"", "after = \"1s\"");
        let text = if text.contains("poll_every") {
            text
        } else {
            text.replace("[google]\n", "[google]\npoll_every = \"1s\"\n")
        };
        std::fs::write(&path, text).unwrap();
        load(&path)
    }

    /// Lets go of the store, so that a daemon can have it.
    fn release_store(&mut self) {
        let elsewhere = tempfile::tempdir_in(self.dir.path()).unwrap().keep();
        let elsewhere = Store::open(&elsewhere).unwrap();
        self.roster = Roster::new(Arc::clone(self.roster.config()), elsewhere);
        self.cycle.reconfigure(self.roster.clone());
    }

    /// The same with the store closed and opened again.
    pub async fn reopen(&mut self) {
        self.release_store();
        self.roster = roster(&self.dir.path().join("sheetbridge.toml"), None);
        self.restart().await;
    }

    /// The outbox as the command line shows it, of a store that no daemon holds.
    pub async fn outbox(&self) -> Vec<serde_json::Value> {
        use sheetbridge::commands::{Desk, OutboxFilter, Request, Who};
        let store = Store::open(&self.dir.path().join("state")).unwrap();
        let desk = Desk::new(Roster::new(Arc::clone(self.roster.config()), store), None);
        let answer = desk
            .answer(
                &Request::Outbox(OutboxFilter {
                    limit: 100,
                    ..OutboxFilter::default()
                }),
                &Who::CommandLine,
                self.now,
            )
            .unwrap();
        answer.as_array().unwrap().clone()
    }

    /// Moves the clock.
    pub fn wait(&mut self, seconds: i64) {
        self.now = self
            .now
            .saturating_add(SignedDuration::from_secs(seconds))
            .unwrap();
    }

    /// One real poll.
    pub async fn poll(&mut self) -> Report {
        self.cycle
            .poll(&self.workbook, self.now, Mode::Real)
            .await
            .unwrap()
    }

    /// A poll, a wait until everything is quiet, and a second poll.
    pub async fn poll_and_settle(&mut self) -> (Report, Report) {
        let seen = self.poll().await;
        self.wait(21);
        (seen, self.poll().await)
    }

    /// What staff do to the sheet.
    pub fn edit(&self, edit: Edit) {
        self.google.edit(&self.workbook, &[edit]).unwrap();
    }

    /// Staff type into a cell; rows count from 1, a column is a header's text.
    pub fn type_into(&self, row: usize, column: &str, text: &str) {
        self.edit(Edit::Set {
            tab: CUSTOMERS.into(),
            at: CellEdit::typed(row, column, text),
        });
    }

    /// The number of the last row with something in it.
    pub fn last_row(&self) -> usize {
        self.google
            .workbook(&self.workbook)
            .unwrap()
            .tab(CUSTOMERS)
            .unwrap()
            .filled_rows()
    }

    /// Staff type a new customer under the last row, in one go.
    pub fn add_customer(&self, cells: &[(&str, &str)]) -> usize {
        let row = self.last_row() + 1;
        for (column, text) in cells {
            self.type_into(row, column, text);
        }
        row
    }

    /// The process is killed and started again: everything but the disk is forgotten.
    pub async fn restart(&mut self) {
        let client = google_client(&self.roster).await;
        self.cycle = Cycle::new(self.roster.clone(), client);
    }
}

const SMALL_HEADER: [&str; 8] = [
    "Họ tên",
    "SĐT",
    "Email",
    "Giai đoạn",
    "NV phụ trách",
    "Ngày tiếp nhận",
    "Ngày hẹn",
    "Không nhận tin",
];

fn tabs_of_sample() -> String {
    r#"[[workbook.tab]]
name = "Khách hàng"
[[workbook.tab]]
name = "Lịch hẹn"
kind = "appointments"
columns = { at = "Ngày giờ", name = "Khách", phone = "SĐT", project = "Dự án", owner = "NV", state = "Trạng thái" }
cancelled = ["huỷ", "hủy", "dời"]
[[workbook.tab]]
name = "NV"
kind = "staff"
columns = { name = "NV", email = "Email", active = "Đang làm" }
"#
    .into()
}

/// A configuration that must be right.
pub fn load(path: &Path) -> Config {
    let names = render::shipped_names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match Config::load(
        path,
        &Environment::of(std::iter::empty::<(String, String)>()),
        &names,
    ) {
        Ok(config) => config,
        Err(errors) => panic!("{}", errors.json()),
    }
}

/// People and records over a store.
pub fn roster(path: &Path, store: Option<Store>) -> Roster {
    let config = Arc::new(load(path));
    let store = store.unwrap_or_else(|| Store::open(&config.state_dir).unwrap());
    Roster::new(config, store)
}

pub async fn google_client(roster: &Roster) -> Arc<Google> {
    let google = &roster.config().google;
    Arc::new(
        Google::new(&google.key.json, &google.sheets_url)
            .await
            .unwrap(),
    )
}

/// Secrets that others can read are warned of.
pub fn private(path: &PathBuf) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// The kinds of the changes of a report, sorted and counted.
pub fn kinds(report: &Report) -> serde_json::Value {
    let mut counts = std::collections::BTreeMap::new();
    for change in &report.changes {
        *counts.entry(change.kind).or_insert(0) += 1;
    }
    json!(counts)
}

/// Sorted keys of the decided messages, with the record's id taken out.
pub fn keys(report: &Report) -> Vec<String> {
    let mut keys: Vec<String> = report
        .messages
        .iter()
        .map(|message| {
            let mut parts: Vec<&str> = message.key.as_str().splitn(5, '/').collect();
            parts.remove(2);
            parts.join("/")
        })
        .collect();
    keys.sort();
    keys
}
