//! A day of random staff edits at high speed with faults in between, after which every message that the truth asks
//! for was sent once, and no other: SEMANTICS 1, 2, 7 to 10, 13, 14 and 23 through the whole way, from the sheet to the
//! mailbox. Who each row is says a column of the sheet that sheetbridge does not read.
//!
//! A failure names its seed and the shortest day that still fails. `SHEETBRIDGE_SOAK=100` plays ten times as many days as
//! by default;
//! `SHEETBRIDGE_SEED` plays one.

#![allow(clippy::unwrap_used)]

#[path = "day/office.rs"]
mod office;
mod support;
#[path = "day/truth.rs"]
mod truth;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use office::{Draw, ID, MAIN, MORE, Office, PAID, Row, morning};
use sheetbridge::core::delivery::State;
use sheetbridge::core::message::{Message, Recipient};
use sheetbridge::core::record::{Record, RecordId};
use sheetbridge::core::rule::Channel;
use sheetbridge::courier::email::{EmailCourier, Security, SmtpSettings};
use sheetbridge::cycle::{Mode, Report};
use sheetbridge::health::Health;
use sheetbridge::outbox::Outbox;
use sheetbridge::render::{Language, Templates};
use sheetbridge::sandbox::google::{Effect, Fault};
use sheetbridge::sandbox::smtp::{Options, SmtpSandbox};
use sheetbridge::store::keys::{self, prefix};
use support::Company;
use tokio_util::sync::CancellationToken;
use truth::{RULES, Seen, Truth};

/// Polls in a day.
const STEPS: usize = 60;

const CONFIG: &str = r#"
[email]
smtp = "smtp+plain://SMTP"
from = "Queenland <crm@queenland.example>"
per_minute = 100000
per_day = 1000000
[[rule]]
id = "welcome"
on = "added"
when = "email"
send = { channel = "email", to = "customer", template = "welcome" }
[[rule]]
id = "lead"
on = "added"
send = { channel = "email", to = "managers", template = "lead-alert" }
[[rule]]
id = "deposited"
on = { stage = "deposited" }
send = { channel = "email", to = "managers", template = "deposited" }
[[rule]]
id = "thanks"
on = { stage = "deposited" }
when = "email"
send = { channel = "email", to = "customer", template = "thank-you", hold = "0s" }
[[rule]]
id = "at-once"
on = { stage = "lost" }
send = { channel = "email", to = "managers", template = "deposited" }
settle = "1s"
[[rule]]
id = "patient"
on = { stage = "consulting" }
send = { channel = "email", to = "managers", template = "deposited" }
settle = "90s"
"#;

/// What a day came to.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    edits: usize,
    polls: usize,
    failed: usize,
    held: usize,
    unclear: usize,
    restarts: usize,
    customers: usize,
    messages: usize,
}

struct Day<'a> {
    company: &'a mut Company,
    smtp: &'a SmtpSandbox,
    /// None for the moment in which the store is closed.
    outbox: Option<Outbox>,
    truth: Truth,
    record_of: BTreeMap<u32, RecordId>,
    start: Timestamp,
    /// The token was taken away, and no poll has noticed yet.
    revoked: bool,
    tally: Tally,
}

fn outbox(company: &Company, smtp: &SmtpSandbox) -> Outbox {
    let settings = SmtpSettings::new("127.0.0.1".to_owned(), smtp.addr().port(), Security::Plain);
    Outbox::new(
        company.roster.clone(),
        Arc::new(Templates::load(None, Language::default()).unwrap()),
        Some(Arc::new(EmailCourier::new(settings))),
        None,
        Health::new(company.now, "test", false),
    )
}

/// Plays the first `steps` of the day of a seed, and its end.
async fn play(seed: u64, steps: usize) -> Result<Tally, (usize, String)> {
    let mut draw = Draw::new(seed);
    let (workbook, next) = morning(&mut draw);
    let smtp = SmtpSandbox::start("127.0.0.1:0".parse().unwrap(), Options::default())
        .await
        .unwrap();
    let tabs = format!(
        "[[workbook.tab]]\nname = \"{MAIN}\"\n[[workbook.tab]]\nname = \"{MORE}\"\n[[workbook.tab]]\nname = \"{PAID}\"\nstage = \"deposited\"\n"
    );
    let config = CONFIG.replace("SMTP", &smtp.addr().to_string());
    let mut company = Company::with(workbook, &tabs, &config, &[]).await;
    let google = company.google.clone();
    let mut office = Office::new(&google, next);
    assert!(company.poll().await.baseline);
    let start = company.now;
    let mut day = Day {
        outbox: Some(outbox(&company, &smtp)),
        company: &mut company,
        smtp: &smtp,
        truth: Truth::baseline(&seen(&office.rows())),
        record_of: BTreeMap::new(),
        start,
        revoked: false,
        tally: Tally::default(),
    };
    day.identities(&office.rows(), &BTreeSet::new())
        .map_err(|why| (0, why))?;
    for step in 0..steps {
        // Each step draws from a seed of its own, so that a shorter day begins like a longer one.
        let mut draw = Draw::new(seed ^ (step as u64 + 1).wrapping_mul(0x9E37_79B9));
        office.log.clear();
        office.finish(step);
        for _ in 0..draw.below(11) {
            office.act(step, &mut draw);
        }
        day.company.wait(7 + i64::try_from(draw.below(45)).unwrap());
        day.step(&office, Some(&mut draw)).await.map_err(|why| {
            (
                step,
                format!("{why}\n  since the last poll: {:#?}", office.log),
            )
        })?;
    }
    // What was begun is finished, and everything settles.
    office.log.clear();
    while let Some(step) = office.last_cue() {
        office.finish(step);
    }
    for _ in 0..16 {
        day.company.wait(45);
        day.step(&office, None).await.map_err(|why| (steps, why))?;
    }
    day.tally.edits = office.edits;
    day.end(&office).map_err(|why| (steps, why))?;
    let tally = day.tally;
    drop(day);
    smtp.shutdown().await;
    google.shutdown().await;
    Ok(tally)
}

fn seen(rows: &[Row]) -> BTreeMap<u32, Seen> {
    rows.iter().map(|row| (row.who, row.seen())).collect()
}

fn fault(draw: &mut Draw) -> Fault {
    let effect = match draw.below(9) {
        0 => Effect::Status {
            status: 429,
            retry_after_s: None,
        },
        1 => Effect::Status {
            status: 500,
            retry_after_s: None,
        },
        2 => Effect::Status {
            status: 503,
            retry_after_s: None,
        },
        3 => Effect::Truncate {
            keep_bytes: Some(draw.below(20_000)),
            chunked: false,
        },
        4 => Effect::Truncate {
            keep_bytes: None,
            chunked: true,
        },
        5 => Effect::Garbage {
            body: None,
            status: None,
        },
        6 => Effect::Reset,
        7 => Effect::ResetAfter,
        _ => Effect::Delay { ms: 30 },
    };
    let path = draw.one(&["batchGet", "batchGet", "spreadsheets"]);
    Fault::next(path, effect)
}

impl Day<'_> {
    /// Something goes wrong now and then; then one poll, and everything that it decided is sent.
    async fn step(&mut self, office: &Office<'_>, draw: Option<&mut Draw>) -> Result<(), String> {
        let mut faulty = false;
        if let Some(draw) = draw {
            if draw.chance(3) {
                self.tally.restarts += 1;
                self.outbox = None;
                if draw.chance(40) {
                    self.company.reopen().await;
                } else {
                    self.company.restart().await;
                }
                self.outbox = Some(outbox(self.company, self.smtp));
            }
            if draw.chance(3) {
                let (now, cycle) = (self.company.now, &mut self.company.cycle);
                let _ = cycle.poll(ID, now, Mode::DryRun).await;
            }
            if draw.chance(14) {
                faulty = true;
                self.company.google.add_fault(fault(draw));
            }
            if draw.chance(2) {
                self.revoked = true;
                self.company.google.revoke_tokens();
            }
        }
        let now = self.company.now;
        let polled = self.company.cycle.poll(ID, now, Mode::Real).await;
        self.company.google.clear_faults();
        let report = match polled {
            Ok(report) => report,
            Err(_) if faulty || self.revoked => {
                self.revoked = false;
                self.tally.failed += 1;
                return Ok(());
            }
            Err(error) => return Err(format!("the poll failed without a fault: {error}")),
        };
        self.revoked = false;
        self.tally.polls += 1;
        if let Some(why) = report.tabs.iter().find_map(|tab| tab.held.as_ref()) {
            self.tally.held += 1;
            return if office.mistaken && report.messages.is_empty() {
                Ok(())
            } else {
                Err(format!("held without a reason: {why}"))
            };
        }
        self.accepted(&office.rows(), &report)?;
        self.send().await
    }

    async fn send(&self) -> Result<(), String> {
        let stop = CancellationToken::new();
        let outbox = self.outbox.as_ref().unwrap();
        while !outbox
            .pass(Channel::Email, self.company.now, &stop)
            .await
            .map_err(|error| error.to_string())?
            .is_empty()
        {}
        Ok(())
    }

    /// Compares what an accepted poll decided with the truth.
    fn accepted(&mut self, rows: &[Row], report: &Report) -> Result<(), String> {
        let unclear = self.unclear(rows, report);
        self.tally.unclear += unclear.len();
        let seconds = self.company.now.duration_since(self.start).as_secs();
        let expected = self.truth.poll(seconds, &seen(rows), &unclear);
        self.record_of.retain(|who, _| self.truth.knows(*who));
        self.identities(rows, &unclear)?;
        let store = self.company.roster.store();
        let mut decided = Vec::new();
        for message in &report.messages {
            let key = keys::message(&message.key);
            let message: Message = store.get(&key).unwrap().unwrap();
            decided.extend(self.to_whom(&message));
        }
        decided.sort();
        if expected == decided {
            return Ok(());
        }
        let show = |list: &[(&'static str, String)], other: &[(&'static str, String)]| {
            let mut other = other.to_vec();
            list.iter()
                .filter(|one| {
                    let at = other.iter().position(|two| two == *one);
                    at.map(|at| other.remove(at)).is_none()
                })
                .map(|(rule, who)| format!("{rule} {who}"))
                .collect::<Vec<_>>()
        };
        let (missing, much) = (show(&expected, &decided), show(&decided, &expected));
        let about: Vec<String> = missing
            .iter()
            .chain(&much)
            .filter_map(|one| one.rsplit_once('#')?.1.parse().ok())
            .map(|who: u32| self.about(who))
            .collect();
        let changes: Vec<String> = report
            .changes
            .iter()
            .map(|change| format!("{} {} row {}", change.kind, change.tab, change.row))
            .collect();
        Err(format!(
            "at second {seconds}: missing {missing:?}, too much {much:?}\n  {}\n  changes: {changes:?}\n  unclear: {:?}",
            about.join("\n  "),
            report.ambiguous
        ))
    }

    /// What sheetbridge and the truth hold of a customer.
    fn about(&self, who: u32) -> String {
        let record = self.record_of.get(&who).map(|id| self.record(id));
        let changed = record
            .as_ref()
            .map(|record| record.changed_at.duration_since(self.start).as_secs());
        format!(
            "#{who} changed at {changed:?}: {record:?}\n  truth: {:?}",
            self.truth.about(who)
        )
    }

    /// A message of one of the rules of the day as the truth names it.
    fn to_whom(&self, message: &Message) -> Option<(&'static str, String)> {
        let rule = RULES.iter().find(|rule| rule.id == message.rule)?;
        let id = message.record.as_ref()?;
        let who = self.record_of.iter().find(|(_, record)| *record == id);
        let who = who.map_or_else(|| format!("nobody's {id}"), |(who, _)| format!("#{who}"));
        if rule.once.is_none() {
            return Some((rule.id, who));
        }
        let record = self.company.roster.store().record(id).unwrap();
        let email = record.and_then(|record| {
            record
                .seen
                .get("email")
                .map(|cell| cell.shown().into_owned())
        });
        Some((rule.id, email.unwrap_or(who)))
    }

    /// Which record stands in which row, and those that wait to become clear: they keep the row that they had.
    fn orders(&self) -> (BTreeMap<(i64, usize), RecordId>, BTreeSet<RecordId>) {
        let workbook = self.company.google.workbook(ID).unwrap();
        let mut found = BTreeMap::new();
        let mut waiting = BTreeSet::new();
        for title in [MAIN, MORE, PAID] {
            let sheet = workbook.tab(title).unwrap().sheet_id;
            let order = self.company.roster.store().order(ID, sheet).unwrap();
            for stands in order.unwrap_or_default().iter() {
                let id = stands.id();
                if self.record(&id).ambiguous_since.is_some() {
                    waiting.insert(id);
                } else {
                    found.insert((sheet, stands.row as usize), id);
                }
            }
        }
        (found, waiting)
    }

    fn record(&self, id: &RecordId) -> Record {
        let record = self.company.roster.store().record(id).unwrap();
        record.unwrap_or_else(|| panic!("{id} is lost"))
    }

    /// The customers of whom sheetbridge says that it cannot tell.
    fn unclear(&self, rows: &[Row], report: &Report) -> BTreeSet<u32> {
        let mut unclear: BTreeSet<u32> = BTreeSet::new();
        for group in &report.ambiguous {
            unclear.extend(
                rows.iter()
                    .filter(|row| {
                        row.tab == group.tab && group.rows.iter().any(|at| *at as usize == row.row)
                    })
                    .map(|row| row.who),
            );
        }
        if !unclear.is_empty() {
            let waiting = self.orders().1;
            let of = |(who, id): (&u32, &RecordId)| waiting.contains(id).then_some(*who);
            unclear.extend(self.record_of.iter().filter_map(of));
        }
        unclear
    }

    /// Every row is the record that it was, and nobody else's.
    fn identities(&mut self, rows: &[Row], unclear: &BTreeSet<u32>) -> Result<(), String> {
        let orders = self.orders().0;
        for row in rows.iter().filter(|row| !unclear.contains(&row.who)) {
            let Some(id) = orders.get(&(row.sheet, row.row)) else {
                return Err(format!(
                    "row {} of {} is no record: {:?}",
                    row.row,
                    row.tab,
                    row.seen().cells
                ));
            };
            if let Some(other) = self
                .record_of
                .iter()
                .find(|(who, other)| *other == id && **who != row.who)
            {
                return Err(format!(
                    "row {} of {}: #{} was taken for #{}\n  {}\n  {}",
                    row.row,
                    row.tab,
                    row.who,
                    other.0,
                    self.about(row.who),
                    self.about(*other.0)
                ));
            }
            let known = self.record_of.entry(row.who).or_insert_with(|| id.clone());
            if known != id {
                let was = self.company.roster.store().record(known).unwrap();
                // A row that was half typed when it was sorted away, and of which nobody heard anything, may begin anew.
                let never_counted = was.as_ref().is_none_or(|was| {
                    was.gone.is_some() && was.settled.is_none() && was.own.is_empty()
                });
                if never_counted {
                    *known = id.clone();
                    continue;
                }
                return Err(format!(
                    "#{} was {known} and is {id} now: {:?}\n  the record that it was: {was:#?}",
                    row.who,
                    row.seen().cells
                ));
            }
        }
        Ok(())
    }

    /// The books are balanced.
    fn end(&mut self, office: &Office<'_>) -> Result<(), String> {
        let rows = office.rows();
        let waiting = self.orders().1;
        if !waiting.is_empty() {
            let about: Vec<String> = self
                .record_of
                .iter()
                .filter(|(_, id)| waiting.contains(id))
                .map(|(who, _)| self.about(*who))
                .collect();
            return Err(format!("still unclear: {}", about.join("\n  ")));
        }
        self.tally.customers = rows.len();
        let store = self.company.roster.store();
        let records: Vec<Record> = store.records().map(Result::unwrap).collect();
        let here = records.iter().filter(|record| record.gone.is_none());
        if here.count() != rows.len() {
            return Err(format!(
                "{} rows, but as many records as {}",
                rows.len(),
                records.len()
            ));
        }
        for row in &rows {
            let record = self.record(&self.record_of[&row.who]);
            let wanted = row.seen();
            let says = |field: &str, header: &str| {
                let cell = record.seen.get(field).map(|cell| cell.shown());
                let text: String = cell
                    .unwrap_or_default()
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ");
                use unicode_normalization::UnicodeNormalization as _;
                let text: String = text.nfc().collect();
                text.trim_start_matches('0') == wanted.cells.get(header).map_or("", String::as_str)
            };
            for (field, header) in [
                ("name", "Họ tên"),
                ("phone", "SĐT"),
                ("email", "Email"),
                ("owner", "NV phụ trách"),
                ("area", "Khu vực"),
                ("budget", "Ngân sách"),
                ("note", "Ghi chú"),
            ] {
                if !says(field, header) {
                    return Err(format!(
                        "#{}: {field} is {:?}, the sheet says {:?}",
                        row.who,
                        record.seen.get(field),
                        wanted.cells.get(header)
                    ));
                }
            }
            if record.settled.as_ref() != Some(&record.seen) && wanted.complete {
                return Err(format!(
                    "#{} never settled: {:?}",
                    row.who,
                    row.seen().cells
                ));
            }
        }
        let messages: Vec<Message> = store
            .scan::<Message>(prefix::MESSAGE)
            .map(|entry| entry.unwrap().1)
            .collect();
        // A question about a held batch is asked beside the rules, and so is a new owner told.
        let delivered = messages
            .iter()
            .filter(|message| message.state == State::Delivered)
            .count();
        let messages: Vec<Message> = messages
            .into_iter()
            .filter(|message| RULES.iter().any(|rule| rule.id == message.rule))
            .collect();
        self.tally.messages = messages.len();
        let undelivered: Vec<String> = messages
            .iter()
            .filter(|message| message.state != State::Delivered)
            .map(|message| format!("{} is {}: {}", message.key, message.state, message.why))
            .collect();
        if !undelivered.is_empty() {
            return Err(format!("not delivered: {undelivered:#?}"));
        }
        let mails = self.smtp.messages();
        let ids: BTreeSet<String> = mails
            .iter()
            .filter_map(|mail| mail.view().message_id)
            .collect();
        let to = |to: &Recipient| messages.iter().filter(|message| message.to == *to).count();
        let to_customers = mails
            .iter()
            .filter(|mail| mail.view().to[0].address.starts_with("khach"))
            .count();
        if ids.len() != mails.len()
            || mails.len() != delivered
            || to_customers != to(&Recipient::Customer)
        {
            return Err(format!(
                "{delivered} messages, {} of them to customers; {} mails, {to_customers} of them to customers, {} different",
                to(&Recipient::Customer),
                mails.len(),
                ids.len()
            ));
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stdout, clippy::disallowed_methods)] // The counts are the report; the runner shows them when asked, and says how long to play.
async fn after_a_day_of_random_edits_and_faults_the_messages_equal_the_truth() {
    let soak: u64 = std::env::var("SHEETBRIDGE_SOAK").map_or(10, |soak| soak.parse().unwrap());
    let seeds: Vec<u64> = match std::env::var("SHEETBRIDGE_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (1..=2 * (soak / 10).max(1)).collect(),
    };
    // Thousands of commits: the disk's own time is none of this test's business.
    if std::path::Path::new("/dev/shm").is_dir() {
        let _ = tempfile::env::override_temp_dir("/dev/shm".as_ref());
    }
    for seed in seeds {
        let began = std::time::Instant::now();
        match play(seed, STEPS).await {
            Ok(tally) => println!("day {seed}: {tally:?} in {:?}", began.elapsed()),
            Err((at, why)) => {
                println!("day {seed}, step {at}: {why}\nlooking for the shortest day that fails …");
                let (steps, why) = shortest(seed, at + 1, why).await;
                panic!(
                    "the day of seed {seed} goes wrong; its first {steps} steps are enough:\n  {why}"
                );
            }
        }
    }
}

/// The shortest beginning of a day that still fails, as far as halving finds it.
async fn shortest(seed: u64, fails: usize, why: String) -> (usize, String) {
    let (mut well, mut fails, mut why) = (0, fails.min(STEPS), why);
    while fails - well > 1 {
        let half = usize::midpoint(well, fails);
        match play(seed, half).await {
            Ok(_) => well = half,
            Err((_, shorter)) => (fails, why) = (half, shorter),
        }
    }
    (fails, why)
}
