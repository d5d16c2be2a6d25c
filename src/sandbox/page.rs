//! The demo page: the sheet as an editable grid, the mailbox, the chats, and a plain-language log of
//! what the bridge saw and decided.
//!
//! It talks to the three sandboxes through their handles and to nothing else. What the bridge does it
//! learns only from the lines pushed into its [`LogFeed`]. One page is for one workbook; the browser
//! holds one long request open (`GET /api/state`) and is answered when something changed.

mod assets;
mod chats;
mod guard;
mod log;
mod mails;
mod serve;
mod state;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::google::GoogleSandbox;
use super::smtp::SmtpSandbox;
use super::telegram::BotSandbox;

pub use log::{Kind, LogFeed, LogLine, StatusLine};

/// What the button "Làm lại từ đầu" calls, on a thread that may block. When it returns, the workbook,
/// the mailbox, the chats and the log should be as at the start.
pub type Reset = Arc<dyn Fn() + Send + Sync>;

/// What a page shows.
pub struct Parts {
    /// Where the workbook is.
    pub google: GoogleSandbox,
    /// Which workbook.
    pub workbook_id: String,
    /// Where the mails come in.
    pub smtp: SmtpSandbox,
    /// Where the chats are.
    pub bot: BotSandbox,
    /// What the bridge says about itself.
    pub log: LogFeed,
    /// Starts all over; without it the button is not shown.
    pub reset: Option<Reset>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("workbook_id", &self.workbook_id)
            .field("reset", &self.reset.is_some())
            .finish_non_exhaustive()
    }
}

/// What the answers are made from.
struct Shared {
    parts: Parts,
    /// Where the page listens: other addresses in `Host` may be a trick, see `guard`.
    addr: SocketAddr,
    /// Counts the resets: a browser that knows an older one is told everything anew.
    epoch: AtomicU64,
    chats: Mutex<chats::Shelf>,
    stop: CancellationToken,
}

impl Shared {
    /// Names this run and the resets in it. The process id tells two runs on one port apart.
    fn epoch(&self) -> String {
        format!(
            "{}.{}",
            std::process::id(),
            self.epoch.load(Ordering::SeqCst)
        )
    }
}

/// Nothing is left half-done under these locks, so a panic elsewhere does not make the value wrong.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a shutdown waits for answers under way; the long requests end by themselves at once.
const SHUTDOWN_PATIENCE: Duration = Duration::from_millis(300);

/// A running page; clones are handles to the same one. It ends with [`Page::shutdown`].
#[derive(Clone)]
pub struct Page {
    shared: Arc<Shared>,
    server: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("addr", &self.shared.addr)
            .finish_non_exhaustive()
    }
}

impl Page {
    /// Listens on `listen` (port 0 picks one) and serves until [`Page::shutdown`].
    ///
    /// # Errors
    /// An address that cannot be bound; the text names it and says what to do.
    pub async fn start(listen: SocketAddr, parts: Parts) -> io::Result<Page> {
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!(
                    "the page cannot listen on {listen}: {error}; close what uses that address, \
                     or let a free port be chosen with `--listen 127.0.0.1:0`"
                ),
            )
        })?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            parts,
            addr,
            epoch: AtomicU64::new(0),
            chats: Mutex::default(),
            stop: CancellationToken::new(),
        });
        let router = serve::routes(Arc::clone(&shared));
        let stop = shared.stop.clone().cancelled_owned();
        let server = tokio::spawn(async move {
            let served = axum::serve(listener, router).with_graceful_shutdown(stop);
            if let Err(error) = served.await {
                tracing::warn!(%error, "the demo page stopped serving");
            }
        });
        Ok(Page {
            shared,
            server: Arc::new(Mutex::new(Some(server))),
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.shared.addr
    }

    /// The address for a browser: `http://127.0.0.1:8800/`.
    pub fn url(&self) -> String {
        format!("http://{}/", self.shared.addr)
    }

    /// Stops listening; waiting requests end at once, others have 0.3 s.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        let server = lock(&self.server).take();
        if let Some(mut server) = server
            && tokio::time::timeout(SHUTDOWN_PATIENCE, &mut server)
                .await
                .is_err()
        {
            server.abort();
        }
    }
}

#[cfg(test)]
mod tests;
