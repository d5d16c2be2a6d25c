//! A backup is whole or known not to be; a restore gives back what was there and forgets nothing by itself.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::store::Group;
use crate::store::keys::prefix;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-22T03:00:00Z")
}

fn filled(dir: &Path, entries: u32) -> Store {
    let store = Store::open(dir).unwrap();
    for n in 0..entries {
        let mut group = Group::default();
        group.put(format!("record/{n:05}").into_bytes(), &format!("khách {n}"));
        store.commit(vec![group]).unwrap();
    }
    store
}

fn entries(dir: &Path) -> Vec<(Key, String)> {
    let store = Store::open(dir).unwrap();
    let found: Result<Vec<_>, _> = store.scan::<String>(prefix::RECORD).collect();
    found.unwrap()
}

fn nothing(_: &Store, _: Timestamp) -> Result<(), StoreError> {
    Ok(())
}

#[test]
fn what_was_backed_up_is_there_again_after_everything_was_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (state, file) = (dir.path().join("state"), dir.path().join("a.backup"));
    let store = filled(&state, 40);
    let made = write(&store, &file, ("0.1.0", now()), false).unwrap();
    assert_eq!(check(&file).unwrap(), made);
    assert_eq!((made.at, made.entries), (now(), 41));
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(store);
    let before = entries(&state);
    std::fs::remove_dir_all(&state).unwrap();
    let restored = restore(&file, &state, (false, now()), nothing).unwrap();
    assert_eq!(restored.aside, None);
    assert_eq!(entries(&state), before);
    assert!(!state.join("restoring").exists());
    assert_eq!(
        std::fs::metadata(&state).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

#[test]
fn a_file_that_is_there_is_overwritten_only_on_demand() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.backup");
    let store = filled(&dir.path().join("state"), 1);
    std::fs::write(&file, "mine").unwrap();
    let error = write(&store, &file, ("0.1.0", now()), false).unwrap_err();
    assert!(
        error.to_string().contains("overwrite it with --force"),
        "{error}"
    );
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
    write(&store, &file, ("0.1.0", now()), true).unwrap();
    check(&file).unwrap();
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "no parts are left: {left:?}");
}

#[test]
fn a_file_that_is_cut_off_or_altered_is_known_and_nothing_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    let (file, bad) = (dir.path().join("a.backup"), dir.path().join("b.backup"));
    let store = filled(&dir.path().join("state"), 30);
    write(&store, &file, ("0.1.0", now()), false).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let target = dir.path().join("other");
    let mut cases: Vec<Vec<u8>> = (0..bytes.len())
        .step_by(7)
        .map(|n| bytes[..n].to_vec())
        .collect();
    for place in (0..bytes.len()).step_by(5) {
        let mut altered = bytes.clone();
        altered[place] ^= 1 << (place % 8);
        cases.push(altered);
    }
    let mut longer = bytes.clone();
    longer.push(0);
    cases.push(longer);
    for case in cases {
        std::fs::write(&bad, &case).unwrap();
        let error = restore(&bad, &target, (true, now()), nothing).unwrap_err();
        assert!(
            matches!(
                error,
                BackupError::Damaged { .. }
                    | BackupError::NotOne { .. }
                    | BackupError::Format { .. }
            ),
            "{error}"
        );
    }
    assert!(!target.exists());
    std::fs::write(&bad, &bytes[..bytes.len() - 20]).unwrap();
    let error = check(&bad).unwrap_err().to_string();
    assert!(
        error.contains("is damaged: piece 2 is cut off; nothing was touched"),
        "{error}"
    );
    std::fs::write(&bad, "Họ tên,SĐT\nAn,0901234567\n").unwrap();
    let error = check(&bad).unwrap_err().to_string();
    assert!(error.contains("is no backup of sheetbridge"), "{error}");
}

#[test]
fn a_state_that_is_there_is_moved_aside_and_never_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let (state, file) = (dir.path().join("state"), dir.path().join("a.backup"));
    let store = filled(&state, 3);
    write(&store, &file, ("0.1.0", now()), false).unwrap();
    let error = restore(&file, &state, (true, now()), nothing)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("another sheetbridge is using the state folder"),
        "{error}"
    );
    let mut newer = Group::default();
    newer.put(b"record/newer".to_vec(), &"khách mới");
    store.commit(vec![newer]).unwrap();
    drop(store);
    let error = restore(&file, &state, (false, now()), nothing)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("is not empty") && error.contains("--force"),
        "{error}"
    );
    assert_eq!(entries(&state).len(), 4);
    let restored = restore(&file, &state, (true, now()), nothing).unwrap();
    assert_eq!(entries(&state).len(), 3);
    assert_eq!(entries(&restored.aside.unwrap()).len(), 4);
}

#[test]
fn a_restore_that_was_cut_off_is_not_taken_for_a_new_store() {
    let dir = tempfile::tempdir().unwrap();
    let (state, file) = (dir.path().join("state"), dir.path().join("a.backup"));
    let store = filled(&state, 3);
    write(&store, &file, ("0.1.0", now()), false).unwrap();
    drop(store);
    // Moved aside, and here the power went.
    std::fs::rename(state.join("store"), dir.path().join("elsewhere")).unwrap();
    let error = Store::open(&state).unwrap_err();
    assert!(
        error.to_string().contains("starting empty would forget"),
        "{error}"
    );
    let help = error.way_back().unwrap();
    assert!(help.contains("sheetbridge restore --force"), "{help}");
    restore(&file, &state, (true, now()), nothing).unwrap();
    assert_eq!(entries(&state).len(), 3);
}

#[test]
fn it_is_one_moment_however_much_is_written_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let (state, file) = (dir.path().join("state"), dir.path().join("a.backup"));
    let store = filled(&state, 200);
    let go_on = std::sync::atomic::AtomicBool::new(true);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let mut n = 0_u32;
            while go_on.load(std::sync::atomic::Ordering::Relaxed) {
                n += 1;
                let mut both = Group::default();
                // At both ends of what is read.
                both.put(b"binding/count".to_vec(), &n);
                both.put(b"timer/count".to_vec(), &n);
                both.remove(format!("record/{:05}", n % 200).into_bytes());
                both.put(
                    format!("record/{:05}", (n + 100) % 200).into_bytes(),
                    &format!("{n}"),
                );
                store.commit(vec![both]).unwrap();
            }
        });
        for round in 0..12 {
            write(&store, &file, ("0.1.0", now()), true).unwrap();
            let copy = dir.path().join(format!("copy{round}"));
            restore(&file, &copy, (false, now()), nothing).unwrap();
            let copy = Store::open(&copy).unwrap();
            let ends = [b"binding/count".as_slice(), b"timer/count"];
            let [first, last] = ends.map(|key| copy.get::<u32>(key).unwrap());
            assert_eq!(first, last);
        }
        go_on.store(false, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn automatic_ones_are_named_by_their_time_and_the_oldest_go() {
    let dir = tempfile::tempdir().unwrap();
    let days = [
        "2026-11-20T19:00:00Z",
        "2026-11-21T19:00:00Z",
        "2026-11-22T19:00:00Z",
    ];
    for day in days.iter().rev() {
        std::fs::write(dir.path().join(name_at(at(day))), "x").unwrap();
    }
    std::fs::write(dir.path().join("mine.backup"), "x").unwrap();
    let found: Vec<Timestamp> = list(dir.path())
        .unwrap()
        .into_iter()
        .map(|(at, _)| at)
        .collect();
    assert_eq!(found, days.map(at));
    assert_eq!(rotate(dir.path(), 2).unwrap(), 1);
    assert_eq!(list(dir.path()).unwrap().len(), 2);
    assert!(dir.path().join("mine.backup").exists());
    assert!(list(&dir.path().join("none")).unwrap().is_empty());
}
