use super::*;

fn shown(cell: &Cell) -> String {
    match read(cell) {
        Reading::Value(list) => list.iter().map(Phone::expose).collect::<Vec<_>>().join(";"),
        Reading::Ambiguous(_) => "ambiguous".to_owned(),
        Reading::Nothing | Reading::Bad(_) => String::new(),
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(shown(&Cell::from(text)), expected, "{text:?}");
}

#[test]
fn one_number_in_many_dresses() {
    for text in [
        "0978 112 233",
        "0978–112–233",
        "０９７８１１２２３３",
        "SĐT1: 0978112233",
        "Zalo0978112233",
        "sđt0978 112 233",
        "zalo.me/0978112233",
        "https://wa.me/84978112233",
        "0978112233 (2)",
        "0978112233 - 1985",
        "0978112233 sn 1985",
        "0978112233 (1985)",
        "0978112233 ext 12",
        "0978112233 Q7",
        "0978112233 17h-19h",
        "0978112233 gọi 8:30",
        "0978112233 70m2",
        "1. 0978112233",
        "an1990@example.com 0978112233",
        "☎ 0978112233",
        "+0978112233",
        "O978112233",
        "0978112233 25/11/2026",
        "0978112233 2 con",
        "0978.11.22.33",
        "84-978-112-233",
        "+84(0)978112233",
        "0084 0978112233",
        "978 112 233",
        "0978112233; 978112233",
        "0978112233 lúc 9 giờ",
        "*0978112233*",
        "0978112233?",
    ] {
        check(text, "+84978112233");
    }
}

#[test]
fn plans_before_2017_and_2018() {
    check("0511 3822 123", "+842363822123");
    check("+84 511 3822123", "+842363822123");
    check("(061) 382 1234", "+842513821234");
    check("04.3825.1235", "+842438251235");
    check("0650 3822 123", "+842743822123");
    check("08 3812 3460", "ambiguous");
    check("+84 8 3812 3460", "ambiguous");
    check("0838123460", "+84838123460");
    check("08 38 12 34 60", "+84838123460");
    check("(08) 9012 3456", "");
    check("(031) 3822 123", "ambiguous");
    check("(079) 339-2436", "+84793392436");
    check("0199 712 3456", "+84597123456");
    check("0188.812.3456", "+84588123456");
    check("0189 812 3456", "");
    assert_eq!(shown(&Cell::Number(438_251_235.0)), "+842438251235");
    assert_eq!(shown(&Cell::Number(1_228_123_456.0)), "+84778123456");
    assert_eq!(shown(&Cell::Number(2_438_251_235.0)), "+842438251235");
}

#[test]
fn several_numbers() {
    check("0978112233|0912345678", "+84978112233;+84912345678");
    check("0978 112 233 0912 345 678", "+84978112233;+84912345678");
    check("0978112233 & 0912345678 (vợ)", "+84978112233;+84912345678");
    check("028 3812 3458 - 102", "+842838123458");
    check("0978112233 và +65 9123 4567", "+84978112233;+6591234567");
    check("+1 415 555 0132 / 0978112233", "+14155550132;+84978112233");
    check(
        "0912345678 / 0978112233 / 0912 345 678",
        "+84912345678;+84978112233",
    );
}

#[test]
fn a_hint_is_flagged() {
    for text in [
        "0975123456/57",
        "0975123456 / 789",
        "0975.123.456-457",
        "0975123456, 57",
        "028 3812 3458/59",
        "0975123456 hoặc 57",
    ] {
        check(text, "ambiguous");
    }
}

#[test]
fn what_cannot_be_a_number_is_none() {
    for text in [
        "097812233",
        "09781122334",
        "0977123xxx",
        "0977 123 45x",
        "09xx123456",
        "***3123456",
        "079 912 345 678",
        "079123456789",
        "fb.com/0978112233",
        "978112233@example.com",
        "123456789",
        "1234567890",
        "012 3456 7890",
        "0601234567x",
        "gọi sau 17h",
        "0123456789",
        "0890123456",
        "0540123456",
        "1234",
        "08373719",
    ] {
        check(text, "");
    }
    for number in [0.0, -901_234_567.0, 0.5, 140_123_456.0, 46347.0, 9.1e20] {
        assert_eq!(shown(&Cell::Number(number)), "", "{number}");
    }
    assert_eq!(read(&Cell::from("chưa có")), Reading::Nothing);
    assert!(matches!(read(&Cell::from("#REF!")), Reading::Bad(_)));
}

#[test]
fn unusable_parts_are_told() {
    let scan = scan(&Cell::from("0971123456 / 097212345"));
    assert_eq!(scan.unusable, ["097212345"]);
    assert!(matches!(scan.reading, Reading::Value(list) if list.len() == 1));
}

#[test]
fn numbers_are_masked() {
    let Some(list) = read(&Cell::from("0978112233 +1 415 555 0132")).value() else {
        panic!("readable")
    };
    assert_eq!(format!("{list:?} {}", list[0]), "[+84…233, +1…132] +84…233");
    assert_eq!(serde_json::to_string(&list[0]).unwrap(), "\"+84978112233\"");
}
