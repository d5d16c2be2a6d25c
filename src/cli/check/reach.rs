//! Whether the SMTP server and the Bot API take us. Nothing is sent to anybody.

use secrecy::{ExposeSecret as _, SecretString};

use super::report::{Finding, Probed};
use crate::config::{Config, Email, SmtpSecurity, Telegram};
use crate::courier::email::{EmailCourier, Security, SmtpSettings};
use crate::courier::telegram::TelegramCourier;
use crate::courier::{Courier as _, ProbeError};
use crate::telegram::{Client, SettingsError, TelegramSettings};

/// Logs in at the SMTP server and says goodbye.
pub(crate) async fn smtp(config: &Config) -> Probed {
    let Some(email) = &config.email else {
        return Probed::Absent;
    };
    let place = format!("[email] smtp ({}:{})", email.smtp.host, email.smtp.port);
    let courier = EmailCourier::new(smtp_settings(email));
    let probed = courier.probe().await;
    courier.close().await;
    probed.map_or_else(
        |error| wrong("email", place, &error),
        |who| Probed::Well("email", who),
    )
}

/// Asks the Bot API who the bot is.
pub(crate) async fn bot(config: &Config) -> Probed {
    let Some(telegram) = &config.telegram else {
        return Probed::Absent;
    };
    match telegram_client(telegram) {
        Ok(client) => TelegramCourier::new(client).probe().await.map_or_else(
            |error| wrong("telegram", "[telegram] token".to_owned(), &error),
            |who| Probed::Well("telegram", who),
        ),
        Err(error) => Probed::Wrong(Finding {
            area: "telegram",
            place: "[telegram]".to_owned(),
            problem: error.to_string(),
            mend: "correct [telegram] in the configuration".to_owned(),
        }),
    }
}

fn wrong(area: &'static str, place: String, error: &ProbeError) -> Probed {
    Probed::Wrong(Finding {
        area,
        place,
        problem: error.what.clone(),
        mend: error.mend.clone(),
    })
}

/// The Bot API client of a configuration.
///
/// # Errors
/// Which setting cannot be used.
pub(crate) fn telegram_client(telegram: &Telegram) -> Result<Client, SettingsError> {
    Client::new(&TelegramSettings {
        token: telegram.token.clone(),
        api_url: Some(telegram.api_url.clone()),
        proxy: telegram
            .proxy
            .as_ref()
            .map(|proxy: &SecretString| proxy.expose_secret().to_owned()),
    })
}

fn smtp_settings(email: &Email) -> SmtpSettings {
    let security = match email.smtp.security {
        SmtpSecurity::Tls => Security::Tls,
        SmtpSecurity::StartTls => Security::StartTls,
        SmtpSecurity::Plain => Security::Plain,
    };
    SmtpSettings {
        username: email.username.clone(),
        password: email.password.clone(),
        connections: 1,
        ..SmtpSettings::new(email.smtp.host.clone(), email.smtp.port, security)
    }
}
