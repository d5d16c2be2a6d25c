//! Records in a file of ours, each of which tells whether it is whole and where it belongs.
//!
//! ```text
//! record   salt u64 | number u64 | length u64 | check u64 | content
//! ```
//!
//! All numbers are little-endian. `salt` is that of one round of writing, so that what is left of another is not taken
//! for a part of it; `length` is the content's in bytes; `check` an XXH3 over the rest of the record.

use crate::random;

/// Bytes before the content.
pub(super) const HEADER: usize = 32;

/// What stands before the content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) salt: u64,
    pub(super) number: u64,
    /// Bytes of the content.
    pub(super) length: u64,
    check: u64,
}

impl Header {
    /// Reads one; what it says is not checked yet.
    pub(super) fn read(bytes: &[u8; HEADER]) -> Self {
        let fields = bytes.as_chunks::<8>().0;
        let [salt, number, length, check] =
            [0, 1, 2, 3].map(|field: usize| u64::from_le_bytes(fields[field]));
        Self {
            salt,
            number,
            length,
            check,
        }
    }

    /// Whether it was written before this content. Nothing was written with the salt 0, which is that of empty bytes.
    pub(super) fn seals(&self, content: &[u8]) -> bool {
        self.salt != 0 && check(&self.fields(), content) == self.check
    }

    fn fields(&self) -> Vec<u8> {
        let fields = [self.salt, self.number, self.length];
        fields.map(u64::to_le_bytes).concat()
    }
}

/// Fills in the header of a record, whose content follows [`HEADER`] bytes of room.
pub(super) fn seal(record: &mut [u8], salt: u64, number: u64) {
    let (room, content) = record.split_at_mut(HEADER);
    let header = Header {
        salt,
        number,
        length: content.len() as u64,
        check: 0,
    };
    let fields = header.fields();
    let check = check(&fields, content);
    room.copy_from_slice(&[fields, check.to_le_bytes().to_vec()].concat());
}

/// The salt of another round. Never 0.
#[allow(clippy::cast_possible_truncation)] // half of it does
pub(super) fn salt() -> u64 {
    random::secret() as u64 | 1
}

fn check(fields: &[u8], content: &[u8]) -> u64 {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(fields);
    hash.update(content);
    hash.digest()
}
