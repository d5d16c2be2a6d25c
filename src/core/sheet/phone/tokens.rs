//! The groups of digits in a phone cell, and what stands between them.

use unicode_normalization::UnicodeNormalization;

use crate::core::sheet::fold::invisible;

/// What stands between two groups of digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Between(String);

impl Between {
    /// Only characters that people put inside a number: spaces, points, hyphens, brackets.
    fn soft(&self) -> bool {
        self.0.chars().all(|c| " .-()\u{b7}".contains(c))
    }

    /// The sign, where nothing but one comma, slash, underscore or bullet stands between the two.
    pub(super) fn one_sign(&self) -> Option<char> {
        let mut chars = self.0.trim().chars();
        let sign = chars.next().filter(|c| ",/_|\u{2022}".contains(*c))?;
        chars.next().is_none().then_some(sign)
    }

    /// A slash between the two, nothing else.
    pub(super) fn slash(&self) -> bool {
        matches!(self.0.trim(), "/" | "\\")
    }

    /// A dash with space round it, as before an extension.
    pub(super) fn spaced_dash(&self) -> bool {
        self.0 == " - "
    }

    /// What stands between the number of an item in a list and the item: `2. `, `2) `, `2: `.
    pub(super) fn behind_list_number(&self) -> bool {
        matches!(self.0.trim(), "." | ")" | ":" | "-")
    }

    /// A colon between the two, as in an hour.
    pub(super) fn colon(&self) -> bool {
        self.0 == ":"
    }

    /// Punctuation by which the end of a second number may hang on the first; a bracket opens a remark.
    pub(super) fn is_loose_join(&self) -> bool {
        let text = self.0.trim();
        let joints = [
            "", "/", "\\", "-", ",", ".", "&", ";", "|", "+", "hoặc", "hay", "và", "or",
        ];
        let text = text.to_lowercase();
        // "… hoặc số đuôi 522"
        (joints.contains(&text.as_str()) || text.ends_with("đuôi")) && !self.0.contains('(')
    }
}

/// A run of digits with its surroundings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) digits: String,
    /// A `+` stands directly before it.
    pub(super) plus: bool,
    /// What stands between the group before, or the cell's beginning, and this one.
    pub(super) before: Between,
    /// In brackets of its own: `(028) …`.
    pub(super) bracketed: bool,
    /// Part of something that can be no number: masked digits, or a code such as `Q7` or `17h`.
    pub(super) broken: bool,
    /// Digits of a number that is partly kept back: `0977123xxx`.
    pub(super) masked: bool,
    /// A word follows: `2 con`, `17 giờ`.
    pub(super) word_behind: bool,
}

impl Group {
    /// Digits with nothing around them.
    pub(super) fn plain(digits: &str) -> Self {
        Self {
            digits: digits.to_owned(),
            plus: false,
            before: Between(String::new()),
            bracketed: false,
            broken: false,
            masked: false,
            word_behind: false,
        }
    }

    /// Whether it may continue the number that the group before belongs to.
    pub(super) fn joins_left(&self) -> bool {
        !self.plus && self.before.soft()
    }

    /// Whether it looks like the beginning of a whole number.
    pub(super) fn full_start(&self) -> bool {
        self.plus || (self.digits.starts_with('0') && self.digits.len() >= 9)
    }
}

/// The groups of digits in a cell. E-mail addresses and links to profiles are left out, links that
/// name a number (`tel:`, `zalo.me/`, `wa.me/`) are not.
pub(super) fn groups(text: &str) -> Vec<Group> {
    let plain: String = text.nfkc().filter(|c| !invisible(*c)).map(dash).collect();
    let chars: Vec<char> = without_links(&plain).chars().collect();
    let mut groups: Vec<Group> = Vec::new();
    let mut at = 0;
    let mut since = 0;
    while at < chars.len() {
        if !chars[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        while at < chars.len() && chars[at].is_ascii_digit() {
            at += 1;
        }
        let digits: String = chars[start..at].iter().collect();
        let between: String = chars[since..start].iter().collect();
        let plus = between.ends_with('+');
        let masked = masked(&chars, start, at);
        groups.push(Group {
            bracketed: between.trim_end().ends_with('(') && chars.get(at) == Some(&')'),
            broken: masked || code(&chars, start, at),
            masked,
            word_behind: chars[at..]
                .iter()
                .find(|c| **c != ' ')
                .is_some_and(|c| c.is_alphabetic() || *c == '%'),
            before: Between(if plus {
                between[..between.len() - 1].to_owned()
            } else {
                between
            }),
            plus,
            digits,
        });
        since = at;
    }
    groups
}

/// `9,15734521E+08`: what a number cell shows when it is copied as text. Rounded ones are none.
pub(super) fn exponent(text: &str) -> Option<String> {
    let text = text.trim();
    let (mantissa, power) = text.split_once(['e', 'E'])?;
    let (whole, fraction) = mantissa.split_once(['.', ','])?;
    let power: usize = power.trim_start_matches('+').parse().ok()?;
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let exact = whole.len() == 1 && fraction.len() == power && digits(whole) && digits(fraction);
    exact.then(|| format!("{whole}{fraction}"))
}

fn dash(c: char) -> char {
    match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => '-',
        '\t' | '\u{a0}' => ' ',
        other => other,
    }
}

/// Replaces what is an address of another kind by a word without digits.
fn without_links(text: &str) -> String {
    text.split_inclusive(char::is_whitespace)
        .map(|token| if is_link(token) { "link " } else { token })
        .collect()
}

fn is_link(token: &str) -> bool {
    if token.contains('@') {
        return true;
    }
    let lower = token.to_lowercase();
    let address = lower
        .split_once("://")
        .map_or(lower.as_str(), |(_, rest)| rest);
    let Some((host, _)) = address.split_once('/') else {
        return address.starts_with("www.");
    };
    let last = host.rsplit_once('.').map_or("", |(_, last)| last);
    let is_host = (2..=10).contains(&last.len()) && last.chars().all(|c| c.is_ascii_alphabetic());
    is_host && !matches!(host, "zalo.me" | "wa.me" | "m.me" | "api.whatsapp.com")
}

/// Digits beside `xxx`, `***` or an ellipsis: part of the number is kept back.
fn masked(chars: &[char], start: usize, end: usize) -> bool {
    let mask = |c: char| matches!(c, 'x' | 'X' | '*' | '_' | '…' | '?' | '•');
    let sure = |run: usize, c: char| run >= 2 || c == '…';
    let behind: Vec<char> = chars[end..]
        .iter()
        .copied()
        .skip_while(|c| " .-".contains(*c))
        .take_while(|c| mask(*c))
        .collect();
    let before: Vec<char> = chars[..start]
        .iter()
        .rev()
        .copied()
        .skip_while(|c| " .-".contains(*c))
        .take_while(|c| mask(*c))
        .collect();
    // One x glued behind masks a digit, unless digits follow: "x102" is an extension.
    let glued = chars.get(end).is_some_and(|c| matches!(c, 'x' | 'X'))
        && !chars.get(end + 1).is_some_and(|c| c.is_alphanumeric());
    behind.first().is_some_and(|c| sure(behind.len(), *c))
        || before.first().is_some_and(|c| sure(before.len(), *c))
        || glued
}

/// A few digits glued to letters: `17h`, `Q7`, `2PN`, `SIM2`. A whole number glued to its label
/// (`ĐT0932…`, `p:+84…`) is none, nor is the beginning of one (`sđt0932 123 456`).
fn code(chars: &[char], start: usize, end: usize) -> bool {
    let length = end - start;
    let behind = chars.get(end).is_some_and(|c| c.is_alphabetic());
    let before = start > 0 && chars[start - 1].is_alphabetic();
    (behind && length <= 4) || (before && length <= 4 && !(chars[start] == '0' && length >= 3))
}
