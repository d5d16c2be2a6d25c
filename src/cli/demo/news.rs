//! What the daemon does, in words for the demo's page: natural sentences in Vietnamese and English.

mod mailings;
mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::commands::{CampaignLine, HeldLine, Request, Status};
use crate::config::Config;
use crate::control;
use crate::core::delivery::State;
use crate::core::rule::Channel;
use crate::cycle::{ChangeReport, MessageReport, Report};
use crate::daemon::News;
use crate::sandbox::page::{Kind, LogFeed, LogLine, StatusLine};
use mailings::Mailings;

/// So many changes of one poll are told one by one.
const CHANGES_TOLD: usize = 6;
/// The daemon is in this process: it answers at once, or is busy.
const ASK_WITHIN: Duration = Duration::from_secs(1);

/// Turns the daemon's news into lines on the page.
#[derive(Debug)]
pub(crate) struct Teller {
    feed: LogFeed,
    state_dir: PathBuf,
    /// Titles of the tabs of customers.
    customers: Vec<String>,
    zone: TimeZone,
    /// The first header of each field, as people call it.
    headers: BTreeMap<String, String>,
    settle_s: i64,
    removed_s: i64,
    poll_every_ms: i64,
    held: bool,
    trouble: Option<String>,
    status: StatusLine,
    mailings: Mailings,
}

impl Teller {
    /// A teller of a daemon with this configuration.
    pub(crate) fn new(config: &Config, customers: Vec<String>, feed: LogFeed) -> Self {
        let first =
            |field: &crate::config::Field| Some((field.id.clone(), field.headers.first()?.clone()));
        Self {
            feed,
            customers,
            state_dir: config.state_dir.clone(),
            zone: config.calendar.zone.clone(),
            headers: config.fields.iter().filter_map(first).collect(),
            settle_s: config.settle.after.as_millis() / 1_000,
            removed_s: config.settle.removed.as_millis() / 1_000,
            poll_every_ms: config.google.poll_every.as_millis(),
            held: false,
            trouble: None,
            status: StatusLine::default(),
            mailings: Mailings::default(),
        }
    }

    /// Shows a line of somebody else's.
    pub(crate) fn note(&self, line: LogLine) {
        self.feed.push(line);
    }

    /// Tells one piece of news.
    pub(crate) async fn tell(&mut self, news: &News) {
        match news {
            News::Polled { at, report, .. } => {
                self.end_of_trouble(*at);
                self.polled(*at, report).await;
                self.campaigns(*at).await;
                self.show_status(*at, report).await;
            }
            News::PollFailed { at, why, .. } => self.failed(*at, why),
            News::Message {
                at,
                rule,
                channel,
                state,
                to,
                why,
                ..
            } => {
                // A manager is quicker than the next poll.
                if self.mailings.is_news(rule) {
                    self.campaigns(*at).await;
                }
                self.message(*at, rule, *channel, *state, to, why);
            }
        }
    }

    /// What has become of campaigns since the last look.
    async fn campaigns(&mut self, at: Timestamp) {
        let Some(lines) = self.ask::<Vec<CampaignLine>>(&Request::CampaignList).await else {
            return;
        };
        for (kind, vi, en) in self.mailings.take(lines) {
            self.say(at, kind, vi, en);
        }
    }

    fn say(&self, at: Timestamp, kind: Kind, vi: impl Into<String>, en: impl Into<String>) {
        self.feed.push(LogLine {
            at_ms: at.as_millisecond(),
            kind,
            vi: vi.into(),
            en: en.into(),
        });
    }

    fn failed(&mut self, at: Timestamp, why: &str) {
        if self.trouble.as_deref() != Some(why) {
            self.say(
                at,
                Kind::Trouble,
                format!("Chưa đọc được bảng tính: {why}"),
                format!("The sheet cannot be read: {why}"),
            );
            self.trouble = Some(why.to_owned());
        }
        self.status.trouble = Some(why.to_owned());
        self.feed.status(self.status.clone());
    }

    fn end_of_trouble(&mut self, at: Timestamp) {
        if self.trouble.take().is_some() {
            self.say(
                at,
                Kind::Read,
                "Đã đọc lại được bảng tính",
                "The sheet can be read again",
            );
        }
    }

    async fn polled(&mut self, at: Timestamp, report: &Report) {
        if report.baseline {
            let tabs = report
                .tabs
                .iter()
                .filter(|tab| self.customers.contains(&tab.tab));
            let records: usize = tabs.map(|tab| tab.records).sum();
            self.say(
                at,
                Kind::Read,
                format!("Đọc lần đầu: {records} khách hàng, lấy làm mốc; chưa gửi gì cho ai"),
                format!("First look: {records} customers, taken as the base; nothing is sent"),
            );
        }
        self.edits(at, report);
        let held = report.tabs.iter().any(|tab| tab.held.is_some());
        if held && (!self.held || report.newly_held.is_some()) {
            self.hold(at, report).await;
        } else if !held && self.held {
            self.say(at, Kind::Held, "Hết tạm giữ", "Nothing is held any more");
        }
        self.held = held;
        if !held {
            self.changes(at, report);
        }
        self.decisions(at, report);
    }

    /// What staff did to each tab.
    fn edits(&self, at: Timestamp, report: &Report) {
        for tab in report
            .tabs
            .iter()
            .filter(|tab| tab.edit != "none" && tab.edit != "first look")
        {
            let changes = report
                .changes
                .iter()
                .filter(|change| change.tab == tab.tab)
                .count();
            let (events_vi, events_en) = match changes {
                0 => ("0 sự kiện".to_owned(), "0 events".to_owned()),
                1 => ("1 thay đổi".to_owned(), "1 change".to_owned()),
                many => (format!("{many} thay đổi"), format!("{many} changes")),
            };
            let vi = tab.verdict.vietnamese(&self.headers);
            self.say(
                at,
                Kind::Edit,
                format!("{}: {vi}, {events_vi}", tab.tab),
                format!("{}: {}, {events_en}", tab.tab, tab.edit),
            );
        }
    }

    /// Each change as seen, and for how long it must be quiet.
    fn changes(&self, at: Timestamp, report: &Report) {
        for change in report.changes.iter().take(CHANGES_TOLD) {
            let (vi, en) = self.change(change);
            self.say(at, Kind::Read, vi, en);
        }
        if let Some(more) = report
            .changes
            .len()
            .checked_sub(CHANGES_TOLD)
            .filter(|more| *more > 0)
        {
            self.say(
                at,
                Kind::Read,
                format!("… và {more} thay đổi khác"),
                format!("… and {more} more changes"),
            );
        }
    }

    fn change(&self, change: &ChangeReport) -> (String, String) {
        let (row, settle) = (change.row, self.settle_s);
        match change.kind {
            "added" => (
                format!("Dòng {row}: khách mới, chờ {settle} giây xem có gõ tiếp không"),
                format!(
                    "Row {row}: a new customer; waits {settle} s in case somebody is still typing"
                ),
            ),
            "removed" => (
                format!(
                    "Dòng {row} không còn nữa: chờ {} giây, có thể chỉ là cắt rồi dán",
                    self.removed_s
                ),
                format!(
                    "Row {row} is gone: waits {} s, it may only be cut and paste",
                    self.removed_s
                ),
            ),
            "returned" => (
                format!("Dòng {row}: khách cũ đã trở lại, không tính là khách mới"),
                format!("Row {row}: a known customer is back, and is not new"),
            ),
            _ => {
                let cells = |empty: &str| -> String {
                    let cell = |value: &Value| words::cell(value, empty);
                    let said = change.fields.iter().map(|field| {
                        format!(
                            "{} {} → {}",
                            field.header,
                            cell(&field.before),
                            cell(&field.after)
                        )
                    });
                    said.collect::<Vec<_>>().join("; ")
                };
                (
                    format!(
                        "Dòng {row}: {}; chờ {settle} giây xem có sửa tiếp không",
                        cells("(trống)")
                    ),
                    format!("Row {row}: {}; waits {settle} s for more", cells("(empty)")),
                )
            }
        }
    }

    /// What has settled, and what was decided by it.
    fn decisions(&self, at: Timestamp, report: &Report) {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, kind) in &report.events {
            *counts.entry(kind).or_default() += 1;
        }
        for (kind, times) in &counts {
            let (vi, en) = words::event(kind);
            self.say(
                at,
                Kind::Event,
                format!("Đã ghi nhận: {times} {vi}"),
                format!("Settled: {times} {en}"),
            );
        }
        for message in &report.messages {
            let (vi, en) = self.decided(at, message);
            self.say(at, Kind::Decision, vi, en);
        }
        if !counts.is_empty() && report.messages.is_empty() {
            self.say(
                at,
                Kind::Decision,
                "Không kịch bản nào cần gửi gì",
                "No rule has anything to send",
            );
        }
    }

    fn decided(&self, at: Timestamp, message: &MessageReport) -> (String, String) {
        let mut parts = message.key.as_str().split('/');
        let rule = parts.next().unwrap_or_default();
        let role = parts.nth(2).unwrap_or_default();
        let (what_vi, what_en) = words::channel(message.channel);
        let (who_vi, who_en) = words::role(role);
        let due: Option<Timestamp> = message.due.parse().ok();
        let later = due.filter(|due| due.duration_since(at).as_secs() >= 1);
        let (when_vi, when_en) = match later {
            Some(due) => {
                let time = due
                    .to_zoned(self.zone.clone())
                    .strftime("%H:%M:%S")
                    .to_string();
                (format!(", lúc {time}"), format!(", at {time}"))
            }
            None => (String::new(), String::new()),
        };
        (
            format!(
                "Kịch bản {rule}: gửi {what_vi} cho {who_vi} ({}){when_vi}",
                message.to
            ),
            format!(
                "Rule {rule}: {what_en} to {who_en} ({}){when_en}",
                message.to
            ),
        )
    }

    fn message(
        &self,
        at: Timestamp,
        rule: &str,
        channel: Channel,
        state: State,
        to: &str,
        why: &str,
    ) {
        let (what_vi, what_en) = words::channel(channel);
        let (called_vi, called_en) = self.mailings.called(rule);
        let said = match why {
            "" => String::new(),
            why => format!(" ({why})"),
        };
        let (kind, vi, en) = match state {
            State::Delivered => (
                Kind::Sent,
                format!("Đã gửi {what_vi} “{called_vi}” tới {to}"),
                format!("Sent: {what_en} “{called_en}” to {to}"),
            ),
            State::Queued | State::InFlight => (
                Kind::Decision,
                format!(
                    "{} “{called_vi}” cho {to} còn chờ{said}",
                    words::capital(what_vi)
                ),
                format!(
                    "{} “{called_en}” to {to} waits{said}",
                    words::capital(what_en)
                ),
            ),
            State::Cancelled => (
                Kind::Decision,
                format!("Không gửi {what_vi} “{called_vi}” cho {to} nữa{said}"),
                format!("Not sent: {what_en} “{called_en}” to {to}{said}"),
            ),
            State::Expired => (
                Kind::Decision,
                format!(
                    "{} “{called_vi}” cho {to} đã quá hạn, không gửi nữa",
                    words::capital(what_vi)
                ),
                format!("Expired: {what_en} “{called_en}” to {to}"),
            ),
            State::Rejected | State::Dead => (
                Kind::Trouble,
                format!(
                    "{} “{called_vi}” không tới được {to}{said}",
                    words::capital(what_vi)
                ),
                format!("Could not be delivered: {what_en} “{called_en}” to {to}{said}"),
            ),
            State::InDoubt => (
                Kind::Trouble,
                format!(
                    "{} “{called_vi}” chưa rõ đã tới {to} hay chưa{said}",
                    words::capital(what_vi)
                ),
                format!("In doubt: {what_en} “{called_en}” to {to}{said}"),
            ),
        };
        self.say(at, kind, vi, en);
    }

    async fn hold(&self, at: Timestamp, report: &Report) {
        let english = report
            .tabs
            .iter()
            .find_map(|tab| tab.held.clone())
            .unwrap_or_default();
        let batches: Vec<HeldLine> = self.ask(&Request::HeldList).await.unwrap_or_default();
        let vietnamese = batches.first().map_or_else(
            || english.clone(),
            |batch| batch.why_vi.lines().collect::<Vec<_>>().join("; "),
        );
        self.say(
            at,
            Kind::Held,
            format!("Tạm giữ: {vietnamese}; chưa gửi gì, đã hỏi quản lý trên Telegram"),
            format!("Held: {english}; nothing is sent, the managers were asked on Telegram"),
        );
    }

    async fn show_status(&mut self, at: Timestamp, report: &Arc<Report>) {
        let settling = u64::try_from(report.settling.len()).unwrap_or(0);
        let mut line = StatusLine {
            last_poll_ms: Some(at.as_millisecond()),
            poll_every_ms: Some(self.poll_every_ms),
            settling,
            ..self.status.clone()
        };
        line.trouble = None;
        if let Some(status) = self.ask::<Status>(&Request::Status).await {
            line.records = Some(u64::from(status.customers));
            line.queued = status
                .queue
                .get(State::Queued.as_str())
                .map_or(0, |queued| u64::try_from(*queued).unwrap_or(0));
            line.held = status.held.first().map(|batch| batch.why_vi.clone());
            line.paused = status.paused.iter().any(|paused| paused.what == "all");
        }
        self.status = line.clone();
        self.feed.status(line);
    }

    /// Asks the daemon as the command line does; none if it does not answer at once.
    async fn ask<T: serde::de::DeserializeOwned>(&self, request: &Request) -> Option<T> {
        let answer = tokio::time::timeout(ASK_WITHIN, control::ask(&self.state_dir, request)).await;
        serde_json::from_value(answer.ok()?.ok()??).ok()
    }
}
