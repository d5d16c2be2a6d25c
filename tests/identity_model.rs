//! Random hand edits on tabs whose customers carry hidden numbers: the matcher must find out who is who.
//!
//! The tabs are drawn as grids and read with the real header and row reading, so moved and renamed columns,
//! titles, totals and blank rows are in the play; who was cut in one poll may be pasted in a later one.
//! Everything is drawn from fixed seeds. A failure is shrunk to as few edits as still show it, and printed as text.
//! `SHEETBRIDGE_EDITS` says how many edits are played in all (default 3000; continuous integration plays 100 000).

#[path = "identity_model/judge.rs"]
mod judge;
#[path = "identity_model/office.rs"]
mod office;
#[path = "identity_model/people.rs"]
mod people;
#[path = "identity_model/sheet.rs"]
mod sheet;

use std::collections::{BTreeMap, BTreeSet};

use judge::{Gone, Judge};
use office::{Customer, Draw, Edit, Office};
use sheet::{FIELDS, Poll, poll};
use sheetbridge::core::identity::{Context, Matching, Pair, Row, changed_fields, match_rows};

/// The edits are shared among so many tests, which run side by side.
const PARTS: usize = 8;

/// What was counted over many polls.
#[derive(Debug, Default)]
struct Tally {
    polls: usize,
    edits: usize,
    paired: usize,
    changed: usize,
    added: usize,
    removed: usize,
    returned: usize,
    /// Groups, each counted when it comes up.
    ambiguous: usize,
    /// The rows in them.
    ambiguous_rows: usize,
    /// What kinds of groups.
    riddles: BTreeMap<&'static str, usize>,
    /// Rows of groups that became clear by themselves.
    cleared: usize,
}

/// An office as it was at the last poll.
struct Seen {
    office: Office,
    poll: Poll,
    /// Who was removed, in that order.
    gone: Gone,
    /// Whose fate was not clear: they stand in `poll` as they were.
    unclear: BTreeSet<u32>,
}

/// Plays edits, and marks the poll after them.
fn play(seen: &Seen, edits: &[Edit]) -> (Office, Poll, Vec<String>, Matching) {
    let mut later = seen.office.clone();
    for edit in edits {
        later.apply(*edit);
    }
    let after = poll(&later);
    let gone: Vec<Row> = seen.gone.iter().map(|(row, _)| row.clone()).collect();
    let context = Context {
        gone: &gone,
        ..Context::default()
    };
    let found = match_rows(&seen.poll.rows, &after.rows, &context, &FIELDS);
    let wrong = Judge::new(&seen.poll, &after, &seen.gone).mistakes(&found);
    (later, after, wrong, found)
}

/// As few of the edits as still go wrong.
fn shrunk(seen: &Seen, edits: &[Edit]) -> Vec<Edit> {
    let mut kept = edits.to_vec();
    let mut at = 0;
    while at < kept.len() {
        let mut fewer = kept.clone();
        fewer.remove(at);
        if play(seen, &fewer).2.is_empty() {
            at += 1;
        } else {
            kept = fewer;
        }
    }
    kept
}

impl Tally {
    fn count(&mut self, seen: &Seen, after: &Poll, found: &Matching, edits: usize) {
        let before = &seen.poll;
        self.polls += 1;
        self.edits += edits;
        self.paired += found.pairs.len();
        let changed = |pair: &&Pair| {
            let (old, new) = (
                &before.rows[pair.before].cells,
                &after.rows[pair.after].cells,
            );
            !changed_fields(old, new, &FIELDS).is_empty()
        };
        self.changed += found.pairs.iter().filter(changed).count();
        self.added += found.added.len();
        self.removed += found.removed.len();
        self.returned += found.returned.len();
        let was_unclear = |b: &usize| seen.unclear.contains(&before.who[*b].number);
        for group in &found.ambiguous {
            if !group.before.iter().any(was_unclear) {
                self.ambiguous += 1;
                let judge = Judge::new(before, after, &seen.gone);
                let kind = judge.riddle(group);
                *self.riddles.entry(kind).or_default() += 1;
                self.ambiguous_rows += group.before.len().max(group.after.len());
            }
        }
        let settled = found
            .pairs
            .iter()
            .map(|pair| &pair.before)
            .chain(&found.removed);
        self.cleared += settled.filter(|b| was_unclear(b)).count();
    }
}

/// What is remembered of a poll: rows about which nobody could tell stay as they were (SEMANTICS 7).
fn remembered(seen: &Seen, office: Office, after: Poll, found: &Matching) -> Seen {
    let here: BTreeSet<u32> = after.who.iter().map(|who| who.number).collect();
    let back: BTreeSet<usize> = found.returned.iter().map(|pair| pair.before).collect();
    let fresh = found
        .removed
        .iter()
        .map(|&b| (seen.poll.rows[b].clone(), seen.poll.who[b].clone()));
    let gone = seen
        .gone
        .iter()
        .enumerate()
        .filter(|(at, _)| !back.contains(at))
        .map(|(_, one)| one.clone())
        .chain(fresh)
        .filter(|(_, who)| !here.contains(&who.number))
        .collect();
    let held: BTreeSet<usize> = found
        .ambiguous
        .iter()
        .flat_map(|group| group.after.clone())
        .collect();
    let kept: Vec<usize> = found
        .ambiguous
        .iter()
        .flat_map(|group| group.before.clone())
        .collect();
    let unclear = kept.iter().map(|&b| seen.poll.who[b].number).collect();
    let mut base: Vec<(Row, Customer)> = (after.rows.into_iter().zip(after.who))
        .enumerate()
        .filter(|(at, _)| !held.contains(at))
        .map(|(_, one)| one)
        .chain(
            kept.iter()
                .map(|&b| (seen.poll.rows[b].clone(), seen.poll.who[b].clone())),
        )
        .collect();
    base.sort_by_key(|(row, _)| (row.tab, row.row));
    let (rows, who) = base.into_iter().unzip();
    Seen {
        office,
        poll: Poll {
            rows,
            who,
            misread: Vec::new(),
        },
        gone,
        unclear,
    }
}

fn run(
    seed: u64,
    edits_wanted: usize,
    sizes: (usize, usize),
    polls: usize,
    most_edits: usize,
) -> (Tally, Vec<String>) {
    let mut draw = Draw::new(seed);
    let mut tally = Tally::default();
    let mut failures = Vec::new();
    while tally.edits < edits_wanted {
        let (rows, tabs) = (sizes.0 + draw.below(sizes.1 - sizes.0), 1 + draw.below(3));
        let office = Office::open(&mut draw, rows, tabs);
        let first = poll(&office);
        failures.extend(first.misread.clone());
        let mut seen = Seen {
            poll: first,
            office,
            gone: Gone::new(),
            unclear: BTreeSet::new(),
        };
        for _ in 0..polls {
            let most = 1 + draw.below(most_edits);
            let count = 1 + draw.below(most);
            let edits: Vec<Edit> = (0..count).map(|_| Edit::any(&mut draw)).collect();
            let (office, after, wrong, found) = play(&seen, &edits);
            if !wrong.is_empty() {
                let few = shrunk(&seen, &edits);
                let (_, _, why, _) = play(&seen, &few);
                failures.push(format!("{few:?}\n    {}", why.join("\n    ")));
            }
            tally.count(&seen, &after, &found, count);
            seen = remembered(&seen, office, after, &found);
        }
    }
    (tally, failures)
}

#[allow(clippy::print_stdout)] // The counts are the report; the runner shows them when asked.
fn check(what: &str, (tally, failures): (Tally, Vec<String>)) {
    println!("{what}: {tally:?}, {} polls went wrong", failures.len());
    assert!(
        failures.is_empty(),
        "{} of {} polls went wrong; {tally:?}\n{}",
        failures.len(),
        tally.polls,
        failures
            .iter()
            .take(12)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
    // Holding back is an answer, but not the usual one: it takes equal rows, or name and contact both new.
    let moved = tally.changed + tally.added + tally.removed + tally.returned;
    assert!(
        tally.ambiguous_rows * 1000 <= UNCLEAR_PER_MILLE * moved + 20_000,
        "too much is called ambiguous: {tally:?}"
    );
    let of = |kind: &str| tally.riddles.get(kind).copied().unwrap_or(0);
    let others = of("deals of one person") + of("other");
    assert!(
        others <= 3 + tally.edits / 1000,
        "{others} other riddles: {tally:?}"
    );
}

/// So many of a thousand rows that changed, came or went may be called ambiguous, and 20 rows more.
const UNCLEAR_PER_MILLE: usize = 30;

/// How many edits each part plays.
fn edits_a_part() -> usize {
    #[allow(clippy::disallowed_methods)] // Of the test alone.
    let asked = std::env::var("SHEETBRIDGE_EDITS");
    let all: usize = asked.map_or(3_000, |text| {
        text.parse()
            .expect("SHEETBRIDGE_EDITS is a number of edits")
    });
    all.div_ceil(PARTS)
}

fn part(number: u64) {
    let what = format!("part {number}");
    check(
        &what,
        run(20_261_121 + number, edits_a_part(), (20, 160), 8, 30),
    );
}

macro_rules! parts {
    ($($name:ident $number:literal)*) => {
        $(#[test] fn $name() { part($number); })*
    };
}

parts! {
    random_edits_are_understood_1 1
    random_edits_are_understood_2 2
    random_edits_are_understood_3 3
    random_edits_are_understood_4 4
    random_edits_are_understood_5 5
    random_edits_are_understood_6 6
    random_edits_are_understood_7 7
    random_edits_are_understood_8 8
}

/// The kind of the large traces: one poll after 20 to 120 edits on 300 to 2000 rows.
#[test]
fn large_tabs_with_many_edits_between_two_polls_are_understood() {
    let edits = (edits_a_part() / 4).max(300);
    check("large", run(4_711, edits, (300, 2_000), 1, 120));
}
