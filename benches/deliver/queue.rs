//! What a look at the queue costs, by how much waits in it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use sheetbridge::commands::{Paused, pause_key};
use sheetbridge::config::{Config, Environment};
use sheetbridge::core::decide::notice;
use sheetbridge::core::delivery::{State, Verdict};
use sheetbridge::core::message::{Address, Message, MessageKey, Recipient, Wanted};
use sheetbridge::core::people::Directory;
use sheetbridge::core::rule::Channel;
use sheetbridge::courier::email::{EmailCourier, Security, SmtpSettings};
use sheetbridge::courier::{Courier, Parcel, ProbeError};
use sheetbridge::health::Health;
use sheetbridge::outbox::Outbox;
use sheetbridge::render::{Language, Templates};
use sheetbridge::roster::Roster;
use sheetbridge::store::lanes::CAMPAIGN;
use sheetbridge::store::{Group, Store, ledger};
use tokio_util::sync::CancellationToken;

use super::sink::Sink;

/// Passes of which the middle one counts.
const PASSES: usize = 101;

/// Milliseconds of a pass.
pub struct Costs {
    /// All waits for tomorrow.
    pub not_due: f64,
    /// All is due, and its campaign is paused.
    pub paused: f64,
    /// How long it takes to say how many wait, once it has been counted.
    pub counted: f64,
}

/// Takes everything.
#[derive(Debug)]
struct Hole;

impl Courier for Hole {
    fn connections(&self) -> usize {
        4
    }

    fn ready_in(&self, _to: &Address) -> Duration {
        Duration::ZERO
    }

    fn deliver<'a>(&'a self, _parcel: &'a Parcel) -> BoxFuture<'a, Verdict> {
        Box::pin(async {
            Verdict::Delivered {
                receipt: "250 gone".into(),
            }
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, ProbeError>> {
        Box::pin(async { Ok("a hole".into()) })
    }
}

/// The costs of a pass over a store in which so many messages of a campaign wait; `config` is a configuration.
pub async fn costs(config: &Path, waiting: usize) -> Costs {
    let (store, _dir, roster) = open(config);
    let now = start();
    let tomorrow = now + SignedDuration::from_hours(24);
    fill(&store, waiting, now, tomorrow);
    let outbox = outbox(roster, Arc::new(Hole));
    let not_due = middle(&outbox, now).await;
    let mut pause = Group::default();
    let paused = Paused {
        what: "campaign/tet".into(),
        by: "the bench".into(),
        at: now,
    };
    pause.put(pause_key(&paused.what), &paused);
    store.commit(vec![pause]).expect("the disk takes it");
    let paused = middle(&outbox, tomorrow).await;
    store.queued().expect("the disk reads");
    let began = Instant::now();
    assert_eq!(store.queued().expect("the disk reads"), waiting);
    Costs {
        not_due,
        paused,
        counted: began.elapsed().as_secs_f64() * 1_000.0,
    }
}

/// Milliseconds from the commit of a decision to the first byte of its mail on the wire, with nothing due before it, in
/// order. The sender waits as the daemon's does.
pub async fn latencies(config: &Path, sink: &Sink, mails: usize) -> Vec<f64> {
    let (store, _dir, roster) = open(config);
    let settings = SmtpSettings::new("127.0.0.1", sink.port(), Security::Plain);
    let courier = Arc::new(EmailCourier::new(settings));
    let outbox = outbox(roster, courier);
    let (began, start) = (Instant::now(), start());
    let clock = move || start + began.elapsed();
    let sender = {
        let store = store.clone();
        tokio::spawn(async move {
            let mut queued = store.on_queued();
            let stop = CancellationToken::new();
            loop {
                queued.mark_unchanged();
                let ended = outbox.send_on(Channel::Email, clock, &stop, |_| true).await;
                if ended.expect("the disk").is_empty() {
                    queued.changed().await.expect("the store is there");
                }
            }
        })
    };
    let mut waits = Vec::new();
    for number in 0..mails {
        // Long enough for the sender to have nothing to do.
        tokio::time::sleep(Duration::from_millis(40)).await;
        let facts =
            serde_json::json!({ "trouble": { "service": "google", "over": false, "waiting": 0 } });
        let nobody = Directory::default();
        let occasion = format!("trouble {number}");
        let mut messages =
            notice::to_managers(&nobody, "trouble", "trouble", &occasion, &facts, clock());
        let mut group = Group::default();
        ledger::queue(&store, &mut group, &messages.remove(0)).expect("the disk reads");
        let before = sink.taken();
        store.commit(vec![group]).expect("the disk takes it");
        let committed = Instant::now();
        sink.wait_for(before + 1, Duration::from_secs(10)).await;
        waits.push(sink.last_began().duration_since(committed).as_secs_f64() * 1_000.0);
    }
    sender.abort();
    waits.sort_by(f64::total_cmp);
    waits
}

fn start() -> Timestamp {
    "2026-11-21T03:00:00Z".parse().expect("a time")
}

fn open(config: &Path) -> (Store, tempfile::TempDir, Roster) {
    let nothing = Environment::of(std::iter::empty::<(String, String)>());
    let config = Config::load(config, &nothing, &["welcome"]).expect("it is right");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(dir.path()).expect("the store opens");
    let roster = Roster::new(Arc::new(config), store.clone());
    (store, dir, roster)
}

fn outbox(roster: Roster, courier: Arc<dyn Courier>) -> Outbox {
    Outbox::new(
        roster,
        Arc::new(Templates::load(None, Language::default()).expect("the shipped ones are whole")),
        Some(courier),
        None,
        Health::new(start(), "bench", false),
    )
}

async fn middle(outbox: &Outbox, now: Timestamp) -> f64 {
    let stop = CancellationToken::new();
    let mut took = Vec::new();
    for _ in 0..PASSES {
        let began = Instant::now();
        let ended = outbox.pass(Channel::Email, now, &stop).await;
        assert!(ended.expect("the disk").is_empty(), "nothing may go");
        took.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    took.sort_by(f64::total_cmp);
    took[PASSES / 2]
}

fn fill(store: &Store, waiting: usize, now: Timestamp, due: Timestamp) {
    let numbers: Vec<usize> = (0..waiting).collect();
    for some in numbers.chunks(160) {
        let mut groups = Vec::new();
        for number in some {
            let rule = format!("{CAMPAIGN}tet");
            let message = Message {
                key: MessageKey::new(&rule, 1, None, &format!("customer {number}"), "tet"),
                rule,
                step: 1,
                record: None,
                to: Recipient::Customer,
                channel: Channel::Email,
                otherwise: Vec::new(),
                template: "welcome".into(),
                event: serde_json::Value::Null,
                ad: true,
                urgent: false,
                held_until: None,
                wanted: Wanted::Always,
                created: now,
                due,
                expires: due + SignedDuration::from_hours(72),
                state: State::Queued,
                why: String::new(),
                frozen: None,
                attempts: Vec::new(),
                hands: Vec::new(),
                trial: false,
            };
            let mut group = Group::default();
            ledger::queue(store, &mut group, &message).expect("the disk reads");
            groups.push(group);
        }
        store.commit(groups).expect("the disk takes it");
    }
}
