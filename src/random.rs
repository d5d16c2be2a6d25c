//! The only drawer of random numbers: ids, jitter, and tokens that must not be guessed.

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

/// A one-time token of 128 bits in base64url, as fits a Telegram deep link.
pub fn token() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(secret().to_be_bytes())
}
