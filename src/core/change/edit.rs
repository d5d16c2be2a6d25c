//! The verdict on an edit: what the staff did to a tab between two polls, in a few words for people.

use std::cmp::Ordering;
use std::fmt;

use crate::core::identity::{FieldInfo, canonical};
use crate::core::record::Cells;
use crate::core::sheet::{Cell, FieldKind};

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
    /// How many cells of bound columns changed by more than noise.
    pub cells_changed: usize,
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

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditPart {
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
    /// So many cells changed.
    Edited(usize),
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

/// What was done to a tab, the greatest first. Shown as `sorted by name, edited 2 cells`, or `none`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// Nothing in it if nothing was done that can be seen.
    pub parts: Vec<EditPart>,
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.parts.is_empty() {
            return f.write_str("none");
        }
        for (at, part) in self.parts.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            part.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for EditPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = |count: usize| if count == 1 { "row" } else { "rows" };
        match self {
            Self::Cleared(count) => write!(f, "cleared {count} {}", rows(*count)),
            Self::Sorted { by: None, .. } => f.write_str("sorted"),
            Self::Sorted {
                by: Some(field),
                descending,
            } => {
                let way = if *descending { ", descending" } else { "" };
                write!(f, "sorted by {field}{way}")
            }
            Self::Moved(count) => write!(f, "moved {count} {}", rows(*count)),
            Self::Came(count) => write!(f, "{count} {} came from other tabs", rows(*count)),
            Self::Went(count) => write!(f, "{count} {} went to other tabs", rows(*count)),
            Self::Inserted(count) => write!(f, "inserted {count} {}", rows(*count)),
            Self::Pasted(count) => write!(f, "pasted {count} {}", rows(*count)),
            Self::Returned(count) => write!(f, "{count} {} returned", rows(*count)),
            Self::Deleted(count) => write!(f, "deleted {count} {}", rows(*count)),
            Self::Edited(1) => f.write_str("edited 1 cell"),
            Self::Edited(count) => write!(f, "edited {count} cells"),
            Self::Unclear(count) => write!(f, "{count} ambiguous {}", rows(*count)),
            Self::Repasted => f.write_str("re-pasted"),
            Self::Retyped => f.write_str("re-typed"),
            Self::ColumnMoved => f.write_str("column moved"),
            Self::HeaderRenamed => f.write_str("header renamed"),
        }
    }
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
    let parts = [
        reordered(input),
        counted(input.came, EditPart::Came),
        counted(input.went, EditPart::Went),
        counted(pasted, EditPart::Pasted),
        counted(inserted, EditPart::Inserted),
        counted(input.returned, EditPart::Returned),
        counted(input.removed, EditPart::Deleted),
        counted(input.cells_changed, EditPart::Edited),
        counted(input.ambiguous, EditPart::Unclear),
        (input.rows_retyped > 0).then_some(if repasted && input.rows_retyped > 2 {
            EditPart::Repasted
        } else {
            EditPart::Retyped
        }),
        input.column_moved.then_some(EditPart::ColumnMoved),
        input.header_renamed.then_some(EditPart::HeaderRenamed),
    ];
    Edit {
        parts: parts.into_iter().flatten().collect(),
    }
}

/// One neighbour in so many may stand out of order: a space before a name sorts, and is not seen.
const OUT_OF_ORDER: usize = 40;

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

/// The first field by which the rows stand in order, and whether downwards. What sorts may know Vietnamese
/// letters or take them for accented Latin ones; either will do. `many`: so many rows moved that it was a sort,
/// and a few may stand out of order all the same.
fn order_of(rows: &[&Cells], fields: &[FieldInfo], many: bool) -> Option<(String, bool)> {
    if rows.len() < 3 {
        return None;
    }
    let allowed = if many { rows.len() / OUT_OF_ORDER } else { 0 };
    order_by(rows, fields, allowed, collation).or_else(|| order_by(rows, fields, allowed, bare))
}

fn order_by(
    rows: &[&Cells],
    fields: &[FieldInfo],
    allowed: usize,
    collation: fn(&str) -> String,
) -> Option<(String, bool)> {
    fields.iter().find_map(|field| {
        let column: Vec<SortKey> = rows
            .iter()
            .map(|cells| SortKey::of(cells.get(&field.id), field.kind, collation))
            .collect();
        let filled = column.iter().filter(|key| **key != SortKey::Blank).count();
        // Sheets puts empty cells last, whichever way it sorts.
        let (head, tail) = column.split_at(filled);
        if filled < 3 || tail.iter().any(|key| *key != SortKey::Blank) {
            return None;
        }
        let all_equal = head
            .windows(2)
            .all(|pair| pair[0].against(&pair[1]).is_eq());
        let most = |fits: fn(Ordering) -> bool| {
            let pairs = head.windows(2);
            pairs
                .filter(|pair| !fits(pair[0].against(&pair[1])))
                .count()
                <= allowed
        };
        let rising = most(Ordering::is_le);
        let falling = !rising && most(Ordering::is_ge);
        (!all_equal && (rising || falling)).then(|| (field.id.clone(), falling))
    })
}

/// Which of two cells of a column stands first when Sheets sorts it upwards; empty ones stand last.
pub(super) fn compare(one: &Cell, other: &Cell, kind: FieldKind) -> Ordering {
    let key = |cell| SortKey::of(Some(cell), kind, collation);
    key(one).against(&key(other))
}

/// A cell as Sheets sorts it: numbers, then text without regard to letter case, then ticks, empty cells last.
#[derive(Clone, Debug, PartialEq)]
enum SortKey {
    Number(f64),
    Text(String),
    Bool(bool),
    Blank,
}

impl SortKey {
    fn of(cell: Option<&Cell>, kind: FieldKind, collation: fn(&str) -> String) -> Self {
        match cell {
            None | Some(Cell::Empty) => Self::Blank,
            Some(Cell::Number(number)) => Self::Number(*number),
            Some(Cell::Bool(ticked)) => Self::Bool(*ticked),
            // A phone's leading zero takes part in sorting, so it is compared as text is.
            Some(cell @ Cell::Text(_)) => {
                let kind = if kind == FieldKind::Phone {
                    FieldKind::Text
                } else {
                    kind
                };
                let text = canonical(cell, kind);
                if text.is_empty() {
                    Self::Blank
                } else {
                    Self::Text(collation(&text))
                }
            }
        }
    }

    fn against(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(one), Self::Number(two)) => one.total_cmp(two),
            (Self::Text(one), Self::Text(two)) => one.cmp(two),
            (Self::Bool(one), Self::Bool(two)) => one.cmp(two),
            (one, two) => one.class().cmp(&two.class()),
        }
    }

    fn class(&self) -> u8 {
        match self {
            Self::Number(_) => 0,
            Self::Text(_) => 1,
            Self::Bool(_) => 2,
            Self::Blank => 3,
        }
    }
}

/// Text in the order of Vietnamese dictionaries, tones and letter case left out: a ă â b … d đ e ê … o ô ơ … u ư.
fn collation(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    text.nfd()
        .filter_map(|letter| match letter {
            // Breve, circumflex and horn make letters of their own and are kept behind the plain one; tones are not.
            '\u{306}' | '\u{302}' | '\u{31B}' => Some(letter),
            '\u{300}'..='\u{36F}' => None,
            other => Some(other),
        })
        .flat_map(char::to_lowercase)
        .flat_map(|letter| match letter {
            'đ' => ['d', '\u{36F}'],
            other => [other, '\0'],
        })
        .filter(|letter| *letter != '\0')
        .collect()
}

/// The same without any marks, as for accented Latin letters: an, ân and ăn stand together.
fn bare(text: &str) -> String {
    collation(text)
        .chars()
        .filter(|letter| !matches!(letter, '\u{306}' | '\u{302}' | '\u{31B}'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(input: &EditInput<'_>) -> String {
        verdict(input).to_string()
    }

    fn names(list: &[&str]) -> Vec<Cells> {
        list.iter()
            .map(|name| Cells::from([("name".to_owned(), Cell::Text((*name).to_owned()))]))
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
            cells_changed: 2,
            ..EditInput::default()
        };
        assert_eq!(said(&up), "sorted by name, edited 2 cells");
        let cells = names(&["Đào", "Dung", "bình", "an"]);
        let refs: Vec<&Cells> = cells.iter().collect();
        let down = EditInput {
            cells_after: &refs,
            cells_changed: 0,
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
}
