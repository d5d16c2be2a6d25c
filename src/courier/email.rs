//! The mail courier: lettre builds the messages and speaks the commands, the sessions are ours.
//!
//! lettre's own pool is not used: it loses the phase in which a connection died, it drops the connection after every
//! refusal, and it bounds only the TCP connect in time. Here a few sessions stay open between messages; one that the
//! server closed while it was idle is replaced without anybody noticing.
//!
//! This is the only place that names lettre, with its submodules.

mod build;
mod classify;
mod dkim;
mod probe;
mod session;
mod wire;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;

use crate::core::delivery::{Refusal, Scope, Verdict};
use crate::core::message::Address;
use crate::core::pace::Pace;

use super::{Courier, Mail, Parcel, ProbeError};

pub use classify::{Reply, Strike, strike, verdict};
pub use dkim::{KeyError, Signer};
pub use session::Phase;

use session::{OpenError, Sent, Session};

/// Waits up to this long are slept through inside of `deliver`.
const PATIENCE: Duration = Duration::from_secs(5);

/// A session used so recently is trusted to be alive.
const SURELY_ALIVE: Duration = Duration::from_secs(5);

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (`smtps://`, usually port 465).
    Tls,
    /// STARTTLS, required (`smtp://`, usually port 587).
    StartTls,
    /// None (`smtp+plain://`): for loopback only.
    Plain,
}

/// Where mails are handed over, and how.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// Name of the server; its certificate must carry it.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Whom to log in as; none: no log-in.
    pub username: Option<String>,
    /// With which password.
    pub password: Option<SecretString>,
    /// What EHLO says we are called. Default `localhost`.
    pub hello: String,
    /// How many sessions at once. Default 4.
    pub connections: usize,
    /// The provider's pace; none: as fast as it goes.
    pub per_minute: Option<u32>,
    /// Name, TCP and TLS together. Default 30 s.
    pub connect_within: Duration,
    /// Each command. Default 60 s.
    pub answer_within: Duration,
    /// The body with its final answer. Default 300 s: servers scan before they answer.
    pub body_within: Duration,
    /// How long an idle session is kept. Default 60 s.
    pub idle_within: Duration,
    /// After so many messages a session is replaced. Default 100.
    pub per_session: u32,
    /// Certificates to trust beside the system's, as PEM.
    pub extra_roots_pem: Option<Vec<u8>>,
    /// Keys that sign every mail (DKIM); each adds a signature.
    pub dkim: Arc<[Signer]>,
}

impl SmtpSettings {
    /// Settings with the defaults told at the fields, without log-in.
    pub fn new(host: impl Into<String>, port: u16, security: Security) -> Self {
        Self {
            host: host.into(),
            port,
            security,
            username: None,
            password: None,
            hello: "localhost".to_owned(),
            connections: 4,
            per_minute: None,
            connect_within: Duration::from_secs(30),
            answer_within: Duration::from_secs(60),
            body_within: Duration::from_secs(300),
            idle_within: Duration::from_secs(60),
            per_session: 100,
            extra_roots_pem: None,
            dkim: Arc::new([]),
        }
    }
}

/// Carries mails to one SMTP server.
pub struct EmailCourier {
    settings: SmtpSettings,
    /// None without TLS. An error here makes every delivery wait and every probe fail, with its reason.
    tls: Result<Option<TlsConnector>, String>,
    /// One permit a session.
    seats: Semaphore,
    idle: Mutex<Vec<Session>>,
    pace: Mutex<Option<Pace>>,
}

impl fmt::Debug for EmailCourier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmailCourier")
            .field("host", &self.settings.host)
            .field("port", &self.settings.port)
            .finish_non_exhaustive()
    }
}

impl EmailCourier {
    /// Reads the certificates to trust; connects to nothing yet.
    pub fn new(settings: SmtpSettings) -> Self {
        let tls = match settings.security {
            Security::Plain => Ok(None),
            Security::Tls | Security::StartTls => {
                wire::trust(settings.extra_roots_pem.as_deref()).map(Some)
            }
        };
        // A tenth of a minute's worth at once keeps a group commit of the outbox together.
        let pace = settings
            .per_minute
            .map(|count| Pace::per_minute(count, (count / 10).max(1)));
        Self {
            seats: Semaphore::new(settings.connections.max(1)),
            idle: Mutex::new(Vec::new()),
            pace: Mutex::new(pace),
            tls,
            settings,
        }
    }

    /// Says goodbye to the idle sessions; for the end of the daemon.
    pub async fn close(&self) {
        let idle = std::mem::take(&mut *lock(&self.idle));
        for session in idle {
            session.quit().await;
        }
    }

    /// Says goodbye to sessions that were idle for too long; for a tick of the daemon.
    pub async fn tidy(&self) {
        let (old, young): (Vec<_>, Vec<_>) = std::mem::take(&mut *lock(&self.idle))
            .into_iter()
            .partition(|session| self.is_spent(session));
        lock(&self.idle).extend(young);
        for session in old {
            session.quit().await;
        }
    }

    fn is_spent(&self, session: &Session) -> bool {
        session.used.elapsed() >= self.settings.idle_within
            || session.taken >= self.settings.per_session
    }

    /// The youngest idle session that is still good.
    fn take_idle(&self) -> Option<Session> {
        let mut idle = lock(&self.idle);
        while let Some(session) = idle.pop() {
            if !self.is_spent(&session) {
                return Some(session);
            }
            tokio::spawn(session.quit());
        }
        None
    }

    async fn open(&self) -> Result<Session, OpenError> {
        let tls = self
            .tls
            .as_ref()
            .map_err(|why| OpenError::Untrusted(why.clone()))?;
        Box::pin(Session::open(&self.settings, tls.as_ref())).await
    }

    /// Waits for the provider's pace, or says how long it would take.
    async fn keep_pace(&self) -> Result<(), Duration> {
        loop {
            let wait = {
                let mut pace = lock(&self.pace);
                let Some(pace) = pace.as_mut() else {
                    return Ok(());
                };
                let now = Instant::now();
                let wait = pace.ready_in(now);
                if wait.is_zero() {
                    pace.take(now);
                    return Ok(());
                }
                wait
            };
            if wait > PATIENCE {
                return Err(wait);
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn carry(&self, mail: &Mail) -> Verdict {
        let letter = match build::build(mail, &self.settings.dkim) {
            Ok(letter) => letter,
            Err(error) => return error.verdict(),
        };
        let Ok(_seat) = self.seats.acquire().await else {
            return later("the courier is closed", Scope::Channel);
        };
        if let Err(wait) = self.keep_pace().await {
            return Verdict::TryLater {
                why: "the provider's pace".to_owned(),
                not_before_s: Some(wait.as_secs() + 1),
                // Nothing is out of reach: telling the managers of an outage would be wrong.
                scope: Scope::Message,
            };
        }
        if let Some(mut session) = self.take_idle() {
            let check_first = session.used.elapsed() > SURELY_ALIVE;
            match Box::pin(session.send(&letter, check_first)).await {
                Sent::Ended { verdict, reusable } => {
                    return self.settle(session, verdict, reusable);
                }
                // A server that hung up on one idle session hung up on all that are as old.
                Sent::Stale => lock(&self.idle).clear(),
            }
        }
        let mut session = match self.open().await {
            Ok(session) => session,
            Err(error) => return error.verdict(),
        };
        match Box::pin(session.send(&letter, false)).await {
            Sent::Ended { verdict, reusable } => self.settle(session, verdict, reusable),
            Sent::Stale => later("the server closed the connection", Scope::Channel),
        }
    }

    fn settle(&self, session: Session, verdict: Verdict, reusable: bool) -> Verdict {
        if reusable && self.is_spent(&session) {
            tokio::spawn(session.quit());
        } else if reusable {
            lock(&self.idle).push(session);
        }
        verdict
    }
}

impl Courier for EmailCourier {
    fn connections(&self) -> usize {
        self.settings.connections.max(1)
    }

    fn ready_in(&self, _to: &Address) -> Duration {
        lock(&self.pace)
            .as_ref()
            .map_or(Duration::ZERO, |pace| pace.ready_in(Instant::now()))
    }

    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Verdict> {
        Box::pin(async move {
            match parcel {
                Parcel::Mail(mail) => mask(self.carry(mail).await, &mail.to),
                Parcel::Chat(_) => Verdict::Rejected {
                    why: "a chat message was handed to the mail courier".to_owned(),
                    about: Refusal::Content,
                },
            }
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, ProbeError>> {
        Box::pin(probe::probe(self))
    }
}

/// A temporary trouble without a wish of the provider.
fn later(why: &str, scope: Scope) -> Verdict {
    Verdict::TryLater {
        why: why.to_owned(),
        not_before_s: None,
        scope,
    }
}

/// Servers like to repeat the address; what is kept in the ledger and shown in logs has it masked.
fn mask(verdict: Verdict, address: &str) -> Verdict {
    let masked = Address::Email(address.to_owned()).to_string();
    let hide = |text: String| {
        // ASCII letters keep their places when lowered, so the places found fit the original.
        let (low, needle) = (text.to_ascii_lowercase(), address.to_ascii_lowercase());
        if needle.is_empty() {
            return text;
        }
        let mut hidden = String::with_capacity(text.len());
        let mut from = 0;
        for (at, _) in low.match_indices(&needle) {
            hidden.push_str(&text[from..at]);
            hidden.push_str(&masked);
            from = at + needle.len();
        }
        hidden.push_str(&text[from..]);
        hidden
    };
    match verdict {
        Verdict::Delivered { receipt } => Verdict::Delivered {
            receipt: hide(receipt),
        },
        Verdict::TryLater {
            why,
            not_before_s,
            scope,
        } => Verdict::TryLater {
            why: hide(why),
            not_before_s,
            scope,
        },
        Verdict::Rejected { why, about } => Verdict::Rejected {
            why: hide(why),
            about,
        },
        Verdict::InDoubt { why } => Verdict::InDoubt { why: hide(why) },
        Verdict::Unmade { why } => Verdict::Unmade { why: hide(why) },
        Verdict::Moved { to } => Verdict::Moved { to },
    }
}

/// The lists behind these locks are whole after every statement, so a panic elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recipient_is_masked_in_what_the_server_said() {
        let said = later(
            "550 5.1.1 <Thu.Tran@Gmail.com>: thu.tran@gmail.com does not exist",
            Scope::Address,
        );
        assert_eq!(
            mask(said, "thu.tran@gmail.com"),
            later(
                "550 5.1.1 <t…@gmail.com>: t…@gmail.com does not exist",
                Scope::Address
            )
        );
    }

    #[tokio::test]
    async fn the_pace_is_told_before_and_kept_after() {
        let mut settings = SmtpSettings::new("localhost", 1, Security::Plain);
        settings.per_minute = Some(6);
        let courier = EmailCourier::new(settings);
        let to = Address::Email("a@example.org".into());
        assert_eq!(courier.ready_in(&to), Duration::ZERO);
        assert_eq!(courier.keep_pace().await, Ok(()));
        assert!(courier.ready_in(&to) > Duration::from_secs(9));
        assert!(courier.keep_pace().await.is_err());
    }
}
