//! HTTP: the listener whose connections can be reset, the routes, and how an answer is written.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::api;
use super::control;
use super::errors::ApiError;
use super::faults::{Effect, RequestRecord};
use super::{GoogleSandbox, lock};

/// The largest request body taken.
const BODY_MAX: usize = 64 << 20;

/// An answer before it is written.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(header::HeaderName, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// JSON, indented as Google's is unless the client asks otherwise.
    pub(super) fn json(status: u16, value: &Value, pretty: bool) -> Answer {
        let body = if pretty {
            serde_json::to_vec_pretty(value)
        } else {
            serde_json::to_vec(value)
        };
        Answer {
            status,
            content_type: "application/json; charset=UTF-8",
            headers: Vec::new(),
            // A Value has text keys only and cannot fail to be written.
            body: body.unwrap_or_default(),
        }
    }

    pub(super) fn error(error: &ApiError) -> Answer {
        let mut answer = Answer::json(error.code, &error.to_json(), true);
        if error.code == 401 {
            answer.headers.push((
                header::WWW_AUTHENTICATE,
                "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"".to_owned(),
            ));
        }
        answer
    }

    pub(super) fn html(status: u16, body: impl Into<Vec<u8>>) -> Answer {
        Answer {
            status,
            content_type: "text/html; charset=UTF-8",
            headers: Vec::new(),
            body: body.into(),
        }
    }
}

/// A decoded request.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    /// The raw path's parts, each percent-decoded.
    pub(super) parts: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Asked {
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn path(&self) -> String {
        format!("/{}", self.parts.join("/"))
    }

    fn shown_query(&self) -> String {
        let pairs: Vec<String> = self
            .query
            .iter()
            .filter(|(key, _)| key != "access_token" && key != "key")
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        pairs.join("&")
    }
}

/// Splits `a=b&c=d` and decodes both sides; `+` is a space.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (
                decoded(&key.replace('+', " ")),
                decoded(&value.replace('+', " ")),
            )
        })
        .collect()
}

/// Percent-decoding (RFC 3986, 2.1); what is no escape stays, what is no UTF-8 is replaced.
pub(super) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let Some(byte) = escape {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Answers every request: the control interface, or Google with whatever fault is ordered.
pub(super) async fn answer(State(sandbox): State<GoogleSandbox>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let line = parts
        .extensions
        .get::<ConnectInfo<Line>>()
        .map(|info| info.0.clone());
    let Ok(body) = axum::body::to_bytes(body, BODY_MAX).await else {
        return write(
            Answer::error(&ApiError::of_status(413)),
            &parts.headers,
            None,
        );
    };
    let asked = Asked {
        method: parts.method.to_string(),
        parts: parts.uri.path().split('/').skip(1).map(decoded).collect(),
        query: pairs(parts.uri.query().unwrap_or("")),
        headers: parts.headers,
        body,
    };
    if asked.parts.first().is_some_and(|part| part == "control") {
        return write(control::answer(&sandbox, &asked), &asked.headers, None);
    }
    let whole = format!("{}?{}", asked.path(), asked.shown_query());
    let effect = sandbox.take_fault(&asked.method, &whole);
    let (answer, effect) = with_effect(&sandbox, &asked, effect).await;
    let reset = matches!(effect, Some(Effect::Reset | Effect::ResetAfter));
    // Made before the lock is taken: the clock and the account take it too.
    let record = RequestRecord {
        number: 0,
        at_ms: sandbox.now_ms(),
        method: asked.method.clone(),
        path: asked.path(),
        query: asked.shown_query(),
        account: api::account_of(&sandbox, &asked),
        status: if reset { 0 } else { answer.status },
    };
    lock(&sandbox.shared.state).log.add(record);
    if reset {
        if let Some(line) = line {
            line.cut.store(true, Ordering::Release);
        }
        return broken(&answer, Some(0), true);
    }
    write(answer, &asked.headers, effect.as_ref())
}

/// The answer under an effect; the effect is handed back if writing must still know it.
async fn with_effect(
    sandbox: &GoogleSandbox,
    asked: &Asked,
    effect: Option<Effect>,
) -> (Answer, Option<Effect>) {
    match effect {
        Some(Effect::Status {
            status,
            retry_after_s,
        }) => {
            let mut answer = Answer::error(&ApiError::of_status(status));
            if let Some(seconds) = retry_after_s {
                answer
                    .headers
                    .push((header::RETRY_AFTER, seconds.to_string()));
            }
            (answer, None)
        }
        Some(Effect::Garbage { body, status }) => {
            let body = body.unwrap_or_else(|| {
                "<!DOCTYPE html><html><body><h1>Whoops</h1>{\"values\":[[".to_owned()
            });
            (Answer::html(status.unwrap_or(200), body), None)
        }
        Some(Effect::Reset) => (Answer::html(500, ""), Some(Effect::Reset)),
        Some(Effect::Delay { ms }) => {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(ms)) => {}
                () = sandbox.shared.stop.cancelled() => {}
            }
            (api::answer(sandbox, asked), None)
        }
        other => (api::answer(sandbox, asked), other),
    }
}

/// Turns an answer into a response, compressed under Google's own condition: `Accept-Encoding` has
/// gzip and the User-Agent contains the word.
fn write(mut answer: Answer, asked: &HeaderMap, effect: Option<&Effect>) -> Response {
    let has = |name: header::HeaderName| {
        asked
            .get(name)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|text| text.contains("gzip"))
    };
    if has(header::ACCEPT_ENCODING) && has(header::USER_AGENT) {
        use std::io::Write;
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        if packer.write_all(&answer.body).is_ok()
            && let Ok(packed) = packer.finish()
        {
            answer.body = packed;
            answer
                .headers
                .push((header::CONTENT_ENCODING, "gzip".to_owned()));
        }
    }
    if let Some(Effect::Truncate {
        keep_bytes,
        chunked,
    }) = effect
    {
        return broken(&answer, *keep_bytes, *chunked);
    }
    let body = Body::from(std::mem::take(&mut answer.body));
    head(&answer).body(body).unwrap_or_else(|_| unwritable())
}

fn head(answer: &Answer) -> axum::http::response::Builder {
    let mut head = Response::builder()
        .status(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .header(header::CONTENT_TYPE, answer.content_type)
        .header(header::VARY, "Origin, X-Origin, Referer")
        .header(header::CACHE_CONTROL, "private");
    for (name, value) in &answer.headers {
        head = head.header(name, value);
    }
    head
}

fn unwritable() -> Response {
    let mut response = Response::new(Body::from("the sandbox could not write this answer"));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// An answer whose body stops before its end: the connection closes in the middle.
fn broken(answer: &Answer, keep_bytes: Option<usize>, chunked: bool) -> Response {
    let keep = keep_bytes
        .unwrap_or(answer.body.len() / 2)
        .min(answer.body.len());
    let start = Bytes::copy_from_slice(&answer.body[..keep]);
    let mut step = 0;
    let body = futures_util::stream::poll_fn(move |context: &mut Context<'_>| {
        step += 1;
        match step {
            1 if !start.is_empty() => Poll::Ready(Some(Ok(start.clone()))),
            // One pause, so that the first part is flushed to the client before the cut.
            1 | 2 => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            _ => Poll::Ready(Some(Err(io::Error::other("cut by an ordered fault")))),
        }
    });
    let mut head = head(answer);
    if !chunked {
        head = head.header(header::CONTENT_LENGTH, answer.body.len().max(keep + 1));
    }
    head.body(Body::from_stream(body))
        .unwrap_or_else(|_| unwritable())
}

/// A connection's handle: once `cut`, the next write resets it.
#[derive(Debug, Clone)]
pub(super) struct Line {
    cut: Arc<AtomicBool>,
}

/// A listener whose connections carry a [`Line`].
#[derive(Debug)]
pub(super) struct LineListener(pub(super) TcpListener);

/// A connection that can be reset from the answer.
#[derive(Debug)]
pub(super) struct LineStream {
    stream: TcpStream,
    line: Line,
}

impl Listener for LineListener {
    type Io = LineStream;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (LineStream, Self::Addr) {
        let (stream, peer) = Listener::accept(&mut self.0).await;
        // Without it, small answers wait for the client's delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "sandbox: no TCP_NODELAY on a connection");
        }
        let line = Line {
            cut: Arc::new(AtomicBool::new(false)),
        };
        (LineStream { stream, line }, peer)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, LineListener>> for Line {
    fn connect_info(stream: IncomingStream<'_, LineListener>) -> Line {
        stream.io().line.clone()
    }
}

impl AsyncRead for LineStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for LineStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.line.cut.load(Ordering::Acquire) {
            // With no lingering, the close that follows sends RST instead of FIN.
            let lingering = self.stream.set_zero_linger();
            return Poll::Ready(Err(lingering.err().unwrap_or_else(|| {
                io::Error::new(io::ErrorKind::ConnectionReset, "reset by an ordered fault")
            })));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.line.cut.load(Ordering::Acquire) {
            return Poll::Ready(self.stream.set_zero_linger());
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
