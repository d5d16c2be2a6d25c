//! The commands as they are typed: exit codes, what is on stdout, and that the same commands work with and
//! without a running daemon.

#![allow(clippy::unwrap_used)] // A test that cannot go on may stop.

#[path = "cli/world.rs"]
mod world;

#[path = "cli/demo.rs"]
mod demo;
#[path = "cli/digest.rs"]
mod digest;
#[path = "cli/handover.rs"]
mod handover;
#[path = "cli/report.rs"]
mod report;
#[path = "cli/sandbox.rs"]
mod sandbox;
#[path = "cli/state.rs"]
mod state;
#[path = "cli/sync.rs"]
mod sync;

use serde_json::json;
use world::{Ran, command};

const COMMANDS: [&str; 18] = [
    "demo", "sandbox", "check", "sync", "run", "status", "records", "explain", "digest", "outbox",
    "held", "claims", "suppress", "pause", "resume", "invite", "report", "handover",
];

fn run(arguments: &[&str]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    Ran::of(command(dir.path()).args(arguments).output().unwrap())
}

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let ran = run(&["--help"]).well();
    for word in COMMANDS
        .iter()
        .chain(&["--config", "--json", "77 no permission"])
    {
        assert!(ran.out.contains(word), "{word} is not in {}", ran.out);
    }
    for command in COMMANDS {
        let ran = run(&[command, "--help"]).well();
        assert!(
            ran.out.contains("Example") && ran.err.is_empty(),
            "{command}: {ran:?}"
        );
    }
    assert_eq!(
        run(&["--version"]).well().out,
        concat!("sheetbridge ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn what_is_asked_wrongly_is_usage() {
    run(&["fly"]).failed(2, &["error: unrecognized subcommand 'fly'", "--help"]);
    run(&["held", "release"]).failed(2, &["<ID>"]);
    run(&["outbox", "list", "--limit", "many"]).failed(2, &["--limit"]);
    run(&["outbox", "resolve", "x", "--again", "--dead"]).failed(2, &["cannot be used with"]);
    run(&["outbox", "trial", "--drop", "--take-over"]).failed(2, &["cannot be used with"]);
    run(&["claims", "decide", "c-1"]).failed(2, &["--keep <NAME>|--together"]);
    run(&["claims", "decide", "c-1", "--keep", "Lan Anh", "--together"])
        .failed(2, &["cannot be used with"]);
    run(&["explain"]).failed(2, &["<WHO>"]);
    let ran = run(&["fly", "--json"]);
    assert_eq!((ran.code, ran.err.as_str()), (2, ""));
    assert_eq!(ran.json()["error"]["kind"], "usage");
}

#[test]
fn without_a_configuration_it_says_where_it_looked() {
    for command in ["check", "sync", "run", "status", "records"] {
        run(&[command]).failed(78, &["no configuration: neither /etc/sheetbridge/sheetbridge.toml nor config/sheetbridge.toml", "--config FILE"]);
    }
    let ran = run(&["status", "--json"]);
    assert_eq!(ran.code, 78);
    assert_eq!(ran.json()["error"]["kind"], "configuration");
    assert_eq!(ran.json()["error"]["problems"].as_array().unwrap().len(), 1);
    run(&["--config", "/nowhere.toml", "run"]).failed(78, &["/nowhere.toml", "cannot be read"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_of_a_configuration_is_told_at_once() {
    let world = world::World::new().await;
    world.reconfigure("after = \"1s\"", "after = \"soon\"");
    world.reconfigure("idle = \"consulting\"", "idle = \"consultin\"");
    let ran = world.run(&["sync"]).await;
    ran.failed(78, &["soon", "consultin", "2 mistakes"]);
    let problems = world.run(&["sync", "--json"]).await.json()["error"]["problems"].clone();
    assert_eq!(problems.as_array().unwrap().len(), 2);
    assert!(
        problems[0]["line"].is_u64() && problems[0]["mend"].is_string(),
        "{problems}"
    );
    assert_eq!(world.run(&["run"]).await.code, 78);
}

/// `records --json | head -1` is no mistake.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_is_no_mistake() {
    let world = world::World::new().await;
    world.run(&["sync"]).await.well();
    let mut running = world.start(&["records", "--json"]);
    let first: serde_json::Value = serde_json::from_str(&running.first_line().await).unwrap();
    assert_eq!(first["tab"], json!(world::TAB));
    let ran = running.wait().await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}
