//! The command line: one file a command, over `commands`, the cycle and the daemon.
//!
//! Arguments, exit codes and what is printed are settled here; what a question means and who may ask it is
//! `commands`'. Commands that need the store ask the running daemon first and open the store themselves
//! only when there is none. Data goes to stdout, everything else to stderr.

mod backup;
mod campaign;
mod check;
mod claims;
mod demo;
mod digest;
mod explain;
mod failure;
mod handover;
mod held;
mod invite;
pub mod memory;
mod outbox;
mod output;
mod pause;
mod records;
mod report;
mod run;
mod sandbox;
mod scratch;
mod site;
mod status;
mod stopping;
mod suppress;
mod sync;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Environment;
use crate::store;
use crate::telemetry::{self, Logging};
use failure::{Failure, Kind};
use output::Output;

/// What stands below `--help`.
const AFTER_HELP: &str = "\
Try it without any account:    sheetbridge demo
Set it up:                     copy config/sheetbridge.toml, then: sheetbridge check
See what it would do:          sheetbridge sync --dry-run
Run it:                        sheetbridge run

Exit codes: 0 well; 1 the answer is no (check found problems); 2 usage; 69 a service is unreachable;
74 the store; 75 try later; 77 no permission; 78 configuration.";

/// Makes the Google Sheets workbook in which a property company keeps its customers act like a CRM.
#[derive(Debug, Parser)]
#[command(name = "sheetbridge", version, after_help = AFTER_HELP, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, clap::Args)]
struct Global {
    /// The configuration [default: $SHEETBRIDGE_CONFIG, /etc/sheetbridge/sheetbridge.toml, config/sheetbridge.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print data, and what went wrong, as JSON on stdout
    #[arg(long, global = true)]
    json: bool,
    /// Log more (twice: everything of ours)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything on this machine, no accounts: edit a sheet in the browser, watch mails and chats arrive
    Demo(demo::Args),
    /// Only the three servers of the demo: Google Sheets, SMTP and the Telegram Bot API on loopback
    Sandbox(sandbox::Args),
    /// Look for every mistake: configuration, credentials, workbook, templates, log-ins, then the data
    Check(check::Args),
    /// Read the workbooks once and do what follows
    Sync(sync::Args),
    /// The daemon
    Run(run::Args),
    /// Is it well? Last poll, queue, held batches, limits, what to do next
    Status(status::Args),
    /// The customers as understood, typed and normalised
    Records(records::Args),
    /// Figures of a period: pipeline, people, speed, sources, forecast
    Report(report::Args),
    /// A person's whole story: seen when, changed how, which rules looked and why, what was sent and what will come
    Explain(explain::Args),
    /// What managers read in the morning, now: as text, as a picture, or sent
    Digest(digest::Args),
    /// Messages: where they stand, and what is done to them by hand
    #[command(subcommand)]
    Outbox(outbox::Args),
    /// Campaigns: where they stand, what would go out, and what managers decide
    #[command(subcommand)]
    Campaign(campaign::Args),
    /// Batches that wait for a manager
    #[command(subcommand)]
    Held(held::Args),
    /// Customers whom several of the company claim
    #[command(subcommand)]
    Claims(claims::Args),
    /// Addresses and numbers that are not written to
    #[command(subcommand)]
    Suppress(suppress::Args),
    /// Stop sending: everything, one channel, or one rule
    Pause(pause::PauseArgs),
    /// Go on sending
    Resume(pause::ResumeArgs),
    /// A one-time link that binds a Telegram chat to one of the company's people
    Invite(invite::Args),
    /// A leaver's customers, reminders and promises go to others
    Handover(handover::Args),
    /// The whole state in one file, also while the daemon runs
    Backup(backup::BackupArgs),
    /// A backup becomes the state again; nothing is sent twice because of it
    Restore(backup::RestoreArgs),
}

/// What a command is given beside its own arguments.
#[derive(Debug)]
struct Call {
    out: Output,
    global: Global,
    environment: Environment,
}

/// Parses the process's arguments, does what they say, and returns the exit code.
pub fn main() -> ExitCode {
    keep_out_of_core_dumps();
    store::watch_for_panics();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let out = Output::new(cli.global.json);
    let call = Call {
        out,
        global: cli.global,
        environment: Environment::from_process(),
    };
    if matches!(cli.command, Command::Run(_)) {
        memory::keep_small(&call.environment);
    }
    let done = runtime().and_then(|runtime| {
        listen_to_log(&call, &cli.command)?;
        // Nothing of what a command was at is used after it panicked.
        let work = AssertUnwindSafe(|| runtime.block_on(dispatch(&call, cli.command)));
        let done = catch_unwind(work).unwrap_or_else(|_| Err(Failure::panicked()));
        // What still hangs in a blocking call (a name that does not resolve) must not keep us.
        runtime.shutdown_background();
        done
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.show(out);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}

/// The memory holds customers and secrets: no crash may leave it on a disk, and nobody else may look into it.
/// The unit says the same (`LimitCORE=0`); this holds also where there is no unit.
fn keep_out_of_core_dumps() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // A kernel that refuses to lower a limit refuses for good; the daemon is of use all the same.
    let _ = setrlimit(Resource::Core, none);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Help and version go to stdout and are well; everything else is usage, as JSON if that was asked for.
fn refuse(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
    let helps = matches!(error.kind(), DisplayHelp | DisplayVersion);
    if !helps && std::env::args_os().any(|argument| argument == "--json") {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        let text = first.strip_prefix("error: ").unwrap_or(first);
        Failure::new(Kind::Usage, text)
            .help("see `sheetbridge --help`")
            .show(Output::new(true));
    } else {
        let _ = error.print(); // a pipe that is closed is no mistake
    }
    if helps {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(Kind::Usage.exit_code())
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::new(
                Kind::Unavailable,
                format!("the threads cannot be started: {error}"),
            )
        })
}

/// The log: of the daemon what it does, of other commands only what is wrong.
fn listen_to_log(call: &Call, command: &Command) -> Result<(), Failure> {
    let (daemon, json) = match command {
        Command::Run(args) => (true, args.log_json),
        _ => (false, false),
    };
    let asked = call.environment.get("RUST_LOG").map(str::to_owned);
    let ours = match (daemon, call.global.verbose) {
        (true, 0) => None,
        // The demo's own log is on its page; a command tells what is wrong as its error.
        (false, 0) => Some(if matches!(command, Command::Demo(_)) {
            "warn"
        } else {
            "error"
        }),
        (false, 1) => Some("info"),
        (true, 1) | (_, 2) => Some("debug"),
        (_, _) => Some("trace"),
    };
    let filter = ours.map(|level| match daemon {
        true => format!("{},sheetbridge={level}", telemetry::DEFAULT_FILTER),
        false => format!("off,sheetbridge={level}"),
    });
    let journal = daemon && call.environment.get("JOURNAL_STREAM").is_some();
    Ok(Logging {
        journal,
        json,
        filter: asked.or(filter),
    }
    .start()?)
}

async fn dispatch(call: &Call, command: Command) -> Result<(), Failure> {
    // Each command's future is boxed: together they would make one large one.
    match command {
        Command::Demo(args) => Box::pin(demo::demo(call, args)).await,
        Command::Sandbox(args) => Box::pin(sandbox::sandbox(call, args)).await,
        Command::Check(args) => Box::pin(check::check(call, &args)).await,
        Command::Sync(args) => Box::pin(sync::sync(call, &args)).await,
        Command::Run(args) => Box::pin(run::run(call, &args)).await,
        Command::Status(args) => status::status(call, &args).await,
        Command::Records(args) => records::records(call, &args).await,
        Command::Report(args) => report::report(call, &args).await,
        Command::Explain(args) => explain::explain(call, &args).await,
        Command::Digest(args) => digest::digest(call, args).await,
        Command::Outbox(args) => Box::pin(outbox::outbox(call, args)).await,
        Command::Campaign(args) => Box::pin(campaign::campaign(call, args)).await,
        Command::Suppress(args) => suppress::suppress(call, args).await,
        Command::Claims(args) => claims::claims(call, args).await,
        Command::Held(args) => held::held(call, args).await,
        Command::Pause(args) => pause::pause(call, args).await,
        Command::Resume(args) => pause::resume(call, args).await,
        Command::Invite(args) => invite::invite(call, args).await,
        Command::Handover(args) => handover::handover(call, args).await,
        Command::Backup(args) => backup::backup(call, args).await,
        Command::Restore(args) => backup::restore(call, args).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_arguments_fit_together() {
        Cli::command().debug_assert();
    }
}
