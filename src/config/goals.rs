//! What is expected and paid by the month: `[[target]]` and `[costs]`.

use std::collections::BTreeMap;

use super::walk::{Node, Reader, Section, Text};
use super::{Field, Staff};
use crate::core::insight::goals::{CostLine, Goals, Month, Target, TargetLine};
use crate::core::sheet::fold::fold;

const MONTH_MEND: &str = "write the year and the month, such as \"2026-11\"";
const DONG_MEND: &str = "write it out in đồng, without quotes, such as 12_000_000";
/// Less than that a month is a slip: somebody meant triệu.
const LEAST_DONG: i64 = 1_000;

/// Both sections.
pub(super) fn goals(
    reader: &Reader<'_>,
    root: &Section<'_>,
    staff: &[Staff],
    fields: &[Field],
) -> Goals {
    Goals {
        targets: targets(reader, root, staff),
        costs: costs(reader, root, fields),
    }
}

fn targets(reader: &Reader<'_>, root: &Section<'_>, staff: &[Staff]) -> Vec<TargetLine> {
    let mut lines: Vec<TargetLine> = Vec::new();
    for section in root.sections(reader, "target", "[[target]]") {
        section.only(reader, &["person", "month", "new", "deposits", "won"], &[]);
        let person = section.text(reader, "person");
        let person = match &person {
            Some(text) => match colleague(reader, text, staff) {
                Some(name) => Some(name),
                None => continue,
            },
            None => None,
        };
        let month = match section.text(reader, "month") {
            Some(text) => match month(reader, &text) {
                Some(month) => Some(month),
                None => continue,
            },
            None => None,
        };
        let count = |key| section.count(reader, key).map(f64::from);
        let target = Target {
            new: count("new"),
            deposits: count("deposits"),
            won: count("won"),
        };
        let named = ["new", "deposits", "won"]
            .iter()
            .any(|key| section.get(key).is_some());
        if !named {
            reader.wrong(
                &section.span,
                "a target says nothing that is to be reached",
                "add new = …, deposits = … or won = …, so many a month",
            );
        }
        if lines
            .iter()
            .any(|line| line.person == person && line.month == month)
        {
            reader.wrong(
                &section.span,
                "another target is of the same person and month",
                "put both into one, or name another `person` or `month`",
            );
            continue;
        }
        lines.push(TargetLine {
            person,
            month,
            target,
        });
    }
    lines
}

/// The name in the staff list that a text means.
fn colleague(reader: &Reader<'_>, text: &Text<'_>, staff: &[Staff]) -> Option<String> {
    let wanted = fold(text.text);
    let found = staff.iter().find(|person| {
        std::iter::once(&person.name)
            .chain(&person.aliases)
            .any(|name| fold(name) == wanted)
    });
    if found.is_none() {
        let mend = match staff {
            [] => "add them as [[staff]]".to_owned(),
            [first, ..] => format!(
                "write a name as in [[staff]], such as \"{}\"; without `person` it is everybody's target",
                first.name
            ),
        };
        text.wrong(reader, ", nobody in [[staff]]", &mend);
    }
    found.map(|person| person.name.clone())
}

fn month(reader: &Reader<'_>, text: &Text<'_>) -> Option<Month> {
    let month = month_of(text.text);
    if month.is_none() {
        text.wrong(reader, ", no month", MONTH_MEND);
    }
    month
}

/// `2026-11`.
fn month_of(text: &str) -> Option<Month> {
    let (year, month) = text.trim().split_once('-')?;
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(year, 4) || !digits(month, 2) {
        return None;
    }
    let month = (year.parse().ok()?, month.parse().ok()?);
    (1..=12).contains(&month.1).then_some(month)
}

fn costs(reader: &Reader<'_>, root: &Section<'_>, fields: &[Field]) -> Vec<CostLine> {
    let mut lines = Vec::new();
    let Some(section) = root.section(reader, "costs") else {
        return lines;
    };
    if !fields.iter().any(|field| field.id == "source") {
        reader.suspicious(
            &section.span,
            "costs are told by source, and no column is bound as `source`",
            "add source = \"…\" to [columns], with the header of the column that says where a customer came from",
        );
    }
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for (key, node) in section.entries() {
        let source = key.as_str().trim();
        if let Some(other) = known.insert(fold(source), source.to_owned()) {
            reader.wrong(
                &key.span,
                format!("\"{source}\" is the source \"{other}\" once more"),
                "put both into one line: letter case and accents do not tell sources apart",
            );
            continue;
        }
        let line = |month, dong| CostLine {
            source: source.to_owned(),
            month,
            dong,
        };
        if !node.is_table() {
            lines.extend(dong(reader, &node).map(|dong| line(None, dong)));
            continue;
        }
        let Some(months) = node.section(reader, format!("\"{source}\" in [costs]")) else {
            continue;
        };
        for (key, node) in months.entries() {
            match month_of(key.as_str()) {
                Some(month) => {
                    lines.extend(dong(reader, &node).map(|dong| line(Some(month), dong)));
                }
                None => reader.wrong(
                    &key.span,
                    format!("`{}` of \"{source}\" in [costs] is no month", key.as_str()),
                    MONTH_MEND,
                ),
            }
        }
    }
    lines
}

fn dong(reader: &Reader<'_>, node: &Node<'_>) -> Option<i64> {
    if node.as_text().is_some() {
        return node.unfit(reader, "an amount in đồng", DONG_MEND);
    }
    let dong = node.whole(reader)?;
    if (0..LEAST_DONG).contains(&dong) && dong != 0 || dong < 0 {
        return node.unfit(reader, "what a source costs in a month", DONG_MEND);
    }
    Some(dong)
}

#[cfg(test)]
mod tests {
    use super::month_of;

    #[test]
    fn months_are_written_in_one_way() {
        for (text, month) in [
            ("2026-11", Some((2026, 11))),
            (" 2026-01 ", Some((2026, 1))),
            ("2026-13", None),
            ("2026-1", None),
            ("11/2026", None),
            ("2026-11-01", None),
            ("26-11", None),
        ] {
            assert_eq!(month_of(text), month, "{text}");
        }
    }
}
