//! Whose notices rest, by their own wish, and until when.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::keys::{self, Key, prefix};
use super::{Store, StoreError};

/// Somebody's notices rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute {
    /// As in the staff list.
    pub name: String,
    /// When they said so.
    pub at: Timestamp,
    /// Until when; after that it means nothing.
    pub until: Timestamp,
}

/// Where it is kept.
pub fn mute_key(name: &str) -> Key {
    keys::under(prefix::MUTE, name.replace('/', "∕"))
}

impl Store {
    /// The rest of somebody, if it goes on at this time.
    ///
    /// # Errors
    /// The disk.
    pub fn mute(&self, name: &str, now: Timestamp) -> Result<Option<Mute>, StoreError> {
        let kept: Option<Mute> = self.get(&mute_key(name))?;
        Ok(kept.filter(|mute| mute.until > now))
    }

    /// Everybody whose notices rest at this time, by name.
    ///
    /// # Errors
    /// The disk.
    pub fn mutes(&self, now: Timestamp) -> Result<Vec<Mute>, StoreError> {
        let mut found = Vec::new();
        for entry in self.scan::<Mute>(prefix::MUTE) {
            let (_, mute) = entry?;
            if mute.until > now {
                found.push(mute);
            }
        }
        Ok(found)
    }
}
