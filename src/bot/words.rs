//! What the bot says, in Vietnamese and English. Everything that comes from the sheet or from people is escaped here.

use crate::commands::{
    Action, Card, ChannelStatus, Customers, HeldLine, Invitation, Newcomer, Status,
    SuppressionLine, Totals, WorkbookStatus,
};
use crate::config::Language;
use crate::core::people::Role;

/// Longest message in UTF-16 units after parsing (Bot API, `sendMessage`); markup is counted too, which errs on the safe side.
const LONGEST: usize = 4096;
/// Sentences of "what to do next" on one screen.
const MENDS: usize = 6;
/// Edits, and unclear rows, on one screen.
const EDITS: usize = 4;

/// Text in one language.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words(pub(super) Language);

/// Only these three mean anything in Telegram's HTML, and the quote in an attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

/// A name that opens its row.
pub(super) fn link(name: &str, url: Option<&str>) -> String {
    match url {
        Some(url) => format!("<a href=\"{}\">{}</a>", escape(url), escape(name)),
        None => escape(name),
    }
}

/// Cuts at line ends, so that each part fits into one message. Lines of ours open and close their tags themselves.
pub(super) fn parts(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut units = 0;
    for line in text.lines() {
        let wide = line.encode_utf16().count() + 1;
        if units + wide > LONGEST && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
            units = 0;
        }
        part.push_str(line);
        part.push('\n');
        units += wide;
    }
    parts.push(part);
    parts
        .into_iter()
        .map(|part| part.trim_end().to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

/// `2026-11-21T09:00:00+07:00` as `09:00 21/11`.
pub(super) fn clock(iso: &str) -> String {
    match (iso.get(11..16), iso.get(8..10), iso.get(5..7)) {
        (Some(time), Some(day), Some(month)) => format!("{time} {day}/{month}"),
        _ => escape(iso),
    }
}

impl Words {
    pub(super) fn pick(self, vi: impl Into<String>, en: impl Into<String>) -> String {
        match self.0 {
            Language::Vi => vi.into(),
            Language::En => en.into(),
        }
    }

    /// The one sentence for somebody we do not know.
    pub(super) fn stranger(self, company: &str) -> String {
        let of = if company.is_empty() {
            String::new()
        } else {
            format!(" {}", escape(company))
        };
        self.pick(
            format!("Xin chào! Bot này chỉ dành cho nhân viên{of}; nếu anh/chị làm việc ở đây, vui lòng xin người quản trị một liên kết mời."),
            format!("Hello! This bot is for the staff of{} only; if you work here, please ask the admin for an invitation link.", if of.is_empty() { " the company".into() } else { of }),
        )
    }

    /// After a link was opened.
    pub(super) fn welcome(self, newcomer: &Newcomer) -> String {
        let name = escape(&newcomer.name);
        let role = self.role(newcomer.role);
        if newcomer.known {
            return self.pick(
                format!(
                    "Anh/chị đã kết nối với tên <b>{name}</b> rồi. Bấm /trogiup để xem các lệnh."
                ),
                format!(
                    "You are connected as <b>{name}</b> already. /help shows what you can ask."
                ),
            );
        }
        self.pick(
            format!("✅ Xin chào <b>{name}</b> ({role})! Từ nay tin nhắc việc của anh/chị sẽ tới đây. Nếu đây không phải tên của anh/chị, vui lòng báo ngay người quản trị.\nBấm /trogiup để xem các lệnh."),
            format!("✅ Hello <b>{name}</b> ({role})! Your reminders come here from now on. If this is not your name, please tell the admin at once.\n/help shows what you can ask."),
        )
    }

    fn role(self, role: Role) -> &'static str {
        match (self.0, role) {
            (Language::Vi, Role::Staff) => "nhân viên",
            (Language::Vi, Role::Leader) => "trưởng nhóm",
            (Language::Vi, Role::Marketing) => "marketing",
            (Language::Vi, Role::Manager) => "quản lý",
            (Language::En, role) => role.as_str(),
        }
    }

    /// What somebody of this role can ask.
    pub(super) fn help(self, lines: &[(&str, String)]) -> String {
        let head = self.pick("<b>Các lệnh</b>", "<b>What you can ask</b>");
        let lines: Vec<String> = lines
            .iter()
            .map(|(command, what)| format!("/{command} – {}", escape(what)))
            .collect();
        format!("{head}\n{}", lines.join("\n"))
    }

    /// For a text that is no command.
    pub(super) fn not_understood(self) -> String {
        self.pick(
            "Bot chưa hiểu câu này. Bấm /trogiup để xem các lệnh.",
            "I did not understand that. /help shows what you can ask.",
        )
    }

    /// How to use `/tim`.
    pub(super) fn find_how(self) -> String {
        self.pick(
            "Vui lòng ghi thêm số điện thoại, e-mail hoặc tên, ví dụ: <code>/tim 0901234567</code> hoặc <code>/tim Hồng Nhung</code>",
            "Please add a phone number, an e-mail address or a name: <code>/find 0901234567</code>",
        )
    }

    /// How `/moi` is used.
    pub(super) fn invite_how(self) -> String {
        self.pick(
            "Vui lòng ghi thêm tên nhân viên như trong danh sách, ví dụ: <code>/moi Lan Anh</code>",
            "Please add the colleague's name as in the staff list: <code>/invite Lan Anh</code>",
        )
    }

    /// The link that binds a colleague's chat.
    pub(super) fn invited(self, invitation: &Invitation) -> String {
        let (name, url) = (escape(&invitation.name), escape(&invitation.link));
        self.pick(
            format!("🔑 Liên kết mời <b>{name}</b>, chỉ dùng được một lần, trong vòng một giờ. Gửi cho {name} mở trên điện thoại rồi bấm Start:\n{url}"),
            format!("🔑 The link for <b>{name}</b>. It works once, for an hour. Send it to {name}, to be opened on their phone:\n{url}"),
        )
    }

    /// How `/tuchoi` is used.
    pub(super) fn suppress_how(self) -> String {
        self.pick(
            "Vui lòng ghi thêm email hoặc số điện thoại, và lý do nếu có, ví dụ: <code>/tuchoi 0901234567 khách gọi báo không nhận tin</code>",
            "Please add an e-mail address or a phone number, and why: <code>/suppress 0901234567 asked on the phone</code>",
        )
    }

    /// Somebody is not advertised to any more.
    pub(super) fn suppressed(self, line: &SuppressionLine) -> String {
        let address = escape(&line.address);
        match self.0 {
            Language::Vi => format!(
                "🔕 Từ giờ không gửi quảng cáo tới <b>{address}</b> nữa; thư đang chờ gửi cũng được huỷ. Thư về giao dịch đang thực hiện vẫn gửi bình thường."
            ),
            Language::En => format!(
                "🔕 No more advertising goes to <b>{address}</b>, also not what waits already. Mails about a deal in progress still go."
            ),
        }
    }

    /// Something inside went wrong.
    pub(super) fn trouble(self) -> String {
        self.pick(
            "Chưa làm được, vui lòng thử lại sau ít phút.",
            "That did not work, please try again in a few minutes.",
        )
    }

    /// One screen of how it is.
    pub(super) fn status(self, status: &Status) -> String {
        let mut lines = vec![if status.ok {
            self.pick("🟢 <b>Mọi thứ đang chạy tốt</b>", "🟢 <b>All is well</b>")
        } else {
            self.pick(
                "🔴 <b>Có việc cần xử lý</b>",
                "🔴 <b>Something needs a hand</b>",
            )
        }];
        lines.extend(status.workbooks.iter().map(|book| self.workbook(book)));
        lines.extend(status.edits.iter().take(EDITS).map(|edit| {
            let said = self.pick(&*edit.edit_vi, &*edit.edit);
            format!(
                "✏️ {} {}: {}",
                clock(&edit.at),
                escape(&edit.tab),
                escape(&said)
            )
        }));
        lines.extend(status.unclear.iter().take(EDITS).map(|unclear| {
            let rows: Vec<String> = unclear.rows.iter().map(ToString::to_string).collect();
            let place = self.pick(
                format!("{}, dòng {}", unclear.tab, rows.join(", ")),
                format!("{}, rows {}", unclear.tab, rows.join(", ")),
            );
            let why = self.pick(&*unclear.why_vi, &*unclear.why);
            format!(
                "❓ <a href=\"{}\">{}</a>: {}",
                escape(&unclear.url),
                escape(&place),
                escape(&why)
            )
        }));
        lines.extend(status.channels.iter().map(|channel| self.channel(channel)));
        lines.extend(status.resting.iter().map(|rest| self.resting(rest)));
        let count = |state: &str| status.queue.get(state).copied().unwrap_or(0);
        let failed = count("rejected") + count("dead");
        let (sent, waiting) = (count("delivered"), count("queued"));
        lines.push(self.pick(
            format!("📬 Đã gửi {sent}, đang chờ {waiting}, không tới {failed}"),
            format!("📬 {sent} delivered, {waiting} waiting, {failed} failed"),
        ));
        if status.trial {
            lines.push(self.pick(
                "🧪 Đang chạy thử: thư cho khách về hộp thư thử.",
                "🧪 Trial: mail to customers goes to the trial mailbox.",
            ));
        }
        if !status.next.is_empty() {
            lines.push(String::new());
            lines.push(self.pick("<b>Việc cần làm</b>", "<b>What to do next</b>"));
            let mends = status.next.iter().take(MENDS);
            lines.extend(mends.map(|mend| format!("• {}", escape(mend.shown(self.0)))));
        }
        if status.next.len() > MENDS {
            let more = status.next.len() - MENDS;
            lines.push(self.pick(
                format!("… và {more} việc khác"),
                format!("… and {more} more"),
            ));
        }
        lines.join("\n")
    }

    fn workbook(self, book: &WorkbookStatus) -> String {
        let read = match (&book.last_poll, book.lag_s) {
            (Some(_), Some(lag)) => {
                let age = self.age(lag);
                self.pick(format!("đọc cách đây {age}"), format!("read {age} ago"))
            }
            _ => self.pick("chưa đọc được lần nào", "not read yet"),
        };
        let mark = if book.failing.is_some() {
            "⚠️"
        } else {
            "📄"
        };
        let n = book.records;
        let records = self.pick(format!("{n} dòng khách"), format!("{n} records"));
        format!("{mark} {}: {records}, {read}", escape(&book.title))
    }

    fn channel(self, channel: &ChannelStatus) -> String {
        let name = if channel.channel == "email" {
            "E-mail"
        } else {
            "Telegram"
        };
        let how = match channel.ok {
            Some(true) => self.pick("hoạt động", "works"),
            Some(false) => self.pick("mất kết nối", "out of reach"),
            None => self.pick("chưa dùng tới", "not used yet"),
        };
        let mark = if channel.ok == Some(false) {
            "⚠️"
        } else {
            "✉️"
        };
        format!("{mark} {name}: {how}")
    }

    fn age(self, seconds: i64) -> String {
        match seconds {
            ..=119 => self.pick(format!("{seconds} giây"), format!("{seconds} s")),
            120..=7_199 => self.pick(
                format!("{} phút", seconds / 60),
                format!("{} min", seconds / 60),
            ),
            _ => self.pick(
                format!("{} giờ", seconds / 3_600),
                format!("{} h", seconds / 3_600),
            ),
        }
    }

    /// Somebody's customers, by stage.
    pub(super) fn customers(self, customers: &Customers) -> String {
        if customers.total == 0 {
            return self.pick(
                "Chưa có khách nào ghi tên anh/chị phụ trách.",
                "No customer has your name in the owner column.",
            );
        }
        let mut lines = vec![self.pick(
            format!("👥 <b>{} khách</b>", customers.total),
            format!("👥 <b>{} customers</b>", customers.total),
        )];
        for list in &customers.stages {
            lines.push(String::new());
            lines.push(format!(
                "<b>{}</b>: {}",
                self.stage(list.stage.as_deref()),
                list.count
            ));
            for one in &list.customers {
                let days = match one.days {
                    0 => String::new(),
                    days => self.pick(
                        format!(" – {days} ngày chưa cập nhật"),
                        format!(" – {days} days untouched"),
                    ),
                };
                lines.push(format!("• {}{days}", link(&one.name, one.url.as_deref())));
            }
            if list.count > list.customers.len() {
                let more = list.count - list.customers.len();
                lines.push(self.pick(
                    format!("… và {more} khách khác"),
                    format!("… and {more} more"),
                ));
            }
        }
        lines.join("\n")
    }

    fn stage(self, label: Option<&str>) -> String {
        label
            .filter(|label| !label.is_empty())
            .map_or_else(|| self.pick("Chưa rõ giai đoạn", "Stage unknown"), escape)
    }

    /// Numbers by stage.
    pub(super) fn totals(self, totals: &Totals) -> String {
        let mut lines = vec![self.pick(
            format!("👥 <b>{} khách</b>", totals.total),
            format!("👥 <b>{} customers</b>", totals.total),
        )];
        lines.extend(
            totals
                .stages
                .iter()
                .map(|(label, count)| format!("• {}: {count}", self.stage(Some(label)))),
        );
        lines.join("\n")
    }

    /// One customer, short.
    pub(super) fn card(self, card: &Card) -> String {
        let mut lines = vec![format!(
            "👤 <b>{}</b>",
            link(&card.name, card.url.as_deref())
        )];
        let facts = [
            ("📞", &card.phone),
            ("✉️", &card.email),
            ("📍", &card.area),
            ("💰", &card.budget),
        ];
        lines.extend(facts.iter().filter_map(|(sign, value)| {
            value
                .as_ref()
                .map(|value| format!("{sign} {}", escape(value)))
        }));
        let days = match card.days {
            0 => self.pick("cập nhật hôm nay", "touched today"),
            days => self.pick(
                format!("{days} ngày chưa cập nhật"),
                format!("{days} days untouched"),
            ),
        };
        let since = card.since.as_deref().and_then(|since| since.get(..10));
        let since = since.map(
            |date| match date.split('-').collect::<Vec<_>>().as_slice() {
                [year, month, day] => self.pick(
                    format!(" từ {day}/{month}/{year}"),
                    format!(" since {day}/{month}/{year}"),
                ),
                _ => String::new(),
            },
        );
        lines.push(format!(
            "🏷 {}{} ({days})",
            self.stage(card.stage.as_deref()),
            since.unwrap_or_default()
        ));
        let owner = card.owner.as_deref().map_or_else(
            || self.pick("chưa có người phụ trách", "nobody in charge"),
            escape,
        );
        lines.push(format!("🧑‍💼 {owner}"));
        if let Some((to, by)) = &card.given {
            let (to, by) = (escape(to), escape(by));
            lines.push(self.pick(
                format!("🎯 {by} đã giao cho {to}, chờ ghi vào ô phụ trách"),
                format!("🎯 Given to {to} by {by}; the owner cell does not say so yet"),
            ));
        }
        lines.extend(card.claim.as_ref().map(|claim| self.claim_on_card(claim)));
        if let Some(note) = &card.note {
            let short: String = note.chars().take(200).collect();
            lines.push(format!("📝 {}", escape(&short)));
        }
        lines.extend(card.notes.iter().map(|note| self.note_line(note)));
        lines.extend(card.next.iter().map(|next| self.next_line(next)));
        lines.join("\n")
    }

    /// One held batch.
    pub(super) fn held(self, held: &HeldLine) -> String {
        let why = match self.0 {
            Language::Vi => &held.why_vi,
            Language::En => &held.why,
        };
        let reasons: Vec<String> = why
            .lines()
            .map(|line| format!("• {}", escape(line)))
            .collect();
        let head = self.pick(
            format!(
                "🛑 <b>Tạm giữ: bảng “{}”</b>\nTừ {}",
                escape(&held.workbook),
                clock(&held.since)
            ),
            format!(
                "🛑 <b>Held: \"{}\"</b>\nSince {}",
                escape(&held.workbook),
                clock(&held.since)
            ),
        );
        let counts = self.pick(
            format!(
                "Nếu duyệt: {} khách mới, {} thay đổi, {} khách bị xoá, {} tin sẽ gửi.",
                held.added, held.changed, held.removed, held.messages
            ),
            format!(
                "If taken: {} new, {} changed, {} removed, {} messages.",
                held.added, held.changed, held.removed, held.messages
            ),
        );
        let decided = match (&held.decision, &held.by) {
            (Some(decision), Some(by)) => {
                let vi = if decision == "release" {
                    "đã duyệt"
                } else {
                    "đã chọn bỏ qua"
                };
                let en = if decision == "release" {
                    "has said yes"
                } else {
                    "has said no"
                };
                self.pick(
                    format!("\n{} {vi}, lần đọc tới sẽ xử lý.", escape(by)),
                    format!("\n{} {en}; it takes effect at the next poll.", escape(by)),
                )
            }
            _ => String::new(),
        };
        format!("{head}\n{}\n\n{counts}{decided}", reasons.join("\n"))
    }

    /// Nothing is held.
    pub(super) fn nothing_held(self) -> String {
        self.pick("Không có đợt nào đang bị tạm giữ.", "Nothing is held.")
    }

    /// Asks before stopping everything.
    pub(super) fn pause_question(self, by: Option<&str>) -> String {
        match by {
            Some(by) => self.pick(format!("⏸ {} đã tạm dừng rồi. Bấm /guitiep để gửi tiếp.", escape(by)), format!("⏸ {} has paused it already. /resume goes on.", escape(by))),
            None => self.pick(
                "Tạm dừng <b>mọi thư và tin nhắn</b> cho khách và nhân viên? Không mất gì: tất cả chờ tới khi gửi tiếp.",
                "Pause <b>all mail and messages</b>, to customers and staff? Nothing is lost: everything waits.",
            ),
        }
    }

    /// Asks before going on.
    pub(super) fn resume_question(self, by: Option<&str>) -> String {
        match by {
            Some(by) => self.pick(
                format!(
                    "{} đã tạm dừng. Gửi tiếp mọi thư và tin đang chờ?",
                    escape(by)
                ),
                format!(
                    "Paused by {}. Go on sending everything that waits?",
                    escape(by)
                ),
            ),
            None => self.pick(
                "Hiện không tạm dừng gì, thư và tin đang gửi bình thường.",
                "Nothing is paused, sending goes on as usual.",
            ),
        }
    }

    /// Nothing of the last minute waits.
    pub(super) fn nothing_to_stop(self) -> String {
        self.pick(
            "Trong một phút vừa rồi không có tin nào chờ gửi từ lần đọc bảng. Muốn dừng tất cả, bấm /tamdunggui.",
            "Nothing that a poll of the last minute decided is waiting. /pause stops everything.",
        )
    }

    /// Asks before cancelling what the last poll decided.
    pub(super) fn stop_question(self, title: &str, waiting: usize) -> String {
        let title = escape(title);
        self.pick(
            format!("Dừng hẳn <b>{waiting} tin</b> chưa gửi của lần đọc bảng “{title}” vừa rồi?"),
            format!("Cancel the <b>{waiting} messages</b> that the last poll of \"{title}\" decided and that have not gone yet?"),
        )
    }

    /// What a button of the bot's own says.
    pub(super) fn label(self, action: Action) -> String {
        match action {
            Action::Release => self.pick("✅ Duyệt", "✅ Take it"),
            Action::Drop => self.pick("🗑 Bỏ qua", "🗑 Drop it"),
            Action::PauseAll => self.pick("⏸ Tạm dừng", "⏸ Pause"),
            Action::ResumeAll => self.pick("▶️ Gửi tiếp", "▶️ Resume"),
            Action::Stop => self.pick("🛑 Dừng hẳn", "🛑 Cancel them"),
            Action::Cancel => self.pick("Không", "No"),
            Action::Done => self.pick("✅ Đã liên hệ", "✅ Contacted"),
            Action::Appointed => self.pick("📅 Đã hẹn", "📅 Appointed"),
            Action::NoAnswer => self.pick("📵 Không nghe máy", "📵 No answer"),
            Action::CallBack => self.pick("📞 Gọi lại lúc…", "📞 Call back at…"),
            Action::NoNeed => self.pick("🚫 Hết nhu cầu", "🚫 Not interested"),
            Action::CallTwoHours => self.pick("⏰ 2 giờ nữa", "⏰ In 2 hours"),
            Action::CallTomorrow => self.pick("⏰ Sáng mai", "⏰ Tomorrow morning"),
            Action::ClaimTogether => self.pick("🤝 Cùng chăm", "🤝 Look after together"),
            Action::NoteUndo => self.pick("↩️ Bỏ ghi chú này", "↩️ Take it back"),
            Action::HandoverUndo => self.pick("↩️ Thu hồi bàn giao", "↩️ Take it back"),
            Action::RestOver => self.pick("🔔 Bật lại", "🔔 Turn on"),
            Action::Later
            | Action::LaterTwoHours
            | Action::CustomerOpen
            | Action::SendNow
            | Action::Wrong
            | Action::StaffYes
            | Action::StaffNo
            | Action::Arrived
            | Action::Again
            | Action::GiveUp
            | Action::CampaignApprove
            | Action::CampaignTest
            | Action::CampaignReturn
            | Action::CampaignNoWhy
            | Action::CampaignOpen
            | Action::CampaignMore
            | Action::CampaignTable
            | Action::CampaignAskStop
            | Action::CampaignPause
            | Action::CampaignResume
            | Action::CampaignStop
            | Action::ClaimKeep
            | Action::Give
            | Action::Handover
            | Action::HandoverLook
            | Action::Rest
            | Action::Subscribe
            | Action::TrialTake
            | Action::TrialDrop
            | Action::TrialList
            | Action::Report => action.as_str().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_cannot_be_markup() {
        let card = Card {
            name: "<b>An & \"Co\"</b>".into(),
            note: Some("x < y".into()),
            ..Card::default()
        };
        let text = Words(Language::Vi).card(&card);
        assert!(
            text.contains("&lt;b&gt;An &amp; &quot;Co&quot;&lt;/b&gt;"),
            "{text}"
        );
        assert!(text.contains("x &lt; y"), "{text}");
    }

    #[test]
    fn long_texts_are_cut_at_line_ends() {
        let line = "ư".repeat(100);
        let text = vec![line.as_str(); 100].join("\n");
        let cut = parts(&text);
        assert_eq!(cut.len(), 3);
        assert!(
            cut.iter()
                .all(|part| part.encode_utf16().count() <= LONGEST)
        );
        assert_eq!(cut.join("\n"), text);
        assert_eq!(parts("\n\n"), Vec::<String>::new());
    }

    #[test]
    fn a_stranger_gets_one_sentence() {
        let text = Words(Language::Vi).stranger("Công ty A & B");
        assert!(text.contains("nhân viên Công ty A &amp; B"), "{text}");
        assert!(!text.contains('\n'));
    }

    #[test]
    fn times_are_short() {
        assert_eq!(clock("2026-11-21T09:05:00+07:00"), "09:05 21/11");
    }
}
