//! The configuration as an admin meets it: each file in `tests/config/invalid` is one kind of mistake, and
//! the text beside it is what is said about it; each in `tests/config/valid` loads, with the warnings beside it.

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
            ("CREDENTIALS_DIRECTORY", self.folder.path().to_str().unwrap()),
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
            writeln!(text, "{line}:{column} {}\n    {}", problem.problem, problem.mend).unwrap();
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
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// Compares with the text beside the file; where they differ, says both.
fn compare(path: &Path, said: &str, wrong: &mut String) {
    let expected = fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
    if expected != said {
        writeln!(wrong, "=== {}\n--- expected\n{expected}--- said\n{said}", path.display()).unwrap();
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
