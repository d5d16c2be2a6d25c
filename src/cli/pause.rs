//! `pause` and `resume`: stop sending, and go on.

use serde_json::Value;

use super::Call;
use super::failure::Failure;
use super::site;
use crate::commands::Request;

/// Stops sending. The sheet is read on, messages are decided and wait; nothing is lost.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  sheetbridge pause\n  sheetbridge pause email\n  sheetbridge pause consulting-idle"
)]
pub(crate) struct PauseArgs {
    /// `all`, `email`, `telegram`, or the id of a rule
    #[arg(default_value = "all")]
    what: String,
}

/// Goes on sending what is paused; what has expired meanwhile does not go any more.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  sheetbridge resume\n  sheetbridge resume email")]
pub(crate) struct ResumeArgs {
    /// `all`, `email`, `telegram`, or the id of a rule
    #[arg(default_value = "all")]
    what: String,
}

/// Pauses.
///
/// # Errors
/// No such channel or rule; see [`site::answer`].
pub(crate) async fn pause(call: &Call, args: PauseArgs) -> Result<(), Failure> {
    let what = args.what.clone();
    let answer = site::answer(call, &Request::Pause { what: args.what }).await?;
    said(
        call,
        &answer,
        &format!("paused: {what}. Go on with `sheetbridge resume {what}`"),
    )
}

/// Resumes.
///
/// # Errors
/// No such channel or rule; see [`site::answer`].
pub(crate) async fn resume(call: &Call, args: ResumeArgs) -> Result<(), Failure> {
    let what = args.what.clone();
    let answer = site::answer(call, &Request::Resume { what: args.what }).await?;
    let told = match (answer["was_paused"].as_bool(), answer["due_now"].as_u64()) {
        (Some(false), _) => format!("{what} was not paused"),
        (_, Some(due)) => format!("sending goes on: {what}, {due} due now"),
        (_, None) => format!("sending goes on: {what}"),
    };
    said(call, &answer, &told)
}

fn said(call: &Call, answer: &Value, text: &str) -> Result<(), Failure> {
    if call.out.is_json() {
        call.out.json(answer)
    } else {
        call.out.line(text)
    }
}
