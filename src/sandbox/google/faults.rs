//! Faults a test can order, the quota, and the record of what was asked.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

/// How many requests the record keeps; older ones are forgotten, the counts stay right.
const KEPT_REQUESTS: usize = 20_000;

/// A fault: which requests it meets and what happens to them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// A part of the request's path or query, percent-decoded (`values:batchGet`, `/token`); every
    /// request if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The method (`GET`); every one if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// How many matching requests pass unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// How many are then met: 1 if missing, endless if null.
    #[serde(default = "once")]
    pub times: Option<u32>,
    /// What happens to them.
    pub effect: Effect,
}

#[allow(clippy::unnecessary_wraps)] // The shape serde's default needs.
fn once() -> Option<u32> {
    Some(1)
}

/// What a fault does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// Google's error answer with this status; nothing is done to the workbook.
    Status {
        /// The HTTP status, for example 429 or 503.
        status: u16,
        /// The Retry-After header, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_s: Option<u64>,
    },
    /// The right answer, late.
    Delay {
        /// How late, in milliseconds.
        ms: u64,
    },
    /// The right answer, done to the workbook, but the connection closes before the body's end.
    Truncate {
        /// How many bytes of the body still come; half of them if missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keep_bytes: Option<usize>,
        /// True: chunked transfer that never ends properly. False: a Content-Length that promises
        /// more.
        #[serde(default)]
        chunked: bool,
    },
    /// Something that is no JSON, with status 200 unless said otherwise; nothing is done.
    Garbage {
        /// The body; an HTML page if missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        /// The HTTP status.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
    },
    /// The connection is reset before any answer; nothing is done to the workbook.
    Reset,
    /// The connection is reset after the request was done: the client cannot know.
    ResetAfter,
}

impl Fault {
    /// A fault for the next request whose path holds `path`.
    pub fn next(path: &str, effect: Effect) -> Fault {
        Fault {
            path: Some(path.to_owned()),
            method: None,
            skip: 0,
            times: Some(1),
            effect,
        }
    }

    /// The same for every such request until the faults are cleared.
    pub fn always(path: &str, effect: Effect) -> Fault {
        Fault {
            times: None,
            ..Fault::next(path, effect)
        }
    }

    fn meets(&self, method: &str, path: &str) -> bool {
        self.path.as_deref().is_none_or(|part| path.contains(part))
            && self
                .method
                .as_deref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
    }
}

/// Takes the effect for a request out of the list: the first fault that meets it counts.
pub(super) fn take(faults: &mut Vec<Fault>, method: &str, path: &str) -> Option<Effect> {
    let at = faults.iter().position(|fault| fault.meets(method, path))?;
    let fault = &mut faults[at];
    if fault.skip > 0 {
        fault.skip -= 1;
        return None;
    }
    let effect = fault.effect.clone();
    match &mut fault.times {
        None => {}
        Some(0 | 1) => {
            faults.remove(at);
        }
        Some(times) => *times -= 1,
    }
    Some(effect)
}

/// A request as it was answered. Never holds a token.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequestRecord {
    /// Counts from 1 since the start or the last clearing.
    pub number: u64,
    /// When it came, in Unix milliseconds.
    pub at_ms: i64,
    /// `GET`, `POST` …
    pub method: String,
    /// The path, percent-decoded.
    pub path: String,
    /// The query, percent-decoded, without `access_token`.
    pub query: String,
    /// The account whose token came with it.
    pub account: Option<String>,
    /// The status answered; 0 for a reset.
    pub status: u16,
}

#[derive(Debug, Default)]
pub(super) struct RequestLog {
    pub(super) records: VecDeque<RequestRecord>,
    pub(super) total: u64,
}

impl RequestLog {
    pub(super) fn add(&mut self, mut record: RequestRecord) {
        self.total += 1;
        record.number = self.total;
        if self.records.len() == KEPT_REQUESTS {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }
}

/// Requests a minute for each account, by kind.
#[derive(Debug, Default)]
pub(super) struct Quota {
    /// The limit; `None` means there is none.
    per_minute: Option<u32>,
    used: HashMap<(String, &'static str), VecDeque<i64>>,
}

impl Quota {
    pub(super) fn new(per_minute: Option<u32>) -> Quota {
        Quota {
            per_minute,
            used: HashMap::new(),
        }
    }

    /// Counts a request (`kind` is `read` or `write`); the limit if it is one too many.
    pub(super) fn use_one(
        &mut self,
        account: &str,
        kind: &'static str,
        now_ms: i64,
    ) -> Option<u32> {
        let limit = self.per_minute?;
        let used = self.used.entry((account.to_owned(), kind)).or_default();
        while used.front().is_some_and(|at| now_ms - at >= 60_000) {
            used.pop_front();
        }
        if used.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
            return Some(limit);
        }
        used.push_back(now_ms);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skip_and_times_are_counted_by_matching_requests() {
        let mut faults = vec![Fault {
            skip: 1,
            times: Some(2),
            ..Fault::next("batchGet", Effect::Reset)
        }];
        let mut met = |path: &str| take(&mut faults, "GET", path).is_some();
        assert_eq!(
            [
                met("/token"),
                met("x:batchGet"),
                met("x:batchGet"),
                met("x:batchGet"),
                met("x:batchGet")
            ],
            [false, false, true, true, false]
        );
    }

    #[test]
    fn a_minute_has_so_many_requests() {
        let mut quota = Quota::new(Some(2));
        let mut ask = |at| quota.use_one("a", "read", at);
        assert_eq!(
            [ask(0), ask(1), ask(59_999), ask(60_000)],
            [None, None, Some(2), None]
        );
        assert_eq!(quota.use_one("a", "write", 2), None);
        assert_eq!(quota.use_one("b", "read", 2), None);
    }

    #[test]
    fn times_reads_missing_as_once_and_null_as_endless() {
        let read = |json: &str| serde_json::from_str::<Fault>(json).unwrap().times;
        assert_eq!(read(r#"{"effect":{"kind":"reset"}}"#), Some(1));
        assert_eq!(read(r#"{"times":null,"effect":{"kind":"reset"}}"#), None);
    }
}
