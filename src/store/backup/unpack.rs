//! From a backup to a store again.

use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{BackupError, Summary, check, read};
use crate::store::compact::Writer;
use crate::store::{Store, StoreError, folder, open_patiently, tally};

/// What a restore came to.
#[derive(Debug)]
pub struct Restored<T> {
    /// What was in the backup.
    pub summary: Summary,
    /// Where what was there before was moved to, if there was anything.
    pub aside: Option<PathBuf>,
    /// What `settle` said.
    pub settled: T,
}

/// Makes a backup the store of a state folder. Everything is checked, unpacked beside the old store, and settled
/// there; only then do the two change places.
///
/// `settle` sees to what may have been sent since the backup was made.
///
/// # Errors
/// The backup; another process that uses the folder; a folder that is not empty, unless `force`; the disk.
pub fn restore<T>(
    path: &Path,
    dir: &Path,
    (force, now): (bool, Timestamp),
    settle: impl FnOnce(&Store, Timestamp) -> Result<T, StoreError>,
) -> Result<Restored<T>, BackupError> {
    let summary = check(path)?;
    let io = |source| StoreError::Folder {
        dir: dir.to_owned(),
        source,
    };
    folder::prepare(dir).map_err(io)?;
    let owner = folder::owner_to_keep(dir).map_err(io)?;
    let _lock = folder::lock(dir)?;
    folder::finish_exchange(dir).map_err(io)?;
    let there = there(dir);
    if !there.is_empty() && !force {
        return Err(BackupError::NotEmpty {
            dir: dir.to_owned(),
        });
    }
    let work = dir.join("restoring");
    folder::remove(&work).map_err(io)?;
    unpack(path, &work)?;
    let settled = {
        let store = Store::open(&work)?;
        settle(&store, summary.at)?
    };
    // It lets go of its lock when all its files are written.
    drop(open_patiently(&work, &work.join("store"))?);
    folder::sync_all(&work).map_err(io)?;
    let aside = move_aside(dir, &there, now).map_err(io)?;
    // From here to the end the folder has its mark and no store, which `open` does not take for a new one.
    for name in ["store.format", "store", "store.count"] {
        std::fs::rename(work.join(name), dir.join(name)).map_err(io)?;
    }
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io)?;
    folder::remove(&work).map_err(io)?;
    if let Some((user, group)) = owner {
        folder::give_to(dir, user, group).map_err(io)?;
    }
    Ok(Restored {
        summary,
        aside,
        settled,
    })
}

/// What of a store is in a folder.
fn there(dir: &Path) -> Vec<&'static str> {
    let names = ["store", "store.count", "store.plan", "store.format"];
    names
        .into_iter()
        .filter(|name| dir.join(name).exists())
        .collect()
}

fn move_aside(dir: &Path, there: &[&str], now: Timestamp) -> std::io::Result<Option<PathBuf>> {
    if there.is_empty() {
        return Ok(None);
    }
    let mut aside = dir.join(format!("before-restore-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    while aside.exists() {
        aside.as_mut_os_string().push("+");
    }
    folder::private_folder(&aside)?;
    for name in there {
        match *name {
            // The mark stays: until the restored store is in its place an empty folder is no new one.
            "store.format" => drop(std::fs::copy(dir.join(name), aside.join(name))?),
            name => std::fs::rename(dir.join(name), aside.join(name))?,
        }
    }
    File::open(dir)?.sync_all()?;
    Ok(Some(aside))
}

/// Makes a state folder of a backup.
fn unpack(path: &Path, work: &Path) -> Result<(), BackupError> {
    let io = |source| StoreError::Folder {
        dir: work.to_owned(),
        source,
    };
    let store = work.join("store");
    folder::private_folder(&store).map_err(io)?;
    let db = open_patiently(work, &store)?;
    let mut writer = Writer::new(&db);
    let (_, wanted) = read(path, |entries| {
        for (key, value) in entries {
            writer.write(key, value)?;
        }
        Ok(())
    })?;
    writer.write(tally::KEY.to_vec(), Some(wanted.to_bytes()))?;
    writer.end()?;
    db.flush().map_err(StoreError::from)?;
    if !tally::count(&db)?.same_content(&wanted) {
        return Err(BackupError::Damaged {
            path: path.to_owned(),
            why: "what came out of it is not what was in the store".into(),
        });
    }
    Ok(())
}
