//! `[[rule]]`: a trigger, a condition, and whom to tell what.

mod step;
mod trigger;

use super::columns::field_ids;
use super::problem::nearest;
use super::sheets::is_bound;
use super::walk::{Reader, Section, list};
use super::{Field, Staff, Stage, Workbook};
use crate::core::condition::Condition;
use crate::core::facts::DERIVED_NAMES;
use crate::core::rule::{Rule, Span, Step, Trigger};
use step::Part;

/// What rules may refer to.
pub(super) struct Known<'a> {
    pub(super) fields: &'a [Field],
    pub(super) stages: &'a [Stage],
    pub(super) staff: &'a [Staff],
    pub(super) workbooks: &'a [Workbook],
    pub(super) templates: &'a [String],
    /// Whether there is an `[email]`, right or wrong.
    pub(super) email: bool,
    /// Whether there is a `[telegram]`, right or wrong.
    pub(super) telegram: bool,
    /// Whether consent can be known: a column, or a declaration.
    pub(super) consent: bool,
}

/// All rules in the order of the file.
pub(super) fn rules(reader: &Reader<'_>, root: &Section<'_>, known: &Known<'_>) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut ids: Vec<String> = Vec::new();
    for section in root.sections(reader, "rule", "[[rule]]") {
        let id = section.need_text(
            reader,
            "id",
            "add id = \"…\", a word of its own for the rule",
        );
        if let Some(id) = &id {
            if ids.iter().any(|other| other == id.text) {
                id.wrong(
                    reader,
                    ", as another rule already is",
                    "give each rule an id of its own",
                );
            }
            ids.push(id.text.to_owned());
        }
        let section = match &id {
            Some(id) => section.called(&format!("rule `{}`", id.text)),
            None => section,
        };
        let rule = RuleReader {
            reader,
            known,
            section: &section,
        };
        rules.extend(rule.read(id.map_or("", |id| id.text)));
    }
    rules
}

/// One rule as it is being read.
struct RuleReader<'a> {
    reader: &'a Reader<'a>,
    known: &'a Known<'a>,
    section: &'a Section<'a>,
}

impl RuleReader<'_> {
    fn read(&self, id: &str) -> Option<Rule> {
        let (reader, section) = (self.reader, self.section);
        let keys = [
            "id",
            "on",
            "when",
            "send",
            "escalate",
            "series",
            "ends",
            "valid_for",
            "settle",
        ];
        section.only(reader, &keys, &[]);
        let on = section
            .need(reader, "on", "add on = \"added\" or another trigger")
            .and_then(|node| self.trigger(&node));
        let when = self.condition("when");
        let ends = self.condition("ends");
        let mut number = 0;
        let send = self.steps("send", Part::Send, on.as_ref(), None, &mut number);
        let channel = send.first().map(|step| step.channel);
        let escalate = self.steps(
            "escalate",
            Part::Escalate,
            on.as_ref(),
            channel,
            &mut number,
        );
        let series = self.steps("series", Part::Series, on.as_ref(), None, &mut number);
        self.fits_together(on.as_ref(), &escalate, &series);
        let valid_for = self.span("valid_for");
        let settle = self.span("settle");
        Some(Rule {
            id: id.to_owned(),
            on: on?,
            when,
            send,
            escalate,
            series,
            ends,
            valid_for,
            settle,
            at: reader.place(&section.span),
        })
    }

    /// A length of time longer than nothing, if the key is there.
    fn span(&self, key: &str) -> Option<Span> {
        self.section.get(key)?;
        Some(self.section.span(self.reader, key, Span::default()))
    }

    /// What the keys of a rule ask of one another.
    fn fits_together(&self, on: Option<&Trigger>, escalate: &[Step], series: &[Step]) {
        let (reader, section) = (self.reader, self.section);
        let place = |key: &str| section.get(key).map(|node| node.span);
        if place("send").is_none() && place("series").is_none() {
            reader.wrong(
                &section.span,
                format!("{} sends nothing", section.title),
                "add send = { channel = \"…\", to = \"…\", template = \"…\" }",
            );
        }
        if let (Some(at), None) = (place("ends"), place("series")) {
            reader.wrong(
                &at,
                format!(
                    "`ends` in {} ends a series, and there is none",
                    section.title
                ),
                "add `series`, or remove `ends`",
            );
        }
        if let (Some(at), Some(Trigger::Removed | Trigger::Idle { .. } | Trigger::Schedule(_))) =
            (place("settle"), on)
        {
            reader.wrong(
                &at,
                format!(
                    "`settle` in {} is how long a row must be quiet, and this rule waits for something else",
                    section.title
                ),
                "remove it: a removal has [settle] removed, an idle rule its `after`, a schedule its time",
            );
        }
        if matches!(on, Some(Trigger::Schedule(_))) {
            for key in ["when", "escalate", "series"] {
                if let Some(at) = place(key) {
                    reader.wrong(
                        &at,
                        format!(
                            "`{key}` in {} speaks of a customer, and a schedule has none",
                            section.title
                        ),
                        "remove it",
                    );
                }
            }
        }
        if let (Some(Trigger::Removed), Some(at)) = (on, place("series")) {
            reader.wrong(
                &at,
                format!(
                    "`series` in {} follows customers who are gone, and it ends when they go",
                    section.title
                ),
                "remove it, or begin it with a stage: on = { stage = \"…\" }",
            );
        }
        if let Some(pair) = series
            .windows(2)
            .find(|pair| pair[1].after <= pair[0].after)
            && let (Some(at), Some(before), Some(after)) =
                (place("series"), pair[0].after, pair[1].after)
        {
            reader.wrong(
                &at,
                format!(
                    "`series` in {} has a step after {after} behind one after {before}: all of them count from the start",
                    section.title
                ),
                "write its steps in the order in which they are sent, each with a longer `after`",
            );
        }
        if let Some(Trigger::Idle { after, .. }) = on {
            for step in escalate {
                if step
                    .after
                    .is_some_and(|later| later.as_millis() <= after.as_millis())
                    && let Some(at) = place("escalate")
                {
                    reader.suspicious(
                        &at,
                        format!("{} escalates no later than it reminds", section.title),
                        "both count from the last activity: write a longer `after` in `escalate`",
                    );
                }
            }
        }
    }

    fn condition(&self, key: &str) -> Option<Condition> {
        let (reader, known) = (self.reader, self.known);
        let text = self.section.text(reader, key)?;
        let condition = text.parsed(
            reader,
            "see the examples in the shipped configuration: text in 'single quotes', == to compare, and / or / not",
            Condition::parse,
        )?;
        let fields = field_ids(known.fields);
        for name in condition.names() {
            if DERIVED_NAMES.contains(&name.as_str()) {
                continue;
            }
            if !fields.contains(&name.as_str()) {
                let candidates = fields.iter().chain(DERIVED_NAMES).copied();
                let near = nearest(&name, candidates);
                reader.wrong(
                    &text.within(&name),
                    format!("{} uses `{name}`, a field that does not exist", text.label),
                    near.map_or_else(
                        || {
                            format!(
                                "write one of {}, or add it under [columns.custom]",
                                list(&fields)
                            )
                        },
                        |near| format!("did you mean `{near}`?"),
                    ),
                );
            } else if known
                .fields
                .iter()
                .any(|field| field.id == name && field.private)
            {
                reader.wrong(
                    &text.within(&name),
                    format!("{} uses `{name}`, a private column", text.label),
                    "a private column is never used for messages: remove it from the condition",
                );
            } else if !is_bound(&name, known.fields, known.workbooks) {
                reader.suspicious(
                    &text.within(&name),
                    format!(
                        "{} uses `{name}`, and no column is bound to it: it is always empty",
                        text.label
                    ),
                    format!("add {name} = \"…\" under [columns], if the sheet has it"),
                );
            }
        }
        Some(condition)
    }
}
