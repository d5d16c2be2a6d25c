//! An SMTP server that takes everything and keeps nothing but the times.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What was taken.
#[derive(Default)]
struct Taken {
    /// When each message was there in full.
    ended: Vec<Instant>,
    /// When the last message's transaction began.
    began: Option<Instant>,
}

pub struct Sink {
    port: u16,
    taken: Arc<Mutex<Taken>>,
}

impl Sink {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let taken = Arc::new(Mutex::new(Taken::default()));
        let into = Arc::clone(&taken);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let into = Arc::clone(&into);
                tokio::spawn(async move {
                    // A client that hangs up is no news.
                    let _ = talk(stream, &into).await;
                });
            }
        });
        Self { port, taken }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().expect("nobody panics while holding it")
    }

    /// How many messages so far.
    pub fn taken(&self) -> usize {
        self.lock().ended.len()
    }

    pub async fn wait_for(&self, count: usize, patience: Duration) {
        let from = Instant::now();
        while self.taken() < count {
            assert!(
                from.elapsed() < patience,
                "{} of {count} mails",
                self.taken()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// When the first message after so many was there, and the last.
    pub fn span(&self, before: usize) -> (Instant, Instant) {
        let taken = self.lock();
        (taken.ended[before], taken.ended[taken.ended.len() - 1])
    }

    /// When the first command about the last message came.
    pub fn last_began(&self) -> Instant {
        self.lock().began.expect("there was a message")
    }
}

async fn talk(mut stream: TcpStream, taken: &Mutex<Taken>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_all(b"220 sink\r\n").await?;
    let mut buffer = Vec::with_capacity(64 << 10);
    let mut body = false;
    let mut began = None;
    let mut answers = Vec::new();
    loop {
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        let mut at = 0;
        loop {
            let rest = &buffer[at..];
            if body {
                let Some(end) = find(rest, b"\r\n.\r\n") else {
                    break;
                };
                at += end + 5;
                body = false;
                let mut taken = taken.lock().expect("nobody panics while holding it");
                taken.ended.push(Instant::now());
                taken.began = began;
                answers.extend_from_slice(b"250 2.0.0 Ok: taken\r\n");
                continue;
            }
            let Some(end) = find(rest, b"\r\n") else {
                break;
            };
            let line = &rest[..end];
            at += end + 2;
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            match verb.as_slice() {
                b"EHLO" => answers.extend_from_slice(
                    b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
                ),
                b"MAIL" => {
                    began = Some(Instant::now());
                    answers.extend_from_slice(b"250 2.1.0 Ok\r\n");
                }
                b"DATA" => {
                    body = true;
                    answers.extend_from_slice(b"354 Go on\r\n");
                }
                b"QUIT" => {
                    answers.extend_from_slice(b"221 Bye\r\n");
                    stream.write_all(&answers).await?;
                    return Ok(());
                }
                _ => answers.extend_from_slice(b"250 2.0.0 Ok\r\n"),
            }
        }
        // The end of a body may come in two pieces.
        buffer.drain(..at);
        stream.write_all(&answers).await?;
        answers.clear();
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = haystack[from..].iter().position(|&byte| byte == b'\r') {
        let at = from + found;
        if haystack[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}
