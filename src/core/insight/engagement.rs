//! How lively the contact with a customer is: by how long ago and how often somebody dealt with them.
//!
//! Shops ask how recently, how often and for how much somebody bought. A flat is bought once; what says
//! something about a buyer to be is when they were last in touch, and whether they ever really were.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::days_between;
use crate::core::record::{Kind, Record};
use crate::core::sheet::Value;

/// Dealt with within so many days, and more than once: hot.
const HOT_DAYS: f64 = 3.0;
/// So many interactions make a contact more than a name on a list.
const OFTEN: u64 = 2;
/// Within so many days: warm.
const WARM_DAYS: f64 = 14.0;
/// Was warm, and nothing for less than so many days: cooling. After that cold.
const COOLING_DAYS: f64 = 60.0;

/// A class of engagement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engagement {
    /// Dealt with in the last 3 days, and twice or more in all.
    Hot,
    /// Dealt with in the last 14 days, or with an appointment to come.
    Warm,
    /// Was really in touch once, and nothing for 14 to 60 days.
    Cooling,
    /// Nothing for longer, or never anything and nothing for 14 days.
    Cold,
}

impl Engagement {
    /// As conditions and templates name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Warm => "warm",
            Self::Cooling => "cooling",
            Self::Cold => "cold",
        }
    }
}

/// The stages in their order, and whether a deal is still open in each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course(Vec<(String, bool)>);

impl Course {
    /// The course of these stages.
    pub fn new(stages: impl IntoIterator<Item = (String, bool)>) -> Self {
        Self(stages.into_iter().collect())
    }

    /// The class of a record; none if the deal has ended or its stage is not known. `appointment` is the cell of
    /// that field, as read; `today` is the day of `now` where the company is.
    pub fn engagement(
        &self,
        record: &Record,
        appointment: Option<&Value>,
        today: Date,
        now: Timestamp,
    ) -> Option<Engagement> {
        let id = record.stage.as_ref()?;
        let place = self.0.iter().position(|(stage, _)| stage == id)?;
        if record.kind != Kind::Customer || !self.0[place].1 {
            return None;
        }
        let contact = Contact {
            active_at: record.active_at,
            events: record.events,
            moved_on: self.0[..place].iter().any(|(_, open)| *open),
            appointment: matches!(appointment, Some(Value::Date(when)) if when.date >= today),
        };
        Some(of(&contact, now))
    }
}

/// What the class goes by.
#[derive(Clone, Copy, Debug)]
pub struct Contact {
    /// When somebody last dealt with the customer: the start of the idle clock.
    pub active_at: Timestamp,
    /// Settled changes of the row so far.
    pub events: u64,
    /// Whether the deal has come further than the first stage.
    pub moved_on: bool,
    /// Whether an appointment is to come.
    pub appointment: bool,
}

/// The class of a customer whose deal is open.
pub fn of(contact: &Contact, now: Timestamp) -> Engagement {
    let quiet_days = days_between(contact.active_at, now);
    // That the row was added is an event, and no interaction yet.
    let interactions = contact.events.saturating_sub(1) + u64::from(contact.moved_on);
    if quiet_days <= HOT_DAYS && interactions >= OFTEN {
        Engagement::Hot
    } else if quiet_days <= WARM_DAYS || contact.appointment {
        Engagement::Warm
    } else if quiet_days <= COOLING_DAYS && interactions > 0 {
        Engagement::Cooling
    } else {
        Engagement::Cold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_by_recency_and_interaction() {
        for (quiet_days, events, moved_on, appointment, expected) in [
            (0, 1, false, false, "warm"), // new
            (2, 3, false, false, "hot"),
            (3, 2, true, false, "hot"),
            (2, 2, false, false, "warm"), // once is not often
            (4, 9, true, false, "warm"),
            (14, 0, false, false, "warm"),
            (15, 1, false, false, "cold"), // never more than added
            (15, 2, false, false, "cooling"),
            (15, 0, true, false, "cooling"), // at the first look further than the first stage
            (60, 5, true, false, "cooling"),
            (61, 5, true, false, "cold"),
            (61, 5, true, true, "warm"), // an appointment is to come
        ] {
            let now = Timestamp::from_second(10_000_000).unwrap();
            let contact = Contact {
                active_at: now - jiff::SignedDuration::from_hours(24 * quiet_days),
                events,
                moved_on,
                appointment,
            };
            let found = of(&contact, now).as_str();
            assert_eq!(found, expected, "{quiet_days} days, {events} events");
        }
    }
}
