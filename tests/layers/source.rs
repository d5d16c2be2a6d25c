//! Reads Rust source as far as imports need it: which paths it names, from which line, outside of tests.
//!
//! No parser: comments, strings and characters are skipped, `use` trees are followed, and every `a::b::c`
//! elsewhere is a path. Code under `#[cfg(test)]` is left out: tests may reach across.

/// One path as it is meant: from the crate's root, or from another crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// `crate::…` with `super` and `self` resolved, or what was written.
    pub(crate) path: Vec<String>,
    /// Line of its first segment; the first is 1.
    pub(crate) line: usize,
}

impl Named {
    pub(crate) fn text(&self) -> String {
        self.path.join("::")
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    text: String,
    line: usize,
}

/// All paths with two segments or more.
///
/// # Arguments
/// `module` is the file's own place, such as `["courier", "email"]`; empty for `lib.rs` and `main.rs`.
pub(crate) fn paths(module: &[String], source: &str) -> Vec<Named> {
    let tokens = without_tests(&tokens(source));
    let mut found = Vec::new();
    let mut here: Vec<String> = module.to_vec();
    // The depth at which each inline module was opened, so that its end is known.
    let mut inner: Vec<usize> = Vec::new();
    let mut depth = 0;
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if inner.last() == Some(&depth) {
                    inner.pop();
                    here.pop();
                }
            }
            "mod" if text(&tokens, at + 2) == "{" => {
                here.push(text(&tokens, at + 1).to_owned());
                inner.push(depth);
                depth += 1;
                at += 3;
                continue;
            }
            "use" if is_item(&tokens, at) => {
                let before = found.len();
                at = follow(&tokens, at + 1, &mut Vec::new(), &mut found);
                resolve(&mut found[before..], &here);
                continue;
            }
            word if is_word(word) && text(&tokens, at + 1) == "::" => {
                let line = token.line;
                let mut path = vec![word.to_owned()];
                while text(&tokens, at + 1) == "::" && is_word(text(&tokens, at + 2)) {
                    path.push(text(&tokens, at + 2).to_owned());
                    at += 2;
                }
                let mut named = [Named { path, line }];
                resolve(&mut named, &here);
                found.extend(named);
            }
            _ => {}
        }
        at += 1;
    }
    found.retain(|named| named.path.len() > 1);
    found
}

/// `use<'a>` in a signature is no import.
fn is_item(tokens: &[Token], at: usize) -> bool {
    text(tokens, at + 1) != "<"
}

/// Walks one `use` tree; returns where it ended.
fn follow(
    tokens: &[Token],
    mut at: usize,
    before: &mut Vec<String>,
    found: &mut Vec<Named>,
) -> usize {
    let depth = before.len();
    let mut line = tokens.get(at).map_or(0, |token| token.line);
    let mut named = false;
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            "::" => {}
            "{" => {
                at += 1;
                while at < tokens.len() && tokens[at].text != "}" {
                    at = follow(tokens, at, before, found);
                    if text(tokens, at) == "," {
                        at += 1;
                    }
                }
                before.truncate(depth);
                return at + 1;
            }
            "as" => at += 1,
            "*" => {
                before.push("*".to_owned());
                named = true;
            }
            ";" | "," | "}" => break,
            word => {
                if before.len() == depth {
                    line = tokens[at].line;
                }
                before.push(word.to_owned());
                named = true;
            }
        }
        at += 1;
    }
    if named && before.len() == 1 {
        // A whole crate: `use teloxide;` or `use teloxide as t;`.
        before.push("self".to_owned());
    }
    if named {
        found.push(Named {
            path: before.clone(),
            line,
        });
    }
    before.truncate(depth);
    at
}

/// Turns `super::…` and `self::…`, as written in the module `here`, into `crate::…`.
fn resolve(found: &mut [Named], here: &[String]) {
    for named in found {
        let ups = named
            .path
            .iter()
            .take_while(|part| *part == "super" || *part == "self")
            .count();
        if ups == 0 {
            continue;
        }
        let up = named
            .path
            .iter()
            .take(ups)
            .filter(|part| *part == "super")
            .count();
        let kept = here.len().saturating_sub(up);
        named.path = ["crate".to_owned()]
            .into_iter()
            .chain(here[..kept].iter().cloned())
            .chain(named.path[ups..].iter().cloned())
            .collect();
    }
}

fn text(tokens: &[Token], at: usize) -> &str {
    tokens.get(at).map_or("", |token| token.text.as_str())
}

fn is_word(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

/// Leaves out each item that stands under `#[cfg(test)]`, to the end of its block or its semicolon.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const GATE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let gated = GATE
            .iter()
            .enumerate()
            .all(|(i, part)| text(tokens, at + i) == *part);
        if !gated {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        at += GATE.len();
        let mut depth = 0_usize;
        while at < tokens.len() {
            match tokens[at].text.as_str() {
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                ";" if depth == 0 => break,
                _ => {}
            }
            at += 1;
        }
        at += 1;
    }
    kept
}

/// Names of the modules that a file declares for tests only: `#[cfg(test)] mod NAME;`.
pub(crate) fn test_modules(source: &str) -> Vec<String> {
    const GATE: [&str; 8] = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
    let tokens = tokens(source);
    (0..tokens.len())
        .filter(|at| {
            GATE.iter()
                .enumerate()
                .all(|(i, part)| text(&tokens, at + i) == *part)
        })
        .filter(|at| text(&tokens, at + GATE.len() + 1) == ";")
        .map(|at| text(&tokens, at + GATE.len()).to_owned())
        .collect()
}

/// Words, `::`, and single signs; no comments, strings, characters or numbers.
fn tokens(source: &str) -> Vec<Token> {
    let letters: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut at = 0;
    while at < letters.len() {
        let rest = &letters[at..];
        if rest[0].is_whitespace() {
            line += usize::from(rest[0] == '\n');
            at += 1;
            continue;
        }
        let skipped = skipped(rest);
        if skipped > 0 {
            line += rest[..skipped]
                .iter()
                .filter(|letter| **letter == '\n')
                .count();
            at += skipped;
            continue;
        }
        let token: String = match rest[0] {
            ':' if rest.get(1) == Some(&':') => "::".to_owned(),
            letter if letter.is_alphabetic() || letter == '_' => rest
                .iter()
                .take_while(|letter| letter.is_alphanumeric() || **letter == '_')
                .collect(),
            letter => letter.to_string(),
        };
        at += token.chars().count();
        tokens.push(Token { text: token, line });
    }
    tokens
}

/// How many letters at the beginning are a comment, a string, a character or a number; 0 if none.
fn skipped(rest: &[char]) -> usize {
    match (rest[0], rest.get(1)) {
        ('/', Some('/')) => rest.iter().take_while(|letter| **letter != '\n').count(),
        ('/', Some('*')) => comment(rest),
        ('"', _) => string(rest),
        ('b' | 'c', Some('"')) => 1 + string(&rest[1..]),
        ('b', Some('\'')) => 1 + character(&rest[1..]),
        ('r', Some('"' | '#')) => raw(rest, 1),
        ('b' | 'c', Some('r')) if matches!(rest.get(2), Some('"' | '#')) => raw(rest, 2),
        ('\'', _) => character(rest),
        (digit, _) if digit.is_ascii_digit() => rest
            .iter()
            .take_while(|letter| letter.is_alphanumeric() || **letter == '_')
            .count(),
        _ => 0,
    }
}

/// A block comment, which may hold others.
fn comment(rest: &[char]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match (rest[at], rest.get(at + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                at += 2;
            }
            ('*', Some('/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    break;
                }
            }
            _ => at += 1,
        }
    }
    at
}

fn string(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// `r"…"`, `r#"…"#`; 0 for a raw identifier such as `r#type`.
fn raw(rest: &[char], from: usize) -> usize {
    let hashes = rest[from..]
        .iter()
        .take_while(|letter| **letter == '#')
        .count();
    if rest.get(from + hashes) != Some(&'"') {
        return 0;
    }
    let mut at = from + hashes + 1;
    while at < rest.len() {
        let closes = rest[at] == '"'
            && rest[at + 1..]
                .iter()
                .take(hashes)
                .filter(|l| **l == '#')
                .count()
                == hashes;
        if closes {
            return at + 1 + hashes;
        }
        at += 1;
    }
    rest.len()
}

/// A character literal; a lifetime is skipped as one sign and its name.
fn character(rest: &[char]) -> usize {
    match (rest.get(1), rest.get(2)) {
        (Some('\\'), _) => {
            // What is escaped may be the quote itself.
            let end = rest[3..]
                .iter()
                .position(|letter| *letter == '\'')
                .unwrap_or(0);
            3 + end + 1
        }
        (Some(_), Some('\'')) => 3,
        _ => {
            1 + rest[1..]
                .iter()
                .take_while(|letter| letter.is_alphanumeric() || **letter == '_')
                .count()
        }
    }
}
