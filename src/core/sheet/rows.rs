//! Which rows under a header are customers.

use super::fold::{self, fold};
use super::header::{Header, header_key};
use super::person::{self, Part};
use super::phone;
use super::stage::StageTable;
use super::{Cell, Reading};
use crate::core::record::Cells;

/// What a row is. Only [`RowKind::Customer`] becomes a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowKind {
    /// Nothing can be seen in it.
    Blank,
    /// A customer, also one with only a name.
    Customer,
    /// A month, a section, a remark, a place kept free: text that is no customer.
    Title,
    /// Sums, counts, row numbers.
    Totals,
    /// The header once more.
    RepeatedHeader,
    /// Tick boxes, and nothing else.
    TickBoxesOnly,
}

/// The bound cells of a row by field. Rows are ragged: what is cut off is empty; empty cells are absent.
pub fn bind_row(raw: &[Cell], header: &Header) -> Cells {
    let filled = header.bound.iter().filter_map(|(field, binding)| {
        let cell = raw.get(binding.column).filter(|cell| !cell.is_blank())?;
        Some((field.into(), cell.clone()))
    });
    filled.collect()
}

/// What a row is, from its bound cells and the whole row. `stages`: a stage's label in the name
/// column is a section title.
///
/// A row with a phone or an e-mail is a customer whatever else it holds. Without both it takes a
/// name-like text in the name column, or, if that is empty, two cells that say something (a row
/// that is being emptied cell by cell is a customer until then).
pub fn kind_of_row(cells: &Cells, raw: &[Cell], header: &Header, stages: &StageTable) -> RowKind {
    if has_contact(cells) {
        return RowKind::Customer;
    }
    let mut filled = raw.iter().filter(|cell| !cell.is_blank()).peekable();
    if filled.peek().is_none() {
        return RowKind::Blank;
    }
    if filled
        .clone()
        .all(|cell| matches!(cell, Cell::Bool(_)) || is_tick_text(cell))
    {
        return RowKind::TickBoxesOnly;
    }
    if repeats_header(raw, header) {
        return RowKind::RepeatedHeader;
    }
    if filled
        .clone()
        .all(|cell| matches!(cell, Cell::Bool(_) | Cell::Number(_)))
    {
        return RowKind::Totals;
    }
    // The label of a totals or title row stands in its first cell or in the name column.
    let name = cells.get("name").and_then(text_of);
    for text in filled.find_map(text_of).into_iter().chain(name) {
        if is_totals_label(text) {
            return RowKind::Totals;
        }
    }
    // "?" in the name column is as good as nothing.
    match name.filter(|text| !fold::is_placeholder(text)) {
        Some(text) if is_misplaced_phone(text) => RowKind::Customer,
        Some(text) if is_title(text, stages) => RowKind::Title,
        Some(text) if is_name(text) => RowKind::Customer,
        _ if telling(cells) >= 2 => RowKind::Customer,
        _ => RowKind::Title,
    }
}

fn text_of(cell: &Cell) -> Option<&str> {
    match cell {
        Cell::Text(text) if !cell.is_blank() => Some(text),
        _ => None,
    }
}

/// A phone number in the name column is a customer whose cells slipped, and a data problem.
fn is_misplaced_phone(text: &str) -> bool {
    let written = text.trim_start().starts_with(['0', '+']);
    written && matches!(phone::read(&Cell::Text(text.into())), Reading::Value(_))
}

/// Formatted tick boxes arrive as words.
fn is_tick_text(cell: &Cell) -> bool {
    matches!(cell, Cell::Text(text) if matches!(text.trim(), "TRUE" | "FALSE"))
}

/// Whether the phone cell holds digits enough for a number, damaged or not, or the e-mail cell an `@`.
fn has_contact(cells: &Cells) -> bool {
    let phone = match cells.get("phone") {
        Some(Cell::Number(number)) => *number >= 1e7,
        Some(Cell::Text(text)) => text.chars().filter(char::is_ascii_digit).take(7).count() == 7,
        _ => false,
    };
    phone || matches!(cells.get("email"), Some(Cell::Text(text)) if text.contains('@'))
}

/// Whether two or more bound columns, and at least half of the filled ones, show their own header.
fn repeats_header(raw: &[Cell], header: &Header) -> bool {
    let mut same = 0;
    let mut other = 0;
    for binding in header.bound.values() {
        let Some(text) = raw.get(binding.column).and_then(text_of) else {
            continue;
        };
        if header_key(text) == header.folded(binding.column) {
            same += 1;
        } else {
            other += 1;
            // Most rows are customers: a few cells settle it.
            if same == 0 && other == 3 {
                return false;
            }
        }
    }
    same >= 2 && same >= other
}

/// Whether the words begin with the phrase, with its accents or without any.
fn begins(words: &[&str], phrase: &str) -> bool {
    let mut rest = words.iter();
    phrase.split(' ').all(|part| {
        rest.next()
            .is_some_and(|word| *word == part || *word == fold(part))
    })
}

fn words(lower: &str) -> Vec<&str> {
    lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .collect()
}

/// `Tổng:`, `Tổng cộng`, `TONG CONG`, `Cộng`, `Total`; not the family name Tống.
fn is_totals_label(text: &str) -> bool {
    let lower = fold::clean(text).to_lowercase();
    let words = words(&lower);
    let Some(first) = words.first() else {
        return false;
    };
    let only = words.len() == 1
        || lower
            .trim_start_matches(['-', '*', ' '])
            .strip_prefix(first)
            .is_some_and(|r| r.trim_start().starts_with(':'));
    let counted = ["cong", "so", "khach", "kh", "tien"]
        .iter()
        .any(|w| words.get(1).is_some_and(|second| fold(second) == *w))
        || words
            .get(1)
            .is_some_and(|w| w.starts_with(|c: char| c.is_ascii_digit()));
    match *first {
        "tổng" => true,
        "tong" => only || counted,
        "cộng" | "total" | "totals" | "subtotal" | "sum" | "cong" | "tb" | "avg" | "average" => {
            only
        }
        "grand" => words.get(1) == Some(&"total"),
        _ => ["trung bình", "số lượng", "số khách", "lũy kế", "luỹ kế"]
            .iter()
            .any(|p| begins(&words, p)),
    }
}

/// What begins a section title; with its accents or without any, so that no name is taken for one.
const TITLES: &[&str] = &[
    "danh sách",
    "ds",
    "nhóm",
    "khách vip",
    "khách hàng",
    "khách cũ",
    "khách mới",
    "khách tiềm năng",
    "khách đã",
    "khách đang",
    "lưu ý",
    "ghi chú",
    "chú ý",
    "cập nhật",
    "báo cáo",
    "dự án",
    "team",
    "nguồn",
    "data",
    "các khách",
    "khu vực",
    "quận",
    "nhân viên",
    "nv",
    "phòng",
    "sàn",
    "đợt",
    "đội",
    "tổ",
    "hết",
    "kết thúc",
    "vip",
    "hot",
    "lead",
    "leads",
    "bảng",
    "mục",
    "phần",
    "stt",
    "quý",
    "chi nhánh",
    "năm nay",
    "tuần",
    "đã",
    "đang",
    "chưa",
    "chăm sóc",
    "không",
    "hôm nay",
    "để trống",
    "giữ chỗ",
    "bỏ trống",
    "trống",
];

/// Whether a text in the name column heads a section.
fn is_title(text: &str, stages: &StageTable) -> bool {
    let cleaned = fold::clean(text);
    let lower = cleaned.to_lowercase();
    if lower.ends_with(':') || lower.starts_with(['(', '[']) || stages.find(text).is_some() {
        return true;
    }
    // "II. Khách cũ": what is behind the section's number tells.
    if let Some(section) = behind_section_number(&cleaned)
        && (is_title(section, stages) || !is_name(section))
    {
        return true;
    }
    let words = words(&lower);
    if words.is_empty() || words.contains(&"tháng") || words.contains(&"month") {
        return true;
    }
    let number = |w: Option<&&str>| w.is_some_and(|w| w.chars().all(|c| c.is_ascii_digit()));
    let period = words.iter().enumerate().any(|(at, word)| {
        matches!(
            *word,
            "thang"
                | "tuần"
                | "tuan"
                | "quý"
                | "quy"
                | "năm"
                | "nam"
                | "đợt"
                | "dot"
                | "thg"
                | "ngày"
                | "ngay"
        ) && (number(words.get(at + 1))
            || words
                .get(at + 1)
                .is_some_and(|w| matches!(*w, "i" | "ii" | "iii" | "iv")))
    });
    // "T11/2026", "11/2026", "2026", "01 - 15/11"
    let short_month = words[0]
        .strip_prefix('t')
        .is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()));
    let figures = words.iter().all(|w| w.chars().all(|c| c.is_ascii_digit()));
    // "Khách đã cọc": a stage behind the label.
    let labelled = words[0] == "khách" && stages.find(&words[1..].join(" ")).is_some();
    period || short_month || figures || labelled || titled(&words, &cleaned)
}

/// `A. …`, `II. …`, `3) …`; the first may be anh as well ("A. Dũng"), so that the rest decides.
fn behind_section_number(text: &str) -> Option<&str> {
    let (number, rest) = text.split_once(['.', ')'])?;
    let letter = number.len() == 1 && number.bytes().all(|b| b.is_ascii_uppercase());
    let roman = (1..=4).contains(&number.len()) && number.bytes().all(|b| b"IVX".contains(&b));
    let figures = (1..=2).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let rest = rest.trim_start();
    ((letter || roman || figures) && rest.starts_with(char::is_alphabetic)).then_some(rest)
}

/// Whether a title word begins the text; alone it may be a name written in ordinary letters
/// ("Quý", "Nguồn"), in capitals it is not.
fn titled(words: &[&str], cleaned: &str) -> bool {
    let capitals = !cleaned.chars().any(char::is_lowercase);
    TITLES.iter().any(|phrase| {
        let accented = phrase
            .split(' ')
            .zip(words)
            .all(|(part, word)| *word == part);
        let given_name = matches!(
            *phrase,
            "quý" | "bảng" | "đang" | "phần" | "tổ" | "đội" | "mục" | "phòng" | "đã" | "tuần"
        );
        begins(words, phrase) && (!given_name || (accented && (words.len() > 1 || capitals)))
    })
}

/// Whether the text is read as a person's name, or as one that a person could not settle.
fn is_name(text: &str) -> bool {
    match person::read(&Cell::Text(text.into())) {
        Reading::Value(person) => person.full != Part::Absent || person.title != Part::Absent,
        Reading::Nothing | Reading::Bad(_) | Reading::Ambiguous(_) => false,
    }
}

/// How many bound cells say something about a customer: no placeholder, tick box or id, and no
/// text that is wholly in brackets ("(để trống - giữ chỗ)").
fn telling(cells: &Cells) -> usize {
    let says = |cell: &Cell| match cell {
        Cell::Text(text) => {
            let bracketed = text.trim().starts_with('(') && text.trim().ends_with(')');
            !bracketed
                && cell.error().is_none()
                && !fold::is_placeholder(text)
                && !is_tick_text(cell)
        }
        Cell::Number(_) => true,
        Cell::Empty | Cell::Bool(_) => false,
    };
    let texts = cells
        .iter()
        .filter(|(id, cell)| !matches!(id.as_str(), "id" | "no_ads" | "consent") && says(cell));
    // Numbers alone are sums.
    if texts
        .clone()
        .all(|(_, cell)| matches!(cell, Cell::Number(_)))
    {
        0
    } else {
        texts.count()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::core::sheet::header::Binding;
    use crate::core::sheet::stage::Stage;

    fn header() -> Header {
        let headers = [
            "STT",
            "Họ tên",
            "SĐT",
            "Email",
            "Khu vực",
            "Giai đoạn",
            "NV",
            "Không nhận tin",
        ];
        let bound = [
            "", "name", "phone", "email", "area", "stage", "owner", "no_ads",
        ];
        let bound: BTreeMap<String, Binding> = (1..8)
            .map(|column| {
                (
                    bound[column].to_owned(),
                    Binding {
                        column,
                        header: headers[column].to_owned(),
                    },
                )
            })
            .collect();
        Header::new(0, bound, headers.iter().map(|h| (*h).to_owned()).collect())
    }

    /// A row as text: cells divided by `|`, `TRUE` and `FALSE` ticks, figures with `#` in front numbers.
    fn kind(row: &str) -> RowKind {
        let raw: Vec<Cell> = row
            .split('|')
            .map(|text| match text {
                "TRUE" => Cell::Bool(true),
                "FALSE" => Cell::Bool(false),
                _ => text
                    .strip_prefix('#')
                    .and_then(|n| n.parse().ok())
                    .map_or_else(|| Cell::from(text), Cell::Number),
            })
            .collect();
        let stages = StageTable::new(vec![
            Stage {
                id: "deposited".to_owned(),
                label: "Đã đặt cọc".to_owned(),
                aliases: vec!["Đã cọc".to_owned()],
            },
            Stage {
                id: "prospect".to_owned(),
                label: "Tiềm năng".to_owned(),
                aliases: vec![],
            },
        ])
        .unwrap();
        kind_of_row(&bind_row(&raw, &header()), &raw, &header(), &stages)
    }

    #[test]
    fn customers() {
        for row in [
            "#1|Nguyễn Văn An|0901234567",
            "|An",
            "|Nguyễn Hải Đăng",
            "||#901234567",
            "|||an@example.com",
            "#7|Tống Văn Nam",
            "|Công Thành",
            "|TONG VAN NAM",
            "|Thắng",
            "|Nguyễn Văn Thắng",
            "|Chị Quý",
            "|Quý",
            "|Đặng Thị Đang",
            "|Anh Nam - Chị Lan",
            "|Mẹ Bống",
            "|Công ty TNHH Minh Phát",
            "|KH Nguyễn Văn Cường",
            "|Khách lẻ|0901234567",
            "|THÁNG 11|0901234567",
            "||08373719|x",
            "||||Quận 7|Đã cọc",
            "|Khách vãng lai|||Quận 7|Đã cọc",
            "|Năm|",
            "|Nam",
            "|Phan Tổng",
            "|Sơn|#5",
            "|Phạm Anh Hoa",
            "|Phan Ngọc Hải|0903085498",
            "|NGUYỄN THỊ HỒNG",
            "|Hoàng Dự",
            "|A. Dũng",
            "|A. Quý",
            "|1. Phạm Quốc Huy",
            "|Chú Năm",
            "|Trần Quý",
            "|Vũ Thị Trung Bình",
            "|?|||Quận 7|Đã cọc",
            "|0915734521",
        ] {
            assert_eq!(kind(row), RowKind::Customer, "{row}");
        }
    }

    #[test]
    fn titles() {
        for row in [
            "THÁNG 11/2026",
            "|THÁNG 11/2026",
            "|THÁNG 10/2026",
            "|THÁNG 7/2026",
            "|THÁNG 8/2026",
            "|Tháng 11",
            "|thang 11/2026",
            "|KHÁCH VIP THÁNG 11",
            "|Khách tháng 10",
            "|T11/2026",
            "|11/2026",
            "|Tuần 3",
            "|QUÝ IV/2026",
            "|QUÝ 4",
            "|Năm 2026",
            "|DANH SÁCH KHÁCH HÀNG",
            "|ĐÃ CỌC",
            "|Khách đã cọc",
            "|Tiềm năng",
            "|NV: Lan Anh",
            "|--- HẾT ---",
            "|Khách vãng lai",
            "|Dự án Sunrise",
            "|VIP",
            "|Khách hàng tiềm năng:",
            "|Lưu ý: gọi trước 9h",
            "||||(để trống - giữ chỗ)",
            "||||Quận 7",
            "||||||Lan Anh",
            "|THÁNG 11/2026||||#12",
            "|(giữ chỗ)",
            "Ghi chú chung",
            "|=====",
            "|THÁNG MƯỜI MỘT",
            "|Khách mới tuần này",
            "|KHÁCH CŨ",
            "|II. Khách cũ",
            "|A. Khách cọc",
            "|1. KHÁCH VIP",
            "|▼ KHÁCH MỚI",
            "|***",
            "|?",
            "|15/12/2026",
            "A. KHÁCH MỚI",
        ] {
            assert_eq!(kind(row), RowKind::Title, "{row}");
        }
    }

    #[test]
    fn rows_that_count_repeat_or_say_nothing() {
        for row in [
            "Tổng:|#300",
            "|Tổng: 4 khách",
            "|Tổng: 5 khách",
            "|Tổng cộng|||#12",
            "TONG CONG",
            "#301",
            "|#1500",
            "||#1500||#3",
            "|Cộng:",
            "Total",
            "|Tổng",
            "#5|||||||FALSE",
            "|TB||||#3.2",
            "|Tổng số khách: 30",
        ] {
            assert_eq!(kind(row), RowKind::Totals, "{row}");
        }
        for row in [
            "STT|Họ tên|SĐT|Email|Khu vực",
            "|HO TEN|sđt",
            "|Họ tên|SĐT||Dự án|Giai đoạn",
        ] {
            assert_eq!(kind(row), RowKind::RepeatedHeader, "{row}");
        }
        for row in ["", "| |\u{a0}", "||||||"] {
            assert_eq!(kind(row), RowKind::Blank, "{row}");
        }
        for row in ["|||||||FALSE", "TRUE|||||||FALSE"] {
            assert_eq!(kind(row), RowKind::TickBoxesOnly, "{row}");
        }
    }

    #[test]
    fn ragged_rows_bind_what_is_there() {
        let raw = [Cell::Number(1.0), Cell::from("An"), Cell::from(" \u{200b}")];
        let cells = bind_row(&raw, &header());
        assert_eq!(
            cells.into_iter().collect::<Vec<_>>(),
            [("name".into(), Cell::from("An"))]
        );
    }
}
