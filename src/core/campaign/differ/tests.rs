use super::*;
use crate::core::campaign::testing::{definition, stages};
use crate::core::campaign::{Budget, Origin, Wanted};

fn told(change: impl FnOnce(&mut Definition)) -> Vec<String> {
    let old = definition("x");
    let mut new = old.clone();
    change(&mut new);
    let differs = differs(&old, &new, &stages());
    assert_eq!(differs.is_empty(), fingerprint(&old) == fingerprint(&new));
    differs.iter().map(|one| one.text(true)).collect()
}

#[test]
fn what_is_not_approved_may_change() {
    let none: [&str; 0] = [];
    assert_eq!(
        told(|new| {
            new.origin = Origin::File { file: "y".into() };
            new.wanted = Wanted::Paused;
            new.author = Some("Hà".into());
            new.name = "Tên khác".into();
        }),
        none
    );
}

#[test]
fn differences_are_told_in_words() {
    assert_eq!(
        told(|new| {
            new.whom.areas.any = vec!["Quận 7".into(), "Nhà Bè".into()];
            new.whom.stages.none = vec!["lost".into()];
            new.whom.budget = Some(Budget {
                min: Some(3_500_000_000),
                max: None,
            });
            new.variants[0].subject = "Mở bán đợt 2".into();
            new.send_at.date = Some(jiff::civil::date(2026, 12, 15));
            new.ad = false;
            new.order = Order::Budget;
        }),
        [
            "Giai đoạn: thêm “trừ Không còn nhu cầu”",
            "Khu vực: thêm “Quận 7, Nhà Bè”",
            "Ngân sách: thêm “3,5 tỷ–…”",
            "Tiêu đề: “Mở bán” → “Mở bán đợt 2”",
            "Gửi lúc: “ngay khi duyệt” → “15/12/2026”",
            "Thứ tự gửi: “Mới nhất trước” → “Ngân sách cao trước”",
            "Quảng cáo: bỏ “[QC]”",
        ]
    );
}

#[test]
fn of_a_text_only_the_changed_lines_are_shown() {
    let mut old = definition("x");
    old.variants[0].body = Body::Cell("Kính chào,\n\nGiá 3 tỷ.\n\nTrân trọng".into());
    let mut new = old.clone();
    new.variants[0].body = Body::Cell("Kính chào,\n\nGiá 3,2 tỷ.\n\nTrân trọng".into());
    assert_eq!(
        differs(&old, &new, &stages())[0].text(true),
        "Nội dung: “Giá 3 tỷ.” → “Giá 3,2 tỷ.”"
    );
    new.variants[0].body = Body::Template("mo-ban".into());
    let texts: Vec<String> = differs(&old, &new, &stages())
        .iter()
        .map(|one| one.text(false))
        .collect();
    assert_eq!(
        texts,
        [
            "Template: added “mo-ban”",
            "Text: removed “Kính chào,  Giá 3 tỷ.  Trân trọng”"
        ]
    );
}
