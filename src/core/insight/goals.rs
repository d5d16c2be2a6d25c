//! What the configuration expects and pays: targets of people, costs of sources, by the month.

use serde::{Deserialize, Serialize};

use super::{Period, rounded};
use crate::core::sheet::fold::fold;

/// A year and a month.
pub type Month = (i16, i8);

/// Targets and costs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Goals {
    /// In the order of the file.
    pub targets: Vec<TargetLine>,
    /// In the order of the file.
    pub costs: Vec<CostLine>,
}

/// `[[target]]`: what is expected of somebody in a month.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetLine {
    /// Of whom, by name; none: of everybody without a line of their own.
    pub person: Option<String>,
    /// In which month; none: in each without a line of its own.
    pub month: Option<Month>,
    /// How much.
    pub target: Target,
}

/// How much is expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Target {
    /// New customers.
    pub new: Option<f64>,
    /// Deposits.
    pub deposits: Option<f64>,
    /// Deals won.
    pub won: Option<f64>,
}

/// A line of `[costs]`: what a source costs in a month, in đồng.
#[derive(Clone, Debug, PartialEq)]
pub struct CostLine {
    /// As the sheet's source column says it.
    pub source: String,
    /// In which month; none: in each without a line of its own.
    pub month: Option<Month>,
    /// Đồng.
    pub dong: i64,
}

impl Target {
    /// Whether anything is expected.
    pub fn is_some(&self) -> bool {
        self.new.is_some() || self.deposits.is_some() || self.won.is_some()
    }

    fn add(&mut self, other: &Self, share: f64) {
        let add = |sum: &mut Option<f64>, more: Option<f64>| {
            if let Some(more) = more {
                *sum = Some(sum.unwrap_or(0.0) + more * share);
            }
        };
        add(&mut self.new, other.new);
        add(&mut self.deposits, other.deposits);
        add(&mut self.won, other.won);
    }

    fn rounded(self) -> Self {
        let round = |value: Option<f64>| value.map(|value| rounded(value, 2));
        Self {
            new: round(self.new),
            deposits: round(self.deposits),
            won: round(self.won),
        }
    }
}

impl Goals {
    /// What is expected of somebody in a period: each month's target in proportion to the days. A line that
    /// names the person counts before one that does not, and of these the one that names the month.
    pub fn target_of(&self, person: &str, period: Period) -> Target {
        let mut sum = Target::default();
        for (month, share) in period.months() {
            let best = self
                .targets
                .iter()
                .filter(|line| {
                    line.person
                        .as_deref()
                        .is_none_or(|of| fold(of) == fold(person))
                })
                .filter(|line| line.month.is_none_or(|of| of == month))
                .max_by_key(|line| (line.person.is_some(), line.month.is_some()));
            if let Some(line) = best {
                sum.add(&line.target, share);
            }
        }
        sum.rounded()
    }

    /// Whether a line names somebody.
    pub fn names(&self, person: &str) -> bool {
        let mut named = self
            .targets
            .iter()
            .filter_map(|line| line.person.as_deref());
        named.any(|name| fold(name) == fold(person))
    }

    /// What a source costs in a period, in đồng, in proportion to the days; none if no line speaks of it.
    pub fn cost_of(&self, source: &str, period: Period) -> Option<i64> {
        let lines = || {
            self.costs
                .iter()
                .filter(|line| fold(&line.source) == fold(source))
        };
        let mut sum = None;
        for (month, share) in period.months() {
            let best = lines()
                .filter(|line| line.month.is_none_or(|of| of == month))
                .max_by_key(|line| line.month.is_some());
            #[allow(clippy::cast_precision_loss)] // Costs are below 2^53 đồng.
            if let Some(line) = best {
                sum = Some(sum.unwrap_or(0.0) + line.dong as f64 * share);
            }
        }
        #[allow(clippy::cast_possible_truncation)] // As above.
        sum.map(|sum: f64| sum.round() as i64)
    }

    /// The sources whose costs are known, each once.
    pub fn sources(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for line in &self.costs {
            if !names.iter().any(|name| fold(name) == fold(&line.source)) {
                names.push(&line.source);
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(from: &str, to: &str) -> Period {
        Period::new(from.parse().unwrap(), to.parse().unwrap()).unwrap()
    }

    fn line(person: Option<&str>, month: Option<Month>, new: f64) -> TargetLine {
        TargetLine {
            person: person.map(String::from),
            month,
            target: Target {
                new: Some(new),
                ..Target::default()
            },
        }
    }

    #[test]
    fn the_line_that_says_most_counts() {
        let goals = Goals {
            targets: vec![
                line(None, None, 30.0),
                line(None, Some((2026, 12)), 31.0),
                line(Some("Lan Anh"), None, 60.0),
                line(Some("Lan Anh"), Some((2026, 12)), 62.0),
            ],
            costs: Vec::new(),
        };
        let new = |person, from, to| goals.target_of(person, period(from, to)).new;
        assert_eq!(new("Minh", "2026-11-01", "2026-11-30"), Some(30.0));
        assert_eq!(new("Minh", "2026-12-01", "2026-12-31"), Some(31.0));
        assert_eq!(new("lan anh", "2026-11-01", "2026-11-30"), Some(60.0));
        assert_eq!(new("Lan Anh", "2026-12-01", "2026-12-31"), Some(62.0));
        // A week: 7 of 30 days; the turn of the month: one day of each.
        assert_eq!(new("Minh", "2026-11-02", "2026-11-08"), Some(7.0));
        assert_eq!(new("Lan Anh", "2026-11-30", "2026-12-01"), Some(4.0));
        assert!(
            !Goals::default()
                .target_of("Minh", period("2026-11-01", "2026-11-30"))
                .is_some()
        );
    }

    #[test]
    fn costs_in_proportion_to_the_days() {
        let cost = |month, dong| CostLine {
            source: "Facebook".into(),
            month,
            dong,
        };
        let goals = Goals {
            targets: Vec::new(),
            costs: vec![cost(None, 3_000_000), cost(Some((2026, 12)), 6_200_000)],
        };
        let of = |source, from, to| goals.cost_of(source, period(from, to));
        assert_eq!(of("facebook", "2026-11-01", "2026-11-30"), Some(3_000_000));
        assert_eq!(of("FACEBOOK", "2026-11-30", "2026-12-01"), Some(300_000));
        assert_eq!(of("Zalo", "2026-11-01", "2026-11-30"), None);
    }
}
