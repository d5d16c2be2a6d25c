//! The one way in which messages enter the store and change their state.
//!
//! Every write of a state goes through [`shift`], which asks the table of legal transitions and
//! keeps the queue, the in-flight marks and the message itself in one group of operations.

use jiff::Timestamp;

use super::keys::{self, prefix};
use super::{Group, Store, StoreError};
use crate::core::delivery::{Attempt, By, State};
use crate::core::message::{Message, MessageKey};

/// A step between states that the table does not allow: a bug, or a second hand on the same message.
#[derive(Debug, thiserror::Error)]
#[error("message {key} is {from} and cannot become {to}")]
pub struct IllegalStep {
    /// The message.
    pub key: MessageKey,
    /// Its state.
    pub from: &'static str,
    /// The state asked for.
    pub to: &'static str,
}

/// Adds a decided message to a group, unless its key exists: deciding twice is harmless.
///
/// Returns whether it is new.
///
/// # Errors
/// The disk. A key that could not be looked for is never taken for absent.
pub fn queue(store: &Store, group: &mut Group, message: &Message) -> Result<bool, StoreError> {
    if store.contains(&keys::message(&message.key))? {
        return Ok(false);
    }
    group.put(keys::message(&message.key), message);
    group.put(keys::due(message.due, &message.key), &message.key);
    group.put(
        keys::under(prefix::DIGEST, message.key.digest()),
        &message.key,
    );
    Ok(true)
}

/// Moves a message to another state, and where it waits with it.
///
/// `why` is for people. A message that becomes queued again is due at `due`.
///
/// # Errors
/// The step is not in the table; nothing was added to the group.
pub fn shift(
    group: &mut Group,
    message: &mut Message,
    to: State,
    by: By,
    why: impl Into<String>,
    due: Option<Timestamp>,
) -> Result<(), IllegalStep> {
    if !message.state.may_become(to, by) {
        return Err(IllegalStep {
            key: message.key.clone(),
            from: message.state.as_str(),
            to: to.as_str(),
        });
    }
    leave(group, message);
    message.state = to;
    message.why = why.into();
    message.due = due.unwrap_or(message.due);
    enter(group, message);
    Ok(())
}

/// Puts a queued message off without a change of state.
pub fn postpone(group: &mut Group, message: &mut Message, due: Timestamp, why: impl Into<String>) {
    leave(group, message);
    message.due = due;
    message.why = why.into();
    enter(group, message);
}

/// Writes a message back whose state and due time are as they were.
pub fn rewrite(group: &mut Group, message: &Message) {
    group.put(keys::message(&message.key), message);
}

/// Notes a try.
pub fn attempted(message: &mut Message, at: Timestamp, ended: State, said: impl Into<String>) {
    message.attempts.push(Attempt {
        at,
        channel: message.channel,
        ended,
        said: said.into(),
    });
}

fn leave(group: &mut Group, message: &Message) {
    match message.state {
        State::Queued => group.remove(keys::due(message.due, &message.key)),
        State::InFlight => group.remove(keys::flight(&message.key)),
        State::Delivered
        | State::Rejected
        | State::InDoubt
        | State::Cancelled
        | State::Expired
        | State::Dead => {}
    }
}

fn enter(group: &mut Group, message: &Message) {
    match message.state {
        State::Queued => group.put(keys::due(message.due, &message.key), &message.key),
        State::InFlight => group.put(keys::flight(&message.key), &message.key),
        State::Delivered
        | State::Rejected
        | State::InDoubt
        | State::Cancelled
        | State::Expired
        | State::Dead => {}
    }
    group.put(keys::message(&message.key), message);
}
