//! `status`: is it well?

use serde_json::Value;

use super::Call;
use super::failure::Failure;
use super::output::count;
use super::site;
use crate::commands::{Request, Status};

/// Last poll of each workbook, the queue, held batches, limits, and what to do next.
///
/// Works while the daemon runs and without it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  sheetbridge status\n  sheetbridge status --json | jq .ok")]
pub(crate) struct Args {}

/// Prints the status.
///
/// # Errors
/// See [`site::answer`].
pub(crate) async fn status(call: &Call, _args: &Args) -> Result<(), Failure> {
    let answer = site::answer(call, &Request::Status).await?;
    if call.out.is_json() {
        return call.out.json(&answer);
    }
    match serde_json::from_value::<Status>(answer.clone()) {
        Ok(status) => call.out.lines(lines(&status)),
        // A daemon of another version: better all it says than nothing.
        Err(_) => call
            .out
            .line(serde_json::to_string_pretty::<Value>(&answer).unwrap_or_default()),
    }
}

fn lines(status: &Status) -> Vec<String> {
    let mut lines = Vec::new();
    let daemon = match (&status.version, status.running) {
        (_, false) => "the daemon is not running".to_owned(),
        (Some(version), true) => format!(
            "running {version} since {}",
            status.started_at.as_deref().unwrap_or("just now")
        ),
        (None, true) => "running".to_owned(),
    };
    lines.push(format!(
        "{}: {daemon}",
        if status.ok { "Well" } else { "Not well" }
    ));
    if status.trial {
        lines.push("Trial: messages to customers go to [trial] redirect_all_to".to_owned());
    }
    if !status.trial && status.trial_open > 0 {
        lines.push(format!(
            "The trial is over: {} that it kept from customers still open (`sheetbridge outbox trial`)",
            match status.trial_open {
                1 => "1 message is".to_owned(),
                n => format!("{n} messages are"),
            }
        ));
    }
    lines.push(format!("Customers: {}", status.customers));
    for book in &status.workbooks {
        let read = match (&book.failing, &book.last_poll, book.lag_s) {
            (Some(why), _, _) => format!(
                "cannot be read since {}: {why}",
                book.failing_since.as_deref().unwrap_or("now")
            ),
            (None, Some(_), Some(lag)) => format!("read {lag} s ago"),
            (None, _, _) => "not read by this daemon yet".to_owned(),
        };
        lines.push(format!(
            "“{}”: {}, {read}",
            book.title,
            count(book.records, "record")
        ));
    }
    let queue: Vec<String> = status
        .queue
        .iter()
        .filter(|(_, number)| **number > 0)
        .map(|(state, number)| format!("{number} {state}"))
        .collect();
    lines.push(format!(
        "Messages: {}",
        if queue.is_empty() {
            "none".to_owned()
        } else {
            queue.join(", ")
        }
    ));
    for message in &status.due_soon {
        lines.push(format!(
            "  next: {}  {}  {}",
            message.due, message.to, message.key
        ));
    }
    lines.extend(status.edits.iter().map(|edit| {
        format!(
            "Edit seen {} in “{}”: {}",
            clock(&edit.at),
            edit.tab,
            edit.edit
        )
    }));
    lines.extend(channels(status));
    for held in &status.held {
        lines.push(format!(
            "Held {}: “{}”: {}",
            held.id, held.workbook, held.why
        ));
    }
    lines.extend(
        status
            .paused
            .iter()
            .map(|paused| format!("Paused: {}", paused.english())),
    );
    lines.extend(status.resting.iter().map(|rest| {
        let until = rest.until.as_deref().map(clock).unwrap_or_default();
        format!("Notices off: {} until {until}", rest.name)
    }));
    lines.push(format!(
        "{}, {}",
        count(number(status.problems), "data problem"),
        count(number(status.ambiguous), "ambiguous row")
    ));
    lines.extend(status.unclear.iter().map(|unclear| {
        let rows: Vec<String> = unclear.rows.iter().map(ToString::to_string).collect();
        format!(
            "Ambiguous: “{}” rows {}: {}  {}",
            unclear.tab,
            rows.join(", "),
            unclear.why,
            unclear.url
        )
    }));
    lines.push(store_line(status));
    let troubles = [
        ("The bot hears nobody", &status.bot_deaf),
        ("The last reload was refused", &status.reload_refused),
    ];
    lines.extend(
        troubles
            .iter()
            .filter_map(|(what, why)| why.as_ref().map(|why| format!("{what}: {why}"))),
    );
    if !status.restart_needed.is_empty() {
        lines.push(format!(
            "Takes effect after a restart: {}",
            status.restart_needed.join(", ")
        ));
    }
    if !status.next.is_empty() {
        lines.push("To do next:".to_owned());
        lines.extend(
            status
                .next
                .iter()
                .map(|mend| format!("  → {}", mend.shown(crate::config::Language::En))),
        );
    }
    lines
}

/// The store, when it was last cleaned up, and the last backup.
fn store_line(status: &Status) -> String {
    let kept = &status.upkeep;
    let day = |at: Option<jiff::Timestamp>| {
        at.map_or("never".to_owned(), |at| {
            at.strftime("%Y-%m-%d %H:%M UTC").to_string()
        })
    };
    let compacted = match kept.bytes {
        Some((before, after)) => format!(
            ", written anew {} ({} MB became {} MB)",
            day(kept.compacted),
            before >> 20,
            after >> 20
        ),
        None => String::new(),
    };
    format!(
        "Store: {} MB; last clean-up {}{compacted}; last automatic backup {}",
        status.store_bytes >> 20,
        day(kept.cleaned),
        day(kept.backed_up)
    )
}

/// Day and time without seconds and offset: `2026-11-21 09:05`.
pub(super) fn clock(at: &str) -> String {
    at.get(..16).unwrap_or(at).replace('T', " ")
}

fn channels(status: &Status) -> Vec<String> {
    let channel = |channel: &crate::commands::ChannelStatus| {
        let since = channel.since.as_deref().unwrap_or("now");
        let state = match (channel.ok, &channel.why) {
            (Some(true), _) => format!("answers since {since}"),
            (Some(false), Some(why)) => format!("out of reach since {since}: {why}"),
            (Some(false), None) => format!("out of reach since {since}"),
            (None, _) => "not tried yet".to_owned(),
        };
        let limited = channel
            .limited
            .as_ref()
            .map(|limit| format!(", slowed: {limit}"))
            .unwrap_or_default();
        format!("{}: {state}{limited}", channel.channel)
    };
    status.channels.iter().map(channel).collect()
}

fn number(of: u32) -> usize {
    usize::try_from(of).unwrap_or(usize::MAX)
}
