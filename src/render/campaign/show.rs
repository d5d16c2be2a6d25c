//! How a value stands in a text: as people write it, by the kind of its field.

use serde_json::Value;

use crate::core::campaign::text::VARIABLES;
use crate::core::sheet::FieldKind;
use crate::render::Language;
use crate::render::engine::convert;
use crate::render::filters::money_of;

/// The value of a field; none if the row has none, or it cannot be read.
pub(super) fn field(
    id: &str,
    kind: FieldKind,
    facts: &Value,
    language: Language,
) -> Option<String> {
    let value = facts.get(id)?;
    match kind {
        FieldKind::Name => name(value),
        FieldKind::Money => money(value, language),
        FieldKind::Date => date(value.as_str()?),
        FieldKind::Stage => text(facts.get("stage_label")?),
        FieldKind::OptOut | FieldKind::Consent | FieldKind::YesNo => {
            let yes = value.as_bool()?;
            Some(match (language, yes) {
                (Language::Vietnamese, true) => "Có".to_owned(),
                (Language::Vietnamese, false) => "Không".to_owned(),
                (Language::English, true) => "Yes".to_owned(),
                (Language::English, false) => "No".to_owned(),
            })
        }
        FieldKind::Number => number(value, language),
        FieldKind::Phone
        | FieldKind::Email
        | FieldKind::Owner
        | FieldKind::Text
        | FieldKind::Choice
        | FieldKind::Id => text(value),
    }
}

/// The value of one of the variables that every text may use.
pub(super) fn variable(name: &str, facts: &Value, language: Language) -> Option<String> {
    debug_assert!(VARIABLES.iter().any(|one| one.name == name), "{name}");
    match name {
        "name" | "name.full" => text(facts.get("name")?.get("full")?),
        "name.given" => text(facts.get("name")?.get("given")?),
        "name.title" => text(facts.get("name")?.get("title")?),
        "budget" => money(facts.get("budget")?, language),
        "received" | "appointment" | "birthday" => date(facts.get(name)?.as_str()?),
        "owner.email" => text(facts.get("owner_email")?),
        _ => text(facts.get(name)?),
    }
}

/// With the title that the cell has: `Chị Lan Anh`.
fn name(value: &Value) -> Option<String> {
    let full = text(value.get("full")?)?;
    // A colleague may write “Em”, a company may not say it.
    let title = value
        .get("title")
        .and_then(text)
        .filter(|title| title != "Em");
    Some(match title {
        Some(title) => format!("{title} {full}"),
        None => full,
    })
}

/// As typed, where somebody typed words; else in the words of the trade.
fn money(value: &Value, language: Language) -> Option<String> {
    if let Some(typed) = value.get("text").and_then(text) {
        return Some(typed);
    }
    money_of(&convert("budget", value), language).ok()
}

/// `25/11/2026`, `25/11/2026 9:00`.
pub(super) fn date(iso: &str) -> Option<String> {
    let (day, time) = match iso.split_once('T') {
        Some((day, time)) => (day, Some(time)),
        None => (iso, None),
    };
    let day: jiff::civil::Date = day.parse().ok()?;
    let shown = day.strftime("%d/%m/%Y").to_string();
    let Some(time) = time else { return Some(shown) };
    let time: jiff::civil::Time = time.get(..8)?.parse().ok()?;
    Some(format!("{shown} {}:{:02}", time.hour(), time.minute()))
}

fn number(value: &Value, language: Language) -> Option<String> {
    let shown = value.as_f64().map(|_| value.to_string())?;
    let plain = shown.strip_suffix(".0").unwrap_or(&shown);
    Some(match language {
        Language::Vietnamese => plain.replace('.', ","),
        Language::English => plain.to_owned(),
    })
}

fn text(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
