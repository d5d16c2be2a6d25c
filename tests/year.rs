//! A year of a busy company, written through the store's own functions: 1 500 rows, 50 edits in each working
//! hour, 2 000 messages a day. What is left after clean-up must stay under 500 MB, and be all there.
//!
//! Everyday it is a few days; `SHEETBRIDGE_DAYS=365` plays the whole year and prints what it came to.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "year/office.rs"]
mod office;
mod support;

use std::time::Instant;

use office::Office;
use sheetbridge::alarms;
use sheetbridge::commands::Desk;
use sheetbridge::core::message::Message;
use sheetbridge::store::keys::prefix;
use sheetbridge::store::{Reason, ledger};

/// The promise for a whole year, after each night's clean-up.
const A_YEAR: u64 = 500 << 20;

/// The days of an everyday run, and what they may take when all of it is packed away.
const FEW_DAYS: u32 = 2;
const FEW: u64 = 30 << 20;

fn days() -> u32 {
    #[allow(clippy::disallowed_methods)] // Of the test alone.
    let asked = std::env::var("SHEETBRIDGE_DAYS").ok();
    asked.and_then(|days| days.parse().ok()).unwrap_or(FEW_DAYS)
}

/// Bytes of all files below a folder, as they lie on the disk.
fn bytes(dir: &std::path::Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let entries = std::fs::read_dir(dir).unwrap().flatten();
    entries
        .map(|entry| match entry.file_type().unwrap().is_dir() {
            true => bytes(&entry.path()),
            false => entry.metadata().map_or(0, |file| file.blocks() * 512),
        })
        .sum()
}

fn mb(bytes: u64) -> u64 {
    bytes >> 20
}

/// What the daemon does each night.
fn clean_up(office: &Office, anyway: bool) -> bool {
    let (roster, now) = (&office.company.roster, office.company.now);
    tokio::task::block_in_place(|| {
        alarms::tidy(roster, now).unwrap();
        alarms::sweep(roster, now).unwrap();
        Desk::new(roster.clone(), None).sweep(now).unwrap();
        let compacts = anyway || roster.store().worth_compacting().unwrap() == Reason::Garbage;
        if compacts {
            roster.store().compact().unwrap();
        }
        compacts
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_of_a_busy_company_stays_small_after_clean_up() {
    let days = days();
    let mut office = Office::open().await;
    let dir = office.company.dir.path().join("state");
    let begun = Instant::now();
    let (mut most_before, mut most_after, mut compacted) = (0, 0, 0);
    for day in 0..days {
        office.live_through_a_day(day);
        most_before = most_before.max(bytes(&dir));
        compacted += u32::from(clean_up(&office, false));
        let after = bytes(&dir);
        most_after = most_after.max(after);
        if day % 10 == 9 {
            println!(
                "day {}: {} MB after clean-up, {} MB of it in use, {:?} so far",
                day + 1,
                mb(after),
                mb(office.company.roster.store().live_bytes()),
                begun.elapsed()
            );
        }
    }
    println!(
        "{days} days: {} messages, {} edits; after clean-up {} MB at most, before it {} MB at most, written anew {compacted} times, in {:?}",
        office.sent,
        office.edits,
        mb(most_after),
        mb(most_before),
        begun.elapsed()
    );
    assert!(most_after < A_YEAR, "{} MB", mb(most_after));
    // Four days later all of it is packed away, and all of it is there.
    office.company.wait(4 * 24 * 3_600);
    clean_up(&office, true);
    let left = bytes(&dir);
    println!(
        "all packed away: {} MB, {} MB of it in use",
        mb(left),
        mb(office.company.roster.store().live_bytes())
    );
    assert!(
        left < A_YEAR && (days > FEW_DAYS || left < FEW),
        "{} MB",
        mb(left)
    );
    tokio::task::block_in_place(|| {
        let store = office.company.roster.store();
        assert_eq!(store.scan_moving::<Message>(prefix::MESSAGE).count(), 0);
        let mut found = 0;
        for entry in store.scan::<Message>(prefix::MESSAGE) {
            let (_, message) = entry.unwrap();
            found += 1;
            if found % 997 == 0 {
                let mut group = sheetbridge::store::Group::default();
                assert!(!ledger::queue(store, &mut group, &message).unwrap());
            }
        }
        assert_eq!(found, office.sent);
    });
}
