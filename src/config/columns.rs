//! What the columns mean: `[columns]`, and what speaks of fields: `[require]`, `[aliases]`, `[consent]`.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::problem::nearest;
use super::sheets::{is_bound, known_stage};
use super::walk::{Node, Reader, Section, Text, list};
use super::{Alias, ConsentDeclaration, Field, Require, Stage, Workbook};
use crate::core::facts::{DERIVED_NAMES, MESSAGE_NAMES};
use crate::core::sheet::FieldKind;
use crate::core::sheet::fold::fold;

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
    if let Some(stage) = fields.iter().find(|field: &&Field| field.id == "stage")
        && stages.is_empty()
    {
        reader.wrong(
            &section
                .get(&stage.id)
                .map_or(section.span, |node| node.span),
            "a column is bound to `stage`, and no stage is listed",
            "add a [[stage]] with id and label for each",
        );
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
        match bound.get(&fold(header.text)) {
            Some(other) => header.wrong(
                reader,
                &format!(", a header that is already bound to `{other}`"),
                "a column means one thing: remove it from one of the two",
            ),
            None => {
                bound.insert(fold(header.text), id.to_owned());
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
            .any(|header| fold(header) == fold(text.text))
    });
    if let Some(field) = by_header {
        text.wrong(
            reader,
            ", which is a header, not a field",
            format!("write \"{}\"", field.id),
        );
        return None;
    }
    let mend = match nearest(text.text, known.iter().copied()) {
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
                let other = meant.insert(fold(text.text), meaning.name.clone());
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
