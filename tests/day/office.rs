//! The staff of a day: random edits of a workbook whose last column, which is bound to nothing, says who each row is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sheetbridge::sandbox::google::{
    Cell, CellEdit, CellValue, Edit, GoogleSandbox, Role, Workbook,
};
use unicode_normalization::UnicodeNormalization as _;

use super::truth::Seen;

/// Numbers drawn from a seed (SplitMix64).
#[derive(Clone)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).expect("smaller than a usize")
    }

    pub(crate) fn one<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

pub(crate) const ID: &str = "Workbook";
pub(crate) const MAIN: &str = "Khách hàng";
pub(crate) const MORE: &str = "Khách Thủ Đức";
/// The tab that is a stage.
pub(crate) const PAID: &str = "Đã cọc";
const TABS: [&str; 3] = [MAIN, MORE, PAID];
/// Who a row is. Bound to nothing, and right of everything that is.
const WHO: &str = "Mã nội bộ";
const HEADERS: [&str; 9] = [
    "Họ tên",
    "SĐT",
    "Email",
    "Giai đoạn",
    "NV phụ trách",
    "Khu vực",
    "Ngân sách",
    "Ghi chú",
    WHO,
];
/// What stands in place of the stage in the tab that is one.
const NO_STAGE: &str = "Kênh cũ";

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
const STAGES: [(&str, &str); 9] = [
    ("Khách hàng tiềm năng", "prospect"),
    ("tiềm năng", "prospect"),
    ("Đang tư vấn", "consulting"),
    ("Đang tư vấn", "consulting"),
    ("Đã đặt cọc", "deposited"),
    ("đã cọc", "deposited"),
    ("Hoàn tất giao dịch", "completed"),
    ("Không còn nhu cầu", "lost"),
    ("mất khách", "lost"),
];
const OWNERS: [&str; 4] = ["Lan Anh", "Minh Tuấn", "Thu Hà", "Quốc Bảo"];
const AREAS: [&str; 6] = ["Quận 2", "Quận 7", "Quận 9", "Thủ Đức", "Gò Vấp", "Nhà Bè"];
const BUDGETS: [&str; 6] = ["1,2 tỷ", "2 tỷ", "2,8 tỷ", "3 tỷ", "5-6 tỷ", "trên 15 tỷ"];

/// A row of the sheet with somebody in it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) who: u32,
    pub(crate) tab: &'static str,
    pub(crate) sheet: i64,
    /// From 1, as the sheet shows it.
    pub(crate) row: usize,
    /// The texts in the order of [`HEADERS`], to put it back as it was.
    texts: Vec<String>,
}

/// Something that is finished at a later step.
#[derive(Clone, Debug)]
enum Cue {
    Type(u32, &'static str, String),
    PutBack(&'static str, Vec<Vec<String>>),
    /// Over the rows that were cleared.
    Fill(&'static str, usize, Vec<Vec<String>>),
}

pub(crate) struct Office<'a> {
    google: &'a GoogleSandbox,
    next: u32,
    cues: Vec<(usize, Cue)>,
    /// Who has several rows: their contacts stay as they are.
    pub(crate) deals: BTreeSet<u32>,
    /// A range was cleared by mistake and is not back yet.
    pub(crate) mistaken: bool,
    pub(crate) edits: usize,
    pub(crate) log: Vec<String>,
}

/// The header that a column has in the other tabs.
fn named(header: &str) -> &str {
    if header == NO_STAGE {
        "Giai đoạn"
    } else {
        header
    }
}

fn text_of(cell: &Cell) -> String {
    match &cell.value {
        CellValue::Text(text) => text.to_string(),
        CellValue::Number(number) => number.to_string(),
        CellValue::Boolean(yes) => yes.to_string(),
        _ => String::new(),
    }
}

/// Without what is no change: normal form, spaces, a number's lost leading zero.
fn plain(text: &str) -> String {
    let text: String = if text.is_ascii() {
        text.to_owned()
    } else {
        text.nfc().collect()
    };
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .trim_start_matches('0')
        .to_owned()
}

/// A workbook as it is in the morning.
pub(crate) fn morning(draw: &mut Draw) -> (Workbook, u32) {
    let mut workbook = Workbook::new(ID, "Khách của công ty");
    workbook.share.insert("*".into(), Role::Reader);
    let mut next = 1;
    for (title, rows) in [(MAIN, 110), (MORE, 40), (PAID, 12)] {
        let tab = workbook.add_tab(title);
        for (column, header) in HEADERS.iter().enumerate() {
            let header = if title == PAID && *header == "Giai đoạn" {
                NO_STAGE
            } else {
                header
            };
            tab.set(0, column, Cell::text(header));
        }
        for row in 1..=rows {
            let texts = somebody(draw, next);
            for (column, text) in texts.iter().enumerate() {
                tab.set(row, column, Cell::text(text.trim_start_matches('\'')));
            }
            next += 1;
        }
    }
    (workbook, next)
}

/// All columns of somebody new, in the order of [`HEADERS`].
fn somebody(draw: &mut Draw, who: u32) -> Vec<String> {
    let email = if draw.chance(70) {
        format!("khach{who}@example.com")
    } else {
        String::new()
    };
    vec![
        format!(
            "{} {} {} {}",
            draw.one(&FAMILY),
            draw.one(&MIDDLE),
            draw.one(&MIDDLE),
            draw.one(&GIVEN)
        ),
        phone(who, 0),
        email,
        draw.one(&STAGES).0.to_owned(),
        draw.one(&OWNERS).to_owned(),
        draw.one(&AREAS).to_owned(),
        draw.one(&BUDGETS).to_owned(),
        if draw.chance(50) {
            format!("gọi lại lần {}", draw.below(90))
        } else {
            String::new()
        },
        format!("#{who}"),
    ]
}

/// Typed as text. Nobody's is near anybody else's.
fn phone(who: u32, version: u32) -> String {
    let mut spread = Draw::new(u64::from(who) * 64 + u64::from(version));
    format!(
        "'09{}{:07}",
        [0, 1, 3, 7, 8][spread.below(5)],
        spread.below(10_000_000)
    )
}

impl<'a> Office<'a> {
    pub(crate) fn new(google: &'a GoogleSandbox, next: u32) -> Self {
        Self {
            google,
            next,
            cues: Vec::new(),
            deals: BTreeSet::new(),
            mistaken: false,
            edits: 0,
            log: Vec::new(),
        }
    }

    /// Every customer's row as it stands now.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let workbook = self.google.workbook(ID).expect("it was added");
        let mut rows = Vec::new();
        for title in TABS {
            let tab = workbook.tab(title).expect("it was added");
            let headers: Vec<String> = tab.row(0).iter().map(text_of).collect();
            let columns = HEADERS.map(|wanted| {
                headers
                    .iter()
                    .position(|header| named(header) == wanted)
                    .expect("no column is ever deleted")
            });
            for row in 1..tab.filled_rows() {
                let texts: Vec<String> = columns
                    .iter()
                    .map(|column| text_of(tab.cell(row, *column)))
                    .collect();
                let bound = (0..8).any(|at| {
                    let read = title != PAID || HEADERS[at] != "Giai đoạn";
                    read && !texts[at].trim().is_empty()
                });
                if texts[8].is_empty() || !bound {
                    continue;
                }
                rows.push(Row {
                    who: texts[8][1..].parse().expect("a number"),
                    tab: title,
                    sheet: tab.sheet_id,
                    row: row + 1,
                    texts,
                });
            }
        }
        rows
    }

    fn headers(&self, tab: &str) -> Vec<String> {
        let workbook = self.google.workbook(ID).expect("it was added");
        let tab = workbook.tab(tab).expect("it was added");
        tab.row(0).iter().map(text_of).collect()
    }

    fn edit(&mut self, what: String, edit: Edit) {
        self.google
            .edit(ID, &[edit])
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        self.edits += 1;
        self.log.push(what);
    }

    fn type_into(&mut self, row: &Row, column: &'static str, text: &str) {
        if row.tab == PAID && column == "Giai đoạn" {
            return;
        }
        let what = format!("#{} {column}: {text}", row.who);
        let at = CellEdit::typed(row.row, column, text);
        let tab = row.tab.into();
        self.edit(what, Edit::Set { tab, at });
    }

    /// Texts in the order of [`HEADERS`] as the columns of a tab stand now.
    fn in_order(&self, tab: &str, texts: &[String]) -> Vec<Value> {
        let place = |header: &String| HEADERS.iter().position(|other| *other == named(header));
        self.headers(tab)
            .iter()
            .map(|header| json!(place(header).map_or_else(String::new, |at| raw_text(&texts[at]))))
            .collect()
    }

    fn append(&mut self, what: &str, tab: &'static str, texts: &[String]) {
        let values = self.in_order(tab, texts);
        let what = format!("{what} {} in {tab}", texts[8]);
        self.edit(
            what,
            Edit::AppendRow {
                tab: tab.into(),
                values,
            },
        );
    }

    fn new_texts(&mut self, draw: &mut Draw) -> (u32, Vec<String>) {
        let who = self.next;
        self.next += 1;
        (who, somebody(draw, who))
    }

    /// What was begun before and is finished now; at the end of the day everything.
    pub(crate) fn finish(&mut self, step: usize) {
        let (due, later) = std::mem::take(&mut self.cues)
            .into_iter()
            .partition(|(at, _)| *at <= step);
        self.cues = later;
        for (_, cue) in due {
            match cue {
                Cue::Type(who, column, text) => {
                    let row = self.rows().into_iter().find(|row| row.who == who);
                    if let Some(row) = row {
                        self.type_into(&row, column, &text);
                    }
                }
                Cue::PutBack(tab, rows) => {
                    for texts in rows {
                        let values = self.in_order(tab, &texts);
                        self.edit(
                            format!("put back {texts:?} in {tab}"),
                            Edit::AppendRow {
                                tab: tab.into(),
                                values,
                            },
                        );
                    }
                }
                Cue::Fill(tab, row, rows) => {
                    let rows: Vec<Vec<Value>> =
                        rows.iter().map(|texts| self.in_order(tab, texts)).collect();
                    self.edit(
                        format!("fill {} rows of {tab} again", rows.len()),
                        Edit::Paste {
                            tab: tab.into(),
                            cell: format!("A{row}"),
                            rows,
                            text: None,
                        },
                    );
                    self.mistaken = false;
                }
            }
        }
    }

    /// The last step for which something is left to do.
    pub(crate) fn last_cue(&self) -> Option<usize> {
        self.cues.iter().map(|(at, _)| *at).max()
    }

    /// One random act.
    pub(crate) fn act(&mut self, step: usize, draw: &mut Draw) {
        // While they look for what is missing, nobody does anything else.
        if self.mistaken {
            return;
        }
        let rows = self.rows();
        let row = rows[draw.below(rows.len())].clone();
        match draw.below(100) {
            0..=9 => {
                let tab = draw.one(&[MAIN, MAIN, MORE]);
                let (_, texts) = self.new_texts(draw);
                self.append("form", tab, &texts);
            }
            10..=17 => self.typed_cell_by_cell(step, draw),
            18..=35 => self.stage(step, &row, draw),
            36..=39 => self.sort(draw),
            40..=45 => self.drag(&row, draw),
            46..=50 => self.cut(step, &row, draw),
            51..=54 => self.delete(step, &row, draw),
            55..=68 => self.small_change(&row, draw),
            69..=75 => self.contact(&row, draw),
            76..=79 => self.paste_again(&row),
            80..=81 => self.move_column(draw),
            82..=84 => self.half_paste(step, draw),
            85..=86 => self.second_deal(&row, draw),
            87..=90 => self.insert(&row, draw),
            91 => self.clear(step, draw),
            92 => self.owner(&row, draw),
            _ => self.change_and_undo(step, &row, draw),
        }
    }

    fn typed_cell_by_cell(&mut self, step: usize, draw: &mut Draw) {
        let tab = draw.one(&[MAIN, MORE]);
        let (who, texts) = self.new_texts(draw);
        let mut first = vec![String::new(); 9];
        first[0].clone_from(&texts[0]);
        first[8].clone_from(&texts[8]);
        self.append("begin", tab, &first);
        let mut at = step;
        for (column, text) in HEADERS.iter().zip(&texts).take(8).skip(1) {
            at += draw.below(2);
            if !text.is_empty() {
                self.cues.push((at, Cue::Type(who, column, text.clone())));
            }
        }
    }

    fn stage(&mut self, step: usize, row: &Row, draw: &mut Draw) {
        let (text, _) = draw.one(&STAGES);
        self.type_into(row, "Giai đoạn", text);
        if draw.chance(25) {
            // Another one right after.
            let (text, _) = draw.one(&STAGES);
            let cue = Cue::Type(row.who, "Giai đoạn", text.to_owned());
            self.cues.push((step + draw.below(4), cue));
        }
    }

    /// Something is changed and put back: in the same poll, the next one, or later.
    fn change_and_undo(&mut self, step: usize, row: &Row, draw: &mut Draw) {
        let column = draw.one(&["Giai đoạn", "Giai đoạn", "Khu vực"]);
        if row.tab == PAID && column == "Giai đoạn" {
            return;
        }
        let text = match column {
            "Giai đoạn" => draw.one(&STAGES).0,
            _ => draw.one(&AREAS),
        };
        let at = HEADERS.iter().position(|header| *header == column);
        let before = row.texts[at.expect("it is there")].clone();
        self.type_into(row, column, text);
        self.cues
            .push((step + draw.below(3), Cue::Type(row.who, column, before)));
    }

    fn sort(&mut self, draw: &mut Draw) {
        let tab = draw.one(&TABS);
        let column = draw.one(&[
            "Họ tên",
            "SĐT",
            "Email",
            "NV phụ trách",
            "Khu vực",
            "Ngân sách",
        ]);
        let descending = draw.chance(40);
        self.edit(
            format!("sort {tab} by {column}"),
            Edit::Sort {
                tab: tab.into(),
                column: column.into(),
                descending,
                from_row: None,
                to_row: None,
            },
        );
    }

    fn drag(&mut self, row: &Row, draw: &mut Draw) {
        let last = self.rows().iter().filter(|one| one.tab == row.tab).count() + 1;
        let count = (1 + draw.below(4)).min(last + 1 - row.row.min(last));
        let to = 2 + draw.below(last);
        if to >= row.row && to <= row.row + count {
            return;
        }
        self.edit(
            format!("drag {count} from {} of {} to {to}", row.row, row.tab),
            Edit::MoveRows {
                tab: row.tab.into(),
                from: row.row,
                count,
                to,
            },
        );
    }

    /// To another tab at once, or pasted some steps later.
    fn cut(&mut self, step: usize, row: &Row, draw: &mut Draw) {
        let to = draw.one(&TABS);
        if draw.chance(50) && to == row.tab || self.deals.contains(&row.who) {
            return;
        }
        if draw.chance(50) && to != row.tab {
            self.edit(
                format!("cut #{} from {} to {to}", row.who, row.tab),
                Edit::CutRows {
                    tab: row.tab.into(),
                    from: row.row,
                    count: 1,
                    to_tab: to.into(),
                    to_row: None,
                    close: true,
                },
            );
        } else {
            self.remove(row);
            self.cues.push((
                step + 1 + draw.below(2),
                Cue::PutBack(to, vec![row.texts.clone()]),
            ));
        }
    }

    fn remove(&mut self, row: &Row) {
        self.edit(
            format!("delete #{} of {}", row.who, row.tab),
            Edit::DeleteRows {
                tab: row.tab.into(),
                from: row.row,
                count: 1,
            },
        );
    }

    fn delete(&mut self, step: usize, row: &Row, draw: &mut Draw) {
        // A row that goes and another one of the same person that comes are the same row to everybody.
        if self.deals.contains(&row.who) {
            return;
        }
        self.remove(row);
        match draw.below(4) {
            0 => {}
            // Before it counts, or half an hour later.
            1 | 2 => self.cues.push((
                step + 1 + draw.below(4),
                Cue::PutBack(row.tab, vec![row.texts.clone()]),
            )),
            _ => self.cues.push((
                step + 30 + draw.below(30),
                Cue::PutBack(row.tab, vec![row.texts.clone()]),
            )),
        }
    }

    fn small_change(&mut self, row: &Row, draw: &mut Draw) {
        match draw.below(3) {
            0 => {
                let note = format!("hẹn xem nhà lần {}", draw.below(500));
                self.type_into(row, "Ghi chú", &note);
            }
            1 => self.type_into(row, "Ngân sách", draw.one(&BUDGETS)),
            _ => self.type_into(row, "Khu vực", draw.one(&AREAS)),
        }
    }

    fn owner(&mut self, row: &Row, draw: &mut Draw) {
        self.type_into(row, "NV phụ trách", draw.one(&OWNERS));
    }

    fn contact(&mut self, row: &Row, draw: &mut Draw) {
        if self.deals.contains(&row.who) {
            return;
        }
        match draw.below(3) {
            0 => self.type_into(
                row,
                "SĐT",
                &phone(row.who, 1 + u32::try_from(draw.below(50)).expect("small")),
            ),
            1 => self.type_into(row, "Email", &format!("khach{}@example.com", row.who)),
            _ => self.type_into(row, "Email", &format!("khach{}.moi@example.com", row.who)),
        }
    }

    /// With another normal form and other spaces, as from a chat.
    fn paste_again(&mut self, row: &Row) {
        let texts: Vec<String> = row
            .texts
            .iter()
            .map(|text| text.nfd().collect::<String>().replace(' ', "  "))
            .collect();
        let texts = self.in_order(row.tab, &texts);
        self.edit(
            format!("paste #{} again", row.who),
            Edit::Paste {
                tab: row.tab.into(),
                cell: format!("A{}", row.row),
                rows: vec![texts],
                text: None,
            },
        );
    }

    /// In every tab, as rows are cut from one to another as a whole. The column that says who a row is stays last.
    fn move_column(&mut self, draw: &mut Draw) {
        let headers = self.headers(MAIN);
        let (from, to) = (draw.below(8), draw.below(8));
        if to == from || to == from + 1 {
            return;
        }
        for tab in TABS {
            let named = |at: usize| {
                if tab == PAID && headers[at] == "Giai đoạn" {
                    NO_STAGE.to_owned()
                } else {
                    headers[at].clone()
                }
            };
            self.edit(
                format!("move column {} of {tab}", headers[from]),
                Edit::MoveColumn {
                    tab: tab.into(),
                    column: named(from),
                    to: named(to),
                },
            );
        }
    }

    /// A list whose right half comes a little later.
    fn half_paste(&mut self, step: usize, draw: &mut Draw) {
        for _ in 0..2 + draw.below(3) {
            let (who, texts) = self.new_texts(draw);
            let mut half = texts.clone();
            for text in &mut half[2..8] {
                text.clear();
            }
            if draw.chance(30) {
                half[1].clear();
            }
            self.append("half of", MAIN, &half);
            for at in 1..8 {
                if half[at] != texts[at] {
                    self.cues
                        .push((step + 1, Cue::Type(who, HEADERS[at], texts[at].clone())));
                }
            }
        }
    }

    fn second_deal(&mut self, row: &Row, draw: &mut Draw) {
        let [name, number, email] = [0, 1, 2].map(|at| row.texts[at].clone());
        if name.is_empty() || number.is_empty() || email.is_empty() {
            return;
        }
        let (who, mut texts) = self.new_texts(draw);
        texts[0] = name;
        texts[1] = format!("'{number}");
        texts[2] = email;
        texts[7] = format!("căn thứ hai, lô {}", draw.below(900));
        self.deals.extend([who, row.who]);
        self.append("second deal", MAIN, &texts);
    }

    fn insert(&mut self, row: &Row, draw: &mut Draw) {
        let (_, texts) = self.new_texts(draw);
        let values = self.in_order(row.tab, &texts);
        self.edit(
            format!("insert {} above {} of {}", texts[8], row.row, row.tab),
            Edit::InsertRows {
                tab: row.tab.into(),
                at: row.row,
                count: 1,
                rows: vec![values],
            },
        );
    }

    /// A range is cleared by mistake, and filled again after a while.
    fn clear(&mut self, step: usize, draw: &mut Draw) {
        let rows: Vec<Row> = self
            .rows()
            .into_iter()
            .filter(|row| row.tab == MAIN)
            .collect();
        let from = draw.below(rows.len() / 2);
        let count = 2 + draw.below(rows.len() / 2);
        let (first, last) = (rows[from].row, rows[from].row + count - 1);
        let texts: Vec<Vec<String>> = (first..=last)
            .map(|at| {
                rows.iter()
                    .find(|row| row.row == at)
                    .map_or_else(|| vec![String::new(); 9], |row| row.texts.clone())
            })
            .collect();
        self.edit(
            format!("clear {count} rows of {MAIN} from {first}"),
            Edit::Clear {
                tab: MAIN.into(),
                range: Some(format!("A{first}:I{last}")),
            },
        );
        self.mistaken = true;
        // Everything else waits until it is back.
        let back = step + 1 + draw.below(3);
        for (at, _) in &mut self.cues {
            *at = (*at).max(back + 1);
        }
        self.cues.push((back, Cue::Fill(MAIN, first, texts)));
    }
}

/// Text that Sheets must not read as a number or a formula.
fn raw_text(text: &str) -> String {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

impl Row {
    /// As a poll sees it.
    pub(crate) fn seen(&self) -> Seen {
        let mut cells: BTreeMap<String, String> = HEADERS
            .iter()
            .zip(&self.texts)
            .take(8)
            .map(|(header, text)| ((*header).to_owned(), plain(text)))
            .filter(|(_, text)| !text.is_empty())
            .collect();
        if self.tab == PAID {
            cells.insert("Giai đoạn".into(), "deposited".into());
        }
        let stage = match cells.get("Giai đoạn").map(String::as_str) {
            Some("deposited") => Some("deposited"),
            Some(text) => STAGES
                .iter()
                .find(|(word, _)| *word == text)
                .map(|(_, id)| *id),
            None => None,
        };
        let has = |header: &str| cells.contains_key(header);
        Seen {
            stage,
            email: cells.get("Email").cloned(),
            complete: has("Họ tên") && (has("SĐT") || has("Email")),
            cells,
        }
    }
}
