//! From the reports of runs to what a page shows: of each account its last report and a bounded past.

use std::collections::{BTreeMap, HashMap, VecDeque};

use chrono::{DateTime, NaiveDate, Utc};

use crate::config::Pipeline;
use crate::error::Exit;
use crate::report::{AccountReport, RunReport, Verdict};

/// As much of the past is shown, of each account and of the runs: three months of nights, and more points than a chart on a
/// phone has room for.
const PAST: usize = 90;

/// What the runs of a pipeline came to.
#[derive(Debug)]
pub(super) struct Overview {
    pub(super) pipeline: String,
    /// The accounts, in the order of the pipeline file.
    pub(super) accounts: Vec<AccountPast>,
    /// The last runs, oldest first.
    pub(super) runs: VecDeque<RunFacts>,
    /// Where the accounts are, by app id: names change.
    places: HashMap<String, usize>,
}

/// One account.
#[derive(Debug)]
pub(super) struct AccountPast {
    pub(super) name: String,
    pub(super) app_id: String,
    /// When the last run of the account began, and its report; `None` before the first run.
    pub(super) last: Option<(DateTime<Utc>, AccountReport)>,
    /// The lists by the beginning and the number of their walks, the oldest first.
    lists: BTreeMap<(DateTime<Utc>, u64), List>,
    /// When the runs without a list began.
    failures: VecDeque<DateTime<Utc>>,
}

/// One list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct List {
    /// When it was read.
    pub(super) at: DateTime<Utc>,
    /// Its logical date.
    pub(super) date: NaiveDate,
    pub(super) followers: u64,
}

/// One run.
#[derive(Debug)]
pub(super) struct RunFacts {
    pub(super) begun_at: DateTime<Utc>,
    pub(super) shard: Option<String>,
    pub(super) exit: Exit,
    pub(super) good: u64,
    pub(super) failed: u64,
    pub(super) calls: u64,
    pub(super) seconds: f64,
}

/// Returns whether an account has its list, and every required sink has it.
pub(super) fn is_good(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Published | Verdict::AlreadyPublished)
}

impl Overview {
    /// Makes the page of accounts of which nothing is known yet.
    pub(super) fn new(pipeline: &Pipeline) -> Self {
        let past = |(name, app_id): (&String, &String)| AccountPast {
            name: name.clone(),
            app_id: app_id.clone(),
            last: None,
            lists: BTreeMap::new(),
            failures: VecDeque::new(),
        };
        let accounts = pipeline.accounts.iter();
        let places = accounts.clone().enumerate().map(|(place, account)| (account.app_id.clone(), place));
        Self {
            pipeline: pipeline.name.clone(),
            places: places.collect(),
            accounts: accounts.map(|account| past((&account.name, &account.app_id))).collect(),
            runs: VecDeque::new(),
        }
    }

    /// Adds a run that is newer than those before.
    pub(super) fn add(&mut self, run: RunReport) {
        let good = run.accounts.iter().filter(|account| is_good(account.verdict)).count() as u64;
        let facts = RunFacts {
            begun_at: run.begun_at,
            shard: run.shard,
            exit: run.exit,
            good,
            failed: run.accounts.len() as u64 - good,
            calls: run.accounts.iter().map(|account| account.calls).sum(),
            seconds: run.seconds,
        };
        push_bounded(&mut self.runs, facts);
        for report in run.accounts {
            if let Some(&place) = self.places.get(&report.app_id) {
                self.accounts[place].add(run.begun_at, report);
            }
        }
    }

    /// Returns the date of the newest list of all.
    pub(super) fn newest_date(&self) -> Option<NaiveDate> {
        self.accounts.iter().filter_map(AccountPast::list).map(|list| list.date).max()
    }

    /// Returns the first and the last instant of all charts; what it returns without any is in no chart.
    pub(super) fn span(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let instants =
            self.accounts.iter().flat_map(|account| account.lists().map(|list| list.at).chain(account.failures()));
        let none = (DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC);
        instants.fold(none, |(first, last), at| (first.min(at), last.max(at)))
    }
}

impl AccountPast {
    fn add(&mut self, begun_at: DateTime<Utc>, report: AccountReport) {
        if let Some(list) = &report.snapshot {
            let at = list.last_fetched_at.unwrap_or(begun_at);
            let walk = (list.walk.begun_at(), list.walk.number());
            self.lists.insert(walk, List { at, date: list.date, followers: list.rows });
            if self.lists.len() > PAST {
                self.lists.pop_first();
            }
        }
        if !is_good(report.verdict) {
            push_bounded(&mut self.failures, begun_at);
        }
        self.last = Some((begun_at, report));
    }

    /// Returns the lists, oldest first.
    pub(super) fn lists(&self) -> impl ExactSizeIterator<Item = &List> {
        self.lists.values()
    }

    /// Returns the last list that there is, whatever the last run came to.
    pub(super) fn list(&self) -> Option<&List> {
        self.lists.values().next_back()
    }

    /// Returns when the runs without a list began, oldest first.
    pub(super) fn failures(&self) -> impl ExactSizeIterator<Item = DateTime<Utc>> {
        self.failures.iter().copied()
    }
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() == PAST {
        queue.pop_front();
    }
    queue.push_back(item);
}
