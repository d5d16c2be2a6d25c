//! One episode: the daemon in this thread, what people and the world do to it, and its end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use sheetbridge::alarms;
use sheetbridge::commands::{
    ButtonAct, CALLBACK, CommandError, Desk, ErrorKind, HandAct, TrialEnd, Who, after_restore,
};
use sheetbridge::core::message::{Address, Message, MessageKey};
use sheetbridge::core::rule::Channel;
use sheetbridge::courier::Courier;
use sheetbridge::cycle::{Cycle, Mode, PollError};
use sheetbridge::google::Google;
use sheetbridge::health::Health;
use sheetbridge::outbox::{Ended, Outbox, OutboxError};
use sheetbridge::render::{Language, Templates};
use sheetbridge::roster::Roster;
use sheetbridge::store::gap::Gap;
use sheetbridge::store::keys::{self, prefix};
use sheetbridge::store::{Kept, Memory, Store, StoreError, Touch, ledger};

use super::check::Checker;
use super::company::{Configs, PER_MINUTE, Which};
use super::dice::Dice;
use super::sheet::{BOOK, Reader, Sheet};
use super::world::{Chats, Mails, Shared, Weather};

/// How long what is in hand at an episode's end may take, in milliseconds: longer than the longest step of time, which
/// may pass over the end.
const OVERTIME: i64 = 6 * 3_600_000;

/// Google is asked so often, in milliseconds.
const POLL_EVERY: i64 = 10_000;

/// What the disk does to the store.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    /// The checker's own looks cost nothing and never fail.
    off: AtomicBool,
    /// So many touches until the process is killed; negative: never.
    kill_in: AtomicI64,
    killed: AtomicBool,
    /// So many writes until the disk is full; negative: never.
    full_in: AtomicI64,
    /// So many reads until one fails; negative: never.
    unreadable_in: AtomicI64,
}

impl Disk {
    fn touch(&self, touch: Touch) -> Option<std::io::Error> {
        if self.off.load(Ordering::Relaxed) {
            return None;
        }
        let killed = || Some(std::io::Error::other("the process is gone"));
        if self.killed.load(Ordering::Relaxed) {
            return killed();
        }
        let due = |countdown: &AtomicI64| {
            let left = countdown.load(Ordering::Relaxed);
            countdown.store((left - 1).max(-1), Ordering::Relaxed);
            left == 0
        };
        if due(&self.kill_in) {
            self.killed.store(true, Ordering::Relaxed);
            return killed();
        }
        match touch {
            Touch::Read if due(&self.unreadable_in) => Some(std::io::Error::other("read error")),
            // It stays full until somebody makes room.
            Touch::Write | Touch::Flush if self.full_in.load(Ordering::Relaxed) == 0 => {
                Some(std::io::Error::from(std::io::ErrorKind::StorageFull))
            }
            Touch::Write => {
                due(&self.full_in);
                None
            }
            Touch::Read | Touch::Flush => None,
        }
    }

    fn heal(&self) {
        for countdown in [&self.kill_in, &self.full_in, &self.unreadable_in] {
            countdown.store(-1, Ordering::Relaxed);
        }
        self.killed.store(false, Ordering::Relaxed);
    }

    /// Looks at the store without a fault.
    pub(crate) fn aside<T>(&self, look: impl FnOnce() -> T) -> T {
        let before = self.off.swap(true, Ordering::Relaxed);
        let seen = look();
        self.off.store(before, Ordering::Relaxed);
        seen
    }
}

/// Everything that a crash takes.
struct Daemon {
    roster: Roster,
    desk: Desk,
    outbox: Arc<Outbox>,
    cycle: Cycle,
    passes: BTreeMap<Channel, BoxFuture<'static, Result<Vec<Ended>, OutboxError>>>,
    /// They outlive a reload.
    mails: Arc<Mails>,
    chats: Arc<Chats>,
    health: Health,
    polled: i64,
    swept: i64,
}

/// One turn of one of the daemon's loops.
type Act = fn(&mut Episode) -> Result<(), Stop>;

/// Why a step came to its end before it was done.
enum Stop {
    /// The daemon ends: the store failed, or it was killed.
    Ends(String),
    /// A bug.
    Bug(String),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Ends(error.to_string())
    }
}

impl From<OutboxError> for Stop {
    fn from(error: OutboxError) -> Self {
        match error {
            OutboxError::Store(error) => error.into(),
            OutboxError::Step(error) => Self::Bug(format!("illegal step: {error}")),
        }
    }
}

/// How an episode went.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) broken: Option<String>,
    /// The step at which it broke.
    pub(crate) step: usize,
    pub(crate) steps: usize,
    pub(crate) fingerprint: u64,
    pub(crate) log: Vec<String>,
    pub(crate) tally: Tally,
}

/// What there was to see.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) crashes: usize,
    pub(crate) polls: usize,
    pub(crate) messages: usize,
    pub(crate) arrivals: usize,
    pub(crate) in_doubt: usize,
    pub(crate) store_failures: usize,
    pub(crate) restores: usize,
    pub(crate) days: i64,
    /// Turns of the daemon's loops within steps, and in quiet ends.
    pub(crate) turns: usize,
    pub(crate) quiet_turns: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.crashes += other.crashes;
        self.polls += other.polls;
        self.messages += other.messages;
        self.arrivals += other.arrivals;
        self.in_doubt += other.in_doubt;
        self.store_failures += other.store_failures;
        self.restores += other.restores;
        self.days += other.days;
        self.turns += other.turns;
        self.quiet_turns += other.quiet_turns;
    }
}

pub(crate) struct Episode {
    seed: u64,
    world: Shared,
    sheet: Arc<Mutex<Sheet>>,
    memory: Memory,
    disk: Arc<Disk>,
    configs: Arc<Configs>,
    which: Which,
    templates: Arc<Templates>,
    dir: std::path::PathBuf,
    daemon: Option<Daemon>,
    backup: Option<Backup>,
    /// When a daemon that ended is started again, in true milliseconds.
    start_at: i64,
    checker: Checker,
    tally: Tally,
    began: Timestamp,
}

/// A backup: what was kept when, and how much had arrived by then.
struct Backup {
    kept: Kept,
    at: Timestamp,
    arrivals: usize,
}

/// What all episodes share, because it costs time to make and nothing changes it.
pub(crate) struct Shop {
    pub(crate) configs: Arc<Configs>,
    pub(crate) templates: Arc<Templates>,
    pub(crate) dir: std::path::PathBuf,
}

impl Shop {
    pub(crate) fn open(dir: &Path) -> Self {
        Self {
            configs: Arc::new(Configs::open(dir)),
            templates: Arc::new(Templates::load(None, Language::default()).expect("shipped")),
            dir: dir.to_owned(),
        }
    }
}

/// Plays an episode without the steps in `skipped`.
pub(crate) fn play(
    shop: &Shop,
    seed: u64,
    steps: usize,
    skipped: &BTreeSet<usize>,
    logging: bool,
) -> Outcome {
    fastrand::seed(seed);
    let mut episode = Episode::new(shop, seed);
    episode.world.lock().logging = logging;
    let mut played = 0;
    for step in 0..steps {
        played = step;
        if skipped.contains(&step) {
            continue;
        }
        episode.step(step);
        if episode.world.lock().broken.is_some() {
            break;
        }
    }
    if episode.world.lock().broken.is_none() {
        played = steps;
        episode.quiet();
    }
    let Episode {
        world,
        mut tally,
        checker,
        began,
        ..
    } = episode;
    let world = world.lock();
    tally.arrivals = world.arrivals.len();
    tally.messages = checker.messages;
    tally.in_doubt = checker.in_doubt;
    tally.days = world.wall.duration_since(began).as_hours() / 24;
    Outcome {
        broken: world.broken.clone(),
        step: played,
        steps: played,
        fingerprint: world.fingerprint,
        log: world.log.iter().cloned().collect(),
        tally,
    }
}

impl Episode {
    fn new(shop: &Shop, seed: u64) -> Self {
        let mut dice = Dice::about(seed, "begin", 0);
        // Some years end with Tết, some days in the middle of the night.
        let first: Timestamp = match dice.below(3) {
            0 => "2027-02-02T00:00:00Z",
            1 => "2026-12-30T00:00:00Z",
            _ => "2026-11-16T00:00:00Z",
        }
        .parse()
        .expect("a time");
        let began = first + SignedDuration::from_secs(dice.between(0, 3 * 86_400));
        let world = Shared::new(seed, began);
        let disk = Arc::new(Disk::default());
        disk.heal();
        let touched = Arc::clone(&disk);
        let memory = Memory::new(seed, Arc::new(move |touch| touched.touch(touch)));
        let sheet = Arc::new(Mutex::new(Sheet::new(&mut dice)));
        let mut episode = Self {
            seed,
            world,
            sheet,
            memory,
            disk,
            configs: Arc::clone(&shop.configs),
            which: Which::default(),
            templates: Arc::clone(&shop.templates),
            dir: shop.dir.clone(),
            daemon: None,
            backup: None,
            start_at: 0,
            checker: Checker::default(),
            tally: Tally::default(),
            began,
        };
        episode.run(Self::start);
        episode.run(Self::poll); // the first look, before anybody types
        episode
    }

    fn say(&self, what: std::fmt::Arguments<'_>) {
        self.world.lock().say(what);
    }

    /// Does something that may end the daemon.
    fn run(&mut self, act: impl FnOnce(&mut Self) -> Result<(), Stop>) {
        match act(self) {
            Ok(()) => {}
            Err(Stop::Bug(what)) => self.world.lock().violated(what),
            Err(Stop::Ends(why)) => {
                self.tally.store_failures += 1;
                self.crash(&why);
            }
        }
        self.look();
    }

    /// The process is gone, by whatever cause, and starts again a little later.
    fn crash(&mut self, why: &str) {
        self.tally.crashes += 1;
        let mut dice = Dice::about(self.seed, "crash", self.tally.crashes as u64);
        self.daemon = None;
        let unflushed = self.memory.unflushed();
        let kept = dice.below(unflushed + 1);
        self.memory.crash(kept);
        self.disk.heal();
        let mut world = self.world.lock();
        let gap = world.hang_up(&mut dice);
        world.stopped = None;
        world.say(format_args!(
            "the daemon ends ({why}); {} in the gap, {kept} of {unflushed} batches kept",
            gap.len()
        ));
        self.start_at = world.mono + dice.between(500, 30_000);
        drop(world);
        self.checker.in_gap(gap);
    }

    fn start(&mut self) -> Result<(), Stop> {
        let now = self.world.now();
        self.checker.reloaded(self.which, &[]);
        let store = Store::in_memory(&self.memory, &self.dir)?;
        let roster = Roster::new(self.configs.get(self.which), store);
        let health = Health::new(now, "sim", false);
        let mails = Arc::new(Mails::new(&self.world, PER_MINUTE));
        let chats = Arc::new(Chats::new(&self.world));
        let outbox = self.outbox(&roster, &mails, &chats, &health);
        alarms::enforce_rules(&roster, now)?;
        // An answer that was not written down before the process died is not known to the next one.
        let unheard = self.disk.aside(|| chats_in_flight(roster.store()));
        for chat in unheard {
            self.world.lock().flooded.remove(&chat);
        }
        let recovered = outbox.recover(now)?;
        let google = Google::told(Arc::new(Reader(Arc::clone(&self.sheet))));
        let daemon = Daemon {
            desk: Desk::new(roster.clone(), Some(health.clone())),
            cycle: Cycle::new(roster.clone(), Arc::new(google)),
            roster,
            outbox,
            passes: BTreeMap::new(),
            mails,
            chats,
            health,
            polled: i64::MIN / 2,
            swept: self.world.lock().mono,
        };
        self.say(format_args!(
            "the daemon starts; {} were in flight",
            recovered.len()
        ));
        let seen = self
            .disk
            .aside(|| self.checker.recovered(daemon.roster.store(), &recovered));
        self.daemon = Some(daemon);
        seen.map_err(Stop::Bug)
    }

    fn outbox(
        &self,
        roster: &Roster,
        mails: &Arc<Mails>,
        chats: &Arc<Chats>,
        health: &Health,
    ) -> Arc<Outbox> {
        Arc::new(Outbox::new(
            roster.clone(),
            Arc::clone(&self.templates),
            Some(Arc::clone(mails) as Arc<dyn Courier>),
            Some(Arc::clone(chats) as Arc<dyn Courier>),
            health.clone(),
        ))
    }

    /// SIGHUP with another configuration.
    fn reload(&mut self, which: Which) -> Result<(), Stop> {
        if which == self.which {
            return Ok(());
        }
        if Which::Trial == which || Which::Trial == self.which {
            // Who is welcomed in a trial, and who after it, is for a person to say.
            self.sheet.lock().expect("one thread").excuse_all();
        }
        let now = self.world.now();
        self.which = which;
        self.say(format_args!("reloaded: {which:?}"));
        let config = self.configs.get(which);
        let daemon = self.daemon()?;
        let roster = Roster::new(config, daemon.roster.store().clone());
        let (mails, chats) = (Arc::clone(&daemon.mails), Arc::clone(&daemon.chats));
        let health = daemon.health.clone();
        // What a pass has in hand goes on as it began.
        let old: Vec<Channel> = daemon.passes.keys().copied().collect();
        alarms::enforce_rules(&roster, now)?;
        let outbox = self.outbox(&roster, &mails, &chats, &health);
        let daemon = self.daemon()?;
        daemon.cycle.reconfigure(roster.clone());
        daemon.desk = Desk::new(roster.clone(), Some(health));
        daemon.outbox = outbox;
        daemon.roster = roster;
        self.checker.reloaded(which, &old);
        Ok(())
    }

    /// A backup is made while the daemon runs.
    fn back_up(&mut self) {
        if self.daemon.is_none() || self.memory.unflushed() > 0 {
            return;
        }
        self.backup = Some(Backup {
            kept: self.memory.keep(),
            at: self.world.now(),
            arrivals: self.world.lock().arrivals.len(),
        });
        self.say(format_args!("a backup is made"));
    }

    /// The daemon is stopped, and the last backup made the state again.
    fn restore(&mut self) {
        let Some(backup) = self.backup.take() else {
            return;
        };
        self.crash("stopped for a restore");
        self.memory.put_back(backup.kept.clone());
        self.sheet.lock().expect("one thread").excuse_all();
        let gap = Gap {
            from: backup.at,
            to: self.world.now(),
        };
        // It happens beside the state, which changes at its end or not at all.
        let disk = Arc::clone(&self.disk);
        let (found, paused) = disk.aside(|| {
            let store = Store::in_memory(&self.memory, &self.dir).expect("no fault aside");
            let roster = Roster::new(self.configs.get(self.which), store);
            let found = after_restore(&roster, gap).expect("no fault aside");
            let paused = sheetbridge::commands::paused_list(roster.store());
            (found, paused.expect("no fault aside"))
        });
        // What was paused since the backup is not paused in it.
        self.checker.paused = paused.into_iter().map(|paused| paused.what).collect();
        self.tally.restores += 1;
        self.say(format_args!("restored: {found:?}"));
        let mut world = self.world.lock();
        let since = world.arrivals.split_off(backup.arrivals);
        world.refused.clear();
        // What a chat has asked for since then is forgotten too: it says so again.
        world.flooded.clear();
        let since = since.into_iter().map(|arrival| arrival.digest);
        self.checker.restored(since);
    }

    /// The checker looks at what began, and now and then at everything.
    fn look(&mut self) {
        let Some(daemon) = &self.daemon else {
            return;
        };
        let store = daemon.roster.store();
        let mut world = self.world.lock();
        let seen = self.disk.aside(|| {
            self.checker
                .begun(&mut world, store, self.memory.unflushed())
        });
        if let Err(why) = seen {
            world.violated(why);
        }
    }

    fn audit(&mut self) {
        let Some(daemon) = &self.daemon else {
            return;
        };
        let store = daemon.roster.store();
        let mut world = self.world.lock();
        let seen = self.disk.aside(|| self.checker.audit(&world, store));
        if let Err(why) = seen {
            world.violated(why);
        }
    }

    fn step(&mut self, step: usize) {
        let mut dice = Dice::about(self.seed, "step", step as u64);
        if self.daemon.is_none() {
            self.advance(&mut dice);
            let due = self.world.lock().mono >= self.start_at;
            if due {
                self.run(Self::start);
            }
            return;
        }
        match dice.below(1_000) {
            0..688 => self.tick(&mut dice),
            688..692 => {
                let which = *dice.one(&[Which::Whole, Which::Fewer]);
                if self.which != Which::Trial {
                    self.run(|episode| episode.reload(which));
                }
            }
            692..694 => self.run(|episode| episode.reload(Which::Trial)),
            694..696 if self.which == Which::Trial => self.run(|episode| {
                episode.reload(Which::Whole)?;
                episode.end_trial(dice.chance(50))
            }),
            694..699 => self.back_up(),
            699 => self.restore(),
            700..860 => self.edit(&mut dice),
            860..875 => self.weather(&mut dice),
            875..880 => self.clock_jumps(&mut dice),
            880..890 => self.crash("kill -9"),
            890..900 => {
                let touches = dice.between(0, 400);
                self.disk.kill_in.store(touches, Ordering::Relaxed);
                self.say(format_args!(
                    "it will be killed at the {touches}th touch of its store"
                ));
            }
            900..904 => {
                let writes = dice.between(0, 12);
                self.disk.full_in.store(writes, Ordering::Relaxed);
                self.say(format_args!("the disk will be full after {writes} writes"));
            }
            904..908 => {
                let reads = dice.between(0, 600);
                self.disk.unreadable_in.store(reads, Ordering::Relaxed);
                self.say(format_args!("the {reads}th read will fail"));
            }
            908..911 => {
                let mut world = self.world.lock();
                world.stopped = Some(world.mono);
                world.say(format_args!("SIGTERM"));
            }
            911..925 => self.block(&mut dice),
            925..1_000 => self.hand(&mut dice),
            _ => unreachable!("below a thousand"),
        }
        if step.is_multiple_of(64) {
            self.audit();
        }
    }

    /// Time goes by: mostly moments, sometimes up to the next thing that is due, sometimes hours.
    fn advance(&mut self, dice: &mut Dice) {
        let ms = match dice.below(100) {
            0..55 => dice.between(50, 1_500),
            55..75 => dice.between(1_500, 12_000),
            75..95 => {
                let world = self.world.lock();
                let answer = world.next_answer().map(|at| at - world.mono);
                answer.unwrap_or(10_000).clamp(1, 60_000)
            }
            95..99 => self.until_due().clamp(1, 3 * 3_600_000),
            _ => dice.between(60_000, 4 * 3_600_000),
        };
        self.world.lock().advance(ms);
    }

    /// Milliseconds until the first timer or queued message is due.
    fn until_due(&self) -> i64 {
        let Some(daemon) = &self.daemon else {
            return 1_000;
        };
        let store = daemon.roster.store();
        let now = self.world.now();
        let next = self.disk.aside(|| {
            let timer = store.next_due(prefix::TIMER).expect("no fault aside");
            let message = store.first_due().expect("no fault aside");
            timer.into_iter().chain(message).min()
        });
        next.map_or(60_000, |at| {
            i64::try_from(at.duration_since(now).as_millis()).unwrap_or(60_000)
        })
    }

    /// Time goes by, and every loop whose turn it is goes round, in any order.
    fn tick(&mut self, dice: &mut Dice) {
        self.tally.turns += 1;
        self.advance(dice);
        self.loops(dice);
    }

    fn loops(&mut self, dice: &mut Dice) {
        let mut order: [Act; 5] = [
            Self::poll_in_time,
            Self::ring,
            |episode| episode.pass(Channel::Email),
            |episode| episode.pass(Channel::Telegram),
            Self::sweep,
        ];
        for at in (1..order.len()).rev() {
            order.swap(at, dice.below(at + 1));
        }
        for act in order {
            if self.daemon.is_some() {
                self.run(act);
            }
        }
        self.stop_if_told();
    }

    /// After SIGTERM the daemon goes when nothing is in hand any more.
    fn stop_if_told(&mut self) {
        let told = self.world.lock().stopped.is_some();
        if told
            && self
                .daemon
                .as_ref()
                .is_some_and(|daemon| daemon.passes.is_empty())
        {
            self.crash("SIGTERM, nothing in hand");
        }
    }

    fn daemon(&mut self) -> Result<&mut Daemon, Stop> {
        self.daemon
            .as_mut()
            .ok_or_else(|| Stop::Bug("there is no daemon".to_owned()))
    }

    fn poll_in_time(&mut self) -> Result<(), Stop> {
        let mono = self.world.lock().mono;
        let stopping = self.world.lock().stopped.is_some();
        let daemon = self.daemon()?;
        if stopping || mono - daemon.polled < POLL_EVERY {
            return Ok(());
        }
        daemon.polled = mono;
        self.poll()
    }

    fn poll(&mut self) -> Result<(), Stop> {
        let now = self.world.now();
        self.tally.polls += 1;
        let daemon = self.daemon()?;
        let polled = daemon
            .cycle
            .poll(BOOK, now, Mode::Real)
            .now_or_never()
            .ok_or_else(|| Stop::Bug("the simulated Google keeps a poll waiting".to_owned()))?;
        let report = match polled {
            Ok(report) => report,
            Err(PollError::Store(error)) => return Err(error.into()),
            Err(error) => {
                self.say(format_args!("the poll fails: {error}"));
                return Ok(());
            }
        };
        if report.is_quiet() {
            return Ok(());
        }
        let held = report.tabs.iter().find_map(|tab| tab.held.clone());
        let keys: Vec<MessageKey> = report
            .messages
            .iter()
            .map(|message| message.key.clone())
            .collect();
        self.say(format_args!(
            "polled: {} changes, {} events, {} messages, held {held:?}, {} ambiguous",
            report.changes.len(),
            report.events.len(),
            keys.len(),
            report.ambiguous.len(),
        ));
        for key in &keys {
            self.say(format_args!("decided {key}"));
        }
        Ok(())
    }

    fn ring(&mut self) -> Result<(), Stop> {
        let now = self.world.now();
        let rang = alarms::ring(&self.daemon()?.roster, now)?;
        for message in &rang.messages {
            self.say(format_args!("decided by time {}", message.key));
        }
        Ok(())
    }

    /// Begins a pass of a channel, or goes on with the one that is under way.
    #[allow(clippy::map_entry)] // the entry would hold the daemon while its pass is made
    fn pass(&mut self, channel: Channel) -> Result<(), Stop> {
        let world = self.world.clone();
        let stopping = world.lock().stopped.is_some();
        let daemon = self.daemon()?;
        let outbox = Arc::clone(&daemon.outbox);
        if !daemon.passes.contains_key(&channel) {
            if stopping {
                return Ok(());
            }
            let begun = async move {
                let told = world.clone();
                let given_up = std::future::poll_fn(move |_| {
                    let world = told.lock();
                    match world.stopped {
                        Some(at) if world.mono >= at + 8_000 => Poll::Ready(()),
                        _ => Poll::Pending,
                    }
                });
                let told_too = world.clone();
                // As the daemon's: the machine's clock, also when it jumps.
                let clock = || world.lock().wall;
                // It goes on as the daemon's does, and ends when it could, so that the world goes on, too.
                let mut rounds = 0;
                let go_on = |_: &[Ended]| {
                    rounds += 1;
                    rounds < 8 && told_too.lock().stopped.is_none()
                };
                outbox.pass_until(channel, given_up, clock, go_on).await
            };
            daemon.passes.insert(channel, Box::pin(begun));
        }
        let Some(pass) = daemon.passes.get_mut(&channel) else {
            return Ok(());
        };
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(ended) = pass.as_mut().poll(&mut cx) else {
            return Ok(());
        };
        daemon.passes.remove(&channel);
        self.checker.pass_ended(channel);
        let ended = ended?;
        let mut world = self.world.lock();
        for one in &ended {
            let message = &one.message;
            world.say(format_args!(
                "{} {} to {}: {}",
                message.key, message.state, one.to, message.why
            ));
        }
        self.checker.ended(&mut world, &ended).map_err(Stop::Bug)
    }

    fn sweep(&mut self) -> Result<(), Stop> {
        let (mono, now) = {
            let world = self.world.lock();
            (world.mono, world.wall)
        };
        let keep = self.configs.get(self.which).keep_messages.duration();
        let daemon = self.daemon()?;
        if mono - daemon.swept < 24 * 3_600_000 {
            return Ok(());
        }
        daemon.swept = mono;
        ledger::forget_before(daemon.roster.store(), now - keep)?;
        alarms::sweep(&daemon.roster, now)?;
        store_only(daemon.desk.sweep(now))
    }

    fn edit(&mut self, dice: &mut Dice) {
        let today = {
            let world = self.world.lock();
            // Sheets count days since 1899-12-30.
            (world.wall.as_second() + 7 * 3_600) / 86_400 + 25_569
        };
        let mut sheet = self.sheet.lock().expect("one thread");
        for _ in 0..=dice.below(3) {
            let said = sheet.edit(dice, today);
            self.world.lock().say(format_args!("staff: {said}"));
        }
    }

    fn weather(&mut self, dice: &mut Dice) {
        let weather = if dice.chance(40) {
            Weather::Calm
        } else {
            *dice.one(&Weather::ALL)
        };
        match dice.below(3) {
            0 => self.world.lock().mail = weather,
            1 => self.world.lock().chat = weather,
            _ => {
                let trouble = (weather != Weather::Calm).then(|| dice.next());
                self.sheet.lock().expect("one thread").trouble = trouble;
            }
        }
        let world = self.world.lock();
        let (mail, chat) = (world.mail, world.chat);
        drop(world);
        self.say(format_args!("weather: mail {mail:?}, chat {chat:?}"));
    }

    fn clock_jumps(&mut self, dice: &mut Dice) {
        let seconds = match dice.below(4) {
            0 => dice.between(-7_200, 0),
            1 => dice.between(3_600, 12 * 3_600),
            2 => dice.between(-60, 60),
            _ => dice.between(0, 3_600),
        };
        if seconds < 0 {
            // What was due by the clock before may be due again: a restore reckons by the clock.
            self.backup = None;
        }
        let mut world = self.world.lock();
        self.checker.clock_jumps(world.under_way(Channel::Email));
        world.wall += SignedDuration::from_secs(seconds);
        world.say(format_args!("the clock jumps by {seconds} s"));
    }

    fn block(&mut self, dice: &mut Dice) {
        let chat = *dice.one(&[100_000, 100_001, 100_009]);
        let mut world = self.world.lock();
        match dice.below(6) {
            0 if world.migrated.is_empty() => {
                let to = -1_000 - chat;
                world.migrated.insert(chat, to);
                world.say(format_args!("chat {chat} becomes {to}"));
            }
            1 => {
                world.blocked.insert(chat);
                world.say(format_args!("chat {chat} blocks the bot"));
            }
            _ => {
                world.blocked.clear();
            }
        }
    }

    /// What people press and type.
    fn hand(&mut self, dice: &mut Dice) {
        let now = self.world.now();
        let who = Who::CommandLine;
        let pick = dice.next();
        let act = dice.below(15);
        if act >= 12 {
            self.run(|episode| episode.act_on_a_message(pick));
            return;
        }
        self.run(|episode| {
            let seen = Arc::clone(&episode.disk);
            let daemon = episode.daemon()?;
            let desk = &daemon.desk;
            let store = daemon.roster.store();
            let what = ["all", "email", "telegram", "welcome"];
            let what = what[usize::try_from(pick % 4).unwrap_or(0)];
            match act {
                0 => match desk.pause(what, &who, now) {
                    Ok(paused) => {
                        episode.say(format_args!("paused {}", paused.what));
                        episode.checker.paused.insert(paused.what);
                        Ok(())
                    }
                    Err(error) => store_only(Err::<(), _>(error)),
                },
                1..=4 => {
                    let paused: Vec<String> = episode.checker.paused.iter().cloned().collect();
                    for what in paused {
                        let name = what
                            .trim_start_matches("channel/")
                            .trim_start_matches("rule/")
                            .to_owned();
                        // From here on it may go, even if the answer says that the store failed.
                        episode.checker.paused.remove(&what);
                        match episode.daemon()?.desk.resume(&name, &who, now) {
                            Ok(_) => episode.say(format_args!("resumed {what}")),
                            Err(error) => store_only(Err::<(), _>(error))?,
                        }
                    }
                    Ok(())
                }
                5 => {
                    let batches = desk.held_list(&who);
                    let Ok(batches) = batches else {
                        return store_only(batches);
                    };
                    for batch in batches {
                        let release = pick.is_multiple_of(2);
                        let done = episode
                            .daemon()?
                            .desk
                            .held_decide(&batch.id, release, &who, now);
                        if !release {
                            episode.sheet.lock().expect("one thread").excuse_all();
                        }
                        episode.say(format_args!("batch {} released: {release}", batch.id));
                        store_only(done)?;
                    }
                    Ok(())
                }
                6 => {
                    let stopped = desk.stop_last_poll(BOOK, &who, now);
                    if let Ok(stopped) = &stopped {
                        let count = stopped.cancelled;
                        episode.say(format_args!("stopped {count} of the last poll"));
                    }
                    store_only(stopped)
                }
                _ => {
                    let ids: Vec<String> = seen.aside(|| {
                        store
                            .scan::<ButtonAct>(prefix::BUTTON)
                            .map(|entry| {
                                let (key, _) = entry.expect("no fault aside");
                                String::from_utf8_lossy(&key[prefix::BUTTON.len()..]).into_owned()
                            })
                            .collect()
                    });
                    if ids.is_empty() {
                        return Ok(());
                    }
                    let id = &ids[usize::try_from(pick % ids.len() as u64).unwrap_or(0)];
                    let act: Option<ButtonAct> = seen.aside(|| {
                        store
                            .get(&[prefix::BUTTON, id.as_bytes()].concat())
                            .expect("no fault aside")
                    });
                    let pressed = desk.press(&format!("{CALLBACK}{id}"), &who, now);
                    let action = act.map(|act| act.action);
                    episode.say(format_args!("pressed {action:?}: {}", pressed.is_ok()));
                    // Buttons under notices pause and resume, too. What did not get to the disk is paused until
                    // the process ends, and not for sure.
                    let before = episode.checker.paused.clone();
                    episode.read_pauses()?;
                    if pressed.is_err() {
                        episode.checker.paused.retain(|what| before.contains(what));
                    }
                    store_only(pressed)
                }
            }
        });
    }

    /// `outbox retry`, `cancel` and `resolve`, on any message.
    fn act_on_a_message(&mut self, pick: u64) -> Result<(), Stop> {
        let now = self.world.now();
        let disk = Arc::clone(&self.disk);
        let desk = self.daemon()?.desk.clone();
        let messages: Vec<Message> = disk.aside(|| {
            let entries = desk.roster.store().scan::<Message>(prefix::MESSAGE);
            entries
                .map(|entry| entry.expect("no fault aside").1)
                .collect()
        });
        let fits = |act: HandAct| {
            messages
                .iter()
                .filter(move |message| act.from_states().contains(&message.state))
        };
        const ACTS: [HandAct; 5] = [
            HandAct::Retry,
            HandAct::Cancel,
            HandAct::Delivered,
            HandAct::Again,
            HandAct::Dead,
        ];
        let act = ACTS[usize::try_from(pick % 5).unwrap_or(0)];
        let count = fits(act).count();
        if count == 0 {
            return Ok(());
        }
        let at = usize::try_from(pick / 5).unwrap_or(0) % count;
        let Some(message) = fits(act).nth(at) else {
            return Ok(());
        };
        self.say(format_args!(
            "by hand: {act:?} {} ({})",
            message.key, message.state
        ));
        self.checker.by_hand(act, &message.key, None);
        let key = message.key.as_str().to_owned();
        let acted = desk.outbox_act(act, &[key], &Who::CommandLine, now);
        if let Ok(acted) = &acted {
            self.checker
                .by_hand(act, &message.key, Some(!acted.done.is_empty()));
        }
        store_only(acted)
    }

    /// Somebody says what becomes of what a trial kept from customers.
    fn end_trial(&mut self, take_over: bool) -> Result<(), Stop> {
        let now = self.world.now();
        let end = match take_over {
            true => TrialEnd::TakeOver,
            false => TrialEnd::Drop,
        };
        let ended = self
            .daemon()?
            .desk
            .end_trial(end, None, &Who::CommandLine, now);
        self.say(format_args!("the trial ends: {:?}", ended.as_ref().ok()));
        store_only(ended)
    }

    fn read_pauses(&mut self) -> Result<(), Stop> {
        let disk = Arc::clone(&self.disk);
        let store = self.daemon()?.roster.store().clone();
        let paused = disk.aside(|| sheetbridge::commands::paused_list(&store))?;
        self.checker.paused = paused.into_iter().map(|paused| paused.what).collect();
        Ok(())
    }

    /// Everything heals, and time goes by until what was begun has ended.
    fn quiet(&mut self) {
        self.say(format_args!("quiet"));
        self.disk.heal();
        self.sheet.lock().expect("one thread").tidy();
        {
            let mut world = self.world.lock();
            world.mail = Weather::Calm;
            world.chat = Weather::Calm;
            world.blocked.clear();
            world.stopped = None;
        }
        let begins = self.world.now();
        let mut dice = Dice::about(self.seed, "quiet", 0);
        let ends = self.world.lock().mono + 5 * 86_400_000;
        let (mut rounds, mut idle) = (0_usize, 250);
        // What has just begun when the time is up is seen to its end, too.
        let goes_on = |episode: &Self| {
            let world = episode.world.lock();
            let daemon = episode.daemon.as_ref();
            let under_way = daemon.is_some_and(|daemon| !daemon.passes.is_empty());
            let in_hand =
                (under_way || world.next_answer().is_some()) && world.mono < ends + OVERTIME;
            (world.mono < ends || in_hand) && world.broken.is_none()
        };
        while goes_on(self) {
            rounds += 1;
            if self.daemon.is_none() {
                self.world.lock().advance(1_000);
                self.run(Self::start);
                continue;
            }
            if self.which == Which::Trial {
                self.run(|episode| {
                    episode.reload(Which::Whole)?;
                    episode.end_trial(true)
                });
                continue;
            }
            if rounds.is_multiple_of(20) || rounds < 40 {
                self.let_go();
            }
            let answer = {
                let world = self.world.lock();
                world.next_answer().map(|at| at - world.mono)
            };
            // Soon at first, so that what was typed settles; then from one due time to the next. What is due
            // and may not go yet is looked at less and less often.
            let next = if rounds < 150 { 5_000 } else { 4 * 3_600_000 };
            let ms = self.until_due().max(idle).clamp(250, next);
            self.tally.quiet_turns += 1;
            let before = self.world.lock().fingerprint;
            self.world
                .lock()
                .advance(answer.map_or(ms, |answer| answer.clamp(1, ms)));
            self.loops(&mut dice);
            let happened = self.world.lock().fingerprint != before;
            idle = if happened {
                250
            } else {
                (idle * 2).min(600_000)
            };
        }
        self.audit();
        let Some(daemon) = &self.daemon else {
            return;
        };
        let store = daemon.roster.store().clone();
        let sheet = self.sheet.lock().expect("one thread");
        let mut world = self.world.lock();
        let seen = self
            .disk
            .aside(|| self.checker.end(&world, &store, &sheet, begins));
        if let Err(why) = seen {
            world.violated(why);
        }
    }

    /// Nothing is paused or held any longer.
    fn let_go(&mut self) {
        let who = Who::CommandLine;
        let now = self.world.now();
        self.run(|episode| {
            episode.read_pauses()?;
            for what in std::mem::take(&mut episode.checker.paused) {
                let name = what
                    .trim_start_matches("channel/")
                    .trim_start_matches("rule/");
                store_only(episode.daemon()?.desk.resume(name, &who, now))?;
            }
            let batches = match episode.daemon()?.desk.held_list(&who) {
                Ok(batches) => batches,
                Err(error) => return store_only(Err::<(), _>(error)),
            };
            for batch in batches {
                store_only(
                    episode
                        .daemon()?
                        .desk
                        .held_decide(&batch.id, true, &who, now),
                )?;
            }
            Ok(())
        });
    }
}

/// People are told of their mistakes; a broken store they meet is met by the daemon soon enough.
fn store_only<T>(answer: Result<T, CommandError>) -> Result<(), Stop> {
    match answer {
        Err(error)
            if error.kind == ErrorKind::Store && error.text.contains("the process is gone") =>
        {
            Err(Stop::Ends(error.text))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// To which chats messages were on their way when the process died.
fn chats_in_flight(store: &Store) -> Vec<i64> {
    let chat_of = |key: &MessageKey| -> Option<i64> {
        let message: Message = store.get(&keys::message(key)).ok()??;
        match message.frozen?.address {
            Address::Chat(chat) => Some(chat),
            Address::Email(_) => None,
        }
    };
    let flying = store.scan::<MessageKey>(prefix::FLIGHT);
    flying.filter_map(|entry| chat_of(&entry.ok()?.1)).collect()
}
