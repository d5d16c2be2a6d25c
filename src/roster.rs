//! Who everybody is: the company's people and their chats, and what is known of each record
//! (typed values, problems, and the facts that conditions and templates see).
//!
//! Reads the store and the configuration, keeps what a workbook says about itself, decides nothing and writes nothing but that.

mod campaigns;
mod claims;
mod consent;
mod deciding;
mod glance;
mod known;
mod lately;
mod memory;
mod names;
mod once;
mod persons;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::{Config, Tab, TabKind};
use crate::core::facts::{FactsInput, RecordFacts, facts};
use crate::core::handover::StandIns;
use crate::core::identity::FieldInfo;
use crate::core::insight::engagement::{Course, Engagement};
use crate::core::people::{Colleague, Directory};
use crate::core::record::{Cells, Kind, Record, RecordId};
use crate::core::sheet::fold::fold;
use crate::core::sheet::stage::StageTable;
use crate::core::sheet::typed::typed;
use crate::core::sheet::{FieldKind, FieldSpec, Schema, Typed, column_letter};
use crate::core::subscription::Subscriptions;
use crate::store::keys::{self, Key, prefix};
use crate::store::order::Order;
use crate::store::{Group, Store, StoreError};

pub use campaigns::{CampaignTab, Looking};
pub use consent::{Basis, Consent, ConsentTally};
pub use deciding::Deciding;
pub use glance::{Glance, Glimpse, Said, nanoseconds};
use lately::Lately;
use memory::Memory;
pub use names::Clue;

pub use known::{Known, TOMBSTONE_FOR, contacts, known_key, tombstones};
pub use once::Once;

/// How text is typed where a workbook was not read yet.
const LOCALE: &str = "vi_VN";

/// What is kept of a workbook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkbookMeta {
    /// Its title.
    pub title: String,
    /// Its locale, which says how dates and numbers typed as text are meant.
    pub locale: String,
    /// Its own time zone, for `check`.
    pub time_zone: String,
}

/// What is kept of a tab: how it was last read and accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TabMeta {
    /// Its title.
    pub title: String,
    /// Google's id of the tab.
    pub sheet: i64,
    /// What its rows are; none for a staff tab.
    pub kind: Option<Kind>,
    /// By field, the column (0 is A) and the header text.
    pub bound: BTreeMap<String, (usize, String)>,
    /// The sheet's own number of the header row.
    pub header_row: u32,
    /// When it was first read.
    pub baseline_at: Timestamp,
    /// Rows of records at the last accepted poll.
    pub rows: usize,
    /// By field, error cells at the last accepted poll.
    pub errors: BTreeMap<String, u32>,
    /// How many columns the header row has, bound or not.
    #[serde(default)]
    pub width: usize,
    /// What the JSON of the header row is known by; 0 if that is not known.
    #[serde(default)]
    pub head: u128,
}

/// A chat that belongs to one of the company's people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Name in the directory.
    pub name: String,
    /// Chat id.
    pub chat: i64,
    /// When it was bound.
    pub at: Timestamp,
    /// Why it cannot be written to any more, e.g. the bot was blocked.
    #[serde(default)]
    pub dead: Option<String>,
}

/// A person of a staff tab who is not in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// As the tab says it.
    pub name: String,
    /// Mailbox, if the tab has one.
    #[serde(default)]
    pub email: Option<String>,
    /// Team, if the tab has one.
    #[serde(default)]
    pub team: Option<String>,
    /// Whether the tab says they work here.
    pub active: bool,
    /// What a manager said: yes, no, or nothing yet.
    #[serde(default)]
    pub approved: Option<bool>,
    /// Which manager.
    #[serde(default)]
    pub by: Option<String>,
}

/// Everybody, by configuration and store.
#[derive(Clone, Debug)]
pub struct Roster {
    config: Arc<Config>,
    store: Store,
    fields: Arc<Vec<FieldSpec>>,
    stages: StageTable,
    course: Arc<Course>,
    stage_labels: Arc<BTreeMap<String, String>>,
    private: Arc<BTreeSet<String>>,
    company: Value,
    schemas: Arc<Mutex<Schemas>>,
    memory: Arc<Memory>,
    orders: Arc<Mutex<Orders>>,
    lately: Arc<Lately>,
    persons: Arc<persons::Persons>,
    kept: Arc<glance::Kept>,
}

/// Where the rows of a tab stand, by workbook and tab, and of which version that is.
type Orders = BTreeMap<(String, i64), (u128, Order)>;

/// By kind of record and locale of the workbook.
type Schemas = BTreeMap<(Kind, String), Arc<Schema>>;

impl Roster {
    /// The roster of a checked configuration.
    pub fn new(config: Arc<Config>, store: Store) -> Self {
        let fields = config
            .fields
            .iter()
            .map(|field| FieldSpec {
                id: field.id.clone(),
                headers: field.headers.clone(),
                kind: field.kind,
                private: field.private,
                since: field.since.clone(),
            })
            .collect();
        let stage_labels = config
            .stages
            .iter()
            .map(|stage| (stage.id.clone(), stage.label.clone()))
            .collect();
        let private = config
            .fields
            .iter()
            .filter(|field| field.private)
            .map(|field| field.id.clone())
            .collect();
        let company = json!({
            "name": config.company.name, "address": config.company.address,
            "phone": config.company.phone, "email": config.company.email,
            "website": config.company.website,
        });
        Self {
            fields: Arc::new(fields),
            stages: stage_table(&config),
            course: Arc::new(course(&config)),
            stage_labels: Arc::new(stage_labels),
            private: Arc::new(private),
            company,
            schemas: Arc::default(),
            memory: Arc::default(),
            orders: Arc::default(),
            lately: Arc::default(),
            persons: Arc::default(),
            kept: Arc::new(glance::Kept::new(glance::Basis::new(&config))),
            config,
            store,
        }
    }

    /// The configuration.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The words of each stage.
    pub fn stages(&self) -> &StageTable {
        &self.stages
    }

    /// Label by stage id.
    pub fn stage_labels(&self) -> &BTreeMap<String, String> {
        &self.stage_labels
    }

    /// The fields that columns of a tab can be, and which of them must be there.
    pub fn fields_of(&self, tab: &Tab) -> (Arc<Vec<FieldSpec>>, Vec<String>) {
        match &tab.kind {
            TabKind::Customers { stage, owner, .. } => {
                let given = |id: &str| {
                    (id == "stage" && stage.is_some()) || (id == "owner" && owner.is_some())
                };
                let mandatory = self
                    .config
                    .require
                    .all
                    .iter()
                    .filter(|id| !given(id))
                    .cloned()
                    .collect();
                (Arc::clone(&self.fields), mandatory)
            }
            TabKind::Appointments { columns, .. } => (
                Arc::new(appointment_fields(columns)),
                vec!["appointment".into()],
            ),
            TabKind::Staff { columns } => (Arc::new(staff_fields(columns)), vec!["name".into()]),
            TabKind::Campaigns { columns } => (
                Arc::new(crate::core::campaign::fields(columns)),
                vec!["name".into()],
            ),
        }
    }

    /// The fields of a kind of record, for typing and for fingerprints.
    pub fn fields(&self, kind: Kind) -> Arc<Vec<FieldSpec>> {
        match kind {
            Kind::Customer => Arc::clone(&self.fields),
            Kind::Appointment => {
                let columns = self
                    .config
                    .workbooks
                    .iter()
                    .flat_map(|book| &book.tabs)
                    .find_map(|tab| match &tab.kind {
                        TabKind::Appointments { columns, .. } => Some(columns.clone()),
                        TabKind::Customers { .. }
                        | TabKind::Staff { .. }
                        | TabKind::Campaigns { .. } => None,
                    });
                Arc::new(appointment_fields(&columns.unwrap_or_default()))
            }
        }
    }

    /// The required fields that a customer row lacks, in words; an appointment needs none.
    pub fn missing_fields(&self, kind: Kind, typed: &Typed) -> Vec<String> {
        if kind != Kind::Customer {
            return Vec::new();
        }
        let require = &self.config.require;
        let has = |field: &String| typed.values.contains_key(field);
        let lacking = require.all.iter().filter(|field| !has(field));
        let mut missing: Vec<String> = lacking.cloned().collect();
        if !require.any.is_empty() && !require.any.iter().any(has) {
            missing.push(require.any.join(" or "));
        }
        missing
    }

    /// What was answered to the same question a moment ago.
    pub fn said_lately<T: Clone + 'static>(&self, question: &str) -> Option<T> {
        self.lately.find(question)
    }

    /// Keeps an answer for a moment, if there were many rows to reckon it from.
    pub fn keep_lately(
        &self,
        question: &str,
        said: impl std::any::Any + Send + Sync,
        rows: usize,
        took: std::time::Duration,
    ) {
        self.lately.keep(question, said, rows, took);
    }

    /// What the matcher must know of a kind's fields.
    pub fn infos(&self, kind: Kind) -> Vec<FieldInfo> {
        self.fields(kind)
            .iter()
            .map(|field| FieldInfo::new(field.id.clone(), field.kind))
            .collect()
    }

    /// Takes the stage and its age over without an event: from a `since` column, else from the day of receipt (SEMANTICS 16).
    ///
    /// # Errors
    /// The disk.
    pub fn take_stage_over(&self, record: &mut Record, now: Timestamp) -> Result<(), StoreError> {
        let fields = self.fields(record.kind);
        let dated = |id: &str| {
            id == "received"
                || fields
                    .iter()
                    .any(|spec| spec.id == id && spec.since.is_some())
        };
        let (workbook, cells) = (&record.place.workbook, &record.seen);
        let typed = self.typed_of(record.kind, workbook, cells, |id| {
            id == "stage" || dated(id)
        })?;
        // An empty or unknown stage keeps the last known one (SEMANTICS 26).
        let Some(stage) = typed.stage() else {
            return Ok(());
        };
        if record.stage.as_deref() == Some(stage) {
            return Ok(());
        }
        let since = self
            .since_column(record.kind, &typed, now)
            .or_else(|| self.midnight(day(&typed, "received")?, now));
        record.stage = Some(stage.to_owned());
        record.stage_since = since;
        record.stage_after = None;
        record.stage_seen = None;
        record.stage_event = record.events;
        record.active_at = since.unwrap_or(now);
        Ok(())
    }

    /// When the stage of a row was entered by the sheet's own word: the date in the column that is named for it
    /// with `since`, if that is not in the future.
    pub fn since_column(&self, kind: Kind, typed: &Typed, now: Timestamp) -> Option<Timestamp> {
        let stage = typed.stage()?;
        let fields = self.fields(kind);
        let entered = fields
            .iter()
            .filter(|field| field.since.as_deref() == Some(stage))
            .find_map(|field| day(typed, &field.id))?;
        self.midnight(entered, now)
    }

    /// The beginning of a day that is not in the future.
    fn midnight(&self, date: jiff::civil::Date, now: Timestamp) -> Option<Timestamp> {
        let at = self
            .config
            .calendar
            .at_local(date, jiff::civil::Time::midnight());
        (at <= now).then_some(at)
    }

    /// What is kept of a workbook; a default before its first read.
    ///
    /// # Errors
    /// The disk.
    pub fn workbook(&self, id: &str) -> Result<WorkbookMeta, StoreError> {
        let kept = self.memory.workbook(&self.store, id)?;
        Ok(kept.map_or_else(
            || WorkbookMeta {
                title: String::new(),
                locale: LOCALE.into(),
                time_zone: String::new(),
            },
            |kept| (*kept).clone(),
        ))
    }

    /// Keeps what a workbook says about itself. Nothing depends on it but how text is typed.
    ///
    /// # Errors
    /// The disk.
    pub fn keep_workbook(&self, id: &str, meta: &WorkbookMeta) -> Result<(), StoreError> {
        let reads_alike = self.workbook(id)?.locale == meta.locale;
        let mut group = Group::default();
        group.put(workbook_key(id), meta);
        self.store.commit(vec![group])?;
        if !reads_alike {
            self.kept.lose(&self.store);
        }
        Ok(())
    }

    /// What is kept of a tab, if it was ever read.
    ///
    /// # Errors
    /// The disk.
    pub fn tab(&self, workbook: &str, sheet: i64) -> Result<Option<TabMeta>, StoreError> {
        let known = self.memory.tab(&self.store, workbook, sheet)?;
        Ok(known.map(|known| known.meta.clone()))
    }

    /// Every tab that was read of a workbook.
    ///
    /// # Errors
    /// The disk.
    pub fn tabs(&self, workbook: &str) -> Result<Vec<TabMeta>, StoreError> {
        let under = keys::under(prefix::TAB, format!("{workbook}/"));
        self.store
            .scan(&under)
            .map(|entry| entry.map(|(_, tab)| tab))
            .collect()
    }

    /// Reads cells as what their columns mean.
    ///
    /// # Errors
    /// The disk, from which the workbook's locale comes.
    pub fn typed(
        &self,
        kind: Kind,
        workbook: &str,
        cells: &Cells,
    ) -> Result<Arc<Typed>, StoreError> {
        let schema = self.schema(kind, workbook)?;
        Ok(self.memory.typed(kind, cells, &schema))
    }

    /// The same for a row that nobody else asks about now, beside which others are asked about: what was read lately
    /// stays known.
    ///
    /// # Errors
    /// As [`Self::typed`].
    pub fn typed_anew(
        &self,
        kind: Kind,
        workbook: &str,
        cells: &Cells,
    ) -> Result<Arc<Typed>, StoreError> {
        Ok(Arc::new(typed(
            cells,
            self.schema(kind, workbook)?.as_ref(),
        )))
    }

    /// Lets [`Self::typed`] know what [`Self::typed_anew`] said of a record's seen cells.
    ///
    /// # Errors
    /// As [`Self::typed`].
    pub fn keep_typed(&self, record: &Record, typed: Arc<Typed>) -> Result<(), StoreError> {
        let schema = self.schema(record.kind, &record.place.workbook)?;
        self.memory.keep(record.kind, &record.seen, &schema, typed);
        Ok(())
    }

    /// The same for some of the fields: reading all of half a million rows takes its time.
    ///
    /// # Errors
    /// The disk.
    pub fn typed_of(
        &self,
        kind: Kind,
        workbook: &str,
        cells: &Cells,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Typed, StoreError> {
        let some = cells
            .iter()
            .filter(|(id, _)| wanted(id))
            .map(|(id, cell)| (id.clone(), cell.clone()))
            .collect();
        Ok(typed(&some, self.schema(kind, workbook)?.as_ref()))
    }

    /// What a workbook's cells are read by; made once for each kind and locale.
    ///
    /// # Errors
    /// The disk, from which the locale comes.
    fn schema(&self, kind: Kind, workbook: &str) -> Result<Arc<Schema>, StoreError> {
        let book = self.memory.workbook(&self.store, workbook)?;
        let locale = book.as_ref().map_or(LOCALE, |book| book.locale.as_str());
        let mut made = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        let schema = made.entry((kind, locale.to_owned())).or_insert_with(|| {
            Arc::new(Schema {
                fields: self.fields(kind).as_ref().clone(),
                stages: self.stages.clone(),
                locale: locale.to_owned(),
                zone: self.config.calendar.zone.clone(),
            })
        });
        Ok(Arc::clone(schema))
    }

    /// The facts of a record as it was last seen, with what is known only at an event (an object of
    /// top-level names: `event`, `hold`, …).
    ///
    /// # Errors
    /// The disk.
    pub fn facts(
        &self,
        record: &Record,
        event: &Value,
        now: Timestamp,
    ) -> Result<Value, StoreError> {
        // A sort writes no record: where the row stands now, the order of its tab knows.
        let row = self.row_of(record)?.unwrap_or(record.place.row);
        self.facts_at(row, record, &record.seen, event, now)
    }

    /// The row in which a record stands now; none if it is gone.
    ///
    /// # Errors
    /// The disk.
    pub fn row_of(&self, record: &Record) -> Result<Option<u32>, StoreError> {
        let (workbook, sheet) = (&record.place.workbook, record.place.sheet);
        let version = self.store.order_version(workbook, sheet)?;
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let known = orders.get(&(workbook.clone(), sheet));
        if known.is_none_or(|(of, _)| *of != version) {
            let order = self.store.order(workbook, sheet)?.unwrap_or_default();
            orders.insert((workbook.clone(), sheet), (version, order));
        }
        let order = orders.get(&(workbook.clone(), sheet));
        Ok(order.and_then(|(_, order)| order.row_of(&record.id)))
    }

    /// The facts of a record with the cells that count: for deciding, those that have settled.
    ///
    /// # Errors
    /// The disk.
    pub fn facts_of(
        &self,
        record: &Record,
        cells: &Cells,
        event: &Value,
        now: Timestamp,
    ) -> Result<Value, StoreError> {
        self.facts_at(record.place.row, record, cells, event, now)
    }

    fn facts_at(
        &self,
        row: u32,
        record: &Record,
        cells: &Cells,
        event: &Value,
        now: Timestamp,
    ) -> Result<Value, StoreError> {
        let typed = self.typed(record.kind, &record.place.workbook, cells)?;
        let mut values: BTreeMap<String, Value> = typed
            .values
            .iter()
            .map(|(field, value)| (field.clone(), json!(value)))
            .collect();
        let place = &record.place;
        let known = self.memory.tab(&self.store, &place.workbook, place.sheet)?;
        let tab = known.as_ref().map(|known| &known.meta);
        // What does not take place has no time of which anybody could be reminded.
        if record.kind == Kind::Appointment && self.is_cancelled(record, tab, cells) {
            values.remove("appointment");
        }
        if values.contains_key("owner") {
            values.insert("owner".into(), json!(self.owners_in(&record.id, &typed)?));
        }
        let none = BTreeMap::new();
        let headers = known.as_ref().map_or(&none, |known| &known.headers);
        let url = sheet_url(&record.place.workbook, record.place.sheet, row);
        let record_facts = RecordFacts {
            id: &record.id,
            cells,
            values: &values,
            stage: record.stage.as_deref(),
            stage_since: record.stage_since,
            engagement: self.engagement(record, typed.values.get("appointment"), now),
            row,
            tab: tab.map_or("", |tab| tab.title.as_str()),
            sheet_url: Some(&url),
        };
        Ok(self.facts_with(Some(record_facts), headers, event, now))
    }

    /// Who stands in for colleagues who have handed their customers over.
    ///
    /// # Errors
    /// The disk.
    pub fn stand_ins(&self) -> Result<Arc<StandIns>, StoreError> {
        self.memory.stand_ins(&self.store)
    }

    /// Who is in charge by the owner cell of a row, with those who stand in for somebody in their place.
    ///
    /// # Errors
    /// The disk.
    pub fn owners_in(&self, record: &RecordId, typed: &Typed) -> Result<Vec<String>, StoreError> {
        match typed.values.get("owner") {
            Some(crate::core::sheet::Value::Owner(names)) => {
                Ok(self.stand_ins()?.owners(record, names.clone()))
            }
            _ => Ok(Vec::new()),
        }
    }

    /// How lively the contact with a customer is; none if the deal has ended or has no stage that is known.
    /// `appointment` is the cell of that field, as read.
    pub fn engagement(
        &self,
        record: &Record,
        appointment: Option<&crate::core::sheet::Value>,
        now: Timestamp,
    ) -> Option<Engagement> {
        let today = self.config.calendar.date(now);
        self.course.engagement(record, appointment, today, now)
    }

    /// Whether the state of an appointment is one of the words that its tab lists under `cancelled`.
    fn is_cancelled(&self, record: &Record, tab: Option<&TabMeta>, cells: &Cells) -> bool {
        let book = self
            .config
            .workbooks
            .iter()
            .find(|book| book.id == record.place.workbook);
        let Some(Tab {
            kind: TabKind::Appointments { cancelled, .. },
            ..
        }) = book.zip(tab).and_then(|(book, tab)| book.tab(&tab.title))
        else {
            return false;
        };
        let state = cells
            .get("state")
            .map(|cell| fold(&cell.shown()))
            .unwrap_or_default();
        let says = |word: &String| format!(" {state} ").contains(&format!(" {} ", fold(word)));
        cancelled.iter().any(says)
    }

    /// The facts of a message that speaks of no record.
    pub fn facts_without_record(&self, event: &Value, now: Timestamp) -> Value {
        self.facts_with(None, &BTreeMap::new(), event, now)
    }

    fn facts_with(
        &self,
        record: Option<RecordFacts<'_>>,
        headers: &BTreeMap<String, String>,
        event: &Value,
        now: Timestamp,
    ) -> Value {
        let mut extra: BTreeMap<String, Value> = event
            .as_object()
            .map(|names| {
                names
                    .iter()
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect()
            })
            .unwrap_or_default();
        let own = extra.remove("event").unwrap_or(Value::Null);
        facts(&FactsInput {
            record,
            headers,
            private: &self.private,
            stage_labels: &self.stage_labels,
            now,
            zone: &self.config.calendar.zone,
            company: &self.company,
            event: &own,
            extra,
        })
    }

    /// The company's people: the configuration's, and those of staff tabs whom a manager approved.
    ///
    /// # Errors
    /// The disk.
    pub fn directory(&self) -> Result<Directory, StoreError> {
        let mut people: Vec<Colleague> = self.config.staff.clone();
        for candidate in self.candidates()? {
            let known = people.iter().any(|person| person.name == candidate.name);
            if candidate.approved == Some(true) && candidate.active && !known {
                people.push(Colleague {
                    name: candidate.name,
                    role: crate::core::people::Role::Staff,
                    team: candidate.team,
                    aliases: Vec::new(),
                    email: candidate.email,
                    telegram: None,
                });
            }
        }
        Ok(Directory::new(people))
    }

    /// What deciding goes by: the people, since when each rule is in force, and the headers.
    ///
    /// # Errors
    /// The disk.
    pub fn deciding(&self) -> Result<Deciding, StoreError> {
        let in_force = self
            .store
            .scan::<Timestamp>(prefix::RULE)
            .map(|entry| {
                entry.map(|(key, since)| {
                    (
                        String::from_utf8_lossy(&key[prefix::RULE.len()..]).into_owned(),
                        since,
                    )
                })
            })
            .collect::<Result<_, _>>()?;
        let mut headers = BTreeMap::new();
        for book in &self.config.workbooks {
            for tab in self.tabs(&book.id)? {
                headers.insert((book.id.clone(), tab.sheet), headers_of(&tab));
            }
        }
        Ok(Deciding {
            directory: self.directory()?,
            stand_ins: self.stand_ins()?,
            subscriptions: self.subscriptions()?,
            in_force,
            nothing: BTreeMap::new(),
            headers,
            reckoned: Arc::default(),
        })
    }

    /// Who wants which digest at what time: by the buttons in the bot, else by the configuration.
    ///
    /// # Errors
    /// The disk.
    pub fn subscriptions(&self) -> Result<Subscriptions, StoreError> {
        Ok(self.store.subscriptions()?.over(&self.config.digests))
    }

    /// The people of staff tabs.
    ///
    /// # Errors
    /// The disk.
    pub fn candidates(&self) -> Result<Vec<Candidate>, StoreError> {
        self.store
            .scan(prefix::STAFF)
            .map(|entry| entry.map(|(_, candidate)| candidate))
            .collect()
    }

    /// The chat of one of the company's people: bound by invitation, else from the configuration.
    ///
    /// # Errors
    /// The disk.
    pub fn binding(&self, person: &Colleague) -> Result<Option<Binding>, StoreError> {
        let bound: Option<Binding> = self.store.get(&binding_key(&person.name))?;
        Ok(bound.or_else(|| {
            person.telegram.map(|chat| Binding {
                name: person.name.clone(),
                chat,
                at: Timestamp::UNIX_EPOCH,
                dead: None,
            })
        }))
    }

    /// Whose chat that is.
    ///
    /// # Errors
    /// The disk.
    pub fn person_of_chat(&self, chat: i64) -> Result<Option<Colleague>, StoreError> {
        for person in self.directory()?.all() {
            if self
                .binding(person)?
                .is_some_and(|binding| binding.chat == chat)
            {
                return Ok(Some(person.clone()));
            }
        }
        Ok(None)
    }
}

/// The date in a cell.
fn day(typed: &Typed, field: &str) -> Option<jiff::civil::Date> {
    match typed.values.get(field) {
        Some(crate::core::sheet::Value::Date(when)) => Some(when.date),
        _ => None,
    }
}

/// Header text by field.
pub fn headers_of(tab: &TabMeta) -> BTreeMap<String, String> {
    tab.bound
        .iter()
        .map(|(field, (_, header))| (field.clone(), header.clone()))
        .collect()
}

/// A cell's name for people, such as `C19`, or the row alone if the field has no column.
pub fn cell_of(tab: &TabMeta, field: &str, row: u32) -> String {
    match tab.bound.get(field) {
        Some((column, _)) if *column != usize::MAX => format!("{}{row}", column_letter(*column)),
        _ => format!("row {row}"),
    }
}

/// The address that opens a row in Google Sheets.
pub fn sheet_url(workbook: &str, sheet: i64, row: u32) -> String {
    format!("https://docs.google.com/spreadsheets/d/{workbook}/edit#gid={sheet}&range={row}:{row}")
}

/// Where a workbook's meta is kept.
pub fn workbook_key(id: &str) -> Key {
    keys::under(prefix::META, format!("workbook/{id}"))
}

/// Where a tab's meta is kept.
pub fn tab_key(workbook: &str, sheet: i64) -> Key {
    keys::under(prefix::TAB, format!("{workbook}/{sheet}"))
}

/// Where the chat of a person is kept.
pub fn binding_key(name: &str) -> Key {
    keys::under(prefix::BINDING, name)
}

/// Where a person of a staff tab is kept.
pub fn candidate_key(name: &str) -> Key {
    keys::under(prefix::STAFF, name)
}

fn course(config: &Config) -> Course {
    let stages = config.stages.iter();
    Course::new(stages.map(|stage| (stage.id.clone(), !stage.won && !stage.lost)))
}

fn stage_table(config: &Config) -> StageTable {
    let stages = config
        .stages
        .iter()
        .map(|stage| crate::core::sheet::stage::Stage {
            id: stage.id.clone(),
            label: stage.label.clone(),
            aliases: stage.aliases.clone(),
        })
        .collect();
    // The configuration was refused if two stages claimed the same words.
    StageTable::new(stages).unwrap_or_default()
}

fn spec(id: &str, kind: FieldKind, headers: &[String]) -> FieldSpec {
    FieldSpec {
        id: id.to_owned(),
        headers: headers.to_vec(),
        kind,
        private: false,
        since: None,
    }
}

/// An appointments tab's columns; its time is the field `appointment`, as date rules name it.
fn appointment_fields(columns: &BTreeMap<String, Vec<String>>) -> Vec<FieldSpec> {
    let kinds = [
        ("at", "appointment", FieldKind::Date),
        ("name", "name", FieldKind::Name),
        ("phone", "phone", FieldKind::Phone),
        ("project", "project", FieldKind::Text),
        ("owner", "owner", FieldKind::Owner),
        ("state", "state", FieldKind::Text),
    ];
    kinds
        .iter()
        .filter_map(|(key, id, kind)| columns.get(*key).map(|headers| spec(id, *kind, headers)))
        .collect()
}

fn staff_fields(columns: &BTreeMap<String, Vec<String>>) -> Vec<FieldSpec> {
    let kinds = [
        ("name", FieldKind::Text),
        ("email", FieldKind::Email),
        ("active", FieldKind::YesNo),
        ("team", FieldKind::Text),
    ];
    kinds
        .iter()
        .filter_map(|(key, kind)| columns.get(*key).map(|headers| spec(key, *kind, headers)))
        .collect()
}
