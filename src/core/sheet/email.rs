//! E-mail addresses in a cell. Spelling is never repaired: a damaged address is left out and
//! reported. Whether mail may go there is for policy.

use std::collections::HashSet;
use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::fold::{fold, invisible};
use super::{Cell, Reading, trivial};

/// An address in lower case, with a top-level domain that exists. Shown masked (`n…@gmail.com`);
/// only a courier calls [`Email::expose`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// The address in full.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The domain in lower case.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.0.chars().next().unwrap_or('…');
        write!(f, "{first}…@{}", self.domain())
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The names in the root zone (IANA), and of RFC 2606 the two that examples and tests use.
static TOP_LEVEL: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    include_str!("email/top_level_domains.txt")
        .lines()
        .chain(["example", "test"])
        .collect()
});

/// What was found in a cell: the reading, and the parts that are no usable address beside it.
pub(crate) struct Scan {
    pub(crate) reading: Reading<Vec<Email>>,
    pub(crate) unusable: Vec<String>,
}

/// The addresses in a cell in their order, in lower case, each once. Labels, brackets, quotation
/// marks, `mailto:`, punctuation behind and spaces next to the `@` or a dot of the domain are left
/// out. A plain word directly before an address makes the cell ambiguous: it may belong to it.
pub fn read(cell: &Cell) -> Reading<Vec<Email>> {
    scan(cell).reading
}

/// As [`read`], with the unusable parts.
pub(crate) fn scan(cell: &Cell) -> Scan {
    let done = |reading| Scan {
        reading,
        unusable: Vec::new(),
    };
    if let Some(reading) = trivial(cell) {
        return done(reading);
    }
    let Cell::Text(text) = cell else {
        return done(Reading::bad("no e-mail address"));
    };
    // NFKC makes full-width letters and signs plain ones.
    let full_stop = |c| if matches!(c, '。' | '｡') { '.' } else { c };
    let chars: Vec<char> = text
        .nfkc()
        .filter(|c| !invisible(*c))
        .map(full_stop)
        .collect();
    let mut found: Vec<Email> = Vec::new();
    let mut unusable = Vec::new();
    let mut ambiguous = None;
    let mut from = 0;
    for at in (0..chars.len()).filter(|i| chars[*i] == '@') {
        if at < from {
            continue;
        }
        match around(&chars, from, at) {
            Candidate::Address {
                email,
                end,
                word_before,
            } => {
                if word_before && ambiguous.is_none() {
                    ambiguous = Some("a word stands before the address: it may be part of it");
                }
                from = end;
                if !found.contains(&email) {
                    found.push(email);
                }
            }
            Candidate::Damaged { text, end } => {
                from = end;
                unusable.push(text);
            }
        }
    }
    let reading = match (ambiguous, found.is_empty()) {
        (Some(why), _) => Reading::ambiguous(why),
        (None, false) => Reading::Value(found),
        (None, true) => Reading::bad("no usable e-mail address"),
    };
    Scan { reading, unusable }
}

enum Candidate {
    Address {
        email: Email,
        end: usize,
        word_before: bool,
    },
    Damaged {
        text: String,
        end: usize,
    },
}

/// Characters that end an address on either side.
fn separates(c: char) -> bool {
    // Pictures, arrows and other marks are glued to addresses as ornaments.
    let ornament = !c.is_ascii() && !c.is_alphanumeric() && !is_combining_mark(c);
    c.is_whitespace() || ornament || ",;/\\|&<>()[]{}\":`".contains(c)
}

/// Reads the address around the `@` at `at`; nothing before `from` belongs to it.
fn around(chars: &[char], from: usize, at: usize) -> Candidate {
    let mut left = at;
    while left > from && chars[left - 1].is_whitespace() && chars[left - 1] != '\n' {
        left -= 1;
    }
    let local_end = left;
    while left > from && !separates(chars[left - 1]) && chars[left - 1] != '@' {
        left -= 1;
    }
    let local: String = chars[left..local_end].iter().collect();
    let local = local
        .trim_start_matches(['\'', '*', '#', '=', '+', '~', '!', '?'])
        .to_lowercase();
    let (domain, end) = domain_behind(chars, at + 1);
    let whole = format!("{local}@{domain}");
    if end < chars.len() && chars[end] == '@'
        || !valid(&local, &domain)
        || comma_for_dot(chars, end)
    {
        let end = damaged_end(chars, end);
        let text = chars[left..end]
            .iter()
            .collect::<String>()
            .trim()
            .to_owned();
        return Candidate::Damaged { text, end };
    }
    let word_before = word_before(chars, from, left);
    Candidate::Address {
        email: Email(whole),
        end,
        word_before,
    }
}

/// Past what is left of a damaged address, so that its pieces are not read as another one.
fn damaged_end(chars: &[char], mut end: usize) -> usize {
    while end < chars.len() && !chars[end].is_whitespace() && !",;/".contains(chars[end]) {
        end += 1;
    }
    end
}

/// The domain that begins at `start`, in lower case, and where it ends. Spaces next to a dot are
/// stepped over, but a full stop that ends a sentence is not one of the domain.
fn domain_behind(chars: &[char], start: usize) -> (String, usize) {
    let space = |i: usize| {
        chars
            .get(i)
            .is_some_and(|c| c.is_whitespace() && *c != '\n')
    };
    let skip = |mut i: usize| {
        while space(i) {
            i += 1;
        }
        i
    };
    let label_end = |mut i: usize| {
        while chars
            .get(i)
            .is_some_and(|c| c.is_alphanumeric() || *c == '-' || *c == '_')
        {
            i += 1;
        }
        i
    };
    let text = |a: usize, b: usize| chars[a..b].iter().collect::<String>().to_lowercase();
    let begin = skip(start);
    let mut end = label_end(begin);
    let mut domain = text(begin, end);
    loop {
        let dot = skip(end);
        if chars.get(dot) != Some(&'.') {
            break;
        }
        let next = skip(dot + 1);
        let next_end = label_end(next);
        let label = text(next, next_end);
        if label.is_empty() {
            // Two dots in a row inside the domain are damage; at its end they are punctuation.
            let mut behind = next;
            while chars.get(behind) == Some(&'.') {
                behind += 1;
            }
            if behind > next && label_end(behind) > behind {
                domain.push_str("..");
                end = label_end(behind);
            }
            break;
        }
        if next > dot + 1 && complete(&domain) {
            // "…@example.com. Gọi sau" ends a sentence; "…@example.com. vn" goes on.
            let stop = skip(next_end);
            let closes = stop >= chars.len() || separates(chars[stop]);
            if !(closes && TOP_LEVEL.contains(label.as_str())) {
                break;
            }
        }
        domain.push('.');
        domain.push_str(&label);
        end = next_end;
    }
    let kept = domain.trim_end_matches(['-', '_']);
    let dropped = domain.chars().count() - kept.chars().count();
    (kept.to_owned(), end - dropped.min(end))
}

/// Whether the domain could stop here: two labels or more, the last one in the root zone.
fn complete(domain: &str) -> bool {
    domain
        .rsplit_once('.')
        .is_some_and(|(_, last)| TOP_LEVEL.contains(last))
}

/// `an@gmail,com` and `an@example.com,vn`: a comma typed for the dot.
fn comma_for_dot(chars: &[char], end: usize) -> bool {
    if chars.get(end) != Some(&',') {
        return false;
    }
    let mut stop = end + 1;
    while chars.get(stop).is_some_and(char::is_ascii_alphabetic) {
        stop += 1;
    }
    let label: String = chars[end + 1..stop]
        .iter()
        .collect::<String>()
        .to_lowercase();
    let alone = chars
        .get(stop)
        .is_none_or(|c| c.is_whitespace() || separates(*c) || *c == '.');
    alone && TOP_LEVEL.contains(label.as_str())
}

/// RFC 5321 lengths, the dot-atom of RFC 5322 in ASCII, and a domain of the public DNS.
fn valid(local: &str, domain: &str) -> bool {
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%'*+-=?^_{}~".contains(c);
    let local_fits = !local.is_empty()
        && local.len() <= 64
        && !local.starts_with('-')
        && local
            .split('.')
            .all(|part| !part.is_empty() && part.chars().all(atom));
    let label = |part: &str| {
        !part.is_empty()
            && part.len() <= 63
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    local_fits
        && domain.len() <= 253
        && complete(domain)
        && domain.split('.').all(label)
        && email_address::EmailAddress::is_valid(&format!("{local}@{domain}"))
}

/// Words that name what follows or join two addresses.
const LABELS: [&str; 14] = [
    "email", "e mail", "mail", "gmail", "emails", "mailto", "cty", "va", "hoac", "and", "or", "cc",
    "bcc", "to",
];

/// Whether the text between the last separator and the address is plain words that could be its
/// first part: `nguyen an@…`. Words with Vietnamese letters, labels and phone numbers cannot.
fn word_before(chars: &[char], from: usize, left: usize) -> bool {
    let mut begin = left;
    while begin > from && (chars[begin - 1] == ' ' || !separates(chars[begin - 1])) {
        begin -= 1;
    }
    let front: String = chars[begin..left].iter().collect();
    let words: Vec<&str> = front.split_whitespace().collect();
    let glued = left > begin && !chars[left - 1].is_whitespace();
    let Some(last) = words.last() else {
        return false;
    };
    if glued || !front.is_ascii() {
        return false;
    }
    let stops = last.ends_with(['-', '=', '>', '.', '!', '*', '&', '+'])
        && !last.ends_with(char::is_alphanumeric);
    let bullet = last
        .chars()
        .all(|c| c.is_ascii_digit() || c.is_ascii_punctuation());
    let dotted_word = last.ends_with('.') && last.len() > 1 && !bullet;
    if bullet || (stops && !dotted_word) {
        return false;
    }
    !LABELS.contains(&fold(last).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match read(&Cell::from(text)) {
            Reading::Value(list) => list.iter().map(Email::expose).collect::<Vec<_>>().join(";"),
            Reading::Ambiguous(_) => "ambiguous".to_owned(),
            Reading::Nothing | Reading::Bad(_) => String::new(),
        };
        assert_eq!(shown, expected, "{text:?}");
    }

    #[test]
    fn dressed_addresses() {
        check("Ａｎ＠ｅｘａｍｐｌｅ．ｃｏｍ", "an@example.com");
        check("“an@example.com”", "an@example.com");
        check("[an@example.com]!", "an@example.com");
        check("mailto:an@example.com?subject=x", "an@example.com");
        check("E-mail an@example.com", "an@example.com");
        check("an@ example . com", "an@example.com");
        check("an @ example. com. vn", "an@example.com.vn");
        check("an@example.com. Gọi trước khi gửi", "an@example.com");
        check("an@example.com. Co gi bao em", "an@example.com");
        check("Chị Mỹ an@example.com", "an@example.com");
        check(
            "1. an@example.com 2. le@example.com",
            "an@example.com;le@example.com",
        );
        check(
            "an@example.com và le@example.vn",
            "an@example.com;le@example.vn",
        );
        check(
            "an@example.com/le@example.com",
            "an@example.com;le@example.com",
        );
        check("an@exa\u{200b}mple.com…", "an@example.com");
        check(
            "an@example.com&le@example。com",
            "an@example.com;le@example.com",
        );
        check("o'brien@example.com", "o'brien@example.com");
    }

    #[test]
    fn damage_is_never_repaired() {
        for text in [
            "an@example.con",
            "an@example,com",
            "an@example.com,vn",
            "an@@example.com",
            "an@example",
            "an(at)example.com",
            "an@exam_ple.com",
            "an@example..com",
            "@an.example.com",
            "an@exámple.com",
            "-an@example.com",
            "an.@example.com",
        ] {
            check(text, "");
        }
        check("le@example.com; an@example.con", "le@example.com");
        check("an@@example.com, le@example.com", "le@example.com");
        let scan = scan(&Cell::from("le@example.com; an@example.con"));
        assert_eq!(scan.unusable, ["an@example.con"]);
    }

    #[test]
    fn a_word_before_may_belong_to_the_address() {
        check("le thi an@example.com", "ambiguous");
        check("hung le @example.com", "ambiguous");
        check("an. le@example.com", "ambiguous");
        check("Lê Thị An an@example.com", "an@example.com");
        check("0902345678 an@example.com", "an@example.com");
    }

    #[test]
    fn addresses_are_masked() {
        let Some(list) = read(&Cell::from("nam.le@gmail.com")).value() else {
            panic!("readable")
        };
        assert_eq!(
            format!("{} {:?}", list[0], list[0]),
            "n…@gmail.com n…@gmail.com"
        );
        assert_eq!(
            serde_json::to_string(&list[0]).unwrap(),
            "\"nam.le@gmail.com\""
        );
    }
}
