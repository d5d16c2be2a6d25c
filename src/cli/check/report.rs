//! What `check` found, for people and as JSON.

use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::output::{count, table};
use crate::cli::records::problem;

/// So many data problems are shown; `records --problems` has them all.
const DATA_SHOWN: usize = 20;

/// One thing that is wrong, or looks wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// `configuration`, `templates`, `rules`, `google`, `sheet`, `people`, `email`, `telegram`.
    pub(crate) area: &'static str,
    /// File and line, tab and cell, or heading and key.
    pub(crate) place: String,
    /// What is wrong.
    pub(crate) problem: String,
    /// What to do about it.
    pub(crate) mend: String,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// What is wrong.
    pub(crate) problems: Vec<Finding>,
    warnings: Vec<Finding>,
    passed: Vec<(&'static str, String)>,
    data: Vec<Value>,
}

/// What a probe came to.
#[derive(Debug)]
pub(crate) enum Probed {
    /// It is not configured.
    Absent,
    /// Area, and who answered.
    Well(&'static str, String),
    /// What is wrong.
    Wrong(Finding),
}

impl Findings {
    /// Notes a problem: exit code 1.
    pub(crate) fn problem(
        &mut self,
        area: &'static str,
        place: impl Into<String>,
        problem: &str,
        mend: &str,
    ) {
        push(
            &mut self.problems,
            Finding {
                area,
                place: place.into(),
                problem: problem.into(),
                mend: mend.into(),
            },
        );
    }

    /// Notes what looks wrong and may be meant.
    pub(crate) fn warning(
        &mut self,
        area: &'static str,
        place: impl Into<String>,
        problem: &str,
        mend: &str,
    ) {
        push(
            &mut self.warnings,
            Finding {
                area,
                place: place.into(),
                problem: problem.into(),
                mend: mend.into(),
            },
        );
    }

    /// Notes what is well.
    pub(crate) fn passed(&mut self, area: &'static str, text: impl Into<String>) {
        self.passed.push((area, text.into()));
    }

    /// Notes a probe.
    pub(crate) fn take(&mut self, probed: Probed) {
        match probed {
            Probed::Absent => {}
            Probed::Well(area, who) => self.passed(area, who),
            Probed::Wrong(finding) => push(&mut self.problems, finding),
        }
    }

    /// Notes cells that cannot be read: their list is for whoever keeps the sheet.
    pub(crate) fn data(&mut self, problems: Vec<Value>) {
        self.data = problems;
    }

    /// The answer of `check --json`.
    pub(crate) fn json(&self) -> Value {
        json!({
            "ok": self.problems.is_empty(), "problems": self.problems,
            "warnings": self.warnings, "data_problems": self.data,
        })
    }

    /// The answer for people, by area.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut areas: Vec<&'static str> = Vec::new();
        let found = self
            .problems
            .iter()
            .chain(&self.warnings)
            .map(|finding| finding.area);
        for area in self.passed.iter().map(|(area, _)| *area).chain(found) {
            if !areas.contains(&area) {
                areas.push(area);
            }
        }
        let mut lines = Vec::new();
        for area in areas {
            lines.push(area.to_owned());
            lines.extend(
                self.passed
                    .iter()
                    .filter(|(of, _)| *of == area)
                    .map(|(_, text)| format!("  ✓ {text}")),
            );
            for (mark, findings) in [("✗", &self.problems), ("!", &self.warnings)] {
                for finding in findings.iter().filter(|finding| finding.area == area) {
                    lines.push(format!("  {mark} {}: {}", finding.place, finding.problem));
                    if !finding.mend.is_empty() {
                        lines.push(format!("    → {}", finding.mend));
                    }
                }
            }
        }
        lines.extend(self.data_lines());
        lines.push(match self.problems.len() {
            0 if self.warnings.is_empty() => "All well.".to_owned(),
            0 => format!("No problems, {}.", count(self.warnings.len(), "warning")),
            many => format!(
                "{}, {}.",
                count(many, "problem"),
                count(self.warnings.len(), "warning")
            ),
        });
        lines
    }

    fn data_lines(&self) -> Vec<String> {
        if self.data.is_empty() {
            return Vec::new();
        }
        // Unknown owners and stages were told above, by name; what nobody has told comes first.
        let mut ranked: Vec<&Value> = self.data.iter().collect();
        ranked.sort_by_key(|problem| match problem["kind"].as_str() {
            Some("incomplete") => 0,
            Some("unreadable") | None => 1,
            Some("duplicate") => 2,
            Some(_) => 3,
        });
        let heading = format!("  ! {}:", count(self.data.len(), "data problem"));
        let mut lines = vec!["data".to_owned(), heading];
        let rows: Vec<Vec<String>> = ranked
            .iter()
            .take(DATA_SHOWN)
            .map(|found| problem(found))
            .collect();
        lines.extend(table(&rows).into_iter().map(|line| format!("      {line}")));
        if self.data.len() > DATA_SHOWN {
            let more = self.data.len() - DATA_SHOWN;
            lines.push(format!(
                "      … and {more} more: `sheetbridge records --problems` after the first sync, or --json"
            ));
        }
        lines
    }
}

fn push(findings: &mut Vec<Finding>, finding: Finding) {
    if !findings.contains(&finding) {
        findings.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_stand_by_area_with_their_mends() {
        let mut findings = Findings::default();
        findings.passed("google", "read");
        findings.problem("email", "[email] smtp", "refused", "correct the password");
        findings.warning("google", "w", "another zone", "");
        assert_eq!(
            findings.lines(),
            [
                "google",
                "  ✓ read",
                "  ! w: another zone",
                "email",
                "  ✗ [email] smtp: refused",
                "    → correct the password",
                "1 problem, 1 warning."
            ]
        );
        assert_eq!(findings.json()["ok"], json!(false));
        assert_eq!(
            findings.json()["problems"][0]["mend"],
            "correct the password"
        );
    }
}
