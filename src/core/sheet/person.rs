//! A person's name with the title by which they are addressed.
//!
//! Vietnamese names run family, middle, given; people are addressed by a title and the last word.
//! Two people in one cell, nicknames, and words that may be a title or part of the name are
//! flagged: a wrong greeting is worse than none.

mod lexicon;
mod remarks;
mod titles;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use self::titles::Addressed;
use super::fold::{self, fold, invisible};
use super::{Cell, Reading, trivial};

/// One part of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// As it can be used.
    Known(String),
    /// Not in the cell.
    Absent,
    /// Something is there, but a person could not settle it.
    Ambiguous,
}

impl Part {
    /// The text, if it is known.
    pub fn known(&self) -> Option<&str> {
        match self {
            Self::Known(text) => Some(text),
            Self::Absent | Self::Ambiguous => None,
        }
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.known().serialize(serializer)
    }
}

/// A name as the cell tells it. As JSON `{"full", "given", "title"}`, with null for what is not
/// there or not clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The cleaned name without title and remarks; a company has only this.
    pub full: Part,
    /// The last word of the name.
    pub given: Part,
    /// Anh, Chị, Cô, Chú, Bác, Ông, Bà or Em.
    pub title: Part,
}

impl Person {
    fn unclear(title: Part) -> Self {
        Self {
            full: Part::Ambiguous,
            given: Part::Ambiguous,
            title,
        }
    }

    /// Whether any part is flagged.
    pub fn is_ambiguous(&self) -> bool {
        [&self.full, &self.given, &self.title].contains(&&Part::Ambiguous)
    }
}

impl Serialize for Person {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut shape = serializer.serialize_struct("Person", 3)?;
        shape.serialize_field("full", &self.full)?;
        shape.serialize_field("given", &self.given)?;
        shape.serialize_field("title", &self.title)?;
        shape.end()
    }
}

/// The person a cell names. Words that are no name ("Khách vãng lai") are `Bad`; what is unclear is
/// so part by part in the value.
pub fn read(cell: &Cell) -> Reading<Person> {
    if let Some(reading) = trivial(cell) {
        return reading;
    }
    let Cell::Text(text) = cell else {
        return Reading::bad("no name");
    };
    if text.contains('@') || text.contains("://") {
        return Reading::bad("an address, no name");
    }
    if matches!(fold::clean(text).as_str(), "TRUE" | "FALSE") {
        return Reading::bad("a tick box is no name");
    }
    let mut cleaned = dress_off(text);
    // "[Chị Lan]": brackets round everything are no remark.
    if !cleaned.text.chars().any(char::is_alphabetic) {
        cleaned = dress_off(&text.replace(['(', ')', '[', ']', '{', '}'], " "));
    }
    let (body, label) = lexicon::without_label(&cleaned.text);
    if body.chars().all(|c| !c.is_alphabetic()) || lexicon::no_name(&body, label) {
        return Reading::bad("no name");
    }
    if lexicon::is_company(&body) {
        return company(&body);
    }
    let (open, body) = titles::without_combined(&wrapped(&body));
    let body = lexicon::glued(&body).unwrap_or_else(|| lexicon::keep_hyphens(&body));
    let parts = split_people(&body);
    let Some((head, others)) = parts.split_first() else {
        return Reading::bad("no name");
    };
    let lower = body.chars().all(|c| !c.is_uppercase());
    if others
        .iter()
        .any(|part| remarks::may_be_person(part, lower))
    {
        return Reading::Value(Person::unclear(Part::Ambiguous));
    }
    if lexicon::couple(head) {
        return Reading::Value(Person::unclear(Part::Ambiguous));
    }
    one(head, open, cleaned.emoji)
}

/// One person, as far as the text tells.
fn one(head: &str, open: bool, emoji: bool) -> Reading<Person> {
    // "A.Tuấn", "BS.Hoa"
    let apart = |word: &'_ str| {
        word.split_once('.')
            .is_some_and(|(t, n)| titles::abbreviated(t) && !n.is_empty())
    };
    let words: Vec<&str> = head
        .split(' ')
        .flat_map(|w| {
            w.splitn(
                if apart(w) { 2 } else { usize::MAX },
                if apart(w) { '.' } else { ' ' },
            )
        })
        .filter(|w| !w.is_empty())
        .collect();
    let (addressed, rest) = if open {
        (Addressed::Open, words.as_slice())
    } else {
        titles::title(&words)
    };
    let title = match &addressed {
        Addressed::By(title) => Part::Known((*title).to_owned()),
        Addressed::Open | Addressed::No => Part::Absent,
        Addressed::Unclear => Part::Ambiguous,
    };
    if rest.is_empty() {
        return match addressed {
            Addressed::By(_) => Reading::Value(Person {
                full: Part::Absent,
                given: Part::Absent,
                title,
            }),
            Addressed::Unclear => Reading::Value(Person::unclear(Part::Ambiguous)),
            Addressed::Open | Addressed::No => Reading::bad("no name"),
        };
    }
    if remarks::named_after(rest[0]) {
        return Reading::Value(Person::unclear(title));
    }
    if titles::second_person(rest) || (addressed != Addressed::No && titles::related(rest)) {
        return Reading::Value(Person::unclear(Part::Ambiguous));
    }
    let titled = matches!(addressed, Addressed::By(_) | Addressed::Open);
    let name = match remarks::without_remark(rest, titled, emoji) {
        remarks::Name::Words(name) => name,
        remarks::Name::Nickname => return Reading::Value(Person::unclear(title)),
    };
    // "KD1", "Q7": a code is no name.
    let code = name
        .first()
        .is_none_or(|word| word.chars().any(|c| c.is_ascii_digit()));
    if code || name.iter().all(|word| word.chars().count() < 2) {
        return Reading::bad("no name");
    }
    // "N.V.Nam"
    let own = |word: &&str| {
        word.rsplit_once('.')
            .map_or(
                *word,
                |(_, own)| if own.chars().count() > 1 { own } else { *word },
            )
            .to_owned()
    };
    let given = name
        .last()
        .map(own)
        .map_or(Part::Absent, |word| Part::Known(initials(&[&word], &name)));
    let full = if addressed == Addressed::Unclear {
        Part::Ambiguous
    } else {
        Part::Known(initials(&name, &name))
    };
    Reading::Value(Person { full, given, title })
}

/// A company has a full name only; one with a person beside it is two in one cell.
fn company(body: &str) -> Reading<Person> {
    let parts = split_people(body);
    if parts[1..]
        .iter()
        .any(|part| titles::starts_with_title(part))
    {
        return Reading::Value(Person::unclear(Part::Ambiguous));
    }
    let words: Vec<&str> = parts[0].split(' ').collect();
    let full = words.iter().map(|w| {
        if lexicon::legal_form(w) {
            (*w).to_owned()
        } else {
            initials(&[w], &words)
        }
    });
    let full = Part::Known(full.collect::<Vec<_>>().join(" "));
    Reading::Value(Person {
        full,
        given: Part::Absent,
        title: Part::Absent,
    })
}

/// The words joined; text all in capitals or all in small letters (`whole` decides) gets capital initials.
fn initials(words: &[&str], whole: &[&str]) -> String {
    let letters = || {
        whole
            .iter()
            .flat_map(|w| w.chars())
            .filter(|c| c.is_alphabetic())
    };
    let uniform = letters().all(char::is_lowercase) || letters().all(char::is_uppercase);
    let joined = words.join(" ").replace(lexicon::HYPHEN, "-");
    if !uniform {
        return joined;
    }
    let mut name = String::new();
    let mut begins = true;
    for c in joined.chars() {
        if begins {
            name.extend(c.to_uppercase());
        } else {
            name.extend(c.to_lowercase());
        }
        begins = !c.is_alphanumeric() && c != '\'';
    }
    name
}

/// A cell's text without what is no part of any name.
struct Undressed {
    text: String,
    /// Whether a picture character was in it.
    emoji: bool,
}

/// Takes off brackets with what is in them, phone numbers, list numbers and emoji; `Ð` (U+00D0)
/// becomes `Đ`. Line breaks stay as `\n`, for they divide.
fn dress_off(text: &str) -> Undressed {
    let mut emoji = false;
    let mut depth = 0_u32;
    let mut plain = String::with_capacity(text.len());
    for c in fold::composed(text).chars() {
        match c {
            '(' | '[' | '{' | '（' => depth += 1,
            ')' | ']' | '}' | '）' => {
                depth = depth.saturating_sub(1);
                plain.push(' ');
            }
            _ if depth > 0 || invisible(c) => {}
            'Ð' | 'Ɖ' => plain.push('Đ'),
            'ð' | 'ɖ' => plain.push('đ'),
            '\n' | '\r' => plain.push('\n'),
            '“' | '”' | '"' | '*' | '~' | '!' | '?' | '…' | '•' | '·' | '=' | '>' | '<' | '^' =>
            {
                plain.push(' ');
            }
            '‘' | '’' => plain.push('\''),
            _ if c.is_alphanumeric() || c.is_whitespace() || c.is_ascii() || "–—".contains(c) =>
            {
                plain.push(c);
            }
            _ => {
                emoji = true;
                plain.push(' ');
            }
        }
    }
    let text = without_list_number(&without_phone(&plain)).to_owned();
    Undressed { text, emoji }
}

/// Blanks out runs of digits, points, hyphens, brackets and spaces with eight digits or more.
fn without_phone(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let mut end = at;
        let mut last_digit = at;
        let mut digits = 0;
        while end < chars.len()
            && (chars[end].is_ascii_digit()
                || (digits > 0 && " .-".contains(chars[end]))
                || chars[end] == '+')
        {
            if chars[end].is_ascii_digit() {
                digits += 1;
                last_digit = end;
            }
            end += 1;
        }
        if digits >= 8 {
            kept.push(' ');
            at = last_digit + 1;
        } else {
            kept.push(chars[at]);
            at += 1;
            // A shorter run is kept whole, so that its tail is not taken for a number.
            while digits > 0 && at <= last_digit {
                kept.push(chars[at]);
                at += 1;
            }
        }
    }
    kept
}

/// `1. Nam`, `01 - Nam`, `#3 Nam`, `2/ Nam`.
fn without_list_number(text: &str) -> &str {
    let text = text.trim();
    let rest = text
        .trim_start_matches('#')
        .trim_start_matches(|c: char| c.is_ascii_digit());
    if rest.len() == text.len() || !rest.starts_with([' ', '.', '/', '-', ':', ',', '–']) {
        return text.trim_start_matches(['-', '–', '+', '.', ',', ' ', '_']);
    }
    rest.trim_start_matches([' ', '.', '/', '-', ':', ')', ',', '–'])
}

/// A full name broken over two lines is one name: the first line begins with a family name, the
/// second neither with one nor with a title.
fn wrapped(text: &str) -> String {
    let Some((first, second)) = text.split_once('\n') else {
        return text.to_owned();
    };
    let (first, second) = (fold::clean(first), fold::clean(second));
    let begins = |text: &str| lexicon::is_family(text.split(' ').next().unwrap_or(""));
    let capital = second.starts_with(char::is_uppercase) || !text.chars().any(char::is_uppercase);
    let goes_on =
        begins(&first) && !begins(&second) && !titles::starts_with_title(&second) && capital;
    if goes_on
        && second.split(' ').count() <= 2
        && second.chars().all(|c| c.is_alphabetic() || c == ' ')
    {
        format!("{first} {second}")
    } else {
        text.to_owned()
    }
}

/// Splits at what stands between two people, or between a name and a remark.
fn split_people(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for part in text.split([
        '\n', '&', '+', ',', ';', '|', '/', '–', '—', '-', ':', '_', '\\',
    ]) {
        let cleaned = fold::clean(part);
        let mut words: Vec<&str> = Vec::new();
        for word in cleaned.split(' ') {
            if matches!(
                word.to_lowercase().as_str(),
                "và" | "va" | "and" | "vs" | "với"
            ) && !words.is_empty()
            {
                parts.push(words.join(" "));
                words.clear();
            } else {
                words.push(word);
            }
        }
        parts.push(words.join(" "));
    }
    let trimmed = parts.iter().map(|p| {
        p.trim_matches(['.', ' ', '\'', '`', '%', '#', '$'])
            .to_owned()
    });
    trimmed.filter(|p| !fold(p).is_empty()).collect()
}

#[cfg(test)]
mod tests;
