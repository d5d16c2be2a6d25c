//! What goes wrong, at which stage of a session, how often and for whom.

use std::time::Duration;

/// A point of the session at which a fault can strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Instead of the greeting.
    Connect,
    /// At EHLO or HELO.
    Ehlo,
    /// At STARTTLS, before the handshake.
    Starttls,
    /// At AUTH, before the password is looked at.
    Auth,
    /// At MAIL FROM.
    Mail,
    /// At RCPT TO.
    Rcpt,
    /// At DATA, before the 354.
    Data,
    /// While the body is coming in.
    Body,
    /// After the final dot, before the answer.
    AfterDot,
}

/// What a fault does.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Nothing but the delay.
    Continue,
    /// Answer so; a 421 also closes the connection. At [`Stage::Body`] and [`Stage::AfterDot`] the answer
    /// comes after the dot and the mail is not kept.
    Reply {
        /// Three digits, 4xx or 5xx.
        code: u16,
        /// What follows the code, with the enhanced code in front: `5.1.1 No such user`.
        text: String,
    },
    /// Drop the connection without a word; the mail is not kept.
    Drop,
    /// [`Stage::AfterDot`] only: keep the mail, then drop the connection before the 250. The client cannot know.
    KeepAndDrop,
    /// [`Stage::AfterDot`] only: answer 250 and keep nothing.
    Lose,
}

/// How often a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Times {
    /// The next so many times, then never again.
    Next(u32),
    /// Until the faults are cleared.
    Endless,
}

/// One thing that goes wrong. Built as `Fault::reply(Stage::Rcpt, 550, "5.1.1 No such user").to("*@gone.example").endless()`;
/// without a word on it, a fault strikes once.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Fault {
    /// Where it strikes.
    pub stage: Stage,
    /// What it does, after the delay.
    pub act: Act,
    /// How long the server waits first.
    #[serde(default, rename = "delay_ms", with = "as_ms")]
    pub delay: Duration,
    /// How often it strikes.
    #[serde(default = "once")]
    pub times: Times,
    /// Only for recipients that fit, `*` standing for any text, letter case aside. From [`Stage::Rcpt`]
    /// on; afterwards it fits when one of the accepted recipients does.
    #[serde(default)]
    pub to: Option<String>,
    /// [`Stage::Body`] with [`Act::Drop`]: after how many bytes of the body; a shorter body drops at its dot.
    #[serde(default)]
    pub after_bytes: usize,
}

fn once() -> Times {
    Times::Next(1)
}

impl Fault {
    fn new(stage: Stage, act: Act) -> Self {
        Self {
            stage,
            act,
            delay: Duration::ZERO,
            times: once(),
            to: None,
            after_bytes: 0,
        }
    }

    /// Answers with `code` and `text`.
    pub fn reply(stage: Stage, code: u16, text: impl Into<String>) -> Self {
        Self::new(
            stage,
            Act::Reply {
                code,
                text: text.into(),
            },
        )
    }

    /// Drops the connection.
    pub fn drop(stage: Stage) -> Self {
        Self::new(stage, Act::Drop)
    }

    /// Drops the connection after so many bytes of the body.
    pub fn drop_in_body(after_bytes: usize) -> Self {
        Self {
            after_bytes,
            ..Self::new(Stage::Body, Act::Drop)
        }
    }

    /// Keeps the mail and drops the connection before the 250.
    pub fn keep_and_drop() -> Self {
        Self::new(Stage::AfterDot, Act::KeepAndDrop)
    }

    /// Answers 250 and keeps nothing.
    pub fn lose() -> Self {
        Self::new(Stage::AfterDot, Act::Lose)
    }

    /// Waits, then goes on as usual.
    pub fn delay(stage: Stage, delay: Duration) -> Self {
        Self::new(stage, Act::Continue).after(delay)
    }

    /// Waits so long before it does what it does.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Strikes the next `times` times.
    #[must_use]
    pub fn next(mut self, times: u32) -> Self {
        self.times = Times::Next(times);
        self
    }

    /// Strikes until the faults are cleared.
    #[must_use]
    pub fn endless(mut self) -> Self {
        self.times = Times::Endless;
        self
    }

    /// Strikes only for recipients that fit `pattern`.
    #[must_use]
    pub fn to(mut self, pattern: impl Into<String>) -> Self {
        self.to = Some(pattern.into());
        self
    }

    fn fits(&self, stage: Stage, addresses: &[String]) -> bool {
        self.stage == stage
            && self
                .to
                .as_deref()
                .is_none_or(|pattern| addresses.iter().any(|address| fits(pattern, address)))
    }
}

/// The first fault that fits, used up by one; one that is used up leaves the list.
pub(super) fn strike(faults: &mut Vec<Fault>, stage: Stage, addresses: &[String]) -> Option<Fault> {
    let at = faults
        .iter()
        .position(|fault| fault.fits(stage, addresses))?;
    match &mut faults[at].times {
        Times::Endless => Some(faults[at].clone()),
        Times::Next(left) if *left > 1 => {
            *left -= 1;
            Some(faults[at].clone())
        }
        Times::Next(0) => {
            faults.remove(at);
            strike(faults, stage, addresses)
        }
        Times::Next(_) => Some(faults.remove(at)),
    }
}

/// Whether `address` fits `pattern`, in which `*` stands for any text; letter case does not count.
fn fits(pattern: &str, address: &str) -> bool {
    let address = address.to_lowercase();
    let pattern = pattern.to_lowercase();
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = address.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

mod as_ms {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        value: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_whole_addresses() {
        for (pattern, address, expected) in [
            ("an@example.org", "An@Example.org", true),
            ("an@example.org", "lan@example.org", false),
            ("*@gone.example", "an@gone.example", true),
            ("*@gone.example", "an@gone.example.org", false),
            ("bad*", "bad-one@example.org", true),
            ("*gone*", "an@gone.example", true),
            ("*", "an@example.org", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c", false),
            ("aa*aa", "aaa", false),
        ] {
            assert_eq!(
                fits(pattern, address),
                expected,
                "{pattern} against {address}"
            );
        }
    }

    #[test]
    fn a_fault_is_used_up() {
        let mut faults = vec![
            Fault::reply(Stage::Rcpt, 450, "4.2.1 slow")
                .to("an@*")
                .next(2),
            Fault::reply(Stage::Rcpt, 550, "5.1.1 none").endless(),
        ];
        let an = ["an@example.org".to_owned()];
        let codes: Vec<_> = (0..4)
            .filter_map(|_| strike(&mut faults, Stage::Rcpt, &an))
            .map(|fault| fault.act)
            .collect();
        assert!(matches!(codes[1], Act::Reply { code: 450, .. }));
        assert!(matches!(codes[2], Act::Reply { code: 550, .. }));
        assert!(matches!(codes[3], Act::Reply { code: 550, .. }));
        assert_eq!(strike(&mut faults, Stage::Data, &an), None);
    }

    #[test]
    fn faults_can_be_written_as_json() {
        let fault: Fault = serde_json::from_str(
            r#"{"stage":"after_dot","act":{"reply":{"code":451,"text":"4.3.0 later"}},"delay_ms":250,"times":{"next":2}}"#,
        )
        .expect("a fault");
        assert_eq!(
            fault,
            Fault::reply(Stage::AfterDot, 451, "4.3.0 later")
                .after(Duration::from_millis(250))
                .next(2)
        );
        let fault: Fault =
            serde_json::from_str(r#"{"stage":"connect","act":"drop","times":"endless"}"#)
                .expect("a fault");
        assert_eq!(fault, Fault::drop(Stage::Connect).endless());
    }
}
