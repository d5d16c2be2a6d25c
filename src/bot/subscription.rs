//! `/bantin`: beside the digest itself, when it comes to whoever asks, and the buttons that change it.

use jiff::Timestamp;

use super::answer::{Offer, Reply, with_rows};
use super::words::{Words, escape};
use crate::commands::{Action, Answer, Desk, Subscription, Who};
use crate::core::subscription::{at_time, vietnamese};

/// Times that have a button.
const TIMES: [&str; 3] = ["07:30", "08:00", "17:00"];

/// When each digest comes, one message each with its buttons.
pub(super) fn all(desk: &Desk, words: Words, who: &Who, now: Timestamp) -> Answer<Vec<Reply>> {
    let each = desk.subscriptions(who)?;
    each.iter()
        .map(|one| shown(desk, words, who, one, now))
        .collect()
}

fn shown(
    desk: &Desk,
    words: Words,
    who: &Who,
    one: &Subscription,
    now: Timestamp,
) -> Answer<Reply> {
    let offer = |wish: &str, label: String| -> Offer {
        (Action::Subscribe, format!("{}={wish}", one.rule), label)
    };
    let times = TIMES.iter().map(|time| {
        let hour: u8 = time[..2].parse().unwrap_or_default();
        let shown = time.trim_start_matches('0');
        let part = match hour {
            0..=10 => words.pick("Sáng", "Morning"),
            11..=17 => words.pick("Chiều", "Afternoon"),
            _ => words.pick("Tối", "Evening"),
        };
        offer(&at_time(&one.usual, time), format!("{part} {shown}"))
    });
    let mut rows: Vec<Vec<Offer>> = vec![times.collect()];
    let mut others = Vec::new();
    // Of a digest of one day there is nothing to leave out.
    let daily = one.usual.contains('-') || one.usual.contains(',') || !one.usual.contains(' ');
    if daily {
        let time = one.usual.rsplit(' ').next().unwrap_or("08:00");
        others.push(offer(
            &format!("Mon {time}"),
            words.pick("Chỉ thứ Hai", "Mondays only"),
        ));
    }
    if one.at.is_some() {
        others.push(offer("off", words.pick("🔕 Tắt", "🔕 Off")));
    }
    if one.own {
        others.push(offer("usual", words.pick("Như mặc định", "As usual")));
    }
    rows.push(others);
    with_rows(
        desk,
        Reply::of(words.subscription(one)),
        &rows,
        Some(who.name()),
        now,
    )
}

impl Words {
    /// When a digest comes.
    pub(super) fn subscription(self, one: &Subscription) -> String {
        let what = escape(&self.digest_name(one));
        match &one.at {
            Some(at) => {
                let at = escape(&self.pick(vietnamese(at), at));
                self.pick(
                    format!("🗞 <b>{what}</b> gửi anh/chị {at}."),
                    format!("🗞 You get <b>{what}</b> at {at}."),
                )
            }
            None => self.pick(
                format!("🗞 <b>{what}</b>: anh/chị đang tắt."),
                format!("🗞 <b>{what}</b>: you have turned it off."),
            ),
        }
    }

    fn digest_name(self, one: &Subscription) -> String {
        match one.template.as_str() {
            "digest-daily" => self.pick("Bản tin ngày", "the daily digest"),
            "digest-weekly" => self.pick("Bản tin tuần", "the weekly digest"),
            _ => self.pick(
                format!("Bản tin “{}”", one.rule),
                format!("the digest “{}”", one.rule),
            ),
        }
    }
}
