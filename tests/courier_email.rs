//! The mail courier against the sandbox's SMTP server: every phase in which a session can fail, and what the server
//! kept.

use std::sync::Arc;
use std::time::Duration;

use sheetbridge::core::delivery::{Refusal, Scope, Verdict};
use sheetbridge::core::message::Address;
use sheetbridge::courier::email::{EmailCourier, Security, SmtpSettings};
use sheetbridge::courier::{Attachment, Courier, Mail, Parcel, ProbeKind};
use sheetbridge::sandbox::smtp::{Credentials, Fault, Options, SmtpSandbox, Stage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LOCAL: ([u8; 4], u16) = ([127, 0, 0, 1], 0);
/// So long a server is silent in these tests, against time-outs of `SHORT`: never reached.
const FOREVER: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(300);

async fn server(options: Options) -> SmtpSandbox {
    SmtpSandbox::start(LOCAL.into(), options)
        .await
        .expect("loopback has free ports")
}

fn settings(server: &SmtpSandbox, security: Security) -> SmtpSettings {
    let address = match security {
        Security::Tls => server.tls_addr().expect("a TLS listener was asked for"),
        Security::StartTls | Security::Plain => server.addr(),
    };
    let mut settings = SmtpSettings::new("localhost", address.port(), security);
    settings.extra_roots_pem = Some(server.ca_pem().as_bytes().to_vec());
    settings
}

fn plain(server: &SmtpSandbox) -> EmailCourier {
    EmailCourier::new(settings(server, Security::Plain))
}

fn mail(number: usize) -> Mail {
    Mail {
        to: format!("khach{number}@example.org"),
        to_name: "Trần Thị Thu".into(),
        from_name: "Công ty CP Queenland".into(),
        from: "marketing@queenland.example".into(),
        reply_to: Some(("Lan Anh".into(), "lan.anh@queenland.example".into())),
        subject: "Chào chị Thu, căn hộ Sunrise Riverside còn 3 căn".into(),
        text: "Chào chị Thu,\n.\nEm là Lan Anh.\n".into(),
        html: "<p>Chào chị Thu,</p><p>Em là <b>Lan Anh</b>.</p>".into(),
        message_id: format!("key-{number}@queenland.example"),
        date: "2026-11-21T02:00:00Z".parse().expect("a time"),
        headers: vec![
            (
                "List-Unsubscribe".into(),
                "<https://crm.queenland.example/u/abc>".into(),
            ),
            (
                "List-Unsubscribe-Post".into(),
                "List-Unsubscribe=One-Click".into(),
            ),
        ],
        inline: Vec::new(),
        attachments: Vec::new(),
    }
}

fn parcel(number: usize) -> Parcel {
    Parcel::Mail(mail(number))
}

/// One word, or two, for a verdict.
fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Delivered { .. } => "delivered".into(),
        Verdict::TryLater { scope, .. } => format!("later {scope:?}"),
        Verdict::Rejected { about, .. } => format!("rejected {about:?}"),
        Verdict::InDoubt { .. } => "in doubt".into(),
        Verdict::Moved { .. } => "moved".into(),
        Verdict::Unmade { why } => format!("unmade: {why}"),
    }
}

#[tokio::test]
async fn a_mail_arrives_as_a_person_would_read_it() {
    let server = server(Options::default()).await;
    let courier = plain(&server);
    let mut sent = mail(1);
    sent.attachments.push(Attachment {
        name: "Bảng giá.pdf".into(),
        media_type: "application/pdf".into(),
        content: b"%PDF-1.4 ...".to_vec(),
    });
    let verdict = courier.deliver(&Parcel::Mail(sent)).await;
    let Verdict::Delivered { receipt } = verdict else {
        panic!("{verdict:?}");
    };
    assert!(receipt.starts_with("250 "), "{receipt}");

    let kept = server.messages();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].from, "marketing@queenland.example");
    assert_eq!(kept[0].to, ["khach1@example.org"]);
    assert!(kept[0].raw.is_ascii());
    let view = kept[0].view();
    assert_eq!(
        view.subject,
        "Chào chị Thu, căn hộ Sunrise Riverside còn 3 căn"
    );
    assert_eq!(view.from[0].name, "Công ty CP Queenland");
    assert_eq!(view.to[0].name, "Trần Thị Thu");
    assert_eq!(view.reply_to[0].address, "lan.anh@queenland.example");
    assert_eq!(
        kept[0].header("Message-ID").as_deref(),
        Some("<key-1@queenland.example>")
    );
    assert_eq!(
        kept[0].header("Auto-Submitted").as_deref(),
        Some("auto-generated")
    );
    assert_eq!(
        view.text
            .expect("a text part")
            .replace("\r\n", "\n")
            .trim_end(),
        "Chào chị Thu,\n.\nEm là Lan Anh."
    );
    assert!(view.html.expect("an HTML part").contains("<b>Lan Anh</b>"));
    assert_eq!(view.attachments.len(), 1);
    assert_eq!(view.attachments[0].name, "Bảng giá.pdf");
    server.shutdown().await;
}

#[tokio::test]
async fn each_protection_carries_the_mail_and_the_log_in() {
    for security in [Security::StartTls, Security::Tls, Security::Plain] {
        let server = server(Options {
            credentials: Some(Credentials::new("an", "bí mật")),
            require_starttls: security == Security::StartTls,
            implicit_tls: Some(LOCAL.into()),
            ..Options::default()
        })
        .await;
        let mut settings = settings(&server, security);
        settings.username = Some("an".into());
        settings.password = Some("bí mật".to_owned().into());
        let courier = EmailCourier::new(settings);
        let found = courier.probe().await.expect("all is in order");
        assert!(found.contains("logged in as an"), "{found}");
        assert_eq!(word(&courier.deliver(&parcel(1)).await), "delivered");
        assert_eq!(server.messages()[0].tls, security != Security::Plain);
        assert_eq!(server.messages()[0].user.as_deref(), Some("an"));
        courier.close().await;
        server.shutdown().await;
    }
}

#[tokio::test]
async fn every_phase_that_fails_says_what_the_server_has() {
    use Stage::{AfterDot, Body, Connect, Data, Ehlo, Mail, Rcpt};
    let reply = Fault::reply;
    for (fault, expected, kept) in [
        (reply(Connect, 421, "4.3.2 too busy"), "later Channel", 0),
        (reply(Connect, 554, "5.7.1 listed"), "later Channel", 0),
        (reply(Ehlo, 502, "5.5.2 what"), "later Channel", 0),
        (reply(Mail, 451, "4.3.0 later"), "later Channel", 0),
        (reply(Mail, 553, "5.1.8 bad sender"), "rejected Policy", 0),
        (
            reply(Rcpt, 550, "5.1.1 no such user"),
            "rejected Address",
            0,
        ),
        (reply(Rcpt, 451, "4.7.1 greylisted"), "later Message", 0),
        (reply(Rcpt, 452, "4.2.2 full"), "later Address", 0),
        (
            reply(Rcpt, 550, "5.4.5 Daily user sending limit exceeded"),
            "later Sender",
            0,
        ),
        (
            reply(Rcpt, 450, "4.2.1 Peak SMTP relay limit exceeded"),
            "later Sender",
            0,
        ),
        (reply(Data, 554, "5.7.1 no"), "rejected Policy", 0),
        (
            reply(AfterDot, 550, "5.7.26 unauthenticated"),
            "rejected Policy",
            0,
        ),
        (reply(AfterDot, 552, "5.3.4 too big"), "rejected Content", 0),
        (reply(AfterDot, 451, "4.3.0 try again"), "later Message", 0),
        (reply(AfterDot, 421, "4.3.2 going down"), "later Channel", 0),
        (Fault::drop(Connect), "later Channel", 0),
        (Fault::drop(Ehlo), "later Channel", 0),
        (Fault::drop(Mail), "later Channel", 0),
        (Fault::drop(Rcpt), "later Channel", 0),
        (Fault::drop(Data), "later Channel", 0),
        // The whole message fits into the buffers on the way, so the dot has left: nobody can know.
        (Fault::drop(Body), "in doubt", 0),
        (Fault::drop(AfterDot), "in doubt", 0),
        (Fault::keep_and_drop(), "in doubt", 1),
        (Fault::delay(Connect, FOREVER), "later Channel", 0),
        (Fault::delay(Mail, FOREVER), "later Channel", 0),
        (Fault::delay(Rcpt, FOREVER), "later Channel", 0),
        (Fault::delay(Data, FOREVER), "later Channel", 0),
        (Fault::delay(AfterDot, FOREVER), "in doubt", 0),
    ] {
        let what = format!("{fault:?}");
        let server = server(Options::default()).await;
        let mut settings = settings(&server, Security::Plain);
        settings.answer_within = SHORT;
        settings.body_within = SHORT;
        let courier = EmailCourier::new(settings);
        server.fault(fault);
        let verdict = courier.deliver(&parcel(1)).await;
        assert_eq!(word(&verdict), expected, "{what}: {verdict:?}");
        assert_eq!(server.messages().len(), kept, "{what}");

        // Whatever it was, the next mail goes through, and once.
        server.clear_faults();
        assert_eq!(
            word(&courier.deliver(&parcel(2)).await),
            "delivered",
            "{what}"
        );
        assert_eq!(server.messages().len(), kept + 1, "{what}");
        server.shutdown().await;
    }
}

#[tokio::test]
async fn a_big_mail_cut_before_its_dot_is_safe_to_send_again() {
    let server = server(Options::default()).await;
    let courier = plain(&server);
    let mut big = mail(1);
    big.attachments.push(Attachment {
        name: "big.bin".into(),
        media_type: "application/octet-stream".into(),
        content: vec![7; 20_000_000],
    });
    server.fault(Fault::drop_in_body(1000));
    let verdict = courier.deliver(&Parcel::Mail(big)).await;
    assert_eq!(word(&verdict), "later Channel", "{verdict:?}");
    assert!(server.messages().is_empty());
    server.shutdown().await;
}

#[tokio::test]
async fn a_refused_recipient_costs_no_connection_and_is_masked() {
    let server = server(Options::default()).await;
    let courier = plain(&server);
    server.fault(
        Fault::reply(Stage::Rcpt, 550, "5.1.1 <khach1@example.org>: unknown")
            .to("khach1@example.org")
            .endless(),
    );
    assert_eq!(
        courier.deliver(&parcel(1)).await,
        Verdict::Rejected {
            why: "550 5.1.1 <k…@example.org>: unknown".into(),
            about: Refusal::Address
        }
    );
    for number in 2..10 {
        assert_eq!(word(&courier.deliver(&parcel(number)).await), "delivered");
    }
    assert_eq!(server.counts().connections, 1);
    server.shutdown().await;
}

#[tokio::test]
async fn a_session_that_died_while_idle_is_replaced_unseen() {
    let server = server(Options {
        idle_timeout: Duration::from_millis(100),
        ..Options::default()
    })
    .await;
    let courier = plain(&server);
    assert_eq!(word(&courier.deliver(&parcel(1)).await), "delivered");
    while server.counts().open > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(word(&courier.deliver(&parcel(2)).await), "delivered");
    assert_eq!(server.counts().connections, 2);
    assert_eq!(server.messages().len(), 2);
    server.shutdown().await;
}

#[tokio::test]
async fn no_more_sessions_than_allowed_and_each_mail_once() {
    let server = server(Options::default()).await;
    let mut settings = settings(&server, Security::StartTls);
    settings.connections = 3;
    settings.per_session = 20;
    let courier = Arc::new(EmailCourier::new(settings));
    assert_eq!(courier.connections(), 3);
    let sending: Vec<_> = (0..200)
        .map(|number| {
            let courier = Arc::clone(&courier);
            tokio::spawn(async move { courier.deliver(&parcel(number)).await })
        })
        .collect();
    for task in sending {
        assert_eq!(word(&task.await.expect("no panic")), "delivered");
    }
    let mut kept: Vec<_> = server.messages().iter().map(|m| m.to[0].clone()).collect();
    kept.sort();
    kept.dedup();
    assert_eq!(kept.len(), 200);
    let connections = server.counts().connections;
    assert!((10..=14).contains(&connections), "{connections}");
    courier.close().await;
    server.shutdown().await;
}

#[tokio::test]
async fn the_providers_pace_is_kept() {
    let server = server(Options::default()).await;
    let mut settings = settings(&server, Security::Plain);
    settings.per_minute = Some(2);
    let courier = EmailCourier::new(settings);
    let to = Address::Email("khach1@example.org".into());
    assert!(courier.ready_in(&to).is_zero());
    assert_eq!(word(&courier.deliver(&parcel(1)).await), "delivered");
    assert!(courier.ready_in(&to) > Duration::from_secs(20));
    let Verdict::TryLater {
        not_before_s: Some(wait),
        scope: Scope::Message,
        ..
    } = courier.deliver(&parcel(2)).await
    else {
        panic!("the second went at once");
    };
    assert!((20..=31).contains(&wait), "{wait}");
    assert_eq!(server.messages().len(), 1);
    server.shutdown().await;
}

#[tokio::test]
async fn a_refused_log_in_says_whose_and_what_to_do() {
    let server = server(Options {
        credentials: Some(Credentials::new("an", "right")),
        require_starttls: true,
        ..Options::default()
    })
    .await;
    let mut settings = settings(&server, Security::StartTls);
    settings.username = Some("an".into());
    settings.password = Some("wrong".to_owned().into());
    let courier = EmailCourier::new(settings);
    let error = courier.probe().await.expect_err("a wrong password");
    assert_eq!(error.kind, ProbeKind::Refused);
    let text = error.to_string();
    assert!(text.contains("refused the log-in of an: 535 "), "{text}");
    assert!(text.contains("app password"), "{text}");
    assert!(!text.contains("wrong"), "{text}");
    assert_eq!(word(&courier.deliver(&parcel(1)).await), "later Channel");
    server.shutdown().await;
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_session_is_named() {
    let no_tls = server(Options {
        starttls: false,
        ..Options::default()
    })
    .await;
    let with_tls = server(Options {
        implicit_tls: Some(LOCAL.into()),
        ..Options::default()
    })
    .await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let closed = free.local_addr().expect("an address").port();
    drop(free);

    let mut untrusted = settings(&with_tls, Security::StartTls);
    untrusted.extra_roots_pem = Some(no_tls.ca_pem().as_bytes().to_vec());
    let mut no_log_in = settings(&no_tls, Security::Plain);
    no_log_in.username = Some("an".into());
    no_log_in.password = Some("x".to_owned().into());
    let mut wrong_way = settings(&with_tls, Security::StartTls);
    wrong_way.port = with_tls.tls_addr().expect("asked for").port();
    wrong_way.connect_within = SHORT;
    let mut not_tls = settings(&with_tls, Security::Tls);
    not_tls.port = with_tls.addr().port();
    for (settings, kind, words) in [
        (
            SmtpSettings::new("localhost", closed, Security::Plain),
            ProbeKind::Unreachable,
            ["connection refused", "firewall"],
        ),
        (
            SmtpSettings::new("mail.invalid", 587, Security::Plain),
            ProbeKind::Unreachable,
            ["name mail.invalid is unknown", "DNS"],
        ),
        (
            settings(&no_tls, Security::StartTls),
            ProbeKind::Unsuitable,
            ["does not offer STARTTLS", "smtps://"],
        ),
        (
            untrusted,
            ProbeKind::Untrusted,
            ["is not trusted", "SSL_CERT_FILE"],
        ),
        (
            no_log_in,
            ProbeKind::Unsuitable,
            ["offers no log-in", "submission port"],
        ),
        (
            not_tls,
            ProbeKind::Unsuitable,
            ["does not speak TLS", "587"],
        ),
        (wrong_way, ProbeKind::Unreachable, ["no answer", "465"]),
    ] {
        let what = format!("{settings:?}");
        let courier = EmailCourier::new(settings);
        let error = courier.probe().await.expect_err(&what);
        assert_eq!(error.kind, kind, "{error}");
        for word in words {
            assert!(error.to_string().contains(word), "{word}: {error}");
        }
        assert_eq!(word(&courier.deliver(&parcel(1)).await), "later Channel");
    }
    assert!(no_tls.messages().is_empty() && with_tls.messages().is_empty());
    no_tls.shutdown().await;
    with_tls.shutdown().await;
}

#[tokio::test]
async fn an_answer_smuggled_in_before_the_handshake_ends_the_session() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let attacker = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut buffer = [0; 512];
        for answer in [
            "220 hello\r\n",
            "250-mail\r\n250 STARTTLS\r\n",
            "220 go ahead\r\n250-mail\r\n250 AUTH PLAIN\r\n",
        ] {
            stream.write_all(answer.as_bytes()).await.expect("written");
            let _ = stream.read(&mut buffer).await;
        }
    });
    let server = server(Options::default()).await;
    let mut settings = settings(&server, Security::StartTls);
    settings.port = port;
    let courier = EmailCourier::new(settings);
    let error = courier.probe().await.expect_err("an attack");
    assert_eq!(error.kind, ProbeKind::Unsuitable, "{error}");
    assert!(error.to_string().contains("more than it was asked for"));
    attacker.await.expect("no panic");
    server.shutdown().await;
}
