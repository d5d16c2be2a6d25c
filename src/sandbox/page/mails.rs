//! The mailbox: a list of what came, and one mail opened.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::smtp::{Attachment, Received, SmtpSandbox, View};

/// How many mails are listed: the latest.
const LISTED: usize = 500;
/// How many letters of the text stand in the list.
const SNIPPET: usize = 140;
/// Larger pictures are not put into the HTML.
const EMBEDDED_MAX: usize = 2 * 1024 * 1024;

/// The mails after number `known`, oldest first, and the number of the oldest that is still there
/// (those below it are gone; `null` if all are).
pub(super) fn list(smtp: &SmtpSandbox, revision: u64, known: u64) -> Value {
    let mails = smtp.messages();
    let listed = &mails[mails.len().saturating_sub(LISTED)..];
    let new: Vec<Value> = listed
        .iter()
        .filter(|mail| mail.id > known)
        .map(|mail| summary(mail))
        .collect();
    json!({
        "revision": revision,
        "oldest": listed.first().map(|mail| mail.id),
        "new": new,
    })
}

fn summary(mail: &Received) -> Value {
    let view = mail.view();
    json!({
        "id": mail.id,
        "at_ms": mail.at_ms,
        "from": view.from,
        "to": view.to,
        "envelope_to": mail.to,
        "subject": view.subject,
        "snippet": snippet(&view),
        "attachments": files(&view).len(),
    })
}

/// The first words of the text, on one line.
fn snippet(view: &View) -> String {
    let text = view.text.as_deref().unwrap_or_default();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(SNIPPET).collect()
}

/// One mail with everything the page shows of it; the HTML has its embedded pictures in it.
pub(super) fn open(mail: &Received) -> Value {
    let view = mail.view();
    json!({
        "id": mail.id,
        "at_ms": mail.at_ms,
        "tls": mail.tls,
        "envelope_from": mail.from,
        "envelope_to": mail.to,
        "subject": view.subject,
        "from": view.from,
        "to": view.to,
        "cc": view.cc,
        "reply_to": view.reply_to,
        "date": view.date,
        "headers": view.headers,
        "text": view.text,
        "html": view.html.as_deref().map(|html| embed(html, &view.attachments)),
        "attachments": files(&view),
        "raw": mail.raw_text(),
    })
}

/// What a reader lists as attached: everything the HTML does not show in its text.
fn files(view: &View) -> Vec<&Attachment> {
    let html = view.html.as_deref().unwrap_or_default();
    let shown = |file: &Attachment| {
        let id = file.content_id.as_deref();
        id.is_some_and(|id| html.contains(&format!("cid:{id}")))
    };
    view.attachments
        .iter()
        .filter(|file| !shown(file))
        .collect()
}

/// Puts pictures that are embedded by `cid:` into the HTML, which may load nothing.
fn embed(html: &str, files: &[Attachment]) -> String {
    let pictures = files.iter().filter_map(|file| {
        let fits = file.content_type.starts_with("image/") && file.bytes.len() <= EMBEDDED_MAX;
        let id = file.content_id.as_deref().filter(|_| fits)?;
        Some((id, file))
    });
    pictures.fold(html.to_owned(), |html, (id, file)| {
        let link = format!("cid:{id}");
        if !html.contains(&link) {
            return html;
        }
        let data = STANDARD.encode(&file.bytes);
        html.replace(&link, &format!("data:{};base64,{data}", file.content_type))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(raw: &str) -> Received {
        Received {
            id: 1,
            at_ms: 0,
            connection: 1,
            tls: false,
            user: None,
            helo: "me".to_owned(),
            from: "a@a.example".to_owned(),
            to: vec!["b@b.example".to_owned()],
            raw: raw.replace('\n', "\r\n").into_bytes(),
        }
    }

    #[test]
    fn a_mail_is_listed_by_its_subject_and_first_words() {
        let mail = mail(
            "Subject: =?utf-8?q?Ch=C3=A0o?=\nContent-Type: text/plain; charset=utf-8\n\nKính chào\n\n  Anh Nam,\n",
        );
        let listed = summary(&mail);
        assert_eq!(listed["subject"], "Chào");
        assert_eq!(listed["snippet"], "Kính chào Anh Nam,");
        assert_eq!(listed["attachments"], 0);
    }

    #[test]
    fn embedded_pictures_are_put_into_the_html_and_not_listed_as_files() {
        let mail = mail(concat!(
            "Content-Type: multipart/related; boundary=x\n\n",
            "--x\nContent-Type: text/html\n\n<img src=\"cid:chart\">\n",
            "--x\nContent-Type: image/png\nContent-ID: <chart>\nContent-Disposition: inline; filename=c.png\n",
            "Content-Transfer-Encoding: base64\n\nAAEC\n--x--\n"
        ));
        let opened = open(&mail);
        let html = opened["html"].as_str().unwrap();
        assert!(
            html.contains("<img src=\"data:image/png;base64,AAEC\">"),
            "{html}"
        );
        assert_eq!(opened["attachments"], json!([]));
    }
}
