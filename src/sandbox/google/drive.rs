//! The little of Drive v3 that clients need to find a workbook by its title.

use serde_json::{Value, json};

use super::errors::ApiError;
use super::serve::Asked;
use super::workbook::Workbook;

pub(super) const FIELDS: &[&str] = &[
    "kind",
    "incompleteSearch",
    "nextPageToken",
    "files",
    "id",
    "name",
    "mimeType",
    "version",
    "modifiedTime",
    "createdTime",
    "webViewLink",
    "trashed",
];

const SPREADSHEET: &str = "application/vnd.google-apps.spreadsheet";

/// `files.list` with the terms of `q` that clients use: `name`, `mimeType` and `trashed`, joined by
/// `and`. Folders do not exist here, so a term on `parents` finds nothing.
pub(super) fn list(
    workbooks: &[Workbook],
    asked: &Asked,
    account: &str,
) -> Result<Value, ApiError> {
    let terms = terms(asked.param("q").unwrap_or(""))?;
    let files: Vec<Value> = workbooks
        .iter()
        .filter(|workbook| workbook.role_of(account).is_some())
        .filter(|workbook| terms.iter().all(|term| term.holds(workbook)))
        .map(describe)
        .collect();
    Ok(json!({ "kind": "drive#fileList", "incompleteSearch": false, "files": files }))
}

/// `files.get`: the metadata.
pub(super) fn describe(workbook: &Workbook) -> Value {
    json!({
        "kind": "drive#file",
        "id": workbook.id,
        "name": workbook.title,
        "mimeType": SPREADSHEET,
        "version": workbook.version.to_string(),
        "trashed": false,
        "createdTime": "2026-01-02T02:00:00.000Z",
        // Derived from the version: it moves on with every change.
        "modifiedTime": modified(workbook.version),
        "webViewLink": format!("https://docs.google.com/spreadsheets/d/{}/edit", workbook.id),
    })
}

fn modified(version: u64) -> String {
    let start = jiff::civil::datetime(2026, 1, 2, 2, 0, 0, 0);
    let seconds = i64::try_from(version)
        .unwrap_or(i64::MAX)
        .min(1_000_000_000);
    let at = start
        .checked_add(jiff::Span::new().seconds(seconds))
        .unwrap_or(start);
    format!("{at}.000Z")
}

enum Term {
    Name(String),
    NameContains(String),
    MimeType(String),
    Trashed(bool),
    Nothing,
}

impl Term {
    fn holds(&self, workbook: &Workbook) -> bool {
        match self {
            Term::Name(name) => workbook.title == *name,
            Term::NameContains(part) => {
                workbook.title.to_lowercase().contains(&part.to_lowercase())
            }
            Term::MimeType(kind) => kind == SPREADSHEET,
            Term::Trashed(trashed) => !trashed,
            Term::Nothing => false,
        }
    }
}

fn terms(query: &str) -> Result<Vec<Term>, ApiError> {
    let bad = || ApiError::invalid(format!("Invalid Value: q={query}"));
    let mut out = Vec::new();
    let mut rest = query.trim();
    while !rest.is_empty() {
        let end = rest.find([' ', '=']).ok_or_else(bad)?;
        let (field, after) = rest.split_at(end);
        let after = after.trim_start();
        let (contains, after) = match after.strip_prefix('=') {
            Some(after) => (false, after),
            None => (
                true,
                after
                    .strip_prefix("contains")
                    .or_else(|| after.strip_prefix("in"))
                    .ok_or_else(bad)?,
            ),
        };
        let (value, after) = value(after.trim_start()).ok_or_else(bad)?;
        out.push(match (field, contains) {
            ("name", false) => Term::Name(value),
            ("name", true) => Term::NameContains(value),
            ("mimeType", false) => Term::MimeType(value),
            ("trashed", false) => Term::Trashed(value == "true"),
            _ => Term::Nothing,
        });
        rest = after.trim_start();
        match rest.strip_prefix("and ") {
            Some(after) => rest = after.trim_start(),
            None if rest.is_empty() => {}
            None => return Err(bad()),
        }
    }
    Ok(out)
}

/// A quoted text, with backslashes undone, or a bare word.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quote) = text.chars().next().filter(|mark| "'\"".contains(*mark)) else {
        let end = text.find(' ').unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut out = String::new();
    let mut escaped = false;
    for (place, mark) in text.char_indices().skip(1) {
        match mark {
            _ if escaped => {
                out.push(mark);
                escaped = false;
            }
            '\\' => escaped = true,
            _ if mark == quote => return Some((out, &text[place + 1..])),
            _ => out.push(mark),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_finds_by_title_as_clients_ask() {
        let workbook = Workbook::new("1", "CRM Bất động sản - KD2");
        let finds = |query: &str| {
            terms(query)
                .unwrap()
                .iter()
                .all(|term| term.holds(&workbook))
        };
        assert!(finds(
            "mimeType='application/vnd.google-apps.spreadsheet' and name = 'CRM Bất động sản - KD2'"
        ));
        assert!(finds("name contains 'bất' and trashed = false"));
        assert!(!finds("name = 'CRM'") && !finds("mimeType = 'text/plain'"));
        assert!(!finds("'x' in parents") || terms("'x' in parents").is_err());
        assert!(terms("name").is_err());
    }
}
