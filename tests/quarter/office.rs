//! The company: its sheet, its staff, and sheetbridge beside it, with a clock that runs as fast as it can.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::civil::{Date, date, time};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use sheetbridge::alarms;
use sheetbridge::config::{Config, Environment};
use sheetbridge::core::delivery::{State, Verdict};
use sheetbridge::core::message::{Address, Message, MessageKey, Wanted};
use sheetbridge::core::rule::Channel;
use sheetbridge::courier::{Courier, Parcel, ProbeError};
use sheetbridge::cycle::{Cycle, Mode};
use sheetbridge::google::{Google, GoogleError, Metadata, TabInfo, Told as Answers};
use sheetbridge::health::Health;
use sheetbridge::outbox::Outbox;
use sheetbridge::render::{self, Language, Templates};
use sheetbridge::roster::Roster;
use sheetbridge::store::keys::{self, prefix};
use sheetbridge::store::{Memory, Store};

use super::calendar::{self, Deed, Life, wall, works};
use super::dice::Dice;

const BOOK: &str = "1Quarter";

const KEY: &str = r#"{"type": "service_account", "client_email": "crm@quarter.iam.gserviceaccount.com",
    "private_key": "-----BEGIN PRIVATE KEY-----\nnot a key\n-----END PRIVATE KEY-----\n",
    "token_uri": "http://127.0.0.1:9/token"}"#;

const SETTINGS: &str = r#"
state_dir = "state"
[company]
name = "Queenland"
[google]
credentials = { file = "google.json" }
[[workbook]]
id = "1Quarter"
[[workbook.tab]]
name = "Khách hàng"
[columns]
name = "Họ tên"
phone = "SĐT"
stage = "Giai đoạn"
owner = "NV phụ trách"
appointment = "Ngày hẹn"
birthday = "Ngày sinh"
note = "Ghi chú"
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
id = "lost"
label = "Không còn nhu cầu"
lost = true
[[staff]]
name = "Lan Anh"
telegram = 100000
[[staff]]
name = "Minh Tuấn"
telegram = 100001
[[staff]]
name = "Thu Hà"
telegram = 100002
[[staff]]
name = "Hà Phạm"
role = "manager"
telegram = 100009
[settle]
after = "20s"
removed = "10m"
[hours]
work = "Mon-Sat 08:00-18:00"
holidays = ["vn"]
[telegram]
token = { file = "token.txt" }
[[rule]]
id = "idle"
on = { idle = "consulting", after = "3d", every = "2d", times = 3 }
send = { channel = "telegram", to = "owner", template = "idle" }
[[rule]]
id = "appointment"
on = { date = "appointment", before = "1d", at = "09:00" }
send = { channel = "telegram", to = "owner", template = "appointment" }
[[rule]]
id = "birthday"
on = { date = "birthday", yearly = true, at = "08:30" }
send = { channel = "telegram", to = "owner", template = "appointment" }
"#;

const OWNERS: [(&str, i64); 3] = [
    ("Lan Anh", 100_000),
    ("Minh Tuấn", 100_001),
    ("Thu Hà", 100_002),
];

const STAGES: [(&str, &str); 4] = [
    ("prospect", "Khách hàng tiềm năng"),
    ("consulting", "Đang tư vấn"),
    ("deposited", "Đã đặt cọc"),
    ("lost", "Không còn nhu cầu"),
];

/// A Monday with New Year in its first month, and Tết in its third.
const BEGINS: Date = date(2026, 12, 7);

/// The columns, by their place.
const STAGE: usize = 2;
const OWNER: usize = 3;
const APPOINTMENT: usize = 4;
const NOTE: usize = 6;

type Row = [String; 7];

/// A reminder that reached a chat.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) who: String,
    pub(crate) what: &'static str,
    pub(crate) occasion: String,
    pub(crate) at: Timestamp,
    pub(crate) owner: &'static str,
}

impl Told {
    pub(crate) fn name(&self) -> super::Name {
        (self.who.clone(), self.what, self.occasion.clone())
    }
}

/// Takes everything at once.
#[derive(Debug)]
struct Chats;

impl Courier for Chats {
    fn takes_pictures(&self) -> bool {
        false
    }

    fn connections(&self) -> usize {
        8
    }

    fn ready_in(&self, _to: &Address) -> Duration {
        Duration::ZERO
    }

    fn deliver<'a>(&'a self, _parcel: &'a Parcel) -> BoxFuture<'a, Verdict> {
        Box::pin(async {
            Verdict::Delivered {
                receipt: "1".to_owned(),
            }
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, ProbeError>> {
        Box::pin(async { Ok("simulated".to_owned()) })
    }
}

/// The tab, in Google's place.
struct Sheet(Arc<Mutex<Vec<Row>>>);

impl Answers for Sheet {
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

    fn values(&self, _workbook: &str, ranges: &[String]) -> Result<Vec<u8>, GoogleError> {
        let header = [
            "Họ tên",
            "SĐT",
            "Giai đoạn",
            "NV phụ trách",
            "Ngày hẹn",
            "Ngày sinh",
            "Ghi chú",
        ];
        let rows = self.0.lock().unwrap();
        let whole: Vec<serde_json::Value> = std::iter::once(serde_json::json!(header))
            .chain(rows.iter().map(|row| serde_json::json!(row)))
            .collect();
        let answers: Vec<serde_json::Value> = ranges
            .iter()
            .map(|range| {
                // Ranges of rows ask for the header.
                let only_header = range
                    .rsplit_once('!')
                    .is_some_and(|(_, cells)| cells.starts_with(|c: char| c.is_ascii_digit()));
                let rows = if only_header { &whole[..1] } else { &whole[..] };
                serde_json::json!({ "range": range, "values": rows })
            })
            .collect();
        Ok(serde_json::json!({ "valueRanges": answers })
            .to_string()
            .into_bytes())
    }
}

/// All of it.
pub(crate) struct Office {
    dice: Dice,
    rows: Arc<Mutex<Vec<Row>>>,
    lives: Vec<Life>,
    /// Dates that a customer had are not typed a second time: it would be the same occasion.
    used: BTreeMap<String, Vec<Date>>,
    roster: Roster,
    cycle: Cycle,
    outbox: Outbox,
    now: Timestamp,
    _dir: tempfile::TempDir,
}

/// The first look, and when the rules come into force.
fn begins() -> Timestamp {
    calendar::at(BEGINS.to_datetime(time(7, 0, 0, 0)))
}

fn shown(day: Date) -> String {
    day.strftime("%d/%m/%Y").to_string()
}

impl Office {
    pub(crate) async fn open(seed: u64, customers: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let now = begins();
        let store = Store::in_memory(&Memory::new(seed, Arc::new(|_| None)), dir.path()).unwrap();
        let roster = Roster::new(Arc::new(config(dir.path())), store);
        let rows = Arc::new(Mutex::new(Vec::new()));
        let google = Google::told(Arc::new(Sheet(Arc::clone(&rows))));
        let templates = Templates::load(None, Language::default()).unwrap();
        alarms::enforce_rules(&roster, now).unwrap();
        let mut office = Self {
            dice: Dice::about(seed, "quarter", 0),
            rows,
            lives: Vec::new(),
            used: BTreeMap::new(),
            cycle: Cycle::new(roster.clone(), Arc::new(google)),
            outbox: Outbox::new(
                roster.clone(),
                Arc::new(templates),
                None,
                Some(Arc::new(Chats)),
                Health::new(now, "quarter", false),
            ),
            roster,
            now,
            _dir: dir,
        };
        for _ in 0..customers {
            office.newcomer(false);
        }
        office.poll().await;
        office
    }

    /// Plays days, hour by hour.
    pub(crate) async fn live(&mut self, days: u32) {
        for day in calendar::days(BEGINS, days) {
            for hour in (8..=17).chain([19]) {
                self.now = calendar::at(day.to_datetime(time(hour, 0, 0, 0)));
                let undone = match works(day) && hour < 18 {
                    true => self.staff(),
                    false => None,
                };
                self.poll().await;
                if let Some((row, cells)) = undone {
                    let mut rows = self.rows.lock().unwrap();
                    let at = rows.iter().position(|other| other[0] == row).unwrap();
                    rows[at] = cells;
                }
                self.now += SignedDuration::from_secs(30);
                self.poll().await;
                self.now += SignedDuration::from_secs(1);
                self.ring().await;
            }
        }
    }

    async fn poll(&mut self) {
        let report = self.cycle.poll(BOOK, self.now, Mode::Real).await.unwrap();
        assert!(report.ambiguous.is_empty(), "{:?}", report.ambiguous);
        let held = report.tabs.iter().find_map(|tab| tab.held.as_ref());
        assert_eq!(held, None);
    }

    async fn ring(&mut self) {
        tokio::task::block_in_place(|| alarms::ring(&self.roster, self.now)).unwrap();
        let now = self.now;
        let never = std::future::pending::<()>();
        let passed = self
            .outbox
            .pass_until(Channel::Telegram, never, move || now, |_| true);
        passed.await.unwrap();
    }

    /// What staff do in an hour. Returns a row that is typed into and put back before it has settled.
    fn staff(&mut self) -> Option<(String, Row)> {
        let edits = (self.lives.len() / 60).max(1);
        for _ in 0..edits {
            self.edit();
        }
        if self.dice.chance(10) {
            self.newcomer(true);
        }
        if self.dice.chance(20) {
            self.shuffle();
        }
        if !self.dice.chance(10) {
            return None;
        }
        let now = self.now;
        let lives: Vec<String> = self
            .lives
            .iter()
            .filter(|life| !matches!(life.deeds.last(), Some((_, Deed::Deleted))))
            // Nobody is edited in earnest and in jest at once.
            .filter(|life| life.deeds.last().is_some_and(|(at, _)| *at < now))
            .map(|life| life.name.clone())
            .collect();
        let name = self.dice.one(&lives).clone();
        let mut rows = self.rows.lock().unwrap();
        let row = rows.iter_mut().find(|row| row[0] == name)?;
        let before = row.clone();
        row[NOTE] = "gõ nhầm dòng".to_owned();
        row[STAGE] = STAGES[1].1.to_owned();
        Some((name, before))
    }

    fn edit(&mut self) {
        let now = self.now;
        let n = self.dice.below(self.lives.len());
        let Some((last, deed)) = self.lives[n].deeds.last() else {
            return;
        };
        if *last == now || matches!(deed, Deed::Deleted) {
            return;
        }
        let name = self.lives[n].name.clone();
        let what = self.dice.below(100);
        let number = self.dice.below(10_000);
        let stage = match self.dice.below(10) {
            0 => STAGES[0],
            1..=6 => STAGES[1],
            7 | 8 => STAGES[2],
            _ => STAGES[3],
        };
        let owner = self.dice.one(&OWNERS).0;
        let day = self.new_date(&name);
        let mut rows = self.rows.lock().unwrap();
        let place = rows.iter().position(|row| row[0] == name).unwrap();
        let row = &mut rows[place];
        let deed = match what {
            0..30 => {
                row[NOTE] = format!("đã gọi lần {number}");
                Deed::Touched
            }
            30..60 if row[STAGE] != stage.1 => {
                row[STAGE] = stage.1.to_owned();
                Deed::Stage(stage.0)
            }
            60..85 => {
                row[APPOINTMENT] = shown(day);
                Deed::Appointment(Some(day))
            }
            85..90 if !row[APPOINTMENT].is_empty() => {
                row[APPOINTMENT].clear();
                Deed::Appointment(None)
            }
            90..98 if row[OWNER] != owner => {
                row[OWNER] = owner.to_owned();
                Deed::Owner(owner)
            }
            98..100 => {
                rows.remove(place);
                Deed::Deleted
            }
            _ => return,
        };
        drop(rows);
        self.lives[n].deeds.push((now, deed));
    }

    /// A day within three weeks, or a few days ago: people note afterwards, too.
    fn new_date(&mut self, name: &str) -> Date {
        let used = self.used.entry(name.to_owned()).or_default();
        loop {
            let ahead = self.dice.between(-2, 21);
            let day = wall(self.now).date().checked_add(ahead.days()).unwrap();
            if !used.contains(&day) {
                used.push(day);
                return day;
            }
        }
    }

    fn newcomer(&mut self, in_earnest: bool) {
        const FAMILY: [&str; 8] = ["Nguyễn", "Trần", "Lê", "Phạm", "Vũ", "Đặng", "Bùi", "Hồ"];
        const GIVEN: [&str; 10] = [
            "An", "Bình", "Châu", "Dũng", "Giang", "Hạnh", "Khoa", "Linh", "Minh", "Phúc",
        ];
        let number = self.lives.len();
        // Names of their own: two of one name are another test's.
        let letters = ["Văn", "Thị", "Đức", "Ngọc", "Quang", "Thu", "Hữu", "Kim"];
        let middle = format!("{} {}", letters[number / 80 % 8], letters[number / 640 % 8]);
        let name = format!("{} {middle} {}", FAMILY[number % 8], GIVEN[number / 8 % 10]);
        let born = self.dice.chance(60).then(|| {
            let day = i8::try_from(self.dice.between(1, 29)).unwrap();
            let month = i8::try_from(*self.dice.one(&[12_i64, 1, 2, 6])).unwrap();
            date(1985, month, day)
        });
        let owner = self.dice.one(&OWNERS).0;
        let mut row: Row = std::array::from_fn(|_| String::new());
        row[0].clone_from(&name);
        row[1] = format!("09{:08}", 10_000_019 + number * 7_919);
        row[STAGE] = STAGES[0].1.to_owned();
        row[OWNER] = owner.to_owned();
        row[5] = born.map_or_else(String::new, shown);
        let mut deeds = vec![
            (self.now, Deed::Owner(owner)),
            (self.now, Deed::Stage("prospect")),
        ];
        if in_earnest && self.dice.chance(30) {
            let day = self.new_date(&name);
            row[APPOINTMENT] = shown(day);
            deeds.push((self.now, Deed::Appointment(Some(day))));
        }
        self.rows.lock().unwrap().push(row);
        self.lives.push(Life {
            name,
            born,
            from: self.now,
            rules: begins(),
            deeds,
            end: Timestamp::MAX,
        });
    }

    /// Staff sort, and drag about.
    fn shuffle(&mut self) {
        let mut rows = self.rows.lock().unwrap();
        match self.dice.below(3) {
            0 => rows.sort(),
            1 => rows.sort_by(|one, other| other[OWNER].cmp(&one[OWNER])),
            _ => {
                let (from, to) = (self.dice.below(rows.len()), self.dice.below(rows.len()));
                let row = rows.remove(from);
                let to = to.min(rows.len());
                rows.insert(to, row);
            }
        }
    }

    /// Who lived how, and what was told.
    pub(crate) fn end(mut self) -> (Vec<Life>, Vec<Told>) {
        for life in &mut self.lives {
            life.end = self.now;
        }
        let told = tokio::task::block_in_place(|| told(&self.roster));
        (self.lives, told)
    }
}

/// Every reminder that arrived, by itself or in a list.
fn told(roster: &Roster) -> Vec<Told> {
    let store = roster.store();
    let names: BTreeMap<String, String> = store
        .records()
        .map(|record| {
            let record = record.unwrap();
            (
                record.id.to_string(),
                record.seen["name"].shown().to_string(),
            )
        })
        .collect();
    let mut told = Vec::new();
    let mut rounds: BTreeMap<(String, String), u32> = BTreeMap::new();
    let mut all: Vec<Message> = store
        .scan::<Message>(prefix::MESSAGE)
        .map(|entry| entry.unwrap().1)
        .collect();
    all.sort_by_key(|message| message.created);
    for message in all {
        let what = match message.rule.as_str() {
            "idle" => "idle",
            "appointment" => "appointment",
            "birthday" => "birthday",
            _ => continue,
        };
        let who = names[message.record.as_ref().unwrap().as_str()].clone();
        let occasion = match &message.wanted {
            Wanted::Idle { since, .. } => {
                let since = wall(*since);
                let since = since
                    .date()
                    .at(since.hour(), since.minute(), 0, 0)
                    .to_string();
                let round = rounds.entry((who.clone(), since.clone())).or_default();
                *round += 1;
                format!("{since} round {}", *round - 1)
            }
            Wanted::Date { value, .. } if what == "appointment" => value.clone(),
            Wanted::Date { value, .. } => {
                format!("{}{}", wall(message.created).year(), &value[4..])
            }
            other => panic!("{other:?}"),
        };
        let arrived = match message.why.rsplit_once("others: ") {
            Some((_, list)) => {
                let key = keys::message(&MessageKey::from_text(list));
                store.get::<Message>(&key).unwrap().unwrap()
            }
            None => message,
        };
        if arrived.state != State::Delivered {
            continue;
        }
        let Address::Chat(chat) = arrived.frozen.as_ref().unwrap().address else {
            panic!("{arrived:?}");
        };
        let owner = OWNERS.iter().find(|(_, number)| *number == chat);
        told.push(Told {
            who,
            what,
            occasion,
            at: arrived.attempts.last().unwrap().at,
            owner: owner.map_or("somebody else", |(name, _)| name),
        });
    }
    told
}

fn config(dir: &Path) -> Config {
    for (name, text) in [
        ("google.json", KEY),
        ("token.txt", "123456:TEST-token-of-the-quarter-abcdefghijk"),
        ("sheetbridge.toml", SETTINGS),
    ] {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let names = render::shipped_names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let nothing = Environment::of(std::iter::empty::<(String, String)>());
    Config::load(&dir.join("sheetbridge.toml"), &nothing, &names)
        .unwrap_or_else(|errors| panic!("{}", errors.json()))
}
