//! A quarter of a company's life at high speed: staff edit, forget, move dates, sort and delete, and every reminder
//! that reaches somebody's chat is compared with a calendar that is reckoned apart (`quarter/calendar.rs`), which
//! knows nothing of the program but what its rules promise.
//!
//! Everyday it is a month with 60 customers; `SHEETBRIDGE_QUARTER=1500` plays three months with so many, over New Year
//! and Tết. `SHEETBRIDGE_QUARTER_SEED` plays another one.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "quarter/calendar.rs"]
mod calendar;
#[path = "sim/dice.rs"]
#[allow(dead_code)]
mod dice;
#[path = "quarter/office.rs"]
mod office;

use std::collections::BTreeMap;

use calendar::{Expected, Life};
use office::{Office, Told};

fn number(name: &str) -> Option<u64> {
    #[allow(clippy::disallowed_methods)] // Of the test alone.
    let asked = std::env::var(name).ok();
    asked?.parse().ok()
}

/// By whom, about whom, of what, the how manieth: what must be the same in both.
type Name = (String, &'static str, String);

fn by_name<T>(all: impl Iterator<Item = (Name, T)>) -> BTreeMap<Name, Vec<T>> {
    let mut found: BTreeMap<Name, Vec<T>> = BTreeMap::new();
    for (name, one) in all {
        found.entry(name).or_default().push(one);
    }
    found
}

fn compare(lives: &[Life], told: &[Told], expected: &[Expected]) -> Vec<String> {
    let is = by_name(told.iter().map(|one| (one.name(), one)));
    let should = by_name(expected.iter().map(|one| (one.name(), one)));
    let mut wrong = Vec::new();
    for (name, found) in &is {
        match should.get(name) {
            None => wrong.push(format!("nobody asked for {:?}", found[0])),
            Some(_) if found.len() > 1 => {
                wrong.push(format!("{} times: {:?}", found.len(), found[0]));
            }
            Some(wanted) if !wanted[0].is_met_by(found[0]) => {
                wrong.push(format!("{:?}, but {:?}", found[0], wanted[0]));
            }
            Some(_) => {}
        }
    }
    for (name, wanted) in &should {
        if !is.contains_key(name) {
            wrong.push(format!("missing: {:?}", wanted[0]));
        }
    }
    for line in &mut wrong {
        let who = lives.iter().find(|life| line.contains(&life.name));
        *line = format!(
            "{line}\n      of whom: {}",
            who.map_or(String::new(), Life::story)
        );
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reminder_is_where_a_calendar_of_its_own_has_it() {
    let (customers, days) = match number("SHEETBRIDGE_QUARTER") {
        Some(customers) => (usize::try_from(customers).unwrap(), 91),
        None => (60, 30),
    };
    let seed = number("SHEETBRIDGE_QUARTER_SEED").unwrap_or(1);
    let mut office = Office::open(seed, customers).await;
    office.live(days).await;
    let (lives, told) = office.end();
    let expected: Vec<Expected> = lives.iter().flat_map(Life::expected).collect();
    let wrong = compare(&lives, &told, &expected);
    let count = |what| told.iter().filter(|one| one.what == what).count();
    println!(
        "{customers} customers, {days} days: {} idle, {} appointments, {} birthdays told, {} wrong",
        count("idle"),
        count("appointment"),
        count("birthday"),
        wrong.len()
    );
    assert!(told.len() > customers / 2, "hardly anything was told");
    assert!(
        wrong.is_empty(),
        "seed {seed}: {} of {} are wrong, the first of them:\n  {}",
        wrong.len(),
        told.len(),
        wrong
            .iter()
            .take(8)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n  ")
    );
}
