//! Puts pairs, groups and what is left alone together: every row ends in just one of them.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{FieldInfo, Group, How, Leftover, Matching, Pair};
use crate::core::identity::assign::Sets;
use crate::core::identity::content::Twins;

/// Rows that a group must hold, by their positions in the whole polls.
#[derive(Clone, Debug)]
pub(super) struct Doubt {
    pub(super) before: Vec<usize>,
    pub(super) after: Vec<usize>,
    pub(super) why: String,
    /// All readings differ only in which of equal rows is which.
    pub(super) interchangeable: bool,
    pub(super) likely: Vec<(usize, usize)>,
}

impl Leftover<'_> {
    /// A doubt about leftovers.
    pub(super) fn doubt(
        &self,
        before: &[usize],
        after: &[usize],
        why: String,
        likely: &[(usize, usize)],
    ) -> Doubt {
        let (old, new) = (&self.content.before_left, &self.content.after_left);
        Doubt {
            before: before.iter().map(|&b| old[b]).collect(),
            after: after.iter().map(|&a| new[a]).collect(),
            why,
            interchangeable: false,
            likely: likely.iter().map(|&(b, a)| (old[b], new[a])).collect(),
        }
    }

    pub(super) fn gather(mut self, fields: &[FieldInfo]) -> Matching {
        let twins = self.twin_doubts(fields);
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
        self.keep_order(&mut pairs);

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

    /// Rows that became equal to others may stand for one another: then the upper one before is the upper one after.
    fn keep_order(&self, pairs: &mut [Pair]) {
        let more = |twins: &&Twins| twins.after.len() > twins.before.len();
        for twins in self.content.twins.iter().filter(more) {
            let mut found: Vec<usize> = twins
                .after
                .iter()
                .filter_map(|after| pairs.binary_search_by_key(after, |pair| pair.after).ok())
                .collect();
            found.sort_unstable();
            let mut befores: Vec<(usize, How)> = found
                .iter()
                .map(|&at| (pairs[at].before, pairs[at].how))
                .collect();
            befores.sort_unstable_by_key(|(before, _)| *before);
            for (at, (before, how)) in found.into_iter().zip(befores) {
                pairs[at].before = before;
                pairs[at].how = how;
            }
        }
    }

    /// Equal rows to which different things happened: to which of them, nobody can say.
    fn twin_doubts(&self, fields: &[FieldInfo]) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        for twins in &self.content.twins {
            doubts.extend(if twins.after.len() > twins.before.len() {
                self.copies(&twins.before, &twins.after)
            } else {
                self.fates(&twins.before, &twins.after, fields)
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
        doubts.extend(
            classes
                .iter()
                .filter_map(|rows| self.fates(rows, &[], fields)),
        );
        doubts.extend(self.edited_and_copied());
        doubts
    }

    /// Rows that are equal now and were nowhere before: was one of them edited, and copied then?
    fn edited_and_copied(&self) -> Vec<Doubt> {
        let mut equal: HashMap<u128, Vec<usize>> = HashMap::new();
        for (a, digest) in self.after.iter().enumerate() {
            equal.entry(digest.content).or_default().push(a);
        }
        let mut doubts: Vec<Doubt> = equal
            .into_values()
            .filter(|rows| rows.len() > 1)
            .filter_map(|rows| {
                let row = |a: &usize| self.content.after_left[*a];
                let after: Vec<usize> = rows.iter().map(row).collect();
                let edited = rows.iter().filter_map(|&a| self.partner_after[a]);
                let before: Vec<usize> = edited.map(|(b, _)| self.content.before_left[b]).collect();
                (!before.is_empty())
                    .then(|| self.copies(&before, &after))
                    .flatten()
            })
            .collect();
        doubts.sort_by(|one, other| one.after.cmp(&other.after));
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
            why: format!(
                "{} rows are equal in every cell where there {} {}: which of them {} new cannot be told",
                after.len(),
                if before.len() == 1 { "was" } else { "were" },
                before.len(),
                if after.len() - before.len() == 1 { "is" } else { "are" },
            ),
            interchangeable: true,
            likely: before.iter().copied().zip(after.iter().copied()).collect(),
        })
    }

    /// Equal rows before, those first that kept their content (as the rows `kept` after): whether the same happened to all.
    fn fates(&self, before: &[usize], kept: &[usize], fields: &[FieldInfo]) -> Option<Doubt> {
        let mut likely: Vec<(usize, usize)> =
            before.iter().copied().zip(kept.iter().copied()).collect();
        let mut gone = 0_usize;
        let mut changed: BTreeSet<u128> = BTreeSet::new();
        let mut differs: BTreeSet<usize> = BTreeSet::new();
        for &row in before {
            let Ok(b) = self.content.before_left.binary_search(&row) else {
                continue;
            };
            match self.partner_before[b] {
                Some((a, _)) => {
                    changed.insert(self.after[a].content);
                    let (old, new) = (&self.before[b].texts, &self.after[a].texts);
                    differs.extend((0..fields.len()).filter(|&field| old[field] != new[field]));
                    likely.push((row, self.content.after_left[a]));
                }
                None => gone += 1,
            }
        }
        let fates = changed.len() + usize::from(gone > 0) + usize::from(!kept.is_empty());
        if fates < 2 {
            return None;
        }
        let differs: Vec<&str> = differs.iter().map(|&at| fields[at].id.as_str()).collect();
        let edited = format!("some now differ in {}", listed(&differs));
        let what = match (changed.is_empty(), gone) {
            (true, _) => format!("{gone} gone"),
            (false, 0) => edited,
            (false, _) => format!("{edited}, and {gone} gone"),
        };
        let why = format!(
            "{} rows were equal in every cell; {what}: which of them it was cannot be told",
            before.len()
        );
        Some(Doubt {
            before: before.to_vec(),
            after: likely.iter().map(|(_, a)| *a).collect(),
            why,
            interchangeable: true,
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
    let mut groups: Vec<Group> = Vec::new();
    let mut group_of: HashMap<usize, usize> = HashMap::new();
    let mut taken: HashSet<(bool, usize)> = HashSet::new();
    for (at, doubt) in doubts.iter().enumerate() {
        let place = *group_of.entry(sets.root(at)).or_insert_with(|| {
            groups.push(Group {
                before: Vec::new(),
                after: Vec::new(),
                why: String::new(),
                interchangeable: true,
                likely: Vec::new(),
            });
            groups.len() - 1
        });
        let group = &mut groups[place];
        group.before.extend(&doubt.before);
        group.after.extend(&doubt.after);
        group.interchangeable &= doubt.interchangeable;
        if group.why.is_empty() {
            group.why.clone_from(&doubt.why);
        } else if !group.why.contains(&doubt.why) {
            group.why = format!("{}; {}", group.why, doubt.why);
        }
        for &(before, after) in &doubt.likely {
            if !taken.contains(&(false, before)) && !taken.contains(&(true, after)) {
                taken.extend([(false, before), (true, after)]);
                group.likely.push((before, after));
            }
        }
    }
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

/// `stage`, `stage and note`, `name, phone and 3 more`.
pub(super) fn listed(fields: &[&str]) -> String {
    match fields {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first, second] => format!("{first} and {second}"),
        [first, second, third] => format!("{first}, {second} and {third}"),
        [first, second, rest @ ..] => format!("{first}, {second} and {} more", rest.len()),
    }
}
