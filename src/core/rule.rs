//! A rule: a trigger, a condition, and whom to tell what. The shapes only; reading them from the
//! configuration is `config`'s, deciding by them is [`super::decide`]'s.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::calendar::Schedule;
use super::condition::Condition;

/// A length of time as the configuration writes it: `"45m"`, `"3d"`, `"1h30m"`.
///
/// Days are kept apart from the rest because `after` and `every` of an idle rule count *working* days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// Whole days.
    pub days: u32,
    /// The rest, in seconds, below or above a day as written.
    pub seconds: u64,
}

impl Span {
    /// A span of so many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self { days: 0, seconds }
    }

    /// A span of so many days.
    pub const fn days(days: u32) -> Self {
        Self { days, seconds: 0 }
    }

    /// Reads a text such as `10s`, `45m`, `3d`, `1h30m` or `2d12h`: whole numbers, each with its unit
    /// (`d` days, `h` hours, `m` minutes, `s` seconds), every unit at most once and the larger first.
    ///
    /// # Errors
    /// A sentence that names what is accepted; also for more than ten years, which is no time anybody waits.
    pub fn parse(text: &str) -> Result<Self, String> {
        const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
        let wrong = || {
            format!(
                "“{text}” is not a length of time: write whole numbers with a unit, such as \"10s\", \"45m\", \"3d\" or \"1h30m\" (d days, h hours, m minutes, s seconds)"
            )
        };
        let mut span = Self::default();
        let mut digits = String::new();
        let mut smallest = 0;
        for letter in text.trim().chars() {
            if letter.is_ascii_digit() {
                digits.push(letter);
                continue;
            }
            let unit = UNITS
                .iter()
                .position(|(name, _)| *name == letter.to_ascii_lowercase())
                .ok_or_else(wrong)?;
            if unit < smallest {
                return Err(wrong());
            }
            smallest = unit + 1;
            let number: u32 = digits.parse().map_err(|_| wrong())?;
            digits.clear();
            if unit == 0 {
                span.days = number;
            } else {
                span.seconds += u64::from(number) * UNITS[unit].1;
            }
        }
        if smallest == 0 || !digits.is_empty() {
            return Err(wrong());
        }
        if span.as_millis() > Self::days(3_660).as_millis() {
            return Err(format!("“{text}” is longer than ten years"));
        }
        Ok(span)
    }

    /// Whether it has no length.
    pub fn is_zero(self) -> bool {
        self.days == 0 && self.seconds == 0
    }

    /// The length in milliseconds with a day of 24 hours.
    pub fn as_millis(self) -> i64 {
        (i64::from(self.days) * 86_400 + i64::try_from(self.seconds).unwrap_or(i64::MAX / 4_000))
            * 1_000
    }

    /// The same as a jiff duration, a day being 24 hours.
    pub fn duration(self) -> jiff::SignedDuration {
        jiff::SignedDuration::from_millis(self.as_millis())
    }
}

/// As [`Span::parse`] reads it: `2d12h`; hours are not folded into days, since days count differently.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0s");
        }
        let parts = [
            (u64::from(self.days), 'd'),
            (self.seconds / 3_600, 'h'),
            (self.seconds / 60 % 60, 'm'),
            (self.seconds % 60, 's'),
        ];
        for (number, unit) in parts.into_iter().filter(|(number, _)| *number > 0) {
            write!(f, "{number}{unit}")?;
        }
        Ok(())
    }
}

/// What sets a rule off.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// A customer row is new.
    Added,
    /// A bound cell changed; of one of these fields, or of any if the list is empty.
    Changed {
        /// Field ids.
        fields: Vec<String>,
    },
    /// A customer row is gone for good (the removal has settled).
    Removed,
    /// A stage is entered.
    Stage {
        /// Stage id.
        stage: String,
    },
    /// A record has stayed in a stage without activity.
    Idle {
        /// Stage id.
        stage: String,
        /// Working time from the start of the idle clock to the first firing.
        after: Span,
        /// Working time between repetitions.
        every: Option<Span>,
        /// How often it fires in all.
        times: u32,
    },
    /// A date of the record is near, there, or past.
    Date {
        /// Field id of a date field; `appointment` also means the rows of appointment tabs.
        field: String,
        /// Every year on that day (birthdays).
        yearly: bool,
        /// Before (negative) or after the date.
        offset: Offset,
        /// Time of day at which it fires; without one, the cell's own time counts, and 09:00 if it has none.
        at: Option<jiff::civil::Time>,
    },
    /// A time of the calendar.
    Schedule(Schedule),
}

/// Before or after a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    /// On the day, or at the very time.
    On,
    /// So long before.
    Before(Span),
    /// So long after.
    After(Span),
}

/// The way a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// E-mail by SMTP.
    Email,
    /// Telegram by the Bot API.
    Telegram,
}

impl Channel {
    /// `email` or `telegram`, as in the configuration and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Telegram => "telegram",
        }
    }
}

/// To whom, as a rule says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// The customer of the record.
    Customer,
    /// The staff in charge of the record.
    Owner,
    /// Every manager.
    Managers,
    /// Who is on duty at that time by `[hours] duty`.
    Duty,
    /// The colleague of the same team who follows the one in charge in the staff list; the next step of this kind goes
    /// to the one after.
    Next,
    /// One member of staff, by name as in `[[staff]]`.
    Staff(String),
}

/// What to try when the first way is closed: another channel to the same people, or other people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fallback {
    /// The same people by another channel.
    By(Channel),
    /// Other people by the first channel.
    To(Audience),
}

/// One message of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Number within the rule, from 1; escalations count on after the sends.
    pub number: u32,
    /// By which channel.
    pub channel: Channel,
    /// To whom.
    pub to: Audience,
    /// `else`: in order, when the address is missing or dead.
    pub otherwise: Vec<Fallback>,
    /// Template name, as under `templates/`.
    pub template: String,
    /// Overrides working hours, never for advertising.
    pub urgent: bool,
    /// Whether it advertises (consent, label, cap).
    pub ad: bool,
    /// How long a manager or owner may still stop it; `None`: not held.
    pub hold: Option<Span>,
    /// For an escalation or a step of a series: how long after the event, or after the start of the idle clock.
    pub after: Option<Span>,
}

/// One rule of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Id, unique in the configuration.
    pub id: String,
    /// What sets it off.
    pub on: Trigger,
    /// Condition over the record.
    pub when: Option<Condition>,
    /// The messages at once (for an idle rule: at each repetition).
    pub send: Vec<Step>,
    /// The messages that follow if nothing happens; any activity cancels them.
    pub escalate: Vec<Step>,
    /// The steps of a series, each after its time; `ends` stops it.
    pub series: Vec<Step>,
    /// Stops a series when it becomes true.
    pub ends: Option<Condition>,
    /// For how long a message is still worth sending after it was due.
    pub valid_for: Option<Span>,
    /// Settle time of this rule instead of the general one.
    pub settle: Option<Span>,
    /// Where the rule stands in the configuration, for messages: file and line.
    pub at: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        for (text, days, seconds) in [
            ("10s", 0, 10),
            ("45m", 0, 2_700),
            ("3d", 3, 0),
            ("1h30m", 0, 5_400),
            ("2d12h", 2, 43_200),
            ("36h", 0, 129_600),
            ("0s", 0, 0),
        ] {
            let span = Span::parse(text).unwrap();
            assert_eq!(span, Span { days, seconds }, "{text}");
            assert_eq!(span.to_string(), text);
        }
        assert_eq!(Span::parse(" 90S ").unwrap().to_string(), "1m30s");
    }

    #[test]
    fn what_is_no_span_says_what_is() {
        for text in [
            "",
            "10",
            "s",
            "3 d",
            "1m1h",
            "1m1m",
            "-1d",
            "1.5h",
            "3w",
            "5000000000s",
        ] {
            let why = Span::parse(text).unwrap_err();
            assert!(why.contains("\"45m\""), "{text}: {why}");
        }
        assert!(Span::parse("9999d").unwrap_err().contains("ten years"));
    }
}
