//! What became of the cells of a column: whether they stand in other rows now, in another column, or say
//! what their column never says. Looks at the rows that changed only, so it costs what changed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::core::identity::{FieldInfo, canonical};
use crate::core::record::Cells;
use crate::core::sheet::{Cell, FieldKind, date, email, phone};

/// One row that changed or is new, as it stands now.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    /// The sheet's own row number now.
    pub row: u32,
    /// The customer's cells at the last accepted poll; `None` for a new row.
    pub before: Option<&'a Cells>,
    /// The cells now.
    pub after: &'a Cells,
}

/// What speaks against one column of a tab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnDoubt {
    /// The field id; whoever shows it puts the header there.
    pub column: String,
    /// Cells that hold what stood in the same column of another row: the column was pushed down by a
    /// cell, or sorted alone.
    pub mixed: u32,
    /// Cells that hold what stood in another column of their own row, and in which column most of them.
    pub from: Option<(String, u32)>,
    /// Cells that hold the contact of another kind: an e-mail address under the phone.
    pub strange: u32,
    /// The same in new rows.
    pub strange_new: u32,
    /// Cells of a name, phone, e-mail or id that are empty now.
    pub emptied: u32,
    /// New rows in which there could be one.
    pub new: u32,
}

/// Looks at each column of what changed in one tab; columns about which there is nothing to say are left out.
pub fn look_at_columns(rows: &[Sighting<'_>], fields: &[FieldInfo]) -> Vec<ColumnDoubt> {
    let mut rows = rows.to_vec();
    rows.sort_unstable_by_key(|row| row.row);
    let new = count(rows.iter().filter(|row| row.before.is_none()).count());
    fields
        .iter()
        .map(|field| ColumnDoubt {
            new,
            ..look_at(&rows, field, fields)
        })
        .filter(|doubt| {
            doubt.mixed + doubt.strange + doubt.strange_new + doubt.emptied > 0
                || doubt.from.is_some()
        })
        .collect()
}

/// One cell of a customer that stayed and whose cell in this column changed by more than noise.
struct Change<'a> {
    row: u32,
    before: &'a Cell,
    after: &'a Cell,
    old: String,
    new: String,
}

fn look_at(rows: &[Sighting<'_>], field: &FieldInfo, fields: &[FieldInfo]) -> ColumnDoubt {
    let mut doubt = ColumnDoubt {
        column: field.id.clone(),
        ..ColumnDoubt::default()
    };
    let mut changes: Vec<Change<'_>> = Vec::new();
    let mut from: BTreeMap<&str, u32> = BTreeMap::new();
    for row in rows {
        let after = row.after.get(field.id.as_str()).unwrap_or(&Cell::Empty);
        let Some(cells) = row.before else {
            doubt.strange_new += u32::from(strange(after, field.kind));
            continue;
        };
        let before = cells.get(field.id.as_str()).unwrap_or(&Cell::Empty);
        let old = canonical(before, field.kind).into_owned();
        let new = canonical(after, field.kind).into_owned();
        if old == new || after.error().is_some() {
            continue;
        }
        doubt.emptied += u32::from(new.is_empty() && identifies(field.kind));
        doubt.strange += u32::from(strange(after, field.kind) && !strange(before, field.kind));
        if let Some(column) = stood_in(cells, after, field, fields) {
            *from.entry(column).or_default() += 1;
        }
        changes.push(Change {
            row: row.row,
            before,
            after,
            old,
            new,
        });
    }
    doubt.mixed = mixed(&changes, field.kind);
    doubt.from = from
        .into_iter()
        .max_by_key(|(_, cells)| *cells)
        .map(|(column, cells)| (column.to_owned(), cells));
    doubt
}

/// Whether a column of this kind says who the customer is.
fn identifies(kind: FieldKind) -> bool {
    matches!(
        kind,
        FieldKind::Name | FieldKind::Phone | FieldKind::Email | FieldKind::Id
    )
}

/// Whether anything at all may be written in a column of this kind.
fn takes_anything(kind: FieldKind) -> bool {
    matches!(
        kind,
        FieldKind::Text | FieldKind::Choice | FieldKind::Number | FieldKind::Id
    )
}

/// Whether the cell is the contact of another kind of column. A lead may be called by its number, so a
/// name is never strange.
fn strange(cell: &Cell, kind: FieldKind) -> bool {
    let is_email = || email::read(cell).value().is_some();
    // A number may be an amount or a day; as a text of ten digits it is a phone's.
    let is_phone = || {
        matches!(cell, Cell::Text(text) if text.chars().filter(char::is_ascii_digit).count() >= 9)
            && phone::read(cell).value().is_some()
    };
    match kind {
        FieldKind::Phone => is_email(),
        FieldKind::Email => phone::read(cell).value().is_some(),
        FieldKind::Date | FieldKind::Stage | FieldKind::OptOut | FieldKind::Consent => {
            is_email() || is_phone()
        }
        FieldKind::Money | FieldKind::YesNo | FieldKind::Owner => is_email(),
        FieldKind::Name
        | FieldKind::Text
        | FieldKind::Number
        | FieldKind::Choice
        | FieldKind::Id => false,
    }
}

/// The column of another kind in which the customer's row held just this.
fn stood_in<'f>(
    before: &Cells,
    after: &Cell,
    field: &FieldInfo,
    fields: &'f [FieldInfo],
) -> Option<&'f str> {
    if takes_anything(field.kind) {
        return None;
    }
    let text = canonical(after, FieldKind::Text);
    if text.is_empty() {
        return None;
    }
    fields
        .iter()
        .filter(|other| other.kind != field.kind && !takes_anything(other.kind))
        .find(|other| {
            before
                .get(other.id.as_str())
                .is_some_and(|cell| canonical(cell, FieldKind::Text) == text)
        })
        .map(|other| other.id.as_str())
}

/// A column whose cells stand in other rows is no column of few words only if so many differ.
const DISTINCT: usize = 3;

/// How many cells hold what stood in the same column of another customer.
fn mixed(changes: &[Change<'_>], kind: FieldKind) -> u32 {
    if moved_by_one_step(changes, kind) {
        return 0;
    }
    let exchanged = if identifies(kind) || kind == FieldKind::Text {
        exchanged(changes)
    } else {
        0
    };
    exchanged
        .max(pushed(changes))
        .max(sorted_alone(changes, kind))
}

/// Values that nobody else has, each now in the row of somebody else.
fn exchanged(changes: &[Change<'_>]) -> u32 {
    let tally = |texts: &mut dyn Iterator<Item = &str>| {
        let mut tally: HashMap<String, u32> = HashMap::new();
        for text in texts.filter(|text| !text.is_empty()) {
            *tally.entry(text.to_owned()).or_default() += 1;
        }
        tally
    };
    let old = tally(&mut changes.iter().map(|change| change.old.as_str()));
    let new = tally(&mut changes.iter().map(|change| change.new.as_str()));
    count(
        changes
            .iter()
            .filter(|change| old.get(&change.new) == Some(&1) && new.get(&change.new) == Some(&1))
            .count(),
    )
}

/// Cells that hold what stood so many rows above or below: somebody inserted a cell, not a row.
fn pushed(changes: &[Change<'_>]) -> u32 {
    let at: HashMap<u32, &Change<'_>> = changes.iter().map(|change| (change.row, change)).collect();
    let by = |rows: i64| {
        let mut compared = 0;
        let mut values: BTreeSet<&str> = BTreeSet::new();
        let mut equal = 0;
        for change in changes {
            let neighbour = u32::try_from(i64::from(change.row) - rows)
                .ok()
                .and_then(|row| at.get(&row));
            if let Some(neighbour) = neighbour {
                compared += 1;
                if neighbour.old == change.new {
                    equal += 1;
                    values.insert(&change.new);
                }
            }
        }
        // Nine in ten: what else was typed meanwhile does not hide it.
        (values.len() >= DISTINCT && equal * 10 >= compared * 9).then_some(equal)
    };
    count(
        [-3, -2, -1, 1, 2, 3]
            .into_iter()
            .filter_map(by)
            .max()
            .unwrap_or(0),
    )
}

/// The same values in another order, and now in order: the column was sorted without its rows.
fn sorted_alone(changes: &[Change<'_>], kind: FieldKind) -> u32 {
    let sorted = |texts: &mut dyn Iterator<Item = &str>| {
        let mut texts: Vec<String> = texts.map(str::to_owned).collect();
        texts.sort_unstable();
        texts
    };
    let old = sorted(&mut changes.iter().map(|change| change.old.as_str()));
    let new = sorted(&mut changes.iter().map(|change| change.new.as_str()));
    let distinct: BTreeSet<&String> = new.iter().collect();
    if old != new || distinct.len() < DISTINCT {
        return 0;
    }
    let in_order = |down: bool| {
        changes.windows(2).all(|pair| {
            let order = crate::core::change::edit::compare(pair[0].after, pair[1].after, kind);
            if down { order.is_ge() } else { order.is_le() }
        })
    };
    if in_order(false) || in_order(true) {
        count(changes.len())
    } else {
        0
    }
}

/// Dates or amounts that all went up or down by the same step were moved on purpose: a week later, one more.
fn moved_by_one_step(changes: &[Change<'_>], kind: FieldKind) -> bool {
    let number = |cell: &Cell| -> Option<i64> {
        match (cell, kind) {
            // Whole days and đồng are enough to compare by.
            #[allow(clippy::cast_possible_truncation)]
            (Cell::Number(number), _) => Some((number * 1_440.0).round() as i64),
            (Cell::Text(_), FieldKind::Date) => {
                let day = date::read(cell, "vi_VN", &jiff::tz::TimeZone::UTC)
                    .value()?
                    .date;
                let from = jiff::civil::date(1899, 12, 30);
                Some(i64::from(from.until(day).ok()?.get_days()) * 1_440)
            }
            _ => None,
        }
    };
    let mut steps: HashMap<i64, usize> = HashMap::new();
    for change in changes {
        if let (Some(before), Some(after)) = (number(change.before), number(change.after)) {
            *steps.entry(after.saturating_sub(before)).or_default() += 1;
        }
    }
    steps
        .into_values()
        .max()
        .is_some_and(|most| most * 2 > changes.len())
}

fn count(cells: usize) -> u32 {
    u32::try_from(cells).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [(&str, FieldKind); 6] = [
        ("name", FieldKind::Name),
        ("phone", FieldKind::Phone),
        ("email", FieldKind::Email),
        ("stage", FieldKind::Stage),
        ("owner", FieldKind::Owner),
        ("appointment", FieldKind::Date),
    ];

    fn fields() -> Vec<FieldInfo> {
        FIELDS
            .iter()
            .map(|(id, kind)| FieldInfo::new(*id, *kind))
            .collect()
    }

    fn customer(n: usize) -> Cells {
        let text = |text: String| Cell::Text(text.into());
        Cells::from([
            ("name".into(), text(format!("Khách {n}"))),
            ("phone".into(), text(format!("09123456{n:02}"))),
            ("email".into(), text(format!("k{n}@example.com"))),
            (
                "stage".into(),
                text(
                    ["Mới", "Đang tư vấn", "Đã đặt cọc"][(n * n * 31 + n * 17) / 5 % 3].to_owned(),
                ),
            ),
            (
                "owner".into(),
                text(["Lan Anh", "Minh Tuấn", "Thu Hà", "Quốc Bảo"][n * 7 % 4].to_owned()),
            ),
            (
                "appointment".into(),
                Cell::Number(46_000.0 + (n * n % 17) as f64),
            ),
        ])
    }

    /// What is said of the column after an edit of twenty customers' cells there; `none` if nothing is.
    fn said(column: &str, edit: impl Fn(usize, &[Cells]) -> Cell) -> String {
        let before: Vec<Cells> = (0..20).map(customer).collect();
        let after: Vec<Cells> = (0..20)
            .map(|n| {
                let mut cells = before[n].clone();
                cells.insert(column.into(), edit(n, &before));
                cells
            })
            .collect();
        let rows: Vec<Sighting<'_>> = (0..20)
            .map(|n| Sighting {
                row: u32::try_from(n + 2).unwrap(),
                before: Some(&before[n]),
                after: &after[n],
            })
            .collect();
        let doubts = look_at_columns(&rows, &fields());
        let Some(doubt) = doubts.iter().find(|doubt| doubt.column == column) else {
            return "none".into();
        };
        format!(
            "mixed {}, from {}, strange {}, emptied {}",
            doubt.mixed,
            doubt.from.as_ref().map_or_else(
                || "nowhere".to_owned(),
                |(column, cells)| format!("{column} {cells}")
            ),
            doubt.strange,
            doubt.emptied
        )
    }

    fn down(column: &'static str, rows: usize) -> impl Fn(usize, &[Cells]) -> Cell {
        move |n, before| match n.checked_sub(rows) {
            Some(above) => before[above][column].clone(),
            None => Cell::Empty,
        }
    }

    #[test]
    fn a_column_that_was_pushed_down_is_seen() {
        assert_eq!(
            said("phone", down("phone", 1)),
            "mixed 19, from nowhere, strange 0, emptied 1"
        );
        assert!(said("name", down("name", 3)).starts_with("mixed 17"));
        // Stages are few words, so only the order of them tells.
        assert!(said("stage", down("stage", 1)).starts_with("mixed "));
        assert!(said("owner", down("owner", 2)).starts_with("mixed "));
        assert!(said("appointment", down("appointment", 1)).starts_with("mixed "));
    }

    #[test]
    fn a_column_that_was_sorted_alone_is_seen() {
        let sorted = |column: &'static str| {
            move |n: usize, before: &[Cells]| {
                let mut cells: Vec<Cell> = before.iter().map(|row| row[column].clone()).collect();
                cells.sort_by(|one, other| one.shown().cmp(&other.shown()));
                cells[n].clone()
            }
        };
        assert!(said("email", sorted("email")).starts_with("mixed "));
        assert!(said("owner", sorted("owner")).starts_with("mixed "));
    }

    #[test]
    fn cells_of_another_column_are_seen() {
        assert_eq!(
            said("phone", |n, before| before[n]["email"].clone()),
            "mixed 0, from email 20, strange 20, emptied 0"
        );
        assert_eq!(
            said("name", |n, before| before[n]["phone"].clone()),
            "mixed 0, from phone 20, strange 0, emptied 0"
        );
        assert_eq!(
            said("email", |n, _| Cell::Text(compact_str::format_compact!(
                "09877654{n:02}"
            ))),
            "mixed 0, from nowhere, strange 20, emptied 0"
        );
        assert_eq!(
            said("email", |_, _| Cell::Empty),
            "mixed 0, from nowhere, strange 0, emptied 20"
        );
    }

    #[test]
    fn ordinary_work_is_nothing() {
        // Everybody to one colleague, one stage for all, a portfolio dealt out anew.
        assert_eq!(said("owner", |_, _| Cell::from("Lan Anh")), "none");
        assert_eq!(said("stage", |_, _| Cell::from("Đã đặt cọc")), "none");
        let dealt = ["Thu Hà", "Quốc Bảo", "Lan Anh", "Minh Tuấn"];
        assert_eq!(said("owner", |n, _| Cell::from(dealt[n * n % 4])), "none");
        // Appointments a week later, though some days are now those of others.
        let later = |n: usize, before: &[Cells]| match before[n]["appointment"] {
            Cell::Number(day) => Cell::Number(day + 1.0),
            ref other => other.clone(),
        };
        assert_eq!(said("appointment", later), "none");
        // New addresses of a domain, new numbers after a change of prefixes.
        assert_eq!(
            said("email", |n, _| Cell::Text(compact_str::format_compact!(
                "k{n}@gmail.com"
            ))),
            "none"
        );
        assert_eq!(
            said("phone", |n, _| Cell::Text(compact_str::format_compact!(
                "03123456{n:02}"
            ))),
            "none"
        );
        // Dates taken out, or replaced by a word.
        assert_eq!(said("appointment", |_, _| Cell::Empty), "none");
        assert_eq!(
            said("appointment", |_, _| Cell::from("liên hệ sau")),
            "none"
        );
    }

    #[test]
    fn two_exchanged_phones_are_two_cells() {
        let swapped = |n: usize, before: &[Cells]| match n {
            0 => before[1]["phone"].clone(),
            1 => before[0]["phone"].clone(),
            _ => before[n]["phone"].clone(),
        };
        assert_eq!(
            said("phone", swapped),
            "mixed 2, from nowhere, strange 0, emptied 0"
        );
    }

    #[test]
    fn new_rows_one_column_off_are_counted_apart() {
        let shifted: Vec<Cells> = (0..6)
            .map(|n| {
                Cells::from([(
                    "phone".into(),
                    Cell::Text(compact_str::format_compact!("k{n}@example.com")),
                )])
            })
            .collect();
        let rows: Vec<Sighting<'_>> = shifted
            .iter()
            .map(|after| Sighting {
                row: 9,
                before: None,
                after,
            })
            .collect();
        let doubts = look_at_columns(&rows, &fields());
        assert_eq!(doubts.len(), 1);
        assert_eq!(
            (doubts[0].strange_new, doubts[0].new, doubts[0].strange),
            (6, 6, 0)
        );
    }
}
