//! What the bridge says about itself, in plain language: the lines of the log, and how it is doing now.
//!
//! Whoever runs the bridge pushes; the page shows. The page decides nothing from it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

/// How many lines are kept; older ones go.
const KEPT: usize = 500;

/// What a line is about: decides its icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The sheet was read.
    Read,
    /// Staff edited the sheet: sorted, moved, typed.
    Edit,
    /// A change has settled.
    Event,
    /// Something will be sent, or will not, and why.
    Decision,
    /// A batch is held, released or dropped.
    Held,
    /// A message went out.
    Sent,
    /// Something went wrong.
    Trouble,
    /// Anything else worth saying.
    Note,
}

/// One line, in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// What about.
    pub kind: Kind,
    /// The sentence in Vietnamese.
    pub vi: String,
    /// The sentence in English.
    pub en: String,
}

/// How the bridge is doing now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StatusLine {
    /// When the sheet was last read well, in milliseconds since 1970; `None` before the first time.
    pub last_poll_ms: Option<i64>,
    /// How often it is read, in milliseconds: the page counts it as late after three times that.
    pub poll_every_ms: Option<i64>,
    /// Why a batch is held, if one is.
    pub held: Option<String>,
    /// What is wrong, if something is: the sheet cannot be read, a server does not answer.
    pub trouble: Option<String>,
    /// Whether all sending is paused.
    pub paused: bool,
    /// How many customers are known.
    pub records: Option<u64>,
    /// How many messages wait to be sent.
    pub queued: u64,
    /// How many rows changed and have not settled.
    pub settling: u64,
}

/// A line with its number, from 1.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Numbered {
    pub(super) number: u64,
    #[serde(flatten)]
    pub(super) line: LogLine,
}

#[derive(Debug, Default)]
struct Feed {
    lines: VecDeque<Numbered>,
    pushed: u64,
    status: StatusLine,
    status_revision: u64,
}

/// Where the bridge's lines go; clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct LogFeed {
    feed: Arc<Mutex<Feed>>,
    revision: watch::Sender<u64>,
}

impl Default for LogFeed {
    fn default() -> LogFeed {
        LogFeed::new()
    }
}

impl LogFeed {
    /// An empty one.
    pub fn new() -> LogFeed {
        LogFeed {
            feed: Arc::default(),
            revision: watch::Sender::new(0),
        }
    }

    /// Adds a line; the last 500 are kept.
    pub fn push(&self, line: LogLine) {
        let mut feed = self.feed();
        feed.pushed += 1;
        let number = feed.pushed;
        if feed.lines.len() == KEPT {
            feed.lines.pop_front();
        }
        feed.lines.push_back(Numbered { number, line });
        drop(feed);
        self.touch();
    }

    /// Says how the bridge is doing; wakes the page only if it says something new.
    pub fn status(&self, status: StatusLine) {
        let mut feed = self.feed();
        if feed.status == status {
            return;
        }
        feed.status = status;
        feed.status_revision += 1;
        drop(feed);
        self.touch();
    }

    /// Forgets all lines, as for a new start. Numbers go on.
    pub fn clear(&self) {
        self.feed().lines.clear();
        self.touch();
    }

    /// The lines kept, oldest first.
    pub fn lines(&self) -> Vec<LogLine> {
        let feed = self.feed();
        feed.lines.iter().map(|kept| kept.line.clone()).collect()
    }

    /// Grows with every line and every new status.
    pub fn revision(&self) -> u64 {
        *self.revision.borrow()
    }

    /// A receiver that wakes when [`LogFeed::revision`] grows.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// The number of the last line ever pushed.
    pub(super) fn pushed(&self) -> u64 {
        self.feed().pushed
    }

    /// The lines with a higher number than `known`, oldest first.
    pub(super) fn after(&self, known: u64) -> Vec<Numbered> {
        let feed = self.feed();
        feed.lines
            .iter()
            .filter(|kept| kept.number > known)
            .cloned()
            .collect()
    }

    /// The status and its revision.
    pub(super) fn current(&self) -> (StatusLine, u64) {
        let feed = self.feed();
        (feed.status.clone(), feed.status_revision)
    }

    /// Wakes whoever watches, with nothing new in the log itself.
    pub(super) fn wake(&self) {
        self.touch();
    }

    /// How many wait for the next line.
    #[cfg(test)]
    pub(super) fn watchers(&self) -> usize {
        self.revision.receiver_count()
    }

    fn touch(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// Nothing is left half-done under this lock, so a panic elsewhere does not make the value wrong.
    fn feed(&self) -> MutexGuard<'_, Feed> {
        self.feed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: i64) -> LogLine {
        LogLine {
            at_ms: number,
            kind: Kind::Read,
            vi: format!("dòng {number}"),
            en: format!("line {number}"),
        }
    }

    #[test]
    fn the_last_five_hundred_lines_are_kept_under_numbers_that_go_on() {
        let log = LogFeed::new();
        (1..=503).for_each(|number| log.push(line(number)));
        assert_eq!(log.lines().len(), 500);
        assert_eq!(log.lines()[0].at_ms, 4);
        assert_eq!(log.pushed(), 503);
        let new: Vec<u64> = log.after(501).iter().map(|kept| kept.number).collect();
        assert_eq!(new, [502, 503]);
        log.clear();
        assert!(log.lines().is_empty());
        log.push(line(504));
        assert_eq!(log.after(0)[0].number, 504);
    }

    #[test]
    fn a_status_that_says_nothing_new_wakes_nobody() {
        let log = LogFeed::new();
        let status = StatusLine {
            last_poll_ms: Some(1),
            ..StatusLine::default()
        };
        log.status(status.clone());
        let revision = log.revision();
        log.status(status);
        assert_eq!(log.revision(), revision);
        log.status(StatusLine::default());
        assert!(log.revision() > revision);
    }

    #[test]
    fn a_line_is_told_with_its_number_and_kind() {
        let log = LogFeed::new();
        log.push(line(7));
        let told = serde_json::to_value(log.after(0)).unwrap();
        assert_eq!(
            told,
            serde_json::json!([{"number": 1, "at_ms": 7, "kind": "read", "vi": "dòng 7", "en": "line 7"}])
        );
    }
}
