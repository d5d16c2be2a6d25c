//! What a day writes: edits that are seen and settle, timers that ring, messages from decision to end.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sheetbridge::commands::{Action, ButtonAct, store_button};
use sheetbridge::core::decide::{Timer, TimerKind};
use sheetbridge::core::delivery::{By, State};
use sheetbridge::core::message::{Address, Frozen, Message, MessageKey, Recipient, Wanted};
use sheetbridge::core::record::Record;
use sheetbridge::core::rule::Channel;
use sheetbridge::core::sheet::Cell;
use sheetbridge::roster::tab_key;
use sheetbridge::sandbox::google::{Role, Workbook};
use sheetbridge::store::journal::{Entry, What};
use sheetbridge::store::keys::{self, prefix};
use sheetbridge::store::order::Order;
use sheetbridge::store::suppression::address_hash;
use sheetbridge::store::{Group, ledger};

use super::support::Company;

/// A company's working day.
const HOURS: usize = 10;
const EDITS_AN_HOUR: usize = 50;
const MESSAGES_A_DAY: usize = 2_000;

/// Messages that leave together, one from each open connection.
const TOGETHER: usize = 4;

pub(crate) struct Office {
    pub(crate) company: Company,
    pub(crate) sent: usize,
    pub(crate) edits: usize,
    records: Vec<Record>,
    /// What templates see of each record.
    facts: Vec<serde_json::Value>,
    order: Order,
    sheet: i64,
}

impl Office {
    /// 1 500 rows, read by a real first look.
    pub(crate) async fn open() -> Self {
        let text = std::fs::read_to_string(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/data/workbooks/crm-1500-messy.json"
        ))
        .unwrap();
        let mut workbook = Workbook::from_json(&text).unwrap();
        workbook.share.insert("*".into(), Role::Reader);
        let tabs = "[[workbook.tab]]\nname = \"Khách hàng\"\n";
        let mut company = Company::with(workbook, tabs, "", &[]).await;
        company.poll().await;
        let store = company.roster.store();
        let records: Vec<Record> = store.records().map(Result::unwrap).collect();
        let sheet = records[0].place.sheet;
        let order = store.order(&company.workbook, sheet).unwrap().unwrap();
        let facts = records
            .iter()
            .map(|record| {
                let roster = &company.roster;
                roster
                    .facts_of(record, &record.seen, &serde_json::Value::Null, company.now)
                    .unwrap()
            })
            .collect();
        assert!(records.len() > 1_300, "{} records", records.len());
        Self {
            company,
            sent: 0,
            edits: 0,
            records,
            facts,
            order,
            sheet,
        }
    }

    /// One day: ten hours of edits and messages, then a night.
    pub(crate) fn live_through_a_day(&mut self, day: u32) {
        tokio::task::block_in_place(|| {
            let works = day % 7 != 6;
            for hour in 0..HOURS {
                for minute in 0..EDITS_AN_HOUR {
                    if works {
                        self.edit();
                    }
                    self.send(MESSAGES_A_DAY / HOURS / EDITS_AN_HOUR, (hour, minute));
                    self.company.wait(3_600 / 50);
                }
            }
            self.ring();
            self.company.wait(14 * 3_600);
        });
    }

    /// A cell is typed: one poll sees it, a later one counts it.
    fn edit(&mut self) {
        let now = self.company.now;
        let roster = self.company.roster.clone();
        let store = roster.store();
        let at = (self.edits * 7_919) % self.records.len();
        self.edits += 1;
        let record = &mut self.records[at];
        let note = format!("gọi lần {}: khách hẹn xem nhà mẫu cuối tuần", self.edits);
        record.seen.insert("note".into(), Cell::Text(note.into()));
        record.changed_at = now;
        record.pending_since = Some(now);
        let mut seen = Group::default();
        seen.put_record(record);
        seen.put(
            keys::under(prefix::PENDING, record.id.as_str()),
            &self.company.workbook,
        );
        let mut meta = roster
            .tab(&self.company.workbook, self.sheet)
            .unwrap()
            .unwrap();
        meta.rows += self.edits % 2;
        seen.put(tab_key(&self.company.workbook, self.sheet), &meta);
        store.note(
            &mut seen,
            &entry(now, None, What::Edit, "Khách hàng: typed note of a row"),
        );
        let mut groups = vec![seen];
        let mut next = Order::new(self.order.kind, self.order.fields, self.order.how);
        for mut row in self.order.iter() {
            if row.id() == record.id {
                row.print = row.print.wrapping_add(1);
                row.json = row.json.wrapping_add(1);
            }
            next.push(&row);
        }
        store.write_order(
            (&self.company.workbook, self.sheet),
            Some(&self.order),
            &next,
            &mut groups,
        );
        store.commit(groups).unwrap();
        self.order = next;
        record.settled = Some(record.seen.clone());
        record.pending_since = None;
        record.events += 1;
        record.active_at = now;
        let mut settled = Group::default();
        settled.put_record(record);
        settled.remove(keys::under(prefix::PENDING, record.id.as_str()));
        store.note(
            &mut settled,
            &entry(now, Some(record), What::Changed, "changed: note"),
        );
        for rule in ["welcome", "deposited"] {
            let text = format!("{rule}: its condition is not true: stage == 'deposited' and email");
            store.note(&mut settled, &entry(now, Some(record), What::Rule, &text));
        }
        for days in [3, 9] {
            let timer = Timer {
                due: now
                    .saturating_add(SignedDuration::from_hours(days * 24))
                    .unwrap(),
                rule: "consulting-idle".into(),
                record: Some(record.id.clone()),
                kind: TimerKind::Idle {
                    since: now,
                    round: 0,
                },
            };
            settled.put(keys::timed(prefix::TIMER, timer.due, timer.name()), &timer);
        }
        store.commit(vec![settled]).unwrap();
    }

    /// Messages are decided, leave four at a time, and end.
    fn send(&mut self, count: usize, (hour, minute): (usize, usize)) {
        let now = self.company.now;
        let roster = self.company.roster.clone();
        let store = roster.store();
        let mut messages = Vec::new();
        for n in 0..count {
            let at = (self.sent * 31) % self.records.len();
            self.sent += 1;
            let mail = n % 2 == 0;
            messages.push((at, message(&self.records[at], self.sent, mail, now)));
        }
        let mut decided = Group::default();
        for (_, message) in &messages {
            assert!(ledger::queue(store, &mut decided, message).unwrap());
        }
        store.commit(vec![decided]).unwrap();
        for together in messages.chunks_mut(TOGETHER) {
            let mut claimed = Group::default();
            for (at, message) in together.iter_mut() {
                let values = self.facts[*at].clone();
                let address = match message.channel {
                    Channel::Email => {
                        Address::Email(format!("khach{}@example.com", self.sent % 1_500))
                    }
                    Channel::Telegram => Address::Chat(100_000),
                };
                message.frozen = Some(Frozen {
                    address,
                    display_name: "Nguyễn Văn An".into(),
                    template: blake3_of("template"),
                    values,
                });
                if message.channel == Channel::Telegram {
                    for label in ["Đã liên hệ", "Nhắc lại ngày mai"] {
                        store_button(&mut claimed, &button(message, label, now));
                    }
                }
                ledger::shift(&mut claimed, message, State::InFlight, By::Outbox, "", None)
                    .unwrap();
            }
            store.commit(vec![claimed]).unwrap();
            let mut ended = Group::default();
            for (at, message) in together.iter_mut() {
                let receipt = format!(
                    "250 2.0.0 OK  17{:08}{hour:02}{minute:02} d2e1a72fcca58-7b2f1c - gsmtp",
                    self.sent
                );
                ledger::attempted(message, now, State::Delivered, &receipt);
                ledger::shift(
                    &mut ended,
                    message,
                    State::Delivered,
                    By::Outbox,
                    &receipt,
                    None,
                )
                .unwrap();
                if let Some(Address::Email(to)) =
                    message.frozen.as_ref().map(|frozen| &frozen.address)
                {
                    let all = keys::under(prefix::SENT, "all mails/");
                    ended.put(keys::timed(&all, now, message.key.digest()), &now);
                    if message.ad {
                        let hash = address_hash(store, to).unwrap();
                        let under = keys::under(prefix::SENT, format!("{hash}/"));
                        ended.put(keys::timed(&under, now, message.key.digest()), &now);
                    }
                }
                let text = format!("{} {}: {}", message.key, message.state, message.why);
                let record = Some(&self.records[*at]);
                store.note(&mut ended, &entry(now, record, What::Message, &text));
            }
            store.commit(vec![ended]).unwrap();
        }
    }

    /// What is due by now rings and, as the row was touched since, comes to nothing.
    fn ring(&self) {
        let store = self.company.roster.store();
        let now = self.company.now;
        loop {
            let due: Vec<(keys::Key, Timer)> = store.due(prefix::TIMER, now, 200).unwrap();
            if due.is_empty() {
                return;
            }
            let mut groups = Vec::new();
            for (key, timer) in due {
                let mut group = Group::default();
                group.remove(key);
                let text = "consulting-idle: somebody was at the row since";
                let record = self
                    .records
                    .iter()
                    .find(|r| Some(&r.id) == timer.record.as_ref());
                store.note(&mut group, &entry(now, record, What::Rule, text));
                groups.push(group);
            }
            store.commit(groups).unwrap();
        }
    }
}

fn blake3_of(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

fn entry(at: Timestamp, record: Option<&Record>, what: What, text: &str) -> Entry {
    Entry {
        at,
        record: record.map(|record| record.id.clone()),
        what,
        text: text.to_owned(),
        stages: None,
        moved: None,
    }
}

fn message(record: &Record, number: usize, mail: bool, now: Timestamp) -> Message {
    let (rule, template) = if mail {
        ("tet-campaign", "welcome")
    } else {
        ("consulting-idle", "idle")
    };
    Message {
        key: MessageKey::new(
            rule,
            1,
            Some(&record.id),
            "customer",
            &format!("round {number}"),
        ),
        rule: rule.into(),
        step: 1,
        record: Some(record.id.clone()),
        to: if mail {
            Recipient::Customer
        } else {
            Recipient::Owner(0)
        },
        channel: if mail {
            Channel::Email
        } else {
            Channel::Telegram
        },
        otherwise: Vec::new(),
        template: template.into(),
        event: json!({ "event": { "at": "2026-11-21T09:00:00", "stage_after": "Đang tư vấn" } }),
        ad: mail && number.is_multiple_of(4),
        urgent: false,
        held_until: None,
        wanted: Wanted::Row,
        created: now,
        due: now,
        expires: now.saturating_add(SignedDuration::from_hours(72)).unwrap(),
        state: State::Queued,
        why: String::new(),
        frozen: None,
        attempts: Vec::new(),
        hands: Vec::new(),
        trial: false,
    }
}

fn button(message: &Message, label: &str, now: Timestamp) -> ButtonAct {
    ButtonAct {
        action: if label.starts_with('N') {
            Action::Later
        } else {
            Action::Done
        },
        subject: message.key.digest(),
        label: label.into(),
        message: Some(message.key.to_string()),
        told: Some("Lan Anh".into()),
        created: now,
        done: None,
    }
}
