//! The verdict on an edit: what the staff did to a tab between two polls, in a few words for people.

mod order;
mod words;

pub(super) use order::compare;
pub use words::EditTally;

use serde::{Deserialize, Serialize};

use crate::core::identity::FieldInfo;
use crate::core::record::Cells;
use order::order_of;

/// What is known of one tab after matching. Rows are the sheet's own row numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct EditInput<'a> {
    /// Row before and row after of each record that stayed in this tab, in any order.
    pub stayed: &'a [(u32, u32)],
    /// Rows that are new, ascending.
    pub added: &'a [u32],
    /// How many records are gone.
    pub removed: usize,
    /// How many removed records are there again.
    pub returned: usize,
    /// How many records came from other tabs.
    pub came: usize,
    /// How many records went to other tabs.
    pub went: usize,
    /// How many rows are ambiguous.
    pub ambiguous: usize,
    /// The cells of bound columns that changed by more than noise, by column.
    pub changed: &'a [FieldEdit],
    /// How many rows differ only by noise (spaces, normal form, number against text); 0 if that is not known.
    pub rows_retyped: usize,
    /// A bound column stands in another place.
    pub column_moved: bool,
    /// A bound header is written differently.
    pub header_renamed: bool,
    /// The cells of this tab's records as they stand now, in sheet order; empty if they are not at hand.
    /// They tell by which column a tab was sorted.
    pub cells_after: &'a [&'a Cells],
    /// The fields by which a tab may be sorted, in column order.
    pub fields: &'a [FieldInfo],
}

/// The cells of one column that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldEdit {
    /// The field id.
    pub field: String,
    /// The rows in which they stand now, ascending.
    pub rows: Vec<u32>,
    /// They all say the same now, and it is something.
    pub same: bool,
}

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditPart {
    /// The tab was looked at for the first time.
    FirstLook,
    /// The tab was emptied of its so many records.
    Cleared(usize),
    /// The rows stand in another order.
    Sorted {
        /// The field by which they now stand in order, if there is one.
        by: Option<String>,
        /// From the greatest to the least.
        descending: bool,
    },
    /// So many rows were dragged, or cut and pasted within the tab.
    Moved(usize),
    /// So many rows came from other tabs.
    Came(usize),
    /// So many rows went to other tabs.
    Went(usize),
    /// So many new rows, typed or inserted.
    Inserted(usize),
    /// So many new rows in one block.
    Pasted(usize),
    /// So many removed customers are there again.
    Returned(usize),
    /// So many rows are gone.
    Deleted(usize),
    /// A column got the same in so many rows that stand together.
    Filled {
        /// The field id.
        field: String,
        /// How many rows.
        rows: usize,
    },
    /// So many cells changed.
    Edited {
        /// How many cells.
        cells: usize,
        /// The field ids of their columns, in column order.
        fields: Vec<String>,
    },
    /// So many rows that cannot be told apart.
    Unclear(usize),
    /// Most rows were pasted again and differ only by noise.
    Repasted,
    /// Some rows were typed again and differ only by noise.
    Retyped,
    /// A column stands elsewhere.
    ColumnMoved,
    /// A header is written differently.
    HeaderRenamed,
}

/// What was done to a tab, the greatest first. Shown as `sorted by name, edited 2 cells in stage`, or `none`;
/// [`Edit::vietnamese`] for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Nothing in it if nothing was done that can be seen.
    pub parts: Vec<EditPart>,
}

/// New rows in one block from so many on were pasted, not typed one by one between two polls.
const PASTED_FROM: usize = 5;

/// Says what was done to one tab.
pub fn verdict(input: &EditInput<'_>) -> Edit {
    let nobody_left = input.stayed.is_empty()
        && input.added.is_empty()
        && input.came + input.returned + input.ambiguous == 0;
    if nobody_left && input.removed > 0 && input.went == 0 {
        return Edit {
            parts: vec![EditPart::Cleared(input.removed)],
        };
    }
    let counted = |count: usize, part: fn(usize) -> EditPart| (count > 0).then(|| part(count));
    let (inserted, pasted) = inserted_and_pasted(input.added);
    let repasted = input.rows_retyped * 2 > input.stayed.len().max(1);
    let (filled, edited) = filled_and_edited(input.changed);
    let mut parts: Vec<EditPart> = [
        reordered(input),
        counted(input.came, EditPart::Came),
        counted(input.went, EditPart::Went),
        counted(pasted, EditPart::Pasted),
        counted(inserted, EditPart::Inserted),
        counted(input.returned, EditPart::Returned),
        counted(input.removed, EditPart::Deleted),
    ]
    .into_iter()
    .flatten()
    .collect();
    parts.extend(filled);
    let rest = [
        edited,
        counted(input.ambiguous, EditPart::Unclear),
        (input.rows_retyped > 0).then_some(if repasted && input.rows_retyped > 2 {
            EditPart::Repasted
        } else {
            EditPart::Retyped
        }),
        input.column_moved.then_some(EditPart::ColumnMoved),
        input.header_renamed.then_some(EditPart::HeaderRenamed),
    ];
    parts.extend(rest.into_iter().flatten());
    Edit { parts }
}

/// So many cells of a column that say the same were not typed one by one.
const FILLED_FROM: usize = 5;

/// Which columns were filled down, and what else changed in cells.
fn filled_and_edited(changed: &[FieldEdit]) -> (Vec<EditPart>, Option<EditPart>) {
    let together = |rows: &[u32]| {
        let span = rows.last().unwrap_or(&0) - rows.first().unwrap_or(&0);
        // Rows between that said it already did not change.
        usize::try_from(span).unwrap_or(usize::MAX) < rows.len() * 2
    };
    let was_filled = |column: &&FieldEdit| {
        column.same && column.rows.len() >= FILLED_FROM && together(&column.rows)
    };
    let filled = changed.iter().filter(was_filled);
    let filled = filled
        .map(|column| EditPart::Filled {
            field: column.field.clone(),
            rows: column.rows.len(),
        })
        .collect();
    let edited: Vec<&FieldEdit> = changed
        .iter()
        .filter(|column| !was_filled(column))
        .collect();
    let cells = edited.iter().map(|column| column.rows.len()).sum();
    let edited = (cells > 0).then(|| EditPart::Edited {
        cells,
        fields: edited.iter().map(|column| column.field.clone()).collect(),
    });
    (filled, edited)
}

/// How many new rows stand alone, and how many in blocks too long to have been typed.
fn inserted_and_pasted(added: &[u32]) -> (usize, usize) {
    let (mut inserted, mut pasted) = (0, 0);
    for block in added.chunk_by(|one, next| *next == one + 1) {
        if block.len() >= PASTED_FROM {
            pasted += block.len();
        } else {
            inserted += block.len();
        }
    }
    (inserted, pasted)
}

/// Whether the rows stand in another order, and what that looks like.
fn reordered(input: &EditInput<'_>) -> Option<EditPart> {
    let mut rows = input.stayed.to_vec();
    rows.sort_unstable_by_key(|(_, after)| *after);
    let before: Vec<u32> = rows.iter().map(|(before, _)| *before).collect();
    let moved = before.len() - longest_rising(&before);
    if moved == 0 {
        return None;
    }
    // One row out of place was dragged, even if the tab happens to be in order now.
    let many = moved > 3 && moved * 3 > before.len();
    if moved > 1
        && let Some((field, descending)) = order_of(input.cells_after, input.fields, many)
    {
        return Some(EditPart::Sorted {
            by: Some(field),
            descending,
        });
    }
    // Nobody drags a third of a tab; a filter view's or a formula's order may fit no single column.
    if many {
        return Some(EditPart::Sorted {
            by: None,
            descending: false,
        });
    }
    Some(EditPart::Moved(moved))
}

/// The length of the longest subsequence that rises: the rows in it can be said to have stayed. O(n log n).
fn longest_rising(numbers: &[u32]) -> usize {
    let mut tails: Vec<u32> = Vec::new();
    for &number in numbers {
        let at = tails.partition_point(|&tail| tail < number);
        if at == tails.len() {
            tails.push(number);
        } else {
            tails[at] = number;
        }
    }
    tails.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::sheet::{Cell, FieldKind};

    fn said(input: &EditInput<'_>) -> String {
        verdict(input).to_string()
    }

    fn names(list: &[&str]) -> Vec<Cells> {
        list.iter()
            .map(|name| Cells::from([("name".into(), Cell::Text((*name).into()))]))
            .collect()
    }

    const STILL: [(u32, u32); 4] = [(2, 2), (3, 3), (4, 4), (5, 5)];

    #[test]
    fn nothing_is_none() {
        assert_eq!(said(&EditInput::default()), "none");
        assert_eq!(
            said(&EditInput {
                stayed: &STILL,
                ..EditInput::default()
            }),
            "none"
        );
    }

    #[test]
    fn rows_that_only_made_room_did_not_move() {
        let stayed = [(2, 2), (3, 4), (4, 5)];
        let input = EditInput {
            stayed: &stayed,
            added: &[3],
            ..EditInput::default()
        };
        assert_eq!(said(&input), "inserted 1 row");
        let stayed = [(2, 2), (5, 3)];
        let input = EditInput {
            stayed: &stayed,
            removed: 2,
            ..EditInput::default()
        };
        assert_eq!(said(&input), "deleted 2 rows");
    }

    #[test]
    fn a_block_of_new_rows_was_pasted() {
        let added: Vec<u32> = (6..18).chain([30]).collect();
        let input = EditInput {
            stayed: &STILL,
            added: &added,
            ..EditInput::default()
        };
        assert_eq!(said(&input), "pasted 12 rows, inserted 1 row");
    }

    #[test]
    fn dragging_is_told_from_sorting() {
        let dragged = [(2, 3), (3, 4), (4, 5), (5, 2)];
        assert_eq!(
            said(&EditInput {
                stayed: &dragged,
                ..EditInput::default()
            }),
            "moved 1 row"
        );
        let turned: Vec<(u32, u32)> = (0..9).map(|row| (row, 8 - row)).collect();
        assert_eq!(
            said(&EditInput {
                stayed: &turned,
                ..EditInput::default()
            }),
            "sorted"
        );
    }

    #[test]
    fn the_column_of_a_sort_is_found() {
        let fields = [FieldInfo::new("name", FieldKind::Name)];
        let turned = [(5, 2), (4, 3), (3, 4), (2, 5)];
        let cells = names(&["An", "Ân", "bình", "Đào"]);
        let refs: Vec<&Cells> = cells.iter().collect();
        let up = EditInput {
            stayed: &turned,
            cells_after: &refs,
            fields: &fields,
            changed: &[FieldEdit {
                field: "stage".into(),
                rows: vec![2, 5],
                same: false,
            }],
            ..EditInput::default()
        };
        assert_eq!(said(&up), "sorted by name, edited 2 cells in stage");
        let cells = names(&["Đào", "Dung", "bình", "an"]);
        let refs: Vec<&Cells> = cells.iter().collect();
        let down = EditInput {
            cells_after: &refs,
            changed: &[],
            ..up
        };
        assert_eq!(said(&down), "sorted by name, descending");
    }

    #[test]
    fn a_sort_without_vietnamese_letters_is_found_too() {
        let rows = names(&["Ân", "An An", "Ẩn B", "Anh", "Đào", "Đỗ"]);
        let cells: Vec<&Cells> = rows.iter().collect();
        let fields = [FieldInfo::new("name", FieldKind::Name)];
        let input = EditInput {
            stayed: &[(6, 4), (5, 5), (4, 6), (9, 7), (8, 8), (7, 9)],
            cells_after: &cells,
            fields: &fields,
            ..EditInput::default()
        };
        assert_eq!(said(&input), "sorted by name");
    }

    #[test]
    fn noise_and_columns_are_named() {
        let input = EditInput {
            stayed: &STILL,
            rows_retyped: 1,
            ..EditInput::default()
        };
        assert_eq!(said(&input), "re-typed");
        let input = EditInput {
            rows_retyped: 4,
            column_moved: true,
            header_renamed: true,
            ..input
        };
        assert_eq!(said(&input), "re-pasted, column moved, header renamed");
    }

    #[test]
    fn an_emptied_tab_was_cleared() {
        assert_eq!(
            said(&EditInput {
                removed: 12,
                ..EditInput::default()
            }),
            "cleared 12 rows"
        );
        let cut = EditInput {
            went: 1,
            ..EditInput::default()
        };
        assert_eq!(said(&cut), "1 row went to other tabs");
    }

    #[test]
    fn cells_are_told_by_their_column() {
        let column = |field: &str, rows: std::ops::Range<u32>, same| FieldEdit {
            field: field.into(),
            rows: rows.collect(),
            same,
        };
        let told = |changed: &[FieldEdit]| {
            said(&EditInput {
                stayed: &STILL,
                changed,
                ..EditInput::default()
            })
        };
        assert_eq!(
            told(&[column("stage", 2..3, true)]),
            "edited 1 cell in stage"
        );
        assert_eq!(
            told(&[column("stage", 2..6, true)]),
            "edited 4 cells in stage"
        );
        assert_eq!(
            told(&[column("owner", 2..14, true), column("stage", 3..5, false)]),
            "filled down owner over 12 rows, edited 2 cells in stage"
        );
        assert_eq!(
            told(&[
                column("name", 2..3, true),
                column("phone", 2..3, true),
                column("email", 2..3, true),
                column("note", 2..3, true)
            ]),
            "edited 4 cells in 4 columns"
        );
        // Forty rows here and there are no block.
        let scattered = FieldEdit {
            field: "owner".into(),
            rows: (0..40).map(|n| 2 + n * 7).collect(),
            same: true,
        };
        assert_eq!(told(&[scattered]), "edited 40 cells in owner");
    }

    #[test]
    fn mixtures_are_told_in_one_line() {
        let fields = [FieldInfo::new("name", FieldKind::Name)];
        let cells = names(&["An", "Bình", "Chi", "Dung"]);
        let refs: Vec<&Cells> = cells.iter().collect();
        let input = EditInput {
            stayed: &[(5, 2), (4, 3), (3, 4), (2, 5)],
            added: &[6],
            removed: 1,
            came: 1,
            ambiguous: 2,
            cells_after: &refs,
            fields: &fields,
            ..EditInput::default()
        };
        assert_eq!(
            said(&input),
            "sorted by name, 1 row came from other tabs, inserted 1 row, deleted 1 row, 2 ambiguous rows"
        );
    }
}
