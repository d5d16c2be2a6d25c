//! One amount: a figure or number word with its unit and what is added behind it.

use super::tokens::Token;
use super::{BILLION, MILLION, words};

/// A decimal figure as written, and how its points and commas can be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Figure {
    /// All digits as one integer.
    mantissa: i128,
    /// How many of them stand behind the mark, if it is a decimal mark.
    decimals: u32,
    /// One mark with three digits behind it: `3.250` is 3.25 or 3250.
    either: bool,
    /// Written with a leading zero and no mark, as phone numbers are.
    zero: bool,
}

impl Figure {
    /// Parses digits with points and commas. `plain`: a number cell, whose point is decimal.
    pub(super) fn parse(text: &str, plain: bool) -> Option<Self> {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        if digits.is_empty() || digits.len() > 18 || text.starts_with('-') {
            return None;
        }
        let mantissa = digits.parse().ok()?;
        let marks: Vec<char> = text.chars().filter(|c| !c.is_ascii_digit()).collect();
        let parts: Vec<&str> = text.split(['.', ',']).collect();
        let behind = u32::try_from(parts.last()?.len()).ok()?;
        let grouped = parts[0].len() <= 3 && parts[1..].iter().all(|p| p.len() == 3);
        let whole = |either| Self {
            mantissa,
            decimals: 0,
            either,
            zero: marks.is_empty() && text.len() > 1 && text.starts_with('0'),
        };
        let decimal = Self {
            mantissa,
            decimals: behind,
            either: false,
            zero: false,
        };
        match marks.as_slice() {
            [] => Some(whole(false)),
            [_] if plain || behind != 3 || parts[0].starts_with('0') || parts[0].len() > 3 => {
                Some(decimal)
            }
            [_] => Some(Self {
                decimals: 3,
                either: true,
                ..whole(true)
            }),
            [first, middle @ .., last] => {
                let even = middle.iter().all(|m| m == first);
                if even && first == last && grouped {
                    Some(whole(false))
                } else if even
                    && first != last
                    && parts[0].len() <= 3
                    && parts[1..parts.len() - 1].iter().all(|p| p.len() == 3)
                {
                    // "1,400,000,000.00": a bank's way of writing whole đồng.
                    let scale = 10_i128.checked_pow(behind)?;
                    Some(if mantissa % scale == 0 {
                        Self::whole(mantissa / scale)
                    } else {
                        decimal
                    })
                } else {
                    None
                }
            }
        }
    }

    /// An integer.
    pub(super) fn whole(mantissa: i128) -> Self {
        Self {
            mantissa,
            decimals: 0,
            either: false,
            zero: false,
        }
    }

    /// The figure with its mark taken as a decimal one, times the unit; `None` if that is no whole number.
    pub(super) fn times(self, unit: i128) -> Option<i128> {
        let scale = 10_i128.checked_pow(self.decimals)?;
        // Sizes are compared in tens and ones, where a rest is cut off.
        let product = self.mantissa.checked_mul(unit)?;
        (unit < 1_000 || product % scale == 0).then_some(product / scale)
    }

    /// The figure with a unit: a mark before three digits groups triệu and less, as "2.500 triệu",
    /// and is decimal for tỷ, as 3,250 tỷ is out of range.
    pub(super) fn with_unit(self, unit: i128) -> Option<i128> {
        if self.either && unit < BILLION {
            return self.mantissa.checked_mul(unit);
        }
        let scale = 10_i128.checked_pow(self.decimals)?;
        let product = self.mantissa.checked_mul(unit)?;
        (product % scale == 0).then_some(product / scale)
    }

    pub(super) fn is_whole(self) -> bool {
        self.decimals == 0
    }

    pub(super) fn like_phone(self) -> bool {
        self.zero
    }

    /// By its size, where it has no unit; a figure with one mark before three digits is the same
    /// amount either way ("3.250": 3.25 tỷ or 3250 triệu), or a grouped number of đồng too small.
    pub(super) fn by_size(self) -> Option<i128> {
        if self.either && self.mantissa >= 30_000 {
            return super::by_size(Self::whole(self.mantissa));
        }
        super::by_size(self)
    }
}

/// An amount as far as the cell tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) figure: Figure,
    /// In đồng, if a unit is there.
    pub(super) value: Option<i128>,
    /// The unit that a figure before it can share: "3-5 tỷ".
    pub(super) unit: Option<i128>,
    pub(super) unclear: bool,
}

/// What stands at the beginning of the tokens.
pub(super) enum Found {
    /// An amount, and how many tokens it takes.
    Amount(Amount, usize),
    /// A figure that belongs to a following word or sign: `2PN`, `5 tầng`, `70%`, `4x15`.
    Taken(usize),
    /// Neither.
    Nothing,
}

/// Reads an amount at `at`.
pub(super) fn find(tokens: &[Token], at: usize) -> Found {
    let rest = &tokens[at..];
    let Some((figure, mut length, words)) = figure_at(tokens, at) else {
        return unreadable(tokens, at);
    };
    let Some((unit, used)) = unit_at(&rest[length..], rest.len() > length && rest[length].glued)
    else {
        if words {
            return Found::Nothing;
        }
        // "2 rưỡi": the unit is left out in speech.
        if rest
            .get(length)
            .and_then(Token::word)
            .is_some_and(words::half)
        {
            return Found::Amount(without_unit_and_half(figure), length + 1);
        }
        return match taken_by_following(&rest[length..]) {
            0 => Found::Amount(
                Amount {
                    figure,
                    value: None,
                    unit: None,
                    unclear: false,
                },
                length,
            ),
            more => Found::Taken(length + more),
        };
    };
    length += used;
    let Some(mut value) = figure.with_unit(unit) else {
        return Found::Amount(
            Amount {
                figure,
                value: Some(0),
                unit: Some(unit),
                unclear: true,
            },
            length,
        );
    };
    let mut unclear = false;
    match behind(&rest[length..], figure, unit) {
        Behind::Add(more, used) => {
            value += more;
            length += used;
        }
        Behind::Unclear(used) => {
            unclear = true;
            length += used;
        }
        Behind::Nothing => {}
    }
    // "2.500.000.000 đ", "3 tỷ đồng"
    if rest.get(length).and_then(Token::word).and_then(words::unit) == Some(1) {
        length += 1;
    }
    Found::Amount(
        Amount {
            figure,
            value: Some(value),
            unit: Some(unit),
            unclear,
        },
        length,
    )
}

/// `2 rưỡi` is 2.5 tỷ; a larger figure may be of another unit.
fn without_unit_and_half(figure: Figure) -> Amount {
    let small = figure.times(1).is_some_and(|v| (1..30).contains(&v)) && figure.is_whole();
    Amount {
        figure,
        value: figure.times(BILLION).map(|v| v + BILLION / 2),
        unit: Some(BILLION),
        unclear: !small,
    }
}

/// What is meant as an amount with a unit and is none: `hai ba tỷ`, `3.5.2 tỷ`.
fn unreadable(tokens: &[Token], at: usize) -> Found {
    let rest = &tokens[at..];
    let figure = rest.first().and_then(Token::figure).is_some();
    let Some(length) = words::number(rest)
        .map(|(_, length)| length)
        .or(figure.then_some(1))
    else {
        return Found::Nothing;
    };
    match unit_at(&rest[length..], false) {
        Some((unit, used)) if !words::several(tokens, at) => Found::Amount(
            Amount {
                figure: Figure::whole(0),
                value: Some(0),
                unit: Some(unit),
                unclear: true,
            },
            length + used,
        ),
        _ => Found::Nothing,
    }
}

/// A figure, number words before a unit, `nửa`, or the one that is left out in `tỷ rưỡi`; with how
/// many tokens it takes and whether it is in words.
fn figure_at(tokens: &[Token], at: usize) -> Option<(Figure, usize, bool)> {
    let rest = &tokens[at..];
    if let Some(digits) = rest.first()?.figure() {
        return Figure::parse(digits, false).map(|figure| (figure, 1, false));
    }
    if rest[0].is_word(&["nửa"])
        && rest
            .get(1)
            .and_then(Token::word)
            .and_then(words::unit)
            .is_some()
    {
        return Some((
            Figure {
                mantissa: 5,
                decimals: 1,
                either: false,
                zero: false,
            },
            1,
            true,
        ));
    }
    if let Some((number, length)) = words::number(rest) {
        // "vài ba tỷ" is no figure.
        if words::several(tokens, at) {
            return None;
        }
        let unit = unit_at(&rest[length..], false).is_some();
        // "hai ba tỷ" is two or three: not for us to say.
        let twice = at > 0 && words::number(&tokens[at - 1..at]).is_some();
        if !unit && spelled_interval(&rest[length..]) {
            return Some((Figure::whole(number), length, false));
        }
        return (unit && !twice).then_some((Figure::whole(number), length, true));
    }
    // "tỷ rưỡi", "tỷ 8", "tỷ hai": the one is left out in speech.
    let billion = rest[0]
        .word()
        .is_some_and(|w| matches!(w, "tỷ" | "tỉ" | "ty"));
    let next = rest.get(1)?;
    let short = next.word().is_some_and(words::half)
        || next
            .figure()
            .is_some_and(|d| matches!(d.len(), 1 | 3) && d.bytes().all(|b| b.is_ascii_digit()))
        || words::number(&rest[1..]).is_some();
    (billion && short).then_some((Figure::whole(1), 0, true))
}

/// Behind a number word: `đến ba tỷ`, so that it is the lower end.
fn spelled_interval(tokens: &[Token]) -> bool {
    let joins = tokens
        .first()
        .is_some_and(|t| t.is_sign("-–~") || t.is_word(&["đến", "den", "tới"]));
    let upper = tokens.get(1..).and_then(words::number);
    joins && upper.is_some_and(|(_, length)| unit_at(&tokens[1 + length..], false).is_some())
}

/// The unit at the beginning of the tokens and how many it takes: `tỷ`, `tr`, `trăm triệu`, `chục tỷ`.
fn unit_at(tokens: &[Token], glued: bool) -> Option<(i128, usize)> {
    let word = tokens.first()?.word()?;
    let next = tokens.get(1).and_then(Token::word);
    let many = match word {
        "trăm" | "tram" => Some(100),
        "chục" | "chuc" => Some(10),
        _ => None,
    };
    if let Some(many) = many {
        let unit = next.and_then(words::unit).filter(|unit| *unit >= 1_000)?;
        return Some((many * unit, 2));
    }
    match word {
        // "3t5": only when written together, for t is also tầng and thứ.
        "t" if glued => Some((BILLION, 1)),
        "t" => None,
        // "tỷ lệ", "2 ti vi"
        _ if next.is_some_and(|n| {
            matches!(n, "lệ" | "suất" | "trọng" | "vi" | "số")
                && matches!(word, "tỷ" | "tỉ" | "ti" | "ty")
        }) =>
        {
            None
        }
        _ => words::unit(word).map(|unit| (unit, 1)),
    }
}

/// How many tokens behind a figure take it to themselves; 0 if none does.
fn taken_by_following(tokens: &[Token]) -> usize {
    let Some(next) = tokens.first() else { return 0 };
    if next.is_sign("%‰'\"°") {
        return 1;
    }
    let Some(word) = next.word() else { return 0 };
    if word == "x" || word == "×" {
        return 1 + usize::from(tokens.get(1).is_some_and(|t| t.figure().is_some()));
    }
    let plain = words::bound_before(tokens).is_some()
        || words::bound_behind(tokens).is_some()
        || joint(word);
    usize::from(next.glued || !plain)
}

/// Words that stand between two ends or two amounts.
fn joint(word: &str) -> bool {
    matches!(
        word,
        "đến" | "den" | "tới" | "toi" | "to" | "hoặc" | "hoac" | "hay" | "và" | "va" | "or" | "and"
    )
}

enum Behind {
    Add(i128, usize),
    Unclear(usize),
    Nothing,
}

/// What is added behind a unit: `5`, `200`, `rưỡi`, `350 triệu`, `2 trăm`.
fn behind(tokens: &[Token], figure: Figure, unit: i128) -> Behind {
    // "2 tỷ lẻ 50 triệu"
    if tokens.first().is_some_and(|t| t.is_word(&["lẻ"]))
        && tokens.get(1).is_some_and(|t| t.figure().is_some())
    {
        return match behind(&tokens[1..], figure, unit) {
            Behind::Add(more, length) => Behind::Add(more, length + 1),
            _ => Behind::Unclear(2),
        };
    }
    let Some(next) = tokens.first() else {
        return Behind::Nothing;
    };
    // "4 tỷ kém 200"
    if next.is_word(&["kém", "kem"]) {
        return Behind::Unclear(1);
    }
    if next.word().is_some_and(words::half) {
        return Behind::Add(unit / 2, 1);
    }
    let (more, length, spelled) = if let Some(digits) = next.figure() {
        (digits.to_owned(), 1, false)
    } else if let Some((number, length)) = words::number(tokens) {
        (number.to_string(), length, true)
    } else {
        return Behind::Nothing;
    };
    // A smaller unit: "2 tỷ 350 triệu", "1 tỷ 2 trăm".
    if let Some((smaller, used)) = smaller_unit(&tokens[length..], unit) {
        return match Figure::parse(&more, false).and_then(|f| f.with_unit(smaller)) {
            Some(value) if value < unit && figure.is_whole() => {
                let half = tokens
                    .get(length + used)
                    .and_then(Token::word)
                    .is_some_and(words::half);
                Behind::Add(
                    value + if half { smaller / 2 } else { 0 },
                    length + used + usize::from(half),
                )
            }
            _ => Behind::Unclear(length + used),
        };
    }
    match follows(&tokens[length..]) {
        Follows::Counted => return Behind::Nothing,
        Follows::Unknown => return Behind::Unclear(length),
        Follows::Amount => {}
    }
    if !figure.is_whole() || more.contains(['.', ',']) || unit < MILLION {
        return Behind::Unclear(length);
    }
    let value: i128 = more.parse().unwrap_or(0);
    match more.len() {
        1 => Behind::Add(value * unit / 10, length),
        3 if !spelled => Behind::Add(value * unit / 1_000, length),
        _ => Behind::Unclear(length),
    }
}

fn smaller_unit(tokens: &[Token], unit: i128) -> Option<(i128, usize)> {
    let word = tokens.first()?.word()?;
    if let Some((smaller, used)) = unit_at(tokens, tokens[0].glued) {
        return (smaller < unit && smaller > 1 && word != "t").then_some((smaller, used));
    }
    let size = match word {
        "trăm" | "tram" => 100 * MILLION,
        "chục" | "chuc" => 10 * MILLION,
        _ => return None,
    };
    (unit == BILLION).then_some((size, 1))
}

/// What follows a digit behind a unit.
enum Follows {
    /// Nothing, or words that go on about the amount: the digit is of the amount.
    Amount,
    /// A word or sign that the digit counts: `2PN`, `5 tầng`, `70%`, `4x15`.
    Counted,
    /// A word that could be either.
    Unknown,
}

fn follows(tokens: &[Token]) -> Follows {
    let Some(next) = tokens.first() else {
        return Follows::Amount;
    };
    if next.is_sign("%‰") {
        return Follows::Counted;
    }
    let Some(word) = next.word() else {
        return Follows::Amount;
    };
    // "3 tỷ 2 căn" are two flats; "3 tỷ 5 căn góc" is hardly one price of five.
    if word == "căn" && tokens.len() > 1 {
        return Follows::Unknown;
    }
    if word == "x" || words::counted(word) {
        return Follows::Counted;
    }
    let goes_on = words::bound_behind(tokens).is_some()
        || words::bound_before(tokens).is_some()
        || joint(word)
        || words::unit(word) == Some(1)
        || words::goes_on(word);
    if goes_on {
        Follows::Amount
    } else {
        Follows::Unknown
    }
}
