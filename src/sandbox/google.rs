//! A loopback Google: the OAuth token endpoint, Sheets v4, the little of Drive v3 that clients need
//! to find a workbook, and beside them a control interface for staff edits and faults.
//!
//! Faithful enough that gspread, google-api-python-client and google-sheets4 work against it. It
//! computes no formulas, and it shows nothing by itself: `page` does.
//!
//! [`GoogleSandbox`] is the handle: cheap to clone, safe to share. The lock inside is held for
//! moments and never over an await; reads work on a snapshot.

mod a1;
mod api;
mod batch;
mod cell;
mod collate;
mod control;
mod demo;
mod drive;
mod dump;
mod edit;
mod entry;
mod errors;
mod faults;
mod format;
mod mask;
mod open;
mod open_file;
mod serve;
mod spreadsheets;
mod token;
mod values;
mod workbook;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use cell::{Cell, CellValue};
pub use demo::demo_workbook;
pub use edit::{CellEdit, Edit, EditError, Edited};
pub use faults::{Effect, Fault, RequestRecord};
pub use open::OpenError;
pub use token::SERVICE_ACCOUNT;
pub use workbook::{Role, Tab, Workbook};

use edit::Undo;
use errors::ApiError;
use faults::{Quota, RequestLog};
use token::TokenDesk;

/// How long `shutdown` waits for requests in hand before it ends them.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(500);

/// How the sandbox behaves from the start; each can be changed later on the handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoogleOptions {
    /// How long an access token lasts. Google's last an hour, which is the default.
    pub token_lifetime: Duration,
    /// Reads, and as many writes, a minute for each account; `None` (the default) for no limit.
    /// Google's own number is 60.
    pub quota_per_minute: Option<u32>,
}

impl Default for GoogleOptions {
    fn default() -> GoogleOptions {
        GoogleOptions {
            token_lifetime: Duration::from_secs(3600),
            quota_per_minute: None,
        }
    }
}

/// A running sandbox.
#[derive(Debug, Clone)]
pub struct GoogleSandbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    base_url: Mutex<String>,
    state: Mutex<State>,
    changes: watch::Sender<u64>,
    stop: CancellationToken,
    server: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct State {
    workbooks: BTreeMap<String, Workbook>,
    /// The id of the workbook added first: what the control interface means if none is named.
    first: Option<String>,
    tokens: TokenDesk,
    faults: Vec<Fault>,
    log: RequestLog,
    quota: Quota,
    undo: BTreeMap<String, Vec<Undo>>,
    /// How far the sandbox's clock runs ahead, in milliseconds.
    ahead_ms: i64,
    created: u64,
}

/// Locks; a panic elsewhere leaves the data as it was, which is good enough for a sandbox.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a sandbox without workbooks on `listen` (port 0 for a free one).
///
/// # Errors
/// If the address cannot be bound; the message names it and says what to do.
pub async fn start(listen: SocketAddr, options: GoogleOptions) -> io::Result<GoogleSandbox> {
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("the Google sandbox cannot listen on {listen}: {error}; stop what uses that port, or choose another (0 takes a free one)"),
        )
    })?;
    let address = listener.local_addr()?;
    let sandbox = GoogleSandbox::unbound(&format!("http://{address}"), options);
    let service = sandbox
        .router()
        .into_make_service_with_connect_info::<serve::Line>();
    let stop = sandbox.shared.stop.clone();
    let server = tokio::spawn(async move {
        let served = axum::serve(serve::LineListener(listener), service)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await;
        if let Err(error) = served {
            tracing::warn!(%error, "the Google sandbox stopped serving");
        }
    });
    *lock(&sandbox.shared.server) = Some(server);
    Ok(sandbox)
}

impl GoogleSandbox {
    /// A sandbox that serves nothing by itself: mount [`GoogleSandbox::router`] where `base_url`
    /// (without a `/` at the end) leads.
    pub fn unbound(base_url: &str, options: GoogleOptions) -> GoogleSandbox {
        let lifetime_s = i64::try_from(options.token_lifetime.as_secs()).unwrap_or(i64::MAX >> 1);
        GoogleSandbox {
            shared: Arc::new(Shared {
                base_url: Mutex::new(base_url.to_owned()),
                state: Mutex::new(State {
                    workbooks: BTreeMap::new(),
                    first: None,
                    tokens: TokenDesk::new(lifetime_s),
                    faults: Vec::new(),
                    log: RequestLog::default(),
                    quota: Quota::new(options.quota_per_minute),
                    undo: BTreeMap::new(),
                    ahead_ms: 0,
                    created: 0,
                }),
                changes: watch::channel(0).0,
                stop: CancellationToken::new(),
                server: Mutex::new(None),
            }),
        }
    }

    /// Everything the sandbox answers: `/token`, `/v4/…`, `/drive/v3/…`, `/control/…`.
    pub fn router(&self) -> Router {
        Router::new()
            .fallback(serve::answer)
            .with_state(self.clone())
    }

    /// Where it listens, without a `/` at the end: `http://127.0.0.1:40123`. This is what
    /// `[google] sheets_url` wants.
    pub fn base_url(&self) -> String {
        lock(&self.shared.base_url).clone()
    }

    /// The content of a key file for the built-in service account, with `token_uri` on this sandbox.
    pub fn key_json(&self) -> Value {
        token::key_file(&self.base_url())
    }

    /// Ends the server: no new requests, those in hand have half a second.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        let server = lock(&self.shared.server).take();
        if let Some(mut server) = server
            && tokio::time::timeout(SHUTDOWN_GRACE, &mut server)
                .await
                .is_err()
        {
            server.abort();
        }
    }

    // --- Workbooks ---

    /// Adds a workbook, or replaces the one of the same id. The first one added is the one that
    /// control requests mean if they name none.
    pub fn add_workbook(&self, workbook: Workbook) {
        let mut state = lock(&self.shared.state);
        state.first.get_or_insert_with(|| workbook.id.clone());
        state.undo.remove(&workbook.id);
        state.workbooks.insert(workbook.id.clone(), workbook);
        drop(state);
        self.announce();
    }

    /// Takes a workbook away, as when it is deleted: clients get 404. False if there was none.
    pub fn remove_workbook(&self, id: &str) -> bool {
        let mut state = lock(&self.shared.state);
        let removed = state.workbooks.remove(id).is_some();
        if state.first.as_deref() == Some(id) {
            state.first = state.workbooks.keys().next().cloned();
        }
        drop(state);
        self.announce();
        removed
    }

    /// A snapshot of a workbook.
    pub fn workbook(&self, id: &str) -> Option<Workbook> {
        lock(&self.shared.state).workbooks.get(id).cloned()
    }

    /// Snapshots of all workbooks, by id.
    pub fn workbooks(&self) -> Vec<Workbook> {
        lock(&self.shared.state)
            .workbooks
            .values()
            .cloned()
            .collect()
    }

    /// The id of the workbook added first.
    pub fn first_workbook(&self) -> Option<String> {
        lock(&self.shared.state).first.clone()
    }

    /// A number that moves on with every change of any workbook; await it instead of polling.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    fn announce(&self) {
        self.shared.changes.send_modify(|count| *count += 1);
    }

    /// Edits a workbook as staff would: all edits or none, as one change with one undo.
    ///
    /// # Errors
    /// The first edit that cannot be done, in words that say what is wrong.
    pub fn edit(&self, id: &str, edits: &[Edit]) -> Result<Edited, EditError> {
        let year = self.this_year();
        let mut state = lock(&self.shared.state);
        let before = state
            .workbooks
            .get(id)
            .ok_or_else(|| EditError::NoWorkbook(id.to_owned()))?
            .clone();
        let mut after = before.clone();
        let mut row = None;
        for edit in edits {
            row = edit::apply(&mut after, edit, year)?.or(row);
        }
        after.touch_differences(&before);
        let version = after.version;
        let undo = Undo::between(&before, &after);
        state.workbooks.insert(id.to_owned(), after);
        edit::remember(state.undo.entry(id.to_owned()).or_default(), undo);
        drop(state);
        self.announce();
        Ok(Edited { version, row })
    }

    /// Takes the last [`GoogleSandbox::edit`] back; what API clients wrote to other tabs stays.
    ///
    /// # Errors
    /// If there is no such workbook, or nothing to take back.
    pub fn undo(&self, id: &str) -> Result<Edited, EditError> {
        let mut state = lock(&self.shared.state);
        let last = state.undo.get_mut(id).and_then(Vec::pop);
        let workbook = state
            .workbooks
            .get_mut(id)
            .ok_or_else(|| EditError::NoWorkbook(id.to_owned()))?;
        let last = last.ok_or(EditError::NothingToUndo)?;
        let before = workbook.clone();
        last.restore(workbook);
        workbook.touch_differences(&before);
        let version = workbook.version;
        drop(state);
        self.announce();
        Ok(Edited { version, row: None })
    }

    /// What a page shows of a workbook: see `GET /control/workbook/ID`. `since` leaves out the rows
    /// of tabs that have not changed after that version.
    pub fn dump(&self, id: &str, since: Option<u64>) -> Option<Value> {
        self.workbook(id)
            .map(|workbook| dump::dump(&workbook, since))
    }

    /// An API client's write: on a copy, kept only if it succeeds.
    fn write(
        &self,
        id: &str,
        change: impl FnOnce(&mut Workbook) -> Result<Value, ApiError>,
    ) -> Result<Value, ApiError> {
        let mut state = lock(&self.shared.state);
        let before = state.workbooks.get(id).ok_or_else(ApiError::not_found)?;
        let mut after = before.clone();
        let answer = change(&mut after)?;
        after.touch_differences(before);
        state.workbooks.insert(id.to_owned(), after);
        drop(state);
        self.announce();
        Ok(answer)
    }

    fn free_id(&self) -> String {
        let mut state = lock(&self.shared.state);
        state.created += 1;
        format!("1SandboxCreated_{:0>28}", state.created)
    }

    // --- Accounts, faults, quota, clock ---

    /// Makes a further service account known by its public key in PEM.
    ///
    /// # Errors
    /// A sentence that says why the text is no RSA public key.
    pub fn register_account(&self, email: &str, public_key_pem: &str) -> Result<(), String> {
        lock(&self.shared.state)
            .tokens
            .register(email, public_key_pem)
    }

    /// Deletes an account, the built-in one too; its tokens end. False if it was not known.
    pub fn unregister_account(&self, email: &str) -> bool {
        lock(&self.shared.state).tokens.unregister(email)
    }

    /// Ends every access token: the next call gets 401.
    pub fn revoke_tokens(&self) {
        lock(&self.shared.state).tokens.revoke_all();
    }

    /// How long tokens last that are given out from now on.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        lock(&self.shared.state).tokens.lifetime_s =
            i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX >> 1);
    }

    /// Reads, and as many writes, a minute for each account; `None` for no limit.
    pub fn set_quota(&self, per_minute: Option<u32>) {
        lock(&self.shared.state).quota = Quota::new(per_minute);
    }

    /// Orders a fault; earlier ones come first.
    pub fn add_fault(&self, fault: Fault) {
        lock(&self.shared.state).faults.push(fault);
    }

    /// The faults still to come.
    pub fn faults(&self) -> Vec<Fault> {
        lock(&self.shared.state).faults.clone()
    }

    /// Cancels all faults.
    pub fn clear_faults(&self) {
        lock(&self.shared.state).faults.clear();
    }

    fn take_fault(&self, method: &str, path: &str) -> Option<Effect> {
        faults::take(&mut lock(&self.shared.state).faults, method, path)
    }

    /// The requests answered so far (the last 20 000), control requests apart.
    pub fn requests(&self) -> Vec<RequestRecord> {
        lock(&self.shared.state)
            .log
            .records
            .iter()
            .cloned()
            .collect()
    }

    /// How many of them have this in their path or query.
    pub fn request_count(&self, part: &str) -> usize {
        lock(&self.shared.state)
            .log
            .records
            .iter()
            .filter(|record| record.path.contains(part) || record.query.contains(part))
            .count()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        lock(&self.shared.state).log = RequestLog::default();
    }

    /// Moves the sandbox's clock: tokens age, quota minutes pass.
    pub fn advance_clock(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX >> 1);
        let mut state = lock(&self.shared.state);
        state.ahead_ms = state.ahead_ms.saturating_add(by);
    }

    /// The sandbox's clock, in Unix milliseconds.
    fn now_ms(&self) -> i64 {
        // The outside world has a clock of its own; this is the one place it is read.
        #[allow(clippy::disallowed_methods)]
        let now = jiff::Timestamp::now().as_millisecond();
        now.saturating_add(lock(&self.shared.state).ahead_ms)
    }

    fn now_s(&self) -> i64 {
        self.now_ms() / 1000
    }

    /// The year in which a date typed without one is completed (UTC is near enough).
    fn this_year(&self) -> i16 {
        jiff::Timestamp::from_millisecond(self.now_ms())
            .map_or(2026, |now| now.to_zoned(jiff::tz::TimeZone::UTC).year())
    }
}
