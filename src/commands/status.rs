//! Is it well, and what is to be done next? One look at the store and at what the daemon knows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::mend::{self, Mend};
use super::problems::{Findings, ProblemKind};
use super::sheet::{EditLine, UnclearLine};
use super::{Answer, Desk, HeldLine, Paused, Rest, Right, Upkeep, Who, paused_list};
use crate::core::delivery::State;
use crate::core::insight::{Insight, Period};
use crate::core::message::Message;
use crate::core::rule::Channel;
use crate::health::{ChannelHealth, Snapshot, Trouble};
use crate::store::keys::{self, prefix};

/// Polls that may be missed before the lag is a trouble.
const POLLS_MISSED: i64 = 5;
/// The shortest lag that is a trouble, in seconds.
const LAG_AT_LEAST_S: i64 = 60;
/// Questions of the bot that may fail in a row before it is a trouble.
const DEAF_TIMES: u32 = 3;
/// Messages shown as due soon.
const SOON: usize = 5;
/// Unknown stage words shown.
const WORDS: usize = 10;

/// The answer to `status`. Times are local ISO text with offset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Whether nobody has to do anything for it to go on working.
    pub ok: bool,
    /// The time of the look.
    pub at: String,
    /// Whether a daemon answered; without one the rest is what the store knows.
    pub running: bool,
    /// The daemon's version.
    pub version: Option<String>,
    /// When it started.
    pub started_at: Option<String>,
    /// Whether messages to customers go to `[trial] redirect_all_to`.
    pub trial: bool,
    /// Messages that a trial has kept from customers and that are still open: somebody has to say whether they go.
    #[serde(default)]
    pub trial_open: usize,
    /// Workbooks in the order of the configuration.
    pub workbooks: Vec<WorkbookStatus>,
    /// Customers in the sheets now.
    pub customers: u32,
    /// Pipeline, forecast and waiting, without names: of the month so far.
    #[serde(default)]
    pub figures: Figures,
    /// How many messages are in each state; of those that ended, the last few days'.
    pub queue: BTreeMap<String, usize>,
    /// The next messages to go.
    pub due_soon: Vec<DueSoon>,
    /// Held batches.
    pub held: Vec<HeldLine>,
    /// What is paused.
    pub paused: Vec<Paused>,
    /// `email` and `telegram`, as far as they are configured.
    pub channels: Vec<ChannelStatus>,
    /// People of the company whom no chat reaches.
    pub unbound: Vec<Unbound>,
    /// People whose notices rest by their own wish.
    #[serde(default)]
    pub resting: Vec<Rest>,
    /// People of staff tabs about whom no manager has said anything.
    pub unapproved: Vec<String>,
    /// Customers whom several of the company claim, and no manager has decided.
    #[serde(default)]
    pub claims_open: usize,
    /// Words in stage cells that mean no stage, the most frequent first.
    pub unknown_stages: Vec<UnknownWord>,
    /// Customers of whom it is unclear which row is theirs.
    pub ambiguous: u32,
    /// The rows to look at because of them.
    #[serde(default)]
    pub unclear: Vec<UnclearLine>,
    /// The last edits of each tab as they were understood, the newest first.
    #[serde(default)]
    pub edits: Vec<EditLine>,
    /// Data problems: cells that could not be read, incomplete rows, unknown owners and stages.
    pub problems: u32,
    /// Contacts that stand in more than one row.
    pub duplicates: u32,
    /// Bytes of the store on disk.
    pub store_bytes: u64,
    /// What clean-up did last.
    #[serde(default)]
    pub upkeep: Upkeep,
    /// Bytes that its disk still has; none if it does not say.
    #[serde(default)]
    pub free_bytes: Option<u64>,
    /// Why the bot hears nobody, if it does not.
    pub bot_deaf: Option<String>,
    /// Why the last reload was refused, if it was.
    pub reload_refused: Option<String>,
    /// Settings that wait for a restart.
    pub restart_needed: Vec<String>,
    /// What to do, the most urgent first; each is a sentence with its mend.
    pub next: Vec<Mend>,
}

/// The figures of the month so far that fit beside the state of the machine; `report` has them all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// First day, ISO.
    pub from: String,
    /// Customers that came.
    pub new: u32,
    /// Deposits.
    pub deposits: u32,
    /// Deals won.
    pub won: u32,
    /// Deals lost.
    pub lost: u32,
    /// Customers who have waited too long by the idle rules.
    pub waiting: u32,
    /// Customers whose contact is cooling off.
    pub cooling: u32,
    /// How many are in each stage now, in the configured order.
    pub pipeline: Vec<StageNow>,
    /// What the open deals may bring, in đồng.
    pub expected: i64,
    /// In 8 of 10 cases at least so much …
    pub expected_low: i64,
    /// … and at most so much.
    pub expected_high: i64,
    /// Too few deals have ended for more than a guess.
    pub small_history: bool,
}

/// Customers in one stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageNow {
    /// Stage id.
    pub stage: String,
    /// As the sheet says it.
    pub label: String,
    /// How many.
    pub count: u32,
}

impl Figures {
    fn of(insight: Insight) -> Self {
        Self {
            from: insight.from,
            new: insight.new,
            deposits: insight.deposits,
            won: insight.won,
            lost: insight.lost,
            waiting: insight.waiting,
            cooling: insight.engagement.cooling,
            pipeline: insight
                .pipeline
                .into_iter()
                .map(|stage| StageNow {
                    stage: stage.stage,
                    label: stage.label,
                    count: stage.count,
                })
                .collect(),
            expected: insight.forecast.expected,
            expected_low: insight.forecast.low,
            expected_high: insight.forecast.high,
            small_history: insight.forecast.small_history,
        }
    }
}

/// One workbook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkbookStatus {
    /// Its id.
    pub id: String,
    /// Its title, or its id before it was read.
    pub title: String,
    /// When it was last read whole by this daemon.
    pub last_poll: Option<String>,
    /// Seconds since then.
    pub lag_s: Option<i64>,
    /// What is wrong, if the last poll failed.
    pub failing: Option<String>,
    /// Since when.
    pub failing_since: Option<String>,
    /// Records at the last accepted poll.
    pub records: usize,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelStatus {
    /// `email` or `telegram`.
    pub channel: String,
    /// Whether it answered at the last try; none: not tried yet.
    pub ok: Option<bool>,
    /// Why it does not answer.
    pub why: Option<String>,
    /// Since when it does (not) answer.
    pub since: Option<String>,
    /// A limit that slows it, and until when.
    pub limited: Option<String>,
    /// Messages a minute at most.
    pub per_minute: Option<u32>,
    /// Messages in 24 hours at most.
    pub per_day: Option<u32>,
}

/// A message that goes soon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueSoon {
    /// Key.
    pub key: String,
    /// To whom, masked.
    pub to: String,
    /// When.
    pub due: String,
}

/// Somebody whom no chat reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unbound {
    /// As in the staff list.
    pub name: String,
    /// Why: never bound, or the bot was blocked.
    pub why: String,
    /// Whether mail can reach them instead.
    pub email: bool,
}

/// A word that means no stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownWord {
    /// As typed first.
    pub word: String,
    /// In how many rows.
    pub count: u32,
    /// Id of the stage it is most like, if it is like one.
    pub likely: Option<String>,
}

impl Desk {
    /// The same with the figures of the month, which take a walk over all rows.
    ///
    /// # Errors
    /// The role, the disk.
    pub fn status_with_figures(&self, who: &Who, now: Timestamp) -> Answer<Status> {
        Ok(Status {
            figures: self.figures(who, now)?,
            ..self.status(who, now)?
        })
    }

    /// One look at everything but the figures.
    ///
    /// # Errors
    /// The role, the disk.
    pub fn status(&self, who: &Who, now: Timestamp) -> Answer<Status> {
        self.must_all(who, Right::Status)?;
        let config = self.roster.config();
        let store = self.roster.store();
        let health = self.health.as_ref().map(crate::health::Health::snapshot);
        let findings = self.counted_lately(now)?;
        let candidates = self.roster.candidates()?;
        let directory = self.roster.directory()?;
        let unapproved = candidates.iter().filter(|one| {
            one.active && one.approved.is_none() && directory.find(&one.name).is_none()
        });
        let mut status = Status {
            ok: false,
            at: self.local(now),
            running: health.is_some(),
            version: health.as_ref().map(|health| health.version.clone()),
            started_at: health.as_ref().map(|health| self.local(health.started_at)),
            trial: config.trial.is_some(),
            trial_open: self.trial_open(now)?,
            workbooks: self.workbook_states(health.as_ref(), now)?,
            customers: findings.customers,
            figures: Figures::default(),
            queue: self.queue_counts()?,
            due_soon: self.due_soon()?,
            held: self.held_list(who)?,
            paused: paused_list(store)?,
            channels: self.channel_states(health.as_ref()),
            unbound: self.unbound()?,
            resting: self.resting(now)?,
            unapproved: unapproved.map(|one| one.name.clone()).collect(),
            claims_open: self.claims_open()?,
            ambiguous: findings.ambiguous,
            unclear: self.unclear()?,
            edits: self.last_edits()?,
            problems: findings.count(&[
                ProblemKind::Unreadable,
                ProblemKind::Incomplete,
                ProblemKind::Owner,
                ProblemKind::Stage,
            ]),
            duplicates: findings.count(&[ProblemKind::Duplicate]),
            unknown_stages: first_words(findings),
            store_bytes: store.size_on_disk()?,
            upkeep: self.upkeep()?,
            free_bytes: store.free_bytes(),
            bot_deaf: health.as_ref().and_then(deaf_for_long),
            reload_refused: health
                .as_ref()
                .and_then(|health| health.reload_refused.as_ref())
                .map(|trouble| trouble.why.clone()),
            restart_needed: health
                .map(|health| health.restart_needed)
                .unwrap_or_default(),
            next: Vec::new(),
        };
        let polls_s = config.google.poll_every.duration().as_secs() * POLLS_MISSED;
        let urgent = mend::urgent(&status, polls_s.max(LAG_AT_LEAST_S));
        status.ok = urgent.is_empty();
        status.next = urgent.into_iter().chain(mend::advice(&status)).collect();
        Ok(status)
    }

    fn figures(&self, who: &Who, now: Timestamp) -> Answer<Figures> {
        let period = Period::month_so_far(self.today(now));
        let insights = self.insights_lately(&[period], who, now)?;
        Ok(insights
            .into_iter()
            .next()
            .map(Figures::of)
            .unwrap_or_default())
    }

    fn workbook_states(
        &self,
        health: Option<&Snapshot>,
        now: Timestamp,
    ) -> Answer<Vec<WorkbookStatus>> {
        let mut states = Vec::new();
        for book in &self.roster.config().workbooks {
            let known = health
                .and_then(|health| health.workbooks.get(&book.id))
                .cloned()
                .unwrap_or_default();
            let tabs = self.roster.tabs(&book.id)?;
            states.push(WorkbookStatus {
                id: book.id.clone(),
                title: self.workbook_name(&book.id)?,
                last_poll: known.last_good.map(|at| self.local(at)),
                lag_s: known.lag_s(now),
                failing_since: known
                    .failing
                    .as_ref()
                    .map(|trouble| self.local(trouble.since)),
                failing: known.failing.map(|trouble| trouble.why),
                records: tabs
                    .iter()
                    .filter(|tab| tab.kind.is_some())
                    .map(|tab| tab.rows)
                    .sum(),
            });
        }
        Ok(states)
    }

    fn queue_counts(&self) -> Answer<BTreeMap<String, usize>> {
        let mut counts: BTreeMap<String, usize> = State::ALL
            .iter()
            .map(|state| (state.to_string(), 0))
            .collect();
        for entry in self.roster.store().scan_moving::<Message>(prefix::MESSAGE) {
            let (_, message) = entry?;
            *counts.entry(message.state.to_string()).or_default() += 1;
        }
        Ok(counts)
    }

    fn due_soon(&self) -> Answer<Vec<DueSoon>> {
        let mut soon = Vec::new();
        for (_, key) in self.roster.store().due_first(SOON)? {
            if let Some(message) = self.roster.store().get::<Message>(&keys::message(&key))? {
                soon.push(DueSoon {
                    key: key.to_string(),
                    to: self.recipient(&message)?,
                    due: self.local(message.due),
                });
            }
        }
        Ok(soon)
    }

    fn channel_states(&self, health: Option<&Snapshot>) -> Vec<ChannelStatus> {
        let config = self.roster.config();
        let configured = [
            (Channel::Email, config.email.is_some()),
            (Channel::Telegram, config.telegram.is_some()),
        ];
        let state = |channel: Channel| {
            let known = health
                .and_then(|health| health.channels.get(channel.as_str()))
                .cloned()
                .unwrap_or_default();
            self.channel_state(channel, &known)
        };
        configured
            .into_iter()
            .filter(|(_, configured)| *configured)
            .map(|(channel, _)| state(channel))
            .collect()
    }

    fn channel_state(&self, channel: Channel, known: &ChannelHealth) -> ChannelStatus {
        let since = |trouble: &Trouble| trouble.since;
        ChannelStatus {
            channel: channel.as_str().to_owned(),
            ok: match (&known.down, known.ok_since) {
                (Some(_), _) => Some(false),
                (None, Some(_)) => Some(true),
                (None, None) => None,
            },
            why: known.down.as_ref().map(|trouble| trouble.why.clone()),
            since: known
                .down
                .as_ref()
                .map(since)
                .or(known.ok_since)
                .map(|at| self.local(at)),
            limited: known
                .limited
                .as_ref()
                .map(|limited| format!("{}, until {}", limited.why, self.local(limited.until))),
            per_minute: known.per_minute,
            per_day: known.per_day,
        }
    }

    fn unbound(&self) -> Answer<Vec<Unbound>> {
        if self.roster.config().telegram.is_none() {
            return Ok(Vec::new());
        }
        let mut unbound = Vec::new();
        for person in self.roster.directory()?.all() {
            let why = match self.roster.binding(person)? {
                None => "no Telegram chat is bound".to_owned(),
                Some(binding) => match binding.dead {
                    Some(dead) => dead,
                    None => continue,
                },
            };
            unbound.push(Unbound {
                name: person.name.clone(),
                why,
                email: person.email.is_some(),
            });
        }
        Ok(unbound)
    }
}

fn first_words(findings: Findings) -> Vec<UnknownWord> {
    findings.words.into_iter().take(WORDS).collect()
}

/// One question to Telegram that fails is nothing yet.
fn deaf_for_long(health: &Snapshot) -> Option<String> {
    let trouble = health
        .bot_deaf
        .as_ref()
        .filter(|trouble| trouble.times >= DEAF_TIMES)?;
    Some(trouble.why.clone())
}
