//! How far a run is.
//!
//! The units write it while they run; the progress display of `cli` and `metrics` read it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use crate::config::{Account, Pipeline};
use crate::report::{AccountReport, BatchesReport, Verdict};
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
    state: Mutex<State>,
    reports: OnceLock<Vec<AccountReport>>,
}

/// What changes while a unit runs.
#[derive(Debug, Default)]
struct State {
    /// The walk that runs now, or the last one.
    walk: WalkProgress,
    /// What is known of the batches of that walk; `None` if it is read in pages.
    batches: Option<Batches>,
    /// The pages of the walks that have run before it.
    pages_of_others: u64,
    /// The counters of each walk, in order.
    stats: Vec<Arc<CallStats>>,
}

/// The progress of one walk.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct WalkProgress {
    /// Its pages in the journal.
    pub pages: u64,
    /// Those of them that earlier runs have read.
    pub pages_before: u64,
    /// The followers in its pages.
    pub followers: u64,
    /// The `total` that WeChat stated last; `None` before the first page.
    pub total: Option<u64>,
    /// How far its batches are, if it is read in batches. `pages` are those that have a reply then,
    /// and `followers` their elements.
    pub batches: Option<BatchesReport>,
}

/// The batches of a walk.
#[derive(Clone, Copy, Debug)]
struct Batches {
    all: u64,
    /// How many of the day's calls one takes, if that was measured.
    cost: Option<u64>,
    /// The calls for batches that a day has, once that was asked.
    calls_a_day: Option<u64>,
    /// When this run began to ask for them, and when it got its last reply.
    between: (Instant, Instant),
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

    /// Returns the progress of the walk that runs now, or of the last one.
    pub fn walk(&self) -> WalkProgress {
        let state = self.state();
        let walk = state.walk;
        let report = |Batches { all, cost, calls_a_day, between: (began, last) }: Batches| {
            let (read, seconds) = (walk.pages - walk.pages_before, (last - began).as_secs_f64());
            let per_second = (read > 0 && seconds > 0.0).then(|| read as f64 / seconds);
            BatchesReport::new(all, walk.pages, per_second, cost, calls_a_day)
        };
        WalkProgress { batches: state.batches.map(report), ..walk }
    }

    /// Returns how many pages the walks of this run have in the journal, those of earlier runs
    /// included.
    pub fn pages(&self) -> u64 {
        let state = self.state();
        state.pages_of_others + state.walk.pages
    }

    /// Returns whether the unit has begun.
    pub fn has_begun(&self) -> bool {
        !self.state().stats.is_empty()
    }

    /// Returns how many calls for pages were made, failed ones included.
    pub fn calls(&self) -> u64 {
        self.state().stats.iter().map(|stats| stats.calls()).sum()
    }

    /// Returns how many tries beyond the first were made, of all calls.
    pub fn retries(&self) -> u64 {
        self.state().stats.iter().map(|stats| stats.retries()).sum()
    }

    /// Returns a report of each walk, in the order in which they ran; `None` before the unit is
    /// finished.
    pub fn reports(&self) -> Option<&[AccountReport]> {
        self.reports.get().map(Vec::as_slice)
    }

    /// Returns the worst verdict of the walks; `None` before the unit is finished.
    pub fn verdict(&self) -> Option<Verdict> {
        self.reports()?.iter().map(|report| report.verdict).max()
    }

    /// Notes that a walk begins, and which counters its calls have.
    pub(super) fn begin_walk(&self, counters: &Arc<CallStats>) {
        let mut state = self.state();
        let last = std::mem::take(&mut state.walk);
        state.batches = None;
        state.pages_of_others += last.pages;
        state.stats.push(Arc::clone(counters));
    }

    /// Notes what the journal had before this run; `pages_before` are those of an open walk.
    pub(super) fn resume(&self, pages: u64, followers: u64, pages_before: u64) {
        self.state().walk = WalkProgress { pages, pages_before, followers, ..WalkProgress::default() };
    }

    pub(super) fn add_page(&self, followers: u64) {
        let mut state = self.state();
        state.walk.pages += 1;
        state.walk.followers += followers;
        if let Some(batches) = &mut state.batches {
            batches.between.1 = Instant::now();
        }
    }

    /// Notes that the walk reads a list of `rows` elements in `batches`, and asks for them from now
    /// on.
    pub(super) fn set_batches(&self, batches: u64, rows: u64) {
        let mut state = self.state();
        state.walk.total = Some(rows);
        let now = Instant::now();
        state.batches = Some(Batches { all: batches, cost: None, calls_a_day: None, between: (now, now) });
    }

    /// Notes how many of the day's calls a batch takes.
    pub(super) fn set_cost(&self, cost: u64) {
        if let Some(batches) = &mut self.state().batches {
            batches.cost = Some(cost);
        }
    }

    /// Notes how many calls for batches a day has.
    pub(super) fn set_calls_a_day(&self, calls: u64) {
        if let Some(batches) = &mut self.state().batches {
            batches.calls_a_day = Some(calls);
        }
    }

    pub(super) fn set_total(&self, total: Option<u64>) {
        let walk = &mut self.state().walk;
        walk.total = total.or(walk.total);
    }

    /// Returns the pages or batches of the whole list, as far as the walk can tell: all pages but
    /// the last are full.
    pub(super) fn expected_pages(&self) -> Option<u64> {
        let walk = self.walk();
        if let Some(batches) = walk.batches {
            return Some(batches.all);
        }
        let size = walk.followers.checked_div(walk.pages)?.max(1);
        Some(walk.total?.div_ceil(size))
    }

    /// Notes that the unit is finished.
    pub(super) fn finish(&self, reports: &[AccountReport]) {
        // A unit finishes once.
        let _ = self.reports.set(reports.to_vec());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
