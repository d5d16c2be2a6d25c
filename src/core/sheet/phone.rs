//! Phone numbers in a cell: which digits are numbers, and which are hours, years, areas or
//! extensions. What one run of digits is as a number, `plan` knows.

mod plan;
mod tokens;

use std::fmt;

use serde::{Deserialize, Serialize};

use self::plan::Verdict;
use self::tokens::{Group, groups};
use super::{Cell, Reading, decimal, trivial};

/// A number in E.164 (`+84901234567`). Shown masked (`+84…567`); only a courier calls [`Phone::expose`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phone(String);

impl Phone {
    /// The number in full.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let country = if self.0.starts_with("+1") || self.0.starts_with("+7") {
            2
        } else {
            3
        };
        let head = self.0.get(..country).unwrap_or("+");
        let tail = self.0.get(self.0.len().saturating_sub(3)..).unwrap_or("");
        write!(f, "{head}…{tail}")
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What was found in a cell: the reading, and the parts that are no usable number beside it.
pub(crate) struct Scan {
    pub(crate) reading: Reading<Vec<Phone>>,
    pub(crate) unusable: Vec<String>,
}

/// The numbers in a cell in their order, each once, in E.164; of Vietnam unless the cell says
/// otherwise. A lost leading zero is restored, mobiles of eleven digits are converted as in 2018
/// and landline codes as in 2017. A number that is only hinted at (`…456/57`) makes the cell ambiguous.
pub fn read(cell: &Cell) -> Reading<Vec<Phone>> {
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
    match cell {
        Cell::Number(number) => done(read_number(*number)),
        Cell::Text(text) => read_text(text),
        Cell::Empty | Cell::Bool(_) => done(Reading::bad("a tick box is no phone number")),
    }
}

fn read_number(number: f64) -> Reading<Vec<Phone>> {
    if number < 0.0 || number.fract() != 0.0 || number > 1e15 {
        return Reading::bad("this number is no phone number");
    }
    let digits = decimal(number);
    match plan::settle(&[Group::plain(&digits)], true) {
        Verdict::Number(phone) => Reading::Value(vec![Phone(phone)]),
        Verdict::Ambiguous(why) => Reading::ambiguous(why),
        Verdict::No => Reading::bad("no valid phone number"),
    }
}

fn read_text(text: &str) -> Scan {
    let mut groups = groups(text);
    if let Some(whole) = plan::oddly_grouped(&groups).or_else(|| tokens::exponent(text)) {
        groups = vec![Group::plain(&whole)];
    }
    let mut found: Vec<Phone> = Vec::new();
    let mut unusable = Vec::new();
    let mut ambiguous = None;
    // Where the number before ended, to tell what its loose ends are.
    let mut ended = None;
    let mut at = 0;
    while at < groups.len() {
        let fresh = at == 0 || ended == Some(at) || !groups[at].joins_left();
        if let Some((next, verdict)) = longest(&groups, at, fresh) {
            match verdict {
                Verdict::Number(number) => {
                    let phone = Phone(number);
                    if !found.contains(&phone) {
                        found.push(phone);
                    }
                }
                Verdict::Ambiguous(why) => ambiguous = Some(why),
                Verdict::No => {}
            }
            ended = Some(next);
            at = next;
            continue;
        }
        let landline = found.last().is_some_and(|p| p.0.starts_with("+842"));
        let (next, loose) = loose_end(&groups, at, ended == Some(at), landline);
        match loose {
            Loose::Hint => ambiguous = Some("a second number is only hinted at"),
            Loose::Damaged(text) => unusable.push(text),
            Loose::Remark => {}
        }
        at = next;
    }
    let reading = match (ambiguous, found.is_empty()) {
        (Some(why), _) => Reading::ambiguous(why),
        (None, false) => Reading::Value(found),
        (None, true) => Reading::bad("no valid phone number"),
    };
    Scan { reading, unusable }
}

/// E.164 has at most 15 digits; with `00` and a trunk zero in brackets that makes 18.
const MOST_DIGITS: usize = 18;

/// The longest run of groups from `at` that is a number, and where the next group begins.
fn longest(groups: &[Group], at: usize, fresh: bool) -> Option<(usize, Verdict)> {
    let mut end = at;
    let mut digits = 0;
    while end < groups.len() && (end == at || groups[end].joins_left()) && !groups[end].broken {
        digits += groups[end].digits.len();
        if digits > MOST_DIGITS {
            break;
        }
        end += 1;
    }
    (at + 1..=end)
        .rev()
        .find_map(|next| match plan::settle(&groups[at..next], fresh) {
            Verdict::No => None,
            // A masked number's visible part may look like one: "0977 123 456x".
            _ if groups.get(next).is_some_and(|g| g.masked && g.joins_left()) => None,
            verdict => Some((next, verdict)),
        })
}

/// What digits are that are no number.
enum Loose {
    /// The last digits of a second number: `0975123456/57`.
    Hint,
    /// Was meant as a number and is none.
    Damaged(String),
    /// An hour, a year, an extension, a list number.
    Remark,
}

/// Judges the digits at `at` that belong to no number, and says where to go on.
fn loose_end(groups: &[Group], at: usize, behind_number: bool, landline: bool) -> (usize, Loose) {
    // What is written in one run is judged as one: "097 123 45".
    let mut next = at + 1;
    while next < groups.len() && groups[next].joins_left() && !groups[next].full_start() {
        next += 1;
    }
    let run: String = groups[at..next].iter().map(|g| g.digits.as_str()).collect();
    let first = &groups[at];
    if run.len() >= 7 || (first.broken && run.len() >= 5) {
        return (next, Loose::Damaged(run));
    }
    if !behind_number || first.broken || !first.before.is_loose_join() {
        return (next, Loose::Remark);
    }
    let listed = |g: &Group| g.full_start() && g.before.behind_list_number();
    if run.len() == 1 && groups.get(next).is_some_and(listed) {
        return (next, Loose::Remark);
    }
    let slash = first.before.slash();
    let year = run.len() == 4 && (run.starts_with("19") || run.starts_with("20"));
    let date_or_hour = groups
        .get(next)
        .is_some_and(|g| g.before.slash() || g.before.colon())
        && !slash;
    if (year && !slash) || date_or_hour {
        while groups
            .get(next)
            .is_some_and(|g| g.before.slash() && g.digits.len() <= 4)
        {
            next += 1;
        }
        return (next, Loose::Remark);
    }
    let extension = landline && first.before.spaced_dash() && run.len() >= 3;
    let remark = (groups[next - 1].word_behind || extension) && !slash;
    (next, if remark { Loose::Remark } else { Loose::Hint })
}

#[cfg(test)]
mod tests;
