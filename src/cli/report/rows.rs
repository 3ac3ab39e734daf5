//! The rows of accounts and runs, as the template shows them.

use chrono::NaiveDate;

use super::super::summary::is_read_in_pages;
use super::super::table::{grouped, signed};
use super::chart::Chart;
use super::gather::{AccountPast, Night, Overview, RunFacts};
use crate::error::Exit;
use crate::report::{AccountReport, Verdict};

/// Runs, and changes, that are shown at once: two weeks of nights. The earlier ones are folded
/// away.
const LATEST: usize = 14;

/// One account.
#[derive(Debug)]
pub(super) struct AccountRow<'a> {
    pub(super) account: &'a AccountPast,
    pub(super) chart: Chart,
    /// Whether another account has a newer list.
    pub(super) is_behind: bool,
    pub(super) nights: Nights<'a>,
}

impl<'a> AccountRow<'a> {
    /// Makes the rows of all accounts, in the order of the pipeline file.
    pub(super) fn all(overview: &'a Overview) -> Vec<Self> {
        let (span, newest) = (overview.span(), overview.newest_date());
        let row = |account: &'a AccountPast| Self {
            account,
            chart: Chart::new(account, span),
            nights: Nights::new(account),
            is_behind: account.list().is_some_and(|list| newest.is_some_and(|newest| newest != list.date)),
        };
        overview.accounts.iter().map(row).collect()
    }

    fn last_verdict(&self) -> Option<Verdict> {
        self.account.last.as_ref().map(|(_, report)| report.verdict)
    }

    /// Returns whether the last run has published the list without some tags.
    fn lacks_tags(&self) -> bool {
        let last = self.account.last.as_ref().map(|(_, report)| report);
        last.is_some_and(|report| report.verdict == Verdict::Failed && report.is_published())
    }

    /// Returns the verdict of the last run as text.
    pub(super) fn verdict(&self) -> &'static str {
        match self.last_verdict() {
            None => "no run yet",
            Some(_) if self.lacks_tags() => "published without some tags",
            Some(verdict) => verdict.as_str(),
        }
    }

    /// Returns the style class of the verdict.
    pub(super) fn mood(&self) -> &'static str {
        match self.last_verdict() {
            Some(_) if self.lacks_tags() => "mild",
            Some(Verdict::Failed) => "bad",
            Some(Verdict::Published | Verdict::AlreadyPublished) => "good",
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

/// The nights whose changes are told, newest first.
#[derive(Debug)]
pub(super) struct Nights<'a> {
    pub(super) latest: Vec<Night<'a>>,
    pub(super) earlier: Vec<Night<'a>>,
    came: u64,
    left: u64,
}

impl<'a> Nights<'a> {
    fn new(account: &'a AccountPast) -> Self {
        let mut latest: Vec<_> = account.nights().rev().collect();
        let sum = |of: fn(&Night<'_>) -> u64| latest.iter().map(of).fold(0, u64::saturating_add);
        let (came, left) = (sum(|night| night.changes.followed), sum(|night| night.changes.unfollowed));
        let earlier = latest.split_off(latest.len().min(LATEST));
        Self { latest, earlier, came, left }
    }

    /// Writes what all of them tell together.
    pub(super) fn in_words(&self) -> String {
        let lists = match self.latest.len() + self.earlier.len() {
            1 => "the only list of changes".to_owned(),
            lists => format!("{lists} lists of changes"),
        };
        let net = signed(i128::from(self.came) - i128::from(self.left));
        format!("{} followed and {} left in {lists}: {net}", grouped(self.came), grouped(self.left))
    }
}

impl Night<'_> {
    /// Writes the numbers that the columns of a night show.
    pub(super) fn counts(&self) -> [String; 5] {
        let changes = self.changes;
        [
            grouped(changes.followed),
            grouped(changes.unfollowed),
            signed(changes.net().unwrap_or(0)),
            grouped(changes.reappeared),
            grouped(changes.holes),
        ]
    }

    /// Returns the date at which the changes begin, if that is not the day before.
    pub(super) fn since(&self) -> Option<NaiveDate> {
        (self.date.pred_opt() != Some(self.since)).then_some(self.since)
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

/// Returns the calls that an account had left before the run, and the percentage of them that the
/// run made; `None` if they are unknown, or not each call is one of them.
pub(super) fn calls_before(report: &AccountReport) -> Option<(u64, u64)> {
    if !is_read_in_pages(report) {
        return None;
    }
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
