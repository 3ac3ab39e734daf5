//! The metrics: their names, their help, and where their values come from.
//!
//! Before it: the engine's [`Progress`], and the reports of finished accounts. Behind it: `server`
//! and `exposition`, which hand out the text.
//!
//! Names follow <https://prometheus.io/docs/practices/naming/>: base units, and `_total` for
//! counters. A counter counts from the beginning of the run, which is short.

use std::collections::{BTreeMap, BTreeSet};
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
use crate::report::{AccountReport, BatchesReport, ChangesReport, RunReport, SinkState, Verdict};
use crate::wechat::List;

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
        self.encode_told(&mut encoder)?;
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
        let calls = self.of_accounts(|account| Some(account.calls()));
        counter(encoder, "calls", "Calls for pages or batches in this run, failed ones included", calls)?;
        let retries = self.of_accounts(|account| Some(account.retries()));
        counter(encoder, "retries", "Tries beyond the first in this run, of all calls", retries)?;
        let pages = self.of_accounts(|account| Some(account.pages()));
        counter(
            encoder,
            "pages",
            "Pages, or batches with a reply, of the walks in the journal, those of earlier runs included",
            pages,
        )?;
        let verdicts = self.accounts().flat_map(|(labels, account)| {
            verdicts(account).into_iter().map(move |verdict| {
                let mut labels = labels.clone();
                labels.push(("verdict", verdict));
                (labels, 1_u64)
            })
        });
        let help = "1 for each verdict of the account and list in this run, or for its progress";
        gauge(encoder, "account_verdict", help, verdicts)?;
        let seconds = self.of_reports(|reports| Some(reports.iter().map(|report| report.seconds).sum::<f64>()));
        gauge(encoder, "account_duration_seconds", "The seconds that the account and list have taken", seconds)?;
        let left = self.of_reports(|reports| reports.iter().rev().find_map(|report| report.calls_left));
        gauge(encoder, "calls_left", "Calls for pages or batches that are left today", left)
    }

    fn encode_lists(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let read = self.of_accounts(|account| Some(account.walk().followers));
        gauge(encoder, "walk_followers", "Followers or other people in the pages or batches of the walk", read)?;
        self.encode_batches(encoder)?;
        // The last report is that of the newest list, or names the list before it.
        let rows = |reports: &[AccountReport]| {
            let report = reports.last()?;
            report.snapshot.as_ref().map(|list| list.rows).or(report.previous_rows)
        };
        let of_followers = |account: &UnitProgress| [List::FOLLOWERS, List::PROFILES].contains(&account.list());
        let followers = self.of_accounts(|account| account.reports().and_then(rows).filter(|_| of_followers(account)));
        gauge(encoder, "followers", "Followers of the newest complete list", followers)?;
        gauge(encoder, "list_rows", "Rows of the newest complete list", self.of_reports(rows))?;
        let success = self.of_reports(|reports| Some(last_success(reports.last()?)?.timestamp_micros() as f64 / 1e6));
        let help = "When the newest published list was fetched, in seconds since 1970";
        gauge(encoder, "last_success_timestamp_seconds", help, success)
    }

    /// Encodes what the newest lists of changes and of tags tell.
    fn encode_told(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let changes = self.of_kinds("change", |report| Some(report.changes.as_ref()?.by_change()));
        gauge(encoder, "changes", "Rows of the newest complete list of changes, by change", changes)?;
        let of_changes = |count: fn(&ChangesReport) -> u64| {
            self.of_reports(move |reports| newest(reports, |report| report.changes.as_ref().map(count)))
        };
        let help = "People who follow, though the list of followers at which the newest changes end lacks them";
        gauge(encoder, "change_holes", help, of_changes(|changes| changes.holes))?;
        let help = "People whom that list lacks, and about whom WeChat did not tell: they are asked about again";
        gauge(encoder, "change_open", help, of_changes(|changes| changes.open))?;
        let help = "Rows of the newest complete list of changes that WeChat was not asked about, or did not verify";
        gauge(encoder, "changes_unverified", help, of_changes(|changes| changes.unverified))?;
        let tags = self.of_kinds("outcome", |report| Some(report.tags.as_ref()?.by_outcome()));
        gauge(encoder, "tags", "Tags of the newest complete list, by outcome; it lacks those that have failed", tags)
    }

    /// Encodes how far the walks of lists are that are read in batches.
    fn encode_batches(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let of_walks = |value: fn(BatchesReport) -> Option<u64>| {
            self.of_accounts(move |account| account.walk().batches.and_then(value))
        };
        gauge(encoder, "walk_batches", "Batches of the whole list of the walk", of_walks(|batches| Some(batches.all)))?;
        let left = of_walks(|batches| Some(batches.left));
        gauge(encoder, "walk_batches_left", "Batches of the walk without a reply", left)?;
        let help = "How many of the day's calls a batch of the walk takes, as it was measured";
        gauge(encoder, "walk_batch_cost_calls", help, of_walks(|batches| batches.cost))?;
        let help = "The days whose calls the batches of the walk without a reply take";
        gauge(encoder, "walk_days_left", help, of_walks(|batches| batches.days))?;
        let rates = self.of_accounts(|account| account.walk().batches?.per_second);
        gauge(encoder, "walk_batches_per_second", "Batches of the walk that got a reply in a second of this run", rates)
    }

    fn encode_sinks(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let published = |state: &SinkState| match state {
            SinkState::Published(_) | SinkState::AlreadyPublished(_) => Some(1),
            SinkState::Failed { .. } => Some(0),
            SinkState::NotReached | SinkState::NotDue => None,
        };
        let help = "Whether the sink has every list of this run (1), or has failed (0)";
        let all = |states: &[&SinkState]| states.iter().filter_map(|state| published(state)).min();
        gauge(encoder, "sink_published", help, self.of_sinks(all))?;
        let newest = |states: &[&SinkState]| {
            states.iter().rev().find_map(|state| match state {
                SinkState::Published(report) | SinkState::AlreadyPublished(report) => Some((report.rows, report.bytes)),
                _ => None,
            })
        };
        let rows = self.of_sinks(move |states| Some(newest(states)?.0));
        gauge(encoder, "sink_rows", "Rows of the newest list in the sink", rows)?;
        let bytes = self.of_sinks(move |states| Some(newest(states)?.1));
        gauge(encoder, "sink_bytes", "Bytes of the newest list in the sink", bytes)
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

    /// Returns a value of each account and list that is finished, from the reports of its walks.
    fn of_reports<V>(&self, value: impl Fn(&[AccountReport]) -> Option<V>) -> impl Iterator<Item = (Labels<'_>, V)> {
        self.of_accounts(move |account| value(account.reports()?))
    }

    /// Returns the values of the newest complete list of each account and list by their kinds,
    /// which are values of `label`.
    fn of_kinds<const KINDS: usize>(
        &self,
        label: &'static str,
        values: impl Fn(&AccountReport) -> Option<[(&'static str, u64); KINDS]>,
    ) -> impl Iterator<Item = (Labels<'_>, u64)> {
        self.of_reports(move |reports| newest(reports, &values)).flat_map(move |(labels, values)| {
            values.map(|(kind, value)| {
                let mut labels = labels.clone();
                labels.push((label, kind));
                (labels, value)
            })
        })
    }

    /// Returns a value of each sink of each account and list that is finished, from its states
    /// after the walks.
    fn of_sinks(&self, value: impl Fn(&[&SinkState]) -> Option<u64>) -> impl Iterator<Item = (Labels<'_>, u64)> {
        let sinks = self.accounts().flat_map(|(labels, account)| {
            let mut states: BTreeMap<&str, Vec<&SinkState>> = BTreeMap::new();
            let reports = account.reports().unwrap_or_default();
            for outcome in reports.iter().flat_map(|report| &report.sinks) {
                states.entry(&outcome.sink).or_default().push(&outcome.state);
            }
            states.into_iter().map(move |(sink, states)| {
                let mut labels = labels.clone();
                labels.push(("sink", sink));
                (labels, states)
            })
        });
        sinks.filter_map(move |(labels, states)| Some((labels, value(&states)?)))
    }
}

/// Returns the verdicts of an account and list, each as one word, or its progress.
fn verdicts(account: &UnitProgress) -> BTreeSet<&'static str> {
    let word = |report: &AccountReport| match report.verdict {
        Verdict::Ready => "ready",
        Verdict::Published => "published",
        Verdict::AlreadyPublished => "already_published",
        Verdict::Failed => "failed",
        Verdict::Interrupted => "interrupted",
        Verdict::Stopped => "stopped",
        Verdict::CutOff => "cut_off",
        Verdict::NotTried => "not_tried",
    };
    match account.reports() {
        Some(reports) => reports.iter().map(word).collect(),
        None if account.has_begun() => ["under_way"].into(),
        None => ["waiting"].into(),
    }
}

/// Returns a value of the newest walk that has one.
fn newest<V>(reports: &[AccountReport], value: impl Fn(&AccountReport) -> Option<V>) -> Option<V> {
    reports.iter().rev().find_map(value)
}

/// Returns when the newest published list was fetched.
fn last_success(report: &AccountReport) -> Option<DateTime<Utc>> {
    if report.is_published() { report.snapshot.as_ref()?.last_fetched_at } else { report.previous_fetched_at }
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
