//! Goes through everything but the message itself, and says what to do when it fails.

use crate::courier::{ProbeError, ProbeKind};

use super::session::{OpenError, Phase, Trouble};
use super::{EmailCourier, Security, SmtpSettings};

/// Connects, encrypts, logs in, NOOP, QUIT.
pub(super) async fn probe(courier: &EmailCourier) -> Result<String, ProbeError> {
    let settings = &courier.settings;
    let place = format!("{}:{}", settings.host, settings.port);
    let mut session = courier
        .open()
        .await
        .map_err(|error| explain(settings, &error))?;
    if let Err(trouble) = session.answers().await {
        let why = match trouble {
            Trouble::Refused(reply) => reply.to_string(),
            Trouble::Broken(why) => why,
        };
        return Err(ProbeError::new(
            ProbeKind::Unreachable,
            format!("{place} broke off after the log-in: {why}"),
            "Try again later",
        ));
    }
    session.quit().await;
    let protection = match settings.security {
        Security::Tls => "TLS",
        Security::StartTls => "STARTTLS",
        Security::Plain => "not encrypted",
    };
    let who = match &settings.username {
        Some(user) => format!("logged in as {user}"),
        None => "without log-in".to_owned(),
    };
    Ok(format!("{place}, {protection}, {who}"))
}

/// The sentence and the mend for each way in which a session does not come about.
fn explain(settings: &SmtpSettings, error: &OpenError) -> ProbeError {
    let place = format!("{}:{}", settings.host, settings.port);
    let new = ProbeError::new;
    match error {
        OpenError::Name(why) => new(
            ProbeKind::Unreachable,
            format!(
                "the mail server's name {} is unknown ({why})",
                settings.host
            ),
            "Check the host in [email] smtp, and this machine's DNS",
        ),
        OpenError::Connect(_) => new(
            ProbeKind::Unreachable,
            format!("cannot connect to the mail server {place}: {error}"),
            "Check host and port in [email] smtp (587 for smtp://, 465 for smtps://), and whether a firewall or the provider closes the port",
        ),
        OpenError::TimeOut(_) => new(
            ProbeKind::Unreachable,
            format!("the mail server {place} does not answer: {error}"),
            "Check host and port in [email] smtp; a firewall, or smtp:// on the TLS port (465) or smtps:// on the STARTTLS port (587), looks like this",
        ),
        OpenError::Lost(_) => new(
            ProbeKind::Unreachable,
            format!("the mail server {place} hung up: {error}"),
            "Try again later; if it stays, check that [email] smtp says smtp:// for STARTTLS and smtps:// for TLS",
        ),
        OpenError::Untrusted(why) => new(
            ProbeKind::Untrusted,
            format!("the certificate of {place} is not trusted ({why})"),
            "Name the server as its certificate does; for a certificate of your own, put its authority's PEM into a file and name that in SSL_CERT_FILE",
        ),
        OpenError::NoTls(why) => new(
            ProbeKind::Unsuitable,
            format!("{place} does not speak TLS as asked ({why})"),
            "Use smtp:// for STARTTLS (587) and smtps:// for TLS from the start (465)",
        ),
        OpenError::NoStartTls => new(
            ProbeKind::Unsuitable,
            format!("{place} does not offer STARTTLS"),
            "Use smtps:// if it takes TLS from the start; smtp+plain:// sends passwords readably and is for loopback only",
        ),
        OpenError::NoLogin => new(
            ProbeKind::Unsuitable,
            format!("{place} offers no log-in by PLAIN or LOGIN"),
            "Use the submission port (587 or 465), or leave out username and password if the server knows this machine",
        ),
        OpenError::NotSmtp(why) => new(
            ProbeKind::Unsuitable,
            format!("{place} is not an SMTP server: {why}"),
            "Check host and port in [email] smtp",
        ),
        OpenError::Reply(Phase::Login, reply) if reply.code < 500 => new(
            ProbeKind::Unreachable,
            format!("{place} cannot check the log-in now: {reply}"),
            "Try again later",
        ),
        OpenError::Reply(Phase::Login, reply) => new(
            ProbeKind::Refused,
            format!(
                "{place} refused the log-in of {}: {reply}",
                settings.username.as_deref().unwrap_or("nobody")
            ),
            "Check [email] username and password; Gmail and Workspace want an app password (https://myaccount.google.com/apppasswords), not the account's own",
        ),
        OpenError::Reply(_, reply) => new(
            if reply.code < 500 {
                ProbeKind::Unreachable
            } else {
                ProbeKind::Unsuitable
            },
            format!("{place} does not take our mail: {reply}"),
            "If it names a list or a limit, ask the provider; else try again later",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use super::super::classify::Reply;
    use super::*;

    #[test]
    fn every_failure_says_what_and_what_to_do() {
        let mut settings = SmtpSettings::new("smtp.gmail.com", 587, Security::StartTls);
        settings.username = Some("an@example.org".into());
        let reply = |phase, code, text| OpenError::Reply(phase, Reply::new(code, [text]));
        for (error, kind, words) in [
            (
                OpenError::Name("not known".into()),
                ProbeKind::Unreachable,
                ["name smtp.gmail.com is unknown", "DNS"],
            ),
            (
                OpenError::Connect(io::ErrorKind::ConnectionRefused.into()),
                ProbeKind::Unreachable,
                ["smtp.gmail.com:587: connection refused", "host and port"],
            ),
            (
                OpenError::TimeOut(Duration::from_secs(30)),
                ProbeKind::Unreachable,
                ["no answer in 30 s", "firewall"],
            ),
            (
                OpenError::Untrusted("UnknownIssuer".into()),
                ProbeKind::Untrusted,
                ["not trusted (UnknownIssuer)", "SSL_CERT_FILE"],
            ),
            (
                OpenError::NoStartTls,
                ProbeKind::Unsuitable,
                ["does not offer STARTTLS", "smtps://"],
            ),
            (
                reply(
                    Phase::Login,
                    535,
                    "5.7.8 Username and Password not accepted",
                ),
                ProbeKind::Refused,
                [
                    "log-in of an@example.org: 535 5.7.8 Username",
                    "app password",
                ],
            ),
            (
                reply(Phase::Login, 454, "4.7.0 Temporary authentication failure"),
                ProbeKind::Unreachable,
                ["454 4.7.0", "later"],
            ),
            (
                reply(Phase::Greeting, 554, "5.7.1 listed"),
                ProbeKind::Unsuitable,
                ["554 5.7.1 listed", "provider"],
            ),
        ] {
            let found = explain(&settings, &error);
            assert_eq!(found.kind, kind, "{found}");
            for word in words {
                assert!(found.to_string().contains(word), "{word}: {found}");
            }
        }
    }
}
