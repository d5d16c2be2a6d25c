//! `/chiendich`: the campaigns, and one of them with what can be done to it.

use jiff::Timestamp;

use super::answer::{Offer, Reply, with_rows};
use super::words::{Words, clock, escape};
use crate::commands::{Action, Answer, CampaignCard, Desk, Pressed, Who};
use crate::core::campaign::life::State;

/// So many stand on one page.
const PAGE: usize = 8;

/// So many buttons stand side by side: numbers, which are narrow.
const IN_A_ROW: usize = 4;

/// Mistakes of one campaign on one screen.
const PROBLEMS: usize = 5;

/// A page of campaigns, the newest first.
pub(super) fn list(
    desk: &Desk,
    words: Words,
    who: &Who,
    from: usize,
    now: Timestamp,
) -> Answer<Vec<Reply>> {
    let page = desk.campaign_page(from, PAGE, who, now)?;
    if page.cards.is_empty() {
        return Ok(vec![Reply::of(words.pick(
            "Chưa có chiến dịch nào. Chiến dịch được viết trong trang tính Chiến dịch của bảng tính.",
            "There are no campaigns. They are written in their tab of the workbook.",
        ))]);
    }
    let mut lines = vec![words.pick(
        format!("📣 <b>Chiến dịch</b> ({})", page.total),
        format!("📣 <b>Campaigns</b> ({})", page.total),
    )];
    let mut numbers: Vec<Offer> = Vec::new();
    for (at, card) in page.cards.iter().enumerate() {
        let number = from + at + 1;
        let name = escape(&card.line.name);
        lines.push(format!("{number}. <b>{name}</b>: {}", stands(words, card)));
        let open = (
            Action::CampaignOpen,
            card.line.id.clone(),
            number.to_string(),
        );
        numbers.push(open);
    }
    let mut rows: Vec<Vec<Offer>> = numbers.chunks(IN_A_ROW).map(<[Offer]>::to_vec).collect();
    let shown = from + page.cards.len();
    if shown < page.total {
        let more = page.total - shown;
        let label = words.pick(
            format!("Xem tiếp ({more} chiến dịch cũ hơn)"),
            format!("{more} older ones"),
        );
        rows.push(vec![(Action::CampaignMore, shown.to_string(), label)]);
    }
    with_rows(desk, Reply::of(lines.join("\n")), &rows, None, now).map(|reply| vec![reply])
}

/// One campaign, by id or name.
pub(super) fn one(
    desk: &Desk,
    words: Words,
    who: &Who,
    which: &str,
    now: Timestamp,
) -> Answer<Vec<Reply>> {
    let card = desk.campaign_card(which, who, now)?;
    let reply = Reply::of(shown(words, &card));
    with_rows(desk, reply, &buttons(words, &card), None, now).map(|reply| vec![reply])
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
        Pressed::CampaignOpen(id) => one(desk, words, who, id, now),
        Pressed::CampaignMore(from) => list(desk, words, who, *from, now),
        Pressed::CampaignAskStop(id) => {
            let card = desk.campaign_card(id, who, now)?;
            let name = escape(&card.line.name);
            let waiting = card.progress.unwrap_or_default().waiting;
            let question = words.pick(
                format!("Dừng hẳn chiến dịch <b>“{name}”</b>? {waiting} thư chưa gửi sẽ không gửi nữa, và không gửi tiếp được sau này."),
                format!("Stop the campaign <b>“{name}”</b> for good? {waiting} mails have not gone, and will not go."),
            );
            let stop = words.pick("⏹ Dừng hẳn", "⏹ Stop it");
            let rows = [vec![
                (Action::CampaignStop, card.line.id, stop),
                (Action::Cancel, id.clone(), words.pick("Không", "No")),
            ]];
            with_rows(desk, Reply::of(question), &rows, None, now).map(|reply| vec![reply])
        }
        _ => Ok(Vec::new()),
    }
}

/// Where it stands, with the figure that matters then.
fn stands(words: Words, card: &CampaignCard) -> String {
    let line = &card.line;
    let state = words.pick(line.state.vietnamese(), line.state.as_str());
    let count = line.recipients.unwrap_or_default();
    let when = line.send_at.as_deref().map(clock).unwrap_or_default();
    match line.state {
        State::Asked => words.pick(
            format!("{state}, {count} khách"),
            format!("{state}, {count} customers"),
        ),
        State::Approved => words.pick(
            format!("{state}, {count} thư từ {when}"),
            format!("{state}, {count} mails from {when}"),
        ),
        State::Sending | State::Paused | State::Stopped | State::Done => {
            format!("{state} {}", counted(words, card))
        }
        State::Draft | State::Faulty | State::Preparing | State::Returned => state,
    }
}

fn counted(words: Words, card: &CampaignCard) -> String {
    let progress = card.progress.unwrap_or_default();
    let (sent, of) = (progress.delivered, card.recipients);
    let (failed, doubt) = (progress.failed, progress.in_doubt);
    words.pick(
        format!("{sent}/{of}, lỗi {failed}, chưa rõ {doubt}"),
        format!("{sent} of {of}, failed {failed}, in doubt {doubt}"),
    )
}

fn shown(words: Words, card: &CampaignCard) -> String {
    let line = &card.line;
    let mut lines = vec![
        format!("📣 <b>{}</b>", escape(&line.name)),
        stands(words, card),
    ];
    if let Some(author) = &card.author {
        let author = escape(author);
        lines.push(words.pick(
            format!("Người soạn: {author}"),
            format!("Written by {author}"),
        ));
    }
    if let Some(by) = &card.by {
        let by = escape(by);
        let said = match line.state {
            State::Returned => {
                words.pick(format!("Người trả lại: {by}"), format!("Sent back by {by}"))
            }
            State::Paused | State::Stopped => {
                words.pick(format!("Người dừng: {by}"), format!("Stopped by {by}"))
            }
            State::Draft
            | State::Faulty
            | State::Preparing
            | State::Asked
            | State::Approved
            | State::Sending
            | State::Done => words.pick(format!("Người duyệt: {by}"), format!("Approved by {by}")),
        };
        lines.push(said);
    }
    if let Some(why) = &card.why {
        let why = escape(why);
        lines.push(words.pick(format!("Lý do: {why}"), format!("Why: {why}")));
    }
    if let Some(progress) = card.progress.filter(|_| card.runs.is_some()) {
        let (waiting, left) = (progress.waiting, progress.left_out);
        lines.push(words.pick(
            format!("Còn chờ gửi: {waiting}, bỏ qua: {left}"),
            format!("Waiting: {waiting}, left out: {left}"),
        ));
    }
    let problems = line.problems.iter().take(PROBLEMS);
    lines.extend(problems.map(|problem| format!("• {}", escape(problem))));
    if line.problems.len() > PROBLEMS {
        let more = line.problems.len() - PROBLEMS;
        lines.push(words.pick(
            format!("… và {more} lỗi khác"),
            format!("… and {more} more"),
        ));
    }
    lines.join("\n")
}

/// What can be done to it now, by this reader.
fn buttons(words: Words, card: &CampaignCard) -> Vec<Vec<Offer>> {
    let id = || card.line.id.clone();
    let offer = |action, subject: String, vi: &str, en: &str| (action, subject, words.pick(vi, en));
    let mut rows: Vec<Vec<Offer>> = Vec::new();
    if let Some(question) = &card.line.question {
        let test = offer(
            Action::CampaignTest,
            question.clone(),
            "✉️ Gửi thử cho tôi",
            "✉️ Test mail to me",
        );
        if card.decides {
            rows.push(vec![(
                Action::CampaignApprove,
                question.clone(),
                approve(words, card),
            )]);
            let back = offer(
                Action::CampaignReturn,
                question.clone(),
                "↩️ Trả lại",
                "↩️ Send back",
            );
            rows.push(vec![test, back]);
        } else {
            rows.push(vec![test]);
        }
    }
    if let Some(paused) = card.runs.filter(|_| card.decides) {
        let steer = match paused {
            true => offer(Action::CampaignResume, id(), "▶️ Gửi tiếp", "▶️ Go on"),
            false => offer(Action::CampaignPause, id(), "⏸ Tạm dừng", "⏸ Pause"),
        };
        let stop = offer(Action::CampaignAskStop, id(), "⏹ Dừng hẳn", "⏹ Stop it");
        rows.push(vec![steer, stop]);
    }
    if card.progress.is_some() {
        let table = offer(
            Action::CampaignTable,
            id(),
            "📎 Tải bảng kết quả",
            "📎 The table of everybody",
        );
        rows.push(vec![table]);
    }
    rows
}

fn approve(words: Words, card: &CampaignCard) -> String {
    let count = card.line.recipients.unwrap_or_default();
    match &card.hour {
        Some(hour) => words.pick(
            format!("✅ Duyệt gửi {count} thư, {hour}"),
            format!("✅ Send {count} mails, {hour}"),
        ),
        None => words.pick(
            format!("✅ Duyệt gửi ngay {count} thư"),
            format!("✅ Send {count} mails now"),
        ),
    }
}
