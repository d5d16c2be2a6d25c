//! What could not be read, or needs a person's look: cell by cell, with where it stands and why.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::records::Spot;
use super::status::UnknownWord;
use super::{Answer, Desk, Right, Who};
use crate::core::people::Directory;
use crate::core::record::{Kind, Record};
use crate::core::sheet::fold::fold;
use crate::core::sheet::{Cell, Typed, Value};
use crate::roster::{TabMeta, cell_of, sheet_url};

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

/// What the counted problems of all rows are kept by for a moment.
const COUNTED: &str = "problems";
/// So many rows are read and judged in a quarter of a second.
const ROWS_AT_ONCE: usize = 2_500;

/// Everything found in one look at all records.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    /// As many of them as were asked for, in the order of the sheet.
    pub(super) problems: Vec<Problem>,
    /// How many there are of each kind, listed or not.
    counts: BTreeMap<ProblemKind, u32>,
    /// Words in stage cells that mean no stage, the most frequent first.
    pub(super) words: Vec<UnknownWord>,
    pub(super) customers: u32,
    pub(super) ambiguous: u32,
}

impl Findings {
    /// How many problems of these kinds there are.
    pub(super) fn count(&self, kinds: &[ProblemKind]) -> u32 {
        let counts = kinds.iter().filter_map(|kind| self.counts.get(kind));
        counts.sum()
    }

    /// Counts a problem, and lists it while there is room. It is worded only if it is listed.
    fn find(&mut self, most: usize, kind: ProblemKind, problem: impl FnOnce() -> Problem) {
        *self.counts.entry(kind).or_default() += 1;
        if self.problems.len() < most {
            self.problems.push(problem());
        }
    }
}

/// The rows that have a contact: numbers only, for there may be half a million of them.
#[derive(Default)]
struct Seen {
    /// The tabs that were looked at.
    tabs: Vec<TabMeta>,
    /// The rows that have a contact: the tab's place in `tabs`, and the row's number.
    rows: Vec<(u32, u32)>,
    /// By contact, the name and the first row of anybody.
    first: HashMap<u64, (u32, u32)>,
    /// By contact and name, the first row of those who share it with somebody of another name.
    others: HashMap<(u64, u32), u32>,
}

/// The same for names, which are only compared within one contact.
fn short_number_of(text: &str) -> u32 {
    u32::try_from(number_of(text) >> 32).unwrap_or(u32::MAX)
}

/// Equal texts have equal numbers; others all but never (64 bits for at most millions).
fn number_of(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl Desk {
    /// The data problems, in the order of the sheet.
    ///
    /// # Errors
    /// The role, a tab that is not read, the disk.
    pub fn problems(&self, tab: Option<&str>, who: &Who, now: Timestamp) -> Answer<Vec<Problem>> {
        self.must_all(who, Right::Everything)?;
        Ok(self.look_through(tab, usize::MAX, now)?.problems)
    }

    /// The first `most` data problems of all tabs, in the order of the sheet, and how many more there are.
    ///
    /// # Errors
    /// The role, the disk.
    pub fn some_problems(
        &self,
        most: usize,
        who: &Who,
        now: Timestamp,
    ) -> Answer<(Vec<Problem>, usize)> {
        self.must_all(who, Right::Everything)?;
        let findings = self.look_through(None, most, now)?;
        let all: u32 = findings.counts.values().sum();
        let more = usize::try_from(all)
            .unwrap_or(usize::MAX)
            .saturating_sub(findings.problems.len());
        Ok((findings.problems, more))
    }

    /// How many problems there are, by a look that may be some minutes old where there are many rows.
    pub(super) fn counted_lately(&self, now: Timestamp) -> Answer<Findings> {
        if let Some(found) = self.roster.said_lately(COUNTED) {
            return Ok(found);
        }
        let began = Instant::now();
        let found = self.look_through(None, 0, now)?;
        let rows = usize::try_from(found.customers).unwrap_or(usize::MAX);
        self.roster
            .keep_lately(COUNTED, found.clone(), rows, began.elapsed());
        Ok(found)
    }

    /// Whether [`Self::status`] has counted problems a moment ago.
    pub fn findings_at_hand(&self) -> bool {
        self.roster.said_lately::<Findings>(COUNTED).is_some()
    }

    /// Whether there are so many rows that reading all of them takes longer than anybody likes to wait.
    ///
    /// # Errors
    /// The disk.
    pub fn has_many_rows(&self) -> Answer<bool> {
        let tabs = self.tabs_read()?;
        let rows: usize = tabs.iter().map(|(_, tab)| tab.rows).sum();
        Ok(rows > ROWS_AT_ONCE)
    }

    /// Looks at every customer once; counts every problem and lists up to `most`.
    pub(super) fn look_through(
        &self,
        tab: Option<&str>,
        most: usize,
        now: Timestamp,
    ) -> Answer<Findings> {
        let directory = self.roster.directory()?;
        let mut findings = Findings::default();
        let mut seen = Seen::default();
        let mut words: BTreeMap<String, (String, u32)> = BTreeMap::new();
        self.each(Kind::Customer, tab, |spot, record, typed| {
            findings.customers += 1;
            findings.ambiguous += u32::from(record.ambiguous_since.is_some());
            let cells = Cells {
                desk: self,
                spot,
                record,
            };
            let mut find = |found: Found<'_>| {
                let Found { field, kind, why } = found;
                findings.find(most, kind, || cells.problem(field, kind, why()));
            };
            unreadable(typed, &mut find);
            self.incomplete(&cells, typed, now, &mut find);
            unknown_owners(&cells, typed, &directory, &mut find);
            no_stage(&cells, typed, &mut words, &mut find);
            duplicates(&cells, typed, &mut seen, &mut find);
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

    /// Required cells that have been missing for longer than `[settle] incomplete`.
    fn incomplete(
        &self,
        cells: &Cells<'_>,
        typed: &Typed,
        now: Timestamp,
        find: &mut dyn FnMut(Found<'_>),
    ) {
        let config = self.roster.config();
        let patience = config.settle.incomplete.duration();
        if now.duration_since(cells.record.changed_at) < patience {
            return;
        }
        let has = |field: &String| typed.values.contains_key(field);
        let require = &config.require;
        let missing = self.roster.missing_fields(cells.record.kind, typed);
        let field = require
            .all
            .iter()
            .chain(&require.any)
            .find(|field| !has(field));
        if let (Some(field), false) = (field, missing.is_empty()) {
            find(Found {
                field,
                kind: ProblemKind::Incomplete,
                why: &|| {
                    format!(
                        "the row is incomplete: {} is missing, so nothing is sent for it",
                        missing.join(" and ")
                    )
                },
            });
        }
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

/// A problem that is worded only if it is listed.
struct Found<'a> {
    field: &'a str,
    kind: ProblemKind,
    why: &'a dyn Fn() -> String,
}

fn unreadable(typed: &Typed, find: &mut dyn FnMut(Found<'_>)) {
    for problem in typed
        .problems
        .iter()
        .filter(|problem| problem.field != "stage")
    {
        find(Found {
            field: &problem.field,
            kind: ProblemKind::Unreadable,
            why: &|| problem.why.clone(),
        });
    }
}

fn unknown_owners(
    cells: &Cells<'_>,
    typed: &Typed,
    directory: &Directory,
    find: &mut dyn FnMut(Found<'_>),
) {
    let Some(Value::Owner(names)) = typed.values.get("owner") else {
        let unreadable = typed
            .problems
            .iter()
            .any(|problem| problem.field == "owner");
        if cells.bound("owner") && !unreadable {
            find(Found {
                field: "owner",
                kind: ProblemKind::Owner,
                why: &|| "nobody is in charge: alerts go to the managers".to_owned(),
            });
        }
        return;
    };
    for name in names.iter().filter(|name| directory.find(name).is_none()) {
        find(Found {
            field: "owner",
            kind: ProblemKind::Owner,
            why: &|| {
                format!(
                    "\"{name}\" is not in the staff list: add a [[staff]] with this name, or an alias to one"
                )
            },
        });
    }
}

fn no_stage(
    cells: &Cells<'_>,
    typed: &Typed,
    words: &mut BTreeMap<String, (String, u32)>,
    find: &mut dyn FnMut(Found<'_>),
) {
    if !cells.bound("stage") || typed.values.contains_key("stage") {
        return;
    }
    let word = cells.value("stage").trim().to_owned();
    let folded = fold(&word);
    let why = || match folded.is_empty() {
        true => "the stage is empty: rules on stages pass it by".to_owned(),
        false => format!(
            "\"{word}\" is no stage: pick one of the list, or add it to aliases of a [[stage]]"
        ),
    };
    find(Found {
        field: "stage",
        kind: ProblemKind::Stage,
        why: &why,
    });
    if !folded.is_empty() {
        words
            .entry(folded.clone())
            .or_insert_with(|| (word.clone(), 0))
            .1 += 1;
    }
}

/// The same phone or e-mail in an earlier row. With the same name it is one person, else people who share it.
fn duplicates(cells: &Cells<'_>, typed: &Typed, seen: &mut Seen, find: &mut dyn FnMut(Found<'_>)) {
    let name = match typed.values.get("name") {
        Some(Value::Name(name)) => short_number_of(&fold(name.full.known().unwrap_or_default())),
        _ => short_number_of(""),
    };
    let here = seen.row(&cells.spot);
    for (field, contacts) in contacts(typed) {
        for contact in contacts {
            let contact = number_of(&contact);
            let Some(&(of, first)) = seen.first.get(&contact) else {
                seen.first.insert(contact, (name, here));
                continue;
            };
            let twin = match of == name {
                true => Some(first),
                false => seen.others.get(&(contact, name)).copied(),
            };
            let (tab, row) = seen.rows[twin.unwrap_or(first) as usize];
            let meta = &seen.tabs[tab as usize];
            find(Found {
                field,
                kind: ProblemKind::Duplicate,
                why: &|| {
                    let who = match twin {
                        Some(_) => "the same person twice",
                        None => "two people who share it",
                    };
                    let cell = cell_of(meta, field, row);
                    format!("stands in {cell} of \"{}\" as well: {who}", meta.title)
                },
            });
            if twin.is_none() {
                seen.others.insert((contact, name), here);
            }
        }
    }
}

impl Seen {
    /// The place of a row among those that were looked at.
    fn row(&mut self, spot: &Spot<'_>) -> u32 {
        let place = |count: usize| u32::try_from(count).expect("Google allows ten million cells");
        if self.tabs.last() != Some(spot.tab) {
            self.tabs.push(spot.tab.clone());
        }
        self.rows.push((place(self.tabs.len() - 1), spot.row));
        place(self.rows.len() - 1)
    }
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
