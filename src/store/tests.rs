//! What the store promises: whole commits, refused strangers, errors that are no absences.

use super::*;

fn group(entries: &[(&str, u32)]) -> Group {
    let mut group = Group::default();
    for (key, value) in entries {
        group.put(key.as_bytes().to_vec(), value);
    }
    group
}

#[test]
fn what_is_committed_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = Store::open(dir.path()).unwrap();
        store
            .commit(vec![group(&[("record/a", 1), ("record/b", 2)])])
            .unwrap();
    }
    let store = Store::open(dir.path()).unwrap();
    let all: Vec<(Key, u32)> = store
        .scan(prefix::RECORD)
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(
        all,
        vec![(b"record/a".to_vec(), 1), (b"record/b".to_vec(), 2)]
    );
}

#[test]
fn a_second_opening_is_refused_with_the_folder_named() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Store::open(dir.path()).unwrap();
    let error = Store::open(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("another sheetbridge is using the state folder"),
        "{error}"
    );
    assert!(error.contains(&dir.path().display().to_string()), "{error}");
}

#[test]
fn another_format_is_refused_with_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = Store::open(dir.path()).unwrap();
        let mut newer = Group::default();
        newer.put(keys::under(prefix::META, "format"), &(FORMAT + 6));
        store.commit(vec![newer]).unwrap();
    }
    let error = Store::open(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("has format 8, and this sheetbridge reads format 2"),
        "{error}"
    );
    assert!(error.contains("run the version that wrote it"), "{error}");
}

#[test]
fn the_folder_is_private() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    Store::open(dir.path()).unwrap();
    let mode = std::fs::metadata(dir.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn what_root_writes_into_anothers_folder_stays_that_users() {
    use std::os::unix::fs::MetadataExt as _;
    if !rustix::process::geteuid().is_root() {
        return; // only root can give files away, and only root could take them
    }
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::lchown(dir.path(), Some(65_534), Some(65_534)).unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.commit(vec![group(&[("record/a", 1)])]).unwrap();
    for file in ["store", "store/db", "store/conf"] {
        assert_eq!(
            std::fs::metadata(dir.path().join(file)).unwrap().uid(),
            65_534,
            "{file}"
        );
    }
}

#[test]
fn large_commits_at_the_same_time_take_nothing_from_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    std::thread::scope(|threads| {
        for writer in 0..3 {
            let store = &store;
            threads.spawn(move || {
                for round in 0..3 {
                    let many = (0..1_100)
                        .map(|n| group(&[(&format!("record/{writer}/{round}/{n}"), n)]))
                        .collect();
                    store.commit(many).unwrap();
                }
            });
        }
    });
    assert_eq!(store.scan::<u32>(prefix::RECORD).count(), 3 * 3 * 1_100);
    assert_eq!(store.keys(prefix::PLAN).count(), 0);
}

#[test]
fn a_store_that_was_there_is_not_taken_for_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path()).unwrap());
    std::fs::remove_dir_all(dir.path().join("store")).unwrap();
    let error = Store::open(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("starting empty would forget what was sent"),
        "{error}"
    );
}

#[test]
fn an_unreadable_value_is_an_error_and_not_an_absence() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store
        .apply(vec![(b"record/a".to_vec(), Some(vec![9, 9]))])
        .unwrap();
    let error = store.get::<u32>(b"record/a").unwrap_err().to_string();
    assert!(
        error.contains("record/a") && error.contains("format 9"),
        "{error}"
    );
}

#[test]
fn due_entries_come_in_order_and_stop_at_now() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let at = |s: i64| jiff::Timestamp::from_second(s).unwrap();
    let mut group = Group::default();
    for s in [30, 10, 20] {
        group.put(keys::timed(prefix::TIMER, at(s), "x"), &s);
    }
    store.commit(vec![group]).unwrap();
    let due: Vec<i64> = store
        .due(prefix::TIMER, at(20), 9)
        .unwrap()
        .into_iter()
        .map(|(_, s)| s)
        .collect();
    assert_eq!(due, vec![10, 20]);
    assert_eq!(store.next_due(prefix::TIMER).unwrap(), Some(at(10)));
}

#[test]
fn a_snapshot_that_was_being_written_is_no_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.commit(vec![group(&[("record/a", 1)])]).unwrap();
    drop(store);
    // Later than any other, and cut off.
    let half = dir.path().join("store/snap.00000000FFFFFFFF.generating");
    std::fs::write(&half, b"half").unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.get::<u32>(b"record/a").unwrap(), Some(1));
    assert!(!half.exists());
}

#[test]
fn what_was_never_begun_is_begun_anew_and_what_was_is_not() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("store")).unwrap();
    // The power went while sled wrote its configuration for the first time.
    std::fs::write(dir.path().join("store/conf"), [0; 59]).unwrap();
    std::fs::write(dir.path().join("store/db"), b"").unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.commit(vec![group(&[("record/a", 1)])]).unwrap();
    drop(store);
    std::fs::write(dir.path().join("store/db"), b"").unwrap();
    let error = open_again(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

/// Once the lock of the one before is gone: emptied files tell nothing of it.
fn open_again(dir: &std::path::Path) -> Result<Store, StoreError> {
    for _ in 0..100 {
        match Store::open(dir) {
            Err(StoreError::Locked { .. }) => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            other => return other,
        }
    }
    Store::open(dir)
}
