//! What the open deals may bring: budget × chance of closing, with how far off that may be.
//!
//! The chance of a stage is learned from the deals of this company that passed through it and have
//! ended. A few deals say little, so each stage begins with a cautious belief worth [`PRIOR_DEALS`]
//! deals (a Beta prior), which the company's own history soon outweighs:
//! p = (won + α) / (won + lost + α + β). Deals that are still open say nothing yet, neither for nor
//! against; no more does a row that was deleted.
//!
//! The interval covers 8 of 10 cases: that a deal closes or not (Bernoulli), and that the chance
//! itself is only known as well as the history is long (the Beta posterior's variance, which all
//! deals of a stage share). The sum of many deals is taken as normal.

use serde::{Deserialize, Serialize};

use super::{Deal, Frame, rounded};

/// How many deals the belief before any history is worth (α + β).
pub const PRIOR_DEALS: f64 = 5.0;
/// The chance in the last open stage before any history; each stage before has a quarter of the next.
const PRIOR_LAST: f64 = 0.8;
const PRIOR_BEFORE: f64 = 0.25;
/// The 90th percentile of the normal distribution: 8 of 10 cases lie within so many deviations.
const EIGHTY: f64 = 1.281_551_565_545;
/// With fewer deals that have ended the figures are a guess.
pub const ENOUGH: u32 = 20;

/// Expected revenue of the open deals at `until`, in đồng.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Forecast {
    /// Sum of budget × chance.
    pub expected: i64,
    /// In 8 of 10 cases it is at least so much …
    pub low: i64,
    /// … and at most so much.
    pub high: i64,
    /// Deals expected to close, with or without a budget.
    pub deals: f64,
    /// In 8 of 10 cases at least so many.
    pub deals_low: f64,
    /// In 8 of 10 cases at most so many.
    pub deals_high: f64,
    /// Open deals.
    pub open: u32,
    /// Open deals without a budget that could be read: they are in `deals`, and not in the money.
    pub no_budget: u32,
    /// Deals that have ended and were seen to: the history behind the chances.
    pub ended: u32,
    /// So few have ended, or none of them was lost or won, that the figures are a guess: a company that writes down
    /// no losses seems to win them all.
    pub small_history: bool,
    /// By open stage, in the configured order.
    pub stages: Vec<StageChance>,
}

/// The chance of one open stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageChance {
    /// Stage id.
    pub stage: String,
    /// As the sheet says it.
    pub label: String,
    /// Chance that a deal in it is won in the end.
    pub chance: f64,
    /// Deals that passed through it and were won; none for whoever sees only their own.
    pub won: Option<u32>,
    /// Deals that passed through it and were lost; none for whoever sees only their own.
    pub lost: Option<u32>,
    /// α of the belief before any history.
    pub alpha: f64,
    /// β of it.
    pub beta: f64,
    /// Open deals in it.
    pub open: u32,
    /// Of these without a budget.
    pub no_budget: u32,
    /// Sum of their budgets, in đồng.
    pub budget: i64,
    /// Sum of budget × chance.
    pub expected: i64,
}

/// What is kept while deals are added.
#[derive(Debug)]
pub(super) struct Sums {
    stages: Vec<StageSums>,
    ended: u32,
    won: u32,
}

#[derive(Clone, Debug, Default)]
struct StageSums {
    won: u32,
    lost: u32,
    open: u32,
    no_budget: u32,
    budget: i64,
    /// Of the budgets; as a float it is exact enough for a deviation.
    squares: f64,
}

impl Sums {
    pub(super) fn new(frame: &Frame) -> Self {
        Self {
            stages: vec![StageSums::default(); frame.stages.len()],
            ended: 0,
            won: 0,
        }
    }

    /// What an ended deal teaches; also one that whoever asks does not see: the chance is the company's.
    pub(super) fn learn(&mut self, frame: &Frame, deal: &Deal) {
        let Some(last) = deal.spell_at(frame.until) else {
            return;
        };
        let stage = &frame.stages[last.stage];
        if stage.is_open() || !deal.was_born(frame.until) {
            return;
        }
        let mut passed = vec![false; frame.stages.len()];
        for spell in &deal.spells {
            passed[spell.stage] |= spell.entered.is_none_or(|at| at <= frame.until);
        }
        // Every deal begins in the first stage, also one that had ended before the first look.
        if let Some(first) = frame.stages.iter().position(super::StageSpec::is_open) {
            passed[first] = true;
        }
        self.ended += 1;
        self.won += u32::from(stage.won);
        for (sums, _) in self
            .stages
            .iter_mut()
            .zip(passed)
            .filter(|(_, passed)| *passed)
        {
            let count = if stage.won {
                &mut sums.won
            } else {
                &mut sums.lost
            };
            *count += 1;
        }
    }

    /// Adds a deal that whoever asks sees, if it is open.
    pub(super) fn add(&mut self, frame: &Frame, deal: &Deal) {
        if !deal.is_there(frame.until) {
            return;
        }
        let Some(spell) = deal.spell_at(frame.until) else {
            return;
        };
        if !frame.stages[spell.stage].is_open() {
            return;
        }
        let sums = &mut self.stages[spell.stage];
        sums.open += 1;
        match deal.budget {
            Some(budget) => {
                sums.budget += budget;
                sums.squares += as_float(budget) * as_float(budget);
            }
            None => sums.no_budget += 1,
        }
    }

    /// The forecast. `counts`: whether the company's own counts are shown.
    pub(super) fn forecast(self, frame: &Frame, counts: bool) -> Forecast {
        let open: Vec<usize> = (0..frame.stages.len())
            .filter(|at| frame.stages[*at].is_open())
            .collect();
        let mut forecast = Forecast {
            ended: self.ended,
            small_history: self.ended < ENOUGH || self.won == 0 || self.won == self.ended,
            ..Forecast::default()
        };
        let (mut money, mut money_variance) = (0.0, 0.0);
        let (mut deals, mut deals_variance) = (0.0, 0.0);
        for (place, at) in open.iter().enumerate() {
            let sums = &self.stages[*at];
            let belief = Belief::of(sums, open.len() - 1 - place);
            let (budget, count) = (as_float(sums.budget), f64::from(sums.open));
            money += budget * belief.chance();
            money_variance += belief.variance(sums.squares, budget);
            deals += count * belief.chance();
            deals_variance += belief.variance(count, count);
            forecast.open += sums.open;
            forecast.no_budget += sums.no_budget;
            forecast.stages.push(StageChance {
                stage: frame.stages[*at].id.clone(),
                label: frame.stages[*at].label.clone(),
                chance: rounded(belief.chance(), 4),
                won: counts.then_some(sums.won),
                lost: counts.then_some(sums.lost),
                alpha: rounded(belief.alpha, 4),
                beta: rounded(belief.beta, 4),
                open: sums.open,
                no_budget: sums.no_budget,
                budget: sums.budget,
                expected: as_dong(budget * belief.chance()),
            });
        }
        let all_money: f64 = open
            .iter()
            .map(|at| as_float(self.stages[*at].budget))
            .sum();
        let (low, high) = interval(money, money_variance, all_money);
        (forecast.expected, forecast.low, forecast.high) =
            (as_dong(money), as_dong(low), as_dong(high));
        let (low, high) = interval(deals, deals_variance, f64::from(forecast.open));
        forecast.deals = rounded(deals, 2);
        (forecast.deals_low, forecast.deals_high) = (rounded(low, 2), rounded(high, 2));
        forecast
    }
}

/// What is believed of a stage's chance after its history: Beta(α + won, β + lost).
struct Belief {
    alpha: f64,
    beta: f64,
    won: f64,
    lost: f64,
}

impl Belief {
    /// `later`: how many open stages come after this one.
    fn of(sums: &StageSums, later: usize) -> Self {
        let before = (0..later).fold(PRIOR_LAST, |chance, _| chance * PRIOR_BEFORE);
        Self {
            alpha: before * PRIOR_DEALS,
            beta: (1.0 - before) * PRIOR_DEALS,
            won: f64::from(sums.won),
            lost: f64::from(sums.lost),
        }
    }

    fn chance(&self) -> f64 {
        (self.alpha + self.won) / self.worth()
    }

    fn worth(&self) -> f64 {
        self.alpha + self.beta + self.won + self.lost
    }

    /// The variance of a sum of deals of this stage, by the sum of their squares and their sum.
    fn variance(&self, squares: f64, sum: f64) -> f64 {
        let p = self.chance();
        let unknown = p * (1.0 - p) / (self.worth() + 1.0);
        squares * (p * (1.0 - p) - unknown) + sum * sum * unknown
    }
}

/// 8 of 10 cases, within what is possible at all.
fn interval(mean: f64, variance: f64, most: f64) -> (f64, f64) {
    let far = EIGHTY * variance.max(0.0).sqrt();
    ((mean - far).max(0.0), (mean + far).min(most))
}

#[allow(clippy::cast_precision_loss)] // Within 2^53 đồng it is exact, beyond it nobody counts single ones.
fn as_float(dong: i64) -> f64 {
    dong as f64
}

#[allow(clippy::cast_possible_truncation)] // A float to an integer saturates.
fn as_dong(amount: f64) -> i64 {
    amount.round() as i64
}
