//! Templates and conditions, tried on the rows that were read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::data::CheckedRow;
use super::report::Findings;
use crate::cli::output::count;
use crate::cli::site::Site;
use crate::clock;
use crate::commands::Desk;
use crate::config::Config;
use crate::core::facts::known_names;
use crate::core::record::Kind;
use crate::core::rule::{Audience, Channel, Fallback, Rule, Step, Trigger};
use crate::render::{RenderError, Templates};

/// Each template is rendered for so many rows at most: mistakes show long before.
const ROWS_TRIED: usize = 2_000;

/// The same trouble in many rows: how often, and the first of them.
type Repeated = BTreeMap<(String, String), (usize, String)>;

/// Compiles the templates, and looks through those that rules use for names that no record has.
pub(crate) fn load(site: &Site, findings: &mut Findings) -> Option<Templates> {
    const AREA: &str = "templates";
    let config = &site.config;
    let templates = match Templates::load(Some(&config.templates_dir), site.language()) {
        Ok(templates) => templates,
        Err(errors) => {
            for error in &errors.problems {
                findings.problem(
                    AREA,
                    place(error),
                    &error.what,
                    "correct the file; the shipped templates show how",
                );
            }
            return None;
        }
    };
    let fields: BTreeSet<String> = config.fields.iter().map(|field| field.id.clone()).collect();
    let private = config
        .fields
        .iter()
        .filter(|field| field.private)
        .map(|field| field.id.clone())
        .collect();
    let known = known_names(&fields, &private);
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for (rule, step) in steps(config) {
        if !used.insert(&step.template) {
            continue;
        }
        for error in templates.check_names(&step.template, &known) {
            findings.problem(
                AREA,
                place(&error),
                &error.what,
                &format!("correct the template; the rule `{}` uses it", rule.id),
            );
        }
    }
    findings.passed(
        AREA,
        format!("{} in use compile", count(used.len(), "template")),
    );
    Some(templates)
}

fn place(error: &RenderError) -> String {
    match error.line {
        Some(line) => format!("templates/{}:{line}", error.file),
        None => format!("templates/{}", error.file),
    }
}

/// Every message of every rule.
fn steps(config: &Config) -> impl Iterator<Item = (&Rule, &Step)> {
    config.rules.iter().flat_map(|rule| {
        rule.send
            .iter()
            .chain(&rule.escalate)
            .chain(&rule.series)
            .map(move |step| (rule, step))
    })
}

/// The channels by which a step may go.
fn channels(step: &Step) -> BTreeSet<Channel> {
    let others = step.otherwise.iter().filter_map(|other| match other {
        Fallback::By(channel) => Some(*channel),
        Fallback::To(_) => None,
    });
    std::iter::once(step.channel).chain(others).collect()
}

/// Renders every message of every rule for the rows it could be about; each problem is said once.
pub(crate) fn render(
    desk: &Desk,
    templates: &Templates,
    rows: &[CheckedRow],
    findings: &mut Findings,
) {
    let config = desk.roster.config();
    let mut rendered = 0;
    let mut troubles = Repeated::new();
    for (rule, step) in steps(config) {
        let cases = cases(desk, rule, step, rows);
        for channel in channels(step) {
            if !templates.has(&step.template, channel) && channel == Channel::Telegram {
                let what = format!(
                    "there is no Telegram form of `{}`, which the rule `{}` sends",
                    step.template, rule.id
                );
                let mend = format!(
                    "write templates/{}.telegram.html, or use channel = \"email\"",
                    step.template
                );
                findings.problem("templates", &rule.at, &what, &mend);
                continue;
            }
            for (place, facts) in &cases {
                rendered += 1;
                if let Err(error) = one(templates, &step.template, channel, facts) {
                    note(&mut troubles, self::place(&error), error.what, place);
                }
            }
        }
    }
    findings.passed(
        "templates",
        format!("{} rendered", count(rendered, "message")),
    );
    for ((file, what), (times, first)) in troubles {
        findings.problem(
            "templates",
            file,
            &in_rows(&what, times, &first),
            "write a fallback, such as {{ name.given | default('Quý khách') }}, or fill the cells",
        );
    }
}

fn in_rows(what: &str, times: usize, first: &str) -> String {
    match times {
        1 => format!("{what} ({first})"),
        _ => format!("{what} ({first}, and {} more)", times - 1),
    }
}

fn note(troubles: &mut Repeated, file: String, what: String, first: &str) {
    troubles
        .entry((file, what))
        .or_insert_with(|| (0, first.to_owned()))
        .0 += 1;
}

fn one(
    templates: &Templates,
    name: &str,
    channel: Channel,
    facts: &Value,
) -> Result<(), RenderError> {
    match channel {
        Channel::Email => templates.render_mail(name, facts).map(|_| ()),
        Channel::Telegram => {
            templates.render_chat(name, facts)?;
            templates.render_chart(name, None, facts).map(|_| ())
        }
    }
}

/// What a step could be rendered for: rows that fulfil the rule's condition, or any row if none does.
fn cases(desk: &Desk, rule: &Rule, step: &Step, rows: &[CheckedRow]) -> Vec<(String, Value)> {
    if let Trigger::Schedule(_) = rule.on {
        let values = desk
            .digest_values(Some(&rule.id), None, clock::now())
            .unwrap_or_default();
        let facts = desk.roster.facts_without_record(&values, clock::now());
        return vec![("no row".to_owned(), facts)];
    }
    let fitting: Vec<&CheckedRow> = rows
        .iter()
        .filter(|row| may_speak_of(rule, step, row))
        .collect();
    let wanted: Vec<&CheckedRow> = fitting
        .iter()
        .copied()
        .filter(|row| {
            rule.when
                .as_ref()
                .is_none_or(|when| when.holds(&row.facts).unwrap_or(false))
        })
        .collect();
    let chosen = if wanted.is_empty() { fitting } else { wanted };
    chosen
        .into_iter()
        .take(ROWS_TRIED)
        .map(|row| {
            let mut facts = row.facts.clone();
            facts["event"] = event(rule, &facts);
            (row.place.clone(), facts)
        })
        .collect()
}

/// Whether a step of a rule could ever be about this row.
fn may_speak_of(rule: &Rule, step: &Step, row: &CheckedRow) -> bool {
    let reachable = step.to != Audience::Customer || !row.facts["email"].is_null();
    let fits = match (&rule.on, row.kind) {
        (Trigger::Date { field, .. }, Kind::Customer) => !row.facts[field].is_null(),
        (Trigger::Date { field, .. }, Kind::Appointment) => {
            field == "appointment" && !row.facts["appointment"].is_null()
        }
        (_, Kind::Customer) => true,
        (_, Kind::Appointment) => false,
    };
    reachable && fits
}

/// What would be known at the event.
fn event(rule: &Rule, facts: &Value) -> Value {
    let now = facts["now"].clone();
    match &rule.on {
        Trigger::Stage { .. } => json!({ "at": now, "stage_after": facts["stage_label"] }),
        Trigger::Idle { times, .. } => {
            let since = if facts["stage_since"].is_null() {
                now.clone()
            } else {
                facts["stage_since"].clone()
            };
            json!({ "at": now, "since": since, "round": 1, "rounds": times, "told": facts["owners"] })
        }
        Trigger::Date { field, .. } => {
            json!({ "at": now, "date": facts[field], "who": facts["name"]["full"] })
        }
        Trigger::Added | Trigger::Changed { .. } | Trigger::Removed | Trigger::Schedule(_) => {
            json!({ "at": now, "since": now, "told": facts["owners"] })
        }
    }
}

/// Tries every condition on every row: what is compared and never equal, and what cannot be evaluated.
pub(crate) fn conditions(config: &Config, rows: &[CheckedRow], findings: &mut Findings) {
    let mut troubles = Repeated::new();
    for rule in &config.rules {
        for condition in rule.when.iter().chain(&rule.ends) {
            for row in rows
                .iter()
                .filter(|row| row.kind == Kind::Customer)
                .take(ROWS_TRIED)
            {
                for what in condition.trial(&row.facts) {
                    note(
                        &mut troubles,
                        rule.at.clone(),
                        format!("rule `{}`: {what}", rule.id),
                        &row.place,
                    );
                }
            }
        }
    }
    for ((place, what), (times, first)) in troubles {
        findings.warning(
            "rules",
            place,
            &in_rows(&what, times, &first),
            "correct the condition",
        );
    }
}
