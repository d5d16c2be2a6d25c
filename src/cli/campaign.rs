//! `campaign init`, `list`, `show`, `preview`, `approve`, `return`, `pause`, `resume`, `stop`, `resend-failed`.

mod init;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Call;
use super::failure::{Failure, Kind};
use super::output::table;
use super::site;
use super::status::clock;
use crate::commands::{Request, Steer};

/// What staff write in the campaign tab, from the question to the last mail.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "\
Examples:
  sheetbridge campaign init --print
  sheetbridge campaign list
  sheetbridge campaign preview mo-ban-sunrise
  sheetbridge campaign approve mo-ban-sunrise
  sheetbridge campaign stop mo-ban-sunrise")]
pub(crate) enum Args {
    /// Makes the tab in which staff write campaigns: header, drop-down lists, an example that is a draft
    Init {
        /// Print it, to be pasted into an empty tab, instead of writing into the workbook
        #[arg(long)]
        print: bool,
    },
    /// All of them, the newest first (with --json one object a line)
    List,
    /// One, with its mails by state, and everybody who is left out or was not reached
    Show {
        /// Its id, or its name
        #[arg(value_name = "CAMPAIGN")]
        which: String,
        /// Everybody as a table for a spreadsheet (UTF-8, commas)
        #[arg(long)]
        csv: bool,
    },
    /// Writes what managers are shown into a folder: the counts, three mails as HTML and text, who is left out
    Preview {
        /// Its id, or its name
        #[arg(value_name = "CAMPAIGN")]
        which: String,
        /// Where to; made if it is not there
        #[arg(long, value_name = "FOLDER", default_value = "campaign-preview")]
        to: PathBuf,
        /// Do not open it in the browser
        #[arg(long)]
        no_browser: bool,
    },
    /// It goes out as it was shown
    Approve {
        /// Its id, its name, or `ID#NUMBER` for one question only
        #[arg(value_name = "CAMPAIGN")]
        which: String,
    },
    /// It goes back to its author
    Return {
        /// Its id, or its name
        #[arg(value_name = "CAMPAIGN")]
        which: String,
        /// What is to be changed
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
    },
    /// What has not gone waits
    Pause {
        /// Its id, or its name
        #[arg(value_name = "CAMPAIGN")]
        which: String,
    },
    /// What waits goes on
    Resume {
        /// Its id, or its name
        #[arg(value_name = "CAMPAIGN")]
        which: String,
    },
    /// What has not gone does not go
    Stop {
        /// Its id, or its name
        #[arg(value_name = "CAMPAIGN")]
        which: String,
    },
    /// What was refused or given up goes again, under the same keys
    ResendFailed {
        /// Its id, or its name
        #[arg(value_name = "CAMPAIGN")]
        which: String,
    },
}

/// Does what it says.
///
/// # Errors
/// No such campaign, not now, a folder that cannot be written; see [`site::answer`].
pub(crate) async fn campaign(call: &Call, args: Args) -> Result<(), Failure> {
    match args {
        Args::Init { print } => init::init(call, print).await,
        Args::List => list(
            call,
            &site::list(site::answer(call, &Request::CampaignList).await?)?,
        ),
        Args::Show { which, csv: true } => {
            let table = site::answer(call, &Request::CampaignTable { which }).await?;
            match call.out.is_json() {
                true => call.out.json(&table),
                false => {
                    let csv = table["csv"].as_str().unwrap_or_default();
                    call.out
                        .line(csv.trim_end_matches("\r\n").to_owned() + "\r")
                }
            }
        }
        Args::Show { which, csv: false } => {
            let shown = site::answer(call, &Request::CampaignShow { which }).await?;
            show(call, &shown)
        }
        Args::Preview {
            which,
            to,
            no_browser,
        } => {
            let shown = site::answer(call, &Request::CampaignShow { which }).await?;
            preview(call, &shown, &to, !no_browser)
        }
        Args::Approve { which } => done(call, &Request::CampaignApprove { question: which }).await,
        Args::Return { which, why } => {
            let question = which;
            done(call, &Request::CampaignReturn { question, why }).await
        }
        Args::Pause { which } => steer(call, which, Steer::Pause).await,
        Args::Resume { which } => steer(call, which, Steer::Resume).await,
        Args::Stop { which } => steer(call, which, Steer::Stop).await,
        Args::ResendFailed { which } => {
            let again = site::answer(call, &Request::CampaignResend { which }).await?;
            match call.out.is_json() {
                true => call.out.json(&again),
                false => call.out.line(format_args!("{again} mails go again")),
            }
        }
    }
}

async fn steer(call: &Call, which: String, how: Steer) -> Result<(), Failure> {
    done(call, &Request::CampaignSteer { which, how }).await
}

async fn done(call: &Call, request: &Request) -> Result<(), Failure> {
    let answer = site::answer(call, request).await?;
    if call.out.is_json() {
        return call.out.json(&answer);
    }
    let text = |key: &str| answer[key].as_str().unwrap_or_default();
    let mut line = format!("{} is {}", text("id"), text("state"));
    if let Some(at) = answer["send_at"].as_str() {
        let _ = write!(line, ": {} mails from {}", answer["recipients"], clock(at));
    } else if text("state") == "sending" {
        let _ = write!(line, ": {} mails go now", answer["recipients"]);
    }
    call.out.line(line)
}

fn list(call: &Call, lines: &[Value]) -> Result<(), Failure> {
    if call.out.is_json() {
        return call.out.lines(lines);
    }
    if lines.is_empty() {
        return call.out.line(
            "There are no campaigns: fill a row in the tab of campaigns (see docs/campaigns.md).",
        );
    }
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            let count = line["recipients"].as_u64();
            vec![
                text("id"),
                text("state"),
                count
                    .map(|count| format!("{count} mails"))
                    .unwrap_or_default(),
                clock(&text("send_at")),
                text("name"),
            ]
        })
        .collect();
    call.out.lines(table(&rows))
}

fn show(call: &Call, shown: &Value) -> Result<(), Failure> {
    if call.out.is_json() {
        return call.out.json(shown);
    }
    call.out.lines(report(shown).lines())
}

/// In words, for the terminal and the preview's page.
fn report(shown: &Value) -> String {
    let text = |key: &str| shown[key].as_str().unwrap_or_default();
    let mut out = format!("{} ({}): {}\n", text("name"), text("id"), text("state"));
    if let Some(count) = shown["recipients"].as_u64() {
        let _ = writeln!(out, "  {count} mails, from {}", clock(text("send_at")));
    }
    if let Some(by) = shown["by"].as_str() {
        let _ = writeln!(out, "  by {by}");
    }
    for problem in shown["problems"].as_array().into_iter().flatten() {
        let _ = writeln!(out, "  ! {}", problem.as_str().unwrap_or_default());
    }
    for (what, key) in [("messages", "messages"), ("left out", "left_out")] {
        let counts = shown[key].as_object().into_iter().flatten();
        let counts: Vec<String> = counts
            .map(|(state, count)| format!("{count} {state}"))
            .collect();
        if !counts.is_empty() {
            let _ = writeln!(out, "  {what}: {}", counts.join(", "));
        }
    }
    for (what, key) in [("not reached", "failed"), ("left out", "aside")] {
        for one in shown[key].as_array().into_iter().flatten() {
            let field = |key: &str| one[key].as_str().unwrap_or_default();
            let _ = writeln!(
                out,
                "  {what}: {} ({}): {}",
                field("name"),
                field("record"),
                field("why")
            );
        }
    }
    out
}

/// Writes the folder.
fn preview(call: &Call, shown: &Value, to: &Path, open: bool) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| {
        Failure::new(
            Kind::Unavailable,
            format!("{} cannot be written: {error}", to.display()),
        )
        .help("name another folder with --to")
    };
    let samples = shown["samples"].as_array().cloned().unwrap_or_default();
    if samples.is_empty() {
        return Err(Failure::new(
            Kind::Usage,
            format!(
                "there is nothing to show of {} yet: it is {}",
                shown["id"].as_str().unwrap_or_default(),
                shown["state"].as_str().unwrap_or_default()
            ),
        )
        .help("`sheetbridge campaign show` says what is to be mended; a row is looked at when its state says ready"));
    }
    std::fs::create_dir_all(to).map_err(cannot)?;
    let mut page = String::from(
        "<!doctype html><html lang=\"vi\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Preview</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:760px;margin:2rem auto;padding:0 1rem}pre{white-space:pre-wrap}iframe{width:100%;height:640px;border:1px solid #bbb;border-radius:8px}</style>",
    );
    let _ = write!(page, "<pre>{}</pre>", escaped(&report(shown)));
    for (number, sample) in samples.iter().enumerate() {
        let field = |key: &str| sample[key].as_str().unwrap_or_default();
        let name = format!("mail-{}-{}", number + 1, field("why"));
        std::fs::write(to.join(format!("{name}.html")), field("html")).map_err(cannot)?;
        std::fs::write(to.join(format!("{name}.txt")), field("text")).map_err(cannot)?;
        let _ = write!(
            page,
            "<h2>{}</h2><p>{}</p><iframe src=\"{name}.html\" sandbox></iframe><p><a href=\"{name}.txt\">{name}.txt</a></p>",
            escaped(field("subject")),
            escaped(field("to")),
        );
    }
    let index = to.join("index.html");
    std::fs::write(&index, page).map_err(cannot)?;
    if open {
        show_in_browser(call, &index);
    }
    match call.out.is_json() {
        true => call.out.json(shown),
        false => call.out.line(format_args!("written: {}", index.display())),
    }
}

/// Where there is a screen; elsewhere the path is printed anyway.
fn show_in_browser(call: &Call, page: &Path) {
    let screen = ["DISPLAY", "WAYLAND_DISPLAY"];
    if screen
        .iter()
        .any(|name| call.environment.get(name).is_some())
    {
        let _ = std::process::Command::new("xdg-open")
            .arg(page)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn();
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
