//! The only drawer of random numbers: ids, jitter, and tokens that must not be guessed.

use std::sync::{Mutex, PoisonError};

use ring::rand::{SecureRandom, SystemRandom};

/// A number from 0 (included) to 1 (not), for jitter. Not for secrets.
pub fn unit() -> f64 {
    fastrand::f64()
}

/// 128 bits that nobody can guess.
///
/// # Panics
/// If the operating system gives no randomness, without which nothing here may go on.
pub fn secret() -> u128 {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the operating system gives random bytes");
    u128::from_be_bytes(bytes)
}

/// What a store draws its ids and salts from: the operating system; a store in memory, which no command
/// opens, from a seed, so that a simulated run can be repeated to the letter.
#[derive(Debug)]
pub(crate) struct Chance(Option<Mutex<fastrand::Rng>>);

impl Chance {
    /// [`secret`]s.
    pub(crate) fn system() -> Self {
        Self(None)
    }

    /// The same numbers for the same seed.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(Some(Mutex::new(fastrand::Rng::with_seed(seed))))
    }

    /// The next 128 bits.
    pub(crate) fn secret(&self) -> u128 {
        match &self.0 {
            None => secret(),
            Some(rng) => {
                let mut rng = rng.lock().unwrap_or_else(PoisonError::into_inner);
                rng.u128(..)
            }
        }
    }
}

/// A one-time token of 128 bits in base64url, as fits a Telegram deep link.
pub fn token() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(secret().to_be_bytes())
}

/// Randomness for a signature, straight from the operating system.
pub fn source() -> impl SecureRandom {
    SystemRandom::new()
}
