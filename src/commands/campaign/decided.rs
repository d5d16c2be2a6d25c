//! What the other chats in which a question stands are told once it is answered.

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
use crate::store::{Group, ledger};

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
    let occasion = format!("{}#{number}", campaign.id);
    for (role, name) in deciders(roster)? {
        if name == who.name() {
            continue;
        }
        let key = MessageKey::new(NOTICE, 1, None, &role, &occasion);
        let Some(mut question) = roster.store().get::<Message>(&keys::message(&key))? else {
            continue;
        };
        match question.state {
            State::Queued => {
                let why = format!("{} has decided already", who.name());
                // It may go in this very moment; whoever presses a button of it is told.
                let _ = ledger::shift(group, &mut question, State::Cancelled, By::Hand, why, None);
            }
            State::InFlight | State::Delivered | State::InDoubt
                if question.channel == Channel::Telegram =>
            {
                let amendment = Amendment {
                    question: key,
                    line: line(roster.config().language, campaign, who),
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
