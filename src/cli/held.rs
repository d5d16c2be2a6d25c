//! `held list`, `release`, `drop`: batches that wait for a manager.

use serde_json::Value;

use super::Call;
use super::failure::Failure;
use super::site;
use crate::commands::Request;

/// What the plausibility guard holds: a cleared tab, half the rows gone, too many messages at once.
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "Examples:\n  sheetbridge held list\n  sheetbridge held release h-123456\n  sheetbridge held drop h-123456"
)]
pub(crate) enum Args {
    /// The batches that wait, with what speaks against each (with --json one object a line)
    List,
    /// The change is meant: take it with its events, at the next poll that is no worse
    Release {
        /// Its id, as `held list` shows it
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Take the sheet as it is now as the new base, without events or messages
    Drop {
        /// Its id, as `held list` shows it
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// Lists or decides held batches.
///
/// # Errors
/// No such batch; see [`site::answer`].
pub(crate) async fn held(call: &Call, args: Args) -> Result<(), Failure> {
    match args {
        Args::List => list(
            call,
            &site::list(site::answer(call, &Request::HeldList).await?)?,
        ),
        Args::Release { id } => {
            let told = format!("{id}: the next poll that is no worse is taken, with its events");
            decided(call, &Request::HeldRelease { id }, &told).await
        }
        Args::Drop { id } => {
            let told = format!("{id}: the next poll becomes the new base, without events");
            decided(call, &Request::HeldDrop { id }, &told).await
        }
    }
}

async fn decided(call: &Call, request: &Request, told: &str) -> Result<(), Failure> {
    let answer = site::answer(call, request).await?;
    if call.out.is_json() {
        call.out.json(&answer)
    } else {
        call.out.line(told)
    }
}

fn list(call: &Call, batches: &[Value]) -> Result<(), Failure> {
    if call.out.is_json() {
        return call.out.lines(batches);
    }
    if batches.is_empty() {
        return call.out.line("Nothing is held.");
    }
    for batch in batches {
        let text = |key: &str| batch[key].as_str().unwrap_or_default();
        call.out.line(format_args!(
            "{}  {}, since {}",
            text("id"),
            text("workbook"),
            text("since")
        ))?;
        call.out.line(format_args!("    {}", text("why")))?;
        let counts = ["added", "changed", "removed", "messages"]
            .map(|key| format!("{} {key}", batch[key].as_u64().unwrap_or(0)));
        call.out
            .line(format_args!("    it would make: {}", counts.join(", ")))?;
        if let Some(decision) = batch["decision"].as_str() {
            call.out.line(format_args!(
                "    {decision} was chosen by {}, and acts at the next poll",
                text("by")
            ))?;
        }
    }
    call.out.line("Answer with `sheetbridge held release ID` (it is meant) or `held drop ID` (a new base, no messages).")
}
