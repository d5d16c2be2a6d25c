//! What messages know beyond the record: the shapes that the shipped templates read under `event`,
//! `held`, `hold`, `trouble`, `doubt`, `findings`, `optout`, `refusal`, `mailing`, `earlier`, `claim` and `proposal`. Whoever decides or sends fills them in and
//! hands them over as JSON; every part a template can do without is optional.

use serde::{Deserialize, Serialize};

/// `event`: what was known only when the rule fired. Goes into [`Message::event`](crate::core::message::Message).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventFacts {
    /// Local ISO time of the event.
    pub at: Option<String>,
    /// Local ISO time from which waiting counts: the stopwatch of a lead alert, the idle clock.
    pub since: Option<String>,
    /// The settled change: field id, header, and the cell's text before and after.
    pub changes: Vec<Change>,
    /// Label of the stage that was left.
    pub stage_before: Option<String>,
    /// Label of the stage that was entered.
    pub stage_after: Option<String>,
    /// Round of an idle reminder, from 1.
    pub round: Option<u32>,
    /// How many rounds there are.
    pub rounds: Option<u32>,
    /// Who was told first, for an escalation.
    pub told: Vec<String>,
    /// ISO date or local time that a date rule speaks of; for an appointment its time.
    pub date: Option<String>,
    /// From a row of the appointments tab: project or place.
    pub project: Option<String>,
    /// From a row of the appointments tab: the name written there.
    pub who: Option<String>,
}

/// One cell that changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Change {
    /// Field id.
    pub field: String,
    /// Header text.
    pub header: String,
    /// Text before, none if it was empty.
    pub before: Option<String>,
    /// Text after, none if it is empty now.
    pub after: Option<String>,
}

/// `held`: a batch that waits for a manager. Template `held-batch`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeldFacts {
    /// Number of the batch, as `sheetbridge held list` shows it.
    pub id: String,
    /// Title of the workbook.
    pub workbook: String,
    /// Title of the tab, if one is concerned.
    pub tab: Option<String>,
    /// Local ISO time since when it is held.
    pub since: Option<String>,
    /// Why, one sentence each, in the reader's language.
    pub reasons: Vec<String>,
    /// How many records would be added, changed and removed.
    pub added: u32,
    /// See `added`.
    pub changed: u32,
    /// See `added`.
    pub removed: u32,
    /// How many messages would be sent.
    pub messages: u32,
    /// A few of the changes in words, in the reader's language.
    pub samples: Vec<String>,
    /// Address of the workbook.
    pub url: Option<String>,
}

/// `hold`: mail to a customer that still waits, so that a wrong click in the sheet can be taken back. Template `hold-notice`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HoldFacts {
    /// Subject of the mail.
    pub subject: String,
    /// Masked address.
    pub to: Option<String>,
    /// Local ISO time at which it goes.
    pub until: Option<String>,
}

/// `doubt`: a mail that may have been sent, and what the managers are asked. Template `in-doubt`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DoubtFacts {
    /// What the buttons act on: digest of the mail's key, `#`, and which doubt of it this is.
    pub id: String,
    /// The beginning of that digest, which `sheetbridge outbox resolve` takes.
    pub key: String,
    /// The customer's name.
    pub name: Option<String>,
    /// Masked address.
    pub to: String,
    /// Subject of the mail.
    pub subject: Option<String>,
    /// Local ISO time of the try.
    pub at: Option<String>,
    /// Local ISO time when it was decided.
    pub decided: Option<String>,
    /// What broke.
    pub said: Option<String>,
    /// Address that opens the row.
    pub url: Option<String>,
}

/// `trouble`: something the daemon needs is out of reach, or is well again. Templates `trouble` and `telegram-down`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TroubleFacts {
    /// `google`, `email`, `telegram`, `store` or `other`.
    pub service: String,
    /// True when it is over.
    pub over: bool,
    /// What was seen, one sentence.
    pub detail: Option<String>,
    /// What to do about it, one sentence.
    pub mend: Option<String>,
    /// Local ISO time at which it began.
    pub since: Option<String>,
    /// How many messages wait because of it.
    pub waiting: u32,
}

/// `promise`: what somebody said they would do, of which they are reminded. Template `promise`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PromiseFacts {
    /// `call` or `meet`.
    pub deed: String,
    /// ISO date, or local time if one was named.
    pub at: String,
    /// What they wrote.
    pub text: Option<String>,
}

/// `earlier`: other rows of the same person that were there before, for messages to staff about a record. Only managers
/// read who is in charge of them, and nobody what they cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EarlierFacts {
    /// How many rows, also those that are gone.
    pub count: usize,
    /// ISO date of the oldest: of receipt if its cell says so, else when it was seen first.
    pub since: String,
    /// Whether it was there at the first look and may be older.
    pub or_before: bool,
    /// Month and year of `since`.
    pub month: i8,
    /// See `month`.
    pub year: i16,
    /// Stage label of the newest of them.
    pub stage: Option<String>,
    /// Whether the reader is in charge of one of them.
    pub own: bool,
    /// Who is in charge of them; empty unless the reader is a manager.
    pub owners: Vec<String>,
    /// Address of the newest row that the reader may see.
    pub url: Option<String>,
}

/// `proposal`: who might take a lead that nobody is in charge of. Templates `owner-proposed` and `owner-given`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProposalFacts {
    /// Who, the proposed one first.
    pub names: Vec<String>,
    /// Whether the first one looks after the area.
    pub by_area: bool,
    /// Who gave it, once it is given.
    pub by: Option<String>,
}

/// `claim`: a person whom several claim. Templates `claim` and `claim-decided`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimFacts {
    /// What it is known by.
    pub id: String,
    /// What the buttons act on: id, `#`, and the number of the question.
    pub question: String,
    /// The customer's name.
    pub name: Option<String>,
    /// The first number that the rows share, as people write it, or else the address.
    pub contact: Option<String>,
    /// The sides, whoever has the oldest row first.
    pub sides: Vec<ClaimSide>,
    /// Whose row was seen first, if that is clear.
    pub first_seen: Option<String>,
    /// Who has the earliest day of receipt in the cells, if that is clear.
    pub first_received: Option<String>,
    /// What was decided: whose the customer is; with `together`, everybody's.
    pub kept: Option<String>,
    /// Whether they look after the customer together.
    pub together: bool,
    /// Who decided.
    pub by: Option<String>,
    /// Local ISO time of the decision.
    pub decided: Option<String>,
    /// Whether the customer is the reader's by it.
    pub yours: bool,
}

/// One side of a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimSide {
    /// Their names, joined by `+`.
    pub names: String,
    /// Their rows.
    pub rows: Vec<ClaimRow>,
}

/// One row of a side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimRow {
    /// Title of the tab.
    pub tab: String,
    /// The sheet's row number.
    pub row: u32,
    /// Address that opens it.
    pub url: String,
    /// Local ISO time at which it was seen first.
    pub seen: String,
    /// Whether it was there at the first look.
    pub baseline: bool,
    /// ISO date of receipt, as the cell says.
    pub received: Option<String>,
    /// Stage label.
    pub stage: Option<String>,
    /// How often colleagues noted what came of it.
    pub notes: usize,
    /// The last of these: who, and what came of it.
    pub last: Option<String>,
    /// Local ISO time of it.
    pub last_at: Option<String>,
}

/// `flood`: many notices for one colleague at once, told as one. Templates `flood` and `morning`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FloodFacts {
    /// How many there are.
    pub count: usize,
    /// The first of them.
    pub items: Vec<FloodItem>,
    /// How many are not among `items`.
    pub more: usize,
    /// How many are left for the next days, after a long holiday.
    pub later: usize,
}

/// One notice of a flood.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FloodItem {
    /// Its own template, which says what it is about.
    pub template: String,
    /// The customer's name, if the row has one.
    pub name: Option<String>,
    /// The record.
    pub record: Option<String>,
    /// Stage label.
    pub stage: Option<String>,
    /// Calendar days in that stage.
    pub days: Option<i64>,
    /// ISO date or local time that a date rule speaks of.
    pub date: Option<String>,
    /// Address that opens the row.
    pub url: Option<String>,
}

/// `findings`: rows that a person should look at. Template `problems`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FindingsFacts {
    /// Cells that could not be read, the first few.
    pub problems: Vec<Problem>,
    /// How many there are in all.
    pub problems_total: u32,
    /// Rows of which it is unclear whose they are, the first few.
    pub ambiguous: Vec<Ambiguous>,
    /// How many there are in all.
    pub ambiguous_total: u32,
}

/// One cell that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// Title of the tab.
    pub tab: String,
    /// Its cell, `C19`.
    pub cell: String,
    /// Header of the column.
    pub header: Option<String>,
    /// What stands there.
    pub value: Option<String>,
    /// Why it could not be read.
    pub why: String,
    /// Address that opens the cell.
    pub url: Option<String>,
}

/// Rows that could each be the same customer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ambiguous {
    /// Title of the tab.
    pub tab: String,
    /// The sheet's row numbers.
    pub rows: Vec<u32>,
    /// Why it is unclear.
    pub why: String,
}

/// `optout`: how to refuse advertising; its presence makes the layouts print the opt-out block
/// (Decree 91/2020 Art. 20: at the end of the mail, clear, with the right to refuse everything).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OptOutFacts {
    /// Address of the opt-out page.
    pub url: Option<String>,
    /// Mailbox that takes opt-outs.
    pub email: Option<String>,
    /// Number that takes opt-outs.
    pub phone: Option<String>,
}

/// `refusal`: what a confirmation confirms. Template `opt-out-confirmed`; it advertises nothing
/// (Decree 91/2020 Art. 20).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RefusalFacts {
    /// When it was received, and from when on nothing more goes: at once. Local ISO time.
    pub at: String,
    /// Address of the page on which it can be taken back.
    pub url: Option<String>,
}

/// `handover`: a colleague's customers go to others, or come back. Template `handover`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HandoverFacts {
    /// What it is known by.
    pub id: String,
    /// Whose customers they were.
    pub from: String,
    /// Who decided it.
    pub by: String,
    /// How many customers.
    pub customers: usize,
    /// To whom.
    pub shares: Vec<HandoverShare>,
    /// Whether it was taken back.
    pub undone: bool,
    /// The reader's own share; none: the reader is a manager, or the leaver.
    pub to: Option<HandoverShare>,
    /// Whether the reader is the one whose customers they were.
    pub own: bool,
}

/// What one colleague takes over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HandoverShare {
    /// Who.
    pub to: String,
    /// How many customers.
    pub customers: usize,
}

/// `kept`: what a trial that is over has kept from customers. Template `trial-over`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptFacts {
    /// How many messages could still go.
    pub open: usize,
    /// How many of each rule.
    pub rules: Vec<KeptOfRule>,
}

/// What a trial has kept of one rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptOfRule {
    /// Rule id.
    pub rule: String,
    /// How many messages.
    pub open: usize,
}

/// `rest`: a colleague's notices rest by their own wish, or come again. Template `rest`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RestFacts {
    /// Whose.
    pub name: String,
    /// Local ISO time until when; none: they come again.
    pub until: Option<String>,
}

/// `mailing`: a campaign that managers are asked about or told of. Templates `campaign-ask`, `campaign-faulty`,
/// `campaign-why`, `campaign-returned`, `campaign-progress`, `campaign-paused`,
/// `campaign-table` and `campaign-over`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MailingFacts {
    /// What it is known by.
    pub id: String,
    /// As its author calls it.
    pub name: String,
    /// Who wrote it, if its row says so.
    pub author: Option<String>,
    /// What the buttons act on: id, `#`, and the number of the question.
    pub question: Option<String>,
    /// How many get a mail.
    pub recipients: u64,
    /// How many of the segment get none, with the reason, in the reader's language.
    pub left_out: Vec<String>,
    /// Whether the reader may approve, pause and stop it: buttons that act are for them.
    pub decides: bool,
    /// Local ISO time at which the first mail goes.
    pub send_at: Option<String>,
    /// The same for a button, `9:00`, with the day if it is another than today; none if it goes at once.
    pub hour: Option<String>,
    /// The mails that go along as files: to whom, and the subject.
    pub samples: Vec<String>,
    /// Which files go along.
    pub files: Option<MailingFiles>,
    /// What differs from what was approved before.
    pub differs: Vec<String>,
    /// What is wrong, each with its place and its mend.
    pub problems: Vec<String>,
    /// Who sent it back or stopped it, in the reader's language.
    pub by: Option<String>,
    /// Why it waits, was stopped or sent back, in the reader's language.
    pub why: Option<String>,
    /// Where it stands: `sending`, `paused`, `stopped`, `done`, …
    pub state: Option<String>,
    /// How far it is, as a bar of ten squares.
    pub bar: Option<String>,
    /// How many were delivered.
    pub delivered: u64,
    /// How many were refused or given up.
    pub failed: u64,
    /// How many may have been sent.
    pub in_doubt: u64,
    /// How many were left out when their turn came.
    pub dropped: u64,
    /// Who stopped it, if somebody did.
    pub stopped: Option<String>,
}

/// Files that go along with a notice about a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailingFiles {
    /// The mails that are to be looked at.
    Samples,
    /// Everybody, and what became of the mail to them.
    Table,
}
