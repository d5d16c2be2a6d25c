//! Every row-identity trace in `tests/data/traces`, marked as its README says.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use sheetbridge::core::identity::{Context, FieldInfo, Matching, Row, changed_fields, match_rows};
use sheetbridge::core::record::Cells;
use sheetbridge::core::sheet::{Cell, FieldKind};

/// Hand-written traces held to be wrong, each with the reason. None is.
const HELD_TO_BE_WRONG: [(&str, &str); 0] = [];

#[derive(Deserialize)]
struct Trace {
    name: String,
    columns: Vec<String>,
    #[serde(default)]
    columns_after: Option<Vec<String>>,
    #[serde(default)]
    aliases: BTreeMap<String, String>,
    before: Vec<Vec<Option<Cell>>>,
    after: Vec<Vec<Option<Cell>>>,
    expect: Expect,
}

#[derive(Deserialize)]
struct Expect {
    added: Vec<usize>,
    removed: Vec<usize>,
    changed: Vec<(usize, usize, Vec<String>)>,
    ambiguous: Vec<Riddle>,
}

#[derive(Deserialize)]
struct Riddle {
    before: BTreeSet<usize>,
    after: BTreeSet<usize>,
    #[serde(default)]
    one_of: Vec<Reading>,
}

#[derive(Deserialize)]
struct Reading {
    added: Vec<usize>,
    removed: Vec<usize>,
    changed: Vec<(usize, usize, Vec<String>)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Added(usize),
    Removed(usize),
    Changed(usize, usize, Vec<String>),
}

fn events(
    added: &[usize],
    removed: &[usize],
    changed: &[(usize, usize, Vec<String>)],
) -> BTreeSet<Event> {
    let added = added.iter().map(|&row| Event::Added(row));
    let removed = removed.iter().map(|&row| Event::Removed(row));
    let changed = changed
        .iter()
        .map(|(before, after, fields)| Event::Changed(*before, *after, fields.clone()));
    added.chain(removed).chain(changed).collect()
}

/// What the sheet's reader makes of the traces' headers.
fn kind_of(column: &str) -> FieldKind {
    match column {
        "Họ tên" => FieldKind::Name,
        "SĐT" => FieldKind::Phone,
        "Email" => FieldKind::Email,
        "Giai đoạn" => FieldKind::Stage,
        "NV phụ trách" => FieldKind::Owner,
        "Ngân sách" => FieldKind::Money,
        _ => FieldKind::Text,
    }
}

/// The customer rows of a poll; `row` is the position in the trace.
fn rows(
    grid: &[Vec<Option<Cell>>],
    columns: &[String],
    aliases: &BTreeMap<String, String>,
    fields: &[FieldInfo],
) -> Vec<Row> {
    let ids: Vec<&String> = columns
        .iter()
        .map(|column| aliases.get(column).unwrap_or(column))
        .collect();
    let mut found = Vec::new();
    for (position, line) in (0_u32..).zip(grid) {
        let cells: Cells = ids
            .iter()
            .zip(line)
            .filter(|(id, _)| fields.iter().any(|field| field.id == ***id))
            .filter_map(|(id, cell)| {
                let cell = cell.clone().unwrap_or_default();
                let blank = match &cell {
                    Cell::Empty => true,
                    Cell::Text(text) => text.trim().is_empty(),
                    Cell::Bool(_) | Cell::Number(_) => false,
                };
                (!blank).then(|| ((*id).clone(), cell))
            })
            .collect();
        if is_customer(&cells, &ids) {
            found.push(Row {
                tab: 0,
                row: position,
                cells,
            });
        }
    }
    found
}

/// Blank rows, titles, totals and repeated headers are no customers.
fn is_customer(cells: &Cells, columns: &[&String]) -> bool {
    let texts: Vec<&str> = cells
        .values()
        .filter_map(|cell| match cell {
            Cell::Text(text) => Some(text.trim()),
            Cell::Empty | Cell::Bool(_) | Cell::Number(_) => None,
        })
        .collect();
    let header = texts.len() > 2 && texts.iter().all(|text| columns.iter().any(|c| c == text));
    let Some(first) = texts.first().filter(|_| cells.len() == 1) else {
        return !cells.is_empty() && !header;
    };
    let lower = first.to_lowercase();
    let title =
        lower.starts_with("tháng") || lower.starts_with("tổng") || lower.starts_with("cộng");
    !title
}

fn match_trace(trace: &Trace) -> (Matching, Vec<Row>, Vec<Row>, Vec<FieldInfo>) {
    let fields: Vec<FieldInfo> = trace
        .columns
        .iter()
        .map(|column| FieldInfo::new(column.clone(), kind_of(column)))
        .collect();
    let before = rows(&trace.before, &trace.columns, &BTreeMap::new(), &fields);
    let columns_after = trace.columns_after.as_ref().unwrap_or(&trace.columns);
    let after = rows(&trace.after, columns_after, &trace.aliases, &fields);
    let found = match_rows(&before, &after, &Context::default(), &fields);
    (found, before, after, fields)
}

fn reported(trace: &Trace) -> (BTreeSet<Event>, Matching) {
    let (found, before, after, fields) = match_trace(trace);
    let old = |at: usize| before[at].row as usize;
    let new = |at: usize| after[at].row as usize;
    let mut all = BTreeSet::new();
    all.extend(found.added.iter().map(|&a| Event::Added(new(a))));
    all.extend(found.removed.iter().map(|&b| Event::Removed(old(b))));
    for pair in &found.pairs {
        let changed = changed_fields(
            &before[pair.before].cells,
            &after[pair.after].cells,
            &fields,
        );
        if !changed.is_empty() {
            all.insert(Event::Changed(old(pair.before), new(pair.after), changed));
        }
    }
    (all, found)
}

/// Marks one trace: what is false and what is missed, as text.
fn mark(trace: &Trace) -> Vec<String> {
    let expected = events(
        &trace.expect.added,
        &trace.expect.removed,
        &trace.expect.changed,
    );
    let (found, matching) = reported(trace);
    let mut wrong: Vec<String> = expected
        .difference(&found)
        .map(|event| format!("{}: missed {event:?}", trace.name))
        .collect();
    for event in found.difference(&expected) {
        let touches = |riddle: &&Riddle| match event {
            Event::Added(row) => riddle.after.contains(row),
            Event::Removed(row) => riddle.before.contains(row),
            Event::Changed(before, after, _) => {
                riddle.before.contains(before) || riddle.after.contains(after)
            }
        };
        let excused = trace
            .expect
            .ambiguous
            .iter()
            .find(touches)
            .is_some_and(|riddle| {
                let on_it: BTreeSet<Event> = found
                    .iter()
                    .filter(|event| match event {
                        Event::Added(row) => riddle.after.contains(row),
                        Event::Removed(row) => riddle.before.contains(row),
                        Event::Changed(before, after, _) => {
                            riddle.before.contains(before) || riddle.after.contains(after)
                        }
                    })
                    .cloned()
                    .collect();
                riddle.one_of.iter().any(|reading| {
                    on_it.is_subset(&events(&reading.added, &reading.removed, &reading.changed))
                })
            });
        if !excused {
            wrong.push(format!("{}: false {event:?}", trace.name));
        }
    }
    if !wrong.is_empty() {
        wrong.extend(
            matching
                .ambiguous
                .iter()
                .map(|group| format!("    {group:?}")),
        );
    }
    wrong
}

fn traces(text: &str) -> Vec<Trace> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a trace a line"))
        .collect()
}

fn check(text: &str, count: usize) {
    let all = traces(text);
    assert_eq!(all.len(), count);
    let wrong: Vec<String> = all
        .iter()
        .filter(|trace| HELD_TO_BE_WRONG.iter().all(|(name, _)| *name != trace.name))
        .flat_map(mark)
        .collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_hand_written_traces_are_right() {
    check(include_str!("data/traces/edits.jsonl"), 69);
}

#[test]
fn the_large_traces_have_no_false_and_no_missed_event() {
    check(include_str!("data/traces/edits_large.jsonl"), 10);
}

/// Groups are reported only where the traces allow them.
#[test]
fn nothing_else_is_called_ambiguous() {
    let text = [
        include_str!("data/traces/edits.jsonl"),
        include_str!("data/traces/edits_large.jsonl"),
    ];
    let mut wrong = Vec::new();
    for trace in text.into_iter().flat_map(traces) {
        let (found, before, after, _) = match_trace(&trace);
        for group in found.ambiguous {
            let allowed = trace.expect.ambiguous.iter().any(|riddle| {
                group
                    .before
                    .iter()
                    .all(|&b| riddle.before.contains(&(before[b].row as usize)))
                    && group
                        .after
                        .iter()
                        .all(|&a| riddle.after.contains(&(after[a].row as usize)))
            });
            if !allowed {
                wrong.push(format!("{}: {group:?}", trace.name));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
