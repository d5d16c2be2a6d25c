//! Which digests somebody gets, and when: by the rules, or by their own wish.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, CommandError, Desk, ErrorKind, Right, Who};
use crate::core::calendar::Schedule;
use crate::core::decide::own_timer;
use crate::core::subscription::{Wish, digest_of};
use crate::store::Group;
use crate::store::keys::{self, prefix};
use crate::store::subscription::wish_key;

/// A digest that somebody gets, could get, or does not want.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The rule that sends it.
    pub rule: String,
    /// Its template.
    pub template: String,
    /// The rule's own schedule, as the configuration writes it.
    pub usual: String,
    /// When they get it, as a schedule is written; none: not at all.
    pub at: Option<String>,
    /// Whether that is their own wish.
    pub own: bool,
}

impl Desk {
    /// The digests of whoever asks.
    ///
    /// # Errors
    /// The role, the disk.
    pub fn subscriptions(&self, who: &Who) -> Answer<Vec<Subscription>> {
        self.must_all(who, Right::Digest)?;
        let own = self.roster.store().subscriptions()?;
        let wishes = self.roster.subscriptions()?;
        let rules = self.roster.config().rules.iter();
        let found = rules.filter_map(|rule| {
            let (schedule, template) = digest_of(rule, who.name())?;
            let wish = wishes.wish(&rule.id, who.name());
            let usual = schedule.to_string();
            Some(Subscription {
                rule: rule.id.clone(),
                template: template.to_owned(),
                at: match wish {
                    None => Some(usual.clone()),
                    Some(Wish::Off) => None,
                    Some(Wish::At(text)) => Some(text.clone()),
                },
                usual,
                own: own.wish(&rule.id, who.name()).is_some(),
            })
        });
        Ok(found.collect())
    }

    /// Has a digest come at times of their own (a schedule as the configuration writes it), not at all (`off`), or at
    /// the rule's time again (`usual`). `wish` is `RULE=` and one of these.
    ///
    /// # Errors
    /// The role, no such digest, no schedule, the disk.
    pub fn subscribe(&self, wish: &str, who: &Who, now: Timestamp) -> Answer<Subscription> {
        self.must_all(who, Right::Digest)?;
        let (rule, wish) = wish.split_once('=').unwrap_or((wish, ""));
        let known = self.subscriptions(who)?;
        if !known.iter().any(|one| one.rule == rule) {
            return Err(CommandError::new(
                ErrorKind::NotFound,
                format!("the rule \"{rule}\" sends you no digest"),
                "Bản tin này không còn trong cấu hình. Vui lòng bấm /bantin để xem lại.",
            ));
        }
        let name = who.name();
        let key = wish_key(rule, name);
        let mut group = Group::default();
        let did = match wish {
            "usual" => {
                group.remove(key);
                let configured = &self.roster.config().digests;
                let zone = &self.roster.config().calendar.zone;
                if let Some(Wish::At(text)) = configured.wish(rule, name)
                    && let Some(timer) = own_timer(rule, name, text, now, zone)
                {
                    group.put(keys::timed(prefix::TIMER, timer.due, timer.name()), &timer);
                }
                format!("gets the digest {rule} at its usual time")
            }
            "off" => {
                group.put(key, &(rule, name, Wish::Off));
                format!("does not get the digest {rule}")
            }
            time => {
                let schedule = Schedule::parse(time)
                    .map_err(|why| CommandError::plain(ErrorKind::Usage, why))?;
                let text = schedule.to_string();
                let zone = &self.roster.config().calendar.zone;
                if let Some(timer) = own_timer(rule, name, &text, now, zone) {
                    group.put(keys::timed(prefix::TIMER, timer.due, timer.name()), &timer);
                }
                let did = format!("gets the digest {rule} at {text}");
                group.put(key, &(rule, name, Wish::At(text)));
                did
            }
        };
        self.note_hand(&mut group, now, None, who, &did);
        self.roster.store().commit(vec![group])?;
        let mut after = self.subscriptions(who)?;
        after.retain(|one| one.rule == rule);
        Ok(after.pop().unwrap_or_default())
    }
}
