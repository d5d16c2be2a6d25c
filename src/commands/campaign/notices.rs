//! Who is told of a campaign, and the messages to them.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::core::campaign::Said;
use crate::core::campaign::life::{Campaign, State};
use crate::core::decide::notice;
use crate::core::facts::message::MailingFacts;
use crate::core::message::{Message, MessageKey, Recipient};
use crate::core::people::{Colleague, Directory, Role};
use crate::roster::Roster;
use crate::store::campaigns::Progress;
use crate::store::{Group, StoreError, ledger};

/// What notices about campaigns have as their rule.
pub(super) const NOTICE: &str = "campaigns";

/// So long is the bar of a campaign's progress.
const SQUARES: u64 = 10;

/// Who is to hear something of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearers {
    /// Those who may approve it.
    Deciders,
    /// Its author, and marketing.
    Makers,
    /// All of them.
    Everybody,
}

/// The people around a campaign.
#[derive(Clone, Debug, Default)]
struct Circle {
    /// Leaders who may approve it; the managers always may.
    leaders: Vec<Colleague>,
    /// Marketing, and its author if the staff list has them and they do not approve it.
    makers: Vec<Colleague>,
    /// Its author, if they approve it as well.
    author_decides: Option<Colleague>,
}

impl Circle {
    fn of(roster: &Roster, directory: &Directory, campaign: &Campaign) -> Self {
        let leaders_decide = roster.config().campaigns.approve == Role::Leader;
        let author = author(campaign).and_then(|name| directory.find(name));
        let mut circle = Self::default();
        for person in directory.all() {
            let is_author = author.is_some_and(|author| author.name == person.name);
            let decides = match person.role {
                Role::Manager => true,
                Role::Leader => leaders_decide,
                Role::Staff | Role::Marketing => false,
            };
            if decides && person.role == Role::Leader {
                circle.leaders.push(person.clone());
            }
            if decides && is_author {
                circle.author_decides = Some(person.clone());
            }
            if !decides && (is_author || person.role == Role::Marketing) {
                circle.makers.push(person.clone());
            }
        }
        circle
    }
}

/// Those who may approve campaigns: the role in the key of a question to them, and their name.
pub(super) fn deciders(roster: &Roster) -> Result<Vec<(String, String)>, StoreError> {
    let leaders = roster.config().campaigns.approve == Role::Leader;
    let directory = roster.directory()?;
    let roles = directory
        .all()
        .iter()
        .filter_map(|person| match person.role {
            Role::Manager => Some(("managers", person)),
            Role::Leader if leaders => Some(("colleague", person)),
            Role::Leader | Role::Staff | Role::Marketing => None,
        });
    Ok(roles
        .map(|(role, person)| (format!("{role}:{}", person.name), person.name.clone()))
        .collect())
}

/// Who wrote it, as its row says.
pub(super) fn author(campaign: &Campaign) -> Option<&str> {
    let written = campaign.definition.as_ref();
    let asked = campaign.asked.as_ref().map(|asked| &asked.definition);
    let run = campaign.run.as_ref().map(|run| &run.definition);
    written
        .or(asked)
        .or(run)
        .and_then(|definition| definition.author.as_deref())
}

/// What every notice says of a campaign.
pub fn mailing_facts(campaign: &Campaign) -> MailingFacts {
    MailingFacts {
        id: campaign.id.to_string(),
        name: campaign.name.clone(),
        author: author(campaign).map(str::to_owned),
        ..MailingFacts::default()
    }
}

/// When the first mail goes, for a button: `9:00`, or `9:00 15/12` on another day than today; none if that is now.
pub fn hour_of(roster: &Roster, at: Timestamp, now: Timestamp) -> Option<String> {
    let zone = &roster.config().calendar.zone;
    let (there, here) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let format = match (there.date() == here.date(), there.year() == here.year()) {
        (true, _) => "%-H:%M",
        (false, true) => "%-H:%M %-d/%-m",
        (false, false) => "%-H:%M %-d/%-m/%Y",
    };
    (at > now).then(|| there.strftime(format).to_string())
}

/// How far a campaign is, for the message that is written anew as it goes on.
pub fn progress_facts(
    campaign: &Campaign,
    progress: &Progress,
    vietnamese: bool,
    now: Timestamp,
) -> MailingFacts {
    let run = campaign.run.as_ref();
    let recipients = run.map_or(0, |run| run.recipients);
    let ended = recipients.saturating_sub(progress.waiting);
    let squares = (ended.saturating_mul(SQUARES) / recipients.max(1)).min(SQUARES);
    let bar = (0..SQUARES).map(|square| if square < squares { '▓' } else { '░' });
    let halt = run.and_then(|run| run.stopped.as_ref().or(run.paused.as_ref()));
    let said = |said: Said| said.text(vietnamese).to_owned();
    // A newer version that waits for an answer is another question: this is about what goes.
    let state = match run {
        Some(run) if run.done.is_some() && run.stopped.is_none() => State::Done,
        Some(run) if run.stopped.is_some() => State::Stopped,
        Some(run) if run.paused.is_some() => State::Paused,
        Some(_) => State::Sending,
        None => campaign.state(now),
    };
    MailingFacts {
        state: Some(state.as_str().to_owned()),
        bar: Some(bar.collect()),
        recipients,
        delivered: progress.delivered,
        failed: progress.failed,
        in_doubt: progress.in_doubt,
        by: halt.map(|halt| said(halt.by.said())),
        why: halt.and_then(|halt| halt.why.said()).map(said),
        ..mailing_facts(campaign)
    }
}

/// Queues a notice to those who are to hear it, but not to `but`.
///
/// # Returns
/// Keys of the messages that are new, each with the name of whom it goes to.
///
/// # Errors
/// The disk.
#[expect(
    clippy::too_many_arguments,
    reason = "each says another thing of the notice"
)]
pub fn tell_of_campaign(
    roster: &Roster,
    group: &mut Group,
    campaign: &Campaign,
    (template, occasion): (&str, &str),
    facts: &MailingFacts,
    hearers: Hearers,
    but: Option<&str>,
    now: Timestamp,
) -> Result<Vec<(MessageKey, String)>, StoreError> {
    let directory = roster.directory()?;
    let circle = Circle::of(roster, &directory, campaign);
    let deciding = json!({ "mailing": MailingFacts { decides: true, ..facts.clone() } });
    let watching = json!({ "mailing": facts });
    let one = |person: &Colleague, extra: &Value| {
        notice::to_colleague(person, NOTICE, template, occasion, extra, now)
    };
    let mut messages: Vec<Message> = Vec::new();
    if hearers != Hearers::Makers {
        messages = notice::to_managers(&directory, NOTICE, template, occasion, &deciding, now);
        messages.extend(circle.leaders.iter().map(|person| one(person, &deciding)));
    }
    if hearers != Hearers::Deciders {
        messages.extend(circle.makers.iter().map(|person| one(person, &watching)));
    }
    if hearers == Hearers::Makers {
        let author = circle.author_decides.iter();
        messages.extend(author.map(|person| one(person, &watching)));
    }
    let mut told = Vec::new();
    for message in &messages {
        let name = match &message.to {
            Recipient::Staff(name) => name.clone(),
            Recipient::Customer | Recipient::Owner(_) | Recipient::Alerts => String::new(),
        };
        if but == Some(name.as_str()) {
            continue;
        }
        if ledger::queue(roster.store(), group, message)? {
            told.push((message.key.clone(), name));
        }
    }
    Ok(told)
}

/// Queues a notice to one of the company's people alone; no other way is tried if their chat cannot be reached.
pub(super) fn tell_one(
    roster: &Roster,
    group: &mut Group,
    person: &Colleague,
    (template, occasion): (&str, &str),
    facts: &MailingFacts,
    now: Timestamp,
) -> Result<(), StoreError> {
    let extra = json!({ "mailing": facts });
    let message = notice::to_colleague(person, NOTICE, template, occasion, &extra, now);
    let message = Message {
        otherwise: Vec::new(),
        ..message
    };
    ledger::queue(roster.store(), group, &message)?;
    Ok(())
}
