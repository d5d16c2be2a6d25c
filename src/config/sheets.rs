//! What is read: `[google]`, `[[workbook]]` with its tabs, and `[[stage]]`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::problem::nearest;
use super::walk::{Reader, Section, Text, list};
use super::{Field, Google, Stage, Tab, TabKind, TabPattern, Workbook, campaigns, secret, url};
use crate::core::rule::Span;
use crate::core::sheet::fold::fold;

/// Reads a minute that Google allows one service account.
const READS_PER_MINUTE: u64 = 60;

/// `[google]`.
pub(super) fn google(
    reader: &Reader<'_>,
    root: &Section<'_>,
    folder: Option<&Path>,
    workbooks: usize,
) -> Option<Google> {
    const MEND: &str = "add the heading [google] with credentials = { credential = \"google\" }";
    root.need(reader, "google", MEND)?;
    let section = root.section(reader, "google")?;
    section.only(
        reader,
        &["credentials", "poll_every", "write", "sheets_url"],
        &[],
    );
    let poll_every = section.span(reader, "poll_every", Span::seconds(10));
    let needed = (workbooks as u64 * 60).div_ceil(READS_PER_MINUTE);
    let seconds = poll_every.as_millis().unsigned_abs() / 1_000;
    if seconds > 0 && seconds < needed {
        let at = section
            .get("poll_every")
            .map_or(section.span.clone(), |node| node.span);
        reader.wrong(
            &at,
            format!(
                "`poll_every` in [google] is {seconds} s: with {workbooks} workbooks that makes {} reads a \
                 minute, and Google allows {READS_PER_MINUTE}",
                workbooks as u64 * 60 / seconds
            ),
            format!("write poll_every = \"{needed}s\" or more"),
        );
    }
    let write = section.flag(reader, "write").unwrap_or(false);
    let sheets_url = match section.text(reader, "sheets_url") {
        Some(text) => {
            let mut address = url::web(reader, &text, &["https", "http"])?.to_string();
            if !address.ends_with('/') {
                address.push('/');
            }
            address
        }
        None => "https://sheets.googleapis.com/".to_owned(),
    };
    let credentials = section.need(
        reader,
        "credentials",
        "add credentials = { credential = \"google\" } or { file = \"google.json\" }",
    )?;
    Some(Google {
        key: secret::google_key(reader, &credentials, folder)?,
        poll_every,
        write,
        sheets_url,
    })
}

/// Reports what this version does not do.
pub(super) fn not_built(reader: &Reader<'_>, at: &Range<usize>, what: &str, mend: &str) {
    reader.wrong(at, format!("{what} is not built yet"), mend);
}

/// `[[stage]]`.
pub(super) fn stages(reader: &Reader<'_>, root: &Section<'_>) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    let mut words: BTreeMap<String, String> = BTreeMap::new();
    for section in root.sections(reader, "stage", "[[stage]]") {
        section.only(reader, &["id", "label", "aliases", "won", "lost"], &[]);
        let id = section.need_text(reader, "id", "add id = \"…\", the word that rules use");
        let label = section.need_text(reader, "label", "add label = \"…\", as the sheet says it");
        let aliases = section.texts(reader, "aliases");
        let won = section.flag(reader, "won").unwrap_or_default();
        let lost = section.flag(reader, "lost").unwrap_or_default();
        if won && lost {
            reader.wrong(
                &section.span,
                "a stage is both `won` and `lost`",
                "keep one of the two",
            );
        }
        let (Some(id), Some(label)) = (id, label) else {
            continue;
        };
        if stages.iter().any(|stage| stage.id == id.text) {
            id.wrong(
                reader,
                ", as another stage already is",
                "give each stage an id of its own",
            );
            continue;
        }
        for word in std::iter::once(&id).chain([&label]).chain(&aliases) {
            match words.get(&fold(word.text)) {
                Some(other) if other != id.text => word.wrong(
                    reader,
                    &format!(", which already means stage `{other}`"),
                    "keep the word in one stage only",
                ),
                _ => {
                    words.insert(fold(word.text), id.text.to_owned());
                }
            }
        }
        stages.push(Stage {
            id: id.text.to_owned(),
            label: label.text.to_owned(),
            aliases: aliases.iter().map(|alias| alias.text.to_owned()).collect(),
            won,
            lost,
        });
    }
    stages
}

/// The id of a stage that is listed.
pub(super) fn known_stage(
    reader: &Reader<'_>,
    text: &Text<'_>,
    stages: &[Stage],
) -> Option<String> {
    if stages.iter().any(|stage| stage.id == text.text) {
        return Some(text.text.to_owned());
    }
    let labelled = stages.iter().find(|stage| {
        std::iter::once(&stage.label)
            .chain(&stage.aliases)
            .any(|word| fold(word) == fold(text.text))
    });
    if let Some(stage) = labelled {
        text.wrong(
            reader,
            ", which is the label of a stage, not its id",
            format!("write \"{}\"", stage.id),
        );
        return None;
    }
    let ids: Vec<&str> = stages.iter().map(|stage| stage.id.as_str()).collect();
    let mend = match nearest(text.text, ids.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None if ids.is_empty() => "list the stages first, each under [[stage]]".to_owned(),
        None => format!("write one of {}, or add a [[stage]]", list(&ids)),
    };
    text.wrong(reader, ", a stage that is not listed", mend);
    None
}

/// `[[workbook]]`.
pub(super) fn workbooks(
    reader: &Reader<'_>,
    root: &Section<'_>,
    stages: &[Stage],
) -> Vec<Workbook> {
    const MEND: &str =
        "add [[workbook]] with id = \"…\", the part of the sheet's address between /d/ and /edit";
    let mut workbooks: Vec<Workbook> = Vec::new();
    if root.get("workbook").is_none() {
        reader.wrong(&root.span, "the configuration has no [[workbook]]", MEND);
        return workbooks;
    }
    for section in root.sections(reader, "workbook", "[[workbook]]") {
        section.only(reader, &["id", "tab"], &[]);
        let tabs = tabs(reader, &section, stages);
        let id = section.need_text(
            reader,
            "id",
            "add id = \"…\", from the sheet's address between /d/ and /edit",
        );
        let Some(id) = id else { continue };
        if let Some(mend) = not_an_id(id.text) {
            id.wrong(reader, ", not the id of a workbook", mend);
        } else if workbooks.iter().any(|workbook| workbook.id == id.text) {
            id.wrong(
                reader,
                ", as another workbook already is",
                "put all tabs of a workbook under one [[workbook]]",
            );
        }
        workbooks.push(Workbook {
            id: id.text.to_owned(),
            tabs,
        });
    }
    let customers = |tab: &Tab| matches!(tab.kind, TabKind::Customers { .. });
    let any_tab = workbooks.iter().any(|workbook| !workbook.tabs.is_empty());
    if any_tab
        && !workbooks
            .iter()
            .flat_map(|workbook| &workbook.tabs)
            .any(customers)
    {
        reader.wrong(
            &root.get("workbook").map_or(0..0, |node| node.span),
            "no tab has customers in it",
            "add a [[workbook.tab]] without a `kind`",
        );
    }
    workbooks
}

/// Why a text is no workbook id, as its mend.
fn not_an_id(id: &str) -> Option<String> {
    if let Some((_, rest)) = id.split_once("/d/") {
        let part = rest.split('/').next().unwrap_or_default();
        return Some(format!("write only \"{part}\""));
    }
    let fits = id
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    (!fits).then(|| "write the part of the sheet's address between /d/ and /edit".to_owned())
}

fn tabs(reader: &Reader<'_>, workbook: &Section<'_>, stages: &[Stage]) -> Vec<Tab> {
    let mut tabs: Vec<Tab> = Vec::new();
    let sections = workbook.sections(reader, "tab", "[[workbook.tab]]");
    if workbook.get("tab").is_none() {
        reader.wrong(
            &workbook.span,
            "a [[workbook]] has no tab",
            "add [[workbook.tab]] below it with name = \"…\"",
        );
    }
    for section in sections {
        let name = section.need_text(reader, "name", "add name = \"…\", as the tab is called");
        let kind = section.text(reader, "kind");
        let kind = match kind.as_ref().map_or("customers", |kind| kind.text) {
            "customers" => Some(customers_tab(reader, &section, stages)),
            "appointments" => appointments_tab(reader, &section),
            "staff" => staff_tab(reader, &section),
            "campaigns" => Some(campaigns::tab(reader, &section)),
            "projects" => {
                if let Some(kind) = &kind {
                    let what = format!("kind = \"{}\" of a tab", kind.text);
                    not_built(reader, &kind.span, &what, "remove the tab");
                }
                None
            }
            _ => {
                if let Some(kind) = &kind {
                    kind.unknown(reader, &["customers", "appointments", "staff", "campaigns"]);
                }
                None
            }
        };
        let Some(name) = name else { continue };
        let pattern = TabPattern(name.text.trim().to_owned());
        if tabs.iter().any(|tab| fold(&tab.name.0) == fold(&pattern.0)) {
            name.wrong(
                reader,
                ", as another tab of the workbook already is",
                "remove one of the two",
            );
        }
        tabs.extend(kind.map(|kind| Tab {
            name: pattern,
            kind,
        }));
    }
    tabs
}

fn customers_tab(reader: &Reader<'_>, section: &Section<'_>, stages: &[Stage]) -> TabKind {
    section.only(reader, &["name", "kind", "stage", "owner", "consent"], &[]);
    TabKind::Customers {
        stage: section
            .text(reader, "stage")
            .and_then(|stage| known_stage(reader, &stage, stages)),
        owner: section
            .text(reader, "owner")
            .map(|owner| owner.text.to_owned()),
        consent: section
            .text(reader, "consent")
            .map(|wording| wording.text.trim().to_owned()),
    }
}

fn appointments_tab(reader: &Reader<'_>, section: &Section<'_>) -> Option<TabKind> {
    section.only(reader, &["name", "kind", "columns", "cancelled"], &[]);
    let known = ["at", "name", "phone", "project", "owner", "state"];
    let columns = tab_columns(reader, section, &known, "at")?;
    if !columns.contains_key("name") && !columns.contains_key("phone") {
        reader.wrong(
            &section.get("columns").map_or(0..0, |node| node.span),
            "appointments have neither `name` nor `phone`: nobody could tell whose they are",
            "add phone = \"…\" to the columns of the tab",
        );
    }
    let cancelled = section.texts(reader, "cancelled");
    if let Some(first) = cancelled.first()
        && !columns.contains_key("state")
    {
        reader.wrong(
            &first.span,
            "`cancelled` names words of a state column, and there is none",
            "add state = \"…\" to the columns of the tab, or remove `cancelled`",
        );
    }
    Some(TabKind::Appointments {
        columns,
        cancelled: cancelled.iter().map(|word| word.text.to_owned()).collect(),
    })
}

fn staff_tab(reader: &Reader<'_>, section: &Section<'_>) -> Option<TabKind> {
    section.only(reader, &["name", "kind", "columns"], &[]);
    let columns = tab_columns(
        reader,
        section,
        &["name", "email", "active", "team"],
        "name",
    )?;
    Some(TabKind::Staff { columns })
}

/// `columns = { … }` of a tab that is not of customers.
fn tab_columns(
    reader: &Reader<'_>,
    tab: &Section<'_>,
    known: &[&str],
    needed: &str,
) -> Option<BTreeMap<String, Vec<String>>> {
    let mend = format!("add columns = {{ {needed} = \"…\" }}");
    let node = tab.need(reader, "columns", &mend)?;
    let section = node.section(reader, node.label.clone())?;
    section.only(reader, known, &[]);
    section.need(
        reader,
        needed,
        &format!("add {needed} = \"…\", the header in that tab"),
    )?;
    let mut bound: BTreeMap<String, String> = BTreeMap::new();
    let mut columns = BTreeMap::new();
    for (key, node) in section.entries() {
        let headers = node.texts(reader);
        for header in &headers {
            if let Some(other) = bound.insert(fold(header.text), key.name.clone()) {
                header.wrong(
                    reader,
                    &format!(", a header that is already bound to `{other}`"),
                    "a column means one thing: remove it from one of the two",
                );
            }
        }
        columns.insert(
            key.name,
            headers
                .iter()
                .map(|header| header.text.to_owned())
                .collect(),
        );
    }
    Some(columns)
}

/// Whether a field has a column, or a tab that stands for one.
pub(super) fn is_bound(id: &str, fields: &[Field], workbooks: &[Workbook]) -> bool {
    let by_tab = |tab: &Tab| match &tab.kind {
        TabKind::Customers { stage, owner, .. } => {
            (id == "stage" && stage.is_some()) || (id == "owner" && owner.is_some())
        }
        TabKind::Appointments { .. } => id == "appointment",
        TabKind::Staff { .. } | TabKind::Campaigns { .. } => false,
    };
    fields.iter().any(|field| field.id == id)
        || workbooks
            .iter()
            .flat_map(|workbook| &workbook.tabs)
            .any(by_tab)
}
