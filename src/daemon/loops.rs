//! The loops: polling, timers and sending, the control socket, the bot, the web pages. The first
//! two share only the store: an outage of Google delays no retry, one of SMTP no poll.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::net::UnixListener;

use super::parts::Parts;
use super::watch::Loop;
use super::{DaemonError, House, News, watch};
use crate::bot::Bot;
use crate::commands::{CampaignLine, CommandError, Desk, ErrorKind, Request, ToDo, Who};
use crate::core::rule::Channel;
use crate::courier::telegram::TelegramCourier;
use crate::cycle::{Mode, PollError, Report, TabReport};
use crate::outbox::Ended;
use crate::render::Templates;
use crate::telemetry::Poll;
use crate::web::Web;
use crate::writeback::{self, Standing, Task, WriteError};
use crate::{alarms, clock, control, random};

/// Nothing is due sooner than it is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// So long a channel sends before anything else has its turn.
const AT_A_TIME: Duration = Duration::from_secs(5);

/// So many lines a poll writes of what settled, and of what was decided: thousands would push out of the log what else
/// it has (systemd drops lines that come too quickly), and the store has each.
const LOGGED: usize = 100;

/// So often campaigns are looked at: a manager who pressed a button expects something to happen.
const LOOK_AT_CAMPAIGNS: Duration = Duration::from_secs(2);

/// So often our own tabs are brought up to date: Google allows 60 writes a minute to each service account.
const WRITE_EVERY: Duration = Duration::from_secs(10);

/// Waits between failed polls grow up to this (sheets.md, section 1).
const LONGEST_WAIT: Duration = Duration::from_secs(64);

/// What does not heal by itself is tried again at this pace.
const WAIT_FOR_A_PERSON: Duration = Duration::from_secs(60);

/// Passing trouble with Google is told of after so long.
const TELL_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// Polls every workbook at its time.
pub(super) async fn polling(house: House) -> Result<(), DaemonError> {
    let mut next: BTreeMap<String, Instant> = BTreeMap::new();
    loop {
        house.beats.came_round(Loop::Polling);
        let config = Arc::clone(house.parts().roster.config());
        next.retain(|id, _| config.workbooks.iter().any(|book| book.id == *id));
        let every = Duration::from_millis(
            u64::try_from(config.google.poll_every.as_millis()).unwrap_or(10_000),
        );
        for book in &config.workbooks {
            let due = next.get(&book.id).is_none_or(|at| *at <= Instant::now());
            if house.stop.is_cancelled() {
                return Ok(());
            }
            if due {
                let wait = poll(&house, &book.id, every).await?;
                next.insert(book.id.clone(), Instant::now() + wait);
                house.beats.came_round(Loop::Polling);
            }
        }
        let now = Instant::now();
        let sleep = next
            .values()
            .min()
            .map_or(every, |at| at.saturating_duration_since(now))
            .min(Duration::from_secs(5));
        tokio::select! {
            () = house.stop.cancelled() => return Ok(()),
            () = house.poll_now.notified() => next.clear(),
            () = tokio::time::sleep(sleep) => {}
        }
    }
}

/// One poll of one workbook; how long to wait until the next.
async fn poll(house: &House, workbook: &str, every: Duration) -> Result<Duration, DaemonError> {
    let started = Instant::now();
    let now = clock::now();
    let polled = tokio::select! {
        // A poll that is cut off changed nothing; the next one sees the same.
        () = house.stop.cancelled() => return Ok(every),
        () = house.cut_off.notified() => return Ok(Duration::ZERO),
        polled = async { house.cycle.lock().await.poll(workbook, now, Mode::Real).await } => polled,
    };
    match polled {
        Ok(report) => {
            let took = SignedDuration::try_from(started.elapsed()).unwrap_or(SignedDuration::ZERO);
            house.health.polled(workbook, now, took);
            log(workbook, &report);
            measure(house, workbook, &report, now, started.elapsed());
            house.tell(News::Polled {
                workbook: workbook.to_owned(),
                at: now,
                report: Arc::new(report),
            });
            Ok(every)
        }
        Err(PollError::Store(error)) => Err(error.into()),
        Err(error) => {
            let why = error.to_string();
            let times = house.health.poll_failed(workbook, now, why.clone());
            house
                .metrics
                .polled(workbook, Poll::Failed, started.elapsed());
            house.metrics.error("google");
            if times == 1 {
                tracing::warn!(workbook, "the workbook cannot be read: {why}");
            }
            tokio::task::block_in_place(|| tell_of_google(house, workbook, &error))?;
            house.tell(News::PollFailed {
                workbook: workbook.to_owned(),
                at: now,
                why,
            });
            Ok(back_off(&error, times, every))
        }
    }
}

/// Truncated exponential back-off with jitter, never below Google's own wish.
fn back_off(error: &PollError, times: u32, every: Duration) -> Duration {
    let PollError::Google(google) = error else {
        return every.max(Duration::from_secs(10));
    };
    if !google.is_passing() {
        return WAIT_FOR_A_PERSON;
    }
    let doubled = Duration::from_secs(1 << times.min(6));
    let jitter = Duration::from_secs_f64(random::unit());
    let asked = Duration::from_secs(google.retry_after_s().unwrap_or(0).min(3_600));
    (doubled.min(LONGEST_WAIT) + jitter).max(asked).max(every)
}

/// What a person must mend is told at once; what may pass, after a quarter of an hour. Once each.
fn tell_of_google(house: &House, workbook: &str, error: &PollError) -> Result<(), DaemonError> {
    let passing = matches!(error, PollError::Google(error) if error.is_passing());
    let snapshot = house.health.snapshot();
    let Some(trouble) = snapshot
        .workbooks
        .get(workbook)
        .and_then(|book| book.failing.clone())
    else {
        return Ok(());
    };
    let lasted = clock::now().duration_since(trouble.since);
    if !passing || lasted >= TELL_AFTER {
        watch::tell(house, "google", &trouble)?;
    }
    Ok(())
}

fn log(workbook: &str, report: &Report) {
    if report.is_quiet() {
        tracing::debug!(workbook, "nothing changed");
        return;
    }
    // What is held is said when it is new, not at every look.
    let held_still = |tab: &TabReport| tab.held.is_some() && report.newly_held.is_none();
    if report.tabs.iter().any(held_still) {
        tracing::debug!(workbook, "still held");
        return;
    }
    for tab in report
        .tabs
        .iter()
        .filter(|tab| tab.edit != "none" || tab.held.is_some())
    {
        tracing::info!(
            workbook,
            tab = tab.tab,
            records = tab.records,
            held = tab.held.as_deref().unwrap_or("no"),
            "{}",
            tab.edit
        );
    }
    for (record, event) in report.events.iter().take(LOGGED) {
        tracing::info!(%record, "settled: {event}");
    }
    for message in report.messages.iter().take(LOGGED) {
        tracing::info!(
            key = %message.key,
            channel = message.channel.as_str(),
            "decided"
        );
    }
    let more = |count: usize| count.saturating_sub(LOGGED);
    let (settled, decided) = (more(report.events.len()), more(report.messages.len()));
    if settled + decided > 0 {
        tracing::info!(
            workbook,
            settled,
            decided,
            "and more: `explain` and `outbox list` tell of each"
        );
    }
}

fn measure(house: &House, workbook: &str, report: &Report, now: jiff::Timestamp, took: Duration) {
    let metrics = &house.metrics;
    let held = report.tabs.iter().any(|tab| tab.held.is_some());
    let outcome = match () {
        () if held => Poll::Held,
        () if report.is_quiet() => Poll::Quiet,
        () => Poll::Changed,
    };
    metrics.polled(workbook, outcome, took);
    metrics.read_whole(workbook, now.as_second());
    for tab in &report.tabs {
        metrics.rows(workbook, &tab.tab, tab.records);
    }
    for change in &report.changes {
        metrics.changes(change.kind, 1);
    }
    for (_, event) in &report.events {
        metrics.events(event, 1);
    }
}

/// Rings timers.
pub(super) async fn ringing(house: House) -> Result<(), DaemonError> {
    loop {
        house.beats.came_round(Loop::Ringing);
        {
            // A rule that is being removed must not decide anything after its queue was cancelled.
            let _ringing = house.ringing.lock().await;
            let parts = house.parts();
            let rang = tokio::task::block_in_place(|| alarms::ring(&parts.roster, clock::now()))?;
            for message in &rang.messages {
                tracing::info!(key = %message.key, channel = message.channel.as_str(), "decided by time");
            }
        }
        if !house.pause(LOOK_EVERY).await {
            return Ok(());
        }
    }
}

/// Sees to campaigns: what was written, asked, approved and sent of them.
pub(super) async fn campaigning(house: House) -> Result<(), DaemonError> {
    loop {
        let parts = house.parts();
        // Rendering everybody's mail takes its time, and nobody waits for it.
        tokio::task::spawn_blocking(move || parts.campaigns.pass(clock::now()))
            .await
            .map_err(|error| DaemonError::Broken(error.to_string()))??;
        if !house.pause(LOOK_AT_CAMPAIGNS).await {
            return Ok(());
        }
    }
}

/// Keeps our own tabs up to date, where the configuration allows writing. What stands in the way is logged once: it is
/// the sheet that lacks something then, and nobody's message.
pub(super) async fn writing(house: House) -> Result<(), DaemonError> {
    let mut said: Option<String> = None;
    let mut tasks = Tasks::default();
    loop {
        let parts = house.parts();
        if parts.roster.config().google.write {
            let results = write(&house, &parts).await;
            let to_do = write_tasks(&house, &parts, &mut tasks).await;
            let trouble = match results.and(to_do) {
                Ok(_) => None,
                Err(WriteError::Store(error)) => return Err(error.into()),
                Err(error) => Some(error.to_string()),
            };
            match (&said, &trouble) {
                (before, Some(why)) if before.as_ref() != Some(why) => {
                    tracing::warn!("a tab of our own cannot be written: {why}");
                }
                (Some(_), None) => tracing::info!("our own tabs are written again"),
                _ => {}
            }
            said = trouble;
        }
        if !house.pause(WRITE_EVERY).await {
            return Ok(());
        }
    }
}

async fn write(house: &House, parts: &Arc<Parts>) -> Result<bool, WriteError> {
    let now = clock::now();
    let desk = parts.desk.clone();
    let lines = tokio::task::block_in_place(|| desk.campaign_list(&Who::CommandLine, now).ok());
    // Only the disk could refuse, and says so elsewhere.
    let Some(lines) = lines else {
        return Ok(false);
    };
    let standings: Vec<Standing> = lines.into_iter().map(standing).collect();
    writeback::results(&parts.roster, &house.google, &standings, now).await
}

/// When it was last looked what there is to do. That takes a walk over all rows: it waits until something has happened,
/// and the longer the larger the sheet is.
#[derive(Default)]
struct Tasks {
    mark: Option<(Vec<u8>, jiff::civil::Date)>,
    looked: Option<(Instant, Duration)>,
}

/// Of all time, looking for things to do takes at most one part in so many.
const LOOKING_SHARE: u32 = 20;

/// Who has waited too long by now changes without anything happening.
const LOOK_FOR_TASKS: Duration = Duration::from_secs(900);

async fn write_tasks(
    house: &House,
    parts: &Arc<Parts>,
    tasks: &mut Tasks,
) -> Result<bool, WriteError> {
    let now = clock::now();
    let Ok(mark) = tokio::task::block_in_place(|| parts.desk.to_do_mark(now)) else {
        return Ok(false);
    };
    if let Some((at, took)) = tasks.looked {
        let since = at.elapsed();
        let same = tasks.mark.as_ref() == Some(&mark) && since < LOOK_FOR_TASKS;
        if same || since < took * LOOKING_SHARE {
            return Ok(false);
        }
    }
    let began = Instant::now();
    let desk = parts.desk.clone();
    // Only the disk could refuse, and says so elsewhere.
    let Some(found) = tokio::task::block_in_place(|| desk.to_do(now).ok()) else {
        return Ok(false);
    };
    let took = began.elapsed();
    let rows: Vec<Task> = found.into_iter().map(task).collect();
    let wrote = writeback::to_do(&parts.roster, &house.google, &rows, now).await;
    *tasks = Tasks {
        // What could not be written is tried again.
        mark: wrote.is_ok().then_some(mark),
        looked: Some((Instant::now(), took)),
    };
    wrote
}

fn task(todo: ToDo) -> Task {
    let at = todo.at.get(11..16).unwrap_or_default().to_owned();
    [
        todo.owner,
        at,
        todo.name,
        todo.what,
        todo.outcome,
        todo.by,
        todo.record,
    ]
}

fn standing(line: CampaignLine) -> Standing {
    let of = |states: &[&str]| -> u64 {
        states
            .iter()
            .filter_map(|state| line.messages.get(*state))
            .sum()
    };
    let (delivered, in_doubt) = (of(&["delivered"]), of(&["in_doubt"]));
    let (failed, waiting) = (of(&["rejected", "dead"]), of(&["queued", "in_flight"]));
    let gone = of(&["cancelled", "expired"]);
    Standing {
        delivered,
        failed,
        in_doubt,
        waiting,
        left_out: line.left_out.values().sum::<u64>() + gone,
        name: line.name,
        id: line.id,
        state: line.state,
        by: line.by.unwrap_or_default(),
        send_at: line.send_at.unwrap_or_default(),
        recipients: line.recipients.unwrap_or_default(),
    }
}

/// Sends what is due by one channel.
pub(super) async fn sending(house: House, channel: Channel) -> Result<(), DaemonError> {
    let mut queued = house.parts().roster.store().on_queued();
    while !house.stop.is_cancelled() {
        queued.mark_unchanged();
        let parts = house.parts();
        let began = Instant::now();
        let mut any = false;
        let go_on = |ended: &[Ended]| {
            any |= !ended.is_empty();
            house.beats.came_round(Loop::Sending(channel));
            ended.iter().for_each(|one| tell_of(&house, one));
            // Another configuration, and what else this loop does, waits no longer than that.
            began.elapsed() < AT_A_TIME && Arc::ptr_eq(&parts, &house.parts())
        };
        house.beats.came_round(Loop::Sending(channel));
        let ended = parts
            .outbox
            .send_on(channel, clock::now, &house.stop, go_on)
            .await?;
        any |= !ended.is_empty();
        ended.iter().for_each(|one| tell_of(&house, one));
        if let Some(client) = parts
            .telegram
            .clone()
            .filter(|_| channel == Channel::Telegram)
        {
            let courier = TelegramCourier::new(client);
            parts.outbox.amend(&courier, clock::now()).await?;
            parts.outbox.show_progress(&courier, clock::now()).await?;
        }
        if !any {
            tokio::select! {
                // Gone only with the store, whose end is everybody's.
                _ = queued.changed() => {}
                _ = house.pause(LOOK_EVERY) => {}
            }
        }
    }
    Ok(())
}

fn tell_of(house: &House, ended: &Ended) {
    let message = &ended.message;
    tracing::info!(key = %message.key, channel = message.channel.as_str(), state = %message.state, "{}", message.why);
    house
        .metrics
        .message(message.channel.as_str(), message.state.as_str());
    house.tell(News::Message {
        at: clock::now(),
        rule: message.rule.clone(),
        template: message.template.clone(),
        channel: message.channel,
        state: message.state,
        to: ended.to.clone(),
        why: message.why.clone(),
    });
}

/// Answers the command line over the control socket.
pub(super) async fn answering(house: House, listener: UnixListener) -> Result<(), DaemonError> {
    let stop = house.stop.clone();
    control::serve(
        listener,
        move |request| answer(house.clone(), request),
        stop.cancelled_owned(),
    )
    .await;
    Ok(())
}

async fn answer(house: House, request: Request) -> Result<serde_json::Value, CommandError> {
    match request {
        Request::Sync { dry_run } => sync(&house, dry_run).await,
        request => {
            let desk = house.parts().desk.clone();
            let poll_after = matches!(
                request,
                Request::HeldRelease { .. } | Request::HeldDrop { .. }
            );
            let answered = tokio::task::spawn_blocking(move || {
                desk.answer(&request, &Who::CommandLine, clock::now())
            })
            .await
            .map_err(|error| CommandError::plain(ErrorKind::Unavailable, error.to_string()))?;
            if poll_after && answered.is_ok() {
                house.poll_now.notify_one();
            }
            answered
        }
    }
}

/// One poll of every workbook now, for `sync` while the daemon runs.
async fn sync(house: &House, dry_run: bool) -> Result<serde_json::Value, CommandError> {
    let config = Arc::clone(house.parts().roster.config());
    let now = clock::now();
    let mode = if dry_run { Mode::DryRun } else { Mode::Real };
    let mut joined = Report::at(now, &config.calendar.zone);
    for book in &config.workbooks {
        let report = tokio::select! {
            () = house.cut_off.notified() => Err("the configuration is being reloaded: try again".to_owned()),
            polled = async { house.cycle.lock().await.poll(&book.id, now, mode).await } => {
                polled.map_err(|error| error.to_string())
            }
        };
        let report = report.map_err(|why| CommandError::plain(ErrorKind::Unavailable, why))?;
        if mode == Mode::Real {
            house.health.polled(&book.id, now, SignedDuration::ZERO);
        }
        joined.join(report);
    }
    if mode == Mode::Real {
        // What was mended is mended: the loop need not wait out its back-off.
        house.poll_now.notify_one();
    }
    serde_json::to_value(&joined)
        .map_err(|error| CommandError::plain(ErrorKind::Store, error.to_string()))
}

/// The bot talks as long as there is a token; a reload with another needs a restart.
pub(super) async fn conversing(house: House) -> Result<(), DaemonError> {
    let parts = house.parts();
    let Some(client) = parts.telegram.clone() else {
        house.stop.cancelled().await;
        return Ok(());
    };
    drop(parts);
    let desks = {
        let house = house.clone();
        move || house.parts().desk.clone()
    };
    let digest = {
        let house = house.clone();
        Arc::new(move |desk: &Desk, now| digest_text(&house.parts().templates, desk, now))
    };
    let bot = Bot::new(
        client,
        desks,
        digest,
        Arc::clone(&house.poll_now),
        clock::now,
    );
    bot.run(house.stop.clone()).await;
    Ok(())
}

/// The digest of this moment as the bot shows it.
fn digest_text(templates: &Templates, desk: &Desk, now: Timestamp) -> Result<Vec<String>, String> {
    let facts = desk
        .digest_values(None, None, now)
        .map_err(|error| error.to_string())?;
    let values = desk.roster.facts_without_record(&facts, now);
    let text = templates
        .render_chat("digest-daily", &values)
        .map_err(|error| error.to_string())?;
    Ok(text.parts)
}

/// Health and metrics.
pub(super) async fn serving(house: House, web: Web) -> Result<(), DaemonError> {
    let parts = house.clone();
    web.serve(
        house.health.clone(),
        house.metrics.clone(),
        move || parts.parts().desk.clone(),
        house.stop.clone(),
    )
    .await
    .map_err(|error| DaemonError::Address(error.to_string()))
}
