//! The daemon's own pages on `[web] listen`: `/health` for a monitor, `/metrics` for Prometheus, and `/u/…`, where a
//! customer refuses advertising. Nothing else is served, and nothing here shows a customer to anybody else: names,
//! addresses and texts stay in the store.
//!
//! Only `/u/` is for the public. Where there is a public address, what comes through a web server in front (it says
//! so in `X-Forwarded-For`) sees neither health nor metrics, also if that server passes everything on.
//!
//! Whether all is well is [`Health`]'s to know and the figures are [`Metrics`]'s; this module only shows them.

mod optout;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::commands::Desk;
use crate::health::{ChannelHealth, Health, Limited, Snapshot, Trouble, WorkbookHealth};
use crate::telemetry::Metrics;

/// How long answers that are under way may take once the daemon stops.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// A workbook that nobody read whole for so long is not well, though no poll failed: the loop stands still.
/// Three times the longest read that Google allows (180 s).
const STANDS_STILL_S: i64 = 540;

/// Why the pages cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// Somebody listens there already.
    #[error(
        "[web] listen: {listen} is in use by another program: stop that one (`ss -ltnp 'sport = :{port}'` names it) \
         or set another port",
        port = listen.port()
    )]
    InUse {
        /// As configured.
        listen: SocketAddr,
    },
    /// The address is none of this machine's.
    #[error("[web] listen: {listen} is no address of this machine: use 127.0.0.1:{port} or one that `ip address` shows", port = listen.port())]
    NotHere {
        /// As configured.
        listen: SocketAddr,
    },
    /// The system does not let it.
    #[error(
        "[web] listen: {listen} needs rights that sheetbridge does not have: use a port from 1024 on, such as 8787"
    )]
    Forbidden {
        /// As configured.
        listen: SocketAddr,
    },
    /// Anything else that the system says.
    #[error("[web] listen: cannot listen on {listen}: {source}")]
    Other {
        /// As configured.
        listen: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// The pages, with their port taken but not yet answering: so that a port in use is known before the daemon
/// says it is ready.
#[derive(Debug)]
pub struct Web {
    listener: TcpListener,
    listen: SocketAddr,
}

impl Web {
    /// Takes the port; 0 takes any.
    ///
    /// # Errors
    /// In use, not this machine's, not allowed.
    pub async fn bind(listen: SocketAddr) -> Result<Self, WebError> {
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|error| refused(listen, error))?;
        let listen = listener
            .local_addr()
            .map_err(|error| refused(listen, error))?;
        Ok(Self { listener, listen })
    }

    /// Where it listens, with the port that it really has.
    pub fn address(&self) -> SocketAddr {
        self.listen
    }

    /// Answers until `stop`; what is under way then has two seconds to end. `desk` gives the one of the
    /// configuration in force.
    ///
    /// # Errors
    /// What the system says of the listening socket.
    pub async fn serve(
        self,
        health: Health,
        metrics: Metrics,
        desk: impl Fn() -> Desk + Send + Sync + 'static,
        stop: CancellationToken,
    ) -> io::Result<()> {
        let desk: optout::DeskOf = Arc::new(desk);
        let own = Router::new()
            .route("/health", get(show_health))
            .route("/metrics", get(show_metrics))
            .with_state(Pages { health, metrics })
            .layer(middleware::from_fn_with_state(
                Arc::clone(&desk),
                not_from_outside,
            ));
        let pages = own.merge(optout::routes(desk)).fallback(nothing_here);
        let pages = pages.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(self.listener, pages)
            .with_graceful_shutdown(stop.clone().cancelled_owned())
            .into_future();
        let too_long = async {
            stop.cancelled().await;
            tokio::time::sleep(LAST_ANSWERS).await;
        };
        tokio::select! {
            ended = serving => ended,
            () = too_long => Ok(()),
        }
    }
}

fn refused(listen: SocketAddr, error: io::Error) -> WebError {
    match error.kind() {
        io::ErrorKind::AddrInUse => WebError::InUse { listen },
        io::ErrorKind::AddrNotAvailable => WebError::NotHere { listen },
        io::ErrorKind::PermissionDenied => WebError::Forbidden { listen },
        _ => WebError::Other {
            listen,
            source: error,
        },
    }
}

#[derive(Clone)]
struct Pages {
    health: Health,
    metrics: Metrics,
}

async fn show_health(State(pages): State<Pages>) -> Response {
    let report = Report::of(pages.health.snapshot(), clock::now());
    let status = if report.ok {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(report)).into_response()
}

async fn show_metrics(State(pages): State<Pages>) -> Response {
    match pages.metrics.encode() {
        Ok(page) => ([(header::CONTENT_TYPE, Metrics::MEDIA_TYPE)], page).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn nothing_here() -> Response {
    (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response()
}

/// Health and metrics are not for the public: what a web server in front has passed on does not see them.
async fn not_from_outside(
    State(desk): State<optout::DeskOf>,
    request: Request,
    next: Next,
) -> Response {
    let web = desk().roster.config().web.clone();
    let public = web.is_some_and(|web| web.public_url.is_some());
    let passed_on = ["x-forwarded-for", "x-forwarded-host", "forwarded"]
        .iter()
        .any(|name| request.headers().contains_key(*name));
    if public && passed_on {
        return nothing_here().await;
    }
    next.run(request).await
}

/// What `/health` says. `ok` is true when every workbook is read and every way out answers; the rest says which
/// does not. A limit that only slows a channel, a refused reload and a pending restart are told, and are well.
#[derive(Debug, PartialEq, Serialize)]
struct Report {
    ok: bool,
    version: String,
    started_at: Timestamp,
    trial: bool,
    workbooks: Vec<Workbook>,
    channels: Vec<Channel>,
    bot: Option<Bot>,
    reload_refused: Option<Trouble>,
    restart_needed: Vec<String>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Workbook {
    id: String,
    state: &'static str,
    last_good: Option<Timestamp>,
    lag_s: Option<i64>,
    failing: Option<Trouble>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Channel {
    channel: String,
    state: &'static str,
    down: Option<Trouble>,
    limited: Option<Limited>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Bot {
    username: Option<String>,
    state: &'static str,
    deaf: Option<Trouble>,
}

/// States that a monitor need not wake anybody for: it answers, or nobody has had to ask yet.
const WELL: [&str; 3] = ["ok", "limited", "starting"];

impl Report {
    fn of(known: Snapshot, now: Timestamp) -> Self {
        let running_s = now.duration_since(known.started_at).as_secs();
        let bot = known
            .channels
            .contains_key("telegram")
            .then(|| Bot::of(known.bot, known.bot_deaf));
        let workbooks: Vec<_> = known
            .workbooks
            .into_iter()
            .map(|(id, workbook)| Workbook::of(id, workbook, running_s, now))
            .collect();
        let channels: Vec<_> = known
            .channels
            .into_iter()
            .map(|(channel, health)| Channel::of(channel, health, now))
            .collect();
        let states = workbooks.iter().map(|workbook| workbook.state);
        let states = states.chain(channels.iter().map(|channel| channel.state));
        let mut states = states.chain(bot.iter().map(|bot| bot.state));
        Self {
            ok: states.all(|state| WELL.contains(&state)),
            version: known.version,
            started_at: known.started_at,
            trial: known.trial,
            workbooks,
            channels,
            bot,
            reload_refused: known.reload_refused,
            restart_needed: known.restart_needed,
        }
    }
}

impl Workbook {
    fn of(id: String, health: WorkbookHealth, running_s: i64, now: Timestamp) -> Self {
        let lag_s = health.lag_s(now);
        let state = if health.failing.is_some() {
            "failing"
        } else if lag_s.unwrap_or(running_s) > STANDS_STILL_S {
            "standing still"
        } else if lag_s.is_none() {
            "starting"
        } else {
            "ok"
        };
        Self {
            id,
            state,
            last_good: health.last_good,
            lag_s,
            failing: health.failing,
        }
    }
}

impl Channel {
    fn of(channel: String, health: ChannelHealth, now: Timestamp) -> Self {
        let limited = health.limited.filter(|limited| limited.until > now);
        let state = if health.down.is_some() {
            "down"
        } else if limited.is_some() {
            "limited"
        } else if health.ok_since.is_none() {
            "starting"
        } else {
            "ok"
        };
        Self {
            channel,
            state,
            down: health.down,
            limited,
        }
    }
}

impl Bot {
    fn of(username: Option<String>, deaf: Option<Trouble>) -> Self {
        let state = if deaf.is_some() {
            "deaf"
        } else if username.is_none() {
            "starting"
        } else {
            "ok"
        };
        Self {
            username,
            state,
            deaf,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::Value;

    use super::*;
    use crate::core::rule;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn well() -> Health {
        let health = Health::new(at(0), "0.1.0", false);
        health.polled("1AbC", at(95), SignedDuration::from_millis(120));
        health.channel_well(rule::Channel::Email, at(90));
        health.channel_well(rule::Channel::Telegram, at(90));
        health.bot_is("@queenland_bot");
        health
    }

    fn report(health: &Health, now: i64) -> Report {
        Report::of(health.snapshot(), at(now))
    }

    #[test]
    fn all_is_well_when_every_service_answers() {
        let report = report(&well(), 100);
        assert!(report.ok, "{report:?}");
        assert_eq!(
            (report.workbooks[0].state, report.workbooks[0].lag_s),
            ("ok", Some(5))
        );
        assert_eq!(report.bot.unwrap().state, "ok");
    }

    #[test]
    fn each_service_that_does_not_answer_is_named() {
        let health = well();
        health.poll_failed("1AbC", at(99), "Google answered 403");
        let failing = report(&health, 100);
        assert_eq!((failing.ok, failing.workbooks[0].state), (false, "failing"));

        let health = well();
        health.channel_down(
            rule::Channel::Email,
            at(99),
            "the mail server does not answer",
        );
        let down = report(&health, 100);
        assert_eq!((down.ok, down.channels[0].state), (false, "down"));
        assert_eq!(
            down.channels[0].down.as_ref().unwrap().why,
            "the mail server does not answer"
        );

        let health = well();
        health.bot_deaf(at(99), "another process polls with the same token");
        let deaf = report(&health, 100);
        assert_eq!((deaf.ok, deaf.bot.unwrap().state), (false, "deaf"));
    }

    #[test]
    fn a_loop_that_stands_still_is_noticed_though_nothing_failed() {
        assert!(report(&well(), 95 + STANDS_STILL_S).ok);
        let still = report(&well(), 96 + STANDS_STILL_S);
        assert_eq!(
            (still.ok, still.workbooks[0].state),
            (false, "standing still")
        );

        let never = Health::new(at(0), "0.1.0", false);
        never.only_workbooks(&["1AbC".to_owned()]);
        assert_eq!(report(&never, 10).workbooks[0].state, "starting");
        assert!(report(&never, 10).ok);
        assert_eq!(
            report(&never, 1 + STANDS_STILL_S).workbooks[0].state,
            "standing still"
        );
    }

    #[test]
    fn a_limit_slows_and_is_no_failure() {
        let health = well();
        let limited = Limited {
            until: at(160),
            why: "Telegram asked for 60 s".to_owned(),
        };
        health.limited(rule::Channel::Telegram, Some(limited));
        assert_eq!(report(&health, 100).channels[1].state, "limited");
        assert!(report(&health, 100).ok);
        assert_eq!(report(&health, 161).channels[1].state, "ok");
    }

    /// A desk over an empty store, of the least configuration that loads.
    fn desk(folder: &std::path::Path) -> Desk {
        use crate::config::{Config, Environment};
        let file = folder.join("sheetbridge.toml");
        let key = r#"{"type": "service_account", "client_email": "a@b.iam.gserviceaccount.com",
            "private_key": "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n",
            "token_uri": "http://127.0.0.1:1/token"}"#;
        let text = "[google]\ncredentials = { env = \"KEY\" }\n[[workbook]]\nid = \"1AbC\"\n[[workbook.tab]]\n\
                    name = \"*\"\n[columns]\nname = \"Họ tên\"\nphone = \"SĐT\"\n[web]\n\
                    listen = \"127.0.0.1:0\"\npublic_url = \"https://crm.queenland.example\"\n";
        std::fs::write(&file, text).unwrap();
        let config = Config::load(&file, &Environment::of([("KEY", key)]), &[]).unwrap();
        let store = crate::store::Store::open(&folder.join("state")).unwrap();
        let roster = crate::roster::Roster::new(Arc::new(config), store);
        Desk::new(roster, None)
    }

    async fn get(address: SocketAddr, path: &str) -> (u16, String, String) {
        let answer = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .get(format!("http://{address}{path}"))
            .send()
            .await
            .unwrap();
        let kind = answer
            .headers()
            .get("content-type")
            .map(|kind| kind.to_str().unwrap().to_owned());
        (
            answer.status().as_u16(),
            kind.unwrap_or_default(),
            answer.text().await.unwrap(),
        )
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_pages_are_served_and_the_port_is_free_again_at_the_end() {
        let health = Health::new(clock::now(), "0.1.0", false);
        health.polled("1AbC", clock::now(), SignedDuration::from_millis(120));
        let metrics = Metrics::new("0.1.0");
        metrics.rows("1AbC", "Khách hàng", 300);
        let web = Web::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = web.address();

        let in_use = Web::bind(address).await.unwrap_err().to_string();
        assert!(
            in_use.contains(&format!("{address} is in use by another program")),
            "{in_use}"
        );
        assert!(in_use.contains("or set another port"), "{in_use}");

        let stop = CancellationToken::new();
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(folder.path());
        let serving =
            tokio::spawn(web.serve(health.clone(), metrics, move || desk.clone(), stop.clone()));
        let (status, kind, page) = get(address, "/health").await;
        let page: Value = serde_json::from_str(&page).unwrap();
        assert_eq!((status, kind.as_str()), (200, "application/json"));
        assert_eq!(
            (&page["ok"], &page["workbooks"][0]["state"]),
            (&Value::Bool(true), &"ok".into())
        );

        health.poll_failed("1AbC", clock::now(), "Google answered 503");
        let (status, _, page) = get(address, "/health").await;
        let page: Value = serde_json::from_str(&page).unwrap();
        assert_eq!(
            (status, &page["workbooks"][0]["failing"]["why"]),
            (503, &"Google answered 503".into())
        );

        let (status, kind, page) = get(address, "/metrics").await;
        assert_eq!((status, kind.as_str()), (200, Metrics::MEDIA_TYPE));
        assert!(
            page.contains("sheetbridge_rows{workbook=\"1AbC\",tab=\"Khách hàng\"} 300"),
            "{page}"
        );

        let (status, _, page) = get(address, "/").await;
        assert_eq!((status, page.as_str()), (404, "There is nothing here.\n"));

        // What a web server in front passes on is from outside.
        for path in ["/health", "/metrics"] {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let request = client.get(format!("http://{address}{path}"));
            let answer = request
                .header("X-Forwarded-For", "203.0.113.9")
                .send()
                .await;
            assert_eq!(answer.unwrap().status().as_u16(), 404, "{path}");
        }

        stop.cancel();
        serving.await.unwrap().unwrap();
        Web::bind(address).await.unwrap();
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_refused_with_the_mend() {
        let error = Web::bind("203.0.113.1:8787".parse().unwrap())
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("203.0.113.1:8787 is no address of this machine"),
            "{error}"
        );
        assert!(error.contains("127.0.0.1:8787"), "{error}");
    }
}
