//! What is to be seen of a row, by the configuration: the dates that lists tell of, and the conditions of the rules
//! by which somebody waits or a day is told.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::core::rule::{Rule, Trigger};

/// Conditions that have a bit.
const BITS: usize = 16;

/// What the truth of a condition depends on beside the record itself: the clock, where the row stands, who stands in
/// for whom.
const UNSTEADY: [&str; 12] = [
    "now",
    "today",
    "stage_days",
    "engagement",
    "cooling",
    "event",
    "row",
    "tab",
    "sheet_url",
    "cells",
    "owner",
    "owners",
];

/// The field of a customer's or an appointment's own time.
pub(in crate::roster) const APPOINTMENT: &str = "appointment";

#[derive(Debug, Default)]
pub(in crate::roster) struct Basis {
    /// Fields with a date.
    pub(in crate::roster) dates: Vec<String>,
    /// Places of rules whose condition has a bit, in the order of the bits.
    pub(in crate::roster) rules: Vec<usize>,
}

/// What is known of a rule's condition without looking at the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It has none.
    Always,
    /// Whether it was true is noted of each row, under this number.
    Noted(u32),
    /// It has to be asked.
    Unknown,
}

impl Basis {
    pub(in crate::roster) fn new(config: &Config) -> Self {
        let mut dates = BTreeSet::from([APPOINTMENT]);
        let mut rules = Vec::new();
        for (at, rule) in config.rules.iter().enumerate() {
            if let Trigger::Date { field, .. } = &rule.on {
                dates.insert(field);
            }
            if is_steady(rule) && rules.len() < BITS {
                rules.push(at);
            }
        }
        Self {
            dates: dates.into_iter().map(str::to_owned).collect(),
            rules,
        }
    }

    /// What is known of the condition of the rule at this place.
    pub(in crate::roster) fn said(&self, config: &Config, rule: usize) -> Said {
        let bit = self.rules.iter().position(|at| *at == rule);
        match bit.and_then(|bit| u32::try_from(bit).ok()) {
            Some(bit) => Said::Noted(bit),
            None if config.rules[rule].when.is_none() => Said::Always,
            None => Said::Unknown,
        }
    }
}

/// Whether a rule's condition is asked in lists, and only a record that is written can change what it says.
fn is_steady(rule: &Rule) -> bool {
    let listed = matches!(rule.on, Trigger::Idle { .. } | Trigger::Date { .. });
    let names = rule
        .when
        .as_ref()
        .map(crate::core::condition::Condition::names);
    listed && names.is_some_and(|names| !UNSTEADY.iter().any(|name| names.contains(*name)))
}
