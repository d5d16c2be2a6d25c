//! Power cuts, without pulling a plug: the real daemon at its usual work is recorded, every write and every sync of
//! its state folder in order with every byte that it sends and every line that it logs (`record.c`). From the
//! record the disk is built as a cut at a random moment could have left it (`disk.rs`): what was synced stays, all
//! else is kept, dropped, torn or reordered. Then the real binary starts on it.
//!
//! What is proven of every cut, against what the servers had received before it and receive after it:
//!
//! - the store opens, and is not empty once it had something to remember;
//! - a message whose body had left is known as delivered, in doubt or in flight: it is never sent anew as if
//!   nothing had been. More are in flight on no channel than there are connections;
//! - a message of which the daemon had said that it was decided is there, and one of which it had said that it was
//!   delivered is delivered;
//! - after the restart every customer gets what they are to get: what was decided is sent, a row whose
//!   decision was lost is seen anew, and nothing comes twice but what was in doubt.
//!
//! `SHEETBRIDGE_CUTS=N` plays N cuts instead of six, `SHEETBRIDGE_SOAK` chooses the number as `tests/run` says, and
//! `SHEETBRIDGE_SEED` chooses other traffic and other moments. A real daemon never does the same twice: the recording
//! of a cut that failed is kept, and with `SHEETBRIDGE_RECORD=FOLDER SHEETBRIDGE_CUT=K` the same cut is played again.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../black_box/mod.rs"]
mod black_box;
mod disk;
mod life;
mod record;
mod recording;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use black_box::leads::{self, CONNECTIONS, Moments, Received, judge, number_from, story};
use black_box::{Ledger, Site, copy_all};
use disk::{Cut, Disk};
use record::Act;
use recording::{OFFICE, Recording, about, record_traffic, settled};
use sheetbridge::core::delivery::State;
use sheetbridge::core::message::{Address, Message};
use sheetbridge::core::rule::Channel;
use sheetbridge::store::Store;

/// Cuts of one recording; more are more recordings, each with other traffic.
const CUTS: u64 = 45;

/// One of so many cuts is played to its end; of the others the store is only opened and looked into, which is quick.
const GLANCES: u64 = 5;

/// Cuts that are played side by side: they wait more than they work.
const SIDE_BY_SIDE: usize = 8;

/// Broken promises of one cut that are shown: the first says most.
const SHOWN: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 16)]
async fn after_a_power_cut_at_any_moment_nothing_is_lost_and_nothing_comes_twice() {
    let cuts = match (
        number_from("SHEETBRIDGE_CUTS"),
        number_from("SHEETBRIDGE_SOAK"),
    ) {
        (Some(cuts), _) => cuts,
        (None, Some(rounds)) if rounds > 10 => 5 * rounds,
        (None, rounds) => rounds.unwrap_or(6),
    };
    let seed = number_from("SHEETBRIDGE_SEED").unwrap_or(20_261_121);
    let only = number_from("SHEETBRIDGE_CUT");
    let mut counted = Counted::default();
    #[allow(clippy::disallowed_methods)] // Of the test alone.
    if let Ok(kept) = std::env::var("SHEETBRIDGE_RECORD") {
        let recording = Arc::new(Recording::read(kept.into()));
        let these = only.map_or(0..cuts * GLANCES, |cut| cut..cut + 1);
        counted.add(play(&recording, these).await);
        println!("{counted:?}");
        return;
    }
    for part in 0..cuts.div_ceil(CUTS) {
        let recording = Arc::new(record_traffic(seed + part).await);
        let these = 0..CUTS.min(cuts - part * CUTS) * GLANCES;
        counted.add(play(&recording, these).await);
        std::fs::remove_dir_all(&recording.dir).unwrap();
    }
    println!("{counted:?}");
}

/// What was seen, so that a test which proves nothing shows.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    cuts: usize,
    /// Cuts on which the daemon was started.
    played: usize,
    /// Cuts at which something was not synced.
    at_risk: usize,
    /// Cuts at which messages were in flight.
    flying: usize,
    /// Cuts whose first look was not yet done.
    before_all: usize,
}

impl Counted {
    fn add(&mut self, other: Self) {
        self.cuts += other.cuts;
        self.played += other.played;
        self.at_risk += other.at_risk;
        self.flying += other.flying;
        self.before_all += other.before_all;
    }
}

// ------------------------------------------------------------------------------------------------ the cuts

/// One power cut.
struct Outage {
    number: u64,
    /// So many acts had happened.
    moment: usize,
    cut: Cut,
    /// What was left of the folder.
    left: tempfile::TempDir,
    at_risk: BTreeMap<String, usize>,
}

async fn play(recording: &Arc<Recording>, which: std::ops::Range<u64>) -> Counted {
    let mut counted = Counted::default();
    let mut playing = tokio::task::JoinSet::new();
    let mut failed = Vec::new();
    for outage in outages(recording, which) {
        counted.cuts += 1;
        counted.at_risk += usize::from(!outage.at_risk.is_empty());
        while playing.len() >= SIDE_BY_SIDE {
            failed.extend(take(&mut counted, playing.join_next().await));
        }
        playing.spawn(survive(Arc::clone(recording), outage));
    }
    while let Some(one) = playing.join_next().await {
        failed.extend(take(&mut counted, Some(one)));
    }
    assert!(
        failed.is_empty(),
        "{} of {} cuts of {} failed:\n{}",
        failed.len(),
        counted.cuts,
        recording.dir.display(),
        failed.join("\n")
    );
    counted
}

type Survived = (Seen, Vec<String>);

fn take(
    counted: &mut Counted,
    one: Option<Result<Survived, tokio::task::JoinError>>,
) -> Vec<String> {
    match one {
        Some(Ok((seen, broken))) => {
            counted.played += usize::from(seen.played);
            counted.flying += usize::from(seen.flying);
            counted.before_all += usize::from(seen.before_all);
            broken
        }
        Some(Err(error)) => vec![error.to_string()],
        None => Vec::new(),
    }
}

/// The cuts by their moments, so that the record is gone through once.
fn outages(recording: &Recording, which: std::ops::Range<u64>) -> impl Iterator<Item = Outage> {
    let life = &recording.life;
    // Right before and after something left or was said is where a promise breaks first.
    let told: Vec<usize> = life
        .mails
        .iter()
        .flat_map(|mail| [mail.began, mail.ended])
        .chain(life.texts.iter().map(|text| text.began))
        .chain(life.said.iter().map(|said| said.at))
        .filter(|at| *at < recording.acts.len())
        .collect();
    // And within a commit, where something is written and not yet synced.
    let mut disk = Disk::new();
    let mut risky = Vec::new();
    for (moment, act) in recording.acts.iter().enumerate() {
        disk.apply(act);
        if !disk.at_risk().is_empty() {
            risky.push(moment + 1);
        }
    }
    let large = in_large_commits(&recording.acts);
    let mut chosen: Vec<(usize, u64, Moments)> = which
        .map(|number| {
            let mut moments = Moments(recording.seed.wrapping_mul(1_000_003) + number);
            let moment = match moments.below(6) {
                0 | 1 => moments.of(&told).saturating_sub(1) + moments.up_to(2),
                2 | 3 => moments.of(&risky),
                4 => moments.of(&large),
                _ => moments.up_to(recording.acts.len()),
            };
            (moment.min(recording.acts.len()), number, moments)
        })
        .collect();
    chosen.sort_by_key(|(moment, number, _)| (*moment, *number));
    let mut disk = Disk::new();
    let mut at = 0;
    chosen
        .into_iter()
        .map(move |(moment, number, mut moments)| {
            recording.acts[at..moment]
                .iter()
                .for_each(|act| disk.apply(act));
            at = moment;
            let cut = Cut::any(&mut moments);
            let left = tempfile::tempdir().unwrap();
            disk.leave(cut, &mut moments, left.path());
            Outage {
                number,
                moment,
                cut,
                left,
                at_risk: disk.at_risk(),
            }
        })
}

/// The moments at which pieces of a large commit are on their way into the store, or about to be.
fn in_large_commits(acts: &[Act]) -> Vec<usize> {
    let mut open = BTreeSet::new();
    let mut written = false;
    let mut within = Vec::new();
    for (moment, act) in acts.iter().enumerate() {
        match act {
            Act::Started => open.clear(),
            Act::Opened { fd, path, .. } if path.ends_with("/store.plan") => {
                open.insert(*fd);
            }
            Act::Opened { fd, .. } | Act::Closed { fd } => {
                open.remove(fd);
            }
            Act::Wrote { fd, .. } => written |= open.contains(fd),
            Act::Cut { fd, .. } => written &= !open.contains(fd),
            _ => {}
        }
        if written {
            within.push(moment + 1);
        }
    }
    assert!(!within.is_empty(), "there was no large commit");
    within
}

struct Seen {
    played: bool,
    flying: bool,
    before_all: bool,
}

/// Looks into what is left, starts the daemon on it, and compares.
async fn survive(recording: Arc<Recording>, outage: Outage) -> Survived {
    let mut seen = Seen {
        played: false,
        flying: false,
        before_all: false,
    };
    let broken = match open_copy(&outage.left.path().join("state")) {
        Err(why) => vec![why],
        Ok(ledger) => {
            seen.flying = ledger.flying > 0;
            seen.before_all = ledger.records.is_empty();
            let mut broken = right_after(&recording, outage.moment, &ledger);
            if outage.number.is_multiple_of(GLANCES) {
                seen.played = true;
                broken.extend(goes_on(&recording, &outage, seen.before_all).await);
            }
            broken
        }
    };
    let place = format!(
        "cut {} ({:?} of {:?} at act {} of {})",
        outage.number,
        outage.cut,
        outage.at_risk,
        outage.moment,
        recording.acts.len()
    );
    let count = broken.len();
    let broken = broken
        .into_iter()
        .take(SHOWN)
        .map(|why| {
            format!(
                "{place}: {why} (and {} more)\n    again: SHEETBRIDGE_RECORD={} SHEETBRIDGE_CUT={} cargo test --test power",
                count - 1,
                recording.dir.display(),
                outage.number
            )
        })
        .collect();
    (seen, broken)
}

/// The ledger of a copy: opening it changes it.
fn open_copy(state: &Path) -> Result<Ledger, String> {
    let copy = tempfile::tempdir().unwrap();
    if state.exists() {
        copy_all(state, copy.path());
    }
    let store = Store::open(copy.path()).map_err(|error| format!("it does not open: {error}"))?;
    Ok(Ledger::of(&store))
}

/// What must be known the moment after, before anything goes on.
fn right_after(recording: &Recording, moment: usize, ledger: &Ledger) -> Vec<String> {
    let mut broken = Vec::new();
    if ledger.records.is_empty() && recording.life.polls[1] < moment {
        broken.push("the first look was over, and nothing is left of it".into());
    }
    let by_digest: BTreeMap<String, &Message> = ledger
        .messages
        .iter()
        .map(|message| (message.key.digest(), message))
        .collect();
    for (began, mail) in recording.accepted_mails() {
        if began >= moment {
            continue;
        }
        let digest = mail.split('@').next().unwrap();
        match by_digest.get(digest) {
            Some(message) if may_have_left(message) => {}
            Some(message) => broken.push(format!(
                "{} had left, and is {}",
                message.key,
                story(message)
            )),
            None => broken.push(format!("the mail {mail} had left, and nobody knows it")),
        }
    }
    for text in recording
        .accepted_texts()
        .into_iter()
        .filter(|text| text.began < moment)
    {
        let Some(about) = about(&text.text) else {
            continue;
        };
        let known = ledger.messages.iter().any(|message| {
            let here = match message.frozen.as_ref().map(|frozen| &frozen.address) {
                Some(Address::Chat(chat)) => *chat == text.chat,
                Some(Address::Email(_)) => false,
                None => true,
            };
            message.channel == Channel::Telegram
                && here
                && may_have_left(message)
                && name_of(ledger, message).as_deref() == Some(about.as_str())
        });
        if !known {
            broken.push(format!(
                "the text about {about} had left, and nobody knows it"
            ));
        }
    }
    for channel in [Channel::Email, Channel::Telegram] {
        let flying = ledger
            .messages
            .iter()
            .filter(|message| message.state == State::InFlight && message.channel == channel);
        let flying = flying.count();
        if flying > CONNECTIONS {
            broken.push(format!("{flying} in flight by {}", channel.as_str()));
        }
    }
    let by_key = ledger.by_key();
    for said in recording.life.said.iter().filter(|said| said.at < moment) {
        match by_key.get(said.key.as_str()) {
            None => broken.push(format!(
                "{} was said to be {}, and is lost",
                said.key, said.what
            )),
            Some(message) if said.what == "delivered" && message.state != State::Delivered => {
                broken.push(format!(
                    "{} was said to be delivered, and is {}",
                    said.key,
                    story(message)
                ));
            }
            Some(_) => {}
        }
    }
    broken
}

/// Known as what is under way, in doubt or at its end, or as what was in doubt and goes again for that.
fn may_have_left(message: &Message) -> bool {
    matches!(
        message.state,
        State::InFlight | State::InDoubt | State::Delivered
    ) || message
        .attempts
        .iter()
        .any(|attempt| attempt.ended == State::InDoubt)
}

fn name_of(ledger: &Ledger, message: &Message) -> Option<String> {
    let id = message.record.as_ref()?;
    let record = ledger.records.iter().find(|record| record.id == *id)?;
    record
        .seen
        .get("name")
        .map(|cell| cell.shown().into_owned())
}

/// The daemon starts on what is left, against servers that know nothing of before.
async fn goes_on(recording: &Recording, outage: &Outage, before_all: bool) -> Vec<String> {
    let tab = format!("[[workbook.tab]]\nname = \"{}\"\n", black_box::TAB);
    let mut site = Site::with(recording.workbook.clone(), &tab, leads::RULES).await;
    let left = outage.left.path().join("state");
    if left.exists() {
        copy_all(&left, &site.state_dir());
    }
    let daemon = site.start();
    let received = recording.received_before(outage.moment);
    if before_all {
        // Nothing was known yet: it is the first look, at the rows of now, and sends nothing.
        daemon.read_again(2).await;
        daemon.stop();
        let mut broken = Vec::new();
        let sent = site.smtp.messages().len() + received.mails.len();
        if sent > 0 || !site.ledger().messages.is_empty() {
            broken.push(format!("a first look sent {sent} mails"));
        }
        return broken;
    }
    settled(&daemon, OFFICE.messages()).await;
    daemon.stop();
    judge(
        OFFICE,
        &site.ledger(),
        &received.and(Received::by(&site)),
        true,
    )
    .broken
}
