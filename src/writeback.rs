//! Our own tabs in the staff's workbook, where `[google] write` allows it: the results of campaigns, and what is to be
//! done today. Staff's tabs are
//! never written to, and a tab of that name which somebody else made is left alone.
//!
//! What is written is the whole of our tab, and only when it says something else than before. So a lost answer, a
//! kill, or somebody's typing in our tab are mended by the next writing.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::{Config, Language, TabKind};
use crate::core::campaign::life::State;
use crate::core::facts::local_text;
use crate::google::{Google, GoogleError, HeaderCell, NewTab, Written};
use crate::roster::Roster;
use crate::store::keys::{self, Key, prefix};
use crate::store::{Group, StoreError};

/// So many campaigns are shown, the newest first.
const SHOWN: usize = 200;

/// So many things to do are shown: a new tab has 1000 rows.
const TASKS: usize = 900;

const TASKS_VI: [&str; 7] = [
    "Người phụ trách",
    "Lúc",
    "Khách hàng",
    "Việc",
    "Kết quả",
    "Người ghi",
    "Mã",
];
const TASKS_EN: [&str; 7] = [
    "In charge",
    "At",
    "Customer",
    "What",
    "What came of it",
    "Said by",
    "Id",
];

/// A campaign as it stands in our tab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// As its author calls it.
    pub name: String,
    /// What it is known by.
    pub id: String,
    /// Where it stands.
    pub state: State,
    /// Who approved, paused, stopped or returned it, and why.
    pub by: String,
    /// Local ISO time of its first mail.
    pub send_at: String,
    /// How many get a mail.
    pub recipients: u64,
    /// How many of the segment get none.
    pub left_out: u64,
    /// Mails that arrived.
    pub delivered: u64,
    /// Mails that were refused or given up.
    pub failed: u64,
    /// Mails that may have arrived.
    pub in_doubt: u64,
    /// Mails that have not gone yet.
    pub waiting: u64,
}

/// Why our tab could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Google.
    #[error(transparent)]
    Google(#[from] GoogleError),
    /// There is such a tab, and we did not make it.
    #[error("the tab “{tab}” was there before sheetbridge and is not written to: {mend}")]
    NotOurs {
        /// Its title.
        tab: String,
        /// What to do.
        mend: &'static str,
    },
    /// A tab of ours would be read as one of customers.
    #[error(
        "the tab “{tab}” would be ours, and a [[workbook.tab]] reads it: narrow that name, since staff's tabs are never written to"
    )]
    IsRead {
        /// Its title.
        tab: String,
    },
}

/// What was written last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// How many rows it has by us, the header included.
    rows: usize,
    /// Hash of what they say.
    hash: String,
}

fn kept_key(what: &str, workbook: &str) -> Key {
    keys::under(prefix::META, format!("{what}/{workbook}"))
}

/// The workbook with our tab: the one in which campaigns are written, or the first.
fn workbook(config: &Config) -> Option<&str> {
    let with = config.workbooks.iter().find(|book| {
        book.tabs
            .iter()
            .any(|tab| matches!(tab.kind, TabKind::Campaigns { .. }))
    });
    with.or(config.workbooks.first())
        .map(|book| book.id.as_str())
}

/// Writes the results of campaigns into our tab, if they are not what stands there. Returns whether it wrote.
///
/// # Errors
/// See [`WriteError`].
pub async fn results(
    roster: &Roster,
    google: &Arc<Google>,
    campaigns: &[Standing],
    now: Timestamp,
) -> Result<bool, WriteError> {
    let config = roster.config();
    let Some(workbook) = workbook(config) else {
        return Ok(false);
    };
    let language = config.language;
    let tab = OwnTab {
        key: kept_key("results", workbook),
        title: &config.campaigns.results_tab,
        header: &header(language),
        mend: "rename it, or write another results_tab under [campaigns]",
    };
    let rows = campaigns.iter().take(SHOWN).map(|one| row(one, language));
    put(roster, google, workbook, &tab, rows.collect(), now).await
}

/// A tab of ours.
struct OwnTab<'a> {
    /// Where it is kept what was written last.
    key: Key,
    /// Its title.
    title: &'a str,
    /// Its first row.
    header: &'a [&'a str],
    /// What to do if somebody else has a tab of that title.
    mend: &'static str,
}

/// Writes rows into a tab of ours, if they are not what stands there. Returns whether it wrote.
async fn put(
    roster: &Roster,
    google: &Arc<Google>,
    workbook: &str,
    tab: &OwnTab<'_>,
    below: Vec<Vec<Written>>,
    now: Timestamp,
) -> Result<bool, WriteError> {
    let config = roster.config();
    let store = roster.store();
    let before: Option<Kept> = store.get(&tab.key)?;
    // Who has nothing to write gets no tab for it.
    if before.is_none() && below.is_empty() {
        return Ok(false);
    }
    let mut rows: Vec<Vec<Written>> = vec![texts(tab.header)];
    rows.extend(below);
    let hash = blake3::hash(format!("{rows:?}").as_bytes())
        .to_hex()
        .to_string();
    if before.as_ref().is_some_and(|before| before.hash == hash) {
        return Ok(false);
    }
    let sheet = ours(google, workbook, tab).await?;
    let written = rows.len();
    let width = tab.header.len();
    // Rows that are no longer said are emptied.
    let over = before.map_or(0, |before| before.rows.saturating_sub(written));
    let blank: Vec<Written> = vec![Written::from(""); width];
    rows.extend(std::iter::repeat_n(blank, over));
    let zone = config.calendar.zone.clone();
    let stamp = local_text(now.to_zoned(zone).datetime());
    if let Some(last) = rows.first_mut() {
        last.push(Written::Text(match config.language {
            Language::Vi => format!("Cập nhật {stamp}"),
            Language::En => format!("Updated {stamp}"),
        }));
    }
    google.put_rows(workbook, sheet, &rows).await?;
    let mut group = Group::default();
    let kept = Kept {
        rows: written,
        hash,
    };
    group.put(tab.key.clone(), &kept);
    store.commit(vec![group])?;
    Ok(true)
}

/// Something to do today, as it stands in our tab: who, when, whom, what, what came of it, who said so, and the record.
pub type Task = [String; 7];

/// Writes what everybody has to do today into our tab, if it is not what stands there. Returns whether it wrote.
///
/// # Errors
/// See [`WriteError`].
pub async fn to_do(
    roster: &Roster,
    google: &Arc<Google>,
    tasks: &[Task],
    now: Timestamp,
) -> Result<bool, WriteError> {
    let config = roster.config();
    let Some(workbook) = workbook(config) else {
        return Ok(false);
    };
    let vietnamese = config.language == Language::Vi;
    let title = if vietnamese {
        "Việc cần làm"
    } else {
        "To do"
    };
    let read = config.workbooks.iter().flat_map(|book| &book.tabs);
    if read.into_iter().any(|tab| tab.name.matches(title)) {
        return Err(WriteError::IsRead {
            tab: title.to_owned(),
        });
    }
    let tab = OwnTab {
        key: kept_key("to-do", workbook),
        title,
        header: if vietnamese { &TASKS_VI } else { &TASKS_EN },
        mend: "rename it",
    };
    let mut rows: Vec<Vec<Written>> = tasks
        .iter()
        .take(TASKS)
        .map(|task| {
            task.iter()
                .map(|text| Written::Text(text.clone()))
                .collect()
        })
        .collect();
    if tasks.len() > TASKS {
        let more = tasks.len() - TASKS;
        let mut last = vec![Written::from(""); TASKS_VI.len()];
        last[2] = Written::Text(match config.language {
            Language::Vi => format!("… và {more} việc khác"),
            Language::En => format!("… and {more} more"),
        });
        rows.push(last);
    }
    put(roster, google, workbook, &tab, rows, now).await
}

/// The id of our tab; it is made if it is not there.
async fn ours(google: &Google, workbook: &str, tab: &OwnTab<'_>) -> Result<i64, WriteError> {
    let (title, header) = (tab.title, tab.header);
    let tabs = google.metadata(workbook).await?.tabs;
    // Renamed by somebody, or unknown to a store that was restored, it is ours all the same.
    let sheet = NewTab::id_of(title);
    if tabs.iter().any(|tab| tab.sheet == sheet) {
        return Ok(sheet);
    }
    if tabs.iter().any(|tab| tab.title == title) {
        return Err(WriteError::NotOurs {
            tab: title.to_owned(),
            mend: tab.mend,
        });
    }
    let cell = |text: &&str| HeaderCell {
        text: (*text).to_owned(),
        note: String::new(),
    };
    let mut header: Vec<HeaderCell> = header.iter().map(cell).collect();
    // The place of the time at which it was written.
    header.push(cell(&""));
    let tab = NewTab {
        title: title.to_owned(),
        header,
        rows: Vec::new(),
        dropdowns: Vec::new(),
    };
    Ok(google.add_tab(workbook, &tab).await?)
}

fn texts(header: &[&str]) -> Vec<Written> {
    header.iter().map(|text| Written::from(*text)).collect()
}

fn header(language: Language) -> [&'static str; 11] {
    match language {
        Language::Vi => [
            "Chiến dịch",
            "Tình hình",
            "Gửi từ",
            "Người nhận",
            "Đã gửi",
            "Lỗi",
            "Chưa rõ",
            "Chưa gửi",
            "Bỏ qua",
            "Người quyết định",
            "Mã",
        ],
        Language::En => [
            "Campaign",
            "How it stands",
            "Sent from",
            "Recipients",
            "Delivered",
            "Failed",
            "In doubt",
            "Waiting",
            "Left out",
            "Decided by",
            "Id",
        ],
    }
}

fn row(one: &Standing, language: Language) -> Vec<Written> {
    #[allow(clippy::cast_precision_loss)] // exact below 2^53
    let number = |count: u64| Written::Number(count as f64);
    vec![
        Written::Text(one.name.clone()),
        Written::Text(said(one, language)),
        Written::Text(one.send_at.replace('T', " ")),
        number(one.recipients),
        number(one.delivered),
        number(one.failed),
        number(one.in_doubt),
        number(one.waiting),
        number(one.left_out),
        Written::Text(one.by.clone()),
        Written::Text(one.id.clone()),
    ]
}

/// Where a campaign stands, in the words of the people who look at the tab.
fn said(one: &Standing, language: Language) -> String {
    let gone = one.delivered + one.failed + one.in_doubt;
    let counts = |vietnamese: &str, english: &str| match language {
        Language::Vi => format!(
            "{vietnamese} {gone}/{}, lỗi {}, chưa rõ {}",
            one.recipients, one.failed, one.in_doubt
        ),
        Language::En => format!(
            "{english} {gone}/{}, failed {}, in doubt {}",
            one.recipients, one.failed, one.in_doubt
        ),
    };
    let word = |vietnamese: &str, english: &str| match language {
        Language::Vi => vietnamese.to_owned(),
        Language::En => english.to_owned(),
    };
    match one.state {
        State::Draft => word("Đang soạn", "Draft"),
        State::Faulty => word("Cần sửa", "To be mended"),
        State::Preparing => word("Đang chuẩn bị", "Preparing"),
        State::Asked => word("Chờ duyệt", "Waiting for approval"),
        State::Returned => word("Bị trả lại", "Returned"),
        State::Approved => word("Đã duyệt, chờ đến giờ gửi", "Approved, waits for its hour"),
        State::Sending => counts("Đang gửi", "Sending"),
        State::Paused => counts("Tạm dừng ở", "Paused at"),
        State::Stopped => counts("Đã dừng ở", "Stopped at"),
        State::Done => counts("Đã xong", "Done"),
    }
}
