//! `/trung`: people whom several of the company claim, with the evidence and the buttons that decide.

use jiff::Timestamp;

use super::answer::{Offer, Reply, with_rows};
use super::words::{Words, clock, escape, link};
use crate::commands::{Action, Answer, ClaimLine, ClaimOnCard, Desk, Who};
use crate::core::facts::message::{ClaimFacts, ClaimRow};

/// So many at once.
const PAGE: usize = 4;

/// The open ones, a page of them, each with its buttons.
pub(super) fn list(
    desk: &Desk,
    words: Words,
    who: &Who,
    page: usize,
    now: Timestamp,
) -> Answer<Vec<Reply>> {
    let open = desk.claims(false, who)?;
    if open.is_empty() {
        return Ok(vec![Reply::of(words.no_claims())]);
    }
    let pages = open.len().div_ceil(PAGE);
    let page = page.clamp(1, pages);
    let mut replies = Vec::new();
    for line in open.iter().skip((page - 1) * PAGE).take(PAGE) {
        replies.push(one(desk, words, line, now)?);
    }
    if page < pages {
        replies.push(Reply::of(words.more_claims(open.len(), page)));
    }
    Ok(replies)
}

fn one(desk: &Desk, words: Words, line: &ClaimLine, now: Timestamp) -> Answer<Reply> {
    let claim = &line.claim;
    let keep = |names: &String| -> Vec<Offer> {
        let short: String = names.chars().take(40).collect();
        let label = words.pick(
            format!("✅ Giữ cho {short}"),
            format!("✅ Keep for {short}"),
        );
        vec![(
            Action::ClaimKeep,
            format!("{}/{names}", claim.question),
            label,
        )]
    };
    let mut rows: Vec<Vec<Offer>> = claim.sides.iter().map(|side| keep(&side.names)).collect();
    let together = words.label(Action::ClaimTogether);
    rows.push(vec![(
        Action::ClaimTogether,
        claim.question.clone(),
        together,
    )]);
    with_rows(desk, Reply::of(words.claim(line)), &rows, None, now)
}

impl Words {
    fn no_claims(self) -> String {
        self.pick(
            "Không có khách nào đang bị nhiều người cùng nhận.",
            "No customer is claimed by several.",
        )
    }

    fn more_claims(self, total: usize, page: usize) -> String {
        let (shown, next) = (page * PAGE, page + 1);
        self.pick(
            format!("Đã xem {shown}/{total} khách. Xem tiếp: /trung_{next}"),
            format!("{shown} of {total}. More: /claims_{next}"),
        )
    }

    fn claim(self, line: &ClaimLine) -> String {
        let claim = &line.claim;
        let name = claim
            .name
            .as_deref()
            .map_or_else(|| self.pick("khách chưa có tên", "no name yet"), escape);
        let contact = claim
            .contact
            .as_deref()
            .map(|contact| format!(" · {}", escape(contact)));
        let mut lines = vec![
            format!("⚖️ <b>{name}</b>{}", contact.unwrap_or_default()),
            self.pick(
                format!(
                    "Nhiều người cùng nhận, bot thấy lúc {}",
                    clock(&line.opened)
                ),
                format!("Claimed by several, noticed at {}", clock(&line.opened)),
            ),
        ];
        for side in &claim.sides {
            lines.push(format!("\n<b>{}</b>", escape(&side.names)));
            lines.extend(side.rows.iter().map(|row| self.claim_row(row)));
        }
        lines.push(format!("\n{}", self.who_was_first(claim)));
        lines.join("\n")
    }

    fn claim_row(self, row: &ClaimRow) -> String {
        let place = self.pick(
            format!("{}, dòng {}", row.tab, row.row),
            format!("{}, row {}", row.tab, row.row),
        );
        let seen = clock(&row.seen);
        let seen = match row.baseline {
            true => self.pick("có từ trước khi dùng bot", "there at the first look"),
            false => self.pick(
                format!("bot đọc thấy lần đầu {seen}"),
                format!("seen first {seen}"),
            ),
        };
        let received = row.received.as_deref().map(|date| {
            let date = day(date);
            self.pick(
                format!("ô ngày nhận {date}"),
                format!("received by its cell {date}"),
            )
        });
        let last = row
            .last
            .as_deref()
            .zip(row.last_at.as_deref())
            .map(|(last, at)| {
                let (last, at, notes) = (escape(last), day(at), row.notes);
                self.pick(
                    format!("{notes} lần ghi nhận, gần nhất: {last} ({at})"),
                    format!("{notes} noted, last: {last} ({at})"),
                )
            });
        let none = || self.pick("chưa ghi nhận lần liên hệ nào", "no contact noted");
        let parts = [
            Some(seen),
            received,
            row.stage.as_deref().map(escape),
            Some(last.unwrap_or_else(none)),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("• {}: {}", link(&place, Some(&row.url)), parts.join(", "))
    }

    fn who_was_first(self, claim: &ClaimFacts) -> String {
        let bold = |name: &String| format!("<b>{}</b>", escape(name));
        match (claim.first_seen.as_ref(), claim.first_received.as_ref()) {
            (Some(seen), Some(received)) if seen != received => {
                let (seen, received) = (bold(seen), bold(received));
                self.pick(
                    format!("⚠️ Bot đọc thấy dòng của {seen} trước, nhưng ô ngày nhận của {received} lại sớm hơn."),
                    format!("⚠️ The row of {seen} was seen first, but the cell of {received} says an earlier day."),
                )
            }
            (Some(seen), _) => {
                let seen = bold(seen);
                self.pick(
                    format!("🥇 {seen} nhập trước, tính theo lúc bot đọc thấy dòng."),
                    format!("🥇 {seen} was first, by when the row was seen."),
                )
            }
            (None, Some(received)) => {
                let received = bold(received);
                self.pick(
                    format!("🥇 {received} có trước theo ô ngày nhận."),
                    format!("🥇 {received} was first by the day of receipt."),
                )
            }
            (None, None) => self.pick(
                "Chưa đủ căn cứ để biết ai có trước.",
                "The evidence does not tell who was first.",
            ),
        }
    }

    /// What pops up for whoever decided, and the line under the question.
    pub(super) fn claimed(self, claim: &ClaimFacts, name: &str) -> (String, String) {
        let kept = claim.kept.as_deref().unwrap_or_default();
        let shown = escape(kept);
        match claim.together {
            true => (
                self.pick("Đã ghi: cùng chăm", "Noted: together"),
                self.pick(
                    format!("🤝 <b>{name}</b> đã quyết định: {shown} cùng chăm khách này. Các bạn ấy đã được báo."),
                    format!("🤝 <b>{name}</b> decided: {shown} together. They are told."),
                ),
            ),
            false => (
                self.pick(format!("Đã ghi: giữ cho {kept}"), format!("Noted: for {kept}")),
                self.pick(
                    format!("✅ <b>{name}</b> đã quyết định: giữ cho {shown}. Các bên đã được báo."),
                    format!("✅ <b>{name}</b> decided: for {shown}. Everybody concerned is told."),
                ),
            ),
        }
    }

    /// A line of a card.
    pub(super) fn claim_on_card(self, claim: &ClaimOnCard) -> String {
        let Some(kept) = claim.kept.as_deref().map(escape) else {
            let names = escape(&claim.names.join(", "));
            return self.pick(
                format!("⚖️ Nhiều người cùng nhận: {names}. Quyết định: /trung"),
                format!("⚖️ Claimed by several: {names}. Decide: /claims"),
            );
        };
        let by = match claim.by.as_deref().unwrap_or_default() {
            "the command line" => self.pick("quản trị", "the admin"),
            name => escape(name),
        };
        let at = claim.at.as_deref().map(day).unwrap_or_default();
        match claim.together {
            true => self.pick(
                format!("⚖️ {kept} cùng chăm ({by} quyết định ngày {at})"),
                format!("⚖️ {kept} together (decided by {by}, {at})"),
            ),
            false => self.pick(
                format!("⚖️ Giữ cho {kept} ({by} quyết định ngày {at})"),
                format!("⚖️ For {kept} (decided by {by}, {at})"),
            ),
        }
    }
}

/// `2026-11-29…` as `29/11/2026`.
fn day(iso: &str) -> String {
    let mut parts: Vec<&str> = iso.get(..10).unwrap_or_default().split('-').collect();
    parts.reverse();
    parts.join("/")
}
