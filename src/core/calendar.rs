//! Zone, working days, quiet hours, holidays, and "next Monday 09:00".
//!
//! All wall-clock arithmetic happens here, in the configured zone with the bundled zone table. What a
//! message may do at a time is [`super::policy`]'s, when a rule is due is [`super::decide`]'s.

mod days;
mod duty;
mod holidays;
mod hours;
mod schedule;

use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

pub use duty::Turn;
pub use holidays::Holidays;
pub use hours::Hours;
pub use schedule::{CatchUp, Schedule};

use super::rule::Span;

/// How far ahead an opening is looked for, in days: longer than any break of a company.
const HORIZON_DAYS: usize = 400;

/// More than a zone ever puts its clocks forward or back.
const CLOCKS_CHANGE: jiff::SignedDuration = jiff::SignedDuration::from_hours(3);

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
    /// `[hours] duty`.
    pub duty: Vec<Turn>,
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

    /// Who is on duty at `at`, by name, in the order of the rota; nobody in working hours, when all are.
    pub fn on_duty(&self, at: Timestamp) -> Vec<&str> {
        if self.is_work(at) {
            return Vec::new();
        }
        let local = self.zone.to_datetime(at);
        let mut found: Vec<&str> = Vec::new();
        for turn in self
            .duty
            .iter()
            .filter(|turn| turn.covers(local.date(), local.time()))
        {
            for name in &turn.staff {
                if !found.contains(&name.as_str()) {
                    found.push(name);
                }
            }
        }
        found
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

    /// As [`Self::next_ads`], but holidays do not count even where days are named: a campaign with a fixed
    /// time on a holiday is the marketer's wish (SEMANTICS 20).
    pub fn next_ads_any_day(&self, at: Timestamp) -> Timestamp {
        self.next_open(at, &self.ads, |_| true)
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

    /// An instant of which is certain: whatever lies before it, [`Self::add_working`] of it has passed by `now`. What
    /// lies behind it has to be reckoned one by one, which is little: a few days.
    pub fn passed_before(&self, now: Timestamp, span: Span) -> Timestamp {
        let rest = jiff::SignedDuration::from_secs(span.seconds.min(i64::MAX as u64).cast_signed());
        // What began on a day is counted before this, at whatever hour it began.
        let counted_by = |mut day: Date| {
            for _ in 0..span.days {
                day = self.working_day_from(tomorrow(day));
            }
            let end = self.at_local(tomorrow(day), Time::midnight());
            let end = end.saturating_add(rest).unwrap_or(Timestamp::MAX);
            let day = self.working_day_from(self.date(end));
            let end = self.at_local(tomorrow(day), Time::midnight());
            end.saturating_add(CLOCKS_CHANGE).unwrap_or(Timestamp::MAX)
        };
        let mut day = self.date(now).saturating_sub(i64::from(span.days).days());
        for _ in 0..HORIZON_DAYS {
            let late = counted_by(day).duration_since(now);
            if !late.is_positive() {
                return self.at_local(tomorrow(day), Time::midnight());
            }
            day = day.saturating_sub((late.as_hours() / 24).max(1).days());
        }
        Timestamp::MIN
    }

    /// An instant of which is certain: whatever lies behind it, [`Self::add_working`] of it has not passed by `now`.
    pub fn not_passed_after(&self, now: Timestamp, span: Span) -> Timestamp {
        // A working day is a day at least.
        let at = now.saturating_sub(span.duration()).unwrap_or(now);
        let at = at.saturating_add(CLOCKS_CHANGE).unwrap_or(Timestamp::MAX);
        // What began on a day is counted then or later, at whatever hour it began.
        let counted_from = |mut day: Date| {
            for _ in 0..span.days {
                day = self.working_day_from(tomorrow(day));
            }
            let at = self.at_local(day, Time::midnight());
            let rest =
                span.duration() - jiff::SignedDuration::from_hours(i64::from(span.days) * 24);
            at.saturating_add(rest - CLOCKS_CHANGE).unwrap_or(now)
        };
        let mut day = self.date(at);
        for _ in 0..HORIZON_DAYS {
            let early = counted_from(day).duration_since(now);
            if !early.is_positive() {
                break;
            }
            day = day.saturating_sub((early.as_hours() / 48).max(1).days());
        }
        at.min(self.at_local(tomorrow(day), Time::midnight()))
    }

    /// The first working day from `day` on; `day` itself if there is none in sight.
    fn working_day_from(&self, day: Date) -> Date {
        std::iter::successors(Some(day), |day| day.tomorrow().ok())
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
        if !self.holidays.any_public(first, day) {
            return false;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(zone: &str, work: &str, ads: &str, holidays: &[&str]) -> Calendar {
        let holidays: Vec<String> = holidays.iter().map(|&word| word.to_owned()).collect();
        Calendar {
            zone: TimeZone::get(zone).unwrap(),
            work: Hours::parse(work).unwrap(),
            ads: Hours::parse(ads).unwrap(),
            holidays: Holidays::parse(&holidays).unwrap(),
            duty: Vec::new(),
        }
    }

    fn queenland() -> Calendar {
        calendar(
            "Asia/Ho_Chi_Minh",
            "Mon-Sat 08:00-18:00",
            "07:30-21:00",
            &["vn"],
        )
    }

    #[test]
    fn what_is_certain_of_a_span_is_what_counting_says() {
        let weekdays = calendar(
            "Europe/Berlin",
            "Mon-Fri 09:00-17:00",
            "07:30-21:00",
            &["vn"],
        );
        let hour = jiff::SignedDuration::from_hours(1);
        for calendar in [queenland(), weekdays] {
            for (now, span) in [
                ("2026-11-24T10:00", "3d"),
                ("2026-03-30T00:30", "2d12h"),
                ("2026-02-23T08:00", "5d"),
                ("2026-10-26T23:59", "36h"),
                ("2026-06-01T12:00", "45m"),
                ("2026-06-01T12:00", "60d"),
                ("2026-06-01T12:00", "0s"),
            ] {
                let (now, span) = (at(&calendar, now), Span::parse(span).unwrap());
                let (before, after) = (
                    calendar.passed_before(now, span),
                    calendar.not_passed_after(now, span),
                );
                let mut hours = 0;
                let mut start = now - hour * (24 * 200);
                while start < now + hour * 48 {
                    let passed = calendar.add_working(start, span) <= now;
                    assert!(passed || start >= before, "{start} {span} {now}");
                    assert!(!passed || start <= after, "{start} {span} {now}");
                    let unsure = start >= before && start <= after;
                    hours += i64::from(unsure);
                    let near = start > before - hour * 48 && start < after + hour * 48;
                    start += hour * if near { 1 } else { 11 };
                }
                assert!(hours < 24 * 14, "{hours} hours of {span} at {now}");
            }
        }
    }

    fn at(calendar: &Calendar, wall: &str) -> Timestamp {
        let wall: jiff::civil::DateTime = wall.parse().unwrap();
        calendar.at_local(wall.date(), wall.time())
    }

    fn shown(calendar: &Calendar, at: Timestamp) -> String {
        at.to_zoned(calendar.zone.clone())
            .strftime("%a %d/%m %H:%M")
            .to_string()
    }

    #[track_caller]
    fn check_work(calendar: &Calendar, wall: &str, expected: &str) {
        let from = at(calendar, wall);
        let open = calendar.next_work(from);
        assert_eq!(shown(calendar, open), expected, "{wall}");
        assert_eq!(calendar.is_work(from), open == from);
        assert!(calendar.is_work(open), "{wall}");
    }

    #[test]
    fn work_begins_again_on_the_next_working_day() {
        let queenland = queenland();
        check_work(&queenland, "2026-11-21T07:00", "Sat 21/11 08:00");
        check_work(&queenland, "2026-11-21T08:00", "Sat 21/11 08:00");
        check_work(&queenland, "2026-11-21T17:59", "Sat 21/11 17:59");
        check_work(&queenland, "2026-11-21T18:00", "Mon 23/11 08:00");
        // Over Tết: 16 to 20 February are off, 21 is a Saturday.
        check_work(&queenland, "2026-02-14T19:00", "Sat 21/02 08:00");
        let noon = calendar(
            "Asia/Ho_Chi_Minh",
            "Mon-Fri 08:00-12:00,13:30-17:30",
            "07:30-21:00",
            &[],
        );
        check_work(&noon, "2026-11-20T12:00", "Fri 20/11 13:30");
        check_work(&noon, "2026-11-20T17:30", "Mon 23/11 08:00");
        let always = calendar("Asia/Ho_Chi_Minh", "00:00-24:00", "00:00-24:00", &[]);
        check_work(&always, "2026-11-22T23:59", "Sun 22/11 23:59");
        check_work(&always, "2026-11-22T00:00", "Sun 22/11 00:00");
    }

    #[test]
    fn a_holiday_on_a_day_of_rest_is_made_up_for() {
        let queenland = queenland();
        let works = |day: &str| queenland.is_working_day(day.parse().unwrap());
        // Giỗ Tổ 2026 is a Sunday: Monday 27 April is off instead (Labour Code 2019 Art. 111(3)).
        assert!(works("2026-04-25") && !works("2026-04-26"));
        assert!(!works("2026-04-27") && works("2026-04-28"));
        // Tết 2027 is 5 to 9 February with Sunday 7: the 10th is off.
        assert!(works("2027-02-04") && !works("2027-02-05") && !works("2027-02-10"));
        assert!(works("2027-02-11"));
        // With Saturdays off two days are owed.
        let five = calendar(
            "Asia/Ho_Chi_Minh",
            "Mon-Fri 08:00-17:00",
            "07:30-21:00",
            &["vn"],
        );
        let works = |day: &str| five.is_working_day(day.parse().unwrap());
        assert!(!works("2027-02-10") && !works("2027-02-11") && works("2027-02-12"));
        // A day the company gives by itself is not made up for.
        let own = calendar(
            "Asia/Ho_Chi_Minh",
            "Mon-Sat 08:00-17:00",
            "07:30-21:00",
            &["2026-11-22"],
        );
        assert!(own.is_working_day("2026-11-23".parse().unwrap()));
    }

    #[test]
    fn customers_are_written_to_on_sundays_and_holidays_unless_days_are_named() {
        let queenland = queenland();
        let next = |calendar: &Calendar, wall: &str| {
            shown(calendar, calendar.next_ads(at(calendar, wall)))
        };
        assert_eq!(next(&queenland, "2026-11-22T10:00"), "Sun 22/11 10:00");
        assert_eq!(next(&queenland, "2026-11-22T21:00"), "Mon 23/11 07:30");
        assert_eq!(next(&queenland, "2026-02-17T06:00"), "Tue 17/02 07:30");
        let named = calendar(
            "Asia/Ho_Chi_Minh",
            "08:00-18:00",
            "Mon-Sat 07:30-21:00",
            &["vn"],
        );
        assert_eq!(next(&named, "2026-11-22T10:00"), "Mon 23/11 07:30");
        assert_eq!(next(&named, "2026-02-17T10:00"), "Sat 21/02 07:30");
        let fixed = named.next_ads_any_day(at(&named, "2026-02-17T10:00"));
        assert_eq!(shown(&named, fixed), "Tue 17/02 10:00");
        let fixed = named.next_ads_any_day(at(&named, "2026-02-17T22:00"));
        assert_eq!(shown(&named, fixed), "Wed 18/02 07:30");
    }

    #[test]
    fn days_count_as_working_days_at_the_same_time() {
        let queenland = queenland();
        let add = |wall: &str, span: &str| {
            let end = queenland.add_working(at(&queenland, wall), Span::parse(span).unwrap());
            shown(&queenland, end)
        };
        // 18 November 2026 is a Wednesday.
        assert_eq!(add("2026-11-18T15:00", "3d"), "Sat 21/11 15:00");
        assert_eq!(add("2026-11-19T15:00", "3d"), "Mon 23/11 15:00");
        // The round of SEMANTICS 17: working days 3, 5 and 7, and the escalation on 9.
        let round = ["3d", "5d", "7d", "9d"].map(|span| add("2026-11-16T09:00", span));
        assert_eq!(
            round,
            [
                "Thu 19/11 09:00",
                "Sat 21/11 09:00",
                "Tue 24/11 09:00",
                "Thu 26/11 09:00"
            ]
        );
        // From a Sunday, the first working day is Monday.
        assert_eq!(add("2026-11-22T10:00", "1d"), "Mon 23/11 10:00");
        // It pauses over holidays: Saturday 14 February, then 21 and 23.
        assert_eq!(add("2026-02-13T10:00", "3d"), "Mon 23/02 10:00");
        // The rest counts plainly and is moved out of a day of rest.
        assert_eq!(add("2026-11-18T15:00", "1d12h"), "Fri 20/11 03:00");
        assert_eq!(add("2026-11-21T20:00", "6h"), "Mon 23/11 02:00");
        assert_eq!(add("2026-11-21T20:00", "15m"), "Sat 21/11 20:15");
        assert_eq!(add("2026-11-22T10:00", "0s"), "Mon 23/11 10:00");
    }

    #[test]
    fn the_same_time_of_day_holds_over_a_change_of_the_clock() {
        let berlin = calendar("Europe/Berlin", "08:00-18:00", "07:30-21:00", &[]);
        let start = at(&berlin, "2027-03-27T10:00");
        let end = berlin.add_working(start, Span::days(1));
        assert_eq!(shown(&berlin, end), "Sun 28/03 10:00");
        assert_eq!(end.duration_since(start).as_hours(), 23);
        // 02:30 is not there on that day; the first valid instant is 03:00.
        let end = berlin.add_working(at(&berlin, "2027-03-27T02:30"), Span::days(1));
        assert_eq!(shown(&berlin, end), "Sun 28/03 03:00");
    }

    #[test]
    fn hours_over_a_change_of_the_clock_open_and_close_once() {
        let berlin = calendar("Europe/Berlin", "02:15-02:45", "02:15-02:45", &[]);
        // In the gap there is no such window on that day.
        let open = berlin.next_work(at(&berlin, "2027-03-28T00:00"));
        assert_eq!(shown(&berlin, open), "Mon 29/03 02:15");
        // In the overlap it is the first of the two; the second 02:20 is closed.
        let second: Timestamp = "2027-10-31T01:20:00Z".parse().unwrap();
        assert_eq!(shown(&berlin, second), "Sun 31/10 02:20");
        assert_eq!(shown(&berlin, berlin.next_work(second)), "Mon 01/11 02:15");
        let first: Timestamp = "2027-10-31T00:20:00Z".parse().unwrap();
        assert!(berlin.is_work(first));
    }

    #[test]
    fn a_company_that_never_opens_waits_and_does_not_hang() {
        let holidays: Vec<String> = (2026..2029)
            .map(|year| format!("{year}-01-01..{year}-12-31"))
            .collect();
        let holidays: Vec<&str> = holidays.iter().map(String::as_str).collect();
        let closed = calendar(
            "Asia/Ho_Chi_Minh",
            "Mon 08:00-18:00",
            "07:30-21:00",
            &holidays,
        );
        let from = at(&closed, "2026-11-21T09:00");
        assert_eq!(
            closed.next_work(from).duration_since(from).as_hours(),
            400 * 24
        );
        assert!(closed.add_working(from, Span::days(3)) >= from);
    }
}
