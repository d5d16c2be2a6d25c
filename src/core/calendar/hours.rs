//! Opening hours of a week: `Mon-Fri 08:00-12:00,13:30-17:30; Sat 08:00-12:00`.

use std::fmt;

use jiff::civil::Weekday;

use super::days::{Days, minutes};

/// From when to when, in minutes since midnight; the end is not in it and may be 1440.
pub(super) type Window = (i16, i16);

/// Hours of the week in which something may happen, in the company's zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Hours {
    source: String,
    /// From Monday on; sorted, apart from one another.
    week: [Vec<Window>; 7],
    named: bool,
}

impl Hours {
    /// Reads hours: groups apart by `;`, each with days (or none: every day) and windows apart by `,`.
    ///
    /// # Errors
    /// A sentence that says which part is wrong and what is accepted.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut week: [Vec<Window>; 7] = Default::default();
        let mut named = false;
        for group in text.split(';') {
            let group = group.trim();
            if group.is_empty() {
                return Err(format!(
                    "“{text}” are no hours: write \"Mon-Sat 08:00-18:00\", \"07:30-21:00\" or \"Mon-Fri 08:00-12:00,13:30-17:30; Sat 08:00-12:00\""
                ));
            }
            let (days, windows) = split_days(group);
            let days = match days {
                Some(days) => {
                    named = true;
                    Days::parse(days)?
                }
                None => Days::ALL,
            };
            for window in windows.split(',') {
                let window = read_window(window)?;
                for day in (0..7).filter_map(|i| Weekday::from_monday_zero_offset(i).ok()) {
                    if days.contains(day) {
                        week[index(day)].push(window);
                    }
                }
            }
        }
        for windows in &mut week {
            merge(windows);
        }
        Ok(Self {
            source: text.trim().to_owned(),
            week,
            named,
        })
    }

    /// The windows of a weekday, in order.
    pub(super) fn on(&self, day: Weekday) -> &[Window] {
        &self.week[index(day)]
    }

    /// Whether there are hours on that weekday at all.
    pub fn has(&self, day: Weekday) -> bool {
        !self.on(day).is_empty()
    }

    /// Whether the text names days; without, the hours are meant for every day, holidays included.
    pub fn names_days(&self) -> bool {
        self.named
    }
}

/// As written.
impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

fn index(day: Weekday) -> usize {
    usize::from(day.to_monday_zero_offset().unsigned_abs())
}

/// Parts `Mon-Fri 08:00-12:00` before the first word that begins with a digit.
fn split_days(group: &str) -> (Option<&str>, &str) {
    if group.starts_with(|c: char| c.is_ascii_digit()) {
        return (None, group);
    }
    let start = group
        .char_indices()
        .zip(group.chars().skip(1))
        .find(|((_, before), letter)| before.is_whitespace() && letter.is_ascii_digit())
        .map_or(group.len(), |((at, before), _)| at + before.len_utf8());
    (Some(group[..start].trim()), &group[start..])
}

fn read_window(text: &str) -> Result<Window, String> {
    let text = text.trim();
    let (from, to) = text
        .split_once(['-', '–'])
        .ok_or_else(|| format!("“{text}” are no hours: write 08:00-18:00"))?;
    let (from, to) = (minutes(from)?, minutes(to)?);
    if from >= to {
        return Err(format!(
            "“{text}” ends before it begins: write a night as two, such as 22:00-24:00 and 00:00-06:00"
        ));
    }
    Ok((from, to))
}

/// Sorts windows and joins those that touch.
fn merge(windows: &mut Vec<Window>) {
    windows.sort_unstable();
    let mut joined: Vec<Window> = Vec::with_capacity(windows.len());
    for &(from, to) in windows.iter() {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    *windows = joined;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read() {
        let hours = Hours::parse("Mon-Fri 08:00-12:00,13:30-17:30; Sat 08:00-12:00").unwrap();
        assert_eq!(hours.on(Weekday::Friday), [(480, 720), (810, 1_050)]);
        assert_eq!(hours.on(Weekday::Saturday), [(480, 720)]);
        assert!(!hours.has(Weekday::Sunday));
        assert!(hours.names_days());
        assert_eq!(
            hours.to_string(),
            "Mon-Fri 08:00-12:00,13:30-17:30; Sat 08:00-12:00"
        );
        let hours = Hours::parse("00:00-24:00").unwrap();
        assert_eq!(hours.on(Weekday::Sunday), [(0, 1_440)]);
        assert!(!hours.names_days());
        let hours = Hours::parse("T2, T4 – T6 8:00-10:00, 09:30-11:00").unwrap();
        assert_eq!(hours.on(Weekday::Thursday), [(480, 660)]);
        assert!(!hours.has(Weekday::Tuesday));
    }

    #[test]
    fn wrong_hours_say_what_is_wrong() {
        for (text, says) in [
            ("", "Mon-Sat 08:00-18:00"),
            ("Mon-Sat", "no hours"),
            ("Mon-Sat 08:00", "no hours"),
            ("Mun 08:00-18:00", "no weekday"),
            ("22:00-06:00", "22:00-24:00"),
            ("08:00-25:00", "00:00 to 24:00"),
            ("Mon 08:00-12:00;", "no hours"),
        ] {
            let why = Hours::parse(text).unwrap_err();
            assert!(why.contains(says), "{text}: {why}");
        }
    }
}
