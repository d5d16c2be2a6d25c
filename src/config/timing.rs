//! Times, hours and limits: `timezone`, `[hours]`, `[settle]`, `[guard]`, `[keep]`, `[leads]`.

use jiff::tz::TimeZone;

use super::problem::nearest;
use super::walk::{Node, Reader, Section};
use super::{Backups, Guard, Limit, Settle, Staff};
use crate::core::calendar::{Calendar, Holidays, Hours, Turn};
use crate::core::rule::Span;
use crate::core::sheet::fold::fold;

/// `timezone` and `[hours]`.
pub(super) fn calendar(reader: &Reader<'_>, root: &Section<'_>) -> Option<Calendar> {
    let zone = zone(reader, root);
    let section = root.section(reader, "hours");
    if let Some(section) = &section {
        section.only(reader, &["work", "ads", "holidays", "duty"], &[]);
    }
    let hours = |key: &str, default: &str| match section.as_ref().and_then(|s| s.text(reader, key))
    {
        Some(text) => text.parsed(reader, "write \"Mon-Sat 08:00-18:00\"", Hours::parse),
        None => Hours::parse(default).ok(),
    };
    let work = hours("work", "Mon-Sat 08:00-18:00");
    let ads = hours("ads", "07:30-21:00");
    let holidays = holidays(
        reader,
        section.as_ref().and_then(|section| section.get("holidays")),
    );
    Some(Calendar {
        zone: zone?,
        work: work?,
        ads: ads?,
        holidays: holidays?,
        duty: Vec::new(),
    })
}

/// `[hours] duty`, the rota.
pub(super) fn duty(reader: &Reader<'_>, root: &Section<'_>, staff: &[Staff]) -> Vec<Turn> {
    let rota = root
        .section(reader, "hours")
        .and_then(|section| section.get("duty"));
    let Some(rota) = rota else {
        return Vec::new();
    };
    let turns = rota.one_or_more(reader);
    turns
        .iter()
        .filter_map(|turn| self::turn(reader, turn, staff))
        .collect()
}

fn turn(reader: &Reader<'_>, section: &Section<'_>, staff: &[Staff]) -> Option<Turn> {
    section.only(reader, &["days", "hours", "staff"], &[]);
    section.need(reader, "staff", "add staff = [\"…\"]: who is on duty then")?;
    let named = section.texts(reader, "staff");
    let names: Vec<String> = named
        .iter()
        .filter_map(|text| {
            let wanted = fold(text.text);
            let found = staff.iter().find(|person| {
                let mut words = std::iter::once(&person.name).chain(&person.aliases);
                words.any(|word| fold(word) == wanted)
            });
            if found.is_none() {
                let names = staff.iter().map(|person| person.name.as_str());
                let mend = match nearest(text.text, names) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => "write a name of [[staff]]".to_owned(),
                };
                text.wrong(reader, ", whom nobody knows: not in [[staff]]", mend);
            }
            found.map(|person| person.name.clone())
        })
        .collect();
    let hours = match section.text(reader, "hours") {
        None => None,
        Some(text) => Some(text.parsed(reader, "write \"18:00-22:00\"", Hours::parse)?),
    };
    let days = section.text(reader, "days");
    let Some(days) = days else {
        return Turn::new(None, hours, names).ok();
    };
    days.parsed(reader, "write \"Sat-Sun\" or \"T2-T6\"", |text| {
        Turn::new(Some(text), hours, names)
    })
}

fn zone(reader: &Reader<'_>, root: &Section<'_>) -> Option<TimeZone> {
    let Some(text) = root.text(reader, "timezone") else {
        return TimeZone::get("Asia/Ho_Chi_Minh").ok();
    };
    let zone = TimeZone::get(text.text).ok();
    if zone.is_none() {
        text.wrong(
            reader,
            ", not a time zone",
            "write \"Asia/Ho_Chi_Minh\" or another name of the IANA list",
        );
    }
    zone
}

/// Each entry is read on its own, so that each mistake has its place.
fn holidays(reader: &Reader<'_>, node: Option<Node<'_>>) -> Option<Holidays> {
    let Some(node) = node else {
        return Holidays::parse(&["vn".to_owned()]).ok();
    };
    let texts = node.texts(reader);
    let mut words = Vec::new();
    for text in &texts {
        let read = text.parsed(
            reader,
            "write \"vn\" or a day such as \"2026-12-24\"",
            |word| Holidays::parse(&[word.to_owned()]),
        );
        if read.is_some() {
            words.push(text.text.to_owned());
        }
    }
    Holidays::parse(&words).ok()
}

/// `[settle]`.
pub(super) fn settle(reader: &Reader<'_>, root: &Section<'_>) -> Settle {
    let section = root.section(reader, "settle");
    if let Some(section) = &section {
        section.only(reader, &["after", "removed", "incomplete"], &[]);
    }
    let span = |key, default| {
        section
            .as_ref()
            .map_or(default, |section| section.span(reader, key, default))
    };
    Settle {
        after: span("after", Span::seconds(20)),
        removed: span("removed", Span::seconds(600)),
        incomplete: span("incomplete", Span::seconds(600)),
    }
}

/// `[keep]`: how long messages are kept, and automatic backups; `backups = false` turns them off.
pub(super) fn keep(reader: &Reader<'_>, root: &Section<'_>) -> (Span, Option<Backups>) {
    let (messages, backups) = (
        Span::days(400),
        Backups {
            every: Span::days(1),
            keep: 14,
        },
    );
    let Some(section) = root.section(reader, "keep") else {
        return (messages, Some(backups));
    };
    section.only(reader, &["messages", "backups"], &[]);
    let messages = section.span(reader, "messages", messages);
    if matches!(section.get("backups"), Some(node) if node.is_false()) {
        return (messages, None);
    }
    let Some(table) = section.section(reader, "backups") else {
        return (messages, Some(backups));
    };
    table.only(reader, &["every", "keep"], &[]);
    let backups = Backups {
        every: table.span(reader, "every", backups.every),
        keep: table.count(reader, "keep").unwrap_or(backups.keep),
    };
    (messages, Some(backups))
}

/// The one time under `[leads] fresh`.
pub(super) fn only_span(
    reader: &Reader<'_>,
    root: &Section<'_>,
    heading: &str,
    key: &str,
    default: Span,
) -> Span {
    let Some(section) = root.section(reader, heading) else {
        return default;
    };
    section.only(reader, &[key], &[]);
    section.span(reader, key, default)
}

/// `[guard]`.
pub(super) fn guard(reader: &Reader<'_>, root: &Section<'_>) -> Guard {
    let mut guard = Guard {
        rows_gone: Limit {
            share: 0.20,
            at_least: 5,
        },
        messages: 50,
        error_cells: Limit {
            share: 0.05,
            at_least: 5,
        },
    };
    let Some(section) = root.section(reader, "guard") else {
        return guard;
    };
    section.only(reader, &["rows_gone", "messages", "error_cells"], &[]);
    for (key, limit) in [
        ("rows_gone", &mut guard.rows_gone),
        ("error_cells", &mut guard.error_cells),
    ] {
        if let Some(table) = section.section(reader, key) {
            table.only(reader, &["share", "at_least"], &[]);
            limit.share = table
                .get("share")
                .and_then(|node| share(reader, &node))
                .unwrap_or(limit.share);
            limit.at_least = table.count(reader, "at_least").unwrap_or(limit.at_least);
        }
    }
    guard.messages = section.count(reader, "messages").unwrap_or(guard.messages);
    guard
}

/// `"20%"` as 0.2; more than nothing and not more than all.
fn share(reader: &Reader<'_>, node: &Node<'_>) -> Option<f64> {
    const MEND: &str = "write a share from \"1%\" to \"100%\"";
    let Some(text) = node.as_text() else {
        return node.unfit(reader, "a share in quotes", MEND);
    };
    let percent = text
        .trim()
        .strip_suffix('%')
        .and_then(|number| number.trim().parse::<f64>().ok());
    match percent {
        Some(percent) if percent > 0.0 && percent <= 100.0 => Some(percent / 100.0),
        _ => node.unfit(reader, "a share from 1% to 100%", MEND),
    }
}
