//! What the chats in which a question stands are told once it is answered elsewhere, or void.

use jiff::Timestamp;

use super::notices::{NOTICE, deciders};
use super::{Answer, Who};
use crate::commands::Amendment;
use crate::config::Language;
use crate::core::campaign::halt::Actor;
use crate::core::campaign::life::Campaign;
use crate::core::delivery::{By, State};
use crate::core::message::{Message, MessageKey};
use crate::core::rule::Channel;
use crate::roster::Roster;
use crate::store::keys;
use crate::store::{Group, StoreError, ledger};

/// The question is answered: where it still waits it does not go, and where it stands its buttons go and it says
/// who answered. Whoever answered sees that where they pressed.
pub(super) fn told_elsewhere(
    roster: &Roster,
    group: &mut Group,
    campaign: &Campaign,
    number: u32,
    who: &Who,
    now: Timestamp,
) -> Answer<()> {
    let closed = Closed {
        why: format!("{} has decided already", who.name()),
        line: line(roster.config().language, campaign, who),
    };
    close(roster, group, campaign, number, Some(who), &closed, now)?;
    Ok(())
}

/// The question is void, because what it was about was changed, withdrawn or removed in the sheet: its buttons go
/// wherever it stands, and it says why.
///
/// # Errors
/// The disk.
pub fn question_void(
    roster: &Roster,
    group: &mut Group,
    campaign: &Campaign,
    number: u32,
    now: Timestamp,
) -> Result<(), StoreError> {
    let line = match (roster.config().language, campaign.gone, campaign.to_ask) {
        (Language::Vi, true, _) => "✏️ Chiến dịch đã bị xoá khỏi bảng, không cần duyệt nữa",
        (Language::En, true, _) => "✏️ The campaign was removed: there is nothing to approve",
        (Language::Vi, false, true) => "✏️ Nội dung đã được sửa, xin duyệt lại ở tin mới",
        (Language::En, false, true) => "✏️ It was changed: see the new question",
        (Language::Vi, false, false) => "✏️ Chiến dịch đã được rút lại, chưa cần duyệt",
        (Language::En, false, false) => "✏️ It was withdrawn: there is nothing to approve yet",
    };
    let closed = Closed {
        why: "the campaign was changed since".to_owned(),
        line: line.to_owned(),
    };
    close(roster, group, campaign, number, None, &closed, now)
}

/// What becomes of a question nobody is to answer any more.
struct Closed {
    /// Why it is not sent where it still waits.
    why: String,
    /// What it says where it stands.
    line: String,
}

fn close(
    roster: &Roster,
    group: &mut Group,
    campaign: &Campaign,
    number: u32,
    but: Option<&Who>,
    closed: &Closed,
    now: Timestamp,
) -> Result<(), StoreError> {
    let occasion = format!("{}#{number}", campaign.id);
    for (role, name) in deciders(roster)? {
        if but.is_some_and(|who| name == who.name()) {
            continue;
        }
        let key = MessageKey::new(NOTICE, 1, None, &role, &occasion);
        let Some(mut question) = roster.store().get::<Message>(&keys::message(&key))? else {
            continue;
        };
        match question.state {
            State::Queued => {
                let why = closed.why.clone();
                // It may go in this very moment; whoever presses a button of it is told.
                let by = but.map_or(By::Policy, |_| By::Hand);
                let _ = ledger::shift(group, &mut question, State::Cancelled, by, why, None);
            }
            State::InFlight | State::Delivered | State::InDoubt
                if question.channel == Channel::Telegram =>
            {
                let amendment = Amendment {
                    question: key,
                    line: closed.line.clone(),
                    due: now,
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

fn line(language: Language, campaign: &Campaign, who: &Who) -> String {
    let vietnamese = language == Language::Vi;
    let by = Actor::from(who.name()).said();
    let by = by
        .text(vietnamese)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    match (campaign.returned.is_some(), vietnamese) {
        (true, true) => format!("↩️ <b>{by}</b> đã trả lại chiến dịch"),
        (true, false) => format!("↩️ <b>{by}</b> sent the campaign back"),
        (false, true) => format!("✅ <b>{by}</b> đã duyệt"),
        (false, false) => format!("✅ <b>{by}</b> approved it"),
    }
}
