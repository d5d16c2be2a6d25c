//! What a typed text becomes: Sheets' reading of a person's keystrokes (`USER_ENTERED`).
//!
//! The traps are the point: a phone's leading zero is lost, `2-3` turns into a date, `13/05/2026`
//! stays text under en_US. Formulas are kept but not computed.

use std::sync::Arc;

use jiff::civil::{Date, date};

use super::cell::{Cell, CellValue};
use super::format::{FormatKind, Locale, kind_of};

/// The note a cell gets when a formula is typed: the sandbox computes nothing.
const FORMULA_NOTE: &str =
    "Sandbox: công thức được giữ nguyên, không tính (formula kept, not computed)";

/// The cell that `typed` makes in a place whose number format was `format`. `this_year` completes a
/// date typed without its year.
pub(super) fn enter(
    typed: &str,
    format: Option<&Arc<str>>,
    locale: &Locale,
    this_year: i16,
) -> Cell {
    let keep = |value: CellValue| Cell {
        value,
        format: format.cloned(),
        ..Cell::default()
    };
    if typed.is_empty() {
        return keep(CellValue::Empty);
    }
    if let Some(text) = typed.strip_prefix('\'') {
        return keep(if text.is_empty() {
            CellValue::Empty
        } else {
            CellValue::Text(text.to_owned())
        });
    }
    if format.is_some_and(|format| kind_of(format) == FormatKind::Text) {
        return keep(CellValue::Text(typed.to_owned()));
    }
    let trimmed = typed.trim();
    if trimmed.starts_with('=') && trimmed.len() > 1 {
        return Cell {
            value: CellValue::Text(trimmed.to_owned()),
            format: format.cloned(),
            formula: Some(Arc::from(trimmed)),
            note: Some(Arc::from(FORMULA_NOTE)),
        };
    }
    if trimmed.eq_ignore_ascii_case("true") || trimmed.eq_ignore_ascii_case("false") {
        return keep(CellValue::Boolean(trimmed.eq_ignore_ascii_case("true")));
    }
    if is_error(trimmed) {
        return keep(CellValue::Error(trimmed.to_owned()));
    }
    let read = number(trimmed, locale).or_else(|| moment(trimmed, locale, this_year));
    match read {
        Some((value, made)) => Cell {
            value: CellValue::Number(value),
            format: choose(format, made.as_deref()),
            ..Cell::default()
        },
        None => keep(CellValue::Text(typed.to_owned())),
    }
}

/// The text a person sees when the cell is opened for editing: what to type to get it again.
pub(super) fn editable(cell: &Cell, shown: &str, locale: &Locale) -> String {
    if let Some(formula) = &cell.formula {
        return formula.to_string();
    }
    match &cell.value {
        CellValue::Text(text) => {
            let plain = cell
                .format
                .as_ref()
                .is_some_and(|format| kind_of(format) == FormatKind::Text);
            let again = enter(text, None, locale, 2000);
            if plain || again.value == cell.value {
                text.clone()
            } else {
                format!("'{text}")
            }
        }
        CellValue::Number(number) => match cell.format.as_deref().map(kind_of) {
            Some(FormatKind::Date | FormatKind::DateTime) if number.fract() == 0.0 => {
                let full = Cell::number(*number, Some(locale.date_format));
                super::format::shown(&full, locale)
            }
            Some(FormatKind::Date | FormatKind::DateTime | FormatKind::Time) => {
                let pattern = if *number < 1.0 {
                    "hh:mm:ss".to_owned()
                } else {
                    format!("{} hh:mm:ss", locale.date_format)
                };
                super::format::shown(&Cell::number(*number, Some(&pattern)), locale)
            }
            Some(FormatKind::Percent) => shown.to_owned(),
            _ => super::format::general(*number, locale),
        },
        _ => shown.to_owned(),
    }
}

/// True for the error texts Sheets itself takes for errors when typed.
pub(super) fn is_error(text: &str) -> bool {
    matches!(
        text,
        "#REF!" | "#N/A" | "#VALUE!" | "#DIV/0!" | "#NAME?" | "#NUM!" | "#NULL!" | "#ERROR!"
    )
}

/// The old format stays when it shows the same kind of thing, or when the entry brings none.
fn choose(old: Option<&Arc<str>>, made: Option<&str>) -> Option<Arc<str>> {
    let Some(made) = made else {
        return old.cloned();
    };
    match old {
        Some(old) if kind_of(old) == kind_of(made) && !old.is_empty() => Some(old.clone()),
        _ => Some(Arc::from(made)),
    }
}

type Read = (f64, Option<String>);

fn number(text: &str, locale: &Locale) -> Option<Read> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (rest, percent) = match rest.strip_suffix('%') {
        Some(rest) => (rest.trim_end(), true),
        None => (rest, false),
    };
    let (rest, currency) = ["₫", "đ", "VND", "VNĐ"]
        .iter()
        .find_map(|sign| rest.strip_suffix(sign).map(|rest| (rest.trim_end(), true)))
        .unwrap_or((rest, false));
    if !rest.starts_with(|mark: char| mark.is_ascii_digit() || mark == locale.decimal) {
        return None;
    }
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.parse::<i32>().ok()?)),
        None => (rest, None),
    };
    let (integer, fraction) = match mantissa.split_once(locale.decimal) {
        Some((integer, fraction)) => (integer, Some(fraction)),
        None => (mantissa, None),
    };
    let grouped = integer.contains(locale.group);
    if grouped {
        let mut groups = integer.split(locale.group);
        let first = groups.next()?;
        if first.is_empty() || first.len() > 3 || groups.any(|group| group.len() != 3) {
            return None;
        }
    }
    let integer: String = integer
        .chars()
        .filter(|mark| *mark != locale.group)
        .collect();
    let fraction = fraction.unwrap_or("");
    let all_digits = |text: &str| text.chars().all(|mark| mark.is_ascii_digit());
    if !all_digits(&integer) || !all_digits(fraction) || (integer.is_empty() && fraction.is_empty())
    {
        return None;
    }
    let text = format!("{integer}.{fraction}0e{}", exponent.unwrap_or(0));
    let size: f64 = format!("0{text}")
        .parse()
        .ok()
        .filter(|size: &f64| size.is_finite())?;
    let size = if percent { size / 100.0 } else { size };
    let format = if percent {
        Some(if fraction.is_empty() { "0%" } else { "0.00%" }.to_owned())
    } else if currency {
        Some("#,##0 \"₫\"".to_owned())
    } else if grouped {
        Some(
            if fraction.is_empty() {
                "#,##0"
            } else {
                "#,##0.00"
            }
            .to_owned(),
        )
    } else {
        None
    };
    Some((if negative { -size } else { size }, format))
}

/// A date, a time, or a date and a time.
fn moment(text: &str, locale: &Locale, this_year: i16) -> Option<Read> {
    if let Some((time, format)) = clock(text) {
        return Some((time, Some(format.to_owned())));
    }
    if let Some((day, time)) = text.split_once([' ', 'T']) {
        // Either order: `21/11/2026 9:00` and `9:00 21/11/2026`.
        let (day, time) = if time.contains(':') {
            (day, time)
        } else {
            (time, day)
        };
        let (date, format) = calendar(day.trim(), locale, this_year)?;
        let (time, clock_format) = clock(time.trim())?;
        return Some((
            serial(date) + time,
            Some(format!("{format} {clock_format}")),
        ));
    }
    let (date, format) = calendar(text, locale, this_year)?;
    Some((serial(date), Some(format)))
}

fn clock(text: &str) -> Option<(f64, &'static str)> {
    let parts: Vec<&str> = text.split(':').collect();
    if !(2..=3).contains(&parts.len()) || parts.iter().any(|part| part.is_empty() || part.len() > 2)
    {
        return None;
    }
    let numbers: Vec<u32> = parts.iter().map_while(|part| part.parse().ok()).collect();
    match numbers.as_slice() {
        [hour @ 0..24, minute @ 0..60] => Some((f64::from(hour * 60 + minute) / 1440.0, "hh:mm")),
        [hour @ 0..24, minute @ 0..60, second @ 0..60] => Some((
            f64::from((hour * 60 + minute) * 60 + second) / 86_400.0,
            "hh:mm:ss",
        )),
        _ => None,
    }
}

fn calendar(text: &str, locale: &Locale, this_year: i16) -> Option<(Date, String)> {
    let mark = ['/', '-'].into_iter().find(|mark| text.contains(*mark))?;
    let parts: Vec<&str> = text.split(mark).collect();
    if parts
        .iter()
        .any(|part| part.is_empty() || part.len() > 4 || !part.bytes().all(|b| b.is_ascii_digit()))
    {
        return None;
    }
    let numbers: Vec<i16> = parts.iter().map_while(|part| part.parse().ok()).collect();
    let small = |number: i16| i8::try_from(number).ok();
    match numbers.as_slice() {
        [year, month, day] if parts[0].len() == 4 => Some((
            Date::new(*year, small(*month)?, small(*day)?).ok()?,
            "yyyy-mm-dd".to_owned(),
        )),
        [first, second, year] if matches!(parts[2].len(), 2 | 4) => {
            let year = match year {
                0..=29 if parts[2].len() == 2 => 2000 + year,
                30..=99 if parts[2].len() == 2 => 1900 + year,
                _ => *year,
            };
            let (day, month) = if locale.day_first {
                (first, second)
            } else {
                (second, first)
            };
            Some((
                Date::new(year, small(*month)?, small(*day)?).ok()?,
                locale.date_format.to_owned(),
            ))
        }
        [first, second] if parts.iter().all(|part| part.len() <= 2) => {
            let (day, month) = if locale.day_first {
                (first, second)
            } else {
                (second, first)
            };
            let format = if locale.day_first {
                format!("d{mark}m")
            } else {
                format!("m{mark}d")
            };
            Some((
                Date::new(this_year, small(*month)?, small(*day)?).ok()?,
                format,
            ))
        }
        _ => None,
    }
}

/// Days since 1899-12-30.
pub(super) fn serial(day: Date) -> f64 {
    f64::from((day - date(1899, 12, 30)).get_days())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::google::format::shown;

    /// `typed -> shown | kind`, in a fresh cell.
    fn check(locale: &str, typed: &str, want: &str) {
        let locale = Locale::named(locale);
        let cell = enter(typed, None, &locale, 2026);
        let kind = match cell.value {
            CellValue::Empty => "empty",
            CellValue::Number(_) => "number",
            CellValue::Text(_) => "text",
            CellValue::Boolean(_) => "boolean",
            CellValue::Error(_) => "error",
        };
        assert_eq!(
            format!("{} | {kind}", shown(&cell, &locale)),
            want,
            "typed {typed:?}"
        );
    }

    #[test]
    fn vietnamese_typing() {
        check("vi_VN", "Nguyễn Văn A", "Nguyễn Văn A | text");
        check("vi_VN", "0901234567", "901234567 | number");
        check("vi_VN", "'0901234567", "0901234567 | text");
        check("vi_VN", "+84901234567", "84901234567 | number");
        check("vi_VN", "0901 234 567", "0901 234 567 | text");
        check("vi_VN", "0901.234.567", "0901.234.567 | text");
        check("vi_VN", "2.500", "2.500 | number");
        check("vi_VN", "1.000.000,5", "1.000.000,50 | number");
        check("vi_VN", "1,5", "1,5 | number");
        check("vi_VN", "1.5", "1.5 | text");
        check("vi_VN", "2-3", "2-3 | number");
        check("vi_VN", "2-3 tỷ", "2-3 tỷ | text");
        check("vi_VN", "21/11/2026", "21/11/2026 | number");
        check("vi_VN", "31/02/2026", "31/02/2026 | text");
        check("vi_VN", "21/11/2026 9:30", "21/11/2026 09:30 | number");
        check("vi_VN", "2026-11-21", "2026-11-21 | number");
        check("vi_VN", "15%", "15% | number");
        check("vi_VN", "5.000 ₫", "5.000 ₫ | number");
        check("vi_VN", "true", "TRUE | boolean");
        check("vi_VN", "#N/A", "#N/A | error");
        check("vi_VN", "", " | empty");
        check("vi_VN", "x", "x | text");
        check("vi_VN", "=A1+1", "=A1+1 | text");
    }

    #[test]
    fn american_typing() {
        check("en_US", "13/05/2026", "13/05/2026 | text");
        check("en_US", "05/06/2026", "5/6/2026 | number");
        check("en_US", "2.500", "2.5 | number");
        check("en_US", "1,000", "1,000 | number");
    }

    #[test]
    fn the_format_of_the_place_counts() {
        let locale = Locale::named("vi_VN");
        let plain: Arc<str> = Arc::from("@");
        assert_eq!(
            enter("0901", Some(&plain), &locale, 2026).value,
            CellValue::Text("0901".to_owned())
        );
        let day: Arc<str> = Arc::from("dd/mm/yyyy hh:mm");
        let cell = enter("46347", Some(&day), &locale, 2026);
        assert_eq!(shown(&cell, &locale), "21/11/2026 00:00");
        let cell = enter("Chưa hẹn", Some(&day), &locale, 2026);
        assert_eq!(cell.format.as_deref(), Some("dd/mm/yyyy hh:mm"));
    }

    #[test]
    fn editing_shows_what_to_type_to_get_the_same() {
        let locale = Locale::named("vi_VN");
        for typed in [
            "'0901",
            "x",
            "21/11/2026",
            "1,5",
            "TRUE",
            "15%",
            "=A1",
            "21/11/2026 09:30:00",
        ] {
            let cell = enter(typed, None, &locale, 2026);
            let again = editable(&cell, &shown(&cell, &locale), &locale);
            assert_eq!(again, typed);
        }
    }
}
