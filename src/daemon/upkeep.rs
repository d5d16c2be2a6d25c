//! What is done at night, and once after the start: what is over is packed away, what is too old is forgotten,
//! the store is written anew when most of it is garbage, and a backup is made.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::{DaemonError, House, watch};
use crate::commands::Upkeep;
use crate::config::Backups;
use crate::health::Trouble;
use crate::store::backup;
use crate::store::{Reason, StoreError};
use crate::{alarms, clock};

/// How often it is looked whether something is to be done.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Where nothing was ever done, it is done when the daemon has run for so long, also by day.
const FIRST_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// The hours, by the company's clock, in which nobody waits for anything.
const NIGHT: std::ops::Range<i8> = 2..5;

/// A backup that somebody asked for and did not take is removed after so long.
const ASKED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Does what is to be done, until the daemon ends.
pub(super) async fn nightly(house: House) -> Result<(), DaemonError> {
    let started = Instant::now();
    let mut cleaned: Option<Instant> = None;
    loop {
        let now = clock::now();
        let zone = house.parts().roster.config().calendar.zone.clone();
        let hour = now.to_zoned(zone).hour();
        let age =
            |at: Instant| SignedDuration::try_from(at.elapsed()).unwrap_or(SignedDuration::MAX);
        let since = cleaned.map_or(SignedDuration::MAX, age);
        if is_due(since, SignedDuration::from_hours(24), hour) {
            let house = house.clone();
            in_the_background(move || clean_up(&house, now)).await?;
            cleaned = Some(Instant::now());
        }
        let parts = house.parts();
        // So that whoever asks for a number, and the first lead, need not wait for a walk over all rows.
        in_the_background(move || Ok(parts.roster.know_persons()?)).await?;
        let backups = house.parts().roster.config().keep_backups;
        if let Some(backups) = backups {
            let house = house.clone();
            let up = age(started);
            in_the_background(move || back_up(&house, backups, (now, up, hour))).await?;
        }
        if !house.pause(LOOK_EVERY).await {
            return Ok(());
        }
    }
}

/// It reads and writes for seconds; nobody else is to wait for a thread meanwhile.
async fn in_the_background(
    work: impl FnOnce() -> Result<(), DaemonError> + Send + 'static,
) -> Result<(), DaemonError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| DaemonError::Broken(error.to_string()))?
}

/// Whether something that is to be done every so often, at night if it can wait so long, is due.
fn is_due(since: SignedDuration, every: SignedDuration, hour: i8) -> bool {
    let day = SignedDuration::from_hours(24);
    if every < day {
        return since >= every;
    }
    // Last night at four is long enough ago for tonight at two.
    let night = NIGHT.contains(&hour) && since >= every - SignedDuration::from_hours(3);
    night || since >= every + day / 2
}

fn clean_up(house: &House, now: Timestamp) -> Result<(), DaemonError> {
    let parts = house.parts();
    let tidied = alarms::tidy(&parts.roster, now)?;
    if tidied.forgotten > 0 {
        tracing::info!(
            forgotten = tidied.forgotten,
            lines = tidied.lines,
            "what is older than [keep] messages was cleared; the keys of messages stay"
        );
    }
    let swept = alarms::sweep(&parts.roster, now)?;
    if swept.tombstones > 0 {
        tracing::info!(
            customers = swept.tombstones,
            "gone for 400 days: only a keyed hash of their contacts is left"
        );
    }
    parts
        .desk
        .sweep(now)
        .map_err(|error| DaemonError::Broken(error.text))?;
    let store = parts.roster.store();
    let mut upkeep = parts.desk.upkeep()?;
    upkeep.cleaned = Some(now);
    match store.worth_compacting()? {
        Reason::NotWorthIt => {}
        Reason::NoRoom { needed } => tracing::warn!(
            "the store is mostly garbage, and the disk has no room to write it anew: {} MB must be free",
            needed >> 20
        ),
        Reason::Garbage => match store.compact() {
            Ok(done) => {
                tracing::info!(
                    before_mb = done.before >> 20,
                    after_mb = done.after >> 20,
                    "the store was written anew, in {:?}",
                    done.took
                );
                upkeep.compacted = Some(now);
                upkeep.bytes = Some((done.before, done.after));
            }
            Err(error @ StoreError::Broken { .. }) => return Err(error.into()),
            // It goes on as it was; a full disk is the next night's, and `status`'s.
            Err(error) => tracing::warn!(%error, "the store could not be written anew"),
        },
    }
    Ok(parts.desk.keep_upkeep(&upkeep)?)
}

fn back_up(
    house: &House,
    backups: Backups,
    (now, up, hour): (Timestamp, SignedDuration, i8),
) -> Result<(), DaemonError> {
    let parts = house.parts();
    let store = parts.roster.store();
    let folder = backup::folder(store.dir());
    let made = || -> Result<Option<Timestamp>, backup::BackupError> {
        backup::private_folder(&folder)?;
        let newest = backup::list(&folder).map_err(|error| backup::unusable(&folder, error))?;
        let since = match newest.last() {
            Some((at, _)) => now.duration_since(*at),
            None if up >= FIRST_AFTER => SignedDuration::MAX,
            None => up,
        };
        if !is_due(since, backups.every.duration(), hour) {
            return Ok(None);
        }
        backup::clear_asked(&folder, now, ASKED_FOR)
            .map_err(|error| backup::unusable(&folder, error))?;
        let path: PathBuf = folder.join(backup::name_at(now));
        let version = env!("CARGO_PKG_VERSION");
        let summary = backup::write(store, &path, (version, now), true)?;
        let keep = usize::try_from(backups.keep).unwrap_or(usize::MAX);
        backup::rotate(&folder, keep).map_err(|error| backup::unusable(&folder, error))?;
        tracing::info!(file = %path.display(), bytes = summary.bytes, "backup made");
        Ok(Some(summary.at))
    };
    // What is kept of it is read when it changes, and not with every look.
    match made() {
        Ok(None) => Ok(()),
        Ok(Some(at)) => {
            let upkeep = Upkeep {
                backed_up: Some(at),
                backup_failed: None,
                ..parts.desk.upkeep()?
            };
            Ok(parts.desk.keep_upkeep(&upkeep)?)
        }
        Err(backup::BackupError::Store(error @ StoreError::Sled(_))) => Err(error.into()),
        Err(error) => {
            // Told once; it is tried again each time.
            let why = error.to_string();
            let mut upkeep = parts.desk.upkeep()?;
            if upkeep.backup_failed.as_ref() != Some(&why) {
                tracing::error!("the automatic backup failed: {why}");
                let trouble = Trouble {
                    since: now,
                    why: why.clone(),
                    times: 1,
                };
                watch::tell(house, "store", &trouble)?;
                upkeep.backup_failed = Some(why);
                parts.desk.keep_upkeep(&upkeep)?;
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_done_at_night_or_when_a_night_was_missed() {
        let hours = SignedDuration::from_hours;
        let day = hours(24);
        for (since, every, hour, due) in [
            (hours(22), day, 3, true),
            (hours(22), day, 9, false),
            (hours(20), day, 3, false),
            (hours(35), day, 9, false),
            (hours(36), day, 9, true),
            (SignedDuration::MAX, day, 14, true),
            (hours(24 * 6), day * 7, 3, false),
            (hours(24 * 7 - 1), day * 7, 3, true),
            (hours(6), hours(6), 14, true),
            (hours(5), hours(6), 3, false),
        ] {
            assert_eq!(
                is_due(since, every, hour),
                due,
                "{since:?} {every:?} {hour}"
            );
        }
    }
}
