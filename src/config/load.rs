//! From the file's text to a [`Config`], or to everything that is wrong with it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::environment::Environment;
use super::problem::{ConfigErrors, ConfigProblem, FileText, report};
use super::walk::{Reader, Section, boundary};
use super::{
    Config, campaigns, columns, digests, goals, outward, owners, people, rules, secret, sheets,
    timing,
};
use crate::core::calendar::Calendar;
use crate::core::rule::Span;

/// The headings of the file; what is not built is told apart from what does not exist.
const HEADINGS: [&str; 28] = [
    "timezone",
    "language",
    "state_dir",
    "company",
    "credentials",
    "alerts",
    "trial",
    "keep",
    "google",
    "workbook",
    "columns",
    "aliases",
    "consent",
    "require",
    "leads",
    "settle",
    "guard",
    "stage",
    "staff",
    "owners",
    "email",
    "telegram",
    "web",
    "hours",
    "rule",
    "campaigns",
    "target",
    "costs",
];

/// A configuration is text that people write; what is longer is another file.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

impl Config {
    /// Reads and checks a configuration file, and the secrets that it names.
    ///
    /// `shipped` are the names of the templates that the program carries; the admin's own in
    /// `templates/` beside the file are added.
    ///
    /// # Errors
    /// Every mistake in the file, each with its place and its mend; exit code 78.
    pub fn load(
        path: &Path,
        environment: &Environment,
        shipped: &[&str],
    ) -> Result<Self, ConfigErrors> {
        let text = text_of(path)?;
        let (table, mistakes) = DeTable::parse_recoverable(&text);
        let reader = Reader::new(path, &text, environment);
        if !mistakes.is_empty() {
            // What the rest of a file means that is no TOML is guesswork: the syntax comes first.
            for mistake in mistakes {
                let at = mistake.span().unwrap_or(0..0);
                reader.wrong(
                    &at,
                    format!("not TOML: {}", mistake.message()),
                    syntax_mend(&text, at.start),
                );
            }
            let (problems, _) = reader.finish();
            return Err(ConfigErrors::new(problems, &text));
        }
        let config = read(&reader, &Section::root(&table), shipped);
        let (problems, warnings) = reader.finish();
        match config {
            Some(config) if problems.is_empty() => Ok(Self {
                warnings: ConfigErrors::new(warnings, &text).into_problems(),
                ..config
            }),
            _ => Err(ConfigErrors::new(problems, &text)),
        }
    }
}

impl Config {
    /// The warnings for people, as [`ConfigErrors::report`] shows mistakes; empty if there are none.
    pub fn warnings_report(&self, color: bool, width: usize) -> String {
        report(
            &self.warnings,
            &self.text,
            miette::Severity::Warning,
            color,
            width,
        )
    }
}

fn text_of(path: &Path) -> Result<String, ConfigErrors> {
    let refuse = |problem: String, mend: &str| {
        ConfigErrors::about_file(ConfigProblem {
            file: path.to_path_buf(),
            line: None,
            column: None,
            problem,
            mend: mend.to_owned(),
            span: None,
        })
    };
    let found = std::fs::metadata(path).map_err(|error| {
        refuse(
            format!("the configuration cannot be read: {error}"),
            "name another with `--config FILE` or $SHEETBRIDGE_CONFIG, or correct its permissions",
        )
    })?;
    if !found.is_file() || found.len() > MOST_BYTES {
        return Err(refuse(
            "this is not a configuration file".to_owned(),
            "name the file sheetbridge.toml itself",
        ));
    }
    let bytes = std::fs::read(path).map_err(|error| {
        refuse(
            format!("the configuration cannot be read: {error}"),
            "let the user who runs sheetbridge read it",
        )
    })?;
    String::from_utf8(bytes).map_err(|_| {
        refuse(
            "the configuration is not UTF-8 text".to_owned(),
            "save it as UTF-8",
        )
    })
}

/// A guess at what the author of a line that is no TOML should do.
fn syntax_mend(text: &str, at: usize) -> &'static str {
    let at = boundary(text, at);
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    if line.contains(['“', '”', '‘', '’']) {
        return "write straight quotes: \"…\"";
    }
    if line.matches('"').count() % 2 == 1 {
        return "close the quotes";
    }
    "correct this line; text stands in quotes, lists in [ ], tables in { }"
}

/// Walks the whole file. `None` comes with at least one problem noted.
fn read(reader: &Reader<'_>, root: &Section<'_>, shipped: &[&str]) -> Option<Config> {
    root.only(reader, &HEADINGS, &[]);
    let folder = secret::folder(reader, root);
    let folder = folder.as_deref();
    let calendar = timing::calendar(reader, root);
    let stages = sheets::stages(reader, root);
    let mut workbooks = sheets::workbooks(reader, root, &stages);
    let campaigns = campaigns::campaigns(reader, root, &mut workbooks);
    let fields = columns::columns(reader, root, &stages);
    let google = sheets::google(reader, root, folder, workbooks.len());
    let aliases = columns::aliases(reader, root, &fields);
    let consent = columns::consent(reader, root, &fields);
    let require = columns::require(reader, root, &fields, &workbooks);
    let staff = people::staff(reader, root);
    let duty = timing::duty(reader, root, &staff);
    let calendar = calendar.map(|calendar| Calendar { duty, ..calendar });
    let email = people::email(reader, root, folder);
    let telegram = people::telegram(reader, root, folder);
    let templates_dir = reader.path("templates");
    let attachments_dir = reader.path("attachments");
    let templates = templates(shipped, &templates_dir);
    let known = rules::Known {
        fields: &fields,
        stages: &stages,
        staff: &staff,
        workbooks: &workbooks,
        templates: &templates,
        email: root.get("email").is_some(),
        telegram: root.get("telegram").is_some(),
        consent: !consent.is_empty()
            || fields.iter().any(|field| field.id == "consent")
            || workbooks
                .iter()
                .flat_map(|book| &book.tabs)
                .any(super::Tab::has_consent),
    };
    let rules = rules::rules(reader, root, &known);
    let digests = digests::digests(reader, root, &staff, &rules);
    let goals = goals::goals(reader, root, &staff, &fields);
    let owners = owners::owners(reader, root, &staff);
    let language = people::language(reader, root);
    let company = people::company(reader, root);
    let alerts = people::only_address(reader, root, "alerts", "email");
    let trial = people::only_address(reader, root, "trial", "redirect_all_to");
    by_mail_only(reader, root);
    let (keep_messages, keep_backups) = timing::keep(reader, root);
    let leads_fresh = timing::only_span(reader, root, "leads", "fresh", Span::days(2));
    let settle = timing::settle(reader, root);
    let guard = timing::guard(reader, root);
    let web = outward::web(reader, root);
    let state_dir = state_dir(reader, root);
    Some(Config {
        file: reader.file.to_path_buf(),
        language,
        state_dir,
        templates_dir,
        attachments_dir,
        templates,
        company,
        alerts,
        trial,
        keep_messages,
        keep_backups,
        text: FileText::new(reader.text),
        google: google?,
        workbooks,
        fields,
        stages,
        aliases,
        consent,
        require,
        leads_fresh,
        settle,
        guard,
        staff,
        email,
        telegram,
        web,
        calendar: calendar?,
        rules,
        campaigns,
        goals,
        owners,
        digests,
        warnings: Vec::new(),
    })
}

/// Alerts and the trial's messages go by mail, which must be set up for them.
fn by_mail_only(reader: &Reader<'_>, root: &Section<'_>) {
    for (heading, what) in [
        ("alerts", "alerts go"),
        ("trial", "the trial's messages go"),
    ] {
        if root.get("email").is_none()
            && let Some(node) = root.get(heading)
        {
            reader.wrong(
                &node.span,
                format!("{what} by mail, and there is no [email]"),
                "add [email] with smtp and from",
            );
        }
    }
}

fn state_dir(reader: &Reader<'_>, root: &Section<'_>) -> PathBuf {
    match root.text(reader, "state_dir") {
        Some(text) => reader.path(text.text),
        None => reader
            .environment
            .state_directory()
            .unwrap_or_else(|| reader.path("state")),
    }
}

/// Shipped templates and the admin's own: `NAME/…` and `NAME.telegram.html` in the folder.
fn templates(shipped: &[&str], folder: &Path) -> Vec<String> {
    let mut names: BTreeSet<String> = shipped.iter().map(|&name| name.to_owned()).collect();
    // That there is no folder of one's own is the usual case; what stands in it is read by `render`,
    // which says what is wrong with it.
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let file = entry.file_name();
        let Some(file) = file.to_str() else { continue };
        let name = if entry.path().is_dir() {
            Some(file).filter(|name| *name != "layout")
        } else {
            file.strip_suffix(".telegram.html")
        };
        names.extend(
            name.filter(|name| !name.starts_with('.'))
                .map(str::to_owned),
        );
    }
    names.into_iter().collect()
}
