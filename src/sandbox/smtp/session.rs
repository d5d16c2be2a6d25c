//! One session: the order of commands, what is answered, and when a mail is kept.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::net::TcpStream;

use super::fault::{Act, Stage};
use super::mail::Received;
use super::path::{self, Sender};
use super::wire::{BodyEnd, Gone, Line, Pipe, Wire};
use super::{Credentials, Shared};

/// RFC 5321 section 4.5.3.1.4 says 512 bytes; the extensions of MAIL raise it, and servers allow more.
const COMMAND_LIMIT: usize = 2048;
/// RFC 4954 section 4.
const AUTH_LIMIT: usize = 12_288;
/// After so many refused commands the client is taken for a confused one.
const ERROR_LIMIT: u32 = 50;

struct Session<'a> {
    shared: &'a Arc<Shared>,
    wire: Wire,
    number: u64,
    tls: bool,
    user: Option<String>,
    helo: Option<Hello>,
    mail: Option<Transaction>,
    errors: u32,
}

struct Hello {
    name: String,
    extended: bool,
}

struct Transaction {
    sender: Sender,
    to: Vec<String>,
}

/// What comes after a command.
enum Next {
    Command,
    Handshake,
    Close,
}

/// What a fault left to do.
enum Strike {
    /// Nothing struck, or it only waited: go on.
    Pass,
    /// It has answered.
    Answered(Next),
}

/// Serves one connection to its end.
pub(super) async fn run(shared: &Arc<Shared>, stream: TcpStream, number: u64, tls: bool) {
    let mut stream: Box<dyn Pipe> = Box::new(stream);
    if tls {
        match handshake(shared, stream).await {
            Some(secured) => stream = secured,
            None => return,
        }
    }
    let mut session = Session {
        shared,
        wire: Wire::new(stream, shared.options.idle_timeout),
        number,
        tls,
        user: None,
        helo: None,
        mail: None,
        errors: 0,
    };
    if session.greet().await.is_err() {
        return;
    }
    loop {
        match session.command().await {
            Ok(Next::Command) => {}
            Ok(Next::Close) => break,
            Ok(Next::Handshake) => match session.secure().await {
                Some(secured) => session = secured,
                None => return,
            },
            Err(Gone::Closed) => return,
            Err(Gone::Idle) => {
                session.refuse(421, "4.4.2 Idle for too long, closing");
                break;
            }
        }
    }
    // The client may be gone already: then there is nobody to tell.
    let _ = session.wire.flush().await;
}

async fn handshake(shared: &Shared, stream: Box<dyn Pipe>) -> Option<Box<dyn Pipe>> {
    let accepting = shared.authority.acceptor().accept(stream);
    match tokio::time::timeout(shared.options.idle_timeout, accepting).await {
        Ok(Ok(secured)) => Some(Box::new(secured)),
        // A client that does not trust the certificate ends here, as it should.
        Ok(Err(_)) | Err(_) => None,
    }
}

impl Session<'_> {
    async fn greet(&mut self) -> Result<(), Gone> {
        match self.strike(Stage::Connect, &[]).await? {
            Strike::Answered(_) => {
                self.wire.flush().await?;
                Err(Gone::Closed)
            }
            Strike::Pass => {
                let text = format!(
                    "220 {} ESMTP sheetbridge sandbox",
                    self.shared.options.hostname
                );
                self.wire.say(&text);
                self.wire.flush().await
            }
        }
    }

    /// The session after STARTTLS: nothing said before it counts (RFC 3207 section 4.2).
    async fn secure(self) -> Option<Self> {
        let stream = handshake(self.shared, self.wire.into_stream()).await?;
        Some(Self {
            shared: self.shared,
            wire: Wire::new(stream, self.shared.options.idle_timeout),
            number: self.number,
            tls: true,
            user: None,
            helo: None,
            mail: None,
            errors: self.errors,
        })
    }

    fn ok(&mut self, text: &str) -> Next {
        self.wire.say(&format!("250 {text}"));
        Next::Command
    }

    fn refuse(&mut self, code: u16, text: &str) -> Next {
        self.shared.refusals.fetch_add(1, Ordering::SeqCst);
        self.wire.say(&format!("{code} {text}"));
        if code == 421 {
            Next::Close
        } else {
            Next::Command
        }
    }

    /// A refusal of what the client said, as against what it asked for: too many end the session.
    fn wrong(&mut self, code: u16, text: &str) -> Next {
        self.errors += 1;
        if self.errors > ERROR_LIMIT {
            return self.refuse(421, "4.7.0 Too many errors");
        }
        self.refuse(code, text)
    }

    /// Lets a fault strike, if there is one for this stage.
    async fn strike(&mut self, stage: Stage, addresses: &[String]) -> Result<Strike, Gone> {
        let Some(fault) = self.shared.strike(stage, addresses) else {
            return Ok(Strike::Pass);
        };
        if !fault.delay.is_zero() {
            self.wire.flush().await?;
            tokio::time::sleep(fault.delay).await;
        }
        match fault.act {
            Act::Continue => Ok(Strike::Pass),
            Act::Reply { code, text } => Ok(Strike::Answered(self.refuse(code, &text))),
            // The two that speak of a kept mail have none yet at these stages.
            Act::Drop | Act::KeepAndDrop | Act::Lose => {
                // What was answered before has been said: the client sees it, then the end.
                self.wire.flush().await?;
                Err(Gone::Closed)
            }
        }
    }

    async fn command(&mut self) -> Result<Next, Gone> {
        let line = match self.wire.line(COMMAND_LIMIT).await? {
            Line::Whole(line) => line,
            Line::TooLong => return Ok(self.wrong(500, "5.5.2 Line too long")),
        };
        let Ok(line) = String::from_utf8(line) else {
            return Ok(self.wrong(500, "5.5.2 That is no UTF-8"));
        };
        let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
        let verb = verb.to_ascii_uppercase();
        if self.shared.options.require_starttls
            && !self.tls
            && matches!(verb.as_str(), "MAIL" | "RCPT" | "DATA" | "VRFY")
        {
            return Ok(self.wrong(530, "5.7.0 Must issue a STARTTLS command first"));
        }
        match verb.as_str() {
            "EHLO" | "HELO" => self.hello(argument, verb == "EHLO").await,
            "STARTTLS" => self.starttls(argument).await,
            "AUTH" => self.auth(argument).await,
            "MAIL" => self.mail(argument).await,
            "RCPT" => self.rcpt(argument).await,
            "DATA" => self.data(argument).await,
            "RSET" => {
                self.mail = None;
                Ok(self.ok("2.0.0 Ok"))
            }
            "NOOP" => Ok(self.ok("2.0.0 Ok")),
            "VRFY" => {
                self.wire.say("252 2.5.0 Send some mail and see");
                Ok(Next::Command)
            }
            "HELP" => {
                self.wire.say("214 2.0.0 RFC 5321");
                Ok(Next::Command)
            }
            "QUIT" => {
                self.wire.say("221 2.0.0 Bye");
                Ok(Next::Close)
            }
            "EXPN" | "TURN" | "ETRN" | "BDAT" => {
                Ok(self.wrong(502, "5.5.1 Command not implemented"))
            }
            _ => Ok(self.wrong(500, "5.5.2 Command not recognised")),
        }
    }

    async fn hello(&mut self, name: &str, extended: bool) -> Result<Next, Gone> {
        if let Strike::Answered(next) = self.strike(Stage::Ehlo, &[]).await? {
            return Ok(next);
        }
        let name = name.trim();
        if name.is_empty() {
            return Ok(self.wrong(501, "5.5.4 Syntax: EHLO hostname"));
        }
        self.mail = None;
        self.helo = Some(Hello {
            name: name.to_owned(),
            extended,
        });
        let options = &self.shared.options;
        if !extended {
            let text = format!("250 {}", options.hostname);
            self.wire.say(&text);
            return Ok(Next::Command);
        }
        let mut lines = vec![
            format!("{} greets {name}", options.hostname),
            "PIPELINING".to_owned(),
            format!("SIZE {}", options.size_limit),
            "8BITMIME".to_owned(),
            "SMTPUTF8".to_owned(),
            "ENHANCEDSTATUSCODES".to_owned(),
        ];
        if options.starttls && !self.tls {
            lines.push("STARTTLS".to_owned());
        }
        if options.credentials.is_some() && (self.tls || !options.require_starttls) {
            lines.push("AUTH PLAIN LOGIN".to_owned());
        }
        let last = lines.len() - 1;
        for (at, line) in lines.iter().enumerate() {
            let mark = if at == last { ' ' } else { '-' };
            self.wire.say(&format!("250{mark}{line}"));
        }
        Ok(Next::Command)
    }

    async fn starttls(&mut self, argument: &str) -> Result<Next, Gone> {
        if self.tls {
            return Ok(self.wrong(503, "5.5.1 Already encrypted"));
        }
        if !self.shared.options.starttls {
            return Ok(self.wrong(502, "5.5.1 STARTTLS is not offered"));
        }
        if !argument.trim().is_empty() {
            return Ok(self.wrong(501, "5.5.4 STARTTLS takes no parameters"));
        }
        if let Strike::Answered(next) = self.strike(Stage::Starttls, &[]).await? {
            return Ok(next);
        }
        self.wire.say("220 2.0.0 Ready to start TLS");
        self.wire.flush().await?;
        Ok(Next::Handshake)
    }

    async fn auth(&mut self, argument: &str) -> Result<Next, Gone> {
        let Some(expected) = self.shared.options.credentials.clone() else {
            return Ok(self.wrong(502, "5.5.1 AUTH is not offered"));
        };
        if self.helo.as_ref().is_none_or(|hello| !hello.extended) {
            return Ok(self.wrong(503, "5.5.1 EHLO first"));
        }
        if self.shared.options.require_starttls && !self.tls {
            return Ok(self.wrong(
                538,
                "5.7.11 Encryption required for requested authentication mechanism",
            ));
        }
        if self.user.is_some() || self.mail.is_some() {
            return Ok(self.wrong(503, "5.5.1 Not now"));
        }
        if let Strike::Answered(next) = self.strike(Stage::Auth, &[]).await? {
            return Ok(next);
        }
        let (mechanism, initial) = argument
            .trim()
            .split_once(' ')
            .unwrap_or((argument.trim(), ""));
        let given = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => self.auth_plain(initial.trim()).await?,
            "LOGIN" => self.auth_login(initial.trim()).await?,
            _ => return Ok(self.wrong(504, "5.5.4 PLAIN or LOGIN, please")),
        };
        match given {
            None => Ok(self.wrong(501, "5.5.2 Cannot decode that, or cancelled")),
            Some(given) if given == expected => {
                self.user = Some(given.user);
                self.shared.logins.fetch_add(1, Ordering::SeqCst);
                self.wire.say("235 2.7.0 Authentication successful");
                Ok(Next::Command)
            }
            Some(_) => Ok(self.wrong(535, "5.7.8 Username and password not accepted")),
        }
    }

    /// RFC 4616: an identity to act for (ignored), NUL, user, NUL, password.
    async fn auth_plain(&mut self, initial: &str) -> Result<Option<Credentials>, Gone> {
        let given = if initial.is_empty() {
            self.challenge("").await?
        } else {
            decode(initial)
        };
        Ok(
            given.and_then(|text| match text.split('\0').collect::<Vec<_>>()[..] {
                [_act_for, user, password] => Some(Credentials::new(user, password)),
                _ => None,
            }),
        )
    }

    async fn auth_login(&mut self, initial: &str) -> Result<Option<Credentials>, Gone> {
        let user = if initial.is_empty() {
            self.challenge("Username:").await?
        } else {
            decode(initial)
        };
        let Some(user) = user else { return Ok(None) };
        let password = self.challenge("Password:").await?;
        Ok(password.map(|password| Credentials { user, password }))
    }

    /// Asks, and decodes the answer; none if it is `*` (cancelled), too long or no base64.
    async fn challenge(&mut self, question: &str) -> Result<Option<String>, Gone> {
        let text = format!("334 {}", STANDARD.encode(question));
        self.wire.say(&text);
        match self.wire.line(AUTH_LIMIT).await? {
            Line::TooLong => Ok(None),
            Line::Whole(line) => Ok(std::str::from_utf8(&line).ok().and_then(decode)),
        }
    }

    async fn mail(&mut self, argument: &str) -> Result<Next, Gone> {
        let Some(extended) = self.helo.as_ref().map(|hello| hello.extended) else {
            return Ok(self.wrong(503, "5.5.1 EHLO first"));
        };
        if self.mail.is_some() {
            return Ok(self.wrong(503, "5.5.1 Nested MAIL command"));
        }
        if self.shared.options.credentials.is_some() && self.user.is_none() {
            return Ok(self.wrong(530, "5.7.0 Authentication required"));
        }
        let sender = match path::sender(argument, extended) {
            Ok(sender) => sender,
            Err((code, text)) => return Ok(self.wrong(code, text)),
        };
        if sender
            .size
            .is_some_and(|size| size > self.shared.options.size_limit)
        {
            return Ok(self.refuse(552, "5.3.4 Message too big"));
        }
        if let Strike::Answered(next) = self.strike(Stage::Mail, &[]).await? {
            return Ok(next);
        }
        self.mail = Some(Transaction {
            sender,
            to: Vec::new(),
        });
        Ok(self.ok("2.1.0 Sender ok"))
    }

    async fn rcpt(&mut self, argument: &str) -> Result<Next, Gone> {
        let Some((utf8, count)) = self
            .mail
            .as_ref()
            .map(|mail| (mail.sender.utf8, mail.to.len()))
        else {
            return Ok(self.wrong(503, "5.5.1 MAIL first"));
        };
        let address = match path::recipient(argument, utf8) {
            Ok(address) => address,
            Err((code, text)) => return Ok(self.wrong(code, text)),
        };
        if count >= self.shared.options.recipient_limit {
            return Ok(self.refuse(452, "4.5.3 Too many recipients"));
        }
        if let Strike::Answered(next) = self
            .strike(Stage::Rcpt, std::slice::from_ref(&address))
            .await?
        {
            return Ok(next);
        }
        if let Some(mail) = &mut self.mail {
            mail.to.push(address);
        }
        Ok(self.ok("2.1.5 Recipient ok"))
    }

    async fn data(&mut self, argument: &str) -> Result<Next, Gone> {
        let to = match &self.mail {
            None => return Ok(self.wrong(503, "5.5.1 MAIL first")),
            Some(mail) if mail.to.is_empty() => {
                return Ok(self.wrong(503, "5.5.1 No valid recipients"));
            }
            Some(mail) => mail.to.clone(),
        };
        if !argument.trim().is_empty() {
            return Ok(self.wrong(501, "5.5.4 DATA takes no parameters"));
        }
        if let Strike::Answered(next) = self.strike(Stage::Data, &to).await? {
            return Ok(next);
        }
        self.wire.say("354 End data with <CR><LF>.<CR><LF>");
        self.wire.flush().await?;
        self.body(&to).await
    }

    async fn body(&mut self, to: &[String]) -> Result<Next, Gone> {
        let mut answer = None;
        let mut cut_after = None;
        if let Some(fault) = self.shared.strike(Stage::Body, to) {
            tokio::time::sleep(fault.delay).await;
            match fault.act {
                Act::Continue => {}
                Act::Reply { code, text } => answer = Some((code, text)),
                Act::Drop | Act::KeepAndDrop | Act::Lose => cut_after = Some(fault.after_bytes),
            }
        }
        let limit = self.shared.options.size_limit;
        let (body, end) = self.wire.body(limit, cut_after).await?;
        if cut_after.is_some() || matches!(end, BodyEnd::Cut) {
            return Err(Gone::Closed);
        }
        let mail = self.mail.take();
        if let Some((code, text)) = answer {
            return Ok(self.refuse(code, &text));
        }
        if body.size > limit {
            return Ok(self.refuse(552, "5.3.4 Message too big"));
        }
        if body.longest_line > self.shared.options.line_limit {
            let text = format!(
                "5.6.0 A line of {} bytes; RFC 5321 allows 1000",
                body.longest_line
            );
            return Ok(self.refuse(554, &text));
        }
        if body.bare_newline {
            return Ok(self.refuse(554, "5.6.0 A line ends in LF without CR"));
        }
        let mail = Received {
            id: 0,
            at_ms: 0,
            connection: self.number,
            tls: self.tls,
            user: self.user.clone(),
            helo: self
                .helo
                .as_ref()
                .map(|hello| hello.name.clone())
                .unwrap_or_default(),
            from: mail.map(|mail| mail.sender.address).unwrap_or_default(),
            to: to.to_vec(),
            raw: body.bytes,
        };
        self.after_dot(mail).await
    }

    async fn after_dot(&mut self, mail: Received) -> Result<Next, Gone> {
        if let Some(fault) = self.shared.strike(Stage::AfterDot, &mail.to) {
            tokio::time::sleep(fault.delay).await;
            match fault.act {
                Act::Continue => {}
                Act::Reply { code, text } => return Ok(self.refuse(code, &text)),
                Act::Drop => return Err(Gone::Closed),
                Act::KeepAndDrop => {
                    self.shared.keep(mail);
                    return Err(Gone::Closed);
                }
                Act::Lose => return Ok(self.ok("2.0.0 Ok: queued as 0")),
            }
        }
        let id = self.shared.keep(mail);
        Ok(self.ok(&format!("2.0.0 Ok: queued as {id}")))
    }
}

fn decode(text: &str) -> Option<String> {
    // RFC 4954: a single "=" is an empty initial response.
    let text = if text == "=" { "" } else { text };
    String::from_utf8(STANDARD.decode(text).ok()?).ok()
}
