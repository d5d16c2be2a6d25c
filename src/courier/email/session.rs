//! One SMTP session: opened, logged in, and driven phase by phase, each under its time-out.
//!
//! Knowing the phase is what makes *in doubt* exact. A message can only have been taken by the server once the line
//! with the single dot has begun to leave; a connection that dies before is safe to try again.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Noop, Rcpt, Rset};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::{Response, Severity};
use secrecy::ExposeSecret;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::core::delivery::{Scope, Verdict};

use super::SmtpSettings;
use super::build::Letter;
use super::classify::{Reply, verdict};
use super::wire::{Told, Wire};

/// Where in a session we are, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Waiting for the server's first line.
    Greeting,
    /// EHLO.
    Hello,
    /// STARTTLS, up to the handshake.
    StartTls,
    /// AUTH.
    Login,
    /// Between two messages: RSET or NOOP.
    Reset,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA, up to 354.
    Data,
    /// The body, up to the final answer.
    Body,
}

/// Why no session could be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("the name cannot be resolved: {0}")]
    Name(String),
    #[error("{}", plain(.0))]
    Connect(io::Error),
    #[error("connection lost: {}", plain(.0))]
    Lost(io::Error),
    #[error("the certificate is not trusted: {0}")]
    Untrusted(String),
    #[error("no TLS: {0}")]
    NoTls(String),
    #[error("STARTTLS is not offered")]
    NoStartTls,
    #[error("no log-in by PLAIN or LOGIN is offered")]
    NoLogin,
    #[error("this is no SMTP server: {0}")]
    NotSmtp(String),
    #[error("{1}")]
    Reply(Phase, Reply),
    #[error("no answer in {} s", .0.as_secs())]
    TimeOut(Duration),
}

impl OpenError {
    /// Nothing was sent, and nothing else will get through either.
    pub(super) fn verdict(&self) -> Verdict {
        if let Self::Reply(phase, reply) = self {
            return verdict(*phase, reply);
        }
        Verdict::TryLater {
            why: self.to_string(),
            not_before_s: None,
            scope: Scope::Channel,
        }
    }
}

/// An I/O error without Rust's "(os error 111)".
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset by the server".to_owned(),
        io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
        io::ErrorKind::TimedOut => "timed out".to_owned(),
        _ => error.to_string(),
    }
}

/// What broke within a session.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The server refused, and the session may go on (but for 421).
    Refused(Reply),
    /// The connection is of no use any more.
    Broken(String),
}

/// What became of a message on a session.
pub(super) enum Sent {
    /// An answer; the session can take the next message if `reusable`.
    Ended { verdict: Verdict, reusable: bool },
    /// The session died before the server answered MAIL: nothing happened, and it says nothing about the message.
    Stale,
}

/// An open session.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    /// Whether the server takes several commands at once (RFC 2920).
    pipelining: bool,
    told: Arc<Told>,
    /// The server waits for a text that it must not get.
    spoilt: bool,
    command: Duration,
    body: Duration,
    /// Messages it has taken.
    pub(super) taken: u32,
    /// When it was last used.
    pub(super) used: Instant,
}

impl Session {
    /// Connects, encrypts, greets and logs in.
    pub(super) async fn open(
        settings: &SmtpSettings,
        tls: Option<&TlsConnector>,
    ) -> Result<Self, OpenError> {
        let limit = settings.connect_within;
        let wire = timeout(limit, Wire::open(settings, tls))
            .await
            .map_err(|_| OpenError::TimeOut(limit))??;
        let told = wire.told();
        let hello = ClientId::Domain(settings.hello.clone());
        let limit = settings.answer_within;
        let greeted = AsyncSmtpConnection::connect_with_transport(Box::new(wire), &hello);
        let connection = timeout(limit, greeted)
            .await
            .map_err(|_| OpenError::TimeOut(limit))?
            .map_err(|error| open_error(Phase::Greeting, &error))?;
        let mut session = Self {
            connection,
            pipelining: told.offered("PIPELINING"),
            told,
            spoilt: false,
            command: settings.answer_within,
            body: settings.body_within,
            taken: 0,
            used: Instant::now(),
        };
        session.log_in(settings).await?;
        Ok(session)
    }

    async fn log_in(&mut self, settings: &SmtpSettings) -> Result<(), OpenError> {
        let (Some(user), Some(password)) = (&settings.username, &settings.password) else {
            return Ok(());
        };
        let ways = [Mechanism::Plain, Mechanism::Login];
        if self
            .connection
            .server_info()
            .get_auth_mechanism(&ways)
            .is_none()
        {
            return Err(OpenError::NoLogin);
        }
        let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
        timeout(self.command, self.connection.auth(&ways, &credentials))
            .await
            .map_err(|_| OpenError::TimeOut(self.command))?
            .map_err(|error| open_error(Phase::Login, &error))?;
        Ok(())
    }

    /// Sends one message, on a session that may have been idle.
    ///
    /// `check_first`: whether the server may have hung up meanwhile, so that it is asked by RSET before.
    pub(super) async fn send(&mut self, letter: &Letter, check_first: bool) -> Sent {
        let fresh = self.taken == 0;
        self.taken += 1;
        if check_first && self.command(Rset).await.is_err() {
            return Sent::Stale;
        }
        let begun = if self.pipelining {
            self.begin_at_once(letter).await
        } else {
            self.begin(letter).await
        };
        let sent = match begun {
            Ok(()) => self.body(&letter.bytes).await,
            Err((Phase::Mail, Trouble::Broken(_))) if !fresh => return Sent::Stale,
            Err((Phase::Mail, Trouble::Refused(reply))) if !fresh && reply.code == 421 => {
                return Sent::Stale;
            }
            Err((phase, trouble)) => return self.refused(phase, trouble).await,
        };
        self.used = Instant::now();
        sent
    }

    /// MAIL, RCPT and DATA, each after the answer to the one before.
    async fn begin(&mut self, letter: &Letter) -> Result<(), (Phase, Trouble)> {
        let from = Mail::new(letter.envelope.from().cloned(), Vec::new());
        self.command(from)
            .await
            .map_err(|trouble| (Phase::Mail, trouble))?;
        for recipient in letter.envelope.to() {
            let to = Rcpt::new(recipient.clone(), Vec::new());
            self.command(to)
                .await
                .map_err(|trouble| (Phase::Rcpt, trouble))?;
        }
        let data = self.command(Data).await;
        go_ahead(data).map_err(|trouble| (Phase::Data, trouble))
    }

    /// The same in one write, and one way over the net. What is refused first is what counts.
    async fn begin_at_once(&mut self, letter: &Letter) -> Result<(), (Phase, Trouble)> {
        let mut commands = Mail::new(letter.envelope.from().cloned(), Vec::new()).to_string();
        for recipient in letter.envelope.to() {
            commands.push_str(&Rcpt::new(recipient.clone(), Vec::new()).to_string());
        }
        commands.push_str(&Data.to_string());
        let answers = std::iter::once(Phase::Mail)
            .chain(letter.envelope.to().iter().map(|_| Phase::Rcpt))
            .chain([Phase::Data]);
        let mut refused = None;
        let mut sent = Some(commands);
        for phase in answers {
            let answer = match sent.take() {
                Some(commands) => self.command(commands).await,
                None => self.answer().await,
            };
            let answer = match phase {
                // After a refusal a server that would take the text all the same gets none.
                Phase::Data if refused.is_some() => {
                    self.spoilt = answer.is_ok();
                    answer.map(|_| ())
                }
                Phase::Data => go_ahead(answer),
                _ => answer.map(|_| ()),
            };
            match answer {
                Ok(()) => {}
                Err(trouble @ Trouble::Refused(_)) => {
                    refused.get_or_insert((phase, trouble));
                }
                // What was said before the end is what counts: 421, and then nothing.
                Err(trouble @ Trouble::Broken(_)) => {
                    self.spoilt = true;
                    return Err(refused.unwrap_or((phase, trouble)));
                }
            }
        }
        refused.map_or(Ok(()), Err)
    }

    /// The body, the dot, and the final answer.
    async fn body(&mut self, bytes: &[u8]) -> Sent {
        let text = with_dot(bytes);
        // What was not handed over to be sent cannot have arrived; the dot is in the last five bytes.
        let dot = self.told.sent() + text.len() as u64 - DOT.len() as u64;
        let text = String::from_utf8(text)
            .unwrap_or_else(|odd| String::from_utf8_lossy(odd.as_bytes()).into_owned());
        let answer = timeout(self.body, self.connection.command(text)).await;
        let dot_leaves = self.told.sent() > dot;
        let (verdict, reusable) = match answer {
            Ok(Ok(response)) if response.code().severity == Severity::PositiveCompletion => {
                let receipt = reply_of(&response).to_string();
                (Verdict::Delivered { receipt }, true)
            }
            Ok(Ok(response)) => {
                let why = format!("answered the message by {}", reply_of(&response));
                (Verdict::InDoubt { why }, false)
            }
            Ok(Err(error)) => match trouble(&error) {
                Trouble::Refused(reply) => (verdict(Phase::Body, &reply), reply.code != 421),
                Trouble::Broken(why) => (broken(Phase::Body, dot_leaves, &why), false),
            },
            Err(_) => {
                let why = format!("no final answer in {} s", self.body.as_secs());
                (broken(Phase::Body, dot_leaves, &why), false)
            }
        };
        Sent::Ended { verdict, reusable }
    }

    /// After a refusal RSET makes the session good for the next message.
    async fn refused(&mut self, phase: Phase, trouble: Trouble) -> Sent {
        match trouble {
            Trouble::Refused(reply) => {
                let reusable =
                    reply.code != 421 && !self.spoilt && self.command(Rset).await.is_ok();
                self.used = Instant::now();
                Sent::Ended {
                    verdict: verdict(phase, &reply),
                    reusable,
                }
            }
            Trouble::Broken(why) => Sent::Ended {
                verdict: broken(phase, false, &why),
                reusable: false,
            },
        }
    }

    async fn command<C: std::fmt::Display>(&mut self, command: C) -> Result<Response, Trouble> {
        match timeout(self.command, self.connection.command(command)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(trouble(&error)),
            Err(_) => Err(Trouble::Broken(format!(
                "no answer in {} s",
                self.command.as_secs()
            ))),
        }
    }

    /// The answer to a command that was sent with others.
    async fn answer(&mut self) -> Result<Response, Trouble> {
        match timeout(self.command, self.connection.read_response()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(trouble(&error)),
            Err(_) => Err(Trouble::Broken(format!(
                "no answer in {} s",
                self.command.as_secs()
            ))),
        }
    }

    /// Whether the server answers NOOP.
    pub(super) async fn answers(&mut self) -> Result<(), Trouble> {
        self.command(Noop).await.map(|_| ())
    }

    /// Says goodbye; an answer is welcome, not awaited for long.
    pub(super) async fn quit(mut self) {
        let polite = Duration::from_secs(2);
        // The message is long settled: whether the goodbye arrives changes nothing.
        let _ = timeout(polite, self.connection.quit()).await;
    }
}

/// Whether the text may follow.
fn go_ahead(data: Result<Response, Trouble>) -> Result<(), Trouble> {
    match data {
        Ok(response) if response.has_code(354) => Ok(()),
        Ok(response) => {
            let why = format!("answered DATA by {}", reply_of(&response));
            Err(Trouble::Broken(why))
        }
        Err(trouble) => Err(trouble),
    }
}

/// Ends a message.
const DOT: &[u8] = b"\r\n.\r\n";

/// The text as it goes over the wire: a dot at the beginning of a line is doubled (RFC 5321 4.5.2), and one alone
/// ends it.
fn with_dot(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() + bytes.len() / 64 + DOT.len());
    let mut begins = true;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if begins && line.starts_with(b".") {
            text.push(b'.');
        }
        text.extend_from_slice(line);
        begins = line.ends_with(b"\r\n");
    }
    text.extend_from_slice(DOT);
    text
}

/// A connection that is gone: in doubt only if the dot may have arrived.
fn broken(phase: Phase, dot_left: bool, why: &str) -> Verdict {
    if dot_left {
        return Verdict::InDoubt {
            why: format!("{why}, after the whole message had been sent"),
        };
    }
    Verdict::TryLater {
        why: format!("{why}, at {}", step_name(phase)),
        not_before_s: None,
        scope: Scope::Channel,
    }
}

fn step_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Greeting => "the greeting",
        Phase::Hello => "EHLO",
        Phase::StartTls => "STARTTLS",
        Phase::Login => "AUTH",
        Phase::Reset => "RSET",
        Phase::Mail => "MAIL",
        Phase::Rcpt => "RCPT",
        Phase::Data => "DATA",
        Phase::Body => "the body",
    }
}

fn reply_of(response: &Response) -> Reply {
    Reply::new(response.code().into(), response.message())
}

/// Tells a refusal from a broken connection.
fn trouble(error: &lettre::transport::smtp::Error) -> Trouble {
    let said = std::error::Error::source(error).map(ToString::to_string);
    if let Some(code) = error.status() {
        return Trouble::Refused(Reply::new(code.into(), said.as_deref()));
    }
    let io = std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<io::Error>())
        .map(plain);
    Trouble::Broken(match (io, said) {
        (Some(io), _) => io,
        (None, Some(text)) if text == "incomplete response" => {
            "the server closed the connection".to_owned()
        }
        (None, Some(text)) => format!("not understood: {text}"),
        (None, None) => error.to_string(),
    })
}

fn open_error(phase: Phase, error: &lettre::transport::smtp::Error) -> OpenError {
    match trouble(error) {
        Trouble::Refused(reply) => OpenError::Reply(phase, reply),
        Trouble::Broken(why) if error.is_response() && why.starts_with("not understood") => {
            OpenError::NotSmtp(why)
        }
        Trouble::Broken(why) => OpenError::Lost(io::Error::other(why)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_at_the_beginning_of_a_line_is_no_end() {
        assert_eq!(
            with_dot(b".a\r\n.\r\nb.\r\n"),
            b"..a\r\n..\r\nb.\r\n\r\n.\r\n"
        );
        assert_eq!(with_dot(b""), b"\r\n.\r\n");
    }

    #[test]
    fn only_the_dot_brings_doubt() {
        assert_eq!(
            broken(Phase::Body, true, "connection reset by the server"),
            Verdict::InDoubt {
                why: "connection reset by the server, after the whole message had been sent".into()
            }
        );
        for phase in [Phase::Mail, Phase::Rcpt, Phase::Data, Phase::Body] {
            assert!(matches!(
                broken(phase, false, "timed out"),
                Verdict::TryLater {
                    scope: Scope::Channel,
                    ..
                }
            ));
        }
    }

    #[test]
    fn a_refused_log_in_stops_the_channel_and_not_the_message() {
        let error = OpenError::Reply(Phase::Login, Reply::new(535, ["5.7.8 bad password"]));
        assert!(matches!(
            error.verdict(),
            Verdict::TryLater {
                scope: Scope::Channel,
                ..
            }
        ));
    }
}
