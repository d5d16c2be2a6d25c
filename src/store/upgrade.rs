//! Stores of earlier formats become one of this format when they are opened, in one commit.
//!
//! - 1 → 2: the order of a tab's rows was one JSON value; it is in chunks now, with fingerprints
//!   and what the rows' JSON is known by. Both are made anew at the next poll. Records of unclear
//!   identity have a list.
//! - 2 → 3: there is a tally of everything, messages and the journal may be packed away. Nothing is
//!   rewritten; but a program that keeps no tally must not write to it any more.
//! - 3 → 4: the queue was one for all, by due time; it is in lanes now.
//! - 4 → 5: messages are packed with a dictionary, and entries of the queue have no value. Nothing is rewritten: what
//!   format 4 wrote is read as before.
//! - 5 → 6: a commit may be in the redo log alone until the next checkpoint. Nothing is rewritten; but a program that
//!   does not read the log must not open the store any more.

use serde::Deserialize;

use super::keys::{self, prefix};
use super::order::{Order, OrderRow};
use super::{FORMAT, Group, Plan, Store, StoreError};
use crate::core::delivery::State;
use crate::core::message::{Message, MessageKey};
use crate::core::record::{Kind, RecordId};

/// The oldest format that can be upgraded.
pub(super) const OLDEST: u32 = 1;

/// The oldest format that keeps a tally.
pub(super) const WITH_TALLY: u32 = 3;

/// The order of a tab as format 1 kept it.
#[derive(Deserialize)]
struct OldOrder {
    kind: Kind,
    rows: Vec<(u32, RecordId)>,
}

impl Store {
    /// Upgrades what is there; does nothing in a store of this format.
    pub(super) fn upgrade(&self) -> Result<(), StoreError> {
        let key = keys::under(prefix::META, "format");
        let found = self.get::<u32>(&key)?;
        if found == Some(FORMAT) {
            return Ok(());
        }
        let mut groups = Vec::new();
        if found == Some(1) {
            self.upgrade_from_one(&mut groups)?;
        }
        let mut plan = self.plan();
        for group in groups {
            plan.add(group)?;
        }
        self.upgrade_queue(&mut plan)?;
        let mut format = Group::default();
        format.put(key, &FORMAT);
        plan.add(format)?;
        plan.commit()
    }

    /// Puts each queued message into its lane. Keys of the old queue go on with a due time, which begins with a zero
    /// byte until long after the year 2000; lanes begin with a letter.
    fn upgrade_queue(&self, plan: &mut Plan<'_>) -> Result<(), StoreError> {
        let old = keys::under(prefix::DUE, [0]);
        for entry in self.scan::<MessageKey>(&old) {
            let (entry, key) = entry?;
            let mut group = Group::default();
            group.remove(entry);
            let message: Option<Message> = self.get(&keys::message(&key))?;
            if let Some(message) = message.filter(|message| message.state == State::Queued) {
                group.put_due(&message);
            }
            plan.add(group)?;
        }
        Ok(())
    }

    fn upgrade_from_one(&self, groups: &mut Vec<Group>) -> Result<(), StoreError> {
        for entry in self.scan::<OldOrder>(prefix::ORDER) {
            let (at, old) = entry?;
            let name = String::from_utf8_lossy(&at[prefix::ORDER.len()..]).into_owned();
            let place = name
                .rsplit_once('/')
                .and_then(|(workbook, sheet)| Some((workbook, sheet.parse().ok()?)));
            let Some((workbook, sheet)) = place else {
                return Err(StoreError::Value {
                    key: String::from_utf8_lossy(&at).into_owned(),
                    why: "it names no workbook and tab".into(),
                });
            };
            let mut order = Order::new(old.kind, 0, 0);
            for (row, id) in old.rows {
                // An id that was not minted cannot stand in a row.
                let Some(number) = id.number() else { continue };
                order.push(&OrderRow {
                    number,
                    print: 0,
                    json: 0,
                    row,
                });
            }
            // The head takes the place of the old value.
            self.write_order((workbook, sheet), None, &order, groups);
        }
        for record in self.records() {
            let record = record?;
            if record.ambiguous_since.is_some() {
                let mut group = Group::default();
                group.put(keys::under(prefix::UNCLEAR, record.id.as_str()), &());
                groups.push(group);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::decide::notice;
    use crate::core::people::Directory;
    use crate::store::ledger;

    #[test]
    fn what_waited_in_the_queue_of_format_3_waits_in_its_lane() {
        let dir = tempfile::tempdir().unwrap();
        let at = jiff::Timestamp::from_second(1_800_000_000).unwrap();
        let facts = serde_json::Value::Null;
        let nobody = Directory::default();
        let message = notice::to_managers(&nobody, "held", "t", "o", &facts, at).remove(0);
        {
            let store = Store::open(dir.path()).unwrap();
            let mut group = Group::default();
            ledger::queue(&store, &mut group, &message).unwrap();
            group.remove(keys::due(&message));
            group.put(
                keys::timed(prefix::DUE, at, message.key.as_str()),
                &message.key,
            );
            let gone = MessageKey::from_text("gone/1/-/managers/o");
            group.put(keys::timed(prefix::DUE, at, gone.as_str()), &gone);
            group.put(keys::under(prefix::META, "format"), &3);
            store.commit(vec![group]).unwrap();
        }
        let store = Store::open(dir.path()).unwrap();
        let keys: Vec<_> = store.keys(prefix::DUE).collect::<Result<_, _>>().unwrap();
        assert_eq!(keys, [keys::due(&message)]);
        let format: Option<u32> = store.get(b"meta/format").unwrap();
        assert_eq!(format, Some(FORMAT));
    }
}
