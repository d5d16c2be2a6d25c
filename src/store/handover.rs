//! Who stands in for a colleague who has handed their customers over: an index of the handovers, and who took which
//! record. The index is written last and removed first, so whoever reads it finds everything it speaks of.

use super::keys::{self, Key, prefix};
use super::{Group, Store, StoreError};
use crate::core::handover::{Handover, Shares, StandIns};
use crate::core::record::RecordId;

/// Where the index is kept.
pub fn index_key() -> Key {
    keys::under(prefix::META, "handovers")
}

fn of(id: &str) -> Key {
    keys::under(prefix::HANDOVER, format!("{id}/"))
}

/// Where it is kept who took over a record.
pub fn share_key(id: &str, record: &RecordId) -> Key {
    keys::under(&of(id), record.as_str())
}

impl Store {
    /// The handovers that stand, the oldest first.
    ///
    /// # Errors
    /// The disk.
    pub fn handovers(&self) -> Result<Vec<Handover>, StoreError> {
        Ok(self.get(&index_key())?.unwrap_or_default())
    }

    /// Who took over which record by a handover.
    ///
    /// # Errors
    /// The disk.
    pub fn shares(&self, id: &str) -> Result<Shares, StoreError> {
        let under = of(id);
        let mut shares = Shares::new();
        for entry in self.scan::<String>(&under) {
            let (key, to) = entry?;
            let record = String::from_utf8_lossy(&key[under.len()..]).into_owned();
            shares.insert(RecordId::new(&record), to);
        }
        Ok(shares)
    }

    /// All of it, for reading.
    ///
    /// # Errors
    /// The disk.
    pub fn stand_ins(&self) -> Result<StandIns, StoreError> {
        let mut all = Vec::new();
        for handover in self.handovers()? {
            let shares = self.shares(&handover.id)?;
            all.push((handover, shares));
        }
        Ok(StandIns::new(all))
    }

    /// The index with one more; to be written after its shares.
    ///
    /// # Errors
    /// The disk.
    pub fn put_handover(&self, group: &mut Group, handover: &Handover) -> Result<(), StoreError> {
        let mut all = self.handovers()?;
        all.retain(|one| one.from != handover.from);
        all.push(handover.clone());
        group.put(index_key(), &all);
        Ok(())
    }

    /// The index with one less, and then its shares.
    ///
    /// # Errors
    /// The disk.
    pub fn forget_handover(&self, id: &str) -> Result<Vec<Group>, StoreError> {
        let mut all = self.handovers()?;
        all.retain(|one| one.id != id);
        let mut index = Group::default();
        index.put(index_key(), &all);
        let mut groups = vec![index];
        for key in self.keys(&of(id)) {
            let mut group = Group::default();
            group.remove(key?);
            groups.push(group);
        }
        Ok(groups)
    }
}
