//! Wiring: the loops of polling, timers and sending, the bot, the control socket, signals,
//! readiness and the watchdog.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Environment};
use crate::core::delivery::State;
use crate::core::rule::Channel;
use crate::cycle::Report;
use crate::store::StoreError;

/// How the daemon is run.
#[derive(Debug, Default)]
pub struct Settings {
    /// The file that SIGHUP reads again; without one there is no reloading.
    pub config_path: Option<PathBuf>,
    /// The environment that secrets may come from.
    pub environment: Option<Environment>,
    /// Hears what happens, for the demo's log.
    pub news: Option<UnboundedSender<News>>,
}

/// What happens, for whoever shows it to people. No addresses, no names but those of colleagues.
#[derive(Clone, Debug)]
pub enum News {
    /// A workbook was read.
    Polled {
        /// Workbook id.
        workbook: String,
        /// When.
        at: Timestamp,
        /// What it said.
        report: Arc<Report>,
    },
    /// A workbook could not be read.
    PollFailed {
        /// Workbook id.
        workbook: String,
        /// When.
        at: Timestamp,
        /// Why, with the mend.
        why: String,
    },
    /// A message ended, or waits.
    Message {
        /// When.
        at: Timestamp,
        /// Rule id.
        rule: String,
        /// Template name.
        template: String,
        /// By which channel.
        channel: Channel,
        /// Where it stands.
        state: State,
        /// Masked address, or the colleague's name.
        to: String,
        /// Why it stands there.
        why: String,
    },
}

/// Why the daemon ended.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The store: exit code 74.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something in the configuration that only shows when it is used: exit code 78.
    #[error("{0}")]
    Config(String),
    /// An address is in use, or may not be used: exit code 69.
    #[error("{0}")]
    Address(String),
}

/// Runs until `stop`; then waits up to 8 s for what is in hand (SEMANTICS 36).
///
/// # Errors
/// See [`DaemonError`].
pub async fn run(config: Config, settings: Settings, stop: CancellationToken) -> Result<(), DaemonError> {
    let _ = (config, settings, stop);
    unreachable!("written by the lead")
}
