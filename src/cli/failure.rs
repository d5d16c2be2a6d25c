//! How a command ends badly: a kind, one sentence, the mend if it is not in the sentence, and the exit code.

use std::fmt;
use std::io;

use serde_json::{Value, json};

use super::output::Output;
use crate::commands::{CommandError, ErrorKind};
use crate::config::ConfigErrors;
use crate::control::ControlError;
use crate::cycle::PollError;
use crate::daemon::DaemonError;
use crate::google::{GoogleError, KeyError};
use crate::render::TemplateErrors;
use crate::store::{self, StoreError};
use crate::telemetry::LoggingError;

/// What kind of end it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The answer is no: `check` found problems, there is no such message.
    No,
    /// Asked wrongly.
    Usage,
    /// A service, an address, or the daemon is out of reach.
    Unavailable,
    /// A bug of ours.
    Broken,
    /// The store.
    Store,
    /// It may work later.
    TryLater,
    /// Not allowed: not shared, another user's socket.
    NotAllowed,
    /// The configuration, or something it speaks of.
    Config,
    /// Whoever read our stdout has gone (`| head`): no mistake.
    ReaderGone,
}

impl Kind {
    /// The exit code (PRODUCT.md, "The command line"; sysexits.h), and the word in `--json`.
    fn table(self) -> (u8, &'static str) {
        match self {
            Self::ReaderGone => (0, "reader_gone"),
            Self::No => (1, "no"),
            Self::Usage => (2, "usage"),
            Self::Unavailable => (69, "unavailable"),
            // Trying again may help, and systemd does: a bug has no code of its own.
            Self::Broken => (75, "internal"),
            Self::Store => (74, "store"),
            Self::TryLater => (75, "try_later"),
            Self::NotAllowed => (77, "not_allowed"),
            Self::Config => (78, "configuration"),
        }
    }

    /// What the process returns.
    pub(crate) fn exit_code(self) -> u8 {
        self.table().0
    }
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What kind of end it is.
    pub(crate) kind: Kind,
    /// One sentence.
    pub(crate) text: String,
    /// What to do, where the sentence does not say it.
    pub(crate) help: Option<String>,
    /// More than one mistake: for people as a report, for programs as JSON.
    detail: Option<Box<ConfigErrors>>,
    /// What was found out all the same; only in `--json`.
    partial: Option<Box<Value>>,
}

impl Failure {
    /// A failure of one sentence.
    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            help: None,
            detail: None,
            partial: None,
        }
    }

    /// With what to do about it.
    #[must_use]
    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }

    /// With what was found out all the same.
    #[must_use]
    pub(crate) fn with_report(self, report: Value) -> Self {
        Self {
            partial: Some(Box::new(report)),
            ..self
        }
    }

    /// The answer is no, and everything was said already.
    pub(crate) fn said() -> Self {
        Self::new(Kind::No, "")
    }

    /// Stdout cannot be written.
    pub(crate) fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Kind::ReaderGone, ""),
            _ => Self::new(
                Kind::Store,
                format!("the output cannot be written: {error}"),
            ),
        }
    }

    /// A file of a command cannot be used.
    pub(crate) fn file(what: impl fmt::Display, error: &io::Error) -> Self {
        Self::new(Kind::Store, format!("{what}: {error}"))
    }

    /// Something in the program panicked: what reads the store, or a mistake of ours.
    pub(crate) fn panicked() -> Self {
        if store::gave_up() {
            return Self::gave_up();
        }
        Self::new(Kind::Broken, "sheetbridge contradicts itself: see above")
    }

    /// sled panicked, which it does when what it reads makes no sense.
    fn gave_up() -> Self {
        StoreError::GaveUp.into()
    }

    /// Says it, in the form that was asked for.
    pub(crate) fn show(&self, out: Output) {
        if self.text.is_empty() {
            return;
        }
        if out.is_json() {
            let _ = out.json(&self.json());
            return;
        }
        if let Some(detail) = &self.detail {
            out.tell(detail.report(out.color(), out.width()));
            return;
        }
        out.tell(format_args!("error: {}", self.text));
        if let Some(help) = &self.help {
            out.tell(format_args!("help: {help}"));
        }
    }

    /// `{"error": {"kind", "text", "help"?, "problems"?}, "report"?}`.
    fn json(&self) -> Value {
        let mut error = json!({ "kind": self.kind.table().1, "text": self.text });
        if let Some(help) = &self.help {
            error["help"] = json!(help);
        }
        if let Some(detail) = &self.detail {
            error["problems"] = detail.json();
        }
        let mut whole = json!({ "error": error });
        if let Some(partial) = &self.partial {
            whole["report"] = Value::clone(partial);
        }
        whole
    }
}

impl From<ConfigErrors> for Failure {
    fn from(errors: ConfigErrors) -> Self {
        Self {
            detail: Some(Box::new(errors.clone())),
            ..Self::new(Kind::Config, errors.to_string())
        }
    }
}

impl From<TemplateErrors> for Failure {
    fn from(errors: TemplateErrors) -> Self {
        Self::new(Kind::Config, errors.to_string())
    }
}

impl From<LoggingError> for Failure {
    fn from(error: LoggingError) -> Self {
        Self::new(Kind::Usage, error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let failure = Self::new(Kind::Store, error.to_string());
        match error.way_back() {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let kind = match error {
            KeyError::NotAKey(_) => Kind::Config,
            KeyError::Client(_) => Kind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<GoogleError> for Failure {
    fn from(error: GoogleError) -> Self {
        let kind = match &error {
            GoogleError::NotShared { .. }
            | GoogleError::NotEditor { .. }
            | GoogleError::ApiDisabled { .. }
            | GoogleError::KeyRefused { .. } => Kind::NotAllowed,
            GoogleError::NotFound { .. } | GoogleError::UnknownRange { .. } => Kind::Config,
            GoogleError::SlowDown { .. } | GoogleError::Trouble { .. } => Kind::TryLater,
            GoogleError::Refused { .. }
            | GoogleError::Unreachable { .. }
            | GoogleError::Garbled { .. }
            | GoogleError::TooSlow { .. } => Kind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<PollError> for Failure {
    fn from(error: PollError) -> Self {
        match error {
            PollError::Google(error) => error.into(),
            PollError::Store(error) => error.into(),
            error @ (PollError::Tabs(_) | PollError::UnknownWorkbook(_)) => {
                Self::new(Kind::Config, error.to_string())
            }
        }
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        let kind = match error.kind {
            ErrorKind::NotAllowed => Kind::NotAllowed,
            ErrorKind::NotFound | ErrorKind::TooLate | ErrorKind::Again => Kind::No,
            ErrorKind::Usage => Kind::Usage,
            ErrorKind::Unavailable => Kind::Unavailable,
            ErrorKind::Store => Kind::Store,
        };
        Self::new(kind, error.text)
    }
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        let kind = match error {
            ControlError::Refused(refused) => return refused.into(),
            ControlError::TooLong { .. } => Kind::Config,
            ControlError::Denied { .. } => Kind::NotAllowed,
            ControlError::TooSlow(_) => Kind::TryLater,
            ControlError::Garbled(_) => Kind::Unavailable,
            ControlError::InUse { .. }
            | ControlError::InTheWay { .. }
            | ControlError::Io { .. } => Kind::Store,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        match error {
            DaemonError::Store(error) => error.into(),
            DaemonError::Config(text) => Self::new(Kind::Config, text),
            DaemonError::Address(text) => Self::new(Kind::Unavailable, text),
            DaemonError::Broken(_) if store::gave_up() => Self::gave_up(),
            error @ DaemonError::Broken(_) => Self::new(Kind::Broken, error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_the_manual() {
        let codes = [
            Kind::ReaderGone,
            Kind::No,
            Kind::Usage,
            Kind::Unavailable,
            Kind::Broken,
            Kind::Store,
            Kind::TryLater,
            Kind::NotAllowed,
            Kind::Config,
        ]
        .map(Kind::exit_code);
        assert_eq!(codes, [0, 1, 2, 69, 75, 74, 75, 77, 78]);
    }

    #[test]
    fn google_says_whose_turn_it_is() {
        let code = |error: GoogleError| Failure::from(error).kind.exit_code();
        let (workbook, account) = ("w".to_owned(), "a@b".to_owned());
        assert_eq!(
            code(GoogleError::NotShared {
                workbook: workbook.clone(),
                account: account.clone()
            }),
            77
        );
        assert_eq!(code(GoogleError::NotFound { workbook, account }), 78);
        assert_eq!(
            code(GoogleError::SlowDown {
                message: String::new(),
                retry_after_s: None
            }),
            75
        );
        assert_eq!(
            code(GoogleError::Trouble {
                status: 503,
                retry_after_s: None
            }),
            75
        );
        assert_eq!(
            code(GoogleError::Unreachable {
                url: String::new(),
                why: String::new()
            }),
            69
        );
    }

    #[test]
    fn a_reader_that_goes_is_no_mistake() {
        let failure = Failure::output(&io::ErrorKind::BrokenPipe.into());
        assert_eq!(failure.kind.exit_code(), 0);
        assert!(failure.text.is_empty());
    }
}
