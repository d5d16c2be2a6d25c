//! The words of a money cell: units, number words, bounds, and words that take a figure to themselves.
//!
//! Accents are told apart where they must be (tỷ is not tý, tầm is not tám); a word without any
//! accent may stand for either.

use super::tokens::Token;
use crate::core::sheet::fold::fold;

/// What a unit word is worth in đồng.
pub(super) fn unit(word: &str) -> Option<i128> {
    Some(match word {
        "tỷ" | "tỉ" | "ty" | "ti" | "tỏi" | "toi" | "tỹ" | "tĩ" | "bil" | "billion" => {
            super::BILLION
        }
        "triệu" | "trieu" | "tr" | "trịêu" | "củ" | "cu" | "chai" | "mil" | "million" => {
            super::MILLION
        }
        "xị" => 100_000,
        "nghìn" | "nghin" | "ngàn" | "ngan" | "k" => 1_000,
        "đ" | "đồng" | "dong" | "vnd" | "vnđ" | "₫" => 1,
        _ => return None,
    })
}

/// `rưỡi`, half of the unit before it.
pub(super) fn half(word: &str) -> bool {
    matches!(
        word,
        "rưỡi" | "rưởi" | "rươi" | "rưõi" | "ruoi" | "ruỡi" | "rưởị"
    )
}

/// A number word from one to nine.
fn digit(word: &str) -> Option<i128> {
    Some(match word {
        "một" | "mot" | "mốt" => 1,
        "hai" => 2,
        "ba" => 3,
        "bốn" | "bon" | "tư" | "tu" => 4,
        "năm" | "nam" | "lăm" | "lam" | "nhăm" => 5,
        "sáu" | "sau" => 6,
        "bảy" | "bẩy" | "bay" => 7,
        "tám" | "tam" => 8,
        "chín" | "chin" => 9,
        _ => return None,
    })
}

/// A number in words up to 99 at the beginning of the tokens, and how many tokens it takes:
/// `hai`, `mười lăm`, `hai mươi`, `hai mươi mốt`.
pub(super) fn number(tokens: &[Token]) -> Option<(i128, usize)> {
    let word = |at: usize| tokens.get(at).and_then(Token::word);
    let ten = |w: Option<&str>| {
        w.is_some_and(|w| matches!(w, "mười" | "mươi" | "muoi" | "chục" | "chuc"))
    };
    if word(0).is_some_and(|w| matches!(w, "mười" | "muoi")) {
        return Some(match word(1).and_then(digit) {
            Some(ones) => (10 + ones, 2),
            None => (10, 1),
        });
    }
    let first = digit(word(0)?)?;
    if ten(word(1)) {
        return Some(match word(2).and_then(digit) {
            Some(ones) => (first * 10 + ones, 3),
            None => (first * 10, 2),
        });
    }
    Some((first, 1))
}

/// Which side of an amount a word bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Under,
    Over,
    About,
    /// `từ`: over, or the beginning of an interval.
    From,
    /// `đến`: between two ends, or under.
    To,
}

/// Words before an amount, the longest first where one begins another.
const BEFORE: &[(&str, Bound)] = &[
    ("trên dưới", Bound::About),
    ("không vượt quá", Bound::Under),
    ("không quá", Bound::Under),
    ("ko quá", Bound::Under),
    ("k quá", Bound::Under),
    ("đừng quá", Bound::Under),
    ("không hơn", Bound::Under),
    ("không trên", Bound::Under),
    ("không tới", Bound::Under),
    ("chưa tới", Bound::Under),
    ("chưa đến", Bound::Under),
    ("không dưới", Bound::Over),
    ("ko dưới", Bound::Over),
    ("không ít hơn", Bound::Over),
    ("không thấp hơn", Bound::Over),
    ("tối đa", Bound::Under),
    ("nhiều nhất", Bound::Under),
    ("cao nhất", Bound::Under),
    ("thấp hơn", Bound::Under),
    ("nhỏ hơn", Bound::Under),
    ("ít hơn", Bound::Under),
    ("tối thiểu", Bound::Over),
    ("ít nhất", Bound::Over),
    ("thấp nhất", Bound::Over),
    ("cao hơn", Bound::Over),
    ("lớn hơn", Bound::Over),
    ("nhiều hơn", Bound::Over),
    ("xấp xỉ", Bound::About),
    ("hơn kém", Bound::About),
    ("xung quanh", Bound::About),
    ("loanh quanh", Bound::About),
    ("đâu đó", Bound::About),
    ("ước chừng", Bound::About),
    ("ngót nghét", Bound::About),
    ("up to", Bound::Under),
    ("at least", Bound::Over),
    ("dưới", Bound::Under),
    ("max", Bound::Under),
    ("under", Bound::Under),
    ("trên", Bound::Over),
    ("hơn", Bound::Over),
    ("min", Bound::Over),
    ("over", Bound::Over),
    ("from", Bound::From),
    ("tầm", Bound::About),
    ("khoảng", Bound::About),
    ("gần", Bound::About),
    ("cỡ", Bound::About),
    ("chừng", Bound::About),
    ("độ", Bound::About),
    ("quanh", Bound::About),
    ("ngót", Bound::About),
    ("ước", Bound::About),
    ("about", Bound::About),
    ("từ", Bound::From),
    ("đến", Bound::To),
    ("tới", Bound::To),
    ("to", Bound::To),
];

/// Words behind an amount.
const BEHIND: &[(&str, Bound)] = &[
    ("đổ lại", Bound::Under),
    ("trở lại", Bound::Under),
    ("trở xuống", Bound::Under),
    ("đổ xuống", Bound::Under),
    ("quay đầu", Bound::Under),
    ("là tối đa", Bound::Under),
    ("tối đa", Bound::Under),
    ("quay lại", Bound::Under),
    ("là cùng", Bound::Under),
    ("trở lên", Bound::Over),
    ("đổ lên", Bound::Over),
    ("trở đi", Bound::Over),
    ("đổ đi", Bound::Over),
    ("tối thiểu", Bound::Over),
    ("hơn", Bound::About),
    ("xíu", Bound::About),
    ("một chút", Bound::About),
    ("một tí", Bound::About),
    ("chút", Bound::About),
    ("tẹo", Bound::About),
    ("hoặc hơn", Bound::Over),
    ("max", Bound::Under),
    ("min", Bound::Over),
    ("gì đó", Bound::About),
    ("mấy", Bound::About),
    ("lẻ", Bound::About),
    ("là max", Bound::Under),
];

fn matches_phrase(tokens: &[Token], phrase: &str) -> Option<usize> {
    let mut length = 0;
    for part in phrase.split(' ') {
        let word = tokens.get(length)?.word()?;
        if word != part && word != fold(part) {
            return None;
        }
        length += 1;
    }
    Some(length)
}

fn bound(tokens: &[Token], list: &[(&str, Bound)]) -> Option<(Bound, usize)> {
    tokens.first()?.word()?;
    list.iter()
        .find_map(|(phrase, bound)| matches_phrase(tokens, phrase).map(|length| (*bound, length)))
}

/// A bound before an amount, and how many tokens it takes.
pub(super) fn bound_before(tokens: &[Token]) -> Option<(Bound, usize)> {
    if tokens.first()?.is_sign("<≤") {
        return Some((
            Bound::Under,
            1 + usize::from(tokens.get(1).is_some_and(|t| t.is_sign("="))),
        ));
    }
    if tokens.first()?.is_sign(">≥") {
        return Some((
            Bound::Over,
            1 + usize::from(tokens.get(1).is_some_and(|t| t.is_sign("="))),
        ));
    }
    if tokens.first()?.is_sign("≈±") {
        return Some((Bound::About, 1));
    }
    if tokens.first()?.is_sign("+") && tokens.get(1)?.is_sign("-/") {
        let slash = usize::from(tokens[1].is_sign("/"));
        return Some((Bound::About, 2 + slash));
    }
    bound(tokens, BEFORE)
}

/// A bound behind an amount, and how many tokens it takes.
pub(super) fn bound_behind(tokens: &[Token]) -> Option<(Bound, usize)> {
    if tokens.first()?.is_sign("±") {
        return Some((Bound::About, 1));
    }
    if tokens.first()?.is_sign("+") && tokens.get(1).is_some_and(|t| t.is_sign("-/")) {
        let slash = usize::from(tokens[1].is_sign("/"));
        return Some((Bound::About, 2 + slash));
    }
    if tokens.first()?.is_sign("+") {
        // "3 tỷ + 500 triệu" is a sum.
        return tokens
            .get(1)
            .is_none_or(|t| t.figure().is_none())
            .then_some((Bound::Over, 1));
    }
    bound(tokens, BEHIND)
}

/// Words that say what the amount is for and leave the reading as it is.
pub(super) fn label(word: &str) -> bool {
    matches!(
        fold(word).as_str(),
        "ngan"
            | "sach"
            | "ns"
            | "tai"
            | "chinh"
            | "tc"
            | "gia"
            | "muc"
            | "so"
            | "tien"
            | "kha"
            | "nang"
            | "dau"
            | "tu"
            | "mua"
            | "budget"
            | "chi"
            | "du"
            | "kien"
            | "khach"
            | "can"
            | "tim"
            | "muon"
            | "la"
            | "co"
            | "cung"
            | "thoi"
            | "khoang"
            | "tong"
            | "von"
            | "price"
            | "trong"
    )
}

/// Words that go on behind `3 tỷ 5` without taking the 5 to themselves.
pub(super) fn goes_on(word: &str) -> bool {
    matches!(
        fold(word).as_str(),
        "do" | "tro"
            | "quay"
            | "la"
            | "den"
            | "toi"
            | "hoac"
            | "hay"
            | "va"
            | "bao"
            | "thoi"
            | "co"
            | "chua"
            | "da"
            | "thuong"
            | "tl"
            | "nhe"
            | "nha"
            | "ha"
            | "ck"
            | "a"
            | "hon"
            | "xiu"
            | "chut"
            | "max"
            | "min"
            | "cho"
            | "mua"
            | "o"
            | "tai"
            | "trong"
            | "nhung"
            | "neu"
            | "con"
            | "vay"
            | "net"
            | "fix"
            | "all"
            | "in"
            | "to"
            | "gi"
            | "can"
            | "cung"
            | "khong"
            | "ko"
            | "chu"
    ) && !matches!(
        word,
        "đỏ" | "chỗ" | "căn" | "con" | "chủ" | "nhà" | "hạ" | "chợ"
    )
}

/// Words by which the amount is only cash at hand, or one part of it.
pub(super) fn only_part(tokens: &[Token]) -> bool {
    const PARTS: &[&str] = &[
        "có sẵn",
        "sẵn có",
        "còn lại",
        "trả trước",
        "đưa trước",
        "tiền mặt",
        "trong tay",
        "tự có",
        "vốn",
        "cọc",
        "góp",
        "vay thêm",
        "hỗ trợ vay",
        "thiếu",
    ];
    (0..tokens.len()).any(|at| {
        PARTS
            .iter()
            .any(|phrase| matches_phrase(&tokens[at..], phrase).is_some())
    })
}

/// Foreign currency and gold: never converted.
pub(super) fn foreign(tokens: &[Token]) -> bool {
    tokens.iter().enumerate().any(|(at, token)| {
        if token.is_sign("$€£¥₿") {
            return true;
        }
        let Some(word) = token.word() else {
            return false;
        };
        let behind_figure =
            at > 0 && (tokens[at - 1].figure().is_some() || number(&tokens[at - 1..at]).is_some());
        let behind_unit = at > 0 && tokens[at - 1].word().and_then(unit).is_some();
        match word {
            "usd" | "eur" | "euro" | "aud" | "sgd" | "jpy" | "cny" | "rmb" | "krw" | "usdt"
            | "dollar" | "dollars" | "đô" | "yên" | "won" | "sjc" | "vàng" => true,
            "do" => {
                (behind_figure || behind_unit)
                    && tokens
                        .get(at + 1)
                        .is_none_or(|t| t.is_word(&["la", "my", "mỹ"]))
            }
            "cây" | "lượng" | "lạng" | "cay" | "luong" => behind_figure,
            "tệ" => {
                behind_figure || behind_unit || tokens[at.saturating_sub(1)].is_word(&["dân"])
            }
            _ => false,
        }
    })
}

/// Whether what follows an amount makes it a price per month, per m² or the like.
pub(super) fn per(tokens: &[Token]) -> bool {
    const PERIODS: &[&str] = &[
        "th", "tháng", "thang", "m2", "m", "met", "mét", "month", "ngày", "ngay", "đêm", "dem",
        "năm", "tuần", "tuan", "quý", "sào", "công", "thg", "mo",
    ];
    let mut at = 0;
    let slash = tokens.first().is_some_and(|t| t.is_sign("/"))
        || tokens
            .first()
            .is_some_and(|t| t.is_word(&["mỗi", "moi", "hàng", "một", "per", "trên", "mot"]));
    at += usize::from(slash);
    let one = tokens.get(at).and_then(Token::figure) == Some("1")
        || tokens.get(at).is_some_and(|t| t.is_word(&["một"]));
    at += usize::from(one);
    let period = tokens.get(at).is_some_and(|t| t.is_word(PERIODS));
    // "12 triệu tháng" is a rent too; "5 tỷ 1 m2" hardly anything.
    let bare = tokens
        .get(at)
        .is_some_and(|t| t.is_word(&["tháng", "thang", "th"]));
    period && (slash || one || bare)
}
