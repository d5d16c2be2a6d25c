//! Messages to the managers that no rule names: a batch is held, something is out of reach.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::STAFF_CHANNEL;
use crate::core::delivery::State;
use crate::core::facts::local_text;
use crate::core::facts::message::TroubleFacts;
use crate::core::message::{Message, MessageKey, Recipient, Wanted};
use crate::core::people::{Colleague, Directory};
use crate::core::rule::{Channel, Fallback, Span};

/// A colleague's chat takes nothing any more: the managers hear of it, with the mend.
pub fn chat_died(
    directory: &Directory,
    name: &str,
    why: &str,
    zone: &TimeZone,
    now: Timestamp,
) -> Vec<Message> {
    let facts = TroubleFacts {
        service: Channel::Telegram.as_str().to_owned(),
        over: false,
        detail: Some(format!("{name}: {why}")),
        mend: Some(format!("sheetbridge invite \"{name}\"")),
        since: Some(local_text(now.to_zoned(zone.clone()).datetime())),
        waiting: 0,
    };
    let extra = serde_json::json!({ "trouble": facts });
    to_managers(
        directory,
        "trouble",
        "trouble",
        &format!("chat of {name} {now}"),
        &extra,
        now,
    )
}

/// The same notice to somebody else.
pub fn to_one(notice: &Message, person: &Colleague) -> Message {
    let parts: Vec<&str> = notice.key.as_str().splitn(5, '/').collect();
    let occasion = parts.last().copied().unwrap_or_default();
    let role = format!("colleague:{}", person.name);
    Message {
        key: MessageKey::new(&notice.rule, notice.step, None, &role, occasion),
        to: Recipient::Staff(person.name.clone()),
        channel: STAFF_CHANNEL,
        ..notice.clone()
    }
}

/// One message to each manager, at any hour; to `[alerts] email` if there is none.
///
/// `id` stands where a rule's id would in the key, `extra` holds the top-level names that the
/// template reads.
pub fn to_managers(
    directory: &Directory,
    id: &str,
    template: &str,
    occasion: &str,
    extra: &Value,
    now: Timestamp,
) -> Vec<Message> {
    let mut people: Vec<(String, Recipient)> = directory
        .managers()
        .map(|person| {
            (
                format!("managers:{}", person.name),
                Recipient::Staff(person.name.clone()),
            )
        })
        .collect();
    if people.is_empty() {
        people.push(("managers".into(), Recipient::Alerts));
    }
    people
        .into_iter()
        .map(|(role, to)| message((role, to), id, template, occasion, extra, now))
        .collect()
}

/// One message to one of the company's people, at any hour; otherwise as [`to_managers`].
pub fn to_colleague(
    person: &Colleague,
    id: &str,
    template: &str,
    occasion: &str,
    extra: &Value,
    now: Timestamp,
) -> Message {
    let to = (
        format!("colleague:{}", person.name),
        Recipient::Staff(person.name.clone()),
    );
    message(to, id, template, occasion, extra, now)
}

fn message(
    (role, to): (String, Recipient),
    id: &str,
    template: &str,
    occasion: &str,
    extra: &Value,
    now: Timestamp,
) -> Message {
    Message {
        key: MessageKey::new(id, 1, None, &role, occasion),
        rule: id.to_owned(),
        step: 1,
        record: None,
        channel: if to == Recipient::Alerts {
            Channel::Email
        } else {
            STAFF_CHANNEL
        },
        to,
        otherwise: vec![Fallback::By(Channel::Email)],
        template: template.to_owned(),
        event: extra.clone(),
        ad: false,
        urgent: true,
        held_until: None,
        wanted: Wanted::Always,
        created: now,
        due: now,
        expires: now.saturating_add(Span::days(3).duration()).unwrap_or(now),
        state: State::Queued,
        why: String::new(),
        frozen: None,
        attempts: Vec::new(),
        hands: Vec::new(),
        trial: false,
    }
}
