//! `explain WHO`: a person's whole story.

use super::Call;
use super::failure::{Failure, Kind};
use super::output::table;
use super::site;
use super::status::clock;
use crate::commands::{Explained, NoteLine, OutboxStory, RecordStory, Request, RuleStory, Story};
use crate::core::decide::why::Standing;
use crate::core::outcome::Deed;
use crate::core::record::Kind as RowKind;

/// What was seen of a person and when, which rules looked and why they did or did not fire, what was sent, held,
/// skipped or is in doubt, and what will come.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
WHO is a phone number in any spelling, an e-mail address, a name with or without accents (or a part of it), or a
record id as `records` and `outbox list --json` show it. If several people fit, they are listed to choose from.
With --json: {\"story\": {…} or null, \"choices\": […], \"people\": N}.

Examples:
  sheetbridge explain 0901234567
  sheetbridge explain 'hong nhung'
  sheetbridge explain an@example.org --json | jq '.story.messages[] | {key, state}'")]
pub(crate) struct Args {
    /// Phone, e-mail, name or record id
    #[arg(value_name = "WHO", num_args = 1.., required = true)]
    who: Vec<String>,
}

/// Tells the story.
///
/// # Errors
/// Nobody, or several people; see [`site::answer`].
pub(crate) async fn explain(call: &Call, args: &Args) -> Result<(), Failure> {
    let who = args.who.join(" ");
    let answer = site::answer(call, &Request::Explain { who: who.clone() }).await?;
    let explained: Explained = site::understood(&answer)?;
    if call.out.is_json() {
        call.out.json(&answer)?;
    }
    let Some(story) = &explained.story else {
        if !call.out.is_json() {
            choices(call, &explained)?;
            call.out.tell(format_args!(
                "{} people fit “{who}”: say which by a record id, `sheetbridge explain r-…`",
                explained.people
            ));
        }
        return Err(Failure::new(Kind::No, ""));
    };
    if call.out.is_json() {
        return Ok(());
    }
    call.out.lines(lines(story))
}

fn choices(call: &Call, explained: &Explained) -> Result<(), Failure> {
    let rows: Vec<Vec<String>> = explained
        .choices
        .iter()
        .map(|choice| {
            vec![
                choice.record.clone(),
                choice.name.clone(),
                choice.phone.clone().unwrap_or_else(|| "-".to_owned()),
                choice.email.clone().unwrap_or_else(|| "-".to_owned()),
                match &choice.gone {
                    Some(at) => format!("{}, gone since {}", choice.place, clock(at)),
                    None => choice.place.clone(),
                },
            ]
        })
        .collect();
    call.out.lines(table(&rows))
}

fn lines(story: &Story) -> Vec<String> {
    let contacts: Vec<&str> = story
        .phones
        .iter()
        .chain(&story.emails)
        .map(String::as_str)
        .collect();
    let name = if story.name.is_empty() {
        "(no name)"
    } else {
        &story.name
    };
    let mut lines = vec![format!("{name}  {}", contacts.join("  "))];
    lines.extend(story.general.iter().map(|text| format!("  ! {text}")));
    lines.extend(story.refusals.iter().map(|text| format!("  ! {text}")));
    lines.push(format!("  {}", story.consent));
    lines.extend(story.proofs.iter().map(|proof| format!("    {proof}")));
    for record in &story.records {
        lines.push(String::new());
        lines.extend(record_lines(record));
    }
    lines.push(String::new());
    lines.push("Messages to them or about them:".to_owned());
    if story.messages.is_empty() {
        lines.push("  none".to_owned());
    }
    lines.extend(story.messages.iter().flat_map(message_lines));
    lines.push(String::new());
    lines.push("What will come, as things stand:".to_owned());
    if story.coming.is_empty() {
        lines.push("  nothing that is known yet".to_owned());
    }
    lines.extend(
        story
            .coming
            .iter()
            .map(|coming| format!("  {}  {}: {}", clock(&coming.at), coming.rule, coming.what)),
    );
    lines
}

fn record_lines(record: &RecordStory) -> Vec<String> {
    let kind = match record.kind {
        RowKind::Customer => "",
        RowKind::Appointment => " (an appointment)",
    };
    let mut lines = vec![format!(
        "{} of “{}”{kind}  {}",
        record.place, record.workbook, record.record
    )];
    let look = if record.baseline {
        ", at the first look, which sends nothing"
    } else {
        ""
    };
    lines.push(format!("  first seen {}{look}", clock(&record.first_seen)));
    if record.kind == RowKind::Customer {
        let stage = match (&record.stage, &record.stage_since) {
            (Some(stage), Some(since)) => format!("“{stage}” since {}", clock(since)),
            (Some(stage), None) => format!("“{stage}”, nobody can know since when"),
            (None, _) => "no stage that could be read".to_owned(),
        };
        let owners = if record.owners.is_empty() {
            "nobody in charge".to_owned()
        } else {
            format!("in charge: {}", record.owners.join(", "))
        };
        lines.push(format!(
            "  {stage}; {owners}; last activity {}",
            clock(&record.active)
        ));
    }
    lines.extend(record.now.iter().map(|text| format!("  ! {text}")));
    lines.extend(
        record
            .journal
            .iter()
            .map(|line| format!("  {}  {}", clock(&line.at), line.text)),
    );
    if !record.notes.is_empty() {
        lines.push("  Said in the chat:".to_owned());
    }
    lines.extend(record.notes.iter().map(note_line));
    lines.push("  Rules:".to_owned());
    lines.extend(record.rules.iter().flat_map(rule_lines));
    lines
}

/// What came of a reminder, the words, and what was promised.
fn note_line(note: &NoteLine) -> String {
    let mut said: Vec<String> = note
        .outcome
        .map(|outcome| outcome.english().to_owned())
        .into_iter()
        .collect();
    if !note.text.is_empty() {
        said.push(format!("“{}”", note.text));
    }
    if let (Some(deed), Some(when)) = (note.deed, &note.when) {
        let deed = match deed {
            Deed::Meet => "to meet",
            Deed::Call => "to call",
        };
        let when = if when.contains('T') {
            clock(when)
        } else {
            when.clone()
        };
        said.push(format!("{deed} {when}"));
    }
    format!("    {}  {}: {}", clock(&note.at), note.by, said.join(", "))
}

/// What a rule did, or did not do and why; then how it stands.
fn rule_lines(rule: &RuleStory) -> Vec<String> {
    let fired = |said: &str| said.starts_with("fired: ");
    let looked: Vec<String> = rule
        .looked
        .iter()
        .map(|looked| {
            let at = clock(&looked.at);
            match looked.said.strip_prefix("fired: ") {
                Some(occasion) => format!("fired {at} ({occasion})"),
                None if looked.said.starts_with("nothing is sent") => {
                    format!("{at}: {}", looked.said)
                }
                None => format!("did not fire {at}: {}", looked.said),
            }
        })
        .collect();
    let at = match (&rule.at, rule.standing) {
        (Some(at), Standing::Waits) => format!(" (at {})", clock(at)),
        _ => String::new(),
    };
    let stands = format!("{}{at}", rule.why);
    let head = format!("    {} (on {}): ", rule.rule, rule.on);
    let over = rule.standing == Standing::Over;
    let mut lines = Vec::new();
    match looked.split_first() {
        // It has had its say: how it stands would only repeat that.
        Some((first, more)) => {
            lines.push(format!("{head}{first}"));
            lines.extend(more.iter().map(|line| format!("      {line}")));
            if !over {
                lines.push(format!("      {stands}"));
            }
        }
        None => lines.push(format!("{head}{stands}")),
    }
    let has_fired = rule.looked.last().is_some_and(|looked| fired(&looked.said));
    if let Some(condition) = &rule.condition
        && !(over && has_fired)
    {
        lines.push(format!("      now {}", condition.shown()));
    }
    if let Some(why) = &rule.unsettled {
        lines.push(format!("      {why}"));
    }
    lines
}

fn message_lines(story: &OutboxStory) -> Vec<String> {
    let line = &story.line;
    let trial = if line.trial { ", in the trial" } else { "" };
    let mut lines = vec![format!(
        "  {}  {}: {} to {} by {}{trial}  {}",
        clock(&line.created),
        line.rule,
        line.state.replace('_', " "),
        line.to,
        line.channel,
        line.id.chars().take(10).collect::<String>()
    )];
    lines.extend(story.tries.iter().map(|one| {
        format!(
            "      {}  tried: {}: {}",
            clock(&one.at),
            one.ended.replace('_', " "),
            one.said
        )
    }));
    lines.extend(
        story
            .hands
            .iter()
            .map(|hand| format!("      {}  {}: {}", clock(&hand.at), hand.by, hand.state)),
    );
    let done = matches!(line.state.as_str(), "delivered");
    let same = story.tries.last().is_some_and(|last| last.said == line.why);
    if !done && !same && !line.why.is_empty() {
        lines.push(format!("      {}", line.why));
    }
    if matches!(line.state.as_str(), "queued" | "in_doubt") {
        lines.push(format!("      {}", story.next));
    }
    lines
}
