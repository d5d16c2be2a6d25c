//! The words of a money cell: units, number words, bounds, and words that take a figure to themselves.
//!
//! Accents are told apart where they must be (tỷ is not tý, tầm is not tám); a word without any
//! accent may stand for either.

use std::sync::LazyLock;

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

/// Whether a word before `at` makes the number word no figure: `vài ba`, `dăm bảy`.
pub(super) fn several(tokens: &[Token], at: usize) -> bool {
    at > 0 && tokens[at - 1].is_word(&["vài", "vai", "mấy", "may", "dăm", "dam", "đôi", "doi"])
}

/// Whether a part of the figure is kept back: `2,x tỷ`, `2 tỷ 3xx`.
pub(super) fn masked(tokens: &[Token]) -> bool {
    let figure = |at: Option<usize>| at.is_some_and(|i| tokens[i].figure().is_some());
    tokens.iter().enumerate().any(|(at, token)| {
        let Some(word) = token.word() else {
            return false;
        };
        let only = !word.is_empty() && word.chars().all(|c| c == 'x');
        let behind_mark =
            token.glued && at > 1 && tokens[at - 1].is_sign(",.") && figure(at.checked_sub(2));
        only && (word.len() > 1 || behind_mark)
    })
}

/// A number in words up to 999 at the beginning of the tokens, and how many tokens it takes:
/// `hai`, `mười lăm`, `hai mươi`, `hai mươi mốt`.
pub(super) fn number(tokens: &[Token]) -> Option<(i128, usize)> {
    let word = |at: usize| tokens.get(at).and_then(Token::word);
    let Some(first) = word(0).and_then(digit) else {
        return below_hundred(tokens);
    };
    // "ba trăm năm mươi triệu"; "ba trăm triệu" is three of a larger unit.
    if word(1).is_some_and(|w| matches!(w, "trăm" | "tram"))
        && let Some((rest, length)) = tokens.get(2..).and_then(below_hundred)
    {
        return Some((first * 100 + rest, 2 + length));
    }
    below_hundred(tokens)
}

/// As [`number`], without hundreds.
fn below_hundred(tokens: &[Token]) -> Option<(i128, usize)> {
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
    ("dưới hoặc bằng", Bound::Under),
    ("nhỏ hơn hoặc bằng", Bound::Under),
    ("trên hoặc bằng", Bound::Over),
    ("lớn hơn hoặc bằng", Bound::Over),
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
    ("chưa được", Bound::Under),
    ("cùng lắm", Bound::Under),
    ("cao lắm", Bound::Under),
    ("nhiều lắm", Bound::Under),
    ("kịch trần", Bound::Under),
    ("kịch", Bound::Under),
    ("bé hơn", Bound::Under),
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
    ("ngoài", Bound::Over),
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
    ("hoặc thấp hơn", Bound::Under),
    ("hoặc ít hơn", Bound::Under),
    ("hoặc dưới", Bound::Under),
    ("hoặc cao hơn", Bound::Over),
    ("hoặc nhiều hơn", Bound::Over),
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

/// The words of a phrase, each with its accents and without.
struct Phrase(Vec<(&'static str, String)>);

impl Phrase {
    fn new(phrase: &'static str) -> Self {
        Self(phrase.split(' ').map(|part| (part, fold(part))).collect())
    }

    /// How many tokens the phrase takes at the beginning, if it stands there.
    fn length(&self, tokens: &[Token]) -> Option<usize> {
        let stands = tokens.len() >= self.0.len()
            && self.0.iter().zip(tokens).all(|((accented, plain), token)| {
                token.word().is_some_and(|w| w == *accented || w == plain)
            });
        stands.then_some(self.0.len())
    }
}

type Bounds = LazyLock<Vec<(Phrase, Bound)>>;

fn prepared(list: &[(&'static str, Bound)]) -> Vec<(Phrase, Bound)> {
    list.iter()
        .map(|(phrase, bound)| (Phrase::new(phrase), *bound))
        .collect()
}

static BOUNDS_BEFORE: Bounds = LazyLock::new(|| prepared(BEFORE));
static BOUNDS_BEHIND: Bounds = LazyLock::new(|| prepared(BEHIND));

fn bound(tokens: &[Token], list: &[(Phrase, Bound)]) -> Option<(Bound, usize)> {
    tokens.first()?.word()?;
    list.iter()
        .find_map(|(phrase, bound)| phrase.length(tokens).map(|length| (*bound, length)))
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
    if let Some(length) = plus_minus(tokens) {
        return Some((Bound::About, length));
    }
    bound(tokens, &BOUNDS_BEFORE)
}

/// How many tokens `+-` or `+/-` takes; none if it is something else, such as a half-typed `+/`.
fn plus_minus(tokens: &[Token]) -> Option<usize> {
    let is = |at: usize, sign: &str| tokens.get(at).is_some_and(|token| token.is_sign(sign));
    match (is(0, "+"), is(1, "-"), is(1, "/") && is(2, "-")) {
        (true, true, _) => Some(2),
        (true, false, true) => Some(3),
        _ => None,
    }
}

/// A bound behind an amount, and how many tokens it takes.
pub(super) fn bound_behind(tokens: &[Token]) -> Option<(Bound, usize)> {
    if tokens.first()?.is_sign("±") {
        return Some((Bound::About, 1));
    }
    if let Some(length) = plus_minus(tokens) {
        return Some((Bound::About, length));
    }
    if tokens.first()?.is_sign("+") {
        // "3 tỷ + 500 triệu" is a sum, "3 tỷ + VAT" a price before tax.
        let more = tokens.get(1);
        let sum = more.is_some_and(|t| t.figure().is_some() || t.word().is_some_and(on_top));
        return (!sum).then_some((Bound::Over, 1));
    }
    bound(tokens, &BOUNDS_BEHIND)
}

/// Taxes and fees, which come on top of a price and change no budget.
fn on_top(word: &str) -> bool {
    matches!(
        word,
        "vat" | "thuế" | "thue" | "phí" | "phi" | "nội" | "nt" | "sổ"
    )
}

/// Words for what a digit behind an amount counts: rooms, floors, plots, people, times.
pub(super) fn counted(word: &str) -> bool {
    const COUNTED: &[&str] = &[
        "pn", "wc", "br", "mt", "m", "m2", "mm", "km", "ha", "n", "phòng", "ngủ", "tầng", "lầu",
        "trệt", "tấm", "mê", "căn", "lô", "nền", "thửa", "mảnh", "miếng", "sào", "mẫu", "công",
        "mặt", "mét", "người", "vợ", "con", "bé", "cháu", "đứa", "anh", "chị", "khách", "chủ",
        "nhà", "hẻm", "ngõ", "xe", "ô", "oto", "ôtô", "chỗ", "cửa", "gác", "sân", "toilet", "vệ",
        "ban", "tháng", "năm", "tuần", "ngày", "lần", "đợt", "block", "tòa", "toà", "thế", "kiot",
        "góc", "bed", "bedroom", "bedrooms", "bath", "floor", "floors", "sqm",
    ];
    static PLAIN: LazyLock<Vec<String>> =
        LazyLock::new(|| COUNTED.iter().map(|word| fold(word)).collect());
    // Without accents they must not be one of the words that go on: "con" may be "còn".
    COUNTED.contains(&word) || (PLAIN.iter().any(|plain| plain == word) && !goes_on(word))
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
            | "linh"
            | "hoat"
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
            | "full"
            | "bot"
            | "giam"
            | "chot"
            | "het"
            | "sang"
            | "ok"
            | "view"
            | "gan"
            | "luon"
            | "nua"
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
        "cần vay",
        "thanh toán",
        "thiếu",
    ];
    static PREPARED: LazyLock<Vec<Phrase>> =
        LazyLock::new(|| PARTS.iter().map(|part| Phrase::new(part)).collect());
    let loan = tokens.windows(3).any(|w| {
        let unit = w[2].word().and_then(unit).is_some();
        w[0].is_word(&["vay"]) && w[1].figure().is_some() && unit
    });
    let part = |at: usize| {
        tokens[at].word().is_some() && PREPARED.iter().any(|p| p.length(&tokens[at..]).is_some())
    };
    loan || (0..tokens.len()).any(part)
}

/// Words whose figure is a name and no amount: `quận 7`, `tầng 12`, `tháng 5`.
pub(super) fn names_figure(word: &str) -> bool {
    matches!(
        word,
        "quận"
            | "quan"
            | "q"
            | "phường"
            | "phuong"
            | "p"
            | "tầng"
            | "tang"
            | "lầu"
            | "block"
            | "tòa"
            | "toà"
            | "toa"
            | "số"
            | "khu"
            | "lô"
            | "lo"
            | "căn"
            | "nhà"
            | "tháng"
            | "thang"
            | "thg"
            | "năm"
            | "ngày"
            | "ngay"
            | "hẻm"
            | "ngõ"
            | "đường"
            | "zone"
            | "phân"
            | "tháp"
            | "đợt"
            | "quý"
            | "gđ"
            | "giai"
    )
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
