//! `report` as it is typed: text, JSON and CSV, with and without a daemon, and what is asked wrongly.

use serde_json::Value;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_are_the_same_with_and_without_a_daemon() {
    let world = World::new().await;
    world.run(&["sync"]).await.well();
    let text = world.run(&["report"]).await.well().out;
    for part in [
        "Pipeline",
        "People",
        "Speed to lead",
        "Sources",
        "Forecast",
        "customers 300",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let alone = world.run(&["report", "--json"]).await.well().json();
    let csv = world.run(&["report", "--csv"]).await.well().out;
    check_csv(&csv, &alone);
    let daemon = world.daemon().await;
    let asked = world.run(&["report", "--json"]).await.well().json();
    assert_eq!(asked["pipeline"][0]["count"], alone["pipeline"][0]["count"]);
    assert_eq!(asked["customers"], 300);
    let status = world.run(&["status", "--json"]).await.json();
    assert_eq!(
        status["figures"]["pipeline"][1]["count"],
        asked["pipeline"][1]["count"]
    );
    assert_eq!(status["figures"]["expected"], asked["forecast"]["expected"]);
    // The refusals of the daemon are those of the store.
    world.run(&["report", "--from", "yesterday"]).await.failed(
        2,
        &["\"yesterday\" of --from is no day: write it like 2026-10-31"],
    );
    drop(daemon);
}

/// Every line has five cells, each key of a section the same measures, and the figures are those of the object.
fn check_csv(csv: &str, report: &Value) {
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("section,key,measure,value,unit"));
    let cells: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert!(cells.iter().all(|line| line.len() == 5), "{csv}");
    let value = |section: &str, key: &str, measure: &str| {
        let wanted = [section, key, measure];
        let found = cells.iter().find(|line| line[..3] == wanted);
        found.map(|line| line[3].parse::<f64>().ok())
    };
    let customers = report["customers"].as_f64();
    assert_eq!(value("totals", "all", "customers"), Some(customers));
    for stage in report["pipeline"].as_array().unwrap() {
        let id = stage["stage"].as_str().unwrap();
        for measure in ["count", "entered", "median_days", "conversion"] {
            let found = value("pipeline", id, measure);
            assert_eq!(found, Some(stage[measure].as_f64()), "{id} {measure}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_period_is_usage() {
    let world = World::new().await;
    world.run(&["sync"]).await.well();
    for (arguments, said) in [
        (
            ["report", "--from", "31/10/2026"],
            "\"31/10/2026\" of --from is no day: write it like 2026-10-31 (year-month-day)",
        ),
        (
            ["report", "--from", "2999-01-01"],
            "the period begins on 2999-01-01, and today is",
        ),
    ] {
        world.run(&arguments).await.failed(2, &[said]);
    }
    world
        .run(&["report", "--from", "2026-02-02", "--to", "2026-02-01"])
        .await
        .failed(2, &["the period ends on 2026-02-01, before it begins on 2026-02-02: exchange --from and --to"]);
    world
        .run(&["report", "--csv", "--json"])
        .await
        .failed(2, &[]);
}
