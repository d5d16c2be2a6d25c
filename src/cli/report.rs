//! `report`: the figures of a period, as a table, one object, or a long table for spreadsheets and pandas.

mod long;
mod picture;

use std::path::PathBuf;

use super::Call;
use super::failure::Failure;
use super::output::table;
use super::site;
use crate::commands::Request;
use crate::core::insight::{EngagementCounts, Forecast, Insight, Speed, StageFigures};

/// Figures of a period: pipeline, people, speed, sources, forecast.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Figures are as of the end of the period, or of now if it is not over; who waits, engagement and data
quality are of now. Durations count customers who are still in a stage as staying (Kaplan–Meier).

Examples:
  sheetbridge report
  sheetbridge report --from 2026-10-01 --to 2026-10-31 --png october.png

--json prints one object. --csv prints a line a figure, section,key,measure,value,unit:
  sheetbridge report --from 2026-10-01 --to 2026-10-31 --csv > october.csv
  pandas.read_csv('october.csv').query(\"section == 'pipeline'\").pivot(index='key', columns='measure', values='value')")]
pub(crate) struct Args {
    /// First day, such as 2026-10-01 [default: the first of the month]
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// Last day [default: today]
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
    /// Print a long table: section,key,measure,value,unit
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Also write a picture of them to this file
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
}

/// Prints the figures.
///
/// # Errors
/// Days that are none, see also [`site::answer`].
pub(crate) async fn report(call: &Call, args: &Args) -> Result<(), Failure> {
    let request = Request::Report {
        from: args.from.clone(),
        to: args.to.clone(),
    };
    let answer = site::answer(call, &request).await?;
    let insight: Insight = site::understood(&answer)?;
    if let Some(file) = &args.png {
        picture::draw(call, &insight, file)?;
    }
    if call.out.is_json() {
        return call.out.json(&answer);
    }
    if args.csv {
        return csv(call, &insight);
    }
    call.out.lines(text(&insight))
}

fn csv(call: &Call, insight: &Insight) -> Result<(), Failure> {
    let title = ["section", "key", "measure", "value", "unit"].map(str::to_owned);
    let lines = std::iter::once(title).chain(long::lines(insight));
    call.out
        .lines(lines.map(|line| line.map(|cell| quoted(&cell)).join(",")))
}

/// A cell of a CSV file (RFC 4180).
fn quoted(cell: &str) -> String {
    // A cell that begins so would be a formula to a spreadsheet; a negative number is none.
    let formula = cell.starts_with(['=', '+', '@'])
        || (cell.starts_with('-') && cell.parse::<f64>().is_err());
    let cell = if formula {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

/// The report as a person reads it.
fn text(insight: &Insight) -> Vec<String> {
    let mut lines = vec![
        format!(
            "{} to {} (as of {})",
            insight.from, insight.to, insight.until
        ),
        format!(
            "customers {}   new {}   rows gone {}   moved on {}   deposits {}   won {}   lost {}   waiting too long {}",
            insight.customers,
            insight.new,
            insight.gone,
            insight.forward,
            insight.deposits,
            insight.won,
            insight.lost,
            insight.waiting,
        ),
    ];
    section(&mut lines, "Pipeline", &pipeline(insight));
    if !insight.owners.is_empty() {
        section(&mut lines, "People", &owners(insight));
    }
    lines.extend([
        String::new(),
        "Speed to lead".to_owned(),
        speed(&insight.speed),
    ]);
    if !insight.sources.is_empty() {
        section(&mut lines, "Sources", &sources(insight));
    }
    lines.extend([String::new(), "Forecast".to_owned()]);
    lines.extend(forecast(&insight.forecast));
    lines.extend([String::new(), "Now".to_owned()]);
    lines.push(engagement(&insight.engagement));
    let quality = &insight.quality;
    lines.push(format!(
        "  of {} rows without contact {}, stage {}, owner {}, budget {}, source {}; unknown stage age {}",
        quality.rows,
        quality.no_contact,
        quality.no_stage,
        quality.no_owner,
        quality.no_budget,
        quality.no_source,
        quality.unknown_age,
    ));
    lines
}

fn section(lines: &mut Vec<String>, title: &str, rows: &[Vec<String>]) {
    lines.push(String::new());
    lines.push(title.to_owned());
    lines.extend(table(rows).into_iter().map(|row| format!("  {row}")));
}

fn titles(titles: &[&str]) -> Vec<String> {
    titles.iter().map(ToString::to_string).collect()
}

fn pipeline(insight: &Insight) -> Vec<Vec<String>> {
    let mut rows = vec![titles(&[
        "stage",
        "now",
        "entered",
        "went on",
        "lost",
        "still",
        "median days",
        "ever",
        "budget",
    ])];
    let row = |stage: &StageFigures| {
        vec![
            stage.label.clone(),
            stage.count.to_string(),
            stage.entered.to_string(),
            with_share(stage.went_on, stage.conversion),
            with_share(stage.lost, stage.loss),
            stage.still.to_string(),
            days(stage.median_days),
            days(stage.median_days_ever),
            money(stage.budget),
        ]
    };
    rows.extend(insight.pipeline.iter().map(row));
    if insight.no_stage > 0 {
        rows.push(vec!["(no stage)".into(), insight.no_stage.to_string()]);
    }
    rows
}

fn owners(insight: &Insight) -> Vec<Vec<String>> {
    let mut rows = vec![titles(&[
        "owner",
        "customers",
        "new",
        "moved on",
        "deposits",
        "won",
        "lost",
        "waiting",
    ])];
    let against = |count: u32, target: Option<f64>| match target {
        Some(target) => format!("{count}/{target:.1}"),
        None => count.to_string(),
    };
    rows.extend(insight.owners.iter().map(|owner| {
        vec![
            owner.owner.clone().unwrap_or_else(|| "(nobody)".into()),
            owner.customers.to_string(),
            against(owner.new, owner.target.new),
            owner.forward.to_string(),
            against(owner.deposits, owner.target.deposits),
            against(owner.won, owner.target.won),
            owner.lost.to_string(),
            owner.waiting.to_string(),
        ]
    }));
    rows
}

fn sources(insight: &Insight) -> Vec<Vec<String>> {
    let mut rows = vec![titles(&[
        "source",
        "new",
        "deposits",
        "won",
        "cost",
        "a lead",
        "a deposit",
    ])];
    let dong = |amount: Option<i64>| amount.map_or_else(|| "-".to_owned(), money);
    rows.extend(insight.sources.iter().map(|source| {
        vec![
            source.source.clone().unwrap_or_else(|| "(none)".into()),
            source.new.to_string(),
            source.deposits.to_string(),
            source.won.to_string(),
            dong(source.cost),
            dong(source.cost_per_lead),
            dong(source.cost_per_deposit),
        ]
    }));
    rows
}

fn speed(speed: &Speed) -> String {
    let median = match speed.median_minutes {
        Some(minutes) => format!("{minutes:.0} minutes"),
        None => "not known yet".to_owned(),
    };
    format!(
        "  {} new, {} with a reaction, {} without; median {median}; within 15 minutes {}, 1 hour {}, 24 hours {}",
        speed.leads,
        speed.reacted,
        speed.open,
        share(speed.within_15_minutes),
        share(speed.within_1_hour),
        share(speed.within_24_hours),
    )
}

fn forecast(forecast: &Forecast) -> Vec<String> {
    let mut lines = vec![format!(
        "  expected {} (in 8 of 10 cases {} to {}), {:.1} deals ({:.1} to {:.1}) of {} open",
        money(forecast.expected),
        money(forecast.low),
        money(forecast.high),
        forecast.deals,
        forecast.deals_low,
        forecast.deals_high,
        forecast.open,
    )];
    if forecast.no_budget > 0 {
        lines.push(format!(
            "  {} open deals have no budget that can be read: they are not in the money",
            forecast.no_budget
        ));
    }
    if forecast.small_history {
        lines.push(format!(
            "  only {} deals have ended so far: take this as a guess",
            forecast.ended
        ));
    }
    let mut rows = vec![titles(&["stage", "open", "budget", "chance", "expected"])];
    rows.extend(forecast.stages.iter().map(|stage| {
        vec![
            stage.label.clone(),
            stage.open.to_string(),
            money(stage.budget),
            share(Some(stage.chance)),
            money(stage.expected),
        ]
    }));
    lines.extend(table(&rows).into_iter().map(|row| format!("  {row}")));
    lines
}

fn engagement(counts: &EngagementCounts) -> String {
    format!(
        "  hot {}   warm {}   cooling {}   cold {}",
        counts.hot, counts.warm, counts.cooling, counts.cold
    )
}

fn with_share(count: u32, of: Option<f64>) -> String {
    match of {
        Some(of) => format!("{count} ({})", share(Some(of))),
        None => count.to_string(),
    }
}

fn share(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.0}%", share * 100.0))
}

fn days(days: Option<f64>) -> String {
    days.map_or_else(|| "-".to_owned(), |days| format!("{days:.1}"))
}

/// Đồng in the size that people speak of.
#[allow(clippy::cast_precision_loss)] // Three figures are shown.
fn money(dong: i64) -> String {
    let amount = dong as f64;
    match dong.unsigned_abs() {
        0 => "0".to_owned(),
        1_000_000_000.. => format!("{:.2} tỷ", amount / 1e9),
        1_000_000.. => format!("{:.1} triệu", amount / 1e6),
        _ => format!("{dong} đồng"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_of_a_table_stay_apart() {
        for (cell, written) in [
            ("Facebook", "Facebook"),
            ("Báo, đài", "\"Báo, đài\""),
            ("\"Zalo\"", "\"\"\"Zalo\"\"\""),
            ("=1+1", "'=1+1"),
            ("-5", "-5"),
            ("-x", "'-x"),
        ] {
            assert_eq!(quoted(cell), written);
        }
    }

    #[test]
    fn amounts_are_read_at_a_glance() {
        for (dong, shown) in [
            (0, "0"),
            (12_345, "12345 đồng"),
            (3_000_000, "3.0 triệu"),
            (4_560_000_000, "4.56 tỷ"),
        ] {
            assert_eq!(money(dong), shown);
        }
        assert_eq!(
            (share(None), share(Some(0.125))),
            ("-".into(), "12%".into())
        );
    }
}
