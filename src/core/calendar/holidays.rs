//! Days on which nobody works: Vietnam's public holidays, and the company's own.
//!
//! Public holidays are those of Labour Code 2019 (45/2019/QH14) Art. 112(1). Which five days Tết is, and
//! whether the second day of National Day stands before or after 2 September, is decided each year by the
//! Prime Minister (Art. 112(3)); what is here is the usual choice, and a company that closes otherwise adds
//! its own days. 24 November (Ngày Văn hóa Việt Nam) is not in the table: the Politburo's Resolution
//! 80-NQ/TW of 7 January 2026 wants it to be a day off and Government Resolution 30/NQ-CP of 2026 plans the
//! amendment of Art. 112, but that the law was passed could not be confirmed. Add `2026-11-24` by hand.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};

/// First day of the lunar year and the 10th day of its third month, by Vietnam's calendar (UTC+7).
/// By Hồ Ngọc Đức's algorithm (<https://www.informatik.uni-leipzig.de/~duc/amlich/calrules.html>), which the
/// tests repeat.
const LUNAR: [(Date, Date); 12] = [
    (date(2024, 2, 10), date(2024, 4, 18)),
    (date(2025, 1, 29), date(2025, 4, 7)),
    (date(2026, 2, 17), date(2026, 4, 26)),
    (date(2027, 2, 6), date(2027, 4, 16)),
    (date(2028, 1, 26), date(2028, 4, 4)),
    (date(2029, 2, 13), date(2029, 4, 23)),
    (date(2030, 2, 2), date(2030, 4, 12)),
    (date(2031, 1, 23), date(2031, 4, 1)),
    (date(2032, 2, 11), date(2032, 4, 19)),
    (date(2033, 1, 31), date(2033, 4, 9)),
    (date(2034, 2, 19), date(2034, 4, 28)),
    (date(2035, 2, 8), date(2035, 4, 17)),
];

/// The days on which nobody works, with their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Holidays {
    days: BTreeMap<Date, Holiday>,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Holiday {
    name: &'static str,
    /// A public holiday, which is made up for if it falls on a day of rest.
    public: bool,
}

impl Holidays {
    /// The last year for which `vn` knows Vietnam's holidays.
    pub const LAST_YEAR: i16 = 2035;

    /// Reads a list of `vn` (Vietnam's public holidays, 2024 to [`Self::LAST_YEAR`]), ISO dates
    /// (`2026-12-24`) and ranges of them (`2027-02-01..2027-02-14`, both ends included).
    ///
    /// # Errors
    /// A sentence with the word that is none of these, and what is accepted.
    pub fn parse(list: &[String]) -> Result<Self, String> {
        let mut days = BTreeMap::new();
        for word in list {
            let word = word.trim();
            if word.eq_ignore_ascii_case("vn") {
                for (day, name) in LUNAR.iter().flat_map(|(tet, gio_to)| public(*tet, *gio_to)) {
                    days.insert(day, Holiday { name, public: true });
                }
                continue;
            }
            let (first, last) = read_range(word)?;
            for day in first.series(1.day()).take_while(|day| *day <= last) {
                days.entry(day).or_insert(Holiday {
                    name: "ngày nghỉ của công ty",
                    public: false,
                });
            }
        }
        Ok(Self { days })
    }

    /// Whether that day is a holiday.
    pub fn contains(&self, day: Date) -> bool {
        self.days.contains_key(&day)
    }

    /// The name of the holiday on that day, in Vietnamese.
    pub fn name(&self, day: Date) -> Option<&'static str> {
        self.days.get(&day).map(|holiday| holiday.name)
    }

    /// Whether one of these days, the last one left out, is a public holiday.
    pub(super) fn any_public(&self, first: Date, end: Date) -> bool {
        let mut days = self.days.range(first..end);
        days.any(|(_, holiday)| holiday.public)
    }

    /// Whether that day is a public holiday, and not only the company's.
    pub(super) fn is_public(&self, day: Date) -> bool {
        self.days.get(&day).is_some_and(|holiday| holiday.public)
    }
}

/// A date, or two with `..` between them.
fn read_range(word: &str) -> Result<(Date, Date), String> {
    let wrong = || {
        format!(
            "“{word}” is no holiday: write \"vn\" for Vietnam's public holidays, a date such as \"2026-12-24\", or a range such as \"2027-02-01..2027-02-14\""
        )
    };
    let read = |text: &str| {
        let text = text.trim();
        // A date and nothing else: a text with a time of day would be read as a date too.
        (text.len() == 10)
            .then(|| text.parse::<Date>().ok())
            .flatten()
            .ok_or_else(wrong)
    };
    let (first, last) = match word.split_once("..") {
        Some((first, last)) => (read(first)?, read(last)?),
        None => (read(word)?, read(word)?),
    };
    if last < first || first + 366.days() < last {
        return Err(format!(
            "“{word}” ends before it begins, or is longer than a year"
        ));
    }
    Ok((first, last))
}

/// The public holidays of the year of this Tết, as Labour Code 2019 Art. 112(1) lists them.
fn public(tet: Date, gio_to: Date) -> Vec<(Date, &'static str)> {
    let year = tet.year();
    let national_day = date(year, 9, 2);
    let mut days = vec![
        (date(year, 1, 1), "Tết Dương lịch"),
        (gio_to, "Giỗ Tổ Hùng Vương"),
        (date(year, 4, 30), "Ngày Chiến thắng"),
        (date(year, 5, 1), "Ngày Quốc tế lao động"),
        (national_day, "Quốc khánh"),
        (beside_national_day(national_day), "Quốc khánh"),
    ];
    // Five days: from the last of the old year to the 4th of the new one.
    days.extend((-1..4).map(|offset| (tet + offset.days(), "Tết Nguyên đán")));
    days
}

/// The second day of National Day, "the day before or after": the side that makes the longer break with a
/// Sunday, as was decided in 2021 (Thursday, 3/9), 2022 (Friday, 1/9), 2023 (Saturday, 1/9),
/// 2024 (Monday, 3/9), 2025 (Tuesday, 1/9) and 2026 (Wednesday, 1/9).
fn beside_national_day(day: Date) -> Date {
    match day.weekday() {
        Weekday::Sunday | Weekday::Monday | Weekday::Thursday => day + 1.day(),
        Weekday::Tuesday | Weekday::Wednesday | Weekday::Friday | Weekday::Saturday => {
            day - 1.day()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hồ Ngọc Đức's algorithm for the Vietnamese calendar, after Jean Meeus, "Astronomical Algorithms",
    /// 1998; here only so that the table need not be taken on trust. Time zone UTC+7.
    mod lunar {
        use std::f64::consts::PI;

        use jiff::ToSpan;
        use jiff::civil::{Date, date};

        const ZONE_H: f64 = 7.0;
        /// 1 January 2000 as a Julian day number.
        const J2000_DAY: i64 = 2_451_545;

        fn day_number(day: Date) -> i64 {
            let days = (day - date(2000, 1, 1)).get_days();
            J2000_DAY + i64::from(days)
        }

        fn floor(number: f64) -> i64 {
            format!("{:.0}", number.floor()).parse().unwrap()
        }

        /// The local day of new moon number `k` after that of 1 January 1900.
        fn new_moon(k: i64) -> i64 {
            let k = f64::from(i32::try_from(k).unwrap());
            let t = k / 1236.85;
            let (t2, t3) = (t * t, t * t * t);
            let dr = PI / 180.0;
            let mean = 2_415_020.759_33 + 29.530_588_68 * k + 0.000_117_8 * t2 - 0.000_000_155 * t3
                + 0.000_33 * ((166.56 + 132.87 * t - 0.009_173 * t2) * dr).sin();
            let m = (359.2242 + 29.105_356_08 * k - 0.000_033_3 * t2 - 0.000_003_47 * t3) * dr;
            let mpr = (306.0253 + 385.816_918_06 * k + 0.010_730_6 * t2 + 0.000_012_36 * t3) * dr;
            let f = (21.2964 + 390.670_506_46 * k - 0.001_652_8 * t2 - 0.000_002_39 * t3) * dr;
            let correction = (0.1734 - 0.000_393 * t) * m.sin() + 0.0021 * (2.0 * m).sin()
                - 0.4068 * mpr.sin()
                + 0.0161 * (2.0 * mpr).sin()
                - 0.0004 * (3.0 * mpr).sin()
                + 0.0104 * (2.0 * f).sin()
                - 0.0051 * (m + mpr).sin()
                - 0.0074 * (m - mpr).sin()
                + 0.0004 * (2.0 * f + m).sin()
                - 0.0004 * (2.0 * f - m).sin()
                - 0.0006 * (2.0 * f + mpr).sin()
                + 0.0010 * (2.0 * f - mpr).sin()
                + 0.0005 * (2.0 * mpr + m).sin();
            let delta_t = -0.000_278 + 0.000_265 * t + 0.000_262 * t2;
            floor(mean + correction - delta_t + 0.5 + ZONE_H / 24.0)
        }

        /// In which of the twelve parts of the ecliptic the sun stands at local midnight of that day.
        fn sun(day: i64) -> i64 {
            let day = f64::from(i32::try_from(day).unwrap());
            let t = (day - 2_451_545.5 - ZONE_H / 24.0) / 36_525.0;
            let t2 = t * t;
            let dr = PI / 180.0;
            let m = 357.529_10 + 35_999.050_30 * t - 0.000_155_9 * t2 - 0.000_000_48 * t * t2;
            let l0 = 280.466_45 + 36_000.769_83 * t + 0.000_303_2 * t2;
            let dl = (1.914_600 - 0.004_817 * t - 0.000_014 * t2) * (dr * m).sin()
                + (0.019_993 - 0.000_101 * t) * (dr * 2.0 * m).sin()
                + 0.000_290 * (dr * 3.0 * m).sin();
            let l = ((l0 + dl) * dr).rem_euclid(2.0 * PI);
            floor(l / PI * 6.0)
        }

        /// The first day of the lunar month with the winter solstice of that year.
        fn month_11(year: i16) -> i64 {
            let off = day_number(date(year, 12, 31)) - 2_415_021;
            let k = floor(f64::from(i32::try_from(off).unwrap()) / 29.530_588_853);
            let start = new_moon(k);
            if sun(start) >= 9 {
                new_moon(k - 1)
            } else {
                start
            }
        }

        /// The number of the leap month after month 11, counted from it.
        fn leap_offset(month_11: i64) -> i64 {
            let k = index_of(month_11);
            let mut i = 1;
            let mut arc = sun(new_moon(k + i));
            loop {
                let last = arc;
                i += 1;
                arc = sun(new_moon(k + i));
                if arc == last || i >= 14 {
                    return i - 1;
                }
            }
        }

        fn index_of(start: i64) -> i64 {
            let days = f64::from(i32::try_from(start).unwrap()) - 2_415_021.076_998_695;
            floor(days / 29.530_588_853 + 0.5)
        }

        /// A day of a lunar month that is no leap month, as a Gregorian date.
        pub(super) fn to_solar(day: i64, month: i64, year: i16) -> Date {
            let (a, b) = if month < 11 {
                (month_11(year - 1), month_11(year))
            } else {
                (month_11(year), month_11(year + 1))
            };
            let mut offset = (month - 11).rem_euclid(12);
            if b - a > 365 && offset >= leap_offset(a) {
                offset += 1;
            }
            let start = new_moon(index_of(a) + offset);
            date(2000, 1, 1) + (start + day - 1 - J2000_DAY).days()
        }
    }

    #[test]
    fn the_lunar_table_is_what_the_algorithm_says() {
        for (tet, gio_to) in LUNAR {
            let year = tet.year();
            assert_eq!(lunar::to_solar(1, 1, year), tet, "Tết {year}");
            assert_eq!(lunar::to_solar(10, 3, year), gio_to, "Giỗ Tổ {year}");
        }
        assert_eq!(LUNAR[LUNAR.len() - 1].0.year(), Holidays::LAST_YEAR);
        assert!(
            LUNAR
                .windows(2)
                .all(|two| two[0].0.year() + 1 == two[1].0.year())
        );
        // The algorithm itself, on days known from elsewhere: Vietnam and China differed in 1985 and 2007.
        assert_eq!(lunar::to_solar(1, 1, 1985), date(1985, 1, 21));
        assert_eq!(lunar::to_solar(1, 1, 2007), date(2007, 2, 17));
        assert_eq!(lunar::to_solar(15, 8, 2023), date(2023, 9, 29));
    }

    fn vn() -> Holidays {
        Holidays::parse(&["vn".to_owned()]).unwrap()
    }

    #[test]
    fn eleven_days_a_year_are_off_by_law() {
        let holidays = vn();
        for year in 2024..=2035 {
            let all = date(year, 1, 1).series(1.day()).take(366);
            let count = all
                .filter(|day| day.year() == year && holidays.contains(*day))
                .count();
            assert_eq!(count, 11, "{year}");
        }
    }

    #[test]
    fn the_days_of_2026_are_as_announced() {
        let holidays = vn();
        let days: Vec<String> = holidays
            .days
            .iter()
            .filter(|(day, _)| day.year() == 2026)
            .map(|(day, holiday)| format!("{} {}", day.strftime("%d/%m"), holiday.name))
            .collect();
        assert_eq!(
            days,
            [
                "01/01 Tết Dương lịch",
                "16/02 Tết Nguyên đán",
                "17/02 Tết Nguyên đán",
                "18/02 Tết Nguyên đán",
                "19/02 Tết Nguyên đán",
                "20/02 Tết Nguyên đán",
                "26/04 Giỗ Tổ Hùng Vương",
                "30/04 Ngày Chiến thắng",
                "01/05 Ngày Quốc tế lao động",
                "01/09 Quốc khánh",
                "02/09 Quốc khánh",
            ]
        );
    }

    #[test]
    fn the_day_beside_national_day_is_as_it_was_decided() {
        for (year, month, day) in [
            (2021, 9, 3),
            (2022, 9, 1),
            (2023, 9, 1),
            (2024, 9, 3),
            (2025, 9, 1),
            (2026, 9, 1),
        ] {
            assert_eq!(
                beside_national_day(date(year, 9, 2)),
                date(year, month, day)
            );
        }
    }

    #[test]
    fn a_company_adds_its_own_days() {
        let list = ["vn", "2026-12-24", "2027-02-01..2027-02-14"].map(str::to_owned);
        let holidays = Holidays::parse(&list).unwrap();
        assert_eq!(
            holidays.name(date(2026, 12, 24)),
            Some("ngày nghỉ của công ty")
        );
        assert_eq!(
            holidays.name(date(2027, 2, 14)),
            Some("ngày nghỉ của công ty")
        );
        assert_eq!(holidays.name(date(2027, 2, 15)), None);
        // What is public stays so.
        assert_eq!(holidays.name(date(2027, 2, 6)), Some("Tết Nguyên đán"));
        assert!(!holidays.is_public(date(2027, 2, 1)));
        assert_eq!(Holidays::parse(&[]).unwrap(), Holidays::default());
    }

    #[test]
    fn what_is_no_holiday_says_what_is() {
        for (word, says) in [
            ("us", "write \"vn\""),
            ("24/12/2026", "\"2026-12-24\""),
            ("2026-12-32", "no holiday"),
            ("2026-12-24T10:00", "no holiday"),
            ("2027-02-14..2027-02-01", "ends before it begins"),
            ("2026-01-01..2028-01-01", "longer than a year"),
        ] {
            let why = Holidays::parse(&[word.to_owned()]).unwrap_err();
            assert!(why.contains(says), "{word}: {why}");
            assert!(why.contains(word), "{word}: {why}");
        }
    }
}
