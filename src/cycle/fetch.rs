//! From a workbook to the rows of its tabs: one read, header rows found, rows of customers told
//! from titles and totals, cells kept only where something is new.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::base::Base;
use super::campaigns::is_campaigns;
use super::fresh::{Fresh, FreshAt};
use super::{PollError, given_cells};
use crate::config::{Tab, TabKind, Workbook};
use crate::core::identity::{FINGERPRINT_FORMAT, FieldInfo, Fingerprint, fingerprint};
use crate::core::record::{Cells, Kind};
use crate::core::sheet::stage::StageTable;
use crate::core::sheet::{
    Cell, FieldSpec, Header, HeaderProblem, RowKind, bind_row, find_header, kind_of_row,
};
use crate::google::{
    Google, GoogleError, Metadata, RowSink, cells_of, columns_to, rows_to, whole_tab,
};
use crate::roster::TabMeta;
use crate::store::StoreError;
use crate::store::order::Order;

/// A header is looked for in so many rows; titles and notes above it are fewer.
const HEADER_WITHIN: usize = 50;

/// So many rows are looked at for remains of customers; more are a list of something else.
const MOST_REMAINS: usize = 200;

/// How a tab is to be read.
#[derive(Clone, Debug)]
pub(super) struct TabPlan {
    /// Google's id of the tab.
    pub(super) sheet: i64,
    /// Its title, as the configuration knows it.
    pub(super) title: String,
    /// What the workbook calls it now, where that is another name.
    pub(super) renamed_to: Option<String>,
    /// How much of it is read.
    pub(super) width: Width,
    /// Its configuration.
    pub(super) tab: Tab,
    /// Which fields its columns can be.
    pub(super) fields: Arc<Vec<FieldSpec>>,
    /// Which of them must be there.
    pub(super) mandatory: Vec<String>,
}

impl TabPlan {
    /// What its rows are; `None` for tabs of staff and of campaigns, whose rows are no records.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self.tab.kind {
            TabKind::Customers { .. } => Some(Kind::Customer),
            TabKind::Appointments { .. } => Some(Kind::Appointment),
            TabKind::Staff { .. } | TabKind::Campaigns { .. } => None,
        }
    }
}

/// How much of a tab is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// All of it.
    Whole,
    /// From the first column, in which titles and totals have their names, to the rightmost bound one;
    /// and the header in its whole width, to see a column that comes.
    To {
        /// The rightmost bound column, counted from 0.
        last: usize,
        /// The sheet's own number of the header row.
        header_row: u32,
        /// What the header's JSON was known by.
        head: u128,
    },
}

impl Width {
    /// By what is kept of the tab: there must be columns that nobody needs.
    pub(super) fn of(meta: Option<&TabMeta>) -> Self {
        let Some(meta) = meta.filter(|meta| meta.head != 0 && meta.kind.is_some()) else {
            return Self::Whole;
        };
        let bound = meta.bound.values().map(|(column, _)| *column);
        match bound.filter(|column| *column != usize::MAX).max() {
            Some(last) if meta.width > last + 1 => Self::To {
                last,
                header_row: meta.header_row,
                head: meta.head,
            },
            _ => Self::Whole,
        }
    }
}

/// One row that is a record.
#[derive(Clone, Debug)]
pub(super) struct ReadRow {
    /// The sheet's own row number.
    pub(super) row: u32,
    /// Of the bound cells.
    pub(super) hash: Fingerprint,
    /// What its JSON is known by; 0 if it is to be looked at again each time.
    pub(super) json: u128,
    /// Its cells, unless the row's content is known already.
    pub(super) fresh: Option<FreshAt>,
}

/// What one read says about one tab.
#[derive(Debug)]
pub(super) struct TabRead {
    /// How it was read.
    pub(super) plan: TabPlan,
    /// Its header row and columns, or what is wrong with it.
    pub(super) header: Result<Header, HeaderProblem>,
    /// Whether every row is the row that was accepted last, in the same place; `rows` is empty then.
    pub(super) unchanged: bool,
    /// The rows that are records.
    pub(super) rows: Vec<ReadRow>,
    /// Rows that are no records by themselves and were not there before: a title, or what is left of a
    /// customer whose row is being emptied cell by cell.
    pub(super) remains: Vec<ReadRow>,
    /// The rows of a staff tab.
    pub(super) staff: Vec<Cells>,
    /// The filled rows of a campaign tab, with their numbers.
    pub(super) campaigns: Vec<(u32, Cells)>,
    /// All rows with something in them, titles and totals too.
    pub(super) filled: usize,
    /// How many of the rows are records; stays when `rows` is taken out.
    pub(super) records_filled: usize,
    /// By field, how many cells are errors (`#REF!`, `Loading...`).
    pub(super) errors: BTreeMap<String, u32>,
    /// By field, how many of these are formulas that are still being worked out.
    pub(super) loading: BTreeMap<String, u32>,
    /// Whether the JSON of the accepted rows was written as it is now: with the same columns in the same places.
    pub(super) comparable: bool,
    /// Whether the header is not the one by which less than the whole tab was read.
    pub(super) too_narrow: bool,
    /// How wide the header is.
    pub(super) columns: usize,
    /// What the header's JSON is known by; 0 if it was not found.
    pub(super) head: u128,
    /// By what the rows were told apart and bound: what their JSON is known by holds for nothing else.
    pub(super) how: u128,
    /// What was learned that the next read can go by.
    pub(super) memo: Arc<Memo>,
    fresh: Fresh,
    given: Cells,
}

impl TabRead {
    /// The cells of a row that is new.
    ///
    /// # Errors
    /// The disk.
    pub(super) fn cells(&self, at: FreshAt) -> Result<Cells, StoreError> {
        let mut raw = Vec::new();
        let read = self.fresh.read(at, |json| cells_of(json, &mut raw))?;
        let (Ok(()), Ok(header)) = (read, &self.header) else {
            return Ok(Cells::new()); // it was read before
        };
        Ok(with_given(bind_row(&raw, header), &self.given))
    }
}

/// What a read of a tab teaches for the next one: nothing in it is decided by.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// Of the rows among which the header was found.
    first: u128,
    header: Option<Result<Header, HeaderProblem>>,
    /// Rows that are no records: titles, totals, tick boxes.
    others: HashSet<u128>,
    how: u128,
    /// Of all rows of a staff tab.
    pub(super) staff: u128,
}

/// What tabs of the configuration the workbook does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingTab {
    /// As configured.
    pub name: String,
    /// What the workbook calls the tab now, if it is known by its id.
    pub renamed_to: Option<String>,
}

/// Matches the tabs of the workbook with the configuration; tabs of no kind are not read.
///
/// `known` gives the title under which a tab was last read, by Google's id.
pub(super) fn plan_tabs(
    workbook: &Workbook,
    metadata: &Metadata,
    known: &BTreeMap<i64, String>,
    fields_of: impl Fn(&Tab) -> (Arc<Vec<FieldSpec>>, Vec<String>),
) -> (Vec<TabPlan>, Vec<MissingTab>) {
    let plans = metadata
        .tabs
        .iter()
        .filter_map(|info| {
            let tab = workbook.tab(&info.title)?;
            let (fields, mandatory) = fields_of(tab);
            Some(TabPlan {
                sheet: info.sheet,
                title: info.title.clone(),
                renamed_to: None,
                width: Width::Whole,
                tab: tab.clone(),
                fields,
                mandatory,
            })
        })
        .collect();
    let missing = workbook
        .tabs
        .iter()
        // The tab of campaigns is made when somebody wants one.
        .filter(|tab| !tab.name.is_pattern() && !is_campaigns(tab))
        .filter(|tab| {
            !metadata
                .tabs
                .iter()
                .any(|info| tab.name.matches(&info.title))
        })
        .map(|tab| MissingTab {
            name: tab.name.0.clone(),
            renamed_to: metadata
                .tabs
                .iter()
                .find(|info| {
                    known
                        .get(&info.sheet)
                        .is_some_and(|was| tab.name.matches(was))
                })
                .map(|info| info.title.clone()),
        })
        .collect();
    (plans, missing)
}

/// What is known before a read.
pub(super) struct Known<'k> {
    /// The last accepted rows.
    pub(super) base: &'k Arc<Base>,
    /// What earlier reads taught, by Google's id of the tab.
    pub(super) memos: &'k BTreeMap<i64, Arc<Memo>>,
    /// Where a big read may put its new rows meanwhile.
    pub(super) scratch: &'k Path,
}

/// Reads all tabs in one request.
pub(super) async fn read_tabs(
    google: &Google,
    workbook: &str,
    plans: Vec<TabPlan>,
    known: &Known<'_>,
    stages: &StageTable,
) -> Result<Vec<TabRead>, PollError> {
    if plans.is_empty() {
        return Ok(Vec::new());
    }
    let title = |plan: &TabPlan| plan.renamed_to.clone().unwrap_or(plan.title.clone());
    let mut ranges: Vec<String> = plans
        .iter()
        .map(|plan| match plan.width {
            Width::Whole => whole_tab(&title(plan)),
            Width::To { last, .. } => columns_to(&title(plan), last),
        })
        .collect();
    let mut heads = Vec::new();
    for (tab, plan) in plans.iter().enumerate() {
        if let Width::To { header_row, .. } = plan.width {
            ranges.push(rows_to(&title(plan), header_row));
            heads.push((tab, header_row));
        }
    }
    let stages = Arc::new(stages.clone());
    let sink = Sink {
        tabs: plans
            .into_iter()
            .map(|plan| TabReader::new(plan, &stages, known))
            .collect(),
        heads,
    };
    let sink = google.values(workbook, &ranges, sink).await?;
    sink.tabs.into_iter().map(TabReader::finish).collect()
}

struct Sink {
    tabs: Vec<TabReader>,
    /// The ranges behind those of the tabs: whose header each shows, and in which row.
    heads: Vec<(usize, u32)>,
}

impl RowSink for Sink {
    fn row(&mut self, range: usize, row: usize, json: &[u8]) -> Result<(), GoogleError> {
        if let Some(tab) = self.tabs.get_mut(range) {
            return tab.row(row, json);
        }
        if let Some((tab, header_row)) = self.heads.get(range - self.tabs.len())
            && row + 1 == *header_row as usize
        {
            self.tabs[*tab].wide_head = xxh3_128(json).max(1);
        }
        Ok(())
    }
}

/// Reads one tab: holds the first rows until the header is found among them, then streams.
///
/// A row whose JSON is that of an accepted row is that row, and is not looked into.
struct TabReader {
    plan: TabPlan,
    infos: Vec<FieldInfo>,
    stages: Arc<StageTable>,
    /// Cells that the tab itself gives to every row: the stage or the owner that it stands for.
    given: Cells,
    base: Arc<Base>,
    old: Arc<Memo>,
    memo: Memo,
    /// What the header's JSON in its whole width is known by.
    wide_head: u128,
    /// The same as far as the tab is read.
    head: u128,
    first: Vec<Vec<u8>>,
    header: Option<Result<Header, HeaderProblem>>,
    /// Whether what is known of the accepted rows' JSON holds for this read.
    comparable: bool,
    /// The place in the accepted order behind the row that was seen last.
    cursor: usize,
    /// So many rows at the beginning are those of the accepted order.
    same: usize,
    rows: Vec<ReadRow>,
    remains: Vec<ReadRow>,
    staff: Vec<Cells>,
    campaigns: Vec<(u32, Cells)>,
    filled: usize,
    errors: BTreeMap<String, u32>,
    fresh: Fresh,
    cells: Vec<Cell>,
    loading: BTreeMap<String, u32>,
}

impl TabReader {
    fn new(plan: TabPlan, stages: &Arc<StageTable>, known: &Known<'_>) -> Self {
        let infos = field_infos(&plan.fields);
        let (stage, owner) = given_cells(&plan.tab.kind);
        let stage = stage.map(|id| stages.get(id).map_or(id, |stage| stage.label.as_str()));
        let given = [("stage", stage), ("owner", owner)]
            .into_iter()
            .filter_map(|(field, text)| Some((field.into(), Cell::Text(text?.into()))))
            .collect();
        Self {
            old: known.memos.get(&plan.sheet).cloned().unwrap_or_default(),
            base: Arc::clone(known.base),
            fresh: Fresh::new(known.scratch),
            plan,
            infos,
            stages: Arc::clone(stages),
            given,
            memo: Memo::default(),
            wide_head: 0,
            head: 0,
            first: Vec::new(),
            header: None,
            comparable: false,
            cursor: 0,
            same: 0,
            rows: Vec::new(),
            remains: Vec::new(),
            staff: Vec::new(),
            campaigns: Vec::new(),
            filled: 0,
            errors: BTreeMap::new(),
            cells: Vec::new(),
            loading: BTreeMap::new(),
        }
    }

    fn row(&mut self, number: usize, json: &[u8]) -> Result<(), GoogleError> {
        if self.header.is_some() {
            return self.take(number, json);
        }
        self.first.push(json.to_vec());
        if self.first.len() >= HEADER_WITHIN {
            self.find()?;
        }
        Ok(())
    }

    /// Finds the header among the first rows, and reads these.
    fn find(&mut self) -> Result<(), GoogleError> {
        let first = std::mem::take(&mut self.first);
        let mut all = Xxh3::new();
        for json in &first {
            all.update(&(json.len() as u64).to_le_bytes());
            all.update(json);
        }
        self.memo.first = all.digest128();
        let header = match &self.old.header {
            Some(header) if self.old.first == self.memo.first => header.clone(),
            _ => {
                let mut rows = Vec::with_capacity(first.len());
                for json in &first {
                    let mut cells = Vec::new();
                    cells_of(json, &mut cells)?;
                    rows.push(cells);
                }
                let mandatory: Vec<&str> = self.plan.mandatory.iter().map(String::as_str).collect();
                find_header(&rows, &self.plan.fields, &mandatory)
            }
        };
        if let Ok(header) = &header
            && let Some(json) = first.get(header.row)
        {
            self.head = xxh3_128(json).max(1);
        }
        self.memo.how = self.how(&header);
        self.comparable = self
            .base
            .tab(self.plan.sheet)
            .is_some_and(|order| order.how == self.memo.how);
        self.memo.header = Some(header.clone());
        self.header = Some(header);
        for (number, json) in first.iter().enumerate() {
            self.take(number, json)?;
        }
        Ok(())
    }

    /// Everything by which the JSON of a row becomes a fingerprint, or is told to be no record.
    fn how(&self, header: &Result<Header, HeaderProblem>) -> u128 {
        let Ok(header) = header else { return 0 };
        let text = format!(
            "{} {FINGERPRINT_FORMAT} {:?} {:?} {:?} {:?}",
            env!("CARGO_PKG_VERSION"),
            header.bound,
            self.infos,
            self.given,
            self.stages,
        );
        xxh3_128(text.as_bytes()).max(1)
    }

    fn take(&mut self, number: usize, json: &[u8]) -> Result<(), GoogleError> {
        if json == b"[]" {
            return Ok(());
        }
        let known_by = xxh3_128(json).max(1);
        if self.plan.kind().is_none() {
            // In any order but for chance: the tab is small, and read whole where it changed.
            self.memo.staff = self.memo.staff.rotate_left(1) ^ known_by;
        }
        let body = matches!(&self.header, Some(Ok(header)) if number > header.row);
        let row = u32::try_from(number + 1).unwrap_or(u32::MAX);
        if body && self.is_known(row, known_by) {
            return Ok(());
        }
        if body && self.memo.how == self.old.how && self.old.others.contains(&known_by) {
            self.filled += 1;
            self.memo.others.insert(known_by);
            return Ok(());
        }
        let mut cells = std::mem::take(&mut self.cells);
        cells_of(json, &mut cells)?;
        self.look(row, known_by, json, &cells);
        self.cells = cells;
        Ok(())
    }

    /// Whether the row is one of the accepted order, wherever it stood.
    fn is_known(&mut self, row: u32, json: u128) -> bool {
        if !self.comparable {
            return false;
        }
        let base = Arc::clone(&self.base);
        let Some(order) = base.tab(self.plan.sheet) else {
            return false;
        };
        let stood = [self.cursor, self.cursor + 1]
            .into_iter()
            .find(|&at| order.json_at(at).is_some_and(|(known, _)| known == json))
            .or_else(|| order.by_json(json));
        let Some(at) = stood else {
            return false;
        };
        self.filled += 1;
        self.cursor = at + 1;
        let unmoved = at == self.same && order.json_at(at).is_some_and(|(_, was)| was == row);
        if unmoved && self.rows.is_empty() {
            self.same += 1;
        } else {
            self.rows.push(ReadRow {
                row,
                hash: Fingerprint(order.print_at(at)),
                json,
                fresh: None,
            });
        }
        true
    }

    /// Looks into a row.
    fn look(&mut self, row: u32, known_by: u128, json: &[u8], raw: &[Cell]) {
        if raw.iter().all(Cell::is_blank) {
            return;
        }
        self.filled += 1;
        let Some(Ok(header)) = &self.header else {
            return;
        };
        if row as usize <= header.row + 1 {
            return;
        }
        let cells = bind_row(raw, header);
        if is_campaigns(&self.plan.tab) {
            // Whatever stands there, its author knows what it is.
            if !cells.is_empty() {
                self.campaigns.push((row, cells));
            }
            return;
        }
        let kind = kind_of_row(&cells, raw, header, &self.stages);
        match kind {
            RowKind::Customer => {}
            RowKind::Blank
            | RowKind::Title
            | RowKind::Totals
            | RowKind::RepeatedHeader
            | RowKind::TickBoxesOnly => {
                self.memo.others.insert(known_by);
                let something = matches!(kind, RowKind::Title | RowKind::Totals);
                if something && !cells.is_empty() && self.remains.len() < MOST_REMAINS {
                    let cells = with_given(cells, &self.given);
                    self.remains.push(ReadRow {
                        row,
                        hash: fingerprint(&cells, &self.infos),
                        json: known_by,
                        fresh: self.fresh.push(json),
                    });
                }
                return;
            }
        }
        let mut errors = false;
        for (field, cell) in &cells {
            if cell.error().is_some() {
                errors = true;
                *self.errors.entry(field.to_string()).or_default() += 1;
                if cell.is_loading() {
                    *self.loading.entry(field.to_string()).or_default() += 1;
                }
            }
        }
        let cells = with_given(cells, &self.given);
        if self.plan.kind().is_none() {
            self.staff.push(cells);
            return;
        }
        let hash = fingerprint(&cells, &self.infos);
        let known = self.base.by_print(hash).is_some();
        let fresh = if known { None } else { self.fresh.push(json) };
        self.rows.push(ReadRow {
            row,
            hash,
            // Errors are counted at each read, so such a row is looked at each time.
            json: if errors { 0 } else { known_by },
            fresh,
        });
    }

    fn finish(mut self) -> Result<TabRead, PollError> {
        if self.header.is_none() {
            self.find()?;
        }
        self.fresh.check()?;
        let header = self
            .header
            .take()
            .unwrap_or_else(|| find_header(&[], &self.plan.fields, &[]));
        let too_narrow = match self.plan.width {
            Width::Whole => false,
            Width::To { head, .. } => self.wide_head != head || header.is_err(),
        };
        let header_columns = header.as_ref().map_or(0, |header| header.headers.len());
        let order = self.base.tab(self.plan.sheet);
        let accepted = order.map_or(0, Order::len);
        let unchanged = match self.plan.kind() {
            Some(_) => self.comparable && self.rows.is_empty() && self.same == accepted,
            None => self.old.staff == self.memo.staff && self.old.how == self.memo.how,
        };
        let mut rows = std::mem::take(&mut self.rows);
        if let Some(order) = order
            && !unchanged
            && self.same > 0
        {
            let first = (0..self.same).filter_map(|at| {
                let (json, row) = order.json_at(at)?;
                Some(ReadRow {
                    row,
                    hash: Fingerprint(order.print_at(at)),
                    json,
                    fresh: None,
                })
            });
            rows.splice(0..0, first);
        }
        let records = if unchanged { accepted } else { rows.len() };
        Ok(TabRead {
            header,
            unchanged,
            records_filled: records.max(self.staff.len()),
            rows,
            remains: self.remains,
            staff: self.staff,
            campaigns: self.campaigns,
            filled: self.filled,
            errors: self.errors,
            too_narrow,
            columns: header_columns,
            head: self.head,
            comparable: self.comparable,
            how: self.memo.how,
            memo: Arc::new(self.memo),
            fresh: self.fresh,
            given: self.given,
            loading: self.loading,
            plan: self.plan,
        })
    }
}

/// The bound cells of a row with what its tab gives to all rows.
fn with_given(mut cells: Cells, given: &Cells) -> Cells {
    for (field, cell) in given {
        cells.entry(field.clone()).or_insert_with(|| cell.clone());
    }
    cells
}

/// What the matcher must know of the fields of a tab.
pub(super) fn field_infos(fields: &[FieldSpec]) -> Vec<FieldInfo> {
    fields
        .iter()
        .map(|field| FieldInfo::new(field.id.clone(), field.kind))
        .collect()
}
