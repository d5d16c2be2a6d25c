//! Everything that is made of a configuration, and made anew when it is reloaded.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::DaemonError;
use crate::commands::Desk;
use crate::config::{Config, Email, SmtpSecurity};
use crate::core::facts::known_names;
use crate::core::rule::{Channel, Rule, Step};
use crate::courier::Courier;
use crate::courier::email::{EmailCourier, Security, Signer, SmtpSettings};
use crate::courier::telegram::TelegramCourier;
use crate::health::Health;
use crate::outbox::Outbox;
use crate::render::{Language, Templates};
use crate::roster::Roster;
use crate::store::Store;
use crate::telegram::{Client, TelegramSettings};

/// One configuration at work.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) roster: Roster,
    pub(super) desk: Desk,
    pub(super) outbox: Outbox,
    pub(super) templates: Arc<Templates>,
    pub(super) telegram: Option<Client>,
    pub(super) email: Option<Arc<EmailCourier>>,
}

impl Parts {
    /// Makes everything that needs no network.
    ///
    /// After a reload the bot's client stays: the bot goes on listening with it, and one pace must
    /// hold for both. Another token or address takes effect after a restart (SEMANTICS 36).
    pub(super) fn build(
        config: &Arc<Config>,
        store: Store,
        health: &Health,
        before: Option<&Self>,
    ) -> Result<Self, DaemonError> {
        let templates = Arc::new(templates(config).map_err(DaemonError::Config)?);
        let email = email(config).map_err(DaemonError::Config)?.map(Arc::new);
        let telegram = match before.and_then(|before| before.telegram.clone()) {
            Some(client) if config.telegram.is_some() => Some(client),
            _ => telegram(config).map_err(DaemonError::Config)?,
        };
        let roster = Roster::new(Arc::clone(config), store);
        let courier = telegram
            .clone()
            .map(|client| Arc::new(TelegramCourier::new(client)) as Arc<dyn Courier>);
        let mails = email.clone().map(|courier| courier as Arc<dyn Courier>);
        if let Some(settings) = &config.email {
            health.channel_paces(Channel::Email, settings.per_minute, settings.per_day);
        }
        if config.telegram.is_some() {
            health.channel_paces(Channel::Telegram, None, None);
        }
        Ok(Self {
            desk: Desk::new(roster.clone(), Some(health.clone())),
            outbox: Outbox::new(
                roster.clone(),
                Arc::clone(&templates),
                mails,
                courier,
                health.clone(),
            ),
            roster,
            templates,
            telegram,
            email,
        })
    }
}

/// The templates, each of which must know the fields it names.
pub(crate) fn templates(config: &Config) -> Result<Templates, String> {
    let language = Language::from_code(config.language.as_str()).unwrap_or_default();
    let templates = Templates::load(Some(&config.templates_dir), language)
        .map_err(|errors| errors.to_string())?;
    let fields = config.fields.iter().map(|field| field.id.clone()).collect();
    let private = config
        .fields
        .iter()
        .filter(|field| field.private)
        .map(|field| field.id.clone())
        .collect();
    let known = known_names(&fields, &private);
    let mut wrong: Vec<String> = Vec::new();
    for (rule, step) in config
        .rules
        .iter()
        .flat_map(|rule| steps(rule).map(move |step| (rule, step)))
    {
        if !templates.has(&step.template, step.channel) {
            wrong.push(format!(
                "{}: rule \"{}\" sends \"{}\" by {}, and there is no such template",
                rule.at,
                rule.id,
                step.template,
                step.channel.as_str()
            ));
        }
        wrong.extend(
            templates
                .check_names(&step.template, &known)
                .iter()
                .map(ToString::to_string),
        );
    }
    wrong.sort();
    wrong.dedup();
    if wrong.is_empty() {
        Ok(templates)
    } else {
        Err(wrong.join("\n"))
    }
}

/// Every message that a rule can send.
fn steps(rule: &Rule) -> impl Iterator<Item = &Step> {
    rule.send.iter().chain(&rule.escalate).chain(&rule.series)
}

/// The mail courier of a configuration, if it has `[email]`; else which of its keys cannot sign.
pub(crate) fn email(config: &Config) -> Result<Option<EmailCourier>, String> {
    let Some(email) = config.email.as_ref() else {
        return Ok(None);
    };
    let security = match email.smtp.security {
        SmtpSecurity::Tls => Security::Tls,
        SmtpSecurity::StartTls => Security::StartTls,
        SmtpSecurity::Plain => Security::Plain,
    };
    let mut settings = SmtpSettings::new(email.smtp.host.clone(), email.smtp.port, security);
    settings.username.clone_from(&email.username);
    settings.password.clone_from(&email.password);
    settings.per_minute = email.per_minute;
    settings.connections = email.connections;
    settings.dkim = signers(email)?.into();
    Ok(Some(EmailCourier::new(settings)))
}

/// The keys of `[email] dkim`, ready to sign.
///
/// # Errors
/// Which cannot, and why.
pub(crate) fn signers(email: &Email) -> Result<Vec<Signer>, String> {
    email
        .dkim
        .iter()
        .map(|dkim| {
            let key = Signer::new(&dkim.domain, &dkim.selector, dkim.key.expose_secret());
            key.map_err(|error| format!("[email] dkim, selector \"{}\": {error}", dkim.selector))
        })
        .collect()
}

/// The bot's client of a configuration, if it has `[telegram]`.
pub(crate) fn telegram(config: &Config) -> Result<Option<Client>, String> {
    let Some(telegram) = &config.telegram else {
        return Ok(None);
    };
    let settings = TelegramSettings {
        token: telegram.token.clone(),
        api_url: Some(telegram.api_url.clone()),
        proxy: telegram
            .proxy
            .as_ref()
            .map(|proxy: &SecretString| proxy.expose_secret().to_owned()),
    };
    Client::new(&settings)
        .map(Some)
        .map_err(|error| error.to_string())
}
