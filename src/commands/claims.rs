//! People whom several of the company claim: who was first, and what a manager decides. The decision is kept; the
//! sheet stays the staff's to change.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Amendment, Answer, CommandError, Desk, ErrorKind, Right, Scope, Who, may};
use crate::config::Language;
use crate::core::claim::{Claim, Keep, Side, Step, Verdict, sides, step};
use crate::core::decide::notice;
use crate::core::facts::message::ClaimFacts;
use crate::core::record::{Record, RecordId};
use crate::core::rule::Channel;
use crate::store::{Group, ledger};

/// Stands where a rule's id would in the keys of what the owners are told, and is its template.
const DECIDED: &str = "claim-decided";

/// A claim, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimLine {
    /// `open`, `decided`, or `over`: the sheet names one side only now.
    pub state: String,
    /// Local ISO time at which it was noticed.
    pub opened: String,
    /// The sides, the evidence and the decision.
    pub claim: ClaimFacts,
}

/// What the walk over all rows came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsFound {
    /// How many were not known before.
    pub new: usize,
    /// How many are open now.
    pub open: usize,
}

/// What a card says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimOnCard {
    /// Everybody who claims them; for managers only, as long as nothing is decided.
    pub names: Vec<String>,
    /// Whose they are by the decision.
    pub kept: Option<String>,
    /// Whether they are looked after together.
    pub together: bool,
    /// Who decided.
    pub by: Option<String>,
    /// Local ISO time of the decision.
    pub at: Option<String>,
}

impl Desk {
    /// The open claims, the oldest first; with `all`, also those that are decided or over. For managers.
    ///
    /// # Errors
    /// The role, the disk.
    pub fn claims(&self, all: bool, who: &Who) -> Answer<Vec<ClaimLine>> {
        self.must_all(who, Right::Steer)?;
        let mut lines = Vec::new();
        for claim in self.roster.store().claims()? {
            if !all && state(&claim) != "open" {
                continue;
            }
            let facts = self.roster.claim_facts(&claim, &self.rows_of(&claim)?)?;
            // A handover may have ended it without a word in the sheet.
            let state = match (state(&claim), facts.sides.len()) {
                ("open", 0 | 1) => "over",
                (state, _) => state,
            };
            if all || state == "open" {
                lines.push(ClaimLine {
                    state: state.to_owned(),
                    opened: self.local(claim.opened),
                    claim: facts,
                });
            }
        }
        Ok(lines)
    }

    /// Decides whose a customer is; once. `keep` names one of a side, none: they look after the customer together.
    /// `question` is a claim's id, with `#` and a number the very question that was asked; `asked` the key of the
    /// message under which the button stood.
    ///
    /// # Errors
    /// The role, no such claim, it was decided before or is over, nobody of that name claims the customer, the disk.
    pub fn claim_decide(
        &self,
        question: &str,
        keep: Option<&str>,
        asked: Option<&str>,
        who: &Who,
        now: Timestamp,
    ) -> Answer<ClaimFacts> {
        self.must_all(who, Right::Steer)?;
        let store = self.roster.store();
        let _alone = store.alone();
        let (id, round) = question.split_once('#').unwrap_or((question, ""));
        let Some(mut claim) = store.claim(id)? else {
            return Err(no_such_claim(id));
        };
        let rows = self.rows_of(&claim)?;
        let found = sides(&self.roster.standings(&rows)?);
        self.still_open(&claim, round, &found)?;
        let keep = match keep {
            Some(name) => Keep::For(self.side_of(name, &found)?.owners.clone()),
            None => Keep::Together,
        };
        claim.verdict = Some(Verdict {
            keep,
            by: who.name().to_owned(),
            at: now,
        });
        let mut group = Group::default();
        group.put_claim(&claim);
        let facts = self.roster.claim_facts(&claim, &rows)?;
        let kept = facts.kept.as_deref().unwrap_or_default();
        let did = match facts.together {
            true => format!("decided that {kept} look after the customer together"),
            false => format!("decided that the customer is {kept}'s"),
        };
        for record in &claim.records {
            self.note_hand(&mut group, now, Some(record), who, &did);
        }
        self.tell_sides(&mut group, &claim, &facts, &found, now)?;
        let why = format!("{} has decided already", who.name());
        for told in self
            .roster
            .withdraw_question(&mut group, &claim, claim.round, &why)?
        {
            if told.channel == Channel::Telegram && asked != Some(told.key.as_str()) {
                let amendment = Amendment {
                    question: told.key.clone(),
                    line: self.decided_line(&facts),
                    due: now,
                    tries: 0,
                };
                group.put(amendment.key(), &amendment);
            }
        }
        store.commit(vec![group])?;
        Ok(facts)
    }

    /// Looks through all rows for people whom several claim, and lists those that were not known: what stood in the
    /// sheet before the daemon came. Nobody is told. How many are new, and open in all.
    ///
    /// # Errors
    /// The role, the disk.
    pub fn claims_find(&self, who: &Who, now: Timestamp) -> Answer<ClaimsFound> {
        self.must_all(who, Right::Steer)?;
        let store = self.roster.store();
        let _alone = store.alone();
        let mut seen: BTreeSet<RecordId> = BTreeSet::new();
        let (mut groups, mut new) = (Vec::new(), 0);
        for id in self.roster.who_may_share()? {
            if seen.contains(&id) {
                continue;
            }
            let Some(record) = store.record(&id)?.filter(|one| one.gone.is_none()) else {
                continue;
            };
            let mut rows = self.roster.others_of_person(&record, |id| {
                Ok(store.record(id)?.filter(|one| one.gone.is_none()))
            })?;
            rows.push(record);
            let ids: Vec<RecordId> = rows.iter().map(|one| one.id.clone()).collect();
            seen.extend(ids.iter().cloned());
            let mut known = None;
            for id in &ids {
                known = known.or(store.claim_of(id)?);
            }
            let sides = sides(&self.roster.standings(&rows)?);
            if known.is_none()
                && let Step::Asked(claim) = step(None, &ids, &sides, now)
            {
                let mut group = Group::default();
                group.put_claim(&claim);
                groups.push(group);
                new += 1;
            }
        }
        store.commit(groups)?;
        let open = self.claims_open()?;
        Ok(ClaimsFound { new, open })
    }

    /// How many wait for a manager.
    pub(super) fn claims_open(&self) -> Answer<usize> {
        let claims = self.roster.store().claims()?;
        Ok(claims.iter().filter(|claim| state(claim) == "open").count())
    }

    /// What a card says of a claim; nothing if there is none, or none that whoever asks may know of.
    pub(super) fn claim_on_card(
        &self,
        record: &RecordId,
        who: &Who,
    ) -> Answer<Option<ClaimOnCard>> {
        let Some(claim) = self.roster.store().claim_of(record)? else {
            return Ok(None);
        };
        let manager = may(who, Right::Steer) == Scope::All;
        let facts = self.roster.claim_facts(&claim, &self.rows_of(&claim)?)?;
        Ok(match (state(&claim), manager) {
            ("decided", _) => Some(ClaimOnCard {
                names: Vec::new(),
                kept: facts.kept,
                together: facts.together,
                by: facts.by,
                at: facts.decided,
            }),
            ("open", true) => Some(ClaimOnCard {
                names: facts.sides.into_iter().map(|side| side.names).collect(),
                ..ClaimOnCard::default()
            }),
            _ => None,
        })
    }

    /// The rows of a claim that are there.
    fn rows_of(&self, claim: &Claim) -> Answer<Vec<Record>> {
        let mut rows = Vec::new();
        for id in &claim.records {
            let record = self.roster.store().record(id)?;
            rows.extend(record.filter(|record| record.gone.is_none()));
        }
        Ok(rows)
    }

    fn still_open(&self, claim: &Claim, round: &str, found: &[Side]) -> Answer<()> {
        if let Some(verdict) = &claim.verdict {
            return Err(self.decided_before(claim, verdict));
        }
        if claim.over.is_some() || found.len() < 2 {
            return Err(CommandError::new(
                ErrorKind::TooLate,
                "the sheet names one side only now: there is nothing left to decide",
                "Trên bảng nay chỉ còn một bên phụ trách khách này, không cần quyết định nữa.",
            ));
        }
        if !round.is_empty() && round != claim.round.to_string() {
            return Err(CommandError::new(
                ErrorKind::TooLate,
                "somebody else claims this customer by now: see the newer question, or `sheetbridge claims list`",
                "Nay có thêm người cùng nhận khách này. Anh/chị xem câu hỏi mới hơn, hoặc bấm /trung.",
            ));
        }
        Ok(())
    }

    fn decided_before(&self, claim: &Claim, verdict: &Verdict) -> CommandError {
        let at = self.local(verdict.at);
        let hour = at.get(11..16).unwrap_or_default();
        let date = at.get(8..10).zip(at.get(5..7));
        let day = date
            .map(|(day, month)| format!(" {day}/{month}"))
            .unwrap_or_default();
        let by = &verdict.by;
        let by_vi = if by == "the command line" {
            "Quản trị"
        } else {
            by
        };
        let (vi, en) = match &verdict.keep {
            Keep::For(names) => {
                let names = names.join(" + ");
                (format!("giữ cho {names}"), format!("for {names}"))
            }
            Keep::Together => ("cùng chăm".to_owned(), "together".to_owned()),
        };
        CommandError::new(
            ErrorKind::TooLate,
            format!("{by} has decided {} already, at {at}: {en}", claim.id),
            format!("{by_vi} đã quyết định lúc {hour}{day}: {vi}."),
        )
    }

    /// The side on which somebody is.
    fn side_of<'a>(&self, name: &str, sides: &'a [Side]) -> Answer<&'a Side> {
        let directory = self.roster.directory()?;
        let wanted = |side: &&Side| {
            let person = directory.find(name);
            let named = person.is_some_and(|person| side.owners.contains(&person.name));
            named || side.owners.join(" + ") == name
        };
        sides.iter().find(wanted).ok_or_else(|| {
            let names: Vec<String> = sides.iter().map(|side| side.owners.join(" + ")).collect();
            let names = names.join(", ");
            CommandError::new(
                ErrorKind::Usage,
                format!("\"{name}\" does not claim this customer; there are {names}"),
                format!("{name} không nhận khách này; đang nhận là {names}."),
            )
        })
    }

    /// Everybody who claimed the customer hears what was decided.
    fn tell_sides(
        &self,
        group: &mut Group,
        claim: &Claim,
        facts: &ClaimFacts,
        found: &[Side],
        now: Timestamp,
    ) -> Answer<()> {
        let directory = self.roster.directory()?;
        let kept: &[String] = match claim.verdict.as_ref().map(|verdict| &verdict.keep) {
            Some(Keep::For(names)) => names,
            Some(Keep::Together) | None => &[],
        };
        for name in found.iter().flat_map(|side| &side.owners) {
            let Some(person) = directory.find(name) else {
                continue;
            };
            let own = ClaimFacts {
                yours: kept.contains(name),
                by: facts.by.as_deref().map(|by| self.shown_by(by)),
                ..facts.clone()
            };
            let extra = json!({ "claim": own });
            let occasion = &facts.question;
            let message = notice::to_colleague(person, DECIDED, DECIDED, occasion, &extra, now);
            ledger::queue(self.roster.store(), group, &message)?;
        }
        Ok(())
    }

    fn shown_by(&self, by: &str) -> String {
        match (by, self.language()) {
            ("the command line", Language::Vi) => "Quản lý".to_owned(),
            ("the command line", Language::En) => "A manager".to_owned(),
            (name, _) => name.to_owned(),
        }
    }

    /// What the other managers' chats read below the question.
    fn decided_line(&self, facts: &ClaimFacts) -> String {
        let escape = |text: &str| {
            text.replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
        };
        let by = escape(&self.shown_by(facts.by.as_deref().unwrap_or_default()));
        let kept = escape(facts.kept.as_deref().unwrap_or_default());
        match (self.language(), facts.together) {
            (Language::Vi, true) => format!("✔️ <b>{by}</b> đã quyết định: {kept} cùng chăm"),
            (Language::Vi, false) => format!("✔️ <b>{by}</b> đã quyết định: giữ cho {kept}"),
            (Language::En, true) => format!("✔️ <b>{by}</b> has decided: {kept} together"),
            (Language::En, false) => format!("✔️ <b>{by}</b> has decided: for {kept}"),
        }
    }
}

fn state(claim: &Claim) -> &'static str {
    match (&claim.verdict, claim.over) {
        (Some(_), _) => "decided",
        (None, Some(_)) => "over",
        (None, None) => "open",
    }
}

fn no_such_claim(id: &str) -> CommandError {
    CommandError::new(
        ErrorKind::NotFound,
        format!("there is no claim \"{id}\": `sheetbridge claims list` shows them"),
        "Không còn tìm thấy việc này nữa. Bấm /trung để xem danh sách.",
    )
}
