//! Addresses and numbers that are not written to: which, why, and by hand one more or one less.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, CommandError, Desk, ErrorKind, Right, Who};
use crate::core::sheet::{Cell, email, phone};
use crate::store::Group;
use crate::store::journal::{Entry, What};
use crate::store::keys::{self, Key, prefix};
use crate::store::proof::{self, Proof, Said};
use crate::store::suppression::{Suppression, SuppressionSource, suppress_key};

/// One address or number, as `suppress list --json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuppressionLine {
    /// The beginning of its keyed hash: what `suppress remove` takes where the address is not at hand.
    pub id: String,
    /// Masked.
    pub address: String,
    /// Local ISO time with offset.
    pub since: String,
    /// `ads` or `everything`.
    pub of: String,
    /// `cell`, `link`, `bounce` or `hand`.
    pub source: String,
    /// Why, in words.
    pub why: String,
}

/// Digits of the hash that are shown.
const SHOWN: usize = 10;

impl Desk {
    /// Every suppression, the newest first; or that of one address or number.
    ///
    /// # Errors
    /// The role, no address or number, none for it, the disk.
    pub fn suppressions(&self, address: Option<&str>, who: &Who) -> Answer<Vec<SuppressionLine>> {
        self.must_all(who, Right::Everything)?;
        if let Some(text) = address {
            let (key, standing) = self.standing(text)?;
            return Ok(vec![self.suppression_line(&key, &standing)]);
        }
        let mut found = Vec::new();
        for entry in self.roster.store().scan::<Suppression>(prefix::SUPPRESS) {
            found.push(entry?);
        }
        found.sort_by(|a, b| b.1.at.cmp(&a.1.at).then_with(|| a.0.cmp(&b.0)));
        Ok(found
            .iter()
            .map(|(key, standing)| self.suppression_line(key, standing))
            .collect())
    }

    /// Puts an address or number on the list: no advertising goes to it any more, or nothing at all.
    ///
    /// # Errors
    /// The role, no address or number, the disk.
    pub fn suppress(
        &self,
        address: &str,
        everything: bool,
        why: Option<&str>,
        who: &Who,
        now: Timestamp,
    ) -> Answer<SuppressionLine> {
        self.must_all(who, Right::Steer)?;
        let store = self.roster.store();
        let _alone = store.alone();
        let (address, shown) = read(address)?;
        let key = suppress_key(store, &address)?;
        if let Some(standing) = store.get::<Suppression>(&key)?
            && (reaches(&standing) == "everything" || !everything)
        {
            return Ok(self.suppression_line(&key, &standing)); // it is so already, since then
        }
        let standing = Suppression {
            at: now,
            source: SuppressionSource::Hand {
                by: who.name().to_owned(),
                everything,
                why: why.map(str::to_owned),
            },
            shown,
            also: Vec::new(),
        };
        let mut group = Group::default();
        group.put(key.clone(), &standing);
        let said = Proof {
            at: now,
            said: Said::Refused,
            source: format!("{} by hand", who.name()),
            wording: why.unwrap_or_default().to_owned(),
            shown: standing.shown.clone(),
        };
        proof::keep(store, &mut group, &address, &said)?;
        self.note_opt_out(&mut group, now, who, &standing, "suppressed");
        store.commit(vec![group])?;
        Ok(self.suppression_line(&key, &standing))
    }

    /// Takes an address or number from the list, so that it may be written to again.
    ///
    /// # Errors
    /// The role, none for it, an opt-out cell that still says so, the disk.
    pub fn unsuppress(&self, address: &str, who: &Who, now: Timestamp) -> Answer<SuppressionLine> {
        self.must_all(who, Right::Steer)?;
        let store = self.roster.store();
        let _alone = store.alone();
        let (key, standing) = self.standing(address)?;
        if let SuppressionSource::Cell { record } = &standing.source {
            let place = match store.record(record)? {
                Some(record) if record.gone.is_none() => self.place_of(&record)?,
                Some(_) | None => String::new(),
            };
            if !place.is_empty() {
                return Err(CommandError::plain(
                    ErrorKind::TooLate,
                    format!(
                        "the customer said so in the sheet ({place}): untick that cell, and the opt-out is lifted at the next poll"
                    ),
                ));
            }
        }
        let mut group = Group::default();
        group.remove(key.clone());
        let hash = String::from_utf8_lossy(&key[prefix::SUPPRESS.len()..]).into_owned();
        let said = Proof {
            at: now,
            said: Said::Lifted,
            source: format!("{} by hand", who.name()),
            wording: String::new(),
            shown: standing.shown.clone(),
        };
        proof::keep_of(&mut group, &hash, &said);
        self.note_opt_out(&mut group, now, who, &standing, "lifted the suppression of");
        store.commit(vec![group])?;
        Ok(self.suppression_line(&key, &standing))
    }

    /// The suppression that a text means: an address, a number, or the beginning of its id.
    fn standing(&self, text: &str) -> Answer<(Key, Suppression)> {
        let store = self.roster.store();
        let text = text.trim();
        let read = read(text);
        if let Ok((address, _)) = &read {
            let key = suppress_key(store, address)?;
            if let Some(standing) = store.get(&key)? {
                return Ok((key, standing));
            }
        }
        if text.len() >= 6 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let under = keys::under(prefix::SUPPRESS, text.to_lowercase());
            let found: Vec<(Key, Suppression)> =
                store.scan(&under).take(2).collect::<Result<_, _>>()?;
            if let [one] = &found[..] {
                return Ok(one.clone());
            }
        }
        read?;
        Err(CommandError::plain(
            ErrorKind::NotFound,
            format!(
                "nothing is suppressed for \"{text}\": `sheetbridge suppress list` shows what is"
            ),
        ))
    }

    fn suppression_line(&self, key: &[u8], standing: &Suppression) -> SuppressionLine {
        let hash = String::from_utf8_lossy(&key[prefix::SUPPRESS.len()..]).into_owned();
        let (source, why) = match &standing.source {
            SuppressionSource::Cell { .. } => ("cell", "the opt-out cell in the sheet".to_owned()),
            SuppressionSource::Bounce { said } => ("bounce", said.clone()),
            SuppressionSource::Link {
                one_click, wording, ..
            } => ("link", by_link(*one_click, wording)),
            SuppressionSource::Hand { by, why, .. } => (
                "hand",
                match why {
                    Some(why) => format!("{by}: {why}"),
                    None => by.clone(),
                },
            ),
        };
        SuppressionLine {
            id: hash.chars().take(SHOWN).collect(),
            address: standing.shown.clone(),
            since: self.local(standing.at),
            of: reaches(standing).to_owned(),
            source: source.to_owned(),
            why,
        }
    }

    fn note_opt_out(
        &self,
        group: &mut Group,
        now: Timestamp,
        who: &Who,
        standing: &Suppression,
        did: &str,
    ) {
        let entry = Entry {
            at: now,
            record: None,
            what: What::OptOut,
            text: format!("{} {did} {}", who.name(), standing.shown),
            stages: None,
            moved: None,
        };
        self.roster.store().note(group, &entry);
    }
}

/// `ads` or `everything`.
pub(super) fn reaches(standing: &Suppression) -> &'static str {
    match standing.source {
        SuppressionSource::Cell { .. }
        | SuppressionSource::Link { .. }
        | SuppressionSource::Hand {
            everything: false, ..
        } => "ads",
        SuppressionSource::Bounce { .. }
        | SuppressionSource::Hand {
            everything: true, ..
        } => "everything",
    }
}

/// How somebody used the link of a mail.
pub(super) fn by_link(one_click: bool, wording: &str) -> String {
    if one_click {
        "the customer, by the mail program's unsubscribe button".to_owned()
    } else {
        format!("the customer, by the link in a mail: “{wording}”")
    }
}

/// An address or number as it is kept, and as it is shown.
fn read(text: &str) -> Answer<(String, String)> {
    let cell = Cell::Text(text.trim().into());
    if text.contains('@') {
        let read = email::read(&cell).value().unwrap_or_default();
        if let [email] = &read[..] {
            return Ok((email.expose().to_owned(), email.to_string()));
        }
    } else {
        let read = phone::read(&cell).value().unwrap_or_default();
        if let [phone] = &read[..] {
            return Ok((phone.expose().to_owned(), phone.to_string()));
        }
    }
    Err(CommandError::new(
        ErrorKind::Usage,
        format!("\"{text}\" is no e-mail address and no phone number: write one of them"),
        format!(
            "“{text}” không phải email hay số điện thoại. Anh/chị viết một email hoặc một số, ví dụ: /tuchoi an@example.com"
        ),
    ))
}
