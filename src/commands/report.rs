//! The figures of a period: gathers what the store knows, for `core::insight` to reckon.
//!
//! Every record is looked at once, also removed ones, and only small values are kept of it: a report
//! over half a million rows may not need half a million rows of memory.

mod gather;

use std::time::Instant;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::{Answer, CommandError, Desk, ErrorKind, Right, Scope, Who, may};
use crate::core::calendar::Schedule;
use crate::core::facts::local_text;
use crate::core::insight::facts::InsightFacts;
use crate::core::insight::{Frame, Insight, Period, StageSpec, Tally};
use crate::core::people::Role;
use crate::core::rule::Trigger;
use gather::Gather;

impl Desk {
    /// The figures of a period, of the customers of whoever asks: managers see all, leaders their team, staff
    /// their own; marketing all, without names. `from` and `to` are ISO days, both inclusive; without them it
    /// is the month so far.
    ///
    /// # Errors
    /// The role, days that are none or the wrong way round, a period that is still to come, the disk.
    pub fn report(
        &self,
        from: Option<&str>,
        to: Option<&str>,
        who: &Who,
        now: Timestamp,
    ) -> Answer<Insight> {
        let period = self.period(from, to, now)?;
        let mut insights = self.insights(&[period], who, now)?;
        insights
            .pop()
            .ok_or_else(|| CommandError::plain(ErrorKind::NotFound, "no period was asked for"))
    }

    /// The same for an answer that may not take long: over many rows they may be some minutes old, which their
    /// `until` says.
    ///
    /// # Errors
    /// The role, the disk.
    pub fn insights_lately(
        &self,
        periods: &[Period],
        who: &Who,
        now: Timestamp,
    ) -> Answer<Vec<Insight>> {
        let question = self.question(periods, who);
        if let Some(found) = self.roster.said_lately(&question) {
            return Ok(found);
        }
        let began = Instant::now();
        let (insights, rows) = self.reckon(periods, who, now)?;
        self.roster
            .keep_lately(&question, insights.clone(), rows, began.elapsed());
        Ok(insights)
    }

    /// Whether [`Self::insights_lately`] has an answer that was reckoned a moment ago.
    pub fn figures_at_hand(&self, periods: &[Period], who: &Who) -> bool {
        let question = self.question(periods, who);
        self.roster.said_lately::<Vec<Insight>>(&question).is_some()
    }

    /// What figures are known by: who sees the same asks the same.
    fn question(&self, periods: &[Period], who: &Who) -> String {
        let scope = may(who, Right::Totals);
        let whose = match scope {
            Scope::All | Scope::Nothing => "",
            Scope::Own | Scope::Team => who.name(),
        };
        let names = !self.without_names(who);
        format!("{periods:?} {scope:?} {names} {whose}")
    }

    /// The figures of several periods, in their order, in one walk over the store.
    ///
    /// # Errors
    /// The role, the disk.
    pub fn insights(&self, periods: &[Period], who: &Who, now: Timestamp) -> Answer<Vec<Insight>> {
        Ok(self.reckon(periods, who, now)?.0)
    }

    /// The figures, and how many rows they were reckoned from.
    fn reckon(
        &self,
        periods: &[Period],
        who: &Who,
        now: Timestamp,
    ) -> Answer<(Vec<Insight>, usize)> {
        let scope = may(who, Right::Totals);
        let frames: Vec<Frame> = periods
            .iter()
            .map(|period| self.frame(*period, now))
            .collect();
        let mut tallies: Vec<Tally<'_>> = frames.iter().map(Tally::new).collect();
        let Some(frame) = frames.first() else {
            return Ok((Vec::new(), 0));
        };
        let sight = self.sight(who, Right::Totals)?;
        for person in sight.directory().all() {
            let sells = matches!(person.role, Role::Staff | Role::Leader);
            let expected = sells || frame.goals.names(&person.name);
            if expected && sight.includes(&person.name) {
                for tally in &mut tallies {
                    tally.expect(&person.name);
                }
            }
        }
        let mut gather = Gather::new(self, frame, sight, now)?;
        let mut rows = 0;
        gather.each(|deal, sees| {
            rows += 1;
            for tally in &mut tallies {
                if sees {
                    tally.add(deal);
                } else {
                    tally.learn(deal);
                }
            }
        })?;
        let watched_since = gather.watched_since().map(|at| self.wall_text(at));
        let names = !self.without_names(who);
        let finished = tallies.into_iter().zip(&frames).map(|(tally, frame)| {
            let mut insight = tally.finish(scope == Scope::All);
            insight.until = self.wall_text(frame.until);
            insight.watched_since.clone_from(&watched_since);
            insight.scope = scope_name(scope).to_owned();
            if !names {
                insight.owners.clear();
            }
            insight
        });
        Ok((finished.collect(), rows))
    }

    /// What the template of a digest knows: `digest`, since the time before by the schedule of `rule`, or by `name`'s own
    /// (24 hours without one), and `insight`, the figures beside it.
    ///
    /// # Errors
    /// The disk.
    pub fn digest_values(
        &self,
        rule: Option<&str>,
        name: Option<&str>,
        at: Timestamp,
    ) -> Answer<Json> {
        let wishes = self.roster.subscriptions()?;
        let own = rule
            .zip(name)
            .and_then(|(rule, name)| wishes.schedule(rule, name));
        let since = self.digest_since(rule, own.as_ref(), at);
        let zone = &self.roster.config().calendar.zone;
        let first = since.to_zoned(zone.clone()).date();
        let periods = InsightFacts::periods(first, self.today(at));
        let figures = self.insights_lately(&periods, &Who::CommandLine, at)?;
        Ok(json!({
            "digest": self.digest_of(since, at)?,
            "insight": InsightFacts::of(figures),
        }))
    }

    /// The time before the last one by a schedule: a digest tells what has happened since the one before, also over
    /// a Sunday without one.
    fn digest_since(&self, rule: Option<&str>, own: Option<&Schedule>, at: Timestamp) -> Timestamp {
        let config = self.roster.config();
        let rule = config
            .rules
            .iter()
            .find(|one| Some(one.id.as_str()) == rule);
        let day = at
            .saturating_sub(SignedDuration::from_hours(24))
            .unwrap_or(at);
        let usual = match rule.map(|rule| &rule.on) {
            Some(Trigger::Schedule(schedule)) => Some(schedule),
            _ => None,
        };
        let Some(schedule) = own.or(usual) else {
            return day;
        };
        let zone = &config.calendar.zone;
        // What was decided at its time is of that time: a moment later is still the same.
        let just_after = at
            .saturating_add(SignedDuration::from_secs(1))
            .unwrap_or(at);
        let due = schedule.last_before(just_after, zone);
        due.and_then(|due| schedule.last_before(due, zone))
            .unwrap_or(day)
    }

    /// The days that somebody writes.
    ///
    /// # Errors
    /// What is no day, the wrong way round, or still to come.
    pub fn period(&self, from: Option<&str>, to: Option<&str>, now: Timestamp) -> Answer<Period> {
        let today = self.today(now);
        let (from_day, to_day) = match (from, to) {
            (None, None) => return Ok(Period::month_so_far(today)),
            (Some(from), None) => (day("from", from)?, today),
            (None, Some(to)) => {
                let to = day("to", to)?;
                (to.first_of_month(), to)
            }
            (Some(from), Some(to)) => (day("from", from)?, day("to", to)?),
        };
        if from_day > today {
            return Err(CommandError::new(
                ErrorKind::Usage,
                format!(
                    "the period begins on {from_day}, and today is {today}: ask for one that has begun"
                ),
                format!(
                    "Kỳ báo cáo bắt đầu ngày {from_day} là ở tương lai, vui lòng chọn kỳ đã bắt đầu."
                ),
            ));
        }
        Period::new(from_day, to_day).ok_or_else(|| {
            CommandError::new(
                ErrorKind::Usage,
                format!(
                    "the period ends on {to_day}, before it begins on {from_day}: exchange --from and --to"
                ),
                format!("Ngày kết thúc {to_day} đứng trước ngày bắt đầu {from_day}."),
            )
        })
    }

    /// Marketing sees totals, and no names.
    fn without_names(&self, who: &Who) -> bool {
        may(who, Right::Customers) == Scope::Nothing
    }

    fn frame(&self, period: Period, now: Timestamp) -> Frame {
        let config = self.roster.config();
        let midnight = |day: Date| config.calendar.at_local(day, jiff::civil::Time::midnight());
        let after = period.to().tomorrow().map_or(Timestamp::MAX, midnight);
        let last = after
            .saturating_sub(SignedDuration::from_nanos(1))
            .unwrap_or(after);
        Frame {
            stages: config
                .stages
                .iter()
                .map(|stage| StageSpec {
                    id: stage.id.clone(),
                    label: stage.label.clone(),
                    won: stage.won,
                    lost: stage.lost,
                })
                .collect(),
            period,
            start: midnight(period.from()),
            until: last.min(now),
            goals: config.goals.clone(),
        }
    }

    fn wall_text(&self, at: Timestamp) -> String {
        let zone = self.roster.config().calendar.zone.clone();
        local_text(at.to_zoned(zone).datetime())
    }
}

fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::All => "all",
        Scope::Team => "team",
        Scope::Own => "own",
        Scope::Nothing => "nothing",
    }
}

fn day(which: &str, text: &str) -> Answer<Date> {
    text.trim().parse().map_err(|_| {
        CommandError::new(
            ErrorKind::Usage,
            format!("\"{text}\" of --{which} is no day: write it like 2026-10-31 (year-month-day)"),
            format!("“{text}” không phải là ngày, vui lòng ghi như 2026-10-31."),
        )
    })
}
