//! What the operators of a condition do: a missing value compares as false with everything but another
//! missing one, values of different kinds are never equal and never ordered, and nothing is an error.
//!
//! Each is called with the place of its expression, so that a trial can say where kinds do not fit.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use minijinja::value::{Object, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::core::sheet::fold::fold;

/// Under this name a trial puts its list of warnings beside the facts. No field can be called so.
pub(super) const WARNINGS: &str = "__warnings";

/// No text inside a condition grows beyond this many bytes.
pub(super) const MAX_TEXT_LENGTH: usize = 64 * 1024;

/// Where in the source an operator stands, in bytes, and what does not fit there.
pub(super) type Warning = (usize, usize, String);

/// What a trial collects.
#[derive(Debug, Default)]
pub(super) struct Warnings(pub(super) Mutex<BTreeSet<Warning>>);

impl Object for Warnings {}

/// Filters that make no sense in a condition, or that make long texts out of nothing.
const LEFT_OUT: [&str; 14] = [
    "batch",
    "chain",
    "dictsort",
    "e",
    "escape",
    "format",
    "groupby",
    "indent",
    "pprint",
    "safe",
    "slice",
    "tojson",
    "urlencode",
    "zip",
];

/// Puts the operators, filters, tests and constants of conditions into an environment.
pub(super) fn furnish(environment: &mut Environment<'static>) {
    for (name, value) in [("ty", 1_000_000_000_i64), ("tr", 1_000_000), ("k", 1_000)] {
        environment.add_global(name, value);
    }
    for name in LEFT_OUT {
        environment.remove_filter(name);
    }
    for name in ["debug", "namespace", "dict"] {
        environment.remove_global(name);
    }
    environment.add_filter("fold", |text: Value| fold(&shown(&text)));
    environment.add_filter("replace", replace);

    environment.add_function("__eq", |state: &State, a: Value, b: Value, from, to| {
        Place { state, from, to }.equal(&a, &b)
    });
    environment.add_function("__ne", |state: &State, a: Value, b: Value, from, to| {
        !Place { state, from, to }.equal(&a, &b)
    });
    environment.add_function("__in", |state: &State, a: Value, b: Value, from, to| {
        Place { state, from, to }.contains(&b, &a)
    });
    environment.add_test("in", |state: &State, a: Value, b: Value| {
        Place::nowhere(state).contains(&b, &a)
    });
    environment.add_test("containing", |a: Value, b: Value| {
        let part = fold(&shown(&b));
        !part.is_empty() && fold(&shown(&a)).contains(&part)
    });
    environment.add_test("none", |a: Value| is_missing(&a));
    environment.add_test("defined", |a: Value| !is_missing(&a));
    environment.add_test("undefined", |a: Value| is_missing(&a));
    for name in ["eq", "equalto"] {
        environment.add_test(name, |state: &State, a: Value, b: Value| {
            Place::nowhere(state).equal(&a, &b)
        });
    }
    environment.add_test("ne", |state: &State, a: Value, b: Value| {
        !Place::nowhere(state).equal(&a, &b)
    });
    type Fits = fn(Ordering) -> bool;
    let orders: [(&str, [&'static str; 2], Fits); 4] = [
        ("__lt", ["lt", "lessthan"], Ordering::is_lt),
        ("__le", ["le", "lte"], Ordering::is_le),
        ("__gt", ["gt", "greaterthan"], Ordering::is_gt),
        ("__ge", ["ge", "gte"], Ordering::is_ge),
    ];
    for (name, tests, fits) in orders {
        environment.add_function(name, move |state: &State, a: Value, b: Value, from, to| {
            Place { state, from, to }.order(&a, &b).is_some_and(fits)
        });
        for test in tests {
            environment.add_test(test, move |state: &State, a: Value, b: Value| {
                Place::nowhere(state).order(&a, &b).is_some_and(fits)
            });
        }
    }
    for (name, sum) in SUMS {
        environment.add_function(name, move |state: &State, a: Value, b: Value, from, to| {
            Place { state, from, to }.reckon(sum, &a, &b)
        });
    }
}

/// Where an operator stands, and in which evaluation.
struct Place<'a> {
    state: &'a State<'a, 'a>,
    from: usize,
    to: usize,
}

impl<'a> Place<'a> {
    /// For tests such as `is gt 5`, whose place nobody hands over.
    fn nowhere(state: &'a State<'a, 'a>) -> Self {
        Self {
            state,
            from: 0,
            to: usize::MAX,
        }
    }

    fn warn(&self, what: impl FnOnce() -> String) {
        let Some(warnings) = self.state.lookup(WARNINGS) else {
            return;
        };
        if let Some(warnings) = warnings.downcast_object::<Warnings>() {
            warnings
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert((self.from, self.to, what()));
        }
    }

    fn warn_of_kinds(&self, doing: &str, a: &Value, b: &Value) {
        self.warn(|| format!("{doing} {} with {}, which is never true", kind(a), kind(b)));
    }

    fn equal(&self, a: &Value, b: &Value) -> bool {
        match (is_missing(a), is_missing(b)) {
            (true, true) => return true,
            (true, false) | (false, true) => return false,
            (false, false) => {}
        }
        if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
            return order_texts(a, b).is_eq();
        }
        if a.kind() != b.kind() {
            self.warn_of_kinds("compares", a, b);
            return false;
        }
        a == b
    }

    /// How two values of the same kind stand to one another; none if one is missing or the kinds differ.
    fn order(&self, a: &Value, b: &Value) -> Option<Ordering> {
        if is_missing(a) || is_missing(b) {
            return None;
        }
        if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
            return Some(order_texts(a, b));
        }
        if a.kind() != b.kind() {
            self.warn_of_kinds("compares", a, b);
            return None;
        }
        a.partial_cmp(b)
    }

    fn contains(&self, container: &Value, part: &Value) -> bool {
        if is_missing(container) || is_missing(part) {
            return false;
        }
        if let Some(text) = container.as_str() {
            return nfc(text).contains(&*nfc(&shown(part)));
        }
        match container.kind() {
            ValueKind::Map => container
                .get_item(part)
                .is_ok_and(|item| !is_missing(&item)),
            ValueKind::Seq | ValueKind::Iterable => container
                .try_iter()
                .is_ok_and(|mut items| items.any(|item| self.equal(&item, part))),
            _ => {
                self.warn_of_kinds("looks for", part, container);
                false
            }
        }
    }

    /// A sum of two numbers, or two texts put together; missing if either is, or if there is no result.
    fn reckon(&self, sum: Sum, a: &Value, b: &Value) -> Value {
        if is_missing(a) || is_missing(b) {
            return Value::UNDEFINED;
        }
        if sum == Sum::Add
            && let (Some(a), Some(b)) = (a.as_str(), b.as_str())
        {
            return match a.len() + b.len() {
                0..=MAX_TEXT_LENGTH => Value::from(format!("{a}{b}")),
                _ => Value::UNDEFINED,
            };
        }
        if !a.is_number() || !b.is_number() {
            self.warn_of_kinds("reckons", a, b);
            return Value::UNDEFINED;
        }
        let whole = |value: &Value| {
            value
                .is_integer()
                .then(|| i64::try_from(value.clone()).ok())
                .flatten()
        };
        if let (Some(a), Some(b)) = (whole(a), whole(b))
            && let Some(result) = sum.of_whole(a, b)
        {
            return Value::from(result);
        }
        match (f64::try_from(a.clone()), f64::try_from(b.clone())) {
            (Ok(a), Ok(b)) => sum.of_floats(a, b),
            _ => None,
        }
        .map_or(Value::UNDEFINED, Value::from)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sum {
    Add,
    Subtract,
    Multiply,
    Divide,
    Floor,
    Remainder,
    Power,
}

const SUMS: [(&str, Sum); 7] = [
    ("__add", Sum::Add),
    ("__sub", Sum::Subtract),
    ("__mul", Sum::Multiply),
    ("__div", Sum::Divide),
    ("__floor", Sum::Floor),
    ("__rem", Sum::Remainder),
    ("__pow", Sum::Power),
];

impl Sum {
    /// None if the result is no whole number of 64 bits; then it is reckoned with fractions.
    fn of_whole(self, a: i64, b: i64) -> Option<i64> {
        match self {
            Self::Add => a.checked_add(b),
            Self::Subtract => a.checked_sub(b),
            Self::Multiply => a.checked_mul(b),
            Self::Divide => None,
            Self::Floor => a.checked_div_euclid(b),
            Self::Remainder => a.checked_rem_euclid(b),
            Self::Power => a.checked_pow(u32::try_from(b).ok()?),
        }
    }

    /// None if the result is no number, as for a division by zero.
    fn of_floats(self, a: f64, b: f64) -> Option<f64> {
        let result = match self {
            Self::Add => a + b,
            Self::Subtract => a - b,
            Self::Multiply => a * b,
            Self::Divide => a / b,
            Self::Floor => a.div_euclid(b),
            Self::Remainder => a.rem_euclid(b),
            Self::Power => a.powf(b),
        };
        result.is_finite().then_some(result)
    }
}

fn is_missing(value: &Value) -> bool {
    value.is_undefined() || value.is_none()
}

/// A value as text; a missing one is empty.
fn shown(value: &Value) -> String {
    if is_missing(value) {
        String::new()
    } else {
        value.to_string()
    }
}

/// The kind of a value as people call it.
fn kind(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => "nothing",
        ValueKind::Bool => "yes or no",
        ValueKind::Number => "a number",
        ValueKind::String | ValueKind::Bytes => "text",
        ValueKind::Seq | ValueKind::Iterable => "a list",
        ValueKind::Map => "a group of values (name one of them, such as budget.max)",
        _ => "something else",
    }
}

/// ISO dates and times by what they mean, other texts letter by letter, both composed (NFC).
fn order_texts(a: &str, b: &str) -> Ordering {
    order_times(a, b).unwrap_or_else(|| nfc(a).cmp(&nfc(b)))
}

/// Two ISO times: instants if both name their offset; the days alone if one of them is only a day;
/// else what the wall clock shows.
fn order_times(a: &str, b: &str) -> Option<Ordering> {
    if !looks_like_date(a) || !looks_like_date(b) {
        return None;
    }
    if a.len() == 10 || b.len() == 10 {
        let day = |text: &str| text.get(..10)?.parse::<Date>().ok();
        return Some(day(a)?.cmp(&day(b)?));
    }
    let instant = |text: &str| text.parse::<Timestamp>().ok();
    if let (Some(a), Some(b)) = (instant(a), instant(b)) {
        return Some(a.cmp(&b));
    }
    let wall = |text: &str| text.trim_end_matches('Z').parse::<DateTime>().ok();
    Some(wall(a)?.cmp(&wall(b)?))
}

/// `2026-11-21` and what may follow it.
fn looks_like_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 10
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && bytes[..4].iter().all(u8::is_ascii_digit)
        && bytes
            .get(10)
            .is_none_or(|separator| matches!(separator, b'T' | b't' | b' '))
}

fn nfc(text: &str) -> std::borrow::Cow<'_, str> {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text.into(),
        IsNormalized::No | IsNormalized::Maybe => text.nfc().collect::<String>().into(),
    }
}

/// As minijinja's, but not beyond [`MAX_TEXT_LENGTH`].
fn replace(text: &Value, from: &Value, to: &Value) -> Result<String, Error> {
    let (text, from, to) = (shown(text), shown(from), shown(to));
    let times = text.matches(&from).count();
    if text.len() + times * to.len() > MAX_TEXT_LENGTH {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            "the text that replace makes is too long",
        ));
    }
    Ok(text.replace(&from, &to))
}

/// Facts as minijinja has them. What is null is left out, so that it is missing for everybody.
pub(super) fn facts(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::UNDEFINED,
        serde_json::Value::Bool(truth) => Value::from(*truth),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Value::from(whole),
            None => Value::from(number.as_f64().unwrap_or(f64::MAX)),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => items
            .iter()
            .filter(|item| !item.is_null())
            .map(facts)
            .collect(),
        serde_json::Value::Object(_) => pairs(json, None),
    }
}

/// The same for the outermost object, with a list for warnings beside the facts.
pub(super) fn facts_with(json: &serde_json::Value, warnings: Arc<Warnings>) -> Value {
    pairs(json, Some((WARNINGS, Value::from_dyn_object(warnings))))
}

fn pairs(json: &serde_json::Value, more: Option<(&str, Value)>) -> Value {
    let fields = json.as_object().into_iter().flatten();
    Value::from_pairs(
        fields
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.as_str(), facts(value)))
            .chain(more),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_ordered_by_what_they_mean() {
        for (a, b, expected) in [
            ("2026-11-21", "2026-11-22", Some(Ordering::Less)),
            (
                "2026-11-21",
                "2026-11-21T09:00:00+07:00",
                Some(Ordering::Equal),
            ),
            (
                "2026-11-22",
                "2026-11-21T23:59:00+07:00",
                Some(Ordering::Greater),
            ),
            (
                "2026-11-21T09:00:00+07:00",
                "2026-11-21T02:00:00Z",
                Some(Ordering::Equal),
            ),
            (
                "2026-11-21T09:00",
                "2026-11-21T09:00:00+07:00",
                Some(Ordering::Equal),
            ),
            (
                "2026-11-21T09:30",
                "2026-11-21T09:00:00",
                Some(Ordering::Greater),
            ),
            ("2026-11-21", "hôm nay", None),
            ("2026-13-41", "2026-11-21", None),
            ("2026-11-21x", "2026-11-21", None),
        ] {
            assert_eq!(order_times(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn folding_forgets_case_accents_and_spaces() {
        assert_eq!(fold("  Thủ  ĐỨC "), "thu duc");
        assert_eq!(fold("Thu\u{309} Đức"), "thu duc");
    }
}
