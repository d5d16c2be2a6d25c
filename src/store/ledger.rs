//! The one way in which messages enter the store and change their state.
//!
//! Every write of a state goes through [`shift`], which asks the table of legal transitions and
//! keeps the queue, the in-flight marks and the message itself in one group of operations.

use jiff::Timestamp;

use super::keys::{self, Key, prefix};
use super::lanes::Lane;
use super::{BATCH, Group, Store, StoreError};
use crate::core::delivery::{Attempt, By, State};
use crate::core::message::{Message, MessageKey, Recipient};

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
    if store.is_used(&message.key)? {
        return Ok(false);
    }
    group.put_due(message);
    group.put(
        keys::under(prefix::DIGEST, message.key.digest()),
        &message.key,
    );
    put_new(group, message);
    Ok(true)
}

/// The same for a message whose digest and place stand already ([`announce`], [`line_up`]).
///
/// # Errors
/// As [`queue`].
pub fn fill(store: &Store, group: &mut Group, message: &Message) -> Result<bool, StoreError> {
    let new = !store.is_used(&message.key)?;
    if new {
        put_new(group, message);
    }
    Ok(new)
}

fn put_new(group: &mut Group, message: &Message) {
    group.put_message(message);
    if message.trial && message.to == Recipient::Customer {
        group.put(keys::under(prefix::TRIAL, message.key.as_str()), &());
    }
}

/// Makes keys known by their digests before their messages are queued. A key nobody queues then is of no harm.
///
/// The digests of many messages have no order that is theirs, too; and sled takes half the room for what comes in
/// order.
///
/// # Errors
/// The disk.
pub fn announce<'k>(
    store: &Store,
    keys: impl Iterator<Item = &'k MessageKey>,
) -> Result<(), StoreError> {
    let mut digests: Vec<(String, &MessageKey)> = keys.map(|key| (key.digest(), key)).collect();
    digests.sort_unstable();
    for digests in digests.chunks(BATCH - 1) {
        let mut group = Group::default();
        for (digest, key) in digests {
            if !store.is_used(key)? {
                group.put(keys::under(prefix::DIGEST, digest), key);
            }
        }
        store.commit(vec![group])?;
    }
    Ok(())
}

/// Gives messages their places in the queue before they are written down, in the order of the places. Whoever finds a
/// place without its message takes it away: their lane must wait until the messages are there.
///
/// # Errors
/// The disk.
pub fn line_up<'m>(
    store: &Store,
    places: impl Iterator<Item = &'m (MessageKey, Key)>,
) -> Result<(), StoreError> {
    let mut group = Group::default();
    for (key, place) in places {
        if !store.is_used(key)? {
            group.put(place.clone(), &());
        }
    }
    store.commit(vec![group])
}

/// Whether there ever was a message of this key, or it was used up without one.
///
/// # Errors
/// The disk.
pub fn is_used(store: &Store, key: &MessageKey) -> Result<bool, StoreError> {
    store.is_used(key)
}

/// Uses a key up without a message, so that none ever goes under it.
pub fn use_up(group: &mut Group, key: &MessageKey) {
    Store::mark_used(group, key);
}

/// Forgets what messages said that ended before a time; their keys are kept for ever.
///
/// # Errors
/// The disk.
pub fn forget_before(store: &Store, time: Timestamp) -> Result<usize, StoreError> {
    let mut groups = Vec::new();
    for entry in store.scan_moving::<Message>(prefix::MESSAGE) {
        let (key, message) = entry?;
        if ended(&message).is_some_and(|at| at < time) {
            let mut group = Group::default();
            group.remove(key);
            group.remove(keys::under(prefix::DIGEST, message.key.digest()));
            Store::mark_used(&mut group, &message.key);
            groups.push(group);
        }
    }
    let forgotten = groups.len();
    store.commit(groups)?;
    Ok(forgotten + store.forget_cold_messages(time)?)
}

/// Messages that are cancelled in one commit.
const CANCELLED_AT_ONCE: usize = 150;

/// Messages in one page; a page and the traces of its messages must fit in one batch. So many pack well, and sled
/// keeps such pages in files of their own, which take no more room than what is in them.
const MESSAGES_A_PAGE: usize = 160;

/// Packs messages away that ended before a time: they take a sixth of the room, and are found as before.
/// Returns how many.
///
/// # Errors
/// The disk.
pub fn pack(store: &Store, time: Timestamp) -> Result<usize, StoreError> {
    let mut over = Vec::new();
    for entry in store.scan_moving::<Message>(prefix::MESSAGE) {
        let (_, message) = entry?;
        if let Some(at) = ended(&message).filter(|at| *at < time) {
            over.push((at, message.key));
        }
    }
    over.sort_unstable();
    let mut packed = 0;
    for page in over.chunks(MESSAGES_A_PAGE) {
        // Nobody takes one of them up again between reading and packing it.
        let _alone = store.alone();
        let mut messages = Vec::new();
        let mut newest = time;
        for (at, key) in page {
            let own = keys::message(key);
            let now: Option<Message> = store.get(&own)?;
            if let Some(value) = store.moving(&own)?
                && now.is_some_and(|message| ended(&message) == Some(*at))
            {
                newest = *at;
                messages.push((key.clone(), value));
            }
        }
        packed += messages.len();
        store.pack_messages(newest, messages)?;
    }
    Ok(packed)
}

/// When a message ended; none if something may still happen to it. What is in doubt waits for a person.
fn ended(message: &Message) -> Option<Timestamp> {
    let tried = message.attempts.last().map(|attempt| attempt.at);
    let touched = message.hands.last().map(|hand| hand.at);
    (message.state.is_end() && message.state != State::InDoubt)
        .then(|| tried.max(touched).unwrap_or(message.created))
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

/// Cancels what waits in a lane, e.g. of a campaign that is stopped, some at a time, so that nobody else waits long.
/// Pause the lane first: then nothing of it is claimed meanwhile. Returns how many were cancelled.
///
/// # Errors
/// The disk. What was cancelled until then stays so; the rest is cancelled by asking again.
pub fn cancel_lane(store: &Store, lane: &Lane, by: By, why: &str) -> Result<usize, StoreError> {
    let mut cancelled = 0;
    loop {
        let _alone = store.alone();
        let mut waiting = store.waiting(vec![lane.clone()], Timestamp::MAX)?;
        let mut groups = Vec::new();
        while groups.len() < CANCELLED_AT_ONCE
            && let Some((entry, key)) = waiting.next_due()?
        {
            let mut group = Group::default();
            match store.get::<Message>(&keys::message(&key))? {
                Some(mut message) if message.state == State::Queued => {
                    shift(&mut group, &mut message, State::Cancelled, by, why, None).map_err(
                        |error| StoreError::Value {
                            key: message.key.to_string(),
                            why: error.to_string(),
                        },
                    )?;
                    cancelled += 1;
                }
                Some(_) | None => {}
            }
            group.remove(entry);
            groups.push(group);
        }
        if groups.is_empty() {
            return Ok(cancelled);
        }
        store.commit(groups)?;
    }
}

/// Cancels a message that waits, by policy; none if it does not wait.
pub fn cancelled(message: &mut Message, why: &str) -> Option<Group> {
    if message.state != State::Queued {
        return None;
    }
    let mut group = Group::default();
    // From queued this step is in the table.
    shift(&mut group, message, State::Cancelled, By::Policy, why, None).ok()?;
    Some(group)
}

/// Writes a message back whose state and due time are as they were.
pub fn rewrite(group: &mut Group, message: &Message) {
    group.put_message(message);
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
        State::Queued => group.remove(keys::due(message)),
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
        State::Queued => group.put_due(message),
        State::InFlight => group.put(keys::flight(&message.key), &message.key),
        State::Delivered
        | State::Rejected
        | State::InDoubt
        | State::Cancelled
        | State::Expired
        | State::Dead => {}
    }
    group.put_message(message);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::decide::notice;
    use crate::core::people::Directory;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_key_is_used_for_ever_even_when_its_story_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let nobody = Directory::default();
        let message = notice::to_managers(
            &nobody,
            "held",
            "held-batch",
            "h-1",
            &serde_json::Value::Null,
            at(0),
        )
        .remove(0);
        let mut group = Group::default();
        assert!(queue(&store, &mut group, &message).unwrap());
        store.commit(vec![group]).unwrap();
        assert!(
            !queue(&store, &mut Group::default(), &message).unwrap(),
            "deciding twice is harmless"
        );
        assert_eq!(forget_before(&store, at(100)).unwrap(), 0, "it still waits");
        let mut group = Group::default();
        let mut ended = message.clone();
        shift(
            &mut group,
            &mut ended,
            State::Expired,
            By::Policy,
            "too late",
            None,
        )
        .unwrap();
        store.commit(vec![group]).unwrap();
        assert_eq!(forget_before(&store, at(100)).unwrap(), 1);
        assert!(!store.contains(&keys::message(&message.key)).unwrap());
        assert!(
            !queue(&store, &mut Group::default(), &message).unwrap(),
            "and never fires again"
        );
    }

    fn to_managers(occasion: &str) -> Message {
        let nothing = serde_json::Value::Null;
        let nobody = Directory::default();
        notice::to_managers(&nobody, "held", "held-batch", occasion, &nothing, at(0)).remove(0)
    }

    /// Everything under the prefixes that a queued message touches.
    fn written(store: &Store) -> Vec<keys::Key> {
        let prefixes = [prefix::MESSAGE, prefix::DUE, prefix::DIGEST];
        let keys = prefixes.iter().flat_map(|prefix| store.keys(prefix));
        keys.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn what_is_lined_up_and_then_filled_stands_as_if_it_had_been_queued() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let [one, other] = [&here, &there].map(|dir| Store::open(dir.path()).unwrap());
        let messages = ["a", "b", "c"].map(to_managers);
        for message in &messages {
            let mut group = Group::default();
            assert!(queue(&one, &mut group, message).unwrap());
            one.commit(vec![group]).unwrap();
        }
        announce(&other, messages.iter().map(|message| &message.key)).unwrap();
        let places = messages
            .each_ref()
            .map(|one| (one.key.clone(), keys::due(one)));
        line_up(&other, places.iter()).unwrap();
        let mut group = Group::default();
        for message in &messages {
            assert!(fill(&other, &mut group, message).unwrap());
        }
        other.commit(vec![group]).unwrap();
        assert_eq!(written(&one), written(&other));
        assert!(!fill(&other, &mut Group::default(), &messages[0]).unwrap());
    }

    /// As after a crash before the messages were written, and a campaign that is stopped then.
    #[test]
    fn a_place_without_its_message_goes_with_its_lane() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let message = to_managers("a");
        let place = (message.key.clone(), keys::due(&message));
        line_up(&store, [&place].into_iter()).unwrap();
        let lane = Lane::of(&message);
        assert_eq!(cancel_lane(&store, &lane, By::Hand, "stopped").unwrap(), 0);
        assert_eq!(store.keys(prefix::DUE).count(), 0);
    }

    #[test]
    fn an_illegal_step_is_refused_and_writes_nothing() {
        let message = notice::to_managers(
            &Directory::default(),
            "held",
            "held-batch",
            "h-1",
            &serde_json::Value::Null,
            at(0),
        )
        .remove(0);
        let mut group = Group::default();
        let mut delivered = Message {
            state: State::Delivered,
            ..message
        };
        let error = shift(
            &mut group,
            &mut delivered,
            State::Queued,
            By::Hand,
            "again",
            None,
        )
        .unwrap_err()
        .to_string();
        assert!(
            error.contains("is delivered and cannot become queued"),
            "{error}"
        );
        assert!(group.is_empty());
    }
}
