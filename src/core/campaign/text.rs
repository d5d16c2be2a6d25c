//! The text of a cell: light Markdown with values in double braces.
//!
//! `{{Họ tên}}` is the customer's cell under that header, `{{Họ tên|Anh/Chị}}` the same with what
//! stands there if it is empty, `{{ greeting }}` one of the [`VARIABLES`]. No more than that: loops,
//! conditions and filters are for templates. Markdown itself, and how a value is shown, is `render`'s.

use std::collections::BTreeMap;

use super::listing::nearest;
use super::problem::Said;
use crate::core::sheet::header::header_key;
use crate::core::sheet::{FieldKind, FieldSpec};

/// A text in a cell of Google Sheets has at most so many letters.
const MOST_LETTERS: usize = 50_000;

/// So many values one text may have.
const MOST_SLOTS: usize = 200;

/// A variable that every text may use, beside the headers of the sheet.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// As it is written between the braces.
    pub name: &'static str,
    /// What it is: in Vietnamese and in English.
    pub what: (&'static str, &'static str),
    /// What it may show: in Vietnamese and in English.
    pub example: (&'static str, &'static str),
}

const fn variable(
    name: &'static str,
    what: (&'static str, &'static str),
    example: (&'static str, &'static str),
) -> Variable {
    Variable {
        name,
        what,
        example,
    }
}

/// All of them, in the order of the documentation.
pub const VARIABLES: &[Variable] = &[
    variable(
        "greeting",
        (
            "Cách xưng hô kèm tên",
            "How the customer is addressed, with the name",
        ),
        ("Anh An", "Anh An"),
    ),
    variable(
        "pronoun",
        ("Đại từ viết thường", "The pronoun within a sentence"),
        ("anh", "anh"),
    ),
    variable(
        "name",
        ("Họ tên đầy đủ", "The full name"),
        ("Nguyễn Văn An", "Nguyễn Văn An"),
    ),
    variable(
        "name.full",
        ("Họ tên đầy đủ", "The full name"),
        ("Nguyễn Văn An", "Nguyễn Văn An"),
    ),
    variable("name.given", ("Tên", "The given name"), ("An", "An")),
    variable(
        "name.title",
        ("Danh xưng ghi trong ô tên", "The title in the name cell"),
        ("Anh", "Anh"),
    ),
    variable(
        "phone",
        ("Số điện thoại", "The phone number"),
        ("0901 234 567", "0901 234 567"),
    ),
    variable(
        "email",
        ("Email", "The e-mail address"),
        ("an@example.com", "an@example.com"),
    ),
    variable(
        "budget",
        ("Ngân sách", "The budget"),
        ("3–5 tỷ", "3–5 billion ₫"),
    ),
    variable(
        "area",
        ("Khu vực quan tâm", "The area"),
        ("Quận 7", "Quận 7"),
    ),
    variable(
        "interest",
        ("Loại bất động sản quan tâm", "The kind of property"),
        ("Căn hộ 2PN", "Căn hộ 2PN"),
    ),
    variable(
        "source",
        ("Nguồn khách", "Where the customer comes from"),
        ("Facebook", "Facebook"),
    ),
    variable(
        "stage_label",
        ("Giai đoạn", "The stage"),
        ("Đang tư vấn", "Đang tư vấn"),
    ),
    variable(
        "received",
        ("Ngày tiếp nhận", "The day of receipt"),
        ("03/11/2026", "03/11/2026"),
    ),
    variable(
        "appointment",
        ("Ngày giờ hẹn", "The appointment"),
        ("15/12/2026 9:00", "15/12/2026 9:00"),
    ),
    variable(
        "birthday",
        ("Ngày sinh", "The birthday"),
        ("28/02/1990", "28/02/1990"),
    ),
    variable(
        "owner",
        ("Nhân viên phụ trách", "The person in charge"),
        ("Lan Anh", "Lan Anh"),
    ),
    variable(
        "owner.email",
        (
            "Email của nhân viên phụ trách",
            "The mailbox of the person in charge",
        ),
        ("lan.anh@queenland.example", "lan.anh@queenland.example"),
    ),
    variable(
        "company.name",
        ("Tên công ty", "The company's name"),
        ("Queenland", "Queenland"),
    ),
    variable(
        "company.phone",
        ("Điện thoại công ty", "The company's telephone"),
        ("028 3822 9999", "028 3822 9999"),
    ),
    variable(
        "company.email",
        ("Email công ty", "The company's mailbox"),
        ("lienhe@queenland.example", "lienhe@queenland.example"),
    ),
    variable(
        "company.address",
        ("Địa chỉ công ty", "The company's address"),
        ("12 Lê Lợi, Quận 1", "12 Lê Lợi, Quận 1"),
    ),
    variable(
        "company.website",
        ("Trang web công ty", "The company's website"),
        ("https://queenland.example", "https://queenland.example"),
    ),
    variable(
        "today",
        ("Ngày gửi", "The day of sending"),
        ("15/12/2026", "15/12/2026"),
    ),
    variable(
        "unsubscribe_url",
        (
            "Địa chỉ trang từ chối nhận tin",
            "The address of the opt-out page",
        ),
        (
            "https://crm.queenland.example/u/…",
            "https://crm.queenland.example/u/…",
        ),
    ),
];

/// What a pair of braces asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wants {
    /// The cell of a field, as its kind shows it.
    Field {
        /// Field id.
        id: String,
        /// How it is read.
        kind: FieldKind,
    },
    /// One of the [`VARIABLES`], by its name.
    Variable(&'static str),
}

/// One pair of braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// What is asked for, as written, without the fallback.
    pub written: String,
    /// What that is.
    pub wants: Wants,
    /// What stands there if there is no value; possibly nothing, if the author wrote `{{…|}}`.
    pub fallback: Option<String>,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// A value.
    Slot(Slot),
}

/// Something that is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextProblem {
    /// What is wrong.
    pub what: Said,
    /// What to do.
    pub mend: Said,
}

impl TextProblem {
    fn new(what: Said, mend: Said) -> Self {
        Self { what, mend }
    }
}

/// What may stand between braces: the headers of bound columns, the ids of fields, the variables.
#[derive(Clone, Debug, Default)]
pub struct Names {
    by_key: BTreeMap<String, Known>,
}

#[derive(Clone, Debug)]
struct Known {
    /// As it is suggested.
    written: String,
    /// None for what is private.
    wants: Option<Wants>,
}

impl Names {
    /// From the fields of the configuration. A header that is private is known only for being refused.
    pub fn new(fields: &[FieldSpec]) -> Self {
        let mut by_key = BTreeMap::new();
        for variable in VARIABLES {
            let field = fields.iter().find(|field| field.id == root(variable.name));
            let private = field.is_some_and(|field| field.private);
            by_key.insert(
                path_key(variable.name),
                Known {
                    written: variable.name.to_owned(),
                    wants: (!private).then_some(Wants::Variable(variable.name)),
                },
            );
        }
        for field in fields {
            let wants = (!field.private).then(|| Wants::Field {
                id: field.id.clone(),
                kind: field.kind,
            });
            for written in field.headers.iter().chain([&field.id]) {
                // `email` is a variable and perhaps a header: both say the same.
                by_key.entry(header_key(written)).or_insert_with(|| Known {
                    written: written.clone(),
                    wants: wants.clone(),
                });
            }
        }
        Self { by_key }
    }

    fn find(&self, written: &str) -> Result<Wants, TextProblem> {
        let key = path_key(written);
        match self.by_key.get(&key) {
            Some(Known {
                wants: Some(wants), ..
            }) => Ok(wants.clone()),
            Some(Known { wants: None, .. }) => Err(TextProblem::new(
                Said::new(
                    format!("cột “{written}” là cột riêng tư, không được đưa vào thư"),
                    format!("the column “{written}” is private and never goes into a text"),
                ),
                Said::new("Hãy bỏ nó ra khỏi nội dung", "Take it out of the text"),
            )),
            None => {
                let public = self
                    .by_key
                    .iter()
                    .filter(|(_, known)| known.wants.is_some());
                let near = nearest(&key, public.map(|(key, known)| (key.as_str(), known)));
                let mend = match near {
                    Some(near) => Said::new(
                        format!("Có phải ý bạn là {{{{{}}}}}?", near.written),
                        format!("Did you mean {{{{{}}}}}?", near.written),
                    ),
                    None => Said::new(
                        "Hãy ghi đúng tiêu đề một cột đã khai báo, hoặc một biến như {{ greeting }}",
                        "Write the header of a column that is configured, or a variable such as {{ greeting }}",
                    ),
                };
                Err(TextProblem::new(
                    Said::new(
                        format!("không có cột nào tên “{written}”"),
                        format!("there is no column “{written}”"),
                    ),
                    mend,
                ))
            }
        }
    }

    fn has(&self, written: &str) -> bool {
        self.by_key.contains_key(&path_key(written))
    }
}

fn root(path: &str) -> &str {
    match path {
        "stage_label" => "stage",
        "greeting" | "pronoun" => "name",
        _ => path.split('.').next().unwrap_or(path),
    }
}

/// As headers are compared; the dot of `name.given` stays, so that it is no header `namegiven`.
fn path_key(written: &str) -> String {
    let parts: Vec<String> = written.split('.').map(header_key).collect();
    if parts.len() > 1
        && VARIABLES
            .iter()
            .any(|one| one.name.contains('.') && one.name == written.trim())
    {
        return parts.join(".");
    }
    header_key(written)
}

/// Cuts a text into what stands there and what is to be filled in.
///
/// # Errors
/// Everything that is wrong with it: headers that do not exist or are private, braces that are not
/// closed, commands of templates, too many values.
pub fn pieces(text: &str, names: &Names) -> Result<Vec<Piece>, Vec<TextProblem>> {
    let mut problems = Vec::new();
    if text.chars().count() > MOST_LETTERS {
        problems.push(TextProblem::new(
            Said::new("nội dung quá dài", "the text is too long"),
            Said::new(
                format!("Hãy viết ngắn hơn {MOST_LETTERS} chữ, hoặc dùng mẫu thư trong templates/"),
                format!("Write less than {MOST_LETTERS} letters, or use a template"),
            ),
        ));
        return Err(problems);
    }
    for (open, close) in [("{%", "%}"), ("{#", "#}")] {
        if text.contains(open) {
            problems.push(TextProblem::new(
                Said::new(
                    format!("trong ô không dùng được lệnh {open} … {close}"),
                    format!("a cell has no commands such as {open} … {close}"),
                ),
                Said::new(
                    "Hãy bỏ lệnh này; cần điều kiện thì dùng cột Nhóm 2, hoặc mẫu thư trong templates/",
                    "Remove it; for conditions there are the columns of groups, and templates",
                ),
            ));
        }
    }
    let mut pieces = Vec::new();
    let mut slots = 0;
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        single_braces(&rest[..at], names, &mut problems);
        push_text(&mut pieces, &rest[..at]);
        let inside = &rest[at + 2..];
        // A pair belongs on one line: else everything to the next pair would be swallowed.
        let line = inside.find('\n').unwrap_or(inside.len());
        let Some(end) = inside[..line].find("}}") else {
            let shown: String = inside[..line].chars().take(30).collect();
            problems.push(TextProblem::new(
                Said::new(
                    format!("“{{{{{shown}” thiếu dấu đóng }}}}"),
                    format!("“{{{{{shown}” is not closed by }}}}"),
                ),
                Said::new(
                    "Hãy ghi như {{Họ tên}}, trên cùng một dòng",
                    "Write it as in {{Họ tên}}, on one line",
                ),
            ));
            rest = &inside[line..];
            continue;
        };
        match slot(&inside[..end], names) {
            Ok(slot) => pieces.push(Piece::Slot(slot)),
            Err(problem) => problems.push(problem),
        }
        slots += 1;
        rest = &inside[end + 2..];
    }
    single_braces(rest, names, &mut problems);
    push_text(&mut pieces, rest);
    if slots > MOST_SLOTS {
        problems.push(TextProblem::new(
            Said::new(
                format!("nội dung có {slots} chỗ điền, nhiều nhất là {MOST_SLOTS}"),
                format!("the text has {slots} values, {MOST_SLOTS} are allowed"),
            ),
            Said::new("Hãy bớt đi", "Use fewer"),
        ));
    }
    if problems.is_empty() {
        Ok(pieces)
    } else {
        problems.dedup();
        Err(problems)
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

fn slot(inside: &str, names: &Names) -> Result<Slot, TextProblem> {
    let (written, fallback) = match inside.split_once('|') {
        Some((written, fallback)) => (written.trim(), Some(fallback.trim().to_owned())),
        None => (inside.trim(), None),
    };
    if written.is_empty() {
        return Err(TextProblem::new(
            Said::new(
                "có cặp ngoặc {{ }} để trống",
                "a pair of braces {{ }} is empty",
            ),
            Said::new(
                "Hãy ghi tiêu đề cột vào giữa, như {{Họ tên}}",
                "Write a header between them, as in {{Họ tên}}",
            ),
        ));
    }
    if let Some(fallback) = &fallback
        && is_filter(fallback)
    {
        return Err(TextProblem::new(
            Said::new(
                format!("sau dấu | là chữ thay thế khi ô trống, không phải lệnh “{fallback}”"),
                format!(
                    "behind | stands what to write if the cell is empty, not the filter “{fallback}”"
                ),
            ),
            Said::new(
                format!("Hãy ghi {{{{{written}}}}}, hoặc {{{{{written}|chữ thay thế}}}}"),
                format!("Write {{{{{written}}}}}, or {{{{{written}|instead}}}}"),
            ),
        ));
    }
    Ok(Slot {
        wants: names.find(written)?,
        written: written.to_owned(),
        fallback,
    })
}

/// Whether a fallback is rather a filter of the templates.
fn is_filter(fallback: &str) -> bool {
    const FILTERS: [&str; 14] = [
        "money",
        "vnd",
        "date",
        "time",
        "datetime",
        "weekday",
        "phone",
        "tel",
        "upper",
        "lower",
        "title",
        "capitalize",
        "number",
        "safe",
    ];
    FILTERS.contains(&fallback)
        || fallback.starts_with("default(")
        || fallback.starts_with("default (")
}

/// `{Họ tên}` in single braces would go out as it stands.
fn single_braces(text: &str, names: &Names, problems: &mut Vec<TextProblem>) {
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let inside = &rest[at + 1..];
        let Some(end) = inside.find('}') else { return };
        let written = inside[..end].split('|').next().unwrap_or_default().trim();
        if !written.is_empty() && names.has(written) {
            problems.push(TextProblem::new(
                Said::new(
                    format!("“{{{written}}}” chỉ có một cặp ngoặc nên sẽ được gửi nguyên văn"),
                    format!("“{{{written}}}” has single braces and would go out as it stands"),
                ),
                Said::new(
                    format!("Hãy ghi {{{{{written}}}}}"),
                    format!("Write {{{{{written}}}}}"),
                ),
            ));
        }
        rest = &inside[end + 1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let field = |id: &str, header: &str, kind, private| FieldSpec {
            id: id.to_owned(),
            headers: vec![header.to_owned()],
            kind,
            private,
            since: None,
        };
        Names::new(&[
            field("name", "Họ tên", FieldKind::Name, false),
            field("budget", "Ngân sách", FieldKind::Money, false),
            field("handover", "Ngày bàn giao", FieldKind::Date, false),
            field("commission", "Hoa hồng", FieldKind::Money, true),
        ])
    }

    fn read(text: &str) -> Vec<String> {
        match pieces(text, &names()) {
            Ok(pieces) => pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text.clone(),
                    Piece::Slot(slot) => format!("<{:?} {:?}>", slot.wants, slot.fallback),
                })
                .collect(),
            Err(problems) => problems
                .iter()
                .map(|problem| format!("{}. {}", problem.what.vi, problem.mend.vi))
                .collect(),
        }
    }

    #[test]
    fn headers_and_variables_are_found_however_they_are_written() {
        let name = "<Field { id: \"name\", kind: Name } None>";
        for text in ["{{Họ tên}}", "{{ HO TEN }}", "{{hoten}}"] {
            assert_eq!(read(text), [name], "{text}");
        }
        assert_eq!(
            read("Chào {{Họ tên|Anh/Chị}}, {{ greeting }} {{name.given|}}!"),
            [
                "Chào ",
                "<Field { id: \"name\", kind: Name } Some(\"Anh/Chị\")>",
                ", ",
                "<Variable(\"greeting\") None>",
                " ",
                "<Variable(\"name.given\") Some(\"\")>",
                "!"
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_mend() {
        for (text, problem) in [
            (
                "{{Hoạ tên}}",
                "không có cột nào tên “Hoạ tên”. Có phải ý bạn là {{Họ tên}}?",
            ),
            (
                "{{Số nhà}}",
                "không có cột nào tên “Số nhà”. Hãy ghi đúng tiêu đề một cột đã khai báo, hoặc một biến như {{ greeting }}",
            ),
            (
                "{{Hoa hồng}}",
                "cột “Hoa hồng” là cột riêng tư, không được đưa vào thư. Hãy bỏ nó ra khỏi nội dung",
            ),
            (
                "{{commission}}",
                "cột “commission” là cột riêng tư, không được đưa vào thư. Hãy bỏ nó ra khỏi nội dung",
            ),
            (
                "{{Họ tên\n}}",
                "“{{Họ tên” thiếu dấu đóng }}. Hãy ghi như {{Họ tên}}, trên cùng một dòng",
            ),
            (
                "{{ }}",
                "có cặp ngoặc {{ }} để trống. Hãy ghi tiêu đề cột vào giữa, như {{Họ tên}}",
            ),
            (
                "{{ budget | money }}",
                "sau dấu | là chữ thay thế khi ô trống, không phải lệnh “money”. Hãy ghi {{budget}}, hoặc {{budget|chữ thay thế}}",
            ),
            (
                "Chào {Họ tên}",
                "“{Họ tên}” chỉ có một cặp ngoặc nên sẽ được gửi nguyên văn. Hãy ghi {{Họ tên}}",
            ),
            (
                "{% for x in y %}",
                "trong ô không dùng được lệnh {% … %}. Hãy bỏ lệnh này; cần điều kiện thì dùng cột Nhóm 2, hoặc mẫu thư trong templates/",
            ),
        ] {
            assert_eq!(read(text), [problem], "{text}");
        }
    }

    #[test]
    fn other_braces_are_only_letters() {
        assert_eq!(read("a {b} } c { d"), ["a {b} } c { d"]);
    }

    proptest::proptest! {
        /// Whatever is typed, there is an answer; and what is not in braces is kept.
        #[test]
        fn no_text_stops_it(text in "(\\{\\{|\\}\\}|\\{|\\}|\\||Họ tên|greeting|name\\.given|[a-zà-ỹ .\n%#]){0,12}") {
            if let Ok(pieces) = pieces(&text, &names()) {
                let length: usize = pieces.iter().map(|piece| match piece {
                    Piece::Text(text) => text.len(),
                    Piece::Slot(_) => 0,
                }).sum();
                proptest::prop_assert!(length <= text.len());
            }
        }
    }
}
