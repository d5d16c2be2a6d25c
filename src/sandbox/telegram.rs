//! A Telegram Bot API on loopback, with people on its other side.
//!
//! Bots speak to it as to `api.telegram.org`: `/bot<TOKEN>/<method>` by GET or POST, parameters in the query,
//! a form, JSON or multipart. Texts are parsed, limits and refusals are said in Telegram's words. The other
//! side is a set of people who write, press buttons, share numbers and block the bot: by the functions of
//! [`BotSandbox`], or over HTTP under `/people` (see `desk`). How chats look on a page is left to the page.
//!
//! Webhooks are remembered but never called, and files on the web are not fetched: nothing leaves the machine.

mod api;
mod desk;
mod fault;
mod keyboard;
mod limits;
mod markup;
mod methods;
mod params;
mod people;
mod refusal;
mod server;
mod view;
mod world;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use fault::{Act, Fault, Times};
pub use keyboard::{Button, ButtonAct, KeyButton};
pub use limits::Limits;
pub use markup::{Entity, Kind};
pub use people::{CannotDo, NoAnswer};
pub use view::{ChatView, NoMessage, ShownFile, ShownMessage};
pub use world::{CallbackAnswer, ChatKind, Contact, Person};

use server::{Line, Switchboard};
use world::World;

/// A running Bot API; clones are handles to the same one. It ends with [`BotSandbox::shutdown`].
#[derive(Clone)]
pub struct BotSandbox {
    shared: Arc<Shared>,
    addr: SocketAddr,
}

impl std::fmt::Debug for BotSandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BotSandbox")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

/// What both sides see.
struct Shared {
    token: String,
    world: Mutex<World>,
    faults: Mutex<Vec<Fault>>,
    revision: watch::Sender<u64>,
    /// Counts the polls: a change ends the one that waits.
    polls: watch::Sender<u64>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Shared {
    /// Nothing is left half-done under this lock, so a panic elsewhere does not make the value wrong.
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }

    fn end_poll(&self) {
        self.polls.send_modify(|poll| *poll += 1);
    }

    /// Ends the poll that waits, and returns the number of this one: it is over when `polls` moves on.
    fn begin_poll(&self) -> u64 {
        let mut turn = 0;
        self.polls.send_modify(|poll| {
            *poll += 1;
            turn = *poll;
        });
        turn
    }
}

/// How long a shutdown waits for answers under way.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(2);

impl BotSandbox {
    /// Listens on `listen` (port 0 picks one) for one bot with this token and `@`-name (given without the `@`).
    /// The bot's id is the number before the token's colon.
    ///
    /// # Errors
    /// An address that cannot be bound, named in the text.
    pub async fn start(listen: SocketAddr, token: &str, bot_username: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("Bot API sandbox cannot listen on {listen}: {error}"),
            )
        })?;
        let addr = listener.local_addr()?;
        let bot_id = token
            .split(':')
            .next()
            .and_then(|id| id.parse().ok())
            .unwrap_or(1);
        let shared = Arc::new(Shared {
            token: token.to_owned(),
            world: Mutex::new(World::new(bot_id, bot_username)),
            faults: Mutex::default(),
            revision: watch::Sender::new(0),
            polls: watch::Sender::new(0),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let sandbox = Self { shared, addr };
        let service = server::routes(sandbox.clone()).into_make_service_with_connect_info::<Line>();
        let stop = sandbox.shared.stop.clone().cancelled_owned();
        let serving = axum::serve(Switchboard(listener), service).with_graceful_shutdown(stop);
        sandbox.shared.tasks.spawn(async move { serving.await });
        sandbox.shared.tasks.close();
        Ok(sandbox)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What a bot takes for `https://api.telegram.org`: `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Where the people's side is over HTTP.
    pub fn people_url(&self) -> String {
        format!("{}/people", self.base_url())
    }

    /// The bot's token.
    pub fn token(&self) -> &str {
        &self.shared.token
    }

    /// The bot's name without the `@`.
    pub fn username(&self) -> String {
        self.shared.world().username.clone()
    }

    /// Grows with everything that happens on either side: for cheap polling.
    pub fn revision(&self) -> u64 {
        *self.shared.revision.borrow()
    }

    /// A receiver that wakes when [`BotSandbox::revision`] grows.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.revision.subscribe()
    }

    /// How often each method was called, by its name in lower case.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.shared.world().calls.clone()
    }

    /// The bot's commands as `setMyCommands` left them for everybody, in no particular language.
    pub fn commands(&self) -> Value {
        let key = r#"{"type":"default"}/"#;
        self.shared
            .world()
            .commands
            .get(key)
            .cloned()
            .unwrap_or_default()
    }

    /// Turns the flood limits on or off; they start off. Counting starts anew.
    pub fn set_limits(&self, limits: Option<Limits>) {
        let mut world = self.shared.world();
        world.limits = limits;
        world.flood = limits::Flood::default();
    }

    /// Adds a fault; the first one added that fits a call is the one that strikes.
    pub fn fault(&self, fault: Fault) {
        self.shared.faults().push(fault);
    }

    /// The faults that are still to strike.
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.faults().clone()
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// Puts the server's clock forward: presses grow too old to be answered, messages too old to be deleted.
    pub fn advance(&self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let mut world = self.shared.world();
        world.ahead_ms = world.ahead_ms.saturating_add(ms);
    }

    /// Stops listening, ends waiting polls with what they have, and drops what is still open after 2 s.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        // What is not done by then belongs to clients that hold on; the runtime ends it.
        let _ = tokio::time::timeout(SHUTDOWN_PATIENCE, self.shared.tasks.wait()).await;
    }

    fn strike(&self, method: &str, chat: Option<i64>) -> Option<Fault> {
        fault::strike(&mut self.shared.faults(), method, chat)
    }

    /// What `look` finds, now or after a change within `timeout`.
    async fn until<T>(&self, timeout: Duration, look: impl Fn() -> Option<T>) -> Option<T> {
        let mut revision = self.shared.revision.subscribe();
        let found = async {
            loop {
                revision.mark_unchanged();
                if let Some(found) = look() {
                    return Some(found);
                }
                revision.changed().await.ok()?;
            }
        };
        tokio::time::timeout(timeout, found).await.ok().flatten()
    }
}
