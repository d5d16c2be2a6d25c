//! What is read: `[google]`, `[[workbook]]`, `[columns]`, `[[stage]]`, and what depends on them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use jiff::civil::Date;

use super::secret;
use super::url;
use super::walk::{Node, Reader, Section, Text, list};
use super::{
    Alias, ConsentDeclaration, Field, Google, Require, Stage, Tab, TabKind, TabPattern, Workbook,
    folded,
};
use crate::core::facts::{DERIVED_NAMES, MESSAGE_NAMES};
use crate::core::rule::Span;
use crate::core::sheet::FieldKind;

/// Reads a minute that Google allows one service account.
const READS_PER_MINUTE: u64 = 60;

/// The fields whose meaning is built in, and how their cells are read.
pub(super) const STANDARD: [(&str, FieldKind); 16] = [
    ("name", FieldKind::Name),
    ("phone", FieldKind::Phone),
    ("email", FieldKind::Email),
    ("interest", FieldKind::Text),
    ("area", FieldKind::Text),
    ("budget", FieldKind::Money),
    ("source", FieldKind::Text),
    ("stage", FieldKind::Stage),
    ("owner", FieldKind::Owner),
    ("received", FieldKind::Date),
    ("appointment", FieldKind::Date),
    ("birthday", FieldKind::Date),
    ("note", FieldKind::Text),
    ("no_ads", FieldKind::OptOut),
    ("consent", FieldKind::Consent),
    ("id", FieldKind::Id),
];

/// `type` of `[columns.custom]`.
const TYPES: [(&str, FieldKind); 8] = [
    ("text", FieldKind::Text),
    ("number", FieldKind::Number),
    ("money", FieldKind::Money),
    ("date", FieldKind::Date),
    ("yes_no", FieldKind::YesNo),
    ("phone", FieldKind::Phone),
    ("email", FieldKind::Email),
    ("choice", FieldKind::Choice),
];

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
        let at = section.get("poll_every").map_or(section.span.clone(), |node| node.span);
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
    if section.flag(reader, "write") == Some(true)
        && let Some(node) = section.get("write")
    {
        not_built(
            reader,
            &node.span,
            "`write = true` in [google]",
            "write false",
        );
    }
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
        write: false,
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
            match words.get(&folded(word.text)) {
                Some(other) if other != id.text => word.wrong(
                    reader,
                    &format!(", which already means stage `{other}`"),
                    "keep the word in one stage only",
                ),
                _ => {
                    words.insert(folded(word.text), id.text.to_owned());
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

/// `[columns]` and `[columns.custom]`.
pub(super) fn columns(reader: &Reader<'_>, root: &Section<'_>, stages: &[Stage]) -> Vec<Field> {
    const MEND: &str =
        "add the heading [columns] with at least name = \"…\" and phone = \"…\" or email = \"…\"";
    let mut fields = Vec::new();
    if root.need(reader, "columns", MEND).is_none() {
        return fields;
    }
    let Some(section) = root.section(reader, "columns") else {
        return fields;
    };
    let mut known: Vec<&str> = STANDARD.iter().map(|(id, _)| *id).collect();
    known.push("custom");
    section.only(reader, &known, &[]);
    let mut bound: BTreeMap<String, String> = BTreeMap::new();
    for (key, node) in section.entries() {
        let Some((id, kind)) = STANDARD.iter().find(|(id, _)| *id == key.as_str()) else {
            continue;
        };
        fields.extend(column(reader, &node, id, Some(*kind), stages, &mut bound));
    }
    if let Some(custom) = section.section(reader, "custom") {
        let custom = custom.called("[columns.custom]");
        for (key, node) in custom.entries() {
            let id = key.as_str();
            if STANDARD.iter().any(|(standard, _)| *standard == id) {
                reader.wrong(
                    &key.span,
                    format!("`{id}` in [columns.custom] has its meaning built in"),
                    format!("move it to [columns]: {id} = \"…\""),
                );
            } else if !is_identifier(id) {
                reader.wrong(
                    &key.span,
                    format!("`{id}` in [columns.custom] cannot be used in conditions"),
                    "write small letters a-z, digits and _, beginning with a letter",
                );
            } else if DERIVED_NAMES.contains(&id) || MESSAGE_NAMES.contains(&id) {
                reader.wrong(
                    &key.span,
                    format!("`{id}` in [columns.custom] is a name that conditions and templates already have"),
                    "choose another word",
                );
            } else {
                fields.extend(column(reader, &node, id, None, stages, &mut bound));
            }
        }
    }
    fields
}

fn is_identifier(id: &str) -> bool {
    id.starts_with(|first: char| first.is_ascii_lowercase())
        && id
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// One column: `"Header"`, `["Header", "Other"]` or `{ header = …, … }`. Without a `kind` it is the admin's own.
fn column(
    reader: &Reader<'_>,
    node: &Node<'_>,
    id: &str,
    kind: Option<FieldKind>,
    stages: &[Stage],
    bound: &mut BTreeMap<String, String>,
) -> Option<Field> {
    let mut field = Field {
        id: id.to_owned(),
        kind: kind.unwrap_or(FieldKind::Text),
        headers: Vec::new(),
        private: false,
        since: None,
    };
    let headers = if node.is_table() {
        let section = node.section(reader, node.label.clone())?;
        let keys: &[&str] = match kind {
            None => &["header", "type", "since", "private"],
            Some(_) => &["header", "since", "private"],
        };
        section.only(reader, keys, &[]);
        if kind.is_none()
            && let Some(word) = section.text(reader, "type")
        {
            field.kind = word.one_of(reader, &TYPES)?;
        }
        field.private = section.flag(reader, "private").unwrap_or_default();
        field.since = since(reader, &section, field.kind, stages);
        section.need(reader, "header", "add header = \"…\", as the sheet has it")?;
        section.texts(reader, "header")
    } else {
        node.texts(reader)
    };
    if headers.is_empty() && node.is_list() {
        reader.wrong(
            &node.span,
            format!("{} names no header", node.label),
            "write the header",
        );
    }
    for header in headers {
        match bound.get(&folded(header.text)) {
            Some(other) => header.wrong(
                reader,
                &format!(", a header that is already bound to `{other}`"),
                "a column means one thing: remove it from one of the two",
            ),
            None => {
                bound.insert(folded(header.text), id.to_owned());
                field.headers.push(header.text.trim().to_owned());
            }
        }
    }
    Some(field)
}

/// `since` of a date column: the stage into which the date says when it was entered.
fn since(
    reader: &Reader<'_>,
    section: &Section<'_>,
    kind: FieldKind,
    stages: &[Stage],
) -> Option<String> {
    let stage = section.text(reader, "since")?;
    if kind != FieldKind::Date {
        stage.wrong(
            reader,
            ", but the column is not a date",
            "add type = \"date\"",
        );
    }
    known_stage(reader, &stage, stages)
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
            .any(|word| folded(word) == folded(text.text))
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
    let mend = match super::problem::nearest(text.text, ids.iter().copied()) {
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
            "projects" | "campaigns" => {
                if let Some(kind) = &kind {
                    let what = format!("kind = \"{}\" of a tab", kind.text);
                    not_built(reader, &kind.span, &what, "remove the tab");
                }
                None
            }
            _ => {
                if let Some(kind) = &kind {
                    kind.unknown(reader, &["customers", "appointments", "staff"]);
                }
                None
            }
        };
        let Some(name) = name else { continue };
        let pattern = TabPattern(name.text.trim().to_owned());
        if tabs
            .iter()
            .any(|tab| folded(&tab.name.0) == folded(&pattern.0))
        {
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
    section.only(reader, &["name", "kind", "stage", "owner"], &[]);
    TabKind::Customers {
        stage: section
            .text(reader, "stage")
            .and_then(|stage| known_stage(reader, &stage, stages)),
        owner: section
            .text(reader, "owner")
            .map(|owner| owner.text.to_owned()),
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
            if let Some(other) = bound.insert(folded(header.text), key.name.clone()) {
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
        TabKind::Customers { stage, owner } => {
            (id == "stage" && stage.is_some()) || (id == "owner" && owner.is_some())
        }
        TabKind::Appointments { .. } => id == "appointment",
        TabKind::Staff { .. } => false,
    };
    fields.iter().any(|field| field.id == id)
        || workbooks
            .iter()
            .flat_map(|workbook| &workbook.tabs)
            .any(by_tab)
}

/// `[require]`.
pub(super) fn require(
    reader: &Reader<'_>,
    root: &Section<'_>,
    fields: &[Field],
    workbooks: &[Workbook],
) -> Require {
    let defaults = |ids: &[&str]| -> Vec<String> { ids.iter().map(|&id| id.to_owned()).collect() };
    let mut require = Require {
        any: defaults(&["phone", "email"]),
        all: defaults(&["name"]),
    };
    let section = root.section(reader, "require");
    let mut at = root.get("columns").map_or(0..0, |node| node.span);
    if let Some(section) = section {
        at = section.span.clone();
        section.only(reader, &["any", "all"], &[]);
        for (key, wanted) in [("any", &mut require.any), ("all", &mut require.all)] {
            if section.get(key).is_none() {
                continue;
            }
            let texts = section.texts(reader, key);
            *wanted = texts
                .iter()
                .filter_map(|text| known_field(reader, text, fields))
                .collect();
        }
    }
    if fields.is_empty() {
        return require; // Already said: there are no columns at all.
    }
    for id in &require.all {
        if !is_bound(id, fields, workbooks) {
            reader.wrong(
                &at,
                format!("every customer must have `{id}`, and no column is bound to it"),
                format!("add {id} = \"…\" under [columns], or change `all` in [require]"),
            );
        }
    }
    if !require.any.is_empty() && !require.any.iter().any(|id| is_bound(id, fields, workbooks)) {
        let ids: Vec<&str> = require.any.iter().map(String::as_str).collect();
        reader.wrong(
            &at,
            format!(
                "a customer must have one of {}, and no column is bound to any",
                list(&ids)
            ),
            "bind one of them under [columns], or change `any` in [require]",
        );
    }
    require
}

/// The id of a field that is built in or the admin's own.
pub(super) fn known_field(
    reader: &Reader<'_>,
    text: &Text<'_>,
    fields: &[Field],
) -> Option<String> {
    let known = field_ids(fields);
    if known.contains(&text.text) {
        return Some(text.text.to_owned());
    }
    let by_header = fields.iter().find(|field| {
        field
            .headers
            .iter()
            .any(|header| folded(header) == folded(text.text))
    });
    if let Some(field) = by_header {
        text.wrong(
            reader,
            ", which is a header, not a field",
            format!("write \"{}\"", field.id),
        );
        return None;
    }
    let mend = match super::problem::nearest(text.text, known.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("write one of {}", list(&known)),
    };
    text.wrong(reader, ", a field that does not exist", mend);
    None
}

/// Every field that can be named: built in or the admin's own.
pub(super) fn field_ids(fields: &[Field]) -> Vec<&str> {
    let mut known: Vec<&str> = STANDARD.iter().map(|(id, _)| *id).collect();
    for field in fields {
        if !known.contains(&field.id.as_str()) {
            known.push(&field.id);
        }
    }
    known
}

/// `[aliases.FIELD]`.
pub(super) fn aliases(
    reader: &Reader<'_>,
    root: &Section<'_>,
    fields: &[Field],
) -> BTreeMap<String, Vec<Alias>> {
    let mut all = BTreeMap::new();
    let Some(section) = root.section(reader, "aliases") else {
        return all;
    };
    let known = field_ids(fields);
    section.only(reader, &known, &[]);
    for (key, node) in section.entries() {
        if !known.contains(&key.as_str()) {
            continue;
        }
        if key.as_str() == "stage" {
            reader.wrong(
                &key.span,
                "[aliases.stage] is not the place for the words of stages",
                "write them as `aliases` of the [[stage]]",
            );
            continue;
        }
        let Some(words) = node.section(reader, format!("[aliases.{}]", key.name)) else {
            continue;
        };
        let mut meant: BTreeMap<String, String> = BTreeMap::new();
        let mut aliases = Vec::new();
        for (meaning, node) in words.entries() {
            let texts = node.texts(reader);
            for text in &texts {
                let other = meant.insert(folded(text.text), meaning.name.clone());
                if let Some(other) = other.filter(|other| *other != meaning.name) {
                    let why = format!(", which already means \"{other}\"");
                    text.wrong(
                        reader,
                        &why,
                        "a word means one thing: remove it from one of the two",
                    );
                }
            }
            aliases.push(Alias {
                meaning: meaning.name,
                words: texts.iter().map(|text| text.text.to_owned()).collect(),
            });
        }
        all.insert(key.name, aliases);
    }
    all
}

/// `[consent] declared`.
pub(super) fn consent(
    reader: &Reader<'_>,
    root: &Section<'_>,
    fields: &[Field],
) -> Vec<ConsentDeclaration> {
    let Some(section) = root.section(reader, "consent") else {
        return Vec::new();
    };
    section.only(reader, &["declared"], &[]);
    let Some(node) = section.get("declared") else {
        return Vec::new();
    };
    if !fields.iter().any(|field| field.id == "source") {
        reader.wrong(
            &node.span,
            "consent is declared by source, and no column is bound to `source`",
            "add source = \"…\" under [columns]",
        );
    }
    node.one_or_more(reader)
        .iter()
        .filter_map(|section| declaration(reader, section))
        .collect()
}

fn declaration(reader: &Reader<'_>, section: &Section<'_>) -> Option<ConsentDeclaration> {
    section.only(reader, &["sources", "since", "by", "evidence"], &[]);
    section.need(
        reader,
        "sources",
        "add sources = [\"…\"], values of the source column",
    )?;
    let sources = section.texts(reader, "sources");
    let by = section.need_text(reader, "by", "add by = \"…\": who declares it");
    let evidence = section.need_text(
        reader,
        "evidence",
        "add evidence = \"…\": where the customers agreed",
    );
    let since = section.need(reader, "since", "add since = \"2026-01-01\"")?;
    let Some(date) = since.as_date().and_then(|text| text.parse::<Date>().ok()) else {
        return since.unfit(reader, "a date", "write \"2026-01-01\"");
    };
    Some(ConsentDeclaration {
        sources: sources
            .iter()
            .map(|source| source.text.to_owned())
            .collect(),
        since: date,
        by: by?.text.to_owned(),
        evidence: evidence?.text.to_owned(),
    })
}
