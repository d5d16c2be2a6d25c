//! Held batches: which wait, and what a manager says to them. The cycle acts on it at its next poll.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, CommandError, Desk, ErrorKind, Right, Who};
use crate::cycle::{Held, HeldDecision, held_key};
use crate::store::Group;
use crate::store::journal::{Entry, What};
use crate::store::keys::prefix;

/// One held batch, as `held list --json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLine {
    /// As people type it: `h-1`.
    pub id: String,
    /// Title of the workbook, or its id before its title is known.
    pub workbook: String,
    /// Local ISO time with offset.
    pub since: String,
    /// Why, in English.
    pub why: String,
    /// Why, in Vietnamese.
    pub why_vi: String,
    /// Records that would be added, changed and removed, and messages that would be sent.
    pub added: u32,
    /// See `added`.
    pub changed: u32,
    /// See `added`.
    pub removed: u32,
    /// See `added`.
    pub messages: u32,
    /// A few of the changes.
    pub samples: Vec<String>,
    /// `release` or `drop` once somebody has decided; it takes effect at the next poll.
    pub decision: Option<String>,
    /// Who decided.
    pub by: Option<String>,
}

impl Desk {
    /// The batches that wait, the oldest first.
    ///
    /// # Errors
    /// The role, the disk.
    pub fn held_list(&self, who: &Who) -> Answer<Vec<HeldLine>> {
        self.must_all(who, Right::Steer)?;
        self.held_batches()?
            .iter()
            .map(|held| self.held_line(held))
            .collect()
    }

    /// Says yes (`release`) or no (drop) to a batch. The first who decides wins.
    ///
    /// # Errors
    /// The role, no such batch, another decision was made before, the disk.
    pub fn held_decide(
        &self,
        id: &str,
        release: bool,
        who: &Who,
        now: Timestamp,
    ) -> Answer<HeldLine> {
        self.must_all(who, Right::Steer)?;
        let store = self.roster.store();
        let _alone = store.alone();
        let waiting = self.held_batches()?;
        let Some(mut held) = waiting.iter().find(|held| held.id == id).cloned() else {
            return Err(no_such_batch(id, &waiting));
        };
        if let (Some(decision), Some(by)) = (held.decision, &held.by) {
            return Err(already(&held.id, decision, by));
        }
        let decision = if release {
            HeldDecision::Release
        } else {
            HeldDecision::Drop
        };
        held.decision = Some(decision);
        held.by = Some(who.name().to_owned());
        let mut group = Group::default();
        group.put(held_key(&held.workbook), &held);
        let text = format!("{}: {} said {}", held.id, who.name(), word(decision));
        store.note(
            &mut group,
            &Entry {
                at: now,
                record: None,
                what: What::Held,
                text,
                stages: None,
                moved: None,
            },
        );
        store.commit(vec![group])?;
        self.held_line(&held)
    }

    pub(super) fn held_batches(&self) -> Answer<Vec<Held>> {
        let entries = self.roster.store().scan::<Held>(prefix::HELD);
        let mut held = entries
            .map(|entry| entry.map(|(_, held)| held))
            .collect::<Result<Vec<_>, _>>()?;
        held.sort_by(|a, b| (a.since, &a.id).cmp(&(b.since, &b.id)));
        Ok(held)
    }

    pub(super) fn held_line(&self, held: &Held) -> Answer<HeldLine> {
        Ok(HeldLine {
            id: held.id.clone(),
            workbook: self.workbook_name(&held.workbook)?,
            since: self.local(held.since),
            why: held.text.clone(),
            why_vi: held.shown.vietnamese(),
            added: held.counts.added,
            changed: held.counts.changed,
            removed: held.counts.removed,
            messages: held.counts.messages,
            samples: held.samples.clone(),
            decision: held.decision.map(|decision| word(decision).to_owned()),
            by: held.by.clone(),
        })
    }

    /// Its title, or its id before its title is known.
    pub(super) fn workbook_name(&self, id: &str) -> Answer<String> {
        let title = self.roster.workbook(id)?.title;
        Ok(if title.is_empty() {
            id.to_owned()
        } else {
            title
        })
    }
}

fn word(decision: HeldDecision) -> &'static str {
    match decision {
        HeldDecision::Release => "release",
        HeldDecision::Drop => "drop",
    }
}

fn already(id: &str, decision: HeldDecision, by: &str) -> CommandError {
    let vi = match decision {
        HeldDecision::Release => format!("{by} đã duyệt đợt này rồi, lần đọc tới sẽ xử lý."),
        HeldDecision::Drop => {
            format!("{by} đã chọn bỏ qua đợt này rồi, lần đọc tới sẽ lấy làm mốc mới.")
        }
    };
    let said = word(decision);
    CommandError::new(
        ErrorKind::TooLate,
        format!("{by} has already said {said} to {id}; it takes effect at the next poll"),
        vi,
    )
}

fn no_such_batch(id: &str, waiting: &[Held]) -> CommandError {
    let ids: Vec<&str> = waiting.iter().map(|held| held.id.as_str()).collect();
    let known = match ids[..] {
        [] => "no batch is held".to_owned(),
        _ => format!("held are {}", ids.join(", ")),
    };
    CommandError::new(
        ErrorKind::NotFound,
        format!(
            "there is no held batch {id}: {known}; it may have been decided, or put right in the sheet"
        ),
        "Đợt này không còn bị giữ nữa: đã được duyệt, đã bỏ qua, hoặc bảng tính đã được sửa lại.",
    )
}
