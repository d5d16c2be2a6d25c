//! People whom several of the company claim, and what the managers decided. Names of colleagues and ids of records
//! only: nothing of the customer.

use super::keys::{self, Key, prefix};
use super::{Group, Store, StoreError};
use crate::core::claim::Claim;
use crate::core::record::RecordId;

fn claim_key(id: &str) -> Key {
    keys::under(prefix::CLAIM, id)
}

fn of_record(record: &RecordId) -> Key {
    keys::under(prefix::CLAIM_OF, record.as_str())
}

impl Group {
    /// Writes a claim, so that it is found by each of its rows.
    pub fn put_claim(&mut self, claim: &Claim) {
        self.put(claim_key(&claim.id), claim);
        for record in &claim.records {
            self.put(of_record(record), &claim.id);
        }
    }

    /// A record is no row of its claim any more.
    pub fn leave_claim(&mut self, record: &RecordId) {
        self.remove(of_record(record));
    }
}

impl Store {
    /// A claim by its id.
    ///
    /// # Errors
    /// The disk.
    pub fn claim(&self, id: &str) -> Result<Option<Claim>, StoreError> {
        self.get(&claim_key(id))
    }

    /// The claim of which a record is a row.
    ///
    /// # Errors
    /// The disk.
    pub fn claim_of(&self, record: &RecordId) -> Result<Option<Claim>, StoreError> {
        match self.get::<String>(&of_record(record))? {
            Some(id) => self.claim(&id),
            None => Ok(None),
        }
    }

    /// All of them, the oldest first.
    ///
    /// # Errors
    /// The disk.
    pub fn claims(&self) -> Result<Vec<Claim>, StoreError> {
        let mut claims: Vec<Claim> = self
            .scan::<Claim>(prefix::CLAIM)
            .map(|entry| entry.map(|(_, claim)| claim))
            .collect::<Result<_, _>>()?;
        claims.sort_by(|one, other| (one.opened, &one.id).cmp(&(other.opened, &other.id)));
        Ok(claims)
    }

    /// Forgets claims of which no record is left.
    ///
    /// # Errors
    /// The disk.
    pub fn forget_claims(&self) -> Result<(), StoreError> {
        let mut groups = Vec::new();
        for claim in self.claims()? {
            let mut left = false;
            for record in &claim.records {
                left |= self.record(record)?.is_some();
            }
            if !left {
                let mut group = Group::default();
                group.remove(claim_key(&claim.id));
                for record in &claim.records {
                    group.remove(of_record(record));
                }
                groups.push(group);
            }
        }
        self.commit(groups)
    }
}
