//! Rows as staff write them, and what they are told about what is wrong.

use super::*;
use crate::core::calendar::{Holidays, Hours};
use crate::core::campaign::testing::{fields, stages};
use crate::core::campaign::{Budget, Choice, Dealing, Order, Whom};
use crate::core::people::{Colleague, Role};

/// Reads a row of `column=text` lines; a text may go on in lines without a column.
fn read_row(lines: &[(&str, &str)]) -> Result<Definition, Vec<Problem>> {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let columns = super::words::fields(&BTreeMap::new());
    let mut cells = BTreeMap::new();
    let mut places = BTreeMap::new();
    for (at, field) in columns.iter().enumerate() {
        let letter = &letters[at % 26..=at % 26];
        places.insert(
            field.id.clone(),
            Place::Cell {
                tab: "Chiến dịch".into(),
                cell: format!("{letter}5"),
                header: field.headers[0].clone(),
            },
        );
    }
    for (column, text) in lines {
        assert!(places.contains_key(*column), "{column}");
        cells.insert((*column).to_owned(), Cell::from(*text));
    }
    let written = Written {
        origin: Origin::Row {
            workbook: "w".into(),
            sheet: 1,
            tab: "Chiến dịch".into(),
            row: 5,
        },
        cells,
        places,
    };
    read_written(&written)
}

fn read_written(written: &Written) -> Result<Definition, Vec<Problem>> {
    let people = Directory::new(vec![Colleague {
        name: "Lan Anh".into(),
        role: Role::Staff,
        team: None,
        aliases: vec!["L. Anh".into()],
        email: None,
        telegram: None,
    }]);
    let calendar = Calendar {
        zone: jiff::tz::TimeZone::fixed(jiff::tz::Offset::constant(7)),
        work: Hours::parse("Mon-Sat 08:00-18:00").unwrap(),
        ads: Hours::parse("07:30-21:00").unwrap(),
        holidays: Holidays::default(),
        duty: Vec::new(),
    };
    let known = Known {
        stages: &stages(),
        won: &["completed".to_owned()].into(),
        fields: &fields(),
        names: &Names::new(&fields()),
        people: &people,
        templates: &["mo-ban".to_owned(), "tri-an".to_owned()].into(),
        calendar: &calendar,
        locale: "vi_VN",
        attachment: &|path| {
            (path == "khong-co.pdf").then(|| {
                (
                    Said::new("không tìm thấy tệp", "no such file"),
                    Said::new("Hãy chép tệp vào", "Copy it there"),
                )
            })
        },
    };
    read(written, CampaignId::from_text("x"), &known)
}

const BASE: [(&str, &str); 4] = [
    ("name", "Mở bán"),
    ("stage", "Đang tư vấn"),
    ("subject", "Chào {{Họ tên}}"),
    ("text", "Kính chào {{ greeting }}"),
];

fn with(more: &[(&'static str, &'static str)]) -> Result<Definition, Vec<Problem>> {
    let mut lines = BASE.to_vec();
    for (column, text) in more {
        lines.retain(|(one, _)| one != column);
        if !text.is_empty() {
            lines.push((column, text));
        }
    }
    read_row(&lines)
}

fn whom(more: &[(&'static str, &'static str)]) -> Whom {
    with(more).unwrap().whom
}

fn told(more: &[(&'static str, &'static str)]) -> Vec<String> {
    let problems = with(more).expect_err("it is read without a word");
    problems.iter().map(|problem| problem.text(true)).collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[test]
fn a_row_becomes_a_definition() {
    let definition = with(&[
        ("stage", "tiềm năng; ĐANG TƯ VẤN"),
        ("area", "Quận 7, Nhà Bè"),
        ("budget", "3-5 tỷ"),
        ("owner", "l anh"),
        ("send_at", "15/12/2026 9:00"),
        ("state", "Gửi duyệt"),
        ("order", "ngân sách cao trước"),
        ("author", "lan anh"),
        ("attachment", "thang-12\\bang gia.pdf"),
    ])
    .unwrap();
    assert_eq!(definition.whom.stages.any, ["prospect", "consulting"]);
    assert_eq!(definition.whom.areas.any, ["Quận 7", "Nhà Bè"]);
    assert_eq!(definition.whom.owners.any, ["Lan Anh"]);
    assert_eq!(
        definition.whom.budget,
        Some(Budget {
            min: Some(3_000_000_000),
            max: Some(5_000_000_000)
        })
    );
    assert_eq!(
        definition.send_at.date,
        Some(jiff::civil::date(2026, 12, 15))
    );
    assert_eq!(definition.send_at.time, Some(jiff::civil::time(9, 0, 0, 0)));
    assert_eq!(definition.wanted, Wanted::Ready);
    assert_eq!(definition.order, Order::Budget);
    assert_eq!(definition.author.as_deref(), Some("Lan Anh"));
    assert_eq!(
        definition.variants[0].attachment.as_deref(),
        Some("thang-12/bang gia.pdf")
    );
    assert!(definition.ad);
}

#[test]
fn everyone_must_be_said_and_some_may_be_excepted() {
    let all = whom(&[("stage", "Tất cả")]);
    assert!(all.everyone && all.stages.is_empty());
    assert_eq!(
        whom(&[("stage", "Tất cả, trừ mất khách")]).stages.none,
        ["lost"]
    );
    assert_eq!(
        whom(&[("stage", ""), ("area", "trừ Quận 7, Nhà Bè")]).areas,
        Choice {
            any: Vec::new(),
            none: words(&["Quận 7", "Nhà Bè"])
        }
    );
    assert_eq!(
        told(&[("stage", "")]),
        [
            "Trang “Chiến dịch”, ô D5 (Giai đoạn): chưa ghi gửi cho ai. Hãy ghi giai đoạn, khu vực hay tiêu chí khác; nếu đúng là gửi cho mọi khách, hãy ghi “tất cả” ở cột Giai đoạn"
        ]
    );
}

#[test]
fn dealings_are_read_in_many_words() {
    let reached = |stages: &[&str], ever| Dealing::Reached {
        stages: words(stages),
        ever,
    };
    for (text, dealing) in [
        ("từng đặt cọc", reached(&["deposited", "completed"], true)),
        ("Đã cọc", reached(&["deposited", "completed"], true)),
        (
            "chưa từng đặt cọc",
            reached(&["deposited", "completed"], false),
        ),
        (
            "deposited before",
            reached(&["deposited", "completed"], true),
        ),
        ("chưa mua", reached(&["completed"], false)),
        ("never bought", reached(&["completed"], false)),
        ("từng đang tư vấn", reached(&["consulting"], true)),
        (
            "đã gửi thư 30 ngày",
            Dealing::Mailed {
                days: 30,
                within: true,
            },
        ),
        (
            "chưa gửi thư trong 2 tuần qua",
            Dealing::Mailed {
                days: 14,
                within: false,
            },
        ),
        (
            "not mailed in the last 30 days",
            Dealing::Mailed {
                days: 30,
                within: false,
            },
        ),
        (
            "chưa nhận thư lần nào",
            Dealing::Mailed {
                days: 36_500,
                within: false,
            },
        ),
        (
            "khách mới 7 ngày",
            Dealing::New {
                days: 7,
                within: true,
            },
        ),
        (
            "mới trong 1 tháng",
            Dealing::New {
                days: 30,
                within: true,
            },
        ),
        (
            "cũ hơn 90 ngày",
            Dealing::New {
                days: 90,
                within: false,
            },
        ),
        (
            "older than 90 days",
            Dealing::New {
                days: 90,
                within: false,
            },
        ),
    ] {
        assert_eq!(whom(&[("dealings", text)]).dealings, [dealing], "{text}");
    }
    assert_eq!(
        whom(&[("dealings", "chưa mua, mới 7 ngày")]).dealings.len(),
        2
    );
    assert_eq!(
        told(&[("dealings", "thân thiết")]),
        [
            "Trang “Chiến dịch”, ô M5 (Giao dịch): không hiểu “thân thiết”. Hãy ghi như: từng đặt cọc, chưa mua, đã gửi thư 30 ngày, chưa gửi thư 30 ngày, mới 7 ngày, cũ hơn 90 ngày"
        ]
    );
}

#[test]
fn groups_have_texts_of_their_own() {
    let definition = with(&[
        ("group_2", "Loại BĐS: đầu tư\nNgân sách: trên 5 tỷ"),
        ("text_2", "Chào nhà đầu tư {{Họ tên|Anh/Chị}}"),
        ("group_3", "'vip' in note"),
        ("subject_3", "Riêng cho {{ greeting }}"),
        ("template_3", "Mo Ban"),
    ])
    .unwrap();
    let shown: Vec<String> = definition
        .variants
        .iter()
        .map(|one| {
            format!(
                "{} {:?} {:?} {}",
                one.number, one.called, one.body, one.subject
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "2 Some(\"Loại BĐS: đầu tư\\nNgân sách: trên 5 tỷ\") Cell(\"Chào nhà đầu tư {{Họ tên|Anh/Chị}}\") Chào {{Họ tên}}",
            "3 Some(\"'vip' in note\") Template(\"mo-ban\") Riêng cho {{ greeting }}",
            "1 None Cell(\"Kính chào {{ greeting }}\") Chào {{Họ tên}}",
        ]
    );
    assert_eq!(
        told(&[("text_2", "Chào")]),
        [
            "Trang “Chiến dịch”, ô B5 (Nội dung 2): nội dung 2 không nói là cho nhóm khách nào. Hãy ghi cột Nhóm 2, ví dụ “Nhu cầu: đầu tư”"
        ]
    );
}

#[test]
fn times_are_read_in_many_forms() {
    let at = |more: &[(&'static str, &'static str)]| {
        let send_at = with(more).unwrap().send_at;
        let shown = |part: Option<String>| part.unwrap_or_else(|| "-".to_owned());
        format!(
            "{} {}",
            shown(send_at.date.map(|date| date.to_string())),
            shown(send_at.time.map(|time| time.strftime("%H:%M").to_string()))
        )
    };
    assert_eq!(at(&[]), "- -");
    assert_eq!(at(&[("send_at", "ngay khi duyệt")]), "- -");
    assert_eq!(at(&[("send_at", "15/12/2026")]), "2026-12-15 -");
    assert_eq!(at(&[("send_at", "9h30 15/12/2026")]), "2026-12-15 09:30");
    assert_eq!(
        at(&[("send_at", "15-12-2026"), ("send_hour", "9h")]),
        "2026-12-15 09:00"
    );
    assert_eq!(
        at(&[("send_at", "15/12/2026"), ("send_hour", "2h chiều")]),
        "2026-12-15 14:00"
    );
    assert_eq!(at(&[("send_at", "9h sáng")]), "- 09:00");
    assert_eq!(
        told(&[("send_at", "15/12/2026 23:00")]),
        [
            "Trang “Chiến dịch”, ô S5 (Gửi lúc): 23:00 nằm ngoài khung giờ gửi thư cho khách (07:30-21:00). Hãy chọn giờ trong khung này"
        ]
    );
    assert_eq!(
        told(&[("send_at", "tuần sau")]),
        [
            "Trang “Chiến dịch”, ô S5 (Gửi lúc): không hiểu thời gian gửi “tuần sau”. Hãy ghi đủ ngày, tháng, năm, có thể kèm giờ, ví dụ 15/12/2026 9:00; để trống là gửi ngay khi được duyệt"
        ]
    );
}

#[test]
fn numbers_are_times_as_sheets_has_them() {
    let mut written = Written {
        origin: Origin::File {
            file: "campaigns/x.toml".into(),
        },
        cells: BASE
            .iter()
            .map(|(column, text)| ((*column).to_owned(), Cell::from(*text)))
            .collect(),
        places: BTreeMap::new(),
    };
    // 15/12/2026 as a serial, and 9:30 as a part of a day.
    written
        .cells
        .insert("send_at".into(), Cell::Number(46_371.0));
    written
        .cells
        .insert("send_hour".into(), Cell::Number(0.395_833_333));
    let send_at = read_written(&written).unwrap().send_at;
    assert_eq!(send_at.date, Some(jiff::civil::date(2026, 12, 15)));
    assert_eq!(send_at.time, Some(jiff::civil::time(9, 30, 0, 0)));
}

#[test]
fn every_wrong_cell_is_told_with_its_mend() {
    for (column, text, expected) in [
        (
            "stage",
            "Đang tư vẫng",
            "D5 (Giai đoạn): không có giai đoạn “Đang tư vẫng”. Có phải ý bạn là “Đang tư vấn”? Hãy sửa lại ô này.",
        ),
        (
            "stage",
            "Khách quen",
            "D5 (Giai đoạn): không có giai đoạn “Khách quen”. Các giai đoạn đang có: “Khách hàng tiềm năng”, “Đang tư vấn”, “Đã đặt cọc”, “Hoàn tất giao dịch”, “Không còn nhu cầu”",
        ),
        (
            "stage",
            "mới, trừ mới",
            "D5 (Giai đoạn): “mới” vừa được chọn vừa bị trừ ra. Hãy bỏ một trong hai",
        ),
        (
            "channel",
            "Zalo",
            "C5 (Kênh): chiến dịch chưa gửi được qua “Zalo”. Hãy ghi Email, hoặc để trống; Telegram và Zalo không cho gửi hàng loạt tới khách",
        ),
        (
            "budget",
            "nhiều tiền",
            "H5 (Ngân sách): không hiểu số tiền “nhiều tiền”. Hãy ghi kèm đơn vị, ví dụ “3-5 tỷ”, “dưới 3 tỷ”, “800 triệu”",
        ),
        (
            "project",
            "Sunrise",
            "G5 (Dự án): bảng khách hàng chưa khai báo cột nào là “Dự án”. Hãy nhờ quản trị viên khai báo cột `project` trong cấu hình, hoặc để trống ô này",
        ),
        (
            "condition",
            "budgt.max > 3",
            "N5 (Điều kiện): điều kiện dùng tên không có: `budgt`. Có phải ý bạn là `budget`?",
        ),
        (
            "condition",
            "commission > 3",
            "N5 (Điều kiện): điều kiện dùng tên không có: `commission`. Hãy dùng tên cột như trong cấu hình, ví dụ stage, area, budget.max, note",
        ),
        (
            "state",
            "Dừgn",
            "B5 (Trạng thái): không hiểu trạng thái “Dừgn”. Có phải ý bạn là “Dừng”? Hãy sửa lại ô này.",
        ),
        (
            "order",
            "ngẫu nhiên",
            "U5 (Thứ tự gửi): không hiểu “ngẫu nhiên”. Hãy ghi một trong các từ: “Mới nhất trước”, “Cũ nhất trước”, “Ngân sách cao trước”, “Theo bảng”",
        ),
        (
            "text",
            "Chào {{Họ và tên}}",
            "P5 (Nội dung): không có cột nào tên “Họ và tên”. Có phải ý bạn là {{Họ tên}}?",
        ),
        (
            "text",
            "Hoa hồng {{Hoa hồng}}",
            "P5 (Nội dung): cột “Hoa hồng” là cột riêng tư, không được đưa vào thư. Hãy bỏ nó ra khỏi nội dung",
        ),
        (
            "text",
            "",
            "P5 (Nội dung): thư chưa có nội dung. Hãy ghi cột Nội dung, hoặc tên mẫu ở cột Mẫu thư",
        ),
        (
            "text",
            "#REF!",
            "P5 (Nội dung): thư chưa có nội dung. Hãy ghi cột Nội dung, hoặc tên mẫu ở cột Mẫu thư",
        ),
        (
            "subject",
            "",
            "O5 (Tiêu đề): thư chưa có tiêu đề. Hãy ghi cột Tiêu đề",
        ),
        (
            "subject",
            "Chào\nanh",
            "O5 (Tiêu đề): tiêu đề có nhiều dòng. Hãy ghi tiêu đề trên một dòng",
        ),
        (
            "template",
            "mo-ban",
            "Q5 (Mẫu thư): có cả nội dung lẫn mẫu thư. Hãy giữ một trong hai",
        ),
        (
            "attachment",
            "../mat-khau.txt",
            "R5 (Đính kèm): “../mat-khau.txt” không phải là tệp trong thư mục đính kèm. Hãy ghi tên tệp, ví dụ bang-gia.pdf hoặc thang-12/bang-gia.pdf; mỗi ô một tệp",
        ),
        (
            "attachment",
            "khong-co.pdf",
            "R5 (Đính kèm): không tìm thấy tệp. Hãy chép tệp vào",
        ),
        (
            "ad",
            "để hỏi",
            "W5 (Quảng cáo): không rõ có phải quảng cáo hay không. Hãy ghi Có hoặc Không; để trống là Có",
        ),
        (
            "send_hour",
            "trưa",
            "T5 (Giờ gửi): không hiểu giờ gửi “trưa”. Hãy ghi như 9:00 hoặc 9h30",
        ),
    ] {
        let texts = told(&[(column, text)]);
        assert!(
            texts.contains(&format!("Trang “Chiến dịch”, ô {expected}")),
            "{column}={text}: {texts:#?}"
        );
    }
    let from_to = told(&[("budget_from", "5 tỷ"), ("budget_to", "3 tỷ")]);
    assert!(from_to[0].ends_with("ngân sách “từ” lớn hơn “đến”. Hãy đổi lại hai số"));
    let unknown = told(&[("text", ""), ("template", "mo bnan")]);
    assert_eq!(
        unknown,
        [
            "Trang “Chiến dịch”, ô Q5 (Mẫu thư): không có mẫu thư “mo bnan”. Có phải ý bạn là “mo-ban”?"
        ]
    );
}

#[test]
fn a_problem_is_also_told_in_english() {
    let problems = with(&[("stage", "Khách quen"), ("name", "")]).unwrap_err();
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "Tab “Chiến dịch”, cell A5 (Tên chiến dịch): the campaign has no name. Write one into the column Campaign name",
            "Tab “Chiến dịch”, cell D5 (Giai đoạn): there is no stage “Khách quen”. The stages are “Khách hàng tiềm năng”, “Đang tư vấn”, “Đã đặt cọc”, “Hoàn tất giao dịch”, “Không còn nhu cầu”",
        ]
    );
}
