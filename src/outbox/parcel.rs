//! From a frozen message to what a courier carries.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Content, Outbox};
use crate::commands::{ButtonAct, CALLBACK, act_for, button_key, store_button};
use crate::config::{Email, ReplyTo};
use crate::core::facts::local_text;
use crate::core::facts::message::OptOutFacts;
use crate::core::message::{Address, Frozen, Message, Recipient};
use crate::courier::{Act, Attachment, Button, Chat, Mail, Parcel, Picture};
use crate::render::files::{self, FileProblem, MailFile};
use crate::render::{ButtonKind, ChatText, Letter, MailText, Merge, RenderError};
use crate::store::keys::{self, prefix};
use crate::store::lanes::CAMPAIGN;
use crate::store::{Group, Store, StoreError};

/// So many texts of campaigns are kept ready.
const CAMPAIGN_TEXTS: usize = 16;

impl Outbox {
    /// What a message says that is about to go: a chat's text is made now, a mail's when it is on its way. Else why it
    /// cannot be sent, for people.
    pub(super) fn content(
        &self,
        message: &Message,
        now: Timestamp,
        group: &mut Group,
    ) -> Result<Result<Content, String>, StoreError> {
        let Some(frozen) = &message.frozen else {
            return Ok(Err(NO_ADDRESS.into()));
        };
        let chat = match &frozen.address {
            Address::Chat(chat) => *chat,
            Address::Email(_) => {
                return Ok(Ok(Content::Mail {
                    message: message.clone(),
                    now,
                }));
            }
        };
        let bundle = self.bundle(message, frozen)?;
        let text = match made(|| self.chat_text(message, frozen, bundle.as_deref())) {
            Ok(text) => text,
            Err(why) => return Ok(Err(why)),
        };
        let store = self.roster.store();
        let told = &frozen.display_name;
        let parcel = chat_parcel(store, message, chat, told, text, group)?;
        Ok(Ok(Content::Ready(Parcel::Chat(Chat {
            documents: self.enclosed(message)?,
            ..parcel
        }))))
    }

    /// Makes a mail that is on its way, and was claimed at `now`; else why it cannot be sent, for people.
    pub(super) fn mail_parcel(
        &self,
        message: &Message,
        now: Timestamp,
    ) -> Result<Result<Parcel, String>, StoreError> {
        let Some(
            frozen @ Frozen {
                address: Address::Email(to),
                ..
            },
        ) = &message.frozen
        else {
            return Ok(Err(NO_ADDRESS.into()));
        };
        let bundle = self.bundle(message, frozen)?;
        match made(|| self.mail_text(message, frozen, bundle.as_deref())) {
            Ok(text) => {
                let mail = self.mail(message, frozen, to.clone(), text, now)?;
                Ok(mail.map(Parcel::Mail))
            }
            Err(why) => Ok(Err(why)),
        }
    }

    /// The kept template of a message; none if it is the one in force.
    pub(super) fn bundle(
        &self,
        message: &Message,
        frozen: &Frozen,
    ) -> Result<Option<String>, StoreError> {
        if self.templates.hash(&message.template) == Some(frozen.template.as_str()) {
            return Ok(None);
        }
        let kept = keys::under(prefix::TEMPLATE, &frozen.template);
        self.roster.store().get(&kept)
    }

    pub(super) fn mail_text(
        &self,
        message: &Message,
        frozen: &Frozen,
        bundle: Option<&str>,
    ) -> Result<MailText, RenderError> {
        if message.template.starts_with(CAMPAIGN) {
            return self.campaign_mail(message, frozen, bundle);
        }
        let with_opt_out = self.with_opt_out(message, frozen);
        let values = with_opt_out.as_ref().unwrap_or(&frozen.values);
        let mut mail = match bundle {
            Some(bundle) => self.templates.render_mail_from_bundle(bundle, values)?,
            None => self.templates.render_mail(&message.template, values)?,
        };
        if message.ad {
            mail = mail.labelled_ad();
        }
        if let Some(reached) = frozen.values["trial"]["reached"].as_str() {
            mail = mail.marked_trial(reached, self.templates.language());
        }
        Ok(mail)
    }

    /// A mail of a campaign, from the text that was approved and the values of then.
    fn campaign_mail(
        &self,
        message: &Message,
        frozen: &Frozen,
        kept: Option<&str>,
    ) -> Result<MailText, RenderError> {
        let kept = kept.unwrap_or_default();
        let known = {
            let texts = self.campaign_texts.lock();
            let texts = texts.unwrap_or_else(std::sync::PoisonError::into_inner);
            texts.get(&frozen.template).cloned()
        };
        let text = match known {
            Some(text) => text,
            None => {
                let text = Arc::new(self.templates.campaign_text_of(kept)?);
                let texts = self.campaign_texts.lock();
                let mut texts = texts.unwrap_or_else(std::sync::PoisonError::into_inner);
                if texts.len() >= CAMPAIGN_TEXTS {
                    texts.clear();
                }
                texts.insert(frozen.template.clone(), Arc::clone(&text));
                text
            }
        };
        let merge: Merge =
            serde_json::from_value(frozen.values["merge"].clone()).unwrap_or_default();
        let zone = self.roster.config().calendar.zone.clone();
        let sent = message
            .attempts
            .first()
            .map_or(message.due, |attempt| attempt.at);
        let local = sent.to_zoned(zone).datetime();
        let optout = match message.ad && message.to == Recipient::Customer {
            true => self
                .opt_out(message, frozen)
                .map_or(Value::Null, |facts| json!(facts)),
            false => Value::Null,
        };
        let letter = Letter {
            company: self.roster.company().clone(),
            optout,
            today: local.date().to_string(),
            now: local_text(local),
        };
        let mut mail = text.render(&merge, &letter)?;
        // A test mail is for a colleague, and looks as the mails to customers will.
        if message.ad || frozen.values["ad"] == true {
            mail = mail.labelled_ad();
        }
        if let Some(reached) = frozen.values["trial"]["reached"].as_str() {
            mail = mail.marked_trial(reached, self.templates.language());
        }
        Ok(mail)
    }

    pub(super) fn chat_text(
        &self,
        message: &Message,
        frozen: &Frozen,
        bundle: Option<&str>,
    ) -> Result<ChatText, RenderError> {
        match bundle {
            Some(bundle) => self
                .templates
                .render_chat_from_bundle(bundle, &frozen.values),
            None => self
                .templates
                .render_chat(&message.template, &frozen.values),
        }
    }

    /// The values of advertising with `optout`, from which the layouts make the block at its end. It is put in when
    /// the mail is made: nothing of it has to be kept, and a retry says the same.
    fn with_opt_out(&self, message: &Message, frozen: &Frozen) -> Option<Value> {
        if !message.ad || message.to != Recipient::Customer {
            return None;
        }
        let facts = self.opt_out(message, frozen).ok()?;
        let mut values = frozen.values.clone();
        values
            .as_object_mut()?
            .insert("optout".into(), json!(facts));
        Some(values)
    }

    fn opt_out(&self, message: &Message, frozen: &Frozen) -> Result<OptOutFacts, StoreError> {
        self.roster
            .opt_out_facts(&message.key, &frozen.address.expose())
    }

    /// Sender, headers and files around the text; else why it cannot go.
    fn mail(
        &self,
        message: &Message,
        frozen: &Frozen,
        to: String,
        text: MailText,
        now: Timestamp,
    ) -> Result<Result<Mail, String>, StoreError> {
        let Some(settings) = &self.roster.config().email else {
            return Ok(Err(
                "there is no [email] in the configuration any more".into()
            ));
        };
        let domain = settings
            .from
            .address
            .rsplit_once('@')
            .map_or("sheetbridge.invalid", |(_, domain)| domain);
        let optout = match message.ad && message.to == Recipient::Customer {
            true => Some(self.opt_out(message, frozen)?),
            false => None,
        };
        let folder = &self.roster.config().attachments_dir;
        let (html, inline) = match pictures(folder, text.html, domain) {
            Ok(shown) => shown,
            Err(problem) => return Ok(Err(problem.to_string())),
        };
        let mut attachments = match attachments(folder, &frozen.values) {
            Ok(files) => files,
            Err(why) => return Ok(Err(why)),
        };
        let enclosed = self.enclosed(message)?;
        attachments.extend(enclosed.into_iter().map(|document| document.file));
        let owner = self.owner_of(message, settings, &frozen.values)?;
        Ok(Ok(Mail {
            to,
            to_name: frozen.display_name.clone(),
            from_name: from_name(&settings.from.name, owner.as_ref()),
            from: settings.from.address.clone(),
            reply_to: match (&settings.reply_to, owner) {
                (ReplyTo::Address(address), _) => Some((String::new(), address.clone())),
                (ReplyTo::Owner, Some((name, Some(address)))) => Some((name, address)),
                (ReplyTo::Owner, Some((_, None)) | None) => None,
            },
            subject: text.subject,
            text: text.text,
            html,
            message_id: format!("{}@{domain}", message.key.digest()),
            date: message.attempts.first().map_or(now, |attempt| attempt.at),
            headers: super::headers::headers(message, domain, optout.as_ref()),
            inline,
            attachments,
        }))
    }

    /// The one in charge, who signs and to whom answers go, with their mailbox if they have one; none if all
    /// answers go to one mailbox.
    fn owner_of(
        &self,
        message: &Message,
        settings: &Email,
        values: &Value,
    ) -> Result<Option<(String, Option<String>)>, StoreError> {
        let by_owner = settings.reply_to == ReplyTo::Owner;
        if !by_owner || message.to != Recipient::Customer && message.record.is_none() {
            return Ok(None);
        }
        let directory = self.directory()?;
        let names = crate::core::decide::owner_names(values);
        let owner = directory.owners(&names).first().copied();
        Ok(owner.map(|person| (person.name.clone(), person.email.clone())))
    }
}

/// Who the mail shows as its sender: the one in charge, of the company; a name in brackets is a comment to mail
/// programs, so there are none.
fn from_name(company: &str, owner: Option<&(String, Option<String>)>) -> String {
    match owner {
        Some((name, _)) if !company.is_empty() && !company.contains(name.as_str()) => {
            format!("{name} - {company}")
        }
        Some((name, _)) if company.is_empty() => name.clone(),
        _ => company.to_owned(),
    }
}

/// The pictures that the HTML shows from the folder, and the HTML that calls them by their ids.
fn pictures(
    folder: &Path,
    html: String,
    domain: &str,
) -> Result<(String, Vec<Picture>), FileProblem> {
    let mut names = BTreeMap::new();
    let mut shown = Vec::new();
    for (written, name) in files::pictures(&html) {
        let file = files::read(folder, &name)?;
        let id = format!("{}@{domain}", &file.hash()[..24]);
        names.insert(written, id.clone());
        if !shown.iter().any(|picture: &Picture| picture.id == id) {
            shown.push(Picture {
                id,
                file: attachment(file),
            });
        }
    }
    match names.is_empty() {
        true => Ok((html, shown)),
        false => Ok((files::renamed(&html, &names), shown)),
    }
}

/// The files that the message's values name: `attachments = ["bang-gia.pdf"]`, or with the hash that was approved,
/// `[{"file": "bang-gia.pdf", "hash": "…"}]`.
fn attachments(folder: &Path, values: &Value) -> Result<Vec<Attachment>, String> {
    let mut found = Vec::new();
    let mut bytes = 0;
    for entry in values["attachments"].as_array().into_iter().flatten() {
        let named = entry.as_str().or_else(|| entry["file"].as_str());
        let Some(name) = named else { continue };
        let file = files::read(folder, name).map_err(|problem| problem.to_string())?;
        if let Some(approved) = entry["hash"].as_str()
            && approved != file.hash()
        {
            return Err(format!(
                "\"{name}\" is no longer the file that was approved: put that one back, or have this one approved"
            ));
        }
        bytes += file.content.len() as u64;
        if bytes > files::MOST_BYTES_TOGETHER {
            return Err(format!(
                "its files have more than {} MB together: attach fewer, or write links to them",
                files::MOST_BYTES_TOGETHER / 1024 / 1024
            ));
        }
        found.push(attachment(file));
    }
    Ok(found)
}

fn attachment(file: MailFile) -> Attachment {
    Attachment {
        name: file.name,
        media_type: file.media_type.to_owned(),
        content: file.content,
    }
}

const NO_ADDRESS: &str = "it has no address";

/// Renders; a template that makes the renderer give up is no more than one that is wrong.
fn made<T>(render: impl FnOnce() -> Result<T, RenderError>) -> Result<T, String> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(render)) {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) => Err(format!("its text cannot be made: {error}")),
        Err(_) => Err("its text cannot be made: rendering gave up".into()),
    }
}

/// Buttons that act are kept in the store, in the same commit that marks the message in flight. One
/// whose action the bot does not know is left out.
fn chat_parcel(
    store: &Store,
    message: &Message,
    chat: i64,
    told: &str,
    text: ChatText,
    group: &mut Group,
) -> Result<Chat, StoreError> {
    let mut buttons: Vec<Vec<Button>> = Vec::new();
    for row in text.buttons {
        let mut kept = Vec::new();
        for button in row {
            let act = match button.kind {
                ButtonKind::Url(url) => Act::Url(url),
                ButtonKind::Copy(text) => Act::Copy(text),
                ButtonKind::Action { name } => {
                    let Some(act) = act_for(message, &name, &button.label, Some(told)) else {
                        continue;
                    };
                    Act::Callback(keep_button(store, group, &act)?)
                }
            };
            kept.push(Button {
                text: button.label,
                act,
            });
        }
        if !kept.is_empty() {
            buttons.push(kept);
        }
    }
    Ok(Chat {
        id: message.key.digest(),
        chat,
        parts: text.parts,
        buttons,
        photo: None,
        documents: Vec::new(),
        silent: false,
    })
}

/// A message that is sent again does not forget that its button was pressed under the first copy.
pub(super) fn keep_button(
    store: &Store,
    group: &mut Group,
    act: &ButtonAct,
) -> Result<String, StoreError> {
    let mut own = Group::default();
    let data = store_button(&mut own, act);
    let before = store.get::<ButtonAct>(&button_key(&data[CALLBACK.len()..]))?;
    if before.is_none_or(|before| before.done.is_none()) {
        group.join(own);
    }
    Ok(data)
}
