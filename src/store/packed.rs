//! How a value is written: as JSON, or packed with a dictionary where there are very many of a kind.
//!
//! A message of a campaign is 850 bytes of JSON of which a few are its own: names of members, times of one day, what
//! the whole campaign has in common. A hundred thousand of them are written at once, and each again for each step of
//! its life. LZ4 with a dictionary in which a message stands already leaves about a third, at the speed of copying.

use serde::Serialize;

/// The format of a value that is JSON.
pub(super) const PLAIN: u8 = 1;

/// The format of a value that is JSON, packed with [`MESSAGES`]: its length in four bytes, then an LZ4 block.
pub(super) const PACKED: u8 = 2;

/// What messages look like. It is part of the format: another one needs another number.
const MESSAGES: &[u8] = include_bytes!("packed/messages.dict");

/// A value longer than this is none of ours: the length before it is not to be trusted with all memory.
const LONGEST: usize = 64 << 20;

/// Writes a value as it is.
pub(super) fn plain(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    plain_to(&mut bytes, value);
    bytes
}

/// Appends a value as it is.
pub(super) fn plain_to(bytes: &mut Vec<u8>, value: &impl Serialize) {
    bytes.push(PLAIN);
    serde_json::to_writer(bytes, value)
        .expect("our own types serialise, and a Vec takes every byte");
}

/// Writes a value packed, unless it is so long that it would not be read.
pub(super) fn packed(value: &impl Serialize) -> Vec<u8> {
    let plain = plain(value);
    let json = &plain[1..];
    let length = match u32::try_from(json.len()) {
        Ok(length) if json.len() <= LONGEST => length,
        _ => return plain,
    };
    let packed = lz4_flex::block::compress_with_dict(json, MESSAGES);
    let mut bytes = Vec::with_capacity(5 + packed.len());
    bytes.push(PACKED);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&packed);
    bytes
}

/// The JSON of a packed value, which is what follows its format.
///
/// # Errors
/// What is wrong with it.
pub(super) fn unpack(packed: &[u8]) -> Result<Vec<u8>, String> {
    let (length, block) = packed
        .split_first_chunk::<4>()
        .ok_or("it is cut off in its length")?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(format!("it says to be {length} bytes long"));
    }
    lz4_flex::block::decompress_with_dict(block, length, MESSAGES)
        .map_err(|error| error.to_string())
}

/// A value as [`PLAIN`]: pages of messages are packed as a whole, and better so.
///
/// # Errors
/// What is wrong with it.
pub(super) fn unpacked(value: &[u8]) -> Result<Vec<u8>, String> {
    match value.split_first() {
        Some((&PACKED, packed)) => {
            let mut bytes = vec![PLAIN];
            bytes.extend(unpack(packed)?);
            Ok(bytes)
        }
        _ => Ok(value.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::decide::notice;
    use crate::core::message::{Address, Frozen, Message};
    use crate::core::people::Directory;

    fn sample() -> Message {
        let facts = serde_json::json!({"url": "https://docs.google.com/spreadsheets/d/1"});
        let at = "2026-11-23T02:00:00.002Z".parse().unwrap();
        let mut message =
            notice::to_managers(&Directory::default(), "held", "held-batch", "h", &facts, at)
                .remove(0);
        message.frozen = Some(Frozen {
            address: Address::Email("khach16015@example.com".to_owned()),
            display_name: "Nguyễn Văn An".to_owned(),
            template: "dc00cc43e593b40474b04befc4b72e8f2e19a800f2c7253e8e1e9bf7c61f4670".to_owned(),
            values: serde_json::json!({"merge": {"values": ["Anh An", "3-5 tỷ"]}, "question": 1}),
        });
        message
    }

    fn read(bytes: &[u8]) -> Result<Message, String> {
        super::super::decode(b"message/held", bytes).map_err(|error| error.to_string())
    }

    #[test]
    fn a_packed_message_is_the_same_and_takes_half_the_room() {
        let message = sample();
        let (packed, plain) = (super::packed(&message), plain(&message));
        assert!(
            packed.len() * 2 < plain.len(),
            "{} {}",
            packed.len(),
            plain.len()
        );
        assert_eq!(read(&packed), Ok(message.clone()));
        assert_eq!(read(&plain), Ok(message), "as stores of format 4 have it");
        assert_eq!(unpacked(&packed).as_ref(), Ok(&plain));
        assert_eq!(unpacked(&plain), Ok(plain));
    }

    #[test]
    fn damage_is_named_and_never_taken_for_a_message() {
        let packed = super::packed(&sample());
        let told = |bytes: &[u8]| read(bytes).unwrap_err();
        assert_eq!(
            told(&packed[..3]),
            "the store holds an unreadable value under message/held: it is cut off in its length"
        );
        let mut long = packed.clone();
        long[1..5].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(told(&long).ends_with("it says to be 4294967295 bytes long"));
        for cut in 5..packed.len() {
            told(&packed[..cut]);
        }
        assert!(told(&[9, 0]).ends_with("format 9, expected 1 or 2"));
    }

    #[test]
    fn the_dictionary_is_never_changed() {
        // What is stored cannot be read with another one.
        assert_eq!(
            blake3::hash(MESSAGES).to_hex().as_str(),
            "e6a57ea8886317fdd3a973cd15a2153d15fb2bed51e85b2d91ed3d74e90a76f6"
        );
    }
}
