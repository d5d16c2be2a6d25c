//! Who is who, as text: rows are lines of `name | phone | email | area | stage | id`, tabs are parted by `---`.

use super::*;
use crate::core::sheet::Cell;

fn fields() -> Vec<FieldInfo> {
    [
        ("name", FieldKind::Name),
        ("phone", FieldKind::Phone),
        ("email", FieldKind::Email),
        ("area", FieldKind::Text),
        ("stage", FieldKind::Stage),
        ("id", FieldKind::Id),
    ]
    .map(|(id, kind)| FieldInfo::new(id, kind))
    .to_vec()
}

fn rows(text: &str) -> Vec<Row> {
    let mut tab = 0;
    let mut found = Vec::new();
    for (row, line) in (1_u32..).zip(text.lines().map(str::trim).filter(|line| !line.is_empty())) {
        if line == "---" {
            tab += 1;
            continue;
        }
        let cells = fields()
            .into_iter()
            .zip(line.split('|').map(str::trim))
            .filter(|(_, text)| !text.is_empty())
            .map(|(field, text)| (field.id.into(), Cell::Text(text.into())))
            .collect();
        found.push(Row { tab, row, cells });
    }
    found
}

/// The whole answer as text: `0=1 content, ^0=2 key, +3, -1, ?[0]/[1]`.
fn told(gone: &str, before: &str, after: &str) -> String {
    let gone = rows(gone);
    let context = Context {
        gone: &gone,
        ..Context::default()
    };
    let found = match_rows(&rows(before), &rows(after), &context, &fields());
    let pairs = found
        .pairs
        .iter()
        .map(|pair| format!("{}={} {:?}", pair.before, pair.after, pair.how));
    let returned = found
        .returned
        .iter()
        .map(|pair| format!("^{}={} {:?}", pair.before, pair.after, pair.how));
    let added = found.added.iter().map(|row| format!("+{row}"));
    let removed = found.removed.iter().map(|row| format!("-{row}"));
    let unclear = found
        .ambiguous
        .iter()
        .map(|group| format!("?{:?}/{:?}", group.before, group.after));
    let all: Vec<String> = pairs
        .chain(returned)
        .chain(added)
        .chain(removed)
        .chain(unclear)
        .collect();
    all.join(", ").to_lowercase()
}

const AN: &str = "Lê An | 0901111111 | an@x.vn | Quận 7 | Mới";
const BINH: &str = "Trần Bình | 0902222222 | binh@x.vn | Thủ Đức | Mới";
const CUONG: &str = "Võ Cường | 0903333333 | | Nhà Bè | Ngưng";
const AN_MOVED_ON: &str = "Lê An | 0901111111 | an@x.vn | Quận 7 | Đã cọc";

#[test]
fn a_cut_to_another_tab_is_the_same_customer() {
    assert_eq!(
        told(
            "",
            &format!("{AN}\n{BINH}\n---"),
            &format!("{BINH}\n---\n{AN_MOVED_ON}")
        ),
        "1=0 content, 0=1 key"
    );
}

#[test]
fn an_id_holds_through_everything_and_two_ids_never_meet() {
    let before =
        "Lê An | 0901111111 | | Quận 7 | Mới | KH1\nTrần Bình | 0902222222 | | Quận 9 | Mới | KH2";
    let after =
        "Võ Cường | 0903333333 | | Nhà Bè | Ngưng | KH2\nLê An | 0901111111 | | Quận 7 | Mới | KH9";
    assert_eq!(told("", before, after), "1=0 id, +1, -0");
}

#[test]
fn a_removed_customer_returns_by_content_and_by_key() {
    assert_eq!(
        told(AN, BINH, &format!("{BINH}\n{AN}")),
        "0=0 content, ^0=1 content"
    );
    assert_eq!(
        told(
            AN,
            BINH,
            &format!("{BINH}\nLê An | 0901111111 | | Nhà Bè | Ngưng")
        ),
        "0=0 content, ^0=1 key"
    );
    // The newest of several equal ones.
    assert_eq!(
        told(&format!("{AN}\n{AN}"), BINH, &format!("{BINH}\n{AN}")),
        "0=0 content, ^1=1 content"
    );
}

#[test]
fn a_removed_customer_does_not_return_by_likeness() {
    // Another name with the phone, and the same name with all else equal but no contact, are new rows.
    for other in [
        "Võ Cường | 0901111111 | | Quận 7 | Mới",
        "Lê An | | | Quận 7 | Mới",
        "Lê An | 0907654321 | | Quận 7 | Mới",
    ] {
        assert_eq!(
            told(AN, BINH, &format!("{BINH}\n{other}")),
            "0=0 content, +1",
            "{other}"
        );
    }
}

#[test]
fn a_live_row_beats_a_removed_one() {
    // The row was edited back to what a removed one had been.
    assert_eq!(told(AN, AN_MOVED_ON, AN), "0=0 key");
}

#[test]
fn a_copy_pasted_back_is_the_removed_twin() {
    assert_eq!(
        told(AN, AN, &format!("{AN}\n{AN}")),
        "0=0 content, ^0=1 content"
    );
    assert_eq!(told("", AN, &format!("{AN}\n{AN}")), "?[0]/[0, 1]");
    // Edited and then copied: which of the two is the copy?
    assert_eq!(
        told("", AN, &format!("{AN_MOVED_ON}\n{AN_MOVED_ON}")),
        "?[0]/[0, 1]"
    );
}

#[test]
fn a_third_deal_of_a_living_person_is_not_a_return() {
    let gone = "Lê An | 0901111111 | an@x.vn | Nhà Bè | Ngưng";
    let third = "Lê An | 0901111111 | an@x.vn | Gò Vấp | Đang tư vấn";
    assert_eq!(told(gone, AN, &format!("{AN}\n{third}")), "0=0 content, +1");
}

#[test]
fn exchanged_phones_change_no_identity() {
    let before = format!(
        "Lê An | 0901111111 | | Quận 7 | Mới\nTrần Bình | 0902222222 | | Thủ Đức | Ngưng\n{CUONG}"
    );
    let in_place = format!(
        "Lê An | 0902222222 | | Quận 7 | Mới\nTrần Bình | 0901111111 | | Thủ Đức | Ngưng\n{CUONG}"
    );
    assert_eq!(
        told("", &before, &in_place),
        "0=0 similar, 1=1 similar, 2=2 content"
    );
    let sorted = format!(
        "{CUONG}\nTrần Bình | 0901111111 | | Thủ Đức | Ngưng\nLê An | 0902222222 | | Quận 7 | Mới"
    );
    assert_eq!(
        told("", &before, &sorted),
        "2=0 content, 1=1 similar, 0=2 similar"
    );
}

#[test]
fn equal_rows_that_all_fared_alike_are_no_riddle() {
    let twice = |row: &str| format!("{row}\n{row}");
    assert_eq!(
        told("", &twice(AN), &twice(AN_MOVED_ON)),
        "0=0 key, 1=1 key"
    );
    assert_eq!(
        told("", &format!("{BINH}\n{}", twice(AN)), BINH),
        "0=0 content, -1, -2"
    );
    assert_eq!(
        told("", BINH, &format!("{BINH}\n{}", twice(AN))),
        "0=0 content, +1, +2"
    );
}

#[test]
fn a_riddle_says_why_and_which_reading_is_likely() {
    let found = match_rows(
        &rows(&format!("{AN}\n{AN}")),
        &rows(&format!("{AN}\n{AN_MOVED_ON}")),
        &Context::default(),
        &fields(),
    );
    assert_eq!(
        found.ambiguous,
        [Group {
            before: vec![0, 1],
            after: vec![0, 1],
            why: "2 rows were equal in every cell; some now differ in stage: which of them it was cannot be told"
                .to_owned(),
            interchangeable: true,
            likely: vec![(0, 0), (1, 1)],
        }]
    );
}

/// Rows about which nobody could tell keep their base, so each later poll is compared with it anew (SEMANTICS 7).
#[test]
fn what_was_unclear_becomes_clear_when_the_sheet_does() {
    let handed_over = "Đỗ Vy | 0909999999 | | Thủ Đức | Mới";
    let binh = "Trần Bình | 0902222222 | | Thủ Đức | Mới";
    let base = format!("{AN}\n{binh}\n{CUONG}");
    for (later, wanted) in [
        // Name and phone are new, and the row has moved: the same customer, or another one?
        (
            format!("{handed_over}\n{AN}\n{CUONG}"),
            "0=1 content, 2=2 content, ?[1]/[0]",
        ),
        // It is back in its place.
        (
            format!("{AN}\n{handed_over}\n{CUONG}"),
            "0=0 content, 1=1 similar, 2=2 content",
        ),
        // One of the two marks is back.
        (
            format!("Đỗ Vy | 0902222222 | | Thủ Đức | Mới\n{AN}\n{CUONG}"),
            "1=0 key, 0=1 content, 2=2 content",
        ),
        // The former customer is there again beside the new one.
        (
            format!("{handed_over}\n{AN}\n{CUONG}\n{binh}"),
            "0=1 content, 2=2 content, 1=3 content, +0",
        ),
    ] {
        assert_eq!(told("", &base, &later), wanted, "{later}");
    }
    let twice = format!("{AN}\n{AN}");
    for (later, wanted) in [
        (format!("{AN}\n{AN_MOVED_ON}"), "?[0, 1]/[0, 1]"),
        (format!("{AN_MOVED_ON}\n{AN_MOVED_ON}"), "0=0 key, 1=1 key"),
        (twice.clone(), "0=0 content, 1=1 content"),
    ] {
        assert_eq!(told("", &twice, &later), wanted, "{later}");
    }
}

/// What to look at, in plain words: which cells are alike and which are not.
#[test]
fn a_riddle_names_the_cells() {
    let why = |before: &str, after: &str| -> Vec<(String, bool)> {
        match_rows(&rows(before), &rows(after), &Context::default(), &fields())
            .ambiguous
            .into_iter()
            .map(|group| (group.why, group.interchangeable))
            .collect()
    };
    let thrice = format!("{AN}\n{AN}\n{AN}");
    let cases = [
        (
            format!("{AN}\n{BINH}"),
            "Đỗ Vy | 0909999999 | vy@x.vn | Thủ Đức | Mới\nLê An | 0901111111 | an@x.vn | Quận 7 | Mới".to_owned(),
            "name, phone and e-mail are all new while the rest stayed: a hand-over, or another customer \
             (different: name, phone and email; same: area and stage)",
            false,
        ),
        (
            AN.to_owned(),
            format!("{AN}\n{AN}"),
            "2 rows are equal in every cell where there was 1: which of them is new cannot be told",
            true,
        ),
        (
            thrice.clone(),
            AN.to_owned(),
            "3 rows were equal in every cell; 2 gone: which of them it was cannot be told",
            true,
        ),
        (
            thrice,
            format!("{AN}\n{AN_MOVED_ON}"),
            "3 rows were equal in every cell; some now differ in stage, and 1 gone: which of them it was cannot be told",
            true,
        ),
    ];
    for (before, after, text, interchangeable) in cases {
        assert_eq!(why(&before, &after), [(text.to_owned(), interchangeable)]);
    }
}

/// A whole column changed at once leaves every row over; the work must stay far from the square of the rows.
#[test]
fn a_column_replaced_in_every_row_is_still_quick() {
    let sheet = |stage: &str, phones: bool| -> Vec<Row> {
        (0_u32..4_000)
            .map(|number| {
                let mark = number.wrapping_mul(2_654_435_761) % 10_000_000;
                let text = |value: String| Cell::Text(value.into());
                let mut cells = Cells::from([
                    ("name".into(), text(format!("Lê Văn {}", mark % 997))),
                    ("area".into(), text(format!("Quận {}", number % 12))),
                    ("stage".into(), text(stage.to_owned())),
                ]);
                if phones {
                    cells.insert("phone".into(), text(format!("090{mark:07}")));
                }
                Row {
                    tab: 0,
                    row: number,
                    cells,
                }
            })
            .collect()
    };
    for phones in [true, false] {
        let found = match_rows(
            &sheet("Mới", phones),
            &sheet("Khách mới", phones),
            &Context::default(),
            &fields(),
        );
        assert!(found.pairs.iter().all(|pair| pair.before == pair.after));
        if phones {
            assert_eq!(found.pairs.len(), 4_000);
        } else {
            // Without contacts some rows are equal in every cell but the changed one; all stand in their place.
            assert!(found.pairs.len() > 3_900, "{}", found.pairs.len());
        }
    }
}

/// Where no single cell is rare, the name with all cells but the replaced one still is; and many equal rows pair in order.
#[test]
fn what_only_common_cells_tell_is_found_among_very_many_rows() {
    let sheet = |stage: &str, turned: bool| -> Vec<Row> {
        let numbers: Vec<u32> = if turned {
            (0..4_000).rev().collect()
        } else {
            (0..4_000).collect()
        };
        (0_u32..)
            .zip(numbers)
            .map(|(row, number)| Row {
                tab: 0,
                row,
                cells: [
                    ("name", format!("Lê Văn {}", number % 40)),
                    ("area", format!("Lô {}", number / 40)),
                    ("stage", stage.to_owned()),
                ]
                .map(|(field, text)| (field.into(), Cell::Text(text.into())))
                .into(),
            })
            .collect()
    };
    let (before, after) = (sheet("Mới", false), sheet("Khách mới", true));
    let found = match_rows(&before, &after, &Context::default(), &fields());
    let who = |row: &Row| (row.cells["name"].clone(), row.cells["area"].clone());
    assert!(
        found
            .pairs
            .iter()
            .all(|pair| who(&before[pair.before]) == who(&after[pair.after]))
    );
    assert_eq!(
        found.pairs.len() + found.ambiguous.len(),
        4_000,
        "{:?} were added",
        found.added
    );

    let many = |row: &str| vec![row; 120].join("\n");
    let told = told(
        "",
        &format!("{}\n{BINH}", many(AN)),
        &format!("{BINH}\n{}", many(AN_MOVED_ON)),
    );
    assert_eq!(told.matches("key").count(), 120, "{told}");
}
