//! What can be said of a template without rendering it: names that no record can have, filters that
//! do not exist, and the files it is made of.

use std::collections::BTreeSet;

use minijinja::value::Value;
use minijinja::{Environment, ErrorKind};

use super::RenderError;
use super::engine::{line_of, unknown_field};
use crate::core::facts;

/// Names that are no facts: minijinja's own, and what the layouts are given.
const ALWAYS: &[&str] = &[
    "range",
    "dict",
    "namespace",
    "debug",
    "loop",
    "self",
    "super",
    "caller",
    "lipsum",
    "cycler",
    "joiner",
    "figures",
    "notice",
    "subject",
];

/// Unknown fields and filters of one file.
pub(super) fn names(
    env: &Environment<'static>,
    file: &str,
    source: &str,
    known: &BTreeSet<String>,
) -> Vec<RenderError> {
    let Ok(template) = env.get_template(file) else {
        return Vec::new();
    };
    let mut used: Vec<String> = template.undeclared_variables(true).into_iter().collect();
    used.sort();
    let mut problems = Vec::new();
    for path in &used {
        let (root, part) = path.split_once('.').unwrap_or((path, ""));
        if ALWAYS.contains(&root) {
            continue;
        }
        let part = part.split('.').next().unwrap_or_default();
        let parts = facts::PARTS.iter().find(|(name, _)| *name == root);
        let what = if !known.contains(root) {
            unknown_field(root, known.iter().map(String::as_str))
        } else if let Some((_, parts)) = parts
            && !part.is_empty()
            && !parts.contains(&part)
        {
            format!(
                "unknown field `{root}.{part}`; `{root}` has the parts {}",
                parts.join(", ")
            )
        } else {
            continue;
        };
        let problem = RenderError::new(file, line_of(source, root), what);
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    problems.extend(filters(env, file, source));
    problems
}

/// Filters that do not exist; minijinja itself finds them only when it comes by.
fn filters(env: &Environment<'static>, file: &str, source: &str) -> Vec<RenderError> {
    let mut problems = Vec::new();
    for (line, tag) in tags(source) {
        for name in filter_names(&tag) {
            let mut state = env.empty_state();
            let unknown = state
                .apply_filter(&name, &[Value::from("")])
                .is_err_and(|error| error.kind() == ErrorKind::UnknownFilter);
            if unknown {
                problems.push(RenderError::new(
                    file,
                    Some(line),
                    format!(
                        "unknown filter `{name}`; the filters are listed in templates/README.md"
                    ),
                ));
            }
        }
    }
    problems
}

/// The files that a source extends, includes or imports by name.
pub(super) fn references(source: &str) -> Vec<String> {
    let mut files = Vec::new();
    for (_, tag) in tags(source) {
        let mut words = tag.trim_matches(['-', '+']).split_whitespace();
        if matches!(
            words.next(),
            Some("extends" | "include" | "import" | "from")
        ) && let Some(name) = words.next()
        {
            files.push(name.trim_matches(['"', '\'']).to_owned());
        }
    }
    files
}

/// The insides of `{{ }}` and `{% %}` with the line they begin on, quoted texts emptied but for references.
fn tags(source: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = source[at..].find('{').map(|start| at + start) {
        let close = match source.as_bytes().get(start + 1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            Some(b'#') => "#}",
            _ => {
                at = start + 1;
                continue;
            }
        };
        let Some(end) = source[start..].find(close).map(|end| start + end) else {
            break;
        };
        if close != "#}" {
            let line = source[..start].matches('\n').count() + 1;
            found.push((line, source[start + 2..end].to_owned()));
        }
        at = end + 2;
    }
    found
}

/// The names behind `|`, outside of quotes.
fn filter_names(tag: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut quote = None;
    let mut letters = tag.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '|') => {
                while letters.peek().is_some_and(|next| next.is_whitespace()) {
                    letters.next();
                }
                let mut name = String::new();
                while let Some(next) = letters
                    .peek()
                    .filter(|next| next.is_alphanumeric() || **next == '_')
                {
                    name.push(*next);
                    letters.next();
                }
                if !name.is_empty() {
                    names.push(name);
                }
            }
            _ => {}
        }
    }
    names
}
