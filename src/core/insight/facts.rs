//! The figures beside a digest, under the name `insight`: a period, what it compares with, and the month's targets.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::goals::Target;
use super::period::{Period, Preset};
use super::{Insight, rounded};

/// What a digest's template knows of figures. Days are whole ones: the first is that of the digest before, the last
/// is yesterday.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InsightFacts {
    /// Since the digest before.
    pub period: Insight,
    /// As many days before that.
    pub before: Counts,
    /// The seven days up to yesterday.
    pub week: Counts,
    /// The seven days before those.
    pub week_before: Counts,
    /// The month of yesterday, with its targets.
    pub month: Counts,
}

/// The counts of a period that are compared with those of another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// First day, ISO.
    pub from: String,
    /// Last day, ISO.
    pub to: String,
    /// Customers that came.
    pub new: u32,
    /// Moves to a later stage.
    pub forward: u32,
    /// Deposits.
    pub deposits: u32,
    /// Deals won.
    pub won: u32,
    /// Deals lost.
    pub lost: u32,
    /// What is expected of all people together.
    pub target: Target,
    /// Whether anything is.
    pub has_target: bool,
}

impl Counts {
    /// The counts of some figures.
    pub fn of(insight: &Insight) -> Self {
        let sum = |part: fn(&Target) -> Option<f64>| {
            let parts: Vec<f64> = insight
                .owners
                .iter()
                .filter_map(|of| part(&of.target))
                .collect();
            (!parts.is_empty()).then(|| rounded(parts.iter().sum(), 1))
        };
        let target = Target {
            new: sum(|target| target.new),
            deposits: sum(|target| target.deposits),
            won: sum(|target| target.won),
        };
        Self {
            from: insight.from.clone(),
            to: insight.to.clone(),
            new: insight.new,
            forward: insight.forward,
            deposits: insight.deposits,
            won: insight.won,
            lost: insight.lost,
            target,
            has_target: target.is_some(),
        }
    }
}

impl InsightFacts {
    /// The periods that are to be reckoned, for a digest on `today` whose last one was on `since`.
    pub fn periods(since: Date, today: Date) -> [Period; 5] {
        let yesterday = today.yesterday().unwrap_or(today);
        let period = Period::new(since, yesterday).unwrap_or(Period::day(today));
        let week = Period::week_until(yesterday);
        [
            period,
            period.before(),
            week,
            week.before(),
            Preset::ThisMonth.days(yesterday),
        ]
    }

    /// The facts of the figures of [`InsightFacts::periods`], in that order.
    pub fn of(figures: Vec<Insight>) -> Self {
        let counts = |at: usize| figures.get(at).map(Counts::of).unwrap_or_default();
        Self {
            before: counts(1),
            week: counts(2),
            week_before: counts(3),
            month: counts(4),
            period: figures.into_iter().next().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_digest_reckons() {
        for (since, today, expected) in [
            // A Monday's weekly: the week before, against the one before that.
            ("2026-11-16", "2026-11-23", "16-22 9-15 16-22 9-15 1-30"),
            // A Tuesday's daily: Monday against Sunday.
            ("2026-11-23", "2026-11-24", "23-23 22-22 17-23 10-16 1-30"),
            // A Monday's daily: since Saturday.
            ("2026-11-21", "2026-11-23", "21-22 19-20 16-22 9-15 1-30"),
            // Twice a day: the day itself.
            ("2026-11-23", "2026-11-23", "23-23 22-22 16-22 9-15 1-30"),
        ] {
            let day = |text: &str| -> Date { text.parse().unwrap() };
            let shown: Vec<String> = InsightFacts::periods(day(since), day(today))
                .iter()
                .map(|period| format!("{}-{}", period.from().day(), period.to().day()))
                .collect();
            assert_eq!(shown.join(" "), expected, "{since} {today}");
        }
    }
}
