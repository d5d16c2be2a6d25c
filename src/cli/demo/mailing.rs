//! The demo's campaign tab: its headers as `campaigns` reads them, and one campaign that is still being written,
//! so that a visitor only has to say that it is ready.

use crate::core::campaign::COLUMNS;
use crate::core::sheet::fold::fold;
use crate::sandbox::google::{Cell, Tab, Workbook};

/// What the tab is called, in the workbook and in the configuration.
pub(crate) const TAB: &str = "Chiến dịch";

/// The columns of the everyday case. The state stands beside the name: a visitor on a phone sees it at once.
const SHOWN: [&str; 14] = [
    "name", "state", "stage", "interest", "area", "budget", "subject", "text", "send_at", "author",
    "note", "source", "owner", "dealings",
];

/// A campaign for the sample's customers: a dozen of three hundred are meant, and a few of those are left out.
const SAMPLE: &[(&str, &str)] = &[
    ("name", "Mở bán Sunrise Riverside"),
    ("state", "Đang soạn"),
    ("stage", "Khách hàng tiềm năng, Đang tư vấn"),
    ("interest", "Căn hộ"),
    ("area", "Quận 7, Nhà Bè"),
    ("budget", "2-6 tỷ"),
    (
        "subject",
        "{{ greeting }} ơi, Sunrise Riverside mở bán đợt 2",
    ),
    ("text", SAMPLE_TEXT),
    ("author", super::settings::MARKETER),
    ("note", "Đổi Trạng thái sang Sẵn sàng để xin duyệt"),
];

const SAMPLE_TEXT: &str = "\
Kính chào {{ greeting }},

Sunrise Riverside vừa mở bán đợt 2, ngay khu vực **{{Khu vực}}** mà {{ pronoun }} đang tìm:

- Căn hộ **2 và 3 phòng ngủ**, từ 2,9 tỷ
- Thanh toán 30% đến khi nhận nhà
- Nhà mẫu mở cửa thứ Bảy và Chủ nhật

[Xem mặt bằng và bảng giá](https://queenland.example/sunrise)

{{Loại BĐS quan tâm}} là loại được đặt chỗ nhanh nhất. Chỉ cần trả lời thư này, em giữ lịch xem nhà cho {{ pronoun }} ngay.";

/// A campaign for customers of whom only name and address are known.
const ANYBODY: &[(&str, &str)] = &[
    ("name", "Thư mời xem nhà mẫu"),
    ("state", "Đang soạn"),
    ("stage", "tất cả"),
    ("subject", "{{ greeting }} ơi, nhà mẫu mở cửa cuối tuần này"),
    (
        "text",
        "\
Kính chào {{ greeting }},

Cuối tuần này nhà mẫu mở cửa từ **8 giờ đến 17 giờ**. Chỉ cần trả lời thư này, em giữ lịch xem nhà cho {{ pronoun }}.",
    ),
    ("author", super::settings::MARKETER),
    ("note", "Đổi Trạng thái sang Sẵn sàng để xin duyệt"),
];

/// Adds the tab behind the first one, unless the workbook has one of that name. `sample`: whether it is the
/// demo's own workbook, for whose customers the longer text is.
pub(crate) fn add_tab(workbook: &mut Workbook, sample: bool) {
    if workbook
        .tabs
        .iter()
        .any(|tab| fold(&tab.title) == fold(TAB))
    {
        return;
    }
    fill(workbook.add_tab(TAB), if sample { SAMPLE } else { ANYBODY });
    let Some(tab) = workbook.tabs.pop() else {
        return;
    };
    workbook.tabs.insert(1.min(workbook.tabs.len()), tab);
}

fn fill(tab: &mut Tab, example: &[(&str, &str)]) {
    tab.frozen_rows = 1;
    let columns = SHOWN
        .iter()
        .filter_map(|id| COLUMNS.iter().find(|one| one.id == *id));
    for (at, column) in columns.enumerate() {
        let (what, _) = column.what;
        let header = Cell {
            note: Some(what.into()),
            ..Cell::text(column.headers[0])
        };
        tab.set(0, at, header);
        if let Some((_, text)) = example.iter().find(|(id, _)| *id == column.id) {
            tab.set(1, at, Cell::text(*text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::google::{CellValue, demo_workbook};

    fn texts(tab: &Tab, row: usize) -> Vec<String> {
        let text = |cell: &Cell| match &cell.value {
            CellValue::Text(text) => text.to_string(),
            other => panic!("{other:?}"),
        };
        let cells = tab.row(row).iter();
        cells.filter(|cell| !cell.is_empty()).map(text).collect()
    }

    #[test]
    fn the_tab_has_every_column_it_names_and_a_draft() {
        let mut workbook = demo_workbook();
        add_tab(&mut workbook, true);
        let titles: Vec<&str> = workbook.tabs.iter().map(|tab| tab.title.as_str()).collect();
        assert_eq!(titles[..3], ["Khách hàng", "Chiến dịch", "Lịch hẹn"]);
        let tab = workbook.tab(TAB).unwrap();
        let header = texts(tab, 0);
        assert_eq!(header.len(), SHOWN.len());
        assert_eq!(header[..3], ["Tên chiến dịch", "Trạng thái", "Giai đoạn"]);
        assert_eq!(texts(tab, 1).len(), SAMPLE.len());
        assert_eq!(texts(tab, 1)[1], "Đang soạn");
    }

    #[test]
    fn a_visitors_own_tab_of_that_name_stays_as_it_is() {
        let mut workbook = Workbook::new("1", "Khách");
        workbook.add_tab("CHIẾN DỊCH").set(0, 0, Cell::text("Tên"));
        let before = workbook.clone();
        add_tab(&mut workbook, false);
        assert_eq!(workbook, before);
    }
}
