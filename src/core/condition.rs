//! Conditions: minijinja expressions over the facts of a record, such as
//! `stage == 'consulting' and budget.max >= 3 * ty and 'Thủ Đức' in area`.
//!
//! Strict about what is written: an unknown filter, test, function or method is an error when the
//! configuration is read. Lenient about what is missing: a missing value is false, compares as false, and is
//! never an error. What facts there are is `facts`' business; which names exist is checked by `config`.

mod lenient;
mod rewrite;
mod words;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError};

use minijinja::{Environment, Error, ErrorKind, Expression, UndefinedBehavior, Value};

use lenient::{MAX_TEXT_LENGTH, Warnings};

/// A condition is one thought; longer ones are several rules.
const MAX_SOURCE_LENGTH: usize = 2_000;

/// How deep brackets, `if`s and signs may be nested. minijinja allows 150, which is too much for the small
/// stacks of threads in a debug build.
const MAX_DEPTH: usize = 24;

/// Steps of the machine one evaluation may take; a long condition over a record takes about a hundred.
const FUEL: u64 = 50_000;

/// A compiled condition and its source. Cheap to clone; two are equal if their sources are.
#[derive(Clone)]
pub struct Condition {
    inner: Arc<Inner>,
}

struct Inner {
    source: String,
    names: BTreeSet<String>,
    paths: BTreeSet<String>,
    expression: Expression<'static, 'static>,
}

impl Condition {
    /// Compiles an expression.
    ///
    /// Beside minijinja's own filters and tests there are the constants `ty` (1 000 000 000), `tr`
    /// (1 000 000) and `k` (1 000), the filter `fold` (lower case without accents) and the test
    /// `is containing` (the same for a part of a text: `area is containing 'thu duc'`).
    ///
    /// # Errors
    /// One line that says what is wrong and at which column.
    pub fn parse(source: &str) -> Result<Self, String> {
        let source = source.trim();
        if source.is_empty() {
            return Err("the condition is empty: leave it out to mean “always”".to_owned());
        }
        if source.len() > MAX_SOURCE_LENGTH {
            return Err(format!(
                "the condition is longer than {MAX_SOURCE_LENGTH} bytes: write several rules"
            ));
        }
        let too_deep = || "the condition is too deeply nested: write several rules".to_owned();
        if words::depth(&words::split(source)) > MAX_DEPTH {
            return Err(too_deep());
        }
        let plain = environment()
            .compile_expression_owned(source.to_owned())
            .map_err(|error| syntax(source, &error))?;
        let text = rewrite::rewrite(source, &Furniture)
            .map_err(|unknown| format!("{} ({})", unknown.what, place(source, unknown.at)))?;
        // Long sums become nested calls.
        if words::depth(&words::split(&text)) > 2 * MAX_DEPTH {
            return Err(too_deep());
        }
        let expression = environment()
            .compile_expression_owned(text)
            .map_err(|error| told(&error))?;
        let used = |nested: bool| -> BTreeSet<String> {
            let names = plain.undeclared_variables(nested).into_iter();
            names.filter(|name| !Furniture::has(name)).collect()
        };
        let condition = Self {
            inner: Arc::new(Inner {
                source: source.to_owned(),
                names: used(false),
                paths: used(true),
                expression,
            }),
        };
        // A dry run finds filters called with too few or too many arguments.
        match condition.value(Value::from_pairs([("", ())])) {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::MissingArgument | ErrorKind::TooManyArguments
                ) =>
            {
                Err(told(&error))
            }
            Ok(_) | Err(_) => Ok(condition),
        }
    }

    /// As written.
    pub fn source(&self) -> &str {
        &self.inner.source
    }

    /// Whether it is true of these facts, a JSON object with typed values.
    ///
    /// # Errors
    /// One line that says what broke: a filter that was given the wrong kind of value, or too much work.
    pub fn holds(&self, facts: &serde_json::Value) -> Result<bool, String> {
        match self.value(lenient::facts(facts)) {
            Ok(value) => Ok(value.is_true()),
            Err(error) => Err(told(&error)),
        }
    }

    /// Its value as text, for showing; what is missing is empty.
    ///
    /// # Errors
    /// As [`Self::holds`], and if the text is longer than 64 KiB.
    pub fn evaluate(&self, facts: &serde_json::Value) -> Result<String, String> {
        let value = self
            .value(lenient::facts(facts))
            .map_err(|error| told(&error))?;
        if value.is_undefined() || value.is_none() {
            return Ok(String::new());
        }
        let text = value.to_string();
        match text.len() {
            0..=MAX_TEXT_LENGTH if value.is_number() => {
                Ok(text.strip_suffix(".0").unwrap_or(&text).to_owned())
            }
            0..=MAX_TEXT_LENGTH => Ok(text),
            _ => Err("the text it makes is too long".to_owned()),
        }
    }

    /// What does not fit when it is tried on these facts: kinds that are compared and never equal, such as
    /// text with a number, and what [`Self::holds`] would report. Empty if all is well.
    ///
    /// It sees only what is evaluated: after `false and` nothing is.
    pub fn trial(&self, facts: &serde_json::Value) -> Vec<String> {
        let warnings = Arc::new(Warnings::default());
        let outcome = self.value(lenient::facts_with(facts, Arc::clone(&warnings)));
        let found = warnings.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut texts: Vec<String> = found
            .iter()
            .map(|(from, to, what)| {
                let part = self.source().get(*from..*to).unwrap_or(self.source());
                format!("`{part}` {what}")
            })
            .collect();
        texts.extend(outcome.err().map(|error| told(&error)));
        texts
    }

    /// The top-level names it uses, such as `budget` and `area`; constants and functions left out.
    pub fn names(&self) -> BTreeSet<String> {
        self.inner.names.clone()
    }

    /// The same with what is looked up in them, such as `budget.max`.
    pub fn paths(&self) -> BTreeSet<String> {
        self.inner.paths.clone()
    }

    fn value(&self, facts: Value) -> Result<Value, Error> {
        self.inner.expression.eval(facts)
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.source()).finish()
    }
}

/// As written.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source())
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

/// One environment for all conditions: they differ in nothing but their text.
fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.set_fuel(Some(FUEL));
        // For the place of a syntax error.
        environment.set_debug(true);
        lenient::furnish(&mut environment);
        environment
    })
}

/// What the environment has.
struct Furniture;

impl Furniture {
    /// Whether a name is a constant or function.
    fn has(name: &str) -> bool {
        environment().globals().any(|(global, _)| global == name)
    }

    /// Asks by minijinja's own tests `is filter` and `is test`.
    fn asks(question: &str, name: &str) -> bool {
        environment()
            .compile_expression_owned(format!("name is {question}"))
            .and_then(|expression| expression.eval(Value::from_pairs([("name", name)])))
            .is_ok_and(|value| value.is_true())
    }
}

impl rewrite::Known for Furniture {
    fn filter(&self, name: &str) -> bool {
        Self::asks("filter", name)
    }

    fn test(&self, name: &str) -> bool {
        Self::asks("test", name)
    }

    fn function(&self, name: &str) -> bool {
        Self::has(name) && !["ty", "tr", "k"].contains(&name)
    }
}

/// A syntax error with its place, and the mend for what other languages write.
fn syntax(source: &str, error: &Error) -> String {
    let at = error.range().map_or(source.len(), |range| range.start);
    let words = words::split(source);
    let mend = words.iter().find_map(|word| match word.text {
        "=" => Some("write “==” to compare"),
        "&&" => Some("write “and” for “&&”"),
        "||" => Some("write “or” for “||”"),
        "!" => Some("write “not” for “!”"),
        "“" | "”" | "‘" | "’" => Some("use straight quotes: 'text'"),
        _ => None,
    });
    let what = error.detail().unwrap_or("it cannot be read");
    match mend {
        Some(mend) => format!("{what} ({}): {mend}", place(source, at)),
        None => format!("{what} ({})", place(source, at)),
    }
}

/// A place in bytes as people count: `column 7`, or `line 2, column 7`.
fn place(source: &str, at: usize) -> String {
    let before = source.get(..at).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before[start..].chars().count() + 1;
    if source.contains('\n') {
        format!("line {line}, column {column}")
    } else {
        format!("column {column}")
    }
}

/// An error of the evaluation on one line; its place is one of the rewritten text and would mislead.
fn told(error: &Error) -> String {
    let text = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    text.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;

    fn lead() -> Json {
        json!({
            "name": {"full": "Nguyễn Văn An", "given": "An"},
            "email": ["an@example.org"],
            "phone": [],
            "stage": "consulting",
            "budget": {"min": 3_000_000_000_i64, "max": 3_500_000_000_i64},
            "area": "Thủ Đức, Quận 9",
            "tags": ["vip", "đầu tư"],
            "appointment": "2026-11-23T09:00:00+07:00",
            "birthday": "1990-02-28",
            "now": "2026-11-21T09:00:00+07:00",
            "today": "2026-11-21",
            "no_ads": false,
            "age_days": 4,
            "received": null,
        })
    }

    #[track_caller]
    fn check(source: &str, expected: bool) {
        let condition = Condition::parse(source).unwrap();
        assert_eq!(condition.holds(&lead()), Ok(expected), "{source}");
        assert_eq!(condition.trial(&lead()), [""; 0], "{source}");
    }

    #[test]
    fn the_shipped_conditions_hold_and_do_not() {
        check(
            "stage == 'consulting' and budget.max >= 3 * ty and 'Thủ Đức' in area",
            true,
        );
        check("budget.min >= 3 * ty + 1 * tr", false);
        check("email and stage == 'prospect' and not no_ads", false);
        check("email and not phone and not no_ads", true);
        check("not (appointment and appointment > now)", false);
        check("stage == 'completed'", false);
        check("stage != 'completed'", true);
        check("stage in ['prospect', 'consulting']", true);
        check("'vip' in tags and 'nóng' not in tags", true);
        check("3 <= age_days < 7", true);
        check("birthday[5:7] == now[5:7] or age_days > 3", true);
        check("'THU DUC' | fold in area | fold", true);
        check(
            "area is containing 'thu duc' and area is not containing 'quan 7'",
            true,
        );
        check("name.given | lower == 'an'", true);
        check("budget.max | default(0) > 500 * tr", true);
        check("tags | length == 2 and tags | first is eq 'vip'", true);
        check("'x' if age_days > 9 else 'n' in area", true);
    }

    #[test]
    fn what_is_missing_is_false_and_never_an_error() {
        for source in [
            "received > now",
            "received < now",
            "nothing.at.all >= 3 * ty",
            "3 * ty <= nothing",
            "nothing + 1 > 0",
            "-nothing < 1",
            "nothing.max * 2 < 5",
            "nothing",
            "'x' in nothing",
            "'x' in received",
            "nothing in area",
            "nothing == 0",
            "nothing == ''",
            "nothing is lt 5",
            "received is defined",
            "nothing | fold == 'x'",
            "nothing | lower == 'x'",
            "nothing is containing 'x'",
            "area is containing nothing",
            "1 / 0 > 0",
        ] {
            check(source, false);
        }
        for source in [
            "not nothing",
            "received is none",
            "nothing is none",
            "received == none",
            "nothing != 'x'",
            "'x' not in nothing",
            "not (received and received > now)",
        ] {
            check(source, true);
        }
    }

    #[test]
    fn dates_compare_by_what_they_mean() {
        check("appointment > today", true);
        check("'2026-11-21' == now", true);
        check("today >= now and not today > now", true);
        check("appointment > '2026-11-23T01:59:00Z'", true);
        check("appointment < '2026-11-23T09:30'", true);
    }

    #[test]
    fn letters_composed_otherwise_are_the_same() {
        // The same words with their accents apart, as some keyboards write them.
        check(
            "'Thu\u{309} Đu\u{301}\u{31b}c' in area or 'Thủ Đứ\u{63}' in area",
            true,
        );
        check("'đâ\u{300}u tư' in tags", true);
    }

    #[test]
    fn a_trial_tells_which_kinds_do_not_fit() {
        let trial = |source: &str| Condition::parse(source).unwrap().trial(&lead()).join("\n");
        assert_eq!(
            trial("stage == 'consulting' and budget.max >= '3 tỷ'"),
            "`budget.max >= '3 tỷ'` compares a number with text, which is never true"
        );
        assert!(trial("budget > 3 * ty").contains("such as budget.max"));
        assert!(trial("email == 'an@example.org'").contains("compares a list with text"));
        assert!(trial("area * 3 == 5").contains("reckons text with a number"));
        assert!(trial("5 in age_days").contains("looks for a number with a number"));
        assert!(trial("area is gt 5").contains("`area is gt 5` compares text with a number"));
        assert_eq!(trial("false and budget > 'x'"), "");
        // Without a trial they are only false.
        let condition = Condition::parse("budget > 3 or area > 5 or not (area * 3)").unwrap();
        assert_eq!(condition.holds(&lead()), Ok(true));
    }

    #[test]
    fn mistakes_are_found_when_it_is_read() {
        for (source, says) in [
            ("", "empty"),
            ("stage = 'x'", "column 7): write “==”"),
            ("a && b", "write “and”"),
            ("a || b", "write “or”"),
            ("!a", "write “not”"),
            ("stage == “x”", "straight quotes"),
            ("stage == 'x", "column"),
            ("(a and b", "column"),
            ("a b", "column 3"),
            (
                "nothing and area | foldd == 'x'",
                "there is no filter “foldd” (column 20)",
            ),
            ("a is emty", "there is no test “is emty” (column 6)"),
            (
                "a and today() > b",
                "there is no function “today” (column 7)",
            ),
            ("ty(3)", "there is no function “ty”"),
            (
                "area.lower() == 'x'",
                "write a filter, such as “| lower” (column 6)",
            ),
            ("area | indent(99999999)", "there is no filter “indent”"),
            ("area | replace('a')", "missing argument"),
            ("area | lower(1, 2)", "too many arguments"),
            ("a and\n b |", "line 2"),
        ] {
            let why = Condition::parse(source).unwrap_err();
            assert!(why.contains(says), "{source}: {why}");
            assert!(!why.contains('\n'), "{source}: {why}");
        }
        let long = "a or ".repeat(500) + "a";
        assert!(
            Condition::parse(&long)
                .unwrap_err()
                .contains("several rules")
        );
    }

    #[test]
    fn it_cannot_be_made_to_work_or_grow_without_end() {
        for source in [
            "range(100000) | map('string') | join(area * 1000) | length > 1",
            "area | replace('', area | replace('', area | replace('', area | replace('', area))))",
        ] {
            // Either is right, as long as it ends at once.
            let _ = Condition::parse(source).map(|condition| condition.holds(&lead()));
        }
        check("'x' + 'y' == 'xy'", true);
        let condition = Condition::parse("'x' * 100000000 == 'y'").unwrap();
        assert_eq!(condition.holds(&lead()), Ok(false));
        for source in [
            "(".repeat(900) + "a" + &")".repeat(900),
            "not ".repeat(400) + "a",
            "-".repeat(1_900) + "a",
            "[".repeat(50) + &"]".repeat(50),
            "a if b else ".repeat(150) + "a",
            "a + ".repeat(400) + "a",
            "a < ".repeat(400) + "a",
            "x[".repeat(200) + "1" + &"]".repeat(200),
        ] {
            let outcome = Condition::parse(&source).map(|condition| condition.holds(&lead()));
            assert!(
                outcome.is_err() || source.starts_with("a <"),
                "{source}: {outcome:?}"
            );
        }
        let list = "stage == 'x' or ".repeat(100) + "stage";
        assert_eq!(Condition::parse(&list).unwrap().holds(&lead()), Ok(true));
    }

    #[test]
    fn names_are_those_of_facts() {
        let condition =
            Condition::parse("budget.max >= 3 * ty and area | fold in ['a'] and x.y.z").unwrap();
        let joined = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(joined(condition.names()), "area budget x");
        assert_eq!(joined(condition.paths()), "area budget.max x.y.z");
    }

    #[test]
    fn values_can_be_shown() {
        let shown = |source: &str| Condition::parse(source).unwrap().evaluate(&lead());
        assert_eq!(
            shown("name.given ~ ' · ' ~ stage").as_deref(),
            Ok("An · consulting")
        );
        assert_eq!(shown("budget.min / ty").as_deref(), Ok("3"));
        assert_eq!(shown("received").as_deref(), Ok(""));
    }

    #[test]
    fn one_condition_serves_all_threads() {
        let condition = Condition::parse("budget.max >= 3 * ty").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let condition = condition.clone();
                scope.spawn(move || assert_eq!(condition.holds(&lead()), Ok(true)));
            }
        });
    }

    #[test]
    fn equal_sources_are_equal_and_shown() {
        let condition = Condition::parse(" a > 1 ").unwrap();
        assert_eq!(condition, Condition::parse("a > 1").unwrap());
        assert_eq!(condition.to_string(), "a > 1");
        assert_eq!(format!("{condition:?}"), "Condition(\"a > 1\")");
    }

    /// Expressions over whole numbers with every operator.
    fn expressions() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            (0..7_i32).prop_map(|number| number.to_string()),
            Just("a".to_owned()),
            Just("b.c".to_owned()),
            Just("-a".to_owned()),
        ];
        leaf.prop_recursive(5, 40, 2, |inner| {
            let sign = prop::sample::select(vec![
                "+", "-", "*", "//", "%", "<", "<=", ">", ">=", "==", "!=", "and", "or", "in",
            ]);
            prop_oneof![
                (inner.clone(), sign, inner.clone()).prop_map(|(a, sign, b)| match sign {
                    // Text of digits on the right, or minijinja would call it an error.
                    "in" => format!("{a} in [{b}, 3]"),
                    // Never by zero, which is an error there and missing here.
                    "//" | "%" => format!("{a} {sign} 3"),
                    _ => format!("{a} {sign} {b}"),
                }),
                inner.clone().prop_map(|a| format!("({a})")),
                inner.clone().prop_map(|a| format!("(not {a})")),
                inner.clone().prop_map(|a| format!("({a}) | abs")),
                (inner.clone(), inner).prop_map(|(a, b)| format!("({a} if {b} else a)")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Where every value is there and all are numbers, ours is what minijinja makes of it.
        #[test]
        fn the_rewritten_expression_is_the_same(source in expressions(), a in -9..9_i64, c in 0..9_i64) {
            let facts = json!({"a": a, "b": {"c": c}});
            let plain = environment().compile_expression_owned(source.clone()).unwrap();
            let Ok(condition) = Condition::parse(&source) else {
                // The one thing that only we refuse.
                prop_assert!(words::depth(&words::split(&source)) > 8, "{}", source);
                return Ok(());
            };
            // What is no sum of numbers, such as `(not a) + (b > 1)`, is an error there and a warning here.
            if let Ok(expected) = plain.eval(lenient::facts(&facts))
                && condition.trial(&facts).is_empty()
            {
                prop_assert_eq!(condition.holds(&facts), Ok(expected.is_true()), "{}", source);
            }
        }
    }
}
