//! Who wants which digest at what time, by rule and name.

use super::keys::{self, Key, prefix};
use super::{Store, StoreError};
use crate::core::subscription::{Subscriptions, Wish};

/// Where a wish is kept; its value is the rule, the name and the wish.
pub fn wish_key(rule: &str, name: &str) -> Key {
    keys::under(
        prefix::SUBSCRIBE,
        format!("{rule}/{}", name.replace('/', "∕")),
    )
}

impl Store {
    /// Everybody's wishes.
    ///
    /// # Errors
    /// The disk.
    pub fn subscriptions(&self) -> Result<Subscriptions, StoreError> {
        let mut wishes = Vec::new();
        for entry in self.scan::<(String, String, Wish)>(prefix::SUBSCRIBE) {
            let (_, (rule, name, wish)) = entry?;
            wishes.push(((rule, name), wish));
        }
        Ok(Subscriptions::new(wishes))
    }
}
