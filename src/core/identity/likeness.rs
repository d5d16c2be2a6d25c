//! How alike two names, phones or e-mails are, and a row digested so that many pairs can be compared.
//!
//! The reading of phones and e-mails here is looser than in `sheet`: it serves comparison only and
//! never reaches a message.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::FieldInfo;
use super::canon::{canonical, hash128};
use super::crowd::mark;
use crate::core::record::Cells;
use crate::core::sheet::FieldKind;

/// One row, prepared for comparison.
#[derive(Clone, Debug)]
pub(super) struct Digest {
    /// The canonical text of each field, in the order of the fields; empty if there is none.
    pub(super) texts: Vec<String>,
    /// The numbers in all phone fields, national digits without the leading zero, sorted.
    pub(super) phones: Vec<String>,
    /// The addresses in all e-mail fields, in lower case, sorted.
    pub(super) emails: Vec<String>,
    /// The name as written.
    pub(super) name: String,
    /// The name in lower case without accents and titles.
    pub(super) plain_name: String,
    /// The content of the id column.
    pub(super) id: String,
    /// Equal for rows that are equal in every cell.
    pub(super) content: u128,
}

/// Roles under which values are counted; fields have theirs by number.
const PHONE: &str = "phone";
const EMAIL: &str = "e-mail";
const PERSON: &str = "person";
const NAME: &str = "name";

impl Digest {
    pub(super) fn new(cells: &Cells, fields: &[FieldInfo]) -> Self {
        let mut digest = Self {
            texts: Vec::with_capacity(fields.len()),
            phones: Vec::new(),
            emails: Vec::new(),
            name: String::new(),
            plain_name: String::new(),
            id: String::new(),
            content: 0,
        };
        for field in fields {
            let text = cells
                .get(field.id.as_str())
                .map(|cell| canonical(cell, field.kind).into_owned())
                .unwrap_or_default();
            match field.kind {
                FieldKind::Phone => digest.phones.extend(phones_in(&text)),
                FieldKind::Email => digest.emails.extend(emails_in(&text)),
                FieldKind::Name if digest.name.is_empty() => digest.name.clone_from(&text),
                FieldKind::Id if digest.id.is_empty() => digest.id.clone_from(&text),
                FieldKind::Name
                | FieldKind::Id
                | FieldKind::Money
                | FieldKind::Date
                | FieldKind::Stage
                | FieldKind::Owner
                | FieldKind::OptOut
                | FieldKind::Consent
                | FieldKind::YesNo
                | FieldKind::Text
                | FieldKind::Number
                | FieldKind::Choice => {}
            }
            digest.texts.push(text);
        }
        digest.plain_name = without_title(&folded(&digest.name));
        for list in [&mut digest.phones, &mut digest.emails] {
            list.sort_unstable();
            list.dedup();
        }
        digest.content = hash128(digest.texts.join("\u{1}").as_bytes());
        digest
    }

    /// What is counted of a row: each value in its field, each strong key, and each strong key with the name.
    pub(super) fn marks(&self) -> Vec<u64> {
        let values = self
            .texts
            .iter()
            .enumerate()
            .filter(|(_, text)| !text.is_empty())
            .map(|(field, text)| mark(field, text));
        let keys = self.phones.iter().map(|phone| mark(PHONE, phone));
        let addresses = self.emails.iter().map(|email| mark(EMAIL, email));
        values
            .chain(keys)
            .chain(addresses)
            .chain(self.person_marks())
            .chain(self.name_mark())
            .collect()
    }

    /// What is counted of the name, however accented and titled.
    pub(super) fn name_mark(&self) -> Option<u64> {
        (!self.plain_name.is_empty()).then(|| mark(NAME, &self.plain_name))
    }

    /// What is counted of the strong keys alone.
    pub(super) fn key_marks(&self) -> Vec<u64> {
        let phones = self.phones.iter().map(|phone| mark(PHONE, phone));
        let emails = self.emails.iter().map(|email| mark(EMAIL, email));
        phones.chain(emails).collect()
    }

    /// One number for each strong key together with the name; none without a name or a key.
    pub(super) fn person_marks(&self) -> Vec<u64> {
        if self.plain_name.is_empty() {
            return Vec::new();
        }
        self.phones
            .iter()
            .chain(&self.emails)
            .map(|key| mark((PERSON, &self.plain_name), key))
            .collect()
    }
}

/// Whether cells of this kind say who the customer is, not what it wants or how far it has come.
pub(super) fn says_who(kind: FieldKind) -> bool {
    matches!(
        kind,
        FieldKind::Name | FieldKind::Phone | FieldKind::Email | FieldKind::Id
    )
}

/// How two values of one kind compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alike {
    /// The same.
    Same,
    /// The same but for accents, letter case and titles.
    Folded,
    /// A typing mistake apart, or a part of the other.
    Close,
    /// Something else.
    Different,
    /// Nothing before, something now.
    Filled,
    /// Something before, nothing now.
    Emptied,
    /// Nothing in either.
    Neither,
}

impl Alike {
    /// Speaks for the same person.
    pub(super) fn agrees(self) -> bool {
        matches!(self, Self::Same | Self::Folded)
    }
}

/// Compares whether there is a value; `None` if there are two to compare.
pub(super) fn presence(before_empty: bool, after_empty: bool) -> Option<Alike> {
    match (before_empty, after_empty) {
        (true, true) => Some(Alike::Neither),
        (true, false) => Some(Alike::Filled),
        (false, true) => Some(Alike::Emptied),
        (false, false) => None,
    }
}

pub(super) fn names(before: &Digest, after: &Digest) -> Alike {
    if let Some(only) = presence(before.name.is_empty(), after.name.is_empty()) {
        return only;
    }
    if before.name == after.name {
        return Alike::Same;
    }
    let (old, new) = (before.plain_name.as_str(), after.plain_name.as_str());
    if old == new && !old.is_empty() {
        return Alike::Folded;
    }
    let (short, long) = if old.len() <= new.len() {
        (old, new)
    } else {
        (new, old)
    };
    let words: Vec<&str> = long.split(' ').collect();
    let part = short.split(' ').all(|word| words.contains(&word));
    // Names are short and many: two wrong letters ("Trần", "Phan") are already another family.
    let allowed = usize::from(short.chars().count() > 4);
    if part || distance_within(old, new, allowed) {
        Alike::Close
    } else {
        Alike::Different
    }
}

/// Whether the name before is how the name after begins.
pub(super) fn goes_on(before: &Digest, after: &Digest) -> bool {
    !before.plain_name.is_empty()
        && after
            .plain_name
            .strip_prefix(before.plain_name.as_str())
            .is_some_and(|rest| rest.starts_with(' '))
}

pub(super) fn phones(before: &Digest, after: &Digest) -> Alike {
    lists(&before.phones, &after.phones, 2)
}

pub(super) fn emails(before: &Digest, after: &Digest) -> Alike {
    lists(&before.emails, &after.emails, 3)
}

/// Two sorted lists: the same if they share a value, close if two values are at most `allowed` typing mistakes apart.
fn lists(before: &[String], after: &[String], allowed: usize) -> Alike {
    if let Some(only) = presence(before.is_empty(), after.is_empty()) {
        return only;
    }
    if before.iter().any(|value| after.contains(value)) {
        return Alike::Same;
    }
    let close = before
        .iter()
        .any(|old| after.iter().any(|new| distance_within(old, new, allowed)));
    if close {
        Alike::Close
    } else {
        Alike::Different
    }
}

/// Whether at most `allowed` letters were inserted, deleted, replaced or exchanged with the next.
fn distance_within(before: &str, after: &str, allowed: usize) -> bool {
    let old: Vec<char> = before.chars().collect();
    let new: Vec<char> = after.chars().collect();
    if allowed == 0 || old.len().abs_diff(new.len()) > allowed {
        return before == after;
    }
    let mut two_up: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=new.len()).collect();
    for (i, &letter) in old.iter().enumerate() {
        let mut line = vec![i + 1];
        for (j, &other) in new.iter().enumerate() {
            let mut best = (above[j] + usize::from(letter != other))
                .min(above[j + 1] + 1)
                .min(line[j] + 1);
            if i > 0 && j > 0 && letter == new[j - 1] && old[i - 1] == other {
                best = best.min(two_up[j - 1] + 1);
            }
            line.push(best);
        }
        two_up = std::mem::replace(&mut above, line);
    }
    above.last().is_some_and(|&found| found <= allowed)
}

/// Lower case without accents, `đ` as `d`, other signs as spaces.
pub(super) fn folded(text: &str) -> String {
    let letters: String = text
        .nfd()
        .filter(|letter| !is_combining_mark(*letter))
        .map(|letter| match letter {
            'đ' | 'Đ' => 'd',
            other if other.is_alphanumeric() => other,
            _ => ' ',
        })
        .collect();
    letters
        .to_lowercase()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Titles that staff write before a name, folded. Not those that are also common names.
const TITLES: [&str; 14] = [
    "anh", "chi", "ong", "ba", "co", "chu", "em", "bac", "mr", "mrs", "ms", "a", "c", "kh",
];

/// A folded name without one title before it, if a name is left.
fn without_title(name: &str) -> String {
    match name.split_once(' ') {
        Some((title, rest)) if TITLES.contains(&title) => rest.to_owned(),
        Some(_) | None => name.to_owned(),
    }
}

/// The phone numbers in a cell, as national digits without the leading zero.
fn phones_in(text: &str) -> Vec<String> {
    let glued: String = text
        .chars()
        .filter(|letter| !matches!(letter, '.' | '(' | ')' | '\''))
        .collect();
    glued
        .split(|letter: char| !letter.is_ascii_digit() && letter != '+' && letter != '-')
        .flat_map(|part| {
            // A dash stands inside of a number or between two.
            let together: String = part.chars().filter(char::is_ascii_digit).collect();
            if together.len() <= 12 {
                vec![together]
            } else if matches!(together.len(), 19 | 20) && !part.contains('-') {
                // Two numbers between which there was only a space or a line break.
                let (first, second) = together.split_at(together.len() - 10);
                vec![first.to_owned(), second.to_owned()]
            } else {
                part.split('-').map(str::to_owned).collect()
            }
        })
        .map(|part| {
            let digits: String = part.chars().filter(char::is_ascii_digit).collect();
            let rest = digits.trim_start_matches('0');
            let national = match rest.strip_prefix("84") {
                Some(national) if rest.len() >= 11 => national.trim_start_matches('0'),
                Some(_) | None => rest,
            };
            national.to_owned()
        })
        .filter(|digits| digits.len() >= 6)
        .collect()
}

/// The e-mail addresses in a cell, in lower case.
fn emails_in(text: &str) -> Vec<String> {
    text.split([',', ';', ' ', '/', '<', '>'])
        .filter(|part| part.contains('@'))
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::sheet::Cell;

    fn named(name: &str) -> Digest {
        let fields = [FieldInfo::new("name", FieldKind::Name)];
        let cells = Cells::from([("name".into(), Cell::Text(name.into()))]);
        Digest::new(&cells, &fields)
    }

    #[test]
    fn names_are_compared_as_people_do() {
        let cases = [
            ("Lê Thị Mai", "Lê Thị Mai", Alike::Same),
            ("Lê Thị Mai", "lê thi mai", Alike::Folded),
            ("Lê Thị Mai", "Chị Lê Thị Mai", Alike::Folded),
            ("Đỗ Thị Mai", "Do Thi Mai", Alike::Folded),
            ("Lê Thị Mai", "Lê Thị Ngọc Mai", Alike::Close),
            ("Nguyễn Thị Lan", "Nguyễn Thị Loan", Alike::Close),
            ("Mai", "Mao", Alike::Different),
            ("Trần Anh Bình", "Phan Anh Bình", Alike::Different),
            ("Lê Thị Mai", "Trần Văn An", Alike::Different),
            ("", "An", Alike::Filled),
            ("An", "", Alike::Emptied),
        ];
        for (before, after, wanted) in cases {
            assert_eq!(
                names(&named(before), &named(after)),
                wanted,
                "{before} {after}"
            );
        }
    }

    #[test]
    fn phones_are_found_however_written() {
        let one = vec!["901234567".to_owned()];
        for text in [
            "0901234567",
            "901234567",
            "+84901234567",
            "84 901234567",
            "0084901234567",
            "0901.234.567",
            "090-123-4567",
            "(090)1234567",
        ] {
            assert_eq!(phones_in(&text.replace(' ', "")), one, "{text}");
        }
        let two = vec!["901234567".to_owned(), "912345678".to_owned()];
        for text in [
            "0901234567/0912345678",
            "0901234567-0912345678",
            "0901234567,0912345678(vợ)",
        ] {
            assert_eq!(phones_in(text), two, "{text}");
        }
    }

    #[test]
    fn distance_counts_typing_mistakes() {
        assert!(distance_within("901234567", "901324567", 1));
        assert!(distance_within("901234567", "90123456", 1));
        assert!(!distance_within("901234567", "901237645", 2));
    }
}
