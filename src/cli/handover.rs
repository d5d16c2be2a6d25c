//! `handover`: a leaver's customers, reminders and promises go to others.

use super::Call;
use super::failure::{Failure, Kind};
use super::output::{count, table};
use super::site;
use crate::commands::{HandedOver, HandoverHow, HandoverPlan, Request};

/// Hands a leaver's customers over: split among the others by area and load, or all of them to one. The sheet stays as
/// it is; the decision stands until a cell names somebody else.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  sheetbridge handover 'Lan Anh' --dry-run\n  sheetbridge handover 'Lan Anh' --to 'Minh Tuấn'\n  sheetbridge handover 'Lan Anh' --undo"
)]
pub(crate) struct Args {
    /// Whose, by a name or alias of the staff list, or as the sheet writes it
    #[arg(value_name = "FROM")]
    from: String,
    /// All of it to this colleague, instead of a split
    #[arg(long, value_name = "NAME")]
    to: Option<String>,
    /// Only show what there is and how it would be split
    #[arg(long)]
    dry_run: bool,
    /// Take it back: the sheet's own word counts again
    #[arg(long, conflicts_with_all = ["to", "dry_run"])]
    undo: bool,
}

/// Hands over, or shows what it would do.
///
/// # Errors
/// No such person, nothing or nobody to hand over to; see [`site::answer`].
pub(crate) async fn handover(call: &Call, args: Args) -> Result<(), Failure> {
    let how = match (args.dry_run, args.undo) {
        (true, _) => HandoverHow::Look,
        (false, true) => HandoverHow::Undo,
        (false, false) => HandoverHow::Do,
    };
    let request = Request::Handover {
        from: args.from,
        to: args.to,
        how: how.clone(),
    };
    let answer = site::answer(call, &request).await?;
    if call.out.is_json() {
        return call.out.json(&answer);
    }
    let unread = |_| Failure::new(Kind::Unavailable, "the daemon's answer was not understood");
    if how == HandoverHow::Look {
        let plan: HandoverPlan = serde_json::from_value(answer).map_err(unread)?;
        return call.out.lines(planned(&plan));
    }
    let done: HandedOver = serde_json::from_value(answer).map_err(unread)?;
    let customers = count(done.customers, "customer");
    let from = &done.from;
    call.out.lines(match done.undone {
        true => vec![format!(
            "taken back: {customers} of {from} are as the sheet says"
        )],
        false => {
            let mut lines = vec![format!("handed over: {customers} of {from}")];
            lines.extend(shares(&done.shares));
            lines.push(format!(
                "Take it back with `sheetbridge handover \"{from}\" --undo`"
            ));
            lines
        }
    })
}

fn shares(shares: &[crate::core::facts::message::HandoverShare]) -> Vec<String> {
    let rows: Vec<Vec<String>> = shares
        .iter()
        .map(|share| vec![format!("  {}", share.to), share.customers.to_string()])
        .collect();
    table(&rows)
}

fn planned(plan: &HandoverPlan) -> Vec<String> {
    let from = &plan.from;
    if let Some((by, at)) = &plan.standing {
        let mut lines = vec![format!(
            "{by} handed over {} of {from} at {at}:",
            count(plan.customers, "customer")
        )];
        lines.extend(shares(&plan.shares));
        return lines;
    }
    let mut lines = vec![format!(
        "{from}: {}, {} to come, {}",
        count(plan.customers, "customer"),
        count(plan.reminders, "reminder"),
        count(plan.promises, "promise")
    )];
    let stage = |(label, count): &(String, usize)| {
        let label = if label.is_empty() {
            "(no stage)"
        } else {
            label
        };
        vec![format!("  {label}"), count.to_string()]
    };
    lines.extend(table(&plan.stages.iter().map(stage).collect::<Vec<_>>()));
    lines.push("would go to:".to_owned());
    lines.extend(shares(&plan.shares));
    lines
}
