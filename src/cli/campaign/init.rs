//! `campaign init`: the tab in which staff write campaigns, made in the workbook or printed to be pasted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use super::super::Call;
use super::super::failure::{Failure, Kind};
use super::super::site::Site;
use crate::config::{Config, Language, TabKind};
use crate::core::campaign::{COLUMNS, choices};
use crate::google::{Dropdown, Google, HeaderCell, NewTab, Written};

/// Columns that say in two what another says in one.
const LEFT_OUT: [&str; 3] = ["budget_from", "budget_to", "send_hour"];

/// What the example row has.
const SHOWN: [&str; 3] = ["name", "subject", "text"];

/// Makes the tab, with its header, drop-down lists and an example that is a draft; or prints it.
///
/// # Errors
/// No such tab is configured, nothing may be written, there is one already, Google's refusals.
pub(super) async fn init(call: &Call, print: bool) -> Result<(), Failure> {
    let site = Site::load(call)?;
    let config = &site.config;
    let Some(wanted) = Wanted::of(config) else {
        return Err(Failure::new(
            Kind::Config,
            "no tab is named in which campaigns are written: add tab = \"Chiến dịch\" under [campaigns]",
        ));
    };
    let (workbook, title) = (wanted.workbook, wanted.title);
    let tab = made(config, &wanted);
    if print {
        return call.out.line(pasted(&tab).trim_end());
    }
    if !config.google.write {
        return Err(Failure::new(
            Kind::NotAllowed,
            "sheetbridge may not write: set write = true under [google] and make its service account an editor, or run `sheetbridge campaign init --print` and paste what it prints into an empty tab",
        ));
    }
    let google = Google::new(&config.google.key.json, &config.google.sheets_url).await?;
    let standing = google.metadata(workbook).await?;
    let there = standing.tabs.iter().find(|other| other.title == title);
    if let Some(other) = there {
        return Err(Failure::new(
            Kind::No,
            format!(
                "the workbook “{}” has a tab “{}” already, and it was left as it is: `sheetbridge check` tells which of its columns are known",
                standing.title, other.title
            ),
        ));
    }
    let sheet = google.add_tab(workbook, &tab).await?;
    let link = format!("https://docs.google.com/spreadsheets/d/{workbook}/edit#gid={sheet}");
    if call.out.is_json() {
        return call
            .out
            .json(&json!({ "workbook": workbook, "tab": title, "sheet": sheet, "link": link }));
    }
    call.out.line(format_args!(
        "The workbook “{}” has the tab “{title}” now: {link}\nIts example is a draft; nothing is sent before a row says “{}” and a manager approves.",
        standing.title,
        choices("state", config.language == Language::Vi)[0],
    ))
}

/// The tab that the configuration names.
struct Wanted<'a> {
    /// The id of its workbook.
    workbook: &'a str,
    title: &'a str,
    /// The company's own headers, by column.
    more: &'a BTreeMap<String, Vec<String>>,
}

impl<'a> Wanted<'a> {
    fn of(config: &'a Config) -> Option<Self> {
        config.workbooks.iter().find_map(|book| {
            book.tabs.iter().find_map(|tab| match &tab.kind {
                TabKind::Campaigns { columns } if !tab.name.is_pattern() => Some(Self {
                    workbook: &book.id,
                    title: &tab.name.0,
                    more: columns,
                }),
                _ => None,
            })
        })
    }
}

fn made(config: &Config, wanted: &Wanted<'_>) -> NewTab {
    let vietnamese = config.language == Language::Vi;
    let pick = |(vi, en): (&'static str, &'static str)| if vietnamese { vi } else { en };
    let columns: Vec<_> = COLUMNS
        .iter()
        .filter(|column| !LEFT_OUT.contains(&column.id))
        .collect();
    let mut tab = NewTab {
        title: wanted.title.to_owned(),
        header: Vec::new(),
        rows: vec![Vec::new()],
        dropdowns: Vec::new(),
    };
    for (place, column) in columns.into_iter().enumerate() {
        // The company's own word for it, if it has one.
        let own = wanted
            .more
            .get(column.id)
            .and_then(|headers| headers.first());
        let shipped = pick((column.headers[0], column.english));
        tab.header.push(HeaderCell {
            text: own.map_or(shipped, String::as_str).to_owned(),
            note: pick(column.what).to_owned(),
        });
        let words = offered(config, column.id, vietnamese);
        let example = match column.id {
            "state" => choices("state", vietnamese).get(1).map(ToString::to_string),
            "stage" => config.stages.first().map(|stage| stage.label.clone()),
            id if SHOWN.contains(&id) => Some(pick(column.example).to_owned()),
            _ => None,
        };
        tab.rows[0].push(Written::Text(example.unwrap_or_default()));
        if !words.is_empty() {
            tab.dropdowns.push(Dropdown {
                column: place,
                words,
            });
        }
    }
    tab
}

/// What the drop-down list under a header offers.
fn offered(config: &Config, column: &str, vietnamese: bool) -> Vec<String> {
    match column {
        "stage" => {
            let all = if vietnamese { "Tất cả" } else { "All" };
            let labels = config.stages.iter().map(|stage| stage.label.clone());
            labels.chain([all.to_owned()]).collect()
        }
        "owner" | "author" => config
            .staff
            .iter()
            .map(|person| person.name.clone())
            .collect(),
        other => choices(other, vietnamese)
            .into_iter()
            .map(str::to_owned)
            .collect(),
    }
}

/// As a spreadsheet takes it from the clipboard: cells between tabs, in quotes where they hold line ends.
fn pasted(tab: &NewTab) -> String {
    let cell = |text: &str| match text.contains(['\n', '\t', '"']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    };
    let header: Vec<String> = tab.header.iter().map(|head| cell(&head.text)).collect();
    let mut out = header.join("\t");
    for row in &tab.rows {
        let cells: Vec<String> = row
            .iter()
            .map(|written| match written {
                Written::Text(text) => cell(text),
                Written::Number(number) => number.to_string(),
            })
            .collect();
        let _ = write!(out, "\n{}", cells.join("\t"));
    }
    out.push('\n');
    out
}
