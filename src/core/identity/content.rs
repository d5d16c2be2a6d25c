//! Step 1 on fingerprints alone: rows of the same content are the same customer, wherever they now stand.
//!
//! Needs 24 bytes a row, so the largest workbook fits; the cells of what is left are looked at in
//! [`super::leftover`]. O(n).

use std::cmp::Ordering;
use std::collections::HashMap;

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
    let mut classes: HashMap<Fingerprint, u32> = HashMap::with_capacity(before.len());
    let mut members: Vec<Members> = Vec::with_capacity(before.len());
    let mut class_of = |hash: Fingerprint, members: &mut Vec<Members>| -> usize {
        let next = u32::try_from(members.len()).unwrap_or(u32::MAX);
        let class = *classes.entry(hash).or_insert(next);
        if class == next {
            members.push(Members::default());
        }
        class as usize
    };
    let before_class: Vec<usize> = before
        .iter()
        .enumerate()
        .map(|(at, print)| {
            let class = class_of(print.hash, &mut members);
            members[class].before.push(at);
            class
        })
        .collect();
    let after_class: Vec<usize> = after
        .iter()
        .enumerate()
        .map(|(at, print)| {
            let class = class_of(print.hash, &mut members);
            members[class].after.push(at);
            class
        })
        .collect();

    let mut partner_before = vec![None; before.len()];
    let mut partner_after = vec![None; after.len()];
    let mut twins = Vec::new();
    for class in &members {
        for (b, a) in class.pair_up(before, after) {
            partner_before[b] = Some(a);
            partner_after[a] = Some(b);
        }
        twins.extend(class.twins(before, &partner_before, &partner_after));
    }

    let (before_left, before_spots) = left_over(before, &before_class, &partner_before);
    let (after_left, after_spots) = left_over(after, &after_class, &partner_after);
    ContentMatch {
        pairs: partner_after
            .iter()
            .enumerate()
            .filter_map(|(a, b)| b.map(|b| (b, a)))
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

/// The positions of the rows of one content.
#[derive(Default)]
struct Members {
    before: Vec<usize>,
    after: Vec<usize>,
}

impl Members {
    fn pair_up(&self, before: &[Print], after: &[Print]) -> Vec<(usize, usize)> {
        // Nearly every class has one row on each side.
        if let ([b], [a]) = (self.before.as_slice(), self.after.as_slice()) {
            return vec![(*b, *a)];
        }
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
    fn twins(
        &self,
        before: &[Print],
        partner_before: &[Option<usize>],
        partner_after: &[Option<usize>],
    ) -> Vec<Twins> {
        if self.before.len() == self.after.len() || self.before.is_empty() || self.after.is_empty()
        {
            return Vec::new();
        }
        if self.after.len() > self.before.len() {
            let mut after = self.after.clone();
            after.sort_by_key(|&a| (partner_after[a].is_none(), a));
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
                here.sort_by_key(|&b| (partner_before[b].is_none(), b));
                let after: Vec<usize> = here.iter().filter_map(|&b| partner_before[b]).collect();
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
fn left_over(
    rows: &[Print],
    class: &[usize],
    partner: &[Option<usize>],
) -> (Vec<usize>, Vec<Spot>) {
    let left: Vec<usize> = (0..rows.len())
        .filter(|&at| partner[at].is_none())
        .collect();
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let beside = |at: usize, other: Option<usize>| match other {
        Some(other) if rows[other].tab == rows[at].tab => match partner[other] {
            Some(_) => Beside::Paired(number(class[other])),
            None => Beside::Left(number(left.partition_point(|&l| l < other))),
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
