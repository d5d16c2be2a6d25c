//! How often a value occurs: what many rows share tells little about one of them.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::likeness::Digest;
use super::{FieldInfo, Row};
use crate::core::record::Cells;

/// Counts of values over the rows that were paired by content.
///
/// It is optional evidence: without it, rarity is judged by the leftovers and by the kind of field,
/// and nobody knows whether a paired row has the same phone. Memory: some 24 bytes for each distinct
/// value, or only for the values of the leftovers with [`Crowd::watching`].
#[derive(Clone, Debug, Default)]
pub struct Crowd {
    rows: u32,
    counts: HashMap<u64, u32>,
    watched: Option<HashSet<u64>>,
}

impl Crowd {
    /// A crowd that counts only what occurs in these rows (the leftovers of both polls).
    pub fn watching<'a>(
        leftovers: impl IntoIterator<Item = &'a Row>,
        fields: &[FieldInfo],
    ) -> Self {
        let watched = leftovers
            .into_iter()
            .flat_map(|row| Digest::new(&row.cells, fields).marks())
            .collect();
        Self {
            watched: Some(watched),
            ..Self::default()
        }
    }

    /// Counts one row.
    pub fn count(&mut self, cells: &Cells, fields: &[FieldInfo]) {
        self.rows = self.rows.saturating_add(1);
        for mark in Digest::new(cells, fields).marks() {
            if self.watched.as_ref().is_none_or(|set| set.contains(&mark)) {
                *self.counts.entry(mark).or_default() += 1;
            }
        }
    }

    /// The rows counted.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// In how many rows something occurs that [`mark`] stands for.
    pub(super) fn of(&self, mark: u64) -> u32 {
        self.counts.get(&mark).copied().unwrap_or(0)
    }
}

/// A number that stands for a value in a role, within one run of the program.
pub(super) fn mark(role: impl Hash, value: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    role.hash(&mut hasher);
    value.hash(&mut hasher);
    hasher.finish()
}
