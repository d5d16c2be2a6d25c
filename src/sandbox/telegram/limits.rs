//! Telegram's flood limits, as its FAQ for bots gives them; the real ones are not published and move.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How many messages are let through.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Messages a second to one chat.
    pub chat_per_second: f64,
    /// How many may come to one chat at once before that counts.
    pub chat_burst: u32,
    /// Messages a second in all.
    pub overall_per_second: u32,
    /// Messages a minute to one group.
    pub group_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            chat_per_second: 1.0,
            chat_burst: 3,
            overall_per_second: 30,
            group_per_minute: 20,
        }
    }
}

/// What was let through of late.
#[derive(Debug, Default)]
pub(super) struct Flood {
    overall: VecDeque<Instant>,
    groups: HashMap<i64, VecDeque<Instant>>,
    /// Per chat: how many messages may still go at once, and when that was so.
    chats: HashMap<i64, (f64, Instant)>,
}

impl Flood {
    /// Lets one message to `chat` through at `now`, or says after how many seconds to come again.
    pub(super) fn admit(
        &mut self,
        limits: &Limits,
        chat: i64,
        group: bool,
        now: Instant,
    ) -> Result<(), u64> {
        let second = Duration::from_secs(1);
        let minute = Duration::from_secs(60);
        let burst = f64::from(limits.chat_burst.max(1));
        let (had, since) = self.chats.get(&chat).copied().unwrap_or((burst, now));
        let room =
            (had + now.duration_since(since).as_secs_f64() * limits.chat_per_second).min(burst);
        let mut wait = Duration::ZERO;
        if room < 1.0 {
            let seconds = (1.0 - room) / limits.chat_per_second.max(f64::EPSILON);
            wait = Duration::try_from_secs_f64(seconds).unwrap_or(minute);
        }
        wait = wait.max(full(
            &mut self.overall,
            second,
            limits.overall_per_second,
            now,
        ));
        if group {
            let window = self.groups.entry(chat).or_default();
            wait = wait.max(full(window, minute, limits.group_per_minute, now));
        }
        if !wait.is_zero() {
            // Whole seconds, upwards, and never "retry after 0".
            return Err(wait
                .as_millis()
                .div_ceil(1000)
                .try_into()
                .unwrap_or(u64::MAX)
                .max(1));
        }
        self.chats.insert(chat, (room - 1.0, now));
        self.overall.push_back(now);
        if group {
            self.groups.entry(chat).or_default().push_back(now);
        }
        Ok(())
    }
}

/// How long until the window has room; zero if it has.
fn full(window: &mut VecDeque<Instant>, length: Duration, limit: u32, now: Instant) -> Duration {
    while window
        .front()
        .is_some_and(|first| now.duration_since(*first) >= length)
    {
        window.pop_front();
    }
    let over =
        (window.len() + 1).saturating_sub(usize::try_from(limit.max(1)).unwrap_or(usize::MAX));
    match over.checked_sub(1).and_then(|at| window.get(at)) {
        Some(first) => length.saturating_sub(now.duration_since(*first)),
        None => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends at the given milliseconds; `.` let through, else the seconds to wait.
    fn run(limits: &Limits, group: bool, sends: &[(i64, u64)]) -> String {
        let start = Instant::now();
        let mut flood = Flood::default();
        sends
            .iter()
            .map(|(chat, at)| {
                match flood.admit(limits, *chat, group, start + Duration::from_millis(*at)) {
                    Ok(()) => ".".to_owned(),
                    Err(seconds) => seconds.to_string(),
                }
            })
            .collect()
    }

    #[test]
    fn one_a_second_to_a_chat_after_a_burst() {
        let limits = Limits {
            chat_burst: 2,
            ..Limits::default()
        };
        assert_eq!(
            run(
                &limits,
                false,
                &[(1, 0), (1, 0), (1, 0), (2, 0), (1, 1000), (1, 1001)]
            ),
            "..1..1"
        );
    }

    #[test]
    fn thirty_a_second_in_all() {
        let mut sends: Vec<(i64, u64)> = (0..31).map(|chat| (chat, 10)).collect();
        sends.push((50, 1010));
        assert_eq!(
            run(&Limits::default(), false, &sends),
            format!("{}1.", ".".repeat(30))
        );
    }

    #[test]
    fn twenty_a_minute_to_a_group() {
        let sends: Vec<(i64, u64)> = (0..21)
            .map(|at| (-1, at * 1000))
            .chain([(-1, 60_000)])
            .collect();
        assert_eq!(
            run(&Limits::default(), true, &sends),
            format!("{}40.", ".".repeat(20))
        );
    }
}
