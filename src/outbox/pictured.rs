//! The picture of a message: said by its template (`NAME.chart.txt`), drawn when the message leaves.
//!
//! It decorates. Whatever goes wrong with it, the text goes alone, and the log says so: a message is never late, or
//! sent twice, for the sake of its picture.

use super::Outbox;
use crate::core::message::Message;
use crate::courier::{Attachment, Parcel, Picture};
use crate::render::Language;
use crate::render::chart::{self, Page};
use crate::store::StoreError;
use crate::store::lanes::CAMPAIGN;

/// Where the HTML of a mail shows the picture: before the first part of the notice.
const PLACE: &str = "<!-- picture -->";

impl Outbox {
    /// What the picture of a message shows, by the template and the values that are kept with it; mostly nothing.
    pub(super) fn picture(&self, message: &Message) -> Result<Option<Page>, StoreError> {
        let Some(frozen) = &message.frozen else {
            return Ok(None);
        };
        let name = &message.template;
        // Its text is a cell's, or a file's that has no picture: nothing to look up for each of its mails.
        if name.starts_with(CAMPAIGN) {
            return Ok(None);
        }
        let shipped = self.templates.hash(name) == Some(frozen.template.as_str());
        if shipped && !self.templates.has_chart(name) {
            return Ok(None);
        }
        let bundle = self.bundle(message, frozen)?;
        let described = self
            .templates
            .render_chart(name, bundle.as_deref(), &frozen.values);
        Ok(described.unwrap_or_else(|error| {
            tracing::warn!(message = %message.key, "it goes without its picture: {error}");
            None
        }))
    }
}

/// Draws the picture and puts it to what a courier carries.
pub(super) async fn with(parcel: Parcel, page: Page, language: Language) -> Parcel {
    let title = page.title.clone();
    let draw = move || chart::png(&page, language);
    let drawn = match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(draw).await,
        // The simulation, which has all the time in the world.
        Err(_) => Ok(draw()),
    };
    let content = match drawn {
        Ok(Ok(content)) => content,
        Ok(Err(error)) => {
            tracing::warn!("a message goes without its picture: {error}");
            return parcel;
        }
        Err(error) => {
            tracing::warn!("a message goes without its picture: {error}");
            return parcel;
        }
    };
    let name = match language {
        Language::Vietnamese => "bieu-do.png",
        Language::English => "chart.png",
    };
    let file = Attachment {
        name: name.to_owned(),
        media_type: "image/png".to_owned(),
        content,
    };
    shown(parcel, file, &title)
}

fn shown(parcel: Parcel, file: Attachment, title: &str) -> Parcel {
    match parcel {
        Parcel::Chat(mut chat) => {
            chat.photo = Some(file);
            Parcel::Chat(chat)
        }
        Parcel::Mail(mut mail) => {
            match mail.html.contains(PLACE) {
                true => {
                    let domain = mail
                        .message_id
                        .rsplit_once('@')
                        .map_or("sheetbridge.invalid", |(_, domain)| domain);
                    let id = format!("chart@{domain}");
                    let alt = crate::render::escape_html(title);
                    let image = format!(
                        "<p><img src=\"cid:{id}\" alt=\"{alt}\" width=\"528\" style=\"width:100%;max-width:528px;height:auto\"></p>"
                    );
                    mail.html = mail.html.replacen(PLACE, &image, 1);
                    mail.inline.push(Picture { id, file });
                }
                // A layout of the company's own, that knows no place for it.
                false => mail.attachments.push(file),
            }
            Parcel::Mail(mail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::courier::Mail;
    use crate::render::Templates;

    fn mail(html: String) -> Parcel {
        Parcel::Mail(Mail {
            to: "ha.pham@queenland.example".into(),
            to_name: String::new(),
            from_name: String::new(),
            from: "crm@queenland.example".into(),
            reply_to: None,
            subject: "Báo cáo".into(),
            text: "Khách: 3".into(),
            html,
            message_id: "0123@queenland.example".into(),
            date: jiff::Timestamp::UNIX_EPOCH,
            headers: Vec::new(),
            inline: Vec::new(),
            attachments: Vec::new(),
        })
    }

    fn file() -> Attachment {
        Attachment {
            name: "bieu-do.png".into(),
            media_type: "image/png".into(),
            content: b"PNG".to_vec(),
        }
    }

    #[test]
    fn a_mail_shows_the_picture_inside() {
        let values = serde_json::json!({
            "today": "2026-11-23", "digest": {"total": 3}, "company": {"name": "Queenland"}
        });
        for language in [Language::Vietnamese, Language::English] {
            let templates = Templates::load(None, language).unwrap();
            let rendered = templates.render_mail("digest-daily", &values).unwrap();
            let Parcel::Mail(mail) = shown(mail(rendered.html), file(), "A <b>&\"") else {
                panic!("a mail stays one");
            };
            assert_eq!(mail.inline[0].id, "chart@queenland.example");
            let image = "<img src=\"cid:chart@queenland.example\" alt=\"A &lt;b&gt;&amp;&quot;\"";
            assert!(mail.html.contains(image), "{}", mail.html);
            assert!(mail.attachments.is_empty());
            assert!(!rendered.text.contains("picture"), "{}", rendered.text);
        }
    }

    #[test]
    fn a_layout_without_a_place_for_it_has_it_as_a_file() {
        let Parcel::Mail(mail) = shown(mail("<p>Khách: 3</p>".into()), file(), "A") else {
            panic!("a mail stays one");
        };
        assert_eq!((mail.inline.len(), mail.attachments.len()), (0, 1));
        assert_eq!(mail.html, "<p>Khách: 3</p>");
    }
}
