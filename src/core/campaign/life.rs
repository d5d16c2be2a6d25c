//! The life of a campaign: written, asked about, approved, sent, over. One table says what an edit of its row,
//! a button and the end of its queue lead to.
//!
//! What managers approve is a version: the definition as it was when they were asked, and the audience found
//! then. A later edit of the row never changes what goes out; it asks again (PRODUCT, "Campaigns").

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::halt::{Actor, Halt, Why};
use super::problem::Problem;
use super::{CampaignId, Definition, Origin, Wanted};

/// All that is kept of a campaign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Campaign {
    /// What it is known by.
    pub id: CampaignId,
    /// As its author calls it.
    pub name: String,
    /// Where it is written.
    pub origin: Origin,
    /// By what its cells, or its file, are told from others; what has not changed is not read again.
    pub digest: String,
    /// What its author wants done.
    pub wanted: Wanted,
    /// As its author has written it by now; none if it cannot be read.
    pub definition: Option<Definition>,
    /// Since when it is known.
    pub created: Timestamp,
    /// When its row was last seen to have changed, or somebody last decided something.
    pub changed: Timestamp,
    /// Its row or file is not there any more.
    #[serde(default)]
    pub gone: bool,
    /// It is to be looked at by the room that asks managers: its audience, its texts, its question.
    #[serde(default)]
    pub to_ask: bool,
    /// Why managers cannot be asked; empty if they can.
    #[serde(default)]
    pub problems: Vec<Problem>,
    /// The question that is open.
    #[serde(default)]
    pub asked: Option<Asked>,
    /// The last answer that sent it back, until its row is changed.
    #[serde(default)]
    pub returned: Option<Returned>,
    /// What was approved, and how far it is.
    #[serde(default)]
    pub run: Option<Run>,
    /// How many questions there were.
    #[serde(default)]
    pub questions: u32,
}

/// What managers were shown, and are to approve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Which question it is, counted from 1: buttons of an older one do nothing.
    pub number: u32,
    /// When.
    pub at: Timestamp,
    /// What is to be approved.
    pub definition: Definition,
    /// How many get a mail.
    pub recipients: u64,
    /// How many of the segment get none, by [`super::audience::Reason::code`].
    pub left_out: Vec<(String, u64)>,
    /// What differs from what was approved before, for people in the configured language; empty the first time.
    #[serde(default)]
    pub differs: Vec<String>,
}

/// A manager wants it changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Why; empty until they have said.
    pub why: String,
    /// Which question.
    #[serde(default)]
    pub number: u32,
    /// Its author has not been told yet: whoever sent it back was asked why, and may still say it.
    #[serde(default)]
    pub untold: bool,
}

/// An approved version on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What was approved.
    pub definition: Definition,
    /// By whom.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// When the first mail goes.
    pub send_at: Timestamp,
    /// How many get a mail.
    pub recipients: u64,
    /// How far writing its messages down has come.
    #[serde(default)]
    pub queued: u64,
    /// All its messages are written down, and those of an older version that are not among them are cancelled.
    #[serde(default)]
    pub frozen: bool,
    /// Its queue waits because of what stands here, not because somebody paused it otherwise.
    #[serde(default)]
    pub held: bool,
    /// Which question was answered; the audience is kept under it.
    pub number: u32,
    /// Who let the rest wait, and why.
    #[serde(default)]
    pub paused: Option<Halt>,
    /// Who ended it before its end, and why.
    #[serde(default)]
    pub stopped: Option<Halt>,
    /// When the last of its messages ended.
    #[serde(default)]
    pub done: Option<Timestamp>,
}

/// Where a campaign stands, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Being written.
    Draft,
    /// It cannot be asked for: see its problems.
    Faulty,
    /// Its audience is being gathered, its mails are being rendered.
    Preparing,
    /// Managers are asked.
    Asked,
    /// A manager wants it changed.
    Returned,
    /// Approved, and its hour has not come.
    Approved,
    /// On its way.
    Sending,
    /// What has not gone waits.
    Paused,
    /// What had not gone will not go.
    Stopped,
    /// Over.
    Done,
}

impl State {
    /// As in `--json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Faulty => "faulty",
            Self::Preparing => "preparing",
            Self::Asked => "asked",
            Self::Returned => "returned",
            Self::Approved => "approved",
            Self::Sending => "sending",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Done => "done",
        }
    }

    /// As a Vietnamese colleague says it.
    pub fn vietnamese(self) -> &'static str {
        match self {
            Self::Draft => "đang soạn",
            Self::Faulty => "cần sửa",
            Self::Preparing => "đang chuẩn bị",
            Self::Asked => "chờ duyệt",
            Self::Returned => "bị trả lại",
            Self::Approved => "đã duyệt",
            Self::Sending => "đang gửi",
            Self::Paused => "tạm dừng",
            Self::Stopped => "đã dừng",
            Self::Done => "đã gửi xong",
        }
    }
}

/// Why something cannot be done to a campaign now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// There is no open question, or another than was answered.
    NotAsked,
    /// Somebody has approved it already.
    AlreadyApproved,
    /// It has not been approved.
    NotApproved,
    /// It is over, or was stopped.
    Over,
}

impl Campaign {
    /// A campaign that is seen for the first time, and of which nothing has been read yet.
    pub fn new(id: CampaignId, name: &str, origin: Origin, now: Timestamp) -> Self {
        Self {
            id,
            name: name.to_owned(),
            origin,
            digest: String::new(),
            wanted: Wanted::Draft,
            definition: None,
            created: now,
            changed: now,
            gone: false,
            to_ask: false,
            problems: Vec::new(),
            asked: None,
            returned: None,
            run: None,
            questions: 0,
        }
    }

    /// Where it stands.
    pub fn state(&self, now: Timestamp) -> State {
        if let Some(run) = &self.run {
            if run.stopped.is_some() {
                return State::Stopped;
            }
            if run.done.is_some() {
                return State::Done;
            }
            if self.asked.is_some() && now < run.send_at {
                return State::Asked;
            }
            if run.paused.is_some() {
                return State::Paused;
            }
            return match now < run.send_at {
                true => State::Approved,
                false => State::Sending,
            };
        }
        if self.asked.is_some() {
            return State::Asked;
        }
        if self.to_ask {
            return State::Preparing;
        }
        if self.returned.is_some() {
            return State::Returned;
        }
        if !self.problems.is_empty() {
            return State::Faulty;
        }
        match self.wanted {
            Wanted::Stopped => State::Stopped,
            Wanted::Done => State::Done,
            Wanted::Draft | Wanted::Ready | Wanted::Paused => State::Draft,
        }
    }

    /// Whether its messages may still go.
    pub fn runs(&self) -> bool {
        self.run
            .as_ref()
            .is_some_and(|run| run.stopped.is_none() && run.done.is_none())
    }

    /// Takes what its row or file says now, or what is wrong with it.
    pub fn written(&mut self, written: Result<Definition, Vec<Problem>>, now: Timestamp) {
        self.changed = now;
        let came_back = std::mem::take(&mut self.gone);
        match written {
            Ok(definition) => {
                let same_text = self
                    .definition
                    .as_ref()
                    .is_some_and(|before| before.says_the_same(&definition));
                let wanted = definition.wanted;
                self.name.clone_from(&definition.name);
                self.origin = definition.origin.clone();
                self.problems.clear();
                self.definition = Some(definition);
                if self.wanted != wanted || came_back {
                    self.steered(wanted, now);
                }
                self.reconsider(same_text);
            }
            Err(problems) => {
                // What was approved goes on; what is written now can be asked about when it is mended.
                self.definition = None;
                self.asked = None;
                self.to_ask = false;
                self.problems = problems;
            }
        }
    }

    /// What the state cell asks for, which counts at once.
    pub fn steered(&mut self, wanted: Wanted, now: Timestamp) {
        self.wanted = wanted;
        let halt = |why: Why| Halt {
            by: Actor::Sheet,
            at: now,
            why,
        };
        let Some(run) = self.run.as_mut() else { return };
        match wanted {
            Wanted::Stopped => {
                run.stopped.get_or_insert_with(|| halt(Why::RowStops));
            }
            Wanted::Paused => {
                run.paused.get_or_insert_with(|| halt(Why::RowPauses));
            }
            Wanted::Ready => {
                if run.paused.as_ref().is_some_and(|by| by.by == Actor::Sheet) {
                    run.paused = None;
                }
            }
            Wanted::Draft | Wanted::Done => {}
        }
    }

    /// Whether managers are to be asked (again) about what is written now.
    fn reconsider(&mut self, same_text: bool) {
        let Some(definition) = &self.definition else {
            return;
        };
        let ready = self.wanted == Wanted::Ready;
        let approved = self
            .run
            .as_ref()
            .is_some_and(|run| run.definition.says_the_same(definition));
        let over = self.run.is_some() && !self.runs();
        let open = self
            .asked
            .as_ref()
            .is_some_and(|asked| asked.definition.says_the_same(definition));
        if !same_text {
            self.returned = None;
        }
        let sent_back = self.returned.is_some();
        self.to_ask = ready && !approved && !over && !open && !sent_back;
        if !open || !ready {
            self.asked = None; // its buttons say so
        }
    }

    /// Its row or file is gone: nothing more is sent of it.
    pub fn removed(&mut self, now: Timestamp) {
        if std::mem::replace(&mut self.gone, true) {
            return;
        }
        self.changed = now;
        self.to_ask = false;
        self.asked = None;
        if self.runs()
            && let Some(run) = self.run.as_mut()
        {
            run.stopped.get_or_insert(Halt {
                by: Actor::Sheet,
                at: now,
                why: Why::RowDeleted,
            });
        }
    }

    /// Managers are asked a new question.
    pub fn ask(&mut self, asked: Asked) {
        self.questions = asked.number;
        self.to_ask = false;
        self.problems.clear();
        self.returned = None;
        self.asked = Some(asked);
    }

    /// The number of the next question.
    pub fn next_question(&self) -> u32 {
        self.questions + 1
    }

    /// Managers cannot be asked.
    pub fn find_fault(&mut self, problems: Vec<Problem>) {
        self.to_ask = false;
        self.problems = problems;
    }

    /// A manager approves question `number`; the first one counts.
    ///
    /// # Errors
    /// Not asked, or approved already.
    pub fn approve(
        &mut self,
        number: u32,
        by: Actor,
        send_at: Timestamp,
        now: Timestamp,
    ) -> Result<&Run, NotNow> {
        let run_of_it = self.run.as_ref().is_some_and(|run| run.number == number);
        if run_of_it {
            return Err(NotNow::AlreadyApproved);
        }
        let Some(asked) = self.asked.take_if(|asked| asked.number == number) else {
            return Err(NotNow::NotAsked);
        };
        self.changed = now;
        let held = self.run.as_ref().is_some_and(|before| before.held);
        Ok(self.run.insert(Run {
            definition: asked.definition,
            by,
            at: now,
            send_at,
            recipients: asked.recipients,
            queued: 0,
            frozen: false,
            held,
            number,
            paused: None,
            stopped: None,
            done: None,
        }))
    }

    /// A manager sends question `number` back; with no `why` its author is not told before one could be said.
    ///
    /// # Errors
    /// Not asked, or approved already.
    pub fn send_back(
        &mut self,
        number: u32,
        by: Actor,
        why: Option<&str>,
        now: Timestamp,
    ) -> Result<(), NotNow> {
        if self.run.as_ref().is_some_and(|run| run.number == number) {
            return Err(NotNow::AlreadyApproved);
        }
        if self.asked.take_if(|asked| asked.number == number).is_none() {
            return Err(NotNow::NotAsked);
        }
        self.changed = now;
        self.returned = Some(Returned {
            by,
            at: now,
            why: why.unwrap_or_default().to_owned(),
            number,
            untold: why.is_none(),
        });
        Ok(())
    }

    /// Who its queue waits for now; none if it may go.
    pub fn waits_for(&self, now: Timestamp) -> Option<&str> {
        let run = self.run.as_ref()?;
        if let Some(halt) = run.stopped.as_ref().or(run.paused.as_ref()) {
            return Some(halt.by.as_str());
        }
        // Changed before its hour: it waits for the answer, also when the hour comes. After the hour what was
        // approved goes on.
        let asked_again = self.asked.is_some() || self.to_ask;
        let waits = asked_again && (now < run.send_at || run.held) || !run.frozen;
        waits.then_some("sheetbridge")
    }

    /// The approved version, if it may still be paused, resumed and stopped.
    ///
    /// # Errors
    /// Not approved, or over.
    pub fn running(&mut self) -> Result<&mut Run, NotNow> {
        match self.run.as_mut() {
            None => Err(NotNow::NotApproved),
            Some(run) if run.stopped.is_some() || run.done.is_some() => Err(NotNow::Over),
            Some(run) => Ok(run),
        }
    }
}

impl Definition {
    /// Whether another says the same to the same people: where the row stands, and what is wanted done with it, do
    /// not count.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.name == other.name
            && self.channel == other.channel
            && self.whom == other.whom
            && self.variants == other.variants
            && self.send_at == other.send_at
            && self.order == other.order
            && self.ad == other.ad
    }
}

#[cfg(test)]
mod tests;
