//! Dates with or without a time of day: sheet serials, and the ways people write them.
//!
//! A serial is wall time in the workbook's zone (SEMANTICS 5). What is relative to an unknown day,
//! lunar, a period, or without a year is flagged and never guessed.

mod clock;
mod spoken;
mod tokens;

use std::fmt;

use jiff::ToSpan;
use jiff::civil::{self, Weekday};
use jiff::tz::{Offset, TimeZone};
use serde::{Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;

use self::tokens::{Kind, Token, tokens};
use super::fold::{self, invisible};
use super::{Cell, Reading, trivial};

pub use self::spoken::{Spoken, spoken};

/// A day, with a time if the cell has one, as wall time in the workbook's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct When {
    /// The day.
    pub date: civil::Date,
    /// The time of day, to the second.
    pub time: Option<civil::Time>,
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.time {
            None => write!(f, "{}", self.date),
            Some(time) => write!(
                f,
                "{}T{:02}:{:02}:{:02}",
                self.date,
                time.hour(),
                time.minute(),
                time.second()
            ),
        }
    }
}

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The years that a customer list can mean; anything else is a slip of the keyboard.
const YEARS: std::ops::RangeInclusive<i64> = 1900..=2199;

/// The date in a cell. `locale` is the workbook's (`vi_VN`, `en_US`): it settles the order of day
/// and month in figures. `zone` is where a time with an offset or `Z` is converted to.
pub fn read(cell: &Cell, locale: &str, zone: &TimeZone) -> Reading<When> {
    if let Some(reading) = trivial(cell) {
        return reading;
    }
    match cell {
        Cell::Number(number) => read_number(*number, locale),
        Cell::Text(text) => read_text(text, locale, zone),
        Cell::Empty | Cell::Bool(_) => Reading::bad("a tick box is no date"),
    }
}

fn read_number(number: f64, locale: &str) -> Reading<When> {
    if number.fract() == 0.0 && (1900.0..=2100.0).contains(&number) {
        return Reading::ambiguous("a year only, or a day in 1905");
    }
    // 20261125 typed into an automatic cell stays a number, 05112026 loses its zero.
    if number.fract() == 0.0 && (1_011_900.0..=31_122_199.0).contains(&number) {
        let digits = format!("{:0>8}", super::decimal(number));
        let found = match year_first(&digits) {
            Some(date) => Found::Date(date),
            None => three_figures(&digits[..2], &digits[2..4], &digits[4..], locale),
        };
        return match found {
            Found::Date(date) => Reading::Value(When { date, time: None }),
            Found::Ambiguous(why) => Reading::ambiguous(why),
            Found::Impossible => Reading::bad("this number is no date"),
        };
    }
    from_serial(number).map_or_else(|| Reading::bad("this number is no date"), Reading::Value)
}

/// A sheet serial: days since 1899-12-30, the fraction is the time of day, rounded to the second.
/// Midnight is a date only. `None` before 1900 and after 2199.
pub fn from_serial(serial: f64) -> Option<When> {
    const SECONDS: f64 = 86_400.0;
    if !(2.0..=110_000.0).contains(&serial) {
        return None;
    }
    // Both are small and whole here: 110 000 days are 9.5 × 10⁹ seconds.
    #[allow(clippy::cast_possible_truncation)]
    let seconds = (serial * SECONDS).round() as i64;
    let date = civil::date(1899, 12, 30)
        .checked_add((seconds / 86_400).days())
        .ok()?;
    if !YEARS.contains(&i64::from(date.year())) {
        return None;
    }
    let time = civil::Time::midnight()
        .checked_add((seconds % 86_400).seconds())
        .ok()?;
    Some(When {
        date,
        time: (time != civil::Time::midnight()).then_some(time),
    })
}

/// Eight digits, year first, or else day first: `20261125`, `25112026`.
fn compact(digits: &str) -> Option<civil::Date> {
    if digits.len() != 8 {
        return None;
    }
    let number = |range: std::ops::Range<usize>| digits[range].parse::<i64>().ok();
    year_first(digits).or_else(|| date_of(number(4..8)?, number(2..4)?, number(0..2)?))
}

/// `20261125`
fn year_first(digits: &str) -> Option<civil::Date> {
    let number = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i64>().ok();
    date_of(number(0..4)?, number(4..6)?, number(6..8)?)
}

/// A day that exists, in [`YEARS`].
fn date_of(year: i64, month: i64, day: i64) -> Option<civil::Date> {
    if !YEARS.contains(&year) {
        return None;
    }
    civil::Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
    )
    .ok()
}

fn read_text(text: &str, locale: &str, zone: &TimeZone) -> Reading<When> {
    let plain: String = text
        .nfkc()
        .filter(|c| !invisible(*c))
        .collect::<String>()
        .to_lowercase();
    let plain = fold::clean(&plain);
    if let Some(when) = with_offset(&plain, zone) {
        return Reading::Value(when);
    }
    let plain = if iso_prefix(&plain) {
        plain.replacen('t', " ", 1)
    } else {
        plain
    };
    if tokens::lunar(&plain) {
        return Reading::ambiguous("a lunar date");
    }
    let mut tokens = tokens(&tokens::without_remarks(&plain));
    // Also one in brackets can contradict the date.
    let in_remark = tokens::take_weekday(&mut tokens::tokens(&plain));
    let weekday = tokens::take_weekday(&mut tokens).or(in_remark);
    let clock = clock::take(&mut tokens);
    let dates = take_dates(&mut tokens, locale);
    let date = match dates.as_slice() {
        [] => return without_date(&plain, &tokens, weekday.is_some(), &clock),
        [Found::Date(date)] => *date,
        [Found::Ambiguous(why)] => return Reading::ambiguous(*why),
        [Found::Impossible] => return Reading::bad("no such day"),
        _ => return Reading::ambiguous("more than one date"),
    };
    if tokens::loose_number(&tokens) || tokens::period(&tokens) {
        return Reading::ambiguous("a period, or more than one date");
    }
    if weekday.is_some_and(|day| day != date.weekday()) {
        return Reading::ambiguous("the weekday and the date disagree");
    }
    match clock {
        clock::Clock::None => Reading::Value(When { date, time: None }),
        clock::Clock::At(time) => Reading::Value(When {
            date,
            time: Some(time),
        }),
        clock::Clock::Ambiguous => {
            Reading::ambiguous("the time of day could be in the morning or later")
        }
        clock::Clock::Impossible => Reading::bad("no such time of day"),
    }
}

/// What to say of a text without a whole date.
fn without_date(
    plain: &str,
    tokens: &[Token],
    weekday: bool,
    clock: &clock::Clock,
) -> Reading<When> {
    if weekday || tokens::relative(tokens) || clock::vague(plain) {
        return Reading::ambiguous("relative to a day that the cell does not tell");
    }
    match clock {
        clock::Clock::None => Reading::bad("no date"),
        _ => Reading::bad("a time of day without a date"),
    }
}

/// `2026-11-05T…`
fn iso_prefix(plain: &str) -> bool {
    let b = plain.as_bytes();
    b.len() > 11
        && b[4] == b'-'
        && b[7] == b'-'
        && b[10] == b't'
        && b[11].is_ascii_digit()
        && b[..4].iter().all(u8::is_ascii_digit)
}

/// An ISO date and time with an offset or `Z`, converted to wall time in the zone.
fn with_offset(plain: &str, zone: &TimeZone) -> Option<When> {
    let (head, rest) = plain.split_at_checked(10)?;
    let date: civil::Date = head.parse().ok()?;
    let rest = rest.trim_start_matches(['t', ' ']);
    let cut = rest.find(['z', '+', '-'])?;
    let (time, offset) = rest.split_at(cut);
    let time: civil::Time = time.trim().parse().ok()?;
    let seconds = match offset.strip_prefix('z') {
        Some("") => 0,
        Some(_) => return None,
        None => {
            let digits: String = offset[1..].chars().filter(|c| *c != ':').collect();
            if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            let hours: i32 = digits[..2].parse().ok()?;
            let minutes: i32 = digits
                .get(2..)
                .filter(|m| !m.is_empty())
                .map_or(Ok(0), str::parse)
                .ok()?;
            let sign = if offset.starts_with('-') { -1 } else { 1 };
            sign * (hours * 3600 + minutes * 60)
        }
    };
    let offset = Offset::from_seconds(seconds).ok()?;
    let local = offset
        .to_timestamp(date.to_datetime(time))
        .ok()?
        .to_zoned(zone.clone());
    let time = civil::Time::new(local.hour(), local.minute(), local.second(), 0).ok()?;
    Some(When {
        date: local.date(),
        time: Some(time),
    })
}

/// What stands in the place of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Date(civil::Date),
    Ambiguous(&'static str),
    /// Written as a date, and there is no such day.
    Impossible,
}

/// Takes every date, and every part of one, out of the tokens.
fn take_dates(tokens: &mut Vec<Token>, locale: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let taken = in_words(&tokens[at..])
            .or_else(|| in_english(&tokens[at..]))
            .or_else(|| in_figures(&tokens[at..], locale));
        let Some((length, what)) = taken else {
            at += 1;
            continue;
        };
        found.push(what);
        tokens.drain(at..at + length);
    }
    found
}

/// `ngày 3 tháng 4 năm 2026`, `3 thg 4, 2026`, `ngày 25/11/2026` (its figures), `tháng 5/2026`.
fn in_words(tokens: &[Token]) -> Option<(usize, Found)> {
    let mut at = 0;
    let day_word = tokens[0].is_word(&["ngày", "ngay", "mùng", "mồng", "mung", "mong"]);
    if day_word {
        at += 1;
    }
    let day = tokens.get(at).and_then(|t| t.number(2));
    if let Some(day) = day {
        at += 1;
        let Some((month, used)) = tokens::month(&tokens[at..]) else {
            let figures = tokens.get(at).is_some_and(Token::joins_figures);
            let lone = day_word
                && !figures
                && !tokens
                    .get(at)
                    .is_some_and(|t| matches!(t.kind, Kind::Number(_)));
            return lone.then_some((at, Found::Ambiguous("no month")));
        };
        at += used;
        let (year, used) = year_behind(&tokens[at..]);
        let what = match year {
            Year::None if day_exists(month, day) => Found::Ambiguous("no year"),
            Year::None | Year::Impossible => Found::Impossible,
            Year::Is(year) => date_of(year, month, day).map_or(Found::Impossible, Found::Date),
        };
        return Some((at + used, what));
    }
    let (_, used) = tokens::month(&tokens[at..])?;
    let (_, more) = year_behind(&tokens[at + used..]);
    Some((at + used + more, Found::Ambiguous("no day")))
}

enum Year {
    None,
    Is(i64),
    Impossible,
}

/// The year behind day and month: `, 2026`, `/2026`, `năm 2026`, `26`.
fn year_behind(tokens: &[Token]) -> (Year, usize) {
    let mut at = 0;
    while tokens
        .get(at)
        .is_some_and(|t| t.joins_figures() || t.is_sign(',') || t.is_word(&["năm", "nam", "of"]))
    {
        at += 1;
    }
    match tokens.get(at).map(|t| &t.kind) {
        Some(Kind::Number(digits)) if digits.len() != 1 => match year(digits) {
            Some(year) => (Year::Is(year), at + 1),
            None => (Year::Impossible, at + 1),
        },
        _ => (Year::None, 0),
    }
}

/// Four digits as they are, two by the rule of the sheet: 00–29 are 2000–2029, 30–99 are 1930–1999.
fn year(digits: &str) -> Option<i64> {
    let number: i64 = digits.parse().ok()?;
    match digits.len() {
        4 => Some(number).filter(|y| YEARS.contains(y)),
        2 => Some(if number < 30 {
            2000 + number
        } else {
            1900 + number
        }),
        _ => None,
    }
}

/// Whether the day can be in the month in some year.
fn day_exists(month: i64, day: i64) -> bool {
    date_of(2028, month, day).is_some()
}

/// `5 Nov 2026`, `Nov 5, 2026`, `November 5th`.
fn in_english(tokens: &[Token]) -> Option<(usize, Found)> {
    let ordinal = |at: usize| {
        usize::from(
            tokens
                .get(at)
                .is_some_and(|t| t.is_word(&["st", "nd", "rd", "th"])),
        )
    };
    let step = |at: usize| {
        usize::from(
            tokens
                .get(at)
                .is_some_and(|t| t.joins_figures() || t.is_word(&["of"])),
        )
    };
    let (day, month, at) = if let Some(day) = tokens[0].number(2) {
        let mut at = 1 + ordinal(1);
        at += step(at);
        (Some(day), tokens::english_month(tokens.get(at)?)?, at + 1)
    } else {
        let month = tokens::english_month(&tokens[0])?;
        let at = 1 + step(1);
        match tokens.get(at).and_then(|t| t.number(2)) {
            Some(day) => (Some(day), month, at + 1 + ordinal(at + 1)),
            None => (None, month, 1),
        }
    };
    let (year, used) = year_behind(&tokens[at..]);
    let what = match (day, year) {
        (None, _) => Found::Ambiguous("no day"),
        (Some(day), Year::None) if day_exists(month, day) => Found::Ambiguous("no year"),
        (Some(_), Year::None | Year::Impossible) => Found::Impossible,
        (Some(day), Year::Is(year)) => {
            date_of(year, month, day).map_or(Found::Impossible, Found::Date)
        }
    };
    Some((at + used, what))
}

/// Figures with `/`, `-`, `.` or spaces between, and eight digits in one.
fn in_figures(tokens: &[Token], locale: &str) -> Option<(usize, Found)> {
    let mut figures: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some(Kind::Number(digits)) = tokens.get(at).map(|t| &t.kind) {
        figures.push(digits);
        at += 1;
        let joined = tokens.get(at).is_some_and(Token::joins_figures)
            && tokens
                .get(at + 1)
                .is_some_and(|t| matches!(t.kind, Kind::Number(_)));
        let spelled =
            figures.len() == 2 && tokens.get(at).is_some_and(|t| t.is_word(&["năm", "nam"]));
        if joined || spelled {
            at += 1;
        } else if !(spaced(&tokens[at - 1..]) && figures.len() < 3) {
            break;
        }
    }
    let found = match figures.as_slice() {
        [] => return None,
        [one] => match year(one) {
            _ if compact(one).is_some() => match year_first(one) {
                Some(date) => Found::Date(date),
                None => three_figures(&one[..2], &one[2..4], &one[4..], locale),
            },
            Some(_) if one.len() == 4 => Found::Ambiguous("a year only"),
            _ => return None,
        },
        [a, b] => two_figures(a, b)?,
        [a, b, c] => three_figures(a, b, c, locale),
        _ => Found::Ambiguous("a period, or more than one date"),
    };
    Some((at, found))
}

/// `25 11 2026`: two figures with only a space between them.
fn spaced(tokens: &[Token]) -> bool {
    let [_, next, ..] = tokens else { return false };
    let short = |t: &Token| matches!(&t.kind, Kind::Number(d) if d.len() <= 2);
    match (&tokens[0].kind, &next.kind) {
        (Kind::Number(first), Kind::Number(second)) => {
            first.len() <= 2
                && (second.len() == 4
                    || (second.len() <= 2
                        && tokens
                            .get(2)
                            .is_some_and(|t| t.number(4).is_some() && !short(t))))
        }
        _ => false,
    }
}

fn two_figures(a: &str, b: &str) -> Option<Found> {
    let (first, second) = (a.parse().ok()?, b.parse().ok()?);
    if a.len() <= 2 && b.len() <= 2 {
        let exists = day_exists(second, first) || day_exists(first, second);
        return Some(if exists {
            Found::Ambiguous("no year")
        } else {
            Found::Impossible
        });
    }
    Some(if year(a).is_some() || year(b).is_some() {
        Found::Ambiguous("no day")
    } else {
        Found::Impossible
    })
}

fn three_figures(a: &str, b: &str, c: &str, locale: &str) -> Found {
    let parsed: Option<Vec<i64>> = [a, b, c].iter().map(|d| d.parse().ok()).collect();
    let Some(figures) = parsed else {
        return Found::Impossible;
    };
    if a.len() == 4 && b.len() <= 2 && c.len() <= 2 {
        return date_of(figures[0], figures[1], figures[2]).map_or(Found::Impossible, Found::Date);
    }
    let (Some(year), true, true) = (year(c), a.len() <= 2, b.len() <= 2) else {
        return Found::Impossible;
    };
    let day_first = date_of(year, figures[1], figures[0]);
    let month_first = date_of(year, figures[0], figures[1]);
    let american = locale.starts_with("en_US") || locale.starts_with("en-US");
    match (day_first, month_first) {
        (Some(day_first), Some(month_first)) if american && day_first != month_first => {
            Found::Ambiguous("day and month could be exchanged")
        }
        (Some(date), _) | (None, Some(date)) => Found::Date(date),
        (None, None) => Found::Impossible,
    }
}

/// The weekday by its Vietnamese number: 2 is Monday, 7 Saturday.
fn weekday_by_number(number: i64) -> Option<Weekday> {
    Weekday::from_monday_one_offset(i8::try_from(number - 1).ok()?)
        .ok()
        .filter(|_| (2..=7).contains(&number))
}

#[cfg(test)]
mod tests;
