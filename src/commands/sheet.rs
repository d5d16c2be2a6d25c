//! What was seen of the staff's work in the sheet: the last edits of each tab, and the rows that need a look.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, Desk};
use crate::config::Language;
use crate::core::facts::digest::{TabWork, Unclear};
use crate::cycle::{edits_of, unclear_rows};
use crate::roster::{TabMeta, sheet_url};

/// Edits of one tab that `status` shows.
const EDITS_SHOWN: usize = 3;

/// Unclear rows that a digest names; the number of all of them stands beside.
const UNCLEAR_NAMED: usize = 10;

/// One edit of a tab, as it was understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditLine {
    /// Title of the workbook, or its id before its title is known.
    pub workbook: String,
    /// Title of the tab.
    pub tab: String,
    /// Local ISO time with offset at which it was seen.
    pub at: String,
    /// The verdict in English: `sorted by name, edited 2 cells in stage`.
    pub edit: String,
    /// The same in Vietnamese.
    pub edit_vi: String,
}

/// Rows about which the cells do not tell whose they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnclearLine {
    /// Title of the tab.
    pub tab: String,
    /// The sheet's own row numbers.
    pub rows: Vec<u32>,
    /// Why, in English.
    pub why: String,
    /// Why, in Vietnamese.
    pub why_vi: String,
    /// Address that opens the first of the rows.
    pub url: String,
}

impl Desk {
    /// The last edits of each tab, the newest first.
    pub(super) fn last_edits(&self) -> Answer<Vec<EditLine>> {
        let mut dated: Vec<(Timestamp, EditLine)> = Vec::new();
        for (workbook, tab) in self.tabs_read()? {
            let kept = edits_of(self.roster.store(), &workbook, tab.sheet)?;
            let headers = headers(&tab);
            for one in kept.recent.into_iter().take(EDITS_SHOWN) {
                let line = EditLine {
                    workbook: self.workbook_name(&workbook)?,
                    tab: tab.title.clone(),
                    at: self.local(one.at),
                    edit: one.edit.to_string(),
                    edit_vi: one.edit.vietnamese(&headers),
                };
                dated.push((one.at, line));
            }
        }
        dated.sort_by(|one, other| {
            other
                .0
                .cmp(&one.0)
                .then_with(|| one.1.tab.cmp(&other.1.tab))
        });
        Ok(dated.into_iter().map(|(_, line)| line).collect())
    }

    /// The rows that are unclear now, in the order of the configuration.
    pub(super) fn unclear(&self) -> Answer<Vec<UnclearLine>> {
        let mut lines = Vec::new();
        for book in &self.roster.config().workbooks {
            for one in unclear_rows(self.roster.store(), &book.id)? {
                let row = one.rows.first().copied().unwrap_or(1);
                lines.push(UnclearLine {
                    url: sheet_url(&book.id, one.sheet, row),
                    why_vi: in_vietnamese(&one.why),
                    tab: one.tab,
                    rows: one.rows,
                    why: one.why,
                });
            }
        }
        Ok(lines)
    }

    /// What was done to each tab since then, for a digest.
    pub(super) fn work_since(&self, since: Timestamp) -> Answer<Vec<TabWork>> {
        let mut work = Vec::new();
        for (workbook, tab) in self.tabs_read()? {
            let tally = edits_of(self.roster.store(), &workbook, tab.sheet)?.since(since);
            let done = match self.language() {
                Language::Vi => tally.vietnamese(),
                Language::En => tally.english(),
            };
            if !done.is_empty() {
                work.push(TabWork {
                    tab: tab.title,
                    done,
                });
            }
        }
        Ok(work)
    }

    /// The unclear rows that a digest names.
    pub(super) fn unclear_for_digest(&self) -> Answer<Vec<Unclear>> {
        let vietnamese = self.language() == Language::Vi;
        let named = self.unclear()?.into_iter().take(UNCLEAR_NAMED);
        Ok(named
            .map(|line| Unclear {
                rows: row_list(&line.rows),
                tab: line.tab,
                why: if vietnamese { line.why_vi } else { line.why },
                url: Some(line.url),
            })
            .collect())
    }

    /// Every tab that was read and is still configured, in the order of the configuration.
    pub(super) fn tabs_read(&self) -> Answer<Vec<(String, TabMeta)>> {
        let mut found = Vec::new();
        for book in &self.roster.config().workbooks {
            let mut tabs = self.roster.tabs(&book.id)?;
            let place = |tab: &TabMeta| {
                book.tabs
                    .iter()
                    .position(|named| named.name.matches(&tab.title))
            };
            tabs.retain(|tab| place(tab).is_some());
            tabs.sort_by_key(|tab| (place(tab), tab.sheet));
            found.extend(tabs.into_iter().map(|tab| (book.id.clone(), tab)));
        }
        Ok(found)
    }
}

/// By field, the header that it has in this tab.
fn headers(tab: &TabMeta) -> BTreeMap<String, String> {
    let bound = tab.bound.iter();
    bound
        .map(|(field, (_, header))| (field.clone(), header.clone()))
        .collect()
}

/// `31, 32`, and no more than a few of them.
pub(super) fn row_list(rows: &[u32]) -> String {
    const SHOWN: usize = 6;
    let shown: Vec<String> = rows.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = if rows.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// Why the matcher could not tell, as a colleague would say it: the matcher's own phrases, one by one.
fn in_vietnamese(why: &str) -> String {
    const PHRASES: [(&str, &str); 21] = [
        (
            "rows of one person changed, and more than one reading fits",
            "các dòng của cùng một người đều thay đổi, có nhiều cách hiểu",
        ),
        (
            "more than one row fits equally well",
            "có nhiều dòng khớp như nhau",
        ),
        (
            "some cells agree and some do not: the same customer, or another one",
            "một số ô khớp, một số không: khách cũ hay khách khác",
        ),
        (
            "the contact is the same, the name and most other cells are not",
            "cùng số điện thoại hoặc email, nhưng tên và hầu hết các ô khác thì không",
        ),
        (
            "one deal of a person with several is gone and another is there",
            "một người có nhiều giao dịch: mất một dòng và có một dòng khác",
        ),
        (
            "the name is the same and half of the cells, the contact is not",
            "cùng tên và một nửa số ô, nhưng khác số điện thoại và email",
        ),
        (
            "name and contact are missing on one side and the row has moved",
            "dòng đã đổi chỗ, một bên không có tên và cách liên hệ",
        ),
        (
            "name, phone and e-mail are all new while the rest stayed: a hand-over, or another customer",
            "tên, số điện thoại và email đều mới, còn lại như cũ: sang tên hay khách khác",
        ),
        (
            "name and contact differ and only common values are left to compare",
            "khác tên và cách liên hệ, chỉ còn những giá trị thường gặp để so sánh",
        ),
        (
            " rows were equal in every cell; ",
            " dòng trước đây giống hệt nhau; ",
        ),
        (
            " rows are equal in every cell where there was ",
            " dòng giống hệt nhau, trước chỉ có ",
        ),
        (
            " rows are equal in every cell where there were ",
            " dòng giống hệt nhau, trước chỉ có ",
        ),
        ("some now differ in ", "nay có dòng khác ở "),
        (
            ": which of them it was cannot be told",
            ": chưa rõ dòng nào là của ai",
        ),
        (
            ": which of them is new cannot be told",
            ": chưa rõ dòng nào mới",
        ),
        (
            ": which of them are new cannot be told",
            ": chưa rõ những dòng nào mới",
        ),
        (" gone", " dòng không còn"),
        ("different: ", "khác: "),
        ("same: ", "giống: "),
        (", and ", " và "),
        (" and ", " và "),
    ];
    const FIELDS: [(&str, &str); 5] = [
        ("name", "họ tên"),
        ("phone", "số điện thoại"),
        ("stage", "giai đoạn"),
        ("owner", "người phụ trách"),
        ("note", "ghi chú"),
    ];
    let text = PHRASES
        .iter()
        .fold(why.to_owned(), |text, (english, ours)| {
            text.replace(english, ours)
        });
    // Fields only as whole words: a column may be called `surname`.
    text.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_')
        .map(|piece| {
            let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_');
            FIELDS.iter().find(|(id, _)| *id == word).map_or_else(
                || piece.to_owned(),
                |(id, ours)| piece.replacen(id, ours, 1),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_riddle_is_told_in_vietnamese() {
        assert_eq!(
            in_vietnamese(
                "3 rows were equal in every cell; some now differ in stage, and 1 gone: which of them it was cannot be told"
            ),
            "3 dòng trước đây giống hệt nhau; nay có dòng khác ở giai đoạn và 1 dòng không còn: chưa rõ dòng nào là của ai"
        );
        assert_eq!(
            in_vietnamese(
                "more than one row fits equally well (different: name and phone; same: surname)"
            ),
            "có nhiều dòng khớp như nhau (khác: họ tên và số điện thoại; giống: surname)"
        );
    }

    #[test]
    fn a_long_list_of_rows_is_cut() {
        assert_eq!(row_list(&[31, 32]), "31, 32");
        assert_eq!(row_list(&[1, 2, 3, 4, 5, 6, 7, 8]), "1, 2, 3, 4, 5, 6, …");
    }
}
