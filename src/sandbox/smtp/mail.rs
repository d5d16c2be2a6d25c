//! A mail as it was received, and as a mailbox page shows it.

use mail_parser::{Address, MessageParser, MimeHeaders, PartType};

/// One mail with its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// 1 for the first mail since the start.
    pub id: u64,
    /// When the final dot came, in milliseconds since 1970.
    pub at_ms: u64,
    /// Which connection brought it, 1 for the first.
    pub connection: u64,
    /// Whether that connection was encrypted.
    pub tls: bool,
    /// Who had logged in.
    pub user: Option<String>,
    /// The name the client gave in EHLO or HELO.
    pub helo: String,
    /// The envelope's sender; empty for the null path.
    pub from: String,
    /// The envelope's recipients, in the order given.
    pub to: Vec<String>,
    /// The mail byte for byte as sent, dots unstuffed.
    pub raw: Vec<u8>,
}

/// A mail read: encoded words, charsets and transfer encodings are undone.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct View {
    /// The subject; empty if there is none.
    pub subject: String,
    /// Who it says it is from.
    pub from: Vec<Mailbox>,
    /// Whom it says it is to.
    pub to: Vec<Mailbox>,
    /// Copies.
    pub cc: Vec<Mailbox>,
    /// Where answers go.
    pub reply_to: Vec<Mailbox>,
    /// The Message-ID without its brackets.
    pub message_id: Option<String>,
    /// The Date field in RFC 3339.
    pub date: Option<String>,
    /// All header fields as sent, unfolded, in order.
    pub headers: Vec<(String, String)>,
    /// The plain text a reader would show, if the mail has one of its own.
    pub text: Option<String>,
    /// The HTML a reader would show, if the mail has one of its own. Not made safe: show it in a sandboxed frame.
    pub html: Option<String>,
    /// What is attached or embedded.
    pub attachments: Vec<Attachment>,
}

/// A name and an address.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Mailbox {
    /// The display name; empty if there is none.
    pub name: String,
    /// The address.
    pub address: String,
}

/// A part that is not the text.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Attachment {
    /// The file's name; empty if there is none.
    pub name: String,
    /// `image/png` and the like.
    pub content_type: String,
    /// The Content-ID without its brackets, by which the HTML embeds it (`cid:…`).
    pub content_id: Option<String>,
    /// The decoded size in bytes.
    pub size: usize,
    /// The decoded bytes.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

impl Received {
    /// Reads the mail. What cannot be read as a mail at all is shown as text.
    pub fn view(&self) -> View {
        let Some(message) = MessageParser::default().parse(&self.raw) else {
            return View {
                text: Some(String::from_utf8_lossy(&self.raw).into_owned()),
                ..View::default()
            };
        };
        View {
            subject: message.subject().unwrap_or_default().to_owned(),
            from: mailboxes(message.from()),
            to: mailboxes(message.to()),
            cc: mailboxes(message.cc()),
            reply_to: mailboxes(message.reply_to()),
            message_id: message.message_id().map(str::to_owned),
            date: message.date().map(mail_parser::DateTime::to_rfc3339),
            headers: message
                .headers_raw()
                .map(|(name, value)| (name.to_owned(), unfold(value)))
                .collect(),
            // mail-parser would make either from the other: only what was really sent is shown.
            text: message.text_bodies().find_map(|part| match &part.body {
                PartType::Text(text) => Some(text.to_string()),
                _ => None,
            }),
            html: message.html_bodies().find_map(|part| match &part.body {
                PartType::Html(html) => Some(html.to_string()),
                _ => None,
            }),
            attachments: message.attachments().map(attachment).collect(),
        }
    }

    /// The first header field of this name as sent, unfolded; letter case does not count.
    pub fn header(&self, name: &str) -> Option<String> {
        self.view()
            .headers
            .into_iter()
            .find_map(|(field, value)| field.eq_ignore_ascii_case(name).then_some(value))
    }

    /// The raw mail as text, with what is no UTF-8 replaced.
    pub fn raw_text(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }
}

fn unfold(value: &str) -> String {
    value
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ")
        .trim()
        .to_owned()
}

fn mailboxes(address: Option<&Address<'_>>) -> Vec<Mailbox> {
    let Some(address) = address else {
        return Vec::new();
    };
    address
        .iter()
        .map(|one| Mailbox {
            name: one.name().unwrap_or_default().to_owned(),
            address: one.address().unwrap_or_default().to_owned(),
        })
        .collect()
}

fn attachment(part: &mail_parser::MessagePart<'_>) -> Attachment {
    let content_type = part.content_type().map_or_else(
        || "application/octet-stream".to_owned(),
        |kind| match kind.subtype() {
            Some(subtype) => format!("{}/{subtype}", kind.ctype()),
            None => kind.ctype().to_owned(),
        },
    );
    Attachment {
        name: part.attachment_name().unwrap_or_default().to_owned(),
        content_type,
        content_id: part.content_id().map(str::to_owned),
        size: part.contents().len(),
        bytes: part.contents().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(raw: &str) -> View {
        Received {
            id: 1,
            at_ms: 0,
            connection: 1,
            tls: false,
            user: None,
            helo: "test".to_owned(),
            from: String::new(),
            to: Vec::new(),
            raw: raw.replace('\n', "\r\n").into_bytes(),
        }
        .view()
    }

    #[test]
    fn vietnamese_headers_and_alternatives_are_decoded() {
        let view = view(
            "From: =?utf-8?B?Tmd1eeG7hW4gVsSDbiBBbg==?= <an@example.org>\n\
             To: =?utf-8?Q?Tr=E1=BA=A7n_Th=E1=BB=8B?= =?utf-8?Q?_B=C3=ACnh?= <binh@example.org>, le@example.org\n\
             Subject: =?utf-8?Q?Ch=C3=A0o_anh?=\n =?utf-8?Q?_An?=\n\
             List-Unsubscribe: <https://crm.example.org/u/1>,\n <mailto:u@example.org>\n\
             Message-ID: <r-1/added@sheetbridge>\n\
             Content-Type: multipart/mixed; boundary=outer\n\n\
             --outer\nContent-Type: multipart/alternative; boundary=inner\n\n\
             --inner\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n\
             Ch=C3=A0o anh, gi=C3=A1 =\n3,5 t=E1=BB=B7\n\
             --inner\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\nPGI+Q2jDoG88L2I+\n--inner--\n\
             --outer\nContent-Type: text/csv; name=\"a.csv\"\nContent-Disposition: attachment; filename=\"b\u{1ea3}ng.csv\"\n\n1,2\n--outer--\n",
        );
        assert_eq!(view.subject, "Chào anh An");
        assert_eq!(view.from[0].name, "Nguyễn Văn An");
        assert_eq!(
            (view.to[0].name.as_str(), view.to[1].address.as_str()),
            ("Trần Thị Bình", "le@example.org")
        );
        assert_eq!(view.message_id.as_deref(), Some("r-1/added@sheetbridge"));
        assert_eq!(
            view.text.as_deref().map(str::trim),
            Some("Chào anh, giá 3,5 tỷ")
        );
        assert_eq!(view.html.as_deref(), Some("<b>Chào</b>"));
        assert_eq!(view.attachments.len(), 1);
        assert_eq!(view.attachments[0].content_type, "text/csv");
        assert_eq!(view.attachments[0].bytes, b"1,2");
        let unsubscribe = view
            .headers
            .iter()
            .find(|(name, _)| name == "List-Unsubscribe");
        assert_eq!(
            unsubscribe.map(|(_, value)| value.as_str()),
            Some("<https://crm.example.org/u/1>, <mailto:u@example.org>")
        );
    }

    #[test]
    fn a_mail_of_text_alone_has_no_invented_html() {
        let view = view(
            "Subject: x\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\ncaf=E9\n",
        );
        assert_eq!(view.text.as_deref().map(str::trim), Some("café"));
        assert_eq!(view.html, None);
    }
}
