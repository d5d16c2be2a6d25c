//! The page over HTTP: its files, the state, and what a visitor does.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::{Path, Query, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::google::Edit;
use super::state::Known;
use super::{Shared, assets, guard, mails};

/// How long a request for news waits at most.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// How long a press waits for the bot's answer: Telegram itself gives up later.
const PRESS_WAIT: Duration = Duration::from_secs(10);
/// Scripts only from here, pictures from here or in the text. Styles in the text are for the mails, whose
/// frames inherit this.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

type Desk = State<Arc<Shared>>;
/// What an act answers: JSON, or 400 with the reason.
type Done = Result<Json<Value>, Refused>;

/// Why something was not done: `{"error": "…"}`.
struct Refused(String);

impl<E: std::error::Error> From<E> for Refused {
    fn from(error: E) -> Refused {
        Refused(error.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(json!({"error": self.0}))).into_response()
    }
}

/// The routes, behind the guard.
pub(super) fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/state", get(state))
        .route("/api/edit", post(edit))
        .route("/api/undo", post(undo))
        .route("/api/mail/{id}", get(mail))
        .route("/api/file/{*path}", get(file))
        .route("/api/chat/say", post(say))
        .route("/api/chat/start", post(start))
        .route("/api/chat/press", post(press))
        .route("/api/chat/contact", post(contact))
        .route("/api/chat/block", post(block))
        .route("/api/reset", post(reset))
        .fallback(get(asset))
        .layer(from_fn_with_state(Arc::clone(&shared), guarded))
        .with_state(shared)
}

async fn guarded(State(shared): Desk, request: Request, next: Next) -> Response {
    let mut response = match guard::refusal(request.headers(), shared.addr) {
        Some(why) => (StatusCode::FORBIDDEN, Json(json!({"error": why}))).into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    let always: [(HeaderName, &'static str); 3] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn asset(request: Request) -> Response {
    match assets::find(request.uri().path()) {
        Some(asset) => ([(CONTENT_TYPE, asset.kind)], asset.text).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Answers as soon as there is something the browser does not know, or with `{}` after the wait.
async fn state(State(shared): Desk, Query(known): Query<Known>) -> Json<Value> {
    let wait = Duration::from_secs(known.wait.unwrap_or(0)).min(LONGEST_WAIT);
    let parts = &shared.parts;
    // Before the first look: what changes from now on wakes the wait.
    let (mut sheet, mut mail) = (parts.google.changes(), parts.smtp.watch());
    let (mut chat, mut log) = (parts.bot.watch(), parts.log.watch());
    let look = async {
        loop {
            let news = shared.news(&known);
            if !news.is_empty() {
                return Value::Object(news);
            }
            let moved = tokio::select! {
                moved = sheet.changed() => moved,
                moved = mail.changed() => moved,
                moved = chat.changed() => moved,
                moved = log.changed() => moved,
                () = shared.stop.cancelled() => return json!({"stopped": true}),
            };
            if moved.is_err() {
                // A sandbox is gone for good: nothing more will come.
                return json!({"stopped": true});
            }
        }
    };
    Json(
        tokio::time::timeout(wait, look)
            .await
            .unwrap_or_else(|_| json!({})),
    )
}

/// `{"edits": [EDIT, …]}`: one change with one undo.
#[derive(Deserialize)]
struct Edits {
    edits: Vec<Edit>,
}

async fn edit(State(shared): Desk, Json(body): Json<Edits>) -> Done {
    let parts = &shared.parts;
    let edited = parts.google.edit(&parts.workbook_id, &body.edits)?;
    Ok(Json(json!(edited)))
}

async fn undo(State(shared): Desk, Json(_): Json<Value>) -> Done {
    let parts = &shared.parts;
    Ok(Json(json!(parts.google.undo(&parts.workbook_id)?)))
}

async fn mail(State(shared): Desk, Path(id): Path<u64>) -> Response {
    match shared.parts.smtp.message(id) {
        Some(mail) => Json(mails::open(&mail)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Pictures are shown, anything else is offered for download.
async fn file(State(shared): Desk, Path(path): Path<String>) -> Response {
    let Some((mime, bytes)) = shared.parts.bot.file(&path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let shown = ["image/png", "image/jpeg", "image/gif", "image/webp"].contains(&mime.as_str());
    let mut headers = HeaderMap::new();
    if shown {
        let kind = HeaderValue::from_str(&mime);
        headers.insert(
            CONTENT_TYPE,
            kind.unwrap_or(HeaderValue::from_static("image/png")),
        );
        let keep = HeaderValue::from_static("private, max-age=3600");
        headers.insert(CACHE_CONTROL, keep);
    } else {
        let plain = HeaderValue::from_static("application/octet-stream");
        headers.insert(CONTENT_TYPE, plain);
        headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    (headers, bytes).into_response()
}

#[derive(Deserialize)]
struct Say {
    person: i64,
    chat: Option<i64>,
    text: String,
}

async fn say(State(shared): Desk, Json(say): Json<Say>) -> Done {
    let chat = say.chat.unwrap_or(say.person);
    let message = shared.parts.bot.say_in(say.person, chat, &say.text, None)?;
    Ok(Json(json!({"message": message})))
}

#[derive(Deserialize)]
struct Start {
    person: i64,
    payload: Option<String>,
}

async fn start(State(shared): Desk, Json(start): Json<Start>) -> Done {
    let payload = start.payload.as_deref();
    let message = shared.parts.bot.press_start(start.person, payload)?;
    Ok(Json(json!({"message": message})))
}

#[derive(Deserialize)]
struct Press {
    person: i64,
    chat: Option<i64>,
    message: i64,
    data: String,
}

/// Presses a button and waits for the bot's answer; `answer` is null if none came.
async fn press(State(shared): Desk, Json(press): Json<Press>) -> Done {
    let bot = &shared.parts.bot;
    let chat = press.chat.unwrap_or(press.person);
    let id = bot.press(press.person, chat, press.message, &press.data)?;
    let answer = tokio::select! {
        answer = bot.wait_answer(&id, PRESS_WAIT) => answer.ok(),
        () = shared.stop.cancelled() => None,
    };
    Ok(Json(
        json!({"answered": answer.is_some(), "answer": answer}),
    ))
}

#[derive(Deserialize)]
struct Share {
    person: i64,
    phone_number: String,
}

async fn contact(State(shared): Desk, Json(share): Json<Share>) -> Done {
    let bot = &shared.parts.bot;
    let message = bot.share_contact(share.person, &share.phone_number)?;
    Ok(Json(json!({"message": message})))
}

#[derive(Deserialize)]
struct Block {
    person: i64,
    blocked: bool,
}

async fn block(State(shared): Desk, Json(block): Json<Block>) -> Done {
    if block.blocked {
        shared.parts.bot.block(block.person)?;
    } else {
        shared.parts.bot.unblock(block.person)?;
    }
    Ok(Json(json!({})))
}

/// Starts all over, as whoever started the page has arranged it.
async fn reset(State(shared): Desk, Json(_): Json<Value>) -> Done {
    let Some(reset) = shared.parts.reset.clone() else {
        return Err(Refused("this page cannot start all over".to_owned()));
    };
    tokio::task::spawn_blocking(move || reset())
        .await
        .map_err(|_| {
            Refused("starting all over failed; stop the demo and start it again".to_owned())
        })?;
    shared.epoch.fetch_add(1, Ordering::SeqCst);
    // Wakes the browsers, which then ask for everything.
    shared.parts.log.wake();
    Ok(Json(json!({})))
}
