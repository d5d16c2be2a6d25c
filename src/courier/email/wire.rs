//! The way to the server: name, TCP without delay, and TLS, each with an error that says which of them it was.
//!
//! STARTTLS is spoken here and not by the mail library, so that nothing that was sent in the clear before the handshake
//! can be taken for an answer after it ("response injection").

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::classify::Reply;
use super::session::{OpenError, Phase};
use super::{Security, SmtpSettings};

/// Longest reply to be read in the clear, in bytes.
const LONGEST_CLEAR_REPLY: usize = 16 * 1024;

/// Certificates to trust: the system's (`SSL_CERT_FILE` and `SSL_CERT_DIR` count), and those of the settings.
///
/// # Errors
/// Text for people, when there is not one certificate or an own one cannot be read.
pub(super) fn trust(extra_roots_pem: Option<&[u8]>) -> Result<TlsConnector, String> {
    let mut roots = rustls::RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(native.certs);
    if let Some(pem) = extra_roots_pem {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| format!("own certificate: {error}"))?;
            roots
                .add(certificate)
                .map_err(|error| format!("own certificate: {error}"))?;
        }
    }
    if roots.is_empty() {
        let found = native
            .errors
            .first()
            .map_or_else(|| "none found".to_owned(), ToString::to_string);
        return Err(format!("no certificates to trust on this machine: {found}"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// A connection on which the mail library can begin with a greeting and EHLO.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    peer: SocketAddr,
    /// Still to be read before what the stream gives: the greeting, when it was read in the clear before.
    greeting: Vec<u8>,
    told: Arc<Told>,
}

/// What went over a wire, as far as the mail library does not say it.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Bytes that were handed over to be sent.
    sent: AtomicU64,
    /// The server's first words, up to [`Told::enough`].
    heard: Mutex<Vec<u8>>,
    enough: AtomicBool,
}

/// So much of the server's first words is kept; no answer to EHLO is longer.
const FIRST_WORDS: usize = 16 * 1024;

impl Told {
    /// Bytes that were handed over to be sent; some of the last may not have left.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    /// Whether a line of the server's answer to EHLO was this word; to be asked once, after that answer.
    pub(super) fn offered(&self, word: &str) -> bool {
        self.enough.store(true, Ordering::SeqCst);
        let heard = std::mem::take(&mut *self.heard());
        String::from_utf8_lossy(&heard)
            .lines()
            .filter_map(|line| line.strip_prefix("250")?.get(1..))
            .any(|line| line.trim().eq_ignore_ascii_case(word))
    }

    fn hears(&self, bytes: &[u8]) {
        if self.enough.load(Ordering::SeqCst) {
            return;
        }
        let mut heard = self.heard();
        let room = FIRST_WORDS.saturating_sub(heard.len());
        heard.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Every statement under this lock leaves the list whole.
    fn heard(&self) -> MutexGuard<'_, Vec<u8>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    /// Connects, and encrypts as the settings say. Time-outs are the caller's.
    pub(super) async fn open(
        settings: &SmtpSettings,
        tls: Option<&TlsConnector>,
    ) -> Result<Self, OpenError> {
        let mut tcp = connect(&settings.host, settings.port).await?;
        let peer = tcp.peer_addr().map_err(OpenError::Lost)?;
        let (stream, greeting) = match (settings.security, tls) {
            (Security::Plain, _) => (Stream::Plain(tcp), Vec::new()),
            (Security::Tls, Some(tls)) => (handshake(tls, &settings.host, tcp).await?, Vec::new()),
            (Security::StartTls, Some(tls)) => {
                start_tls(&mut tcp, &settings.hello).await?;
                let greeting = b"220 greeted before STARTTLS\r\n".to_vec();
                (handshake(tls, &settings.host, tcp).await?, greeting)
            }
            (Security::Tls | Security::StartTls, None) => {
                return Err(OpenError::Untrusted("no certificates to trust".into()));
            }
        };
        Ok(Self {
            stream,
            peer,
            greeting,
            told: Arc::default(),
        })
    }

    /// What goes over it, also when the mail library has it.
    pub(super) fn told(&self) -> Arc<Told> {
        Arc::clone(&self.told)
    }
}

/// Tries each address of the name in turn.
async fn connect(host: &str, port: u16) -> Result<TcpStream, OpenError> {
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
        .await
        .map_err(|error| OpenError::Name(error.to_string()))?
        .collect();
    let mut last = OpenError::Name("the name has no address".into());
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(tcp) => {
                // Without it each command waits for the other side's delayed acknowledgement: 23 mails/s instead of thousands.
                tcp.set_nodelay(true).map_err(OpenError::Lost)?;
                return Ok(tcp);
            }
            Err(error) => last = OpenError::Connect(error),
        }
    }
    Err(last)
}

async fn handshake(tls: &TlsConnector, host: &str, tcp: TcpStream) -> Result<Stream, OpenError> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| OpenError::Untrusted(format!("{host} is no name a certificate can have")))?;
    match tls.connect(name, tcp).await {
        Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
        Err(error) => Err(
            match error
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<rustls::Error>())
            {
                Some(rustls::Error::InvalidCertificate(why)) => {
                    OpenError::Untrusted(why.to_string())
                }
                Some(other) => OpenError::NoTls(other.to_string()),
                None => OpenError::Lost(error),
            },
        ),
    }
}

/// Greeting, EHLO, STARTTLS.
async fn start_tls(tcp: &mut TcpStream, hello: &str) -> Result<(), OpenError> {
    clear_reply(tcp, Phase::Greeting).await?;
    tcp.write_all(format!("EHLO {hello}\r\n").as_bytes())
        .await
        .map_err(OpenError::Lost)?;
    let offered = clear_reply(tcp, Phase::Hello).await?;
    if !offered
        .iter()
        .any(|line| line.trim().eq_ignore_ascii_case("STARTTLS"))
    {
        return Err(OpenError::NoStartTls);
    }
    tcp.write_all(b"STARTTLS\r\n")
        .await
        .map_err(OpenError::Lost)?;
    clear_reply(tcp, Phase::StartTls).await?;
    Ok(())
}

/// Reads one whole reply, and demands that nothing follows it and that it is positive.
///
/// # Returns
/// The text of its lines, without the codes.
async fn clear_reply(tcp: &mut TcpStream, phase: Phase) -> Result<Vec<String>, OpenError> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = reply_end(&bytes) {
            if end != bytes.len() {
                return Err(OpenError::NotSmtp(
                    "it says more than it was asked for".into(),
                ));
            }
            break;
        }
        if bytes.len() > LONGEST_CLEAR_REPLY {
            return Err(OpenError::NotSmtp("its answer has no end".into()));
        }
        let mut chunk = [0; 1024];
        let count = tcp.read(&mut chunk).await.map_err(OpenError::Lost)?;
        if count == 0 {
            return Err(OpenError::Lost(io::ErrorKind::UnexpectedEof.into()));
        }
        bytes.extend_from_slice(&chunk[..count]);
    }
    let text = String::from_utf8_lossy(&bytes);
    let code = text.get(..3).and_then(|digits| digits.parse::<u16>().ok());
    let Some(code @ 200..=599) = code else {
        let first: String = text
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(80)
            .collect();
        return Err(OpenError::NotSmtp(format!("it says {first:?}")));
    };
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.get(4..).unwrap_or_default().to_owned())
        .collect();
    if code >= 400 {
        let reply = Reply::new(code, lines.iter().map(String::as_str));
        return Err(OpenError::Reply(phase, reply));
    }
    Ok(lines)
}

/// Where the first reply ends: after the line whose code is not followed by `-`.
fn reply_end(bytes: &[u8]) -> Option<usize> {
    let mut start = 0;
    while let Some(length) = bytes[start..].iter().position(|byte| *byte == b'\n') {
        let line = &bytes[start..start + length];
        start += length + 1;
        if line.get(3) != Some(&b'-') {
            return Some(start);
        }
    }
    None
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        if !wire.greeting.is_empty() {
            let count = wire.greeting.len().min(buffer.remaining());
            buffer.put_slice(&wire.greeting[..count]);
            wire.greeting.drain(..count);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = match &mut wire.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        wire.told.hears(&buffer.filled()[before..]);
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        let written = match &mut wire.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        };
        if let Poll::Ready(Ok(count)) = &written {
            wire.told.sent.fetch_add(*count as u64, Ordering::SeqCst);
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_offers_is_a_line_of_its_own() {
        let told = Told::default();
        told.hears(b"220 no PIPELINING here\r\n250-mx PIPELINING\r\n250-Pipe");
        told.hears(b"lining\r\n250 SIZE 1000\r\n");
        assert!(told.offered("PIPELINING"));
        told.hears(b"250 CHUNKING\r\n");
        assert!(!told.offered("CHUNKING"), "asked too late");
    }

    #[test]
    fn a_reply_ends_with_the_line_without_a_dash() {
        assert_eq!(reply_end(b"220 hello\r\n"), Some(11));
        assert_eq!(reply_end(b"250-a\r\n250 b\r\n"), Some(14));
        assert_eq!(reply_end(b"250-a\r\n250 b\r\n250 injected\r\n"), Some(14));
        assert_eq!(reply_end(b"250-a\r\n"), None);
        assert_eq!(reply_end(b"220 hel"), None);
        assert_eq!(reply_end(b""), None);
    }
}
