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
/// Computed with Hồ Ngọc Đức's algorithm (<https://lyso.vn/amlich/>), which the tests repeat.
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
    (date(2033, 1, 31), date(2033, 4, 8)),
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
