//! Numbers as a chart writes them: short.

use super::Unit;
use crate::render::{Language, filters};

/// Beyond this nothing is told apart, and an `f64` still holds every whole number.
const LARGEST: f64 = 9e15;

/// A value that can be drawn: what is no number, or below nothing, is nothing.
pub(super) fn sound(value: f64) -> f64 {
    if value.is_finite() {
        value.clamp(0.0, LARGEST)
    } else {
        0.0
    }
}

/// `12.345`, `1,2 tỷ`, `350 triệu`, `4,5 ngày`, `37%`.
pub(super) fn shown(value: f64, unit: Unit, language: Language) -> String {
    let value = sound(value);
    let vietnamese = language == Language::Vietnamese;
    match unit {
        Unit::Money => filters::amount(leading(value), language),
        Unit::Count if value >= 1e6 => {
            let short = filters::amount(leading(value), language);
            short.trim_end_matches([' ', '₫']).to_owned()
        }
        Unit::Count => tenths(value, language),
        Unit::Days => {
            let days = tenths(value, language);
            match (vietnamese, days.as_str()) {
                (true, _) => format!("{days} ngày"),
                (false, "1") => "1 day".to_owned(),
                (false, _) => format!("{days} days"),
            }
        }
        Unit::Percent => format!("{}%", tenths(value, language)),
    }
}

/// A percentage without places behind the point, but for those near nothing.
pub(super) fn percent(value: f64, language: Language) -> String {
    let value = sound(value);
    let rounded = if value >= 1.0 { value.round() } else { value };
    shown(rounded, Unit::Percent, language)
}

fn tenths(value: f64, language: Language) -> String {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    // `sound` holds it to 0 to 9e15.
    let tenths = (value.min(LARGEST / 10.0) * 10.0).round() as u64;
    filters::decimal(tenths * 100, language)
}

/// Rounded to what a short number shows: one place behind the point of thousand millions (`1,2 tỷ`), whole millions.
fn leading(value: f64) -> i64 {
    let step = if value >= 999_500_000.0 {
        100_000_000.0
    } else if value >= 1_000_000.0 {
        1_000_000.0
    } else {
        1.0
    };
    #[allow(clippy::cast_possible_truncation)] // `sound` holds it to 0 to 9e15.
    let rounded = ((value / step).round() * step) as i64;
    rounded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_in_the_language() {
        let vi = |value, unit| shown(value, unit, Language::Vietnamese);
        let en = |value, unit| shown(value, unit, Language::English);
        assert_eq!(vi(12_345.0, Unit::Count), "12.345");
        assert_eq!(en(12_345.0, Unit::Count), "12,345");
        assert_eq!(vi(2_400_000.0, Unit::Count), "2 triệu");
        assert_eq!(en(2_400_000.0, Unit::Count), "2 million");
        assert_eq!(vi(1_234_567_890.0, Unit::Money), "1,2 tỷ");
        assert_eq!(vi(999_999_999.0, Unit::Money), "1 tỷ");
        assert_eq!(vi(350_400_000.0, Unit::Money), "350 triệu");
        assert_eq!(en(1_234_567_890.0, Unit::Money), "1.2 billion ₫");
        assert_eq!(vi(0.0, Unit::Money), "0 ₫");
        assert_eq!(vi(4.5, Unit::Days), "4,5 ngày");
        assert_eq!(en(1.0, Unit::Days), "1 day");
        assert_eq!(vi(37.5, Unit::Percent), "37,5%");
        assert_eq!(percent(37.5, Language::Vietnamese), "38%");
        assert_eq!(percent(0.4, Language::Vietnamese), "0,4%");
        for none in [f64::NAN, f64::INFINITY, -3.0] {
            assert_eq!(vi(none, Unit::Count), "0");
        }
        assert_eq!(vi(1e300, Unit::Money), "9.000.000 tỷ");
    }
}
