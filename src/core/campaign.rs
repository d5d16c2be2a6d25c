//! A campaign: one text to many people, chosen by a segment, approved by a manager.
//!
//! | file | what it decides |
//! |---|---|
//! | [`read`] | what a row of the staff's tab, or a file, says: a [`Definition`], or every mistake in it with its cell and its mend |
//! | [`tab`] | which rows of the tab have settled, which campaign each is, what became of the others |
//! | [`segment`] | whether a customer is in the segment, and what speaks against it |
//! | [`audience`] | whom one mail goes to, and who is left out for which reason |
//! | [`text`] | the light Markdown of a cell with the sheet's headers in braces |
//! | [`samples`] | which three mails a manager should see |
//! | [`life`] | what an edit, a button and the end of the queue lead to |
//! | [`differ`] | what was changed after somebody had approved it |
//!
//! Pure, as all of `core`: the records, what the store knows of an address, and the time come in as
//! values. Making mails of the texts is `render`'s; storing, asking, freezing and sending is not here.

pub mod audience;
pub mod differ;
pub mod halt;
pub mod life;
mod listing;
pub mod problem;
pub mod read;
pub mod samples;
pub mod segment;
pub mod tab;
#[cfg(test)]
pub(crate) mod testing;
pub mod text;
mod words;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

use super::calendar::Calendar;
use super::rule::Channel;
use super::sheet::fold::fold;

pub use problem::{Place, Problem, Said};
pub(crate) use words::is_column;
pub use words::{COLUMNS, ColumnWords, HIGHEST_GROUP, choices, fields};

/// What a campaign is known by: letters, digits and dashes, made of its name, or of the `Mã` column.
///
/// It stays the same when the row is moved, sorted or renamed; see [`tab`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CampaignId(String);

impl CampaignId {
    /// The id that a name gives: `Mở bán Sunrise – đợt 2` is `mo-ban-sunrise-dot-2`. A name without a
    /// single letter or digit gives none.
    pub fn of_name(name: &str) -> Option<Self> {
        let id = fold(name).replace(' ', "-");
        let short: String = id.chars().take(60).collect();
        let short = short.trim_matches('-');
        (!short.is_empty()).then(|| Self(short.to_owned()))
    }

    /// The id of the campaign that has this name a further time: the first one is over, this is number
    /// two, three, ….
    #[must_use]
    pub fn numbered(&self, number: u32) -> Self {
        Self(format!("{}-{number}", self.0))
    }

    /// Wraps an id that was made before (from the store or the command line).
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CampaignId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CampaignId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Everything that the author of a campaign says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// What it is known by.
    pub id: CampaignId,
    /// As the author calls it.
    pub name: String,
    /// Where it is written.
    pub origin: Origin,
    /// By what it goes; mail.
    pub channel: Channel,
    /// Whom it is for.
    pub whom: Whom,
    /// The texts, at least one. The first whose group a customer is in counts; the one without a group is the last.
    pub variants: Vec<Variant>,
    /// When it is to go.
    pub send_at: SendAt,
    /// Who comes first.
    pub order: Order,
    /// What the author wants done with it now.
    pub wanted: Wanted,
    /// Who wrote it, if the row says so.
    pub author: Option<String>,
    /// Whether it advertises; true unless the row says otherwise.
    pub ad: bool,
    /// Where each column of it is written, by the column's id; for problems that show only later.
    #[serde(default)]
    pub places: BTreeMap<String, Place>,
}

impl Definition {
    /// Where a column of it is written; the row or the file as a whole if that column is empty.
    pub fn place(&self, column: &str) -> Place {
        self.places
            .get(column)
            .cloned()
            .unwrap_or_else(|| self.origin.place())
    }
}

/// Where a campaign is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A row of a tab.
    Row {
        /// The workbook's id.
        workbook: String,
        /// Google's id of the tab.
        sheet: i64,
        /// The tab's title.
        tab: String,
        /// Row number as the sheet shows it.
        row: u32,
    },
    /// A TOML file.
    File {
        /// Its name, such as `campaigns/tet.toml`.
        file: String,
    },
}

impl Origin {
    /// The whole of it, as the place of a problem.
    pub fn place(&self) -> Place {
        match self {
            Self::Row { tab, row, .. } => Place::Cell {
                tab: tab.clone(),
                cell: row.to_string(),
                header: String::new(),
            },
            Self::File { file } => Place::Key {
                file: file.clone(),
                key: String::new(),
            },
        }
    }
}

/// Whom a campaign or one of its texts is for. All that is said must be true; what is left empty
/// does not count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Whom {
    /// Said in so many words: everybody. Without it there is at least one criterion.
    pub everyone: bool,
    /// Ids of stages.
    pub stages: Choice,
    /// Kinds of property, as written.
    pub interests: Choice,
    /// Areas, as written.
    pub areas: Choice,
    /// Projects, as written.
    pub projects: Choice,
    /// Where they come from, as written.
    pub sources: Choice,
    /// Who is in charge: names of `[[staff]]`, else as written.
    pub owners: Choice,
    /// The customer's budget overlaps this.
    pub budget: Option<Budget>,
    /// What there has been with the customer before. All must be true.
    pub dealings: Vec<Dealing>,
    /// A condition in the language of the rules.
    pub condition: Option<String>,
}

/// Some of many: any of the ones, and none of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choice {
    /// One of these; empty: whichever.
    pub any: Vec<String>,
    /// None of these (`trừ …`).
    pub none: Vec<String>,
}

impl Choice {
    /// Whether nothing is chosen.
    pub fn is_empty(&self) -> bool {
        self.any.is_empty() && self.none.is_empty()
    }

    /// All words in it, wanted and unwanted.
    pub fn words(&self) -> impl Iterator<Item = &String> {
        self.any.iter().chain(&self.none)
    }
}

/// An interval of đồng; an open side is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// At least.
    pub min: Option<i64>,
    /// At most.
    pub max: Option<i64>,
}

impl Budget {
    /// Whether the two have an amount in common.
    pub fn overlaps(self, other: Self) -> bool {
        let fits = |low: Option<i64>, high: Option<i64>| match (low, high) {
            (Some(low), Some(high)) => low <= high,
            _ => true,
        };
        fits(self.min, other.max) && fits(other.min, self.max)
    }
}

/// What there has been with a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dealing {
    /// Has been, or has never been, in one of these stages (`từng đặt cọc`, `chưa mua`).
    Reached {
        /// Ids of the stages.
        stages: Vec<String>,
        /// Whether it must have been.
        ever: bool,
    },
    /// Has, or has not, had a mail of ours within so many days (`đã gửi thư 30 ngày`, `chưa gửi thư 30 ngày`).
    Mailed {
        /// Days.
        days: u32,
        /// Whether there must have been one.
        within: bool,
    },
    /// Is with us for less, or for more, than so many days, by the day of receipt (`mới 7 ngày`, `cũ hơn 90 ngày`).
    New {
        /// Days.
        days: u32,
        /// Less, or else more.
        within: bool,
    },
}

/// One text of a campaign, and for whom of its audience.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// The number of its columns: 1 for `Nội dung`, 2 for `Nội dung 2`, ….
    pub number: u32,
    /// For these; none: for everybody who is in no other group.
    pub group: Option<Whom>,
    /// The group as its author wrote it, for people.
    pub called: Option<String>,
    /// Subject, with headers in braces; empty: the template has one.
    pub subject: String,
    /// What it says.
    pub body: Body,
    /// A file below the configured folder, with `/` between its parts.
    pub attachment: Option<String>,
}

/// What a text is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// Light Markdown with headers in braces.
    Cell(String),
    /// A template under `templates/`.
    Template(String),
}

/// When a campaign is to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendAt {
    /// The day; none: as soon as it is approved.
    pub date: Option<Date>,
    /// The hour, if the author names one.
    pub time: Option<Time>,
}

/// At which hour a campaign goes whose author names only the day: people are at their desks, and the
/// `ads` hours are open unless they begin later.
pub const USUAL_HOUR: Time = Time::constant(9, 0, 0, 0);

impl SendAt {
    /// When that is, for a campaign approved at a time: never before that, and at an hour at which mail
    /// may go to customers. A day that its author names may be a holiday (SEMANTICS 20).
    pub fn at(&self, approved: Timestamp, calendar: &Calendar) -> Timestamp {
        let Some(date) = self.date else {
            return match self.time {
                // The next time the clock says so.
                Some(time) => {
                    let today = calendar.at_local(calendar.date(approved), time);
                    let tomorrow = calendar.date(approved).tomorrow();
                    let at = match tomorrow {
                        Ok(day) if today < approved => calendar.at_local(day, time),
                        _ => today,
                    };
                    calendar.next_ads(at.max(approved))
                }
                None => calendar.next_ads(approved),
            };
        };
        let at = calendar.at_local(date, self.time.unwrap_or(USUAL_HOUR));
        calendar.next_ads_any_day(at.max(approved))
    }

    /// Whether its author names a day: then it goes on a holiday, too.
    pub fn is_fixed(&self) -> bool {
        self.date.is_some()
    }

    /// Whether the day, or the hour of the day, is over.
    pub fn is_past(&self, now: Timestamp, calendar: &Calendar) -> bool {
        let Some(date) = self.date else { return false };
        match self.time {
            Some(time) => calendar.at_local(date, time) < now,
            None => date < calendar.date(now),
        }
    }
}

/// Who comes first, where a campaign takes longer than a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The customers received last; the default.
    #[default]
    Newest,
    /// The customers received first.
    Oldest,
    /// The largest budgets.
    Budget,
    /// As they stand in the sheet.
    Sheet,
}

/// What the author wants done: the row's state cell. Approval is never in a cell: only a manager's
/// button, or the command line, gives it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Nothing yet: it is being written (an empty cell, `Đang soạn`).
    #[default]
    Draft,
    /// It is ready: ask a manager (`Sẵn sàng`, `Gửi duyệt`).
    Ready,
    /// Wait with what has not gone yet (`Tạm dừng`).
    Paused,
    /// Send no more of it (`Dừng`).
    Stopped,
    /// The author takes it for done (`Đã gửi`, `Xong`): nothing is to be begun.
    Done,
}
