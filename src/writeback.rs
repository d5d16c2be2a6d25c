//! Our own tabs in the staff's workbook, where `[google] write` allows it: the results of campaigns. Staff's tabs are
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
    #[error(
        "the tab “{tab}” was there before sheetbridge and is not written to: rename it, or write another results_tab under [campaigns]"
    )]
    NotOurs {
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

fn kept_key(workbook: &str) -> Key {
    keys::under(prefix::META, format!("results/{workbook}"))
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
    let store = roster.store();
    let before: Option<Kept> = store.get(&kept_key(workbook))?;
    // A company without campaigns gets no tab for them.
    if before.is_none() && campaigns.is_empty() {
        return Ok(false);
    }
    let language = config.language;
    let header = header(language);
    let mut rows: Vec<Vec<Written>> = vec![texts(&header)];
    rows.extend(campaigns.iter().take(SHOWN).map(|one| row(one, language)));
    let hash = blake3::hash(format!("{rows:?}").as_bytes())
        .to_hex()
        .to_string();
    if before.as_ref().is_some_and(|before| before.hash == hash) {
        return Ok(false);
    }
    let title = &config.campaigns.results_tab;
    let sheet = ours(google, workbook, title, &header).await?;
    let written = rows.len();
    let width = header.len();
    // Rows that are no longer said are emptied.
    let over = before.map_or(0, |before| before.rows.saturating_sub(written));
    let blank: Vec<Written> = vec![Written::from(""); width];
    rows.extend(std::iter::repeat_n(blank, over));
    let zone = config.calendar.zone.clone();
    let stamp = local_text(now.to_zoned(zone).datetime());
    if let Some(last) = rows.first_mut() {
        last.push(Written::Text(match language {
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
    group.put(kept_key(workbook), &kept);
    store.commit(vec![group])?;
    Ok(true)
}

/// The id of our tab; it is made if it is not there.
async fn ours(
    google: &Google,
    workbook: &str,
    title: &str,
    header: &[&str],
) -> Result<i64, WriteError> {
    let tabs = google.metadata(workbook).await?.tabs;
    // Renamed by somebody, or unknown to a store that was restored, it is ours all the same.
    let sheet = NewTab::id_of(title);
    if tabs.iter().any(|tab| tab.sheet == sheet) {
        return Ok(sheet);
    }
    if tabs.iter().any(|tab| tab.title == title) {
        return Err(WriteError::NotOurs {
            tab: title.to_owned(),
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
