//! What the customers' history says: pipeline, conversion, speed, sources, forecast, engagement.
//!
//! Pure: whoever gathers hands one [`Deal`] after the other to a [`Tally`], which keeps only counts
//! and durations, and takes an [`Insight`] at the end. Reading the store, and who may see what, is
//! `commands`'; putting it into words is the template's and the bot's.
//!
//! Figures are **as of the end of the period**, or of now where the period is not over, so that the
//! report of an old month says the same next year. Three of them are of now whatever the period,
//! because nobody wrote down how they were: who waits, engagement, and the quality of the data.

pub mod engagement;
pub mod facts;
pub mod forecast;
pub mod goals;
pub mod path;
pub mod period;
pub mod pipeline;
pub mod survival;

mod tally;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use engagement::Engagement;
pub use forecast::Forecast;
pub use path::{Move, Spell, path};
pub use period::Period;
pub use pipeline::StageFigures;
pub use tally::Tally;

/// One stage, as the configuration has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageSpec {
    /// The word that rules use.
    pub id: String,
    /// As the sheet says it.
    pub label: String,
    /// The deal is done.
    pub won: bool,
    /// The deal is off.
    pub lost: bool,
}

impl StageSpec {
    /// Whether a deal in it may still close.
    pub fn is_open(&self) -> bool {
        !self.won && !self.lost
    }
}

/// What everything is reckoned by.
#[derive(Clone, Debug)]
pub struct Frame {
    /// In the order of the deal.
    pub stages: Vec<StageSpec>,
    /// The days, both inclusive.
    pub period: Period,
    /// The first instant of the period.
    pub start: Timestamp,
    /// The last instant of the period, or now if that is earlier: nothing later counts.
    pub until: Timestamp,
    /// Targets and costs of the configuration.
    pub goals: goals::Goals,
}

impl Frame {
    /// The place of a stage in the order of the deal.
    pub fn stage(&self, id: &str) -> Option<usize> {
        self.stages.iter().position(|stage| stage.id == id)
    }

    /// The stage that is a deposit: the one called `deposited`, else the last in which a deal is still open.
    pub fn deposit(&self) -> Option<usize> {
        self.stage("deposited")
            .or_else(|| self.stages.iter().rposition(StageSpec::is_open))
    }

    /// Whether a deal that enters a stage has a deposit or more.
    pub fn counts_as_deposit(&self, stage: usize) -> bool {
        self.stages[stage].won || self.deposit() == Some(stage)
    }

    /// Whether something happened in the period.
    pub fn within(&self, at: Timestamp) -> bool {
        at >= self.start && at <= self.until
    }
}

/// One customer row with its history, as plain values.
#[derive(Clone, Debug, Default)]
pub struct Deal {
    /// The stages it has been in, oldest first; the last is the stage of now.
    pub spells: Vec<Spell>,
    /// When the customer came: first seen, or the day of receipt of an old list; none if nobody can know.
    pub came: Option<Timestamp>,
    /// Whether the bridge saw the customer come, so that the time to the first reaction is known.
    pub watched: bool,
    /// When the row was first seen.
    pub first_seen: Timestamp,
    /// When the row went, if it did.
    pub gone: Option<Timestamp>,
    /// Who is in charge now, the first one.
    pub owner: Option<String>,
    /// Where the customer came from, as the sheet says it.
    pub source: Option<String>,
    /// What the customer would spend, in đồng; the middle of a range.
    pub budget: Option<i64>,
    /// The first sign that somebody has dealt with the customer.
    pub reacted: Option<Timestamp>,
    /// How lively the contact is now; none if the deal has ended or the row is gone.
    pub engagement: Option<Engagement>,
    /// Whether the customer has waited too long by now.
    pub waits: bool,
    /// What keeps the row from being used fully now.
    pub flaws: Flaws,
}

/// What a row lacks; all of now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    /// Neither a phone number nor an address; one that cannot be read is a data problem of its own.
    pub contact: bool,
    /// No stage that could be read.
    pub stage: bool,
    /// Nobody of the company in charge.
    pub owner: bool,
    /// No budget that could be read.
    pub budget: bool,
    /// No source.
    pub source: bool,
}

impl Deal {
    /// Whether the customer had come by a time.
    pub fn was_born(&self, at: Timestamp) -> bool {
        let born = self
            .came
            .map_or(self.first_seen, |came| came.min(self.first_seen));
        born <= at
    }

    /// Whether the row was there at a time.
    pub fn is_there(&self, at: Timestamp) -> bool {
        self.was_born(at) && self.gone.is_none_or(|gone| gone > at)
    }

    /// The spell in which it was at a time.
    pub fn spell_at(&self, at: Timestamp) -> Option<&Spell> {
        self.spells
            .iter()
            .rfind(|spell| spell.entered.is_none_or(|entered| entered <= at))
    }
}

/// The figures of a period. Times are local ISO text; money is in đồng; shares are between 0 and 1;
/// durations are days of 24 hours unless the name says minutes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Insight {
    /// First day, ISO.
    pub from: String,
    /// Last day, ISO.
    pub to: String,
    /// The figures are as of then, local ISO: the end of the period, or now if it is not over.
    pub until: String,
    /// Since when the bridge has been watching, local ISO; what was before, only columns with dates can tell.
    pub watched_since: Option<String>,
    /// Whose figures: `all`, `team` or `own`.
    pub scope: String,
    /// Customers in the sheets at `until`.
    pub customers: u32,
    /// Customers that came in the period, also those whose row has gone since.
    pub new: u32,
    /// Rows that went in the period.
    pub gone: u32,
    /// Moves to a later stage in the period, also to a won one.
    pub forward: u32,
    /// Moves back to an earlier stage in the period.
    pub back: u32,
    /// Times that the stage of a deposit was entered in the period (`deposited`, else the last open stage).
    pub deposits: u32,
    /// Times that a won stage was entered in the period.
    pub won: u32,
    /// Times that a lost stage was entered in the period.
    pub lost: u32,
    /// Customers who have waited too long by the idle rules, now.
    pub waiting: u32,
    /// By stage, in the configured order.
    pub pipeline: Vec<StageFigures>,
    /// Customers at `until` whose stage nobody can read.
    pub no_stage: u32,
    /// By person in charge, the one with most customers first; those without one last.
    pub owners: Vec<OwnerFigures>,
    /// How quickly new customers are dealt with.
    pub speed: Speed,
    /// By source, the one with most new customers first.
    pub sources: Vec<SourceFigures>,
    /// What the open deals may bring.
    pub forecast: Forecast,
    /// How lively the contact with open customers is now.
    pub engagement: EngagementCounts,
    /// What is wrong with the rows of now.
    pub quality: Quality,
}

/// The figures of one person in charge. Moves count for whoever was in charge when they happened,
/// customers and new ones for whoever is now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnerFigures {
    /// As in the staff list, or as the sheet writes it; none: nobody in charge.
    pub owner: Option<String>,
    /// Customers at `until`.
    pub customers: u32,
    /// Customers that came in the period.
    pub new: u32,
    /// Moves to a later stage in the period.
    pub forward: u32,
    /// Deposits in the period.
    pub deposits: u32,
    /// Deals won in the period.
    pub won: u32,
    /// Deals lost in the period.
    pub lost: u32,
    /// Customers who have waited too long, now.
    pub waiting: u32,
    /// What the configuration expects of the period; a month's target in proportion to its days.
    pub target: goals::Target,
}

/// How long new customers wait for the first sign of a reaction: a stage that moves, a cell that staff
/// change, a button that says it is done. Of those that the bridge saw come in the period.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Speed {
    /// New customers looked at.
    pub leads: u32,
    /// With a reaction by `until`.
    pub reacted: u32,
    /// Still without one (they count as waiting for so long already), or gone before.
    pub open: u32,
    /// Minutes until half of them had a reaction (Kaplan–Meier); none if fewer had one.
    pub median_minutes: Option<f64>,
    /// Share with a reaction within 15 minutes (Kaplan–Meier); none if nobody can know yet.
    pub within_15_minutes: Option<f64>,
    /// Within an hour.
    pub within_1_hour: Option<f64>,
    /// Within 24 hours.
    pub within_24_hours: Option<f64>,
}

/// New customers of one source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceFigures {
    /// As the sheet writes it most; none: no source.
    pub source: Option<String>,
    /// Customers that came in the period.
    pub new: u32,
    /// How many of these had made a deposit, or more, by `until`.
    pub deposits: u32,
    /// How many of these were won by `until`.
    pub won: u32,
    /// What the configuration says it cost, in đồng, in proportion to the days of the period.
    pub cost: Option<i64>,
    /// Đồng for each new customer.
    pub cost_per_lead: Option<i64>,
    /// Đồng for each deposit.
    pub cost_per_deposit: Option<i64>,
}

/// Open customers by engagement, now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EngagementCounts {
    /// Dealt with in the last days, more than once.
    pub hot: u32,
    /// In touch within two weeks.
    pub warm: u32,
    /// Were in touch, and have not been for two weeks or more.
    pub cooling: u32,
    /// Nothing for long, or never anything.
    pub cold: u32,
}

/// Rows of now that cannot be used fully.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quality {
    /// Rows looked at.
    pub rows: u32,
    /// Neither a phone number nor an address; one that cannot be read is a data problem of its own.
    pub no_contact: u32,
    /// No stage that could be read.
    pub no_stage: u32,
    /// Nobody of the company in charge.
    pub no_owner: u32,
    /// No budget that could be read.
    pub no_budget: u32,
    /// No source.
    pub no_source: u32,
    /// Nobody can know since when they are in their stage.
    pub unknown_age: u32,
}

/// Days of 24 hours between two times, with a fraction.
pub(crate) fn days_between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() / 86_400.0
}

/// Rounded for readers: figures are no more exact than that.
pub(crate) fn rounded(value: f64, places: i32) -> f64 {
    let scale = 10_f64.powi(places);
    (value * scale).round() / scale
}
