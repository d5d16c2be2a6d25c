//! Whose row is whose, on 20 000 rows of which 20 were edited and 200 moved, side by side with the
//! csv-diff crate (keyed by phone): `cargo bench --bench matching`.
//!
//! csv-diff pairs rows by a key column and says which lines differ; rows that only moved it reports
//! as no difference, as we do, and an edited key as one row removed and one added.

#![allow(clippy::print_stdout)] // the table is the output
#![allow(missing_docs, unreachable_pub)]

#[path = "poll/sheet.rs"]
#[allow(dead_code)]
mod sheet;

use std::collections::{BTreeSet, HashSet};
use std::hint::black_box;
use std::io::Cursor;
use std::time::{Duration, Instant};

use csv_diff::csv::Csv;
use csv_diff::csv_diff::CsvByteDiffLocalBuilder;
use csv_diff::diff_row::DiffByteRecord;
use sheetbridge::core::identity::{
    Context, FieldInfo, Matching, Row, fingerprint, match_content, match_leftover, match_rows,
    prints,
};
use sheetbridge::core::record::Cells;
use sheetbridge::core::sheet::{Cell, FieldKind};

const ROWS: usize = 20_000;
const EDITS: usize = 20;
const ROUNDS: usize = 15;

/// The columns that are compared, with the place of each in a generated customer.
const FIELDS: [(&str, FieldKind); 11] = [
    ("name", FieldKind::Name),
    ("phone", FieldKind::Phone),
    ("email", FieldKind::Email),
    ("stage", FieldKind::Stage),
    ("owner", FieldKind::Owner),
    ("source", FieldKind::Text),
    ("budget", FieldKind::Money),
    ("area", FieldKind::Text),
    ("interest", FieldKind::Text),
    ("received", FieldKind::Date),
    ("note", FieldKind::Text),
];

/// The sheet as texts: every customer with a phone of their own.
fn sheet() -> Vec<Vec<String>> {
    (0..ROWS)
        .map(|number| {
            let mut cells = sheet::customer(number, false)[..FIELDS.len()].to_vec();
            cells[1] = format!("09{number:08}");
            cells
        })
        .collect()
}

/// The same later: every thousandth note edited, and every hundredth row dragged elsewhere.
fn edited(mut rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    for row in rows.iter_mut().step_by(ROWS / EDITS) {
        row[10].push_str(" - đã gọi lại");
    }
    for from in (50..ROWS).step_by(100) {
        let row = rows.remove(from);
        rows.insert((from * 7 + 13) % (ROWS - 1), row);
    }
    rows
}

fn rows_of(sheet: &[Vec<String>]) -> Vec<Row> {
    (2_u32..)
        .zip(sheet)
        .map(|(row, cells)| Row {
            tab: 0,
            row,
            cells: FIELDS
                .iter()
                .zip(cells)
                .map(|((id, _), text)| ((*id).into(), Cell::Text(text.into())))
                .collect::<Cells>(),
        })
        .collect()
}

fn csv_of(sheet: &[Vec<String>]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(FIELDS.map(|(id, _)| id))
        .expect("a Vec takes every byte");
    for row in sheet {
        writer.write_record(row).expect("a Vec takes every byte");
    }
    writer.into_inner().expect("a Vec takes every byte")
}

/// The middle of several runs.
fn median(mut run: impl FnMut()) -> Duration {
    run(); // warms up
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let from = Instant::now();
            run();
            from.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[ROUNDS / 2]
}

fn main() {
    let fields: Vec<FieldInfo> = FIELDS
        .iter()
        .map(|(id, kind)| FieldInfo::new(*id, *kind))
        .collect();
    let first = sheet();
    let second = edited(first.clone());
    let (before, after) = (rows_of(&first), rows_of(&second));
    let (before_prints, after_prints) = (prints(&before, &fields), prints(&after, &fields));
    let (left, right) = (csv_of(&first), csv_of(&second));

    // As a poll does it: fingerprints of both are there, the cells of what is left over are looked at.
    let poll = || -> Matching {
        let content = match_content(&before_prints, &after_prints);
        let pick = |rows: &[Row], at: &[usize]| -> Vec<Row> {
            at.iter().map(|&at| rows[at].clone()).collect()
        };
        match_leftover(
            &content,
            &pick(&before, &content.before_left),
            &pick(&after, &content.after_left),
            &Context::default(),
            &fields,
        )
    };
    let differ = CsvByteDiffLocalBuilder::new()
        .primary_key_columns(HashSet::from([1]))
        .build()
        .expect("a pool of threads");
    let lines = || {
        differ
            .diff(
                Csv::with_reader_seek(Cursor::new(left.as_slice())),
                Csv::with_reader_seek(Cursor::new(right.as_slice())),
            )
            .expect("both are CSV")
    };

    let ours = poll();
    let said: BTreeSet<usize> = ours
        .pairs
        .iter()
        .filter(|pair| before_prints[pair.before].hash != after_prints[pair.after].hash)
        .map(|pair| pair.before)
        .collect();
    let moved = ours
        .pairs
        .windows(2)
        .filter(|two| two[0].before > two[1].before)
        .count();
    assert_eq!(said.len(), EDITS);
    assert!(ours.added.is_empty() && ours.removed.is_empty() && ours.ambiguous.is_empty());
    let theirs = lines();
    let modified = theirs
        .as_slice()
        .iter()
        .filter(|row| matches!(row, DiffByteRecord::Modify { .. }))
        .count();
    assert_eq!(modified, EDITS);

    let csv_diff = median(|| drop(black_box(lines())));
    let rows = [
        ("csv-diff, keyed by phone, from CSV in memory", csv_diff),
        (
            "matching alone, as a poll does it",
            median(|| drop(black_box(poll()))),
        ),
        (
            "fingerprints of the new rows, then matching",
            median(|| {
                for row in &after {
                    black_box(fingerprint(&row.cells, &fields));
                }
                drop(black_box(poll()));
            }),
        ),
        (
            "both sides from cells (match_rows)",
            median(|| {
                drop(black_box(match_rows(
                    &before,
                    &after,
                    &Context::default(),
                    &fields,
                )));
            }),
        ),
    ];
    println!(
        "{ROWS} rows x {} columns, {EDITS} edited, {moved} breaks in the order by moved rows",
        FIELDS.len()
    );
    println!("{:<48} {:>9} {:>18}", "", "ms", "csv-diff / this");
    for (name, time) in rows {
        println!(
            "{name:<48} {:>9.2} {:>18.2}",
            time.as_secs_f64() * 1_000.0,
            csv_diff.as_secs_f64() / time.as_secs_f64()
        );
    }
}
