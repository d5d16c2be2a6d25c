//! What there has been with a customer, in the words of a cell: `từng đặt cọc`, `chưa gửi thư 30 ngày`.

use super::Known;
use crate::core::campaign::Dealing;
use crate::core::sheet::fold::fold;

/// Words that change nothing.
const FILLERS: [&str; 24] = [
    "trong", "vong", "qua", "gan", "day", "nay", "vua", "khach", "hang", "lan", "nao", "it",
    "nhat", "duoc", "mail", "ngay", "email", "last", "the", "within", "in", "before", "ever",
    "truoc",
];

/// Longer than any past of ours: “never”.
const EVER_DAYS: u32 = 36_500;

/// Reads one of them; nothing if it is none.
pub(super) fn read(text: &str, known: &Known<'_>) -> Option<Dealing> {
    let folded = fold(text);
    let (days, words) = span(&folded);
    let words: Vec<&str> = words
        .into_iter()
        .filter(|word| !FILLERS.contains(word))
        .collect();
    let phrase = words.join(" ");
    let days_or = |without: u32| days.unwrap_or(without);
    match phrase.as_str() {
        "da gui thu" | "da gui" | "da nhan thu" | "da nhan" | "gui thu" | "nhan thu" | "mailed"
        | "sent" => {
            return Some(Dealing::Mailed {
                days: days_or(EVER_DAYS),
                within: true,
            });
        }
        "chua gui thu" | "chua gui" | "chua nhan thu" | "chua nhan" | "khong gui thu"
        | "khong nhan thu" | "chua tung gui thu" | "chua tung nhan thu" | "not mailed"
        | "never mailed" | "not sent" => {
            return Some(Dealing::Mailed {
                days: days_or(EVER_DAYS),
                within: false,
            });
        }
        "moi" | "moi nhan" | "moi tiep nhan" | "moi vao" | "new" | "newer than" => {
            return Some(Dealing::New {
                days: days?,
                within: true,
            });
        }
        "cu" | "cu hon" | "tren" | "hon" | "lau hon" | "old" | "older" | "older than" | "over" => {
            return Some(Dealing::New {
                days: days?,
                within: false,
            });
        }
        _ => {}
    }
    if days.is_some() {
        return None;
    }
    let (ever, what) = polarity(&phrase)?;
    Some(Dealing::Reached {
        stages: stages(what, known)?,
        ever,
    })
}

/// Whether something has been, or never, and what.
fn polarity(phrase: &str) -> Option<(bool, &str)> {
    const NEVER: [&str; 6] = [
        "chua tung ",
        "chua ",
        "khong tung ",
        "never ",
        "not ",
        "khong ",
    ];
    const EVER: [&str; 5] = ["da tung ", "tung ", "da ", "has ", "once "];
    for (ever, words) in [(false, NEVER.as_slice()), (true, EVER.as_slice())] {
        if let Some(rest) = words.iter().find_map(|word| phrase.strip_prefix(word)) {
            return Some((ever, rest.trim()));
        }
    }
    // English says it behind: “deposited before”; “before” is gone already.
    matches!(phrase, "bought" | "deposited").then_some((true, phrase))
}

/// The stages that a word for a dealing means.
fn stages(what: &str, known: &Known<'_>) -> Option<Vec<String>> {
    const BUY: [&str; 12] = [
        "mua",
        "mua nha",
        "mua hang",
        "mua roi",
        "giao dich",
        "hoan tat",
        "hoan tat giao dich",
        "chot",
        "ky hop dong",
        "bought",
        "buy",
        "purchased",
    ];
    const DEPOSIT: [&str; 6] = [
        "dat coc",
        "coc",
        "dat coc roi",
        "deposited",
        "deposit",
        "xuong coc",
    ];
    let all = known.stages.stages();
    let mut ids: Vec<String> = Vec::new();
    if BUY.contains(&what) {
        ids.extend(known.won.iter().cloned());
    } else {
        // A stage whose words are these, with or without “đã” before them.
        let bare = |label: &str| {
            let folded = fold(label);
            folded.strip_prefix("da ").unwrap_or(&folded).to_owned()
        };
        let is = |label: &str| {
            bare(label) == what
                || (DEPOSIT.contains(&what) && DEPOSIT.contains(&bare(label).as_str()))
        };
        for stage in all {
            let words = [&stage.id, &stage.label];
            if words.into_iter().chain(&stage.aliases).any(|word| is(word)) {
                ids.push(stage.id.clone());
            }
        }
        // Who bought has paid a deposit before.
        if DEPOSIT.contains(&what) && !ids.is_empty() {
            ids.extend(
                known
                    .won
                    .iter()
                    .filter(|id| !ids.contains(id))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
        }
    }
    (!ids.is_empty()).then_some(ids)
}

/// A length of time in days, and the words around it.
fn span(folded: &str) -> (Option<u32>, Vec<&str>) {
    let words: Vec<&str> = folded.split(' ').collect();
    let unit = |word: &str| match word {
        "ngay" | "day" | "days" | "d" => Some(1),
        "tuan" | "week" | "weeks" => Some(7),
        "thang" | "month" | "months" => Some(30),
        "nam" | "year" | "years" => Some(365),
        _ => None,
    };
    let Some(at) = words.iter().position(|word| word.parse::<u32>().is_ok()) else {
        return (None, words);
    };
    let number: u32 = words[at].parse().unwrap_or_default();
    let next = words.get(at + 1).copied();
    let (factor, taken) = match next.and_then(unit) {
        Some(factor) => (factor, 2),
        None => (1, 1),
    };
    let rest = words[..at]
        .iter()
        .chain(&words[(at + taken).min(words.len())..]);
    (
        number.checked_mul(factor).filter(|days| *days > 0),
        rest.copied().collect(),
    )
}
