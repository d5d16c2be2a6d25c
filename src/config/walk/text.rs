//! What a text of the configuration means, and how values are shown in a message.

use std::ops::Range;

use super::{Reader, Text};
use crate::config::problem::nearest;

impl Text<'_> {
    /// What the text means, or a mistake in the words of the parser, which say what is wrong and, after
    /// ": write", what is accepted; `mend` serves where they do not.
    pub(in crate::config) fn parsed<T>(
        &self,
        reader: &Reader<'_>,
        mend: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match parse(self.text) {
            Ok(value) => Some(value),
            Err(why) => {
                let (problem, mend) = match why.split_once(": write ") {
                    Some((problem, accepted)) => (problem, format!("write {accepted}")),
                    None => (why.as_str(), mend.to_owned()),
                };
                reader.wrong(&self.span, format!("{}: {problem}", self.label), mend);
                None
            }
        }
    }

    /// The place of a word within the text, or the whole text if it cannot be told.
    pub(in crate::config) fn within(&self, word: &str) -> Range<usize> {
        // The value begins one quote into its span, as long as nothing in it is escaped.
        let quote = self.span.len().saturating_sub(self.text.len()) / 2;
        match self.text.find(word) {
            Some(at) if (1..=3).contains(&quote) => {
                let start = self.span.start + quote + at;
                start..start + word.len()
            }
            _ => self.span.clone(),
        }
    }

    /// One of a few words, or a mistake that lists them.
    pub(in crate::config) fn one_of<T: Clone>(
        &self,
        reader: &Reader<'_>,
        words: &[(&str, T)],
    ) -> Option<T> {
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == self.text) {
            return Some(value.clone());
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.unknown(reader, &known);
        None
    }

    /// Reports a word that is none of those known.
    pub(in crate::config) fn unknown(&self, reader: &Reader<'_>, known: &[&str]) {
        let mend = match nearest(self.text, known.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None if known.is_empty() => "remove it".to_owned(),
            None => format!("write one of {}", list(known)),
        };
        reader.wrong(
            &self.span,
            format!(
                "{} is {}, which is not known here",
                self.label,
                quoted(self.text)
            ),
            mend,
        );
    }

    /// Reports that the text will not do.
    pub(in crate::config) fn wrong(&self, reader: &Reader<'_>, why: &str, mend: impl Into<String>) {
        reader.wrong(
            &self.span,
            format!("{} is {}{why}", self.label, quoted(self.text)),
            mend,
        );
    }
}

/// A value in quotes, cut to what fits a line.
pub(in crate::config) fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(60).filter(|c| !c.is_control()).collect();
    if text.chars().count() > 60 {
        short.push('…');
    }
    format!("\"{short}\"")
}

/// `a`, `b` and `c`.
pub(in crate::config) fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}
