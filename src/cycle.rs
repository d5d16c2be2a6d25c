//! One poll: fetch, read, guard, match, diff, settle, decide, commit. Never sends.
//!
//! A whole poll is matched, guarded and decided before its first commit. A quiet poll of an
//! unchanged workbook reads, fingerprints, and stops: it writes nothing and evaluates no rule.

mod accept;
mod agreed;
mod base;
mod campaigns;
mod claims;
mod describe;
mod doubts;
mod edits;
mod fetch;
mod first_look;
mod fresh;
mod gap;
mod hold;
mod matching;
mod optout;
mod propose;
mod quiet;
mod report;
mod settling;
mod staff;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use crate::config::{TabKind, Workbook};
use crate::core::record::RecordId;
use crate::google::{Google, GoogleError, Metadata};
use crate::roster::{Roster, TabMeta};
use crate::store::StoreError;

use base::Base;
pub use edits::{KeptEdit, TabEdits, UnclearRows, edits_of, unclear_rows};
pub use fetch::MissingTab;
use fetch::{Memo, Width};
pub use hold::{Held, HeldDecision, held_key};
pub use report::{
    Ambiguous, CampaignEvent, ChangeReport, FieldReport, MessageReport, PROBLEMS_LISTED,
    ProblemReport, Report, Settling, TabReport,
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
    base: Option<Arc<Base>>,
    pending: BTreeSet<RecordId>,
    /// What is kept of the tabs, as the last poll left it.
    metas: BTreeMap<i64, TabMeta>,
    /// What the last read taught, by Google's id of the tab.
    memos: BTreeMap<i64, Arc<Memo>>,
    /// Whether tabs are always read whole.
    wide: bool,
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
        let began = Instant::now();
        if book.base.is_none() {
            let metadata = self.metadata(settings, book, now).await?;
            tokio::task::block_in_place(|| self.load(settings, book, &metadata))?;
        }
        let reads = match self.read(settings, book, now).await {
            Err(PollError::Google(GoogleError::UnknownRange { .. })) => {
                // A tab was renamed since its name was asked for: ask, then say which.
                book.metadata = None;
                self.read(settings, book, now).await?
            }
            other => other?,
        };
        let (mut reads, doubts) = reads;
        book.memos = reads
            .iter()
            .map(|read| (read.plan.sheet, Arc::clone(&read.memo)))
            .collect();
        let base = Arc::clone(
            book.base
                .as_ref()
                .expect("it was loaded above, and reading does not drop it"),
        );
        let polled = book.polled;
        // What staff write there is no customer's: neither guard nor settling of the others is its business.
        let written: Vec<fetch::TabRead> = reads
            .extract_if(.., |read| campaigns::is_campaigns(&read.plan.tab))
            .collect();
        let (report, changed) = tokio::task::block_in_place(|| {
            // Buttons read and write records as well; nothing of theirs may be written over.
            let _alone = self.roster.store().alone();
            let events = campaigns::take(&self.roster, &settings.id, &written, now, mode)?;
            if doubts.are_none() && quiet::is_quiet(&self.roster, &settings.id, book, &reads)? {
                let quiet = quiet::report(&self.roster, &settings.id, &reads, now);
                return Ok((quiet.with_campaigns(events), false));
            }
            let taken = accept::take(
                &self.roster,
                &settings.id,
                &base,
                &mut book.pending,
                accept::Seen {
                    reads,
                    doubts,
                    polled,
                    began,
                },
                now,
                mode,
            )?;
            if let Some(next) = taken.next {
                book.base = Some(Arc::new(next));
            }
            book.metas = self.metas(&settings.id)?;
            Ok((taken.report.with_campaigns(events), mode == Mode::Real))
        })
        .map_err(PollError::Store)?;
        if changed {
            // Nobody waits for that: what was decided is sent meanwhile.
            // Settling asks of each who else it might be; a command that reads once settles none of them.
            let many_wait = book.polled.is_some() && book.pending.len() >= write::MANY;
            let look = || match many_wait {
                true => self.roster.know_persons(),
                false => self.roster.catch_up(),
            };
            tokio::task::block_in_place(look).map_err(PollError::Store)?;
        }
        if mode == Mode::Real && report.tabs.iter().all(|tab| tab.held.is_none()) {
            book.polled = Some(now);
        }
        Ok(report)
    }

    /// Reads back what the store holds of a workbook.
    fn load(
        &self,
        settings: &Workbook,
        book: &mut Book,
        metadata: &Metadata,
    ) -> Result<(), StoreError> {
        let titles = metadata
            .tabs
            .iter()
            .map(|info| (info.sheet, info.title.clone()))
            .collect();
        let (base, pending) = base::load(&self.roster, settings, &titles)?;
        book.base = Some(Arc::new(base));
        book.pending = pending;
        book.metas = self.metas(&settings.id)?;
        Ok(())
    }

    fn metas(&self, workbook: &str) -> Result<BTreeMap<i64, TabMeta>, StoreError> {
        let tabs = self.roster.tabs(workbook)?.into_iter();
        Ok(tabs.map(|tab| (tab.sheet, tab)).collect())
    }

    async fn read(
        &self,
        settings: &Workbook,
        book: &mut Book,
        now: Timestamp,
    ) -> Result<(Vec<fetch::TabRead>, doubts::Doubts), PollError> {
        let metadata = self.metadata(settings, book, now).await?;
        let titles: BTreeMap<i64, String> = book
            .metas
            .values()
            .map(|tab| (tab.sheet, tab.title.clone()))
            .collect();
        let (mut plans, missing) = fetch::plan_tabs(settings, &metadata, &titles, |tab| {
            self.roster.fields_of(tab)
        });
        let (doubts, never) = doubts::missing_tabs(
            &self.roster,
            settings,
            &metadata,
            &titles,
            &mut plans,
            missing,
        )?;
        if !never.is_empty() || doubts.wait_for_the_workbook() {
            book.metadata = None; // so that putting it right is seen at the next poll
        }
        if !never.is_empty() {
            return Err(PollError::Tabs(never));
        }
        let base = book.base.clone().unwrap_or_default();
        let known = fetch::Known {
            base: &base,
            memos: &book.memos,
            scratch: self.roster.store().dir(),
        };
        for plan in &mut plans {
            if !book.wide {
                plan.width = Width::of(book.metas.get(&plan.sheet));
            }
        }
        let wide: Vec<fetch::TabPlan> = plans
            .iter()
            .map(|plan| fetch::TabPlan {
                width: Width::Whole,
                ..plan.clone()
            })
            .collect();
        let all_wide = plans.iter().all(|plan| plan.width == Width::Whole);
        let read = async |plans| {
            let stages = self.roster.stages();
            fetch::read_tabs(&self.google, &settings.id, plans, &known, stages).await
        };
        let reads = match read(plans).await {
            // A server that knows no ranges of columns is asked for whole tabs from then on.
            Err(PollError::Google(
                GoogleError::UnknownRange { .. } | GoogleError::Refused { .. },
            )) if !all_wide => {
                let reads = read(wide).await?;
                book.wide = true;
                reads
            }
            // Another header: perhaps a column came, or went out of what is read.
            Ok(reads) if reads.iter().any(|read| read.too_narrow) => read(wide).await?,
            other => other?,
        };
        Ok((reads, doubts))
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
        doubts::keep_metadata(&self.roster, &settings.id, &metadata)?;
        book.metadata = Some((metadata.clone(), now));
        Ok(metadata)
    }
}

/// Whether the rows of a tab are records, and if so whether the tab is a whole stage or one person's.
fn given_cells(kind: &TabKind) -> (Option<&str>, Option<&str>) {
    match kind {
        TabKind::Customers { stage, owner, .. } => (stage.as_deref(), owner.as_deref()),
        TabKind::Appointments { .. } | TabKind::Staff { .. } | TabKind::Campaigns { .. } => {
            (None, None)
        }
    }
}
