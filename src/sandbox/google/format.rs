//! How Sheets shows a cell: number formats and the workbook's locale.
//!
//! Covers the patterns people's sheets have (dates, times, grouped and padded numbers, percent,
//! currency, plain text). Colours and conditions in brackets are skipped, not obeyed.

use jiff::civil::{Date, date};

use super::cell::{Cell, CellValue, whole};

/// The parts of a locale that change how numbers and dates are read and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Locale {
    /// The decimal mark: `,` in vi_VN.
    pub(super) decimal: char,
    /// The mark between thousands: `.` in vi_VN.
    pub(super) group: char,
    /// Day before month, as in vi_VN; en_US has the month first.
    pub(super) day_first: bool,
    /// The date format a typed date gets.
    pub(super) date_format: &'static str,
    vietnamese: bool,
}

impl Locale {
    /// The locale by its name, `vi_VN` or `vi`; an unknown one counts as continental.
    pub(super) fn named(name: &str) -> Locale {
        let language = name.split(['_', '-']).next().unwrap_or(name);
        let english = matches!(language, "en" | "zh" | "ja" | "ko" | "th");
        let month_first = matches!(name, "en_US" | "en" | "en-US");
        Locale {
            decimal: if english { '.' } else { ',' },
            group: if english { ',' } else { '.' },
            day_first: !month_first,
            date_format: if month_first {
                "m/d/yyyy"
            } else {
                "dd/mm/yyyy"
            },
            vietnamese: language == "vi",
        }
    }
}

/// What kind of number a format shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FormatKind {
    /// Digits, with or without grouping, or no format at all.
    Number,
    /// `0%`.
    Percent,
    /// With a currency sign.
    Currency,
    /// A date without a time.
    Date,
    /// A time without a date.
    Time,
    /// Both.
    DateTime,
    /// `@`: whatever is typed stays text.
    Text,
}

/// Which kind a pattern is; quoted and bracketed parts do not count.
pub(super) fn kind_of(pattern: &str) -> FormatKind {
    if pattern == "General" || pattern.is_empty() {
        return FormatKind::Number;
    }
    if pattern == "@" {
        return FormatKind::Text;
    }
    let mut date = false;
    let mut time = false;
    let mut minute_or_month = false;
    let mut digits = false;
    let mut percent = false;
    for token in tokens(pattern) {
        match token {
            Token::Run('y' | 'd', _) => date = true,
            Token::Run('m', width) if width >= 3 => date = true,
            Token::Run('m', _) => minute_or_month = true,
            Token::Run('h' | 's', _) | Token::Meridiem => time = true,
            Token::Char('0' | '#') => digits = true,
            Token::Char('%') => percent = true,
            _ => {}
        }
    }
    let currency = ['₫', '$', '€', 'đ']
        .iter()
        .any(|sign| pattern.contains(*sign));
    match (digits, date || (minute_or_month && !time), time) {
        (false, true, true) => FormatKind::DateTime,
        (false, true, false) => FormatKind::Date,
        (false, false, true) => FormatKind::Time,
        _ if percent => FormatKind::Percent,
        _ if currency => FormatKind::Currency,
        _ => FormatKind::Number,
    }
}

/// True if the cell's format shows its number as a date, a time or both.
pub(super) fn is_temporal(cell: &Cell) -> bool {
    cell.format.as_deref().is_some_and(|pattern| {
        matches!(
            kind_of(pattern),
            FormatKind::Date | FormatKind::Time | FormatKind::DateTime
        )
    })
}

/// The cell as the sheet shows it: `formattedValue`, an empty text for an empty cell.
pub(super) fn shown(cell: &Cell, locale: &Locale) -> String {
    match &cell.value {
        CellValue::Empty => String::new(),
        CellValue::Text(text) | CellValue::Error(text) => text.clone(),
        CellValue::Boolean(true) => "TRUE".to_owned(),
        CellValue::Boolean(false) => "FALSE".to_owned(),
        CellValue::Number(number) => match cell.format.as_deref() {
            None => general(*number, locale),
            Some(pattern) => number_shown(*number, pattern, locale),
        },
    }
}

fn number_shown(number: f64, pattern: &str, locale: &Locale) -> String {
    match kind_of(pattern) {
        FormatKind::Text => general(number, locale),
        FormatKind::Date | FormatKind::Time | FormatKind::DateTime => {
            temporal(number, pattern, locale).unwrap_or_else(|| general(number, locale))
        }
        FormatKind::Number | FormatKind::Percent | FormatKind::Currency => {
            if pattern == "General" || pattern.is_empty() {
                general(number, locale)
            } else {
                patterned(number, pattern, locale)
            }
        }
    }
}

/// The automatic format: at most ten decimals, no grouping, the locale's decimal mark.
pub(super) fn general(number: f64, locale: &Locale) -> String {
    if let Some(whole) = whole(number) {
        return whole.to_string();
    }
    if number.abs() >= 1e15 || number.abs() < 1e-10 {
        return scientific(number, locale);
    }
    let text = format!("{number:.10}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.replace('.', &locale.decimal.to_string())
}

fn scientific(number: f64, locale: &Locale) -> String {
    let text = format!("{number:.14e}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let sign = if exponent < 0 { '-' } else { '+' };
    format!(
        "{}E{sign}{:02}",
        mantissa.replace('.', &locale.decimal.to_string()),
        exponent.abs()
    )
}

/// `#,##0.00`, `0000000000`, `0%`, `#,##0 "₫"`: the section for the number's sign, its literal
/// text before and after, and the digits between.
fn patterned(number: f64, pattern: &str, locale: &Locale) -> String {
    let sections: Vec<&str> = split_sections(pattern);
    let (section, minus) = match sections.as_slice() {
        [_, negative, ..] if number < 0.0 => (*negative, false),
        [_, _, zero, ..] if number == 0.0 => (*zero, false),
        [first, ..] => (*first, number < 0.0),
        [] => (pattern, number < 0.0),
    };
    let (mut before, mut digits, mut after) = (String::new(), String::new(), String::new());
    let mut percent = false;
    for token in tokens(section) {
        let literal = match token {
            Token::Char(mark @ ('0' | '#' | '?')) => {
                digits.push(mark);
                continue;
            }
            Token::Char(mark @ (',' | '.')) if !digits.is_empty() && after.is_empty() => {
                digits.push(mark);
                continue;
            }
            Token::Char('%') => {
                percent = true;
                "%".to_owned()
            }
            Token::Char(other) => other.to_string(),
            Token::Run(letter, width) => letter.to_string().repeat(width),
            Token::Literal(text) => text,
            Token::Meridiem => "AM/PM".to_owned(),
        };
        if digits.is_empty() {
            before.push_str(&literal);
        } else {
            after.push_str(&literal);
        }
    }
    let (integer, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let decimals = fraction.chars().filter(|mark| *mark != ',').count();
    let needed_decimals = fraction.chars().filter(|mark| *mark == '0').count();
    let needed_digits = integer.chars().filter(|mark| *mark == '0').count();
    let scaled = if percent { number * 100.0 } else { number };
    let text = format!("{:.decimals$}", scaled.abs());
    let (whole_part, fraction_part) = text.split_once('.').unwrap_or((&text, ""));
    let whole_part = whole_part.trim_start_matches('0');
    let mut whole_part = format!("{whole_part:0>needed_digits$}");
    if integer.contains(',') {
        whole_part = grouped(&whole_part, locale.group);
    }
    let mut fraction_part = fraction_part.to_owned();
    while fraction_part.len() > needed_decimals && fraction_part.ends_with('0') {
        fraction_part.pop();
    }
    let mark = if fraction_part.is_empty() {
        String::new()
    } else {
        locale.decimal.to_string()
    };
    let sign = if minus { "-" } else { "" };
    format!("{sign}{before}{whole_part}{mark}{fraction_part}{after}")
}

fn grouped(digits: &str, mark: char) -> String {
    let mut out = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(mark);
        }
        out.push(digit);
    }
    out
}

/// A serial number as a date and the seconds into the day; `None` outside years 1 to 9999.
fn civil(serial: f64) -> Option<(Date, i64)> {
    let seconds = whole((serial * 86_400.0).round())?;
    let days = seconds.div_euclid(86_400);
    let date = date(1899, 12, 30)
        .checked_add(jiff::Span::new().try_days(days).ok()?)
        .ok()?;
    Some((date, seconds.rem_euclid(86_400)))
}

fn temporal(serial: f64, pattern: &str, locale: &Locale) -> Option<String> {
    let (date, seconds) = civil(serial)?;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let tokens: Vec<Token> = tokens(pattern);
    let twelve = tokens.iter().any(|token| matches!(token, Token::Meridiem));
    let mut out = String::new();
    let mut after_hour = false;
    for (place, token) in tokens.iter().enumerate() {
        match token {
            Token::Run('y', width) if *width <= 2 => {
                out.push_str(&format!("{:02}", date.year() % 100));
            }
            Token::Run('y', _) => out.push_str(&date.year().to_string()),
            Token::Run('m', width) => {
                let before_second = tokens[place + 1..]
                    .iter()
                    .find_map(|later| match later {
                        Token::Run(letter, _) => Some(*letter == 's'),
                        _ => None,
                    })
                    .unwrap_or(false);
                if *width <= 2 && (after_hour || before_second) {
                    out.push_str(&padded(minute, *width));
                } else {
                    out.push_str(&month(date, *width, locale));
                }
            }
            Token::Run('d', width) if *width <= 2 => {
                out.push_str(&padded(i64::from(date.day()), *width));
            }
            Token::Run('d', width) => out.push_str(&weekday(date, *width, locale)),
            Token::Run('h', width) => {
                let shown = if twelve { (hour + 11) % 12 + 1 } else { hour };
                out.push_str(&padded(shown, *width));
            }
            Token::Run('s', width) => out.push_str(&padded(second, *width)),
            Token::Run(letter, width) => out.push_str(&letter.to_string().repeat(*width)),
            Token::Meridiem => out.push_str(if hour < 12 { "AM" } else { "PM" }),
            Token::Literal(text) => out.push_str(text),
            Token::Char(';' | '@') => break,
            Token::Char(other) => out.push(*other),
        }
        if let Token::Run(letter, _) = token {
            after_hour = *letter == 'h';
        }
    }
    Some(out)
}

fn padded(number: i64, width: usize) -> String {
    if width >= 2 {
        format!("{number:02}")
    } else {
        number.to_string()
    }
}

fn month(date: Date, width: usize, locale: &Locale) -> String {
    const ENGLISH: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let number = date.month();
    match (width, locale.vietnamese) {
        (0..=2, _) => padded(i64::from(number), width),
        (3, true) => format!("thg {number}"),
        (_, true) => format!("tháng {number}"),
        (3, false) => ENGLISH[usize::try_from(number - 1).unwrap_or(0)][..3].to_owned(),
        (_, false) => ENGLISH[usize::try_from(number - 1).unwrap_or(0)].to_owned(),
    }
}

fn weekday(date: Date, width: usize, locale: &Locale) -> String {
    const VIETNAMESE: [(&str, &str); 7] = [
        ("Th 2", "Thứ Hai"),
        ("Th 3", "Thứ Ba"),
        ("Th 4", "Thứ Tư"),
        ("Th 5", "Thứ Năm"),
        ("Th 6", "Thứ Sáu"),
        ("Th 7", "Thứ Bảy"),
        ("CN", "Chủ Nhật"),
    ];
    const ENGLISH: [(&str, &str); 7] = [
        ("Mon", "Monday"),
        ("Tue", "Tuesday"),
        ("Wed", "Wednesday"),
        ("Thu", "Thursday"),
        ("Fri", "Friday"),
        ("Sat", "Saturday"),
        ("Sun", "Sunday"),
    ];
    let day = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0);
    let (short, long) = if locale.vietnamese {
        VIETNAMESE[day]
    } else {
        ENGLISH[day]
    };
    if width == 3 { short } else { long }.to_owned()
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// A run of one date letter, in lower case: `yyyy` is `('y', 4)`.
    Run(char, usize),
    /// Text in quotes or after a backslash.
    Literal(String),
    /// `AM/PM`.
    Meridiem,
    /// Any other character.
    Char(char),
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let chars: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let here = chars[at];
        let rest: String = chars[at..].iter().take(5).collect();
        if rest.eq_ignore_ascii_case("AM/PM") {
            out.push(Token::Meridiem);
            at += 5;
            continue;
        }
        match here {
            '"' => {
                let end = chars[at + 1..]
                    .iter()
                    .position(|mark| *mark == '"')
                    .map_or(chars.len(), |found| at + 1 + found);
                out.push(Token::Literal(chars[at + 1..end].iter().collect()));
                at = end + 1;
            }
            '\\' => {
                if let Some(next) = chars.get(at + 1) {
                    out.push(Token::Literal(next.to_string()));
                }
                at += 2;
            }
            // `_x` leaves the room of x, `*x` fills the cell with x: one space, and nothing.
            '_' => {
                out.push(Token::Literal(" ".to_owned()));
                at += 2;
            }
            '*' => at += 2,
            '[' => {
                let end = chars[at..]
                    .iter()
                    .position(|mark| *mark == ']')
                    .map_or(chars.len(), |found| at + found);
                let inside: String = chars[(at + 1).min(end)..end].iter().collect();
                if let Some(sign) = inside.strip_prefix('$') {
                    let sign = sign.split('-').next().unwrap_or("");
                    out.push(Token::Literal(sign.to_owned()));
                } else if inside.chars().all(|mark| "hmsHMS".contains(mark)) && !inside.is_empty() {
                    let letter = inside.chars().next().unwrap_or('h').to_ascii_lowercase();
                    out.push(Token::Run(letter, inside.len()));
                }
                at = end + 1;
            }
            'y' | 'Y' | 'm' | 'M' | 'd' | 'D' | 'h' | 'H' | 's' | 'S' => {
                let letter = here.to_ascii_lowercase();
                let width = chars[at..]
                    .iter()
                    .take_while(|mark| mark.eq_ignore_ascii_case(&here))
                    .count();
                out.push(Token::Run(letter, width));
                at += width;
            }
            other => {
                out.push(Token::Char(other));
                at += 1;
            }
        }
    }
    out
}

/// Splits at `;` outside quotes: positive, negative, zero, text.
fn split_sections(pattern: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut quoted = false;
    let mut start = 0;
    for (place, mark) in pattern.char_indices() {
        match mark {
            '"' => quoted = !quoted,
            ';' if !quoted => {
                out.push(&pattern[start..place]);
                start = place + 1;
            }
            _ => {}
        }
    }
    out.push(&pattern[start..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(number: f64, pattern: &str, locale: &str, want: &str) {
        let cell = Cell::number(number, (!pattern.is_empty()).then_some(pattern));
        assert_eq!(
            shown(&cell, &Locale::named(locale)),
            want,
            "{pattern} in {locale}"
        );
    }

    #[test]
    fn numbers_show_by_pattern_and_locale() {
        check(1_000_000.5, "", "vi_VN", "1000000,5");
        check(1_000_000.5, "", "en_US", "1000000.5");
        check(2_500_000_000.0, "#,##0", "vi_VN", "2.500.000.000");
        check(2_500_000_000.0, "#,##0", "en_US", "2,500,000,000");
        check(1234.5, "#,##0.00", "vi_VN", "1.234,50");
        check(901_234_567.0, "0000000000", "vi_VN", "0901234567");
        check(-5.0, "#,##0", "vi_VN", "-5");
        check(0.155, "0.0%", "vi_VN", "15,5%");
        check(5000.0, "#,##0 \"₫\"", "vi_VN", "5.000 ₫");
        check(5000.0, "#,##0\\ [$₫-vi-VN]", "vi_VN", "5.000 ₫");
        check(1.0 / 3.0, "", "en_US", "0.3333333333");
        check(0.0, "#,##0", "en_US", "0");
        check(1e20, "", "en_US", "1E+20");
    }

    #[test]
    fn dates_show_by_pattern() {
        check(46347.0, "dd/mm/yyyy", "vi_VN", "21/11/2026");
        check(46347.375, "dd/mm/yyyy hh:mm", "vi_VN", "21/11/2026 09:00");
        check(46047.0, "d-m", "vi_VN", "25-1");
        check(46047.0, "m/d/yyyy", "en_US", "1/25/2026");
        check(2.5, "dd/mm/yyyy hh:mm:ss", "en_US", "01/01/1900 12:00:00");
        check(
            46347.0,
            "dddd, dd mmmm yyyy",
            "vi_VN",
            "Thứ Bảy, 21 tháng 11 2026",
        );
        check(46347.604_166_666_664, "h:mm AM/PM", "en_US", "2:30 PM");
        check(
            46347.999_999_99,
            "dd/mm/yyyy hh:mm",
            "vi_VN",
            "22/11/2026 00:00",
        );
    }

    #[test]
    fn kinds_are_told_by_letters_outside_quotes() {
        assert_eq!(kind_of("d-m"), FormatKind::Date);
        assert_eq!(kind_of("hh:mm"), FormatKind::Time);
        assert_eq!(kind_of("dd/mm/yyyy hh:mm"), FormatKind::DateTime);
        assert_eq!(kind_of("#,##0 \"day\""), FormatKind::Number);
        assert_eq!(kind_of("mm/yyyy"), FormatKind::Date);
        assert_eq!(kind_of("@"), FormatKind::Text);
    }
}
