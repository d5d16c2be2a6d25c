//! Mails that may have been sent, where the managers are asked (`[email] in_doubt = "ask"`): the answer, once,
//! and what the other chats in which the question stands are told.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, CommandError, Desk, ErrorKind, HandAct, Right, Who};
use crate::config::Language;
use crate::core::delivery::{By, State};
use crate::core::message::{Did, Hand, Message, MessageKey};
use crate::core::rule::Channel;
use crate::store::keys::{self, Key, prefix};
use crate::store::{Group, ledger};

/// Stands where a rule's id would in the keys of questions.
const RULE: &str = "in-doubt";

/// What stands where a rule's id would in the keys of questions.
pub fn question_rule() -> &'static str {
    RULE
}

/// What a question and its buttons are about: the message, and which of its doubts.
pub fn doubt_id(message: &Message) -> String {
    format!("{}#{}", message.key.digest(), message.doubts())
}

/// A question in a chat that was answered elsewhere, and is to say so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    /// The message with the question.
    pub question: MessageKey,
    /// What to write below it, in Telegram's HTML.
    pub line: String,
    /// When to try next.
    pub due: Timestamp,
    /// How often it was tried.
    pub tries: u32,
}

impl Amendment {
    /// Where it is kept.
    pub fn key(&self) -> Key {
        keys::under(prefix::AMEND, self.question.as_str())
    }
}

/// An answer to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// Key of the mail.
    pub key: String,
    /// What was answered.
    pub did: Did,
    /// Who answered.
    pub by: String,
}

impl Desk {
    /// Answers what the managers were asked of a mail in doubt. The first who answers wins.
    ///
    /// `subject` is a [`doubt_id`]; `asked` the key of the question under which the button stood.
    ///
    /// # Errors
    /// The role, no such message, it was answered before, the disk.
    pub(in crate::commands) fn resolve_doubt(
        &self,
        subject: &str,
        act: HandAct,
        asked: Option<&str>,
        who: &Who,
        now: Timestamp,
    ) -> Answer<Resolved> {
        self.must_all(who, Right::Steer)?;
        let store = self.roster.store();
        let _alone = store.alone();
        let (digest, number) = subject.split_once('#').unwrap_or((subject, ""));
        let key = store.get::<MessageKey>(&keys::under(prefix::DIGEST, digest))?;
        let message = match &key {
            Some(key) => store.get::<Message>(&keys::message(key))?,
            None => None,
        };
        let Some(mut message) = message else {
            return Err(CommandError::new(
                ErrorKind::NotFound,
                "there is no such message any more",
                "Không còn tìm thấy thư này nữa.",
            ));
        };
        let this_doubt = number.parse().ok() == Some(message.doubts());
        if message.state != State::InDoubt || !this_doubt {
            return Err(answered_before(&message, number.parse().unwrap_or(0)));
        }
        let mut group = Group::default();
        self.by_hand(&mut group, &mut message, act, who, asked, now)?;
        store.commit(vec![group])?;
        Ok(Resolved {
            key: message.key.to_string(),
            did: act.did(),
            by: who.name().to_owned(),
        })
    }

    /// The question of a doubt is answered: what still waits does not go, and every chat in which it stands is told,
    /// but the one where somebody has just pressed the button.
    pub(super) fn answer_question(
        &self,
        group: &mut Group,
        message: &Message,
        hand: &Hand,
        but: Option<&str>,
    ) -> Answer<()> {
        let why = format!("{} has answered already", hand.by);
        let line = line(self.language(), hand);
        let id = doubt_id(message);
        self.answered_elsewhere(group, (RULE, &id), (&why, &line), hand.at, but)
    }

    /// A question to the managers is answered: where it still waits, it does not go; every chat in which it stands
    /// reads `line` below it, but that of `but`, the key of the message under which somebody pressed.
    pub(super) fn answered_elsewhere(
        &self,
        group: &mut Group,
        (rule, occasion): (&str, &str),
        (why, line): (&str, &str),
        at: Timestamp,
        but: Option<&str>,
    ) -> Answer<()> {
        let store = self.roster.store();
        let directory = self.roster.directory()?;
        let managers = directory.managers();
        let roles = managers
            .map(|person| format!("managers:{}", person.name))
            .chain(["managers".to_owned(), "alerts".to_owned()]);
        for role in roles {
            let key = MessageKey::new(rule, 1, None, &role, occasion);
            let Some(mut question) = store.get::<Message>(&keys::message(&key))? else {
                continue;
            };
            match question.state {
                State::Queued => {
                    ledger::shift(group, &mut question, State::Cancelled, By::Hand, why, None)
                        .map_err(|step| {
                            CommandError::plain(ErrorKind::TooLate, step.to_string())
                        })?;
                }
                State::InFlight | State::Delivered | State::InDoubt
                    if question.channel == Channel::Telegram
                        && but != Some(question.key.as_str()) =>
                {
                    let amendment = Amendment {
                        question: question.key.clone(),
                        line: line.to_owned(),
                        due: at,
                        tries: 0,
                    };
                    group.put(amendment.key(), &amendment);
                }
                State::InFlight
                | State::Delivered
                | State::InDoubt
                | State::Rejected
                | State::Cancelled
                | State::Expired
                | State::Dead => {}
            }
        }
        Ok(())
    }
}

/// What the other chats read below the question.
fn line(language: Language, hand: &Hand) -> String {
    let by = match (language, hand.by.as_str()) {
        (Language::Vi, "the command line") => "quản trị",
        (Language::En, "the command line") => "the admin",
        (_, name) => name,
    };
    let by = by
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let [vi, en] = answer_words(hand.did);
    match language {
        Language::Vi => format!("✔️ <b>{by}</b> đã trả lời: {vi}"),
        Language::En => format!("✔️ <b>{by}</b> has answered: {en}"),
    }
}

/// An answer in both languages.
fn answer_words(did: Did) -> [&'static str; 2] {
    match did {
        Did::Delivered => ["thư đã tới", "it has arrived"],
        Did::Queued => ["gửi lại", "send it again"],
        Did::Dead | Did::Cancelled => ["bỏ, không gửi nữa", "give it up"],
    }
}

/// Who answered a doubt, and what.
fn answered_before(message: &Message, number: usize) -> CommandError {
    // The answer to doubt n is the first hand after the n-th doubtful try.
    let doubtful = message
        .attempts
        .iter()
        .enumerate()
        .filter(|(_, attempt)| attempt.ended == State::InDoubt)
        .nth(number.saturating_sub(1))
        .map_or(0, |(at, _)| at);
    let hand = message.hands.iter().find(|hand| hand.tries > doubtful);
    let Some(hand) = hand else {
        return CommandError::new(
            ErrorKind::TooLate,
            format!("that is settled: the mail is {} now", message.state),
            "Việc này đã xử lý xong rồi.",
        );
    };
    let [vi, en] = answer_words(hand.did);
    let by_vi = if hand.by == "the command line" {
        "Quản trị"
    } else {
        &hand.by
    };
    CommandError::new(
        ErrorKind::TooLate,
        format!("{} has answered already: {en}", hand.by),
        format!("{by_vi} đã trả lời rồi: {vi}."),
    )
}
