//! The end of a trial: what is said after the answer, and the list.

use super::words::{Words, clock, escape};
use crate::commands::{TrialKept, TrialTaken};

impl Words {
    /// What pops up, and the line below the question.
    pub(super) fn trial_ended(self, taken: &TrialTaken, name: &str) -> (String, String) {
        let (sent, dropped) = (taken.taken_over, taken.dropped);
        if taken.in_doubt > 0 {
            let doubted = taken.in_doubt;
            return (
                self.pick(
                    format!("Sẽ gửi {sent} thư, {doubted} thư chưa rõ đã tới"),
                    format!("{sent} go now, {doubted} in doubt"),
                ),
                self.pick(
                    format!(
                        "📨 <b>{name}</b> đã cho gửi {sent} thư tới khách. Còn {doubted} thư có thể đã gửi trước khi khôi phục dữ liệu, nên để ở mục “chưa rõ đã tới”"
                    ),
                    format!(
                        "📨 <b>{name}</b> let {sent} go to the customers. {doubted} more may have gone before the restore: they are in doubt"
                    ),
                ),
            );
        }
        if sent == 0 && dropped > 0 {
            return (
                self.pick(format!("Đã bỏ {dropped} thư"), format!("{dropped} dropped")),
                self.pick(
                    format!("🗑 <b>{name}</b> đã bỏ {dropped} thư, không gửi nữa"),
                    format!("🗑 <b>{name}</b> dropped {dropped}; they do not go"),
                ),
            );
        }
        (
            self.pick(format!("Sẽ gửi {sent} thư"), format!("{sent} go now")),
            self.pick(
                format!("📨 <b>{name}</b> đã cho gửi {sent} thư tới khách"),
                format!("📨 <b>{name}</b> let {sent} go to the customers"),
            ),
        )
    }

    /// What is open, by name.
    pub(super) fn trial_kept(self, kept: &TrialKept) -> String {
        if kept.open == 0 {
            return self.pick(
                "Không còn thư nào chờ quyết định.",
                "Nothing is open any more.",
            );
        }
        let mut lines = vec![self.pick(
            format!("🧪 <b>{} thư</b> chưa gửi từ đợt chạy thử", kept.open),
            format!("🧪 <b>{} messages</b> that the trial has kept", kept.open),
        )];
        lines.extend(kept.messages.iter().map(|(name, rule, at)| {
            format!("• {}: {} ({})", escape(name), escape(rule), clock(at))
        }));
        if kept.open > kept.messages.len() {
            let more = kept.open - kept.messages.len();
            lines.push(self.pick(
                format!("… và {more} thư khác"),
                format!("… and {more} more"),
            ));
        }
        lines.join("\n")
    }
}
