//! The days that a report is about.

use jiff::civil::{Date, Weekday};
use jiff::{ToSpan, civil};
use serde::{Deserialize, Serialize};

/// From a day to a day, both inclusive; never the wrong way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Period {
    from: Date,
    to: Date,
}

/// A period that people ask for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Monday to Sunday, with today in it.
    ThisWeek,
    /// The one before.
    LastWeek,
    /// The whole month with today in it.
    ThisMonth,
    /// The one before.
    LastMonth,
    /// The quarter with today in it.
    ThisQuarter,
}

impl Preset {
    /// All of them, in the order of buttons.
    pub const ALL: [Self; 5] = [
        Self::ThisWeek,
        Self::LastWeek,
        Self::ThisMonth,
        Self::LastMonth,
        Self::ThisQuarter,
    ];

    /// As a button keeps it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ThisWeek => "this_week",
            Self::LastWeek => "last_week",
            Self::ThisMonth => "this_month",
            Self::LastMonth => "last_month",
            Self::ThisQuarter => "this_quarter",
        }
    }

    /// Reads [`Self::as_str`].
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == name)
    }

    /// Its days.
    pub fn days(self, today: Date) -> Period {
        let monday = back(today, days_since_monday(today));
        match self {
            Self::ThisWeek => Period::week(monday),
            Self::LastWeek => Period::week(back(monday, 7)),
            Self::ThisMonth => Period::month(today),
            Self::LastMonth => Period::month(back(today.first_of_month(), 1)),
            Self::ThisQuarter => {
                let first = (today.month() - 1) / 3 * 3 + 1;
                let last = civil::date(today.year(), first + 2, 1);
                Period {
                    from: civil::date(today.year(), first, 1),
                    to: last.last_of_month(),
                }
            }
        }
    }
}

impl Period {
    /// A period; none if it ends before it begins.
    pub fn new(from: Date, to: Date) -> Option<Self> {
        (from <= to).then_some(Self { from, to })
    }

    /// The month so far.
    pub fn month_so_far(today: Date) -> Self {
        Self {
            from: today.first_of_month(),
            to: today,
        }
    }

    /// One day.
    pub fn day(day: Date) -> Self {
        Self { from: day, to: day }
    }

    /// The seven days up to one.
    pub fn week_until(last: Date) -> Self {
        Self {
            from: back(last, 6),
            to: last,
        }
    }

    /// First day.
    pub fn from(self) -> Date {
        self.from
    }

    /// Last day.
    pub fn to(self) -> Date {
        self.to
    }

    /// How many days it has.
    pub fn days(self) -> u32 {
        u32::try_from(between(self.from, self.to) + 1).unwrap_or(u32::MAX)
    }

    /// The period of as many days just before.
    pub fn before(self) -> Self {
        let days = i64::from(self.days());
        Self {
            from: back(self.from, days),
            to: back(self.from, 1),
        }
    }

    /// The months that it touches, each with the share of the month's days that are in it.
    pub fn months(self) -> Vec<((i16, i8), f64)> {
        let mut months = Vec::new();
        let mut month = self.from.first_of_month();
        while month <= self.to {
            let last = month.last_of_month();
            let days = between(month.max(self.from), last.min(self.to)) + 1;
            #[allow(clippy::cast_precision_loss)] // Days of a month.
            let share = days as f64 / f64::from(month.days_in_month());
            months.push(((month.year(), month.month()), share));
            let Ok(next) = last.tomorrow() else { break };
            month = next;
        }
        months
    }

    fn month(day: Date) -> Self {
        Self {
            from: day.first_of_month(),
            to: day.last_of_month(),
        }
    }

    fn week(monday: Date) -> Self {
        Self {
            from: monday,
            to: monday.saturating_add(6.days()),
        }
    }
}

fn days_since_monday(day: Date) -> i64 {
    i64::from(day.weekday().since(Weekday::Monday))
}

fn back(day: Date, days: i64) -> Date {
    day.saturating_sub(days.days())
}

fn between(from: Date, to: Date) -> i64 {
    from.until(to).map_or(0, |span| i64::from(span.get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_that_people_name() {
        use Preset::{LastMonth, LastWeek, ThisMonth, ThisQuarter, ThisWeek};
        for (today, preset, from, to) in [
            // A Wednesday.
            ("2026-11-18", ThisWeek, "2026-11-16", "2026-11-22"),
            ("2026-11-18", LastWeek, "2026-11-09", "2026-11-15"),
            ("2026-11-18", ThisMonth, "2026-11-01", "2026-11-30"),
            ("2026-11-18", LastMonth, "2026-10-01", "2026-10-31"),
            ("2026-11-18", ThisQuarter, "2026-10-01", "2026-12-31"),
            // The edges: a Monday, a Sunday, the first day of a year.
            ("2026-11-16", ThisWeek, "2026-11-16", "2026-11-22"),
            ("2026-11-22", ThisWeek, "2026-11-16", "2026-11-22"),
            ("2027-01-01", ThisWeek, "2026-12-28", "2027-01-03"),
            ("2027-01-01", LastMonth, "2026-12-01", "2026-12-31"),
            ("2027-01-01", ThisQuarter, "2027-01-01", "2027-03-31"),
            ("2028-03-31", LastMonth, "2028-02-01", "2028-02-29"),
        ] {
            let days = preset.days(today.parse().unwrap());
            let shown = (days.from().to_string(), days.to().to_string());
            assert_eq!(shown, (from.into(), to.into()), "{today} {preset:?}");
        }
    }

    #[test]
    fn days_and_the_period_before() {
        let period = |from: &str, to: &str| Period::new(from.parse().unwrap(), to.parse().unwrap());
        let week = period("2026-11-16", "2026-11-22").unwrap();
        assert_eq!(week.days(), 7);
        assert_eq!(week.before(), period("2026-11-09", "2026-11-15").unwrap());
        assert_eq!(period("2026-11-22", "2026-11-22").unwrap().days(), 1);
        assert_eq!(period("2026-11-22", "2026-11-21"), None);
        // A hundred days and more are still days.
        let quarter = period("2026-10-01", "2026-12-31").unwrap();
        assert_eq!(quarter.days(), 92);
        let shares: Vec<_> = quarter.months();
        assert_eq!(
            shares,
            [((2026, 10), 1.0), ((2026, 11), 1.0), ((2026, 12), 1.0)]
        );
        // 7 of November's 30 days; 3 of January's 31 and 4 of December's.
        assert_eq!(week.months(), [((2026, 11), 7.0 / 30.0)]);
        let turn = period("2026-12-28", "2027-01-03").unwrap();
        assert_eq!(
            turn.months(),
            [((2026, 12), 4.0 / 31.0), ((2027, 1), 3.0 / 31.0)]
        );
    }
}
