//! The metrics: their names, their help, and where their values come from.
//!
//! Before it: the engine's [`Progress`], and the reports of finished accounts. Behind it: `server`
//! and `exposition`, which hand out the text.
//!
//! Names follow <https://prometheus.io/docs/practices/naming/>: base units, and `_total` for
//! counters. A counter counts from the beginning of the run, which is short.

use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use chrono::{DateTime, Utc};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Registry;

use crate::engine::{Progress, UnitProgress};
use crate::report::{AccountReport, RunReport, SinkState, Verdict};
use crate::source::CallStats;

/// The prefix of every name.
const PREFIX: &str = "fanout";

/// The sources of all metrics of a run, which can be read at any time.
#[derive(Clone, Debug)]
pub(super) struct Families {
    pipeline: String,
    progress: Arc<Progress>,
    began: (SystemTime, Instant),
}

impl Families {
    pub(super) fn new(pipeline: &str, progress: Arc<Progress>) -> Self {
        Self { pipeline: pipeline.to_owned(), progress, began: (SystemTime::now(), Instant::now()) }
    }

    /// Returns all metrics in Prometheus' text format. `report` is the report of the run, once it
    /// has ended.
    pub(super) fn render(&self, report: Option<&RunReport>) -> String {
        let mut registry = Registry::with_prefix(PREFIX);
        let exit = report.map(|report| report.exit.code());
        registry.register_collector(Box::new(Scrape { families: self.clone(), exit }));
        let mut open_metrics = String::new();
        text::encode(&mut open_metrics, &registry).expect("writing to a string cannot fail");
        to_text_format(&open_metrics)
    }
}

/// The metrics at one moment.
#[derive(Debug)]
struct Scrape {
    families: Families,
    /// The exit code of the run, once it has ended.
    exit: Option<u8>,
}

/// Names and values of labels.
type Labels<'a> = Vec<(&'static str, &'a str)>;

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.encode_run(&mut encoder)?;
        self.encode_accounts(&mut encoder)?;
        self.encode_lists(&mut encoder)?;
        self.encode_sinks(&mut encoder)
    }
}

impl Scrape {
    fn encode_run(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let labels = || vec![("pipeline", self.families.pipeline.as_str())];
        let version = [("pipeline", self.families.pipeline.as_str()), ("version", env!("CARGO_PKG_VERSION"))];
        gauge(encoder, "build_info", "The version of fanout", [(version.to_vec(), 1_u64)])?;
        let (began, since) = self.families.began;
        let began = began.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        gauge(
            encoder,
            "run_start_timestamp_seconds",
            "When the run began, in seconds since 1970",
            [(labels(), began)],
        )?;
        let seconds = since.elapsed().as_secs_f64();
        gauge(encoder, "run_duration_seconds", "The seconds that the run has lasted", [(labels(), seconds)])?;
        let exit = self.exit.map(|exit| (labels(), u64::from(exit)));
        gauge(encoder, "run_exit_code", "The exit code of the run: 0 for success, 75 if a later run may succeed", exit)
    }

    /// Encodes what is known of every account and list, finished or not.
    fn encode_accounts(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let call_stats = |count: fn(&CallStats) -> u64| {
            let stats = move |account: &UnitProgress| Some(account.stats().map_or(0, count));
            self.of_accounts(stats)
        };
        counter(encoder, "calls", "Calls for pages in this run, failed ones included", call_stats(CallStats::calls))?;
        counter(
            encoder,
            "retries",
            "Tries beyond the first in this run, of all calls",
            call_stats(CallStats::retries),
        )?;
        let pages = self.of_accounts(|account| Some(account.pages()));
        counter(encoder, "pages", "Pages of the walk in the journal, those of earlier runs included", pages)?;
        let verdicts = self.accounts().map(|(mut labels, account)| {
            labels.push(("verdict", verdict(account)));
            (labels, 1_u64)
        });
        gauge(encoder, "account_verdict", "1 for the verdict of the account and list, or for its progress", verdicts)?;
        let seconds = self.of_reports(|report| Some(report.seconds));
        gauge(encoder, "account_duration_seconds", "The seconds that the account and list have taken", seconds)?;
        let left = self.of_reports(|report| report.calls_left);
        gauge(encoder, "calls_left", "Calls for pages that are left today", left)
    }

    fn encode_lists(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let read = self.of_accounts(|account| Some(account.followers()));
        gauge(encoder, "walk_followers", "Followers in the pages of the walk", read)?;
        let followers =
            self.of_reports(|report| report.snapshot.as_ref().map(|list| list.rows).or(report.previous_rows));
        gauge(encoder, "followers", "Followers of the newest complete list", followers)?;
        let success = self.of_reports(|report| Some(last_success(report)?.timestamp_micros() as f64 / 1e6));
        let help = "When the newest published list was fetched, in seconds since 1970";
        gauge(encoder, "last_success_timestamp_seconds", help, success)
    }

    fn encode_sinks(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let published = |state: &SinkState| match state {
            SinkState::Published(_) | SinkState::AlreadyPublished(_) => Some(1),
            SinkState::Failed { .. } => Some(0),
            SinkState::NotReached => None,
        };
        let help = "Whether the sink has the list (1), or has failed (0)";
        gauge(encoder, "sink_published", help, self.of_sinks(published))?;
        let report = |state: &SinkState| match state {
            SinkState::Published(report) | SinkState::AlreadyPublished(report) => Some((report.rows, report.bytes)),
            _ => None,
        };
        gauge(
            encoder,
            "sink_rows",
            "Rows of the list in the sink",
            self.of_sinks(move |state| Some(report(state)?.0)),
        )?;
        gauge(
            encoder,
            "sink_bytes",
            "Bytes of the list in the sink",
            self.of_sinks(move |state| Some(report(state)?.1)),
        )
    }

    fn accounts(&self) -> impl Iterator<Item = (Labels<'_>, &UnitProgress)> {
        let accounts = self.families.progress.units().iter();
        accounts.map(|account| {
            let (pipeline, list) = (self.families.pipeline.as_str(), account.list().name());
            (vec![("account", account.account()), ("list", list), ("pipeline", pipeline)], account)
        })
    }

    fn of_accounts<V>(&self, value: impl Fn(&UnitProgress) -> Option<V>) -> impl Iterator<Item = (Labels<'_>, V)> {
        self.accounts().filter_map(move |(labels, account)| Some((labels, value(account)?)))
    }

    /// Returns a value of each account and list that is finished.
    fn of_reports<V>(&self, value: impl Fn(&AccountReport) -> Option<V>) -> impl Iterator<Item = (Labels<'_>, V)> {
        self.of_accounts(move |account| value(account.report()?))
    }

    /// Returns a value of each sink of each account and list that is finished.
    fn of_sinks(&self, value: impl Fn(&SinkState) -> Option<u64>) -> impl Iterator<Item = (Labels<'_>, u64)> {
        let sinks = self.accounts().flat_map(|(labels, account)| {
            let outcomes = account.report().map(|report| report.sinks.as_slice()).unwrap_or_default();
            outcomes.iter().map(move |outcome| {
                let mut labels = labels.clone();
                labels.push(("sink", outcome.sink.as_str()));
                (labels, outcome)
            })
        });
        sinks.filter_map(move |(labels, outcome)| Some((labels, value(&outcome.state)?)))
    }
}

/// Returns the verdict of an account and list as one word, or its progress.
fn verdict(account: &UnitProgress) -> &'static str {
    match account.report().map(|report| report.verdict) {
        None if account.stats().is_none() => "waiting",
        None => "under_way",
        Some(Verdict::Ready) => "ready",
        Some(Verdict::Published) => "published",
        Some(Verdict::AlreadyPublished) => "already_published",
        Some(Verdict::Failed) => "failed",
        Some(Verdict::Interrupted) => "interrupted",
        Some(Verdict::Stopped) => "stopped",
        Some(Verdict::CutOff) => "cut_off",
    }
}

/// Returns when the newest published list was fetched.
fn last_success(report: &AccountReport) -> Option<DateTime<Utc>> {
    match report.verdict {
        Verdict::Published | Verdict::AlreadyPublished => report.snapshot.as_ref()?.last_fetched_at,
        _ => report.previous_fetched_at,
    }
}

fn gauge<'a, V: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    samples: impl IntoIterator<Item = (Labels<'a>, V)>,
) -> fmt::Result {
    let mut samples = samples.into_iter().peekable();
    if samples.peek().is_none() {
        return Ok(());
    }
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    samples.try_for_each(|(labels, value)| metric.encode_family(&labels)?.encode_gauge(&value))
}

fn counter<'a, V: EncodeCounterValue>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    samples: impl IntoIterator<Item = (Labels<'a>, V)>,
) -> fmt::Result {
    let none: Option<&Exemplar<NoLabelSet, f64>> = None;
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    samples.into_iter().try_for_each(|(labels, value)| metric.encode_family(&labels)?.encode_counter(&value, none))
}

/// Turns `OpenMetrics` into the older text format, the only one that the collector of
/// `node_exporter` reads. There a counter is described under the name of its samples, with
/// `_total`, and no line marks the end.
fn to_text_format(open_metrics: &str) -> String {
    let counters: Vec<&str> =
        open_metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
    let mut text = String::with_capacity(open_metrics.len());
    for line in open_metrics.lines().filter(|line| *line != "# EOF") {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some(keyword @ ("HELP" | "TYPE")), Some(name), Some(rest)) if counters.contains(&name) => {
                text.extend(["# ", keyword, " ", name, "_total ", rest]);
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_described_under_the_name_of_its_samples() {
        let open_metrics = "# HELP a_calls Calls.\n# TYPE a_calls counter\na_calls_total{x=\"# EOF\"} 1\n\
                            # HELP a_calls_left Left.\n# TYPE a_calls_left gauge\na_calls_left 2\n# EOF\n";
        assert_eq!(
            to_text_format(open_metrics),
            "# HELP a_calls_total Calls.\n# TYPE a_calls_total counter\na_calls_total{x=\"# EOF\"} 1\n\
             # HELP a_calls_left Left.\n# TYPE a_calls_left gauge\na_calls_left 2\n"
        );
    }
}
