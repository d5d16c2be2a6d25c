//! Turns the operators of an expression into calls of our own, so that a missing value is never an error
//! and never passes a comparison. minijinja itself orders values by kind: `null < 3` and `'x' > 5` are true.
//!
//! Precedence is minijinja's (`or`, `and`, `not`, comparisons, `+ -`, `~`, `* / // %`, `**`, sign, filters);
//! a property test holds the two together. Only texts that minijinja has compiled come here.

use super::words::{Kind, Word, split};

/// Something used that does not exist, and where.
#[derive(Debug, PartialEq)]
pub(super) struct Unknown {
    /// What it is, as a sentence.
    pub(super) what: String,
    /// Where it begins, in bytes.
    pub(super) at: usize,
}

/// What exists in an environment.
pub(super) trait Known {
    /// Whether there is such a filter.
    fn filter(&self, name: &str) -> bool;
    /// Whether there is such a test, after `is`.
    fn test(&self, name: &str) -> bool;
    /// Whether there is such a function.
    fn function(&self, name: &str) -> bool;
}

/// The same expression with calls for operators.
///
/// # Errors
/// The first filter, test, function or method that does not exist, or that the text is none we know.
pub(super) fn rewrite(source: &str, known: &dyn Known) -> Result<String, Unknown> {
    let mut reader = Reader {
        words: split(source),
        at: 0,
        known,
        end: source.len(),
    };
    let text = reader.expression()?;
    match reader.peek() {
        None => Ok(text),
        Some(_) => Err(reader.lost()),
    }
}

struct Reader<'a> {
    words: Vec<Word<'a>>,
    at: usize,
    known: &'a dyn Known,
    end: usize,
}

type Text = Result<String, Unknown>;

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<Word<'a>> {
        self.words.get(self.at).copied()
    }

    /// Whether the next word is this sign or keyword.
    fn sees(&self, text: &str) -> bool {
        self.peek()
            .is_some_and(|word| word.kind != Kind::Literal && word.text == text)
    }

    fn takes(&mut self, text: &str) -> bool {
        let there = self.sees(text);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, text: &str) -> Result<(), Unknown> {
        if self.takes(text) {
            Ok(())
        } else {
            Err(self.lost())
        }
    }

    fn name(&mut self) -> Result<Word<'a>, Unknown> {
        match self.peek() {
            Some(word) if word.kind == Kind::Name => {
                self.at += 1;
                Ok(word)
            }
            _ => Err(self.lost()),
        }
    }

    /// The text is not what we take an expression to be.
    fn lost(&self) -> Unknown {
        Unknown {
            what: "this cannot be read as a condition".to_owned(),
            at: self.peek().map_or(self.end, |word| word.start),
        }
    }

    /// Where the next word begins.
    fn here(&self) -> usize {
        self.peek().map_or(self.end, |word| word.start)
    }

    /// Where the last word ended.
    fn behind(&self) -> usize {
        self.words.get(self.at.wrapping_sub(1)).map_or(0, Word::end)
    }

    fn expression(&mut self) -> Text {
        let mut text = self.either()?;
        while self.takes("if") {
            let test = self.either()?;
            text = if self.takes("else") {
                format!("({text} if {test} else {})", self.expression()?)
            } else {
                format!("({text} if {test})")
            };
        }
        Ok(text)
    }

    fn either(&mut self) -> Text {
        self.joined("or", Self::both)
    }

    fn both(&mut self) -> Text {
        self.joined("and", Self::negated)
    }

    fn joined(&mut self, word: &str, part: fn(&mut Self) -> Text) -> Text {
        let mut parts = vec![part(self)?];
        while self.takes(word) {
            parts.push(part(self)?);
        }
        match parts.len() {
            1 => Ok(parts.remove(0)),
            _ => Ok(format!("({})", parts.join(&format!(" {word} ")))),
        }
    }

    fn negated(&mut self) -> Text {
        if self.takes("not") {
            return Ok(format!("(not {})", self.negated()?));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Text {
        const CALLS: [(&str, &str); 7] = [
            ("==", "__eq"),
            ("!=", "__ne"),
            ("<", "__lt"),
            ("<=", "__le"),
            (">", "__gt"),
            (">=", "__ge"),
            ("in", "__in"),
        ];
        let mut start = self.here();
        let mut left = self.sum()?;
        let mut parts = Vec::new();
        loop {
            let not = self.takes("not");
            let Some((_, call)) = CALLS.iter().find(|(sign, _)| self.sees(sign)) else {
                break;
            };
            self.at += 1;
            let next = self.here();
            let right = self.sum()?;
            let end = self.behind();
            let text = format!("{call}({left}, {right}, {start}, {end})");
            parts.push(if not { format!("(not {text})") } else { text });
            (left, start) = (right, next);
        }
        match parts.len() {
            0 => Ok(left),
            1 => Ok(parts.remove(0)),
            // `1 < x < 5` is `1 < x and x < 5`.
            _ => Ok(format!("({})", parts.join(" and "))),
        }
    }

    fn sum(&mut self) -> Text {
        self.binary(&[("+", "__add"), ("-", "__sub")], Self::concatenation)
    }

    fn concatenation(&mut self) -> Text {
        self.joined_sign("~", Self::product)
    }

    fn product(&mut self) -> Text {
        const CALLS: [(&str, &str); 4] = [
            ("*", "__mul"),
            ("/", "__div"),
            ("//", "__floor"),
            ("%", "__rem"),
        ];
        self.binary(&CALLS, Self::power)
    }

    fn power(&mut self) -> Text {
        self.binary(&[("**", "__pow")], Self::operand)
    }

    /// Left to right: `a - b - c` is `(a - b) - c`.
    fn binary(&mut self, calls: &[(&str, &str)], part: fn(&mut Self) -> Text) -> Text {
        let start = self.here();
        let mut left = part(self)?;
        while let Some((_, call)) = calls.iter().find(|(sign, _)| self.sees(sign)) {
            self.at += 1;
            let right = part(self)?;
            left = format!("{call}({left}, {right}, {start}, {})", self.behind());
        }
        Ok(left)
    }

    fn joined_sign(&mut self, sign: &str, part: fn(&mut Self) -> Text) -> Text {
        let mut left = part(self)?;
        while self.takes(sign) {
            left = format!("({left} {sign} {})", part(self)?);
        }
        Ok(left)
    }

    /// A value with its sign, and the filters and tests on it.
    fn operand(&mut self) -> Text {
        let mut text = self.signed()?;
        loop {
            if self.takes("|") {
                let (name, at) = self.dotted()?;
                if !self.known.filter(&name) {
                    return Err(Unknown {
                        what: format!("there is no filter “{name}”"),
                        at,
                    });
                }
                let arguments = if self.sees("(") {
                    self.arguments()?
                } else {
                    String::new()
                };
                text = format!("({text}|{name}{arguments})");
            } else if self.takes("is") {
                let not = if self.takes("not") { "not " } else { "" };
                let (name, at) = self.dotted()?;
                if !self.known.test(&name) {
                    return Err(Unknown {
                        what: format!("there is no test “is {name}”"),
                        at,
                    });
                }
                let arguments = self.test_arguments()?;
                text = format!("({text} is {not}{name}{arguments})");
            } else {
                return Ok(text);
            }
        }
    }

    /// A test takes its argument with or without brackets: `x is gt(5)`, `x is gt 5`.
    fn test_arguments(&mut self) -> Text {
        if self.sees("(") {
            return self.arguments();
        }
        let bare = self.peek().is_some_and(|word| match word.kind {
            Kind::Literal => true,
            Kind::Name => !["and", "or", "else", "is"].contains(&word.text),
            Kind::Sign => ["-", "+", "[", "{"].contains(&word.text),
        });
        // `x is none if …` would take the `if` for a name; so does minijinja, and refuses the text.
        if bare {
            Ok(format!("({})", self.signed()?))
        } else {
            Ok(String::new())
        }
    }

    fn dotted(&mut self) -> Result<(String, usize), Unknown> {
        let first = self.name()?;
        let mut name = first.text.to_owned();
        while self.takes(".") {
            name.push('.');
            name.push_str(self.name()?.text);
        }
        Ok((name, first.start))
    }

    fn signed(&mut self) -> Text {
        let start = self.here();
        if self.takes("-") {
            let operand = self.signed()?;
            return Ok(format!("__sub(0, {operand}, {start}, {})", self.behind()));
        }
        let mut text = self.primary()?;
        loop {
            if self.takes(".") {
                let Some(word) = self.peek() else {
                    return Err(self.lost());
                };
                self.at += 1;
                if self.sees("(") {
                    return Err(Unknown {
                        what: format!(
                            "there are no methods: write a filter, such as “| {}”",
                            word.text
                        ),
                        at: word.start,
                    });
                }
                text = match word.kind {
                    Kind::Name => format!("{text}.{}", word.text),
                    _ => format!("{text}[{}]", word.text),
                };
            } else if self.takes("[") {
                text = format!("{text}[{}]", self.subscript()?);
            } else if self.sees("(") {
                let name = &self.words[self.at - 1];
                if !self.known.function(&text) {
                    return Err(Unknown {
                        what: format!("there is no function “{}”", name.text),
                        at: name.start,
                    });
                }
                text = format!("{text}{}", self.arguments()?);
            } else {
                return Ok(text);
            }
        }
    }

    /// What stands between `[` and `]`, which is taken too: an index, or a slice.
    fn subscript(&mut self) -> Text {
        let mut text = String::new();
        while !self.takes("]") {
            if self.takes(":") {
                text.push(':');
            } else {
                text.push_str(&self.expression()?);
            }
        }
        Ok(text)
    }

    fn primary(&mut self) -> Text {
        let Some(word) = self.peek() else {
            return Err(self.lost());
        };
        self.at += 1;
        match (word.kind, word.text) {
            (Kind::Name, name) => Ok(name.to_owned()),
            (Kind::Literal, text) => {
                let mut text = text.to_owned();
                // Strings that stand side by side are one.
                while let Some(next) = self.peek().filter(|next| next.kind == Kind::Literal) {
                    text.push(' ');
                    text.push_str(next.text);
                    self.at += 1;
                }
                Ok(text)
            }
            (Kind::Sign, "(") => self.bracketed("(", ")"),
            (Kind::Sign, "[") => self.bracketed("[", "]"),
            (Kind::Sign, "{") => self.bracketed("{", "}"),
            (Kind::Sign, _) => {
                self.at -= 1;
                Err(self.lost())
            }
        }
    }

    /// A group, tuple, list or map whose opening bracket has been taken.
    fn bracketed(&mut self, open: &str, close: &str) -> Text {
        let mut text = open.to_owned();
        while !self.takes(close) {
            text.push_str(&self.expression()?);
            for sign in [":", ","] {
                if self.takes(sign) {
                    text.push_str(sign);
                    text.push(' ');
                }
            }
        }
        text.push_str(close);
        Ok(text)
    }

    /// The arguments of a call with their brackets.
    fn arguments(&mut self) -> Text {
        self.expect("(")?;
        let mut text = "(".to_owned();
        while !self.takes(")") {
            for sign in ["**", "*"] {
                if self.takes(sign) {
                    text.push_str(sign);
                }
            }
            text.push_str(&self.expression()?);
            for sign in ["=", ","] {
                if self.takes(sign) {
                    text.push_str(sign);
                    text.push(' ');
                }
            }
        }
        text.push(')');
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Anything;
    impl Known for Anything {
        fn filter(&self, _: &str) -> bool {
            true
        }
        fn test(&self, _: &str) -> bool {
            true
        }
        fn function(&self, _: &str) -> bool {
            true
        }
    }

    /// The rewritten text without the places, which only serve warnings: `, 3, 9)` is shown as `)`.
    fn check(source: &str, expected: &str) {
        let text = rewrite(source, &Anything).unwrap();
        let is_place = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let mut shown: Vec<String> = Vec::new();
        for part in text.split(", ") {
            let digits = part.chars().take_while(char::is_ascii_digit).count();
            let ends_a_call = digits > 0 && part[digits..].starts_with(')');
            if ends_a_call && shown.pop_if(|before| is_place(before)).is_some() {
                let last = shown.last_mut().unwrap();
                last.push_str(&part[digits..]);
            } else {
                shown.push(part.to_owned());
            }
        }
        assert_eq!(shown.join(", "), expected, "{source}\n{text}");
    }

    #[test]
    fn operators_become_calls() {
        check("a", "a");
        check("a < b", "__lt(a, b)");
        check("budget.max >= x * ty", "__ge(budget.max, __mul(x, ty))");
        check(
            "email and stage == 'prospect' and not no_ads",
            "(email and __eq(stage, 'prospect') and (not no_ads))",
        );
        check("not (a and a > now)", "(not ((a and __gt(a, now))))");
        check("'x' not in area", "(not __in('x', area))");
        check("a - b - c", "__sub(__sub(a, b), c)");
        check("a or b and c", "(a or (b and c))");
        check("a < b <= c", "(__lt(a, b) and __le(b, c))");
        check("a if b else c if d", "(a if b else (c if d))");
        check(
            "a|lower|replace('x', y) == z",
            "__eq(((a|lower)|replace('x', y)), z)",
        );
        check(
            "a is not none and b is gt c",
            "((a is not none) and (b is gt(c)))",
        );
        check("a ~ b + c", "__add((a ~ b), c)");
        check("x in [a, b]", "__in(x, [a, b])");
        check("x[a:] == m['k']", "__eq(x[a:], m['k'])");
        check("f(a, b=c)", "f(a, b= c)");
    }
}
