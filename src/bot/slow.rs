//! Answers for which every row has to be read. Where there are very many rows a word is said at once, and what was
//! asked for comes in its place: nobody else waits meanwhile.

use jiff::Timestamp;

use super::answer::{self, DigestText, Reply};
use super::menu::Command;
use super::words::Words;
use super::{handover, report};
use crate::commands::{Answer, Desk, Right, Who};
use crate::core::insight::period::Preset;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Slow {
    /// `/hethong`.
    Status,
    /// `/bantin`.
    Digest,
    /// `/baocao`.
    Report(Preset),
    /// `/bangiao` with a name.
    Handover(String),
    /// `/khach`, `/homnay` and `/canlienhe`, which read all rows once, after a start.
    List(Command, String),
}

/// What is still to be said, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Later {
    slow: Slow,
    who: Who,
}

impl Slow {
    /// The answer, or a word now if that takes its time.
    pub(super) fn said(
        self,
        desk: &Desk,
        digest: Option<&DigestText>,
        who: &Who,
        now: Timestamp,
    ) -> Answer<Vec<Reply>> {
        let right = match self {
            Self::Status => Right::Status,
            Self::Digest => Right::Digest,
            Self::Report(_) => Right::Totals,
            Self::Handover(_) => Right::People,
            Self::List(Command::Customers, _) => Right::Totals,
            Self::List(_, _) => Right::Customers,
        };
        let at_hand = match &self {
            Self::Status => desk.findings_at_hand(),
            Self::Report(preset) => {
                let today = desk.roster.config().calendar.date(now);
                desk.figures_at_hand(&[preset.days(today)], who)
            }
            Self::List(_, _) => desk.roster.is_looked_over(),
            Self::Digest | Self::Handover(_) => false,
        };
        // Whoever may not ask is told so at once.
        if at_hand || !desk.has_many_rows()? || !desk.allows(who, right) {
            return self.answer(desk, digest, who, now);
        }
        let words = Words(desk.language());
        let mut reply = Reply::of(words.in_a_moment());
        reply.later = Some(Later {
            slow: self,
            who: who.clone(),
        });
        Ok(vec![reply])
    }

    fn answer(
        &self,
        desk: &Desk,
        digest: Option<&DigestText>,
        who: &Who,
        now: Timestamp,
    ) -> Answer<Vec<Reply>> {
        let words = Words(desk.language());
        match self {
            Self::Status => Ok(vec![Reply::of(words.status(&desk.status(who, now)?))]),
            Self::Report(preset) => report::report(desk, words, who, *preset, now),
            Self::Handover(name) => handover::asked(desk, words, who, name, now),
            Self::List(command, rest) => {
                let said = answer::list(desk, words, who, *command, rest, now)?;
                Ok(vec![Reply::of(said)])
            }
            Self::Digest => match digest {
                Some(digest) => answer::digest_now(desk, digest, words, who, now),
                None => Ok(Vec::new()),
            },
        }
    }
}

impl Later {
    /// What was asked for.
    pub(super) fn answer(&self, desk: &Desk, digest: &DigestText, now: Timestamp) -> Vec<Reply> {
        let said = self.slow.answer(desk, Some(digest), &self.who, now);
        said.unwrap_or_else(|error| answer::refused(Words(desk.language()), &error))
    }
}

impl Words {
    fn in_a_moment(self) -> String {
        self.pick(
            "⏳ Đang xem lại toàn bộ khách, kết quả sẽ hiện ở đây sau ít giây…",
            "⏳ Going over all customers: the answer comes here in a few seconds…",
        )
    }

    /// Too many ask at the same time.
    pub(super) fn busy(self) -> String {
        self.pick(
            "Nhiều người đang hỏi cùng lúc. Anh/chị vui lòng hỏi lại sau ít phút.",
            "Many are asking at the same time. Please ask again in a few minutes.",
        )
    }
}
