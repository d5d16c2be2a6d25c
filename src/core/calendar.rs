//! Zone, working days, quiet hours, holidays, and "next Monday 09:00".
//!
//! All wall-clock arithmetic happens here, in the configured zone with the bundled zone table. What a
//! message may do at a time is [`super::policy`]'s, when a rule is due is [`super::decide`]'s.

mod days;
mod holidays;
mod hours;
mod schedule;

use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

pub use holidays::Holidays;
pub use hours::Hours;
pub use schedule::Schedule;

use super::rule::Span;

/// How far ahead an opening is looked for, in days: longer than any break of a company.
const HORIZON_DAYS: usize = 400;

/// The company's clock: its zone, its hours and its holidays.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    /// The configured `timezone`.
    pub zone: TimeZone,
    /// `[hours] work`.
    pub work: Hours,
    /// `[hours] ads`: when customers are written to.
    pub ads: Hours,
    /// `[hours] holidays`.
    pub holidays: Holidays,
}

impl Calendar {
    /// The day that the company's wall clock shows.
    pub fn date(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    /// See [`at_local`].
    pub fn at_local(&self, date: Date, time: Time) -> Timestamp {
        at_local(date, time, &self.zone)
    }

    /// Whether people work on that day: `work` has hours, it is no holiday, and no public holiday on a day
    /// of rest is made up for on it (Labour Code 2019 Art. 111(3): on the next working day).
    pub fn is_working_day(&self, day: Date) -> bool {
        self.would_work(day) && !self.makes_up(day)
    }

    /// Whether `at` is within working hours.
    pub fn is_work(&self, at: Timestamp) -> bool {
        self.next_work(at) == at
    }

    /// The first instant from `at` on that is within working hours; `at` itself if it is.
    pub fn next_work(&self, at: Timestamp) -> Timestamp {
        self.next_open(at, &self.work, |day| self.is_working_day(day))
    }

    /// The first instant from `at` on at which customers may be written to; `at` itself if it is one.
    ///
    /// Hours without days count on holidays and Sundays too. Where days are named, holidays are left out.
    pub fn next_ads(&self, at: Timestamp) -> Timestamp {
        let always = !self.ads.names_days();
        self.next_open(at, &self.ads, |day| always || !self.holidays.contains(day))
    }

    /// Counts working time: the days of the span are working days, at the same time of day; what is left
    /// counts plainly. If that ends on a day of rest, it is moved to the next working day at that time of day.
    ///
    /// Hours are not looked at: whether a message may go at that time of day is policy's.
    pub fn add_working(&self, start: Timestamp, span: Span) -> Timestamp {
        let wall = self.zone.to_datetime(start);
        let mut day = wall.date();
        for _ in 0..span.days {
            day = self.working_day_from(tomorrow(day));
        }
        let counted = match span.days {
            0 => start,
            _ => self.at_local(day, wall.time()),
        };
        let rest = jiff::SignedDuration::from_secs(span.seconds.min(i64::MAX as u64).cast_signed());
        let end = counted.saturating_add(rest).unwrap_or(Timestamp::MAX);
        let wall = self.zone.to_datetime(end);
        if self.is_working_day(wall.date()) {
            return end;
        }
        self.at_local(self.working_day_from(wall.date()), wall.time())
    }

    /// The first working day from `day` on; `day` itself if there is none in sight.
    fn working_day_from(&self, day: Date) -> Date {
        day.series(1.day())
            .take(HORIZON_DAYS)
            .find(|day| self.is_working_day(*day))
            .unwrap_or(day)
    }

    /// A day of work by the hours and the holidays, before anything is made up for.
    fn would_work(&self, day: Date) -> bool {
        self.work.has(day.weekday()) && !self.holidays.contains(day)
    }

    /// Whether a public holiday on a day of rest is made up for on this day, which would be a working day.
    fn makes_up(&self, day: Date) -> bool {
        // Three weeks back is well before anything that could still be owed: Tết owes two days at most.
        let mut owed = 0_u32;
        let Ok(first) = day.checked_sub(21.days()) else {
            return false;
        };
        for day in first.series(1.day()).take(21) {
            if !self.work.has(day.weekday()) {
                owed += u32::from(self.holidays.is_public(day));
            } else if self.would_work(day) {
                owed = owed.saturating_sub(1);
            }
        }
        owed > 0
    }

    /// The first instant from `at` on within `hours` on a day that `counts`; 400 days later if there is none.
    fn next_open(&self, at: Timestamp, hours: &Hours, counts: impl Fn(Date) -> bool) -> Timestamp {
        let today = self.date(at);
        // From yesterday on: its last window may end at midnight, which a zone can show twice.
        let first = today.yesterday().unwrap_or(today);
        for day in first.series(1.day()).take(HORIZON_DAYS) {
            if hours.on(day.weekday()).is_empty() || !counts(day) {
                continue;
            }
            for &(from, to) in hours.on(day.weekday()) {
                let (from, to) = (self.minute_of(day, from), self.minute_of(day, to));
                if at < to && from < to {
                    return at.max(from);
                }
            }
        }
        let day_s = 86_400;
        at.saturating_add(jiff::SignedDuration::from_secs(day_s * 400))
            .unwrap_or(Timestamp::MAX)
    }

    /// The instant of a minute of that day; 1440 is the next day's midnight.
    fn minute_of(&self, day: Date, minute: i16) -> Timestamp {
        let midnight = day.to_datetime(Time::midnight());
        let wall = midnight
            .checked_add(i64::from(minute).minutes())
            .unwrap_or(midnight);
        self.at_local(wall.date(), wall.time())
    }
}

fn tomorrow(day: Date) -> Date {
    day.tomorrow().unwrap_or(day)
}

/// The instant at which a wall clock in `zone` shows this: in a gap the first valid instant after it,
/// in an overlap the first of the two.
pub fn at_local(date: Date, time: Time, zone: &TimeZone) -> Timestamp {
    let wall = date.to_datetime(time);
    let ambiguous = zone.to_ambiguous_timestamp(wall);
    let compatible = || {
        zone.to_ambiguous_timestamp(wall)
            .compatible()
            // Only the outermost days of the years -9999 and 9999 have no instant.
            .unwrap_or(Timestamp::MAX)
    };
    match ambiguous.offset() {
        AmbiguousOffset::Gap { .. } => {
            // The compatible instant lies behind the gap by as much as the wall time lies in it.
            let behind = compatible();
            zone.preceding(behind)
                .next()
                .map_or(behind, |transition| transition.timestamp())
        }
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => compatible(),
    }
}
