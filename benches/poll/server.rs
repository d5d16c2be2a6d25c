//! A Google of one workbook on loopback, in a process of its own so that its work is not counted.

#![allow(dead_code)] // each benchmark needs some of it

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

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
    /// When rows were read.
    reads: Mutex<Vec<Instant>>,
}

/// A Google that is up.
pub struct Google {
    address: SocketAddr,
    served: Arc<Served>,
}

impl Google {
    /// Serves sheets by their names, at first the first one, as long as the runtime lives.
    pub async fn start(sheets: &[(&str, usize)]) -> Self {
        let shown = |rows| sheet::body(Size { rows, columns: 20 }, Variant::First).0;
        let bodies = sheets
            .iter()
            .map(|(name, rows)| ((*name).to_owned(), Bytes::from(shown(*rows))))
            .collect();
        Self::serving(bodies, sheets[0].0).await
    }

    async fn serving(bodies: BTreeMap<String, Bytes>, first: &str) -> Self {
        let served = Arc::new(Served {
            bodies,
            now: Mutex::new(first.to_owned()),
            reads: Mutex::default(),
        });
        let router = Router::new()
            .route("/token", post(token))
            .route("/show/{name}", post(show))
            .route("/v4/spreadsheets/{id}", get(metadata))
            .route("/v4/spreadsheets/{id}/values:batchGet", get(values))
            .with_state(Arc::clone(&served));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move {
            axum::serve(listener, router)
                .await
                .expect("it serves until it is ended");
        });
        Self { address, served }
    }

    /// Where it is, with a slash behind.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Another sheet from now on.
    pub fn show(&self, name: &str) {
        name.clone_into(&mut lock(&self.served.now));
    }

    /// How often rows were read.
    pub fn reads(&self) -> usize {
        lock(&self.served.reads).len()
    }

    /// When rows were read for the last time before.
    pub fn last_read_before(&self, at: Instant) -> Instant {
        let reads = lock(&self.served.reads);
        let before = reads.iter().rev().find(|&&read| read < at);
        *before.expect("rows were read before a mail was sent")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics while holding it")
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
    let google = Google::serving(bodies, "first").await;
    println!("{}", google.address);
    std::future::pending::<()>().await;
}

async fn token() -> Json<Value> {
    Json(json!({"access_token": "bench", "expires_in": 3600, "token_type": "Bearer"}))
}

async fn show(State(served): State<Arc<Served>>, Path(name): Path<String>) {
    *lock(&served.now) = name;
}

async fn metadata() -> Json<Value> {
    Json(json!({
        "properties": {"title": "Khách hàng", "locale": "vi_VN", "timeZone": "Asia/Ho_Chi_Minh"},
        "sheets": [{"properties": {"sheetId": 7, "title": "Khách hàng"}}],
    }))
}

async fn values(State(served): State<Arc<Served>>) -> impl IntoResponse {
    let name = lock(&served.now).clone();
    lock(&served.reads).push(Instant::now());
    let body = served.bodies[&name].clone();
    (
        [
            (header::CONTENT_TYPE, "application/json; charset=UTF-8"),
            (header::CONTENT_ENCODING, "gzip"),
        ],
        body,
    )
}
