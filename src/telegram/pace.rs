//! How fast the bot may write: to one chat, to one group, and overall; and what a 429 changes.
//!
//! Telegram says about 1 message a second to a chat with short bursts, 20 a minute to a group, and 30 a second overall
//! (core.telegram.org/bots/faq), and that the true limits are dynamic: so these are starting values, and `retry_after`
//! is always obeyed above them. A 429 for one chat holds that chat only; only when several chats get one at the same
//! time does everybody wait.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::core::pace::Pace;

/// One message a second to a chat, three at once after a quiet time.
const CHAT_STEP: Duration = Duration::from_secs(1);
const CHAT_BURST: u32 = 3;
/// Five at once and fifteen more in a minute make the twenty a group may get.
const GROUP_STEP: Duration = Duration::from_secs(4);
const GROUP_BURST: u32 = 5;
/// 25 a second, five at once: never more than the 30 that are allowed.
const OVERALL_STEP: Duration = Duration::from_millis(40);
const OVERALL_BURST: u32 = 5;
/// After a flood limit for all: half as fast, for a minute after it ended.
const SLOWED_STEP: Duration = Duration::from_millis(80);
const SLOWED_FOR: Duration = Duration::from_secs(60);
/// So many different chats with a 429 in `FLOOD_WINDOW` mean that the limit is on the bot and not on them.
const FLOOD_CHATS: usize = 3;
const FLOOD_WINDOW: Duration = Duration::from_secs(10);
/// Above so many chats, those that have been quiet are forgotten.
const MANY_CHATS: usize = 2000;

/// The shared pace of one bot.
#[derive(Debug)]
pub struct ChatPace {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    overall: Pace,
    slowed_until: Option<Instant>,
    held_until: Option<Instant>,
    chats: HashMap<i64, ChatState>,
    /// The last 429s: when and which chat.
    floods: Vec<(Instant, i64)>,
}

#[derive(Debug)]
struct ChatState {
    pace: Pace,
    held_until: Option<Instant>,
}

impl Default for ChatPace {
    fn default() -> Self {
        Self {
            inner: Mutex::new(Inner {
                overall: Pace::new(OVERALL_STEP, OVERALL_BURST),
                slowed_until: None,
                held_until: None,
                chats: HashMap::new(),
                floods: Vec::new(),
            }),
        }
    }
}

impl ChatPace {
    /// How long until this chat may get one more; zero means now.
    pub fn ready_in(&self, chat: i64, now: Instant) -> Duration {
        self.lock().ready_in(chat, now)
    }

    /// Counts one message to this chat, or says how long to wait.
    ///
    /// # Errors
    /// The time to wait; nothing was counted.
    pub fn try_take(&self, chat: i64, now: Instant) -> Result<(), Duration> {
        let mut inner = self.lock();
        let wait = inner.ready_in(chat, now);
        if wait.is_zero() {
            inner.take(chat, now);
            Ok(())
        } else {
            Err(wait)
        }
    }

    /// Waits until this chat may get one, and counts it. For answers to a person, who waits as well.
    pub async fn acquire(&self, chat: i64) {
        while let Err(wait) = self.try_take(chat, Instant::now()) {
            tokio::time::sleep(wait).await;
        }
    }

    /// Obeys a 429 that came for this chat.
    pub fn flooded(&self, chat: i64, retry_after: Duration, now: Instant) {
        self.lock().flooded(chat, retry_after, now);
    }

    /// Every statement under this lock leaves the figures whole.
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Inner {
    fn ready_in(&self, chat: i64, now: Instant) -> Duration {
        let until = |held: Option<Instant>| {
            held.map_or(Duration::ZERO, |held| held.saturating_duration_since(now))
        };
        let own = self.chats.get(&chat).map_or(Duration::ZERO, |state| {
            state.pace.ready_in(now).max(until(state.held_until))
        });
        own.max(self.overall.ready_in(now))
            .max(until(self.held_until))
    }

    fn take(&mut self, chat: i64, now: Instant) {
        if self.slowed_until.is_some_and(|until| until <= now) {
            self.slowed_until = None;
            self.overall.set_step(OVERALL_STEP);
        }
        if self.chats.len() >= MANY_CHATS {
            self.chats.retain(|_, state| {
                !state.pace.is_fresh(now) || state.held_until.is_some_and(|until| until > now)
            });
        }
        self.overall.take(now);
        self.chat(chat).pace.take(now);
    }

    fn flooded(&mut self, chat: i64, retry_after: Duration, now: Instant) {
        let until = now + retry_after;
        let state = self.chat(chat);
        state.held_until = state.held_until.max(Some(until));
        self.floods
            .retain(|(at, _)| now.saturating_duration_since(*at) < FLOOD_WINDOW);
        self.floods.push((now, chat));
        let mut chats: Vec<i64> = self.floods.iter().map(|(_, chat)| *chat).collect();
        chats.sort_unstable();
        chats.dedup();
        if chats.len() >= FLOOD_CHATS {
            self.floods.clear();
            self.held_until = self.held_until.max(Some(until));
            self.slowed_until = Some(until + SLOWED_FOR);
            self.overall.set_step(SLOWED_STEP);
        }
    }

    fn chat(&mut self, chat: i64) -> &mut ChatState {
        self.chats.entry(chat).or_insert_with(|| ChatState {
            // Groups and channels have negative ids.
            pace: if chat < 0 {
                Pace::new(GROUP_STEP, GROUP_BURST)
            } else {
                Pace::new(CHAT_STEP, CHAT_BURST)
            },
            held_until: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// How many go to these chats in so much time, when each is asked again and again.
    fn sent(pace: &ChatPace, chats: &[i64], start: Instant, time: Duration) -> usize {
        let mut count = 0;
        let mut now = start;
        while now < start + time {
            for chat in chats {
                while pace.try_take(*chat, now).is_ok() {
                    count += 1;
                }
            }
            now += Duration::from_millis(20);
        }
        count
    }

    #[test]
    fn a_chat_a_group_and_all_together() {
        let now = Instant::now();
        assert_eq!(sent(&ChatPace::default(), &[7], now, SECOND * 10), 12);
        assert_eq!(sent(&ChatPace::default(), &[-7], now, SECOND * 60), 19);
        let many: Vec<i64> = (1..=500).collect();
        let in_a_second = sent(&ChatPace::default(), &many, now, SECOND);
        assert!((25..=30).contains(&in_a_second), "{in_a_second}");
    }

    #[test]
    fn a_429_holds_its_own_chat_only() {
        let now = Instant::now();
        let pace = ChatPace::default();
        pace.flooded(7, SECOND * 30, now);
        assert_eq!(pace.ready_in(7, now), SECOND * 30);
        assert_eq!(pace.ready_in(8, now), Duration::ZERO);
        assert_eq!(pace.try_take(7, now + SECOND * 29), Err(SECOND));
        assert_eq!(pace.try_take(7, now + SECOND * 30), Ok(()));
        // A shorter wish later does not shorten the longer one.
        pace.flooded(9, SECOND * 30, now);
        pace.flooded(9, SECOND, now);
        assert_eq!(pace.ready_in(9, now), SECOND * 30);
    }

    #[test]
    fn a_429_for_several_chats_slows_all() {
        let now = Instant::now();
        let pace = ChatPace::default();
        for chat in [1, 2, 3] {
            pace.flooded(chat, SECOND * 5, now);
        }
        assert_eq!(pace.ready_in(4, now), SECOND * 5);
        let many: Vec<i64> = (100..600).collect();
        let slowed = sent(&pace, &many, now + SECOND * 5, SECOND);
        assert!((10..=20).contains(&slowed), "{slowed}");
        let later = now + SECOND * 70;
        assert!(sent(&pace, &many, later, SECOND * 2) > 40);
    }

    #[test]
    fn the_same_chat_again_is_no_flood_for_all() {
        let now = Instant::now();
        let pace = ChatPace::default();
        for _ in 0..10 {
            pace.flooded(7, SECOND, now);
        }
        assert_eq!(pace.ready_in(8, now), Duration::ZERO);
    }

    #[test]
    fn quiet_chats_are_forgotten() {
        let mut now = Instant::now();
        let pace = ChatPace::default();
        for chat in 0..5000 {
            now += SECOND;
            assert_eq!(pace.try_take(chat, now), Ok(()));
        }
        assert!(pace.lock().chats.len() <= MANY_CHATS);
    }
}
