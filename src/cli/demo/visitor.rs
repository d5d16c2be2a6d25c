//! A workbook as the demo understands it: the sample, or the visitor's own file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::settings;
use crate::cli::failure::{Failure, Kind};
use crate::clock;
use crate::config::Config;
use crate::core::sheet::fold::fold;
use crate::core::sheet::{
    self, FieldSpec, Header, RowKind, bind_row, column_letter, find_header, kind_of_row,
};
use crate::core::sheet::{field, stage};
use crate::sandbox::google::{Cell, CellValue, Tab, Workbook};
use crate::sandbox::page::{Kind as Line, LogLine};

/// The headers under which visitors' files have what, by field.
pub(crate) const STANDARD_COLUMNS: &[(&str, &[&str])] = &[
    (
        "name",
        &[
            "Họ tên",
            "Họ và tên",
            "Tên khách hàng",
            "Khách hàng",
            "Tên KH",
            "Họ tên KH",
            "Tên",
            "Khách",
            "Name",
            "Full name",
            "Customer",
            "Customer name",
        ],
    ),
    (
        "phone",
        &[
            "SĐT",
            "Số điện thoại",
            "Điện thoại",
            "ĐT",
            "Số ĐT",
            "Di động",
            "SĐT KH",
            "Phone",
            "Phone number",
            "Mobile",
            "Tel",
        ],
    ),
    (
        "email",
        &[
            "Email",
            "E-mail",
            "Mail",
            "Địa chỉ email",
            "Thư điện tử",
            "Email address",
        ],
    ),
    (
        "interest",
        &[
            "Loại BĐS quan tâm",
            "Nhu cầu",
            "Quan tâm",
            "Sản phẩm quan tâm",
            "Loại BĐS",
            "Sản phẩm",
            "Interest",
        ],
    ),
    (
        "area",
        &["Khu vực", "Khu vực quan tâm", "Vị trí", "Area", "Location"],
    ),
    (
        "budget",
        &["Ngân sách", "Tài chính", "Khả năng tài chính", "Budget"],
    ),
    ("source", &["Nguồn", "Nguồn khách", "Source"]),
    (
        "stage",
        &[
            "Giai đoạn",
            "Trạng thái",
            "Tình trạng",
            "Trạng thái KH",
            "Stage",
            "Status",
        ],
    ),
    (
        "owner",
        &[
            "NV phụ trách",
            "Nhân viên phụ trách",
            "Người phụ trách",
            "Phụ trách",
            "Sale",
            "Sales",
            "Nhân viên",
            "NVKD",
            "Owner",
        ],
    ),
    (
        "received",
        &[
            "Ngày tiếp nhận",
            "Ngày nhận",
            "Ngày tạo",
            "Ngày",
            "Timestamp",
            "Dấu thời gian",
            "Created",
            "Date",
        ],
    ),
    (
        "appointment",
        &["Ngày hẹn", "Lịch hẹn", "Hẹn", "Appointment"],
    ),
    ("birthday", &["Ngày sinh", "Sinh nhật", "NTNS", "Birthday"]),
    ("note", &["Ghi chú", "Nội dung", "Note", "Notes"]),
    (
        "no_ads",
        &[
            "Không nhận tin",
            "Không nhận QC",
            "Từ chối quảng cáo",
            "Opt out",
            "Unsubscribed",
        ],
    ),
    ("consent", &["Đồng ý nhận tin", "Đồng ý", "Consent"]),
];

/// A header is looked for in so many rows.
const HEADER_WITHIN: usize = 50;
/// So many people get a telephone at most.
const MOST_OWNERS: usize = 8;
/// Tabs that bind at least this share of the best tab's columns hold customers too.
const LIKE_THE_BEST: f64 = 0.8;

/// What the demo reads of a workbook.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Titles of the tabs of customers.
    pub(crate) customers: Vec<String>,
    /// `[[workbook.tab]]` of tabs of another kind, as TOML.
    pub(crate) other_tabs: String,
    /// Who is in charge of customers.
    pub(crate) owners: Vec<String>,
    found: Vec<Found>,
}

/// One tab of customers of a visitor's file.
#[derive(Debug)]
struct Found {
    title: String,
    header: Header,
    customers: usize,
    /// Texts in the stage column, and how often each stands there.
    stages: BTreeMap<String, usize>,
    owners: BTreeMap<String, (String, usize)>,
}

impl Layout {
    /// The sample workbook.
    pub(crate) fn sample() -> Self {
        Self {
            customers: vec!["Khách hàng".into()],
            other_tabs: SAMPLE_TABS.into(),
            owners: ["Lan Anh", "Minh Tuấn", "Thu Hà", "Quốc Bảo"]
                .map(str::to_owned)
                .into(),
            found: Vec::new(),
        }
    }

    /// Whether it is the sample.
    pub(crate) fn is_sample(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether the tab of campaigns is one: in a visitor's workbook that name may be a tab of customers.
    pub(crate) fn has_campaigns(&self) -> bool {
        let mut customers = self.customers.iter();
        !customers.any(|tab| fold(tab) == fold(super::mailing::TAB))
    }

    /// Finds the customers in a visitor's workbook.
    ///
    /// # Errors
    /// No tab has a header with a name and a phone or an e-mail; the text says what was seen.
    pub(crate) fn of(workbook: &Workbook, file: &Path) -> Result<Self, Failure> {
        let fields = fields();
        let found: Vec<Found> = workbook
            .tabs
            .iter()
            .filter_map(|tab| customers_of(tab, &fields))
            .collect();
        let best = found.iter().map(|tab| tab.header.bound.len()).max();
        let Some(best) = best else {
            return Err(nothing_found(workbook, file));
        };
        #[allow(clippy::cast_precision_loss)] // A handful of columns.
        let alike = |tab: &Found| tab.header.bound.len() as f64 >= best as f64 * LIKE_THE_BEST;
        let found: Vec<Found> = found.into_iter().filter(alike).collect();
        Ok(Self {
            customers: found.iter().map(|tab| tab.title.clone()).collect(),
            other_tabs: String::new(),
            owners: owners_of(&found),
            found,
        })
    }

    /// What was understood of a visitor's file, line by line; nothing of the sample.
    pub(crate) fn understood(&self, config: &Config) -> Vec<LogLine> {
        let mut lines = Vec::new();
        for tab in &self.found {
            let bound = &tab.header.bound;
            let columns: Vec<String> = bound
                .iter()
                .map(|(field, binding)| {
                    format!(
                        "{} {} = {field}",
                        column_letter(binding.column),
                        binding.header
                    )
                })
                .collect();
            lines.push(note(
                format!(
                    "Trang “{}”: {} khách hàng; các cột hiểu được: {}",
                    tab.title,
                    tab.customers,
                    columns.join(", ")
                ),
                format!(
                    "“{}”: {} customers; columns understood: {}",
                    tab.title,
                    tab.customers,
                    columns.join(", ")
                ),
            ));
            let missing: Vec<&str> = STANDARD_COLUMNS
                .iter()
                .map(|(field, _)| *field)
                .filter(|field| !bound.contains_key(*field))
                .collect();
            if !missing.is_empty() {
                lines.push(note(
                    format!(
                        "Trang “{}” không có cột cho: {}",
                        tab.title,
                        missing.join(", ")
                    ),
                    format!("“{}” has no column for: {}", tab.title, missing.join(", ")),
                ));
            }
        }
        let agreed = |tab: &Found| tab.header.bound.contains_key("consent");
        if !self.is_sample() && !self.found.iter().any(agreed) {
            lines.push(note(
                "Chưa có cột “Đồng ý nhận tin”: chiến dịch quảng cáo không gửi cho ai. Thêm cột ấy và đánh dấu x ở khách đã đồng ý để thử".into(),
                "There is no column “Đồng ý nhận tin” (consent): advertising campaigns reach nobody. Add it and put an x where customers agreed, to try them".into(),
            ));
        }
        lines.extend(self.unknown_stages(config));
        if !self.is_sample() && !self.owners.is_empty() {
            let names = self.owners.join(", ");
            lines.push(note(
                format!("Nhân viên phụ trách: {names}"),
                format!("In charge, each with a chat: {names}"),
            ));
        }
        lines
    }

    /// The words of the stage columns that no stage of the demo has, the most frequent first.
    fn unknown_stages(&self, config: &Config) -> Option<LogLine> {
        let stages = config.stages.iter().map(|stage| stage::Stage {
            id: stage.id.clone(),
            label: stage.label.clone(),
            aliases: stage.aliases.clone(),
        });
        let table = stage::StageTable::new(stages.collect()).unwrap_or_default();
        let mut words: Vec<(&String, &usize)> = self
            .found
            .iter()
            .flat_map(|tab| &tab.stages)
            .filter(|(word, _)| table.find(word).is_none())
            .collect();
        words.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        let shown: Vec<String> = words
            .iter()
            .take(12)
            .map(|(word, times)| format!("“{word}” ({times})"))
            .collect();
        (!shown.is_empty()).then(|| {
            note(
                format!("Giai đoạn chưa hiểu: {}. Khi cài đặt thật, khai báo các từ này trong [[stage]]", shown.join(", ")),
                format!("Stages not understood: {}. In a real set-up these words go into [[stage]]", shown.join(", ")),
            )
        })
    }
}

fn note(vi: String, en: String) -> LogLine {
    LogLine {
        at_ms: clock::now().as_millisecond(),
        kind: Line::Note,
        vi,
        en,
    }
}

const SAMPLE_TABS: &str = r#"[[workbook.tab]]
name = "Lịch hẹn"
kind = "appointments"
columns = { at = "Ngày giờ", name = "Khách", phone = "SĐT", project = "Dự án", owner = "NV", state = "Trạng thái" }
cancelled = ["huỷ", "hủy", "dời"]
[[workbook.tab]]
name = "NV"
kind = "staff"
columns = { name = "NV", email = "Email", active = "Đang làm" }
"#;

fn fields() -> Vec<FieldSpec> {
    STANDARD_COLUMNS
        .iter()
        .filter_map(|(id, headers)| {
            Some(FieldSpec {
                id: (*id).to_owned(),
                headers: headers.iter().map(|header| (*header).to_owned()).collect(),
                kind: field::standard_kind(id)?,
                private: false,
                since: None,
            })
        })
        .collect()
}

fn cells_of(row: &[Cell]) -> Vec<sheet::Cell> {
    row.iter()
        .map(|cell| match &cell.value {
            CellValue::Empty => sheet::Cell::Empty,
            CellValue::Number(number) => sheet::Cell::Number(*number),
            CellValue::Text(text) | CellValue::Error(text) => sheet::Cell::from(text.as_str()),
            CellValue::Boolean(ticked) => sheet::Cell::Bool(*ticked),
        })
        .collect()
}

/// The customers of a tab, if its header has a name and a way to reach them.
fn customers_of(tab: &Tab, fields: &[FieldSpec]) -> Option<Found> {
    let first: Vec<Vec<sheet::Cell>> = (0..tab.filled_rows().min(HEADER_WITHIN))
        .map(|row| cells_of(tab.row(row)))
        .collect();
    let header = find_header(&first, fields, &["name"]).ok()?;
    if !header.bound.contains_key("phone") && !header.bound.contains_key("email") {
        return None;
    }
    let stages = stage::StageTable::default();
    let mut found = Found {
        title: tab.title.clone(),
        customers: 0,
        stages: BTreeMap::new(),
        owners: BTreeMap::new(),
        header,
    };
    for row in found.header.row + 1..tab.filled_rows() {
        let raw = cells_of(tab.row(row));
        let cells = bind_row(&raw, &found.header);
        if !matches!(
            kind_of_row(&cells, &raw, &found.header, &stages),
            RowKind::Customer
        ) {
            continue;
        }
        found.customers += 1;
        if let Some(sheet::Cell::Text(word)) = cells.get("stage") {
            *found.stages.entry(word.trim().to_owned()).or_default() += 1;
        }
        if let Some(sheet::Cell::Text(names)) = cells.get("owner") {
            for name in names
                .split(['+', ',', ';', '/', '&'])
                .map(str::trim)
                .filter(|name| (2..=40).contains(&name.chars().count()))
            {
                found
                    .owners
                    .entry(fold(name))
                    .or_insert_with(|| (name.to_owned(), 0))
                    .1 += 1;
            }
        }
    }
    Some(found)
}

/// The people in charge of most customers.
fn owners_of(found: &[Found]) -> Vec<String> {
    let mut all: BTreeMap<&String, (&String, usize)> = BTreeMap::new();
    for (folded, (name, times)) in found.iter().flat_map(|tab| &tab.owners) {
        all.entry(folded).or_insert((name, 0)).1 += times;
    }
    // Words that `to` of a rule already has, the manager, and what is no name at all.
    let taken: BTreeSet<String> = [
        "customer",
        "owner",
        "managers",
        settings::MANAGER,
        settings::MARKETER,
        "",
    ]
    .map(fold)
    .into();
    let mut ranked: Vec<(&String, usize)> = all
        .into_iter()
        .filter(|(folded, _)| !taken.contains(*folded))
        .map(|(_, named)| named)
        .collect();
    ranked.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    ranked
        .into_iter()
        .take(MOST_OWNERS)
        .map(|(name, _)| name.clone())
        .collect()
}

fn nothing_found(workbook: &Workbook, file: &Path) -> Failure {
    let seen: Vec<String> = workbook
        .tabs
        .iter()
        .map(|tab| {
            let first = (0..tab.filled_rows())
                .map(|row| cells_of(tab.row(row)))
                .find(|row| row.iter().filter(|cell| !cell.is_blank()).count() > 1);
            let headers: Vec<String> = first
                .unwrap_or_default()
                .iter()
                .filter(|cell| !cell.is_blank())
                .take(12)
                .map(|cell| {
                    cell.shown()
                        .split_whitespace()
                        .collect::<Vec<_>>()
                        .join(" ")
                })
                .collect();
            format!(
                "“{}” begins with {}",
                tab.title,
                if headers.is_empty() {
                    "nothing".into()
                } else {
                    headers.join(" | ")
                }
            )
        })
        .collect();
    let text = format!(
        "{} has no header row with a name and a phone or an e-mail: {}",
        file.display(),
        if seen.is_empty() {
            "it is empty".to_owned()
        } else {
            seen.join("; ")
        }
    );
    Failure::new(Kind::Config, text).help(
        "call the columns for example “Họ tên”, “SĐT” and “Email”, in one row above the customers",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workbook(csv: &str) -> Workbook {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("khach.csv");
        std::fs::write(&file, csv).unwrap();
        Workbook::open(&file).unwrap()
    }

    #[test]
    fn a_visitors_columns_owners_and_words_are_understood() {
        let book = workbook(
            "DANH SÁCH\nTên KH,Điện thoại,Trạng thái,Sale\nAn,0901234567,Đang tư vấn,Lan\nBình,0901234568,Gọi lại,lan\n",
        );
        let layout = Layout::of(&book, Path::new("khach.csv")).unwrap();
        assert_eq!(layout.owners, ["Lan"]);
        assert_eq!(
            (layout.found[0].customers, layout.found[0].header.row),
            (2, 1)
        );
        assert_eq!(layout.found[0].stages["Gọi lại"], 1);
    }

    #[test]
    fn a_file_without_customers_says_what_it_has() {
        let book = workbook("Mã,Giá\n1,2\n");
        let failure = Layout::of(&book, Path::new("gia.csv")).unwrap_err();
        assert!(
            failure
                .text
                .contains("gia.csv has no header row with a name and a phone or an e-mail"),
            "{}",
            failure.text
        );
        assert!(
            failure.text.contains("begins with Mã | Giá"),
            "{}",
            failure.text
        );
    }
}
