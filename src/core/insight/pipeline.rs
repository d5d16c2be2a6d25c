//! The stages: how many are there, how many came, how long they stay, where they go.

use serde::{Deserialize, Serialize};

use super::survival::{Curve, Lasted};
use super::{Deal, Frame, StageSpec, days_between, rounded};

/// The figures of one stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageFigures {
    /// Stage id.
    pub stage: String,
    /// As the sheet says it.
    pub label: String,
    /// Whether whoever is in it is lost: no step of a funnel.
    pub is_lost: bool,
    /// Customers in it at `until`.
    pub count: u32,
    /// Sum of their budgets, in đồng, as far as they are known.
    pub budget: i64,
    /// Times that it was entered in the period, as far as that was seen or a column says so.
    pub entered: u32,
    /// Of those that entered: went on to a later stage.
    pub went_on: u32,
    /// Of those that entered: were lost from here.
    pub lost: u32,
    /// Of those that entered: went back to an earlier stage.
    pub went_back: u32,
    /// Of those that entered: the row went while it was here.
    pub gone: u32,
    /// Of those that entered: still here at `until`.
    pub still: u32,
    /// `went_on` of `entered`; none if nobody entered.
    pub conversion: Option<f64>,
    /// `lost` of `entered`.
    pub loss: Option<f64>,
    /// Days until half of those that entered in the period had left (Kaplan–Meier; those still there
    /// count as staying); none if more than half are still there.
    pub median_days: Option<f64>,
    /// The same of everybody who entered at any time before `until`.
    pub median_days_ever: Option<f64>,
    /// How many entered at any time, for `median_days_ever`.
    pub entered_ever: u32,
    /// Days that those of `until` have been in it, half of them at least so long; where that is known.
    pub age_median_days: Option<f64>,
    /// Customers at `until` of whom nobody can know since when they are in it.
    pub unknown_age: u32,
}

/// What is kept of one stage while deals are added.
#[derive(Debug, Default)]
pub(super) struct Stage {
    figures: StageFigures,
    stayed: Vec<Lasted>,
    stayed_ever: Vec<Lasted>,
    ages: Vec<f64>,
}

impl Stage {
    pub(super) fn new(stage: &StageSpec) -> Self {
        Self {
            figures: StageFigures {
                stage: stage.id.clone(),
                label: stage.label.clone(),
                is_lost: stage.lost,
                ..StageFigures::default()
            },
            ..Self::default()
        }
    }

    pub(super) fn figures(self) -> StageFigures {
        let Self {
            mut figures,
            stayed,
            stayed_ever,
            mut ages,
        } = self;
        let share = |part: u32| {
            (figures.entered > 0).then(|| rounded(f64::from(part) / f64::from(figures.entered), 4))
        };
        (figures.conversion, figures.loss) = (share(figures.went_on), share(figures.lost));
        let days = |curve: Curve| curve.median().map(|days| rounded(days, 2));
        figures.entered_ever = u32::try_from(stayed_ever.len()).unwrap_or(u32::MAX);
        figures.median_days = days(Curve::of(stayed));
        figures.median_days_ever = days(Curve::of(stayed_ever));
        ages.sort_by(f64::total_cmp);
        figures.age_median_days = ages.get(ages.len() / 2).map(|days| rounded(*days, 2));
        figures
    }
}

/// Adds a deal to the stages it has been in.
pub(super) fn add(stages: &mut [Stage], frame: &Frame, deal: &Deal) {
    for (number, spell) in deal.spells.iter().enumerate() {
        let Some(entered) = spell.entered.filter(|entered| *entered <= frame.until) else {
            continue;
        };
        let stage = &mut stages[spell.stage];
        let left = spell.left.filter(|left| *left <= frame.until);
        let gone = deal
            .gone
            .filter(|gone| *gone <= frame.until && left.is_none());
        let end = left.or(gone).unwrap_or(frame.until);
        let lasted = Lasted {
            long: days_between(entered, end),
            over: left.is_some(),
        };
        stage.stayed_ever.push(lasted);
        if entered < frame.start {
            continue;
        }
        stage.stayed.push(lasted);
        let figures = &mut stage.figures;
        figures.entered += 1;
        let next = deal.spells.get(number + 1).filter(|_| left.is_some());
        let outcome = match next {
            Some(next) if frame.stages[next.stage].lost => &mut figures.lost,
            Some(next) if next.stage > spell.stage => &mut figures.went_on,
            Some(_) => &mut figures.went_back,
            None if gone.is_some() => &mut figures.gone,
            None => &mut figures.still,
        };
        *outcome += 1;
    }
    if deal.is_there(frame.until)
        && let Some(spell) = deal.spell_at(frame.until)
    {
        let stage = &mut stages[spell.stage];
        stage.figures.count += 1;
        stage.figures.budget += deal.budget.unwrap_or(0);
        match spell.entered {
            Some(entered) => stage.ages.push(days_between(entered, frame.until)),
            None => stage.figures.unknown_age += 1,
        }
    }
}
