//! The rows of a read that nobody has seen before, as they came: in memory while they are few, else
//! in a file without a name. A first look at half a million rows never holds the sheet.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// So many bytes stay in memory.
const IN_MEMORY: usize = 8 << 20;

/// So many bytes are read back at once: rows are mostly asked for in order.
const WINDOW: usize = 256 << 10;

/// Rows as JSON, by the number in which they came.
#[derive(Debug)]
pub(super) struct Fresh {
    dir: PathBuf,
    /// Where each row ends.
    ends: Vec<u64>,
    /// What is not in the file.
    tail: Vec<u8>,
    /// How much is.
    written: u64,
    file: Option<File>,
    window: RefCell<(u64, Vec<u8>)>,
    broken: Option<io::Error>,
}

/// The number of a row among the fresh ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FreshAt(std::num::NonZeroU32);

impl Fresh {
    /// None yet; a file, if it comes to that, is made in `dir`.
    pub(super) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            ends: Vec::new(),
            tail: Vec::new(),
            written: 0,
            file: None,
            window: RefCell::default(),
            broken: None,
        }
    }

    /// Keeps a row. When the disk fails, [`Fresh::check`] says so.
    pub(super) fn push(&mut self, json: &[u8]) -> Option<FreshAt> {
        self.tail.extend_from_slice(json);
        self.ends.push(self.written + self.tail.len() as u64);
        if self.tail.len() >= IN_MEMORY && self.broken.is_none() {
            self.broken = self.write_tail().err();
        }
        let number = u32::try_from(self.ends.len()).ok()?;
        std::num::NonZeroU32::new(number).map(FreshAt)
    }

    fn write_tail(&mut self) -> io::Result<()> {
        if self.file.is_none() {
            let path = self.dir.join("read.tmp");
            let _ = std::fs::remove_file(&path); // of a poll that was killed between these lines
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?;
            std::fs::remove_file(&path)?;
            self.file = Some(file);
        }
        if let Some(file) = &mut self.file {
            file.write_all(&self.tail)?;
        }
        self.written += self.tail.len() as u64;
        self.tail.clear();
        Ok(())
    }

    /// Whether everything could be kept.
    ///
    /// # Errors
    /// The state folder, and what the disk said.
    pub(super) fn check(&mut self) -> Result<(), StoreError> {
        let broken = self.broken.take();
        broken.map_or(Ok(()), |source| Err(self.failed(source)))
    }

    fn failed(&self, source: io::Error) -> StoreError {
        StoreError::Folder {
            dir: self.dir.clone(),
            source,
        }
    }

    /// Looks at the JSON of a row.
    ///
    /// # Errors
    /// The state folder, and what the disk said.
    pub(super) fn read<T>(
        &self,
        at: FreshAt,
        look: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, StoreError> {
        self.find(at, look).map_err(|source| self.failed(source))
    }

    fn find<T>(&self, at: FreshAt, look: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
        let number = at.0.get() as usize - 1;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        let end = self.ends[number];
        let part = |from: u64, bytes: &[u8]| {
            let place = |at: u64| usize::try_from(at - from).ok();
            bytes.get(place(start)?..place(end)?).map(look)
        };
        let missing = || io::Error::other("a row that was kept is not there");
        if start >= self.written {
            return part(self.written, &self.tail).ok_or_else(missing);
        }
        let mut window = self.window.borrow_mut();
        let inside = start >= window.0 && end <= window.0 + window.1.len() as u64;
        if !inside {
            let length = (end - start).max(WINDOW as u64).min(self.written - start);
            let mut bytes = std::mem::take(&mut window.1);
            bytes.resize(usize::try_from(length).map_err(io::Error::other)?, 0);
            let file = self.file.as_ref().ok_or_else(missing)?;
            file.read_exact_at(&mut bytes, start)?;
            *window = (start, bytes);
        }
        part(window.0, &window.1).ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_in_any_order_from_memory_and_from_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut fresh = Fresh::new(dir.path());
        let row = |n: usize| format!("[{n},\"{}\"]", "x".repeat(n % 700));
        let places: Vec<FreshAt> = (0..60_000)
            .map(|n| fresh.push(row(n).as_bytes()).unwrap())
            .collect();
        fresh.check().unwrap();
        assert!(fresh.written > 0 && !fresh.tail.is_empty());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        for n in (0..60_000).chain((0..60_000).rev().step_by(97)) {
            let kept = fresh.read(places[n], <[u8]>::to_vec).unwrap();
            assert_eq!(kept, row(n).as_bytes(), "{n}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_at_the_end() {
        let mut fresh = Fresh::new(Path::new("/nowhere/at/all"));
        for _ in 0..3 {
            fresh.push(&vec![b'x'; IN_MEMORY / 2]);
        }
        let error = fresh.check().unwrap_err().to_string();
        assert!(
            error.starts_with("the state folder /nowhere/at/all cannot be used: "),
            "{error}"
        );
    }
}
