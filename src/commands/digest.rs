//! The facts of a digest: what managers read in the morning, and whenever they ask for it.

mod now;

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::allow::Sight;
use super::customers::{Seen, name_of, text};
use super::problems::ProblemKind;
use super::records::Spot;
use super::{Answer, Desk, Right, Who, paused_list};
use crate::config::{Language, TabKind};
use crate::core::delivery::State;
use crate::core::facts::digest::{
    CellToMend, DigestFacts, Due, Held, Move, StageCount, Waiting, WaitingRecord,
};
use crate::core::facts::local_text;
use crate::core::message::Message;
use crate::core::record::{Kind, Record};
use crate::core::rule::{Rule, Trigger};
use crate::core::sheet::fold::fold;
use crate::roster::{Glimpse, sheet_url};
use crate::store::journal::{Entry, What};
use crate::store::keys::prefix;

pub use now::{DigestMade, DigestQueued};

/// What a digest looks back on.
const LOOKS_BACK: SignedDuration = SignedDuration::from_hours(24);
/// A sheet that was not read for so long makes its numbers old.
const STALE_AFTER: SignedDuration = SignedDuration::from_mins(30);
/// Customers named of one salesperson, and dates of today.
const NAMED: usize = 5;
const DUE_NAMED: usize = 30;
/// Cells to mend that are named, and problems among which they are looked for.
const MENDS_NAMED: usize = 3;
const MENDS_LOOKED_AT: usize = 50;

impl Desk {
    /// The digest for somebody who asks for it.
    ///
    /// # Errors
    /// The role, the disk.
    pub fn digest_for(&self, who: &Who, now: Timestamp) -> Answer<DigestFacts> {
        self.must_all(who, Right::Digest)?;
        self.digest(now)
    }

    /// What managers read: every number of the customers that exist now, what moved in the last 24 hours,
    /// what is due today, who waits too long. For whoever asks for it.
    ///
    /// # Errors
    /// The disk.
    pub fn digest(&self, now: Timestamp) -> Answer<DigestFacts> {
        let since = now
            .saturating_sub(LOOKS_BACK)
            .unwrap_or(Timestamp::UNIX_EPOCH);
        self.digest_of(since, now)
    }

    /// The same of what happened since a time: a schedule's digest begins where the one before ended.
    ///
    /// # Errors
    /// The disk.
    pub(super) fn digest_of(&self, since: Timestamp, now: Timestamp) -> Answer<DigestFacts> {
        const KINDS: [ProblemKind; 3] = [
            ProblemKind::Unreadable,
            ProblemKind::Incomplete,
            ProblemKind::Owner,
        ];
        let findings = self.look_through(None, MENDS_LOOKED_AT, now)?;
        let mut facts = DigestFacts {
            since: self.wall(since),
            ambiguous: findings.ambiguous,
            unclear: self.unclear_for_digest()?,
            work: self.work_since(since)?,
            problems: findings.count(&KINDS),
            mend: findings
                .problems
                .iter()
                .filter(|problem| KINDS.contains(&problem.kind))
                .take(MENDS_NAMED)
                .map(|problem| CellToMend {
                    tab: problem.tab.clone(),
                    cell: problem.cell.clone(),
                    url: problem.url.clone(),
                })
                .collect(),
            trial: self.roster.config().trial.is_some(),
            held: self.digest_held()?,
            paused: self.digest_paused()?,
            stale_since: self.stale_since(now),
            ..DigestFacts::default()
        };
        self.count_customers(&mut facts, since, now)?;
        let sight = self.sight(&Who::CommandLine, Right::Customers)?;
        facts
            .due_today
            .extend(self.appointments_today(&sight, now)?);
        facts
            .due_today
            .sort_by(|a, b| (&a.at, &a.name).cmp(&(&b.at, &b.name)));
        facts.due_today.truncate(DUE_NAMED);
        self.count_moves(&mut facts, since)?;
        self.count_messages(&mut facts, since)?;
        Ok(facts)
    }

    fn wall(&self, at: Timestamp) -> String {
        local_text(
            at.to_zoned(self.roster.config().calendar.zone.clone())
                .datetime(),
        )
    }

    pub(super) fn today(&self, now: Timestamp) -> Date {
        now.to_zoned(self.roster.config().calendar.zone.clone())
            .date()
    }

    /// Stages, new ones, dates of today and who waits.
    fn count_customers(
        &self,
        facts: &mut DigestFacts,
        since: Timestamp,
        now: Timestamp,
    ) -> Answer<()> {
        let config = self.roster.config();
        facts.stages = config
            .stages
            .iter()
            .map(|stage| StageCount {
                id: stage.id.clone(),
                label: stage.label.clone(),
                ..StageCount::default()
            })
            .collect();
        let mut waiting: BTreeMap<Option<String>, Vec<WaitingRecord>> = BTreeMap::new();
        let sight = self.sight(&Who::CommandLine, Right::Customers)?;
        self.each_customer(now, |seen| {
            facts.total += 1;
            let stage = facts
                .stages
                .iter()
                .position(|stage| seen.record.stage.as_ref() == Some(&stage.id));
            match stage {
                Some(at) => {
                    facts.stages[at].count += 1;
                    if let Some(days) = seen.facts["stage_days"].as_u64() {
                        facts.stages[at].add_age(days);
                        facts.aged += 1;
                    }
                }
                None => facts.no_stage += 1,
            }
            let fresh = seen.record.first_seen >= since;
            facts.new += u32::from(fresh && !seen.record.baseline && seen.record.settled.is_some());
            // Said once: in the digest that follows the first look.
            facts.unknown_age += u32::from(
                fresh && seen.record.stage.is_some() && seen.record.stage_since.is_none(),
            );
            facts.due_today.extend(self.dates_today(seen, now));
            if self.waits(seen, now) {
                let owner = sight.owners(&seen.facts).into_iter().next();
                waiting.entry(owner).or_default().push(WaitingRecord {
                    name: name_of(&seen.facts),
                    stage: text(&seen.facts["stage_label"]),
                    days: u32::try_from(self.days_since(seen.record.active_at, now)).unwrap_or(0),
                    url: text(&seen.facts["sheet_url"]),
                });
            }
            Ok(())
        })?;
        facts.waiting = waiting
            .into_iter()
            .map(|(owner, records)| longest_first(owner, records))
            .collect();
        facts
            .waiting
            .sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.owner.cmp(&b.owner)));
        Ok(())
    }

    /// Whether an idle rule would say by now that this customer has waited too long.
    pub(super) fn waits(&self, seen: &Seen, now: Timestamp) -> bool {
        self.waits_by(&seen.record, &seen.facts, now)
    }

    /// The same with the facts apart.
    pub(super) fn waits_by(&self, record: &Record, facts: &Json, now: Timestamp) -> bool {
        self.idle_rules(record, now).any(|rule| wanted(rule, facts))
    }

    /// Whether an idle rule's time has come, whatever its condition says.
    pub(super) fn may_wait(&self, record: &Record, now: Timestamp) -> bool {
        self.idle_rules(record, now).next().is_some()
    }

    fn idle_rules<'a>(
        &'a self,
        record: &'a Record,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a Rule> {
        let config = self.roster.config();
        config.rules.iter().filter(move |rule| match &rule.on {
            Trigger::Idle { stage, after, .. } => {
                record.stage.as_ref() == Some(stage)
                    && config.calendar.add_working(record.active_at, *after) <= now
            }
            Trigger::Added
            | Trigger::Changed { .. }
            | Trigger::Removed
            | Trigger::Stage { .. }
            | Trigger::Date { .. }
            | Trigger::Schedule(_) => false,
        })
    }

    /// The appointment, and the dates that rules go by, if they are today.
    pub(super) fn dates_today(&self, seen: &Seen, now: Timestamp) -> Vec<Due> {
        let today = self.today(now);
        let mut fields: BTreeMap<&str, bool> = BTreeMap::from([("appointment", false)]);
        for rule in &self.roster.config().rules {
            if let Trigger::Date { field, yearly, .. } = &rule.on
                && field != "appointment"
                && wanted(rule, &seen.facts)
            {
                fields.insert(field, *yearly);
            }
        }
        let on_today = |value: &str, yearly: bool| {
            let date: Option<Date> = value.get(..10).and_then(|date| date.parse().ok());
            date.is_some_and(|date| {
                date == today
                    || (yearly && date.month() == today.month() && date.day() == today.day())
            })
        };
        let due = fields.into_iter().filter_map(|(field, yearly)| {
            let value = seen.facts[field]
                .as_str()
                .filter(|value| on_today(value, yearly))?;
            Some(Due {
                at: if yearly {
                    today.to_string()
                } else {
                    value.to_owned()
                },
                what: self.header_of(field),
                name: name_of(&seen.facts),
                owner: text(&seen.facts["owner"]),
                url: text(&seen.facts["sheet_url"]),
                record: Some(seen.record.id.to_string()),
            })
        });
        due.collect()
    }

    /// What a field's column is called.
    pub(super) fn header_of(&self, field: &str) -> String {
        let fields = &self.roster.config().fields;
        let known = fields.iter().find(|spec| spec.id == field);
        known
            .and_then(|spec| spec.headers.first().cloned())
            .unwrap_or_else(|| field.to_owned())
    }

    /// Rows of appointment tabs whose time is today and that were not called off, as far as somebody sees them.
    pub(super) fn appointments_today(&self, sight: &Sight, now: Timestamp) -> Answer<Vec<Due>> {
        let today = self.today(now);
        let is_today = |row: &Glimpse<'_>| row.days().any(|day| day == Some(today));
        let ids = self.survey(sight, |survey| {
            let rows = survey.of_kind(Kind::Appointment);
            Ok(Self::ids_of(rows.filter(is_today)))
        })?;
        let mut found = Vec::new();
        for id in ids {
            let Some(record) = self.as_it_stands(&id)? else {
                continue;
            };
            let (workbook, sheet) = (&record.place.workbook, record.place.sheet);
            if let Some(tab) = self.roster.tab(workbook, sheet)? {
                let spot = Spot {
                    workbook,
                    tab: &tab,
                    row: record.place.row,
                };
                found.extend(self.appointment(spot, &record, sight, &today.to_string())?);
            }
        }
        Ok(found)
    }

    fn appointment(
        &self,
        spot: Spot<'_>,
        record: &Record,
        sight: &Sight,
        today: &str,
    ) -> Answer<Option<Due>> {
        let typed = self
            .roster
            .typed(record.kind, spot.workbook, &record.seen)?;
        let values = typed.values.iter();
        let values: BTreeMap<_, _> = values
            .map(|(field, value)| (field.clone(), json!(value)))
            .collect();
        let mut facts = json!(values);
        let owners = self.roster.owners_in(&record.id, &typed)?;
        let at = facts["appointment"].as_str().map(str::to_owned);
        let state = facts["state"].as_str().unwrap_or_default();
        let takes_place = !self.called_off(spot.workbook, &spot.tab.title, state);
        facts["owner"] = json!(owners);
        let sees = sight.covers(&json!({ "owners": facts["owner"] }));
        let at = at.filter(|at| at.starts_with(today) && sees && takes_place);
        Ok(at.map(|at| Due {
            at,
            what: spot
                .tab
                .bound
                .get("appointment")
                .map_or_else(|| "appointment".to_owned(), |(_, header)| header.clone()),
            name: name_of(&facts),
            owner: owners.into_iter().next(),
            url: Some(sheet_url(spot.workbook, spot.tab.sheet, spot.row)),
            record: Some(record.id.to_string()),
        }))
    }

    /// Whether the state column of an appointments tab says that it does not take place as written.
    fn called_off(&self, workbook: &str, title: &str, state: &str) -> bool {
        let book = self
            .roster
            .config()
            .workbooks
            .iter()
            .find(|book| book.id == workbook);
        let Some(TabKind::Appointments { cancelled, .. }) =
            book.and_then(|book| book.tab(title)).map(|tab| &tab.kind)
        else {
            return false;
        };
        let state = fold(state);
        cancelled
            .iter()
            .map(|word| fold(word))
            .any(|word| !word.is_empty() && state.contains(&word))
    }

    fn digest_held(&self) -> Answer<Vec<Held>> {
        let vietnamese = self.language() == Language::Vi;
        self.held_batches()?
            .into_iter()
            .filter(|held| held.decision.is_none())
            .map(|held| {
                let why = if vietnamese {
                    held.shown.vietnamese()
                } else {
                    held.text.clone()
                };
                Ok(Held {
                    tab: self.workbook_name(&held.workbook)?,
                    why: why.replace('\n', "; "),
                })
            })
            .collect()
    }

    fn digest_paused(&self) -> Answer<Vec<String>> {
        let vietnamese = self.language() == Language::Vi;
        let paused = paused_list(self.roster.store())?;
        Ok(paused
            .iter()
            .map(|paused| {
                if vietnamese {
                    paused.vietnamese()
                } else {
                    paused.english()
                }
            })
            .collect())
    }

    /// When the workbook that was read longest ago was last read, if that is long ago.
    fn stale_since(&self, now: Timestamp) -> Option<String> {
        let health = self.health.as_ref()?.snapshot();
        let ages = health
            .workbooks
            .values()
            .map(|book| book.last_good.unwrap_or(health.started_at));
        let oldest = ages.min()?;
        (now.duration_since(oldest) > STALE_AFTER).then(|| self.wall(oldest))
    }

    /// Moves from stage to stage, from the journal's end back to `since`.
    fn count_moves(&self, facts: &mut DigestFacts, since: Timestamp) -> Answer<()> {
        let labels = self.roster.stage_labels();
        let label = |id: &String| labels.get(id).unwrap_or(id).clone();
        let mut moves: BTreeMap<(Option<String>, String), u32> = BTreeMap::new();
        for entry in self
            .roster
            .store()
            .newest::<Entry>(prefix::JOURNAL, usize::MAX)
        {
            let (_, entry) = entry?;
            if entry.at < since {
                break;
            }
            if let (What::Changed, Some((from, to))) = (entry.what, &entry.stages) {
                *moves
                    .entry((from.as_ref().map(label), label(to)))
                    .or_default() += 1;
            }
        }
        facts.moved = moves
            .into_iter()
            .map(|((from, to), count)| Move { from, to, count })
            .collect();
        facts.moved.sort_by(|a, b| {
            b.count
                .cmp(&a.count)
                .then_with(|| (&a.from, &a.to).cmp(&(&b.from, &b.to)))
        });
        Ok(())
    }

    fn count_messages(&self, facts: &mut DigestFacts, since: Timestamp) -> Answer<()> {
        for entry in self.roster.store().scan_moving::<Message>(prefix::MESSAGE) {
            let (_, message) = entry?;
            let ended = message
                .attempts
                .last()
                .is_some_and(|attempt| attempt.at >= since);
            match message.state {
                State::Queued | State::InFlight => facts.queued += 1,
                State::InDoubt => facts.in_doubt += 1,
                State::Delivered => facts.sent += u32::from(ended),
                State::Rejected | State::Dead => facts.failed += u32::from(ended),
                State::Cancelled | State::Expired => {}
            }
        }
        Ok(())
    }
}

/// Whether a rule's condition is true; one that cannot be evaluated does not hide a customer.
fn wanted(rule: &Rule, facts: &Json) -> bool {
    rule.when
        .as_ref()
        .is_none_or(|when| when.holds(facts).unwrap_or(true))
}

fn longest_first(owner: Option<String>, mut records: Vec<WaitingRecord>) -> Waiting {
    records.sort_by(|a, b| b.days.cmp(&a.days).then_with(|| a.name.cmp(&b.name)));
    let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
    records.truncate(NAMED);
    Waiting {
        owner,
        count,
        records,
    }
}
