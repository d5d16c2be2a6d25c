//! From a workbook to the rows of its tabs: one read, header rows found, rows of customers told
//! from titles and totals, cells kept only where something is new.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::given_cells;
use crate::config::{Tab, TabKind, Workbook};
use crate::core::identity::{FieldInfo, Fingerprint, fingerprint};
use crate::core::record::{Cells, Kind};
use crate::core::sheet::stage::StageTable;
use crate::core::sheet::{
    Cell, FieldSpec, Header, HeaderProblem, RowKind, bind_row, find_header, kind_of_row,
};
use crate::google::{Google, GoogleError, Metadata, RowSink, whole_tab};

/// A header is looked for in so many rows; titles and notes above it are fewer.
const HEADER_WITHIN: usize = 50;

/// How a tab is to be read.
#[derive(Clone, Debug)]
pub(super) struct TabPlan {
    /// Google's id of the tab.
    pub(super) sheet: i64,
    /// Its title, as the configuration knows it.
    pub(super) title: String,
    /// What the workbook calls it now, where that is another name.
    pub(super) renamed_to: Option<String>,
    /// Its configuration.
    pub(super) tab: Tab,
    /// Which fields its columns can be.
    pub(super) fields: Arc<Vec<FieldSpec>>,
    /// Which of them must be there.
    pub(super) mandatory: Vec<String>,
}

impl TabPlan {
    /// What its rows are; `None` for a staff tab, whose rows are no records.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self.tab.kind {
            TabKind::Customers { .. } => Some(Kind::Customer),
            TabKind::Appointments { .. } => Some(Kind::Appointment),
            TabKind::Staff { .. } => None,
        }
    }
}

/// One row of a customers, appointments or staff tab.
#[derive(Clone, Debug)]
pub(super) struct ReadRow {
    /// The sheet's own row number.
    pub(super) row: u32,
    /// Of the bound cells.
    pub(super) hash: Fingerprint,
    /// The bound cells, unless the row's content is known already.
    pub(super) cells: Option<Cells>,
}

/// What one read says about one tab.
#[derive(Debug)]
pub(super) struct TabRead {
    /// How it was read.
    pub(super) plan: TabPlan,
    /// Its header row and columns, or what is wrong with it.
    pub(super) header: Result<Header, HeaderProblem>,
    /// The rows that are records.
    pub(super) rows: Vec<ReadRow>,
    /// All rows with something in them, titles and totals too.
    pub(super) filled: usize,
    /// How many of the rows are records; stays when `rows` is taken out.
    pub(super) records_filled: usize,
    /// By field, how many cells are errors (`#REF!`, `Loading...`).
    pub(super) errors: BTreeMap<String, u32>,
    /// By field, how many of these are formulas that are still being worked out.
    pub(super) loading: BTreeMap<String, u32>,
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
                tab: tab.clone(),
                fields,
                mandatory,
            })
        })
        .collect();
    let missing = workbook
        .tabs
        .iter()
        .filter(|tab| !tab.name.is_pattern())
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

/// Reads all tabs in one request. `known` are the contents whose cells need not be kept.
pub(super) async fn read_tabs(
    google: &Google,
    workbook: &str,
    plans: Vec<TabPlan>,
    known: Arc<HashSet<Fingerprint>>,
    stages: &StageTable,
) -> Result<Vec<TabRead>, GoogleError> {
    if plans.is_empty() {
        return Ok(Vec::new());
    }
    let ranges: Vec<String> = plans
        .iter()
        .map(|plan| whole_tab(plan.renamed_to.as_ref().unwrap_or(&plan.title)))
        .collect();
    let sink = Sink {
        tabs: plans
            .into_iter()
            .map(|plan| TabReader::new(plan, stages))
            .collect(),
        known,
    };
    let sink = google.values(workbook, &ranges, sink).await?;
    let known = sink.known;
    Ok(sink
        .tabs
        .into_iter()
        .map(|tab| tab.finish(&known))
        .collect())
}

struct Sink {
    tabs: Vec<TabReader>,
    known: Arc<HashSet<Fingerprint>>,
}

impl RowSink for Sink {
    fn row(&mut self, range: usize, row: usize, cells: &[Cell]) {
        if let Some(tab) = self.tabs.get_mut(range) {
            tab.row(row, cells, &self.known);
        }
    }
}

/// Reads one tab: holds the first rows until the header is found among them, then streams.
struct TabReader {
    plan: TabPlan,
    infos: Vec<FieldInfo>,
    stages: StageTable,
    /// Cells that the tab itself gives to every row: the stage or the owner that it stands for.
    given: Cells,
    first: Vec<Vec<Cell>>,
    header: Option<Result<Header, HeaderProblem>>,
    rows: Vec<ReadRow>,
    filled: usize,
    errors: BTreeMap<String, u32>,
    loading: BTreeMap<String, u32>,
}

impl TabReader {
    fn new(plan: TabPlan, stages: &StageTable) -> Self {
        let infos = field_infos(&plan.fields);
        let (stage, owner) = given_cells(&plan.tab.kind);
        let stage = stage.map(|id| stages.get(id).map_or(id, |stage| stage.label.as_str()));
        let given = [("stage", stage), ("owner", owner)]
            .into_iter()
            .filter_map(|(field, text)| Some((field.to_owned(), Cell::Text(text?.to_owned()))))
            .collect();
        Self {
            plan,
            infos,
            stages: stages.clone(),
            given,
            first: Vec::new(),
            header: None,
            rows: Vec::new(),
            filled: 0,
            errors: BTreeMap::new(),
            loading: BTreeMap::new(),
        }
    }

    fn row(&mut self, number: usize, cells: &[Cell], known: &HashSet<Fingerprint>) {
        if self.header.is_none() {
            self.first.push(cells.to_vec());
            if self.first.len() >= HEADER_WITHIN {
                self.find(known);
            }
        } else {
            self.take(number, cells, known);
        }
    }

    fn find(&mut self, known: &HashSet<Fingerprint>) {
        let mandatory: Vec<&str> = self.plan.mandatory.iter().map(String::as_str).collect();
        self.header = Some(find_header(&self.first, &self.plan.fields, &mandatory));
        for (number, cells) in std::mem::take(&mut self.first).iter().enumerate() {
            self.take(number, cells, known);
        }
    }

    fn take(&mut self, number: usize, raw: &[Cell], known: &HashSet<Fingerprint>) {
        if raw.iter().all(Cell::is_blank) {
            return;
        }
        self.filled += 1;
        let Some(Ok(header)) = &self.header else {
            return;
        };
        if number <= header.row {
            return;
        }
        let mut cells = bind_row(raw, header);
        match kind_of_row(&cells, raw, header, &self.stages) {
            RowKind::Customer => {}
            RowKind::Blank
            | RowKind::Title
            | RowKind::Totals
            | RowKind::RepeatedHeader
            | RowKind::TickBoxesOnly => return,
        }
        for (field, cell) in &cells {
            if cell.error().is_some() {
                *self.errors.entry(field.clone()).or_default() += 1;
                if cell.is_loading() {
                    *self.loading.entry(field.clone()).or_default() += 1;
                }
            }
        }
        for (field, cell) in &self.given {
            cells.entry(field.clone()).or_insert_with(|| cell.clone());
        }
        let hash = fingerprint(&cells, &self.infos);
        self.rows.push(ReadRow {
            row: u32::try_from(number + 1).unwrap_or(u32::MAX),
            hash,
            cells: (!known.contains(&hash)).then_some(cells),
        });
    }

    fn finish(mut self, known: &HashSet<Fingerprint>) -> TabRead {
        if self.header.is_none() {
            self.find(known);
        }
        let header = self
            .header
            .take()
            .unwrap_or_else(|| find_header(&[], &self.plan.fields, &[]));
        TabRead {
            plan: self.plan,
            header,
            records_filled: self.rows.len(),
            rows: self.rows,
            filled: self.filled,
            errors: self.errors,
            loading: self.loading,
        }
    }
}

/// What the matcher must know of the fields of a tab.
pub(super) fn field_infos(fields: &[FieldSpec]) -> Vec<FieldInfo> {
    fields
        .iter()
        .map(|field| FieldInfo::new(field.id.clone(), field.kind))
        .collect()
}
