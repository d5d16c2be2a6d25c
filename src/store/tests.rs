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
        error.contains("has format 7, and this sheetbridge reads format 1"),
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
fn a_plan_that_was_cut_off_goes_on_when_the_store_opens() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = Store::open(dir.path()).unwrap();
        let many = (0..1_200)
            .map(|n| group(&[(&format!("record/{n:04}"), n)]))
            .collect();
        let pieces = pieces(many);
        assert!(pieces.len() > 2);
        store.write_plan(&pieces).unwrap();
        store.apply(pieces[0].clone()).unwrap(); // and here the power went
    }
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.scan::<u32>(prefix::RECORD).count(), 1_200);
    assert_eq!(store.keys(prefix::PLAN).count(), 0);
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
fn what_a_full_disk_left_of_a_plan_is_no_piece_of_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    // Five pieces were written when the disk was full; the sixth and the marker were not.
    for number in 0_u64..5 {
        let mut key = prefix::PLAN.to_vec();
        key.extend_from_slice(&number.to_be_bytes());
        let piece = vec![(
            format!("record/lost{number}").into_bytes(),
            Some(encode(&1)),
        )];
        store.apply(vec![(key, Some(encode(&piece)))]).unwrap();
    }
    let many = (0..600)
        .map(|n| group(&[(&format!("record/{n}"), n)]))
        .collect();
    store.commit(many).unwrap();
    assert_eq!(store.scan::<u32>(prefix::RECORD).count(), 600);
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
fn a_plan_that_was_never_ready_never_happened() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = Store::open(dir.path()).unwrap();
        let piece = vec![(b"record/a".to_vec(), Some(encode(&1)))];
        let mut key = prefix::PLAN.to_vec();
        key.extend_from_slice(&0_u64.to_be_bytes());
        store.apply(vec![(key, Some(encode(&piece)))]).unwrap();
    }
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.keys(prefix::RECORD).count(), 0);
    assert_eq!(store.keys(prefix::PLAN).count(), 0);
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
fn a_group_is_never_torn() {
    let groups = vec![group(&[("a", 1)]); 499];
    let mut all = groups;
    all.push(group(&[("b", 1), ("c", 2), ("d", 3)]));
    let pieces = pieces(all);
    assert_eq!(
        pieces.iter().map(Vec::len).collect::<Vec<_>>(),
        vec![499, 3]
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
