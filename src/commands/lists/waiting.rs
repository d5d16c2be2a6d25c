//! Who has waited too long, of very many rows: an idle rule's time is counted once for all that began before a day.

use std::collections::HashMap;

use jiff::Timestamp;

use super::super::Desk;
use super::at;
use crate::core::calendar::Calendar;
use crate::core::rule::{Span, Trigger};
use crate::roster::{Glimpse, Said, nanoseconds};

/// What is known of a row without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Waits {
    /// Not too long.
    No,
    /// Too long.
    Yes,
    /// The record has to be asked.
    Unknown,
}

/// The idle rules at a time.
pub(in crate::commands) struct Waiting<'d> {
    calendar: &'d Calendar,
    now: Timestamp,
    rules: Vec<Idle>,
}

struct Idle {
    stage: usize,
    after: Span,
    /// What began before has waited for certain, what began behind has not; in nanoseconds.
    certain: (i64, i64),
    said: Said,
    /// What lies between, as it was reckoned: many rows have the same time.
    known: HashMap<i64, bool>,
}

impl<'d> Waiting<'d> {
    pub(in crate::commands) fn new(desk: &'d Desk, now: Timestamp) -> Self {
        let config = desk.roster.config();
        let calendar = &config.calendar;
        let rules = config.rules.iter().enumerate();
        let rules = rules.filter_map(|(place, rule)| match &rule.on {
            Trigger::Idle { stage, after, .. } => Some(Idle {
                stage: config.stages.iter().position(|one| one.id == *stage)?,
                after: *after,
                certain: (
                    nanoseconds(calendar.passed_before(now, *after)),
                    nanoseconds(calendar.not_passed_after(now, *after)),
                ),
                said: desk.roster.condition_known(place),
                known: HashMap::new(),
            }),
            _ => None,
        });
        Self {
            calendar,
            now,
            rules: rules.collect(),
        }
    }

    /// Whether a row waits by one of the rules.
    pub(in crate::commands) fn waits(&mut self, row: Glimpse<'_>) -> Waits {
        let mut waits = Waits::No;
        for rule in &mut self.rules {
            if row.stage() != Some(rule.stage) || !rule.has_passed(row, self.calendar, self.now) {
                continue;
            }
            match rule.said {
                Said::Always => return Waits::Yes,
                Said::Noted(bit) if row.wanted(bit) => return Waits::Yes,
                Said::Noted(_) => {}
                Said::Unknown => waits = Waits::Unknown,
            }
        }
        waits
    }
}

impl Idle {
    fn has_passed(&mut self, row: Glimpse<'_>, calendar: &Calendar, now: Timestamp) -> bool {
        let began = row.active_ns();
        if began < self.certain.0 {
            return true;
        }
        if began > self.certain.1 {
            return false;
        }
        let reckon = || calendar.add_working(at(began), self.after) <= now;
        *self.known.entry(began).or_insert_with(reckon)
    }
}
