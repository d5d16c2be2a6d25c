//! The map of the house is tested: which module may import which, and which foreign crate is named where.
//!
//! The tables below are the map; `use` lines and inline paths of every file under `src/` are held against them.
//! A module that is missing from the table fails, and so does a line of the table whose module is gone.
//! Code under `#[cfg(test)]` may reach across and is not looked at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[path = "layers/source.rs"]
mod source;

use source::{Named, paths, test_modules};

/// A module, and which others it may import. Always allowed: itself, what is below it, what is above it.
/// A name stands for everything below it.
const ROOMS: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("clock", &[]),
    ("random", &[]),
    ("telemetry", &[]),
    ("config", &["core"]),
    // The edges: each around its own foreign crate, never each other.
    ("google", &["core", "config"]),
    ("store", &["core", "config"]),
    ("render", &["core", "config"]),
    ("telegram", &["core", "config"]),
    ("courier", &["core", "config"]),
    ("courier::email", &["core", "config"]),
    ("courier::telegram", &["core", "config", "telegram"]),
    // What the daemon knows, and who the people are.
    ("health", &["core", "config"]),
    ("roster", &["core", "config", "store"]),
    // The two loops share only the store: the cycle never sends, the outbox never reads the sheet.
    (
        "cycle",
        &["core", "config", "google", "store", "render", "roster"],
    ),
    ("alarms", &["core", "config", "store", "render", "roster"]),
    (
        "campaigns",
        &["core", "config", "store", "render", "roster", "commands"],
    ),
    (
        "writeback",
        &["core", "config", "google", "store", "roster"],
    ),
    (
        "outbox",
        &[
            "core", "config", "store", "render", "courier", "roster", "health", "commands",
        ],
    ),
    // Every question and act, and those who ask.
    (
        "commands",
        &[
            "core", "config", "store", "render", "roster", "health", "cycle",
        ],
    ),
    ("bot", &["core", "config", "commands", "health", "telegram"]),
    ("web", &["core", "config", "commands", "health", "render"]),
    ("control", &["core", "config", "commands"]),
    // The outside world on loopback: nothing of ours, and its three servers know nothing of each other.
    ("sandbox", &[]),
    ("sandbox::google", &[]),
    ("sandbox::smtp", &[]),
    ("sandbox::telegram", &[]),
    ("sandbox::page", &["sandbox"]),
    // The wiring.
    (
        "daemon",
        &[
            "core",
            "config",
            "google",
            "store",
            "render",
            "telegram",
            "courier",
            "health",
            "roster",
            "cycle",
            "alarms",
            "campaigns",
            "writeback",
            "outbox",
            "commands",
            "bot",
            "web",
            "control",
        ],
    ),
    (
        "cli",
        &[
            "core",
            "config",
            "google",
            "store",
            "render",
            "telegram",
            "courier",
            "health",
            "roster",
            "cycle",
            "alarms",
            "campaigns",
            "writeback",
            "outbox",
            "commands",
            "bot",
            "web",
            "control",
            "sandbox",
            "daemon",
        ],
    ),
    ("main", &["cli", "config"]),
];

/// Clock values, chance and telemetry are for all of the shell.
const SHELL: &[&str] = &["clock", "random", "telemetry"];

/// Who may not have even those.
const NOT_SHELL: &[&str] = &["core", "clock", "random", "telemetry", "config", "sandbox"];

/// Foreign crates that are named in a few places only. One that stands here nowhere else may be used by anybody
/// but `core`.
const CRATES: &[(&str, &[&str])] = &[
    ("sled", &["store"]),
    ("google_sheets4", &["google"]),
    ("yup_oauth2", &["google"]),
    ("teloxide", &["telegram", "courier::telegram", "bot"]),
    ("lettre", &["courier::email"]),
    ("axum", &["web", "sandbox"]),
    ("minijinja", &["core", "render"]),
    ("html2text", &["render"]),
    ("pulldown_cmark", &["render"]),
    ("mrml", &["render"]),
    ("clap", &["cli", "main"]),
    ("toml", &["config"]),
    ("prometheus_client", &["telemetry"]),
    ("tracing_subscriber", &["telemetry"]),
    ("tracing_journald", &["telemetry"]),
    ("sd_notify", &["daemon"]),
    ("fastrand", &["random", "sandbox"]),
    ("calamine", &["sandbox"]),
    ("csv", &["sandbox"]),
    ("flate2", &["sandbox", "store"]),
    ("mail_parser", &["sandbox"]),
    ("rcgen", &["sandbox"]),
    ("resvg", &["render"]),
    ("skrifa", &["render"]),
];

/// What `core` may use: crates that compute, and of the standard library what touches no world.
const PURE_CRATES: &[&str] = &[
    "blake3",
    "compact_str",
    "email_address",
    "jiff",
    "minijinja",
    "phonenumber",
    "serde",
    "serde_json",
    "thiserror",
    "unicode_normalization",
];
const WORLDLY_STD: &[&str] = &["env", "fs", "io", "net", "os", "process", "thread"];

/// Ends of paths that read the clock or the environment, and where they may stand.
const READERS: &[(&[&str], &[&str])] = &[
    (&["Timestamp", "now"], &["clock", "sandbox"]),
    (&["Zoned", "now"], &["clock", "sandbox"]),
    (&["SystemTime", "now"], &["clock", "sandbox"]),
    (&["env", "var"], &["config"]),
    (&["env", "var_os"], &["config"]),
    (&["env", "vars"], &["config"]),
    (&["env", "vars_os"], &["config"]),
];

/// Whether `name` is `room` or stands below it.
fn within(name: &str, room: &str) -> bool {
    name.strip_prefix(room)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The most exact line of the table for a path below `crate`.
fn room_of(path: &str) -> Option<(&'static str, &'static [&'static str])> {
    ROOMS
        .iter()
        .filter(|(room, _)| within(path, room))
        .max_by_key(|(room, _)| room.len())
        .copied()
}

/// Everything that is wrong with a file. `module` is its place, such as `courier::email`.
fn faults(module: &str, source: &str, crates: &[String]) -> Vec<String> {
    let Some((room, may)) = room_of(module) else {
        return vec![format!(
            "{module} is missing from the table in tests/layers.rs"
        )];
    };
    let segments: Vec<String> = match module {
        "main" => Vec::new(),
        _ => module.split("::").map(str::to_owned).collect(),
    };
    let mut faults = Vec::new();
    for named in paths(&segments, source) {
        let fault = of_ours(room, may, &named)
            .or_else(|| foreign(room, &named, crates))
            .or_else(|| reads_world(room, &named));
        faults.extend(fault.map(|fault| format!("{module}, line {}: {fault}", named.line)));
    }
    faults
}

fn of_ours(room: &str, may: &[&str], named: &Named) -> Option<String> {
    let ours = named.path[0] == "crate" || (room == "main" && named.path[0] == "sheetbridge");
    if !ours {
        return None;
    }
    let path = named.path[1..].join("::");
    // A macro of ours stands at the root.
    let (target, _) = room_of(&path)?;
    let shell = SHELL.contains(&target) && !NOT_SHELL.iter().any(|not| within(room, not));
    let related = within(target, room) || within(room, target);
    let allowed = shell || related || may.iter().any(|other| within(target, other));
    (!allowed).then(|| format!("{room} may not import {target} ({})", named.text()))
}

fn foreign(room: &str, named: &Named, crates: &[String]) -> Option<String> {
    let root = named.path[0].as_str();
    if within(room, "core") {
        let worldly = root == "std" && WORLDLY_STD.contains(&named.path[1].as_str());
        let unknown = crates.iter().any(|known| known == root) && !PURE_CRATES.contains(&root);
        if worldly || unknown {
            return Some(format!("core is pure and may not use {}", named.text()));
        }
    }
    let (_, rooms) = CRATES.iter().find(|(name, _)| *name == root)?;
    let allowed = rooms.iter().any(|allowed| within(room, allowed));
    (!allowed).then(|| {
        format!(
            "{root} is named in {} only, not in {room} ({})",
            rooms.join(", "),
            named.text()
        )
    })
}

fn reads_world(room: &str, named: &Named) -> Option<String> {
    let (_, rooms) = READERS.iter().find(|(end, _)| {
        // A use of more than the end, such as `SystemTime::now::<T>`, does not occur.
        let path: Vec<&str> = named.path.iter().map(String::as_str).collect();
        path.ends_with(end)
    })?;
    let allowed = rooms.iter().any(|allowed| within(room, allowed));
    (!allowed).then(|| format!("{} is for {} only", named.text(), rooms.join(", ")))
}

/// Names of the dependencies as code writes them.
fn dependencies() -> Vec<String> {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let manifest: toml::Table = manifest.parse().expect("a manifest");
    let dependencies = manifest["dependencies"].as_table().expect("a table");
    dependencies
        .keys()
        .map(|name| name.replace('-', "_"))
        .collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the program by its module; `lib` only declares them. Modules for tests are left out.
fn files() -> BTreeMap<String, String> {
    let src = root().join("src");
    let mut files = BTreeMap::new();
    collect(&src, &src, &mut files);
    let mut for_tests = Vec::new();
    for (module, text) in &files {
        for_tests.extend(
            test_modules(text)
                .into_iter()
                .map(|name| format!("{module}::{name}")),
        );
    }
    files.retain(|module, _| module != "lib" && !for_tests.iter().any(|test| within(module, test)));
    files
}

fn collect(src: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).expect("a folder under src") {
        let path = entry.expect("an entry under src").path();
        if path.is_dir() {
            collect(src, &path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let module = path
                .strip_prefix(src)
                .expect("under src")
                .with_extension("");
            let module = module.to_str().expect("names in ASCII").replace('/', "::");
            files.insert(module, std::fs::read_to_string(&path).expect("source text"));
        }
    }
}

#[test]
fn modules_import_only_what_the_map_allows() {
    let crates = dependencies();
    let faults: Vec<String> = files()
        .iter()
        .flat_map(|(module, source)| faults(module, source, &crates))
        .collect();
    assert!(
        faults.is_empty(),
        "{} lines against the map:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn the_map_names_no_room_that_is_gone() {
    let files = files();
    let gone: Vec<&str> = ROOMS
        .iter()
        .map(|(room, _)| *room)
        .filter(|room| !files.contains_key(*room))
        .collect();
    assert!(
        gone.is_empty(),
        "in the table of tests/layers.rs, but not under src/: {}",
        gone.join(", ")
    );
}

#[test]
fn each_server_of_the_sandbox_reads_the_clock_in_one_place() {
    let mut places: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for (module, source) in files() {
        let segments: Vec<String> = module.split("::").map(str::to_owned).collect();
        let clocks = paths(&segments, &source)
            .into_iter()
            .filter(|named| reads_world("nobody", named).is_some());
        if let Some((room, _)) = room_of(&module).filter(|(room, _)| within(room, "sandbox")) {
            places
                .entry(room)
                .or_default()
                .extend(clocks.map(|named| format!("{module}:{}", named.line)));
        }
    }
    for (room, places) in places {
        assert!(
            places.len() <= 1,
            "{room} reads the clock in {}",
            places.join(", ")
        );
    }
}

/// What the checker says of a text that stands in `module`.
fn said_of(module: &str, source: &str) -> String {
    let crates = ["tokio", "sled", "serde", "tracing", "teloxide", "lettre"].map(str::to_owned);
    faults(module, source, &crates).join("\n")
}

#[test]
fn a_forbidden_import_is_found_however_it_is_written() {
    for (module, source, fault) in [
        (
            "store",
            "use crate::google::Google;",
            "line 1: store may not import google (crate::google::Google)",
        ),
        (
            "google",
            "\n\nuse crate::{\n    core::sheet::Cell,\n    store::{keys, Store},\n};",
            "line 5: google may not import store",
        ),
        (
            "cycle::accept",
            "fn f() { crate::courier::email::send(); }",
            "may not import courier::email",
        ),
        (
            "courier::email::session",
            "use super::super::telegram::Classify;",
            "courier::email may not import courier::telegram",
        ),
        (
            "courier::email",
            "use super::{Mail, telegram};",
            "may not import courier::telegram",
        ),
        (
            "sandbox::smtp",
            "use crate::clock;",
            "sandbox::smtp may not import clock",
        ),
        (
            "sandbox::google",
            "mod inner { use super::super::smtp::Mail; }",
            "may not import sandbox::smtp",
        ),
        (
            "core::sheet",
            "use crate::config::Config as C;",
            "core may not import config",
        ),
        (
            "core",
            "fn now() -> u64 { crate::clock::now() }",
            "core may not import clock",
        ),
        (
            "store",
            "use {super::google::Google, std::fmt};",
            "store may not import google",
        ),
        (
            "main",
            "use sheetbridge::store::Store;",
            "main may not import store",
        ),
        (
            "core::rule",
            "use std::{fmt, fs};",
            "core is pure and may not use std::fs",
        ),
        (
            "core::rule",
            "async fn f() { tokio::task::yield_now().await }",
            "core is pure and may not use tokio",
        ),
        (
            "core::rule",
            "fn f() { tracing::info!(\"x\"); }",
            "core is pure and may not use tracing::info",
        ),
        (
            "commands",
            "fn f(tree: &sled::Tree) {}",
            "sled is named in store only, not in commands",
        ),
        (
            "telegram",
            "use lettre::message::Mailbox;",
            "lettre is named in courier::email only",
        ),
        (
            "courier::email",
            "use teloxide as t; use teloxide::*;",
            "teloxide is named in telegram, courier::telegram, bot only",
        ),
        (
            "outbox",
            "let t = jiff::Timestamp::now();",
            "jiff::Timestamp::now is for clock, sandbox only",
        ),
        (
            "cli",
            "use std::env::var;",
            "std::env::var is for config only",
        ),
        ("elsewhere", "", "elsewhere is missing from the table"),
    ] {
        let said = said_of(module, source);
        assert!(
            said.contains(fault),
            "in {module}:\n{source}\nfound: {said:?}\nbut not: {fault}"
        );
    }
}

#[test]
fn what_is_allowed_or_is_no_code_is_not_blamed() {
    for (module, source) in [
        (
            "core::sheet::money",
            "use super::fold::fold; use crate::core::rule; use std::{fmt, time::Duration};",
        ),
        (
            "courier::telegram",
            "use crate::telegram::{CallError, Client}; use super::Courier;",
        ),
        (
            "courier",
            "pub mod email; pub mod telegram; pub use email::EmailCourier;",
        ),
        (
            "outbox",
            "use crate::courier::{email::Email, telegram::Bot}; use crate::{clock, random, telemetry::Metrics};",
        ),
        (
            "google",
            "// use crate::store::Store;\n/* crate::store /* nested */ crate::store::x */ //! [`crate::store::Store`]",
        ),
        (
            "google",
            "const A: &str = \"use crate::store::Store;\"; const B: &str = r#\"crate::store::\"x\"\"#;",
        ),
        (
            "google",
            "const Q: char = '\"'; fn f<'a>(x: &'a str) {} const S: &str = \"crate::store::X\"; const E: char = '\\'';",
        ),
        (
            "google",
            "fn f() {} #[cfg(test)] mod tests { use crate::store::Store; fn g() { if x {} } } ",
        ),
        (
            "google",
            "#[cfg(test)]\nuse crate::store::Store;\nuse crate::core::sheet::Cell;",
        ),
        (
            "store",
            "fn f() -> impl Iterator<Item = u8> + use<'_> { sled::open() }",
        ),
        ("main", "fn main() { sheetbridge::cli::main() }"),
        ("config", "fn f() { std::env::vars_os(); }"),
    ] {
        assert_eq!(said_of(module, source), "", "in {module}:\n{source}");
    }
}

#[test]
fn a_module_for_tests_only_is_known_by_its_declaration() {
    assert_eq!(
        test_modules("mod a;\n#[cfg(test)]\nmod tests;\n#[cfg(test)] mod inline { }"),
        ["tests"]
    );
}
