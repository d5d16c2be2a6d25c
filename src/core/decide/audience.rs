//! From a step of a rule to messages: one to each person it means.

use serde_json::{Value, json};

use super::{Context, Decision, Firing, STAFF_CHANNEL};
use crate::core::change::FieldChange;
use crate::core::delivery::State;
use crate::core::message::{Message, MessageKey, Recipient, Wanted};
use crate::core::people::{Colleague, Role};
use crate::core::record::Record;
use crate::core::rule::{Audience, Channel, Fallback, Rule, Span, Step, Trigger};
use crate::core::sheet::owner;

/// The messages of one step, with their roles in the key.
///
/// The role of an owner is `owner`, whoever that is: a change of owner makes no new key for a
/// step already sent (SEMANTICS 12).
pub(super) fn messages(
    cx: &Context<'_>,
    firing: &Firing<'_>,
    step: &Step,
    facts: &Value,
) -> Vec<Message> {
    let mut to = match step.to {
        Audience::Next => next_one(cx, firing, step, facts),
        _ => recipients(cx, &step.to, &step.otherwise, facts),
    };
    if step.to == Audience::Owner && alerts_of_new_lead(firing, step, false) {
        with_duty(cx, &mut to, facts);
    }
    let mut found: Vec<Message> = to
        .into_iter()
        .map(|(role, to)| message(cx, firing, step, &role, to))
        .collect();
    if step.to == Audience::Customer && step.hold.is_some() {
        let notices: Vec<Message> = found
            .iter()
            .flat_map(|held| hold_notice(cx, firing, step, held, facts))
            .collect();
        found.extend(notices);
    }
    found
}

/// Who is meant, with the role each has in the message key.
pub(super) fn recipients(
    cx: &Context<'_>,
    to: &Audience,
    otherwise: &[Fallback],
    facts: &Value,
) -> Vec<(String, Recipient)> {
    match to {
        Audience::Customer => vec![("customer".into(), Recipient::Customer)],
        Audience::Staff(name) => vec![(format!("staff:{name}"), Recipient::Staff(name.clone()))],
        Audience::Managers => managers(cx),
        Audience::Duty => match on_duty(cx, &[]) {
            duty if duty.is_empty() => nobody_in_charge(cx, otherwise, facts),
            duty => duty,
        },
        // Of a fallback nobody can tell whom it follows.
        Audience::Next => nobody_in_charge(cx, otherwise, facts),
        Audience::Owner => {
            let count = cx.directory.owners(&owner_names(facts)).len();
            if count == 0 {
                return nobody_in_charge(cx, otherwise, facts);
            }
            (0..u8::try_from(count).unwrap_or(u8::MAX))
                .map(|n| {
                    let role = if n == 0 {
                        "owner".to_owned()
                    } else {
                        format!("owner+{n}")
                    };
                    (role, Recipient::Owner(n))
                })
                .collect()
        }
    }
}

/// Without an owner in the staff list: `else`, then the managers. Nobody loses a message (SEMANTICS 25).
fn nobody_in_charge(
    cx: &Context<'_>,
    otherwise: &[Fallback],
    facts: &Value,
) -> Vec<(String, Recipient)> {
    let next = otherwise.iter().find_map(|fallback| match fallback {
        Fallback::To(Audience::Owner | Audience::Duty | Audience::Next) | Fallback::By(_) => None,
        Fallback::To(audience) => Some(audience),
    });
    match next {
        Some(audience) => recipients(cx, audience, &[], facts),
        None => managers(cx),
    }
}

/// Who is on duty now and not among those already told, with the role each has in the message key.
fn on_duty(cx: &Context<'_>, told: &[&str]) -> Vec<(String, Recipient)> {
    let duty = cx.calendar.on_duty(cx.now).into_iter();
    duty.filter(|name| !told.contains(name))
        .map(|name| (format!("duty:{name}"), Recipient::Staff(name.to_owned())))
        .collect()
}

/// Outside of working hours a new lead goes to whoever is on duty as well; and to them, not to the managers, if nobody
/// is in charge of it.
fn with_duty(cx: &Context<'_>, to: &mut Vec<(String, Recipient)>, facts: &Value) {
    let names = owner_names(facts);
    let owners = cx.directory.owners(&names);
    let told: Vec<&str> = owners.iter().map(|person| person.name.as_str()).collect();
    let duty = on_duty(cx, &told);
    if duty.is_empty() {
        return;
    }
    if owners.is_empty() {
        to.clear();
    }
    to.extend(duty);
}

/// The colleague whose turn it is when nobody has reacted: outside of working hours who is on duty, else the one of the
/// same team who follows in the staff list. Without one, the managers.
fn next_one(
    cx: &Context<'_>,
    firing: &Firing<'_>,
    step: &Step,
    facts: &Value,
) -> Vec<(String, Recipient)> {
    let names = owner_names(facts);
    let owners = cx.directory.owners(&names);
    let first = owners.first();
    let steps = firing
        .rule
        .escalate
        .iter()
        .take_while(|one| one.number != step.number);
    let before = steps.filter(|one| one.to == Audience::Next).count();
    let team = first.and_then(|owner| owner.team.as_ref());
    let mates: Vec<&Colleague> = cx
        .directory
        .all()
        .iter()
        .filter(|one| matches!(one.role, Role::Staff | Role::Leader) && one.team.as_ref() == team)
        .collect();
    // After the one in charge, and round to the beginning.
    let start = first
        .and_then(|owner| mates.iter().position(|mate| mate.name == owner.name))
        .map_or(0, |at| at + 1);
    let round = (0..mates.len()).map(|n| mates[(start + n) % mates.len()]);
    let told: Vec<&str> = owners.iter().map(|person| person.name.as_str()).collect();
    let duty = on_duty(cx, &told).into_iter();
    let mates = round
        .filter(|mate| !told.contains(&mate.name.as_str()))
        .map(|mate| {
            (
                format!("next:{}", mate.name),
                Recipient::Staff(mate.name.clone()),
            )
        });
    let mut seen: Vec<Recipient> = Vec::new();
    let mut turns = duty.chain(mates).filter(|(_, to)| {
        let new = !seen.contains(to);
        seen.push(to.clone());
        new
    });
    match turns.nth(before) {
        Some(turn) => vec![turn],
        None => nobody_in_charge(cx, &step.otherwise, facts),
    }
}

fn managers(cx: &Context<'_>) -> Vec<(String, Recipient)> {
    let mut found: Vec<(String, Recipient)> = cx
        .directory
        .managers()
        .map(|person| {
            (
                format!("managers:{}", person.name),
                Recipient::Staff(person.name.clone()),
            )
        })
        .collect();
    if found.is_empty() {
        found.push(("managers".into(), Recipient::Alerts));
    }
    found
}

/// The names in the owner cell.
pub fn owner_names(facts: &Value) -> Vec<String> {
    facts["owners"]
        .as_array()
        .map(|names| {
            names
                .iter()
                .filter_map(|name| name.as_str().map(String::from))
                .collect()
        })
        .unwrap_or_default()
}

fn message(
    cx: &Context<'_>,
    firing: &Firing<'_>,
    step: &Step,
    role: &str,
    to: Recipient,
) -> Message {
    let to_customer = to == Recipient::Customer;
    let hold = step.hold.filter(|_| to_customer);
    let due = cx
        .now
        .saturating_add(hold.unwrap_or_default().duration())
        .unwrap_or(cx.now);
    let urgent = step.urgent || alerts_of_new_lead(firing, step, to_customer);
    // What falls due on the eve of Tết is not too old when work begins again.
    let opens = if to_customer || urgent {
        due
    } else {
        cx.calendar.next_work(due)
    };
    Message {
        key: in_ledger(cx, firing.key(step.number, role)),
        rule: firing.rule.id.clone(),
        step: step.number,
        record: firing.record.map(|record| record.id.clone()),
        // Alerts have a mailbox and nothing else.
        channel: if to == Recipient::Alerts {
            Channel::Email
        } else {
            step.channel
        },
        to,
        otherwise: step.otherwise.clone(),
        template: step.template.clone(),
        event: json!({ "event": firing.event }),
        ad: step.ad,
        urgent,
        held_until: hold.map(|_| due),
        wanted: firing.wanted.clone(),
        created: cx.now,
        due,
        expires: opens
            .saturating_add(firing.valid_for(to_customer).duration())
            .unwrap_or(opens),
        state: State::Queued,
        why: String::new(),
        frozen: None,
        attempts: Vec::new(),
        hands: Vec::new(),
        trial: cx.trial,
    }
}

/// Colleagues hear of a new lead at any time (SEMANTICS 20); what reminds them of it later can wait.
fn alerts_of_new_lead(firing: &Firing<'_>, step: &Step, to_customer: bool) -> bool {
    matches!(firing.rule.on, Trigger::Added) && step.after.is_none() && !to_customer
}

/// The trial has a ledger of its own, so that what it used up is free when it ends (SEMANTICS 38).
fn in_ledger(cx: &Context<'_>, key: MessageKey) -> MessageKey {
    if cx.trial {
        MessageKey::from_text(format!("trial:{key}"))
    } else {
        key
    }
}

/// Tells the owner that a mail to the customer waits, with [Đúng, gửi ngay] [Chọn nhầm] (SEMANTICS 18).
fn hold_notice(
    cx: &Context<'_>,
    firing: &Firing<'_>,
    step: &Step,
    held: &Message,
    facts: &Value,
) -> Vec<Message> {
    let otherwise = [Fallback::To(Audience::Managers)];
    recipients(cx, &Audience::Owner, &otherwise, facts)
        .into_iter()
        .map(|(role, to)| {
            let notice = Step {
                number: step.number,
                channel: STAFF_CHANNEL,
                to: Audience::Owner,
                otherwise: vec![
                    Fallback::By(Channel::Email),
                    Fallback::To(Audience::Managers),
                ],
                template: "hold-notice".into(),
                urgent: true,
                ad: false,
                hold: None,
                after: None,
            };
            let mut notice = message(cx, firing, &notice, &format!("notice-{role}"), to);
            // The subject and the masked address are filled in when the notice goes out.
            notice.event["hold"] = json!({ "key": held.key, "until": cx.local(held.due) });
            // Pointless once the mail has gone.
            notice.expires = held.due;
            notice
        })
        .collect()
}

/// A change of owner tells the new one (SEMANTICS 12).
pub(super) fn tell_new_owner(
    cx: &Context<'_>,
    record: &Record,
    changes: &[FieldChange],
    facts: &Value,
    decision: &mut Decision,
) {
    let Some(change) = changes.iter().find(|change| change.field == "owner") else {
        return;
    };
    let before = owner::read(&change.before).value().unwrap_or_default();
    // Who has stood in for the one before knows the customer already.
    let before = cx.stand_ins.owners(&record.id, before);
    let before = cx.directory.owners(&before);
    let now = cx.directory.owners(&owner_names(facts));
    // The same person written differently, or one of two who stays, is told nothing new.
    let is_new = |n: usize| {
        now.get(n)
            .is_some_and(|person| before.iter().all(|other| other.name != person.name))
    };
    let rule = Rule {
        id: "owner-changed".into(),
        on: Trigger::Changed {
            fields: vec!["owner".into()],
        },
        when: None,
        send: Vec::new(),
        escalate: Vec::new(),
        series: Vec::new(),
        ends: None,
        valid_for: Some(Span::days(3)),
        settle: None,
        at: "built in".into(),
    };
    let step = Step {
        number: 1,
        channel: STAFF_CHANNEL,
        to: Audience::Owner,
        otherwise: vec![Fallback::By(Channel::Email)],
        template: "owner-changed".into(),
        urgent: false,
        ad: false,
        hold: None,
        after: None,
    };
    let occasion = format!("owner #{}", record.events);
    let firing = Firing::new(cx, &rule, record, occasion, Wanted::Row);
    // Nobody in the staff list: the managers hear of that with the next message, not of this.
    let told = messages(cx, &firing, &step, facts)
        .into_iter()
        .filter(|message| matches!(message.to, Recipient::Owner(n) if is_new(usize::from(n))));
    decision.messages.extend(told);
}
