//! `/homnay` and `/canlienhe`: what is on somebody's plate.

use super::words::{Words, escape, link};
use crate::commands::{Contact, Day, ToContact};
use crate::core::facts::digest::Due;

impl Words {
    pub(super) fn day(self, day: &Day) -> String {
        let date = date_of(&day.date);
        let mut lines = vec![self.pick(
            format!("🗓 <b>Hôm nay, {date}</b>"),
            format!("🗓 <b>Today, {date}</b>"),
        )];
        if day.due.is_empty() {
            lines.push(self.pick("Không có lịch hẹn nào.", "No appointment."));
        }
        for due in &day.due {
            lines.push(self.due(due, day.own));
        }
        if day.due_count > day.due.len() {
            let more = day.due_count - day.due.len();
            lines.push(self.pick(
                format!("… và {more} việc khác"),
                format!("… and {more} more"),
            ));
        }
        lines.push(String::new());
        lines.push(match day.waiting {
            0 => self.pick(
                "Không khách nào phải chờ lâu.",
                "Nobody has waited too long.",
            ),
            count => self.pick(
                format!("⏳ {count} khách đã lâu chưa được liên hệ: /canlienhe"),
                format!("⏳ {count} customers have waited too long: /contact"),
            ),
        });
        lines.join("\n")
    }

    fn due(self, due: &Due, own: bool) -> String {
        let time = due.at.get(11..16).map(|time| format!("<b>{time}</b> "));
        let whose = match &due.owner {
            Some(owner) if !own => format!(" ({})", escape(owner)),
            _ => String::new(),
        };
        format!(
            "• {}{} – {}{whose}",
            time.unwrap_or_default(),
            link(&due.name, due.url.as_deref()),
            escape(&due.what)
        )
    }

    pub(super) fn to_contact(self, list: &ToContact) -> String {
        if list.total == 0 {
            return self.pick(
                "Không khách nào phải chờ lâu.",
                "Nobody has waited too long.",
            );
        }
        let mut lines = vec![self.pick(
            format!(
                "⏳ <b>{} khách cần liên hệ</b>, chờ lâu nhất trước",
                list.total
            ),
            format!(
                "⏳ <b>{} customers to contact</b>, the longest wait first",
                list.total
            ),
        )];
        for one in &list.contacts {
            lines.push(self.contact(one, list.own));
        }
        if list.pages > 1 {
            lines.push(String::new());
            lines.push(self.pick(
                format!("Trang {}/{}", list.page, list.pages),
                format!("Page {} of {}", list.page, list.pages),
            ));
        }
        if list.page < list.pages {
            let next = list.page + 1;
            lines.push(self.pick(
                format!("Xem tiếp: /canlienhe_{next}"),
                format!("More: /contact_{next}"),
            ));
        }
        lines.join("\n")
    }

    fn contact(self, one: &Contact, own: bool) -> String {
        let days = self.pick(format!("{} ngày", one.days), format!("{} days", one.days));
        let beside: Vec<String> = [
            one.stage.as_deref().map(escape),
            one.owner.as_deref().filter(|_| !own).map(escape),
            // Telegram makes a number that can be tapped of it.
            one.phone.as_deref().map(escape),
        ]
        .into_iter()
        .flatten()
        .collect();
        let beside = beside.join(", ");
        let name = link(&one.name, one.url.as_deref());
        match beside.is_empty() {
            true => format!("• {name}: {days}"),
            false => format!("• {name}: {days} – {beside}"),
        }
    }
}

/// `2026-11-23` as `23/11/2026`.
fn date_of(iso: &str) -> String {
    let mut parts: Vec<&str> = iso.split('-').collect();
    parts.reverse();
    parts.join("/")
}
