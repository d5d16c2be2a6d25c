//! `outbox list`: messages and where they stand.

use serde_json::Value;

use super::Call;
use super::failure::Failure;
use super::output::table;
use super::site;
use crate::commands::Request;

/// Messages, from decision to end.
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "Examples:\n  sheetbridge outbox list\n  sheetbridge outbox list --state in_doubt --json"
)]
pub(crate) enum Args {
    /// The newest messages first (with --json one object a line)
    List {
        /// Only those that are queued, in_flight, delivered, rejected, in_doubt, cancelled, expired or dead
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
}

/// Lists messages.
///
/// # Errors
/// No such state; see [`site::answer`].
pub(crate) async fn outbox(call: &Call, args: Args) -> Result<(), Failure> {
    let Args::List { state, limit } = args;
    let messages = site::list(site::answer(call, &Request::Outbox { state, limit }).await?)?;
    if call.out.is_json() {
        return call.out.lines(&messages);
    }
    if messages.is_empty() {
        return call.out.line("No messages.");
    }
    let rows: Vec<Vec<String>> = messages.iter().map(row).collect();
    call.out.lines(table(&rows))
}

fn row(message: &Value) -> Vec<String> {
    let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
    ["state", "due", "channel", "to", "key", "why"]
        .map(text)
        .to_vec()
}
