//! The words, figures and signs of a date cell.

use jiff::civil::Weekday;

use super::weekday_by_number;
use crate::core::sheet::fold::fold;

/// What one token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Digits only.
    Number(String),
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
    pub(super) fn is_word(&self, words: &[&str]) -> bool {
        matches!(&self.kind, Kind::Word(word) if words.contains(&word.as_str()))
    }

    pub(super) fn is_sign(&self, sign: char) -> bool {
        self.kind == Kind::Sign(sign)
    }

    /// The number, if it has at most so many digits.
    pub(super) fn number(&self, digits: usize) -> Option<i64> {
        match &self.kind {
            Kind::Number(text) if text.len() <= digits => text.parse().ok(),
            _ => None,
        }
    }

    /// A sign that joins the figures of a date.
    pub(super) fn joins_figures(&self) -> bool {
        matches!(
            self.kind,
            Kind::Sign('/' | '-' | '.' | '–' | '—' | '\\' | '_' | '\u{2215}' | '\u{2044}')
        )
    }
}

/// Splits text into figures, words and signs.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut glued = false;
    for c in text.chars() {
        if c.is_whitespace() {
            glued = false;
            continue;
        }
        match (tokens.last_mut().filter(|_| glued).map(|t| &mut t.kind), c) {
            (Some(Kind::Number(digits)), c) if c.is_ascii_digit() => digits.push(c),
            (Some(Kind::Word(word)), c) if c.is_alphabetic() => word.push(c),
            (_, c) => {
                let kind = if c.is_ascii_digit() {
                    Kind::Number(c.to_string())
                } else if c.is_alphabetic() {
                    Kind::Word(c.to_string())
                } else {
                    Kind::Sign(c)
                };
                tokens.push(Token { kind, glued });
            }
        }
        glued = true;
    }
    tokens
}

/// Bracketed remarks say nothing about the date, unless there is nothing else.
pub(super) fn without_remarks(text: &str) -> String {
    let mut depth = 0_u32;
    let kept: String = text
        .chars()
        .filter(|c| {
            match c {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' if depth > 0 => {
                    depth -= 1;
                    return false;
                }
                _ => {}
            }
            depth == 0
        })
        .collect();
    if kept.chars().any(|c| c.is_ascii_digit()) {
        kept
    } else {
        text.replace(['(', ')', '[', ']'], " ")
    }
}

/// Marks of the lunar calendar: `ÂL`, `âm lịch`, `rằm`, `giêng`, `chạp`.
pub(super) fn lunar(text: &str) -> bool {
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphabetic())
        .filter(|w| !w.is_empty())
        .collect();
    words
        .iter()
        .any(|w| matches!(*w, "âl" | "al" | "âm" | "rằm" | "giêng" | "chạp" | "lunar"))
        || words.windows(2).any(|w| w[0] == "am" && w[1] == "lich")
}

/// Takes the weekday out, if one is named.
pub(super) fn take_weekday(tokens: &mut Vec<Token>) -> Option<Weekday> {
    for at in 0..tokens.len() {
        if let Some((day, length)) = weekday(&tokens[at..]) {
            tokens.drain(at..at + length);
            if tokens
                .get(at)
                .is_some_and(|t| t.is_sign(',') || t.is_sign('-') || t.is_sign('.'))
            {
                tokens.remove(at);
            }
            return Some(day);
        }
    }
    None
}

/// The weekday that the tokens begin with, and how many they are.
pub(super) fn weekday(tokens: &[Token]) -> Option<(Weekday, usize)> {
    let Kind::Word(word) = &tokens.first()?.kind else {
        return None;
    };
    let next = tokens.get(1);
    if matches!(word.as_str(), "thứ" | "thu") {
        let named = match &next?.kind {
            Kind::Number(_) => next?.number(1)?,
            Kind::Word(name) => match name.as_str() {
                "hai" => 2,
                "ba" => 3,
                "tư" | "tu" | "bốn" => 4,
                "năm" | "nam" => 5,
                "sáu" | "sau" => 6,
                "bảy" | "bẩy" | "bay" => 7,
                _ => return None,
            },
            Kind::Sign(_) => return None,
        };
        return Some((weekday_by_number(named)?, 2));
    }
    // "T.3"
    if word == "t"
        && next.is_some_and(|t| t.glued && t.is_sign('.'))
        && let Some(number) = tokens.get(2).filter(|t| t.glued).and_then(|t| t.number(1))
        && !tokens.get(3).is_some_and(Token::joins_figures)
    {
        return Some((weekday_by_number(number)?, 3));
    }
    if word == "t" && next.is_some_and(|t| t.glued) {
        // "T5/2026" is May.
        let month = tokens.get(2).is_some_and(Token::joins_figures)
            && tokens
                .get(3)
                .is_some_and(|t| t.number(4).is_some() && t.number(2).is_none());
        return weekday_by_number(next?.number(1)?)
            .filter(|_| !month)
            .map(|day| (day, 2));
    }
    if word == "cn" {
        return Some((Weekday::Sunday, 1));
    }
    if matches!(word.as_str(), "chủ" | "chúa" | "chu") && next?.is_word(&["nhật", "nhựt", "nhat"])
    {
        return Some((Weekday::Sunday, 2));
    }
    let english = match word.as_str() {
        "mon" | "monday" => Weekday::Monday,
        "tue" | "tues" | "tuesday" => Weekday::Tuesday,
        "wed" | "wednesday" => Weekday::Wednesday,
        "thur" | "thurs" | "thursday" => Weekday::Thursday,
        "fri" | "friday" => Weekday::Friday,
        "sat" | "saturday" => Weekday::Saturday,
        "sun" | "sunday" => Weekday::Sunday,
        _ => return None,
    };
    Some((english, 1))
}

/// `tháng 4`, `thg 4`, `tháng tư`, `t11`; the number and how many tokens it takes.
pub(super) fn month(tokens: &[Token]) -> Option<(i64, usize)> {
    let mut at = usize::from(tokens.first()?.joins_figures() || tokens.first()?.is_sign(','));
    let word = tokens.get(at)?;
    let short = word.is_word(&["t"]) && tokens.get(at + 1).is_some_and(|t| t.glued);
    if !short && !word.is_word(&["tháng", "thang", "thg", "th"]) {
        return None;
    }
    at += 1;
    if tokens.get(at)?.is_sign('.') {
        at += 1;
    }
    if let Some(number) = tokens.get(at)?.number(2) {
        return Some((number, at + 1));
    }
    let Kind::Word(name) = &tokens.get(at)?.kind else {
        return None;
    };
    let ten = matches!(name.as_str(), "mười" | "muoi");
    if ten {
        return Some(match tokens.get(at + 1) {
            Some(t) if t.is_word(&["một", "mot", "mốt"]) => (11, at + 2),
            Some(t) if t.is_word(&["hai"]) => (12, at + 2),
            _ => (10, at + 1),
        });
    }
    let number = match name.as_str() {
        "một" | "mot" => 1,
        "hai" => 2,
        "ba" => 3,
        "tư" | "tu" | "bốn" | "bon" => 4,
        "năm" => 5,
        "sáu" => 6,
        "bảy" | "bẩy" | "bay" => 7,
        "tám" | "tam" => 8,
        "chín" | "chin" => 9,
        _ => return None,
    };
    Some((number, at + 1))
}

/// `Nov`, `November`, `Sept`.
pub(super) fn english_month(token: &Token) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let Kind::Word(word) = &token.kind else {
        return None;
    };
    let long_enough = word.len() >= 3;
    let at = MONTHS.iter().position(|m| {
        long_enough && (m == word || word == &m[..3] || (word == "sept" && *m == "september"))
    })?;
    i64::try_from(at + 1).ok()
}

/// Whether a number is left that no word explains ("25 và 26/11/2026"; not "đợt 2", not "2 khách").
pub(super) fn loose_number(tokens: &[Token]) -> bool {
    const JOINTS: [&str; 12] = [
        "và", "va", "hoặc", "hoac", "hay", "đến", "den", "tới", "ngày", "ngay", "or", "to",
    ];
    tokens.iter().enumerate().any(|(at, token)| {
        let Kind::Number(_) = token.kind else {
            return false;
        };
        let word = |t: Option<&Token>| {
            t.is_some_and(|t| matches!(&t.kind, Kind::Word(w) if !JOINTS.contains(&w.as_str())))
        };
        !word(at.checked_sub(1).and_then(|i| tokens.get(i))) && !word(tokens.get(at + 1))
    })
}

/// Words that make a date the end of a period, or doubtful.
pub(super) fn period(tokens: &[Token]) -> bool {
    tokens.iter().any(|t| {
        t.is_sign('?')
            || t.is_sign('~')
            || t.is_word(&[
                "từ", "trước", "truoc", "sau", "khoảng", "khoang", "tầm", "hoặc", "hoac", "hay",
                "or", "before", "after", "until", "from", "around",
            ])
    })
}

/// Words that say a day without saying which: `mai`, `tuần sau`, `cuối tháng`, `sau Tết`.
pub(super) fn relative(tokens: &[Token]) -> bool {
    tokens.iter().any(|t| {
        let Kind::Word(word) = &t.kind else {
            return false;
        };
        matches!(
            fold(word).as_str(),
            "mai"
                | "mot"
                | "kia"
                | "nay"
                | "qua"
                | "tuan"
                | "thang"
                | "cuoi"
                | "dau"
                | "giua"
                | "tet"
                | "noel"
                | "quy"
                | "today"
                | "tomorrow"
                | "yesterday"
                | "week"
                | "weekend"
                | "month"
                | "soon"
                | "hom"
        ) || matches!(word.as_str(), "sau" | "tới" | "năm")
    })
}
