//! `on` of a rule: what sets it off.

use super::RuleReader;
use crate::config::columns::{STANDARD, known_field};
use crate::config::problem::nearest;
use crate::config::sheets::{is_bound, known_stage, not_built};
use crate::config::walk::{Node, Section, Text, list};
use crate::core::calendar::Schedule;
use crate::core::rule::{Offset, Span, Trigger};
use crate::core::sheet::FieldKind;

impl RuleReader<'_> {
    pub(super) fn trigger(&self, node: &Node<'_>) -> Option<Trigger> {
        const MEND: &str = "write \"added\", \"changed\", \"removed\", or a table such as { stage = \"…\" }, \
            { idle = \"…\", after = \"3d\" }, { date = \"…\" }, { schedule = \"Mon-Sat 08:00\" }";
        let reader = self.reader;
        if node.is_table() {
            return self.trigger_table(node);
        }
        let text = node.text(reader)?;
        let table = |example: &str| {
            let why = ", which needs to know more";
            text.wrong(reader, why, format!("write on = {example}"));
        };
        match text.text {
            "added" => return Some(Trigger::Added),
            "changed" => return Some(Trigger::Changed { fields: Vec::new() }),
            "removed" => return Some(Trigger::Removed),
            "stage" => table("{ stage = \"deposited\" }"),
            "idle" => table("{ idle = \"consulting\", after = \"3d\" }"),
            "date" => table("{ date = \"appointment\", before = \"1d\", at = \"09:00\" }"),
            "schedule" => table("{ schedule = \"Mon-Sat 08:00\" }"),
            "clicked" | "replied" => {
                let what = format!("the trigger \"{}\"", text.text);
                not_built(reader, &text.span, &what, "remove the rule");
            }
            word => {
                let words = [
                    "added", "changed", "removed", "stage", "idle", "date", "schedule",
                ];
                let mend = nearest(word, words).map_or_else(
                    || MEND.to_owned(),
                    |near| format!("did you mean \"{near}\"?"),
                );
                text.wrong(reader, ", a trigger that does not exist", mend);
            }
        }
        None
    }

    fn trigger_table(&self, node: &Node<'_>) -> Option<Trigger> {
        let reader = self.reader;
        let section = node.section(reader, node.label.clone())?;
        let kinds = ["changed", "stage", "idle", "date", "schedule"];
        let named: Vec<&str> = kinds
            .into_iter()
            .filter(|kind| section.get(kind).is_some())
            .collect();
        let [kind] = named.as_slice() else {
            for (key, _) in section.entries() {
                if matches!(key.as_str(), "clicked" | "replied") {
                    let what = format!("the trigger \"{}\"", key.name);
                    not_built(reader, &key.span, &what, "remove the rule");
                    return None;
                }
            }
            let number = match named.len() {
                0 => "no trigger".to_owned(),
                many => format!("{many} triggers, not one"),
            };
            if named.is_empty() {
                section.only(reader, &kinds, &[]);
            }
            reader.wrong(
                &node.span,
                format!("{} names {number}", node.label),
                format!("write one of {}", list(&kinds)),
            );
            return None;
        };
        match *kind {
            "changed" => {
                section.only(reader, &["changed"], &[]);
                let fields = section.texts(reader, "changed");
                let known = self.known;
                let fields = fields
                    .iter()
                    .filter_map(|text| known_field(reader, text, known.fields));
                Some(Trigger::Changed {
                    fields: fields.collect(),
                })
            }
            "stage" => {
                section.only(reader, &["stage"], &[]);
                let stage = section.text(reader, "stage")?;
                self.stage_is_read(&stage);
                known_stage(reader, &stage, self.known.stages).map(|stage| Trigger::Stage { stage })
            }
            "idle" => self.idle(&section),
            "date" => self.date(&section),
            _ => {
                section.only(reader, &["schedule"], &[]);
                let text = section.text(reader, "schedule")?;
                text.parsed(reader, "write \"Mon-Sat 08:00\"", Schedule::parse)
                    .map(Trigger::Schedule)
            }
        }
    }

    fn stage_is_read(&self, stage: &Text<'_>) {
        if !is_bound("stage", self.known.fields, self.known.workbooks) {
            self.reader.wrong(
                &stage.span,
                format!(
                    "{} waits for a stage, and no column is bound to `stage`",
                    self.section.title
                ),
                "add stage = \"…\" under [columns], or to the [[workbook.tab]] that is the stage",
            );
        }
    }

    fn idle(&self, section: &Section<'_>) -> Option<Trigger> {
        let reader = self.reader;
        section.only(reader, &["idle", "after", "every", "times"], &[]);
        let stage = section.text(reader, "idle");
        if let Some(stage) = &stage {
            self.stage_is_read(stage);
        }
        let stage = stage.and_then(|stage| known_stage(reader, &stage, self.known.stages));
        let after = section
            .need(reader, "after", "add after = \"3d\"")
            .map(|_| section.span(reader, "after", Span::default()));
        let every = section
            .get("every")
            .map(|_| section.span(reader, "every", Span::default()));
        let times = section.get("times").map(|node| (node.count(reader), node));
        match (&every, &times) {
            (Some(_), None) => reader.wrong(
                &section.span,
                format!(
                    "{} has `every` and no `times`: it would never end",
                    section.title
                ),
                "add times = 3",
            ),
            (None, Some((Some(2..), node))) => reader.wrong(
                &node.span,
                format!("{} has `times` and no `every`", section.title),
                "add every = \"2d\"",
            ),
            _ => {}
        }
        Some(Trigger::Idle {
            stage: stage?,
            after: after?,
            every,
            times: times.map_or(Some(1), |(times, _)| times)?,
        })
    }

    fn date(&self, section: &Section<'_>) -> Option<Trigger> {
        let (reader, known) = (self.reader, self.known);
        section.only(reader, &["date", "before", "after", "yearly", "at"], &[]);
        let field = section
            .text(reader, "date")
            .and_then(|text| self.date_field(&text));
        let (before, after) = (
            section.length(reader, "before"),
            section.length(reader, "after"),
        );
        let offset = match (before, after) {
            (Some(_), Some(_)) => {
                reader.wrong(
                    &section.span,
                    format!("{} has both `before` and `after`", section.title),
                    "keep one of the two; for both make two rules",
                );
                Offset::On
            }
            (Some(span), None) if !span.is_zero() => Offset::Before(span),
            (None, Some(span)) if !span.is_zero() => Offset::After(span),
            _ => Offset::On,
        };
        let at = section.text(reader, "at").map(|text| {
            let time = text.text.parse::<jiff::civil::Time>().ok();
            let time = time.filter(|_| text.text.len() == 5 && text.text.contains(':'));
            if time.is_none() {
                text.wrong(reader, ", not a time of day", "write \"09:00\"");
            }
            time
        });
        let yearly = section.flag(reader, "yearly").unwrap_or_default();
        let field = field?;
        if !is_bound(&field, known.fields, known.workbooks)
            && let Some(node) = section.get("date")
        {
            reader.wrong(
                &node.span,
                format!(
                    "{} is \"{field}\", and no column is bound to it",
                    node.label
                ),
                format!("add {field} = \"…\" under [columns], or remove the rule"),
            );
        }
        Some(Trigger::Date {
            field,
            yearly,
            offset,
            at: match at {
                Some(time) => Some(time?),
                None => None,
            },
        })
    }

    /// A field that exists and holds dates.
    fn date_field(&self, text: &Text<'_>) -> Option<String> {
        let (reader, fields) = (self.reader, self.known.fields);
        let id = known_field(reader, text, fields)?;
        let custom = fields
            .iter()
            .find(|field| field.id == id)
            .map(|field| field.kind);
        let standard = STANDARD.iter().find(|(known, _)| *known == id);
        let kind = custom.or(standard.map(|(_, kind)| *kind));
        if kind == Some(FieldKind::Date) {
            return Some(id);
        }
        let dates: Vec<&str> = fields
            .iter()
            .filter(|field| field.kind == FieldKind::Date)
            .map(|field| field.id.as_str())
            .collect();
        let mend = if dates.is_empty() {
            "bind a column of dates under [columns]".to_owned()
        } else {
            format!(
                "write one of {}, or give the column type = \"date\"",
                list(&dates)
            )
        };
        text.wrong(reader, ", which is not a date", mend);
        None
    }
}
