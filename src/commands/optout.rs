//! The customer's own way to refuse advertising, by the link in a mail: look, refuse, take it back.
//!
//! Whoever has the link may: there is no log-in, and nobody else can make one (`store::optout`). The page that
//! asks is `web`'s. That nothing goes to a refused address is `core::policy`'s, which looks before each send,
//! also at what waits already; what is sent here is the one confirmation that the law asks for.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Answer, Desk};
use crate::core::delivery::State;
use crate::core::facts::local_text;
use crate::core::facts::message::RefusalFacts;
use crate::core::message::{Address, Frozen, Message, MessageKey, Recipient, Wanted};
use crate::core::rule::Channel;
use crate::store::journal::{Entry, What};
use crate::store::keys::{self, prefix};
use crate::store::optout::{self, OptOutLink};
use crate::store::proof::{self, Proof, Said};
use crate::store::suppression::{Suppression, SuppressionSource, address_hash, suppress_key_of};
use crate::store::{Group, Store, StoreError, ledger};

/// The rule that confirmations stand under.
pub const OPT_OUT_RULE: &str = "opt-out";

/// Their template.
const TEMPLATE: &str = "opt-out-confirmed";

/// A confirmation that could not go for so long says nothing any more.
const CONFIRM_WITHIN: SignedDuration = SignedDuration::from_hours(72);

/// How somebody used a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Press {
    /// By the mail program's own button (RFC 8058); else by ours.
    pub one_click: bool,
    /// What our button said.
    pub wording: String,
}

/// What the page shows to somebody with a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptOutView {
    /// The address, masked; none if the mail is so old that nobody knows any more.
    pub address: Option<String>,
    /// Since when no advertising goes to it, if so.
    pub refused: Option<Timestamp>,
    /// Whether the same link may take it back: what others or the sheet say, it cannot.
    pub can_return: bool,
}

impl Desk {
    /// What a link means now; none if it is none of ours.
    ///
    /// # Errors
    /// The disk.
    pub fn opt_out_view(&self, token: &str) -> Answer<Option<OptOutView>> {
        let Some(link) = optout::open(self.roster.store(), token)? else {
            return Ok(None);
        };
        let (_, address) = self.behind(&link)?;
        let standing = self.roster.store().get(&suppress_key_of(&link.hash))?;
        Ok(Some(view(address.as_deref(), standing.as_ref())))
    }

    /// Refuses advertising for the address of a link, at once and for good; again changes nothing. None if the
    /// link is none of ours.
    ///
    /// # Errors
    /// The disk.
    pub fn opt_out(
        &self,
        token: &str,
        press: &Press,
        now: Timestamp,
    ) -> Answer<Option<OptOutView>> {
        let store = self.roster.store();
        let Some(link) = optout::open(store, token)? else {
            return Ok(None);
        };
        let _alone = store.alone();
        let (message, address) = self.behind(&link)?;
        let at = suppress_key_of(&link.hash);
        let standing: Option<Suppression> = store.get(&at)?;
        let mut also = Vec::new();
        match standing {
            // It goes back to the cell if the link takes its own word back.
            Some(Suppression {
                source: SuppressionSource::Cell { record },
                also: others,
                ..
            }) => {
                also.push(record);
                also.extend(others);
            }
            Some(standing) => return Ok(Some(view(address.as_deref(), Some(&standing)))),
            None => {}
        }
        let shown = address.as_ref().map_or_else(
            || "(an address that is no longer known)".to_owned(),
            |address| Address::Email(address.clone()).to_string(),
        );
        let standing = Suppression {
            at: now,
            source: SuppressionSource::Link {
                digest: link.digest.clone(),
                one_click: press.one_click,
                wording: press.wording.clone(),
            },
            shown: shown.clone(),
            also,
        };
        let mut group = Group::default();
        group.put(at, &standing);
        let by = if press.one_click {
            "unsubscribe button of the mail program"
        } else {
            "link"
        };
        let mail = message
            .as_ref()
            .map_or(link.digest.as_str(), |message| message.key.as_str());
        let said = Proof {
            at: now,
            said: Said::Refused,
            source: format!("{by} in the mail {mail}"),
            wording: press.wording.clone(),
            shown,
        };
        proof::keep_of(&mut group, &link.hash, &said);
        self.note_link(
            &mut group,
            now,
            message.as_ref(),
            "opted out by the link in",
        );
        if let (Some(message), Some(address)) = (&message, &address) {
            self.confirm(&mut group, &link, token, message, address, now)?;
        }
        store.commit(vec![group])?;
        Ok(Some(view(address.as_deref(), Some(&standing))))
    }

    /// Takes back what the same link, or another one to the same address, had refused. None if the link is none
    /// of ours.
    ///
    /// # Errors
    /// The disk.
    pub fn opt_in_again(
        &self,
        token: &str,
        wording: &str,
        now: Timestamp,
    ) -> Answer<Option<OptOutView>> {
        let store = self.roster.store();
        let Some(link) = optout::open(store, token)? else {
            return Ok(None);
        };
        let _alone = store.alone();
        let (message, address) = self.behind(&link)?;
        let at = suppress_key_of(&link.hash);
        let Some(mut standing) = store.get::<Suppression>(&at)? else {
            return Ok(Some(view(address.as_deref(), None)));
        };
        if !matches!(standing.source, SuppressionSource::Link { .. }) {
            return Ok(Some(view(address.as_deref(), Some(&standing))));
        }
        let mut group = Group::default();
        let left = if standing.also.is_empty() {
            group.remove(at);
            None
        } else {
            let record = standing.also.remove(0);
            standing.source = SuppressionSource::Cell { record };
            group.put(at, &standing);
            Some(standing.clone())
        };
        let said = Proof {
            at: now,
            said: Said::Lifted,
            source: "link in a mail".to_owned(),
            wording: wording.to_owned(),
            shown: standing.shown.clone(),
        };
        proof::keep_of(&mut group, &link.hash, &said);
        self.note_link(
            &mut group,
            now,
            message.as_ref(),
            "came back by the link in",
        );
        store.commit(vec![group])?;
        Ok(Some(view(address.as_deref(), left.as_ref())))
    }

    /// The message of a link and the address it went to, as far as they are still known.
    fn behind(&self, link: &OptOutLink) -> Answer<(Option<Message>, Option<String>)> {
        let store = self.roster.store();
        let Some(key) = store.get::<MessageKey>(&keys::under(prefix::DIGEST, &link.digest))? else {
            return Ok((None, None));
        };
        let message: Option<Message> = store.get(&keys::message(&key))?;
        let Some(Address::Email(address)) = message
            .as_ref()
            .and_then(|message| message.frozen.as_ref())
            .map(|frozen| &frozen.address)
        else {
            return Ok((message, None));
        };
        // A message that was corrected since may go to somebody else.
        let same = address_hash(store, address)? == link.hash;
        let address = same.then(|| address.clone());
        Ok((message, address))
    }

    /// The one confirmation: at any hour, to the address that refused, and without advertising. Once a day at
    /// most, however often somebody refuses and comes back.
    fn confirm(
        &self,
        group: &mut Group,
        link: &OptOutLink,
        token: &str,
        about: &Message,
        address: &str,
        now: Timestamp,
    ) -> Answer<()> {
        let config = self.roster.config();
        let Some(frozen) = about.frozen.as_ref().filter(|_| config.email.is_some()) else {
            return Ok(());
        };
        let local = now.to_zoned(config.calendar.zone.clone());
        let public = config.web.as_ref().and_then(|web| web.public_url.as_ref());
        let refusal = RefusalFacts {
            at: local_text(local.datetime()),
            url: public.map(|public| format!("{public}/u/{token}")),
        };
        let mut event = json!({ "refusal": refusal });
        if let Some(reached) = frozen.values["trial"]["reached"].as_str() {
            event["trial"] = json!({ "reached": reached });
        }
        let record = match &about.record {
            Some(id) => self.roster.store().record(id)?,
            None => None,
        };
        let values = match &record {
            Some(record) => self.roster.facts(record, &event, now)?,
            None => self.roster.facts_without_record(&event, now),
        };
        let occasion = format!("{} {}", &link.hash[..16], local.date());
        let role = "customer";
        let message = Message {
            key: MessageKey::new(OPT_OUT_RULE, 1, about.record.as_ref(), role, &occasion),
            rule: OPT_OUT_RULE.to_owned(),
            step: 1,
            record: about.record.clone(),
            to: Recipient::Customer,
            channel: Channel::Email,
            otherwise: Vec::new(),
            template: TEMPLATE.to_owned(),
            event: Value::Null,
            ad: false,
            urgent: true,
            held_until: None,
            wanted: Wanted::Always,
            created: now,
            due: now,
            expires: now.saturating_add(CONFIRM_WITHIN).unwrap_or(now),
            state: State::Queued,
            why: "the customer refused advertising by the link in a mail".to_owned(),
            frozen: Some(Frozen {
                address: Address::Email(address.to_owned()),
                display_name: frozen.display_name.clone(),
                // None is kept for it: the shipped one, or the admin's own, of the moment.
                template: String::new(),
                values,
            }),
            attempts: Vec::new(),
            hands: Vec::new(),
            trial: config.trial.is_some(),
        };
        ledger::queue(self.roster.store(), group, &message)?;
        Ok(())
    }

    fn note_link(&self, group: &mut Group, now: Timestamp, message: Option<&Message>, did: &str) {
        let key = message.map_or("an old mail", |message| message.key.as_str());
        let entry = Entry {
            at: now,
            record: message.and_then(|message| message.record.clone()),
            what: What::OptOut,
            text: format!("{did} {key}"),
            stages: None,
            moved: None,
        };
        self.roster.store().note(group, &entry);
    }
}

fn view(address: Option<&str>, standing: Option<&Suppression>) -> OptOutView {
    OptOutView {
        address: address.map(|address| Address::Email(address.to_owned()).to_string()),
        refused: standing.map(|standing| standing.at),
        can_return: standing
            .is_some_and(|standing| matches!(standing.source, SuppressionSource::Link { .. })),
    }
}

/// Keeps proof that a confirmation reached the mail server of the one who refused; other messages are passed over.
///
/// # Errors
/// The disk.
pub fn opt_out_confirmed(
    store: &Store,
    group: &mut Group,
    message: &Message,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(frozen) = message
        .frozen
        .as_ref()
        .filter(|_| message.rule == OPT_OUT_RULE)
    else {
        return Ok(());
    };
    let said = Proof {
        at: now,
        said: Said::Confirmed,
        source: format!("mail {}", message.key.digest()),
        wording: String::new(),
        shown: frozen.address.to_string(),
    };
    proof::keep(store, group, &frozen.address.expose(), &said)
}
