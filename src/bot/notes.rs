//! Outcomes of reminders, notes and promises, in words; and a customer with what can be done about them.

use jiff::Timestamp;

use super::answer::{Offer, Reply, with_rows};
use super::words::{Words, clock, escape, link};
use crate::commands::{Action, Answer, Came, Card, Desk, NextLine, NoteLine, Pressed, Who};
use crate::core::outcome::{Deed, Outcome};

/// What is said besides after a press; mostly nothing.
pub(super) fn pressed(
    desk: &Desk,
    words: Words,
    who: &Who,
    pressed: &Pressed,
    now: Timestamp,
) -> Answer<Vec<Reply>> {
    match pressed {
        Pressed::Came(came) => came_of(desk, words, who, came, now),
        Pressed::Noted(line) => Ok(vec![noted(desk, words, who, line, now)?]),
        Pressed::CustomerOpen(record) => {
            let card = desk.customer(record, who, now)?;
            Ok(vec![customer(desk, words, who, &card, now)?])
        }
        _ => Ok(Vec::new()),
    }
}

/// A customer, with what can be done about them.
pub(super) fn customer(
    desk: &Desk,
    words: Words,
    who: &Who,
    card: &Card,
    now: Timestamp,
) -> Answer<Reply> {
    let rows: [&[Action]; 3] = [
        &[Action::Appointed, Action::NoAnswer],
        &[Action::CallBack, Action::NoNeed],
        &[Action::Done],
    ];
    let reply = Reply::of(words.card(card));
    with_buttons(desk, (words, who), reply, &card.record, &rows, now)
}

/// Asks for the time, or says what else there is to do.
fn came_of(
    desk: &Desk,
    words: Words,
    who: &Who,
    came: &Came,
    now: Timestamp,
) -> Answer<Vec<Reply>> {
    let name = link(&came.card.name, came.card.url.as_deref());
    let calls = [Action::CallTwoHours, Action::CallTomorrow];
    let (question, buttons) = match came.outcome {
        Outcome::Appointed => (
            words.pick(
                format!("📅 Hẹn <b>{name}</b> lúc nào? Anh/chị nhắn giờ hẹn, ví dụ <i>CN 9h xem nhà mẫu</i>, bot sẽ nhắc trước một tiếng."),
                format!("📅 When do you meet <b>{name}</b>? Write the time, such as <i>Sun 9am show flat</i>: the bot reminds you an hour before."),
            ),
            &[][..],
        ),
        Outcome::CallBack => (
            words.pick(
                format!("📞 Gọi lại <b>{name}</b> lúc nào? Anh/chị nhắn giờ, ví dụ <i>15h</i> hay <i>thứ 3 9h</i>, hoặc bấm nút."),
                format!("📞 When do you call <b>{name}</b> back? Write the time, such as <i>3pm</i> or <i>Tue 9am</i>, or press a button."),
            ),
            &calls[..],
        ),
        Outcome::NoAnswer => (
            words.pick(
                format!("📵 Khi nào gọi lại <b>{name}</b>? Anh/chị bấm nút, hoặc nhắn giờ, ví dụ <i>16h30</i>."),
                format!("📵 When do you try <b>{name}</b> again? Press a button, or write the time, such as <i>4:30pm</i>."),
            ),
            &calls[..],
        ),
        Outcome::NoNeed => {
            let Some(lost) = came.lost.as_deref().map(escape) else {
                return Ok(Vec::new());
            };
            let line = words.pick(
                format!("Anh/chị nhớ đổi giai đoạn của <b>{name}</b> trong bảng thành “{lost}”, bot sẽ thôi nhắc."),
                format!("Please set the stage of <b>{name}</b> to “{lost}” in the sheet; the reminders end with it."),
            );
            return Ok(vec![Reply::of(line)]);
        }
        Outcome::Reached => return Ok(Vec::new()),
    };
    let (reply, asked) = (Reply::of(question), (words, who));
    let reply = with_buttons(desk, asked, reply, &came.card.record, &[buttons], now)?;
    Ok(vec![reply])
}

/// What was kept, with the button that takes it back.
pub(super) fn noted(
    desk: &Desk,
    words: Words,
    who: &Who,
    line: &NoteLine,
    now: Timestamp,
) -> Answer<Reply> {
    let reply = Reply::of(words.noted(line));
    with_buttons(
        desk,
        (words, who),
        reply,
        &line.id,
        &[&[Action::NoteUndo]],
        now,
    )
}

/// Buttons that all act on one subject, for whoever was asked.
fn with_buttons(
    desk: &Desk,
    (words, who): (Words, &Who),
    reply: Reply,
    subject: &str,
    rows: &[&[Action]],
    now: Timestamp,
) -> Answer<Reply> {
    let offer = |action: &Action| (*action, subject.to_owned(), words.label(*action));
    let rows: Vec<Vec<Offer>> = rows
        .iter()
        .map(|row| row.iter().map(offer).collect())
        .collect();
    with_rows(desk, reply, &rows, Some(who.name()), now)
}

impl Words {
    /// What was kept of somebody's words.
    fn noted(self, line: &NoteLine) -> String {
        let name = escape(&line.name);
        let mut lines = Vec::new();
        if line.text.is_empty() {
            lines.push(format!("📝 <b>{name}</b>"));
        } else {
            let text = escape(&line.text);
            lines.push(self.pick(
                format!("📝 Đã ghi cho <b>{name}</b>: “{text}”"),
                format!("📝 Noted for <b>{name}</b>: “{text}”"),
            ));
        }
        if let (Some(deed), Some(when), Some(remind)) = (line.deed, &line.when, &line.remind) {
            let (when, remind) = (time_shown(when), clock(remind));
            lines.push(match deed {
                Deed::Meet => self.pick(
                    format!("📅 Hẹn lúc {when}, bot sẽ nhắc lúc {remind}."),
                    format!("📅 You meet at {when}; the bot reminds you at {remind}."),
                ),
                Deed::Call => self.pick(
                    format!("📞 Gọi lại lúc {when}, bot sẽ nhắc lúc {remind}."),
                    format!("📞 You call at {when}; the bot reminds you at {remind}."),
                ),
            });
        } else if line.outcome.is_some() {
            lines.push(self.pick(
                "Trong tin chưa thấy ngày giờ nên chưa đặt nhắc. Anh/chị nhắn lại giờ giúp nhé, ví dụ <i>thứ 3 9h</i>.",
                "No time could be read from it, so there is no reminder. Write the time again, such as <i>Tue 9am</i>.",
            ));
        }
        lines.join("\n")
    }

    /// One line of a customer's story.
    pub(super) fn note_line(self, note: &NoteLine) -> String {
        let when = clock(&note.at);
        let by = escape(&note.by);
        let said = note.outcome.map(|outcome| self.outcome(outcome));
        let text = Some(&note.text).filter(|text| !text.is_empty());
        let text = text.map(|text| {
            let short: String = text.chars().take(200).collect();
            format!("“{}”", escape(&short))
        });
        let promised = note.when.as_deref().zip(note.deed).map(|(at, deed)| {
            let at = time_shown(at);
            match deed {
                Deed::Meet => self.pick(format!("hẹn {at}"), format!("to meet {at}")),
                Deed::Call => self.pick(format!("gọi lại {at}"), format!("to call {at}")),
            }
        });
        let parts: Vec<String> = [said, text, promised].into_iter().flatten().collect();
        format!("🗒 {when} <b>{by}</b>: {}", parts.join(", "))
    }

    /// One line of what comes next.
    pub(super) fn next_line(self, next: &NextLine) -> String {
        let at = time_shown(&next.at);
        let what = match next.what.as_str() {
            "call" => self.pick("gọi lại", "call back"),
            "meet" => self.pick("hẹn gặp", "meet"),
            "idle" => self.pick(
                "bot nhắc nếu chưa ai liên hệ",
                "a reminder, if nobody is in touch",
            ),
            other => escape(other),
        };
        format!("⏭ {at}: {what}")
    }

    /// What came of it, in the reader's language.
    pub(super) fn outcome(self, outcome: Outcome) -> String {
        self.pick(outcome.vietnamese(), outcome.english())
    }
}

/// `2026-11-29` as `29/11`, a local time as `09:00 29/11`.
fn time_shown(iso: &str) -> String {
    if iso.contains('T') {
        return clock(iso);
    }
    match (iso.get(8..10), iso.get(5..7)) {
        (Some(day), Some(month)) => format!("{day}/{month}"),
        _ => iso.to_owned(),
    }
}
