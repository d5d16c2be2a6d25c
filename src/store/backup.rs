//! A backup is the whole store at one moment in one file, made while others read and write; `restore` makes a
//! store of it again.
//!
//! ```text
//! sheetbridge backup 1\n
//! piece…       kind (1 byte), length (u32, little-endian), bytes, check (32 bytes)
//! ```
//! The first piece is a [`Head`] in JSON, the last an `End`; between them are entries, compressed, of which a
//! later one counts instead of an earlier one of the same key. A check is a hash of the piece and of the check
//! before it: a file that was cut off, altered, or put together from two is known before anything is touched.

mod unpack;

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::compact::Watched;
use super::keys::Key;
use super::tally::{self, Tally};
use super::{FORMAT, Operation, Store, StoreError, plan, upgrade};
pub use unpack::{Restored, restore};

/// The first line of the file; another number is another format of the file.
const MAGIC: &[u8] = b"sheetbridge backup 1\n";

/// Entries are put into a piece until it has so many bytes.
const PIECE_BYTES: usize = 1 << 20;

/// No piece is longer: what says so is no piece of ours.
const LONGEST_PIECE: u32 = 64 << 20;

/// What automatic backups are called, before and after their time.
const NAME: (&str, &str) = ("sheetbridge-", ".backup");

/// What the pieces are.
const HEAD: u8 = b'h';
const ENTRIES: u8 = b'e';
const END: u8 = b'z';

/// Why a backup could not be made, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is a file of this name.
    #[error("{} is there already: take another name, or overwrite it with --force", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written or read.
    #[error("the backup {} cannot be used: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something else than a backup.
    #[error("{} is no backup of sheetbridge", .path.display())]
    NotOne {
        /// The file.
        path: PathBuf,
    },
    /// It is not what was written.
    #[error("the backup {} is damaged: {why}; nothing was touched. Take another one", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It was made by another version.
    #[error(
        "the backup {} has format {found} (made by sheetbridge {version}), and this one reads formats {} to {FORMAT}: restore it with that version", .path.display(), upgrade::OLDEST
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// Who made it.
        version: String,
    },
    /// There is a store where it is to go.
    #[error(
        "the state folder {} is not empty: what it knows may be newer than the backup. If the backup is to take its place, use --force; the old one is moved aside, not deleted", .dir.display()
    )]
    NotEmpty {
        /// The state folder.
        dir: PathBuf,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a backup says of itself first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The format of the store.
    pub format: u32,
    /// Which version of the program made it.
    pub version: String,
    /// When it was begun.
    pub at: Timestamp,
}

/// What it says last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    /// The moment whose state it is.
    at: Timestamp,
    /// Messages that waited to be sent.
    waiting: usize,
    /// The tally of the store, in hexadecimal digits.
    tally: String,
}

/// What is in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The moment whose state it is.
    pub at: Timestamp,
    /// Which version of the program made it.
    pub version: String,
    /// The format of the store.
    pub format: u32,
    /// Entries of the store.
    pub entries: u64,
    /// Messages that waited to be sent.
    pub waiting: usize,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Writes a backup. It is there whole, synced and under its name, or not at all.
///
/// # Errors
/// The file is there and may not be overwritten; the disk.
pub fn write(
    store: &Store,
    path: &Path,
    (version, now): (&str, Timestamp),
    overwrite: bool,
) -> Result<Summary, BackupError> {
    if path.exists() && !overwrite {
        return Err(BackupError::Exists {
            path: path.to_owned(),
        });
    }
    let head = Head {
        format: FORMAT,
        version: version.to_owned(),
        at: now,
    };
    let part = beside(path);
    let made = write_part(store, &part, head).and_then(|(end, tally, head)| {
        let bytes = settle(&part, path, overwrite)?;
        Ok(Summary {
            at: end.at,
            version: head.version,
            format: head.format,
            entries: tally.pairs,
            waiting: end.waiting,
            bytes,
        })
    });
    if made.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    made
}

/// Where a file is written before it has its name.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".part");
    path.with_file_name(name)
}

/// Gives a written and synced file its name.
fn settle(part: &Path, path: &Path, overwrite: bool) -> Result<u64, BackupError> {
    let io = |source| failed(path, source);
    let bytes = std::fs::metadata(part).map_err(io)?.len();
    if overwrite {
        std::fs::rename(part, path).map_err(io)?;
    } else {
        // Unlike a rename a link overwrites nothing that came meanwhile.
        match std::fs::hard_link(part, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(BackupError::Exists {
                    path: path.to_owned(),
                });
            }
            // A disk that knows no links: USB sticks.
            Err(_) => std::fs::rename(part, path).map_err(io)?,
            Ok(()) => std::fs::remove_file(part).map_err(io)?,
        }
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))
        .and_then(|folder| folder.sync_all())
        .map_err(io)?;
    Ok(bytes)
}

/// Copies a finished backup to another place, checked, with the same care.
///
/// # Errors
/// As for [`write()`], and a copy that is damaged.
pub fn copy(from: &Path, to: &Path, overwrite: bool) -> Result<(), BackupError> {
    if to.exists() && !overwrite {
        return Err(BackupError::Exists {
            path: to.to_owned(),
        });
    }
    let part = beside(to);
    let io = |source| failed(to, source);
    let copied = private_file(&part)
        .and_then(|mut file| {
            io::copy(&mut File::open(from)?, &mut file)?;
            file.sync_all()
        })
        .map_err(io)
        .and_then(|()| check(&part))
        .and_then(|_| settle(&part, to, overwrite));
    if copied.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    copied.map(drop)
}

/// A new file of mode 0600; what an earlier try left there goes.
fn private_file(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn failed(path: &Path, source: io::Error) -> BackupError {
    BackupError::Io {
        path: path.to_owned(),
        source,
    }
}

fn write_part(store: &Store, part: &Path, head: Head) -> Result<(End, Tally, Head), BackupError> {
    let io = |source| failed(part, source);
    let mut out = Pieces {
        file: io::BufWriter::new(private_file(part).map_err(io)?),
        check: [0; 32],
        entries: Vec::new(),
        bytes: 0,
    };
    out.file.write_all(MAGIC).map_err(io)?;
    out.json(HEAD, &head).map_err(io)?;
    let watched = Watched::begin(store)?;
    for pair in store.db.scan_prefix([]) {
        let (key, value) = pair.map_err(StoreError::from)?;
        if &*key != tally::KEY {
            out.entry(key.to_vec(), Some(value.to_vec())).map_err(io)?;
        }
    }
    // Half of a large commit would be half of it for ever: its other pieces are not among the entries.
    let no_plan = store
        .planning
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    // What was written meanwhile: mostly little is left for the moment in which everybody waits.
    let touched = watched.take(&mut store.turn());
    write_again(store, &mut out, touched).map_err(|why| why.of(part))?;
    let tally = {
        let mut turn = store.turn();
        let touched = watched.take(&mut turn);
        write_again(store, &mut out, touched).map_err(|why| why.of(part))?;
        turn.tally
    };
    drop((watched, no_plan));
    let end = End {
        at: head.at,
        waiting: store.queued()?,
        tally: hex(&tally.to_bytes()),
    };
    out.end_entries().map_err(io)?;
    out.json(END, &end).map_err(io)?;
    let file = out
        .file
        .into_inner()
        .map_err(|error| io(error.into_error()))?;
    file.sync_all().map_err(io)?;
    Ok((end, tally, head))
}

/// The store or the file.
enum Failed {
    Store(StoreError),
    File(io::Error),
}

impl Failed {
    fn of(self, path: &Path) -> BackupError {
        match self {
            Self::Store(error) => error.into(),
            Self::File(source) => failed(path, source),
        }
    }
}

/// Writes what stands under some keys now; a key that is gone as gone.
fn write_again<W: Write>(
    store: &Store,
    out: &mut Pieces<W>,
    touched: std::collections::BTreeSet<Key>,
) -> Result<(), Failed> {
    for key in touched {
        let value = store
            .db
            .get(&key)
            .map_err(|error| Failed::Store(error.into()))?;
        out.entry(key, value.map(|value| value.to_vec()))
            .map_err(Failed::File)?;
    }
    Ok(())
}

/// Writes pieces, each with its check.
struct Pieces<W: Write> {
    file: W,
    check: [u8; 32],
    entries: Vec<Operation>,
    bytes: usize,
}

impl<W: Write> Pieces<W> {
    fn entry(&mut self, key: Key, value: Option<Vec<u8>>) -> io::Result<()> {
        self.bytes += key.len() + value.as_ref().map_or(0, Vec::len);
        self.entries.push((key, value));
        if self.bytes >= PIECE_BYTES {
            self.end_entries()?;
        }
        Ok(())
    }

    fn end_entries(&mut self) -> io::Result<()> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let piece = plan::encode_piece(&std::mem::take(&mut self.entries));
        self.bytes = 0;
        self.piece(ENTRIES, &lz4_flex::compress_prepend_size(&piece))
    }

    fn json(&mut self, kind: u8, value: &impl Serialize) -> io::Result<()> {
        let json = serde_json::to_vec(value)?;
        self.piece(kind, &json)
    }

    fn piece(&mut self, kind: u8, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.check = check_of(&self.check, kind, bytes);
        self.file.write_all(&[kind])?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(bytes)?;
        self.file.write_all(&self.check)
    }
}

fn check_of(before: &[u8; 32], kind: u8, bytes: &[u8]) -> [u8; 32] {
    let mut hash = blake3::Hasher::new();
    hash.update(before);
    hash.update(&[kind]);
    hash.update(bytes);
    *hash.finalize().as_bytes()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads a whole backup and checks every piece; touches nothing.
///
/// # Errors
/// It cannot be read, is no backup, is damaged, or of another format.
pub fn check(path: &Path) -> Result<Summary, BackupError> {
    read(path, |_| Ok(())).map(|(summary, _)| summary)
}

/// Reads a backup piece by piece, handing on the entries in their order.
fn read(
    path: &Path,
    mut each: impl FnMut(Vec<Operation>) -> Result<(), BackupError>,
) -> Result<(Summary, Tally), BackupError> {
    let io = |source| failed(path, source);
    let damaged = |why: String| BackupError::Damaged {
        path: path.to_owned(),
        why,
    };
    let file = File::open(path).map_err(io)?;
    let bytes = file.metadata().map_err(io)?.len();
    let mut file = io::BufReader::new(file);
    let mut magic = vec![0; MAGIC.len()];
    match file.read_exact(&mut magic) {
        Ok(()) if magic == MAGIC => {}
        Ok(()) => {
            return Err(BackupError::NotOne {
                path: path.to_owned(),
            });
        }
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(BackupError::NotOne {
                path: path.to_owned(),
            });
        }
        Err(error) => return Err(io(error)),
    }
    let (mut before, mut head, mut number) = ([0; 32], None::<Head>, 0_u64);
    loop {
        let (kind, piece) = match next_piece(&mut file, &mut before) {
            Ok(Ok(piece)) => piece,
            Ok(Err(why)) => return Err(damaged(format!("piece {number} {why}"))),
            Err(error) => return Err(io(error)),
        };
        let json = |error: serde_json::Error| damaged(format!("piece {number}: {error}"));
        match (kind, &head) {
            (HEAD, None) => {
                let found: Head = serde_json::from_slice(&piece).map_err(json)?;
                if !(upgrade::OLDEST..=FORMAT).contains(&found.format) {
                    return Err(BackupError::Format {
                        path: path.to_owned(),
                        found: found.format,
                        version: found.version,
                    });
                }
                head = Some(found);
            }
            (ENTRIES, Some(_)) => {
                let piece =
                    unpacked(&piece).map_err(|why| damaged(format!("piece {number}: {why}")))?;
                each(plan::decode_piece(b"backup", &piece)?)?;
            }
            (END, Some(head)) => {
                let end: End = serde_json::from_slice(&piece).map_err(json)?;
                let tally = tally_of(&end.tally)
                    .ok_or_else(|| damaged("its tally cannot be read".into()))?;
                if file.read(&mut [0]).map_err(io)? != 0 {
                    return Err(damaged("there is something behind its end".into()));
                }
                let summary = Summary {
                    at: end.at,
                    version: head.version.clone(),
                    format: head.format,
                    entries: tally.pairs,
                    waiting: end.waiting,
                    bytes,
                };
                return Ok((summary, tally));
            }
            _ => return Err(damaged(format!("piece {number} should not be there"))),
        }
        number += 1;
    }
}

/// A piece of entries as it was before it was packed. Its size comes first, and so much room is made for it.
fn unpacked(piece: &[u8]) -> Result<Vec<u8>, String> {
    let size = piece
        .first_chunk::<4>()
        .map(|size| u32::from_le_bytes(*size));
    if size.is_some_and(|size| size > LONGEST_PIECE) {
        return Err("unpacked, it is longer than any piece".to_owned());
    }
    lz4_flex::decompress_size_prepended(piece).map_err(|error| error.to_string())
}

/// The next piece; in words why it is none.
#[allow(clippy::type_complexity)] // One caller, which takes it apart at once.
fn next_piece(
    file: &mut impl Read,
    before: &mut [u8; 32],
) -> io::Result<Result<(u8, Vec<u8>), &'static str>> {
    const CUT_OFF: &str = "is cut off";
    let mut start = [0; 5];
    if !filled(file, &mut start)? {
        return Ok(Err(CUT_OFF));
    }
    let [kind, length @ ..] = start;
    let length = u32::from_le_bytes(length);
    if length > LONGEST_PIECE {
        return Ok(Err("is longer than any piece"));
    }
    let mut piece = Vec::new();
    file.take(u64::from(length)).read_to_end(&mut piece)?;
    let mut check = [0; 32];
    if piece.len() < length as usize || !filled(file, &mut check)? {
        return Ok(Err(CUT_OFF));
    }
    if check_of(before, kind, &piece) != check {
        return Ok(Err("is not what was written"));
    }
    *before = check;
    Ok(Ok((kind, piece)))
}

fn filled(file: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn tally_of(digits: &str) -> Option<Tally> {
    let bytes: Option<Vec<u8>> = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    Tally::from_bytes(&bytes?)
}

/// Makes a folder of mode 0700 for backups, if it is not there.
///
/// # Errors
/// It cannot be made.
pub fn private_folder(folder: &Path) -> Result<(), BackupError> {
    super::folder::private_folder(folder).map_err(|error| unusable(folder, error))
}

/// A folder of backups that cannot be used.
pub fn unusable(folder: &Path, source: io::Error) -> BackupError {
    failed(folder, source)
}

/// Removes backups that somebody asked for and did not take, and parts of such that never became one.
///
/// # Errors
/// The folder.
pub fn clear_asked(folder: &Path, now: Timestamp, after: SignedDuration) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let ours = name.starts_with("asked-") || name.ends_with(".part");
        let written =
            Timestamp::try_from(entry.metadata()?.modified()?).map_err(io::Error::other)?;
        if ours && now.duration_since(written) > after {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Where automatic backups of a state folder are.
pub fn folder(state_dir: &Path) -> PathBuf {
    state_dir.join("backups")
}

/// The name of an automatic backup of a moment.
pub fn name_at(at: Timestamp) -> String {
    format!("{}{}{}", NAME.0, at.strftime("%Y%m%dT%H%M%SZ"), NAME.1)
}

/// The automatic backups in a folder with their times, the oldest first. No folder is no backup.
///
/// # Errors
/// The folder cannot be read.
pub fn list(folder: &Path) -> io::Result<Vec<(Timestamp, PathBuf)>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let time = name.and_then(|name| name.strip_prefix(NAME.0)?.strip_suffix(NAME.1));
        let at = time.and_then(|time| {
            let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time).ok()?;
            Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
        });
        if let Some(at) = at {
            found.push((at, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Removes all but the newest `keep` automatic backups of a folder. Returns how many went.
///
/// # Errors
/// The folder.
pub fn rotate(folder: &Path, keep: usize) -> io::Result<usize> {
    let found = list(folder)?;
    let over = found.len().saturating_sub(keep);
    for (_, path) in &found[..over] {
        std::fs::remove_file(path)?;
    }
    Ok(over)
}

#[cfg(test)]
mod tests;
