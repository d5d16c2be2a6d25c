//! A purchase budget in đồng, as people write it: `3 tỷ 5`, `tầm 4-4,5 tỷ`, `dưới 3 tỷ`, `850`.
//!
//! What is unclear gives no amount. Rents, prices per m², gold and foreign currency are no budget.

mod amount;
mod phrase;
mod tokens;
mod words;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;

use super::fold::{self, invisible};
use super::{Cell, Reading, trivial};

/// An interval of đồng; both ends equal for an exact amount, one side `None` for an open one. A
/// bound counts the same whether it is included or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    /// At least so many đồng.
    pub min: Option<i64>,
    /// At most so many đồng.
    pub max: Option<i64>,
    /// The figures are rough (`tầm`, `khoảng`, `trên dưới`); the ends are the figures named.
    pub approximate: bool,
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut shape = serializer.serialize_struct("Money", 2)?;
        shape.serialize_field("min", &self.min)?;
        shape.serialize_field("max", &self.max)?;
        shape.end()
    }
}

/// Đồng in a triệu.
const MILLION: i128 = 1_000_000;
/// Đồng in a tỷ.
const BILLION: i128 = 1_000_000_000;
/// No budget of a customer list is a thousand tỷ: such a figure has a slip in it.
const MOST: i128 = 1_000 * BILLION;

/// Nothing is bought for less: zeros are missing, or it is a rent.
const LEAST: i128 = 100 * MILLION;

/// The budget in a cell. Figures without a unit are read by size: below 30 are tỷ, 300 to 9,999
/// triệu, from 100,000,000 đồng; what lies between, looks like a phone number or like a date is ambiguous.
pub fn read(cell: &Cell) -> Reading<Money> {
    if let Some(reading) = trivial(cell) {
        return reading;
    }
    match cell {
        Cell::Number(number) => read_number(*number),
        Cell::Text(text) => {
            let plain: String = text
                .nfkc()
                .filter(|c| !invisible(*c))
                .collect::<String>()
                .to_lowercase();
            let plain = fold::clean(&plain).replace("->", "→").replace("=>", "→");
            phrase::read(&tokens::tokens(&plain))
        }
        Cell::Empty | Cell::Bool(_) => Reading::bad("a tick box is no amount"),
    }
}

fn read_number(number: f64) -> Reading<Money> {
    if number == 0.0 {
        return Reading::Nothing;
    }
    let Some(figure) = amount::Figure::parse(&super::decimal(number), true) else {
        return Reading::bad("this number is no amount");
    };
    match by_size(figure) {
        Some(amount) => exact(amount, false),
        None => Reading::ambiguous(UNCLEAR_SIZE),
    }
}

const UNCLEAR_SIZE: &str =
    "a figure without a unit whose size does not tell it, or a phone number or a date";

/// A figure without a unit, by its size; `None` where the size does not tell.
fn by_size(figure: amount::Figure) -> Option<i128> {
    let (tens, value) = (figure.times(10)?, figure.times(1)?);
    if tens < 300 {
        // Up to three decimals: thousandths of a tỷ are triệu.
        return figure.times(BILLION).filter(|v| *v > 0 && v % MILLION == 0);
    }
    if (300..10_000).contains(&value) {
        return figure.times(MILLION);
    }
    let phone = value % MILLION != 0 && (9..=11).contains(&value.to_string().len());
    ((100 * MILLION..MOST).contains(&value) && figure.is_whole() && !phone).then_some(value)
}

/// An exact or approximate amount as a reading.
fn exact(amount: i128, approximate: bool) -> Reading<Money> {
    interval(Some(amount), Some(amount), approximate)
}

fn interval(min: Option<i128>, max: Option<i128>, approximate: bool) -> Reading<Money> {
    let fits = |end: Option<i128>| end.is_none_or(|v| v > 0 && v < MOST);
    if !fits(min) || !fits(max) {
        return Reading::ambiguous("no plausible amount");
    }
    if max.or(min).is_some_and(|v| v < LEAST) {
        return Reading::ambiguous("too small for a purchase: another unit, or a rent");
    }
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        return Reading::ambiguous("the ends of the interval are the wrong way round");
    }
    let end = |v: Option<i128>| v.and_then(|v| i64::try_from(v).ok());
    Reading::Value(Money {
        min: end(min),
        max: end(max),
        approximate,
    })
}

#[cfg(test)]
mod tests;
