//! What one poll says about itself: the JSON of `sync --json`, which others rely on (PRODUCT.md).

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::core::campaign::tab::Event;
use crate::core::change::Edit;
use crate::core::message::{Message, MessageKey};
use crate::core::record::RecordId;

/// So many data problems are listed; the others are counted.
pub const PROBLEMS_LISTED: usize = 1_000;

/// One poll of one workbook, or a `sync` over several.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// When it was read, in the configured zone.
    pub at: String,
    /// Whether it was the first look, which sends nothing.
    pub baseline: bool,
    /// The tabs that were read.
    pub tabs: Vec<TabReport>,
    /// What changed since the last accepted poll, before settling.
    pub changes: Vec<ChangeReport>,
    /// Rows about which the cells do not tell.
    pub ambiguous: Vec<Ambiguous>,
    /// Cells that could not be read.
    pub problems: Vec<ProblemReport>,
    /// How many more of them there are than are listed.
    #[serde(skip_serializing_if = "is_nothing")]
    pub problems_more: usize,
    /// Records that wait to settle.
    pub settling: Vec<Settling>,
    /// Messages decided in this cycle.
    pub messages: Vec<MessageReport>,
    /// For the log: which events settled, by record.
    #[serde(skip)]
    pub events: Vec<(RecordId, &'static str)>,
    /// The batch that is held, if one is new in this poll.
    #[serde(skip)]
    pub newly_held: Option<String>,
    /// What became of the campaigns that staff write in their tab.
    #[serde(skip)]
    pub campaigns: Vec<CampaignEvent>,
}

/// Something that became of a campaign in a tab.
#[derive(Clone, Debug, PartialEq)]
pub struct CampaignEvent {
    /// Workbook id.
    pub workbook: String,
    /// Google's id of the tab.
    pub sheet: i64,
    /// What.
    pub event: Event,
}

impl Report {
    /// A report of nothing, for `sync` to add workbooks to.
    pub fn at(now: Timestamp, zone: &jiff::tz::TimeZone) -> Self {
        Self {
            at: local(now, zone),
            baseline: false,
            tabs: Vec::new(),
            changes: Vec::new(),
            ambiguous: Vec::new(),
            problems: Vec::new(),
            problems_more: 0,
            settling: Vec::new(),
            messages: Vec::new(),
            events: Vec::new(),
            newly_held: None,
            campaigns: Vec::new(),
        }
    }

    /// The same with what became of campaigns.
    pub(super) fn with_campaigns(mut self, events: Vec<CampaignEvent>) -> Self {
        self.campaigns = events;
        self
    }

    /// Adds another workbook's report.
    pub fn join(&mut self, other: Self) {
        self.baseline |= other.baseline;
        self.tabs.extend(other.tabs);
        self.changes.extend(other.changes);
        self.ambiguous.extend(other.ambiguous);
        self.problems_more += other.problems_more;
        for problem in other.problems {
            self.problem(problem);
        }
        self.settling.extend(other.settling);
        self.messages.extend(other.messages);
        self.events.extend(other.events);
        self.newly_held = self.newly_held.take().or(other.newly_held);
        self.campaigns.extend(other.campaigns);
    }

    /// Adds a message that was decided, with the masked address it would go to now.
    pub(super) fn decided(&mut self, message: &Message, to: String, zone: &jiff::tz::TimeZone) {
        // Thousands that are decided at once are mostly due at once.
        let same = self.messages.last().filter(|one| one.due_at == message.due);
        let due = match same {
            Some(one) => Arc::clone(&one.due),
            None => local(message.due, zone).into(),
        };
        self.messages.push(MessageReport {
            key: message.key.clone(),
            channel: message.channel,
            to,
            due,
            due_at: message.due,
        });
    }

    /// Lists a data problem while there is room: of a pasted list of half a million rows nobody reads all.
    pub fn problem(&mut self, problem: ProblemReport) {
        if self.problems.len() < PROBLEMS_LISTED {
            self.problems.push(problem);
        } else {
            self.problems_more += 1;
        }
    }

    /// Whether nothing happened: no change, no event, no message.
    pub fn is_quiet(&self) -> bool {
        !self.baseline
            && self.changes.is_empty()
            && self.events.is_empty()
            && self.messages.is_empty()
            && self.newly_held.is_none()
            && self.campaigns.is_empty()
            && self.tabs.iter().all(|tab| tab.edit == "none")
    }
}

/// A time as people of that zone write it, with its offset: `2026-11-21T09:00:00+07:00`.
pub(super) fn local(at: Timestamp, zone: &jiff::tz::TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%Y-%m-%dT%H:%M:%S%:z")
        .to_string()
}

/// One tab.
#[derive(Clone, Debug, Serialize)]
pub struct TabReport {
    /// Workbook id.
    pub workbook: String,
    /// Title of the tab.
    pub tab: String,
    /// Rows with something in them below the header.
    pub rows: usize,
    /// Rows that are records.
    pub records: usize,
    /// The verdict on the edit, for people.
    pub edit: String,
    /// The same, to be said in another language.
    #[serde(skip)]
    pub verdict: Edit,
    /// Why the batch is held, if it is.
    pub held: Option<String>,
}

/// One record that changed.
#[derive(Clone, Debug, Serialize)]
pub struct ChangeReport {
    /// `added`, `changed`, `removed` or `returned`.
    pub kind: &'static str,
    /// The record.
    pub record: RecordId,
    /// Title of the tab.
    pub tab: String,
    /// The sheet's own row number now; of a removed one, where it was.
    pub row: u32,
    /// The row number at the last accepted poll.
    pub row_before: Option<u32>,
    /// The cells that changed.
    pub fields: Vec<FieldReport>,
}

/// One cell that changed.
#[derive(Clone, Debug, Serialize)]
pub struct FieldReport {
    /// Field id.
    pub field: String,
    /// Header text.
    pub header: String,
    /// The cell before.
    pub before: serde_json::Value,
    /// The cell now.
    pub after: serde_json::Value,
}

/// Rows about which the cells do not tell.
#[derive(Clone, Debug, Serialize)]
pub struct Ambiguous {
    /// Title of the tab.
    pub tab: String,
    /// The sheet's own row numbers.
    pub rows: Vec<u32>,
    /// Why.
    pub why: String,
}

/// A cell that could not be read.
#[derive(Clone, Debug, Serialize)]
pub struct ProblemReport {
    /// Title of the tab.
    pub tab: String,
    /// Its name, `C19`.
    pub cell: String,
    /// Field id.
    pub field: String,
    /// What stands there; hidden for private columns.
    pub value: String,
    /// Why it could not be read.
    pub why: String,
}

/// A record that waits to settle.
#[derive(Clone, Debug, Serialize)]
pub struct Settling {
    /// The record.
    pub record: RecordId,
    /// Until when at least.
    pub until: String,
}

/// A message that was decided.
#[derive(Clone, Debug, Serialize)]
pub struct MessageReport {
    /// Its key.
    pub key: MessageKey,
    /// By which channel.
    #[serde(serialize_with = "as_text")]
    pub channel: crate::core::rule::Channel,
    /// To whom, masked.
    pub to: String,
    /// When.
    #[serde(serialize_with = "as_its_text")]
    pub due: Arc<str>,
    #[serde(skip)]
    due_at: Timestamp,
}

// Serde hands over a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_nothing(count: &usize) -> bool {
    *count == 0
}

fn as_text<S: Serializer>(
    channel: &crate::core::rule::Channel,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(channel.as_str())
}

fn as_its_text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}
