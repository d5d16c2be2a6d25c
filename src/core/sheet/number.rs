//! A plain number: a count, an area, a share. Money has its own reader.

use super::{Cell, Reading, fold, trivial};

/// The number in a cell. In text the locale settles what a lone point or comma before three digits
/// is (`1.500` is 1500 in `vi_VN`, 1.5 in `en_US`); a trailing `%`, `m2` or `m²` is left out.
pub fn read(cell: &Cell, locale: &str) -> Reading<f64> {
    if let Some(reading) = trivial(cell) {
        return reading;
    }
    match cell {
        Cell::Number(number) => Reading::Value(*number),
        Cell::Text(text) => parse(&fold::clean(text), locale)
            .map_or_else(|| Reading::bad("no plain number"), Reading::Value),
        Cell::Empty | Cell::Bool(_) => Reading::bad("a tick box is no number"),
    }
}

fn parse(text: &str, locale: &str) -> Option<f64> {
    let lower = text.to_lowercase();
    let bare = ["%", "m2", "m²"]
        .iter()
        .find_map(|unit| lower.strip_suffix(unit))
        .unwrap_or(&lower);
    let bare: String = bare.chars().filter(|c| *c != ' ').collect();
    let (sign, digits) = bare
        .strip_prefix('-')
        .map_or((1.0, bare.as_str()), |rest| (-1.0, rest));
    if !digits.starts_with(|c: char| c.is_ascii_digit())
        || !digits.ends_with(|c: char| c.is_ascii_digit())
    {
        return None;
    }
    let decimal_mark = if locale.starts_with("en") { '.' } else { ',' };
    let marks: Vec<char> = digits.chars().filter(|c| !c.is_ascii_digit()).collect();
    if marks.iter().any(|c| *c != '.' && *c != ',') {
        return None;
    }
    let decimals = match marks.as_slice() {
        [] => None,
        [only] => {
            let behind = digits.rsplit(*only).next().map_or(0, str::len);
            (behind != 3 || *only == decimal_mark).then_some(*only)
        }
        [first, .., last] => (first != last).then_some(*last),
    };
    let (whole, fraction) = match decimals.and_then(|mark| digits.rsplit_once(mark)) {
        Some((whole, fraction)) => (whole, fraction),
        None => (digits, ""),
    };
    let mut groups = whole.split(['.', ',']);
    let head = groups.next()?;
    let mut joined = head.to_owned();
    for group in groups {
        if group.len() != 3 || head.len() > 3 || head.is_empty() {
            return None;
        }
        joined.push_str(group);
    }
    if fraction.contains(['.', ',']) {
        return None;
    }
    format!("{joined}.{fraction}0")
        .parse::<f64>()
        .ok()
        .map(|number| sign * number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_settles_points_and_commas() {
        for (text, locale, expected) in [
            ("1.500", "vi_VN", Some(1500.0)),
            ("1.500", "en_US", Some(1.5)),
            ("1,500", "en_US", Some(1500.0)),
            ("1,5", "vi_VN", Some(1.5)),
            ("2.5", "vi_VN", Some(2.5)),
            ("1.234.567,5", "vi_VN", Some(1_234_567.5)),
            ("1,234,567.5", "en_US", Some(1_234_567.5)),
            ("70 m²", "vi_VN", Some(70.0)),
            ("-12%", "vi_VN", Some(-12.0)),
            ("1.23.456", "vi_VN", None),
            ("2 căn", "vi_VN", None),
            ("3-4", "vi_VN", None),
        ] {
            let reading = read(&Cell::from(text), locale);
            assert_eq!(reading.value(), expected, "{text} {locale}");
        }
        assert!(matches!(read(&Cell::Bool(true), "vi_VN"), Reading::Bad(_)));
    }
}
