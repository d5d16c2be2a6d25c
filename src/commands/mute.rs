//! Somebody's own notices rest for a time. What is urgent goes to the others meanwhile, what is not waits; the managers
//! are told.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Answer, CommandError, Desk, ErrorKind, Right, Scope, Who, may};
use crate::core::decide::notice;
use crate::core::delivery::State;
use crate::core::facts::local_text;
use crate::core::facts::message::RestFacts;
use crate::core::message::Message;
use crate::core::mute::{LONGEST_DAYS, NoRest, rest_until};
use crate::store::keys::{self, prefix};
use crate::store::mute::{Mute, mute_key};
use crate::store::{Group, ledger};

/// Stands in the place of a rule's id in the keys of the notices, and is their template.
const NOTICE: &str = "rest";

/// What waits is looked at again within this time.
pub const LOOKED_AT_AGAIN: SignedDuration = SignedDuration::from_mins(15);

/// How the reason of what waits for the end of somebody's rest begins.
const WAITS: &str = "notices are off";

/// Somebody's notices rest, or come again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// Whose.
    pub name: String,
    /// Local ISO time until when; none: they come again.
    pub until: Option<String>,
    /// Messages that had waited and come now.
    pub due_now: usize,
}

impl Desk {
    /// Turns off the notices of whoever asks, until a time in their words (see [`rest_until`]). Another time takes the
    /// place of the one before.
    ///
    /// # Errors
    /// A manager, words that name no time, too long, the disk.
    pub fn rest(&self, words: &str, who: &Who, now: Timestamp) -> Answer<Rest> {
        let name = self.may_rest(who)?;
        let calendar = &self.roster.config().calendar;
        let local = now.to_zoned(calendar.zone.clone()).datetime();
        let until = rest_until(words, local).map_err(|why| no_rest(words, why))?;
        let until = calendar.at_local(until.date(), until.time());
        let store = self.roster.store();
        let _alone = store.alone();
        let mute = Mute {
            name: name.clone(),
            at: now,
            until,
        };
        let mut group = Group::default();
        group.put(mute_key(&name), &mute);
        let shown = self.local(until);
        self.note_hand(
            &mut group,
            now,
            None,
            who,
            &format!("turned their notices off until {shown}"),
        );
        self.tell_of_rest(&mut group, &name, Some(until), now)?;
        store.commit(vec![group])?;
        Ok(Rest {
            name,
            until: Some(shown),
            due_now: 0,
        })
    }

    /// Turns them on again; what waited comes now.
    ///
    /// # Errors
    /// They were not off, the disk.
    pub fn rest_over(&self, who: &Who, now: Timestamp) -> Answer<Rest> {
        let name = self.may_rest(who)?;
        let store = self.roster.store();
        let _alone = store.alone();
        if store.mute(&name, now)?.is_none() {
            return Err(CommandError::new(
                ErrorKind::TooLate,
                "your notices are on",
                "Thông báo của anh/chị đang bật.",
            ));
        }
        let mut first = Group::default();
        first.remove(mute_key(&name));
        self.note_hand(&mut first, now, None, who, "turned their notices on");
        self.tell_of_rest(&mut first, &name, None, now)?;
        let mut groups = vec![first];
        let begins = waits_for(&name);
        for lane in store.lanes(None)? {
            let soon = now.saturating_add(LOOKED_AT_AGAIN).unwrap_or(now);
            let mut waiting = store.waiting(vec![lane], soon)?;
            while let Some((_, key)) = waiting.next_due()? {
                let Some(mut message) = store.get::<Message>(&keys::message(&key))? else {
                    continue;
                };
                if message.state == State::Queued && message.why.starts_with(&begins) {
                    let mut group = Group::default();
                    ledger::postpone(&mut group, &mut message, now, "notices are on again");
                    groups.push(group);
                }
            }
        }
        let due_now = groups.len() - 1;
        store.commit(groups)?;
        Ok(Rest {
            name,
            until: None,
            due_now,
        })
    }

    /// Everybody whose notices rest now.
    pub(super) fn resting(&self, now: Timestamp) -> Answer<Vec<Rest>> {
        let mutes = self.roster.store().mutes(now)?;
        Ok(mutes
            .into_iter()
            .map(|mute| Rest {
                until: Some(self.local(mute.until)),
                name: mute.name,
                due_now: 0,
            })
            .collect())
    }

    /// Forgets rests that are over. For the daemon, once a day.
    pub(super) fn sweep_rests(&self, now: Timestamp) -> Answer<()> {
        let store = self.roster.store();
        let mut group = Group::default();
        for entry in store.scan::<Mute>(prefix::MUTE) {
            let (key, mute) = entry?;
            if mute.until <= now {
                group.remove(key);
            }
        }
        Ok(store.commit(vec![group])?)
    }

    fn may_rest(&self, who: &Who) -> Answer<String> {
        match (may(who, Right::Rest), who) {
            (Scope::Own, Who::Colleague { name, .. }) => Ok(name.clone()),
            (_, Who::Stranger) => Err(CommandError::not_allowed()),
            _ => Err(CommandError::new(
                ErrorKind::NotAllowed,
                "managers are told when nobody else is there, so their notices stay on",
                "Quản lý là người nhận sau cùng khi không còn ai, nên tin của quản lý luôn bật. Muốn tắt bản tin, bấm /bantin.",
            )),
        }
    }

    fn tell_of_rest(
        &self,
        group: &mut Group,
        name: &str,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Answer<()> {
        let zone = &self.roster.config().calendar.zone;
        let local = |at: Timestamp| local_text(at.to_zoned(zone.clone()).datetime());
        let facts = RestFacts {
            name: name.to_owned(),
            until: until.map(local),
        };
        let extra = json!({ "rest": facts });
        let directory = self.roster.directory()?;
        let occasion = format!("{name} {}", now.as_millisecond());
        for message in notice::to_managers(&directory, NOTICE, NOTICE, &occasion, &extra, now) {
            ledger::queue(self.roster.store(), group, &message)?;
        }
        Ok(())
    }
}

/// Why a message waits for the end of somebody's rest.
pub fn waits_for(name: &str) -> String {
    format!("{WAITS}: {name}")
}

fn no_rest(words: &str, why: NoRest) -> CommandError {
    match why {
        NoRest::Unread => CommandError::new(
            ErrorKind::Usage,
            format!("\"{words}\" names no time to come: write 2h, today, or a day such as 28/11"),
            "Bot chưa đọc được thời gian. Anh/chị nhắn ví dụ: /tatthongbao 2h, /tatthongbao hôm nay, /tatthongbao 28/11.",
        ),
        NoRest::TooLong => CommandError::new(
            ErrorKind::Usage,
            format!(
                "notices can be off for {LONGEST_DAYS} days at most: a manager hands customers over for longer with /handover"
            ),
            format!(
                "Chỉ tắt được tối đa {LONGEST_DAYS} ngày. Nghỉ lâu hơn, vui lòng nhờ quản lý bàn giao khách."
            ),
        ),
    }
}
