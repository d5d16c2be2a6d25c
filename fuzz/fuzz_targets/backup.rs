//! Any file in place of a backup: as it is, and as pieces whose checks are right, which is what somebody could make.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sheetbridge::store::{Store, backup};
use sheetbridge_fuzz::{file, folder, now};

const MAGIC: &[u8] = b"sheetbridge backup 1\n";

/// Splits the bytes into pieces, each behind its kind and its length (two bytes), and gives them right checks.
fn framed(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    let mut before = [0_u8; 32];
    while let [kind, low, high, rest @ ..] = bytes {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (piece, more) = rest.split_at(length);
        let mut check = blake3::Hasher::new();
        check.update(&before).update(&[*kind]).update(piece);
        before = *check.finalize().as_bytes();
        out.push(*kind);
        out.extend_from_slice(&u32::try_from(length).expect("two bytes").to_le_bytes());
        out.extend_from_slice(piece);
        out.extend_from_slice(&before);
        bytes = more;
    }
    out
}

fuzz_target!(|bytes: &[u8]| {
    for (name, content) in [
        ("raw.backup", bytes.to_vec()),
        ("framed.backup", framed(bytes)),
    ] {
        let path = file(name, &content);
        if backup::check(&path).is_err() {
            continue;
        }
        // What passes is unpacked: it is a store then, or refused, and never half a one.
        let dir = folder().join("state");
        let _ = std::fs::remove_dir_all(&dir);
        let restored = backup::restore(&path, &dir, (false, now()), |_, _| Ok(()));
        let opened = Store::open(&dir);
        match (restored, opened) {
            (Ok(_), opened) => drop(opened.expect("what was restored opens")),
            (Err(_), Ok(store)) => assert_eq!(store.keys(b"record/").count(), 0),
            (Err(_), Err(_)) => {}
        }
    }
});
