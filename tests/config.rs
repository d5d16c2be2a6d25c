//! The configuration as an admin meets it: each file in `tests/config/invalid` is one kind of mistake, and
//! the text beside it is what is said about it; each in `tests/config/valid` loads, with the warnings beside it.

#![allow(clippy::unwrap_used)] // A test that cannot go on may stop.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use sheetbridge::config::{
    Config, ConfigErrors, ConfigProblem, Environment, InDoubt, Language, ReplyTo, Role,
    SmtpSecurity, TabPattern,
};
use sheetbridge::core::rule::{Audience, Channel, Fallback, Offset, Span, Trigger};

const SHIPPED: [&str; 12] = [
    "welcome",
    "lead-alert",
    "lead-waiting",
    "deposited",
    "thank-you",
    "idle",
    "idle-escalated",
    "appointment",
    "birthday",
    "after-sale-1",
    "after-sale-2",
    "digest-daily",
];

const KEY: &str = r#"{"type": "service_account", "client_email": "crm@test.iam.gserviceaccount.com",
    "private_key": "-----BEGIN PRIVATE KEY-----\nnot a key, for tests\n-----END PRIVATE KEY-----\n",
    "token_uri": "http://127.0.0.1:8001/token"}"#;

/// A folder with the secrets that the files name, as systemd would give it.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let machine = Self { folder };
        machine.secret("google", KEY);
        machine.secret("smtp", "app password\n");
        machine.secret("telegram", "123456:ABC-token\n");
        machine
    }

    fn secret(&self, name: &str, value: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, value).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn environment(&self) -> Environment {
        Environment::of([
            (
                "CREDENTIALS_DIRECTORY",
                self.folder.path().to_str().unwrap(),
            ),
            ("GOOGLE_KEY", KEY),
            ("BOT_TOKEN", "123456:ABC-token"),
        ])
    }

    fn load(&self, path: &Path) -> Result<Config, ConfigErrors> {
        Config::load(path, &self.environment(), &SHIPPED)
    }

    /// Loads a configuration that stands in this folder.
    fn load_text(&self, text: &str) -> Result<Config, ConfigErrors> {
        let path = self.folder.path().join("sheetbridge.toml");
        fs::write(&path, text).unwrap();
        self.load(&path)
    }

    fn shipped(&self) -> Config {
        self.load(&root().join("config/sheetbridge.toml"))
            .unwrap_or_else(|errors| panic!("{}", errors.report(false, 120)))
    }

    /// The problems as text, one a paragraph, without this machine's paths.
    fn text(&self, problems: &[ConfigProblem]) -> String {
        let mut text = String::new();
        for problem in problems {
            let (line, column) = (problem.line.unwrap_or(0), problem.column.unwrap_or(0));
            writeln!(
                text,
                "{line}:{column} {}\n    {}",
                problem.problem, problem.mend
            )
            .unwrap();
        }
        text.replace(self.folder.path().to_str().unwrap(), "CREDENTIALS")
            .replace(root().to_str().unwrap(), ".")
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn cases(kind: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(root().join("tests/config").join(kind))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// Compares with the text beside the file; where they differ, says both.
fn compare(path: &Path, said: &str, wrong: &mut String) {
    let expected = fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
    if expected != said {
        writeln!(
            wrong,
            "=== {}\n--- expected\n{expected}--- said\n{said}",
            path.display()
        )
        .unwrap();
    }
}

#[test]
fn every_mistake_has_its_place_and_its_mend() {
    let machine = Machine::new();
    let mut wrong = String::new();
    for path in cases("invalid") {
        match machine.load(&path) {
            Ok(_) => writeln!(wrong, "=== {} loads", path.display()).unwrap(),
            Err(errors) => compare(&path, &machine.text(errors.problems()), &mut wrong),
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_is_right_loads_with_its_warnings() {
    let machine = Machine::new();
    let mut wrong = String::new();
    for path in cases("valid") {
        match machine.load(&path) {
            Ok(config) => compare(&path, &machine.text(&config.warnings), &mut wrong),
            Err(errors) => writeln!(wrong, "{}", errors.report(false, 120)).unwrap(),
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_shipped_configuration_loads_without_a_word() {
    let machine = Machine::new();
    let config = machine.shipped();
    assert_eq!(machine.text(&config.warnings), "");
    assert_eq!(config.language, Language::Vi);
    assert_eq!(config.calendar.zone.iana_name(), Some("Asia/Ho_Chi_Minh"));
    assert_eq!(config.state_dir, root().join("config/state"));
    assert_eq!(
        config.google.key.client_email,
        "crm@test.iam.gserviceaccount.com"
    );
    assert_eq!(config.google.key.token_uri, "http://127.0.0.1:8001/token");
    assert_eq!(config.google.poll_every, Span::seconds(10));
    assert_eq!(config.google.sheets_url, "https://sheets.googleapis.com/");
    // Those of the workbook, and the one of campaigns.
    assert_eq!(config.workbooks[0].tabs.len(), 4);
    assert_eq!(config.fields.len(), 15);
    assert_eq!(
        config.fields[0].headers,
        ["Họ tên", "Tên khách hàng", "Khách hàng"]
    );
    assert_eq!(
        config
            .stages
            .iter()
            .filter(|stage| stage.won || stage.lost)
            .count(),
        2
    );
    assert_eq!(config.guard.messages, 50);
    assert!(config.guard.rows_gone.reached(20, 100));
    assert!(!config.guard.rows_gone.reached(19, 100));
    assert!(!config.guard.rows_gone.reached(4, 4));
    assert_eq!(config.staff[1].role, Role::Manager);
    let email = config.email.unwrap();
    assert_eq!(
        (email.smtp.host.as_str(), email.smtp.port),
        ("smtp.gmail.com", 465)
    );
    assert_eq!(email.smtp.security, SmtpSecurity::Tls);
    assert_eq!((email.per_minute, email.per_day), (Some(30), Some(2_000)));
    assert_eq!(email.connections, 4);
    assert_eq!(
        (email.reply_to, email.in_doubt),
        (ReplyTo::Owner, InDoubt::Hold)
    );
    assert_eq!(email.from.name, "Queenland");
    assert_eq!(email.password.unwrap().expose_secret(), "app password");
    let telegram = config.telegram.unwrap();
    assert_eq!(telegram.token.expose_secret(), "123456:ABC-token");
    assert_eq!(telegram.api_url, "https://api.telegram.org");
    assert_eq!(telegram.in_doubt, InDoubt::Resend);
}

#[test]
fn the_shipped_rules_are_what_they_say() {
    let rules = Machine::new().shipped().rules;
    let ids: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    let shipped = [
        "welcome",
        "lead-alert",
        "deposited",
        "consulting-idle",
        "appointment",
        "birthday",
        "after-sale",
        "morning",
    ];
    assert_eq!(ids, shipped);

    let lead = &rules[1];
    assert_eq!(lead.on, Trigger::Added);
    assert_eq!(
        (lead.send[0].number, &lead.send[0].to),
        (1, &Audience::Owner)
    );
    assert!(lead.send[0].urgent);
    let otherwise = [
        Fallback::By(Channel::Email),
        Fallback::To(Audience::Managers),
    ];
    assert_eq!(lead.send[0].otherwise, otherwise);
    // An escalation takes the channel of the message it follows, and counts on.
    assert_eq!(
        (lead.escalate[0].number, lead.escalate[0].channel),
        (2, Channel::Telegram)
    );
    assert_eq!(lead.escalate[0].after, Some(Span::seconds(900)));

    let deposited = &rules[2];
    assert_eq!(deposited.send[0].hold, None);
    assert_eq!(deposited.send[1].hold, Some(Span::seconds(1_200)));

    let idle = Trigger::Idle {
        stage: "consulting".to_owned(),
        after: Span::days(3),
        every: Some(Span::days(2)),
        times: 3,
    };
    assert_eq!(rules[3].on, idle);
    let appointment = Trigger::Date {
        field: "appointment".to_owned(),
        yearly: false,
        offset: Offset::Before(Span::days(1)),
        at: Some(jiff::civil::time(9, 0, 0, 0)),
    };
    assert_eq!(rules[4].on, appointment);
    assert_eq!(rules[4].valid_for, Some(Span::days(1)));
    let series: Vec<u32> = rules[6].series.iter().map(|step| step.number).collect();
    assert_eq!(series, [1, 2]);
    assert_eq!(rules[6].series[1].after, Some(Span::days(30)));
    assert_eq!(
        rules[6].ends.as_ref().unwrap().source(),
        "stage != 'completed'"
    );
    assert!(matches!(rules[7].on, Trigger::Schedule(_)));
    let text = fs::read_to_string(root().join("config/sheetbridge.toml")).unwrap();
    let line = text.lines().position(|line| line == "[[rule]]").unwrap() + 1;
    assert!(
        rules[0]
            .at
            .ends_with(&format!("config/sheetbridge.toml:{line}")),
        "{}",
        rules[0].at
    );
}

#[test]
fn mail_to_a_customer_after_a_stage_change_is_held_unless_told_otherwise() {
    let machine = Machine::new();
    let base = fs::read_to_string(root().join("tests/config/valid/loopback.toml")).unwrap();
    let hold = |extra: &str| {
        let rule = format!(
            "{base}\n[[rule]]\nid = \"x\"\non = {{ stage = \"deposited\" }}\n\
             send = {{ channel = \"email\", to = \"customer\", template = \"thank-you\"{extra} }}\n"
        );
        machine.load_text(&rule).unwrap().rules.pop().unwrap().send[0].hold
    };
    assert_eq!(hold(""), Some(Span::seconds(1_200)));
    assert_eq!(hold(", hold = \"1h\""), Some(Span::seconds(3_600)));
    assert_eq!(hold(", hold = \"0s\""), None);
}

#[test]
fn a_report_shows_the_line_and_a_caret_but_never_a_secret() {
    let machine = Machine::new();
    let invalid = root().join("tests/config/invalid");
    let report = machine
        .load(&invalid.join("unknown-key.toml"))
        .unwrap_err()
        .report(false, 200);
    assert!(
        report.contains("`replyto` is not a key of [email]"),
        "{report}"
    );
    assert!(report.contains("unknown-key.toml:26:1"), "{report}");
    assert!(report.contains("26 │ replyto = \"owner\""), "{report}");
    assert!(report.contains("did you mean `reply_to`?"), "{report}");
    assert!(!report.contains('\u{1b}'), "{report}");
    let coloured = machine
        .load(&invalid.join("unknown-key.toml"))
        .unwrap_err()
        .report(true, 200);
    assert!(coloured.contains('\u{1b}'), "{coloured}");

    for case in [
        "password-in-file",
        "smtp-login-in-url",
        "secret-missing",
        "google-key-not-json",
    ] {
        let errors = machine
            .load(&invalid.join(case).with_extension("toml"))
            .unwrap_err();
        let all = format!(
            "{}{}{errors:?}{errors}",
            errors.report(false, 200),
            errors.json()
        );
        for secret in [
            "hunter2-open",
            "ABC-open",
            "me:open",
            "open-secret",
            "BEGIN PRIVATE",
        ] {
            assert!(!all.contains(secret), "{case}: {all}");
        }
        assert!(all.contains(&format!("{case}.toml")), "{all}");
    }
}

#[test]
fn a_loaded_configuration_never_shows_a_secret() {
    let machine = Machine::new();
    let shown = format!("{:?} {:?}", machine.shipped(), machine.environment());
    for secret in ["BEGIN PRIVATE KEY", "app password", "ABC-token"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("crm@test.iam.gserviceaccount.com"));
}

#[test]
fn warnings_are_shown_with_their_lines() {
    let machine = Machine::new();
    let config = machine
        .load(&root().join("tests/config/valid/suspicious.toml"))
        .unwrap();
    let report = config.warnings_report(false, 200);
    assert!(
        report.contains("⚠ \"Lan Anh\" leads a team, and none is named"),
        "{report}"
    );
    assert!(report.contains("21 │ name = \"Lan Anh\""), "{report}");
    assert_eq!(machine.shipped().warnings_report(false, 200), "");
}

#[test]
fn json_has_file_line_column_problem_and_mend() {
    let machine = Machine::new();
    let path = root().join("tests/config/invalid/unknown-key.toml");
    let json = machine.load(&path).unwrap_err().json();
    assert_eq!(
        json,
        serde_json::json!([{
            "file": path,
            "line": 26,
            "column": 1,
            "problem": "`replyto` is not a key of [email]",
            "mend": "did you mean `reply_to`?",
        }])
    );
}

#[test]
fn a_file_that_is_no_configuration_is_said_so() {
    let machine = Machine::new();
    let missing = machine
        .load(&machine.folder.path().join("no.toml"))
        .unwrap_err();
    assert!(
        missing
            .to_string()
            .contains("the configuration cannot be read: No such file"),
        "{missing}"
    );
    assert_eq!(missing.json()[0]["line"], serde_json::Value::Null);
    let folder = machine.load(machine.folder.path()).unwrap_err();
    assert!(
        folder
            .to_string()
            .contains("this is not a configuration file"),
        "{folder}"
    );
    let path = machine.folder.path().join("binary.toml");
    fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
    assert!(
        machine
            .load(&path)
            .unwrap_err()
            .to_string()
            .contains("not UTF-8")
    );
    let empty = machine.load_text("").unwrap_err();
    assert_eq!(
        empty.problems().len(),
        3,
        "{}",
        machine.text(empty.problems())
    );
}

#[test]
fn a_secret_that_everyone_can_read_is_a_warning() {
    let machine = Machine::new();
    let key = machine.secret("key.json", KEY);
    let minimal = fs::read_to_string(root().join("tests/config/valid/minimal.toml")).unwrap();
    let text = minimal.replace("{ credential = \"google\" }", "{ file = \"key.json\" }");
    assert_eq!(machine.load_text(&text).unwrap().warnings, []);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let warnings = machine.load_text(&text).unwrap().warnings;
    assert_eq!(
        machine.text(&warnings),
        "3:15 `credentials` in [google]: everyone on this machine can read CREDENTIALS/key.json\n    \
         chmod 600 CREDENTIALS/key.json\n"
    );
}

#[test]
fn credentials_come_from_systemd_or_from_the_folder_that_the_file_names() {
    let machine = Machine::new();
    let path = machine.folder.path().join("sheetbridge.toml");
    let minimal = fs::read_to_string(root().join("tests/config/valid/minimal.toml")).unwrap();
    let nothing = Environment::of::<String, String>([]);
    let load = |text: &str, environment: &Environment| {
        fs::write(&path, text).unwrap();
        Config::load(&path, environment, &SHIPPED)
    };
    let unknown = load(&minimal, &nothing).unwrap_err();
    assert_eq!(
        machine.text(unknown.problems()),
        "3:15 `credentials` in [google]: there is no folder in which to look for the credential \"google\"\n    \
         under systemd add LoadCredential=google:/path/to/file to the unit; by hand set `dir` in [credentials] \
         or write { file = \"…\" }\n"
    );
    let named = format!("{minimal}[credentials]\ndir = \".\"\n");
    assert!(load(&named, &nothing).is_ok());
    let wrong = format!("{minimal}[credentials]\ndir = \"nowhere\"\n");
    let errors = load(&wrong, &nothing).unwrap_err();
    assert_eq!(
        machine.text(errors.problems()),
        "3:15 `credentials` in [google]: there is no file CREDENTIALS/nowhere/google\n    \
         put the secret there, readable only by the daemon, or correct the name\n\
         12:7 `dir` in [credentials] is \"nowhere\", which is not a folder\n    create it or correct the path\n"
    );
    // What systemd gives comes first.
    assert!(load(&wrong, &machine.environment()).is_ok());
}

#[test]
fn the_state_folder_is_that_of_the_file_or_of_systemd_or_beside_the_file() {
    let machine = Machine::new();
    let minimal = fs::read_to_string(root().join("tests/config/valid/minimal.toml")).unwrap();
    let folder = machine.folder.path();
    let path = folder.join("sheetbridge.toml");
    let state_dir = |text: &str, state: Option<&str>| {
        fs::write(&path, text).unwrap();
        let mut variables = vec![("CREDENTIALS_DIRECTORY", folder.to_str().unwrap())];
        variables.extend(state.map(|state| ("STATE_DIRECTORY", state)));
        let environment = Environment::of(variables);
        Config::load(&path, &environment, &SHIPPED)
            .unwrap()
            .state_dir
    };
    assert_eq!(state_dir(&minimal, None), folder.join("state"));
    assert_eq!(
        state_dir(&minimal, Some("/var/lib/sheetbridge:/b")),
        Path::new("/var/lib/sheetbridge")
    );
    let named = format!("state_dir = \"data\"\n{minimal}");
    assert_eq!(
        state_dir(&named, Some("/var/lib/sheetbridge")),
        folder.join("data")
    );
}

#[test]
fn the_configuration_is_the_one_given_or_the_one_of_the_environment() {
    let environment = Environment::of([("SHEETBRIDGE_CONFIG", "/a/b.toml")]);
    let given = environment.find_config(Some(Path::new("c.toml"))).unwrap();
    assert_eq!(given, Path::new("c.toml"));
    assert_eq!(
        environment.find_config(None).unwrap(),
        Path::new("/a/b.toml")
    );
}

#[test]
fn templates_beside_the_file_may_be_used() {
    let machine = Machine::new();
    let base = fs::read_to_string(root().join("tests/config/valid/loopback.toml")).unwrap();
    let text = format!(
        "{base}\n[[rule]]\nid = \"x\"\non = \"added\"\n\
         send = [{{ channel = \"telegram\", to = \"owner\", template = \"mine\" }}, {{ channel = \"email\", to = \"customer\", template = \"ours\" }}]\n"
    );
    assert_eq!(machine.load_text(&text).unwrap_err().problems().len(), 2);
    let templates = machine.folder.path().join("templates");
    fs::create_dir_all(templates.join("ours")).unwrap();
    fs::create_dir_all(templates.join("layout")).unwrap();
    fs::write(templates.join("mine.telegram.html"), "x").unwrap();
    let config = machine.load_text(&text).unwrap();
    assert_eq!(config.templates_dir, templates);
    assert!(config.templates.contains(&"ours".to_owned()));
    assert!(!config.templates.contains(&"layout".to_owned()));
}

#[test]
fn what_a_reload_cannot_change_is_named() {
    let machine = Machine::new();
    let old = machine.shipped();
    assert_eq!(
        Config::reload_difference(&old, &machine.shipped()),
        Vec::<&str>::new()
    );
    machine.secret("smtp", "another");
    machine.secret("telegram", "654321:XYZ");
    let mut new = machine.shipped();
    new.google.sheets_url = "http://127.0.0.1:1/".to_owned();
    new.web = None;
    new.rules.clear();
    assert_eq!(
        Config::reload_difference(&old, &new),
        [
            "`sheets_url` in [google]",
            "`password` in [email]",
            "`token` in [telegram]",
            "`listen` in [web]"
        ]
    );
    new.telegram = None;
    assert!(Config::reload_difference(&old, &new).contains(&"[telegram]"));
}

#[test]
fn tab_patterns_stand_for_tabs_of_the_same_shape() {
    let fits = |pattern: &str, name: &str| TabPattern(pattern.to_owned()).matches(name);
    assert!(fits("Khách hàng", "khách hàng "));
    assert!(fits("Kha\u{301}ch ha\u{300}ng", "Khách hàng"));
    assert!(!fits("Khách hàng", "Khach hang"));
    assert!(fits("Tháng *", "Tháng 11"));
    assert!(!fits("Tháng *", "Tháng11"));
    assert!(fits("*", "gì cũng được"));
    assert!(fits("KH * 2026 *", "KH quý 4 2026 (mới)"));
    assert!(!fits("KH*KH", "KH"));
}
