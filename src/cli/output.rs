//! Where a command writes: data on stdout, everything said to a person beside the data on stderr.
//!
//! Nothing else in the crate writes to either (lints `print_stdout` and `print_stderr`), but for the log.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use super::failure::Failure;

/// Widest text that is still read easily.
const WIDEST: usize = 110;

/// The two ways out of a command, and whether data is for a program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// `json` is `--json`: stdout carries JSON only.
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether stdout is for a program.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Writes one line of data to stdout, at once.
    ///
    /// # Errors
    /// The reader has gone (which ends the command without complaint), or the disk behind stdout is full.
    pub(crate) fn line(self, text: impl Display) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")
            .and_then(|()| out.flush())
            .map_err(|error| Failure::output(&error))
    }

    /// Writes several lines of data to stdout.
    ///
    /// # Errors
    /// As for [`Output::line`].
    pub(crate) fn lines<T: Display>(
        self,
        lines: impl IntoIterator<Item = T>,
    ) -> Result<(), Failure> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        for line in lines {
            writeln!(out, "{line}").map_err(|error| Failure::output(&error))?;
        }
        out.flush().map_err(|error| Failure::output(&error))
    }

    /// Writes one JSON value as one line to stdout.
    ///
    /// # Errors
    /// As for [`Output::line`].
    pub(crate) fn json(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(|error| Failure::output(&error.into()))?;
        self.line(text)
    }

    /// Writes to stderr for whoever sits there. Nobody may be listening: then nothing is lost.
    pub(crate) fn tell(self, text: impl Display) {
        let text = text.to_string();
        let _ = writeln!(io::stderr().lock(), "{}", text.trim_end());
    }

    /// Whether reports on stderr may have colours.
    pub(crate) fn color(self) -> bool {
        io::stderr().is_terminal()
    }

    /// How wide reports may be.
    pub(crate) fn width(self) -> usize {
        WIDEST
    }
}

/// Lays lines out in columns that stand under each other; the last column is as wide as it likes.
pub(crate) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|at| {
            rows.iter()
                .filter_map(|row| row.get(at))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    rows.iter()
        .map(|row| {
            let padded: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| {
                    format!(
                        "{cell}{}",
                        " ".repeat(width.saturating_sub(cell.chars().count()))
                    )
                })
                .collect();
            padded.join("  ").trim_end().to_owned()
        })
        .collect()
}

/// A number with its noun: `1 change`, `12 changes`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_also_with_accents() {
        let rows = [
            ["ô", "xa"].map(String::from).to_vec(),
            ["dòng", "x"].map(String::from).to_vec(),
        ];
        assert_eq!(table(&rows), ["ô     xa", "dòng  x"]);
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(0, "row"), "0 rows");
    }
}
