//! What the units of a run share.
//!
//! `run`, `replay` and `check` make one [`RunContext`] each; every [unit](super::unit) holds it.

use std::sync::{Arc, OnceLock};

use fanout_sink::files::Trials;
use tokio_util::sync::CancellationToken;

use super::account_tokens::{AccountTokens, OwnedTokens};
use super::budget::Budget;
use super::keys::{identity, lock_holder};
use super::limits::Limits;
use super::needs::Needs;
use super::one_shot::OneShotSinks;
use super::progress::Progress;
use super::run_options::RunOptions;
use super::slots::Slots;
use super::threads::{DiskWork, Threads};
use crate::config::{Account, ConfigErrors, Pipeline};
use crate::error::Error;
use crate::journal::{JournalError, JournalTrials, ListFolder, ListState};
use crate::registry::BoundSink;
use crate::report::{AccountReport, Verdict};
use crate::source::{Client, SourceError};
use crate::wechat::List;

/// What the units of a run share. Its methods name a unit by its index in `units`.
#[derive(Debug)]
pub(super) struct RunContext {
    pub(super) pipeline: Pipeline,
    /// One for each account and list, accounts in the order of `pipeline`.
    pub(super) units: Vec<Unit>,
    /// In the order of `units`.
    pub(super) progress: Arc<Progress>,
    pub(super) options: RunOptions,
    pub(super) client: Client,
    pub(super) budget: Budget,
    pub(super) slots: Slots,
    pub(super) disk: DiskWork,
    pub(super) threads: Threads,
    pub(super) one_shot: OneShotSinks,
    /// Ends the walks between two pages.
    pub(super) stop: CancellationToken,
    /// The names in `pipeline.accounts`, for the sinks.
    pub(super) account_names: Arc<[String]>,
    /// One for each account of `pipeline`.
    tokens: Vec<AccountTokens>,
    /// What the sinks of files have tried.
    pub(super) trials: Trials,
    /// Where the journal was tried.
    pub(super) journal_trials: JournalTrials,
    /// The account whose failure stopped the run under `--fail-fast`.
    failed_first: OnceLock<String>,
}

/// One list of one account within a run.
#[derive(Debug)]
pub(super) struct Unit {
    /// The account's index in `pipeline.accounts`.
    pub(super) account: usize,
    pub(super) list: List,
    /// The sinks that take the list; empty in a replay to sinks of other lists, and if the list is
    /// read only because another one rests on it.
    pub(super) sinks: Arc<[BoundSink]>,
}

impl RunContext {
    /// Makes the context of a run of `pipeline` to `sinks`. No API call is made yet.
    ///
    /// # Errors
    ///
    /// [`ConfigErrors`] if `limits.memory` does not suffice or `source.ca_file` is wrong;
    /// [`SourceError`] if the client cannot be made; [`Error::Limit`] if the system does not give
    /// this process the threads and open files of the run.
    pub(super) fn new(
        pipeline: Pipeline,
        sinks: &[BoundSink],
        options: RunOptions,
        progress: Arc<Progress>,
        stop: CancellationToken,
    ) -> Result<Arc<Self>, Error> {
        let limits = Limits::of(&pipeline, sinks)?;
        tracing::debug!(memory = limits.memory, deliveries = limits.deliveries, "the limits of the run");
        let sinks_of = |list| sinks.iter().filter(|sink| sink.section().list == list).cloned().collect();
        let lists: Vec<(List, Arc<[BoundSink]>)> =
            pipeline.lists().into_iter().map(|list| (list, sinks_of(list))).collect();
        let units_of =
            |account| lists.iter().map(move |(list, sinks)| Unit { account, list: *list, sinks: Arc::clone(sinks) });
        let units: Vec<Unit> = (0..pipeline.accounts.len()).flat_map(units_of).collect();
        let publishing = Needs::of(&pipeline, sinks, units.len(), limits.deliveries).check()?;
        let client = Client::new(&pipeline.source, &pipeline.limits).map_err(|error| match error {
            SourceError::CaFile { .. } => {
                ConfigErrors::from(pipeline.problem("source.ca_file", error.to_string())).into()
            }
            error => Error::from(error),
        })?;
        Ok(Arc::new(Self {
            units,
            progress,
            options,
            client,
            budget: Budget::new(limits.shared),
            slots: Slots::new(limits.deliveries, publishing),
            disk: DiskWork::new(publishing),
            threads: Threads::default(),
            one_shot: OneShotSinks::of(lists.iter().flat_map(|(_, sinks)| sinks.iter())),
            stop,
            account_names: pipeline.account_names.as_slice().into(),
            tokens: pipeline.accounts.iter().map(|_| AccountTokens::default()).collect(),
            trials: Trials::default(),
            journal_trials: JournalTrials::default(),
            failed_first: OnceLock::new(),
            pipeline,
        }))
    }

    pub(super) fn account(&self, unit: usize) -> &Account {
        &self.pipeline.accounts[self.units[unit].account]
    }

    /// Returns the unit of the list on which this one's list rests, which comes before it; `None`
    /// if the list rests on none.
    pub(super) fn input_of(&self, unit: usize) -> Option<usize> {
        let &Unit { account, list, .. } = &self.units[unit];
        let input = list.rests_on()?;
        self.units[..unit].iter().rposition(|other| other.account == account && other.list == input)
    }

    /// Makes the report of a unit to which nothing has happened yet.
    pub(super) fn report(&self, unit: usize) -> AccountReport {
        AccountReport::new(self.account(unit), self.units[unit].list)
    }

    /// Returns the tokens of the unit's account.
    pub(super) fn tokens(&self, unit: usize) -> Result<Arc<OwnedTokens>, Error> {
        let tokens = &self.tokens[self.units[unit].account];
        tokens.get(&self.pipeline, self.account(unit), &self.client)
    }

    /// Returns the folder of the unit's list, for a look that needs no lock.
    pub(super) fn folder(&self, unit: usize) -> ListFolder {
        let identity = identity(&self.pipeline, self.account(unit), self.units[unit].list);
        ListFolder::new(&self.pipeline.journal.path, identity)
    }

    /// Opens the unit's state, takes the lock of its list, and tries out its folder.
    pub(super) fn state(&self, unit: usize) -> Result<ListState, JournalError> {
        let identity = identity(&self.pipeline, self.account(unit), self.units[unit].list);
        let state = ListState::open(&self.pipeline.journal.path, identity, &lock_holder(&self.pipeline))?;
        state.try_out(&self.journal_trials)?;
        Ok(state)
    }

    /// Waits for `work`.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] if the run is to stop.
    pub(super) async fn or_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Error::Interrupted),
            result = work => Ok(result),
        }
    }

    /// Stops the run under `--fail-fast` if `report` is the first one of a failure.
    pub(super) fn apply_fail_fast(&self, report: &AccountReport) {
        if self.options.fail_fast
            && report.verdict == Verdict::Failed
            && !self.stop.is_cancelled()
            && self.failed_first.set(report.account.clone()).is_ok()
        {
            tracing::warn!(account = report.account, "the account failed, and `--fail-fast` stops the others");
            self.stop.cancel();
        }
    }

    /// Replaces [`Error::Interrupted`] by [`Error::FailedFast`] if `--fail-fast` stopped the run.
    pub(super) fn why_stopped(&self, error: Error) -> Error {
        match (error, self.failed_first.get()) {
            (Error::Interrupted, Some(account)) => Error::FailedFast { account: account.clone() },
            (error, _) => error,
        }
    }
}
