//! What the accounts of a run share.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use super::account_tokens::{AccountTokens, OwnedTokens};
use super::budget::Budget;
use super::keys::{identity, lock_holder};
use super::progress::Progress;
use super::run_options::RunOptions;
use super::slots::Slots;
use crate::config::{Account, Pipeline};
use crate::error::Error;
use crate::journal::{JournalError, ListState};
use crate::registry::BoundSink;
use crate::report::{AccountReport, Verdict};
use crate::source::Client;
use crate::wechat::List;

/// What the accounts of a run share.
#[derive(Debug)]
pub(super) struct RunContext {
    pub(super) pipeline: Pipeline,
    /// One for each account and list, accounts in the order of `pipeline`.
    pub(super) units: Vec<Unit>,
    /// Those of `pipeline`, for the sinks.
    pub(super) account_names: Arc<[String]>,
    pub(super) client: Client,
    /// One for each account of `pipeline`.
    pub(super) tokens: Vec<AccountTokens>,
    pub(super) budget: Budget,
    pub(super) slots: Slots,
    /// Its entries are in the order of `units`.
    pub(super) progress: Arc<Progress>,
    /// Ends the walks between two pages.
    pub(super) stop: CancellationToken,
    pub(super) options: RunOptions,
    /// The account that ended the run by failing, where the first one does.
    pub(super) failed_first: OnceLock<String>,
}

/// One list of one account.
#[derive(Debug)]
pub(super) struct Unit {
    /// The account's place in the pipeline file.
    pub(super) account: usize,
    pub(super) list: List,
    /// The sinks that take the list; none in a replay to sinks of other lists.
    pub(super) sinks: Arc<[BoundSink]>,
}

impl RunContext {
    pub(super) fn account(&self, unit: usize) -> &Account {
        &self.pipeline.accounts[self.units[unit].account]
    }

    /// Makes the report on a unit, in which nothing has happened yet.
    pub(super) fn report(&self, unit: usize) -> AccountReport {
        AccountReport::new(self.account(unit), self.units[unit].list)
    }

    /// Returns the tokens of the unit's account.
    pub(super) fn tokens(&self, unit: usize) -> Result<Arc<OwnedTokens>, Error> {
        let tokens = &self.tokens[self.units[unit].account];
        tokens.shared(&self.pipeline, self.account(unit), &self.client)
    }

    /// Takes the unit's state, with the lock of its list.
    pub(super) fn state(&self, unit: usize) -> Result<ListState, JournalError> {
        let identity = identity(&self.pipeline, self.account(unit), self.units[unit].list);
        ListState::open(&self.pipeline.journal.path, identity, &lock_holder(&self.pipeline))
    }

    /// Waits for something, unless the run is to stop.
    pub(super) async fn or_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Error::Interrupted),
            result = work => Ok(result),
        }
    }

    /// Looks at what came of an account: under `--fail-fast`, the first one that fails stops the others.
    pub(super) fn note(&self, report: &AccountReport) {
        if self.options.fail_fast
            && report.verdict == Verdict::Failed
            && !self.stop.is_cancelled()
            && self.failed_first.set(report.account.clone()).is_ok()
        {
            tracing::warn!(
                account = report.account,
                "the account failed; the others stop, for `--fail-fast` was asked for"
            );
            self.stop.cancel();
        }
    }

    /// Tells apart why an account was stopped: by a person, or by another account.
    pub(super) fn why_stopped(&self, error: Error) -> Error {
        match (error, self.failed_first.get()) {
            (Error::Interrupted, Some(account)) => Error::FailedFast { account: account.clone() },
            (error, _) => error,
        }
    }
}
