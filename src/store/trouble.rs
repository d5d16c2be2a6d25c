//! What a person can do when the store fails, with the commands to type; and how a panic of sled's is told from
//! one of ours.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{StoreError, backup};

impl StoreError {
    /// What a person can do about it, with the commands to type.
    pub fn way_back(&self) -> Option<String> {
        match self {
            Self::Corrupt { dir, .. } => Some(way_back_of(Some(dir), false)),
            Self::Lost { dir, .. } => Some(way_back_of(Some(dir), true)),
            Self::GaveUp | Self::Value { .. } => Some(way_back_of(None, false)),
            Self::Folder { dir, source } => mend_of(source.kind(), Some(dir)),
            Self::Sync(source) | Self::Sled(sled::Error::Io(source)) => {
                mend_of(source.kind(), None)
            }
            Self::Sled(sled::Error::Corruption { .. }) => Some(way_back_of(None, false)),
            Self::Sled(_) | Self::Broken | Self::Locked { .. } | Self::Format { .. } => None,
        }
    }
}

/// How to go on with another store than the one that is there.
fn way_back_of(dir: Option<&Path>, readable: bool) -> String {
    // No folder, or one that cannot be read, is as good as no backup.
    let backups = dir.map(|dir| backup::list(&backup::folder(dir)).unwrap_or_default());
    let newest = backups.and_then(|list| list.last().map(|(_, path)| path.display().to_string()));
    let file = newest.unwrap_or_else(|| "FILE".into());
    let else_ = if readable {
        "Without a backup: `sudo sheetbridge restore --what-is-left`, which sends nothing again"
    } else {
        "Without a backup: try `sudo sheetbridge restore --what-is-left`; if nothing is left, move the state folder aside yourself and start: the first look at the sheet sends nothing"
    };
    format!(
        "restore a backup: sudo systemctl stop sheetbridge && sudo sheetbridge restore --force {file} && sudo systemctl start sheetbridge. {else_}"
    )
}

/// What to do about a disk that does not take what is written.
fn mend_of(kind: io::ErrorKind, dir: Option<&Path>) -> Option<String> {
    let folder = dir.map_or_else(
        || "the state folder".to_owned(),
        |dir| dir.display().to_string(),
    );
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Some(format!(
                "the disk of {folder} is full: look with `df -h`, make room (old backups in backups/ of the state folder can go), then `sudo systemctl start sheetbridge`. Nothing is lost: what was on its way is in doubt, everything else waits"
            ))
        }
        io::ErrorKind::ReadOnlyFilesystem => Some(format!(
            "the disk of {folder} is read-only, mostly because of an error of the disk: look with `dmesg`, make it writable again, then `sudo systemctl start sheetbridge`. Nothing is lost"
        )),
        io::ErrorKind::PermissionDenied => {
            Some("run this as the user of the daemon, or as root".to_owned())
        }
        _ => None,
    }
}

/// Whether sled has panicked in this process.
static GAVE_UP: AtomicBool = AtomicBool::new(false);

/// Notes from now on when sled panics, which it does when what it reads makes no sense: that is the store's
/// trouble and no contradiction in the program.
pub fn watch_for_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic
            .location()
            .is_some_and(|at| at.file().contains("/sled-"))
        {
            GAVE_UP.store(true, Ordering::Relaxed);
        }
        before(panic);
    }));
}

/// Whether sled has panicked since [`watch_for_panics`].
pub fn gave_up() -> bool {
    GAVE_UP.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_of_a_disk_has_its_way_out() {
        for (kind, said) in [
            (io::ErrorKind::StorageFull, "is full: look with `df -h`"),
            (io::ErrorKind::QuotaExceeded, "is full"),
            (io::ErrorKind::ReadOnlyFilesystem, "is read-only"),
            (io::ErrorKind::PermissionDenied, "as root"),
        ] {
            for error in [
                StoreError::Sync(kind.into()),
                StoreError::Sled(sled::Error::Io(kind.into())),
            ] {
                let help = error.way_back().unwrap_or_default();
                assert!(help.contains(said), "{kind:?}: {help}");
            }
        }
    }

    #[test]
    fn the_newest_backup_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let lost = StoreError::Lost {
            dir: dir.path().to_owned(),
            commits: 3,
        };
        let help = lost.way_back().unwrap_or_default();
        assert!(help.contains("restore --force FILE"), "{help}");
        let folder = backup::folder(dir.path());
        std::fs::create_dir(&folder).unwrap();
        for day in ["20261120T190000Z", "20261121T190000Z"] {
            std::fs::write(folder.join(format!("sheetbridge-{day}.backup")), "x").unwrap();
        }
        let help = lost.way_back().unwrap_or_default();
        assert!(
            help.contains("sheetbridge-20261121T190000Z.backup &&"),
            "{help}"
        );
    }
}
