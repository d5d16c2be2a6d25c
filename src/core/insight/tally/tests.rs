use jiff::Timestamp;
use jiff::civil::date;

use super::*;
use crate::core::insight::goals::{CostLine, Goals, Target, TargetLine};
use crate::core::insight::path::Spell;
use crate::core::insight::{Flaws, Period, StageSpec};

const BILLION: i64 = 1_000_000_000;

fn stage(id: &str, won: bool, lost: bool) -> StageSpec {
    StageSpec {
        id: id.into(),
        label: id.to_uppercase(),
        won,
        lost,
    }
}

/// Noon of a day of November 2026, in UTC; `2.5` is half a day later.
fn day(text: &str) -> Timestamp {
    let days: f64 = text.parse().unwrap();
    let first = date(2026, 11, 1).at(0, 0, 0, 0).in_tz("UTC").unwrap();
    #[allow(clippy::cast_possible_truncation)]
    let seconds = ((days - 0.5) * 86_400.0) as i64;
    first.timestamp() + jiff::SignedDuration::from_secs(seconds)
}

/// November, looked at on the 21st at noon.
fn frame() -> Frame {
    Frame {
        stages: vec![
            stage("prospect", false, false),
            stage("consulting", false, false),
            stage("deposited", false, false),
            stage("completed", true, false),
            stage("lost", false, true),
        ],
        period: Period::new(date(2026, 11, 1), date(2026, 11, 30)).unwrap(),
        start: day("0.5"),
        until: day("21"),
        goals: Goals::default(),
    }
}

/// `came=2 owner=An source=Web budget=3 path=0@2,1@5 gone=9 reacted=2.5`; `@?` in a path: nobody knows;
/// days may be negative: in October.
fn deal(text: &str) -> Deal {
    let mut deal = Deal {
        first_seen: day("-100"),
        ..Deal::default()
    };
    for part in text.split_whitespace() {
        let (key, value) = part.split_once('=').unwrap();
        match key {
            "came" => {
                deal.came = Some(day(value));
                deal.first_seen = day(value);
                deal.watched = true;
            }
            "owner" => deal.owner = Some(value.into()),
            "source" => deal.source = Some(value.into()),
            "budget" => deal.budget = Some(value.parse::<i64>().unwrap() * BILLION),
            "gone" => deal.gone = Some(day(value)),
            "reacted" => deal.reacted = Some(day(value)),
            "path" => deal.spells = value.split(',').map(spell).collect(),
            other => panic!("{other}"),
        }
    }
    for at in 1..deal.spells.len() {
        deal.spells[at - 1].left = deal.spells[at].entered;
    }
    deal
}

fn spell(text: &str) -> Spell {
    let (stage, entered) = text.split_once('@').unwrap();
    Spell {
        stage: stage.parse().unwrap(),
        entered: (entered != "?").then(|| day(entered)),
        seen: true,
        ..Spell::default()
    }
}

fn insight_of(frame: &Frame, deals: &str) -> Insight {
    let mut tally = Tally::new(frame);
    for line in deals.lines().map(str::trim).filter(|line| !line.is_empty()) {
        tally.add(&deal(line));
    }
    tally.finish(true)
}

#[test]
fn a_month_by_hand() {
    let insight = insight_of(
        &frame(),
        "came=2 owner=An source=Web budget=3 path=0@2,1@5,2@9
         came=3 owner=An source=web path=0@3,1@7,4@8
         came=4 owner=Bo source=Web path=0@4
         came=5 path=0@5 gone=10
         owner=Bo budget=2 path=1@?,3@6
         owner=Bo budget=5 path=1@?
         came=-20 owner=An path=0@-20,1@-10
         came=25 owner=An path=0@25",
    );
    // There on the 21st: all but the one that went and the one that is to come.
    assert_eq!(insight.customers, 6);
    assert_eq!((insight.new, insight.gone), (4, 1));
    // Forward: 0-1, 1-2, 0-1, 1-3; the loss is no move back.
    let moves = (insight.forward, insight.back, insight.deposits);
    assert_eq!(moves, (4, 0, 1));
    assert_eq!((insight.won, insight.lost), (1, 1));
    let pipeline: Vec<_> = insight
        .pipeline
        .iter()
        .map(|stage| {
            (
                stage.count,
                stage.entered,
                stage.went_on,
                stage.lost,
                stage.gone,
                stage.still,
            )
        })
        .collect();
    assert_eq!(
        pipeline,
        [
            (1, 4, 2, 0, 1, 1), // of the four new ones two went on, one went, one is still there
            (2, 2, 1, 1, 0, 0), // of those now in it nobody came in November
            (1, 1, 0, 0, 0, 1),
            (1, 1, 0, 0, 0, 1),
            (1, 1, 0, 0, 0, 1),
        ]
    );
    let prospect = &insight.pipeline[0];
    assert_eq!((prospect.conversion, prospect.loss), (Some(0.5), Some(0.0)));
    // 3, 4, 5+ and 17+ days: 3/4 left after 3, 1/2 after 4.
    assert_eq!(prospect.median_days, Some(4.0));
    // With the one of October: 3, 4, 5+, 10, 17+: 4/5, 3/5, then 3/5 × 1/2 at 10.
    assert_eq!(prospect.median_days_ever, Some(10.0));
    let consulting = &insight.pipeline[1];
    // 1 and 4 days; ever also 31 days and still there.
    assert_eq!(consulting.median_days, Some(1.0));
    assert_eq!(
        (consulting.median_days_ever, consulting.entered_ever),
        (Some(4.0), 3)
    );
    assert_eq!(
        (consulting.unknown_age, consulting.budget),
        (1, 5 * BILLION)
    );
    assert_eq!(consulting.age_median_days, Some(31.0));
    assert_eq!(insight.pipeline[3].conversion, None);
    let owners: Vec<_> = insight
        .owners
        .iter()
        .map(|of| {
            (
                of.owner.as_deref(),
                of.customers,
                of.new,
                of.forward,
                of.deposits,
                of.won,
                of.lost,
            )
        })
        .collect();
    assert_eq!(
        owners,
        [
            (Some("An"), 3, 2, 3, 1, 0, 1),
            (Some("Bo"), 3, 1, 1, 0, 1, 0),
            (None, 0, 1, 0, 0, 0, 0),
        ]
    );
    let sources: Vec<_> = insight
        .sources
        .iter()
        .map(|of| (of.source.as_deref(), of.new, of.deposits, of.won))
        .collect();
    assert_eq!(sources, [(Some("Web"), 3, 1, 0), (None, 1, 0, 0)]);
}

#[test]
fn the_past_looks_as_it_did() {
    let october = Frame {
        period: Period::new(date(2026, 10, 1), date(2026, 10, 31)).unwrap(),
        start: day("-30.5"),
        until: day("0.4999"),
        ..frame()
    };
    let insight = insight_of(
        &october,
        "came=-20 owner=An path=0@-20,1@-10,3@5
         came=-5 path=0@-5 gone=4
         came=3 path=0@3",
    );
    assert_eq!((insight.customers, insight.new, insight.gone), (2, 2, 0));
    let counts: Vec<u32> = insight.pipeline.iter().map(|stage| stage.count).collect();
    assert_eq!(counts, [1, 1, 0, 0, 0]);
    assert_eq!((insight.forward, insight.won), (1, 0));
}

#[test]
fn reactions_by_hand() {
    // 10 minutes, 30 minutes, 12 hours, none for 17 days, gone after an hour without one.
    let minutes = |minutes: f64| 2.0 + minutes / 1440.0;
    let deals = format!(
        "came=2 reacted={}\ncame=2 reacted={}\ncame=2 reacted={}\ncame=4\ncame=2 gone={}\nowner=An",
        minutes(10.0),
        minutes(30.0),
        minutes(720.0),
        minutes(60.0),
    );
    let speed = insight_of(&frame(), &deals).speed;
    assert_eq!((speed.leads, speed.reacted, speed.open), (5, 3, 2));
    // 4/5 after 10 minutes, 3/5 after 30; one is unseen after 60, so 3/5 × 1/2 after 720.
    assert_eq!(speed.median_minutes, Some(720.0));
    assert_eq!(speed.within_15_minutes, Some(0.2));
    assert_eq!(speed.within_1_hour, Some(0.4));
    assert_eq!(speed.within_24_hours, Some(0.7));
    let none = insight_of(&frame(), "").speed;
    assert_eq!((none.median_minutes, none.within_1_hour), (None, None));
}

#[test]
fn a_forecast_without_history() {
    // One deposit of 2 tỷ: 0.8 × 2 = 1.6; deviation 2 × √(0.8 × 0.2) = 0.8; 1.6 ± 1.28155 × 0.8 within 0 and 2.
    let forecast = insight_of(&frame(), "budget=2 path=2@5\npath=0@5").forecast;
    assert_eq!(forecast.expected, 1_600_000_000);
    assert_eq!((forecast.low, forecast.high), (574_758_748, 2 * BILLION));
    assert_eq!(
        (forecast.open, forecast.no_budget, forecast.ended),
        (2, 1, 0)
    );
    assert!(forecast.small_history);
    let chances: Vec<f64> = forecast.stages.iter().map(|of| of.chance).collect();
    assert_eq!(chances, [0.05, 0.2, 0.8]);
    // 0.8 + 0.05.
    assert!((forecast.deals - 0.85).abs() < 1e-9);
}

#[test]
fn a_forecast_from_history() {
    let mut deals = String::new();
    for _ in 0..4 {
        deals += "path=1@-40,3@-30\n";
        deals += "budget=3 path=1@5\n";
    }
    for _ in 0..6 {
        deals += "path=0@-60,1@-40,4@-30\n";
    }
    // Of these nobody knows where they have been: they count for the first stage alone.
    deals += "path=4@?\npath=4@?\n";
    let forecast = insight_of(&frame(), &deals).forecast;
    let consulting = &forecast.stages[1];
    // α = 0.2 × 5: (1 + 4) / (5 + 10) = 1/3.
    assert_eq!((consulting.won, consulting.lost), (Some(4), Some(6)));
    assert_eq!(
        (consulting.chance, consulting.alpha, consulting.beta),
        (0.3333, 1.0, 4.0)
    );
    let prospect = &forecast.stages[0];
    assert_eq!(
        (prospect.won, prospect.lost, prospect.open),
        (Some(4), Some(8), 0)
    );
    assert_eq!(forecast.ended, 12);
    // Four of 3 tỷ: 12 × 1/3 = 4. The chance's own variance 2/9 / 16 = 1/72; that of the sum
    // 36 × (2/9 − 1/72) + 144 × 1/72 = 7.5 + 2 = 9.5; 4 ± 1.28155 × 3.08221 = 4 ± 3.95001.
    assert_eq!(forecast.expected, 4 * BILLION);
    let tenths = |dong: i64| dong / (BILLION / 1000);
    assert_eq!((tenths(forecast.low), tenths(forecast.high)), (49, 7_950));
}

#[test]
fn what_others_teach_is_not_counted() {
    let frame = frame();
    let mut tally = Tally::new(&frame);
    tally.learn(&deal("path=1@-40,3@-30"));
    tally.add(&deal("owner=An path=1@-40"));
    let insight = tally.finish(false);
    assert_eq!((insight.customers, insight.forecast.ended), (1, 1));
    assert_eq!(insight.forecast.stages[1].won, None);
    // (1 + 1) / (5 + 1)
    assert_eq!(insight.forecast.stages[1].chance, 0.3333);
}

#[test]
fn targets_and_costs_stand_beside_what_was_reached() {
    let cost = |source: &str, dong| CostLine {
        source: source.into(),
        month: None,
        dong,
    };
    let frame = Frame {
        goals: Goals {
            targets: vec![TargetLine {
                person: None,
                month: None,
                target: Target {
                    deposits: Some(2.0),
                    ..Target::default()
                },
            }],
            costs: vec![cost("Facebook", 9_000_000), cost("Báo giấy", 1_000_000)],
        },
        ..frame()
    };
    let deals = "came=2 owner=An source=facebook path=0@2,2@5
                 came=3 source=Facebook path=0@3
                 came=4 source=Facebook path=0@4";
    let insight = insight_of(&frame, deals);
    let facebook = &insight.sources[0];
    assert_eq!(facebook.source.as_deref(), Some("Facebook"));
    assert_eq!(
        (facebook.cost, facebook.cost_per_lead),
        (Some(9_000_000), Some(3_000_000))
    );
    assert_eq!(facebook.cost_per_deposit, Some(9_000_000));
    let paper = &insight.sources[1];
    assert_eq!(
        (paper.new, paper.cost, paper.cost_per_lead),
        (0, Some(1_000_000), None)
    );
    assert_eq!(insight.owners[0].target.deposits, Some(2.0));
    // Nobody in charge: nothing is expected of nobody.
    assert_eq!(insight.owners[1].target, Target::default());
}

#[test]
fn flaws_and_engagement_are_of_those_who_are_there_now() {
    let frame = frame();
    let mut tally = Tally::new(&frame);
    let lacking = Deal {
        flaws: Flaws {
            contact: true,
            budget: true,
            ..Flaws::default()
        },
        engagement: Some(Engagement::Cooling),
        waits: true,
        ..deal("owner=An path=1@?")
    };
    tally.add(&lacking);
    tally.add(&Deal {
        gone: Some(day("3")),
        ..lacking.clone()
    });
    let insight = tally.finish(true);
    assert_eq!(insight.quality.rows, 1);
    assert_eq!(
        (insight.quality.no_contact, insight.quality.no_budget),
        (1, 1)
    );
    assert_eq!(
        (insight.quality.unknown_age, insight.quality.no_source),
        (1, 0)
    );
    assert_eq!((insight.engagement.cooling, insight.waiting), (1, 1));
    assert!(!insight.quality.is_clean() && Quality::default().is_clean());
}
