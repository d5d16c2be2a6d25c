//! Held batches: what the guard says, what a manager said to it, and how it ends (SEMANTICS 10).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::accept::Poll;
use super::fetch::TabPlan;
use crate::config::Language;
use crate::core::change::{
    ColumnErrors, GuardInput, GuardLimits, Hold, HoldReason, TabFacts, judge, no_worse,
};
use crate::core::decide::notice;
use crate::core::facts::local_text;
use crate::core::facts::message::HeldFacts;
use crate::core::sheet::HeaderProblem;
use crate::roster::Roster;
use crate::store::journal::{Entry, What};
use crate::store::keys::{self, Key, prefix};
use crate::store::ledger;
use crate::store::{Group, StoreError};

/// A batch that waits for a manager: one per workbook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// Short, for people to type: `h-1`.
    pub id: String,
    /// Workbook id.
    pub workbook: String,
    /// Since when.
    pub since: Timestamp,
    /// What speaks against it, in English.
    pub text: String,
    /// The same for the program: what was shown, against which later polls are compared.
    pub shown: Hold,
    /// How many records would be added, changed and removed, and how many messages sent.
    pub counts: HeldCounts,
    /// A few of the changes in words.
    pub samples: Vec<String>,
    /// What was said to it, which acts at the next poll.
    pub decision: Option<HeldDecision>,
    /// Who said it.
    pub by: Option<String>,
    /// Whether the managers were asked. What ends by itself is given a moment to.
    #[serde(default = "yes")]
    pub asked: bool,
}

fn yes() -> bool {
    true
}

/// Formulas that load are given so long before a manager is asked.
const LOADS_WITHIN: SignedDuration = SignedDuration::from_secs(30);

/// What is done about a batch besides holding it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// It is a new one, or another than the one that was shown.
    pub(super) new: bool,
    /// The managers are asked now.
    pub(super) ask: bool,
}

/// What a held batch would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldCounts {
    /// Records.
    pub added: u32,
    /// Records.
    pub changed: u32,
    /// Records.
    pub removed: u32,
    /// Messages; known only where the guard let the poll come so far.
    pub messages: u32,
}

/// What a person said to a held batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldDecision {
    /// Accept the next poll if it is no worse than what was shown.
    Release,
    /// Take the next poll as a new baseline, without events.
    Drop,
}

/// What is done with a poll.
pub(super) enum Ruling {
    /// Taken.
    Accept,
    /// Taken without events.
    Drop,
    /// Held.
    Hold {
        /// Why.
        text: String,
        /// The same for the program.
        hold: Hold,
    },
}

/// Where the held batch of a workbook is kept.
pub fn held_key(workbook: &str) -> Key {
    keys::under(prefix::HELD, workbook)
}

fn limits(roster: &Roster) -> GuardLimits {
    let guard = &roster.config().guard;
    GuardLimits {
        rows_gone_share: guard.rows_gone.share,
        rows_gone_at_least: guard.rows_gone.at_least,
        error_cells_share: guard.error_cells.share,
        error_cells_at_least: guard.error_cells.at_least,
        messages: guard.messages,
    }
}

/// Judges the rows and headers of a poll.
pub(super) fn rule_on(
    roster: &Roster,
    input: &GuardInput,
    standing: Option<&Held>,
    readable: bool,
) -> Ruling {
    ruling(judge(input, &limits(roster)), standing, readable)
}

/// Whether too many messages were shown and dropped: how many a poll decides is known only when it is
/// too late to decide none.
pub(super) fn drops_messages(standing: Option<&Held>) -> bool {
    standing.is_some_and(|held| {
        let messages = |reason: &HoldReason| matches!(reason, HoldReason::Messages { .. });
        held.decision == Some(HeldDecision::Drop) && held.shown.reasons.iter().any(messages)
    })
}

fn ruling(hold: Option<Hold>, standing: Option<&Held>, readable: bool) -> Ruling {
    let Some(hold) = hold else {
        return Ruling::Accept;
    };
    match standing {
        Some(held) if readable && held.decision == Some(HeldDecision::Drop) => Ruling::Drop,
        Some(held)
            if readable
                && held.decision == Some(HeldDecision::Release)
                && no_worse(&held.shown, &hold) =>
        {
            Ruling::Accept
        }
        _ => Ruling::Hold {
            text: hold.to_string(),
            hold,
        },
    }
}

/// The facts of one tab for the guard.
pub(super) fn tab_facts(
    poll: &Poll<'_>,
    sheet: i64,
    gone: usize,
    records: usize,
) -> Option<TabFacts> {
    let read = poll.read_of(sheet)?;
    let meta = poll.metas.get(&sheet);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let mut facts = TabFacts {
        tab: read.plan.title.clone(),
        accepted: meta.map_or(0, |meta| count(meta.rows)),
        gone: count(gone),
        records: count(records),
        renamed_to: read
            .plan
            .renamed_to
            .clone()
            .filter(|_| poll.doubts.names(&read.plan.title)),
        ..TabFacts::default()
    };
    match &read.header {
        Ok(header) => {
            // A column that was bound and is not any more is as bad as a mandatory one.
            if let Some(meta) = meta {
                let fields = &read.plan.fields;
                facts.headers_missing = meta
                    .bound
                    .iter()
                    .filter(|(field, (column, _))| {
                        *column != usize::MAX && !header.bound.contains_key(*field)
                    })
                    .filter(|(field, _)| fields.iter().any(|spec| spec.id == **field))
                    .map(|(_, (_, header))| header.clone())
                    .collect();
            }
            let filled = count(read.records_filled);
            facts.errors = read
                .errors
                .iter()
                .map(|(field, now)| ColumnErrors {
                    header: header
                        .bound
                        .get(field)
                        .map_or_else(|| field.clone(), |binding| binding.header.clone()),
                    before: meta
                        .and_then(|meta| meta.errors.get(field).copied())
                        .unwrap_or(0),
                    now: *now,
                    loading: read.loading.get(field).copied().unwrap_or(0),
                    rows: filled,
                })
                .collect();
            // At the first look nobody knows how many errors there always were. What loads is no base.
            if meta.is_none() {
                facts.errors.retain_mut(|column| {
                    column.now = column.loading;
                    column.loading > 0
                });
            }
        }
        Err(problem) => explain_header(problem, &read.plan, &mut facts),
    }
    Some(facts)
}

fn explain_header(problem: &HeaderProblem, plan: &TabPlan, facts: &mut TabFacts) {
    // The rows could not be read; saying that they are gone as well would only be noise.
    facts.gone = 0;
    facts.accepted = 0;
    match problem {
        HeaderProblem::NotFound { .. } => {
            // Everything is missing; the mandatory ones say enough.
            let mandatory = plan
                .fields
                .iter()
                .filter(|field| plan.mandatory.contains(&field.id));
            facts.headers_missing = mandatory
                .filter_map(|field| field.headers.first().cloned())
                .collect();
        }
        HeaderProblem::Missing { fields, .. } => {
            facts.headers_missing = fields
                .iter()
                .map(|field| {
                    field
                        .headers
                        .first()
                        .cloned()
                        .unwrap_or_else(|| field.field.clone())
                })
                .collect();
        }
        HeaderProblem::Doubled { columns, .. } => {
            let header = columns.first().map(|(_, header)| header.clone());
            facts.headers_doubled.extend(header);
        }
    }
}

/// The batch as it stands after this poll: new, or the one that waits already. What was shown stays
/// what a release is measured by, until the managers are shown more.
pub(super) fn standing(
    poll: &Poll<'_>,
    hold: &Hold,
    text: &str,
    counts: HeldCounts,
    before: Option<&Held>,
) -> Result<(Held, Step), StoreError> {
    let fresh = |since: Timestamp| -> Result<Held, StoreError> {
        Ok(Held {
            id: free_id(poll)?,
            workbook: poll.workbook.to_owned(),
            since,
            text: text.to_owned(),
            shown: hold.clone(),
            counts,
            samples: samples(poll),
            decision: None,
            by: None,
            asked: false,
        })
    };
    let (mut held, new) = match before {
        // The same trouble: what was said to it stands, unless it has become worse.
        Some(held) if no_worse(&held.shown, hold) => (held.clone(), false),
        // It grows while they think about it. They are not asked at every row, and what they say is said
        // to what they saw.
        Some(held) if held.decision.is_none() && !hold.much_worse_than(&held.shown) => {
            (held.clone(), false)
        }
        // The buttons under the old question must not answer this one: it has an id of its own.
        Some(held) => (fresh(held.since)?, true),
        None => (fresh(poll.now)?, true),
    };
    let patient = hold.is_passing() && poll.now.duration_since(held.since) < LOADS_WITHIN;
    let ask = !held.asked && !patient;
    held.asked |= ask;
    Ok((held, Step { new, ask }))
}

/// A few of the changes in words.
fn samples(poll: &Poll<'_>) -> Vec<String> {
    let changes = poll.report.changes.iter().take(5);
    changes
        .map(|change| {
            let fields: Vec<&str> = change
                .fields
                .iter()
                .map(|field| field.header.as_str())
                .collect();
            match fields.is_empty() {
                true => format!("{}: {} {}", change.tab, change.kind, change.row),
                false => format!(
                    "{}: {} {} ({})",
                    change.tab,
                    change.kind,
                    change.row,
                    fields.join(", ")
                ),
            }
        })
        .collect()
}

/// A short id that no other batch has: two workbooks may be held by the same poll.
fn free_id(poll: &Poll<'_>) -> Result<String, StoreError> {
    let mut taken = Vec::new();
    for entry in poll.roster.store().scan::<Held>(prefix::HELD) {
        taken.push(entry?.1.id);
    }
    let mut number = poll.now.as_second().rem_euclid(1_000_000);
    loop {
        let id = format!("h-{number}");
        if !taken.contains(&id) {
            return Ok(id);
        }
        number += 1;
    }
}

/// What managers are told of a batch.
fn facts(roster: &Roster, held: &Held) -> Result<HeldFacts, StoreError> {
    let local = |at: Timestamp| {
        local_text(
            at.to_zoned(roster.config().calendar.zone.clone())
                .datetime(),
        )
    };
    let reasons: Vec<String> = match roster.config().language {
        Language::Vi => held.shown.vietnamese().lines().map(String::from).collect(),
        Language::En => held.shown.reasons.iter().map(ToString::to_string).collect(),
    };
    Ok(HeldFacts {
        id: held.id.clone(),
        workbook: roster.workbook(&held.workbook)?.title,
        tab: None,
        since: Some(local(held.since)),
        reasons,
        added: held.counts.added,
        changed: held.counts.changed,
        removed: held.counts.removed,
        messages: held.counts.messages,
        samples: Vec::new(),
        url: Some(format!(
            "https://docs.google.com/spreadsheets/d/{}/edit",
            held.workbook
        )),
    })
}

/// Tells the managers on Telegram by this template, once.
fn tell_managers(
    roster: &Roster,
    held: &Held,
    template: &str,
    now: Timestamp,
    group: &mut Group,
) -> Result<(), StoreError> {
    let told = notice::to_managers(
        &roster.directory()?,
        "held",
        template,
        &format!("{template} {} {now}", held.id),
        &json!({ "held": facts(roster, held)? }),
        now,
    );
    for message in told {
        ledger::queue(roster.store(), group, &message)?;
    }
    Ok(())
}

/// Asks the managers on Telegram, with [Duyệt] [Bỏ qua].
pub(super) fn ask_managers(
    roster: &Roster,
    held: &Held,
    now: Timestamp,
    group: &mut Group,
) -> Result<(), StoreError> {
    tell_managers(roster, held, "held-batch", now, group)
}

/// Proposes people of a staff tab to the managers, who say whether they may bind a chat.
pub(super) fn propose_staff(
    roster: &Roster,
    names: &[String],
    now: Timestamp,
    group: &mut Group,
) -> Result<(), StoreError> {
    for name in names {
        let occasion = format!("staff {name}");
        let extra = json!({ "staff": { "name": name } });
        for message in notice::to_managers(
            &roster.directory()?,
            "staff",
            "staff-proposed",
            &occasion,
            &extra,
            now,
        ) {
            ledger::queue(roster.store(), group, &message)?;
        }
    }
    Ok(())
}

/// A batch that is held no more: released, dropped, or put right in the sheet, which those who were
/// asked are told.
pub(super) fn close(
    roster: &Roster,
    held: &Held,
    now: Timestamp,
    group: &mut Group,
) -> Result<(), StoreError> {
    let by = held.by.as_deref().unwrap_or("somebody");
    let text = match held.decision {
        Some(HeldDecision::Release) => format!("{} was released by {by}", held.id),
        Some(HeldDecision::Drop) => {
            format!("{} was dropped by {by}: taken as a new baseline", held.id)
        }
        None => format!("{} ended by itself: the sheet was put right", held.id),
    };
    group.remove(held_key(&held.workbook));
    let entry = Entry {
        at: now,
        record: None,
        what: What::Held,
        text,
        stages: None,
        moved: None,
    };
    roster.store().note(group, &entry);
    if held.decision.is_none() && held.asked {
        tell_managers(roster, held, "held-over", now, group)?;
    }
    Ok(())
}
