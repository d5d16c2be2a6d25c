//! What could not be read, or needs a person's look: cell by cell, with where it stands and why.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::records::Spot;
use super::status::UnknownWord;
use super::{Answer, Desk, Right, Who};
use crate::core::people::Directory;
use crate::core::record::{Kind, Record};
use crate::core::sheet::fold::fold;
use crate::core::sheet::{Cell, Typed, Value};
use crate::roster::{cell_of, sheet_url};

/// One data problem, as `records --problems --json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Title of the tab.
    pub tab: String,
    /// Its name, `C19`.
    pub cell: String,
    /// Field id.
    pub field: String,
    /// What stands there; `…` for private columns.
    pub value: String,
    /// Why it is a problem, with the mend.
    pub why: String,
    /// `unreadable`, `incomplete`, `owner`, `stage` or `duplicate`.
    pub kind: ProblemKind,
    /// Address that opens the row.
    pub url: String,
}

/// What kind of problem it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// A cell that could not be read.
    Unreadable,
    /// Required cells are missing for so long that nobody is typing any more.
    Incomplete,
    /// Nobody in the staff list is in charge.
    Owner,
    /// No stage of the configuration.
    Stage,
    /// A phone or e-mail that stands in another row, too. Listed, never dropped.
    Duplicate,
}

/// Everything found in one look at all records.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) problems: Vec<Problem>,
    /// Words in stage cells that mean no stage, the most frequent first.
    pub(super) words: Vec<UnknownWord>,
    pub(super) customers: u32,
    pub(super) ambiguous: u32,
}

impl Findings {
    /// How many problems of these kinds there are.
    pub(super) fn count(&self, kinds: &[ProblemKind]) -> u32 {
        let count = self
            .problems
            .iter()
            .filter(|problem| kinds.contains(&problem.kind))
            .count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

/// By contact, the first row that has it: tab, cell and name.
type Seen = BTreeMap<String, (String, String, String)>;

impl Desk {
    /// The data problems, in the order of the sheet.
    ///
    /// # Errors
    /// The role, a tab that is not read, the disk.
    pub fn problems(&self, tab: Option<&str>, who: &Who, now: Timestamp) -> Answer<Vec<Problem>> {
        self.must_all(who, Right::Everything)?;
        Ok(self.look_through(tab, now)?.problems)
    }

    /// Looks at every customer once.
    pub(super) fn look_through(&self, tab: Option<&str>, now: Timestamp) -> Answer<Findings> {
        let directory = self.roster.directory()?;
        let mut findings = Findings::default();
        let mut seen = Seen::new();
        let mut words: BTreeMap<String, (String, u32)> = BTreeMap::new();
        self.each(Kind::Customer, tab, |spot, record, typed| {
            findings.customers += 1;
            findings.ambiguous += u32::from(record.ambiguous_since.is_some());
            let cells = Cells {
                desk: self,
                spot,
                record,
            };
            findings.problems.extend(self.unreadable(&cells, typed));
            findings
                .problems
                .extend(self.incomplete(&cells, typed, now));
            findings
                .problems
                .extend(unknown_owners(&cells, typed, &directory));
            findings
                .problems
                .extend(no_stage(&cells, typed, &mut words));
            findings
                .problems
                .extend(duplicates(&cells, typed, &mut seen));
            Ok(())
        })?;
        let mut counted: Vec<(String, u32)> = words.into_values().collect();
        counted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        findings.words = counted
            .into_iter()
            .map(|(word, count)| UnknownWord {
                likely: self.likely_stage(&word),
                word,
                count,
            })
            .collect();
        Ok(findings)
    }

    fn unreadable(&self, cells: &Cells<'_>, typed: &Typed) -> Vec<Problem> {
        let of = typed
            .problems
            .iter()
            .filter(|problem| !matches!(problem.field.as_str(), "stage"));
        of.map(|problem| {
            cells.problem(&problem.field, ProblemKind::Unreadable, problem.why.clone())
        })
        .collect()
    }

    /// Required cells that have been missing for longer than `[settle] incomplete`.
    fn incomplete(&self, cells: &Cells<'_>, typed: &Typed, now: Timestamp) -> Option<Problem> {
        let config = self.roster.config();
        let patience = config.settle.incomplete.duration();
        if now.duration_since(cells.record.changed_at) < patience {
            return None;
        }
        let has = |field: &String| typed.values.contains_key(field);
        let require = &config.require;
        let mut missing: Vec<String> = require
            .all
            .iter()
            .filter(|field| !has(field))
            .cloned()
            .collect();
        if !require.any.is_empty() && !require.any.iter().any(has) {
            missing.push(require.any.join(" or "));
        }
        let field = require
            .all
            .iter()
            .chain(&require.any)
            .find(|field| !has(field))?;
        if missing.is_empty() {
            return None;
        }
        let why = format!(
            "the row is incomplete: {} is missing, so nothing is sent for it",
            missing.join(" and ")
        );
        Some(cells.problem(field, ProblemKind::Incomplete, why))
    }

    /// The stage that a word is most like, if it is like one at all.
    fn likely_stage(&self, word: &str) -> Option<String> {
        let stages = self.roster.config().stages.iter();
        let texts = stages.flat_map(|stage| {
            std::iter::once(&stage.label)
                .chain(&stage.aliases)
                .map(move |text| (stage, text))
        });
        let liked = texts.map(|(stage, text)| (likeness(word, text), stage));
        let best = liked.max_by_key(|(likeness, _)| *likeness)?;
        (best.0 >= 50).then(|| best.1.id.clone())
    }
}

/// One row, for naming its cells.
struct Cells<'a> {
    desk: &'a Desk,
    spot: Spot<'a>,
    record: &'a Record,
}

impl Cells<'_> {
    fn name(&self, field: &str) -> String {
        cell_of(self.spot.tab, field, self.spot.row)
    }

    fn bound(&self, field: &str) -> bool {
        self.spot.tab.bound.contains_key(field)
    }

    /// As typed; private columns hidden.
    fn value(&self, field: &str) -> String {
        let private = self
            .desk
            .roster
            .config()
            .fields
            .iter()
            .any(|spec| spec.private && spec.id == field);
        match self.record.seen.get(field) {
            None | Some(Cell::Empty) => String::new(),
            Some(_) if private => "…".to_owned(),
            Some(cell) => cell.shown().into_owned(),
        }
    }

    fn problem(&self, field: &str, kind: ProblemKind, why: String) -> Problem {
        Problem {
            tab: self.spot.tab.title.clone(),
            cell: self.name(field),
            field: field.to_owned(),
            value: self.value(field),
            why,
            kind,
            url: sheet_url(self.spot.workbook, self.spot.tab.sheet, self.spot.row),
        }
    }
}

fn unknown_owners(cells: &Cells<'_>, typed: &Typed, directory: &Directory) -> Vec<Problem> {
    let Some(Value::Owner(names)) = typed.values.get("owner") else {
        let empty = cells.bound("owner")
            && !typed
                .problems
                .iter()
                .any(|problem| problem.field == "owner");
        let why = "nobody is in charge: alerts go to the managers".to_owned();
        return if empty {
            vec![cells.problem("owner", ProblemKind::Owner, why)]
        } else {
            Vec::new()
        };
    };
    names
        .iter()
        .filter(|name| directory.find(name).is_none())
        .map(|name| {
            let why = format!("\"{name}\" is not in the staff list: add a [[staff]] with this name, or an alias to one");
            cells.problem("owner", ProblemKind::Owner, why)
        })
        .collect()
}

fn no_stage(
    cells: &Cells<'_>,
    typed: &Typed,
    words: &mut BTreeMap<String, (String, u32)>,
) -> Option<Problem> {
    if !cells.bound("stage") || typed.values.contains_key("stage") {
        return None;
    }
    let word = cells.value("stage").trim().to_owned();
    let folded = fold(&word);
    if folded.is_empty() {
        return Some(cells.problem(
            "stage",
            ProblemKind::Stage,
            "the stage is empty: rules on stages pass it by".to_owned(),
        ));
    }
    let why = format!(
        "\"{word}\" is no stage: pick one of the list, or add it to aliases of a [[stage]]"
    );
    words.entry(folded).or_insert_with(|| (word, 0)).1 += 1;
    Some(cells.problem("stage", ProblemKind::Stage, why))
}

/// The same phone or e-mail in an earlier row. With the same name it is one person, else people who share it.
fn duplicates(cells: &Cells<'_>, typed: &Typed, seen: &mut Seen) -> Vec<Problem> {
    let name = match typed.values.get("name") {
        Some(Value::Name(name)) => name.full.known().unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    let mut found: Vec<Problem> = Vec::new();
    for (field, contacts) in contacts(typed) {
        for contact in contacts {
            let here = (
                cells.spot.tab.title.clone(),
                cells.name(field),
                name.clone(),
            );
            let Some((tab, cell, other)) = seen.get(&contact) else {
                seen.insert(contact, here);
                continue;
            };
            let who = if fold(other) == fold(&name) {
                "the same person twice"
            } else {
                "two people who share it"
            };
            let why = format!("stands in {cell} of \"{tab}\" as well: {who}");
            found.push(cells.problem(field, ProblemKind::Duplicate, why));
        }
    }
    found
}

fn contacts(typed: &Typed) -> Vec<(&'static str, Vec<String>)> {
    let mut found = Vec::new();
    if let Some(Value::Phone(phones)) = typed.values.get("phone") {
        found.push((
            "phone",
            phones
                .iter()
                .map(|phone| phone.expose().to_owned())
                .collect(),
        ));
    }
    if let Some(Value::Email(emails)) = typed.values.get("email") {
        found.push((
            "email",
            emails
                .iter()
                .map(|email| email.expose().to_lowercase())
                .collect(),
        ));
    }
    found
}

/// How alike two texts are without case and accents, 0 to 100: shared pairs of letters (Dice), or one within the other.
pub(super) fn likeness(one: &str, other: &str) -> u32 {
    let (one, other) = (fold(one), fold(other));
    if one.is_empty() || other.is_empty() {
        return 0;
    }
    if one == other {
        return 100;
    }
    let short = one.chars().count().min(other.chars().count());
    if short >= 4 && (one.contains(&other) || other.contains(&one)) {
        return 90;
    }
    let pairs = |text: &str| -> Vec<(char, char)> {
        let letters: Vec<char> = text.chars().collect();
        letters.windows(2).map(|pair| (pair[0], pair[1])).collect()
    };
    let (left, mut right) = (pairs(&one), pairs(&other));
    let all = left.len() + right.len();
    let mut shared = 0;
    for pair in left {
        if let Some(at) = right.iter().position(|candidate| *candidate == pair) {
            right.swap_remove(at);
            shared += 2;
        }
    }
    u32::try_from(shared * 100 / all.max(1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likeness_knows_the_same_words() {
        assert_eq!(likeness("Đang tư vấn", "dang tu van"), 100);
        assert_eq!(likeness("Đang tư vấn L2", "Đang tư vấn"), 90);
        assert!(
            likeness("Đang tv", "Đang tư vấn") >= 50,
            "{}",
            likeness("Đang tv", "Đang tư vấn")
        );
        assert!(likeness("Gọi lại", "Đã đặt cọc") < 50);
        assert_eq!(likeness("", "Mới"), 0);
    }
}
