//! What deciding goes by beside the record.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::Roster;
use crate::core::decide::{Context, Timer, timers_for};
use crate::core::handover::StandIns;
use crate::core::people::Directory;
use crate::core::record::{Kind, Record};
use crate::core::subscription::Subscriptions;

/// Everything that deciding goes by beside the record, read once for many decisions.
#[derive(Clone, Debug)]
pub struct Deciding {
    pub(super) directory: Directory,
    pub(super) stand_ins: Arc<StandIns>,
    pub(super) subscriptions: Subscriptions,
    pub(super) in_force: BTreeMap<String, Timestamp>,
    pub(super) nothing: BTreeMap<String, String>,
    pub(super) headers: BTreeMap<(String, i64), BTreeMap<String, String>>,
    pub(super) reckoned: Arc<Mutex<Reckoned>>,
}

/// Timers by kind, stage, and the start of the idle clock.
pub(super) type Reckoned = BTreeMap<(Kind, Option<String>, Timestamp), Vec<Timer>>;

impl Deciding {
    /// The timers of a record without dates. Counting working days takes its time, and at a first look
    /// thousands of rows entered their stage on the same few days.
    pub fn idle_timers(&self, cx: &Context<'_>, record: &Record) -> Vec<Timer> {
        let mut reckoned = self.reckoned.lock().unwrap_or_else(PoisonError::into_inner);
        let alike = (record.kind, record.stage.clone(), record.active_at);
        let timers = reckoned
            .entry(alike)
            .or_insert_with(|| timers_for(cx, record, &serde_json::Value::Null));
        let of_record = |timer: &Timer| Timer {
            record: Some(record.id.clone()),
            ..timer.clone()
        };
        timers.iter().map(of_record).collect()
    }

    /// The context of a decision about a record of a tab.
    pub fn context<'a>(
        &'a self,
        roster: &'a Roster,
        tab: Option<(&str, i64)>,
        now: Timestamp,
    ) -> Context<'a> {
        let headers =
            tab.and_then(|(workbook, sheet)| self.headers.get(&(workbook.to_owned(), sheet)));
        Context {
            now,
            calendar: &roster.config.calendar,
            rules: &roster.config.rules,
            in_force: &self.in_force,
            directory: &self.directory,
            stand_ins: &self.stand_ins,
            subscriptions: &self.subscriptions,
            fresh: roster.config.leads_fresh,
            trial: roster.config.trial.is_some(),
            headers: headers.unwrap_or(&self.nothing),
            stage_labels: &roster.stage_labels,
            private: &roster.private,
        }
    }
}
