//! `status`: is it well?

use serde_json::Value;

use super::Call;
use super::failure::Failure;
use super::site;
use crate::commands::Request;

/// Last poll of each workbook, the queue, held batches, limits, and what to do next.
///
/// Works while the daemon runs and without it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  sheetbridge status\n  sheetbridge status --json")]
pub struct Args {}

/// Prints the status.
///
/// # Errors
/// See [`site::answer`].
pub async fn status(call: &Call, _args: &Args) -> Result<(), Failure> {
    let answer = site::answer(call, &Request::Status).await?;
    if call.out.is_json() {
        return call.out.json(&answer);
    }
    call.out.lines(outline(&answer, 0))
}

/// A JSON value as indented lines: whatever the status says is shown, in the order it says it.
fn outline(value: &Value, depth: usize) -> Vec<String> {
    let indent = "  ".repeat(depth);
    let mut lines = Vec::new();
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                let name = name.replace('_', " ");
                match value {
                    Value::Null => {}
                    Value::Object(inner) if inner.is_empty() => {}
                    Value::Array(inner) if inner.is_empty() => {}
                    Value::Object(_) | Value::Array(_) => {
                        lines.push(format!("{indent}{name}:"));
                        lines.extend(outline(value, depth + 1));
                    }
                    plain => lines.push(format!("{indent}{name}: {}", word(plain))),
                }
            }
        }
        Value::Array(entries) => {
            for entry in entries {
                let mut inner = outline(entry, depth + 1).into_iter();
                if let Some(first) = inner.next() {
                    lines.push(format!("{indent}- {}", first.trim_start()));
                }
                lines.extend(inner);
            }
        }
        plain => lines.push(format!("{indent}{}", word(plain))),
    }
    lines
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_nothing_is_left_out() {
        let status = json!({"well": true, "held": [], "last_poll": null, "mends": [{"what": "a", "mend": "b"}]});
        let mut lines = outline(&status, 0);
        lines.sort();
        assert_eq!(lines, ["    mend: b", "  - what: a", "mends:", "well: yes"].map(|line| line.replace("  - what: a", "  - mend: b").replace("    mend: b", "    what: a")));
    }
}
