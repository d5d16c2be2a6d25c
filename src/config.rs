//! The configuration: one TOML file becomes a [`Config`], or every mistake in it at once.
//!
//! The key names and their meaning are those of the shipped `config/sheetbridge.toml`. This module is
//! the only reader of the process environment ([`Environment`]) and of secrets. What is written in
//! the file is checked here as far as the file alone can tell; whether the workbook is shared, a
//! template renders, or a password is right is `check`'s to find out.

mod campaigns;
mod columns;
mod digests;
mod environment;
mod goals;
mod load;
mod outward;
mod owners;
mod people;
mod problem;
mod reload;
mod rules;
mod secret;
mod sheets;
mod timing;
mod url;
mod walk;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use jiff::civil::Date;
use secrecy::SecretString;
use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use crate::core::calendar::Calendar;
use crate::core::insight::goals::Goals;
pub use crate::core::people::{Colleague as Staff, Role};
use crate::core::rule::{Rule, Span};
use crate::core::sheet::FieldKind;
use crate::core::subscription::Subscriptions;

pub use campaigns::campaign_file;
pub use environment::Environment;
pub use problem::{ConfigErrors, ConfigProblem, FileText};

/// Everything an admin can set, checked, with defaults filled in and secrets read.
///
/// `Debug` shows no secret: they are held as [`SecretString`].
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from, as given.
    pub file: PathBuf,
    /// `language`: of the bot, digests, shipped templates and web pages.
    pub language: Language,
    /// `state_dir`, else `$STATE_DIRECTORY`, else `./state`. Relative to the configuration file if
    /// written there; not created here.
    pub state_dir: PathBuf,
    /// `templates/` beside the configuration file: the admin's own, before the shipped ones. May not exist.
    pub templates_dir: PathBuf,
    /// Files that may go along with mails: `attachments/` beside the file.
    pub attachments_dir: PathBuf,
    /// Names of the templates that rules may use: shipped and own.
    pub templates: Vec<String>,
    /// `[company]`.
    pub company: Company,
    /// `[alerts] email`: held batches, trouble and digests when Telegram is out of reach.
    pub alerts: Option<String>,
    /// `[trial] redirect_all_to`: nothing reaches a customer; every message to one goes here.
    pub trial: Option<String>,
    /// `[keep] messages`: how long what was sent is kept; keys are kept for ever.
    pub keep_messages: Span,
    /// `[keep] backups`: automatic ones; none if they are turned off.
    pub keep_backups: Option<Backups>,
    /// `[google]`.
    pub google: Google,
    /// `[[workbook]]`, at least one.
    pub workbooks: Vec<Workbook>,
    /// `[columns]` and `[columns.custom]`, in the order of the file.
    pub fields: Vec<Field>,
    /// `[[stage]]` in the order of the file.
    pub stages: Vec<Stage>,
    /// `[aliases.FIELD]`: by field id, what means the same in conditions and segments.
    pub aliases: BTreeMap<String, Vec<Alias>>,
    /// `[consent] declared`.
    pub consent: Vec<ConsentDeclaration>,
    /// `[require]`.
    pub require: Require,
    /// `[leads] fresh`: older by its received date gets no welcome and no lead alert.
    pub leads_fresh: Span,
    /// `[settle]`.
    pub settle: Settle,
    /// `[guard]`.
    pub guard: Guard,
    /// `[[staff]]` in the order of the file.
    pub staff: Vec<Staff>,
    /// `[owners]` and the areas of `[[staff]]`.
    pub owners: Owners,
    /// The `digests` of `[[staff]]`: when who gets which digest, unless they say otherwise in the bot.
    pub digests: Subscriptions,
    /// `[email]`, if the daemon is to send mail.
    pub email: Option<Email>,
    /// `[telegram]`, if the daemon is to use a bot.
    pub telegram: Option<Telegram>,
    /// `[web]`, if health, metrics and the opt-out page are to be served.
    pub web: Option<Web>,
    /// `timezone` and `[hours]`.
    pub calendar: Calendar,
    /// `[[rule]]` in the order of the file.
    pub rules: Vec<Rule>,
    /// `[campaigns]`.
    pub campaigns: Campaigns,
    /// `[[target]]` and `[costs]`: what reports compare with.
    pub goals: Goals,
    /// The file's text, for [`Config::warnings_report`].
    pub text: FileText,
    /// What is suspicious but not wrong; `check` prints it, `run` logs it.
    pub warnings: Vec<ConfigProblem>,
}

/// Automatic backups, in `backups/` of the state folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backups {
    /// One each time this has passed; at night, if that is a day or more.
    pub every: Span,
    /// So many are kept.
    pub keep: u32,
}

/// The language of texts for people. Code, logs and the command line are English.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Vietnamese.
    #[default]
    Vi,
    /// English.
    En,
}

impl Language {
    /// `vi` or `en`, as in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vi => "vi",
            Self::En => "en",
        }
    }
}

/// `[company]`: who writes; in mail footers and opt-out pages, as Decree 91/2020 Art. 13 asks. Empty if not given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Company {
    /// Registered name.
    pub name: String,
    /// Postal address.
    pub address: String,
    /// Telephone, as it is to be shown.
    pub phone: String,
    /// Mailbox, as it is to be shown.
    pub email: String,
    /// Web site, without a slash at its end.
    pub website: String,
}

/// `[google]`.
#[derive(Clone, Debug)]
pub struct Google {
    /// The service-account key.
    pub key: GoogleKey,
    /// Time between two polls; each poll is one read per workbook.
    pub poll_every: Span,
    /// May write in its own tabs. Always false in this version.
    pub write: bool,
    /// Base of the Sheets API, ending in `/`.
    pub sheets_url: String,
}

/// A service-account key file, checked.
#[derive(Clone)]
pub struct GoogleKey {
    /// The address to share the workbook with.
    pub client_email: String,
    /// Where tokens come from.
    pub token_uri: String,
    /// The whole file, as yup-oauth2 reads it.
    pub json: SecretString,
}

impl fmt::Debug for GoogleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoogleKey")
            .field("client_email", &self.client_email)
            .field("token_uri", &self.token_uri)
            .finish_non_exhaustive()
    }
}

/// `[[workbook]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workbook {
    /// The id from the address bar.
    pub id: String,
    /// Its tabs in the order of the file; the first pattern that fits a tab's name counts.
    pub tabs: Vec<Tab>,
}

impl Workbook {
    /// The configuration of the tab of that name, if it is to be read.
    pub fn tab(&self, name: &str) -> Option<&Tab> {
        self.tabs.iter().find(|tab| tab.name.matches(name))
    }
}

/// `[[workbook.tab]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tab {
    /// Name or pattern.
    pub name: TabPattern,
    /// What its rows are.
    pub kind: TabKind,
}

impl Tab {
    /// Whether all of its rows have agreed to advertising, because it is a form's own.
    pub fn has_consent(&self) -> bool {
        matches!(
            self.kind,
            TabKind::Customers {
                consent: Some(_),
                ..
            }
        )
    }
}

/// A tab's name; `*` stands for any run of characters (`Tháng *`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TabPattern(pub String);

impl TabPattern {
    /// Whether a tab of that name is meant. Letter case, the form of accents (NFC or NFD) and outer
    /// spaces do not count: Google itself lets no two tabs differ by case alone.
    pub fn matches(&self, name: &str) -> bool {
        fits(&plain(&self.0), &plain(name))
    }

    /// Whether it has a `*`.
    pub fn is_pattern(&self) -> bool {
        self.0.contains('*')
    }
}

fn plain(text: &str) -> String {
    text.trim().nfc().flat_map(char::to_lowercase).collect()
}

/// Whether a text fits a pattern with `*` for any run of characters.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut left) = text.strip_prefix(head) else {
        return false;
    };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match left.find(piece) {
            Some(at) => left = &left[at + piece.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

/// What the rows of a tab are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TabKind {
    /// `kind = "customers"`, the default: bound by `[columns]`.
    Customers {
        /// Stage id, when the tab itself is the stage.
        stage: Option<String>,
        /// The salesperson's name, when the tab belongs to one.
        owner: Option<String>,
        /// When the tab is a form's own and all of its rows have agreed to advertising: in which words.
        consent: Option<String>,
    },
    /// `kind = "appointments"`.
    Appointments {
        /// Headers of `at`, `name`, `phone`, `project`, `owner`, `state`; those not given are absent. `at` is always there.
        columns: BTreeMap<String, Vec<String>>,
        /// Words in the `state` column that mean it does not take place as written.
        cancelled: Vec<String>,
    },
    /// `kind = "staff"`.
    Staff {
        /// Headers of `name`, `email`, `active`, `team`; those not given are absent. `name` is always there.
        columns: BTreeMap<String, Vec<String>>,
    },
    /// `kind = "campaigns"`, or `[campaigns] tab`.
    Campaigns {
        /// Further headers, by the column ids of [`crate::core::campaign::fields`].
        columns: BTreeMap<String, Vec<String>>,
    },
}

/// `[campaigns]`. The tab that it names stands among the tabs of its workbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaigns {
    /// Where results go, if writing is on.
    pub results_tab: String,
    /// Who approves: managers, or leaders of teams as well.
    pub approve: Role,
    /// Campaigns written as files: `campaigns/` beside the configuration. May not exist.
    pub folder: PathBuf,
}

/// A bound column: what it means and under which headers it may stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Field id: one of the built-in words, or the admin's own.
    pub id: String,
    /// How its cells are read.
    pub kind: FieldKind,
    /// The headers it may have, as written.
    pub headers: Vec<String>,
    /// Never in a text, chart, bot or log.
    pub private: bool,
    /// The stage id whose entry this date says.
    pub since: Option<String>,
}

/// `[[stage]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The word that rules use.
    pub id: String,
    /// As the sheet says it.
    pub label: String,
    /// Other ways to say it.
    pub aliases: Vec<String>,
    /// The deal is done.
    pub won: bool,
    /// The deal is off.
    pub lost: bool,
}

/// One line of `[aliases.FIELD]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// What the others mean.
    pub meaning: String,
    /// The other ways to write it.
    pub words: Vec<String>,
}

/// One entry of `[consent] declared`: the company's word that these customers agreed, kept as proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConsentDeclaration {
    /// Values of the `source` column for which it holds.
    pub sources: Vec<String>,
    /// For customers received from that day on.
    pub since: Date,
    /// Who declares it.
    pub by: String,
    /// On what evidence.
    pub evidence: String,
}

/// `[require]`: when a row counts as a customer for events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Require {
    /// One of these fields must be there (none named: no such demand).
    pub any: Vec<String>,
    /// All of these fields must be there.
    pub all: Vec<String>,
}

/// `[settle]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settle {
    /// A row must have been quiet for so long.
    pub after: Span,
    /// A row must be gone for so long.
    pub removed: Span,
    /// A row that still lacks required cells after so long is a data problem.
    pub incomplete: Span,
}

/// `[guard]`: what holds a batch until a manager has looked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guard {
    /// Rows gone at once.
    pub rows_gone: Limit,
    /// Messages decided by one poll.
    pub messages: u32,
    /// Error cells of one column.
    pub error_cells: Limit,
}

/// A share of the rows, and a number below which the share does not count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// 0 to 1, both excluded and included.
    pub share: f64,
    /// At least so many.
    pub at_least: u32,
}

impl Limit {
    /// Whether `count` of `all` reaches it.
    pub fn reached(&self, count: usize, all: usize) -> bool {
        #[allow(clippy::cast_precision_loss)]
        // A sheet ends at 10 million cells, f64 is exact to 2^53.
        let share = count as f64 / all.max(1) as f64;
        count >= self.at_least as usize && share >= self.share
    }
}

/// `[owners]`: whose customer somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owners {
    /// Managers are asked when rows of one person name different people in charge.
    pub claims: bool,
    /// How somebody is proposed for a new lead that nobody is in charge of; none: nobody is.
    pub propose: Option<Propose>,
    /// By name, the areas that somebody looks after, folded.
    pub areas: BTreeMap<String, Vec<String>>,
}

/// `[owners] propose`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Propose {
    /// One after the other.
    RoundRobin,
    /// Whoever looks after the area, one after the other of those.
    Area,
}

/// `[email]`.
#[derive(Clone, Debug)]
pub struct Email {
    /// Where mail is handed in.
    pub smtp: SmtpServer,
    /// Log-in name, if the server wants one; always together with a password.
    pub username: Option<String>,
    /// Password.
    pub password: Option<SecretString>,
    /// The sender.
    pub from: Mailbox,
    /// Where answers go.
    pub reply_to: ReplyTo,
    /// Mails a minute, from `per_minute` or the preset; `None`: as fast as the server takes them.
    pub per_minute: Option<u32>,
    /// Mails in 24 hours, from `per_day` or the preset; `None`: no limit.
    pub per_day: Option<u32>,
    /// Connections to the server side by side, from `connections`; as many mails are in doubt after a crash at most.
    pub connections: usize,
    /// What to do with a mail caught between its final dot and the answer.
    pub in_doubt: InDoubt,
    /// `dkim`: keys that sign every mail.
    pub dkim: Vec<Dkim>,
}

/// `[email] smtp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpServer {
    /// Host name or address; without the brackets of an IPv6 address.
    pub host: String,
    /// Port: as written, else 465 for `smtps://`, 587 for `smtp://`, 25 for `smtp+plain://`.
    pub port: u16,
    /// How the connection is made safe.
    pub security: SmtpSecurity,
}

/// How an SMTP connection is made safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// `smtps://`: TLS from the first byte.
    Tls,
    /// `smtp://`: STARTTLS, demanded.
    StartTls,
    /// `smtp+plain://`: none; loopback only.
    Plain,
}

/// A mailbox with the name shown beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Name, empty if none is given.
    pub name: String,
    /// Address.
    pub address: String,
}

/// `[email] reply_to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyTo {
    /// `"owner"`: the staff in charge of the record; the sender where there is none.
    Owner,
    /// One mailbox for all.
    Address(String),
}

/// `in_doubt`: what happens to a message that may have been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InDoubt {
    /// A person settles it with `outbox resolve`.
    Hold,
    /// It is sent again under the same key.
    Resend,
    /// The managers are asked on Telegram.
    Ask,
}

/// `[telegram]`.
#[derive(Clone, Debug)]
pub struct Telegram {
    /// Bot token from @BotFather.
    pub token: SecretString,
    /// Base of the Bot API, without a trailing `/`.
    pub api_url: String,
    /// Proxy URL (`socks5://…`, `http://…`), if the API is to be reached through one. It may hold a password.
    pub proxy: Option<SecretString>,
    /// What to do with a message caught in the gap.
    pub in_doubt: InDoubt,
}

/// `[web]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// Where health, metrics and the opt-out page are served.
    pub listen: std::net::SocketAddr,
    /// The address under which customers reach the opt-out page, without a slash at its end; none: they cannot.
    pub public_url: Option<String>,
    /// Machines beside this one that pass requests on and say who asked (`X-Forwarded-For`).
    pub proxies: Vec<std::net::IpAddr>,
}

/// One entry of `[email] dkim`.
#[derive(Clone, Debug)]
pub struct Dkim {
    /// The name before `._domainkey` in DNS, in small letters.
    pub selector: String,
    /// The domain that signs, in small letters; the sender's if none is given.
    pub domain: String,
    /// The private key, as PEM; whether it is one is the courier's to say.
    pub key: SecretString,
}
