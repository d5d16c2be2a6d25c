//! What waited for the hours to open comes as one list in the morning, each entry with a button that opens it; and
//! after a long holiday not all of it on the first day (SEMANTICS 16).

use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::flood::Notice;
use crate::core::calendar::Calendar;
use crate::core::message::{Message, Wanted};

/// From so many on it is a list; fewer come one by one.
pub(super) const LIST: usize = 3;

/// Its template.
pub(super) const NAME: &str = "morning";

/// Why a reminder comes a day or some later.
pub(super) const AFTER_HOLIDAY: &str = "the first days after a long holiday begin gently";

/// After so many days without work in a row a day begins gently.
const LONG_HOLIDAY: i32 = 4;

/// So many reminders, the most urgent ones, come on the first day.
const FIRST_DAY: usize = 10;

/// Over so many working days the others are spread.
const SPREAD: usize = 5;

/// Whether a message was kept until working hours began.
pub(super) fn waited(message: &Message, calendar: &Calendar) -> bool {
    let before = message.due.saturating_sub(SignedDuration::from_secs(1));
    !message.urgent
        && calendar.is_work(message.due)
        && before.is_ok_and(|before| !calendar.is_work(before))
}

/// Who has waited longest stands first; of idle reminders on the first day after a long holiday those beyond the tenth
/// come in the days after, each with its new time.
pub(super) fn gently(
    mut notices: Vec<Notice>,
    calendar: &Calendar,
    now: Timestamp,
) -> (Vec<Notice>, Vec<(Message, Timestamp)>) {
    notices.sort_by_key(|notice| (idle_since(&notice.message), notice.message.created));
    if !is_after_long_holiday(calendar, now) {
        return (notices, Vec::new());
    }
    let mornings = next_mornings(calendar, now);
    let (mut today, mut later) = (Vec::new(), Vec::new());
    let mut reminders = 0;
    for notice in notices {
        reminders += usize::from(idle_since(&notice.message).is_some());
        let waits = reminders > FIRST_DAY && idle_since(&notice.message).is_some();
        match mornings.get(later.len() % SPREAD).filter(|_| waits) {
            Some(morning) => later.push((notice.message, *morning)),
            None => today.push(notice),
        }
    }
    (today, later)
}

fn idle_since(message: &Message) -> Option<Timestamp> {
    match &message.wanted {
        Wanted::Idle { since, .. } => Some(*since),
        Wanted::Always
        | Wanted::Row
        | Wanted::Stage { .. }
        | Wanted::Date { .. }
        | Wanted::Untouched { .. } => None,
    }
}

fn is_after_long_holiday(calendar: &Calendar, now: Timestamp) -> bool {
    let today = calendar.date(now);
    let rest = |days: i32| {
        let day = today.saturating_sub(days.days());
        !calendar.is_working_day(day)
    };
    calendar.is_working_day(today) && (1..=LONG_HOLIDAY).all(rest)
}

/// The beginnings of the next working days.
fn next_mornings(calendar: &Calendar, now: Timestamp) -> Vec<Timestamp> {
    let mut day = calendar.date(now);
    let mut found: Vec<Timestamp> = Vec::new();
    while found.len() < SPREAD {
        day = day.saturating_add(1.day());
        let opening = calendar.next_work(calendar.at_local(day, jiff::civil::Time::midnight()));
        if found.last().is_some_and(|last| *last >= opening) {
            // A day of rest opens with the day after it; without any work there is no end to them.
            if day.duration_since(calendar.date(now)) > SignedDuration::from_hours(24 * 60) {
                break;
            }
            continue;
        }
        found.push(opening);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::calendar::{Holidays, Hours};

    #[test]
    fn the_first_day_after_tet_begins_gently_and_no_monday_does() {
        let calendar = Calendar {
            zone: jiff::tz::TimeZone::get("Asia/Ho_Chi_Minh").unwrap(),
            work: Hours::parse("Mon-Sat 08:00-18:00").unwrap(),
            ads: Hours::parse("07:30-21:00").unwrap(),
            holidays: Holidays::parse(&["vn".to_owned()]).unwrap(),
            duty: Vec::new(),
        };
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let gentle = |text| is_after_long_holiday(&calendar, at(text));
        assert!(!gentle("2026-11-23T01:00:00Z"), "a Monday");
        let mut day = at("2027-02-01T01:00:00Z");
        while calendar.is_working_day(calendar.date(day)) {
            day += SignedDuration::from_hours(24);
        }
        assert!(!gentle(&day.to_string()), "Tết itself");
        // The longest break of these weeks is Tết.
        let first = (0..30)
            .map(|days| day + SignedDuration::from_hours(24 * days))
            .find(|day| is_after_long_holiday(&calendar, *day));
        let first = first.expect("a first day");
        let mornings = next_mornings(&calendar, first);
        assert_eq!(mornings.len(), SPREAD);
        assert!(mornings.iter().all(|morning| calendar.is_work(*morning)));
        assert!(mornings.is_sorted() && mornings[0] > first);
    }
}
