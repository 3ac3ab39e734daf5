//! Collects what the page shows from the reports of runs: of each account the last report and a
//! bounded past.

use std::collections::{BTreeMap, HashMap, VecDeque};

use chrono::{DateTime, NaiveDate, Utc};

use super::super::table::account_and_list;
use super::super::told::{has_followers, rows_of};
use crate::config::Pipeline;
use crate::error::Exit;
use crate::report::{AccountReport, ChangesReport, RunReport, SinkState};
use crate::wechat;

/// The lists of an account, and the runs, that are shown: three months of nights, and more points
/// than a chart on a phone has room for.
const PAST: usize = 90;

/// The results of a pipeline's runs.
#[derive(Debug)]
pub(super) struct Overview {
    pub(super) pipeline: String,
    /// The lists of the accounts, accounts in the order of the pipeline file.
    pub(super) accounts: Vec<AccountPast>,
    /// The last runs, oldest first.
    pub(super) runs: VecDeque<RunFacts>,
    /// The places of the accounts by app id, because names change, and list.
    places: HashMap<(String, String), usize>,
}

/// One list of one account.
#[derive(Debug)]
pub(super) struct AccountPast {
    /// The account's name and, if it is not that of the followers, the list's.
    pub(super) name: String,
    /// What the rows of its lists are called.
    pub(super) rows_of: &'static str,
    /// Whether its rows are the followers of the account.
    pub(super) has_followers: bool,
    /// Whether its rows are changes.
    pub(super) has_changes: bool,
    pub(super) app_id: String,
    /// When the last run of the account began, and its reports as one; `None` before the first run.
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
    pub(super) rows: u64,
    /// What it tells, if it is a list of changes.
    changes: Option<ChangesReport>,
}

/// The changes that one list tells, of one night or of several.
#[derive(Clone, Copy, Debug)]
pub(super) struct Night<'a> {
    /// When the list was read.
    pub(super) at: DateTime<Utc>,
    /// Its logical date.
    pub(super) date: NaiveDate,
    /// The date at which the changes begin.
    pub(super) since: NaiveDate,
    pub(super) changes: &'a ChangesReport,
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

impl Overview {
    /// Makes an overview without any run.
    pub(super) fn new(pipeline: &Pipeline) -> Self {
        let (mut places, mut accounts) = (HashMap::new(), Vec::new());
        for account in &pipeline.accounts {
            for list in pipeline.lists() {
                places.insert((account.app_id.clone(), list.name().to_owned()), accounts.len());
                accounts.push(AccountPast {
                    name: account_and_list(&account.name, list.name()),
                    rows_of: rows_of(list.name()),
                    has_followers: has_followers(list.name()),
                    has_changes: list == wechat::List::CHANGES,
                    app_id: account.app_id.clone(),
                    last: None,
                    lists: BTreeMap::new(),
                    failures: VecDeque::new(),
                });
            }
        }
        Self { pipeline: pipeline.name.clone(), places, accounts, runs: VecDeque::new() }
    }

    /// Adds a run, which is newer than those before.
    pub(super) fn add(&mut self, run: RunReport) {
        let good = run.accounts.iter().filter(|account| account.is_published()).count() as u64;
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
        let mut of_accounts: BTreeMap<usize, Vec<AccountReport>> = BTreeMap::new();
        for report in run.accounts {
            let key = (report.app_id.clone(), report.list.clone());
            if let Some(&place) = self.places.get(&key) {
                of_accounts.entry(place).or_default().push(report);
            }
        }
        for (place, reports) in of_accounts {
            self.accounts[place].add(run.begun_at, reports);
        }
    }

    /// Returns the date of the newest list of all.
    pub(super) fn newest_date(&self) -> Option<NaiveDate> {
        self.accounts.iter().filter_map(AccountPast::list).map(|list| list.date).max()
    }

    /// Returns the first and the last instant of all charts. Without any, no chart is drawn.
    pub(super) fn span(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let instants =
            self.accounts.iter().flat_map(|account| account.lists().map(|list| list.at).chain(account.failures()));
        let none = (DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC);
        instants.fold(none, |(first, last), at| (first.min(at), last.max(at)))
    }
}

impl AccountPast {
    /// Adds the reports of one run, one for each date.
    fn add(&mut self, begun_at: DateTime<Utc>, reports: Vec<AccountReport>) {
        for (report, list) in reports.iter().filter_map(|report| Some((report, report.snapshot.as_ref()?))) {
            let at = list.last_fetched_at.unwrap_or(begun_at);
            let walk = (list.walk.begun_at(), list.walk.number());
            self.lists.insert(walk, List { at, date: list.date, rows: list.rows, changes: report.changes.clone() });
            if self.lists.len() > PAST {
                self.lists.pop_first();
            }
        }
        if reports.iter().any(|report| !report.is_published()) {
            push_bounded(&mut self.failures, begun_at);
        }
        self.last = reports.into_iter().reduce(combined).map(|report| (begun_at, report));
    }

    /// Returns the lists, oldest first.
    pub(super) fn lists(&self) -> impl ExactSizeIterator<Item = &List> {
        self.lists.values()
    }

    /// Returns the lists that tell changes, oldest first.
    pub(super) fn nights(&self) -> impl DoubleEndedIterator<Item = Night<'_>> {
        self.lists.values().filter_map(|list| {
            let changes = list.changes.as_ref()?;
            Some(Night { at: list.at, date: list.date, since: changes.since?, changes })
        })
    }

    /// Returns the newest list, even if the last run has none.
    pub(super) fn list(&self) -> Option<&List> {
        self.lists.values().next_back()
    }

    /// Returns when the runs without a list began, oldest first.
    pub(super) fn failures(&self) -> impl ExactSizeIterator<Item = DateTime<Utc>> {
        self.failures.iter().copied()
    }
}

/// Returns one report for two dates of a run: the later one, with the calls of both, and with what
/// went wrong for the earlier one, if that is worse.
fn combined(earlier: AccountReport, mut later: AccountReport) -> AccountReport {
    later.calls += earlier.calls;
    later.retries += earlier.retries;
    later.seconds += earlier.seconds;
    later.batches = later.batches.or(earlier.batches);
    for outcome in earlier.sinks.into_iter().filter(|outcome| matches!(outcome.state, SinkState::Failed { .. })) {
        later.sinks.retain(|other| other.sink != outcome.sink);
        later.sinks.push(outcome);
    }
    if earlier.verdict > later.verdict {
        (later.verdict, later.exit) = (earlier.verdict, earlier.exit);
        let date = earlier.date.map_or_else(String::new, |date| format!("{date}: "));
        later.error = earlier.error.map(|error| format!("{date}{error}"));
        later.hint = earlier.hint;
    }
    later
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() == PAST {
        queue.pop_front();
    }
    queue.push_back(item);
}
