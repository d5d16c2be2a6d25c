//! Which rows of the campaign tab count, and which campaign each of them is.
//!
//! A row keeps its campaign when it is moved, sorted or renamed. What is typed counts once the row has
//! been quiet for the settle time; only a wish to wait or to stop counts at first sight. A row that is
//! gone for the settle time is a campaign that its author no longer wants. A tab in which all rows are
//! gone at once is taken for an accident, and nothing is concluded from it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::problem::{Place, Problem, Said};
use super::read::{Written, wanted};
use super::{CampaignId, Origin, Wanted};
use crate::core::sheet::Cell;
use crate::core::sheet::fold::{canonical, fold};

/// The cells of a row by column id; empty ones are absent.
pub type CampaignCells = BTreeMap<String, Cell>;

/// One filled row of the tab, as a poll shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Row number as the sheet shows it.
    pub row: u32,
    /// Its cells.
    pub cells: CampaignCells,
}

/// The tab, as a poll shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// The workbook's id.
    pub workbook: String,
    /// Google's id of the tab.
    pub sheet: i64,
    /// Its title.
    pub title: String,
    /// By column id, the letter of the column and its header.
    pub columns: BTreeMap<String, (String, String)>,
    /// Its filled rows in the order of the sheet.
    pub rows: Vec<Row>,
}

/// What is kept of the tab between polls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TabState {
    /// Its rows, by campaign.
    pub rows: BTreeMap<CampaignId, Kept>,
    /// Since when the tab shows none of its rows, if it does.
    pub emptied: Option<Timestamp>,
    /// What is wrong with the tab as a whole: two rows of one name, rows without a name, all rows gone.
    pub problems: Vec<Problem>,
}

/// What is kept of one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Name as written.
    pub name: String,
    /// Where it stood last.
    pub row: u32,
    /// The cells as last seen.
    pub seen: CampaignCells,
    /// Since when they say that.
    pub since: Timestamp,
    /// The cells that count; none until the row has settled for the first time.
    pub settled: Option<CampaignCells>,
    /// Where the settled cells stand: letter and header of each column.
    #[serde(default)]
    pub columns: BTreeMap<String, (String, String)>,
    /// Since when the row is missing, if it is.
    pub missing: Option<Timestamp>,
    /// Two rows have this name: neither counts until one is renamed.
    #[serde(default)]
    pub doubled: bool,
}

/// Something that became of a campaign in the tab.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The row has settled, for the first time or with other cells: read it anew.
    Settled {
        /// Which campaign.
        id: CampaignId,
    },
    /// The row says to wait or to stop; that counts at once, whatever else is being typed.
    Halt {
        /// Which campaign.
        id: CampaignId,
        /// [`Wanted::Paused`] or [`Wanted::Stopped`].
        wanted: Wanted,
    },
    /// The row is gone: its author no longer wants it.
    Gone {
        /// Which campaign.
        id: CampaignId,
        /// As it was called.
        name: String,
    },
}

impl Kept {
    /// The settled row for reading; none while it has never settled.
    pub fn written(&self, workbook: &str, sheet: i64, tab: &str) -> Option<Written> {
        let cells = self.settled.clone()?;
        Some(written(
            Origin::Row {
                workbook: workbook.to_owned(),
                sheet,
                tab: tab.to_owned(),
                row: self.row,
            },
            cells,
            &self.columns,
        ))
    }

    /// 32 hexadecimal digits that say what the settled row says, wherever it stands: the same as long
    /// as no cell changes.
    pub fn digest(&self) -> Option<String> {
        let cells = self.settled.as_ref()?;
        let mut hasher = blake3::Hasher::new();
        for (column, cell) in cells {
            for part in [column.as_str(), &canonical(cell)] {
                hasher.update(&(part.len() as u64).to_le_bytes());
                hasher.update(part.as_bytes());
            }
        }
        Some(hasher.finalize().to_hex()[..32].to_owned())
    }

    /// What the row says now about waiting and stopping, settled or not.
    pub fn halt(&self) -> Option<Wanted> {
        let asked = written(
            Origin::File {
                file: String::new(),
            },
            self.seen.clone(),
            &BTreeMap::new(),
        );
        match wanted(&asked) {
            Ok(wanted @ (Wanted::Paused | Wanted::Stopped)) => Some(wanted),
            Ok(Wanted::Draft | Wanted::Ready | Wanted::Done) | Err(_) => None,
        }
    }
}

/// Cells with the places that they stand in.
fn written(
    origin: Origin,
    cells: CampaignCells,
    columns: &BTreeMap<String, (String, String)>,
) -> Written {
    let places = match &origin {
        Origin::Row { tab, row, .. } => columns
            .iter()
            .map(|(column, (letter, header))| {
                let place = Place::Cell {
                    tab: tab.clone(),
                    cell: format!("{letter}{row}"),
                    header: header.clone(),
                };
                (column.clone(), place)
            })
            .collect(),
        Origin::File { .. } => BTreeMap::new(),
    };
    Written {
        origin,
        cells,
        places,
    }
}

/// Takes one look at the tab. `over` says which campaigns have ended: a new row may have the name of
/// one, and is another campaign. Returns what became of them, and whether anything is to be kept anew.
pub fn watch(
    state: &mut TabState,
    sheet: &Sheet,
    now: Timestamp,
    settle: SignedDuration,
    over: impl Fn(&CampaignId) -> bool,
) -> (Vec<Event>, bool) {
    let before = state.clone();
    let mut look = Look {
        sheet,
        now,
        settle,
        problems: Vec::new(),
        events: Vec::new(),
    };
    if sheet.rows.is_empty() && state.rows.len() > 1 {
        state.emptied.get_or_insert(now);
        state.problems = vec![Problem {
            place: look.whole(),
            what: Said::new(
                format!(
                    "trang trống, {} chiến dịch vừa biến mất cùng lúc",
                    state.rows.len()
                ),
                format!(
                    "the tab is empty: {} campaigns are gone at once",
                    state.rows.len()
                ),
            ),
            mend: Said::new(
                "Nếu là nhầm, hãy hoàn tác (Ctrl+Z); nếu đúng là muốn dừng, hãy dừng từng chiến dịch qua bot",
                "If that was a slip, undo it (Ctrl+Z); to stop them, stop each by the bot",
            ),
        }];
        let changed = *state != before;
        return (Vec::new(), changed);
    }
    state.emptied = None;
    let (named, doubled) = look.named();
    let matched = look.matched(state, &named, &doubled, &over);
    for (id, row) in &matched {
        look.take(state, id, row);
    }
    for (id, kept) in &mut state.rows {
        kept.doubled = doubled.contains(&fold(&kept.name));
        if kept.doubled {
            kept.missing = None;
        } else if !matched.iter().any(|(one, _)| one == id) {
            kept.missing.get_or_insert(now);
        }
    }
    let gone: Vec<CampaignId> = state
        .rows
        .iter()
        .filter(|(_, kept)| {
            kept.missing
                .is_some_and(|since| since.duration_until(now) >= settle)
        })
        .map(|(id, _)| id.clone())
        .collect();
    for id in gone {
        if let Some(kept) = state.rows.remove(&id) {
            // What never settled never was.
            if kept.settled.is_some() {
                look.events.push(Event::Gone {
                    id,
                    name: kept.name,
                });
            }
        }
    }
    state.problems = look.problems;
    let changed = *state != before;
    (look.events, changed)
}

/// When the next row settles or is taken for gone, if nothing changes until then.
pub fn next_due(state: &TabState, settle: SignedDuration) -> Option<Timestamp> {
    state
        .rows
        .values()
        .filter_map(|kept| {
            let since = match kept.missing {
                Some(missing) => missing,
                None if kept.settled.as_ref() != Some(&kept.seen) => kept.since,
                None => return None,
            };
            since.checked_add(settle).ok()
        })
        .min()
}

/// One look at the tab.
struct Look<'a> {
    sheet: &'a Sheet,
    now: Timestamp,
    settle: SignedDuration,
    problems: Vec<Problem>,
    events: Vec<Event>,
}

impl<'a> Look<'a> {
    fn whole(&self) -> Place {
        Place::Cell {
            tab: self.sheet.title.clone(),
            cell: "1".to_owned(),
            header: String::new(),
        }
    }

    fn place(&self, row: u32) -> Place {
        let column = self.sheet.columns.get("name");
        Place::Cell {
            tab: self.sheet.title.clone(),
            cell: column.map_or_else(|| row.to_string(), |(letter, _)| format!("{letter}{row}")),
            header: column.map(|(_, header)| header.clone()).unwrap_or_default(),
        }
    }

    /// The rows by their folded names, and the names that more than one row has.
    fn named(&mut self) -> (Vec<(String, &'a Row)>, BTreeSet<String>) {
        let mut by_name: BTreeMap<String, Vec<&'a Row>> = BTreeMap::new();
        for row in &self.sheet.rows {
            let name = name_of(&row.cells);
            if CampaignId::of_name(&name).is_none() {
                self.nameless(row);
                continue;
            }
            by_name.entry(fold(&name)).or_default().push(row);
        }
        let mut doubled = BTreeSet::new();
        let mut named = Vec::new();
        for (key, rows) in by_name {
            match rows.as_slice() {
                [row] => named.push((key, *row)),
                [first, others @ ..] => {
                    let numbers: Vec<String> = rows.iter().map(|row| row.row.to_string()).collect();
                    let (vi, en) = (numbers.join(" và "), numbers.join(" and "));
                    let name = name_of(&first.cells);
                    let last = others.last().unwrap_or(first);
                    self.problems.push(Problem {
                        place: self.place(last.row),
                        what: Said::new(
                            format!("dòng {vi} cùng tên “{name}”"),
                            format!("rows {en} have the same name “{name}”"),
                        ),
                        mend: Said::new(
                            "Hãy đổi tên một dòng; đến lúc đó các dòng này chưa được tính",
                            "Rename one of them; until then none of them counts",
                        ),
                    });
                    doubled.insert(key);
                }
                [] => {}
            }
        }
        (named, doubled)
    }

    /// A row without a name says nothing, unless its author takes it for ready.
    fn nameless(&mut self, row: &Row) {
        let asked = written(
            Origin::File {
                file: String::new(),
            },
            row.cells.clone(),
            &BTreeMap::new(),
        );
        if matches!(wanted(&asked), Ok(Wanted::Ready)) {
            self.problems.push(Problem {
                place: self.place(row.row),
                what: Said::new("chiến dịch chưa có tên", "the campaign has no name"),
                mend: Said::new(
                    "Hãy ghi tên; chưa có tên thì dòng này chưa được tính",
                    "Write one; without a name the row does not count",
                ),
            });
        }
    }

    /// Which campaign each row is: by its name, else by what else it says, else a new one.
    fn matched(
        &self,
        state: &TabState,
        named: &[(String, &'a Row)],
        doubled: &BTreeSet<String>,
        over: &impl Fn(&CampaignId) -> bool,
    ) -> Vec<(CampaignId, &'a Row)> {
        let mut matched: Vec<(CampaignId, &'a Row)> = Vec::new();
        let mut open: Vec<(&String, &'a Row)> = Vec::new();
        for (key, row) in named {
            match state.rows.iter().find(|(_, kept)| fold(&kept.name) == *key) {
                Some((id, _)) => matched.push((id.clone(), row)),
                None => open.push((key, row)),
            }
        }
        for (_, row) in open {
            let left: Vec<(&CampaignId, &Kept)> = state
                .rows
                .iter()
                .filter(|(id, kept)| {
                    !matched.iter().any(|(one, _)| one == *id)
                        && !doubled.contains(&fold(&kept.name))
                })
                .collect();
            let renamed = left
                .iter()
                .find(|(_, kept)| same_but_name(&kept.seen, &row.cells))
                // Retyped in its place, with the text that it had.
                .or_else(|| {
                    left.iter().find(|(_, kept)| {
                        kept.row == row.row
                            && kept.seen.contains_key("text")
                            && kept.seen.get("text") == row.cells.get("text")
                    })
                });
            let id = match renamed {
                Some((id, _)) => (*id).clone(),
                None => fresh_id(&name_of(&row.cells), &row.cells, |id| {
                    state.rows.contains_key(id)
                        || matched.iter().any(|(one, _)| one == id)
                        || over(id)
                }),
            };
            matched.push((id, row));
        }
        matched
    }

    /// Takes a row over, and says what that means.
    fn take(&mut self, state: &mut TabState, id: &CampaignId, row: &Row) {
        let now = self.now;
        let kept = state.rows.entry(id.clone()).or_insert_with(|| Kept {
            name: String::new(),
            row: row.row,
            seen: CampaignCells::new(),
            since: now,
            settled: None,
            columns: BTreeMap::new(),
            missing: None,
            doubled: false,
        });
        let halted = kept.halt();
        kept.name = name_of(&row.cells);
        kept.row = row.row;
        kept.missing = None;
        if !same(&kept.seen, &row.cells) {
            kept.seen = row.cells.clone();
            kept.since = now;
            if let Some(wanted) = kept.halt()
                && halted != Some(wanted)
            {
                self.events.push(Event::Halt {
                    id: id.clone(),
                    wanted,
                });
            }
        }
        let quiet = kept.since.duration_until(now) >= self.settle;
        let differs = kept
            .settled
            .as_ref()
            .is_none_or(|settled| !same(settled, &kept.seen));
        if quiet && differs {
            kept.settled = Some(kept.seen.clone());
            self.events.push(Event::Settled { id: id.clone() });
        }
        if kept.settled.is_some() {
            kept.columns = self.sheet.columns.clone();
        }
    }
}

fn name_of(cells: &CampaignCells) -> String {
    cells.get("name").map(canonical).unwrap_or_default()
}

fn same(a: &CampaignCells, b: &CampaignCells) -> bool {
    a.len() == b.len()
        && a.iter().all(|(column, cell)| {
            b.get(column).is_some_and(|other| match (cell, other) {
                // A line break in a text is no noise.
                (Cell::Text(one), Cell::Text(other)) => one == other,
                _ => canonical(cell) == canonical(other),
            })
        })
}

/// Whether two rows say the same but for their names, and say something.
fn same_but_name(a: &CampaignCells, b: &CampaignCells) -> bool {
    let rest = |cells: &CampaignCells| {
        let mut cells = cells.clone();
        cells.remove("name");
        cells
    };
    let (a, b) = (rest(a), rest(b));
    (a.contains_key("text") || a.contains_key("template")) && same(&a, &b)
}

/// An id that no other campaign has.
fn fresh_id(name: &str, cells: &CampaignCells, taken: impl Fn(&CampaignId) -> bool) -> CampaignId {
    let own = cells
        .get("id")
        .and_then(|cell| CampaignId::of_name(&canonical(cell)));
    let first = own
        .or_else(|| CampaignId::of_name(name))
        // Rows without a name that gives one do not come here.
        .unwrap_or_else(|| CampaignId::from_text("chien-dich"));
    if !taken(&first) {
        return first;
    }
    (2..)
        .map(|number| first.numbered(number))
        .find(|id| !taken(id))
        .unwrap_or(first)
}

#[cfg(test)]
mod tests;
