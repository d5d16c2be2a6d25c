//! Backups while the daemon runs, what a restore leaves to be settled, and what clean-up did last.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, CommandError, Desk, ErrorKind, Who};
use crate::config::Language;
use crate::core::decide::notice;
use crate::core::facts::local_text;
use crate::core::facts::message::TroubleFacts;
use crate::roster::Roster;
use crate::store::backup::{self, BackupError, Summary};
use crate::store::gap::{self, Found, Gap};
use crate::store::journal::{Entry, What};
use crate::store::keys::{self, Key, prefix};
use crate::store::{Group, StoreError, ledger};

/// What a backup that somebody asked for is called until they have taken it.
const ASKED: &str = "asked-";

/// A backup that the daemon made for the command line, which takes it from the state folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupMade {
    /// Its name in the folder of backups.
    pub name: String,
    /// What is in it.
    pub summary: Summary,
}

/// What clean-up did last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Upkeep {
    /// When old stories were last packed away and cleared.
    pub cleaned: Option<Timestamp>,
    /// When the store was last written anew because most of it was garbage.
    pub compacted: Option<Timestamp>,
    /// Bytes on disk before and after that.
    pub bytes: Option<(u64, u64)>,
    /// When the last automatic backup was made.
    pub backed_up: Option<Timestamp>,
    /// Why the last automatic backup failed, if it did.
    pub backup_failed: Option<String>,
}

fn upkeep_key() -> Key {
    keys::under(prefix::META, "upkeep")
}

impl From<BackupError> for CommandError {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Store(error) => error.into(),
            other => Self::plain(ErrorKind::Store, other.to_string()),
        }
    }
}

impl Desk {
    /// Makes a backup in the state folder, where the daemon may write; whoever asked takes it from there.
    ///
    /// # Errors
    /// Anybody but the command line; the disk.
    pub fn backup(&self, who: &Who, now: Timestamp) -> Answer<BackupMade> {
        if *who != Who::CommandLine {
            return Err(CommandError::not_allowed());
        }
        let store = self.roster.store();
        let folder = backup::folder(store.dir());
        backup::private_folder(&folder)?;
        let name = format!("{ASKED}{}.backup", now.as_millisecond());
        let version = env!("CARGO_PKG_VERSION");
        let summary = backup::write(store, &folder.join(&name), (version, now), true)?;
        Ok(BackupMade { name, summary })
    }

    /// What clean-up did last.
    ///
    /// # Errors
    /// The disk.
    pub fn upkeep(&self) -> Result<Upkeep, StoreError> {
        Ok(self.roster.store().get(&upkeep_key())?.unwrap_or_default())
    }

    /// Keeps what clean-up did.
    ///
    /// # Errors
    /// The disk.
    pub fn keep_upkeep(&self, upkeep: &Upkeep) -> Result<(), StoreError> {
        let mut group = Group::default();
        group.put(upkeep_key(), upkeep);
        self.roster.store().commit(vec![group])
    }
}

/// Sees to what may have been sent between a backup and its restore, and tells the managers.
///
/// # Errors
/// The disk.
pub fn after_restore(roster: &Roster, gap: Gap) -> Result<Found, StoreError> {
    let workbooks: Vec<String> = roster
        .config()
        .workbooks
        .iter()
        .map(|book| book.id.clone())
        .collect();
    let found = gap::open(roster.store(), gap, &workbooks)?;
    let language = roster.config().language;
    let zone = roster.config().calendar.zone.clone();
    let facts = TroubleFacts {
        service: "restored".to_owned(),
        detail: Some(detail(language, found)),
        mend: Some(mend(language).to_owned()),
        since: Some(local_text(gap.from.to_zoned(zone).datetime())),
        ..TroubleFacts::default()
    };
    let mut group = Group::default();
    for message in notice::to_managers(
        &roster.directory()?,
        "trouble",
        "trouble",
        &format!("restored {}", gap.to),
        &serde_json::json!({ "trouble": facts }),
        gap.to,
    ) {
        ledger::queue(roster.store(), &mut group, &message)?;
    }
    let entry = Entry {
        at: gap.to,
        record: None,
        what: What::Hand,
        text: format!(
            "the command line: restored the backup of {}; {} messages are in doubt because of it",
            gap.from, found.in_doubt
        ),
        stages: None,
        moved: None,
    };
    roster.store().note(&mut group, &entry);
    roster.store().commit(vec![group])?;
    Ok(found)
}

fn detail(language: Language, found: Found) -> String {
    let (doubt, timers) = (found.in_doubt, found.timers);
    match language {
        Language::Vi => format!(
            "Không biết tin nào đã gửi từ lúc sao lưu đến nay, nên không gửi lại gì. {doubt} tin đang chờ lúc đó và {timers} lời nhắc đến hạn trong thời gian đó được để ở mục “chưa rõ đã tới”."
        ),
        Language::En => format!(
            "Nobody knows what was sent since the backup was made, so nothing is sent again. {doubt} messages that waited then, and {timers} reminders that were due meanwhile, are kept as “in doubt”."
        ),
    }
}

fn mend(language: Language) -> &'static str {
    match language {
        Language::Vi => {
            "nhờ người quản trị xem danh sách đó: sheetbridge outbox list --state in_doubt"
        }
        Language::En => {
            "ask the admin to go through them: sheetbridge outbox list --state in_doubt"
        }
    }
}
