//! `[[rule]]`: a trigger, a condition, and whom to tell what.

use std::ops::Range;

use super::sheets::{field_ids, is_bound, known_field, known_stage, not_built};
use super::walk::{Node, Reader, Section, Text, list, quoted};
use super::{Field, Role, Staff, Stage, TabKind, Workbook, folded};
use crate::core::calendar::Schedule;
use crate::core::condition::Condition;
use crate::core::facts::DERIVED_NAMES;
use crate::core::rule::{Audience, Channel, Fallback, Offset, Rule, Span, Step, Trigger};
use crate::core::sheet::FieldKind;

const CHANNELS: [(&str, Channel); 2] = [("email", Channel::Email), ("telegram", Channel::Telegram)];

/// How long mail to a customer waits after a stage change, in case the stage was picked by mistake (SEMANTICS 18).
const HOLD: Span = Span::seconds(20 * 60);

/// What rules may refer to.
pub(super) struct Known<'a> {
    pub(super) fields: &'a [Field],
    pub(super) stages: &'a [Stage],
    pub(super) staff: &'a [Staff],
    pub(super) workbooks: &'a [Workbook],
    pub(super) templates: &'a [String],
    /// Whether there is an `[email]`, right or wrong.
    pub(super) email: bool,
    /// Whether there is a `[telegram]`, right or wrong.
    pub(super) telegram: bool,
    /// Whether consent can be known: a column, or a declaration.
    pub(super) consent: bool,
}

/// All rules in the order of the file.
pub(super) fn rules(reader: &Reader<'_>, root: &Section<'_>, known: &Known<'_>) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut ids: Vec<String> = Vec::new();
    for section in root.sections(reader, "rule", "[[rule]]") {
        let id = section.need_text(
            reader,
            "id",
            "add id = \"…\", a word of its own for the rule",
        );
        if let Some(id) = &id {
            if ids.iter().any(|other| other == id.text) {
                id.wrong(
                    reader,
                    ", as another rule already is",
                    "give each rule an id of its own",
                );
            }
            ids.push(id.text.to_owned());
        }
        let section = match &id {
            Some(id) => section.called(&format!("rule `{}`", id.text)),
            None => section,
        };
        let rule = RuleReader {
            reader,
            known,
            section: &section,
        };
        rules.extend(rule.read(id.map_or("", |id| id.text)));
    }
    rules
}

/// One rule as it is being read.
struct RuleReader<'a> {
    reader: &'a Reader<'a>,
    known: &'a Known<'a>,
    section: &'a Section<'a>,
}

/// Where in a rule a message stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Send,
    Escalate,
    Series,
}

impl RuleReader<'_> {
    fn read(&self, id: &str) -> Option<Rule> {
        let (reader, section) = (self.reader, self.section);
        let keys = [
            "id",
            "on",
            "when",
            "send",
            "escalate",
            "series",
            "ends",
            "valid_for",
            "settle",
        ];
        section.only(reader, &keys, &[]);
        let on = section
            .need(reader, "on", "add on = \"added\" or another trigger")
            .and_then(|node| self.trigger(&node));
        let when = self.condition("when");
        let ends = self.condition("ends");
        let mut number = 0;
        let send = self.steps("send", Part::Send, on.as_ref(), None, &mut number);
        let channel = send.first().map(|step| step.channel);
        let escalate = self.steps(
            "escalate",
            Part::Escalate,
            on.as_ref(),
            channel,
            &mut number,
        );
        let series = self.steps("series", Part::Series, on.as_ref(), None, &mut number);
        self.fits_together(on.as_ref(), &escalate);
        let valid_for = self.span("valid_for");
        let settle = self.span("settle");
        Some(Rule {
            id: id.to_owned(),
            on: on?,
            when,
            send,
            escalate,
            series,
            ends,
            valid_for,
            settle,
            at: reader.place(&section.span),
        })
    }

    /// A length of time longer than nothing, if the key is there.
    fn span(&self, key: &str) -> Option<Span> {
        self.section.get(key)?;
        Some(self.section.span(self.reader, key, Span::default()))
    }

    /// What the keys of a rule ask of one another.
    fn fits_together(&self, on: Option<&Trigger>, escalate: &[Step]) {
        let (reader, section) = (self.reader, self.section);
        let place = |key: &str| section.get(key).map(|node| node.span);
        if place("send").is_none() && place("series").is_none() {
            reader.wrong(
                &section.span,
                format!("{} sends nothing", section.title),
                "add send = { channel = \"…\", to = \"…\", template = \"…\" }",
            );
        }
        if let (Some(at), None) = (place("ends"), place("series")) {
            reader.wrong(
                &at,
                format!(
                    "`ends` in {} ends a series, and there is none",
                    section.title
                ),
                "add `series`, or remove `ends`",
            );
        }
        if matches!(on, Some(Trigger::Schedule(_))) {
            for key in ["when", "escalate", "series"] {
                if let Some(at) = place(key) {
                    reader.wrong(
                        &at,
                        format!(
                            "`{key}` in {} speaks of a customer, and a schedule has none",
                            section.title
                        ),
                        "remove it",
                    );
                }
            }
        }
        if let Some(Trigger::Idle { after, .. }) = on {
            for step in escalate {
                if step
                    .after
                    .is_some_and(|later| later.as_millis() <= after.as_millis())
                    && let Some(at) = place("escalate")
                {
                    reader.suspicious(
                        &at,
                        format!("{} escalates no later than it reminds", section.title),
                        "both count from the last activity: write a longer `after` in `escalate`",
                    );
                }
            }
        }
    }

    fn condition(&self, key: &str) -> Option<Condition> {
        let (reader, known) = (self.reader, self.known);
        let text = self.section.text(reader, key)?;
        let condition = text.parsed(
            reader,
            "see the examples in the shipped configuration: text in 'single quotes', == to compare, and / or / not",
            Condition::parse,
        )?;
        let fields = field_ids(known.fields);
        for name in condition.names() {
            if DERIVED_NAMES.contains(&name.as_str()) {
                continue;
            }
            if !fields.contains(&name.as_str()) {
                let candidates = fields.iter().chain(DERIVED_NAMES).copied();
                let near = super::problem::nearest(&name, candidates);
                reader.wrong(
                    &text.within(&name),
                    format!("{} uses `{name}`, a field that does not exist", text.label),
                    near.map_or_else(
                        || {
                            format!(
                                "write one of {}, or add it under [columns.custom]",
                                list(&fields)
                            )
                        },
                        |near| format!("did you mean `{near}`?"),
                    ),
                );
            } else if known
                .fields
                .iter()
                .any(|field| field.id == name && field.private)
            {
                reader.wrong(
                    &text.within(&name),
                    format!("{} uses `{name}`, a private column", text.label),
                    "a private column is never used for messages: remove it from the condition",
                );
            } else if !is_bound(&name, known.fields, known.workbooks) {
                reader.suspicious(
                    &text.within(&name),
                    format!(
                        "{} uses `{name}`, and no column is bound to it: it is always empty",
                        text.label
                    ),
                    format!("add {name} = \"…\" under [columns], if the sheet has it"),
                );
            }
        }
        Some(condition)
    }

    fn trigger(&self, node: &Node<'_>) -> Option<Trigger> {
        const MEND: &str = "write \"added\", \"changed\", \"removed\", or a table such as { stage = \"…\" }, \
            { idle = \"…\", after = \"3d\" }, { date = \"…\" }, { schedule = \"Mon-Sat 08:00\" }";
        let reader = self.reader;
        if node.is_table() {
            return self.trigger_table(node);
        }
        let text = node.text(reader)?;
        let table = |example: &str| {
            let why = ", which needs to know more";
            text.wrong(reader, why, format!("write on = {example}"));
        };
        match text.text {
            "added" => return Some(Trigger::Added),
            "changed" => return Some(Trigger::Changed { fields: Vec::new() }),
            "removed" => return Some(Trigger::Removed),
            "stage" => table("{ stage = \"deposited\" }"),
            "idle" => table("{ idle = \"consulting\", after = \"3d\" }"),
            "date" => table("{ date = \"appointment\", before = \"1d\", at = \"09:00\" }"),
            "schedule" => table("{ schedule = \"Mon-Sat 08:00\" }"),
            "clicked" | "replied" => {
                let what = format!("the trigger \"{}\"", text.text);
                not_built(reader, &text.span, &what, "remove the rule");
            }
            word => {
                let words = [
                    "added", "changed", "removed", "stage", "idle", "date", "schedule",
                ];
                let mend = super::problem::nearest(word, words).map_or_else(
                    || MEND.to_owned(),
                    |near| format!("did you mean \"{near}\"?"),
                );
                text.wrong(reader, ", a trigger that does not exist", mend);
            }
        }
        None
    }

    fn trigger_table(&self, node: &Node<'_>) -> Option<Trigger> {
        let reader = self.reader;
        let section = node.section(reader, node.label.clone())?;
        let kinds = ["changed", "stage", "idle", "date", "schedule"];
        let named: Vec<&str> = kinds
            .into_iter()
            .filter(|kind| section.get(kind).is_some())
            .collect();
        let [kind] = named.as_slice() else {
            for (key, _) in section.entries() {
                if matches!(key.as_str(), "clicked" | "replied") {
                    let what = format!("the trigger \"{}\"", key.name);
                    not_built(reader, &key.span, &what, "remove the rule");
                    return None;
                }
            }
            let number = match named.len() {
                0 => "no trigger".to_owned(),
                many => format!("{many} triggers, not one"),
            };
            if named.is_empty() {
                section.only(reader, &kinds, &[]);
            }
            reader.wrong(
                &node.span,
                format!("{} names {number}", node.label),
                format!("write one of {}", list(&kinds)),
            );
            return None;
        };
        match *kind {
            "changed" => {
                section.only(reader, &["changed"], &[]);
                let fields = section.texts(reader, "changed");
                let known = self.known;
                let fields = fields
                    .iter()
                    .filter_map(|text| known_field(reader, text, known.fields));
                Some(Trigger::Changed {
                    fields: fields.collect(),
                })
            }
            "stage" => {
                section.only(reader, &["stage"], &[]);
                let stage = section.text(reader, "stage")?;
                self.stage_is_read(&stage);
                known_stage(reader, &stage, self.known.stages).map(|stage| Trigger::Stage { stage })
            }
            "idle" => self.idle(&section),
            "date" => self.date(&section),
            _ => {
                section.only(reader, &["schedule"], &[]);
                let text = section.text(reader, "schedule")?;
                text.parsed(reader, "write \"Mon-Sat 08:00\"", Schedule::parse)
                    .map(Trigger::Schedule)
            }
        }
    }

    fn stage_is_read(&self, stage: &Text<'_>) {
        if !is_bound("stage", self.known.fields, self.known.workbooks) {
            self.reader.wrong(
                &stage.span,
                format!(
                    "{} waits for a stage, and no column is bound to `stage`",
                    self.section.title
                ),
                "add stage = \"…\" under [columns], or to the [[workbook.tab]] that is the stage",
            );
        }
    }

    fn idle(&self, section: &Section<'_>) -> Option<Trigger> {
        let reader = self.reader;
        section.only(reader, &["idle", "after", "every", "times"], &[]);
        let stage = section.text(reader, "idle");
        if let Some(stage) = &stage {
            self.stage_is_read(stage);
        }
        let stage = stage.and_then(|stage| known_stage(reader, &stage, self.known.stages));
        let after = section
            .need(reader, "after", "add after = \"3d\"")
            .map(|_| section.span(reader, "after", Span::default()));
        let every = section
            .get("every")
            .map(|_| section.span(reader, "every", Span::default()));
        let times = section.get("times").map(|node| (node.count(reader), node));
        match (&every, &times) {
            (Some(_), None) => reader.wrong(
                &section.span,
                format!(
                    "{} has `every` and no `times`: it would never end",
                    section.title
                ),
                "add times = 3",
            ),
            (None, Some((Some(2..), node))) => reader.wrong(
                &node.span,
                format!("{} has `times` and no `every`", section.title),
                "add every = \"2d\"",
            ),
            _ => {}
        }
        Some(Trigger::Idle {
            stage: stage?,
            after: after?,
            every,
            times: times.map_or(Some(1), |(times, _)| times)?,
        })
    }

    fn date(&self, section: &Section<'_>) -> Option<Trigger> {
        let (reader, known) = (self.reader, self.known);
        section.only(reader, &["date", "before", "after", "yearly", "at"], &[]);
        let field = section
            .text(reader, "date")
            .and_then(|text| self.date_field(&text));
        let (before, after) = (
            section.length(reader, "before"),
            section.length(reader, "after"),
        );
        let offset = match (before, after) {
            (Some(_), Some(_)) => {
                reader.wrong(
                    &section.span,
                    format!("{} has both `before` and `after`", section.title),
                    "keep one of the two; for both make two rules",
                );
                Offset::On
            }
            (Some(span), None) if !span.is_zero() => Offset::Before(span),
            (None, Some(span)) if !span.is_zero() => Offset::After(span),
            _ => Offset::On,
        };
        let at = section.text(reader, "at").map(|text| {
            let time = text.text.parse::<jiff::civil::Time>().ok();
            let time = time.filter(|_| text.text.len() == 5 && text.text.contains(':'));
            if time.is_none() {
                text.wrong(reader, ", not a time of day", "write \"09:00\"");
            }
            time
        });
        let yearly = section.flag(reader, "yearly").unwrap_or_default();
        let field = field?;
        if !is_bound(&field, known.fields, known.workbooks)
            && let Some(node) = section.get("date")
        {
            reader.wrong(
                &node.span,
                format!(
                    "{} is \"{field}\", and no column is bound to it",
                    node.label
                ),
                format!("add {field} = \"…\" under [columns], or remove the rule"),
            );
        }
        Some(Trigger::Date {
            field,
            yearly,
            offset,
            at: match at {
                Some(time) => Some(time?),
                None => None,
            },
        })
    }

    /// A field that exists and holds dates.
    fn date_field(&self, text: &Text<'_>) -> Option<String> {
        let (reader, fields) = (self.reader, self.known.fields);
        let id = known_field(reader, text, fields)?;
        let custom = fields
            .iter()
            .find(|field| field.id == id)
            .map(|field| field.kind);
        let standard = super::sheets::STANDARD
            .iter()
            .find(|(known, _)| *known == id);
        let kind = custom.or(standard.map(|(_, kind)| *kind));
        if kind == Some(FieldKind::Date) {
            return Some(id);
        }
        let dates: Vec<&str> = fields
            .iter()
            .filter(|field| field.kind == FieldKind::Date)
            .map(|field| field.id.as_str())
            .collect();
        let mend = if dates.is_empty() {
            "bind a column of dates under [columns]".to_owned()
        } else {
            format!(
                "write one of {}, or give the column type = \"date\"",
                list(&dates)
            )
        };
        text.wrong(reader, ", which is not a date", mend);
        None
    }

    fn steps(
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
            name => {
                let wanted = folded(name);
                let found = known.staff.iter().find(|person| {
                    std::iter::once(&person.name)
                        .chain(&person.aliases)
                        .any(|word| folded(word) == wanted)
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
            && matches!(audience, Audience::Customer | Audience::Owner)
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
        let words = ["customer", "owner", "managers"];
        let mend = match super::problem::nearest(text.text, words.into_iter().chain(names)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "write \"customer\", \"owner\", \"managers\" or a name of [[staff]]".to_owned(),
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
        let mend = match super::problem::nearest(text.text, names.iter().copied()) {
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
            Audience::Customer | Audience::Owner | Audience::Managers => {}
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
