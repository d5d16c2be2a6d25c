//! `check`: every mistake at once, each with its place and its mend. Sends nothing and keeps nothing.
//!
//! The workbooks are read by the same cycle as `sync`, into a store that is thrown away; templates and
//! conditions are tried on the rows that were read.

mod data;
mod law;
mod reach;
mod report;
mod texts;

use std::sync::Arc;

use serde_json::json;

use super::Call;
use super::failure::{Failure, Kind};
use super::scratch::Scratch;
use super::site::Site;
use crate::commands::Desk;

use crate::config::{Config, ConfigErrors, ConfigProblem, TabKind};
use crate::google::Google;
use crate::render::Templates;
use crate::store::Store;
use report::Findings;

pub(crate) use reach::telegram_client;

/// Looks for every mistake: configuration, templates, the workbook's tabs and headers, words that no stage has,
/// owners who are nobody, the SMTP log-in and the bot token; then counts what cannot be read in the data.
///
/// Nothing is sent and nothing is kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit code 0: no problems (there may be warnings). 1: problems. 78: the configuration itself is wrong.
With --json: {\"ok\": bool, \"problems\": [{\"area\", \"place\", \"problem\", \"mend\"}], \"warnings\": […], \"data_problems\": […]}

Example: sheetbridge check --config /etc/sheetbridge/sheetbridge.toml")]
pub(crate) struct Args {}

/// Checks everything.
///
/// # Errors
/// Problems were found (1), or the configuration is wrong (78); both have been said by then.
pub(crate) async fn check(call: &Call, _args: &Args) -> Result<(), Failure> {
    let site = match Site::load(call) {
        Ok(site) => site,
        Err(errors) => return Err(refuse(call, &errors)?),
    };
    let mut findings = Findings::default();
    configuration(&site.config, &mut findings);
    let templates = texts::load(&site, &mut findings);
    let (smtp, bot) = tokio::join!(reach::smtp(&site.config), reach::bot(&site.config));
    let scratch = Scratch::new(&call.environment, "check")?;
    let store = tokio::task::block_in_place(|| Store::open(scratch.path()))?;
    let desk = Desk::new(site.roster(store), None);
    workbooks(&site, &desk, templates.as_ref(), &mut findings).await?;
    findings.take(smtp);
    findings.take(bot);
    if call.out.is_json() {
        call.out.json(&findings.json())?;
    } else {
        call.out.lines(findings.lines())?;
    }
    if findings.problems.is_empty() {
        Ok(())
    } else {
        Err(Failure::said())
    }
}

/// A configuration that cannot be used ends the check: nothing else could be asked.
fn refuse(call: &Call, errors: &ConfigErrors) -> Result<Failure, Failure> {
    if !call.out.is_json() {
        return Ok(errors.clone().into());
    }
    let mut findings = Findings::default();
    for problem in errors.problems() {
        findings.problem(
            "configuration",
            place(problem),
            &problem.problem,
            &problem.mend,
        );
    }
    call.out.json(&findings.json())?;
    Ok(Failure::new(Kind::Config, ""))
}

fn place(problem: &ConfigProblem) -> String {
    let file = problem.file.display();
    match (problem.line, problem.column) {
        (Some(line), Some(column)) => format!("{file}:{line}:{column}"),
        _ => file.to_string(),
    }
}

/// What the configuration says that is not wrong, and should be known.
fn configuration(config: &Config, findings: &mut Findings) {
    const AREA: &str = "configuration";
    findings.passed(
        AREA,
        format!("{}: {} rules", config.file.display(), config.rules.len()),
    );
    for warning in &config.warnings {
        findings.warning(AREA, place(warning), &warning.problem, &warning.mend);
    }
    if let Some(mailbox) = &config.trial {
        let address = crate::core::message::Address::Email(mailbox.clone());
        findings.warning(
            AREA,
            "[trial] redirect_all_to",
            &format!("the trial is on: no message reaches a customer, all go to {address}"),
            "remove [trial] when the trial is over",
        );
    }
    let advertises = |rule: &&crate::core::rule::Rule| {
        rule.send
            .iter()
            .chain(&rule.escalate)
            .chain(&rule.series)
            .any(|step| step.ad)
    };
    let mut ads: Vec<String> = config
        .rules
        .iter()
        .filter(advertises)
        .map(|rule| format!("`{}`", rule.id))
        .collect();
    let written = config
        .workbooks
        .iter()
        .flat_map(|book| &book.tabs)
        .any(|tab| matches!(tab.kind, TabKind::Campaigns { .. }));
    if written || !config.campaign_files().is_empty() {
        ads.push("campaigns".to_owned());
    }
    law::look(config, &ads, findings);
}

/// Everything about the workbooks: access, tabs, headers, rows, and the texts rendered for them.
async fn workbooks(
    site: &Site,
    desk: &Desk,
    templates: Option<&Templates>,
    findings: &mut Findings,
) -> Result<(), Failure> {
    match Google::new(&site.config.google.key.json, &site.config.google.sheets_url).await {
        Ok(google) => data::read(site, desk, Arc::new(google), findings).await,
        Err(error) => findings.problem(
            "google",
            "[google] credentials",
            &error.to_string(),
            "put the right key file in its place",
        ),
    }
    tokio::task::block_in_place(|| {
        let rows = data::rows(desk)?;
        data::look(desk, &rows, findings)?;
        if let Some(templates) = templates {
            texts::render(desk, templates, &rows, findings);
        }
        texts::conditions(&site.config, &rows, findings);
        Ok::<(), Failure>(())
    })
}

/// An empty object for rules that speak of no record.
fn nothing() -> serde_json::Value {
    json!({})
}
