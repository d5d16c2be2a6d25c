//! The tokens of opt-out links: which message of ours a link was in, and which address it speaks for.
//!
//! A token is made of both, sealed, and nothing of it is kept: so it works for every mail that was ever sent,
//! also when the message, the row or the person is long forgotten, and the store does not grow by it. What is
//! sealed is the digest of the message's key and the keyed hash of the address; whoever has no key of ours
//! reads neither, cannot make one, and cannot tell two links of one address apart from those of two.
//!
//! The key is derived from the secret that the store made once and that backups carry.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::suppression::{address_hash, salt};
use super::{Store, StoreError};
use crate::core::message::MessageKey;

/// Bytes of the mark, of the message's digest, and of the address's hash.
const MARK: usize = 16;
const DIGEST: usize = 16;
const HASH: usize = 32;

/// What a link says.
#[derive(Clone, PartialEq, Eq)]
pub struct OptOutLink {
    /// Digest of the message's key, see [`MessageKey::digest`].
    pub digest: String,
    /// Keyed hash of the address, see [`address_hash`].
    pub hash: String,
}

/// The token for an address and the message that goes to it: 86 letters of base64url, always the same.
///
/// # Errors
/// The disk, where the key is kept.
pub fn token(store: &Store, key: &MessageKey, address: &str) -> Result<String, StoreError> {
    let mut payload = bytes_of(&key.digest());
    payload.extend(bytes_of(&address_hash(store, address)?));
    let keys = Keys::of(store)?;
    let mark = keys.mark(&payload);
    keys.veil(&mark, &mut payload);
    Ok(URL_SAFE_NO_PAD.encode([&mark[..], &payload].concat()))
}

/// What a token says; none if we did not make it. How long that takes says nothing about how wrong it is.
///
/// # Errors
/// The disk, where the key is kept.
pub fn open(store: &Store, token: &str) -> Result<Option<OptOutLink>, StoreError> {
    let keys = Keys::of(store)?;
    // Mail programs put a full stop or a bracket at the end of a link.
    let token = token.trim_end_matches(['.', ',', ')', '>', ';', '=']);
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else {
        return Ok(None);
    };
    let Some((mark, sealed)) = bytes.split_first_chunk::<MARK>() else {
        return Ok(None);
    };
    if sealed.len() != DIGEST + HASH {
        return Ok(None);
    }
    let mut payload = sealed.to_vec();
    keys.veil(mark, &mut payload);
    // Hashes of blake3 compare in constant time, slices do not.
    let ours = blake3::keyed_hash(&keys.compare, &keys.mark(&payload));
    if ours != blake3::keyed_hash(&keys.compare, mark) {
        return Ok(None);
    }
    let (digest, hash) = payload.split_at(DIGEST);
    Ok(Some(OptOutLink {
        digest: hex(digest),
        hash: hex(hash),
    }))
}

/// One key to mark with, one to veil with, one to compare with.
struct Keys {
    mark: [u8; 32],
    veil: [u8; 32],
    compare: [u8; 32],
}

impl Keys {
    fn of(store: &Store) -> Result<Self, StoreError> {
        let salt = salt(store)?;
        let derive = |what: &str| blake3::derive_key(what, salt.as_bytes());
        Ok(Self {
            mark: derive("sheetbridge opt-out link mark v1"),
            veil: derive("sheetbridge opt-out link veil v1"),
            compare: derive("sheetbridge opt-out link compare v1"),
        })
    }

    fn mark(&self, payload: &[u8]) -> [u8; MARK] {
        let whole = blake3::keyed_hash(&self.mark, payload);
        let mut mark = [0; MARK];
        mark.copy_from_slice(&whole.as_bytes()[..MARK]);
        mark
    }

    /// Covers or uncovers what is sealed; the mark, which depends on all of it, says with what.
    fn veil(&self, mark: &[u8; MARK], payload: &mut [u8]) {
        let mut stream = vec![0; payload.len()];
        blake3::Hasher::new_keyed(&self.veil)
            .update(mark)
            .finalize_xof()
            .fill(&mut stream);
        for (byte, cover) in payload.iter_mut().zip(stream) {
            *byte ^= cover;
        }
    }
}

/// Hexadecimal digits that we wrote as bytes.
fn bytes_of(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default();
    hex.as_bytes()
        .chunks(2)
        .filter_map(|pair| {
            let value = pair.iter().fold(0, |value, byte| value * 16 + digit(*byte));
            u8::try_from(value).ok()
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> MessageKey {
        MessageKey::from_text(text)
    }

    #[test]
    fn a_token_says_what_was_put_into_it_and_nothing_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let made = token(&store, &key("c/1"), "An.Nguyen@gmail.example").unwrap();
        assert_eq!(made.len(), 86);
        assert_eq!(
            made,
            token(&store, &key("c/1"), "an.nguyen@GMAIL.example ").unwrap()
        );
        let link = open(&store, &made).unwrap().unwrap();
        assert_eq!(link.digest, key("c/1").digest());
        assert_eq!(
            link.hash,
            address_hash(&store, "an.nguyen@gmail.example").unwrap()
        );
        // Neither what it is made of nor what two have in common shows.
        let other = token(&store, &key("c/2"), "an.nguyen@gmail.example").unwrap();
        let same = made
            .bytes()
            .zip(other.bytes())
            .filter(|(a, b)| a == b)
            .count();
        assert!(same < 20, "{made} {other}");
        for end in [".", ")", ">", "=="] {
            assert!(open(&store, &format!("{made}{end}")).unwrap().is_some());
        }
    }

    #[test]
    fn a_changed_token_and_one_of_another_store_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let made = token(&store, &key("c/1"), "an@gmail.example").unwrap();
        for at in 0..made.len() {
            let mut wrong = made.clone().into_bytes();
            wrong[at] = if wrong[at] == b'A' { b'B' } else { b'A' };
            let wrong = String::from_utf8(wrong).unwrap();
            // The last letter has four bits to spare, which base64 wants to be zero.
            assert!(open(&store, &wrong).unwrap().is_none(), "{at}");
        }
        for wrong in [
            "",
            "x",
            "%",
            &made[..80],
            &format!("{made}AAAA"),
            "../../etc",
        ] {
            assert!(open(&store, wrong).unwrap().is_none(), "{wrong}");
        }
        let elsewhere = tempfile::tempdir().unwrap();
        let other = Store::open(elsewhere.path()).unwrap();
        assert!(open(&other, &made).unwrap().is_none());
        drop(store);
        let again = Store::open(folder.path()).unwrap();
        assert!(open(&again, &made).unwrap().is_some());
    }
}
