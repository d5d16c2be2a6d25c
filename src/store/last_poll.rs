//! What the last poll of each workbook decided, for the minute in which a manager may stop it (SEMANTICS 11).
//! It is part of the poll's own commit: what was decided can be stopped whenever the process dies.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::keys::{self, Key, prefix};
use crate::core::message::MessageKey;

/// What the last poll of a workbook that decided something decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastPoll {
    /// When it was decided; the minute counts from here.
    pub at: Timestamp,
    /// Workbook id.
    pub workbook: String,
    /// The messages.
    pub keys: Vec<MessageKey>,
}

/// Where it is kept.
pub fn last_poll_key(workbook: &str) -> Key {
    keys::under(prefix::META, format!("last-poll/{workbook}"))
}
