//! Where log lines go and what they may say, and the figures for `/metrics`.
//!
//! Knows nothing of ours: whoever logs uses `tracing`, whoever counts tells [`Metrics`] in plain words. Masking
//! customers' names and addresses is the work of their types; here only what *other* crates would say of secrets
//! is kept silent.

mod metrics;

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, filter, fmt};

pub use metrics::{Metrics, Poll};

/// What is logged if nobody asks for something else. What the crates below us tell in the course of their work
/// is not the admin's concern.
pub const DEFAULT_FILTER: &str = "info,yup_oauth2=info,teloxide=info,teloxide_core=info,\
                                  hyper=warn,hyper_util=warn,h2=warn,rustls=warn,reqwest=warn,sled=warn,html5ever=error";

/// Crates that tell tokens, proxy passwords, or whole mails and sheets from `debug` on. No filter opens them.
const TELLTALE: [&str; 12] = [
    "yup_oauth2",
    "google_apis_common",
    "google_sheets4",
    "reqwest",
    "hyper",
    "hyper_util",
    "hyper_rustls",
    "h2",
    "rustls",
    "lettre",
    "teloxide",
    "teloxide_core",
];

/// How a process logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logging {
    /// Lines go to systemd's journal with their fields, not to stderr: true when stderr is the journal anyway
    /// (`$JOURNAL_STREAM` is set). Without a journal to be found, stderr it is.
    pub journal: bool,
    /// `--log-json`: one JSON object a line on stderr, also under systemd.
    pub json: bool,
    /// What is logged, in the language of `RUST_LOG`; none: [`DEFAULT_FILTER`].
    pub filter: Option<String>,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter is not one.
    #[error(
        "the log filter {filter:?} is not one: {why}; write levels like \"info\" or \"info,sheetbridge=debug\""
    )]
    Filter {
        /// As it was given.
        filter: String,
        /// What is wrong with it.
        why: String,
    },
    /// Something in this process logs already.
    #[error("logging was set up twice in one process")]
    Twice,
}

impl Logging {
    /// Sets up logging for the whole process; also takes in what crates say by way of `log`.
    ///
    /// # Errors
    /// A filter that is not one, or a second call.
    pub fn start(&self) -> Result<(), LoggingError> {
        let filter = self.env_filter()?;
        let journal = (self.journal && !self.json).then(tracing_journald::layer);
        let (journal, no_journal) = match journal {
            Some(Ok(layer)) => (
                Some(layer.with_syslog_identifier("sheetbridge".to_owned())),
                None,
            ),
            Some(Err(error)) => (None, Some(error)),
            None => (None, None),
        };
        let lines = journal
            .is_none()
            .then(|| self.lines(io::stderr, io::stderr().is_terminal()));
        Registry::default()
            .with(filter)
            .with(silence())
            .with(journal)
            .with(lines)
            .try_init()
            .map_err(|_| LoggingError::Twice)?;
        if let Some(error) = no_journal {
            tracing::warn!(%error, "the journal cannot be reached, logging to stderr");
        }
        Ok(())
    }

    /// The layer that writes lines: for people, or as JSON.
    fn lines<S, W>(&self, writer: W, terminal: bool) -> Box<dyn Layer<S> + Send + Sync>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
        W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        if self.json {
            return fmt::layer()
                .json()
                .flatten_event(true)
                .with_writer(writer)
                .boxed();
        }
        let layer = fmt::layer().with_writer(writer);
        // On a terminal colours stay at their default, which honours $NO_COLOR.
        if terminal {
            layer.boxed()
        } else {
            layer.with_ansi(false).boxed()
        }
    }

    fn env_filter(&self) -> Result<EnvFilter, LoggingError> {
        let text = self.filter.as_deref().unwrap_or(DEFAULT_FILTER);
        EnvFilter::builder()
            .parse(text)
            .map_err(|error| LoggingError::Filter {
                filter: text.to_owned(),
                why: error.to_string(),
            })
    }
}

/// Lets nothing below `info` of a telltale crate through, whatever else a filter says. A directive of the
/// [`EnvFilter`] would not do: a longer one such as `yup_oauth2::service_account=debug` wins over it.
fn silence() -> FilterFn {
    filter::filter_fn(may_be_told)
}

fn may_be_told(about: &Metadata<'_>) -> bool {
    let krate = about.target().split("::").next().unwrap_or_default();
    LevelFilter::from_level(*about.level()) <= LevelFilter::INFO || !TELLTALE.contains(&krate)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What was written, for everybody who holds a clone.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Page {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn logged(logging: &Logging, say: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = Registry::default()
            .with(logging.env_filter().unwrap())
            .with(silence())
            .with(logging.lines(move || writer.clone(), false));
        tracing::subscriber::with_default(subscriber, say);
        page.text()
    }

    fn with_filter(filter: &str) -> Logging {
        Logging {
            filter: Some(filter.to_owned()),
            ..Logging::default()
        }
    }

    fn say_everything() {
        tracing::debug!(target: "yup_oauth2::service_account", "received response; body: ya29.secret");
        tracing::debug!(target: "yup_oauth2", "found valid token in cache: ya29.secret");
        tracing::debug!(target: "reqwest::connect", "proxy(http://an:secret@127.0.0.1) intercepts");
        tracing::trace!(target: "h2::hpack::encoder", "authorization: Bearer ya29.secret");
        tracing::info!(target: "yup_oauth2", "a token was fetched");
        tracing::debug!(target: "sheetbridge::cycle", "a quiet poll");
    }

    #[test]
    fn no_filter_makes_other_crates_tell_secrets() {
        let filters = [
            "trace",
            "debug,yup_oauth2=trace",
            "yup_oauth2::service_account=trace,reqwest::connect=trace,h2::hpack=trace,info",
        ];
        for filter in filters {
            let text = logged(&with_filter(filter), say_everything);
            assert!(!text.contains("secret"), "{filter}: {text}");
            assert!(text.contains("a token was fetched"), "{filter}: {text}");
        }
        let text = logged(&with_filter("trace"), say_everything);
        assert!(
            text.contains("a quiet poll"),
            "our own lines are opened: {text}"
        );
    }

    #[test]
    fn by_default_ours_is_told_from_info_on_and_the_others_are_quiet() {
        let text = logged(&Logging::default(), || {
            say_everything();
            tracing::info!(target: "sheetbridge::daemon", "ready");
            tracing::info!(target: "hyper_util::client", "a connection");
            tracing::info!(target: "sled::pagecache", "a snapshot");
        });
        assert!(
            text.contains("ready") && text.contains("a token was fetched"),
            "{text}"
        );
        assert!(
            !text.contains("quiet poll")
                && !text.contains("connection")
                && !text.contains("snapshot"),
            "{text}"
        );
        assert!(
            !text.contains('\u{1b}'),
            "colours in what is no terminal: {text:?}"
        );
    }

    #[test]
    fn json_is_one_object_a_line_with_the_fields_beside_the_message() {
        let logging = Logging {
            json: true,
            ..Logging::default()
        };
        let text = logged(&logging, || {
            tracing::info!(target: "sheetbridge::cycle", tab = "Khách hàng", rows = 300, "read");
            tracing::warn!(target: "sheetbridge::outbox", "slow");
        });
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["message"], "read");
        assert_eq!(lines[0]["tab"], "Khách hàng");
        assert_eq!(lines[0]["rows"], 300);
        assert_eq!(lines[1]["level"], "WARN");
    }

    #[test]
    fn a_filter_that_is_none_is_refused_with_an_example() {
        let error = with_filter("sheetbridge=loud")
            .env_filter()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("sheetbridge=loud") && error.contains("info,sheetbridge=debug"),
            "{error}"
        );
    }
}
