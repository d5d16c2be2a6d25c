//! The figures, words and signs of a money cell.

/// What one token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Digits, with the points and commas between them.
    Figure(String),
    /// Letters only, lower case.
    Word(String),
    /// Any other character that is no space.
    Sign(char),
}

/// A token, and whether it is written together with the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) glued: bool,
}

impl Token {
    pub(super) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            Kind::Figure(_) | Kind::Sign(_) => None,
        }
    }

    pub(super) fn is_word(&self, words: &[&str]) -> bool {
        self.word().is_some_and(|word| words.contains(&word))
    }

    pub(super) fn is_sign(&self, signs: &str) -> bool {
        matches!(self.kind, Kind::Sign(sign) if signs.contains(sign))
    }

    pub(super) fn figure(&self) -> Option<&str> {
        match &self.kind {
            Kind::Figure(digits) => Some(digits),
            Kind::Word(_) | Kind::Sign(_) => None,
        }
    }
}

/// Splits text into figures, words and signs. `m2` and `m²` (NFKC made them alike) are one word;
/// figures grouped by spaces (`2 500 000 000`) are one figure.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        if chars[at].is_whitespace() {
            at += 1;
            continue;
        }
        let glued = at > 0 && !chars[at - 1].is_whitespace();
        let start = at;
        let digit = |i: usize| chars.get(i).is_some_and(char::is_ascii_digit);
        let kind = if digit(at) {
            while digit(at) || (matches!(chars.get(at), Some('.' | ',')) && digit(at + 1)) {
                at += 1;
            }
            Kind::Figure(chars[start..at].iter().collect())
        } else if chars[at].is_alphabetic() {
            while chars.get(at).is_some_and(|c| c.is_alphabetic()) {
                at += 1;
            }
            let word: String = chars[start..at].iter().collect();
            let square = matches!(word.as_str(), "m" | "met" | "mét")
                && chars.get(at) == Some(&'2')
                && !digit(at + 1);
            at += usize::from(square);
            Kind::Word(if square { "m2".to_owned() } else { word })
        } else {
            at += 1;
            Kind::Sign(chars[start])
        };
        tokens.push(Token { kind, glued });
    }
    join_groups(&tokens)
}

/// Joins figures that are grouped by spaces: one to three digits, then threes; a single group only
/// before triệu, where nothing else can be meant.
fn join_groups(tokens: &[Token]) -> Vec<Token> {
    let three = |t: Option<&Token>| {
        t.and_then(Token::figure)
            .is_some_and(|d| d.len() == 3 && d.bytes().all(|b| b.is_ascii_digit()))
    };
    let mut joined: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let mut token = tokens[at].clone();
        at += 1;
        if let Kind::Figure(digits) = &mut token.kind
            && digits.len() <= 3
            && digits.bytes().all(|b| b.is_ascii_digit())
        {
            let groups = tokens[at..].iter().take_while(|t| three(Some(t))).count();
            let million = tokens
                .get(at + groups)
                .is_some_and(|t| t.is_word(&["triệu", "trieu", "tr"]));
            if groups >= 2 || (groups == 1 && million) {
                for group in &tokens[at..at + groups] {
                    digits.push_str(group.figure().unwrap_or(""));
                }
                at += groups;
            }
        }
        joined.push(token);
    }
    joined
}
