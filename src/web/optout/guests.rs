//! Who came with links that are none of ours, and how often: so that nobody tries one after another.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many wrong links at once are somebody's old mails or a broken copy.
const AT_ONCE: f64 = 10.0;

/// After that one in so long.
const ONE_IN: Duration = Duration::from_secs(6);

/// So many guests are remembered; beyond, those who have long been quiet are forgotten.
const REMEMBERED: usize = 10_000;

/// Whether somebody gets an answer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Welcome {
    Yes,
    Wait,
}

/// What is left to each of those who came.
#[derive(Debug, Default)]
pub(super) struct Guests(Mutex<HashMap<IpAddr, (f64, Instant)>>);

impl Guests {
    /// Somebody came with a wrong link.
    pub(super) fn wrong(&self, guest: IpAddr, now: Instant) -> Welcome {
        // Every line of the map is whole after every statement.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            let rested = ONE_IN.mul_f64(AT_ONCE);
            known.retain(|_, (_, at)| now.duration_since(*at) < rested);
            if known.len() >= REMEMBERED {
                known.clear();
            }
        }
        let (left, at) = known.entry(household(guest)).or_insert((AT_ONCE, now));
        let gained = now.duration_since(*at).as_secs_f64() / ONE_IN.as_secs_f64();
        *left = (*left + gained).min(AT_ONCE);
        *at = now;
        if *left < 1.0 {
            return Welcome::Wait;
        }
        *left -= 1.0;
        Welcome::Yes
    }
}

/// Of IPv6 one subscriber has at least 64 bits' worth.
fn household(guest: IpAddr) -> IpAddr {
    match guest {
        IpAddr::V4(_) => guest,
        IpAddr::V6(address) => {
            let bits = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(bits.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_guesses_has_to_wait_and_others_do_not() {
        let guests = Guests::default();
        let start = Instant::now();
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        let neighbour: IpAddr = "2001:db8::2".parse().unwrap();
        let other: IpAddr = "2001:db8:0:1::1".parse().unwrap();
        for _ in 0..10 {
            assert_eq!(guests.wrong(one, start), Welcome::Yes);
        }
        assert_eq!(guests.wrong(neighbour, start), Welcome::Wait);
        assert_eq!(guests.wrong(other, start), Welcome::Yes);
        assert_eq!(guests.wrong(one, start + ONE_IN), Welcome::Yes);
        assert_eq!(guests.wrong(one, start + ONE_IN), Welcome::Wait);
        for number in 0..30_000_u32 {
            guests.wrong(IpAddr::V4(number.into()), start + ONE_IN);
        }
        assert!(guests.0.lock().unwrap().len() <= REMEMBERED);
    }
}
