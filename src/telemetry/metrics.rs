//! The figures of a running daemon, in the OpenMetrics text that Prometheus reads.
//!
//! Labels are few and never personal: a workbook's id, a tab's name, a channel, a state, a kind.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// Bounds of the poll histogram in seconds; a read ends after 180 s at the latest.
const POLL_BOUNDS_S: [f64; 11] = [
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 180.0,
];

/// What a look at a workbook that was read whole came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Poll {
    /// From the first request to the commit.
    pub took: Duration,
    /// Rows of customers in all tabs.
    pub rows: u64,
    /// Changes as seen, before settling.
    pub added: u64,
    /// See `added`.
    pub changed: u64,
    /// See `added`.
    pub removed: u64,
    /// See `added`.
    pub returned: u64,
    /// Changes that have settled.
    pub events: u64,
    /// Whether a batch of it waits for a manager.
    pub held: bool,
}

impl Poll {
    fn outcome(&self) -> &'static str {
        if self.held {
            "held"
        } else if self.added + self.changed + self.removed + self.returned > 0 {
            "changed"
        } else {
            "quiet"
        }
    }
}

/// All figures. Cloning it is cheap, and every clone counts into the same ones.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    polls: Family<PollLabels, Counter>,
    poll_seconds: Family<WorkbookLabel, Histogram, fn() -> Histogram>,
    last_good: Family<WorkbookLabel, Gauge>,
    rows: Family<WorkbookLabel, Gauge>,
    changes: Family<KindLabel, Counter>,
    events: Family<WorkbookLabel, Counter>,
    messages: Family<MessageLabels, Counter>,
    queue: Family<ChannelLabel, Gauge>,
    held: Gauge,
    errors: Family<KindLabel, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PollLabels {
    workbook: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WorkbookLabel {
    workbook: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelLabel {
    channel: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MessageLabels {
    channel: String,
    state: String,
}

impl Metrics {
    /// Figures that all stand at nothing, of a program of that version.
    pub fn new(version: &str) -> Self {
        let mut metrics = Self {
            registry: Arc::default(),
            polls: Family::default(),
            poll_seconds: Family::new_with_constructor(|| Histogram::new(POLL_BOUNDS_S)),
            last_good: Family::default(),
            rows: Family::default(),
            changes: Family::default(),
            events: Family::default(),
            messages: Family::default(),
            queue: Family::default(),
            held: Gauge::default(),
            errors: Family::default(),
        };
        metrics.registry = Arc::new(metrics.register(version));
        metrics
    }

    /// Names every figure.
    fn register(&self, version: &str) -> Registry {
        let mut registry = Registry::with_prefix("sheetbridge");
        registry.register(
            "build",
            "The running program",
            Info::new([("version", version.to_owned())]),
        );
        registry.register(
            "polls",
            "Looks at a workbook, by how they ended: quiet, changed, held, failed",
            self.polls.clone(),
        );
        registry.register_with_unit(
            "poll_duration",
            "How long a look at a workbook took, from the first request to the commit",
            Unit::Seconds,
            self.poll_seconds.clone(),
        );
        registry.register_with_unit(
            "last_good_poll_timestamp",
            "When the workbook was last read whole, in seconds since 1970",
            Unit::Seconds,
            self.last_good.clone(),
        );
        registry.register(
            "rows",
            "Rows of customers in a workbook at its last good poll",
            self.rows.clone(),
        );
        registry.register(
            "changes",
            "Changes as seen, before settling, by kind: added, changed, removed, returned",
            self.changes.clone(),
        );
        registry.register("events", "Changes that have settled", self.events.clone());
        registry.register(
            "messages",
            "Messages that came into a state, by channel and state",
            self.messages.clone(),
        );
        registry.register(
            "queue_length",
            "Messages that wait to be sent, by channel",
            self.queue.clone(),
        );
        registry.register(
            "held_batches",
            "Batches that wait for a manager",
            self.held.clone(),
        );
        registry.register(
            "errors",
            "Failures that were handled, by kind",
            self.errors.clone(),
        );
        registry
    }

    /// A workbook was read whole.
    pub fn polled(&self, workbook: &str, poll: &Poll) {
        let of = WorkbookLabel {
            workbook: workbook.to_owned(),
        };
        self.ended(workbook, poll.outcome());
        self.poll_seconds
            .get_or_create(&of)
            .observe(poll.took.as_secs_f64());
        self.rows.get_or_create(&of).set(gauge(poll.rows));
        self.events.get_or_create(&of).inc_by(poll.events);
        for (kind, number) in [
            ("added", poll.added),
            ("changed", poll.changed),
            ("removed", poll.removed),
            ("returned", poll.returned),
        ] {
            self.changes
                .get_or_create(&KindLabel { kind })
                .inc_by(number);
        }
    }

    /// A workbook could not be read.
    pub fn poll_failed(&self, workbook: &str) {
        self.ended(workbook, "failed");
        self.error("google");
    }

    fn ended(&self, workbook: &str, outcome: &'static str) {
        let labels = PollLabels {
            workbook: workbook.to_owned(),
            outcome,
        };
        self.polls.get_or_create(&labels).inc();
    }

    /// A workbook was last read whole at that time, in seconds since 1970.
    pub fn last_good(&self, workbook: &str, at_s: i64) {
        let workbook = WorkbookLabel {
            workbook: workbook.to_owned(),
        };
        self.last_good.get_or_create(&workbook).set(at_s);
    }

    /// Drops what stands of workbooks that may be read no longer: for a reload. Counts stay.
    pub fn forget_workbooks(&self) {
        self.rows.clear();
        self.last_good.clear();
    }

    /// A message of a channel (`email`, `telegram`) came into a state (`queued`, `delivered`, …).
    pub fn message(&self, channel: impl fmt::Display, state: impl fmt::Display) {
        let labels = MessageLabels {
            channel: channel.to_string(),
            state: state.to_string(),
        };
        self.messages.get_or_create(&labels).inc();
    }

    /// So many messages of a channel wait.
    pub fn queue_length(&self, channel: impl fmt::Display, waiting: u64) {
        let labels = ChannelLabel {
            channel: channel.to_string(),
        };
        self.queue.get_or_create(&labels).set(gauge(waiting));
    }

    /// So many batches wait for a manager.
    pub fn held_batches(&self, waiting: u64) {
        self.held.set(gauge(waiting));
    }

    /// Something failed and was handled; the kind is one of a few fixed words (`google`, `smtp`, `telegram`,
    /// `store`, `template`, …), never a text from outside.
    pub fn error(&self, kind: &'static str) {
        self.errors.get_or_create(&KindLabel { kind }).inc();
    }

    /// Everything as OpenMetrics text, ending in `# EOF`. Its media type is [`Self::MEDIA_TYPE`].
    ///
    /// # Errors
    /// None in practice: a `String` takes all that is written to it.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut page = String::new();
        text::encode(&mut page, &self.registry)?;
        Ok(page)
    }

    /// What [`Self::encode`] is, for the header of an answer.
    pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// For the version of this very program.
impl Default for Metrics {
    fn default() -> Self {
        Self::new(env!("CARGO_PKG_VERSION"))
    }
}

fn gauge(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told() {
        let metrics = Metrics::new("0.1.0");
        let elsewhere = metrics.clone();
        let quiet = Poll {
            took: Duration::from_millis(90),
            rows: 298,
            ..Poll::default()
        };
        let changed = Poll {
            took: Duration::from_millis(300),
            rows: 300,
            added: 5,
            events: 2,
            ..Poll::default()
        };
        let held = Poll {
            took: Duration::from_secs(1),
            removed: 200,
            held: true,
            ..changed
        };
        for poll in [quiet, changed, held] {
            elsewhere.polled("1AbC", &poll);
        }
        elsewhere.poll_failed("1AbC");
        elsewhere.last_good("1AbC", 1_763_690_400);
        elsewhere.message("email", "delivered");
        elsewhere.message("email", "delivered");
        elsewhere.queue_length("telegram", 4);
        elsewhere.held_batches(1);
        elsewhere.error("smtp");
        let page = metrics.encode().unwrap();
        for line in [
            "sheetbridge_build_info{version=\"0.1.0\"} 1",
            "sheetbridge_polls_total{workbook=\"1AbC\",outcome=\"quiet\"} 1",
            "sheetbridge_polls_total{workbook=\"1AbC\",outcome=\"changed\"} 1",
            "sheetbridge_polls_total{workbook=\"1AbC\",outcome=\"held\"} 1",
            "sheetbridge_polls_total{workbook=\"1AbC\",outcome=\"failed\"} 1",
            "sheetbridge_poll_duration_seconds_count{workbook=\"1AbC\"} 3",
            "sheetbridge_poll_duration_seconds_bucket{le=\"0.5\",workbook=\"1AbC\"} 2",
            "sheetbridge_last_good_poll_timestamp_seconds{workbook=\"1AbC\"} 1763690400",
            "sheetbridge_rows{workbook=\"1AbC\"} 300",
            "sheetbridge_changes_total{kind=\"added\"} 10",
            "sheetbridge_changes_total{kind=\"removed\"} 200",
            "sheetbridge_changes_total{kind=\"returned\"} 0",
            "sheetbridge_events_total{workbook=\"1AbC\"} 4",
            "sheetbridge_messages_total{channel=\"email\",state=\"delivered\"} 2",
            "sheetbridge_queue_length{channel=\"telegram\"} 4",
            "sheetbridge_held_batches 1",
            "sheetbridge_errors_total{kind=\"google\"} 1",
            "sheetbridge_errors_total{kind=\"smtp\"} 1",
        ] {
            assert!(
                page.lines().any(|found| found == line),
                "{line} is not in\n{page}"
            );
        }
        assert!(page.ends_with("# EOF\n"), "{page}");
    }

    #[test]
    fn a_reload_forgets_workbooks_but_no_counts() {
        let metrics = Metrics::default();
        metrics.polled("gone", &Poll::default());
        metrics.last_good("gone", 1);
        metrics.forget_workbooks();
        let page = metrics.encode().unwrap();
        assert!(!page.contains("sheetbridge_rows{"), "{page}");
        assert!(!page.contains("timestamp_seconds{"), "{page}");
        assert!(page.contains("outcome=\"quiet\"} 1"), "{page}");
    }
}
