//! What came of a reminder, as whoever was reminded says it with a button or in words; and what they promised.

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use super::sheet::date::{Spoken, spoken};
use super::sheet::fold::fold;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// They were in touch.
    Reached,
    /// They will meet.
    Appointed,
    /// Nobody answered.
    NoAnswer,
    /// The customer asks to be called later.
    CallBack,
    /// The customer wants nothing any more.
    NoNeed,
}

impl Outcome {
    /// For the journal and the command line.
    pub fn english(self) -> &'static str {
        match self {
            Self::Reached => "in touch",
            Self::Appointed => "an appointment",
            Self::NoAnswer => "no answer",
            Self::CallBack => "to be called back",
            Self::NoNeed => "no longer interested",
        }
    }

    /// For the chat.
    pub fn vietnamese(self) -> &'static str {
        match self {
            Self::Reached => "đã liên hệ",
            Self::Appointed => "đã hẹn",
            Self::NoAnswer => "không nghe máy",
            Self::CallBack => "hẹn gọi lại",
            Self::NoNeed => "hết nhu cầu",
        }
    }
}

/// What is to be done at a time that somebody named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// To meet.
    Meet,
    /// To call.
    Call,
}

impl Deed {
    /// For templates and for what is told over the socket.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Meet => "meet",
            Self::Call => "call",
        }
    }
}

/// Something promised to a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// What.
    pub deed: Deed,
    /// When, as wall time in the configured zone; midnight if only a day was named.
    pub at: DateTime,
    /// Whether a time of day was named.
    pub timed: bool,
}

impl Promise {
    /// What a note promises, written at the local time `now`; none if it names no time to come.
    pub fn read(text: &str, outcome: Option<Outcome>, now: DateTime) -> Option<Self> {
        let Spoken { at, timed } = spoken(text, now)?;
        let deed = match outcome {
            Some(Outcome::Appointed) => Deed::Meet,
            Some(Outcome::CallBack | Outcome::NoAnswer) => Deed::Call,
            Some(Outcome::Reached | Outcome::NoNeed) | None => deed_of(text),
        };
        Some(Self { deed, at, timed })
    }
}

/// Whoever does not speak of calling will meet.
fn deed_of(text: &str) -> Deed {
    let folded = fold(text);
    let calls = ["goi", "alo", "call", "phone", "nhan", "dt", "zalo"];
    let meets = ["hen", "gap", "xem", "meet", "ghe", "den", "toi"];
    let said = |words: &[&str]| folded.split(' ').position(|word| words.contains(&word));
    match (said(&calls), said(&meets)) {
        // `hẹn gọi lại`: the word for calling says what, wherever it stands.
        (Some(_), _) if !folded.contains("xem") && !folded.contains("gap") => Deed::Call,
        (Some(call), Some(meet)) if call < meet => Deed::Call,
        _ => Deed::Meet,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_promises_a_call_or_a_meeting() {
        let now: DateTime = "2026-11-22T10:00:00".parse().unwrap();
        let read = |text, outcome| {
            Promise::read(text, outcome, now).map(|one| (one.deed, one.at.to_string()))
        };
        for (text, outcome, deed, at) in [
            (
                "hẹn CN tới 9h xem nhà mẫu",
                None,
                Deed::Meet,
                "2026-11-29T09:00:00",
            ),
            ("gọi lại 15h", None, Deed::Call, "2026-11-22T15:00:00"),
            (
                "chị hẹn gọi lại sáng mai",
                None,
                Deed::Call,
                "2026-11-23T09:00:00",
            ),
            (
                "thứ 3 10h",
                Some(Outcome::CallBack),
                Deed::Call,
                "2026-11-24T10:00:00",
            ),
            (
                "mai 9h gọi trước khi gặp",
                Some(Outcome::Appointed),
                Deed::Meet,
                "2026-11-23T09:00:00",
            ),
            ("mai", None, Deed::Meet, "2026-11-23T00:00:00"),
        ] {
            assert_eq!(read(text, outcome), Some((deed, at.to_owned())), "{text}");
        }
        assert_eq!(read("khách chê giá cao", Some(Outcome::Reached)), None);
    }
}
