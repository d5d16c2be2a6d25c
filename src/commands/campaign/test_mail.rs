//! A mail of a campaign to whoever wants to see how it looks in a mailbox.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Answer, CampaignTested, CommandError, Desk, ErrorKind, NotNow, Who, not_now};
use crate::core::delivery::State as MessageState;
use crate::core::message::{Address, Frozen, Message, MessageKey, Recipient, Wanted};
use crate::core::rule::Channel;
use crate::store::Group;
use crate::store::lanes::CAMPAIGN;

impl Desk {
    /// Queues the first sample to whoever asks.
    ///
    /// # Errors
    /// The role, no such question, no mailbox, the disk.
    pub fn campaign_test(
        &self,
        question: &str,
        who: &Who,
        now: Timestamp,
    ) -> Answer<CampaignTested> {
        self.must_see_campaigns(who)?;
        let (campaign, number) = self.question_meant(question)?;
        let directory = self.roster.directory()?;
        let to = match who {
            Who::Colleague { name, .. } => directory.find(name).and_then(|one| one.email.clone()),
            Who::CommandLine | Who::Stranger => self.roster.config().alerts.clone(),
        };
        let Some(to) = to else {
            return Err(CommandError::new(
                ErrorKind::Usage,
                "there is no mailbox of yours in the staff list",
                "Danh sách nhân viên chưa có email của anh/chị.",
            ));
        };
        let samples = self.roster.store().samples(&campaign.id, number)?;
        let Some(sample) = samples.first() else {
            return Err(not_now(NotNow::NotAsked, None));
        };
        let rule = format!("{CAMPAIGN}{}", campaign.id);
        let ad = campaign
            .asked
            .as_ref()
            .is_some_and(|asked| asked.definition.ad);
        let message = Message {
            // As often as somebody asks for it.
            key: MessageKey::new(
                "campaign-test",
                number,
                None,
                who.name(),
                &format!("{} {now}", campaign.id),
            ),
            rule: "campaign-test".to_owned(),
            step: number,
            record: None,
            to: match who {
                Who::Colleague { name, .. } => Recipient::Staff(name.clone()),
                Who::CommandLine | Who::Stranger => Recipient::Alerts,
            },
            channel: Channel::Email,
            otherwise: Vec::new(),
            template: rule,
            event: Value::Null,
            ad: false,
            urgent: true,
            held_until: None,
            wanted: Wanted::Always,
            created: now,
            due: now,
            expires: now
                .saturating_add(SignedDuration::from_hours(24))
                .unwrap_or(now),
            state: MessageState::Queued,
            why: String::new(),
            frozen: Some(Frozen {
                address: Address::Email(to.clone()),
                display_name: String::new(),
                template: sample.template.clone(),
                values: json!({ "merge": sample.merge, "ad": ad }),
            }),
            attempts: Vec::new(),
            hands: Vec::new(),
            trial: false,
        };
        let mut group = Group::default();
        crate::store::ledger::queue(self.roster.store(), &mut group, &message)?;
        self.roster.store().commit(vec![group])?;
        Ok(CampaignTested {
            to: Address::Email(to).to_string(),
        })
    }
}
