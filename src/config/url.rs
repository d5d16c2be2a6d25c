//! Addresses of servers and of people: URLs, SMTP servers, mailboxes.

use std::net::IpAddr;
use std::str::FromStr;

use email_address::{EmailAddress, Options};
use reqwest::Url;

use super::walk::{Reader, Text};
use super::{Mailbox, SmtpSecurity, SmtpServer};

/// Reads a web address with one of these schemes and a host; `http` to another machine is suspicious.
pub(super) fn web(reader: &Reader<'_>, text: &Text<'_>, schemes: &[&str]) -> Option<Url> {
    let wanted = schemes.join("://… or ");
    let url = match Url::parse(text.text) {
        Ok(url) if schemes.contains(&url.scheme()) && url.has_host() => url,
        Ok(_) | Err(_) => {
            text.wrong(reader, ", not an address", format!("write {wanted}://…"));
            return None;
        }
    };
    if url.password().is_some() {
        reader.wrong(
            &text.span,
            format!("{} has a password in it", text.label),
            "write the whole address into a file of its own and name that: { file = \"…\" } or { credential = \"…\" }",
        );
        return None;
    }
    if url.scheme() == "http" && !is_loopback(url.host_str().unwrap_or_default()) {
        reader.suspicious(
            &text.span,
            format!("{} goes to another machine without TLS", text.label),
            "write https://, unless the network between is yours alone",
        );
    }
    Some(url)
}

/// Whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || IpAddr::from_str(host).is_ok_and(|address| address.is_loopback())
}

/// Reads `smtps://host`, `smtp://host:587`, `smtp+plain://127.0.0.1:2525`.
pub(super) fn smtp(reader: &Reader<'_>, text: &Text<'_>) -> Option<SmtpServer> {
    const WANTED: &str =
        "write smtps://HOST, smtp://HOST (with STARTTLS), or smtp+plain://127.0.0.1:PORT";
    let url = Url::parse(text.text).ok().filter(Url::has_host);
    let Some(url) = url else {
        text.wrong(reader, ", not the address of a mail server", WANTED);
        return None;
    };
    let (security, port) = match url.scheme() {
        "smtps" => (SmtpSecurity::Tls, 465),
        "smtp" => (SmtpSecurity::StartTls, 587),
        "smtp+plain" => (SmtpSecurity::Plain, 25),
        other => {
            text.wrong(
                reader,
                &format!(": there is no `{other}://` for mail"),
                WANTED,
            );
            return None;
        }
    };
    if !url.username().is_empty() || url.password().is_some() {
        reader.wrong(
            &text.span,
            format!("{} has a log-in in it", text.label),
            "write `username = \"…\"` and `password = { credential = \"smtp\" }` instead",
        );
        return None;
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() {
        text.wrong(reader, ", with something behind the host", WANTED);
        return None;
    }
    let host = url
        .host_str()?
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    if security == SmtpSecurity::Plain && !is_loopback(&host) {
        text.wrong(
            reader,
            ": mail and password would cross the network in the clear",
            "write smtp:// or smtps://; smtp+plain:// is for 127.0.0.1 only",
        );
        return None;
    }
    Some(SmtpServer {
        host,
        port: url.port().unwrap_or(port),
        security,
    })
}

/// Reads an address such as `lan.anh@queenland.example`.
pub(super) fn address(reader: &Reader<'_>, text: &Text<'_>) -> Option<String> {
    let written = text.text.trim();
    if is_address(written) {
        return Some(written.to_owned());
    }
    text.wrong(reader, ", not an e-mail address", "write name@domain.vn");
    None
}

/// Reads `Queenland <marketing@queenland.example>` or the address alone.
pub(super) fn mailbox(reader: &Reader<'_>, text: &Text<'_>) -> Option<Mailbox> {
    let written = text.text.trim();
    let (name, address) = match written
        .strip_suffix('>')
        .and_then(|rest| rest.rsplit_once('<'))
    {
        Some((name, address)) => (name.trim().trim_matches('"').trim(), address.trim()),
        None => ("", written),
    };
    if !is_address(address) || name.chars().any(char::is_control) {
        text.wrong(
            reader,
            ", without a full e-mail address",
            "write \"Name <name@domain.vn>\" or the address alone",
        );
        return None;
    }
    Some(Mailbox {
        name: name.to_owned(),
        address: address.to_owned(),
    })
}

fn is_address(text: &str) -> bool {
    let options = Options::default()
        .with_required_tld()
        .without_domain_literal()
        .without_display_text();
    text.chars()
        .all(|letter| !letter.is_control() && !letter.is_whitespace())
        && EmailAddress::parse_with_options(text, options).is_ok()
}
