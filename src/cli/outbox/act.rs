//! Acting on messages: which are meant, whether that is agreed, and how far it is.

use std::collections::BTreeMap;
use std::io::{BufRead as _, IsTerminal as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Meant;
use crate::cli::Call;
use crate::cli::failure::{Failure, Kind};
use crate::cli::output::count;
use crate::cli::site::{self, Site};
use crate::commands::{Acted, HandAct, OutboxLine, Request};
use crate::core::delivery::State;

/// Ids in one request: what the control socket takes has an end (64 KiB).
const AT_ONCE: usize = 1_000;

/// Does something to the messages that are meant.
///
/// # Errors
/// None is meant, it was not agreed, or it could not be done to some: each of those is named.
pub(super) async fn act(call: &Call, act: HandAct, meant: &Meant) -> Result<(), Failure> {
    let site = Site::load(call)?;
    let keys = match (meant.keys.is_empty(), meant.filter.is_empty()) {
        (false, true) => meant.keys.clone(),
        (false, false) => {
            return Err(Failure::new(
                Kind::Usage,
                "keys and filters do not go together: name the messages, or say which are meant by --state, --rule, --channel, --to, --since and --until",
            ));
        }
        (true, true) => {
            return Err(Failure::new(Kind::Usage, "no messages are named").help(
                "write their keys or ids, as `sheetbridge outbox list` shows them, or say which by --state, --rule, --channel, --to, --since and --until",
            ));
        }
        (true, false) => by_filter(call, &site, act, meant).await?,
    };
    if keys.is_empty() {
        return Err(Failure::new(
            Kind::No,
            format!("no message that is {} fits", states(act).join(" or ")),
        )
        .help("`sheetbridge outbox list` with the same filters shows what does"));
    }
    let acted = carry_out(call, &site, act, keys).await?;
    tell(call, act, &acted)
}

/// The ids of what the filters mean, if that is agreed.
async fn by_filter(
    call: &Call,
    site: &Site,
    act: HandAct,
    meant: &Meant,
) -> Result<Vec<String>, Failure> {
    let mut filter = meant.filter.request(0);
    match &filter.state {
        None => filter.state = Some(states(act).join(",")),
        Some(words) => {
            let allowed = act.from_states();
            for word in words.split(',') {
                let state = State::parse(word).map_err(|why| Failure::new(Kind::Usage, why))?;
                if !allowed.contains(&state) {
                    let names: Vec<&str> = allowed.iter().map(|state| state.as_str()).collect();
                    return Err(Failure::new(
                        Kind::Usage,
                        format!(
                            "what is {state} is not for this command: it acts on {}",
                            names.join(", ")
                        ),
                    ));
                }
            }
        }
    }
    let lines: Vec<OutboxLine> = site::understood(&site.answer(&Request::Outbox(filter)).await?)?;
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let mut by_rule: BTreeMap<&str, usize> = BTreeMap::new();
    for line in &lines {
        *by_rule.entry(&line.rule).or_default() += 1;
    }
    let by_rule: Vec<String> = by_rule
        .iter()
        .map(|(rule, number)| format!("{number} of {rule}"))
        .collect();
    let question = format!(
        "{} would be {}: {}",
        count(lines.len(), "message"),
        will_be(act),
        by_rule.join(", ")
    );
    if agreed(call, meant.yes, &question)? {
        Ok(lines.into_iter().map(|line| line.id).collect())
    } else {
        Err(Failure::new(Kind::No, "nothing was changed"))
    }
}

/// What a filter without `--state` means: what was not wanted any more, or may have been sent, is never swept up.
fn states(act: HandAct) -> Vec<&'static str> {
    let meant = |state: &&State| {
        act != HandAct::Retry || !matches!(state, State::Cancelled | State::InDoubt)
    };
    let states = act.from_states().iter().filter(meant);
    states.map(|state| state.as_str()).collect()
}

fn will_be(act: HandAct) -> &'static str {
    match act {
        HandAct::Retry | HandAct::Again => "sent again",
        HandAct::Cancel => "cancelled",
        HandAct::Delivered => "noted as delivered",
        HandAct::Dead => "given up",
    }
}

/// Asks whoever sits there, unless that was answered with `--yes`.
///
/// # Errors
/// Nobody sits there to be asked.
pub(super) fn agreed(call: &Call, yes: bool, question: &str) -> Result<bool, Failure> {
    if yes {
        return Ok(true);
    }
    let stdin = std::io::stdin();
    if call.out.is_json() || !stdin.is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Failure::new(Kind::Usage, question).help("add --yes if that is meant"));
    }
    call.out.tell(format_args!("{question}. Go on? [y/N]"));
    let mut answer = String::new();
    stdin
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Failure::file("the answer cannot be read", &error))?;
    Ok(matches!(
        answer.trim().to_lowercase().as_str(),
        "y" | "yes" | "c" | "có" | "co"
    ))
}

async fn carry_out(
    call: &Call,
    site: &Site,
    act: HandAct,
    keys: Vec<String>,
) -> Result<Acted, Failure> {
    let bar = progress(call, keys.len());
    let mut acted = Acted::default();
    for chunk in keys.chunks(AT_ONCE) {
        let request = Request::OutboxAct {
            act,
            keys: chunk.to_vec(),
        };
        let one: Acted = site::understood(&site.answer(&request).await?)?;
        acted.done.extend(one.done);
        acted.refused.extend(one.refused);
        bar.inc(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
    }
    bar.finish_and_clear();
    Ok(acted)
}

/// A bar on stderr, if somebody sits there and it takes more than one step.
fn progress(call: &Call, steps: usize) -> ProgressBar {
    let target = if steps > AT_ONCE && !call.out.is_json() {
        ProgressDrawTarget::stderr() // draws only on a terminal
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(u64::try_from(steps).ok(), target);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos} of {len} messages, {eta} left")
    {
        bar.set_style(style);
    }
    bar
}

fn tell(call: &Call, act: HandAct, acted: &Acted) -> Result<(), Failure> {
    if call.out.is_json() {
        call.out.json(acted)?;
    } else {
        for done in acted.done.iter().filter(|done| done.but.is_some()) {
            let but = done.but.as_deref().unwrap_or_default();
            call.out.line(format_args!("{}: {but}", done.key))?;
        }
        match (&acted.done[..], acted.done.len()) {
            ([], _) => {}
            ([one], _) => call
                .out
                .line(format_args!("{}: {} now", one.key, one.state))?,
            (_, number) => call.out.line(format_args!(
                "{} {}",
                count(number, "message"),
                will_be(act)
            ))?,
        }
        for refused in &acted.refused {
            call.out
                .tell(format_args!("error: {}: {}", refused.key, refused.why));
        }
    }
    if acted.refused.is_empty() {
        Ok(())
    } else {
        Err(Failure::said())
    }
}
