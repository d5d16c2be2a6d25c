//! `getUpdates` and the webhook that stands in its way.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::Shared;
use super::super::params::Params;
use super::super::refusal::{Answer, Refusal};
use super::super::world::{Webhook, World};

const OTHER_POLL: &str =
    "terminated by other getUpdates request; make sure that only one bot instance is running";
const WEBHOOK: &str = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
/// Telegram holds a poll this long at most.
const LONGEST_POLL: u64 = 50;

/// Waits for updates. A newer call ends an older one that still waits, which gets the 409.
pub(super) async fn get(shared: &Shared, params: &Params) -> Answer {
    let offset = params.number("offset").unwrap_or(0);
    let limit = usize::try_from(params.number("limit").unwrap_or(100))
        .unwrap_or(100)
        .clamp(1, 100);
    let timeout = u64::try_from(params.number("timeout").unwrap_or(0))
        .unwrap_or(0)
        .min(LONGEST_POLL);
    let allowed: Option<Vec<String>> = params.json("allowed_updates", "allowed updates")?;
    {
        let mut world = shared.world();
        if world.webhook.is_some() {
            return Err(Refusal::conflict(WEBHOOK));
        }
        if let Some(allowed) = allowed {
            world.allowed = (!allowed.is_empty()).then(|| allowed.into_iter().collect());
        }
        confirm(&mut world, offset);
    }
    let turn = shared.begin_poll();
    let mut turns = shared.polls.subscribe();
    let mut revision = shared.revision.subscribe();
    let deadline = Instant::now() + Duration::from_secs(timeout);
    loop {
        revision.mark_unchanged();
        let waiting: Vec<Value> = shared
            .world()
            .updates
            .iter()
            .take(limit)
            .map(|update| update.body.clone())
            .collect();
        if !waiting.is_empty() {
            return Ok(json!(waiting));
        }
        tokio::select! {
            _ = revision.changed() => {}
            _ = turns.wait_for(|now| *now != turn) => {
                let webhook = shared.world().webhook.is_some();
                let why = if webhook { "terminated by setWebhook request" } else { OTHER_POLL };
                return Err(Refusal::conflict(why));
            }
            () = tokio::time::sleep_until(deadline) => return Ok(json!([])),
            () = shared.stop.cancelled() => return Ok(json!([])),
        }
    }
}

/// An offset confirms everything before it; a negative one keeps so many of the last.
fn confirm(world: &mut World, offset: i64) {
    if offset < 0 {
        let keep = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
        let drop = world.updates.len().saturating_sub(keep);
        world.updates.drain(..drop);
        return;
    }
    while world
        .updates
        .front()
        .is_some_and(|update| update.id < offset)
    {
        world.updates.pop_front();
    }
}

pub(super) fn set_webhook(world: &mut World, params: &Params) -> Answer {
    let url = params.text("url").unwrap_or_default();
    if params.flag("drop_pending_updates") {
        world.updates.clear();
    }
    if url.is_empty() {
        world.webhook = None;
        return Ok(json!(true));
    }
    if !url.starts_with("https://") {
        return Err(Refusal::bad(
            "bad webhook: An HTTPS URL must be provided for webhook",
        ));
    }
    if let Some(allowed) = params.json::<Vec<String>>("allowed_updates", "allowed updates")? {
        world.allowed = (!allowed.is_empty()).then(|| allowed.into_iter().collect());
    }
    world.webhook = Some(Webhook {
        url,
        max_connections: params.number("max_connections").unwrap_or(40),
    });
    Ok(json!(true))
}

pub(super) fn delete_webhook(world: &mut World, params: &Params) -> Value {
    if params.flag("drop_pending_updates") {
        world.updates.clear();
    }
    world.webhook = None;
    json!(true)
}

pub(super) fn webhook_info(world: &World) -> Value {
    let mut info = json!({
        "url": "",
        "has_custom_certificate": false,
        "pending_update_count": world.updates.len(),
    });
    if let Some(webhook) = &world.webhook {
        info["url"] = json!(webhook.url);
        info["max_connections"] = json!(webhook.max_connections);
    }
    if let Some(allowed) = &world.allowed {
        info["allowed_updates"] = json!(allowed);
    }
    info
}
