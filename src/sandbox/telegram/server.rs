//! The HTTP side of the Bot API: paths, token, faults, and connections that can be reset.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use axum::{Json, Router};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::fault::{Act, Fault};
use super::params::Params;
use super::refusal::Refusal;
use super::{BotSandbox, methods};

/// The routes of both sides.
pub(super) fn routes(sandbox: BotSandbox) -> Router {
    Router::new()
        .nest("/people", super::desk::routes(sandbox.clone()))
        .fallback(api)
        .layer(DefaultBodyLimit::disable())
        .with_state(sandbox)
}

async fn api(
    State(sandbox): State<BotSandbox>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response {
    let path = request.uri().path().to_owned();
    if let Some(rest) = path.strip_prefix("/file/bot") {
        return match rest.split_once('/') {
            Some((token, file)) if token == sandbox.token() => download(&sandbox, file),
            Some(_) => Refusal::new(401, "Unauthorized").into_response(),
            None => Refusal::new(404, "Not Found").into_response(),
        };
    }
    let Some((token, method)) = path
        .strip_prefix("/bot")
        .and_then(|rest| rest.split_once('/'))
    else {
        return Refusal::new(404, "Not Found").into_response();
    };
    if token != sandbox.token() {
        return Refusal::new(401, "Unauthorized").into_response();
    }
    let params = match Params::read(request).await {
        Ok(params) => params,
        Err(refusal) => return refusal.into_response(),
    };
    let Some(fault) = sandbox.strike(method, params.number("chat_id")) else {
        return answer(&sandbox, method, &params).await;
    };
    sandbox
        .shared
        .stop
        .run_until_cancelled(tokio::time::sleep(Duration::from_millis(fault.delay_ms)))
        .await;
    struck(&sandbox, &line, method, &params, fault).await
}

async fn struck(
    sandbox: &BotSandbox,
    line: &Line,
    method: &str,
    params: &Params,
    fault: Fault,
) -> Response {
    let done = if fault.done || fault.act == Act::Continue {
        Some(answer(sandbox, method, params).await)
    } else {
        None
    };
    match fault.act {
        Act::Continue => done.unwrap_or_else(|| StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        Act::Status {
            code,
            description,
            retry_after,
        } => Refusal {
            retry_after,
            ..Refusal::new(code, description)
        }
        .into_response(),
        Act::Reset => {
            line.cut();
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Act::Garbage { code } => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
            let page =
                "<html><head><title>Bad Gateway</title></head><body><h1>nginx</h1></body></html>";
            (status, [(CONTENT_TYPE, "text/html")], page).into_response()
        }
    }
}

async fn answer(sandbox: &BotSandbox, method: &str, params: &Params) -> Response {
    match methods::call(&sandbox.shared, method, params).await {
        Ok(result) => Json(json!({"ok": true, "result": result})).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// A file's bytes by its path.
pub(super) fn download(sandbox: &BotSandbox, path: &str) -> Response {
    match sandbox.file(path) {
        Some((mime, bytes)) => ([(CONTENT_TYPE, mime)], bytes).into_response(),
        None => Refusal::new(404, "Not Found").into_response(),
    }
}

/// A connection, as the one who answers on it sees it.
#[derive(Debug, Clone)]
pub(super) struct Line(Arc<AtomicBool>);

impl Line {
    /// Has the connection reset at the next byte.
    fn cut(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Connected<IncomingStream<'_, Switchboard>> for Line {
    fn connect_info(stream: IncomingStream<'_, Switchboard>) -> Self {
        stream.io().line.clone()
    }
}

/// A listener whose connections can be cut.
pub(super) struct Switchboard(pub(super) TcpListener);

impl Listener for Switchboard {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        // axum's own accept waits and tries again when it fails.
        let (stream, peer) = Listener::accept(&mut self.0).await;
        // Without it small answers wait for the client; a socket that refuses is merely slower.
        let _ = stream.set_nodelay(true);
        let line = Line(Arc::new(AtomicBool::new(false)));
        (Wire { stream, line }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A stream that fails, and resets, once its line is cut.
pub(super) struct Wire {
    stream: TcpStream,
    line: Line,
}

impl Wire {
    fn whole(&self) -> io::Result<()> {
        if self.line.0.load(Ordering::SeqCst) {
            // With no time to linger, closing sends RST instead of FIN.
            self.stream.set_zero_linger()?;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
