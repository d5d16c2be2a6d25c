//! Every question and act a person can have, one function each, with role checks. The bot, the control
//! socket, the web pages and the command line only ask here, so that all of them know and may the same.
//!
//! Pure store work with the time as an argument: no network, no sending. Texts for the command line are
//! English; what the bot says is the bot's, but for refusals ([`CommandError`]), which have both languages.
//! Looking at all records is fine here, questions are rare; a quiet poll never does.

mod allow;
mod backup;
mod button;
mod campaign;
mod claims;
mod customers;
mod day;
mod digest;
mod explain;
mod given;
mod handover;
mod held;
mod invite;
mod judge;
mod lists;
mod mail;
mod mend;
mod mute;
mod notes;
mod optout;
mod outbox;
mod pause;
mod people;
mod problems;
mod records;
mod report;
mod sheet;
mod status;
mod subscription;
mod suppress;
mod todo;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use allow::{Right, Scope, may};
pub use backup::{BackupMade, Upkeep, after_restore};
pub use button::{Action, ButtonAct, CALLBACK, Pressed, act_for, button_key, store_button};
pub use campaign::{
    CampaignAside, CampaignCard, CampaignDone, CampaignLine, CampaignPage, CampaignShown,
    CampaignTable, CampaignTested, Hearers, Steer, WhyGiven, campaign_csv, hour_of, mailing_facts,
    progress_facts, question_void, steer_queue, tell_of_campaign,
};
pub use claims::{ClaimLine, ClaimOnCard, ClaimsFound};
pub use customers::{Card, CustomerLine, Customers, NextLine, StageList, Totals, put_timers};
pub use day::{Contact, Day, ToContact};
pub use digest::{DigestMade, DigestQueued};
pub use explain::{
    Choice, Coming, Explained, JournalLine, LookedAt, RecordStory, RuleStory, Story,
};
pub use given::LeadGiven;
pub use handover::{HandedOver, HandoverHow, HandoverPlan, handover_csv};
pub use held::HeldLine;
pub use invite::{Approval, Invitation, Newcomer};
pub use judge::judge;
pub use mail::{MailDecision, Stopped};
pub use mend::Mend;
pub use mute::{LOOKED_AT_AGAIN, Rest, waits_for};
pub use notes::{Came, NoteLine};
pub use optout::{OPT_OUT_RULE, OptOutView, Press, opt_out_confirmed};
pub use outbox::{
    Acted, Amendment, AttemptLine, Done, HandAct, HandLine, OutboxFilter, OutboxLine, OutboxStory,
    Refused, Resolved, TrialEnd, TrialKept, TrialLine, TrialReport, TrialTaken, doubt_id,
    open_trial, question_rule,
};
pub use pause::{Paused, Resumed, pause_key, paused_by, paused_list};
pub use problems::{Problem, ProblemKind};
pub use records::RecordLine;
pub use sheet::{EditLine, UnclearLine};
pub use status::{
    ChannelStatus, DueSoon, Figures, StageNow, Status, Unbound, UnknownWord, WorkbookStatus,
};
pub use subscription::Subscription;
pub use suppress::SuppressionLine;
pub use todo::ToDo;

use crate::config::Language;
use crate::core::people::{Colleague, Role};
use crate::health::Health;
use crate::roster::Roster;
use crate::store::Group;
use crate::store::StoreError;
use crate::store::journal::{Entry, What};

/// Answers questions and carries acts out. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Desk {
    /// Configuration, store and people.
    pub roster: Roster,
    /// What the running daemon knows; none when the command line works on the store itself.
    pub health: Option<Health>,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Whoever may read the state folder: the admin.
    CommandLine,
    /// One of the company's people.
    Colleague {
        /// As in the staff list.
        name: String,
        /// What they may see and do.
        role: Role,
    },
    /// Nobody we know.
    Stranger,
}

impl Who {
    /// One of the company's people.
    pub fn of(person: &Colleague) -> Self {
        Self::Colleague {
            name: person.name.clone(),
            role: person.role,
        }
    }

    /// For the journal and for "who did it".
    pub fn name(&self) -> &str {
        match self {
            Self::CommandLine => "the command line",
            Self::Colleague { name, .. } => name,
            Self::Stranger => "a stranger",
        }
    }
}

/// A question or an act, as it travels over the control socket: `{"request": "outbox", "state": "queued", "limit": 50}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Is it well? A [`Status`].
    Status,
    /// The records as understood: a list of [`RecordLine`], or with `problems` of [`Problem`].
    Records {
        /// Only that tab, by its title.
        #[serde(default)]
        tab: Option<String>,
        /// The data problems instead.
        #[serde(default)]
        problems: bool,
    },
    /// Messages, newest first: a list of [`OutboxLine`].
    Outbox(OutboxFilter),
    /// The whole story of one message: an [`OutboxStory`].
    OutboxShow {
        /// Its key, its digest or Message-ID, or a piece that no other has.
        key: String,
    },
    /// Something done to messages by hand: an [`Acted`].
    OutboxAct {
        /// What.
        act: HandAct,
        /// Each by its key, its digest, or a piece that no other has.
        keys: Vec<String>,
    },
    /// What a trial has kept from customers: a [`TrialReport`].
    TrialReport {
        /// Only of this rule.
        #[serde(default)]
        rule: Option<String>,
    },
    /// Takes over or drops the open occasions of a trial that is over: a [`TrialTaken`].
    TrialEnd {
        /// Which.
        end: TrialEnd,
        /// Only of this rule.
        #[serde(default)]
        rule: Option<String>,
    },
    /// A person's whole story: an [`Explained`].
    Explain {
        /// Phone, e-mail, name or record id.
        who: String,
    },
    /// Addresses that are not written to: a list of [`SuppressionLine`].
    SuppressList {
        /// Only this address or number.
        #[serde(default)]
        address: Option<String>,
    },
    /// One more: a [`SuppressionLine`].
    SuppressAdd {
        /// Address or number.
        address: String,
        /// Nothing at all goes to it; else no advertising.
        #[serde(default)]
        everything: bool,
        /// Why.
        #[serde(default)]
        why: Option<String>,
    },
    /// One less: the [`SuppressionLine`] that was.
    SuppressRemove {
        /// Address, number, or the id of its line.
        address: String,
    },
    /// Batches that wait for a manager: a list of [`HeldLine`].
    HeldList,
    /// Take a held batch as it is, with its events, at the next poll that is no worse.
    HeldRelease {
        /// Its id.
        id: String,
    },
    /// Take a held batch as the new base, without events.
    HeldDrop {
        /// Its id.
        id: String,
    },
    /// Stop sending: a [`Paused`].
    Pause {
        /// `all`, `email`, `telegram` (also `channel email`), or the id of a rule.
        what: String,
    },
    /// Go on sending: a [`Resumed`].
    Resume {
        /// As for `pause`.
        what: String,
    },
    /// A one-time link that binds a Telegram chat: an [`Invitation`].
    Invite {
        /// Whom, by name or alias.
        name: String,
        /// The bot's user name, if the daemon does not know it yet.
        #[serde(default)]
        bot: Option<String>,
    },
    /// A mail to a customer that waits out its holding time may go now: a [`MailDecision`].
    SendNow {
        /// Digest of its key, or the key itself.
        digest: String,
    },
    /// The stage was picked by mistake; the mail that waits does not go: a [`MailDecision`].
    PickedWrong {
        /// Digest of its key, or the key itself.
        digest: String,
    },
    /// Cancel what the last poll decided, within a minute: a [`Stopped`].
    StopLastPoll {
        /// Workbook id.
        workbook: String,
    },
    /// Says whether a person of a staff tab is one of the company: an [`Approval`].
    ApproveStaff {
        /// As the tab says it.
        name: String,
        /// Whether they are.
        yes: bool,
    },
    /// Somebody has dealt with a customer: the idle clock starts again.
    Touch {
        /// Record id.
        record: String,
    },
    /// Remind me of this again on the next working day.
    Later {
        /// Digest of the reminder's key, or the key itself.
        digest: String,
    },
    /// The customers of whoever asks: [`Customers`].
    Mine,
    /// Numbers only: [`Totals`].
    Totals,
    /// What managers read in the morning, now: `core::facts::digest::DigestFacts`.
    Digest,
    /// A digest as a rule would send it now; with `send`, it is sent: a [`DigestMade`].
    DigestNow {
        /// Which rule's, where there are several.
        #[serde(default)]
        rule: Option<String>,
        /// Whether it goes to the rule's recipients.
        #[serde(default)]
        send: bool,
    },
    /// The figures of a period: a [`crate::core::insight::Insight`].
    Report {
        /// First day, ISO; without both days it is the month so far.
        #[serde(default)]
        from: Option<String>,
        /// Last day, ISO.
        #[serde(default)]
        to: Option<String>,
    },
    /// Customers by phone, e-mail or name: a list of [`Card`].
    Find {
        /// What is known of them.
        text: String,
    },
    /// The whole state in one file of the state folder, for the command line to take: a [`BackupMade`].
    Backup {},
    /// All campaigns.
    CampaignList,
    /// One campaign, with its samples and who is left out.
    CampaignShow {
        /// Id or name.
        which: String,
    },
    /// Everybody of a campaign as a table: a [`CampaignTable`].
    CampaignTable {
        /// Id or name.
        which: String,
    },
    /// Approves the open question of a campaign.
    CampaignApprove {
        /// Id, name, or `ID#NUMBER`.
        question: String,
    },
    /// Sends it back to its author.
    CampaignReturn {
        /// Id, name, or `ID#NUMBER`.
        question: String,
        /// Why.
        #[serde(default)]
        why: Option<String>,
    },
    /// Pauses, resumes or stops one.
    CampaignSteer {
        /// Id or name.
        which: String,
        /// What.
        how: Steer,
    },
    /// Sends again what was refused or given up.
    CampaignResend {
        /// Id or name.
        which: String,
    },
    /// People whom several claim: a list of [`ClaimLine`].
    ClaimList {
        /// Also those that are decided or over.
        #[serde(default)]
        all: bool,
    },
    /// Looks through all rows for them: a [`ClaimsFound`].
    ClaimFind {},
    /// Decides whose a customer is: a [`ClaimFacts`](crate::core::facts::message::ClaimFacts).
    ClaimDecide {
        /// Its id.
        id: String,
        /// One of those whose the customer is to be; none: all of them together.
        #[serde(default)]
        keep: Option<String>,
    },
    /// A leaver's customers go to others: a [`HandoverPlan`], or with `how` a [`HandedOver`].
    Handover {
        /// Whose, by name or alias.
        from: String,
        /// To whom all of them go; none: they are split.
        #[serde(default)]
        to: Option<String>,
        /// What is to be done.
        #[serde(default)]
        how: HandoverHow,
    },
    /// One poll of every workbook now. Only the daemon (or `sync` without one) can answer it.
    Sync {
        /// Whether it only says what it would do.
        #[serde(default)]
        dry_run: bool,
    },
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{text}")]
pub struct CommandError {
    /// Whose turn it is.
    pub kind: ErrorKind,
    /// One English sentence with its mend.
    pub text: String,
    /// The same in Vietnamese; stays in the process.
    #[serde(skip)]
    vi: Option<String>,
}

/// What kind of refusal it is; the command line makes exit codes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// This role may not.
    NotAllowed,
    /// There is no such thing.
    NotFound,
    /// It was asked wrongly.
    Usage,
    /// It is too late: done, decided, expired.
    TooLate,
    /// This very button was pressed before.
    Again,
    /// Somebody else is needed first: the daemon is not running, the bot's name is not known yet.
    Unavailable,
    /// The disk.
    Store,
}

impl CommandError {
    /// A refusal in both languages.
    pub fn new(kind: ErrorKind, text: impl Into<String>, vi: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            vi: Some(vi.into()),
        }
    }

    /// A refusal that only the command line can meet.
    pub fn plain(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            vi: None,
        }
    }

    /// For a person who reads this language.
    pub fn shown(&self, language: Language) -> &str {
        match (language, &self.vi) {
            (Language::Vi, Some(vi)) => vi,
            _ => &self.text,
        }
    }

    fn not_allowed() -> Self {
        Self::new(
            ErrorKind::NotAllowed,
            "your role may not do this: ask a manager",
            "Anh/chị chưa có quyền làm việc này, vui lòng nhờ quản lý.",
        )
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::new(
            ErrorKind::Store,
            error.to_string(),
            "Kho dữ liệu đang gặp lỗi, chưa làm được. Vui lòng báo người quản trị.",
        )
    }
}

/// What a question comes to.
pub type Answer<T> = Result<T, CommandError>;

impl Desk {
    /// A desk over these people and this store.
    pub fn new(roster: Roster, health: Option<Health>) -> Self {
        Self { roster, health }
    }

    /// Answers a request as JSON, after looking whether `who` may ask it.
    ///
    /// # Errors
    /// See [`ErrorKind`]. [`Request::Sync`] is for the daemon, and refused here.
    pub fn answer(&self, request: &Request, who: &Who, now: Timestamp) -> Answer<Value> {
        match request {
            Request::Status => json(&self.status_with_figures(who, now)?),
            Request::Records {
                tab,
                problems: false,
            } => json(&self.records(tab.as_deref(), who)?),
            Request::Records {
                tab,
                problems: true,
            } => json(&self.problems(tab.as_deref(), who, now)?),
            Request::Outbox(filter) => json(&self.outbox(filter, who, now)?),
            Request::OutboxShow { key } => json(&self.outbox_show(key, who, now)?),
            Request::OutboxAct { act, keys } => json(&self.outbox_act(*act, keys, who, now)?),
            Request::TrialReport { rule } => json(&self.trial_report(rule.as_deref(), who, now)?),
            Request::TrialEnd { end, rule } => {
                json(&self.end_trial(*end, rule.as_deref(), who, now)?)
            }
            Request::Explain { who: whom } => json(&self.explain(whom, who, now)?),
            Request::SuppressList { address } => json(&self.suppressions(address.as_deref(), who)?),
            Request::SuppressAdd {
                address,
                everything,
                why,
            } => json(&self.suppress(address, *everything, why.as_deref(), who, now)?),
            Request::SuppressRemove { address } => json(&self.unsuppress(address, who, now)?),
            Request::HeldList => json(&self.held_list(who)?),
            Request::HeldRelease { id } => json(&self.held_decide(id, true, who, now)?),
            Request::HeldDrop { id } => json(&self.held_decide(id, false, who, now)?),
            Request::Pause { what } => json(&self.pause(what, who, now)?),
            Request::Resume { what } => json(&self.resume(what, who, now)?),
            Request::Invite { name, bot } => json(&self.invite(name, bot.as_deref(), who, now)?),
            Request::SendNow { digest } => json(&self.send_now(digest, who, now)?),
            Request::PickedWrong { digest } => json(&self.picked_wrong(digest, who, now)?),
            Request::StopLastPoll { workbook } => json(&self.stop_last_poll(workbook, who, now)?),
            Request::ApproveStaff { name, yes } => json(&self.approve_staff(name, *yes, who, now)?),
            Request::Touch { record } => json(&self.touch(record, who, now)?),
            Request::Later { digest } => json(&self.later(digest, who, now)?),
            Request::Mine => json(&self.mine(who, now)?),
            Request::Totals => json(&self.totals(who)?),
            Request::Digest => json(&self.digest_for(who, now)?),
            Request::DigestNow { rule, send } => {
                json(&self.digest_now(rule.as_deref(), *send, who, now)?)
            }
            Request::Report { from, to } => {
                json(&self.report(from.as_deref(), to.as_deref(), who, now)?)
            }
            Request::Find { text } => json(&self.find(text, who, now)?),
            Request::Backup {} => json(&self.backup(who, now)?),
            Request::CampaignList => json(&self.campaign_list(who, now)?),
            Request::CampaignShow { which } => json(&self.campaign_show(which, who, now)?),
            Request::CampaignTable { which } => json(&self.campaign_table(which, who)?),
            Request::CampaignApprove { question } => {
                json(&self.campaign_approve(question, who, now)?)
            }
            Request::CampaignReturn { question, why } => {
                json(&self.campaign_return(question, why.as_deref(), who, now)?)
            }
            Request::CampaignSteer { which, how } => {
                json(&self.campaign_steer(which, *how, who, now)?)
            }
            Request::CampaignResend { which } => json(&self.campaign_resend(which, who, now)?),
            Request::ClaimList { all } => json(&self.claims(*all, who)?),
            Request::ClaimFind {} => json(&self.claims_find(who, now)?),
            Request::ClaimDecide { id, keep } => {
                json(&self.claim_decide(id, keep.as_deref(), None, who, now)?)
            }
            Request::Handover { from, to, how } => {
                self.handover(from, to.as_deref(), how, who, now)
            }
            Request::Sync { .. } => Err(CommandError::plain(
                ErrorKind::Unavailable,
                "only the running daemon can poll: start it with `sheetbridge run`, or poll once with `sheetbridge sync`",
            )),
        }
    }

    /// The language of texts for people.
    pub fn language(&self) -> Language {
        self.roster.config().language
    }

    /// A time as the company's wall clock shows it, with its offset.
    fn local(&self, at: Timestamp) -> String {
        at.to_zoned(self.roster.config().calendar.zone.clone())
            .strftime("%Y-%m-%dT%H:%M:%S%:z")
            .to_string()
    }

    /// Puts into the journal who did what by hand.
    fn note_hand(
        &self,
        group: &mut Group,
        now: Timestamp,
        record: Option<&crate::core::record::RecordId>,
        who: &Who,
        did: &str,
    ) {
        let entry = Entry {
            at: now,
            record: record.cloned(),
            what: What::Hand,
            text: format!("{}: {did}", who.name()),
            stages: None,
            moved: None,
        };
        self.roster.store().note(group, &entry);
    }
}

fn json(answer: &impl Serialize) -> Answer<Value> {
    serde_json::to_value(answer)
        .map_err(|error| CommandError::plain(ErrorKind::Store, error.to_string()))
}
