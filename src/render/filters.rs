//! The filters of the templates: money, dates, phones and links as Vietnamese write them, and in
//! English beside that.

use jiff::civil::{Date, DateTime, Time, Weekday};
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State};

use super::Language;
use super::engine::{NOT, is_missing, missing};
use crate::core::facts::national_phone;
use crate::core::sheet::fold::fold;

/// Adds every filter of ours; `default` counts null, an empty text and an empty object as missing too.
pub(super) fn add(env: &mut Environment<'static>, language: Language) {
    for name in ["default", "d"] {
        env.add_filter(name, |value: Value, fallback: Option<Value>| {
            if is_missing(&value) {
                fallback.unwrap_or_else(|| Value::from(""))
            } else {
                value
            }
        });
    }
    env.add_filter("money", move |value: Value| money_of(&value, language));
    env.add_filter("vnd", move |value: Value| vnd_of(&value, language));
    env.add_filter("date", move |value: Value| {
        Ok::<_, Error>(show_date(moment(&value)?.0, language))
    });
    env.add_filter("time", |value: Value| {
        let (date, time) = moment(&value)?;
        Ok::<_, Error>(match time {
            Some(time) => show_time(time),
            None => date.strftime("%d/%m/%Y").to_string(),
        })
    });
    env.add_filter("datetime", move |value: Value| {
        moment(&value).map(|(date, time)| show_datetime(date, time, language))
    });
    env.add_filter("weekday", move |value: Value| {
        moment(&value).map(|(date, _)| weekday(date.weekday(), language))
    });
    env.add_filter("days", |state: &State<'_, '_>, value: Value| {
        let (date, _) = moment(&value)?;
        days_between(date, now(state)?.date())
    });
    env.add_filter("ago", move |state: &State<'_, '_>, value: Value| {
        ago(moment(&value)?, now(state)?, language)
    });
    env.add_filter("phone", |value: Value| {
        text_of(&value).map(|number| national_phone(&number))
    });
    env.add_filter("tel", |value: Value| {
        text_of(&value).map(|number| format!("tel:{}", international(&number)))
    });
    env.add_filter("zalo", |value: Value| zalo(&value));
    env.add_filter("fold", |value: Value| {
        text_of(&value).map(|text| fold(&text))
    });
    env.add_filter("number", move |value: Value| {
        whole(&value).map(|number| grouped(number, language))
    });
    env.add_filter("copyable", |value: Value| {
        text_of(&value).map(|text| super::chat::copyable(&text))
    });
    env.add_filter("shorten", |value: Value, letters: usize| {
        text_of(&value).map(|text| shorten(&text, letters))
    });
}

fn text_of(value: &Value) -> Result<String, Error> {
    if is_missing(value) {
        return Err(missing());
    }
    Ok(value.to_string())
}

/// The value itself stays out of the error, which may be logged; the place names the field.
fn wrong(what: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{NOT} {what}"))
}

fn whole(value: &Value) -> Result<i64, Error> {
    if is_missing(value) {
        return Err(missing());
    }
    if let Some(number) = value.as_i64() {
        return Ok(number);
    }
    value
        .to_string()
        .parse::<f64>()
        .ok()
        .map(f64::round)
        .filter(|number| number.abs() < 9e15)
        .map(rounded)
        .ok_or_else(|| wrong("a number"))
}

#[allow(clippy::cast_possible_truncation)] // Callers hold it to ±9e15, which every f64 there represents exactly.
fn rounded(number: f64) -> i64 {
    number as i64
}

/// An amount or interval in the words of the trade: `3,5 tỷ`, `850 triệu`, `3–5 tỷ`, `từ 5 tỷ`, `dưới 3 tỷ`.
pub(super) fn money_of(value: &Value, language: Language) -> Result<String, Error> {
    if is_missing(value) {
        return Err(missing());
    }
    if value.kind() != ValueKind::Map {
        return Ok(amount(whole(value)?, language));
    }
    let bound = |key: &str| -> Result<Option<i64>, Error> {
        let bound = value.get_attr(key)?;
        if is_missing(&bound) {
            Ok(None)
        } else {
            whole(&bound).map(Some)
        }
    };
    let vietnamese = language == Language::Vietnamese;
    match (bound("min")?, bound("max")?) {
        (Some(min), Some(max)) if min == max => Ok(amount(min, language)),
        (Some(min), Some(max)) => Ok(interval(min, max, language)),
        (Some(min), None) if vietnamese => Ok(format!("từ {}", amount(min, language))),
        (Some(min), None) => Ok(format!("from {}", amount(min, language))),
        (None, Some(max)) if vietnamese => Ok(format!("dưới {}", amount(max, language))),
        (None, Some(max)) => Ok(format!("under {}", amount(max, language))),
        // What could not be read is shown as it was typed.
        (None, None) => text_of(&value.get_attr("text")?),
    }
}

const MILLION: i64 = 1_000_000;
const BILLION: i64 = 1_000_000_000;

/// `(number, unit)`: thousandths of a unit are rounded off, so that `3.499.999.999` reads as `3,5 tỷ`.
fn scaled(vnd: i64, language: Language) -> (String, &'static str) {
    let (billion, million) = match language {
        Language::Vietnamese => ("tỷ", "triệu"),
        Language::English => ("billion ₫", "million ₫"),
    };
    let size = vnd.unsigned_abs();
    let thousandths = |unit: i64| {
        let step = unit.unsigned_abs() / 1000;
        (size + step / 2) / step
    };
    let sign = if vnd < 0 { "-" } else { "" };
    // A number that rounds up to a thousand million is a billion.
    let shown = if size >= BILLION.unsigned_abs() || thousandths(MILLION) >= MILLION.unsigned_abs()
    {
        Some((thousandths(BILLION), billion))
    } else if size >= MILLION.unsigned_abs() {
        Some((thousandths(MILLION), million))
    } else {
        None
    };
    match shown {
        Some((thousandths, unit)) => (format!("{sign}{}", decimal(thousandths, language)), unit),
        None => (grouped(vnd, language), "₫"),
    }
}

/// One amount: `3,5 tỷ`.
pub(super) fn amount(vnd: i64, language: Language) -> String {
    let (number, unit) = scaled(vnd, language);
    format!("{number} {unit}")
}

fn interval(min: i64, max: i64, language: Language) -> String {
    let (low, low_unit) = scaled(min, language);
    let (high, high_unit) = scaled(max, language);
    if low_unit == high_unit {
        format!("{low}–{high} {high_unit}")
    } else {
        format!("{low} {low_unit} – {high} {high_unit}")
    }
}

/// Thousandths as a decimal number without trailing zeros: 3500 is `3,5`.
pub(super) fn decimal(thousandths: u64, language: Language) -> String {
    let point = match language {
        Language::Vietnamese => ',',
        Language::English => '.',
    };
    let whole = i64::try_from(thousandths / 1000).unwrap_or(i64::MAX);
    let fraction = format!("{:03}", thousandths % 1000);
    let fraction = fraction.trim_end_matches('0');
    let whole = grouped(whole, language);
    if fraction.is_empty() {
        whole
    } else {
        format!("{whole}{point}{fraction}")
    }
}

/// `3500000` as `3.500.000`, in English `3,500,000`.
fn grouped(number: i64, language: Language) -> String {
    let point = match language {
        Language::Vietnamese => '.',
        Language::English => ',',
    };
    let digits = number.unsigned_abs().to_string();
    let mut out = String::new();
    if number < 0 {
        out.push('-');
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(point);
        }
        out.push(digit);
    }
    out
}

fn vnd_of(value: &Value, language: Language) -> Result<String, Error> {
    whole(value).map(|number| format!("{} ₫", grouped(number, language)))
}

/// A date, and a time if there is one, of ISO text; an offset at the end is left aside, since facts are local.
fn moment(value: &Value) -> Result<(Date, Option<Time>), Error> {
    let text = text_of(value)?;
    let bad = || wrong("a date");
    if !text.contains('T') {
        return text
            .parse::<Date>()
            .map(|date| (date, None))
            .map_err(|_| bad());
    }
    let at: DateTime = text.parse().map_err(|_| bad())?;
    Ok((at.date(), Some(at.time())))
}

fn now(state: &State<'_, '_>) -> Result<DateTime, Error> {
    let now = state.lookup("now").ok_or_else(missing)?;
    let (date, time) = moment(&now)?;
    Ok(date.to_datetime(time.unwrap_or_default()))
}

fn show_date(date: Date, language: Language) -> String {
    match language {
        Language::Vietnamese => date.strftime("%d/%m/%Y").to_string(),
        Language::English => date.strftime("%-d %b %Y").to_string(),
    }
}

fn show_time(time: Time) -> String {
    time.strftime("%H:%M").to_string()
}

fn show_datetime(date: Date, time: Option<Time>, language: Language) -> String {
    let day = format!(
        "{} {}",
        weekday(date.weekday(), language),
        show_date(date, language)
    );
    match time {
        Some(time) => format!("{}, {day}", show_time(time)),
        None => day,
    }
}

fn weekday(day: Weekday, language: Language) -> &'static str {
    let (vietnamese, english) = match day {
        Weekday::Monday => ("thứ Hai", "Monday"),
        Weekday::Tuesday => ("thứ Ba", "Tuesday"),
        Weekday::Wednesday => ("thứ Tư", "Wednesday"),
        Weekday::Thursday => ("thứ Năm", "Thursday"),
        Weekday::Friday => ("thứ Sáu", "Friday"),
        Weekday::Saturday => ("thứ Bảy", "Saturday"),
        Weekday::Sunday => ("Chủ nhật", "Sunday"),
    };
    match language {
        Language::Vietnamese => vietnamese,
        Language::English => english,
    }
}

/// Calendar days from a date until a later one; negative if the date is yet to come.
fn days_between(date: Date, today: Date) -> Result<i64, Error> {
    date.until(today)
        .map(|span| i64::from(span.get_days()))
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
}

/// `5 phút trước`, `hôm qua`, `3 ngày nữa`: as fine as the value allows, and no finer than one reads.
fn ago(
    (date, time): (Date, Option<Time>),
    now: DateTime,
    language: Language,
) -> Result<String, Error> {
    let vietnamese = language == Language::Vietnamese;
    let days = days_between(date, now.date())?;
    if let (0, Some(time)) = (days, time) {
        let seconds = date.to_datetime(time).duration_until(now).as_secs();
        let minutes = seconds / 60;
        let (count, vi, en) = match minutes.abs() {
            0 => {
                return Ok(if vietnamese { "vừa xong" } else { "just now" }.to_owned());
            }
            minutes @ 1..=59 => (minutes, "phút", "minute"),
            minutes => (minutes / 60, "giờ", "hour"),
        };
        return Ok(measured(count, vi, en, minutes > 0, vietnamese));
    }
    Ok(match (days, vietnamese) {
        (0, true) => "hôm nay".to_owned(),
        (0, false) => "today".to_owned(),
        (1, true) => "hôm qua".to_owned(),
        (1, false) => "yesterday".to_owned(),
        (-1, true) => "ngày mai".to_owned(),
        (-1, false) => "tomorrow".to_owned(),
        (days, _) => measured(days.abs(), "ngày", "day", days > 0, vietnamese),
    })
}

fn measured(count: i64, vi: &str, en: &str, past: bool, vietnamese: bool) -> String {
    let plural = if count == 1 { "" } else { "s" };
    match (vietnamese, past) {
        (true, true) => format!("{count} {vi} trước"),
        (true, false) => format!("{count} {vi} nữa"),
        (false, true) => format!("{count} {en}{plural} ago"),
        (false, false) => format!("in {count} {en}{plural}"),
    }
}

/// `0901 234 567` and `+84901234567` alike as `+84901234567`.
fn international(number: &str) -> String {
    let digits: String = number
        .chars()
        .filter(|letter| letter.is_ascii_digit() || *letter == '+')
        .collect();
    match digits.strip_prefix('0') {
        Some(rest) => format!("+84{rest}"),
        None => digits,
    }
}

/// `https://zalo.me/84901234567` of a Vietnamese mobile; no value for other numbers, since only mobiles have Zalo.
fn zalo(value: &Value) -> Result<Value, Error> {
    if is_missing(value) {
        return Ok(Value::UNDEFINED);
    }
    let number = international(&text_of(value)?);
    let mobile = number
        .strip_prefix("+84")
        .filter(|rest| rest.len() == 9 && rest.starts_with(['3', '5', '7', '8', '9']));
    Ok(match mobile {
        Some(rest) => Value::from(format!("https://zalo.me/84{rest}")),
        None => Value::UNDEFINED,
    })
}

/// The first so many letters, cut at a word and with an ellipsis if anything was left out.
pub(super) fn shorten(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    let cut: String = text.chars().take(letters).collect();
    let end = cut.rfind(char::is_whitespace).unwrap_or(cut.len());
    format!("{}…", cut[..end].trim_end())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::Language::{self, English, Vietnamese};
    use super::super::engine;

    fn show(language: Language, expression: &str, x: &Json) -> String {
        let mut env = engine::environment(language);
        engine::add(&mut env, "t.txt", &format!("{{{{ {expression} }}}}")).unwrap();
        let values = json!({"x": x, "now": "2026-11-25T14:30:00"});
        engine::render(&env, "t.txt", &engine::Facts::of(&values))
            .unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn money_reads_as_people_say_it() {
        for (value, vi, en) in [
            (json!(3_500_000_000_i64), "3,5 tỷ", "3.5 billion ₫"),
            (json!(850_000_000), "850 triệu", "850 million ₫"),
            (json!(3_250_000_000_i64), "3,25 tỷ", "3.25 billion ₫"),
            (json!(12_500_000), "12,5 triệu", "12.5 million ₫"),
            (json!(500_000), "500.000 ₫", "500,000 ₫"),
            (json!(999_999_999), "1 tỷ", "1 billion ₫"),
            (json!(3_499_999_999_i64), "3,5 tỷ", "3.5 billion ₫"),
            (json!(1_200_000_000_000_i64), "1.200 tỷ", "1,200 billion ₫"),
            (json!(3.5e9), "3,5 tỷ", "3.5 billion ₫"),
            (json!({"min": 3e9, "max": 5e9}), "3–5 tỷ", "3–5 billion ₫"),
            (
                json!({"min": 2_500_000_000_i64, "max": 2_500_000_000_i64}),
                "2,5 tỷ",
                "2.5 billion ₫",
            ),
            (
                json!({"min": 850_000_000, "max": 1_200_000_000}),
                "850 triệu – 1,2 tỷ",
                "850 million ₫ – 1.2 billion ₫",
            ),
            (
                json!({"min": null, "max": 3e9}),
                "dưới 3 tỷ",
                "under 3 billion ₫",
            ),
            (
                json!({"min": 5e9, "max": null}),
                "từ 5 tỷ",
                "from 5 billion ₫",
            ),
            (
                json!({"min": null, "max": null, "text": "tuỳ căn"}),
                "tuỳ căn",
                "tuỳ căn",
            ),
        ] {
            assert_eq!(show(Vietnamese, "x | money", &value), vi, "{value}");
            assert_eq!(show(English, "x | money", &value), en, "{value}");
        }
        assert_eq!(
            show(Vietnamese, "x | vnd", &json!(3_500_000_000_i64)),
            "3.500.000.000 ₫"
        );
    }

    #[test]
    fn dates_read_as_people_write_them() {
        for (expression, value, vi, en) in [
            ("x | date", "2026-11-25", "25/11/2026", "25 Nov 2026"),
            (
                "x | date",
                "2026-11-05T14:30:00",
                "05/11/2026",
                "5 Nov 2026",
            ),
            (
                "x | datetime",
                "2026-11-25T14:30:00",
                "14:30, thứ Tư 25/11/2026",
                "14:30, Wednesday 25 Nov 2026",
            ),
            (
                "x | datetime",
                "2026-11-29",
                "Chủ nhật 29/11/2026",
                "Sunday 29 Nov 2026",
            ),
            ("x | weekday", "2026-11-28", "thứ Bảy", "Saturday"),
            ("x | time", "2026-11-25T09:05:00", "09:05", "09:05"),
            ("x | days", "2026-11-20", "5", "5"),
            ("x | days", "2026-11-27T08:00:00", "-2", "-2"),
            ("x | ago", "2026-11-25T14:29:40", "vừa xong", "just now"),
            (
                "x | ago",
                "2026-11-25T14:13:00",
                "17 phút trước",
                "17 minutes ago",
            ),
            (
                "x | ago",
                "2026-11-25T12:00:00",
                "2 giờ trước",
                "2 hours ago",
            ),
            ("x | ago", "2026-11-25T15:30:00", "1 giờ nữa", "in 1 hour"),
            ("x | ago", "2026-11-24T23:59:00", "hôm qua", "yesterday"),
            ("x | ago", "2026-11-25", "hôm nay", "today"),
            ("x | ago", "2026-11-26", "ngày mai", "tomorrow"),
            ("x | ago", "2026-11-15", "10 ngày trước", "10 days ago"),
            ("x | ago", "2026-11-28", "3 ngày nữa", "in 3 days"),
        ] {
            assert_eq!(
                show(Vietnamese, expression, &json!(value)),
                vi,
                "{expression} {value}"
            );
            assert_eq!(
                show(English, expression, &json!(value)),
                en,
                "{expression} {value}"
            );
        }
        assert!(show(Vietnamese, "x | date", &json!("mai")).contains("`x` is not a date"));
    }

    #[test]
    fn numbers_become_links() {
        for (expression, value, shown) in [
            ("x | phone", "+84901234567", "0901 234 567"),
            ("x | phone", "+842838229999", "028 3822 9999"),
            ("x | tel", "0901 234 567", "tel:+84901234567"),
            ("x | tel", "+842838229999", "tel:+842838229999"),
            ("x | zalo", "+84901234567", "https://zalo.me/84901234567"),
            ("x | zalo", "0901 234 567", "https://zalo.me/84901234567"),
            (
                "x | zalo | default('không có')",
                "+842838229999",
                "không có",
            ),
            ("x | fold", "Đỗ Thị Hoà, Thủ Đức", "do thi hoa thu duc"),
            ("x | shorten(12)", "Hẹn thứ Bảy tuần sau", "Hẹn thứ Bảy…"),
        ] {
            assert_eq!(
                show(Vietnamese, expression, &json!(value)),
                shown,
                "{expression}"
            );
        }
        assert_eq!(show(Vietnamese, "x | number", &json!(12345)), "12.345");
    }

    #[test]
    fn a_filter_of_nothing_names_the_field() {
        for expression in ["x | money", "x | date", "x | phone", "x | upper", "x | tel"] {
            let error = show(Vietnamese, expression, &Json::Null);
            assert!(error.contains("`x` has no value"), "{expression}: {error}");
        }
        assert_eq!(
            show(Vietnamese, "x | zalo | default('-')", &Json::Null),
            "-"
        );
    }
}
