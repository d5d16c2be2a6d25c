//! What customers may be looked for by: name, numbers and addresses as they stand in the cells, without accents, in one
//! text. It says who might be meant, in the order in which they fit; the records say who is.

use std::collections::BTreeSet;

use crate::core::record::Record;
use crate::core::sheet::fold::fold;

/// The halves of a record's number.
pub(super) type Halves = (u64, u64);

/// The rows of a company, a line of text each.
#[derive(Debug, Default)]
pub(super) struct Names {
    text: String,
    /// Where each line ends, and whose it is, in their order.
    ends: Vec<(u32, Halves)>,
    /// What rows were seen to say since. What they said before stays: a poll that is held changes no record.
    fresh: BTreeSet<(Halves, String)>,
}

/// What somebody looks for, folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clue<'a> {
    /// Words of a name.
    Name(&'a str),
    /// Digits of a number.
    Digits(&'a str),
    /// A part of an address, in small letters.
    Address(&'a str),
}

/// Name, digits and address of a row, with tabs between them.
pub(super) fn line(record: &Record) -> String {
    let cell = |id: &str| {
        let cell = record.seen.get(id);
        let shown = cell.map(|cell| cell.shown().to_string());
        shown.unwrap_or_default().replace('\t', " ")
    };
    let name = fold(&cell("name"));
    let digits: String = cell("phone").chars().filter(char::is_ascii_digit).collect();
    let address: String = cell("email")
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect();
    format!("{name}\t{digits}\t{}", address.to_lowercase()).replace('\n', " ")
}

impl Names {
    /// Adds a row while all are gone through.
    pub(super) fn add(&mut self, line: &str, whose: Halves) {
        self.text.push_str(line);
        self.text.push('\n');
        // Beyond four gigabytes of names nobody is found.
        if let Ok(end) = u32::try_from(self.text.len()) {
            self.ends.push((end, whose));
        }
    }

    /// Takes note of a row that is new or has changed.
    pub(super) fn learn(&mut self, line: String, whose: Halves) {
        self.fresh.insert((whose, line));
    }

    /// Keeps what was learned while all were gone through.
    pub(super) fn with_fresh_of(mut self, before: Self) -> Self {
        self.fresh.extend(before.fresh);
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        self
    }

    /// Who might be meant, those that fit best first, some of them more than once.
    pub(super) fn who(&self, clue: Clue<'_>) -> Vec<Halves> {
        let mut found: Vec<(Rank, Halves)> = Vec::new();
        // A number may be written with its country or without.
        let needle = match clue {
            Clue::Name(name) => name
                .split(' ')
                .max_by_key(|word| word.len())
                .unwrap_or(name),
            Clue::Digits(digits) => digits.strip_prefix('0').unwrap_or(digits),
            Clue::Address(address) => address,
        };
        if needle.is_empty() {
            return Vec::new();
        }
        let mut from = 0;
        while let Some(place) = self.text[from..].find(needle) {
            let place = from + place;
            let number = self.ends.partition_point(|(end, _)| *end as usize <= place);
            let Some((end, whose)) = self.ends.get(number) else {
                break;
            };
            let begin = number
                .checked_sub(1)
                .map_or(0, |before| self.ends[before].0 as usize);
            let line = &self.text[begin..*end as usize - 1];
            if let Some(rank) = rank(line, clue, needle) {
                found.push((rank, *whose));
            }
            from = *end as usize;
        }
        for (whose, line) in &self.fresh {
            if let Some(rank) = rank(line, clue, needle) {
                found.push((rank, *whose));
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(_, whose)| whose).collect()
    }
}

/// How well a row fits, 0 best, and letters of its name: of two that have what is looked for the shorter one has less
/// besides.
type Rank = (u8, usize);

/// How well a line fits; none if not at all.
fn rank(line: &str, clue: Clue<'_>, needle: &str) -> Option<Rank> {
    let mut parts = line.split('\t');
    let mut part = || parts.next().unwrap_or_default();
    let (name, digits, address) = (part(), part(), part());
    let fits = match clue {
        Clue::Name(wanted) => {
            let all = wanted.split(' ').all(|word| name.contains(word));
            let rank = || match () {
                () if name == wanted => 0,
                () if format!(" {name} ").contains(&format!(" {wanted} ")) => 1,
                () => 2,
            };
            all.then(rank)
        }
        Clue::Digits(_) => digits.contains(needle).then_some(0),
        Clue::Address(_) => address.contains(needle).then_some(0),
    };
    fits.map(|fits| (fits, name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let mut names = Names::default();
        for (number, line) in [
            "anh nguyen van an\t84901234567\tan@example.com",
            "tran thi binh an\t0912345678\tbinh@example.com",
            "le van hoan\t0987654321\t",
            "nguyen van an\t0909090909\tan.nguyen@example.com",
        ]
        .into_iter()
        .enumerate()
        {
            names.add(line, (0, number as u64));
        }
        names
    }

    fn who(names: &Names, clue: Clue<'_>) -> Vec<u64> {
        names.who(clue).into_iter().map(|(_, low)| low).collect()
    }

    #[test]
    fn those_that_fit_best_stand_first() {
        let names = names();
        for (clue, found) in [
            (Clue::Name("nguyen van an"), vec![3, 0]),
            (Clue::Name("an"), vec![3, 1, 0, 2]),
            (Clue::Name("van"), vec![2, 3, 0]),
            (Clue::Name("hoan"), vec![2]),
            (Clue::Name("example"), vec![]),
            (Clue::Digits("0901234"), vec![0]),
            (Clue::Digits("4567"), vec![1, 0]),
            (Clue::Address("@example"), vec![3, 1, 0]),
            (Clue::Name(""), vec![]),
        ] {
            assert_eq!(who(&names, clue), found, "{clue:?}");
        }
    }

    #[test]
    fn what_changed_since_is_found_by_what_it_is_and_by_what_it_was() {
        let mut names = names();
        names.learn("hoang yen\t\t".to_owned(), (0, 2));
        names.learn("vu thi yen\t\t".to_owned(), (0, 9));
        assert_eq!(who(&names, Clue::Name("hoang")), [2]);
        assert_eq!(who(&names, Clue::Name("thi yen")), [9]);
        assert_eq!(who(&names, Clue::Name("van hoan")), [2]);
        assert_eq!(who(&names, Clue::Digits("0987654")), [2]);
        let mut walked = self::names();
        walked.add("tran thi binh an\t0912345678\t", (0, 10));
        let whole = walked.with_fresh_of(names);
        assert_eq!(who(&whole, Clue::Name("hoang yen")), [2]);
        assert_eq!(who(&whole, Clue::Name("thi binh")), [1, 10]);
    }
}
