//! Files that go along with a notice about a campaign: the mails that managers look at, and the table at the end.
//! They are made when the notice goes, of what the store keeps.

use super::Outbox;
use crate::commands::{campaign_csv, handover_csv};
use crate::core::campaign::CampaignId;
use crate::core::facts::message::MailingFiles;
use crate::core::message::{Message, Recipient};
use crate::core::people::Role;
use crate::courier::{Attachment, Document};
use crate::render::{Language, escape_html, mail_page};
use crate::store::StoreError;
use crate::store::campaigns::Sample;

/// So many letters of a name or a subject stand in a caption, which Telegram limits to 1024 in all.
const LONGEST_LINE: usize = 300;

impl Outbox {
    /// What goes along with this notice; mostly nothing.
    pub(super) fn enclosed(&self, message: &Message) -> Result<Vec<Document>, StoreError> {
        if let Some(list) = self.handover_list(message)? {
            return Ok(vec![list]);
        }
        let mailing = &message.event["mailing"];
        let Ok(files) = serde_json::from_value::<MailingFiles>(mailing["files"].clone()) else {
            return Ok(Vec::new());
        };
        match files {
            MailingFiles::Samples => {
                let question = mailing["question"].as_str().unwrap_or_default();
                let (id, number) = question.rsplit_once('#').unwrap_or((question, ""));
                let Ok(number) = number.parse() else {
                    return Ok(Vec::new());
                };
                let store = self.roster.store();
                let samples = store.samples(&CampaignId::from_text(id), number)?;
                let of = samples.len();
                let pages = samples.iter().enumerate();
                Ok(pages.map(|(at, one)| self.page(one, at + 1, of)).collect())
            }
            MailingFiles::Table => {
                let id = CampaignId::from_text(mailing["id"].as_str().unwrap_or_default());
                let Some(campaign) = self.roster.store().campaign(&id)? else {
                    return Ok(Vec::new());
                };
                let full = match &message.to {
                    Recipient::Staff(name) => {
                        let directory = self.directory()?;
                        let person = directory.find(name);
                        person.is_some_and(|person| person.role == Role::Manager)
                    }
                    Recipient::Alerts => true,
                    Recipient::Customer | Recipient::Owner(_) => false,
                };
                let table = campaign_csv(&self.roster, &campaign, full)?;
                Ok(vec![Document {
                    file: Attachment {
                        name: table.file,
                        media_type: "text/csv".to_owned(),
                        content: table.csv.into_bytes(),
                    },
                    caption: None,
                }])
            }
        }
    }

    /// Who is in charge of which row after a handover, for the managers.
    fn handover_list(&self, message: &Message) -> Result<Option<Document>, StoreError> {
        let handover = &message.event["handover"];
        let theirs = handover["to"].is_null() && handover["own"] == false;
        let Some(id) = handover["id"].as_str().filter(|_| theirs) else {
            return Ok(None);
        };
        let list = handover_csv(&self.roster, id)?;
        Ok(list.map(|(name, csv)| Document {
            file: Attachment {
                name,
                media_type: "text/csv".to_owned(),
                content: csv.into_bytes(),
            },
            caption: None,
        }))
    }

    /// A sample as a page, with to whom it goes and why it is this one.
    fn page(&self, sample: &Sample, number: usize, of: usize) -> Document {
        let vietnamese = self.templates.language() == Language::Vietnamese;
        let (why, slug) = (sample.why.said(), sample.why.slug());
        let (why, slug) = (why.text(vietnamese), slug.text(vietnamese));
        let (to, subject) = (cut(&sample.to), cut(&sample.subject));
        let lines = match vietnamese {
            true => [
                format!("Thư mẫu {number}/{of}: {why}"),
                format!("Tới: {to}"),
                format!("Tiêu đề: {subject}"),
            ],
            false => [
                format!("Sample {number} of {of}: {why}"),
                format!("To: {to}"),
                format!("Subject: {subject}"),
            ],
        };
        let name = match vietnamese {
            true => format!("mau-{number}-{slug}.html"),
            false => format!("sample-{number}-{slug}.html"),
        };
        let folder = &self.roster.config().attachments_dir;
        Document {
            file: Attachment {
                name,
                media_type: "text/html".to_owned(),
                content: mail_page(&sample.html, &lines, folder).into_bytes(),
            },
            caption: Some(format!(
                "<b>{}</b>\n{}\n{}",
                escape_html(&lines[0]),
                escape_html(&lines[1]),
                escape_html(&lines[2])
            )),
        }
    }
}

fn cut(text: &str) -> String {
    match text.chars().count() > LONGEST_LINE {
        true => {
            let kept: String = text.chars().take(LONGEST_LINE - 1).collect();
            format!("{kept}…")
        }
        false => text.to_owned(),
    }
}
