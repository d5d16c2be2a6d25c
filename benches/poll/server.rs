//! A Google of one workbook on loopback, in a process of its own so that its work is not counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde_json::{Value, json};

use super::sheet::{self, Size, Variant};

/// What is served at the moment.
struct Served {
    bodies: BTreeMap<String, Bytes>,
    now: Mutex<String>,
}

/// Serves until the process is ended. Prints its address first.
pub async fn serve(size: Size) {
    let mut bodies = BTreeMap::new();
    for (name, variant) in [
        ("first", Variant::First),
        ("edited", Variant::EditedAndSorted),
    ] {
        let (gzip, length) = sheet::body(size, variant);
        eprintln!(
            "{name}: {} rows, {:.1} MB of JSON, {:.1} MB compressed",
            size.rows,
            length as f64 / 1e6,
            gzip.len() as f64 / 1e6
        );
        bodies.insert(name.to_owned(), Bytes::from(gzip));
    }
    let served = Arc::new(Served {
        bodies,
        now: Mutex::new("first".into()),
    });
    let router = Router::new()
        .route("/token", post(token))
        .route("/show/{name}", post(show))
        .route("/v4/spreadsheets/{id}", get(metadata))
        .route("/v4/spreadsheets/{id}/values:batchGet", get(values))
        .with_state(served);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has a free port");
    println!("{}", listener.local_addr().expect("it is bound"));
    axum::serve(listener, router)
        .await
        .expect("it serves until it is ended");
}

async fn token() -> Json<Value> {
    Json(json!({"access_token": "bench", "expires_in": 3600, "token_type": "Bearer"}))
}

async fn show(State(served): State<Arc<Served>>, Path(name): Path<String>) {
    *served.now.lock().expect("nobody panics while holding it") = name;
}

async fn metadata() -> Json<Value> {
    Json(json!({
        "properties": {"title": "Khách hàng", "locale": "vi_VN", "timeZone": "Asia/Ho_Chi_Minh"},
        "sheets": [{"properties": {"sheetId": 7, "title": "Khách hàng"}}],
    }))
}

async fn values(State(served): State<Arc<Served>>) -> impl IntoResponse {
    let name = served
        .now
        .lock()
        .expect("nobody panics while holding it")
        .clone();
    let body = served.bodies[&name].clone();
    (
        [
            (header::CONTENT_TYPE, "application/json; charset=UTF-8"),
            (header::CONTENT_ENCODING, "gzip"),
        ],
        body,
    )
}
