//! The words of a condition's text: names, numbers, strings and signs, with the place of each.

/// What kind of word it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or keyword.
    Name,
    /// A number or a quoted string, as written.
    Literal,
    /// An operator or bracket.
    Sign,
}

/// One word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    /// What it is.
    pub(super) kind: Kind,
    /// As written.
    pub(super) text: &'a str,
    /// Where it begins, in bytes.
    pub(super) start: usize,
}

impl Word<'_> {
    /// Where it ends, in bytes.
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// Takes a text apart. It never fails: what makes no sense to minijinja has been refused before.
pub(super) fn split(source: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        let (kind, length) = if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        } else if first == '"' || first == '\'' {
            (Kind::Literal, string_length(rest, first))
        } else if first.is_ascii_digit() {
            (Kind::Literal, number_length(rest))
        } else if is_name(first) {
            (Kind::Name, rest.find(|c| !is_name(c)).unwrap_or(rest.len()))
        } else {
            const DOUBLE: [&str; 8] = ["==", "!=", "<=", ">=", "//", "**", "&&", "||"];
            let double = DOUBLE.iter().any(|sign| rest.starts_with(sign));
            (Kind::Sign, if double { 2 } else { first.len_utf8() })
        };
        words.push(Word {
            kind,
            text: &rest[..length],
            start: at,
        });
        at += length;
    }
    words
}

/// How deep a reader has to go: open brackets, `if`s before, and a run of signs or `not`s.
pub(super) fn depth(words: &[Word<'_>]) -> usize {
    let (mut open, mut ifs, mut run, mut deepest) = (0_usize, 0, 0, 0);
    for word in words.iter().filter(|word| word.kind != Kind::Literal) {
        match word.text {
            "(" | "[" | "{" => open += 1,
            ")" | "]" | "}" => open = open.saturating_sub(1),
            "if" => ifs += 1,
            _ => {}
        }
        run = if matches!(word.text, "not" | "-") {
            run + 1
        } else {
            0
        };
        deepest = deepest.max(open + ifs + run);
    }
    deepest
}

/// Letters of any script with their combining marks, digits and `_`.
fn is_name(letter: char) -> bool {
    letter == '_'
        || letter.is_alphanumeric()
        || unicode_normalization::char::is_combining_mark(letter)
}

fn string_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Digits, letters for `0x` and exponents, and one point if a digit follows it.
fn number_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let next_is_digit = bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        let goes_on = byte.is_ascii_alphanumeric()
            || byte == b'_'
            || (byte == b'.' && next_is_digit)
            || (matches!(byte, b'+' | b'-')
                && next_is_digit
                && at > 0
                && matches!(bytes[at - 1], b'e' | b'E')
                && !rest.starts_with("0x"));
        if !goes_on {
            break;
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_apart() {
        let texts = |source| {
            split(source)
                .iter()
                .map(|word| word.text.to_owned())
                .collect::<Vec<_>>()
                .join("·")
        };
        assert_eq!(
            texts("budget.max>=3*ty and 'Thủ \\' Đức' not in khu_vực"),
            "budget·.·max·>=·3·*·ty·and·'Thủ \\' Đức'·not·in·khu_vực"
        );
        assert_eq!(
            texts("1.5e-3//-2**x[0]|d(1)"),
            "1.5e-3·//·-·2·**·x·[·0·]·|·d·(·1·)"
        );
    }
}
