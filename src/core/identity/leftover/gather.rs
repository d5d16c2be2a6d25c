//! Puts pairs, groups and what is left alone together: every row ends in just one of them.

use std::collections::{BTreeSet, HashMap};

use super::{Group, How, Leftover, Matching, Pair};
use crate::core::identity::assign::Sets;

/// Rows that a group must hold, by their positions in the whole polls.
#[derive(Clone, Debug)]
pub(super) struct Doubt {
    pub(super) before: Vec<usize>,
    pub(super) after: Vec<usize>,
    pub(super) why: String,
    pub(super) likely: Vec<(usize, usize)>,
}

impl Leftover<'_> {
    /// A doubt about leftovers.
    pub(super) fn doubt(
        &self,
        before: &[usize],
        after: &[usize],
        why: &str,
        likely: &[(usize, usize)],
    ) -> Doubt {
        let (old, new) = (&self.content.before_left, &self.content.after_left);
        Doubt {
            before: before.iter().map(|&b| old[b]).collect(),
            after: after.iter().map(|&a| new[a]).collect(),
            why: why.to_owned(),
            likely: likely.iter().map(|&(b, a)| (old[b], new[a])).collect(),
        }
    }

    pub(super) fn gather(mut self) -> Matching {
        let twins = self.twin_doubts();
        self.doubts.extend(twins);
        let ambiguous = merged(&self.doubts);
        let unclear = |of: fn(&Group) -> &Vec<usize>| -> BTreeSet<usize> {
            ambiguous.iter().flat_map(of).copied().collect()
        };
        let unclear_before = unclear(|group| &group.before);
        let unclear_after = unclear(|group| &group.after);

        let (old, new) = (&self.content.before_left, &self.content.after_left);
        let by_content = self.content.pairs.iter().map(|&(before, after)| Pair {
            before,
            after,
            how: How::Content,
        });
        let by_rest = self
            .partner_after
            .iter()
            .enumerate()
            .filter_map(|(a, partner)| {
                partner.map(|(b, how)| Pair {
                    before: old[b],
                    after: new[a],
                    how,
                })
            });
        let mut pairs: Vec<Pair> = by_content
            .chain(by_rest)
            .filter(|pair| {
                !unclear_before.contains(&pair.before) && !unclear_after.contains(&pair.after)
            })
            .collect();
        pairs.sort_by_key(|pair| pair.after);

        let clear_after = |a: &usize| !unclear_after.contains(&new[*a]);
        let alone_after = |a: &usize| self.partner_after[*a].is_none();
        Matching {
            pairs,
            returned: (0..new.len())
                .filter(clear_after)
                .filter_map(|a| {
                    self.returned[a].map(|(t, how)| Pair {
                        before: t,
                        after: new[a],
                        how,
                    })
                })
                .collect(),
            added: (0..new.len())
                .filter(|a| alone_after(a) && self.returned[*a].is_none() && clear_after(a))
                .map(|a| new[a])
                .collect(),
            removed: (0..old.len())
                .filter(|&b| self.partner_before[b].is_none() && !unclear_before.contains(&old[b]))
                .map(|b| old[b])
                .collect(),
            ambiguous,
        }
    }

    /// Equal rows to which different things happened: to which of them, nobody can say.
    fn twin_doubts(&self) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        for twins in &self.content.twins {
            doubts.extend(if twins.after.len() > twins.before.len() {
                self.copies(&twins.before, &twins.after)
            } else {
                self.fates(&twins.before, &twins.after)
            });
        }
        // Equal rows none of which kept its content: stage 1 saw no pair among them.
        let known: BTreeSet<usize> = self
            .content
            .twins
            .iter()
            .flat_map(|twins| twins.before.iter().copied())
            .collect();
        let mut equal: HashMap<(u32, u128), Vec<usize>> = HashMap::new();
        for (b, digest) in self.before.iter().enumerate() {
            let row = self.content.before_left[b];
            if !known.contains(&row) {
                equal
                    .entry((self.tabs[0][b], digest.content))
                    .or_default()
                    .push(row);
            }
        }
        let mut classes: Vec<Vec<usize>> =
            equal.into_values().filter(|rows| rows.len() > 1).collect();
        classes.sort_unstable();
        doubts.extend(classes.iter().filter_map(|rows| self.fates(rows, &[])));
        doubts
    }

    /// A row became several equal ones. Those that were other rows before, or are back again, are no copies.
    fn copies(&self, before: &[usize], after: &[usize]) -> Option<Doubt> {
        let fresh = after.iter().any(|row| {
            self.content
                .after_left
                .binary_search(row)
                .is_ok_and(|a| self.partner_after[a].is_none() && self.returned[a].is_none())
        });
        fresh.then(|| Doubt {
            before: before.to_vec(),
            after: after.to_vec(),
            why: "a row became several equal ones: which is the copy cannot be told".to_owned(),
            likely: before.iter().copied().zip(after.iter().copied()).collect(),
        })
    }

    /// Equal rows before, those first that kept their content (as the rows `kept` after): whether the same happened to all.
    fn fates(&self, before: &[usize], kept: &[usize]) -> Option<Doubt> {
        let mut likely: Vec<(usize, usize)> =
            before.iter().copied().zip(kept.iter().copied()).collect();
        let mut gone = false;
        let mut changed: BTreeSet<u128> = BTreeSet::new();
        for &row in before {
            let Ok(b) = self.content.before_left.binary_search(&row) else {
                continue;
            };
            match self.partner_before[b] {
                Some((a, _)) => {
                    changed.insert(self.after[a].content);
                    likely.push((row, self.content.after_left[a]));
                }
                None => gone = true,
            }
        }
        let fates = changed.len() + usize::from(gone) + usize::from(!kept.is_empty());
        if fates < 2 {
            return None;
        }
        let why = if changed.is_empty() {
            "equal rows, and not all of them are left: which one is gone cannot be told"
        } else {
            "equal rows to which different things happened: which is which cannot be told"
        };
        Some(Doubt {
            before: before.to_vec(),
            after: likely.iter().map(|(_, a)| *a).collect(),
            why: why.to_owned(),
            likely,
        })
    }
}

/// Doubts that share a row become one group.
fn merged(doubts: &[Doubt]) -> Vec<Group> {
    let mut seen: HashMap<(bool, usize), usize> = HashMap::new();
    let mut sets = Sets::new(doubts.len());
    for (at, doubt) in doubts.iter().enumerate() {
        let before = doubt.before.iter().map(|&row| (false, row));
        let after = doubt.after.iter().map(|&row| (true, row));
        for node in before.chain(after) {
            let first = *seen.entry(node).or_insert(at);
            sets.join(first, at);
        }
    }
    let mut groups: Vec<(usize, Group)> = Vec::new();
    for (at, doubt) in doubts.iter().enumerate() {
        let root = sets.root(at);
        let place = groups.iter().position(|(other, _)| *other == root);
        let place = place.unwrap_or_else(|| {
            groups.push((
                root,
                Group {
                    before: Vec::new(),
                    after: Vec::new(),
                    why: String::new(),
                    likely: Vec::new(),
                },
            ));
            groups.len() - 1
        });
        let group = &mut groups[place].1;
        group.before.extend(&doubt.before);
        group.after.extend(&doubt.after);
        if group.why.is_empty() {
            group.why.clone_from(&doubt.why);
        } else if !group.why.contains(&doubt.why) {
            group.why = format!("{}; {}", group.why, doubt.why);
        }
        for &(before, after) in &doubt.likely {
            let free = !group
                .likely
                .iter()
                .any(|(b, a)| *b == before || *a == after);
            if free {
                group.likely.push((before, after));
            }
        }
    }
    let mut groups: Vec<Group> = groups.into_iter().map(|(_, group)| group).collect();
    for group in &mut groups {
        for rows in [&mut group.before, &mut group.after] {
            rows.sort_unstable();
            rows.dedup();
        }
        group.likely.sort_unstable();
    }
    groups.sort_by(|one, other| (&one.after, &one.before).cmp(&(&other.after, &other.before)));
    groups
}
