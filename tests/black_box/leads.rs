//! An office whose every message is known beforehand, and the judge who compares what the servers received with
//! what the ledger says: nothing is lost, nothing is there twice outside of what was in doubt.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sheetbridge::core::delivery::State;
use sheetbridge::core::message::{Address, Message, Recipient};
use sheetbridge::core::rule::Channel;
use sheetbridge::sandbox::google::CellEdit;

use super::{Ledger, STAFF, Site};

/// Connections of each courier; never more messages of a channel are in flight.
pub const CONNECTIONS: usize = 4;

/// What the office lives by. Rows of the crowd, which are nobody's leads, say nothing to anybody.
pub const RULES: &str = r#"
[[rule]]
id = "welcome"
on = "added"
when = "email and stage == 'prospect' and not no_ads"
send = { channel = "email", to = "customer", template = "welcome" }
[[rule]]
id = "lead-alert"
on = "added"
when = "stage == 'prospect'"
send = { channel = "telegram", to = "owner", template = "lead-alert", urgent = true }
[[rule]]
id = "deposited"
on = { stage = "deposited" }
send = [
  { channel = "telegram", to = "managers", template = "deposited" },
  { channel = "email", to = "customer", template = "thank-you", hold = "1s" },
]
"#;

/// Random numbers of our own, so that a seed means the same moments on every machine (PCG's multiplier).
#[derive(Clone, Debug)]
pub struct Moments(pub u64);

impl Moments {
    /// From 0 to `end`, which is not among them.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// From 0 to `last`, which is among them.
    pub fn up_to(&mut self, last: usize) -> usize {
        usize::try_from(self.below(last as u64 + 1)).unwrap()
    }

    /// One of several.
    pub fn of<T: Copy>(&mut self, several: &[T]) -> T {
        several[self.up_to(several.len() - 1)]
    }
}

/// A number from the environment: how many rounds, which seed.
pub fn number_from(name: &str) -> Option<u64> {
    #[allow(clippy::disallowed_methods)] // Of the tests alone.
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} wants a number")),
    )
}

/// How the alert of a lead begins, and the news of a deposit: a notice to the owner may name the same customer.
pub const ALERT: &str = "🔔";
pub const NEWS: &str = "🎉";

/// How many rows of each sort there are.
#[derive(Clone, Copy, Debug)]
pub struct Office {
    /// New customers: a mail to them and an alert to their salesperson.
    pub leads: usize,
    /// Customers from before who make their deposit: a mail to them and the news to the manager.
    pub old: usize,
}

/// Twenty-five names, none of which stands in another.
pub fn name(n: usize) -> String {
    const MIDDLE: [&str; 5] = ["Văn", "Thị", "Minh", "Thu", "Ngọc"];
    const GIVEN: [&str; 5] = ["An", "Bình", "Cường", "Dung", "Hải"];
    format!("Nguyễn {} {}", MIDDLE[n / 5], GIVEN[n % 5])
}

pub fn old_name(n: usize) -> String {
    name(n).replace("Nguyễn", "Trần")
}

/// The salesperson of customer `n`.
pub fn owner(n: usize) -> (i64, &'static str) {
    STAFF[n % 4]
}

/// A message that is to be.
#[derive(Clone, Debug)]
pub enum Expected {
    /// A mail to this address.
    Mail(String),
    /// News with this mark of this customer.
    Chat(&'static str, String),
}

impl Office {
    /// The workbook with the customers from before, and the servers.
    pub async fn open(self) -> Site {
        let rows: Vec<[String; 5]> = (0..self.old)
            .map(|n| {
                [
                    old_name(n),
                    format!("09120000{n:02}"),
                    format!("cu{n}@example.com"),
                    "Đang tư vấn".into(),
                    owner(n).1.into(),
                ]
            })
            .collect();
        let rows: Vec<Vec<&str>> = rows
            .iter()
            .map(|row| row.iter().map(String::as_str).collect())
            .collect();
        let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
        Site::open(&rows, RULES).await
    }

    /// Some of the new rows, pasted at once.
    pub fn paste(self, site: &Site, which: std::ops::Range<usize>) {
        let cells = which.flat_map(|n| {
            let row = 2 + self.old + n;
            [
                CellEdit::typed(row, "Họ tên", &name(n)),
                CellEdit::typed(row, "SĐT", &format!("'09010000{n:02}")),
                CellEdit::typed(row, "Email", &format!("moi{n}@example.com")),
                CellEdit::typed(row, "Giai đoạn", "Khách hàng tiềm năng"),
                CellEdit::typed(row, "NV phụ trách", owner(n).1),
            ]
        });
        site.type_all(cells.collect());
    }

    /// So many rows of the crowd, pasted at once under all the others: more than one commit can hold.
    pub fn crowd(self, site: &Site, count: usize) {
        let cells = (0..count).flat_map(|n| {
            let row = 2 + self.old + self.leads + n;
            [
                CellEdit::typed(row, "Họ tên", &format!("Lê Khách {n:03}")),
                CellEdit::typed(row, "SĐT", &format!("'0935{n:06}")),
                CellEdit::typed(row, "Email", &format!("khach{n}@example.com")),
                CellEdit::typed(row, "Giai đoạn", "Đang tư vấn"),
                CellEdit::typed(row, "NV phụ trách", owner(n).1),
            ]
        });
        site.type_all(cells.collect());
    }

    /// Old customer `n` makes the deposit.
    pub fn deposit(site: &Site, n: usize) {
        site.type_all(vec![CellEdit::typed(2 + n, "Giai đoạn", "Đã đặt cọc")]);
    }

    /// All that is to be sent, notices aside.
    pub fn messages(self) -> usize {
        2 * self.leads + 2 * self.old
    }

    /// By key, from the ids that the rows have got.
    ///
    /// # Errors
    /// A row that no record stands for, or two do.
    pub fn expected(self, ledger: &Ledger) -> Result<BTreeMap<String, Expected>, String> {
        let mut expected = BTreeMap::new();
        let mut of_name: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for record in &ledger.records {
            let title = record
                .seen
                .get("name")
                .map(|cell| cell.shown().into_owned());
            of_name
                .entry(title.unwrap_or_default())
                .or_default()
                .push(record);
        }
        let mut only = |title: &str| match of_name.remove(title).as_deref() {
            Some([record]) => Ok(*record),
            Some(several) => Err(format!("{title} became {} records", several.len())),
            None => Err(format!("{title} became no record")),
        };
        for n in 0..self.leads {
            let id = &only(&name(n))?.id;
            expected.insert(
                format!("welcome/1/{id}/customer/added"),
                Expected::Mail(format!("moi{n}@example.com")),
            );
            expected.insert(
                format!("lead-alert/1/{id}/owner/added"),
                Expected::Chat(ALERT, name(n)),
            );
        }
        for n in 0..self.old {
            let record = only(&old_name(n))?;
            let (id, entry) = (&record.id, record.stage_event);
            expected.insert(
                format!("deposited/1/{id}/managers:Hà Phạm/deposited #{entry}"),
                Expected::Chat(NEWS, old_name(n)),
            );
            expected.insert(
                format!("deposited/2/{id}/customer/deposited #{entry}"),
                Expected::Mail(format!("cu{n}@example.com")),
            );
        }
        Ok(expected)
    }
}

/// What the servers received, however often.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// By Message-ID and address.
    pub mails: BTreeMap<(String, String), usize>,
    /// Texts by chat.
    pub chats: BTreeMap<i64, Vec<String>>,
    /// Groups that got another id: the old one by the new.
    pub moved: BTreeMap<i64, i64>,
}

impl Received {
    /// By the servers of a company.
    pub fn by(site: &Site) -> Self {
        let mut received = Self::default();
        for mail in site.smtp.messages() {
            received.mail(mail.view().message_id.unwrap(), mail.to[0].clone());
        }
        for chat in site.bot.chats() {
            for message in site.told(chat.id) {
                received.chat(chat.id, message.text);
            }
            if let Some(new) = chat.migrated_to {
                received.moved.insert(new, chat.id);
            }
        }
        received
    }

    pub fn mail(&mut self, id: String, to: String) {
        *self.mails.entry((id, to)).or_insert(0) += 1;
    }

    pub fn chat(&mut self, chat: i64, text: String) {
        self.chats.entry(chat).or_default().push(text);
    }

    /// This and what other servers received.
    pub fn and(mut self, other: Self) -> Self {
        for (mail, times) in other.mails {
            *self.mails.entry(mail).or_insert(0) += times;
        }
        for (chat, texts) in other.chats {
            self.chats.entry(chat).or_default().extend(texts);
        }
        self.moved.extend(other.moved);
        self
    }

    /// To keep it.
    pub fn to_json(&self) -> String {
        let mails: Vec<_> = self.mails.iter().collect();
        let (chats, moved): (Vec<_>, Vec<_>) =
            (self.chats.iter().collect(), self.moved.iter().collect());
        json!({"mails": mails, "chats": chats, "moved": moved}).to_string()
    }

    /// Reads [`Self::to_json`].
    pub fn from_json(text: &str) -> Self {
        let json: Value = serde_json::from_str(text).unwrap();
        fn map<K: Ord + DeserializeOwned, V: DeserializeOwned>(pairs: &Value) -> BTreeMap<K, V> {
            let pairs: Vec<(K, V)> = serde_json::from_value(pairs.clone()).unwrap();
            pairs.into_iter().collect()
        }
        Self {
            mails: map(&json["mails"]),
            chats: map(&json["chats"]),
            moved: map(&json["moved"]),
        }
    }

    fn told(&self, chat: i64, mark: &str, about: &str) -> usize {
        let in_chat = |chat: &i64| {
            let texts = self.chats.get(chat).into_iter().flatten();
            let of_it = |text: &&String| text.starts_with(mark) && text.contains(about);
            texts.filter(of_it).count()
        };
        let before = self.moved.get(&chat).map_or(0, in_chat);
        let after = self.moved.iter().find(|(_, old)| **old == chat);
        in_chat(&chat) + before + after.map_or(0, |(new, _)| in_chat(new))
    }
}

/// What the judge found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Each broken promise, in words; empty if all were kept.
    pub broken: Vec<String>,
    /// How often something was in doubt.
    pub doubts: BTreeMap<Channel, usize>,
    /// Mails that are in doubt and never came: what a person has to settle.
    pub never_came: usize,
}

impl Verdict {
    fn say(&mut self, broken: String) {
        self.broken.push(broken);
    }
}

/// Compares what was received with what the ledger says.
///
/// `calm` demands that nothing waits any more; else a message may wait that a server put off.
pub fn judge(office: Office, ledger: &Ledger, received: &Received, calm: bool) -> Verdict {
    let mut verdict = Verdict::default();
    let expected = match office.expected(ledger) {
        Ok(expected) => expected,
        Err(broken) => {
            verdict.say(broken);
            return verdict;
        }
    };
    let by_key = ledger.by_key();
    let mut mails = received.mails.clone();
    for (key, wanted) in &expected {
        let Some(message) = by_key.get(key.as_str()) else {
            verdict.say(format!("{key} was lost"));
            continue;
        };
        match wanted {
            Expected::Mail(to) => {
                let id = format!("{}@queenland.example", message.key.digest());
                let got = mails.remove(&(id, to.clone())).unwrap_or(0);
                of_mail(&mut verdict, message, got, calm);
            }
            Expected::Chat(mark, about) => {
                let told = |chat| received.told(chat, mark, about);
                of_chat(&mut verdict, ledger, message, told, calm);
            }
        }
    }
    for ((id, to), times) in mails {
        // The alerts' mailbox may hear of trouble; no customer hears what nobody decided.
        if to.ends_with("@example.com") {
            verdict.say(format!(
                "{times} mails {id} to {to} that nobody decided, or under two names"
            ));
        }
    }
    for message in &ledger.messages {
        let key = message.key.as_str();
        let known = expected.contains_key(key)
            || key.starts_with("lead-alert/1/") && key.contains("/managers:")
            || key.starts_with("deposited/2/") && !key.contains("/customer/")
            || message.record.is_none() && message.to != Recipient::Customer;
        if !known {
            verdict.say(format!("{key} was not to be sent"));
        }
    }
    verdict
}

/// How often it was in doubt.
fn doubts(message: &Message) -> usize {
    let ended = |attempt: &&_| {
        let attempt: &sheetbridge::core::delivery::Attempt = attempt;
        attempt.ended == State::InDoubt
    };
    message.attempts.iter().filter(ended).count()
}

/// Waits because somebody said "later", not because it was forgotten.
fn put_off(message: &Message, calm: bool) -> bool {
    let told = message.attempts.last();
    !calm && message.state == State::Queued && told.is_some_and(|told| told.ended == State::Queued)
}

/// In doubt is kept for a person, so that a customer never gets it twice.
fn of_mail(verdict: &mut Verdict, message: &Message, got: usize, calm: bool) {
    *verdict.doubts.entry(Channel::Email).or_default() += doubts(message);
    let good = match message.state {
        State::Delivered => got == 1,
        State::InDoubt => got <= 1,
        State::Queued => got == 0 && put_off(message, calm),
        _ => false,
    };
    if message.state == State::InDoubt && got == 0 {
        verdict.never_came += 1;
    }
    if !good {
        verdict.say(format!(
            "{} came {got} times: {}",
            message.key,
            story(message)
        ));
    }
}

/// In doubt is sent again to staff: at least once, and more often only for what was in flight. One who cannot be
/// reached hands it on to the managers.
fn of_chat(
    verdict: &mut Verdict,
    ledger: &Ledger,
    message: &Message,
    told: impl Fn(i64) -> usize,
    calm: bool,
) {
    let same = |other: &&Message| {
        (&other.rule, other.step, &other.record) == (&message.rule, message.step, &message.record)
            && !other.key.as_str().contains("/notice-")
    };
    let ways: Vec<&Message> = ledger.messages.iter().filter(same).collect();
    let mut reached = false;
    for way in &ways {
        let doubts = doubts(way);
        *verdict.doubts.entry(Channel::Telegram).or_default() += doubts;
        let got = match way.frozen.as_ref().map(|frozen| &frozen.address) {
            Some(Address::Chat(chat)) => told(*chat),
            // In the chat of nobody.
            Some(Address::Email(_)) | None => 0,
        };
        let good = match way.state {
            State::Delivered => (1..=1 + doubts).contains(&got),
            State::InDoubt => got <= doubts,
            // Handed on, or told together with others.
            State::Cancelled => got <= doubts && (ways.len() > 1 || in_a_flood(ledger, way)),
            State::Queued => got <= doubts && put_off(way, calm),
            _ => false,
        };
        reached |= way.state != State::Cancelled || in_a_flood(ledger, way);
        if !good {
            verdict.say(format!("{} came {got} times: {}", way.key, story(way)));
        }
    }
    if !reached {
        verdict.say(format!("{} was handed on to nobody", message.key));
    }
}

/// Whether it was told together with others, in a message that is on its way or has come.
fn in_a_flood(ledger: &Ledger, message: &Message) -> bool {
    let told = message.why.strip_prefix("told together with ");
    let Some((_, together)) = told.and_then(|why| why.split_once(" others: ")) else {
        return false;
    };
    let found = ledger
        .messages
        .iter()
        .find(|other| other.key.as_str() == together);
    found.is_some_and(|flood| {
        // One that its chat did not take goes another way, as any other.
        let passed_on = flood.state == State::Cancelled && !flood.why.is_empty();
        passed_on
            || matches!(
                flood.state,
                State::Delivered | State::InDoubt | State::Queued | State::InFlight
            )
    })
}

/// A message's life in one line.
pub fn story(message: &Message) -> String {
    let tries: Vec<String> = message
        .attempts
        .iter()
        .map(|attempt| format!("{} {} ({})", attempt.at, attempt.ended, attempt.said))
        .collect();
    format!(
        "{} since {} because {:?}; tried: {}",
        message.state,
        message.created,
        message.why,
        tries.join(", ")
    )
}
