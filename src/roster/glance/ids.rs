//! Ids and places in a list. Rows of a first look have consecutive numbers, so half a million of them are a few runs.

use std::collections::BTreeMap;

/// Which id stands at which place.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// The first place and number of each run.
    runs: Vec<(usize, u128)>,
    /// By the first number of a run, its first place and how many there are.
    by_id: BTreeMap<u128, (usize, usize)>,
}

impl Ids {
    /// Where an id stands.
    pub(super) fn find(&self, id: u128) -> Option<usize> {
        let (first, (at, count)) = self.by_id.range(..=id).next_back()?;
        let behind = usize::try_from(id - first).ok()?;
        (behind < *count).then_some(at + behind)
    }

    /// Adds an id that is not there at the next place, which is `at`.
    pub(super) fn push(&mut self, id: u128, at: usize) {
        if let Some((_, first)) = self.runs.last()
            && let Some((_, count)) = self.by_id.get_mut(first)
            && first.checked_add(*count as u128) == Some(id)
        {
            *count += 1;
            return;
        }
        self.runs.push((at, id));
        self.by_id.insert(id, (at, 1));
    }

    /// The id at a place that there is.
    pub(super) fn of(&self, at: usize) -> u128 {
        let run = self.runs.partition_point(|(first, _)| *first <= at) - 1;
        let (first, id) = self.runs[run];
        id + (at - first) as u128
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_by_place_and_places_by_id() {
        let mut ids = Ids::default();
        let all = [10, 11, 12, 5, 20, 21, 6, u128::MAX];
        for (at, id) in all.into_iter().enumerate() {
            ids.push(id, at);
        }
        assert_eq!(ids.runs.len(), 5);
        for (at, id) in all.into_iter().enumerate() {
            assert_eq!((ids.of(at), ids.find(id)), (id, Some(at)));
        }
        for id in [0, 4, 7, 9, 13, 19, 22] {
            assert_eq!(ids.find(id), None, "{id}");
        }
    }
}
