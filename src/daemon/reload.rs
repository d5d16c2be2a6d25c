//! SIGHUP: another configuration, all of it or nothing, between cycles (SEMANTICS 36).

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::parts::Parts;
use super::{DaemonError, House, Settings, watch};
use crate::config::Config;
use crate::cycle::Cycle;
use crate::{alarms, clock, render};

/// Whoever reads is told so often to make room, in case a read began just then.
const CUT_OFF_EVERY: Duration = Duration::from_millis(50);

/// Reloads at each SIGHUP; without a file there is nothing to reload.
pub(super) async fn on_hangup(house: House, settings: Settings) -> Result<(), DaemonError> {
    let (Some(path), Some(environment)) = (&settings.config_path, &settings.environment) else {
        house.stop.cancelled().await;
        return Ok(());
    };
    let mut hangups = signal(SignalKind::hangup())
        .map_err(|error| DaemonError::Broken(format!("SIGHUP cannot be heard: {error}")))?;
    loop {
        tokio::select! {
            () = house.stop.cancelled() => return Ok(()),
            heard = hangups.recv() => if heard.is_none() { return Ok(()) },
        }
        let names = render::shipped_names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let started = sd_notify::NotifyState::monotonic_usec_now();
        match started {
            Ok(at) => watch::notify(&[sd_notify::NotifyState::Reloading, at]),
            Err(_) => watch::notify(&[sd_notify::NotifyState::Reloading]),
        }
        let taken = match Config::load(path, environment, &names) {
            Ok(config) => take_over(&house, config).await,
            Err(errors) => Err(errors
                .problems()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ")),
        };
        match taken {
            Ok(restart) => {
                tracing::info!(restart_needed = ?restart, "configuration reloaded");
            }
            Err(why) => {
                tracing::error!(
                    "the configuration was not reloaded, the old one stays in force: {why}"
                );
                house.health.reload_refused(clock::now(), why);
            }
        }
        watch::ready();
    }
}

/// Waits for the cycle, but not for Google: a read may hang for minutes, and changed nothing so far. What a
/// poll has begun to write it finishes.
async fn between_cycles(house: &House) -> tokio::sync::MutexGuard<'_, Cycle> {
    let cycle = house.cycle.lock();
    tokio::pin!(cycle);
    loop {
        house.cut_off.notify_waiters();
        if let Ok(cycle) = tokio::time::timeout(CUT_OFF_EVERY, &mut cycle).await {
            return cycle;
        }
    }
}

/// Puts a configuration in force; says which settings need a restart.
async fn take_over(house: &House, config: Config) -> Result<Vec<String>, String> {
    let old = Arc::clone(house.parts().roster.config());
    let restart: Vec<String> = Config::reload_difference(&old, &config)
        .into_iter()
        .map(str::to_owned)
        .collect();
    let store = house.parts().roster.store().clone();
    let config = Arc::new(config);
    let parts = Parts::build(&config, store, &house.health, Some(&house.parts()))
        .map_err(|error| error.to_string())?;
    // Between cycles: nobody polls while the rules change.
    let mut cycle = between_cycles(house).await;
    let _ringing = house.ringing.lock().await;
    tokio::task::block_in_place(|| alarms::enforce_rules(&parts.roster, clock::now()))
        .map_err(|error| error.to_string())?;
    tokio::task::block_in_place(|| super::ask_about_trial(&parts.desk));
    cycle.reconfigure(parts.roster.clone());
    let ids: Vec<String> = config
        .workbooks
        .iter()
        .map(|book| book.id.clone())
        .collect();
    house.health.only_workbooks(&ids);
    house
        .health
        .reloaded(config.trial.is_some(), restart.clone());
    *house.parts.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(parts);
    Ok(restart)
}
