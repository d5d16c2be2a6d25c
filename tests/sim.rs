//! The whole pipeline in one thread under a simulated clock, with seeded faults on every boundary.
//!
//! Real are: the reader of Google's answers, matching, settling, rules, alarms, the outbox with its policy,
//! paces and ladders, the commands behind the buttons, the templates, and all of the store above "get a key,
//! apply a batch, flush". Simulated are the clock, the workbook and its Google, the mail server, Telegram, and
//! the disk: it fails, fills up, and in a crash loses what was not flushed. What truly arrived is kept apart
//! from what the program believes, and compared.
//!
//! An episode is some thousand steps and a quiet end; its seed is all it takes to see it again:
//! `SHEETBRIDGE_SIM_SEED=77 cargo test --test sim -- --nocapture`. `SHEETBRIDGE_SIM_STEPS` says how many steps
//! there are in all (2 500 by default). An episode that goes
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
use std::time::{Duration, Instant};

use run::{Outcome, Shop, Tally, play};

/// Steps of one episode.
const STEPS: usize = 500;

/// Without a number of steps, so many are played.
const EVERYDAY: usize = 5 * STEPS;

/// So long a failing episode is made shorter.
const SHORTEN_FOR: Duration = Duration::from_secs(40);

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What kind of promise was broken: the word before the colon.
fn kind(outcome: &Outcome) -> Option<&str> {
    outcome.broken.as_deref()?.split([':', ',']).next()
}

/// Leaves out steps for as long as the same promise is broken without them.
fn shorten(shop: &Shop, seed: u64, found: &Outcome) -> (BTreeSet<usize>, usize) {
    let began = Instant::now();
    let steps = (found.step + 1).min(STEPS);
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
        "seed {seed}, step {}: {}\n\nthe same in {} steps of {steps}: {}\n{}\n…\n{}\n\nagain: SHEETBRIDGE_SIM_SEED={seed} cargo test --test sim -- --nocapture",
        found.step,
        found.broken.as_deref().unwrap_or_default(),
        steps - skipped.len(),
        short.broken.as_deref().unwrap_or_default(),
        began.join("\n"),
        short.log[from..].join("\n"),
    )
}

#[test]
fn nothing_is_lost_and_nothing_comes_twice_whatever_fails() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let shop = Shop::open(dir.path());
    let wanted = number("SHEETBRIDGE_SIM_STEPS");
    let only = number("SHEETBRIDGE_SIM_SEED");
    let first = only.unwrap_or(1);
    let began = Instant::now();
    let (mut steps, mut episodes, mut sum) = (0, 0, Tally::default());
    for seed in first.. {
        let outcome = play(&shop, seed, STEPS, &BTreeSet::new(), false);
        assert!(
            outcome.broken.is_none(),
            "{}",
            report(&shop, seed, &outcome)
        );
        steps += outcome.steps;
        if only.is_some() {
            println!("{outcome:?}");
        }
        episodes += 1;
        sum.crashes += outcome.tally.crashes;
        sum.polls += outcome.tally.polls;
        sum.messages += outcome.tally.messages;
        sum.arrivals += outcome.tally.arrivals;
        sum.in_doubt += outcome.tally.in_doubt;
        sum.store_failures += outcome.tally.store_failures;
        sum.restores += outcome.tally.restores;
        sum.days += outcome.tally.days;
        let enough = match wanted {
            Some(wanted) => steps as u64 >= wanted,
            None => steps >= EVERYDAY,
        };
        if only.is_some() || enough {
            break;
        }
    }
    let took = began.elapsed().as_secs_f64();
    #[allow(clippy::cast_precision_loss)] // for people
    let rate = steps as f64 / took;
    println!(
        "{episodes} episodes from seed {first}, {steps} steps in {took:.1} s ({rate:.0} a second), {sum:?}"
    );
    assert!(
        sum.crashes > 0 && sum.messages > 0 && sum.arrivals > 0,
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
