//! How far a run has come, for whoever shows it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::config::{Account, Pipeline};
use crate::report::AccountReport;
use crate::source::CallStats;
use crate::wechat::List;

/// The progress of every account and list of a run, accounts in the order of the pipeline file. Reading it disturbs nothing.
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

    /// Returns the lists of the accounts, accounts in the order of the pipeline file.
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

    /// Returns how many followers WeChat states; none before the first page.
    pub fn total(&self) -> Option<u64> {
        self.total.get().map(|total| total.load(Ordering::Relaxed))
    }

    /// Returns what the account has cost so far; none while it waits for its turn.
    pub fn stats(&self) -> Option<&CallStats> {
        self.stats.get().map(Arc::as_ref)
    }

    /// Returns what came of the account; none before it is finished. Of the lists of a replay, the first.
    pub fn report(&self) -> Option<&AccountReport> {
        self.report.get().map(Box::as_ref)
    }

    /// Notes that it is the account's turn, and who counts what it costs.
    pub(super) fn begin(&self, stats: &Arc<CallStats>) {
        // Of the lists of a replay, which cost nothing, the first one has done so.
        let _ = self.stats.set(Arc::clone(stats));
    }

    /// Notes the pages that the journal had before this run, and their followers.
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

    /// Notes that nothing more happens with this account in this run.
    pub(super) fn finish(&self, report: &AccountReport) {
        let _ = self.report.set(Box::new(report.clone()));
    }
}
