//! What changed between two polls, what the staff did (`edit`), and whether it is plausible (`guard`).
//!
//! Which row is whose is settled before, in [`super::identity`]; what of a change counts, and when,
//! is for [`super::settle`].

mod edit;
mod guard;

pub use edit::{Edit, EditInput, EditPart, EditTally, FieldEdit, verdict};
pub use guard::{
    ColumnDoubt, ColumnErrors, GuardInput, GuardLimits, Hold, HoldReason, Sighting, TabFacts,
    judge, look_at_columns, no_worse,
};

use serde::{Deserialize, Serialize};

use super::identity::{FieldInfo, changed_fields};
use super::record::Cells;
use super::sheet::Cell;

/// One cell of a record that changed by more than noise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The field id.
    pub field: String,
    /// As last seen.
    pub before: Cell,
    /// As seen now.
    pub after: Cell,
}

/// What one poll shows of a record against the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A customer nobody was before.
    Added,
    /// The same customer with other cells.
    Changed,
    /// The row is gone.
    Removed,
    /// A removed customer is there again.
    Returned,
}

impl ChangeKind {
    /// The word that `sync --json` prints.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Returned => "returned",
        }
    }
}

/// The fields in which two versions of a record differ by more than noise, in the order of `fields`.
pub fn field_changes(before: &Cells, after: &Cells, fields: &[FieldInfo]) -> Vec<FieldChange> {
    changed_fields(before, after, fields)
        .into_iter()
        .map(|field| FieldChange {
            before: before.get(field.as_str()).cloned().unwrap_or_default(),
            after: after.get(field.as_str()).cloned().unwrap_or_default(),
            field,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::sheet::FieldKind;

    #[test]
    fn a_field_change_tells_before_and_after() {
        let fields = [
            FieldInfo::new("stage", FieldKind::Stage),
            FieldInfo::new("note", FieldKind::Text),
        ];
        let cell = |text: &str| Cell::Text(text.into());
        let before = Cells::from([("note".into(), cell("cũ "))]);
        let after = Cells::from([
            ("note".into(), cell("cũ")),
            ("stage".into(), cell("Đã cọc")),
        ]);
        assert_eq!(
            field_changes(&before, &after, &fields),
            [FieldChange {
                field: "stage".to_owned(),
                before: Cell::Empty,
                after: cell("Đã cọc"),
            }]
        );
    }
}
