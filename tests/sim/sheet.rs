//! The workbook: rows with a hidden identity, edited at random, and read through the real reader.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use sheetbridge::google::{GoogleError, Metadata, TabInfo, Told};

use super::dice::Dice;

pub(crate) const BOOK: &str = "1Sim";
pub(crate) const TAB: &str = "Khách hàng";

pub(crate) const HEADER: [&str; 9] = [
    "Họ tên",
    "SĐT",
    "Email",
    "Giai đoạn",
    "NV phụ trách",
    "Ngày hẹn",
    "Ghi chú",
    "Không nhận tin",
    "Đồng ý nhận tin",
];
/// More would only make it slower.
const MOST_ROWS: usize = 45;
const STAGE: usize = 3;
const OWNER: usize = 4;
const APPOINTMENT: usize = 5;
const NOTE: usize = 6;
const NO_ADS: usize = 7;

const FAMILY: [&str; 10] = [
    "Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Phan", "Vũ", "Đặng", "Bùi", "Đỗ",
];
const MIDDLE: [&str; 9] = [
    "Văn", "Thị", "Hữu", "Ngọc", "Minh", "Thanh", "Đình", "Quốc", "Khánh",
];
const GIVEN: [&str; 16] = [
    "An", "Bình", "Châu", "Dũng", "Giang", "Hà", "Hải", "Hằng", "Hiếu", "Hoa", "Hùng", "Lan",
    "Linh", "Long", "Mai", "Nam",
];
const STAGES: [&str; 6] = [
    "Khách hàng tiềm năng",
    "Đang tư vấn",
    "Đang tư vấn",
    "Đã đặt cọc",
    "Hoàn tất giao dịch",
    "Không còn nhu cầu",
];
const OWNERS: [&str; 4] = ["Lan Anh", "Minh Tuấn", "Thu Hà", "Người lạ"];

/// A row of the sheet and who it is.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) who: u32,
    pub(crate) cells: [String; 9],
}

impl Row {
    pub(crate) fn email(&self) -> &str {
        &self.cells[2]
    }
}

/// What is known of somebody who was typed after the first look.
#[derive(Clone, Debug)]
pub(crate) struct Newcomer {
    /// Typed whole, and never touched in a way that takes the welcome away.
    pub(crate) plain: bool,
    pub(crate) email: String,
}

#[derive(Debug, Default)]
pub(crate) struct Sheet {
    pub(crate) rows: Vec<Row>,
    /// Rows that were cut and are pasted later.
    cut: Vec<Row>,
    cleared: Vec<Row>,
    next: u32,
    pub(crate) newcomers: BTreeMap<u32, Newcomer>,
    /// What Google does instead of answering.
    pub(crate) trouble: Option<u64>,
    /// The last answer, by what was asked.
    body: Option<(Vec<String>, Vec<u8>)>,
}

impl Sheet {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let mut sheet = Self::default();
        for _ in 0..12 + dice.below(20) {
            let row = sheet.person(dice);
            sheet.rows.push(row);
        }
        sheet
    }

    fn person(&mut self, dice: &mut Dice) -> Row {
        let n = self.next as usize;
        self.next += 1;
        // Every combination once: names are the identities that people see.
        let name = format!(
            "{} {} {}",
            FAMILY[n % 10],
            MIDDLE[n / 10 % 9],
            GIVEN[(n / 90 + n) % 16]
        );
        let cells = [
            name,
            format!("09{:08}", 10_000_000 + n * 7_919),
            format!("k{n}@example{}.com", n % 3),
            (*dice.one(&STAGES[..3])).to_owned(),
            (*dice.one(&OWNERS)).to_owned(),
            String::new(),
            String::new(),
            String::new(),
            if dice.chance(60) { "có" } else { "" }.to_owned(),
        ];
        Row {
            who: u32::try_from(n).expect("few people"),
            cells,
        }
    }

    fn touched(&mut self, who: u32) {
        if let Some(newcomer) = self.newcomers.get_mut(&who) {
            newcomer.plain = false;
        }
    }

    /// Nobody who came so far is counted on any more: a manager has dropped a batch, or the sheet was a heap.
    pub(crate) fn excuse_all(&mut self) {
        for newcomer in self.newcomers.values_mut() {
            newcomer.plain = false;
        }
    }

    /// Staff do one thing; what, for people.
    pub(crate) fn edit(&mut self, dice: &mut Dice, today: i64) -> String {
        self.body = None;
        if self.rows.is_empty() {
            return self.add(dice);
        }
        let at = dice.below(self.rows.len());
        let who = self.rows[at].who;
        match dice.below(100) {
            0..24 if self.rows.len() < MOST_ROWS => self.add(dice),
            0..40 => {
                let stage = *dice.one(&STAGES);
                stage.clone_into(&mut self.rows[at].cells[STAGE]);
                format!("#{who} is now “{stage}”")
            }
            40..48 => {
                let owner = *dice.one(&OWNERS);
                owner.clone_into(&mut self.rows[at].cells[OWNER]);
                format!("#{who} is {owner}'s now")
            }
            48..55 => {
                let day = today + dice.between(0, 6);
                self.rows[at].cells[APPOINTMENT] = format!("={day}");
                format!("#{who} has an appointment on day {day}")
            }
            55..67 => {
                self.rows[at].cells[NOTE] = format!("gọi lại lần {}", dice.below(1_000));
                format!("a note at #{who}")
            }
            67..70 => {
                "x".clone_into(&mut self.rows[at].cells[NO_ADS]);
                format!("#{who} opts out")
            }
            70..80 => {
                let by = dice.below(3);
                self.rows.sort_by(|a, b| a.cells[by].cmp(&b.cells[by]));
                format!("sorted by column {by}")
            }
            80..84 => {
                let row = self.rows.remove(at);
                let to = dice.below(self.rows.len() + 1);
                self.rows.insert(to, row);
                format!("#{who} is dragged to row {}", to + 2)
            }
            84..88 => {
                self.touched(who);
                let row = self.rows.remove(at);
                self.cut.push(row);
                format!("#{who} is cut")
            }
            88..94 => match self.cut.pop() {
                Some(row) => {
                    let said = format!("#{} is pasted", row.who);
                    self.rows.push(row);
                    said
                }
                None => "nothing to paste".to_owned(),
            },
            94..96 => {
                self.touched(who);
                self.rows.remove(at);
                format!("#{who} is deleted")
            }
            96..98 => {
                self.touched(who);
                let n = dice.below(1_000);
                self.rows[at].cells[2] = format!("moi{n}.k{who}@example0.com");
                format!("#{who} has another e-mail")
            }
            98 => {
                self.excuse_all();
                self.cleared.append(&mut self.rows);
                "the tab is cleared".to_owned()
            }
            _ => self.restore(),
        }
    }

    fn add(&mut self, dice: &mut Dice) -> String {
        let row = self.person(dice);
        let newcomer = Newcomer {
            plain: true,
            email: row.email().to_owned(),
        };
        let said = format!("#{} is typed: {} {}", row.who, row.cells[0], row.cells[2]);
        self.newcomers.insert(row.who, newcomer);
        self.rows.push(row);
        said
    }

    /// Ctrl+Z after a clearing.
    pub(crate) fn restore(&mut self) -> String {
        self.body = None;
        let mut back = std::mem::take(&mut self.cleared);
        let count = back.len();
        back.append(&mut self.rows);
        self.rows = back;
        format!("{count} rows are back")
    }

    /// What was cut is pasted, what was cleared is back, Google answers.
    pub(crate) fn tidy(&mut self) {
        self.restore();
        let cut = std::mem::take(&mut self.cut);
        self.rows.extend(cut);
        self.trouble = None;
    }

    fn body(&mut self, ranges: &[String]) -> Vec<u8> {
        if let Some((asked, body)) = &self.body
            && asked == ranges
        {
            return body.clone();
        }
        let mut text = format!("{{\"spreadsheetId\":\"{BOOK}\",\"valueRanges\":[");
        for (n, range) in ranges.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            // Ranges of rows ask for the header; all others for everything.
            let rows_only = range.rsplit_once('!').is_some_and(|(_, cells)| {
                cells.starts_with(|letter: char| letter.is_ascii_digit())
            });
            let _ = write!(text, "{comma}{{\"range\":{},\"values\":[", quoted(range));
            text.push('[');
            text.push_str(&HEADER.map(quoted).join(","));
            text.push(']');
            for row in self.rows.iter().filter(|_| !rows_only) {
                text.push_str(",[");
                for (n, cell) in row.cells.iter().enumerate() {
                    let comma = if n == 0 { "" } else { "," };
                    match cell.strip_prefix('=') {
                        Some(number) => {
                            let _ = write!(text, "{comma}{number}");
                        }
                        None => {
                            let _ = write!(text, "{comma}{}", quoted(cell));
                        }
                    }
                }
                text.push(']');
            }
            text.push_str("]}");
        }
        text.push_str("]}");
        self.body = Some((ranges.to_vec(), text.clone().into_bytes()));
        text.into_bytes()
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text")
}

/// Answers in Google's place.
pub(crate) struct Reader(pub(crate) Arc<Mutex<Sheet>>);

impl Reader {
    fn trouble(&self) -> Option<GoogleError> {
        let sheet = self.0.lock().expect("one thread");
        Some(match sheet.trouble? % 4 {
            0 => GoogleError::SlowDown {
                message: "Quota exceeded".to_owned(),
                retry_after_s: Some(30),
            },
            1 => GoogleError::Trouble {
                status: 503,
                retry_after_s: None,
            },
            2 => GoogleError::Unreachable {
                url: "http://simulated/".to_owned(),
                why: "connection refused".to_owned(),
            },
            _ => return None, // the body is cut off instead
        })
    }
}

impl Told for Reader {
    fn metadata(&self, _workbook: &str) -> Result<Metadata, GoogleError> {
        match self.trouble() {
            Some(error) => Err(error),
            None => Ok(Metadata {
                title: "Khách".to_owned(),
                locale: "vi_VN".to_owned(),
                time_zone: "Asia/Ho_Chi_Minh".to_owned(),
                tabs: vec![TabInfo {
                    sheet: 0,
                    title: TAB.to_owned(),
                }],
            }),
        }
    }

    fn values(&self, _workbook: &str, ranges: &[String]) -> Result<Vec<u8>, GoogleError> {
        if let Some(error) = self.trouble() {
            return Err(error);
        }
        let mut sheet = self.0.lock().expect("one thread");
        let mut body = sheet.body(ranges);
        if let Some(trouble) = sheet.trouble {
            let keep = usize::try_from(trouble).unwrap_or(0) % body.len();
            body.truncate(keep);
        }
        Ok(body)
    }
}
