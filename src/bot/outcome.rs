//! What is said after a button was pressed: a short sentence that pops up, and a line for all who see the message.

use super::words::{Words, clock, escape};
use crate::commands::{CampaignDone, Pressed, WhyGiven};
use crate::core::message::Did;

impl Words {
    /// What pops up for the one who pressed, and the line under the message.
    pub(super) fn pressed(self, pressed: &Pressed, who: &str) -> (String, String) {
        let name = escape(who);
        if let Some(counted) = self.with_figures(pressed, &name) {
            return counted;
        }
        let [vi, en, by_vi, by_en] = plain(pressed);
        let line = self.pick(
            format!("✔️ <b>{name}</b> {by_vi}"),
            format!("✔️ <b>{name}</b> {by_en}"),
        );
        (self.pick(vi, en), line)
    }

    /// Those that say a time or a number.
    fn with_figures(self, pressed: &Pressed, name: &str) -> Option<(String, String)> {
        match pressed {
            Pressed::Later(later) => {
                let when = clock(&later.at);
                let toast = self.pick(
                    format!("Sẽ nhắc lại lúc {when}"),
                    format!("I shall remind you at {when}"),
                );
                let line = self.pick(
                    format!("⏰ <b>{name}</b>: nhắc lại lúc {when}"),
                    format!("⏰ <b>{name}</b>: again at {when}"),
                );
                Some((toast, line))
            }
            Pressed::Stopped(stopped) => {
                let (cancelled, gone) = (stopped.cancelled, stopped.gone);
                let toast = self.pick(
                    format!("Đã dừng {cancelled} tin"),
                    format!("{cancelled} stopped"),
                );
                let line = self.pick(
                    format!("🛑 <b>{name}</b> đã dừng {cancelled} tin; {gone} tin đã kịp đi"),
                    format!("🛑 <b>{name}</b> stopped {cancelled}; {gone} had gone already"),
                );
                Some((toast, line))
            }
            Pressed::Campaign(done) | Pressed::Steered(done) => Some(self.campaign(done, name)),
            Pressed::CampaignTest(tested) => {
                let to = escape(&tested.to);
                let toast = self.pick(
                    format!("Thư thử đang được gửi tới {}", tested.to),
                    format!("A test mail goes to {}", tested.to),
                );
                let line = self.pick(
                    format!("✉️ <b>{name}</b> đã gửi thử tới {to}"),
                    format!("✉️ <b>{name}</b> had a test mail sent to {to}"),
                );
                Some((toast, line))
            }
            Pressed::CampaignTable(name) => {
                let toast = self.pick("Đang gửi bảng kết quả", "The table is on its way");
                Some((toast, escape(name)))
            }
            Pressed::CampaignOpen(_)
            | Pressed::CampaignMore(_)
            | Pressed::CampaignAskStop(_)
            | Pressed::Report(_) => Some((String::new(), String::new())),
            Pressed::CampaignWhy(given) => {
                let line = self.why_given(given);
                let toast = self.pick("Đã báo người soạn", "Its author is told");
                Some((toast, line))
            }
            Pressed::Came(came) => {
                let said = self.outcome(came.outcome);
                let toast = self.pick(format!("Đã ghi: {said}"), format!("Noted: {said}"));
                Some((toast, format!("✔️ <b>{name}</b>: {said}")))
            }
            Pressed::Noted(note) => {
                let when = note.when.as_deref().map(clock).unwrap_or_default();
                let toast = self.pick(
                    format!("Sẽ nhắc gọi lại lúc {when}"),
                    format!("You are reminded to call at {when}"),
                );
                let line = self.pick(
                    format!("⏰ <b>{name}</b>: gọi lại lúc {when}"),
                    format!("⏰ <b>{name}</b>: to call at {when}"),
                );
                Some((toast, line))
            }
            Pressed::NoteUndone(customer) => {
                let customer = escape(customer);
                let toast = self.pick("Đã bỏ ghi chú", "Taken back");
                let line = self.pick(
                    format!("↩️ Đã bỏ ghi chú này của <b>{customer}</b>, không nhắc nữa."),
                    format!("↩️ This note on <b>{customer}</b> is taken back, and its reminder."),
                );
                Some((toast, line))
            }
            Pressed::Claimed(claim) => Some(self.claimed(claim, name)),
            Pressed::Given(given) => {
                let to = escape(&given.to);
                let toast = self.pick(
                    format!("Đã giao cho {}", given.to),
                    format!("Given to {}", given.to),
                );
                let line = self.pick(
                    format!("✅ <b>{name}</b> đã giao khách này cho {to}. Nhờ ghi {to} vào ô phụ trách."),
                    format!("✅ <b>{name}</b> gave this lead to {to}. Please write {to} into the owner cell."),
                );
                Some((toast, line))
            }
            Pressed::HandedOver(done) => {
                let from = &done.from;
                let (toast, line) = match done.undone {
                    false => (
                        self.pick(
                            format!("Đã bàn giao {} khách của {from}", done.customers),
                            format!("{} customers of {from} handed over", done.customers),
                        ),
                        self.pick(
                            format!("🤝 <b>{name}</b> đã bàn giao {} khách", done.customers),
                            format!("🤝 <b>{name}</b> handed over {} customers", done.customers),
                        ),
                    ),
                    true => (
                        self.pick("Đã thu hồi bàn giao", "Taken back"),
                        self.pick(
                            format!("↩️ <b>{name}</b> đã thu hồi bàn giao"),
                            format!("↩️ <b>{name}</b> took the handover back"),
                        ),
                    ),
                };
                Some((toast, line))
            }
            Pressed::TrialEnded(taken) => Some(self.trial_ended(taken, name)),
            Pressed::TrialList => Some((String::new(), String::new())),
            Pressed::HandoverLook(_) => Some((String::new(), String::new())),
            Pressed::Subscribed(one) => {
                let toast = match one.at {
                    Some(_) => self.pick("Đã đổi giờ bản tin", "Changed"),
                    None => self.pick("Đã tắt bản tin", "Turned off"),
                };
                Some((toast, self.subscription(one)))
            }
            Pressed::Rested(rest) => Some(match rest.until.as_deref().map(clock) {
                Some(until) => (
                    self.pick(
                        format!("Đã tắt thông báo đến {until}"),
                        format!("Off until {until}"),
                    ),
                    self.pick(
                        format!("🔕 Tắt đến {until}"),
                        format!("🔕 Off until {until}"),
                    ),
                ),
                None => (
                    self.pick("Đã bật lại thông báo", "On again"),
                    self.pick("🔔 Đã bật lại", "🔔 On again"),
                ),
            }),
            Pressed::CustomerOpen(_) => Some((String::new(), String::new())),
            Pressed::Nothing => {
                let line = self.pick("Không thay đổi gì.", "Nothing changed.");
                Some((line.trim_end_matches('.').to_owned(), line))
            }
            Pressed::SentNow(_)
            | Pressed::PickedWrong(_)
            | Pressed::Released(_)
            | Pressed::Dropped(_)
            | Pressed::Done(_)
            | Pressed::Staff(_)
            | Pressed::Paused(_)
            | Pressed::Resumed(_)
            | Pressed::Resolved(_) => None,
        }
    }
}

impl Words {
    /// Who is told why a campaign was sent back.
    pub(super) fn why_given(self, given: &WhyGiven) -> String {
        let name = escape(&given.name);
        let told = escape(&given.told.join(", "));
        let author = given.author.as_deref().map(escape);
        match (given.told.is_empty(), given.with_why) {
            (false, true) => self.pick(
                format!("✅ Đã chuyển lý do trả lại chiến dịch “{name}” tới {told}."),
                format!("✅ Why the campaign “{name}” was sent back is passed on to {told}."),
            ),
            (false, false) => self.pick(
                format!("✅ Đã báo {told} là chiến dịch “{name}” bị trả lại."),
                format!("✅ {told} is told that the campaign “{name}” was sent back."),
            ),
            (true, _) => match author {
                Some(author) => self.pick(
                    format!("✅ Đã ghi nhận. Danh sách nhân viên chưa có người soạn “{author}”, nên anh/chị nhắn giúp người soạn nhé."),
                    format!("✅ Noted. The author “{author}” is not in the staff list: please tell them yourself."),
                ),
                None => self.pick(
                    "✅ Đã ghi nhận. Dòng chiến dịch không ghi người soạn, nên anh/chị nhắn giúp người soạn nhé.",
                    "✅ Noted. The campaign's row does not say who wrote it: please tell them yourself.",
                ),
            },
        }
    }

    fn campaign(self, done: &CampaignDone, name: &str) -> (String, String) {
        let count = done.recipients;
        let (from, from_en) = match done.send_at.as_deref().map(clock) {
            Some(when) => (format!("từ {when}"), format!("from {when}")),
            None => ("ngay bây giờ".to_owned(), "now".to_owned()),
        };
        match done.did.as_str() {
            "approved" => (
                self.pick(
                    format!("Đã duyệt {count} thư, gửi {from}"),
                    format!("Approved: {count} mails go {from_en}"),
                ),
                self.pick(
                    format!("✅ <b>{name}</b> đã duyệt gửi {count} thư, {from}"),
                    format!("✅ <b>{name}</b> approved {count} mails, {from_en}"),
                ),
            ),
            "returned" => (
                self.pick("Đã trả lại người soạn", "Sent back to its author"),
                self.pick(
                    format!("↩️ <b>{name}</b> đã trả lại chiến dịch"),
                    format!("↩️ <b>{name}</b> sent the campaign back"),
                ),
            ),
            "stopped" => (
                self.pick("Đã dừng hẳn", "Stopped"),
                self.pick(
                    format!("⏹ <b>{name}</b> đã dừng chiến dịch"),
                    format!("⏹ <b>{name}</b> stopped the campaign"),
                ),
            ),
            "paused" => (
                self.pick("Đã tạm dừng", "Paused"),
                self.pick(
                    format!("⏸ <b>{name}</b> đã tạm dừng chiến dịch"),
                    format!("⏸ <b>{name}</b> paused the campaign"),
                ),
            ),
            "resumed" => (
                self.pick("Đang gửi tiếp", "Sending goes on"),
                self.pick(
                    format!("▶️ <b>{name}</b> đã cho gửi tiếp"),
                    format!("▶️ <b>{name}</b> let it go on"),
                ),
            ),
            _ => (
                self.pick("Đã ghi nhận", "Noted"),
                self.pick(
                    format!("✔️ <b>{name}</b>: chiến dịch {}", done.state.vietnamese()),
                    format!("✔️ <b>{name}</b>: the campaign is {}", done.state.as_str()),
                ),
            ),
        }
    }
}

/// What pops up in both languages, and what follows the name in the line.
fn plain(pressed: &Pressed) -> [&'static str; 4] {
    match pressed {
        Pressed::SentNow(_) => [
            "Thư sẽ gửi ngay",
            "It goes now",
            "đã cho gửi ngay",
            "let it go now",
        ],
        Pressed::PickedWrong(_) => [
            "Đã huỷ, thư không gửi",
            "Cancelled",
            "báo chọn nhầm, thư không gửi",
            "said it was a mistake; the mail does not go",
        ],
        Pressed::Released(_) => [
            "Đã duyệt, lần đọc tới sẽ xử lý",
            "Taken at the next poll",
            "đã duyệt, lần đọc tới sẽ xử lý",
            "said yes; taken at the next poll",
        ],
        Pressed::Dropped(_) => [
            "Đã bỏ qua, lần đọc tới lấy làm mốc mới",
            "Dropped at the next poll",
            "đã bỏ qua, lần đọc tới lấy làm mốc mới",
            "said no; the new base at the next poll",
        ],
        Pressed::Done(_) => ["Đã ghi nhận", "Noted", "đã liên hệ", "has been in touch"],
        Pressed::Staff(approval) if approval.approved => [
            "Đã xác nhận",
            "Approved",
            "xác nhận là nhân viên",
            "said yes",
        ],
        Pressed::Staff(_) => [
            "Đã ghi nhận",
            "Noted",
            "xác nhận không phải nhân viên",
            "said no",
        ],
        Pressed::Paused(_) => [
            "Đã tạm dừng",
            "Paused",
            "đã tạm dừng mọi thư và tin",
            "paused all sending",
        ],
        Pressed::Resumed(_) => [
            "Đang gửi tiếp",
            "Sending goes on",
            "đã cho gửi tiếp",
            "resumed all sending",
        ],
        Pressed::Resolved(resolved) => match resolved.did {
            Did::Delivered => [
                "Đã ghi nhận là đã tới",
                "Noted: it has arrived",
                "xác nhận thư đã tới",
                "said that it has arrived",
            ],
            Did::Queued => [
                "Thư sẽ gửi lại",
                "It goes again",
                "đã cho gửi lại",
                "had it sent again",
            ],
            Did::Dead | Did::Cancelled => [
                "Đã bỏ, không gửi nữa",
                "Given up",
                "đã bỏ, không gửi nữa",
                "gave it up",
            ],
        },
        Pressed::Later(_)
        | Pressed::Stopped(_)
        | Pressed::HandedOver(_)
        | Pressed::HandoverLook(_)
        | Pressed::Rested(_)
        | Pressed::TrialEnded(_)
        | Pressed::TrialList
        | Pressed::Subscribed(_)
        | Pressed::Campaign(_)
        | Pressed::Steered(_)
        | Pressed::CampaignTest(_)
        | Pressed::CampaignWhy(_)
        | Pressed::CampaignOpen(_)
        | Pressed::CampaignMore(_)
        | Pressed::CampaignAskStop(_)
        | Pressed::CampaignTable(_)
        | Pressed::Came(_)
        | Pressed::Noted(_)
        | Pressed::NoteUndone(_)
        | Pressed::CustomerOpen(_)
        | Pressed::Report(_)
        | Pressed::Claimed(_)
        | Pressed::Given(_)
        | Pressed::Nothing => ["", "", "", ""],
    }
}
