//! Buttons under messages: what each does is kept here, the chat only sends back its short name.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::mail::Soon;
use super::notes::{Came, NoteLine};
use super::{
    Answer, Approval, CampaignDone, CampaignTested, Card, CommandError, Desk, ErrorKind, HandAct,
    HandedOver, HeldLine, LeadGiven, MailDecision, Paused, Resolved, Rest, Resumed, Right, Steer,
    Stopped, Subscription, TrialEnd, TrialTaken, Who, WhyGiven,
};
use crate::core::campaign::CampaignId;
use crate::core::facts::message::ClaimFacts;
use crate::core::insight::period::Preset;
use crate::core::message::{Message, MessageKey, Recipient};
use crate::core::outcome::Outcome;
use crate::store::Group;
use crate::store::campaigns::{ProgressNote, progress_note_key};
use crate::store::keys::{self, Key, prefix};

/// What a chat sends back begins with this; the rest is the button's id.
pub const CALLBACK: &str = "b:";
/// Buttons are forgotten after so long.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(60 * 24);

/// What a button does, by the name that templates give it after `action:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Somebody has dealt with the customer.
    Done,
    /// Remind me on the next working day.
    Later,
    /// A mail that waits may go now.
    SendNow,
    /// The stage was picked by mistake.
    Wrong,
    /// Take a held batch.
    Release,
    /// Make a held batch the new base.
    Drop,
    /// Stop everything from the last poll.
    Stop,
    /// A person of a staff tab works here.
    StaffYes,
    /// A person of a staff tab does not.
    StaffNo,
    /// Stop all sending.
    PauseAll,
    /// Go on sending.
    ResumeAll,
    /// A mail in doubt has arrived.
    Arrived,
    /// A mail in doubt is to be sent again.
    Again,
    /// A mail in doubt is given up.
    GiveUp,
    /// A campaign is approved as it was shown.
    CampaignApprove,
    /// A mail of a campaign goes to whoever pressed.
    CampaignTest,
    /// A campaign goes back to its author.
    CampaignReturn,
    /// There is no reason to be told why it went back.
    CampaignNoWhy,
    /// A campaign is shown with what can be done to it.
    CampaignOpen,
    /// The next page of campaigns.
    CampaignMore,
    /// Everybody of a campaign as a table.
    CampaignTable,
    /// Whether a campaign is really to be stopped.
    CampaignAskStop,
    /// What has not gone of a campaign waits.
    CampaignPause,
    /// What waits of a campaign goes on.
    CampaignResume,
    /// What waits of a campaign does not go.
    CampaignStop,
    /// What came of a reminder: they will meet.
    Appointed,
    /// Nobody answered.
    NoAnswer,
    /// The customer asks to be called later.
    CallBack,
    /// The customer wants nothing any more.
    NoNeed,
    /// Remind me in two hours.
    #[serde(rename = "later-2h")]
    LaterTwoHours,
    /// Call them in two hours.
    #[serde(rename = "call-2h")]
    CallTwoHours,
    /// Call them on the next working morning.
    CallTomorrow,
    /// A note is taken back.
    NoteUndo,
    /// A customer is shown with what can be done.
    CustomerOpen,
    /// The figures of a period.
    Report,
    /// Of several who claim a customer one keeps them.
    ClaimKeep,
    /// All of them look after the customer.
    ClaimTogether,
    /// A lead that nobody is in charge of is given to somebody.
    Give,
    /// A leaver's customers go to others as it was shown.
    Handover,
    /// A handover is taken back.
    HandoverUndo,
    /// What somebody has to hand over.
    HandoverLook,
    /// One's own notices rest for a time.
    Rest,
    /// One's own notices come again.
    RestOver,
    /// When a digest comes to whoever presses.
    Subscribe,
    /// What a trial has kept goes to the customers.
    TrialTake,
    /// What a trial has kept goes to nobody.
    TrialDrop,
    /// What a trial has kept, by name.
    TrialList,
    /// Never mind.
    Cancel,
}

impl Action {
    /// All that a template may name.
    pub const ALL: [Self; 48] = [
        Self::Done,
        Self::Later,
        Self::SendNow,
        Self::Wrong,
        Self::Release,
        Self::Drop,
        Self::Stop,
        Self::StaffYes,
        Self::StaffNo,
        Self::PauseAll,
        Self::ResumeAll,
        Self::Arrived,
        Self::Again,
        Self::GiveUp,
        Self::CampaignApprove,
        Self::CampaignTest,
        Self::CampaignReturn,
        Self::CampaignNoWhy,
        Self::CampaignOpen,
        Self::CampaignMore,
        Self::CampaignTable,
        Self::CampaignAskStop,
        Self::CampaignPause,
        Self::CampaignResume,
        Self::CampaignStop,
        Self::Appointed,
        Self::NoAnswer,
        Self::CallBack,
        Self::NoNeed,
        Self::LaterTwoHours,
        Self::CallTwoHours,
        Self::CallTomorrow,
        Self::NoteUndo,
        Self::CustomerOpen,
        Self::Report,
        Self::ClaimKeep,
        Self::ClaimTogether,
        Self::Give,
        Self::Handover,
        Self::HandoverUndo,
        Self::HandoverLook,
        Self::Rest,
        Self::RestOver,
        Self::Subscribe,
        Self::TrialTake,
        Self::TrialDrop,
        Self::TrialList,
        Self::Cancel,
    ];

    /// As in templates.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Later => "later",
            Self::SendNow => "send-now",
            Self::Wrong => "wrong",
            Self::Release => "release",
            Self::Drop => "drop",
            Self::Stop => "stop",
            Self::StaffYes => "staff-yes",
            Self::StaffNo => "staff-no",
            Self::PauseAll => "pause-all",
            Self::ResumeAll => "resume-all",
            Self::Arrived => "arrived",
            Self::Again => "again",
            Self::GiveUp => "give-up",
            Self::CampaignApprove => "campaign-approve",
            Self::CampaignTest => "campaign-test",
            Self::CampaignReturn => "campaign-return",
            Self::CampaignNoWhy => "campaign-no-why",
            Self::CampaignOpen => "campaign-open",
            Self::CampaignMore => "campaign-more",
            Self::CampaignTable => "campaign-table",
            Self::CampaignAskStop => "campaign-ask-stop",
            Self::CampaignPause => "campaign-pause",
            Self::CampaignResume => "campaign-resume",
            Self::CampaignStop => "campaign-stop",
            Self::Appointed => "appointed",
            Self::NoAnswer => "no-answer",
            Self::CallBack => "call-back",
            Self::NoNeed => "no-need",
            Self::LaterTwoHours => "later-2h",
            Self::CallTwoHours => "call-2h",
            Self::CallTomorrow => "call-tomorrow",
            Self::NoteUndo => "note-undo",
            Self::CustomerOpen => "customer-open",
            Self::Report => "report",
            Self::ClaimKeep => "claim-keep",
            Self::ClaimTogether => "claim-together",
            Self::Give => "give",
            Self::Handover => "handover",
            Self::HandoverUndo => "handover-undo",
            Self::HandoverLook => "handover-look",
            Self::Rest => "rest",
            Self::RestOver => "rest-over",
            Self::Subscribe => "subscribe",
            Self::TrialTake => "trial-take",
            Self::TrialDrop => "trial-drop",
            Self::TrialList => "trial-list",
            Self::Cancel => "cancel",
        }
    }

    /// Whether it can be pressed again and again.
    fn repeats(self) -> bool {
        matches!(
            self,
            Self::CampaignTest
                | Self::CampaignOpen
                | Self::CampaignMore
                | Self::CampaignTable
                | Self::CampaignAskStop
                | Self::CustomerOpen
                | Self::Report
                | Self::HandoverLook
        )
    }

    /// Reads [`Self::as_str`].
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }
}

/// What is kept of a button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ButtonAct {
    /// What it does.
    pub action: Action,
    /// To what: digest of a message key, id of a held batch, record id, workbook id, name of a person; may be empty.
    pub subject: String,
    /// What it says.
    pub label: String,
    /// Key of the message under which it stands, if the outbox sent it.
    pub message: Option<String>,
    /// The colleague to whom that message went: they may press it, whosever customer it is.
    pub told: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// Who pressed it, and when.
    #[serde(default)]
    pub done: Option<(String, Timestamp)>,
}

/// What a press came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Pressed {
    /// `send-now`.
    SentNow(MailDecision),
    /// `wrong`.
    PickedWrong(MailDecision),
    /// `later`.
    Later(MailDecision),
    /// `release`.
    Released(HeldLine),
    /// `drop`.
    Dropped(HeldLine),
    /// `done`.
    Done(Box<Card>),
    /// `stop`.
    Stopped(Stopped),
    /// `staff-yes` and `staff-no`.
    Staff(Approval),
    /// `pause-all`.
    Paused(Paused),
    /// `resume-all`.
    Resumed(Resumed),
    /// `arrived`, `again` and `give-up`.
    Resolved(Resolved),
    /// `campaign-approve`, `campaign-return`, `campaign-pause`, `campaign-resume` and `campaign-stop`.
    Campaign(CampaignDone),
    /// The same under the message that shows a campaign's progress, which is written anew by itself.
    Steered(CampaignDone),
    /// `campaign-test`.
    CampaignTest(CampaignTested),
    /// `campaign-open`: its id.
    CampaignOpen(String),
    /// `campaign-more`: how many were shown before.
    CampaignMore(usize),
    /// `campaign-ask-stop`: its id.
    CampaignAskStop(String),
    /// `campaign-table`: its name; the table is on its way.
    CampaignTable(String),
    /// `campaign-no-why`.
    CampaignWhy(WhyGiven),
    /// `appointed`, `no-answer`, `call-back` and `no-need`.
    Came(Box<Came>),
    /// `call-2h` and `call-tomorrow`.
    Noted(Box<NoteLine>),
    /// `note-undo`: the customer's name.
    NoteUndone(String),
    /// `customer-open`: the record.
    CustomerOpen(String),
    /// `report`: of which period.
    Report(Preset),
    /// `claim-keep` and `claim-together`.
    Claimed(Box<ClaimFacts>),
    /// `give`.
    Given(LeadGiven),
    /// `handover` and `handover-undo`.
    HandedOver(Box<HandedOver>),
    /// `handover-look`: whose.
    HandoverLook(String),
    /// `rest` and `rest-over`.
    Rested(Rest),
    /// `subscribe`.
    Subscribed(Subscription),
    /// `trial-take` and `trial-drop`.
    TrialEnded(TrialTaken),
    /// `trial-list`.
    TrialList,
    /// `cancel`.
    Nothing,
}

/// Where a button is kept.
pub fn button_key(id: &str) -> Key {
    keys::under(prefix::BUTTON, id)
}

/// Keeps a button with what it belongs to.
///
/// # Returns
/// What the chat is to send back when it is pressed, at most 64 bytes. The same for every retry of a message.
pub fn store_button(group: &mut Group, act: &ButtonAct) -> String {
    let of = act.message.as_deref().unwrap_or("-");
    let name = format!(
        "{of}\n{}\n{}\n{}",
        act.action.as_str(),
        act.subject,
        act.created.as_millisecond()
    );
    let id = blake3::hash(name.as_bytes()).to_hex()[..32].to_owned();
    group.put(button_key(&id), act);
    format!("{CALLBACK}{id}")
}

/// Actions of which one message may have several, each with its number behind it.
const LISTS: [&str; 3] = ["customer-open", "claim-keep", "give"];

/// What a template's `[label](action:NAME)` does under a message that goes to the colleague `told`.
///
/// None if there is no such action, or the message does not say what it should act on; the outbox then leaves the button out.
pub fn act_for(
    message: &Message,
    name: &str,
    label: &str,
    told: Option<&str>,
) -> Option<ButtonAct> {
    // The entries of a list are counted from 1.
    let counted = LISTS.into_iter().find_map(|list| {
        let number = name.strip_prefix(list)?.strip_prefix('-')?;
        Some((list, number.parse::<usize>().ok()?.checked_sub(1)?))
    });
    let (name, entry) = match counted {
        Some((list, entry)) => (list, Some(entry)),
        None => (name, None),
    };
    let action = Action::parse(name)?;
    let event = |path: &str| {
        message
            .event
            .pointer(path)
            .and_then(|value| value.as_str())
            .map(str::to_owned)
    };
    let subject = match action {
        Action::CustomerOpen if entry.is_some() => event(&format!(
            "/flood/items/{}/record",
            entry.unwrap_or_default()
        ))?,
        Action::Done
        | Action::Appointed
        | Action::NoAnswer
        | Action::CallBack
        | Action::NoNeed
        | Action::CallTwoHours
        | Action::CallTomorrow
        | Action::CustomerOpen => message.record.as_ref()?.to_string(),
        Action::Later | Action::LaterTwoHours => message.key.digest(),
        Action::SendNow | Action::Wrong => MessageKey::from_text(event("/hold/key")?).digest(),
        Action::Release | Action::Drop => event("/held/id")?,
        Action::Stop => event("/poll/workbook")?,
        Action::StaffYes | Action::StaffNo => event("/staff/name")?,
        Action::Arrived | Action::Again | Action::GiveUp => event("/doubt/id")?,
        Action::CampaignApprove
        | Action::CampaignTest
        | Action::CampaignReturn
        | Action::CampaignNoWhy => event("/mailing/question")?,
        Action::CampaignPause
        | Action::CampaignResume
        | Action::CampaignStop
        | Action::CampaignOpen
        | Action::CampaignTable
        | Action::CampaignAskStop => event("/mailing/id")?,
        Action::TrialTake => String::new(),
        Action::TrialDrop => String::new(),
        Action::TrialList => String::new(),
        Action::CampaignMore => "0".to_owned(),
        Action::Report => Preset::ThisMonth.as_str().to_owned(),
        Action::ClaimKeep => {
            let names = event(&format!("/claim/sides/{}/names", entry?))?;
            format!("{}/{names}", event("/claim/question")?)
        }
        Action::ClaimTogether => event("/claim/question")?,
        Action::Give => {
            let name = event(&format!("/proposal/names/{}", entry?))?;
            format!("{}/{name}", message.record.as_ref()?)
        }
        Action::PauseAll | Action::ResumeAll | Action::Cancel => String::new(),
        // Only under the note itself.
        Action::NoteUndo
        | Action::Handover
        | Action::HandoverUndo
        | Action::HandoverLook
        | Action::Rest
        | Action::Subscribe
        | Action::RestOver => {
            return None;
        }
    };
    Some(ButtonAct {
        action,
        subject,
        label: label.to_owned(),
        message: Some(message.key.to_string()),
        told: told
            .filter(|told| !told.is_empty() && message.to != Recipient::Customer)
            .map(str::to_owned),
        created: message.created,
        done: None,
    })
}

impl ButtonAct {
    /// A button that the bot puts under an answer of its own.
    fn offered(action: Action, subject: &str, label: &str, now: Timestamp) -> Self {
        Self {
            action,
            subject: subject.to_owned(),
            label: label.to_owned(),
            message: None,
            told: None,
            created: now,
            done: None,
        }
    }
}

impl Desk {
    /// Does what a button does, once.
    ///
    /// `data` is what the chat sent back.
    ///
    /// # Errors
    /// No such button (any more), somebody was quicker, the role, or whatever the act itself refuses.
    pub fn press(&self, data: &str, who: &Who, now: Timestamp) -> Answer<Pressed> {
        let act = self.button(data, who)?;
        if let Some((by, at)) = &act.done
            && !act.action.repeats()
        {
            return Err(pressed_before(by, &self.local(*at), by == who.name()));
        }
        let told = act.told.as_deref();
        let subject = act.subject.as_str();
        let came = |outcome| -> Answer<Pressed> {
            let came = self.came_of(subject, outcome, told, who, now)?;
            Ok(Pressed::Came(Box::new(came)))
        };
        let pressed = match act.action {
            Action::Done => Pressed::Done(Box::new(self.touch_as(subject, who, told, now)?)),
            Action::Later => {
                Pressed::Later(self.later_as(subject, Soon::Tomorrow, who, told, now)?)
            }
            Action::LaterTwoHours => {
                Pressed::Later(self.later_as(subject, Soon::TwoHours, who, told, now)?)
            }
            Action::Appointed => came(Outcome::Appointed)?,
            Action::NoAnswer => came(Outcome::NoAnswer)?,
            Action::CallBack => came(Outcome::CallBack)?,
            Action::NoNeed => came(Outcome::NoNeed)?,
            Action::CallTwoHours => {
                let noted = self.call_again(subject, Soon::TwoHours, told, who, now)?;
                Pressed::Noted(Box::new(noted))
            }
            Action::CallTomorrow => {
                let noted = self.call_again(subject, Soon::Tomorrow, told, who, now)?;
                Pressed::Noted(Box::new(noted))
            }
            Action::NoteUndo => Pressed::NoteUndone(self.note_undo(subject, who, now)?),
            Action::CustomerOpen => Pressed::CustomerOpen(act.subject.clone()),
            Action::SendNow => Pressed::SentNow(self.send_now_as(subject, who, told, now)?),
            Action::Wrong => Pressed::PickedWrong(self.picked_wrong_as(subject, who, told, now)?),
            Action::Release => Pressed::Released(self.held_decide(subject, true, who, now)?),
            Action::Drop => Pressed::Dropped(self.held_decide(subject, false, who, now)?),
            Action::Stop => Pressed::Stopped(self.stop_last_poll(subject, who, now)?),
            Action::StaffYes => Pressed::Staff(self.approve_staff(subject, true, who, now)?),
            Action::StaffNo => Pressed::Staff(self.approve_staff(subject, false, who, now)?),
            Action::PauseAll => Pressed::Paused(self.pause("all", who, now)?),
            Action::ResumeAll => Pressed::Resumed(self.resume("all", who, now)?),
            Action::Arrived => {
                Pressed::Resolved(self.settle(HandAct::Delivered, &act, who, now)?)
            }
            Action::Again => Pressed::Resolved(self.settle(HandAct::Again, &act, who, now)?),
            Action::GiveUp => Pressed::Resolved(self.settle(HandAct::Dead, &act, who, now)?),
            Action::CampaignApprove => Pressed::Campaign(self.campaign_approve(subject, who, now)?),
            Action::CampaignTest => Pressed::CampaignTest(self.campaign_test(subject, who, now)?),
            Action::CampaignReturn => {
                Pressed::Campaign(self.campaign_return_asking(subject, who, now)?)
            }
            Action::CampaignNoWhy => {
                Pressed::CampaignWhy(self.campaign_without_why(subject, who, now)?)
            }
            Action::Report => Pressed::Report(Preset::parse(subject).unwrap_or(Preset::ThisMonth)),
            Action::CampaignOpen => Pressed::CampaignOpen(act.subject.clone()),
            Action::CampaignMore => Pressed::CampaignMore(subject.parse().unwrap_or_default()),
            Action::CampaignAskStop => Pressed::CampaignAskStop(act.subject.clone()),
            Action::CampaignTable => {
                Pressed::CampaignTable(self.campaign_send_table(subject, who, now)?)
            }
            Action::CampaignPause => {
                Pressed::Campaign(self.campaign_steer(subject, Steer::Pause, who, now)?)
            }
            Action::CampaignResume => {
                Pressed::Campaign(self.campaign_steer(subject, Steer::Resume, who, now)?)
            }
            Action::CampaignStop => {
                Pressed::Campaign(self.campaign_steer(subject, Steer::Stop, who, now)?)
            }
            Action::ClaimKeep | Action::ClaimTogether => {
                let (question, keep) = match subject.split_once('/') {
                    Some((question, keep)) => (question, Some(keep)),
                    None => (subject, None),
                };
                let asked = act.message.as_deref();
                let decided = self.claim_decide(question, keep, asked, who, now)?;
                Pressed::Claimed(Box::new(decided))
            }
            Action::Give => {
                let (record, to) = subject.split_once('/').unwrap_or((subject, ""));
                Pressed::Given(self.give(record, to, act.message.as_deref(), who, now)?)
            }
            Action::Handover => {
                Pressed::HandedOver(Box::new(self.handover_pressed(subject, who, now)?))
            }
            Action::HandoverUndo => {
                let done = self.take_handover_back(subject, who, now)?;
                Pressed::HandedOver(Box::new(done))
            }
            Action::HandoverLook => Pressed::HandoverLook(act.subject.clone()),
            Action::Rest => Pressed::Rested(self.rest(subject, who, now)?),
            Action::RestOver => Pressed::Rested(self.rest_over(who, now)?),
            Action::Subscribe => Pressed::Subscribed(self.subscribe(subject, who, now)?),
            Action::TrialTake => {
                Pressed::TrialEnded(self.trial_decided(TrialEnd::TakeOver, &act, who, now)?)
            }
            Action::TrialDrop => {
                Pressed::TrialEnded(self.trial_decided(TrialEnd::Drop, &act, who, now)?)
            }
            Action::TrialList => Pressed::TrialList,
            Action::Cancel => Pressed::Nothing,
        };
        let mut group = Group::default();
        let pressed = match pressed {
            Pressed::Campaign(done) => self.steered(done, &act, now, &mut group)?,
            other => other,
        };
        group.put(
            button_key(&data[CALLBACK.len()..]),
            &ButtonAct {
                done: Some((who.name().to_owned(), now)),
                ..act
            },
        );
        self.roster.store().commit(vec![group])?;
        Ok(pressed)
    }

    /// A message that shows how far a campaign is says so at once.
    fn steered(
        &self,
        done: CampaignDone,
        act: &ButtonAct,
        now: Timestamp,
        group: &mut Group,
    ) -> Answer<Pressed> {
        let Some(message) = act.message.as_deref().map(MessageKey::from_text) else {
            return Ok(Pressed::Campaign(done));
        };
        let key = progress_note_key(&CampaignId::from_text(&done.id), &message);
        let Some(note) = self.roster.store().get::<ProgressNote>(&key)? else {
            return Ok(Pressed::Campaign(done));
        };
        group.put(key, &ProgressNote { due: now, ..note });
        Ok(Pressed::Steered(done))
    }

    fn settle(&self, how: HandAct, act: &ButtonAct, who: &Who, now: Timestamp) -> Answer<Resolved> {
        self.resolve_doubt(&act.subject, how, act.message.as_deref(), who, now)
    }

    fn button(&self, data: &str, who: &Who) -> Answer<ButtonAct> {
        if *who == Who::Stranger {
            return Err(CommandError::not_allowed());
        }
        let id = data
            .strip_prefix(CALLBACK)
            .filter(|id| id.len() == 32 && id.is_ascii());
        let act = match id {
            Some(id) => self.roster.store().get::<ButtonAct>(&button_key(id))?,
            None => None,
        };
        act.ok_or_else(too_old)
    }

    /// Makes buttons that the bot puts under an answer of its own, and says what each sends back.
    ///
    /// # Errors
    /// The disk.
    pub fn offer(&self, buttons: &[(Action, &str, &str)], now: Timestamp) -> Answer<Vec<String>> {
        self.offer_to(buttons, None, now)
    }

    /// The same for somebody who may press them whosever customer it is, since they were asked.
    ///
    /// # Errors
    /// The disk.
    pub fn offer_to(
        &self,
        buttons: &[(Action, &str, &str)],
        told: Option<&str>,
        now: Timestamp,
    ) -> Answer<Vec<String>> {
        let mut group = Group::default();
        let offered = buttons
            .iter()
            .map(|(action, subject, label)| {
                let act = ButtonAct {
                    told: told.map(str::to_owned),
                    ..ButtonAct::offered(*action, subject, label, now)
                };
                store_button(&mut group, &act)
            })
            .collect();
        self.roster.store().commit(vec![group])?;
        Ok(offered)
    }

    /// Forgets buttons that are sixty days old, and links that ended a week ago. For the daemon, once a day.
    ///
    /// # Errors
    /// The disk.
    pub fn sweep(&self, now: Timestamp) -> Answer<()> {
        self.sweep_invites(now)?;
        self.sweep_rests(now)?;
        let mut groups = Vec::new();
        for entry in self.roster.store().scan::<ButtonAct>(prefix::BUTTON) {
            let (key, act) = entry?;
            if now.duration_since(act.created) > KEPT_FOR {
                let mut group = Group::default();
                group.remove(key);
                groups.push(group);
            }
        }
        Ok(self.roster.store().commit(groups)?)
    }

    /// Whether somebody may do what needs this right at all, for a bot that decides what to offer.
    pub fn allows(&self, who: &Who, right: Right) -> bool {
        super::may(who, right) != super::Scope::Nothing
            || right == Right::Campaigns && self.decides_campaigns(who)
    }
}

fn too_old() -> CommandError {
    CommandError::new(
        ErrorKind::NotFound,
        "this button is of no use any more: ask the bot anew",
        "Nút này không còn dùng được nữa.",
    )
}

fn pressed_before(by: &str, at: &str, same: bool) -> CommandError {
    let hour = at.get(11..16).unwrap_or_default();
    let vi = if same {
        format!("Anh/chị đã bấm nút này lúc {hour} rồi.")
    } else {
        format!("{by} đã bấm nút này lúc {hour} rồi.")
    };
    CommandError::new(
        ErrorKind::Again,
        format!("{by} has already pressed this at {at}"),
        vi,
    )
}
