//! What is over is packed away: messages that have ended and old lines of the journal stand many to a page,
//! compressed, at about a sixth of the room. [`Store::get`], [`Store::scan`] and the like find them as before.
//!
//! ```text
//! cold/j/LAST                      a page of the journal, by its last number
//! cold/m/NEWEST/FIRST              a page of messages, by the time when the newest of them ended
//! place/DIGEST → the page's key    where a message stands; or one byte, when only its key is known any more
//! ```
//! A page is never changed, but rewritten without what has to go. What is written again under its own key hides
//! the one in a page.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use jiff::Timestamp;
use sled::IVec;

use super::keys::{self, Key, prefix};
use super::{Group, Operation, Store, StoreError, plan};
use crate::core::message::MessageKey;

/// The coding of a page.
const PAGE_FORMAT: u8 = 1;

/// Instead of a page's key: the story is forgotten, the key is used for ever.
const FORGOTTEN: &[u8] = &[0];

/// One entry as it stands in the store.
pub(super) type Pair = (Key, IVec);

type Pairs = Box<dyn Iterator<Item = Result<Pair, StoreError>> + Send>;

/// Pages of the journal.
fn journal_pages() -> Key {
    keys::under(prefix::COLD, b"j/")
}

/// Pages of messages.
fn message_pages() -> Key {
    keys::under(prefix::COLD, b"m/")
}

/// Where it is kept in which page a message stands.
fn place(digest: &[u8]) -> Key {
    keys::under(prefix::PLACE, digest)
}

/// The 16 bytes that [`MessageKey::digest`] shows as 32 digits.
fn digest_of(message: &[u8]) -> [u8; 16] {
    let mut digest = [0; 16];
    digest.copy_from_slice(&blake3::hash(message).as_bytes()[..16]);
    digest
}

impl Store {
    /// Everything under a prefix, in the order of the keys; cold messages behind the others.
    pub(super) fn pairs(&self, under: &[u8]) -> Pairs {
        let moving = self.db.scan_prefix(under).map(owned);
        if under.starts_with(prefix::MESSAGE) {
            Box::new(moving.chain(self.cold_messages(under.to_vec())))
        } else if under == prefix::JOURNAL {
            let pages = self.db.scan_prefix(journal_pages());
            Box::new(pages.flat_map(unpacked).chain(moving))
        } else {
            Box::new(moving)
        }
    }

    /// The same from the end; for messages it has no cold ones.
    pub(super) fn pairs_backwards(&self, under: &[u8]) -> Pairs {
        let moving = self.db.scan_prefix(under).rev().map(owned);
        if under == prefix::JOURNAL {
            let pages = self.db.scan_prefix(journal_pages()).rev();
            let backwards = |page| {
                let mut entries = unpacked(page);
                entries.reverse();
                entries
            };
            Box::new(moving.chain(pages.flat_map(backwards)))
        } else {
            Box::new(moving)
        }
    }

    fn cold_messages(&self, under: Key) -> impl Iterator<Item = Result<Pair, StoreError>> + use<> {
        let db = self.db.clone();
        let pages = db.scan_prefix(message_pages());
        pages
            .flat_map(unpacked)
            .filter_map(move |entry| match entry {
                Ok((key, _)) if !key.starts_with(&under) => None,
                // One that was taken up again by hand stands under its own key.
                Ok((key, value)) => match db.contains_key(&key) {
                    Ok(true) => None,
                    Ok(false) => Some(Ok((key, value))),
                    Err(error) => Some(Err(error.into())),
                },
                Err(error) => Some(Err(error)),
            })
    }

    /// The value of a message that was packed away, or the key of one by its digest.
    pub(super) fn cold(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        let (digest, whole) = if let Some(message) = key.strip_prefix(prefix::MESSAGE) {
            (digest_of(message), true)
        } else if let Some(digits) = key.strip_prefix(prefix::DIGEST) {
            match from_hex(digits) {
                Some(digest) => (digest, false),
                None => return Ok(None),
            }
        } else {
            return Ok(None);
        };
        let Some(page) = self.db.get(place(&digest))? else {
            return Ok(None);
        };
        if &*page == FORGOTTEN {
            return Ok(None);
        }
        let page_key = keys::under(prefix::COLD, &page);
        let Some(bytes) = self.db.get(&page_key)? else {
            return Err(broken(&page_key, "it is not there, and a message is in it"));
        };
        for (key, value) in unpack(&page_key, &bytes)? {
            let Some(message) = key.strip_prefix(prefix::MESSAGE) else {
                continue;
            };
            if digest_of(message) == digest {
                let text = String::from_utf8_lossy(message);
                let value = match whole {
                    true => value,
                    false => super::encode(&MessageKey::from_text(text)).into(),
                };
                return Ok(Some(value));
            }
        }
        Err(broken(&page_key, "a message that should be in it is not"))
    }

    /// Whether a message stands in a page.
    pub(super) fn is_cold(&self, key: &[u8]) -> Result<bool, StoreError> {
        let digest = match key.strip_prefix(prefix::MESSAGE) {
            Some(message) => digest_of(message),
            None => return Ok(false),
        };
        let page = self.db.get(place(&digest))?;
        Ok(page.is_some_and(|page| &*page != FORGOTTEN))
    }

    /// Whether there ever was a message of this key.
    pub(super) fn is_used(&self, key: &MessageKey) -> Result<bool, StoreError> {
        let digest = digest_of(key.as_str().as_bytes());
        Ok(self.db.contains_key(keys::message(key))?
            || self.db.contains_key(place(&digest))?
            || self
                .db
                .contains_key(keys::under(prefix::USED, key.as_str()))?)
    }

    /// The stored value of a message that is not packed away.
    pub(super) fn moving(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get(key)?.map(|value| value.to_vec()))
    }

    /// Puts messages that have ended into one page, by the time when the newest of them ended.
    pub(super) fn pack_messages(
        &self,
        newest: Timestamp,
        messages: Vec<(MessageKey, Vec<u8>)>,
    ) -> Result<(), StoreError> {
        let Some((first, _)) = messages.first() else {
            return Ok(());
        };
        let mut at = keys::timed(
            &message_pages(),
            newest,
            digest_of(first.as_str().as_bytes()),
        );
        // Two pages of one name would be one.
        while self.db.contains_key(&at)? {
            at.push(b'+');
        }
        let mut group = Group::default();
        let mut pairs = Vec::new();
        for (key, value) in messages {
            let own = keys::message(&key);
            let digest = digest_of(key.as_str().as_bytes());
            // Taken up by hand and ended again: the older page must not tell of it any more.
            if let Some(before) = self.db.get(place(&digest))?
                && &*before != FORGOTTEN
            {
                self.rewrite(&keys::under(prefix::COLD, &before), &mut group, |key| {
                    *key == own
                })?;
            }
            group.put_bytes(place(&digest), at[prefix::COLD.len()..].to_vec());
            group.remove(keys::under(prefix::DIGEST, key.digest()));
            group.remove(own.clone());
            pairs.push((own, Some(value)));
        }
        group.put_bytes(at, pack(&pairs));
        self.commit(vec![group])
    }

    /// Forgets messages whose page's newest ended before a time; that their keys are used stays known.
    pub(super) fn forget_cold_messages(&self, time: Timestamp) -> Result<usize, StoreError> {
        let mut forgotten = 0;
        for page in self.db.scan_prefix(message_pages()) {
            let (at, bytes) = page?;
            if keys::time_of(&message_pages(), &at).is_none_or(|newest| newest >= time) {
                break;
            }
            let mut group = Group::default();
            for (key, _) in unpack(&at, &bytes)? {
                let message = key.strip_prefix(prefix::MESSAGE).unwrap_or(&key);
                group.put_bytes(place(&digest_of(message)), FORGOTTEN.to_vec());
                forgotten += 1;
            }
            group.remove(at.to_vec());
            self.commit(vec![group])?;
        }
        Ok(forgotten)
    }

    /// Marks in a group that a message's key was used.
    pub(super) fn mark_used(group: &mut Group, key: &MessageKey) {
        let digest = digest_of(key.as_str().as_bytes());
        group.put_bytes(place(&digest), FORGOTTEN.to_vec());
    }

    /// Puts the oldest lines of the journal, in their order, into one page.
    pub(super) fn pack_journal(&self, lines: Vec<Pair>) -> Result<(), StoreError> {
        let Some((last, _)) = lines.last() else {
            return Ok(());
        };
        let mut at = journal_pages();
        at.extend_from_slice(&last[prefix::JOURNAL.len()..]);
        let mut group = Group::default();
        let mut pairs = Vec::new();
        for (key, value) in lines {
            group.remove(key.clone());
            pairs.push((key, Some(value.to_vec())));
        }
        group.put_bytes(at, pack(&pairs));
        self.commit(vec![group])
    }

    /// The pages of the journal, from the oldest.
    pub(super) fn pages_of_journal(
        &self,
    ) -> impl Iterator<Item = Result<(Key, Vec<Pair>), StoreError>> + use<> {
        self.db.scan_prefix(journal_pages()).map(|page| {
            let (at, bytes) = page?;
            let lines = unpack(&at, &bytes)?;
            Ok((at.to_vec(), lines))
        })
    }

    /// Writes a page again without some of its entries.
    pub(super) fn rewrite(
        &self,
        page: &[u8],
        group: &mut Group,
        goes: impl Fn(&Key) -> bool,
    ) -> Result<(), StoreError> {
        let Some(bytes) = self.db.get(page)? else {
            return Ok(());
        };
        let left: Vec<Operation> = unpack(page, &bytes)?
            .into_iter()
            .filter(|(key, _)| !goes(key))
            .map(|(key, value)| (key, Some(value.to_vec())))
            .collect();
        match left.is_empty() {
            true => group.remove(page.to_vec()),
            false => group.put_bytes(page.to_vec(), pack(&left)),
        }
        Ok(())
    }
}

fn owned(entry: sled::Result<(IVec, IVec)>) -> Result<Pair, StoreError> {
    let (key, value) = entry?;
    Ok((key.to_vec(), value))
}

fn unpacked(page: sled::Result<(IVec, IVec)>) -> Vec<Result<Pair, StoreError>> {
    let read = page
        .map_err(StoreError::from)
        .and_then(|(key, bytes)| unpack(&key, &bytes));
    match read {
        Ok(entries) => entries.into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error)],
    }
}

fn pack(pairs: &[Operation]) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(vec![PAGE_FORMAT], Compression::default());
    packed
        .write_all(&plan::encode_piece(pairs))
        .and_then(|()| packed.finish())
        .expect("a Vec takes every byte")
}

fn unpack(key: &[u8], bytes: &[u8]) -> Result<Vec<Pair>, StoreError> {
    let packed = match bytes.split_first() {
        Some((&PAGE_FORMAT, packed)) => packed,
        _ => return Err(broken(key, "a page of another format")),
    };
    let mut piece = Vec::new();
    ZlibDecoder::new(packed)
        .read_to_end(&mut piece)
        .map_err(|error| broken(key, &error.to_string()))?;
    let entries = plan::decode_piece(key, &piece)?.into_iter();
    Ok(entries
        .filter_map(|(key, value)| Some((key, IVec::from(value?))))
        .collect())
}

fn broken(key: &[u8], why: &str) -> StoreError {
    StoreError::Value {
        key: String::from_utf8_lossy(key).into_owned(),
        why: why.to_owned(),
    }
}

fn from_hex(digits: &[u8]) -> Option<[u8; 16]> {
    let mut digest = [0; 16];
    if digits.len() != 32 {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}
