//! An audience only shrinks once it is approved (SEMANTICS 30): whoever has left the segment gets no mail, and one
//! whose address was corrected gets it there, unless another recipient has that address.

use std::sync::{Arc, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::Outbox;
use super::prepare::Next;
use crate::core::campaign::CampaignId;
use crate::core::campaign::segment::{History, Memo, Segment, Verdict};
use crate::core::delivery::State;
use crate::core::message::{Address, Frozen, Message, MessageKey, Recipient};
use crate::core::record::Record;
use crate::roster::Looking;
use crate::store::StoreError;
use crate::store::lanes::CAMPAIGN;
use crate::store::suppression::address_hash;

/// So long the headers of tabs are taken to be as they were.
const FRESH: SignedDuration = SignedDuration::from_secs(60);

/// The segment of an approved version.
#[derive(Debug)]
pub(super) struct Approved {
    /// The campaign's rule, and the question that was answered.
    of: (String, u64),
    segment: Segment,
    looking: Looking,
    made: Timestamp,
}

impl Outbox {
    /// What becomes of a campaign's mail whose row was edited since it was approved; none if it goes as it is. A
    /// mail that was tried goes where it went.
    pub(super) fn shrunk(
        &self,
        message: &Message,
        record: Option<&Record>,
        email: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<Next>, StoreError> {
        let (Some(record), Some(frozen)) = (record, &message.frozen) else {
            return Ok(None);
        };
        let of_campaign = message.rule.starts_with(CAMPAIGN) && message.to == Recipient::Customer;
        if !of_campaign || !message.attempts.is_empty() || record.gone.is_some() {
            return Ok(None);
        }
        if self.has_left(message, frozen, record, now)? {
            return Ok(Some(cancelled(
                "the customer has left the segment of the campaign",
            )));
        }
        let Some(email) = email else {
            return Ok(Some(cancelled("the row has no e-mail address any more")));
        };
        let Address::Email(approved) = &frozen.address else {
            return Ok(None);
        };
        if approved.eq_ignore_ascii_case(email) {
            return Ok(None);
        }
        self.corrected(message, frozen, email).map(Some)
    }

    /// The mail goes to the corrected address under a key of its own, so that it goes there once.
    fn corrected(
        &self,
        message: &Message,
        frozen: &Frozen,
        email: &str,
    ) -> Result<Next, StoreError> {
        let hash = address_hash(self.roster.store(), email)?;
        let key = MessageKey::new(&message.rule, message.step, None, "customer", &hash);
        Ok(Next::PassOn {
            messages: vec![Message {
                key,
                frozen: Some(Frozen {
                    address: Address::Email(email.to_owned()),
                    ..frozen.clone()
                }),
                ..message.clone()
            }],
            why: "the address in the row was corrected: who has the new one gets the mail once"
                .into(),
        })
    }

    fn has_left(
        &self,
        message: &Message,
        frozen: &Frozen,
        record: &Record,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let question = frozen.values["question"].as_u64().unwrap_or_default();
        let of = (message.rule.clone(), question);
        let known = {
            let approved = self.approved.lock().unwrap_or_else(PoisonError::into_inner);
            approved.clone()
        };
        let fresh = known.filter(|one| one.of == of && now.duration_since(one.made).abs() < FRESH);
        let approved = match fresh {
            Some(approved) => approved,
            None => {
                let Some(made) = self.approved_version(of, now)? else {
                    return Ok(false);
                };
                let made = Arc::new(made);
                let kept = self.approved.lock();
                *kept.unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&made));
                made
            }
        };
        // As it settled: a row that is being typed has left nothing yet.
        let Some(settled) = &record.settled else {
            return Ok(false);
        };
        let record = Record {
            seen: settled.clone(),
            ..record.clone()
        };
        let Some(customer) = approved.looking.customer(&record, record.place.row) else {
            return Ok(false);
        };
        // What asks for the past was answered when it was approved.
        let past = || Err::<History, ()>(());
        let judged = approved
            .segment
            .judge(&customer, &mut Memo::default(), past);
        Ok(matches!(judged, Ok(Verdict::Out(_))))
    }

    fn approved_version(
        &self,
        of: (String, u64),
        now: Timestamp,
    ) -> Result<Option<Approved>, StoreError> {
        let id = of.0.strip_prefix(CAMPAIGN).map(CampaignId::from_text);
        let campaign = id.map(|id| self.roster.store().campaign(&id)).transpose()?;
        let run = campaign.flatten().and_then(|campaign| campaign.run);
        let Some(run) = run.filter(|run| u64::from(run.number) == of.1) else {
            return Ok(None);
        };
        let synonyms = self.roster.config().synonyms();
        // Days count from the approval: nobody leaves by waiting.
        let Ok(segment) = Segment::new(&run.definition, &synonyms, run.at) else {
            return Ok(None);
        };
        Ok(Some(Approved {
            of,
            segment,
            looking: self.roster.looking()?,
            made: now,
        }))
    }
}

fn cancelled(why: &str) -> Next {
    Next::End {
        state: State::Cancelled,
        why: why.to_owned(),
    }
}
