//! Times of the calendar that come again: `Mon-Sat 08:00`, `1 09:00`, `every 1m`.

use std::fmt;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::at_local;
use super::days::{Days, time};
use crate::core::rule::Span;

/// A time that comes again, in the company's zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    source: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// On these weekdays at these times.
    Weekly(Days, Vec<Time>),
    /// On these days of each month; a day the month does not have means its last day.
    Monthly(Vec<i8>, Vec<Time>),
    /// Every so many seconds, counted from local midnight of 1 January 1970.
    Every(i64),
}

impl Schedule {
    /// Reads `08:00`, `Mon 08:00`, `Mon-Sat 08:00`, `Mon,Wed 08:00,17:00`, `1 09:00` (day of the month;
    /// 31 is the last day of any month), `1,15 09:00` or `every 10m`. Days may also be T2 … T7, CN.
    ///
    /// # Errors
    /// A sentence that says which part is wrong and what is accepted.
    pub fn parse(text: &str) -> Result<Self, String> {
        let source = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let kind = match source.to_lowercase().strip_prefix("every ") {
            Some(span) => every(span)?,
            None => weekly_or_monthly(&source)?,
        };
        Ok(Self { source, kind })
    }

    /// The first due time later than `after`. In a gap of the clock a due time is the first valid instant,
    /// in an overlap it comes once, at the first of the two.
    ///
    /// `None` only at the end of what a [`Timestamp`] can hold.
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match &self.kind {
            Kind::Every(seconds) => {
                let offset = i64::from(zone.to_offset(after).seconds());
                let local = after.as_second() + offset;
                let next = (local.div_euclid(*seconds) + 1) * seconds - offset;
                Timestamp::from_second(next).ok()
            }
            Kind::Weekly(days, times) => {
                self.first(after, zone, times, |date| days.contains(date.weekday()))
            }
            Kind::Monthly(days, times) => self.first(after, zone, times, |date| {
                days.iter()
                    .any(|day| (*day).min(date.days_in_month()) == date.day())
            }),
        }
    }

    /// The time from a due time to the next one; how long a missed one may still be caught up goes by it.
    /// Zero at the end of time.
    pub fn period_at(&self, due: Timestamp, zone: &TimeZone) -> SignedDuration {
        self.next_after(due, zone)
            .map_or(SignedDuration::ZERO, |next| next.duration_since(due))
    }

    /// Looks through at most two months, which every schedule of days hits.
    fn first(
        &self,
        after: Timestamp,
        zone: &TimeZone,
        times: &[Time],
        wanted: impl Fn(Date) -> bool,
    ) -> Option<Timestamp> {
        let today = zone.to_datetime(after).date();
        // From yesterday on: a zone that skipped a whole day moves yesterday's times to today.
        let first = today.yesterday().unwrap_or(today);
        first
            .series(jiff::Span::new().days(1))
            .take(64)
            .filter(|date| wanted(*date))
            .find_map(|date| {
                times
                    .iter()
                    .map(|time| at_local(date, *time, zone))
                    .filter(|due| *due > after)
                    .min()
            })
    }
}

/// As written.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

fn every(span: &str) -> Result<Kind, String> {
    let span = Span::parse(span)?;
    let seconds = span.as_millis() / 1_000;
    if !(1..=86_400).contains(&seconds) {
        return Err(format!(
            "“every {span}” is not between 1s and 1d: for longer ones write days, such as \"Mon 08:00\" or \"1 09:00\""
        ));
    }
    Ok(Kind::Every(seconds))
}

fn weekly_or_monthly(source: &str) -> Result<Kind, String> {
    let wrong = || {
        format!(
            "“{source}” is no schedule: write \"08:00\", \"Mon-Sat 08:00\", \"Mon,Wed 08:00,17:00\", \"1 09:00\" (day of the month) or \"every 10m\""
        )
    };
    // The times are what stands from the first word with a colon on.
    let words: Vec<&str> = source.split(' ').collect();
    let at = words
        .iter()
        .position(|word| word.contains(':'))
        .ok_or_else(wrong)?;
    let (days, times) = (words[..at].join(" "), words[at..].join(" "));
    let mut times = times.split(',').map(time).collect::<Result<Vec<_>, _>>()?;
    times.sort_unstable();
    times.dedup();
    if days.is_empty() {
        return Ok(Kind::Weekly(Days::ALL, times));
    }
    if !days.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(Kind::Weekly(Days::parse(&days)?, times));
    }
    let days = days
        .split(',')
        .map(|day| match day.trim().parse::<i8>() {
            Ok(day @ 1..=31) => Ok(day),
            _ => Err(wrong()),
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Kind::Monthly(days, times))
}
