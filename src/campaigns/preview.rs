//! The audience of a campaign, and every mail of it rendered before anybody is asked.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Campaigns;
use crate::core::campaign::audience::{Audience, Outcome, Reason};
use crate::core::campaign::life::Campaign;
use crate::core::campaign::samples::{Samples, Traits, Why};
use crate::core::campaign::segment::{History, Segment};
use crate::core::campaign::{CampaignId, Definition, Problem, Said};
use crate::core::facts::local_text;
use crate::core::message::Address;
use crate::core::policy::ADS_PER_DAY;
use crate::core::record::{Kind, Record, RecordId};
use crate::render::{CampaignText, Letter, MailText};
use crate::store::campaigns::{Aside, Sample, Seat, samples_key};
use crate::store::journal::{Entry, What};
use crate::store::keys::{self, prefix};
use crate::store::suppression::{address_hash, suppress_key};
use crate::store::{Group, StoreError};

/// So many recipients whose mail cannot be made are named.
const NAMED: usize = 20;

/// What would go out now.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// Who gets a mail, in the order of sending.
    pub seats: Vec<Seat>,
    /// Who of the segment gets none.
    pub aside: Vec<Aside>,
    /// How many get none, by reason.
    pub counts: Vec<(String, u64)>,
    /// Up to three mails.
    pub samples: Vec<Sample>,
    /// The texts of the samples, to be kept.
    pub(super) texts: Vec<String>,
    /// What must be mended first; no seats then.
    pub problems: Vec<Problem>,
}

impl Campaigns {
    /// Gathers the audience of a definition, and renders the mail of everybody in it.
    ///
    /// # Errors
    /// The disk.
    pub fn preview(&self, definition: &Definition, now: Timestamp) -> Result<Preview, StoreError> {
        let mut texts = Vec::new();
        let mut problems = Vec::new();
        let names = self.roster.campaign_names()?;
        for variant in &definition.variants {
            match self.templates.campaign_text(variant, &names) {
                Ok(text) => texts.push(text),
                Err(found) => problems.extend(found.into_iter().map(|one| Problem {
                    place: definition.place(&column(one.column, variant.number)),
                    what: one.problem.what,
                    mend: one.problem.mend,
                })),
            }
        }
        let synonyms = self.roster.config().synonyms();
        let segment = match Segment::new(definition, &synonyms, now) {
            Ok(segment) => segment,
            Err(why) => {
                problems.push(Problem {
                    place: definition.place("condition"),
                    what: Said::new(format!("điều kiện chưa đúng: {why}"), why),
                    mend: Said::new("Hãy sửa điều kiện", "Mend the condition"),
                });
                return Ok(Preview {
                    problems,
                    ..Preview::default()
                });
            }
        };
        let outcome = self.audience(definition, &segment, now)?;
        problems.extend(outcome.problems.iter().cloned());
        if problems.is_empty() && outcome.chosen.is_empty() {
            problems.push(Problem {
                place: definition.origin.place(),
                what: Said::new("không có khách nào nhận thư", "nobody would get a mail"),
                mend: Said::new(
                    format!(
                        "Xem lại điều kiện chọn khách; {}",
                        aside_said(&outcome, true)
                    ),
                    format!("Look at the segment; {}", aside_said(&outcome, false)),
                ),
            });
        }
        if !problems.is_empty() {
            return Ok(Preview {
                problems,
                ..Preview::default()
            });
        }
        self.rendered(definition, &texts, outcome, now)
    }

    /// Who is in it, and who of the segment is left out.
    fn audience(
        &self,
        definition: &Definition,
        segment: &Segment,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let store = self.roster.store();
        let looking = self.roster.looking()?;
        let history = match segment.asks_for_history() {
            true => self.histories()?,
            false => HashMap::new(),
        };
        let over_cap = self.over_cap(now)?;
        let held: BTreeSet<String> = self
            .roster
            .config()
            .workbooks
            .iter()
            .map(|book| {
                Ok((
                    book.id.clone(),
                    store.contains(&keys::under(prefix::HELD, &book.id))?,
                ))
            })
            .filter_map(|held: Result<_, StoreError>| match held {
                Ok((id, true)) => Some(Ok(id)),
                Ok((_, false)) => None,
                Err(error) => Some(Err(error)),
            })
            .collect::<Result<_, _>>()?;
        let any_suppressed = store.keys(prefix::SUPPRESS).next().transpose()?.is_some();
        let asked_of: BTreeSet<String> = ["consent", "source", "received", "phones", "phone"]
            .map(String::from)
            .into();
        let mut audience = Audience::new(segment, definition.order);
        self.each(|record, row| {
            let Some(customer) = looking.customer(record, row) else {
                return Ok(());
            };
            let past = || Ok(history.get(&record.id).cloned().unwrap_or_default());
            let against = |address: &str| -> Result<Option<Reason>, StoreError> {
                if held.contains(&record.place.workbook) {
                    return Ok(Some(Reason::Held));
                }
                let facts = customer.facts_for(&asked_of, now);
                if any_suppressed {
                    let phones = facts["phones"].as_array().into_iter().flatten();
                    let phones = phones.filter_map(Value::as_str);
                    for contact in std::iter::once(address).chain(phones) {
                        if store.contains(&suppress_key(store, contact)?)? {
                            return Ok(Some(Reason::Suppressed));
                        }
                    }
                }
                if !definition.ad {
                    return Ok(None);
                }
                if self.roster.consent(&facts)?.given() != Some(true) {
                    return Ok(Some(Reason::NoConsent));
                }
                let full =
                    !over_cap.is_empty() && over_cap.contains(&address_hash(store, address)?);
                Ok(full.then_some(Reason::OverCap))
            };
            audience.take(&customer, past, against)
        })?;
        Ok(audience.finish(definition))
    }

    /// Renders everybody's mail; those that cannot be made are problems.
    fn rendered(
        &self,
        definition: &Definition,
        texts: &[CampaignText],
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Preview, StoreError> {
        let looking = self.roster.looking()?;
        let people = self.roster.directory()?;
        let letter = self.letter(definition, now);
        let places: HashMap<&RecordId, usize> = outcome
            .chosen
            .iter()
            .enumerate()
            .map(|(place, chosen)| (&chosen.record, place))
            .collect();
        let mut samples = Samples::default();
        let mut problems = Vec::new();
        let mut broken = 0;
        self.each(|record, row| {
            let Some(place) = places.get(&record.id).copied() else {
                return Ok(());
            };
            let (Some(customer), Some(text)) = (
                looking.customer(record, row),
                texts.get(outcome.chosen[place].variant),
            ) else {
                return Ok(());
            };
            let facts = self
                .roster
                .with_owner(customer.facts_for(text.needs(), now), &people);
            match self.one(text, &facts, &letter) {
                Ok((mail, fallbacks)) => samples.take(
                    place,
                    Traits {
                        letters: mail.text.chars().count(),
                        fallbacks,
                        name_letters: record.seen.get("name").map_or(0, |name| name.shown().len()),
                        variant: outcome.chosen[place].variant,
                    },
                ),
                Err(why) => {
                    broken += 1;
                    if problems.len() < NAMED {
                        problems.push(of_recipient(definition, record, row, &why));
                    }
                }
            }
            Ok(())
        })?;
        if broken > problems.len() {
            let more = broken - problems.len();
            problems.push(Problem {
                place: definition.origin.place(),
                what: Said::new(
                    format!("còn {more} khách nữa cũng thiếu thông tin"),
                    format!("the mails of {more} more cannot be made either"),
                ),
                mend: Said::new(
                    "Điền đủ thông tin, hoặc ghi chữ thay thế trong nội dung",
                    "Fill in what is missing, or write something instead into the text",
                ),
            });
        }
        let mut preview = Preview {
            problems,
            ..Preview::default()
        };
        if !preview.problems.is_empty() {
            return Ok(preview);
        }
        for (place, why) in samples.choose() {
            let chosen = &outcome.chosen[place];
            let Some(text) = texts.get(chosen.variant) else {
                continue;
            };
            preview.samples.extend(self.sample(
                text,
                &chosen.record,
                &letter,
                why,
                definition.ad,
                now,
            )?);
        }
        preview.texts = texts.iter().map(CampaignText::kept).collect();
        preview.counts = outcome
            .counts()
            .into_iter()
            .map(|(reason, count)| (reason.to_owned(), count))
            .collect();
        preview.aside = outcome
            .left_out
            .into_iter()
            .map(|left| Aside(left.record, left.reason.code().to_owned()))
            .collect();
        preview.seats = outcome
            .chosen
            .into_iter()
            .map(|chosen| {
                Seat(
                    chosen.record,
                    u8::try_from(chosen.variant).unwrap_or(u8::MAX),
                )
            })
            .collect();
        Ok(preview)
    }

    fn one(
        &self,
        text: &CampaignText,
        facts: &Value,
        letter: &Letter,
    ) -> Result<(MailText, usize), Said> {
        let merge = text.merge(facts).map_err(|missing| {
            let said = |vietnamese: bool| {
                let each: Vec<&str> = missing
                    .iter()
                    .map(|one| one.said.text(vietnamese))
                    .collect();
                each.join("; ")
            };
            Said::new(said(true), said(false))
        })?;
        match text.render(&merge, letter) {
            Ok(mail) => Ok((mail, merge.fallbacks())),
            Err(error) => Err(Said::new(
                format!("không tạo được thư: {error}"),
                format!("the mail cannot be made: {error}"),
            )),
        }
    }

    fn sample(
        &self,
        text: &CampaignText,
        id: &RecordId,
        letter: &Letter,
        why: Why,
        labelled: bool,
        now: Timestamp,
    ) -> Result<Option<Sample>, StoreError> {
        let Some(record) = self.roster.store().record(id)? else {
            return Ok(None);
        };
        let people = self.roster.directory()?;
        let facts = self.roster.facts(&record, &Value::Null, now)?;
        let facts = self.roster.with_owner(facts, &people);
        let (Ok((mail, _)), Ok(merge)) = (self.one(text, &facts, letter), text.merge(&facts))
        else {
            return Ok(None);
        };
        let mail = match labelled {
            true => mail.labelled_ad(),
            false => mail,
        };
        let address = facts["email"].as_str().unwrap_or_default().to_owned();
        let name = facts["name"]["full"].as_str().unwrap_or_default();
        Ok(Some(Sample {
            record: id.clone(),
            to: format!("{name} <{}>", Address::Email(address)),
            why,
            subject: mail.subject,
            text: mail.text,
            html: mail.html,
            template: super::freeze::text_hash(&text.kept()),
            merge: json!(merge),
        }))
    }

    /// What is the same in all mails of a campaign.
    pub(super) fn letter(&self, definition: &Definition, now: Timestamp) -> Letter {
        let zone = self.roster.config().calendar.zone.clone();
        let local = now.to_zoned(zone).datetime();
        let optout = match definition.ad {
            true => json!({
                "url": self.roster.config().web.as_ref().and_then(|web| web.public_url.as_ref()).map(|url| format!("{url}/u/…")),
                "email": self.roster.opt_out_mailbox(),
                "phone": self.roster.config().company.phone,
            }),
            false => Value::Null,
        };
        Letter {
            company: self.roster.company().clone(),
            optout,
            today: local.date().to_string(),
            now: local_text(local),
        }
    }

    /// Every customer who stands in a tab, in the order of the sheet.
    fn each(
        &self,
        mut look: impl FnMut(&Record, u32) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let store = self.roster.store();
        for book in &self.roster.config().workbooks {
            for tab in self.roster.tabs(&book.id)? {
                if tab.kind != Some(Kind::Customer) {
                    continue;
                }
                let Some(order) = store.order(&book.id, tab.sheet)? else {
                    continue;
                };
                for stands in order.into_places() {
                    if let Some(record) = store.record(&stands.id())? {
                        look(&record, stands.row)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// What the journal knows of everybody: stages they were in, mails they had.
    fn histories(&self) -> Result<HashMap<RecordId, History>, StoreError> {
        let mut all: HashMap<RecordId, History> = HashMap::new();
        for entry in self.roster.store().scan::<Entry>(prefix::JOURNAL) {
            let (_, entry) = entry?;
            let Some(id) = entry.record else { continue };
            if let Some((before, after)) = entry.stages {
                let reached = &mut all.entry(id).or_default().reached;
                reached.extend(before);
                reached.insert(after);
            } else if entry.what == What::Message
                && entry.text.contains("/customer/")
                && entry.text.contains(" delivered")
            {
                let mailed = &mut all.entry(id).or_default().mailed;
                *mailed = (*mailed).max(Some(entry.at));
            }
        }
        Ok(all)
    }

    /// The hashes of addresses that have had as many advertising mails as a day allows.
    fn over_cap(&self, now: Timestamp) -> Result<BTreeSet<String>, StoreError> {
        let day_ago = now
            .saturating_sub(SignedDuration::from_hours(24))
            .unwrap_or(now);
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for entry in self.roster.store().scan::<Timestamp>(prefix::SENT) {
            let (key, at) = entry?;
            let text = String::from_utf8_lossy(&key[prefix::SENT.len()..]).into_owned();
            if let Some((hash, _)) = text.split_once('/')
                && at > day_ago
            {
                *counts.entry(hash.to_owned()).or_default() += 1;
            }
        }
        counts.retain(|_, count| *count >= ADS_PER_DAY);
        Ok(counts.into_keys().collect())
    }

    /// Keeps the mails that managers are shown, for as long as the campaign is kept.
    pub(super) fn keep_samples(
        &self,
        id: &CampaignId,
        number: u32,
        preview: &Preview,
    ) -> Result<(), StoreError> {
        let mut group = Group::default();
        group.put(samples_key(id, number), &preview.samples);
        for kept in &preview.texts {
            let key = keys::under(prefix::TEMPLATE, super::freeze::text_hash(kept));
            if !self.roster.store().contains(&key)? {
                group.put(key, kept);
            }
        }
        self.roster.store().commit(vec![group])
    }

    /// What differs from what was approved before, on a line each; nothing the first time.
    pub(super) fn differs(&self, campaign: &Campaign) -> Vec<String> {
        let (Some(run), Some(now)) = (&campaign.run, &campaign.definition) else {
            return Vec::new();
        };
        let vietnamese = self.templates.language() == crate::render::Language::Vietnamese;
        crate::core::campaign::differ::differs(&run.definition, now, self.roster.stages())
            .iter()
            .map(|difference| difference.text(vietnamese))
            .collect()
    }
}

fn column(column: &str, number: u32) -> String {
    match number {
        0 | 1 => column.to_owned(),
        other => format!("{column}_{other}"),
    }
}

fn of_recipient(definition: &Definition, record: &Record, row: u32, why: &Said) -> Problem {
    let name = record
        .seen
        .get("name")
        .map(|name| name.shown().into_owned())
        .unwrap_or_default();
    Problem {
        place: definition.origin.place(),
        what: Said::new(
            format!("khách “{name}” (dòng {row}): {}", why.vi),
            format!("the customer “{name}” (row {row}): {}", why.en),
        ),
        mend: Said::new("Thư chưa gửi cho ai cả", "Nothing has been sent to anybody"),
    }
}

fn aside_said(outcome: &Outcome, vietnamese: bool) -> String {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for left in &outcome.left_out {
        let said = left.reason.said();
        *counts.entry(said.text(vietnamese).to_owned()).or_default() += 1;
    }
    if counts.is_empty() {
        return match vietnamese {
            true => format!("đã xem {} khách", outcome.looked_at),
            false => format!("{} customers were looked at", outcome.looked_at),
        };
    }
    let parts: Vec<String> = counts
        .into_iter()
        .map(|(said, count)| format!("{count} {said}"))
        .collect();
    parts.join(", ")
}
