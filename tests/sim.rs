//! The whole pipeline in one thread under a simulated clock, with seeded faults on every boundary.
//!
//! Real are: the reader of Google's answers, matching, settling, rules, alarms, the outbox with its policy,
//! paces and ladders, the commands behind the buttons, the templates, and all of the store above "get a key,
//! apply a batch, flush". Simulated are the clock, the workbook and its Google, the mail server, Telegram, and
//! the disk: it fails, fills up, and in a crash loses what was not flushed. What truly arrived is kept apart
//! from what the program believes, and compared.
//!
//! A step is one thing that happens: time goes by and each of the daemon's loops has its turn (two of three), staff
//! edit up to three times, somebody presses a button or acts on a message, a provider's weather changes, the clock
//! jumps, a disk fails, the process is killed, another configuration is loaded, a backup is made or restored. An
//! episode is 500 of them (`SHEETBRIDGE_SIM_EPISODE`) and a quiet end, whose rounds are not counted; its seed is all it takes to see it again:
//! `SHEETBRIDGE_SIM_SEED=77 cargo test --test sim -- --nocapture`. `SHEETBRIDGE_SIM_STEPS` says how many steps
//! there are in all (2 500 by default), `SHEETBRIDGE_SIM_FROM` from which seed on; many are for an optimised build:
//! `SHEETBRIDGE_SIM_STEPS=1000000 cargo test --profile sim --test sim -- --nocapture`. An episode that goes
//! wrong is made shorter, by leaving out steps for as long as it still goes wrong, and printed.

#![allow(clippy::print_stdout, clippy::disallowed_methods)] // a test says what it did, and reads how much to do

#[path = "sim/check.rs"]
mod check;
#[path = "sim/company.rs"]
mod company;
#[path = "sim/dice.rs"]
mod dice;
#[path = "sim/run.rs"]
mod run;
#[path = "sim/sheet.rs"]
mod sheet;
#[path = "sim/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use run::{Outcome, Shop, Tally, play};

/// Steps of one episode, unless another length is asked for.
const STEPS: usize = 500;

/// Without a number of steps, so many are played.
const EVERYDAY: usize = 5 * STEPS;

/// So long a failing episode is made shorter.
const SHORTEN_FOR: Duration = Duration::from_secs(40);

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Steps of one episode. In long ones less of the time goes into their quiet ends.
fn length() -> usize {
    let asked = number("SHEETBRIDGE_SIM_EPISODE").and_then(|steps| usize::try_from(steps).ok());
    asked.unwrap_or(STEPS)
}

/// What kind of promise was broken: the word before the colon.
fn kind(outcome: &Outcome) -> Option<&str> {
    outcome.broken.as_deref()?.split([':', ',']).next()
}

/// Leaves out steps for as long as the same promise is broken without them.
fn shorten(shop: &Shop, seed: u64, found: &Outcome) -> (BTreeSet<usize>, usize) {
    let began = Instant::now();
    let steps = (found.step + 1).min(length());
    let mut skipped = BTreeSet::new();
    let mut size = steps / 2;
    while size > 0 && began.elapsed() < SHORTEN_FOR {
        let mut from = 0;
        while from < steps && began.elapsed() < SHORTEN_FOR {
            let mut fewer = skipped.clone();
            fewer.extend(from..(from + size).min(steps));
            if fewer.len() > skipped.len()
                && kind(&play(shop, seed, steps, &fewer, false)) == kind(found)
            {
                skipped = fewer;
            }
            from += size;
        }
        size /= 2;
    }
    (skipped, steps)
}

fn report(shop: &Shop, seed: u64, found: &Outcome) -> String {
    let (skipped, steps) = shorten(shop, seed, found);
    let short = play(shop, seed, steps, &skipped, true);
    let from = short.log.len().saturating_sub(120);
    let began = &short.log[..from.min(60)];
    format!(
        "seed {seed}, step {}: {}\n\nthe same in {} steps of {steps}: {}\n{}\n…\n{}\n\nagain: SHEETBRIDGE_SIM_SEED={seed} SHEETBRIDGE_SIM_EPISODE={} cargo test --test sim -- --nocapture",
        found.step,
        found.broken.as_deref().unwrap_or_default(),
        steps - skipped.len(),
        short.broken.as_deref().unwrap_or_default(),
        began.join("\n"),
        short.log[from..].join("\n"),
        length(),
    )
}

/// What there was to see in many episodes.
#[derive(Debug, Default)]
struct Seen {
    episodes: usize,
    steps: usize,
    sum: Tally,
    /// The first episode that went wrong, with its seed.
    broken: Option<(u64, Outcome)>,
}

/// Plays episodes from a seed on, as many side by side as there are processors, until there were so many steps.
fn play_from(shop: &Shop, first: u64, wanted: usize, side_by_side: usize) -> Seen {
    let (next, seen) = (AtomicU64::new(first), Mutex::new(Seen::default()));
    let length = length();
    let lock = || seen.lock().unwrap_or_else(PoisonError::into_inner);
    let player = || {
        while {
            let seen = lock();
            seen.broken.is_none() && seen.steps < wanted
        } {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let outcome = play(shop, seed, length, &BTreeSet::new(), false);
            let mut seen = lock();
            seen.episodes += 1;
            seen.steps += outcome.steps;
            seen.sum.add(&outcome.tally);
            if outcome.broken.is_some() && seen.broken.is_none() {
                seen.broken = Some((seed, outcome));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..side_by_side {
            scope.spawn(player);
        }
    });
    seen.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn nothing_is_lost_and_nothing_comes_twice_whatever_fails() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let shop = Shop::open(dir.path());
    let asked = number("SHEETBRIDGE_SIM_STEPS").and_then(|steps| usize::try_from(steps).ok());
    let only = number("SHEETBRIDGE_SIM_SEED");
    let first = only.or(number("SHEETBRIDGE_SIM_FROM")).unwrap_or(1);
    let (wanted, side_by_side) = match (only, asked) {
        (Some(_), _) => (1, 1),
        (None, Some(steps)) => {
            let processors = std::thread::available_parallelism();
            (steps, processors.map_or(1, usize::from))
        }
        // Other tests run beside it.
        (None, None) => (EVERYDAY, 1),
    };
    let began = Instant::now();
    let seen = play_from(&shop, first, wanted, side_by_side);
    let took = began.elapsed().as_secs_f64();
    #[allow(clippy::cast_precision_loss)] // for people
    let rate = seen.steps as f64 / took;
    println!(
        "{} episodes from seed {first}, {} steps in {took:.1} s ({rate:.0} a second), {:?}",
        seen.episodes, seen.steps, seen.sum
    );
    if let Some((seed, outcome)) = &seen.broken {
        panic!("{}", report(&shop, *seed, outcome));
    }
    let sum = seen.sum;
    assert!(
        only.is_some() || sum.crashes > 0 && sum.messages > 0 && sum.arrivals > 0,
        "a simulation in which nothing happens: {sum:?}"
    );
}

#[test]
fn the_same_seed_is_the_same_run_to_the_letter() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let shop = Shop::open(dir.path());
    let run = |seed| play(&shop, seed, 300, &BTreeSet::new(), false).fingerprint;
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}
