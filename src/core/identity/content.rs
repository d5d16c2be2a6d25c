//! Step 1 on fingerprints alone: rows of the same content are the same customer, wherever they now stand.
//!
//! Needs 24 bytes a row, so the largest workbook fits; the cells of what is left are looked at in
//! [`super::leftover`]. O(n).

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::canon::Fingerprint;

/// One row as its content goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Print {
    /// Which tab it is in: any number that is the same for the same tab in both polls.
    pub tab: u32,
    /// The sheet's own row number.
    pub row: u32,
    /// What stands in it.
    pub hash: Fingerprint,
}

/// What stands directly above or below a row, other rows than customers left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// The first or last row of the tab.
    Edge,
    /// A row that was paired by its content, of this class of equal rows.
    Paired(u32),
    /// A row that is left over: its position among those left of its poll.
    Left(u32),
}

/// The rows above and below one that is left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Above.
    pub above: Beside,
    /// Below.
    pub below: Beside,
}

/// Rows of one content of which there are more on one side than on the other: which is which, nobody can say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twins {
    /// All these rows of the poll before: first those that were paired, then those left over.
    pub before: Vec<usize>,
    /// All these rows of the poll after, likewise.
    pub after: Vec<usize>,
}

/// What the fingerprints tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContentMatch {
    /// Rows of equal content: position before, position after. In the order of `after`.
    pub pairs: Vec<(usize, usize)>,
    /// Positions before that found no row of equal content, in order.
    pub before_left: Vec<usize>,
    /// Positions after likewise.
    pub after_left: Vec<usize>,
    /// What stands beside each of `before_left`.
    pub before_spots: Vec<Spot>,
    /// What stands beside each of `after_left`.
    pub after_spots: Vec<Spot>,
    /// Equal rows whose number changed.
    pub twins: Vec<Twins>,
    /// The rows before altogether.
    pub before_total: usize,
    /// The rows after altogether.
    pub after_total: usize,
}

/// Pairs rows of equal content: in order within a tab first, then across tabs.
///
/// Both polls come in sheet order, tab after tab.
pub fn match_content(before: &[Print], after: &[Print]) -> ContentMatch {
    let mut classes = Classes::with_capacity(before.len());
    let before_class: Vec<u32> = (0_u32..)
        .zip(before)
        .map(|(at, print)| classes.take(print.hash, at, Side::Before))
        .collect();
    let after_class: Vec<u32> = (0_u32..)
        .zip(after)
        .map(|(at, print)| classes.take(print.hash, at, Side::After))
        .collect();

    let mut partner_before = vec![NOBODY; before.len()];
    let mut partner_after = vec![NOBODY; after.len()];
    let mut twins = Vec::new();
    for class in &classes.classes {
        match class {
            Class::One(b, a) if *b != NOBODY && *a != NOBODY => {
                partner_before[*b as usize] = *a;
                partner_after[*a as usize] = *b;
            }
            Class::One(..) => {}
            Class::Many(members) => {
                for (b, a) in members.pair_up(before, after) {
                    partner_before[b] = number(a);
                    partner_after[a] = number(b);
                }
                twins.extend(members.twins(before, &partner_before, &partner_after));
            }
        }
    }

    let (before_left, before_spots) = left_over(before, &before_class, &partner_before);
    let (after_left, after_spots) = left_over(after, &after_class, &partner_after);
    ContentMatch {
        pairs: partner_after
            .iter()
            .enumerate()
            .filter(|(_, b)| **b != NOBODY)
            .map(|(a, b)| (*b as usize, a))
            .collect(),
        before_left,
        after_left,
        before_spots,
        after_spots,
        twins,
        before_total: before.len(),
        after_total: after.len(),
    }
}

/// No position: there are never so many rows.
const NOBODY: u32 = u32::MAX;

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NOBODY)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// The rows of one content. Nearly every one has a row on each side, which costs no list.
enum Class {
    One(u32, u32),
    Many(Box<Members>),
}

/// The classes of equal rows, numbered as they come.
struct Classes {
    by_hash: HashMap<Fingerprint, u32, BuildHasherDefault<AlreadyHashed>>,
    classes: Vec<Class>,
}

impl Classes {
    fn with_capacity(rows: usize) -> Self {
        Self {
            by_hash: HashMap::with_capacity_and_hasher(rows, BuildHasherDefault::default()),
            classes: Vec::with_capacity(rows),
        }
    }

    /// Adds a row to its class, and says which one that is.
    fn take(&mut self, hash: Fingerprint, at: u32, side: Side) -> u32 {
        let next = number(self.classes.len());
        let class = *self.by_hash.entry(hash).or_insert(next);
        if class == next {
            self.classes.push(Class::One(NOBODY, NOBODY));
        }
        let found = &mut self.classes[class as usize];
        match (&mut *found, side) {
            (Class::One(b, _), Side::Before) if *b == NOBODY => *b = at,
            (Class::One(_, a), Side::After) if *a == NOBODY => *a = at,
            (Class::One(b, a), _) => {
                let list = |at: u32| (at != NOBODY).then_some(at as usize).into_iter().collect();
                let mut members = Members {
                    before: list(*b),
                    after: list(*a),
                };
                members.push(at, side);
                *found = Class::Many(Box::new(members));
            }
            (Class::Many(members), _) => members.push(at, side),
        }
        class
    }
}

/// A fingerprint is a hash already: its lower half serves as it is.
#[derive(Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 = u64::from_le_bytes(*first);
        }
    }
    #[allow(clippy::cast_possible_truncation)] // meant
    fn write_u128(&mut self, number: u128) {
        self.0 = (number as u64) ^ (number >> 64) as u64;
    }
}

/// The positions of the rows of one content.
#[derive(Default)]
struct Members {
    before: Vec<usize>,
    after: Vec<usize>,
}

impl Members {
    fn push(&mut self, at: u32, side: Side) {
        match side {
            Side::Before => self.before.push(at as usize),
            Side::After => self.after.push(at as usize),
        }
    }

    fn pair_up(&self, before: &[Print], after: &[Print]) -> Vec<(usize, usize)> {
        let by_tab = |rows: &[usize], prints: &[Print]| {
            let mut rows = rows.to_vec();
            rows.sort_by_key(|&at| (prints[at].tab, at));
            rows
        };
        let (old, new) = (by_tab(&self.before, before), by_tab(&self.after, after));
        let (mut pairs, mut rest_before, mut rest_after) = (Vec::new(), Vec::new(), Vec::new());
        let (mut b, mut a) = (0, 0);
        while b < old.len() || a < new.len() {
            let order = match (old.get(b), new.get(a)) {
                (Some(&b), Some(&a)) => before[b].tab.cmp(&after[a].tab),
                (Some(_), None) => Ordering::Less,
                (None, Some(_) | None) => Ordering::Greater,
            };
            match order {
                Ordering::Equal => pairs.push((old[b], new[a])),
                Ordering::Less => rest_before.push(old[b]),
                Ordering::Greater => rest_after.push(new[a]),
            }
            b += usize::from(order != Ordering::Greater);
            a += usize::from(order != Ordering::Less);
        }
        pairs.extend(rest_before.into_iter().zip(rest_after));
        pairs
    }

    /// The classes in which some rows found a partner and equal ones did not.
    ///
    /// A row that went from a tab in which it had no equal is no riddle, though one like it stands in another tab;
    /// one that came is: it may be a copy, or a move whose first half is yet to be cut.
    fn twins(&self, before: &[Print], partner_before: &[u32], partner_after: &[u32]) -> Vec<Twins> {
        if self.before.len() == self.after.len() || self.before.is_empty() || self.after.is_empty()
        {
            return Vec::new();
        }
        if self.after.len() > self.before.len() {
            let mut after = self.after.clone();
            after.sort_by_key(|&a| (partner_after[a] == NOBODY, a));
            return vec![Twins {
                before: self.before.clone(),
                after,
            }];
        }
        let mut tabs: Vec<u32> = self.before.iter().map(|&b| before[b].tab).collect();
        tabs.sort_unstable();
        tabs.dedup();
        tabs.into_iter()
            .filter_map(|tab| {
                let mut here: Vec<usize> = self
                    .before
                    .iter()
                    .copied()
                    .filter(|&b| before[b].tab == tab)
                    .collect();
                here.sort_by_key(|&b| (partner_before[b] == NOBODY, b));
                let after: Vec<usize> = here
                    .iter()
                    .map(|&b| partner_before[b])
                    .filter(|&a| a != NOBODY)
                    .map(|a| a as usize)
                    .collect();
                let some_are_left = after.len() < here.len();
                (some_are_left && !after.is_empty()).then_some(Twins {
                    before: here,
                    after,
                })
            })
            .collect()
    }
}

/// The rows without a partner, and what stands beside each.
fn left_over(rows: &[Print], class: &[u32], partner: &[u32]) -> (Vec<usize>, Vec<Spot>) {
    let left: Vec<usize> = (0..rows.len())
        .filter(|&at| partner[at] == NOBODY)
        .collect();
    let beside = |at: usize, other: Option<usize>| match other {
        Some(other) if rows[other].tab == rows[at].tab => match partner[other] {
            a if a != NOBODY => Beside::Paired(class[other]),
            _ => Beside::Left(number(left.partition_point(|&l| l < other))),
        },
        Some(_) | None => Beside::Edge,
    };
    let spots = left
        .iter()
        .map(|&at| Spot {
            above: beside(at, at.checked_sub(1)),
            below: beside(at, Some(at + 1).filter(|&next| next < rows.len())),
        })
        .collect();
    (left, spots)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows written as letters; `|` begins the next tab.
    fn prints(text: &str) -> Vec<Print> {
        let mut tab = 0;
        let mut rows = Vec::new();
        for (row, letter) in (1..).zip(text.chars()) {
            if letter == '|' {
                tab += 1;
            } else {
                rows.push(Print {
                    tab,
                    row,
                    hash: Fingerprint(letter as u128),
                });
            }
        }
        rows
    }

    fn check(before: &str, after: &str, wanted: &str) {
        let found = match_content(&prints(before), &prints(after));
        let twins: Vec<String> = found
            .twins
            .iter()
            .map(|group| format!("{:?}/{:?}", group.before, group.after))
            .collect();
        let text = format!(
            "{:?} -{:?} +{:?} {}",
            found.pairs,
            found.before_left,
            found.after_left,
            twins.join(" ")
        );
        assert_eq!(text.trim_end(), wanted, "{before} -> {after}");
    }

    #[test]
    fn content_is_found_wherever_it_stands() {
        check("abc", "cab", "[(2, 0), (0, 1), (1, 2)] -[] +[]");
        check("abc", "axc", "[(0, 0), (2, 2)] -[1] +[1]");
        check("ab|c", "a|bc", "[(0, 0), (1, 1), (2, 2)] -[] +[]");
    }

    #[test]
    fn equal_rows_pair_in_order_and_in_their_tab_first() {
        check("aab", "baa", "[(2, 0), (0, 1), (1, 2)] -[] +[]");
        check("a|a", "|aa", "[(1, 0), (0, 1)] -[] +[]");
    }

    #[test]
    fn a_change_in_the_number_of_equal_rows_is_said() {
        check("aab", "ab", "[(0, 0), (2, 1)] -[1] +[] [0, 1]/[0]");
        check("ab", "aba", "[(0, 0), (1, 1)] -[] +[2] [0]/[0, 2]");
        check("a|b", "a|ba", "[(0, 0), (1, 1)] -[] +[2] [0]/[0, 2]");
        check("a|a", "a|", "[(0, 0)] -[1] +[]");
        check("aa", "", "[] -[0, 1] +[]");
    }

    #[test]
    fn what_stands_beside_is_known() {
        let found = match_content(&prints("abcd|e"), &prints("axyd|e"));
        assert_eq!(
            found.before_spots,
            [
                Spot {
                    above: Beside::Paired(0),
                    below: Beside::Left(1)
                },
                Spot {
                    above: Beside::Left(0),
                    below: Beside::Paired(3)
                },
            ]
        );
    }
}
