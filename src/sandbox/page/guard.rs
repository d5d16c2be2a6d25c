//! Who may ask: pages of this address in a browser on this machine, and programs on it.
//!
//! A page of another site can make a browser send requests here (CSRF), and with a name that it lets
//! resolve to 127.0.0.1 it can even read the answers (DNS rebinding). Both show in `Host` and `Origin`.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

/// Why a request is refused, or `None` if it may pass.
///
/// `Host` must be `localhost` or a loopback address; if the page was told to `listen` elsewhere, any
/// address (but no name) is good. `Origin`, which browsers send with every write, must be the same place.
pub(super) fn refusal(headers: &HeaderMap, listen: SocketAddr) -> Option<&'static str> {
    let Some(host) = headers.get(HOST).and_then(|value| value.to_str().ok()) else {
        return Some("the request names no host");
    };
    let open = !listen.ip().is_loopback();
    if !is_here(host, open) {
        return Some(
            "this page answers only under a loopback address such as http://127.0.0.1:8800/",
        );
    }
    match headers.get(ORIGIN).map(|value| value.to_str()) {
        None => None,
        Some(Ok(origin)) if origin.strip_prefix("http://") == Some(host) => None,
        Some(_) => Some("the request comes from a page of another address"),
    }
}

/// Whether a `HOST[:PORT]` is this machine's loopback, or with `open` any address.
fn is_here(host: &str, open: bool) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    name.trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>()
        .is_ok_and(|address| open || address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &str, origin: Option<&str>, listen: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        refusal(&headers, listen.parse().unwrap()).is_none()
    }

    #[test]
    fn only_the_page_itself_may_ask() {
        let here = "127.0.0.1:8800";
        for (host, origin, may) in [
            ("127.0.0.1:8800", None, true),
            ("127.0.0.1:8800", Some("http://127.0.0.1:8800"), true),
            ("localhost:8800", Some("http://localhost:8800"), true),
            ("LOCALHOST", None, true),
            ("[::1]:8800", Some("http://[::1]:8800"), true),
            ("127.0.0.1:8800", Some("http://evil.example"), false),
            ("127.0.0.1:8800", Some("http://127.0.0.1:9999"), false),
            ("127.0.0.1:8800", Some("null"), false),
            ("evil.example:8800", Some("http://evil.example:8800"), false),
            ("evil.example", None, false),
            ("127.0.0.1.evil.example:8800", None, false),
            ("192.168.1.5:8800", None, false),
        ] {
            assert_eq!(asked(host, origin, here), may, "{host} {origin:?}");
        }
    }

    #[test]
    fn a_page_that_listens_to_the_network_answers_under_addresses_but_under_no_name() {
        let open = "0.0.0.0:8800";
        assert!(asked(
            "192.168.1.5:8800",
            Some("http://192.168.1.5:8800"),
            open
        ));
        assert!(!asked(
            "evil.example:8800",
            Some("http://evil.example:8800"),
            open
        ));
    }

    #[test]
    fn a_request_without_a_host_is_refused() {
        let refused = refusal(&HeaderMap::new(), "127.0.0.1:1".parse().unwrap());
        assert_eq!(refused, Some("the request names no host"));
    }
}
