//! From records and the journal to the deals that figures are made of.

use std::collections::{BTreeSet, HashMap};

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::commands::allow::Sight;
use crate::commands::{Answer, Desk};
use crate::core::insight::{Deal, Flaws, Frame, Move, path};
use crate::core::record::{Kind, Record, RecordId};
use crate::core::sheet::{Typed, Value};
use crate::store::journal::{Moved, What};
use crate::store::keys::prefix;

/// The fields that figures look at; reading the others would only take time.
const FIELDS: [&str; 5] = ["owner", "source", "budget", "received", "appointment"];

/// A line of the journal, without its words but for those that matter.
#[derive(Deserialize)]
struct Line {
    at: Timestamp,
    #[serde(default)]
    record: Option<RecordId>,
    what: What,
    text: String,
    #[serde(default)]
    stages: Option<(Option<String>, String)>,
    #[serde(default)]
    moved: Option<Moved>,
}

/// What the journal says of one record.
#[derive(Default)]
struct Told {
    moves: Vec<Move>,
    /// The first sign that somebody has dealt with the customer.
    reacted: Option<Timestamp>,
}

/// Who is in charge by a cell, and whether whoever asks sees their customers.
#[derive(Clone, Default)]
struct Charge {
    owner: Option<String>,
    known: bool,
    sees: bool,
}

/// What is kept while the records pass.
pub(super) struct Gather<'a> {
    desk: &'a Desk,
    frame: &'a Frame,
    sight: Sight,
    now: Timestamp,
    told: HashMap<RecordId, Told>,
    charges: HashMap<Vec<String>, Charge>,
    /// The tabs of customers that are read, and the workbooks.
    tabs: BTreeSet<(String, i64)>,
    books: BTreeSet<String>,
    watched_since: Option<Timestamp>,
}

impl<'a> Gather<'a> {
    pub(super) fn new(
        desk: &'a Desk,
        frame: &'a Frame,
        sight: Sight,
        now: Timestamp,
    ) -> Answer<Self> {
        let mut gather = Self {
            desk,
            frame,
            sight,
            now,
            told: HashMap::new(),
            charges: HashMap::new(),
            tabs: BTreeSet::new(),
            books: BTreeSet::new(),
            watched_since: None,
        };
        for (workbook, tab) in desk.tabs_read()? {
            if tab.kind == Some(Kind::Customer) {
                let first = gather.watched_since.unwrap_or(Timestamp::MAX);
                gather.watched_since = Some(first.min(tab.baseline_at));
                gather.books.insert(workbook.clone());
                gather.tabs.insert((workbook, tab.sheet));
            }
        }
        gather.read_journal()?;
        Ok(gather)
    }

    /// Since when the first of the tabs has been read.
    pub(super) fn watched_since(&self) -> Option<Timestamp> {
        self.watched_since
    }

    /// Shows every deal, with whether whoever asks may see it.
    pub(super) fn each(&mut self, mut show: impl FnMut(&Deal, bool)) -> Answer<()> {
        for record in self.desk.roster.store().records() {
            let record = record?;
            if record.kind != Kind::Customer || !self.is_read(&record) {
                continue;
            }
            let (deal, sees) = self.deal(&record)?;
            show(&deal, sees);
        }
        Ok(())
    }

    /// Whether a record is of what the configuration names: a row that is there by its tab, one that is gone by
    /// its workbook, for its tab may be gone with it.
    fn is_read(&self, record: &Record) -> bool {
        let place = &record.place;
        match record.gone {
            Some(_) => self.books.contains(&place.workbook),
            None => self.tabs.contains(&(place.workbook.clone(), place.sheet)),
        }
    }

    fn read_journal(&mut self) -> Answer<()> {
        for entry in self.desk.roster.store().scan::<Line>(prefix::JOURNAL) {
            let (_, line) = entry?;
            let Some(record) = &line.record else { continue };
            let reaction = is_reaction(&line);
            let step = self.step(&line);
            if !reaction && step.is_none() {
                continue;
            }
            let told = self.told.entry(record.clone()).or_default();
            if reaction && told.reacted.is_none() {
                // A stage is seen a little before it settles.
                told.reacted = Some(line.moved.as_ref().map_or(line.at, |moved| moved.at));
            }
            told.moves.extend(step);
        }
        Ok(())
    }

    /// A line as a move between stages that the configuration still has.
    fn step(&self, line: &Line) -> Option<Move> {
        let (from, to) = line.stages.as_ref()?;
        let moved = line.moved.as_ref();
        let directory = self.sight.directory();
        Some(Move {
            at: moved.map_or(line.at, |moved| moved.at),
            from: from.as_ref().and_then(|from| self.frame.stage(from)),
            since: moved.and_then(|moved| moved.since),
            to: self.frame.stage(to)?,
            owner: moved.and_then(|moved| moved.owner.as_deref()).map(|owner| {
                let person = directory.find(owner);
                person.map_or_else(|| owner.to_owned(), |person| person.name.clone())
            }),
        })
    }

    fn deal(&mut self, record: &Record) -> Answer<(Deal, bool)> {
        let roster = &self.desk.roster;
        let (workbook, cells) = (&record.place.workbook, &record.seen);
        let typed = roster.typed_of(record.kind, workbook, cells, |id| FIELDS.contains(&id))?;
        let charge = self.charge(record, &typed)?;
        let told = self.told.remove(&record.id).unwrap_or_default();
        let stage = record.stage.as_ref().and_then(|id| self.frame.stage(id));
        let came = self.came(record, &typed);
        let roster = &self.desk.roster;
        let deal = Deal {
            spells: path(&told.moves, stage, record.stage_since),
            came,
            watched: !record.baseline && came == Some(record.first_seen),
            first_seen: record.first_seen,
            gone: record.gone,
            owner: charge.owner.clone(),
            source: text(&typed, "source"),
            budget: budget(&typed),
            reacted: told.reacted.filter(|at| *at >= record.first_seen),
            engagement: roster
                .engagement(record, typed.values.get("appointment"), self.now)
                .filter(|_| record.gone.is_none()),
            waits: charge.sees && self.waits(record)?,
            flaws: Flaws {
                contact: !cells.contains_key("phone") && !cells.contains_key("email"),
                stage: stage.is_none(),
                owner: !charge.known,
                budget: !typed.values.contains_key("budget"),
                source: !typed.values.contains_key("source"),
            },
        };
        Ok((deal, charge.sees))
    }

    /// When a customer came. A row that was there at the first look, or of an old list that was pasted, came on
    /// its day of receipt; one that is still half typed has not come yet.
    fn came(&self, record: &Record, typed: &Typed) -> Option<Timestamp> {
        let config = self.desk.roster.config();
        let midnight = |date: Date| config.calendar.at_local(date, Time::midnight());
        let received = match typed.values.get("received") {
            Some(Value::Date(when)) => Some(midnight(when.date)),
            _ => None,
        };
        if record.baseline {
            return received.filter(|at| *at <= record.first_seen);
        }
        record.settled.as_ref()?;
        let fresh = config.leads_fresh.duration() + SignedDuration::from_hours(24);
        let old = received.filter(|at| record.first_seen.duration_since(*at) > fresh);
        Some(old.unwrap_or(record.first_seen))
    }

    fn charge(&mut self, record: &Record, typed: &Typed) -> Answer<Charge> {
        let names = match typed.private.contains("owner") {
            true => Vec::new(),
            false => self.desk.roster.owners_in(&record.id, typed)?,
        };
        if let Some(charge) = self.charges.get(&names) {
            return Ok(charge.clone());
        }
        let seen = self.sight.seen(&names);
        let charge = Charge {
            known: !self.sight.directory().owners(&names).is_empty(),
            sees: seen.is_some(),
            // Nobody of the company: as the sheet writes it.
            owner: seen.flatten().or_else(|| names.first().cloned()),
        };
        self.charges.insert(names, charge.clone());
        Ok(charge)
    }

    /// The facts of a record are dear: they are put together only where a rule's time has come.
    fn waits(&self, record: &Record) -> Answer<bool> {
        if record.gone.is_some() || !self.desk.may_wait(record, self.now) {
            return Ok(false);
        }
        let facts = self.desk.roster.facts(record, &Json::Null, self.now)?;
        Ok(self.desk.waits_by(record, &facts, self.now))
    }
}

/// A cell that staff changed, or a button that says it is done. Another owner in the cell is no reaction of
/// anybody, nor is a reminder that was put off.
fn is_reaction(line: &Line) -> bool {
    match line.what {
        What::Changed => line.text != "changed: owner",
        What::Hand => !line.text.contains(" off to "),
        What::Baseline
        | What::Edit
        | What::Added
        | What::Removed
        | What::Returned
        | What::Rule
        | What::Held
        | What::Message
        | What::OptOut => false,
    }
}

fn text(typed: &Typed, field: &str) -> Option<String> {
    match typed.values.get(field) {
        Some(Value::Text(text)) if !typed.private.contains(field) => Some(text.clone()),
        _ => None,
    }
}

/// The middle of a range, or the end that is known.
fn budget(typed: &Typed) -> Option<i64> {
    match typed.values.get("budget") {
        Some(Value::Money(money)) if !typed.private.contains("budget") => {
            match (money.min, money.max) {
                (Some(min), Some(max)) => Some(min.midpoint(max)),
                (one, other) => one.or(other),
            }
        }
        _ => None,
    }
}
