//! What was changed in a campaign after somebody had approved it, in words.

use serde::Serialize;

use super::listing::split;
use super::problem::Said;
use super::{Body, Choice, Definition, Order, SendAt, Variant, Whom};
use crate::core::facts::local_text;
use crate::core::sheet::stage::StageTable;

/// Longest quotation in the message that asks again, in letters.
const MOST_LETTERS: usize = 120;

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is: the column's name.
    pub what: Said,
    /// As it was approved; empty if there was nothing.
    pub before: String,
    /// As it is now; empty if there is nothing.
    pub after: String,
}

impl Difference {
    /// On one line.
    pub fn text(&self, vietnamese: bool) -> String {
        let what = self.what.text(vietnamese);
        match (self.before.is_empty(), self.after.is_empty(), vietnamese) {
            (true, _, true) => format!("{what}: thêm “{}”", self.after),
            (true, _, false) => format!("{what}: added “{}”", self.after),
            (false, true, true) => format!("{what}: bỏ “{}”", self.before),
            (false, true, false) => format!("{what}: removed “{}”", self.before),
            (false, false, true) => format!("{what}: “{}” → “{}”", self.before, self.after),
            (false, false, false) => format!("{what}: “{}” → “{}”", self.before, self.after),
        }
    }
}

/// 64 hexadecimal digits that stand for everything that is approved: texts, audience, time, order.
/// Where the row stands, who wrote it and what its state cell says are not part of it.
pub fn fingerprint(definition: &Definition) -> String {
    #[derive(Serialize)]
    struct Approved<'a> {
        channel: &'a str,
        whom: &'a Whom,
        variants: &'a [Variant],
        send_at: &'a SendAt,
        order: Order,
        ad: bool,
    }
    let approved = Approved {
        channel: definition.channel.as_str(),
        whom: &definition.whom,
        variants: &definition.variants,
        send_at: &definition.send_at,
        order: definition.order,
        ad: definition.ad,
    };
    // Plain values always have a JSON form.
    let json = serde_json::to_vec(&approved).unwrap_or_default();
    blake3::hash(&json).to_hex().to_string()
}

/// What differs between a campaign as it was approved and as it is written now; empty if a new approval is
/// not needed. Stages are called by their labels.
pub fn differs(old: &Definition, new: &Definition, stages: &StageTable) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut note = |what: Said, before: String, after: String| {
        if before != after {
            found.push(Difference {
                what,
                before: short(&before),
                after: short(&after),
            });
        }
    };
    whom(&old.whom, &new.whom, stages, &mut note);
    for number in numbers(old, new) {
        let of = |definition: &Definition| {
            let variants = definition.variants.iter();
            variants
                .clone()
                .find(|variant| variant.number == number)
                .cloned()
        };
        variant(number, of(old).as_ref(), of(new).as_ref(), &mut note);
    }
    note(
        Said::new("Gửi lúc", "Send at"),
        moment(old.send_at),
        moment(new.send_at),
    );
    note(
        Said::new("Thứ tự gửi", "Order"),
        old.order.said().vi,
        new.order.said().vi,
    );
    let yes = |ad: bool| if ad { "[QC]" } else { "" };
    note(
        Said::new("Quảng cáo", "Advertising"),
        yes(old.ad).to_owned(),
        yes(new.ad).to_owned(),
    );
    found
}

fn numbers(old: &Definition, new: &Definition) -> Vec<u32> {
    let mut numbers: Vec<u32> = old
        .variants
        .iter()
        .chain(&new.variants)
        .map(|variant| variant.number)
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn whom(old: &Whom, new: &Whom, stages: &StageTable, note: &mut impl FnMut(Said, String, String)) {
    let named = |vi: &str, en: &str| Said::new(vi, en);
    let labels = |of: &Choice| Choice {
        any: of.any.iter().map(|id| label(id, stages)).collect(),
        none: of.none.iter().map(|id| label(id, stages)).collect(),
    };
    let everyone = |whom: &Whom| if whom.everyone { "tất cả" } else { "" }.to_owned();
    note(named("Gửi cho", "Whom"), everyone(old), everyone(new));
    for (vi, en, before, after) in [
        (
            "Giai đoạn",
            "Stage",
            &labels(&old.stages),
            &labels(&new.stages),
        ),
        ("Loại BĐS", "Property type", &old.interests, &new.interests),
        ("Khu vực", "Area", &old.areas, &new.areas),
        ("Dự án", "Project", &old.projects, &new.projects),
        ("Nguồn", "Source", &old.sources, &new.sources),
        ("Phụ trách", "Owner", &old.owners, &new.owners),
    ] {
        note(named(vi, en), choice(before), choice(after));
    }
    let budget = |whom: &Whom| match whom.budget {
        None => String::new(),
        Some(budget) => {
            let shown = |bound: Option<i64>| bound.map_or_else(|| "…".to_owned(), vnd);
            format!("{}–{}", shown(budget.min), shown(budget.max))
        }
    };
    note(named("Ngân sách", "Budget"), budget(old), budget(new));
    let dealings = |whom: &Whom| -> String {
        let all: Vec<String> = whom
            .dealings
            .iter()
            .map(|one| dealing(one, stages))
            .collect();
        all.join(", ")
    };
    note(named("Giao dịch", "Dealings"), dealings(old), dealings(new));
    let condition = |whom: &Whom| whom.condition.clone().unwrap_or_default();
    note(
        named("Điều kiện", "Condition"),
        condition(old),
        condition(new),
    );
}

fn variant(
    number: u32,
    old: Option<&Variant>,
    new: Option<&Variant>,
    note: &mut impl FnMut(Said, String, String),
) {
    let behind = if number > 1 {
        format!(" {number}")
    } else {
        String::new()
    };
    let named = |vi: &str, en: &str| Said::new(format!("{vi}{behind}"), format!("{en}{behind}"));
    let part =
        |of: Option<&Variant>, part: fn(&Variant) -> String| of.map(part).unwrap_or_default();
    let nothing = Whom::default();
    let group = |of: Option<&Variant>| of.and_then(|one| one.group.clone());
    let called = |one: &Variant| one.called.clone().unwrap_or_default();
    if group(old).unwrap_or(nothing.clone()) != group(new).unwrap_or(nothing) {
        note(named("Nhóm", "Group"), part(old, called), part(new, called));
    }
    let subject = |one: &Variant| one.subject.clone();
    note(
        named("Tiêu đề", "Subject"),
        part(old, subject),
        part(new, subject),
    );
    let attachment = |one: &Variant| one.attachment.clone().unwrap_or_default();
    note(
        named("Đính kèm", "Attachment"),
        part(old, attachment),
        part(new, attachment),
    );
    let template = |one: &Variant| match &one.body {
        Body::Template(name) => name.clone(),
        Body::Cell(_) => String::new(),
    };
    note(
        named("Mẫu thư", "Template"),
        part(old, template),
        part(new, template),
    );
    let text = |one: &Variant| match &one.body {
        Body::Cell(text) => text.clone(),
        Body::Template(_) => String::new(),
    };
    let (before, after) = changed_lines(&part(old, text), &part(new, text));
    note(named("Nội dung", "Text"), before, after);
}

/// The lines in which two texts differ, without those that they begin and end with alike.
fn changed_lines(old: &str, new: &str) -> (String, String) {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same =
        |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(a, b)| a == b).count();
    let front = same(&mut old.iter().zip(&new));
    let (old, new) = (&old[front..], &new[front..]);
    let back = same(&mut old.iter().rev().zip(new.iter().rev()));
    let text = |lines: &[&str]| lines[..lines.len() - back].join(" ").trim().to_owned();
    (text(old), text(new))
}

fn choice(choice: &Choice) -> String {
    let mut text = choice.any.join(", ");
    if !choice.none.is_empty() {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str("trừ ");
        text.push_str(&choice.none.join(", "));
    }
    // Order in the cell does not matter; spelling is shown as it is.
    split(&text).join(", ")
}

fn label(id: &str, stages: &StageTable) -> String {
    stages
        .get(id)
        .map_or(id, |stage| stage.label.as_str())
        .to_owned()
}

fn dealing(dealing: &super::Dealing, table: &StageTable) -> String {
    use super::Dealing::{Mailed, New, Reached};
    let say = |yes: bool, first: &str, second: &str| {
        if yes {
            first.to_owned()
        } else {
            second.to_owned()
        }
    };
    match dealing {
        Reached { stages, ever } => {
            let stages: Vec<String> = stages.iter().map(|id| label(id, table)).collect();
            format!("{} {}", say(*ever, "từng", "chưa từng"), stages.join("/"))
        }
        Mailed { days, within } => {
            format!("{} {days} ngày", say(*within, "đã gửi thư", "chưa gửi thư"))
        }
        New { days, within } => format!("{} {days} ngày", say(*within, "mới", "cũ hơn")),
    }
}

fn vnd(amount: i64) -> String {
    #[allow(clippy::cast_precision_loss)] // Budgets are below a thousand tỷ.
    let ty = amount as f64 / 1e9;
    format!("{ty} tỷ").replace('.', ",")
}

fn moment(send_at: SendAt) -> String {
    match (send_at.date, send_at.time) {
        (None, None) => "ngay khi duyệt".to_owned(),
        (Some(date), None) => date.strftime("%d/%m/%Y").to_string(),
        (None, Some(time)) => time.strftime("%H:%M").to_string(),
        (Some(date), Some(time)) => {
            let at = local_text(date.to_datetime(time));
            let hour = at.get(11..16).unwrap_or_default();
            format!("{} {hour}", date.strftime("%d/%m/%Y"))
        }
    }
}

fn short(text: &str) -> String {
    if text.chars().count() <= MOST_LETTERS {
        return text.to_owned();
    }
    let cut: String = text.chars().take(MOST_LETTERS - 1).collect();
    format!("{}…", cut.trim_end())
}

#[cfg(test)]
mod tests;
