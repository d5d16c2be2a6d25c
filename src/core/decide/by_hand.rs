//! What somebody has said by hand that a schedule would have said by itself.

use serde_json::Value;

use super::{Context, Decision, Firing};
use crate::core::facts::message::EventFacts;
use crate::core::message::{Message, Wanted};
use crate::core::rule::Rule;

/// The messages of a schedule now, because somebody wants them now: at any hour, and of an occasion of their own, so
/// that the schedule's next time comes all the same. Its condition is not asked.
pub fn schedule_by_hand(cx: &Context<'_>, rule: &Rule, facts: &Value) -> Vec<Message> {
    let mut decision = Decision::default();
    let firing = Firing {
        rule,
        record: None,
        event: EventFacts {
            at: Some(cx.local(cx.now)),
            ..EventFacts::default()
        },
        occasion: format!("by hand {}", cx.local(cx.now)),
        wanted: Wanted::Always,
    };
    firing.tell(cx, &rule.send, facts, &mut decision);
    for message in &mut decision.messages {
        message.urgent = true;
    }
    decision.messages
}
