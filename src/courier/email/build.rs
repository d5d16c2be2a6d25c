//! From a [`Mail`] to the bytes of RFC 5322: multipart with text and HTML, encoded words, our own Message-ID.
//!
//! Everything comes out as ASCII of short lines, so that neither 8BITMIME nor SMTPUTF8 is needed of a server.

use std::str::FromStr;
use std::time::SystemTime;

use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};
use unicode_normalization::UnicodeNormalization as _;

use super::dkim::Signer;

use crate::core::delivery::{Refusal, Verdict};
use crate::courier::Mail;

/// A mail that was built.
pub(super) struct Letter {
    /// Envelope: one sender, one recipient.
    pub(super) envelope: Envelope,
    /// Headers and body, ASCII, lines ended by CRLF.
    pub(super) bytes: Vec<u8>,
}

/// Why a mail cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BuildError {
    /// The recipient's address cannot be written to.
    #[error("{0}")]
    Recipient(String),
    /// Something of our own is wrong.
    #[error("{0}")]
    Ours(String),
}

impl BuildError {
    pub(super) fn verdict(&self) -> Verdict {
        Verdict::Rejected {
            why: self.to_string(),
            about: match self {
                Self::Recipient(_) => Refusal::Address,
                Self::Ours(_) => Refusal::Content,
            },
        }
    }
}

/// Headers that are made from the other fields, so that nobody sets them twice. Lower case.
const OWN_HEADERS: [&str; 10] = [
    "from",
    "to",
    "cc",
    "bcc",
    "sender",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "mime-version",
];

/// Builds a mail, with a signature of every key above its headers.
pub(super) fn build(mail: &Mail, signers: &[Signer]) -> Result<Letter, BuildError> {
    let to = Mailbox::new(name(&mail.to_name), recipient(&mail.to)?);
    let from = Mailbox::new(name(&mail.from_name), ours("sender", &mail.from)?);
    let id = mail.message_id.trim_matches(['<', '>']);
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(BuildError::Ours(format!("Message-ID {id:?} is not one")));
    }
    let mut builder = Message::builder()
        .from(from)
        .to(to)
        .subject(clean(&mail.subject))
        .message_id(Some(format!("<{id}>")))
        .date(SystemTime::from(mail.date));
    if let Some((reply_name, address)) = &mail.reply_to {
        builder = builder.reply_to(Mailbox::new(name(reply_name), ours("reply-to", address)?));
    }
    for (header, value) in &mail.headers {
        builder = builder.raw_header(extra_header(header, value)?);
    }
    let automatic = "Auto-Submitted";
    if !mail
        .headers
        .iter()
        .any(|(header, _)| header.eq_ignore_ascii_case(automatic))
    {
        builder = builder.raw_header(extra_header(automatic, "auto-generated")?);
    }
    let message = builder
        .multipart(body(mail, id)?)
        .map_err(|error| BuildError::Ours(error.to_string()))?;
    let mut bytes = message.formatted();
    if !signers.is_empty() {
        let mut signed = Vec::with_capacity(bytes.len() + 1024 * signers.len());
        for signer in signers {
            let field = signer
                .sign(&bytes, mail.date.as_second())
                .map_err(|why| BuildError::Ours(format!("it could not be signed: {why}")))?;
            signed.extend_from_slice(field.as_bytes());
        }
        signed.append(&mut bytes);
        bytes = signed;
    }
    Ok(Letter {
        envelope: message.envelope().clone(),
        bytes,
    })
}

/// Text and HTML as alternatives; the HTML with its pictures, if it shows any, as one related part; with files, all
/// of it inside of a mixed part.
///
/// Boundaries come from the Message-ID, so that a retry is the same mail to the last byte.
fn body(mail: &Mail, id: &str) -> Result<MultiPart, BuildError> {
    let digest = blake3::hash(id.as_bytes()).to_hex();
    let boundary = |letter: char| format!("{letter}-{}", &digest[..32]);
    let text = MultiPart::alternative()
        .boundary(boundary('a'))
        .singlepart(SinglePart::plain(mail.text.clone()));
    let html = SinglePart::html(mail.html.clone());
    let alternative = if mail.inline.is_empty() {
        text.singlepart(html)
    } else {
        let mut related = MultiPart::related()
            .boundary(boundary('r'))
            .singlepart(html);
        for picture in &mail.inline {
            if !picture.id.bytes().all(|byte| byte.is_ascii_graphic())
                || picture.id.contains(['<', '>'])
            {
                return Err(BuildError::Ours(format!(
                    "Content-ID {:?} is not one",
                    picture.id
                )));
            }
            let file = &picture.file;
            related = related.singlepart(
                Attachment::new_inline_with_name(picture.id.clone(), file_name(&file.name))
                    .body(file.content.clone(), kind(file)?),
            );
        }
        text.multipart(related)
    };
    if mail.attachments.is_empty() {
        return Ok(alternative);
    }
    let mut mixed = MultiPart::mixed()
        .boundary(boundary('m'))
        .multipart(alternative);
    for file in &mail.attachments {
        mixed = mixed.singlepart(
            Attachment::new(file_name(&file.name)).body(file.content.clone(), kind(file)?),
        );
    }
    Ok(mixed)
}

fn kind(file: &crate::courier::Attachment) -> Result<ContentType, BuildError> {
    ContentType::parse(&file.media_type).map_err(|_| {
        BuildError::Ours(format!(
            "attachment {:?}: {:?} is no media type",
            file.name, file.media_type
        ))
    })
}

/// One line, composed letters (a Mac writes `ả` as two), and none of the marks that end a quoted name or a folder.
fn file_name(name: &str) -> String {
    clean(name)
        .nfc()
        .map(|letter| {
            if matches!(letter, '"' | '\\' | '/') {
                '_'
            } else {
                letter
            }
        })
        .collect()
}

/// A header beside the usual ones.
///
/// ASCII goes out on one line as it is, because a folded `List-Unsubscribe` breaks in some readers; up to the 998
/// characters that RFC 5322 allows.
fn extra_header(header: &str, value: &str) -> Result<HeaderValue, BuildError> {
    let bad = |why: &str| BuildError::Ours(format!("header {header:?} {why}"));
    let lower = header.to_ascii_lowercase();
    if OWN_HEADERS.contains(&lower.as_str()) || lower.starts_with("content-") {
        return Err(bad("is made from the mail's other fields"));
    }
    let valid = !header.is_empty()
        && header
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b':');
    let key = HeaderName::new_from_ascii(header.to_owned())
        .ok()
        .filter(|_| valid)
        .ok_or_else(|| bad("is no header name"))?;
    let value = clean(value);
    if !value.is_ascii() {
        return Ok(HeaderValue::new(key, value));
    }
    if header.len() + 2 + value.len() > 998 {
        return Err(bad("is longer than the 998 characters a line may have"));
    }
    Ok(HeaderValue::dangerous_new_pre_encoded(
        key,
        value.clone(),
        value,
    ))
}

/// A display name, or none. A control character in it would panic inside of the builder.
fn name(text: &str) -> Option<String> {
    Some(clean(text)).filter(|text| !text.is_empty())
}

/// One line without control characters, and without the marks that turn the direction of writing.
fn clean(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .filter(|letter| !matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
        .collect::<String>()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Checks what the mail library lets through: no ending (`a@b`), a bare IP, an invisible space, letters beyond ASCII.
fn recipient(address: &str) -> Result<lettre::Address, BuildError> {
    let bad = |why: &str| BuildError::Recipient(format!("the address cannot be written to: {why}"));
    if !address.is_ascii() {
        return Err(bad(
            "it has letters or invisible marks that mail servers do not take",
        ));
    }
    let options = email_address::Options::default()
        .with_required_tld()
        .without_domain_literal()
        .without_display_text();
    email_address::EmailAddress::parse_with_options(address, options)
        .map_err(|error| bad(&error.to_string()))?;
    let ending = address.rsplit('.').next().unwrap_or_default();
    if ending.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad("a number is no domain ending"));
    }
    lettre::Address::from_str(address).map_err(|error| bad(&error.to_string()))
}

/// An address from the configuration.
fn ours(what: &str, address: &str) -> Result<lettre::Address, BuildError> {
    lettre::Address::from_str(address)
        .ok()
        .filter(|_| address.is_ascii())
        .ok_or_else(|| BuildError::Ours(format!("{what} {address:?} is not an e-mail address")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        Mail {
            to: "thu.tran@gmail.com".into(),
            to_name: "Trần Thị Thu".into(),
            from_name: "Công ty CP Queenland".into(),
            from: "marketing@queenland.example".into(),
            reply_to: Some(("Lan Anh".into(), "lan.anh@queenland.example".into())),
            subject: "Chào chị Thu, cảm ơn chị đã quan tâm".into(),
            text: "Chào chị Thu,\n\nEm là Lan Anh.\n".into(),
            html: "<p>Chào chị Thu,</p><p>Em là <b>Lan Anh</b>.</p>".into(),
            message_id: "0123abcd@queenland.example".into(),
            date: "2026-11-21T02:00:00Z".parse().unwrap(),
            headers: Vec::new(),
            inline: Vec::new(),
            attachments: Vec::new(),
        }
    }

    fn text(mail: &Mail) -> String {
        String::from_utf8(build(mail, &[]).unwrap().bytes).unwrap()
    }

    #[test]
    fn a_mail_is_ascii_with_our_own_id_and_date() {
        let text = text(&mail());
        assert!(text.is_ascii());
        assert!(text.lines().all(|line| line.len() <= 998), "{text}");
        for line in [
            "Message-ID: <0123abcd@queenland.example>",
            "Date: Sat, 21 Nov 2026 02:00:00 +0000",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            "Reply-To: \"Lan Anh\" <lan.anh@queenland.example>",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line}\n---\n{text}"
            );
        }
        assert!(text.contains("multipart/alternative"));
        assert!(text.contains("=?utf-8?b?"));
    }

    #[test]
    fn a_retry_is_the_same_to_the_last_byte() {
        let mut with_file = mail();
        with_file.attachments.push(crate::courier::Attachment {
            name: "Bảng giá.pdf".into(),
            media_type: "application/pdf".into(),
            content: vec![0, 1, 2, 255],
        });
        assert_eq!(text(&with_file), text(&with_file));
        assert!(text(&with_file).contains("multipart/mixed"));
    }

    #[test]
    fn pictures_stand_beside_the_html_and_files_behind_both() {
        use mail_parser::{MessageParser, MimeHeaders as _, PartType};

        let mut full = mail();
        let file = |name: &str, kind: &str| crate::courier::Attachment {
            name: name.into(),
            media_type: kind.into(),
            content: name.as_bytes().to_vec(),
        };
        full.html = "<p><img src=\"cid:anh@queenland.example\" alt=\"Phối cảnh\"></p>".into();
        full.inline.push(crate::courier::Picture {
            id: "anh@queenland.example".into(),
            file: file("Phối cảnh.jpg", "image/jpeg"),
        });
        // Decomposed letters, a quote and a folder, and a name longer than a line.
        let long = format!(
            "Bảng giá căn hộ {} 2026.pdf",
            "Sunrise Riverside ".repeat(6)
        );
        full.attachments
            .push(file("Ba\u{309}ng \"gia\u{301}\"/1.pdf", "application/pdf"));
        full.attachments.push(file(&long, "application/pdf"));
        let text = text(&full);
        assert!(text.is_ascii());
        let parsed = MessageParser::default().parse(text.as_bytes()).unwrap();
        let kind = |at: usize| {
            let kind = parsed.parts[at].content_type().unwrap();
            format!(
                "{}/{}",
                kind.c_type,
                kind.c_subtype.as_deref().unwrap_or_default()
            )
        };
        let kinds: Vec<String> = (0..parsed.parts.len()).map(kind).collect();
        assert_eq!(
            kinds,
            [
                "multipart/mixed",
                "multipart/alternative",
                "text/plain",
                "multipart/related",
                "text/html",
                "image/jpeg",
                "application/pdf",
                "application/pdf"
            ]
        );
        let named = |at: usize| parsed.parts[at].attachment_name().unwrap_or_default();
        assert_eq!(named(5), "Phối cảnh.jpg");
        assert_eq!(parsed.parts[5].content_id(), Some("anh@queenland.example"));
        assert!(matches!(parsed.parts[5].body, PartType::InlineBinary(_)));
        assert_eq!(named(6), "Bảng _giá__1.pdf");
        assert_eq!(named(7), long);
        assert_eq!(parsed.body_html(0).as_deref(), Some(full.html.as_str()));
        full.inline[0].id = "a b".into();
        assert!(build(&full, &[]).is_err());
    }

    #[test]
    fn control_characters_in_names_and_headers_do_no_harm() {
        let mut bad = mail();
        bad.to_name = "Thu\r\nBcc: x@y.vn\0\u{202e}".into();
        bad.subject = "a\r\nBcc: x@y.vn".into();
        bad.headers = vec![("X-Note".into(), "a\r\nBcc: x@y.vn".into())];
        let text = text(&bad);
        assert!(!text.lines().any(|line| line.starts_with("Bcc")), "{text}");
        assert!(text.contains("X-Note: a Bcc: x@y.vn"));
    }

    #[test]
    fn a_long_unsubscribe_address_stays_on_one_line() {
        let mut long = mail();
        let url = format!("<https://crm.queenland.example/u/{}>", "x".repeat(300));
        long.headers = vec![
            ("List-Unsubscribe".into(), url.clone()),
            ("auto-submitted".into(), "auto-replied".into()),
        ];
        let text = text(&long);
        assert!(text.contains(&format!("\r\nList-Unsubscribe: {url}\r\n")));
        assert!(!text.contains("auto-generated"));
        long.headers = vec![("List-Unsubscribe".into(), "x".repeat(1000))];
        assert!(build(&long, &[]).is_err());
        for own in ["Subject", "bcc", "Content-Type", "a b", ""] {
            long.headers = vec![(own.into(), "x".into())];
            assert!(
                matches!(build(&long, &[]), Err(BuildError::Ours(_))),
                "{own}"
            );
        }
    }

    #[test]
    fn addresses_that_cannot_be_written_to() {
        for address in [
            "a@b",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@example.org\u{200b}",
            "thư@example.org",
            "An <a@example.org>",
            "a@example.org\r\nRCPT TO:<b@example.org>",
            "",
        ] {
            let mut bad = mail();
            bad.to = address.into();
            let Err(error) = build(&bad, &[]) else {
                panic!("{address:?} went through");
            };
            assert!(matches!(
                error.verdict(),
                Verdict::Rejected {
                    about: Refusal::Address,
                    ..
                }
            ));
        }
    }
}
