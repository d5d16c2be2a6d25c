//! `/bangiao`: a leaver's customers, who could take them, and the buttons by which a manager decides.

use jiff::Timestamp;

use super::answer::{Offer, Reply, with_rows};
use super::words::{Words, clock, escape};
use crate::commands::{Action, Answer, Desk, HandedOver, HandoverPlan, Pressed, Right, Who};
use crate::core::facts::message::HandoverShare;
use crate::core::people::Role;

/// Colleagues who have a button of their own.
const NAMED: usize = 8;

/// `/bangiao`, with or without a name.
pub(super) fn asked(
    desk: &Desk,
    words: Words,
    who: &Who,
    name: &str,
    now: Timestamp,
) -> Answer<Vec<Reply>> {
    if name.is_empty() && desk.allows(who, Right::People) {
        return Ok(vec![whose(desk, words, now)?]);
    }
    let plan = desk.handover_plan(name, None, who, now)?;
    Ok(vec![shown(desk, words, &plan, now)?])
}

/// What is said besides after a press; mostly nothing.
pub(super) fn pressed(
    desk: &Desk,
    words: Words,
    pressed: &Pressed,
    now: Timestamp,
) -> Answer<Vec<Reply>> {
    match pressed {
        Pressed::HandedOver(done) => {
            let reply = Reply::of(words.handed_over(done));
            if done.undone {
                return Ok(vec![reply]);
            }
            let undo = offer(words, Action::HandoverUndo, done.from.clone());
            Ok(vec![with_rows(desk, reply, &[vec![undo]], None, now)?])
        }
        _ => Ok(Vec::new()),
    }
}

/// Asks whose customers are meant.
fn whose(desk: &Desk, words: Words, now: Timestamp) -> Answer<Reply> {
    let directory = desk.roster.directory()?;
    let people = directory.all().iter();
    let people =
        people.filter(|one| matches!(one.role, Role::Staff | Role::Leader) && !one.is_group());
    let names: Vec<String> = people.map(|one| one.name.clone()).collect();
    let rows: Vec<Vec<Offer>> = names
        .chunks(2)
        .take(NAMED)
        .map(|pair| {
            let button = |name: &String| (Action::HandoverLook, name.clone(), name.clone());
            pair.iter().map(button).collect()
        })
        .collect();
    let question = Reply::of(words.pick(
        "Bàn giao khách của ai? Anh/chị bấm tên, hoặc nhắn ví dụ <code>/bangiao Lan Anh</code>. Bot cho xem danh sách trước, chưa thay đổi gì.",
        "Whose customers are to be handed over? Press a name, or write <code>/handover Lan Anh</code>. You see the list first; nothing changes yet.",
    ));
    with_rows(desk, question, &rows, None, now)
}

/// What there is, and the ways to decide.
fn shown(desk: &Desk, words: Words, plan: &HandoverPlan, now: Timestamp) -> Answer<Reply> {
    let reply = Reply::of(words.handover(plan));
    if plan.standing.is_some() {
        let undo = offer(words, Action::HandoverUndo, plan.from.clone());
        return with_rows(desk, reply, &[vec![undo]], None, now);
    }
    if plan.customers == 0 {
        return Ok(reply);
    }
    let subject = |to: Option<&str>| Desk::handover_subject(&plan.from, to, &plan.shares);
    let mut rows: Vec<Vec<Offer>> = Vec::new();
    if plan.shares.len() > 1 {
        let label = words.pick("🤝 Chia đều như trên", "🤝 Split as above");
        rows.push(vec![(Action::Handover, subject(None), label)]);
    }
    rows.extend(plan.others.iter().take(NAMED).map(|name| {
        let label = words.pick(format!("Giao hết cho {name}"), format!("All to {name}"));
        vec![(Action::Handover, subject(Some(name)), label)]
    }));
    rows.push(vec![(
        Action::Cancel,
        "handover".to_owned(),
        words.label(Action::Cancel),
    )]);
    with_rows(desk, reply, &rows, None, now)
}

fn offer(words: Words, action: Action, subject: String) -> Offer {
    (action, subject, words.label(action))
}

impl Words {
    fn handed(self, share: &HandoverShare) -> String {
        let (to, count) = (escape(&share.to), share.customers);
        self.pick(format!("• {to}: {count} khách"), format!("• {to}: {count}"))
    }

    /// What somebody has to hand over, and the split.
    fn handover(self, plan: &HandoverPlan) -> String {
        let from = escape(&plan.from);
        let count = plan.customers;
        if let Some((by, at)) = &plan.standing {
            let (by, at) = (escape(by), clock(at));
            let mut lines = vec![self.pick(
                format!("🤝 {by} đã bàn giao {count} khách của <b>{from}</b> lúc {at}:"),
                format!("🤝 {by} handed {count} customers of <b>{from}</b> over at {at}:"),
            )];
            lines.extend(plan.shares.iter().map(|share| self.handed(share)));
            return lines.join("\n");
        }
        if count == 0 {
            return self.pick(
                format!("Không có khách nào ghi tên <b>{from}</b>, không cần bàn giao."),
                format!("No customer names <b>{from}</b>: there is nothing to hand over."),
            );
        }
        let mut lines = vec![self.pick(
            format!("🤝 <b>{from}</b> đang phụ trách {count} khách"),
            format!("🤝 <b>{from}</b> is in charge of {count} customers"),
        )];
        lines.extend(plan.stages.iter().map(|(label, count)| {
            let label = match label.is_empty() {
                true => self.pick("Chưa rõ giai đoạn", "Stage unknown"),
                false => escape(label),
            };
            format!("• {label}: {count}")
        }));
        lines.push(self.pick(
            format!(
                "⏰ {} lịch nhắc sắp tới, {} lời hẹn với khách",
                plan.reminders, plan.promises
            ),
            format!(
                "⏰ {} reminders to come, {} promises to customers",
                plan.reminders, plan.promises
            ),
        ));
        lines.push(String::new());
        lines.push(self.pick(
            "<b>Đề xuất chia</b> (theo khu vực và số khách đang có)",
            "<b>Proposed split</b> (by area, and by how many each has)",
        ));
        lines.extend(plan.shares.iter().map(|share| self.handed(share)));
        lines.push(String::new());
        lines.push(self.pick(
            "<i>Bấm nút mới có hiệu lực. Bảng tính giữ nguyên, và có thể thu hồi.</i>",
            "<i>It takes effect when you press. The sheet stays as it is, and it can be taken back.</i>",
        ));
        lines.join("\n")
    }

    /// It is done, or taken back.
    fn handed_over(self, done: &HandedOver) -> String {
        let from = escape(&done.from);
        if done.undone {
            return self.pick(
                format!("↩️ Khách của <b>{from}</b> lại do {from} phụ trách như trong bảng."),
                format!("↩️ The customers of <b>{from}</b> are theirs again, as the sheet says."),
            );
        }
        let mut lines = vec![self.pick(
            format!("✅ Đã bàn giao {} khách của <b>{from}</b>:", done.customers),
            format!(
                "✅ {} customers of <b>{from}</b> are handed over:",
                done.customers
            ),
        )];
        lines.extend(done.shares.iter().map(|share| self.handed(share)));
        lines.push(self.pick(
            format!("Mọi người đã được báo. Nếu {from} nghỉ hẳn, nhớ nhờ quản trị bỏ tên khỏi danh sách nhân viên."),
            format!("Everybody is told. If {from} has left for good, have the admin take them off the staff list."),
        ));
        lines.join("\n")
    }
}
