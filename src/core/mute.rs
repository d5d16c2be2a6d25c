//! Until when somebody's notices rest, by their own words.

use jiff::ToSpan as _;
use jiff::civil::{DateTime, Time};

use super::sheet::date::{Spoken, spoken};
use super::sheet::fold::fold;

/// The longest rest in days: who is away for longer hands over, or is taken out of the staff list.
pub const LONGEST_DAYS: i32 = 30;

/// Why there is no rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRest {
    /// The words name no time to come.
    Unread,
    /// Longer than [`LONGEST_DAYS`].
    TooLong,
}

/// Until when: `2h`, `2 giờ`, `hôm nay`, `tuần này`, `28/11`, `thứ 6`, `chiều mai 3h`; a day is meant whole.
///
/// # Errors
/// See [`NoRest`].
pub fn rest_until(words: &str, now: DateTime) -> Result<DateTime, NoRest> {
    let folded = fold(words);
    let folded = folded.trim_start_matches("den ").trim_start_matches("het ");
    let until = match folded {
        "hom nay" | "ngay hom nay" | "today" => end_of(now, 0),
        "tuan nay" | "this week" => end_of(
            now,
            7 - i32::from(now.date().weekday().to_monday_one_offset()),
        ),
        other => match hours(other) {
            Some(hours) => now.checked_add(hours.hours()).ok(),
            None => spoken(words, now).and_then(|Spoken { at, timed }| match timed {
                true => Some(at),
                false => end_of(at, 0),
            }),
        },
    };
    let until = until.filter(|until| *until > now).ok_or(NoRest::Unread)?;
    let longest = now.checked_add(LONGEST_DAYS.days()).unwrap_or(now);
    match until.date() > longest.date().saturating_add(1.day()) {
        true => Err(NoRest::TooLong),
        false => Ok(until),
    }
}

/// The midnight at which a day ends, so many days later.
fn end_of(day: DateTime, later: i32) -> Option<DateTime> {
    let next = day.date().checked_add((later + 1).days()).ok()?;
    Some(next.to_datetime(Time::midnight()))
}

/// `2h`, `2 gio`, `2 tieng nua`: at most a day.
fn hours(folded: &str) -> Option<i64> {
    let end = folded.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = folded.split_at(end);
    let unit = unit.trim().trim_end_matches(" nua");
    let number: i64 = number.parse().ok()?;
    let known = matches!(unit, "h" | "g" | "gio" | "tieng" | "hour" | "hours");
    (known && (1..=24).contains(&number)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_is_as_long_as_people_say() {
        // A Sunday.
        let now: DateTime = "2026-11-22T10:00:00".parse().unwrap();
        for (words, until) in [
            ("2h", "2026-11-22T12:00:00"),
            ("2 giờ", "2026-11-22T12:00:00"),
            ("3 tiếng nữa", "2026-11-22T13:00:00"),
            ("hôm nay", "2026-11-23T00:00:00"),
            ("hết hôm nay", "2026-11-23T00:00:00"),
            ("tuần này", "2026-11-23T00:00:00"),
            ("28/11", "2026-11-29T00:00:00"),
            ("đến 28/11", "2026-11-29T00:00:00"),
            ("mai", "2026-11-24T00:00:00"),
            ("15h mai", "2026-11-23T15:00:00"),
        ] {
            assert_eq!(
                rest_until(words, now),
                Ok(until.parse().unwrap()),
                "{words}"
            );
        }
        for words in ["", "lát nữa thôi", "hôm qua"] {
            assert_eq!(rest_until(words, now), Err(NoRest::Unread), "{words}");
        }
        assert_eq!(rest_until("15/3/2027", now), Err(NoRest::TooLong));
        let monday: DateTime = "2026-11-23T10:00:00".parse().unwrap();
        assert_eq!(
            rest_until("tuần này", monday),
            Ok("2026-11-30T00:00:00".parse().unwrap())
        );
    }
}
