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

/// What [`Schedule::catch_up`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatchUp {
    /// The due time that fires now.
    pub fire: Option<Timestamp>,
    /// How many due times are noted as missed.
    pub missed: u64,
    /// The next due time, later than now.
    pub next: Option<Timestamp>,
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

    /// The last due time earlier than `before`; `None` if there is none in the two months before.
    pub fn last_before(&self, before: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if let Kind::Every(seconds) = self.kind {
            let just_before = before
                .saturating_sub(SignedDuration::from_secs(seconds))
                .ok()?;
            let next = self.next_after(just_before, zone)?;
            return Some(match next < before {
                true => next,
                false => just_before,
            });
        }
        // Most schedules come within days; each look goes on from where the shorter one began.
        [2, 8, 63].into_iter().find_map(|days| {
            let mut at = before
                .saturating_sub(SignedDuration::from_hours(24 * days))
                .ok()?;
            let mut last = None;
            while let Some(next) = self.next_after(at, zone).filter(|next| *next < before) {
                (last, at) = (Some(next), next);
            }
            last
        })
    }

    /// The time from a due time to the next one; how long a missed one may still be caught up goes by it.
    /// Zero at the end of time.
    pub fn period_at(&self, due: Timestamp, zone: &TimeZone) -> SignedDuration {
        self.next_after(due, zone)
            .map_or(SignedDuration::ZERO, |next| next.duration_since(due))
    }

    /// What to do at `now` about a due time that may have been missed: the last one that has come fires if
    /// not more than half its period has passed (SEMANTICS 21), the others are missed.
    ///
    /// `due` is the due time that was waited for; it must not be later than `now`.
    pub fn catch_up(&self, due: Timestamp, now: Timestamp, zone: &TimeZone) -> CatchUp {
        let mut last = due;
        let mut missed = 0;
        if let Kind::Every(seconds) = self.kind {
            // After a week without the daemon there may be more of these than one wants to count one by one.
            missed = (now.as_second() - due.as_second()).max(0) / seconds;
            last = Timestamp::from_second(due.as_second() + missed * seconds).unwrap_or(due);
        }
        let mut next = self.next_after(last, zone);
        while let Some(later) = next.filter(|later| *later <= now) {
            last = later;
            missed += 1;
            next = self.next_after(last, zone);
        }
        let half = self.period_at(last, zone) / 2;
        let fires = now.duration_since(last) <= half;
        CatchUp {
            fire: fires.then_some(last),
            missed: missed.unsigned_abs() + u64::from(!fires),
            next,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    /// The next due times after a local time, as weekday, day and wall clock.
    #[track_caller]
    fn check(text: &str, zone_name: &str, after: &str, expected: &[&str]) {
        let zone = zone(zone_name);
        let schedule = Schedule::parse(text).unwrap();
        let wall: jiff::civil::DateTime = after.parse().unwrap();
        let mut at = wall.to_zoned(zone.clone()).unwrap().timestamp();
        let mut found = Vec::new();
        for _ in expected {
            at = schedule.next_after(at, &zone).unwrap();
            found.push(
                at.to_zoned(zone.clone())
                    .strftime("%a %d/%m %H:%M:%S")
                    .to_string(),
            );
        }
        assert_eq!(found, expected, "{text}");
    }

    const VN: &str = "Asia/Ho_Chi_Minh";

    #[test]
    fn due_times_come_in_order() {
        // 21 November 2026 is a Saturday.
        check(
            "Mon-Sat 08:00",
            VN,
            "2026-11-21T07:59:59",
            &[
                "Sat 21/11 08:00:00",
                "Mon 23/11 08:00:00",
                "Tue 24/11 08:00:00",
            ],
        );
        check(
            "Mon-Sat 08:00",
            VN,
            "2026-11-21T08:00:00",
            &["Mon 23/11 08:00:00"],
        );
        check("08:00", VN, "2026-11-21T09:00:00", &["Sun 22/11 08:00:00"]);
        check(
            "CN 20:00",
            VN,
            "2026-11-21T09:00:00",
            &["Sun 22/11 20:00:00"],
        );
        check(
            "Mon,Wed 17:00, 08:00",
            VN,
            "2026-11-23T08:00:00",
            &["Mon 23/11 17:00:00", "Wed 25/11 08:00:00"],
        );
        check(
            "every 90s",
            VN,
            "2026-11-21T00:00:00",
            &["Sat 21/11 00:01:30"],
        );
        check(
            "Every 2h",
            VN,
            "2026-11-21T09:10:00",
            &["Sat 21/11 10:00:00", "Sat 21/11 12:00:00"],
        );
        check(
            "every 1d",
            VN,
            "2026-11-21T00:00:00",
            &["Sun 22/11 00:00:00"],
        );
    }

    #[test]
    fn days_of_the_month_end_with_the_month() {
        check(
            "1,15 09:00",
            VN,
            "2026-11-21T09:00:00",
            &[
                "Tue 01/12 09:00:00",
                "Tue 15/12 09:00:00",
                "Fri 01/01 09:00:00",
            ],
        );
        check(
            "31 09:00",
            VN,
            "2026-11-30T09:00:00",
            &[
                "Thu 31/12 09:00:00",
                "Sun 31/01 09:00:00",
                "Sun 28/02 09:00:00",
            ],
        );
    }

    #[test]
    fn a_gap_gives_the_first_valid_instant_and_an_overlap_one() {
        // Berlin goes from 02:00 to 03:00 on 28 March and from 03:00 back to 02:00 on 25 October 2027.
        check(
            "02:30",
            "Europe/Berlin",
            "2027-03-27T02:30:00",
            &["Sun 28/03 03:00:00", "Mon 29/03 02:30:00"],
        );
        check(
            "02:15,02:45",
            "Europe/Berlin",
            "2027-03-28T00:00:00",
            &["Sun 28/03 03:00:00", "Mon 29/03 02:15:00"],
        );
        check(
            "02:30",
            "Europe/Berlin",
            "2027-10-30T12:00:00",
            &["Sun 31/10 02:30:00", "Mon 01/11 02:30:00"],
        );
        let berlin = zone("Europe/Berlin");
        let first = at_local(
            jiff::civil::date(2027, 10, 31),
            time("02:30").unwrap(),
            &berlin,
        );
        assert_eq!(first.to_string(), "2027-10-31T00:30:00Z");
        // Samoa left out 30 December 2011.
        check(
            "08:00",
            "Pacific/Apia",
            "2011-12-29T08:00:00",
            &["Sat 31/12 00:00:00", "Sat 31/12 08:00:00"],
        );
    }

    #[test]
    fn the_last_one_is_found_however_long_ago() {
        for (schedule, before, expected) in [
            (
                "Mon-Sat 08:00",
                "2026-11-21T08:00:00",
                Some("2026-11-20T08:00:00"),
            ),
            (
                "Mon-Sat 08:00",
                "2026-11-21T08:00:01",
                Some("2026-11-21T08:00:00"),
            ),
            // A Monday looks back to Saturday, a Monday's own to the Monday before.
            (
                "Mon-Sat 08:00",
                "2026-11-23T08:00:00",
                Some("2026-11-21T08:00:00"),
            ),
            (
                "Mon 08:00",
                "2026-11-23T08:00:00",
                Some("2026-11-16T08:00:00"),
            ),
            (
                "08:00,17:00",
                "2026-11-23T17:00:00",
                Some("2026-11-23T08:00:00"),
            ),
            (
                "1 09:00",
                "2026-11-01T09:00:00",
                Some("2026-10-01T09:00:00"),
            ),
            (
                "every 10m",
                "2026-11-21T08:00:00",
                Some("2026-11-21T07:50:00"),
            ),
            (
                "every 10m",
                "2026-11-21T08:03:00",
                Some("2026-11-21T08:00:00"),
            ),
        ] {
            let zone = zone("Asia/Ho_Chi_Minh");
            let at = |text: &str| {
                let local: jiff::civil::DateTime = text.parse().unwrap();
                local.to_zoned(zone.clone()).unwrap().timestamp()
            };
            let found = Schedule::parse(schedule)
                .unwrap()
                .last_before(at(before), &zone);
            assert_eq!(found, expected.map(at), "{schedule} before {before}");
        }
    }

    #[test]
    fn the_period_is_the_time_to_the_next_one() {
        let zone = zone(VN);
        let hours = |text: &str, due: &str| {
            let due: Timestamp = due.parse().unwrap();
            Schedule::parse(text)
                .unwrap()
                .period_at(due, &zone)
                .as_hours()
        };
        assert_eq!(hours("Mon-Sat 08:00", "2026-11-20T08:00:00+07:00"), 24);
        assert_eq!(hours("Mon-Sat 08:00", "2026-11-21T08:00:00+07:00"), 48);
        assert_eq!(hours("Mon 08:00", "2026-11-23T08:00:00+07:00"), 168);
        assert_eq!(hours("08:00,17:00", "2026-11-23T08:00:00+07:00"), 9);
        assert_eq!(hours("every 6h", "2026-11-23T06:00:00+07:00"), 6);
        // Across the change of the clock it is what really passes.
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let due: Timestamp = "2027-03-27T08:00:00+01:00".parse().unwrap();
        let schedule = Schedule::parse("08:00").unwrap();
        assert_eq!(schedule.period_at(due, &berlin).as_hours(), 23);
    }

    #[test]
    fn missed_times_are_caught_up_once_within_half_the_period() {
        let zone = zone(VN);
        let check = |text: &str, due: &str, now: &str, expected: (Option<&str>, u64, &str)| {
            let read = |text: &str| format!("{text}+07:00").parse::<Timestamp>().unwrap();
            let found = Schedule::parse(text)
                .unwrap()
                .catch_up(read(due), read(now), &zone);
            let (fire, missed, next) = expected;
            let expected = CatchUp {
                fire: fire.map(read),
                missed,
                next: Some(read(next)),
            };
            assert_eq!(found, expected, "{text} {due} {now}");
        };
        let daily = "08:00";
        let (on_17, on_18, on_19) = (
            "2026-11-17T08:00:00",
            "2026-11-18T08:00:00",
            "2026-11-19T08:00:00",
        );
        check(daily, on_18, on_18, (Some(on_18), 0, on_19));
        check(daily, on_18, "2026-11-18T20:00:00", (Some(on_18), 0, on_19));
        check(daily, on_18, "2026-11-18T20:00:01", (None, 1, on_19));
        check(daily, on_17, "2026-11-18T09:00:00", (Some(on_18), 1, on_19));
        check(daily, on_17, "2026-11-18T21:00:00", (None, 2, on_19));
        // The period after Saturday is two days long.
        check(
            "Mon-Sat 08:00",
            "2026-11-21T08:00:00",
            "2026-11-22T08:00:00",
            (Some("2026-11-21T08:00:00"), 0, "2026-11-23T08:00:00"),
        );
        check(
            "every 1s",
            "2025-11-18T08:00:00",
            on_18,
            (Some(on_18), 365 * 86_400, "2026-11-18T08:00:01"),
        );
    }

    #[test]
    fn what_is_no_schedule_says_what_is() {
        for (text, says) in [
            ("", "\"Mon-Sat 08:00\""),
            ("Monday", "\"every 10m\""),
            ("Mon-Sut 08:00", "no weekday"),
            ("Mon 8h", "no schedule"),
            ("Mon 25:00", "no time of day"),
            ("24:00", "next day"),
            ("0 09:00", "day of the month"),
            ("32 09:00", "day of the month"),
            ("1-5 09:00", "day of the month"),
            ("every", "no schedule"),
            ("every 0s", "between 1s and 1d"),
            ("every 2d", "between 1s and 1d"),
            ("every now and then", "length of time"),
            ("08:00 Mon", "no time of day"),
        ] {
            let why = Schedule::parse(text).unwrap_err();
            assert!(why.contains(says), "{text}: {why}");
        }
        assert_eq!(
            Schedule::parse(" Mon-Sat   08:00 ").unwrap().to_string(),
            "Mon-Sat 08:00"
        );
    }
}
