//! The time of day in a date cell.

use jiff::civil;

use super::tokens::{Kind, Token};

/// The time that a cell names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// No time.
    None,
    /// A time, to the second.
    At(civil::Time),
    /// Morning or afternoon, or two times.
    Ambiguous,
    /// Written as a time, and there is none such.
    Impossible,
}

/// A part of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Morning,
    Noon,
    Afternoon,
    Evening,
    Night,
    Am,
    Pm,
}

/// A time as written, before the part of the day is known.
pub(super) struct Written {
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    /// `3h`, `3 giờ`, as spoken: without a leading zero or a part of the day, small hours are unclear.
    pub(super) spoken: bool,
}

/// Takes the time out of the tokens, with its part of the day and the words round it.
pub(super) fn take(tokens: &mut Vec<Token>) -> Clock {
    let mut times: Vec<Written> = Vec::new();
    let mut part = None;
    let mut at = 0;
    while at < tokens.len() {
        let Some((written, length)) = time(&tokens[at..]) else {
            at += 1;
            continue;
        };
        times.push(written);
        tokens.drain(at..at + length);
        if let Some((named, length)) = tokens.get(at..).and_then(|rest| part_of_day(rest, true)) {
            part = Some(named);
            tokens.drain(at..at + length);
        }
    }
    let mut index = 0;
    while index < tokens.len() && !times.is_empty() {
        match part_of_day(&tokens[index..], false) {
            Some((named, length)) => {
                part.get_or_insert(named);
                tokens.drain(index..index + length);
            }
            None if tokens[index].is_word(&["lúc", "luc", "vào", "at"]) => {
                tokens.remove(index);
            }
            None => index += 1,
        }
    }
    match times.as_slice() {
        [] => Clock::None,
        [one] => settle(one, part),
        _ => Clock::Ambiguous,
    }
}

/// Whether a time is only hinted at, without any figure: `chiều`, `buổi sáng`.
pub(super) fn vague(text: &str) -> bool {
    let figures = text.chars().any(|c| c.is_ascii_digit());
    !figures
        && text
            .split_whitespace()
            .any(|w| matches!(w, "sáng" | "chiều" | "tối" | "trưa" | "đêm"))
}

/// `14:30`, `14:30:15`, `14h`, `14h30`, `15 giờ 30 phút`, `9 giờ rưỡi`, `9am`.
pub(super) fn time(tokens: &[Token]) -> Option<(Written, usize)> {
    let hour = tokens.first()?.number(2)?;
    let zero = matches!(&tokens[0].kind, Kind::Number(digits) if digits.starts_with('0'));
    let second = tokens.get(1)?;
    if second.is_sign(':') {
        let minute = tokens.get(2)?.number(2)?;
        let mut length = 3;
        let mut seconds = 0;
        if tokens.get(3).is_some_and(|t| t.is_sign(':')) {
            seconds = tokens.get(4)?.number(2)?;
            length = 5;
            // Fractions of a second are of no use to anyone.
            if tokens.get(5).is_some_and(|t| t.is_sign('.') && t.glued)
                && tokens.get(6).is_some_and(|t| t.number(9).is_some())
            {
                length = 7;
            }
        }
        return Some((
            Written {
                hour,
                minute,
                second: seconds,
                spoken: false,
            },
            length,
        ));
    }
    if second.is_word(&["h", "g", "giờ", "gio"]) {
        let (minute, more) = minutes(&tokens[2..]);
        return Some((
            Written {
                hour,
                minute,
                second: 0,
                spoken: !zero,
            },
            2 + more,
        ));
    }
    if second.is_word(&["am", "pm"]) || (second.is_word(&["sa", "ch"]) && hour <= 12) {
        return Some((
            Written {
                hour,
                minute: 0,
                second: 0,
                spoken: true,
            },
            1,
        ));
    }
    None
}

/// The minutes behind `h`: `30`, `30 phút`, `30p`, `rưỡi`; the next figure may be a day already.
fn minutes(tokens: &[Token]) -> (i64, usize) {
    let Some(first) = tokens.first() else {
        return (0, 0);
    };
    if first.is_word(&["rưỡi", "rưởi", "ruoi"]) {
        return (30, 1);
    }
    let Some(minute) = first.number(2) else {
        return (0, 0);
    };
    let unit = tokens
        .get(1)
        .is_some_and(|t| t.is_word(&["phút", "phut", "p", "ph", "m", "'"]));
    if unit {
        return (minute, 2);
    }
    let two_digits = matches!(&first.kind, Kind::Number(digits) if digits.len() == 2);
    let day = tokens
        .get(1)
        .is_some_and(|t| t.joins_figures() || t.is_word(&["tháng", "thang", "thg", "th"]));
    if first.glued || (two_digits && !day) {
        (minute, 1)
    } else {
        (0, 0)
    }
}

/// A part of the day; `beside_time`: directly behind a time, where `CH` and `SA` stand.
pub(super) fn part_of_day(tokens: &[Token], beside_time: bool) -> Option<(Part, usize)> {
    let mut at = 0;
    if tokens.first()?.is_word(&["buổi", "buoi"]) {
        at = 1;
    }
    let Kind::Word(word) = &tokens.get(at)?.kind else {
        return None;
    };
    let part = match word.as_str() {
        "sáng" | "sang" => Part::Morning,
        "trưa" | "trua" => Part::Noon,
        "chiều" | "chieu" => Part::Afternoon,
        "tối" | "toi" => Part::Evening,
        "đêm" | "dem" | "khuya" => Part::Night,
        "am" => Part::Am,
        "pm" => Part::Pm,
        "sa" if beside_time => Part::Am,
        "ch" if beside_time => Part::Pm,
        _ => return None,
    };
    Some((part, at + 1))
}

pub(super) fn settle(written: &Written, part: Option<Part>) -> Clock {
    let hour = match (part, written.hour) {
        (None, hour) if written.spoken && (1..=7).contains(&hour) => return Clock::Ambiguous,
        (None, hour) => hour,
        (Some(Part::Am), 12) => 0,
        (Some(Part::Am | Part::Morning), hour) if hour < 12 => hour,
        (Some(Part::Pm), hour) if hour < 12 => hour + 12,
        (Some(Part::Pm), hour) => hour,
        (Some(Part::Noon), hour @ 10..=14) => hour,
        (Some(Part::Noon), hour @ 1..=2) => hour + 12,
        (Some(Part::Afternoon), hour @ 1..=6) => hour + 12,
        (Some(Part::Afternoon), hour @ 12..=18) => hour,
        (Some(Part::Evening), hour @ 5..=11) => hour + 12,
        (Some(Part::Evening), hour @ 17..=23) => hour,
        (Some(Part::Night), hour @ 9..=11) => hour + 12,
        (Some(Part::Night), hour @ (0..=4 | 21..=23)) => hour,
        (Some(Part::Night), 12) => return Clock::Ambiguous,
        // "15h sáng", "9h chiều": the two contradict each other.
        (Some(_), hour) if hour < 24 => return Clock::Ambiguous,
        (Some(_), hour) => hour,
    };
    let small = |n: i64| i8::try_from(n).ok();
    let time = small(hour)
        .zip(small(written.minute))
        .zip(small(written.second))
        .and_then(|((hour, minute), second)| civil::Time::new(hour, minute, second, 0).ok());
    time.map_or(Clock::Impossible, Clock::At)
}
