//! Which fields there are, of which kind, and under which headers they stand.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::stage::StageTable;

/// What the cells of a field are read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// A person's name with title.
    Name,
    /// Phone numbers.
    Phone,
    /// E-mail addresses.
    Email,
    /// An amount or interval of đồng.
    Money,
    /// A day, perhaps with a time.
    Date,
    /// A stage of the deal.
    Stage,
    /// The members of staff in charge.
    Owner,
    /// Whether the customer has opted out; what is unclear counts as opted out.
    OptOut,
    /// Whether the customer has consented; what is unclear is no consent.
    Consent,
    /// Yes or no.
    YesNo,
    /// Plain text.
    Text,
    /// A plain number.
    Number,
    /// One of a list.
    Choice,
    /// What identifies a customer for good.
    Id,
}

/// One field of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldSpec {
    /// `name`, `phone`, …, or the admin's own.
    pub id: String,
    /// The headers it may stand under. Case, accents, punctuation and spaces do not matter.
    pub headers: Vec<String>,
    /// What its cells are read as.
    pub kind: FieldKind,
    /// Never in a template, the bot, a chart or a log (SEMANTICS 28).
    pub private: bool,
    /// The stage that this date is the beginning of, if it is one.
    pub since: Option<String>,
}

/// Everything that reading a customer row depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// The fields, in the configuration's order.
    pub fields: Vec<FieldSpec>,
    /// The stages with their labels and aliases.
    pub stages: StageTable,
    /// The workbook's locale: `vi_VN`, `en_US`, …
    pub locale: String,
    /// The configured zone, in which serials are wall time.
    pub zone: TimeZone,
}

impl Schema {
    /// The field of this id.
    pub fn field(&self, id: &str) -> Option<&FieldSpec> {
        self.fields.iter().find(|field| field.id == id)
    }
}

/// The kind of a field that the program itself knows; `None` for the admin's own.
pub fn standard_kind(id: &str) -> Option<FieldKind> {
    Some(match id {
        "name" => FieldKind::Name,
        "phone" => FieldKind::Phone,
        "email" => FieldKind::Email,
        "interest" | "area" | "source" | "note" => FieldKind::Text,
        "budget" => FieldKind::Money,
        "stage" => FieldKind::Stage,
        "owner" => FieldKind::Owner,
        "received" | "appointment" | "birthday" => FieldKind::Date,
        "no_ads" => FieldKind::OptOut,
        "consent" => FieldKind::Consent,
        "id" => FieldKind::Id,
        _ => return None,
    })
}
