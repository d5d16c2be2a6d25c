//! `[campaigns]`, the tab in which staff write campaigns, and campaigns written as files in `campaigns/`.
//!
//! What a row or file means is [`crate::core::campaign::read`]'s; here it becomes cells by column, the same
//! for both.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::walk::{Reader, Section};
use super::{Campaigns, Tab, TabKind, TabPattern, Workbook};
use crate::core::campaign::read::Written;
use crate::core::campaign::segment::Synonyms;
use crate::core::campaign::{HIGHEST_GROUP, Origin, Place, Problem, Said, fields, is_column};
use crate::core::people::Role;
use crate::core::sheet::Cell;
use crate::core::sheet::fold::fold;

/// Where results go if the configuration names no other tab.
const RESULTS_TAB: &str = "Kết quả chiến dịch";

/// A campaign is text that people write; what is longer is another file.
const MOST_BYTES: u64 = 1024 * 1024;

/// `[campaigns]`; the tab that it names is added to its workbook.
pub(super) fn campaigns(
    reader: &Reader<'_>,
    root: &Section<'_>,
    workbooks: &mut [Workbook],
) -> Campaigns {
    let mut campaigns = Campaigns {
        results_tab: RESULTS_TAB.to_owned(),
        approve: Role::Manager,
        folder: reader.path("campaigns"),
    };
    let Some(section) = root.section(reader, "campaigns") else {
        return campaigns;
    };
    section.only(
        reader,
        &["tab", "workbook", "results_tab", "approve", "columns"],
        &[],
    );
    if let Some(results) = section.text(reader, "results_tab") {
        results.text.trim().clone_into(&mut campaigns.results_tab);
    }
    if let Some(text) = section.text(reader, "approve") {
        let roles = [("manager", Role::Manager), ("leader", Role::Leader)];
        campaigns.approve = text.one_of(reader, &roles).unwrap_or(Role::Manager);
    }
    add_tab(reader, &section, workbooks);
    let read = workbooks
        .iter()
        .flat_map(|book| &book.tabs)
        .any(|tab| tab.name.matches(&campaigns.results_tab));
    if read {
        let at = section
            .get("results_tab")
            .map_or(section.span.clone(), |node| node.span);
        reader.wrong(
            &at,
            format!(
                "the results would go into the tab \"{}\", which is read",
                campaigns.results_tab
            ),
            "name a tab of its own: staff's tabs are never written to",
        );
    }
    campaigns
}

fn add_tab(reader: &Reader<'_>, section: &Section<'_>, workbooks: &mut [Workbook]) {
    let columns = columns(reader, section);
    let Some(tab) = section.text(reader, "tab") else {
        for key in ["workbook", "columns"] {
            if let Some(node) = section.get(key) {
                reader.wrong(
                    &node.span,
                    format!("{} belongs to a tab, and there is none", node.label),
                    "add tab = \"Chiến dịch\"",
                );
            }
        }
        return;
    };
    let wanted = section.text(reader, "workbook");
    let ids: Vec<String> = workbooks.iter().map(|book| book.id.clone()).collect();
    let book = match &wanted {
        Some(id) => workbooks.iter_mut().find(|book| book.id == id.text.trim()),
        None => workbooks.first_mut(),
    };
    let Some(book) = book else {
        if let Some(id) = &wanted {
            let known: Vec<&str> = ids.iter().map(String::as_str).collect();
            id.unknown(reader, &known);
        }
        return;
    };
    let pattern = TabPattern(tab.text.trim().to_owned());
    if pattern.is_pattern() {
        tab.wrong(
            reader,
            ", which is a pattern",
            "name one tab; more are written as [[workbook.tab]] with kind = \"campaigns\"",
        );
        return;
    }
    if let Some(other) = book
        .tabs
        .iter()
        .find(|one| fold(&one.name.0) == fold(&pattern.0))
    {
        if !matches!(other.kind, TabKind::Campaigns { .. }) {
            tab.wrong(
                reader,
                ", a tab that is read as something else",
                "name a tab of its own, or remove the [[workbook.tab]]",
            );
        }
        return;
    }
    // Before the patterns, of which one may fit its name.
    let tab = Tab {
        name: pattern,
        kind: TabKind::Campaigns { columns },
    };
    book.tabs.insert(0, tab);
}

/// `[[workbook.tab]]` with `kind = "campaigns"`.
pub(super) fn tab(reader: &Reader<'_>, section: &Section<'_>) -> TabKind {
    section.only(reader, &["name", "kind", "columns"], &[]);
    TabKind::Campaigns {
        columns: columns(reader, section),
    }
}

/// Further headers by column id.
fn columns(reader: &Reader<'_>, section: &Section<'_>) -> BTreeMap<String, Vec<String>> {
    let Some(columns) = section.section(reader, "columns") else {
        return BTreeMap::new();
    };
    let ids: Vec<String> = fields(&BTreeMap::new())
        .into_iter()
        .map(|field| field.id)
        .collect();
    let known: Vec<&str> = ids.iter().map(String::as_str).collect();
    columns.only(reader, &known, &[]);
    let shipped = fields(&BTreeMap::new());
    let mut found = BTreeMap::new();
    for (key, node) in columns.entries() {
        let headers = node.texts(reader);
        for header in &headers {
            let other = shipped.iter().find(|field| {
                field.id != key.name
                    && field
                        .headers
                        .iter()
                        .any(|one| fold(one) == fold(header.text))
            });
            if let Some(other) = other {
                header.wrong(
                    reader,
                    &format!(", a header that already means `{}`", other.id),
                    "a column means one thing: write another header",
                );
            }
        }
        found.insert(
            key.name,
            headers
                .iter()
                .map(|header| header.text.to_owned())
                .collect(),
        );
    }
    found
}

impl super::Config {
    /// What means the same in segments: the lines of `[aliases.*]`.
    pub fn synonyms(&self) -> Synonyms {
        let groups = self.aliases.iter().flat_map(|(field, aliases)| {
            aliases.iter().map(move |alias| {
                let words = std::iter::once(&alias.meaning).chain(&alias.words);
                (field.clone(), words.cloned().collect())
            })
        });
        Synonyms::new(groups)
    }

    /// The campaigns that are written as files, in the order of their names: each as it is written, or what is
    /// wrong with the file itself. No folder is no campaign.
    pub fn campaign_files(&self) -> Vec<(String, Result<Written, Vec<Problem>>)> {
        let mut names: Vec<String> = std::fs::read_dir(&self.campaigns.folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.ends_with(".toml") && !name.starts_with('.'))
            .collect();
        names.sort();
        names
            .into_iter()
            .map(|name| {
                let file = format!("campaigns/{name}");
                let written = campaign_file(&self.campaigns.folder.join(&name), &file);
                (file, written)
            })
            .collect()
    }
}

/// Reads one file.
///
/// # Errors
/// It cannot be read, is no TOML, or has keys or values that a campaign does not have.
pub fn campaign_file(path: &Path, file: &str) -> Result<Written, Vec<Problem>> {
    let problem = |key: &str, what: Said, mend: Said| Problem {
        place: Place::Key {
            file: file.to_owned(),
            key: key.to_owned(),
        },
        what,
        mend,
    };
    let unreadable = |why: String| {
        vec![problem(
            "",
            Said::new(
                format!("không đọc được tệp: {why}"),
                format!("the file cannot be read: {why}"),
            ),
            Said::new(
                "Hãy kiểm tra tệp và quyền đọc",
                "Correct the file or its permissions",
            ),
        )]
    };
    let size = std::fs::metadata(path)
        .map_err(|error| unreadable(error.to_string()))?
        .len();
    if size > MOST_BYTES {
        return Err(unreadable(format!("{size} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    let (table, mistakes) = DeTable::parse_recoverable(&text);
    if let Some(mistake) = mistakes.first() {
        let at = mistake.span().map_or(0, |span| span.start.min(text.len()));
        let line = text.as_bytes()[..at]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        let why = mistake.message();
        return Err(vec![problem(
            "",
            Said::new(
                format!("dòng {line} không phải TOML: {why}"),
                format!("line {line} is no TOML: {why}"),
            ),
            Said::new(
                "Hãy sửa dòng này; chữ đặt trong dấu \"…\"",
                "Correct the line; text stands in \"…\"",
            ),
        )]);
    }
    let mut cells = BTreeMap::new();
    let mut problems = Vec::new();
    let table = table.get_ref();
    let mut take = |column: String, key: String, value: &DeValue<'_>| match cell(value) {
        Some(cell) => {
            cells.insert(column, (key, cell));
        }
        None => problems.push(problem(
            &key,
            Said::new(
                "giá trị không phải chữ, số, ngày hay danh sách chữ",
                "the value is no text, number, date or list of texts",
            ),
            Said::new(
                "Hãy ghi như key = \"…\" hoặc key = [\"…\", \"…\"]",
                "Write key = \"…\" or key = [\"…\", \"…\"]",
            ),
        )),
    };
    let mut unknown = Vec::new();
    for (key, value) in table {
        let key = key.get_ref().to_string();
        let value = value.get_ref();
        match (key.as_str(), value) {
            ("group", DeValue::Array(groups)) => {
                for (number, group) in (2..).zip(groups.iter()) {
                    let DeValue::Table(group) = group.get_ref() else {
                        unknown.push(key.clone());
                        continue;
                    };
                    for (part, value) in group {
                        let part = part.get_ref().to_string();
                        // `whom` is what the column of the tab calls the group.
                        let name = if part == "whom" {
                            "group"
                        } else {
                            part.as_str()
                        };
                        let column = format!("{name}_{number}");
                        if number > HIGHEST_GROUP || !is_column(&column) || part == "group" {
                            unknown.push(format!("group.{part}"));
                            continue;
                        }
                        take(column, format!("group.{part}"), value.get_ref());
                    }
                }
            }
            _ if is_column(&key) => take(key.clone(), key, value),
            _ => unknown.push(key),
        }
    }
    for key in unknown {
        problems.push(problem(
            &key,
            Said::new(
                format!("`{key}` không phải là mục của chiến dịch"),
                format!("`{key}` is no key of a campaign"),
            ),
            Said::new(
                "Hãy bỏ mục này; các mục có trong docs/campaigns.md",
                "Remove it; the keys are listed in docs/campaigns.md",
            ),
        ));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let places = cells
        .iter()
        .map(|(column, (key, _))| {
            let place = Place::Key {
                file: file.to_owned(),
                key: key.clone(),
            };
            (column.clone(), place)
        })
        .collect();
    Ok(Written {
        origin: Origin::File {
            file: file.to_owned(),
        },
        cells: cells
            .into_iter()
            .map(|(column, (_, cell))| (column, cell))
            .collect(),
        places,
    })
}

/// A value as the cell that would say the same.
fn cell(value: &DeValue<'_>) -> Option<Cell> {
    Some(match value {
        DeValue::String(text) => Cell::from(text.as_ref()),
        DeValue::Boolean(yes) => Cell::Bool(*yes),
        DeValue::Datetime(at) => Cell::from(at.to_string().replace('T', " ").as_str()),
        DeValue::Integer(number) => {
            let number = i64::from_str_radix(number.as_str(), number.radix()).ok()?;
            #[allow(clippy::cast_precision_loss)] // As a cell of Sheets has it.
            Cell::Number(number as f64)
        }
        DeValue::Float(number) => Cell::Number(number.as_str().parse().ok()?),
        DeValue::Array(items) => {
            let texts: Option<Vec<&str>> =
                items.iter().map(|item| item.get_ref().as_str()).collect();
            Cell::from(texts?.join("\n").as_str())
        }
        DeValue::Table(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Written, Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        std::fs::write(&path, text).unwrap();
        campaign_file(&path, "campaigns/x.toml")
            .map_err(|problems| problems.iter().map(|problem| problem.text(true)).collect())
    }

    #[test]
    fn a_file_says_what_a_row_says() {
        let written = read(
            r#"
name = "Mở bán"
state = "Sẵn sàng"
stage = ["Đang tư vấn", "tiềm năng"]
send_at = 2026-12-15T09:00:00
subject = "Chào {{Họ tên}}"
text = """
Kính chào
"""
[[group]]
whom = "Loại BĐS: đầu tư"
text = "Chào nhà đầu tư"
"#,
        )
        .unwrap();
        let cell = |column: &str| written.cells[column].shown().into_owned();
        assert_eq!(cell("stage"), "Đang tư vấn\ntiềm năng");
        assert_eq!(cell("send_at"), "2026-12-15 09:00:00");
        assert_eq!(cell("group_2"), "Loại BĐS: đầu tư");
        assert_eq!(cell("text_2"), "Chào nhà đầu tư");
        assert_eq!(
            written.place("text_2").said().vi,
            "Tệp campaigns/x.toml, mục `group.text`"
        );
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told() {
        for (text, problem) in [
            (
                "nme = \"x\"",
                "Tệp campaigns/x.toml, mục `nme`: `nme` không phải là mục của chiến dịch. Hãy bỏ mục này; các mục có trong docs/campaigns.md",
            ),
            (
                "stage = [1]",
                "Tệp campaigns/x.toml, mục `stage`: giá trị không phải chữ, số, ngày hay danh sách chữ. Hãy ghi như key = \"…\" hoặc key = [\"…\", \"…\"]",
            ),
            (
                "[[group]]\nwho = \"x\"",
                "Tệp campaigns/x.toml, mục `group.who`: `group.who` không phải là mục của chiến dịch. Hãy bỏ mục này; các mục có trong docs/campaigns.md",
            ),
        ] {
            assert_eq!(read(text).unwrap_err(), [problem], "{text}");
        }
        let syntax = read("name = \"x\"\nstage = tiềm năng\n").unwrap_err();
        assert!(
            syntax[0].starts_with("Tệp campaigns/x.toml: dòng 2 không phải TOML: "),
            "{syntax:?}"
        );
    }
}
