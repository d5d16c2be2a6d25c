//! The page behind the link in an advertising mail: `GET /u/TOKEN` asks, `POST /u/TOKEN` refuses.
//!
//! A GET changes nothing, because mail scanners follow links. A POST refuses at once and answers 200 without a
//! redirect, whether it comes from the page's button or from a mail program's (RFC 8058: the body is
//! `List-Unsubscribe=One-Click`, there is no cookie and no log-in). The same again changes nothing. Whoever has no
//! link of ours learns nothing, not even whether somebody exists, and soon has to wait.
//!
//! What a link means is [`Desk`]'s to know; what it looks like is [`page`]'s.

mod guests;
mod page;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::clock;
use crate::commands::{CommandError, Desk, OptOutView, Press};
use crate::config::Language;
use guests::{Guests, Welcome};
use page::{Asked, Page};

/// Longest body in bytes: RFC 8058's has 26, as a multipart form some 200.
const MOST_BYTES: usize = 4 * 1024;

/// A body that has not come whole after so long is not waited for.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// Gives the desk of the configuration in force.
pub(super) type DeskOf = Arc<dyn Fn() -> Desk + Send + Sync>;

#[derive(Clone)]
struct Door {
    desk: DeskOf,
    guests: Arc<Guests>,
}

/// The routes of the page.
pub(super) fn routes(desk: DeskOf) -> Router {
    Router::new()
        .route("/u/{token}", get(ask).post(act))
        .with_state(Door {
            desk,
            guests: Arc::default(),
        })
}

#[derive(Deserialize)]
struct Wish {
    lang: Option<String>,
}

impl Wish {
    fn language(&self, desk: &Desk) -> Language {
        match self.lang.as_deref() {
            Some("vi") => Language::Vi,
            Some("en") => Language::En,
            _ => desk.roster.config().language,
        }
    }
}

/// Shows what a link would do, or what it has done. Changes nothing.
async fn ask(
    State(door): State<Door>,
    Path(token): Path<String>,
    Query(wish): Query<Wish>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let desk = (door.desk)();
    let language = wish.language(&desk);
    let guest = guest(&desk, peer.ip(), &headers);
    let seen = tokio::task::block_in_place(|| desk.opt_out_view(&token));
    door.answer(&desk, language, guest, seen, Asked::Look)
}

/// Refuses, or takes a refusal back, as the body says.
async fn act(
    State(door): State<Door>,
    Path(token): Path<String>,
    Query(wish): Query<Wish>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let desk = (door.desk)();
    let language = wish.language(&desk);
    let (parts, body) = request.into_parts();
    let guest = guest(&desk, peer.ip(), &parts.headers);
    let Some(said) = said(body).await else {
        return (StatusCode::BAD_REQUEST, "the request is too long\n").into_response();
    };
    let now = clock::now();
    let (asked, seen) = tokio::task::block_in_place(|| match said {
        Said::Back => {
            let wording = page::words(language).back_button;
            (Asked::Back, desk.opt_in_again(&token, wording, now))
        }
        Said::Stop { one_click } => {
            let wording = if one_click {
                "List-Unsubscribe=One-Click"
            } else {
                page::words(language).stop_button
            };
            let press = Press {
                one_click,
                wording: wording.to_owned(),
            };
            (Asked::Stop, desk.opt_out(&token, &press, now))
        }
    });
    door.answer(&desk, language, guest, seen, asked)
}

/// What a POST asks for.
enum Said {
    Stop { one_click: bool },
    Back,
}

/// Reads the body, of either form that RFC 8058 allows. One that says nothing refuses: some programs send none.
async fn said(body: Body) -> Option<Said> {
    let read = tokio::time::timeout(BODY_WITHIN, to_bytes(body, MOST_BYTES)).await;
    let bytes = read.ok()?.ok()?;
    let text = String::from_utf8_lossy(&bytes);
    Some(if text.split('&').any(|pair| pair == "do=back") {
        Said::Back
    } else {
        Said::Stop {
            one_click: text.contains("List-Unsubscribe") && text.contains("One-Click"),
        }
    })
}

impl Door {
    fn answer(
        &self,
        desk: &Desk,
        language: Language,
        guest: IpAddr,
        seen: Result<Option<OptOutView>, CommandError>,
        asked: Asked,
    ) -> Response {
        let page = Page::new(desk, language);
        match seen {
            // A link of ours is never turned away: hundreds may come from one machine of a mail provider's.
            Ok(Some(view)) => dressed(StatusCode::OK, page.of(&view, asked)),
            Ok(None) => match self.guests.wrong(guest, Instant::now()) {
                Welcome::Yes => dressed(StatusCode::NOT_FOUND, page.unknown()),
                Welcome::Wait => {
                    let wait = (header::RETRY_AFTER, "60");
                    let mut response = dressed(StatusCode::TOO_MANY_REQUESTS, page.unknown());
                    response
                        .headers_mut()
                        .insert(wait.0, HeaderValue::from_static(wait.1));
                    response
                }
            },
            Err(error) => {
                tracing::error!(%error, "the opt-out page could not ask the store");
                dressed(StatusCode::SERVICE_UNAVAILABLE, page.trouble())
            }
        }
    }
}

/// Not to be kept, framed, indexed, or told to others; no script and nothing from elsewhere.
fn dressed(status: StatusCode, html: String) -> Response {
    const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Who asks: the machine at the other end, or whom a web server of ours in front names last. What others write
/// into that header is not believed.
fn guest(desk: &Desk, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let proxies = desk
        .roster
        .config()
        .web
        .as_ref()
        .map(|web| web.proxies.clone())
        .unwrap_or_default();
    named_by(peer, headers, &proxies)
}

fn named_by(peer: IpAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> IpAddr {
    let trusted = |address: &IpAddr| address.is_loopback() || proxies.contains(address);
    if !trusted(&peer) {
        return peer;
    }
    let said = headers.get_all("x-forwarded-for").iter();
    let chain: Vec<IpAddr> = said
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|text| text.trim().parse().ok())
        .collect();
    let outermost = chain.iter().rev().find(|address| !trusted(address));
    outermost.copied().unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_servers_of_ours_are_believed_who_asks() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "6.6.6.6, 203.0.113.9".parse().unwrap());
        let front = [ip("10.0.0.2")];
        assert_eq!(named_by(ip("127.0.0.1"), &headers, &[]), ip("203.0.113.9"));
        assert_eq!(
            named_by(ip("10.0.0.2"), &headers, &front),
            ip("203.0.113.9")
        );
        assert_eq!(
            named_by(ip("198.51.100.7"), &headers, &front),
            ip("198.51.100.7")
        );
        headers.append("x-forwarded-for", "10.0.0.2".parse().unwrap());
        assert_eq!(
            named_by(ip("127.0.0.1"), &headers, &front),
            ip("203.0.113.9")
        );
        headers.clear();
        headers.insert("x-forwarded-for", "unknown".parse().unwrap());
        assert_eq!(named_by(ip("127.0.0.1"), &headers, &[]), ip("127.0.0.1"));
    }

    #[tokio::test]
    async fn every_form_of_the_body_is_read() {
        let one_click = |said: Option<Said>| match said {
            Some(Said::Stop { one_click }) => Some(one_click),
            _ => None,
        };
        let read = async |text: &'static str| said(Body::from(text)).await;
        assert_eq!(
            one_click(read("List-Unsubscribe=One-Click").await),
            Some(true)
        );
        let multipart = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--";
        assert_eq!(one_click(read(multipart).await), Some(true));
        assert_eq!(one_click(read("do=stop").await), Some(false));
        assert_eq!(one_click(read("").await), Some(false));
        assert!(matches!(read("do=back").await, Some(Said::Back)));
        assert!(said(Body::from(vec![b'x'; MOST_BYTES + 1])).await.is_none());
    }
}
