//! From a frozen message to what a courier carries.

use jiff::Timestamp;
use serde_json::Value;

use super::Outbox;
use crate::commands::{ButtonAct, CALLBACK, act_for, button_key, store_button};
use crate::config::ReplyTo;
use crate::core::message::{Address, Frozen, Message};
use crate::courier::{Act, Button, Chat, Mail, Parcel};
use crate::render::{ButtonKind, ChatText, MailText, RenderError};
use crate::store::keys::{self, prefix};
use crate::store::{Group, Store, StoreError};

impl Outbox {
    /// Renders a message that is about to go; else why it cannot be sent, for people.
    pub(super) fn parcel(
        &self,
        message: &Message,
        now: Timestamp,
        group: &mut Group,
    ) -> Result<Result<Parcel, String>, StoreError> {
        let Some(frozen) = &message.frozen else {
            return Ok(Err("it has no address".into()));
        };
        let bundle: Option<String> = self
            .roster
            .store()
            .get(&keys::under(prefix::TEMPLATE, &frozen.template))?;
        let rendered =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match &frozen.address {
                Address::Email(to) => self
                    .mail_text(message, frozen, bundle.as_deref())
                    .map(|text| Text::Mail(to.clone(), text)),
                Address::Chat(chat) => self
                    .chat_text(message, frozen, bundle.as_deref())
                    .map(|text| Text::Chat(*chat, text)),
            }));
        let text = match rendered {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => return Ok(Err(format!("its text cannot be made: {error}"))),
            Err(_) => return Ok(Err("its text cannot be made: rendering gave up".into())),
        };
        Ok(match text {
            Text::Mail(address, text) => self
                .mail(message, frozen, address, text, now)?
                .map(Parcel::Mail)
                .ok_or_else(|| "there is no [email] in the configuration any more".to_owned()),
            Text::Chat(chat, text) => Ok(Parcel::Chat(chat_parcel(
                self.roster.store(),
                message,
                chat,
                &frozen.display_name,
                text,
                group,
            )?)),
        })
    }

    pub(super) fn mail_text(
        &self,
        message: &Message,
        frozen: &Frozen,
        bundle: Option<&str>,
    ) -> Result<MailText, RenderError> {
        let mut mail = match bundle {
            Some(bundle) => self
                .templates
                .render_mail_from_bundle(bundle, &frozen.values)?,
            None => self
                .templates
                .render_mail(&message.template, &frozen.values)?,
        };
        if message.ad {
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

    fn mail(
        &self,
        message: &Message,
        frozen: &Frozen,
        to: String,
        text: MailText,
        now: Timestamp,
    ) -> Result<Option<Mail>, StoreError> {
        let Some(settings) = &self.roster.config().email else {
            return Ok(None);
        };
        let domain = settings
            .from
            .address
            .rsplit_once('@')
            .map_or("sheetbridge.invalid", |(_, domain)| domain);
        Ok(Some(Mail {
            to,
            to_name: frozen.display_name.clone(),
            from_name: settings.from.name.clone(),
            from: settings.from.address.clone(),
            reply_to: self.reply_to(&settings.reply_to, &frozen.values)?,
            subject: text.subject,
            text: text.text,
            html: text.html,
            message_id: format!("{}@{domain}", message.key.digest()),
            date: message.attempts.first().map_or(now, |attempt| attempt.at),
            headers: Vec::new(),
            inline: Vec::new(),
            attachments: Vec::new(),
        }))
    }

    /// Answers reach the one in charge, or the mailbox that the configuration names.
    fn reply_to(
        &self,
        setting: &ReplyTo,
        values: &Value,
    ) -> Result<Option<(String, String)>, StoreError> {
        Ok(match setting {
            ReplyTo::Address(address) => Some((String::new(), address.clone())),
            ReplyTo::Owner => {
                let directory = self.directory()?;
                let names = crate::core::decide::owner_names(values);
                let owner = directory.owners(&names).first().copied();
                owner.and_then(|person| Some((person.name.clone(), person.email.clone()?)))
            }
        })
    }
}

enum Text {
    Mail(String, MailText),
    Chat(i64, ChatText),
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
fn keep_button(store: &Store, group: &mut Group, act: &ButtonAct) -> Result<String, StoreError> {
    let mut own = Group::default();
    let data = store_button(&mut own, act);
    let before = store.get::<ButtonAct>(&button_key(&data[CALLBACK.len()..]))?;
    if before.is_none_or(|before| before.done.is_none()) {
        group.join(own);
    }
    Ok(data)
}
