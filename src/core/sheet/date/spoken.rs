//! A time as people say it to each other, from the moment in which they say it: `CN 9h xem nhà mẫu`,
//! `chiều mai 3h`, `30 phút nữa`, `thứ 5 tuần sau`, `15/12 lúc 14h`.
//!
//! A cell is read years later and by others, so [`super::read`] takes none of these. Here whoever wrote it is told
//! at once what was understood, and can say it better; what could mean anything is taken for no time at all.

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, Time, Weekday};
use unicode_normalization::UnicodeNormalization as _;

use super::clock::{self, Clock, Part, Written};
use super::tokens::{self, Kind, Token};

/// A time that somebody named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Wall time, always later than when it was said. Of a day alone it is the usual hour of the part of the day that
    /// was named (`chiều mai`: 14:00), or midnight at its beginning.
    pub at: DateTime,
    /// Whether a time of day was named, as a figure or as a part of the day.
    pub timed: bool,
}

/// Which day was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Day {
    /// So many days from today.
    In(i32),
    /// The next one of that name; with so many weeks after this one, if they are named.
    Week(Weekday, Option<i32>),
    /// A day and month, with or without a year.
    Month(i8, i8, Option<i16>),
    /// A day of this month, or of the next.
    Of(i8),
    /// That very day.
    Is(Date),
}

/// What was found so far.
#[derive(Default)]
struct Found {
    after: Option<jiff::Span>,
    clock: Option<Written>,
    part: Option<Part>,
    day: Option<Day>,
    /// Weeks after this one: `tuần sau` is 1.
    week: Option<i32>,
}

/// The first time that a text names, told at `now`. None if it names none, or one that is over.
pub fn spoken(text: &str, now: DateTime) -> Option<Spoken> {
    let plain: String = text.nfc().collect::<String>().to_lowercase();
    if tokens::lunar(&plain) {
        return None;
    }
    let tokens = tokens::tokens(&plain);
    let mut found = Found::default();
    let mut at = 0;
    while at < tokens.len() {
        at += found.take(&tokens, at, now).unwrap_or(1);
    }
    found.moment(now).filter(|spoken| {
        // A day alone is not over before its end.
        spoken.at > now || (!spoken.timed && spoken.at.date() >= now.date())
    })
}

impl Found {
    /// Takes what stands at a place; how many tokens that is.
    fn take(&mut self, tokens: &[Token], at: usize, now: DateTime) -> Option<usize> {
        let rest = &tokens[at..];
        if let Some((after, length)) = from_now(rest) {
            self.after.get_or_insert(after);
            return Some(length);
        }
        if let Some((written, length)) = range(rest).or_else(|| clock::time(rest)) {
            // Of two the first counts: `9h – 10h`.
            self.clock.get_or_insert(written);
            return Some(length);
        }
        if let Some((week, length)) = week(rest) {
            self.week.get_or_insert(week);
            if let Some((day, more)) = edge_of_week(tokens, at, length) {
                self.day.get_or_insert(Day::Week(day, Some(week)));
                return Some(more);
            }
            return Some(length);
        }
        if let Some((day, length)) = day(tokens, at, now.date()) {
            self.day.get_or_insert(day);
            return Some(length);
        }
        let (part, length) = part(tokens, at)?;
        self.part.get_or_insert(part);
        Some(length)
    }

    fn moment(self, now: DateTime) -> Option<Spoken> {
        if let Some(after) = self.after {
            let at = now.checked_add(after).ok()?;
            return Some(Spoken { at, timed: true });
        }
        let time = match (&self.clock, self.part) {
            (Some(written), part) => Some(hour(written, part)?),
            (None, Some(part)) => Some(usual(part)),
            (None, None) => None,
        };
        let named = match (self.day, self.week) {
            (Some(Day::Week(day, None)), week) => Some(Day::Week(day, week)),
            (None, Some(week)) if week > 0 => Some(Day::Week(Weekday::Monday, Some(week))),
            (day, _) => day,
        };
        // A part of the day alone is a way of speaking: `chị ấy hay đi chợ buổi sáng`.
        if named.is_none() && self.clock.is_none() {
            return None;
        }
        let passed = time.is_some_and(|time| time <= now.time());
        let today = now.date();
        let date = match named {
            // Without a day it is the next such time.
            None if passed => today.tomorrow().ok()?,
            None => today,
            Some(named) => named.date(today, passed)?,
        };
        Some(Spoken {
            at: date.to_datetime(time.unwrap_or(Time::midnight())),
            timed: time.is_some(),
        })
    }
}

impl Day {
    /// `passed`: the time of day that goes with it is over for today.
    fn date(self, today: Date, passed: bool) -> Option<Date> {
        match self {
            Self::In(days) => today.checked_add(days.days()).ok(),
            Self::Is(date) => Some(date),
            Self::Week(day, Some(weeks)) => {
                let monday =
                    today.checked_sub(i32::from(today.weekday().to_monday_zero_offset()).days());
                let offset = weeks * 7 + i32::from(day.to_monday_zero_offset());
                monday.ok()?.checked_add(offset.days()).ok()
            }
            Self::Week(day, None) if day == today.weekday() && !passed => Some(today),
            Self::Week(day, None) => today.nth_weekday(1, day).ok(),
            Self::Month(day, month, Some(year)) => Date::new(year, month, day).ok(),
            Self::Month(day, month, None) => {
                let this = Date::new(today.year(), month, day).ok();
                let next = Date::new(today.year() + 1, month, day).ok();
                // In November the 15th of October was, and the 15th of January will be.
                let soon = |date: &Date| *date >= today && *date < today.saturating_add(9.months());
                this.filter(soon).or(next.filter(soon))
            }
            Self::Of(day) => {
                let this = Date::new(today.year(), today.month(), day).ok();
                let first = today.first_of_month().checked_add(1.month()).ok()?;
                let next = Date::new(first.year(), first.month(), day).ok();
                this.filter(|date| *date > today || (*date == today && !passed))
                    .or(next)
            }
        }
    }
}

/// `30 phút nữa`, `2 tiếng nữa`, `1h nữa`, `nửa tiếng nữa`, `3 ngày nữa`, `in 2 hours`.
fn from_now(tokens: &[Token]) -> Option<(jiff::Span, usize)> {
    let english = tokens.first()?.is_word(&["in"]);
    let mut at = usize::from(english);
    let half = tokens.get(at)?.is_word(&["nửa", "nua", "half"]);
    let number = if half { 0 } else { tokens.get(at)?.number(3)? };
    at += 1;
    if half
        && tokens
            .get(at)
            .is_some_and(|token| token.is_word(&["an", "a"]))
    {
        at += 1;
    }
    let unit = tokens.get(at)?;
    at += 1;
    let thirty = tokens
        .get(at)
        .is_some_and(|token| token.is_word(&["rưỡi", "ruoi"]));
    at += usize::from(thirty);
    let span = if unit.is_word(&[
        "phút", "phut", "p", "ph", "minutes", "minute", "min", "mins",
    ]) && !half
    {
        number.minutes()
    } else if unit.is_word(&["tiếng", "tieng", "giờ", "gio", "h", "hour", "hours"]) {
        let extra = if half || thirty { 30 } else { 0 };
        (number * 60 + extra).minutes()
    } else if unit.is_word(&["ngày", "ngay", "hôm", "hom", "day", "days"]) && !half {
        (number * 24).hours()
    } else if unit.is_word(&["tuần", "tuan", "week", "weeks"]) && !half {
        (number * 7 * 24).hours()
    } else {
        return None;
    };
    let more = tokens
        .get(at)
        .is_some_and(|token| token.is_word(&["nữa", "nua"]));
    (english || more).then_some((span, at + usize::from(more)))
}

/// `9-10h`: the hour in which it begins.
fn range(tokens: &[Token]) -> Option<(Written, usize)> {
    let first = tokens.first()?.number(2)?;
    if !tokens.get(1)?.is_sign('-') && !tokens.get(1)?.is_sign('–') {
        return None;
    }
    let (until, length) = clock::time(tokens.get(2..)?)?;
    let written = Written {
        hour: first,
        minute: 0,
        second: 0,
        ..until
    };
    Some((written, 2 + length))
}

/// `tuần này`, `tuần sau`, `tuần tới`, `next week`; weeks after this one.
fn week(tokens: &[Token]) -> Option<(i32, usize)> {
    let (first, second) = (tokens.first()?, tokens.get(1)?);
    if first.is_word(&["tuần", "tuan"]) {
        return match second {
            token if token.is_word(&["này", "nay"]) => Some((0, 2)),
            token if token.is_word(&["sau", "tới", "toi"]) => Some((1, 2)),
            _ => None,
        };
    }
    let next = first.is_word(&["next"]) && second.is_word(&["week"]);
    next.then_some((1, 2))
}

/// `đầu tuần sau`, `cuối tuần này`: the word before.
fn edge_of_week(tokens: &[Token], at: usize, length: usize) -> Option<(Weekday, usize)> {
    let before = tokens.get(at.checked_sub(1)?)?;
    if before.is_word(&["đầu", "dau"]) {
        return Some((Weekday::Monday, length));
    }
    before
        .is_word(&["cuối", "cuoi"])
        .then_some((Weekday::Saturday, length))
}

/// A day in words or figures.
fn day(tokens: &[Token], at: usize, today: Date) -> Option<(Day, usize)> {
    let rest = &tokens[at..];
    let first = rest.first()?;
    let second = |words: &[&str]| rest.get(1).is_some_and(|token| token.is_word(words));
    if first.is_word(&["hôm", "hom", "bữa", "bua"]) {
        // `hôm qua` and `hôm kia` are over.
        return second(&["nay"]).then_some((Day::In(0), 2));
    }
    if first.is_word(&["ngày", "ngay"]) {
        if second(&["mai"]) {
            return Some((Day::In(1), 2));
        }
        if second(&["kia", "mốt", "mot"]) {
            return Some((Day::In(2), 2));
        }
        if let Some((day, length)) = in_figures(tokens, at + 1) {
            return Some((day, length + 1));
        }
        let number = rest.get(1)?.number(2)?;
        let day = i8::try_from(number)
            .ok()
            .filter(|day| (1..=31).contains(day))?;
        return Some((Day::Of(day), 2));
    }
    if first.is_word(&["nay"]) || (first.is_word(&["today", "tonight"])) {
        return Some((Day::In(0), 1));
    }
    if first.is_word(&["tomorrow", "tmr"]) {
        return Some((Day::In(1), 1));
    }
    if first.is_word(&["mai"]) && !is_a_name(tokens, at) {
        return Some((Day::In(1), 1));
    }
    if first.is_word(&["mốt"]) {
        return Some((Day::In(2), 1));
    }
    if let Some(found) = of_a_month(rest, today) {
        return Some(found);
    }
    if first.is_word(&["cuối", "cuoi"]) && second(&["tuần", "tuan"]) && week(&rest[1..]).is_none()
    {
        return Some((Day::Week(Weekday::Saturday, None), 2));
    }
    if first.is_word(&["đầu", "dau"]) && second(&["tuần", "tuan"]) && week(&rest[1..]).is_none()
    {
        return Some((Day::Week(Weekday::Monday, None), 2));
    }
    if let Some((weekday, length)) = tokens::weekday(rest) {
        // `t2/2027` would be a month.
        let next = rest
            .get(length)
            .is_some_and(|token| token.is_word(&["tới", "toi", "này"]));
        return Some((Day::Week(weekday, None), length + usize::from(next)));
    }
    in_figures(tokens, at)
}

/// `cuối tháng`, `đầu tháng sau`, `giữa tháng 12`.
fn of_a_month(tokens: &[Token], today: Date) -> Option<(Day, usize)> {
    let first = tokens.first()?;
    if !tokens.get(1)?.is_word(&["tháng", "thang"]) {
        return None;
    }
    let next = tokens
        .get(2)
        .is_some_and(|token| token.is_word(&["sau", "tới", "toi"]));
    let number = tokens.get(2).and_then(|token| token.number(2));
    let month = match number.and_then(|number| i8::try_from(number).ok()) {
        Some(month) => {
            let year = today.year() + i16::from(month < today.month());
            Date::new(year, month, 1).ok()?
        }
        None if next => today.first_of_month().checked_add(1.month()).ok()?,
        None => today.first_of_month(),
    };
    let length = 2 + usize::from(next || number.is_some());
    let of = |month: Date, first: &Token| -> Option<Date> {
        if first.is_word(&["đầu", "dau"]) {
            Some(month)
        } else if first.is_word(&["giữa", "giua"]) {
            Date::new(month.year(), month.month(), 15).ok()
        } else {
            first
                .is_word(&["cuối", "cuoi"])
                .then(|| month.last_of_month())
        }
    };
    let date = of(month, first)?;
    // `đầu tháng` said in its middle is that of the next.
    let date = match date < today && number.is_none() {
        true => of(month.checked_add(1.month()).ok()?, first)?,
        false => date,
    };
    Some((Day::Is(date), length))
}

/// `15/12`, `15-12-2026`, `15 tháng 12`.
fn in_figures(tokens: &[Token], at: usize) -> Option<(Day, usize)> {
    // A flat, a lot, a house number, a price.
    const NAMED: [&str; 15] = [
        "căn",
        "can",
        "lô",
        "lo",
        "hẻm",
        "hem",
        "số",
        "so",
        "tầng",
        "block",
        "tòa",
        "toà",
        "mã",
        "phòng",
        "đường",
    ];
    const COUNTED: [&str; 20] = [
        "tỷ", "tỉ", "ty", "ti", "triệu", "trieu", "tr", "nghìn", "k", "phòng", "pn", "căn",
        "người", "khách", "m", "tầng", "lô", "lần", "năm", "tuổi",
    ];
    if at > 0 && tokens[at - 1].is_word(&NAMED) {
        return None;
    }
    let rest = &tokens[at..];
    let day = rest.first()?.number(2)?;
    let (month, mut length) = match tokens::month(rest.get(1..)?) {
        Some((month, used)) => (month, 1 + used),
        None => {
            let joined = rest
                .get(1)
                .is_some_and(|token| token.is_sign('/') || token.is_sign('-'));
            (rest.get(2).filter(|_| joined)?.number(2)?, 3)
        }
    };
    let mut year = None;
    let joint =
        |token: &Token| token.is_sign('/') || token.is_sign('-') || token.is_word(&["năm", "nam"]);
    if rest.get(length).is_some_and(joint)
        && let Some(number) = rest
            .get(length + 1)
            .and_then(|token| token.number(4))
            .filter(|year| *year > 2000)
    {
        year = i16::try_from(number).ok();
        length += 2;
    }
    if rest
        .get(length)
        .is_some_and(|token| token.is_word(&COUNTED))
    {
        return None;
    }
    let (day, month) = (i8::try_from(day).ok()?, i8::try_from(month).ok()?);
    // In a leap year every day that there is exists.
    Date::new(2028, month, day).ok()?;
    Some((Day::Month(day, month, year), length))
}

/// `chị Mai`, `cô Mai`: not tomorrow.
fn is_a_name(tokens: &[Token], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).and_then(|before| tokens.get(before)) else {
        return false;
    };
    before.is_word(&[
        "chị", "chi", "cô", "co", "bà", "ba", "em", "bé", "bạn", "c", "ms", "mrs", "thị", "hoàng",
    ])
}

/// A part of the day. Without accents `toi`, `sang` and `dem` are other words as well, and count only beside a time or
/// a day.
fn part(tokens: &[Token], at: usize) -> Option<(Part, usize)> {
    let rest = &tokens[at..];
    let first = rest.first()?;
    let english = [
        (["morning", "mornings"], Part::Morning),
        (["afternoon", "noon"], Part::Afternoon),
        (["evening", "tonight"], Part::Evening),
    ];
    if let Some((_, part)) = english.iter().find(|(words, _)| first.is_word(words)) {
        return Some((*part, 1));
    }
    let (part, length) = clock::part_of_day(rest, false)?;
    let unsure = first.is_word(&["toi", "sang", "dem"]);
    let behind_time = at > 0
        && (tokens[at - 1].is_word(&["h", "giờ", "gio"])
            || matches!(tokens[at - 1].kind, Kind::Number(_)));
    let before_day = rest.get(length).is_some_and(|next| {
        next.is_word(&[
            "mai", "nay", "mốt", "mot", "cn", "thứ", "thu", "chủ", "chu", "ngày", "ngay", "t",
        ]) || matches!(next.kind, Kind::Number(_))
    });
    (!unsure || behind_time || before_day).then_some((part, length))
}

/// What is meant by an hour; small ones without a part of the day are in the afternoon.
fn hour(written: &Written, part: Option<Part>) -> Option<Time> {
    match clock::settle(written, part) {
        Clock::At(time) => Some(time),
        Clock::Ambiguous if part.is_none() => {
            let hour = written.hour + if written.hour < 7 { 12 } else { 0 };
            Time::new(
                i8::try_from(hour).ok()?,
                i8::try_from(written.minute).ok()?,
                0,
                0,
            )
            .ok()
        }
        Clock::Ambiguous | Clock::None | Clock::Impossible => None,
    }
}

/// When people mean to meet in a part of the day.
fn usual(part: Part) -> Time {
    match part {
        Part::Morning | Part::Am => Time::constant(9, 0, 0, 0),
        Part::Noon => Time::constant(12, 0, 0, 0),
        Part::Afternoon | Part::Pm => Time::constant(14, 0, 0, 0),
        Part::Evening => Time::constant(19, 0, 0, 0),
        Part::Night => Time::constant(21, 0, 0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sunday, 22 November 2026, 10:00.
    fn said(text: &str) -> Option<String> {
        let now: DateTime = "2026-11-22T10:00:00".parse().unwrap();
        spoken(text, now).map(|spoken| match spoken.timed {
            true => spoken.at.strftime("%F %H:%M").to_string(),
            false => spoken.at.strftime("%F").to_string(),
        })
    }

    #[test]
    fn times_are_understood_as_they_are_said() {
        for (text, at) in [
            ("hẹn CN 9h xem nhà mẫu", "2026-11-29 09:00"),
            ("CN 14h30 xem nhà mẫu", "2026-11-22 14:30"),
            ("hẹn chủ nhật tới 9 giờ", "2026-11-29 09:00"),
            ("thứ 7 này 3h chiều", "2026-11-28 15:00"),
            ("t7 15:00", "2026-11-28 15:00"),
            ("Thứ Bảy", "2026-11-28"),
            ("thu 5 tuan sau 9h", "2026-11-26 09:00"),
            ("thứ 5 tuần này", "2026-11-19"),
            ("mai 9h", "2026-11-23 09:00"),
            ("9h sáng mai gọi lại", "2026-11-23 09:00"),
            ("sang mai 9h", "2026-11-23 09:00"),
            ("chiều mai 3h", "2026-11-23 15:00"),
            ("chiều mai", "2026-11-23 14:00"),
            ("tối nay 8h", "2026-11-22 20:00"),
            ("toi nay goi lai", "2026-11-22 19:00"),
            ("ngày kia 10h", "2026-11-24 10:00"),
            ("mốt 10 giờ rưỡi", "2026-11-24 10:30"),
            ("hôm nay 16h", "2026-11-22 16:00"),
            ("15h", "2026-11-22 15:00"),
            ("3h gọi lại", "2026-11-22 15:00"),
            ("9h gọi lại", "2026-11-23 09:00"),
            ("9-10h mai", "2026-11-23 09:00"),
            ("mai 9h - 10h", "2026-11-23 09:00"),
            ("30 phút nữa", "2026-11-22 10:30"),
            ("2 tiếng nữa gọi lại", "2026-11-22 12:00"),
            ("nửa tiếng nữa", "2026-11-22 10:30"),
            ("1 tiếng rưỡi nữa", "2026-11-22 11:30"),
            ("3 ngày nữa", "2026-11-25 10:00"),
            ("15/12 lúc 14h", "2026-12-15 14:00"),
            ("ngày 15/12/2026", "2026-12-15"),
            ("15 tháng 1", "2027-01-15"),
            ("ngày 30", "2026-11-30"),
            ("ngày 5 9h", "2026-12-05 09:00"),
            ("tuần sau", "2026-11-23"),
            ("đầu tuần sau", "2026-11-23"),
            ("cuối tuần", "2026-11-28"),
            ("cuối tháng", "2026-11-30"),
            ("đầu tháng sau", "2026-12-01"),
            ("giữa tháng 12", "2026-12-15"),
            ("chị Mai hẹn thứ 3 10h", "2026-11-24 10:00"),
            ("tomorrow 9am", "2026-11-23 09:00"),
            ("sat 3pm", "2026-11-28 15:00"),
            ("in 2 hours", "2026-11-22 12:00"),
        ] {
            // A day that is over is none.
            let at = Some(at).filter(|at| *at >= "2026-11-22").map(str::to_owned);
            assert_eq!(said(text), at, "{text}");
        }
    }

    #[test]
    fn what_names_no_time_is_no_time() {
        for text in [
            "",
            "khách không nghe máy",
            "chị Mai thích căn 12/3",
            "ngân sách 3-4 tỷ",
            "hẻm 15/12 Lê Lợi",
            "gặp hôm qua rồi",
            "đã gặp 15/10",
            "khách hay rảnh buổi sáng",
            "goi cho toi nhe",
            "rằm tháng giêng",
            "2/3 phòng ngủ",
            "25:70",
            "99h",
            "0901 234 567",
        ] {
            assert_eq!(said(text), None, "{text}");
        }
    }
}
