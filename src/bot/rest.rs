//! `/tatthongbao` and `/batthongbao`: somebody's own notices rest for a time.

use jiff::Timestamp;

use super::answer::{Offer, Reply, with_rows};
use super::words::{Words, clock, escape};
use crate::commands::{Action, Answer, Desk, Pressed, Rest, Right, Who};

/// `/tatthongbao`, with or without a time.
pub(super) fn asked(
    desk: &Desk,
    words: Words,
    who: &Who,
    rest: &str,
    now: Timestamp,
) -> Answer<Vec<Reply>> {
    if !rest.is_empty() || !desk.allows(who, Right::Rest) {
        let done = desk.rest(rest, who, now)?;
        return Ok(vec![shown(desk, words, who, &done, now)?]);
    }
    let times = [
        ("2h", words.pick("2 giờ", "2 hours")),
        ("hôm nay", words.pick("Hết hôm nay", "Today")),
        ("tuần này", words.pick("Hết tuần này", "This week")),
    ];
    let offer =
        |(until, label): &(&str, String)| (Action::Rest, (*until).to_owned(), label.clone());
    let row: Vec<Offer> = times.iter().map(offer).collect();
    let question = Reply::of(words.pick(
        "🔕 Tắt thông báo đến khi nào? Anh/chị bấm nút, hoặc nhắn ngày, ví dụ <code>/tatthongbao 28/11</code>. Trong lúc tắt, khách mới và tin gấp chuyển cho người khác hoặc quản lý, việc không gấp chờ tới khi bật lại.",
        "🔕 Until when? Press a button, or write a day such as <code>/mute 28/11</code>. Meanwhile new leads and what is urgent go to others or to the managers; the rest waits.",
    ));
    let cancel = (
        Action::Cancel,
        "rest".to_owned(),
        words.label(Action::Cancel),
    );
    Ok(vec![with_rows(
        desk,
        question,
        &[row, vec![cancel]],
        Some(who.name()),
        now,
    )?])
}

/// `/batthongbao`.
pub(super) fn over(desk: &Desk, words: Words, who: &Who, now: Timestamp) -> Answer<Vec<Reply>> {
    let done = desk.rest_over(who, now)?;
    Ok(vec![shown(desk, words, who, &done, now)?])
}

/// What is said besides after a press; mostly nothing.
pub(super) fn pressed(
    desk: &Desk,
    words: Words,
    who: &Who,
    pressed: &Pressed,
    now: Timestamp,
) -> Answer<Vec<Reply>> {
    match pressed {
        Pressed::Rested(done) => Ok(vec![shown(desk, words, who, done, now)?]),
        _ => Ok(Vec::new()),
    }
}

fn shown(desk: &Desk, words: Words, who: &Who, done: &Rest, now: Timestamp) -> Answer<Reply> {
    let reply = Reply::of(words.rested(done));
    if done.until.is_none() {
        return Ok(reply);
    }
    let on = (
        Action::RestOver,
        String::new(),
        words.label(Action::RestOver),
    );
    with_rows(desk, reply, &[vec![on]], Some(who.name()), now)
}

impl Words {
    fn rested(self, done: &Rest) -> String {
        match &done.until {
            Some(until) => {
                let until = clock(until);
                self.pick(
                    format!("🔕 Đã tắt thông báo của anh/chị đến {until}. Quản lý đã được báo. Bật lại sớm: /batthongbao"),
                    format!("🔕 Your notices are off until {until}; the managers are told. Turn them on again: /unmute"),
                )
            }
            None if done.due_now > 0 => self.pick(
                format!(
                    "🔔 Đã bật lại thông báo. {} tin đang chờ sẽ tới ngay.",
                    done.due_now
                ),
                format!(
                    "🔔 Your notices are on again; {} that waited come now.",
                    done.due_now
                ),
            ),
            None => self.pick("🔔 Đã bật lại thông báo.", "🔔 Your notices are on again."),
        }
    }

    /// One line of how it is.
    pub(super) fn resting(self, rest: &Rest) -> String {
        let (name, until) = (escape(&rest.name), rest.until.as_deref().map(clock));
        let until = until.unwrap_or_default();
        self.pick(
            format!("🔕 {name} tắt thông báo đến {until}"),
            format!("🔕 {name}: notices off until {until}"),
        )
    }
}
