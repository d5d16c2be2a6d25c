//! The door of each channel. One that nobody answers is knocked at now and then by one message, not
//! by the whole queue, and when it opens all that waits goes on at once.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::core::rule::Channel;

/// Waits between knocks, in seconds; the last one stays. Short enough that a healed server is
/// noticed in two minutes at most, long enough that a struggling one is left alone.
const KNOCKS_S: [i64; 6] = [5, 10, 20, 40, 80, 120];

/// What is known of the doors. Gone with the process: a restart knocks.
#[derive(Debug, Default)]
pub(super) struct Gates {
    shut: Mutex<BTreeMap<Channel, Shut>>,
}

#[derive(Clone, Copy, Debug)]
struct Shut {
    until: Timestamp,
    knocks: usize,
}

impl Gates {
    /// How many may go side by side now: all, one that knocks, or none.
    pub(super) fn seats(&self, channel: Channel, connections: usize, now: Timestamp) -> usize {
        match self.lock().get(&channel) {
            None => connections,
            Some(shut) if shut.until <= now => connections.min(1),
            Some(_) => 0,
        }
    }

    /// Nobody answered: when to knock again. What failed beside the first is the same knock.
    pub(super) fn shut(
        &self,
        channel: Channel,
        now: Timestamp,
        asked: SignedDuration,
        jitter: f64,
    ) -> Timestamp {
        let mut doors = self.lock();
        let before = doors.get(&channel).copied();
        if let Some(shut) = before.filter(|shut| shut.until > now) {
            return shut.until;
        }
        let knocks = before.map_or(0, |shut| shut.knocks);
        let seconds = KNOCKS_S[knocks.min(KNOCKS_S.len() - 1)];
        let wait = SignedDuration::from_secs(seconds)
            .mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0))
            .max(asked);
        let until = now.saturating_add(wait).unwrap_or(now);
        doors.insert(
            channel,
            Shut {
                until,
                knocks: knocks + 1,
            },
        );
        until
    }

    /// Somebody answered, whatever was said.
    pub(super) fn open(&self, channel: Channel) {
        self.lock().remove(&channel);
    }

    /// Every statement under this lock leaves the map whole.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Channel, Shut>> {
        self.shut.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn one_knocks_and_the_others_wait_until_somebody_answers() {
        let gates = Gates::default();
        let seats = |now| gates.seats(Channel::Email, 4, at(now));
        assert_eq!(seats(0), 4);
        // Four were on their way together: that was one knock.
        let first: Vec<Timestamp> = (0..4)
            .map(|_| gates.shut(Channel::Email, at(0), SignedDuration::ZERO, 0.5))
            .collect();
        assert_eq!(first, vec![at(5); 4]);
        assert_eq!((seats(4), seats(5)), (0, 1));
        assert_eq!(
            gates.shut(Channel::Email, at(5), SignedDuration::ZERO, 0.5),
            at(15)
        );
        assert_eq!(
            gates.seats(Channel::Telegram, 4, at(6)),
            4,
            "each channel has its own door"
        );
        gates.open(Channel::Email);
        assert_eq!(seats(6), 4);
    }

    #[test]
    fn knocks_grow_rare_but_never_end_and_a_wish_is_heard() {
        let gates = Gates::default();
        let mut now = at(0);
        let mut waits = Vec::new();
        for _ in 0..9 {
            let next = gates.shut(Channel::Telegram, now, SignedDuration::ZERO, 0.5);
            waits.push(next.duration_since(now).as_secs());
            now = next;
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 120, 120, 120, 120]);
        let gates = Gates::default();
        assert_eq!(
            gates.shut(Channel::Telegram, at(0), SignedDuration::from_secs(90), 0.0),
            at(90)
        );
    }
}
