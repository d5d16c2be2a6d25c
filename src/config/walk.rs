//! Walking the TOML tree by hand, so that every mistake is found and each has its place.

mod text;

use std::cell::RefCell;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::environment::Environment;
use super::problem::{ConfigProblem, nearest};
use crate::core::rule::Span;

pub(super) use text::{list, quoted};

/// The file being read and what has been found wrong with it so far.
pub(super) struct Reader<'a> {
    /// The file as named.
    pub(super) file: &'a Path,
    /// Its text.
    pub(super) text: &'a str,
    /// Where secrets and folders may come from.
    pub(super) environment: &'a Environment,
    problems: RefCell<Vec<ConfigProblem>>,
    warnings: RefCell<Vec<ConfigProblem>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str, environment: &'a Environment) -> Self {
        Self {
            file,
            text,
            environment,
            problems: RefCell::default(),
            warnings: RefCell::default(),
        }
    }

    /// Notes a mistake.
    pub(super) fn wrong(
        &self,
        at: &Range<usize>,
        problem: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.problems
            .borrow_mut()
            .push(self.problem(at, problem.into(), mend.into()));
    }

    /// Notes what is suspicious but not wrong.
    pub(super) fn suspicious(
        &self,
        at: &Range<usize>,
        problem: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.warnings
            .borrow_mut()
            .push(self.problem(at, problem.into(), mend.into()));
    }

    fn problem(&self, at: &Range<usize>, problem: String, mend: String) -> ConfigProblem {
        let start = boundary(self.text, at.start);
        let end = boundary(self.text, at.end).max(start);
        let before = &self.text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let first_line = self.text[start..end].lines().next().unwrap_or_default();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        ConfigProblem {
            file: self.file.to_path_buf(),
            line: Some(count(before.matches('\n').count() + 1)),
            column: Some(count(before[line_start..].chars().count() + 1)),
            problem,
            mend,
            span: (end > start).then(|| start..start + first_line.len()),
        }
    }

    /// The mistakes and the warnings.
    pub(super) fn finish(self) -> (Vec<ConfigProblem>, Vec<ConfigProblem>) {
        (self.problems.into_inner(), self.warnings.into_inner())
    }

    /// `FILE:LINE` of a place, for [`crate::core::rule::Rule::at`].
    pub(super) fn place(&self, at: &Range<usize>) -> String {
        let line = self.text[..boundary(self.text, at.start)]
            .matches('\n')
            .count()
            + 1;
        format!("{}:{line}", self.file.display())
    }

    /// A path of the configuration, which is relative to its file.
    pub(super) fn path(&self, written: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new(".")).join(written)
    }
}

/// The nearest place at or before `at` that is not within a letter.
pub(super) fn boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at)
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0)
}

/// A table of the file and what to call it.
#[derive(Clone)]
pub(super) struct Section<'a> {
    /// `[email]`, or "[[rule]] `welcome`".
    pub(super) title: String,
    /// Its heading, or the inline table.
    pub(super) span: Range<usize>,
    table: &'a DeTable<'a>,
}

/// A value of the file and what to call it.
#[derive(Clone)]
pub(super) struct Node<'a> {
    /// "`from` in [email]".
    pub(super) label: String,
    /// The value's place.
    pub(super) span: Range<usize>,
    value: &'a DeValue<'a>,
}

/// A text of the file.
#[derive(Clone)]
pub(super) struct Text<'a> {
    /// The text, not blank.
    pub(super) text: &'a str,
    /// "`from` in [email]".
    pub(super) label: String,
    /// The value's place.
    pub(super) span: Range<usize>,
}

impl<'a> Section<'a> {
    /// The whole file as a table. Its span is empty: what is missing there has no line of its own.
    pub(super) fn root(table: &'a Spanned<DeTable<'a>>) -> Self {
        Self {
            title: "the configuration".to_owned(),
            span: 0..0,
            table: table.get_ref(),
        }
    }

    /// Reports keys that are neither known nor, with a word of their own, `later` (not built yet).
    pub(super) fn only(&self, reader: &Reader<'_>, known: &[&str], later: &[&str]) {
        for (key, value) in self.entries() {
            let written = key.as_str();
            if later.contains(&written) {
                let what = match value.value {
                    DeValue::Table(_) if self.is_root() => format!("`[{written}]`"),
                    _ => format!("`{written}` in {}", self.title),
                };
                reader.wrong(&key.span, format!("{what} is not built yet"), "remove it");
            } else if !known.contains(&written) {
                let mend = match nearest(written, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("remove it; {} knows {}", self.title, list(known)),
                };
                reader.wrong(
                    &key.span,
                    format!("`{written}` is not a key of {}", self.title),
                    mend,
                );
            }
        }
    }

    /// The same under another name.
    pub(super) fn called(&self, title: &str) -> Self {
        Self {
            title: title.to_owned(),
            ..self.clone()
        }
    }

    fn is_root(&self) -> bool {
        self.title == "the configuration"
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<Node<'a>> {
        let value = self.table.get(key)?;
        Some(self.node(key, value))
    }

    fn node(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Node<'a> {
        Node {
            label: if self.is_root() {
                format!("`{key}`")
            } else {
                format!("`{key}` in {}", self.title)
            },
            span: value.span(),
            value: value.get_ref(),
        }
    }

    /// All keys with their values, in the order of the file.
    pub(super) fn entries(&self) -> Vec<(Key, Node<'a>)> {
        let mut entries: Vec<_> = self
            .table
            .iter()
            .map(|(key, value)| {
                let name = Key {
                    name: key.get_ref().to_string(),
                    span: key.span(),
                };
                let node = self.node(&name.name, value);
                (name, node)
            })
            .collect();
        entries.sort_by_key(|(key, _)| key.span.start);
        entries
    }

    /// The value of a key that must be there.
    pub(super) fn need(&self, reader: &Reader<'_>, key: &str, mend: &str) -> Option<Node<'a>> {
        let found = self.get(key);
        if found.is_none() {
            let what = if self.is_root() {
                format!("[{key}]")
            } else {
                format!("`{key}`")
            };
            reader.wrong(&self.span, format!("{} has no {what}", self.title), mend);
        }
        found
    }

    /// A text, if the key is there.
    pub(super) fn text(&self, reader: &Reader<'_>, key: &str) -> Option<Text<'a>> {
        self.get(key)?.text(reader)
    }

    /// A text that must be there.
    pub(super) fn need_text(&self, reader: &Reader<'_>, key: &str, mend: &str) -> Option<Text<'a>> {
        self.need(reader, key, mend)?.text(reader)
    }

    /// One text or a list of texts; empty if the key is not there.
    pub(super) fn texts(&self, reader: &Reader<'_>, key: &str) -> Vec<Text<'a>> {
        self.get(key)
            .map(|node| node.texts(reader))
            .unwrap_or_default()
    }

    /// True or false, if the key is there.
    pub(super) fn flag(&self, reader: &Reader<'_>, key: &str) -> Option<bool> {
        let node = self.get(key)?;
        match node.value {
            DeValue::Boolean(value) => Some(*value),
            _ => node.unfit(
                reader,
                "true or false",
                "write true or false, without quotes",
            ),
        }
    }

    /// A whole number from 1, if the key is there.
    pub(super) fn count(&self, reader: &Reader<'_>, key: &str) -> Option<u32> {
        self.get(key)?.count(reader)
    }

    /// A length of time longer than nothing, or the default.
    pub(super) fn span(&self, reader: &Reader<'_>, key: &str, default: Span) -> Span {
        match self
            .get(key)
            .and_then(|node| node.length(reader).map(|length| (node, length)))
        {
            Some((node, length)) => {
                if length.as_millis() == 0 {
                    reader.wrong(
                        &node.span,
                        format!("{} is {}: no time at all", node.label, node.shown()),
                        "write a time such as \"45m\" or \"3d\"",
                    );
                }
                length
            }
            None => default,
        }
    }

    /// A length of time, possibly nothing, if the key is there.
    pub(super) fn length(&self, reader: &Reader<'_>, key: &str) -> Option<Span> {
        self.get(key)?.length(reader)
    }

    /// A table under a key, if it is there.
    pub(super) fn section(&self, reader: &Reader<'_>, key: &str) -> Option<Section<'a>> {
        let title = if self.is_root() {
            format!("[{key}]")
        } else {
            format!("`{key}` in {}", self.title)
        };
        self.get(key)?.section(reader, title)
    }

    /// The tables of `[[key]]`, or none.
    pub(super) fn sections(&self, reader: &Reader<'_>, key: &str, title: &str) -> Vec<Section<'a>> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        match node.value {
            DeValue::Array(_) => node
                .items()
                .into_iter()
                .filter_map(|item| item.section(reader, title.to_owned()))
                .collect(),
            _ => node
                .unfit::<Vec<_>>(
                    reader,
                    "a list of tables",
                    &format!("write the heading as {title}"),
                )
                .unwrap_or_default(),
        }
    }
}

/// A key of the file.
pub(super) struct Key {
    /// As written.
    pub(super) name: String,
    /// Its place.
    pub(super) span: Range<usize>,
}

impl Key {
    pub(super) fn as_str(&self) -> &str {
        &self.name
    }
}

impl<'a> Node<'a> {
    /// Reports that the value is of the wrong type.
    pub(super) fn unfit<T>(&self, reader: &Reader<'_>, wanted: &str, mend: &str) -> Option<T> {
        reader.wrong(
            &self.span,
            format!("{} is {}, not {wanted}", self.label, self.shown()),
            mend,
        );
        None
    }

    /// The value as a message may show it: short, and with its type.
    pub(super) fn shown(&self) -> String {
        match self.value {
            DeValue::String(text) => quoted(text),
            DeValue::Integer(number) => format!("the number {number}"),
            DeValue::Float(number) => format!("the number {number}"),
            DeValue::Boolean(value) => value.to_string(),
            DeValue::Datetime(date) => format!("the date {date}"),
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
        }
    }

    /// The text, if it is one.
    pub(super) fn as_text(&self) -> Option<&'a str> {
        self.value.as_str()
    }

    /// The keys with their texts, if it is a table; for naming it in a message.
    pub(super) fn entries_as_text(&self) -> Vec<(&'a str, &'a str)> {
        let Some(table) = self.value.as_table() else {
            return Vec::new();
        };
        table
            .iter()
            .filter_map(|(key, value)| Some((key.get_ref().as_ref(), value.get_ref().as_str()?)))
            .collect()
    }

    /// The text or date as text, if it is one.
    pub(super) fn as_date(&self) -> Option<String> {
        match self.value {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Datetime(date) => Some(date.to_string()),
            _ => None,
        }
    }

    /// Whether it is `false`.
    pub(super) fn is_false(&self) -> bool {
        matches!(self.value, DeValue::Boolean(false))
    }

    /// Whether it is a list.
    pub(super) fn is_list(&self) -> bool {
        self.value.is_array()
    }

    /// Whether it is a table.
    pub(super) fn is_table(&self) -> bool {
        self.value.is_table()
    }

    /// A text that is not blank.
    pub(super) fn text(&self, reader: &Reader<'_>) -> Option<Text<'a>> {
        let Some(text) = self.value.as_str() else {
            return self.unfit(reader, "text", "write it in quotes");
        };
        if text.trim().is_empty() {
            reader.wrong(
                &self.span,
                format!("{} is empty", self.label),
                "write a value, or remove the line",
            );
            return None;
        }
        Some(Text {
            text,
            label: self.label.clone(),
            span: self.span.clone(),
        })
    }

    /// One text or a list of texts.
    pub(super) fn texts(&self, reader: &Reader<'_>) -> Vec<Text<'a>> {
        match self.value {
            DeValue::String(_) => self.text(reader).into_iter().collect(),
            DeValue::Array(_) => self
                .items()
                .iter()
                .filter_map(|item| item.text(reader))
                .collect(),
            _ => self
                .unfit::<Vec<_>>(
                    reader,
                    "text or a list of texts",
                    "write \"one\" or [\"one\", \"two\"]",
                )
                .unwrap_or_default(),
        }
    }

    /// The items of a list, under the label of the list; empty if it is none.
    pub(super) fn items(&self) -> Vec<Node<'a>> {
        match self.value {
            DeValue::Array(items) => items
                .iter()
                .map(|item| Node {
                    label: self.label.clone(),
                    span: item.span(),
                    value: item.get_ref(),
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// One table or a list of tables.
    pub(super) fn one_or_more(&self, reader: &Reader<'_>) -> Vec<Section<'a>> {
        match self.value {
            DeValue::Array(_) => self
                .items()
                .into_iter()
                .filter_map(|item| item.section(reader, self.label.clone()))
                .collect(),
            _ => self
                .section(reader, self.label.clone())
                .into_iter()
                .collect(),
        }
    }

    /// A table, to be called `title`.
    pub(super) fn section(&self, reader: &Reader<'_>, title: String) -> Option<Section<'a>> {
        match self.value {
            DeValue::Table(table) => Some(Section {
                title,
                span: self.span.clone(),
                table,
            }),
            DeValue::Array(_) => self.unfit(
                reader,
                "a table",
                "write the heading with one pair of brackets",
            ),
            _ => self.unfit(
                reader,
                "a table",
                "write { key = value, … } or a heading of its own",
            ),
        }
    }

    /// A whole number from 1 to 4 thousand million.
    pub(super) fn count(&self, reader: &Reader<'_>) -> Option<u32> {
        let number = self.whole(reader)?;
        match u32::try_from(number) {
            Ok(count) if count > 0 => Some(count),
            _ => self.unfit(reader, "a number from 1", "write a whole number from 1"),
        }
    }

    /// A whole number.
    pub(super) fn whole(&self, reader: &Reader<'_>) -> Option<i64> {
        let number = self
            .value
            .as_integer()
            .and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
        if number.is_none() {
            return self.unfit(
                reader,
                "a whole number",
                "write a whole number, without quotes",
            );
        }
        number
    }

    /// A length of time.
    pub(super) fn length(&self, reader: &Reader<'_>) -> Option<Span> {
        if let DeValue::Integer(number) = self.value {
            return self.unfit(
                reader,
                "a time with a unit",
                &format!("write \"{number}s\", \"{number}m\", \"{number}h\" or \"{number}d\""),
            );
        }
        self.text(reader)?
            .parsed(reader, "write a shorter time", Span::parse)
    }
}
