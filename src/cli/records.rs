//! `records`: the customers as understood.

use serde_json::Value;

use super::Call;
use super::failure::Failure;
use super::output::{count, table};
use super::site;
use crate::commands::Request;

/// The customers of the last accepted poll, typed and normalised, in the order of the sheet.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With --json, one object a line: {\"record\", \"tab\", \"row\", \"fields\": {typed}, \"raw\": {header: cell}};
with --problems, {\"tab\", \"cell\", \"field\", \"value\", \"why\"}.

Examples:
  sheetbridge records --tab 'Khách hàng'
  sheetbridge records --problems
  sheetbridge records --json | jq 'select(.fields.stage == \"consulting\") | .fields.name.full'")]
pub(crate) struct Args {
    /// What could not be read instead, with its cells
    #[arg(long)]
    problems: bool,
    /// Only this tab
    #[arg(long, value_name = "NAME")]
    tab: Option<String>,
}

/// Prints records or data problems.
///
/// # Errors
/// See [`site::answer`].
pub(crate) async fn records(call: &Call, args: &Args) -> Result<(), Failure> {
    let request = Request::Records {
        tab: args.tab.clone(),
        problems: args.problems,
    };
    let lines = site::list(site::answer(call, &request).await?)?;
    if call.out.is_json() {
        return call.out.lines(&lines);
    }
    if args.problems {
        let rows: Vec<Vec<String>> = lines.iter().map(problem).collect();
        call.out.lines(table(&rows))?;
        return call.out.line(count(lines.len(), "data problem"));
    }
    let rows: Vec<Vec<String>> = lines.iter().map(record).collect();
    call.out.lines(table(&rows))?;
    call.out.line(count(lines.len(), "record"))
}

/// A data problem in one line.
pub(crate) fn problem(problem: &Value) -> Vec<String> {
    let text = |key: &str| problem[key].as_str().unwrap_or_default().to_owned();
    vec![
        text("tab"),
        text("cell"),
        text("field"),
        quoted(&text("value")),
        text("why"),
    ]
}

fn quoted(value: &str) -> String {
    let one_line = value.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = one_line.chars().take(40).collect();
    if short.len() < one_line.len() {
        short.push('…');
    }
    if short.is_empty() {
        short
    } else {
        format!("“{short}”")
    }
}

fn record(record: &Value) -> Vec<String> {
    let fields = &record["fields"];
    let first = |value: &Value| value[0].as_str().unwrap_or("-").to_owned();
    vec![
        record["tab"].as_str().unwrap_or_default().to_owned(),
        record["row"].to_string(),
        fields["name"]["full"].as_str().unwrap_or("-").to_owned(),
        first(&fields["phone"]["e164"]),
        first(&fields["email"]),
        fields["stage"].as_str().unwrap_or("-").to_owned(),
        first(&fields["owner"]),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_is_one_line_whatever_is_missing() {
        let line = json!({"tab": "Khách hàng", "row": 4, "fields": {"name": {"full": "An"}, "phone": null, "email": ["a@b.vn"]}});
        assert_eq!(
            record(&line),
            ["Khách hàng", "4", "An", "-", "a@b.vn", "-", "-"]
        );
    }

    #[test]
    fn a_cell_of_many_lines_stays_in_its_line() {
        let cell = json!({"tab": "T", "cell": "C4", "field": "phone", "value": "090\n(Zalo)", "why": "no number"});
        assert_eq!(problem(&cell)[3], "“090 (Zalo)”");
        assert_eq!(quoted(&"x".repeat(50)).chars().count(), 43);
    }
}
