//! Which three mails a manager should see before pressing the button: the shortest, the longest, and
//! the most unusual one, where a mistake would show first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Said;

/// What is noted of one rendered mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// Letters of its text.
    pub letters: usize,
    /// How many values were missing, so that a fallback stands in their place.
    pub fallbacks: usize,
    /// Letters of the recipient's name.
    pub name_letters: usize,
    /// Which of the campaign's texts it is.
    pub variant: usize,
}

/// A mail among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    index: usize,
    traits: Traits,
}

/// Chooses while the mails go by; keeps a handful of them.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    shortest: Option<Seen>,
    longest: Option<Seen>,
    /// By variant: how many, and the most unusual of them.
    unusual: BTreeMap<usize, (usize, Seen)>,
    /// The most unusual but one of each variant, for when the first is a sample already.
    second: BTreeMap<usize, Seen>,
}

/// Why a mail was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The shortest of all.
    Shortest,
    /// The longest of all.
    Longest,
    /// A missing value, a long name, a text that few get.
    Unusual,
}

impl Why {
    /// As people say it.
    pub fn said(self) -> Said {
        match self {
            Self::Shortest => Said::new("thư ngắn nhất", "the shortest"),
            Self::Longest => Said::new("thư dài nhất", "the longest"),
            Self::Unusual => Said::new("thư khác thường nhất", "the most unusual"),
        }
    }

    /// For the name of a file.
    pub fn slug(self) -> Said {
        match self {
            Self::Shortest => Said::new("ngan-nhat", "shortest"),
            Self::Longest => Said::new("dai-nhat", "longest"),
            Self::Unusual => Said::new("khac-thuong", "unusual"),
        }
    }
}

impl Samples {
    /// Notes the mail of this number (its place among the recipients).
    pub fn take(&mut self, index: usize, traits: Traits) {
        let seen = Seen { index, traits };
        if self
            .shortest
            .is_none_or(|least| traits.letters < least.traits.letters)
        {
            self.shortest = Some(seen);
        }
        if self
            .longest
            .is_none_or(|most| traits.letters > most.traits.letters)
        {
            self.longest = Some(seen);
        }
        let (count, best) = self.unusual.entry(traits.variant).or_insert((0, seen));
        *count += 1;
        if oddity(traits) > oddity(best.traits) {
            self.second
                .insert(traits.variant, std::mem::replace(best, seen));
        } else if best.index != index
            && self
                .second
                .get(&traits.variant)
                .is_none_or(|second| oddity(traits) > oddity(second.traits))
        {
            self.second.insert(traits.variant, seen);
        }
    }

    /// Up to three different mails, in the order shortest, longest, most unusual; fewer where there
    /// are not so many. Among the unusual ones a text that few get goes first.
    pub fn choose(&self) -> Vec<(usize, Why)> {
        let mut chosen: Vec<(usize, Why)> = Vec::new();
        for (seen, why) in [(self.shortest, Why::Shortest), (self.longest, Why::Longest)] {
            if let Some(seen) = seen
                && !chosen.iter().any(|(index, _)| *index == seen.index)
            {
                chosen.push((seen.index, why));
            }
        }
        let all: usize = self.unusual.values().map(|(count, _)| count).sum();
        let shown: Vec<usize> = chosen.iter().map(|(index, _)| *index).collect();
        let shown_variants: Vec<usize> = [self.shortest, self.longest]
            .iter()
            .flatten()
            .map(|seen| seen.traits.variant)
            .collect();
        let open = self.unusual.iter().flat_map(|(variant, (count, best))| {
            let second = self.second.get(variant);
            [Some(best), second]
                .into_iter()
                .flatten()
                .map(move |seen| (*count, seen))
        });
        let best = open
            .filter(|(_, seen)| !shown.contains(&seen.index))
            .max_by_key(|(count, seen)| {
                // A text that nobody would see otherwise, then the rare one, then the odd one.
                let unseen = !shown_variants.contains(&seen.traits.variant);
                let rare = *count * 10 < all;
                (
                    unseen,
                    rare,
                    oddity(seen.traits),
                    std::cmp::Reverse(seen.index),
                )
            });
        if let Some((_, seen)) = best {
            chosen.push((seen.index, Why::Unusual));
        }
        chosen
    }
}

/// Missing values count before long names.
fn oddity(traits: Traits) -> (usize, usize) {
    (traits.fallbacks, traits.name_letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traits(letters: usize, fallbacks: usize, name_letters: usize, variant: usize) -> Traits {
        Traits {
            letters,
            fallbacks,
            name_letters,
            variant,
        }
    }

    fn chosen(all: &[Traits]) -> Vec<(usize, Why)> {
        let mut samples = Samples::default();
        for (index, traits) in all.iter().enumerate() {
            samples.take(index, *traits);
        }
        samples.choose()
    }

    #[test]
    fn the_shortest_the_longest_and_the_odd_one() {
        let all = [
            traits(100, 0, 10, 0),
            traits(90, 0, 8, 0),
            traits(95, 2, 9, 0),
            traits(130, 0, 20, 0),
            traits(96, 0, 30, 0),
        ];
        assert_eq!(
            chosen(&all),
            [(1, Why::Shortest), (3, Why::Longest), (2, Why::Unusual)]
        );
    }

    #[test]
    fn a_text_that_few_get_is_seen() {
        let mut all = vec![traits(100, 0, 10, 0); 20];
        all[0].letters = 90;
        all[1].letters = 120;
        all[2].fallbacks = 3;
        all[7].variant = 1;
        assert_eq!(chosen(&all)[2], (7, Why::Unusual));
    }

    #[test]
    fn few_mails_make_few_samples() {
        assert_eq!(chosen(&[]), []);
        assert_eq!(chosen(&[traits(10, 0, 1, 0)]), [(0, Why::Shortest)]);
        let two = [traits(10, 0, 1, 0), traits(10, 0, 2, 0)];
        assert_eq!(chosen(&two), [(0, Why::Shortest), (1, Why::Unusual)]);
        // The oddest one is the longest already: the next one is shown.
        let three = [
            traits(10, 0, 1, 0),
            traits(30, 5, 9, 0),
            traits(20, 0, 3, 0),
        ];
        assert_eq!(
            chosen(&three),
            [(0, Why::Shortest), (1, Why::Longest), (2, Why::Unusual)]
        );
    }
}
