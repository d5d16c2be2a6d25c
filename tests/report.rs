//! Three weeks of a small company: the figures of `report` against figures reckoned apart, by simple means, from what
//! the staff did and when.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sheetbridge::commands::{Desk, ErrorKind, Request, Who};
use sheetbridge::core::people::Role;
use sheetbridge::sandbox::google::{Cell, Edit, Workbook};
use support::{CUSTOMERS, Company};

const HEADER: [&str; 7] = [
    "Họ tên",
    "SĐT",
    "Giai đoạn",
    "NV phụ trách",
    "Nguồn",
    "Ngân sách",
    "Ngày tiếp nhận",
];
const STAGES: [(&str, &str); 5] = [
    ("prospect", "tiềm năng"),
    ("consulting", "Đang tư vấn"),
    ("deposited", "đã cọc"),
    ("completed", "Hoàn tất giao dịch"),
    ("lost", "mất khách"),
];
/// The morning of the first day of a play.
const FIRST: &str = "2026-10-15T02:30:00Z";
const OWNERS: [&str; 3] = ["Lan Anh", "Minh Tuấn", "Thu Hà"];
const SOURCES: [&str; 3] = ["Facebook", "Zalo", "Website"];

const GOALS: &str = r#"
[[target]]
deposits = 3
[[target]]
person = "Lan Anh"
month = "2026-11"
new = 30
[costs]
Facebook = 3_000_000
"#;

/// What the staff did with one customer.
struct Told {
    came: Timestamp,
    owner: usize,
    source: usize,
    /// Tỷ.
    budget: Option<i64>,
    /// Stage and when it was seen.
    stages: Vec<(usize, Timestamp)>,
}

/// A company with no customers yet, on the morning of 15 October.
async fn company(more: &str) -> Company {
    let mut workbook = Workbook::new("1Report", "Khách");
    workbook
        .share
        .insert("*".into(), sheetbridge::sandbox::google::Role::Reader);
    let tab = workbook.add_tab(CUSTOMERS);
    for (column, text) in HEADER.iter().enumerate() {
        tab.set(0, column, Cell::text(*text));
    }
    let tabs = format!("[[workbook.tab]]\nname = \"{CUSTOMERS}\"\n");
    let mut company = Company::with(workbook, &tabs, more, &[]).await;
    company.now = at("2026-10-15T02:00:00Z");
    company.poll().await;
    company
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// On which day of the play a customer enters which stage: numbers make it, so that a failure can be looked at.
fn plan(number: usize) -> Vec<(usize, usize)> {
    let came = number;
    let consulting = came + number % 5 + 1;
    let then = consulting + number % 7 + 2;
    let mut days = vec![(0, came)];
    if number % 8 != 7 {
        days.push((1, consulting));
        match number % 3 {
            0 => {
                days.push((2, then));
                if number.is_multiple_of(2) {
                    days.push((3, then + 6));
                }
            }
            1 => days.push((4, then)),
            _ => {}
        }
    }
    days
}

/// Plays days from `FIRST` on; each day one customer comes in the morning, and others move some minutes later. What
/// was typed last has settled by the next look: a client asks Google no more than 60 times a minute.
async fn play(company: &mut Company, days: usize) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    for day in 0..days {
        company.now = at(FIRST) + SignedDuration::from_hours(24 * day as i64);
        let (owner, source) = (day % 3, day % 4 % 3);
        let budget = (day % 5 != 4).then_some(2 + day as i64 % 4);
        company.add_customer(&[
            ("Họ tên", &format!("Khách Số {}", letters(day))),
            ("SĐT", &format!("09{:08}", 10_000_000 + day * 37)),
            ("Giai đoạn", STAGES[0].1),
            ("NV phụ trách", OWNERS[owner]),
            ("Nguồn", SOURCES[source]),
            (
                "Ngân sách",
                &budget.map(|of| format!("{of} tỷ")).unwrap_or_default(),
            ),
        ]);
        told.push(Told {
            came: company.now,
            owner,
            source,
            budget,
            stages: vec![(0, company.now)],
        });
        company.poll().await;
        company.wait(600 * (1 + day as i64 % 4));
        for (number, customer) in told.iter_mut().enumerate() {
            for (stage, on) in plan(number).into_iter().skip(1) {
                if on == day {
                    company.type_into(number + 2, "Giai đoạn", STAGES[stage].1);
                    customer.stages.push((stage, company.now));
                }
            }
        }
        company.poll().await;
    }
    company.wait(21);
    company.poll().await;
    told
}

/// Names that are no likeness of each other.
fn letters(number: usize) -> String {
    let letter = |n: usize| char::from(b'A' + u8::try_from(n % 26).unwrap());
    format!("{}{}", letter(number / 26), letter(number)).repeat(3)
}

fn report(company: &Company, from: &str, to: &str) -> Value {
    let desk = Desk::new(company.roster.clone(), None);
    let request = Request::Report {
        from: Some(from.into()),
        to: Some(to.into()),
    };
    desk.answer(&request, &Who::CommandLine, company.now)
        .unwrap()
}

/// Kaplan and Meier's median by its definition, step by step over the lengths at which something ended.
fn median(lengths: &[(f64, bool)]) -> Option<f64> {
    let mut ends: Vec<f64> = lengths
        .iter()
        .filter(|(_, over)| *over)
        .map(|(long, _)| *long)
        .collect();
    ends.sort_by(f64::total_cmp);
    ends.dedup();
    let mut left = 1.0;
    for end in ends {
        let at_risk = lengths.iter().filter(|(long, _)| *long >= end).count() as f64;
        let over = lengths
            .iter()
            .filter(|(long, over)| *over && *long == end)
            .count() as f64;
        left *= 1.0 - over / at_risk;
        if left <= 0.5 {
            return Some(end);
        }
    }
    None
}

fn days(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() / 86_400.0
}

fn near(found: &Value, expected: Option<f64>) -> bool {
    match (found.as_f64(), expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= 0.006,
        (None, None) => true,
        _ => false,
    }
}

/// Everything by stage that can be counted from what was done, against what the report says.
fn check_pipeline(report: &Value, told: &[Told], start: Timestamp, until: Timestamp) {
    for (stage, (id, _)) in STAGES.iter().enumerate() {
        let figures = &report["pipeline"][stage];
        assert_eq!(figures["stage"], *id);
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        let mut lengths = Vec::new();
        for one in told {
            let past: Vec<_> = one.stages.iter().filter(|(_, at)| *at <= until).collect();
            if past.last().is_some_and(|(last, _)| *last == stage) {
                *counts.entry("count").or_default() += 1;
            }
            for (place, (entered, at)) in past.iter().enumerate() {
                if *entered != stage || *at < start {
                    continue;
                }
                *counts.entry("entered").or_default() += 1;
                let next = past.get(place + 1);
                let outcome = match next {
                    Some((4, _)) => "lost",
                    Some(_) => "went_on",
                    None => "still",
                };
                *counts.entry(outcome).or_default() += 1;
                lengths.push((days(*at, next.map_or(until, |(_, at)| *at)), next.is_some()));
            }
        }
        for name in ["count", "entered", "lost", "went_on", "still"] {
            let expected = counts.get(name).copied().unwrap_or_default();
            assert_eq!(figures[name], expected, "{name} of {id}: {figures}");
        }
        let expected = median(&lengths);
        assert!(
            near(&figures["median_days"], expected),
            "{id}: {expected:?} {figures}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_weeks_are_reported_as_they_were() {
    let mut company = company(GOALS).await;
    let told = play(&mut company, 24).await;
    // The 8th of November, local evening.
    company.now = at("2026-11-08T12:00:00Z");
    let october = report(&company, "2026-10-01", "2026-10-31");
    let november = report(&company, "2026-11-01", "2026-11-30");
    // Midnight in Hồ Chí Minh City.
    let turn = at("2026-10-31T17:00:00Z");
    check_pipeline(
        &october,
        &told,
        at("2026-09-30T17:00:00Z"),
        turn - SignedDuration::from_nanos(1),
    );
    check_pipeline(&november, &told, turn, company.now);
    assert_eq!(november["customers"], 24);
    assert_eq!(october["customers"], 17);
    let new: Vec<&Told> = told.iter().filter(|one| one.came >= turn).collect();
    assert_eq!(november["new"], new.len());
    assert_eq!(october["until"], "2026-10-31T23:59:59");
    assert_eq!(november["until"], "2026-11-08T19:00:00");

    check_people(&november, &told, turn);
    check_sources(&november, &new);
    check_speed(&november["speed"], &new, company.now);
    check_forecast(&november["forecast"], &told);
}

/// Figures of each person in November.
fn check_people(november: &Value, told: &[Told], turn: Timestamp) {
    for (number, name) in OWNERS.iter().enumerate() {
        let found = november["owners"].as_array().unwrap().iter();
        let figures = found.clone().find(|of| of["owner"] == *name).unwrap();
        let own: Vec<&Told> = told.iter().filter(|one| one.owner == number).collect();
        let entered = |stage: usize| {
            own.iter()
                .flat_map(|one| &one.stages)
                .filter(|(of, at)| *of == stage && *at >= turn)
                .count()
        };
        assert_eq!(figures["customers"], own.len(), "{name}");
        assert_eq!(
            figures["new"],
            own.iter().filter(|one| one.came >= turn).count()
        );
        assert_eq!(figures["deposits"], entered(2), "{name}");
        assert_eq!(figures["won"], entered(3), "{name}");
        assert_eq!(figures["lost"], entered(4), "{name}");
        assert_eq!(
            figures["forward"],
            entered(1) + entered(2) + entered(3),
            "{name}"
        );
        let target = if number == 0 {
            ("new", 30.0)
        } else {
            ("deposits", 3.0)
        };
        assert_eq!(figures["target"][target.0], target.1, "{name}");
    }
}

/// Sources, of those who came in November.
fn check_sources(november: &Value, new: &[&Told]) {
    for (number, name) in SOURCES.iter().enumerate() {
        let found = november["sources"].as_array().unwrap().iter();
        let figures = found.clone().find(|of| of["source"] == *name).unwrap();
        let of: Vec<&&Told> = new.iter().filter(|one| one.source == number).collect();
        let reached = |stage: usize| {
            of.iter()
                .filter(|one| one.stages.iter().any(|(is, _)| *is == stage))
                .count()
        };
        assert_eq!(figures["new"], of.len(), "{name}");
        assert_eq!(figures["deposits"], reached(2), "{name}");
        assert_eq!(figures["won"], reached(3), "{name}");
    }
    let facebook = &november["sources"].as_array().unwrap()[0];
    assert_eq!(
        (&facebook["source"], &facebook["cost"]),
        (&"Facebook".into(), &3_000_000.into())
    );
    let leads = facebook["new"].as_i64().unwrap();
    assert_eq!(facebook["cost_per_lead"], 3_000_000 / leads);
}

/// The first move is the first sign of a reaction.
fn check_speed(speed: &Value, new: &[&Told], now: Timestamp) {
    let reactions: Vec<(f64, bool)> = new
        .iter()
        .map(|one| {
            let first = one.stages.get(1).map(|(_, at)| *at);
            (
                days(one.came, first.unwrap_or(now)) * 1440.0,
                first.is_some(),
            )
        })
        .collect();
    assert_eq!(speed["leads"], new.len());
    assert_eq!(
        speed["reacted"],
        reactions.iter().filter(|(_, over)| *over).count()
    );
    let found = speed["median_minutes"].as_f64().unwrap();
    assert!((found - median(&reactions).unwrap()).abs() < 0.5, "{speed}");
}

/// The chances by the history that the play made, and the money by the chances.
fn check_forecast(forecast: &Value, told: &[Told]) {
    let last = |one: &Told| one.stages.last().unwrap().0;
    let (mut expected, mut deals) = (0.0, 0.0);
    for (stage, prior) in [(0, 0.05), (1, 0.2), (2, 0.8)] {
        let through = |end: usize| {
            let ended = told.iter().filter(|one| last(one) == end);
            ended
                .filter(|one| one.stages.iter().any(|(of, _)| *of == stage))
                .count() as f64
        };
        let chance = (through(3) + prior * 5.0) / (through(3) + through(4) + 5.0);
        let figures = &forecast["stages"][stage];
        assert!(
            (figures["chance"].as_f64().unwrap() - chance).abs() < 1e-4,
            "{figures}"
        );
        for one in told.iter().filter(|one| last(one) == stage) {
            expected += chance * one.budget.unwrap_or(0) as f64 * 1e9;
            deals += chance;
        }
    }
    assert!(
        (forecast["expected"].as_f64().unwrap() - expected).abs() < 2.0,
        "{forecast}"
    );
    assert!(
        (forecast["deals"].as_f64().unwrap() - deals).abs() < 0.01,
        "{forecast}"
    );
    let open = told.iter().filter(|one| last(one) < 3);
    assert_eq!(
        forecast["no_budget"],
        open.filter(|one| one.budget.is_none()).count()
    );
    let ended = told.iter().filter(|one| last(one) >= 3).count();
    assert_eq!(
        (&forecast["ended"], &forecast["small_history"]),
        (&ended.into(), &(ended < 20).into())
    );
    let (low, high) = (
        forecast["low"].as_f64().unwrap(),
        forecast["high"].as_f64().unwrap(),
    );
    assert!(low < expected && expected < high, "{forecast}");
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_the_figures_of_their_own() {
    let mut company = company("").await;
    let told = play(&mut company, 12).await;
    let desk = Desk::new(company.roster.clone(), None);
    let of = |name: &str, role: Role| {
        let who = Who::Colleague {
            name: name.into(),
            role,
        };
        desk.report(None, None, &who, at("2026-10-26T12:00:00Z"))
    };
    let own = told.iter().filter(|one| one.owner == 0).count();
    let staff = of("Lan Anh", Role::Staff).unwrap();
    assert_eq!(
        (staff.scope.as_str(), staff.customers as usize),
        ("own", own)
    );
    let names: Vec<_> = staff.owners.iter().map(|of| of.owner.as_deref()).collect();
    assert_eq!(names, [Some("Lan Anh")]);
    assert!(
        staff
            .forecast
            .stages
            .iter()
            .all(|stage| stage.won.is_none())
    );
    let marketing = of("Mai", Role::Marketing).unwrap();
    assert_eq!(
        (marketing.customers as usize, marketing.owners.len()),
        (12, 0)
    );
    let manager = of("Hà Phạm", Role::Manager).unwrap();
    assert_eq!((manager.customers as usize, manager.owners.len()), (12, 3));
    let stranger = desk.report(None, None, &Who::Stranger, company.now);
    assert_eq!(stranger.unwrap_err().kind, ErrorKind::NotAllowed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_handed_over_takes_no_deposit_along() {
    let mut company = company("").await;
    play(&mut company, 1).await;
    company.type_into(2, "Giai đoạn", "đã cọc");
    company.poll_and_settle().await;
    company.wait(3_600);
    company.type_into(2, "NV phụ trách", "Minh Tuấn");
    company.poll_and_settle().await;
    let found = report(&company, "2026-10-01", "2026-10-31");
    let owners: Vec<_> = found["owners"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| {
            (
                of["owner"].as_str().unwrap(),
                of["customers"].as_u64(),
                of["deposits"].as_u64(),
            )
        })
        .collect();
    assert_eq!(
        owners,
        [
            ("Minh Tuấn", Some(1), Some(0)),
            ("Lan Anh", Some(0), Some(1))
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_go_stay_in_the_history() {
    let mut company = company("").await;
    play(&mut company, 6).await;
    company.edit(Edit::DeleteRows {
        tab: CUSTOMERS.into(),
        from: 3,
        count: 1,
    });
    company.poll().await;
    company.wait(700);
    company.poll().await;
    let found = report(&company, "2026-10-01", "2026-10-31");
    assert_eq!(
        (&found["customers"], &found["new"], &found["gone"]),
        (&5.into(), &6.into(), &1.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn days_that_are_none_are_told_with_the_mend() {
    let company = company("").await;
    let desk = Desk::new(company.roster.clone(), None);
    for (from, to, expected) in [
        (
            Some("31/10/2026"),
            None,
            "\"31/10/2026\" of --from is no day: write it like 2026-10-31 (year-month-day)",
        ),
        (
            None,
            Some("2026-02-30"),
            "\"2026-02-30\" of --to is no day: write it like 2026-10-31 (year-month-day)",
        ),
        (
            Some("2026-09-30"),
            Some("2026-09-01"),
            "the period ends on 2026-09-01, before it begins on 2026-09-30: exchange --from and --to",
        ),
        (
            Some("2026-12-01"),
            None,
            "the period begins on 2026-12-01, and today is 2026-10-15: ask for one that has begun",
        ),
    ] {
        let error = desk
            .report(from, to, &Who::CommandLine, company.now)
            .unwrap_err();
        assert_eq!(
            (error.kind, error.text.as_str()),
            (ErrorKind::Usage, expected)
        );
    }
}
