//! The sandbox's SMTP server, tried with lettre's own transport and with bare sockets.

use std::net::SocketAddr;
use std::time::Duration;

use lettre::message::{Attachment, MultiPart, SinglePart, header::ContentType};
use lettre::transport::smtp::AsyncSmtpTransport;
use lettre::transport::smtp::authentication::{Credentials as Login, Mechanism};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncTransport, Message, Tokio1Executor};
use sheetbridge::sandbox::smtp::{Credentials, Fault, Options, SmtpSandbox, Stage};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const SOON: Duration = Duration::from_secs(10);

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

async fn open_server() -> SmtpSandbox {
    SmtpSandbox::start(loopback(), Options::default())
        .await
        .unwrap()
}

fn guarded() -> Options {
    Options {
        credentials: Some(Credentials::new("marketing@example.org", "mật khẩu 1")),
        require_starttls: true,
        implicit_tls: Some(loopback()),
        ..Options::default()
    }
}

type Transport = AsyncSmtpTransport<Tokio1Executor>;

fn plain(server: &SmtpSandbox) -> Transport {
    Transport::builder_dangerous("127.0.0.1")
        .port(server.addr().port())
        .timeout(Some(SOON))
        .build()
}

fn trusting(server: &SmtpSandbox) -> TlsParameters {
    let authority = Certificate::from_pem(server.ca_pem().as_bytes()).unwrap();
    TlsParameters::builder("localhost".to_owned())
        .add_root_certificate(authority)
        .build()
        .unwrap()
}

fn mail(to: &str) -> Message {
    Message::builder()
        .from(
            "Công ty Thiên Minh <marketing@example.org>"
                .parse()
                .unwrap(),
        )
        .to(to.parse().unwrap())
        .subject("Chào anh An, cảm ơn anh đã quan tâm")
        .message_id(Some(
            "<welcome/1/r-01/customer/added@sheetbridge>".to_owned(),
        ))
        .multipart(
            MultiPart::mixed()
                .multipart(MultiPart::alternative_plain_html(
                    "Chào anh An,\n.\n..hai chấm đầu dòng\n".to_owned(),
                    "<p>Chào anh <b>An</b></p>".to_owned(),
                ))
                .singlepart(Attachment::new("bảng giá.csv".to_owned()).body(
                    "căn,giá\nA1,3.5\n".to_owned(),
                    ContentType::parse("text/csv").unwrap(),
                )),
        )
        .unwrap()
}

/// A bare SMTP client: sends lines, reads whole replies.
struct Bare {
    stream: BufReader<TcpStream>,
}

impl Bare {
    async fn connect(server: &SmtpSandbox) -> Self {
        let stream = TcpStream::connect(server.addr()).await.unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// The next reply, its lines joined by `|`; empty when the connection has ended.
    async fn reply(&mut self) -> String {
        let mut lines: Vec<String> = Vec::new();
        loop {
            let mut line = String::new();
            let read = tokio::time::timeout(SOON, self.stream.read_line(&mut line))
                .await
                .expect("a reply in time");
            if read.unwrap_or(0) == 0 {
                return lines.join("|");
            }
            let more = line.as_bytes().get(3) == Some(&b'-');
            lines.push(line.trim_end().to_owned());
            if !more {
                return lines.join("|");
            }
        }
    }

    async fn send(&mut self, text: &str) {
        self.stream
            .get_mut()
            .write_all(text.as_bytes())
            .await
            .unwrap();
    }

    async fn say(&mut self, line: &str) -> String {
        self.send(&format!("{line}\r\n")).await;
        self.reply().await
    }

    /// Greeting and EHLO.
    async fn hello(server: &SmtpSandbox) -> Self {
        let mut bare = Self::connect(server).await;
        assert!(bare.reply().await.starts_with("220 "));
        assert!(bare.say("EHLO test").await.starts_with("250-"));
        bare
    }

    async fn envelope(&mut self, to: &str) -> String {
        self.say("MAIL FROM:<a@example.org>").await;
        self.say(&format!("RCPT TO:<{to}>")).await
    }

    /// A whole mail; the last reply.
    async fn mail(&mut self, to: &str) -> String {
        let accepted = self.envelope(to).await;
        if !accepted.starts_with("250") {
            return accepted;
        }
        let go = self.say("DATA").await;
        if !go.starts_with("354") {
            return go;
        }
        self.say("Subject: x\r\n\r\nbody\r\n.").await
    }
}

#[tokio::test]
async fn lettre_sends_a_whole_mail_and_it_reads_back() {
    let server = open_server().await;
    let sent = mail("Nguyễn Văn An <an@example.org>");
    let response = plain(&server).send(sent.clone()).await.unwrap();
    assert_eq!(
        response.message().collect::<Vec<_>>(),
        ["2.0.0 Ok: queued as 1"]
    );

    let kept = server.wait_for(1, SOON).await.unwrap().remove(0);
    assert_eq!(kept.from, "marketing@example.org");
    assert_eq!(kept.to, ["an@example.org"]);
    // lettre puts a line end of its own before the dot.
    let sent = [sent.formatted(), b"\r\n".to_vec()].concat();
    assert_eq!(
        kept.raw_text(),
        String::from_utf8(sent).unwrap(),
        "byte for byte, dots unstuffed"
    );
    let view = kept.view();
    assert_eq!(view.subject, "Chào anh An, cảm ơn anh đã quan tâm");
    assert_eq!(view.from[0].name, "Công ty Thiên Minh");
    assert_eq!(view.to[0].name, "Nguyễn Văn An");
    assert_eq!(
        view.message_id.as_deref(),
        Some("welcome/1/r-01/customer/added@sheetbridge")
    );
    assert!(view.text.unwrap().contains("..hai chấm đầu dòng"));
    assert!(view.html.unwrap().contains("<b>An</b>"));
    assert_eq!(view.attachments[0].name, "bảng giá.csv");
    assert!(!kept.tls && kept.user.is_none());
    assert!(kept.at_ms > 1_600_000_000_000);
    server.shutdown().await;
}

#[tokio::test]
async fn lettre_logs_in_over_starttls_and_over_tls() {
    let server = SmtpSandbox::start(loopback(), guarded()).await.unwrap();
    let tls_port = server.tls_addr().unwrap().port();
    for (tls, port, mechanism) in [
        (
            Tls::Required(trusting(&server)),
            server.addr().port(),
            Mechanism::Plain,
        ),
        (
            Tls::Required(trusting(&server)),
            server.addr().port(),
            Mechanism::Login,
        ),
        (Tls::Wrapper(trusting(&server)), tls_port, Mechanism::Plain),
    ] {
        let transport = Transport::builder_dangerous("127.0.0.1")
            .port(port)
            .tls(tls)
            .credentials(Login::new(
                "marketing@example.org".to_owned(),
                "mật khẩu 1".to_owned(),
            ))
            .authentication(vec![mechanism])
            .build();
        transport.send(mail("an@example.org")).await.unwrap();
    }
    let kept = server.messages();
    assert_eq!(kept.len(), 3);
    assert!(
        kept.iter()
            .all(|mail| mail.tls && mail.user.as_deref() == Some("marketing@example.org"))
    );
    assert_eq!(server.counts().logins, 3);
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_authority_is_not_served() {
    let server = SmtpSandbox::start(loopback(), guarded()).await.unwrap();
    let tls = Tls::Required(TlsParameters::new("localhost".to_owned()).unwrap());
    let transport = Transport::builder_dangerous("127.0.0.1")
        .port(server.addr().port())
        .tls(tls)
        .build();
    let error = transport.send(mail("an@example.org")).await.unwrap_err();
    assert!(
        error.is_tls() || error.to_string().contains("onnection"),
        "{error}"
    );
    assert_eq!(server.messages().len(), 0);
}

#[tokio::test]
async fn a_wrong_password_is_refused_with_535() {
    let server = SmtpSandbox::start(loopback(), guarded()).await.unwrap();
    let transport = Transport::builder_dangerous("127.0.0.1")
        .port(server.tls_addr().unwrap().port())
        .tls(Tls::Wrapper(trusting(&server)))
        .credentials(Login::new(
            "marketing@example.org".to_owned(),
            "wrong".to_owned(),
        ))
        .build();
    let error = transport.send(mail("an@example.org")).await.unwrap_err();
    assert!(error.to_string().contains("5.7.8"), "{error}");
}

#[tokio::test]
async fn encryption_and_log_in_are_demanded_in_the_right_order() {
    let server = SmtpSandbox::start(loopback(), guarded()).await.unwrap();
    let mut bare = Bare::connect(&server).await;
    bare.reply().await;
    let extensions = bare.say("EHLO test").await;
    assert!(
        extensions.contains("250-STARTTLS") || extensions.contains("250 STARTTLS"),
        "{extensions}"
    );
    assert!(
        !extensions.contains("AUTH"),
        "no AUTH in the clear: {extensions}"
    );
    assert_eq!(
        bare.say("MAIL FROM:<a@example.org>").await,
        "530 5.7.0 Must issue a STARTTLS command first"
    );
    assert!(
        bare.say("AUTH PLAIN AGEAYg==")
            .await
            .starts_with("538 5.7.11")
    );

    let server = SmtpSandbox::start(
        loopback(),
        Options {
            require_starttls: false,
            ..guarded()
        },
    )
    .await
    .unwrap();
    let mut bare = Bare::connect(&server).await;
    bare.reply().await;
    assert!(bare.say("EHLO test").await.contains("AUTH PLAIN LOGIN"));
    assert_eq!(
        bare.say("MAIL FROM:<a@example.org>").await,
        "530 5.7.0 Authentication required"
    );
    assert!(bare.say("AUTH CRAM-MD5").await.starts_with("504"));
    assert_eq!(bare.say("AUTH LOGIN").await, "334 VXNlcm5hbWU6");
    assert!(bare.say("*").await.starts_with("501"));
}

#[tokio::test]
async fn commands_out_of_order_are_refused() {
    let server = open_server().await;
    let mut bare = Bare::connect(&server).await;
    assert!(
        bare.reply()
            .await
            .starts_with("220 mail.sandbox.localhost ESMTP")
    );
    for (line, code) in [
        ("MAIL FROM:<a@example.org>", "503"),
        ("EHLO", "501"),
        ("HELO test", "250"),
        ("MAIL FROM:<a@example.org> SIZE=5", "555"),
        ("EHLO test", "250"),
        ("RCPT TO:<b@example.org>", "503"),
        ("DATA", "503"),
        ("MAIL FROM:<a@example.org> SIZE=99999999999", "552"),
        ("MAIL FROM:<a@example.org> SIZE=500 BODY=8BITMIME", "250"),
        ("MAIL FROM:<a@example.org>", "503"),
        ("DATA", "503"),
        ("RCPT TO:<no address>", "553"),
        ("RCPT TO:<b@example.org>", "250"),
        ("RSET", "250"),
        ("DATA", "503"),
        ("NOOP", "250"),
        ("VRFY b@example.org", "252"),
        ("EXPN list", "502"),
        ("FROBNICATE", "500"),
        ("AUTH PLAIN AGEAYg==", "502"),
        ("QUIT", "221"),
    ] {
        let reply = bare.say(line).await;
        assert!(reply.starts_with(code), "{line}: {reply}");
    }
    assert_eq!(bare.reply().await, "", "closed after QUIT");
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_order_and_many_mails_share_a_connection() {
    let server = open_server().await;
    let mut bare = Bare::hello(&server).await;
    for round in 1..=3 {
        bare.send("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nRCPT TO:<c@example.org>\r\nDATA\r\n").await;
        for expected in ["250 2.1.0", "250 2.1.5", "250 2.1.5", "354 "] {
            assert!(bare.reply().await.starts_with(expected));
        }
        let reply = bare
            .say("Subject: x\r\n\r\n..one dot\r\n...\r\nend\r\n.")
            .await;
        assert_eq!(reply, format!("250 2.0.0 Ok: queued as {round}"));
    }
    let kept = server.messages();
    assert_eq!(kept[0].raw, b"Subject: x\r\n\r\n.one dot\r\n..\r\nend\r\n");
    assert_eq!(kept[2].to, ["b@example.org", "c@example.org"]);
    assert_eq!((server.counts().connections, server.revision()), (1, 3));
    server.clear();
    assert_eq!((server.messages().len(), server.revision()), (0, 4));
}

#[tokio::test]
async fn sizes_lines_and_line_ends_have_limits() {
    let options = Options {
        size_limit: 5000,
        recipient_limit: 1,
        ..Options::default()
    };
    let server = SmtpSandbox::start(loopback(), options).await.unwrap();
    let mut bare = Bare::hello(&server).await;
    let long_command = "X".repeat(5000);
    assert_eq!(bare.say(&long_command).await, "500 5.5.2 Line too long");

    for (body, code) in [
        (format!("{}\r\n", "0123456789\r\n".repeat(600)), "552 5.3.4"),
        (
            format!("{}\r\n", "x".repeat(999)),
            "554 5.6.0 A line of 1001 bytes",
        ),
        ("a\nb\r\n".to_owned(), "554 5.6.0 A line ends in LF"),
        (format!("{}\r\n", "x".repeat(998)), "250 2.0.0"),
        (
            "a\n.\nMAIL FROM:<smuggled@example.org>\r\n".to_owned(),
            "554 5.6.0",
        ),
    ] {
        assert!(bare.envelope("b@example.org").await.starts_with("250"));
        bare.say("DATA").await;
        let reply = bare.say(&format!("{body}.")).await;
        assert!(reply.starts_with(code), "{reply}");
    }
    bare.envelope("b@example.org").await;
    assert!(
        bare.say("RCPT TO:<c@example.org>")
            .await
            .starts_with("452 4.5.3")
    );
    assert_eq!(server.messages().len(), 1);
}

#[tokio::test]
async fn an_idle_client_is_told_and_dropped() {
    let options = Options {
        idle_timeout: Duration::from_millis(50),
        ..Options::default()
    };
    let server = SmtpSandbox::start(loopback(), options).await.unwrap();
    let mut bare = Bare::connect(&server).await;
    bare.reply().await;
    assert_eq!(bare.reply().await, "421 4.4.2 Idle for too long, closing");
    assert_eq!(bare.reply().await, "");
}

#[tokio::test]
async fn faults_of_the_connection() {
    let server = open_server().await;
    server.fault(Fault::reply(Stage::Connect, 421, "4.3.2 Try later"));
    server.fault(Fault::drop(Stage::Connect));
    let mut bare = Bare::connect(&server).await;
    assert_eq!(bare.reply().await, "421 4.3.2 Try later");
    assert_eq!(bare.reply().await, "");
    assert_eq!(Bare::connect(&server).await.reply().await, "");
    assert!(
        Bare::connect(&server)
            .await
            .reply()
            .await
            .starts_with("220"),
        "used up"
    );

    server.fault(Fault::reply(Stage::Ehlo, 502, "5.5.1 Old server"));
    let mut bare = Bare::connect(&server).await;
    bare.reply().await;
    assert_eq!(bare.say("EHLO test").await, "502 5.5.1 Old server");
    assert!(bare.say("HELO test").await.starts_with("250"));

    server.fault(Fault::drop(Stage::Starttls));
    let mut bare = Bare::hello(&server).await;
    assert_eq!(bare.say("STARTTLS").await, "");
}

#[tokio::test]
async fn faults_of_log_in_and_envelope() {
    let options = Options {
        credentials: Some(Credentials::new("a", "b")),
        ..Options::default()
    };
    let server = SmtpSandbox::start(loopback(), options).await.unwrap();
    server.fault(Fault::reply(
        Stage::Auth,
        454,
        "4.7.0 Temporary authentication failure",
    ));
    let mut bare = Bare::hello(&server).await;
    assert!(bare.say("AUTH PLAIN AGEAYg==").await.starts_with("454"));
    assert!(bare.say("AUTH PLAIN AGEAYg==").await.starts_with("235"));

    server.fault(Fault::reply(
        Stage::Mail,
        550,
        "5.4.5 Daily user sending limit exceeded",
    ));
    assert!(
        bare.say("MAIL FROM:<a@example.org>")
            .await
            .starts_with("550 5.4.5")
    );

    server.fault(
        Fault::reply(Stage::Rcpt, 550, "5.1.1 No such user")
            .to("*@gone.example")
            .endless(),
    );
    server.fault(Fault::reply(Stage::Rcpt, 450, "4.2.1 Too fast").to("slow@*"));
    server.fault(Fault::reply(Stage::Rcpt, 452, "4.2.2 Over quota").to("full@*"));
    assert!(
        bare.envelope("an@gone.example")
            .await
            .starts_with("550 5.1.1")
    );
    for (to, expected) in [
        ("binh@gone.example", "550 5.1.1"),
        ("slow@example.org", "450 4.2.1"),
        ("slow@example.org", "250"),
        ("full@example.org", "452 4.2.2"),
    ] {
        let reply = bare.say(&format!("RCPT TO:<{to}>")).await;
        assert!(reply.starts_with(expected), "{to}: {reply}");
    }
    server.fault(Fault::reply(Stage::Data, 451, "4.3.0 Later"));
    assert!(bare.say("DATA").await.starts_with("451"));
    assert!(
        bare.say("DATA").await.starts_with("354"),
        "the envelope is still there"
    );
    assert_eq!(server.faults().len(), 1, "only the endless one is left");
    server.clear_faults();
    assert!(server.faults().is_empty());
}

#[tokio::test]
async fn a_connection_dropped_in_the_body_keeps_nothing() {
    let server = open_server().await;
    server.fault(Fault::drop_in_body(1000));
    let mut bare = Bare::hello(&server).await;
    bare.envelope("b@example.org").await;
    bare.say("DATA").await;
    // The server may be gone before all is written: that is the point.
    let _ = bare
        .stream
        .get_mut()
        .write_all("0123456789\r\n".repeat(500).as_bytes())
        .await;
    assert_eq!(bare.reply().await, "");
    assert_eq!(server.messages().len(), 0);
    server.fault(Fault::drop_in_body(1_000_000));
    assert_eq!(
        Bare::hello(&server).await.mail("b@example.org").await,
        "",
        "a short body drops at its dot"
    );
    assert_eq!(server.messages().len(), 0);
}

#[tokio::test]
async fn the_gap_after_the_final_dot() {
    let server = open_server().await;
    for (fault, reply, kept) in [
        (Fault::keep_and_drop(), "", 1),
        (Fault::drop(Stage::AfterDot), "", 1),
        (
            Fault::reply(Stage::AfterDot, 451, "4.3.0 Later"),
            "451 4.3.0 Later",
            1,
        ),
        (
            Fault::reply(Stage::AfterDot, 554, "5.7.1 Spam").to("b@*"),
            "554 5.7.1 Spam",
            1,
        ),
        (
            Fault::reply(Stage::Body, 552, "5.2.2 Full"),
            "552 5.2.2 Full",
            1,
        ),
        (Fault::lose(), "250 2.0.0 Ok: queued as 0", 1),
        (
            Fault::delay(Stage::AfterDot, Duration::from_millis(20)),
            "250 2.0.0 Ok: queued as 2",
            2,
        ),
    ] {
        server.fault(fault.clone());
        assert_eq!(
            Bare::hello(&server).await.mail("b@example.org").await,
            reply,
            "{fault:?}"
        );
        assert_eq!(server.messages().len(), kept, "{fault:?}");
    }
}

#[tokio::test]
async fn a_delay_is_waited_for_at_any_stage() {
    let server = open_server().await;
    let delay = Duration::from_millis(40);
    for stage in [
        Stage::Connect,
        Stage::Ehlo,
        Stage::Mail,
        Stage::Rcpt,
        Stage::Data,
        Stage::Body,
        Stage::AfterDot,
    ] {
        server.fault(Fault::delay(stage, delay));
    }
    let started = std::time::Instant::now();
    assert!(
        Bare::hello(&server)
            .await
            .mail("b@example.org")
            .await
            .starts_with("250")
    );
    assert!(started.elapsed() >= delay * 7, "{:?}", started.elapsed());
}

#[tokio::test]
async fn shutdown_drops_sessions_and_frees_the_port() {
    let server = open_server().await;
    let mut bare = Bare::hello(&server).await;
    assert_eq!(server.counts().open, 1);
    server.shutdown().await;
    assert_eq!(server.counts().open, 0);
    let mut rest = Vec::new();
    let _ = bare.stream.read_to_end(&mut rest).await;
    assert!(TcpStream::connect(server.addr()).await.is_err());
}

#[tokio::test]
async fn errors_name_what_they_are_about() {
    let server = open_server().await;
    let error = SmtpSandbox::start(server.addr(), Options::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert!(
        error.to_string().starts_with(&format!(
            "SMTP sandbox cannot listen on {}: ",
            server.addr()
        )),
        "{error}"
    );
    let error = server
        .wait_for(2, Duration::from_millis(1))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "waited 1ms for 2 mails, 0 came");
}

#[tokio::test]
async fn a_smtputf8_address_needs_the_extension() {
    let server = open_server().await;
    let mut bare = Bare::hello(&server).await;
    bare.say("MAIL FROM:<a@example.org>").await;
    assert!(
        bare.say("RCPT TO:<nguyễn@example.org>")
            .await
            .starts_with("553 5.6.7")
    );
    bare.say("RSET").await;
    bare.say("MAIL FROM:<a@example.org> SMTPUTF8").await;
    assert!(
        bare.say("RCPT TO:<nguyễn@example.org>")
            .await
            .starts_with("250")
    );
    // SinglePart is what lettre makes of a mail without alternatives: it must be read as text.
    let text = SinglePart::plain("chào".to_owned()).formatted();
    bare.say("DATA").await;
    bare.send(&String::from_utf8(text).unwrap()).await;
    assert!(bare.say("\r\n.").await.starts_with("250"));
    assert_eq!(
        server.messages()[0].view().text.as_deref().map(str::trim),
        Some("chào")
    );
}
