//! Templates into text: mails with subject, text and HTML, and Telegram messages with buttons.
//!
//! Shipped templates are compiled in, in Vietnamese and English; a file of the same name in a folder
//! `templates/` beside the configuration takes the place of the shipped one, and a new name makes a
//! new template. A template is rendered when its message is sent, from a frozen copy of its sources
//! (its *bundle*) and frozen values, so that a retry says the same as the first try.
//!
//! | file | what |
//! |---|---|
//! | `NAME/subject.txt`, `NAME/body.txt`, `NAME/body.html` | a mail; without `body.html` the text is laid out plainly |
//! | `NAME/body.mjml` | the HTML of a mail in MJML, instead of `body.html` |
//! | `NAME.telegram.html` | a Telegram message in Telegram's subset of HTML |
//! | `NAME.buttons.txt` | its buttons: one line a row, `[label](https://…)`, `[label](action:NAME)` or `[label](copy:TEXT)` |
//! | `NAME.chart.txt` | what its picture shows, see [`chart::Page::read`] |
//! | `layout/…` | what templates extend or include |
//!
//! A message that has no mail form can still go by mail: the first line of the Telegram text becomes
//! the subject, links stay links, buttons that act are left out.
//!
//! No I/O but the reading of that folder at start, and of [`files`] that go along with mails. What the names in a template mean is
//! [`crate::core::facts`]; when and to whom a message goes is decided elsewhere.

mod campaign;
pub mod chart;
mod chat;
mod check;
mod engine;
pub mod files;
mod filters;
mod mail;
mod mjml;
mod shipped;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::path::Path;

use minijinja::Environment;
use serde::{Deserialize, Serialize};

pub use campaign::{
    CampaignText, Letter, Merge, Misprint, Missing, attachment_problem, cannot_attach, mail_page,
};
pub use chat::{Button, ButtonKind, ChatText, MAX_UNITS};
pub use engine::escape_html;
pub use mail::MailText;

use engine::Facts;

use crate::core::rule::Channel;

/// The language of the shipped templates and of numbers, dates and days in all templates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// `vi`
    #[default]
    #[serde(rename = "vi")]
    Vietnamese,
    /// `en`
    #[serde(rename = "en")]
    English,
}

impl Language {
    /// The language of `vi` or `en`, as the configuration writes them.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "vi" => Some(Self::Vietnamese),
            "en" => Some(Self::English),
            _ => None,
        }
    }
}

/// What is wrong with a template or with one rendering of it: the file, the line (from 1) if it is known, and a sentence with the mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RenderError {
    /// The file, relative to `templates/`.
    pub file: String,
    /// Line in that file, from 1.
    pub line: Option<usize>,
    /// What is wrong, and what to do.
    pub what: String,
}

impl RenderError {
    fn new(file: &str, line: Option<usize>, what: String) -> Self {
        Self {
            file: file.to_owned(),
            line,
            what,
        }
    }
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "template {}, line {line}: {}", self.file, self.what),
            None => write!(f, "template {}: {}", self.file, self.what),
        }
    }
}

/// Everything that is wrong with the templates, all at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TemplateErrors {
    /// Each with its file and line.
    pub problems: Vec<RenderError>,
}

impl fmt::Display for TemplateErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.problems.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

/// The names of the templates that the program carries, for checking the configuration by.
pub fn shipped_names() -> Vec<String> {
    let names: BTreeSet<String> = shipped::files(Language::Vietnamese)
        .filter_map(|(file, _)| match Form::of(file)? {
            Form::Mail(name) | Form::Chat(name) => Some(name.to_owned()),
            _ => None,
        })
        .collect();
    names.into_iter().collect()
}

/// All templates of one language, compiled, with the admin's own over the shipped ones.
#[derive(Debug)]
pub struct Templates {
    language: Language,
    sources: BTreeMap<String, String>,
    env: Environment<'static>,
    bundles: BTreeMap<String, Whole>,
}

/// A template with all it is made of.
#[derive(Debug)]
struct Whole {
    bundle: String,
    hash: String,
    /// Every word in it.
    words: HashSet<String>,
}

/// Runs of what names are made of.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let between = |letter: char| !letter.is_alphanumeric() && letter != '_';
    text.split(between).filter(|word| !word.is_empty())
}

/// The canonical text of a template: everything needed to render it again later.
#[derive(Serialize, Deserialize)]
struct Bundle {
    name: String,
    language: Language,
    parts: BTreeMap<String, String>,
}

impl Templates {
    /// The shipped templates of a language, with the files under `folder` over them. A folder that
    /// does not exist changes nothing.
    ///
    /// # Errors
    /// Every file that cannot be read, is no UTF-8, has a name no template has, does not parse, or
    /// belongs to an incomplete mail.
    pub fn load(folder: Option<&Path>, language: Language) -> Result<Self, TemplateErrors> {
        let mut problems = Vec::new();
        let mut sources: BTreeMap<String, String> = shipped::files(language)
            .map(|(file, source)| (file.to_owned(), source.to_owned()))
            .collect();
        if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
            read_folder(folder, "", &mut sources, &mut problems);
        }
        compile_mjml(&mut sources, &mut problems);
        let mut env = engine::environment(language);
        for (file, source) in &sources {
            if let Err(problem) = engine::add(&mut env, file, source) {
                problems.push(problem);
            }
        }
        let mut templates = Self {
            language,
            sources,
            env,
            bundles: BTreeMap::new(),
        };
        templates.complete(&mut problems);
        if !problems.is_empty() {
            return Err(TemplateErrors { problems });
        }
        for name in templates.all_names() {
            let bundle = templates.bundle(&name);
            let hash = blake3::hash(bundle.as_bytes()).to_hex().to_string();
            let parts = templates.parts(&name).into_values();
            let words =
                parts.flat_map(|source| words(&source).map(str::to_owned).collect::<Vec<_>>());
            let words = words.collect();
            let whole = Whole {
                bundle,
                hash,
                words,
            };
            templates.bundles.insert(name, whole);
        }
        Ok(templates)
    }

    /// The language these were loaded in.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The names that have a form for a channel. Any Telegram template can be rendered as a mail
    /// too; for that, ask [`Templates::has`].
    pub fn names(&self, channel: Channel) -> BTreeSet<String> {
        let names = self
            .sources
            .keys()
            .filter_map(|file| match Form::of(file)? {
                Form::Mail(name) if channel == Channel::Email => Some(name),
                Form::Chat(name) if channel == Channel::Telegram => Some(name),
                _ => None,
            });
        names.map(str::to_owned).collect()
    }

    /// Whether a message of this template can be sent by a channel.
    pub fn has(&self, name: &str, channel: Channel) -> bool {
        match channel {
            Channel::Email => self.bundles.contains_key(name),
            Channel::Telegram => self.sources.contains_key(&chat_file(name)),
        }
    }

    /// Content hash of everything the template is made of (64 hexadecimal digits); none if there is no such template.
    pub fn hash(&self, name: &str) -> Option<&str> {
        self.bundles.get(name).map(|whole| whole.hash.as_str())
    }

    /// The canonical text of all parts of a template, of which [`Templates::hash`] is the hash. Kept
    /// with the message, it renders the same later, whatever has become of the files.
    pub fn source_bundle(&self, name: &str) -> Option<&str> {
        self.bundles.get(name).map(|whole| whole.bundle.as_str())
    }

    /// Whether a template may ask for the value of a name, or what it extends or includes: the name is a word in it.
    pub fn may_ask_for(&self, template: &str, name: &str) -> bool {
        let whole = self.bundles.get(template);
        whole.is_none_or(|whole| words(name).all(|word| whole.words.contains(word)))
    }

    /// Renders the mail form of a template with the facts of a record.
    ///
    /// # Errors
    /// No such template, a missing value, an unknown field, a text that is too long.
    pub fn render_mail(
        &self,
        name: &str,
        values: &serde_json::Value,
    ) -> Result<MailText, RenderError> {
        if !self.bundles.contains_key(name) {
            return Err(self.no_such(name));
        }
        mail::render(&self.env, &self.sources, name, &Facts::of(values))
    }

    /// Renders the Telegram form of a template with the facts of a record.
    ///
    /// # Errors
    /// No such template, a missing value, an unknown field, markup that Telegram does not know.
    pub fn render_chat(
        &self,
        name: &str,
        values: &serde_json::Value,
    ) -> Result<ChatText, RenderError> {
        if !self.has(name, Channel::Telegram) {
            return Err(self.no_such(name));
        }
        chat::render(&self.env, &self.sources, name, &Facts::of(values))
    }

    /// Whether messages of a template go with a picture.
    pub fn has_chart(&self, name: &str) -> bool {
        self.sources.contains_key(&chart_file(name))
    }

    /// What the picture of a template shows, with the facts of a message; none if it has no picture, or nothing to
    /// show in it. `bundle` is the one that was kept with the message, if it is not the one in force.
    ///
    /// # Errors
    /// No such template, a missing value, an unknown field, a line that describes nothing; a text that is no bundle.
    pub fn render_chart(
        &self,
        name: &str,
        bundle: Option<&str>,
        values: &serde_json::Value,
    ) -> Result<Option<chart::Page>, RenderError> {
        let bundle = bundle.map(Self::open).transpose()?;
        let facts = Facts::of(values);
        match bundle.filter(|bundle| !self.same(bundle)) {
            Some(kept) => described(&kept.environment()?, &kept.parts, &kept.name, &facts),
            None if self.bundles.contains_key(name) || self.has_chart(name) => {
                described(&self.env, &self.sources, name, &facts)
            }
            None => Err(self.no_such(name)),
        }
    }

    /// As [`Templates::render_mail`], from a bundle that was kept.
    ///
    /// # Errors
    /// As there; also a text that is no bundle.
    pub fn render_mail_from_bundle(
        &self,
        bundle: &str,
        values: &serde_json::Value,
    ) -> Result<MailText, RenderError> {
        let bundle = Self::open(bundle)?;
        match self.same(&bundle) {
            true => self.render_mail(&bundle.name, values),
            false => {
                let facts = Facts::of(values);
                mail::render(&bundle.environment()?, &bundle.parts, &bundle.name, &facts)
            }
        }
    }

    /// As [`Templates::render_chat`], from a bundle that was kept.
    ///
    /// # Errors
    /// As there; also a text that is no bundle.
    pub fn render_chat_from_bundle(
        &self,
        bundle: &str,
        values: &serde_json::Value,
    ) -> Result<ChatText, RenderError> {
        let bundle = Self::open(bundle)?;
        match self.same(&bundle) {
            true => self.render_chat(&bundle.name, values),
            false => {
                let facts = Facts::of(values);
                chat::render(&bundle.environment()?, &bundle.parts, &bundle.name, &facts)
            }
        }
    }

    /// Looks through a template without rendering it, for `check` and the start: fields that no
    /// record can have and filters that do not exist. `known` are the names that facts can have,
    /// see [`crate::core::facts::known_names`].
    pub fn check_names(&self, name: &str, known: &BTreeSet<String>) -> Vec<RenderError> {
        if !self.bundles.contains_key(name) {
            return vec![self.no_such(name)];
        }
        let parts = self.parts(name);
        parts
            .iter()
            .flat_map(|(file, source)| check::names(&self.env, file, source, known))
            .collect()
    }

    fn no_such(&self, name: &str) -> RenderError {
        let names = self.bundles.keys().map(String::as_str).collect::<Vec<_>>();
        RenderError::new(
            name,
            None,
            format!("there is no such template; there are: {}", names.join(", ")),
        )
    }

    fn all_names(&self) -> BTreeSet<String> {
        self.names(Channel::Email)
            .into_iter()
            .chain(self.names(Channel::Telegram))
            .collect()
    }

    /// A mail needs a subject and a text; buttons need a message.
    fn complete(&self, problems: &mut Vec<RenderError>) {
        for name in self.names(Channel::Email) {
            for part in ["subject.txt", "body.txt"] {
                let file = format!("{name}/{part}");
                if !self.sources.contains_key(&file) {
                    problems.push(RenderError::new(
                        &file,
                        None,
                        "the mail has no such file; a mail needs subject.txt and body.txt"
                            .to_owned(),
                    ));
                }
            }
        }
        for file in self.sources.keys() {
            let (what, name) = match Form::of(file) {
                Some(Form::Buttons(name)) => ("are buttons", name),
                Some(Form::Chart(name)) => ("is a chart", name),
                _ => continue,
            };
            if !self.sources.contains_key(&chat_file(name)) && file != REPORT_CHART {
                let what = format!("there {what}, but no message {}", chat_file(name));
                problems.push(RenderError::new(file, None, what));
            }
        }
    }

    fn bundle(&self, name: &str) -> String {
        let bundle = Bundle {
            name: name.to_owned(),
            language: self.language,
            parts: self.parts(name),
        };
        // A map of texts always has a JSON form.
        serde_json::to_string(&bundle).unwrap_or_default()
    }

    /// The files of a template and, transitively, of everything it extends or includes.
    fn parts(&self, name: &str) -> BTreeMap<String, String> {
        let own = [
            format!("{name}/subject.txt"),
            format!("{name}/body.txt"),
            format!("{name}/body.html"),
            chat_file(name),
            buttons_file(name),
            chart_file(name),
            // What a message without a mail form, or a mail without HTML, is laid out with.
            mail::NOTICE.to_owned(),
        ];
        self.parts_of(own.into())
    }

    /// Some files and, transitively, everything they extend or include.
    fn parts_of(&self, mut open: Vec<String>) -> BTreeMap<String, String> {
        let mut parts = BTreeMap::new();
        while let Some(file) = open.pop() {
            let Some(source) = self.sources.get(&file) else {
                continue;
            };
            if parts.insert(file, source.clone()).is_none() {
                open.extend(check::references(source));
            }
        }
        parts
    }

    fn open(bundle: &str) -> Result<Bundle, RenderError> {
        serde_json::from_str(bundle).map_err(|error| {
            RenderError::new(
                "(kept with the message)",
                None,
                format!("the kept template cannot be read: {error}"),
            )
        })
    }

    fn same(&self, bundle: &Bundle) -> bool {
        self.has_parts(bundle) && self.parts(&bundle.name).len() == bundle.parts.len()
    }
}

impl Templates {
    /// Whether every file of a bundle is here, and says the same.
    fn has_parts(&self, bundle: &Bundle) -> bool {
        bundle.language == self.language
            && bundle
                .parts
                .iter()
                .all(|(file, source)| self.sources.get(file) == Some(source))
    }
}

/// Turns MJML into the HTML that it stands for; the rest of the program knows only that.
fn compile_mjml(sources: &mut BTreeMap<String, String>, problems: &mut Vec<RenderError>) {
    let files: Vec<String> = sources
        .keys()
        .filter(|file| file.ends_with("/body.mjml"))
        .cloned()
        .collect();
    for file in files {
        let source = sources.remove(&file).unwrap_or_default();
        let html = file.replace("/body.mjml", "/body.html");
        if sources.contains_key(&html) && !shipped::is_shipped(&html) {
            let what = format!("there is {html} as well; keep one of the two");
            problems.push(RenderError::new(&file, None, what));
            continue;
        }
        match mjml::to_html(&file, &source) {
            Ok(compiled) => {
                sources.insert(html, compiled);
            }
            Err(found) => problems.extend(found),
        }
    }
}

impl Bundle {
    fn environment(&self) -> Result<Environment<'static>, RenderError> {
        let mut env = engine::environment(self.language);
        for (file, source) in &self.parts {
            engine::add(&mut env, file, source)?;
        }
        Ok(env)
    }
}

/// What a file under `templates/` is, by its name.
enum Form<'a> {
    Mail(&'a str),
    Chat(&'a str),
    Buttons(&'a str),
    Chart(&'a str),
    Layout,
}

impl<'a> Form<'a> {
    fn of(file: &'a str) -> Option<Self> {
        if file.starts_with("layout/") {
            return Some(Self::Layout);
        }
        if let Some((name, part)) = file.split_once('/') {
            let known = matches!(part, "subject.txt" | "body.txt" | "body.html" | "body.mjml");
            return known.then_some(Self::Mail(name));
        }
        file.strip_suffix(".telegram.html")
            .map(Self::Chat)
            .or_else(|| file.strip_suffix(".buttons.txt").map(Self::Buttons))
            .or_else(|| file.strip_suffix(".chart.txt").map(Self::Chart))
    }
}

/// The one picture that goes with no message: `report --png`.
const REPORT_CHART: &str = "report.chart.txt";

fn chat_file(name: &str) -> String {
    format!("{name}.telegram.html")
}

fn buttons_file(name: &str) -> String {
    format!("{name}.buttons.txt")
}

fn chart_file(name: &str) -> String {
    format!("{name}.chart.txt")
}

/// Renders and reads the description of a template's picture.
fn described(
    env: &Environment<'static>,
    sources: &BTreeMap<String, String>,
    name: &str,
    facts: &Facts,
) -> Result<Option<chart::Page>, RenderError> {
    let file = chart_file(name);
    if !sources.contains_key(&file) {
        return Ok(None);
    }
    let text = engine::render(env, &file, facts)?;
    let page = chart::Page::read(&text).map_err(|(line, what)| {
        let what = format!("line {line} of what it makes: {what}");
        RenderError::new(&file, None, what)
    })?;
    Ok((!page.panels.is_empty()).then_some(page))
}

/// Reads the admin's files into `sources`. Hidden files, backups of editors and notes (`.md`) are passed over.
fn read_folder(
    folder: &Path,
    prefix: &str,
    sources: &mut BTreeMap<String, String>,
    problems: &mut Vec<RenderError>,
) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let file = folder.display().to_string();
            problems.push(RenderError::new(
                &file,
                None,
                format!("cannot be read: {error}"),
            ));
            return;
        }
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                problems.push(RenderError::new(
                    prefix,
                    None,
                    format!("cannot be read: {error}"),
                ));
                continue;
            }
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name.ends_with('~') || name.ends_with(".md") {
            continue;
        }
        let file = format!("{prefix}{name}");
        if entry.path().is_dir() {
            if prefix.is_empty() {
                read_folder(&entry.path(), &format!("{file}/"), sources, problems);
            } else {
                problems.push(RenderError::new(
                    &file,
                    None,
                    "templates have no folders within folders".to_owned(),
                ));
            }
            continue;
        }
        if Form::of(&file).is_none() {
            problems.push(RenderError::new(
                &file,
                None,
                "no template has a file of this name; a mail is NAME/subject.txt, NAME/body.txt and NAME/body.html, a Telegram message NAME.telegram.html, NAME.buttons.txt and NAME.chart.txt".to_owned(),
            ));
            continue;
        }
        match std::fs::read(entry.path()).map(String::from_utf8) {
            Ok(Ok(source)) => {
                sources.insert(file, source);
            }
            Ok(Err(_)) => problems.push(RenderError::new(
                &file,
                None,
                "the file is not UTF-8; save it as UTF-8".to_owned(),
            )),
            Err(error) => problems.push(RenderError::new(
                &file,
                None,
                format!("cannot be read: {error}"),
            )),
        }
    }
}
