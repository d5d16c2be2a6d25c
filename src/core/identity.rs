//! Whose row is this? Pairs the rows of two polls.

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
