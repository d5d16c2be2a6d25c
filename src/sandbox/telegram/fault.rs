//! What goes wrong on purpose: for which method, how, how often.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a fault does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Nothing but the delay.
    Continue,
    /// Answer with this error.
    Status {
        /// HTTP status and `error_code`.
        code: u16,
        /// The sentence.
        description: String,
        /// `parameters.retry_after`, in seconds.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// Reset the connection without an answer.
    Reset,
    /// Answer with a page of HTML, as a gateway in between would.
    Garbage {
        /// HTTP status.
        code: u16,
    },
}

/// How often a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Times {
    /// The next so many calls.
    Next(u32),
    /// Until the faults are cleared.
    Endless,
}

/// One thing that goes wrong; it strikes once unless told otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The method, letter case aside; none is every method.
    #[serde(default)]
    pub method: Option<String>,
    /// Only for calls to this chat.
    #[serde(default)]
    pub chat: Option<i64>,
    /// What happens.
    pub act: Act,
    /// How long the server waits first, in milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
    /// Whether the call is carried out before it fails: the client cannot know.
    #[serde(default)]
    pub done: bool,
    /// How often it strikes.
    #[serde(default = "once")]
    pub times: Times,
}

fn once() -> Times {
    Times::Next(1)
}

impl Fault {
    fn new(method: &str, act: Act) -> Self {
        Self {
            method: (method != "*").then(|| method.to_owned()),
            chat: None,
            act,
            delay_ms: 0,
            done: false,
            times: once(),
        }
    }

    /// Answers `method` (`*` for all) with this error.
    pub fn status(method: &str, code: u16, description: impl Into<String>) -> Self {
        let act = Act::Status {
            code,
            description: description.into(),
            retry_after: None,
        };
        Self::new(method, act)
    }

    /// Answers with 429 and `retry_after` seconds.
    pub fn too_many(method: &str, retry_after: u64) -> Self {
        let act = Act::Status {
            code: 429,
            description: format!("Too Many Requests: retry after {retry_after}"),
            retry_after: Some(retry_after),
        };
        Self::new(method, act)
    }

    /// Resets the connection.
    pub fn reset(method: &str) -> Self {
        Self::new(method, Act::Reset)
    }

    /// Answers with HTML.
    pub fn garbage(method: &str, code: u16) -> Self {
        Self::new(method, Act::Garbage { code })
    }

    /// Waits, then goes on as usual.
    pub fn delay(method: &str, delay: Duration) -> Self {
        Self::new(method, Act::Continue).after(delay)
    }

    /// Waits so long before it does what it does.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// Carries the call out first, then fails.
    #[must_use]
    pub fn done_first(mut self) -> Self {
        self.done = true;
        self
    }

    /// Only for calls to this chat.
    #[must_use]
    pub fn to(mut self, chat: i64) -> Self {
        self.chat = Some(chat);
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

    fn fits(&self, method: &str, chat: Option<i64>) -> bool {
        self.method
            .as_deref()
            .is_none_or(|name| name.eq_ignore_ascii_case(method))
            && self.chat.is_none_or(|wanted| chat == Some(wanted))
    }
}

/// The first fault that fits, used up by one; one that is used up leaves the list.
pub(super) fn strike(faults: &mut Vec<Fault>, method: &str, chat: Option<i64>) -> Option<Fault> {
    faults.retain(|fault| fault.times != Times::Next(0));
    let at = faults.iter().position(|fault| fault.fits(method, chat))?;
    match &mut faults[at].times {
        Times::Next(left) if *left > 1 => *left -= 1,
        Times::Next(_) => return Some(faults.remove(at)),
        Times::Endless => {}
    }
    Some(faults[at].clone())
}
