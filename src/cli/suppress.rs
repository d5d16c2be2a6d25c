//! `suppress list`, `add`, `remove`: addresses and numbers that are not written to.

use serde_json::Value;

use super::Call;
use super::failure::Failure;
use super::output::table;
use super::site;
use super::status::clock;
use crate::commands::Request;

/// Who is not written to: opt-outs of the sheet, addresses that take no mail, and what was added by hand.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "\
Examples:
  sheetbridge suppress list
  sheetbridge suppress list an@example.org
  sheetbridge suppress add 0901234567 --why 'asked on the phone'
  sheetbridge suppress remove an@example.org")]
pub(crate) enum Args {
    /// All of them, the newest first (with --json one object a line); addresses are kept as keyed hashes and shown masked
    List {
        /// Only this e-mail address or phone number
        #[arg(value_name = "ADDRESS")]
        address: Option<String>,
    },
    /// No advertising goes to this address or number any more, whatever the sheet says
    Add {
        /// An e-mail address or a phone number
        #[arg(value_name = "ADDRESS")]
        address: String,
        /// Nothing at all, service mails neither
        #[arg(long)]
        everything: bool,
        /// Kept as the proof
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
    },
    /// It may be written to again
    Remove {
        /// An e-mail address, a phone number, or the id that `suppress list` shows
        #[arg(value_name = "ADDRESS")]
        address: String,
    },
}

/// Lists, adds or removes.
///
/// # Errors
/// No address, none for it; see [`site::answer`].
pub(crate) async fn suppress(call: &Call, args: Args) -> Result<(), Failure> {
    match args {
        Args::List { address } => {
            let request = Request::SuppressList { address };
            list(call, &site::list(site::answer(call, &request).await?)?)
        }
        Args::Add {
            address,
            everything,
            why,
        } => {
            let request = Request::SuppressAdd {
                address,
                everything,
                why,
            };
            let answer = site::answer(call, &request).await?;
            let what = match answer["of"].as_str() {
                Some("everything") => "nothing at all",
                _ => "no advertising",
            };
            said(
                call,
                &answer,
                &format!("{what} goes to {} any more", masked(&answer)),
            )
        }
        Args::Remove { address } => {
            let answer = site::answer(call, &Request::SuppressRemove { address }).await?;
            said(
                call,
                &answer,
                &format!("{} may be written to again", masked(&answer)),
            )
        }
    }
}

fn masked(answer: &Value) -> &str {
    answer["address"].as_str().unwrap_or_default()
}

fn said(call: &Call, answer: &Value, text: &str) -> Result<(), Failure> {
    if call.out.is_json() {
        call.out.json(answer)
    } else {
        call.out.line(text)
    }
}

fn list(call: &Call, lines: &[Value]) -> Result<(), Failure> {
    if call.out.is_json() {
        return call.out.lines(lines);
    }
    if lines.is_empty() {
        return call.out.line("Nobody is suppressed.");
    }
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            vec![
                text(line, "id"),
                text(line, "address"),
                text(line, "of"),
                clock(&text(line, "since")),
                text(line, "why"),
            ]
        })
        .collect();
    call.out.lines(table(&rows))
}
