//! Everybody of a campaign in a table that opens in a spreadsheet: who got the mail, who did not, and why.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, Desk, Scope, Who};
use crate::commands::{Right, may};
use crate::config::Language;
use crate::core::campaign::audience::Reason;
use crate::core::campaign::life::Campaign;
use crate::core::delivery::State;
use crate::core::message::{Address, Message};
use crate::core::record::{Record, RecordId};
use crate::core::sheet::inert::inert;
use crate::roster::Roster;
use crate::store::StoreError;
use crate::store::campaigns::messages_under;

/// A table as a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignTable {
    /// What the file is called.
    pub file: String,
    /// RFC 4180, UTF-8 with the mark by which Excel knows it.
    pub csv: String,
}

const HEADER_VI: [&str; 8] = [
    "Họ tên",
    "Email",
    "Trang tính",
    "Dòng",
    "NV phụ trách",
    "Kết quả",
    "Lý do",
    "Lúc",
];
const HEADER_EN: [&str; 8] = [
    "Name",
    "E-mail",
    "Tab",
    "Row",
    "In charge",
    "Result",
    "Why",
    "At",
];

/// Results in the order of the table: what somebody may have to look after first.
const RESULTS: [(&str, &str); 6] = [
    ("Không gửi được", "Not delivered"),
    ("Chưa rõ đã tới", "In doubt"),
    ("Bỏ qua", "Left out when its turn came"),
    ("Đang chờ", "Waiting"),
    ("Đã gửi", "Delivered"),
    ("Không gửi", "Left out"),
];

fn result_of(state: State) -> usize {
    match state {
        State::Rejected | State::Dead => 0,
        State::InDoubt => 1,
        State::Cancelled | State::Expired => 2,
        State::Queued | State::InFlight => 3,
        State::Delivered => 4,
    }
}

/// Somebody, before their result is put into words.
struct Line {
    result: usize,
    row: u32,
    cells: [String; 8],
}

impl Desk {
    /// Everybody of a campaign. Whole addresses only for those who see all customers.
    ///
    /// # Errors
    /// The role, no such campaign, the disk.
    pub fn campaign_table(&self, which: &str, who: &Who) -> Answer<CampaignTable> {
        self.must_see_campaigns(who)?;
        let campaign = self.campaign_meant(which)?;
        let full = may(who, Right::Customers) == Scope::All;
        Ok(campaign_csv(&self.roster, &campaign, full)?)
    }
}

/// The table of a campaign; addresses are masked unless `full`.
///
/// # Errors
/// The disk.
pub fn campaign_csv(
    roster: &Roster,
    campaign: &Campaign,
    full: bool,
) -> Result<CampaignTable, StoreError> {
    let vietnamese = roster.config().language == Language::Vi;
    let writer = Writer {
        roster,
        full,
        vietnamese,
        titles: titles(roster)?,
    };
    let store = roster.store();
    let mut lines = Vec::new();
    for entry in store.scan::<Message>(&messages_under(&campaign.id)) {
        let (_, message) = entry?;
        lines.push(writer.of_message(&message)?);
    }
    let run = campaign.run.as_ref().map(|run| run.number);
    let asked = campaign.asked.as_ref().map(|asked| asked.number);
    if let Some(number) = run.or(asked) {
        for one in store.aside(&campaign.id, number)? {
            lines.push(writer.of_aside(&one.0, &one.1)?);
        }
    }
    lines.sort_by(|a, b| (a.result, a.row, &a.cells).cmp(&(b.result, b.row, &b.cells)));
    let header = if vietnamese { HEADER_VI } else { HEADER_EN };
    let mut csv = String::from('\u{feff}');
    put(&mut csv, &header.map(str::to_owned));
    for line in &lines {
        put(&mut csv, &line.cells);
    }
    let kind = if vietnamese { "chien-dich" } else { "campaign" };
    Ok(CampaignTable {
        file: format!("{kind}-{}.csv", campaign.id),
        csv,
    })
}

/// The tabs' titles by workbook and number.
fn titles(roster: &Roster) -> Result<BTreeMap<(String, i64), String>, StoreError> {
    let mut titles = BTreeMap::new();
    for book in &roster.config().workbooks {
        for tab in roster.tabs(&book.id)? {
            titles.insert((book.id.clone(), tab.sheet), tab.title.clone());
        }
    }
    Ok(titles)
}

struct Writer<'a> {
    roster: &'a Roster,
    full: bool,
    vietnamese: bool,
    titles: BTreeMap<(String, i64), String>,
}

impl Writer<'_> {
    fn of_message(&self, message: &Message) -> Result<Line, StoreError> {
        let result = result_of(message.state);
        let record = match &message.record {
            Some(id) => self.roster.store().record(id)?,
            None => None,
        };
        let address = message.frozen.as_ref().map(|frozen| &frozen.address);
        let address = match (address, self.full) {
            (Some(address), true) => address.expose(),
            (Some(address), false) => address.to_string(),
            (None, _) => String::new(),
        };
        let name = message
            .frozen
            .as_ref()
            .map(|frozen| frozen.display_name.clone())
            .unwrap_or_default();
        let why = match message.state {
            State::Delivered | State::Queued | State::InFlight => String::new(),
            State::Rejected | State::Dead | State::InDoubt | State::Cancelled | State::Expired => {
                self.why(&message.why)
            }
        };
        let at = message.attempts.last().map(|attempt| attempt.at);
        self.line(result, record.as_ref(), (name, address), why, at)
    }

    fn of_aside(&self, id: &RecordId, code: &str) -> Result<Line, StoreError> {
        let record = self.roster.store().record(id)?;
        let cell = record.as_ref().and_then(|record| record.seen.get("email"));
        let address = cell.map(|cell| cell.shown().into_owned());
        let address = match (address, self.full) {
            (Some(address), true) => address,
            (Some(address), false) if !address.is_empty() => Address::Email(address).to_string(),
            _ => String::new(),
        };
        let why = Reason::said_of(code).text(self.vietnamese).to_owned();
        self.line(5, record.as_ref(), (String::new(), address), why, None)
    }

    fn line(
        &self,
        result: usize,
        record: Option<&Record>,
        (name, address): (String, String),
        why: String,
        at: Option<Timestamp>,
    ) -> Result<Line, StoreError> {
        let cell = |field: &str| {
            let cell = record.and_then(|record| record.seen.get(field));
            cell.map(|cell| cell.shown().into_owned())
        };
        let row = match record.filter(|record| !record.removed) {
            Some(record) => self.roster.row_of(record)?,
            None => None,
        };
        let tab = record.filter(|_| row.is_some()).and_then(|record| {
            let place = &record.place;
            self.titles.get(&(place.workbook.clone(), place.sheet))
        });
        let zone = &self.roster.config().calendar.zone;
        let at = at.map(|at| {
            at.to_zoned(zone.clone())
                .strftime("%Y-%m-%d %H:%M")
                .to_string()
        });
        let (vi, en) = RESULTS[result];
        Ok(Line {
            result,
            row: row.unwrap_or(u32::MAX),
            cells: [
                cell("name").unwrap_or(name),
                address,
                tab.cloned().unwrap_or_default(),
                row.map(|row| row.to_string()).unwrap_or_default(),
                cell("owner").unwrap_or_default(),
                (if self.vietnamese { vi } else { en }).to_owned(),
                why,
                at.unwrap_or_default(),
            ],
        })
    }

    /// Why a mail did not go, in the reader's language where the words are ours; a provider's stay its own.
    fn why(&self, why: &str) -> String {
        const OURS: [(&str, &str); 9] = [
            (
                "the customer's row",
                "dòng của khách không còn trong bảng tính",
            ),
            ("the row", "dòng của khách không còn trong bảng tính"),
            ("it advertises, and", "khách chưa đồng ý nhận tin"),
            ("the campaign was stopped", "chiến dịch đã dừng"),
            (
                "not among those of the version approved last",
                "không thuộc danh sách của bản duyệt sau cùng",
            ),
            ("it was worth sending until", "đã quá hạn gửi"),
            (
                "opted out by the cell",
                "khách đã đánh dấu không nhận tin trong bảng tính",
            ),
            (
                "opted out by the link",
                "khách đã từ chối qua liên kết trong thư",
            ),
            ("suppressed by", "địa chỉ nằm trong danh sách không gửi"),
        ];
        let ours = OURS.iter().find(|(begins, _)| why.starts_with(begins));
        match ours.filter(|_| self.vietnamese) {
            Some((_, vi)) => (*vi).to_owned(),
            None => why.to_owned(),
        }
    }
}

/// One line; every cell in quotes, none of them a formula.
fn put(csv: &mut String, cells: &[String; 8]) {
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| format!("\"{}\"", inert(cell).replace('"', "\"\"")))
        .collect();
    csv.push_str(&cells.join(","));
    csv.push_str("\r\n");
}
