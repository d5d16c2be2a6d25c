//! `run`: the daemon.

use super::Call;
use super::failure::Failure;
use super::site::Site;
use super::stopping::stop_token;
use crate::daemon::{self, Settings};

/// Reads the workbooks, decides and sends, until SIGTERM or Ctrl-C.
///
/// SIGHUP reads the configuration again and takes it over if it is right. What is in hand when the daemon
/// is told to end has 8 seconds; the rest goes on at the next start.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: sheetbridge run --config /etc/sheetbridge/sheetbridge.toml")]
pub(crate) struct Args {
    /// Log one JSON object a line on stderr
    #[arg(long)]
    pub(crate) log_json: bool,
}

/// Runs the daemon.
///
/// # Errors
/// The configuration, the store, or an address in use.
pub(crate) async fn run(call: &Call, _args: &Args) -> Result<(), Failure> {
    let site = Site::load(call)?;
    for warning in &site.config.warnings {
        tracing::warn!("{warning}");
    }
    let stop = stop_token()?;
    let settings = Settings {
        config_path: Some(site.path),
        environment: Some(call.environment.clone()),
        news: None,
    };
    let config = std::sync::Arc::unwrap_or_clone(site.config);
    Ok(daemon::run(config, settings, stop).await?)
}
