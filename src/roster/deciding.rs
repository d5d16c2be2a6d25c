//! What deciding goes by beside the record.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Roster;
use crate::core::decide::Context;
use crate::core::people::Directory;

/// Everything that deciding goes by beside the record, read once for many decisions.
#[derive(Clone, Debug)]
pub struct Deciding {
    pub(super) directory: Directory,
    pub(super) in_force: BTreeMap<String, Timestamp>,
    pub(super) nothing: BTreeMap<String, String>,
    pub(super) headers: BTreeMap<(String, i64), BTreeMap<String, String>>,
}

impl Deciding {
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
            fresh: roster.config.leads_fresh,
            trial: roster.config.trial.is_some(),
            headers: headers.unwrap_or(&self.nothing),
            stage_labels: &roster.stage_labels,
            private: &roster.private,
        }
    }
}
