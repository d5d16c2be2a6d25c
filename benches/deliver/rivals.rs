//! Who else sends mails: a bare loop that keeps nothing, and lettre's own pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use lettre::address::Envelope;
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::sheet::customer;

/// Prints how many seconds it took; messages are made before.
pub async fn run(name: &str, port: u16, mails: usize, connections: usize) {
    let messages: Arc<Vec<Message>> = Arc::new((1..=mails).map(message).collect());
    let seconds = match name {
        "bare" => bare(port, &messages, connections).await,
        "sessions" => sessions(port, &messages, connections).await,
        "lettre" => lettre_pool(port, &messages, connections).await,
        other => panic!("there is no case {other}"),
    };
    println!("{seconds}");
}

/// As long as the daemon's: text and HTML, personal.
fn message(number: usize) -> Message {
    let [name, phone, email, ..] = customer(number, false);
    let lines: String = (0..28)
        .map(|line| {
            format!("<p>Dòng {line}: Queenland xin chào {name}, số điện thoại {phone}.</p>\n")
        })
        .collect();
    let text = format!("Kính chào {name},\n\nQueenland đã nhận được thông tin của anh/chị.\n");
    Message::builder()
        .from(
            "Queenland <cskh@queenland.example>"
                .parse()
                .expect("an address"),
        )
        .to(email.parse().expect("an address"))
        .subject(format!("Cảm ơn {name} đã quan tâm"))
        .multipart(lettre::message::MultiPart::alternative_plain_html(
            text, lines,
        ))
        .expect("a message")
}

/// Seconds that a loop for each connection takes; each is given what counts the messages that were begun.
async fn side_by_side<F: Future<Output = ()> + Send + 'static>(
    connections: usize,
    one: impl Fn(Arc<AtomicUsize>) -> F,
) -> f64 {
    let next = Arc::new(AtomicUsize::new(0));
    let from = Instant::now();
    let loops: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(one(Arc::clone(&next))))
        .collect();
    for one in loops {
        one.await.expect("a loop ends");
    }
    from.elapsed().as_secs_f64()
}

/// As little as can be done over a connection without delay.
async fn bare(port: u16, messages: &Arc<Vec<Message>>, connections: usize) -> f64 {
    let ready: Arc<Vec<(String, Vec<u8>)>> = Arc::new(
        messages
            .iter()
            .map(|message| {
                let to = message.envelope().to()[0].to_string();
                let mut body = message.formatted();
                body.extend_from_slice(b"\r\n.\r\n");
                (to, body)
            })
            .collect(),
    );
    side_by_side(connections, |next| {
        let ready = Arc::clone(&ready);
        async move {
            let mut wire = TcpStream::connect(("127.0.0.1", port))
                .await
                .expect("the sink is there");
            wire.set_nodelay(true).expect("it is a socket");
            answer(&mut wire).await;
            say(&mut wire, b"EHLO bench\r\n").await;
            while let Some((to, body)) = ready.get(next.fetch_add(1, Ordering::Relaxed)) {
                say(&mut wire, b"MAIL FROM:<cskh@queenland.example>\r\n").await;
                say(&mut wire, format!("RCPT TO:<{to}>\r\n").as_bytes()).await;
                say(&mut wire, b"DATA\r\n").await;
                say(&mut wire, body).await;
            }
        }
    })
    .await
}

async fn say(wire: &mut TcpStream, line: &[u8]) {
    wire.write_all(line).await.expect("the sink listens");
    answer(wire).await;
}

/// The sink answers with one packet.
async fn answer(wire: &mut TcpStream) {
    let mut buffer = [0; 512];
    let read = wire.read(&mut buffer).await.expect("the sink answers");
    assert!(
        read > 0 && matches!(buffer[0], b'2' | b'3'),
        "the sink refused"
    );
}

/// The same by lettre's own sessions over connections without delay: commands made and answers understood by a library.
async fn sessions(port: u16, messages: &Arc<Vec<Message>>, connections: usize) -> f64 {
    let ready: Arc<Vec<(Envelope, String)>> = Arc::new(
        messages
            .iter()
            .map(|message| {
                let body = String::from_utf8(message.formatted()).expect("encoded text");
                (message.envelope().clone(), body + "\r\n.\r\n")
            })
            .collect(),
    );
    side_by_side(connections, |next| {
        let ready = Arc::clone(&ready);
        async move {
            let wire = TcpStream::connect(("127.0.0.1", port))
                .await
                .expect("the sink is there");
            wire.set_nodelay(true).expect("it is a socket");
            let hello = ClientId::Domain("bench".into());
            let wire = Box::new(wire);
            let mut session = AsyncSmtpConnection::connect_with_transport(wire, &hello)
                .await
                .expect("the sink greets");
            while let Some((envelope, body)) = ready.get(next.fetch_add(1, Ordering::Relaxed)) {
                let from = Mail::new(envelope.from().cloned(), Vec::new());
                session.command(from).await.expect("MAIL is taken");
                let to = Rcpt::new(envelope.to()[0].clone(), Vec::new());
                session.command(to).await.expect("RCPT is taken");
                session.command(Data).await.expect("DATA is taken");
                session.command(body).await.expect("the message is taken");
            }
        }
    })
    .await
}

async fn lettre_pool(port: u16, messages: &Arc<Vec<Message>>, connections: usize) -> f64 {
    let size = u32::try_from(connections).expect("a few");
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
        .port(port)
        .pool_config(PoolConfig::new().max_size(size))
        .build();
    side_by_side(connections, |next| {
        let (messages, transport) = (Arc::clone(messages), transport.clone());
        async move {
            while let Some(message) = messages.get(next.fetch_add(1, Ordering::Relaxed)) {
                transport.send(message.clone()).await.expect("it is sent");
            }
        }
    })
    .await
}
