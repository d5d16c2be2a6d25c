//! The rows of a handover as a file, by which the managers write the new names into the sheet when it suits them.

use crate::config::Language;
use crate::core::record::RecordId;
use crate::core::sheet::fold::fold;
use crate::core::sheet::inert::inert;
use crate::roster::Roster;
use crate::store::StoreError;

const HEADER_VI: [&str; 5] = [
    "Trang tính",
    "Dòng",
    "Khách hàng",
    "Đang ghi trong bảng",
    "Người phụ trách mới",
];
const HEADER_EN: [&str; 5] = ["Tab", "Row", "Customer", "The sheet says", "In charge now"];

/// Every row that a handover concerns and whose cell still names the leaver, in the order of the sheet: what is to be
/// pasted into the owner column. Name and content of the file; none if it was taken back.
///
/// # Errors
/// The disk.
pub fn handover_csv(roster: &Roster, id: &str) -> Result<Option<(String, String)>, StoreError> {
    let standing = roster.stand_ins()?;
    let Some(handover) = standing.all().find(|one| one.id == id) else {
        return Ok(None);
    };
    let store = roster.store();
    let mut lines: Vec<(String, u32, [String; 5])> = Vec::new();
    for record in store.shares(id)?.into_keys() {
        lines.extend(csv_line(roster, &record)?);
    }
    lines.sort();
    let vietnamese = roster.config().language == Language::Vi;
    let mut csv = String::from('\u{feff}');
    let header = if vietnamese { HEADER_VI } else { HEADER_EN };
    put(&mut csv, &header.map(str::to_owned));
    for (_, _, cells) in &lines {
        put(&mut csv, cells);
    }
    let kind = if vietnamese { "ban-giao" } else { "handover" };
    let name = fold(&handover.from).replace(' ', "-");
    Ok(Some((format!("{kind}-{name}.csv"), csv)))
}

fn csv_line(
    roster: &Roster,
    id: &RecordId,
) -> Result<Option<(String, u32, [String; 5])>, StoreError> {
    let Some(record) = roster
        .store()
        .record(id)?
        .filter(|record| record.gone.is_none())
    else {
        return Ok(None);
    };
    let Some(row) = roster.row_of(&record)? else {
        return Ok(None);
    };
    let typed = roster.typed(record.kind, &record.place.workbook, &record.seen)?;
    let cell = |field: &str| {
        let cell = record.seen.get(field);
        cell.map(|cell| cell.shown().into_owned())
            .unwrap_or_default()
    };
    let tab = roster.tab(&record.place.workbook, record.place.sheet)?;
    let tab = tab.map(|tab| tab.title).unwrap_or_default();
    let now = roster.owners_in(id, &typed)?.join(" + ");
    let cells = [
        tab.clone(),
        row.to_string(),
        cell("name"),
        cell("owner"),
        now,
    ];
    Ok(Some((tab, row, cells)))
}

/// One line (RFC 4180); every cell in quotes, none of them a formula.
fn put(csv: &mut String, cells: &[String; 5]) {
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| format!("\"{}\"", inert(cell).replace('"', "\"\"")))
        .collect();
    csv.push_str(&cells.join(","));
    csv.push_str("\r\n");
}
