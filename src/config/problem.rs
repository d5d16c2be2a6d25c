//! A mistake in the configuration: its place, what is wrong, and the mend; for people and as JSON.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
};
use serde::Serialize;

use super::folded;

/// One mistake of a configuration, with its place and its mend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigProblem {
    /// The file it stands in.
    pub file: PathBuf,
    /// Line from 1; `None` when it is not about a line (the file cannot be read).
    pub line: Option<u32>,
    /// Column from 1, in characters.
    pub column: Option<u32>,
    /// What is wrong, with the offending value.
    pub problem: String,
    /// What to do about it.
    pub mend: String,
    /// Bytes of the file it is about, for the caret.
    #[serde(skip)]
    pub span: Option<Range<usize>>,
}

impl fmt::Display for ConfigProblem {
    /// `FILE:LINE:COLUMN: problem (mend)`, for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.problem)?;
        if !self.mend.is_empty() {
            write!(f, " ({})", self.mend)?;
        }
        Ok(())
    }
}

/// Every mistake of a configuration, in the order of the file. Exit code 78.
#[derive(Clone, Debug)]
pub struct ConfigErrors {
    problems: Vec<ConfigProblem>,
    source: Arc<str>,
}

impl ConfigErrors {
    /// The mistakes of one file, whose text is `source`. Sorts them by place.
    pub(super) fn new(mut problems: Vec<ConfigProblem>, source: Arc<str>) -> Self {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        Self { problems, source }
    }

    /// One mistake that is not about a line.
    pub(super) fn about_file(problem: ConfigProblem) -> Self {
        Self::new(vec![problem], Arc::from(""))
    }

    /// The mistakes in the order of the file; at least one.
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.problems
    }

    /// The mistakes alone.
    pub(super) fn into_problems(self) -> Vec<ConfigProblem> {
        self.problems
    }

    /// For people: each mistake with its line, a caret and the mend, and a last line with their number.
    /// `color` chooses terminal colours; `width` is that of the terminal.
    pub fn report(&self, color: bool, width: usize) -> String {
        let mut text = report(
            &self.problems,
            &self.source,
            miette::Severity::Error,
            color,
            width,
        );
        text.push_str(&self.to_string());
        text.push('\n');
        text
    }

    /// For `--json`: `[{file, line, column, problem, mend}]`.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!(self.problems)
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.as_slice() {
            [one] => write!(f, "the configuration has a mistake: {one}"),
            many => write!(f, "the configuration has {} mistakes", many.len()),
        }
    }
}

impl std::error::Error for ConfigErrors {}

/// Problems as [`ConfigErrors::report`] shows them, also for warnings. `source` is the text of their file.
pub fn report(
    problems: &[ConfigProblem],
    source: &str,
    severity: miette::Severity,
    color: bool,
    width: usize,
) -> String {
    let theme = if color {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(width)
        .with_context_lines(0);
    let mut text = String::new();
    for problem in problems {
        let source = NamedSource::new(problem.file.display().to_string(), source.to_owned());
        let shown = Shown {
            problem,
            severity,
            source: &source,
        };
        // Writing to a String cannot fail; a span outside of the text would, and then the plain line serves.
        let before = text.len();
        if handler.render_report(&mut text, &shown).is_err() {
            text.truncate(before);
            text.push_str(&problem.to_string());
        }
        text.push('\n');
    }
    text
}

/// One problem as miette wants it.
#[derive(Debug)]
struct Shown<'a> {
    problem: &'a ConfigProblem,
    severity: miette::Severity,
    source: &'a NamedSource<String>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.problem.span.is_none() {
            write!(f, "{}: ", self.problem.file.display())?;
        }
        f.write_str(&self.problem.problem)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.problem.mend.is_empty())
            .then(|| Box::new(&self.problem.mend) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.problem.span.as_ref()?;
        Some(self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.problem.span.clone()?;
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(
            None, span,
        ))))
    }
}

/// The known word nearest to a misspelt one, if it is near enough to be meant.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = 1 + word.chars().count() / 5;
    known
        .into_iter()
        .map(|candidate| {
            (
                distance(&folded(word), &folded(candidate)),
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Number of letters to insert, delete, replace or swap with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (rows[i - 1][j] + 1)
                .min(row[j - 1] + 1)
                .min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_recognised_and_a_far_one_is_not() {
        let known = ["email", "telegram", "template", "owner"];
        assert_eq!(nearest("emial", known), Some("email"));
        assert_eq!(nearest("telegramm", known), Some("telegram"));
        assert_eq!(nearest("Owner", known), Some("owner"));
        assert_eq!(nearest("webhook", known), None);
        assert_eq!(distance("abc", "acb"), 1);
        assert_eq!(distance("", "abc"), 3);
    }
}
