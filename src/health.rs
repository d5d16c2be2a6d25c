//! What the running daemon knows and no store keeps: when each workbook was last read well, whether the
//! channels answer, how fast they may go, and whether the last reload was taken over.
//!
//! Plain values: whoever polls or sends tells it, `commands` and the web pages read it, nobody decides by it.
//! What it knows is gone with the process; the queue, held batches and opt-outs are the store's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::core::rule::Channel;

/// Shared by everybody in the daemon; cloning it is cheap. The lock inside is held for a few
/// assignments only, never over an await.
#[derive(Clone, Debug)]
pub struct Health {
    inner: Arc<Mutex<Snapshot>>,
}

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When the daemon started.
    pub started_at: Timestamp,
    /// Its version.
    pub version: String,
    /// Whether `[trial] redirect_all_to` is on.
    pub trial: bool,
    /// By workbook id.
    pub workbooks: BTreeMap<String, WorkbookHealth>,
    /// By the channel's name; a channel that is not configured is absent.
    pub channels: BTreeMap<String, ChannelHealth>,
    /// The bot's user name without `@`, once Telegram has said it.
    pub bot: Option<String>,
    /// Why the bot hears nobody at present, though sending may work: another process polls with the same token, …
    pub bot_deaf: Option<Trouble>,
    /// Why the last reload was refused; the old configuration is in force.
    pub reload_refused: Option<Trouble>,
    /// Settings that differ and take effect only after a restart.
    pub restart_needed: Vec<String>,
}

/// One workbook's polls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkbookHealth {
    /// The last poll that was read whole.
    pub last_good: Option<Timestamp>,
    /// How long that poll took, in milliseconds.
    pub took_ms: u64,
    /// Polls read whole since the start.
    pub polls: u64,
    /// What is wrong since then, if the last poll failed.
    pub failing: Option<Trouble>,
}

impl WorkbookHealth {
    /// Seconds since the last good poll; none before the first.
    pub fn lag_s(&self, now: Timestamp) -> Option<i64> {
        self.last_good
            .map(|at| now.duration_since(at).as_secs().max(0))
    }
}

/// One channel's way out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChannelHealth {
    /// Since when it answers; none if it does not, or was not tried yet.
    pub ok_since: Option<Timestamp>,
    /// Since when it does not answer, and why.
    pub down: Option<Trouble>,
    /// A limit that slows it at present: the provider's `retry_after`, our own daily limit, …
    pub limited: Option<Limited>,
    /// Messages a minute it may send, if there is a limit.
    pub per_minute: Option<u32>,
    /// Messages in 24 hours it may send, if there is a limit.
    pub per_day: Option<u32>,
}

/// Something is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Since when.
    pub since: Timestamp,
    /// What was seen last, one sentence without personal data.
    pub why: String,
    /// How many times in a row.
    pub times: u32,
}

/// A limit that is in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limited {
    /// Until when.
    pub until: Timestamp,
    /// Whose limit, one sentence.
    pub why: String,
}

impl Health {
    /// Of a daemon that starts now.
    pub fn new(started_at: Timestamp, version: impl Into<String>, trial: bool) -> Self {
        Self {
            inner: Arc::new(Mutex::new(Snapshot {
                started_at,
                version: version.into(),
                trial,
                workbooks: BTreeMap::new(),
                channels: BTreeMap::new(),
                bot: None,
                bot_deaf: None,
                reload_refused: None,
                restart_needed: Vec::new(),
            })),
        }
    }

    /// A copy of everything.
    pub fn snapshot(&self) -> Snapshot {
        self.lock().clone()
    }

    /// A poll was read whole, whether it was quiet, changed something, or is held.
    pub fn polled(&self, workbook: &str, at: Timestamp, took: SignedDuration) {
        let mut inner = self.lock();
        let book = inner.workbooks.entry(workbook.to_owned()).or_default();
        book.last_good = Some(at);
        book.took_ms = u64::try_from(took.as_millis()).unwrap_or(0);
        book.polls += 1;
        book.failing = None;
    }

    /// A poll failed. Returns how many have failed in a row.
    pub fn poll_failed(&self, workbook: &str, at: Timestamp, why: impl Into<String>) -> u32 {
        let mut inner = self.lock();
        let book = inner.workbooks.entry(workbook.to_owned()).or_default();
        worse(&mut book.failing, at, why.into())
    }

    /// Which workbooks are read now; what was known of others is dropped (after a reload).
    pub fn only_workbooks(&self, ids: &[String]) {
        let mut inner = self.lock();
        inner.workbooks.retain(|id, _| ids.contains(id));
        for id in ids {
            inner.workbooks.entry(id.clone()).or_default();
        }
    }

    /// A channel is configured, with the limits of its provider.
    pub fn channel_paces(&self, channel: Channel, per_minute: Option<u32>, per_day: Option<u32>) {
        let mut inner = self.lock();
        let state = channel_of(&mut inner, channel);
        state.per_minute = per_minute;
        state.per_day = per_day;
    }

    /// A channel answered. Returns the trouble that is over, if there was one.
    pub fn channel_well(&self, channel: Channel, at: Timestamp) -> Option<Trouble> {
        let mut inner = self.lock();
        let state = channel_of(&mut inner, channel);
        state.ok_since.get_or_insert(at);
        state.down.take()
    }

    /// A channel did not answer. Returns since when it has been down.
    pub fn channel_down(
        &self,
        channel: Channel,
        at: Timestamp,
        why: impl Into<String>,
    ) -> Timestamp {
        let mut inner = self.lock();
        let state = channel_of(&mut inner, channel);
        state.ok_since = None;
        worse(&mut state.down, at, why.into());
        state.down.as_ref().map_or(at, |trouble| trouble.since)
    }

    /// Since when a channel is down, if it is.
    pub fn down_since(&self, channel: Channel) -> Option<Timestamp> {
        let inner = self.lock();
        let state = inner.channels.get(channel.as_str())?;
        state.down.as_ref().map(|trouble| trouble.since)
    }

    /// A limit is in the way until then, or (`None`) no longer.
    pub fn limited(&self, channel: Channel, limited: Option<Limited>) {
        channel_of(&mut self.lock(), channel).limited = limited;
    }

    /// Until when a limit is in the way, if one was noted.
    pub fn limited_until(&self, channel: Channel) -> Option<Timestamp> {
        let inner = self.lock();
        let limited = inner.channels.get(channel.as_str())?.limited.as_ref()?;
        Some(limited.until)
    }

    /// Telegram said who the bot is; with or without `@`.
    pub fn bot_is(&self, username: &str) {
        self.lock().bot = Some(username.trim_start_matches('@').to_owned());
    }

    /// The bot's user name without `@`, if it is known.
    pub fn bot_username(&self) -> Option<String> {
        self.lock().bot.clone()
    }

    /// The bot hears what people write.
    pub fn bot_hears(&self) {
        self.lock().bot_deaf = None;
    }

    /// The bot cannot ask for updates. Returns how many times in a row.
    pub fn bot_deaf(&self, at: Timestamp, why: impl Into<String>) -> u32 {
        worse(&mut self.lock().bot_deaf, at, why.into())
    }

    /// A reload was taken over; `restart_needed` names what takes effect only after a restart.
    pub fn reloaded(&self, trial: bool, restart_needed: Vec<String>) {
        let mut inner = self.lock();
        inner.trial = trial;
        inner.reload_refused = None;
        inner.restart_needed = restart_needed;
    }

    /// A reload was refused; the old configuration is in force.
    pub fn reload_refused(&self, at: Timestamp, why: impl Into<String>) {
        let trouble = Trouble {
            since: at,
            why: why.into(),
            times: 1,
        };
        self.lock().reload_refused = Some(trouble);
    }

    /// Every statement under this lock leaves the figures whole.
    fn lock(&self) -> MutexGuard<'_, Snapshot> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn channel_of(inner: &mut Snapshot, channel: Channel) -> &mut ChannelHealth {
    inner
        .channels
        .entry(channel.as_str().to_owned())
        .or_default()
}

/// One more failure: since when stays, the reason is the last one.
fn worse(trouble: &mut Option<Trouble>, at: Timestamp, why: String) -> u32 {
    let (since, times) = trouble
        .as_ref()
        .map_or((at, 0), |before| (before.since, before.times));
    let times = times.saturating_add(1);
    *trouble = Some(Trouble { since, why, times });
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn trouble_keeps_its_beginning_and_its_last_reason() {
        let health = Health::new(at(0), "0.1.0", false);
        assert_eq!(health.poll_failed("w", at(10), "503"), 1);
        assert_eq!(health.poll_failed("w", at(20), "timed out"), 2);
        let book = health.snapshot().workbooks["w"].clone();
        let failing = book.failing.unwrap();
        assert_eq!(
            (failing.since, failing.why.as_str(), failing.times),
            (at(10), "timed out", 2)
        );
        health.polled("w", at(30), SignedDuration::from_millis(120));
        let book = health.snapshot().workbooks["w"].clone();
        assert_eq!(book.failing, None);
        assert_eq!((book.took_ms, book.lag_s(at(42))), (120, Some(12)));
    }

    #[test]
    fn a_channel_is_down_since_the_first_failure_and_says_when_it_is_over() {
        let health = Health::new(at(0), "0.1.0", false);
        assert_eq!(health.channel_well(Channel::Telegram, at(1)), None);
        assert_eq!(
            health.channel_down(Channel::Telegram, at(5), "refused"),
            at(5)
        );
        assert_eq!(
            health.channel_down(Channel::Telegram, at(9), "timed out"),
            at(5)
        );
        assert_eq!(health.down_since(Channel::Telegram), Some(at(5)));
        assert_eq!(
            health
                .channel_well(Channel::Telegram, at(12))
                .unwrap()
                .times,
            2
        );
        assert_eq!(health.down_since(Channel::Telegram), None);
    }
}
