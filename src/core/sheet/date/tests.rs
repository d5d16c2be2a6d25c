use super::*;

fn shown(cell: &Cell, locale: &str) -> String {
    let zone = TimeZone::fixed(Offset::constant(7));
    match read(cell, locale, &zone) {
        Reading::Value(when) => when.to_string(),
        Reading::Ambiguous(_) => "ambiguous".to_owned(),
        Reading::Nothing | Reading::Bad(_) => String::new(),
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(shown(&Cell::from(text), "vi_VN"), expected, "{text:?}");
}

#[test]
fn one_day_in_many_dresses() {
    for text in [
        "17/09/2026",
        "17-9-2026",
        "17.9.26",
        "17 9 2026",
        "17/9 năm 2026",
        "ngày 17 tháng 9 năm 2026",
        "17 tháng 9, 2026",
        "17 thg 9 2026",
        "Ngày 17 tháng chín năm 2026",
        "17 tháng 9/2026",
        "2026.09.17",
        "20260917",
        "17092026",
        "Sep 17, 2026",
        "September 17th, 2026",
        "17-Sep-26",
        "Thứ năm 17/9/2026",
        "T5, 17/9/2026",
        "thứ 5 ngày 17/09/2026",
        "17/09/2026 (lần 2)",
        "17/9/2026 đợt 2",
        "Hẹn ngày 17/9/2026",
        "09/17/2026",
        "17–09–2026",
        "１７/０９/２０２６",
        "17/09/2026.",
        "17 tháng 9 năm 26",
        "ngày 17/9/2026 dl",
        "17/09/\u{200b}2026",
    ] {
        check(text, "2026-09-17");
    }
    let nfd: String = "Thứ Năm, ngày 17 tháng 9 năm 2026".nfd().collect();
    check(&nfd, "2026-09-17");
}

#[test]
fn times_of_day() {
    check("17/9/2026 8h30", "2026-09-17T08:30:00");
    check("8 giờ 30 phút sáng 17/9/2026", "2026-09-17T08:30:00");
    check("2 giờ rưỡi chiều ngày 17/9/2026", "2026-09-17T14:30:00");
    check("17/9/2026 - 14g30", "2026-09-17T14:30:00");
    check("17/9/2026 8:30 SA", "2026-09-17T08:30:00");
    check("17/9/2026 12:30 AM", "2026-09-17T00:30:00");
    check("12h trưa 17/9/2026", "2026-09-17T12:00:00");
    check("17/9/2026 tối 8h", "2026-09-17T20:00:00");
    check("03h 17/9/2026", "2026-09-17T03:00:00");
    check("9am 17 Sep 2026", "2026-09-17T09:00:00");
    check("2026-09-17 02:30:00+0700", "2026-09-17T02:30:00");
    check("2026-09-17T20:30:00Z", "2026-09-18T03:30:00");
    check("2026-09-17T05:30:15.250", "2026-09-17T05:30:15");
    check("17/9/2026 lúc 20 giờ 15", "2026-09-17T20:15:00");
    check("2h 17/9/2026", "ambiguous");
    check("15h sáng 17/9/2026", "ambiguous");
    check("9h-11h 17/9/2026", "ambiguous");
    check("17/9/2026 25:00", "");
    check("9h sáng", "");
    check("8:30:00", "");
}

#[test]
fn unclear_days_are_flagged() {
    for text in [
        "17/9",
        "31/12",
        "9/2026",
        "tháng 9 năm 2026",
        "T9/2026",
        "2026",
        "năm 2026",
        "ngày 17",
        "17 tháng 9",
        "hôm nay",
        "chiều mai",
        "cuối tháng",
        "sau Tết",
        "thứ 5",
        "CN",
        "tuần tới",
        "17/9/2026 âm lịch",
        "17/9/2026 (ÂL)",
        "mùng 5 Tết",
        "17/9/2026 - 19/9/2026",
        "17,18/9/2026",
        "17 & 18/9/2026",
        "17 và 18/9/2026",
        "17-19/9/2026",
        "từ 17/9/2026",
        "trước 17/9/2026",
        "17/9/2026?",
        "Thứ 6 17/9/2026",
        "17/9/2026 (Thứ 6)",
        "CN, 17/9/2026",
        "Sep 2026",
        "Sep 17",
        "rằm tháng 9 năm 2026",
    ] {
        check(text, "ambiguous");
    }
}

#[test]
fn impossible_days_are_none() {
    for text in [
        "31/09/2026",
        "30/02/2028",
        "31/2",
        "17/13/2026",
        "0/9/2026",
        "17/9/0226",
        "17/9/226",
        "17/9/1026",
        "2026-13-17",
        "ngày 31 tháng 9 năm 2026",
        "32 tháng 1",
        "99999999",
        "không nhớ ngày",
        "x",
        "0901234567",
    ] {
        check(text, "");
    }
    for number in [
        0.25,
        1.0,
        -46000.0,
        901_234_567.0,
        120_000.0,
        20_261_340.0,
        f64::NAN,
    ] {
        assert_eq!(shown(&Cell::Number(number), "vi_VN"), "", "{number}");
    }
    assert_eq!(shown(&Cell::Bool(true), "vi_VN"), "");
}

#[test]
fn serials_are_wall_time() {
    let number = |n: f64| shown(&Cell::Number(n), "vi_VN");
    assert_eq!(number(2.0), "1900-01-01");
    assert_eq!(number(46282.0), "2026-09-17");
    assert_eq!(
        number(46_281.999_999),
        "2026-09-17",
        "rounding noise before midnight"
    );
    assert_eq!(number(46282.75), "2026-09-17T18:00:00");
    assert_eq!(number(20_260_917.0), "2026-09-17");
    assert_eq!(number(1985.0), "ambiguous");
}

#[test]
fn the_locale_settles_the_order_of_figures() {
    let american = |text: &str| shown(&Cell::from(text), "en_US");
    assert_eq!(american("09/10/2026"), "ambiguous");
    assert_eq!(american("9-10-26"), "ambiguous");
    assert_eq!(american("09/09/2026"), "2026-09-09");
    assert_eq!(american("09/17/2026 2:30 PM"), "2026-09-17T14:30:00");
    assert_eq!(american("17/09/2026"), "2026-09-17");
    assert_eq!(american("2026/09/10"), "2026-09-10");
    assert_eq!(american("10 Sep 2026"), "2026-09-10");
    assert_eq!(american("09102026"), "ambiguous");
    assert_eq!(american("20260910"), "2026-09-10");
}
