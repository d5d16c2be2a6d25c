//! The readers against the vector files: every row of every file, read as written there.
//!
//! `NAME.csv` is a copy of what all share; `ours_NAME.csv` holds more cases of the same kinds and the
//! same format, worked out by hand from the rules in the README beside them.
//!
//! A row that we hold to be wrong is listed in `DISPUTED` with the reason, never special-cased in
//! the code, and at most three in a hundred.

// The lint's own exception for tests does not cover the functions beside them.
#![allow(clippy::unwrap_used)]

use sheetbridge::core::sheet::person::Part;
use sheetbridge::core::sheet::stage::{Stage, StageTable};
use sheetbridge::core::sheet::{Cell, Reading, date, email, money, person, phone, stage, yes_no};

/// (file, raw cell, why the expectation is wrong). Empty: no row is disputed.
const DISPUTED: [(&str, &str, &str); 0] = [];

type Row = std::collections::BTreeMap<String, String>;

fn rows(file: &str) -> Vec<Row> {
    let path = format!("{}/tests/data/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let mut reader = csv::ReaderBuilder::new().from_path(&path).unwrap();
    let rows: Vec<Row> = reader.deserialize().collect::<Result<_, _>>().unwrap();
    assert!(rows.len() > 30, "{file} is cut short");
    rows
}

fn cell(row: &Row) -> Cell {
    let raw = &row["raw"];
    match row.get("raw_type").map(String::as_str) {
        Some("number") => Cell::Number(raw.parse().unwrap()),
        Some("string") | None => Cell::from(raw.as_str()),
        Some(other) => panic!("raw_type {other}"),
    }
}

/// Reads every row of a file and compares; all misses are shown at once.
fn check(file: &str, expected: &[&str], read: impl Fn(&Row) -> Vec<String>) {
    let rows = rows(file);
    let mut misses = Vec::new();
    for row in &rows {
        let want: Vec<String> = expected.iter().map(|column| row[*column].clone()).collect();
        let got = read(row);
        let disputed = DISPUTED
            .iter()
            .any(|(f, raw, _)| *f == file && *raw == row["raw"]);
        if want != got && !disputed {
            misses.push(format!(
                "{:?}: want {want:?}, got {got:?} ({})",
                row["raw"], row["note"]
            ));
        }
    }
    let disputed = DISPUTED.iter().filter(|(f, ..)| *f == file).count();
    assert!(
        disputed * 100 <= rows.len() * 3,
        "{file}: too many rows disputed"
    );
    assert!(
        misses.is_empty(),
        "{file}: {} of {} rows\n{}",
        misses.len(),
        rows.len(),
        misses.join("\n")
    );
}

/// The vectors' way of writing: nothing usable is empty.
fn shown<T>(reading: Reading<T>, value: impl Fn(T) -> String) -> String {
    match reading {
        Reading::Value(v) => value(v),
        Reading::Ambiguous(_) => "ambiguous".to_owned(),
        Reading::Nothing | Reading::Bad(_) => String::new(),
    }
}

/// Both files of a kind.
fn check_both(kind: &str, expected: &[&str], read: impl Fn(&Row) -> Vec<String>) {
    check(&format!("{kind}.csv"), expected, &read);
    check(&format!("ours_{kind}.csv"), expected, &read);
}

#[test]
fn phones() {
    check_both("phones", &["expected"], |row| {
        vec![shown(phone::read(&cell(row)), |list| {
            list.iter()
                .map(phone::Phone::expose)
                .collect::<Vec<_>>()
                .join(";")
        })]
    });
}

#[test]
fn money() {
    check_both("money", &["expected_min", "expected_max"], |row| {
        let side = |pick: fn(&money::Money) -> Option<i64>| {
            shown(money::read(&cell(row)), |m| {
                pick(&m).map_or_else(String::new, |v| v.to_string())
            })
        };
        vec![side(|m| m.min), side(|m| m.max)]
    });
    for row in rows("money.csv").into_iter().chain(rows("ours_money.csv")) {
        if row["note"].starts_with("approximate:") {
            let approximate = money::read(&cell(&row))
                .value()
                .is_some_and(|m| m.approximate);
            assert!(approximate, "{:?} is approximate", row["raw"]);
        }
    }
}

#[test]
fn dates() {
    let zone = jiff::tz::TimeZone::get("Asia/Ho_Chi_Minh").unwrap();
    check_both("dates", &["expected"], |row| {
        vec![shown(
            date::read(&cell(row), &row["sheet_locale"], &zone),
            |when| when.to_string(),
        )]
    });
}

#[test]
fn names() {
    check_both(
        "names",
        &["expected_full", "expected_given", "expected_title"],
        |row| {
            let part = |part: &Part| match part {
                Part::Known(text) => text.clone(),
                Part::Absent => String::new(),
                Part::Ambiguous => "ambiguous".to_owned(),
            };
            match person::read(&cell(row)) {
                Reading::Value(p) => vec![part(&p.full), part(&p.given), part(&p.title)],
                Reading::Nothing | Reading::Bad(_) => vec![String::new(); 3],
                Reading::Ambiguous(_) => vec!["ambiguous".to_owned(); 3],
            }
        },
    );
}

#[test]
fn stages() {
    let path = format!(
        "{}/tests/data/vectors/stages.aliases.toml",
        env!("CARGO_MANIFEST_DIR")
    );
    let file: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    let stages = file["stages"]
        .as_table()
        .unwrap()
        .iter()
        .map(|(id, stage)| Stage {
            id: id.clone(),
            label: stage["label"].as_str().unwrap().to_owned(),
            aliases: stage["aliases"]
                .as_array()
                .unwrap()
                .iter()
                .map(|a| a.as_str().unwrap().to_owned())
                .collect(),
        });
    let table = StageTable::new(stages.collect()).unwrap();
    check_both("stages", &["expected"], |row| {
        vec![shown(stage::read(&cell(row), &table), |id| id)]
    });
}

#[test]
fn emails() {
    check_both("emails", &["expected"], |row| {
        vec![shown(email::read(&cell(row)), |list| {
            list.iter()
                .map(email::Email::expose)
                .collect::<Vec<_>>()
                .join(";")
        })]
    });
}

#[test]
fn ticks_and_words_for_yes_and_no() {
    check(
        "ours_yes_no.csv",
        &["expected_opt_out", "expected_consent"],
        |row| {
            let cell = cell(row);
            vec![
                shown(yes_no::read_opt_out(&cell), |yes| yes.to_string()),
                shown(yes_no::read_consent(&cell), |yes| yes.to_string()),
            ]
        },
    );
}
