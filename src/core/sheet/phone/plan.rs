//! The Vietnamese numbering plan, today's and those before 2017 and 2018, over what the crate
//! `phonenumber` knows.

use super::tokens::Group;

/// What some groups of digits are, taken together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A number in E.164.
    Number(String),
    /// A present-day number and an old one alike.
    Ambiguous(&'static str),
    /// No number.
    No,
}

/// Mobile prefixes of eleven digits and what replaced them on 15 September 2018, without the zero.
const OLD_MOBILE: [(&str, &str); 21] = [
    ("120", "70"),
    ("121", "79"),
    ("122", "77"),
    ("126", "76"),
    ("128", "78"),
    ("123", "83"),
    ("124", "84"),
    ("125", "85"),
    ("127", "81"),
    ("129", "82"),
    ("162", "32"),
    ("163", "33"),
    ("164", "34"),
    ("165", "35"),
    ("166", "36"),
    ("167", "37"),
    ("168", "38"),
    ("169", "39"),
    ("186", "56"),
    ("188", "58"),
    ("199", "59"),
];

/// Area codes replaced in 2017 (decision 2036/QĐ-BTTTT of 2016), without the zero.
const OLD_AREA: [(&str, &str); 59] = [
    ("4", "24"),
    ("8", "28"),
    ("20", "214"),
    ("22", "212"),
    ("25", "205"),
    ("26", "206"),
    ("27", "207"),
    ("29", "216"),
    ("30", "229"),
    ("31", "225"),
    ("33", "203"),
    ("36", "227"),
    ("37", "237"),
    ("38", "238"),
    ("39", "239"),
    ("52", "232"),
    ("53", "233"),
    ("54", "234"),
    ("55", "255"),
    ("56", "256"),
    ("57", "257"),
    ("58", "258"),
    ("59", "269"),
    ("60", "260"),
    ("61", "251"),
    ("62", "252"),
    ("63", "263"),
    ("64", "254"),
    ("66", "276"),
    ("67", "277"),
    ("68", "259"),
    ("70", "270"),
    ("72", "272"),
    ("73", "273"),
    ("74", "294"),
    ("75", "275"),
    ("76", "296"),
    ("77", "297"),
    ("79", "299"),
    ("230", "215"),
    ("231", "213"),
    ("240", "204"),
    ("241", "222"),
    ("280", "208"),
    ("281", "209"),
    ("320", "220"),
    ("321", "221"),
    ("350", "228"),
    ("351", "226"),
    ("500", "262"),
    ("501", "261"),
    ("510", "235"),
    ("511", "236"),
    ("650", "274"),
    ("651", "271"),
    ("710", "292"),
    ("711", "293"),
    ("780", "290"),
    ("781", "291"),
];

/// Settles what the groups are when read as one number. `fresh`: nothing is joined on the left, so
/// that a number that lost its zero may begin here.
pub(super) fn settle(groups: &[Group], fresh: bool) -> Verdict {
    let Some(first) = groups.first() else {
        return Verdict::No;
    };
    let digits: String = groups.iter().map(|g| g.digits.as_str()).collect();
    if counted_up(&digits) {
        return Verdict::No;
    }
    if first.plus || digits.starts_with("00") {
        let international = if first.plus {
            digits.trim_start_matches("00")
        } else {
            &digits[2..]
        };
        return match international.strip_prefix("84") {
            Some(national) => vietnamese(
                national.strip_prefix('0').unwrap_or(national),
                &groups[1..],
                false,
            ),
            None if first.plus && digits.starts_with('0') => vietnamese(&digits[1..], groups, true),
            None => foreign(international),
        };
    }
    if let Some(national) = digits.strip_prefix('0') {
        return vietnamese(national, groups, true);
    }
    if !fresh {
        return Verdict::No;
    }
    if let Some(national) = digits.strip_prefix("84")
        && digits.len() >= 11
    {
        return vietnamese(
            national.strip_prefix('0').unwrap_or(national),
            &groups[1..],
            false,
        );
    }
    // A zero lost in a number cell. Nine digits beginning 1 or 2 are no number of any kind.
    let lost = match digits.len() {
        9 => digits.starts_with(|c| ('3'..='9').contains(&c)),
        10 => digits.starts_with(['1', '2', '5', '6', '7']),
        _ => false,
    };
    let service = (digits.starts_with("1800") || digits.starts_with("1900")) && digits.len() >= 8;
    if lost || service {
        vietnamese(&digits, groups, false)
    } else {
        Verdict::No
    }
}

/// A mobile number whose groups are set apart by a sign that else divides two numbers
/// (`0915/734/521`): its digits. Every sign is the same, and no group could be a number of its own.
pub(super) fn oddly_grouped(groups: &[Group]) -> Option<String> {
    let [first, rest @ ..] = groups else {
        return None;
    };
    let sign = rest.first()?.before.one_sign()?;
    let sizes = groups.iter().all(|g| (2..=4).contains(&g.digits.len()));
    let alike = rest.iter().all(|g| g.before.one_sign() == Some(sign));
    let whole = groups.iter().all(|g| !g.broken && !g.plus);
    if !first.digits.starts_with('0') || !sizes || !alike || !whole {
        return None;
    }
    let digits: String = groups.iter().map(|g| g.digits.as_str()).collect();
    mobile(digits.strip_prefix('0')?).then_some(digits)
}

/// `1234567890`, typed where a number had to be typed.
fn counted_up(digits: &str) -> bool {
    digits
        .strip_prefix('0')
        .unwrap_or(digits)
        .starts_with("12345678")
}

/// A national number without its zero; `groups` as written, for old codes that only the grouping shows.
fn vietnamese(national: &str, groups: &[Group], zero: bool) -> Verdict {
    let number = |n: &str| Verdict::Number(format!("+84{n}"));
    if mobile(national) {
        return if old_landline_grouping(groups, zero) {
            Verdict::Ambiguous("a landline with the code used before 2017, or a mobile number")
        } else {
            number(national)
        };
    }
    if national.len() == 10
        && let Some((_, new)) = OLD_MOBILE.iter().find(|(old, _)| national.starts_with(old))
    {
        return number(&format!("{new}{}", &national[3..]));
    }
    let service = national.starts_with("1800") || national.starts_with("1900");
    if ((service && !zero) || (national.starts_with('2') && national.len() == 10))
        && let Verdict::Number(valid) = foreign(&format!("84{national}"))
    {
        return Verdict::Number(valid);
    }
    // Old codes had seven digits behind them, the two big cities eight; none began with 0, 1 or 9.
    OLD_AREA
        .iter()
        .filter(|(old, _)| national.len() == if old.len() == 1 { 9 } else { old.len() + 7 })
        .filter(|(old, _)| {
            national
                .strip_prefix(old)
                .is_some_and(|n| n.starts_with(|c| ('2'..='8').contains(&c)))
        })
        .map(|(old, new)| foreign(&format!("84{new}{}", &national[old.len()..])))
        .find(|verdict| *verdict != Verdict::No)
        .unwrap_or(Verdict::No)
}

/// Nine digits of today's mobile pattern (libphonenumber metadata 9.0 for VN, without 140 and 160,
/// which no customer has).
fn mobile(national: &str) -> bool {
    let b = national.as_bytes();
    if b.len() != 9 {
        return false;
    }
    matches!(
        (b[0], b[1], b[2]),
        (b'3', _, _)
            | (b'7', b'0' | b'6'..=b'9', _)
            | (b'5', b'1' | b'6' | b'8' | b'9', _)
            | (b'5', b'2', b'2' | b'3' | b'8')
            | (b'5', b'5', b'9')
            | (b'8', b'1'..=b'8', _)
            | (b'8', b'9', b'6'..=b'9')
            | (b'9', b'0'..=b'8', _)
            | (b'9', b'9', b'0' | b'1' | b'3'..=b'9')
    )
}

/// Whether the groups are set apart as people set an area code apart: `(08) 3812 3460`,
/// `(031) 3822 123`. A mobile is written so by nobody, yet the digits alone are one.
fn old_landline_grouping(groups: &[Group], zero: bool) -> bool {
    let [first, rest @ ..] = groups else {
        return false;
    };
    let Some(code) = (if zero {
        first.digits.strip_prefix('0')
    } else {
        Some(first.digits.as_str())
    }) else {
        return false;
    };
    if rest.is_empty() || !OLD_AREA.iter().any(|(old, _)| *old == code) {
        return false;
    }
    if code.len() == 1 {
        return rest.iter().any(|g| g.digits.len() != 2);
    }
    first.bracketed && rest[0].digits.starts_with('3') && rest[0].digits.len() != 3
}

/// A number with its country code, as the world's plans have it.
fn foreign(international: &str) -> Verdict {
    if !(7..=15).contains(&international.len()) || international.starts_with('0') {
        return Verdict::No;
    }
    match phonenumber::parse(None, format!("+{international}")) {
        Ok(number) if number.is_valid() => {
            Verdict::Number(number.format().mode(phonenumber::Mode::E164).to_string())
        }
        Ok(_) | Err(_) => Verdict::No,
    }
}
