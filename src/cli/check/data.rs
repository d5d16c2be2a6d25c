//! The workbooks: access, tabs, columns, the rows themselves, and the words in them that nobody explained.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::nothing;
use super::report::Findings;
use crate::cli::failure::Failure;
use crate::cli::output::count;
use crate::cli::site::Site;
use crate::cli::sync::poll_all;
use crate::clock;
use crate::commands::{Desk, Request, Who};
use crate::config::TabKind;
use crate::core::record::Kind;
use crate::core::sheet::fold::fold;
use crate::cycle::{Mode, PollError};
use crate::google::{Google, Metadata};
use crate::roster::TabMeta;

/// One row that was read, with what conditions and templates see of it.
#[derive(Debug)]
pub(crate) struct CheckedRow {
    /// Customer or appointment.
    pub(crate) kind: Kind,
    /// `Khách hàng, row 17`.
    pub(crate) place: String,
    /// The facts, without an event.
    pub(crate) facts: Value,
}

/// Reads every workbook into the throw-away store.
pub(crate) async fn read(site: &Site, desk: &Desk, google: Arc<Google>, findings: &mut Findings) {
    for workbook in &site.config.workbooks {
        if let Ok(metadata) = google.metadata(&workbook.id).await {
            about_workbook(site, &workbook.id, &metadata, findings);
        }
    }
    // What was wrong with the metadata is wrong again here, and said once.
    let (report, errors) = poll_all(desk, google, Mode::Real).await;
    for (workbook, error) in &errors {
        about_error(workbook, error, findings);
    }
    for tab in &report.tabs {
        match &tab.held {
            Some(why) => findings.problem(
                "sheet",
                &tab.tab,
                why,
                "give the header its name back in the sheet, or add the name it has now under [columns]",
            ),
            None => findings.passed("sheet", format!("{}: {}", tab.tab, count(tab.records, "record"))),
        }
    }
    columns(site, desk, findings);
}

fn about_workbook(site: &Site, id: &str, metadata: &Metadata, findings: &mut Findings) {
    findings.passed(
        "google",
        format!(
            "“{}” ({id}): {}",
            metadata.title,
            count(metadata.tabs.len(), "tab")
        ),
    );
    let zone = site.config.calendar.zone.iana_name().unwrap_or_default();
    if !metadata.time_zone.is_empty() && metadata.time_zone != zone {
        findings.warning(
            "google",
            format!("“{}”", metadata.title),
            &format!("its time zone is {}, and `timezone` is {zone}: formulas such as TODAY() change at another hour", metadata.time_zone),
            "set it in Google Sheets under File, Settings, or correct `timezone`",
        );
    }
    if !metadata.locale.starts_with("vi") {
        findings.warning(
            "google",
            format!("“{}”", metadata.title),
            &format!(
                "its locale is {}, not vi_VN: whoever types 3/4 there gets another date",
                metadata.locale
            ),
            "set it in Google Sheets under File, Settings",
        );
    }
}

fn about_error(workbook: &str, error: &PollError, findings: &mut Findings) {
    match error {
        PollError::Google(error) => {
            // The sentence carries its mend behind the colon, where there is one.
            findings.problem(
                "google",
                format!("workbook {workbook}"),
                &error.to_string(),
                "",
            );
        }
        PollError::Tabs(missing) => {
            for tab in missing {
                let now = tab
                    .renamed_to
                    .as_ref()
                    .map(|now| format!("; it is now called “{now}”"))
                    .unwrap_or_default();
                findings.problem(
                    "sheet",
                    format!("workbook {workbook}"),
                    &format!(
                        "there is no tab “{}”{now}: it was renamed or deleted",
                        tab.name
                    ),
                    "give the tab its name back, or correct `name` of [[workbook.tab]]",
                );
            }
        }
        PollError::Store(_) | PollError::UnknownWorkbook(_) => {
            findings.problem("google", workbook, &error.to_string(), "");
        }
    }
}

/// Columns of the configuration that a customers tab does not have: allowed, and worth knowing.
fn columns(site: &Site, desk: &Desk, findings: &mut Findings) {
    for workbook in &site.config.workbooks {
        let Ok(metas) = desk.roster.tabs(&workbook.id) else {
            continue;
        };
        for meta in metas
            .iter()
            .filter(|meta| meta.kind == Some(Kind::Customer))
        {
            missing_columns(site, workbook, meta, findings);
        }
    }
}

fn missing_columns(
    site: &Site,
    workbook: &crate::config::Workbook,
    meta: &TabMeta,
    findings: &mut Findings,
) {
    let given = |id: &str| match workbook.tab(&meta.title).map(|tab| &tab.kind) {
        Some(TabKind::Customers { stage, owner, .. }) => {
            (id == "stage" && stage.is_some()) || (id == "owner" && owner.is_some())
        }
        _ => false,
    };
    for field in &site.config.fields {
        if !meta.bound.contains_key(&field.id) && !given(&field.id) {
            findings.warning(
                "sheet",
                format!("{}, row {}", meta.title, meta.header_row),
                &format!("there is no column for `{}` (“{}”)", field.id, field.headers.join("” or “")),
                "add the column, add its header under [columns], or remove the field if nothing uses it",
            );
        }
    }
}

/// Every row that was read.
///
/// # Errors
/// The throw-away store.
pub(crate) fn rows(desk: &Desk) -> Result<Vec<CheckedRow>, Failure> {
    let now = clock::now();
    let mut rows = Vec::new();
    for record in desk.roster.store().records() {
        let record = record?;
        let facts = desk.roster.facts(&record, &nothing(), now)?;
        let tab = facts["tab"].as_str().unwrap_or_default();
        rows.push(CheckedRow {
            kind: record.kind,
            place: format!("{tab}, row {}", record.place.row),
            facts,
        });
    }
    Ok(rows)
}

/// Looks at what stands in the rows: words that are no stage, owners who are nobody, cells that cannot be read.
///
/// # Errors
/// The throw-away store.
pub(crate) fn look(
    desk: &Desk,
    rows: &[CheckedRow],
    findings: &mut Findings,
) -> Result<(), Failure> {
    stages(desk, findings)?;
    owners(desk, rows, findings)?;
    let request = Request::Records {
        tab: None,
        problems: true,
    };
    if let Value::Array(problems) = desk.answer(&request, &Who::CommandLine, clock::now())? {
        findings.data(problems);
    }
    Ok(())
}

/// Words in the stage column that no stage has, the most frequent first, each with the stage it may mean.
fn stages(desk: &Desk, findings: &mut Findings) -> Result<(), Failure> {
    let config = desk.roster.config();
    let status = desk.status(&Who::CommandLine, clock::now())?;
    for unknown in &status.unknown_stages {
        let word = &unknown.word;
        let likely = unknown
            .likely
            .as_ref()
            .and_then(|id| config.stages.iter().find(|stage| stage.id == *id));
        let mend = match likely {
            Some(stage) => format!(
                "if it means “{}”, add it: [[stage]] id = \"{}\", aliases = [\"{word}\"]",
                stage.label, stage.id
            ),
            None => "add it to the aliases of a [[stage]], or correct the cells".to_owned(),
        };
        let times = usize::try_from(unknown.count).unwrap_or(usize::MAX);
        findings.warning(
            "sheet",
            "stage",
            &format!("“{word}” is no stage ({})", count(times, "row")),
            &mend,
        );
    }
    Ok(())
}

fn owners(desk: &Desk, rows: &[CheckedRow], findings: &mut Findings) -> Result<(), Failure> {
    let directory = desk.roster.directory()?;
    let mut unknown: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.kind == Kind::Customer) {
        let names = row.facts["owners"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        for name in names
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| directory.find(name).is_none())
        {
            unknown
                .entry(fold(name))
                .or_insert_with(|| (name.trim().to_owned(), 0))
                .1 += 1;
        }
    }
    for (name, times) in unknown.into_values() {
        findings.warning(
            "people",
            "owner",
            &format!(
                "“{name}” is in charge of {} and not in [[staff]]: the managers get those messages",
                count(times, "row")
            ),
            &format!("add [[staff]] with name = \"{name}\", or the name to somebody's aliases"),
        );
    }
    Ok(())
}
