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

/// Where the HTML of a mail shows the picture: before the first part of the notice.
const PLACE: &str = "<!-- picture -->";

impl Outbox {
    /// What the picture of a message shows, by the template and the values that are kept with it; mostly nothing.
    pub(super) fn picture(&self, message: &Message) -> Result<Option<Page>, StoreError> {
        let Some(frozen) = &message.frozen else {
            return Ok(None);
        };
        let name = &message.template;
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
