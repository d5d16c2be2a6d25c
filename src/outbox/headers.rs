//! The headers that say what kind of mail it is: to mail programs, to providers, and to machines that answer.
//!
//! | header | advertising | service to customers | to staff |
//! |---|---|---|---|
//! | `List-Unsubscribe` (RFC 2369) | page, then mailbox | | |
//! | `List-Unsubscribe-Post` (RFC 8058) | if the page is https | | |
//! | `List-Id` (RFC 2919) | one for all advertising | | |
//! | `Precedence: bulk` | yes | | |
//! | `Feedback-ID` (Gmail's) | yes | yes | |
//! | `Auto-Submitted: auto-generated` (RFC 3834) | yes | yes | yes |
//!
//! The last is the courier's, for every mail. None of them names a person.

use crate::core::facts::message::OptOutFacts;
use crate::core::message::{Message, Recipient};
use crate::core::sheet::fold::fold;

/// A header may have so many characters on its one line, its name included (RFC 5322 section 2.1.1).
const LONGEST: usize = 998;

/// The stream of a mail in `Feedback-ID` may have so many letters.
const STREAM_LETTERS: usize = 40;

/// The headers beside the usual ones. `domain` is the sender's; `optout` says where advertising is refused.
pub(super) fn headers(
    message: &Message,
    domain: &str,
    optout: Option<&OptOutFacts>,
) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    if message.to != Recipient::Customer {
        return all;
    }
    let mut add = |name: &str, value: String| all.push((name.to_owned(), value));
    let kind = if message.ad { "ad" } else { "service" };
    add(
        "Feedback-ID",
        format!(
            "{}:{kind}:sheetbridge:{}",
            stream(&message.rule),
            sender_id(domain)
        ),
    );
    if !message.ad {
        return all;
    }
    add("List-Id", format!("<ads.{domain}>"));
    add("Precedence", "bulk".to_owned());
    let Some(optout) = optout else {
        return all;
    };
    let mut ways: Vec<String> = Vec::new();
    ways.extend(optout.url.as_ref().map(|url| format!("<{url}>")));
    ways.extend(optout.email.as_ref().map(|address| mailto(address)));
    let ways = ways.join(", ");
    if !ways.is_empty() && ways.len() < LONGEST - "List-Unsubscribe: ".len() {
        add("List-Unsubscribe", ways);
        let secure = |url: &String| url.starts_with("https://");
        if optout.url.as_ref().is_some_and(secure) {
            add(
                "List-Unsubscribe-Post",
                "List-Unsubscribe=One-Click".to_owned(),
            );
        }
    }
    all
}

/// What a mail program writes when its reader refuses by mail. ASCII, so that nothing has to be escaped but spaces.
fn mailto(address: &str) -> String {
    format!("<mailto:{address}?subject=Tu%20choi%20quang%20cao%20-%20Unsubscribe>")
}

/// The rule or campaign as letters that stand for themselves between colons.
fn stream(rule: &str) -> String {
    let plain: String = fold(rule)
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '-'
            }
        })
        .take(STREAM_LETTERS)
        .collect();
    match plain.trim_matches('-') {
        "" => "mail".to_owned(),
        plain => plain.to_owned(),
    }
}

/// Gmail wants 5 to 15 letters that never change: the domain's own, by a hash, so that they always fit.
fn sender_id(domain: &str) -> String {
    let hash = blake3::hash(domain.to_ascii_lowercase().as_bytes()).to_hex();
    format!("sb{}", &hash[..10])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::decide::notice;
    use crate::core::people::Directory;

    fn message(ad: bool, to: Recipient) -> Message {
        let facts = serde_json::Value::Null;
        let at = jiff::Timestamp::UNIX_EPOCH;
        let nobody = Directory::default();
        let message = notice::to_managers(&nobody, "Mở bán: T12", "t", "o", &facts, at).remove(0);
        Message { ad, to, ..message }
    }

    fn text(message: &Message, optout: Option<&OptOutFacts>) -> String {
        headers(message, "queenland.example", optout)
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect()
    }

    fn ways(url: Option<&str>) -> OptOutFacts {
        OptOutFacts {
            url: url.map(str::to_owned),
            email: Some("lienhe@queenland.example".into()),
            phone: None,
        }
    }

    #[test]
    fn advertising_says_how_to_refuse_it_and_what_it_is() {
        let ad = message(true, Recipient::Customer);
        let https = ways(Some("https://crm.queenland.example/u/x"));
        assert_eq!(
            text(&ad, Some(&https)),
            "Feedback-ID: mo-ban--t12:ad:sheetbridge:sb0b9f0e4b1f\n\
             List-Id: <ads.queenland.example>\n\
             Precedence: bulk\n\
             List-Unsubscribe: <https://crm.queenland.example/u/x>, <mailto:lienhe@queenland.example?subject=Tu%20choi%20quang%20cao%20-%20Unsubscribe>\n\
             List-Unsubscribe-Post: List-Unsubscribe=One-Click\n"
                .replace("sb0b9f0e4b1f", &sender_id("queenland.example"))
        );
        let plain = text(&ad, Some(&ways(Some("http://127.0.0.1:8787/u/x"))));
        assert!(
            plain.contains("<http://127") && !plain.contains("-Post"),
            "{plain}"
        );
        let only_mail = text(&ad, Some(&ways(None)));
        assert!(
            only_mail.contains("List-Unsubscribe: <mailto:lienhe@"),
            "{only_mail}"
        );
        assert!(!only_mail.contains("-Post"));
    }

    #[test]
    fn what_is_no_advertising_is_no_list() {
        let service = text(&message(false, Recipient::Customer), None);
        assert!(
            service.starts_with("Feedback-ID: mo-ban--t12:service:sheetbridge:sb"),
            "{service}"
        );
        assert_eq!(service.lines().count(), 1);
        assert_eq!(text(&message(true, Recipient::Alerts), None), "");
        let id = sender_id("Queenland.example");
        assert!((5..=15).contains(&id.len()) && id == sender_id("queenland.example"));
        assert_eq!(stream("…"), "mail");
    }
}
