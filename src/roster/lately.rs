//! Figures that were reckoned a moment ago: a walk over half a million rows takes seconds, and an answer of the bot
//! may not.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// With fewer rows the walk is quicker than anybody reads.
const MANY_ROWS: usize = 20_000;
/// Figures are good for so many times as long as they took, so that reckoning them is never the main work.
const TIMES: u32 = 20;
/// And no longer than this.
const LONGEST: Duration = Duration::from_secs(300);
/// Answers that are kept.
const KEPT: usize = 32;

/// The last answers, newest last.
#[derive(Debug, Default)]
pub(super) struct Lately(Mutex<Vec<Answer>>);

#[derive(Debug)]
struct Answer {
    question: String,
    until: Instant,
    /// What the question was answered with.
    said: Arc<dyn Any + Send + Sync>,
}

impl Lately {
    /// What was answered to a question a moment ago.
    pub(super) fn find<T: Clone + 'static>(&self, question: &str) -> Option<T> {
        let now = Instant::now();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|answer| answer.until > now);
        let found = kept.iter().find(|answer| answer.question == question);
        found.and_then(|answer| answer.said.downcast_ref::<T>().cloned())
    }

    /// Keeps an answer over so many rows that took so long.
    pub(super) fn keep(
        &self,
        question: &str,
        said: impl Any + Send + Sync,
        rows: usize,
        took: Duration,
    ) {
        if rows < MANY_ROWS {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|answer| answer.question != question);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push(Answer {
            question: question.to_owned(),
            until: Instant::now() + (took * TIMES).min(LONGEST),
            said: Arc::new(said),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_took_its_time_is_kept() {
        let lately = Lately::default();
        let long = Duration::from_secs(10);
        lately.keep("few", 1, MANY_ROWS - 1, long);
        assert_eq!(lately.find::<i32>("few"), None);
        lately.keep("quick", 1, MANY_ROWS, Duration::ZERO);
        assert_eq!(lately.find::<i32>("quick"), None);
        lately.keep("many", 1, MANY_ROWS, long);
        assert_eq!(lately.find::<i32>("many"), Some(1));
        for at in 0..KEPT {
            lately.keep(&at.to_string(), 1, MANY_ROWS, long);
        }
        assert_eq!(lately.find::<i32>("many"), None);
    }
}
