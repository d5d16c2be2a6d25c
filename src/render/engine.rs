//! minijinja as the templates need it: a missing value is an error that names the field, HTML is
//! escaped, nothing runs for ever, and the error says where and how to mend it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Enumerator, Object, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

use super::chart::shielded;
use super::{Language, RenderError, filters};
use crate::core::facts;

/// Longest output of one part in bytes. Gmail cuts mails off at 102 kB; this is the point where something is wrong.
pub(super) const MAX_OUTPUT_BYTES: usize = 512 * 1024;

/// Instructions one part may run. The longest shipped template with a long digest needs under 20 000.
const FUEL: u64 = 500_000;

/// Escapes for a file of buttons: values lose the characters that make up a button.
const BUTTONS: &str = "buttons";
/// Escapes for the description of a chart: values keep their letters, and are no structure.
const CHART: &str = "chart";

/// Stands around the name of a missing value that went through a filter as text, until the output is looked at.
const HOLE: (char, char) = ('\u{E000}', '\u{E001}');

/// How our filters begin the error of a value of the wrong kind; the field's name is put before it.
pub(super) const NOT: &str = "is not";

/// An environment with filters, limits and strictness, and no templates yet.
pub(super) fn environment(language: Language) -> Environment<'static> {
    let mut env = Environment::new();
    if let Ok(syntax) = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        // An included file ends its last line, as its author sees it.
        .keep_trailing_newline(true)
        .build()
    {
        env.set_syntax(syntax);
    }
    env.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    env.set_fuel(Some(FUEL));
    env.set_recursion_limit(64);
    // Costs something only when an error is made, and gives it the source that it points into.
    env.set_debug(true);
    env.set_auto_escape_callback(|name| {
        if name.ends_with(".html") {
            AutoEscape::Html
        } else if name.ends_with(".buttons.txt") {
            AutoEscape::Custom(BUTTONS.into())
        } else if name.ends_with(".chart.txt") {
            AutoEscape::Custom(CHART.into())
        } else {
            AutoEscape::None
        }
    });
    env.set_formatter(print);
    filters::add(&mut env, language);
    env
}

/// Adds one source. A line with nothing but tags leaves no empty line behind, and a tag that ends a
/// line of text keeps its line break: what an author sees is what comes out. Jinja's `trim_blocks`
/// alone would swallow the second kind too.
pub(super) fn add(
    env: &mut Environment<'static>,
    name: &str,
    source: &str,
) -> Result<(), RenderError> {
    env.add_template_owned(name.to_owned(), keep_line_ends(source))
        .map_err(|error| explain(&error, name, source, &BTreeSet::new()))
}

fn keep_line_ends(source: &str) -> String {
    let source = source.replace("\r\n", "\n");
    let lines: Vec<String> = source
        .split('\n')
        .map(|line| {
            let end = line.trim_end();
            let open = end.strip_suffix("%}").filter(|before| {
                !before.ends_with(['-', '+']) && before.contains("{%") && !only_tags(end)
            });
            match open {
                Some(before) => format!("{before}+%}}"),
                None => line.to_owned(),
            }
        })
        .collect();
    lines.join("\n")
}

/// Whether a line holds nothing but block tags and spaces.
fn only_tags(line: &str) -> bool {
    let mut rest = line.trim();
    while let Some(inner) = rest.strip_prefix("{%") {
        match inner.find("%}") {
            Some(end) => rest = inner[end + 2..].trim_start(),
            None => return false,
        }
    }
    rest.is_empty()
}

/// Facts as templates see them: made once for all parts of a message.
#[derive(Clone)]
pub(super) struct Facts(Vec<(String, Value)>);

impl Facts {
    /// Null and empty text become undefined, so that printing them is an error and asking for them is not; names
    /// with parts have them even when they are missing.
    pub(super) fn of(values: &serde_json::Value) -> Self {
        let mut pairs: Vec<(String, Value)> = Vec::new();
        if let Some(map) = values.as_object() {
            for (key, value) in map {
                pairs.push((key.clone(), convert(key, value)));
            }
            let others = facts::MESSAGE_NAMES.iter();
            for name in others.filter(|name| !map.contains_key(**name)) {
                pairs.push(((*name).to_owned(), parts(name, None)));
            }
        }
        Self(pairs)
    }

    /// The same with another value for a name.
    pub(super) fn with(mut self, name: &str, value: &serde_json::Value) -> Self {
        let value = convert(name, value);
        match self.0.iter_mut().find(|(own, _)| own == name) {
            Some((_, own)) => *own = value,
            None => self.0.push((name.to_owned(), value)),
        }
        self
    }

    fn context(&self) -> Value {
        Value::from_object(Parts {
            name: String::new(),
            text: None,
            parts: self.0.clone(),
        })
    }

    fn known(&self) -> BTreeSet<String> {
        let mut known: BTreeSet<String> = self.0.iter().map(|(name, _)| name.clone()).collect();
        known.extend(facts::MESSAGE_NAMES.iter().map(|name| (*name).to_owned()));
        known
    }
}

/// Renders one part; a panic inside of a filter is an error of this part only.
pub(super) fn render(
    env: &Environment<'static>,
    part: &str,
    facts: &Facts,
) -> Result<String, RenderError> {
    let template = env.get_template(part).map_err(|error| {
        RenderError::new(part, None, format!("there is no such template ({error})"))
    })?;
    let context = facts.context();
    let mut out = Limited(Vec::new());
    let rendered = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        template.render_captured_to(context, &mut out).map(|_| ())
    }));
    match rendered {
        Err(_) => {
            return Err(RenderError::new(
                part,
                None,
                "a filter broke on these values; simplify the expression".to_owned(),
            ));
        }
        Ok(Err(error)) => return Err(explain(&error, part, template.source(), &facts.known())),
        Ok(Ok(())) => {}
    }
    let text = String::from_utf8(out.0)
        .map_err(|_| RenderError::new(part, None, "the output is not UTF-8".to_owned()))?;
    match text.find(HOLE.0) {
        None => Ok(text),
        Some(start) => {
            let name: String = text[start..]
                .chars()
                .skip(1)
                .take_while(|letter| *letter != HOLE.1)
                .collect();
            let name = name.to_lowercase();
            Err(RenderError::new(
                part,
                line_of(template.source(), &name),
                no_value(&name),
            ))
        }
    }
}

pub(super) fn convert(key: &str, value: &serde_json::Value) -> Value {
    let has_parts = facts::PARTS.iter().any(|(name, _)| *name == key)
        || matches!(key, "event" | "cells")
        || facts::MESSAGE_NAMES.contains(&key);
    match value {
        serde_json::Value::Null if has_parts => parts(key, None),
        serde_json::Value::Null => Value::UNDEFINED,
        serde_json::Value::String(text) if text.is_empty() => Value::UNDEFINED,
        serde_json::Value::Object(map) => parts(key, Some(map)),
        serde_json::Value::Array(items) => Value::from_iter(
            items
                .iter()
                .filter(|item| !item.is_null())
                .map(|item| convert("", item)),
        ),
        serde_json::Value::Bool(yes) => Value::from(*yes),
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Value::from(whole),
            None => number.as_f64().map_or(Value::UNDEFINED, Value::from),
        },
    }
}

fn parts(key: &str, map: Option<&serde_json::Map<String, serde_json::Value>>) -> Value {
    let text = map.and_then(|map| {
        let shown = match key {
            "name" => "full",
            "company" => "name",
            "budget" => "text",
            _ => return None,
        };
        map.get(shown)?.as_str().map(str::to_owned)
    });
    Value::from_object(Parts {
        name: key.to_owned(),
        text,
        parts: map
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), convert("", value)))
            .collect(),
    })
}

/// An object of the facts: it has parts, may print as a text, and is false when it is empty.
#[derive(Debug)]
pub(super) struct Parts {
    name: String,
    text: Option<String>,
    parts: Vec<(String, Value)>,
}

impl Parts {
    fn part(&self, key: &str) -> Option<Value> {
        self.parts
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.clone())
            .filter(|value| !value.is_undefined())
    }

    fn is_empty(&self) -> bool {
        self.text.is_none() && self.parts.iter().all(|(_, value)| is_missing(value))
    }
}

impl Object for Parts {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.part(key.as_str()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let keys = self.parts.iter().filter(|(_, value)| !is_missing(value));
        Enumerator::Values(keys.map(|(key, _)| Value::from(key.as_str())).collect())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.is_empty()
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => f.write_str(text),
            None => write!(f, "{}{}{}", HOLE.0, self.name, HOLE.1),
        }
    }
}

/// Whether a value is what an author calls missing: undefined, none, empty text, or an object without parts.
pub(super) fn is_missing(value: &Value) -> bool {
    value.is_undefined()
        || value.is_none()
        || value.as_str().is_some_and(str::is_empty)
        || value
            .downcast_object_ref::<Parts>()
            .is_some_and(Parts::is_empty)
}

/// The error of a filter that was given nothing.
pub(super) fn missing() -> Error {
    Error::new(ErrorKind::UndefinedError, "no value")
}

fn print(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() || value.is_none() {
        return Err(missing());
    }
    let text = match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Vec<String> = value.try_iter()?.map(|item| item.to_string()).collect();
            if items.is_empty() {
                return Err(missing());
            }
            items.join(", ")
        }
        ValueKind::Number => {
            let text = value.to_string();
            text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
        }
        _ => value.to_string(),
    };
    let written = match state.auto_escape() {
        AutoEscape::Html if !value.is_safe() => out.write_str(&escape_html(&text)),
        AutoEscape::Custom(kind) if kind == CHART => out.write_str(&shielded(&text)),
        AutoEscape::Custom(_) => out.write_str(&text.replace(
            |letter: char| matches!(letter, '[' | ']' | '(' | ')') || letter.is_control(),
            " ",
        )),
        _ => out.write_str(&text),
    };
    written.map_err(|_| Error::new(ErrorKind::WriteFailure, "the text is too long"))
}

/// The four characters that mean something in HTML; Telegram knows no other named entities.
pub fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

struct Limited(Vec<u8>);

impl std::io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_OUTPUT_BYTES {
            return Err(std::io::Error::other("the text is too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Turns minijinja's error into a sentence with place and mend. `known` are the names that have or could have a value.
pub(super) fn explain(
    error: &Error,
    part: &str,
    source: &str,
    known: &BTreeSet<String>,
) -> RenderError {
    let mut innermost = error;
    while let Some(inner) =
        std::error::Error::source(innermost).and_then(|inner| inner.downcast_ref::<Error>())
    {
        innermost = inner;
    }
    let part = innermost.name().unwrap_or(part);
    let line = innermost.line();
    let written = expression(innermost, source);
    let what = match innermost.kind() {
        ErrorKind::UndefinedError => {
            let name = undefined_name(innermost.detail(), written.as_deref());
            let root = name.split(['.', '[']).next().unwrap_or(&name);
            if known.is_empty() || known.contains(root) || root.is_empty() {
                no_value(&name)
            } else {
                unknown_field(root, known.iter().map(String::as_str))
            }
        }
        ErrorKind::OutOfFuel => "it runs too long; look for a loop that is too large".to_owned(),
        ErrorKind::WriteFailure => format!(
            "the text is longer than {} KiB; shorten what is repeated",
            MAX_OUTPUT_BYTES / 1024
        ),
        ErrorKind::UnknownFilter => format!(
            "unknown filter ({}); the filters are listed in templates/README.md",
            innermost.detail().unwrap_or_default()
        ),
        ErrorKind::TemplateNotFound | ErrorKind::BadInclude => format!(
            "it extends or includes a file that is not there ({})",
            innermost.detail().unwrap_or_default()
        ),
        kind => match innermost.detail() {
            Some(detail) if detail.starts_with(NOT) => {
                format!("`{}` {detail}", written.as_deref().unwrap_or("the value"))
            }
            Some(detail) => format!("{kind}: {detail}"),
            None => kind.to_string(),
        },
    };
    RenderError::new(part, line, what)
}

fn no_value(name: &str) -> String {
    if name.is_empty() {
        return "a value is missing for this record; give a fallback: {{ … | default('…') }}"
            .to_owned();
    }
    format!(
        "`{name}` has no value for this record; give a fallback: {{{{ {name} | default('…') }}}}"
    )
}

/// `unknown field …; did you mean …?`, for a name that no record can have.
pub(super) fn unknown_field<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match closest(name, known) {
        Some(near) => format!("unknown field `{name}`; did you mean `{near}`?"),
        None => format!(
            "unknown field `{name}`; the fields are those under [columns] and the names listed in templates/README.md"
        ),
    }
}

/// The expression at fault as the author wrote it, without filters. minijinja points at the value,
/// or, when a filter failed, at the filter's name.
fn expression(error: &Error, source: &str) -> Option<String> {
    let source = error.template_source().unwrap_or(source);
    let range = error.range()?;
    let before = source.get(..range.start)?;
    let written = if before.trim_end().ends_with('|') {
        let start = before.rfind("{{").max(before.rfind("{%"))? + 2;
        before.get(start..)?
    } else {
        source.get(range)?
    };
    let written = written
        .trim_start_matches("{{")
        .trim_end_matches("}}")
        .split('|')
        .next()?
        .trim();
    (!written.is_empty() && written.len() <= 80).then(|| written.to_owned())
}

/// minijinja says "`email` is undefined" when it knows where the value came from; that is better than the span.
fn undefined_name(detail: Option<&str>, written: Option<&str>) -> String {
    let from_detail = detail.and_then(|detail| {
        let end = detail.find("` is undefined")?;
        let start = detail[..end].rfind('`')? + 1;
        Some(detail[start..end].to_owned())
    });
    from_detail
        .or_else(|| written.map(str::to_owned))
        .unwrap_or_default()
}

/// The first line (from 1) that mentions a name as a word.
pub(super) fn line_of(source: &str, name: &str) -> Option<usize> {
    let word = |letter: char| letter.is_alphanumeric() || letter == '_';
    source.lines().enumerate().find_map(|(number, line)| {
        let hit = line.match_indices(name).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + name.len()..].chars().next();
            !before.is_some_and(word) && !after.is_some_and(word)
        });
        hit.then_some(number + 1)
    })
}

/// The known name that is nearest, if it is near: at most a third of its letters off.
fn closest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace, exchange of neighbours) between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}
