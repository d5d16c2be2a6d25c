//! Sets of weekdays, and the wall-clock times written beside them: `Mon-Sat`, `T2-T7,CN`, `08:00`.

use jiff::civil::{Time, Weekday};

/// A set of weekdays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Days(u8);

/// The names of each day from Monday on, folded to lower case: English, and Vietnamese as in `T2`, `CN`.
const NAMES: [&[&str]; 7] = [
    &["mon", "monday", "t2"],
    &["tue", "tuesday", "t3"],
    &["wed", "wednesday", "t4"],
    &["thu", "thursday", "t5"],
    &["fri", "friday", "t6"],
    &["sat", "saturday", "t7"],
    &["sun", "sunday", "cn"],
];

impl Days {
    /// All seven.
    pub(super) const ALL: Self = Self(0b111_1111);

    /// Whether that weekday is in the set.
    pub(super) fn contains(self, day: Weekday) -> bool {
        self.0 & (1 << day.to_monday_zero_offset()) != 0
    }

    /// Reads `Mon`, `Mon-Sat`, `Mon,Wed`, `T2-T6,CN`; a range may run over the end of the week (`Sat-Mon`).
    ///
    /// # Errors
    /// A sentence with the word that is no day.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut days = Self::default();
        for part in text.split(',') {
            let (first, last) = part.split_once(['-', '–']).unwrap_or((part, part));
            let (first, last) = (day(first)?, day(last)?);
            let mut at = first;
            loop {
                days.0 |= 1 << at;
                if at == last {
                    break;
                }
                at = (at + 1) % 7;
            }
        }
        Ok(days)
    }
}

/// Reads one day's name as 0 (Monday) to 6.
fn day(text: &str) -> Result<usize, String> {
    let word = text.trim().to_lowercase();
    NAMES
        .iter()
        .position(|names| names.contains(&word.as_str()))
        .ok_or_else(|| {
            format!(
                "“{}” is no weekday: write Mon, Tue, Wed, Thu, Fri, Sat, Sun or T2 … T7, CN",
                text.trim()
            )
        })
}

/// Reads `08:00` as minutes since midnight; `24:00` is the end of the day.
///
/// # Errors
/// A sentence that shows the form.
pub(super) fn minutes(text: &str) -> Result<i16, String> {
    let text = text.trim();
    let wrong = || format!("“{text}” is no time of day: write 08:00, from 00:00 to 24:00");
    let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
    let number = |part: &str, least: usize| {
        (part.len() >= least && part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse::<i16>().ok())
            .flatten()
            .ok_or_else(wrong)
    };
    let (hours, minutes) = (number(hours, 1)?, number(minutes, 2)?);
    let all = hours * 60 + minutes;
    if minutes > 59 || all > 24 * 60 {
        return Err(wrong());
    }
    Ok(all)
}

/// Reads `08:00` as a time of day; `24:00` is refused, since it is no time of that day.
///
/// # Errors
/// A sentence that shows the form.
pub(super) fn time(text: &str) -> Result<Time, String> {
    let all = minutes(text)?;
    i8::try_from(all / 60)
        .ok()
        .zip(i8::try_from(all % 60).ok())
        .and_then(|(hour, minute)| Time::new(hour, minute, 0, 0).ok())
        .ok_or_else(|| format!("“{}” is the next day's 00:00: write that", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let days = Days::parse(text).unwrap();
        (0..7)
            .map(|i| {
                let day = Weekday::from_monday_zero_offset(i).unwrap();
                if days.contains(day) { 'x' } else { '.' }
            })
            .collect()
    }

    #[test]
    fn sets_of_days_are_read_in_both_languages() {
        for (text, week) in [
            ("Mon-Sat", "xxxxxx."),
            ("Mon,Wed", "x.x...."),
            ("T2-T6", "xxxxx.."),
            ("t7,CN", ".....xx"),
            ("Sat-Mon", "x....xx"),
            ("Monday – friday", "xxxxx.."),
        ] {
            assert_eq!(shown(text), week, "{text}");
        }
        assert!(Days::parse("T8").unwrap_err().contains("T2 … T7, CN"));
        assert!(Days::parse("Mon,").unwrap_err().contains("no weekday"));
    }

    #[test]
    fn times_are_read() {
        assert_eq!(minutes("7:30"), Ok(450));
        assert_eq!(minutes("24:00"), Ok(1_440));
        for text in [
            "8", "8h", "08:5", "08:60", "24:01", "25:00", "-1:00", "8:000",
        ] {
            assert!(minutes(text).unwrap_err().contains("08:00"), "{text}");
        }
        assert!(time("24:00").unwrap_err().contains("next day"));
    }
}
