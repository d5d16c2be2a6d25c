//! Whether a matching is true to the hidden numbers, and which mistakes no human could have avoided.

use std::collections::{BTreeMap, BTreeSet};

use sheetbridge::core::identity::{Group, Matching, changed_fields};

use super::office::Customer;
use super::sheet::{FIELDS, Poll};

/// A removed customer that may return.
pub(crate) type Gone = Vec<(sheetbridge::core::identity::Row, Customer)>;

/// Two polls, and who was removed before them.
pub(crate) struct Judge<'a> {
    before: &'a Poll,
    after: &'a Poll,
    gone: &'a Gone,
    old_at: BTreeMap<u32, usize>,
    new_at: BTreeMap<u32, usize>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(before: &'a Poll, after: &'a Poll, gone: &'a Gone) -> Self {
        let number_of = |list: &[Customer]| -> BTreeMap<u32, usize> {
            list.iter()
                .enumerate()
                .map(|(at, customer)| (customer.number, at))
                .collect()
        };
        Self {
            before,
            after,
            gone,
            old_at: number_of(&before.who),
            new_at: number_of(&after.who),
        }
    }

    /// What is wrong with a matching, as text; empty if nothing is.
    pub(crate) fn mistakes(&self, found: &Matching) -> Vec<String> {
        let mut wrong = self.after.misread.clone();
        self.pairs(found, &mut wrong);
        self.returned(found, &mut wrong);
        self.added(found, &mut wrong);
        self.removed(found, &mut wrong);
        let groups = found.ambiguous.iter();
        wrong.extend(groups.filter_map(|group| self.no_riddle(group)));
        self.everyone_once(found, &mut wrong);
        if !wrong.is_empty() {
            wrong.push(self.said(found));
        }
        wrong
    }

    /// All that a matching says beside who simply stayed who it was, by the hidden numbers.
    fn said(&self, found: &Matching) -> String {
        let old = |at: &usize| format!("#{}", self.before.who[*at].number);
        let new = |at: &usize| format!("#{}", self.after.who[*at].number);
        let list = |at: &[usize], name: &dyn Fn(&usize) -> String| -> String {
            at.iter().map(name).collect::<Vec<_>>().join(" ")
        };
        let crossed = found
            .pairs
            .iter()
            .filter(|pair| old(&pair.before) != new(&pair.after));
        let pairs: Vec<String> = crossed
            .map(|pair| {
                format!(
                    "{} -> {} {:?}",
                    old(&pair.before),
                    new(&pair.after),
                    pair.how
                )
            })
            .collect();
        let returned = found.returned.iter();
        let returned: Vec<String> = returned
            .map(|pair| {
                format!(
                    "#{} -> {} {:?}",
                    self.gone[pair.before].1.number,
                    new(&pair.after),
                    pair.how
                )
            })
            .collect();
        let groups: Vec<String> = found
            .ambiguous
            .iter()
            .map(|group| {
                format!(
                    "{} / {}",
                    list(&group.before, &old),
                    list(&group.after, &new)
                )
            })
            .collect();
        format!(
            "crossed: {}; added: {}; removed: {}; returned: {}; unclear: {}",
            pairs.join(", "),
            list(&found.added, &new),
            list(&found.removed, &old),
            returned.join(", "),
            groups.join(", ")
        )
    }

    fn pairs(&self, found: &Matching, wrong: &mut Vec<String>) {
        for pair in &found.pairs {
            let (old, new) = (&self.before.who[pair.before], &self.after.who[pair.after]);
            if old.number == new.number {
                continue;
            }
            let truth_before = self.old_at.get(&new.number).map(|&at| &self.before.who[at]);
            let truth_after = self.new_at.get(&old.number).map(|&at| &self.after.who[at]);
            // Rows that are equal in every cell may stand for one another.
            let interchangeable = truth_before.is_some_and(|other| equal(other, old))
                || truth_after.is_some_and(|other| equal(other, new))
                || equal(old, new);
            // The one is gone and the other nobody before: typed again under name and contact, a copy that was
            // edited less than its original, or one of a couple typed over by the other.
            let typed_again = truth_before.is_none()
                && (one_person(old, new)
                    && (truth_after.is_none_or(|itself| !same_contact(old, itself))
                        || mostly_kept(old, new))
                    || truth_after.is_none() && same_contact(old, new) && mostly_kept(old, new));
            // Name and phone new and all else equal between the same neighbours.
            let by_chance = truth_before.is_none() && truth_after.is_none() && only_marks(old, new);
            if !(interchangeable || typed_again || by_chance) {
                let is = truth_after.map_or_else(String::new, |who| format!(", but is {who}"));
                let was = truth_before.map_or(is, |who| format!(", which was {who}"));
                wrong.push(format!("false pair ({:?}): {old} -> {new}{was}", pair.how));
            }
        }
    }

    fn returned(&self, found: &Matching, wrong: &mut Vec<String>) {
        for pair in &found.returned {
            let (old, new) = (&self.gone[pair.before].1, &self.after.who[pair.after]);
            let truth = self
                .gone
                .iter()
                .map(|(_, who)| who)
                .find(|who| who.number == new.number);
            let stands_for = truth.is_some_and(|other| equal(other, old));
            // Somebody new, for us, with name and contact of somebody who went: begun again, or a copy.
            let again =
                !self.old_at.contains_key(&new.number) && (one_person(old, new) || equal(old, new));
            // Who is there may have become equal to who went, when its own row went to an equal one.
            let swapped = equal(old, new)
                && found
                    .pairs
                    .iter()
                    .any(|p| equal(&self.after.who[p.after], new));
            if old.number != new.number && !stands_for && !again && !swapped {
                wrong.push(format!("false return ({:?}): {old} -> {new}", pair.how));
            }
        }
    }

    fn added(&self, found: &Matching, wrong: &mut Vec<String>) {
        let paired: BTreeSet<usize> = found.pairs.iter().map(|pair| pair.before).collect();
        let returned: BTreeSet<usize> = found.returned.iter().map(|pair| pair.before).collect();
        for &a in &found.added {
            let new = &self.after.who[a];
            if let Some(&b) = self.old_at.get(&new.number) {
                let old = &self.before.who[b];
                if !paired.contains(&b)
                    && !self.beyond_knowing(old, new)
                    && !self.stands_as_it_was(old)
                {
                    wrong.push(format!("false added: {new} was {old}"));
                }
            } else if let Some(t) = self
                .gone
                .iter()
                .position(|(_, who)| who.number == new.number)
            {
                let old = &self.gone[t].1;
                let known = equal(old, new) || one_person(old, new) && !self.has_deals(new);
                if known && mostly_kept(old, new) && !returned.contains(&t) {
                    wrong.push(format!("not returned: {new} was {old}"));
                }
            }
        }
    }

    fn removed(&self, found: &Matching, wrong: &mut Vec<String>) {
        let paired: BTreeSet<usize> = found.pairs.iter().map(|pair| pair.after).collect();
        for &b in &found.removed {
            let old = &self.before.who[b];
            if let Some(&a) = self.new_at.get(&old.number) {
                let new = &self.after.who[a];
                if !paired.contains(&a) && !self.beyond_knowing(old, new) {
                    wrong.push(format!("false removed: {old} is {new}"));
                }
            }
        }
    }

    /// Each row is in just one of the answers.
    fn everyone_once(&self, found: &Matching, wrong: &mut Vec<String>) {
        let mut before: Vec<usize> = found.pairs.iter().map(|pair| pair.before).collect();
        before.extend(&found.removed);
        before.extend(found.ambiguous.iter().flat_map(|group| &group.before));
        before.sort_unstable();
        let mut after: Vec<usize> = found.pairs.iter().map(|pair| pair.after).collect();
        after.extend(found.returned.iter().map(|pair| pair.after));
        after.extend(&found.added);
        after.extend(found.ambiguous.iter().flat_map(|group| &group.after));
        after.sort_unstable();
        let all = |count: usize, seen: Vec<usize>| seen.into_iter().eq(0..count);
        if !all(self.before.who.len(), before) || !all(self.after.who.len(), after) {
            wrong.push("a row is in none or in two of the answers".to_owned());
        }
    }

    /// Whether a row equal to the old one is there: then that one is it, and the edited one is a copy.
    fn stands_as_it_was(&self, old: &Customer) -> bool {
        self.after.who.iter().any(|new| equal(old, new))
    }

    /// Whether so much was changed that the old customer can no longer be seen in the new row.
    fn beyond_knowing(&self, old: &Customer, new: &Customer) -> bool {
        let contact = same_contact(old, new);
        let named = same_name(old, new);
        let most = !mostly_kept(old, new);
        most && (!contact || self.has_deals(old)) || !contact && !named && changes(old, new) > 2
    }

    /// Whether a person has several rows in one of the polls.
    fn has_deals(&self, one: &Customer) -> bool {
        let rows = |list: &[Customer]| list.iter().filter(|other| one_person(one, other)).count();
        rows(&self.before.who) > 1 || rows(&self.after.who) > 1
    }

    /// Whether others have the name.
    fn has_namesakes(&self, one: &Customer) -> bool {
        let rows = |list: &[Customer]| list.iter().filter(|other| same_name(one, other)).count();
        rows(&self.before.who) > 1 || rows(&self.after.who) > 1
    }

    /// What kind of riddle a group is: those that the traces name, or another.
    pub(crate) fn riddle(&self, group: &Group) -> &'static str {
        let olds: Vec<&Customer> = group.before.iter().map(|&b| &self.before.who[b]).collect();
        let news: Vec<&Customer> = group.after.iter().map(|&a| &self.after.who[a]).collect();
        let twice = |list: &[&Customer]| {
            list.iter()
                .enumerate()
                .any(|(at, one)| list[..at].iter().any(|other| equal(one, other)))
        };
        let new_marks = olds.iter().any(|old| {
            let new = news.iter().find(|new| new.number == old.number);
            new.is_some_and(|new| !same_contact(old, new) && !same_name(old, new))
        });
        if twice(&olds) || twice(&news) {
            "equal rows"
        } else if new_marks {
            "name and contact new"
        } else if olds.iter().chain(&news).any(|one| self.has_deals(one)) {
            "deals of one person"
        } else {
            "other"
        }
    }

    /// A group that a careful human would not have been at a loss about, as text.
    fn no_riddle(&self, group: &Group) -> Option<String> {
        let members = |at: &[usize], list: &[Customer]| -> Vec<Customer> {
            at.iter().map(|&row| list[row].clone()).collect()
        };
        let (olds, news) = (
            members(&group.before, &self.before.who),
            members(&group.after, &self.after.who),
        );
        let twice = |list: &[Customer]| {
            list.iter()
                .enumerate()
                .any(|(at, one)| list[..at].iter().any(|other| equal(one, other)))
        };
        let riddle =
            twice(&olds) || twice(&news) || olds.iter().any(|old| self.lost_sight(old, &news));
        let show = |list: &[Customer]| -> String {
            list.iter()
                .map(|customer| format!("\n      {customer}"))
                .collect()
        };
        (!riddle).then(|| {
            format!(
                "no riddle, but \"{}\":{}\n      =>{}",
                group.why,
                show(&olds),
                show(&news)
            )
        })
    }

    /// Whether one cannot say for sure what became of a row, when only these came of the group.
    fn lost_sight(&self, old: &Customer, news: &[Customer]) -> bool {
        let truth = news.iter().find(|new| new.number == old.number);
        news.iter().any(|new| {
            let contact = same_contact(old, new);
            let alike = contact || same_name(old, new) || mostly_kept(old, new);
            match truth {
                // Changed in name and contact both, or known by its name only and others have it, or one of
                // several deals of which most was changed.
                Some(itself) if itself == new => {
                    !contact
                        && (!same_name(old, new)
                            || self.has_namesakes(old)
                            || changes(old, new) > 2
                            || only_name(old, new))
                        || contact
                            && !same_name(old, new)
                            && (!mostly_kept(old, new) || self.shares_contact(old))
                        || self.has_deals(old) && !mostly_wanted(old, new)
                }
                // Another could be it: most of it was changed, or somebody new fits about as well.
                Some(itself) => {
                    let fits = changes(old, new) <= changes(old, itself) + 1;
                    let is_new = !self.old_at.contains_key(&new.number);
                    alike && (!mostly_kept(old, itself) || is_new && fits)
                }
                // It is gone, and one that is like it has come.
                None => alike && !self.old_at.contains_key(&new.number),
            }
        })
    }

    /// Whether another name is known under the contact.
    fn shares_contact(&self, one: &Customer) -> bool {
        let others = |list: &[Customer]| {
            list.iter()
                .any(|other| same_contact(one, other) && !same_name(one, other))
        };
        others(&self.before.who) || others(&self.after.who)
    }
}

fn equal(one: &Customer, other: &Customer) -> bool {
    changes(one, other) == 0
}

/// How many cells differ by more than noise.
fn changes(old: &Customer, new: &Customer) -> usize {
    changed_fields(&old.cells(), &new.cells(), &FIELDS).len()
}

fn same_name(one: &Customer, other: &Customer) -> bool {
    one.get("name").to_lowercase() == other.get("name").to_lowercase()
}

fn same_contact(one: &Customer, other: &Customer) -> bool {
    ["phone", "email"]
        .iter()
        .any(|field| !one.get(field).is_empty() && one.get(field) == other.get(field))
}

/// Whether two rows are of one person by name and phone, or name and e-mail.
fn one_person(one: &Customer, other: &Customer) -> bool {
    same_name(one, other) && same_contact(one, other)
}

/// Whether at least as many filled cells are equal as are not.
fn mostly_kept(old: &Customer, new: &Customer) -> bool {
    let (before, after) = (old.cells(), new.cells());
    let filled: BTreeSet<&str> = before
        .keys()
        .chain(after.keys())
        .map(compact_str::CompactString::as_str)
        .collect();
    changed_fields(&before, &after, &FIELDS).len() * 2 <= filled.len()
}

/// The same of what the customer wants alone.
fn mostly_wanted(old: &Customer, new: &Customer) -> bool {
    let (mut same, mut different) = (0, 0);
    for field in ["type", "area", "budget", "stage", "owner", "note"] {
        match (old.get(field), new.get(field)) {
            ("", "") => {}
            (one, other) if one == other => same += 1,
            _ => different += 1,
        }
    }
    same > different
}

/// Whether the name is all that two rows have in common.
fn only_name(old: &Customer, new: &Customer) -> bool {
    let filled = old.cells().len().max(new.cells().len());
    filled - changes(old, new).min(filled) <= 1
}

/// Whether two rows differ in name and phone and in nothing else.
fn only_marks(old: &Customer, new: &Customer) -> bool {
    let changed = changed_fields(&old.cells(), &new.cells(), &FIELDS);
    changed
        .iter()
        .all(|field| matches!(field.as_str(), "name" | "phone"))
}
