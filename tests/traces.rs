//! Every row-identity trace in `tests/data/traces`, marked as its README says.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use sheetbridge::core::identity::{Context, FieldInfo, Matching, Row, changed_fields, match_rows};
use sheetbridge::core::sheet::header::{Binding, Header};
use sheetbridge::core::sheet::rows::{RowKind, bind_row, kind_of_row};
use sheetbridge::core::sheet::stage::StageTable;
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

/// The field that a column of the traces is, as the configuration would say.
fn field_of(column: &str) -> (&str, FieldKind) {
    match column {
        "Họ tên" => ("name", FieldKind::Name),
        "SĐT" => ("phone", FieldKind::Phone),
        "Email" => ("email", FieldKind::Email),
        "Giai đoạn" => ("stage", FieldKind::Stage),
        "NV phụ trách" => ("owner", FieldKind::Owner),
        "Ngân sách" => ("budget", FieldKind::Money),
        "Loại BĐS" => ("interest", FieldKind::Text),
        "Khu vực" => ("area", FieldKind::Text),
        "Ghi chú" => ("note", FieldKind::Text),
        other => (other, FieldKind::Text),
    }
}

/// The customer rows of a poll; `row` is the position in the trace.
fn rows(
    grid: &[Vec<Option<Cell>>],
    columns: &[String],
    aliases: &BTreeMap<String, String>,
    fields: &[FieldInfo],
) -> Vec<Row> {
    let bound = columns
        .iter()
        .enumerate()
        .filter_map(|(column, header)| {
            let (id, _) = field_of(aliases.get(header).unwrap_or(header));
            let binding = Binding {
                column,
                header: header.clone(),
            };
            fields
                .iter()
                .any(|field| field.id == id)
                .then(|| (id.to_owned(), binding))
        })
        .collect();
    let header = Header::new(0, bound, columns.to_vec());
    let stages = StageTable::default();
    (0_u32..)
        .zip(grid)
        .filter_map(|(position, line)| {
            let raw: Vec<Cell> = line
                .iter()
                .map(|cell| cell.clone().unwrap_or_default())
                .collect();
            let cells = bind_row(&raw, &header);
            let kind = kind_of_row(&cells, &raw, &header, &stages);
            (kind == RowKind::Customer).then_some(Row {
                tab: 0,
                row: position,
                cells,
            })
        })
        .collect()
}

fn match_trace(trace: &Trace) -> (Matching, Vec<Row>, Vec<Row>, Vec<FieldInfo>) {
    let fields: Vec<FieldInfo> = trace
        .columns
        .iter()
        .map(|column| {
            let (id, kind) = field_of(column);
            FieldInfo::new(id, kind)
        })
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
            let columns = trace.columns.iter();
            let changed = columns
                .filter(|column| changed.iter().any(|id| id == field_of(column).0))
                .cloned()
                .collect();
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

/// Written here, by the same rules, to be the adversary of the matcher: each says in `note` what was done.
#[test]
fn our_own_hand_written_traces_are_right() {
    check(include_str!("data/traces/ours.jsonl"), 183);
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
        include_str!("data/traces/ours.jsonl"),
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
