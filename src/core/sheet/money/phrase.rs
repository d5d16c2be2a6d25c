//! The whole cell: amounts with their bounds, intervals, and what makes them no budget at all.

use super::amount::{self, Amount, Found};
use super::tokens::Token;
use super::words::{self, Bound};
use super::{MILLION, Money, UNCLEAR_SIZE, interval};
use crate::core::sheet::Reading;

/// One thing a cell says about money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Amount(Amount),
    Before(Bound),
    Behind(Bound),
    /// Between two ends: a hyphen, `đến`.
    Joint,
    /// Between two amounts that are no interval: a comma, `hoặc`.
    Apart,
    /// A word that says nothing about the amount.
    Word,
    /// A word whose figure is a name: `quận 7`.
    Name,
    /// A figure that some other word or sign has to itself: `80m2`.
    Taken,
}

/// Reads the tokens of a cell.
pub(super) fn read(tokens: &[Token]) -> Reading<Money> {
    if words::foreign(tokens) {
        return Reading::bad("gold or foreign currency is not converted");
    }
    let Some(items) = items(tokens) else {
        return Reading::bad("a rent or a price per unit is no budget");
    };
    let amounts = kept_amounts(&items);
    if amounts.is_empty() {
        return Reading::bad("no amount");
    }
    let rent = tokens.iter().any(|t| t.is_word(&["thuê", "thue"]));
    if rent
        && amounts
            .iter()
            .all(|(_, a)| a.value.is_none_or(|v| v < 300 * MILLION))
        && amounts.iter().any(|(_, a)| a.value.is_some())
    {
        return Reading::bad("a rent is no budget");
    }
    if amounts
        .iter()
        .all(|(_, a)| a.value == Some(0) && !a.unclear)
    {
        return Reading::Nothing;
    }
    let bare = amounts.iter().all(|(_, a)| a.unit.is_none());
    if bare
        && tokens
            .windows(2)
            .any(|w| w[0].is_word(&["tỷ", "tỉ", "ty", "ti"]) && w[1].is_word(&["lệ", "le"]))
    {
        return Reading::bad("a ratio is no budget");
    }
    if words::masked(tokens) {
        return Reading::ambiguous("a part of the figure is kept back");
    }
    if words::only_part(tokens) {
        return Reading::ambiguous("only a part of the amount is told");
    }
    if amounts.iter().any(|(_, a)| a.unclear) {
        return Reading::ambiguous("the figures can be read in more than one way");
    }
    // "3.200.000.000 (ba tỷ hai)": the same amount twice.
    let (first_at, first) = amounts[0];
    let same = |a: &Amount| value(*a).is_some() && value(*a) == value(first);
    if amounts.len() > 1 && amounts.iter().all(|(_, a)| same(a)) {
        return single(&items, first_at, first);
    }
    match amounts.as_slice() {
        [(at, only)] => single(&items, *at, *only),
        [(a, first), (b, second)] => pair(&items, (*a, *first), (*b, *second)),
        _ => Reading::ambiguous("more than two amounts"),
    }
}

/// The cell as items; `None` if an amount is per month, per m² or the like.
fn items(tokens: &[Token]) -> Option<Vec<Item>> {
    let mut items: Vec<Item> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        // "Q7", "A12": a code, unless a unit follows ("giá3tỷ").
        let code =
            token.figure().is_some() && token.glued && at > 0 && tokens[at - 1].word().is_some();
        match amount::find(tokens, at) {
            Found::Amount(found, length) if !(code && found.unit.is_none()) => {
                at += length;
                if found.unit.is_some() && words::per(&tokens[at..]) {
                    return None;
                }
                items.push(Item::Amount(found));
                while let Some((bound, length)) = words::bound_behind(&tokens[at..]) {
                    // "min 2 tỷ max 3 tỷ": the word belongs to what follows.
                    let next = words::bound_before(&tokens[at..]).map(|(_, before)| at + before);
                    let follows = next.filter(|next| *next < tokens.len());
                    if follows
                        .is_some_and(|next| matches!(amount::find(tokens, next), Found::Amount(..)))
                    {
                        break;
                    }
                    items.push(Item::Behind(bound));
                    at += length;
                }
                continue;
            }
            Found::Amount(_, length) => {
                items.push(Item::Word);
                at += length;
                continue;
            }
            Found::Taken(length) => {
                items.push(Item::Taken);
                at += length;
                continue;
            }
            Found::Nothing => {}
        }
        if let Some((bound, length)) = words::bound_before(&tokens[at..]) {
            items.push(Item::Before(bound));
            at += length;
            continue;
        }
        let after_amount = matches!(items.last(), Some(Item::Amount(_) | Item::Behind(_)));
        if let Some(item) = plain(token, after_amount) {
            items.push(item);
        }
        at += 1;
    }
    Some(items)
}

fn plain(token: &Token, after_amount: bool) -> Option<Item> {
    if token.is_sign("-–—~→") {
        // A dash between figures joins them; a tilde in front is "about", a dash in front a bullet.
        return match (after_amount, token.is_sign("~")) {
            (true, _) => Some(Item::Joint),
            (false, true) => Some(Item::Before(Bound::About)),
            (false, false) => None,
        };
    }
    if token.is_sign(":=().*\"'!") {
        return None;
    }
    let word = token.word();
    match word {
        None => Some(Item::Apart),
        Some("hoặc" | "hoac" | "hay" | "và" | "va" | "or") => Some(Item::Apart),
        Some(word) if words::label(word) || words::unit(word) == Some(1) => None,
        Some(word) if words::names_figure(word) => Some(Item::Name),
        Some(_) => Some(Item::Word),
    }
}

/// The amounts that count: beside one with a unit, a bare figure behind some other word is not
/// money ("quận 7, 3 tỷ").
fn kept_amounts(items: &[Item]) -> Vec<(usize, Amount)> {
    let all: Vec<(usize, Amount)> = items
        .iter()
        .enumerate()
        .filter_map(|(at, item)| {
            if let Item::Amount(a) = item {
                Some((at, *a))
            } else {
                None
            }
        })
        .collect();
    let explains = |at: usize| match items.get(at.wrapping_sub(1)) {
        Some(Item::Name | Item::Taken) => true,
        // "sunrise 2 - 3 tỷ": a name with a figure, or an interval.
        Some(Item::Word) => !matches!(
            items.get(at + 1..at + 3),
            Some([Item::Joint, Item::Amount(_)])
        ),
        _ => false,
    };
    // "70-80m2"
    let shares = |at: usize| matches!(items.get(at + 1..at + 3), Some([Item::Joint, Item::Taken]));
    all.iter()
        .copied()
        .filter(|(at, a)| a.unit.is_some() || !(explains(*at) || shares(*at)))
        .collect()
}

/// The bounds of the amount at `at`: those directly before it, and those behind it.
fn bounds(items: &[Item], at: usize) -> Vec<Bound> {
    let mut bounds = Vec::new();
    for item in items[..at].iter().rev() {
        match item {
            Item::Before(bound) => bounds.push(*bound),
            _ => break,
        }
    }
    for item in &items[at + 1..] {
        match item {
            Item::Behind(bound) => bounds.push(*bound),
            _ => break,
        }
    }
    bounds
}

fn value(amount: Amount) -> Option<i128> {
    match amount.value {
        Some(value) => Some(value),
        None if amount.figure.like_phone() => None,
        None => amount.figure.by_size(),
    }
}

fn single(items: &[Item], at: usize, amount: Amount) -> Reading<Money> {
    let Some(value) = value(amount) else {
        return Reading::ambiguous(UNCLEAR_SIZE);
    };
    let before = bounds_before(items, at);
    let behind = behind_only(items, at);
    // "3 tỷ (khoảng)"
    let afterthought = items[at + 1..] == [Item::Before(Bound::About)];
    let has = |bound| before.contains(&bound) || behind.contains(&bound);
    let about = has(Bound::About) || afterthought;
    let under = has(Bound::Under) || has(Bound::To);
    // "hơn 5 tỷ xíu": a little over is about so much.
    let little = before.contains(&Bound::Over) && behind.contains(&Bound::About);
    let over = (has(Bound::Over) && !little) || (has(Bound::From) && !under);
    match (over, under) {
        (true, true) => Reading::ambiguous("at least and at most at once"),
        (true, false) => interval(Some(value), None, about),
        (false, true) => interval(None, Some(value), about),
        (false, false) => interval(Some(value), Some(value), about),
    }
}

fn behind_only(items: &[Item], at: usize) -> Vec<Bound> {
    items[at + 1..]
        .iter()
        .map_while(|i| {
            if let Item::Behind(b) = i {
                Some(*b)
            } else {
                None
            }
        })
        .collect()
}

fn pair(items: &[Item], first: (usize, Amount), second: (usize, Amount)) -> Reading<Money> {
    let between = &items[first.0 + 1..second.0];
    let (lower, upper) = (first.1, second.1);
    let before = bounds_before(items, first.0);
    let about = before.contains(&Bound::About)
        || bounds(items, second.0).contains(&Bound::About)
            && between.contains(&Item::Before(Bound::About));
    let joined = !between.is_empty()
        && between.iter().all(|i| {
            matches!(
                i,
                Item::Joint
                    | Item::Before(Bound::To | Bound::About | Bound::Under)
                    | Item::Behind(Bound::About)
            )
        })
        && between
            .iter()
            .any(|i| matches!(i, Item::Joint | Item::Before(Bound::To)));
    let over_under = (before.contains(&Bound::Over) || before.contains(&Bound::From))
        && between
            .iter()
            .all(|i| matches!(i, Item::Before(Bound::Under) | Item::Apart))
        && between.contains(&Item::Before(Bound::Under));
    let named = matches!(items.get(first.0.wrapping_sub(1)), Some(Item::Word));
    if (!joined && !over_under) || (named && lower.unit.is_none()) {
        return Reading::ambiguous("two amounts");
    }
    let Some((min, max)) = ends(lower, upper) else {
        return Reading::ambiguous(UNCLEAR_SIZE);
    };
    interval(Some(min), Some(max), about)
}

fn bounds_before(items: &[Item], at: usize) -> Vec<Bound> {
    items[..at]
        .iter()
        .rev()
        .map_while(|i| {
            if let Item::Before(b) = i {
                Some(*b)
            } else {
                None
            }
        })
        .collect()
}

/// The two ends in đồng. A figure without a unit shares the other's ("3-5 tỷ"), unless it is larger
/// than that allows: 700 in "700 - 1 tỷ" can only be triệu.
fn ends(lower: Amount, upper: Amount) -> Option<(i128, i128)> {
    let share = |bare: Amount, unit: i128| {
        let hundreds = bare
            .figure
            .times(1)
            .is_some_and(|v| (300..10_000).contains(&v))
            && bare.figure.is_whole();
        let unit = if hundreds && unit == super::BILLION {
            MILLION
        } else {
            unit
        };
        bare.figure.with_unit(unit)
    };
    match (lower.value, upper.value) {
        (Some(min), Some(max)) => Some((min, max)),
        (None, Some(max)) => Some((share(lower, upper.unit?)?, max)),
        (Some(min), None) => Some((min, share(upper, lower.unit?)?)),
        (None, None) => Some((value(lower)?, value(upper)?)),
    }
}
