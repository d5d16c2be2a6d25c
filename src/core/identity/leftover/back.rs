//! Removed records that are there again: by id, by content, or by name with contact, never by weak similarity.

use std::collections::{HashMap, HashSet};

use super::Leftover;
use crate::core::identity::likeness::{Alike, Digest, names};
use crate::core::identity::weigh::{Circumstance, Stand, Verdict, Weights};
use crate::core::identity::{FieldInfo, How};

/// Whether removed records may take a row before the live ones were compared with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hurry {
    /// Yes, but not a row that shares name or contact with a live row still alone: a live row beats a removed one.
    UnlessLiveRowsCompete,
    /// All live rows were compared.
    NoNeed,
}

/// By what removed records are found.
#[derive(Default)]
struct Gone<'a> {
    by_id: HashMap<&'a str, usize>,
    by_content: HashMap<u128, Vec<usize>>,
    by_key: HashMap<u64, Vec<usize>>,
}

impl<'a> Gone<'a> {
    fn of(gone: &'a [Digest], used: &HashSet<usize>) -> Self {
        let mut found = Self::default();
        for (t, digest) in gone.iter().enumerate().filter(|(t, _)| !used.contains(t)) {
            found.by_content.entry(digest.content).or_default().push(t);
            if !digest.id.is_empty() {
                found.by_id.insert(&digest.id, t);
            }
            for mark in digest.key_marks() {
                found.by_key.entry(mark).or_default().push(t);
            }
        }
        found
    }

    /// Of equal removed records the one that went last.
    fn certain(&self, row: &Digest, taken: &HashSet<usize>) -> Option<(usize, How)> {
        let same_id = self.by_id.get(row.id.as_str()).map(|&t| (t, How::Id));
        let newest = |list: &Vec<usize>| list.iter().rev().find(|t| !taken.contains(*t)).copied();
        let same_content = self.by_content.get(&row.content).and_then(newest);
        same_id
            .filter(|(t, _)| !taken.contains(t))
            .or(same_content.map(|t| (t, How::Content)))
    }
}

impl Leftover<'_> {
    /// Gives rows that are still alone to the removed records they are.
    pub(super) fn back_again(&mut self, fields: &[FieldInfo], hurry: Hurry) {
        if self.gone.is_empty() {
            return;
        }
        let used: HashSet<usize> = self.returned.iter().flatten().map(|(t, _)| *t).collect();
        let gone = Gone::of(&self.gone, &used);
        let weights = Weights::new(fields, self.crowd, &self.gone);
        let mut taken: HashSet<usize> = HashSet::new();
        let mut found: Vec<(usize, usize, How)> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        // What is certain first, so that a looser claim cannot take its record.
        for a in self.may_return(hurry) {
            match gone.certain(&self.after[a], &taken) {
                Some((t, how)) => {
                    taken.insert(t);
                    found.push((t, a, how));
                }
                None => open.push(a),
            }
        }
        for a in open {
            let row = &self.after[a];
            let best = row
                .key_marks()
                .iter()
                .filter_map(|mark| gone.by_key.get(mark))
                .flatten()
                .filter(|t| !taken.contains(*t))
                .filter_map(|&t| Some((t, self.returns(&weights, &self.gone[t], row)?)))
                .max_by(|one, other| one.1.total_cmp(&other.1).then(one.0.cmp(&other.0)));
            if let Some((t, _)) = best {
                taken.insert(t);
                found.push((t, a, How::Key));
            }
        }
        for (t, a, how) in found {
            self.returned[a] = Some((t, how));
        }
    }

    /// The rows that a removed record may be.
    fn may_return(&self, hurry: Hurry) -> Vec<usize> {
        let live = self.live_marks();
        let doubtful: HashSet<usize> = self.doubts.iter().flat_map(|d| d.after.clone()).collect();
        let rival = |row: &Digest| competing_marks(row).iter().any(|mark| live.contains(mark));
        (0..self.after.len())
            .filter(|&a| self.partner_after[a].is_none() && self.returned[a].is_none())
            .filter(|&a| !doubtful.contains(&self.content.after_left[a]))
            .filter(|&a| hurry == Hurry::NoNeed || !rival(&self.after[a]))
            .collect()
    }

    /// How well a row fits a removed record with which it shares a key; `None` if it is not that one.
    fn returns(&self, weights: &Weights<'_>, gone: &Digest, row: &Digest) -> Option<f64> {
        let named = matches!(names(gone, row), Alike::Same | Alike::Folded | Alike::Close);
        if !named {
            return None;
        }
        // A person with another deal in the sheet may as well have begun a third one.
        let alive = row.person_marks().iter().any(|&mark| {
            self.crowd.of(mark) > 0 || self.counts.after.get(&mark).is_some_and(|&n| n > 1)
        });
        let at = Circumstance {
            stand: Stand::Neither,
            known_person: alive,
            rivals: false,
            shared_key: alive,
            shared_name: alive,
            pool: 1,
        };
        let bond = weights.bond(gone, row, at)?;
        (bond.verdict == Verdict::Sure).then_some(bond.score)
    }

    /// Names and contacts of the live rows that are still alone.
    fn live_marks(&self) -> HashSet<u64> {
        self.before
            .iter()
            .zip(&self.partner_before)
            .filter(|(_, partner)| partner.is_none())
            .flat_map(|(digest, _)| competing_marks(digest))
            .collect()
    }
}

/// What makes a live row a rival of a removed record for the same row.
fn competing_marks(digest: &Digest) -> Vec<u64> {
    let mut marks = digest.key_marks();
    marks.extend(digest.name_mark());
    marks
}
