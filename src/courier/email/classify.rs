//! What an SMTP reply means for a message.
//!
//! The order is that of the domain's table: exact codes and texts before ranges, because one code can mean two things
//! (`450 4.2.1` is both "this recipient" and "our relay"). Status codes: RFC 3463 and IANA's registry of enhanced
//! status codes.

use crate::core::delivery::{Refusal, Scope, Verdict};

use super::session::Phase;

/// Longest part of a reply that is kept, in characters.
const LONGEST_REPLY: usize = 500;

/// A reply of the server: the three digits and the text after them, its lines joined by spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 200–599.
    pub code: u16,
    /// With the enhanced status code in front, if the server gave one.
    pub text: String,
}

impl Reply {
    /// Joins the lines, drops control characters and cuts what is too long.
    pub fn new<'a>(code: u16, lines: impl IntoIterator<Item = &'a str>) -> Self {
        let text = lines
            .into_iter()
            .flat_map(str::split_whitespace)
            .collect::<Vec<_>>()
            .join(" ");
        Self {
            code,
            text: text
                .chars()
                .filter(|letter| !letter.is_control())
                .take(LONGEST_REPLY)
                .collect(),
        }
    }

    /// The enhanced status code (class, subject, detail) at the start of the text; `#5.1.1` as old servers write it too.
    fn status(&self) -> Option<(u16, u16, u16)> {
        let first = self.text.split_whitespace().next()?;
        let first = first.trim_matches(['#', '(', ')', ':', ',', ';']);
        let mut numbers = first.split('.').map(str::parse::<u16>);
        let status = (
            numbers.next()?.ok()?,
            numbers.next()?.ok()?,
            numbers.next()?.ok()?,
        );
        (numbers.next().is_none() && [2, 4, 5].contains(&status.0)).then_some(status)
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.code, self.text.trim())
    }
}

/// Texts of our own limit. Google gives the first one the same code as "this recipient receives too fast".
const OUR_LIMIT: [&str; 4] = [
    "peak smtp relay limit exceeded",
    "daily smtp relay limit exceeded",
    "daily user sending limit exceeded",
    "daily user sending quota exceeded",
];

/// What a refusal (4xx or 5xx) in this phase means.
///
/// A mailbox that is disabled (5.2.1) or full (5.2.2) comes out as "try later, about this address": how often it may
/// say so before the address is given up is counted by the outbox, see [`strike`].
pub fn verdict(phase: Phase, reply: &Reply) -> Verdict {
    let why = reply.to_string();
    let later = |scope| Verdict::TryLater {
        why: why.clone(),
        not_before_s: None,
        scope,
    };
    let rejected = |about| Verdict::Rejected {
        why: why.clone(),
        about,
    };
    let said = reply.text.to_lowercase();
    if OUR_LIMIT.iter().any(|text| said.contains(text)) {
        return later(Scope::Sender);
    }
    let status = reply.status();
    if matches!(status, Some((5, 4, 5) | (4, 7, 28))) {
        return later(Scope::Sender);
    }
    // Before MAIL nothing is about this message: whatever is said holds for everything we would send.
    if phase < Phase::Mail || matches!(reply.code, 421 | 521 | 530 | 534 | 535 | 538 | 454) {
        return later(Scope::Channel);
    }
    match status {
        Some((5, 7, _)) => rejected(Refusal::Policy),
        Some((5, 1, 7 | 8)) => rejected(Refusal::Policy),
        Some((5, 1, _)) if phase == Phase::Mail => rejected(Refusal::Policy),
        Some((5, 1, 1 | 2 | 3 | 6 | 10)) => rejected(Refusal::Address),
        Some((5, 1, _)) if phase == Phase::Rcpt => rejected(Refusal::Address),
        Some((5, 2, 1 | 2) | (4, 2, 2)) => later(Scope::Address),
        Some((5, 2, 3) | (5, 3, 4) | (5, 6, _)) => rejected(Refusal::Content),
        Some((4, 2, _)) => later(Scope::Address),
        Some((4, 7, _)) => later(Scope::Message),
        Some((4 | 5, 4, _)) => later(Scope::Address),
        // Full or closing down. Other trouble of the server's (4.3.x) may lie in one message, which must not stop the rest.
        Some((4, 3, 1 | 2)) => later(Scope::Channel),
        Some((4, 3, _)) if phase == Phase::Mail => later(Scope::Channel),
        Some((4, _, _)) => later(Scope::Message),
        _ => by_basic_code(phase, reply.code, later, rejected),
    }
}

/// What remains without a telling status code: RFC 5321 section 4.2.3 by phase.
fn by_basic_code(
    phase: Phase,
    code: u16,
    later: impl Fn(Scope) -> Verdict,
    rejected: impl Fn(Refusal) -> Verdict,
) -> Verdict {
    match (code, phase) {
        (452, Phase::Mail) => later(Scope::Channel),
        (400..=499, _) => later(Scope::Message),
        (552, Phase::Rcpt) => later(Scope::Address),
        (550 | 551 | 553 | 556, Phase::Rcpt) => rejected(Refusal::Address),
        (550 | 551 | 553 | 554 | 556, _) => rejected(Refusal::Policy),
        // 500–504, 552 for the body, 555, and anything unheard of: nobody else is to blame, so nothing else is stopped.
        _ => rejected(Refusal::Content),
    }
}

/// A refusal that gives an address up only when it comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// The mailbox is disabled (5.2.1): given up at the second time.
    Disabled,
    /// The mailbox is full (4.2.2, 5.2.2): given up after about three times over at least seven days.
    Full,
}

/// Whether a reply, as it stands in [`Verdict`] and in the ledger, counts against the address.
pub fn strike(said: &str) -> Option<Strike> {
    let (code, text) = said.split_once(' ')?;
    let reply = Reply::new(code.parse().ok()?, [text]);
    match reply.status()? {
        (5, 2, 1) => Some(Strike::Disabled),
        (4 | 5, 2, 2) => Some(Strike::Full),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outcome in one word, so that the table below reads like the domain's.
    fn outcome(phase: Phase, line: &str) -> String {
        let (code, text) = line.split_once(' ').unwrap_or((line, ""));
        match verdict(phase, &Reply::new(code.parse().unwrap(), [text])) {
            Verdict::TryLater { scope, why, .. } => {
                assert_eq!(why, line);
                format!("later {scope:?}")
            }
            Verdict::Rejected { about, why } => {
                assert_eq!(why, line);
                format!("rejected {about:?}")
            }
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn replies_in_the_order_of_the_table() {
        use Phase::{Body, Data, Greeting, Login, Mail, Rcpt};
        for (phase, line, expected) in [
            // 1: our own limits
            (
                Rcpt,
                "550 5.4.5 Daily user sending limit exceeded",
                "later Sender",
            ),
            (
                Body,
                "421 4.7.28 Our system has detected an unusual rate",
                "later Sender",
            ),
            (
                Rcpt,
                "450 4.2.1 Peak SMTP relay limit exceeded",
                "later Sender",
            ),
            // 2: policy
            (
                Body,
                "550 5.7.1 Message rejected as spam",
                "rejected Policy",
            ),
            (
                Body,
                "550 5.7.26 This mail is unauthenticated",
                "rejected Policy",
            ),
            (Rcpt, "550 5.7.23 SPF validation failed", "rejected Policy"),
            (Mail, "550 5.7.25 no PTR record", "rejected Policy"),
            (
                Rcpt,
                "554 5.7.1 <an@x.vn>: Relay access denied",
                "rejected Policy",
            ),
            // 3: the address is no good
            (
                Rcpt,
                "550 5.1.1 The email account does not exist",
                "rejected Address",
            ),
            (Rcpt, "550 5.1.2 no such domain", "rejected Address"),
            (Rcpt, "553 5.1.3 bad syntax", "rejected Address"),
            (Rcpt, "551 5.1.6 moved", "rejected Address"),
            (Rcpt, "556 5.1.10 null MX", "rejected Address"),
            (
                Body,
                "550 5.1.1 unknown, said after the body",
                "rejected Address",
            ),
            (Rcpt, "550 #5.1.0 Address rejected.", "rejected Address"),
            (
                Mail,
                "553 5.1.8 Sender address rejected: Domain not found",
                "rejected Policy",
            ),
            (Mail, "550 5.1.0 Sender rejected", "rejected Policy"),
            // 4 and 5: strikes
            (Rcpt, "550 5.2.1 mailbox disabled", "later Address"),
            (Rcpt, "552 5.2.2 mailbox full", "later Address"),
            (
                Rcpt,
                "452 4.2.2 The email account is over quota",
                "later Address",
            ),
            // 6: our fault
            (Body, "552 5.2.3 Message too large", "rejected Content"),
            (
                Mail,
                "552 5.3.4 Message size exceeds fixed limit",
                "rejected Content",
            ),
            (Body, "554 5.6.0 bad MIME", "rejected Content"),
            // 7: temporary
            (
                Rcpt,
                "450 4.2.1 The user is receiving mail too quickly",
                "later Address",
            ),
            (
                Rcpt,
                "451 4.7.1 Greylisting in action, please come back later",
                "later Message",
            ),
            (Rcpt, "450 Greylisted", "later Message"),
            (Data, "451 local error", "later Message"),
            // 8: routing
            (Rcpt, "450 4.4.1 connection timed out", "later Address"),
            (Rcpt, "550 5.4.4 host not found", "later Address"),
            // the whole channel
            (Greeting, "554 5.7.1 blocked by our list", "later Channel"),
            (Greeting, "421 too many connections", "later Channel"),
            (
                Login,
                "535 5.7.8 Username and Password not accepted",
                "later Channel",
            ),
            (
                Login,
                "454 4.7.0 Temporary authentication failure",
                "later Channel",
            ),
            (
                Mail,
                "530 5.7.0 Must issue a STARTTLS command first",
                "later Channel",
            ),
            (Body, "421 4.3.2 shutting down", "later Channel"),
            (Body, "451 4.3.0 queue file write error", "later Message"),
            (Rcpt, "452 4.5.3 too many recipients", "later Message"),
            (
                Mail,
                "452 4.3.1 Insufficient system storage",
                "later Channel",
            ),
            // without a status code
            (Rcpt, "550 No such user here", "rejected Address"),
            (Rcpt, "552 over quota", "later Address"),
            (Body, "552 too big", "rejected Content"),
            (Mail, "550 go away", "rejected Policy"),
            (Body, "554 Transaction failed", "rejected Policy"),
            (Rcpt, "501 syntax", "rejected Content"),
            (Data, "503 out of order", "rejected Content"),
        ] {
            assert_eq!(outcome(phase, line), expected, "{phase:?}: {line}");
        }
    }

    #[test]
    fn strikes_are_read_from_the_ledger() {
        assert_eq!(strike("550 5.2.1 disabled"), Some(Strike::Disabled));
        assert_eq!(strike("552 5.2.2 full"), Some(Strike::Full));
        assert_eq!(strike("452 4.2.2 full"), Some(Strike::Full));
        assert_eq!(strike("450 4.2.1 too fast"), None);
        assert_eq!(strike("no answer"), None);
    }

    #[test]
    fn a_reply_is_one_short_line() {
        let reply = Reply::new(550, ["5.7.1 one\r\n", "two\u{7}  three"]);
        assert_eq!(reply.to_string(), "550 5.7.1 one two three");
        assert_eq!(
            Reply::new(550, [&*"x".repeat(9000)]).text.len(),
            LONGEST_REPLY
        );
    }
}
