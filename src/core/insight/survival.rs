//! Kaplan–Meier: how long something lasts where some of it still goes on.
//!
//! Those that are not over count as having lasted so long at least, instead of being left out, which
//! would make everything look quicker than it is (Kaplan and Meier, "Nonparametric Estimation from
//! Incomplete Observations", JASA 53, 1958).

/// How long one thing has been seen to last, in any unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lasted {
    /// How long.
    pub long: f64,
    /// Whether it was over then; else it was merely seen for so long.
    pub over: bool,
}

/// A survival curve: how much is left after each length at which something was over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// Length and share left from then on, by length.
    steps: Vec<(f64, f64)>,
    /// The longest that anything was seen.
    longest: f64,
}

impl Curve {
    /// The curve of these. Negative lengths, from a clock that was put back, count as none.
    pub fn of(mut all: Vec<Lasted>) -> Self {
        for one in &mut all {
            one.long = one.long.max(0.0);
        }
        // At the same length what is over comes before what is merely seen for so long.
        all.sort_by(|a, b| a.long.total_cmp(&b.long));
        let mut curve = Self::default();
        let mut left = 1.0;
        let mut at_risk = all.len();
        for same in all.chunk_by(|a, b| a.long.total_cmp(&b.long).is_eq()) {
            let over = same.iter().filter(|one| one.over).count();
            if over > 0 {
                left *= 1.0 - ratio(over, at_risk);
                curve.steps.push((same[0].long, left));
            }
            at_risk -= same.len();
            curve.longest = same[0].long;
        }
        curve
    }

    /// The shortest length after which half or less is left; none if the curve never falls so low.
    pub fn median(&self) -> Option<f64> {
        // A half of halves and thirds may miss 0.5 by a rounding.
        let half = 0.5 + 1e-9;
        let step = self.steps.iter().find(|(_, left)| *left <= half);
        step.map(|(long, _)| *long)
    }

    /// The share that was over within a length; none if nothing was seen for so long and not all was over.
    pub fn over_within(&self, long: f64) -> Option<f64> {
        let step = self.steps.iter().rev().find(|(at, _)| *at <= long);
        let left = step.map_or(1.0, |(_, left)| *left);
        let known = self.longest >= long || left <= 1e-9 && !self.steps.is_empty();
        known.then_some(1.0 - left)
    }
}

/// A share of counts.
#[allow(clippy::cast_precision_loss)] // Counts of rows: far below 2^53.
pub(crate) fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `6 6 6+ 7`: a plus says that it was not over.
    fn curve(text: &str) -> Curve {
        let read = |word: &str| Lasted {
            long: word.trim_end_matches('+').parse().unwrap(),
            over: !word.ends_with('+'),
        };
        Curve::of(text.split_whitespace().map(read).collect())
    }

    /// The remission times, in weeks, of 21 patients under 6-MP (Freireich and others, Blood 21, 1963), the
    /// example of most textbooks, whose product-limit estimates are 0.8571, 0.8067, 0.7529, 0.6902, 0.6275,
    /// 0.5378 and 0.4482, with a median of 23 weeks.
    const SIX_MP: &str = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+";

    #[test]
    fn the_textbook_example() {
        let curve = curve(SIX_MP);
        let shown: Vec<String> = curve
            .steps
            .iter()
            .map(|(long, left)| format!("{long}: {left:.4}"))
            .collect();
        assert_eq!(
            shown,
            [
                "6: 0.8571",  // 18/21
                "7: 0.8067",  // × 16/17
                "10: 0.7529", // × 14/15
                "13: 0.6902", // × 11/12
                "16: 0.6275", // × 10/11
                "22: 0.5378", // × 6/7
                "23: 0.4482", // × 5/6
            ]
        );
        assert_eq!(curve.median(), Some(23.0));
        // Left out, those who were still well would have made it 7 + 10 over 2: the median of the 9 relapses is 10.
        assert_eq!(self::curve("6 6 6 7 10 13 16 22 23").median(), Some(10.0));
    }

    #[test]
    fn medians_and_shares_by_hand() {
        for (text, median, within) in [
            // Nobody.
            ("", None, None),
            // One that lasts: nobody knows.
            ("5+", None, Some(0.0)),
            // Two of four at 2 and 3: 3/4, then 3/4 × 2/3 = 1/2.
            ("2 3 9+ 9+", Some(3.0), Some(0.5)),
            // 1/3 over at 1; the rest left unseen at 2, before 3: not known.
            ("1 2+ 2+", None, None),
            // All over by 2.
            ("1 1 2", Some(1.0), Some(1.0)),
            // A tie of an end and a censoring: the end comes first, 3/4; then 3/4 × 1/2.
            ("1 1+ 4 5+", Some(4.0), Some(0.25)),
        ] {
            assert_eq!(curve(text).median(), median, "{text}");
            assert_eq!(curve(text).over_within(3.0), within, "{text}");
        }
    }
}
