//! One poll: fetch, read, guard, match, diff, settle, decide, commit. Never sends.
//!
//! A whole poll is matched, guarded and decided before its first commit. A quiet poll of an
//! unchanged workbook reads, fingerprints, and stops: it writes nothing and evaluates no rule.

mod accept;
mod base;
mod describe;
mod fetch;
mod hold;
mod matching;
mod optout;
mod report;
mod settling;
mod staff;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::config::{TabKind, Workbook};
use crate::core::record::RecordId;
use crate::google::{Google, GoogleError, Metadata};
use crate::roster::{Roster, WorkbookMeta};
use crate::store::StoreError;

use base::Base;
pub use fetch::MissingTab;
pub use hold::{Held, HeldDecision, held_key};
pub use report::{
    Ambiguous, ChangeReport, FieldReport, MessageReport, ProblemReport, Report, Settling, TabReport,
};

/// The tabs of a workbook are asked for again after so long; sooner when Google misses one.
const METADATA_FOR: SignedDuration = SignedDuration::from_mins(5);

/// The same where a pattern (`Tháng *`) may match a tab that is made today.
const METADATA_FOR_PATTERNS: SignedDuration = SignedDuration::from_mins(1);

/// Whether a poll counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Writes what it decides.
    Real,
    /// Writes nothing; says what it would do.
    DryRun,
}

/// Why a poll came to nothing. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// Google, or the way to it.
    #[error(transparent)]
    Google(#[from] GoogleError),
    /// A configured tab is not in the workbook.
    #[error("{}", missing_text(.0))]
    Tabs(Vec<MissingTab>),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The workbook is not in the configuration.
    #[error("there is no [[workbook]] with the id {0} in the configuration")]
    UnknownWorkbook(String),
}

fn missing_text(tabs: &[MissingTab]) -> String {
    let said: Vec<String> = tabs
        .iter()
        .map(|tab| match &tab.renamed_to {
            Some(now) => format!(
                "the tab \"{}\" is now called \"{now}\": give it its old name back, or write the new one into [[workbook.tab]] name",
                tab.name
            ),
            None => format!(
                "the workbook has no tab \"{}\": it was renamed or deleted; give it its name back, or correct [[workbook.tab]] name",
                tab.name
            ),
        })
        .collect();
    said.join("; ")
}

/// What the cycle keeps between polls: fingerprints and positions, never the cells.
#[derive(Debug, Default)]
struct Book {
    metadata: Option<(Metadata, Timestamp)>,
    base: Option<Base>,
    pending: BTreeSet<RecordId>,
    /// When it was last read and accepted.
    polled: Option<Timestamp>,
}

/// Reads workbooks and turns what changed into events, messages and timers.
#[derive(Debug)]
pub struct Cycle {
    roster: Roster,
    google: Arc<Google>,
    books: BTreeMap<String, Book>,
}

impl Cycle {
    /// A cycle over the store's last accepted state.
    pub fn new(roster: Roster, google: Arc<Google>) -> Self {
        Self {
            roster,
            google,
            books: BTreeMap::new(),
        }
    }

    /// Goes on with another configuration; the state of the polls stays, fingerprints are made anew.
    pub fn reconfigure(&mut self, roster: Roster) {
        self.roster = roster;
        self.books.clear();
    }

    /// Polls one workbook once.
    ///
    /// # Errors
    /// See [`PollError`]; nothing was changed then.
    pub async fn poll(
        &mut self,
        workbook: &str,
        now: Timestamp,
        mode: Mode,
    ) -> Result<Report, PollError> {
        let config = Arc::clone(self.roster.config());
        let settings = config
            .workbooks
            .iter()
            .find(|book| book.id == workbook)
            .ok_or_else(|| PollError::UnknownWorkbook(workbook.to_owned()))?;
        let mut book = self.books.remove(workbook).unwrap_or_default();
        let polled = self.poll_book(settings, &mut book, now, mode).await;
        if polled.is_err() {
            // What the store holds is the truth; a half-made base is not.
            book.base = None;
        }
        self.books.insert(workbook.to_owned(), book);
        polled
    }

    async fn poll_book(
        &self,
        settings: &Workbook,
        book: &mut Book,
        now: Timestamp,
        mode: Mode,
    ) -> Result<Report, PollError> {
        if book.base.is_none() {
            let (base, pending) =
                tokio::task::block_in_place(|| base::load(&self.roster, settings))?;
            book.base = Some(base);
            book.pending = pending;
        }
        let reads = match self.read(settings, book, now).await {
            Err(PollError::Google(GoogleError::UnknownRange { .. })) => {
                // A tab was renamed since its name was asked for: ask, then say which.
                book.metadata = None;
                self.read(settings, book, now).await?
            }
            other => other?,
        };
        let base = book
            .base
            .as_mut()
            .expect("it was loaded above, and reading does not drop it");
        let polled = book.polled;
        let report = tokio::task::block_in_place(|| {
            // Buttons read and write records as well; nothing of theirs may be written over.
            let _alone = self.roster.store().alone();
            accept::take(
                &self.roster,
                &settings.id,
                base,
                &mut book.pending,
                reads,
                polled,
                now,
                mode,
            )
        })
        .map_err(PollError::Store)?;
        if mode == Mode::Real && report.tabs.iter().all(|tab| tab.held.is_none()) {
            book.polled = Some(now);
        }
        Ok(report)
    }

    async fn read(
        &self,
        settings: &Workbook,
        book: &mut Book,
        now: Timestamp,
    ) -> Result<Vec<fetch::TabRead>, PollError> {
        let metadata = self.metadata(settings, book, now).await?;
        let known: BTreeMap<i64, String> = self
            .roster
            .tabs(&settings.id)?
            .into_iter()
            .map(|tab| (tab.sheet, tab.title))
            .collect();
        let (plans, missing) = fetch::plan_tabs(settings, &metadata, &known, |tab| {
            self.roster.fields_of(tab)
        });
        if !missing.is_empty() {
            book.metadata = None; // so that putting it right is seen at the next poll
            return Err(PollError::Tabs(missing));
        }
        let hashes = book.base.as_ref().map(Base::hashes).unwrap_or_default();
        Ok(fetch::read_tabs(
            &self.google,
            &settings.id,
            plans,
            Arc::new(hashes),
            self.roster.stages(),
        )
        .await?)
    }

    /// Title, locale and tabs; asked for again when they are old.
    async fn metadata(
        &self,
        settings: &Workbook,
        book: &mut Book,
        now: Timestamp,
    ) -> Result<Metadata, PollError> {
        let patterns = settings.tabs.iter().any(|tab| tab.name.is_pattern());
        let good_for = if patterns {
            METADATA_FOR_PATTERNS
        } else {
            METADATA_FOR
        };
        if let Some((metadata, at)) = &book.metadata
            && now.duration_since(*at) < good_for
        {
            return Ok(metadata.clone());
        }
        let metadata = self.google.metadata(&settings.id).await?;
        let meta = WorkbookMeta {
            title: metadata.title.clone(),
            locale: metadata.locale.clone(),
            time_zone: metadata.time_zone.clone(),
        };
        if self.roster.workbook(&settings.id)? != meta {
            self.roster.keep_workbook(&settings.id, &meta)?;
        }
        book.metadata = Some((metadata.clone(), now));
        Ok(metadata)
    }
}

/// Whether the rows of a tab are records, and if so whether the tab is a whole stage or one person's.
fn given_cells(kind: &TabKind) -> (Option<&str>, Option<&str>) {
    match kind {
        TabKind::Customers { stage, owner } => (stage.as_deref(), owner.as_deref()),
        TabKind::Appointments { .. } | TabKind::Staff { .. } => (None, None),
    }
}
