//! The file in which the pieces of a large commit are, until all of them are applied ([`plan`](super::plan)).
//!
//! It lies beside sled's folder: what is written only to be written once more would push out of sled's memory what it is
//! about. Its records are [`sealed`]; the store says which of them count ([`Ready`]), and how many are applied already.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::folder;
use super::sealed::{self, HEADER, Header};

/// What stands in the store while pieces count: where the next one is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ready {
    salt: u64,
    /// The number of the next piece; all before it are applied.
    pub(super) next: u64,
    /// How many there are.
    pub(super) pieces: u64,
    /// Where the next one begins, in bytes.
    at: u64,
}

/// The file, and where the next piece goes.
#[derive(Debug)]
pub(super) struct Pieces {
    file: File,
    salt: u64,
    written: u64,
    at: u64,
}

impl Pieces {
    /// Opens the file, made new if need be; that its name lasts is for the caller.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        Ok(Self {
            file: folder::file_that_stays(&path(dir))?,
            salt: sealed::salt(),
            written: 0,
            at: 0,
        })
    }

    /// Writes a piece, which is on disk after [`Self::ready`].
    pub(super) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        let mut record = vec![0; HEADER];
        record.extend_from_slice(piece);
        sealed::seal(&mut record, self.salt, self.written);
        self.file.write_all_at(&record, self.at)?;
        self.written += 1;
        self.at += record.len() as u64;
        Ok(())
    }

    /// Waits until all pieces are on disk; what the store is to say of them then.
    pub(super) fn ready(&self) -> io::Result<Ready> {
        self.file.sync_all()?;
        Ok(Ready {
            salt: self.salt,
            next: 0,
            pieces: self.written,
            at: 0,
        })
    }

    /// The next piece, and what the store is to say after it; nothing after the last one.
    ///
    /// # Errors
    /// The disk; also [`io::ErrorKind::UnexpectedEof`] and [`io::ErrorKind::InvalidData`] if it is not there.
    pub(super) fn read(&self, ready: &Ready) -> io::Result<(Vec<u8>, Option<Ready>)> {
        let mut header = [0; HEADER];
        self.file.read_exact_at(&mut header, ready.at)?;
        let header = Header::read(&header);
        let begins = ready.at + HEADER as u64;
        let ends = begins.saturating_add(header.length);
        if (header.salt, header.number) != (ready.salt, ready.next)
            || ends > self.file.metadata()?.len()
        {
            return Err(another());
        }
        let mut piece = vec![0; usize::try_from(header.length).map_err(|_| another())?];
        self.file.read_exact_at(&mut piece, begins)?;
        if !header.seals(&piece) {
            return Err(another());
        }
        let next = Ready {
            next: ready.next + 1,
            at: ends,
            ..*ready
        };
        Ok((piece, Some(next).filter(|next| next.next < next.pieces)))
    }

    /// Throws all pieces away.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        (self.salt, self.written, self.at) = (sealed::salt(), 0, 0);
        if self.file.metadata()?.len() > 0 {
            self.file.set_len(0)?;
        }
        Ok(())
    }
}

fn another() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is not what was written")
}

/// Where the file is in a state folder.
pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join("store.plan")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_read_in_their_order_and_what_was_altered_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let mut pieces = Pieces::open(dir.path()).unwrap();
        for piece in ["one", "", "three"] {
            pieces.write(piece.as_bytes()).unwrap();
        }
        let first = pieces.ready().unwrap();
        // As another process finds it.
        let pieces = Pieces::open(dir.path()).unwrap();
        let (one, second) = pieces.read(&first).unwrap();
        let second = second.unwrap();
        let (two, third) = pieces.read(&second).unwrap();
        let third = third.unwrap();
        let (three, end) = pieces.read(&third).unwrap();
        assert_eq!(
            [one, two, three],
            [b"one".to_vec(), vec![], b"three".to_vec()]
        );
        assert_eq!((second.next, third.next, end), (1, 2, None));
        let whole = std::fs::read(path(dir.path())).unwrap();
        for at in 0..whole.len() {
            let mut turned = whole.clone();
            turned[at] ^= 1 << (at % 8);
            std::fs::write(path(dir.path()), &turned).unwrap();
            let all = [&first, &second, &third].map(|ready| pieces.read(ready).is_ok());
            assert_eq!(all.iter().filter(|whole| !**whole).count(), 1, "{at}");
        }
        std::fs::write(path(dir.path()), &whole[..whole.len() - 1]).unwrap();
        assert!(pieces.read(&second).is_ok() && pieces.read(&third).is_err());
    }

    #[test]
    fn pieces_of_an_earlier_plan_are_none_of_this_one() {
        let dir = tempfile::tempdir().unwrap();
        let mut pieces = Pieces::open(dir.path()).unwrap();
        (0..3).for_each(|_| pieces.write(b"lost").unwrap());
        let lost = pieces.ready().unwrap();
        pieces.clear().unwrap();
        assert!(pieces.read(&lost).is_err());
        (0..2).for_each(|_| pieces.write(b"kept").unwrap());
        let kept = pieces.ready().unwrap();
        assert_eq!(pieces.read(&kept).unwrap().0, b"kept");
        assert!(pieces.read(&lost).is_err());
    }
}
