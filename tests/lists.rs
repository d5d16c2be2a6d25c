//! Lists are answered by what is kept in memory of every row; here they are told once more by reading every row, after
//! whatever staff do to a sheet, and have to be the same for everybody.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

mod support;
#[path = "lists/walk.rs"]
mod walk;

use serde_json::{Value as Json, json};
use sheetbridge::commands::{Action, Desk, Right, Scope, Who, may};
use sheetbridge::core::record::Kind;
use sheetbridge::roster::Roster;
use sheetbridge::sandbox::google::{Cell, CellEdit, Edit, Role, Workbook};
use sheetbridge::store::Group;
use sheetbridge::store::given::Given;
use support::{CUSTOMERS, Company};
use walk::{Walk, read};

const OLD: &str = "Khách cũ";
const MEETINGS: &str = "Lịch hẹn";
const HEADER: [&str; 10] = [
    "Họ tên",
    "SĐT",
    "Email",
    "Giai đoạn",
    "NV phụ trách",
    "Ngày tiếp nhận",
    "Ngày hẹn",
    "Ngày sinh",
    "Ghi chú",
    "Không nhận tin",
];

const TABS: &str = r#"[[workbook.tab]]
name = "Khách hàng"
[[workbook.tab]]
name = "Khách cũ"
[[workbook.tab]]
name = "Lịch hẹn"
kind = "appointments"
columns = { at = "Ngày giờ", name = "Khách", owner = "NV", state = "Trạng thái" }
cancelled = ["huỷ"]
"#;

const MORE: &str = r#"
[hours]
work = "Mon-Sat 08:00-18:00"
ads = "00:00-24:00"
holidays = ["2026-11-24"]
[guard]
messages = 10000
[email]
smtp = "smtp+plain://127.0.0.1:2525"
from = "Queenland <crm@queenland.example>"
[telegram]
token = { file = "google.json" }
[[staff]]
name = "Bích Ngọc"
role = "leader"
team = "KD2"
aliases = ["B. Ngọc"]
[[staff]]
name = "Tuyết Mai"
team = "KD2"
[[staff]]
name = "Thu Vân"
role = "marketing"
[[rule]]
id = "quiet"
on = { idle = "consulting", after = "3d" }
when = "phone and not no_ads"
send = { channel = "telegram", to = "owner", template = "idle" }
[[rule]]
id = "quiet-long"
on = { idle = "prospect", after = "2d12h" }
when = "stage_days >= 4 or owner == 'Lan Anh'"
send = { channel = "telegram", to = "owner", template = "idle" }
[[rule]]
id = "quiet-deposit"
on = { idle = "deposited", after = "90m" }
send = { channel = "telegram", to = "owner", template = "idle" }
[[rule]]
id = "birthday"
on = { date = "birthday", yearly = true, at = "08:30" }
when = "note is containing 'vip'"
send = { channel = "telegram", to = "owner", template = "idle" }
[[rule]]
id = "received"
on = { date = "received", after = "1d", at = "09:00" }
when = "cooling or today >= received"
send = { channel = "telegram", to = "owner", template = "idle" }
"#;

const NAMES: [&str; 12] = [
    "Nguyễn Văn An",
    "Anh Bình",
    "chị Đỗ Thị Ái",
    "Công ty TNHH Minh Phát",
    "",
    "Trần Thị Hồng Nhung (vợ anh Tú)",
    "???",
    "Lê Hoàng",
    "lê hoàng",
    "Võ Em",
    "ĐẶNG THỊ HOA",
    "An / Bình",
];
const STAGES: [&str; 9] = [
    "Khách hàng tiềm năng",
    "mới",
    "Đang tư vấn",
    "đang tư vấn",
    "Đã đặt cọc",
    "Hoàn tất giao dịch",
    "mất khách",
    "gọi lại sau",
    "",
];
const OWNERS: [&str; 12] = [
    "Lan Anh",
    "lan anh",
    "Minh Tuấn",
    "Lan Anh + Minh Tuấn",
    "Thu Hà, Tuyết Mai",
    "Tuyết Mai",
    "B. Ngọc",
    "Bích Ngọc / Lan Anh",
    "Người Cũ",
    "Quốc Bảo",
    "",
    "?",
];
const NOTES: [&str; 4] = ["", "VIP", "khách vip, gọi buổi chiều", "bận"];

/// Numbers by chance, the same ones for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    fn one(&mut self, of: &[&str]) -> String {
        of[self.below(of.len())].to_owned()
    }

    fn day(&mut self) -> String {
        match self.below(4) {
            0 => String::new(),
            1 => format!(
                "{:02}/{:02}/19{}",
                1 + self.below(28),
                11 + self.below(2),
                60 + self.below(40)
            ),
            2 => format!(
                "{:02}/11/2026 {:02}:30",
                20 + self.below(10),
                self.below(24)
            ),
            _ => format!("{}/11/2026", 15 + self.below(15)),
        }
    }

    fn cell(&mut self, column: usize) -> String {
        match column {
            0 => self.one(&NAMES),
            1 if self.below(5) == 0 => self.one(&["", "gọi sau", "0901"]),
            1 => format!("09{:08}", self.below(90_000_000)),
            2 if self.below(2) == 0 => String::new(),
            2 => format!("khach{}@example.com", self.below(1000)),
            3 => self.one(&STAGES),
            4 => self.one(&OWNERS),
            5..=7 => self.day(),
            8 => self.one(&NOTES),
            _ => self.one(&["", "", "x"]),
        }
    }

    fn row(&mut self) -> Vec<String> {
        let mut row: Vec<String> = (0..HEADER.len()).map(|column| self.cell(column)).collect();
        if row[0].is_empty() && row[1].is_empty() && row[2].is_empty() {
            row[0] = "Khách".to_owned();
        }
        row
    }
}

async fn company(dice: &mut Dice) -> Company {
    let mut workbook = Workbook::new("1Lists", "Khách");
    workbook.share.insert("*".into(), Role::Reader);
    for (title, count) in [(CUSTOMERS, 160), (OLD, 60)] {
        let tab = workbook.add_tab(title);
        for (column, text) in HEADER.iter().enumerate() {
            tab.set(0, column, Cell::text(*text));
        }
        for row in 1..=count {
            for (column, text) in dice.row().into_iter().enumerate() {
                tab.set(row, column, Cell::text(text.as_str()));
            }
        }
    }
    let tab = workbook.add_tab(MEETINGS);
    for (column, text) in ["Ngày giờ", "Khách", "NV", "Trạng thái"].iter().enumerate() {
        tab.set(0, column, Cell::text(*text));
    }
    for row in 1..=40 {
        let texts = [
            format!(
                "{}/11/2026 {:02}:00",
                20 + dice.below(10),
                8 + dice.below(9)
            ),
            dice.one(&NAMES),
            dice.one(&OWNERS),
            dice.one(&["", "", "đã xác nhận", "khách huỷ"]),
        ];
        for (column, text) in texts.iter().enumerate() {
            tab.set(row, column, Cell::text(text.as_str()));
        }
    }
    Company::with(workbook, TABS, MORE, &[]).await
}

/// A manager, a leader, their team, others, marketing, and the command line.
const PEOPLE: [&str; 7] = [
    "Hà Phạm",
    "Bích Ngọc",
    "Tuyết Mai",
    "Lan Anh",
    "Minh Tuấn",
    "Thu Vân",
    "(command line)",
];

/// The lists of these people are those that a walk tells.
fn agree(company: &Company, roster: &Roster, people: &[&str], after: &str) {
    let directory = roster.directory().unwrap();
    let now = company.now;
    let all = read(roster, now);
    let desk = Desk::new(roster.clone(), None);
    for name in people {
        let who = directory.find(name).map_or(Who::CommandLine, Who::of);
        let walk = Walk {
            roster,
            who: &who,
            now,
            all: &all,
        };
        let what = format!("{name} after {after}");
        assert_eq!(desk.totals(&who).unwrap(), walk.totals(), "{what}");
        if may(&who, Right::Customers) == Scope::Nothing {
            desk.mine(&who, now).unwrap_err();
            continue;
        }
        assert_eq!(desk.mine(&who, now).unwrap(), walk.mine(), "{what}");
        assert_eq!(desk.day(&who, now).unwrap(), walk.day(), "{what}");
        for page in [1, 99] {
            let told = desk.to_contact(&who, page, now).unwrap();
            assert_eq!(told, walk.to_contact(page), "{what}");
        }
    }
}

/// Something that staff do, and what it was.
fn play(company: &mut Company, dice: &mut Dice) -> &'static str {
    let tab = [CUSTOMERS, CUSTOMERS, OLD][dice.below(3)].to_owned();
    let book = company.google.workbook(&company.workbook).unwrap();
    let rows = book.tab(&tab).unwrap().filled_rows();
    let row = 2 + dice.below(rows - 1);
    let (what, edit) = match dice.below(12) {
        0 => (
            "a row that was deleted",
            Edit::DeleteRows {
                tab,
                from: row,
                count: 1,
            },
        ),
        1 => (
            "a tab that was sorted",
            Edit::Sort {
                tab,
                column: HEADER[dice.below(HEADER.len())].to_owned(),
                descending: dice.below(2) == 0,
                from_row: None,
                to_row: None,
            },
        ),
        2 => {
            let to_tab = if tab == OLD { CUSTOMERS } else { OLD }.to_owned();
            let cut = Edit::CutRows {
                tab,
                from: row,
                count: 1,
                to_tab,
                to_row: None,
                close: true,
            };
            ("a row that went to another tab", cut)
        }
        3..=4 => {
            let values = dice.row().into_iter().map(Json::from).collect();
            ("a new customer", Edit::AppendRow { tab, values })
        }
        5 => {
            let row = 2 + dice.below(40);
            let at = ["huỷ", "", "26/11/2026 10:00", "22/11/2026 08:00"][dice.below(4)];
            let column = if at.contains('/') {
                "Ngày giờ"
            } else {
                "Trạng thái"
            };
            let at = CellEdit::typed(row, column, at);
            (
                "another appointment",
                Edit::Set {
                    tab: MEETINGS.to_owned(),
                    at,
                },
            )
        }
        _ => {
            let column = dice.below(HEADER.len());
            let mut cells = vec![CellEdit::typed(row, HEADER[column], &dice.cell(column))];
            // The stage and who is in charge matter most.
            for column in [3, 4] {
                if dice.below(2) == 0 {
                    cells.push(CellEdit::typed(row, HEADER[column], &dice.cell(column)));
                }
            }
            ("cells that were typed", Edit::SetCells { tab, cells })
        }
    };
    company.edit(edit);
    what
}

/// Somebody presses a button about any customer.
fn press(company: &Company, dice: &mut Dice) -> &'static str {
    let desk = Desk::new(company.roster.clone(), None);
    let mut rows = read(&company.roster, company.now);
    rows.retain(|read| read.record.kind == Kind::Customer);
    let record = rows[dice.below(rows.len())].record.id.clone();
    let directory = company.roster.directory().unwrap();
    let boss = Who::of(directory.find("Hà Phạm").unwrap());
    let action = match dice.below(4) {
        0 => Action::Done,
        1 => Action::NoAnswer,
        2 => Action::CallTomorrow,
        _ => {
            let mut group = Group::default();
            group.put_given(&Given {
                record,
                to: "Tuyết Mai".to_owned(),
                by: "Hà Phạm".to_owned(),
                at: company.now,
            });
            company.roster.store().commit(vec![group]).unwrap();
            return "a lead that was given to somebody";
        }
    };
    let offered = desk.offer(&[(action, record.as_str(), "nút")], company.now);
    desk.press(&offered.unwrap()[0], &boss, company.now)
        .unwrap();
    "a button"
}

/// Some days with whatever comes.
async fn some_days(seed: u64) {
    let mut dice = Dice(seed);
    let mut company = company(&mut dice).await;
    agree(&company, &company.roster, &PEOPLE, "nothing was read yet");
    company.poll().await;
    agree(&company, &company.roster, &PEOPLE, "the first look");
    for turn in 1..=14 {
        let mut what = "time";
        for _ in 0..dice.below(5) {
            what = play(&mut company, &mut dice);
        }
        if dice.below(2) == 0 {
            what = press(&company, &mut dice);
        }
        if turn == 7 {
            let minh = Some("Minh Tuấn");
            let desk = Desk::new(company.roster.clone(), None);
            desk.hand_over("Lan Anh", minh, None, &Who::CommandLine, company.now)
                .unwrap();
            what = "a handover";
        }
        if turn == 4 || turn == 11 {
            what = vanish(&mut company, turn == 4).await;
        }
        company.poll().await;
        company.wait([21, 700, 40_000][dice.below(3)]);
        company.poll().await;
        let two = [PEOPLE[dice.below(2)], PEOPLE[2 + dice.below(5)]];
        agree(&company, &company.roster, &two, what);
    }
    // Whoever starts now knows the same.
    let roster = Roster::new(
        company.roster.config().clone(),
        company.roster.store().clone(),
    );
    agree(&company, &roster, &PEOPLE, "a start");
}

/// Many rows go at once, which is held until somebody says what it is.
async fn vanish(company: &mut Company, release: bool) -> &'static str {
    let tab = CUSTOMERS.to_owned();
    company.edit(Edit::DeleteRows {
        tab,
        from: 5,
        count: 90,
    });
    company.poll().await;
    company.wait(30);
    company.poll().await;
    let desk = Desk::new(company.roster.clone(), None);
    let held = desk.held_list(&Who::CommandLine).unwrap();
    assert_eq!(held.len(), 1, "{held:?}");
    agree(
        company,
        &company.roster,
        &PEOPLE[..3],
        "a poll that is held",
    );
    let decided = desk.held_decide(&held[0].id, release, &Who::CommandLine, company.now);
    decided.unwrap();
    // So that there are enough for the next time.
    for number in 0..90 {
        let values = vec![
            json!(format!("Khách {number}")),
            json!("0901234567"),
            json!(""),
            json!("mới"),
        ];
        let tab = CUSTOMERS.to_owned();
        company.edit(Edit::AppendRow { tab, values });
    }
    "many rows that went"
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_say_what_a_walk_over_all_rows_says() {
    some_days(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_say_what_a_walk_over_all_rows_says_on_other_days() {
    some_days(2).await;
}
