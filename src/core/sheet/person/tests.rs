use unicode_normalization::UnicodeNormalization;

use super::*;

fn shown(text: &str) -> String {
    let part = |part: &Part| match part {
        Part::Known(text) => text.clone(),
        Part::Absent => "-".to_owned(),
        Part::Ambiguous => "?".to_owned(),
    };
    match read(&Cell::from(text)) {
        Reading::Value(p) => format!("{}|{}|{}", part(&p.full), part(&p.given), part(&p.title)),
        Reading::Ambiguous(_) => "ambiguous".to_owned(),
        Reading::Nothing | Reading::Bad(_) => String::new(),
    }
}

fn all(cases: &[(&str, &str)]) {
    let mut misses = Vec::new();
    for (text, expected) in cases {
        for form in [
            (*text).to_owned(),
            text.nfd().collect(),
            format!("\u{a0}{text} \u{200b}"),
        ] {
            let got = shown(&form);
            if got != *expected {
                misses.push(format!("{form:?}: want {expected:?}, got {got:?}"));
            }
        }
    }
    assert!(misses.is_empty(), "\n{}", misses.join("\n"));
}

#[test]
fn names_and_titles() {
    all(&[
        ("Phạm Thị Ngọc Diệp", "Phạm Thị Ngọc Diệp|Diệp|-"),
        ("LÊ THỊ MỸ DUYÊN", "Lê Thị Mỹ Duyên|Duyên|-"),
        ("lê thị mỹ duyên", "Lê Thị Mỹ Duyên|Duyên|-"),
        ("Nguyễn văn An", "Nguyễn văn An|An|-"),
        ("Trần thị mai", "Trần thị mai|mai|-"),
        ("CHÚ TƯ", "Tư|Tư|Chú"),
        ("anh hùng", "Hùng|Hùng|Anh"),
        ("a. Hùng", "Hùng|Hùng|Anh"),
        ("a Hùng", "Hùng|Hùng|Anh"),
        ("C.Mai", "Mai|Mai|Chị"),
        ("Em Ngọc", "Ngọc|Ngọc|Em"),
        ("Bác Ba", "Ba|Ba|Bác"),
        ("Ong Le Van Chin", "Le Van Chin|Chin|Ông"),
        ("Chi Nguyen Thi Loan", "Nguyen Thi Loan|Loan|Chị"),
        ("chu Bảy", "Bảy|Bảy|Chú"),
        ("Chu Thị Hồng", "Chu Thị Hồng|Hồng|-"),
        ("Mrs. Thảo", "Thảo|Thảo|-"),
        ("Dr Nam", "Nam|Nam|-"),
        ("Bác sĩ Lê Hoàng", "Lê Hoàng|Hoàng|-"),
        ("Luật sư Trần Minh", "Trần Minh|Minh|-"),
        ("KTS. Nguyễn Hải", "Nguyễn Hải|Hải|-"),
        ("Ông/Bà Khánh", "Khánh|Khánh|-"),
        ("anh/chị Khánh", "Khánh|Khánh|-"),
        ("A / C Khánh", "Khánh|Khánh|-"),
        ("Anh chị Khánh", "Khánh|Khánh|-"),
        ("Khách hàng: Anh Tú", "Tú|Tú|Anh"),
        ("KH - chị Tú", "Tú|Tú|Chị"),
        ("Khách Nguyễn Văn Tú", "Nguyễn Văn Tú|Tú|-"),
        ("Họ tên: Nguyễn Văn Tú", "Nguyễn Văn Tú|Tú|-"),
        ("02) Chị Vân", "Vân|Vân|Chị"),
        ("12 - Chị Vân", "Vân|Vân|Chị"),
        ("Ðặng Văn Ðông", "Đặng Văn Đông|Đông|-"),
        ("Quỳnh Anh", "Quỳnh Anh|Anh|-"),
        ("anh Thư", "Thư|Thư|Anh"),
        ("Chị Anh Thư", "Anh Thư|Thư|Chị"),
        ("Lê Anh Thư", "Lê Anh Thư|Thư|-"),
        ("Trần Ba", "Trần Ba|Ba|-"),
        ("John Smith", "John Smith|Smith|-"),
    ]);
}

#[test]
fn remarks_come_off() {
    all(&[
        ("Chị Vân (khách cũ)", "Vân|Vân|Chị"),
        ("Chị Vân - khách cũ", "Vân|Vân|Chị"),
        ("Chị Vân – Thủ Đức", "Vân|Vân|Chị"),
        ("Anh Sơn, Q.2", "Sơn|Sơn|Anh"),
        ("Anh Sơn Q2", "Sơn|Sơn|Anh"),
        ("Anh Sơn +84 912 345 678", "Sơn|Sơn|Anh"),
        ("Anh Sơn: 0912.345.678", "Sơn|Sơn|Anh"),
        ("0912345678 Anh Sơn", "Sơn|Sơn|Anh"),
        ("Anh Sơn môi giới", "Sơn|Sơn|Anh"),
        ("Sơn môi giới", "Sơn|Sơn|-"),
        ("Anh Sơn VIP", "Sơn|Sơn|Anh"),
        ("Chị Vân Quận 7", "Vân|Vân|Chị"),
        ("[Chị Vân]", "Vân|Vân|Chị"),
        ("Thảo 🌸", "Thảo|Thảo|-"),
        ("Nguyễn Thị\nVân", "Nguyễn Thị Vân|Vân|-"),
        ("Nguyễn Văn Sơn quận 7", "Nguyễn Văn Sơn|Sơn|-"),
        ("✨ Chị Vân ✨", "Vân|Vân|Chị"),
        ("Nguyễn Thị Vân 💕", "Nguyễn Thị Vân|Vân|-"),
        ("Nguyễn Văn Sơn.", "Nguyễn Văn Sơn|Sơn|-"),
        ("**Chị Vân**!!!", "Vân|Vân|Chị"),
        ("Chị Vân cty Minh Phát", "Vân|Vân|Chị"),
    ]);
}

#[test]
fn what_is_unclear_is_flagged() {
    all(&[
        ("Anh Thơ", "?|Thơ|?"),
        ("ANH THƯ", "?|Thư|?"),
        ("Chi Lan", "?|Lan|?"),
        ("Ba Lan", "?|Lan|?"),
        ("Chu Lan", "?|Lan|?"),
        ("Em", "?|?|?"),
        ("Chị Vân và anh Sơn", "?|?|?"),
        ("Chị Vân + Anh Sơn", "?|?|?"),
        ("Anh Sơn/Chị Vân", "?|?|?"),
        ("Anh Sơn chị Vân", "?|?|?"),
        ("Sơn, Vân", "?|?|?"),
        ("Sơn\nVân", "?|?|?"),
        ("Anh Sơn và vợ", "?|?|?"),
        ("Nguyễn Văn Sơn - Lê Thị Vân", "?|?|?"),
        ("Bố Bin", "?|?|-"),
        ("Vợ anh Sơn", "?|?|-"),
        ("Tôm béo", "?|?|-"),
        ("Gấu Trúc 🐼", "?|?|-"),
        ("Anh chị Sơn Vân", "?|Vân|?"),
        ("bống xinh 🌸", "?|?|-"),
    ]);
}

#[test]
fn companies_and_no_names() {
    all(&[
        ("Cty Minh Phát", "Cty Minh Phát|-|-"),
        ("CÔNG TY TNHH MINH PHÁT", "Công Ty TNHH Minh Phát|-|-"),
        ("Minh Phát Co., Ltd", "Minh Phát Co|-|-"),
        ("Ngân hàng Phương Nam", "Ngân hàng Phương Nam|-|-"),
        ("Trương Văn Sở", "Trương Văn Sở|Sở|-"),
        ("Cô", "-|-|Cô"),
        ("ông", "-|-|Ông"),
        ("Anh/Chị", ""),
        ("Khách lẻ", ""),
        ("Khách VIP", ""),
        ("khách zalo", ""),
        ("khách của anh Hòa", ""),
        ("Chưa rõ tên", ""),
        ("ẩn danh", ""),
        ("0912345678", ""),
        ("an@example.com", ""),
        ("😀", ""),
        ("x", ""),
        ("TRUE", ""),
        ("?", ""),
    ]);
    assert!(matches!(read(&Cell::Number(1500.0)), Reading::Bad(_)));
}

#[test]
fn the_shape_has_null_for_what_is_not_clear() {
    let Some(person) = read(&Cell::from("Anh Thư")).value() else {
        panic!("readable")
    };
    assert_eq!(
        serde_json::to_string(&person).unwrap(),
        r#"{"full":null,"given":"Thư","title":null}"#
    );
}
