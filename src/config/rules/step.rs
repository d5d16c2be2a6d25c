//! `send`, `escalate` and `series` of a rule: one message each, and whether it can reach anyone.

use std::ops::Range;

use super::RuleReader;
use crate::config::problem::nearest;
use crate::config::sheets::{is_bound, not_built};
use crate::config::walk::{Section, Text, list, quoted};
use crate::config::{Role, TabKind};
use crate::core::rule::{Audience, Channel, Fallback, Span, Step, Trigger};
use crate::core::sheet::fold::fold;

const CHANNELS: [(&str, Channel); 2] = [("email", Channel::Email), ("telegram", Channel::Telegram)];

/// How long mail to a customer waits after a stage change, in case the stage was picked by mistake (SEMANTICS 18).
const HOLD: Span = Span::seconds(20 * 60);

/// Where in a rule a message stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Send,
    Escalate,
    Series,
}

impl RuleReader<'_> {
    pub(super) fn steps(
        &self,
        key: &str,
        part: Part,
        on: Option<&Trigger>,
        channel: Option<Channel>,
        number: &mut u32,
    ) -> Vec<Step> {
        let Some(node) = self.section.get(key) else {
            return Vec::new();
        };
        let sections = node.one_or_more(self.reader);
        if sections.is_empty() && node.is_list() && node.items().is_empty() {
            node.unfit::<()>(
                self.reader,
                "a message",
                "write at least one { … }, or remove the line",
            );
        }
        sections
            .iter()
            .filter_map(|section| {
                *number += 1;
                self.step(section, part, on, channel, *number)
            })
            .collect()
    }

    fn step(
        &self,
        section: &Section<'_>,
        part: Part,
        on: Option<&Trigger>,
        channel: Option<Channel>,
        number: u32,
    ) -> Option<Step> {
        let reader = self.reader;
        let mut keys = vec!["channel", "to", "else", "template", "urgent", "ad"];
        keys.push(if part == Part::Send { "hold" } else { "after" });
        section.only(reader, &keys, &[]);
        let after = if part == Part::Send {
            None
        } else {
            section
                .need(
                    reader,
                    "after",
                    "add after = \"…\": how long after the start",
                )
                .map(|_| section.span(reader, "after", Span::default()))
        };
        let channel = self.channel(section, channel);
        let to = section
            .need_text(
                reader,
                "to",
                "add to = \"customer\", \"owner\", \"managers\" or a name of [[staff]]",
            )
            .and_then(|text| self.audience(&text, on));
        let template = section
            .need_text(reader, "template", "add template = \"…\"")
            .and_then(|text| self.template(&text));
        let otherwise = section.texts(reader, "else");
        let otherwise = otherwise
            .iter()
            .filter_map(|text| self.fallback(text, on))
            .collect();
        let urgent = section.flag(reader, "urgent").unwrap_or_default();
        let ad = section.flag(reader, "ad").unwrap_or_default();
        let hold = self.hold(section, part, on, to.as_ref());
        if let (Some(channel), Some(to)) = (channel, to.as_ref()) {
            self.can_reach(section, channel, to, ad);
        }
        if ad && urgent {
            reader.suspicious(
                &section.span,
                format!(
                    "{} is urgent and advertises: advertising keeps to the hours all the same",
                    section.title
                ),
                "remove `urgent`",
            );
        }
        Some(Step {
            number,
            channel: channel?,
            to: to?,
            otherwise,
            template: template?,
            urgent,
            ad,
            hold,
            after,
        })
    }

    fn channel(&self, section: &Section<'_>, default: Option<Channel>) -> Option<Channel> {
        let reader = self.reader;
        if section.get("channel").is_none() && default.is_some() {
            return default;
        }
        let text =
            section.need_text(reader, "channel", "add channel = \"email\" or \"telegram\"")?;
        if matches!(text.text, "zalo" | "sms" | "webhook") {
            let what = format!("the channel \"{}\"", text.text);
            not_built(reader, &text.span, &what, "write \"email\" or \"telegram\"");
            return None;
        }
        let channel = text.one_of(reader, &CHANNELS)?;
        self.channel_is_set_up(channel, &text.span);
        Some(channel)
    }

    fn channel_is_set_up(&self, channel: Channel, at: &Range<usize>) {
        let (there, heading, mend) = match channel {
            Channel::Email => (
                self.known.email,
                "[email]",
                "add [email] with smtp and from",
            ),
            Channel::Telegram => (
                self.known.telegram,
                "[telegram]",
                "add [telegram] with token = { credential = \"telegram\" }",
            ),
        };
        if !there {
            self.reader.wrong(
                at,
                format!(
                    "{} sends by {}, and there is no {heading}",
                    self.section.title,
                    channel.as_str()
                ),
                mend,
            );
        }
    }

    fn audience(&self, text: &Text<'_>, on: Option<&Trigger>) -> Option<Audience> {
        let (reader, known) = (self.reader, self.known);
        let audience = match text.text {
            "customer" => Audience::Customer,
            "owner" => Audience::Owner,
            "managers" => Audience::Managers,
            "duty" => Audience::Duty,
            "next" => Audience::Next,
            name => {
                let wanted = fold(name);
                let found = known.staff.iter().find(|person| {
                    std::iter::once(&person.name)
                        .chain(&person.aliases)
                        .any(|word| fold(word) == wanted)
                });
                match found {
                    Some(person) => Audience::Staff(person.name.clone()),
                    None => {
                        self.unknown_audience(text);
                        return None;
                    }
                }
            }
        };
        if matches!(on, Some(Trigger::Schedule(_)))
            && matches!(
                audience,
                Audience::Customer | Audience::Owner | Audience::Next
            )
        {
            text.wrong(
                reader,
                ", and a schedule speaks of no one customer",
                "write \"managers\" or a name of [[staff]]",
            );
        }
        if audience == Audience::Managers
            && !known
                .staff
                .iter()
                .any(|person| person.role == Role::Manager)
            && !self.has_staff_tab()
        {
            reader.suspicious(
                &text.span,
                format!(
                    "{} is \"managers\", and nobody in [[staff]] is one",
                    text.label
                ),
                "give someone role = \"manager\"",
            );
        }
        Some(audience)
    }

    fn has_staff_tab(&self) -> bool {
        let mut tabs = self
            .known
            .workbooks
            .iter()
            .flat_map(|workbook| &workbook.tabs);
        tabs.any(|tab| matches!(tab.kind, TabKind::Staff { .. }))
    }

    fn unknown_audience(&self, text: &Text<'_>) {
        let names = self.known.staff.iter().map(|person| person.name.as_str());
        let words = ["customer", "owner", "managers", "duty", "next"];
        let mend = match nearest(text.text, words.into_iter().chain(names)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "write \"customer\", \"owner\", \"managers\", \"duty\", \"next\" or a name of [[staff]]".to_owned(),
        };
        text.wrong(
            self.reader,
            ": neither an audience nor anyone in [[staff]]",
            mend,
        );
    }

    fn fallback(&self, text: &Text<'_>, on: Option<&Trigger>) -> Option<Fallback> {
        if let Some((_, channel)) = CHANNELS.iter().find(|(word, _)| *word == text.text) {
            self.channel_is_set_up(*channel, &text.span);
            return Some(Fallback::By(*channel));
        }
        let to = self.audience(text, on)?;
        if to == Audience::Customer {
            text.wrong(
                self.reader,
                ": a customer does not get what was meant for someone else",
                "write \"email\", \"telegram\", \"managers\" or a name of [[staff]]",
            );
            return None;
        }
        Some(Fallback::To(to))
    }

    fn template(&self, text: &Text<'_>) -> Option<String> {
        let templates = self.known.templates;
        if templates.iter().any(|name| name == text.text) {
            return Some(text.text.to_owned());
        }
        let names: Vec<&str> = templates.iter().map(String::as_str).collect();
        let mend = match nearest(text.text, names.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!(
                "put it into the folder templates/ beside the configuration, or write one of {}",
                list(&names)
            ),
        };
        text.wrong(self.reader, ", a template that does not exist", mend);
        None
    }

    /// `hold`, which is for mail to customers; 20 minutes after a stage change if nothing is said.
    fn hold(
        &self,
        section: &Section<'_>,
        part: Part,
        on: Option<&Trigger>,
        to: Option<&Audience>,
    ) -> Option<Span> {
        if part != Part::Send {
            return None;
        }
        let Some(node) = section.get("hold") else {
            let stage = matches!(on, Some(Trigger::Stage { .. }));
            return (stage && to == Some(&Audience::Customer)).then_some(HOLD);
        };
        let hold = node.length(self.reader)?;
        if to.is_some_and(|to| *to != Audience::Customer) {
            self.reader.wrong(
                &node.span,
                format!(
                    "{} is {}, and only what goes to customers is held",
                    node.label,
                    node.shown()
                ),
                "remove it: staff are told at once",
            );
        }
        (!hold.is_zero()).then_some(hold)
    }

    /// Whether such a message can reach such people at all.
    fn can_reach(&self, section: &Section<'_>, channel: Channel, to: &Audience, ad: bool) {
        let (reader, known) = (self.reader, self.known);
        let place = |key: &str| {
            section
                .get(key)
                .map_or(section.span.clone(), |node| node.span)
        };
        let bound = |id: &str| is_bound(id, known.fields, known.workbooks);
        match to {
            Audience::Customer if channel == Channel::Telegram => reader.wrong(
                &place("channel"),
                format!(
                    "{} is for the customer, who has no chat with the bot",
                    section.title
                ),
                "write channel = \"email\"",
            ),
            Audience::Customer if !bound("email") => reader.suspicious(
                &place("to"),
                format!(
                    "{} is for the customer, and no column is bound to `email`",
                    section.title
                ),
                "add email = \"…\" under [columns]",
            ),
            Audience::Owner if !bound("owner") => reader.suspicious(
                &place("to"),
                format!(
                    "{} is for the owner, and no column is bound to `owner`",
                    section.title
                ),
                "add owner = \"…\" under [columns]; until then the managers get it",
            ),
            Audience::Staff(name) => self.staff_can_be_reached(section, channel, name),
            Audience::Customer
            | Audience::Owner
            | Audience::Managers
            | Audience::Duty
            | Audience::Next => {}
        }
        if ad && *to == Audience::Customer && !known.consent {
            reader.suspicious(
                &place("ad"),
                format!(
                    "{} advertises, and nobody's consent is known: it will reach nobody",
                    section.title
                ),
                "bind consent = \"…\" under [columns], or declare it under [consent]",
            );
        }
    }

    fn staff_can_be_reached(&self, section: &Section<'_>, channel: Channel, name: &str) {
        let person = self.known.staff.iter().find(|person| person.name == name);
        if channel == Channel::Email && person.is_some_and(|person| person.email.is_none()) {
            self.reader.suspicious(
                &section
                    .get("to")
                    .map_or(section.span.clone(), |node| node.span),
                format!(
                    "{} is a mail to {}, who has no `email`",
                    section.title,
                    quoted(name)
                ),
                "add email = \"…\" to that [[staff]]",
            );
        }
    }
}
