//! What the page shows of an account and of a run beside the numbers in their reports.
//!
//! Stands between what [`gather`](super::gather) has collected and the template, which calls it.

use super::chart::Chart;
use super::gather::{AccountPast, Overview, RunFacts, is_good};
use crate::error::Exit;
use crate::report::{AccountReport, Verdict};

/// Runs that are shown at once: two weeks of nights. The earlier ones are folded away.
const LATEST: usize = 14;

/// One account.
#[derive(Debug)]
pub(super) struct AccountRow<'a> {
    pub(super) account: &'a AccountPast,
    pub(super) chart: Chart,
    /// Whether another account has a newer list.
    pub(super) is_behind: bool,
}

impl<'a> AccountRow<'a> {
    /// Makes the rows of all accounts, in the order of the pipeline file.
    pub(super) fn all(overview: &'a Overview) -> Vec<Self> {
        let (span, newest) = (overview.span(), overview.newest_date());
        let row = |account: &'a AccountPast| Self {
            account,
            chart: Chart::new(account, span),
            is_behind: account.list().is_some_and(|list| newest.is_some_and(|newest| newest != list.date)),
        };
        overview.accounts.iter().map(row).collect()
    }

    fn last_verdict(&self) -> Option<Verdict> {
        self.account.last.as_ref().map(|(_, report)| report.verdict)
    }

    /// Returns what came of the last run, as text.
    pub(super) fn verdict(&self) -> &'static str {
        self.last_verdict().map_or("no run yet", Verdict::as_str)
    }

    /// Returns the style class of the verdict.
    pub(super) fn mood(&self) -> &'static str {
        match self.last_verdict() {
            Some(Verdict::Failed) => "bad",
            Some(verdict) if is_good(verdict) => "good",
            _ => "mild",
        }
    }

    /// Returns how bad the verdict is, for sorting.
    pub(super) fn severity(&self) -> u8 {
        match self.mood() {
            "bad" => 3,
            "mild" => 2,
            _ => u8::from(self.last_verdict() == Some(Verdict::Published)),
        }
    }

    /// Returns the text that the filter of the page searches.
    pub(super) fn searched(&self) -> String {
        format!("{} {} {}", self.account.name, self.account.app_id, self.verdict()).to_lowercase()
    }
}

/// The runs, newest first.
#[derive(Debug)]
pub(super) struct RunRows<'a> {
    pub(super) latest: Vec<&'a RunFacts>,
    pub(super) earlier: Vec<&'a RunFacts>,
    /// Seconds of the longest run.
    pub(super) longest: f64,
    pub(super) has_shards: bool,
}

impl<'a> RunRows<'a> {
    pub(super) fn new(overview: &'a Overview) -> Self {
        let mut latest: Vec<_> = overview.runs.iter().rev().collect();
        let earlier = latest.split_off(latest.len().min(LATEST));
        Self {
            latest,
            earlier,
            longest: overview.runs.iter().map(|run| run.seconds).fold(0.0, f64::max),
            has_shards: overview.runs.iter().any(|run| run.shard.is_some()),
        }
    }

    /// Returns how long a run took, in percent of the longest one.
    pub(super) fn share(&self, run: &RunFacts) -> u64 {
        (run.seconds * 100.0 / self.longest.max(f64::MIN_POSITIVE)) as u64
    }
}

/// Returns the calls that an account had left before the run, and the percentage of them that the run made; `None` if it is
/// not known.
pub(super) fn calls_before(report: &AccountReport) -> Option<(u64, u64)> {
    let all = report.calls.saturating_add(report.calls_left?);
    Some((all, report.calls.saturating_mul(100) / all.max(1)))
}

/// Returns the style class and the meaning of an exit code.
pub(super) fn exit(exit: Exit) -> (&'static str, &'static str) {
    match exit {
        Exit::Done => ("good", "complete"),
        Exit::Failed => ("bad", "a person must act"),
        Exit::Usage => ("bad", "wrong file"),
        Exit::Later => ("mild", "try later"),
        Exit::Interrupted => ("mild", "interrupted"),
    }
}
