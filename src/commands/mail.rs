//! Second thoughts: a mail that waits out its holding time, a reminder for tomorrow, a poll that was a mistake.

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use super::{Answer, CommandError, Desk, ErrorKind, Right, Who};
use crate::core::delivery::{By, State};
use crate::core::message::{Message, MessageKey, Recipient};
use crate::store::keys::{self, prefix};
use crate::store::{Group, LastPoll, last_poll_key, ledger};

/// "Stop everything from the last poll" is there for so long (SEMANTICS 11).
const STOP_WITHIN: SignedDuration = SignedDuration::from_secs(60);
/// A reminder for tomorrow is worth sending for so long.
const LATER_FOR: SignedDuration = SignedDuration::from_hours(3 * 24);

/// A time that a button names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Soon {
    /// In two hours.
    TwoHours,
    /// The next working morning.
    Tomorrow,
}

/// What became of a message by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailDecision {
    /// Key of the message.
    pub key: String,
    /// `send_now`, `picked_wrong` or `later`.
    pub outcome: String,
    /// Local ISO time with offset: when it goes, or was cancelled.
    pub at: String,
    /// Who decided.
    pub by: String,
}

/// What stopping the last poll came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// Messages that do not go.
    pub cancelled: usize,
    /// Messages that had gone already, or were on their way.
    pub gone: usize,
}

impl Desk {
    /// A mail to a customer that waits out its holding time may go now (within the hours for customers).
    ///
    /// # Errors
    /// The role, no such mail, it has gone or was cancelled, the disk.
    pub fn send_now(&self, digest: &str, who: &Who, now: Timestamp) -> Answer<MailDecision> {
        self.send_now_as(digest, who, None, now)
    }

    pub(super) fn send_now_as(
        &self,
        digest: &str,
        who: &Who,
        told: Option<&str>,
        now: Timestamp,
    ) -> Answer<MailDecision> {
        let store = self.roster.store();
        let _alone = store.alone();
        let mut message = self.waiting_mail(digest, who, told)?;
        let mut group = Group::default();
        message.held_until = None;
        ledger::postpone(
            &mut group,
            &mut message,
            now,
            format!("{} said that it may go now", who.name()),
        );
        self.note_hand(
            &mut group,
            now,
            message.record.as_ref(),
            who,
            &format!("let {} go before its time", message.key),
        );
        store.commit(vec![group])?;
        Ok(self.decided(&message, "send_now", now, who))
    }

    /// The stage was picked by mistake: the mail that waits does not go.
    ///
    /// # Errors
    /// The role, no such mail, it has gone or was cancelled, the disk.
    pub fn picked_wrong(&self, digest: &str, who: &Who, now: Timestamp) -> Answer<MailDecision> {
        self.picked_wrong_as(digest, who, None, now)
    }

    pub(super) fn picked_wrong_as(
        &self,
        digest: &str,
        who: &Who,
        told: Option<&str>,
        now: Timestamp,
    ) -> Answer<MailDecision> {
        let store = self.roster.store();
        let _alone = store.alone();
        let mut message = self.waiting_mail(digest, who, told)?;
        let mut group = Group::default();
        self.cancel(
            &mut group,
            &mut message,
            &format!("picked by mistake, said {}", who.name()),
        )?;
        self.note_hand(
            &mut group,
            now,
            message.record.as_ref(),
            who,
            &format!("stopped {}: picked by mistake", message.key),
        );
        store.commit(vec![group])?;
        Ok(self.decided(&message, "picked_wrong", now, who))
    }

    /// Sends a reminder once more at the beginning of the next working day, unless somebody has been at it by then.
    ///
    /// # Errors
    /// The role, no such message, one to a customer, the disk.
    pub fn later(&self, digest: &str, who: &Who, now: Timestamp) -> Answer<MailDecision> {
        self.later_as(digest, Soon::Tomorrow, who, None, now)
    }

    pub(super) fn later_as(
        &self,
        digest: &str,
        soon: Soon,
        who: &Who,
        told: Option<&str>,
        now: Timestamp,
    ) -> Answer<MailDecision> {
        let store = self.roster.store();
        let _alone = store.alone();
        let message = self.message_of(digest)?;
        self.must_see_message(who, &message, told)?;
        if message.to == Recipient::Customer {
            return Err(CommandError::plain(
                ErrorKind::Usage,
                "only reminders to staff can be put off",
            ));
        }
        let due = self.soon(soon, now);
        let day = due.to_zoned(self.roster.config().calendar.zone.clone());
        let day = match soon {
            Soon::Tomorrow => day.date().to_string(),
            Soon::TwoHours => day.strftime("%F %H:%M").to_string(),
        };
        // Asked for again on another evening it is another reminder, twice on one evening the same.
        let first = message
            .key
            .as_str()
            .split("+later ")
            .next()
            .unwrap_or_default()
            .to_owned();
        let again = Message {
            key: MessageKey::from_text(format!("{first}+later {day}")),
            created: now,
            due,
            expires: due.saturating_add(LATER_FOR).unwrap_or(due),
            state: State::Queued,
            why: format!("{} asked to be reminded again", who.name()),
            frozen: None,
            attempts: Vec::new(),
            hands: Vec::new(),
            held_until: None,
            // In two hours is in two hours, also in the evening.
            urgent: message.urgent || soon == Soon::TwoHours,
            ..message
        };
        let mut group = Group::default();
        ledger::queue(store, &mut group, &again)?;
        self.note_hand(
            &mut group,
            now,
            again.record.as_ref(),
            who,
            &format!("put {first} off to {day}"),
        );
        store.commit(vec![group])?;
        Ok(self.decided(&again, "later", due, who))
    }

    /// Cancels everything the last poll decided that has not gone yet, within a minute of it.
    ///
    /// # Errors
    /// The role, nothing to stop, more than a minute ago, the disk.
    pub fn stop_last_poll(&self, workbook: &str, who: &Who, now: Timestamp) -> Answer<Stopped> {
        self.must_all(who, Right::Steer)?;
        let store = self.roster.store();
        let _alone = store.alone();
        let Some(last) = store
            .get::<LastPoll>(&last_poll_key(workbook))?
            .filter(|last| !last.keys.is_empty())
        else {
            return Err(CommandError::new(
                ErrorKind::NotFound,
                "the last poll of this workbook decided nothing that could be stopped",
                "Lần đọc gần nhất không có tin nào để dừng.",
            ));
        };
        if now.duration_since(last.at) > STOP_WITHIN {
            return Err(CommandError::new(
                ErrorKind::TooLate,
                "that poll was more than a minute ago: pause all sending instead, then look at the outbox",
                "Đã quá một phút nên không dừng theo cách này được nữa. Có thể bấm /tamdunggui để tạm dừng mọi thư và tin.",
            ));
        }
        let mut stopped = Stopped {
            cancelled: 0,
            gone: 0,
        };
        let mut groups = Vec::new();
        for key in &last.keys {
            let Some(mut message) = store.get::<Message>(&keys::message(key))? else {
                continue;
            };
            match message.state {
                State::Queued => {
                    let mut group = Group::default();
                    self.cancel(
                        &mut group,
                        &mut message,
                        &format!("{} stopped everything from this poll", who.name()),
                    )?;
                    groups.push(group);
                    stopped.cancelled += 1;
                }
                State::InFlight | State::Delivered | State::InDoubt => stopped.gone += 1,
                State::Rejected | State::Cancelled | State::Expired | State::Dead => {}
            }
        }
        let mut note = Group::default();
        self.note_hand(
            &mut note,
            now,
            None,
            who,
            &format!("stopped {} messages of the last poll", stopped.cancelled),
        );
        groups.push(note);
        store.commit(groups)?;
        Ok(stopped)
    }

    /// The polls that can still be stopped: workbook id, its title, and how many messages have not gone yet.
    ///
    /// # Errors
    /// The role, the disk.
    pub fn stoppable(&self, who: &Who, now: Timestamp) -> Answer<Vec<(String, String, usize)>> {
        self.must_all(who, Right::Steer)?;
        let store = self.roster.store();
        let mut found = Vec::new();
        for book in &self.roster.config().workbooks {
            let last = store.get::<LastPoll>(&last_poll_key(&book.id))?;
            let Some(last) = last.filter(|last| now.duration_since(last.at) <= STOP_WITHIN) else {
                continue;
            };
            let mut waiting = 0;
            for key in &last.keys {
                let message = store.get::<Message>(&keys::message(key))?;
                waiting +=
                    usize::from(message.is_some_and(|message| message.state == State::Queued));
            }
            if waiting > 0 {
                found.push((book.id.clone(), self.workbook_name(&book.id)?, waiting));
            }
        }
        Ok(found)
    }

    /// When that is.
    pub(super) fn soon(&self, soon: Soon, now: Timestamp) -> Timestamp {
        match soon {
            Soon::TwoHours => now
                .saturating_add(SignedDuration::from_hours(2))
                .unwrap_or(now),
            Soon::Tomorrow => self.next_working_morning(now),
        }
    }

    /// The beginning of the first working day after today.
    fn next_working_morning(&self, now: Timestamp) -> Timestamp {
        let calendar = &self.roster.config().calendar;
        let today = now.to_zoned(calendar.zone.clone()).date();
        let tomorrow = today.saturating_add(1.day());
        calendar.next_work(calendar.at_local(tomorrow, Time::midnight()))
    }

    fn message_of(&self, digest: &str) -> Answer<Message> {
        let store = self.roster.store();
        let key = store.get::<MessageKey>(&keys::under(prefix::DIGEST, digest))?;
        let key = key.unwrap_or_else(|| MessageKey::from_text(digest));
        store.get(&keys::message(&key))?.ok_or_else(|| {
            CommandError::new(
                ErrorKind::NotFound,
                "there is no such message any more",
                "Không còn tìm thấy thư này nữa.",
            )
        })
    }

    fn must_see_message(&self, who: &Who, message: &Message, told: Option<&str>) -> Answer<()> {
        let record = match &message.record {
            Some(id) => self.roster.store().record(id)?,
            None => None,
        };
        match record {
            Some(record) => self.must_see(who, &record, told),
            None if told.is_some_and(|told| told == who.name()) => Ok(()),
            None => self.must_all(who, Right::Everything),
        }
    }

    /// A mail that still waits out its holding time; else why it does not.
    fn waiting_mail(&self, digest: &str, who: &Who, told: Option<&str>) -> Answer<Message> {
        let message = self.message_of(digest)?;
        self.must_see_message(who, &message, told)?;
        let too_late = |text: &str, vi: &str| Err(CommandError::new(ErrorKind::TooLate, text, vi));
        match message.state {
            State::Queued if message.held_until.is_some() => Ok(message),
            State::Queued => too_late(
                "somebody has let it go already; it is about to be sent",
                "Thư đã được cho gửi rồi, đang chờ đi.",
            ),
            State::InFlight | State::Delivered | State::InDoubt => {
                too_late("the mail has gone already", "Thư đã được gửi đi rồi.")
            }
            State::Cancelled => too_late(
                &format!("the mail was cancelled already: {}", message.why),
                &match message.why.strip_prefix("picked by mistake, said ") {
                    Some(name) => format!("{name} đã bấm “Chọn nhầm”, thư không gửi nữa."),
                    None => "Thư đã được huỷ, không gửi nữa.".to_owned(),
                },
            ),
            State::Rejected | State::Expired | State::Dead => too_late(
                "the mail has ended without being sent",
                "Thư này đã dừng, không gửi nữa.",
            ),
        }
    }

    fn cancel(&self, group: &mut Group, message: &mut Message, why: &str) -> Answer<()> {
        ledger::shift(group, message, State::Cancelled, By::Hand, why, None)
            .map_err(|step| CommandError::plain(ErrorKind::TooLate, step.to_string()))
    }

    fn decided(&self, message: &Message, outcome: &str, at: Timestamp, who: &Who) -> MailDecision {
        MailDecision {
            key: message.key.to_string(),
            outcome: outcome.to_owned(),
            at: self.local(at),
            by: who.name().to_owned(),
        }
    }
}
