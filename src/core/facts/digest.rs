//! The facts of a digest, under the name `digest`. Template `digest-daily`. All times are local ISO
//! text, all labels are the configuration's; lists are cut by whoever fills them, totals are not.

use serde::{Deserialize, Serialize};

/// What managers read in the morning. Every number is of the customers that exist now, unless it says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DigestFacts {
    /// Start of the time it reports on: when the digest before it was, 24 hours ago for one that somebody asks for; `new`, `moved`, `sent`, `failed` count from here.
    pub since: String,
    /// Customers in all.
    pub total: u32,
    /// Customers by stage, in the configured order.
    pub stages: Vec<StageCount>,
    /// Customers whose stage is empty or unknown.
    pub no_stage: u32,
    /// Customers of whom it is known since when they are in their stage; `ages` of the stages counts them.
    pub aged: u32,
    /// New customers.
    pub new: u32,
    /// Moves from stage to stage, the most frequent first.
    pub moved: Vec<Move>,
    /// Appointments and other dates of today, by time.
    pub due_today: Vec<Due>,
    /// Those who have waited too long, by person in charge, the longest list first.
    pub waiting: Vec<Waiting>,
    /// Customers whose stage age nobody can know (said once, SEMANTICS 16).
    pub unknown_age: u32,
    /// Batches that wait for a manager.
    pub held: Vec<Held>,
    /// What the staff did in each tab, added up.
    pub work: Vec<TabWork>,
    /// Customers of whom it is unclear which row is theirs.
    pub ambiguous: u32,
    /// The rows to look at because of them.
    pub unclear: Vec<Unclear>,
    /// Cells that could not be read, rows that lack something, people whom nobody knows.
    pub problems: u32,
    /// The first of them.
    pub mend: Vec<CellToMend>,
    /// Messages delivered.
    pub sent: u32,
    /// Messages that ended without delivery: rejected or dead.
    pub failed: u32,
    /// Messages that may have been sent.
    pub in_doubt: u32,
    /// Messages that wait.
    pub queued: u32,
    /// What is paused, in words.
    pub paused: Vec<String>,
    /// Under `[trial] redirect_all_to`.
    pub trial: bool,
    /// When the sheet was last read well, if that is long ago.
    pub stale_since: Option<String>,
}

/// What was done in one tab.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TabWork {
    /// Title of the tab.
    pub tab: String,
    /// In the reader's language: `thêm 3 dòng, sửa 12 ô`.
    pub done: String,
}

/// Rows about which the cells do not tell whose they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unclear {
    /// Title of the tab.
    pub tab: String,
    /// The sheet's own row numbers: `31, 32`.
    pub rows: String,
    /// Why, in the reader's language.
    pub why: String,
    /// Address that opens the first of them.
    pub url: Option<String>,
}

/// A cell that wants mending.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CellToMend {
    /// Title of the tab.
    pub tab: String,
    /// Its name, `C19`.
    pub cell: String,
    /// Address that opens its row.
    pub url: String,
}

/// Customers in one stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageCount {
    /// Stage id.
    pub id: String,
    /// Stage label.
    pub label: String,
    /// How many.
    pub count: u32,
    /// Of them, how many are in it for 0–3, 4–7, 8–14, 15–30 and more days, where that is known.
    #[serde(skip_serializing_if = "nobody")]
    pub ages: [u32; 5],
}

fn nobody(ages: &[u32; 5]) -> bool {
    ages.iter().all(|count| *count == 0)
}

impl StageCount {
    /// Counts a customer who is in it for so many days.
    pub fn add_age(&mut self, days: u64) {
        let place = [3, 7, 14, 30].iter().position(|last| days <= *last);
        self.ages[place.unwrap_or(4)] += 1;
    }
}

/// Moves between two stages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Move {
    /// Label of the stage left, none if it had none.
    pub from: Option<String>,
    /// Label of the stage entered.
    pub to: String,
    /// How many.
    pub count: u32,
}

/// Something due today.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Due {
    /// ISO date, or local time if the cell has one.
    pub at: String,
    /// Header or name of the date: `Ngày hẹn`.
    pub what: String,
    /// Customer.
    pub name: String,
    /// Who is in charge.
    pub owner: Option<String>,
    /// Address that opens the row.
    pub url: Option<String>,
    /// Record id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
}

/// Customers of one member of staff that have waited too long.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Waiting {
    /// Who is in charge; none if nobody is.
    pub owner: Option<String>,
    /// How many.
    pub count: u32,
    /// The longest of them, the longest first.
    pub records: Vec<WaitingRecord>,
}

/// One customer that has waited too long.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WaitingRecord {
    /// Customer.
    pub name: String,
    /// Stage label.
    pub stage: Option<String>,
    /// Days without activity.
    pub days: u32,
    /// Address that opens the row.
    pub url: Option<String>,
}

/// A batch that waits for a manager.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Held {
    /// Title of the workbook or tab.
    pub tab: String,
    /// Why, one sentence.
    pub why: String,
}
