//! What a browser is told: all of it at first, then what changed since the revisions it knows.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Shared, mails};

/// What a browser knows already. A part it says nothing about is told whole.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Known {
    /// The run and reset the rest belongs to; in another one nothing is known.
    pub(super) epoch: Option<String>,
    /// The workbook's version.
    pub(super) sheet: Option<u64>,
    /// The mailbox's revision.
    pub(super) mail: Option<u64>,
    /// The number of the last mail.
    pub(super) mail_id: Option<u64>,
    /// The Bot API's revision.
    pub(super) chat: Option<u64>,
    /// The number of the last line of the log.
    pub(super) log: Option<u64>,
    /// The revision of the status.
    pub(super) status: Option<u64>,
    /// How long to wait for news, in seconds; 20 at most.
    pub(super) wait: Option<u64>,
}

impl Shared {
    /// What a browser that knows this has to be told, by part; empty if there is nothing.
    pub(super) fn news(&self, known: &Known) -> Map<String, Value> {
        let epoch = self.epoch();
        let same = known.epoch.as_deref() == Some(epoch.as_str());
        let nothing = Known::default();
        let known = if same { known } else { &nothing };
        let mut news = Map::new();
        if !same {
            news.insert("can_reset".to_owned(), json!(self.parts.reset.is_some()));
            news.insert("bot".to_owned(), json!(self.parts.bot.username()));
        }
        let parts = [
            ("sheet", self.sheet(known)),
            ("mail", self.mail(known)),
            ("chat", self.chat(known)),
            ("log", self.log(known)),
            ("status", self.status(known)),
        ];
        for (name, part) in parts {
            if let Some(part) = part {
                news.insert(name.to_owned(), part);
            }
        }
        if !news.is_empty() {
            news.insert("epoch".to_owned(), json!(epoch));
            news.insert("now_ms".to_owned(), json!(now_ms()));
        }
        news
    }

    fn sheet(&self, known: &Known) -> Option<Value> {
        let id = &self.parts.workbook_id;
        let dump = self.parts.google.dump(id, known.sheet);
        match (dump, known.sheet) {
            (Some(dump), Some(version)) if dump["version"] == json!(version) => None,
            // A workbook that went back to an older version is another one.
            (Some(dump), Some(version)) if dump["version"].as_u64() < Some(version) => {
                self.parts.google.dump(id, None)
            }
            (dump, _) => dump,
        }
    }

    fn mail(&self, known: &Known) -> Option<Value> {
        // The revision first: what changes meanwhile is then seen by the next look.
        let revision = self.parts.smtp.revision();
        if known.mail == Some(revision) {
            return None;
        }
        let last = known.mail_id.unwrap_or(0);
        Some(mails::list(&self.parts.smtp, revision, last))
    }

    fn chat(&self, known: &Known) -> Option<Value> {
        let revision = self.parts.bot.revision();
        let mut shelf = super::lock(&self.chats);
        shelf.look(revision, || self.parts.bot.chats());
        shelf.news(known.chat)
    }

    fn log(&self, known: &Known) -> Option<Value> {
        let pushed = self.parts.log.pushed();
        if known.log == Some(pushed) {
            return None;
        }
        let lines = self.parts.log.after(known.log.unwrap_or(0));
        Some(json!({"last": pushed, "lines": lines}))
    }

    fn status(&self, known: &Known) -> Option<Value> {
        let (status, revision) = self.parts.log.current();
        if known.status == Some(revision) {
            return None;
        }
        let mut told = json!(status);
        told["revision"] = json!(revision);
        Some(told)
    }
}

/// The time by which a browser counts how long ago something was, in milliseconds since 1970.
fn now_ms() -> i64 {
    // The outside world has a clock of its own; this is the one place where the page reads it.
    #[allow(clippy::disallowed_methods)]
    jiff::Timestamp::now().as_millisecond()
}
