//! One pass over what is due: claim, ask policy, deliver, record. Never reads the sheet.
//!
//! Marking goes by group: one flushed commit marks as many messages in flight as there are open
//! connections, they are sent side by side, and one commit records how each of them ended. So
//! never more are in doubt after a crash than there were connections (SEMANTICS 34).

mod amend;
mod doubt;
mod ending;
mod flood;
mod gate;
mod headers;
mod limits;
mod parcel;
mod prepare;
mod route;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::core::delivery::{By, State, Verdict};
use crate::core::message::{Address, Frozen, Message, MessageKey, Recipient};
use crate::core::rule::Channel;
use crate::courier::{Courier, Parcel};
use crate::health::Health;
use crate::render::Templates;
use crate::roster::Roster;
use crate::store::keys::{self, prefix};
use crate::store::ledger::{self, IllegalStep};
use crate::store::{Group, StoreError};
use gate::Gates;

/// So many messages are looked at in one pass; the rest waits for the next.
const LOOKED_AT: usize = 1_000;

/// So many queue entries are gone through in one pass, so that what waits for a slow channel hides
/// nothing of the other's.
const GONE_THROUGH: usize = 10_000;

/// SIGTERM waits so long for what is in hand; what is still open then is in doubt (SEMANTICS 36).
const FAREWELL: Duration = Duration::from_secs(8);

/// Why a pass ended early.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A step that the table does not allow: a bug.
    #[error(transparent)]
    Step(#[from] IllegalStep),
}

/// What became of a message in a pass, for logs and for the demo.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The message as it stands now.
    pub message: Message,
    /// To whom, masked, or a colleague's name.
    pub to: String,
}

/// Sends what is due.
#[derive(Debug)]
pub struct Outbox {
    roster: Roster,
    templates: Arc<Templates>,
    email: Option<Arc<dyn Courier>>,
    telegram: Option<Arc<dyn Courier>>,
    health: Health,
    gates: Gates,
    /// When the queue was last looked through for floods.
    gathered: Mutex<Option<Timestamp>>,
}

/// A message that was claimed, with what the courier gets.
struct Claim {
    message: Message,
    parcel: Parcel,
    to: String,
}

impl Outbox {
    /// An outbox over couriers; a channel without one keeps its messages queued.
    pub fn new(
        roster: Roster,
        templates: Arc<Templates>,
        email: Option<Arc<dyn Courier>>,
        telegram: Option<Arc<dyn Courier>>,
        health: Health,
    ) -> Self {
        Self {
            roster,
            templates,
            email,
            telegram,
            health,
            gates: Gates::default(),
            gathered: Mutex::default(),
        }
    }

    /// What was in flight when the process died may have been sent: it is in doubt, and by policy
    /// waits for a person or is sent again under the same key.
    ///
    /// # Errors
    /// The disk.
    pub fn recover(&self, now: Timestamp) -> Result<Vec<Ended>, OutboxError> {
        let store = self.roster.store();
        let _alone = store.alone();
        let flying: Vec<MessageKey> = store
            .scan::<MessageKey>(prefix::FLIGHT)
            .map(|entry| entry.map(|(_, key)| key))
            .collect::<Result<_, _>>()?;
        let mut group = Group::default();
        let mut ended = Vec::new();
        for key in flying {
            let Some(mut message) = store.get::<Message>(&keys::message(&key))? else {
                continue;
            };
            let said = "sheetbridge was stopped while it was on its way";
            self.count(&mut group, &message, now)?;
            self.doubt(&mut group, &mut message, now, said)?;
            ended.push(self.ended(message));
        }
        store.commit(vec![group])?;
        Ok(ended)
    }

    /// Sends what is due now by one channel, at most as many side by side as there are connections. Each
    /// channel has passes of its own, so that a slow mail server keeps no alert from its chat.
    ///
    /// # Errors
    /// The disk. What was on its way is then in flight on disk, and in doubt after a restart.
    pub async fn pass(
        &self,
        channel: Channel,
        now: Timestamp,
        stop: &CancellationToken,
    ) -> Result<Vec<Ended>, OutboxError> {
        let began = Instant::now();
        // A slow answer may be minutes old; what follows from it counts from its end.
        let ended_at = || now.saturating_add(began.elapsed()).unwrap_or(now);
        let given_up = async {
            stop.cancelled().await;
            tokio::time::sleep(FAREWELL).await;
        };
        self.pass_until(channel, now, given_up, ended_at).await
    }

    /// The same by any clock: what has no answer when `given_up` is over is in doubt, and what was answered
    /// counts from `ended_at`, which is asked when the last answer has come.
    ///
    /// # Errors
    /// As [`Self::pass`].
    pub async fn pass_until(
        &self,
        channel: Channel,
        now: Timestamp,
        given_up: impl Future<Output = ()> + Send,
        ended_at: impl FnOnce() -> Timestamp,
    ) -> Result<Vec<Ended>, OutboxError> {
        let (claims, mut ended) = tokio::task::block_in_place(|| self.claim(channel, now))?;
        if claims.is_empty() {
            return Ok(ended);
        }
        let given_up = given_up.shared();
        let deliveries = claims.into_iter().map(|claim| {
            let given_up = given_up.clone();
            async move {
                let verdict = tokio::select! {
                    biased; // an answer that is there counts
                    verdict = self.deliver(&claim.parcel) => verdict,
                    () = given_up => Verdict::InDoubt {
                        why: "sheetbridge was stopped while it was on its way".into(),
                    },
                };
                (claim, verdict)
            }
        });
        let done = join_all(deliveries).await;
        let now = ended_at();
        tokio::task::block_in_place(|| {
            let _alone = self.roster.store().alone();
            let mut group = Group::default();
            for (claim, verdict) in done {
                ended.push(self.record(&mut group, claim, verdict, now)?);
            }
            self.roster.store().commit(vec![group])?;
            Ok(ended)
        })
    }

    async fn deliver(&self, parcel: &Parcel) -> Verdict {
        let unreachable = || Verdict::TryLater {
            why: "the channel is not configured".into(),
            not_before_s: None,
            scope: crate::core::delivery::Scope::Message,
        };
        match parcel {
            Parcel::Mail(_) => match &self.email {
                Some(courier) => courier.deliver(parcel).await,
                None => unreachable(),
            },
            Parcel::Chat(_) => match &self.telegram {
                Some(courier) => courier.deliver(parcel).await,
                None => unreachable(),
            },
        }
    }

    /// Marks what may go now in flight, in one commit, and settles what may not.
    fn claim(
        &self,
        channel: Channel,
        now: Timestamp,
    ) -> Result<(Vec<Claim>, Vec<Ended>), OutboxError> {
        let store = self.roster.store();
        // From reading a message to marking it nobody else may change it: a button, `resume`.
        let _alone = store.alone();
        if channel == Channel::Telegram {
            self.gather_floods(now)?;
        }
        let mut seats = self.seats(channel, now)?;
        let mut groups = Vec::new();
        let mut claims = Vec::new();
        let mut ended = Vec::new();
        for due in store.scan::<MessageKey>(prefix::DUE).take(GONE_THROUGH) {
            let (entry, key) = due?;
            let later = keys::time_of(prefix::DUE, &entry).is_none_or(|at| at > now);
            if later || seats.all_taken() || groups.len() == LOOKED_AT {
                break;
            }
            let mut group = Group::default();
            match store.get::<Message>(&keys::message(&key))? {
                Some(message) if message.state == State::Queued && keys::due(&message) == entry => {
                    if seats.any_for(&message) {
                        self.look(
                            message,
                            now,
                            &mut seats,
                            &mut group,
                            &mut claims,
                            &mut ended,
                        )?;
                    }
                }
                // An entry of an earlier version; the message is looked at by its new one.
                Some(message)
                    if message.state == State::Queued && keys::due_before(&message) == entry =>
                {
                    group.remove(entry);
                    group.put(keys::due(&message), &message.key);
                }
                // An entry that a later one replaced, or whose message is gone.
                Some(_) | None => group.remove(entry),
            }
            if !group.is_empty() {
                groups.push(group);
            }
        }
        store.commit(groups)?;
        Ok((claims, ended))
    }

    fn look(
        &self,
        mut message: Message,
        now: Timestamp,
        seats: &mut Seats,
        group: &mut Group,
        claims: &mut Vec<Claim>,
        ended: &mut Vec<Ended>,
    ) -> Result<(), OutboxError> {
        match self.prepare(&mut message, now, group, |to| seats.take(self, to))? {
            // It stays as it is, where it is in the queue.
            prepare::Next::NoSeat => *group = Group::default(),
            prepare::Next::Ready => {
                match self.parcel(&message, now, group)? {
                    Ok(parcel) => {
                        ledger::shift(
                            group,
                            &mut message,
                            State::InFlight,
                            By::Outbox,
                            "on its way",
                            None,
                        )?;
                        let to = route::shown(&message);
                        claims.push(Claim {
                            message,
                            parcel,
                            to,
                        });
                    }
                    // Our fault, and a person's to mend: the template, or a value it needs.
                    Err(why) => {
                        ledger::shift(
                            group,
                            &mut message,
                            State::Cancelled,
                            By::Policy,
                            why,
                            None,
                        )?;
                        ended.push(self.ended(message));
                    }
                }
            }
            prepare::Next::Wait { until, why } => {
                let until = until.max(now.saturating_add(Duration::from_secs(1)).unwrap_or(until));
                ledger::postpone(group, &mut message, until, why);
            }
            prepare::Next::End { state, why } => {
                let by = if state == State::Dead {
                    By::Outbox
                } else {
                    By::Policy
                };
                ledger::shift(group, &mut message, state, by, why, None)?;
                ended.push(self.ended(message));
            }
            prepare::Next::PassOn { messages, why } => {
                for passed in &messages {
                    ledger::queue(self.roster.store(), group, passed)?;
                }
                ledger::shift(group, &mut message, State::Cancelled, By::Policy, why, None)?;
                ended.push(self.ended(message));
            }
        }
        Ok(())
    }

    fn ended(&self, message: Message) -> Ended {
        let to = route::shown(&message);
        Ended { message, to }
    }
}

/// Places at the couriers' connections in one pass.
struct Seats {
    email: usize,
    telegram: usize,
    /// Chats that have their message of this pass, or whose pace lets nothing through now.
    chats: BTreeSet<i64>,
    /// Until when chats have asked to be left alone, also before a restart.
    holds: BTreeMap<i64, Timestamp>,
    now: Timestamp,
}

impl Seats {
    fn all_taken(&self) -> bool {
        self.email == 0 && self.telegram == 0
    }

    /// Whether a message is worth a look. One to staff may take another channel than its own.
    fn any_for(&self, message: &Message) -> bool {
        match &message.frozen {
            Some(Frozen {
                address: Address::Chat(chat),
                ..
            }) => self.telegram > 0 && !self.chats.contains(chat),
            Some(Frozen {
                address: Address::Email(_),
                ..
            }) => self.email > 0,
            None if message.to == Recipient::Customer && message.channel == Channel::Email => {
                self.email > 0
            }
            None => !self.all_taken(),
        }
    }

    /// Whether there is a place now and the provider's pace allows it.
    fn take(&mut self, outbox: &Outbox, address: &Address) -> bool {
        match address {
            Address::Email(_) => {
                if !outbox
                    .email
                    .as_ref()
                    .is_some_and(|courier| courier.ready_in(address).is_zero())
                {
                    // The pace is the sender's: no other mail may go either.
                    self.email = 0;
                }
                let free = self.email > 0;
                self.email -= usize::from(free);
                free
            }
            // One at a time to each chat, so that they arrive in their order.
            Address::Chat(chat) => {
                let ready = outbox
                    .telegram
                    .as_ref()
                    .is_some_and(|courier| courier.ready_in(address).is_zero());
                let waits = self.holds.get(chat).is_some_and(|until| *until > self.now);
                let free = self.chats.insert(*chat) && self.telegram > 0 && ready && !waits;
                self.telegram -= usize::from(free);
                free
            }
        }
    }
}
