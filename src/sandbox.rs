//! The outside world on loopback: a Google Sheets, an SMTP server and a Telegram Bot API, for the
//! demo, for tests, and for trying a configuration. Imports nothing of ours.
//!
//! Each server is faithful enough that clients written by others work against it.

pub mod google;
pub mod page;
pub mod smtp;
pub mod telegram;
