//! Whose row is this? Pairs the rows of two polls, so that a customer stays the same customer
//! wherever the row goes and whichever of its cells change.
//!
//! In order: the same content (`content`, on fingerprints alone), then, for what is left
//! (`leftover`): the id column, strong keys agreed by the name, removed records that return,
//! and similarity. What a careful human could not tell either is a [`Group`], which fires nothing.
//! What changed in a pair, and whether it is plausible, is for [`super::change`].

mod assign;
mod canon;
mod content;
mod crowd;
mod leftover;
mod likeness;
mod weigh;

pub use canon::{FINGERPRINT_FORMAT, Fingerprint, canonical, changed_fields, fingerprint, same};
pub use content::{Beside, ContentMatch, Print, Spot, Twins, match_content};
pub use crowd::Crowd;
pub use leftover::match_leftover;

use super::record::Cells;
use super::sheet::FieldKind;

/// One row as the matcher sees it, of either poll.
///
/// Rows are given in sheet order, tab after tab; blank rows, titles and totals are left out before.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which tab it is in: any number that is the same for the same tab in both polls.
    pub tab: u32,
    /// The sheet's own row number.
    pub row: u32,
    /// The bound cells, by field id.
    pub cells: Cells,
}

/// What the matcher must know of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldInfo {
    /// The field id, as in [`Cells`].
    pub id: String,
    /// How its cells are read, which says how much they tell about the person.
    pub kind: FieldKind,
}

impl FieldInfo {
    /// A field of a kind.
    pub fn new(id: impl Into<String>, kind: FieldKind) -> Self {
        Self {
            id: id.into(),
            kind,
        }
    }
}

/// What else is known when rows are matched. `Context::default()` knows nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// Removed records that may return, in the order in which they went (SEMANTICS 8: of the last 400 days).
    pub gone: &'a [Row],
    /// What the rows carry that were paired by content; [`match_rows`] counts them itself.
    pub crowd: Option<&'a Crowd>,
}

/// By which evidence two rows are the same customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// Equal in every bound cell.
    Content,
    /// The id column.
    Id,
    /// Phone or e-mail, agreed by the name or by another of them, or claimed by nobody else.
    Key,
    /// The cells and the place taken together.
    Similar,
}

/// Two rows of one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Position in the poll before, or among [`Context::gone`] in [`Matching::returned`].
    pub before: usize,
    /// Position in the poll after.
    pub after: usize,
    /// By which evidence.
    pub how: How,
}

/// Rows about which the cells do not tell. They keep their base and fire nothing (SEMANTICS 7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Positions before, ascending.
    pub before: Vec<usize>,
    /// Positions after, ascending.
    pub after: Vec<usize>,
    /// Why, in English, for `sync --json` and `status`: which cells (by field id) are alike and which are not.
    pub why: String,
    /// Whether all rows in question were, or are, equal in every cell, so that each reading says the same of the
    /// sheet and they differ only in which of our records it is: then `likely` may be taken over as soon as the
    /// stories of these records do not differ either.
    pub interchangeable: bool,
    /// The likeliest of the readings: who would be whom. For taking over when the time is up, never for an event.
    pub likely: Vec<(usize, usize)>,
}

/// What became of every row: each position before is in just one of `pairs`, `removed` and
/// `ambiguous`, each position after in just one of `pairs`, `returned`, `added` and `ambiguous`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// The same customer before and after, ordered by the position after.
    pub pairs: Vec<Pair>,
    /// A removed record that is there again; `before` is a position among [`Context::gone`].
    pub returned: Vec<Pair>,
    /// Positions after of rows nobody was before.
    pub added: Vec<usize>,
    /// Positions before of rows that are gone.
    pub removed: Vec<usize>,
    /// What a careful human could not tell.
    pub ambiguous: Vec<Group>,
}

/// Matches two polls whose cells are all at hand: [`match_content`], then [`match_leftover`].
///
/// The cycle, which holds only fingerprints of what did not change, calls the two itself.
pub fn match_rows(
    before: &[Row],
    after: &[Row],
    context: &Context<'_>,
    fields: &[FieldInfo],
) -> Matching {
    let content = match_content(&prints(before, fields), &prints(after, fields));
    let pick = |rows: &[Row], left: &[usize]| -> Vec<Row> {
        left.iter().map(|&at| rows[at].clone()).collect()
    };
    let before_left = pick(before, &content.before_left);
    let after_left = pick(after, &content.after_left);
    let mut crowd = Crowd::watching(before_left.iter().chain(&after_left), fields);
    if !(before_left.is_empty() && after_left.is_empty()) {
        for (_, a) in &content.pairs {
            crowd.count(&after[*a].cells, fields);
        }
    }
    let context = Context {
        crowd: Some(context.crowd.unwrap_or(&crowd)),
        ..*context
    };
    match_leftover(&content, &before_left, &after_left, &context, fields)
}

/// The fingerprints of rows.
pub fn prints(rows: &[Row], fields: &[FieldInfo]) -> Vec<Print> {
    rows.iter()
        .map(|row| Print {
            tab: row.tab,
            row: row.row,
            hash: fingerprint(&row.cells, fields),
        })
        .collect()
}

#[cfg(test)]
mod tests;
