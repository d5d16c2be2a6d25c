//! Whole tabs through header finding, row kinds, binding and typing, held against what each
//! customer row really is.
//!
//! The truth files know what the writer meant; where a cell does not say it (a cut-off number, a
//! date in words), the reading must be a problem and never a guess. The counts are exact, so that a
//! change of the readers shows here.

// The lint's own exception for tests does not cover the functions beside them.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use serde_json::Value as Json;
use sheetbridge::core::record::Cells;
use sheetbridge::core::sheet::Cell;
use sheetbridge::core::sheet::field::{FieldSpec, Schema, standard_kind};
use sheetbridge::core::sheet::fold::fold;
use sheetbridge::core::sheet::header::{column_letter, find_header};
use sheetbridge::core::sheet::rows::{RowKind, bind_row, kind_of_row};
use sheetbridge::core::sheet::stage::{Stage, StageTable};
use sheetbridge::core::sheet::typed::{Typed, typed};

/// What came of one field over all customer rows.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    /// Read as the truth has it, nothing for nothing included.
    right: usize,
    /// Not read, and listed as a problem.
    problem: usize,
    /// Not read and not listed, though the truth has a value: only for cells that are empty or a placeholder.
    silent: usize,
    /// Read as something else than the truth, with the reason why the cell really says so.
    other: usize,
}

fn file(name: &str) -> Json {
    let path = format!(
        "{}/tests/data/workbooks/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A date arrives as its number, an error as its text.
fn cell(json: &Json) -> Cell {
    match json {
        Json::Object(typed) => Cell::from_json(typed.get("e").or(typed.get("v")).unwrap()),
        plain => Cell::from_json(plain),
    }
}

fn schema(book: &Json) -> Schema {
    let field = |id: &str, headers: &[&str]| FieldSpec {
        id: id.to_owned(),
        headers: headers.iter().map(|h| (*h).to_owned()).collect(),
        kind: standard_kind(id).unwrap(),
        private: false,
        since: None,
    };
    let stage = |id: &str, label: &str, aliases: &[&str]| Stage {
        id: id.to_owned(),
        label: label.to_owned(),
        aliases: aliases.iter().map(|a| (*a).to_owned()).collect(),
    };
    Schema {
        fields: vec![
            field("name", &["Họ tên", "Tên khách hàng", "Khách hàng"]),
            field("phone", &["SĐT", "Số điện thoại", "Điện thoại"]),
            field("email", &["Email"]),
            field("interest", &["Loại BĐS quan tâm"]),
            field("area", &["Khu vực"]),
            field("budget", &["Ngân sách"]),
            field("source", &["Nguồn"]),
            field("stage", &["Giai đoạn"]),
            field("owner", &["NV phụ trách"]),
            field("received", &["Ngày tiếp nhận"]),
            field("appointment", &["Ngày hẹn"]),
            field("birthday", &["Ngày sinh"]),
            field("note", &["Ghi chú"]),
            field("no_ads", &["Không nhận tin"]),
        ],
        stages: StageTable::new(vec![
            stage(
                "prospect",
                "Khách hàng tiềm năng",
                &["tiềm năng", "KH tiềm năng", "mới"],
            ),
            stage("consulting", "Đang tư vấn", &[]),
            stage("deposited", "Đã đặt cọc", &["đã cọc"]),
            stage("completed", "Hoàn tất giao dịch", &[]),
            stage("lost", "Không còn nhu cầu", &["mất khách", "huỷ cọc"]),
        ])
        .unwrap(),
        locale: book["locale"].as_str().unwrap().to_owned(),
        zone: jiff::tz::TimeZone::get(book["timeZone"].as_str().unwrap()).unwrap(),
    }
}

/// The defects that make a cell of a field unreadable.
const DEFECTS: [(&str, &[&str]); 5] = [
    ("phone", &["phone_bad"]),
    ("email", &["email_invalid"]),
    ("stage", &["stage_unknown"]),
    ("received", &["date_impossible", "date_words", "date_text"]),
    (
        "appointment",
        &["date_impossible", "date_words", "date_text"],
    ),
];

/// A birthday of which only the year is typed, and a budget "3-5" that became the serial of a day in
/// May: unreadable, but not listed as defects.
fn unreadable(field: &str, cell: &Cell) -> bool {
    match field {
        "birthday" => cell.shown().len() == 4,
        "budget" => *cell == Cell::Number(46145.0),
        _ => false,
    }
}

struct Row {
    cells: Cells,
    typed: Typed,
    values: Json,
}

/// The customer rows of the `Khách hàng` tab by the sheet's row number, and how many rows of each other kind.
fn customers(name: &str) -> (BTreeMap<u64, Row>, BTreeMap<String, usize>, Schema) {
    let book = file(name);
    let schema = schema(&book);
    let tab = book["sheets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["title"] == "Khách hàng")
        .unwrap();
    let rows: Vec<Vec<Cell>> = tab["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row.as_array().unwrap().iter().map(cell).collect())
        .collect();
    let header = find_header(&rows[..50], &schema.fields, &["name", "phone", "stage"]).unwrap();
    assert_eq!((header.row, header.bound.len()), (2, 14));
    let mut customers = BTreeMap::new();
    let mut kinds = BTreeMap::new();
    for (at, raw) in rows.iter().enumerate().skip(header.row + 1) {
        let cells = bind_row(raw, &header);
        match kind_of_row(&cells, raw, &header, &schema.stages) {
            RowKind::Customer => {
                let typed = typed(&cells, &schema);
                let values = serde_json::to_value(&typed.values).unwrap();
                customers.insert(
                    at as u64 + 1,
                    Row {
                        cells,
                        typed,
                        values,
                    },
                );
            }
            kind => *kinds.entry(format!("{kind:?}")).or_default() += 1,
        }
    }
    (customers, kinds, schema)
}

/// Compares one field over all rows. `same` says whether the typed JSON is the truth's value;
/// `excused` gives the reason why the cell really says something else.
fn tally(
    rows: &BTreeMap<u64, Row>,
    truth: &[Json],
    field: &str,
    key: &str,
    same: impl Fn(&Json, &Json) -> bool,
    excused: impl Fn(&Json, &Row) -> bool,
) -> Tally {
    let mut tally = Tally::default();
    let mut wrong = Vec::new();
    for meant in truth {
        let row = &rows[&meant["row"].as_u64().unwrap()];
        let got = &row.values[field];
        let problem = row.typed.problems.iter().any(|p| p.field == field);
        if !got.is_null() && same(got, &meant[key]) {
            tally.right += 1;
        } else if got.is_null() && problem {
            let defects = DEFECTS
                .iter()
                .find(|(f, _)| *f == field)
                .map_or(&[][..], |(_, list)| *list);
            let known = defects.iter().any(|defect| has(meant, defect))
                || unreadable(field, &row.cells[field]);
            if !meant[key].is_null() && !known {
                wrong.push(format!(
                    "row {}: {:?} not read, meant {}",
                    meant["row"],
                    row.cells.get(field),
                    meant[key]
                ));
            }
            tally.problem += 1;
        } else if got.is_null() && meant[key].is_null() {
            tally.right += 1;
        } else if got.is_null() {
            tally.silent += 1;
        } else if excused(meant, row) {
            tally.other += 1;
        } else {
            wrong.push(format!(
                "row {}: {:?} read as {got}, meant {}",
                meant["row"],
                row.cells.get(field),
                meant[key]
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{field}: {} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    tally
}

fn has(meant: &Json, defect: &str) -> bool {
    meant["defects"]
        .as_array()
        .unwrap()
        .iter()
        .any(|d| d == defect)
}

fn all(name: &str) -> (BTreeMap<String, usize>, BTreeMap<&'static str, Tally>) {
    let (rows, kinds, schema) = customers(name);
    let truth = file(&format!("{name}-truth"));
    let truth = truth.as_array().unwrap();
    let meant: Vec<u64> = truth.iter().map(|t| t["row"].as_u64().unwrap()).collect();
    assert_eq!(
        rows.keys().copied().collect::<Vec<_>>(),
        meant,
        "the customer rows"
    );
    let never = |_: &Json, _: &Row| false;
    let mut tallies = BTreeMap::new();

    // The truth writes every name with its accents; a cell may have been typed without any.
    let name_as = |got: &Json, meant: &Json| {
        let (got, meant) = (got["full"].as_str().unwrap_or(""), meant.as_str().unwrap());
        got == meant || (got.is_ascii() && got == accents_off(meant))
    };
    tallies.insert("name", tally(&rows, truth, "name", "name", name_as, never));

    let first_phone = |got: &Json, meant: &Json| {
        let meant = meant.as_str().unwrap();
        got["e164"][0].as_str().unwrap() == format!("+84{}", &meant[1..])
    };
    tallies.insert(
        "phone",
        tally(&rows, truth, "phone", "phone", first_phone, never),
    );

    let stage_as = |got: &Json, meant: &Json| {
        got.as_str()
            == schema
                .stages
                .find(meant.as_str().unwrap())
                .map(|s| s.id.as_str())
    };
    tallies.insert(
        "stage",
        tally(&rows, truth, "stage", "stage", stage_as, never),
    );

    // The truth calls two sound addresses in one cell damaged, and a space before the @; and its
    // copy of a capital yahoo.com.vn says yahoo.example. The vectors read all three.
    let email_as =
        |got: &Json, meant: &Json| got.as_array().unwrap().len() == 1 && got[0] == *meant;
    let email_excused = |meant: &Json, row: &Row| {
        let got = row.values["email"].as_array().unwrap();
        let cell = row.cells["email"].shown().to_lowercase().replace(' ', "");
        let as_typed = got.iter().all(|a| cell.contains(a.as_str().unwrap()));
        as_typed && (got.len() == 2 || has(meant, "email_untrimmed") || has(meant, "email_invalid"))
    };
    tallies.insert(
        "email",
        tally(&rows, truth, "email", "email", email_as, email_excused),
    );

    // Month first in a day-first sheet, both up to 12: nobody can see it in the cell.
    let day = |got: &Json, meant: &Json| meant.as_str() == got.as_str().and_then(|g| g.get(..10));
    let exchanged = |field: &'static str| {
        move |meant: &Json, row: &Row| {
            let Some(meant) = meant[field].as_str() else {
                return false;
            };
            let got = row.values[field].as_str().unwrap();
            format!("{}-{}-{}", &got[..4], &got[8..10], &got[5..7]) == meant
        }
    };
    for field in ["received", "appointment", "birthday"] {
        tallies.insert(
            field,
            tally(&rows, truth, field, field, day, exchanged(field)),
        );
    }

    let opted_out = |got: &Json, meant: &Json| got == meant;
    let mut no_ads = tally(&rows, truth, "no_ads", "opt_out", opted_out, never);
    // An empty cell says nothing, and the truth calls that no opt-out.
    let silent = truth
        .iter()
        .filter(|t| rows[&t["row"].as_u64().unwrap()].values["no_ads"].is_null());
    assert!(silent.clone().all(|t| t["opt_out"] == false));
    no_ads.right += silent.count();
    no_ads.silent = 0;
    tallies.insert("no_ads", no_ads);

    // In tỷ; an open side is null in the reading.
    let budget_as = |got: &Json, meant: &Json| {
        let side = |v: &Json| v.as_f64().map(|v| v / 1e9);
        let ends = [side(&got["min"]), side(&got["max"])];
        meant.as_array().is_some_and(|m| {
            ends.iter()
                .zip(m)
                .all(|(got, meant)| got.is_none() || meant.is_null() || *got == meant.as_f64())
        })
    };
    tallies.insert(
        "budget",
        tally(&rows, truth, "budget", "budget_ty", budget_as, never),
    );
    (kinds, tallies)
}

fn accents_off(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let folded = fold(word);
        let mut letters = folded.chars();
        letters
            .next()
            .map(|c| c.to_uppercase().chain(letters).collect::<String>())
            .unwrap_or_default()
    });
    words.collect::<Vec<_>>().join(" ")
}

fn counts(list: &[(&'static str, [usize; 4])]) -> BTreeMap<&'static str, Tally> {
    let tally = |[right, problem, silent, other]: [usize; 4]| Tally {
        right,
        problem,
        silent,
        other,
    };
    list.iter()
        .map(|(field, numbers)| (*field, tally(*numbers)))
        .collect()
}

#[test]
fn the_usual_mess() {
    let (kinds, tallies) = all("crm-300");
    assert_eq!(
        format!("{kinds:?}"),
        r#"{"Blank": 19, "Title": 17, "Totals": 1}"#
    );
    assert_eq!(
        tallies,
        counts(&[
            // (right, problem, silent, really says something else)
            ("appointment", [276, 22, 0, 2]),
            ("birthday", [285, 15, 0, 0]),
            ("budget", [290, 10, 0, 0]),
            ("email", [258, 23, 0, 19]),
            ("name", [300, 0, 0, 0]),
            ("no_ads", [300, 0, 0, 0]),
            ("phone", [295, 5, 0, 0]),
            ("received", [268, 31, 0, 1]),
            ("stage", [293, 7, 0, 0]),
        ])
    );
}

#[test]
fn twice_the_mess() {
    let (kinds, tallies) = all("crm-1500-messy");
    assert_eq!(
        format!("{kinds:?}"),
        r#"{"Blank": 73, "Title": 41, "Totals": 1}"#
    );
    assert_eq!(
        tallies,
        counts(&[
            ("appointment", [1266, 218, 0, 16]),
            ("birthday", [1417, 83, 0, 0]),
            ("budget", [1452, 48, 0, 0]),
            ("email", [1235, 155, 0, 110]),
            ("name", [1500, 0, 0, 0]),
            ("no_ads", [1500, 0, 0, 0]),
            ("phone", [1462, 38, 0, 0]),
            ("received", [1081, 378, 0, 41]),
            ("stage", [1402, 98, 0, 0]),
        ])
    );
}

/// The lines that differ, for showing.
fn differing(wrong: &mut Vec<String>, what: &str, want: &Json, got: &Json) {
    if want != got {
        wrong.push(format!("{what}:\n  want {want}\n  got  {got}"));
    }
}

/// A workbook of another make: titles and banners above, a header with units, stars and line breaks
/// or in two rows, columns in another order, sections, sums and the header once more between the
/// customers. The truth beside it is written by hand: every row's kind, every customer's values as
/// `records --json` shows them, and which fields have a problem.
#[test]
fn two_tabs_of_another_make() {
    let book = file("ours-two-tabs");
    let truth = file("ours-two-tabs-truth");
    let schema = schema(&book);
    let mut wrong = Vec::new();
    for (tab, meant) in book["sheets"]
        .as_array()
        .unwrap()
        .iter()
        .zip(truth.as_array().unwrap())
    {
        assert_eq!(tab["title"], meant["tab"]);
        let rows: Vec<Vec<Cell>> = tab["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row.as_array().unwrap().iter().map(cell).collect())
            .collect();
        let header = find_header(&rows, &schema.fields, &["name", "phone", "stage"]).unwrap();
        let title = &meant["tab"];
        let bound: BTreeMap<&str, String> = header
            .bound
            .iter()
            .map(|(field, binding)| (field.as_str(), column_letter(binding.column)))
            .collect();
        differing(
            &mut wrong,
            &format!("{title} header"),
            &meant["bound"],
            &serde_json::json!(bound),
        );
        assert_eq!(meant["header_row"], header.row + 1, "{title}");
        for (at, raw) in rows.iter().enumerate().skip(header.row + 1) {
            let row = (at + 1).to_string();
            let cells = bind_row(raw, &header);
            let kind = kind_of_row(&cells, raw, &header, &schema.stages);
            let what = format!("{title} row {row}");
            let said = Json::String(format!("{kind:?}"));
            differing(&mut wrong, &what, &meant["kinds"][&row], &said);
            if kind == RowKind::Customer {
                let typed = typed(&cells, &schema);
                let fields: Vec<&str> = typed.problems.iter().map(|p| p.field.as_str()).collect();
                let got = serde_json::json!({"values": typed.values, "problems": fields});
                differing(&mut wrong, &what, &meant["customers"][&row], &got);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
