//! From the bound cells of a row to typed values, with a problem for each cell that can't be read.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::date::{self, When};
use super::email::{self, Email};
use super::field::{FieldKind, FieldSpec, Schema};
use super::money::{self, Money};
use super::person::{self, Person};
use super::phone::{self, Phone};
use super::{Cell, Reading, fold, number, owner, stage, text, yes_no};
use crate::core::record::Cells;

/// A typed value. Serialises to the shapes of `records --json` (PRODUCT.md).
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `{"full", "given", "title"}`
    Name(Person),
    /// `{"e164": […]}`
    Phone(Vec<Phone>),
    /// A list of addresses.
    Email(Vec<Email>),
    /// `{"min", "max"}` in đồng.
    Money(Money),
    /// ISO 8601.
    Date(When),
    /// A stage's id.
    Stage(String),
    /// A list of names, the first one leads.
    Owner(Vec<String>),
    /// A boolean: of yes/no, opt-out and consent fields.
    YesNo(bool),
    /// A number.
    Number(f64),
    /// Text, also of choices and ids.
    Text(String),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Name(person) => person.serialize(serializer),
            Self::Phone(list) => serializer.collect_map([("e164", list)]),
            Self::Email(list) => list.serialize(serializer),
            Self::Money(money) => money.serialize(serializer),
            Self::Date(when) => when.serialize(serializer),
            Self::Stage(text) | Self::Text(text) => serializer.serialize_str(text),
            Self::Owner(names) => names.serialize(serializer),
            Self::YesNo(yes) => serializer.serialize_bool(*yes),
            Self::Number(number) => match whole(*number) {
                Some(whole) => serializer.serialize_i64(whole),
                None => serializer.serialize_f64(*number),
            },
        }
    }
}

/// The integer that a float is, if it is one and exact.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    // Whole and within 2^53, so nothing is cut off.
    #[allow(clippy::cast_possible_truncation)]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// A cell, or a part of one, that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CellProblem {
    /// The field's id.
    pub field: String,
    /// What stands in the cell, for showing; `…` if the field is private.
    pub value: String,
    /// Why it can't be read, in English.
    pub why: String,
}

/// A row as understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Typed {
    /// Values by field id. A field whose cell is empty or can't be read is absent.
    pub values: BTreeMap<String, Value>,
    /// What can't be read, in the order of the field ids. A value may stand beside its problem: two
    /// phones of which one is damaged.
    pub problems: Vec<CellProblem>,
    /// The ids of those values that are private and must reach no text, bot, chart or log.
    pub private: BTreeSet<String>,
}

impl Typed {
    /// The stage that the cell names, if it names one.
    pub fn stage(&self) -> Option<&str> {
        match self.values.get("stage") {
            Some(Value::Stage(stage)) => Some(stage),
            _ => None,
        }
    }

    /// The values without the private ones.
    pub fn public(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.values
            .iter()
            .filter(|(id, _)| !self.private.contains(*id))
    }
}

/// Reads the cells of one row. Cells of fields that the schema does not name are left out.
pub fn typed(cells: &Cells, schema: &Schema) -> Typed {
    let mut typed = Typed::default();
    for (id, cell) in cells {
        let Some(field) = schema.field(id) else {
            continue;
        };
        let (reading, also) = read(cell, field, schema);
        let value = || {
            if field.private {
                "…".to_owned()
            } else {
                cell.shown().into_owned()
            }
        };
        let problem = |why: String| CellProblem {
            field: id.to_string(),
            value: value(),
            why,
        };
        match reading {
            Reading::Nothing => {}
            Reading::Value(value) => {
                typed.values.insert(id.to_string(), value);
                if field.private {
                    typed.private.insert(id.to_string());
                }
            }
            Reading::Bad(why) | Reading::Ambiguous(why) => typed.problems.push(problem(why)),
        }
        if let Some(why) = also {
            typed.problems.push(problem(why));
        }
    }
    typed
}

/// One cell as its field's kind, and what is wrong beside the value.
fn read(cell: &Cell, field: &FieldSpec, schema: &Schema) -> (Reading<Value>, Option<String>) {
    let plain = |reading| (reading, None);
    match field.kind {
        FieldKind::Name => {
            let reading = person::read(cell);
            let unclear = matches!(&reading, Reading::Value(person) if person.is_ambiguous());
            let why = unclear.then(|| "the name can be read in more than one way".to_owned());
            (reading.map(Value::Name), why)
        }
        FieldKind::Phone => {
            let scan = phone::scan(cell);
            let why = beside(
                &scan.reading,
                &scan.unusable,
                field.private,
                "no valid phone number",
            );
            (scan.reading.map(Value::Phone), why)
        }
        FieldKind::Email => {
            let scan = email::scan(cell);
            let why = beside(
                &scan.reading,
                &scan.unusable,
                field.private,
                "no usable e-mail address",
            );
            (scan.reading.map(Value::Email), why)
        }
        FieldKind::Money => plain(money::read(cell).map(Value::Money)),
        FieldKind::Date => plain(date::read(cell, &schema.locale, &schema.zone).map(Value::Date)),
        FieldKind::Stage => plain(stage::read(cell, &schema.stages).map(Value::Stage)),
        FieldKind::Owner => plain(owner::read(cell).map(Value::Owner)),
        FieldKind::OptOut => {
            let reading = yes_no::read_opt_out(cell);
            let leaned = matches!(reading, Reading::Value(true)) && !yes_no::opt_out_is_clear(cell);
            (
                reading.map(Value::YesNo),
                leaned.then(|| "unclear, so it counts as opted out".to_owned()),
            )
        }
        FieldKind::Consent => {
            let unclear = matches!(yes_no::read(cell), Reading::Bad(_)) && cell.error().is_none();
            let why = unclear.then(|| "unclear, so it is no consent".to_owned());
            (yes_no::read_consent(cell).map(Value::YesNo), why)
        }
        FieldKind::YesNo => plain(yes_no::read(cell).map(Value::YesNo)),
        FieldKind::Number => plain(number::read(cell, &schema.locale).map(Value::Number)),
        FieldKind::Text | FieldKind::Choice => plain(text::read(cell).map(Value::Text)),
        FieldKind::Id => plain(id(cell).map(Value::Text)),
    }
}

/// What identifies a customer: the text as it stands, a number as its digits.
fn id(cell: &Cell) -> Reading<String> {
    match (text::read(cell), cell) {
        (Reading::Value(_), Cell::Bool(_)) => Reading::bad("a tick box identifies nobody"),
        (reading, _) => reading,
    }
}

/// The problem of a part that can't be read next to one that can.
fn beside<T>(
    reading: &Reading<T>,
    unusable: &[String],
    private: bool,
    why: &str,
) -> Option<String> {
    let first = unusable
        .first()
        .filter(|_| matches!(reading, Reading::Value(_)))?;
    Some(if private {
        format!("a part is {why}")
    } else {
        format!("{}: {why}", fold::clean(first))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::sheet::field::standard_kind;
    use crate::core::sheet::stage::{Stage, StageTable};

    fn schema() -> Schema {
        let field = |id: &str, kind: Option<FieldKind>, private: bool| FieldSpec {
            id: id.to_owned(),
            headers: Vec::new(),
            kind: kind.or(standard_kind(id)).unwrap(),
            private,
            since: None,
        };
        let standard = [
            "name", "phone", "email", "budget", "stage", "owner", "received", "no_ads", "consent",
            "note", "id",
        ];
        let mut fields: Vec<FieldSpec> = standard.iter().map(|id| field(id, None, false)).collect();
        fields.push(field("commission", Some(FieldKind::Money), true));
        fields.push(field("rooms", Some(FieldKind::Number), false));
        let stage = Stage {
            id: "deposited".to_owned(),
            label: "Đã đặt cọc".to_owned(),
            aliases: vec!["đã cọc".to_owned()],
        };
        Schema {
            fields,
            stages: StageTable::new(vec![stage]).unwrap(),
            locale: "vi_VN".to_owned(),
            zone: jiff::tz::TimeZone::fixed(jiff::tz::Offset::constant(7)),
        }
    }

    fn row(cells: &[(&str, Cell)]) -> Typed {
        let cells: Cells = cells
            .iter()
            .map(|(id, cell)| ((*id).into(), cell.clone()))
            .collect();
        typed(&cells, &schema())
    }

    #[test]
    fn a_whole_row_has_the_shapes_others_rely_on() {
        let typed = row(&[
            ("name", Cell::from("Chị Lan Anh")),
            ("phone", Cell::from(901_234_567.0)),
            ("email", Cell::from("An@Example.com")),
            ("budget", Cell::from("trên 3 tỷ")),
            ("stage", Cell::from("ĐÃ CỌC")),
            ("owner", Cell::from("Minh + Hà")),
            ("received", Cell::from(46347.5)),
            ("no_ads", Cell::from("x")),
            ("consent", Cell::Bool(false)),
            ("rooms", Cell::from(3.0)),
            ("id", Cell::from(17.0)),
            ("unknown", Cell::from("left out")),
        ]);
        assert_eq!(
            serde_json::to_value(&typed.values).unwrap(),
            serde_json::json!({
                "name": {"full": "Lan Anh", "given": "Anh", "title": "Chị"},
                "phone": {"e164": ["+84901234567"]},
                "email": ["an@example.com"],
                "budget": {"min": 3_000_000_000_i64, "max": null},
                "stage": "deposited",
                "owner": ["Minh", "Hà"],
                "received": "2026-11-21T12:00:00",
                "no_ads": true,
                "consent": false,
                "rooms": 3,
                "id": "17",
            })
        );
        assert_eq!(typed.problems, []);
    }

    #[test]
    fn placeholders_say_nothing() {
        let ids = [
            "name", "phone", "email", "budget", "stage", "owner", "received", "note", "rooms", "id",
        ];
        for text in ["-", "chưa rõ", "ko có", "chưa có"] {
            let cells: Vec<(&str, Cell)> = ids.iter().map(|id| (*id, Cell::from(text))).collect();
            assert_eq!(row(&cells), Typed::default(), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_a_problem_also_beside_a_value() {
        let typed = row(&[
            ("phone", Cell::from("0971123456 / 097212345")),
            ("email", Cell::from("le@example.com; an@gmail")),
            ("received", Cell::from("31/02/2026")),
            ("stage", Cell::from("Đang suy nghĩ")),
            ("note", Cell::from("#REF!")),
            ("no_ads", Cell::from("đừng gửi")),
            ("consent", Cell::from("để hỏi")),
        ]);
        let problems: Vec<String> = typed
            .problems
            .iter()
            .map(|p| format!("{} {}: {}", p.field, p.value, p.why))
            .collect();
        assert_eq!(
            problems,
            [
                "consent để hỏi: unclear, so it is no consent",
                "email le@example.com; an@gmail: an@gmail: no usable e-mail address",
                "no_ads đừng gửi: unclear, so it counts as opted out",
                "note #REF!: the cell shows #REF!",
                "phone 0971123456 / 097212345: 097212345: no valid phone number",
                "received 31/02/2026: no such day",
                "stage Đang suy nghĩ: no stage has this label or alias",
            ]
        );
        assert!(typed.values.contains_key("phone") && typed.values.contains_key("email"));
        assert_eq!(typed.values["no_ads"], Value::YesNo(true));
        assert_eq!(typed.values["consent"], Value::YesNo(false));
        assert!(!typed.values.contains_key("received"));
    }

    #[test]
    fn private_values_are_flagged_and_their_problems_tell_nothing() {
        let typed = row(&[
            ("commission", Cell::from("2 tỷ")),
            ("note", Cell::from("x")),
        ]);
        assert_eq!(
            typed
                .public()
                .map(|(id, _)| id.as_str())
                .collect::<Vec<_>>(),
            ["note"]
        );
        let typed = row(&[("commission", Cell::from("3 tỷ 25"))]);
        assert_eq!(typed.problems[0].value, "…");
    }

    #[test]
    fn a_name_with_two_people_keeps_its_row_and_says_so() {
        let typed = row(&[("name", Cell::from("Anh Nam - Chị Lan"))]);
        assert!(typed.values.contains_key("name"));
        assert_eq!(
            typed.problems[0].why,
            "the name can be read in more than one way"
        );
    }
}
