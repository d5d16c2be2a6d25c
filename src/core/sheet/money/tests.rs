use super::*;

fn shown(cell: &Cell) -> String {
    let end = |v: Option<i64>| v.map_or_else(String::new, |v| format!("{}", v / 1_000_000));
    match read(cell) {
        Reading::Value(m) => {
            let about = if m.approximate { "~" } else { "" };
            if m.min == m.max {
                format!("{about}{}", end(m.min))
            } else {
                format!("{about}{}..{}", end(m.min), end(m.max))
            }
        }
        Reading::Ambiguous(_) => "ambiguous".to_owned(),
        Reading::Nothing | Reading::Bad(_) => String::new(),
    }
}

/// `expected` is in triệu.
fn check(misses: &mut Vec<String>, text: &str, expected: &str) {
    for form in [
        text.to_owned(),
        text.nfd().collect(),
        text.to_uppercase(),
        format!(" {text}\u{a0}\u{200b}"),
    ] {
        let got = shown(&Cell::from(form.as_str()));
        if got != expected {
            misses.push(format!("{form:?}: want {expected:?}, got {got:?}"));
        }
    }
}

fn all(cases: &[(&str, &str)]) {
    let mut misses = Vec::new();
    for (text, expected) in cases {
        check(&mut misses, text, expected);
    }
    assert!(misses.is_empty(), "\n{}", misses.join("\n"));
}

#[test]
fn amounts() {
    all(&[
        ("4 tỷ 7", "4700"),
        ("4tỷ7", "4700"),
        ("4t7", "4700"),
        ("4ty7", "4700"),
        ("4 tỷ 750", "4750"),
        ("2 tỷ 080", "2080"),
        ("7 tỏi 250 triệu", "7250"),
        ("1tỷ250tr", "1250"),
        ("2 tỷ 5 trăm", "2500"),
        ("2 tỷ 5 trăm triệu", "2500"),
        ("2 tỷ 2 trăm rưỡi", "2250"),
        ("4 tỷ ruoi", "4500"),
        ("nửa tỷ", "500"),
        ("tỷ hai", "1200"),
        ("tỷ 350", "1350"),
        ("mười hai tỷ", "12000"),
        ("hai mươi tỷ", "20000"),
        ("mười lăm tỷ", "15000"),
        ("tám trăm triệu", "800"),
        ("một tỷ hai trăm triệu", "1200"),
        ("một tỷ tư", "1400"),
        ("bốn tỷ rưỡi", "4500"),
        ("hai ty ruoi", "2500"),
        ("750tr", "750"),
        ("750 trieu", "750"),
        ("950 củ", "950"),
        ("9 trăm triệu", "900"),
        ("0,9 tỷ", "900"),
        ("0.95 tỷ", "950"),
        ("3,25 tỷ", "3250"),
        ("1.500 tỷ", "1500"),
        ("1.800 triệu", "1800"),
        ("1,800 triệu", "1800"),
        ("1 800 triệu", "1800"),
        ("3.200.000.000 đồng", "3200"),
        ("3 200 000 000", "3200"),
        ("3,200,000,000vnđ", "3200"),
        ("1.200.000.000₫", "1200"),
        ("4 tỷ đồng", "4000"),
        ("giá 4 tỷ 2 thôi", "4200"),
        ("3 tỷ/căn", "3000"),
        ("- 3 tỷ", "3000"),
        ("3 tỷ (thương lượng)", "3000"),
        ("3", "3000"),
        ("2,5", "2500"),
        ("29,9", "29900"),
        ("3.250", "3250"),
        ("450", "450"),
        ("2500", "2500"),
        ("ngân sách 3", "3000"),
        ("1.000", "1000"),
        ("mua nhà quận 7, 3 tỷ", "3000"),
        ("3 tỷ quận 7", "3000"),
        ("3 tỷ vay 70%", "3000"),
        ("Q7 4 tỷ", "4000"),
        ("giá3tỷ", "3000"),
        ("chục tỷ", ""),
        ("3 chục tỷ", "30000"),
    ]);
}

#[test]
fn figures_of_other_words_are_left_alone() {
    all(&[
        ("3 tỷ 3PN", "3000"),
        ("3 tỷ 2 phòng ngủ", "3000"),
        ("4 tỷ 3 lầu", "4000"),
        ("6 tỷ 80m²", "6000"),
        ("6 tỷ 80 m2", "6000"),
        ("nhà 5x20 giá 9 tỏi", "9000"),
        ("2 tỷ 1 trệt 1 lầu", "2000"),
        ("5 tỷ 4x12", "5000"),
        ("3 trệt", ""),
        ("3PN 90m2", ""),
        ("2 tý", ""),
        ("tỉ lệ 30%", ""),
        ("3 tỷ 5 đổ lại", "..3500"),
        ("2 tỷ 3 người", "2000"),
        ("70%", ""),
    ]);
}

#[test]
fn intervals_and_bounds() {
    all(&[
        ("2-3 tỷ", "2000..3000"),
        ("2–3 tỷ", "2000..3000"),
        ("từ 2 tỷ đến 3 tỷ", "2000..3000"),
        ("2 tới 3tỷ", "2000..3000"),
        ("1,5-2 tỷ", "1500..2000"),
        ("900tr-1,2 tỷ", "900..1200"),
        ("900 - 1 tỷ 2", "900..1200"),
        ("500-700 triệu", "500..700"),
        ("2 tỷ 5 - 3 tỷ", "2500..3000"),
        ("2tỷ5-3", "2500..3000"),
        ("3 - 5", "3000..5000"),
        ("1.500-2.000 triệu", "1500..2000"),
        ("2-3 trăm triệu", "200..300"),
        ("hai đến ba tỷ", "2000..3000"),
        ("trên 3 dưới 5 tỷ", "3000..5000"),
        ("khoảng 2-3 tỷ", "~2000..3000"),
        ("từ khoảng 2 đến 3 tỷ", "~2000..3000"),
        ("tầm 2 tỷ 5 đến 3 tỷ", "~2500..3000"),
        ("duoi 4 ty", "..4000"),
        ("≤ 4 tỷ", "..4000"),
        ("<= 4 tỷ", "..4000"),
        ("max 4 tỷ", "..4000"),
        ("toi da 4 ty", "..4000"),
        ("ko quá 4 tỷ", "..4000"),
        ("4 tỷ trở lại", "..4000"),
        ("4 tỷ quay đầu", "..4000"),
        ("đến 4 tỷ", "..4000"),
        ("dưới 900 triệu", "..900"),
        ("tren 4 ty", "4000.."),
        ("≥4 tỷ", "4000.."),
        ("ít nhất 4 tỷ", "4000.."),
        ("không dưới 4 tỷ", "4000.."),
        ("từ 4 tỷ", "4000.."),
        ("4 tỷ đổ lên", "4000.."),
        ("4+ tỷ", "4000.."),
        ("4 tỷ 5+", "4500.."),
        ("4 tỷ trở lên", "4000.."),
        ("khoảng 4 tỷ", "~4000"),
        ("trên dưới 900tr", "~900"),
        ("xấp xỉ 4 tỷ", "~4000"),
        ("cỡ 4 tỷ 2", "~4200"),
        ("~ 4 ty", "~4000"),
        ("≈ 4 tỷ", "~4000"),
        ("gần 900 triệu", "~900"),
        ("hơn 4 tỷ chút", "~4000"),
        ("tam 4 ty", "~4000"),
        ("tầm 3", "~3000"),
        ("khoảng 6,8 tỷ đổ lại", "~..6800"),
        ("4 tỷ hơn", "~4000"),
        ("Ngân sách ~3 tỷ", "~3000"),
        ("min 2 tỷ max 3 tỷ", "2000..3000"),
        ("tối thiểu 2 tỷ, tối đa 3 tỷ", "2000..3000"),
        ("3 -> 5 tỷ", "3000..5000"),
        ("3 tỷ +-", "~3000"),
        ("3 tỷ là max", "..3000"),
        ("3 tỷ 5 nha", "3500"),
        ("2 tỷ lẻ 50 triệu", "2050"),
    ]);
}

#[test]
fn unclear_amounts_are_flagged() {
    all(&[
        ("4 tỷ 15", "ambiguous"),
        ("2 4 tỷ", "ambiguous"),
        ("3 tỷ, 5 tỷ", "ambiguous"),
        ("3 hoặc 4 tỷ", "ambiguous"),
        ("có sẵn 900 triệu", "ambiguous"),
        ("trả trước 1 tỷ", "ambiguous"),
        ("5-3 tỷ", "ambiguous"),
        ("0901234567", "ambiguous"),
        ("100", "ambiguous"),
        ("35", "ambiguous"),
        ("50.000", "ambiguous"),
        ("3 tỷ + 500 triệu", "ambiguous"),
        ("4 tỷ 2500", "ambiguous"),
        ("3,5 tỷ 5", "ambiguous"),
        ("5000 tỷ", "ambiguous"),
        ("5tr", "ambiguous"),
        ("500k", "ambiguous"),
    ]);
    for number in [
        46_347.0,
        901_234_567.0,
        84_901_234_567.0,
        45.0,
        12_345.0,
        2e12,
        100.0,
    ] {
        assert_eq!(shown(&Cell::Number(number)), "ambiguous", "{number}");
    }
}

#[test]
fn no_budget() {
    all(&[
        ("12tr/tháng", ""),
        ("15 triệu 1 tháng", ""),
        ("thuê 20 triệu", ""),
        ("80tr/m2", ""),
        ("80 triệu / m²", ""),
        ("3 lượng vàng", ""),
        ("10 cây", ""),
        ("$200,000", ""),
        ("200k usd", ""),
        ("300 nghìn đô", ""),
        ("mấy tỷ", ""),
        ("vài tỷ", ""),
        ("chưa biết", ""),
        ("không giới hạn ngân sách", ""),
        ("0 tỷ", ""),
        ("cao", ""),
        ("100 triệu mỗi tháng", ""),
    ]);
    for number in [0.0, -3.5] {
        assert_eq!(shown(&Cell::Number(number)), "");
    }
    assert_eq!(shown(&Cell::Bool(true)), "");
}

#[test]
fn number_cells() {
    for (number, expected) in [
        (1.25, "1250"),
        (3.0, "3000"),
        (300.0, "300"),
        (9999.0, "9999"),
        (1.2e9, "1200"),
        (12e9, "12000"),
        (93e7, "930"),
    ] {
        assert_eq!(shown(&Cell::Number(number)), expected, "{number}");
    }
}

#[test]
fn the_shape_is_min_and_max() {
    let Some(money) = read(&Cell::from("dưới 3 tỷ")).value() else {
        panic!("readable")
    };
    assert_eq!(
        serde_json::to_string(&money).unwrap(),
        r#"{"min":null,"max":3000000000}"#
    );
}

#[test]
fn a_plus_and_minus_that_is_half_typed_is_read_like_any_cell() {
    for (text, expected) in [
        ("3 tỷ +/-", "~3000"),
        ("3 tỷ +-", "~3000"),
        ("+/- 3 tỷ", "~3000"),
    ] {
        assert_eq!(shown(&Cell::from(text)), expected, "{text}");
    }
    // Every beginning of it, and what a slip of the hand makes of it, is read without falling over.
    let whole = ",năm tỷ +\t/-+/ 3 tỷ +/";
    for (end, _) in whole.char_indices() {
        for text in [
            whole[..end].to_owned(),
            format!("{}+/", &whole[..end]),
            format!("+/{}", &whole[end..]),
        ] {
            let _ = read(&Cell::from(text.as_str()));
        }
    }
}
