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

/// How a poll ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll {
    /// Read whole and nothing had changed.
    Quiet,
    /// Read whole, and something had changed.
    Changed,
    /// Read whole, but held until a manager has looked.
    Held,
    /// Not read.
    Failed,
}

impl Poll {
    fn as_str(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Changed => "changed",
            Self::Held => "held",
            Self::Failed => "failed",
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
    rows: Family<TabLabels, Gauge>,
    changes: Family<KindLabel, Counter>,
    events: Family<KindLabel, Counter>,
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
struct TabLabels {
    workbook: String,
    tab: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelLabel {
    channel: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MessageLabels {
    channel: &'static str,
    state: &'static str,
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
            "Rows of customers in a tab at its last good poll",
            self.rows.clone(),
        );
        registry.register(
            "changes",
            "Changes as seen, before settling, by kind: added, changed, removed, returned",
            self.changes.clone(),
        );
        registry.register(
            "events",
            "Changes that have settled, by kind",
            self.events.clone(),
        );
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

    /// A poll ended so, after that time.
    pub fn polled(&self, workbook: &str, outcome: Poll, took: Duration) {
        let labels = PollLabels {
            workbook: workbook.to_owned(),
            outcome: outcome.as_str(),
        };
        self.polls.get_or_create(&labels).inc();
        let workbook = WorkbookLabel {
            workbook: workbook.to_owned(),
        };
        self.poll_seconds
            .get_or_create(&workbook)
            .observe(took.as_secs_f64());
    }

    /// A workbook was read whole at that time, in seconds since 1970.
    pub fn read_whole(&self, workbook: &str, at_s: i64) {
        let workbook = WorkbookLabel {
            workbook: workbook.to_owned(),
        };
        self.last_good.get_or_create(&workbook).set(at_s);
    }

    /// A tab has so many rows of customers.
    pub fn rows(&self, workbook: &str, tab: &str, rows: usize) {
        let labels = TabLabels {
            workbook: workbook.to_owned(),
            tab: tab.to_owned(),
        };
        self.rows.get_or_create(&labels).set(gauge(rows));
    }

    /// Drops what is known of tabs and workbooks, so that a renamed or removed one does not stay for ever:
    /// for a reload.
    pub fn forget_workbooks(&self) {
        self.rows.clear();
        self.last_good.clear();
    }

    /// So many changes of a kind (`added`, `changed`, `removed`, `returned`) were seen.
    pub fn changes(&self, kind: &'static str, number: u64) {
        self.changes
            .get_or_create(&KindLabel { kind })
            .inc_by(number);
    }

    /// So many changes of a kind have settled.
    pub fn events(&self, kind: &'static str, number: u64) {
        self.events
            .get_or_create(&KindLabel { kind })
            .inc_by(number);
    }

    /// A message of a channel (`email`, `telegram`) came into a state (`queued`, `delivered`, …).
    pub fn message(&self, channel: &'static str, state: &'static str) {
        self.messages
            .get_or_create(&MessageLabels { channel, state })
            .inc();
    }

    /// So many messages of a channel wait.
    pub fn queue_length(&self, channel: &'static str, waiting: usize) {
        self.queue
            .get_or_create(&ChannelLabel { channel })
            .set(gauge(waiting));
    }

    /// So many batches wait for a manager.
    pub fn held_batches(&self, waiting: usize) {
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

fn gauge(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told() {
        let metrics = Metrics::new("0.1.0");
        let elsewhere = metrics.clone();
        elsewhere.polled("1AbC", Poll::Changed, Duration::from_millis(300));
        elsewhere.polled("1AbC", Poll::Quiet, Duration::from_millis(90));
        elsewhere.polled("1AbC", Poll::Failed, Duration::from_secs(20));
        elsewhere.polled("1AbC", Poll::Held, Duration::from_secs(1));
        elsewhere.read_whole("1AbC", 1_763_690_400);
        elsewhere.rows("1AbC", "Khách \"VIP\"", 300);
        elsewhere.changes("added", 3);
        elsewhere.changes("added", 2);
        elsewhere.events("stage", 1);
        elsewhere.message("email", "delivered");
        elsewhere.message("email", "delivered");
        elsewhere.queue_length("telegram", 4);
        elsewhere.held_batches(1);
        elsewhere.error("smtp");
        let page = metrics.encode().unwrap();
        for line in [
            "sheetbridge_build_info{version=\"0.1.0\"} 1",
            "sheetbridge_polls_total{workbook=\"1AbC\",outcome=\"changed\"} 1",
            "sheetbridge_polls_total{workbook=\"1AbC\",outcome=\"quiet\"} 1",
            "sheetbridge_polls_total{workbook=\"1AbC\",outcome=\"failed\"} 1",
            "sheetbridge_polls_total{workbook=\"1AbC\",outcome=\"held\"} 1",
            "sheetbridge_poll_duration_seconds_count{workbook=\"1AbC\"} 4",
            "sheetbridge_poll_duration_seconds_bucket{le=\"0.5\",workbook=\"1AbC\"} 2",
            "sheetbridge_last_good_poll_timestamp_seconds{workbook=\"1AbC\"} 1763690400",
            "sheetbridge_rows{workbook=\"1AbC\",tab=\"Khách \\\"VIP\\\"\"} 300",
            "sheetbridge_changes_total{kind=\"added\"} 5",
            "sheetbridge_events_total{kind=\"stage\"} 1",
            "sheetbridge_messages_total{channel=\"email\",state=\"delivered\"} 2",
            "sheetbridge_queue_length{channel=\"telegram\"} 4",
            "sheetbridge_held_batches 1",
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
    fn a_reload_forgets_tabs_but_no_counts() {
        let metrics = Metrics::new("0.1.0");
        metrics.rows("1AbC", "Tháng 1", 10);
        metrics.polled("1AbC", Poll::Quiet, Duration::from_secs(1));
        metrics.forget_workbooks();
        let page = metrics.encode().unwrap();
        assert!(!page.contains("Tháng 1"), "{page}");
        assert!(page.contains("outcome=\"quiet\"} 1"), "{page}");
    }
}
