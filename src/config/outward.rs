//! What the world outside sees of the daemon: `[web]`, and the keys that sign mail, `[email] dkim`.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use super::sheets::not_built;
use super::walk::{Reader, Section, Text, list, quoted};
use super::{Dkim, Mailbox, Web, secret, url};

/// `[web]`.
pub(super) fn web(reader: &Reader<'_>, root: &Section<'_>) -> Option<Web> {
    let section = root.section(reader, "web")?;
    section.only(
        reader,
        &["listen", "tracking", "public_url", "proxies"],
        &[],
    );
    if section.flag(reader, "tracking") == Some(true)
        && let Some(node) = section.get("tracking")
    {
        not_built(
            reader,
            &node.span,
            "`tracking = true` in [web]",
            "write false",
        );
    }
    let public_url = section
        .text(reader, "public_url")
        .and_then(|text| public_url(reader, &text));
    let proxies = section
        .texts(reader, "proxies")
        .iter()
        .filter_map(|text| proxy(reader, text))
        .collect();
    let Some(listen) = section.text(reader, "listen") else {
        if let Some(node) = section.get("public_url") {
            reader.wrong(
                &node.span,
                "[web] has a `public_url` and no `listen`: nothing would answer there",
                "add listen = \"127.0.0.1:8787\", and let the web server in front pass /u/ on to it",
            );
        }
        return None;
    };
    let Ok(address) = listen.text.parse::<SocketAddr>() else {
        listen.wrong(
            reader,
            ", not an address with a port",
            "write \"127.0.0.1:8787\"",
        );
        return None;
    };
    if !address.ip().is_loopback() {
        reader.suspicious(
            &listen.span,
            format!(
                "{} is \"{address}\": every machine that reaches this one sees health and metrics",
                listen.label
            ),
            "write \"127.0.0.1:8787\", and let a web server in front decide who sees what",
        );
    }
    Some(Web {
        listen: address,
        public_url,
        proxies,
    })
}

/// The address behind which `/u/` is reached, without a slash at its end.
fn public_url(reader: &Reader<'_>, text: &Text<'_>) -> Option<String> {
    let url = url::web(reader, text, &["https", "http"])?;
    if url.query().is_some() || url.fragment().is_some() {
        text.wrong(
            reader,
            ", with something behind the path",
            "write https://HOST or https://HOST/PATH",
        );
        return None;
    }
    if url.scheme() == "http" && url::is_loopback(url.host_str().unwrap_or_default()) {
        reader.suspicious(
            &text.span,
            format!(
                "{} is an address of this machine: nobody else can open the links in mails",
                text.label
            ),
            "write the https:// address under which the web server in front is reached",
        );
    }
    Some(url.as_str().trim_end_matches('/').to_owned())
}

/// A machine whose word on who asks is believed, beside this one.
fn proxy(reader: &Reader<'_>, text: &Text<'_>) -> Option<IpAddr> {
    let read = text.text.parse().ok();
    if read.is_none() {
        text.wrong(reader, ", not an IP address", "write \"10.0.0.5\"");
    }
    read
}

/// `[email] dkim`: one key, or several that sign side by side.
pub(super) fn dkim(
    reader: &Reader<'_>,
    email: &Section<'_>,
    from: Option<&Mailbox>,
    folder: Option<&Path>,
) -> Vec<Dkim> {
    let Some(node) = email.get("dkim") else {
        return Vec::new();
    };
    node.one_or_more(reader)
        .iter()
        .filter_map(|section| one_key(reader, section, from, folder))
        .collect()
}

fn one_key(
    reader: &Reader<'_>,
    section: &Section<'_>,
    from: Option<&Mailbox>,
    folder: Option<&Path>,
) -> Option<Dkim> {
    const KEYS: [&str; 3] = ["selector", "domain", "key"];
    section.only(reader, &KEYS, &[]);
    let selector = section.need_text(
        reader,
        "selector",
        "add selector = \"s1\": the name before ._domainkey in DNS",
    );
    let key = section
        .need(reader, "key", "add key = { credential = \"dkim\" }")
        .and_then(|node| secret::read(reader, &node, folder));
    let sender = from.and_then(|from| from.address.rsplit_once('@'));
    let sender = sender.map(|(_, domain)| domain.to_ascii_lowercase());
    let domain = match section.text(reader, "domain") {
        Some(text) => {
            let domain = names_only(reader, &text, "write queenland.example")?;
            if let Some(sender) = sender.filter(|sender| !aligned(sender, &domain)) {
                reader.suspicious(
                    &text.span,
                    format!(
                        "{} is {}, and mails come from {}: mail servers do not count such a signature",
                        text.label,
                        quoted(&domain),
                        quoted(&sender)
                    ),
                    format!("write domain = {}, or leave it out", quoted(&sender)),
                );
            }
            domain
        }
        None => sender?,
    };
    let selector = names_only(
        reader,
        &selector?,
        &format!(
            "write a name of letters, digits and -, such as {}",
            list(&["s1"])
        ),
    )?;
    Some(Dkim {
        selector,
        domain,
        key: key?,
    })
}

/// Names of DNS with dots between, in small letters.
fn names_only(reader: &Reader<'_>, text: &Text<'_>, mend: &str) -> Option<String> {
    let label = |label: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=63).contains(&label.len())
            && label.bytes().all(fits)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.text.split('.').all(label) {
        return Some(text.text.to_ascii_lowercase());
    }
    text.wrong(reader, ", not a name of DNS", mend);
    None
}

/// Whether a signature of `domain` counts for a sender (RFC 7489 section 3.1.1, relaxed): one is below the other.
fn aligned(sender: &str, domain: &str) -> bool {
    let below = |name: &str, of: &str| {
        name == of
            || name
                .strip_suffix(of)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    below(sender, domain) || below(domain, sender)
}
