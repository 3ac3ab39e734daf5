//! How far a run is.
//!
//! The units write it while they run; the progress display of `cli` and `metrics` read it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::config::{Account, Pipeline};
use crate::report::AccountReport;
use crate::source::CallStats;
use crate::wechat::List;

/// The progress of every list of every account of a run, accounts in the order of the pipeline
/// file. Reading it does not disturb the run.
#[derive(Debug)]
pub struct Progress {
    units: Vec<UnitProgress>,
}

/// The progress of one list of one account.
#[derive(Debug, Default)]
pub struct UnitProgress {
    account: String,
    list: List,
    pages: AtomicU64,
    followers: AtomicU64,
    total: OnceLock<AtomicU64>,
    stats: OnceLock<Arc<CallStats>>,
    report: OnceLock<Box<AccountReport>>,
}

impl Progress {
    /// Makes the progress of a run of `pipeline` that has not begun.
    pub fn new(pipeline: &Pipeline) -> Self {
        let lists = pipeline.lists();
        let unit =
            |account: &Account, list| UnitProgress { account: account.name.clone(), list, ..UnitProgress::default() };
        let units = pipeline.accounts.iter().flat_map(|account| lists.iter().map(move |&list| unit(account, list)));
        Self { units: units.collect() }
    }

    /// Returns the progress of each list, accounts in the order of the pipeline file.
    pub fn units(&self) -> &[UnitProgress] {
        &self.units
    }
}

impl UnitProgress {
    /// Returns the account's name.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Returns the list.
    pub fn list(&self) -> List {
        self.list
    }

    /// Returns how many pages of the walk are in the journal.
    pub fn pages(&self) -> u64 {
        self.pages.load(Ordering::Relaxed)
    }

    /// Returns how many followers those pages hold.
    pub fn followers(&self) -> u64 {
        self.followers.load(Ordering::Relaxed)
    }

    /// Returns the `total` that WeChat stated last; `None` before the first page.
    pub fn total(&self) -> Option<u64> {
        self.total.get().map(|total| total.load(Ordering::Relaxed))
    }

    /// Returns the counters of the calls; `None` before the unit begins.
    pub fn stats(&self) -> Option<&CallStats> {
        self.stats.get().map(Arc::as_ref)
    }

    /// Returns the report; `None` before the unit is finished. In a replay it is the report of the
    /// first walk.
    pub fn report(&self) -> Option<&AccountReport> {
        self.report.get().map(Box::as_ref)
    }

    /// Notes that the unit begins, and which counters its calls have.
    pub(super) fn begin(&self, stats: &Arc<CallStats>) {
        // In a replay the first walk has set it; the others make no calls either.
        let _ = self.stats.set(Arc::clone(stats));
    }

    /// Notes the pages and followers that the journal had before this run.
    pub(super) fn resume(&self, pages: u64, followers: u64) {
        self.pages.store(pages, Ordering::Relaxed);
        self.followers.store(followers, Ordering::Relaxed);
    }

    pub(super) fn add_page(&self, followers: u64) {
        self.pages.fetch_add(1, Ordering::Relaxed);
        self.followers.fetch_add(followers, Ordering::Relaxed);
    }

    pub(super) fn set_total(&self, total: Option<u64>) {
        if let Some(total) = total {
            self.total.get_or_init(AtomicU64::default).store(total, Ordering::Relaxed);
        }
    }

    /// Notes that the unit is finished.
    pub(super) fn finish(&self, report: &AccountReport) {
        // In a replay the report of the first walk stays.
        let _ = self.report.set(Box::new(report.clone()));
    }
}
