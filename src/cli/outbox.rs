//! `outbox list`, `show`, `retry`, `cancel`, `resolve` and `trial`: messages, where they stand, and what people do to them.

mod act;

use clap::builder::NonEmptyStringValueParser;
use serde_json::Value;

use super::Call;
use super::failure::{Failure, Kind};
use super::output::{count, table};
use super::site::{self, Site};
use super::status::clock;
use crate::commands::{
    HandAct, OutboxFilter, OutboxStory, Request, TrialEnd, TrialReport, TrialTaken,
};

/// Messages, from decision to end.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "\
Examples:
  sheetbridge outbox list
  sheetbridge outbox list --state in_doubt --json
  sheetbridge outbox list --to 0901234567 --since 7d
  sheetbridge outbox show 3f9a12c4d0
  sheetbridge outbox retry --state dead --rule welcome
  sheetbridge outbox resolve 3f9a12c4d0 --delivered")]
pub(crate) enum Args {
    /// The newest messages first (with --json one object a line)
    #[command(after_help = "\
Examples:
  sheetbridge outbox list --state queued,in_doubt
  sheetbridge outbox list --to 'Lan Anh' --channel telegram --since today
  sheetbridge outbox list --rule welcome --since 2026-11-01 --until 2026-11-15 --limit 1000
  sheetbridge outbox list --trial")]
    List {
        #[command(flatten)]
        filter: Filters,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// The whole story of one message: decided when and why, every try, what comes next
    #[command(after_help = "\
Examples:
  sheetbridge outbox show welcome/1/r-01KE…/customer/added
  sheetbridge outbox show 3f9a12c4d0              (the id that `outbox list` shows)
  sheetbridge outbox show 3f9a…@queenland.example (a Message-ID)")]
    Show {
        /// Its key, its id or Message-ID, or a piece of it that no other has
        #[arg(value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
        key: String,
    },
    /// Send again what ended without delivery: rejected, dead, expired or cancelled; the key stays the same
    ///
    /// Before it goes policy looks again: what is not wanted any more is cancelled anew. What was refused takes
    /// the address as the sheet has it now; what is in doubt goes as it was.
    #[command(after_help = "\
By filters only what is rejected, dead or expired is meant, unless --state says otherwise.

Examples:
  sheetbridge outbox retry 3f9a12c4d0
  sheetbridge outbox retry --state dead
  sheetbridge outbox retry --state rejected --rule welcome --since 2d --yes")]
    Retry {
        #[command(flatten)]
        meant: Meant,
    },
    /// Cancel what waits
    #[command(after_help = "\
Examples:
  sheetbridge outbox cancel 3f9a12c4d0
  sheetbridge outbox cancel --rule birthday
  sheetbridge outbox cancel --to an@example.org --yes")]
    Cancel {
        #[command(flatten)]
        meant: Meant,
    },
    /// Settle what is in doubt: it may have been sent, and nobody knows
    #[command(after_help = "\
Look into the sending account's Sent folder first, or ask the recipient.

Examples:
  sheetbridge outbox resolve 3f9a12c4d0 --delivered
  sheetbridge outbox resolve 3f9a12c4d0 --again
  sheetbridge outbox resolve --rule welcome --dead --yes")]
    Resolve {
        #[command(flatten)]
        meant: Meant,
        #[command(flatten)]
        answer: Settled,
    },
    /// What the trial has kept from customers; and, when it is over, whether that is still to go
    #[command(after_help = "\
Without --take-over and --drop nothing is changed. Both work only when [trial] is no longer in the configuration.

Examples:
  sheetbridge outbox trial
  sheetbridge outbox trial --take-over --rule welcome
  sheetbridge outbox trial --drop --yes")]
    Trial {
        /// Send what is still open, to the customers
        #[arg(long)]
        take_over: bool,
        /// Never send it
        #[arg(long, conflicts_with = "take_over")]
        drop: bool,
        /// Only of this rule
        #[arg(long, value_name = "RULE")]
        rule: Option<String>,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

/// Which messages are meant.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Filters {
    /// Only queued, in_flight, delivered, rejected, in_doubt, cancelled, expired or dead ones; several with commas
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only of this rule
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// Only by `email` or `telegram`
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<String>,
    /// Only to this person: a customer's phone, e-mail, name or record id, or a colleague's name
    #[arg(long, value_name = "WHO")]
    to: Option<String>,
    /// Decided then or later: 2026-11-21, "2026-11-21 09:00", today, yesterday, or how long ago (2d, 3h)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Decided before that; a date means its end
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only what a trial has redirected
    #[arg(long)]
    trial: bool,
}

impl Filters {
    fn request(&self, limit: usize) -> OutboxFilter {
        OutboxFilter {
            state: self.state.clone(),
            rule: self.rule.clone(),
            channel: self.channel.clone(),
            to: self.to.clone(),
            since: self.since.clone(),
            until: self.until.clone(),
            trial: self.trial,
            limit,
        }
    }

    fn is_empty(&self) -> bool {
        self.request(0) == OutboxFilter::default()
    }
}

/// Messages by their keys, or by filters.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Meant {
    /// Keys, ids, or pieces of them that no other message has
    #[arg(value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    keys: Vec<String>,
    #[command(flatten)]
    filter: Filters,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// The answer to a doubt.
#[derive(Clone, Copy, Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Settled {
    /// It has arrived
    #[arg(long)]
    delivered: bool,
    /// Send it again, under the same key and Message-ID
    #[arg(long)]
    again: bool,
    /// Give it up
    #[arg(long)]
    dead: bool,
}

/// Lists, shows, or acts on messages.
///
/// # Errors
/// What `commands` refuses; see [`site::answer`].
pub(crate) async fn outbox(call: &Call, args: Args) -> Result<(), Failure> {
    match args {
        Args::List { filter, limit } => list(call, &filter, limit).await,
        Args::Show { key } => show(call, key).await,
        Args::Retry { meant } => act::act(call, HandAct::Retry, &meant).await,
        Args::Cancel { meant } => act::act(call, HandAct::Cancel, &meant).await,
        Args::Resolve { meant, answer } => {
            let how = match (answer.delivered, answer.again) {
                (true, _) => HandAct::Delivered,
                (false, true) => HandAct::Again,
                (false, false) => HandAct::Dead,
            };
            act::act(call, how, &meant).await
        }
        Args::Trial {
            take_over: false,
            drop: false,
            rule,
            ..
        } => trial(call, rule).await,
        Args::Trial {
            take_over,
            rule,
            yes,
            ..
        } => end_trial(call, take_over, rule, yes).await,
    }
}

async fn list(call: &Call, filter: &Filters, limit: usize) -> Result<(), Failure> {
    let limit = limit.max(1);
    let request = Request::Outbox(filter.request(limit));
    let messages = site::list(site::answer(call, &request).await?)?;
    if call.out.is_json() {
        return call.out.lines(&messages);
    }
    if messages.is_empty() {
        return call.out.line("No messages.");
    }
    let rows: Vec<Vec<String>> = messages.iter().map(row).collect();
    call.out.lines(table(&rows))?;
    if messages.len() == limit {
        call.out.tell(format_args!(
            "The newest {limit}; --limit shows more, `sheetbridge outbox show ID` the story of one."
        ));
    }
    Ok(())
}

/// A message in one line.
fn row(message: &Value) -> Vec<String> {
    let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
    vec![
        text("id").chars().take(10).collect(),
        text("state"),
        clock(&text("due")),
        text("channel"),
        text("to"),
        text("key"),
        text("why"),
    ]
}

async fn show(call: &Call, key: String) -> Result<(), Failure> {
    let answer = site::answer(call, &Request::OutboxShow { key }).await?;
    if call.out.is_json() {
        return call.out.json(&answer);
    }
    let story: OutboxStory = site::understood(&answer)?;
    call.out.lines(story_lines(&story))
}

/// The story of a message, for people.
fn story_lines(story: &OutboxStory) -> Vec<String> {
    let line = &story.line;
    let mut lines = vec![
        line.key.clone(),
        format!("  id        {}", line.id),
        format!("  state     {}: {}", line.state, line.why),
        format!("  to        {} by {}", line.to, line.channel),
    ];
    let mut add = |name: &str, text: String| lines.push(format!("  {name:9} {text}"));
    if let Some(about) = &story.about {
        add(
            "about",
            format!("{about} ({})", line.record.as_deref().unwrap_or("-")),
        );
    }
    let ad = if story.ad { ", advertising" } else { "" };
    add("text", format!("{}{ad}", story.template));
    add(
        "decided",
        format!("{} by {}", clock(&line.created), story.decided),
    );
    add("wanted", story.wanted.clone());
    if line.state == "queued" {
        add("due", clock(&line.due));
    }
    if let Some(held) = &story.held_until {
        add("held", format!("until {}", clock(held)));
    }
    add("expires", clock(&story.expires));
    if let Some(id) = &story.message_id {
        add("mail id", format!("<{id}>"));
    }
    if line.trial {
        add(
            "trial",
            "decided in a trial: it goes to [trial] redirect_all_to".to_owned(),
        );
    }
    for one in &story.tries {
        add(
            "try",
            format!(
                "{} by {}: {}: {}",
                clock(&one.at),
                one.channel,
                one.ended,
                one.said
            ),
        );
    }
    for hand in &story.hands {
        add(
            "by hand",
            format!("{} {}: {}", clock(&hand.at), hand.by, hand.state),
        );
    }
    add("next", story.next.clone());
    lines
}

async fn trial(call: &Call, rule: Option<String>) -> Result<(), Failure> {
    let answer = site::answer(call, &Request::TrialReport { rule }).await?;
    if call.out.is_json() {
        return call.out.json(&answer);
    }
    let report: TrialReport = site::understood(&answer)?;
    if report.messages.is_empty() {
        return call.out.line(match report.on {
            true => "The trial is on; nothing would have been sent to a customer yet.",
            false => "No trial has kept anything from a customer.",
        });
    }
    let rows: Vec<Vec<String>> = report
        .messages
        .iter()
        .map(|line| {
            vec![
                clock(&line.created),
                line.rule.clone(),
                line.would_reach.clone().unwrap_or_else(|| "-".to_owned()),
                line.state.clone(),
                if line.open { "open" } else { "over" }.to_owned(),
                line.why.clone(),
            ]
        })
        .collect();
    call.out.lines(table(&rows))?;
    let by_rule: Vec<String> = report
        .by_rule
        .iter()
        .map(|(rule, number)| format!("{number} of {rule}"))
        .collect();
    call.out.line(format_args!(
        "{} would have gone to customers: {}; {} still open",
        count(report.messages.len(), "message"),
        by_rule.join(", "),
        report.open
    ))?;
    if !report.on && report.open > 0 {
        call.out.line(
            "The trial is over: `sheetbridge outbox trial --take-over` sends what is open, `--drop` never does.",
        )?;
    }
    Ok(())
}

async fn end_trial(
    call: &Call,
    take_over: bool,
    rule: Option<String>,
    yes: bool,
) -> Result<(), Failure> {
    let site = Site::load(call)?;
    let report: TrialReport = site::understood(
        &site
            .answer(&Request::TrialReport { rule: rule.clone() })
            .await?,
    )?;
    if !report.on && report.open > 0 {
        let number = count(report.open, "message");
        let question = if take_over {
            format!("{number} would go to customers now")
        } else {
            format!("{number} would never go to the customers")
        };
        if !act::agreed(call, yes, &question)? {
            return Err(Failure::new(Kind::No, "nothing was changed"));
        }
    }
    let end = if take_over {
        TrialEnd::TakeOver
    } else {
        TrialEnd::Drop
    };
    let answer = site.answer(&Request::TrialEnd { end, rule }).await?;
    if call.out.is_json() {
        return call.out.json(&answer);
    }
    let taken: TrialTaken = site::understood(&answer)?;
    call.out.line(format_args!(
        "{} taken over, {} dropped, {} were not wanted any more",
        taken.taken_over, taken.dropped, taken.over
    ))?;
    if taken.in_doubt > 0 {
        call.out.line(format_args!(
            "{} in doubt: they were decided before the restore, and may have been taken over and sent since the backup; see `sheetbridge outbox list --state in_doubt`",
            taken.in_doubt
        ))?;
    }
    Ok(())
}
