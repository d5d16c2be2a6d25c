//! Readiness, the watchdog, and systemd's status line. Outside of systemd all of it does nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::SignedDuration;

use super::{DaemonError, House};
use crate::clock;
use crate::core::decide::notice;
use crate::core::facts::local_text;
use crate::core::facts::message::TroubleFacts;
use crate::core::message::Recipient;
use crate::core::rule::Channel;
use crate::health::Trouble;
use crate::store::{Group, StoreError, ledger};

/// A loop that has not come round for so long is stuck: longer than any network time-out, the
/// longest of which is a mail server's 300 s for a body.
const STUCK_AFTER: Duration = Duration::from_secs(330);

/// How often the watchdog is fed and the status line made.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A channel that is out of reach for so long is told of by another way (SEMANTICS 37).
const TELL_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// The loops that the watchdog watches.
#[derive(Clone, Copy, Debug)]
pub(super) enum Loop {
    /// Reading the workbooks.
    Polling,
    /// Timers.
    Ringing,
    /// Sending by a channel.
    Sending(Channel),
}

impl Loop {
    fn place(self) -> usize {
        match self {
            Self::Polling => 0,
            Self::Ringing => 1,
            Self::Sending(Channel::Email) => 2,
            Self::Sending(Channel::Telegram) => 3,
        }
    }
}

/// When each loop last came round.
#[derive(Clone, Debug)]
pub(super) struct Beats {
    started: Instant,
    seconds: Arc<[AtomicU64; 4]>,
}

impl Default for Beats {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            seconds: Arc::default(),
        }
    }
}

impl Beats {
    pub(super) fn came_round(&self, which: Loop) {
        self.seconds[which.place()].store(self.seconds(), Ordering::Relaxed);
    }

    fn seconds(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    /// Whether every loop has come round lately.
    fn all_well(&self) -> bool {
        let oldest = self
            .seconds
            .iter()
            .map(|at| at.load(Ordering::Relaxed))
            .min();
        self.seconds().saturating_sub(oldest.unwrap_or_default()) < STUCK_AFTER.as_secs()
    }
}

/// Configuration, store and loops stand.
pub(super) fn ready() {
    notify(&[sd_notify::NotifyState::Ready]);
}

/// Shutdown has begun.
pub(super) fn stopping() {
    notify(&[sd_notify::NotifyState::Stopping]);
}

pub(super) fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("systemd could not be told: {error}");
    }
}

/// Feeds the watchdog while the loops come round, keeps the status line, and tells of channels that are down.
pub(super) async fn over(house: House) -> Result<(), DaemonError> {
    let mut shown = String::new();
    loop {
        if house.beats.all_well() {
            notify(&[sd_notify::NotifyState::Watchdog]);
        } else {
            tracing::error!(
                "a loop has not come round for {} s: systemd will start sheetbridge anew",
                STUCK_AFTER.as_secs()
            );
        }
        let (status, told) =
            tokio::task::block_in_place(|| (status_line(&house), tell_of_channels(&house)));
        told?;
        let status = status?;
        if status != shown {
            notify(&[sd_notify::NotifyState::Status(&status)]);
            shown = status;
        }
        if let Some(email) = &house.parts().email {
            email.tidy().await;
        }
        if !house.pause(LOOK_EVERY).await {
            return Ok(());
        }
    }
}

/// Short, and without personal data: it is in `systemctl status` for everybody on the machine.
fn status_line(house: &House) -> Result<String, StoreError> {
    use crate::store::keys::prefix;
    let now = clock::now();
    let snapshot = house.health.snapshot();
    let store = house.parts().roster.store().clone();
    let failing = snapshot
        .workbooks
        .values()
        .filter(|book| book.failing.is_some())
        .count();
    let oldest = snapshot
        .workbooks
        .values()
        .filter_map(|book| book.lag_s(now))
        .max();
    let read = match (oldest, failing) {
        (_, failing) if failing > 0 => format!("{failing} workbook(s) cannot be read"),
        (Some(lag), _) if lag < 60 => "all workbooks read within the last minute".to_owned(),
        (Some(lag), _) => format!("last read {} min ago", lag / 60),
        (None, _) => "no workbook read yet".to_owned(),
    };
    let queued = store.queued()?;
    let held = store.keys(prefix::HELD).count();
    house.metrics.held_batches(held);
    house.metrics.queue_length("all", queued);
    let down: Vec<&str> = snapshot
        .channels
        .iter()
        .filter(|(_, channel)| channel.down.is_some())
        .map(|(name, _)| name.as_str())
        .collect();
    let down = if down.is_empty() {
        String::new()
    } else {
        format!(", {} out of reach", down.join(" and "))
    };
    let held = if held == 0 {
        String::new()
    } else {
        format!(", {held} batch(es) held")
    };
    Ok(format!("{read}, {queued} message(s) waiting{held}{down}"))
}

/// A channel that has been down for a quarter of an hour is told of once, by another way.
fn tell_of_channels(house: &House) -> Result<(), StoreError> {
    let now = clock::now();
    for (name, channel) in house.health.snapshot().channels {
        let Some(down) = channel
            .down
            .filter(|down| now.duration_since(down.since) >= TELL_AFTER)
        else {
            continue;
        };
        tell(house, &name, &down)?;
    }
    Ok(())
}

/// Tells the managers of trouble with a service, once for each time it begins.
pub(super) fn tell(house: &House, service: &str, trouble: &Trouble) -> Result<(), StoreError> {
    let now = clock::now();
    let roster = house.parts().roster.clone();
    let local = local_text(
        trouble
            .since
            .to_zoned(roster.config().calendar.zone.clone())
            .datetime(),
    );
    let facts = TroubleFacts {
        service: service.to_owned(),
        over: false,
        detail: Some(trouble.why.clone()),
        mend: None,
        since: Some(local),
        waiting: 0,
    };
    let telegram = service == Channel::Telegram.as_str();
    let template = if telegram { "telegram-down" } else { "trouble" };
    let occasion = format!("{service} since {}", trouble.since);
    let extra = serde_json::json!({ "trouble": facts });
    let mut messages = notice::to_managers(
        &roster.directory()?,
        "trouble",
        template,
        &occasion,
        &extra,
        now,
    );
    if telegram {
        // One mail to the mailbox for alerts says it for all.
        messages.truncate(1);
        for message in &mut messages {
            message.to = Recipient::Alerts;
            message.channel = Channel::Email;
        }
    }
    let mut group = Group::default();
    let mut new = false;
    for message in &messages {
        new |= ledger::queue(roster.store(), &mut group, message)?;
    }
    if new {
        roster.store().commit(vec![group])?;
    }
    Ok(())
}
