//! What policy says of a message now. The outbox asks before each send, and `explain` and `outbox show` ask the same.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::paused_by;
use crate::core::message::{Address, Message, Recipient};
use crate::core::policy::{self, Answer, PolicyInput, Refusal, Refusing};
use crate::core::record::Record;
use crate::roster::Roster;
use crate::store::StoreError;
use crate::store::keys::{self, prefix};
use crate::store::suppression::{Suppression, SuppressionSource, address_hash};

/// Asks policy about a message, with all that the store knows. `facts` are those of `record`, `address` is where the
/// message would go, as far as that is known.
///
/// # Errors
/// The disk.
pub fn judge(
    roster: &Roster,
    message: &Message,
    record: Option<&Record>,
    facts: &Value,
    address: Option<&Address>,
    now: Timestamp,
) -> Result<Answer, StoreError> {
    let suppressed = address
        .map(|address| suppression(roster, address))
        .transpose()?
        .flatten();
    let opted_out = opted_out(roster, message, record, facts)?;
    let paused = paused_by(roster.store(), message)?;
    let ads_sent = match address.filter(|_| message.ad) {
        Some(address) => ads_sent(roster, address, now)?,
        None => Vec::new(),
    };
    let dates: BTreeMap<String, Vec<String>> = facts
        .as_object()
        .map(|names| {
            let text = |(name, value): (&String, &Value)| {
                Some((name.clone(), vec![value.as_str()?.to_owned()]))
            };
            names.iter().filter_map(text).collect()
        })
        .unwrap_or_default();
    Ok(policy::look(&PolicyInput {
        now,
        calendar: &roster.config().calendar,
        message,
        record,
        dates: &dates,
        suppressed: suppressed.as_ref(),
        opted_out: opted_out.as_ref(),
        consent: roster.consent(facts)?.given(),
        ads_sent: &ads_sent,
        paused: paused.as_deref(),
        // A day that its author fixed may be a holiday (SEMANTICS 20).
        fixed_time: message
            .frozen
            .as_ref()
            .is_some_and(|frozen| frozen.values["fixed"] == true),
    }))
}

fn suppression(roster: &Roster, address: &Address) -> Result<Option<Refusal>, StoreError> {
    let standing = roster.suppression_of(&address.expose())?;
    Ok(standing.as_ref().map(refusal))
}

/// An opt-out of any phone of the person covers everyone on it (SEMANTICS 23).
fn opted_out(
    roster: &Roster,
    message: &Message,
    record: Option<&Record>,
    facts: &Value,
) -> Result<Option<Refusal>, StoreError> {
    if message.to != Recipient::Customer {
        return Ok(None);
    }
    if facts["no_ads"].as_bool() == Some(true) {
        return Ok(Some(Refusal {
            of: Refusing::Ads,
            why: "the opt-out cell of the row is set".into(),
        }));
    }
    let Some(record) = record else {
        return Ok(None);
    };
    let standing = roster.suppressed_phone(record)?;
    Ok(standing.as_ref().map(refusal))
}

fn ads_sent(
    roster: &Roster,
    address: &Address,
    now: Timestamp,
) -> Result<Vec<Timestamp>, StoreError> {
    let store = roster.store();
    let under = keys::under(
        prefix::SENT,
        format!("{}/", address_hash(store, &address.expose())?),
    );
    let day_ago = now
        .saturating_sub(SignedDuration::from_hours(24))
        .unwrap_or(now);
    store
        .scan::<Timestamp>(&under)
        .map(|entry| entry.map(|(_, at)| at))
        .filter(|at| !matches!(at, Ok(at) if *at < day_ago))
        .collect()
}

/// What a standing suppression says to a message.
pub(super) fn refusal(standing: &Suppression) -> Refusal {
    match &standing.source {
        SuppressionSource::Cell { .. } => Refusal {
            of: Refusing::Ads,
            why: format!("opted out by the cell of a row on {}", standing.at),
        },
        SuppressionSource::Link { .. } => Refusal {
            of: Refusing::Ads,
            why: format!("opted out by the link in a mail on {}", standing.at),
        },
        SuppressionSource::Bounce { said } => Refusal {
            of: Refusing::Everything,
            why: format!("the address takes no mail since {}: {said}", standing.at),
        },
        SuppressionSource::Hand {
            by,
            everything,
            why,
        } => {
            let of = if *everything {
                Refusing::Everything
            } else {
                Refusing::Ads
            };
            let because = why
                .as_ref()
                .map(|why| format!(": {why}"))
                .unwrap_or_default();
            Refusal {
                of,
                why: format!("suppressed by {by} on {}{because}", standing.at),
            }
        }
    }
}
