//! The unit files: systemd itself must accept them without a word, they must be as locked as promised, and
//! every line that the daemon's behaviour rests on must be there.
//!
//! `systemd-analyze verify` ends with 0 on unknown keys and bad values, so what counts is that it says nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SINGLE: &str = "sheetbridge.service";
const TEMPLATE: &str = "sheetbridge@.service";

/// Exposure as `systemd-analyze security` counts it, times ten: 0 is locked up, 100 is open. The promise is 20.
const MOST_EXPOSED: u32 = 16;

fn text(unit: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("systemd")
        .join(unit);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The settings of a unit: `Section.Key` with its values in order. Comments and empty lines are none.
fn settings(unit: &str) -> BTreeMap<String, Vec<String>> {
    let mut section = String::new();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in unit.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            name.clone_into(&mut section);
            continue;
        }
        let (key, value) = line
            .split_once('=')
            .unwrap_or_else(|| panic!("{line:?} is no setting"));
        found
            .entry(format!("{section}.{key}"))
            .or_default()
            .push(value.to_owned());
    }
    found
}

/// A copy in a folder of its own whose program is one that is there: on the machine that runs the tests
/// nothing is installed in /usr/local/bin, and that is no fault of the unit.
fn copy(unit: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(unit);
    let program = "ExecStart=/usr/local/bin/sheetbridge ";
    let unit = text(unit);
    assert!(
        unit.contains(program),
        "the unit starts something else than {program:?}"
    );
    let program_there = format!(
        "ExecStart={} ",
        std::env::current_exe().expect("this test").display()
    );
    std::fs::write(&path, unit.replace(program, &program_there))
        .expect("a file in the temporary folder");
    (folder, path)
}

fn analyze(arguments: &[&str], unit: &Path) -> Output {
    Command::new("systemd-analyze")
        .args(arguments)
        .arg(unit)
        .env("SYSTEMD_COLORS", "0")
        .env("SYSTEMD_PAGER", "")
        .output()
        .unwrap_or_else(|error| {
            panic!("systemd-analyze cannot be started ({error}): install it with `apt-get install systemd`")
        })
}

#[test]
fn systemd_accepts_the_units_without_a_word() {
    for unit in [SINGLE, TEMPLATE] {
        let (_folder, path) = copy(unit);
        let output = analyze(&["verify", "--man=no", "--recursive-errors=no"], &path);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.is_empty(),
            "{unit}: {}: {said}",
            output.status
        );
    }
}

#[test]
fn a_misspelt_key_would_be_noticed() {
    let (_folder, path) = copy(SINGLE);
    let broken = std::fs::read_to_string(&path)
        .expect("the copy")
        .replace("UMask=", "UMsak=");
    std::fs::write(&path, broken).expect("the copy");
    let output = analyze(&["verify", "--man=no", "--recursive-errors=no"], &path);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("UMsak"), "{said}");
}

#[test]
fn the_units_are_as_locked_as_promised() {
    for unit in [SINGLE, TEMPLATE] {
        let (_folder, path) = copy(unit);
        let threshold = format!("--threshold={MOST_EXPOSED}");
        let output = analyze(
            &["security", "--offline=true", "--no-pager", &threshold],
            &path,
        );
        let report = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{unit}: more exposed than {MOST_EXPOSED}/10:\n{report}{said}"
        );
        assert!(
            report.contains("Overall exposure level"),
            "{unit}: no verdict:\n{report}{said}"
        );
    }
}

/// What the daemon rests on. A value that another part of the program knows has its reason beside it.
const DEMANDED: &[(&str, &[&str])] = &[
    ("Unit.StartLimitIntervalSec", &["0"]),
    ("Service.Type", &["notify"]),
    ("Service.NotifyAccess", &["main"]),
    ("Service.ExecReload", &["/bin/kill -HUP $MAINPID"]),
    // On top of the time that the daemon itself gives a loop to come round.
    ("Service.WatchdogSec", &["180"]),
    // SIGTERM waits 8 s for what is in hand.
    ("Service.TimeoutStopSec", &["20"]),
    ("Service.Restart", &["on-failure"]),
    ("Service.RestartSec", &["5"]),
    ("Service.RestartPreventExitStatus", &["2 64 77 78"]),
    ("Service.DynamicUser", &["yes"]),
    ("Service.StateDirectoryMode", &["0700"]),
    ("Service.UMask", &["0077"]),
    ("Service.LimitCORE", &["0"]),
    ("Service.ProtectSystem", &["strict"]),
    ("Service.ProtectHome", &["yes"]),
    ("Service.PrivateDevices", &["yes"]),
    ("Service.PrivateUsers", &["yes"]),
    ("Service.ProtectProc", &["invisible"]),
    ("Service.ProtectClock", &["yes"]),
    ("Service.ProtectHostname", &["yes"]),
    ("Service.ProtectKernelLogs", &["yes"]),
    ("Service.ProtectKernelModules", &["yes"]),
    ("Service.ProtectKernelTunables", &["yes"]),
    ("Service.ProtectControlGroups", &["yes"]),
    ("Service.NoNewPrivileges", &["yes"]),
    ("Service.CapabilityBoundingSet", &[""]),
    ("Service.LockPersonality", &["yes"]),
    ("Service.MemoryDenyWriteExecute", &["yes"]),
    ("Service.RestrictNamespaces", &["yes"]),
    ("Service.RestrictRealtime", &["yes"]),
    ("Service.RestrictSUIDSGID", &["yes"]),
    // The network, and unix sockets for the journal, systemd and the command line.
    (
        "Service.RestrictAddressFamilies",
        &["AF_INET AF_INET6 AF_UNIX"],
    ),
    ("Service.SystemCallArchitectures", &["native"]),
    (
        "Service.SystemCallFilter",
        &["@system-service", "~@privileged @resources"],
    ),
    ("Install.WantedBy", &["multi-user.target"]),
];

/// What would cut it off from Google, Telegram, the mail server or loopback, or needs a later systemd than 252.
const FORBIDDEN: &[&str] = &[
    "Service.PrivateNetwork",
    "Service.IPAddressDeny",
    "Service.RestartSteps",
    "Service.RestartMaxDelaySec",
    "Service.Environment",
    "Service.User",
];

#[test]
fn every_line_that_the_daemon_rests_on_is_there() {
    for unit in [SINGLE, TEMPLATE] {
        let found = settings(&text(unit));
        for (key, values) in DEMANDED {
            let there = found.get(*key).map(Vec::as_slice).unwrap_or_default();
            assert_eq!(there, *values, "{unit}: {key}");
        }
        for key in FORBIDDEN {
            assert!(!found.contains_key(*key), "{unit} sets {key}");
        }
    }
}

#[test]
fn each_secret_is_loaded_and_a_missing_one_is_left_to_the_program_to_explain() {
    for (unit, folder) in [(SINGLE, "sheetbridge"), (TEMPLATE, "sheetbridge-%i")] {
        let found = settings(&text(unit));
        let secrets = ["google", "smtp", "telegram", "dkim"];
        let loaded = secrets.map(|name| format!("{name}:/etc/credstore/{folder}/{name}"));
        assert_eq!(found["Service.LoadCredential"], loaded, "{unit}");
        // Only a newline: what SetCredential= holds can be read by everybody.
        let empty = secrets.map(|name| format!("{name}:\\n"));
        assert_eq!(found["Service.SetCredential"], empty, "{unit}");
    }
}

#[test]
fn the_instances_differ_in_their_places_only() {
    let single = settings(&text(SINGLE));
    let template = settings(&text(TEMPLATE));
    assert_eq!(single["Service.StateDirectory"], ["sheetbridge"]);
    assert_eq!(template["Service.StateDirectory"], ["sheetbridge-%i"]);
    let places = [
        "Unit.Description",
        "Service.ExecStart",
        "Service.LoadCredential",
        "Service.StateDirectory",
    ];
    let without_places = |unit: &BTreeMap<String, Vec<String>>| {
        let mut unit = unit.clone();
        unit.retain(|key, _| !places.contains(&key.as_str()));
        unit
    };
    assert_eq!(without_places(&single), without_places(&template));
    let start = &template["Service.ExecStart"][0];
    assert_eq!(
        start,
        "/usr/local/bin/sheetbridge run --config /etc/sheetbridge/%i.toml"
    );
    assert_eq!(
        start.replace("%i", "sheetbridge"),
        single["Service.ExecStart"][0]
    );
}
