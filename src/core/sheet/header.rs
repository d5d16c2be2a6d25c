//! The header row of a tab, wherever it stands, and which column is which field.
//!
//! Columns are bound by their headers, never by their letters. Where the header is not sure, the
//! tab is not read (SEMANTICS 10).

use std::collections::BTreeMap;

use super::Cell;
use super::field::FieldSpec;
use super::fold::{clean, fold};

/// The text by which headers are compared: folded and without spaces, so that `Họ tên`, `HO  TEN` and
/// `Hoten` are one.
pub(crate) fn header_key(text: &str) -> String {
    let mut key = fold(text);
    key.retain(|c| c != ' ');
    key
}

/// As [`header_key`], without what people add to a header: a number in front (`1. Họ tên`), and a
/// unit or a hint in brackets or behind a dash (`Ngân sách (tỷ)`, `SĐT (*)`, `Ngày sinh - dd/mm/yyyy`).
/// Other words in brackets tell columns apart (`SĐT (vợ)`) and stay.
fn bare_key(text: &str) -> String {
    let cleaned = clean(text);
    let numbered = cleaned.trim_start_matches(['(', '#']);
    let rest = numbered.trim_start_matches(|c: char| c.is_ascii_digit());
    let listed = rest.len() < numbered.len() && rest.starts_with(['.', ')', '/', '-', ':']);
    let mut bare = if listed { &rest[1..] } else { cleaned.as_str() };
    while let Some((front, hint)) = last_hint(bare) {
        if !is_hint(&header_key(hint)) || header_key(front).is_empty() {
            break;
        }
        bare = front;
    }
    header_key(bare)
}

/// What stands in the last brackets, or behind the last dash or colon, and what stands before.
fn last_hint(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_end();
    if text.ends_with([')', ']']) {
        let at = text.rfind(['(', '['])?;
        return Some((&text[..at], &text[at + 1..text.len() - 1]));
    }
    let at = text.rfind(" - ").or_else(|| text.rfind(':'))?;
    Some((&text[..at], text[at + 1..].trim_start_matches(['-', ' '])))
}

/// Units, formats and notes on filling in.
fn is_hint(key: &str) -> bool {
    matches!(
        key,
        "" | "ty"
            | "tydong"
            | "tyvnd"
            | "tr"
            | "trieu"
            | "trieudong"
            | "dong"
            | "d"
            | "vnd"
            | "m2"
            | "zalo"
            | "batbuoc"
            | "required"
            | "neuco"
            | "optional"
            | "ddmmyyyy"
            | "ddmmyy"
            | "dmy"
            | "dmyyyy"
            | "ngaythangnam"
            | "x"
            | "tick"
            | "tickx"
            | "danhdaux"
            | "cokhong"
            | "yn"
            | "yesno"
    ) || key.starts_with("dvt")
}

/// The column of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Counted from 0.
    pub column: usize,
    /// The header as it stands in the sheet, in one line.
    pub header: String,
}

/// A header row and what it binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Counted from 0; of a header in two rows the lower one.
    pub row: usize,
    /// The columns by field id.
    pub bound: BTreeMap<String, Binding>,
    /// Every header in its column, in one line, empty where there is none.
    pub headers: Vec<String>,
    /// The same folded, for finding the row repeated further down.
    folded: Vec<String>,
}

impl Header {
    /// A header as found before.
    pub fn new(row: usize, bound: BTreeMap<String, Binding>, headers: Vec<String>) -> Self {
        let folded = headers.iter().map(|h| header_key(h)).collect();
        Self {
            row,
            bound,
            headers,
            folded,
        }
    }

    /// The header of a column as [`header_key`] has it; empty where there is none.
    pub(crate) fn folded(&self, column: usize) -> &str {
        self.folded.get(column).map_or("", String::as_str)
    }

    /// The leftmost and the rightmost bound column; `None` if none is bound.
    pub fn span(&self) -> Option<(usize, usize)> {
        let columns = || self.bound.values().map(|b| b.column);
        Some((columns().min()?, columns().max()?))
    }
}

/// A field that no header names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingField {
    /// The field's id.
    pub field: String,
    /// The headers it may have.
    pub headers: Vec<String>,
}

/// Why the columns of a tab are not sure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderProblem {
    /// No row has any of the headers.
    #[error(
        "no header row in the first {looked_at} rows: none of the headers in the configuration is there"
    )]
    NotFound {
        /// How many rows were looked at.
        looked_at: usize,
    },
    /// Mandatory fields have no column.
    #[error("row {} has no column for {}; its headers are {}", .row + 1, missing(.fields), listed(.seen))]
    Missing {
        /// The header row, counted from 0.
        row: usize,
        /// What is missing.
        fields: Vec<MissingField>,
        /// What is there: column letters and headers.
        seen: Vec<(String, String)>,
    },
    /// One field has two columns or more.
    #[error("row {} has more than one column for {field}: {}; rename all but one", .row + 1, listed(.columns))]
    Doubled {
        /// The header row, counted from 0.
        row: usize,
        /// The field's id.
        field: String,
        /// Column letters and headers.
        columns: Vec<(String, String)>,
    },
}

fn missing(fields: &[MissingField]) -> String {
    let named = fields
        .iter()
        .map(|f| format!("{} (\"{}\")", f.field, f.headers.join("\" or \"")));
    named.collect::<Vec<_>>().join(", ")
}

fn listed(columns: &[(String, String)]) -> String {
    let named = columns
        .iter()
        .map(|(letter, header)| format!("{letter} \"{header}\""));
    named.collect::<Vec<_>>().join(", ")
}

/// Finds the header among the first rows of a tab: the row that binds the most fields, the upper
/// one of two alike. Title and banner rows above it are passed over; a header that stands in two
/// rows (some cells merged over both) is put together.
///
/// # Errors
/// No header at all, a mandatory field without a column, or a field with two columns.
pub fn find_header(
    rows: &[Vec<Cell>],
    fields: &[FieldSpec],
    mandatory: &[&str],
) -> Result<Header, HeaderProblem> {
    let by_text: BTreeMap<String, &str> = fields
        .iter()
        .flat_map(|field| {
            field
                .headers
                .iter()
                .map(|header| (header_key(header), field.id.as_str()))
        })
        .filter(|(text, _)| !text.is_empty())
        .collect();
    let lines: Vec<Line> = rows.iter().map(|row| Line::of(row, &by_text)).collect();
    let mut best: Option<(usize, Line)> = None;
    for (row, line) in lines.iter().enumerate() {
        let pair = row
            .checked_sub(1)
            .and_then(|above| line.under(&lines[above]));
        for candidate in std::iter::once(line.clone()).chain(pair) {
            if candidate.fields.len() > best.as_ref().map_or(0, |(_, b)| b.fields.len()) {
                best = Some((row, candidate));
            }
        }
    }
    let Some((row, line)) = best else {
        return Err(HeaderProblem::NotFound {
            looked_at: rows.len(),
        });
    };
    line.bind(row, fields, mandatory)
}

/// One row looked at as a header.
#[derive(Clone, Debug, Default)]
struct Line<'a> {
    headers: Vec<String>,
    fields: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Line<'a> {
    fn of(row: &[Cell], by_text: &BTreeMap<String, &'a str>) -> Self {
        let mut line = Self::default();
        let mut loose: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (column, cell) in row.iter().enumerate() {
            let Cell::Text(text) = cell else {
                line.headers.push(String::new());
                continue;
            };
            if let Some(field) = by_text.get(&header_key(text)) {
                line.fields.entry(field).or_default().push(column);
            } else if let Some(field) = by_text.get(&bare_key(text)) {
                loose.entry(field).or_default().push(column);
            }
            line.headers.push(clean(text));
        }
        // The header itself goes before one with something added.
        for (field, columns) in loose {
            line.fields.entry(field).or_insert(columns);
        }
        line
    }

    /// This row with what the row above binds where this one is empty: headers merged over two
    /// rows keep their text in the upper one. A lone banner binds nothing.
    fn under(&self, above: &Self) -> Option<Self> {
        if self.fields.is_empty() || above.fields.len() < 2 {
            return None;
        }
        let mut both = self.clone();
        both.headers
            .resize(self.headers.len().max(above.headers.len()), String::new());
        for (column, header) in above.headers.iter().enumerate() {
            if both.headers[column].is_empty() {
                both.headers[column].clone_from(header);
            }
        }
        for (field, columns) in &above.fields {
            let free = columns
                .iter()
                .filter(|c| self.headers.get(**c).is_none_or(String::is_empty));
            let free: Vec<usize> = free.copied().collect();
            if !self.fields.contains_key(field) && !free.is_empty() {
                both.fields.insert(field, free);
            }
        }
        (both.fields.len() > above.fields.len()).then_some(both)
    }

    fn bind(
        self,
        row: usize,
        fields: &[FieldSpec],
        mandatory: &[&str],
    ) -> Result<Header, HeaderProblem> {
        let named = |column: usize| (column_letter(column), self.headers[column].clone());
        if let Some((field, columns)) = self.fields.iter().find(|(_, columns)| columns.len() > 1) {
            let columns = columns.iter().map(|c| named(*c)).collect();
            return Err(HeaderProblem::Doubled {
                row,
                field: (*field).to_owned(),
                columns,
            });
        }
        let missing: Vec<MissingField> = mandatory
            .iter()
            .filter(|id| !self.fields.contains_key(**id))
            .map(|id| MissingField {
                field: (*id).to_owned(),
                headers: fields
                    .iter()
                    .find(|f| f.id == **id)
                    .map(|f| f.headers.clone())
                    .unwrap_or_default(),
            })
            .collect();
        if !missing.is_empty() {
            let seen = (0..self.headers.len())
                .filter(|c| !self.headers[*c].is_empty())
                .map(named)
                .collect();
            return Err(HeaderProblem::Missing {
                row,
                fields: missing,
                seen,
            });
        }
        let bound = self
            .fields
            .iter()
            .map(|(field, columns)| {
                let header = self.headers[columns[0]].clone();
                (
                    (*field).to_owned(),
                    Binding {
                        column: columns[0],
                        header,
                    },
                )
            })
            .collect();
        Ok(Header::new(row, bound, self.headers))
    }
}

/// The letters of a column counted from 0: A, …, Z, AA, …, ZZZ.
pub fn column_letter(column: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'A' + u8::try_from(rest % 26).unwrap_or(0)));
        rest /= 26;
    }
    letters.iter().rev().collect()
}

/// A cell's name as the sheet shows it, from column and row counted from 0: `C19`.
pub fn cell_name(column: usize, row: usize) -> String {
    format!("{}{}", column_letter(column), row + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::sheet::field::standard_kind;

    fn fields() -> Vec<FieldSpec> {
        let field = |id: &str, headers: &[&str]| FieldSpec {
            id: id.to_owned(),
            headers: headers.iter().map(|h| (*h).to_owned()).collect(),
            kind: standard_kind(id).unwrap(),
            private: false,
            since: None,
        };
        vec![
            field("name", &["Họ tên", "Khách hàng"]),
            field("phone", &["SĐT", "Số điện thoại"]),
            field("email", &["Email"]),
            field("stage", &["Giai đoạn"]),
        ]
    }

    /// Rows as lines, cells divided by `|`.
    fn find(rows: &[&str], mandatory: &[&str]) -> Result<String, String> {
        let rows: Vec<Vec<Cell>> = rows
            .iter()
            .map(|row| row.split('|').map(Cell::from).collect())
            .collect();
        let header =
            find_header(&rows, &fields(), mandatory).map_err(|problem| problem.to_string())?;
        let bound = header
            .bound
            .iter()
            .map(|(id, b)| format!("{id}={}", cell_name(b.column, header.row)));
        Ok(bound.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn the_header_is_found_under_titles_and_in_any_writing() {
        let found = Ok("email=D3 name=B3 phone=C3".to_owned());
        assert_eq!(
            find(
                &[
                    "DANH SÁCH KHÁCH HÀNG",
                    "|Lưu ý",
                    "STT|Họ tên|SĐT|Email",
                    "1|An|090|a@b"
                ],
                &["name"]
            ),
            found
        );
        assert_eq!(
            find(
                &[
                    "",
                    "KHÁCH HÀNG|||LIÊN HỆ",
                    "STT|HỌ\nTÊN (*)|s.đ.t|Địa chỉ|E-MAIL",
                    "1|An"
                ],
                &[]
            ),
            Ok("email=E3 name=B3 phone=C3".to_owned())
        );
        assert_eq!(
            find(&["", "Khách hàng", "|ho ten|So dien  thoai|email"], &[]),
            found
        );
        let nfd = "Ho\u{323} te\u{302}n|SĐT";
        assert_eq!(
            find(&[nfd], &["name", "phone"]),
            Ok("name=A1 phone=B1".to_owned())
        );
    }

    #[test]
    fn units_and_numbers_beside_a_header_do_not_hide_it() {
        for row in [
            "Họ tên (*)|SĐT (Zalo)|Email (nếu có)",
            "1. Họ tên|2. SĐT|3. Email",
            "(1) Họ tên|(2) SĐT|(3) Email",
            "Họ tên *|SĐT (bắt buộc)|Email:",
            "⭐ Họ tên|📞 SĐT|📧 Email",
            "HỌ TÊN\n(*)|SĐT\n(Zalo)|EMAIL",
            "Họ tên|SĐT [*]|Email - nếu có",
        ] {
            assert_eq!(
                find(&[row], &["name", "phone"]),
                Ok("email=C1 name=A1 phone=B1".to_owned()),
                "{row}"
            );
        }
        // What tells two columns apart is no hint, and the header itself goes first.
        assert_eq!(
            find(&["Họ tên|SĐT (Zalo)|SĐT|SĐT (vợ)"], &["phone"]),
            Ok("name=A1 phone=C1".to_owned())
        );
        assert!(find(&["Họ tên|SĐT (vợ)|Email"], &["phone"]).is_err());
        assert!(find(&["Họ tên|SĐT (bắt buộc)|SĐT (Zalo)"], &["phone"]).is_err());
    }

    #[test]
    fn a_header_in_two_rows_is_put_together() {
        let rows = [
            "STT|Họ tên|Liên hệ||Giai đoạn",
            "||SĐT|Email|",
            "1|An|0901|a@b|Mới",
        ];
        assert_eq!(
            find(&rows, &["name", "phone"]),
            Ok("email=D2 name=B2 phone=C2 stage=E2".to_owned())
        );
        // The first customer below an ordinary header takes nothing from it.
        let rows = ["Họ tên|SĐT|Email", "Email||x"];
        assert_eq!(find(&rows, &[]), Ok("email=C1 name=A1 phone=B1".to_owned()));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_columns() {
        assert_eq!(
            find(&["x", "Họ tên|Điện thoại|Email"], &["name", "phone"]).unwrap_err(),
            "row 2 has no column for phone (\"SĐT\" or \"Số điện thoại\"); its headers are A \"Họ tên\", B \"Điện thoại\", C \"Email\""
        );
        assert_eq!(
            find(&["Họ tên|SĐT||Số điện thoại"], &["name"]).unwrap_err(),
            "row 1 has more than one column for phone: B \"SĐT\", D \"Số điện thoại\"; rename all but one"
        );
        assert_eq!(
            find(&["a|b", "c"], &[]).unwrap_err(),
            "no header row in the first 2 rows: none of the headers in the configuration is there"
        );
    }

    #[test]
    fn columns_have_letters() {
        for (column, letters) in [
            (0, "A"),
            (25, "Z"),
            (26, "AA"),
            (51, "AZ"),
            (701, "ZZ"),
            (702, "AAA"),
            (18_277, "ZZZ"),
        ] {
            assert_eq!(column_letter(column), letters);
        }
        assert_eq!(cell_name(2, 18), "C19");
    }
}
