//! What the store promises: whole commits, refused strangers, errors that are no absences.

use std::os::unix::fs::PermissionsExt as _;

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
        newer.put(keys::under(prefix::META, "format"), &(FORMAT + 5));
        store.commit(vec![newer]).unwrap();
    }
    let error = Store::open(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("has format 11, and this sheetbridge reads format 6"),
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
fn whoever_looks_meanwhile_sees_a_commit_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store
        .commit(vec![group(&[("record/a", 0), ("record/z", 0)])])
        .unwrap();
    let last = 3_000;
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for n in 1..=last {
                store
                    .commit(vec![group(&[("record/a", n), ("record/z", n)])])
                    .unwrap();
            }
        });
        let number = |key: &str| store.get::<u32>(key.as_bytes()).unwrap().unwrap();
        loop {
            let first = number("record/a");
            let second = number("record/z");
            assert!(
                second >= first,
                "{first} was there, and only {second} of its commit"
            );
            if second == last {
                break;
            }
        }
    });
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

/// All files of sled, in an order that is always the same.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

pub(super) fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copied(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).unwrap()),
        }
    }
}

#[test]
fn whatever_a_disk_does_to_the_files_is_noticed_when_the_store_opens() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let store = Store::open(&state).unwrap();
    for n in 0..400_u32 {
        let mut group = Group::default();
        group.put(
            format!("record/{:03}", n % 90).into_bytes(),
            &(n, "x".repeat(500)),
        );
        group.put(format!("message/{n}").into_bytes(), &n);
        store.commit(vec![group]).unwrap();
    }
    drop(store);
    let whole = |store: &Store| -> Vec<(Key, serde_json::Value)> {
        let both = [prefix::RECORD, prefix::MESSAGE].map(|prefix| store.scan(prefix));
        both.into_iter().flatten().map(Result::unwrap).collect()
    };
    let truth = whole(&Store::open(&state).unwrap());
    let unhurt = dir.path().join("unhurt");
    copied(&state, &unhurt);
    assert_eq!(whole(&Store::open(&unhurt).unwrap()), truth);
    let (mut refused, mut well) = (0, 0);
    let mut reasons = std::collections::BTreeMap::<String, u32>::new();
    for case in 0..120_usize {
        let hurt = dir.path().join(format!("hurt{case}"));
        copied(&state, &hurt);
        let files = files(&hurt.join("store"));
        let db = files.iter().find(|file| file.ends_with("db")).unwrap();
        let mut bytes = std::fs::read(db).unwrap();
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        match case % 3 {
            // A flipped bit, a block of zeros, a file that ends early.
            0 => bytes[used * (case + 1) / 121] ^= 1 << (case % 8),
            1 => {
                let from = used * case / 121;
                let to = (from + 512).min(bytes.len());
                bytes[from..to].fill(0);
            }
            _ => bytes.truncate(used * (case + 1) / 121),
        }
        std::fs::write(db, &bytes).unwrap();
        match Store::open(&hurt) {
            Ok(store) => {
                assert_eq!(
                    whole(&store),
                    truth,
                    "case {case}: something is gone in silence"
                );
                well += 1;
            }
            Err(error) => {
                let help = error
                    .way_back()
                    .unwrap_or_else(|| panic!("case {case}: {error:?}"));
                assert!(help.contains("sheetbridge restore"), "{help}");
                refused += 1;
                let said = error.to_string().replace(&hurt.display().to_string(), "");
                *reasons.entry(said.chars().take(90).collect()).or_default() += 1;
            }
        }
        std::fs::remove_dir_all(&hurt).unwrap();
    }
    println!("{refused} refused, {well} well: {reasons:#?}");
    assert!(refused > 60);
}

#[test]
fn an_old_copy_of_the_files_is_told_from_the_store_and_may_be_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let store = Store::open(&state).unwrap();
    store.commit(vec![group(&[("record/a", 1)])]).unwrap();
    drop(store);
    copied(&state.join("store"), &dir.path().join("old"));
    let store = Store::open(&state).unwrap();
    for n in 0..3 {
        store.commit(vec![group(&[("record/b", n)])]).unwrap();
    }
    drop(store);
    std::fs::remove_dir_all(state.join("store")).unwrap();
    copied(&dir.path().join("old"), &state.join("store"));
    let error = Store::open(&state).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the last 3 commits to the store")
            && error.to_string().contains("are gone"),
        "{error}"
    );
    let help = error.way_back().unwrap();
    assert!(help.contains("restore --what-is-left"), "{help}");
    drop(Store::open_what_is_left(&state).unwrap());
    let store = Store::open(&state).unwrap();
    assert_eq!(store.get::<u32>(b"record/a").unwrap(), Some(1));
}

/// sled lets go of its lock a moment after its last handle is gone.
fn once_free(path: &std::path::Path) -> sled::Db {
    for _ in 0..500 {
        if let Ok(db) = sled::open(path) {
            return db;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    sled::open(path).unwrap()
}

#[test]
fn a_store_from_before_there_were_tallies_gets_one() {
    let dir = tempfile::tempdir().unwrap();
    {
        let old = sled::open(dir.path().join("store")).unwrap();
        old.insert(b"meta/format", packed::plain(&2)).unwrap();
        old.insert(b"record/a", packed::plain(&7)).unwrap();
        old.flush().unwrap();
    }
    {
        let store = Store::open(dir.path()).unwrap();
        let format: Option<u32> = store.get(b"meta/format").unwrap();
        assert_eq!(format, Some(FORMAT));
    }
    {
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(store.get::<u32>(b"record/a").unwrap(), Some(7));
        store.commit(vec![group(&[("record/b", 8)])]).unwrap();
    }
    // What is written beside the store's back is noticed from then on.
    {
        let other = once_free(&dir.path().join("store"));
        other.insert(b"record/a", packed::plain(&9)).unwrap();
        other.flush().unwrap();
    }
    let error = Store::open(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("3 entries of") && error.contains("were written"),
        "{error}"
    );
}
