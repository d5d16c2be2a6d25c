//! The facts of a record: the one context that conditions and templates see, as JSON.
//!
//! This module only lays out what is already known; reading cells is `sheet`'s, deciding by the
//! facts is `condition`'s and `decide`'s, putting them into words is the template's. Columns that
//! are marked private are left out here, so nothing behind this point can show them.
//!
//! Top-level names, all of them always there, `null` when they have no value:
//!
//! | name | what |
//! |---|---|
//! | `name` | `{full, given, title}` |
//! | `greeting`, `pronoun` | `"Anh An"`, `"anh"`; `"Anh/Chị An"`, `"anh/chị"` when the gender is unknown; `"Anh/Chị"` when no name is clear |
//! | `phone`, `phone_e164`, `phones` | first number as people write it (`0901 234 567`), the same as `+84901234567`, all of them in that form |
//! | `email`, `emails` | first address, all addresses |
//! | `budget` | `{min, max, text}` in VND, `text` as typed |
//! | `stage`, `stage_label`, `stage_since`, `stage_days` | id, label, local ISO time, calendar days since |
//! | `engagement`, `cooling` | `hot`, `warm`, `cooling` or `cold` while the deal is open; whether it is `cooling` |
//! | `owner`, `owners` | first in charge, all in charge |
//! | `area`, `interest`, `source`, `note` | text |
//! | `received`, `appointment`, `birthday` | ISO date or local time, comparable as text with `now` |
//! | `no_ads`, `consent` | true or false |
//! | the admin's own fields | by field id |
//! | `cells` | `{header: text}` of every bound column that is not private |
//! | `record`, `row`, `tab`, `sheet_url` | record id, the sheet's row number, tab title, address of the row |
//! | `now`, `today` | local ISO time without offset, ISO date |
//! | `company` | `{name, address, phone, email, website}` from the configuration |
//! | `event` | what is known only at the event, see [`message::EventFacts`] |
//!
//! Messages that speak of more than one record add one of [`MESSAGE_NAMES`] through `extra`.

pub mod digest;
pub mod message;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value, json};

use super::insight::Engagement;
use super::record::{Cells, RecordId};
use super::sheet::Cell;

/// The standard fields of a record, which are the names of columns that may be bound.
pub const STANDARD_FIELDS: &[&str] = &[
    "name",
    "phone",
    "email",
    "budget",
    "stage",
    "owner",
    "area",
    "interest",
    "source",
    "note",
    "received",
    "appointment",
    "birthday",
    "no_ads",
    "consent",
];

/// The further names that the facts of a record hold, made from its fields and its surroundings.
pub const DERIVED_NAMES: &[&str] = &[
    "greeting",
    "pronoun",
    "phone_e164",
    "phones",
    "emails",
    "stage_label",
    "stage_since",
    "stage_days",
    "engagement",
    "cooling",
    "owners",
    "cells",
    "record",
    "row",
    "tab",
    "sheet_url",
    "now",
    "today",
    "company",
    "event",
];

/// Names that only some messages have: a digest, a held batch, and so on. See [`digest`] and [`message`].
pub const MESSAGE_NAMES: &[&str] = &[
    "digest", "insight", "claim", "earlier", "proposal", "doubt", "flood", "handover", "held",
    "hold", "kept", "mailing", "promise", "trouble", "findings", "optout", "reached", "refusal",
    "rest", "staff", "trial",
];

/// The names that have parts of their own, and the parts. A missing one still has (empty) parts, so
/// that `{{ name.given | default('…') }}` works for a row without a name.
pub const PARTS: &[(&str, &[&str])] = &[
    ("name", &["full", "given", "title"]),
    ("budget", &["min", "max", "text"]),
    ("company", &["name", "address", "phone", "email", "website"]),
];

/// One record, as the facts need it.
#[derive(Clone, Debug)]
pub struct RecordFacts<'a> {
    /// The record's id.
    pub id: &'a RecordId,
    /// The bound cells, raw.
    pub cells: &'a Cells,
    /// The typed values by field id, in the JSON shapes of `records --json`; what could not be read is null or absent.
    pub values: &'a BTreeMap<String, Value>,
    /// The stage that clocks go by (the last known one); without it the typed value counts.
    pub stage: Option<&'a str>,
    /// When that stage was entered, if anyone can know.
    pub stage_since: Option<Timestamp>,
    /// How lively the contact is; none if the deal has ended.
    pub engagement: Option<Engagement>,
    /// The row number as the sheet shows it.
    pub row: u32,
    /// Title of the tab.
    pub tab: &'a str,
    /// Address that opens the row in the sheet.
    pub sheet_url: Option<&'a str>,
}

/// Everything that [`facts`] puts together.
#[derive(Clone, Debug)]
pub struct FactsInput<'a> {
    /// The record, or none for schedules and for messages about the machine.
    pub record: Option<RecordFacts<'a>>,
    /// Header text by field id, for every bound column.
    pub headers: &'a BTreeMap<String, String>,
    /// Ids of the fields that are private.
    pub private: &'a BTreeSet<String>,
    /// Label by stage id.
    pub stage_labels: &'a BTreeMap<String, String>,
    /// The time of the look.
    pub now: Timestamp,
    /// The configured time zone.
    pub zone: &'a TimeZone,
    /// The `[company]` section as an object, or null.
    pub company: &'a Value,
    /// What is known only at the event; an object, or null.
    pub event: &'a Value,
    /// Further top-level names of this message, each one of [`MESSAGE_NAMES`].
    pub extra: BTreeMap<String, Value>,
}

/// Puts the facts together: an object with the names in this module's table. Never fails: what is
/// missing is null, an empty text counts as missing, and a private field has no value or is not there at all.
pub fn facts(input: &FactsInput<'_>) -> Value {
    let now = input.now.to_zoned(input.zone.clone());
    let mut out = Map::new();
    for field in STANDARD_FIELDS.iter().chain(DERIVED_NAMES) {
        out.insert((*field).to_owned(), Value::Null);
    }
    for field in input.headers.keys() {
        out.insert(field.clone(), Value::Null);
    }
    if let Some(record) = &input.record {
        put_fields(&mut out, input, record);
        put_person(&mut out);
        put_stage(&mut out, input, record);
        let class = record.engagement.map(Engagement::as_str);
        out.insert("engagement".into(), json!(class));
        let cooling = record.engagement == Some(Engagement::Cooling);
        out.insert("cooling".into(), cooling.into());
        out.insert("cells".into(), cell_texts(input, record));
        out.insert("record".into(), record.id.as_str().into());
        out.insert("row".into(), record.row.into());
        out.insert("tab".into(), record.tab.into());
        out.insert("sheet_url".into(), json!(record.sheet_url));
    }
    out.insert("now".into(), local_text(now.datetime()).into());
    out.insert("today".into(), now.date().to_string().into());
    out.insert("company".into(), input.company.clone());
    out.insert("event".into(), input.event.clone());
    for (name, value) in &input.extra {
        out.insert(name.clone(), value.clone());
    }
    for field in input.private {
        // A standard name stays known, without a value: shipped templates ask for it.
        if STANDARD_FIELDS.contains(&field.as_str()) {
            out.insert(field.clone(), Value::Null);
        } else {
            out.remove(field);
        }
    }
    let mut value = Value::Object(out);
    empty_text_is_nothing(&mut value);
    value
}

/// Every top-level name that a template or condition may use, given the ids of the bound fields.
/// A private field of the admin's own is unknown on purpose; a private standard field never has a value.
pub fn known_names(fields: &BTreeSet<String>, private: &BTreeSet<String>) -> BTreeSet<String> {
    STANDARD_FIELDS
        .iter()
        .chain(DERIVED_NAMES)
        .chain(MESSAGE_NAMES)
        .map(|name| (*name).to_owned())
        .chain(
            fields
                .iter()
                .filter(|name| !private.contains(*name))
                .cloned(),
        )
        .collect()
}

fn put_fields(out: &mut Map<String, Value>, input: &FactsInput<'_>, record: &RecordFacts<'_>) {
    for (field, value) in record.values {
        if input.private.contains(field) {
            continue;
        }
        let value = match field.as_str() {
            "name" | "stage" => value.clone(),
            "phone" => {
                put_phones(out, value);
                continue;
            }
            "email" => {
                let all = texts(value);
                out.insert("emails".into(), json!(all));
                json!(all.first())
            }
            "owner" => {
                let all = texts(value);
                out.insert("owners".into(), json!(all));
                json!(all.first())
            }
            "budget" => money(value, record.cells.get("budget")),
            _ => plain(value),
        };
        out.insert(field.clone(), value);
    }
    // A budget that could not be read is still worth showing to staff as it was typed.
    if out["budget"].is_null() && !input.private.contains("budget") {
        out.insert(
            "budget".into(),
            money(&Value::Null, record.cells.get("budget")),
        );
    }
    for field in ["area", "interest", "source", "note"] {
        if out.get(field).is_some_and(Value::is_null)
            && let Some(cell) = record.cells.get(field)
            && !record.values.contains_key(field)
        {
            out.insert(field.into(), json!(cell_text(cell)));
        }
    }
}

fn put_phones(out: &mut Map<String, Value>, value: &Value) {
    let all = phone_numbers(value);
    out.insert("phone_e164".into(), json!(all.first()));
    let shown: Vec<String> = all.iter().map(|number| national_phone(number)).collect();
    out.insert("phone".into(), json!(shown.first()));
    out.insert("phones".into(), json!(shown));
}

/// The numbers of a phone value: `{"e164": ["+84…"]}` or a bare list or text.
fn phone_numbers(value: &Value) -> Vec<String> {
    texts(value.get("e164").unwrap_or(value))
}

/// How the customer is addressed. A title stands only before a name; without a clear name, or with
/// "Em" (which a colleague may write, but a company may not say), the open form is the polite one.
fn put_person(out: &mut Map<String, Value>) {
    let part = |key: &str| out["name"].get(key).and_then(Value::as_str);
    let given = part("given").filter(|given| !given.trim().is_empty());
    let title = part("title").filter(|title| *title != "Em" && !title.trim().is_empty());
    let (greeting, pronoun) = match (given, title) {
        (Some(given), Some(title)) => (format!("{title} {given}"), title.to_lowercase()),
        (Some(given), None) => (format!("Anh/Chị {given}"), "anh/chị".to_owned()),
        (None, _) => ("Anh/Chị".to_owned(), "anh/chị".to_owned()),
    };
    out.insert("greeting".into(), greeting.into());
    out.insert("pronoun".into(), pronoun.into());
}

fn put_stage(out: &mut Map<String, Value>, input: &FactsInput<'_>, record: &RecordFacts<'_>) {
    let stage = record
        .stage
        .map(str::to_owned)
        .or_else(|| out["stage"].as_str().map(str::to_owned));
    let label = stage
        .as_ref()
        .and_then(|stage| input.stage_labels.get(stage));
    out.insert("stage_label".into(), json!(label));
    out.insert("stage".into(), json!(stage));
    if let Some(since) = record.stage_since {
        let since = since.to_zoned(input.zone.clone()).datetime();
        let today = input.now.to_zoned(input.zone.clone()).date();
        let days = since
            .date()
            .until(today)
            .map_or(0, |span| i64::from(span.get_days()));
        out.insert("stage_since".into(), local_text(since).into());
        out.insert("stage_days".into(), days.max(0).into());
    }
}

fn cell_texts(input: &FactsInput<'_>, record: &RecordFacts<'_>) -> Value {
    let mut cells = Map::new();
    for (field, header) in input.headers {
        if input.private.contains(field) {
            continue;
        }
        let text = record
            .cells
            .get(field.as_str())
            .and_then(|cell| match cell {
                // A date comes as a serial number, which means nothing to a reader.
                Cell::Number(_) => record
                    .values
                    .get(field)
                    .and_then(Value::as_str)
                    .and_then(shown_date)
                    .or_else(|| cell_text(cell)),
                _ => cell_text(cell),
            });
        cells.insert(header.clone(), json!(text));
    }
    Value::Object(cells)
}

/// A local time as ISO text to the second, without offset: comparable as text with dates and times of cells.
pub fn local_text(at: civil::DateTime) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// A number in E.164 as Vietnamese write it: `+84901234567` is `0901 234 567`, `+842838229999` is
/// `028 3822 9999`. Foreign numbers and other texts stay as they are.
pub fn national_phone(e164: &str) -> String {
    let Some(rest) = e164.strip_prefix("+84") else {
        return e164.to_owned();
    };
    let digits = format!("0{rest}");
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return e164.to_owned();
    }
    // Hà Nội (024) and Hồ Chí Minh City (028) have three-digit area codes and eight-digit numbers.
    let two_cities = digits.starts_with("024") || digits.starts_with("028");
    let cuts: &[usize] = match digits.len() {
        11 if two_cities => &[3, 7],
        11 => &[4, 8],
        10 => &[4, 7],
        _ => return digits,
    };
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if cuts.contains(&place) {
            shown.push(' ');
        }
        shown.push(digit);
    }
    shown
}

fn money(value: &Value, cell: Option<&Cell>) -> Value {
    let text = cell.and_then(|cell| match cell {
        Cell::Text(_) => cell_text(cell),
        _ => None,
    });
    let (min, max) = (value.get("min"), value.get("max"));
    let some = |bound: Option<&Value>| bound.is_some_and(|bound| !bound.is_null());
    if !some(min) && !some(max) && text.is_none() {
        return Value::Null;
    }
    json!({"min": min, "max": max, "text": text})
}

/// The admin's own fields: a phone becomes its first number as people write it, the rest is as typed.
fn plain(value: &Value) -> Value {
    if value.get("e164").is_some() {
        return json!(
            phone_numbers(value)
                .first()
                .map(|e164| national_phone(e164))
        );
    }
    value.clone()
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if !text.is_empty() => vec![text.clone()],
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

fn cell_text(cell: &Cell) -> Option<String> {
    let text = match cell {
        Cell::Empty => return None,
        Cell::Bool(yes) => (if *yes { "TRUE" } else { "FALSE" }).to_owned(),
        // Whole numbers print without a fraction: an f64's Display does that.
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) => text.trim().to_owned(),
    };
    (!text.is_empty()).then_some(text)
}

fn shown_date(iso: &str) -> Option<String> {
    if let Some((date, _)) = iso.split_once('T') {
        let date: civil::Date = date.parse().ok()?;
        let at: civil::DateTime = iso.parse().ok()?;
        return Some(format!(
            "{} {}",
            date.strftime("%d/%m/%Y"),
            at.strftime("%H:%M")
        ));
    }
    let date: civil::Date = iso.parse().ok()?;
    Some(date.strftime("%d/%m/%Y").to_string())
}

fn empty_text_is_nothing(value: &mut Value) {
    match value {
        Value::String(text) if text.trim().is_empty() => *value = Value::Null,
        Value::Array(items) => items.iter_mut().for_each(empty_text_is_nothing),
        Value::Object(map) => map.values_mut().for_each(empty_text_is_nothing),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(values: &[(&str, Value)], cells: &[(&str, Cell)], private: &[&str]) -> Value {
        let id = RecordId::new("r-1");
        let cells: Cells = cells
            .iter()
            .map(|(field, cell)| ((*field).into(), cell.clone()))
            .collect();
        let values: BTreeMap<String, Value> = values
            .iter()
            .map(|(field, value)| ((*field).to_owned(), value.clone()))
            .collect();
        let headers = [
            ("name", "Họ tên"),
            ("appointment", "Ngày hẹn"),
            ("budget", "Ngân sách"),
            ("commission", "Hoa hồng"),
        ]
        .map(|(field, header)| (field.to_owned(), header.to_owned()))
        .into();
        facts(&FactsInput {
            record: Some(RecordFacts {
                id: &id,
                cells: &cells,
                values: &values,
                stage: Some("consulting"),
                stage_since: Some("2026-11-15T20:00:00Z".parse().unwrap()),
                engagement: None,
                row: 17,
                tab: "Khách hàng",
                sheet_url: None,
            }),
            headers: &headers,
            private: &private.iter().map(|field| (*field).to_owned()).collect(),
            stage_labels: &[("consulting".to_owned(), "Đang tư vấn".to_owned())].into(),
            now: "2026-11-21T02:00:00Z".parse().unwrap(),
            zone: &TimeZone::get("Asia/Ho_Chi_Minh").unwrap(),
            company: &json!({"name": "Queenland", "address": ""}),
            event: &Value::Null,
            extra: BTreeMap::new(),
        })
    }

    #[test]
    fn the_greeting_follows_title_and_name() {
        for (name, greeting, pronoun) in [
            (
                json!({"full": "Nguyễn Văn An", "given": "An", "title": "Anh"}),
                "Anh An",
                "anh",
            ),
            (
                json!({"full": "Lan", "given": "Lan", "title": "Chị"}),
                "Chị Lan",
                "chị",
            ),
            (
                json!({"full": "An", "given": "An", "title": null}),
                "Anh/Chị An",
                "anh/chị",
            ),
            (
                json!({"full": "Trang", "given": "Trang", "title": "Em"}),
                "Anh/Chị Trang",
                "anh/chị",
            ),
            (
                json!({"full": "Nam - Lan", "given": null, "title": "Anh"}),
                "Anh/Chị",
                "anh/chị",
            ),
            (Value::Null, "Anh/Chị", "anh/chị"),
        ] {
            let facts = look(&[("name", name.clone())], &[], &[]);
            assert_eq!(facts["greeting"], greeting, "{name}");
            assert_eq!(facts["pronoun"], pronoun, "{name}");
        }
    }

    #[test]
    fn phones_are_shown_as_people_write_them() {
        for (e164, shown) in [
            ("+84901234567", "0901 234 567"),
            ("+842838229999", "028 3822 9999"),
            ("+842363822123", "0236 3822 123"),
            ("+12025550123", "+12025550123"),
        ] {
            assert_eq!(national_phone(e164), shown);
        }
        let facts = look(
            &[("phone", json!({"e164": ["+84901234567", "+84912345678"]}))],
            &[],
            &[],
        );
        assert_eq!(facts["phone"], "0901 234 567");
        assert_eq!(facts["phone_e164"], "+84901234567");
        assert_eq!(facts["phones"][1], "0912 345 678");
    }

    #[test]
    fn a_private_field_never_has_a_value() {
        let values = [
            ("commission", json!({"min": 1, "max": 1})),
            ("budget", json!({"min": 2, "max": 2})),
        ];
        let cells = [
            ("commission", Cell::Number(50e6)),
            ("budget", Cell::Text("3 tỷ".into())),
        ];
        let facts = look(&values, &cells, &["commission", "budget"]);
        assert!(facts.get("commission").is_none() && facts["budget"].is_null());
        assert!(facts["cells"].get("Hoa hồng").is_none());
        assert!(!facts.to_string().contains("50000000") && !facts.to_string().contains("3 tỷ"));
    }

    #[test]
    fn dates_and_days_are_local_and_comparable() {
        let facts = look(
            &[("appointment", json!("2026-11-25T14:30:00"))],
            &[("appointment", Cell::Number(46351.604))],
            &[],
        );
        assert_eq!(facts["now"], "2026-11-21T09:00:00");
        assert_eq!(facts["today"], "2026-11-21");
        assert!(facts["appointment"].as_str() > facts["now"].as_str());
        assert_eq!(facts["cells"]["Ngày hẹn"], "25/11/2026 14:30");
        // 20:00 UTC on the 15th is the 16th in Vietnam.
        assert_eq!(facts["stage_days"], 5);
        assert_eq!(facts["stage_label"], "Đang tư vấn");
    }

    #[test]
    fn what_is_missing_is_null_and_empty_text_too() {
        let facts = look(&[("note", json!(""))], &[], &[]);
        for name in ["name", "email", "budget", "note", "owner", "received"] {
            assert_eq!(facts[name], Value::Null, "{name}");
        }
        assert_eq!(facts["company"]["address"], Value::Null);
        for name in STANDARD_FIELDS.iter().chain(DERIVED_NAMES) {
            assert!(facts.get(*name).is_some(), "{name}");
        }
    }

    #[test]
    fn an_unread_budget_keeps_its_words() {
        let facts = look(&[], &[("budget", Cell::Text("tuỳ căn".into()))], &[]);
        assert_eq!(
            facts["budget"],
            json!({"min": null, "max": null, "text": "tuỳ căn"})
        );
    }
}
