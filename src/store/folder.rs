//! The state folder: who may enter, who holds it, and how one store takes another's place in it.
//!
//! ```text
//! lock          held by whoever has the store open
//! store/        sled's files
//! store.format  says that there was a store, so that an empty folder is not taken for a new one
//! store.count   how many commits there were (`tally`)
//! store.plan    the pieces of a large commit (`pieces`)
//! store.new/    a copy being made; thrown away at the next opening, unless
//! store.whole   says that it is whole: then it takes the place of store/, which becomes
//! store.old/    and goes
//! backups/      automatic backups
//! ```

use std::fs::File;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::StoreError;

/// How often a folder that somebody holds is asked for again; whoever has just ended lets go in a moment.
const TRIES: u32 = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// Makes the folder with mode 0700, or gives it that mode; returns where sled's files are.
pub(super) fn prepare(dir: &Path) -> io::Result<PathBuf> {
    private_folder(dir)?;
    let mode = std::fs::metadata(dir)?.permissions().mode();
    if mode & 0o077 != 0 {
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(dir.join("store"))
}

/// A folder of mode 0700 with its parents; one that is there stays as it is.
pub(super) fn private_folder(dir: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
}

/// The file that says that there was a store.
pub(super) fn mark(dir: &Path) -> PathBuf {
    dir.join("store.format")
}

/// Opens a file of ours that stays, made new if need be, for its owner alone.
pub(super) fn file_that_stays(path: &Path) -> io::Result<File> {
    std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

/// Takes the folder for this process. The lock goes when the file is closed, also by `kill -9`.
///
/// # Errors
/// Somebody else has it, or the folder cannot be used.
pub(super) fn lock(dir: &Path) -> Result<File, StoreError> {
    let folder = |source| StoreError::Folder {
        dir: dir.to_owned(),
        source,
    };
    let file = file_that_stays(&dir.join("lock")).map_err(folder)?;
    for left in (0..TRIES).rev() {
        use rustix::fs::FlockOperation::NonBlockingLockExclusive;
        match rustix::fs::flock(&file, NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) if left > 0 => std::thread::sleep(BETWEEN_TRIES),
            Err(rustix::io::Errno::WOULDBLOCK) => break,
            Err(error) => return Err(folder(error.into())),
        }
    }
    Err(StoreError::Locked {
        dir: dir.to_owned(),
    })
}

/// Where a copy is made.
pub(super) fn copy(dir: &Path) -> PathBuf {
    dir.join("store.new")
}

fn whole(dir: &Path) -> PathBuf {
    dir.join("store.whole")
}

/// Says that the copy is whole and synced: from here on it is the store, whatever happens.
pub(super) fn declare_whole(dir: &Path) -> io::Result<()> {
    File::create(whole(dir))?.sync_all()?;
    File::open(dir)?.sync_all()
}

/// Takes that back, after the exchange failed.
pub(super) fn take_back(dir: &Path) -> io::Result<()> {
    std::fs::remove_file(whole(dir))?;
    File::open(dir)?.sync_all()
}

/// Lets a whole copy take the store's place, and throws away one that is not whole. Can be cut off anywhere
/// and begun again.
pub(super) fn finish_exchange(dir: &Path) -> io::Result<()> {
    let (store, copy, old) = (dir.join("store"), copy(dir), dir.join("store.old"));
    if !whole(dir).exists() {
        return remove(&copy);
    }
    if copy.exists() {
        if store.exists() {
            remove(&old)?;
            std::fs::rename(&store, &old)?;
        }
        std::fs::rename(&copy, &store)?;
        File::open(dir)?.sync_all()?;
    }
    take_back(dir)?;
    remove(&old)
}

/// Removes a folder with all that is in it, if it is there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Syncs every file below a folder, and the folders.
pub(super) fn sync_all(path: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => sync_all(&entry.path())?,
            false => File::open(entry.path())?.sync_all()?,
        }
    }
    File::open(path)?.sync_all()
}

/// The owner of a folder that root, but not root's own daemon, works on.
pub(super) fn owner_to_keep(dir: &Path) -> io::Result<Option<(u32, u32)>> {
    use std::os::unix::fs::MetadataExt as _;
    let folder = std::fs::metadata(dir)?;
    let root = rustix::process::geteuid().is_root();
    Ok((root && folder.uid() != 0).then(|| (folder.uid(), folder.gid())))
}

/// Gives everything below a folder to its owner.
pub(super) fn give_to(dir: &Path, user: u32, group: u32) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            give_to(&entry.path(), user, group)?;
        }
        match std::os::unix::fs::lchown(entry.path(), Some(user), Some(group)) {
            // sled removes its own files at times.
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Bytes that the disk of a folder still has for us; none if it does not say.
pub(super) fn free_bytes(dir: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(dir).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
