//! From what a person writes or presses to what is said back. No network here: store work and words only.

use std::sync::Arc;

use jiff::Timestamp;

use super::campaigns;
use super::claims;
use super::handover;
use super::menu::{self, Command};
use super::notes;
use super::rest as resting;
use super::slow::{Later, Slow};
use super::subscription;
use super::words::{Words, parts};
use crate::commands::{
    Action, Answer, CommandError, Desk, ErrorKind, Pressed, Right, Scope, Who, may, paused_list,
};
use crate::core::insight::period::Preset;

/// Renders the digest as the messages of a chat, in Telegram's HTML. Given by the daemon, which has the templates.
pub type DigestText = Arc<dyn Fn(&Desk, Timestamp) -> Result<Vec<String>, String> + Send + Sync>;

/// A message to write, with rows of buttons: label and what is sent back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) html: String,
    pub(super) buttons: Vec<Vec<(String, String)>>,
    /// What comes in its place.
    pub(super) later: Option<Later>,
}

impl Reply {
    pub(super) fn of(html: impl Into<String>) -> Self {
        Self {
            html: html.into(),
            ..Self::default()
        }
    }
}

/// What is said back to a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) replies: Vec<Reply>,
    /// The person was bound just now: their menu is to be set.
    pub(super) bound: Option<Who>,
    /// Something was done for which others should look at once.
    pub(super) acted: bool,
}

/// What is said back to a press.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PressSaid {
    /// For the one who pressed, at most 200 letters.
    pub(super) toast: String,
    /// Whether it wants to be closed by hand.
    pub(super) alert: bool,
    /// A line under the message, for all who see it.
    pub(super) line: Option<String>,
    /// Whether the buttons are of no use any more.
    pub(super) over: bool,
    /// Something was done for which others should look at once.
    pub(super) acted: bool,
    /// What is said besides, in the same chat.
    pub(super) replies: Vec<Reply>,
}

/// Longest text of `answerCallbackQuery` (Bot API).
const LONGEST_TOAST: usize = 200;

/// A text that came in a private chat or in a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard<'a> {
    /// Who wrote it.
    pub(super) from: i64,
    /// Where.
    pub(super) chat: i64,
    /// Whether nobody else reads there.
    pub(super) private: bool,
    /// What.
    pub(super) text: &'a str,
    /// Which message of that chat it answers.
    pub(super) answers: Option<i32>,
}

/// Answers a text.
pub(super) fn to_text(desk: &Desk, digest: &DigestText, heard: &Heard<'_>, now: Timestamp) -> Said {
    let Heard {
        from,
        chat,
        private,
        text,
        ..
    } = *heard;
    let words = Words(desk.language());
    let bot = desk
        .health
        .as_ref()
        .and_then(crate::health::Health::bot_username);
    let command = menu::read(text, bot.as_deref());
    if let Some((Command::Start, token)) = command
        && !token.is_empty()
    {
        return start(desk, words, token, chat, private, now);
    }
    // Groups are not answered: names and numbers of customers are not for everybody in them.
    if !private {
        return Said::default();
    }
    let who = match desk.who_is(from) {
        Ok(who) => who,
        Err(error) => return said(refused(words, &error)),
    };
    if who == Who::Stranger {
        return said(vec![Reply::of(
            words.stranger(&desk.roster.config().company.name),
        )]);
    }
    let replies = match command {
        Some((command, rest)) => to_command(desk, digest, words, &who, command, rest, now),
        None => match answered(desk, words, &who, heard, now) {
            Ok(Some(reply)) => {
                return Said {
                    replies: vec![reply],
                    acted: true,
                    ..Said::default()
                };
            }
            // Other words are looked for among the customers.
            Ok(None) if looks_like_a_contact(text) => find(desk, words, &who, text, now),
            Ok(None) => Ok(find(desk, words, &who, text, now)
                .unwrap_or_else(|_| vec![Reply::of(words.not_understood())])),
            Err(error) => Err(error),
        },
    };
    said(replies.unwrap_or_else(|error| refused(words, &error)))
}

fn said(replies: Vec<Reply>) -> Said {
    Said {
        replies,
        ..Said::default()
    }
}

pub(super) fn refused(words: Words, error: &CommandError) -> Vec<Reply> {
    if error.kind == ErrorKind::Store {
        tracing::error!("a question to the bot failed: {}", error.text);
    }
    vec![Reply::of(super::words::escape(error.shown(words.0)))]
}

fn start(desk: &Desk, words: Words, token: &str, chat: i64, private: bool, now: Timestamp) -> Said {
    match desk.redeem(token, chat, private, now) {
        Ok(newcomer) => Said {
            replies: vec![Reply::of(words.welcome(&newcomer))],
            bound: Some(Who::Colleague {
                name: newcomer.name,
                role: newcomer.role,
            }),
            acted: true,
        },
        Err(error) => said(refused(words, &error)),
    }
}

/// What somebody writes who was asked something, or who answers a reminder.
fn answered(
    desk: &Desk,
    words: Words,
    who: &Who,
    heard: &Heard<'_>,
    now: Timestamp,
) -> Answer<Option<Reply>> {
    let text = heard.text.trim();
    // A picture without a word, or a command that does not exist, is no answer.
    if text.is_empty() || text.starts_with('/') {
        return Ok(None);
    }
    if let Some(message) = heard.answers
        && let Some(line) = desk.note_reply((heard.chat, message), text, who, now)?
    {
        return notes::noted(desk, words, who, &line, now).map(Some);
    }
    // A number alone is looked for, whatever was asked.
    if looks_like_a_contact(text) {
        return Ok(None);
    }
    // Of two questions the last one is meant.
    let of_customer = desk.asked_at(who, now)?;
    if of_customer > desk.campaign_asked_at(who, now)? {
        let line = desk.note_asked(text, who, now)?;
        return line
            .map(|line| notes::noted(desk, words, who, &line, now))
            .transpose();
    }
    let given = desk.campaign_why(text, who, now)?;
    Ok(given.map(|given| Reply::of(words.why_given(&given))))
}

/// A number or an address alone is a question for the customer who has it.
fn looks_like_a_contact(text: &str) -> bool {
    let text = text.trim();
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let phone = digits >= 8
        && text
            .chars()
            .all(|c| c.is_ascii_digit() || " .+-()".contains(c));
    phone || (text.contains('@') && !text.contains(char::is_whitespace))
}

fn to_command(
    desk: &Desk,
    digest: &DigestText,
    words: Words,
    who: &Who,
    command: Command,
    rest: &str,
    now: Timestamp,
) -> Answer<Vec<Reply>> {
    match command {
        Command::Start | Command::Help => {
            Ok(vec![Reply::of(words.help(&menu::menu(words.0, |right| {
                desk.allows(who, right)
            })))])
        }
        Command::Status => Slow::Status.said(desk, None, who, now),
        Command::Report => Slow::Report(Preset::ThisMonth).said(desk, None, who, now),
        Command::Digest => Slow::Digest.said(desk, Some(digest), who, now),
        Command::Customers if !rest.is_empty() => find(desk, words, who, rest, now),
        Command::Customers | Command::Day | Command::ToContact => {
            Slow::List(command, rest.to_owned()).said(desk, None, who, now)
        }
        Command::Find if rest.is_empty() => Ok(vec![Reply::of(words.find_how())]),
        Command::Find => find(desk, words, who, rest, now),
        Command::Pause => pause(desk, words, who, now),
        Command::Resume => resume(desk, words, who, now),
        Command::Held => held(desk, words, who, now),
        Command::Campaigns if rest.is_empty() => campaigns::list(desk, words, who, 0, now),
        Command::Campaigns => campaigns::one(desk, words, who, rest, now),
        Command::Claims => claims::list(desk, words, who, rest.parse().unwrap_or(1), now),
        Command::Stop => stop(desk, words, who, now),
        Command::Invite if rest.is_empty() => Ok(vec![Reply::of(words.invite_how())]),
        Command::Invite => {
            let invitation = desk.invite(rest, None, who, now)?;
            Ok(vec![Reply::of(words.invited(&invitation))])
        }
        Command::Handover if rest.is_empty() => handover::asked(desk, words, who, rest, now),
        Command::Handover => Slow::Handover(rest.to_owned()).said(desk, None, who, now),
        Command::Rest => resting::asked(desk, words, who, rest, now),
        Command::RestOver => resting::over(desk, words, who, now),
        Command::Suppress if rest.is_empty() => Ok(vec![Reply::of(words.suppress_how())]),
        Command::Suppress => suppress(desk, words, who, rest, now),
    }
}

/// `/tuchoi 0901 234 567 khách gọi báo`: the address or number, then why, if anything follows.
fn suppress(
    desk: &Desk,
    words: Words,
    who: &Who,
    rest: &str,
    now: Timestamp,
) -> Answer<Vec<Reply>> {
    let of_number = |c: char| c.is_ascii_digit() || " .+-()".contains(c);
    let end = match rest.starts_with(|c: char| c.is_ascii_digit() || c == '+') {
        true => rest.find(|c| !of_number(c)),
        false => rest.find(char::is_whitespace),
    };
    let (address, why) = rest.split_at(end.unwrap_or(rest.len()));
    let why = Some(why.trim()).filter(|why| !why.is_empty());
    let line = desk.suppress(address.trim(), false, why, who, now)?;
    Ok(vec![Reply::of(words.suppressed(&line))])
}

pub(super) fn digest_now(
    desk: &Desk,
    digest: &DigestText,
    words: Words,
    who: &Who,
    now: Timestamp,
) -> Answer<Vec<Reply>> {
    if !desk.allows(who, Right::Digest) {
        return Err(desk
            .digest_for(who, now)
            .err()
            .unwrap_or_else(|| CommandError::plain(ErrorKind::NotAllowed, "")));
    }
    match digest(desk, now) {
        Ok(parts) => {
            let mut replies: Vec<Reply> = parts.into_iter().map(Reply::of).collect();
            replies.extend(subscription::all(desk, words, who, now)?);
            Ok(replies)
        }
        Err(why) => {
            tracing::error!("the digest could not be made: {why}");
            Ok(vec![Reply::of(words.trouble())])
        }
    }
}

/// One of the lists that go by what is kept in memory of all rows.
pub(super) fn list(
    desk: &Desk,
    words: Words,
    who: &Who,
    command: Command,
    rest: &str,
    now: Timestamp,
) -> Answer<String> {
    match command {
        Command::Day => Ok(words.day(&desk.day(who, now)?)),
        Command::ToContact => {
            let page = rest.parse().unwrap_or(1);
            Ok(words.to_contact(&desk.to_contact(who, page, now)?))
        }
        _ => customers(desk, words, who, now),
    }
}

/// Names for those who have customers of their own, numbers for those who have them all.
fn customers(desk: &Desk, words: Words, who: &Who, now: Timestamp) -> Answer<String> {
    match may(who, Right::Customers) {
        Scope::Own | Scope::Team => Ok(words.customers(&desk.mine(who, now)?)),
        Scope::All | Scope::Nothing => Ok(words.totals(&desk.totals(who)?)),
    }
}

fn find(desk: &Desk, words: Words, who: &Who, wanted: &str, now: Timestamp) -> Answer<Vec<Reply>> {
    let cards = desk.find(wanted, who, now)?;
    if let [card] = &cards[..] {
        return Ok(vec![notes::customer(desk, words, who, card, now)?]);
    }
    Ok(cards
        .iter()
        .map(|card| Reply::of(words.card(card)))
        .collect())
}

fn paused_all(desk: &Desk, who: &Who) -> Answer<Option<String>> {
    desk.held_list(who)?; // the same right
    let paused = paused_list(desk.roster.store())?;
    Ok(paused
        .into_iter()
        .find(|paused| paused.what == "all")
        .map(|paused| paused.by))
}

fn pause(desk: &Desk, words: Words, who: &Who, now: Timestamp) -> Answer<Vec<Reply>> {
    let by = paused_all(desk, who)?;
    let question = Reply::of(words.pause_question(by.as_deref()));
    match by {
        Some(_) => Ok(vec![question]),
        None => with_buttons(
            desk,
            words,
            question,
            &[(Action::PauseAll, ""), (Action::Cancel, "pause")],
            now,
        )
        .map(|reply| vec![reply]),
    }
}

fn resume(desk: &Desk, words: Words, who: &Who, now: Timestamp) -> Answer<Vec<Reply>> {
    let by = paused_all(desk, who)?;
    let question = Reply::of(words.resume_question(by.as_deref()));
    match by {
        None => Ok(vec![question]),
        Some(_) => with_buttons(
            desk,
            words,
            question,
            &[(Action::ResumeAll, ""), (Action::Cancel, "resume")],
            now,
        )
        .map(|reply| vec![reply]),
    }
}

fn held(desk: &Desk, words: Words, who: &Who, now: Timestamp) -> Answer<Vec<Reply>> {
    let waiting = desk.held_list(who)?;
    if waiting.is_empty() {
        return Ok(vec![Reply::of(words.nothing_held())]);
    }
    let mut replies = Vec::new();
    for batch in &waiting {
        let reply = Reply::of(words.held(batch));
        replies.push(match batch.decision {
            Some(_) => reply,
            None => with_buttons(
                desk,
                words,
                reply,
                &[(Action::Release, &batch.id), (Action::Drop, &batch.id)],
                now,
            )?,
        });
    }
    Ok(replies)
}

fn stop(desk: &Desk, words: Words, who: &Who, now: Timestamp) -> Answer<Vec<Reply>> {
    let polls = desk.stoppable(who, now)?;
    if polls.is_empty() {
        return Ok(vec![Reply::of(words.nothing_to_stop())]);
    }
    let mut replies = Vec::new();
    for (workbook, title, waiting) in &polls {
        let question = Reply::of(words.stop_question(title, *waiting));
        let buttons = [(Action::Stop, workbook.as_str()), (Action::Cancel, "stop")];
        replies.push(with_buttons(desk, words, question, &buttons, now)?);
    }
    Ok(replies)
}

/// A button before it has its data: what it does, to what, and what it says.
pub(super) type Offer = (Action, String, String);

/// One row of buttons that say what they always say.
fn with_buttons(
    desk: &Desk,
    words: Words,
    reply: Reply,
    buttons: &[(Action, &str)],
    now: Timestamp,
) -> Answer<Reply> {
    let offer =
        |(action, subject): &(Action, &str)| (*action, (*subject).to_owned(), words.label(*action));
    with_rows(
        desk,
        reply,
        &[buttons.iter().map(offer).collect()],
        None,
        now,
    )
}

/// Puts buttons under an answer; `told` may press them whosever customer it is.
pub(super) fn with_rows(
    desk: &Desk,
    mut reply: Reply,
    rows: &[Vec<Offer>],
    told: Option<&str>,
    now: Timestamp,
) -> Answer<Reply> {
    for row in rows.iter().filter(|row| !row.is_empty()) {
        let asked: Vec<(Action, &str, &str)> = row
            .iter()
            .map(|(action, subject, label)| (*action, subject.as_str(), label.as_str()))
            .collect();
        let data = desk.offer_to(&asked, told, now)?;
        let labels = row.iter().map(|(_, _, label)| label.clone());
        reply.buttons.push(labels.zip(data).collect());
    }
    Ok(reply)
}

impl Reply {
    /// The message in pieces that Telegram takes, the buttons under the last.
    pub(super) fn pieces(self) -> Vec<Self> {
        let mut pieces: Vec<Self> = parts(&self.html).into_iter().map(Self::of).collect();
        if let Some(last) = pieces.last_mut() {
            last.buttons = self.buttons;
            last.later = self.later;
        }
        pieces
    }
}

/// Answers a press of a button.
pub(super) fn to_press(desk: &Desk, from: i64, data: &str, now: Timestamp) -> PressSaid {
    let words = Words(desk.language());
    let pressed = desk
        .who_is(from)
        .and_then(|who| desk.press(data, &who, now).map(|pressed| (pressed, who)));
    match pressed {
        Ok((pressed, who)) => {
            // What writes itself anew is not written into, and what can be pressed again stays.
            let live = matches!(
                pressed,
                Pressed::Steered(_)
                    | Pressed::CampaignOpen(_)
                    | Pressed::CampaignMore(_)
                    | Pressed::CampaignAskStop(_)
                    | Pressed::CampaignTable(_)
                    | Pressed::CustomerOpen(_)
                    | Pressed::Report(_)
                    | Pressed::HandoverLook(_)
                    | Pressed::TrialList
                    // Whoever has seen the test mail wants to approve then.
                    | Pressed::CampaignTest(_)
            );
            let replies = match beside(desk, words, &who, &pressed, now) {
                Ok(replies) => replies,
                Err(error) => refused(words, &error),
            };
            let (toast, line) = words.pressed(&pressed, who.name());
            let hour = now
                .to_zoned(desk.roster.config().calendar.zone.clone())
                .strftime("%H:%M")
                .to_string();
            PressSaid {
                toast: short(&toast),
                alert: false,
                line: (!live).then(|| format!("{line} ({hour})")),
                over: !live,
                acted: true,
                replies,
            }
        }
        Err(error) => {
            if error.kind == ErrorKind::Store {
                tracing::error!("a button of the bot failed: {}", error.text);
            }
            let text = error.shown(words.0);
            PressSaid {
                toast: short(text),
                alert: true,
                // Somebody else was quicker, by another message: what they decided is shown here as well.
                line: (error.kind == ErrorKind::TooLate).then(|| super::words::escape(text)),
                over: matches!(
                    error.kind,
                    ErrorKind::TooLate | ErrorKind::Again | ErrorKind::NotFound
                ),
                acted: false,
                replies: Vec::new(),
            }
        }
    }
}

/// What is said besides in the same chat.
fn beside(
    desk: &Desk,
    words: Words,
    who: &Who,
    pressed: &Pressed,
    now: Timestamp,
) -> Answer<Vec<Reply>> {
    match pressed {
        Pressed::Report(preset) => return Slow::Report(*preset).said(desk, None, who, now),
        Pressed::HandoverLook(name) => {
            return Slow::Handover(name.clone()).said(desk, None, who, now);
        }
        _ => {}
    }
    let mut said = campaigns::pressed(desk, words, who, pressed, now)?;
    said.extend(notes::pressed(desk, words, who, pressed, now)?);
    said.extend(handover::pressed(desk, words, pressed, now)?);
    if *pressed == Pressed::TrialList {
        said.push(Reply::of(words.trial_kept(&desk.trial_kept(who, now)?)));
    }
    said.extend(resting::pressed(desk, words, who, pressed, now)?);
    Ok(said)
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST_TOAST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_alone_is_a_question() {
        for (text, yes) in [
            ("0901 234 567", true),
            ("+84901234567", true),
            ("an@example.org", true),
            ("gọi 0901234567 giúp em", false),
            ("123", false),
            ("xin chào", false),
        ] {
            assert_eq!(looks_like_a_contact(text), yes, "{text}");
        }
    }
}
