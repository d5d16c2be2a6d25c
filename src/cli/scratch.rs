//! A private folder that goes when its command ends.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::failure::Failure;
use crate::config::Environment;
use crate::random;

/// How often the folder is tried to be removed.
const TRIES: u32 = 10;
/// How long between two tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// A folder of mode 0700 under `$TMPDIR` or `/tmp`, removed with all that is in it when dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes one. `what` stands in its name.
    ///
    /// # Errors
    /// The folder cannot be made; the text names it.
    pub(crate) fn new(environment: &Environment, what: &str) -> Result<Self, Failure> {
        let parent = Path::new(environment.get("TMPDIR").unwrap_or("/tmp"));
        let path = parent.join(format!("sheetbridge-{what}-{}", random::token()));
        private_folder(&path)?;
        Ok(Self { path })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A store that was just closed may still be writing its last file: then the folder is not empty yet.
        for left in (0..TRIES).rev() {
            match std::fs::remove_dir_all(&self.path) {
                Ok(()) => return,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return,
                Err(_) if left > 0 => std::thread::sleep(BETWEEN_TRIES),
                Err(error) => {
                    tracing::warn!(folder = %self.path.display(), %error, "the temporary folder could not be removed");
                }
            }
        }
    }
}

/// Makes a folder of mode 0700, with its parents.
///
/// # Errors
/// The folder cannot be made; the text names it.
pub(crate) fn private_folder(path: &Path) -> Result<(), Failure> {
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path);
    made.map_err(|error| {
        Failure::file(
            format_args!("the folder {} cannot be made", path.display()),
            &error,
        )
    })
}

/// Writes a file of mode 0600 over what was there.
///
/// # Errors
/// The file cannot be written; the text names it.
pub(crate) fn private_file(path: &Path, text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        Failure::file(
            format_args!("the file {} cannot be written", path.display()),
            &error,
        )
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_private_and_goes_with_all_that_is_in_it() {
        let parent = tempfile::tempdir().unwrap();
        let environment = Environment::of([("TMPDIR", parent.path().display().to_string())]);
        let scratch = Scratch::new(&environment, "test").unwrap();
        let path = scratch.path().to_owned();
        private_file(&path.join("key"), "secret").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join("key"))), (0o700, 0o600));
        drop(scratch);
        assert!(!path.exists());
    }
}
