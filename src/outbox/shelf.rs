//! Mails that may go next, written while others are on their way, so that a connection that is free waits for no text.
//!
//! Nothing on the shelf is marked or counted: what lies there still waits in the queue. It counts only as long as
//! nobody wrote anything into the store since but the outbox what became of others, and for a moment.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::prepare::Next;
use super::{Meanwhile, Outbox, OutboxError, Round, Seats};
use crate::core::delivery::State;
use crate::core::message::Message;
use crate::core::rule::Channel;
use crate::courier::Parcel;
use crate::store::keys::{self, Key};
use crate::store::{Applied, Group};

/// What was written so long ago is written anew: hours end, and messages expire.
const FRESH: SignedDuration = SignedDuration::from_millis(250);

/// A message that may go.
#[derive(Debug)]
struct Ready {
    /// Its place in the queue.
    entry: Key,
    message: Message,
    parcel: Parcel,
    /// What is kept of it when it goes.
    group: Group,
}

/// What lies ready, in the order of the queue.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    ready: Vec<Ready>,
    /// What the store's `Store::changes` said when it was filled.
    as_of: u64,
    /// When its oldest was written.
    since: Option<Timestamp>,
}

impl Shelf {
    pub(super) fn clear(&mut self) {
        self.ready.clear();
        self.since = None;
    }

    /// Clears it unless it still counts.
    pub(super) fn keep_if(&mut self, changes: u64, now: Timestamp) {
        let fresh = |since: Timestamp| now.duration_since(since).abs() <= FRESH;
        if self.as_of != changes || !self.since.is_some_and(fresh) {
            self.clear();
            self.as_of = changes;
        }
    }

    /// A commit of the outbox's own makes nothing stale, if there was no other one since `changes`.
    pub(super) fn stays(&mut self, own: &Applied, changes: u64) {
        match own.only_change_since(changes) {
            Some(changes) => self.as_of = changes,
            None => self.clear(),
        }
    }
}

impl Outbox {
    /// Marks what lies ready in flight, as far as there are places for it; returns where it was in the queue.
    pub(super) fn take_from(
        &self,
        shelf: &mut Shelf,
        round: &mut Round,
        seats: &mut Seats,
        groups: &mut Vec<Group>,
    ) -> Result<BTreeSet<Key>, OutboxError> {
        let mut taken = BTreeSet::new();
        for ready in std::mem::take(&mut shelf.ready) {
            let address = ready.message.frozen.as_ref().map(|frozen| &frozen.address);
            if !address.is_some_and(|address| seats.take(self, address, ready.message.ad)) {
                shelf.ready.push(ready);
                continue;
            }
            let Ready {
                entry,
                message,
                parcel,
                mut group,
            } = ready;
            self.board(message, parcel, round, &mut group)?;
            taken.insert(entry);
            groups.push(group);
        }
        Ok(taken)
    }

    /// Writes mails that may go as soon as a connection is free, for half of the connections. What the disk says here
    /// it will say to the next round as well.
    pub(super) fn fill(
        &self,
        shelf: &mut Shelf,
        channel: Channel,
        now: Timestamp,
        meanwhile: Meanwhile,
    ) {
        if channel != Channel::Email {
            return; // one at a time to each chat
        }
        let _alone = self.roster.store().alone();
        shelf.keep_if(self.roster.store().changes(), now);
        if self.add_to(shelf, channel, now, meanwhile).is_err() {
            shelf.clear();
        }
    }

    fn add_to(
        &self,
        shelf: &mut Shelf,
        channel: Channel,
        now: Timestamp,
        meanwhile: Meanwhile,
    ) -> Result<(), OutboxError> {
        let store = self.roster.store();
        let landed = Meanwhile {
            flying: 0,
            ..meanwhile
        };
        let mut seats = self.seats(channel, now, landed)?;
        seats.email = seats.email.div_ceil(2).saturating_sub(shelf.ready.len());
        let ads = shelf.ready.iter().filter(|ready| ready.message.ad);
        let ads = ads.filter_map(|ready| ready.message.frozen.as_ref());
        seats
            .ads
            .extend(ads.map(|frozen| frozen.address.expose().to_lowercase()));
        if seats.all_taken() {
            return Ok(());
        }
        let known: BTreeSet<Key> = shelf.ready.iter().map(|one| one.entry.clone()).collect();
        let (_, lanes) = self.lanes(channel)?;
        let mut waiting = store.waiting(lanes, now)?;
        while !seats.all_taken()
            && let Some((entry, key)) = waiting.next_due()?
        {
            if known.contains(&entry) {
                continue;
            }
            let Some(mut message) = store.get::<Message>(&keys::message(&key))? else {
                break;
            };
            // All that does not simply go is the round's.
            if message.state != State::Queued || keys::due(&message) != entry {
                break;
            }
            let (ad, mut group) = (message.ad, Group::default());
            let seat = |to: &_| seats.take(self, to, ad);
            let Next::Ready = self.prepare(&mut message, now, &mut group, seat)? else {
                break;
            };
            let Ok(parcel) = self.parcel(&message, now, &mut group)? else {
                break;
            };
            shelf.since.get_or_insert(now);
            shelf.ready.push(Ready {
                entry,
                message,
                parcel,
                group,
            });
        }
        Ok(())
    }
}
