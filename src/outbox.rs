//! One pass over what is due: claim, ask policy, deliver, record. Never reads the sheet.
//!
//! Marking goes by group: one commit records how some messages ended, and marks as many others in flight as there are
//! connections free now. So never more are in doubt after a crash than there were connections (SEMANTICS 34), and while
//! the messages of one half of the connections are made and marked the other half sends.

mod air;
mod amend;
mod doubt;
mod enclosed;
mod ending;
mod flood;
mod gate;
mod headers;
mod limits;
mod morning;
mod parcel;
mod pictured;
mod prepare;
mod progress;
mod route;
mod shrink;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::commands::paused_list;
use crate::core::delivery::{By, Scope, State, Verdict};
use crate::core::message::{Address, Frozen, Message, MessageKey, Recipient};
use crate::core::rule::Channel;
use crate::courier::{Courier, Parcel};
use crate::health::Health;
use crate::render::chart::Page;
use crate::render::{CampaignText, Templates};
use crate::roster::Roster;
use crate::store::keys::{self, Key, prefix};
use crate::store::lanes::{Lane, Rank};
use crate::store::ledger::{self, IllegalStep};
use crate::store::{Group, StoreError};
use air::{Air, Woken};
use gate::Gates;

/// So many messages are looked at in one pass; the rest waits for the next.
const LOOKED_AT: usize = 1_000;

/// So many queue entries are gone through in one pass, so that what waits for a slow channel hides
/// nothing of the other's.
const GONE_THROUGH: usize = 10_000;

/// SIGTERM waits so long for what is in hand; what is still open then is in doubt (SEMANTICS 36).
const FAREWELL: Duration = Duration::from_secs(8);

/// While messages are on their way, the queue is looked at so often for others that have become due.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// So much of what is paused is looked at in one go.
const PAUSED_AT_A_TIME: usize = 100;

/// What waits for a channel that has no seat, or is paused, is looked at so often.
const LOOK_FOR_WAYS: SignedDuration = SignedDuration::from_secs(5);

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

/// Sends what is due. Clones are the same outbox.
#[derive(Clone, Debug)]
pub struct Outbox(Arc<Parts>);

impl std::ops::Deref for Outbox {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What an outbox works with.
#[derive(Debug)]
pub struct Parts {
    roster: Roster,
    templates: Arc<Templates>,
    email: Option<Arc<dyn Courier>>,
    telegram: Option<Arc<dyn Courier>>,
    health: Health,
    gates: Gates,
    /// When the queue was last looked through for floods.
    gathered: Mutex<Option<Timestamp>>,
    /// When what cannot go now was last looked at.
    looked: Mutex<BTreeMap<(Why, Channel), Timestamp>>,
    /// The texts of campaigns by their hash, compiled.
    campaign_texts: Mutex<BTreeMap<String, Arc<CampaignText>>>,
    /// The version of a campaign whose mails were looked at last.
    approved: Mutex<Option<Arc<shrink::Approved>>>,
    /// When messages that show progress were last looked at.
    progressed: Mutex<Option<Timestamp>>,
}

/// Why what cannot go now is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// Its channel has no seat; it may take another way.
    Ways,
    /// It is paused, and is to say so.
    Paused,
}

/// A message that was claimed.
struct Claim {
    message: Message,
    to: String,
    /// What its picture shows, until it is drawn.
    picture: Option<Page>,
}

/// What a claimed message says.
enum Content {
    /// A mail: its text is made while it is on its way, so that nobody waits for that.
    Mail {
        message: Message,
        /// When it was claimed.
        now: Timestamp,
    },
    /// It is ready: the buttons of a chat are kept in the commit that marks it.
    Ready(Parcel),
}

/// One look at what is due.
struct Round {
    channel: Channel,
    now: Timestamp,
    claims: Vec<(Claim, Content)>,
    /// Groups that were there before it.
    before: usize,
}

/// What is on its way or has just landed: the store does not tell of it yet.
#[derive(Default)]
struct Meanwhile {
    flying: usize,
    /// Mails that have landed in this round.
    mails: usize,
    chats: BTreeSet<i64>,
    /// To which advertising goes: the cap of an address counts what has arrived.
    ads: BTreeSet<String>,
}

impl Meanwhile {
    fn of<'m>(flying: impl Iterator<Item = &'m Message>) -> Self {
        let mut meanwhile = Self::default();
        for message in flying {
            meanwhile.flies(message);
        }
        meanwhile
    }

    fn flies(&mut self, message: &Message) {
        self.flying += 1;
        if let Some(Address::Chat(chat)) = message.frozen.as_ref().map(|frozen| &frozen.address) {
            self.chats.insert(*chat);
        }
        self.advertises(message);
    }

    fn landed(&mut self, message: &Message) {
        self.mails += usize::from(message.channel == Channel::Email);
        self.advertises(message);
    }

    fn advertises(&mut self, message: &Message) {
        if let Some(Address::Email(address)) = message.frozen.as_ref().map(|frozen| &frozen.address)
            && message.ad
        {
            self.ads.insert(address.to_lowercase());
        }
    }

    /// What has landed is in the store now.
    fn recorded(&mut self) {
        self.mails = 0;
    }
}

/// Over when others wait than those that are on their way: they wait for no slow answer as long as there is another
/// connection.
async fn nudge(queued: Option<&mut watch::Receiver<u64>>) {
    match queued {
        // Gone only with the store; then it is time that says when to look.
        Some(queued) => drop(tokio::time::timeout(LOOK_AGAIN, queued.changed()).await),
        None => std::future::pending().await,
    }
}

/// Over when SIGTERM has waited long enough.
async fn given_up(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(FAREWELL).await;
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
        Self(Arc::new(Parts {
            roster,
            templates,
            email,
            telegram,
            health,
            gates: Gates::default(),
            gathered: Mutex::default(),
            looked: Mutex::default(),
            campaign_texts: Mutex::default(),
            approved: Mutex::default(),
            progressed: Mutex::default(),
        }))
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
        let clock = move || now.saturating_add(began.elapsed()).unwrap_or(now);
        self.pass_until(channel, given_up(stop), clock, |_| false)
            .await
    }

    /// Sends what is due by one channel, and what becomes due meanwhile, as long as `go_on` says so. It is told
    /// of what has ended since it was asked last, and asked before more is claimed.
    ///
    /// # Errors
    /// As [`Self::pass`].
    pub async fn send_on(
        &self,
        channel: Channel,
        clock: impl Fn() -> Timestamp + Send,
        stop: &CancellationToken,
        mut go_on: impl FnMut(&[Ended]) -> bool + Send,
    ) -> Result<Vec<Ended>, OutboxError> {
        let more = |ended: &mut Vec<Ended>| {
            let more = go_on(ended) && !stop.is_cancelled();
            ended.clear();
            more
        };
        let queued = Some(self.roster.store().on_queued());
        self.fly(channel, given_up(stop), clock, more, queued).await
    }

    /// The same by any clock: what has no answer when `given_up` is over is in doubt, and what was answered
    /// counts from what `clock` says then. `go_on` is told of all that has ended so far.
    ///
    /// # Errors
    /// As [`Self::pass`].
    pub async fn pass_until(
        &self,
        channel: Channel,
        given_up: impl Future<Output = ()> + Send,
        clock: impl Fn() -> Timestamp + Send,
        mut go_on: impl FnMut(&[Ended]) -> bool + Send,
    ) -> Result<Vec<Ended>, OutboxError> {
        self.fly(channel, given_up, clock, |ended| go_on(ended), None)
            .await
    }

    async fn fly(
        &self,
        channel: Channel,
        given_up: impl Future<Output = ()> + Send,
        clock: impl Fn() -> Timestamp + Send,
        mut go_on: impl FnMut(&mut Vec<Ended>) -> bool + Send,
        mut queued: Option<watch::Receiver<u64>>,
    ) -> Result<Vec<Ended>, OutboxError> {
        let mut given_up = std::pin::pin!(given_up.fuse());
        let mut air = Air::new();
        let mut ended = Vec::new();
        let mut more = true;
        loop {
            let now = clock();
            let landed = air.take_landed();
            let meanwhile = Meanwhile::of(air.messages());
            let round = || self.round(channel, now, landed, meanwhile, more, &mut ended);
            let claims = tokio::task::block_in_place(round)?;
            self.launch(&mut air, claims);
            if !air.is_empty() {
                let nudge = nudge(queued.as_mut());
                match air.wait(given_up.as_mut(), nudge).await {
                    Woken::Look => {}
                    Woken::GivenUp => {
                        air.give_up();
                        return self.leave(air, ended, clock());
                    }
                }
            }
            if air.is_empty() && !air.has_landed() {
                return Ok(ended);
            }
            more = go_on(&mut ended);
        }
    }

    fn launch(&self, air: &mut Air, claims: Vec<(Claim, Content)>) {
        for (mut claim, content) in claims {
            let picture = claim.picture.take();
            air.launch(claim, self.delivery(content, picture));
        }
    }

    /// Records what may have been sent.
    fn leave(
        &self,
        mut air: Air,
        mut ended: Vec<Ended>,
        now: Timestamp,
    ) -> Result<Vec<Ended>, OutboxError> {
        tokio::task::block_in_place(|| {
            let store = self.roster.store();
            let _alone = store.alone();
            let mut group = Group::default();
            for (claim, verdict) in air.take_landed() {
                ended.push(self.record(&mut group, claim, verdict, now)?);
            }
            store.commit(vec![group])?;
            Ok(ended)
        })
    }

    fn delivery(&self, content: Content, picture: Option<Page>) -> BoxFuture<'static, Verdict> {
        let outbox = self.clone();
        Box::pin(async move {
            let parcel = match content {
                Content::Ready(parcel) => parcel,
                Content::Mail { message, now } => match outbox.mail_parcel(&message, now) {
                    Ok(Ok(parcel)) => parcel,
                    Ok(Err(why)) => return Verdict::Unmade { why },
                    Err(error) => {
                        return Verdict::TryLater {
                            why: error.to_string(),
                            not_before_s: None,
                            scope: Scope::Message,
                        };
                    }
                },
            };
            let courier = match &parcel {
                Parcel::Mail(_) => &outbox.email,
                Parcel::Chat(_) => &outbox.telegram,
            };
            let Some(courier) = courier else {
                return Verdict::TryLater {
                    why: "the channel is not configured".into(),
                    not_before_s: None,
                    scope: Scope::Message,
                };
            };
            let parcel = match picture.filter(|_| courier.takes_pictures()) {
                Some(page) => pictured::with(parcel, page, outbox.templates.language()).await,
                None => parcel,
            };
            courier.deliver(&parcel).await
        })
    }

    /// One commit: records what has landed, settles what may not go, and marks in flight what goes next.
    fn round(
        &self,
        channel: Channel,
        now: Timestamp,
        landed: Vec<(Claim, Verdict)>,
        mut meanwhile: Meanwhile,
        more: bool,
        ended: &mut Vec<Ended>,
    ) -> Result<Vec<(Claim, Content)>, OutboxError> {
        let store = self.roster.store();
        // From reading a message to marking it nobody else may change it: a button, `resume`.
        let _alone = store.alone();
        let mut recorded = Group::default();
        // What a refusal says about others is in the store before they are looked at.
        let mut says_more = false;
        for (claim, verdict) in landed {
            says_more |= !matches!(verdict, Verdict::Delivered { .. });
            meanwhile.landed(&claim.message);
            ended.push(self.record(&mut recorded, claim, verdict, now)?);
        }
        let mut groups = vec![recorded];
        if says_more {
            store.commit(std::mem::take(&mut groups))?;
            meanwhile.recorded();
        }
        let claims = if more {
            self.claim(channel, now, meanwhile, &mut groups, ended)?
        } else {
            Vec::new()
        };
        store.commit(groups)?;
        Ok(claims)
    }

    /// Marks what may go now in flight, and settles what may not.
    fn claim(
        &self,
        channel: Channel,
        now: Timestamp,
        meanwhile: Meanwhile,
        groups: &mut Vec<Group>,
        ended: &mut Vec<Ended>,
    ) -> Result<Vec<(Claim, Content)>, OutboxError> {
        let store = self.roster.store();
        if channel == Channel::Telegram {
            self.gather_floods(now)?;
        }
        let flies = meanwhile.flying > 0;
        let mut seats = self.seats(channel, now, meanwhile)?;
        let paused: BTreeSet<String> = paused_list(store)?
            .into_iter()
            .map(|paused| paused.what)
            .collect();
        let is_paused = |lane: &Lane| lane.pauses().iter().any(|what| paused.contains(what));
        let lanes = store.lanes(Some(channel))?;
        let (paused, mut lanes): (Vec<Lane>, Vec<Lane>) = lanes.into_iter().partition(is_paused);
        let mut round = Round {
            channel,
            now,
            claims: Vec::new(),
            before: groups.len(),
        };
        self.look_at_paused(paused, &mut round, groups, ended)?;
        // Without a seat only what may take another way is worth a look.
        let without_seats = seats.all_taken();
        if without_seats {
            lanes.retain(|lane| channel == Channel::Telegram || lane.rank == Rank::Staff);
            if flies || lanes.is_empty() || !self.is_time_to_look(Why::Ways, channel, now) {
                return Ok(Vec::new());
            }
        }
        let mut waiting = store.waiting(lanes, now)?;
        for _ in 0..GONE_THROUGH {
            if seats.all_taken() && !without_seats || groups.len() - round.before == LOOKED_AT {
                break;
            }
            let Some((entry, key)) = waiting.next_due()? else {
                break;
            };
            let mut group = Group::default();
            match store.get::<Message>(&keys::message(&key))? {
                Some(message) if message.state == State::Queued && keys::due(&message) == entry => {
                    if seats.any_for(&message) || without_seats && message.frozen.is_none() {
                        self.look(message, entry, &mut round, &mut seats, &mut group, ended)?;
                    }
                }
                // An entry that a later one replaced, or whose message is gone.
                Some(_) | None => group.remove(entry),
            }
            if !group.is_empty() {
                groups.push(group);
            }
        }
        Ok(round.claims)
    }

    /// What is paused says so, a few at a time: it is put off, and expires in its time. What a campaign has waiting
    /// says it as a whole.
    fn look_at_paused(
        &self,
        mut lanes: Vec<Lane>,
        round: &mut Round,
        groups: &mut Vec<Group>,
        ended: &mut Vec<Ended>,
    ) -> Result<(), OutboxError> {
        lanes.retain(|lane| lane.rank != Rank::Campaign);
        if lanes.is_empty() || !self.is_time_to_look(Why::Paused, round.channel, round.now) {
            return Ok(());
        }
        let store = self.roster.store();
        let mut nowhere = Seats::none(round.now);
        let mut waiting = store.waiting(lanes, round.now)?;
        for _ in 0..PAUSED_AT_A_TIME {
            let Some((entry, key)) = waiting.next_due()? else {
                break;
            };
            let mut group = Group::default();
            match store.get::<Message>(&keys::message(&key))? {
                Some(message) if message.state == State::Queued && keys::due(&message) == entry => {
                    self.look(message, entry, round, &mut nowhere, &mut group, ended)?;
                }
                Some(_) | None => group.remove(entry),
            }
            if !group.is_empty() {
                groups.push(group);
            }
        }
        Ok(())
    }

    /// What cannot go now is looked at now and then.
    fn is_time_to_look(&self, why: Why, channel: Channel, now: Timestamp) -> bool {
        let mut last = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let soon = last
            .get(&(why, channel))
            .is_some_and(|last| now.duration_since(*last).abs() < LOOK_FOR_WAYS);
        if !soon {
            last.insert((why, channel), now);
        }
        !soon
    }

    fn look(
        &self,
        mut message: Message,
        entry: Key,
        round: &mut Round,
        seats: &mut Seats,
        group: &mut Group,
        ended: &mut Vec<Ended>,
    ) -> Result<(), OutboxError> {
        let now = round.now;
        let ad = message.ad;
        match self.prepare(&mut message, now, group, |to| seats.take(self, to, ad))? {
            // It stays as it is, where it is in the queue.
            prepare::Next::NoSeat if message.channel == round.channel => *group = Group::default(),
            // The other channel's connections are the other channel's: it waits in its queue.
            prepare::Next::NoSeat => {
                *group = Group::default();
                group.remove(entry);
                group.put_due(&message);
                ledger::rewrite(group, &message);
            }
            prepare::Next::Ready => match self.content(&message, now, group)? {
                Ok(content) => {
                    ledger::shift(
                        group,
                        &mut message,
                        State::InFlight,
                        By::Outbox,
                        "on its way",
                        None,
                    )?;
                    let to = route::shown(&message);
                    let picture = self.picture(&message)?;
                    let claim = Claim {
                        message,
                        to,
                        picture,
                    };
                    round.claims.push((claim, content));
                }
                // Our fault, and a person's to mend: the template, or a value it needs.
                Err(why) => {
                    ledger::shift(group, &mut message, State::Cancelled, By::Policy, why, None)?;
                    ended.push(self.ended(message));
                }
            },
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
    /// Addresses to which advertising is on its way: their cap counts it when it has arrived.
    ads: BTreeSet<String>,
    now: Timestamp,
}

impl Seats {
    fn none(now: Timestamp) -> Self {
        Self {
            email: 0,
            telegram: 0,
            chats: BTreeSet::new(),
            holds: BTreeMap::new(),
            ads: BTreeSet::new(),
            now,
        }
    }

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
    fn take(&mut self, outbox: &Outbox, address: &Address, ad: bool) -> bool {
        match address {
            Address::Email(to) => {
                if ad && self.ads.contains(&to.to_lowercase()) {
                    return false;
                }
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
                if free && ad {
                    self.ads.insert(to.to_lowercase());
                }
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
