//! Whether a customer is in the segment of a campaign.
//!
//! Words are compared folded, as whole words within a cell, with the synonyms of `[aliases.*]`;
//! budgets as intervals that must overlap; stages by the one that clocks go by; the condition in the
//! language of the rules. Who of those in the segment gets a mail is for [`super::audience`].

mod memo;
mod synonyms;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::problem::Said;
use super::{Budget, Choice, Dealing, Definition, Whom};
use crate::core::condition::Condition;
use crate::core::facts::{FactsInput, RecordFacts, facts};
use crate::core::insight::engagement::Course;
use crate::core::record::{Cells, Record};
use crate::core::sheet::typed::typed;
use crate::core::sheet::{Schema, date};

pub(crate) use memo::MOST_WORDS;
pub use memo::Memo;
pub use synonyms::Synonyms;

use memo::{Looked, Reader};

/// Columns of a tab and the words around a record, as the facts need them: one for all rows of a tab.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Header text by field id.
    pub headers: BTreeMap<String, String>,
    /// Ids of the fields that are private.
    pub private: BTreeSet<String>,
    /// Label by stage id.
    pub stage_labels: BTreeMap<String, String>,
    /// The order of the stages, for how lively a contact is.
    pub course: Course,
    /// `[company]` as an object, or null.
    pub company: Value,
    /// Title of the tab.
    pub tab: String,
}

/// One customer's row, with everything that judging it depends on.
#[derive(Clone, Copy, Debug)]
pub struct Customer<'a> {
    /// The record.
    pub record: &'a Record,
    /// Its cells as they count: as last seen.
    pub cells: &'a Cells,
    /// Where its row stands now; the sheet's own number.
    pub row: u32,
    /// How its cells are read.
    pub schema: &'a Schema,
    /// What is around it.
    pub surroundings: &'a Surroundings,
}

/// What the store knows of a person's past.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Ids of the stages that any record of the person has ever been in.
    pub reached: BTreeSet<String>,
    /// When a mail of ours last went to the person.
    pub mailed: Option<Timestamp>,
}

/// What keeps a customer out of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// Another stage.
    Stage,
    /// Another kind of property.
    Interest,
    /// Another area.
    Area,
    /// Another project.
    Project,
    /// Another source.
    Source,
    /// Somebody else's customer.
    Owner,
    /// Another budget, or none.
    Budget,
    /// What there has been before, or has not.
    Dealings,
    /// The free condition is not true.
    Condition,
    /// The free condition cannot be evaluated for this row.
    Broken,
}

impl Criterion {
    /// As people say it.
    pub fn said(self) -> Said {
        match self {
            Self::Stage => Said::new("khác giai đoạn", "another stage"),
            Self::Interest => Said::new("khác loại bất động sản", "another kind of property"),
            Self::Area => Said::new("khác khu vực", "another area"),
            Self::Project => Said::new("khác dự án", "another project"),
            Self::Source => Said::new("khác nguồn", "another source"),
            Self::Owner => Said::new("khác người phụ trách", "another person in charge"),
            Self::Budget => Said::new("ngân sách không phù hợp", "the budget does not fit"),
            Self::Dealings => Said::new(
                "giao dịch trước đây không phù hợp",
                "earlier dealings do not fit",
            ),
            Self::Condition => Said::new("không thoả điều kiện riêng", "the condition is not true"),
            Self::Broken => Said::new(
                "điều kiện riêng không tính được với dòng này",
                "the condition cannot be worked out for this row",
            ),
        }
    }

    /// The column of the campaign that says it.
    pub fn column(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Interest => "interest",
            Self::Area => "area",
            Self::Project => "project",
            Self::Source => "source",
            Self::Owner => "owner",
            Self::Budget => "budget",
            Self::Dealings => "dealings",
            Self::Condition | Self::Broken => "condition",
        }
    }
}

/// Whether a customer is in, and which text is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// In the segment.
    In {
        /// Which of the campaign's texts, counted from 0; none if every text is for some other group.
        variant: Option<usize>,
    },
    /// Not in it, and the first thing that speaks against it.
    Out(Criterion),
}

/// A campaign's segment, ready for half a million rows.
#[derive(Clone, Debug)]
pub struct Segment {
    whom: Compiled,
    /// The groups of the variants in their order; none for the one that is for everybody else.
    groups: Vec<Option<Compiled>>,
    now: Timestamp,
}

/// A [`Whom`] as it is judged by.
#[derive(Clone, Debug)]
struct Compiled {
    stages: Choice,
    words: Vec<Words>,
    budget: Option<Budget>,
    dealings: Vec<Dealing>,
    condition: Option<Condition>,
    /// The top-level names of the facts that the condition uses.
    names: BTreeSet<String>,
}

/// The words of one field.
#[derive(Clone, Debug)]
struct Words {
    criterion: Criterion,
    reader: Reader,
    /// How many of the words are wanted; the others are not.
    wanted: u32,
    has_unwanted: bool,
}

impl Segment {
    /// Compiles a definition that was read without problems.
    ///
    /// # Errors
    /// What is wrong with a condition, in English: one that was read by another version of the program.
    pub fn new(
        definition: &Definition,
        synonyms: &Synonyms,
        now: Timestamp,
    ) -> Result<Self, String> {
        let mut readers = 0;
        let mut compile = |whom: &Whom| Compiled::new(whom, synonyms, &mut readers);
        let groups = definition
            .variants
            .iter()
            .map(|variant| variant.group.as_ref().map(&mut compile).transpose())
            .collect::<Result<_, _>>()?;
        Ok(Self {
            whom: compile(&definition.whom)?,
            groups,
            now,
        })
    }

    /// The time by which days are counted.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Whether anything in it asks for a person's past: without that the store need not be asked.
    pub fn asks_for_history(&self) -> bool {
        let asks = |whom: &Compiled| {
            whom.dealings
                .iter()
                .any(|dealing| !matches!(dealing, Dealing::New { .. }))
        };
        asks(&self.whom) || self.groups.iter().flatten().any(asks)
    }

    /// Judges one customer. `history` is asked only where an answer depends on it; `memo` keeps what
    /// was found out about cells that say the same, and which words were met at all.
    ///
    /// # Errors
    /// Those of `history`.
    pub fn judge<E>(
        &self,
        customer: &Customer<'_>,
        memo: &mut Memo,
        mut history: impl FnMut() -> Result<History, E>,
    ) -> Result<Verdict, E> {
        let mut past = Past {
            known: None,
            ask: &mut history,
        };
        let out = self.whom.against(customer, self.now, memo, &mut past)?;
        // The words of the groups are looked at for every row, so that one which nobody has is found.
        let mut variant = None;
        for (number, group) in self.groups.iter().enumerate() {
            let fits = match group {
                None => true,
                Some(group) if out.is_none() && variant.is_none() => group
                    .against(customer, self.now, memo, &mut past)?
                    .is_none(),
                Some(group) => {
                    group.meet(customer, memo);
                    false
                }
            };
            if fits && variant.is_none() {
                variant = Some(number);
            }
        }
        Ok(match out {
            Some(criterion) => Verdict::Out(criterion),
            None => Verdict::In { variant },
        })
    }

    /// Every word of the segment and its groups that no row had, with what was perhaps meant: the
    /// number of the variant whose group says it (none: the segment itself), the criterion, the word.
    pub fn unmet(&self, memo: &Memo) -> Vec<(Option<usize>, Criterion, Unmet)> {
        let own = self
            .whom
            .unmet(memo)
            .map(|(what, unmet)| (None, what, unmet));
        let groups = self.groups.iter().enumerate().flat_map(|(number, group)| {
            group
                .iter()
                .flat_map(|group| group.unmet(memo))
                .map(move |(what, unmet)| (Some(number), what, unmet))
                .collect::<Vec<_>>()
        });
        own.chain(groups).collect()
    }
}

/// A word that no row has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// As the author wrote it.
    pub word: String,
    /// What some row has, if it is near.
    pub near: Option<String>,
}

/// A person's past, asked for once.
struct Past<'p, E> {
    known: Option<History>,
    ask: &'p mut dyn FnMut() -> Result<History, E>,
}

impl<E> Past<'_, E> {
    fn get(&mut self) -> Result<&History, E> {
        if self.known.is_none() {
            self.known = Some((self.ask)()?);
        }
        // Filled above.
        Ok(self.known.get_or_insert_with(History::default))
    }
}

impl Compiled {
    fn new(whom: &Whom, synonyms: &Synonyms, readers: &mut usize) -> Result<Self, String> {
        let choices = [
            (Criterion::Interest, &whom.interests),
            (Criterion::Area, &whom.areas),
            (Criterion::Project, &whom.projects),
            (Criterion::Source, &whom.sources),
            (Criterion::Owner, &whom.owners),
        ];
        let words = choices
            .into_iter()
            .filter(|(_, choice)| !choice.is_empty())
            .map(|(criterion, choice)| {
                let number = *readers;
                *readers += 1;
                Words {
                    criterion,
                    reader: Reader::new(number, criterion, choice, synonyms),
                    wanted: u32::try_from(choice.any.len()).unwrap_or(u32::MAX),
                    has_unwanted: !choice.none.is_empty(),
                }
            })
            .collect();
        let condition = whom
            .condition
            .as_deref()
            .map(Condition::parse)
            .transpose()?;
        Ok(Self {
            stages: whom.stages.clone(),
            words,
            budget: whom.budget,
            dealings: whom.dealings.clone(),
            names: condition.as_ref().map(Condition::names).unwrap_or_default(),
            condition,
        })
    }

    fn against<E>(
        &self,
        customer: &Customer<'_>,
        now: Timestamp,
        memo: &mut Memo,
        past: &mut Past<'_, E>,
    ) -> Result<Option<Criterion>, E> {
        let mut out = None;
        for words in &self.words {
            let looked = memo.look(&words.reader, customer.cells);
            if !words.fits(looked) {
                out = out.or(Some(words.criterion));
            }
        }
        if !self.fits_stage(customer) {
            return Ok(Some(Criterion::Stage));
        }
        if out.is_some() {
            return Ok(out);
        }
        if let Some(wanted) = self.budget {
            match memo.budget(customer.cells) {
                Some(budget) if wanted.overlaps(budget) => {}
                _ => return Ok(Some(Criterion::Budget)),
            }
        }
        for dealing in &self.dealings {
            if !had(dealing, customer, now, past)? {
                return Ok(Some(Criterion::Dealings));
            }
        }
        Ok(self.condition.as_ref().and_then(|condition| {
            match condition.holds(&customer.facts_for(&self.names, now)) {
                Ok(true) => None,
                Ok(false) => Some(Criterion::Condition),
                Err(_) => Some(Criterion::Broken),
            }
        }))
    }

    /// Only notes which words the row has.
    fn meet(&self, customer: &Customer<'_>, memo: &mut Memo) {
        for words in &self.words {
            memo.look(&words.reader, customer.cells);
        }
    }

    fn fits_stage(&self, customer: &Customer<'_>) -> bool {
        let stage = customer.record.stage.as_deref();
        let is = |ids: &[String]| stage.is_some_and(|stage| ids.iter().any(|id| id == stage));
        (self.stages.any.is_empty() || is(&self.stages.any)) && !is(&self.stages.none)
    }

    fn unmet<'a>(&'a self, memo: &'a Memo) -> impl Iterator<Item = (Criterion, Unmet)> + 'a {
        self.words.iter().flat_map(|words| {
            memo.unmet(&words.reader)
                .into_iter()
                .map(|unmet| (words.criterion, unmet))
        })
    }
}

impl Words {
    /// Whether a cell with these words in it fits: one of the wanted, none of the unwanted.
    fn fits(&self, looked: Looked) -> bool {
        let wanted = (1_u64 << self.wanted.min(63)) - 1;
        (self.wanted == 0 || looked.0 & wanted != 0)
            && !(self.has_unwanted && looked.0 & !wanted != 0)
    }
}

fn had<E>(
    dealing: &Dealing,
    customer: &Customer<'_>,
    now: Timestamp,
    past: &mut Past<'_, E>,
) -> Result<bool, E> {
    Ok(match dealing {
        Dealing::Reached { stages, ever } => {
            let reached = customer.has_reached(stages) || {
                let history = past.get()?;
                stages.iter().any(|stage| history.reached.contains(stage))
            };
            reached == *ever
        }
        Dealing::Mailed { days, within } => {
            let mailed = past.get()?.mailed;
            mailed.is_some_and(|at| at > days_before(now, *days)) == *within
        }
        Dealing::New { days, within } => {
            let edge = days_before(now, *days);
            match (customer.since(), within) {
                (Since::At(at), within) => (at > edge) == *within,
                // Already there when the workbook was first read: older than that, nobody knows how much.
                (Since::Before(_), true) => false,
                (Since::Before(at), false) => at <= edge,
            }
        }
    })
}

fn days_before(now: Timestamp, days: u32) -> Timestamp {
    now.saturating_sub(SignedDuration::from_hours(24 * i64::from(days)))
        .unwrap_or(Timestamp::MIN)
}

/// Since when somebody is a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Since then.
    At(Timestamp),
    /// Since some time before.
    Before(Timestamp),
}

impl Customer<'_> {
    /// Since when: the day of receipt if the row has one, else when the row was first seen.
    pub fn since(&self) -> Since {
        let received = self.cells.get("received").and_then(|cell| {
            let when = date::read(cell, &self.schema.locale, &self.schema.zone).value()?;
            let at = when.date.to_datetime(when.time.unwrap_or_default());
            at.to_zoned(self.schema.zone.clone()).ok()
        });
        match received {
            Some(at) => Since::At(at.timestamp()),
            None if self.record.baseline => Since::Before(self.record.first_seen),
            None => Since::At(self.record.first_seen),
        }
    }

    /// Whether the row itself shows that it has been in one of the stages: it is now, or a column
    /// that is named for the stage has a date.
    fn has_reached(&self, stages: &[String]) -> bool {
        let now = self.record.stage.as_deref();
        if now.is_some_and(|stage| stages.iter().any(|one| one == stage)) {
            return true;
        }
        self.schema.fields.iter().any(|field| {
            field
                .since
                .as_ref()
                .is_some_and(|since| stages.contains(since))
                && self
                    .cells
                    .get(field.id.as_str())
                    .and_then(|cell| {
                        date::read(cell, &self.schema.locale, &self.schema.zone).value()
                    })
                    .is_some()
        })
    }

    /// The facts of the row (see [`crate::core::facts`]), of which only those under the names in question
    /// are sure to be filled: reading every cell of half a million rows takes its time.
    pub fn facts_for(&self, names: &BTreeSet<String>, now: Timestamp) -> Value {
        let wanted = |field: &str| {
            let derived = match field {
                "name" => ["greeting", "pronoun"].as_slice(),
                "phone" => &["phone_e164", "phones"],
                "email" => &["emails"],
                "owner" => &["owners"],
                "appointment" => &["engagement", "cooling"],
                _ => &[],
            };
            names.contains(field) || derived.iter().any(|name| names.contains(*name))
        };
        let cells: Cow<'_, Cells> = if names.contains("cells") {
            Cow::Borrowed(self.cells)
        } else {
            let some = self.cells.iter().filter(|(id, _)| wanted(id));
            Cow::Owned(some.map(|(id, cell)| (id.clone(), cell.clone())).collect())
        };
        let typed = typed(&cells, self.schema);
        let today = now.to_zoned(self.schema.zone.clone()).date();
        let engagement = self.surroundings.course.engagement(
            self.record,
            typed.values.get("appointment"),
            today,
            now,
        );
        let values = typed
            .values
            .iter()
            .map(|(field, value)| (field.clone(), json!(value)))
            .collect();
        facts(&FactsInput {
            record: Some(RecordFacts {
                id: &self.record.id,
                cells: &cells,
                values: &values,
                stage: self.record.stage.as_deref(),
                stage_since: self.record.stage_since,
                engagement,
                row: self.row,
                tab: &self.surroundings.tab,
                sheet_url: None,
            }),
            headers: &self.surroundings.headers,
            private: &self.surroundings.private,
            stage_labels: &self.surroundings.stage_labels,
            now,
            zone: &self.schema.zone,
            company: &self.surroundings.company,
            event: &Value::Null,
            extra: BTreeMap::new(),
        })
    }
}

#[cfg(test)]
mod tests;
