//! An SMTP server on loopback (RFC 5321) that keeps what it is given in memory.
//!
//! It speaks EHLO and HELO, PIPELINING, 8BITMIME, SMTPUTF8, SIZE, ENHANCEDSTATUSCODES, STARTTLS and
//! AUTH PLAIN and LOGIN, in plain, with STARTTLS, and on a second listener with TLS from the start.
//! Every stage of a session can be made to fail ([`Fault`]). It relays nothing and writes nothing to
//! disk; what a mailbox page looks like is left to the page.

mod fault;
mod mail;
mod path;
mod session;
mod tls;
mod wire;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use fault::{Act, Fault, Stage, Times};
pub use mail::{Attachment, Mailbox, Received, View};
pub use tls::CertificateAuthority;

/// How the server behaves; [`Options::default`] is an open server that also offers STARTTLS.
#[derive(Debug, Clone)]
pub struct Options {
    /// The name in the greeting and in the certificate (which also covers `localhost` and loopback).
    pub hostname: String,
    /// User and password; when set, mail is taken only after AUTH.
    pub credentials: Option<Credentials>,
    /// Whether STARTTLS is offered on the first listener.
    pub starttls: bool,
    /// When true, mail and AUTH on the first listener are refused (530, 538) before STARTTLS.
    pub require_starttls: bool,
    /// A second listener that speaks TLS from the first byte ("smtps"); port 0 picks one.
    pub implicit_tls: Option<SocketAddr>,
    /// The largest message in bytes, announced by SIZE; larger ones get `552 5.3.4`.
    pub size_limit: usize,
    /// The longest line of a body in bytes, with its CRLF; longer ones get `554 5.6.0`. RFC 5321 says 1000.
    pub line_limit: usize,
    /// Recipients a message may have; the next gets `452 4.5.3`.
    pub recipient_limit: usize,
    /// A session is closed with 421 after this long without a byte.
    pub idle_timeout: Duration,
    /// How many messages are kept; the oldest go first.
    pub keep: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hostname: "mail.sandbox.localhost".to_owned(),
            credentials: None,
            starttls: true,
            require_starttls: false,
            implicit_tls: None,
            size_limit: 35 * 1024 * 1024,
            line_limit: 1000,
            recipient_limit: 100,
            idle_timeout: Duration::from_secs(300),
            keep: 200_000,
        }
    }
}

/// What AUTH must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name, compared exactly.
    pub user: String,
    /// The password, compared exactly.
    pub password: String,
}

impl Credentials {
    /// A pair of user and password.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
        }
    }
}

/// What has happened so far, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Connections taken, both listeners.
    pub connections: u64,
    /// Connections open now.
    pub open: u64,
    /// Messages kept, including those dropped or cleared since.
    pub kept: u64,
    /// Successful log-ins.
    pub logins: u64,
    /// Replies of 4xx and 5xx, faults included.
    pub refusals: u64,
}

/// The messages did not come in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("waited {waited:?} for {wanted} mails, {have} came")]
pub struct TooFew {
    /// How many were waited for.
    pub wanted: usize,
    /// How many there are.
    pub have: usize,
    /// How long it was waited.
    pub waited: Duration,
}

/// A running server; clones are handles to the same one. It ends with [`SmtpSandbox::shutdown`].
#[derive(Clone)]
pub struct SmtpSandbox {
    shared: Arc<Shared>,
    addr: SocketAddr,
    tls_addr: Option<SocketAddr>,
}

impl std::fmt::Debug for SmtpSandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpSandbox")
            .field("addr", &self.addr)
            .field("tls_addr", &self.tls_addr)
            .finish_non_exhaustive()
    }
}

/// What all sessions see.
struct Shared {
    options: Options,
    authority: CertificateAuthority,
    mailbox: Mutex<VecDeque<Arc<Received>>>,
    faults: Mutex<Vec<Fault>>,
    revision: watch::Sender<u64>,
    connections: AtomicU64,
    open: AtomicU64,
    kept: AtomicU64,
    logins: AtomicU64,
    refusals: AtomicU64,
    stop: CancellationToken,
    sessions: TaskTracker,
}

impl SmtpSandbox {
    /// Listens on `listen` (port 0 picks one) and serves until [`SmtpSandbox::shutdown`].
    ///
    /// # Errors
    /// An address that cannot be bound, named in the text; a certificate that cannot be made.
    pub async fn start(listen: SocketAddr, options: Options) -> io::Result<Self> {
        let plain = bind(listen).await?;
        let with_tls = match options.implicit_tls {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let addr = plain.local_addr()?;
        let tls_addr = with_tls.as_ref().map(TcpListener::local_addr).transpose()?;
        let shared = Arc::new(Shared {
            authority: CertificateAuthority::new(&options.hostname)?,
            options,
            mailbox: Mutex::default(),
            faults: Mutex::default(),
            revision: watch::Sender::new(0),
            connections: AtomicU64::new(0),
            open: AtomicU64::new(0),
            kept: AtomicU64::new(0),
            logins: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            stop: CancellationToken::new(),
            sessions: TaskTracker::new(),
        });
        shared
            .sessions
            .spawn(accept(Arc::clone(&shared), plain, false));
        if let Some(listener) = with_tls {
            shared
                .sessions
                .spawn(accept(Arc::clone(&shared), listener, true));
        }
        shared.sessions.close();
        Ok(Self {
            shared,
            addr,
            tls_addr,
        })
    }

    /// Where the plain or STARTTLS listener is.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where the listener with TLS from the start is, if one was asked for.
    pub fn tls_addr(&self) -> Option<SocketAddr> {
        self.tls_addr
    }

    /// The certificate of the authority that signed the server's, as PEM: what a client must trust.
    pub fn ca_pem(&self) -> &str {
        self.shared.authority.pem()
    }

    /// The mails kept, oldest first.
    pub fn messages(&self) -> Vec<Arc<Received>> {
        self.shared.mailbox().iter().cloned().collect()
    }

    /// The mail with this number, if it is still kept.
    pub fn message(&self, id: u64) -> Option<Arc<Received>> {
        self.shared
            .mailbox()
            .iter()
            .find(|mail| mail.id == id)
            .cloned()
    }

    /// Waits until at least `count` mails are kept and returns all of them, oldest first.
    ///
    /// # Errors
    /// [`TooFew`] when they are not there after `timeout`.
    pub async fn wait_for(
        &self,
        count: usize,
        timeout: Duration,
    ) -> Result<Vec<Arc<Received>>, TooFew> {
        let mut revision = self.shared.revision.subscribe();
        let enough = async {
            // The sender lives in `shared`, which this handle holds: the wait cannot end by its loss.
            while self.shared.mailbox().len() < count && revision.changed().await.is_ok() {}
        };
        let in_time = tokio::time::timeout(timeout, enough).await.is_ok();
        let mails = self.messages();
        if in_time && mails.len() >= count {
            return Ok(mails);
        }
        Err(TooFew {
            wanted: count,
            have: mails.len(),
            waited: timeout,
        })
    }

    /// Forgets all mails; faults, numbers and counters stay.
    pub fn clear(&self) {
        self.shared.mailbox().clear();
        self.shared.touch();
    }

    /// Grows by one with every mail that is kept and every [`SmtpSandbox::clear`]: for cheap polling.
    pub fn revision(&self) -> u64 {
        *self.shared.revision.borrow()
    }

    /// A receiver that wakes when [`SmtpSandbox::revision`] grows.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.revision.subscribe()
    }

    /// What has happened so far.
    pub fn counts(&self) -> Counts {
        let shared = &self.shared;
        Counts {
            connections: shared.connections.load(Ordering::SeqCst),
            open: shared.open.load(Ordering::SeqCst),
            kept: shared.kept.load(Ordering::SeqCst),
            logins: shared.logins.load(Ordering::SeqCst),
            refusals: shared.refusals.load(Ordering::SeqCst),
        }
    }

    /// Adds a fault; the first one added that fits a stage is the one that strikes.
    pub fn fault(&self, fault: Fault) {
        lock(&self.shared.faults).push(fault);
    }

    /// The faults that are still to strike.
    pub fn faults(&self) -> Vec<Fault> {
        lock(&self.shared.faults).clone()
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        lock(&self.shared.faults).clear();
    }

    /// Stops listening and drops every open session, as a machine that loses its network.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.shared.sessions.wait().await;
    }
}

impl Shared {
    fn mailbox(&self) -> MutexGuard<'_, VecDeque<Arc<Received>>> {
        lock(&self.mailbox)
    }

    fn touch(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// Keeps a mail under the next number, which is returned.
    fn keep(&self, mut mail: Received) -> u64 {
        let mut mailbox = self.mailbox();
        let id = self.kept.fetch_add(1, Ordering::SeqCst) + 1;
        mail.id = id;
        mail.at_ms = unix_ms();
        if mailbox.len() >= self.options.keep.max(1) {
            mailbox.pop_front();
        }
        mailbox.push_back(Arc::new(mail));
        drop(mailbox);
        self.touch();
        id
    }

    /// The fault that strikes at this stage, used up by one.
    fn strike(&self, stage: Stage, addresses: &[String]) -> Option<Fault> {
        fault::strike(&mut lock(&self.faults), stage, addresses)
    }
}

/// Nothing is left half-done under these locks, so a panic elsewhere does not make the value wrong.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("SMTP sandbox cannot listen on {address}: {error}"),
        )
    })
}

/// How long the listener rests after an accept that failed, which means no file handles are left.
const ACCEPT_REST: Duration = Duration::from_millis(100);

async fn accept(shared: Arc<Shared>, listener: TcpListener, tls: bool) {
    let stop = shared.stop.clone();
    loop {
        let stream = match stop.run_until_cancelled(listener.accept()).await {
            None => return,
            Some(Ok((stream, _peer))) => stream,
            Some(Err(_no_handles)) => {
                tokio::time::sleep(ACCEPT_REST).await;
                continue;
            }
        };
        let shared = Arc::clone(&shared);
        let stop = stop.clone();
        // The tracker is closed only in the sense that waiting for it can end; it still takes tasks.
        shared.sessions.clone().spawn(async move {
            stop.run_until_cancelled(serve(&shared, stream, tls)).await;
        });
    }
}

async fn serve(shared: &Arc<Shared>, stream: TcpStream, tls: bool) {
    let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
    let _open = Open::count(shared);
    // Without it every reply waits for the client's acknowledgement; a socket that refuses is merely slower.
    let _ = stream.set_nodelay(true);
    session::run(shared, stream, number, tls).await;
}

/// Counts a connection as open for as long as it lives, however the session ends.
struct Open<'a>(&'a Shared);

impl<'a> Open<'a> {
    fn count(shared: &'a Shared) -> Self {
        shared.open.fetch_add(1, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Milliseconds since 1970: the outside world has a clock of its own.
#[allow(clippy::disallowed_methods)]
fn unix_ms() -> u64 {
    let since_1970 = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}
