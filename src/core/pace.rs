//! How fast something may go: so many a minute, with a small burst.
//!
//! Pure: the present moment is an argument. Whose rate it is and where the figures come from is said where one is made.

use std::time::{Duration, Instant};

/// One rate: a step between two sends, and how many may go at once after a quiet time.
///
/// The generic cell rate algorithm (ITU-T I.371): one moment is all it keeps. In any stretch of time `t` no more
/// than `burst + t / step` go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    step: Duration,
    burst: u32,
    /// When all that went would have gone at an even pace; `None` before the first.
    paid_until: Option<Instant>,
}

impl Pace {
    /// One every `step`, up to `burst` (at least 1) at once.
    pub fn new(step: Duration, burst: u32) -> Self {
        Self {
            step,
            burst: burst.max(1),
            paid_until: None,
        }
    }

    /// `count` (at least 1) in a minute, up to `burst` at once.
    pub fn per_minute(count: u32, burst: u32) -> Self {
        Self::new(Duration::from_secs(60) / count.max(1), burst)
    }

    /// How long until the next may go; zero means now.
    pub fn ready_in(&self, now: Instant) -> Duration {
        let ahead = self.step * (self.burst - 1);
        self.paid_until.map_or(Duration::ZERO, |paid| {
            paid.saturating_duration_since(now).saturating_sub(ahead)
        })
    }

    /// Counts one that goes now. It is counted even when it was not its time: the next ones wait the longer.
    pub fn take(&mut self, now: Instant) {
        let from = self.paid_until.map_or(now, |paid| paid.max(now));
        self.paid_until = Some(from + self.step);
    }

    /// Whether nothing of the past weighs on it any more, so that a new one would behave the same.
    pub fn is_fresh(&self, now: Instant) -> bool {
        self.paid_until.is_none_or(|paid| paid <= now)
    }

    /// Changes the step from here on; what went before keeps its weight.
    pub fn set_step(&mut self, step: Duration) {
        self.step = step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends as fast as allowed for `seconds`, and tells the moments in milliseconds.
    fn moments(mut pace: Pace, seconds: u64) -> Vec<u128> {
        let start = Instant::now();
        let mut now = start;
        let mut sent = Vec::new();
        loop {
            now += pace.ready_in(now);
            if now >= start + Duration::from_secs(seconds) {
                return sent;
            }
            pace.take(now);
            sent.push((now - start).as_millis());
        }
    }

    #[test]
    fn a_burst_then_an_even_pace() {
        assert_eq!(
            moments(Pace::new(Duration::from_secs(1), 3), 4),
            [0, 0, 0, 1000, 2000, 3000]
        );
    }

    #[test]
    fn per_minute_counts_a_minute() {
        assert_eq!(moments(Pace::per_minute(30, 1), 60).len(), 30);
        assert_eq!(moments(Pace::per_minute(0, 0), 60).len(), 1);
    }

    #[test]
    fn after_a_quiet_time_the_burst_is_back() {
        let now = Instant::now();
        let mut pace = Pace::new(Duration::from_secs(1), 2);
        pace.take(now);
        pace.take(now);
        assert_eq!(pace.ready_in(now), Duration::from_secs(1));
        assert!(!pace.is_fresh(now));
        let later = now + Duration::from_secs(2);
        assert!(pace.is_fresh(later));
        assert_eq!(pace.ready_in(later), Duration::ZERO);
    }
}
