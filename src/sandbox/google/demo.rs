//! The sample workbook of the demo.

use super::cell::{Cell, CellValue};
use super::workbook::Workbook;

/// The sample: invented people, the usual mess. An unaltered copy of the project's crm-300 workbook.
const SAMPLE: &str = include_str!("../data/crm-300.json");

/// The tab with the customers.
const CUSTOMERS: &str = "Khách hàng";
/// The column this adds.
const CONSENT: &str = "Đồng ý nhận tin";

/// The sample workbook with a filled consent column (`Đồng ý nhận tin`) right of the others: most
/// customers have agreed, by an `x` or a tick; every sixth cell is empty. Always the same.
pub fn demo_workbook() -> Workbook {
    let mut workbook =
        Workbook::from_json(SAMPLE).expect("the sample is part of the program and a test reads it");
    if let Some(tab) = workbook.tabs.iter_mut().find(|tab| tab.title == CUSTOMERS) {
        let is_header = |row: usize| {
            tab.row(row)
                .iter()
                .any(|cell| cell.value == CellValue::Text("Họ tên".to_owned()))
        };
        if let Some(header) = (0..tab.filled_rows()).find(|row| is_header(*row)) {
            let column = tab.row(header).len();
            tab.set(header, column, Cell::text(CONSENT));
            for row in header + 1..tab.filled_rows() {
                // A customer has a number in the first column and a name; month rows and totals not.
                let customer = matches!(tab.cell(row, 0).value, CellValue::Number(_))
                    && matches!(tab.cell(row, 1).value, CellValue::Text(_));
                let cell = match row % 6 {
                    _ if !customer => continue,
                    0 => continue,
                    1 | 4 => Cell::boolean(true),
                    _ => Cell::text("x"),
                };
                tab.set(row, column, cell);
            }
        }
    }
    workbook
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_has_consent_for_most_customers_and_is_otherwise_as_shipped() {
        let demo = demo_workbook();
        let tab = demo.tab(CUSTOMERS).unwrap();
        assert_eq!(tab.cell(2, 15).value, CellValue::Text(CONSENT.to_owned()));
        let agreed = (3..tab.filled_rows())
            .filter(|row| !tab.cell(*row, 15).is_empty())
            .count();
        assert!((200..=280).contains(&agreed), "{agreed} agreed");
        assert!(tab.cell(3, 15).is_empty(), "a month row has no tick");
        assert_eq!(demo, demo_workbook());
        let sample: serde_json::Value = serde_json::from_str(SAMPLE).unwrap();
        let titles: Vec<&str> = demo.tabs.iter().map(|tab| tab.title.as_str()).collect();
        assert_eq!(
            titles,
            ["Khách hàng", "Lịch hẹn", "NV", "T11", "Lưu trữ (cũ)"]
        );
        let again: serde_json::Value =
            serde_json::from_str(&Workbook::from_json(SAMPLE).unwrap().to_json()).unwrap();
        assert_eq!(again["sheets"][0]["rows"], sample["sheets"][0]["rows"]);
        assert_eq!(again["sheets"][1]["rows"], sample["sheets"][1]["rows"]);
    }
}
