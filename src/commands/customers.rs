//! Customers as their salespeople ask for them: by stage, by name, and that somebody has dealt with one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::notes::shown;
use super::{Answer, ClaimOnCard, CommandError, Desk, ErrorKind, NoteLine, Right, Who};
use crate::core::decide::{Timer, TimerKind, timers_for};
use crate::core::outcome::{Outcome, Promise};
use crate::core::record::{Kind, Record, RecordId};
use crate::core::rule::Trigger;
use crate::core::sheet::fold::fold;
use crate::core::sheet::{Cell, email, phone};
use crate::roster::Clue;
use crate::store::Group;
use crate::store::keys::{self, prefix};
use crate::store::notes::Note;

/// Notes shown of one customer.
const NOTES: usize = 3;
/// Things to come that are shown of one customer.
const NEXT: usize = 3;
/// So many digits may be a whole number; fewer are a part of one.
const WHOLE_NUMBER: usize = 9;
/// Cards shown for one question.
const CARDS: usize = 5;
/// So many that might be meant are looked at in any case; then those will do that were found.
const LOOKED_AT: usize = 500;

/// The customers somebody sees, by stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customers {
    /// How many in all.
    pub total: usize,
    /// By stage in the configured order; those without one at the end.
    pub stages: Vec<StageList>,
}

/// Customers in one stage, the longest untouched first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageList {
    /// Label; none: no stage that could be read.
    pub stage: Option<String>,
    /// How many.
    pub count: usize,
    /// The first of them.
    pub customers: Vec<CustomerLine>,
}

/// One customer in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerLine {
    /// Name.
    pub name: String,
    /// Calendar days without activity.
    pub days: i64,
    /// Address that opens the row.
    pub url: Option<String>,
}

/// Numbers without names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Customers in all.
    pub total: usize,
    /// Label and count by stage, in the configured order; an empty label: no stage that could be read.
    pub stages: Vec<(String, usize)>,
}

/// What is known of one customer, short. Private columns are not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Record id.
    pub record: String,
    /// Name.
    pub name: String,
    /// As people write it.
    pub phone: Option<String>,
    /// Address.
    pub email: Option<String>,
    /// Label.
    pub stage: Option<String>,
    /// Calendar days without activity.
    pub days: i64,
    /// Who is in charge.
    pub owner: Option<String>,
    /// Area or project of interest, as typed.
    pub area: Option<String>,
    /// As typed.
    pub budget: Option<String>,
    /// As typed.
    pub note: Option<String>,
    /// Title of the tab and row.
    pub place: String,
    /// Address that opens the row.
    pub url: Option<String>,
    /// Local ISO time since when it is in that stage; only where one customer is shown.
    #[serde(default)]
    pub since: Option<String>,
    /// What colleagues said last, the oldest first; likewise.
    #[serde(default)]
    pub notes: Vec<NoteLine>,
    /// What comes next, the earliest first; likewise.
    #[serde(default)]
    pub next: Vec<NextLine>,
    /// Whose the customer is, where several claim them; likewise.
    #[serde(default)]
    pub claim: Option<ClaimOnCard>,
    /// To whom a manager gave the customer, and which, as long as the sheet names nobody; likewise.
    #[serde(default)]
    pub given: Option<(String, String)>,
}

/// Something to come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextLine {
    /// ISO date or local time.
    pub at: String,
    /// `call`, `meet`, `idle`, or the header of a date.
    pub what: String,
}

/// Adds times to look again to a group.
pub fn put_timers(group: &mut Group, timers: &[Timer]) {
    for timer in timers {
        group.put(keys::timed(prefix::TIMER, timer.due, timer.name()), timer);
    }
}

/// One customer, as everything here needs it.
pub(super) struct Seen {
    pub(super) record: Record,
    pub(super) facts: Json,
}

impl Desk {
    /// Customers by phone, e-mail or a part of the name, the best fit first.
    ///
    /// # Errors
    /// The role, too little to look for, nobody found, the disk.
    pub fn find(&self, wanted: &str, who: &Who, now: Timestamp) -> Answer<Vec<Card>> {
        let wanted = Wanted::of(wanted);
        if wanted.is_too_short() {
            return Err(CommandError::new(
                ErrorKind::Usage,
                "write a phone number, an e-mail address, or two letters of the name at least",
                "Vui lòng ghi số điện thoại, e-mail, hoặc ít nhất hai chữ cái của tên.",
            ));
        }
        let contact = wanted.contact();
        let ids = match &contact {
            Some(contact) => self.roster.with_contact(contact)?,
            None => self.roster.who_might_fit(wanted.clue())?,
        };
        let sight = self.sight(who, Right::Customers)?;
        let mut found: Vec<(u32, Card)> = Vec::new();
        let mut looked_at = BTreeSet::new();
        for id in ids {
            // Those that fit best come first; of a frequent name nobody wants to see all.
            if found.len() >= CARDS && looked_at.len() >= LOOKED_AT {
                break;
            }
            if !looked_at.insert(id.clone()) {
                continue;
            }
            let Some(record) = self.as_it_stands(&id)? else {
                continue;
            };
            if let Some(contact) = &contact
                && !self.roster.face(&record)?.contacts.contains(contact)
            {
                continue;
            }
            let facts = self.roster.facts(&record, &Json::Null, now)?;
            let fit = match &contact {
                Some(_) => 3,
                None => wanted.fits(&facts),
            };
            let given = || self.is_given_to(&record.id, &facts, |name| sight.includes(name));
            if fit > 0 && (sight.covers(&facts) || given()?) {
                found.push((fit, self.card(&Seen { record, facts }, now)));
            }
        }
        self.first_cards(found, who, now)
    }

    /// A record whose row is there, with where that stands now: a sort writes no record.
    pub(super) fn as_it_stands(&self, id: &RecordId) -> Answer<Option<Record>> {
        let record = self.roster.store().record(id)?;
        let Some(mut record) = record.filter(|record| record.gone.is_none()) else {
            return Ok(None);
        };
        let Some(row) = self.roster.row_of(&record)? else {
            return Ok(None);
        };
        record.place.row = row;
        Ok(Some(record))
    }

    /// Those that fit best, with what is told of one customer.
    fn first_cards(
        &self,
        mut found: Vec<(u32, Card)>,
        who: &Who,
        now: Timestamp,
    ) -> Answer<Vec<Card>> {
        if found.is_empty() {
            return Err(CommandError::new(
                ErrorKind::NotFound,
                "no customer has that phone, e-mail or name",
                "Không tìm thấy khách nào có số, e-mail hoặc tên như vậy.",
            ));
        }
        found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.name.cmp(&b.1.name)));
        let mut cards: Vec<Card> = found
            .into_iter()
            .take(CARDS)
            .map(|(_, card)| card)
            .collect();
        for card in &mut cards {
            self.tell_more(card, who, now)?;
        }
        Ok(cards)
    }

    /// One customer, by the id of the record.
    ///
    /// # Errors
    /// The role, no such record, the disk.
    pub fn customer(&self, record: &str, who: &Who, now: Timestamp) -> Answer<Card> {
        let record = self.in_sheet(record)?;
        self.must_see(who, &record, None)?;
        let facts = self.roster.facts(&record, &Json::Null, now)?;
        let mut card = self.card(&Seen { record, facts }, now);
        self.tell_more(&mut card, who, now)?;
        Ok(card)
    }

    /// A record whose row is there.
    pub(super) fn in_sheet(&self, record: &str) -> Answer<Record> {
        let found = self.roster.store().record(&RecordId::new(record))?;
        found.filter(|record| record.gone.is_none()).ok_or_else(|| {
            CommandError::new(
                ErrorKind::NotFound,
                "this customer is no longer in the sheet",
                "Khách này không còn trong bảng tính.",
            )
        })
    }

    /// Adds to a card what is asked of one customer only: since when, what was said, what comes.
    fn tell_more(&self, card: &mut Card, who: &Who, now: Timestamp) -> Answer<()> {
        let Some(record) = self.roster.store().record(&RecordId::new(&card.record))? else {
            return Ok(());
        };
        card.claim = self.claim_on_card(&record.id, who)?;
        let facts = self.roster.facts(&record, &Json::Null, now)?;
        if let Some(given) = self.given_to(&record, &facts)? {
            card.given = Some((given.to, given.by));
        }
        card.since = record.stage_since.map(|since| self.local(since));
        let mut notes = self.roster.store().notes(&record.id)?;
        // That somebody was in touch is in the days without activity; it must not displace what was said.
        notes.retain(|note| note.outcome != Some(Outcome::Reached) || !note.text.is_empty());
        let last = notes.iter().skip(notes.len().saturating_sub(NOTES));
        card.notes = last.map(|note| self.note_line(note)).collect();
        let ahead = notes.iter().filter_map(|note| note.promise);
        let ahead = ahead.filter(|promise| self.instant(*promise) > now);
        let mut next: Vec<NextLine> = ahead.map(promised).collect();
        let deciding = self.roster.deciding()?;
        let place = Some((record.place.workbook.as_str(), record.place.sheet));
        for timer in timers_for(&deciding.context(&self.roster, place, now), &record, &facts) {
            next.push(match &timer.kind {
                TimerKind::Date { on, .. } => NextLine {
                    at: on.clone(),
                    what: self.date_header(&timer.rule),
                },
                _ => NextLine {
                    at: self.local(timer.due),
                    what: "idle".to_owned(),
                },
            });
        }
        next.sort_by(|a, b| (&a.at, &a.what).cmp(&(&b.at, &b.what)));
        next.dedup();
        // One reminder says enough of them.
        let mut idle = false;
        next.retain(|line| line.what != "idle" || !std::mem::replace(&mut idle, true));
        next.truncate(NEXT);
        card.next = next;
        Ok(())
    }

    /// The header of the date that a rule reminds of.
    fn date_header(&self, rule: &str) -> String {
        let config = self.roster.config();
        let rule = config.rules.iter().find(|one| one.id == rule);
        match rule.map(|rule| &rule.on) {
            Some(Trigger::Date { field, .. }) => self.header_of(field),
            _ => String::new(),
        }
    }

    /// Somebody has dealt with a customer: the idle clock starts again, and what waited for nobody having
    /// done so is not wanted any more (policy sees it before each send).
    ///
    /// # Errors
    /// The role, no such record, the disk.
    pub fn touch(&self, record: &str, who: &Who, now: Timestamp) -> Answer<Card> {
        self.touch_as(record, who, None, now)
    }

    pub(super) fn touch_as(
        &self,
        record: &str,
        who: &Who,
        told: Option<&str>,
        now: Timestamp,
    ) -> Answer<Card> {
        let did = "has dealt with the customer";
        self.touch_with(record, (who, told), did, now, |group, record| {
            // So that the day's list says who it was.
            let note = Note {
                record: record.id.clone(),
                at: now,
                by: who.name().to_owned(),
                outcome: Some(Outcome::Reached),
                text: String::new(),
                promise: None,
                reminder: None,
            };
            note.put(group, None);
            Ok(())
        })
    }

    /// The same, with what else is kept of it in the same commit; `did` is for the journal.
    pub(super) fn touch_with(
        &self,
        record: &str,
        (who, told): (&Who, Option<&str>),
        did: &str,
        now: Timestamp,
        more: impl FnOnce(&mut Group, &Record) -> Answer<()>,
    ) -> Answer<Card> {
        let store = self.roster.store();
        let _alone = store.alone();
        let mut record = self.in_sheet(record)?;
        self.must_see(who, &record, told)?;
        record.active_at = now;
        let facts = self.roster.facts(&record, &Json::Null, now)?;
        let deciding = self.roster.deciding()?;
        let place = Some((record.place.workbook.as_str(), record.place.sheet));
        let timers = timers_for(&deciding.context(&self.roster, place, now), &record, &facts);
        let mut group = Group::default();
        group.put_record(&record);
        put_timers(&mut group, &timers);
        self.note_hand(&mut group, now, Some(&record.id), who, did);
        more(&mut group, &record)?;
        store.commit(vec![group])?;
        Ok(self.card(&Seen { record, facts }, now))
    }

    /// Shows every customer there is: reading half a million takes its time.
    pub(super) fn each_customer(
        &self,
        now: Timestamp,
        mut show: impl FnMut(&Seen) -> Answer<()>,
    ) -> Answer<()> {
        self.each(Kind::Customer, None, |spot, record, _| {
            let mut record = record.clone();
            // A sort writes no record: where it stands now is in the order of its tab.
            record.place.row = spot.row;
            let facts = self.roster.facts(&record, &Json::Null, now)?;
            show(&Seen { record, facts })
        })
    }

    /// Calendar days between then and now.
    pub(super) fn days_since(&self, then: Timestamp, now: Timestamp) -> i64 {
        let zone = &self.roster.config().calendar.zone;
        let date = |at: Timestamp| at.to_zoned(zone.clone()).date();
        date(then)
            .until(date(now))
            .map_or(0, |span| i64::from(span.get_days()))
            .max(0)
    }

    fn card(&self, seen: &Seen, now: Timestamp) -> Card {
        let facts = &seen.facts;
        Card {
            record: seen.record.id.to_string(),
            name: name_of(facts),
            phone: text(&facts["phone"]),
            email: text(&facts["email"]),
            stage: text(&facts["stage_label"]),
            days: self.days_since(seen.record.active_at, now),
            owner: text(&facts["owner"]),
            area: text(&facts["area"]).or_else(|| text(&facts["interest"])),
            budget: text(&facts["budget"]["text"]),
            note: text(&facts["note"]),
            since: None,
            notes: Vec::new(),
            next: Vec::new(),
            claim: None,
            given: None,
            place: format!(
                "{} {}",
                facts["tab"].as_str().unwrap_or_default(),
                seen.record.place.row
            ),
            url: text(&facts["sheet_url"]),
        }
    }
}

fn promised(promise: Promise) -> NextLine {
    NextLine {
        at: shown(promise),
        what: promise.deed.as_str().to_owned(),
    }
}

/// The name as written, or what else the row can be known by.
pub(super) fn name_of(facts: &Json) -> String {
    let full = facts["name"]["full"]
        .as_str()
        .or_else(|| facts["name"].as_str());
    full.or_else(|| facts["phone"].as_str())
        .or_else(|| facts["email"].as_str())
        .unwrap_or("?")
        .to_owned()
}

pub(super) fn text(value: &Json) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// What somebody looks for.
struct Wanted {
    folded: String,
    email: Option<String>,
    digits: String,
}

impl Wanted {
    fn of(text: &str) -> Self {
        let text = text.trim();
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let only_phone = text
            .chars()
            .all(|c| c.is_ascii_digit() || " .+-()".contains(c));
        // +84901… and 0901… are one number: customers' numbers are compared as people write them.
        let digits = match digits.strip_prefix("84") {
            Some(rest) if digits.len() >= 11 => format!("0{rest}"),
            _ => digits,
        };
        Self {
            folded: if only_phone {
                String::new()
            } else {
                fold(text)
            },
            email: text.contains('@').then(|| text.to_lowercase()),
            digits: if only_phone { digits } else { String::new() },
        }
    }

    /// By what the rows are searched that are looked at.
    fn clue(&self) -> Clue<'_> {
        match &self.email {
            Some(address) => Clue::Address(address),
            None if !self.digits.is_empty() => Clue::Digits(&self.digits),
            None => Clue::Name(&self.folded),
        }
    }

    /// The number in E.164 or the address in small letters, if it is a whole one.
    fn contact(&self) -> Option<String> {
        if let Some(address) = &self.email {
            let read = email::read(&Cell::Text(address.as_str().into())).value();
            let [one] = &read?[..] else { return None };
            return Some(one.expose().to_lowercase());
        }
        if self.digits.len() < WHOLE_NUMBER {
            return None;
        }
        let read = phone::read(&Cell::Text(self.digits.as_str().into())).value();
        let [one] = &read?[..] else { return None };
        Some(one.expose().to_owned())
    }

    fn is_too_short(&self) -> bool {
        self.digits.len() < 4 && self.folded.chars().count() < 2
    }

    /// 0 does not fit; more is better.
    fn fits(&self, facts: &Json) -> u32 {
        let any = |list: &Json, fits: &dyn Fn(&str) -> bool| {
            super::allow::texts(list).iter().any(|item| fits(item))
        };
        if let Some(email) = &self.email {
            return u32::from(any(&facts["emails"], &|found| {
                found.to_lowercase().contains(email.as_str())
            })) * 3;
        }
        if !self.digits.is_empty() {
            return u32::from(any(&facts["phones"], &|phone| {
                let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
                digits.contains(self.digits.as_str())
            })) * 3;
        }
        let name = fold(facts["name"]["full"].as_str().unwrap_or_default());
        if name == self.folded {
            3
        } else if format!(" {name} ").contains(&format!(" {} ", self.folded)) {
            2
        } else {
            u32::from(name.contains(self.folded.as_str()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn people_are_found_as_they_are_looked_for() {
        let facts = json!({
            "name": {"full": "Nguyễn Thị Hồng Nhung"}, "emails": ["Nhung@Example.org"],
            "phone_e164": "+84901234567", "phones": ["0901 234 567", "0283 822 9999"],
        });
        for (wanted, fit) in [
            ("Nguyễn Thị Hồng Nhung", 3),
            ("hong nhung", 2),
            ("nhun", 1),
            ("0901234567", 3),
            ("+84 901 234 567", 3),
            ("234 567", 3),
            ("nhung@example", 3),
            ("Nhung Hồng", 0),
            ("0999", 0),
        ] {
            assert_eq!(Wanted::of(wanted).fits(&facts), fit, "{wanted}");
        }
        for short in ["", "a", "09", "123"] {
            assert!(Wanted::of(short).is_too_short(), "{short}");
        }
    }
}
