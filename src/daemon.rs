//! Wiring: the loops of polling, timers and sending, the bot, the control socket, signals,
//! readiness and the watchdog.

mod loops;
mod parts;
mod reload;
mod upkeep;
mod watch;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::commands::Desk;
use crate::config::{Config, Environment};
use crate::core::delivery::State;
use crate::core::rule::Channel;
use crate::cycle::{Cycle, Report};
use crate::google::Google;
use crate::health::Health;
use crate::outbox::OutboxError;
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;
use crate::web::Web;
use crate::{alarms, clock, control};

use parts::Parts;
pub(crate) use parts::signers;
use watch::Beats;

/// What has not ended so long after SIGTERM is cut off. Longer than the outbox waits for what is on its way
/// (8 s), so that its end is recorded; shorter than the 10 s that are promised.
const LAST_CALL: Duration = Duration::from_secs(9);

/// How the daemon is run.
#[derive(Debug, Default)]
pub struct Settings {
    /// The file that SIGHUP reads again; without one there is no reloading.
    pub config_path: Option<PathBuf>,
    /// The environment that secrets may come from.
    pub environment: Option<Environment>,
    /// Hears what happens, for the demo's log.
    pub news: Option<UnboundedSender<News>>,
}

/// What happens, for whoever shows it to people. No addresses, no names but those of colleagues.
#[derive(Clone, Debug)]
pub enum News {
    /// A workbook was read.
    Polled {
        /// Workbook id.
        workbook: String,
        /// When.
        at: Timestamp,
        /// What it said.
        report: Arc<Report>,
    },
    /// A workbook could not be read.
    PollFailed {
        /// Workbook id.
        workbook: String,
        /// When.
        at: Timestamp,
        /// Why, with the mend.
        why: String,
    },
    /// A message ended, or waits.
    Message {
        /// When.
        at: Timestamp,
        /// Rule id.
        rule: String,
        /// Template name.
        template: String,
        /// By which channel.
        channel: Channel,
        /// Where it stands.
        state: State,
        /// Masked address, or the colleague's name.
        to: String,
        /// Why it stands there.
        why: String,
    },
}

/// Why the daemon ended.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The store: exit code 74.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something in the configuration that only shows when it is used: exit code 78.
    #[error("{0}")]
    Config(String),
    /// An address is in use, or may not be used: exit code 69.
    #[error("{0}")]
    Address(String),
    /// A bug: exit code 75, so that systemd starts it anew.
    #[error("sheetbridge contradicts itself: {0}")]
    Broken(String),
}

impl From<OutboxError> for DaemonError {
    fn from(error: OutboxError) -> Self {
        match error {
            OutboxError::Store(error) => Self::Store(error),
            OutboxError::Step(error) => Self::Broken(error.to_string()),
        }
    }
}

/// Runs until `stop`; then waits up to 8 s for what is in hand (SEMANTICS 36).
///
/// Ready when configuration, store and loops stand: Google, Telegram and SMTP are not waited for,
/// their state shows in `status` and in systemd's status line.
///
/// # Errors
/// See [`DaemonError`].
pub async fn run(
    config: Config,
    settings: Settings,
    stop: CancellationToken,
) -> Result<(), DaemonError> {
    let config = Arc::new(config);
    let store = {
        let dir = config.state_dir.clone();
        tokio::task::spawn_blocking(move || Store::open(&dir))
            .await
            .map_err(|error| DaemonError::Broken(error.to_string()))??
    };
    let health = Health::new(
        clock::now(),
        env!("CARGO_PKG_VERSION"),
        config.trial.is_some(),
    );
    let parts = Parts::build(&config, store.clone(), &health, None)?;
    let google = Google::new(&config.google.key.json, &config.google.sheets_url)
        .await
        .map_err(|error| DaemonError::Config(error.to_string()))?;
    let google = Arc::new(google);
    let listener =
        control::listen(store.dir()).map_err(|error| DaemonError::Address(error.to_string()))?;
    let web = match &config.web {
        Some(web) => Some(
            Web::bind(web.listen)
                .await
                .map_err(|error| DaemonError::Address(error.to_string()))?,
        ),
        None => None,
    };
    tokio::task::block_in_place(|| {
        alarms::enforce_rules(&parts.roster, clock::now())?;
        ask_about_trial(&parts.desk);
        parts
            .outbox
            .recover(clock::now())
            .map_err(DaemonError::from)
    })?;
    let house = House {
        cycle: Arc::new(tokio::sync::Mutex::new(Cycle::new(
            parts.roster.clone(),
            Arc::clone(&google),
        ))),
        google,
        parts: Arc::new(RwLock::new(Arc::new(parts))),
        health,
        metrics: Metrics::new(env!("CARGO_PKG_VERSION")),
        news: settings.news.clone(),
        beats: Beats::default(),
        poll_now: Arc::new(tokio::sync::Notify::new()),
        ringing: Arc::default(),
        cut_off: Arc::default(),
        stop: stop.clone(),
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(loops::polling(house.clone()));
    tasks.spawn(loops::ringing(house.clone()));
    tasks.spawn(loops::campaigning(house.clone()));
    tasks.spawn(loops::writing(house.clone()));
    // A thread each: what works most of its time would drive other tasks from a worker and back.
    for channel in [Channel::Email, Channel::Telegram] {
        let sending = loops::sending(house.clone(), channel);
        let runtime = tokio::runtime::Handle::current();
        tasks.spawn_blocking(move || runtime.block_on(sending));
    }
    tasks.spawn(loops::answering(house.clone(), listener));
    tasks.spawn(loops::conversing(house.clone()));
    tasks.spawn(watch::over(house.clone()));
    tasks.spawn(upkeep::nightly(house.clone()));
    tasks.spawn(reload::on_hangup(house.clone(), settings));
    if let Some(web) = web {
        tasks.spawn(loops::serving(house.clone(), web));
    }
    watch::ready();
    let ended = until_all_ended(tasks, &stop).await;
    let _ = std::fs::remove_file(control::socket_path(store.dir()));
    ended
}

/// Waits for the loops. When one fails the others end what they have in hand, and systemd starts all anew.
async fn until_all_ended(
    mut tasks: JoinSet<Result<(), DaemonError>>,
    stop: &CancellationToken,
) -> Result<(), DaemonError> {
    let mut ended = Ok(());
    let last_call = async {
        stop.cancelled().await;
        watch::stopping();
        tokio::time::sleep(LAST_CALL).await;
    };
    tokio::pin!(last_call);
    loop {
        tokio::select! {
            biased;
            () = &mut last_call => {
                // A client of the control socket that takes no answer, a `sync` that Google keeps waiting.
                tasks.abort_all();
                return ended;
            }
            joined = tasks.join_next() => {
                let error = match joined {
                    None => return ended,
                    Some(Ok(Err(error))) => error,
                    Some(Err(error)) if error.is_panic() => DaemonError::Broken(error.to_string()),
                    Some(Ok(Ok(())) | Err(_)) => continue,
                };
                ended = ended.and(Err(error));
                stop.cancel();
            }
        }
    }
}

/// What the loops share.
#[derive(Clone)]
struct House {
    cycle: Arc<tokio::sync::Mutex<Cycle>>,
    google: Arc<Google>,
    parts: Arc<RwLock<Arc<Parts>>>,
    health: Health,
    metrics: Metrics,
    news: Option<UnboundedSender<News>>,
    beats: Beats,
    poll_now: Arc<tokio::sync::Notify>,
    /// Held while timers ring, and while another configuration takes over.
    ringing: Arc<tokio::sync::Mutex<()>>,
    /// Cuts a read off that is under way: another configuration waits.
    cut_off: Arc<tokio::sync::Notify>,
    stop: CancellationToken,
}

impl House {
    /// The configuration in force and everything made of it.
    fn parts(&self) -> Arc<Parts> {
        Arc::clone(&self.parts.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, news: News) {
        if let Some(listener) = &self.news {
            // Whoever listened may have left; that is no trouble of the daemon's.
            let _ = listener.send(news);
        }
    }

    /// Waits, unless the daemon is to stop; whether it may go on.
    async fn pause(&self, time: Duration) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(time) => true,
        }
    }
}

/// A trial that is over is asked about when a configuration comes into force. A disk that fails now fails the loops, too.
pub(super) fn ask_about_trial(desk: &Desk) {
    match desk.ask_about_trial(clock::now()) {
        Ok(true) => {
            tracing::info!(
                "the trial is over: the managers are asked what becomes of what it kept"
            );
        }
        Ok(false) => {}
        Err(error) => tracing::error!("the end of the trial could not be asked about: {error}"),
    }
}
