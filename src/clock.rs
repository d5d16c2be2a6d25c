//! The only reader of the wall clock. Everything else takes `now` as a value.

use jiff::Timestamp;

/// The time now, to the millisecond: what the store keeps, no finer.
#[allow(clippy::disallowed_methods)] // this is the one place
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
