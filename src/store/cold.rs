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
use super::{Group, Operation, Store, StoreError, packed, plan};
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
                    false => packed::plain(&MessageKey::from_text(text)).into(),
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

    /// The stored value of a message that is not packed away, as a page has it.
    pub(super) fn moving(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.db.get(key)?;
        let plain = value.map(|value| packed::unpacked(&value));
        plain.transpose().map_err(|why| broken(key, &why))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::decide::notice;
    use crate::core::delivery::{By, State};
    use crate::core::message::Message;
    use crate::core::people::Directory;
    use crate::store::journal::{Entry, What};
    use crate::store::ledger;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn message(number: i64) -> Message {
        let nobody = Directory::default();
        let occasion = format!("h-{number}");
        let said = serde_json::json!({ "held": { "id": occasion } });
        notice::to_managers(&nobody, "held", "held-batch", &occasion, &said, at(number)).remove(0)
    }

    fn queue(store: &Store, message: &Message) -> bool {
        let mut group = Group::default();
        let new = ledger::queue(store, &mut group, message).unwrap();
        store.commit(vec![group]).unwrap();
        new
    }

    fn end(store: &Store, number: i64, to: State) -> Message {
        let mut message = message(number);
        assert!(queue(store, &message));
        let mut group = Group::default();
        ledger::shift(&mut group, &mut message, to, By::Policy, "over", None).unwrap();
        store.commit(vec![group]).unwrap();
        message
    }

    fn all(store: &Store) -> Vec<String> {
        let found: Result<Vec<(Key, Message)>, _> = store.scan(prefix::MESSAGE).collect();
        let mut keys: Vec<String> = found
            .unwrap()
            .into_iter()
            .map(|(_, m)| m.key.to_string())
            .collect();
        keys.sort();
        keys
    }

    #[test]
    fn what_is_packed_away_is_found_as_before() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let ended: Vec<Message> = (0..150).map(|n| end(&store, n, State::Cancelled)).collect();
        let waiting = message(200);
        queue(&store, &waiting);
        let before = all(&store);
        assert_eq!(ledger::pack(&store, at(140)).unwrap(), 140);
        assert_eq!(store.scan_moving::<Message>(prefix::MESSAGE).count(), 11);
        assert_eq!(all(&store), before);
        assert_eq!(store.keys(prefix::MESSAGE).count(), 151);
        for message in &ended {
            let found: Option<Message> = store.get(&keys::message(&message.key)).unwrap();
            assert_eq!(found.as_ref(), Some(message));
            assert!(store.contains(&keys::message(&message.key)).unwrap());
            let digest = keys::under(prefix::DIGEST, message.key.digest());
            let key: Option<MessageKey> = store.get(&digest).unwrap();
            assert_eq!(key.as_ref(), Some(&message.key));
            assert!(!queue(&store, message), "a key is used for ever");
        }
        assert_eq!(ledger::pack(&store, at(140)).unwrap(), 0);
    }

    #[test]
    fn one_that_is_taken_up_again_is_there_once_and_may_be_packed_again() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let mut again = end(&store, 1, State::Cancelled);
        let other = end(&store, 2, State::Cancelled);
        assert_eq!(ledger::pack(&store, at(100)).unwrap(), 2);
        let step = |message: &mut Message, to, by| {
            let mut group = Group::default();
            ledger::shift(&mut group, message, to, by, "by hand", None).unwrap();
            store.commit(vec![group]).unwrap();
        };
        step(&mut again, State::Queued, By::Hand);
        assert_eq!(all(&store).len(), 2);
        let found: Message = store.get(&keys::message(&again.key)).unwrap().unwrap();
        assert_eq!(found.state, State::Queued);
        step(&mut again, State::Expired, By::Policy);
        assert_eq!(ledger::pack(&store, at(100)).unwrap(), 1);
        assert_eq!(all(&store).len(), 2);
        for (key, state) in [(&again.key, State::Expired), (&other.key, State::Cancelled)] {
            let found: Message = store.get(&keys::message(key)).unwrap().unwrap();
            assert_eq!(found.state, state);
        }
    }

    #[test]
    fn what_is_forgotten_is_gone_but_for_its_key() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let ended: Vec<Message> = (0..340).map(|n| end(&store, n, State::Cancelled)).collect();
        ledger::pack(&store, at(1_000)).unwrap();
        // Whole pages go: the last one ended later.
        assert_eq!(ledger::forget_before(&store, at(330)).unwrap(), 320);
        assert_eq!(all(&store).len(), 20);
        for message in &ended {
            assert!(!queue(&store, message), "{}", message.key);
        }
        assert_eq!(all(&store).len(), 20);
        assert_eq!(
            store.get::<Message>(&keys::message(&ended[0].key)).unwrap(),
            None
        );
    }

    fn line(second: i64, record: Option<&str>) -> Entry {
        Entry {
            at: at(second),
            record: record.map(crate::core::record::RecordId::new),
            what: What::Changed,
            text: format!("changed: note {second}"),
            stages: None,
            moved: None,
        }
    }

    #[test]
    fn the_journal_keeps_its_order_and_its_numbers_through_packing_and_forgetting() {
        let dir = tempfile::tempdir().unwrap();
        let texts = |store: &Store| -> Vec<String> {
            let found: Result<Vec<(Key, Entry)>, _> = store.scan(prefix::JOURNAL).collect();
            found
                .unwrap()
                .into_iter()
                .map(|(_, line)| line.text)
                .collect()
        };
        let newest = |store: &Store| -> Vec<String> {
            let found = store.newest::<Entry>(prefix::JOURNAL, 900);
            found.map(|line| line.unwrap().1.text).collect()
        };
        {
            let store = Store::open(dir.path()).unwrap();
            for n in 0..1_000 {
                let mut group = Group::default();
                store.note(&mut group, &line(n, (n % 10 == 0).then_some("r-gone")));
                store.commit(vec![group]).unwrap();
            }
            let before = texts(&store);
            assert_eq!(store.pack_journal_before(at(2_000)).unwrap(), 960);
            assert_eq!(texts(&store), before);
            let last: Vec<String> = before.iter().rev().take(900).cloned().collect();
            assert_eq!(newest(&store), last);
            let gone = [crate::core::record::RecordId::new("r-gone")].into();
            store
                .commit(store.forget_lines_about(&gone).unwrap())
                .unwrap();
            assert_eq!(texts(&store).len(), 900);
            assert_eq!(store.forget_journal_before(at(490)).unwrap(), 432);
            assert_eq!(texts(&store).len(), 468);
            let mut all_of_it = Group::default();
            store
                .db
                .scan_prefix(prefix::JOURNAL)
                .for_each(|line| all_of_it.remove(line.unwrap().0.to_vec()));
            store.commit(vec![all_of_it]).unwrap();
        }
        // Numbers go on also where only pages are left.
        let store = Store::open(dir.path()).unwrap();
        let mut group = Group::default();
        store.note(&mut group, &line(5_000, None));
        store.commit(vec![group]).unwrap();
        assert_eq!(newest(&store)[0], "changed: note 5000");
    }
}
