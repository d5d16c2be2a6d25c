//! The people's side over HTTP, for pages and for tests in other languages: JSON in, JSON out,
//! `{"error": "…"}` with 400 for what cannot be done.

use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::people::CannotDo;
use super::world::{Contact, Person};
use super::{BotSandbox, Fault, Limits};

/// What an act over HTTP answers.
type Done = Result<Json<Value>, CannotDo>;

impl IntoResponse for CannotDo {
    fn into_response(self) -> Response {
        (
            StatusCode::BAD_REQUEST,
            Json(json!({"error": self.to_string()})),
        )
            .into_response()
    }
}

/// How long a request may wait at most.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

pub(super) fn routes(sandbox: BotSandbox) -> Router<BotSandbox> {
    Router::new()
        .route("/revision", get(revision))
        .route("/persons", get(persons).post(create_person))
        .route("/groups", post(create_group))
        .route("/chats", get(chats))
        .route("/chats/{chat}", get(chat))
        .route("/wait", get(wait))
        .route("/start", post(start))
        .route("/say", post(say))
        .route("/press", post(press))
        .route("/contact", post(contact))
        .route("/block", post(block))
        .route("/unblock", post(unblock))
        .route("/deactivate", post(deactivate))
        .route("/join", post(join))
        .route("/leave", post(leave))
        .route("/add_bot", post(add_bot))
        .route("/remove_bot", post(remove_bot))
        .route("/migrate", post(migrate))
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/limits", post(limits))
        .route("/calls", get(calls))
        .route("/files/{*path}", get(file))
        .with_state::<BotSandbox>(sandbox)
}

async fn revision(State(sandbox): State<BotSandbox>) -> Json<Value> {
    Json(json!({"revision": sandbox.revision()}))
}

async fn persons(State(sandbox): State<BotSandbox>) -> Json<Value> {
    Json(json!(sandbox.people()))
}

async fn create_person(State(sandbox): State<BotSandbox>, Json(person): Json<Person>) -> Done {
    Ok(Json(json!({"id": sandbox.create_person(person)?})))
}

#[derive(Deserialize)]
struct NewGroup {
    title: String,
    #[serde(default)]
    members: Vec<i64>,
}

async fn create_group(State(sandbox): State<BotSandbox>, Json(group): Json<NewGroup>) -> Done {
    Ok(Json(
        json!({"id": sandbox.create_group(&group.title, &group.members)?}),
    ))
}

async fn chats(State(sandbox): State<BotSandbox>) -> Json<Value> {
    // The revision first: what changes meanwhile is then seen by the next look.
    let revision = sandbox.revision();
    Json(json!({"revision": revision, "chats": sandbox.chats()}))
}

async fn chat(State(sandbox): State<BotSandbox>, Path(chat): Path<i64>) -> Done {
    let found = sandbox.chat(chat).ok_or(CannotDo::NoChat(chat))?;
    Ok(Json(json!(found)))
}

/// Which message of the bot is waited for.
#[derive(Deserialize)]
struct Awaited {
    chat: i64,
    /// Part of its text.
    #[serde(default)]
    contains: String,
    /// Only messages with a higher id.
    #[serde(default)]
    after: i64,
    timeout_ms: Option<u64>,
}

async fn wait(State(sandbox): State<BotSandbox>, Query(awaited): Query<Awaited>) -> Response {
    let timeout = Duration::from_millis(awaited.timeout_ms.unwrap_or(10_000)).min(LONGEST_WAIT);
    let fits = |message: &super::ShownMessage| {
        message.id > awaited.after && message.text.contains(&awaited.contains)
    };
    match sandbox.wait_for_message(awaited.chat, fits, timeout).await {
        Ok(message) => Json(json!(message)).into_response(),
        Err(none) => (
            StatusCode::REQUEST_TIMEOUT,
            Json(json!({"error": none.to_string()})),
        )
            .into_response(),
    }
}

#[derive(Deserialize)]
struct Start {
    person: i64,
    payload: Option<String>,
}

async fn start(State(sandbox): State<BotSandbox>, Json(start): Json<Start>) -> Done {
    let message = sandbox.press_start(start.person, start.payload.as_deref())?;
    Ok(Json(json!({"message": message})))
}

#[derive(Deserialize)]
struct Say {
    person: i64,
    chat: Option<i64>,
    text: String,
    reply_to: Option<i64>,
}

async fn say(State(sandbox): State<BotSandbox>, Json(say): Json<Say>) -> Done {
    let chat = say.chat.unwrap_or(say.person);
    let message = sandbox.say_in(say.person, chat, &say.text, say.reply_to)?;
    Ok(Json(json!({"message": message})))
}

/// A button by its data, or by row and column from 0.
#[derive(Deserialize)]
struct Pressed {
    person: i64,
    chat: Option<i64>,
    message: i64,
    data: Option<String>,
    #[serde(default)]
    row: usize,
    #[serde(default)]
    col: usize,
    timeout_ms: Option<u64>,
}

async fn press(State(sandbox): State<BotSandbox>, Json(pressed): Json<Pressed>) -> Done {
    let chat = pressed.chat.unwrap_or(pressed.person);
    let id = match &pressed.data {
        Some(data) => sandbox.press(pressed.person, chat, pressed.message, data)?,
        None => sandbox.press_at(
            pressed.person,
            chat,
            pressed.message,
            pressed.row,
            pressed.col,
        )?,
    };
    let timeout = Duration::from_millis(pressed.timeout_ms.unwrap_or(10_000)).min(LONGEST_WAIT);
    // A bot that does not answer leaves the button turning: that is an outcome, not an error.
    let answer = sandbox.wait_answer(&id, timeout).await.ok();
    Ok(Json(
        json!({"press": id, "answered": answer.is_some(), "answer": answer}),
    ))
}

/// A phone number, the person's own unless a whole card is given.
#[derive(Deserialize)]
struct Shared {
    person: i64,
    chat: Option<i64>,
    phone_number: Option<String>,
    card: Option<Contact>,
}

async fn contact(State(sandbox): State<BotSandbox>, Json(shared): Json<Shared>) -> Done {
    let message = match shared.card {
        Some(card) => {
            sandbox.share_card(shared.person, shared.chat.unwrap_or(shared.person), card)?
        }
        None => sandbox.share_contact(shared.person, &shared.phone_number.unwrap_or_default())?,
    };
    Ok(Json(json!({"message": message})))
}

#[derive(Deserialize)]
struct Who {
    person: i64,
}

async fn block(State(sandbox): State<BotSandbox>, Json(who): Json<Who>) -> Done {
    sandbox.block(who.person)?;
    Ok(Json(json!({})))
}

async fn unblock(State(sandbox): State<BotSandbox>, Json(who): Json<Who>) -> Done {
    sandbox.unblock(who.person)?;
    Ok(Json(json!({})))
}

async fn deactivate(State(sandbox): State<BotSandbox>, Json(who): Json<Who>) -> Done {
    sandbox.deactivate(who.person)?;
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
struct InGroup {
    group: i64,
    person: i64,
    payload: Option<String>,
}

async fn join(State(sandbox): State<BotSandbox>, Json(who): Json<InGroup>) -> Done {
    sandbox.join(who.person, who.group)?;
    Ok(Json(json!({})))
}

async fn leave(State(sandbox): State<BotSandbox>, Json(who): Json<InGroup>) -> Done {
    sandbox.leave(who.person, who.group)?;
    Ok(Json(json!({})))
}

async fn add_bot(State(sandbox): State<BotSandbox>, Json(who): Json<InGroup>) -> Done {
    sandbox.add_bot(who.group, who.person, who.payload.as_deref())?;
    Ok(Json(json!({})))
}

async fn remove_bot(State(sandbox): State<BotSandbox>, Json(who): Json<InGroup>) -> Done {
    sandbox.remove_bot(who.group, who.person)?;
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
struct Group {
    group: i64,
}

async fn migrate(State(sandbox): State<BotSandbox>, Json(group): Json<Group>) -> Done {
    Ok(Json(json!({"id": sandbox.migrate(group.group)?})))
}

async fn faults(State(sandbox): State<BotSandbox>) -> Json<Vec<Fault>> {
    Json(sandbox.faults())
}

async fn add_fault(State(sandbox): State<BotSandbox>, Json(fault): Json<Fault>) -> Json<Value> {
    sandbox.fault(fault);
    Json(json!({}))
}

async fn clear_faults(State(sandbox): State<BotSandbox>) -> Json<Value> {
    sandbox.clear_faults();
    Json(json!({}))
}

/// `null` turns the limits off, `{}` the usual ones on.
async fn limits(
    State(sandbox): State<BotSandbox>,
    Json(limits): Json<Option<Limits>>,
) -> Json<Value> {
    sandbox.set_limits(limits);
    Json(json!({}))
}

async fn calls(State(sandbox): State<BotSandbox>) -> Json<Value> {
    Json(json!(sandbox.calls()))
}

async fn file(State(sandbox): State<BotSandbox>, Path(path): Path<String>) -> Response {
    super::server::download(&sandbox, &path)
}
