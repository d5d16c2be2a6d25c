//! `backup` and `restore`: the whole state in one file, and back.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::json;

use super::Call;
use super::failure::{Failure, Kind};
use super::site::Site;
use crate::clock;
use crate::commands::{BackupMade, Request, after_restore};
use crate::store::backup::{self, BackupError, Summary};
use crate::store::gap::{Found, Gap};
use crate::store::{Store, StoreError};

/// Writes the whole state into one file, consistent, also while the daemon runs.
///
/// The file holds personal data and can be read by its owner only. It is there whole and checked, or not at all.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: sudo sheetbridge backup /root/sheetbridge.backup\nAutomatic backups: [keep] backups in the configuration; they are in backups/ of the state folder."
)]
pub(crate) struct BackupArgs {
    /// Where to
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Overwrite a file that is there
    #[arg(long)]
    force: bool,
}

/// Makes a backup the state again. Stop the daemon first.
///
/// The file is checked whole before anything is touched. What may have been sent since the backup is not sent
/// again by itself: it is in doubt, and the first look at each workbook takes the sheet as it is.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  sheetbridge restore --check FILE\n  sudo systemctl stop sheetbridge && sudo sheetbridge restore FILE && sudo systemctl start sheetbridge"
)]
pub(crate) struct RestoreArgs {
    /// The backup
    #[arg(value_name = "FILE", required_unless_present = "what_is_left")]
    file: Option<PathBuf>,
    /// Only check the file; touches nothing, also while the daemon runs
    #[arg(long, conflicts_with_all = ["force", "what_is_left"])]
    check: bool,
    /// Also where there is a state already: it is moved aside, not deleted
    #[arg(long)]
    force: bool,
    /// There is no backup: go on with what can still be read of a damaged state
    #[arg(long, conflicts_with_all = ["file", "force"])]
    what_is_left: bool,
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let kind = match &error {
            BackupError::Store(_) => {
                let BackupError::Store(error) = error else {
                    return Self::new(Kind::Store, error.to_string());
                };
                return error.into();
            }
            BackupError::Exists { .. } => Kind::Usage,
            BackupError::Io { .. }
            | BackupError::NotOne { .. }
            | BackupError::Damaged { .. }
            | BackupError::Format { .. }
            | BackupError::NotEmpty { .. } => Kind::Store,
        };
        Self::new(kind, error.to_string())
    }
}

/// Makes a backup, by the daemon if one runs.
///
/// # Errors
/// The configuration, the store, the file.
pub(crate) async fn backup(call: &Call, args: BackupArgs) -> Result<(), Failure> {
    let site = Site::load(call)?;
    if args.file.exists() && !args.force {
        return Err(BackupError::Exists { path: args.file }.into());
    }
    let summary = match site.ask(&Request::Backup {}).await? {
        Some(answer) => {
            let made: BackupMade = serde_json::from_value(answer).map_err(|_| {
                Failure::new(
                    Kind::Unavailable,
                    "the daemon's answer was not understood: is it of another version? Restart it",
                )
            })?;
            let from = backup::folder(&site.config.state_dir).join(&made.name);
            let copied =
                tokio::task::block_in_place(|| backup::copy(&from, &args.file, args.force));
            let _ = std::fs::remove_file(&from); // the daemon would clear it within a day
            copied?;
            made.summary
        }
        None => {
            let store = site.open()?;
            let (version, now) = (env!("CARGO_PKG_VERSION"), clock::now());
            tokio::task::block_in_place(|| {
                backup::write(&store, &args.file, (version, now), args.force)
            })?
        }
    };
    if call.out.is_json() {
        return call
            .out
            .json(&json!({ "file": args.file, "backup": summary }));
    }
    call.out.line(format_args!(
        "{}: {}. It is personal data: keep it where only you can read it, and on another disk",
        args.file.display(),
        shown(&site, &summary)
    ))
}

/// Restores, or only checks.
///
/// # Errors
/// The configuration, the backup, a daemon that runs, a state that is there.
pub(crate) async fn restore(call: &Call, args: RestoreArgs) -> Result<(), Failure> {
    let site = Site::load(call)?;
    if let (true, Some(file)) = (args.check, &args.file) {
        let summary = tokio::task::block_in_place(|| backup::check(file))?;
        if call.out.is_json() {
            return call.out.json(&json!({ "file": file, "backup": summary }));
        }
        return call.out.line(format_args!(
            "{} is whole: {}",
            file.display(),
            shown(&site, &summary)
        ));
    }
    if site.ask(&Request::Status).await?.is_some() {
        return Err(Failure::new(
            Kind::Store,
            "the daemon is running, and would go on with what it knows",
        )
        .help("stop it first: sudo systemctl stop sheetbridge"));
    }
    let now = clock::now();
    match args.file {
        Some(file) => from_file(call, &site, &file, (args.force, now)),
        None => what_is_left(call, &site, now),
    }
}

fn from_file(
    call: &Call,
    site: &Site,
    file: &Path,
    (force, now): (bool, Timestamp),
) -> Result<(), Failure> {
    let settle = |store: &Store, from: Timestamp| {
        after_restore(&site.roster(store.clone()), Gap { from, to: now })
    };
    let restored = tokio::task::block_in_place(|| {
        backup::restore(file, &site.config.state_dir, (force, now), settle)
    })?;
    if call.out.is_json() {
        return call.out.json(&json!({
            "backup": restored.summary,
            "moved_aside": restored.aside,
            "after": restored.settled,
        }));
    }
    call.out.line(format_args!(
        "Restored: {}.",
        shown(site, &restored.summary)
    ))?;
    if let Some(aside) = restored.aside {
        call.out.line(format_args!(
            "What was there before is in {}; remove it when all is well.",
            aside.display()
        ))?;
    }
    call.out.lines(said_of(restored.settled))
}

/// Goes on with what can still be read of a store that is damaged.
fn what_is_left(call: &Call, site: &Site, now: Timestamp) -> Result<(), Failure> {
    let found = tokio::task::block_in_place(|| -> Result<Found, StoreError> {
        let dir = &site.config.state_dir;
        match Store::open(dir) {
            Err(StoreError::Lost { .. } | StoreError::Corrupt { .. }) => {}
            Err(other) => return Err(other),
            Ok(store) => {
                return Err(StoreError::Sync(std::io::Error::other(format!(
                    "the store in {} is well: there is nothing to give up",
                    store.dir().display()
                ))));
            }
        }
        let store = Store::open_what_is_left(dir)?;
        let from = store.last_noted()?.unwrap_or(now);
        after_restore(&site.roster(store), Gap { from, to: now })
    })?;
    if call.out.is_json() {
        return call.out.json(&json!({ "after": found }));
    }
    call.out
        .line("Going on with what is left; what is gone is not known any more.")?;
    call.out.lines(said_of(found))
}

/// What a restore leaves to be done, in words.
fn said_of(found: Found) -> [String; 4] {
    [
        format!(
            "{} messages that waited may have been sent since: they are in doubt now. Look at them with `sheetbridge outbox list --state in_doubt`.",
            found.in_doubt
        ),
        format!(
            "{} reminders and dates were due meanwhile: what they decide will be in doubt, too.",
            found.timers
        ),
        "The first look at each workbook takes the sheet as it is and sends nothing; the managers are told how much changed.".to_owned(),
        "Start it: sudo systemctl start sheetbridge".to_owned(),
    ]
}

fn shown(site: &Site, summary: &Summary) -> String {
    let at = summary.at.to_zoned(site.config.calendar.zone.clone());
    format!(
        "the state of {}, {} entries, {} messages waiting, {} KB, by sheetbridge {}",
        at.strftime("%Y-%m-%d %H:%M:%S"),
        summary.entries,
        summary.waiting,
        summary.bytes.div_ceil(1024),
        summary.version
    )
}
