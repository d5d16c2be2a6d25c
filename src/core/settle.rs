//! When does a change count? A row must have been quiet, and be complete; what is undone before
//! that never happened.
//!
//! # A rule with a settle time of its own
//! `settle` of a rule stands *instead of* `[settle] after`, and may be shorter or longer. What has
//! settled is therefore kept per rule: the record itself says it for all rules without a time of
//! their own (and for clocks, idleness and the journal), `Record::own` for a rule where that
//! differs. The same row is asked about once for each ([`settle`]), each time with the cells that
//! have settled *there*, so that
//! - no rule sees a change twice: after its event its own settled cells are the seen ones;
//! - none misses one: a change that settled for the others still differs from its settled cells;
//! - what is undone in time vanishes for the rules that have not fired, and is a change back for
//!   those that have;
//! - a rule without an entry goes by the record, so a new `settle`, a changed one and one that is
//!   taken out of the configuration need no upgrade, and a quiet record keeps one set of cells.
//!
//! The entry of a stage has one number for all ([`number`]), whichever rule it settles for first.

use jiff::Timestamp;

use super::record::{Cells, Record};
use super::rule::{Rule, Span, Trigger};

/// The settle times of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// A row must have been quiet for so long.
    pub after: Span,
    /// A row must be gone for so long: cut and paste is not a removal.
    pub removed: Span,
    /// A row that still lacks required cells after so long is a data problem.
    pub incomplete: Span,
}

/// The settle time that a rule has of its own. A rule that waits for a time of the calendar, for idleness or
/// for a removal has none: nothing of what it goes by waits for a row to be quiet.
pub fn own_time(rule: &Rule) -> Option<Span> {
    match rule.on {
        Trigger::Added | Trigger::Changed { .. } | Trigger::Stage { .. } | Trigger::Date { .. } => {
            rule.settle
        }
        Trigger::Removed | Trigger::Idle { .. } | Trigger::Schedule(_) => None,
    }
}

/// The rules that look at a record for themselves, each with its settle time; `after` is that of all others.
pub fn own_rules<'a>(rules: &'a [Rule], record: &Record, after: Span) -> Vec<(&'a str, Span)> {
    rules
        .iter()
        .filter_map(|rule| {
            let left_over = || record.own.contains_key(&rule.id).then_some(after);
            Some((rule.id.as_str(), own_time(rule).or_else(left_over)?))
        })
        .collect()
}

/// The number of a record's next event, above all that may have been given before a restore (`numbered`): an occasion that was told
/// of since the backup must not be taken for another. The entry of a stage keeps the number that it got first.
pub fn number(record: &mut Record, entered: bool, numbered: u64) -> u64 {
    let given = record.stage_seen.as_mut().filter(|_| entered);
    if let Some(number) = given.as_ref().and_then(|seen| seen.event) {
        return number;
    }
    record.events = record.events.max(numbered) + 1;
    if let Some(seen) = given {
        seen.event = Some(record.events);
    }
    record.events
}

/// Whether anything of a record waits to settle, for whichever rule.
pub fn is_open(record: &Record) -> bool {
    let differs = |settled: &Option<Cells>| settled.as_ref() != Some(&record.seen);
    match record.gone {
        Some(_) => !record.removed,
        None => {
            differs(&record.settled) || record.own.values().any(|noted| differs(&noted.settled))
        }
    }
}

/// What an unsettled record comes to at a good poll.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Not quiet for long enough yet; look again then.
    Wait(Timestamp),
    /// Changed back before it counted: nothing happened.
    Undone,
    /// Quiet, but required cells are missing: no event yet (SEMANTICS 2).
    Incomplete {
        /// Whether it has been so for long enough to be a data problem.
        report: bool,
    },
    /// A new row counts from now on.
    Added,
    /// These settled cells give way to the seen ones.
    Changed {
        /// The cells that events were made of before.
        before: Cells,
    },
    /// The row is gone for good.
    Removed,
    /// The row came before it ever counted, and is gone: nothing happened.
    NeverWas,
}

/// Judges one unsettled record at a poll that succeeded at `now`. For a rule with a time of its own, `record` is
/// [`Record::for_rule`] and `times.after` that time.
///
/// `same` says whether the seen cells equal the settled ones but for noise; `complete` whether
/// the required fields are there.
pub fn settle(
    record: &Record,
    now: Timestamp,
    times: &Times,
    same: bool,
    complete: bool,
) -> Outcome {
    if let Some(gone) = record.gone {
        return settle_gone(record, gone, now, times);
    }
    if record.settled.is_some() && same {
        return Outcome::Undone;
    }
    let quiet_at = after(record.changed_at, times.after);
    if now < quiet_at {
        return Outcome::Wait(quiet_at);
    }
    match &record.settled {
        None if !complete => Outcome::Incomplete {
            report: now >= after(record.changed_at, times.incomplete),
        },
        None => Outcome::Added,
        Some(before) => Outcome::Changed {
            before: before.clone(),
        },
    }
}

fn settle_gone(record: &Record, gone: Timestamp, now: Timestamp, times: &Times) -> Outcome {
    let gone_at = after(gone, times.removed);
    if now < gone_at {
        Outcome::Wait(gone_at)
    } else if record.settled.is_none() && record.own.values().all(|noted| noted.settled.is_none()) {
        Outcome::NeverWas
    } else {
        Outcome::Removed
    }
}

/// `at` and a span later; the end of time if that is beyond it.
fn after(at: Timestamp, span: Span) -> Timestamp {
    at.checked_add(span.duration()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::record::{Place, RecordId};
    use crate::core::sheet::Cell;

    const TIMES: Times = Times {
        after: Span::seconds(20),
        removed: Span::seconds(600),
        incomplete: Span::seconds(600),
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn record(settled: Option<&str>) -> Record {
        let cells = |name: &str| Cells::from([("name".into(), Cell::Text(name.into()))]);
        Record {
            id: RecordId::new("r-1"),
            kind: crate::core::record::Kind::Customer,
            place: Place {
                workbook: "w".into(),
                sheet: 0,
                row: 5,
            },
            seen: cells("An"),
            settled: settled.map(cells),
            first_seen: at(0),
            changed_at: at(0),
            pending_since: Some(at(0)),
            events: 0,
            stage: None,
            stage_since: None,
            stage_after: None,
            stage_seen: None,
            stage_event: 0,
            active_at: at(0),
            gone: None,
            removed: false,
            open_rules: std::collections::BTreeMap::new(),
            baseline: false,
            ambiguous_since: None,
            own: std::collections::BTreeMap::new(),
            known_before: None,
        }
    }

    #[test]
    fn a_half_typed_row_does_nothing_until_quiet() {
        assert_eq!(
            settle(&record(None), at(19), &TIMES, false, true),
            Outcome::Wait(at(20))
        );
        assert_eq!(
            settle(&record(None), at(20), &TIMES, false, true),
            Outcome::Added
        );
    }

    #[test]
    fn a_row_without_required_cells_waits_and_is_reported_after_ten_minutes() {
        assert_eq!(
            settle(&record(None), at(21), &TIMES, false, false),
            Outcome::Incomplete { report: false }
        );
        assert_eq!(
            settle(&record(None), at(600), &TIMES, false, false),
            Outcome::Incomplete { report: true }
        );
    }

    #[test]
    fn what_is_changed_back_never_happened_quiet_or_not() {
        assert_eq!(
            settle(&record(Some("An")), at(1), &TIMES, true, true),
            Outcome::Undone
        );
    }

    #[test]
    fn a_change_counts_even_if_the_row_became_incomplete() {
        let record = record(Some("Bình"));
        let before = record.settled.clone().unwrap();
        assert_eq!(
            settle(&record, at(20), &TIMES, false, false),
            Outcome::Changed { before }
        );
    }

    #[test]
    fn a_cut_row_is_removed_only_after_its_time() {
        let mut gone = record(Some("An"));
        gone.gone = Some(at(100));
        assert_eq!(
            settle(&gone, at(699), &TIMES, true, true),
            Outcome::Wait(at(700))
        );
        assert_eq!(settle(&gone, at(700), &TIMES, true, true), Outcome::Removed);
        gone.settled = None;
        assert_eq!(
            settle(&gone, at(700), &TIMES, false, true),
            Outcome::NeverWas
        );
    }
}
