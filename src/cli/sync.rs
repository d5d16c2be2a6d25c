//! `sync`: one cycle over every workbook, by the running daemon or here.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Call;
use super::failure::Failure;
use super::output::{count, table};
use super::records::problem;
use super::scratch::Scratch;
use super::site::Site;
use crate::clock;
use crate::commands::{Desk, Request, Who};
use crate::cycle::{Cycle, Mode, PROBLEMS_LISTED, PollError, Report};
use crate::google::Google;
use crate::store::Store;

/// Reads every workbook once, tells what changed, and decides what follows. It does not send: messages wait
/// for the daemon (`run`). While the daemon runs, it is asked to do it.
///
/// The first look at a workbook is the baseline and sends nothing. A change counts once its row has been
/// quiet for the settle time, so it takes two looks to make a message of it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sheetbridge sync --dry-run
  sheetbridge sync --json | jq '.changes[] | {kind, tab, row}'

With --json, one object: {at, baseline, tabs, changes, ambiguous, problems, settling, messages}.")]
pub(crate) struct Args {
    /// Write nothing; tell what would be done
    #[arg(long)]
    dry_run: bool,
}

/// Polls once and prints the report.
///
/// # Errors
/// The configuration, the store, or a workbook that cannot be read. What other workbooks said is printed all the same.
pub(crate) async fn sync(call: &Call, args: &Args) -> Result<(), Failure> {
    let site = Site::load(call)?;
    let request = Request::Sync {
        dry_run: args.dry_run,
    };
    if let Some(report) = site.ask(&request).await? {
        return print(call, &report, args.dry_run);
    }
    let (report, failure) = alone(call, &site, args.dry_run).await?;
    match failure {
        None => print(call, &report, args.dry_run),
        Some(failure) if call.out.is_json() => Err(failure.with_report(report)),
        Some(failure) => {
            if report["tabs"]
                .as_array()
                .is_some_and(|tabs| !tabs.is_empty())
            {
                print(call, &report, args.dry_run)?;
            }
            Err(failure)
        }
    }
}

/// Polls without a daemon.
async fn alone(
    call: &Call,
    site: &Site,
    dry_run: bool,
) -> Result<(Value, Option<Failure>), Failure> {
    let google =
        Arc::new(Google::new(&site.config.google.key.json, &site.config.google.sheets_url).await?);
    // A dry run before the first real one must not leave a store behind.
    let untouched = dry_run && !site.config.state_dir.join("store").exists();
    let scratch = untouched
        .then(|| Scratch::new(&call.environment, "dry-run"))
        .transpose()?;
    let store = match &scratch {
        Some(scratch) => tokio::task::block_in_place(|| Store::open(scratch.path()))?,
        None => site.open()?,
    };
    let desk = Desk::new(site.roster(store), None);
    let mode = if dry_run { Mode::DryRun } else { Mode::Real };
    let (report, errors) = poll_all(&desk, google, mode).await;
    let mut report = json!(report);
    if let Ok((known, more)) = tokio::task::block_in_place(|| {
        desk.some_problems(PROBLEMS_LISTED, &Who::CommandLine, clock::now())
    }) {
        add_problems(&mut report, json!(known), dry_run);
        if more > 0 {
            report["problems_more"] = json!(more);
        }
    }
    Ok((report, one_failure(errors)))
}

/// Polls every workbook of the configuration once.
///
/// # Returns
/// One report of all that could be read, and by workbook id why others could not.
pub(crate) async fn poll_all(
    desk: &Desk,
    google: Arc<Google>,
    mode: Mode,
) -> (Report, Vec<(String, PollError)>) {
    let config = Arc::clone(desk.roster.config());
    let mut cycle = Cycle::new(desk.roster.clone(), google);
    let mut whole = Report::at(clock::now(), &config.calendar.zone);
    let mut errors = Vec::new();
    for workbook in &config.workbooks {
        match cycle.poll(&workbook.id, clock::now(), mode).await {
            Ok(report) => whole.join(report),
            Err(error) => errors.push((workbook.id.clone(), error)),
        }
    }
    (whole, errors)
}

/// The first failure with the texts of all.
fn one_failure(errors: Vec<(String, PollError)>) -> Option<Failure> {
    let mut failures = errors.into_iter().map(|(_, error)| Failure::from(error));
    let mut first = failures.next()?;
    for other in failures {
        if other.text != first.text {
            first.text.push_str("; ");
            first.text.push_str(&other.text);
        }
    }
    Some(first)
}

/// A single look lists every data problem, also those of rows that did not change.
fn add_problems(report: &mut Value, known: Value, dry_run: bool) {
    let Value::Array(known) = known else { return };
    let place = |problem: &Value| {
        [
            problem["tab"].clone(),
            problem["cell"].clone(),
            problem["field"].clone(),
        ]
        .map(|part| part.to_string())
    };
    let seen = match report["problems"].take() {
        // After a real poll the store knows them all.
        Value::Array(seen) if dry_run => seen,
        _ => Vec::new(),
    };
    let mut places: BTreeSet<[String; 3]> = BTreeSet::new();
    let all: Vec<Value> = seen
        .into_iter()
        .chain(known)
        .filter(|problem| places.insert(place(problem)))
        .collect();
    report["problems"] = Value::Array(all);
}

fn print(call: &Call, report: &Value, dry_run: bool) -> Result<(), Failure> {
    if call.out.is_json() {
        call.out.json(report)
    } else {
        call.out.lines(describe(report, dry_run))
    }
}

/// The most lines of one kind; `--json` has them all.
const SHOWN: usize = 40;
/// Data problems stand there look after look, and have a command of their own.
const PROBLEMS_SHOWN: usize = 10;

/// The report for people.
fn describe(report: &Value, dry_run: bool) -> Vec<String> {
    let list = |key: &str| report[key].as_array().map_or(&[][..], Vec::as_slice);
    let mut lines = Vec::new();
    if report["baseline"] == json!(true) {
        lines
            .push("First look: everything there is taken as the base, nothing is sent.".to_owned());
    }
    for tab in list("tabs") {
        let name = text(tab, "tab");
        let changes = list("changes")
            .iter()
            .filter(|change| change["tab"] == tab["tab"])
            .count();
        let edit = if text(tab, "edit") == "none" {
            "unchanged"
        } else {
            text(tab, "edit")
        };
        lines.push(format!(
            "{name}: {edit}, {}, {}",
            count(changes, "change"),
            count(number(tab, "records"), "record")
        ));
        if let Some(why) = tab["held"].as_str() {
            lines.push(format!(
                "  HELD: {why}. Look at it with `sheetbridge held list`"
            ));
        }
    }
    shown(&mut lines, "Changes", list("changes"), change);
    shown(&mut lines, "Ambiguous", list("ambiguous"), |row| {
        vec![format!(
            "{}: rows {}: {}",
            text(row, "tab"),
            row["rows"],
            text(row, "why")
        )]
    });
    let messages = if dry_run {
        "Messages that would be decided"
    } else {
        "Messages decided"
    };
    shown(&mut lines, messages, list("messages"), |message| {
        ["channel", "to", "due", "key"]
            .map(|key| text(message, key).to_owned())
            .to_vec()
    });
    let some = PROBLEMS_SHOWN;
    shown_some(&mut lines, "Data problems", list("problems"), some, problem);
    if let Some(more) = report["problems_more"].as_u64() {
        lines.push(format!(
            "  … and {more} more that are not listed (`sheetbridge records --problems` has them all)"
        ));
    }
    if !list("settling").is_empty() {
        lines.push(format!(
            "{} waiting to settle.",
            count(list("settling").len(), "row")
        ));
    }
    if dry_run {
        lines.push("Dry run: nothing was written.".to_owned());
    }
    lines
}

/// A heading, up to [`SHOWN`] lines of a kind in columns, and how many more there are.
fn shown(
    lines: &mut Vec<String>,
    heading: &str,
    entries: &[Value],
    row: impl Fn(&Value) -> Vec<String>,
) {
    shown_some(lines, heading, entries, SHOWN, row);
}

/// As [`shown`], up to so many lines.
fn shown_some(
    lines: &mut Vec<String>,
    heading: &str,
    entries: &[Value],
    most: usize,
    row: impl Fn(&Value) -> Vec<String>,
) {
    if entries.is_empty() {
        return;
    }
    lines.push(format!("{heading} ({}):", entries.len()));
    let rows: Vec<Vec<String>> = entries.iter().take(most).map(row).collect();
    lines.extend(table(&rows).into_iter().map(|line| format!("  {line}")));
    if entries.len() > most {
        let more = entries.len() - most;
        lines.push(format!("  … and {more} more (--json has them all)"));
    }
}

fn change(change: &Value) -> Vec<String> {
    let fields: Vec<String> = change["fields"]
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .map(|field| {
            format!(
                "{}: {} → {}",
                text(field, "header"),
                cell(&field["before"]),
                cell(&field["after"])
            )
        })
        .collect();
    let row = match (change["row"].as_u64(), change["row_before"].as_u64()) {
        (Some(row), Some(before)) if row != before => format!("row {row} (was {before})"),
        (Some(row), _) => format!("row {row}"),
        (None, _) => String::new(),
    };
    vec![
        text(change, "kind").to_owned(),
        text(change, "tab").to_owned(),
        row,
        fields.join("; "),
    ]
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "(empty)".to_owned(),
        Value::String(text) if text.is_empty() => "(empty)".to_owned(),
        Value::String(text) => format!("“{text}”"),
        other => other.to_string(),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn number(value: &Value, key: &str) -> usize {
    value[key]
        .as_u64()
        .and_then(|number| usize::try_from(number).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tab_is_one_line_with_its_verdict() {
        let report = json!({
            "baseline": false,
            "tabs": [{"tab": "Khách hàng", "records": 300, "edit": "sorted by name", "held": null}],
            "changes": [], "problems": [], "messages": [], "settling": [], "ambiguous": [],
        });
        assert_eq!(
            describe(&report, false),
            ["Khách hàng: sorted by name, 0 changes, 300 records"]
        );
        assert_eq!(
            describe(&report, true).last().unwrap(),
            "Dry run: nothing was written."
        );
    }

    #[test]
    fn a_change_names_its_cells_before_and_after() {
        let moved = json!({"kind": "changed", "tab": "T", "row": 17, "row_before": 240,
            "fields": [{"header": "Giai đoạn", "before": "Đang tư vấn", "after": null}]});
        assert_eq!(
            change(&moved),
            [
                "changed",
                "T",
                "row 17 (was 240)",
                "Giai đoạn: “Đang tư vấn” → (empty)"
            ]
        );
    }

    #[test]
    fn problems_are_listed_once() {
        let problem = |cell: &str| json!({"tab": "T", "cell": cell, "field": "email", "value": "", "why": ""});
        let mut report = json!({"problems": [problem("C4")]});
        add_problems(&mut report, json!([problem("C4"), problem("C5")]), true);
        assert_eq!(report["problems"].as_array().unwrap().len(), 2);
        add_problems(&mut report, json!([problem("C5")]), false);
        assert_eq!(report["problems"], json!([problem("C5")]));
    }
}
