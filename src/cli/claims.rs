//! `claims list`, `decide`, `find`: customers whom several of the company claim.

use serde_json::Value;

use super::Call;
use super::failure::Failure;
use super::site;
use super::status::clock;
use crate::commands::Request;

/// Rows of one person with different people in charge: who was first, and whose the customer is.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "\
Examples:
  sheetbridge claims list
  sheetbridge claims decide c-0a1b2c3d --keep 'Lan Anh'
  sheetbridge claims decide c-0a1b2c3d --together
  sheetbridge claims find")]
pub(crate) enum Args {
    /// The open ones with their evidence, the oldest first (with --json one object a line)
    List {
        /// Also those that are decided, and those that the sheet itself has settled
        #[arg(long)]
        all: bool,
    },
    /// Say whose the customer is; those concerned are told
    #[command(group = clap::ArgGroup::new("keep_or_together").required(true))]
    Decide {
        /// Its id, as `claims list` shows it
        #[arg(value_name = "ID")]
        id: String,
        /// Whose: one of those who claim the customer
        #[arg(long, value_name = "NAME", group = "keep_or_together")]
        keep: Option<String>,
        /// All of them look after the customer
        #[arg(long, group = "keep_or_together")]
        together: bool,
    },
    /// Look through all rows for claims that were in the sheet before the daemon came, and list them; nobody is told
    Find,
}

/// Lists, decides or looks for claims.
///
/// # Errors
/// No such claim, one that is decided; see [`site::answer`].
pub(crate) async fn claims(call: &Call, args: Args) -> Result<(), Failure> {
    match args {
        Args::List { all } => {
            let answer = site::answer(call, &Request::ClaimList { all }).await?;
            list(call, &site::list(answer)?)
        }
        Args::Decide { id, keep, .. } => {
            let answer = site::answer(call, &Request::ClaimDecide { id, keep }).await?;
            if call.out.is_json() {
                return call.out.json(&answer);
            }
            let text = |key: &str| answer[key].as_str().unwrap_or_default();
            let (id, kept) = (text("id"), text("kept"));
            match answer["together"] == true {
                true => call.out.line(format_args!(
                    "{id}: {kept} look after the customer together; they are told"
                )),
                false => call.out.line(format_args!(
                    "{id}: the customer is {kept}'s; everybody concerned is told"
                )),
            }
        }
        Args::Find => {
            let answer = site::answer(call, &Request::ClaimFind {}).await?;
            if call.out.is_json() {
                return call.out.json(&answer);
            }
            let count = |key: &str| answer[key].as_u64().unwrap_or(0);
            let (new, open) = (count("new"), count("open"));
            call.out.line(format_args!(
                "{new} found that were not known, {open} open in all: `sheetbridge claims list`"
            ))
        }
    }
}

fn list(call: &Call, claims: &[Value]) -> Result<(), Failure> {
    if call.out.is_json() {
        return call.out.lines(claims);
    }
    if claims.is_empty() {
        return call.out.line("Nobody is claimed by several.");
    }
    for line in claims {
        let claim = &line["claim"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        call.out.line(format_args!(
            "{}  {}  {}  {}, noticed {}",
            text(&claim["id"]),
            text(&claim["name"]),
            text(&claim["contact"]),
            text(&line["state"]),
            clock(&text(&line["opened"])),
        ))?;
        for side in claim["sides"].as_array().into_iter().flatten() {
            for row in side["rows"].as_array().into_iter().flatten() {
                call.out.line(format_args!(
                    "    {}: {}",
                    text(&side["names"]),
                    row_of(row)
                ))?;
            }
        }
        if let Some(kept) = claim["kept"].as_str() {
            let how = if claim["together"] == true {
                "together"
            } else {
                "decided"
            };
            let (by, at) = (text(&claim["by"]), clock(&text(&claim["decided"])));
            call.out
                .line(format_args!("    {how}: {kept}, by {by}, {at}"))?;
        } else {
            for (key, by) in [
                ("first_seen", "by when the row was seen"),
                ("first_received", "by the day of receipt"),
            ] {
                if let Some(name) = claim[key].as_str() {
                    call.out.line(format_args!("    first {by}: {name}"))?;
                }
            }
        }
    }
    Ok(())
}

fn row_of(row: &Value) -> String {
    let text = |key: &str| row[key].as_str();
    let seen = match row["baseline"] == true {
        true => "there at the first look".to_owned(),
        false => format!("seen first {}", clock(text("seen").unwrap_or_default())),
    };
    let mut parts = vec![
        format!("{} row {}", text("tab").unwrap_or_default(), row["row"]),
        seen,
    ];
    parts.extend(text("received").map(|day| format!("received {day}")));
    parts.extend(text("stage").map(str::to_owned));
    parts.extend(text("last").map(|last| format!("last note: {last}")));
    parts.join(", ")
}
