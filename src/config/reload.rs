//! What a reload of the configuration cannot change in a running daemon (SEMANTICS 36).

use secrecy::{ExposeSecret, SecretString};

use super::{Config, Email, Google, Telegram};

impl Config {
    /// The settings, as the file names them, that differ and take effect only after a restart: secrets,
    /// addresses of servers, the state folder. Empty if the new configuration can be taken over at once.
    /// No value is shown.
    pub fn reload_difference(old: &Self, new: &Self) -> Vec<&'static str> {
        let mut changed = google(&old.google, &new.google);
        changed.extend(match (&old.email, &new.email) {
            (Some(old), Some(new)) => email(old, new),
            (None, None) => Vec::new(),
            (Some(_), None) | (None, Some(_)) => vec!["[email]"],
        });
        changed.extend(match (&old.telegram, &new.telegram) {
            (Some(old), Some(new)) => telegram(old, new),
            (None, None) => Vec::new(),
            (Some(_), None) | (None, Some(_)) => vec!["[telegram]"],
        });
        let listen = |config: &Self| config.web.as_ref().map(|web| web.listen);
        if listen(old) != listen(new) {
            changed.push("`listen` in [web]");
        }
        if old.state_dir != new.state_dir {
            changed.push("`state_dir`");
        }
        changed
    }
}

fn google(old: &Google, new: &Google) -> Vec<&'static str> {
    differing(&[
        (
            same(Some(&old.key.json), Some(&new.key.json)),
            "`credentials` in [google]",
        ),
        (old.sheets_url == new.sheets_url, "`sheets_url` in [google]"),
    ])
}

fn email(old: &Email, new: &Email) -> Vec<&'static str> {
    differing(&[
        (old.smtp == new.smtp, "`smtp` in [email]"),
        (old.username == new.username, "`username` in [email]"),
        (
            same(old.password.as_ref(), new.password.as_ref()),
            "`password` in [email]",
        ),
    ])
}

fn telegram(old: &Telegram, new: &Telegram) -> Vec<&'static str> {
    differing(&[
        (
            same(Some(&old.token), Some(&new.token)),
            "`token` in [telegram]",
        ),
        (old.api_url == new.api_url, "`api_url` in [telegram]"),
        (
            same(old.proxy.as_ref(), new.proxy.as_ref()),
            "`proxy` in [telegram]",
        ),
    ])
}

fn differing(settings: &[(bool, &'static str)]) -> Vec<&'static str> {
    settings
        .iter()
        .filter(|(same, _)| !same)
        .map(|(_, name)| *name)
        .collect()
}

fn same(old: Option<&SecretString>, new: Option<&SecretString>) -> bool {
    old.map(ExposeSecret::expose_secret) == new.map(ExposeSecret::expose_secret)
}
