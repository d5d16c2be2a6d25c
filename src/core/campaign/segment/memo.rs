//! What was found out about cells that say the same: the words of half a million rows are a few
//! hundred different texts.

use std::collections::HashMap;

use super::synonyms::{Synonyms, plain};
use super::{Criterion, Unmet};
use crate::core::campaign::listing::{nearest, split};
use crate::core::campaign::{Budget, Choice};
use crate::core::record::Cells;
use crate::core::sheet::{Cell, money, owner};

/// So many different texts of one field are remembered; a field with more is free text, and each of
/// its cells is looked into.
const MOST_TEXTS: usize = 50_000;

/// So many words one criterion may have: they are kept as bits.
pub(crate) const MOST_WORDS: usize = 60;

/// Which of a reader's words a cell has, as bits in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Looked(pub(super) u64);

/// Finds the words of one criterion in the cells of one field.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    /// Its place in the memo.
    number: usize,
    field: &'static str,
    /// The words as written, and every form in which each may stand.
    words: Vec<(String, Vec<String>)>,
}

impl Reader {
    pub(super) fn new(
        number: usize,
        criterion: Criterion,
        choice: &Choice,
        synonyms: &Synonyms,
    ) -> Self {
        let field = criterion.column();
        let words = choice.words().take(MOST_WORDS);
        Self {
            number,
            field,
            words: words
                .map(|word| (word.clone(), synonyms.forms(field, word)))
                .collect(),
        }
    }

    fn find(&self, cell: &Cell) -> Looked {
        let mut found = 0;
        if self.field == "owner" {
            // Names are whole names: “Anh” is not in “Lan Anh”.
            let names = owner::read(cell).value().unwrap_or_default();
            let names: Vec<String> = names.iter().map(|name| plain(self.field, name)).collect();
            for (place, (_, forms)) in self.words.iter().enumerate() {
                if forms.iter().any(|form| names.contains(form)) {
                    found |= 1 << place;
                }
            }
            return Looked(found);
        }
        let text = format!(" {} ", plain(self.field, &cell.shown()));
        for (place, (_, forms)) in self.words.iter().enumerate() {
            if forms.iter().any(|form| has_word(&text, form)) {
                found |= 1 << place;
            }
        }
        Looked(found)
    }
}

/// Whether a folded text, with a space on either side, has the words of another in this order.
fn has_word(text: &str, words: &str) -> bool {
    !words.is_empty()
        && text
            .match_indices(words)
            .any(|(at, _)| text[..at].ends_with(' ') && text[at + words.len()..].starts_with(' '))
}

/// What is remembered from row to row.
#[derive(Clone, Debug, Default)]
pub struct Memo {
    readers: Vec<Texts>,
    budgets: HashMap<String, Option<Budget>>,
}

/// Of one reader: what each text has, and which words were met at all.
#[derive(Clone, Debug, Default)]
struct Texts {
    known: HashMap<String, u64>,
    met: u64,
}

impl Memo {
    pub(super) fn look(&mut self, reader: &Reader, cells: &Cells) -> Looked {
        let Some(cell) = cells.get(reader.field) else {
            return Looked(0);
        };
        if self.readers.len() <= reader.number {
            self.readers.resize_with(reader.number + 1, Texts::default);
        }
        let texts = &mut self.readers[reader.number];
        let shown = cell.shown();
        if let Some(found) = texts.known.get(&*shown) {
            return Looked(*found);
        }
        let found = reader.find(cell);
        texts.met |= found.0;
        if texts.known.len() < MOST_TEXTS {
            texts.known.insert(shown.into_owned(), found.0);
        }
        found
    }

    /// The budget of a row; none if there is none, or it cannot be read.
    pub(crate) fn budget(&mut self, cells: &Cells) -> Option<Budget> {
        let cell = cells.get("budget")?;
        let read = |cell: &Cell| {
            money::read(cell).value().map(|money| Budget {
                min: money.min,
                max: money.max,
            })
        };
        let Cell::Text(text) = cell else {
            return read(cell);
        };
        if let Some(budget) = self.budgets.get(text.as_str()) {
            return *budget;
        }
        let budget = read(cell);
        if self.budgets.len() < MOST_TEXTS {
            self.budgets.insert(text.to_string(), budget);
        }
        budget
    }

    /// The words of a reader that no row had, each with what some row has that is near.
    pub(super) fn unmet(&self, reader: &Reader) -> Vec<Unmet> {
        let nothing = Texts::default();
        let texts = self.readers.get(reader.number).unwrap_or(&nothing);
        let missed: Vec<&(String, Vec<String>)> = reader
            .words
            .iter()
            .enumerate()
            .filter(|(place, _)| texts.met & (1 << place) == 0)
            .map(|(_, word)| word)
            .collect();
        if missed.is_empty() {
            return Vec::new();
        }
        let mut values: Vec<String> = texts.known.keys().flat_map(|text| split(text)).collect();
        // The memo has no order, a suggestion should.
        values.sort();
        values.dedup();
        missed
            .into_iter()
            .map(|(word, _)| {
                let length = word.split_whitespace().count().max(1);
                let candidates: Vec<(String, String)> = values
                    .iter()
                    .flat_map(|value| parts(value, length))
                    .map(|part| (plain(reader.field, &part), part))
                    .collect();
                let near = nearest(
                    &plain(reader.field, word),
                    candidates
                        .iter()
                        .map(|(folded, part)| (folded.as_str(), part)),
                );
                Unmet {
                    word: word.clone(),
                    near: near.cloned(),
                }
            })
            .collect()
    }
}

/// A value, and every run of so many words in it: of “Căn hộ (đầu tư)” also “đầu tư”.
fn parts(value: &str, length: usize) -> Vec<String> {
    let words: Vec<&str> = value
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .collect();
    let mut parts = vec![value.to_owned()];
    if words.len() > length {
        parts.extend(words.windows(length).map(|run| run.join(" ")));
    }
    parts
}
