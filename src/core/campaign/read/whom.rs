//! Whom a campaign is for: the plain columns, the condition, and the cell of a group.

use super::{Reader, dealings};
use crate::core::campaign::listing::{nearest, split};
use crate::core::campaign::problem::Said;
use crate::core::campaign::segment::MOST_WORDS;
use crate::core::campaign::{Budget, Choice, Whom, words};
use crate::core::condition::Condition;
use crate::core::facts;
use crate::core::sheet::fold::fold;
use crate::core::sheet::{Cell, Reading, money};

/// What means that a column is no criterion, said in so many words.
const EVERYONE: [&str; 9] = [
    "tat ca",
    "tat ca khach",
    "tat ca khach hang",
    "toan bo",
    "moi khach",
    "moi nguoi",
    "all",
    "everyone",
    "everybody",
];

/// What stands before the values that are not wanted.
const EXCEPT: [&str; 7] = [
    "trừ",
    "ngoại trừ",
    "trừ ra",
    "không phải",
    "khác",
    "except",
    "not",
];

/// The columns whose values are words of the sheet, and the field that holds them.
const WORDS: [&str; 5] = ["interest", "area", "project", "source", "owner"];

impl Reader<'_> {
    /// The segment, of the columns.
    pub(super) fn whom(&mut self) -> Whom {
        let mut whom = Whom::default();
        for column in ["stage", "budget", "budget_from", "budget_to", "dealings"]
            .iter()
            .chain(&WORDS)
        {
            if let Some(cell) = self.cell(column).cloned() {
                self.criterion(&mut whom, column, column, &cell);
            }
        }
        if let Some(text) = self.text("condition") {
            if EVERYONE.contains(&fold(&text).as_str()) {
                whom.everyone = true;
            } else if self.condition("condition", &text) {
                whom.condition = Some(text);
            }
        }
        self.close_budget(&mut whom, "budget_from");
        let none = Whom {
            everyone: false,
            ..Whom::default()
        };
        if whom == none
            && !self
                .problems
                .iter()
                .any(|problem| self.is_criterion(&problem.place))
        {
            self.wrong(
                "stage",
                Said::new("chưa ghi gửi cho ai", "it does not say whom it is for"),
                Said::new(
                    "Hãy ghi giai đoạn, khu vực hay tiêu chí khác; nếu đúng là gửi cho mọi khách, hãy ghi “tất cả” ở cột Giai đoạn",
                    "Write a stage, an area or another criterion; if it is for every customer, write “all” into the column Stage",
                ),
            );
        }
        whom
    }

    /// Whether a place is that of a criterion: then something is wrong with it, and it is not missing.
    fn is_criterion(&self, place: &super::Place) -> bool {
        let columns = [
            "stage",
            "budget",
            "budget_from",
            "budget_to",
            "dealings",
            "condition",
        ];
        columns
            .iter()
            .chain(&WORDS)
            .any(|column| self.written.places.get(*column) == Some(place))
    }

    /// The cell of a group: `Nhu cầu: đầu tư` line by line, or a condition.
    pub(super) fn group(&mut self, column: &str, text: &str) -> Whom {
        let mut whom = Whom::default();
        let Some(lines) = criteria(text) else {
            if self.condition(column, text) {
                whom.condition = Some(text.to_owned());
            }
            return whom;
        };
        for (criterion, values) in lines {
            self.criterion(&mut whom, criterion, column, &Cell::Text(values.into()));
        }
        self.close_budget(&mut whom, column);
        whom
    }

    /// One criterion, written in a column that is its own or a group's.
    fn criterion(&mut self, whom: &mut Whom, criterion: &str, column: &str, cell: &Cell) {
        match criterion {
            "stage" => whom.stages = self.stages(whom, column, cell),
            "budget" => whom.budget = self.budget(column, cell),
            "budget_from" | "budget_to" => {
                let Some(read) = self.budget(column, cell) else {
                    return;
                };
                let budget = whom.budget.get_or_insert(Budget {
                    min: None,
                    max: None,
                });
                if criterion == "budget_from" {
                    budget.min = read.min.or(read.max);
                } else {
                    budget.max = read.max.or(read.min);
                }
            }
            "dealings" => whom.dealings = self.dealings(column, cell),
            _ => {
                self.bound(criterion, column);
                let choice = self.choice(whom, column, cell);
                match criterion {
                    "interest" => whom.interests = choice,
                    "area" => whom.areas = choice,
                    "project" => whom.projects = choice,
                    "source" => whom.sources = choice,
                    _ => whom.owners = self.people(choice),
                }
            }
        }
    }

    /// The field that a criterion looks at must have a column in the customers' tabs.
    fn bound(&mut self, criterion: &str, column: &str) {
        if self.known.fields.iter().any(|field| field.id == criterion) {
            return;
        }
        let called = words::COLUMNS
            .iter()
            .find(|one| one.id == criterion)
            .map_or(criterion, |one| one.headers[0]);
        self.wrong(
            column,
            Said::new(
                format!("bảng khách hàng chưa khai báo cột nào là “{called}”"),
                format!("no column of the customers' tabs is bound to `{criterion}`"),
            ),
            Said::new(
                format!("Hãy nhờ quản trị viên khai báo cột `{criterion}` trong cấu hình, hoặc để trống ô này"),
                format!("Bind `{criterion}` under [columns], or leave the cell empty"),
            ),
        );
    }

    /// The values of a cell, the unwanted ones behind `trừ`.
    fn choice(&mut self, whom: &mut Whom, column: &str, cell: &Cell) -> Choice {
        let mut choice = Choice::default();
        let mut unwanted = false;
        for part in split(&cell.shown()) {
            let (before, after) = except(&part);
            for (value, not) in [(before, unwanted), (after, true)] {
                let Some(value) = value.filter(|value| !value.is_empty()) else {
                    continue;
                };
                if EVERYONE.contains(&fold(value).as_str()) {
                    whom.everyone = true;
                    continue;
                }
                let list = if not {
                    &mut choice.none
                } else {
                    &mut choice.any
                };
                if !list.iter().any(|one| fold(one) == fold(value)) {
                    list.push(value.to_owned());
                }
            }
            unwanted |= after.is_some();
        }
        let both = choice
            .any
            .iter()
            .find(|one| choice.none.iter().any(|none| fold(none) == fold(one)));
        if let Some(both) = both.cloned() {
            self.wrong(
                column,
                Said::new(
                    format!("“{both}” vừa được chọn vừa bị trừ ra"),
                    format!("“{both}” is both chosen and excepted"),
                ),
                Said::new("Hãy bỏ một trong hai", "Remove one of the two"),
            );
        }
        let count = choice.words().count();
        if count > MOST_WORDS {
            self.wrong(
                column,
                Said::new(
                    format!("ô có {count} giá trị, nhiều nhất là {MOST_WORDS}"),
                    format!("the cell has {count} values, {MOST_WORDS} are allowed"),
                ),
                Said::new("Hãy chia thành hai chiến dịch", "Make two campaigns of it"),
            );
        }
        choice
    }

    /// Stages by their ids; a stage that does not exist is nobody's.
    fn stages(&mut self, whom: &mut Whom, column: &str, cell: &Cell) -> Choice {
        let written = self.choice(whom, column, cell);
        let mut read = |words: &[String]| -> Vec<String> {
            let ids = words.iter().filter_map(|word| self.stage(column, word));
            let mut ids: Vec<String> = ids.collect();
            ids.dedup();
            ids
        };
        Choice {
            any: read(&written.any),
            none: read(&written.none),
        }
    }

    fn stage(&mut self, column: &str, word: &str) -> Option<String> {
        let table = self.known.stages;
        let by_id = || {
            table
                .stages()
                .iter()
                .find(|stage| fold(&stage.id) == fold(word))
        };
        if let Some(stage) = table.find(word).or_else(by_id) {
            return Some(stage.id.clone());
        }
        let all: Vec<(String, &String)> = table
            .stages()
            .iter()
            .flat_map(|stage| std::iter::once(&stage.label).chain(&stage.aliases))
            .map(|label| (fold(label), label))
            .collect();
        let near = nearest(
            &fold(word),
            all.iter().map(|(folded, label)| (folded.as_str(), *label)),
        );
        let mend = match near {
            Some(near) => Said::new(
                format!("Có phải ý bạn là “{near}”? Hãy sửa lại ô này."),
                format!("Did you mean “{near}”? Correct the cell"),
            ),
            None => {
                let labels: Vec<String> = table
                    .stages()
                    .iter()
                    .map(|stage| format!("“{}”", stage.label))
                    .collect();
                Said::new(
                    format!("Các giai đoạn đang có: {}", labels.join(", ")),
                    format!("The stages are {}", labels.join(", ")),
                )
            }
        };
        self.wrong(
            column,
            Said::new(
                format!("không có giai đoạn “{word}”"),
                format!("there is no stage “{word}”"),
            ),
            mend,
        );
        None
    }

    /// Owners by their names in `[[staff]]`; those who are not there stay as written.
    fn people(&self, choice: Choice) -> Choice {
        let named = |words: Vec<String>| {
            words
                .into_iter()
                .map(|word| match self.known.people.find(&word) {
                    Some(person) => person.name.clone(),
                    None => word,
                })
                .collect()
        };
        Choice {
            any: named(choice.any),
            none: named(choice.none),
        }
    }

    fn budget(&mut self, column: &str, cell: &Cell) -> Option<Budget> {
        if !self.known.fields.iter().any(|field| field.id == "budget") {
            self.bound("budget", column);
        }
        let why = match money::read(cell) {
            Reading::Value(money) => {
                return Some(Budget {
                    min: money.min,
                    max: money.max,
                });
            }
            Reading::Nothing => return None,
            Reading::Bad(why) | Reading::Ambiguous(why) => why,
        };
        let shown = cell.shown().trim().to_owned();
        self.wrong(
            column,
            Said::new(
                format!("không hiểu số tiền “{shown}”"),
                format!("“{shown}” is no amount: {why}"),
            ),
            Said::new(
                "Hãy ghi kèm đơn vị, ví dụ “3-5 tỷ”, “dưới 3 tỷ”, “800 triệu”",
                "Write it with its unit: “3-5 tỷ”, “dưới 3 tỷ”, “800 triệu”",
            ),
        );
        None
    }

    fn close_budget(&mut self, whom: &mut Whom, column: &str) {
        let Some(budget) = whom.budget else { return };
        if let (Some(min), Some(max)) = (budget.min, budget.max)
            && min > max
        {
            self.wrong(
                column,
                Said::new(
                    "ngân sách “từ” lớn hơn “đến”",
                    "the budget begins above its end",
                ),
                Said::new("Hãy đổi lại hai số", "Exchange the two"),
            );
        }
    }

    fn dealings(&mut self, column: &str, cell: &Cell) -> Vec<crate::core::campaign::Dealing> {
        let mut found = Vec::new();
        for part in split(&cell.shown()) {
            match dealings::read(&part, self.known) {
                Some(dealing) => found.push(dealing),
                None => self.wrong(
                    column,
                    Said::new(format!("không hiểu “{part}”"), format!("“{part}” means nothing here")),
                    Said::new(
                        "Hãy ghi như: từng đặt cọc, chưa mua, đã gửi thư 30 ngày, chưa gửi thư 30 ngày, mới 7 ngày, cũ hơn 90 ngày",
                        "Write such as: deposited before, never bought, mailed 30 days, not mailed 30 days, new 7 days, older than 90 days",
                    ),
                ),
            }
        }
        found
    }

    /// Whether a condition can be used; what is wrong with it is noted.
    fn condition(&mut self, column: &str, text: &str) -> bool {
        let condition = match Condition::parse(text) {
            Ok(condition) => condition,
            Err(why) => {
                self.wrong(
                    column,
                    Said::new(
                        format!("điều kiện viết chưa đúng ({why})"),
                        format!("the condition cannot be read: {why}"),
                    ),
                    Said::new(
                        "Hãy sửa lại, hoặc dùng các cột Giai đoạn, Khu vực, Ngân sách …",
                        "Correct it, or use the columns Stage, Area, Budget …",
                    ),
                );
                return false;
            }
        };
        let ids = |private: bool| {
            self.known
                .fields
                .iter()
                .filter(move |field| !private || field.private)
                .map(|field| field.id.clone())
                .collect()
        };
        let names = facts::known_names(&ids(false), &ids(true));
        let mut well = true;
        for name in condition.names() {
            if names.contains(&name) && !facts::MESSAGE_NAMES.contains(&name.as_str()) {
                continue;
            }
            well = false;
            let near = nearest(&name, names.iter().map(|known| (known.as_str(), known)));
            let mend = match near {
                Some(near) => Said::new(
                    format!("Có phải ý bạn là `{near}`?"),
                    format!("Did you mean `{near}`?"),
                ),
                None => Said::new(
                    "Hãy dùng tên cột như trong cấu hình, ví dụ stage, area, budget.max, note",
                    "Use the names of the configuration: stage, area, budget.max, note",
                ),
            };
            self.wrong(
                column,
                Said::new(
                    format!("điều kiện dùng tên không có: `{name}`"),
                    format!("the condition uses an unknown name: `{name}`"),
                ),
                mend,
            );
        }
        well
    }
}

/// A value, and what stands behind `trừ` in it.
fn except(part: &str) -> (Option<&str>, Option<&str>) {
    let lower = part.to_lowercase();
    // Lower case keeps the length of Vietnamese letters; where it does not, the cell is taken as it is.
    if lower.len() != part.len() {
        return (Some(part), None);
    }
    for word in EXCEPT {
        let mut from = 0;
        while let Some(at) = lower[from..].find(word).map(|at| from + at) {
            let end = at + word.len();
            let begins = lower[..at].is_empty() || lower[..at].ends_with([' ', '(']);
            // Only “trừ” and “except” also stand behind a value: “tất cả trừ …”; “không phải” and the others begin it.
            let inner = at == 0 || matches!(word, "trừ" | "ngoại trừ" | "except");
            if begins && inner && lower[end..].starts_with([' ', ':']) {
                let before = part[..at].trim_end_matches(['(', ' ']).trim();
                let after = part[end..]
                    .trim_start_matches([' ', ':'])
                    .trim_end_matches(')')
                    .trim();
                let before = before.trim_end_matches("ngoại").trim_end();
                return ((!before.is_empty()).then_some(before), Some(after));
            }
            from = end;
        }
    }
    (Some(part), None)
}

/// `Nhu cầu: đầu tư; Ngân sách: 3-5 tỷ`, by line or semicolon, as criteria with their values; nothing if
/// the text is not of that form.
fn criteria(text: &str) -> Option<Vec<(&'static str, String)>> {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    for part in text
        .split(['\n', ';'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let named = part
            .split_once(':')
            .and_then(|(name, values)| Some((words::criterion_named(name)?, values.trim())));
        match (named, found.last_mut()) {
            (Some((criterion, values)), _) => found.push((criterion, values.to_owned())),
            // A semicolon between values.
            (None, Some((_, values))) => {
                values.push_str(", ");
                values.push_str(part);
            }
            (None, None) => return None,
        }
    }
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_tru_is_not_wanted() {
        for (part, before, after) in [
            ("Quận 7", Some("Quận 7"), None),
            ("trừ Quận 7", None, Some("Quận 7")),
            ("Tất cả trừ Quận 7", Some("Tất cả"), Some("Quận 7")),
            ("TẤT CẢ (trừ Quận 7)", Some("TẤT CẢ"), Some("Quận 7")),
            ("ngoại trừ Quận 7", None, Some("Quận 7")),
            ("không phải Quận 7", None, Some("Quận 7")),
            ("except Quận 7", None, Some("Quận 7")),
            ("Khách khác tỉnh", Some("Khách khác tỉnh"), None),
            ("Not-for-sale", Some("Not-for-sale"), None),
        ] {
            assert_eq!(except(part), (before, after), "{part}");
        }
    }

    #[test]
    fn a_group_is_criteria_or_a_condition() {
        assert_eq!(
            criteria("Nhu cầu: đầu tư, cho thuê\nNgân sách: 3-5 tỷ"),
            Some(vec![
                ("interest", "đầu tư, cho thuê".to_owned()),
                ("budget", "3-5 tỷ".to_owned())
            ])
        );
        assert_eq!(
            criteria("khu vực: Q7; Nhà Bè; Stage: all"),
            Some(vec![
                ("area", "Q7, Nhà Bè".to_owned()),
                ("stage", "all".to_owned())
            ])
        );
        assert_eq!(criteria("'đầu tư' in interest"), None);
    }
}
