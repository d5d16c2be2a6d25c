//! Time, the mail server and Telegram: what truly arrived, whatever the program was told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use sheetbridge::core::delivery::{Scope, Verdict};
use sheetbridge::core::message::Address;
use sheetbridge::core::pace::Pace;
use sheetbridge::core::rule::Channel;
use sheetbridge::courier::email::{Phase, Reply, verdict};
use sheetbridge::courier::telegram::{After, after};
use sheetbridge::courier::{Courier, Parcel, ProbeError};
use sheetbridge::telegram::{CallError, ChatPace, Refused};

use super::dice::Dice;

/// Sessions of the mail courier.
pub(crate) const SESSIONS: usize = 4;
/// Messages to Telegram at once.
pub(crate) const CALLS: usize = 8;

/// What a provider is like just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    Calm,
    /// Temporary refusals.
    Grey,
    /// Connections die, before and behind the final dot.
    Drops,
    /// Nobody answers.
    Down,
    /// Minutes until an answer.
    Slow,
    /// 5.7.x, or 400.
    Policy,
    /// 5.4.5, or 429 for everybody.
    Limit,
    /// Of everything something.
    Mixed,
}

impl Weather {
    pub(crate) const ALL: [Self; 8] = [
        Self::Calm,
        Self::Grey,
        Self::Drops,
        Self::Down,
        Self::Slow,
        Self::Policy,
        Self::Limit,
        Self::Mixed,
    ];
}

/// One message on its way.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) channel: Channel,
    /// The digest of the message's key.
    pub(crate) digest: String,
    pub(crate) to: String,
    /// When the body began to leave, if it does.
    body_at: Option<i64>,
    /// When it arrived, if it does.
    arrives_at: Option<i64>,
    answers_at: i64,
    answer: Verdict,
    arrived: bool,
}

impl Call {
    /// Whether it counts against the limits: it arrives, or nobody knows.
    pub(crate) fn counts(&self) -> bool {
        matches!(
            self.answer,
            Verdict::Delivered { .. } | Verdict::InDoubt { .. }
        )
    }
}

/// Something that truly arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) digest: String,
}

/// All that is outside of the program.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    /// Milliseconds that truly went by.
    pub(crate) mono: i64,
    /// What the machine's clock says.
    pub(crate) wall: Timestamp,
    base: Instant,
    pub(crate) mail: Weather,
    pub(crate) chat: Weather,
    calls: BTreeMap<u64, Call>,
    next_call: u64,
    tries: BTreeMap<String, u64>,
    pub(crate) arrivals: Vec<Arrival>,
    /// Calls that began since the checker last looked.
    pub(crate) begun: Vec<Call>,
    /// Addresses that were refused for good and whose refusal the program was told: in which call.
    pub(crate) refused: BTreeSet<String>,
    /// Chats that blocked the bot.
    pub(crate) blocked: BTreeSet<i64>,
    pub(crate) migrated: BTreeMap<i64, i64>,
    /// Until when (by the machine's clock) a chat has said that it takes nothing, as told to the program.
    pub(crate) flooded: BTreeMap<i64, Timestamp>,
    /// When SIGTERM came.
    pub(crate) stopped: Option<i64>,
    pub(crate) log: VecDeque<String>,
    pub(crate) logging: bool,
    pub(crate) fingerprint: u64,
    pub(crate) broken: Option<String>,
}

/// Everybody's handle on it.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the world")
    }
}

impl Shared {
    pub(crate) fn new(seed: u64, begin: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(World {
            seed,
            mono: 0,
            wall: begin,
            base: Instant::now(),
            mail: Weather::Calm,
            chat: Weather::Calm,
            calls: BTreeMap::new(),
            next_call: 0,
            tries: BTreeMap::new(),
            arrivals: Vec::new(),
            begun: Vec::new(),
            refused: BTreeSet::new(),
            blocked: BTreeSet::new(),
            migrated: BTreeMap::new(),
            flooded: BTreeMap::new(),
            stopped: None,
            log: VecDeque::new(),
            logging: false,
            fingerprint: 0xcbf2_9ce4_8422_2325,
            broken: None,
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.lock().wall
    }
}

impl World {
    /// A line of the story, which is also what two runs of a seed are compared by.
    pub(crate) fn say(&mut self, what: fmt::Arguments<'_>) {
        let line = format!("{} {what}", self.wall);
        for byte in line.bytes() {
            self.fingerprint = (self.fingerprint ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.logging {
            if self.log.len() == 4_000 {
                self.log.pop_front();
            }
            self.log.push_back(line);
        }
    }

    pub(crate) fn violated(&mut self, what: String) {
        if self.broken.is_none() {
            self.broken = Some(what);
        }
    }

    fn instant(&self) -> Instant {
        self.base + Duration::from_millis(u64::try_from(self.mono).unwrap_or(0))
    }

    /// Time goes by, and what is on its way arrives.
    pub(crate) fn advance(&mut self, ms: i64) {
        self.mono += ms;
        self.wall = self
            .wall
            .checked_add(SignedDuration::from_millis(ms))
            .expect("no run takes so long");
        let mono = self.mono;
        let mut arrived = Vec::new();
        for call in self.calls.values_mut() {
            if !call.arrived && call.arrives_at.is_some_and(|at| at <= mono) {
                call.arrived = true;
                arrived.push((call.channel, call.digest.clone()));
            }
        }
        for (channel, digest) in arrived {
            self.arrived(channel, digest);
        }
    }

    fn arrived(&mut self, channel: Channel, digest: String) {
        self.say(format_args!("→ {} {digest} arrives", channel.as_str()));
        self.arrivals.push(Arrival { digest });
    }

    /// When the next answer comes, in true milliseconds.
    pub(crate) fn next_answer(&self) -> Option<i64> {
        self.calls.values().map(|call| call.answers_at).min()
    }

    pub(crate) fn under_way(&self, channel: Channel) -> usize {
        self.calls
            .values()
            .filter(|call| call.channel == channel)
            .count()
    }

    /// The process is gone: what it had sent of a body may arrive all the same.
    ///
    /// Returns the digests of what was in the gap between the first byte and the answer.
    pub(crate) fn hang_up(&mut self, dice: &mut Dice) -> Vec<String> {
        let mut gap = Vec::new();
        for call in std::mem::take(&mut self.calls).into_values() {
            if call.body_at.is_none_or(|at| at > self.mono) {
                continue;
            }
            gap.push(call.digest.clone());
            if !call.arrived && call.arrives_at.is_some() && dice.chance(50) {
                self.arrived(call.channel, call.digest);
            }
        }
        gap
    }

    fn begin(&mut self, call: Call) -> u64 {
        let id = self.next_call;
        self.next_call += 1;
        self.say(format_args!(
            "{} {} to {} begins",
            call.channel.as_str(),
            call.digest,
            call.to
        ));
        self.begun.push(call.clone());
        self.calls.insert(id, call);
        id
    }

    /// The verdict of a call whose answer has come.
    fn answer(&mut self, id: u64) -> Option<Verdict> {
        let due = self.calls.get(&id)?.answers_at <= self.mono;
        if !due {
            return None;
        }
        let call = self.calls.remove(&id)?;
        self.say(format_args!("{} answered {:?}", call.digest, call.answer));
        Some(call.answer)
    }

    fn dice_for(&mut self, to: &str) -> Dice {
        let tried = self.tries.entry(to.to_owned()).or_default();
        *tried += 1;
        Dice::about(self.seed, to, *tried)
    }
}

/// What happens to a call, before times are put to it.
enum Fate {
    /// Nothing of the body left.
    Before(Verdict),
    /// The answer comes and is true.
    Taken(Verdict),
    /// Refused after the body.
    RefusedAfter(Verdict),
    /// It arrived and the answer was lost.
    Lost,
    /// The line died in the body.
    Torn,
}

fn doubt() -> Verdict {
    Verdict::InDoubt {
        why: "the connection was lost after the body began".to_owned(),
    }
}

fn channel_later(why: &str) -> Verdict {
    Verdict::TryLater {
        why: why.to_owned(),
        not_before_s: None,
        scope: Scope::Channel,
    }
}

fn place(
    world: &mut World,
    call: (Channel, String, String),
    fate: Fate,
    slow: bool,
    dice: &mut Dice,
) -> u64 {
    let (channel, digest, to) = call;
    let now = world.mono;
    let (low, high) = if slow { (4_000, 150_000) } else { (3, 400) };
    let body = now + dice.between(1, 200);
    let end = body + dice.between(low, high);
    let middle = body + (end - body) / 2;
    let (body_at, arrives_at, answer) = match fate {
        Fate::Before(answer) => (None, None, answer),
        Fate::Taken(answer) => (Some(body), Some(middle), answer),
        Fate::RefusedAfter(answer) => (Some(body), None, answer),
        Fate::Lost => (Some(body), Some(middle), doubt()),
        Fate::Torn => (Some(body), None, doubt()),
    };
    world.begin(Call {
        channel,
        digest,
        to,
        body_at,
        arrives_at,
        answers_at: end,
        answer,
        arrived: false,
    })
}

async fn answered(world: &Shared, id: u64) -> Verdict {
    poll_fn(|_| match world.lock().answer(id) {
        Some(verdict) => Poll::Ready(verdict),
        None => Poll::Pending,
    })
    .await
}

/// The mail server. Replies are put to the real table; the pace is the real one, and new with each process.
#[derive(Debug)]
pub(crate) struct Mails {
    world: Shared,
    pace: Mutex<Pace>,
}

impl Mails {
    pub(crate) fn new(world: &Shared, per_minute: u32) -> Self {
        Self {
            world: world.clone(),
            pace: Mutex::new(Pace::per_minute(per_minute, (per_minute / 10).max(1))),
        }
    }
}

/// Addresses with troubles of their own, which last.
fn illness(seed: u64, to: &str) -> Option<(Phase, &'static str)> {
    match Dice::about(seed, to, u64::MAX).below(40) {
        0..=2 => Some((Phase::Rcpt, "550 5.1.1 The email account does not exist")),
        3 => Some((Phase::Rcpt, "552 5.2.2 mailbox full")),
        4 => Some((Phase::Rcpt, "550 5.2.1 mailbox disabled")),
        5 => Some((Phase::Body, "552 5.2.3 Message too large")),
        _ => None,
    }
}

fn reply(phase: Phase, line: &str) -> Verdict {
    let (code, text) = line.split_once(' ').unwrap_or((line, ""));
    verdict(phase, &Reply::new(code.parse().expect("a code"), [text]))
}

fn smtp_fate(weather: Weather, seed: u64, to: &str, dice: &mut Dice) -> Fate {
    let weather = match weather {
        Weather::Mixed if dice.chance(60) => Weather::Calm,
        Weather::Mixed => *dice.one(&Weather::ALL[..7]),
        other => other,
    };
    match weather {
        Weather::Down => return Fate::Before(channel_later("connection refused")),
        Weather::Limit if dice.chance(50) => {
            return Fate::Before(reply(
                Phase::Rcpt,
                "550 5.4.5 Daily user sending limit exceeded",
            ));
        }
        Weather::Policy if dice.chance(50) => {
            return Fate::RefusedAfter(reply(Phase::Body, "550 5.7.1 Message rejected as spam"));
        }
        Weather::Grey if dice.chance(70) => {
            let line = *dice.one(&[
                "450 4.2.1 The user is receiving mail too quickly",
                "451 4.7.1 Greylisting in action, please come back later",
                "452 4.3.1 Insufficient system storage",
                "421 4.7.0 closing the connection",
            ]);
            return Fate::Before(reply(Phase::Rcpt, line));
        }
        Weather::Drops => match dice.below(5) {
            0 => return Fate::Before(channel_later("the server closed the connection")),
            1 | 2 => return Fate::Lost,
            3 => return Fate::Torn,
            _ => {}
        },
        _ => {}
    }
    match illness(seed, to) {
        Some((Phase::Rcpt, line)) => Fate::Before(reply(Phase::Rcpt, line)),
        Some((phase, line)) => Fate::RefusedAfter(reply(phase, line)),
        None => Fate::Taken(Verdict::Delivered {
            receipt: "250 2.0.0 Ok".to_owned(),
        }),
    }
}

impl Courier for Mails {
    fn takes_pictures(&self) -> bool {
        false
    }

    fn connections(&self) -> usize {
        SESSIONS
    }

    fn ready_in(&self, _to: &Address) -> Duration {
        let now = self.world.lock().instant();
        self.pace.lock().expect("one thread").ready_in(now)
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Verdict> {
        Box::pin(async move {
            let Parcel::Mail(mail) = parcel else {
                panic!("a chat for the mail server");
            };
            let digest = mail
                .message_id
                .split('@')
                .next()
                .unwrap_or_default()
                .to_owned();
            let id = {
                let mut world = self.world.lock();
                let world = &mut *world;
                {
                    let now = world.instant();
                    let mut pace = self.pace.lock().expect("one thread");
                    let wait = pace.ready_in(now);
                    if wait > Duration::from_secs(5) {
                        return Verdict::TryLater {
                            why: "the provider's pace".to_owned(),
                            not_before_s: Some(wait.as_secs() + 1),
                            scope: Scope::Message,
                        };
                    }
                    pace.take(now);
                }
                let mut dice = world.dice_for(&mail.to);
                let fate = smtp_fate(world.mail, world.seed, &mail.to, &mut dice);
                let slow = world.mail == Weather::Slow;
                place(
                    world,
                    (Channel::Email, digest, mail.to.clone()),
                    fate,
                    slow,
                    &mut dice,
                )
            };
            answered(&self.world, id).await
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, ProbeError>> {
        Box::pin(async { Ok("simulated".to_owned()) })
    }
}

/// Telegram. Refusals are put to the real table; the pace is the real one, and new with each process.
#[derive(Debug)]
pub(crate) struct Chats {
    world: Shared,
    pace: ChatPace,
}

impl Chats {
    pub(crate) fn new(world: &Shared) -> Self {
        Self {
            world: world.clone(),
            pace: ChatPace::default(),
        }
    }
}

fn refused(
    code: u16,
    description: &str,
    retry_after_s: Option<u64>,
    migrate_to: Option<i64>,
) -> Verdict {
    let error = CallError::Refused(Refused {
        code,
        description: description.to_owned(),
        retry_after_s,
        migrate_to,
    });
    match after(&error) {
        After::Over(verdict) => verdict,
        After::Plain => Verdict::Delivered {
            receipt: "sent as plain text".to_owned(),
        },
    }
}

fn chat_fate(world: &mut World, chat: i64, dice: &mut Dice) -> Fate {
    if let Some(to) = world.migrated.get(&chat) {
        let said = "Bad Request: group chat was upgraded to a supergroup chat";
        return Fate::Before(refused(400, said, None, Some(*to)));
    }
    if world.blocked.contains(&chat) {
        return Fate::Before(refused(
            403,
            "Forbidden: bot was blocked by the user",
            None,
            None,
        ));
    }
    let weather = match world.chat {
        Weather::Mixed if dice.chance(60) => Weather::Calm,
        Weather::Mixed => *dice.one(&Weather::ALL[..7]),
        other => other,
    };
    let flood = |dice: &mut Dice| {
        let wait = dice.between(2, 90).unsigned_abs();
        refused(
            429,
            &format!("Too Many Requests: retry after {wait}"),
            Some(wait),
            None,
        )
    };
    match weather {
        Weather::Down => Fate::Before(channel_later("connection refused")),
        Weather::Limit => Fate::Before(flood(dice)),
        Weather::Grey if dice.chance(50) => Fate::Before(flood(dice)),
        Weather::Grey if dice.chance(30) => Fate::Before(refused(502, "Bad Gateway", None, None)),
        Weather::Policy if dice.chance(30) => {
            Fate::Before(refused(400, "Bad Request: message is too long", None, None))
        }
        Weather::Drops if dice.chance(40) => Fate::Lost,
        Weather::Drops if dice.chance(40) => Fate::Torn,
        _ => Fate::Taken(Verdict::Delivered {
            receipt: "message 1".to_owned(),
        }),
    }
}

impl Courier for Chats {
    fn takes_pictures(&self) -> bool {
        false
    }

    fn connections(&self) -> usize {
        CALLS
    }

    fn ready_in(&self, to: &Address) -> Duration {
        let now = self.world.lock().instant();
        match to {
            Address::Chat(chat) => self.pace.ready_in(*chat, now),
            Address::Email(_) => Duration::ZERO,
        }
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Verdict> {
        Box::pin(async move {
            let Parcel::Chat(chat) = parcel else {
                panic!("a mail for Telegram");
            };
            let (id, in_time) = {
                let mut world = self.world.lock();
                let world = &mut *world;
                let until = world.flooded.get(&chat.chat);
                let in_time = until.is_some_and(|until| *until <= world.wall);
                // As the real courier: a short wait for one's turn is no refusal.
                if let Err(wait) = self.pace.try_take(chat.chat, world.instant())
                    && wait > Duration::from_secs(5)
                {
                    return Verdict::TryLater {
                        why: "Telegram's pace".to_owned(),
                        not_before_s: Some(wait.as_secs() + 1),
                        scope: Scope::Address,
                    };
                }
                let mut dice = world.dice_for(&chat.chat.to_string());
                let fate = chat_fate(world, chat.chat, &mut dice);
                let slow = world.chat == Weather::Slow;
                let call = (Channel::Telegram, chat.id.clone(), chat.chat.to_string());
                (place(world, call, fate, slow, &mut dice), in_time)
            };
            let verdict = answered(&self.world, id).await;
            // What the chat had asked for is over, also if the clock was put back meanwhile.
            if in_time && matches!(verdict, Verdict::Delivered { .. }) {
                self.world.lock().flooded.remove(&chat.chat);
            }
            if let Verdict::TryLater {
                not_before_s: Some(wait),
                scope: Scope::Address,
                ..
            } = &verdict
            {
                let mut world = self.world.lock();
                let now = world.instant();
                self.pace
                    .flooded(chat.chat, Duration::from_secs(*wait), now);
                let until =
                    world.wall + SignedDuration::from_secs(i64::try_from(*wait).unwrap_or(0));
                world.flooded.insert(chat.chat, until);
            }
            verdict
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, ProbeError>> {
        Box::pin(async { Ok("simulated".to_owned()) })
    }
}
