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
use sheetbridge::store::Reason;

/// The promise for a whole year.
const A_YEAR: u64 = 500 << 20;

/// The days of an everyday run, and what they may take: a base that does not grow, and a share for each day.
const FEW_DAYS: u32 = 5;
const FEW: u64 = 24 << 20;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_year_of_a_busy_company_stays_small_after_clean_up() {
    let days = days();
    let mut office = Office::open().await;
    let dir = office.company.dir.path().join("state");
    let begun = Instant::now();
    let mut most = 0;
    for day in 0..days {
        office.live_through_a_day(day);
        let before = bytes(&dir);
        let roster = office.company.roster.clone();
        let now = office.company.now;
        tokio::task::block_in_place(|| {
            alarms::tidy(&roster, now).unwrap();
            alarms::sweep(&roster, now).unwrap();
            Desk::new(roster.clone(), None).sweep(now).unwrap();
            if roster.store().worth_compacting().unwrap() == Reason::Garbage {
                println!("day {}: {:?}", day + 1, roster.store().compact().unwrap());
            }
        });
        most = most.max(before);
        if day % 10 == 9 || days <= FEW_DAYS {
            println!(
                "day {}: {} MB, {} MB of it in use, {:?} so far",
                day + 1,
                mb(bytes(&dir)),
                mb(office.company.roster.store().live_bytes()),
                begun.elapsed()
            );
        }
    }
    let left = bytes(&dir);
    println!(
        "{days} days: {} messages, {} edits; {} MB after clean-up, {} MB at most before, in {:?}",
        office.sent,
        office.edits,
        mb(left),
        mb(most),
        begun.elapsed()
    );
    let allowed = if days > FEW_DAYS { A_YEAR } else { FEW };
    assert!(left < allowed, "{} MB", mb(left));
}
