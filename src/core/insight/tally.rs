//! Adds deals up, one after the other.

use std::collections::BTreeMap;

use super::engagement::Engagement;
use super::forecast::Sums;
use super::pipeline::{self, Stage};
use super::survival::{Curve, Lasted};
use super::{
    Deal, EngagementCounts, Frame, Insight, OwnerFigures, Quality, SourceFigures, Speed, rounded,
};
use crate::core::sheet::fold::fold;

/// What is kept of the deals so far: counts and durations, none of the deals themselves.
#[derive(Debug)]
pub struct Tally<'a> {
    frame: &'a Frame,
    insight: Insight,
    stages: Vec<Stage>,
    owners: BTreeMap<Option<String>, OwnerFigures>,
    /// By the folded source, also each way to write it and how often.
    sources: BTreeMap<String, (SourceFigures, BTreeMap<String, u32>)>,
    reactions: Vec<Lasted>,
    forecast: Sums,
}

impl<'a> Tally<'a> {
    /// Nothing added yet.
    pub fn new(frame: &'a Frame) -> Self {
        Self {
            frame,
            insight: Insight {
                from: frame.period.from().to_string(),
                to: frame.period.to().to_string(),
                ..Insight::default()
            },
            stages: frame.stages.iter().map(Stage::new).collect(),
            owners: BTreeMap::new(),
            sources: BTreeMap::new(),
            reactions: Vec::new(),
            forecast: Sums::new(frame),
        }
    }

    /// Takes from a deal only what it teaches about chances: it is not of those who are counted.
    pub fn learn(&mut self, deal: &Deal) {
        self.forecast.learn(self.frame, deal);
    }

    /// Something is expected of this person, also without a customer.
    pub fn expect(&mut self, person: &str) {
        let target = self.frame.goals.target_of(person, self.frame.period);
        if target.is_some() {
            self.owner(Some(&person.to_owned()));
        }
    }

    /// Counts a deal in.
    pub fn add(&mut self, deal: &Deal) {
        self.forecast.learn(self.frame, deal);
        self.forecast.add(self.frame, deal);
        pipeline::add(&mut self.stages, self.frame, deal);
        self.count(deal);
        self.count_moves(deal);
        self.count_source(deal);
        self.count_reaction(deal);
        self.count_now(deal);
    }

    /// The figures. `counts`: whether the company's own history of chances is shown.
    pub fn finish(self, counts: bool) -> Insight {
        let Self {
            frame,
            mut insight,
            stages,
            owners,
            sources,
            reactions,
            forecast,
        } = self;
        insight.pipeline = stages.into_iter().map(Stage::figures).collect();
        for (figures, stage) in insight.pipeline.iter_mut().zip(&frame.stages) {
            if !stage.is_open() {
                // A deal that has ended goes nowhere: nothing to convert.
                (figures.conversion, figures.loss) = (None, None);
            }
        }
        insight.owners = with_targets(frame, owners);
        insight.sources = with_costs(frame, sources);
        insight.speed = speed(&insight.speed, reactions);
        insight.forecast = forecast.forecast(frame, counts);
        insight
    }

    fn owner(&mut self, name: Option<&String>) -> &mut OwnerFigures {
        let figures = self.owners.entry(name.cloned()).or_default();
        if figures.owner.is_none() {
            figures.owner = name.cloned();
        }
        figures
    }

    fn is_new(&self, deal: &Deal) -> bool {
        deal.came.is_some_and(|came| self.frame.within(came))
    }

    fn count(&mut self, deal: &Deal) {
        let (there, new) = (deal.is_there(self.frame.until), self.is_new(deal));
        self.insight.customers += u32::from(there);
        self.insight.new += u32::from(new);
        self.insight.gone += u32::from(deal.gone.is_some_and(|at| self.frame.within(at)));
        self.insight.no_stage += u32::from(there && deal.spell_at(self.frame.until).is_none());
        if there || new {
            let owner = self.owner(deal.owner.as_ref());
            owner.customers += u32::from(there);
            owner.new += u32::from(new);
        }
    }

    fn count_moves(&mut self, deal: &Deal) {
        let frame = self.frame;
        for (number, spell) in deal.spells.iter().enumerate() {
            let entered = spell.entered.is_some_and(|at| frame.within(at));
            if !entered {
                continue;
            }
            let stage = &frame.stages[spell.stage];
            let before = number
                .checked_sub(1)
                .map(|before| deal.spells[before].stage);
            let deposit = frame.deposit() == Some(spell.stage);
            let forward = !stage.lost && before.is_some_and(|before| before < spell.stage);
            let back = !stage.lost && before.is_some_and(|before| before > spell.stage);
            self.insight.forward += u32::from(forward);
            self.insight.back += u32::from(back);
            self.insight.deposits += u32::from(deposit);
            self.insight.won += u32::from(stage.won);
            self.insight.lost += u32::from(stage.lost);
            if forward || deposit || stage.won || stage.lost {
                let owner = self.owner(spell.owner.as_ref().or(deal.owner.as_ref()));
                owner.forward += u32::from(forward);
                owner.deposits += u32::from(deposit);
                owner.won += u32::from(stage.won);
                owner.lost += u32::from(stage.lost);
            }
        }
    }

    fn count_source(&mut self, deal: &Deal) {
        if !self.is_new(deal) {
            return;
        }
        let frame = self.frame;
        let reached = |fits: &dyn Fn(usize) -> bool| {
            deal.spells
                .iter()
                .any(|spell| spell.entered.is_none_or(|at| at <= frame.until) && fits(spell.stage))
        };
        let written = deal.source.as_deref().unwrap_or_default().trim();
        let (figures, ways) = self.sources.entry(fold(written)).or_default();
        *ways.entry(written.to_owned()).or_default() += 1;
        figures.new += 1;
        figures.deposits += u32::from(reached(&|stage| frame.counts_as_deposit(stage)));
        figures.won += u32::from(reached(&|stage| frame.stages[stage].won));
    }

    fn count_reaction(&mut self, deal: &Deal) {
        if !deal.watched || !self.is_new(deal) {
            return;
        }
        let until = self.frame.until;
        let reacted = deal.reacted.filter(|at| *at <= until);
        let gone = deal.gone.filter(|at| *at <= until);
        let speed = &mut self.insight.speed;
        speed.leads += 1;
        speed.reacted += u32::from(reacted.is_some());
        speed.open += u32::from(reacted.is_none());
        let end = reacted.or(gone).unwrap_or(until);
        self.reactions.push(Lasted {
            long: end.duration_since(deal.first_seen).as_secs_f64() / 60.0,
            over: reacted.is_some(),
        });
    }

    /// What is known of now alone.
    fn count_now(&mut self, deal: &Deal) {
        if deal.gone.is_some() {
            return;
        }
        self.insight.waiting += u32::from(deal.waits);
        if deal.waits {
            self.owner(deal.owner.as_ref()).waiting += 1;
        }
        count_engagement(&mut self.insight.engagement, deal.engagement);
        let (quality, flaws) = (&mut self.insight.quality, &deal.flaws);
        quality.rows += 1;
        quality.no_contact += u32::from(flaws.contact);
        quality.no_stage += u32::from(flaws.stage);
        quality.no_owner += u32::from(flaws.owner);
        quality.no_budget += u32::from(flaws.budget);
        quality.no_source += u32::from(flaws.source);
        let age = deal.spells.last().map(|spell| spell.entered);
        quality.unknown_age += u32::from(age == Some(None));
    }
}

impl Quality {
    /// Whether every row can be used fully.
    pub fn is_clean(&self) -> bool {
        Self {
            rows: self.rows,
            ..Self::default()
        } == *self
    }
}

fn count_engagement(counts: &mut EngagementCounts, class: Option<Engagement>) {
    match class {
        Some(Engagement::Hot) => counts.hot += 1,
        Some(Engagement::Warm) => counts.warm += 1,
        Some(Engagement::Cooling) => counts.cooling += 1,
        Some(Engagement::Cold) => counts.cold += 1,
        None => {}
    }
}

/// Those with customers, and those of whom something is expected; nobody in charge last.
fn with_targets(
    frame: &Frame,
    owners: BTreeMap<Option<String>, OwnerFigures>,
) -> Vec<OwnerFigures> {
    let mut owners: Vec<OwnerFigures> = owners.into_values().collect();
    for figures in &mut owners {
        if let Some(name) = &figures.owner {
            figures.target = frame.goals.target_of(name, frame.period);
        }
    }
    owners.sort_by(|a, b| {
        (a.owner.is_none(), b.customers, &a.owner).cmp(&(b.owner.is_none(), a.customers, &b.owner))
    });
    owners
}

/// The sources of new customers, and those that cost something without bringing one.
fn with_costs(
    frame: &Frame,
    sources: BTreeMap<String, (SourceFigures, BTreeMap<String, u32>)>,
) -> Vec<SourceFigures> {
    let mut all: Vec<SourceFigures> = sources
        .into_iter()
        .map(|(folded, (figures, ways))| {
            // The way it is written most; of equals the first of the alphabet.
            let most = ways.into_iter().rev().max_by_key(|(_, count)| *count);
            SourceFigures {
                source: most.map(|(way, _)| way).filter(|_| !folded.is_empty()),
                ..figures
            }
        })
        .collect();
    for source in frame.goals.sources() {
        let known =
            |figures: &SourceFigures| figures.source.as_deref().map(fold) == Some(fold(source));
        let cost = frame.goals.cost_of(source, frame.period);
        if cost.is_some() && !all.iter().any(known) {
            all.push(SourceFigures {
                source: Some(source.to_owned()),
                ..SourceFigures::default()
            });
        }
    }
    for figures in &mut all {
        let source = figures.source.as_deref();
        figures.cost = source.and_then(|source| frame.goals.cost_of(source, frame.period));
        let per = |count: u32| {
            figures
                .cost
                .filter(|_| count > 0)
                .map(|cost| cost / i64::from(count))
        };
        (figures.cost_per_lead, figures.cost_per_deposit) =
            (per(figures.new), per(figures.deposits));
    }
    all.sort_by(|a, b| {
        (a.source.is_none(), b.new, &a.source).cmp(&(b.source.is_none(), a.new, &b.source))
    });
    all
}

fn speed(counted: &Speed, reactions: Vec<Lasted>) -> Speed {
    let curve = Curve::of(reactions);
    let share = |minutes| {
        let share = curve.over_within(minutes).filter(|_| counted.leads > 0);
        share.map(|share| rounded(share, 4))
    };
    Speed {
        median_minutes: curve.median().map(|minutes| rounded(minutes, 2)),
        within_15_minutes: share(15.0),
        within_1_hour: share(60.0),
        within_24_hours: share(24.0 * 60.0),
        ..counted.clone()
    }
}

#[cfg(test)]
mod tests;
