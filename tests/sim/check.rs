//! What must hold: looked at with every message that leaves, now and then over the whole store, and at the end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::civil::Weekday;
use jiff::{SignedDuration, Timestamp, tz};
use sheetbridge::commands::HandAct;
use sheetbridge::core::delivery::State;
use sheetbridge::core::message::{Address, Message, MessageKey, Recipient};
use sheetbridge::core::record::Record;
use sheetbridge::core::rule::Channel;
use sheetbridge::outbox::Ended;
use sheetbridge::store::Store;
use sheetbridge::store::keys::{self, prefix};

use super::company::{MAILBOX, PER_DAY, PER_MINUTE, SOMETIMES, Which};
use super::sheet::Sheet;
use super::world::{CALLS, Call, SESSIONS, World};

/// Days off around the episodes' beginnings: New Year, Tết 2027 with the day after its Sunday.
const HOLIDAYS: [(i16, i8, i8); 7] = [
    (2027, 1, 1),
    (2027, 2, 5),
    (2027, 2, 6),
    (2027, 2, 7),
    (2027, 2, 8),
    (2027, 2, 9),
    (2027, 2, 10),
];

/// What the checker remembers beside the store.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    pub(crate) messages: usize,
    pub(crate) in_doubt: usize,
    /// What is paused for sure.
    pub(crate) paused: BTreeSet<String>,
    /// Which configuration is in force, and the channels whose pass began under another one.
    which: Which,
    before_reload: BTreeSet<Channel>,
    /// Digests of what somebody cancelled.
    cancelled: BTreeSet<String>,
    /// Digests of what arrived after the backup that is in force again: nothing of it goes again by itself.
    forgotten: BTreeSet<String>,
    /// Occasions that somebody sends again all the same, whoever is told of them in the end.
    again: BTreeSet<String>,
    /// Digests that were in the gap when the process went.
    gap: Vec<String>,
    /// Mails whose body left: true time, machine's time.
    mails: VecDeque<(i64, Timestamp)>,
    /// Mails that were on their way while the clock jumped.
    blurred: usize,
    /// Advertising by address.
    ads: BTreeMap<String, Vec<Timestamp>>,
}

/// The key of a message but for the role: what cannot reach one is passed on to another.
fn occasion(key: &MessageKey) -> String {
    let mut parts: Vec<&str> = key.as_str().splitn(5, '/').collect();
    if parts.len() == 5 {
        parts.remove(3);
    }
    parts.join("/")
}

impl Checker {
    pub(crate) fn reloaded(&mut self, which: Which, under_way: &[Channel]) {
        self.which = which;
        self.before_reload = under_way.iter().copied().collect();
    }

    pub(crate) fn pass_ended(&mut self, channel: Channel) {
        self.before_reload.remove(&channel);
    }

    /// Somebody acts on a message; whether it was done, once that is known. What was not answered may have been done.
    pub(crate) fn by_hand(&mut self, act: HandAct, key: &MessageKey, done: Option<bool>) {
        let digest = &key.digest();
        match (act, done) {
            (HandAct::Cancel, Some(true)) => {
                self.cancelled.insert(digest.clone());
            }
            (HandAct::Retry | HandAct::Again, _) => {
                self.cancelled.remove(digest);
                self.again.insert(occasion(key));
            }
            (HandAct::Cancel | HandAct::Delivered | HandAct::Dead, _) => {}
        }
    }

    /// An older state is in force; what arrived since is known to nobody in it, nor is any limit that counts it.
    pub(crate) fn restored(&mut self, since: impl Iterator<Item = String>) {
        self.forgotten.extend(since);
        self.again.clear();
        self.cancelled.clear();
        self.gap.clear();
        self.mails.clear();
        self.ads.clear();
        self.before_reload.clear();
    }

    /// Mails that were on their way then begin by one clock, and are counted when they land by another.
    pub(crate) fn clock_jumps(&mut self, under_way: usize) {
        self.blurred += under_way;
    }

    pub(crate) fn in_gap(&mut self, gap: Vec<String>) {
        self.gap.extend(gap);
    }

    /// After a start: all that was in the gap is in doubt, and never more than there were connections.
    pub(crate) fn recovered(&mut self, store: &Store, recovered: &[Ended]) -> Result<(), String> {
        for (channel, most) in [(Channel::Email, SESSIONS), (Channel::Telegram, CALLS)] {
            let count = recovered
                .iter()
                .filter(|ended| channel_tried(&ended.message) == Some(channel))
                .count();
            if count > most {
                return Err(format!(
                    "gap: {count} in doubt by {} and {most} connections",
                    channel.as_str()
                ));
            }
        }
        for digest in std::mem::take(&mut self.gap) {
            let Some(message) = by_digest(store, &digest) else {
                return Err(format!(
                    "gap: {digest} was on its way and is not in the store"
                ));
            };
            let last = message.attempts.last().map(|attempt| attempt.ended);
            if last != Some(State::InDoubt) && last != Some(State::Delivered) {
                return Err(format!(
                    "gap: {} was in the gap and is {} ({last:?})",
                    message.key, message.state
                ));
            }
        }
        if let Some(key) = store.keys(prefix::FLIGHT).next() {
            return Err(format!("gap: {key:?} is still in flight after a start"));
        }
        Ok(())
    }

    /// What began to leave since the last look.
    pub(crate) fn begun(
        &mut self,
        world: &mut World,
        store: &Store,
        unflushed: usize,
    ) -> Result<(), String> {
        for call in std::mem::take(&mut world.begun) {
            let Some(message) = by_digest(store, &call.digest) else {
                return Err(format!(
                    "unknown: {} leaves and is not in the store",
                    call.digest
                ));
            };
            if message.state != State::InFlight || unflushed > 0 {
                return Err(format!(
                    "mark: {} leaves while it is {} on disk, {unflushed} batches unflushed",
                    message.key, message.state
                ));
            }
            self.allowed(world, &call, &message)?;
        }
        for (channel, most) in [(Channel::Email, SESSIONS), (Channel::Telegram, CALLS)] {
            let count = world.under_way(channel);
            if count > most {
                return Err(format!("seats: {count} under way by {}", channel.as_str()));
            }
        }
        Ok(())
    }

    fn allowed(&mut self, world: &World, call: &Call, message: &Message) -> Result<(), String> {
        let now = world.wall;
        let wall = |why: &str| Err(format!("{why}: {} to {} at {now}", message.key, call.to));
        let of = [
            "all".to_owned(),
            format!("channel/{}", call.channel.as_str()),
            format!("rule/{}", message.rule),
        ];
        if of.iter().any(|what| self.paused.contains(what)) {
            return wall("paused");
        }
        if self.cancelled.contains(&call.digest) {
            return wall("cancelled by hand");
        }
        // What goes wrong again is told again: that it was told before is forgotten with the rest.
        let by_hand = self.again.contains(&occasion(&message.key));
        if self.forgotten.contains(&call.digest) && message.rule != "trouble" && !by_hand {
            return wall("again after a restore");
        }
        if !self.before_reload.contains(&call.channel) {
            let customer = message.to == Recipient::Customer;
            if customer && (self.which == Which::Trial) != (call.to == MAILBOX) {
                return wall(&format!("trial, in force is {:?}", self.which));
            }
            if self.which == Which::Fewer && message.rule == SOMETIMES {
                return wall("a rule that was removed");
            }
        }
        if !open(message, now) {
            return wall("hours");
        }
        if world.refused.contains(&call.to) {
            return wall("suppressed");
        }
        if call.channel == Channel::Telegram {
            let chat: i64 = call.to.parse().map_err(|_| "no chat id".to_owned())?;
            if let Some(until) = world.flooded.get(&chat).filter(|until| now < **until) {
                return wall(&format!("flood until {until}"));
            }
            return Ok(());
        }
        if !call.counts() {
            return Ok(()); // refused: the provider counts it nowhere
        }
        let day = SignedDuration::from_hours(24);
        let today = self.mails.iter().filter(|(_, at)| *at + day > now).count();
        if today >= PER_DAY as usize + self.blurred {
            return wall(&format!("daily limit, {today} before it"));
        }
        let minute = self
            .mails
            .iter()
            .filter(|(at, _)| at + 60_000 > world.mono)
            .count();
        if minute >= (PER_MINUTE + PER_MINUTE / 10) as usize {
            return wall(&format!("pace, {minute} in a minute"));
        }
        self.mails.push_back((world.mono, now));
        while self.mails.len() > 2_000 {
            self.mails.pop_front();
        }
        if message.ad && call.to != MAILBOX {
            let sent = self.ads.entry(call.to.clone()).or_default();
            let before = sent.iter().filter(|at| **at + day > now).count();
            sent.push(now);
            if before >= 3 {
                return wall(&format!("cap, {before} in a day"));
            }
        }
        Ok(())
    }

    /// What the daemon was told, it obeys from now on.
    pub(crate) fn ended(&mut self, world: &mut World, ended: &[Ended]) -> Result<(), String> {
        for one in ended {
            let message = &one.message;
            let address = message.frozen.as_ref().map(|frozen| &frozen.address);
            if let (false, State::Rejected, Some(Address::Email(to))) =
                (message.trial, message.state, address)
                && message.why.starts_with("550 5.1.1")
            {
                world.refused.insert(to.clone());
            }
            if message.state == State::InFlight {
                return Err(format!("state: {} ended in flight", message.key));
            }
        }
        Ok(())
    }

    /// The store against itself and against what truly arrived.
    pub(crate) fn audit(&mut self, world: &World, store: &Store) -> Result<(), String> {
        let mut arrived: BTreeMap<&str, usize> = BTreeMap::new();
        for arrival in &world.arrivals {
            *arrived.entry(&arrival.digest).or_default() += 1;
        }
        let (mut queued, mut flying) = (0, 0);
        self.messages = 0;
        self.in_doubt = 0;
        for entry in store.scan::<Message>(prefix::MESSAGE) {
            let (_, message) = entry.map_err(|error| error.to_string())?;
            self.messages += 1;
            let count = |state| {
                message
                    .attempts
                    .iter()
                    .filter(|attempt| attempt.ended == state)
                    .count()
            };
            let doubts = count(State::InDoubt);
            self.in_doubt += doubts;
            queued += usize::from(message.state == State::Queued);
            flying += usize::from(message.state == State::InFlight);
            let now = arrived.remove(message.key.digest().as_str()).unwrap_or(0);
            let may =
                count(State::Delivered) + doubts + usize::from(message.state == State::InFlight);
            if now > may {
                return Err(format!(
                    "twice: {} arrived {now} times, {may} are accounted for",
                    message.key
                ));
            }
            if count(State::Delivered) > 0 && now == 0 {
                return Err(format!(
                    "lost: {} is delivered and never arrived",
                    message.key
                ));
            }
            if message.state == State::Queued
                && store
                    .get::<MessageKey>(&due_key(&message))
                    .is_ok_and(|key| key.is_none())
            {
                return Err(format!("queue: {} waits in no queue", message.key));
            }
        }
        if let Some(digest) = arrived.keys().next() {
            return Err(format!("unknown: {digest} arrived and is not in the store"));
        }
        let due = store.keys(prefix::DUE).count();
        let flight = store.keys(prefix::FLIGHT).count();
        if (due, flight) != (queued, flying) {
            return Err(format!(
                "queue: {due} entries for {queued} waiting messages, {flight} marks for {flying} in flight"
            ));
        }
        Ok(())
    }

    /// After a quiet time: everything has ended, and everybody heard what was meant for them.
    pub(crate) fn end(
        &mut self,
        world: &World,
        store: &Store,
        sheet: &Sheet,
        quiet: Timestamp,
    ) -> Result<(), String> {
        let mut welcomed: BTreeSet<String> = BTreeSet::new();
        for entry in store.scan::<Message>(prefix::MESSAGE) {
            let (_, message) = entry.map_err(|error| error.to_string())?;
            match message.state {
                State::InFlight => return Err(format!("end: {} is in flight", message.key)),
                State::Queued if message.created < quiet && message.due <= world.wall => {
                    return Err(format!(
                        "end: {} is due since {} ({})",
                        message.key, message.due, message.why
                    ));
                }
                // Four times is enough: something swallows it, and a person is to look.
                State::InDoubt
                    if message.to != Recipient::Customer
                        && doubts(&message) < 4
                        && !message.why.contains("restored from a backup") =>
                {
                    return Err(format!("end: {} to staff is still in doubt", message.key));
                }
                _ => {}
            }
            if message.state.is_end() && message.why.is_empty() {
                return Err(format!("end: {} ended without a reason", message.key));
            }
            if message.rule == "welcome" {
                welcomed.extend(message.record.as_ref().map(ToString::to_string));
            }
        }
        self.everybody_is_welcomed(store, sheet, &welcomed)
    }

    fn everybody_is_welcomed(
        &self,
        store: &Store,
        sheet: &Sheet,
        welcomed: &BTreeSet<String>,
    ) -> Result<(), String> {
        let mut records: BTreeMap<String, Record> = BTreeMap::new();
        for record in store.records() {
            let record = record.map_err(|error| error.to_string())?;
            if let Some(email) = record.seen.get("email").filter(|_| record.gone.is_none()) {
                records.insert(email.shown().to_string(), record);
            }
        }
        for row in &sheet.rows {
            let Some(newcomer) = sheet
                .newcomers
                .get(&row.who)
                .filter(|newcomer| newcomer.plain)
            else {
                continue;
            };
            let Some(record) = records.get(&newcomer.email) else {
                // Typed where another was deleted: whose row it is, nobody can say, and so it is listed.
                if store.keys(prefix::UNCLEAR).next().is_some() {
                    continue;
                }
                return Err(format!(
                    "lost: #{} {} is no record",
                    row.who, newcomer.email
                ));
            };
            let taken_over = record.baseline || record.ambiguous_since.is_some();
            if !taken_over && !welcomed.contains(&record.id.to_string()) {
                return Err(format!(
                    "lost: #{} {} was never welcomed ({})",
                    row.who, newcomer.email, record.id
                ));
            }
        }
        Ok(())
    }
}

fn doubts(message: &Message) -> usize {
    let ends = message.attempts.iter().map(|attempt| attempt.ended);
    ends.filter(|ended| *ended == State::InDoubt).count()
}

/// The queue entry of a message.
fn due_key(message: &Message) -> keys::Key {
    keys::due(message)
}

fn by_digest(store: &Store, digest: &str) -> Option<Message> {
    let key: MessageKey = store.get(&keys::under(prefix::DIGEST, digest)).ok()??;
    store.get(&keys::message(&key)).ok()?
}

fn channel_tried(message: &Message) -> Option<Channel> {
    message.attempts.last().map(|attempt| attempt.channel)
}

/// The hours as the configuration has them, reckoned without the program's own calendar.
fn open(message: &Message, now: Timestamp) -> bool {
    if message.urgent && !message.ad || message.to == Recipient::Alerts {
        return true;
    }
    let local = now.to_zoned(tz::TimeZone::fixed(tz::offset(7)));
    let date = local.date();
    let holiday = HOLIDAYS.contains(&(date.year(), date.month(), date.day()));
    let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
    if message.to == Recipient::Customer {
        return (7 * 60 + 30..21 * 60).contains(&minute); // hours without days count on holidays
    }
    !holiday && local.weekday() != Weekday::Sunday && (8 * 60..18 * 60).contains(&minute)
}
