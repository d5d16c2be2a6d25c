//! Which pairs are worth weighing: all of them among few, else those that share something rare or stand in the same place.

use std::collections::{BTreeSet, HashMap};

use super::Leftover;
use crate::core::identity::FieldInfo;
use crate::core::identity::content::{Beside, Spot};
use crate::core::identity::crowd::mark;
use crate::core::identity::likeness::{Digest, says_who};

/// Up to so many pairs are all weighed.
const ALL_PAIRS: usize = 10_000;
/// What more pairs than this share is too common to bring two rows together: by few rows, and by very many.
const BLOCK_PAIRS: (usize, usize) = (400, 36);
/// So many pairs are weighed for what one kind of value shares; it bounds time and memory in a tab that changed as a whole.
const ALL_BLOCKS: usize = 4_000_000;

/// Pairs of positions among the leftovers, without repetition, ordered.
pub(super) fn pairs(
    work: &Leftover<'_>,
    before: &[usize],
    after: &[usize],
    fields: &[FieldInfo],
) -> Vec<(usize, usize)> {
    if before.len().saturating_mul(after.len()) <= ALL_PAIRS {
        return before
            .iter()
            .flat_map(|&b| after.iter().map(move |&a| (b, a)))
            .collect();
    }
    let mut blocks: HashMap<u64, (Vec<usize>, Vec<usize>)> = HashMap::new();
    for &b in before {
        for key in keys(&work.before[b], fields, work.tabs[0][b], &work.places[0][b]) {
            blocks.entry(key).or_default().0.push(b);
        }
    }
    for &a in after {
        for key in keys(&work.after[a], fields, work.tabs[1][a], &work.places[1][a]) {
            // What no row before has brings nobody together.
            if let Some(block) = blocks.get_mut(&key) {
                block.1.push(a);
            }
        }
    }
    let rows = before.len() + after.len();
    let most = (ALL_BLOCKS / rows).clamp(BLOCK_PAIRS.1, BLOCK_PAIRS.0);
    let found: BTreeSet<(usize, usize)> = blocks
        .into_values()
        .flat_map(|(befores, afters)| within(work, befores, afters, most))
        .collect();
    found.into_iter().collect()
}

/// The pairs of a block. Of one that is too great only rows of which the others are copies: they pair in order.
fn within(
    work: &Leftover<'_>,
    befores: Vec<usize>,
    afters: Vec<usize>,
    most: usize,
) -> Box<dyn Iterator<Item = (usize, usize)>> {
    if befores.len().saturating_mul(afters.len()) <= most {
        return Box::new(
            befores
                .into_iter()
                .flat_map(move |b| afters.clone().into_iter().map(move |a| (b, a))),
        );
    }
    let alike = |rows: &[usize], digests: &[Digest]| {
        rows.iter()
            .all(|&row| digests[row].content == digests[rows[0]].content)
    };
    if alike(&befores, &work.before) && alike(&afters, &work.after) {
        return Box::new(befores.into_iter().zip(afters));
    }
    Box::new(std::iter::empty())
}

/// By what a row can meet another.
fn keys(digest: &Digest, fields: &[FieldInfo], tab: u32, place: &[Option<Place>; 2]) -> Vec<u64> {
    let mut keys = digest.key_marks();
    keys.extend(digest.name_mark());
    // What the customer wants as one number, to which each cell adds its own.
    let mut wish = 0_u64;
    let mut cells = Vec::new();
    for (field, info) in fields.iter().enumerate() {
        let text = &digest.texts[field];
        if !says_who(info.kind) {
            let cell = mark(field, text);
            wish = wish.wrapping_add(cell);
            cells.push(cell);
            if !text.is_empty() {
                keys.push(cell);
            }
        }
    }
    keys.push(mark(("wish", wish), ""));
    // Where a whole column was replaced, and there is no contact: the name and all cells but one.
    if !digest.plain_name.is_empty() {
        let but_one = |cell: &u64| mark(("but one", wish.wrapping_sub(*cell)), &digest.plain_name);
        keys.extend(cells.iter().map(but_one));
    }
    for (side, at) in place.iter().enumerate() {
        if let Some(at) = at {
            keys.push(mark((side, tab, at.anchor, at.steps), "place"));
        }
    }
    keys
}

/// How far a row stands from the next one whose content found its equal; `None` is the edge of the tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    anchor: Option<u32>,
    steps: u32,
}

/// For each leftover its place seen from above and from below.
pub(super) fn places(spots: &[Spot]) -> Vec<[Option<Place>; 2]> {
    let mut found: Vec<[Option<Place>; 2]> = vec![[None; 2]; spots.len()];
    let step = |beside: Beside, side: usize, found: &[[Option<Place>; 2]]| match beside {
        Beside::Edge => Some(Place {
            anchor: None,
            steps: 0,
        }),
        Beside::Paired(class) => Some(Place {
            anchor: Some(class),
            steps: 0,
        }),
        Beside::Left(other) => found[other as usize][side].map(|place| Place {
            steps: place.steps + 1,
            ..place
        }),
    };
    for at in 0..spots.len() {
        found[at][0] = step(spots[at].above, 0, &found);
    }
    for at in (0..spots.len()).rev() {
        found[at][1] = step(spots[at].below, 1, &found);
    }
    found
}
